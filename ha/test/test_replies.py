"""Acknowledgements find who waits for them, and silence ends."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Unanswered, Unreachable
from ha.replication.replies import Replies
from ha.test.fake_wire import FakeWire


class RepliesTests(SynchronousTestCase):
    """One table of questions."""

    def setUp(self) -> None:
        self.wire, self.clock = FakeWire(), Clock()
        self.replies = Replies(self.wire, self.clock, timeout_s=5)

    def test_each_answer_finds_its_question(self) -> None:
        """In whatever order they come."""
        one, two = self.replies.ask("a", b"1"), self.replies.ask("a", b"2")
        self.wire.answer(self.wire.sent[1], b"two")
        self.assertNoResult(one)
        self.wire.answer(self.wire.sent[0], b"one")
        self.assertEqual((self.successResultOf(one).data, self.successResultOf(two).data), (b"one", b"two"))
        self.assertEqual(self.replies.waiting, 0)

    def test_an_answer_fires_in_the_turn_in_which_it_comes(self) -> None:
        """Nothing is put off: the writes of this turn are answered in this turn."""
        asked = self.replies.ask("a", b"")
        self.wire.answer(self.wire.sent[0], b"now")
        self.successResultOf(asked)

    def test_silence_ends_at_each_ones_own_time(self) -> None:
        """One timer serves them all."""
        one = self.replies.ask("a", b"1")
        self.clock.advance(2)
        two = self.replies.ask("a", b"2")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(3)
        self.failureResultOf(one, Unanswered)
        self.assertNoResult(two)
        self.clock.advance(2)
        self.failureResultOf(two, Unanswered)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_answer_that_comes_too_late_is_nobodys(self) -> None:
        """The asker has gone on to read the log."""
        asked = self.replies.ask("a", b"")
        self.clock.advance(5)
        self.failureResultOf(asked, Unanswered)
        self.wire.answer(self.wire.sent[0], b"late")

    def test_the_timer_follows_the_oldest_that_waits(self) -> None:
        """Answered ones do not make it fire for nothing more than once."""
        answered = self.replies.ask("a", b"")
        self.clock.advance(4)
        waiting = self.replies.ask("a", b"")
        self.wire.answer(self.wire.sent[0], b"")
        self.successResultOf(answered)
        self.clock.advance(1)
        self.assertNoResult(waiting)
        self.clock.advance(4)
        self.failureResultOf(waiting, Unanswered)

    def test_without_a_connection_nothing_is_sent(self) -> None:
        """Which is better news than silence."""
        self.wire.connected = False
        self.failureResultOf(self.replies.ask("a", b""), Unreachable)
        self.assertEqual(self.replies.waiting, 0)

    def test_nobody_there_is_known_at_once(self) -> None:
        """The server says so: https://docs.nats.io/nats-concepts/core-nats/reqreply"""
        asked = self.replies.ask("a", b"")
        self.wire.arrive(self.wire.sent[0].reply, b"", headers={"Status": "503"})
        self.failureResultOf(asked, Unreachable)

    def test_a_lost_connection_fails_what_waits(self) -> None:
        """Sent it was; stored perhaps."""
        asked = [self.replies.ask("a", b"") for _ in range(3)]
        self.replies.give_up("the cable")
        for one in asked:
            self.assertIn("the cable", str(self.failureResultOf(one, Unanswered).value))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asking_again_from_within_a_failure_waits_its_own_time(self) -> None:
        """As whoever tries again does."""
        again = []
        asked = self.replies.ask("a", b"")
        asked.addErrback(lambda failure: again.append(self.replies.ask("a", b"")))
        self.replies.give_up("the cable")
        self.assertNoResult(again[0])
        self.clock.advance(5)
        self.failureResultOf(again[0], Unanswered)

    def test_stopping_leaves_nothing(self) -> None:
        """No timer, no subscription."""
        asked = self.replies.ask("a", b"")
        self.replies.stop()
        self.failureResultOf(asked, Unanswered)
        self.assertTrue(self.wire.subscriptions[0].stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
