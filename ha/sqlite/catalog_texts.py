"""Definitions as text: what pg_get_indexdef() and its kin answer, and a column's DEFAULT.

PostgreSQL prints what it has parsed; here the author's own words are put into its frame, so spacing, casts and parentheses
inside an expression are as they were written.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import lru_cache
from typing import Any, Final

from ha.sql.namespaces import parted
from ha.sql.spoken import spoken, spoken_query
from ha.sql.tokens import QUOTED, tokenize, unquoted
from ha.sqlite.catalog_objects import Constraint, Index, Relation, Schema, StoredFunction, Trigger, quoted_if_needed
from ha.sqlite.catalog_types import spoken_type
from ha.sqlite.outputs import put

_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def index_definition(index: Index, *, qualified: bool = True) -> str:
    """CREATE INDEX as PostgreSQL would print it.

    :param qualified: with the schema's name, as it is without "pretty".
    """
    terms = ", ".join(
        _term(term, key) + (" DESC" if down else "")
        for term, key, down in zip(index.terms, index.keys, index.descending, strict=True)
    )
    where = f" WHERE {spoken(index.where, pretty=not qualified)}" if index.where else ""
    return (
        f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quoted_if_needed(index.relation.own)} ON "
        f"{index.table.qualified if qualified else index.table.plain} USING btree ({terms}){where}"
    )


def index_column(index: Index, number: int) -> str:
    """One column of an index, from 1; empty if there is none."""
    if not 0 < number <= len(index.terms):
        return ""
    return _term(index.terms[number - 1], index.keys[number - 1])


def _term(text: str, key: int) -> str:
    """An expression other than a call stands in parentheses."""
    if key:
        return text
    shown = spoken(text)
    return f"({shown})" if shown.startswith("(") else shown


def view_definition(view: Relation) -> str:
    return f" {spoken_query(view.query)};"


def spoken_names(sql: str, namespaces: Container[str]) -> str:
    """A stored text with PostgreSQL's names for relations of schemas: ``"s.t" AS "t"`` is ``s.t``."""
    tokens = tokenize(sql)
    parts: list[str] = []
    at = 0
    for index, token in enumerate(tokens):
        schema, own = parted(unquoted(sql, token)) if token.kind == QUOTED else (None, "")
        if schema is None or schema not in namespaces:
            continue
        end = token.end
        following = tokens[index + 1 : index + 3]
        if [one.key for one in following[:1]] == ["AS"] and unquoted(sql, following[-1]) == own:
            end = following[-1].end
        parts += (sql[at : token.start], f"{quoted_if_needed(schema)}.{quoted_if_needed(own)}")
        at = end
    return "".join((*parts, sql[at:]))


def constraint_definition(constraint: Constraint, *, pretty: bool = False) -> str:
    """A constraint's words after its name."""
    if constraint.kind == "c":
        return f"CHECK ({spoken(constraint.expression, pretty=pretty)})"
    own = _columns(constraint.table, constraint.keys)
    if constraint.kind == "p":
        return f"PRIMARY KEY ({own})"
    if constraint.kind == "u":
        return f"UNIQUE ({own})"
    assert constraint.parent is not None
    words = [
        f"FOREIGN KEY ({own}) REFERENCES {constraint.parent.plain}"
        f"({_columns(constraint.parent, constraint.parent_keys)})"
    ]
    if constraint.on_update in _ACTIONS:
        words.append(f"ON UPDATE {_ACTIONS[constraint.on_update]}")
    if constraint.on_delete in _ACTIONS:
        words.append(f"ON DELETE {_ACTIONS[constraint.on_delete]}")
    if constraint.deferrable:
        words.append("DEFERRABLE")
    if constraint.deferred:
        words.append("INITIALLY DEFERRED")
    return " ".join(words)


def _columns(table: Relation, keys: Iterable[int]) -> str:
    named = {one.number: one.name for one in table.attributes}
    return ", ".join(quoted_if_needed(named.get(key, "?")) for key in keys)


def trigger_definition(trigger: Trigger) -> str:
    """As it was created: SQLite's triggers hold their statements themselves."""
    return trigger.sql


#: What translation writes for DEFAULT now() and its kin; shown as it was.
_SPOKEN_DEFAULTS: Final = {
    "strftime('%Y-%m-%d %H:%M:%f', 'now')": "now()",
    "strftime('%Y-%m-%d %H:%M:%f','now')": "now()",
    "current_timestamp": "CURRENT_TIMESTAMP",
    "current_date": "CURRENT_DATE",
    "current_time": "CURRENT_TIME",
}
#: Types whose literals stand without a cast.
_TIMES: Final = {1082: "date", 1114: "timestamp", 1184: "timestamptz"}
_BARE: Final = frozenset((16, 20, 21, 23, 700, 701, 1700))


@lru_cache(maxsize=8192)
def default_text(words: str, type_oid: int) -> str | None:
    """A column's DEFAULT in PostgreSQL's words: a text literal is followed by its type."""
    words = words.strip()
    inner = words[1:-1].strip() if words.startswith("(") and words.endswith(")") else words
    spoken = _SPOKEN_DEFAULTS.get(inner.lower()) or _SPOKEN_DEFAULTS.get(inner)
    if spoken is not None:
        return spoken
    if inner.endswith("/* CURRENT_TIMESTAMP */"):
        return "CURRENT_TIMESTAMP"
    if inner.startswith(("strftime('%Y-%m-%d %H:%M:%f", "rtrim(rtrim(strftime('%Y-%m-%d %H:%M:%f")):
        return "now()"
    if inner.upper() == "NULL":
        return None
    if type_oid == 16 and inner.lower() in ("1", "0", "true", "false"):
        return "true" if inner.lower() in ("1", "true") else "false"
    if inner.startswith("'") and inner.endswith("'"):
        if type_oid in _BARE:
            return inner
        if type_oid in _TIMES:
            inner = f"'{put(inner[1:-1], _TIMES[type_oid], None)}'"
        return f"{inner}::{spoken_type(type_oid)}"
    if "hex(randomblob" in inner:
        return "gen_random_uuid()"
    return inner


def _type_text(schema: Schema, oid: int) -> str:
    made = schema.types.get(oid)
    return made.spoken if made is not None else spoken_type(oid)


def function_signature(stored: StoredFunction, schema: Schema, *, defaults: bool = True) -> tuple[str, str]:
    """The arguments of a function that a client made, and its result, as ``\\df`` shows them."""
    parts = []
    for argument, oid in zip(stored.function.arguments, stored.types, strict=True):
        words = f"{quoted_if_needed(argument.name)} " if argument.name else ""
        words += _type_text(schema, oid)
        parts.append(words + (f" DEFAULT {argument.default}" if defaults and argument.default is not None else ""))
    return ", ".join(parts), _type_text(schema, stored.result)


_VOLATILITIES: Final = {"i": "IMMUTABLE", "s": "STABLE", "v": ""}


def function_definition(schema: Schema, oid: Any) -> str | None:
    """pg_get_functiondef(): of a function that a client made; what PostgreSQL's are written in is not here."""
    stored = schema.functions.get(oid)
    if stored is None:
        return None
    one, (arguments, result) = stored.function, function_signature(stored, schema)
    ways = " ".join(word for word in (_VOLATILITIES[one.volatility], "STRICT" if one.strict else "") if word)
    head = f"CREATE OR REPLACE FUNCTION public.{quoted_if_needed(one.name)}({arguments})\n RETURNS {result}\n LANGUAGE {one.language}\n"
    return f"{head}{' ' + ways + chr(10) if ways else ''}AS $function${one.source}$function$\n"
