"""Publishing: a message that was given up is never sent later, and who waits is answered once."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ha.replication.log import Refused, TooLarge, Unanswered
from ha.test.test_link import ConnectionCase


class PublishTests(ConnectionCase):
    """What goes out, and what its acknowledgement says."""

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.connect())

    def test_the_check_and_the_id_travel_as_headers(self) -> None:
        """Never Nats-Expected-Last-Msg-Id: it has wedged a replicated stream for good."""
        self.log.publish("s.a", b"body", "n:1:1", 7)
        self.log.publish("s.a", b"body", "n:1:2", None)
        first, second = self.client.sent
        self.assertEqual(first.headers, {"Nats-Msg-Id": "n:1:1", "Nats-Expected-Last-Subject-Sequence": "7"})
        self.assertEqual(second.headers, {"Nats-Msg-Id": "n:1:2"})

    def test_the_acknowledgement_fires_at_once(self) -> None:
        """In the same turn of the reactor."""
        stored = self.log.publish("s.a", b"", "n:1:1", 7)
        self.client.answer(self.client.sent[0], b'{"stream":"s","seq":8}')
        self.assertEqual(self.successResultOf(stored), 8)

    def test_a_refusal_is_one(self) -> None:
        """Somebody came between."""
        stored = self.log.publish("s.a", b"", "n:1:1", 7)
        error = b'{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"}}'
        self.client.answer(self.client.sent[0], error)
        self.failureResultOf(stored, Refused)

    def test_silence_is_unanswered(self) -> None:
        """After the time that was set."""
        stored = self.log.publish("s.a", b"", "n:1:1", 7)
        self.clock.advance(5)
        self.failureResultOf(stored, Unanswered)

    def test_a_body_that_is_too_large_is_not_sent(self) -> None:
        """What the server takes counts the headers too."""
        self.assertLess(self.log.max_payload, self.client.max_payload)
        self.failureResultOf(self.log.publish("s.a", bytes(10_001), "n:1:1", 7), TooLarge)

    def test_a_large_body_travels_as_a_batch(self) -> None:
        """Id and check on its first part only, else the server refuses it."""
        size = self.log.max_payload
        done = Deferred.fromCoroutine(self.log.publish_large("s.a", bytes(size * 2 + 1), "n:1:1", 7))
        self.assertEqual(len(self.client.sent), 1)
        for number in range(2):
            self.client.answer(self.client.sent[number], b"")
        headers = [one.headers or {} for one in self.client.sent]
        self.assertEqual([one["Nats-Batch-Sequence"] for one in headers], ["1", "2", "3"])
        self.assertEqual(len({one["Nats-Batch-Id"] for one in headers}), 1)
        self.assertEqual(["Nats-Msg-Id" in one for one in headers], [True, False, False])
        self.assertEqual(["Nats-Expected-Last-Subject-Sequence" in one for one in headers], [True, False, False])
        self.assertEqual(["Nats-Batch-Commit" in one for one in headers], [False, False, True])
        self.client.answer(self.client.sent[2], b'{"stream":"s","seq":10,"batch":"b","count":3}')
        self.assertEqual(self.successResultOf(done), 10)

    def test_a_batch_whose_first_part_is_refused_ends_there(self) -> None:
        """Nothing more is sent."""
        done = Deferred.fromCoroutine(self.log.publish_large("s.a", bytes(30_000), "n:1:1", 7))
        error = b'{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"}}'
        self.client.answer(self.client.sent[0], error)
        self.failureResultOf(done, Refused)
        self.assertEqual(len(self.client.sent), 1)

    def test_a_body_of_more_than_a_thousand_parts_is_too_large(self) -> None:
        """The server's limit; nothing is sent."""
        body = bytes(self.log.max_payload * 1000 + 1)
        self.failureResultOf(Deferred.fromCoroutine(self.log.publish_large("s.a", body, "n:1:1", 7)), TooLarge)
        self.assertEqual(self.client.sent, [])
