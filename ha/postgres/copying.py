"""COPY to and from the client. [pure]

The formats are in :mod:`ha.postgres.copy`; here are the messages, and the way of the rows from and to the backend. Every function works
on a :class:`~ha.postgres.conversation.Conversation`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from ha.postgres import copy
from ha.postgres.answers import CopyInResponse, CopyOutResponse
from ha.postgres.conversation import Conversation, Incoming, complete
from ha.postgres.decoding import reader, texts_reader
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.manner import Manner
from ha.postgres.messages import CopyData, CopyDone
from ha.postgres.pgtypes import BINARY, TEXT
from ha.postgres.portals import aborted
from ha.postgres.shapes import shape_of
from ha.sql.kinds import Copy, Statement
from ha.values import Value

#: Rows of COPY … FROM STDIN that are given to the database at once, and how many bytes they may be.
COPY_ROWS_PER_BATCH = 5_000
COPY_BYTES_PER_BATCH = 1024 * 1024


async def begin(talk: Conversation, statement: Statement, *, alone: bool, rest: list[Statement] | None) -> None:
    """Begin a COPY in either direction; rows from the client come as messages of their own.

    :param rest: what follows it in a simple Query; None in the extended protocol.
    """
    options = statement.argument
    assert isinstance(options, Copy)
    if talk.backend.status == "E":
        raise aborted()
    if options.to_client:
        await _copy_out(talk, options, alone=alone, finish=rest is not None and not rest)
        return
    assert options.table is not None
    described = await talk.backend.describe(_selecting(talk, options))
    columns = described.columns or ()
    shape = shape_of(columns)
    format = BINARY if options.format == "binary" else TEXT
    names = tuple(column.name for column in columns)
    values = tuple(_reader(oid, format, talk.manner) for oid, _ in shape.types)
    talk.incoming = Incoming(options.table, names, values, copy.reader(options, names), rest)
    if talk.charset is not None and format == TEXT:
        talk.incoming.recode = talk.charset.pieces()
    talk.out.append(CopyInResponse(format, (format,) * len(columns)).encode())


def _selecting(talk: Conversation, options: Copy) -> Statement:
    """The query that a COPY of a table stands for."""
    if options.statement is not None:
        return options.statement
    columns = ", ".join(map(_quoted, options.columns)) or "*"
    (statement,) = talk.backend.parse(f"SELECT {columns} FROM {_quoted(options.table or '')}")
    return statement


async def _copy_out(talk: Conversation, options: Copy, *, alone: bool, finish: bool) -> None:
    answer = await talk.execute(_selecting(talk, options), (), alone=alone)
    columns = answer.columns or ()
    shape = shape_of(columns, answer.rows)
    format = BINARY if options.format == "binary" else TEXT
    manner, charset = talk.manner, talk.charset if format == TEXT else None
    if charset is not None and manner is not None:
        # The stream is converted as a whole: its writer looks at letters.
        manner = manner._replace(charset=None)
    encoders = [(binary_encoder if format else text_encoder)(*known, manner) for known in shape.types]
    writer = copy.Writer(options, [column.name for column in columns], encoders)
    talk.out.append(CopyOutResponse(format, (format,) * len(columns)).encode())

    def pieces(found: Iterable[bytes]) -> list[bytes]:
        return [CopyData(piece if charset is None else charset.encode(piece)).encode() for piece in found]

    talk.out += pieces(writer.head())
    count = await talk.rows(answer, lambda rows: b"".join(pieces(writer.row(row if columns else ()) for row in rows)))
    talk.out += pieces(writer.tail())
    talk.out.append(CopyDone().encode())
    if finish and talk.implicit:
        await talk.finish()
    talk.out.append(complete(f"COPY {count}"))


def take(talk: Conversation, data: bytes) -> Awaitable[None] | None:
    """A piece of the client's stream."""
    incoming = talk.incoming
    assert incoming is not None
    _take_rows(talk, incoming, incoming.reader.feed(data if incoming.recode is None else incoming.recode(data)))
    incoming.size += len(data)
    if len(incoming.rows) >= COPY_ROWS_PER_BATCH or incoming.size >= COPY_BYTES_PER_BATCH:
        return _store_rows(talk, incoming)
    return None


def _take_rows(talk: Conversation, incoming: Incoming, found: list[copy.Fields]) -> None:
    """Fields to values, by the types of the table's columns: column by column, because texts stay as they are."""
    if not incoming.values:
        incoming.rows += [()] * len(found)
    elif found:
        columns = [
            fields if read is None else read(fields)
            for read, fields in zip(incoming.values, zip(*found, strict=True), strict=True)
        ]
        incoming.rows += zip(*columns, strict=True)


def _reader(oid: int, format: int, manner: Manner | None) -> Callable[[Any], Sequence[Value]] | None:
    """A column's fields to values; None where they are values already."""
    if format == BINARY:
        read = reader(oid, BINARY, manner)
        return lambda fields: [None if field is None else read(field) for field in fields]
    return texts_reader(oid, manner)


async def _store_rows(talk: Conversation, incoming: Incoming) -> None:
    rows, incoming.rows, incoming.size = incoming.rows, [], 0
    if rows:
        talk.implicit = True
        await talk.backend.copy_in(incoming.table, incoming.columns, rows)
        incoming.count += len(rows)


async def end(talk: Conversation) -> list[Statement] | None:
    """The client has sent all its rows.

    :returns: what follows the COPY in a simple Query; None in the extended protocol.
    """
    incoming = talk.incoming
    assert incoming is not None
    _take_rows(talk, incoming, incoming.reader.finish())
    await _store_rows(talk, incoming)
    if incoming.rest is not None and not incoming.rest and talk.implicit:
        await talk.finish()
    talk.incoming = None
    talk.out.append(complete(f"COPY {incoming.count}"))
    return incoming.rest


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
