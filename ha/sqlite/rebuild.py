"""ALTER TABLE where SQLite has no word for it: the table is made anew.

As SQLite's manual tells (https://www.sqlite.org/lang_altertable.html#otheralter): a new table, the rows copied, the old one
dropped, the new one renamed, and what belonged to it made again. :mod:`ha.sqlite.scripts` says when, :mod:`ha.sql.tabletext` what
the new table's text is.
"""

from __future__ import annotations

from collections.abc import Mapping

from ha.errors import StatementError
from ha.sql.assignments import function_of, more_arguments
from ha.sql.declarations import PRIMARY_MARK, UNIQUE_MARK
from ha.sql.kinds import Alteration, AlterTable
from ha.sql.namespaces import beside, joined, own_name
from ha.sql.statements import split
from ha.sql.tabletext import (
    NEW_PREFIX,
    Table,
    constraint_columns,
    edit,
    find_constraint,
    has_named_rowid,
    is_in_a_key,
    is_integer,
    is_not_null,
    mentions,
    taken_apart,
    written_name,
)
from ha.sql.tokens import QUOTED, WORD, quoted, quoted_name, tokenize
from ha.sql.typenames import declared_type
from ha.sqlite import comments, schemas, temporary
from ha.sqlite.breaches import nulls
from ha.sqlite.connection import Connection
from ha.sqlite.declared import fitted


def alter(connection: Connection, argument: AlterTable) -> list[str]:
    with connection.guard.trusted():
        found = schemas.table_called(connection, argument.table)
        if found is None:
            if argument.if_exists:
                return []
            raise StatementError("42P01", f'relation "{argument.table}" does not exist')
        name, sql, schema = found
        if all(action.action in ("rename column", "rename to") for action in argument.actions):
            return [text for action in argument.actions for text in _renaming(connection, name, schema, action)]
        table = taken_apart(name, sql, schema)
        old = [element.column for element in table.elements if element.column is not None]
        texts: list[str] = []
        rebuilt = False
        for action in argument.actions:
            own = _without_rebuilding(connection, table, action)
            if own is None:
                edit(table, action)
                rebuilt = True
            else:
                texts += own
        # SQLite's own steps come last: they name the table, not its old text.
        if not rebuilt:
            return texts
        retyped = {(action.name or "").lower(): action for action in argument.actions if action.action == "type"}
        return [*_rebuilt(connection, table, old, retyped), *texts]


def _without_rebuilding(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    """SQLite's own statements for an action, None if the table must be made anew."""
    shown = quoted_name(table.name)
    columns = {element.column.lower() for element in table.elements if element.column is not None}
    name = action.name or ""
    if action.action == "add column":
        if name.lower() in columns:
            if action.if_exists:
                return []
            raise StatementError("42701", f'column "{name}" of relation "{table.name}" already exists')
        keys = {token.key for token in tokenize(action.text)}
        if keys.isdisjoint(
            ("PRIMARY", "UNIQUE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "STORED")
        ) and not (_calls(action) or keys >= {"REFERENCES", "DEFAULT"}):
            return [f"ALTER TABLE {shown} ADD COLUMN {action.text}"]
        return None
    if action.action == "drop column" and name.lower() not in columns:
        if action.if_exists:
            return []
        raise StatementError("42703", f'column "{name}" of relation "{table.name}" does not exist')
    if action.action == "rename constraint":
        return _renamed_constraint(connection, table, action)
    if action.action == "validate constraint":
        index = beside(table.name, name)
        if find_constraint(table, name) is None and not connection.has(index):
            raise StatementError("42704", f'constraint "{name}" of relation "{table.name}" does not exist')
        return []
    if action.action == "set schema":
        return _moved(connection, table.name, action.text)
    if action.action == "add constraint":
        return _added_constraint(connection, table, action)
    if action.action == "drop constraint":
        return _dropped_constraint(connection, table, action)
    texts = {
        "drop column": f"ALTER TABLE {shown} DROP COLUMN {quoted_name(name)}",
        "set not null": f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(name)} SET NOT NULL",
        "drop not null": f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(name)} DROP NOT NULL",
    }
    if action.action == "drop column":
        if is_in_a_key(table, name):
            return None
        # As in PostgreSQL, an index goes with any of its columns.
        dropped = [f"DROP INDEX {quoted_name(index)}" for index in _indexes_of(connection, table, {name.lower()})]
        return [*dropped, texts["drop column"]]
    if action.action in ("rename column", "rename to"):
        return _renaming(connection, table.name, table.schema, action)
    return [texts[action.action]] if action.action in texts else None


def _moved(connection: Connection, table: str, schema: str) -> list[str]:
    """A table in another schema, and its indexes with it.

    :raises StatementError: 3F000, there is no such schema; 42P07, it has one of that name.
    """
    schemas.require(connection, schema)
    there = joined(schema, own_name(table))
    if there == table:
        return []
    texts = [f"ALTER TABLE {quoted_name(table)} RENAME TO {quoted_name(there)}"]
    rows = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?", (table,)
    ).fetchall()
    for name, _ in ((table, ""), *rows):
        if connection.has(joined(schema, own_name(str(name)))):
            raise StatementError("42P07", f'relation "{own_name(str(name))}" already exists in schema "{schema}"')
    for name, sql in rows:
        texts += (
            f"DROP INDEX {quoted_name(str(name))}",
            _index_on(str(sql), joined(schema, own_name(str(name))), there),
        )
    return texts


def _index_on(sql: str, name: str, table: str) -> str:
    """A CREATE INDEX with another name and table."""
    tokens = tokenize(sql)
    on = next(at for at, token in enumerate(tokens) if token.key == "ON" and at > 2)
    words = sql[: tokens[on - 1].start] + quoted_name(name) + sql[tokens[on - 1].end : tokens[on + 1].start]
    return words + quoted_name(table) + sql[tokens[on + 1].end :]


def _renaming(connection: Connection, table: str, schema: str, action: Alteration) -> list[str]:
    """SQLite's own statement, and the comments, which follow; nobody comments on a session's own."""
    shown, new = quoted_name(table), action.text
    column = action.name or ""
    if action.action == "rename to":
        text, moved = f"RENAME TO {quoted_name(new)}", comments.moved(connection, table, relation=new)
    else:
        text = f"RENAME COLUMN {quoted_name(column)} TO {quoted_name(new)}"
        moved = comments.moved(connection, table, column=(column, new))
    return [f"ALTER TABLE {shown} {text}", *(moved if schema == "main" else ())]


def _calls(action: Alteration) -> bool:
    """Does the new column have a default that is computed? SQLite adds only constant ones."""
    tokens = tokenize(action.text)
    return any(token.key == "DEFAULT" and tokens[at + 1].key == "(" for at, token in enumerate(tokens[:-1]))


def _indexes_of(connection: Connection, table: Table, columns: set[str]) -> list[str]:
    """The indexes, made by CREATE INDEX, whose text names one of these columns (lower case)."""
    rows = connection.execute(
        f"SELECT name, sql FROM {table.schema}.sqlite_schema"
        " WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ? COLLATE NOCASE",
        (table.name,),
    )
    return [str(name) for name, sql in rows if any(mentions(str(sql), column) for column in columns)]


def _added_constraint(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    word = tokenize(action.text)[0].key
    columns = constraint_columns(action.text)
    shown = quoted_name(table.name)
    listed = ", ".join(map(quoted_name, columns))
    if word == "CHECK":
        named = [one.column for one in table.elements if one.column is not None and mentions(action.text, one.column)]
        column = f"{named[0]}_" if len(named) == 1 else ""
        name = action.name or _free_name(connection, table, f"{own_name(table.name)}_{column}check")
        return [f"ALTER TABLE {shown} ADD CONSTRAINT {quoted_name(name)} {action.text}"]
    for column in columns:
        table.element(column)
    if word == "UNIQUE":
        name = _index_name(table, action) or _free_name(connection, table, "_".join([table.name, *columns, "key"]))
        return [f"CREATE UNIQUE INDEX {quoted_name(name)} {UNIQUE_MARK} ON {shown} ({listed})"]
    if word == "PRIMARY":
        if any("PRIMARY" in {token.key for token in tokenize(element.words)} for element in table.elements):
            raise StatementError("42P16", f'multiple primary keys for table "{table.name}" are not allowed')
        if len(columns) == 1 and is_integer(table.element(columns[0])):
            _refuse_nulls(connection, table, columns[0])
            return None  # the rowid's own name: the table is made anew, and needs no index
        name = _index_name(table, action) or f"{table.name}_pkey"
        texts = [
            f"ALTER TABLE {shown} ALTER COLUMN {quoted_name(column)} SET NOT NULL"
            for column in columns
            if not is_not_null(table.element(column))
        ]
        return [*texts, f"CREATE UNIQUE INDEX {quoted_name(name)} {PRIMARY_MARK} ON {shown} ({listed})"]
    return None


def _refuse_nulls(connection: Connection, table: Table, column: str) -> None:
    """A rowid is never NULL: SQLite would count where a row had none.

    :raises StatementError: 23502.
    """
    if (
        column.lower() not in table.added
        and connection.execute(
            f"SELECT 1 FROM {quoted_name(table.name)} WHERE {quoted_name(column)} IS NULL LIMIT 1"
        ).get
    ):
        raise nulls(table.name, column)


def _index_name(table: Table, action: Alteration) -> str | None:
    """What the index of a constraint that the client named is called."""
    return None if action.name is None else beside(table.name, action.name)


def _free_name(connection: Connection, table: Table, wanted: str) -> str:
    """As PostgreSQL names what a client did not: with the first number that makes it another's name no more."""

    def taken(name: str) -> bool:
        return connection.has(name) or find_constraint(table, own_name(name)) is not None

    names = (wanted, *(f"{wanted}{number}" for number in range(1, 1000)))
    return next(name for name in names if not taken(name))


def _dropped_constraint(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    name = action.name or ""
    index = beside(table.name, name)
    owner = connection.execute(
        f"SELECT tbl_name FROM {table.schema}.sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE", (index,)
    ).get
    if owner is not None and str(owner).lower() == table.name.lower():
        return [f"DROP INDEX {quoted_name(index)}"]
    if find_constraint(table, name) is not None:
        return None
    if action.if_exists:
        return []
    raise StatementError("42704", f'constraint "{name}" of relation "{table.name}" does not exist')


def _renamed_constraint(connection: Connection, table: Table, action: Alteration) -> list[str] | None:
    name, new = action.name or "", action.text
    sql = connection.execute(
        f"SELECT sql FROM {table.schema}.sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE AND tbl_name = ?",
        (beside(table.name, name), table.name),
    ).get
    if sql is None and find_constraint(table, name) is None:
        raise StatementError("42704", f'constraint "{name}" for table "{own_name(table.name)}" does not exist')
    if find_constraint(table, new) is not None or connection.has(beside(table.name, new)):
        raise StatementError("42710", f'constraint "{new}" for relation "{own_name(table.name)}" already exists')
    if sql is not None:
        dropped = f"DROP INDEX {quoted_name(beside(table.name, name))}"
        return [dropped, _index_on(str(sql), beside(table.name, new), table.name)]
    return None


# Making a table anew


def _rebuilt(connection: Connection, table: Table, old: list[str], retyped: Mapping[str, Alteration]) -> list[str]:
    name = table.name
    new = NEW_PREFIX + name
    kept = [column for column in old if any(one.column == column for one in table.elements)]
    stored = {
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden IN (2, 3)", (name, table.schema)
        )
    }
    copied = [column for column in kept if column not in stored]
    rowid = _rowid(table)
    targets = rowid + ", ".join(map(quoted_name, copied))
    sources = rowid + ", ".join(_source(connection, name, column, retyped.get(column.lower())) for column in copied)
    dropped = {column.lower() for column in old} - {(one.column or "").lower() for one in table.elements}
    gone = _indexes_of(connection, table, dropped)
    dependents = [one for one in _dependents(connection, table) if one[1] not in gone]
    if any(other.startswith(temporary.PREFIX) for _, other, _ in dependents):
        raise StatementError("0A000", "making a table with ON COMMIT anew is not supported", table=name)
    texts = [
        f"DROP {kind} {quoted_name(other)}" for kind, other, _ in reversed(dependents) if kind in ("VIEW", "TRIGGER")
    ]
    texts.append(table.sql(new))
    texts.append(f"INSERT INTO {quoted_name(new)} ({targets}) SELECT {sources} FROM {quoted_name(name)}")
    texts.append(f"DROP TABLE {quoted_name(name)}")
    texts.append(f"ALTER TABLE {quoted_name(new)} RENAME TO {quoted_name(name)}")
    return [*texts, *_counted_on(connection, table), *(sql for _, _, sql in dependents)]


def _source(connection: Connection, table: str, column: str, retyped: Alteration | None) -> str:
    """What the new table's column is made of: the old one's values, cast where its type is another now."""
    words = quoted_name(column)
    if retyped is None:
        return words
    if retyped.using:
        (query,) = split(f"SELECT {retyped.using} FROM {quoted_name(table)}")
        made = fitted(connection, query).sql
        words = made[len("SELECT ") : made.rindex(" FROM ")]
    wanted = declared_type(retyped.text)
    function = function_of(wanted) if wanted is not None else None
    return words if wanted is None or function is None else f"{function}({words}{more_arguments(wanted)})"


def _counted_on(connection: Connection, table: Table) -> list[str]:
    """Numbers that were given out are not given again, even where their rows are gone."""
    counts = any("AUTOINCREMENT" in element.words.upper() for element in table.elements)
    if not counts or not has_sequences(connection, table.schema):
        return []
    sequences = f"{table.schema}.sqlite_sequence"
    last = connection.execute(f"SELECT max(seq) FROM {sequences} WHERE name = ?", (table.name,)).get
    if last is None:
        return []
    return [
        f"DELETE FROM {sequences} WHERE name = {quoted(table.name)}",
        f"INSERT INTO {sequences} (name, seq) VALUES ({quoted(table.name)}, {last})",
    ]


def _rowid(table: Table) -> str:
    """``rowid, `` where the rows have one that is no column's, so that it stays."""
    if "WITHOUT" in table.tail.upper():
        return ""
    names = {(element.column or "").lower() for element in table.elements}
    free = next((one for one in ("rowid", "_rowid_", "oid") if one not in names), None)
    if free is None:
        return ""
    return "" if has_named_rowid(table) else f"{free}, "


def _dependents(connection: Connection, table: Table) -> list[tuple[str, str, str]]:
    """What must be dropped before and made again after: (kind, name, text), in the order to make them.

    The table's own indexes and triggers go with it; views and other tables' triggers that name it would be in the way.
    """
    name = table.name
    rows = list(
        connection.execute(
            f"SELECT upper(type), name, tbl_name, sql FROM {table.schema}.sqlite_schema"
            " WHERE sql IS NOT NULL AND type != 'table' ORDER BY rowid"
        )
    )
    touched = {name.lower()}
    found: list[tuple[str, str, str]] = []
    for kind, other, owner, sql in rows:
        own = str(owner).lower() == name.lower()
        if kind == "INDEX":
            if own:
                found.append((kind, other, sql))
            continue
        named = own or any(
            token.kind in (WORD, QUOTED) and written_name(sql, token).lower() in touched for token in tokenize(sql)
        )
        if named:
            found.append((kind, other, sql))
            if kind == "VIEW":
                touched.add(str(other).lower())
    return found


def has_sequences(connection: Connection, schema: str = "main") -> bool:
    """Is there a table that counts by itself, or was there one?"""
    return connection.execute(f"SELECT 1 FROM {schema}.sqlite_schema WHERE name = 'sqlite_sequence'").get is not None
