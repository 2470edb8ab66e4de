"""A schema as PostgreSQL would say it: relations, columns, indexes, constraints, sequences, triggers, each with its number.

Plain data that :mod:`ha.sqlite.catalog_schema` makes. OIDs are made of the name, so that every node and every connection shows
the same: drivers keep them. Where two names meet, the one that sorts first keeps the number.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ha.sql.namespaces import PUBLIC, TEMPORARY, parted
from ha.sql.sequencedefinitions import Counting
from ha.sql.storedfunctions import Function
from ha.sql.tokens import quoted_name

#: Below are PostgreSQL's own objects.
FIRST_OID: Final = 16_384
#: Ours begin higher, so that a number made of a name looks like no other system's; OIDs have 32 bits.
_LEAST: Final = 100_000
_MOST: Final = 2**31 - 1

INT8: Final = 20
#: The catalog tables that list relations, constraints and types.
PG_CLASS, PG_CONSTRAINT, PG_TYPE = 1259, 2606, 1247


@lru_cache(maxsize=32_768)
def oid_of(kind: str, name: str) -> int:
    """The number of an object that has it to itself."""
    return _LEAST + zlib.crc32(f"{kind}:{name}".encode()) % (_MOST - _LEAST)


def numbered(kind: str, names: Iterable[str]) -> dict[str, int]:
    taken: set[int] = set()
    found = {}
    for name in sorted(names):
        oid = oid_of(kind, name)
        while oid in taken:
            oid += 1
        taken.add(oid)
        found[name] = oid
    return found


@dataclass(slots=True)
class Attribute:
    """One column.

    :param default: PostgreSQL's words for it, or for what it is generated from.
    :param identity: ``d`` where it was declared an identity, else "". A plain INTEGER PRIMARY KEY, which SQLite fills too where
        nobody gives a value, is none: whoever wrote it so in PostgreSQL's sense compares it with no default.
    """

    number: int
    name: str
    type_oid: int
    modifier: int
    not_null: bool
    default: str | None = None
    generated: bool = False
    identity: str = ""


@dataclass(slots=True)
class Relation:
    """A table, view, sequence or index.

    :param name: SQLite's, with its schema where that is not public; PostgreSQL's is `own`.
    :param kind: ``r``, ``v``, ``m``, ``S``, ``i``, ``c``.
    :param row_type: of a composite type, its number.
    :param sequence: of a table, the column that counts by itself.
    :param query: of a view.
    """

    oid: int
    name: str
    kind: str
    attributes: list[Attribute] = field(default_factory=list)
    sequence: Sequence | None = None
    query: str = ""
    triggers: bool = False
    namespace: str = PUBLIC
    row_type: int = 0

    @property
    def is_view(self) -> bool:
        """Of either kind: SQLite keeps the rows of none."""
        return self.kind in ("v", "m")

    @property
    def own(self) -> str:
        """Its name in its schema."""
        return self.name if self.namespace == PUBLIC else self.name.removeprefix(f"{self.namespace}.")

    @property
    def qualified(self) -> str:
        """Its name with its schema's, as SQL writes it."""
        return f"{quoted_if_needed(self.namespace)}.{quoted_if_needed(self.own)}"

    @property
    def plain(self) -> str:
        """As `qualified`, but without the schemas that every client looks in."""
        return quoted_if_needed(self.own) if self.namespace in (PUBLIC, TEMPORARY) else self.qualified

    def attribute(self, name: str) -> Attribute | None:
        low = name.lower()
        return next((one for one in self.attributes if one.name.lower() == low), None)


@dataclass(slots=True)
class Sequence:
    """A sequence.

    :param table: the relation it counts for, None for one of CREATE SEQUENCE.
    :param counting: SQLite's table that counts.
    :param manner: how it does.
    """

    relation: Relation
    counting: str
    table: Relation | None = None
    attribute: Attribute | None = None
    manner: Counting = Counting()


@dataclass(slots=True)
class Index:
    """An index, or a key that SQLite keeps without one.

    :param keys: attribute numbers, 0 for an expression.
    :param terms: each column's or expression's words.
    """

    relation: Relation
    table: Relation
    keys: tuple[int, ...]
    terms: tuple[str, ...]
    descending: tuple[bool, ...]
    unique: bool
    primary: bool = False
    where: str | None = None


@dataclass(slots=True)
class Constraint:
    """A constraint. See pg_constraint for the letters."""

    oid: int
    name: str
    kind: str
    table: Relation
    keys: tuple[int, ...]
    index: Index | None = None
    parent: Relation | None = None
    parent_keys: tuple[int, ...] = ()
    on_update: str = "a"
    on_delete: str = "a"
    deferrable: bool = False
    deferred: bool = False
    expression: str = ""


@dataclass(slots=True)
class Trigger:
    """A trigger of a table or view."""

    oid: int
    name: str
    table: Relation
    sql: str


@dataclass(slots=True)
class MadeType:
    """A type that a client made, or the one of its arrays.

    :param row: its row of pg_type.
    :param labels: of an enumeration.
    """

    oid: int
    name: str
    row: dict[str, Any]
    labels: tuple[str, ...] = ()
    #: Of a domain: its conditions, each with its name and PostgreSQL's words.
    checks: tuple[tuple[str, str], ...] = ()

    @property
    def spoken(self) -> str:
        """What format_type() says."""
        return spoken_name(self.name[1:]) + "[]" if self.row["typelem"] else spoken_name(self.name)


@dataclass(slots=True)
class StoredFunction:
    """A function that a client made.

    :param types: the numbers of its arguments' types, and of its `result`.
    """

    oid: int
    function: Function
    types: tuple[int, ...]
    result: int


@dataclass(slots=True)
class Schema:
    """Everything, by its numbers and by its names."""

    relations: dict[int, Relation] = field(default_factory=dict)
    named: dict[str, Relation] = field(default_factory=dict)
    indexes: dict[int, Index] = field(default_factory=dict)
    constraints: dict[int, Constraint] = field(default_factory=dict)
    triggers: dict[int, Trigger] = field(default_factory=dict)
    sequences: list[Sequence] = field(default_factory=list)
    #: Those that clients made, by their numbers; the arrays' too.
    types: dict[int, MadeType] = field(default_factory=dict)
    #: Those that clients made, by their numbers.
    functions: dict[int, StoredFunction] = field(default_factory=dict)
    #: By (object's OID, OID of the catalog table that lists it, attribute number or 0).
    comments: dict[tuple[int, int, int], str] = field(default_factory=dict)
    #: The schemas of CREATE SCHEMA, and their numbers.
    namespaces: dict[str, int] = field(default_factory=dict)

    def relation(self, name: str) -> Relation | None:
        """By its name: as it is written, else without regard to case, as SQLite would find it."""
        return self.named.get(name) or self.named.get(name.lower())


def spoken_name(name: str) -> str:
    """A type's name as format_type() says it: with its schema, where that is not public."""
    schema, own = parted(name)
    return quoted_if_needed(own) if schema is None else f"{quoted_if_needed(schema)}.{quoted_if_needed(own)}"


_PLAIN_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_$")
_RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_date
    current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
    foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null offset on
    only or order placing primary references returning select session_user some symmetric table then to trailing true union
    unique user using variadic when where window with
    """.split()
)


@lru_cache(maxsize=8192)
def quoted_if_needed(name: str) -> str:
    """A name as quote_ident() writes it."""
    if name and _PLAIN_NAME.issuperset(name) and not name[0].isdigit() and name[0] != "$" and name not in _RESERVED:
        return name
    return quoted_name(name)
