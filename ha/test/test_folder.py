"""The database files of a node, and its identity."""

from __future__ import annotations

import json
import os
from pathlib import Path

import apsw
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite import folder as module
from ha.sqlite.folder import Ambiguous, Folder, FolderError, Held, NotADatabase, NotWritable, has_rows, normalise


class NormaliseTests(SynchronousTestCase):
    """The part of a subject that stands for a database: other programs compute the same."""

    def test_examples(self) -> None:
        """From the format's page, and its corners."""
        for given_name, expected in (
            ("mydatabase.db", "mydatabase_db"),
            ("a b/c*d>e.db", "a_b_c_d_e_db"),
            ("..hidden..", "hidden"),
            ("__x__", "x"),
            ("x" * 40 + ".db", "x" * 29 + "_db"),
            ("Straße.db", "Straße_db"),
            ("...", ""),
        ):
            self.assertEqual(normalise(given_name), expected)

    @given(st.text())
    def test_it_is_a_token_of_a_subject(self, name: str) -> None:
        """Whatever the file is called."""
        token = normalise(name)
        self.assertLessEqual(len(token), 32)
        self.assertNotRegex(token, r"[./*>\s]")


class FolderTests(SynchronousTestCase):
    """Opening the files of a node."""

    def setUp(self) -> None:
        """An empty directory."""
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()

    def open(self, *names: str) -> Folder:
        """The folder with these files, closed at the end."""
        folder = Folder.open([self.home / name for name in names])
        self.addCleanup(folder.close)
        return folder

    def test_databases_that_clients_make(self) -> None:
        """Beside the first, with its ending; the next start finds them; a dropped one leaves nothing."""
        folder = self.open("my.db")
        self.assertEqual(folder.create("test_x").path, self.home / "test_x.db")
        self.assertEqual(folder.create("other.sqlite").name, "other.sqlite")
        for name, error in (
            ("test_x", Held),
            ("my", Held),
            ("../up", Ambiguous),
            (".hidden", Ambiguous),
            ("", Ambiguous),
        ):
            with self.assertRaises(error):
                folder.create(name)
        folder.drop("other.sqlite")
        folder.close()
        again = self.open("my.db")
        self.assertEqual((list(again.places), again.made), (["my.db", "test_x.db"], ["test_x.db"]))
        self.assertEqual(sorted(path.name for path in self.home.glob("other*")), [])

    def test_a_node_holds_only_so_many(self) -> None:
        self.patch(module, "DATABASES_MAX", 2)
        folder = self.open("my.db")
        folder.create("second")
        with self.assertRaises(Ambiguous):
            folder.create("third")

    def test_a_missing_file_is_made(self) -> None:
        """With the directories above it, and the data directory beside it."""
        folder = self.open("deep/er/my.db")
        place = folder.places["my.db"]
        self.assertEqual((place.name, place.token, place.path), ("my.db", "my_db", self.home / "deep/er/my.db"))
        self.assertTrue(place.path.exists())
        self.assertEqual(folder.data, self.home / "deep/er/ha-data")
        self.assertTrue(folder.nats.is_dir())

    def test_another_programs_database_is_left_as_it_is(self) -> None:
        """It is only looked at."""
        apsw.Connection(str(self.home / "app.db")).execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        before = (self.home / "app.db").read_bytes()
        self.open("app.db")
        self.assertEqual((self.home / "app.db").read_bytes(), before)

    def test_a_letter_is_not_a_database(self) -> None:
        """Nor is half a database, or a directory."""
        (self.home / "letter.txt").write_text("Dear Sir or Madam, " * 100)
        (self.home / "half.db").write_bytes(module.SQLITE_MAGIC + b"\xff" * 5000)
        (self.home / "dir.db").mkdir()
        for name in ("letter.txt", "half.db", "dir.db"):
            error = self.assertRaises(NotADatabase, self.open, name)
            self.assertIn(str(self.home / name), str(error))

    def test_a_file_that_can_crash_us(self) -> None:
        """A foreign key onto a virtual table's own tables: said at the start, not at somebody's write."""
        apsw.Connection(str(self.home / "odd.db")).execute(
            "CREATE VIRTUAL TABLE f USING fts5(a); CREATE TABLE c (a REFERENCES f_data)"
        )
        self.assertIn("f_data", str(self.assertRaises(FolderError, self.open, "odd.db")))

    def test_a_directory_that_cannot_be_written(self) -> None:
        """Said with its path."""
        (self.home / "file").write_text("")
        error = self.assertRaises(NotWritable, self.open, "file/my.db")
        self.assertIn(str(self.home / "file"), str(error))

    def test_two_nodes_cannot_hold_one_file(self) -> None:
        """Though their data directories differ; and also through a link."""
        self.open("my.db")
        (self.home / "link.db").symlink_to(self.home / "my.db")
        for name in ("my.db", "link.db"):
            error = self.assertRaises(Held, Folder.open, [self.home / name], self.home / "other-data")
            self.assertEqual(str(error), f"{self.home / 'my.db'}: held by a running node")

    def test_two_nodes_cannot_hold_one_data_directory(self) -> None:
        """It holds the node's identity and its part of the log."""
        folder = self.open("my.db")
        error = self.assertRaises(Held, Folder.open, [self.home / "other.db"], folder.data)
        self.assertIn("ha-data: held by a running node", str(error))

    def test_what_could_not_be_opened_is_not_held(self) -> None:
        """So the operator can mend one file and try again."""
        (self.home / "letter.txt").write_text("Dear Sir or Madam")
        self.assertRaises(NotADatabase, self.open, "my.db", "letter.txt")
        self.open("my.db")

    def test_the_lock_outlives_a_rename(self) -> None:
        """A restored file takes the old one's place under it."""
        self.open("my.db")
        (self.home / "new.db").write_bytes(b"")
        os.replace(self.home / "new.db", self.home / "my.db")
        self.assertRaises(Held, Folder.open, [self.home / "my.db"], self.home / "other-data")

    def test_closing_lets_go(self) -> None:
        """As the end of the process does."""
        self.open("my.db").close()
        self.open("my.db")

    def test_names_must_differ(self) -> None:
        """A database is known in the cluster by its base name."""
        self.assertIn("is taken by", str(self.assertRaises(Ambiguous, self.open, "a/my.db", "b/my.db")))

    def test_subjects_must_differ(self) -> None:
        """Two files on one log would become each other."""
        error = self.assertRaises(Ambiguous, self.open, "my.db", "my_db")
        self.assertIn("'my_db'", str(error))
        self.assertRaises(Ambiguous, self.open, "...")

    def test_names_must_be_printable_and_not_endless(self) -> None:
        """They stand in logs and headers."""
        self.assertRaises(Ambiguous, self.open, "a\nb.db")
        self.assertRaises(Ambiguous, self.open, "x" * 201)

    def test_old_copies_are_removed(self) -> None:
        """A killed process leaves the download it was in the middle of."""
        folder = self.open("my.db")
        (folder.copies / "half.copy").write_bytes(b"x")
        folder.close()
        self.assertEqual(list(self.open("my.db").copies.iterdir()), [])


class IdentityTests(FolderTests):
    """Who the node is."""

    def test_it_lasts(self) -> None:
        """From its first start on."""
        first = self.open("my.db")
        identity = first.identity()
        first.close()
        self.assertEqual(self.open("my.db").identity(), identity)
        self.assertEqual(len(identity.id), 32)
        self.assertTrue(identity.name.startswith("ha-"))

    def test_the_operator_names_it(self) -> None:
        """At any start; the id stays."""
        folder = self.open("my.db")
        identity = folder.identity()
        self.assertEqual(folder.identity("zoe"), module.Identity(identity.id, "zoe"))
        self.assertEqual(folder.identity().name, "zoe")

    def test_a_damaged_identity_is_not_replaced(self) -> None:
        """The node's messages in the log carry the old one."""
        folder = self.open("my.db")
        (folder.data / "node.json").write_text(json.dumps({"id": 3}))
        self.assertIn("node.json", str(self.assertRaises(FolderError, folder.identity)))


class HasRowsTests(SynchronousTestCase):
    """Whether somebody would miss a file."""

    def look(self, *statements: str) -> bool:
        """At a file in which these ran."""
        path = self.mktemp()
        connection = apsw.Connection(path)
        for sql in statements:
            connection.execute(sql)
        connection.close()
        return has_rows(Path(path))

    def test_no_file_and_no_table(self) -> None:
        """There is nothing to miss."""
        self.assertFalse(has_rows(Path(self.mktemp())))
        self.assertFalse(self.look("CREATE TABLE t (a)", "DROP TABLE t"))

    def test_a_schema_is_not_data(self) -> None:
        """Applications make theirs before they have any; FTS fills its own tables at once."""
        self.assertFalse(self.look("CREATE TABLE t (a)", "CREATE VIRTUAL TABLE f USING fts5(a)"))

    def test_a_row_is(self) -> None:
        """Whatever its table is called."""
        self.assertTrue(self.look('CREATE TABLE "a ""b" (a)', 'INSERT INTO "a ""b" VALUES (NULL)'))
        self.assertTrue(self.look("CREATE VIRTUAL TABLE f USING fts5(a)", "INSERT INTO f VALUES ('x')"))

    def test_our_rows_are_not(self) -> None:
        """Nor SQLite's."""
        self.assertFalse(
            self.look(
                "CREATE TABLE ha_stats (a)",
                "INSERT INTO ha_stats VALUES (1)",
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
                "INSERT INTO t DEFAULT VALUES",
                "DELETE FROM t",
                "ANALYZE",
            )
        )
