"""What a DO's code says."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.kinds import Do, Kind
from ha.sql.procedures import Body, Command, Dynamic, If, Raise, Return, filled, read, state_of, with_error
from ha.sql.statements import split


class ReadingTests(SynchronousTestCase):
    """Steps, in PL/pgSQL's words."""

    def refused(self, code: str) -> str:
        return self.assertRaises(StatementError, read, code).sqlstate

    def test_the_statement(self) -> None:
        """Its code stands before or behind the language, and the language is PL/pgSQL."""
        for text in (
            "DO $$ begin end $$",
            "do language plpgsql $x$ begin end $x$;",
            "DO ' begin end ' LANGUAGE 'plpgsql'",
        ):
            (statement,) = split(text)
            self.assertEqual((statement.kind, statement.argument), (Kind.DO, Do(" begin end ")), text)
        for text, state in (
            ("DO LANGUAGE plpgsql", "42601"),
            ("DO 'a' 'b'", "42601"),
            ("DO 'x' LANGUAGE plpython3u", "0A000"),
        ):
            self.assertEqual(self.assertRaises(StatementError, split, text).sqlstate, state)

    def test_steps(self) -> None:
        """Statements as they are written; semicolons in literals and parentheses end nothing."""
        body = read(
            "BEGIN INSERT INTO t VALUES (';', $$;$$); PERFORM f(1); EXECUTE 'DROP TABLE ' || 'x'; NULL; BEGIN DELETE FROM t; END; RETURN; END;"
        )
        self.assertEqual(
            body.steps,
            (
                Command("INSERT INTO t VALUES (';', $$;$$)"),
                Command("SELECT f(1)", performed=True),
                Dynamic("'DROP TABLE ' || 'x'"),
                Body((Command("DELETE FROM t"),)),
                Return(),
            ),
        )

    def test_if(self) -> None:
        """THEN and END of a CASE are the CASE's."""
        (step,) = read(
            "BEGIN IF CASE WHEN 1 = 1 THEN true ELSE false END THEN SELECT 1; ELSIF b THEN NULL; ELSE RAISE NOTICE 'x'; END IF; END"
        ).steps
        assert isinstance(step, If)
        self.assertEqual(
            step.branches,
            (
                ("CASE WHEN 1 = 1 THEN true ELSE false END", (Command("SELECT 1"),)),
                ("b", ()),
                ("true", (Raise("NOTICE", "x"),)),
            ),
        )

    def test_raise(self) -> None:
        """Text, condition, SQLSTATE, options, or the error that is there."""
        for words, step in (
            ("'a % b', f(1, 2)", Raise(message="a % b", arguments=("f(1, 2)",))),
            ("NOTICE '100 %%'", Raise("NOTICE", "100 %%")),
            ("unique_violation USING MESSAGE = 'm', HINT = 'h'",
             Raise(sqlstate="23505", condition="unique_violation", options=(("MESSAGE", "'m'"), ("HINT", "'h'")))),
            ("WARNING SQLSTATE '01P01'", Raise("WARNING", sqlstate="01P01", condition="sqlstate")),
            ("USING ERRCODE = '22012'", Raise(options=(("ERRCODE", "'22012'"),))),
            ("", Raise(again=True)),
        ):  # fmt: skip
            self.assertEqual(read(f"BEGIN RAISE {words}; END").steps, (step,), words)
        self.assertEqual(self.refused("BEGIN RAISE 'a % %', 1; END"), "42601")
        self.assertEqual(self.refused("BEGIN RAISE nosuch; END"), "42704")

    def test_handlers(self) -> None:
        """By condition, class or OTHERS, which takes no cancelled query."""
        body = read(
            "BEGIN NULL; EXCEPTION WHEN duplicate_object OR SQLSTATE '42P07' THEN NULL; WHEN integrity_constraint_violation THEN NULL;"
            " WHEN OTHERS THEN RAISE; END"
        )
        taken = [[one.takes(state) for one in body.handlers] for state in ("42710", "42P07", "23505", "40001", "57014")]
        self.assertEqual(
            taken,
            [
                [True, False, True],
                [True, False, True],
                [False, True, True],
                [False, False, True],
                [False, False, False],
            ],
        )

    def test_what_is_not_there(self) -> None:
        """Variables, loops and the ends of transactions: refused before anything runs. And mistakes."""
        for code in (
            "DECLARE x int; BEGIN END", "BEGIN x := 1; END", "BEGIN FOR i IN 1..3 LOOP NULL; END LOOP; END", "BEGIN COMMIT; END",
            "BEGIN WHILE true LOOP NULL; END LOOP; END",
        ):  # fmt: skip
            self.assertEqual(self.refused(code), "0A000", code)
        for code in (
            "",
            "SELECT 1",
            "BEGIN",
            "BEGIN SELECT 1 END",
            "BEGIN IF THEN END IF; END",
            "BEGIN NULL; EXCEPTION END",
        ):
            self.assertEqual(self.refused(code), "42601", code)
        self.assertEqual(self.refused("BEGIN " * 60), "54001")


class WordsTests(SynchronousTestCase):
    """Small things."""

    def test_filled(self) -> None:
        """Each % is one argument, two are a percent sign."""
        self.assertEqual(filled("a % b %% c %", ["1", "%2"]), "a 1 b % c %2")

    def test_what_a_catch_knows(self) -> None:
        """The words that tell of its error, outside of literals."""
        self.assertEqual(
            with_error("SELECT SQLERRM || 'SQLERRM', sqlstate", "23505", "it's"), "SELECT 'it''s' || 'SQLERRM', '23505'"
        )

    def test_states(self) -> None:
        """Five characters, or a name."""
        self.assertEqual([state_of("23505"), state_of("serialization_failure")], ["23505", "40001"])
        self.assertEqual(self.assertRaises(StatementError, state_of, "nosuch").sqlstate, "42704")
