"""JetStream's answers, and what each error means to us."""

from __future__ import annotations

from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Refused, Rejected, StreamMissing
from ha.replication.jetstream import JetStream, check_error, stored_sequence, stream_config
from ha.replication.replies import Replies
from ha.test.fake_wire import FakeWire, Message


class ErrorTests(SynchronousTestCase):
    """One class for each way of failing."""

    def test_a_failed_check_is_a_refusal(self) -> None:
        """In both of its wordings, and as an id that a batch brings twice."""
        for code in (10071, 10164, 10201):
            with self.assertRaises(Refused) as caught:
                check_error({"error": {"code": 400, "err_code": code, "description": "wrong last sequence: 4"}})
            self.assertEqual(caught.exception.code, code)

    def test_a_missing_stream_is_missing(self) -> None:
        """And not merely an error."""
        with self.assertRaises(StreamMissing):
            check_error({"error": {"code": 404, "err_code": 10059, "description": "stream not found"}})

    def test_anything_else_is_told_with_its_number(self) -> None:
        """An operator can look it up."""
        with self.assertRaises(Rejected) as caught:
            check_error({"error": {"code": 503, "err_code": 10077, "description": "maximum bytes exceeded"}})
        self.assertEqual(str(caught.exception), "maximum bytes exceeded (10077)")

    def test_an_acknowledgement_tells_the_sequence(self) -> None:
        """Also of a message that was there before."""
        self.assertEqual(stored_sequence(Message("", b'{"stream":"s","seq":7}')), 7)
        self.assertEqual(stored_sequence(Message("", b'{"stream":"s","seq":7,"duplicate":true}')), 7)


class ConfigTests(SynchronousTestCase):
    """The stream as we make it."""

    def test_nothing_but_us_removes_messages(self) -> None:
        """A subject without its last message takes no checked publish any more."""
        config = stream_config("s", ["s"], replicas=3, metadata={})
        self.assertEqual({config[limit] for limit in ("max_msgs", "max_bytes", "max_msgs_per_subject")}, {-1})
        self.assertEqual((config["max_age"], config["num_replicas"], config["storage"]), (0, 3, "file"))


class JetStreamTests(SynchronousTestCase):
    """Questions to the stream's leader."""

    def setUp(self) -> None:
        self.wire = FakeWire()
        self.jetstream = JetStream(Replies(self.wire, Clock(), 5), "s")

    def ask(self, question: Any, *answers: Any) -> Any:
        """Answer the questions that this brings about, one after another."""
        done = Deferred.fromCoroutine(question)
        left = list(answers)
        self.wire.serve(lambda message: left.pop(0))
        return self.successResultOf(done)

    def test_the_last_sequence_is_asked_of_the_leader(self) -> None:
        """Never by a direct get, which a replica answers that may be behind."""
        self.assertEqual(self.ask(self.jetstream.last_sequence("s.a"), {"message": {"seq": 9}}), 9)
        self.assertEqual(self.wire.sent[0].subject, "$JS.API.STREAM.MSG.GET.s")
        self.assertEqual(orjson.loads(self.wire.sent[0].data), {"last_by_subj": "s.a"})

    def test_an_empty_subject_ends_at_nought(self) -> None:
        """As the server itself counts it in a check."""
        empty = {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}
        self.assertEqual(self.ask(self.jetstream.last_sequence("s.a"), empty), 0)
        self.assertEqual(self.ask(self.jetstream.first_sequence("s.a"), empty), 0)

    def test_another_stream_of_the_name_is_not_ours(self) -> None:
        """Somebody else founded it."""
        taken = {"error": {"code": 400, "err_code": 10058, "description": "stream name already in use"}}
        self.assertFalse(self.ask(self.jetstream.create({}), taken))
        self.assertTrue(self.ask(self.jetstream.create({}), {"config": {}}))

    def test_a_mark_leaves_the_other_marks(self) -> None:
        """And the rest of the configuration."""
        before = {"config": {"name": "s", "max_age": 0, "metadata": {"ha.cluster": "c", "ha.ready": "false"}}}
        self.ask(self.jetstream.mark("ha.ready", "true"), before, {})
        self.assertEqual(
            orjson.loads(self.wire.sent[1].data),
            {"name": "s", "max_age": 0, "metadata": {"ha.cluster": "c", "ha.ready": "true"}},
        )

    def test_consumers_are_read_page_by_page(self) -> None:
        """The server gives 256 at a time."""

        def consumer(name: str) -> dict[str, Any]:
            sequences = {"consumer_seq": 1, "stream_seq": 2}
            config = {"filter_subject": "s.a", "durable_name": name}
            return {"name": name, "config": config, "delivered": sequences, "ack_floor": sequences, "num_pending": 3}

        pages = [{"total": 3, "consumers": [consumer("a"), consumer("b")]}, {"total": 3, "consumers": [consumer("c")]}]
        found = self.ask(self.jetstream.consumers(), *pages)
        self.assertEqual([one.name for one in found], ["a", "b", "c"])
        self.assertTrue(found[0].durable)
        self.assertEqual(orjson.loads(self.wire.sent[1].data), {"offset": 2})
