"""A change of the schema is told to replicas so that it may run twice and sets no triggers off."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.retelling import Schema, retold

TABLE = {("table", "t"): "CREATE TABLE t(a UNIQUE)", ("index", "sqlite_autoindex_t_1"): None}
INDEX = {("index", "my index"): 'CREATE UNIQUE INDEX "my index" ON t(a)'}
TRIGGER = {("trigger", "x"): "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END"}
WORDS = {
    ("table", "w"): "CREATE VIRTUAL TABLE w USING fts5(a)",
    ("table", "w_data"): "CREATE TABLE 'w_data'(id INTEGER PRIMARY KEY, block BLOB)",
    ("table", "w_idx"): "CREATE TABLE 'w_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID",
}


class RetellingTests(SynchronousTestCase):
    """From the schemas before and after a statement."""

    def told(self, before: Schema, after: Schema, expected: str | None) -> None:
        """What a replica runs."""
        self.assertEqual(retold(before, after), expected)

    def test_what_was_made_is_made_if_it_is_not_there(self) -> None:
        """In SQLite's own words, and a virtual table without what it makes itself."""
        self.told({}, TABLE, "CREATE TABLE IF NOT EXISTS t(a UNIQUE)")
        self.told(TABLE, TABLE | INDEX, 'CREATE UNIQUE INDEX IF NOT EXISTS "my index" ON t(a)')
        self.told({}, WORDS, "CREATE VIRTUAL TABLE IF NOT EXISTS w USING fts5(a)")

    def test_what_is_gone_is_dropped_if_it_is_there(self) -> None:
        """A table takes its indexes and triggers along."""
        self.told(TABLE | INDEX, TABLE, 'DROP INDEX IF EXISTS "my index"')
        self.told(TABLE | INDEX | TRIGGER, {}, 'DROP TABLE IF EXISTS "t"')
        self.told(WORDS | TABLE, TABLE, 'DROP TABLE IF EXISTS "w"')

    def test_no_trigger_arrives(self) -> None:
        """Made or dropped, it is not there."""
        self.told(TABLE, TABLE | TRIGGER, 'DROP TRIGGER IF EXISTS "x"')
        self.told(TABLE | TRIGGER, TABLE, 'DROP TRIGGER IF EXISTS "x"')

    def test_what_was_altered_stays_as_it_was_said(self) -> None:
        """There are no words for it; nor for nothing."""
        self.told(TABLE, {("table", "t"): "CREATE TABLE t(a UNIQUE, b)"}, None)
        self.told(TABLE, {("table", "u"): "CREATE TABLE u(a UNIQUE)"}, None)
        self.told(TABLE, TABLE, None)
