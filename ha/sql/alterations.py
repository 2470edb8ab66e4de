"""ALTER TABLE, read into actions; those that SQLite has words for go to it as they are. [pure]

SQLite adds, drops and renames columns, adds CHECK constraints and sets NOT NULL by itself. Keys, types and defaults are
in the text of CREATE TABLE only, so there the table is made anew: :mod:`ha.sqlite.rebuild`.
"""

from __future__ import annotations

from dataclasses import replace

from ha.errors import StatementError
from ha.sql import timeliterals
from ha.sql.kinds import Alteration, AlterTable, Kind, Rename, Script
from ha.sql.namespaces import joined, own_name, placed
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.tokens import STRING, WORD, quoted, quoted_name, tokenize, unquoted
from ha.sql.translate import translate
from ha.sql.typedefinitions import alter_domain, alter_type
from ha.sql.typenames import read_type

#: Objects whose owner, schema or storage may be altered without meaning anything here.
_OBJECTS = frozenset(
    "AGGREGATE COLLATION DATABASE DEFAULT EVENT EXTENSION FUNCTION GROUP LANGUAGE LARGE OPERATOR POLICY PROCEDURE ROLE "
    "SCHEMA SEQUENCE SERVER STATISTICS SYSTEM TABLESPACE TRIGGER USER".split()
)
_REFUSED = frozenset("ROLE USER SYSTEM DATABASE TRIGGER".split())


def alter(reader: Reader) -> Parsed | None:
    """The statement after its first word."""
    what = reader.key
    if what == "TABLE":
        reader.at += 1
        return _table(reader)
    if reader.take("TYPE"):
        return alter_type(reader)
    if reader.take("DOMAIN"):
        return alter_domain(reader)
    if what in ("INDEX", "VIEW"):
        return _renaming(reader, what.lower())
    if what == "MATERIALIZED" and reader.ahead() == "VIEW":
        return _renaming(reader, "materialized view")
    if what == "SEQUENCE":
        return _sequence(reader)
    verb = "ALTER LARGE OBJECT" if what == "LARGE" else f"ALTER {what}"
    if what == "SCHEMA" and any(token.key == "RENAME" for token in reader.tokens):
        return refused(
            "ALTER SCHEMA … RENAME", "Create the other one and move the tables with ALTER TABLE … SET SCHEMA."
        )
    if what in _REFUSED and "OWNER" not in {token.key for token in reader.tokens}:
        hint = "Users are set with the node's options." if what in ("ROLE", "USER") else None
        return refused(verb, hint)
    return (Kind.NOTHING, verb, None) if what in _OBJECTS else None


def _renaming(reader: Reader, kind: str) -> Parsed:
    """ALTER INDEX, ALTER VIEW: another name; all else means nothing here."""
    verb = f"ALTER {kind.upper()}"
    reader.at += len(kind.split())
    exists = reader.take("IF", "EXISTS")
    if reader.key == "ALL":
        return Kind.NOTHING, verb, None
    name = reader.qualified()
    if reader.take("RENAME", "TO"):
        new = reader.name()
        reader.end()
        return Kind.SCRIPT, verb, Rename(kind, name, new, exists)
    if kind != "index" and reader.key in ("RENAME", "SET") and reader.ahead() in ("COLUMN", "SCHEMA"):
        return refused(f"{verb} … {reader.key} {reader.ahead()}", "Drop the view and create it anew.")
    return Kind.NOTHING, verb, None


def _sequence(reader: Reader) -> Parsed:
    """RESTART, and OWNED BY, with which a dump gives a column the sequence that it counts by."""
    verb = "ALTER SEQUENCE"
    reader.at += 1
    reader.take("IF", "EXISTS")
    name = reader.qualified()
    if reader.take("RESTART"):
        reader.take("WITH")
        start = int(reader.key) if reader.key.isdecimal() else 1
        return Kind.SCRIPT, verb, Script((f"SELECT setval({quoted(quoted_name(name))}, {start}, 0)",))
    if reader.take("OWNED", "BY") and reader.key != "NONE":
        owner = [reader.name()]
        while reader.take("."):
            owner.append(reader.name())
        if own_name(name) == "_".join([*owner[-2:], "seq"]):
            # The column counts by itself: what CREATE SEQUENCE made for it is in the way.
            return Kind.SCRIPT, verb, Script((f"DROP TABLE IF EXISTS {quoted_name(name)}",))
    if reader.take("SET", "SCHEMA"):
        return Kind.SCRIPT, verb, AlterTable(name, (Alteration("set schema", None, reader.name()),))
    if {token.key for token in reader.tokens} & {"INCREMENT", "CYCLE", "RENAME"}:
        return refused("this ALTER SEQUENCE", "Sequences count by one, upwards.")
    return Kind.NOTHING, verb, None


def _table(reader: Reader) -> Parsed | None:
    verb = "ALTER TABLE"
    exists = reader.take("IF", "EXISTS")
    only = reader.take("ONLY")
    if reader.key == "ALL":
        return Kind.NOTHING, verb, None
    before = reader.at
    table = reader.qualified()
    said_schema = reader.at > before + 1 or reader.schema is not None
    schema = reader.schema
    reader.take("*")
    actions: list[Alteration] = []
    starts: list[int] = []
    while True:
        starts.append(reader.at)
        action = _action(reader)
        if action is not None and action.action == "rename to":
            action = replace(action, text=joined(schema, action.text))
        if action is not None:
            actions.append(action)
        if not reader.take(","):
            break
    reader.end()
    if not actions:
        return Kind.NOTHING, verb, None
    plain = len(starts) == 1 and not exists and not only and not said_schema
    if plain and _is_sqlites(reader, starts[0], actions[0]):
        return Kind.SQL, verb, None
    if len(actions) == 1 and not exists:
        text = _in_sqlites_words(quoted_name(table), actions[0])
        if text is not None:
            return Kind.SQL, verb, Script((text,))
    return Kind.SCRIPT, verb, AlterTable(table, tuple(actions), exists)


def _is_sqlites(reader: Reader, start: int, action: Alteration) -> bool:
    """Would SQLite take these very words?"""
    if action.if_exists or reader.tokens[-1].key in ("CASCADE", "RESTRICT"):
        return False
    if action.action == "add column":
        return _plain_column(reader, start)
    return action.action in ("set not null", "drop not null")


def _plain_column(reader: Reader, start: int) -> bool:
    """A column that needs no translation beyond the usual."""
    tokens = reader.tokens[start:]
    name = tokens[1 + (tokens[1].key == "COLUMN")]
    if name.kind == WORD and reader.text[name.start : name.end] != unquoted(reader.text, name):
        return False  # in capitals
    return _NEEDS_WORK.isdisjoint(token.key for token in tokens) and not _unusual_default(reader, start)


def _unusual_default(reader: Reader, start: int) -> bool:
    """``DEFAULT '…'`` of a date or time that is kept otherwise than it is written."""
    for at in range(start, len(reader.tokens) - 1):
        if reader.tokens[at].key == "DEFAULT" and reader.tokens[at + 1].kind == STRING:
            words = reader.words(at, at + 2)
            first = next((one for one in range(start, at) if reader.tokens[one].key in _TIMES), at)
            return first < at and timeliterals.default(words, reader.words(first, at)) != words
    return False


_TIMES = frozenset(name.upper() for name in timeliterals.KNOWN)


_NEEDS_WORK = frozenset(
    "SERIAL BIGSERIAL SMALLSERIAL GENERATED NOW GEN_RANDOM_UUID UUID_GENERATE_V4 UNIQUE PRIMARY CURRENT_TIMESTAMP CURRENT_DATE "
    "CURRENT_TIME :: ( TO LOCALTIMESTAMP ARRAY REFERENCES CITEXT".split()
)


def _in_sqlites_words(table: str, action: Alteration) -> str | None:
    """One statement of SQLite's for an action, None where it has none."""
    if action.if_exists:
        return None
    name = quoted_name(action.name) if action.name is not None else ""
    texts = {
        "set not null": f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL",
        "drop not null": f"ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL",
    }
    return texts.get(action.action)


def _action(reader: Reader) -> Alteration | None:
    """One action; None for one that means nothing here."""
    if reader.take("ADD"):
        return _add(reader)
    if reader.take("DROP"):
        return _drop(reader)
    if reader.take("RENAME"):
        return _rename(reader)
    if reader.take("ALTER"):
        if reader.take("CONSTRAINT"):
            _rest(reader)
            return None
        reader.take("COLUMN")
        return _column(reader)
    if reader.take("VALIDATE", "CONSTRAINT"):
        return Alteration("validate constraint", reader.name())
    if reader.one_of("OWNER", "SET", "RESET", "CLUSTER", "ENABLE", "DISABLE", "REPLICA", "FORCE", "NO", "INHERIT"):
        if reader.take("SCHEMA"):
            return Alteration("set schema", None, reader.name())
        _rest(reader)
        return None
    if reader.one_of("ATTACH", "DETACH"):
        raise StatementError("0A000", "partitions are not supported", hint="Use one table.")
    raise reader.error()


def _rest(reader: Reader) -> tuple[int, int]:
    """Step over an action, up to the comma that ends it: its tokens (from, to before)."""
    start, depth = reader.at, 0
    while reader.key and not (reader.key == "," and depth == 0):
        depth += (reader.key in ("(", "[")) - (reader.key in (")", "]"))
        reader.at += 1
    return start, reader.at


def _add(reader: Reader) -> Alteration:
    start = reader.at
    name = None
    if reader.take("CONSTRAINT"):
        name = reader.name()
    if reader.key in ("PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE"):
        body = reader.at
        first, last = _rest(reader)
        if reader.tokens[first].key == "EXCLUDE":
            raise StatementError("0A000", "EXCLUDE is not supported", hint="Use UNIQUE, or a trigger.")
        keys = [token.key for token in reader.tokens[body:last]]
        if "USING" in keys and "INDEX" in keys:
            raise StatementError("0A000", "ADD CONSTRAINT … USING INDEX is not supported", hint="Name the columns.")
        valid = keys[-2:] != ["NOT", "VALID"]
        return Alteration("add constraint", name, _declared(reader, body, last - 2 * (not valid)), valid=valid)
    reader.at = start
    reader.take("COLUMN")
    if_exists = reader.take("IF", "NOT", "EXISTS")
    column = reader.at
    name = reader.name()
    _, last = _rest(reader)
    return Alteration("add column", name, _declared(reader, column, last), if_exists)


def _declared(reader: Reader, first: int, last: int, column: str = "") -> str:
    """A column's or a constraint's definition in SQLite's words, as CREATE TABLE would have it.

    :param column: a name to put before it.
    """
    words = f"CREATE TABLE x ({column} {reader.words(first, last)})"
    ours = placed(words, tokenize(words), 0, len(words), reader.path)
    words = words if ours is None else ours.text
    made = translate(words, tokenize(words), 0, len(words), verb="CREATE TABLE").sql
    return made[made.index("(") + 1 : made.rindex(")")].strip()


def _drop(reader: Reader) -> Alteration:
    action = "drop constraint" if reader.take("CONSTRAINT") else "drop column"
    reader.take("COLUMN")
    if_exists = reader.take("IF", "EXISTS")
    name = reader.name()
    reader.one_of("CASCADE", "RESTRICT")
    return Alteration(action, name, "", if_exists)


def _rename(reader: Reader) -> Alteration:
    if reader.take("TO"):
        return Alteration("rename to", None, reader.name())
    action = "rename constraint" if reader.take("CONSTRAINT") else "rename column"
    reader.take("COLUMN")
    name = reader.name()
    reader.expect("TO")
    return Alteration(action, name, reader.name())


def _column(reader: Reader) -> Alteration | None:
    name = reader.name()
    if reader.take("TYPE") or reader.take("SET", "DATA", "TYPE"):
        start = reader.at
        type_name, after = read_type(reader.text, reader.tokens, start)
        if type_name is None:
            raise reader.error()
        reader.at = after
        if reader.take("COLLATE"):
            reader.qualified()
        words, using = _declared(reader, start, after, "c").removeprefix("c").strip(), ""
        if reader.take("USING"):
            using = reader.words(*_rest(reader))
        return Alteration("type", name, words, using=using)
    if reader.take("SET", "DEFAULT"):
        first, last = _rest(reader)
        if any(token.key == "NEXTVAL" for token in reader.tokens[first:last]):
            return Alteration("counts", name)
        return Alteration("set default", name, _declared(reader, first - 1, last, "c").removeprefix("c").strip())
    if reader.take("DROP", "DEFAULT"):
        return Alteration("drop default", name)
    if reader.take("SET", "NOT", "NULL"):
        return Alteration("set not null", name)
    if reader.take("DROP", "NOT", "NULL"):
        return Alteration("drop not null", name)
    if reader.take("ADD", "GENERATED"):
        _rest(reader)
        return Alteration("counts", name, "identity")
    if reader.one_of("SET", "RESET", "DROP"):
        _rest(reader)  # STATISTICS, STORAGE, COMPRESSION, IDENTITY, EXPRESSION
        return None
    raise reader.error()
