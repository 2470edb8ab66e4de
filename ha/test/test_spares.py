"""Backends that serve one request after the other: what the next one could notice, and that there is nothing of it."""

from __future__ import annotations

from typing import Any

from ha.backend import Backend
from ha.company import Company
from ha.spares import SPARES_MAX, Spares
from ha.test.clients import BackendCase, Client, Served


class SparesTests(BackendCase):
    """One database's."""

    def setUp(self) -> None:
        super().setUp()
        self.spares = Spares()
        self.company = Company(lambda call: call())

    def visitor(self, pid: int = 50) -> Client:
        """A request's backend."""
        return self.another(dialect="sqlite", pid=pid, company=self.company, when_spare=self.spares.keep)

    def take(self, pid: int = 60, user: str = "ha") -> Backend | None:
        return self.spares.take(self.served.replica, user, pid)

    def after(self, *texts: str, refused: str = "") -> Backend | None:
        """What is kept after a request that said this."""
        visitor = self.visitor()
        for text in texts:
            visitor.run(text)
        if refused:
            visitor.refused(refused)
        visitor.backend.release()
        return self.take()

    def test_one_that_is_as_it_was_made_is_taken_again(self) -> None:
        """After reads and plain writes, with a number of its own, and nothing of its last statement to be seen."""
        visitor = self.visitor()
        visitor.run("INSERT INTO t VALUES (1, 'x')")
        visitor.run("SELECT a FROM t")
        visitor.backend.release()
        visitor.backend.release()
        self.assertEqual(self.company.activities(), [])
        again = self.take(61)
        self.assertIs(again, visitor.backend)
        self.assertIsNone(self.take(), "whoever is released twice is kept once")
        (seen,) = self.company.activities()
        self.assertEqual((seen.pid, seen.query, seen.state), (61, "", "idle"))
        self.assertEqual(visitor.rows("SELECT pg_backend_pid(), a FROM t"), [(61, "x")])

    def test_what_leaves_something_behind_is_not(self) -> None:
        """Settings, what a sequence gave, an error whose work may not be over, a wish to end."""
        self.assertIsNotNone(self.after("SELECT 1"))
        self.client.run("CREATE SEQUENCE s")
        self.assertIsNone(self.after("SELECT set_config('TimeZone', 'Europe/Berlin', false)"))
        self.assertIsNone(self.after("SELECT nextval('s')"))
        self.assertIsNone(self.after(refused="INSERT INTO nowhere VALUES (1)"))
        visitor = self.visitor()
        visitor.backend.configure(isolation="serializable")
        visitor.backend.release()
        self.assertIsNone(self.take())
        visitor = self.visitor()
        visitor.backend.terminate()
        visitor.backend.release()
        self.assertIsNone(self.take())

    def test_locks_and_tables_of_its_own_are_given_back(self) -> None:
        """As when a backend is closed for good."""
        backend = self.after("SELECT pg_advisory_lock(1)", "CREATE TEMP TABLE mine (a)")
        self.assertIsNotNone(backend)
        self.assertEqual(self.another().rows("SELECT pg_try_advisory_lock(1)"), [(1,)])
        assert backend is not None
        self.assertIsNone(backend.private)

    def test_a_wish_for_the_last_request_does_not_stop_the_next(self) -> None:
        visitor = self.visitor()
        visitor.run("SELECT 1")
        visitor.backend.release()
        visitor.backend.cancel()
        self.assertIs(self.take(), visitor.backend)
        self.assertEqual(visitor.rows("SELECT count(*) FROM t"), [(0,)])

    def test_another_database_or_user(self) -> None:
        """Gets none, nor who comes to a file that was replaced."""
        for served, user in ((Served(self, "far"), "ha"), (self.served, "somebody")):
            self.visitor().backend.release()
            self.assertIsNone(self.spares.take(served.replica, user, 1))
        self.spares.forget()
        self.assertIsNone(self.take())

    def test_there_is_an_end_to_them(self) -> None:
        visitors = [self.visitor(pid) for pid in range(SPARES_MAX + 1)]
        for visitor in visitors:
            visitor.backend.release()
        taken: list[Any] = [self.take() for _ in range(SPARES_MAX + 1)]
        self.assertEqual(taken.count(None), 1)
