"""One action on one server: the command, and waiting until the server is as it was told to be."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Final

from venom_otel.control.children import ending
from venom_otel.control.launching import launch
from venom_otel.control.model import Action
from venom_otel.control.processes import Tree, lives, send
from venom_otel.errors import ActionError
from venom_otel.identity.background import in_daemon_thread
from venom_otel.runtimes.failures import place
from venom_otel.runtimes.model import Reason, State, Status
from venom_otel.runtimes.protocol import Progress

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from venom_otel.control.children import Child
    from venom_otel.control.launching import Server
    from venom_otel.control.processes import Record
    from venom_otel.runtimes.model import Reading

LINES: Final = 10
"""Of the log, in an error."""
_SHORTEST_S: Final = 0.05
_LONGEST_S: Final = 1.0
"""Between two looks while waiting; the time grows."""
_SAY_S: Final = 5.0
"""Between two words that say the same but for the time."""
GONE: Final = frozenset({Reason.REFUSED, Reason.WRONG_SERVER})
"""Why a server does not answer that has ended: nobody listens at its port, or somebody else."""


class Act:
    """Does one action. Raises `ActionError` with words for whatever goes wrong.

    Args:
        server: on what.
        before: the last start command for it that was run by this process.
        started: told of one that is.
        environment: variables for the commands, on top of our own.
        say: told how far it is.
        look: a fresh look at the server.
    """

    def __init__(
        self,
        server: Server,
        *,
        before: Child | None,
        started: Callable[[Child], None],
        environment: Mapping[str, str],
        say: Callable[[Progress], None],
        look: Callable[[], Awaitable[Reading]],
    ) -> None:
        self._server = server
        self._before = before
        self._started = started
        self._environment = environment
        self._say = say
        self._look = look

    async def start(self) -> None:
        """Start it, and wait until it is online."""
        server, label = self._server, self._server.runtime.label
        known = server.pid_files.living()
        reading = await self._look()
        if reading.state.status is Status.ONLINE:
            raise ActionError(f"{label} is online already.")
        if reading.state is State.LOADING:
            raise ActionError(f"{label} is up already, and loading its model.")
        if known is not None:
            raise ActionError(
                f"{label} runs already: its process {known.pid} lives, and is not online yet ({_how(reading)}). "
                f"{server.log.path} says what it does; stop it first if it hangs."
            )
        await self._end_rest()
        before = server.pid_files.server()
        began = time.monotonic()
        child, since = await self._run(Action.START)
        await self._wait_online(child, before=before, since=since, began=began)

    async def stop(self) -> None:
        """Stop it, and wait until its process has ended and its port refuses."""
        server = self._server
        known = server.pid_files.living()
        if Action.STOP in server.commands:
            await self._run_to_end(Action.STOP)
            await self._wait_gone(known, server.limit_s)
        elif known is not None:
            await self._end(known)
            await self._wait_gone(known, server.grace_s)
        server.pid_files.remove()

    async def restart(self) -> None:
        """Restart it by its command, or stop and start it."""
        if Action.RESTART in self._server.commands:
            before = self._server.pid_files.server()
            began = time.monotonic()
            since = await self._run_to_end(Action.RESTART)
            await self._wait_online(None, before=before, since=since, began=began)
            return
        reading = await self._look()
        if reading.reason not in GONE or self._server.pid_files.living() is not None:
            await self.stop()
        await self.start()

    # -- commands -------------------------------------------------------------------------------------------------------------------

    async def _run(self, action: Action) -> tuple[Child, int]:
        """Run a command; gives it, and where in the log its output begins."""
        shown = self._server.commands[action].shown(self._server.secrets)
        self._say(Progress(f"{_DOING[action]}: `{shown}`"))
        # To its end even where the caller is cancelled: nothing is started that nobody knows of.
        return await in_daemon_thread(lambda: launch(self._server, action, self._environment, self._started))

    async def _run_to_end(self, action: Action) -> int:
        """Run a command that must end, with 0; gives where in the log its output begins."""
        server, variable = self._server, self._server.commands[action].variable
        began = time.monotonic()
        child, since = await self._run(action)
        pace = _Pace(self._say)
        while not child.ended.done():
            left_s = began + server.limit_s - time.monotonic()
            if left_s <= 0:
                tree = await in_daemon_thread(lambda: Tree(child.record))
                await self._send(tree, signal.SIGKILL)
                raise ActionError(f"{variable} has not ended within {server.limit_s:g} s, and was ended.{self._last_lines(since)}")
            await pace.rest(left_s, child)
            if not child.ended.done():
                pace.say(f"the command to {action} it runs", _seconds(began))
        if (status := child.ended.result()) != 0:
            raise ActionError(f"{variable} {ending(status)}.{self._last_lines(since)}")
        return since

    async def _end_rest(self) -> None:
        """End what a server has left behind that crashed, and which still has its memory."""
        before = self._before
        if before is None or lives(before.record):
            return
        status = await asyncio.wrap_future(before.ended)  # of one that has ended: at once
        if not before.left or (status == 0 and not before.is_server):  # what a script leaves is what it has started
            return
        self._say(Progress("ending what its last process has left behind"))
        with contextlib.suppress(PermissionError):  # another user's: not ours to judge
            await in_daemon_thread(lambda: send(before.left, signal.SIGKILL))

    # -- waiting --------------------------------------------------------------------------------------------------------------------

    async def _wait_online(self, child: Child | None, *, before: Record | None, since: int, began: float) -> None:
        server, label = self._server, self._server.runtime.label
        files = server.pid_files
        pace = _Pace(self._say)
        while True:
            reading = await self._look()
            if child is not None and child.ended.done():
                files.end_beginning()
                if (status := child.ended.result()) != 0:
                    files.remove()
                    words = f"{server.commands[Action.START].variable} {ending(status)}"
                    raise ActionError(f"{words} before {label} was online.{self._last_lines(since)}")
                child = None  # a script, which has started it
            if reading.state.status is Status.ONLINE:
                if child is not None:
                    child.is_server = files.settle(child.record)
                return
            written = files.server()
            if child is None and written is not None and written != before and not lives(written):
                files.remove()
                raise ActionError(f"the process {written.pid} of {label} has ended before it was online.{self._last_lines(since)}")
            left_s = began + server.limit_s - time.monotonic()
            known = files.living()
            if left_s <= 0:
                goes_on = f"its process {known.pid} lives on" if known is not None else "no process of it is known"
                raise ActionError(
                    f"{label} is not online within {server.limit_s:g} s ({_how(reading)}); {goes_on}. VENOM_OTEL_ACTION_TIMEOUT_S "
                    f"gives it more time.{self._last_lines(since)}"
                )
            if known is not None:
                pace.say(f"its process {known.pid} lives; {_how(reading)}", _seconds(began))
            else:
                pace.say(f"waiting for it; {_how(reading)}", _seconds(began))
            await pace.rest(left_s, child)

    async def _wait_gone(self, known: Record | None, limit_s: float) -> None:
        """Wait until a process has ended, where one is known, and nobody answers any more."""
        runtime = self._server.runtime
        where = place(runtime.endpoint)
        began = time.monotonic()
        pace = _Pace(self._say)
        while True:
            reading = await self._look()
            alive = known is not None and lives(known)
            if not alive and reading.reason in GONE:
                return
            if known is not None and alive:
                what = f"its process {known.pid} still lives"
            elif reading.state is State.UNREACHABLE:
                what = f"it is not known whether it has ended: {(reading.cause or _how(reading)).removesuffix('.')}"
            elif known is not None:
                what = f"{where} still answers: another process is there, which was not started from here"
            else:
                what = f"{where} still answers"
            left_s = began + limit_s - time.monotonic()
            if left_s <= 0:
                raise ActionError(f"{runtime.label} does not end: after {limit_s:g} s {what}.")
            pace.say(what, _seconds(began))
            await pace.rest(left_s)

    async def _end(self, root: Record) -> None:
        """End a process and all that belongs to it, by signals."""
        server = self._server
        self._say(Progress(f"ending its process {root.pid} (SIGTERM)"))
        server.log.note(f"stop: SIGTERM to the process {root.pid} and all that belongs to it")
        tree = await in_daemon_thread(lambda: Tree(root))
        began = time.monotonic()
        pace = _Pace(self._say)
        await self._send(tree, signal.SIGTERM)
        killed = False
        while living := await in_daemon_thread(tree.living):
            now = time.monotonic()
            if not killed and now >= began + server.grace_s:
                self._say(Progress(f"ending it at once (SIGKILL), as it lives for {server.grace_s:g} s after SIGTERM"))
                server.log.note("stop: SIGKILL")
                killed = True
            if killed:
                await self._send(tree, signal.SIGKILL)
            if now >= began + server.grace_s + server.limit_s:
                raise ActionError(f"the processes {', '.join(str(each.pid) for each in living)} cannot be ended.")
            pace.say(f"{len(living)} processes of it still live", _seconds(began))
            await pace.rest(server.grace_s)

    async def _send(self, tree: Tree, number: int) -> None:
        try:
            await in_daemon_thread(lambda: tree.send(number))
        except PermissionError as error:
            raise ActionError(f"the process {error.args[0]} belongs to another user, who alone can end it.") from None

    # -- words ----------------------------------------------------------------------------------------------------------------------

    def _last_lines(self, since: int) -> str:
        lines = self._server.log.tail(LINES, self._server.secrets, since=since)
        if not lines:
            return f" It printed nothing to {self._server.log.path}."
        return "\n".join((f" The end of {self._server.log.path}:", *lines))


_DOING: Final = {Action.START: "starting", Action.STOP: "stopping", Action.RESTART: "restarting"}


class _Pace:
    """Rests between looks, longer each time, and says what is new, or how long it takes."""

    def __init__(self, say: Callable[[Progress], None]) -> None:
        self._report = say
        self._rest_s = _SHORTEST_S
        self._said: str | None = None
        self._due_s = 0.0

    def say(self, words: str, seconds: str) -> None:
        now = time.monotonic()
        if words != self._said or now >= self._due_s:
            self._report(Progress(f"{words} ({seconds})"))
            self._said, self._due_s = words, now + _SAY_S

    async def rest(self, most_s: float, child: Child | None = None) -> None:
        """Rest, at most so many seconds, and not beyond the end of `child`."""
        seconds = min(self._rest_s, max(most_s, 0.0))
        self._rest_s = min(self._rest_s * 1.5, _LONGEST_S)
        if child is None:
            await asyncio.sleep(seconds)
            return
        ended = asyncio.wrap_future(child.ended)
        try:
            await asyncio.wait({ended}, timeout=seconds)
        finally:
            ended.cancel()  # it may end when this loop is closed


def _how(reading: Reading) -> str:
    return "its port does not answer yet" if reading.reason is Reason.REFUSED else reading.cause or f"it is {reading.state}"


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.0f} s"
