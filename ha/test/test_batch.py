"""Several commands as one transaction."""

from __future__ import annotations

from ha.replication.change import decode
from ha.test.clients import BackendCase

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class BatchTests(BackendCase):
    """HTTP's requests."""

    def test_all_or_nothing(self) -> None:
        commands = self.client.commands("INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (1, 'y')")
        error = self.client.fails(self.client.backend.execute_batch(commands))
        self.assertEqual((error.sqlstate, error.index), ("23505", 1))
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def test_equal_inserts_are_answered_one_by_one(self) -> None:
        """Whether their values stand beside them or in their texts; each with the number of its row."""
        told = self.client.batch(*[("INSERT INTO t (a) VALUES (?)", (name,)) for name in "abc"])
        told += self.client.batch(*[f"INSERT INTO t (a) VALUES ('{name}')" for name in "de"])
        self.assertEqual([(one.affected, one.last_insert_id) for one in told], [(1, at) for at in range(1, 6)])
        self.assertEqual(self.client.rows("SELECT * FROM t"), list(enumerate("abcde", 1)))
        entry = decode(self.served.network.stream.stored[-1].entry.body)  # type: ignore[union-attr]
        self.assertEqual([change.new_values for change in entry.changes], [(4, "d"), (5, "e")])  # type: ignore[union-attr]

    def test_the_insert_that_failed_is_named(self) -> None:
        """By its place in the batch; whether it is one of many or stands alone."""
        for values in ("(1, 'x')", "(2, 'y'), (1, 'z')"):
            commands = self.client.commands(
                "SELECT 1",
                ("INSERT INTO t VALUES (?, ?)", (1, "x")),
                ("INSERT INTO t VALUES (?, ?)", (3, "w")),
                "INSERT INTO t VALUES (4, 'v')",
                f"INSERT INTO t VALUES {values}",
            )
            error = self.client.fails(self.client.backend.execute_batch(commands))
            self.assertEqual((error.sqlstate, error.index), ("23505", 4))

    def test_inserts_that_are_not_quite_equal(self) -> None:
        """Values that their columns change, RETURNING, a missing value: as one by one."""
        self.client.run("CREATE TABLE u (a INTEGER PRIMARY KEY, b INTEGER)")
        told = self.client.batch(*[("INSERT INTO u (b) VALUES (?)", (value,)) for value in ("7", 8, None)])
        self.assertEqual([one.last_insert_id for one in told], [1, 2, 3])
        self.assertEqual(self.client.rows("SELECT b FROM u"), [(7,), (8,), (None,)])
        told = self.client.batch(*[("INSERT INTO u (b) VALUES (?) RETURNING a", (value,)) for value in (1, 2)])
        self.assertEqual([one.rows for one in told], [[(4,)], [(5,)]])
        commands = self.client.commands(*[("INSERT INTO u (b) VALUES (?)", values) for values in ((1,), (2,), ())])
        error = self.client.fails(self.client.backend.execute_batch(commands))
        self.assertEqual((error.sqlstate, error.index), ("42P02", 2))

    def test_a_table_is_made_and_filled(self) -> None:
        answers = self.client.batch(
            "CREATE TABLE u (b)", ("INSERT INTO u VALUES (?)", (5,)), "SELECT b FROM u", "TRUNCATE u", "SELECT b FROM u"
        )
        self.assertEqual([answer.rows for answer in answers], [[], [], [(5,)], [], []])

    def test_reads_share_one_state_and_leave_the_writer_alone(self) -> None:
        other = self.another()
        other.run("BEGIN")
        other.run("INSERT INTO t VALUES (1, 'x')")
        answers = self.client.batch("SELECT 1", "", "SELECT count(*) FROM t")
        self.assertEqual([answer.rows for answer in answers], [[(1,)], [], [(0,)]])

    def test_commands_that_only_a_session_could_mean(self) -> None:
        error = self.client.fails(self.client.backend.execute_batch(self.client.commands("SELECT 1", "BEGIN")))
        self.assertEqual((error.sqlstate, error.index), ("0A000", 1))

    def test_notifications_go_with_it(self) -> None:
        other = self.another()
        other.run("LISTEN c")
        self.client.batch("NOTIFY c, 'hello'", "INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(other.heard, [(7, "c", "hello")])

    def test_options(self) -> None:
        self.served.log.cut()
        commands = self.client.commands("INSERT INTO t VALUES (1, 'x')")
        refused = self.client.start(self.client.backend.execute_batch(commands, isolation="serializable"))
        self.served.pass_time(3)
        self.assertEqual(self.failureResultOf(refused).value.sqlstate, "25006")  # type: ignore[attr-defined]

    def test_an_option_that_has_no_meaning(self) -> None:
        commands = self.client.commands("SELECT 1")
        error = self.client.fails(self.client.backend.execute_batch(commands, consistency="session", seq="2:1"))
        self.assertEqual(error.sqlstate, "22023")

    def test_a_read_waits_for_the_position_it_names(self) -> None:
        seq = self.client.backend.seq
        self.client.batch("INSERT INTO t VALUES (1, 'x')")
        assert seq is not None
        self.assertEqual(self.client.batch("SELECT 1", consistency="session", seq=seq)[0].rows, [(1,)])
        ahead = f"1:{int(self.client.backend.seq.partition(':')[2]) + 1}"  # type: ignore[union-attr]
        reading = self.client.start(
            self.client.backend.execute_batch(
                self.client.commands("SELECT id FROM t"), consistency="session", seq=ahead
            )
        )
        self.assertNoResult(reading)
        self.another().run("INSERT INTO t VALUES (2, 'y')")
        self.served.settle()
        self.assertEqual(self.successResultOf(reading)[0].rows, [(1,), (2,)])

    def test_linearizable_reads(self) -> None:
        self.assertEqual(self.client.batch("SELECT 1", consistency="linearizable")[0].rows, [(1,)])
