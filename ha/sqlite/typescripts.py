"""CREATE TYPE, ALTER TYPE and DROP TYPE: which texts SQLite is given for them.

What keeps a type is :mod:`ha.sqlite.typeviews`. Rows hold labels, so a label that gets another name is changed in them, and a
type that does is declared anew where columns and fields are of it.

A label that looks like a number is refused: in a column of such a declaration SQLite would make one of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from ha.errors import Notice, StatementError, depended_on, pass_over
from ha.sql import made
from ha.sql.kinds import Alteration, AlterEnum, AlterTable, CreateComposite, CreateDomain, CreateEnum, DropType
from ha.sql.made import Composite, Domain, Enumeration
from ha.sql.namespaces import beside, own_name, parted
from ha.sql.statements import split
from ha.sql.tokens import quoted, quoted_name, tokenize
from ha.sql.typenames import KNOWN, OTHERS, declared_type
from ha.sqlite import schemas
from ha.sqlite.connection import Connection
from ha.sqlite.rebuild import alter
from ha.sqlite.typeviews import Made, Use, drop, kept, named_in, texts, uses

#: What SQLite would keep as a number where no word of the declaration says text.
_NUMERIC: Final = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*", re.ASCII | re.IGNORECASE)


def steps(
    connection: Connection,
    argument: CreateEnum | CreateComposite | CreateDomain | AlterEnum | DropType,
    notices: list[Notice],
) -> list[str]:
    """The texts of one statement about types.

    :raises StatementError: 42704, there is no such type; 42710, there is one; 2BP01, columns are of it; 22023, no such label; 3F000.
    """
    types = kept(connection)
    if isinstance(argument, CreateEnum):
        return _create(connection, types, argument)
    if isinstance(argument, CreateComposite):
        return _create_composite(connection, types, argument)
    if isinstance(argument, CreateDomain):
        return _create_domain(connection, types, argument)
    if isinstance(argument, DropType):
        return _drop(connection, types, argument, notices)
    one = types.get(argument.name)
    if one is None:
        raise absent(argument.name)
    if isinstance(one, Domain):
        raise StatementError("42809", f"{argument.name} is not an enum", hint="Use ALTER DOMAIN.")
    if argument.action == "rename to":
        return _rename(connection, types, one, argument.new)
    if not isinstance(one, Enumeration):
        raise StatementError("42809", f"{argument.name} is not an enum", hint="Use ALTER DOMAIN.")
    if argument.action == "add value":
        return _add(one, argument, notices)
    return _rename_label(connection, one, argument)


def absent(name: str) -> StatementError:
    """The error for a type that is not there."""
    return StatementError("42704", f'type "{name}" does not exist')


def _create(connection: Connection, types: Mapping[str, Made], argument: CreateEnum) -> list[str]:
    check_name(connection, types, argument.name)
    if len(argument.labels) > made.LABELS_MAX:
        raise StatementError("54000", f"an enumeration has at most {made.LABELS_MAX} labels")
    for at, label in enumerate(argument.labels):
        _check_label(label)
        if label in argument.labels[:at]:
            raise StatementError(
                "23505", f'enum label "{label}" already exists', detail="Labels differ from each other."
            )
    return texts(Enumeration(argument.name, argument.labels))


def _create_composite(connection: Connection, types: Mapping[str, Made], argument: CreateComposite) -> list[str]:
    check_name(connection, types, argument.name)
    with connection.guard.trusted():
        if connection.has(argument.name):
            raise StatementError("42P07", f'relation "{own_name(argument.name)}" already exists')
    if len(argument.fields) > made.FIELDS_MAX:
        raise StatementError("54011", f"a composite type has at most {made.FIELDS_MAX} fields")
    seen: set[str] = set()
    for field, words in argument.fields:
        if field in seen:
            raise StatementError("42701", f'column "{field}" specified more than once')
        seen.add(field)
        name, _ = named_in(words)
        if declared_type(words) is None and name not in types:
            raise absent(name)
        if isinstance(types.get(name), Domain):
            raise StatementError("0A000", "a field of a domain is not supported", hint="Use the domain's type.")
    return texts(Composite(argument.name, argument.fields))


def _create_domain(connection: Connection, types: Mapping[str, Made], argument: CreateDomain) -> list[str]:
    check_name(connection, types, argument.name)
    name, _ = named_in(argument.words)
    if declared_type(argument.words) is None:
        if name not in types:
            raise absent(name)
        raise StatementError("0A000", "a domain over a type that was made is not supported")
    checks: list[tuple[str, str]] = []
    own = own_name(argument.name)
    for called, condition in argument.checks:
        taken = [one for one, _ in checks]
        if called in taken:
            raise StatementError("42710", f'constraint "{called}" for domain "{own}" already exists')
        checks.append((called or unused_name(f"{own}_check", taken), in_sqlites_words(condition)))
    default = None if argument.default is None else in_sqlites_words(argument.default)
    return texts(Domain(argument.name, argument.words, argument.not_null, default, tuple(checks)))


def unused_name(wanted: str, taken: Collection[str]) -> str:
    """As PostgreSQL names what a client did not: with the first number that makes it another's name no more."""
    numbered = (f"{wanted}{number or ''}" for number in range(len(taken) + 1))
    return next(name for name in numbered if name not in taken)


def in_sqlites_words(expression: str) -> str:
    """An expression as a table of the file can have it.

    :raises StatementError: 0A000, it has a subquery, or cannot be said so.
    """
    if any(token.key == "SELECT" for token in tokenize(expression)):
        raise StatementError("0A000", "cannot use subquery in check constraint")
    (statement,) = split(f"CREATE VIEW v AS SELECT ({expression})")
    _, _, said = statement.sql.partition("(")
    return said[: said.rindex(")")]


def check_name(connection: Connection, types: Mapping[str, Made], name: str) -> None:
    """May a type be called so?

    :raises StatementError: 42710, 3F000, 0A000.
    """
    schema, _ = parted(name)
    if schema is not None:
        schemas.require(connection, schema)
    low = name.lower()
    if low in {one.lower() for one in types} or name in KNOWN or name in OTHERS:
        raise StatementError("42710", f'type "{name}" already exists')
    if made.number_of(name) in {made.number_of(one) for one in types}:
        raise StatementError(
            "0A000", f'type "{name}" cannot be told from another by its number', hint="Choose another name."
        )


def _check_label(label: str) -> None:
    if len(label.encode()) > made.LABEL_BYTES_MAX:
        raise StatementError(
            "42602", f'invalid enum label "{label}"', detail=f"Labels must be {made.LABEL_BYTES_MAX} bytes or less."
        )
    if _NUMERIC.fullmatch(label):
        raise StatementError(
            "0A000", f'enum label "{label}" looks like a number', hint="SQLite would not keep it as it is written."
        )


def _add(one: Enumeration, argument: AlterEnum, notices: list[Notice]) -> list[str]:
    labels = list(one.labels)
    if argument.label in labels:
        there = StatementError("42710", f'enum label "{argument.label}" already exists')
        pass_over(there, notices, allowed=argument.if_not_exists, told="42710")
        return []
    _check_label(argument.label)
    if len(labels) >= made.LABELS_MAX:
        raise StatementError("54000", f"an enumeration has at most {made.LABELS_MAX} labels")
    at = len(labels)
    if argument.beside is not None:
        at = _place(one, argument.beside) + (not argument.before)
    labels.insert(at, argument.label)
    return texts(one._replace(labels=tuple(labels)), instead=one.name)


def _place(one: Enumeration, label: str) -> int:
    if label not in one.labels:
        raise StatementError("22023", f'"{label}" is not an existing enum label')
    return one.labels.index(label)


def _rename_label(connection: Connection, one: Enumeration, argument: AlterEnum) -> list[str]:
    """PostgreSQL's rows hold a label's number; ours hold itself."""
    old, new = argument.label, argument.new
    at = _place(one, old)
    if new in one.labels:
        raise StatementError("42710", f'enum label "{new}" already exists')
    _check_label(new)
    made_ = texts(one._replace(labels=(*one.labels[:at], new, *one.labels[at + 1 :])), instead=one.name)
    for use in uses(connection, one.name):
        table, column = quoted_name(use.table), quoted_name(use.column)
        value = f"array_replace({column}, {quoted(old)}, {quoted(new)})" if use.array else quoted(new)
        condition = f"{column} IS NOT NULL" if use.array else f"{column} = {quoted(old)}"
        if use.default is not None and use.default.strip("() ") == quoted(old):
            action = Alteration("set default", use.column, f"DEFAULT {quoted(new)}")
            made_ += alter(connection, AlterTable(use.table, (action,)))
        made_.append(f"UPDATE {table} SET {column} = {value} WHERE {condition}")
    return made_


def _rename(connection: Connection, types: Mapping[str, Made], one: Made, new: str) -> list[str]:
    new = beside(one.name, new)
    check_name(connection, {name: other for name, other in types.items() if name != one.name}, new)
    used = uses(connection, one.name)
    made_ = texts(one._replace(name=new), instead=one.name)
    for other in holders(types, one.name):
        fields = tuple((field, _renamed(kind, one.name, new)) for field, kind in other.fields)
        made_ += texts(other._replace(fields=fields), instead=other.name)
    return made_ + _altered(
        connection, used, lambda use: Alteration("type", use.column, quoted_name(new + "[]" * use.array))
    )


def holders(types: Mapping[str, Made], name: str) -> list[Composite]:
    """The composite types with fields of a type."""
    return [
        one
        for one in types.values()
        if isinstance(one, Composite) and any(named_in(kind)[0] == name for _, kind in one.fields)
    ]


def _renamed(words: str, old: str, new: str) -> str:
    name, array = named_in(words)
    return words if name != old else quoted_name(new) + "[]" * array


def _altered(connection: Connection, used: Iterable[Use], action: Callable[[Use], Alteration]) -> list[str]:
    """An ALTER TABLE for each table with columns of the type, with an action for each of these."""
    actions: dict[str, list[Alteration]] = {}
    for use in used:
        actions.setdefault(use.table, []).append(action(use))
    return [text for table, own in actions.items() for text in alter(connection, AlterTable(table, tuple(own)))]


def _drop(connection: Connection, types: Mapping[str, Made], argument: DropType, notices: list[Notice]) -> list[str]:
    made_ = []
    for name in argument.names:
        if name not in types or isinstance(types[name], Domain) != argument.domain:
            if name in types and argument.domain:
                raise StatementError("42809", f'"{name}" is not a domain')
            pass_over(absent(name), notices, allowed=argument.if_exists)
            continue
        used = uses(connection, name)
        within = [one.name for one in holders(types, name) if one.name not in argument.names]
        if within and argument.cascade:
            raise StatementError(
                "0A000", f"dropping a field of {within[0]} is not supported", hint=f"Drop type {within[0]} first."
            )
        if (used or within) and not argument.cascade:
            lines = [f"column {use.column} of table {use.table} depends on type {name}" for use in used]
            lines += [f"type {holder} depends on type {name}" for holder in within]
            raise depended_on(f"type {name}", "\n".join(lines))
        for use in used:
            notices.append(Notice("NOTICE", "00000", f"drop cascades to column {use.column} of table {use.table}"))
        made_ += _altered(connection, used, lambda use: Alteration("drop column", use.column))
        made_.append(drop(name))
    return made_
