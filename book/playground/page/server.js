/** Calls to the worker, one after the other. */

import { SettingError } from "../engine/settings.js";

export class Server {
  /** @param {string} source of the worker: an expression of its module */
  constructor(source) {
    const script = new Blob([`(${source}).serve(self);`], { type: "text/javascript" });
    this.worker = new Worker(URL.createObjectURL(script));
    this.waiting = new Map();
    this.last = 0;
    this.worker.onmessage = ({ data: { id, value, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(new SettingError(error));
    };
  }

  call(call, argument = {}) {
    const id = (this.last += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, argument });
    });
  }
}
