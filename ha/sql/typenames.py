"""Names of types, as clients write them. [pure]"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ha.errors import StatementError
from ha.sql.made import is_made
from ha.sql.namespaces import BUILT_IN
from ha.sql.tokens import NUMBER, QUOTED, TEXTS, WORD, Token, tokenize, unquoted


class TypeName(NamedTuple):
    """A type as PostgreSQL's catalog calls it.

    :param name: ``int4``, ``varchar``, ``timestamptz``; an array's begins with ``_``.
    :param modifiers: the numbers in parentheses: ``varchar(20)``, ``numeric(10,2)``.
    :param written: the first word as the client wrote it, in upper case.
    :param fields: of an interval: ``day to second``; empty for all.
    """

    name: str
    modifiers: tuple[int, ...] = ()
    written: str = ""
    fields: str = ""


#: What words mean one type (https://www.postgresql.org/docs/15/datatype.html), longest first where they begin alike.
ALIASES = {
    "bigint": "int8",
    "bigserial": "int8",
    "bit varying": "varbit",
    "blob": "bytea",
    "boolean": "bool",
    "char": "bpchar",
    "char varying": "varchar",
    "character": "bpchar",
    "character varying": "varchar",
    "clob": "text",
    "datetime": "timestamp",
    "dec": "numeric",
    "decimal": "numeric",
    "double": "float8",
    "double precision": "float8",
    "float": "float8",
    "int": "int4",
    "integer": "int4",
    "nchar": "bpchar",
    "national character": "bpchar",
    "national character varying": "varchar",
    "nvarchar": "varchar",
    "real": "float4",
    "serial": "int4",
    "serial4": "int4",
    "serial8": "int8",
    "smallint": "int2",
    "smallserial": "int2",
    "string": "text",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "tinyint": "int2",
    "mediumint": "int4",
}
#: What messages and format_type() call a type, where it is not its own name.
SPOKEN = {
    "bool": "boolean", "int8": "bigint", "int4": "integer", "int2": "smallint", "float8": "double precision", "float4": "real",
    "bpchar": "character", "varchar": "character varying", "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone", "time": "time without time zone", "timetz": "time with time zone", "varbit": "bit varying",
}  # fmt: skip
_SECOND = {
    "BIT": ("VARYING",),
    "CHAR": ("VARYING",),
    "CHARACTER": ("VARYING",),
    "DOUBLE": ("PRECISION",),
    "NATIONAL": ("CHARACTER", "CHAR"),
}
_FIELDS = frozenset("YEAR MONTH DAY HOUR MINUTE SECOND TO".split())


def read_type(text: str, tokens: Sequence[Token], at: int) -> tuple[TypeName | None, int]:
    """The type whose name begins at token `at`, and the index of the token after it; (None, at) if none does."""
    start = at
    schema = ""
    if at + 2 < len(tokens) and tokens[at + 1].key == "." and tokens[at].kind in (WORD, QUOTED):
        schema = unquoted(text, tokens[at])
        schema = "" if schema in BUILT_IN else f"{schema}."
        at += 2  # pg_catalog.int4
    if at >= len(tokens) or tokens[at].kind not in (WORD, QUOTED):
        return None, start
    written = tokens[at].key
    if tokens[at].kind == QUOTED:
        name = "char" if written == '"char"' else unquoted(text, tokens[at])
        at += 1
    else:
        name, at = _words(tokens, at)
    modifiers, at = _modifiers(tokens, at)
    if written in ("TIME", "TIMESTAMP") and _keys(tokens, at, 3) in (
        ["WITH", "TIME", "ZONE"],
        ["WITHOUT", "TIME", "ZONE"],
    ):
        if tokens[at].key == "WITH":
            name += "tz"
        at += 3
    fields = ""
    if written == "INTERVAL":
        fields, at = _interval_fields(text, tokens, at)
        if fields and not modifiers:
            modifiers, at = _modifiers(tokens, at)  # of SECOND
    array = False
    while at + 1 < len(tokens) and tokens[at].key == "[":
        end = at + 1 + (tokens[at + 1].kind == NUMBER)
        if end >= len(tokens) or tokens[end].key != "]":
            break
        array, at = True, end + 1
    if at < len(tokens) and tokens[at].key == "ARRAY":
        array, at = True, at + 1
    if array and not modifiers:
        modifiers, at = _modifiers(tokens, at)  # varchar[](20), as a declaration keeps it
    return TypeName(f"{'_' if array else ''}{schema}{name}", modifiers, written, fields), at


def _interval_fields(text: str, tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """The fields that an interval is of, in a declaration that SQLite keeps in quotes, and the index of the token after them."""
    if at < len(tokens) and tokens[at].kind == QUOTED and unquoted(text, tokens[at]) in INTERVAL_FIELDS:
        return unquoted(text, tokens[at]), at + 1
    start = at
    while at < len(tokens) and tokens[at].key in _FIELDS:
        at += 1
    return " ".join(token.key.lower() for token in tokens[start:at]), at


def read_literal(text: str, tokens: Sequence[Token], at: int) -> tuple[TypeName, int, int] | None:
    """``DATE '2026-01-01'``, ``INTERVAL '1' DAY``, ``TIME(0) WITH TIME ZONE '…'``: the type, the literal, the token after all of it.

    :raises StatementError: 42601, an interval is of no such fields.
    """
    type_name, literal = read_type(text, tokens, at)
    if type_name is None or literal >= len(tokens) or tokens[literal].kind not in TEXTS:
        return None
    after = literal + 1
    if type_name.written == "INTERVAL" and not type_name.modifiers:
        fields, after = _interval_fields(text, tokens, after)
        if fields:
            if fields not in INTERVAL_FIELDS:
                raise StatementError(
                    "42601", "syntax error in an interval's fields", position=tokens[literal + 1].start + 1
                )
            modifiers, after = _modifiers(tokens, after) if fields.endswith("second") else ((), after)
            type_name = type_name._replace(modifiers=modifiers, fields=fields)
    return type_name, literal, after


def interval_arguments(kind: TypeName) -> str:
    """What a cast to an interval of some fields, or of a precision, is told besides the value."""
    fields = f", '{kind.fields}'" if kind.fields else ""
    return fields + "".join(f", {modifier}" for modifier in kind.modifiers)


#: What an interval may be of, and the bits that say so in its modifier (``INTERVAL_MASK`` of PostgreSQL's timestamp.h).
INTERVAL_FIELDS = {
    "year": 4, "month": 2, "day": 8, "hour": 1 << 10, "minute": 1 << 11, "second": 1 << 12, "year to month": 6,
    "day to hour": 8 | 1 << 10, "day to minute": 8 | 3 << 10, "day to second": 8 | 7 << 10, "hour to minute": 3 << 10,
    "hour to second": 7 << 10, "minute to second": 6 << 10,
}  # fmt: skip
#: The same for all fields, and what stands for no precision.
ALL_FIELDS, FULL_PRECISION = 0x7FFF, 0xFFFF


def interval_modifier(fields: str, precision: int | None) -> int:
    """An interval's ``atttypmod``."""
    mask = INTERVAL_FIELDS.get(fields)
    if mask is None and precision is None:
        return -1
    return (ALL_FIELDS if mask is None else mask) << 16 | (FULL_PRECISION if precision is None else precision)


def _words(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    words = [tokens[at].key.lower()]
    at += 1
    while at < len(tokens) and tokens[at].key in _SECOND.get(words[-1].upper(), ()):
        words.append(tokens[at].key.lower())
        at += 1
    name = " ".join(words)
    return ALIASES.get(name, name), at


def _modifiers(tokens: Sequence[Token], at: int) -> tuple[tuple[int, ...], int]:
    if at >= len(tokens) or tokens[at].key != "(":
        return (), at
    found: list[int] = []
    for index in range(at + 1, min(at + 6, len(tokens))):
        key = tokens[index].key
        if key == ")":
            return tuple(found), index + 1
        if key.isdecimal() and len(key) < 10:
            found.append(int(key))
        elif key not in (",", "-"):
            break
    return (), at


def _keys(tokens: Sequence[Token], at: int, count: int) -> list[str]:
    return [token.key for token in tokens[at : at + count]]


# In a declaration these words mean SQLite's sizes: its INTEGER has 64 bits, its REAL 8 bytes.
_DECLARED = {
    "INT": "int8",
    "INTEGER": "int8",
    "REAL": "float8",
    "FLOAT": "float8",
    "FLOAT4": "float8",
    "UNSIGNED": "int8",
    "DATETIME": "timestamp",
}


def declared(words: str) -> str | None:
    """The type that a column's declaration means, None where it says nothing (``ANY``, no words)."""
    found = declared_type(words)
    return found.name if found is not None else None


@lru_cache(maxsize=1024)
def declared_type(words: str) -> TypeName | None:
    """The same with its modifiers."""
    if is_made(words):
        return TypeName(words)
    try:
        type_name, _ = read_type(words, tokenize(words), 0)
    except StatementError:
        return None
    if type_name is None:
        return None
    name = _declared_name(type_name, words)
    return type_name._replace(name=name) if name is not None else None


def spelled(name: str) -> str:
    """The words of a declaration that mean the type of this name."""
    return name if is_made(name) or not name.startswith("_") else f"{name[1:]}[]"


@lru_cache(maxsize=1024)
def narrowed(words: str) -> str:
    """The words as PostgreSQL would mean them: INTEGER and INT are int4, with or without brackets."""
    found = declared_type(words)
    if found is None or found.written not in ("INT", "INTEGER"):
        return words
    return {"int8": "int4", "_int8": "int4[]"}.get(found.name, words)


def _declared_name(type_name: TypeName, words: str) -> str | None:
    name = _DECLARED.get(type_name.written, type_name.name)
    if type_name.name.startswith("_") and name != type_name.name:
        return "_" + name
    if name.removeprefix("_") in KNOWN:
        return name
    upper = words.upper()
    for part, affinity in (("INT", "int8"), ("CHAR", "text"), ("CLOB", "text"), ("TEXT", "text"), ("BLOB", "bytea")):
        if part in upper:
            return affinity
    return "float8" if any(part in upper for part in ("REAL", "FLOA", "DOUB")) else None


#: The numbers of citext and of its arrays: an extension's has none of PostgreSQL's, but no client may be given it either.
CITEXT_OIDS = (16_382, 16_383)

#: The types that are spoken over the wire by their own names.
KNOWN = frozenset(
    """
    bit bool bpchar bytea char cidr date float4 float8 inet int2 int4 int8 interval json jsonb macaddr money name numeric
    oid regclass regproc regtype text time timestamp timestamptz timetz uuid varbit varchar xml
    daterange datemultirange int4multirange int4range int8multirange int8range numrange nummultirange tsmultirange tsrange
    tstzmultirange tstzrange
    point lseg path box polygon line circle macaddr8 tsvector tsquery pg_lsn citext tid xid
    """.split()
)

#: Other types of PostgreSQL 15 that a value may be cast to; it stays what it is.
OTHERS = frozenset(
    """
    aclitem any anyarray anyelement cardinal_number character_data cid cstring int2vector
    jsonpath oidvector pg_node_tree pg_snapshot record refcursor regcollation regconfig
    hstore ltree regdictionary regnamespace regoper regoperator regprocedure regrole sql_identifier time_stamp
    txid_snapshot unknown void xid8 yes_or_no
    """.split()
)
