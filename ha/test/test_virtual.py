"""What the shadow tables' changes say of a virtual table's rows."""

from __future__ import annotations

from typing import Any

from ha.sqlite import tables as schema
from ha.sqlite.capture import Capture
from ha.sqlite.rowchange import Event
from ha.sqlite.virtual import BY_NOTHING, BY_REBUILDING, BY_ROWS, changes_of, event_of, find, rows_of
from ha.test.indatabase import InDatabase


class DefinitionTests(InDatabase):
    """Which kind it is."""

    def found(self, definition: str) -> tuple[str, str | None]:
        """How its rows are written, and what it indexes."""
        self.connection.execute("CREATE TABLE IF NOT EXISTS Docs (id INTEGER PRIMARY KEY, body)")
        self.connection.execute(f"DROP TABLE IF EXISTS v; CREATE VIRTUAL TABLE v USING {definition}")
        tables = schema.of(self.connection)
        tables.changed()
        virtual = find(tables, "v")
        assert virtual is not None
        return virtual.written, virtual.source

    def test_those_that_keep_their_rows(self) -> None:
        """Can have each of them written."""
        for definition in ("fts5(a, b UNINDEXED)", "FTS4(a)", '"fts3"(a, b)', "rtree(id, a, b)", "geopoly(n)"):
            self.assertEqual(self.found(definition), (BY_ROWS, None), definition)

    def test_those_with_more_or_less_beside_a_value(self) -> None:
        """Are rebuilt from what they keep."""
        for definition in ("fts5(a, locale=1)", 'fts4(a, languageid="l")'):
            self.assertEqual(self.found(definition), (BY_REBUILDING, None), definition)

    def test_those_of_another_table(self) -> None:
        """Are rebuilt from that, whatever the case of its name; not from a view."""
        for definition in ("fts5(body, content=Docs)", "fts5(body, content='DOCS')", 'fts4(content="docs", body)'):
            self.assertEqual(self.found(definition), (BY_REBUILDING, "docs"), definition)
        self.connection.execute("CREATE VIEW w AS SELECT * FROM Docs")
        self.assertEqual(self.found("fts5(body, content=w)"), (BY_NOTHING, "w"))

    def test_those_that_keep_nothing(self) -> None:
        """Cannot be written."""
        self.assertEqual(self.found("fts5(a, content='')"), (BY_NOTHING, None))

    def test_others_are_none(self) -> None:
        """A vocabulary, a table, nothing."""
        self.connection.execute("CREATE VIRTUAL TABLE f USING fts5(a)")
        self.connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab(f, row); CREATE TABLE t (a)")
        tables = schema.of(self.connection)
        tables.changed()
        self.assertEqual([find(tables, name) for name in ("v", "t", "nobody")], [None] * 3)


class RowTests(InDatabase):
    """Shadow rows told as rows."""

    def told(self, opening: str, *texts: str) -> list[tuple[Any, ...]]:
        """What the statements did, each row's old and new rowid and values."""
        self.connection.execute(opening)
        tables = schema.of(self.connection)
        tables.changed()
        capture = Capture(self.connection)
        self.connection.execute("BEGIN")
        capture.begin()
        for text in texts:
            self.connection.execute(text)
            capture.after_statement(text, may_change_schema=False)
        capture.settle()
        changes, _ = capture.take()
        capture.discard()
        self.connection.execute("COMMIT")
        rows = [event_of(change) for change in changes_of(tables, changes)]  # type: ignore[arg-type]
        self.assertEqual(rows, list(rows_of(tables, [event_of(change) for change in changes])))  # type: ignore[arg-type]
        return [tuple(row) for row in rows]

    def test_words(self) -> None:
        """What came, changed, went; what came and went, or is as before, is not told; other tables as they are."""
        for module in ("fts5", "fts4"):
            told = self.told(
                f"CREATE VIRTUAL TABLE {module} USING {module}(a, b); INSERT INTO {module} VALUES ('x', 1), ('y', 2), ('z', 3);"
                "CREATE TABLE IF NOT EXISTS t (k)",
                f"INSERT INTO {module} VALUES ('new', 4)",
                f"UPDATE {module} SET a = 'w' WHERE rowid = 1",
                f"DELETE FROM {module} WHERE rowid = 2",
                f"INSERT INTO {module} VALUES ('gone', 5)",
                f"DELETE FROM {module} WHERE rowid = 5",
                f"UPDATE {module} SET a = a WHERE rowid = 3",
                "INSERT INTO t VALUES (7)",
            )
            self.assertEqual(told[0][0], "t")
            self.assertEqual(
                told[1:],
                [
                    (module, 1, 1, ("x", 1), ("w", 1)),
                    (module, 2, None, ("y", 2), None),
                    (module, None, 4, None, ("new", 4)),
                ],
            )

    def test_places(self) -> None:
        """With their coordinates, which stand in the nodes; those that only moved from node to node are not told."""
        told = self.told(
            "CREATE VIRTUAL TABLE r USING rtree(id, a, b, +n); INSERT INTO r VALUES (1, 0.5, 2, 'x'), (2, 3, 4, 'y');"
            "WITH RECURSIVE n (i) AS (VALUES (10) UNION ALL SELECT i + 1 FROM n WHERE i < 58) INSERT INTO r SELECT i, i, i, i FROM n",
            "UPDATE r SET n = 'z' WHERE id = 1",
            "UPDATE r SET a = 2.5 WHERE id = 2",
            "DELETE FROM r WHERE id = 10",
            "INSERT INTO r VALUES (900, -1, 1, NULL), (901, -1, 2, NULL), (902, -1, 3, NULL)",
        )
        self.assertEqual(
            told,
            [
                ("r", 1, 1, (1, 0.5, 2.0, "x"), (1, 0.5, 2.0, "z")),
                ("r", 2, 2, (2, 3.0, 4.0, "y"), (2, 2.5, 4.0, "y")),
                ("r", 10, None, (10, 10.0, 10.0, 10), None),
                ("r", None, 900, None, (900, -1.0, 1.0, None)),
                ("r", None, 901, None, (901, -1.0, 2.0, None)),
                ("r", None, 902, None, (902, -1.0, 3.0, None)),
            ],
        )

    def test_whole_numbers(self) -> None:
        """Are another kind of coordinates."""
        told = self.told("CREATE VIRTUAL TABLE r USING rtree_i32(id, a, b)", "INSERT INTO r VALUES (7, -2, 2000000001)")
        self.assertEqual(told, [("r", None, 7, None, (7, -2, 2000000001))])

    def test_without_virtual_tables(self) -> None:
        """There is nothing to do."""
        events = [Event("t", None, 1, None, (1,))]
        tables = schema.of(self.connection)
        tables.refresh()
        self.assertIs(rows_of(tables, events), events)
