"""node-postgres, postgres.js and what is built on them: each a program in ``javascript/``, where node finds the packages (``NODE_PATH``).

``.ci/run`` installs the packages; elsewhere ``npm install`` those that :data:`PACKAGES` names, and set ``NODE_PATH``.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, environment

PROGRAMS = Path(__file__).parent / "javascript"

#: Program to the packages that it requires.
PACKAGES = {
    "node_postgres": ("pg", "pg-cursor", "pg-query-stream", "pg-copy-streams"),
    "postgres_js": ("postgres",),
    "knex": ("pg", "knex"),
    "kysely": ("pg", "kysely"),
    "drizzle": ("pg", "drizzle-orm"),
    "sequelize": ("pg", "sequelize"),
    "typeorm": ("pg", "typeorm"),
}


class JavaScriptCase(SynchronousTestCase):
    """A node with an empty database, and programs that ought to say done."""

    def run_program(self, name: str) -> None:
        """Run one of :data:`PROGRAMS` against a new node."""
        program = shutil.which("node")
        if program is None:
            raise SkipTest("node is not installed")
        for package in PACKAGES[name]:
            if subprocess.run(
                [program, "-e", f"require('{package}')"], env=environment(), capture_output=True
            ).returncode:
                raise SkipTest(f"{package} is not installed")
        node = Node(self, database="ha.db").start()
        words = [program, "--no-deprecation", str(PROGRAMS / f"{name}.js"), str(node.pg_port)]
        done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout, done.stderr), ("done\n", ""))


class NodePostgresTests(JavaScriptCase):
    """node-postgres with its cursors, streams and COPY."""

    def test_a_day(self) -> None:
        """Types, named statements, errors, a pool, notifications, cancelling, a connection that is ended."""
        self.run_program("node_postgres")


class PostgresJsTests(JavaScriptCase):
    """postgres.js, which describes every statement."""

    def test_a_day(self) -> None:
        """Types, transactions and savepoints, pipelines, cursors, COPY, listening, a table that changes, cancelling."""
        self.run_program("postgres_js")


class JavaScriptOrmTests(JavaScriptCase):
    """Query builders and mappers over node-postgres."""

    def test_knex(self) -> None:
        """Schema builder, queries, ON CONFLICT, ALTER."""
        self.run_program("knex")

    def test_kysely(self) -> None:
        """Schema builder, introspection, queries."""
        self.run_program("kysely")

    def test_drizzle(self) -> None:
        """Its DDL, queries, transactions."""
        self.run_program("drizzle")

    def test_sequelize(self) -> None:
        """sync with force and, twice, with alter; associations, upsert."""
        self.run_program("sequelize")

    def test_typeorm(self) -> None:
        """Two synchronisations, of which the second finds nothing to do; relations, upsert."""
        self.run_program("typeorm")
