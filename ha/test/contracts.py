"""Promises that a fake and the real thing both keep, as test methods to mix into a test case.

Each is one coroutine; the test case says how to drive it (:meth:`LogContract.drive`): by steps in
memory, by the reactor against a real nats-server.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from ha.replication.entry import (
    Entry,
    LogError,
    Refused,
    SnapshotMissing,
    StreamMissing,
    StreamReplaced,
    StreamShortened,
    StreamTrimmed,
)


def promise(scenario: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine method as a test method."""

    @functools.wraps(scenario)
    def test(self: Any) -> Any:
        return self.drive(scenario(self))

    return test


class Reader:
    """Follows a subject and keeps what comes."""

    def __init__(self, log: Any, subject: str, start: int = 1) -> None:
        self.entries: list[Entry] = []
        self.reasons: list[Exception] = []
        self._wanted: list[tuple[int, Deferred[None]]] = []
        self.feed = log.follow(subject, start, self._deliver, self._lost)

    def _deliver(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._look()

    def _lost(self, reason: Exception) -> None:
        self.reasons.append(reason)
        self._look()

    def _look(self) -> None:
        ready = [one for one in self._wanted if one[0] <= len(self.entries) or self.reasons]
        self._wanted = [one for one in self._wanted if one not in ready]
        for _, waiter in ready:
            waiter.callback(None)

    async def take(self, count: int) -> list[Entry]:
        """Wait until so many have come."""
        if len(self.entries) < count and not self.reasons:
            waiter: Deferred[None] = Deferred()
            self._wanted.append((count, waiter))
            await waiter
        if self.reasons:
            raise self.reasons[0]
        return self.entries[:count]

    async def end(self) -> Exception:
        """Wait for the reason why it was lost."""
        try:
            await self.take(1_000_000)
        except LogError as reason:
            return reason
        raise AssertionError("unreachable")


class LogContract:
    """What every log promises.

    The test case provides:

    - ``log`` and ``other``: two connected logs of one stream that does not exist yet;
    - ``drive(coroutine)``: run it to its end;
    - ``folder()``: an empty directory;
    - ``cut(log)`` and ``mend(log)``: coroutines that take the connection away and give it back.
    """

    log: Any
    other: Any
    drive: Callable[[Any], Any]
    folder: Callable[[], str]
    cut: Callable[[Any], Any]
    mend: Callable[[Any], Any]

    @property
    def subject(self) -> str:
        """The one under test."""
        return f"{self.log.stream}.a_db"

    async def begin(self) -> str:
        """Make the stream; the subject."""
        await self.log.create_stream("cluster", "node")
        return self.subject

    async def refused(self, attempt: Any, kind: type[Exception]) -> Exception:
        """Await it, and insist that it fails so."""
        try:
            result = await attempt
        except kind as error:
            return error
        raise AssertionError(f"{result!r} instead of {kind.__name__}")

    # The stream

    @promise
    async def test_only_one_of_two_founds_the_stream(self) -> None:
        """Two nodes that start at once: one of them is the founder, and both read the founder's name."""
        first = await self.log.create_stream("one", "node one")
        second = await self.other.create_stream("two", "node two")
        info = await self.other.stream_info()
        assert (first, second) == (True, False)
        assert (info.cluster_id, info.founder, info.epoch, info.ready) == ("one", "node one", 1, False)

    @promise
    async def test_a_founder_that_asks_twice_is_the_founder_twice(self) -> None:
        """An answer that was lost does not lose the cluster its founder."""
        assert await self.log.create_stream("one", "node one")
        assert await self.log.create_stream("one", "node one")

    @promise
    async def test_the_ready_mark_is_seen_by_all(self) -> None:
        """Who joins waits for it."""
        await self.begin()
        await self.log.mark_ready()
        info = await self.other.stream_info()
        assert info.ready
        assert info.cluster_id == "cluster"

    @promise
    async def test_the_stream_names_its_databases(self) -> None:
        """By their normalised ids, for whoever brings one that is not among them."""
        subject = await self.begin()
        assert await self.log.names() == []
        await self.log.publish(f"{subject}_2", b"", "n:1:1", 0)
        await self.log.publish(subject, b"", "n:1:2", 0)
        assert sorted(await self.other.names()) == ["a_db", "a_db_2"]

    @promise
    async def test_a_stream_that_is_not_there_is_missing(self) -> None:
        """And not merely silent."""
        await self.refused(self.log.stream_info(), StreamMissing)
        await self.refused(self.log.last_sequence(self.subject), StreamMissing)

    @promise
    async def test_a_stream_made_again_is_another_log(self) -> None:
        """Though it has the same name and the same cluster id."""
        await self.begin()
        before = await self.log.stream_info()
        await self.log.mark_ready()
        assert (await self.log.stream_info()).is_same_log_as(before)
        await self.log.delete_stream()
        await self.begin()
        assert not (await self.log.stream_info()).is_same_log_as(before)

    # Publishing

    @promise
    async def test_a_publish_answers_its_sequence(self) -> None:
        """Sequences grow along the stream."""
        subject = await self.begin()
        assert await self.log.publish(subject, b"one", "n:1:1", 0) == 1
        assert await self.log.publish(subject, b"two", "n:1:2", 1) == 2
        assert await self.other.last_sequence(subject) == 2

    @promise
    async def test_a_publish_that_expects_wrongly_is_refused(self) -> None:
        """Somebody came between: nothing is stored."""
        subject = await self.begin()
        await self.other.publish(subject, b"between", "m:1:1", 0)
        await self.refused(self.log.publish(subject, b"mine", "n:1:1", 0), Refused)
        assert await self.log.last_sequence(subject) == 1

    @promise
    async def test_each_subject_is_checked_by_itself(self) -> None:
        """Another database's messages do not come between."""
        subject = await self.begin()
        await self.log.publish(f"{self.log.stream}.b_db", b"other", "m:1:1", 0)
        assert await self.log.publish(subject, b"mine", "n:1:1", 0) == 2
        assert await self.log.publish(subject, b"mine", "n:1:2", 2) == 3

    @promise
    async def test_a_checked_publish_sent_twice_is_refused_the_second_time(self) -> None:
        """The check comes before the id: so a refusal does not say who stands there."""
        subject = await self.begin()
        await self.log.publish(subject, b"mine", "n:1:1", 0)
        await self.refused(self.log.publish(subject, b"mine", "n:1:1", 0), Refused)

    @promise
    async def test_an_unchecked_publish_sent_twice_is_stored_once(self) -> None:
        """The same id answers the same sequence."""
        subject = await self.begin()
        assert await self.log.publish(subject, b"mine", "n:1:1", None) == 1
        assert await self.log.publish(subject, b"mine", "n:1:1", None) == 1
        assert await self.log.last_sequence(subject) == 1

    @promise
    async def test_publishes_in_a_row_are_stored_in_a_row(self) -> None:
        """Without waiting for each acknowledgement."""
        subject = await self.begin()
        pending = [self.log.publish(subject, b"%d" % number, f"n:1:{number}", None) for number in range(50)]
        assert [await one for one in pending] == list(range(1, 51))

    @promise
    async def test_a_large_body_is_one_entry(self) -> None:
        """However many messages it takes, and its reader never sees a part of it."""
        subject = await self.begin()
        body = bytes(range(256)) * (self.log.max_payload // 256 * 2) + bytes(self.log.max_payload % 256 * 2 + 1)
        await self.log.publish(subject, b"before", "n:1:1", 0)
        sequence = await self.log.publish_large(subject, body, "n:1:2", 1)
        assert await self.log.last_sequence(subject) == sequence
        assert await self.log.publish(subject, b"after", "n:1:3", sequence) == sequence + 1
        reader = Reader(self.other, subject)
        before, large, after = await reader.take(3)
        assert (large.sequence, large.message_id, large.parts, large.body) == (sequence, "n:1:2", 3, body)
        assert (before.sequence, after.sequence) == (1, sequence + 1)

    @promise
    async def test_a_large_body_is_checked_as_a_whole(self) -> None:
        """Refused, it leaves nothing behind."""
        subject = await self.begin()
        body = bytes(self.log.max_payload + 1)
        await self.log.publish(subject, b"before", "n:1:1", 0)
        await self.refused(self.log.publish_large(subject, body, "n:1:2", 0), Refused)
        assert await self.log.last_sequence(subject) == 1
        sequence = await self.log.publish_large(subject, body, "n:1:2", 1)
        await self.refused(self.log.publish_large(subject, body, "n:1:2", 1), Refused)
        assert await self.log.last_sequence(subject) == sequence

    # Following

    @promise
    async def test_a_feed_brings_every_entry_in_order(self) -> None:
        """Those that were there before, and those that come after."""
        subject = await self.begin()
        await self.log.publish(subject, b"one", "n:1:1", 0)
        reader = Reader(self.other, subject)
        await reader.take(1)
        await self.log.publish(subject, b"two", "n:1:2", 1)
        one, two = await reader.take(2)
        assert (one.sequence, one.message_id, one.body, one.parts) == (1, "n:1:1", b"one", 1)
        assert (two.sequence, two.message_id, two.body) == (2, "n:1:2", b"two")
        assert two.timestamp_ns > 0

    @promise
    async def test_a_feed_brings_only_its_subject(self) -> None:
        """Sequences have gaps then, and nothing is made of it."""
        subject = await self.begin()
        for number in range(6):
            await self.log.publish(subject if number % 2 else f"{subject}_2", b"", f"n:1:{number}", None)
        reader = Reader(self.log, subject)
        assert [entry.sequence for entry in await reader.take(3)] == [2, 4, 6]

    @promise
    async def test_a_feed_begins_where_it_is_told(self) -> None:
        """Pausing is stopping, and following again from the next one."""
        subject = await self.begin()
        for number in range(5):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        reader = Reader(self.log, subject)
        await reader.take(2)
        reader.feed.stop()
        count = len(reader.entries)
        again = Reader(self.log, subject, count + 1)
        await again.take(5 - count)
        assert [entry.sequence for entry in reader.entries + again.entries] == [1, 2, 3, 4, 5]
        assert len(reader.entries) == count

    @promise
    async def test_a_stopped_feed_brings_nothing_more(self) -> None:
        """Not even what had arrived already: it may be stopped from within its own delivery."""
        subject = await self.begin()
        taken: list[int] = []

        def take(entry: Entry) -> None:
            taken.append(entry.sequence)
            feed.stop()

        feed = self.log.follow(subject, 1, take, taken.append)
        for number in range(5):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        reader = Reader(self.log, subject)
        await reader.take(5)
        assert taken == [1]

    @promise
    async def test_a_feed_outlives_its_connection(self) -> None:
        """And misses nothing, and repeats nothing."""
        subject = await self.begin()
        reader = Reader(self.other, subject)
        for number in range(3):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        await reader.take(3)
        await self.cut(self.other)
        assert not self.other.connected
        for number in range(3, 6):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        await self.mend(self.other)
        assert self.other.connected
        assert [entry.sequence for entry in await reader.take(6)] == [1, 2, 3, 4, 5, 6]

    @promise
    async def test_listeners_hear_of_the_connection(self) -> None:
        """When it goes, and when it is back."""
        heard: list[bool] = []
        self.log.on_connection_change.append(heard.append)
        await self.cut(self.log)
        await self.mend(self.log)
        assert heard == [False, True]

    @promise
    async def test_a_feed_behind_what_was_trimmed_says_so(self) -> None:
        """It would skip what it has not seen; a snapshot is needed."""
        subject = await self.begin()
        for number in range(5):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        await self.log.trim(subject, 4)
        reason = await Reader(self.log, subject, 3).end()
        assert isinstance(reason, StreamTrimmed)
        assert reason.first_sequence == 4
        assert [entry.sequence for entry in await Reader(self.log, subject, 5).take(1)] == [5]

    @promise
    async def test_a_feed_beyond_the_end_says_so(self) -> None:
        """The log has lost its tail, or is another."""
        subject = await self.begin()
        await self.log.publish(subject, b"", "n:1:1", 0)
        reason = await Reader(self.log, subject, 8).end()
        assert isinstance(reason, StreamShortened)
        assert reason.last_sequence == 1

    @promise
    async def test_a_feed_notices_another_stream_of_the_same_name(self) -> None:
        """Looked for whenever the connection is back."""
        subject = await self.begin()
        await self.log.publish(subject, b"", "n:1:1", 0)
        reader = Reader(self.other, subject)
        await reader.take(1)
        await self.cut(self.other)
        await self.log.delete_stream()
        await self.begin()
        await self.mend(self.other)
        assert isinstance(await reader.end(), StreamReplaced)

    @promise
    async def test_a_feed_of_no_stream_says_so(self) -> None:
        """Rather than waiting for ever."""
        assert isinstance(await Reader(self.log, self.subject).end(), StreamMissing)

    # Trimming

    @promise
    async def test_trimming_keeps_what_is_not_below(self) -> None:
        """And nothing of another subject is touched."""
        subject = await self.begin()
        await self.log.publish(f"{subject}_2", b"", "m:1:1", 0)
        for number in range(4):
            await self.log.publish(subject, b"", f"n:1:{number}", None)
        assert await self.log.trim(subject, 4) == 2
        assert await self.log.first_sequence(subject) == 4
        assert await self.log.first_sequence(f"{subject}_2") == 1

    @promise
    async def test_trimming_never_takes_the_last_message(self) -> None:
        """Without it the subject's last sequence would be 0, and every check would fail for ever."""
        subject = await self.begin()
        for number in range(3):
            await self.log.publish(subject, b"", f"n:1:{number}", number)
        assert await self.log.trim(subject, 1000) == 2
        assert await self.log.last_sequence(subject) == 3
        assert await self.log.publish(subject, b"", "n:1:4", 3) == 4
        assert await self.log.trim(f"{subject}_2", 1000) == 0

    # Beside the stream

    @promise
    async def test_core_messages_reach_who_listens(self) -> None:
        """They are not stored."""
        await self.begin()
        heard: Deferred[tuple[str, bytes]] = Deferred()
        listening = self.other.subscribe_core("_ha.turn.>", lambda subject, body: heard.callback((subject, body)))
        await self.other.stream_info()  # the server has taken the subscription before it answers this
        self.log.publish_core("_ha.turn.a_db", b"node")
        assert await heard == ("_ha.turn.a_db", b"node")
        listening.stop()
        assert await self.log.last_sequence(self.subject) == 0

    @promise
    async def test_a_feed_is_among_the_consumers(self) -> None:
        """So that an operator sees who reads."""
        subject = await self.begin()
        await self.log.publish(subject, b"", "n:1:1", 0)
        reader = Reader(self.log, subject)
        await reader.take(1)
        (consumer,) = await self.other.consumers()
        assert consumer.subject == subject
        assert consumer.name.startswith("ha_")
        assert not consumer.durable
        assert not await self.other.delete_consumer("nobody")

    # Snapshots

    @promise
    async def test_a_snapshot_comes_down_as_it_went_up(self) -> None:
        """Bytes and headers; the second replaces the first."""
        await self.begin()
        folder = Path(self.folder())
        for round_, body in enumerate((b"first", bytes(range(256)) * 2000), 1):
            (folder / "up").write_bytes(body)
            await self.log.put_snapshot("a.db", str(folder / "up"), {"seq": str(round_)})
            headers = await self.other.get_snapshot("a.db", str(folder / f"down {round_}"))
            assert headers["seq"] == str(round_)
            assert (folder / f"down {round_}").read_bytes() == body
        known = await self.other.snapshot_info("a.db")
        assert (known.sequence, known.size_bytes, known.name) == (2, 512_000, "a.db")
        assert not [one for one in folder.iterdir() if one.name.endswith(".part")]

    @promise
    async def test_an_empty_file_is_a_snapshot_too(self) -> None:
        """Of no slices at all."""
        await self.begin()
        folder = Path(self.folder())
        (folder / "up").write_bytes(b"")
        await self.log.put_snapshot("a.db", str(folder / "up"), {"seq": "1"})
        await self.log.get_snapshot("a.db", str(folder / "down"))
        assert (folder / "down").read_bytes() == b""

    @promise
    async def test_a_snapshot_that_is_not_there_is_missing(self) -> None:
        """Before the first one as well as for another name."""
        await self.begin()
        await self.refused(self.log.snapshot_info("a.db"), SnapshotMissing)
        (Path(self.folder()) / "up").write_bytes(b"x")
        await self.log.put_snapshot("a.db", str(Path(self.folder()) / "up"), {"seq": "1"})
        await self.refused(self.log.get_snapshot("b.db", str(Path(self.folder()) / "down")), SnapshotMissing)
        assert not (Path(self.folder()) / "down").exists()
