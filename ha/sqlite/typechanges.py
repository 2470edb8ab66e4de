"""ALTER DOMAIN, and ALTER TYPE … ATTRIBUTE: which texts SQLite is given for them.

The tables hold a domain's conditions as their own (:mod:`ha.sql.domains`), so they are made anew with others; and values of composite
types tell their fields by name, so they are told again.
"""

from __future__ import annotations

from ha.errors import Notice, StatementError, pass_over
from ha.sql import made
from ha.sql.domains import of_value, retold
from ha.sql.kinds import Alteration, AlterComposite, AlterDomain, AlterTable, Attribute
from ha.sql.made import Composite, Domain
from ha.sql.namespaces import beside, own_name
from ha.sql.tabletext import taken_apart
from ha.sql.tokens import quoted, quoted_name
from ha.sqlite import schemas
from ha.sqlite.connection import Connection
from ha.sqlite.rebuild import alter
from ha.sqlite.typescripts import absent, check_name, holders, in_sqlites_words, unused_name
from ha.sqlite.typeviews import kept, texts, uses, whole


def alter_domain(connection: Connection, argument: AlterDomain, notices: list[Notice]) -> list[str]:
    """The texts of an ALTER DOMAIN.

    :raises StatementError: 42704, 42710, 42809; 23502, 23514, a row breaks it; 0A000, a table was altered past recognition.
    """
    old = kept(connection).get(argument.name)
    if old is None:
        raise absent(argument.name)
    if not isinstance(old, Domain):
        raise StatementError("42809", f'"{own_name(argument.name)}" is not a domain')
    new = _changed(connection, old, argument, notices)
    if new == old:
        return []
    made_ = texts(new, instead=old.name)
    actions: dict[str, list[Alteration]] = {}
    for use in uses(connection, old.name):
        with connection.guard.trusted():
            called = schemas.table_called(connection, use.table)
        assert called is not None
        element = taken_apart(called[0], called[1]).element(use.column)
        words = retold(element.words, use.column, old, new)
        if words is None:
            raise StatementError(
                "0A000",
                f'column "{use.column}" of table "{use.table}" was altered, and its domain cannot be',
                hint="Give the column the domain's type first.",
            )
        _check_rows(connection, use.table, use.column, old, new, valid=argument.valid)
        actions.setdefault(use.table, []).append(Alteration("retold", use.column, words))
    return made_ + [text for table, own in actions.items() for text in alter(connection, AlterTable(table, tuple(own)))]


def _changed(connection: Connection, old: Domain, argument: AlterDomain, notices: list[Notice]) -> Domain:
    own, part = own_name(old.name), argument.part
    known = [name for name, _ in old.checks]
    if argument.action == "set default":
        return old._replace(default=in_sqlites_words(argument.text))
    if argument.action == "drop default":
        return old._replace(default=None)
    if argument.action in ("set not null", "drop not null"):
        return old._replace(not_null=argument.action == "set not null")
    if argument.action == "rename to":
        new = beside(old.name, argument.text)
        check_name(connection, {name: one for name, one in kept(connection).items() if name != old.name}, new)
        return old._replace(name=new)
    if argument.action == "add constraint":
        if part in known:
            raise StatementError("42710", f'constraint "{part}" for domain "{own}" already exists')
        name = part or unused_name(f"{own}_check", known)
        return old._replace(checks=(*old.checks, (name, in_sqlites_words(argument.text))))
    if part not in known:
        missing = StatementError("42704", f'constraint "{part}" of domain "{own}" does not exist')
        pass_over(missing, notices, allowed=argument.if_exists)
        return old
    if argument.action == "drop constraint":
        return old._replace(checks=tuple(one for one in old.checks if one[0] != part))
    if argument.action == "rename constraint":
        if argument.text in known:
            raise StatementError("42710", f'constraint "{argument.text}" for domain "{own}" already exists')
        return old._replace(
            checks=tuple((argument.text if name == part else name, condition) for name, condition in old.checks)
        )
    return old  # VALIDATE: every row was looked at


def _check_rows(connection: Connection, table: str, column: str, old: Domain, new: Domain, *, valid: bool) -> None:
    """
    :raises StatementError: 23502, 23514, a row that is there breaks what is new; NOT VALID ones, too, are held to it.
    """
    conditions = [condition for name, condition in new.checks if (name, condition) not in old.checks]
    name, shown = quoted_name(column), quoted_name(table)
    with connection.guard.trusted():
        if new.not_null and not old.not_null:
            if connection.execute(f"SELECT 1 FROM {shown} WHERE {name} IS NULL LIMIT 1").get:
                message = f'column "{column}" of table "{own_name(table)}" contains null values'
                raise StatementError("23502", message, table=table, column=column)
        for condition in conditions if len(new.checks) > len(old.checks) else ():
            if connection.execute(f"SELECT 1 FROM {shown} WHERE NOT ({of_value(condition, name)}) LIMIT 1").get:
                message = (
                    f'column "{column}" of table "{own_name(table)}" contains values that violate the new constraint'
                )
                hint = None if valid else "Rows that are there are held to a domain's constraint at once here."
                raise StatementError("23514", message, table=table, column=column, hint=hint)


def alter_composite(connection: Connection, argument: AlterComposite, notices: list[Notice]) -> list[str]:
    """The texts of an ALTER TYPE … ATTRIBUTE.

    :raises StatementError: 42P01, 42809, 42701, 42703; 0A000, values of the type cannot be told again.
    """
    known = kept(connection)
    old = known.get(argument.name)
    if old is None:
        raise StatementError("42P01", f'relation "{own_name(argument.name)}" does not exist')
    if not isinstance(old, Composite):
        raise StatementError("42809", f'"{own_name(argument.name)}" is not a composite type')
    used = uses(connection, old.name)
    #: Each new field, and the old one that its values come from.
    fields: list[tuple[str, str, str | None]] = [(name, kind, name) for name, kind in old.fields]
    for action in argument.actions:
        if action.action == "type" and used:
            column = f"{used[0].table}.{used[0].column}"
            raise StatementError("0A000", f'cannot alter type "{own_name(old.name)}" because column "{column}" uses it')
        _edit(old, fields, action, notices)
    new = Composite(old.name, tuple((name, kind) for name, kind, _ in fields))
    if new == old:
        return []
    within = holders(known, old.name)
    if within or any(use.array for use in used):
        where = within[0].name if within else f"{used[0].table}.{used[0].column}"
        raise StatementError(
            "0A000",
            f"altering the fields of {own_name(old.name)} within {where} is not supported",
            hint="Make another type, and change the values.",
        )
    before, after = made.call(whole(new, known).words)
    made_ = texts(new, instead=old.name)
    for use in used:
        column = quoted_name(use.column)
        told = ", ".join(
            f"{quoted(name)}, {'NULL' if source is None else f'{column} -> {quoted(chr(36) + chr(46) + quoted_name(source))}'}"
            for name, _, source in fields
        )
        value = f"{before}json_object({told}){after}"
        made_.append(f"UPDATE {quoted_name(use.table)} SET {column} = {value} WHERE {column} IS NOT NULL")
    return made_


def _edit(
    old: Composite,
    fields: list[tuple[str, str, str | None]],
    action: Attribute,
    notices: list[Notice],
) -> None:
    """Change the fields as one action says."""
    own, names = own_name(old.name), [name for name, _, _ in fields]
    if action.action == "add":
        if action.name in names:
            raise StatementError("42701", f'column "{action.name}" of relation "{own}" already exists')
        if len(fields) >= made.FIELDS_MAX:
            raise StatementError("54011", f"a composite type has at most {made.FIELDS_MAX} fields")
        fields.append((action.name, action.text, None))
        return
    if action.name not in names:
        missing = StatementError("42703", f'column "{action.name}" of relation "{own}" does not exist')
        pass_over(missing, notices, allowed=action.if_exists)
        return
    at = names.index(action.name)
    if action.action == "drop":
        del fields[at]
    elif action.action == "rename":
        if action.text in names:
            raise StatementError("42701", f'column "{action.text}" of relation "{own}" already exists')
        fields[at] = (action.text, *fields[at][1:])
    else:
        fields[at] = (action.name, action.text, action.name)
