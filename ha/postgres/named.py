"""Statements and cursors by name: Prepare and Bind, and SQL's own PREPARE, EXECUTE, DECLARE, FETCH, MOVE, CLOSE. [pure]

Both protocols and SQL share one namespace for each. Every function works on a :class:`~ha.postgres.conversation.Conversation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import time
from typing import Any

from ha.errors import StatementError
from ha.postgres.conversation import PORTALS_MAX, STATEMENTS_MAX, WAYS_OUT, Conversation
from ha.postgres.decoding import from_text
from ha.postgres.manner import Manner
from ha.postgres.pgtypes import BINARY, NUMERIC, TEXT_OID, TYPES, UNKNOWN, of_name
from ha.postgres.portals import Portal, Prepared, aborted, no_statement
from ha.postgres.questions import Bind
from ha.postgres.shapes import Shape, shape_of
from ha.sql import made
from ha.sql.kinds import Declare, Fetch, Kind, Name, Prepare, Statement
from ha.sql.kinds import Execute as ExecuteStatement
from ha.sql.tokens import PARAMETER, tokenize
from ha.values import Answer, Column, Description, Row, Value

#: Types of parameters that SQLite's operators treat as PostgreSQL's do.
PLAIN_TYPES = frozenset((None, *"bool int2 int4 int8 float4 float8 text varchar bpchar name bytea oid".split()))

#: Kinds that answer no rows, so that nobody need be asked.
_ROWLESS = frozenset(
    {
        Kind.EMPTY, Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO, Kind.SET, Kind.RESET,
        Kind.SET_TRANSACTION, Kind.DISCARD, Kind.PREPARE, Kind.DEALLOCATE, Kind.DECLARE, Kind.CLOSE, Kind.COPY, Kind.LISTEN,
        Kind.UNLISTEN, Kind.NOTIFY, Kind.NOTHING, Kind.DO, Kind.REFUSED, Kind.DATABASE,
    }
)  # fmt: skip


def prepared_at_once(talk: Conversation, statement: Statement, types: tuple[int, ...]) -> Prepared | None:
    """What :func:`prepare` makes of a statement that the backend knows; None: ask it."""
    if statement.kind is not Kind.SQL:
        return None
    _check(talk, statement)
    asked = _typed(statement, types)
    description = talk.backend.describe_at_once(asked)
    return None if description is None else _prepared(asked, types, description)


async def prepare(talk: Conversation, statement: Statement, types: tuple[int, ...]) -> Prepared:
    """Find out what a statement wants and gives, without running it."""
    _check(talk, statement)
    kind, argument = statement.kind, statement.argument
    if kind is Kind.SQL or (kind is not Kind.DECLARE and kind not in _ROWLESS and kind not in OWN_ROWS):
        statement = _typed(statement, types)
        return _prepared(statement, types, await talk.backend.describe(statement))
    if isinstance(argument, Declare):
        asked = _typed(argument.statement, types)
        description = await talk.backend.describe(asked)
        statement = replace(statement, argument=replace(argument, statement=asked))
        return Prepared(statement, _parameter_oids(asked, types, description.parameters), None, description.exact)
    return Prepared(
        statement, _parameter_oids(statement, types, ()), own_shape(talk, statement) if kind in OWN_ROWS else None
    )


def _check(talk: Conversation, statement: Statement) -> None:
    """May it be prepared now?"""
    if len(talk.statements) >= STATEMENTS_MAX:
        raise StatementError("53400", f"a session has at most {STATEMENTS_MAX} prepared statements")
    kind = statement.kind
    if talk.backend.status == "E" and kind is not Kind.EMPTY and kind not in WAYS_OUT:
        raise aborted()


def _typed(statement: Statement, types: tuple[int, ...]) -> Statement:
    """The statement with the types that the client declared: what operators do with such values only they tell."""
    if not any(types):
        return statement
    given = tuple([_given(oid) for oid in types])
    return replace(statement, given=given, asks=statement.asks or not PLAIN_TYPES.issuperset(given))


def _prepared(statement: Statement, types: tuple[int, ...], description: Description) -> Prepared:
    shape = shape_of(description.columns) if description.columns is not None else None
    return Prepared(statement, _parameter_oids(statement, types, description.parameters), shape, description.exact)


def _given(oid: int) -> str | None:
    """The type that a client declared for a parameter."""
    if oid in TYPES:
        return TYPES[oid].name if oid != UNKNOWN else None
    return made.by_number(oid) if made.is_number(oid) else None


def _parameter_oids(statement: Statement, types: tuple[int, ...], wanted: tuple[str | None, ...]) -> tuple[int, ...]:
    """Each parameter's type: as the client said, as it is cast, as inference says, else text."""
    if not (types or wanted or statement.parameters):
        return ()
    casts = dict(statement.casts)
    oids = []
    for index in range(max(len(types), len(wanted), statement.parameters)):
        oid = types[index] if index < len(types) else 0
        if not oid or oid == UNKNOWN:
            name = (wanted[index] if index < len(wanted) else None) or casts.get(index + 1)
            oid = of_name(name)[0] if name else TEXT_OID
        elif made.is_number(oid) and index < len(wanted) and made.is_made(wanted[index] or ""):
            told = of_name(wanted[index] or "")[0]
            oid = told if int(told) == oid else oid
        oids.append(oid)
    return tuple(oids)


def values_of(prepared: Prepared, message: Bind, manner: Manner | None) -> tuple[Value, ...]:
    """The parameters of a Bind as SQLite shall have them."""
    oids = prepared.parameters
    given = message.parameters
    if len(given) != len(oids):
        raise StatementError(
            "08P01",
            f'bind message supplies {len(given)} parameters, but prepared statement "{message.statement}" requires {len(oids)}',
        )
    formats = message.parameter_formats
    if len(formats) > 1 and len(formats) != len(given):
        raise StatementError("08P01", f"bind message has {len(formats)} parameter formats but {len(given)} parameters")
    return tuple(
        [None if raw is None else read(raw) for read, raw in zip(prepared.readers(formats, manner), given, strict=True)]
    )


async def run(talk: Conversation, statement: Statement, *, alone: bool, values: tuple[Value, ...] = ()) -> Answer:
    """PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE.

    :param values: of a DECLARE, whose query may have parameters in the extended protocol.
    """
    if talk.backend.status == "E":
        raise aborted()
    answer: Answer = await OWN[statement.kind](talk, statement.argument, alone, values)
    return answer


async def _prepare(talk: Conversation, argument: Prepare, alone: bool, values: tuple[Value, ...]) -> Answer:
    if argument.name in talk.statements:
        raise StatementError("42P05", f'prepared statement "{argument.name}" already exists')
    types = tuple(of_name(name)[0] for name in argument.types)
    prepared = talk.statements[argument.name] = await prepare(talk, argument.statement, types)
    prepared.by_sql = True
    return Answer("PREPARE")


async def _execute(talk: Conversation, argument: ExecuteStatement, alone: bool, values: tuple[Value, ...]) -> Answer:
    prepared = talk.statements.get(argument.name)
    if prepared is None:
        raise no_statement(argument.name)
    if prepared.statement.kind in _NOT_EXECUTED:
        raise StatementError("0A000", f"EXECUTE of {prepared.statement.verb} is not supported")
    if argument.explained is not None:
        words = without_values(prepared.statement.words)
        (told,) = talk.backend.parse(f"EXPLAIN (FORMAT {argument.explained}) {words}")
        return await talk.execute(told, (), alone=alone)
    given: Row = ()
    if argument.statement is not None:
        evaluated = await talk.execute(argument.statement, (), alone=alone)
        given = evaluated.rows[0] if evaluated.rows else ()
    if len(given) != len(prepared.parameters):
        raise StatementError(
            "42601",
            f'wrong number of parameters for prepared statement "{argument.name}"',
            detail=f"Expected {len(prepared.parameters)} parameters but got {len(given)}.",
        )
    values = tuple(
        value if not isinstance(value, str) or (number in prepared.exact and oid == NUMERIC) else from_text(oid, value)
        for number, (oid, value) in enumerate(zip(prepared.parameters, given, strict=True), 1)
    )
    if prepared.statement.kind in OWN:
        return await run(talk, prepared.statement, alone=alone)
    answer = await talk.execute(prepared.statement, values, alone=alone)
    talk.after(prepared.statement)
    return answer


def without_values(words: str) -> str:
    """A statement with NULL for each parameter: its plan can be told, though nobody has given a value."""
    made, at = "", 0
    for token in tokenize(words):
        if token.kind == PARAMETER:
            made += words[at : token.start] + "NULL"
            at = token.end
    return made + words[at:]


async def _deallocate(talk: Conversation, argument: Name, alone: bool, values: tuple[Value, ...]) -> Answer:
    if argument.name is None:
        talk.statements.clear()
        return Answer("DEALLOCATE ALL")
    if talk.statements.pop(argument.name, None) is None:
        raise no_statement(argument.name)
    return Answer("DEALLOCATE")


async def _declare(talk: Conversation, argument: Declare, alone: bool, values: tuple[Value, ...]) -> Answer:
    if alone and not talk.implicit and not argument.hold and talk.backend.status == "I":
        raise StatementError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
    if argument.name in talk.portals:
        raise StatementError("42P03", f'cursor "{argument.name}" already exists')
    if len(talk.portals) >= PORTALS_MAX:
        raise StatementError("53400", f"a session has at most {PORTALS_MAX} portals")
    answer = await talk.execute(argument.statement, values, alone=alone)
    if answer.columns is None:
        raise StatementError("42601", "DECLARE CURSOR can only be used with a query")
    portal = Portal(argument.statement, values, shape_of(answer.columns, answer.rows))
    if argument.binary:
        portal.formats = (BINARY,) * len(answer.columns)
    portal.declared, portal.scroll, portal.held, portal.made = True, argument.scroll, argument.hold, time()
    portal.begin(answer)
    if argument.hold:
        try:
            await portal.keep()
        finally:
            if portal.answer is not None and portal.answer.rest is not None:
                portal.close()
    talk.name_portal(argument.name, portal)
    return Answer("DECLARE CURSOR")


async def _fetch(talk: Conversation, argument: Fetch, alone: bool, values: tuple[Value, ...]) -> Answer:
    portal = talk.portals.get(argument.name)
    if portal is None:
        raise StatementError("34000", f'cursor "{argument.name}" does not exist')
    if portal.answer is None:
        # Bound by the protocol and not executed yet.
        if portal.statement.kind is not Kind.SQL:
            raise StatementError("55000", f'portal "{argument.name}" cannot be run')
        portal.begin(await talk.backend.execute(portal.statement, portal.values, alone=alone))
        talk.implicit = talk.implicit or not alone
    if portal.shape is None:
        raise StatementError("55000", f'portal "{argument.name}" cannot be run')
    rows = await portal.fetch(argument.direction, argument.count)
    if argument.move:
        return Answer("MOVE", affected=len(rows))
    return Answer("FETCH", portal.shape.columns, rows, affected=len(rows))


async def _close(talk: Conversation, argument: Name, alone: bool, values: tuple[Value, ...]) -> Answer:
    if argument.name is None:
        talk.drop_portals(all=True)
        return Answer("CLOSE CURSOR ALL")
    portal = talk.portals.pop(argument.name, None)
    if portal is None:
        raise StatementError("34000", f'cursor "{argument.name}" does not exist')
    portal.close()
    return Answer("CLOSE CURSOR")


def own_shape(talk: Conversation, statement: Statement) -> Shape | None:
    """What EXECUTE or FETCH will answer, as things stand: a statement may be parsed before what it names is there."""
    argument = statement.argument
    if isinstance(argument, ExecuteStatement):
        if argument.explained is not None:
            return shape_of((Column("QUERY PLAN", expression="json" if argument.explained == "json" else "text"),))
        prepared = talk.statements.get(argument.name)
        return None if prepared is None else prepared.shape
    assert isinstance(argument, Fetch)
    portal = None if argument.move else talk.portals.get(argument.name)
    return None if portal is None else portal.shape


OWN: Mapping[Kind, Any] = {
    Kind.PREPARE: _prepare,
    Kind.EXECUTE: _execute,
    Kind.DEALLOCATE: _deallocate,
    Kind.DECLARE: _declare,
    Kind.FETCH: _fetch,
    Kind.CLOSE: _close,
}
OWN_ROWS = frozenset({Kind.EXECUTE, Kind.FETCH})
#: What only a message of the protocol may name: COPY wants its rows, and an EXECUTE could be of itself.
_NOT_EXECUTED = frozenset({Kind.COPY, Kind.EXECUTE})
