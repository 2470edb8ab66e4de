"""A dump of a PostgreSQL 15 goes into a node, and comes out of it again."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, environment

#: Made by pg_dump 15.18: serial and identity columns, keys, checks, defaults, indexes, views, comments, every common type.
DUMP = files("ha.test").joinpath("data", "pgwire", "dump.sql")


def sentences(dump: str) -> list[str]:
    """What a dump says, without the settings around it.

    A node has one schema, so it names nothing with it, and its sequences do not remember where they began.
    """
    text = re.sub(r"(?m)^(--|\\(un)?restrict|SET |SELECT pg_catalog\.set_config).*\n", "", dump).replace("public.", "")
    text = re.sub(r"START WITH \d+", "START WITH 1", text)
    return [line for line in text.splitlines() if line]


class DumpTests(SynchronousTestCase):
    """psql -f, and pg_dump."""

    def setUp(self) -> None:
        self.node = Node(self, database="ha").start()

    def run_client(self, *words: str) -> str:
        if shutil.which(words[0]) is None:
            raise SkipTest(f"{words[0]} is not installed")
        where = ["-h", "localhost", "-p", str(self.node.pg_port), "-U", "ha"]
        done = subprocess.run(
            [*words, *where, "ha"],
            env=environment() | {"PGPASSWORD": "ha"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_a_dump_goes_in_and_comes_out_again(self) -> None:
        self.run_client("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(DUMP))
        wanted, found = sentences(DUMP.read_text()), sentences(self.run_client("pg_dump"))
        self.assertEqual(wanted, found)
        self.assertEqual(self.node.psql("INSERT INTO author (name) VALUES ('next') RETURNING id").split()[0], "21")

    def test_types_go_in_and_come_out_again(self) -> None:
        """With the columns that are of them."""
        self.run_client(
            "psql",
            "-qc",
            "CREATE TYPE mood AS ENUM ('sad', 'o''k'); CREATE TABLE people (mood mood DEFAULT 'sad' NOT NULL, moods mood[]);"
            "INSERT INTO people VALUES ('o''k', '{sad}');"
            "CREATE TYPE pt AS (x integer, m mood[]); CREATE TYPE a_pair AS (a pt, b text);"
            "CREATE DOMAIN age AS int DEFAULT 7 CHECK (VALUE > 0); CREATE TABLE aged (a age, b age NOT NULL); INSERT INTO aged VALUES (1);"
            "CREATE TABLE pairs (p a_pair); INSERT INTO pairs VALUES (ROW(ROW(1, '{sad}'), 'x'))",
        )
        dump = self.run_client("pg_dump")
        self.run_client(
            "psql", "-qc", "DROP TABLE people, pairs, aged; DROP TYPE a_pair, pt; DROP TYPE mood; DROP DOMAIN age"
        )
        path = self.mktemp()
        Path(path).write_text(dump)
        self.run_client("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", path)
        self.assertEqual(sentences(self.run_client("pg_dump")), sentences(dump))
        self.assertIn("CONSTRAINT age_check CHECK ((VALUE > 0))", dump)
        self.assertIn('("(1,{sad})",x)', dump)
        self.assertIn("mood DEFAULT 'sad'::mood NOT NULL", dump)
