"""PostgreSQL's types over SQLite's five: OIDs, names, and what a declared type means. [pure]

**What a value is in the file.** SQLite holds NULL, INTEGER, REAL, TEXT and BLOB; the words of the declared type say what was
meant (``decltype``), so nothing is stored beside the rows. The forms kept are those which sort rightly and which SQLite's own
functions read: booleans 1 and 0, numbers as numbers, dates and times as ISO text (with a zone: UTC, ``+00:00``), UUIDs with
dashes, JSON as text, arrays as JSON text, intervals and ranges as PostgreSQL writes them, ``NaN`` as text (SQLite turns a NaN into NULL).

Values are written by :mod:`ha.postgres.encoding` and read by :mod:`ha.postgres.decoding`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ha.errors import StatementError
from ha.sql import made
from ha.sql.ranges import MULTIRANGES, RANGES
from ha.sql.typenames import CITEXT_OIDS, SPOKEN, interval_modifier
from ha.values import Column, Value

TEXT, BINARY = 0, 1


@dataclass(frozen=True, slots=True)
class Type:
    """One of PostgreSQL's types.

    :param size: bytes, negative when it varies (pg_type.typlen).
    :param array: the OID of its array type, 0 without.
    :param element: for an array the OID of its elements, else 0.
    """

    oid: int
    name: str
    size: int
    array: int = 0
    element: int = 0


# name, OID, typlen, OID of the array type: pg_type.dat of PostgreSQL 15.
_BASE = (
    ("bool", 16, 1, 1000), ("bytea", 17, -1, 1001), ("char", 18, 1, 1002), ("name", 19, 64, 1003), ("int8", 20, 8, 1016),
    ("int2", 21, 2, 1005), ("int2vector", 22, -1, 1006), ("int4", 23, 4, 1007), ("regproc", 24, 4, 1008), ("text", 25, -1, 1009),
    ("oid", 26, 4, 1028), ("tid", 27, 6, 1010), ("xid", 28, 4, 1011), ("cid", 29, 4, 1012), ("oidvector", 30, -1, 1013),
    ("json", 114, -1, 199), ("xml", 142, -1, 143), ("pg_node_tree", 194, -1, 0), ("float4", 700, 4, 1021),
    ("float8", 701, 8, 1022), ("unknown", 705, -2, 0), ("money", 790, 8, 791), ("macaddr", 829, 6, 1040),
    ("inet", 869, -1, 1041), ("cidr", 650, -1, 651), ("aclitem", 1033, 12, 1034), ("bpchar", 1042, -1, 1014),
    ("varchar", 1043, -1, 1015), ("date", 1082, 4, 1182), ("time", 1083, 8, 1183), ("timestamp", 1114, 8, 1115),
    ("timestamptz", 1184, 8, 1185), ("interval", 1186, 16, 1187), ("timetz", 1266, 12, 1270), ("bit", 1560, -1, 1561),
    ("varbit", 1562, -1, 1563), ("numeric", 1700, -1, 1231), ("refcursor", 1790, -1, 2201), ("regprocedure", 2202, 4, 2207),
    ("regoper", 2203, 4, 2208), ("regclass", 2205, 4, 2210), ("regtype", 2206, 4, 2211), ("record", 2249, -1, 2287),
    ("void", 2278, 4, 0), ("uuid", 2950, 16, 2951), ("jsonb", 3802, -1, 3807), ("jsonpath", 4072, -1, 4073),
    ("point", 600, 16, 1017), ("lseg", 601, 32, 1018), ("path", 602, -1, 1019), ("box", 603, 32, 1020),
    ("polygon", 604, -1, 1027), ("line", 628, 24, 629), ("circle", 718, 24, 719), ("macaddr8", 774, 8, 775),
    ("tsvector", 3614, -1, 3643), ("tsquery", 3615, -1, 3645), ("pg_lsn", 3220, 8, 3221),
    ("int4range", 3904, -1, 3905), ("numrange", 3906, -1, 3907), ("tsrange", 3908, -1, 3909), ("tstzrange", 3910, -1, 3911),
    ("daterange", 3912, -1, 3913), ("int8range", 3926, -1, 3927), ("int4multirange", 4451, -1, 6150),
    ("nummultirange", 4532, -1, 6151), ("tsmultirange", 4533, -1, 6152), ("tstzmultirange", 4534, -1, 6153),
    ("datemultirange", 4535, -1, 6155), ("int8multirange", 4536, -1, 6157),
    ("regrole", 4096, 4, 4097), ("regnamespace", 4089, 4, 4090), ("xid8", 5069, 8, 271), ("anyarray", 2277, -1, 0),
    ("citext", CITEXT_OIDS[0], -1, CITEXT_OIDS[1]),
)  # fmt: skip

TYPES: dict[int, Type] = {}
OIDS: dict[str, int] = {}
for _name, _oid, _size, _array in _BASE:
    TYPES[_oid] = Type(_oid, _name, _size, _array)
    OIDS[_name] = _oid
    if _array:
        TYPES[_array] = Type(_array, "_" + _name, -1, 0, _oid)
        OIDS["_" + _name] = OIDS[_name + "[]"] = _array


def kind_of(oid: int) -> Type | None:
    """The type of this number; of what clients made, words may go with it, else it is an enumeration or an array of one."""
    if isinstance(oid, made.Oid):
        return _told(oid)
    found = TYPES.get(oid)
    if found is not None or not made.is_number(oid):
        return found
    return Type(oid, "", -1, 0, oid - 1) if made.is_array(oid) else Type(oid, "", 4, oid + 1)


@lru_cache(4096)
def _told(oid: made.Oid) -> Type:
    if oid.words[0] == "_":
        return Type(oid, "", -1, 0, made.Oid(oid.words[1:]))
    if made.enumeration(oid.words) is not None:
        return Type(oid, "", 4, made.Oid("_" + oid.words))
    if int(oid) == made.RECORD_OID:
        return Type(oid, "record", -1, OIDS["_record"])
    return Type(oid, "", -1, made.Oid("_" + oid.words))


def composite_of(oid: int) -> made.Composite | None:
    """The composite type or record of this number, if its words go with it."""
    return made.composite(oid.words) if isinstance(oid, made.Oid) else None


def is_nested(oid: int) -> bool:
    """Are values of this type JSON texts, of arrays or composite values?"""
    kind = kind_of(oid)
    return (kind is not None and bool(kind.element)) or composite_of(oid) is not None


def array_of(element: int) -> int:
    """The number of its array type, 0 without."""
    kind = kind_of(element)
    return kind.array if kind is not None else 0


BOOL, BYTEA, INT8, INT2, INT4, TEXT_OID, OID = 16, 17, 20, 21, 23, 25, 26
FLOAT4, FLOAT8, NUMERIC, UNKNOWN = 700, 701, 1700, 705
BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ = 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266
UUID, JSON, JSONB = 2950, 114, 3802

#: Declared words, upper case and without lengths, to a type name.
_WORDS = {
    "INTEGER": "int8", "INT": "int8", "BIGINT": "int8", "INT8": "int8", "BIGSERIAL": "int8", "SERIAL8": "int8",
    "UNSIGNED BIG INT": "int8", "INT4": "int4", "MEDIUMINT": "int4", "SERIAL": "int4", "SERIAL4": "int4",
    "SMALLINT": "int2", "INT2": "int2", "TINYINT": "int2", "SMALLSERIAL": "int2", "SERIAL2": "int2",
    "REAL": "float8", "DOUBLE": "float8", "DOUBLE PRECISION": "float8", "FLOAT": "float8", "FLOAT8": "float8", "FLOAT4": "float8",
    "NUMERIC": "numeric", "DECIMAL": "numeric", "DEC": "numeric", "BOOLEAN": "bool", "BOOL": "bool",
    "TEXT": "text", "CLOB": "text", "VARCHAR": "varchar", "CHARACTER VARYING": "varchar", "NVARCHAR": "varchar",
    "VARYING CHARACTER": "varchar", "CHAR": "bpchar", "CHARACTER": "bpchar", "NCHAR": "bpchar", "BPCHAR": "bpchar",
    "NATIVE CHARACTER": "bpchar", "BLOB": "bytea", "BYTEA": "bytea", "VARBINARY": "bytea", "BINARY": "bytea",
    "DATE": "date", "TIMESTAMP": "timestamp", "DATETIME": "timestamp", "TIMESTAMP WITHOUT TIME ZONE": "timestamp",
    "TIMESTAMPTZ": "timestamptz", "TIMESTAMP WITH TIME ZONE": "timestamptz", "TIME": "time", "TIME WITHOUT TIME ZONE": "time",
    "TIMETZ": "timetz", "TIME WITH TIME ZONE": "timetz", "INTERVAL": "interval", "UUID": "uuid", "JSON": "json", "JSONB": "jsonb",
    "NAME": "name", "OID": "oid", "XML": "xml", "INET": "inet", "CIDR": "cidr", "MACADDR": "macaddr", "MONEY": "money",
    "BIT": "bit", "BIT VARYING": "varbit", "VARBIT": "varbit", "\"CHAR\"": "char", "REGCLASS": "regclass",
    "REGTYPE": "regtype", "REGPROC": "regproc", "XID": "xid", "INT2VECTOR": "int2vector", "OIDVECTOR": "oidvector",
    "POINT": "point", "LSEG": "lseg", "PATH": "path", "BOX": "box", "POLYGON": "polygon", "LINE": "line", "CIRCLE": "circle",
    "MACADDR8": "macaddr8", "TSVECTOR": "tsvector", "TSQUERY": "tsquery", "PG_LSN": "pg_lsn", "CITEXT": "citext",
    **{name.upper(): name for name in (*RANGES, *MULTIRANGES)},
    "PG_NODE_TREE": "pg_node_tree", "ACLITEM": "aclitem", "VOID": "void", "RECORD": "record", "ANYARRAY": "anyarray",
}  # fmt: skip

_DECLTYPE = re.compile(
    r"\s*([A-Za-z_\"][\w\" ]*?)\s*(?:\(\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?\)\s*([A-Za-z ]*?)\s*)?((?:\[\d*\]\s*)*)\Z"
)
#: An array's modifiers stand last in a declaration, because SQLite's grammar wants them there.
_SWAPPED = re.compile(r"((?:\[\d*\]\s*)+)(\([\d\s,-]*\))\s*\Z")


@lru_cache(4096)
def of_decltype(decltype: str) -> tuple[int, int] | None:
    """The OID and type modifier that declared words mean; None where they say nothing about a type."""
    if made.is_made(decltype):
        return made.Oid(decltype), -1
    match = _DECLTYPE.match(_SWAPPED.sub(r"\2\1", decltype))
    if match is None:
        return None
    word, first, second, after, brackets = match.groups()
    word = " ".join(f"{word} {after or ''}".upper().split())
    if word.endswith(" ARRAY"):
        word, brackets = word[:-6], "[]"
    if word.startswith("_") and word[1:] in _WORDS:
        word, brackets = word[1:], "[]"
    fields = ""
    if word.startswith("INTERVAL "):
        word, fields = "INTERVAL", word[9:].strip('"').lower()
    name = _WORDS.get(word)
    if name is None:
        return _by_affinity(word, bool(brackets))
    typmod = -1
    if name == "interval":
        typmod = interval_modifier(fields, None if first is None else int(first))
    elif first is not None:
        if name == "numeric":
            typmod = ((int(first) << 16) | (int(second or 0) & 0x7FF)) + 4
        elif name in ("varchar", "bpchar"):
            typmod = int(first) + 4
        elif name in ("timestamp", "timestamptz", "time", "timetz", "bit", "varbit"):
            typmod = int(first)
    elif name == "bpchar" and word != "BPCHAR":
        typmod = 5
    if brackets:
        return (1016 if word == "INTEGER" or word == "INT" else TYPES[OIDS[name]].array), typmod
    return OIDS[name], typmod


def _by_affinity(word: str, array: bool) -> tuple[int, int] | None:
    """What SQLite's rules make of words PostgreSQL does not know (https://www.sqlite.org/datatype3.html#determination_of_column_affinity)."""
    if array:
        return TYPES[TEXT_OID].array, -1
    if "INT" in word:
        return INT8, -1
    if "CHAR" in word or "CLOB" in word or "TEXT" in word:
        return TEXT_OID, -1
    if "BLOB" in word:
        return BYTEA, -1
    if "REAL" in word or "FLOA" in word or "DOUB" in word:
        return FLOAT8, -1
    return None


@lru_cache(4096)
def of_name(name: str) -> tuple[int, int]:
    """The OID and type modifier of a PostgreSQL type name (``int4``, ``numeric(10,2)``, ``text[]``); text when unknown."""
    oid = OIDS.get(name)
    if oid is not None:
        return oid, -1
    # PostgreSQL's own `integer` is int4; a *declared* INTEGER is SQLite's 64 bits.
    plain = {"integer": INT4, "int": INT4, "integer[]": 1007, "int[]": 1007, "real": FLOAT4}.get(name.lower())
    return (plain, -1) if plain else (of_decltype(name) or (TEXT_OID, -1))


def size_of(oid: int) -> int:
    """pg_type.typlen."""
    kind = kind_of(oid)
    return kind.size if kind else -1


def of_values(values: Sequence[Value]) -> int:
    """The type that fits all these values of one untyped column; text where nothing else does."""
    kinds = {value.__class__ for value in values}
    kinds.discard(type(None))
    if kinds == {int}:
        return INT8
    if kinds and kinds <= {int, float}:
        return FLOAT8
    return BYTEA if kinds == {bytes} else TEXT_OID


def of_column(column: Column) -> tuple[int, int] | None:
    """What is known of a column without looking at values: the declared type, else what inference says, else None."""
    if column.decltype:
        known = of_decltype(column.decltype)
        if known is not None:
            return known
    return of_name(column.expression) if column.expression else None


def spoken(oid: int) -> str:
    """The type as format_type() would name it."""
    kind = TYPES.get(oid)
    if kind is None:  # one that a client made: its name is the schema's
        return "text"
    if kind.element:
        return spoken(kind.element) + "[]"
    return SPOKEN.get(kind.name, kind.name)


def unfit(oid: int, value: object) -> StatementError:
    """22P02 or 22007: this is no value of that type."""
    shown = value if isinstance(value, str) else repr(value)
    if len(shown) > 200:
        shown = shown[:200] + "..."
    if oid in (DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ, INTERVAL):
        return StatementError(
            "22007",
            f'invalid input syntax for type {SPOKEN.get(TYPES[oid].name, TYPES[oid].name).split(" with")[0]}: "{shown}"',
        )
    return StatementError("22P02", f'invalid input syntax for type {spoken(oid)}: "{shown}"')


def out_of_range(oid: int, value: object) -> StatementError:
    """22003 or 22008: there is no such value in that type."""
    if oid in (DATE, TIME, TIMETZ, TIMESTAMP, TIMESTAMPTZ, INTERVAL):
        return StatementError("22008", f'date/time field value out of range: "{value}"')
    return StatementError("22003", f'value "{value}" is out of range for type {spoken(oid)}')
