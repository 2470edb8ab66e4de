"""CREATE TYPE, CREATE DOMAIN, ALTER TYPE, DROP TYPE, read into what they say. [pure]

Each function reads what follows the first two words. Enumerations, composite types and domains are made; of other types
PostgreSQL's catalog knows more than a file of SQLite's can keep.
"""

from __future__ import annotations

from dataclasses import replace

from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader, refused


def create_type(reader: Reader) -> Parsed:
    name = reader.type_name()
    if not reader.take("AS", "ENUM"):
        if reader.take("AS", "("):
            return _composite(reader, name)
        what = "RANGE" if reader.take("AS", "RANGE") else "of your own"
        return refused(
            f"CREATE TYPE {what}", "Types can be enumerations, AS ENUM ('a', 'b'), or composite, AS (a int)."
        )
    reader.expect("(")
    labels = []
    while reader.key != ")":
        labels.append(reader.string())
        if not reader.take(","):
            break
    reader.expect(")")
    reader.end()
    return Kind.SCRIPT, "CREATE TYPE", kinds.CreateEnum(name, tuple(labels))


def _composite(reader: Reader, name: str) -> Parsed:
    fields = []
    while reader.key != ")":
        field = reader.name()
        fields.append((field, reader.type_words()))
        if reader.take("COLLATE"):
            reader.qualified()
        if not reader.take(","):
            break
    reader.expect(")")
    reader.end()
    return Kind.SCRIPT, "CREATE TYPE", kinds.CreateComposite(name, tuple(fields))


def create_domain(reader: Reader) -> Parsed:
    name = reader.type_name()
    reader.take("AS")
    words = reader.type_words()
    not_null, default, called = False, None, None
    checks: list[tuple[str | None, str]] = []
    while reader.key and reader.key != ";":
        if reader.take("NOT", "NULL"):
            not_null = True
        elif reader.take("NULL"):
            pass
        elif reader.take("COLLATE"):
            reader.qualified()
        elif reader.take("CONSTRAINT"):
            called = reader.name()
            continue
        elif reader.take("DEFAULT"):
            default = reader.expression(_AFTER_DEFAULT)
        elif reader.take("CHECK"):
            reader.expect("(")
            checks.append((called, reader.expression(frozenset())))
            reader.expect(")")
        else:
            raise reader.error()
        called = None
    reader.end()
    return Kind.SCRIPT, "CREATE DOMAIN", kinds.CreateDomain(name, words, not_null, default, tuple(checks))


_AFTER_DEFAULT = frozenset("NOT NULL CONSTRAINT CHECK COLLATE ;".split())


def drop_domain(reader: Reader) -> Parsed:
    _, _, argument = drop_type(reader)
    assert isinstance(argument, kinds.DropType)
    return Kind.SCRIPT, "DROP DOMAIN", replace(argument, domain=True)


def alter_type(reader: Reader) -> Parsed:
    verb = "ALTER TYPE"
    name = reader.type_name()
    if reader.take("ADD", "VALUE"):
        if_not_exists = reader.take("IF", "NOT", "EXISTS")
        label = reader.string()
        side = reader.one_of("BEFORE", "AFTER")
        beside = reader.string() if side else None
        made = kinds.AlterEnum(
            name, "add value", label, beside=beside, before=side == "BEFORE", if_not_exists=if_not_exists
        )
    elif reader.take("RENAME", "VALUE"):
        label = reader.string()
        reader.expect("TO")
        made = kinds.AlterEnum(name, "rename value", label, reader.string())
    elif reader.take("RENAME", "TO"):
        made = kinds.AlterEnum(name, "rename to", new=reader.name())
    elif reader.take("OWNER", "TO"):
        return Kind.NOTHING, verb, None
    elif reader.take("SET", "SCHEMA"):
        return (Kind.NOTHING, verb, None) if reader.name() == "public" else refused("ALTER TYPE … SET SCHEMA")
    else:
        actions = [_attribute(reader)]
        while reader.take(","):
            actions.append(_attribute(reader))
        reader.end()
        return Kind.SCRIPT, verb, kinds.AlterComposite(name, tuple(actions))
    reader.end()
    return Kind.SCRIPT, verb, made


def _attribute(reader: Reader) -> kinds.Attribute:
    """``ADD ATTRIBUTE a int``, ``DROP ATTRIBUTE a``, ``ALTER ATTRIBUTE a TYPE int``, ``RENAME ATTRIBUTE a TO b``."""
    action = reader.one_of("ADD", "DROP", "ALTER", "RENAME").lower()
    reader.expect("ATTRIBUTE")
    if_exists = action == "drop" and reader.take("IF", "EXISTS")
    name, text = reader.name(), ""
    if action == "rename":
        reader.expect("TO")
        text = reader.name()
    elif action != "drop":
        if action == "alter" and not reader.take("TYPE"):
            reader.expect("SET", "DATA", "TYPE")
        text = reader.type_words()
        if reader.take("COLLATE"):
            reader.qualified()
    reader.one_of("CASCADE", "RESTRICT")
    return kinds.Attribute("type" if action == "alter" else action, name, text, if_exists)


def alter_domain(reader: Reader) -> Parsed:
    """What follows ALTER DOMAIN."""
    verb = "ALTER DOMAIN"
    name = reader.type_name()
    part, text, if_exists, valid = None, "", False, True
    if reader.take("OWNER", "TO"):
        return Kind.NOTHING, verb, None
    if reader.take("SET", "SCHEMA"):
        return (Kind.NOTHING, verb, None) if reader.name() == "public" else refused("ALTER DOMAIN … SET SCHEMA")
    if reader.take("SET", "DEFAULT"):
        action, text = "set default", reader.expression(frozenset())
    elif reader.take("DROP", "DEFAULT"):
        action = "drop default"
    elif reader.take("SET", "NOT", "NULL"):
        action = "set not null"
    elif reader.take("DROP", "NOT", "NULL"):
        action = "drop not null"
    elif reader.take("ADD"):
        action = "add constraint"
        part = reader.name() if reader.take("CONSTRAINT") else None
        reader.expect("CHECK", "(")
        text = reader.expression(frozenset())
        reader.expect(")")
        valid = not reader.take("NOT", "VALID")
    elif reader.take("DROP", "CONSTRAINT"):
        action, if_exists, part = "drop constraint", reader.take("IF", "EXISTS"), reader.name()
        reader.one_of("CASCADE", "RESTRICT")
    elif reader.take("VALIDATE", "CONSTRAINT"):
        action, part = "validate constraint", reader.name()
    elif reader.take("RENAME", "CONSTRAINT"):
        action, part = "rename constraint", reader.name()
        reader.expect("TO")
        text = reader.name()
    else:
        reader.expect("RENAME", "TO")
        action, text = "rename to", reader.name()
    reader.end()
    return Kind.SCRIPT, verb, kinds.AlterDomain(name, action, part, text, if_exists, valid)


def drop_type(reader: Reader) -> Parsed:
    if_exists = reader.take("IF", "EXISTS")
    names = reader.listed(reader.type_name)
    cascade = reader.one_of("CASCADE", "RESTRICT") == "CASCADE"
    reader.end()
    return Kind.SCRIPT, "DROP TYPE", kinds.DropType(names, if_exists, cascade)
