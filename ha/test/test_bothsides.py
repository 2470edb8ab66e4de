"""Two nodes write to one virtual table, and neither has seen the other: what comes of it is an index, and has both's rows."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.unmerged import list_unmerged
from ha.test.cutoff import CutOff
from ha.test.filenode import Group


class BothSidesTests(SynchronousTestCase):
    """Node 1 queues while node 0 writes; then node 1's messages get their places."""

    def after(self, opening: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]) -> CutOff:
        """The history, healed: both nodes and a fresh one are found equal, and each index intact."""
        history = CutOff()
        self.addCleanup(history.close)
        history.play(
            [
                Group(0, tuple((text,) for text in opening), False, False),
                Group(1, (ours,), False, True),
                Group(0, (theirs,), False, True),
            ]
        )
        return history

    def rows(self, history: CutOff, sql: str) -> Any:
        """The same on both."""
        near, far = (node.connection.execute(sql).fetchall() for node in (history.near, history.far))
        self.assertEqual(near, far)
        return near

    def losses(self, history: CutOff) -> Any:
        """What is kept where it was queued."""
        with history.far.connection.guard.trusted():
            return history.far.connection.execute(
                'SELECT reason, "table", key, image FROM ha_conflicts ORDER BY id'
            ).fetchall()

    def unmerged(self, history: CutOff) -> list[list[str]]:
        """The names, on each node."""
        return [[name for name, _ in list_unmerged(node.connection)] for node in (history.near, history.far)]

    def test_words(self) -> None:
        """The rows of both are found; of one that both changed the later one stays, and the other is kept whole."""
        for module in ("fts5(a, b UNINDEXED)", "fts4(a, b)", "fts3(a, b)"):
            history = self.after(
                (f"CREATE VIRTUAL TABLE v USING {module}", "INSERT INTO v VALUES ('old common', 0), ('rest', 1)"),
                ("INSERT INTO v (rowid, a) VALUES (7, 'ours')", "UPDATE v SET a = 'common mine' WHERE rowid = 1"),
                ("INSERT INTO v (rowid, a) VALUES (8, 'theirs')", "UPDATE v SET a = 'common yours' WHERE rowid = 1"),
            )
            for word, found in (("ours", [7]), ("theirs", [8]), ("common", [1]), ("yours", []), ("rest", [2])):
                sql = f"SELECT rowid FROM v WHERE v MATCH '{word}'"
                self.assertEqual([row[0] for row in self.rows(history, sql)], found, (module, word))
            ((reason, table, _, image),) = self.losses(history)
            self.assertEqual((reason, table), ("overwritten", "v"))
            self.assertIn('"common yours",0', image)
            self.assertEqual(self.unmerged(history), [[], []])

    def test_places(self) -> None:
        """Of each the one that was written last, and its notes."""
        history = self.after(
            (
                "CREATE VIRTUAL TABLE v USING rtree(id, a, b, +n)",
                "INSERT INTO v VALUES (1, 1, 2, 'x'), (2, 2, 3, 'y'), (3, 3, 4, 'z')",
            ),
            (
                "INSERT INTO v VALUES (10, 5, 6, 'ours')",
                "UPDATE v SET a = 0 WHERE id = 1",
                "DELETE FROM v WHERE id = 2",
            ),
            ("INSERT INTO v VALUES (11, 7, 8, 'theirs')", "UPDATE v SET n = 'w' WHERE id IN (1, 2)"),
        )
        self.assertEqual(
            self.rows(history, "SELECT * FROM v ORDER BY id"),
            [(1, 0.0, 2.0, "x"), (3, 3.0, 4.0, "z"), (10, 5.0, 6.0, "ours"), (11, 7.0, 8.0, "theirs")],
        )
        self.assertEqual([loss[:2] for loss in self.losses(history)], [("overwritten", "v")] * 2)

    def test_shapes(self) -> None:
        """A geopoly table is an R-tree, too."""
        shape = "'[[{0},0],[{0},1],[9,9],[{0},0]]'"
        history = self.after(
            ("CREATE VIRTUAL TABLE v USING geopoly(n)",),
            (f"INSERT INTO v (rowid, _shape, n) VALUES (1, {shape.format(1)}, 'ours')",),
            (f"INSERT INTO v (rowid, _shape, n) VALUES (2, {shape.format(2)}, 'theirs')",),
        )
        self.assertEqual(
            self.rows(
                history,
                "SELECT rowid, n FROM v WHERE geopoly_overlap(_shape, '[[0,0],[3,0],[3,3],[0,0]]') ORDER BY rowid",
            ),
            [(1, "ours"), (2, "theirs")],
        )

    def test_the_index_of_another_table(self) -> None:
        """Is rebuilt from that."""
        history = self.after(
            (
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
                "CREATE VIRTUAL TABLE v USING fts5(a, content=t, content_rowid=id)",
                "CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO v (rowid, a) VALUES (new.id, new.a); END",
            ),
            ("INSERT INTO t VALUES (1, 'ours')", "INSERT INTO t VALUES (3, 'common')"),
            ("INSERT INTO t VALUES (2, 'theirs')", "INSERT INTO t VALUES (3, 'lost')"),
        )
        for word, found in (("ours", [1]), ("theirs", [2]), ("common", [3]), ("lost", [])):
            self.assertEqual(
                [row[0] for row in self.rows(history, f"SELECT rowid FROM v WHERE v MATCH '{word}'")], found
            )
        for node in (history.near, history.far):
            node.connection.execute("INSERT INTO v (v, rank) VALUES ('integrity-check', 1)")

    def test_the_index_of_another_table_has_one_version(self) -> None:
        """A node where its settings were put as rows writes the version that stands in the file, not the one in its memory."""
        self.after(
            (
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
                "CREATE VIRTUAL TABLE v USING fts5(a, content=t, content_rowid=id)",
                "INSERT INTO v (v, rank) VALUES ('automerge', 4)",
            ),
            ("INSERT INTO v (rowid, a) VALUES (1, 'ours')",),
            ("INSERT INTO v (rowid, a) VALUES (2, 'theirs')",),
        )

    def test_an_index_that_keeps_nothing(self) -> None:
        """Stays whole without the later rows, and is named until it is made anew."""
        history = self.after(
            ("CREATE VIRTUAL TABLE v USING fts5(a, content='')",),
            ("INSERT INTO v (rowid, a) VALUES (1, 'ours')",),
            ("INSERT INTO v (rowid, a) VALUES (2, 'theirs')",),
        )
        self.assertEqual(self.rows(history, "SELECT rowid FROM v WHERE v MATCH 'ours OR theirs'"), [(2,)])
        self.assertEqual(self.unmerged(history), [["v"], ["v"]])
        self.assertEqual([loss[:2] for loss in self.losses(history)], [("unfit", "v")])

    def test_settings(self) -> None:
        """Of FTS5 are kept with the rows."""
        history = self.after(
            ("CREATE VIRTUAL TABLE v USING fts5(a)",),
            ("INSERT INTO v (v, rank) VALUES ('pgsz', 64)", "INSERT INTO v (a) VALUES ('ours')"),
            ("INSERT INTO v (rowid, a) VALUES (9, 'theirs')",),
        )
        for node in (history.near, history.far):
            with node.connection.guard.trusted():
                self.assertEqual(node.connection.execute("SELECT v FROM v_config WHERE k = 'pgsz'").get, 64)
