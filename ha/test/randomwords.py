"""Random names, values and conditions, and what is remembered of a random schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

NAMES = ("t", "u", "item", "node_log", "order", "my table", 'sel"ect', "naïve", "Group", "a.b", "x'y")
COLUMNS = ("a", "b", "c", "d", "name", "value", "from", "two words", 'q"q', "rowid", "oid", "ключ")
TYPES = ("INTEGER", "INT", "TEXT", "REAL", "BLOB", "NUMERIC", "", "VARCHAR(10)", "BOOLEAN", "DOUBLE")
STRICT_TYPES = ("INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY")
CONFLICTS = ("ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE")
ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION")
WORDS = ("one", "two", "three", "red", "blue", "tea", "house", "Paris")


@dataclass(slots=True)
class Drawn:
    """A table as the author believes it to be."""

    name: str
    kind: str = "table"  # table, fts, rtree, geopoly, view
    columns: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    uniques: list[list[str]] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)
    has_rowid: bool = True
    counts: bool = False  # AUTOINCREMENT

    @property
    def sql(self) -> str:
        """The name as SQL."""
        return quoted(self.name)


def quoted(name: str) -> str:
    """An identifier as SQL; plain names stay bare, as people write them."""
    if name.isascii() and name.isidentifier() and name.lower() not in ("order", "group", "from"):
        return name
    return '"' + name.replace('"', '""') + '"'


class Draft:
    """One source of randomness, and the schema that its statements would make if all succeeded."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._tables: list[Drawn] = []
        self._indexes: list[str] = []
        self._views: list[Drawn] = []
        self._triggers: list[str] = []
        self._serial = 0

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _new_name(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial}"

    def _value(self) -> str:
        random = self._random
        kind = random.randrange(16)
        if kind < 5:
            return str(random.randint(0, 6))
        if kind < 7:
            return "'" + random.choice(WORDS) + "'"
        return random.choice(
            (
                "NULL",
                "NULL",
                str(random.randint(-3, 20)),
                "9223372036854775807",
                "-9223372036854775808",
                "9007199254740993",
                "9e999",
                "-9e999",
                "-9007199254740993",
                "9223372036854775806",
                "9223372036854775808",
                "1e19",
                "5e-324",
                "-0.0",
                "-0.0 * 1",
                "9e999 - 9e999",
                "TRUE",
                "0.1",
                "5.0",
                "1e300",
                "x''",
                "x'00ff'",
                "x'616263'",
                "''",
                "'A'",
                "'a'",
                "'5'",
                "' 5.0'",
                "'1e2'",
                "'9223372036854775808'",
                "json('{\"a\":[1,2.5]}')",
                "jsonb('[1,null]')",
                "'it''s'",
                "'é漢😀'",
                "'a' || char(0) || 'b'",
                "CAST(x'ff41' AS TEXT)",
                "CAST(x'c328' AS TEXT)",
                "'a' || CAST(x'80' AS TEXT)",
                "CAST(x'00' AS TEXT)",
                "zeroblob(40)",
                "substr(hex(zeroblob(3000)), 1, 5000)",
            )
        )

    def _table(self, kind: str = "table") -> Drawn | None:
        found = [table for table in self._tables if table.kind == kind]
        return self._random.choice(found) if found else None

    def _condition(self, table: Drawn) -> str:
        random = self._random
        column = quoted(random.choice(table.columns))
        if table.has_rowid and self._chance(0.4):
            column = "_rowid_"
        return random.choice(
            (
                f"{column} = {random.randint(0, 6)}",
                f"{column} < {random.randint(0, 6)}",
                f"{column} IS {self._value()}",
                f"{column} IN (1, 3, 5, 'one', 'a', 9223372036854775807)",
                f"{column} IS NULL",
                f"{column} > {self._value()}",
            )
        )

    def _or(self, share: float = 0.35) -> str:
        return f" OR {self._random.choice(CONFLICTS)}" if self._chance(share) else ""

    def _returning(self) -> str:
        return " RETURNING *" if self._chance(0.1) else ""

    def _names(self, columns: list[str]) -> str:
        return ", ".join(map(quoted, columns))
