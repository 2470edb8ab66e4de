"""The message of a group: what third parties read in it, and what we read."""

from __future__ import annotations

import json
from typing import Any

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import (
    PIECE_BYTES,
    Command,
    Malformed,
    Message,
    RowChange,
    Shape,
    decode,
    encode,
    exact_statement,
    literal,
    merge,
)
from ha.replication.parts import split
from ha.sqlite.rowchange import RawText
from ha.test.test_rowchange import VALUES, exactly

USERS = Shape(plain=True, rowid="rowid", alias=0, key=(0,), loose=())
COLUMNS = ("id", "name")


def message(*changes: Any, **fields: Any) -> Message:
    """A message of node n."""
    return Message("n", 1, "my.db", 3, 17, 5, changes, **fields)


def insert(*values: Any, shape: Shape | None = USERS, pk: tuple[str, ...] = ("id",), table: str = "users") -> RowChange:
    """A row that came in under the rowid 2."""
    return RowChange(table, "INSERT", COLUMNS, pk, None, 2, None, values, 9, shape)


def first(written: Message) -> dict[str, Any]:
    """The first change as a third party sees it."""
    change: dict[str, Any] = json.loads(encode(written))["changes"][0]
    return change


class PlainChangeTests(SynchronousTestCase):
    """Rows that any reader keeps as they are."""

    def test_an_insert_has_the_documented_fields(self) -> None:
        """Names and values as interoperation wants them."""
        self.assertEqual(
            first(message(insert(2, "new HA user"))),
            {
                "database": "main",
                "table": "users",
                "columns": ["id", "name"],
                "pk_columns": ["id"],
                "operation": "INSERT",
                "new_rowid": 2,
                "new_values": [2, "new HA user"],
                "ts_ns": 9,
            },
        )

    def test_a_delete_without_a_key_is_found_by_rowid(self) -> None:
        """As long as the rowid is a number that a float can hold."""
        shape = Shape(plain=True, rowid="rowid", alias=None, key=(), loose=())
        small = RowChange("users", "DELETE", COLUMNS, (), 7, None, (1, "x"), None, 9, shape)
        self.assertEqual(first(message(small))["operation"], "DELETE")
        large = small._replace(old_rowid=2**53 + 1)
        self.assertEqual(first(message(large))["command"], 'DELETE FROM "users" WHERE rowid = 9007199254740993')

    def test_the_head_names_node_process_and_database(self) -> None:
        """And where each transaction ends."""
        written = json.loads(encode(message(insert(1, "a"), insert(2, "b"), transactions=(("x", 1), ("y", 1)))))
        self.assertEqual((written["node"], written["process_id"], written["filename"]), ("n", 1, "my.db"))
        self.assertEqual(written["transactions"], [{"id": "x", "changes": 1}, {"id": "y", "changes": 1}])

    def test_a_command_stands_as_it_is(self) -> None:
        """In its place among the rows."""
        change = first(message(Command("CREATE TABLE t(a)", 4)))
        self.assertEqual((change["operation"], change["command"], change["args"]), ("SQL", "CREATE TABLE t(a)", []))


class SpoiledChangeTests(SynchronousTestCase):
    """Rows that a reader of floats and bare names would spoil travel as one exact statement beside their image."""

    def spoiled(self, change: RowChange, command: str) -> None:
        """Sent as SQL, and read back by us as the row it was."""
        written = message(change)
        sent = first(written)
        self.assertEqual((sent["operation"], sent["command"]), ("SQL", command))
        self.assertEqual(sent["row_operation"], change.operation)
        back = decode(encode(written)).changes[0]
        assert isinstance(back, RowChange)
        self.assertEqual(exactly(back.new_values), exactly(change.new_values))
        self.assertEqual(back.operation, change.operation)

    def test_values_that_json_or_a_float_cannot_hold(self) -> None:
        """BLOBs, infinities, large integers, text that is not UTF-8."""
        for value, text in (
            (b"\x00\xff", "x'00ff'"),
            (float("inf"), "9e999"),
            (float("-inf"), "-9e999"),
            (2**63 - 1, "9223372036854775807"),
            (RawText(b"\xff"), "CAST(x'ff' AS TEXT)"),
        ):
            self.spoiled(insert(1, value), f'REPLACE INTO "users"("id", "name") VALUES (1, {text})')

    def test_an_integer_in_a_column_that_keeps_numbers_as_they_came(self) -> None:
        """There 5 would become 5.0."""
        loose = Shape(plain=True, rowid="rowid", alias=0, key=(0,), loose=(1,))
        self.spoiled(insert(1, 5, shape=loose), 'REPLACE INTO "users"("id", "name") VALUES (1, 5)')
        self.assertEqual(first(message(insert(1, "5", shape=loose)))["operation"], "INSERT")

    def test_names_that_need_quotes(self) -> None:
        """The reader writes none."""
        odd = Shape(plain=False, rowid="rowid", alias=0, key=(0,), loose=())
        self.spoiled(
            insert(1, "x", shape=odd, table='my "t"'), 'REPLACE INTO "my ""t"""("id", "name") VALUES (1, \'x\')'
        )

    def test_a_table_without_a_key(self) -> None:
        """Its rowid is its key, and a reader would give another."""
        bare = Shape(plain=True, rowid="_rowid_", alias=None, key=(), loose=())
        self.spoiled(
            insert(1, "x", shape=bare, pk=()), 'REPLACE INTO "users"(_rowid_, "id", "name") VALUES (2, 1, \'x\')'
        )

    def test_a_row_with_null_in_its_key_is_found_by_all_its_values(self) -> None:
        """Nothing equals NULL."""
        shape = Shape(plain=True, rowid="rowid", alias=None, key=(0,), loose=())
        change = RowChange("t", "DELETE", COLUMNS, ("id",), 4, None, (None, "it's"), None, 9, shape)
        self.assertEqual(
            exact_statement(change),
            'DELETE FROM "t" WHERE rowid = (SELECT rowid FROM "t" WHERE "id" IS NULL AND "name" IS \'it\'\'s\' LIMIT 1)',
        )


class LiteralTests(SynchronousTestCase):
    """Values as SQL text."""

    @settings(max_examples=300, deadline=None)
    @given(VALUES)
    def test_sqlite_reads_exactly_the_value(self, value: Any) -> None:
        """Text with NUL, the smallest integer, the last bit of a float; minus zero has no literal."""
        connection = apsw.Connection(":memory:")
        kind, blob = connection.execute(
            f"SELECT typeof(x), CAST(x AS BLOB) FROM (SELECT {literal(value)} AS x)"
        ).fetchone()
        if isinstance(value, float):
            found = connection.execute(f"SELECT {literal(value)}").get
            self.assertEqual((kind, found), ("real", value))
        elif isinstance(value, str | bytes):
            expected = value.encode() if isinstance(value, str) else bytes(value)
            self.assertEqual((kind, blob), ("blob" if type(value) is bytes else "text", expected))
        else:
            self.assertEqual(connection.execute(f"SELECT {literal(value)}").get, value)


class RoundTripTests(SynchronousTestCase):
    """encode, then decode."""

    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4), st.booleans())
    def test_nothing_is_lost(self, rows: list[tuple[Any, Any]], plain: bool) -> None:
        """Whatever the values, and whether they travel plain or as statements."""
        shape = Shape(plain=plain, rowid="rowid", alias=None, key=(), loose=(1,))
        changes = [RowChange("t", "UPDATE", COLUMNS, (), 1, 2, row, row[::-1], 9, shape) for row in rows]
        written = message(
            *changes,
            sequences={"t": 2**63 - 1, "u": None},
            notifications=(("c", "p", 7),),
            transactions=(("x", len(rows)),),
        )
        read = decode(encode(written))
        self.assertEqual(
            [exactly(row) for change in read.changes for row in (change.old_values, change.new_values)],  # type: ignore[union-attr]
            [exactly(row) for change in changes for row in (change.old_values, change.new_values)],
        )
        self.assertEqual(
            (read.sequences, read.notifications, read.transactions, read.group, read.snapshot_seq),
            (written.sequences, written.notifications, written.transactions, 3, 17),
        )

    def test_the_documented_minimum_is_a_message(self) -> None:
        """From a writer that knows nothing of our fields."""
        read = decode(
            b'{"node": "a", "changes": [{"database": "main", "table": "users", "columns": ["id", "name"],'
            b' "operation": "INSERT", "new_rowid": 2, "new_values": [2, "x"]}], "timestamp_ns": 1758574275504509677}'
        )
        self.assertEqual((read.group, read.process_id, read.changes[0].new_values), (0, 0, (2, "x")))  # type: ignore[union-attr]


class ValidationTests(SynchronousTestCase):
    """What is no message is refused, with the rule that it breaks."""

    def test_each_broken_rule_is_named(self) -> None:
        """The text is for an operator who has to decide."""
        change = '{"table": "t", "columns": ["a"], "operation": %s}'
        for body, rule in (
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            ('{"changes": [1]}', "wrong type"),
            ('{"changes": [{"operation": "INSERT"}]}', "missing"),
            ('{"changes": [' + change % '"MERGE"' + "]}", "unknown"),
            ('{"changes": [' + change % '"INSERT", "new_values": [1, 2]' + "]}", "as many values"),
            ('{"changes": [' + change % '"INSERT"' + "]}", "new_values missing"),
            ('{"changes": [' + change % '"DELETE", "old_values": [1], "new_values": [1]' + "]}", "not expected"),
            ('{"changes": [' + change % '"DELETE", "old_values": [1], "old_rowid": "1"' + "]}", "rowid"),
            ('{"changes": [], "group": "1"}', "group is not an integer"),
            ('{"changes": [], "sequences": {"t": "x"}}', "sequences"),
            ('{"changes": [], "transactions": [{"id": "x", "changes": 2}]}', "2 changes of 0"),
        ):
            error = self.assertRaises(Malformed, decode, body.encode())
            self.assertIn(rule, str(error), body)


class MergeTests(SynchronousTestCase):
    """Several messages of one process, said as one."""

    def merged(self, *messages: Message) -> dict[str, Any]:
        """As any reader sees it."""
        result: dict[str, Any] = json.loads(merge([encode(one) for one in messages], lambda table, columns: USERS))
        return result

    def test_all_that_they_say(self) -> None:
        """In their order, with the boundaries of their transactions."""
        one = Message("n", 1, "my.db", 3, 17, 5, (insert(1, "a"),), (("1", 1),), {"t": 1, "u": None}, (("c", "p", 1),))
        two = Message("n", 1, "my.db", 5, 18, 6, (insert(2, "b"),) * 2, (("2", 2),), {"t": 2}, (("d", "p", 1),))
        merged = decode(merge([encode(one), encode(two)], lambda table, columns: None))
        self.assertEqual([change.new_values for change in merged.changes], [(1, "a"), (2, "b"), (2, "b")])  # type: ignore[union-attr]
        self.assertEqual(merged.transactions, (("1", 1), ("2", 2)))
        self.assertEqual(merged.sequences, {"t": 2, "u": None})
        self.assertEqual([channel for channel, _, _ in merged.notifications], ["c", "d"])
        self.assertEqual((merged.group, merged.snapshot_seq, merged.timestamp_ns), (5, 17, 6))

    def test_changes_stay_as_they_were_said(self) -> None:
        """Exact statements for other readers, too."""
        exact = insert(2**60, b"blob")
        self.assertEqual(self.merged(message(exact), message(insert(1, "a")))["changes"][0], first(message(exact)))

    def test_one_alone_is_not_touched(self) -> None:
        """To the byte."""
        self.assertEqual(merge([b" {}"], lambda table, columns: None), b" {}")

    def test_what_cannot_be_applied_twice_any_more(self) -> None:
        """In one message with another that claims the same key; what already could not is told once, as before."""
        update = RowChange("users", "UPDATE", COLUMNS, ("id",), 1, 2, (1, "a"), (2, "a"), 9, USERS)
        again = RowChange("users", "UPDATE", COLUMNS, ("id",), 2, 1, (2, "a"), (1, "a"), 9, USERS)
        alone = [message(insert(1, "a"), transactions=(("1", 1),)), message(update, transactions=(("2", 1),))]
        merged = self.merged(*alone, message(again, update, transactions=(("3", 2),)))
        told = [(change["operation"], change.get("returns", False)) for change in merged["changes"]]
        self.assertEqual(told, [("INSERT", False), *[("DELETE", True), ("SQL", False)] * 3])
        self.assertEqual([one["changes"] for one in merged["transactions"]], [1, 2, 4])
        read = decode(json.dumps(merged).encode())
        self.assertEqual([change.operation for change in read.changes], ["INSERT", *["UPDATE"] * 3])  # type: ignore[union-attr]


class LargeTests(SynchronousTestCase):
    """Messages that are read piece by piece."""

    def test_they_say_what_they_said(self) -> None:
        """All fields, each change once, and what is there for other readers passed over."""
        update = RowChange("users", "UPDATE", COLUMNS, ("id",), 1, 2, (1, "a"), (2, "a"), 9, USERS)
        word = "w" * (PIECE_BYTES // 5)
        changes = [
            insert(1, word),
            update,
            *(insert(number, word) for number in range(3, 20)),
            insert(1, '},{"database"'),
        ]
        large = message(*changes, transactions=(("1", 2), ("2", 18)), sequences={"users": 5})
        body = encode(large)
        self.assertGreater(len(split(body, PIECE_BYTES)), 3)
        read = decode(body)
        self.assertEqual([change.new_values for change in read.changes], [change.new_values for change in changes])  # type: ignore[union-attr]
        self.assertEqual((read.transactions, read.sequences, read.group), (large.transactions, large.sequences, 3))
        first, last = read.changes[0], read.changes[-1]
        assert isinstance(first, RowChange) and isinstance(last, RowChange)
        for name in ("table", "operation", "columns", "pk_columns"):  # held once, not once for each of a million rows
            self.assertIs(getattr(first, name), getattr(last, name), name)

    def test_a_row_that_is_larger_than_a_piece(self) -> None:
        """Is read at once."""
        large = message(insert(1, "w" * (2 * PIECE_BYTES)), insert(2, "a"))
        self.assertEqual(len(decode(encode(large)).changes), 2)

    def test_what_is_none(self) -> None:
        """However large."""
        body = encode(message(*(insert(number, "w" * 1000) for number in range(2000))))
        for wrong in (b"x" + body, body[:-1], b"[" + body + b"]", body + b"x"):
            self.assertRaises(Malformed, decode, wrong)
