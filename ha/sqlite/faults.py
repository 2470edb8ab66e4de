"""SQLite's errors in PostgreSQL's words: the SQLSTATE, the sentence, the constraint and the place in the text.

SQLite says much in its messages and little in its codes, so :data:`PATTERNS` is a table of messages, in the order in
which they are tried; what no pattern knows keeps SQLite's sentence under the SQLSTATE of its result code. What a
constraint refused is told by :mod:`ha.sqlite.violations`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import apsw

from ha.errors import StatementError
from ha.sqlite import sequences
from ha.sqlite.breaches import NAME, bare, breach
from ha.sqlite.connection import Connection
from ha.sqlite.violations import violation, written_by
from ha.values import Parameters

#: SQLSTATE and, where SQLite's own sentence is of no use, ours; by primary result code (https://sqlite.org/rescode.html).
CODES: Final[dict[int, tuple[str, str | None]]] = {
    apsw.SQLITE_ERROR: ("42601", None),
    apsw.SQLITE_PERM: ("58030", "the database file's permissions refuse this"),
    apsw.SQLITE_ABORT: ("40000", "the statement's transaction was rolled back under it"),
    apsw.SQLITE_BUSY: ("55P03", "the database file is locked by another process"),
    apsw.SQLITE_LOCKED: ("55006", "a table is still being read by another statement of this connection"),
    apsw.SQLITE_NOMEM: ("53200", "out of memory"),
    apsw.SQLITE_READONLY: ("25006", "cannot write in a read-only transaction"),
    apsw.SQLITE_INTERRUPT: ("57014", "canceling statement due to user request"),
    apsw.SQLITE_IOERR: ("58030", "the disk failed"),
    apsw.SQLITE_CORRUPT: ("XX001", "the database file is damaged"),
    apsw.SQLITE_FULL: ("53100", "no space left on the disk"),
    apsw.SQLITE_CANTOPEN: ("58030", "a file cannot be opened"),
    apsw.SQLITE_PROTOCOL: ("55P03", "the database file is locked by another process"),
    apsw.SQLITE_TOOBIG: ("54000", "the value or the statement is too large"),
    apsw.SQLITE_CONSTRAINT: ("23000", None),
    apsw.SQLITE_MISMATCH: ("22P02", "a value has the wrong type"),
    apsw.SQLITE_NOLFS: ("54000", "the file is too large for this system"),
    apsw.SQLITE_AUTH: ("42501", "this is not allowed"),
    apsw.SQLITE_RANGE: ("08P01", "a parameter's number is out of range"),
    apsw.SQLITE_NOTADB: ("58030", "the file is not a database"),
}

#: Extended result codes that say something else than their primary one.
EXTENDED_CODES: Final[dict[int, tuple[str, str | None]]] = {
    apsw.SQLITE_BUSY_SNAPSHOT: ("40001", "could not serialize access due to concurrent update"),
    apsw.SQLITE_IOERR_NOMEM: ("53200", "out of memory"),
    apsw.SQLITE_CONSTRAINT_TRIGGER: ("P0001", None),  # RAISE(ABORT, ...): the sentence is the schema author's
    apsw.SQLITE_CONSTRAINT_DATATYPE: ("22P02", None),
    apsw.SQLITE_CONSTRAINT_PINNED: ("55006", None),
    apsw.SQLITE_CONSTRAINT_VTAB: ("23000", None),
}

NO_FUNCTION_HINT: Final = (
    "No function matches the given name and argument types. You might need to add explicit type casts."
)

#: SQLSTATE, sentence, and further fields of a StatementError.
_Finding = tuple[str, str, dict[str, Any]]


def translate(error: Exception, connection: Connection, sql: str, values: Parameters = ()) -> StatementError:
    """The client's form of what SQLite raised while it prepared or ran `sql` on `connection`.

    Called where it happened: the transaction must still be as the statement found it.

    :param values: what it was run with.
    :param error: of the client's or the world's making. Anything else is a bug of ours and is raised again.
    """
    if isinstance(error, StatementError):
        return error
    if isinstance(error, apsw.ConstraintError):
        return violation(error, connection, sql, values) or _by_message(error, sql) or _by_code(error)
    if isinstance(error, apsw.BindingsError):
        return StatementError("08P01", "the number of parameters does not match the statement")
    if isinstance(error, apsw.FullError) and (ended := sequences.at_end(connection, written_by(connection, sql))):
        return ended
    if isinstance(error, apsw.Error):
        return breach(error, connection, sql) or _by_message(error, sql) or _by_code(error)
    if isinstance(error, OverflowError):
        return StatementError("22003", "bigint out of range")
    if isinstance(error, UnicodeError):
        return StatementError("22021", "text is not valid UTF-8")
    if isinstance(error, KeyError):
        return StatementError("08P01", f'there is no value for parameter "{error.args[0]}"')
    if isinstance(error, MemoryError):
        return StatementError("53200", "out of memory")
    raise error


def position(sql: str, offset: int) -> int | None:
    """SQLite's byte offset as PostgreSQL counts: characters, from 1. None where SQLite knows no place."""
    if offset < 0:
        return None
    return len(sql.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1


def _by_code(error: apsw.Error) -> StatementError:
    extended = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
    sqlstate, message = EXTENDED_CODES.get(extended) or CODES.get(extended & 0xFF, ("XX000", None))
    detail = str(error) if message is not None and str(error) not in ("", message) else None
    return StatementError(sqlstate, message or str(error), detail=detail)


# Messages.


def _says(sqlstate: str, sentence: str, **fields: str) -> Callable[[re.Match[str]], _Finding]:
    """A finding whose sentence and fields are templates over the groups of the pattern."""

    def finding(match: re.Match[str]) -> _Finding:
        groups = {name: (value or "") for name, value in match.groupdict().items()}
        return sqlstate, sentence.format(**groups), {name: text.format(**groups) for name, text in fields.items()}

    return finding


def _no_column(match: re.Match[str]) -> _Finding:
    name = match["name"].strip('"')
    quoted = name if "." in name else f'"{name}"'
    return "42703", f"column {quoted} does not exist", {}


def _wrong_count(match: re.Match[str]) -> _Finding:
    more, than = (
        ("expressions", "target columns")
        if int(match["got"]) > int(match["has"])
        else (
            "target columns",
            "expressions",
        )
    )
    return "42601", f"INSERT has more {more} than {than}", {}


#: Message of SQLite, and what PostgreSQL would say.
PATTERNS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Finding]], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), finding)
    for pattern, finding in (
        (r"incomplete input", _says("42601", "syntax error at end of input")),
        (r'near "(?P<name>.*)": syntax error', _says("42601", 'syntax error at or near "{name}"')),
        (
            r"unrecognized token: \"(?P<name>'.*)\"",
            _says("42601", 'unterminated quoted string at or near "{name}"'),
        ),
        (r'unrecognized token: "(?P<name>.*)"', _says("42601", 'syntax error at or near "{name}"')),
        (r"no such table: (?:main\.|temp\.)?(?P<name>.*)", _says("42P01", 'relation "{name}" does not exist')),
        (r"unknown database (?P<name>.*)", _says("3F000", 'schema "{name}" does not exist')),
        (r"no such view: (?:main\.|temp\.)?(?P<name>.*)", _says("42P01", 'view "{name}" does not exist')),
        (r"no such column: (?P<name>.*?)(?: - should this be .*)?", _no_column),
        (
            r"table (?P<table>.*) has no column named (?P<name>.*)",
            _says("42703", 'column "{name}" of relation "{table}" does not exist'),
        ),
        (r"no such index: (?P<name>.*)", _says("42704", 'index "{name}" does not exist')),
        (r"no such trigger: (?P<name>.*)", _says("42704", 'trigger "{name}" does not exist')),
        (r"no such savepoint: (?P<name>.*)", _says("3B001", 'savepoint "{name}" does not exist')),
        (r"no such module: (?P<name>.*)", _says("42704", 'virtual table module "{name}" does not exist')),
        (r"no such collation sequence: (?P<name>.*)", _says("42704", 'collation "{name}" does not exist')),
        (r"no such constraint: (?P<name>.*)", _says("42704", 'constraint "{name}" does not exist')),
        (r"no such function: (?P<name>.*)", _says("42883", "function {name}() does not exist", hint=NO_FUNCTION_HINT)),
        (
            r"wrong number of arguments to function (?P<name>.*)\(\)",
            _says("42883", "function {name} does not exist with so many arguments", hint=NO_FUNCTION_HINT),
        ),
        (r"unsafe use of (?P<name>.*)\(\)", _says("42501", "function {name} is not allowed in a view or trigger")),
        (
            r"unsafe use of virtual table \"(?P<name>.*)\"",
            _says("42501", '"{name}" is not allowed in a view or trigger'),
        ),
        (r"misuse of window function (?P<name>.*)", _says("42P20", "window function {name} requires an OVER clause")),
        (r"misuse of aggregate(?: function|:) (?P<name>.*)", _says("42803", "misuse of aggregate function {name}")),
        (
            r"aggregate functions are not allowed in (?P<name>.*)",
            _says("42803", "aggregate functions are not allowed in {name}"),
        ),
        (r"ambiguous column name: (?P<name>.*)", _says("42702", 'column reference "{name}" is ambiguous')),
        (r"(?:table|view) (?P<name>.*) already exists", _says("42P07", 'relation "{name}" already exists')),
        (r"index (?P<name>.*) already exists", _says("42P07", 'relation "{name}" already exists')),
        (
            r"there is already (?:a table|an index|another table or index).* (?:named|with this name:) (?P<name>.*)",
            _says("42P07", 'relation "{name}" already exists'),
        ),
        (r"trigger (?P<name>.*) already exists", _says("42710", 'trigger "{name}" already exists')),
        (r"duplicate column name: (?P<name>.*)", _says("42701", 'column "{name}" specified more than once')),
        (
            r"table (?P<table>.*) has (?P<has>\d+) columns but (?P<got>\d+) values were supplied",
            _wrong_count,
        ),
        (
            r"(?P<got>\d+) values for (?P<has>\d+) columns",
            _says("42601", "INSERT has {got} expressions for {has} target columns"),
        ),
        (r"all VALUES must have the same number of terms", _says("42601", "VALUES lists must all be the same length")),
        (r"sub-select returns \d+ columns - expected 1", _says("42601", "subquery must return only one column")),
        (
            r"SELECTs to the left and right of (?P<name>\S+).* do not have the same number of result columns",
            _says("42601", "each {name} query must have the same number of columns"),
        ),
        (
            r"\S+ (?P<name>ORDER|GROUP) BY term out of range.*",
            _says("42P10", "{name} BY position is not in select list"),
        ),
        (
            r"ON CONFLICT clause does not match .*",
            _says("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification"),
        ),
        (
            r"table \"?(?P<name>.*?)\"? has more than one primary key",
            _says("42P16", 'multiple primary keys for table "{name}" are not allowed'),
        ),
        (
            r"PRIMARY KEY missing on table (?P<name>.*)",
            _says("42P16", 'table "{name}" is WITHOUT ROWID and has no primary key'),
        ),
        (
            r"cannot (?P<verb>INSERT into|UPDATE) generated column \"(?P<name>.*)\"",
            _says("428C9", 'cannot {verb} generated column "{name}"', column="{name}"),
        ),
        (
            r"unknown datatype for (?P<name>.*): \"(?P<type>.*)\"",
            _says("42704", 'type "{type}" does not exist in a STRICT table'),
        ),
        (r"missing datatype for (?P<name>.*)", _says("42601", "column {name} of a STRICT table needs a type")),
        (
            r"(?:table )?(?P<name>\S+) may not be (?P<verb>\w+)",
            _says("42501", 'table "{name}" may not be {verb}', table="{name}"),
        ),
        (r"object name reserved for internal use: (?P<name>.*)", _says("42939", 'the name "{name}" is reserved')),
        (
            r"cannot modify (?P<name>.*) because it is a view",
            _says("55000", 'view "{name}" cannot be written to', hint="Create an INSTEAD OF trigger on it."),
        ),
        (
            r"use DROP TABLE to delete table (?P<name>.*)",
            _says("42809", '"{name}" is not a view', hint="Use DROP TABLE to remove a table."),
        ),
        (
            r"use DROP VIEW to delete view (?P<name>.*)",
            _says("42809", '"{name}" is not a table', hint="Use DROP VIEW to remove a view."),
        ),
        (
            r"foreign key mismatch - \"(?P<child>.*)\" referencing \"(?P<name>.*)\"",
            _says(
                "42830",
                'there is no unique constraint matching given keys for referenced table "{name}"',
                table="{child}",
            ),
        ),
        (
            r"cannot store (?P<got>\S+) value in (?P<type>\S+) column (?P<table>.*)\.(?P<column>.*)",
            _says(
                "42804",
                'column "{column}" is of type {type} but expression is of type {got}',
                table="{table}",
                column="{column}",
            ),
        ),
        (r"Cannot add .*", lambda match: ("0A000", match[0], {})),
        (r"integer overflow", _says("22003", "bigint out of range")),
        (r"(?P<name>hex literal too big: .*)", _says("22003", "{name}")),
        (r"malformed JSON", _says("22P02", "invalid input syntax for type json")),
        (r"(?P<name>(?:bad|malformed) JSON path.*)", _says("22032", "{name}")),
        (r"JSON cannot hold BLOB values", _says("22P02", "JSON cannot hold binary values")),
        (r"(?P<name>argument of .* must be a .*integer)", _says("22023", "{name}")),
        (r"ESCAPE expression must be a single character", _says("22019", "invalid escape string")),
        (r"LIKE or GLOB pattern too complex", _says("54000", "the pattern is too long")),
        (
            r"variable number must be between \?1 and \?(?P<most>\d+)",
            _says(
                "54000",
                "a statement can have at most {most} parameters",
                hint="Send fewer rows at a time, or an array.",
            ),
        ),
        (
            r"too many arguments on function .*",
            _says("54023", "cannot pass more than 1000 arguments to a function"),
        ),
        (
            r"(?:too many|Expression tree is too large|parser stack overflow|Recursion limit|variable number must be "
            r"|statement too long|.* too large).*",
            lambda match: ("54000", match[0], {}),
        ),
        (r"cannot VACUUM.*", lambda match: ("25001", "VACUUM cannot run inside a transaction block", {})),
        (
            r"cannot start a transaction within a transaction",
            _says("25001", "there is already a transaction in progress"),
        ),
        (
            r"cannot (?:commit|rollback) - no transaction is active",
            _says("25P01", "there is no transaction in progress"),
        ),
        (r"(?:database|disk) (?:or disk )?is full", _says("53100", "no space left on the disk")),
    )
)


#: SQLite says of a column that it alters what it says of any other.
_ALTERED: Final = re.compile(rf"\s*ALTER\s+TABLE\s+(?:\w+\.)?({NAME})", re.IGNORECASE)


def _by_message(error: apsw.Error, sql: str) -> StatementError | None:
    message = str(error)
    for pattern, finding in PATTERNS:
        match = pattern.fullmatch(message)
        if match is not None:
            sqlstate, sentence, fields = finding(match)
            altered = _ALTERED.match(sql)
            if altered is not None and sqlstate in ("42701", "42703"):
                what = "already exists" if sqlstate == "42701" else "does not exist"
                name, table = match["name"].strip('"'), bare(altered[1])
                return StatementError(sqlstate, f'column "{name}" of relation "{table}" {what}')
            place = position(sql, getattr(error, "error_offset", -1))
            if place is None:
                place = len(sql.rstrip()) + 1 if message == "incomplete input" else _only_place(sql, match)
            return StatementError(sqlstate, sentence, position=place, **fields)
    if getattr(error, "result", 0) == apsw.SQLITE_ERROR:
        return StatementError("42601", message, position=position(sql, getattr(error, "error_offset", -1)))
    return None


def _only_place(sql: str, match: re.Match[str]) -> int | None:
    """SQLite often names a thing without its place; where the name stands once in the text, that is it."""
    name = match.groupdict().get("name")
    if not name:
        return None
    places = [found.start() for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", sql)]
    return places[0] + 1 if len(places) == 1 else None
