"""Putting a downloaded copy in the place of a database file."""

from __future__ import annotations

import os
from collections import namedtuple
from pathlib import Path
from typing import Any

import apsw
import orjson
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import restore as module
from ha.sqlite.connection import open_writer
from ha.sqlite.restore import BadSnapshot, check, digest, make_room, part_of, remove, swap
from ha.sqlite.schema import Membership, install, read_positions, write_membership

SUBJECT = "s.my_db"


def make(path: Path, position: int, *values: str) -> None:
    """A database of ours at a position, closed."""
    connection = open_writer(str(path), synchronous="NORMAL")
    install(connection)
    write_membership(connection, Membership("s", "c1", 4))
    connection.execute("CREATE TABLE t (a)")
    connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    with connection.guard.trusted():
        connection.execute("INSERT INTO ha_stats (subject, received_seq) VALUES (?, ?)", (SUBJECT, position))
    connection.close()


class RestoreTests(SynchronousTestCase):
    """A database at position 3, and the download of one at position 9."""

    def setUp(self) -> None:
        """Beside one another, as always."""
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.path = self.home / "my.db"
        self.part = part_of(self.path)
        make(self.path, 3, "old")
        make(self.part, 9, "new", "newer")

    def look(self, path: Path, sql: str) -> object:
        """One value from a file."""
        connection = apsw.Connection(str(path))
        try:
            return connection.execute(sql).get
        finally:
            connection.close()

    def run_in(self, path: Path, sql: str) -> None:
        """Plain SQLite, and the file is closed again."""
        connection = apsw.Connection(str(path))
        connection.execute(sql)
        connection.close()


class SwapTests(RestoreTests):
    """The old file goes and the new one is there."""

    def test_the_new_rows_are_there(self) -> None:
        """And the position that belongs to them."""
        self.assertIsNone(swap(self.path, keep=False))
        self.assertEqual(self.look(self.path, "SELECT group_concat(a) FROM t"), "new,newer")
        connection = open_writer(str(self.path), synchronous="NORMAL")
        self.addCleanup(connection.close)
        self.assertEqual(read_positions(connection), {SUBJECT: 9})

    def test_nothing_is_left_beside(self) -> None:
        """A write-ahead log of the old file would be played into the new one."""
        swap(self.path, keep=False)
        self.assertEqual(os.listdir(self.home), ["my.db"])

    def test_a_write_ahead_log_of_a_killed_process(self) -> None:
        """Its rows are the old file's, and are not seen in the new one."""
        writer = open_writer(str(self.path), synchronous="NORMAL")
        self.addCleanup(writer.close)
        writer.execute("INSERT INTO t VALUES ('in the write-ahead log')")
        for suffix in ("", "-wal", "-shm"):
            (self.home / f"killed.db{suffix}").write_bytes(Path(f"{self.path}{suffix}").read_bytes())
        killed = self.home / "killed.db"
        os.rename(self.part, part_of(killed))
        kept = swap(killed, keep=True)
        self.assertEqual(self.look(killed, "SELECT group_concat(a) FROM t"), "new,newer")
        self.assertEqual(self.look(kept, "SELECT group_concat(a) FROM t"), "old,in the write-ahead log")

    def test_the_old_file_can_be_kept(self) -> None:
        """Beside, under a name with the time in it; and never over another one."""
        first = swap(self.path, keep=True)
        make(self.part, 12, "newest")
        second = swap(self.path, keep=True)
        self.assertTrue(first.name.startswith("my.db.replaced-"))
        self.assertNotEqual(first, second)
        self.assertEqual(self.look(first, "SELECT a FROM t"), "old")
        self.assertEqual(self.look(second, "SELECT group_concat(a) FROM t"), "new,newer")

    def test_there_need_not_be_an_old_file(self) -> None:
        """A joiner's is empty, or not there."""
        for old in (None, b""):
            path = self.home / f"joiner{old}.db"
            if old is not None:
                path.write_bytes(old)
            make(part_of(path), 9, "new")
            self.assertIsNone(swap(path, keep=True))
            self.assertEqual(self.look(path, "SELECT a FROM t"), "new")

    def test_an_old_file_that_was_never_ours(self) -> None:
        """It has no outbox to carry over."""
        self.path.unlink()
        self.run_in(self.path, "CREATE TABLE app (a); INSERT INTO app VALUES (1)")
        kept = swap(self.path, keep=True)
        self.assertEqual(self.look(kept, "SELECT a FROM app"), 1)

    def test_what_waits_goes_along(self) -> None:
        """Acknowledged writes that the log does not have yet; what they did to the old file means nothing here."""
        self.run_in(
            self.path,
            "INSERT INTO ha_outbox (id, message_id, body, undo, sent, created_ns)"
            " VALUES (7, 'n:1:1', x'01', x'ff', 1, 5), (8, 'n:1:2', x'02', x'ff', 0, 6)",
        )
        swap(self.path, keep=False)
        found = "SELECT json_group_array(json_array(id, message_id, hex(body), undo, sent)) FROM ha_outbox"
        self.assertEqual(self.look(self.path, found), '[[7,"n:1:1","01",null,1],[8,"n:1:2","02",null,0]]')

    def test_what_waits_knows_no_state_of_another_log(self) -> None:
        """The position at which it was executed was one of the log before: another state may stand there now."""
        body = orjson.dumps({"changes": [], "snapshot_seq": 3, "sequences": {"snapshot_seq": 3}})
        self.run_in(
            self.path,
            "UPDATE ha_cluster SET epoch = 3; INSERT INTO ha_outbox (message_id, body, sent, created_ns)"
            f" VALUES ('n:1:1', x'{body.hex()}', 1, 5)",
        )
        swap(self.path, keep=False)
        told: Any = self.look(self.path, "SELECT body FROM ha_outbox")
        self.assertEqual(orjson.loads(told), {"changes": [], "snapshot_seq": 0, "sequences": {"snapshot_seq": 3}})

    def test_conflicts_are_the_nodes_own(self) -> None:
        """Ours stay, and those of the node that made the snapshot are dropped."""
        for path, reason in ((self.path, "ours"), (self.part, "theirs")):
            self.run_in(
                path,
                'INSERT INTO ha_conflicts (created_ns, reason, "table", key, operation)'
                f" VALUES (1, '{reason}', 't', '[1]', 'UPDATE')",
            )
        swap(self.path, keep=False)
        self.assertEqual(self.look(self.path, "SELECT group_concat(reason) FROM ha_conflicts"), "ours")

    def test_permissions_stay(self) -> None:
        """The operator chose them."""
        self.path.chmod(0o640)
        swap(self.path, keep=False)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)


class CheckTests(RestoreTests):
    """Nothing is trusted that was not checked."""

    def check(self, *, sequence: int = 9, membership: tuple[str, int] = ("c1", 4)) -> None:
        """The download, against headers that tell the truth about its bytes."""
        check(self.part, SUBJECT, sequence, membership, self.part.stat().st_size, digest(self.part))

    def test_a_sound_one(self) -> None:
        """Passes, and its bytes are left as they were."""
        before = digest(self.part)
        self.check()
        self.assertEqual(digest(self.part), before)

    def test_damaged_bytes(self) -> None:
        """One bit is enough."""
        size, sum_before = self.part.stat().st_size, digest(self.part)
        with open(self.part, "r+b") as file:
            file.seek(size // 2)
            file.write(bytes([file.read(1)[0] ^ 1]))
        error = self.assertRaises(BadSnapshot, check, self.part, SUBJECT, 9, ("c1", 4), size, sum_before)
        self.assertIn("digest", str(error))

    def test_half_of_it(self) -> None:
        """A download that was cut."""
        size, sum_before = self.part.stat().st_size, digest(self.part)
        os.truncate(self.part, size // 2)
        self.assertRaises(BadSnapshot, check, self.part, SUBJECT, 9, ("c1", 4), size, sum_before)

    def test_a_damaged_database_with_the_right_digest(self) -> None:
        """Its maker was damaged."""
        with open(self.part, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 4096)
        self.assertRaises(BadSnapshot, self.check)
        self.part.write_bytes(b"a letter" * 1000)
        self.assertRaises(BadSnapshot, self.check)

    def test_another_position(self) -> None:
        """The header and ha_stats must agree."""
        self.assertIn("position 8", str(self.assertRaises(BadSnapshot, self.check, sequence=8)))

    def test_another_cluster(self) -> None:
        """Or epoch."""
        self.assertRaises(BadSnapshot, self.check, membership=("c2", 4))
        self.assertRaises(BadSnapshot, self.check, membership=("c1", 5))

    def test_something_pending(self) -> None:
        """It holds more than the log."""
        self.run_in(self.part, "INSERT INTO ha_outbox (message_id, body, created_ns) VALUES ('n:1:1', x'01', 5)")
        self.assertRaises(BadSnapshot, self.check)


class RoomTests(RestoreTests):
    """Before the download."""

    def test_an_earlier_download_is_removed(self) -> None:
        """A killed process leaves half of one."""
        self.assertEqual(make_room(self.path, 1000), self.part)
        self.assertFalse(self.part.exists())

    def test_a_full_disk(self) -> None:
        """53100, before a byte is loaded."""
        usage = namedtuple("usage", "free")
        self.patch(module.shutil, "disk_usage", lambda path: usage(1_000_000))
        self.assertEqual(self.assertRaises(StatementError, make_room, self.path, 1000).sqlstate, "53100")

    def test_removing(self) -> None:
        """What is not there is no error."""
        remove(self.part)
        remove(self.part)
