"""Images put into a file, and taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import images
from ha.sqlite.capture import Capture
from ha.sqlite.connection import Connection, open_writer
from ha.sqlite.rowchange import Change, Command, RawText, Record, RowChange


@dataclass
class Parts:
    """As much of a message as applying needs."""

    changes: Sequence[Change]
    sequences: dict[str, int | None] = field(default_factory=dict)


class File:
    """A writer in memory."""

    def __init__(self, *schema: str) -> None:
        self.connection: Connection = open_writer(":memory:", synchronous="NORMAL")
        self.capture = Capture(self.connection)
        if schema:
            self.write(*schema)

    def ours(self, sql: str) -> list[Any]:
        """A statement of the house's own."""
        with self.connection.guard.trusted():
            return list(self.connection.execute(sql))

    def write(self, *statements: str) -> Parts:
        """One transaction of a client's, committed."""
        parts = self.draft(*statements)
        self.ours("COMMIT")
        self.capture.discard()
        return parts

    def draft(self, *statements: str) -> Parts:
        """One transaction, up to its COMMIT."""
        self.ours("BEGIN IMMEDIATE")
        self.capture.begin()
        for sql in statements:
            for _ in self.connection.execute(sql):
                pass
            self.capture.after_statement(sql, may_change_schema=True)
        self.capture.settle()
        return Parts(*self.capture.take())

    def rollback(self) -> None:
        """Undo the open transaction."""
        self.ours("ROLLBACK")
        self.capture.discard()

    def apply(self, *parts: Parts) -> None:
        """Put messages in one transaction."""
        self.ours("BEGIN IMMEDIATE")
        for part in parts:
            images.apply(self.connection, part)
        self.ours("COMMIT")

    def put_on_top(self, parts: Parts) -> Parts:
        """An interactive transaction's second try, committed."""
        self.ours("BEGIN IMMEDIATE")
        self.capture.begin()
        try:
            put = Parts(*images.put_on_top(self.connection, parts.changes, parts.sequences))
            self.capture.settle()
            self.ours("COMMIT")
            return put
        finally:
            if self.connection.in_transaction:
                self.ours("ROLLBACK")
            self.capture.discard()

    def rows(self, table: str = "t", columns: str = "*") -> list[Any]:
        """All rows, by rowid where there is one."""
        return self.ours(f"SELECT {columns} FROM {table} ORDER BY 1")


class ImageCase(SynchronousTestCase):
    """Files that are closed after the test."""

    def file(self, *schema: str) -> File:
        """A file with this schema."""
        made = File(*schema)
        self.addCleanup(made.connection.close)
        return made

    def pair(self, *schema: str) -> tuple[File, File]:
        """Two files that agree."""
        return self.file(*schema), self.file(*schema)


def insert(*values: Any, rowid: int, columns: str = "k u", pk: str = "k") -> RowChange:
    """A row that some node inserted into t."""
    return RowChange("t", "INSERT", tuple(columns.split()), tuple(pk.split()), None, rowid, None, values, 0)


class ApplyTests(ImageCase):
    """The log's messages."""

    def test_rowids_are_those_of_the_writer(self) -> None:
        """Whatever key the table has."""
        for definition in ("k PRIMARY KEY, u", "k INTEGER PRIMARY KEY, u", "k, u"):
            one, two = self.pair(f"CREATE TABLE t({definition})")
            two.apply(
                one.write("INSERT INTO t(rowid, k, u) VALUES (7, 7, 'a'), (-3, -3, NULL)", "UPDATE t SET u = 'b'")
            )
            self.assertEqual(two.rows(columns="rowid, *"), one.rows(columns="rowid, *"), definition)

    def test_triggers_and_cascades_do_not_fire_again(self) -> None:
        """Their rows are in the message; and they are back on afterwards."""
        one, two = self.pair(
            "CREATE TABLE t(k PRIMARY KEY)",
            "CREATE TABLE c(k REFERENCES t ON DELETE CASCADE)",
            "CREATE TABLE n(i)",
            "INSERT INTO n VALUES (0)",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE n SET i = i + 1; END",
        )
        for statement in ("INSERT INTO t VALUES (1), (2)", "INSERT INTO c VALUES (1)", "DELETE FROM t WHERE k = 1"):
            two.apply(one.write(statement))
        self.assertEqual((two.rows("n"), two.rows("c")), ([(2,)], []))
        two.write("INSERT INTO t VALUES (3)", "INSERT INTO c VALUES (3)", "DELETE FROM t WHERE k = 3")
        self.assertEqual((two.rows("n"), two.rows("c")), ([(3,)], []))

    def test_the_later_message_wins_a_key(self) -> None:
        """And takes a unique value from another row."""
        two = self.file("CREATE TABLE t(k PRIMARY KEY, u UNIQUE)")
        two.apply(Parts([insert(1, "a", rowid=1)]), Parts([insert(1, "b", rowid=5)]), Parts([insert(2, "b", rowid=6)]))
        self.assertEqual(two.rows(columns="rowid, *"), [(6, 2, "b")])

    def test_a_hidden_rowid_displaces_nobody(self) -> None:
        """Who comes later gets the largest plus one."""
        two = self.file("CREATE TABLE t(k PRIMARY KEY, u)")
        two.apply(Parts([insert(1, "a", rowid=1), insert(2, "b", rowid=4)]), Parts([insert(3, "c", rowid=1)]))
        self.assertEqual(two.rows(columns="rowid, *"), [(1, 1, "a"), (4, 2, "b"), (5, 3, "c")])

    def test_the_end_of_all_rowids(self) -> None:
        """The largest that is free: a drawn one would differ from node to node."""
        two = self.file("CREATE TABLE t(k PRIMARY KEY, u)")
        two.apply(Parts([insert(1, "a", rowid=2**63 - 1)]), Parts([insert(2, "b", rowid=2**63 - 1)]))
        self.assertEqual(two.rows(columns="rowid, k"), [(2**63 - 2, 2), (2**63 - 1, 1)])

    def test_null_in_a_key_is_known_by_rowid(self) -> None:
        """As often as SQLite allows it, and never for a row that has a key."""
        one, two = self.pair("CREATE TABLE t(k PRIMARY KEY, u)")
        two.apply(one.write("INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('x', 3)"))
        two.apply(one.write("DELETE FROM t WHERE u = 1", "UPDATE t SET k = 'y' WHERE u = 2"))
        self.assertEqual(two.rows(columns="rowid, *"), one.rows(columns="rowid, *"))
        gone = RowChange("t", "DELETE", ("k", "u"), ("k",), 3, None, (None, 9), None, 0)
        two.apply(Parts([gone]))
        self.assertEqual(len(two.rows()), 2)

    def test_sequences_are_set_and_otherwise_left(self) -> None:
        """Rows that we insert do not move them."""
        one, two = self.pair("CREATE TABLE t(k INTEGER PRIMARY KEY AUTOINCREMENT, u)")
        two.apply(one.write("INSERT INTO t(u) VALUES (1), (2)", "DELETE FROM t"))
        self.assertEqual(two.rows("sqlite_sequence"), [("t", 2)])
        two.apply(one.write("INSERT INTO t VALUES (1, 1)", "UPDATE t SET k = 50"))
        self.assertEqual(two.rows("sqlite_sequence"), [("t", 2)])

    def test_a_command_is_a_barrier(self) -> None:
        """Rows before it meet the schema of before."""
        one, two = self.pair()
        two.apply(
            one.write(
                "CREATE TABLE t(a)",
                "INSERT INTO t VALUES (1)",
                "ALTER TABLE t ADD COLUMN b DEFAULT 7",
                "UPDATE t SET a = 2",
                "CREATE VIRTUAL TABLE ft USING fts5(x)",
                "INSERT INTO ft VALUES ('word')",
            )
        )
        self.assertEqual(two.rows(), [(2, 7)])
        self.assertEqual(two.rows("ft('word')"), [("word",)])

    def test_values_arrive_to_the_bit(self) -> None:
        """In keys, too."""
        one, two = self.pair("CREATE TABLE t(k PRIMARY KEY, u) WITHOUT ROWID")
        two.apply(one.write("INSERT INTO t VALUES (CAST(x'ff' AS TEXT), 9e999), ('a' || char(0), -0.0), (x'', 5.0)"))
        self.assertEqual(two.rows(columns="hex(k), typeof(k), u"), one.rows(columns="hex(k), typeof(k), u"))
        two.apply(one.write("DELETE FROM t WHERE typeof(k) = 'text'"))
        self.assertEqual(repr(two.rows()), repr([(b"", 5.0)]))

    def test_full_text_can_be_written_here_after_it_was_written_there(self) -> None:
        """FTS5 keeps its index's structure in memory; it must not go on with a stale one."""
        one, two = self.pair("CREATE VIRTUAL TABLE ft USING fts5(x)")
        for writer, reader in ((one, two), (two, one), (one, two), (two, one)):
            reader.apply(writer.write("INSERT INTO ft VALUES ('word')"))
        for each in (one, two):
            self.assertEqual(len(each.rows("ft('word')")), 4)
            each.write("INSERT INTO ft(ft) VALUES ('integrity-check')")

    def test_slices_make_no_difference(self) -> None:
        """A long message is put in parts; between them virtual tables are half written."""
        self.patch(images, "SLICE_CHANGES", 2)
        one, two = self.pair("CREATE VIRTUAL TABLE r USING rtree(id, a, b)", "CREATE TABLE t(k PRIMARY KEY, u UNIQUE)")
        many = "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 90)"
        two.apply(
            one.write(f"INSERT INTO r {many} SELECT i, i, i + 1 FROM n", f"INSERT INTO t {many} SELECT i, -i FROM n"),
            one.write(
                "UPDATE t SET k = k + 100, u = u - 100", "DELETE FROM r WHERE id > 9", "REPLACE INTO t VALUES (1, -101)"
            ),
        )
        self.assertEqual((two.rows("r"), two.rows()), (one.rows("r"), one.rows()))

    def test_an_image_that_fits_no_table_is_said(self) -> None:
        """The table is gone, or its columns are others."""
        two = self.file()
        self.assertRaises(images.CannotPut, two.apply, Parts([insert(1, 2, rowid=1)]))
        two.ours("ROLLBACK")
        two.write("CREATE TABLE t(k PRIMARY KEY, other)")
        self.assertRaises(images.CannotPut, two.apply, Parts([insert(1, 2, rowid=1)]))

    def test_columns_go_by_name(self) -> None:
        """A table of another order takes the image all the same."""
        two = self.file("CREATE TABLE t(u, k PRIMARY KEY)")
        two.apply(Parts([insert(1, "a", rowid=1)]))
        self.assertEqual(two.rows(), [("a", 1)])


class UndoTests(ImageCase):
    """What a run did, back to the bit."""

    def test_everything_is_as_it_was(self) -> None:
        """Rowids, displaced rows, keys without rowids, sequences, text that is none."""
        one = self.file(
            "CREATE TABLE t(k PRIMARY KEY, u UNIQUE)",
            "CREATE TABLE w(a, b, PRIMARY KEY (b, a)) WITHOUT ROWID",
            "CREATE TABLE s(k INTEGER PRIMARY KEY AUTOINCREMENT, v, g AS (v))",
            "INSERT INTO t(rowid, k, u) VALUES (5, 1, 'a'), (9, CAST(x'ff' AS TEXT), 'b')",
            "INSERT INTO w VALUES (1, 2), (3, CAST(x'fe' AS TEXT))",
            "INSERT INTO s(v) VALUES (1), (2)",
        )

        def contents() -> str:
            return repr(
                [
                    one.rows("t", "rowid, hex(k), u"),
                    one.rows("w", "a, hex(b)"),
                    one.rows("s"),
                    one.rows("sqlite_sequence"),
                ]
            )

        before = contents()
        one.draft(
            "REPLACE INTO t VALUES (3, 'a'), (4, 'b')",
            "UPDATE t SET rowid = rowid + 100, k = k + 10",
            "DELETE FROM w WHERE a = 3",
            "UPDATE w SET a = 7, b = 1",
            "INSERT INTO s(v) VALUES (3)",
            "DELETE FROM s WHERE v < 3",
        )
        record = one.capture.record().to_bytes()
        one.ours("COMMIT")
        self.assertNotEqual(contents(), before)
        one.ours("BEGIN IMMEDIATE")
        images.undo(one.connection, Record.from_bytes(record))
        one.ours("COMMIT")
        self.assertEqual(contents(), before)

    def test_an_application_is_undone_too(self) -> None:
        """With the rows that it displaced."""
        two = self.file("CREATE TABLE t(k PRIMARY KEY, u UNIQUE)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        before = two.rows(columns="rowid, *")
        two.ours("BEGIN IMMEDIATE")
        two.capture.begin()
        images.apply(two.connection, Parts([insert(2, "a", rowid=1)]))
        record = two.capture.record()
        self.assertEqual(two.rows(columns="rowid, *"), [(2, 2, "a")])
        images.undo(two.connection, record)
        two.ours("COMMIT")
        self.assertEqual(two.rows(columns="rowid, *"), before)


class PutOnTopTests(ImageCase):
    """An interactive transaction's images on a state that it had not seen."""

    def conflict(self, file: File, parts: Parts) -> StatementError:
        """The refusal."""
        error: StatementError = self.assertRaises(StatementError, file.put_on_top, parts)
        self.assertEqual(error.sqlstate, "40001")
        return error

    def rewrite(self, schema: Sequence[str], ours: str, theirs: str) -> tuple[File, Parts]:
        """`ours` ran, but `theirs` came first; the images wait to be put on top."""
        file, other = self.pair(*schema)
        draft = file.draft(ours)
        file.rollback()
        file.apply(other.write(theirs))
        return file, draft

    def test_rows_of_both_stay_where_they_do_not_meet(self) -> None:
        """The new message says what was really done."""
        schema = ["CREATE TABLE t(k PRIMARY KEY, u UNIQUE)", "INSERT INTO t VALUES (1, 'a')"]
        file, draft = self.rewrite(schema, "INSERT INTO t VALUES (2, 'b')", "INSERT INTO t VALUES (3, 'c')")
        put = file.put_on_top(draft)
        self.assertEqual(file.rows(columns="rowid, *"), [(1, 1, "a"), (2, 3, "c"), (3, 2, "b")])
        replica = self.file(*schema)
        replica.apply(Parts([insert(3, "c", rowid=2)]), put)
        self.assertEqual(replica.rows(columns="rowid, *"), file.rows(columns="rowid, *"))

    def test_the_later_writer_wins_a_row_knowingly(self) -> None:
        """The version that it had not seen can be told."""
        schema = ["CREATE TABLE t(k PRIMARY KEY, n)", "INSERT INTO t VALUES (1, 0), (2, 0)"]
        file, draft = self.rewrite(schema, "UPDATE t SET n = n + 1", "UPDATE t SET n = 10 WHERE k = 2")
        put = file.put_on_top(draft)
        self.assertEqual(file.rows(), [(1, 1), (2, 1)])
        self.assertEqual([change.old_values for change in images.overwritten(draft.changes, put.changes)], [(2, 10)])

    def test_no_key_is_taken_from_another(self) -> None:
        """The primary key, a unique value, a partial index's, an automatic rowid: each names table and key."""
        for definition, extra, ours, theirs in (
            ("k PRIMARY KEY, u", "SELECT 1", "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'b')"),
            ("k PRIMARY KEY, u UNIQUE", "SELECT 1", "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'a')"),
            ("k INTEGER PRIMARY KEY, u", "SELECT 1", "INSERT INTO t(u) VALUES ('a')", "INSERT INTO t(u) VALUES ('b')"),
            ("k, u", "SELECT 1", "INSERT INTO t(u) VALUES ('a')", "INSERT INTO t(u) VALUES ('b')"),
            (
                "k PRIMARY KEY, u",
                "CREATE UNIQUE INDEX i ON t(lower(u)) WHERE u IS NOT NULL",
                "INSERT INTO t VALUES (1, 'A')",
                "INSERT INTO t VALUES (2, 'a')",
            ),
        ):
            file, draft = self.rewrite([f"CREATE TABLE t({definition})", extra], ours, theirs)
            error = self.conflict(file, draft)
            self.assertIn('Table "t", Key (', error.detail or "")
            self.assertEqual(len(file.rows()), 1)

    def test_foreign_keys_are_enforced(self) -> None:
        """The parent went away; or a child came that a cascade would take with it."""
        for ours, theirs in (
            ("INSERT INTO c VALUES (1)", "DELETE FROM p"),
            ("DELETE FROM p", "INSERT INTO c VALUES (1)"),
        ):
            schema = [
                "CREATE TABLE p(k PRIMARY KEY)",
                "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)",
                "INSERT INTO p VALUES (1)",
            ]
            self.conflict(*self.rewrite(schema, ours, theirs))

    def test_a_cascade_of_our_own_goes_through(self) -> None:
        """Its rows are in the images."""
        schema = [
            "CREATE TABLE p(k PRIMARY KEY)",
            "CREATE TABLE c(p REFERENCES p ON DELETE CASCADE)",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO c VALUES (1)",
        ]
        file, draft = self.rewrite(schema, "DELETE FROM p", "INSERT INTO p VALUES (2)")
        file.put_on_top(draft)
        self.assertEqual((file.rows("p"), file.rows("c")), ([(2,)], []))

    def test_triggers_do_not_fire_again(self) -> None:
        """Their rows are in the images."""
        schema = [
            "CREATE TABLE t(k PRIMARY KEY)",
            "CREATE TABLE log(x PRIMARY KEY)",
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.k); END",
        ]
        file, draft = self.rewrite(schema, "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
        file.put_on_top(draft)
        self.assertEqual(file.rows("log"), [(1,), (2,)])

    def test_one_virtual_table_is_not_written_by_two(self) -> None:
        """Its shadow tables only fit together."""
        for definition, ours, theirs in (
            ("fts5(x)", "INSERT INTO v(x) VALUES ('a')", "INSERT INTO v(x) VALUES ('b')"),
            ("fts4(x)", "INSERT INTO v(x) VALUES ('a')", "INSERT INTO v(x) VALUES ('b')"),
            ("rtree(id, a, b)", "INSERT INTO v VALUES (1, 1, 2)", "INSERT INTO v VALUES (2, 1, 2)"),
        ):
            file, draft = self.rewrite([f"CREATE VIRTUAL TABLE v USING {definition}"], ours, theirs)
            self.conflict(file, draft)

    def test_a_virtual_table_that_only_we_wrote(self) -> None:
        """Goes on working."""
        schema = ["CREATE VIRTUAL TABLE v USING fts5(x)", "CREATE TABLE t(k)"]
        file, draft = self.rewrite(schema, "INSERT INTO v VALUES ('word')", "INSERT INTO t VALUES (1)")
        file.put_on_top(draft)
        file.write("INSERT INTO v VALUES ('word')", "INSERT INTO v(v) VALUES ('integrity-check')")
        self.assertEqual(len(file.rows("v('word')")), 2)

    def test_a_sequence_only_grows(self) -> None:
        """Numbers that the other side gave out are not given again."""
        schema = [
            "CREATE TABLE t(k INTEGER PRIMARY KEY AUTOINCREMENT, u)",
            "CREATE TABLE o(k INTEGER PRIMARY KEY AUTOINCREMENT)",
        ]
        file, draft = self.rewrite(schema, "INSERT INTO t VALUES (3, 'a')", "INSERT INTO t VALUES (9, 'b')")
        put = file.put_on_top(draft)
        self.assertEqual((file.rows("sqlite_sequence"), put.sequences), ([("t", 9)], {}))

    def test_a_changed_schema_is_a_conflict(self) -> None:
        """Theirs or ours."""
        file, draft = self.rewrite(
            ["CREATE TABLE t(k PRIMARY KEY)"], "INSERT INTO t VALUES (1)", "ALTER TABLE t ADD COLUMN n"
        )
        self.conflict(file, draft)
        self.conflict(file, Parts([Command("CREATE TABLE n(a)", 0)]))

    def test_another_table_of_the_same_name_and_columns(self) -> None:
        """It takes the row, or it is a conflict; whatever SQLite finds wrong with it."""
        shapes = {
            "plain": "CREATE TABLE t(k, u)",
            "keyed": "CREATE TABLE t(k PRIMARY KEY, u)",
            "alias": "CREATE TABLE t(k INTEGER PRIMARY KEY, u)",
            "without a rowid": "CREATE TABLE t(k, u, PRIMARY KEY (u, k)) WITHOUT ROWID",
            "strict": "CREATE TABLE t(k INT PRIMARY KEY, u ANY) STRICT",
            "generated": "CREATE TABLE t(k, u, g AS (k || u) UNIQUE)",
            "virtual": "CREATE VIRTUAL TABLE t USING fts5(k, u)",
            "checked": "CREATE TABLE t(k CHECK (typeof(k) = 'integer'), u)",
        }
        refused = set()
        for before in sorted(shapes.keys() - {"virtual"}):
            for after in sorted(shapes.keys() - {before}):
                for ours in ("INSERT INTO t VALUES (7, 'x')", "UPDATE t SET u = 'z'", "DELETE FROM t"):
                    file, other = self.pair(shapes[before], "INSERT INTO t VALUES (1, 'a')")
                    draft = file.draft(ours)
                    draft = Parts([one._replace(new_values=one.new_values and ("seven", b"")) for one in draft.changes])
                    file.rollback()
                    file.apply(other.write("DROP TABLE t"), other.write(shapes[after]))
                    try:
                        file.put_on_top(draft)
                    except StatementError as error:
                        self.assertEqual(error.sqlstate, "40001")
                        refused.add((before, after))
        self.assertIn(("plain", "alias"), refused)

    def test_text_that_is_not_utf_8_is_put_as_well(self) -> None:
        """As a value and as a key."""
        schema = ["CREATE TABLE t(k PRIMARY KEY, u)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT), 1)"]
        file, draft = self.rewrite(schema, "UPDATE t SET u = CAST(x'fe' AS TEXT)", "INSERT INTO t VALUES (1, 1)")
        put = file.put_on_top(draft)
        self.assertEqual(put.changes[0].new_values, (RawText(b"\xff"), RawText(b"\xfe")))  # type: ignore[union-attr]
