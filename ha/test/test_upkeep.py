"""Snapshots on a schedule, and trimming behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.replication.entry import Consumer, SnapshotMissing, Unreachable
from ha.replication.snapshot import Snapshot
from ha.replication.upkeep import Bounds, Upkeep, age_of
from ha.sqlite.backup import Unsettled


@dataclass
class FakeStream:
    """A log of a given size; what was trimmed is in `trimmed`."""

    size_bytes: int = 0
    made_at: str | None = None
    young: int = 0
    trimmed: list[int] = field(default_factory=list)
    readers: list[Consumer] = field(default_factory=list)

    async def stream_info(self) -> Any:
        return SimpleNamespace(cluster_id="c", epoch=1, size_bytes=self.size_bytes)

    async def snapshot_info(self, name: str) -> Any:
        if self.made_at is None:
            raise SnapshotMissing(name)
        return SimpleNamespace(made_at=self.made_at)

    async def sequence_at(self, subject: str, time_ns: int) -> int:
        return self.young

    async def consumers(self) -> list[Consumer]:
        return self.readers

    async def trim(self, subject: str, below: int) -> int:
        self.trimmed.append(below)
        return 1


class FakeSnapshots:
    """Made at the member's position."""

    def __init__(self) -> None:
        self.stored: Snapshot | None = None
        self.position = 0
        self.error: Exception | None = None
        self.made = 0

    async def newest(self, name: str) -> Snapshot | None:
        return self.stored

    async def make(self, name: str, subject: str, path: object) -> Snapshot:
        if self.error is not None:
            raise self.error
        self.made += 1
        self.stored = Snapshot(self.position, "c", 1, "", 1)
        return self.stored


class UpkeepTests(SynchronousTestCase):
    """One database, at position 1,000, at ten o'clock."""

    def setUp(self) -> None:
        """Its snapshot is of position 500 and of nine o'clock."""
        self.stream, self.snapshots = FakeStream(made_at="2026-01-01T09:00:00Z"), FakeSnapshots()
        self.snapshots.stored, self.snapshots.position = Snapshot(500, "c", 1, "", 1), 1000
        self.member = SimpleNamespace(
            name="my.db",
            subject="s.my_db",
            path=None,
            waiting_for="",
            gate=SimpleNamespace(connected=True),
            replica=SimpleNamespace(follower=SimpleNamespace(position=1000), outbox=SimpleNamespace(count=0)),
        )

    def upkeep(self, interval_s: float = 0, age_max_s: float = 0, bytes_max: int = 0) -> Upkeep:
        """With these bounds."""
        bounds = Bounds(interval_s, age_max_s, bytes_max)
        members: Any = lambda: [self.member]  # noqa: E731
        stream: Any = self.stream
        snapshots: Any = self.snapshots
        return Upkeep(stream, snapshots, members, Clock(), bounds, now=lambda: 1767261600.0)

    def look(self, **bounds: Any) -> None:
        """Once."""
        self.successResultOf(Deferred.fromCoroutine(self.upkeep(**bounds).look()))

    def test_a_snapshot_when_the_newest_is_old(self) -> None:
        """Whoever made that one."""
        self.look(interval_s=3601)
        self.assertEqual(self.snapshots.made, 0)
        self.look(interval_s=3600)
        self.assertEqual(self.snapshots.made, 1)

    def test_nothing_is_trimmed_under_a_feed(self) -> None:
        """It would not notice. Other subjects, readers that keep their place themselves, and who has all do not count."""
        self.stream.young = 400
        self.stream.readers = [
            Consumer("ha_x", "s.other_db", False, 10, 0, 5),
            Consumer("reader", "s.my_db", True, 20, 0, 5),
            Consumer("ha_y", "s.my_db", False, 30, 0, 0),
        ]
        self.look(age_max_s=60)
        self.stream.readers.append(Consumer("ha_z", "s.my_db", False, 300, 0, 700))
        self.look(age_max_s=60)
        self.stream.readers.append(Consumer("ha_new", "s.my_db", False, 0, 0, 1000))
        self.look(age_max_s=60)
        self.assertEqual(self.stream.trimmed, [400, 300])

    def test_no_snapshot_when_nothing_changed(self) -> None:
        """The newest is as good."""
        self.member.replica.follower.position = 500
        self.look(interval_s=1)
        self.assertEqual(self.snapshots.made, 0)

    def test_no_snapshot_of_what_is_pending(self) -> None:
        """It would not be the state at its position."""
        self.member.replica.outbox.count = 1
        self.look(interval_s=1)
        self.assertEqual(self.snapshots.made, 0)

    def test_trimmed_by_age_but_only_behind_the_snapshot(self) -> None:
        """The message at the snapshot's position stays."""
        self.stream.young = 300
        self.look(age_max_s=60)
        self.stream.young = 900
        self.look(age_max_s=60)
        self.stream.young = 0  # all are old
        self.look(age_max_s=60)
        self.assertEqual(self.stream.trimmed, [300, 500, 500])

    def test_a_log_that_is_too_large(self) -> None:
        """Gets a snapshot now, and is trimmed up to it."""
        self.stream.size_bytes = 2000
        self.look(bytes_max=1000)
        self.assertEqual((self.snapshots.made, self.stream.trimmed), (1, [1000]))

    def test_never_without_a_snapshot_of_this_log(self) -> None:
        """One of an earlier epoch says nothing about this log's positions."""
        self.snapshots.stored = Snapshot(500, "c", 0, "", 1)
        self.stream.size_bytes = 2000
        self.member.replica.follower.position = 10
        self.look(age_max_s=60, bytes_max=1000)
        self.assertEqual(self.stream.trimmed, [])

    def test_by_hand(self) -> None:
        """It is made, or refused in words."""
        made = self.successResultOf(Deferred.fromCoroutine(self.upkeep().make(self.member)))  # type: ignore[arg-type]
        self.assertEqual(made.sequence, 1000)
        for error, sqlstate in ((Unsettled("x"), "55000"), (Unreachable("x"), "08006")):
            self.snapshots.error = error
            failed = Deferred.fromCoroutine(self.upkeep().make(self.member))  # type: ignore[arg-type]
            self.assertEqual(self.failureResultOf(failed, StatementError).value.sqlstate, sqlstate)

    def test_ages(self) -> None:
        """What is no time is older than anything."""
        self.assertEqual(age_of("2026-01-01T09:00:00Z", 1767261600.0), 3600)
        self.assertEqual(age_of("yesterday", 0), float("inf"))
