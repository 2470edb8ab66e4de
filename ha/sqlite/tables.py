"""What the schema says of each table, kept until the schema changes.

``tables.of(connection)`` is the one cache of a connection. Facts are read when they are first asked for; :meth:`Tables.refresh`
at the start of a transaction and :meth:`Tables.changed` after a schema change keep them true. The number that SQLite
counts schema changes with goes back with a rollback and may then come again for another schema, so what was read
inside a transaction that changed the schema is never believed after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, proxy

import apsw

from ha.sqlite.rowchange import Shape

#: What statements can call the hidden rowid, where no column has the name.
ROWID_NAMES = ("rowid", "_rowid_", "oid")

#: Names that need no quotes for a reader that writes none: ASCII, and no word of SQLite's.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_KEYWORDS = frozenset(word.upper() for word in apsw.keywords)

#: ``PRAGMA table_xinfo``'s last column: how a column comes to its value.
_HIDDEN = 1
_GENERATED_VIRTUAL = 2
_GENERATED_STORED = 3


@dataclass(frozen=True, slots=True)
class Unique:
    """A unique index, the primary key's left out.

    :param columns: where its columns stand in the stored columns; None where it is partial, or on an expression or a
        generated column.
    """

    name: str
    columns: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the main schema.

    :param kind: ``table``, ``virtual`` or ``shadow`` (`PRAGMA table_list`).
    :param owner: the virtual table that a shadow table belongs to, else None.
    :param columns: the stored columns in table order, generated ones left out.
    :param stored: where those stand among all columns that SQLite keeps on disk, or None if at the same places.
    :param pk_columns: the declared primary key in table order.
    :param pk_index: the index that is the table itself, in a table without rowids; else None.
    :param rowid: how statements can call the rowid: the alias's name, a hidden name, or None without rowids.
    :param uncapturable: it has VIRTUAL generated columns, whose tables SQLite's hook cannot read.
    :param affinities: of the stored columns.
    :param defaults: where among them those stand that have a default.
    :param simple: an INSERT of one row makes exactly this row: no triggers, no generated columns, no conflict clauses.
    :param acted_on: a foreign key changes its rows when those that they refer to go, or change.
    """

    name: str
    kind: str
    owner: str | None
    without_rowid: bool
    strict: bool
    columns: tuple[str, ...]
    stored: tuple[int, ...] | None
    pk_columns: tuple[str, ...]
    pk_index: str | None
    rowid: str | None
    autoincrement: bool
    uncapturable: bool
    uniques: tuple[Unique, ...]
    shape: Shape
    affinities: tuple[str, ...]
    defaults: frozenset[int]
    simple: bool
    acted_on: bool

    @property
    def keyed_by_rowid(self) -> bool:
        """A row is known by its rowid: there is no other key, or the key is its alias."""
        return not self.without_rowid and (not self.pk_columns or self.shape.alias is not None)


class ForeignKeyPart(NamedTuple):
    """A column of a foreign key.

    :param child: the table that declares it.
    :param number: which of the child's foreign keys it is.
    :param parent: the table that it refers to, as its own name is written.
    :param column: the child's.
    :param key: the parent's column; None where the declaration names none, and means the primary key.
    """

    child: str
    number: int
    parent: str
    column: str
    key: str | None


class Tables:
    """The tables of one connection's main database.

    :param connection: asked in whatever transaction it is in; the statements are ours, never a client's.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = proxy(connection)  # which is the key of this object: it could never go otherwise
        self._trusted = trust(connection)
        self._version = -1
        self._provisional = False
        self._known: dict[str, Table | None] = {}
        self._schema: dict[tuple[str, str], str | None] | None = None
        self._foreign_keys: tuple[ForeignKeyPart, ...] | None = None
        self._reactive: bool | None = None
        self._has_sequences: bool | None = None
        self._has_virtual: bool | None = None
        #: Changes whenever what is known is forgotten.
        self.generation = 0
        #: What :mod:`ha.sqlite.touches` made of them; forgotten with the rest.
        self.places: dict[Any, Any] = {}

    def refresh(self) -> None:
        """A transaction begins: forget what another schema said."""
        version = self.version()
        if self._provisional or version != self._version:
            self._forget()
            self._provisional = False
            self._version = version

    def changed(self) -> None:
        """The schema may have changed inside this transaction, or changed back."""
        self._forget()
        self._provisional = True
        self._version = self.version()

    def version(self) -> int:
        """SQLite's count of schema changes, as this transaction sees it."""
        with self._trusted:
            return self._connection.execute("PRAGMA main.schema_version").get  # type: ignore[no-any-return]

    @property
    def seen_version(self) -> int:
        """The version that the facts kept now belong to."""
        return self._version

    def get(self, name: str) -> Table | None:
        """The table of that name; None where there is none, or where it is a view."""
        try:
            return self._known[name]
        except KeyError:
            with self._trusted:
                table = _read_table(self._connection, name)
            self._known[name] = table
            return table

    def __getitem__(self, name: str) -> Table:
        table = self.get(name)
        if table is None:
            raise KeyError(name)
        return table

    def schema(self) -> dict[tuple[str, str], str | None]:
        """(type, name) to SQL text, for all that the schema holds but local tables and what is theirs."""
        if self._schema is None:
            with self._trusted:
                self._schema = {
                    (kind, name): sql
                    for kind, name, table, sql in self._connection.execute(
                        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema"
                    )
                    if not is_local(table)
                }
        return self._schema

    def names(self) -> Iterator[str]:
        """The names of all tables that replicate, in the schema's order."""
        for kind, name in self.schema():
            if kind == "table":
                yield name

    def foreign_keys(self) -> tuple[ForeignKeyPart, ...]:
        """The columns of all foreign keys whose parent is there, in the order of child, key and declaration."""
        if self._foreign_keys is None:
            with self._trusted:
                rows: list[Any] = self._connection.execute(
                    'SELECT s.name, f.id, p.name, f."from", f."to" FROM main.sqlite_schema AS s'
                    " JOIN pragma_foreign_key_list(s.name, 'main') AS f JOIN main.sqlite_schema AS p"
                    " ON p.type = 'table' AND p.name = f.\"table\" COLLATE NOCASE"
                    # Most tables have none, and it is the walk over all of them that takes the time.
                    " WHERE s.type = 'table' AND s.sql LIKE '%references%' ORDER BY s.name, f.id, f.seq"
                ).fetchall()
            self._foreign_keys = tuple([ForeignKeyPart(*row) for row in rows])
        return self._foreign_keys

    def with_shadows(self, names: Iterable[str]) -> set[str]:
        """These tables, and those in which the virtual ones among them keep their rows."""
        found = set(names)
        if self.has_virtual:
            with self._trusted:
                shadows: list[Any] = self._connection.execute(
                    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"
                ).fetchall()
            known = {name.lower() for name in found}
            for (name,) in shadows:
                table = self.get(name)
                if table is not None and table.owner is not None and table.owner.lower() in known:
                    found.add(name)
        return found

    @property
    def has_sequences(self) -> bool:
        """There is a `sqlite_sequence` table (some table was once declared AUTOINCREMENT)."""
        if self._has_sequences is None:
            with self._trusted:
                self._has_sequences = bool(
                    self._connection.execute(
                        "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'sqlite_sequence'"
                    ).get
                )
        return self._has_sequences

    @property
    def has_virtual(self) -> bool:
        """There is a virtual table."""
        if self._has_virtual is None:
            with self._trusted:
                self._has_virtual = bool(
                    self._connection.execute(
                        "SELECT 1 FROM main.sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
                    ).get
                )
        return self._has_virtual

    @property
    def reactive(self) -> bool:
        """The schema has triggers or foreign keys or CHECK constraints: things that a write may set off."""
        if self._reactive is None:
            with self._trusted:
                self._reactive = bool(
                    self._connection.execute(
                        "SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger'"
                        " OR sql LIKE '%references%' OR sql LIKE '%check%' LIMIT 1"
                    ).get
                )
        return self._reactive

    def _forget(self) -> None:
        self._known.clear()
        self._schema = None
        self._foreign_keys = None
        self._reactive = None
        self._has_sequences = None
        self._has_virtual = None
        self.places.clear()
        self.generation += 1


_caches: WeakKeyDictionary[apsw.Connection, Tables] = WeakKeyDictionary()


def of(connection: apsw.Connection) -> Tables:
    """The one cache of `connection`."""
    try:
        return _caches[connection]
    except KeyError:
        tables = _caches[connection] = Tables(connection)
        return tables


def trust(connection: apsw.Connection) -> AbstractContextManager[None]:
    """A context, good for many uses, in which statements are our own and no client's."""
    guard = getattr(connection, "guard", None)
    return nullcontext() if guard is None else guard.trusted()


def is_local(name: str) -> bool:
    """The table's rows never leave the node."""
    return name[:7].lower() == "sqlite_" or name[:3].lower() == "ha_"


def quoted(name: str) -> str:
    """An identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def affinity(declared: str, strict: bool) -> str:
    """SQLite's rules (https://www.sqlite.org/datatype3.html#determination_of_column_affinity), in their order."""
    words = declared.upper()
    if strict and words == "ANY":
        return "BLOB"
    if "INT" in words:
        return "INTEGER"
    if "CHAR" in words or "CLOB" in words or "TEXT" in words:
        return "TEXT"
    if not words or "BLOB" in words:
        return "BLOB"
    if "REAL" in words or "FLOA" in words or "DOUB" in words:
        return "REAL"
    return "NUMERIC"


def _is_plain(name: str) -> bool:
    return _PLAIN_NAME.match(name) is not None and name.upper() not in _KEYWORDS


def _read_table(connection: apsw.Connection, name: str) -> Table | None:
    listed = connection.execute(
        "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)
    ).fetchone()
    if listed is None or listed[1] == "view":
        return None
    name, kind, without_rowid, strict = listed
    rows = list(
        connection.execute("SELECT name, type, pk, hidden, dflt_value FROM pragma_table_xinfo(?, 'main')", (name,))
    )
    made = _Made(connection, name)
    on_disk = [row for row in rows if row[3] not in (_HIDDEN, _GENERATED_VIRTUAL)]
    stored = tuple(at for at, row in enumerate(on_disk) if row[3] != _GENERATED_STORED)
    kept = [on_disk[at] for at in stored]
    columns = tuple(row[0] for row in kept)
    key = tuple(at for at, row in enumerate(kept) if row[2])
    alias = None if kind == "virtual" else _alias(connection, made, kept, key, bool(without_rowid))
    taken = {row[0].lower() for row in rows}
    uniques = tuple(_uniques(connection, name, columns)) if made.indexed else ()
    affinities = tuple(affinity(row[1], bool(strict)) for row in kept)
    hidden = None
    if not without_rowid:
        hidden = next((word for word in ROWID_NAMES if word not in taken), None)
    return Table(
        name=name,
        kind=kind,
        owner=_owner(connection, name) if kind == "shadow" else None,
        without_rowid=bool(without_rowid),
        strict=bool(strict),
        columns=columns,
        stored=None if len(stored) == len(on_disk) else stored,
        pk_columns=tuple(columns[at] for at in key),
        pk_index=_pk_index(connection, name) if without_rowid else None,
        rowid=hidden if alias is None else quoted(columns[alias]),
        autoincrement=alias is not None and made.says("autoincrement"),
        uncapturable=len(on_disk) != len(rows) and kind == "table",
        uniques=uniques,
        shape=Shape(
            plain=_is_plain(name) and all(map(_is_plain, columns)),
            rowid=hidden,
            alias=alias,
            key=key,
            loose=tuple(at for at, kind in enumerate(affinities) if kind == "BLOB" and at != alias),
            unique=_unique_columns(uniques),
        ),
        affinities=affinities,
        defaults=frozenset(at for at, row in enumerate(kept) if row[4] is not None),
        simple=kind == "table" and len(kept) == len(rows) and not (made.triggered or made.says("conflict")),
        acted_on=kind == "table" and made.says("references") and _is_acted_on(connection, name),
    )


class _Made:
    """What the schema holds for one table, in one look: most tables need no other statement.

    :ivar indexed: it has indexes beside the table itself.
    :ivar triggered: it has triggers.
    """

    __slots__ = ("_text", "indexed", "name", "triggered")

    def __init__(self, connection: apsw.Connection, name: str) -> None:
        self.name = name
        self._text = ""
        self.indexed = self.triggered = False
        held = "SELECT type, sql FROM main.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE"
        for kind, sql in connection.execute(held, (name,)):
            if kind == "table":
                self._text = (sql or "").lower()
            self.indexed |= kind == "index"
            self.triggered |= kind == "trigger"

    def says(self, word: str) -> bool:
        """Whether its declaration has this word, be it in a comment: then a look is wasted, and nothing else."""
        return word in self._text


def _is_acted_on(connection: apsw.Connection, name: str) -> bool:
    """See `Table.acted_on`."""
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT count(*) > 0 FROM pragma_foreign_key_list(?, 'main') WHERE on_delete LIKE 'SET %'"
        " OR on_update LIKE 'SET %' OR on_update = 'CASCADE'",
        (name,),
    ).get


def _alias(
    connection: apsw.Connection, made: _Made, kept: list[tuple[Any, ...]], key: tuple[int, ...], without_rowid: bool
) -> int | None:
    """Where the INTEGER PRIMARY KEY stands. One that has an index of its own (``DESC``) is no alias."""
    if without_rowid or len(key) != 1 or kept[key[0]][1].upper() != "INTEGER":
        return None
    return key[0] if not made.indexed or _pk_index(connection, made.name) is None else None


def _pk_index(connection: apsw.Connection, name: str) -> str | None:
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT name FROM pragma_index_list(?, 'main') WHERE origin = 'pk'", (name,)
    ).get


def _owner(connection: apsw.Connection, name: str) -> str | None:
    """The virtual table whose name the shadow table's begins with."""
    return connection.execute(  # type: ignore[no-any-return]
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'"
        " AND lower(substr(?1, 1, length(name) + 1)) = lower(name) || '_' ORDER BY length(name) DESC LIMIT 1",
        (name,),
    ).get


def _unique_columns(uniques: tuple[Unique, ...]) -> tuple[int, ...] | None:
    found: set[int] = set()
    for unique in uniques:
        if unique.columns is None:
            return None
        found.update(unique.columns)
    return tuple(sorted(found))


def _uniques(connection: apsw.Connection, name: str, columns: tuple[str, ...]) -> Iterator[Unique]:
    for index, partial in list(
        connection.execute(
            "SELECT name, partial FROM pragma_index_list(?, 'main') WHERE \"unique\" AND origin <> 'pk'", (name,)
        )
    ):
        names = [
            column
            for (column,) in connection.execute(
                "SELECT name FROM pragma_index_xinfo(?, 'main') WHERE key ORDER BY seqno", (index,)
            )
        ]
        whole = not partial and all(column in columns for column in names)
        yield Unique(index, tuple(columns.index(column) for column in names) if whole else None)
