"""What is a conflict, and what is lost."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Command, Message, RowChange
from ha.replication.conflicts import (
    READ_COMMITTED,
    REPEATABLE_READ,
    SERIALIZABLE,
    Authors,
    judge,
    losses,
    met,
    unseen_versions,
)
from ha.sqlite.rowchange import DELETE, INSERT, UPDATE, Author, Event
from ha.values import Row

COLUMNS = ("id", "v")


def change(operation: str, old: Row | None, new: Row | None, table: str = "t") -> RowChange:
    """Of a table keyed by its first column."""
    old_rowid, new_rowid = (None if row is None else row[0] for row in (old, new))
    return RowChange(table, operation, COLUMNS, ("id",), old_rowid, new_rowid, old, new, 0)  # type: ignore[arg-type]


def event(old: Row | None, new: Row | None) -> Event:
    """What the hook saw."""
    old_rowid, new_rowid = (None if row is None else row[0] for row in (old, new))
    return Event("t", old_rowid, new_rowid, old, new)  # type: ignore[arg-type]


def message(*changes: RowChange | Command) -> Message:
    """Somebody else's."""
    return Message("other", 1, "a.db", 1, 0, 0, changes)


class JudgeTests(SynchronousTestCase):
    """The table of levels."""

    ours = (change(UPDATE, (1, "a"), (1, "b")),)

    def judged(self, level: str, theirs: RowChange | Command, tables: tuple[str, ...] = ()) -> str | None:
        """The detail, if it is a conflict."""
        error = judge(level, self.ours, tables, [message(theirs)])
        return None if error is None else error.detail

    def test_the_same_row(self) -> None:
        """A conflict but at READ COMMITTED."""
        theirs = change(UPDATE, (1, "a"), (1, "c"))
        self.assertIsNone(self.judged(READ_COMMITTED, theirs))
        self.assertEqual(
            self.judged(REPEATABLE_READ, theirs), 'Row (1) of table "t" was written by node other meanwhile.'
        )
        self.assertIsNotNone(self.judged(SERIALIZABLE, theirs))

    def test_another_row_of_the_table(self) -> None:
        """A conflict at SERIALIZABLE only."""
        theirs = change(INSERT, None, (2, "c"))
        self.assertIsNone(self.judged(REPEATABLE_READ, theirs))
        self.assertIsNotNone(self.judged(SERIALIZABLE, theirs))

    def test_a_table_that_was_read(self) -> None:
        """Counts at SERIALIZABLE, whatever its letters' case."""
        theirs = change(INSERT, None, (2, "c"), "Read")
        self.assertIsNone(self.judged(SERIALIZABLE, theirs))
        self.assertIsNotNone(self.judged(SERIALIZABLE, theirs, ("READ",)))

    def test_their_ddl(self) -> None:
        """Counts as writing every table."""
        self.assertIsNotNone(self.judged(SERIALIZABLE, Command("CREATE TABLE x (y)", 0)))

    def test_our_ddl(self) -> None:
        """Goes on top of nothing."""
        self.assertIsNotNone(judge(READ_COMMITTED, [Command("DROP TABLE t", 0)], (), []))


class LossesTests(SynchronousTestCase):
    """What lost its place to a message that was committed first and ordered later."""

    def lost(
        self, ours: list[RowChange], events: list[Event], columns: tuple[str, ...] | None = COLUMNS
    ) -> list[tuple[str, str, Row]]:
        """Reason, operation, values."""
        found = losses(ours, events, lambda table: None if columns is None else (columns, ("id",)))
        return [(one.reason, one.operation, one.values) for one in found]

    def test_nothing_where_all_was_seen(self) -> None:
        """The usual case."""
        ours = [change(UPDATE, (1, "a"), (1, "b")), change(UPDATE, (1, "b"), (1, "c"))]
        self.assertEqual(self.lost(ours, [event((1, "a"), None), event(None, (1, "c"))]), [])

    def test_an_unseen_version(self) -> None:
        """Is overwritten."""
        ours = [change(UPDATE, (1, "a"), (1, "b"))]
        events = [event((1, "z"), None), event(None, (1, "b"))]
        self.assertEqual(self.lost(ours, events), [("overwritten", UPDATE, (1, "z"))])

    def test_an_unseen_row_under_an_insert(self) -> None:
        """Likewise."""
        events = [event((1, "z"), None), event(None, (1, "b"))]
        self.assertEqual(self.lost([change(INSERT, None, (1, "b"))], events), [("overwritten", UPDATE, (1, "z"))])

    def test_an_unseen_version_that_we_delete(self) -> None:
        """Likewise."""
        self.assertEqual(
            self.lost([change(DELETE, (1, "a"), None)], [event((1, "z"), None)]), [("overwritten", UPDATE, (1, "z"))]
        )

    def test_a_row_that_was_deleted_and_is_back(self) -> None:
        """Their DELETE lost."""
        self.assertEqual(
            self.lost([change(UPDATE, (1, "a"), (1, "b"))], [event(None, (1, "b"))]),
            [("overwritten", DELETE, (1, "a"))],
        )

    def test_another_row_in_the_way(self) -> None:
        """Is displaced."""
        events = [event((2, "b"), None), event(None, (1, "b"))]
        self.assertEqual(self.lost([change(INSERT, None, (1, "b"))], events), [("displaced", UPDATE, (2, "b"))])

    def test_a_table_that_went_away(self) -> None:
        """Our row does not fit any more."""
        self.assertEqual(self.lost([change(INSERT, None, (1, "b"))], [], None), [("unfit", INSERT, (1, "b"))])

    def test_a_row_that_came_and_went(self) -> None:
        """Leaves nothing to lose."""
        self.assertEqual(self.lost([change(INSERT, None, (1, "b")), change(DELETE, (1, "b"), None)], []), [])

    def test_a_key_that_is_null_is_no_rowid(self) -> None:
        """The row at the place 4 and the row that is called 4 are two rows."""

        def moved(rowid: int, old: Row, new: Row | None) -> tuple[RowChange, list[Event]]:
            operation, there = (DELETE, None) if new is None else (UPDATE, rowid)
            events = [Event("t", rowid, None, old, None)]
            if new is not None:
                events.append(Event("t", None, rowid, None, new))
            return RowChange("t", operation, COLUMNS, ("id",), rowid, there, old, new, 0), events

        updated, put = moved(4, (None, "a"), (None, "b"))
        deleted, removed = moved(3, (4, "one"), None)
        self.assertEqual(self.lost([updated, deleted], [*removed, *put]), [])

    def test_columns_added_since(self) -> None:
        """Were not there to be seen, and are no difference."""
        ours = [change(UPDATE, (1, "a"), (1, "b"))]
        events = [event((1, "a", 5), None), event(None, (1, "b", 5))]
        self.assertEqual(self.lost(ours, events, ("id", "v", "w")), [])

    def test_versions_known_to_be_unseen(self) -> None:
        """Those that there were."""
        authors = Authors()
        authors.tell(message(change(INSERT, None, (1, "a"))))
        ours = [change(UPDATE, (1, "a"), (1, "b")), change(INSERT, None, (2, "b")), change(DELETE, (3, "c"), None)]
        self.assertEqual(
            [(one.key, one.values, one.operation, one.node) for one in unseen_versions(ours, authors)],
            [((1,), (1, "a"), INSERT, "other"), ((3,), (3, "c"), UPDATE, None)],
        )


class AuthorsTests(SynchronousTestCase):
    """Whose a version was that lost its place."""

    def test_who_inserted_and_changed_a_row_inserted_it(self) -> None:
        """To those who have not seen it at all."""
        authors = Authors()
        authors.tell(message(change(INSERT, None, (1, "a"))))
        authors.tell(message(change(UPDATE, (1, "a"), (1, "b")), change(UPDATE, (2, "a"), (2, "b"))))
        self.assertEqual([authors.of(("t", (key,))) for key in (1, 2, 3)], [*self.two(INSERT, UPDATE), None])

    def test_a_key_that_was_left_is_deleted(self) -> None:
        """And the new one is written."""
        authors = Authors()
        authors.tell(message(change(UPDATE, (1, "a"), (2, "a"))))
        self.assertEqual([authors.of(("t", (key,))) for key in (1, 2)], self.two(DELETE, UPDATE))

    def test_what_an_earlier_run_met_is_not_forgotten(self) -> None:
        """Of the rows that this one meets, too."""
        earlier = Authors([Author("t", (1,), "early", INSERT), Author("t", (9,), "early", INSERT)])
        later = Authors([Author("t", (1,), "late", UPDATE), Author("t", (2,), "late", DELETE)])
        events = [event((1, "a"), (1, "b")), event(None, (2, "b"))]
        self.assertEqual(
            met(events, lambda table: (COLUMNS, ("id",)), earlier, later),
            (Author("t", (1,), "late", INSERT), Author("t", (2,), "late", DELETE)),
        )

    def test_the_loser_has_a_name(self) -> None:
        """And what it had done."""
        events = [event((1, "z"), None), event(None, (1, "b"))]
        (lost,) = losses(
            [change(UPDATE, (1, "a"), (1, "b"))],
            events,
            lambda table: (COLUMNS, ("id",)),
            [Author("t", (1,), "other", INSERT)],
        )
        self.assertEqual((lost.operation, lost.node), (INSERT, "other"))

    @staticmethod
    def two(*operations: str) -> list[Author]:
        """Of the rows 1 and 2."""
        return [Author("t", (key,), "other", operation) for key, operation in enumerate(operations, 1)]
