"""Two nodes agree: on what was there before, on what each writes, and when both are written to at once.

The last of them runs for `SECONDS`, which ``HA_TEST_SECONDS`` in the environment makes longer.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import sqlite3
import threading
import time

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, agree

#: How long the clients write.
SECONDS = float(os.environ.get("HA_TEST_SECONDS", "8"))

#: Clients of each kind on each node.
CLIENTS = 8

SCHEMA = """
CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT, number INTEGER, UNIQUE (author, number));
CREATE TABLE keyless (author TEXT, number INTEGER);
CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE history (name TEXT, n INTEGER);
CREATE TRIGGER counted AFTER UPDATE ON counters BEGIN INSERT INTO history VALUES (new.name, new.n); END;
INSERT INTO counters VALUES ('shared', 0);
"""


class JoinTests(SynchronousTestCase):
    """A second node has what the first has."""

    def test_rows_that_were_there_before_the_cluster(self) -> None:
        """In a file that SQLite's own shell made."""
        first = Node(self)
        with contextlib.closing(sqlite3.connect(first.path)) as connection:
            connection.executescript(SCHEMA + "INSERT INTO keyless(rowid, author, number) VALUES (41, 'old', 1)")
        first.start()
        first.run("INSERT INTO notes(author, number) VALUES ('first', 1)")
        second = Node(self, peer=first).start()
        held = agree(first, second)
        self.assertEqual(held["keyless"], [(41, b"old", 1)])
        self.assertEqual(held["notes"], [(1, 1, b"first", 1)])

    def test_a_file_with_tables_but_no_rows(self) -> None:
        """Is brought to the cluster's state the same way."""
        first = Node(self).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        second = Node(self, peer=first)
        with contextlib.closing(sqlite3.connect(second.path)) as connection:
            connection.execute("CREATE TABLE t (a)")
        second.start()
        self.assertEqual(agree(first, second)["t"], [(1, 1)])

    def test_a_node_that_was_away(self) -> None:
        """Catches up from where it was, and has lost nothing."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        second.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        second.stop()
        for number in range(2, 50):
            first.run(("INSERT INTO t VALUES (?)", [number]))
        second.start()
        self.assertEqual(len(agree(first, second)["t"]), 49)

    def test_the_first_node_restarts_while_the_second_waits(self) -> None:
        """The second finds the log again by itself."""
        first = Node(self).start()
        second = Node(self, peer=first).start()
        second.run("CREATE TABLE t (a)")
        first.stop()
        first.start()
        first.run("INSERT INTO t VALUES (1)")
        self.assertEqual(agree(first, second)["t"], [(1, 1)])


class AlternatelyTests(SynchronousTestCase):
    """What one node does, the other has."""

    def setUp(self) -> None:
        """Two nodes, empty."""
        self.first = Node(self).start()
        self.second = Node(self, peer=self.first).start()

    def test_writes_in_turn(self) -> None:
        """Each sees the other's before it writes, over either door."""
        self.first.run(*[one for one in SCHEMA.split(";\n") if one.strip()])
        agree(self.first, self.second)
        for number in range(10):
            self.first.run(("INSERT INTO notes(author, number) VALUES ('turn', ?)", [2 * number]))
            agree(self.first, self.second)
            self.second.psql(f"INSERT INTO notes(author, number) VALUES ('turn', {2 * number + 1})")
            agree(self.first, self.second)
        self.assertEqual([row[1:] for row in self.first.rows("SELECT id, number FROM notes")], [[n] for n in range(20)])

    def test_every_kind_of_table(self) -> None:
        """With what SQLite makes of it: triggers, cascades, replaced rows, odd names and odd values."""
        self.first.run(
            'CREATE TABLE "odd name" ("a b" TEXT, "select" BLOB, i INTEGER, r REAL)',
            "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
            "CREATE TABLE child (p INTEGER REFERENCES parent ON DELETE CASCADE, v, PRIMARY KEY (p, v)) WITHOUT ROWID",
            "CREATE TABLE sums (a INTEGER, b INTEGER, c AS (a + b) STORED, UNIQUE (a) ON CONFLICT REPLACE)",
            "CREATE VIRTUAL TABLE texts USING fts5(body)",
            "CREATE INDEX by_v ON child (v)",
            "CREATE VIEW both AS SELECT * FROM child JOIN parent ON p = id",
        )
        self.second.run(
            "INSERT INTO \"odd name\" VALUES ('a' || char(0) || 'b', x'00ff', 9223372036854775807, 9e999)",
            'INSERT INTO "odd name" VALUES (NULL, zeroblob(3), -9223372036854775808, -9e999)',
            "INSERT INTO parent VALUES (1), (2)",
            "INSERT INTO child VALUES (1, 'x'), (1, x'00'), (2, 3.5)",
            "INSERT INTO sums(a, b) VALUES (1, 1), (1, 2), (2, 2)",
            "INSERT INTO texts VALUES ('two nodes agree')",
        )
        self.first.run("DELETE FROM parent WHERE id = 1", "CREATE TABLE made AS SELECT * FROM sums")
        self.second.run("ALTER TABLE made RENAME COLUMN a TO z", "DELETE FROM sums", "DROP VIEW both")
        held = agree(self.first, self.second)
        self.assertEqual(held["made"], [(1, 1, 2, 3), (2, 2, 2, 4)])
        self.assertEqual(held["child"], [(2, 3.5)])
        for node in (self.first, self.second):
            self.assertEqual(node.rows("SELECT body FROM texts WHERE texts MATCH 'agree'"), [["two nodes agree"]])
            self.assertEqual(node.rows("PRAGMA integrity_check"), [["ok"]])

    def test_types_that_clients_made(self) -> None:
        """Made on one node they are there on the other, with the same numbers, and after a restart; SQLite alone reads the file."""
        self.first.psql(
            "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE people (name text, mood mood, moods mood[]);"
            "INSERT INTO people VALUES ('a', 'ok', '{sad,ok}'), ('b', 'sad', NULL)"
        )
        agree(self.first, self.second)
        self.second.psql(
            "ALTER TYPE mood ADD VALUE 'low' BEFORE 'sad'; UPDATE people SET mood = 'low' WHERE name = 'a'"
        )
        agree(self.first, self.second)
        self.first.psql("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'")
        held = agree(self.first, self.second)
        self.assertEqual(held["people"], [(1, b"a", b"low", b'["blue","ok"]'), (2, b"b", b"blue", None)])
        self.second.psql(
            "CREATE TYPE note AS (mood mood, at timestamptz, n numeric(5,2)); CREATE TABLE notes (id int PRIMARY KEY, note note);"
            "INSERT INTO notes VALUES (1, ROW('ok', '2026-01-02 03:04:05+01', 1.5))"
        )
        self.first.psql("INSERT INTO notes SELECT 2, note FROM notes; ALTER TYPE mood RENAME TO feeling")
        self.assertEqual(
            agree(self.first, self.second)["notes"],
            [(id, id, b'{"mood":"ok","at":"2026-01-02 02:04:05+00:00","n":1.5}') for id in (1, 2)],
        )
        self.first.psql("ALTER TYPE feeling RENAME TO mood")
        fields = (
            "SELECT attrelid, attname, atttypid FROM pg_attribute JOIN pg_type t ON typrelid = attrelid ORDER BY attnum"
        )
        self.assertIn("mood", self.first.psql(fields))
        agree(self.first, self.second)
        self.assertEqual(self.first.psql(fields), self.second.psql(fields))
        self.second.stop()
        self.second.start()
        asked = "SELECT t.oid, enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = enumtypid ORDER BY enumsortorder"
        self.assertEqual(self.first.psql(asked), self.second.psql(asked))
        self.assertEqual(self.second.psql("SELECT name, mood FROM people ORDER BY mood").split(), ["a|low", "b|blue"])
        with contextlib.closing(sqlite3.connect(f"file:{self.second.path}?mode=ro", uri=True)) as alone:
            rows = alone.execute('SELECT name, place FROM people JOIN "type mood" ON label = mood ORDER BY place')
            self.assertEqual(rows.fetchall(), [("a", 1), ("b", 2)])

    def test_what_is_not_the_clients_stays(self) -> None:
        """Statistics are each node's own, and temporary tables their session's."""
        self.first.run(
            "CREATE TABLE ours (a)", "CREATE INDEX by_a ON ours (a)", "INSERT INTO ours VALUES (1)", "ANALYZE"
        )
        self.assertIn("CREATE TABLE", self.first.psql("CREATE TEMP TABLE mine (a)"))
        agree(self.first, self.second)
        tables = [name for (name,) in self.second.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        self.assertEqual([name for name in tables if not name.startswith(("ha_", "sqlite_sequence"))], ["ours"])


class Client(threading.Thread):
    """Writes until told to stop, and remembers what was acknowledged.

    :param name: the author of its rows.
    """

    def __init__(self, node: Node, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.node = node
        self.stopped = stop
        self.number = 0
        self.acknowledged: list[tuple[str, int]] = []
        self.increments = 0
        self.refused: list[str] = []
        self.random = random.Random(name)

    def run(self) -> None:
        """Write, one transaction after the other."""
        try:
            while not self.stopped.is_set():
                self.number += 1
                table = self.random.choice(["notes", "notes", "keyless", "counters"])
                if table == "counters":
                    done = self.write("UPDATE counters SET n = n + 1 WHERE name = 'shared'", ())
                    self.increments += done
                elif self.write(f"INSERT INTO {table}(author, number) VALUES (?, ?)", (self.name, self.number)):
                    self.acknowledged.append((table, self.number))
        except Exception as error:  # told by the test, which is another thread
            self.refused.append(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            self.close()

    def write(self, sql: str, params: tuple[object, ...]) -> bool:
        """One transaction; whether it was acknowledged."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""


class HttpClient(Client):
    """Over HTTP, on one connection."""

    connection: http.client.HTTPConnection | None = None

    def write(self, sql: str, params: tuple[object, ...]) -> bool:
        """POST it."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("localhost", self.node.http_port, timeout=30)
        self.connection.request("POST", "/", json.dumps({"sql": sql, "params": params}))
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            self.refused.append(f"{self.name}: {response.status} {body!r}")
        return response.status == 200

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            self.connection.close()


class PostgresClient(Client):
    """Over PostgreSQL, on one connection."""

    connection: psycopg.Connection[tuple[object, ...]] | None = None

    def write(self, sql: str, params: tuple[object, ...]) -> bool:
        """Execute it, autocommitted."""
        if self.connection is None:
            self.connection = psycopg.connect(self.node.dsn(), autocommit=True)
        try:
            self.connection.execute(sql.replace("?", "%s"), params)
        except psycopg.Error as error:
            self.refused.append(f"{self.name}: {error.sqlstate} {error}")
            if self.connection.closed:
                raise
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            with contextlib.suppress(psycopg.Error):
                self.connection.close()


class ConcurrentlyTests(SynchronousTestCase):
    """Both nodes are written to by many clients at once."""

    def test_no_acknowledged_write_is_missing(self) -> None:
        """Neither of those that the other node's clients could have displaced; and both hold the same."""
        first = Node(self)
        with contextlib.closing(sqlite3.connect(first.path)) as connection:
            connection.executescript(SCHEMA)
        first.start()
        second = Node(self, peer=first).start()
        stop = threading.Event()
        clients = [
            kind(node, f"{kind.__name__} {place}.{number}", stop)
            for number in range(CLIENTS)
            for kind in (HttpClient, PostgresClient)
            for place, node in enumerate((first, second))
        ]
        for client in clients:
            client.start()
        time.sleep(SECONDS)
        stop.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive(), client.name)
        self.assertEqual([line for client in clients for line in client.refused], [])

        held = agree(first, second)
        for table in ("notes", "keyless"):
            there = [(row[-2].decode(), row[-1]) for row in held[table]]
            told = [(c.name, number) for c in clients for at, number in c.acknowledged if at == table]
            self.assertEqual(sorted(there), sorted(told), table)
        increments = sum(client.increments for client in clients)
        self.assertEqual(held["counters"], [(b"shared", increments)])
        self.assertEqual(len(held["history"]), increments)
        for client in clients:
            self.assertGreater(client.number, 1, f"{client.name} got no turn")
