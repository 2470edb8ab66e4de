"""Declarations: PostgreSQL's CREATE TABLE, INDEX and VIEW, as SQLite keeps them. [pure]

What is stored in the file must be usable without us, so nothing here may leave a function of ours in a table's
definition where SQLite has a way to say it. Declared types stay as they are written: they are the only record of what a
column's values mean. The one exception is the key that counts by itself, which SQLite only knows as
``INTEGER PRIMARY KEY AUTOINCREMENT``.
"""

from __future__ import annotations

import re
from itertools import pairwise

from ha.errors import StatementError
from ha.sql import timeliterals
from ha.sql.domains import PREFIX
from ha.sql.folding import fold_element, fold_list, fold_name
from ha.sql.rewriting import Rewriting, elements
from ha.sql.tokens import NUMBER, QUOTED, STRING, WORD, literal, quoted, quoted_name, unquoted
from ha.sql.typenames import read_type

_SERIALS = frozenset("SERIAL BIGSERIAL SMALLSERIAL SERIAL2 SERIAL4 SERIAL8".split())
_TABLE_WORDS = frozenset("CONSTRAINT PRIMARY UNIQUE CHECK FOREIGN EXCLUDE LIKE".split())
#: What may follow a column's name when it has no type.
_AFTER_TYPE = frozenset("CONSTRAINT PRIMARY NOT NULL UNIQUE CHECK DEFAULT COLLATE REFERENCES GENERATED AS".split())
_NOW = frozenset("NOW TRANSACTION_TIMESTAMP STATEMENT_TIMESTAMP CLOCK_TIMESTAMP".split())
_UUIDS = frozenset("GEN_RANDOM_UUID UUID_GENERATE_V4".split())

#: What a plain sqlite3 can evaluate, for DEFAULT now() and DEFAULT gen_random_uuid().
NOW = "(rtrim(rtrim(strftime('%Y-%m-%d %H:%M:%f', 'now'), '0'), '.'))"
NOW_WITH_ZONE = "(rtrim(rtrim(strftime('%Y-%m-%d %H:%M:%f', 'now'), '0'), '.') || '+00:00')"
#: The same where it was written so: SQLite's own CURRENT_TIMESTAMP says no zone.
CURRENT_WITH_ZONE = f"{NOW_WITH_ZONE[:-1]} /* CURRENT_TIMESTAMP */)"
RANDOM_UUID = (
    "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || "
    "substr('89ab', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))"
)
#: What stands for no column, in tables and in results: SQLite's have one at least. A table's goes when another comes.
NO_COLUMN = "ha_nothing"
#: What SQLite needs to be told of a column of citext.
CITEXT_COLLATION = " COLLATE NOCASE"
#: What a comment behind INTEGER tells of a column that counts by itself: its width where it is not int4, and IDENTITY.
COUNTING = re.compile(r"INTEGER /\* (?:(bigint|smallint) )?(identity )?\*/")
#: What tells a constraint that was added to a table from an index: SQLite keeps both as an index.
UNIQUE_MARK, PRIMARY_MARK = "/* unique constraint */", "/* primary key */"
#: What tells a view that PostgreSQL would keep the rows of.
MATERIALIZED_MARK = "/* materialized */"
#: Casts that SQLite has itself, by PostgreSQL's name.
SQLITE_CASTS = {
    "int2": "INTEGER", "int4": "INTEGER", "int8": "INTEGER", "float4": "REAL", "float8": "REAL", "numeric": "NUMERIC",
    "text": "TEXT", "varchar": "TEXT", "bpchar": "TEXT", "name": "TEXT", "citext": "TEXT", "bytea": "BLOB",
}  # fmt: skip


def create(rewriting: Rewriting, index: int) -> None:
    """The CREATE at a statement's beginning."""
    if index != 0:
        return
    at, materialized = 1, False
    if rewriting.key(at) == "OR" and rewriting.key(at + 1) == "REPLACE":
        rewriting.drop(at, at + 1)
        at += 2
    if (
        rewriting.key(at) in ("GLOBAL", "LOCAL", "UNLOGGED", "RECURSIVE", "MATERIALIZED")
        and rewriting.key(at + 1) != "("
    ):
        if rewriting.key(at) == "RECURSIVE":
            raise rewriting.refuse(at, "CREATE RECURSIVE VIEW", "Write WITH RECURSIVE in the view.")
        materialized = rewriting.key(at) == "MATERIALIZED"
        rewriting.instead[at] = ""
        at += 1
    if rewriting.key(at) in ("TEMP", "TEMPORARY", "UNIQUE"):
        at += 1
    if rewriting.key(at) == "TABLE":
        _table(rewriting, at + 1)
    elif rewriting.key(at) == "INDEX":
        _index(rewriting, at + 1)
    elif rewriting.key(at) == "VIEW":
        _view(rewriting, at + 1, materialized)


def _after_name(rewriting: Rewriting, at: int) -> int:
    if rewriting.key(at) == "IF" and rewriting.key(at + 1) == "NOT":
        at += 3
    if not rewriting.sqlite_order:
        return fold_name(rewriting, at)
    while rewriting.key(at + 1) == ".":
        at += 2
    return at + 1


def _table(rewriting: Rewriting, at: int) -> None:
    at = _after_name(rewriting, at)
    if rewriting.key(at) == "PARTITION" or rewriting.key(at) == "OF":
        raise rewriting.refuse(at, "a partition of a table", "Use one table.")
    if rewriting.key(at) != "(" or at not in rewriting.partners:
        _options(rewriting, at)
        return
    close = rewriting.partners[at]
    listed = elements(rewriting, at)
    if not listed:
        rewriting.after(at, NO_COLUMN)
        return
    keys = _key_columns(rewriting, listed)
    _distinct_names(rewriting, at)
    for first, last in listed:
        if rewriting.key(first) in _TABLE_WORDS and rewriting.kind(first) == WORD:
            _table_constraint(rewriting, first, last)
            of_table = True
        else:
            _column(rewriting, first, last, keys)
            of_table = False
        if not rewriting.sqlite_order:
            fold_element(rewriting, first, last, of_table=of_table)
    if not rewriting.sqlite_order and rewriting.key(close + 1) != "WITHOUT":
        _key_without_nulls(rewriting, listed)
    _options(rewriting, close + 1)


def _key_without_nulls(rewriting: Rewriting, listed: list[tuple[int, int]]) -> None:
    """NOT NULL for the columns of the primary key: SQLite forgets it, where the key is not its own INTEGER PRIMARY KEY."""
    columns: dict[str, tuple[int, int]] = {}
    key: list[str] = []
    for first, last in listed:
        at = next(
            (at for at in range(first, last) if rewriting.key(at) == "PRIMARY" and rewriting.kind(at) == WORD), None
        )
        if rewriting.key(first) not in _TABLE_WORDS or rewriting.kind(first) != WORD:
            columns[_plain(rewriting, first)] = (first, last)
            if at is not None:
                key = [_plain(rewriting, first)]
        elif at is not None and at + 2 in rewriting.partners:
            opening = at + 2
            key = [_plain(rewriting, begin) for begin, _ in elements(rewriting, opening)]
    for name in key:
        first, last = columns.get(name, (0, -1))
        keys = [rewriting.key(at) for at in range(first + 1, last + 1)]
        counts = keys[:1] == ["INTEGER"] and len(key) == 1 or any(one in _SERIALS or one == "IDENTITY" for one in keys)
        if first <= last and not counts and ("NOT", "NULL") not in pairwise(keys):
            rewriting.last(last, " NOT NULL")


def _distinct_names(rewriting: Rewriting, opening: int) -> None:
    """Two constraints of a table cannot have one name; SQLite would not mind.

    :raises StatementError: 42710.
    """
    seen = set()
    for at in range(opening + 1, rewriting.partners[opening]):
        if (
            rewriting.key(at) != "CONSTRAINT"
            or rewriting.kind(at) != WORD
            or rewriting.kind(at + 1) not in (WORD, QUOTED)
        ):
            continue
        name = unquoted(rewriting.text, rewriting.tokens[at + 1])
        if name in seen and not name.startswith(PREFIX):  # two columns may be of one domain
            table = unquoted(rewriting.text, rewriting.tokens[opening - 1])
            raise StatementError(
                "42710", f'constraint "{name}" for relation "{table}" already exists', table=table, constraint=name
            )
        seen.add(name)


def _key_columns(rewriting: Rewriting, elements: list[tuple[int, int]]) -> dict[str, tuple[int, int] | None]:
    """The one column of a table constraint PRIMARY KEY (column), and the tokens of that constraint.

    In a table without a primary key the first column that counts by itself becomes it: nothing else can count in SQLite.
    """
    for first, last in elements:
        at = first + 2 if rewriting.key(first) == "CONSTRAINT" else first
        if rewriting.key(at) == "PRIMARY" and rewriting.key(at + 2) == "(" and rewriting.partners.get(at + 2) == at + 4:
            return {_plain(rewriting, at + 3): (first, last)}
    if any(rewriting.key(at) == "PRIMARY" for first, last in elements for at in range(first, last + 1)):
        return {}
    for first, last in elements:
        if rewriting.key(first + 1) in _SERIALS or any(
            rewriting.key(at) == "IDENTITY" for at in range(first + 2, last + 1)
        ):
            return {_plain(rewriting, first): None}
    return {}


def _plain(rewriting: Rewriting, at: int) -> str:
    return unquoted(rewriting.text, rewriting.tokens[at]).lower()


def _table_constraint(rewriting: Rewriting, first: int, last: int) -> None:
    word = rewriting.key(first + 2 if rewriting.key(first) == "CONSTRAINT" else first)
    if word == "EXCLUDE":
        raise rewriting.refuse(first, "EXCLUDE", "Use UNIQUE, or a trigger.")
    if word == "LIKE":
        raise rewriting.refuse(first, "CREATE TABLE … (LIKE …)", "Use CREATE TABLE … AS SELECT …, or name the columns.")
    _without_options(rewriting, first, last)


def _without_options(rewriting: Rewriting, first: int, last: int) -> None:
    """INCLUDE, NULLS NOT DISTINCT, USING INDEX TABLESPACE and the like, inside a column or constraint."""
    of_key = False
    for at in range(first, last + 1):
        if rewriting.key(at) in ("UNIQUE", "PRIMARY", "REFERENCES", "FOREIGN") and rewriting.kind(at) == WORD:
            of_key = rewriting.key(at) in ("UNIQUE", "PRIMARY")
        if of_key and rewriting.key(at) in ("DEFERRABLE", "INITIALLY"):  # SQLite looks at keys at once
            begin = at - (rewriting.key(at) == "DEFERRABLE" and rewriting.key(at - 1) == "NOT")
            rewriting.drop(begin, at + (rewriting.key(at) == "INITIALLY"))
        if rewriting.key(at) == "NULLS" and rewriting.key(at + 1) == "NOT" and rewriting.key(at + 2) == "DISTINCT":
            raise rewriting.refuse(at, "NULLS NOT DISTINCT", "Use a unique index on coalesce(…).")
        if rewriting.key(at) == "NULLS" and rewriting.key(at + 1) == "DISTINCT":
            rewriting.drop(at, at + 1)
        if rewriting.key(at) == "INCLUDE" and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
            rewriting.drop(at, rewriting.partners[at + 1])
        if rewriting.key(at) == "NOT" and rewriting.key(at + 1) == "VALID":
            rewriting.drop(at, at + 1)


def _column(rewriting: Rewriting, first: int, last: int, keys: dict[str, tuple[int, int] | None]) -> None:
    key = rewriting.key(first + 1)
    type_name, after = None, first + 1
    if key not in _AFTER_TYPE:
        type_name, after = read_type(rewriting.text, rewriting.tokens, first + 1)
    at = after if type_name is not None else first + 1
    named = first + 1 + 2 * (rewriting.key(first + 2) == ".")
    if type_name is not None and named > first + 1 and "." in type_name.name:
        plain = type_name.name.removeprefix("_")
        rewriting.instead[first + 1] = quoted_name(plain + "[]" * (plain != type_name.name))
        rewriting.drop(first + 2, after - 1)
    elif type_name is not None and rewriting.kind(named) == QUOTED and rewriting.key(named + 1) == "[":
        # SQLite would forget the brackets behind a quoted name.
        rewriting.instead[named] = quoted_name(unquoted(rewriting.text, rewriting.tokens[named]) + "[]")
        rewriting.drop(named + 1, after - 1)
    if key == "INTERVAL" and "TO" in [rewriting.key(one) for one in range(first + 2, after)]:
        # INTERVAL DAY TO SECOND: no word of SQLite's may stand in a type.
        end = next(one for one in range(first + 2, after) if rewriting.key(one) == "TO") + 1
        words = " ".join(rewriting.key(one) for one in range(first + 2, end + 1))
        rewriting.drop(first + 2, end)
        rewriting.instead[first + 2] = quoted_name(words.lower())
    counts = key in _SERIALS
    generated = _identity(rewriting, at, last)
    default = next((one for one in range(at, last + 1) if rewriting.key(one) == "DEFAULT"), None)
    if default is not None and rewriting.key(default + 1) == "NEXTVAL":
        # A dump's serial column: its key is added later, and with it the counting.
        rewriting.drop(default, rewriting.partners.get(default + 2, default + 2))
        rewriting.drop(first + 1, after - 1)
        rewriting.instead[first + 1] = "INTEGER"
        default = None
    elif counts or generated:
        name = type_name.name if type_name is not None else ""
        _counting(rewriting, first, after, last, keys, counting(name, generated))
    elif (
        key in ("TIMESTAMP", "TIME")
        and rewriting.key(first + 2) == "("
        and rewriting.key(first + 5) in ("WITH", "WITHOUT")
    ):
        if rewriting.key(first + 5) == "WITH":
            rewriting.instead[first + 1] = f"{key}TZ"
        rewriting.drop(first + 5, first + 7)
    elif type_name is not None and type_name.modifiers and rewriting.key(after - 1) in ("]", "ARRAY"):
        # varchar(20)[] and varchar(20) ARRAY: for SQLite the numbers come last.
        opening = next(one for one in range(first + 1, after) if rewriting.key(one) == "(")
        rewriting.drop(opening, rewriting.partners[opening])
        if rewriting.key(after - 1) == "ARRAY":
            rewriting.instead[after - 1] = "[]"
        rewriting.last(after - 1, f"({','.join(map(str, type_name.modifiers))})")
    elif type_name is not None and type_name.name == "citext":
        if not any(rewriting.key(one) == "COLLATE" for one in range(after, last + 1)):
            rewriting.last(after - 1, CITEXT_COLLATION)
    if default is not None:
        if type_name is not None and type_name.name in timeliterals.KNOWN and rewriting.kind(default + 1) == STRING:
            text = literal(rewriting.text, rewriting.tokens[default + 1]) or ""
            rewriting.instead[default + 1] = quoted(timeliterals.kept(text, type_name))
        _default(rewriting, default, last, (type_name.name if type_name else "") in ("timestamptz", "timetz"))
    _without_options(rewriting, at, last)


def _identity(rewriting: Rewriting, at: int, last: int) -> bool:
    """``GENERATED … AS IDENTITY [(…)]``: left out, and told."""
    for one in range(at, last + 1):
        if rewriting.key(one) != "GENERATED":
            continue
        end = one + 1
        while end <= last and rewriting.key(end) in ("ALWAYS", "BY", "DEFAULT", "AS"):
            end += 1
        if rewriting.key(end) == "IDENTITY":
            if rewriting.key(end + 1) == "(" and end + 1 in rewriting.partners:
                end = rewriting.partners[end + 1]
            rewriting.drop(one, end)
            return True
    return False


def counting(name: str, identity: bool) -> str:
    """INTEGER, the one word for a key that counts, with what the catalog shall show of it."""
    words = [
        word for word in ({"int8": "bigint", "int2": "smallint"}.get(name), "identity" if identity else None) if word
    ]
    return f"INTEGER /* {' '.join(words)} */" if words else "INTEGER"


def _counting(
    rewriting: Rewriting, first: int, after: int, last: int, keys: dict[str, tuple[int, int] | None], integer: str
) -> None:
    """SERIAL, IDENTITY: only the primary key can count by itself in SQLite."""
    rewriting.drop(first + 1, after - 1)
    rewriting.instead[first + 1] = integer
    for at in range(after, last + 1):
        if rewriting.key(at) == "PRIMARY" and rewriting.key(at + 1) == "KEY":
            rewriting.last(at + 1, " AUTOINCREMENT")
            return
    name = _plain(rewriting, first)
    if name not in keys:
        raise rewriting.refuse(
            first + 1,
            "a column that counts by itself beside another primary key",
            "Make it the PRIMARY KEY, or set its values with a trigger.",
        )
    constraint = keys[name]
    called = ""
    if constraint is not None and rewriting.key(constraint[0]) == "CONSTRAINT":
        token = rewriting.tokens[constraint[0] + 1]
        written = rewriting.text[token.start : token.end]
        called = f"CONSTRAINT {written if token.kind != WORD else written.lower()} "
    rewriting.instead[first + 1] = f"{integer} {called}PRIMARY KEY AUTOINCREMENT"
    if constraint is None:
        return
    rewriting.drop(*constraint)
    comma = constraint[0] - 1 if rewriting.key(constraint[0] - 1) == "," else constraint[1] + 1
    rewriting.instead[comma] = ""


def _default(rewriting: Rewriting, default: int, last: int, with_zone: bool) -> None:
    """DEFAULT expressions: SQLite wants a call in parentheses, and one that it knows."""
    at = default + 1
    word = rewriting.key(at)
    if word in _NOW | _UUIDS and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
        rewriting.drop(at, rewriting.partners[at + 1])
        rewriting.instead[at] = RANDOM_UUID if word in _UUIDS else NOW_WITH_ZONE if with_zone else NOW
        at = rewriting.partners[at + 1] + 1
        _drop_casts(rewriting, at, last)
        return
    if word == "CURRENT_TIMESTAMP" and with_zone:
        rewriting.instead[at] = CURRENT_WITH_ZONE
        return
    if word == "LOCALTIMESTAMP":
        rewriting.instead[at] = "CURRENT_TIMESTAMP"
        return
    if word in ("CURRENT_USER", "SESSION_USER", "USER"):
        raise rewriting.refuse(at, f"DEFAULT {word}", "Write the value when inserting.")
    if word == "ARRAY" and rewriting.key(at + 1) == "[":
        rewriting.before(at, "(")
        rewriting.last(rewriting.partners.get(at + 1, at + 1), ")")
        _drop_casts(rewriting, rewriting.partners.get(at + 1, at + 1) + 1, last)
        return
    if rewriting.kind(at) in (WORD, QUOTED) and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
        rewriting.before(at, "(")
        end = rewriting.partners[at + 1]
        rewriting.last(end, ")")
        _drop_casts(rewriting, end + 1, last)
        return
    if rewriting.kind(at) in (STRING, NUMBER) or word in ("NULL", "TRUE", "FALSE", "("):
        _drop_casts(rewriting, rewriting.partners.get(at, at) + 1, last)


def _drop_casts(rewriting: Rewriting, at: int, last: int) -> None:
    """``'x'::text``: the column's own type says it."""
    while at <= last and rewriting.key(at) == "::":
        _, after = read_type(rewriting.text, rewriting.tokens, at + 1)
        if after <= at + 1:
            return
        rewriting.drop(at, after - 1)
        at = after


def _options(rewriting: Rewriting, at: int) -> None:
    """What follows a table's columns: storage options have no meaning here."""
    while at < len(rewriting.tokens):
        key = rewriting.key(at)
        if key == "WITH" and rewriting.key(at + 1) == "(" and at + 1 in rewriting.partners:
            rewriting.drop(at, rewriting.partners[at + 1])
            at = rewriting.partners[at + 1]
        elif key in ("WITH", "WITHOUT") and rewriting.key(at + 1) in ("OIDS", "DATA"):
            rewriting.drop(at, at + 1)
            at += 1
        elif key == "WITH" and rewriting.key(at + 1) == "NO" and rewriting.key(at + 2) == "DATA":
            raise rewriting.refuse(at, "WITH NO DATA", "Add LIMIT 0 to the query.")
        elif key in ("TABLESPACE", "USING") and rewriting.kind(at + 1) in (WORD, QUOTED):
            rewriting.drop(at, at + 1)
            at += 1
        elif key == "ON" and rewriting.key(at + 1) == "COMMIT":
            end = at + 2 + (rewriting.key(at + 2) in ("PRESERVE", "DELETE"))
            rewriting.drop(at, end)
            at = end
        elif key in ("INHERITS", "PARTITION"):
            raise rewriting.refuse(at, f"{key} in CREATE TABLE", "Use one table.")
        elif key == "AS":
            tail = len(rewriting.tokens)
            for back in (2, 3):
                words = [rewriting.key(tail - back + one) for one in range(back)]
                if words == ["WITH", "DATA"]:
                    rewriting.drop(tail - 2, tail - 1)
                elif words == ["WITH", "NO", "DATA"] and tail - 3 not in rewriting.instead:
                    raise rewriting.refuse(tail - 3, "WITH NO DATA", "Add LIMIT 0 to the query.")
            return
        at += 1


def _index(rewriting: Rewriting, at: int) -> None:
    if rewriting.key(at) == "CONCURRENTLY":
        rewriting.instead[at] = ""
        at += 1
    on = next((one for one in range(at, min(at + 8, len(rewriting.tokens))) if rewriting.key(one) == "ON"), None)
    if on is None:
        return
    opening = on + 1
    while opening < len(rewriting.tokens) and rewriting.key(opening) != "(":
        opening += 1
    if opening not in rewriting.partners:
        return
    if on > at and not rewriting.sqlite_order:
        fold_name(rewriting, on - 1)
    using = next((one for one in range(on, opening) if rewriting.key(one) == "USING"), None)
    if using is not None:
        rewriting.drop(using, opening - 1)
    if rewriting.key(on + 1) == "ONLY":
        rewriting.instead[on + 1] = ""
    table = (using or opening) - 1
    if on == at:
        rewriting.before(on, f"{_index_name(rewriting, table, opening)} ")
    elif rewriting.key(table - 1) == ".":
        # The schema is said with the index's name in SQLite, and there is the one.
        rewriting.drop(on + 1, table - 1)
    for first, last in elements(rewriting, opening):
        _index_element(rewriting, first, last)
    _index_options(rewriting, rewriting.partners[opening] + 1)


def _index_name(rewriting: Rewriting, table: int, opening: int) -> str:
    """What PostgreSQL would call it: ``t_a_b_idx``."""
    names = [_plain(rewriting, table)]
    for first, _ in elements(rewriting, opening):
        names.append(_plain(rewriting, first) if rewriting.kind(first) in (WORD, QUOTED) else "expr")
    return '"' + "_".join([*names, "idx"]).replace('"', '""')[:63] + '"'


def _index_element(rewriting: Rewriting, first: int, last: int) -> None:
    """An opclass, and where NULLs go, have no place in SQLite's index."""
    at = last
    if rewriting.key(at - 1) == "NULLS" and rewriting.key(at) in ("FIRST", "LAST"):
        rewriting.drop(at - 1, at)
        at -= 2
    if rewriting.key(at) in ("ASC", "DESC"):
        at -= 1
    if at > first and rewriting.kind(at) == WORD and rewriting.key(at).endswith("_OPS"):
        rewriting.instead[at] = ""
        if rewriting.key(at - 1) == ".":
            rewriting.drop(at - 2, at)


def _index_options(rewriting: Rewriting, at: int) -> None:
    while at < len(rewriting.tokens) and rewriting.key(at) != "WHERE":
        key = rewriting.key(at)
        if key in ("INCLUDE", "WITH") and at + 1 in rewriting.partners:
            rewriting.drop(at, rewriting.partners[at + 1])
            at = rewriting.partners[at + 1]
        elif key == "TABLESPACE":
            rewriting.drop(at, at + 1)
            at += 1
        elif key == "NULLS":
            if rewriting.key(at + 1) == "NOT":
                raise rewriting.refuse(at, "NULLS NOT DISTINCT", "Use a unique index on coalesce(…).")
            rewriting.drop(at, at + 1)
            at += 1
        at += 1


def _view(rewriting: Rewriting, at: int, materialized: bool) -> None:
    at = _after_name(rewriting, at)
    if materialized:
        rewriting.before(at, f"{MATERIALIZED_MARK} ")
        tail = len(rewriting.tokens) - 3
        if [rewriting.key(tail + one) for one in range(3)] == ["WITH", "NO", "DATA"]:
            rewriting.drop(tail, tail + 2)  # it has the newest data at any time
    if rewriting.key(at) == "(" and at in rewriting.partners:
        if not rewriting.sqlite_order:
            fold_list(rewriting, at)
        at = rewriting.partners[at] + 1
    _options(rewriting, at)
    tail = len(rewriting.tokens)
    words = [rewriting.key(tail - 4 + one) for one in range(4)]
    if words[2:] == ["CHECK", "OPTION"]:
        first = tail - (4 if words[1] in ("LOCAL", "CASCADED") else 3)
        rewriting.drop(first, tail - 1)
