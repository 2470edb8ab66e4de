"""Random schemas and statements, all from one source of randomness.

An :class:`Author` remembers the schema that its statements would make if all succeeded; a statement that fails
because one did not is as good as any other. No statement depends on chance or the clock when it is run.
"""

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
    kind: str = "table"  # table, fts, rtree
    columns: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    uniques: list[list[str]] = field(default_factory=list)
    has_rowid: bool = True

    @property
    def sql(self) -> str:
        """The name as SQL."""
        return quoted(self.name)


def quoted(name: str) -> str:
    """An identifier as SQL; plain names stay bare, as people write them."""
    if name.isascii() and name.isidentifier() and name.lower() not in ("order", "group", "from"):
        return name
    return '"' + name.replace('"', '""') + '"'


class Author:
    """Writes statements."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._tables: list[Drawn] = []
        self._indexes: list[str] = []
        self._views: list[str] = []
        self._triggers: list[str] = []
        self._serial = 0

    def opening(self) -> list[str]:
        """The first group's statements: a few tables, and something around them."""
        statements = [self._create_table() for _ in range(self._random.randint(1, 3))]
        statements += [self._definition() for _ in range(self._random.randint(0, 4))]
        return statements

    def statement(self) -> str:
        """Any statement."""
        if self._random.random() < 0.14 or not self._tables:
            return self._definition()
        return self._write()

    # Small choices

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
        if kind < 8:
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
                "-0.0 * 1",
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
                "'it''s'",
                "'é漢😀'",
                "'a' || char(0) || 'b'",
                "CAST(x'ff41' AS TEXT)",
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

    # Rows

    def _write(self) -> str:
        random = self._random
        choice = random.random()
        if choice < 0.12 and (table := self._table("fts")) is not None:
            return self._write_words(table)
        if choice < 0.18 and (table := self._table("rtree")) is not None:
            return self._write_boxes(table)
        if choice < 0.2:
            return self._write_sequences()
        table = self._table()
        if table is None:
            return self._create_table()
        return random.choice(
            (
                self._insert,
                self._insert,
                self._insert,
                self._insert_select,
                self._upsert,
                self._update,
                self._update,
                self._delete,
            )
        )(table)

    def _insert(self, table: Drawn) -> str:
        random = self._random
        columns = [column for column in table.columns if self._chance(0.85)] or table.columns[:1]
        names = [quoted(column) for column in columns]
        with_rowid = table.has_rowid and self._chance(0.12)
        if with_rowid:
            names.append("_rowid_")
        rows = []
        for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
            values = [self._value() for _ in columns]
            if with_rowid:
                values.append(random.choice(("1", "2", "3", "7", "9223372036854775807", "-5", "NULL")))
            rows.append(f"({', '.join(values)})")
        verb = "REPLACE" if self._chance(0.15) else f"INSERT{self._or()}"
        return f"{verb} INTO {table.sql}({', '.join(names)}) VALUES {', '.join(rows)}{self._returning()}"

    def _insert_select(self, table: Drawn) -> str:
        other = self._table() or table
        columns = table.columns[: len(other.columns)]
        taken = other.columns[: len(columns)]
        return (
            f"INSERT{self._or(0.6)} INTO {table.sql}({', '.join(map(quoted, columns))})"
            f" SELECT {', '.join(map(quoted, taken))} FROM {other.sql} WHERE {self._condition(other)}"
            f" ORDER BY {', '.join(map(quoted, taken))} LIMIT 20"
        )

    def _upsert(self, table: Drawn) -> str:
        columns = table.columns
        column = quoted(self._random.choice(columns))
        values = ", ".join(self._value() for _ in columns)
        target = ""
        targets = [key for key in [table.key, *table.uniques] if key]
        if targets and self._chance(0.8):
            target = f"({', '.join(map(quoted, self._random.choice(targets)))})"
        do = f"DO UPDATE SET {column} = excluded.{column}" if self._chance(0.6) else "DO NOTHING"
        if do.startswith("DO UPDATE") and self._chance(0.3):
            do += f", {quoted(self._random.choice(columns))} = {self._value()}"
        return (
            f"INSERT INTO {table.sql}({', '.join(map(quoted, columns))}) VALUES ({values})"
            f" ON CONFLICT{target} {do}{self._returning()}"
        )

    def _update(self, table: Drawn) -> str:
        random = self._random
        settings = []
        for column in random.sample(table.columns, random.randint(1, min(2, len(table.columns)))):
            name = quoted(column)
            settings.append(
                f"{name} = "
                + random.choice((self._value(), self._value(), f"{name} + 1", f"{name} - 1", f"{name} || 'x'", name))
            )
        if table.has_rowid and self._chance(0.12):
            settings.append(f"_rowid_ = _rowid_ {random.choice(('+ 1', '- 1', '+ 100', '* -1'))}")
        where = "" if self._chance(0.15) else f" WHERE {self._condition(table)}"
        return f"UPDATE{self._or()} {table.sql} SET {', '.join(settings)}{where}{self._returning()}"

    def _delete(self, table: Drawn) -> str:
        where = "" if self._chance(0.1) else f" WHERE {self._condition(table)}"
        return f"DELETE FROM {table.sql}{where}{self._returning()}"

    def _text(self) -> str:
        return "'" + " ".join(self._random.choice(WORDS) for _ in range(self._random.randint(0, 6))) + "'"

    def _write_words(self, table: Drawn) -> str:
        random = self._random
        column = quoted(random.choice(table.columns))
        return random.choice(
            (
                f"INSERT INTO {table.sql}({column}) VALUES ({self._text()}), ({self._text()})",
                f"INSERT INTO {table.sql}({column}) VALUES ({self._text()})",
                f"INSERT INTO {table.sql}(rowid, {column}) VALUES ({random.randint(1, 9)}, {self._text()})",
                f"REPLACE INTO {table.sql}(rowid, {column}) VALUES ({random.randint(1, 9)}, {self._text()})",
                f"UPDATE {table.sql} SET {column} = {self._text()} WHERE rowid < {random.randint(1, 9)}",
                f"UPDATE {table.sql} SET rowid = rowid + 20 WHERE rowid = {random.randint(1, 9)}",
                f"DELETE FROM {table.sql} WHERE rowid = {random.randint(1, 9)}",
                f"DELETE FROM {table.sql} WHERE {table.sql} MATCH '{random.choice(WORDS)}'",
                f"DELETE FROM {table.sql}",
                f"INSERT INTO {table.sql}({table.sql}) VALUES ('{random.choice(('optimize', 'rebuild', 'delete-all', 'flush'))}')",
                f"INSERT INTO {table.sql}({table.sql}, rank) VALUES ('{random.choice(('merge', 'automerge', 'crisismerge', 'usermerge', 'pgsz'))}', {random.choice((2, 4, 8, 64))})",
                f"INSERT INTO {table.sql}({column}) SELECT {self._text()} FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8))",
            )
        )

    def _write_boxes(self, table: Drawn) -> str:
        random = self._random
        low, left = random.randint(0, 50), random.randint(0, 50)
        number = random.randint(1, 40)
        return random.choice(
            (
                f"INSERT{self._or()} INTO {table.sql} VALUES ({random.choice((str(number), 'NULL'))}, {low}, {low + 3}, {left}, {left + 1.5})",
                f"INSERT INTO {table.sql} WITH RECURSIVE n(i) AS (SELECT {number} UNION ALL SELECT i + 1 FROM n WHERE i < {number + 60})"
                f" SELECT i + 100, i % 7, i % 7 + 1, i % 11, i % 11 + 2 FROM n",
                f"UPDATE{self._or()} {table.sql} SET x0 = x0 - 1 WHERE id < {number}",
                f"UPDATE{self._or()} {table.sql} SET id = id + 1 WHERE id = {number}",
                f"DELETE FROM {table.sql} WHERE x0 > {low}",
                f"DELETE FROM {table.sql} WHERE id = {number}",
            )
        )

    def _write_sequences(self) -> str:
        table = self._table()
        name = (table.name if table else "t").replace("'", "''")
        return self._random.choice(
            (
                f"UPDATE sqlite_sequence SET seq = {self._random.randint(0, 99)} WHERE name = '{name}'",
                f"DELETE FROM sqlite_sequence WHERE name = '{name}'",
                "DELETE FROM sqlite_sequence",
                "UPDATE sqlite_sequence SET seq = seq + 7",
            )
        )

    # The schema

    def _definition(self) -> str:
        random = self._random
        choice = random.choice(
            (
                self._create_table,
                self._create_table,
                self._create_index,
                self._create_index,
                self._create_trigger,
                self._create_trigger,
                self._create_view,
                self._create_virtual,
                self._create_virtual,
                self._create_as,
                self._alter,
                self._alter,
                self._alter,
                self._alter,
                self._drop,
                self._drop,
                self._upkeep,
            )
        )
        return choice()

    def _fresh_table_name(self) -> str:
        taken = {table.name.lower() for table in self._tables}
        free = [name for name in NAMES if name.lower() not in taken]
        return self._random.choice(free) if free and self._chance(0.95) else self._new_name("t")

    def _create_table(self) -> str:
        random = self._random
        table = Drawn(self._fresh_table_name())
        strict = self._chance(0.15)
        types = STRICT_TYPES if strict else TYPES
        names = random.sample(COLUMNS, random.randint(2, 5))
        if self._chance(0.9):
            names = [name for name in names if name not in ("rowid", "oid")] or ["a", "b"]
        parts, tail = [], []
        style = random.choice(("ipk", "ipk", "auto", "desc", "one", "one", "many", "none", "none", "wr", "wr many"))
        for at, name in enumerate(names):
            part = f"{quoted(name)} {random.choice(types)}".rstrip()
            if at == 0 and style in ("ipk", "auto", "desc"):
                part = f"{quoted(name)} INTEGER PRIMARY KEY{' AUTOINCREMENT' if style == 'auto' else ' DESC' if style == 'desc' else ''}"
                table.key = [name]
            elif at == 0 and style in ("one", "wr"):
                conflict = f" ON CONFLICT {random.choice(CONFLICTS)}" if self._chance(0.15) else ""
                part += f" PRIMARY KEY{conflict}"
                table.key = [name]
            elif self._chance(0.2):
                conflict = f" ON CONFLICT {random.choice(CONFLICTS)}" if self._chance(0.3) else ""
                part += f" UNIQUE{conflict}"
                table.uniques.append([name])
            if self._chance(0.12):
                part += " COLLATE NOCASE"
            if self._chance(0.1):
                part += f" NOT NULL DEFAULT {random.choice(('0', chr(39) + 'x' + chr(39)))}"
            elif self._chance(0.1):
                part += f" DEFAULT {random.choice(('5', 'NULL', '(1 + 1)', chr(39) + 'd' + chr(39)))}"
            if self._chance(0.06):
                part += f" CHECK (typeof({quoted(name)}) <> 'blob')"
            if at and self._chance(0.22) and (parent := self._table()) is not None:
                keys = [key for key in [parent.key, *parent.uniques] if len(key) == 1]
                if keys:
                    part += f" REFERENCES {parent.sql}({quoted(random.choice(keys)[0])})"
                    part += f" ON DELETE {random.choice(ACTIONS)} ON UPDATE {random.choice(ACTIONS)}"
                    if self._chance(0.5):
                        part += " DEFERRABLE INITIALLY DEFERRED"
            parts.append(part)
        table.columns = list(names)
        if style in ("many", "wr many") and len(names) >= 2:
            table.key = random.sample(names, 2)
            tail.append(
                f"PRIMARY KEY ({', '.join(quoted(name) + random.choice(('', '', ' DESC')) for name in table.key)})"
            )
        if len(names) >= 2 and self._chance(0.2):
            pair = random.sample(names, 2)
            table.uniques.append(pair)
            tail.append(f"UNIQUE ({', '.join(map(quoted, pair))})")
        if self._chance(0.25):
            kind = random.choice(("STORED", "VIRTUAL", ""))
            source = quoted(random.choice(names))
            column = f"g{len(parts)}{' ANY' if strict else ''} AS ({random.choice((f'{source} || 1', f'typeof({source})', f'coalesce({source}, 0)', f'length({source})'))}) {kind}"
            if self._chance(0.2):
                column += " UNIQUE"
            parts.insert(random.randint(1, len(parts)), column)
        options = []
        if style.startswith("wr") and table.key:
            options.append("WITHOUT ROWID")
            table.has_rowid = False
        if strict:
            options.append("STRICT")
        self._tables.append(table)
        clause = " IF NOT EXISTS" if self._chance(0.2) else ""
        return f"CREATE TABLE{clause} {table.sql}({', '.join(parts + tail)}) {', '.join(options)}".rstrip()

    def _create_as(self) -> str:
        source = self._table()
        if source is None:
            return self._create_table()
        table = Drawn(self._fresh_table_name(), columns=[])
        columns = source.columns[: self._random.randint(1, len(source.columns))]
        table.columns = [f"k{at}" for at in range(len(columns))]
        self._tables.append(table)
        fields = ", ".join(f"{quoted(column)} AS {name}" for column, name in zip(columns, table.columns, strict=True))
        return (
            f"CREATE TABLE {table.sql} AS SELECT {fields} FROM {source.sql} WHERE {self._condition(source)} ORDER BY 1"
        )

    def _create_index(self) -> str:
        random = self._random
        table = self._table()
        if table is None:
            return self._create_table()
        name = self._new_name("ix")
        self._indexes.append(name)
        column = quoted(random.choice(table.columns))
        unique = "UNIQUE " if self._chance(0.6) else ""
        on = random.choice(
            (
                column,
                column,
                f"lower({column})",
                f"{column} + 0",
                f"{column} COLLATE NOCASE DESC",
                f"{column}, {quoted(table.columns[-1])}",
            )
        )
        where = f" WHERE {column} {random.choice(('IS NOT NULL', '> 3', '<> 0'))}" if self._chance(0.35) else ""
        return f"CREATE {unique}INDEX {name} ON {table.sql}({on}){where}"

    def _create_trigger(self) -> str:
        random = self._random
        table, other = self._table(), self._table()
        if table is None or other is None:
            return self._create_table()
        name = self._new_name("tr")
        self._triggers.append(name)
        event = random.choice(("INSERT", "UPDATE", "DELETE", f"UPDATE OF {quoted(table.columns[0])}"))
        row = "OLD" if event == "DELETE" else "NEW"
        field_of = f"{row}.{quoted(random.choice(table.columns))}"
        column = quoted(random.choice(other.columns))
        body = random.choice(
            (
                f"INSERT{self._or(0.7)} INTO {other.sql}({column}) VALUES ({field_of})",
                f"INSERT OR REPLACE INTO {other.sql}({column}) VALUES ({field_of})",
                f"UPDATE{self._or()} {other.sql} SET {column} = {field_of} WHERE {self._condition(other)}",
                f"UPDATE {other.sql} SET {column} = {column} + 1",
                f"DELETE FROM {other.sql} WHERE {column} = {field_of}",
                f"SELECT RAISE({random.choice(('IGNORE', 'ABORT, ' + chr(39) + 'no' + chr(39), 'ROLLBACK, ' + chr(39) + 'no' + chr(39), 'FAIL, ' + chr(39) + 'no' + chr(39)))}) WHERE {field_of} = 3",
            )
        )
        when = f" WHEN {field_of} IS NOT {self._value()}" if self._chance(0.4) else ""
        return (
            f"CREATE TRIGGER {name} {random.choice(('BEFORE', 'AFTER'))} {event} ON {table.sql}{when} BEGIN {body}; END"
        )

    def _create_view(self) -> str:
        table = self._table()
        if table is None:
            return self._create_table()
        name = self._new_name("vw")
        self._views.append(name)
        return f"CREATE VIEW {name} AS SELECT * FROM {table.sql} WHERE {self._condition(table)}"

    def _create_virtual(self) -> str:
        random = self._random
        kind = random.choice(("fts5", "fts5", "fts4", "rtree", "rtree_i32", "fts3"))
        table = Drawn(self._new_name("vt"), kind="rtree" if kind.startswith("rtree") else "fts")
        if self._chance(0.2):
            table.name = f"odd {table.name}"
        self._tables.append(table)
        if kind.startswith("rtree"):
            table.columns = ["id", "x0", "x1", "y0", "y1"]
            extra = ", +note" if kind == "rtree" and self._chance(0.3) else ""
            return f"CREATE VIRTUAL TABLE {table.sql} USING {kind}(id, x0, x1, y0, y1{extra})"
        table.columns = ["title", "body"]
        options = ["title", "body"]
        if kind == "fts5":
            options += random.choice(
                (
                    [],
                    [],
                    ["prefix='1 2'"],
                    ["detail=none"],
                    ["columnsize=0"],
                    ["content=''"],
                    ["content='', contentless_delete=1"],
                    ["tokenize=porter"],
                )
            )
        if kind == "fts4":
            options += random.choice(([], [], ["matchinfo=fts3"], ["prefix='1,2'"], ["order=desc"], ["content=''"]))
        return f"CREATE VIRTUAL TABLE {table.sql} USING {kind}({', '.join(options)})"

    def _alter(self) -> str:
        random = self._random
        table = random.choice(self._tables) if self._tables else None
        if table is None:
            return self._create_table()
        if table.kind != "table" or self._chance(0.2):
            name = self._fresh_table_name()
            before, table.name = table.sql, name
            return f"ALTER TABLE {before} RENAME TO {table.sql}"
        choice = random.random()
        at = random.randrange(len(table.columns))
        column = table.columns[at]
        if choice < 0.25:
            new = self._new_name("n")
            table.columns[at] = new
            for key in [table.key, *table.uniques]:
                key[:] = [new if name == column else name for name in key]
            return f"ALTER TABLE {table.sql} RENAME COLUMN {quoted(column)} TO {new}"
        if choice < 0.6:
            new = self._new_name("n")
            how = random.choice(
                (
                    random.choice(TYPES),
                    f"{random.choice(TYPES)} DEFAULT {random.choice(('7', chr(39) + 'seven' + chr(39), 'NULL', '1.5'))}",
                    "NOT NULL DEFAULT 3",
                    f"AS ({quoted(column)} || 'g') VIRTUAL",
                    f"AS (typeof({quoted(column)}))",
                    "INT CHECK (1)",
                    "COLLATE NOCASE DEFAULT 'X'",
                )
            )
            if "AS (" not in how:
                table.columns.append(new)
            return f"ALTER TABLE {table.sql} ADD COLUMN {new} {how}"
        if choice < 0.8 and len(table.columns) > 1:
            if column not in table.key and not any(column in unique for unique in table.uniques):
                table.columns.remove(column)
            return f"ALTER TABLE {table.sql} DROP COLUMN {quoted(column)}"
        return random.choice(
            (
                f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(column)} SET NOT NULL",
                f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(column)} DROP NOT NULL",
                f"ALTER TABLE {table.sql} ADD CONSTRAINT k{random.randint(1, 3)} CHECK ({quoted(column)} IS NOT 77)",
                f"ALTER TABLE {table.sql} DROP CONSTRAINT k{random.randint(1, 3)}",
            )
        )

    def _drop(self) -> str:
        random = self._random
        for kind, names in (("INDEX", self._indexes), ("TRIGGER", self._triggers), ("VIEW", self._views)):
            if names and self._chance(0.4):
                return f"DROP {kind} {names.pop(random.randrange(len(names)))}"
        if len(self._tables) > 1:
            return f"DROP TABLE {self._tables.pop(random.randrange(len(self._tables))).sql}"
        return self._create_index()

    def _upkeep(self) -> str:
        table = self._table()
        return self._random.choice(("ANALYZE", "REINDEX", f"ANALYZE {table.sql}" if table else "ANALYZE"))
