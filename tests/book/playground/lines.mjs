import { createInterface } from "node:readline";

/** Answer calls, one JSON line in and one out, by functions named in an object. */
export async function answerLines(answers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { name, arguments: given } = JSON.parse(line);
    let answer;
    try {
      answer = { value: answers[name](given) };
    } catch (error) {
      answer = { error: `${error.constructor.name}: ${error.message}` };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
}
