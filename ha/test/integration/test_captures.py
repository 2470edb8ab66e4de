"""What ten clients once said to PostgreSQL 15, said again to a node: the answers are PostgreSQL's but for what is listed here."""

from __future__ import annotations

import re
from typing import ClassVar, NamedTuple

from psycopg import pq
from twisted.trial.unittest import SynchronousTestCase

from ha.test.captures import Difference, Replay, base
from ha.test.integration.nodes import Node


class Known(NamedTuple):
    """A difference that is meant, or not yet mended.

    :param step: a pattern for the whole of the step's name.
    :param what: ``error``, ``columns``, ``rows`` or ``tag``.
    :param sql: a pattern that is found in the statement.
    """

    step: str
    what: str
    why: str
    sql: str = ""

    def covers(self, one: Difference) -> bool:
        return (
            re.fullmatch(self.step, one.step) is not None
            and self.what == one.what
            and re.search(self.sql, one.sql, re.IGNORECASE) is not None
        )


MADE = "the number of a type that a client made is made of its name"
ROW_TYPES = "relations have no row types"
WIDE = "the capture encodes int4 in binary; INTEGER is announced as int8, which is 8 bytes"


class CaptureCase(SynchronousTestCase):
    """One node with the schema of the captures."""

    def setUp(self) -> None:
        self.node = Node(self, database="ha").start()
        self._connection().exec_(base().encode())

    def _connection(self) -> pq.PGconn:
        dsn = f"host=localhost port={self.node.pg_port} user=ha password=ha dbname=ha sslmode=disable"
        connection = pq.PGconn.connect(dsn.encode())
        self.assertEqual(connection.status, pq.ConnStatus.OK, connection.error_message)
        return connection

    def replay(self, client: str, known: tuple[Known, ...] = ()) -> None:
        """Every difference is listed, and everything listed is still one."""
        found = list(Replay(client, self._connection).differences())
        unknown = [one for one in found if not any(listed.covers(one) for listed in known)]
        self.assertEqual([], unknown, "\n".join(map(str, unknown)))
        mended = [listed for listed in known if not any(listed.covers(one) for one in found)]
        self.assertEqual([], mended, "these differ no longer")


class PsqlCaptureTests(CaptureCase):
    """psql: every backslash command, and the completion of names."""

    known: ClassVar = (
        Known(r"\\sv active_users", "rows", "a view is shown in the words of its author"),
        Known(r"\\dt\+|\\di\+", "rows", "the size of one table is not known: a page"),
        Known(r"\\l\+?|TAB \\c", "rows", "there are no template databases, and a database has its own size"),
        Known(r"\\l\+?|TAB \\c", "tag", "there are no template databases"),
        Known(r"\\dd", "columns", "where a UNION gives rows, no column is said to be a table's"),
        Known(r"\\dconfig", "rows", "no setting comes from a configuration file"),
        Known(r"\\dconfig", "tag", "no setting comes from a configuration file"),
        Known(r"\\password", "error", "the user is given with the node's options"),
        Known(
            r"\\lo_import", "rows", "the capture holds no function calls, so none was made", "pg_largeobject_metadata"
        ),
        Known(
            r"\\lo_import", "tag", "the capture holds no function calls, so none was made", "pg_largeobject_metadata"
        ),
        Known(r"TAB \\df no", "rows", "only functions that can be called here are listed"),
        Known(r"TAB \\df no", "tag", "only functions that can be called here are listed"),
        Known(r"TAB reset ?", "tag", "our own settings are listed, too"),
    )

    def test_replay(self) -> None:
        self.replay("psql", self.known)


class PsycopgCaptureTests(CaptureCase):
    """psycopg 3 and psycopg2."""

    known: ClassVar = (
        Known("TypeInfo.fetch", "rows", ROW_TYPES, r"to_regtype\(\$1\)"),
        Known("TypeInfo.fetch", "tag", ROW_TYPES, r"to_regtype\(\$1\)"),
    )

    def test_replay(self) -> None:
        self.replay("psycopg3", self.known)

    def test_replay_of_psycopg2(self) -> None:
        self.replay("psycopg2")


class OtherCaptureTests(CaptureCase):
    """asyncpg, pg8000, node-postgres, pgbench."""

    known: ClassVar = (
        Known("fetch typed", "columns", "the capture holds two statements at once", r"select \* from typed"),
        Known("insert typed|executemany", "error", WIDE),
        Known("copy_records_to_table", "tag", "the capture holds a COPY beside the statement"),
        Known("custom enum", "columns", MADE, "::mood"),
        Known("composite", "tag", ROW_TYPES, "typeinfo_tree"),
        Known("composite", "error", "a table's name is no column", "select users"),
        Known("schema change", "error", "the table was made by a statement that the capture shares with others", "tt"),
    )

    def test_replay_of_asyncpg(self) -> None:
        self.replay("asyncpg", self.known)

    def test_replay_of_pg8000(self) -> None:
        self.replay("pg8000")

    def test_replay_of_node_postgres(self) -> None:
        self.replay("node_pg")

    def test_replay_of_pgbench(self) -> None:
        self.replay("pgbench")


class AlchemyCaptureTests(CaptureCase):
    """SQLAlchemy."""

    known: ClassVar = (
        Known("create_engine connect", "rows", "the version says who we are", "version"),
        Known(r"inspector.get_view_definition\(.*", "rows", "a view is shown in the words of its author"),
        Known(
            "reflect",
            "rows",
            "without ORDER BY the rows come in another order",
            r"pg_class\.oid, pg_catalog\.pg_class\.relname",
        ),
        Known("select|for update", "columns", MADE),
        Known(
            "extract/date",
            "rows",
            "the day is another, rows come by their key, and a numeric as text has no zeros at its end",
            "CURRENT_TIMESTAMP",
        ),
    )

    def test_replay(self) -> None:
        self.replay("sqlalchemy_psycopg", self.known)


class DjangoCaptureTests(CaptureCase):
    """Django, and then pgJDBC on the tables that it made."""

    known: ClassVar = (
        Known(
            "ORM in_bulk/iterator", "columns", "what DISTINCT compares through a collation is not said to be a table's"
        ),
    )
    jdbc: ClassVar = (
        Known("ResultSetMetaData.*", "columns", "where a UNION gives rows, no column is said to be a table's"),
        Known("md.getIndexInfo", "columns", "float4 is announced as float8"),
        Known("md.getTypeInfo", "tag", "relations have no row types"),
        Known("md.getTypeInfo", "rows", "relations have no row types"),
        Known("md.getFunctions", "rows", "only functions that can be called here are listed"),
        Known("md.getFunctions", "tag", "only functions that can be called here are listed"),
        Known("md.getUDTs", "rows", "no domains, and relations have no row types"),
        Known("md.getUDTs", "tag", "no domains, and relations have no row types"),
    )

    def test_replay(self) -> None:
        self.replay("django", self.known)
        self.replay("pgjdbc", self.jdbc)
