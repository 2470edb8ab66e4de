"""Who is connected, and how one client stops another."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from ha.company import Company
from ha.errors import StatementError
from ha.test.clients import Client, Served
from ha.values import Activity, NamedCursor, NamedStatement


class Member:
    """A backend that remembers what it was told."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.told: list[str] = []

    @property
    def activity(self) -> Activity:
        """Always the same."""
        return Activity(self.pid, "db", "ha", "", "idle", "SELECT 1", 1.0, None, 2.0)

    def cancel(self) -> None:
        self.told.append("cancel")

    def terminate(self) -> None:
        self.told.append("terminate")


class CompanyTests(SynchronousTestCase):
    """Two clients."""

    def setUp(self) -> None:
        self.turns: list[Callable[[], None]] = []
        self.company = Company(self.turns.append)
        self.one, self.two = Member(1), Member(2)
        self.company.enter(self.one)
        self.company.enter(self.two)

    def test_everybody_is_seen_until_they_leave(self) -> None:
        self.assertEqual([one.pid for one in self.company.activities()], [1, 2])
        self.company.leave(self.one)
        self.assertEqual([one.pid for one in self.company.activities()], [2])

    def test_an_order_is_carried_out_in_the_next_turn(self) -> None:
        """Whoever gives it may be in another thread."""
        self.assertTrue(self.company.cancel(1))
        self.assertTrue(self.company.terminate(2))
        self.assertEqual((self.one.told, self.two.told), ([], []))
        for turn in self.turns:
            turn()
        self.assertEqual((self.one.told, self.two.told), (["cancel"], ["terminate"]))

    def test_who_is_not_there_cannot_be_stopped(self) -> None:
        """Nor who leaves before the order arrives."""
        self.assertFalse(self.company.cancel(3))
        self.assertTrue(self.company.terminate(1))
        self.company.leave(self.one)
        for turn in self.turns:
            turn()
        self.assertEqual(self.one.told, [])


class BackendsTests(SynchronousTestCase):
    """Two clients of a database."""

    def setUp(self) -> None:
        self.turns: list[Callable[[], None]] = []
        self.company = Company(self.turns.append)
        served = Served(self)
        self.one = Client(self, served, pid=1, company=self.company)
        self.two = Client(self, served, pid=2, company=self.company)

    def states(self) -> list[tuple[int, str, str]]:
        return [(one.pid, one.state, one.query) for one in self.company.activities()]

    def test_each_is_seen_with_its_latest_statement(self) -> None:
        """And whether it is in a block."""
        self.one.run("SELECT 1")
        self.two.run("BEGIN")
        self.assertEqual(self.states(), [(1, "idle", "SELECT 1"), (2, "idle in transaction", "BEGIN")])
        self.assertEqual(self.two.refused("SELECT 1 FROM nowhere"), "42P01")
        self.assertEqual(self.states()[1][1], "idle in transaction (aborted)")
        self.assertEqual(self.two.refused("SELECT 1"), "25P02")
        rows = self.one.rows("SELECT pid, state, query FROM pg_stat_activity ORDER BY pid")
        self.assertEqual([row[:2] for row in rows], [(1, "active"), (2, "idle in transaction (aborted)")])

    def test_one_ends_the_other(self) -> None:
        """Which hears of it, and does nothing more."""
        heard: list[StatementError] = []
        self.two.backend.on_expired = heard.append
        self.assertEqual(self.one.rows("SELECT pg_terminate_backend(2), pg_terminate_backend(99)"), [(1, 0)])
        for turn in self.turns:
            turn()
        self.assertEqual([error.sqlstate for error in heard], ["57P01"])
        self.assertEqual(self.two.refused("SELECT 1"), "57P01")

    def test_prepared_statements_are_ones_own(self) -> None:
        """As the door tells them."""
        self.one.backend.named_statements = lambda: [NamedStatement("s", "SELECT $1", ("integer", "text"), 0.0, False)]
        listed = "SELECT name, statement, prepare_time, parameter_types, from_sql FROM pg_prepared_statements"
        row = ("s", "SELECT $1", "1970-01-01 00:00:00+00:00", '["integer", "text"]', 0)
        self.assertEqual(self.one.rows(listed), [row])
        self.assertEqual(self.two.rows(listed), [])

    def test_one_ends_itself(self) -> None:
        """At once: the statement is its last."""
        self.assertEqual(self.one.refused("SELECT pg_terminate_backend(pg_backend_pid())"), "57P01")

    def test_cursors_are_ones_own(self) -> None:
        """As the door tells them."""
        self.one.backend.named_cursors = lambda: [NamedCursor("c", "SELECT 1", True, False, True, 0.0)]
        listed = "SELECT name, statement, is_holdable, is_binary, is_scrollable, creation_time FROM pg_cursors"
        self.assertEqual(self.one.rows(listed), [("c", "SELECT 1", 1, 0, 1, "1970-01-01 00:00:00+00:00")])
        self.assertEqual(self.two.rows(listed), [])

    def test_who_closes_is_seen_no_more(self) -> None:
        self.two.close()
        self.assertEqual([pid for pid, _, _ in self.states()], [1])
