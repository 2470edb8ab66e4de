"""PostgreSQL's types, as the catalog numbers and names them, and what a column's declaration means among them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from ha.errors import StatementError
from ha.sql import made
from ha.sql.made import Composite, Domain, Enumeration
from ha.sql.namespaces import own_name
from ha.sql.spoken import spoken
from ha.sql.tokens import tokenize
from ha.sql.typenames import FULL_PRECISION, INTERVAL_FIELDS, SPOKEN, declared, interval_modifier, read_type
from ha.sqlite.catalog_tables import static_rows

TEXT: Final = 25
#: The number of the schema public.
PUBLIC: Final = 2200


@cache
def types_by_name() -> Mapping[str, dict[str, Any]]:
    """pg_type, by typname."""
    return {row["typname"]: row for row in static_rows("pg_type")}


@cache
def types_by_oid() -> Mapping[int, dict[str, Any]]:
    """pg_type, by OID."""
    return {row["oid"]: row for row in static_rows("pg_type")}


def made_rows(one: Enumeration | Composite | Domain, namespace: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of pg_type of a type that a client made and of its arrays.

    :param namespace: the number of its schema.
    """
    oid = made.number_of(one.name)
    known = types_by_name()
    name = own_name(one.name)
    plain = {**known["int4"], "oid": oid, "typname": name, "typnamespace": namespace, "typarray": oid + 1}
    if isinstance(one, Enumeration):
        plain |= {"typtype": "e", "typcategory": "E"}
        plain |= {f"typ{way}": f"enum_{short}" for way, short in _WAYS}
    elif isinstance(one, Domain):
        behind, modifier = type_of(one.words_of_type)
        plain = {
            **types_by_oid()[behind],
            **{key: plain[key] for key in ("oid", "typname", "typnamespace", "typarray")},
        }
        plain |= {"typtype": "d", "typbasetype": behind, "typtypmod": modifier, "typnotnull": one.not_null}
        default = None if one.default is None else spoken(one.default)
        plain |= {"typdefault": default, "typdefaultbin": default, "typinput": "domain_in", "typreceive": "domain_recv"}
    else:
        plain |= {
            "typtype": "c",
            "typcategory": "C",
            "typlen": -1,
            "typbyval": False,
            "typalign": "d",
            "typstorage": "x",
        }
        plain |= {f"typ{way}": f"record_{short}" for way, short in _WAYS}
    array = {
        **known["_int4"],
        "oid": oid + 1,
        "typname": "_" + name,
        "typnamespace": namespace,
        "typelem": oid,
    }
    return plain, array


_WAYS: Final = (("input", "in"), ("output", "out"), ("receive", "recv"), ("send", "send"))

_AS_WRITTEN: Final = {"INTEGER": "int4", "INT": "int4", "REAL": "float4", "FLOAT4": "float4"}


def _as_written(words: str) -> str | None:
    """The type of a word that means less to PostgreSQL than to SQLite, and of its arrays."""
    element = words.rstrip("[]0123456789 ") if words.endswith("]") else words
    name = _AS_WRITTEN.get(words) or _AS_WRITTEN.get(element)
    return f"_{name}" if name is not None and words.endswith("]") else name


@lru_cache(maxsize=4096)
def type_of(words: str) -> tuple[int, int]:
    """The OID and type modifier that a column's declared type means; text where it says nothing."""
    # SQLite's INTEGER and REAL have 64 bits, and so they are announced; who wrote them in PostgreSQL's sense compares
    # them with int4 and float4.
    name = (_as_written(words.upper()) or declared(words)) if words else None
    row = types_by_name().get(name or "text")
    if row is None:
        return TEXT, -1
    try:
        type_name, _ = read_type(words, tokenize(words), 0)
    except StatementError:
        type_name = None
    given = type_name.modifiers if type_name is not None else ()
    plain = str(name or "").lstrip("_")
    modifier = -1
    if given and plain == "numeric":
        modifier = ((given[0] << 16) | ((given[1] if len(given) > 1 else 0) & 0x7FF)) + 4
    elif given and plain in ("varchar", "bpchar"):
        modifier = given[0] + 4
    elif given and plain in ("timestamp", "timestamptz", "time", "timetz", "bit", "varbit"):
        modifier = given[0]
    elif plain == "interval" and type_name is not None:
        modifier = interval_modifier(type_name.fields, given[0] if given else None)
    elif plain == "bpchar" and type_name is not None and type_name.written != "BPCHAR":
        modifier = 5
    return row["oid"], modifier


#: https://www.postgresql.org/docs/15/datatype.html: format_type() says these otherwise than pg_type.
_SPOKEN_TYPES: Final = {**SPOKEN, "char": '"char"'}


def spoken_type(oid: int, modifier: int | None = None) -> str:
    """What format_type() says."""
    row = types_by_oid().get(oid)
    if row is None:
        return "-" if oid == 0 else "???"
    if row["typcategory"] == "A" and row["typelem"] and row["typlen"] == -1 and row["typname"].startswith("_"):
        return spoken_type(row["typelem"], modifier) + "[]"
    name = row["typname"]
    if name == "bpchar" and modifier in (None, -1):
        return "character" if modifier is None else "bpchar"
    spoken = _SPOKEN_TYPES.get(name, name)
    if modifier is None or modifier < 0:
        return spoken
    if name == "numeric":
        return f"numeric({(modifier - 4) >> 16},{(modifier - 4) & 0x7FF})"
    if name in ("varchar", "bpchar"):
        return f"{spoken}({modifier - 4})"
    if name in ("timestamp", "timestamptz", "time", "timetz"):
        first, _, rest = spoken.partition(" ")
        return f"{first}({modifier}) {rest}"
    if name == "interval":
        mask, precision = modifier >> 16, modifier & FULL_PRECISION
        fields = next((f" {words}" for words, bits in INTERVAL_FIELDS.items() if bits == mask), "")
        return f"interval{fields}" + (f"({precision})" if precision != FULL_PRECISION else "")
    return f"{spoken}({modifier})" if name in ("bit", "varbit") else spoken


# In the attached database

#: A word of SQLite's behind a type's name, so that text which looks like a number stays text.
_AS_TEXT: Final = " TEXT"
#: Types whose own names would make SQLite turn a vector of one into a number, or lose their quotes.
_RENAMED: Final = {"int2vector": "smallvector", "char": "onechar", "_char": "onechar[]"}
_NAMED: Final = {"smallvector": "int2vector", "onechar": '"char"', "onechar[]": '"char"[]'}
_TEXTS: Final = frozenset(("name", "oidvector", "regproc", "pg_node_tree", "inet"))


def decltype(name: str) -> str:
    """What a column of the catalog is declared as in SQLite."""
    if name in _RENAMED:
        return _RENAMED[name] + _AS_TEXT
    if name.startswith("_"):
        return name[1:] + "[]"
    return name + _AS_TEXT if name in _TEXTS else name


def spoken_decltype(words: str | None) -> str | None:
    """The type that such a column announces, from what SQLite says it was declared as."""
    if words is None or not words.endswith(_AS_TEXT):
        return words
    plain = words.removesuffix(_AS_TEXT)
    return _NAMED.get(plain, plain)
