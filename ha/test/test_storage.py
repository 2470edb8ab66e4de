"""The disk under the embedded nats-server."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.storage import FULL_BYTES, READ_BYTES_MAX, ROOM_BYTES, Storage, free_bytes


class StorageTests(SynchronousTestCase):
    """When a server should be started again."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.room = 10 * ROOM_BYTES
        self.say(b"[1] 2026/01/01 [ERR] write 1.blk: no space left on device\n")
        self.storage = Storage(os.curdir, self.path, lambda directory: self.room)
        self.storage.begin()

    def say(self, line: bytes, mode: str = "ab") -> None:
        """The server writes to its log."""
        with open(self.path, mode) as file:
            file.write(line)

    def test_a_healthy_one_is_left_alone(self) -> None:
        """Whatever an earlier one said, and whatever it says of other things."""
        self.say(b"[2] 2026/01/01 [INF] Server is ready\n")
        self.assertFalse(self.storage.look())
        self.assertFalse(self.storage.failed)

    def test_what_it_says(self) -> None:
        """A write failed and there is room: now."""
        for line in (
            b"[ERR] JetStream failed to store a msg on stream '$G > s': write 1.blk: no space left on device\n",
            b"[ERR] RAFT [x - _meta_] Critical write error: write tav.idx.tmp: disk quota exceeded\n",
            b"[ERR] write 1.blk: input/output error\n",
            b"[ERR] open 2.blk: read-only file system\n",
            b"[ERR] JetStream out of resources, will be DISABLED\n",
        ):
            self.say(line)
            self.assertTrue(self.storage.look(), line)
            self.storage.begin()
            self.assertFalse(self.storage.look())

    def test_not_while_it_would_fail_again(self) -> None:
        """And it is remembered until there is room."""
        self.say(b"[ERR] write 1.blk: no space left on device\n")
        self.room = ROOM_BYTES - 1
        self.assertFalse(self.storage.look())
        self.assertTrue(self.storage.failed)
        self.room = ROOM_BYTES
        self.assertTrue(self.storage.look())

    def test_a_disk_so_full_that_the_log_says_nothing(self) -> None:
        """The log lies on it, too."""
        self.room = FULL_BYTES - 1
        self.assertFalse(self.storage.look())
        self.assertTrue(self.storage.failed)
        self.room = FULL_BYTES
        self.assertFalse(self.storage.look())
        self.room = ROOM_BYTES
        self.assertTrue(self.storage.look())

    def test_a_log_that_begins_anew_or_is_long(self) -> None:
        """All that is new is looked at, but no more than the last of it."""
        self.say(b"x" * 1000 + b"\n")
        self.storage.look()
        self.say(b"[ERR] no space left on device\n", "wb")
        self.assertTrue(self.storage.look())
        self.storage.begin()
        self.say(b"y" * 3 * READ_BYTES_MAX + b"\n[ERR] no space left on device\n")
        self.assertTrue(self.storage.look())
        os.unlink(self.path)
        self.storage.begin()
        self.assertFalse(self.storage.look())

    def test_the_room_there_is(self) -> None:
        """Of the file system; none where there is none."""
        self.assertGreater(free_bytes(os.curdir), 0)
        self.assertEqual(free_bytes(self.path + "/nowhere"), 0)
