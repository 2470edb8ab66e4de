"""``twistd ha``: from arguments to a running node. The only reader of argv and environment.

Use: the plugin calls :func:`install_reactor`, reads the arguments with :class:`Options` and asks
:func:`makeService` for the service; ``twistd`` then starts and stops it.

Promises: whatever an operator got wrong is one line and exit status 1, and nothing stays behind. What can be
found out before ``twistd`` leaves the terminal (ports, files, folders) is found out there, so that the line
reaches the shell that started it, also without ``-n``. This is the only module that imports the reactor, and
it does so inside its functions: importing it must not choose one.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, cast

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure

import ha
from ha.logs import forward_stdlib_logs
from ha.settings import FLAG, TABLE, BadSetting, Setting, Settings, read

#: A stop that takes longer than this is ended by force. Supervisors (docker, systemd) commonly send
#: SIGKILL after ten seconds: we want to be the ones who say why.
STOP_TIMEOUT_S = 9.0

#: How long a thread may keep the interpreter when another wants it (Python's default is 5 ms). Long statements
#: run in threads; with the default the reactor would wait for them up to 5 ms at each turn.
SWITCH_INTERVAL_S = 0.0005

#: How many objects more there are when Python's collector looks for cycles, among the youngest, the younger, and all. With its
#: own numbers it looks through all of a large transaction again and again while that is decoded: half of the time, and
#: nobody else runs meanwhile. Rows hold no cycles.
COLLECTOR_THRESHOLDS = (10_000, 50, 100)


class Refusal(SystemExit):
    """One line on standard error and exit status 1, which is what Python does with a SystemExit's text."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"ha: {sentence}")


def install_reactor() -> None:
    """Install the asyncio reactor, on uvloop's loop where that is to be had (not on Windows).

    :raises Refusal: another reactor is there already, and only one can be.
    """
    from twisted.internet import asyncioreactor

    installed = sys.modules.get("twisted.internet.reactor")
    if installed is not None:
        if isinstance(installed, asyncioreactor.AsyncioSelectorReactor):
            return
        raise Refusal(
            f"the asyncio reactor is needed, but {type(installed).__name__} is installed already: "
            "leave out --reactor, or say --reactor=asyncio"
        )
    loop: asyncio.AbstractEventLoop
    try:
        import uvloop
    except ImportError:
        uvloop = None  # type: ignore[assignment]
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)  # nats-py asks asyncio for "the" loop
    asyncioreactor.install(loop)
    from twisted.internet import process, reactor

    # uvloop takes the wake-up pipe of signals for itself, so Twisted does not hear of SIGCHLD: it would look for ended
    # children only when their pipes close, which is a moment too early now and then.
    def reap(number: int, frame: object) -> None:
        reactor.callFromThread(process.reapAllProcesses)

    reactor.callWhenRunning(signal.signal, signal.SIGCHLD, reap)


class Options(usage.Options):
    """The settings table as options of ``twistd ha``; afterwards `settings` holds what they came to."""

    synopsis = "Usage: twistd [-n] ha --db PATH [options]"
    longdesc = "Every option can be set in the environment, too: --pg-port is HA_PG_PORT."
    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, list[str]] = {}

    def opt_version(self) -> None:
        """Say which version of ha this is."""
        print(f"ha {ha.__version__}")
        sys.exit(0)

    def parseOptions(self, options: list[str] | None = None) -> None:
        """As Twisted's, but a mistake is one line: twistd's own answer to it is a page of help.

        :raises Refusal: for an unknown option or a value that cannot be.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise Refusal(f"{error} (twistd ha --help lists the options)") from None

    def postOptions(self) -> None:
        """Check them all, against each other too."""
        try:
            settings = read(self.words, os.environ)
        except BadSetting as error:
            raise usage.UsageError(str(error)) from None
        # Relative to where the command was typed, whatever twistd's --rundir says later.
        self.settings = replace(
            settings,
            databases=tuple(os.path.abspath(path) for path in settings.databases),
            data_dir=os.path.abspath(settings.data_folder),
        )


def _option(setting: Setting) -> Callable[..., None]:
    note: Callable[..., None]
    if setting.unit is FLAG:

        def note(options: Options) -> None:
            options.words[setting.name] = ["yes"]

    else:

        def note(options: Options, word: str) -> None:
            options.words.setdefault(setting.name, []).append(word)

    note.__doc__ = setting.sentence + (f" [default: {setting.default}]" if setting.default else "")
    return note


# usage.Options looks for methods of its class; its other way, `optParameters`, keeps only the last of several
# values and cannot tell a default from what was said.
for _setting in TABLE:
    setattr(Options, "opt_" + _setting.name.replace("-", "_"), _option(_setting))


class Life(Protocol):
    """What this module needs of a node."""

    async def start(self) -> None:
        """Returns when the node serves; raises when it cannot."""

    async def stop(self) -> None:
        """Returns when nothing of the node runs any more. Also good for a node that is only half started."""


class Call(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Not any more."""


class Loop(Protocol):
    """What this module needs of the reactor."""

    def callWhenRunning(self, f: Callable[[], object]) -> object:
        """Call `f` when the reactor runs, which may be now."""

    def callLater(self, delay: float, f: Callable[[], object]) -> Call:
        """Call `f` after `delay` seconds."""

    def stop(self) -> None:
        """Stop the reactor, its services first."""


class NodeService(Service):
    """A node's life as twistd's service: started when the reactor runs, waited for when it stops.

    :param node: what lives.
    :param expected: the exceptions of ``node.start()`` whose text is a sentence for the operator.
    :param leave: called with the exit status when the process must end in another way than twistd's own.
    """

    log = Logger()

    def __init__(
        self,
        node: Life,
        reactor: Loop,
        expected: tuple[type[Exception], ...],
        leave: Callable[[int], None] = os._exit,
    ) -> None:
        self._node = node
        self._reactor = reactor
        self._expected = expected
        self._leave = leave
        self._starting: Deferred[None] | None = None
        self._failed = False

    def startService(self) -> None:
        """Begin when the reactor runs: twistd calls this before, and asyncio has no running loop until then."""
        super().startService()
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if not self.running:  # stopped before it began
            return
        self._starting = Deferred.fromCoroutine(self._node.start())
        self._starting.addErrback(self._start_failed)

    def _start_failed(self, failure: Failure) -> None:
        self._starting = None
        if not self.running and failure.check(CancelledError):
            return  # asked to stop while starting
        if failure.check(*self._expected):
            self.log.critical("{reason}", reason=failure.getErrorMessage())
        else:
            self.log.failure("The node could not start", failure)
        self._failed = True
        # twistd exits with status 0 after any reactor.stop(), so the status is set behind its back, when all
        # else (the pid file, too) is done. The last to register is the first to be called.
        atexit.register(self._exit_failed)
        self._reactor.stop()

    def _exit_failed(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._leave(1)

    def stopService(self) -> Deferred[None]:
        """Stop the node.

        :returns: fires when nothing of it runs any more. After `STOP_TIMEOUT_S` the process is ended as it is:
            a thread that cannot be interrupted must not keep an operator waiting, and no acknowledged write is
            only in memory.
        """
        super().stopService()
        if self._starting is not None:
            self._starting.cancel()
        deadline = self._reactor.callLater(STOP_TIMEOUT_S, self._stop_late)
        stopping = Deferred.fromCoroutine(self._node.stop())

        def stopped(result: Failure | None) -> None:
            deadline.cancel()
            if isinstance(result, Failure):
                self.log.failure("The node did not stop cleanly", result)

        return stopping.addBoth(stopped)

    def _stop_late(self) -> None:
        self.log.critical("The node has not stopped within {seconds} s: ending it by force", seconds=STOP_TIMEOUT_S)
        sys.stdout.flush()
        self._leave(1)


def makeService(options: Options) -> NodeService:
    """The service of one node.

    Called by twistd while it still has the terminal, so this is where an operator's mistakes are looked for.

    :raises Refusal: the node could not start like this.
    """
    from twisted.internet import reactor

    from ha.node import CannotStart, Node, precheck

    settings = options.settings
    try:
        precheck(settings)
    except CannotStart as error:
        raise Refusal(str(error)) from None
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what is loaded stays
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    forward_stdlib_logs()
    return NodeService(Node(settings, reactor), cast(Loop, reactor), (CannotStart,))
