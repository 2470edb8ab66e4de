"""Random definitions: tables, indexes, triggers, views, virtual tables, and every kind of ALTER and DROP."""

from __future__ import annotations

from ha.test.randomwords import ACTIONS, COLUMNS, CONFLICTS, NAMES, STRICT_TYPES, TYPES, Draft, Drawn, quoted


class Architect(Draft):
    """Writes definitions."""

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
                self._create_temp,
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
                table.counts = style == "auto"
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
                conflict = f" ON CONFLICT {random.choice(CONFLICTS)}" if self._chance(0.4) else ""
                part += f" NOT NULL{conflict} DEFAULT {random.choice(('0', chr(39) + 'x' + chr(39)))}"
            elif self._chance(0.1):
                part += f" DEFAULT {random.choice(('5', 'NULL', '(1 + 1)', chr(39) + 'd' + chr(39)))}"
            if self._chance(0.06):
                part += f" CHECK (typeof({quoted(name)}) <> 'blob')"
            if at and self._chance(0.22):
                parent = table if self._chance(0.25) else self._table() or table
                keys = [key for key in [parent.key, *parent.uniques] if len(key) == 1]
                if keys:
                    part += self._references(parent, random.choice(keys))
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
            conflict = f" ON CONFLICT {random.choice(CONFLICTS)}" if self._chance(0.3) else ""
            tail.append(f"UNIQUE ({self._names(pair)}){conflict}")
        if len(names) >= 2 and self._chance(0.1):
            parents = [(one, key) for one in [*self._tables, table] for key in [one.key, *one.uniques] if len(key) == 2]
            if parents:
                parent, key = random.choice(parents)
                tail.append(f"FOREIGN KEY ({self._names(random.sample(names, 2))}){self._references(parent, key)}")
        for number in range(random.choice((0, 0, 0, 1, 1, 2))):
            kind = random.choice(("STORED", "VIRTUAL", ""))
            source = quoted(random.choice([*names, *table.generated]))
            column = f"g{number}{' ANY' if strict else ''} AS ({random.choice((f'{source} || 1', f'typeof({source})', f'coalesce({source}, 0)', f'length({source})'))}) {kind}"
            if self._chance(0.2):
                column += f" UNIQUE{f' ON CONFLICT {random.choice(CONFLICTS)}' if self._chance(0.3) else ''}"
            parts.insert(random.randint(1, len(parts)), column)
            table.generated.append(f"g{number}")
        options = []
        if style.startswith("wr") and table.key:
            options.append("WITHOUT ROWID")
            table.has_rowid = False
        if strict:
            options.append("STRICT")
        self._tables.append(table)
        clause = " IF NOT EXISTS" if self._chance(0.2) else ""
        return f"CREATE TABLE{clause} {table.sql}({', '.join(parts + tail)}) {', '.join(options)}".rstrip()

    def _references(self, parent: Drawn, key: list[str]) -> str:
        random = self._random
        part = f" REFERENCES {parent.sql}({self._names(key)})"
        part += f" ON DELETE {random.choice(ACTIONS)} ON UPDATE {random.choice(ACTIONS)}"
        return f"{part} DEFERRABLE INITIALLY DEFERRED" if self._chance(0.5) else part

    def _create_temp(self) -> str:
        """Often in front of a table of the same name, which statements then no longer reach."""
        table = self._table()
        if table is None or self._chance(0.4):
            return f"DROP TABLE IF EXISTS temp.{quoted(self._random.choice(NAMES))}"
        name = table.sql if self._chance(0.5) else self._new_name("tmp")
        return self._random.choice(
            (
                f"CREATE TEMP TABLE {name}({self._names(table.columns)})",
                f"CREATE TEMP TABLE {name} AS SELECT * FROM {table.sql}",
            )
        )

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
        column = quoted(random.choice([*table.columns, *table.generated]))
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
        clause = "IF NOT EXISTS " if self._chance(0.1) else ""
        return f"CREATE {unique}INDEX {clause}{name} ON {table.sql}({on}){where}"

    def _create_trigger(self) -> str:
        random = self._random
        table, other = self._table(), self._table()
        if table is None or other is None:
            return self._create_table()
        timing = random.choice(("BEFORE", "AFTER"))
        if self._views and self._chance(0.2):
            table, timing = random.choice(self._views), "INSTEAD OF"
        name = self._new_name("tr")
        self._triggers.append(name)
        event = random.choice(("INSERT", "UPDATE", "DELETE", f"UPDATE OF {quoted(table.columns[0])}"))
        row = "OLD" if event == "DELETE" else "NEW"
        field_of = f"{row}.{quoted(random.choice(table.columns))}"
        column = quoted(random.choice(other.columns))
        bodies = random.choices(
            (
                f"INSERT{self._or(0.7)} INTO {other.sql}({column}) VALUES ({field_of})",
                f"INSERT OR REPLACE INTO {other.sql}({column}) VALUES ({field_of})",
                f"UPDATE{self._or()} {other.sql} SET {column} = {field_of} WHERE {self._condition(other)}",
                f"UPDATE {other.sql} SET {column} = {column} + 1",
                f"DELETE FROM {other.sql} WHERE {column} = {field_of}",
                f"INSERT INTO {other.sql}({column}) VALUES ({field_of}) ON CONFLICT DO UPDATE SET {column} = {self._value()}",
                f"UPDATE {other.sql} SET {column} = o.x FROM (SELECT {quoted(random.choice(table.columns))} AS x FROM {table.sql} ORDER BY 1 LIMIT 2) AS o WHERE {self._condition(other)}",
                f"SELECT RAISE({random.choice(('IGNORE', 'ABORT, ' + chr(39) + 'no' + chr(39), 'ROLLBACK, ' + chr(39) + 'no' + chr(39), 'FAIL, ' + chr(39) + 'no' + chr(39)))}) WHERE {field_of} = 3",
            ),
            k=random.choice((1, 1, 1, 2)),
        )
        when = f" WHEN {field_of} IS NOT {self._value()}" if self._chance(0.4) else ""
        return f"CREATE TRIGGER {name} {timing} {event} ON {table.sql}{when} BEGIN {'; '.join(bodies)}; END"

    def _create_view(self) -> str:
        table = self._table()
        if table is None:
            return self._create_table()
        name = self._new_name("vw")
        self._views.append(Drawn(name, kind="view", columns=list(table.columns), has_rowid=False))
        return (
            f"CREATE VIEW {name} AS SELECT {self._names(table.columns)} FROM {table.sql} WHERE {self._condition(table)}"
        )

    def _create_virtual(self) -> str:
        random = self._random
        kind = random.choice(("fts5", "fts5", "fts4", "rtree", "rtree_i32", "fts3", "geopoly", "vocabulary"))
        words = self._table("fts")
        if kind == "vocabulary":
            if words is None:
                return self._create_table()
            module = random.choice(
                (f"fts5vocab({words.sql}, {random.choice(('row', 'col', 'instance'))})", f"fts4aux({words.sql})")
            )
            return f"CREATE VIRTUAL TABLE {self._new_name('vocabulary')} USING {module}"
        table = Drawn(
            self._new_name("vt"), kind=kind if kind == "geopoly" else "rtree" if kind.startswith("rtree") else "fts"
        )
        if self._chance(0.2):
            table.name = f"odd {table.name}"
        self._tables.append(table)
        if kind.startswith("rtree"):
            table.columns = ["id", "x0", "x1", "y0", "y1"]
            extra = ", +note" if kind == "rtree" and self._chance(0.3) else ""
            return f"CREATE VIRTUAL TABLE {table.sql} USING {kind}(id, x0, x1, y0, y1{extra})"
        if kind == "geopoly":
            table.columns = ["note"]
            return f"CREATE VIRTUAL TABLE {table.sql} USING geopoly(note)"
        table.columns = ["title", "body"]
        options = ["title", "body"]
        content = self._table()
        if kind == "fts5" and content is not None and content.has_rowid and self._chance(0.2):
            table.columns = [quoted(content.columns[0]).strip('"')]
            return f"CREATE VIRTUAL TABLE {table.sql} USING fts5({quoted(content.columns[0])}, content={content.sql}, content_rowid=_rowid_)"
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
            name = table.name.swapcase() if self._chance(0.1) else self._fresh_table_name()
            before, table.name = table.sql, name
            return f"ALTER TABLE {before} RENAME TO {table.sql}"
        choice = random.random()
        at = random.randrange(len(table.columns))
        column = table.columns[at]
        if choice < 0.25:
            new = column.swapcase() if self._chance(0.1) else self._new_name("n")
            table.columns[at] = new
            for key in [table.key, *table.uniques]:
                key[:] = [new if name == column else name for name in key]
            return f"ALTER TABLE {table.sql} RENAME COLUMN {quoted(column)} TO {quoted(new)}"
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
        for kind, names in (("INDEX", self._indexes), ("TRIGGER", self._triggers)):
            if names and self._chance(0.4):
                return f"DROP {kind} {names.pop(random.randrange(len(names)))}"
        if self._views and self._chance(0.3):
            return f"DROP VIEW {self._views.pop(random.randrange(len(self._views))).sql}"
        if len(self._tables) > 1:
            clause = "IF EXISTS " if self._chance(0.1) else ""
            return f"DROP TABLE {clause}{self._tables.pop(random.randrange(len(self._tables))).sql}"
        return self._create_index()

    def _upkeep(self) -> str:
        table = self._table()
        return self._random.choice(("ANALYZE", "REINDEX", f"ANALYZE {table.sql}" if table else "ANALYZE"))
