"""Tests of ha.backend."""

from __future__ import annotations

import gc
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from ha import backend, batch, writing
from ha.replication.committer import Work
from ha.test.clients import BackendCase, Client, Served

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class AutocommitTests(BackendCase):
    """Statements outside a block."""

    def test_a_write_is_seen_by_everybody(self) -> None:
        self.assertEqual(self.client.run("INSERT INTO t VALUES (1, 'x')").affected, 1)
        self.assertEqual(self.another().rows("SELECT * FROM t"), [(1, "x")])
        self.assertEqual(self.client.status, "I")

    def test_a_failed_write_leaves_nothing(self) -> None:
        self.assertEqual(self.client.refused("INSERT INTO t VALUES (1, 'x'), (1, 'y')"), "23505")
        self.assertEqual(self.client.rows("SELECT count(*) FROM t"), [(0,)])

    def test_affected_counts(self) -> None:
        run = self.client.run
        self.assertEqual(run("INSERT INTO t(a) VALUES ('x'), ('y'), ('z')").affected, 3)
        self.assertEqual(
            run("WITH one AS (SELECT 1 AS i) UPDATE t SET a = 'q' WHERE id IN (SELECT i FROM one)").affected, 1
        )
        self.assertEqual(run("INSERT INTO t VALUES (1, 'r') ON CONFLICT DO NOTHING").affected, 0)
        self.assertEqual(run("REPLACE INTO t VALUES (1, 'r')").affected, 1)
        self.assertEqual(run("WITH one AS (SELECT 1 AS i) DELETE FROM t WHERE id IN (SELECT i FROM one)").affected, 1)
        self.assertEqual(run("DELETE FROM t").affected, 2)
        self.assertIsNone(run("CREATE TABLE u (b)").affected)

    def test_nothing_is_left_of_a_write(self) -> None:
        """At once: in a circle of references the rows of large transactions would stay for minutes."""
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.client.run("INSERT INTO t(a) VALUES ('x'), ('y')")
        self.assertEqual([work for work in gc.get_objects() if type(work) is Work], [])

    def test_last_insert_id_is_of_this_statement_alone(self) -> None:
        run = self.client.run
        run("CREATE TABLE u (id INTEGER PRIMARY KEY, b)")
        run("CREATE TABLE w (k TEXT PRIMARY KEY) WITHOUT ROWID")
        self.assertEqual(run("INSERT INTO t(a) VALUES ('x')").last_insert_id, 1)
        self.assertEqual(run("INSERT INTO u(b) VALUES ('x')").last_insert_id, 1)
        self.assertIsNone(run("INSERT INTO w VALUES ('k')").last_insert_id)
        self.assertIsNone(run("INSERT INTO t VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET a = 'y'").last_insert_id)
        self.assertIsNone(run("UPDATE t SET a = 'z'").last_insert_id)

    def test_returning(self) -> None:
        answer = self.client.run("INSERT INTO t(a) VALUES ('x'), ('y') RETURNING id, a")
        self.assertEqual((answer.rows, answer.affected), ([(1, "x"), (2, "y")], 2))

    def test_what_sqlite_alone_knows(self) -> None:
        self.assertEqual(self.client.rows("VALUES (1, 2), (3, 4)"), [(1, 2), (3, 4)])
        self.assertEqual(self.client.rows("WITH x AS (SELECT 1) SELECT * FROM x"), [(1,)])
        self.assertEqual([row[1] for row in self.client.rows("PRAGMA table_info(t)")], ["id", "a"])
        self.assertEqual(self.client.run("EXPLAIN QUERY PLAN DELETE FROM t").verb, "EXPLAIN")

    def test_a_text_that_does_not_end_runs_none_of_its_statements(self) -> None:
        with self.assertRaises(Exception) as caught:
            self.client.backend.parse("INSERT INTO t VALUES (1, 'x'); SELECT 'abc")
        self.assertEqual(caught.exception.sqlstate, "42601")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def test_scripts(self) -> None:
        self.client.run("INSERT INTO t(a) VALUES ('x')")
        self.client.run("TRUNCATE t")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def test_upkeep(self) -> None:
        """Of this database, not of the system catalog beside it."""
        for text in ("ANALYZE", "ANALYZE VERBOSE t", "VACUUM", "VACUUM FULL t", "REINDEX"):
            self.assertEqual(self.client.run(text).verb, text.split()[0])

    def test_default_read_only(self) -> None:
        self.client.run("SET default_transaction_read_only = on")
        self.assertEqual(self.client.refused("INSERT INTO t VALUES (1, 'x')"), "25006")
        self.assertEqual(self.client.refused("TRUNCATE t"), "25006")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def test_only_read_committed_may_wait_for_the_log(self) -> None:
        """A write at a higher level gets its place in the order now or never."""
        self.served.log.cut()
        queued = self.client.start(self.client.message("INSERT INTO t VALUES (1, 'x')"))
        self.served.pass_time(3)
        self.successResultOf(queued)
        self.client.run("SET default_transaction_isolation = 'serializable'")
        self.assertEqual(self.client.refused("INSERT INTO t VALUES (2, 'y')"), "25006")


class ParameterTests(BackendCase):
    """One value for each parameter: SQLite itself would take NULL."""

    def test_values_by_position(self) -> None:
        self.assertEqual(self.client.rows("SELECT ?, ?2", 1, "x"), [(1, "x")])
        self.assertEqual(self.client.refused("SELECT ?"), "42P02")
        self.assertEqual(self.client.refused("SELECT ?, ?", 1), "42P02")
        self.assertEqual(self.client.refused("SELECT ?", 1, 2), "07001")
        self.assertEqual(self.client.refused("INSERT INTO t(a) VALUES (?)"), "42P02")

    def test_values_by_name(self) -> None:
        def run(values: object) -> object:
            return self.client.backend.execute(self.client.backend.parse("SELECT :a")[0], values)

        self.assertEqual(self.client.wait(run({"a": 1})).rows, [(1,)])
        self.assertEqual(self.client.fails(run({})).sqlstate, "42P02")
        self.assertEqual(self.client.fails(run({"a": 1, "b": 2})).sqlstate, "07001")

    def test_values_that_sqlite_cannot_hold(self) -> None:
        self.assertEqual(self.client.refused("SELECT ?", 2**63), "22003")
        self.assertEqual(self.client.refused("INSERT INTO t(a) VALUES (?)", -(2**63) - 1), "22003")
        self.assertEqual(self.client.refused("SELECT ?", "\ud800"), "22021")

    def test_any_text_comes_back(self) -> None:
        for text in ('a"b', "a'b", "a\0b", "", "\U0001f600"):
            self.assertEqual(self.client.rows("SELECT ?", text), [(text,)])


class BlockTests(BackendCase):
    """BEGIN to COMMIT or ROLLBACK."""

    def test_nobody_sees_it_before_its_end(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.client.status, "T")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [(1, "x")])
        self.assertEqual(self.another().rows("SELECT * FROM t"), [])
        self.assertEqual(self.client.run("COMMIT").verb, "COMMIT")
        self.assertEqual(self.another().rows("SELECT * FROM t"), [(1, "x")])

    def test_a_failed_block_hears_only_its_end(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.client.refused("SELECT nonsense"), "42703")
        self.assertEqual(self.client.status, "E")
        self.assertEqual(self.client.refused("SELECT 1"), "25P02")
        self.assertEqual(self.client.run("COMMIT").verb, "ROLLBACK")
        self.assertEqual((self.client.status, self.client.rows("SELECT * FROM t")), ("I", []))

    def test_a_failed_block_frees_the_writer_at_once(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.client.refused("SELECT nonsense")
        self.another().run("INSERT INTO t VALUES (1, 'y')")

    def test_savepoints(self) -> None:
        self.client.run("BEGIN")
        self.client.run("SAVEPOINT a")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.client.run("SAVEPOINT a")
        self.client.run("INSERT INTO t VALUES (2, 'y')")
        self.client.run("ROLLBACK TO a")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(1,)])
        self.client.run("RELEASE a")
        self.client.run("ROLLBACK TO a")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [])
        self.client.run("INSERT INTO t VALUES (3, 'z')")
        self.client.run("COMMIT")
        self.assertEqual(self.another().rows("SELECT id FROM t"), [(3,)])

    def test_names_of_savepoints_differ_by_case(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.client.run('SAVEPOINT "A"')
        self.client.run("INSERT INTO t VALUES (2, 'y')")
        self.client.run("SAVEPOINT a")
        self.client.run("INSERT INTO t VALUES (3, 'z')")
        self.client.run('ROLLBACK TO "A"')
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(1,)])

    def test_rolling_back_to_a_savepoint_revives(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.client.run("SAVEPOINT a")
        self.client.refused("INSERT INTO t VALUES (1, 'y')")
        self.assertEqual(self.client.status, "E")
        self.client.run("ROLLBACK TO a")
        self.assertEqual(self.client.status, "T")
        self.client.run("COMMIT")
        self.assertEqual(self.another().rows("SELECT * FROM t"), [(1, "x")])

    def test_savepoints_that_are_not_there(self) -> None:
        self.assertEqual(self.client.refused("SAVEPOINT a"), "25P01")
        self.client.run("BEGIN")
        self.assertEqual(self.client.refused("ROLLBACK TO a"), "3B001")

    def test_settings_are_undone(self) -> None:
        self.client.run("BEGIN")
        self.client.run("SET application_name = 'x'")
        self.client.run("SAVEPOINT a")
        self.client.run("SET application_name = 'y'")
        self.client.run("ROLLBACK TO a")
        self.assertEqual(self.client.rows("SHOW application_name"), [("x",)])
        self.client.run("ROLLBACK")
        self.assertEqual(self.client.rows("SHOW application_name"), [("",)])

    def test_words_that_only_the_schema_makes_clear(self) -> None:
        """SQLite has no DEFAULT among values; in a block as outside."""
        self.client.run("CREATE TABLE d (a TEXT DEFAULT 'x', b INTEGER DEFAULT 7)")
        self.client.run("BEGIN")
        self.client.run("INSERT INTO d (a, b) VALUES ('y', DEFAULT), (DEFAULT, 1)")
        self.client.run("UPDATE d SET b = DEFAULT WHERE b = 1")
        self.client.run("COMMIT")
        self.assertEqual(self.client.rows("SELECT a, b FROM d"), [("y", 7), ("x", 7)])

    def test_a_block_shows_its_ways(self) -> None:
        """For as long as it lasts."""
        shown = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
        for begin, expected in (
            ("BEGIN", ("read committed", "off")),
            ("BEGIN ISOLATION LEVEL READ UNCOMMITTED, READ ONLY", ("read uncommitted", "on")),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE", ("serializable", "off")),
            (
                "BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION READ ONLY",
                ("repeatable read", "on"),
            ),
        ):
            self.client.run(begin)
            self.assertEqual(self.client.rows(shown), [expected], begin)
            self.client.run("COMMIT")
            self.assertEqual(self.client.rows(shown), [("read committed", "off")])

    def test_read_only(self) -> None:
        self.client.run("BEGIN READ ONLY")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])
        error = self.client.fails(self.client.message("INSERT INTO t VALUES (1, 'x')"))
        self.assertEqual(error.sqlstate, "25006")
        self.assertIn("INSERT", error.message)

    def test_beginnings_and_ends_that_do_not_fit(self) -> None:
        self.assertEqual(self.client.run("COMMIT").notices[0].sqlstate, "25P01")
        self.assertEqual(self.client.run("ROLLBACK").notices[0].sqlstate, "25P01")
        self.client.run("BEGIN")
        self.assertEqual(self.client.run("BEGIN").notices[0].sqlstate, "25001")

    def test_and_chain(self) -> None:
        self.client.run("BEGIN READ ONLY")
        self.client.run("COMMIT AND CHAIN")
        self.assertEqual(self.client.status, "T")
        self.assertEqual(self.client.refused("INSERT INTO t VALUES (1, 'x')"), "25006")

    def test_scripts_inside(self) -> None:
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.client.run("BEGIN")
        self.client.run("TRUNCATE t")
        self.client.run("ROLLBACK")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [(1, "x")])

    def test_a_client_that_leaves_is_rolled_back(self) -> None:
        other = self.another()
        other.run("BEGIN")
        other.run("INSERT INTO t VALUES (1, 'x')")
        other.close()
        self.client.run("INSERT INTO t VALUES (2, 'y')")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(2,)])


class ImplicitBlockTests(BackendCase):
    """Several statements in one message."""

    def test_they_stand_or_fall_together(self) -> None:
        self.assertEqual(self.client.refused("INSERT INTO t VALUES (1, 'x'); INSERT INTO t VALUES (1, 'y')"), "23505")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])
        self.client.run("INSERT INTO t VALUES (1, 'x'); INSERT INTO t VALUES (2, 'y')")
        self.assertEqual(self.client.rows("SELECT id FROM t"), [(1,), (2,)])
        self.assertEqual(self.client.status, "I")

    def test_begin_makes_it_a_block(self) -> None:
        self.client.run("INSERT INTO t VALUES (1, 'x'); BEGIN; INSERT INTO t VALUES (2, 'y')")
        self.assertEqual(self.client.status, "T")
        self.client.run("ROLLBACK")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def test_settings_fall_with_it(self) -> None:
        self.client.refused("SET application_name = 'x'; SELECT nonsense")
        self.assertEqual(self.client.rows("SHOW application_name"), [("",)])

    def test_the_defaults_count(self) -> None:
        self.client.run("SET default_transaction_read_only = on")
        self.assertEqual(self.client.refused("SELECT 1; INSERT INTO t VALUES (1, 'x')"), "25006")

    def test_copied_rows(self) -> None:
        self.assertEqual(self.client.wait(self.client.backend.copy_in("t", ("id", "a"), [(1, "x"), (2, "y")])), 2)
        self.assertEqual(self.another().rows("SELECT * FROM t"), [])
        self.client.wait(self.client.backend.finish())
        self.assertEqual(self.another().rows("SELECT id FROM t"), [(1,), (2,)])

    def test_a_bad_copied_row_takes_all_with_it(self) -> None:
        self.client.wait(self.client.backend.copy_in("t", (), [(1, "x")]))
        self.assertEqual(self.client.fails(self.client.backend.copy_in("t", (), [(1, "x")])).sqlstate, "23505")
        self.client.wait(self.client.backend.fail())
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])


class LimitTests(BackendCase):
    """Nothing runs or waits for ever."""

    def test_a_read_without_end_is_stopped(self) -> None:
        self.client.run("SET statement_timeout = '20ms'")
        self.assertEqual(self.client.refused(f"SELECT sum(i) FROM ({ENDLESS})"), "57014")

    def test_a_write_without_end_is_stopped_and_the_writer_free_again(self) -> None:
        self.client.run("SET statement_timeout = '20ms'")
        self.assertEqual(self.client.refused(f"INSERT INTO t(id) {ENDLESS}"), "57014")
        self.client.run("BEGIN")
        self.assertEqual(self.client.refused(f"INSERT INTO t(id) {ENDLESS}"), "57014")
        self.another().run("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.another().rows("SELECT id FROM t"), [(1,)])

    def test_who_waits_for_the_writer_waits_no_longer_than_lock_timeout(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        other = self.another()
        other.run("SET lock_timeout = '2s'")
        other.run("BEGIN")
        waiting = other.start(other.message("INSERT INTO t VALUES (2, 'y')"))
        self.assertNoResult(waiting)
        self.served.clock.advance(2)
        self.assertEqual(self.failureResultOf(waiting).value.sqlstate, "55P03")  # type: ignore[attr-defined]
        self.assertEqual(other.status, "E")

    def test_a_single_statement_waits_no_longer_either(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        other = self.another()
        other.run("SET lock_timeout = '2s'")
        waiting = other.start(other.message("INSERT INTO t VALUES (2, 'y')"))
        self.assertNoResult(waiting)
        self.served.clock.advance(2)
        self.assertEqual(self.failureResultOf(waiting).value.sqlstate, "55P03")  # type: ignore[attr-defined]
        self.client.run("COMMIT")
        other.run("INSERT INTO t VALUES (3, 'z')")
        self.assertEqual(other.rows("SELECT id FROM t"), [(1,), (3,)])

    def test_who_waits_for_the_writer_can_be_cancelled(self) -> None:
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        other = self.another()
        other.run("BEGIN")
        waiting = other.start(other.message("INSERT INTO t VALUES (2, 'y')"))
        other.backend.cancel()
        self.assertEqual(self.failureResultOf(waiting).value.sqlstate, "57014")  # type: ignore[attr-defined]
        self.client.run("COMMIT")
        self.assertFalse(self.served.database.turnstile.held)

    def test_an_idle_block_frees_the_writer(self) -> None:
        expired: list[object] = []
        self.client.backend.on_expired = expired.append
        self.client.run("BEGIN")
        self.client.run("INSERT INTO t VALUES (1, 'x')")
        self.served.clock.advance(30)
        self.assertEqual(len(expired), 1)
        self.another().run("INSERT INTO t VALUES (1, 'y')")
        self.assertEqual(self.client.refused("SELECT 1"), "25P03")

    def test_the_limits_that_hold_are_shown(self) -> None:
        shown = [
            self.client.run(f"SHOW {name}").rows
            for name in ("idle_in_transaction_session_timeout", "statement_timeout")
        ]
        self.assertEqual(shown, [[("30s",)], [("0",)]])

    def test_an_implicit_block_may_not_idle_either(self) -> None:
        """A client that sends Execute and never Sync."""
        statement = self.client.backend.parse("INSERT INTO t VALUES (1, 'x')")[0]
        self.client.wait(self.client.backend.execute(statement, (), alone=False))
        self.served.clock.advance(30)
        self.another().run("INSERT INTO t VALUES (1, 'y')")

    def test_a_block_that_is_used_is_not_idle(self) -> None:
        self.client.run("BEGIN")
        for _ in range(4):
            self.client.run("SELECT 1")
            self.served.clock.advance(20)
        self.assertEqual(self.client.status, "T")

    def test_a_late_cancel_does_nothing(self) -> None:
        self.client.run("SELECT 1")
        self.client.backend.cancel()
        self.assertEqual(self.client.rows("SELECT 1"), [(1,)])

    def test_what_is_held_is_bounded(self) -> None:
        for room in (backend, batch, writing):
            self.patch(room, "HELD_BYTES_MAX", 10_000)
        self.assertEqual(self.client.refused(f"INSERT INTO t(id) {COUNTING.format(2000)} RETURNING id"), "54000")
        error = self.client.fails(self.client.backend.execute_batch(self.client.commands(*[COUNTING.format(100)] * 3)))
        self.assertEqual((error.sqlstate, error.index), ("54000", 1))
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])


class IsolationTests(BackendCase):
    """The levels: snapshots, and who gets 40001."""

    def test_read_committed_sees_what_is_committed_meanwhile(self) -> None:
        self.client.run("BEGIN")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])
        self.another().run("INSERT INTO t VALUES (1, 'x')")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [(1, "x")])

    def test_the_higher_levels_read_one_snapshot(self) -> None:
        for level in ("REPEATABLE READ", "SERIALIZABLE"):
            before = self.client.rows("SELECT count(*) FROM t")
            self.client.run(f"BEGIN ISOLATION LEVEL {level}")
            self.assertEqual(self.client.rows("SELECT count(*) FROM t"), before)
            self.another().run("INSERT INTO t DEFAULT VALUES")
            self.assertEqual(self.client.rows("SELECT count(*) FROM t"), before)
            self.client.run("COMMIT")

    def test_a_write_on_an_overtaken_snapshot_is_refused(self) -> None:
        self.client.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
        self.client.rows("SELECT * FROM t")
        self.another().run("INSERT INTO t VALUES (1, 'x')")
        error = self.client.fails(self.client.message("INSERT INTO t VALUES (2, 'y')"))
        self.assertEqual(error.sqlstate, "40001")
        self.assertIsNotNone(error.detail)
        self.assertFalse(self.served.database.turnstile.held)

    def test_a_write_goes_on_where_nothing_was_written_that_it_has_read(self) -> None:
        """It is as if its snapshot had been taken then; the schema counts as everything."""
        self.client.run("CREATE TABLE other (x)")
        for level in ("REPEATABLE READ", "SERIALIZABLE"):
            self.client.run(f"BEGIN ISOLATION LEVEL {level}")
            (count,) = self.client.rows("SELECT count(*) FROM t")[0]
            self.another().run("INSERT INTO other VALUES (1)")
            self.client.run(f"INSERT INTO t (a) VALUES ('{level}')")
            self.assertEqual(self.client.rows("SELECT count(*) FROM t"), [(count + 1,)])
            self.client.run("COMMIT")
        self.client.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
        self.client.rows("SELECT * FROM t")
        self.another().run("CREATE TABLE third (x)")
        error = self.client.fails(self.client.message("INSERT INTO t (a) VALUES ('y')"))
        self.assertEqual(error.sqlstate, "40001")

    def test_a_full_text_table_is_its_shadows_too(self) -> None:
        """They are what is written."""
        self.client.run("CREATE VIRTUAL TABLE docs USING fts5(body)")
        self.client.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
        self.client.rows("SELECT count(*) FROM docs")
        self.another().run("INSERT INTO docs VALUES ('word')")
        error = self.client.fails(self.client.message("INSERT INTO t (a) VALUES ('y')"))
        self.assertEqual(error.sqlstate, "40001")

    def test_the_level_is_said_before_the_first_query(self) -> None:
        self.client.run("BEGIN")
        self.client.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        self.client.run("SELECT 1")
        self.assertEqual(self.client.refused("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"), "25001")


class TwoNodesTests(SynchronousTestCase):
    """What the levels mean between nodes."""

    def setUp(self) -> None:
        self.near = Served(self, "near")
        self.far = Served(self, "far", self.near.network)
        self.here, self.there = Client(self, self.near), Client(self, self.far)
        self.here.run("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        self.here.run("INSERT INTO t VALUES (1, 0), (2, 0)")
        self.settle()

    def settle(self) -> None:
        for _ in range(3):
            self.near.settle()
            self.far.settle()

    def refused_at(self, level: str, ours: str, theirs: str) -> str | None:
        self.here.run(f"BEGIN ISOLATION LEVEL {level}")
        self.here.run(ours)
        self.there.run(theirs)
        doing = self.here.start(self.here.message("COMMIT"))
        self.settle()
        outcome: list[object] = []
        doing.addBoth(outcome.append)
        value = getattr(outcome[0], "value", None)
        self.settle()
        return getattr(value, "sqlstate", None)

    def test_read_committed_puts_its_images_on_top(self) -> None:
        ours, theirs = "UPDATE t SET n = 5 WHERE id = 1", "UPDATE t SET n = 7 WHERE id = 1"
        self.assertIsNone(self.refused_at("READ COMMITTED", ours, theirs))
        self.assertEqual(self.there.rows("SELECT n FROM t WHERE id = 1"), [(5,)])

    def test_a_client_takes_its_position_along(self) -> None:
        """What SHOW tells here is waited for there; a newer one that it had heard of stays."""
        self.here.run("INSERT INTO t VALUES (3, 0)")
        ((position,),) = self.here.rows("SHOW ha.seq")
        self.there.run(f"SET ha.seq = '{position}'")
        self.there.run("SET ha.read_consistency = 'session'")
        self.assertEqual(self.there.rows("SELECT count(*) FROM t"), [(3,)])
        self.assertEqual(self.there.rows("SHOW ha.seq"), [(position,)])
        epoch, _, sequence = position.partition(":")
        ahead = f"{epoch}:{int(sequence) + 1}"
        self.there.run(f"SET ha.seq = '{ahead}'")
        self.assertEqual(self.there.rows("SHOW ha.seq"), [(ahead,)])

    def test_repeatable_read_refuses_the_same_row(self) -> None:
        ours = "UPDATE t SET n = 5 WHERE id = 1"
        self.assertEqual(self.refused_at("REPEATABLE READ", ours, "UPDATE t SET n = 7 WHERE id = 1"), "40001")
        self.assertIsNone(self.refused_at("REPEATABLE READ", ours, "UPDATE t SET n = 7 WHERE id = 2"))

    def test_serializable_refuses_the_same_table(self) -> None:
        ours, theirs = "UPDATE t SET n = 5 WHERE id = 1", "UPDATE t SET n = 7 WHERE id = 2"
        self.assertEqual(self.refused_at("SERIALIZABLE", ours, theirs), "40001")

    def test_a_snapshot_that_another_node_overtook(self) -> None:
        """Counts as a lost round: two of them, and the others are asked to wait."""
        turns = self.near.replica.turns
        for asked in (0, 1):
            self.here.run("BEGIN ISOLATION LEVEL SERIALIZABLE")
            self.here.rows("SELECT * FROM t")
            self.there.run("UPDATE t SET n = n + 1")
            self.settle()
            error = self.here.fails(self.here.message("UPDATE t SET n = 5"))
            self.here.run("ROLLBACK")
            self.assertEqual((error.sqlstate, turns.asked), ("40001", asked))

    def test_increments_add_up(self) -> None:
        one = self.here.start(self.here.message("UPDATE t SET n = n + 1 WHERE id = 1"))
        other = self.there.start(self.there.message("UPDATE t SET n = n + 1 WHERE id = 1"))
        self.settle()
        self.successResultOf(one)
        self.successResultOf(other)
        self.assertEqual(self.here.rows("SELECT n FROM t WHERE id = 1"), [(2,)])


class DescriptionTests(BackendCase):
    """What a statement wants and gives, without running it."""

    def test_a_query(self) -> None:
        statement = self.client.backend.parse("SELECT id, a FROM t WHERE id = $1")[0]
        described = self.client.wait(self.client.backend.describe(statement))
        self.assertEqual([column.name for column in described.columns], ["id", "a"])
        self.assertEqual(described.parameters, ("int8",))

    def test_types_asked_for(self) -> None:
        """pg_typeof knows what the client said of its parameters, in reads and in writes."""
        text = "SELECT pg_typeof($1), pg_typeof($1) = 'date'::regtype, pg_typeof(id), pg_typeof(1.5 + 0.5) FROM t"
        self.client.run("INSERT INTO t VALUES (1, pg_typeof(now())::text)")
        statement = replace(self.client.backend.parse(text)[0], given=("date",))
        answer = self.client.wait(self.client.backend.execute(statement, ("2026-01-02",)))
        self.assertEqual(answer.rows, [("date", 1, "bigint", "numeric")])
        self.assertEqual(self.client.rows("SELECT a FROM t"), [("timestamp with time zone",)])

    def test_a_write_is_not_run(self) -> None:
        statement = self.client.backend.parse("INSERT INTO t VALUES (1, 'x') RETURNING id")[0]
        self.assertEqual(self.client.wait(self.client.backend.describe(statement)).columns[0].name, "id")
        self.assertEqual(self.client.rows("SELECT * FROM t"), [])

    def wanted(self, client: Client, text: str) -> tuple[str | None, ...]:
        described = client.wait(client.backend.describe(client.backend.parse(text)[0]))
        return described.parameters  # type: ignore[no-any-return]

    def test_what_it_wants_goes_with_the_schema(self) -> None:
        """Though nothing of the statement's own answer tells the tables apart; a change that is rolled back counts, too."""
        insert = "INSERT INTO t VALUES ($1, $2)"
        self.assertEqual(self.wanted(self.client, insert), ("int8", "text"))
        self.client.run("BEGIN")
        self.client.run("ALTER TABLE t RENAME TO u; CREATE TABLE t (x bytea, y date)")
        self.assertEqual(self.wanted(self.client, insert), ("bytea", "date"))
        self.client.run("ROLLBACK")
        self.assertEqual(self.wanted(self.client, insert), ("int8", "text"))
        self.client.run("DROP TABLE t; CREATE TABLE t (x date, y json)")
        self.assertEqual(self.wanted(self.client, insert), ("date", "json"))

    def test_sessions_with_temporary_tables_of_one_name(self) -> None:
        """Each has its own."""
        other, insert = self.another(), "INSERT INTO mine VALUES ($1)"
        self.client.run("CREATE TEMP TABLE mine (a bytea)")
        other.run("CREATE TEMP TABLE mine (a numeric)")
        self.assertEqual(self.wanted(self.client, insert), ("bytea",))
        self.assertEqual(self.wanted(other, insert), ("numeric",))
        other.run("DROP TABLE mine")
        other.run("CREATE TEMP TABLE mine (a json)")
        self.assertEqual(self.wanted(other, insert), ("json",))

    def test_commands_and_shown_settings(self) -> None:
        begin, show = (self.client.backend.parse(text)[0] for text in ("BEGIN", "SHOW TimeZone"))
        self.assertIsNone(self.client.wait(self.client.backend.describe(begin)).columns)
        self.assertEqual(len(self.client.wait(self.client.backend.describe(show)).columns), 1)

    def test_a_session_may_have_its_integers_narrow(self) -> None:
        """Columns, what is computed from them, and parameters; others' sessions are as they were."""
        select = self.client.backend.parse("SELECT id, id + 1, max(id), count(*) FROM t WHERE id = $1 GROUP BY id")[0]

        def types(client: Client) -> list[str | None]:
            described = client.wait(client.backend.describe(select))
            return [*described.parameters, *(one.decltype or one.expression for one in described.columns)]

        wide = ["int8", "INTEGER", "int8", "int8", "int8"]
        self.assertEqual(types(self.client), wide)
        self.client.run("SET ha.integer_oid = int4")
        self.assertEqual(types(self.client), ["int4", "int4", "int4", "int4", "int8"])
        self.assertEqual(types(self.another()), wide)
        returned = self.client.run("INSERT INTO t VALUES (3, 'x') RETURNING id")
        self.assertEqual((returned.columns[0].decltype, returned.rows), ("int4", [(3,)]))
        self.client.run("RESET ha.integer_oid")
        self.assertEqual(types(self.client), wide)
