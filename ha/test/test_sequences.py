"""Sequences, asked through SQL as a client asks."""

from __future__ import annotations

from ha.sql.sequencedefinitions import Counting
from ha.sqlite.sequences import inserted, state_of
from ha.test.test_functions import FunctionCase


class SequenceTests(FunctionCase):
    """``t_id_seq`` is where the table's own counting stands."""

    def setUp(self) -> None:
        """With a table that counts."""
        super().setUp()
        self.connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)")

    def test_counting(self) -> None:
        """nextval counts on from what INSERT took, and INSERT from what nextval gave."""
        self.connection.execute("INSERT INTO t(a) VALUES (1)")
        self.answers((("nextval('t_id_seq')", 2), ("nextval('public.t_id_seq'::regclass)", 3)))
        self.connection.execute("INSERT INTO t(a) VALUES (2)")
        self.assertEqual(self.connection.execute("SELECT max(id) FROM t").get, 4)
        self.answers((("currval('t_id_seq')", 3), ("lastval()", 3)))

    def test_setting(self) -> None:
        """setval says what was given last, or what comes next."""
        self.answers((("setval('t_id_seq', 100)", 100), ("nextval('t_id_seq')", 101)))
        self.answers((("setval('t_id_seq', 7, false)", 7), ("nextval('t_id_seq')", 7)))

    def test_a_manner_of_its_own(self) -> None:
        """By more than one, downwards, around."""
        more = Counting(3, 5, 1, 12, 1).words()
        self.connection.execute(f"CREATE TABLE s (last_value INTEGER PRIMARY KEY AUTOINCREMENT, {more})")
        self.assertEqual(state_of(self.connection, "s"), (3, False))
        self.answers(
            (
                ("nextval('s')", 3),
                ("nextval('s')", 8),
                ("nextval('s')", 1),
                ("setval('s', 6, false)", 6),
                ("nextval('s')", 6),
            )
        )
        self.assertEqual(state_of(self.connection, "s"), (6, True))
        self.refused((("setval('s', 13)", "22003"),))
        more = Counting(-1, -1, -2, -1).words()
        self.connection.execute(f"CREATE TABLE d (last_value INTEGER PRIMARY KEY AUTOINCREMENT, {more})")
        self.answers((("nextval('d')", -1), ("nextval('d')", -2)))
        self.refused((("nextval('d')", "2200H"),))

    def test_what_an_insert_took(self) -> None:
        """Is what lastval and currval tell, once the backend has reported it."""
        context = self.connection.context
        assert context is not None
        sql = "INSERT INTO t(a) VALUES (1)"
        self.connection.execute(sql)
        inserted(context, sql, frozenset({"t"}), 1)
        self.answers((("lastval()", 1), ("currval('t_id_seq')", 1)))

    def test_refusals(self) -> None:
        """No such sequence, nothing given yet, out of bounds."""
        self.refused(
            (
                ("nextval('nosuch')", "42P01"),
                ("currval('t_id_seq')", "55000"),
                ("lastval()", "55000"),
                ("setval('t_id_seq', 0)", "22003"),
            )
        )
