"""The arguments of the commands that are the session's own: SET, BEGIN, COPY, FETCH … [pure]

One function for each command, given a :class:`Reader` that stands after the command's first word; each returns the
statement's kind, its command tag and its argument. The manual's page of a command is
https://www.postgresql.org/docs/15/sql-commands.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ha.errors import StatementError
from ha.sql import kinds
from ha.sql.kinds import Kind
from ha.sql.namespaces import BUILT_IN, Names, joined, parted
from ha.sql.tokens import NUMBER, QUOTED, STRING, TEXTS, UNICODE_NAME, WORD, Token, literal, unquoted

#: Kind, command tag, argument.
Parsed = tuple[Kind, str, kinds.Argument]

#: What reads an inner statement (PREPARE … AS, DECLARE … FOR, COPY (…)): the tokens from here to there.
Inner = Callable[[int, int], kinds.Statement]


class Reader:
    """A place in a statement's tokens.

    :param text: the whole text that the tokens' offsets count in.
    :param inner: makes the statement of a range of these tokens.
    :param sqlite: for the door that speaks SQLite.
    :param names: see :func:`ha.sql.namespaces.placed`.
    """

    def __init__(
        self, text: str, tokens: Sequence[Token], inner: Inner, sqlite: bool = False, names: Names | None = None
    ) -> None:
        self.sqlite = sqlite
        self.path = names
        #: The schema of what :meth:`qualified` read last; None for public.
        self.schema: str | None = None
        self.text = text
        self.tokens = tokens
        self.inner = inner
        self.at = 1

    @property
    def key(self) -> str:
        """The present token's key, or "" at the end."""
        return self.tokens[self.at].key if self.at < len(self.tokens) else ""

    def ahead(self, by: int = 1) -> str:
        """The key of a later token, or "" beyond the end."""
        return self.tokens[self.at + by].key if self.at + by < len(self.tokens) else ""

    def take(self, *keys: str) -> bool:
        """Step over these keys if they stand here, all of them."""
        for by, key in enumerate(keys):
            if self.ahead(by) != key:
                return False
        self.at += len(keys)
        return True

    def one_of(self, *keys: str) -> str:
        """Step over one of these keys and tell which, or "" if none stands here."""
        if self.key in keys:
            self.at += 1
            return self.tokens[self.at - 1].key
        return ""

    def expect(self, *keys: str) -> None:
        if not self.take(*keys):
            raise self.error()

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise self.error()

    def error(self) -> StatementError:
        """The syntax error at the present token."""
        if self.at >= len(self.tokens):
            last = self.tokens[-1].end if self.tokens else 0
            return StatementError("42601", "syntax error at end of input", position=last + 1)
        token = self.tokens[self.at]
        shown = self.text[token.start : token.end]
        return StatementError("42601", f'syntax error at or near "{shown}"', position=token.start + 1)

    def name(self) -> str:
        """A name; unquoted ones are folded to lower case."""
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind in (WORD, QUOTED, UNICODE_NAME):
                self.at += 1
                return unquoted(self.text, token)
        raise self.error()

    def qualified(self) -> str:
        """A name with or without a schema before it, as SQLite calls it."""
        name, schema = self.name(), None
        while self.take("."):
            schema, name = name, self.name()
        if schema is None and self.path is not None:
            schema, name = parted(self.path.of(name))
        self.schema = None if schema in BUILT_IN else schema
        return joined(self.schema, name)

    def type_name(self) -> str:
        """The name of a type: all lie in public.

        :raises StatementError: 0A000, it is said to lie elsewhere.
        """
        name = self.name()
        while self.take("."):
            schema, name = name, self.name()
            if schema not in BUILT_IN:
                raise StatementError(
                    "0A000", f'a type in schema "{schema}" is not supported', hint="Make it in public."
                )
        return name

    def string(self) -> str:
        """A literal for text."""
        if self.at < len(self.tokens):
            value = literal(self.text, self.tokens[self.at])
            if value is not None:
                self.at += 1
                return value
        raise self.error()

    def integer(self) -> int:
        """A number with or without a sign."""
        sign = -1 if self.one_of("-", "+") == "-" else 1
        if (
            self.at < len(self.tokens)
            and self.tokens[self.at].kind == NUMBER
            and self.key.isdecimal()
            and len(self.key) < 19
        ):
            self.at += 1
            return sign * int(self.tokens[self.at - 1].key)
        raise self.error()

    def names(self) -> tuple[str, ...]:
        """``(a, b, c)``; nothing if no parenthesis stands here."""
        found: list[str] = []
        if self.take("("):
            found.append(self.name())
            while self.take(","):
                found.append(self.name())
            self.expect(")")
        return tuple(found)

    def closing(self) -> int:
        """The index of the parenthesis that closes the one before the present token."""
        depth = 1
        for index in range(self.at, len(self.tokens)):
            key = self.tokens[index].key
            if key == "(":
                depth += 1
            elif key == ")":
                depth -= 1
                if depth == 0:
                    return index
        self.at = len(self.tokens)
        raise self.error()

    def words(self, start: int, end: int) -> str:
        """The client's own words from one token up to before another."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""


def refused(what: str, hint: str | None = None) -> Parsed:
    """A statement that is understood and cannot be done here."""
    return Kind.REFUSED, what, ("0A000", f"{what} is not supported", hint)


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
    isolation, read_only = None, None
    while reader.key:
        if reader.take("ISOLATION", "LEVEL"):
            isolation = _isolation(reader)
        elif reader.take("READ", "ONLY"):
            read_only = True
        elif reader.take("READ", "WRITE"):
            read_only = False
        elif not (reader.take("NOT", "DEFERRABLE") or reader.take("DEFERRABLE")):
            raise reader.error()
        if reader.take(",") and not reader.key:
            raise reader.error()
    return kinds.Begin(isolation, read_only)


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
        return (
            Kind.NOTHING,
            "SET CONSTRAINTS",
            None,
        )  # a key declared DEFERRABLE INITIALLY DEFERRED waits for COMMIT anyway
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
        values.append(_one_value(reader))
        if not reader.take(","):
            break
    reader.end()
    return ", ".join(values)


def _one_value(reader: Reader) -> str:
    if reader.at >= len(reader.tokens):
        raise reader.error()
    token = reader.tokens[reader.at]
    if token.kind in TEXTS:
        return reader.string()
    if token.kind == QUOTED:
        reader.at += 1
        return reader.text[token.start : token.end] if token.key == '"$user"' else unquoted(reader.text, token)
    if token.kind == WORD:
        return reader.name()
    sign = reader.one_of("-", "+")
    if reader.at < len(reader.tokens) and reader.tokens[reader.at].kind == NUMBER:
        reader.at += 1
        return ("-" if sign == "-" else "") + reader.tokens[reader.at - 1].key
    raise reader.error()


def _zone(reader: Reader) -> str | None:
    if reader.one_of("DEFAULT", "LOCAL"):
        reader.end()
        return None
    if reader.take("INTERVAL"):
        value = reader.string()
        reader.at = len(reader.tokens)  # HOUR TO MINUTE
        return value
    return _value(reader)


def _role(reader: Reader, variable: str, local: bool) -> Parsed:
    value = None if reader.take("DEFAULT") else _one_value(reader)
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


# COPY


def copy(reader: Reader) -> Parsed:
    table: str | None = None
    columns: tuple[str, ...] = ()
    statement: kinds.Statement | None = None
    reader.take("BINARY")
    if reader.take("("):
        end = reader.closing()
        statement = reader.inner(reader.at, end)
        reader.at = end + 1
    else:
        table = reader.qualified()
        columns = reader.names()
    to_client = _copy_target(reader)
    options = _CopyOptions(reader).read()
    if statement is not None and not to_client:
        raise StatementError("42601", "COPY FROM needs a table")
    reader.end()
    return Kind.COPY, "COPY", options.made(table, columns, statement, to_client)


def _copy_target(reader: Reader) -> bool:
    direction = reader.one_of("FROM", "TO")
    if not direction:
        raise reader.error()
    if reader.one_of("STDIN", "STDOUT"):
        return direction == "TO"
    reader.take("PROGRAM")
    reader.string()
    raise StatementError(
        "42501",
        "COPY to or from a file of the server is not allowed",
        hint="Use COPY … FROM STDIN or TO STDOUT; psql's \\copy does.",
    )


class _CopyOptions:
    """COPY's options, in the new spelling ``WITH (FORMAT csv, HEADER)`` and the old one ``CSV HEADER``."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.said: dict[str, object] = {}

    def read(self) -> _CopyOptions:
        reader = self.reader
        reader.take("WITH")
        if reader.take("("):
            while True:
                self._new()
                if not reader.take(","):
                    break
            reader.expect(")")
        else:
            while reader.key:
                self._old()
        return self

    def _new(self) -> None:
        reader = self.reader
        name = reader.name()
        if name == "format":
            self.said["format"] = _format(reader.name() if reader.tokens[reader.at].kind == WORD else reader.string())
        elif name in ("delimiter", "null", "quote", "escape"):
            self.said[name] = reader.string()
        elif name == "encoding":
            _utf8(reader.string())
        elif name in ("header", "freeze"):
            self.said[name] = self._switch()
        elif name in ("force_quote", "force_null", "force_not_null"):
            self.said[name] = ("*",) if reader.take("*") else reader.names()
        else:
            raise StatementError("42601", f'option "{name}" not recognized')

    def _switch(self) -> bool:
        reader = self.reader
        if reader.key in (",", ")"):
            return True
        value = _one_value(reader).lower()
        if value in ("match", "true", "on", "1"):
            return True
        if value in ("false", "off", "0"):
            return False
        raise StatementError("42601", f'header requires a Boolean value or "match", not "{value}"')

    def _old(self) -> None:
        reader = self.reader
        if word := reader.one_of("CSV", "BINARY"):
            self.said["format"] = word.lower()
        elif reader.one_of("HEADER", "FREEZE"):
            self.said[reader.tokens[reader.at - 1].key.lower()] = True
        elif word := reader.one_of("DELIMITER", "DELIMITERS", "NULL", "QUOTE", "ESCAPE"):
            reader.take("AS")
            self.said["delimiter" if word == "DELIMITERS" else word.lower()] = reader.string()
        elif reader.take("ENCODING"):
            _utf8(reader.string())
        elif reader.take("FORCE", "QUOTE"):
            self.said["force_quote"] = ("*",) if reader.take("*") else self._bare_names()
        elif reader.take("FORCE", "NOT", "NULL"):
            self.said["force_not_null"] = self._bare_names()
        elif reader.take("FORCE", "NULL"):
            self.said["force_null"] = self._bare_names()
        else:
            raise reader.error()

    def _bare_names(self) -> tuple[str, ...]:
        found = [self.reader.name()]
        while self.reader.take(","):
            found.append(self.reader.name())
        return tuple(found)

    def made(
        self, table: str | None, columns: tuple[str, ...], statement: kinds.Statement | None, to_client: bool
    ) -> kinds.Copy:
        """The argument, with each format's own defaults.

        :raises StatementError: 22023 or 0A000 for what PostgreSQL refuses, too.
        """
        said = dict(self.said)
        said.pop("freeze", None)
        form = str(said.pop("format", "text"))
        if form == "binary" and said:
            raise StatementError("42601", f"cannot specify {min(said).upper()} in BINARY mode")
        if form != "csv":
            for name in ("quote", "escape", "force_quote", "force_null", "force_not_null"):
                if name in said:
                    raise StatementError("0A000", f"COPY {name.replace('_', ' ')} available only in CSV mode")
        delimiter = str(said.get("delimiter", "," if form == "csv" else "\t"))
        null = str(said.get("null", "" if form == "csv" else "\\N"))
        quote = str(said.get("quote", '"'))
        escape = str(said.get("escape", quote))
        for what, value in (("delimiter", delimiter), ("quote", quote), ("escape", escape)):
            if len(value) != 1 or not value.isascii():
                raise StatementError("0A000", f"COPY {what} must be a single one-byte character")
        if delimiter in "\r\n" or "\r" in null or "\n" in null:
            raise StatementError("22023", "COPY delimiter and null cannot use newline or carriage return")
        if form == "text" and delimiter in "\\.abcdefghijklmnopqrstuvwxyz0123456789":
            raise StatementError("22023", f'COPY delimiter cannot be "{delimiter}"')
        if delimiter in null or (form == "csv" and (quote in null or quote == delimiter)):
            raise StatementError(
                "22023", "COPY delimiter and quote must differ, and not appear in the NULL specification"
            )
        return kinds.Copy(
            table,
            columns,
            statement,
            to_client,
            form,
            delimiter,
            null,
            bool(said.get("header", False)),
            quote,
            escape,
            said.get("force_quote", ()),  # type: ignore[arg-type]
            said.get("force_null", ()),  # type: ignore[arg-type]
            said.get("force_not_null", ()),  # type: ignore[arg-type]
        )


def _format(name: str) -> str:
    if name.lower() not in ("text", "csv", "binary"):
        raise StatementError("22023", f'COPY format "{name}" not recognized')
    return name.lower()


def _utf8(encoding: str) -> None:
    if encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "unicode", "sqlascii"):
        raise StatementError("0A000", f'encoding "{encoding}" is not supported', hint="Use UTF8.")


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
