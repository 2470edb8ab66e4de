"""Snapshots go up and come down in slices, and what comes down is what went up."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.entry import Rejected, SnapshotDamaged, SnapshotMissing
from ha.replication.jetstream import JetStream
from ha.replication.objects import SILENCE_S, SLICE_BYTES, WINDOW, Objects
from ha.replication.replies import Replies
from ha.test.fake_wire import FakeWire, Message

NO_MESSAGE = {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}
FULL = {"error": {"code": 503, "err_code": 10077, "description": "maximum bytes exceeded"}}


class Store:
    """JetStream's side of an object store."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.purged: list[str] = []
        self.consumers: list[dict[str, Any]] = []
        self.full_after = 1_000_000

    def of(self, subject: str) -> list[bytes]:
        """What a subject holds."""
        return [one.data for one in self.messages if one.subject == subject]

    def answer(self, question: Message) -> Any:
        """Answers as JetStream does."""
        if question.subject.startswith("$O."):
            if len(self.messages) >= self.full_after:
                return FULL
            if question.headers and question.headers.get("Nats-Rollup") == "sub":
                self.messages = [one for one in self.messages if one.subject != question.subject]
            self.messages.append(question)
            return {"stream": "OBJ_S", "seq": len(self.messages)}
        verb, body = question.subject.split(".")[2:4], orjson.loads(question.data or b"{}")
        if verb == ["STREAM", "MSG"]:
            if "next_by_subj" in body:
                return {"message": {"seq": 1}}
            found = self.of(body["last_by_subj"])
            return (
                {"message": {"seq": len(found), "data": base64.b64encode(found[-1]).decode()}} if found else NO_MESSAGE
            )
        if verb == ["STREAM", "PURGE"]:
            self.purged.append(body["filter"])
            self.messages = [one for one in self.messages if one.subject != body["filter"]]
            return {"purged": 1}
        if verb == ["STREAM", "INFO"]:
            state = {"first_seq": 1, "last_seq": 1, "messages": 1, "bytes": 1}
            return {"config": {}, "state": state, "created": "today"}
        if verb == ["CONSUMER", "CREATE"]:
            self.consumers.append(body["config"])
        return {}


class ObjectsTests(SynchronousTestCase):
    """One file, up and down."""

    def setUp(self) -> None:
        self.wire, self.clock, self.store = FakeWire(), Clock(), Store()
        replies = Replies(self.wire, Clock(), 5)
        self.objects = Objects(self.wire, JetStream(replies, "OBJ_S"), replies, self.clock)
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.body = os.urandom(SLICE_BYTES * 3 + 17)
        (self.folder / "up").write_bytes(self.body)

    def put(self) -> Any:
        """Upload the file."""
        done = Deferred.fromCoroutine(self.objects.put("a.db", self.folder / "up", {"seq": "4"}, 1))
        self.wire.serve(self.store.answer)
        return done

    def get(self) -> Any:
        """Begin to download."""
        done = Deferred.fromCoroutine(self.objects.get("a.db", self.folder / "down"))
        self.wire.serve(self.store.answer)
        return done

    def bring(self, slices: list[bytes], first: int = 1, count: int = 4) -> None:
        """Slices of the newest download, numbered from `first`, of `count` in all."""
        for consumed, piece in enumerate(slices, 1):
            number = first + consumed - 1
            reply = f"$JS.ACK.OBJ_S.name.1.{number}.{consumed}.1.{count - number}"
            self.wire.arrive(self.store.consumers[-1]["deliver_subject"], piece, reply)
        self.wire.serve(self.store.answer)

    def slices(self) -> list[bytes]:
        """The file as it lies in the store."""
        (subject,) = {one.subject for one in self.store.messages if ".C." in one.subject}
        return self.store.of(subject)

    def test_the_layout_is_the_one_of_nats(self) -> None:
        """So that its own tools read it: ADR-20."""
        made = self.successResultOf(self.put())
        about = orjson.loads(self.store.of(f"$O.S.M.{base64.urlsafe_b64encode(b'a.db').decode()}")[0])
        self.assertEqual(b"".join(self.slices()), self.body)
        self.assertEqual((about["size"], about["chunks"]), (len(self.body), 4))
        self.assertEqual(about["headers"], {"seq": ["4"]})
        digest = base64.urlsafe_b64encode(hashlib.sha256(self.body).digest()).decode()
        self.assertEqual(about["digest"], f"SHA-256={digest}")
        self.assertEqual((made.sequence, made.slices), (4, 4))

    def test_few_slices_are_on_their_way_at_once(self) -> None:
        """A file of any size costs the memory of a few slices."""
        (self.folder / "up").write_bytes(bytes(SLICE_BYTES * 50))
        done = Deferred.fromCoroutine(self.objects.put("a.db", self.folder / "up", {}, 1))
        self.wire.serve(lambda message: None if message.subject.startswith("$O.S.C.") else self.store.answer(message))
        self.assertEqual(sum(one.subject.startswith("$O.S.C.") for one in self.wire.sent), WINDOW)
        self.assertNoResult(done)

    def test_the_old_one_goes_when_the_new_one_is_whole(self) -> None:
        """Not before."""
        old = self.successResultOf(self.put())
        new = self.successResultOf(self.put())
        self.assertNotEqual(old.object_id, new.object_id)
        self.assertEqual(self.store.purged, [f"$O.S.C.{old.object_id}"])

    def test_an_upload_that_fails_leaves_nothing(self) -> None:
        """And the old one in its place."""
        old = self.successResultOf(self.put())
        self.store.full_after = len(self.store.messages) + 2
        self.failureResultOf(self.put(), Rejected)
        self.assertEqual(len(self.store.purged), 1)
        self.assertNotIn(old.object_id, self.store.purged[0])
        self.assertEqual(b"".join(self.slices()), self.body)

    def test_what_comes_down_is_what_went_up(self) -> None:
        """With its headers, and nothing beside it."""
        self.successResultOf(self.put())
        done = self.get()
        self.bring(self.slices())
        self.assertEqual(self.successResultOf(done), {"seq": "4"})
        self.assertEqual((self.folder / "down").read_bytes(), self.body)
        self.assertEqual(sorted(one.name for one in self.folder.iterdir()), ["down", "up"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_damaged_download_is_not_made(self) -> None:
        """Its digest tells."""
        self.successResultOf(self.put())
        slices = self.slices()
        done = self.get()
        self.bring([slices[0], slices[0], slices[2], slices[3]])
        self.failureResultOf(done, SnapshotDamaged)
        self.assertEqual([one.name for one in self.folder.iterdir()], ["up"])

    def test_an_interrupted_download_goes_on_where_it_was(self) -> None:
        """In the next process too: only what is missing is asked for."""
        known = self.successResultOf(self.put())
        part = self.folder / f"down.{known.object_id}.part"
        part.write_bytes(self.body[: SLICE_BYTES * 2 + 5])
        done = self.get()
        for _ in range(2):
            self.clock.advance(0)
        self.wire.serve(self.store.answer)
        self.assertEqual(self.store.consumers[-1]["opt_start_seq"], 1 + 2)
        self.bring(self.slices()[1:], first=2)
        self.successResultOf(done)
        self.assertEqual((self.folder / "down").read_bytes(), self.body)

    def test_a_download_of_what_is_being_removed_is_missing(self) -> None:
        """Another one has taken its place: its first slices are gone already."""
        self.successResultOf(self.put())
        done = self.get()
        self.bring(self.slices()[2:], first=3)
        self.failureResultOf(done, SnapshotMissing)

    def test_a_download_that_brings_nothing_ends(self) -> None:
        """The object may have been replaced under it."""
        self.successResultOf(self.put())
        done = self.get()
        for _ in range(4):
            self.clock.advance(SILENCE_S / 3)
            self.wire.serve(self.store.answer)
        self.failureResultOf(done, SnapshotMissing)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_name_that_is_not_there_is_missing(self) -> None:
        """Nothing is written."""
        self.failureResultOf(self.get(), SnapshotMissing)
        self.assertEqual([one.name for one in self.folder.iterdir()], ["up"])
