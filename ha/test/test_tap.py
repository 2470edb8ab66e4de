"""``twistd ha``: arguments to settings, and a node's life as a service."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import StringIO

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

import ha
from ha.settings import TABLE
from ha.tap import STOP_TIMEOUT_S, NodeService, Options, Refusal


class OptionsTests(SynchronousTestCase):
    """The settings table as a command line."""

    def setUp(self) -> None:
        """An environment without our own variables."""
        ours = {setting.environment for setting in TABLE}
        self.patch(os, "environ", {name: value for name, value in os.environ.items() if name not in ours})

    def parsed(self, *words: str) -> Options:
        """The options that these words make."""
        options = Options()
        options.parseOptions(list(words))
        return options

    def test_every_setting_is_an_option(self) -> None:
        """With its sentence and its default in the help."""
        text = " ".join(Options().getUsage(width=100_000).split())
        for setting in TABLE:
            self.assertRegex(text, rf"--{setting.name}=? ")
            self.assertIn(setting.sentence, text)
            if setting.default:
                self.assertIn(f"{setting.sentence} [default: {setting.default}]", text)

    def test_words_become_settings(self) -> None:
        """And the environment is asked for the rest."""
        os.environ["HA_PG_PORT"] = "5555"
        settings = self.parsed("--db", "a.db", "--db", "b.db", "--port", "8001").settings
        self.assertEqual([os.path.basename(path) for path in settings.databases], ["a.db", "b.db"])
        self.assertEqual((settings.http_port, settings.pg_port), (8001, 5555))

    def test_paths_are_where_the_command_was_typed(self) -> None:
        """twistd's --rundir changes the folder afterwards."""
        settings = self.parsed("--db", "x/a.db").settings
        self.assertEqual(settings.databases, (os.path.abspath("x/a.db"),))
        self.assertEqual(settings.data_folder, os.path.abspath("x/ha-data"))

    def test_a_mistake_is_one_line(self) -> None:
        """Unknown options, missing values, wrong values, left-over words."""
        for words in (["--prot", "1"], ["--port"], ["--port", "x"], ["--db", "a", "b"], []):
            refusal = self.assertRaises(Refusal, self.parsed, *words)
            self.assertRegex(str(refusal.code), r"^ha: [^\n]+$")

    def test_the_version(self) -> None:
        """It is ours, not Twisted's."""
        out = StringIO()
        self.patch(sys, "stdout", out)
        self.assertRaises(SystemExit, self.parsed, "--version")
        self.assertEqual(out.getvalue(), f"ha {ha.__version__}\n")


class CannotStart(Exception):
    """A failure whose text is for the operator."""


class FakeNode:
    """A node whose start and stop end when the test says so."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.started: Deferred[None] = Deferred()
        self.stopped: Deferred[None] = Deferred()

    async def start(self) -> None:
        """Begun now, ended by the test."""
        self.events.append("start")
        await self.started

    async def stop(self) -> None:
        """Begun now, ended by the test."""
        self.events.append("stop")
        await self.stopped


class FakeLoop(task.Clock):
    """A clock that can also be started and stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], object]] = []
        self.stops = 0

    def callWhenRunning(self, f: Callable[[], object]) -> None:
        """Kept until :meth:`run`."""
        self.waiting.append(f)

    def run(self) -> None:
        """The reactor runs now."""
        for f in self.waiting:
            f()

    def stop(self) -> None:
        """Counted."""
        self.stops += 1


class NodeServiceTests(SynchronousTestCase):
    """A node starts when the reactor runs, and is waited for when it stops."""

    def setUp(self) -> None:
        """A service that has been started; the reactor does not run yet."""
        self.node = FakeNode()
        self.loop = FakeLoop()
        self.statuses: list[int] = []
        self.registered: list[Callable[[], None]] = []
        self.patch(sys.modules["ha.tap"].atexit, "register", self.registered.append)
        self.service = NodeService(self.node, self.loop, (CannotStart,), self.statuses.append)
        self.service.startService()

    def test_it_waits_for_the_reactor(self) -> None:
        """asyncio has no running loop before."""
        self.assertEqual(self.node.events, [])
        self.loop.run()
        self.assertEqual(self.node.events, ["start"])

    def test_stopped_before_the_reactor_ran(self) -> None:
        """It never starts."""
        self.node.stopped.callback(None)
        self.successResultOf(self.service.stopService())
        self.loop.run()
        self.assertEqual(self.node.events, ["stop"])

    def test_stop_is_waited_for(self) -> None:
        """twistd ends the process only when nothing of the node runs any more."""
        self.loop.run()
        self.node.started.callback(None)
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        self.node.stopped.callback(None)
        self.successResultOf(stopping)
        self.loop.advance(STOP_TIMEOUT_S)
        self.assertEqual(self.statuses, [])

    def test_stopped_while_starting(self) -> None:
        """The start is given up without a word, what had started is stopped."""
        self.loop.run()
        with capturedLogs() as events:
            stopping = self.service.stopService()
        self.node.stopped.callback(None)
        self.successResultOf(stopping)
        self.assertEqual((self.node.events, len(events), self.registered), (["start", "stop"], 0, []))

    def test_a_node_that_cannot_start_says_why_and_exits_with_status_one(self) -> None:
        """One line; what had started is stopped in twistd's own way; the status comes last."""
        self.loop.run()
        with capturedLogs() as events:
            self.node.started.errback(CannotStart("Port 8080 is in use"))
        self.assertEqual([formatEvent(event) for event in events], ["Port 8080 is in use"])
        self.assertEqual((self.loop.stops, self.statuses), (1, []))
        self.node.stopped.callback(None)
        self.successResultOf(self.service.stopService())
        for last in self.registered:
            last()
        self.assertEqual(self.statuses, [1])

    def test_a_bug_at_start_is_logged_whole(self) -> None:
        """It is not the operator's mistake."""
        self.loop.run()
        self.node.started.errback(ZeroDivisionError("bug"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual((self.loop.stops, len(self.registered)), (1, 1))

    def test_a_failed_stop_is_logged_and_ends_the_wait(self) -> None:
        """The process must be able to end."""
        self.loop.run()
        self.node.started.callback(None)
        stopping = self.service.stopService()
        self.node.stopped.errback(ZeroDivisionError("bug"))
        self.successResultOf(stopping)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_stop_that_takes_too_long_is_ended_by_force(self) -> None:
        """Before a supervisor would do it without a word."""
        self.loop.run()
        self.node.started.callback(None)
        self.service.stopService()
        with capturedLogs() as events:
            self.loop.advance(STOP_TIMEOUT_S)
        self.assertEqual([event["log_level"] for event in events], [LogLevel.critical])
        self.assertEqual(self.statuses, [1])
