"""Tests of ha.replication.order: what became of a publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Entry, Refused, Unanswered
from ha.replication.order import NothingSent, Order, OutcomeUnknown, Overtaken, Placed


class ScriptedLog:
    """Answers each publish with the next of what it was told."""

    connected = True
    max_payload = 1_000_000

    def __init__(self, *answers: Any, last: Callable[[], int] = lambda: 0) -> None:
        self.answers = list(answers)
        self.published: list[tuple[bytes, str, int | None]] = []
        self._last = last

    def publish(self, subject: str, body: bytes, message_id: str, expected: int | None) -> Deferred[int]:
        self.published.append((body, message_id, expected))
        answer = self.answers.pop(0)
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)

    async def last_sequence(self, subject: str) -> int:
        return self._last()


class ScriptedReader:
    """Shows one entry behind the position, or none."""

    position = 4

    def __init__(self, entry: Entry | None = None) -> None:
        self.entry = entry

    def next_entry(self, timeout_s: float) -> Deferred[Entry]:
        return succeed(self.entry) if self.entry is not None else fail(Unanswered("nothing"))


class OrderTests(SynchronousTestCase):
    """Silence and refusals are reasons to read the log, never answers."""

    def setUp(self) -> None:
        self.clock = Clock()

    def place(self, log: ScriptedLog, reader: ScriptedReader) -> Deferred[Any]:
        order = Order(log, reader, "s.db", self.clock, 5.0)  # type: ignore[arg-type]
        return Deferred.fromCoroutine(order.place(b"body", "ours"))

    def test_stored(self) -> None:
        log = ScriptedLog(5)
        self.assertEqual(self.successResultOf(self.place(log, ScriptedReader())), Placed(5))
        self.assertEqual(log.published, [(b"body", "ours", 4)])

    def test_refused_because_another_was_first(self) -> None:
        entry = Entry(5, "theirs", b"", 0)
        found = self.successResultOf(self.place(ScriptedLog(Refused("no", 10071)), ScriptedReader(entry)))
        self.assertEqual(found, Overtaken(entry))

    def test_refused_because_an_earlier_copy_of_ours_is_there(self) -> None:
        reader = ScriptedReader(Entry(5, "ours", b"", 0))
        self.assertEqual(self.successResultOf(self.place(ScriptedLog(Refused("no", 10071)), reader)), Placed(5))

    def test_silence_and_nothing_in_the_log_publishes_the_same_bytes_again(self) -> None:
        log = ScriptedLog(Unanswered("late"), 5)
        placing = self.place(log, ScriptedReader())
        self.clock.pump([0.1] * 5)
        self.assertEqual(self.successResultOf(placing), Placed(5))
        self.assertEqual(log.published, [(b"body", "ours", 4)] * 2)

    def test_silence_and_ours_in_the_log(self) -> None:
        log = ScriptedLog(Unanswered("late"), last=lambda: 5)
        self.assertEqual(self.successResultOf(self.place(log, ScriptedReader(Entry(5, "ours", b"", 0)))), Placed(5))

    def test_silence_until_the_end_is_unknown(self) -> None:
        log = ScriptedLog(*[Unanswered("late")] * 1_000)
        placing = self.place(log, ScriptedReader())
        self.clock.pump([0.1] * 80)
        self.assertEqual(self.failureResultOf(placing, OutcomeUnknown).value.sqlstate, "40003")

    def test_out_of_reach_from_the_start_sends_nothing(self) -> None:
        log = ScriptedLog()
        log.connected = False
        placing = self.place(log, ScriptedReader())
        self.clock.pump([0.1] * 80)
        self.failureResultOf(placing, NothingSent)
        self.assertEqual(log.published, [])
