"""The arguments of the commands that are the session's own: SET, BEGIN, FETCH … [pure]

One function for each command, given a :class:`~ha.sql.reader.Reader` that stands after the command's first word; each returns the
statement's kind, its command tag and its argument. The manual's page of a command is
https://www.postgresql.org/docs/15/sql-commands.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ha.errors import StatementError
from ha.sql import kinds, spans, zones
from ha.sql.calendar import SECOND
from ha.sql.copycommand import copy
from ha.sql.kinds import Kind
from ha.sql.reader import Parsed, Reader, refused
from ha.sql.tokens import NUMBER, STRING

# Transactions


def begin(reader: Reader) -> Parsed:
    reader.one_of("DEFERRED", "IMMEDIATE", "EXCLUSIVE")  # SQLite's; who writes when is for the house to decide
    reader.one_of("WORK", "TRANSACTION")
    return Kind.BEGIN, "BEGIN", _modes(reader)


def start(reader: Reader) -> Parsed:
    reader.expect("TRANSACTION")
    return Kind.BEGIN, "START TRANSACTION", _modes(reader)


def _modes(reader: Reader) -> kinds.Begin:
    """``ISOLATION LEVEL …, READ ONLY, …``, with or without commas, to the end."""
    isolation, read_only, deferrable = None, None, None
    while reader.key:
        if reader.take("ISOLATION", "LEVEL"):
            isolation = _isolation(reader)
        elif reader.take("READ", "ONLY"):
            read_only = True
        elif reader.take("READ", "WRITE"):
            read_only = False
        elif reader.take("NOT", "DEFERRABLE"):
            deferrable = False
        elif reader.take("DEFERRABLE"):
            deferrable = True
        else:
            raise reader.error()
        if reader.take(",") and not reader.key:
            raise reader.error()
    return kinds.Begin(isolation, read_only, deferrable)


def _isolation(reader: Reader) -> str:
    if reader.take("SERIALIZABLE"):
        return "serializable"
    if reader.take("REPEATABLE", "READ"):
        return "repeatable read"
    if reader.take("READ", "COMMITTED"):
        return "read committed"
    if reader.take("READ", "UNCOMMITTED"):
        return "read uncommitted"
    raise reader.error()


def commit(reader: Reader) -> Parsed:
    if reader.key == "PREPARED":
        return refused("COMMIT PREPARED", "Two-phase commit needs a coordinator; use one database.")
    reader.one_of("WORK", "TRANSACTION")
    return Kind.COMMIT, "COMMIT", kinds.End(_chain(reader))


def rollback(reader: Reader) -> Parsed:
    if reader.key == "PREPARED":
        return refused("ROLLBACK PREPARED")
    reader.one_of("WORK", "TRANSACTION")
    if reader.take("TO"):
        reader.take("SAVEPOINT")
        return _named(reader, Kind.ROLLBACK_TO, "ROLLBACK")
    return Kind.ROLLBACK, "ROLLBACK", kinds.End(_chain(reader))


def _chain(reader: Reader) -> bool:
    chain = False
    if reader.take("AND"):
        chain = not reader.take("NO")
        reader.expect("CHAIN")
    reader.end()
    return chain


def savepoint(reader: Reader) -> Parsed:
    return _named(reader, Kind.SAVEPOINT, "SAVEPOINT")


def release(reader: Reader) -> Parsed:
    reader.take("SAVEPOINT")
    return _named(reader, Kind.RELEASE, "RELEASE")


def _named(reader: Reader, kind: Kind, verb: str) -> Parsed:
    name = (
        reader.string() if reader.at < len(reader.tokens) and reader.tokens[reader.at].kind == STRING else reader.name()
    )
    reader.end()
    return kind, verb, kinds.Name(name)


# Variables


def set_(reader: Reader) -> Parsed:
    local = False
    if reader.key == "SESSION" and reader.ahead() == "CHARACTERISTICS":
        reader.expect("SESSION", "CHARACTERISTICS", "AS", "TRANSACTION")
        return _characteristics(reader)
    if reader.take("LOCAL"):
        local = True
    elif reader.key == "SESSION" and reader.ahead() not in ("=", "TO", "."):
        reader.take("SESSION")
    if reader.take("TRANSACTION"):
        if reader.key == "SNAPSHOT":
            return refused("SET TRANSACTION SNAPSHOT")
        return Kind.SET_TRANSACTION, "SET", _modes(reader)
    if reader.take("CONSTRAINTS"):
        reader.listed(reader.qualified)
        word = reader.one_of("DEFERRED", "IMMEDIATE")
        if not word:
            raise reader.error()
        reader.end()
        return Kind.SCRIPT, "SET CONSTRAINTS", kinds.SetConstraints(word == "DEFERRED")
    if reader.take("TIME", "ZONE"):
        return Kind.SET, "SET", kinds.SetVariable("timezone", _zone(reader), local)
    if reader.take("AUTHORIZATION"):
        return _role(reader, "session_authorization", local)
    if reader.key == "ROLE" and reader.ahead() not in ("=", "TO"):
        reader.take("ROLE")
        return _role(reader, "role", local)
    if reader.take("NAMES"):
        value = reader.string() if reader.key not in ("", "DEFAULT") else None
        return Kind.SET, "SET", kinds.SetVariable("client_encoding", value, local)
    if reader.key == "SCHEMA" and reader.ahead() not in ("=", "TO"):
        reader.take("SCHEMA")
        return Kind.SET, "SET", kinds.SetVariable("search_path", _value(reader), local)
    if reader.take("XML", "OPTION"):
        return Kind.SET, "SET", kinds.SetVariable("xmloption", reader.name(), local)
    name = _variable(reader)
    if not reader.one_of("=", "TO"):
        raise reader.error()
    return Kind.SET, "SET", kinds.SetVariable(name, _value(reader), local)


def _variable(reader: Reader) -> str:
    name = reader.name()
    while reader.take("."):
        name += "." + reader.name()
    return name


def _value(reader: Reader) -> str | None:
    """The values to the end, joined as SHOW prints them; None for DEFAULT."""
    if reader.key == "DEFAULT":
        reader.take("DEFAULT")
        reader.end()
        return None
    values: list[str] = []
    while True:
        values.append(reader.value())
        if not reader.take(","):
            break
    reader.end()
    return ", ".join(values)


def _zone(reader: Reader) -> str | None:
    if reader.one_of("DEFAULT", "LOCAL"):
        reader.end()
        return None
    if reader.take("INTERVAL"):
        span = spans.read(reader.string())
        reader.at = len(reader.tokens)  # HOUR TO MINUTE
        if span.months or span.days:
            raise StatementError("22023", "interval value must not include months or days")
        return zones.posix_name(span.microseconds // SECOND)
    return _value(reader)


def _role(reader: Reader, variable: str, local: bool) -> Parsed:
    value = None if reader.take("DEFAULT") else reader.value()
    reader.end()
    return Kind.SET, "SET", kinds.SetVariable(variable, value, local)


def _characteristics(reader: Reader) -> Parsed:
    modes = _modes(reader)
    if modes.isolation is not None:
        return Kind.SET, "SET", kinds.SetVariable("default_transaction_isolation", modes.isolation)
    if modes.read_only is not None:
        return Kind.SET, "SET", kinds.SetVariable("default_transaction_read_only", "on" if modes.read_only else "off")
    return Kind.NOTHING, "SET", None


def reset(reader: Reader) -> Parsed:
    if reader.take("ALL"):
        reader.end()
        return Kind.RESET, "RESET", kinds.SetVariable(None, None)
    name = _shown(reader)
    reader.end()
    return Kind.RESET, "RESET", kinds.SetVariable(name, None)


def show(reader: Reader) -> Parsed:
    if reader.take("ALL"):
        reader.end()
        return Kind.SHOW, "SHOW", kinds.Name(None)
    name = _shown(reader)
    reader.end()
    return Kind.SHOW, "SHOW", kinds.Name(name)


def _shown(reader: Reader) -> str:
    if reader.take("TIME", "ZONE"):
        return "timezone"
    if reader.take("TRANSACTION", "ISOLATION", "LEVEL"):
        return "transaction_isolation"
    if reader.take("SESSION", "AUTHORIZATION"):
        return "session_authorization"
    return _variable(reader)


def discard(reader: Reader) -> Parsed:
    what = reader.one_of("ALL", "PLANS", "SEQUENCES", "TEMP", "TEMPORARY")
    if not what:
        raise reader.error()
    reader.end()
    what = "TEMP" if what == "TEMPORARY" else what
    return Kind.DISCARD, f"DISCARD {what}", kinds.Name(None if what == "ALL" else what.lower())


# Prepared statements and cursors


def prepare(reader: Reader) -> Parsed:
    if reader.key == "TRANSACTION" and reader.ahead() != "AS":
        return refused("PREPARE TRANSACTION", "Two-phase commit needs a coordinator; use one database.")
    name = reader.name()
    types: tuple[str, ...] = ()
    if reader.take("("):
        close = reader.closing()
        types = tuple(_type_list(reader, close))
        reader.at = close + 1
    reader.expect("AS")
    if not reader.key:
        raise reader.error()
    return Kind.PREPARE, "PREPARE", kinds.Prepare(name, types, reader.inner(reader.at, len(reader.tokens)))


def _type_list(reader: Reader, close: int) -> list[str]:
    from_here, types, depth = reader.at, [], 0
    for index in range(reader.at, close + 1):
        key = reader.tokens[index].key
        if index == close or (key == "," and depth == 0):
            types.append(reader.words(from_here, index).lower())
            from_here = index + 1
        depth += (key == "(") - (key == ")")
    return types


def execute(reader: Reader) -> Parsed:
    name = reader.name()
    if not reader.take("("):
        reader.end()
        return Kind.EXECUTE, "EXECUTE", kinds.Execute(name, None)
    opening, close = reader.at - 1, reader.closing()
    reader.at = close + 1
    reader.end()
    if close == opening + 1:
        return Kind.EXECUTE, "EXECUTE", kinds.Execute(name, None)
    values = reader.inner(opening + 1, close)
    word = "SELECT "
    by = len(word)
    select = replace(
        values,
        text=word + values.text,
        offset=values.offset - by,  # so that places in the text are the client's
        kind=Kind.SQL,
        sql=word + values.sql,
        verb="SELECT",
        argument=None,
        edits=tuple((client + by, ours + by) for client, ours in values.edits),
        may_ask=True,
    )
    return Kind.EXECUTE, "EXECUTE", kinds.Execute(name, select)


def deallocate(reader: Reader) -> Parsed:
    if reader.key == "PREPARE" and reader.ahead():
        reader.take("PREPARE")
    if reader.take("ALL"):
        reader.end()
        return Kind.DEALLOCATE, "DEALLOCATE ALL", kinds.Name(None)
    return _named(reader, Kind.DEALLOCATE, "DEALLOCATE")


def declare(reader: Reader) -> Parsed:
    name = reader.name()
    binary, scroll, hold = False, None, False
    while not reader.take("CURSOR"):
        if reader.take("BINARY"):
            binary = True
        elif reader.take("NO", "SCROLL"):
            scroll = False
        elif reader.take("SCROLL"):
            scroll = True
        elif not reader.one_of("INSENSITIVE", "ASENSITIVE"):
            raise reader.error()
    if reader.take("WITH", "HOLD"):
        hold = True
    else:
        reader.take("WITHOUT", "HOLD")
    reader.expect("FOR")
    if not reader.key:
        raise reader.error()
    statement = reader.inner(reader.at, len(reader.tokens))
    return Kind.DECLARE, "DECLARE CURSOR", kinds.Declare(name, hold, scroll, binary, statement)


def fetch(reader: Reader) -> Parsed:
    return _fetch(reader, move=False)


def move(reader: Reader) -> Parsed:
    return _fetch(reader, move=True)


def _fetch(reader: Reader, move: bool) -> Parsed:
    direction, count = _direction(reader)
    reader.one_of("FROM", "IN")
    name = reader.name()
    reader.end()
    return Kind.FETCH, "MOVE" if move else "FETCH", kinds.Fetch(name, direction, count, move)


def _direction(reader: Reader) -> tuple[str, int | None]:
    """FETCH's words before the cursor's name; a cursor may be called as one of them, so the next token decides."""
    if reader.ahead() == "":
        return "forward", 1
    if reader.take("NEXT"):
        return "forward", 1
    if reader.take("PRIOR"):
        return "backward", 1
    if reader.take("FIRST"):
        return "absolute", 1
    if reader.take("LAST"):
        return "absolute", -1
    if reader.take("ALL"):
        return "forward", None
    word = reader.one_of("ABSOLUTE", "RELATIVE")
    if word:
        return word.lower(), reader.integer()
    word = reader.one_of("FORWARD", "BACKWARD")
    if word and reader.take("ALL"):
        return word.lower(), None
    if reader.at < len(reader.tokens) and (reader.key in ("-", "+") or reader.tokens[reader.at].kind == NUMBER):
        count = reader.integer()
        if not word:
            word = "FORWARD" if count >= 0 else "BACKWARD"
            count = abs(count)
        return word.lower(), count
    return (word or "forward").lower(), 1


def close(reader: Reader) -> Parsed:
    if reader.take("ALL"):
        reader.end()
        return Kind.CLOSE, "CLOSE CURSOR ALL", kinds.Name(None)
    return _named(reader, Kind.CLOSE, "CLOSE CURSOR")


# Notifications


def listen(reader: Reader) -> Parsed:
    return _named(reader, Kind.LISTEN, "LISTEN")


def unlisten(reader: Reader) -> Parsed:
    if reader.take("*"):
        reader.end()
        return Kind.UNLISTEN, "UNLISTEN", kinds.Name(None)
    return _named(reader, Kind.UNLISTEN, "UNLISTEN")


def notify(reader: Reader) -> Parsed:
    channel, payload = reader.name(), ""
    if reader.take(","):
        payload = reader.string()
    reader.end()
    if len(payload.encode()) >= 8000:
        raise StatementError("22023", "payload string too long")
    return Kind.NOTIFY, "NOTIFY", kinds.Notify(channel, payload)


#: First word to what reads the rest.
COMMANDS: dict[str, Callable[[Reader], Parsed]] = {
    "ABORT": rollback,
    "BEGIN": begin,
    "CLOSE": close,
    "COMMIT": commit,
    "COPY": copy,
    "DEALLOCATE": deallocate,
    "DECLARE": declare,
    "DISCARD": discard,
    "END": commit,
    "EXECUTE": execute,
    "FETCH": fetch,
    "LISTEN": listen,
    "MOVE": move,
    "NOTIFY": notify,
    "PREPARE": prepare,
    "RELEASE": release,
    "RESET": reset,
    "ROLLBACK": rollback,
    "SAVEPOINT": savepoint,
    "SET": set_,
    "SHOW": show,
    "START": start,
    "UNLISTEN": unlisten,
}
