"""Tests of ha.replication.conflicts: the level is the conflict policy. What is lost: test_losses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Command, Message, RowChange
from ha.replication.conflicts import READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE, judge, key_of, keys


def update(table: str, key: int, value: str = "x") -> RowChange:
    return RowChange(table, "UPDATE", ("id", "a"), ("id",), key, key, (key, "before"), (key, value), 0)


def theirs(*changes: RowChange | Command) -> list[Message]:
    return [Message("other", 1, "f", 1, 0, 0, changes)]


class JudgeTests(SynchronousTestCase):
    """Each level against each kind of meeting."""

    def refused(self, level: str, ours: list[RowChange | Command], *between: RowChange | Command) -> bool:
        error = judge(level, ours, {"t"}, theirs(*between))
        if error is not None:
            self.assertEqual(error.sqlstate, "40001")
            self.assertTrue(error.detail)
        return error is not None

    def test_each_level(self) -> None:
        same, other, elsewhere = update("t", 1), update("t", 2), update("u", 1)
        for level, expected in (
            (READ_COMMITTED, (False, False, False)),
            (REPEATABLE_READ, (True, False, False)),
            (SERIALIZABLE, (True, True, False)),
        ):
            found = tuple(self.refused(level, [update("t", 1)], one) for one in (same, other, elsewhere))
            self.assertEqual(found, expected, level)

    def test_the_detail_names_table_and_key(self) -> None:
        error = judge(REPEATABLE_READ, [update("t", 7)], (), theirs(update("t", 7)))
        assert error is not None
        self.assertIn('"t"', error.detail or "")
        self.assertIn("7", error.detail or "")

    def test_ddl_counts_as_writing_every_table(self) -> None:
        self.assertTrue(self.refused(SERIALIZABLE, [update("t", 1)], Command("CREATE TABLE u (a)", 0)))
        self.assertFalse(self.refused(REPEATABLE_READ, [update("t", 1)], Command("CREATE TABLE u (a)", 0)))

    def test_ddl_of_ours_is_never_put_on_top(self) -> None:
        for level in (READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE):
            self.assertTrue(self.refused(level, [Command("CREATE TABLE u (a)", 0)], update("t", 1)))

    def test_a_table_that_was_only_read_counts_when_serializable(self) -> None:
        self.assertIsNotNone(judge(SERIALIZABLE, [update("u", 1)], {"T"}, theirs(update("t", 9))))


class KeyTests(SynchronousTestCase):
    """Which row a change means."""

    def test_the_declared_key_where_it_is_whole_else_the_rowid(self) -> None:
        change = update("t", 1)
        self.assertEqual(key_of(change, 5, (1, "x")), (1,))
        self.assertEqual(key_of(change, 5, (None, "x")), (5,))
        self.assertEqual(key_of(change._replace(pk_columns=()), 5, (1, "x")), (5,))

    def test_a_changed_key_is_two_rows(self) -> None:
        moved = RowChange("T", "UPDATE", ("id",), ("id",), 1, 2, (1,), (2,), 0)
        self.assertEqual(keys(moved), [("t", (1,)), ("t", (2,))])
