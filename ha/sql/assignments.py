"""What INSERT and UPDATE put into columns, fitted to the columns' types. [pure]

SQLite keeps any value in any column. PostgreSQL casts what is assigned: it cuts a numeric to its scale, refuses a text that is
longer than the column, a number that the type does not hold, a text that is no date. So the expression is given to a
function that does the same, where its words do not show that it fits already. Nothing is put into the schema: other
programs, the other door and what the log brings are not asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from ha.errors import StatementError
from ha.sql import literals
from ha.sql.made import call, enumeration, invalid, is_made
from ha.sql.merge import read
from ha.sql.rewriting import AFTER_FROM, Rewriting, elements
from ha.sql.tokens import (
    COMPOUNDS,
    NAMES,
    NUMBER,
    PARAMETER,
    TEXTS,
    WORD,
    literal,
    quoted,
    quoted_name,
    unquoted,
)
from ha.sql.typed import Types
from ha.sql.typenames import TypeName, declared_type, interval_arguments

#: By type: the function that makes a value fit, with the modifiers as further arguments.
FITTING = {
    **literals.CASTS,
    "numeric": "pg_fit_numeric", "varchar": "pg_fit_varchar", "bpchar": "pg_fit_bpchar", "json": "pg_fit_json", "jsonb": "pg_fit_jsonb",
}  # fmt: skip
#: INTEGER has SQLite's width here, but is called by its own name.
_INTEGERS = frozenset(("INT", "INTEGER"))
_INTS = frozenset(literals.BITS)
#: Types whose columns take any text, or where a text of theirs is as good as their value.
_TEXTUAL = frozenset(("varchar", "bpchar"))


def function_of(column: TypeName) -> str | None:
    """The call that makes a value fit a column, up to the value; None where every value does."""
    name = column.name
    if is_made(name):
        return call(name)[0][:-1]
    if name == "int8" and column.written in _INTEGERS:
        return "pg_integer"
    if name in _TEXTUAL and not column.modifiers and not (name == "bpchar" and column.written != "BPCHAR"):
        return None
    return FITTING.get(name)


def more_arguments(column: TypeName) -> str:
    """The rest of the call, after the value."""
    if is_made(column.name):
        return call(column.name)[1][:-1]
    if column.name == "interval":
        return interval_arguments(column)
    if column.name in ("numeric", "varchar", "bpchar", "timestamp", "timestamptz", "time", "timetz"):
        return "".join(f", {modifier}" for modifier in column.modifiers)
    return ""


def fitting_mark(words: str | None) -> str:
    """The parameter for a column declared in these words, whose values are of its type: only a size or a label may not be its."""
    column = declared_type(words) if words else None
    function = function_of(column) if column is not None else None
    if column is None or function is None:
        return "?"
    if not (column.modifiers or column.fields or column.name in ("bpchar", "jsonb") or is_made(column.name)):
        return "?"
    return f"{function}(?{more_arguments(column)})"


def fit(rewriting: Rewriting, types: Types) -> None:
    """Make fit what the statement assigns."""
    tokens = rewriting.tokens
    at = 0
    while at < len(tokens):
        key = tokens[at].key
        if key in ("INSERT", "REPLACE") and rewriting.key(at - 1) != "(" and tokens[at].kind == WORD:
            _insert(rewriting, types, at)
        elif key == "UPDATE" and tokens[at].kind == WORD and rewriting.verb == "UPDATE":
            _update(rewriting, types, at)
        elif key == "MERGE" and tokens[at].kind == WORD and rewriting.verb == "MERGE":
            _merge(rewriting, types, at)
        else:
            at = rewriting.partners[at] + 1 if rewriting.partners.get(at, -1) > at else at + 1
            continue
        return


def _target(rewriting: Rewriting, at: int) -> tuple[str, int] | None:
    """The table whose name begins at `at`, and the token after it and its alias."""
    if rewriting.kind(at) not in NAMES:
        return None
    while rewriting.key(at + 1) == "." and rewriting.kind(at + 2) in NAMES:
        at += 2
    return unquoted(rewriting.text, rewriting.tokens[at]), at + 1


# UPDATE


def _update(rewriting: Rewriting, types: Types, at: int) -> None:
    at += 1
    if rewriting.key(at) == "OR":
        at += 2
    at += rewriting.key(at) == "ONLY"
    target = _target(rewriting, at)
    if target is None:
        return
    table, at = target
    while at < len(rewriting.tokens) and rewriting.key(at) != "SET":
        at += 1
    _set(rewriting, types, table, at + 1)


def _set(rewriting: Rewriting, types: Types, table: str, at: int) -> None:
    """``SET a = x, (b, c) = (y, z)``, from the token after SET."""
    stop = AFTER_FROM | {",", "FROM", "WHEN"}
    while at < len(rewriting.tokens):
        end = rewriting.clause_end(at, stop)
        if rewriting.key(at) == "(" and at in rewriting.partners:
            _set_several(rewriting, types, table, at)
        else:
            equals = at
            while rewriting.key(equals + 1) == "." and rewriting.kind(equals + 2) in NAMES:
                equals += 2
            equals += 1
            if rewriting.key(equals) == "[":
                raise rewriting.refuse(equals, "assignment to an array's element", "Write the whole array.")
            if rewriting.key(equals) == "=" and rewriting.kind(equals - 1) in NAMES:
                name = unquoted(rewriting.text, rewriting.tokens[equals - 1])
                if rewriting.key(end - 1) == "DEFAULT" and end == equals + 2:
                    rewriting.instead[equals + 1] = f"({types.schema.default(table, name) or 'NULL'})"
                else:
                    _fit(rewriting, types, table, name, equals + 1, end - 1)
        if rewriting.key(end) != ",":
            return
        at = end + 1


def _set_several(rewriting: Rewriting, types: Types, table: str, at: int) -> None:
    """``(a, b) = (x, y)``; what a subquery gives is left as it is."""
    equals = rewriting.partners[at] + 1
    opening = equals + 1 + (rewriting.key(equals + 1) == "ROW")
    if rewriting.key(equals) != "=" or rewriting.key(opening) != "(" or opening not in rewriting.partners:
        return
    if rewriting.key(opening + 1) in ("SELECT", "WITH", "VALUES"):
        return
    names, values = elements(rewriting, at), elements(rewriting, opening)
    for (first, _), (start, last) in zip(names, values, strict=False):
        name = unquoted(rewriting.text, rewriting.tokens[first])
        if rewriting.key(start) == "DEFAULT" and start == last:
            rewriting.instead[start] = f"({types.schema.default(table, name) or 'NULL'})"
        else:
            _fit(rewriting, types, table, name, start, last)


# INSERT


def _insert(rewriting: Rewriting, types: Types, at: int) -> None:
    while at < len(rewriting.tokens) and rewriting.key(at) != "INTO":
        at += 1
    target = _target(rewriting, at + 1)
    if target is None:
        return
    table, at = target
    if rewriting.key(at) == "AS":
        at += 2
    names: Sequence[str] = types.schema.columns(table) or ()
    listed = at if rewriting.key(at) == "(" and rewriting.key(at + 1) not in ("SELECT", "WITH", "VALUES") else None
    if listed is not None and listed in rewriting.partners:
        names = [
            unquoted(rewriting.text, rewriting.tokens[first])
            for first, _ in elements(rewriting, listed)
            if rewriting.kind(first) in NAMES
        ]
        at = rewriting.partners[listed] + 1
    elif not names:
        return
    if rewriting.key(at) == "OVERRIDING":
        at += 3
    if rewriting.key(at) == "VALUES":
        end = _values(rewriting, types, table, names, at, listed)
    elif rewriting.key(at) in ("SELECT", "WITH", "(", "TABLE"):
        end = _select(rewriting, types, table, names, at, listed)
    else:
        end = at
    _on_conflict(rewriting, types, table, end)


def _values(rewriting: Rewriting, types: Types, table: str, names: Sequence[str], at: int, listed: int | None) -> int:
    """``VALUES (…), (…)``: the token after it."""
    at += 1
    fewest = len(names)
    while rewriting.key(at) == "(" and at in rewriting.partners:
        row = elements(rewriting, at)
        if len(row) > len(names):
            place = rewriting.tokens[row[len(names)][0]].start + 1
            raise StatementError("42601", "INSERT has more expressions than target columns", position=place)
        if listed is not None and len(row) < len(names):
            place = rewriting.tokens[elements(rewriting, listed)[len(row)][0]].start + 1
            raise StatementError("42601", "INSERT has more target columns than expressions", position=place)
        fewest = min(fewest, len(row))
        for (first, last), name in zip(row, names, strict=False):
            if rewriting.key(first) == "DEFAULT" and first == last:
                if first not in rewriting.instead:
                    rewriting.instead[first] = f"({types.schema.default(table, name) or 'NULL'})"
            elif rewriting.instead.get(first) != "":
                _fit(rewriting, types, table, name, first, last)
        at = rewriting.partners[at] + 1
        if rewriting.key(at) != ",":
            break
        at += 1
    if listed is None and 0 < fewest < len(names):
        _name_columns(rewriting, names[:fewest])
    return at


def _name_columns(rewriting: Rewriting, names: Sequence[str]) -> None:
    """Columns behind those that values are given for get their defaults."""
    at = next(at for at in range(len(rewriting.tokens)) if rewriting.key(at) in ("VALUES", "SELECT", "WITH") and at > 1)
    if rewriting.key(at - 1) == "(":
        return
    rewriting.before(at, f"({', '.join(map(quoted_name, names))}) ")


def _select(rewriting: Rewriting, types: Types, table: str, names: Sequence[str], at: int, listed: int | None) -> int:
    """``SELECT …``: its items are made to fit where they stand, or, where they cannot be told apart, what it gives."""
    end = at
    while end < len(rewriting.tokens) and not (rewriting.key(end) == "ON" and rewriting.key(end + 1) == "CONFLICT"):
        if rewriting.key(end) in ("RETURNING", ";"):
            break
        partner = rewriting.partners.get(end, -1)
        end = partner + 1 if partner > end else end + 1
    items = types.reading.items_between(at, end)
    if not items:
        return end
    star = any(item.star for item in items)
    if not star and len(items) < len(names):
        names = names[: len(items)]
        if listed is None:
            _name_columns(rewriting, names)
    if rewriting.key(at) == "SELECT" and not star and rewriting.clause_end(at + 1, COMPOUNDS) >= end:
        for item, name in zip(items, names, strict=False):
            _fit(rewriting, types, table, name, item.first, item.last - 1)
        return end
    columns = [types.column(table, name) for name in names]
    functions = [function_of(column) if column is not None else None for column in columns]
    if not any(functions) or len(set(names)) < len(names):
        return end
    marks = [f"ha_{number}" for number in range(len(names))]
    fitted = [
        f"{function}({mark}{more_arguments(column)})" if function and column else mark
        for mark, function, column in zip(marks, functions, columns, strict=True)
    ]
    rewriting.first(at, f"SELECT {', '.join(fitted)} FROM (WITH ha_given({', '.join(marks)}) AS (")
    rewriting.last(end - 1, ") SELECT * FROM ha_given)" + ("" if rewriting.closed else " WHERE true"))
    rewriting.closed = True
    return end


def _on_conflict(rewriting: Rewriting, types: Types, table: str, at: int) -> None:
    """``ON CONFLICT … DO UPDATE SET``."""
    while at < len(rewriting.tokens):
        if rewriting.key(at) == "SET" and rewriting.key(at - 1) == "UPDATE" and rewriting.key(at - 2) == "DO":
            _set(rewriting, types, table, at + 1)
        partner = rewriting.partners.get(at, -1)
        at = partner + 1 if partner > at else at + 1


# MERGE


def _merge(rewriting: Rewriting, types: Types, at: int) -> None:
    merging = read(rewriting, at)
    for when in merging.whens:
        if when.action == "UPDATE":
            _set(rewriting, types, merging.table, when.at + 2)
        elif when.action == "INSERT":
            names = when.names or types.schema.columns(merging.table) or ()
            for (first, last), name in zip(when.values, names, strict=False):
                if rewriting.key(first) == "DEFAULT" and first == last:
                    rewriting.instead[first] = f"({types.schema.default(merging.table, name) or 'NULL'})"
                else:
                    _fit(rewriting, types, merging.table, name, first, last)


# One value


def _fit(rewriting: Rewriting, types: Types, table: str, name: str, first: int, last: int) -> None:
    """Make the expression from token `first` to `last` fit a column."""
    column = types.column(table, name)
    function = function_of(column) if column is not None else None
    if column is None or function is None or last < first:
        return
    if first == last and _single(rewriting, column, first):
        return
    if first + 1 == last and rewriting.key(first) == "-" and rewriting.kind(last) == NUMBER:
        if column.name in _INTS and literals.holds("-" + rewriting.key(last), column.name):
            return
    elif column.name == "int8" and types.of(first, last) in _INTS:
        return
    elif _same(rewriting, types, table, column, first, last):
        return
    elif is_made(column.name) and types.of(first, last) == column.name:
        return
    rewriting.first(first, f"{function}(")
    rewriting.last(last, f"{more_arguments(column)})")


def _single(rewriting: Rewriting, column: TypeName, at: int) -> bool:
    """Is the one token at `at` fitting, or has it been made so?"""
    kind, key = rewriting.kind(at), rewriting.key(at)
    name = column.name
    if key in ("NULL", "DEFAULT") and kind == WORD:
        return True
    if key in ("TRUE", "FALSE") and kind == WORD:
        return name == "bool"
    if rewriting.said_before(at).startswith(("pg_enum(", "pg_composite(")):
        return True  # beside the column it was told already
    if kind == PARAMETER:
        # Its text or binary was read as the type that was announced, the column's own.
        return name in ("int8", "float4", "float8", "bytea")
    if kind == NUMBER:
        return _number(rewriting, column, at, key)
    if kind not in TEXTS:
        return False
    value = literal(rewriting.text, rewriting.tokens[at])
    assert value is not None
    if name in _TEXTUAL:
        return len(value) <= (column.modifiers[0] if column.modifiers else 1) and not (
            name == "bpchar" and value[-1:] == " "
        )
    if (one := enumeration(name)) is not None:
        if value not in one.labels:
            raise invalid(one, value, rewriting.tokens[at].start + 1)
        return True
    if name in literals.CASTS and not column.modifiers:
        if rewriting.said_before(at) == f"{literals.CASTS[name]}(":
            return True
        plain = literals.written(value, name)
        if plain is not None:
            rewriting.instead[at] = plain
            return True
        return name in literals.KEPT and literals.KEPT[name].fullmatch(value) is not None
    return False


def _number(rewriting: Rewriting, column: TypeName, at: int, key: str) -> bool:
    name = column.name
    if name in _INTS:
        return literals.holds(key, name)
    if name in ("float4", "float8"):
        return True
    if name == "bool":
        return key in ("0", "1")
    if name == "numeric":
        whole, _, fraction = key.partition(".")
        if (whole + fraction).isdecimal() and len(whole + fraction) <= 15:
            if not column.modifiers:
                return True
            precision, scale = (*column.modifiers, 0)[:2]
            return len(whole.lstrip("0")) <= precision - scale and len(fraction) <= scale
        # As a text it keeps all its digits up to the function.
        rewriting.instead[at] = quoted(key.replace("_", ""))
    return False


def _same(rewriting: Rewriting, types: Types, table: str, column: TypeName, first: int, last: int) -> bool:
    """Is it a column of the same table and type, whose values fit already?"""
    if any(rewriting.key(at) != "." and rewriting.kind(at) not in NAMES for at in range(first, last + 1)):
        return False
    if last > first and unquoted(rewriting.text, rewriting.tokens[first]).lower() not in (table.lower(), "excluded"):
        return False
    return types.column(table, unquoted(rewriting.text, rewriting.tokens[last])) == column
