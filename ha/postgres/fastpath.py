"""FunctionCall: a function by its number, as a statement of its own; so work clients with large objects. [pure]

https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.6
"""

from __future__ import annotations

from dataclasses import replace

from ha.errors import StatementError
from ha.postgres.answers import FunctionCallResponse
from ha.postgres.conversation import Conversation
from ha.postgres.decoding import reader
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Manner
from ha.postgres.pgtypes import BINARY, TYPES
from ha.postgres.questions import FunctionCall
from ha.values import Signature, Value


async def call(talk: Conversation, message: FunctionCall) -> None:
    """Call it, and say what it gave.

    :raises StatementError: 42883, there is no such function; 08P01, its arguments do not fit it; and its own.
    """
    function = talk.backend.function(message.function)
    if function is None:
        raise StatementError("42883", f"function with OID {message.function} does not exist")
    values = _arguments(message, function, talk.manner)
    numbers = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    (statement,) = talk.backend.parse(f"SELECT pg_catalog.{function.name}({numbers})")
    statement = replace(statement, given=tuple(TYPES[oid].name if oid in TYPES else None for oid in function.arguments))
    answer = await talk.backend.execute(statement, values, alone=not talk.implicit)
    for notice in answer.notices:
        talk.notice(notice)
    if talk.implicit:
        await talk.finish()
    value = answer.rows[0][0]
    encode = binary_encoder if message.result_format == BINARY else text_encoder
    raw = None if value is None else encode(function.result, -1, talk.manner)(value)
    answered = FunctionCallResponse(raw).encode()
    talk.out.append(answered)
    talk.size += len(answered)


def _arguments(message: FunctionCall, function: Signature, manner: Manner | None) -> tuple[Value, ...]:
    formats, given = message.argument_formats, message.arguments
    if len(given) != len(function.arguments):
        raise StatementError(
            "08P01",
            f"function call message contains {len(given)} arguments but function requires {len(function.arguments)}",
        )
    if len(formats) > 1 and len(formats) != len(given):
        raise StatementError(
            "08P01", f"function call message contains {len(formats)} argument formats but {len(given)} arguments"
        )
    each = formats if len(formats) > 1 else (formats or (0,)) * len(given)
    return tuple(
        None if raw is None else reader(oid, format, manner)(raw)
        for oid, format, raw in zip(function.arguments, each, given, strict=True)
    )
