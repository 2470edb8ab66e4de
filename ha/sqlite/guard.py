"""What a client's SQL may do, asked of SQLite itself while it prepares a statement.

SQLite calls the authorizer (https://www.sqlite.org/c3ref/set_authorizer.html) for everything that a statement would do,
views, triggers and the inner SQL of virtual tables included, so nothing here reads SQL text. A :class:`Guard` belongs
to one connection and does two things: it refuses, and it records.

It refuses a client, with 42501 and a sentence that names the thing: ATTACH and DETACH (and with them VACUUM, which
attaches), transaction control (it comes only from us), writing to ``ha_*`` tables, creating or dropping ``ha_*``
objects, TEMP triggers (one writing connection serves everybody), and every pragma and function that is not
on the list of those known to be harmless. Clients may write to ``sqlite_sequence``, as dumps and test suites do, and to
``sqlite_stat*``, which never leave a node. The schema table and the shadow tables of virtual tables are kept by
SQLite's own defensive mode (:mod:`ha.sqlite.connection`).

What SQLite does not tell while preparing is looked at right after a statement that changed the schema:
:meth:`Guard.inspect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import apsw

from ha.errors import StatementError

#: The prefix of our own tables. No client makes, changes or drops what is named so; everybody may read it.
OURS: Final = "ha_"

#: The attached database of :mod:`ha.sqlite.catalog`. Everybody may read it, and only we write there.
CATALOG: Final = "pg_catalog"

#: The tables of schema.sql; its test holds the two together.
OUR_TABLES: Final = frozenset(
    {"ha_cluster", "ha_conflicts", "ha_origins", "ha_outbox", "ha_quarantine", "ha_stats", "ha_touches", "ha_unmerged"}
)

#: A client's statements are prepared with this flag and ours without: apsw's statement cache holds the flags in its
#: key, so a client's text never meets a statement that was prepared while the guard looked away. The flag itself keeps
#: the client's mistakes out of SQLite's error log, where they have no business.
CLIENT_FLAGS: Final = apsw.SQLITE_PREPARE_DONT_LOG

#: FTS3 and FTS4 bracket their 'optimize' command with a savepoint of this name.
FTS3_SAVEPOINT: Final = "fts3"

#: Modules of virtual tables that a client may create. All keep their rows in the same file.
MODULES: Final = frozenset({"fts3", "fts4", "fts5", "fts5vocab", "fts4aux", "rtree", "rtree_i32", "geopoly"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SQLITE_FUNCTIONS = """
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling changes char coalesce concat concat_ws
    cos cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp
    first_value floor format fts5_get_locale fts5_locale geopoly_area geopoly_bbox geopoly_blob geopoly_ccw
    geopoly_contains_point geopoly_group_bbox geopoly_json geopoly_overlap geopoly_regular geopoly_svg
    geopoly_within geopoly_xform glob group_concat hex highlight if ifnull iif instr json json_array
    json_array_insert json_array_length json_error_position json_extract json_group_array json_group_object
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid
    jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert
    jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set julianday lag last_insert_rowid last_value lead
    length like likelihood likely ln log log10 log2 lower ltrim match matchinfo max median min mod nth_value ntile
    nullif octet_length offsets optimize percent_rank percentile percentile_cont percentile_disc pi pow power printf
    quote radians random randomblob rank regexp replace round row_number rtreecheck rtreedepth rtreenode rtrim sign
    sin sinh snippet soundex sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version sqrt
    strftime string_agg substr substring subtype sum tan tanh time timediff total total_changes trim trunc typeof
    unhex unicode unistr unistr_quote unixepoch unlikely upper zeroblob
"""

#: SQLite's own functions that are harmless in anybody's hands.
FUNCTIONS: Final = _words(_SQLITE_FUNCTIONS)

#: What ALTER TABLE calls inside. SQLite itself lets nobody else call them.
ALTER_FUNCTIONS: Final = _words(
    """
    sqlite_add_constraint sqlite_drop_column sqlite_drop_constraint sqlite_fail sqlite_find_constraint
    sqlite_rename_column sqlite_rename_quotefix sqlite_rename_table sqlite_rename_test
    """
)

#: Pragmas that only tell. ``data_version`` and ``page_size`` are what FTS and R-tree ask for themselves.
PRAGMAS: Final = _words(
    """
    application_id collation_list compile_options data_version database_list encoding foreign_key_check
    foreign_key_list freelist_count function_list index_info index_list index_xinfo integrity_check module_list
    page_count page_size pragma_list quick_check schema_version table_info table_list table_xinfo user_version
    """
)

#: Of those, the ones whose argument is the name of a table or an index, or a number of errors: it sets nothing.
PRAGMAS_WITH_ARGUMENT: Final = _words(
    """
    foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check quick_check table_info
    table_list table_xinfo
    """
)


@dataclass(slots=True)
class Footprint:
    """What one statement would do, as SQLite told while preparing it.

    Names are those of tables in the main database, views not resolved away: a view is listed with its tables.

    :param changes_schema: it creates, alters or drops something outside the TEMP schema.
    :param makes_temp: it creates or drops a TEMP object, or writes to a TEMP table.
    """

    tables_read: set[str] = field(default_factory=set)
    tables_written: set[str] = field(default_factory=set)
    changes_schema: bool = False
    makes_temp: bool = False


class _Trust:
    """The context in which statements are our own. One object per guard: it is entered on every hot path."""

    __slots__ = ("_depth", "_guard")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1
        self._guard.flags = 0

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._guard.flags = CLIENT_FLAGS


class Guard:
    """The authorizer of one connection. Not thread-safe, like the connection's transaction.

    :param functions: names, lower case, of SQLite's own functions that a client may call, in views and triggers too.
    :param pragmas: names, lower case, of the pragmas a client may read.
    """

    def __init__(self, *, functions: frozenset[str] = FUNCTIONS, pragmas: frozenset[str] = PRAGMAS) -> None:
        self._functions = {*functions, *ALTER_FUNCTIONS}
        self._pragmas = pragmas
        #: The connection serves one session only, whose TEMP tables and views are nobody else's.
        self.private = False
        #: How statements are prepared now: ``CLIENT_FLAGS``, or 0 inside :meth:`trusted`.
        self.flags = CLIENT_FLAGS
        #: A statement was prepared since somebody last set this to False: the schema may be another than before.
        self.prepared = False
        #: A statement that changes the schema was prepared since somebody last set this to False, perhaps to be undone.
        self.changed = False
        #: A client's statement that can make a forbidden schema was prepared: :meth:`inspect` is due.
        self.due = False
        self._tolerated: frozenset[str] = OUR_TABLES
        self._client = True
        self._footprint = Footprint()
        self._trust = _Trust(self)
        self._actions = _actions()

    def trusted(self) -> _Trust:
        """``with guard.trusted():`` the statements inside are our own, and nothing is refused. May be nested.

        What a trigger or a view of the file adds to such a statement is judged as always.
        """
        return self._trust

    def allow(self, functions: Iterable[str]) -> None:
        """Let clients call these SQL functions, too."""
        self._functions.update(map(str.lower, functions))

    def watch(self) -> Footprint:
        """A fresh footprint; whatever is prepared from now to the next call is recorded in it."""
        self._footprint = Footprint()
        return self._footprint

    def __call__(
        self, action: int, first: str | None, second: str | None, database: str | None, source: str | None
    ) -> int:
        """SQLite's question: may this be done?

        :param source: the trigger or view that would do it. Those are in the file, and so a client's, whoever fires them.
        :raises StatementError: no. apsw passes the exception on to whoever called ``execute``.
        """
        self.prepared = True
        self._client = source is not None or self.flags != 0
        act = self._actions.get(action)
        if act is not None:
            act(self, first or "", second or "", database or "main")
        return apsw.SQLITE_OK

    # The actions, in the order of SQLite's manual.

    def _create(self, name: str, _: str, database: str) -> None:
        self._refuse_catalog("create", name, database)
        self.changed = self._footprint.changes_schema = True
        self._refuse_ours("create", name)
        self.due = self.due or self._client

    def _create_temp(self, name: str, _: str, database: str) -> None:
        self.changed = self._footprint.makes_temp = True
        self._refuse_ours("create", name)

    def _create_temp_trigger(self, name: str, table: str, database: str) -> None:
        self._footprint.makes_temp = True
        if self._client:
            raise refusal(f'TEMP trigger "{name}" cannot be created: it would fire for every client')

    def _create_temp_view(self, name: str, _: str, database: str) -> None:
        self._create_temp(name, "", database)

    def _create_virtual(self, name: str, module: str, database: str) -> None:
        if self._client and module.lower() not in MODULES:
            raise refusal(f'virtual table "{name}" cannot be created: module "{module}" is not allowed')
        if database == "temp":
            return self._create_temp(name, module, database)
        self._create(name, module, database)

    def _drop(self, name: str, _: str, database: str) -> None:
        self._refuse_catalog("drop", name, database)
        self.changed = self._footprint.changes_schema = True
        self._refuse_ours("drop", name)

    def _drop_temp(self, name: str, _: str, database: str) -> None:
        self.changed = self._footprint.makes_temp = True

    def _drop_virtual(self, name: str, module: str, database: str) -> None:
        if database == "temp":
            return self._drop_temp(name, module, database)
        self._drop(name, module, database)

    def _create_on(self, name: str, table: str, database: str) -> None:
        """CREATE INDEX and CREATE TRIGGER: the table counts as well as the name."""
        self._refuse_ours("create anything on", table)
        self._create(name, table, database)

    def _drop_on(self, name: str, table: str, database: str) -> None:
        self._refuse_ours("drop anything on", table)
        self._drop(name, table, database)

    def _alter(self, database: str, table: str, _: str) -> None:
        # Here, and only here, SQLite gives the database first.
        if database == "temp":
            self.changed = self._footprint.makes_temp = True
            return
        self._refuse_ours("alter", table)
        self.changed = self._footprint.changes_schema = True
        self.due = self.due or self._client  # RENAME does not tell the new name

    def _reindex(self, name: str, _: str, database: str) -> None:
        pass

    def _write(self, table: str, _: str, database: str) -> None:
        if database == "temp":
            # Every CREATE and DROP of a TEMP object writes there too, and has said so itself.
            if not table.startswith("sqlite_"):
                self._footprint.makes_temp = True
            return
        if table.startswith("sqlite_"):
            # The schema table is written by every CREATE; clients' own writes to it are refused by SQLite.
            if table == "sqlite_sequence":
                self._footprint.tables_written.add(table)
            return
        if database == CATALOG:
            return self._refuse_catalog("write to", table, database)
        self._refuse_ours("write to", table)
        self._footprint.tables_written.add(table)

    def _read(self, table: str, column: str, database: str) -> None:
        if database != "temp" and database != CATALOG:
            self._footprint.tables_read.add(table)

    def _function(self, _: str, name: str, database: str) -> None:
        if self._client and name.lower() not in self._functions:
            raise refusal(f"function {name} is not allowed")

    def _pragma(self, name: str, argument: str, database: str) -> None:
        if not self._client:
            return
        name = name.lower()
        if name not in self._pragmas:
            raise refusal(f"PRAGMA {name} is not allowed")
        if argument and name not in PRAGMAS_WITH_ARGUMENT:
            raise refusal(f"PRAGMA {name} can be read here, not set")

    def _transaction(self, operation: str, _: str, database: str) -> None:
        if self._client:
            raise refusal(f"{operation} is not allowed here")

    def _savepoint(self, operation: str, name: str, database: str) -> None:
        if self._client and name.lower() != FTS3_SAVEPOINT:
            raise refusal(f"{operation} of a savepoint is not allowed here")

    def _attach(self, name: str, _: str, database: str) -> None:
        if self._client:
            # VACUUM attaches the file it writes to: an empty name unless it is VACUUM INTO.
            if not name:
                raise refusal("VACUUM is not allowed here")
            raise refusal("ATTACH and VACUUM INTO are not allowed: a client reaches this database file and no other")

    def _detach(self, name: str, _: str, database: str) -> None:
        if self._client:
            raise refusal("DETACH is not allowed")

    def _refuse_ours(self, verb: str, name: str) -> None:
        if self._client and is_ours(name):
            raise refusal(f'cannot {verb} "{name}": names that begin with {OURS} belong to the server')

    def _refuse_catalog(self, verb: str, name: str, database: str) -> None:
        if self._client and database == CATALOG:
            raise refusal(f'cannot {verb} "{name}": it is a system catalog')

    def tolerate(self, connection: apsw.Connection) -> None:
        """Another application's file may have had ``ha_*`` names of its own before it came to us: let them be."""
        with self.trusted():
            self._tolerated = frozenset(self._named_like_ours(connection)) | OUR_TABLES

    def _named_like_ours(self, connection: apsw.Connection) -> set[str]:
        return {name for (name,) in connection.execute(_NAMED_LIKE_OURS)}

    def inspect(self, connection: apsw.Connection) -> None:
        """Look at the schema that a client's statement has just made, for what the authorizer was not told.

        The caller undoes the statement when this raises.

        :raises StatementError: a table was renamed to a name of ours (42501), or a foreign key points to a shadow table
            of a virtual table (0A000): writing to that virtual table can then crash SQLite.
        """
        self.due = False
        with self.trusted():
            taken = self._named_like_ours(connection) - self._tolerated
            child = connection.execute(_REFERENCE_TO_SHADOW).get
        if taken:
            raise refusal(f'cannot rename to "{min(taken)}": names that begin with {OURS} belong to the server')
        if child is not None:
            raise StatementError(
                "0A000",
                f'foreign key of table "{child[0]}" references shadow table "{child[1]}"',
                hint="A shadow table belongs to its virtual table; reference a table of your own.",
                table=child[0],
            )


_NAMED_LIKE_OURS = "SELECT lower(name) FROM main.sqlite_schema WHERE lower(substr(name, 1, 3)) = 'ha_'"

_REFERENCE_TO_SHADOW = """
    SELECT child.name, parent.name
      FROM pragma_table_list AS parent, pragma_table_list AS child, pragma_foreign_key_list(child.name) AS key
     WHERE parent.type = 'shadow' AND parent.schema = 'main' AND child.schema = 'main' AND child.type = 'table'
       AND key."table" = parent.name COLLATE NOCASE
     LIMIT 1
"""


def is_ours(name: str) -> bool:
    """Whether a table, index, view or trigger of this name belongs to the server."""
    return name[:3].lower() == OURS


def refusal(message: str) -> StatementError:
    """The guard's no: 42501."""
    return StatementError("42501", message)


def _actions() -> dict[int, Callable[[Guard, str, str, str], None]]:
    """Which method answers which of SQLite's codes; a code that is not here is allowed and tells us nothing."""
    return {
        apsw.SQLITE_CREATE_INDEX: Guard._create_on,
        apsw.SQLITE_CREATE_TABLE: Guard._create,
        apsw.SQLITE_CREATE_TEMP_INDEX: Guard._create_temp,
        apsw.SQLITE_CREATE_TEMP_TABLE: Guard._create_temp,
        apsw.SQLITE_CREATE_TEMP_TRIGGER: Guard._create_temp_trigger,
        apsw.SQLITE_CREATE_TEMP_VIEW: Guard._create_temp_view,
        apsw.SQLITE_CREATE_TRIGGER: Guard._create_on,
        apsw.SQLITE_CREATE_VIEW: Guard._create,
        apsw.SQLITE_DELETE: Guard._write,
        apsw.SQLITE_DROP_INDEX: Guard._drop_on,
        apsw.SQLITE_DROP_TABLE: Guard._drop,
        apsw.SQLITE_DROP_TEMP_INDEX: Guard._drop_temp,
        apsw.SQLITE_DROP_TEMP_TABLE: Guard._drop_temp,
        apsw.SQLITE_DROP_TEMP_TRIGGER: Guard._drop_temp,
        apsw.SQLITE_DROP_TEMP_VIEW: Guard._drop_temp,
        apsw.SQLITE_DROP_TRIGGER: Guard._drop_on,
        apsw.SQLITE_DROP_VIEW: Guard._drop,
        apsw.SQLITE_INSERT: Guard._write,
        apsw.SQLITE_PRAGMA: Guard._pragma,
        apsw.SQLITE_READ: Guard._read,
        apsw.SQLITE_TRANSACTION: Guard._transaction,
        apsw.SQLITE_UPDATE: Guard._write,
        apsw.SQLITE_ATTACH: Guard._attach,
        apsw.SQLITE_DETACH: Guard._detach,
        apsw.SQLITE_ALTER_TABLE: Guard._alter,
        apsw.SQLITE_CREATE_VTABLE: Guard._create_virtual,
        apsw.SQLITE_DROP_VTABLE: Guard._drop_virtual,
        apsw.SQLITE_FUNCTION: Guard._function,
        apsw.SQLITE_SAVEPOINT: Guard._savepoint,
    }
