"""Sequences, asked through SQL as a client asks."""

from __future__ import annotations

from ha.sqlite.sequences import inserted
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
