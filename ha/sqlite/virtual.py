"""Virtual tables by their own rows: what changes of their shadow tables did to them.

A full-text index or an R-tree keeps everything in tables of its own, its shadow tables, and those are what replicates. Which row of the
virtual table came, changed or went is told by one of them: FTS keeps its rows, as they were given, in ``_content``; an R-tree has a row
of ``_rowid`` for each of its own, which names the node, a BLOB in ``_node``, where its coordinates stand. Every write of a row of the
R-tree writes both. A geopoly table is an R-tree whose shapes stand in ``_rowid``.

(https://www.sqlite.org/fts5.html#fts5_data_structures, https://www.sqlite.org/rtree.html#implementation_details)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ha.sql.tokens import TEXTS, literal, tokenize, unquoted
from ha.sqlite.capture import same
from ha.sqlite.rowchange import DELETE, INSERT, UPDATE, Change, Event, RowChange
from ha.sqlite.tables import Table, Tables
from ha.values import Row, Value

#: How a virtual table's rows can be written again.
BY_ROWS: Final = "rows"
BY_REBUILDING: Final = "rebuilding"
BY_NOTHING: Final = "nothing"

_FULL_TEXT: Final = frozenset(("fts3", "fts4", "fts5"))
_TREES: Final = frozenset(("rtree", "rtree_i32", "geopoly"))

#: A node of an R-tree: its depth (the root's only) and how many cells follow; a cell: a number, and pairs of coordinates.
_NODE_HEAD: Final = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Virtual:
    """What the definition of a virtual table says.

    :param table: its columns are those that it shows.
    :param told_by: the shadow table that tells of its rows; none may be there of that name.
    :param source: the table whose rows it indexes, where it keeps none of its own; lower case.
    :param written: how its rows can be written again: one by one; all at once from where they are kept; not at all, for it keeps
        no more of them than an index.
    """

    table: Table
    module: str
    told_by: str
    source: str | None
    written: str

    @property
    def full_text(self) -> bool:
        """It is one of FTS's."""
        return self.module in _FULL_TEXT

    @property
    def is_tree(self) -> bool:
        """An R-tree whose coordinates are given as they are."""
        return self.module in _TREES and self.module != "geopoly"


def find(tables: Tables, name: str) -> Virtual | None:
    """The virtual table of that name, if it is one that keeps anything."""
    table = tables.get(name)
    sql = tables.schema().get(("table", table.name)) if table is not None and table.kind == "virtual" else None
    if table is None or sql is None:
        return None
    module, options = _definition(sql)
    if module in _TREES:
        return Virtual(table, module, f"{table.name}_rowid", None, BY_ROWS)
    if module not in _FULL_TEXT:
        return None
    content = options.get("content") if module != "fts3" else None
    if content is not None:
        source = _named(tables, content)
        # A view may show anything, and nobody could tell what it depends on.
        written = BY_REBUILDING if source is not None and source.kind == "table" else BY_NOTHING
        return Virtual(table, module, f"{table.name}_docsize", content.lower() or None, written)
    told_by = f"{table.name}_content"
    kept = tables.get(told_by)
    # Otherwise there is more beside each value: a language, a locale; or less of it: it is compressed.
    plain = kept is not None and len(kept.columns) == len(table.columns) + 1 and "compress" not in options
    return Virtual(table, module, told_by, None, BY_ROWS if plain else BY_REBUILDING)


def _named(tables: Tables, name: str) -> Table | None:
    """SQLite compares names without regard to case."""
    found = next((one for one in tables.names() if one.lower() == name.lower()), None)
    return None if found is None else tables.get(found)


def _definition(sql: str) -> tuple[str, dict[str, str]]:
    """The module of a CREATE VIRTUAL TABLE, and those of its arguments that are options."""
    tokens = tokenize(sql)
    using = next(at for at, token in enumerate(tokens) if token.key == "USING")
    module = unquoted(sql, tokens[using + 1]).lower()
    options: dict[str, str] = {}
    for at in range(using + 2, len(tokens) - 2):
        if tokens[at - 1].key in ("(", ",") and tokens[at + 1].key == "=":
            value = tokens[at + 2]
            text = literal(sql, value) if value.kind in TEXTS else unquoted(sql, value)
            options[unquoted(sql, tokens[at]).lower()] = text or ""
    return module, options


# Shadow rows as rows


def rows_of(tables: Tables, events: Sequence[Event]) -> Sequence[Event]:
    """The same, with events of virtual tables in the place of those of their shadow tables."""
    if not tables.has_virtual:
        return events
    found: list[Event] = []
    shadows: dict[str, list[Event]] = {}
    for event in events:
        table = tables.get(event.table)
        if table is None or table.owner is None:
            found.append(event)
        else:
            shadows.setdefault(table.owner, []).append(event)
    for owner, theirs in shadows.items():
        virtual = find(tables, owner)
        if virtual is not None:
            found += told(virtual, theirs)
    return found


def changes_of(tables: Tables, changes: Sequence[Change]) -> Sequence[Change]:
    """The same of what a message says; shadow rows that have other columns by now say nothing."""
    if not tables.has_virtual:
        return changes
    found: list[Change] = []
    shadows: list[Event] = []
    for change in changes:
        table = tables.get(change.table) if type(change) is RowChange else None
        if table is None or table.owner is None:
            found.append(change)
        elif type(change) is RowChange and change.columns == table.columns:
            shadows.append(event_of(change))
    for event in rows_of(tables, shadows):
        table = tables[event.table]
        operation = INSERT if event.old_values is None else DELETE if event.new_values is None else UPDATE
        _, old_rowid, new_rowid, old, new = event
        found.append(RowChange(table.name, operation, table.columns, (), old_rowid, new_rowid, old, new, 0))
    return found


def event_of(change: RowChange) -> Event:
    """A change without what it says of the table."""
    return Event(change.table, change.old_rowid, change.new_rowid, change.old_values, change.new_values)


def told(virtual: Virtual, events: Iterable[Event]) -> Iterator[Event]:
    """What these events of its shadow tables did to the rows of a virtual table: one event for each row, in the rows' order."""
    if virtual.full_text:
        return _words_told(virtual, events)
    return _places_told(virtual, events)


def _net(events: Iterable[Event], name: str) -> dict[int, list[Row | None]]:
    """By rowid, what each row of a table was before all, and what it is after."""
    found: dict[int, list[Row | None]] = {}
    for event in events:
        if event.table == name:
            for rowid, values, at in ((event.old_rowid, event.old_values, 0), (event.new_rowid, event.new_values, 1)):
                if values is not None and rowid is not None:
                    row = found.setdefault(rowid, [values if at == 0 else None, None])
                    row[1] = values if at == 1 else None
    return found


def _words_told(virtual: Virtual, events: Iterable[Event]) -> Iterator[Event]:
    table = virtual.table
    width = len(table.columns)
    kept = virtual.told_by.endswith("_content")
    for rowid, (old, new) in sorted(_net(events, virtual.told_by).items()):
        if kept:
            old, new = old and old[1 : 1 + width], new and new[1 : 1 + width]
        else:
            old, new = old and (None,) * width, new and (None,) * width
        if (old is not None or new is not None) and not (old is not None and new is not None and same(old, new)):
            yield _event(table, rowid, old, new)


def _places_told(virtual: Virtual, events: Iterable[Event]) -> Iterator[Event]:
    events = list(events)
    nodes = _net(events, f"{virtual.table.name}_node")
    for rowid, (old, new) in sorted(_net(events, virtual.told_by).items()):
        before = _placed(virtual, rowid, old, nodes, 0)
        after = _placed(virtual, rowid, new, nodes, 1)
        if before is not None and after is not None and same(before, after):
            continue  # it only moved from node to node
        if before is not None or after is not None:
            yield _event(virtual.table, rowid, before, after)


def _placed(
    virtual: Virtual, rowid: int, row: Row | None, nodes: dict[int, list[Row | None]], at: int
) -> tuple[Value, ...] | None:
    """A row of the R-tree; its coordinates are NULL where its node was not written, so that they are what they were."""
    if row is None:
        return None
    beside = row[2:]
    if virtual.module == "geopoly":
        return beside
    count = len(virtual.table.columns) - 1 - len(beside)
    node: Any = nodes.get(row[1])  # type: ignore[arg-type]
    data = node[at][1] if node is not None and node[at] is not None else None
    return (rowid, *_coordinates(data, rowid, count, virtual.module), *beside)


def _coordinates(data: Any, rowid: int, count: int, module: str) -> tuple[Value, ...]:
    cell = struct.Struct(f">q{count}{'i' if module == 'rtree_i32' else 'f'}")
    if isinstance(data, bytes) and len(data) >= _NODE_HEAD.size:
        _, cells = _NODE_HEAD.unpack_from(data)
        end = min(_NODE_HEAD.size + cells * cell.size, len(data) - cell.size + 1)
        for start in range(_NODE_HEAD.size, end, cell.size):
            number, *coordinates = cell.unpack_from(data, start)
            if number == rowid:
                return tuple(coordinates)
    return (None,) * count


def _event(table: Table, rowid: int, old: Row | None, new: Row | None) -> Event:
    return Event(table.name, None if old is None else rowid, None if new is None else rowid, old, new)
