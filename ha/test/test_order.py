"""One message gets its place, whatever becomes of its acknowledgement."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.replication.entry import Entry, Rejected, TooLarge, Unanswered, Unreachable
from ha.replication.order import NothingSent, Order, OutcomeUnknown, Overtaken, Placed
from ha.test.fakes import Network


class Reader:
    """A follower at position 0 that sees what the stream holds."""

    def __init__(self, network: Network) -> None:
        self.position = 0
        self._network = network

    def next_entry(self, timeout_s: float) -> Deferred[Entry]:
        """The first entry, if there is one."""
        entries = self._network.stream.entries("s.a") if self._network.stream is not None else []
        return succeed(entries[0]) if entries else fail(Unanswered("nothing came"))


class OrderTests(SynchronousTestCase):
    """Against the log in memory."""

    def setUp(self) -> None:
        self.network = Network()
        self.network.create("cluster", "node", 1, 1)
        self.log = self.network.join("n")
        self.clock = Clock()
        self.order = Order(self.log, Reader(self.network), "s.a", self.clock, 2.0)

    def place(self) -> Deferred[Any]:
        """Begin."""
        return Deferred.fromCoroutine(self.order.place(b"mine", "n:1:1"))

    def test_an_acknowledgement_is_the_truth(self) -> None:
        """Stored where it says."""
        done = self.place()
        self.network.settle()
        self.assertEqual(self.successResultOf(done), Placed(1))

    def test_a_refusal_is_looked_up(self) -> None:
        """Somebody else stands there."""
        self.log.publish("s.a", b"theirs", "m:1:1", 0)
        done = self.place()
        self.network.settle()
        found = self.successResultOf(done)
        assert isinstance(found, Overtaken)
        self.assertEqual(found.by.message_id, "m:1:1")

    def test_a_lost_acknowledgement_is_found_in_the_log(self) -> None:
        """It was stored."""
        done = self.place()
        (flight,) = self.network.flights
        flight.take()
        flight.time_out()
        self.network.settle()
        self.assertEqual(self.successResultOf(done), Placed(1))

    def late(self, before: int) -> Any:
        """The first copy times out and lands after so many steps of the second try."""
        done = self.place()
        (first,) = self.network.flights
        first.time_out()
        self.network.flights.remove(first)
        for step in range(12):
            if step == before:
                first.take()
            self.clock.advance(0.05)
            self.network.step()
        self.network.settle()
        assert self.network.stream is not None
        self.assertEqual([entry.message_id for entry in self.network.stream.entries("s.a")], ["n:1:1"])
        return self.successResultOf(done)

    def test_a_late_copy_before_between_and_after_the_second_try(self) -> None:
        """Whichever lands first is the one; the other is refused."""
        for before in range(10):
            self.setUp()
            self.assertEqual(self.late(before), Placed(1), before)

    def test_silence_has_an_end(self) -> None:
        """Then nobody knows."""
        done = self.place()
        for _ in range(100):
            for flight in list(self.network.flights):
                flight.time_out()
                flight.lose()
            self.clock.advance(0.05)
        self.failureResultOf(done, OutcomeUnknown)

    def test_nothing_is_sent_while_cut_off(self) -> None:
        """It waits once for the connection, and not again for the same loss."""
        self.log.cut()
        done = self.place()
        self.clock.pump([0.05] * 30)
        self.assertNoResult(done)
        self.clock.pump([0.05] * 20)
        self.failureResultOf(done, NothingSent)
        self.failureResultOf(self.place(), NothingSent)
        self.assertEqual(self.network.flights, [])

    def test_a_short_loss_is_waited_out(self) -> None:
        """Nobody hears of it."""
        self.log.cut()
        done = self.place()
        self.log.mend()
        self.clock.advance(0.05)
        self.network.settle()
        self.assertEqual(self.successResultOf(done), Placed(1))

    def answered(self, error: Exception) -> str:
        """What a client is told when the log says this."""
        self.log.publish = lambda *arguments: fail(error)  # type: ignore[method-assign]
        done = self.place()
        self.clock.pump([0.05] * 60)
        return self.failureResultOf(done, StatementError).value.sqlstate  # type: ignore[no-any-return]

    def test_what_the_log_does_not_take(self) -> None:
        """No room, too large, something else; all certain."""
        self.assertEqual(self.answered(Rejected("maximum bytes exceeded", 10077)), "53100")
        self.assertEqual(self.answered(TooLarge("2 GB")), "54000")
        self.assertEqual(self.answered(Rejected("no quorum", 10008)), "58030")
        self.assertEqual(self.answered(Unreachable("nobody listens")), "08006")

    def test_what_a_large_body_takes(self) -> None:
        """It goes in parts."""
        self.network.max_payload = 2
        done = self.place()
        self.network.settle()
        self.assertEqual(self.successResultOf(done), Placed(2))
