"""PostgreSQL's own catalog: its relations with their columns, and the rows that every database has.

The files of ``postgres15`` hold it, written by ``tools/catalog.py`` from a running PostgreSQL 15.18; no hand edits them.
``relations.txt``: one relation a line: schema, name, OID, kind, then ``column:type`` in order. ``NAME.jsonl``: the names of
the columns in the first line, then one row a line as JSON; arrays are lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from ha.sql.typenames import CITEXT_OIDS

_FOLDER: Final = files("ha.sqlite").joinpath("postgres15")


class Known(NamedTuple):
    """One relation of PostgreSQL's.

    :param kind: ``r`` or ``v``.
    :param columns: each with its type's name.
    """

    schema: str
    name: str
    oid: int
    kind: str
    columns: tuple[tuple[str, str], ...]


@cache
def relations() -> tuple[Known, ...]:
    """All relations of pg_catalog and information_schema."""
    return tuple(map(_relation, _FOLDER.joinpath("relations.txt").read_text(encoding="utf-8").splitlines()))


def _relation(line: str) -> Known:
    schema, name, oid, kind, *columns = line.split(" ")
    pairs = (column.partition(":") for column in columns)
    return Known(schema, name, int(oid), kind, tuple((column, words) for column, _, words in pairs))


@cache
def filled() -> tuple[str, ...]:
    """The tables, and functions, that have rows of the system's."""
    return tuple(sorted(file.name.removesuffix(".jsonl") for file in _FOLDER.iterdir() if file.name.endswith(".jsonl")))


@cache
def static_rows(table: str) -> tuple[dict[str, Any], ...]:
    """The rows that every database has in a table of the catalog."""
    if table not in filled():
        return ()
    names, *lines = _FOLDER.joinpath(f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = tuple(dict(zip(names.split(), json.loads(line), strict=True)) for line in lines)
    return (*rows, *_citext(rows)) if table == "pg_type" else rows


def _citext(types: tuple[dict[str, Any], ...]) -> Iterator[dict[str, Any]]:
    """The rows of pg_type that PostgreSQL has when the extension is made; here the type is always there, so it is the system's."""
    known = {row["typname"]: row for row in types}
    number, array = CITEXT_OIDS
    names = {"typcollation": 100, "typispreferred": 0}
    yield {**known["text"], **names, "oid": number, "typname": "citext", "typarray": array}
    yield {**known["_text"], **names, "oid": array, "typname": "_citext", "typelem": number}
