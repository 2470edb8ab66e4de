"""Domains: types with conditions."""

from __future__ import annotations

from ha.errors import StatementError
from ha.sql import domains
from ha.sql.made import Domain
from ha.sql.statements import split, with_schema
from ha.test.translated import RuleTests
from ha.test.two_tables import Schema


class ConditionTests(RuleTests):
    """What SQLite is given for them."""

    typed = (
        ("select 5::age from users",
         "select (SELECT CASE WHEN NOT (ha_value > 0) THEN pg_domain_violated('age', 'age_check') ELSE ha_value END"
         " FROM (SELECT pg_int4(5) AS ha_value)) from users"),
        ("select cast(name as label) from users",
         "select (SELECT CASE WHEN ha_value IS NULL THEN pg_domain_null('label') ELSE ha_value END"
         " FROM (SELECT pg_varchar(name, 3) AS ha_value)) from users"),
    )  # fmt: skip

    def test_columns(self) -> None:
        """They are declared behind their type, whose conditions the table gets."""
        for text, wanted in (
            (
                "create table t (a age, b int)",
                'create table t (a int4 "age" CONSTRAINT "domain age age_check" CHECK ("a" > 0), b int)',
            ),
            (
                "create table t (l label, m label default 'y' unique)",
                """create table t (l varchar "label"(3) DEFAULT 'x' NOT NULL, m varchar "label"(3) NOT NULL default 'y' unique)""",
            ),
            (
                "create table t (a age, b age)",
                'create table t (a int4 "age" CONSTRAINT "domain age age_check" CHECK ("a" > 0),'
                ' b int4 "age" CONSTRAINT "domain age age_check" CHECK ("b" > 0))',
            ),
            ("create table t (a int)", "create table t (a int)"),
        ):
            self.assertEqual(with_schema(split(text)[0], Schema()).sql, wanted, text)

    def test_what_is_not_kept_is_refused(self) -> None:
        """Arrays, and columns that get a domain later."""
        for text in ("create table t (a age[])", "alter table users add column a age"):
            error = self.assertRaises(StatementError, with_schema, split(text)[0], Schema())
            self.assertEqual(error.sqlstate, "0A000", text)

    def test_the_value_is_named(self) -> None:
        """In any case, and nothing else that is called so."""
        self.assertEqual(domains.of_value("VALUE > 0 and t.value < value", "x"), "x > 0 and t.value < x")
        self.assertEqual(domains.constraint_name(Domain("age", "int4"), "c"), "domain age c")
