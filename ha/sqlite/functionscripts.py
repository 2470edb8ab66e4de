"""CREATE FUNCTION, DROP FUNCTION, and statements that call what was made.

What keeps a function is :mod:`ha.sqlite.functionviews`; what a call becomes, :mod:`ha.sql.storedfunctions` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ha.errors import Notice, StatementError
from ha.sql.edits import composed
from ha.sql.kinds import CreateFunction, DropFunction, Kind, Statement
from ha.sql.statements import split
from ha.sql.storedfunctions import Function, expanded
from ha.sql.tokens import quoted_name
from ha.sqlite.connection import Connection
from ha.sqlite.declared import fitted
from ha.sqlite.fetch import facts_of
from ha.sqlite.functionviews import gone, kept, text


def create(connection: Connection, argument: CreateFunction) -> list[str]:
    """The texts of one CREATE FUNCTION.

    :raises StatementError: 42723, it is there; 42P13, another result or other names; whatever is wrong with its query.
    """
    one, known = argument.function, kept(connection)
    before = next((other for other in known.get(one.name, ()) if other.signature == one.signature), None)
    if before is not None and not argument.replaces:
        raise StatementError("42723", f'function "{one.name}" already exists with same argument types')
    if before is not None and before.result != one.result:
        raise StatementError(
            "42P13", "cannot change return type of existing function", hint=f"Use DROP FUNCTION {one.signature} first."
        )
    _check(connection, one, known)
    made = text(one)
    return [made] if before is None else [gone(one), made]


def _check(connection: Connection, one: Function, known: Mapping[str, tuple[Function, ...]]) -> None:
    """Prepare a call with NULLs, which says what is wrong with the query."""
    others = tuple(other for other in known.get(one.name, ()) if other.signature != one.signature)
    if any(other.least <= len(one.arguments) and one.least <= len(other.arguments) for other in others):
        raise StatementError(
            "0A000", f"functions {one.name} that differ in their arguments' types only are not supported"
        )
    call = f"SELECT {quoted_name(one.name)}({', '.join(['NULL'] * len(one.arguments))})"
    found = expanded(call, {**known, one.name: (*others, one)})
    assert found is not None
    (statement,) = split(found[0])
    try:
        facts_of(connection, fitted(connection, statement).sql)
    except StatementError as error:
        error.position = None  # of a text that the client has not written
        raise


def drop(connection: Connection, argument: DropFunction, notices: list[Notice]) -> list[str]:
    """The texts of one DROP FUNCTION.

    :raises StatementError: 42883, there is none; 42725, there are several.
    """
    made: list[str] = []
    for name, types in argument.functions:
        found = [
            one
            for one in kept(connection).get(name, ())
            if types is None or types == tuple(given.words for given in one.arguments)
        ]
        shown = name if types is None else f"{name}({','.join(types)})"
        if len(found) > 1:
            raise StatementError("42725", f'function name "{name}" is not unique', hint="Specify the argument list.")
        if not found:
            if not argument.if_exists:
                words = (
                    f'could not find a function named "{name}"' if types is None else f"function {shown} does not exist"
                )
                raise StatementError("42883", words)
            notices.append(
                Notice("NOTICE", "00000", f"function {shown}{'()' * (types is None)} does not exist, skipping")
            )
        made += map(gone, found)
    return made


def written_out(connection: Connection, statement: Statement) -> Statement:
    """A statement whose calls of functions that clients made are written out."""
    if statement.kind is not Kind.SQL:
        return statement
    known = kept(connection)
    if not known:
        return statement
    void = frozenset(f"${at}" for at, kind in enumerate(statement.given, 1) if kind == "void")
    found = expanded(statement.text, known, void)
    if found is None:
        return statement
    words, edits = found
    (made,) = split(words)
    if statement.renamed:
        edits = composed(statement.renamed, edits)
    if made.renamed:
        edits = composed(edits, made.renamed)
    return replace(
        made,
        offset=statement.offset,
        said=statement.words,
        renamed=edits,
        schema=statement.schema,
        given=statement.given,
    )
