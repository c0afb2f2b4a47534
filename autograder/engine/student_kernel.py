"""Runs a student's cells in a kernel, and asks the kernel for snapshots."""

import asyncio
import re
import time

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError
from nbformat import from_dict
from nbformat.v4 import new_notebook, new_output

from autograder import sandbox
from autograder.engine import messages
from autograder.engine.protocol import utf8

SHOWN = 400_000  # characters of one cell's output that are kept
STARTING = 120  # seconds that a kernel may take to start
ANSWERING = 20.0  # seconds that a kernel may take to answer when nothing runs in it
STOPPING = 5.0  # and after an interrupt
MIME = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", re.IGNORECASE)


class Ended(Exception):
    """The kernel is no more, or given up; the message says why, for its author.

    Attributes:
        known: whether what ran is known to be the cause, and not only what ran when it was noticed.
    """

    def __init__(self, reason, known=False):
        super().__init__(reason)
        self.known = known


class StudentKernel:
    """One kernel, from its start to its end.

    Args:
        manager: kernel manager, nothing started yet.
        limits: sandbox.Limits; of them, `output` and `output_messages` are counted here.
        seconds: for one cell.
        deadline: Deadline of the notebook; nothing here waits longer.
        log: logger.
    """

    def __init__(self, manager, limits, seconds, deadline, log):
        self.manager, self.limits, self.deadline, self.log = manager, limits, deadline, log
        self.client = _Client(
            new_notebook(),
            km=manager,
            timeout=seconds,
            interrupt_on_timeout=False,
            allow_errors=True,
            allow_error_names=[],
            record_timing=False,
            store_widget_state=False,
            startup_timeout=max(1, int(deadline.at_most(STARTING))),
            shutdown_kernel="immediate",
        )
        self.client.limits, self.client.log = limits, log
        self.seconds = seconds

    async def start(self):
        """Raises whatever a kernel that does not start raises."""
        await self.manager.start_kernel()
        await self.client.async_start_new_kernel_client()

    async def stop(self):
        if self.client.km is not None:
            await self.client._async_cleanup_kernel()

    def processor_time(self):
        """Seconds of processor time of all its processes, once it is stopped; 0.0 without a sandbox."""
        report = getattr(self.manager.provisioner, "report", None)
        return report["cpu"] if report and "cpu" in report else 0.0

    async def run(self, cell):
        """Run a cell; its outputs are then in the cell, and hold nothing that is no output.

        Returns: None, or why the cell was interrupted.
        Raises: Ended.
        """
        client, late = self.client, None
        client.nb = new_notebook(cells=[cell])
        client.timeout = max(1, int(self.deadline.at_most(self.seconds)))
        client.reset_execution_trackers()
        client.begin_cell()
        try:
            await client.async_execute_cell(cell, 0, store_history=True)
        except CellTimeoutError:
            late = f"this cell took more than {client.timeout} s"
            await self._interrupt(late)
        except Exception as error:  # the kernel died, or sent what nbclient cannot read
            self.log.debug("student's kernel: %r", error)
            raise Ended(await self._reason("the kernel sent what is no message")) from error
        finally:
            cell.outputs = clean(cell.get("outputs", []))
            if client.kept > SHOWN:
                note = f"\n[more than {SHOWN} characters of output: the rest is not kept]\n"
                cell.outputs.append(new_output("stream", name="stdout", text=note))
        if client.total > self.limits.output or client.messages > self.limits.output_messages:
            raise Ended(await self._reason("this cell's output is above the limit"))
        if late:
            cell.outputs.append(error_output("Timeout", late))
        return late

    async def prepare(self):
        """Import the engine's part, before any code of the student's. Returns: whether that went well."""
        code = "__import__('autograder.engine.snapshot').engine.snapshot.prepare(), __import__('safetensors')"
        return await self._silently(code)

    async def settle(self, seconds):
        """Run nothing for so long. Raises: Ended where the kernel ends meanwhile."""
        end = time.monotonic() + self.deadline.at_most(seconds)
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            if not await self.manager.is_alive():
                raise Ended(await self._reason("the kernel died"))

    async def freeze(self):
        """Stop the kernel's process for good: its snapshots are processes of their own.

        What its code still has in store (a timer, a thread, a second `exit`) then ends no checks.
        """
        code = "__import__('os').kill(__import__('os').getpid(), __import__('signal').SIGSTOP)"
        self.client.kc.execute(code, silent=True, store_history=False, allow_stdin=False)

    async def snapshot(self, path, token, number):
        """Have the kernel leave a snapshot. Returns: whether it says so. Raises: Ended."""
        code = (
            "__import__('autograder.engine.snapshot').engine.snapshot.snapshot("
            f"{path!r}, {token!r}, {number}, __import__('IPython').get_ipython().user_ns)"
        )
        return await self._silently(code)

    async def _silently(self, code):
        identity = self.client.kc.execute(code, silent=True, store_history=False, allow_stdin=False)
        reply = await self._reply(identity, self.deadline.at_most(ANSWERING))
        return reply is not None and reply["content"].get("status") == "ok"

    async def _interrupt(self, late):
        await self.manager.interrupt_kernel()
        if await self._reply(self.client.kc.kernel_info(), self.deadline.at_most(STOPPING)) is None:
            raise Ended(f"{late} and could not be interrupted", known=True)

    async def _reply(self, identity, seconds):
        """The reply to a request on the shell channel, or None in that time. Raises: Ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                reply = await self.client.kc.get_shell_msg(timeout=0.5)
            except Exception as error:  # queue.Empty, or what a forged message makes the parser raise
                if not await self.manager.is_alive():
                    raise Ended(await self._reason("the kernel died")) from error
                continue
            if reply["parent_header"].get("msg_id") == identity:
                return reply
        return None

    def _why(self):
        """What the sandbox says of its end, where there is a sandbox."""
        return sandbox.why_dead(self.manager) if hasattr(self.manager.provisioner, "why_dead") else None

    async def _reason(self, otherwise):
        """Why the kernel ended; it is given a moment to be found dead."""
        for _ in range(20):
            if not await self.manager.is_alive():
                return f"your code ended the kernel: {self._why() or 'it died'}"
            if (reason := self._why()) is not None:
                return f"your code ended the kernel: {reason}"
            await asyncio.sleep(0.1)
        return otherwise


class _Client(NotebookClient):
    """Counts what comes from the kernel, and keeps the beginning of it."""

    limits = None
    total = messages = kept = 0

    def begin_cell(self):
        self.kept = 0

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "status" or msg["msg_type"] == "execute_input":
            return super().process_message(msg, cell, cell_index)
        size = len(str(msg["content"]))
        self.total, self.messages, self.kept = self.total + size, self.messages + 1, self.kept + size
        if self.total > self.limits.output or self.messages > self.limits.output_messages:
            sandbox.stop(
                self.km,
                f"output: more than {self.limits.output >> 20} MB or {self.limits.output_messages} messages",
            )
            return None
        if self.kept > SHOWN or msg["msg_type"].startswith("comm"):
            return None
        return super().process_message(msg, cell, cell_index)


def error_output(name, message):
    """The output of `messages.error_output` as a cell has it."""
    return from_dict(messages.error_output(name, message))


def clean(outputs):
    """The outputs that have the form of outputs, and of those what belongs to it."""
    kept = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream" and isinstance(output.get("text"), str):
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append(new_output("stream", name=name, text=utf8(output["text"])))
        elif kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
            data = {
                mime: utf8(content)
                for mime, content in output["data"].items()
                if isinstance(mime, str) and MIME.fullmatch(mime) and isinstance(content, str)
            }
            if data:
                kept.append(new_output("display_data", data=data))
        elif kind == "error":
            name, message = (utf8(str(output.get(key, ""))) for key in ("ename", "evalue"))
            lines = output.get("traceback")
            lines = [utf8(line) for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
            kept.append(
                new_output("error", ename=name, evalue=message, traceback=lines or [f"{name}: {message}"])
            )
    return kept
