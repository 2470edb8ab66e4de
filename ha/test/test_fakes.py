"""The log in memory: it keeps the log's contract, and it moves only when it is told to."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Unanswered, Unreachable
from ha.test.contracts import LogContract, Reader
from ha.test.fakes import Chaos, Network


class MemoryLogTests(LogContract, SynchronousTestCase):
    """The contract, driven by steps."""

    def setUp(self) -> None:
        self.network = Network(max_payload=4096)
        self.log = self.network.join("one")
        self.other = self.network.join("two")
        self._folder = self.mktemp()
        os.makedirs(self._folder)

    def drive(self, coroutine: Any) -> None:
        """Take steps until it is done."""
        done = Deferred.fromCoroutine(coroutine)
        while not done.called and self.network.step():
            pass
        self.successResultOf(done)

    def folder(self) -> str:
        """An empty directory, the same one throughout a test."""
        return self._folder

    async def cut(self, log: Any) -> None:
        """Take the connection away."""
        log.cut()

    async def mend(self, log: Any) -> None:
        """Give it back."""
        log.mend()


class FaultsTests(SynchronousTestCase):
    """What may go wrong, one by one."""

    def setUp(self) -> None:
        self.network = Network()
        self.log = self.network.join("one")
        Deferred.fromCoroutine(self.log.create_stream("cluster", "node"))
        self.network.settle()
        assert self.network.stream is not None
        self.stream = self.network.stream

    def test_nothing_happens_by_itself(self) -> None:
        """A publish is not stored before it arrives, nor answered before the answer returns."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.assertEqual([step.kind for step in self.network.steps()], ["arrive"])
        self.assertEqual(self.stream.last_sequence, 0)
        self.network.step()
        self.assertEqual(self.stream.last_sequence, 1)
        self.assertNoResult(stored)
        self.network.step()
        self.assertEqual(self.successResultOf(stored), 1)

    def test_a_lost_question_is_never_stored(self) -> None:
        """Its asker hears of it by the clock."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.network.flights[0].lose()
        self.assertNoResult(stored)
        self.network.settle()
        self.failureResultOf(stored, Unanswered)
        self.assertEqual(self.stream.last_sequence, 0)

    def test_a_lost_answer_leaves_it_stored(self) -> None:
        """The asker cannot tell the difference."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.network.step()
        self.network.flights[0].lose()
        self.network.settle()
        self.failureResultOf(stored, Unanswered)
        self.assertEqual(self.stream.last_sequence, 1)

    def test_what_timed_out_may_arrive_late(self) -> None:
        """As after a reconnect of the real one."""
        stored = self.log.publish("s.a", b"", "n:1:1", 0)
        self.network.flights[0].time_out()
        self.failureResultOf(stored, Unanswered)
        self.assertEqual(self.stream.last_sequence, 0)
        self.network.settle()
        self.assertEqual(self.stream.last_sequence, 1)

    def test_a_repeated_publish_without_a_check_is_stored_twice_when_ids_are_forgotten(self) -> None:
        """The real window is two minutes."""
        self.log.publish("s.a", b"", "n:1:1", None)
        self.network.flights[0].repeat()
        self.network.step()
        self.network.forget_ids()
        self.network.settle()
        self.assertEqual(len(self.stream.entries("s.a")), 2)

    def test_a_cut_fails_what_waits(self) -> None:
        """What is asked afterwards is not sent at all."""
        before = self.log.publish("s.a", b"", "n:1:1", 0)
        self.log.cut()
        self.failureResultOf(before, Unanswered)
        self.failureResultOf(self.log.publish("s.a", b"", "n:1:2", 0), Unreachable)
        self.network.settle()
        self.assertEqual([one.message_id for one in self.stream.entries("s.a")], ["n:1:1"])

    def test_a_lost_tail_is_noticed_by_who_was_beyond(self) -> None:
        """At the next beginning of the feed."""
        for number in range(3):
            self.log.publish("s.a", b"", f"n:1:{number}", None)
        reader = Reader(self.log, "s.a")
        self.network.settle()
        self.log.cut()
        self.network.lose_tail(after=1)
        self.log.mend()
        self.network.settle()
        self.assertEqual([type(reason).__name__ for reason in reader.reasons], ["StreamShortened"])


class ChaosTests(SynchronousTestCase):
    """Histories from a seed."""

    def history(self, seed: int) -> Network:
        """Three nodes publish, unchecked, whatever happens; each tries again until it is answered."""
        network = Network()
        logs = [network.join(name) for name in ("one", "two", "three")]
        Deferred.fromCoroutine(logs[0].create_stream("cluster", "node"))
        network.settle()
        self.readers = [Reader(log, "s.a") for log in logs]

        def publish(log: Any, number: int) -> None:
            answer = log.publish("s.a", b"", f"{log.name}:1:{number}", None)
            answer.addErrback(lambda failure: waiting.append((log, number)))

        waiting = [(log, number) for log in logs for number in range(5)]
        chaos = Chaos(network, seed)
        for _ in range(400):
            while waiting and waiting[0][0].connected:
                publish(*waiting.pop(0))
            chaos.step()
        chaos.heal()
        while waiting:
            publish(*waiting.pop(0))
            network.settle()
        return network

    def test_the_same_seed_is_the_same_history(self) -> None:
        """So a failure can be looked at again."""
        self.assertEqual(self.history(3).events, self.history(3).events)
        self.assertNotEqual(self.history(3).events, self.history(4).events)

    def test_all_readers_read_the_same(self) -> None:
        """Whatever went wrong on the way, every message is there once."""
        for seed in range(30):
            network = self.history(seed)
            assert network.stream is not None
            stored = network.stream.entries("s.a")
            self.assertEqual(len({entry.message_id for entry in stored}), 15, seed)
            self.assertEqual(len(stored), 15, seed)
            for reader in self.readers:
                self.assertEqual(reader.entries, stored, seed)

    def test_faults_do_happen(self) -> None:
        """A chaos that never does anything would prove nothing."""
        kinds = {event.split()[0] for seed in range(10) for event in self.history(seed).events}
        self.assertEqual(kinds, {"arrive", "return", "deliver", "lost", "repeated", "timed", "cut", "mend"})
