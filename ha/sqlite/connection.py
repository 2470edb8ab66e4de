"""One open database file, prepared so that clients' SQL can be let at it.

Use: ``open_writer`` once per database, ``open_reader`` as often as reads need it. Every statement that is run plainly
is a client's, and the guard refuses what it may not do; ours stand inside ``with connection.guard.trusted():``.

Promises: a client's text and an equal text of ours never share a prepared statement; :meth:`Connection.facts` says what
a statement is without running it; limits are the constants below.

Threads: a connection is used by one thread at a time; only ``interrupt()`` may come from another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeVar, cast

import apsw

from ha.sql.kept import Kept
from ha.sql.tokens import quoted_name
from ha.sqlite import catalog, functions
from ha.sqlite.catalog_types import spoken_decltype
from ha.sqlite.guard import Footprint, Guard

# Limits (https://www.sqlite.org/limits.html). A client meets the larger ones as 54000 and cannot raise any.

#: Bytes in a string, a BLOB or a row: what one message to the log and one answer to a client can reasonably carry.
VALUE_BYTES_MAX: Final = 64 * 1024 * 1024
#: Bytes of one statement's text: a dump's largest INSERT fits; parsing it stays under a second.
SQL_BYTES_MAX: Final = 16 * 1024 * 1024
#: Columns in a table, an index or a result: SQLite's own default. PostgreSQL's is 1,600.
COLUMNS_MAX: Final = 2_000
#: Depth of an expression: SQLite's own default; its parser recurses, and the reactor's thread has 8 MiB of stack.
EXPRESSION_DEPTH_MAX: Final = 1_000
#: Terms of a compound SELECT: SQLite's own default. VALUES with more rows than that do not count.
COMPOUND_SELECT_MAX: Final = 500
#: Instructions of one prepared statement, about 100 bytes each: SQLite's own 250 million would fill the memory.
INSTRUCTIONS_MAX: Final = 1_000_000
#: Arguments of a function: SQLite's own most, for ``ARRAY[…]`` and ``json_build_object`` are calls.
ARGUMENTS_MAX: Final = 1_000
#: Bytes of a LIKE or GLOB pattern: matching takes time proportional to the product of pattern and text.
PATTERN_BYTES_MAX: Final = 1_000
#: Parameters of a statement: PostgreSQL's Bind message counts them in 16 bits. SQLite's usual build takes
#: 32,766; :mod:`ha.sql.carried` has the rest.
PARAMETERS_MAX: Final = 65_535
#: Triggers that fire triggers.
TRIGGER_DEPTH_MAX: Final = 100
#: Threads that SQLite may start for sorting: the cores belong to the reactor and its readers.
SORT_THREADS_MAX: Final = 0

LIMITS: Final = {
    apsw.SQLITE_LIMIT_LENGTH: VALUE_BYTES_MAX,
    apsw.SQLITE_LIMIT_SQL_LENGTH: SQL_BYTES_MAX,
    apsw.SQLITE_LIMIT_COLUMN: COLUMNS_MAX,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: EXPRESSION_DEPTH_MAX,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: COMPOUND_SELECT_MAX,
    apsw.SQLITE_LIMIT_VDBE_OP: INSTRUCTIONS_MAX,
    apsw.SQLITE_LIMIT_FUNCTION_ARG: ARGUMENTS_MAX,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: PATTERN_BYTES_MAX,
    apsw.SQLITE_LIMIT_VARIABLE_NUMBER: PARAMETERS_MAX,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: TRIGGER_DEPTH_MAX,
    apsw.SQLITE_LIMIT_WORKER_THREADS: SORT_THREADS_MAX,
}

#: Prepared statements kept per connection. A PostgreSQL session keeps up to 1,000 names, but their texts repeat.
STATEMENTS_KEPT: Final = 500
#: Facts kept per connection, and as many other things that the schema tells.
FACTS_KEPT: Final = 4_000
#: How long SQLite waits for a lock held by somebody else. All writing goes through one connection, so this only meets
#: checkpoints and strangers' processes, and the reactor's thread must not sleep.
BUSY_MS: Final = 0


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """One column of a statement's result, as SQLite knows it.

    :param decltype: the words after the column's name in CREATE TABLE; None for an expression.
    :param table: None for an expression, as `database` and `origin`.
    """

    name: str
    decltype: str | None
    database: str | None
    table: str | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement is, found without running it.

    :param empty: there is nothing to run (a comment).
    :param readonly: it leaves every file as it is, as EXPLAIN of anything does.
    :param columns: empty when it answers no rows.
    :param parameters: their names without the ``:``, ``@`` or ``$``; None for ``?``.
    :param changes_schema: see :class:`ha.sqlite.guard.Footprint`, as the next three.
    :param schema: which schema it was found in: equal facts of one text mean that tables are declared alike.
    """

    empty: bool
    readonly: bool
    is_explain: bool
    columns: tuple[Source, ...]
    parameters: tuple[str | None, ...]
    changes_schema: bool
    makes_temp: bool
    tables_read: frozenset[str]
    tables_written: frozenset[str]
    schema: tuple[int, ...] = ()


#: Numbers for schemas that only one connection sees: TEMP tables, a change that is not committed.
_private_numbers = count(1)


class Cursor(apsw.Cursor):
    """A cursor that prepares a client's statements and ours apart (``CLIENT_FLAGS`` says how)."""

    __slots__ = ()
    connection: Connection

    # Without apsw's other options: passing on whatever comes takes a dictionary for each statement.
    def execute(self, statements: str, bindings: Any = None, *, can_cache: bool = True) -> Cursor:  # type: ignore[override]
        guard = self.connection.guard
        try:
            _execute(self, statements, bindings, can_cache=can_cache, prepare_flags=guard.flags)
        except BaseException:
            guard.due = False
            raise
        if guard.due and guard.flags:
            guard.inspect(self.connection)
        return self

    def executemany(self, statements: str, sequenceofbindings: Any) -> Cursor:  # type: ignore[override]
        guard = self.connection.guard
        try:
            _executemany(self, statements, sequenceofbindings, prepare_flags=guard.flags)
        except BaseException:
            guard.due = False
            raise
        if guard.due and guard.flags:
            guard.inspect(self.connection)
        return self


_execute = apsw.Cursor.execute
_executemany = apsw.Cursor.executemany


class Connection(apsw.Connection):
    """SQLite's connection with its guard, and with `context`: what our SQL functions ask (who, when, settings).

    Made by :func:`open_writer` and :func:`open_reader` only.
    """

    context: functions.Context | None

    def __init__(self, path: str, flags: int, guard: Guard | None = None) -> None:
        super().__init__(path, flags=flags, statementcachesize=STATEMENTS_KEPT)
        self.guard = guard or Guard()
        self.context = None
        self.catalog = catalog.Catalog(self)
        self._facts: Kept[str, Facts] = Kept(FACTS_KEPT)
        self._kept: Kept[Hashable, Any] = Kept(FACTS_KEPT)
        self._schema_version = -1
        self._temp_version = 0
        self._number = next(_private_numbers)
        self._uncommitted = 0
        #: The schema may be changed through another connection.
        self.lags = bool(flags & apsw.SQLITE_OPEN_READONLY)
        self.cursor_factory = Cursor
        #: One whose statement has ended: making a cursor takes as long as running a small statement.
        self.cursor_at_rest: Cursor | None = None

    def take_cursor(self) -> Cursor:
        """A cursor for one statement. Who has run that to its end may leave it as `cursor_at_rest`."""
        cursor, self.cursor_at_rest = self.cursor_at_rest, None
        return cursor or cast(Cursor, self.cursor())

    def facts(self, sql: str) -> Facts:
        """What the one statement in `sql` is. Prepares it, if need be, and never runs it.

        Remembered per text until the schema changes. A change made through another connection is noticed here at the
        first statement that had to be prepared anew because of it; whoever knows earlier calls :meth:`forget`.

        :raises StatementError: the guard refuses the statement.
        :raises apsw.Error: SQLite cannot prepare it.
        """
        if catalog.mentions(sql):
            self.catalog.refresh(sql)
        self._notice_changes()
        known = self._facts.get(sql)
        if known is not None:
            return known
        self._look_at_schema()
        facts = self._find_facts(sql)
        self.guard.prepared = self.lags and self.in_transaction
        self._facts.keep(sql, facts)
        return facts

    def columns_of(self, relation: str, database: str = "main") -> tuple[Source, ...]:
        """Where the columns of a table or view of the file come from; none if it names what is no longer there.

        To be asked inside ``guard.trusted()``.
        """
        found: list[tuple[Source, ...]] = []

        def tracer(cursor: apsw.Cursor, _: str, bindings: object) -> bool:
            found.append(tuple(_source(*column) for column in cursor.description_full))
            return False

        cursor = self.cursor()
        cursor.exec_trace = tracer
        try:
            cursor.execute(f"SELECT * FROM {database}.{quoted_name(relation)}")
        except apsw.ExecTraceAbort:
            return found[0]
        except apsw.Error:
            return ()
        finally:
            cursor.close()
        raise AssertionError("the statement was not traced")

    def has(self, name: str, database: str = "main") -> bool:
        """Whether there is a table, view, index or trigger of this name, in any case.

        To be asked inside ``guard.trusted()``.
        """
        sql = f"SELECT 1 FROM {database}.sqlite_schema WHERE name = ? COLLATE NOCASE"
        return self.execute(sql, (name,)).get is not None

    def remembered(self, key: Hashable, find: Callable[[], T]) -> T:
        """What `find` makes of the schema, kept as long as :meth:`facts` are."""
        found: T | None = self.known(key)
        if found is None:
            if self.lags:
                self._look_at_schema()  # through the one writer nothing changes unnoticed
            found = find()
            self.keep(key, found)
        return found

    def known(self, key: Hashable) -> Any:
        """What was kept under `key` and still counts, or None."""
        guard = self.guard
        if guard.prepared or guard.changed:
            self._notice_changes()
        return self._kept.get(key)

    def keep(self, key: Hashable, found: Any) -> None:
        """Remember what was made of :meth:`facts`, as long as they are."""
        self._kept.keep(key, found)

    def forget(self) -> None:
        """The schema was changed through another connection: nothing that was found before counts. From any thread."""
        self.guard.prepared = True
        self._forget()

    def _forget(self) -> None:
        self._facts.clear()
        self._kept.clear()

    def _notice_changes(self) -> None:
        if self.guard.prepared:
            self._look_at_schema()
        if self.guard.changed:
            # A schema change that is rolled back gives its version number back, to be used by the next one.
            self._forget()
            self.guard.changed = self.in_transaction
            self._uncommitted = next(_private_numbers) if self.in_transaction else 0

    def _look_at_schema(self) -> None:
        with self.guard.trusted():
            # Preparing trusts the schema in memory; only running a statement that reads a table compares it with the
            # file's, and reads it anew.
            self.execute("SELECT 1 FROM main.sqlite_schema LIMIT 1").close()
            version = self.execute("PRAGMA main.schema_version").get
            self._temp_version = self.execute("PRAGMA temp.schema_version").get
        # A reader's transaction may see an older schema than its next one: look again then.
        self.guard.prepared = self.lags and self.in_transaction
        if version != self._schema_version:
            self._schema_version = version
            self._forget()

    def _find_facts(self, sql: str) -> Facts:
        found: list[tuple[Any, ...]] = []

        def tracer(cursor: apsw.Cursor, _: str, bindings: object) -> bool:
            found.append(
                (
                    not cursor.has_vdbe,
                    cursor.is_readonly or bool(cursor.is_explain),
                    bool(cursor.is_explain),
                    tuple(_source(*column) for column in cursor.description_full),
                    cursor.bindings_names,
                )
            )
            return False

        footprint = self.guard.watch()
        cursor = self.cursor()
        cursor.exec_trace = tracer
        try:
            # A statement from the cache would not ask the guard again, and so would have no footprint.
            cursor.execute(sql, apsw._null_bindings, can_cache=False)  # type: ignore[attr-defined]
        except apsw.ExecTraceAbort:
            pass
        finally:
            cursor.close()
        return Facts(*found[0], **_frozen(footprint), schema=self._schema())

    def _schema(self) -> tuple[int, ...]:
        """What tells the schema that this connection sees from all others."""
        if self._uncommitted:
            return (self._uncommitted,)
        if self._temp_version:
            return (self._schema_version, self._number, self._temp_version)
        return (self._schema_version,)


def _source(name: str, decltype: str | None, database: str | None, table: str | None, origin: str | None) -> Source:
    return Source(name, spoken_decltype(decltype), database, table, origin)


def _frozen(footprint: Footprint) -> Mapping[str, Any]:
    return {
        "changes_schema": footprint.changes_schema,
        "makes_temp": footprint.makes_temp,
        "tables_read": frozenset(footprint.tables_read),
        "tables_written": frozenset(footprint.tables_written),
    }


#: Gives a connection the SQL functions that its clients call.
Register = Callable[["Connection"], None]


def open_writer(
    path: str, *, synchronous: str, guard: Guard | None = None, register: Register = functions.register
) -> Connection:
    """The one connection of a database that writes. Creates the file when there is none.

    :param synchronous: ``NORMAL`` (a power cut may lose the newest commits, which the log still has) or ``FULL``.
    :raises apsw.Error: it cannot be opened, or is not a database (:mod:`ha.sqlite.folder` says why in a sentence).
    """
    connection = Connection(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, guard)
    try:
        _prepare(connection, register)
        with connection.guard.trusted():
            use_wal(connection)
            checkpoint_elsewhere(connection)
            sync(connection, synchronous)
            enforce_foreign_keys(connection)
        connection.guard.tolerate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str, *, guard: Guard | None = None, register: Register = functions.register) -> Connection:
    """A connection that only reads; whatever writes raises ``apsw.ReadOnlyError``. The writer must have opened first.

    It can still prepare a statement that writes, so :meth:`Connection.facts` answers for any statement.
    """
    connection = Connection(path, apsw.SQLITE_OPEN_READONLY, guard)
    try:
        _prepare(connection, register)
        with connection.guard.trusted():
            refuse_writes(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_visitor(path: str, *, register: Register = functions.register) -> Connection:
    """A connection for a look at a file that may not be ours yet. It must exist; how it keeps its journal is its own.

    :raises apsw.Error: it cannot be opened. Whether it is a database shows at the first statement.
    """
    connection = Connection(path, apsw.SQLITE_OPEN_READWRITE)
    try:
        _prepare(connection, register)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: Connection, register: Register = functions.register) -> None:
    """What every connection gets before the first statement of a client."""
    connection.set_busy_timeout(BUSY_MS)
    distrust_schema(connection)
    defend(connection)
    check_pages(connection)
    read_double_quotes_as_names(connection)
    for limit, value in LIMITS.items():
        connection.limit(limit, value)
    # On every connection: a CHECK or an index of the file may use them.
    register(connection)
    connection.authorizer = connection.guard


def distrust_schema(connection: Connection) -> None:
    """Views and triggers in somebody's file are hostile input: they may call harmless functions only."""
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)


def defend(connection: Connection) -> None:
    """No SQL can write to the schema table or to a virtual table's shadow tables."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)


def check_pages(connection: Connection) -> None:
    """A page of a damaged or forged file is looked over when it is read, before anything in it is believed."""
    with connection.guard.trusted():
        connection.execute("PRAGMA cell_size_check = ON")


def read_double_quotes_as_names(connection: Connection) -> None:
    """``"nmae"`` is a column that does not exist, as in PostgreSQL, and never silently a string."""
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    # DDL stays lenient: the schema of another application's file must go on being readable and alterable.


def use_wal(connection: Connection) -> None:
    """Readers and the writer do not wait for one another; each reader sees one committed state."""
    mode = connection.execute("PRAGMA main.journal_mode = WAL").get
    if mode not in ("wal", "memory"):
        raise apsw.CantOpenError(f"the write-ahead log cannot be used here (journal mode stays {mode!r})")


def checkpoint_elsewhere(connection: Connection) -> None:
    """Not inside a COMMIT, where every client would wait: a connection of its own does it, in a thread."""
    connection.execute("PRAGMA wal_autocheckpoint = 0")


def sync(connection: Connection, synchronous: str) -> None:
    """How much a COMMIT waits for the disk."""
    if synchronous not in ("NORMAL", "FULL"):
        raise ValueError(f"synchronous is NORMAL or FULL, not {synchronous!r}")
    connection.execute(f"PRAGMA main.synchronous = {synchronous}")


def enforce_foreign_keys(connection: Connection) -> None:
    """As PostgreSQL does. Applying the log switches it off by ``SQLITE_DBCONFIG_ENABLE_FKEY``."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)


def refuse_writes(connection: Connection) -> None:
    """TEMP tables too, which a read-only file does not prevent."""
    connection.execute("PRAGMA query_only = ON")
