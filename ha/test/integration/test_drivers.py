"""Drivers and libraries over them, as their users use them, against a real node: every type, COPY, cursors, notifications, errors.

Each test is one client's day. docs/postgres.rst has a row for each class here (:class:`TableTests` holds the two together).
"""

from __future__ import annotations

import asyncio
import datetime
import enum
import io
import re
import shutil
import socket
import ssl
import subprocess
import threading
import uuid
from decimal import Decimal
from typing import Any
from unittest import SkipTest

import asyncpg
import pandas
import pg8000.dbapi
import pg8000.native
import psycopg
import psycopg.types.composite
import psycopg.types.enum
import psycopg2
import psycopg2.extras
import sqlalchemy
from psycopg.types.json import Json, Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import insert
from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.messages import PROTOCOL_3_0
from ha.postgres.questions import CancelRequest, GSSENCRequest, SSLRequest, StartupMessage
from ha.test.integration.asyncpgclient import connected, converse
from ha.test.integration.nodes import Node, environment, temporary_folder
from ha.test.repository import repository

#: One value for each column of :data:`EVERYTHING`.
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=datetime.UTC)
EVERYTHING = (
    "id serial primary key, b boolean, s smallint, i int4, l bigint, f double precision, n numeric(10,2), t text, v varchar(10), "
    "by bytea, d date, ts timestamp, tz timestamptz, ti time, u uuid, a int4[], w text[], iv interval"
)
VALUES = (
    True, 1, 2, 1 << 40, 1.5, Decimal("12.34"), "té", "v", b"\0\xff", datetime.date(2026, 1, 2), MOMENT.replace(tzinfo=None),
    MOMENT, datetime.time(1, 2, 3), uuid.UUID(int=5), [1, 2, None], ["a", "b c", None], datetime.timedelta(days=1, hours=2),
)  # fmt: skip
NAMES = "b, s, i, l, f, n, t, v, by, d, ts, tz, ti, u, a, w, iv"


class DriverCase(SynchronousTestCase):
    """A node with an empty database."""

    def setUp(self) -> None:
        """Log in with SCRAM, as by default."""
        self.node = Node(self).start()
        self.address: dict[str, Any] = {"host": "localhost", "port": self.node.pg_port, "user": "ha", "password": "ha"}

    def alchemy(self, driver: str) -> sqlalchemy.Engine:
        """SQLAlchemy's way in."""
        engine = sqlalchemy.create_engine(self.node.dsn().replace("postgresql:", f"postgresql+{driver}:"))
        self.addCleanup(engine.dispose)
        return engine


class PsycopgTests(DriverCase):
    """psycopg 3."""

    def test_every_type(self) -> None:
        """In text and in binary, with JSON."""
        with psycopg.connect(self.node.dsn()) as connection:
            connection.execute(f"CREATE TABLE t ({EVERYTHING}, j json, jb jsonb)")
            given = (*VALUES, Json({"a": 1}), Jsonb([1, 2]))
            marks = ", ".join(["%s"] * len(given))
            connection.execute(f"INSERT INTO t ({NAMES}, j, jb) VALUES ({marks})", given)
            for binary in (False, True):
                row = connection.execute(f"SELECT {NAMES}, j, jb FROM t", binary=binary).fetchone()
                self.assertEqual(row, (*VALUES, {"a": 1}, [1, 2]))

    def test_composite_types(self) -> None:
        """As psycopg registers them: by the numbers of their fields' types, in text and in binary, in another schema, too."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA shop; CREATE TYPE pt AS (x int, y int)")
            connection.execute("CREATE TYPE shop.item AS (name text, tags text[], at pt, sold timestamptz)")
            connection.execute("CREATE TABLE items (id int PRIMARY KEY, item shop.item, path pt[])")
            for name in ("pt", "shop.item"):
                info = psycopg.types.composite.CompositeInfo.fetch(connection, name)
                assert info is not None
                psycopg.types.composite.register_composite(info, connection)
            self.assertEqual(info.field_names, ("name", "tags", "at", "sold"))
            when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
            value = ('a "b"', ["x", None], (1, 2), when)
            connection.execute("INSERT INTO items VALUES (1, %s, %s)", (value, [(1, 2), None]))
            connection.execute("INSERT INTO items VALUES (2, ROW('c', NULL, ROW(3, 4), NULL), '{\"(5,6)\"}')")
            with connection.cursor().copy("COPY items FROM STDIN") as copy:
                copy.write("3\t(d,,,)\t\\N\n")
            for binary in (False, True):
                rows = connection.execute("SELECT item, path FROM items ORDER BY id", binary=binary).fetchall()
                self.assertEqual(rows[0], (value, [(1, 2), None]))
                self.assertEqual(rows[1:], [(("c", None, (3, 4), None), [(5, 6)]), (("d", None, None, None), None)])
                found = connection.execute(
                    "SELECT id FROM items WHERE item = %s", (rows[0][0],), binary=binary
                ).fetchall()
                self.assertEqual(found, [(1,)])
            asked = connection.execute("SELECT (item).name, ((item).at).y, ROW(1, true)::text FROM items WHERE id = 2")
            self.assertEqual(asked.fetchone(), ("c", 4, "(1,t)"))
            self.assertRaises(
                psycopg.errors.InvalidTextRepresentation, connection.execute, "INSERT INTO items VALUES (4, '(1)')"
            )
            self.assertRaises(psycopg.errors.DependentObjectsStillExist, connection.execute, "DROP TYPE pt")

    def test_enumerations(self) -> None:
        """As psycopg registers them: by the type's number, in text and in binary, arrays too."""
        Mood = enum.Enum("Mood", ["sad", "ok", "happy"])
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
            connection.execute("CREATE TABLE people (name text, mood mood, moods mood[])")
            info = psycopg.types.enum.EnumInfo.fetch(connection, "mood")
            assert info is not None
            self.assertEqual(info.labels, ["sad", "ok", "happy"])
            psycopg.types.enum.register_enum(info, connection, Mood)
            connection.execute("INSERT INTO people VALUES (%s, %s, %s)", ("a", Mood.happy, [Mood.ok, Mood.sad]))
            connection.execute("INSERT INTO people VALUES ('b', 'ok')")
            with connection.cursor().copy("COPY people (name, mood) FROM STDIN") as copy:
                copy.write_row(("c", "sad"))
            for binary in (False, True):
                rows = connection.execute("SELECT mood, moods FROM people ORDER BY mood DESC", binary=binary).fetchall()
                self.assertEqual(rows, [(Mood.happy, [Mood.ok, Mood.sad]), (Mood.ok, None), (Mood.sad, None)])
                asked = connection.execute("SELECT %s, name FROM people WHERE mood > %s", (Mood.ok,) * 2, binary=binary)
                self.assertEqual(asked.fetchall(), [(Mood.ok, "a")])
            for statement in (
                "INSERT INTO people (mood) VALUES ('x')",
                "SELECT 'x'::mood",
                "UPDATE people SET mood = 'x'",
            ):
                self.assertRaises(psycopg.errors.InvalidTextRepresentation, connection.execute, statement)
            self.assertRaises(psycopg.errors.InvalidTextRepresentation, connection.execute, "SELECT %s::mood", ("x",))
            self.assertRaises(psycopg.errors.DependentObjectsStillExist, connection.execute, "DROP TYPE mood")
            connection.execute("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'")
            self.assertEqual(
                connection.execute("SELECT moods::text[] FROM people WHERE name = 'a'").fetchone(), (["fine", "sad"],)
            )

    def test_ranges(self) -> None:
        """In text and in binary, in the one form that PostgreSQL gives them, asked for what they hold."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (a int4range, d daterange, m nummultirange, l int4range[])")
            days = Range(datetime.date(2026, 1, 2), datetime.date(2026, 1, 5))
            many = Multirange([Range(Decimal(1), Decimal("2.5"), "[]"), Range(Decimal(7), None)])
            connection.execute(
                "INSERT INTO t VALUES (%s, %s, %s, %s)",
                (Range(9, 12, "(]"), days, many, [Range(1, 2), Range(empty=True)]),
            )
            connection.execute("INSERT INTO t (a) VALUES ('[10,11]'), ('[9,9]')")
            for binary in (False, True):
                row = connection.execute("SELECT * FROM t WHERE a @> 12", binary=binary).fetchone()
                self.assertEqual(row, (Range(10, 13), days, many, [Range(1, 2), Range(empty=True)]))
                rows = connection.execute("SELECT a FROM t ORDER BY a", binary=binary).fetchall()
                self.assertEqual(rows, [(Range(9, 10),), (Range(10, 12),), (Range(10, 13),)])
            asked = connection.execute("SELECT lower(a), upper(d), isempty(a) FROM t WHERE d && %s", (days,))
            self.assertEqual(asked.fetchone(), (10, datetime.date(2026, 1, 5), False))

    def test_pipelines(self) -> None:
        """Fifty statements without waiting; an error spoils its own pipeline and no more."""
        with psycopg.connect(self.node.dsn()) as connection:
            connection.execute("CREATE TABLE t (a int4)")
            with connection.pipeline():
                for number in range(50):
                    connection.execute("INSERT INTO t VALUES (%s)", (number,))
                counted = connection.execute("SELECT count(*) FROM t")
            self.assertEqual(counted.fetchone(), (50,))
            connection.commit()
            with self.assertRaises(psycopg.errors.UndefinedColumn), connection.pipeline():
                connection.execute("INSERT INTO t VALUES (1)")
                connection.execute("SELECT nosuch")
            connection.rollback()
            self.assertEqual(connection.execute("SELECT count(*) FROM t").fetchone(), (50,))

    def test_databases_come_and_go(self) -> None:
        """One that is made again begins empty, and can be written; it is still there after a restart."""
        address = self.node.dsn().rpartition("/")[0]
        with psycopg.connect(f"{address}/postgres", autocommit=True) as admin:
            admin.execute("CREATE TABLE t (a int)")
            for _ in range(2):
                admin.execute("CREATE DATABASE test_x ENCODING 'UTF8'")
                with psycopg.connect(f"{address}/test_x", autocommit=True) as connection:
                    connection.execute("CREATE TABLE t (a int)")
                    connection.execute("INSERT INTO t VALUES (1)")
                    with self.assertRaises(psycopg.errors.ObjectInUse):
                        admin.execute("DROP DATABASE test_x")
                    admin.execute("DROP DATABASE test_x WITH (FORCE)")
                    with self.assertRaises(psycopg.errors.AdminShutdown):
                        connection.execute("SELECT 1")
            with self.assertRaises(psycopg.errors.ObjectInUse):
                admin.execute(f'DROP DATABASE "{self.node.path.name}"')
            admin.execute("CREATE DATABASE kept")
        self.node.stop()
        self.node.start()
        with psycopg.connect(f"{address}/kept") as connection:
            connection.execute("CREATE TABLE t (a int)")

    def test_copy(self) -> None:
        """In and out, in every format."""
        with psycopg.connect(self.node.dsn()) as connection:
            connection.execute("CREATE TABLE t (a int4, b text, c timestamp)")
            cursor = connection.cursor()
            with cursor.copy("COPY t FROM STDIN") as copy:
                for number in range(1000):
                    copy.write_row((number, f"x\t{number}", None))
            with cursor.copy("COPY t (a, b) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int4", "text"])
                copy.write_row((5000, "binary"))
            with cursor.copy("COPY t TO STDOUT (FORMAT binary)") as copy:
                copy.set_types(["int4", "text", "timestamp"])
                self.assertEqual(sum(1 for _ in copy.rows()), 1001)
            with cursor.copy("COPY (SELECT a, b FROM t WHERE a = 5000) TO STDOUT WITH CSV HEADER") as copy:
                self.assertEqual(b"".join(copy), b"a,b\n5000,binary\n")

    def test_server_side_cursors(self) -> None:
        """Scrolling, held, with parameters."""
        with psycopg.connect(self.node.dsn()) as connection:
            connection.execute("CREATE TABLE t AS SELECT value AS a FROM generate_series(0, 99)")
            with connection.cursor(name="one", scrollable=True, withhold=True) as cursor:
                cursor.execute("SELECT a FROM t WHERE a < %s ORDER BY a", (50,))
                connection.commit()
                self.assertEqual(cursor.fetchmany(2), [(0,), (1,)])
                cursor.scroll(10)
                self.assertEqual(cursor.fetchone(), (12,))
                cursor.scroll(0, mode="absolute")
                self.assertEqual(len(cursor.fetchall()), 50)

    def test_errors_and_savepoints(self) -> None:
        """A savepoint saves the transaction; the error names the constraint."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            connection.execute("CREATE TABLE t (a int PRIMARY KEY)")
            with connection.transaction():
                with self.assertRaises(psycopg.errors.UniqueViolation) as caught, connection.transaction():
                    connection.execute("INSERT INTO t VALUES (1)")
                    connection.execute("INSERT INTO t VALUES (1)")
                self.assertEqual(caught.exception.diag.constraint_name, "t_pkey")
                connection.execute("INSERT INTO t VALUES (2)")
            self.assertEqual(connection.execute("SELECT * FROM t").fetchall(), [(2,)])

    def test_notifications(self) -> None:
        """NOTIFY and pg_notify."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as one, psycopg.connect(self.node.dsn()) as other:
            one.execute("LISTEN ch")
            other.execute("NOTIFY ch, 'hi'")
            other.execute("SELECT pg_notify('ch', %s)", ("two",))
            other.commit()
            self.assertEqual([n.payload for n in one.notifies(timeout=10, stop_after=2)], ["hi", "two"])

    def test_what_sqlx_asks(self) -> None:
        """Its macros, when a program is compiled: a DO that looks at a setting, and the plan of what it prepared."""
        connection = psycopg.connect(self.node.dsn(), autocommit=True)
        self.addCleanup(connection.close)
        said: list[str | None] = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary))
        connection.execute(
            "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'plan_cache_mode') THEN"
            " SET SESSION plan_cache_mode = 'force_generic_plan'; RAISE NOTICE 'set'; END IF; END $$"
        )
        self.assertEqual(
            (connection.execute("SHOW plan_cache_mode").fetchone(), said), (("force_generic_plan",), ["set"])
        )
        connection.execute("PREPARE q(int) AS SELECT $1 + 1 AS n")
        cursor = connection.execute("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE q(NULL)")
        row = cursor.fetchone()
        assert row is not None
        self.assertIn("Plan", row[0][0])

    def test_integers_as_the_operator_says(self) -> None:
        """What typed clients are told of INTEGER, in every session that says nothing else."""
        node = Node(self, pg_integer="int4").start()
        with psycopg.connect(node.dsn()) as connection:
            connection.execute("CREATE TABLE narrow (i integer)")
            connection.commit()
            for options, oid in ({}, 23), ({"options": "-c ha.integer_oid=int8"}, 20):
                with psycopg.connect(node.dsn(), **options) as other:
                    cursor = other.execute("SELECT i FROM narrow")
                    assert cursor.description is not None
                    self.assertEqual(cursor.description[0].type_code, oid)

    def test_cancelling(self) -> None:
        """By the client, and by its own limit."""
        with psycopg.connect(self.node.dsn(), autocommit=True) as connection:
            timer = threading.Timer(0.2, connection.cancel)
            timer.start()
            self.addCleanup(timer.join)
            with self.assertRaises(psycopg.errors.QueryCanceled):
                connection.execute("SELECT pg_sleep(20)")
            connection.execute("SET statement_timeout = 100")
            with self.assertRaises(psycopg.errors.QueryCanceled):
                connection.execute("SELECT pg_sleep(20)")


class Psycopg2Tests(DriverCase):
    """psycopg2, which puts values into the text."""

    def test_a_day(self) -> None:
        """Types, batches, COPY, a named cursor, read-only transactions, notifications."""
        psycopg2.extras.register_uuid()
        connection = psycopg2.connect(self.node.dsn())
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE t ({EVERYTHING}, j jsonb)")
        marks = ", ".join(["%s"] * (len(VALUES) + 1))
        cursor.execute(
            f"INSERT INTO t ({NAMES}, j) VALUES ({marks}) RETURNING id", (*VALUES, psycopg2.extras.Json({"k": [1]}))
        )
        self.assertEqual(cursor.fetchone(), (1,))
        connection.commit()
        cursor.execute(f"SELECT {NAMES}, j FROM t")
        row = tuple(bytes(value) if isinstance(value, memoryview) else value for value in cursor.fetchone())
        self.assertEqual(row, (*VALUES, {"k": [1]}))
        psycopg2.extras.execute_values(cursor, "INSERT INTO t (i, t) VALUES %s", [(i, "v") for i in range(100)])
        psycopg2.extras.execute_batch(cursor, "INSERT INTO t (i) VALUES (%s)", [(i,) for i in range(50)])
        cursor.copy_expert("COPY t (i, t) FROM STDIN", io.StringIO("7\tx\n8\ty\n"))
        written = io.StringIO()
        cursor.copy_expert("COPY (SELECT i FROM t WHERE t = 'x') TO STDOUT CSV", written)
        self.assertEqual(written.getvalue(), "7\n")
        connection.commit()
        with connection.cursor("named") as named:
            named.itersize = 10
            named.execute("SELECT i FROM t")
            self.assertEqual(len(list(named)), 153)
        connection.rollback()
        connection.set_session(readonly=True)
        with self.assertRaises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("INSERT INTO t (i) VALUES (1)")
        connection.rollback()
        connection.set_session(readonly=False, autocommit=True)
        cursor.execute("LISTEN ch")
        cursor.execute("NOTIFY ch, 'hi'")
        connection.poll()
        self.assertEqual([one.payload for one in connection.notifies], ["hi"])

    def test_large_objects(self) -> None:
        """Which libpq works with by numbers of functions."""
        connection = psycopg2.connect(self.node.dsn())
        self.addCleanup(connection.close)
        made = connection.lobject(0, "wb")
        self.assertEqual([made.write(bytes(3000)), made.write(b"end"), made.tell()], [3000, 3, 3003])
        made.close()
        connection.commit()
        read = connection.lobject(made.oid, "rb")
        self.assertEqual([read.seek(-5, 2), read.read()], [2998, b"\0\0end"])
        with self.assertRaises(psycopg2.OperationalError):
            connection.lobject(made.oid + 1, "rb")
        connection.rollback()
        connection.lobject(made.oid, "rw").truncate(1)
        self.assertEqual(connection.lobject(made.oid, "rb").read(), b"\0")
        connection.lobject(made.oid, "n").unlink()
        connection.commit()
        with self.assertRaises(psycopg2.OperationalError):
            connection.lobject(made.oid, "rb")


class AsyncpgTests(DriverCase):
    """asyncpg: binary, prepared, pooled."""

    def test_every_type(self) -> None:
        """With the types it asks the catalog for."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                await connection.execute(f"CREATE TABLE t ({EVERYTHING}, j jsonb)")
                marks = ", ".join(f"${n + 1}" for n in range(len(VALUES) + 1))
                await connection.execute(f"INSERT INTO t ({NAMES}, j) VALUES ({marks})", *VALUES, '{"a": 1}')
                self.assertEqual(tuple(await connection.fetchrow(f"SELECT {NAMES}, j FROM t")), (*VALUES, '{"a": 1}'))
                rows = await connection.fetch("SELECT id FROM t WHERE i = any($1::int4[])", [1, 2])
                self.assertEqual(len(rows), 1)

        converse(conversation())

    def test_a_pool(self) -> None:
        """Its connections are reset each time they are given back."""

        async def conversation() -> None:
            async with asyncpg.create_pool(self.node.dsn(), min_size=2, max_size=4) as pool:

                async def one(number: int) -> int:
                    async with pool.acquire() as connection:
                        return await connection.fetchval("SELECT $1::int4 + 1", number)

                self.assertEqual(await asyncio.gather(*map(one, range(40))), list(range(1, 41)))

        converse(conversation())

    def test_copy(self) -> None:
        """Records in binary, a query with parameters out."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                await connection.execute("CREATE TABLE t (a int4, b text, c timestamp)")
                records = [(n, str(n), MOMENT.replace(tzinfo=None)) for n in range(2000)]
                self.assertEqual(await connection.copy_records_to_table("t", records=records), "COPY 2000")
                written = io.BytesIO()
                await connection.copy_from_query("SELECT a, b FROM t WHERE a < $1", 2, output=written, format="csv")
                self.assertEqual(written.getvalue(), b"0,0\n1,1\n")
                written = io.BytesIO()
                await connection.copy_from_table("t", output=written, format="binary")
                written.seek(0)
                await connection.copy_to_table("t", source=written, format="binary")
                self.assertEqual(await connection.fetchval("SELECT count(*) FROM t"), 4000)

        converse(conversation())

    def test_a_schema_that_changes(self) -> None:
        """A statement it had prepared is prepared anew, by itself."""

        async def conversation() -> None:
            async with connected(self.node) as one, connected(self.node) as other:
                await one.execute("CREATE TABLE t (a int4)")
                await one.execute("INSERT INTO t VALUES (1)")
                self.assertEqual(tuple(await one.fetchrow("SELECT * FROM t")), (1,))
                await other.execute("ALTER TABLE t ADD COLUMN b text")
                self.assertEqual(tuple(await one.fetchrow("SELECT * FROM t")), (1, None))

        converse(conversation())

    def test_ranges(self) -> None:
        """In binary."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                days = asyncpg.Range(datetime.date(2026, 1, 2), datetime.date(2026, 1, 5))
                self.assertEqual(await connection.fetchval("SELECT $1::daterange", days), days)
                whole = await connection.fetchval("SELECT $1::int8multirange", [(1, 3), (2, 9)])
                self.assertEqual(whole, [asyncpg.Range(1, 10)])  # its tuples hold both ends

        converse(conversation())

    def test_composite_types(self) -> None:
        """It asks the catalog for their fields, and sends and reads them in binary."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                await connection.execute("CREATE TYPE pt AS (x int, y int)")
                await connection.execute("CREATE TYPE thing AS (name text, at pt[], ok bool)")
                await connection.execute("CREATE TABLE things (id int4, thing thing)")
                value = ("a", [(1, 2), None], True)
                await connection.execute("INSERT INTO things VALUES (1, $1)", value)
                await connection.copy_records_to_table("things", records=[(2, (None, [], None))])
                rows = await connection.fetch("SELECT thing FROM things ORDER BY id")
                self.assertEqual([tuple(row["thing"]) for row in rows], [value, (None, [], None)])
                self.assertEqual(rows[0]["thing"]["at"][0]["y"], 2)
                row = await connection.fetchval("SELECT ROW(1, 'x'::text, NULL, $1::pt)", (3, None))
                self.assertEqual(tuple(row), (1, "x", None, (3, None)))
                self.assertEqual(await connection.fetchval("SELECT id FROM things WHERE thing = $1", value), 1)

        converse(conversation())

    def test_enumerations(self) -> None:
        """It asks the catalog what they are, and sends and reads their labels in binary."""

        async def conversation() -> None:
            async with connected(self.node) as connection:
                await connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
                await connection.execute("CREATE TABLE people (id int4, mood mood, moods mood[])")
                await connection.execute("INSERT INTO people VALUES (1, $1, $2)", "ok", ["sad", "happy"])
                await connection.copy_records_to_table("people", records=[(2, "sad", None)])
                rows = await connection.fetch("SELECT * FROM people ORDER BY mood")
                self.assertEqual([tuple(row) for row in rows], [(2, "sad", None), (1, "ok", ["sad", "happy"])])
                statement = await connection.prepare("SELECT id FROM people WHERE mood > $1")
                self.assertEqual([one.name for one in statement.get_parameters()], ["mood"])
                self.assertEqual(await statement.fetchval("sad"), 1)
                self.assertEqual(await connection.fetchval("SELECT enum_range(NULL::mood)"), ["sad", "ok", "happy"])
                await connection.execute("ALTER TYPE mood ADD VALUE 'fine' AFTER 'sad'")
                self.assertEqual(
                    await connection.fetchval("SELECT max(m) FROM unnest($1::mood[]) AS m", ["fine", "sad"]), "fine"
                )

        converse(conversation())


class Pg8000Tests(DriverCase):
    """pg8000, all Python."""

    def test_a_day(self) -> None:
        """Types, prepared statements, COPY, transactions."""
        connection = pg8000.native.Connection("ha", password="ha", host="localhost", port=self.node.pg_port)
        self.addCleanup(connection.close)
        connection.run(
            "CREATE TABLE t (id serial primary key, a int4, t text, tz timestamptz, j jsonb, w int4[], n numeric)"
        )
        given = {"a": 1, "t": "x", "tz": MOMENT, "j": {"a": 1}, "w": [1, 2], "n": Decimal("2.5")}
        connection.run("INSERT INTO t (a, t, tz, j, w, n) VALUES (:a, :t, :tz, :j, :w, :n)", **given)
        self.assertEqual(connection.run("SELECT a, t, tz, j, w, n FROM t"), [list(given.values())])
        prepared = connection.prepare("SELECT :v::int4 + 1")
        self.assertEqual(prepared.run(v=4), [[5]])
        prepared.close()
        connection.run("START TRANSACTION")
        connection.run("DELETE FROM t")
        connection.run("ROLLBACK")
        connection.run("COPY t (a, t) FROM STDIN", stream=io.BytesIO(b"5\tq\n"))
        written = io.BytesIO()
        connection.run("COPY t (a, t) TO STDOUT", stream=written)
        self.assertEqual(written.getvalue(), b"1\tx\n5\tq\n")


class SqlalchemyTests(DriverCase):
    """SQLAlchemy 2, Core and ORM."""

    def test_the_orm(self) -> None:
        """Tables made, rows in and out, relations, reflection, the same over three drivers."""
        for driver in ("psycopg", "psycopg2", "pg8000"):
            self.assert_orm(self.alchemy(driver))

    def assert_orm(self, engine: sqlalchemy.Engine) -> None:
        """A day of an application."""
        registry = orm.registry()

        @registry.mapped
        class User:
            __tablename__ = "users"
            id = orm.mapped_column(sqlalchemy.Integer, primary_key=True)
            name = orm.mapped_column(sqlalchemy.String(30), unique=True)
            born = orm.mapped_column(sqlalchemy.DateTime(timezone=True), server_default=sqlalchemy.func.now())
            data = orm.mapped_column(sqlalchemy.JSON)
            money = orm.mapped_column(sqlalchemy.Numeric(10, 2))
            active = orm.mapped_column(sqlalchemy.Boolean, default=True)
            posts = orm.relationship("Post", back_populates="user", cascade="all, delete-orphan")

        @registry.mapped
        class Post:
            __tablename__ = "posts"
            id = orm.mapped_column(sqlalchemy.Integer, primary_key=True)
            user_id = orm.mapped_column(sqlalchemy.ForeignKey("users.id", ondelete="CASCADE"))
            title = orm.mapped_column(sqlalchemy.Text)
            user = orm.relationship("User", back_populates="posts")

        registry.metadata.create_all(engine)
        with orm.Session(engine) as session:
            user = User(name="a", data={"x": 1}, money=Decimal("1.20"), posts=[Post(title="p"), Post(title="q")])
            session.add_all([user, *(User(name=f"u{n}") for n in range(20))])
            session.commit()
            self.assertEqual((user.id, user.money, user.data, user.active), (1, Decimal("1.20"), {"x": 1}, True))
            self.assertLess(abs((datetime.datetime.now(datetime.UTC) - user.born).total_seconds()), 300)
            counted = sqlalchemy.select(User.name, sqlalchemy.func.count(Post.id)).join(Post).group_by(User.name)
            self.assertEqual([tuple(row) for row in session.execute(counted)], [("a", 2)])
            session.delete(user)
            session.commit()
            session.add(User(name="u1"))
            with self.assertRaises(sqlalchemy.exc.IntegrityError):
                session.commit()
            session.rollback()
            with session.begin_nested():
                session.add(User(name="nested"))
            session.commit()
            self.assertEqual(
                session.scalars(sqlalchemy.select(User).where(User.name.ilike("NEST%"))).one().active, True
            )
            session.execute(insert(User).values(name="u1").on_conflict_do_nothing(index_elements=["name"]))
            session.commit()
        inspector = sqlalchemy.inspect(engine)
        self.assertEqual(set(inspector.get_table_names()), {"posts", "users"})
        self.assertEqual([column["name"] for column in inspector.get_columns("posts")], ["id", "user_id", "title"])
        self.assertEqual(inspector.get_foreign_keys("posts")[0]["referred_table"], "users")
        registry.metadata.drop_all(engine)

    def test_enums(self) -> None:
        """A type of its own, made and dropped with its table, in the order of its labels, and reflected."""

        class Mood(enum.Enum):
            """Whose names are the labels."""

            sad = 1
            ok = 2
            happy = 3

        for driver in ("psycopg", "psycopg2", "pg8000"):
            engine = self.alchemy(driver)
            metadata = sqlalchemy.MetaData()
            many = sqlalchemy.ARRAY(sqlalchemy.Enum(Mood))
            table = sqlalchemy.Table(
                "people", metadata, sqlalchemy.Column("mood", sqlalchemy.Enum(Mood)), sqlalchemy.Column("moods", many)
            )
            metadata.create_all(engine)
            metadata.create_all(engine)
            with engine.begin() as connection:
                connection.execute(
                    table.insert(),
                    [{"mood": Mood.sad, "moods": [Mood.ok, Mood.sad]}, {"mood": Mood.happy, "moods": None}],
                )
                ordered = sqlalchemy.select(table).order_by(table.c.mood.desc())
                self.assertEqual(
                    [tuple(row) for row in connection.execute(ordered)],
                    [(Mood.happy, None), (Mood.sad, [Mood.ok, Mood.sad])],
                )
                best = sqlalchemy.select(sqlalchemy.func.max(table.c.mood)).where(table.c.mood < Mood.happy)
                self.assertEqual(connection.scalar(best), Mood.sad)
            reflected = sqlalchemy.inspect(engine).get_columns("people")[0]["type"]
            self.assertEqual((reflected.name, reflected.enums), ("mood", ["sad", "ok", "happy"]))  # type: ignore[attr-defined]
            metadata.drop_all(engine)
            self.assertEqual(self.node.psql(r"\dT"), "")


class PandasTests(DriverCase):
    """pandas over SQLAlchemy."""

    def test_a_frame_there_and_back(self) -> None:
        """to_sql and read_sql."""
        engine = self.alchemy("psycopg")
        days = pandas.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"])
        frame = pandas.DataFrame(
            {"a": [1, 2, 3], "f": [1.5, 2.5, 3.5], "s": ["x", "y", None], "d": days, "b": [True, False, True]}
        )
        frame.to_sql("t", engine, index=False, if_exists="replace")
        frame.to_sql("t", engine, index=False, if_exists="append", method="multi")
        read = pandas.read_sql("SELECT * FROM t ORDER BY a", engine)
        self.assertEqual((len(read), read["b"].dtype, read["d"].dtype.kind), (6, bool, "M"))
        self.assertEqual(len(pandas.read_sql_table("t", engine)), 6)


class TlsTests(SynchronousTestCase):
    """The door behind a certificate of its own making."""

    def setUp(self) -> None:
        """A node."""
        folder = temporary_folder(self)
        self.certificate, key = folder / "server.pem", folder / "server.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(self.certificate)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self.node = Node(self, pg_tls_cert=self.certificate, pg_tls_key=key).start()

    def test_psql(self) -> None:
        """Encrypted, and bound to this very connection; the certificate is checked when asked."""
        for words in (
            "sslmode=require",
            "sslmode=require channel_binding=require",
            f"sslmode=verify-full sslrootcert={self.certificate}",
        ):
            shown = subprocess.run(
                ["psql", "-XAt", f"host=localhost port={self.node.pg_port} user=ha password=ha {words}", "-c", "\\conninfo", "-c", "SELECT 1"],
                env=environment(), capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            self.assertIn("SSL connection", shown.stdout + shown.stderr)
            self.assertTrue(shown.stdout.endswith("1\n"), shown)

    def encrypted(self, first: bytes | None, *protocols: str) -> ssl.SSLSocket:
        """A client's socket.

        :param first: what is said, and heard, before TLS begins; None begins with TLS at once.
        """
        context = ssl.create_default_context(cafile=str(self.certificate))
        if protocols:
            context.set_alpn_protocols(protocols)
        plain = socket.create_connection(("localhost", self.node.pg_port), timeout=5)
        self.addCleanup(plain.close)
        if first is not None:
            plain.sendall(first)
            heard = b""
            while len(heard) < len(first) // 8:
                heard += plain.recv(8)
            self.assertEqual(heard, b"NS"[-len(heard) :])
        found = context.wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(found.close)
        return found

    def test_who_is_sent_away_is_let_go(self) -> None:
        """The last word is followed by the end: who cancels waits for nothing else."""
        request, cancel = SSLRequest().encode(), CancelRequest(1, b"abcd").encode()
        startup = StartupMessage(PROTOCOL_3_0, {"database": "ha"}).encode()
        for socket_ in (
            self.encrypted(request),
            self.encrypted(GSSENCRequest().encode() + request),
            self.encrypted(None, "postgresql"),
        ):
            socket_.sendall(cancel)
            self.assertEqual(socket_.recv(100), b"")
        nameless = self.encrypted(request)
        nameless.sendall(startup)
        self.assertIn(b"28000", nameless.recv(1000))
        self.assertEqual(nameless.recv(1000), b"")

    def test_tls_at_once_is_for_postgresql_only(self) -> None:
        """A client that does not name the protocol may have been led here by somebody else."""
        stranger = self.encrypted(None)
        stranger.sendall(StartupMessage(PROTOCOL_3_0, {"user": "ha"}).encode())
        try:
            heard = stranger.recv(1000)
        except (ConnectionError, ssl.SSLError):
            heard = b""
        self.assertEqual(heard, b"")


class LoginTests(SynchronousTestCase):
    """Who may come in."""

    def test_both_ways(self) -> None:
        """SCRAM by default, a password in the clear when told; a wrong one neither way."""
        for way in ("scram", "password"):
            node = Node(self, pg_auth=way, pg_password="right").start()
            self.assertEqual(
                psycopg.connect(node.dsn().replace(":ha@", ":right@")).execute("SELECT 1").fetchone(), (1,)
            )
            with self.assertRaises(psycopg.OperationalError) as caught:
                psycopg.connect(node.dsn())
            self.assertIn("password authentication failed", str(caught.exception))


class PgbenchTests(DriverCase):
    """PostgreSQL's own benchmark, where it is installed."""

    def test_its_modes(self) -> None:
        """Tables of scale 1, then transactions in each way of saying them; none fails."""
        if shutil.which("pgbench") is None:
            raise SkipTest("pgbench is not installed")
        where = {"PGHOST": "localhost", "PGPORT": str(self.node.pg_port), "PGUSER": "ha", "PGPASSWORD": "ha"}
        for words in (
            ["-i", "-s", "1"],
            *(["-n", "-M", mode, "-c", "2", "-t", "50"] for mode in ("simple", "extended", "prepared")),
        ):
            done = subprocess.run(
                ["pgbench", *words], env=environment() | where, capture_output=True, text=True, timeout=120
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            if "-M" in words:
                self.assertIn("number of transactions actually processed: 100/100", done.stdout)


class TableTests(SynchronousTestCase):
    """What docs/postgres.rst says of clients is what is tried here."""

    def test_every_client_has_its_row(self) -> None:
        """The table's last column names a test."""
        text = (repository() / "docs" / "postgres.rst").read_text()
        named = set(re.findall(r"``(\w+Tests)``", text))
        here = {
            name for name, one in globals().items() if isinstance(one, type) and issubclass(one, SynchronousTestCase)
        }
        elsewhere = {
            "DjangoTests",
            "PsqlTests",
            "DumpTests",
            "NodePostgresTests",
            "PostgresJsTests",
            "JavaScriptOrmTests",
        }
        self.assertEqual(named, (here | elsewhere) - {"DriverCase", "SynchronousTestCase", "TableTests"})
