"""Random statements, all from one source of randomness.

An :class:`Author` remembers the schema that its statements would make if all succeeded; a statement that fails
because one did not is as good as any other. No statement depends on chance or the clock when it is run.
"""

from __future__ import annotations

from ha.test.randomschema import Architect
from ha.test.randomwords import WORDS, Drawn, quoted


class Author(Architect):
    """Writes statements."""

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

    # Rows

    def _write(self) -> str:
        random = self._random
        choice = random.random()
        if choice < 0.12 and (table := self._table("fts")) is not None:
            return self._write_words(table)
        if choice < 0.18 and (table := self._table("rtree")) is not None:
            return self._write_boxes(table)
        if choice < 0.2 and any(table.counts for table in self._tables):
            return self._write_sequences()
        if choice < 0.22 and (table := self._table("geopoly")) is not None:
            return self._write_shapes(table)
        table = self._table()
        if choice < 0.25 and self._views:
            table = random.choice(self._views)
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
                self._update_from,
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
        if self._chance(0.04):
            return f"{verb} INTO {table.sql} DEFAULT VALUES{self._returning()}"
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
        if do.startswith("DO UPDATE"):
            if self._chance(0.3):
                do += f", {quoted(self._random.choice(columns))} = {self._value()}"
            if self._chance(0.25):
                do += f" WHERE excluded.{column} IS NOT {self._value()}"
        clauses = f" ON CONFLICT{target} {do}"
        if target and self._chance(0.25):
            clauses += f" ON CONFLICT DO {self._random.choice(('NOTHING', f'UPDATE SET {column} = {self._value()}'))}"
        return f"INSERT INTO {table.sql}({self._names(columns)}) VALUES ({values}){clauses}{self._returning()}"

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

    def _update_from(self, table: Drawn) -> str:
        random = self._random
        other = self._table() or table
        column, by = quoted(random.choice(table.columns)), quoted(random.choice(table.columns))
        source = f"SELECT {quoted(random.choice(other.columns))} AS x, {quoted(random.choice(other.columns))} AS y FROM {other.sql} ORDER BY 1, 2 LIMIT 5"
        return random.choice(
            (
                f"UPDATE{self._or()} {table.sql} SET {column} = o.x FROM ({source}) AS o WHERE {table.sql}.{by} = o.y{self._returning()}",
                f"WITH o AS ({source}) UPDATE{self._or()} {table.sql} SET {column} = (SELECT max(x) FROM o) WHERE {by} IN (SELECT y FROM o)",
                f"WITH o AS ({source}) DELETE FROM {table.sql} WHERE {by} IN (SELECT x FROM o){self._returning()}",
                f"WITH o AS ({source}) INSERT{self._or()} INTO {table.sql}({column}) SELECT y FROM o WHERE true ON CONFLICT DO NOTHING",
            )
        )

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

    def _write_shapes(self, table: Drawn) -> str:
        random = self._random
        low, number = random.randint(0, 30), random.randint(1, 20)
        shape = f"'[[{low},0],[{low + 4},0],[{low + 4},{number}],[{low},0]]'"
        return random.choice(
            (
                f"INSERT INTO {table.sql}(_shape, note) VALUES ({shape}, {self._value()})",
                f"REPLACE INTO {table.sql}(rowid, _shape) VALUES ({number}, {shape})",
                f"INSERT INTO {table.sql}(_shape) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70) SELECT {shape} FROM n",
                f"UPDATE {table.sql} SET note = {self._value()} WHERE rowid < {number}",
                f"UPDATE {table.sql} SET _shape = {shape} WHERE rowid = {number}",
                f"DELETE FROM {table.sql} WHERE rowid > {number}",
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
