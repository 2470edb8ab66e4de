"""A feed brings every entry once and in order, whatever the way does to it."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Entry, StreamMissing, StreamReplaced, StreamTrimmed
from ha.replication.feed import HEARTBEAT_S, RETRY_S, Feed
from ha.replication.jetstream import JetStream
from ha.replication.replies import Replies
from ha.test.fake_wire import FakeWire, Message

ERROR_NO_STREAM = {"error": {"code": 404, "err_code": 10059, "description": "stream not found"}}


class FeedTests(SynchronousTestCase):
    """One feed, and a server of a few lines."""

    def setUp(self) -> None:
        self.wire, self.clock, self.answers_clock = FakeWire(), Clock(), Clock()
        self.entries: list[Entry] = []
        self.reasons: list[Exception] = []
        self.created = "yesterday"
        self.first, self.last = 1, 100
        self.trimmed_meanwhile = 0
        self.consumers: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.consumed = 0

    def follow(self, start: int = 1) -> None:
        """A feed that has begun."""
        self.begin(start)
        self.wire.serve(self.server)

    def begin(self, start: int = 1) -> None:
        """A feed whose questions are on their way."""
        jetstream = JetStream(Replies(self.wire, self.answers_clock, 5), "s")
        self.feed = Feed(self.wire, jetstream, self.clock, "s.a", start, self.entries.append, self.reasons.append)
        self.feed.begin()

    def server(self, question: Message) -> Any:
        """Answers as JetStream does."""
        verb = question.subject.removeprefix("$JS.API.")
        if verb == "STREAM.INFO.s":
            if not self.created:
                return ERROR_NO_STREAM
            state = {"first_seq": 1, "last_seq": 100, "messages": 100, "bytes": 1}
            return {"config": {"metadata": {}}, "state": state, "created": self.created}
        if verb == "STREAM.MSG.GET.s":
            return {"message": {"seq": self.last if "last_by_subj" in orjson.loads(question.data) else self.first}}
        if verb.startswith("CONSUMER.CREATE.s."):
            self.first = max(self.first, self.trimmed_meanwhile)
            self.consumers.append(orjson.loads(question.data)["config"])
            self.consumed = 0
            return {}
        if verb.startswith("CONSUMER.DELETE.s."):
            self.deleted.append(verb.rpartition(".")[2])
            return {"success": True}
        raise AssertionError(verb)

    def bring(self, sequence: int, consumed: int | None = None, headers: dict[str, str] | None = None) -> None:
        """One message of the newest consumer."""
        self.consumed = self.consumed + 1 if consumed is None else consumed
        reply = f"$JS.ACK.s.name.1.{sequence}.{self.consumed}.1700000000000000000.0"
        self.wire.arrive(self.consumers[-1]["deliver_subject"], b"%d" % sequence, reply, headers)
        self.wire.serve(self.server)

    def control(self, headers: dict[str, str], reply: str = "") -> None:
        """One word of the server beside the messages."""
        self.wire.arrive(self.consumers[-1]["deliver_subject"], b"", reply, {"Status": "100"} | headers)
        self.wire.serve(self.server)

    def sequences(self) -> list[int]:
        """What was delivered."""
        return [entry.sequence for entry in self.entries]

    def test_entries_carry_what_the_reply_subject_tells(self) -> None:
        """Sequence and time are there, not in the body."""
        self.follow()
        self.bring(3, headers={"Nats-Msg-Id": "n:1:1"})
        self.assertEqual(self.entries, [Entry(3, "n:1:1", b"3", 1700000000000000000)])
        self.assertEqual(self.feed.pending, 0)

    def test_a_server_with_a_domain_writes_longer_replies(self) -> None:
        """Two fields more, and perhaps one at the end."""
        self.follow()
        reply = "$JS.ACK.hub.account.s.name.1.8.1.1700000000000000000.4.token"
        self.wire.arrive(self.consumers[-1]["deliver_subject"], b"", reply)
        self.assertEqual((self.sequences(), self.feed.pending), ([8], 4))

    def until_made(self, start: int) -> Message:
        """The consumer is there; the question that comes behind it is not answered yet."""
        held: list[Message] = []

        def server(question: Message) -> Any:
            if self.consumers:
                held.append(question)
                return None
            return self.server(question)

        self.begin(start)
        self.wire.serve(server)
        (question,) = held
        return question

    def test_a_stream_that_is_trimmed_while_the_consumer_is_made(self) -> None:
        """Nothing is delivered before it is sure that nothing is missing."""
        self.trimmed_meanwhile = 9
        held = self.until_made(start=7)
        self.assertEqual(len(self.consumers), 1)
        reply = "$JS.ACK.s.name.1.9.1.1700000000000000000.0"
        self.wire.arrive(self.consumers[-1]["deliver_subject"], b"9", reply)
        self.wire.answer(held, self.server(held))
        self.assertEqual((self.sequences(), [type(one) for one in self.reasons]), ([], [StreamTrimmed]))

    def test_what_came_before_it_was_sure_is_not_lost(self) -> None:
        """It is delivered then, in its order."""
        held = self.until_made(start=7)
        for consumed, sequence in enumerate((7, 9), 1):
            reply = f"$JS.ACK.s.name.1.{sequence}.{consumed}.1700000000000000000.0"
            self.wire.arrive(self.consumers[-1]["deliver_subject"], b"", reply)
        self.assertEqual(self.sequences(), [])
        self.wire.answer(held, self.server(held))
        self.assertEqual(self.sequences(), [7, 9])

    def test_the_consumer_is_one_that_never_redelivers(self) -> None:
        """Redelivery breaks the order."""
        self.follow(start=7)
        (config,) = self.consumers
        self.assertEqual((config["ack_policy"], config["max_deliver"], config["opt_start_seq"]), ("none", 1, 7))

    def test_a_hole_makes_another_consumer_behind_the_last_entry(self) -> None:
        """What was lost on the way comes again, what came does not."""
        self.follow()
        self.bring(1)
        self.bring(2)
        self.bring(5, consumed=5)
        self.assertEqual([one["opt_start_seq"] for one in self.consumers], [1, 3])
        for sequence in (3, 4, 5):
            self.bring(sequence)
        self.assertEqual(self.sequences(), [1, 2, 3, 4, 5])
        self.assertEqual(self.deleted, [self.consumers[0]["name"]])

    def test_what_the_old_consumer_still_sends_is_not_heard(self) -> None:
        """It would come out of order."""
        self.follow()
        self.bring(1)
        old = self.consumers[0]["deliver_subject"]
        self.bring(3, consumed=3)
        self.wire.arrive(old, b"", "$JS.ACK.s.name.1.4.4.1.0")
        self.assertEqual(self.sequences(), [1])

    def test_a_heartbeat_tells_of_a_hole_at_the_end(self) -> None:
        """No later message would."""
        self.follow()
        self.bring(1)
        self.control({"Nats-Last-Consumer": "1"})
        self.assertEqual(len(self.consumers), 1)
        self.control({"Nats-Last-Consumer": "2"})
        self.assertEqual(len(self.consumers), 2)

    def test_flow_control_is_answered(self) -> None:
        """Else the server sends no more."""
        self.follow()
        self.control({}, reply="$JS.FC.1")
        self.control({"Nats-Consumer-Stalled": "$JS.FC.2", "Nats-Last-Consumer": "0"})
        self.assertEqual([one.subject for one in self.wire.sent[-2:]], ["$JS.FC.1", "$JS.FC.2"])

    def test_silence_makes_another_consumer(self) -> None:
        """The server forgets consumers when it restarts; heartbeats tell that it has not."""
        self.follow()
        for _ in range(3):
            self.clock.advance(HEARTBEAT_S)
            self.control({"Nats-Last-Consumer": "0"})
        self.assertEqual(len(self.consumers), 1)
        for _ in range(5):
            self.clock.advance(HEARTBEAT_S)
        self.wire.serve(self.server)
        self.assertEqual(len(self.consumers), 2)

    def test_a_connection_that_comes_back_goes_on_behind_the_last_entry(self) -> None:
        """Whatever was on its way before is not heard."""
        self.follow()
        self.bring(1)
        self.wire.connected = False
        self.feed.disconnected()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wire.connected = True
        self.feed.begin()
        self.wire.serve(self.server)
        self.assertEqual(self.consumers[-1]["opt_start_seq"], 2)

    def test_a_question_that_fails_is_asked_again(self) -> None:
        """Passing trouble is the feed's own affair."""
        self.begin()
        self.wire.serve(lambda question: None)
        self.answers_clock.advance(5)
        self.clock.advance(RETRY_S)
        self.wire.serve(self.server)
        self.assertEqual((len(self.consumers), self.reasons), (1, []))

    def test_a_stream_that_is_gone_is_told(self) -> None:
        """Once, and then the feed is over."""
        self.created = ""
        self.follow()
        self.assertEqual([type(reason) for reason in self.reasons], [StreamMissing])
        self.assertTrue(self.feed.stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_another_stream_in_its_place_is_told(self) -> None:
        """Looked for at every new consumer."""
        self.follow()
        self.bring(1)
        self.created = "today"
        self.bring(3, consumed=3)
        self.assertEqual([type(reason) for reason in self.reasons], [StreamReplaced])

    def test_a_position_that_was_trimmed_away_is_told(self) -> None:
        """By the message at the position: while it is there, nothing behind it is missing."""
        self.first = 10
        self.follow(start=11)
        self.assertEqual(self.reasons, [])
        self.follow(start=10)
        self.assertEqual([type(reason) for reason in self.reasons], [StreamTrimmed])

    def test_a_batch_is_one_entry(self) -> None:
        """Its id is the first part's, its sequence the last part's."""
        self.follow()
        batch = {"Nats-Batch-Id": "b"}
        self.bring(1, headers=batch | {"Nats-Batch-Sequence": "1", "Nats-Msg-Id": "n:1:1"})
        self.bring(2, headers=batch | {"Nats-Batch-Sequence": "2"})
        self.assertEqual(self.entries, [])
        self.bring(3, headers=batch | {"Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"})
        self.assertEqual(self.entries, [Entry(3, "n:1:1", b"123", 1700000000000000000, parts=3)])

    def test_half_a_batch_is_asked_for_again_as_a_whole(self) -> None:
        """A hole within it does not tear it."""
        self.follow()
        self.bring(1)
        batch = {"Nats-Batch-Id": "b"}
        self.bring(2, headers=batch | {"Nats-Batch-Sequence": "1", "Nats-Msg-Id": "n:1:1"})
        self.bring(4, consumed=4, headers=batch | {"Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"})
        self.assertEqual(self.consumers[-1]["opt_start_seq"], 2)
        self.bring(2, headers=batch | {"Nats-Batch-Sequence": "1", "Nats-Msg-Id": "n:1:1"})
        self.bring(3, headers=batch | {"Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"})
        self.assertEqual([(one.sequence, one.body) for one in self.entries], [(1, b"1"), (3, b"23")])

    def test_a_batch_whose_head_was_trimmed_is_no_entry(self) -> None:
        """Half a transaction is worse than none."""
        self.follow()
        self.bring(5, headers={"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"})
        self.assertEqual([type(reason) for reason in self.reasons], [StreamTrimmed])
        self.assertEqual(self.entries, [])

    def test_a_stopped_feed_leaves_nothing(self) -> None:
        """No timer, no subscription, no consumer."""
        self.follow()
        self.feed.stop()
        self.wire.serve(self.server)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.wire.subscriptions[-1].stopped)
        self.assertEqual(self.deleted, [self.consumers[0]["name"]])
