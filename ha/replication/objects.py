"""Files in a JetStream object store: uploaded and downloaded in slices, with a digest.

The layout is NATS's own, so that its tools and third-party replicas read it:
https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md

Each slice is read or written in the reactor's thread: a fraction of a millisecond, and nothing
else waits for longer than that.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, BinaryIO

import orjson
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.entry import Entry, LogError, SnapshotDamaged, SnapshotMissing, StreamMissing
from ha.replication.feed import Feed
from ha.replication.jetstream import JetStream, stored_sequence, stream_config
from ha.replication.replies import Incoming, Replies, Wire

#: NATS's own default size of a slice.
SLICE_BYTES = 128 * 1024

#: Slices on their way at once.
WINDOW = 8

#: A download that brings nothing for so long is given up; the feed beneath it has tried again by then.
SILENCE_S = 30.0

DIGEST_PREFIX = "SHA-256="


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object of the store.

    :param headers: one value each; ``seq`` is the log position of the file.
    :param made_at: ISO 8601, by the clock of the node that uploaded it.
    """

    name: str
    headers: Mapping[str, str]
    size_bytes: int
    digest: str
    made_at: str
    object_id: str
    slices: int

    @property
    def sequence(self) -> int:
        """The log position of the file, 0 when nothing says so."""
        return int(self.headers.get("seq", "0"))


class Objects:
    """One object store."""

    log = Logger()

    def __init__(self, wire: Wire, jetstream: JetStream, replies: Replies, clock: Any) -> None:
        self._wire = wire
        self._jetstream = jetstream
        self._replies = replies
        self._clock = clock
        self._bucket = jetstream.stream.removeprefix("OBJ_")

    def _about(self, name: str) -> str:
        return f"$O.{self._bucket}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"

    def _slices_of(self, object_id: str) -> str:
        return f"$O.{self._bucket}.C.{object_id}"

    async def info(self, name: str) -> Snapshot:
        """What is known of an object.

        :raises SnapshotMissing: there is none of that name.
        """
        try:
            body = await self._jetstream.last_body(self._about(name))
        except StreamMissing:
            body = None
        known: dict[str, Any] = orjson.loads(body) if body else {"deleted": True}
        if known.get("deleted"):
            raise SnapshotMissing(f"there is no snapshot of {name}")
        return Snapshot(
            name=name,
            headers={key: values[0] for key, values in (known.get("headers") or {}).items() if values},
            size_bytes=known["size"],
            digest=known.get("digest", ""),
            made_at=known.get("mtime", ""),
            object_id=known["nuid"],
            slices=known["chunks"],
        )

    # Up

    async def put(self, name: str, path: str | os.PathLike[str], headers: Mapping[str, str], replicas: int) -> Snapshot:
        """Upload a file. Readers see the old object until the new one is whole, and then only the new one."""
        await self._create(replicas)
        try:
            before = await self.info(name)
        except SnapshotMissing:
            before = None
        object_id = token_hex(11)
        try:
            with open(path, "rb") as file:
                size, count, digest = await self._upload(file, self._slices_of(object_id))
            about = {
                "name": name,
                "headers": {key: [value] for key, value in headers.items()},
                "options": {"max_chunk_size": SLICE_BYTES},
                "bucket": self._bucket,
                "nuid": object_id,
                "size": size,
                "chunks": count,
                "digest": digest,
                "mtime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            }
            rollup = {"Nats-Rollup": "sub"}
            stored_sequence(await self._replies.ask(self._about(name), orjson.dumps(about), rollup))
        except Exception:
            await self._remove(object_id)
            raise
        if before is not None:
            await self._remove(before.object_id)
        return await self.info(name)

    async def _create(self, replicas: int) -> None:
        subjects = [f"$O.{self._bucket}.C.>", f"$O.{self._bucket}.M.>"]
        config = stream_config(
            self._jetstream.stream, subjects, replicas=replicas, metadata={}, discard="new", allow_rollup_hdrs=True
        )
        await self._jetstream.create(config)  # False: somebody made it, perhaps with other settings; it will do

    async def _upload(self, file: BinaryIO, subject: str) -> tuple[int, int, str]:
        digest = hashlib.sha256()
        size = count = 0
        on_the_way: list[Deferred[Incoming]] = []
        try:
            while piece := file.read(SLICE_BYTES):
                digest.update(piece)
                size += len(piece)
                count += 1
                on_the_way.append(self._replies.ask(subject, piece))
                if len(on_the_way) == WINDOW:
                    stored_sequence(await on_the_way.pop(0))
            while on_the_way:
                stored_sequence(await on_the_way.pop(0))
        finally:
            for answer in on_the_way:
                answer.addErrback(lambda failure: None)  # one failure has been raised; its companions say the same
        return size, count, _as_text(digest)

    async def _remove(self, object_id: str) -> None:
        try:
            await self._jetstream.purge(self._slices_of(object_id))
        except LogError as error:
            self.log.warn("slices of an old snapshot stay in the store: {error}", error=error)

    # Down

    async def get(self, name: str, path: str | os.PathLike[str]) -> dict[str, str]:
        """Download an object to `path`; its headers.

        The bytes go to ``<path>.<object id>.part`` first, and become `path` when size and digest are right. What a lost
        connection interrupts goes on where it was; so does a download of the same object by the next process.

        :raises SnapshotMissing: there is none, or it was replaced meanwhile: ask again.
        :raises SnapshotDamaged: it does not have its digest.
        """
        known = await self.info(name)
        part = f"{os.fspath(path)}.{known.object_id}.part"
        with open(part, "a+b") as file:
            have = min(file.seek(0, os.SEEK_END) // SLICE_BYTES, known.slices)
            file.truncate(have * SLICE_BYTES)
            digest = await self._digest(file)
            if have < known.slices:
                await self._download(known, file, have, digest)
            size = file.tell()
        if _as_text(digest) != known.digest or size != known.size_bytes:
            os.unlink(part)
            raise SnapshotDamaged(f"the snapshot of {name} does not have its digest")
        os.replace(part, path)
        return dict(known.headers)

    async def _digest(self, file: BinaryIO) -> Any:
        """The digest of what is there, from an earlier attempt; others have their turns in between."""
        digest = hashlib.sha256()
        file.seek(0)
        while piece := file.read(SLICE_BYTES):
            digest.update(piece)
            turn: Deferred[None] = Deferred()
            self._clock.callLater(0, turn.callback, None)
            await turn
        return digest

    async def _download(self, known: Snapshot, file: BinaryIO, have: int, digest: Any) -> None:
        """Append the slices from number `have` + 1 on."""
        subject = self._slices_of(known.object_id)
        # A slice lies as many sequences behind the first one as there are slices between them, or further, when somebody
        # else wrote meanwhile. So what we have may come again, but nothing is left out.
        start = await self._jetstream.first_sequence(subject) + have if have else 1
        done: Deferred[None] = Deferred()
        heard_at = self._clock.seconds()
        written = have

        def take(entry: Entry) -> None:
            nonlocal written, heard_at
            heard_at = self._clock.seconds()
            number = known.slices - (feed.pending or 0)
            if done.called or number <= written:
                return
            if number != written + 1:
                done.errback(SnapshotMissing(f"the snapshot of {known.name} was replaced meanwhile"))
                return
            file.write(entry.body)
            digest.update(entry.body)
            written = number
            if written == known.slices:
                done.callback(None)

        def lost(reason: Exception) -> None:
            if not done.called:
                done.errback(reason)

        def watch() -> None:
            nonlocal timer
            if done.called:
                return
            if self._clock.seconds() - heard_at >= SILENCE_S:
                done.errback(SnapshotMissing(f"the snapshot of {known.name} was replaced, or does not arrive"))
                return
            timer = self._clock.callLater(SILENCE_S / 3, watch)

        feed = Feed(self._wire, self._jetstream, self._clock, subject, start, take, lost)
        timer = self._clock.callLater(SILENCE_S / 3, watch)
        try:
            feed.begin()
            await done
        finally:
            feed.stop()
            if timer.active():
                timer.cancel()


def _as_text(digest: Any) -> str:
    return DIGEST_PREFIX + base64.urlsafe_b64encode(digest.digest()).decode()
