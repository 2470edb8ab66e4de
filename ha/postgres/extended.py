"""The extended protocol: statements that are parsed, portals that are bound, described, executed, closed. [pure]

Every function works on a :class:`~ha.postgres.conversation.Conversation`; the session's gate calls them, one for each message. Clients
send Bind, Describe, Execute and Sync together, and most for a read that nothing must be waited for: then the four are one step,
:func:`_ran_through`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ha.errors import StatementError
from ha.postgres import copying, named
from ha.postgres.answers import (
    BindComplete,
    CloseComplete,
    NoData,
    ParameterDescription,
    ParseComplete,
    PortalSuspended,
)
from ha.postgres.conversation import (
    ANSWER_BYTES_MAX,
    CHANGED,
    EMPTY,
    PORTALS_MAX,
    WAYS_OUT,
    Conversation,
    complete,
    tag_of,
)
from ha.postgres.portals import Portal, aborted, no_portal, no_statement
from ha.postgres.questions import Bind, Close, Describe, Execute, Parse, Sync
from ha.postgres.shapes import shape_of
from ha.sql.kinds import Kind, Statement
from ha.values import Answer

_PARSE_COMPLETE = ParseComplete().encode()
_BIND_COMPLETE = BindComplete().encode()
_CLOSE_COMPLETE = CloseComplete().encode()
_NO_DATA = NoData().encode()
_SUSPENDED = PortalSuspended().encode()

_NO_STATEMENT = Statement(text="", offset=0, kind=Kind.EMPTY, sql="", verb="")

#: Statements that change rows run to their end at the first Execute, whatever its row limit.
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})

#: What most clients send behind a Bind: with and without the question what the rows are.
_RUN = Execute("", 0).encode() + Sync().encode()
_DESCRIBE_AND_RUN = Describe("P", "").encode() + _RUN


def parse(talk: Conversation, message: Parse) -> Awaitable[None] | None:
    """Parse: prepare a statement under a name, or under none."""
    name = message.name
    if name and name in talk.statements:
        raise StatementError("42P05", f'prepared statement "{name}" already exists')
    if not name:
        talk.statements.pop("", None)
    statement = _one(talk, message.query)
    prepared = named.prepared_at_once(talk, statement, message.parameter_types)
    if prepared is None:
        return _parse(talk, message, statement)
    talk.statements[name] = prepared
    talk.out.append(_PARSE_COMPLETE)
    return None


async def _parse(talk: Conversation, message: Parse, statement: Statement) -> None:
    """The same, of a statement that is not known."""
    talk.statements[message.name] = await named.prepare(talk, statement, message.parameter_types)
    talk.out.append(_PARSE_COMPLETE)


def _one(talk: Conversation, text: str) -> Statement:
    """The one statement of a Parse's text."""
    statements: Sequence[Statement] = talk.backend.parse(text)
    if len(statements) == 1:
        return statements[0]
    statements = [s for s in statements if s.kind is not Kind.EMPTY]
    if len(statements) > 1:
        raise StatementError("42601", "cannot insert multiple commands into a prepared statement")
    return statements[0] if statements else _NO_STATEMENT


def bind(talk: Conversation, message: Bind) -> None:
    """Bind: a prepared statement with its values becomes a portal."""
    prepared = talk.statements.get(message.statement)
    if prepared is None:
        raise no_statement(message.statement)
    name = message.portal
    if name in talk.portals:
        if name:
            raise StatementError("42P03", f'cursor "{name}" already exists')
        talk.portals.pop("").close()
    elif len(talk.portals) >= PORTALS_MAX:
        raise StatementError("53400", f"a session has at most {PORTALS_MAX} portals")
    statement = prepared.statement
    if talk.backend.status == "E" and statement.kind not in WAYS_OUT and statement.kind is not Kind.EMPTY:
        raise aborted()
    values = named.values_of(prepared, message, talk.manner) if message.parameters or prepared.parameters else ()
    shape = prepared.shape if statement.kind not in named.OWN_ROWS else named.own_shape(talk, statement)
    formats: tuple[int, ...] = ()
    if message.result_formats and shape is not None:
        try:
            formats = shape.formats(message.result_formats)
        except ValueError:
            raise StatementError(
                "08P01",
                f"bind message has {len(message.result_formats)} result formats but query has {len(shape.types)} columns",
            ) from None
    portal = Portal(statement, values, shape, formats)
    portal.announced = prepared.announced
    talk.out.append(_BIND_COMPLETE)
    if name or not _ran_through(talk, portal):
        talk.name_portal(name, portal)


def _ran_through(talk: Conversation, portal: Portal) -> bool:
    """Do at once what most clients send behind a Bind, if that is what follows, and the rows are at hand.

    False: the messages that follow are yet to be done, one by one, and the portal must be there for them.
    """
    decoder, statement, shape = talk.decoder, portal.statement, portal.shape
    described = decoder.continues(_DESCRIBE_AND_RUN)
    if shape is None or talk.implicit or not (described or decoder.continues(_RUN)):
        return False
    # Where nothing was announced yet, the rows may say what they are.
    seeing = shape.guessed and not portal.announced and (not described or statement.verb == "SELECT")
    try:
        answer = talk.backend.execute_at_once(statement, portal.values)
        if answer is None:
            return False
        if "set_config" in statement.sql:
            talk.settings_changed()
        if answer.columns is None or not shape.fits(answer.columns):
            if answer.rest is not None:
                answer.rest.close()
            raise StatementError("0A000", CHANGED)
    except StatementError:
        if described and not seeing:
            _announce(talk, portal)  # it comes before the error
        raise
    if seeing:
        portal.shape = shape = shape_of(answer.columns, answer.rows)
    portal.begin(answer)
    if answer.rest is not None:
        return False
    if described:
        _announce(talk, portal)
    talk.whole(answer, shape, portal.formats)
    decoder.skip(len(_DESCRIBE_AND_RUN if described else _RUN))
    talk.ready()
    return True


def describe(talk: Conversation, message: Describe) -> Awaitable[None] | None:
    """Describe: what a statement wants and gives, or what a portal gives."""
    if message.kind == "S":
        prepared = talk.statements.get(message.name)
        if prepared is None:
            raise no_statement(message.name)
        prepared.announced = True
        talk.out.append(ParameterDescription(prepared.parameters).encode())
        talk.out.append(_NO_DATA if prepared.shape is None else prepared.shape.description())
        return None
    portal = talk.portals.get(message.name)
    if portal is None:
        raise no_portal(message.name)
    shape = portal.shape
    if (
        shape is not None
        and shape.guessed
        and portal.answer is None
        and not portal.announced
        and portal.statement.verb == "SELECT"
        and talk.decoder.waiting(b"E")
    ):
        # It is about to run anyway: let its rows say what they are.
        return _describe_running(talk, portal)
    _announce(talk, portal)
    return None


async def _describe_running(talk: Conversation, portal: Portal) -> None:
    await _begin(talk, portal, alone=not talk.implicit and talk.decoder.waiting(b"ES"), rows_max=0)
    _announce(talk, portal)


def _announce(talk: Conversation, portal: Portal) -> None:
    portal.announced = True
    talk.out.append(_NO_DATA if portal.shape is None else portal.shape.description(portal.formats))


async def _begin(talk: Conversation, portal: Portal, *, alone: bool, rows_max: int) -> Answer:
    """Run a portal's statement; its rows are not taken yet.

    :raises StatementError: its own, or 0A000 when its columns are no longer those that were announced.
    """
    statement, shape = portal.statement, portal.shape
    kind = statement.kind
    if kind is not Kind.SQL and kind in named.OWN:
        answer = await named.run(talk, statement, alone=alone, values=portal.values)
    else:
        if shape is not None and statement.verb in _CHANGING:
            # What RETURNING gives must be found out before anything is written.
            now = await talk.backend.describe(statement)
            if now.columns is None or not shape.fits(now.columns):
                raise StatementError("0A000", CHANGED)
        answer = await talk.backend.execute(statement, portal.values, alone=alone, rows_max=rows_max)
        if not alone:
            talk.implicit = True
        if kind is not Kind.SQL:
            talk.after(statement)
        elif "set_config" in statement.sql:
            talk.settings_changed()
    for notice in answer.notices:
        talk.notice(notice)
    if shape is not None and answer.columns is not None:
        if not shape.fits(answer.columns):
            if answer.rest is not None:
                answer.rest.close()
            raise StatementError("0A000", CHANGED)
        if shape.guessed and not portal.announced:
            portal.shape = shape_of(answer.columns, answer.rows)
    portal.begin(answer)
    return answer


async def execute(talk: Conversation, message: Execute) -> None:
    """Execute: a portal's rows, all or some."""
    portal = talk.portals.get(message.portal)
    if portal is None:
        raise no_portal(message.portal)
    statement = portal.statement
    answer = portal.answer
    if answer is None:
        kind = statement.kind
        if kind is Kind.EMPTY:
            talk.out.append(EMPTY)
            return
        # A statement whose batch ends here is its own transaction: nobody needs to hold the writer for it.
        alone = not talk.implicit and talk.decoder.waiting(b"S")
        if kind is Kind.COPY:
            await copying.begin(talk, statement, alone=alone, rest=None)
            return
        rows_max = message.max_rows if portal.shape is not None and statement.verb not in _CHANGING else 0
        answer = await _begin(talk, portal, alone=alone, rows_max=rows_max)
        shape = portal.shape
        if shape is None:
            # No rows were announced: none can be sent.
            portal.close()
            talk.out.append(complete(tag_of(answer, len(answer.rows))))
            return
        if not message.max_rows:
            # All of it, without the portal's bookkeeping.
            count = await talk.rows(answer, shape.encoder(portal.formats, talk.manner))
            portal.close()
            talk.out.append(complete(tag_of(answer, count)))
            return
    elif portal.shape is None:
        raise StatementError("55000", f'portal "{message.portal}" cannot be run')
    await _go_on(talk, portal, message.max_rows)


async def _go_on(talk: Conversation, portal: Portal, rows_max: int) -> None:
    """The next rows of a portal, and whether there may be more."""
    assert portal.shape is not None and portal.answer is not None
    encode = portal.shape.encoder(portal.formats, talk.manner)
    count = 0
    while not rows_max or count < rows_max:
        rows = await portal.take(rows_max - count if rows_max else 0)
        if not rows:
            break
        count += len(rows)
        data = encode(rows)
        talk.out.append(data)
        talk.size += len(data)
        if talk.size > ANSWER_BYTES_MAX:
            await talk.pause()
    portal.position += count
    talk.out.append(_SUSPENDED if rows_max and count == rows_max else complete(tag_of(portal.answer, count)))


def close(talk: Conversation, message: Close) -> None:
    """Close: a statement or a portal is not needed any more."""
    if message.kind == "S":
        talk.statements.pop(message.name, None)
    else:
        portal = talk.portals.pop(message.name, None)
        if portal is not None:
            portal.close()
    talk.out.append(_CLOSE_COMPLETE)
