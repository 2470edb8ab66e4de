"""Definitions as text: what pg_get_indexdef() and its kin answer.

PostgreSQL prints what it has parsed; here the author's own words are put into its frame, so spacing, casts and parentheses
inside an expression are as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable

from ha.sql.spoken import spoken, spoken_query
from ha.sqlite.catalog_schema import Constraint, Index, Relation, Trigger, quoted_if_needed

_ACTIONS = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def index_definition(index: Index, *, qualified: bool = True) -> str:
    """CREATE INDEX as PostgreSQL would print it.

    :param qualified: with the schema's name, as it is without "pretty".
    """
    terms = ", ".join(
        _term(term, key) + (" DESC" if down else "")
        for term, key, down in zip(index.terms, index.keys, index.descending, strict=True)
    )
    schema = "public." if qualified else ""
    where = f" WHERE {spoken(index.where, pretty=not qualified)}" if index.where else ""
    return (
        f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {quoted_if_needed(index.relation.name)} ON "
        f"{schema}{quoted_if_needed(index.table.name)} USING btree ({terms}){where}"
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
        f"FOREIGN KEY ({own}) REFERENCES {quoted_if_needed(constraint.parent.name)}"
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
