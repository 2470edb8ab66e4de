"""A schema of a few tables, for the tests that read types from words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOOD = 'enum ["mood", "sad", "ok", "happy"]'
POINT = 'composite ["pt", ["x", "int4"], ["raw", "bytea"]]'
AGE = 'domain ["age", "int4", false, null, ["age_check", "VALUE > 0"]]'
LABEL = 'domain ["label", "varchar(3)", true, "\'x\'"]'
TABLES = {
    "users": {"id": "INTEGER", "name": "text", "email": "varchar(50)", "active": "boolean", "created": "timestamp"},
    "orders": {"id": "INTEGER", "amount": "numeric(10,2)", "day": "date"},
    "people": {"name": "text", "mood": MOOD, "moods": f"_{MOOD}", "score": "int4"},
    "places": {"at": POINT, "ats": f"_{POINT}"},
}


class Schema:
    """A few tables, and types that clients made."""

    def column_type(self, table: str, column: str) -> str | None:
        """Of a known column."""
        return TABLES.get(table, {}).get(column)

    def columns(self, table: str) -> Sequence[str] | None:
        """Of a known table."""
        return list(TABLES[table]) if table in TABLES else None

    def shown(self, table: str) -> Sequence[str] | None:
        """All of a known table's."""
        return self.columns(table)

    def default(self, table: str, column: str) -> str | None:
        """Of one column."""
        return "'nobody'" if (table, column) == ("users", "name") else None

    def key(self, table: str, constraint: str) -> Sequence[str] | None:
        """Of one constraint."""
        return ("id",) if (table, constraint) == ("users", "users_pkey") else None

    def primary_key(self, table: str) -> Sequence[str]:
        """Of one table."""
        return ("id",) if table == "users" else ()

    def row_key(self, table: str) -> Sequence[str]:
        """Of any table."""
        return ("rowid",)

    def number(self, table: str) -> int:
        """Of any table."""
        return 4711

    def made_types(self) -> Mapping[str, str]:
        """An enumeration, a composite type and two domains."""
        return {"mood": MOOD, "pt": POINT, "age": AGE, "label": LABEL}


@dataclass(frozen=True)
class Source:
    """A column of which SQLite knows only its text."""

    name: str
    decltype: str | None = None
    table: str | None = None
    origin: str | None = None
