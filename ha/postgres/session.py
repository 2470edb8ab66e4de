"""One client's conversation: phases, statements, portals. It knows messages, but no sockets.

Bytes are given to :meth:`Session.feed`; :meth:`Session.run` is the one coroutine that works through them, message after message,
strictly in order. It runs eagerly: most statements are answered without suspending, and all answers to one read leave in one
write. One table, :data:`GATE`, says what each phase does with each message; a pair that is not in it ends the connection.

The session owns the phase, the prepared statements and the portals. Settings and the transaction are the backend's
(:class:`Backend`), bytes on their way are the wire's (:class:`Wire`): it asks them and keeps no copy.

Two kinds of failing. :class:`ha.errors.StatementError` is an answer: ErrorResponse, and on. Anything else that escapes from
:meth:`run` is a bug of ours; whoever drives the session logs it and calls :meth:`break_off`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from ha.errors import StatementError
from ha.postgres import copying, named
from ha.postgres.answers import (
    Authentication,
    BackendKeyData,
    BindComplete,
    CloseComplete,
    EmptyQueryResponse,
    NegotiateProtocolVersion,
    NoData,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
)
from ha.postgres.conversation import (
    ANSWER_BYTES_MAX,
    CHANGED,
    PORTALS_MAX,
    WAYS_OUT,
    Conversation,
    complete,
    error_response,
    tag_of,
)
from ha.postgres.decoder import Decoder, Malformed
from ha.postgres.door import Door, Login, Nobody, Wire
from ha.postgres.manner import Charset
from ha.postgres.messages import (
    CANCEL_KEY_BYTES,
    LONG_CANCEL_KEY_BYTES,
    MESSAGE_BYTES_MAX,
    MINOR_MAX,
    PROTOCOL_3_0,
    PROTOCOL_3_2,
    CopyData,
    CopyDone,
    NoPacket,
    ProtocolViolation,
)
from ha.postgres.pgtypes import spoken
from ha.postgres.portals import Portal, aborted, no_portal, no_statement
from ha.postgres.questions import (
    AuthenticationAnswer,
    Bind,
    CancelRequest,
    Close,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    GSSENCRequest,
    Parse,
    Query,
    SSLRequest,
    StartupMessage,
    Sync,
    Terminate,
)
from ha.postgres.shapes import shape_of
from ha.postgres.startup import settings_of
from ha.sql.kinds import Kind, Statement
from ha.sql.lifting import put_back
from ha.values import Answer, NamedStatement

#: Notifications that wait for the end of the client's transaction.
NOTIFICATIONS_MAX = 10_000


class Phase(Enum):
    """Where the conversation stands."""

    OPENING = "opening"  # untagged packets: TLS or not, who are you
    LOGIN = "login"
    READY = "ready"
    SKIPPING = "skipping"  # after an error of the extended protocol, until Sync
    COPY_IN = "copy in"  # the client sends rows
    CLOSED = "closed"


_PARSE_COMPLETE = ParseComplete().encode()
_BIND_COMPLETE = BindComplete().encode()
_CLOSE_COMPLETE = CloseComplete().encode()
_NO_DATA = NoData().encode()
_SUSPENDED = PortalSuspended().encode()
_EMPTY = EmptyQueryResponse().encode()
_READY = {status: ReadyForQuery(status).encode() for status in "ITE"}


_NO_STATEMENT = Statement(text="", offset=0, kind=Kind.EMPTY, sql="", verb="")


class Session(Conversation):
    """One client.

    :param wire: where answers go.
    :param door: what the port's sessions share.
    :ivar phase: where the conversation stands.
    :ivar feed: takes what arrived; :meth:`run` works through it.
    """

    def __init__(self, wire: Wire, door: Door) -> None:
        super().__init__(wire)
        self._door = door
        self._decoder = Decoder()
        self.feed = self._decoder.feed
        self._next: Callable[[], Any] = self._decoder.opening
        #: False once the current run has suspended: then every turn of the client is sent as it ends.
        self.eager = True
        self.phase = Phase.OPENING
        self._gate: Mapping[type, Any] = GATE[Phase.OPENING]
        self._login: Login | None = None
        self._startup: StartupMessage | None = None
        self._process_id = 0
        self._running = False
        self._reported: dict[str, str] = {}
        self._notifications: list[bytes] = []

    # --- driving ---

    @property
    def logged_in(self) -> bool:
        """Has the client been let in?"""
        return self._process_id != 0

    @property
    def buffered(self) -> int:
        """Bytes received and not yet worked through."""
        return self._decoder.buffered

    async def run(self) -> None:
        """Work through every whole message that has arrived.

        :raises Gone: the client has left.
        """
        while self.phase is not Phase.CLOSED:
            kind: type = type(None)
            try:
                message = self._next()
                if message is None:
                    break
                kind = message.__class__
                act = self._gate.get(message.kind if kind is Malformed else kind)
                if act is None:
                    raise ProtocolViolation(f"unexpected message {kind.__name__} while {self.phase.value}")
                if act is PASS:
                    continue
                if kind is Malformed:
                    kind = message.kind
                    raise StatementError(message.sqlstate, message.message)
                doing = act(self, message)
                if doing is not None:
                    self._running = True
                    await doing
                    self._running = False
            except StatementError as error:
                await self._failed(error, kind)
            except NoPacket:
                self._hang_up()
            except ProtocolViolation as error:
                self._fatal(StatementError("08P01", str(error)))
            if self.size > ANSWER_BYTES_MAX:
                await self.pause()
        self._running = False

    def cancel(self) -> None:
        """Interrupt the statement that runs now, if one does."""
        if self._running:
            self.backend.cancel()

    def break_off(self, error: StatementError) -> None:
        """Say this last thing and hang up. For bugs of ours, shutdown and administrators."""
        if self.phase is not Phase.CLOSED:
            self._fatal(error)
            self.flush()

    async def close(self) -> None:
        """The connection has ended and :meth:`run` with it: roll back, release everything."""
        self._enter(Phase.CLOSED)
        if self._process_id:
            self._door.cancels.forget(self._process_id)
        if self._login is not None:
            self._login.close()
        self.drop_portals(all=True)
        self.statements.clear()
        backend, self.backend = self.backend, Nobody()
        await backend.close()

    def leave(self) -> None:
        """The client has left while :meth:`run` works: interrupt it, and let nothing more begin."""
        self.cancel()
        self._enter(Phase.CLOSED)

    def _enter(self, phase: Phase) -> None:
        if self.phase is Phase.CLOSED:
            return
        self.phase = phase
        self._gate = GATE[phase]

    def _fatal(self, error: StatementError) -> None:
        """The last word."""
        self.out.append(error_response(error, "FATAL").encode())
        self._hang_up()

    def _hang_up(self) -> None:
        self._enter(Phase.CLOSED)
        self.flush()
        self.wire.hang_up()

    async def _failed(self, error: StatementError, kind: type) -> None:
        """Answer an error; what follows depends on which protocol it happened in."""
        if not self.logged_in:
            self._fatal(error)
            return
        incoming, self.incoming = self.incoming, None
        self.implicit = False
        await self.backend.fail()
        self.drop_portals()
        self.out.append(error_response(error).encode())
        self.settings_touched = True
        if kind is Query or kind is Sync or (incoming is not None and incoming.rest is not None):
            self._enter(Phase.READY)
            self._ready()
        else:
            self._enter(Phase.SKIPPING)

    # --- opening and login ---

    def _ssl_request(self, message: SSLRequest) -> None:
        if not self._door.tls or self.wire.secured:
            self.out.append(b"N")
            return
        if self._decoder.buffered:
            # Bytes sent in the clear must not be read as if TLS had protected them (CVE-2021-23214).
            raise ProtocolViolation("received unencrypted data after SSL request")
        self.flush()
        self.wire.write(b"S")
        self.wire.start_tls()

    def _gssenc_request(self, message: GSSENCRequest) -> None:
        self.out.append(b"N")

    def _cancel_request(self, message: CancelRequest) -> None:
        self._door.cancels.cancel(message.process_id, message.secret_key)
        self._hang_up()

    def _startup_message(self, message: StartupMessage) -> None:
        major, minor = divmod(message.protocol, 1 << 16)
        if major != 3:
            raise StatementError(
                "0A000", f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{MINOR_MAX}"
            )
        options = tuple(name for name in message.parameters if name.startswith("_pq_."))
        if minor > MINOR_MAX or options:
            spoken = min(message.protocol, PROTOCOL_3_0 | MINOR_MAX)
            self.out.append(NegotiateProtocolVersion(spoken, options).encode())
        user = message.parameters.get("user")
        if not user:
            raise StatementError("28000", "no PostgreSQL user name specified in startup packet")
        if message.parameters.get("replication", "false").lower() not in ("false", "off", "no", "0"):
            raise StatementError("0A000", "physical replication is not spoken here")
        self._startup = message
        self._next = self._decoder.next
        self._enter(Phase.LOGIN)
        self._login = self._door.login(user, self.wire)
        self._login_step(None)

    def _authentication_answer(self, message: AuthenticationAnswer) -> None:
        self._login_step(message.body)

    def _login_step(self, answer: bytes | None) -> None:
        assert self._login is not None
        try:
            step = self._login.send(answer)  # type: ignore[arg-type]
        except StopIteration as end:
            self._login = None
            self._welcome(end.value)
            return
        self.out.append(step.encode())
        if step.code == 12:
            # The outcome of SASL wants no answer.
            self._login_step(b"")

    def _welcome(self, user: str) -> None:
        """Let the client in: its database, its settings, what its library wants to know."""
        assert self._startup is not None
        parameters = self._startup.parameters
        backend = self._door.connect(parameters.get("database") or user, user)
        self.backend = backend
        for name, value in settings_of(parameters):
            backend.variables.start(name, value)
        backend.named_statements = self._named_statements
        backend.on_notification = self._notified
        backend.on_expired = self.break_off
        self._decoder.bytes_max = MESSAGE_BYTES_MAX
        self._process_id = backend.pid
        long = self._startup.protocol >= PROTOCOL_3_2
        key = self._door.cancels.register(self.cancel, backend.pid, LONG_CANCEL_KEY_BYTES if long else CANCEL_KEY_BYTES)
        self.out.append(Authentication(0).encode())
        self.settings_changed()
        self.settings_touched = False
        self._reported = dict(backend.variables.reported())
        for name, value in self._reported.items():
            self.out.append(ParameterStatus(name, value).encode())
        self.out.append(BackendKeyData(self._process_id, key).encode())
        self._enter(Phase.READY)
        self.out.append(_READY[backend.status])

    def speak(self, charset: Charset | None) -> None:
        super().speak(charset)
        self._decoder.charset = charset

    def _named_statements(self) -> list[NamedStatement]:
        """For ``pg_prepared_statements``; may be asked in any thread."""
        return [
            NamedStatement(name, one.statement.words, tuple(map(spoken, one.parameters)), one.made, one.by_sql)
            for name, one in list(self.statements.items())
            if name
        ]

    # --- the client's turn ends ---

    def _ready(self) -> None:
        """Everything that belongs before ReadyForQuery, and ReadyForQuery."""
        status = self.backend.status
        out = self.out
        if status == "I" and self.portals:
            self.drop_portals()
        if self.settings_touched:
            self.settings_touched = False
            now = self.backend.variables.reported()
            for name, value in now.items():
                if self._reported.get(name) != value:
                    out.append(ParameterStatus(name, value).encode())
            self._reported = dict(now)
        if self._notifications and status == "I":
            out += self._notifications
            self._notifications.clear()
        out.append(_READY[status])
        self.implicit = False
        if not self.eager:
            self.flush()

    def _notified(self, process_id: int, channel: str, payload: str) -> None:
        """The backend's call: somebody said NOTIFY."""
        if len(self._notifications) < NOTIFICATIONS_MAX:
            self._notifications.append(NotificationResponse(process_id, channel, payload).encode())
        if not self._running and self.phase is Phase.READY and self.backend.status == "I" and not self.out:
            self.out, self._notifications = self._notifications, []
            self.flush()

    # --- simple query ---

    async def _query(self, message: Query) -> None:
        self.statements.pop("", None)
        if "" in self.portals:
            self.portals.pop("").close()
        lifted = self.backend.lift(message.query)
        if lifted is not None:
            statement = lifted.statement
            try:
                answer = await self.backend.execute(statement, lifted.values)
            except StatementError as error:
                raise put_back(error, message.query) from error
            await self.answer(statement, answer)
            self._ready()
            return
        statements = self.backend.parse(message.query)
        if len(statements) == 1 and statements[0].kind is Kind.SQL:
            # The common case, flat: one statement that is its own transaction.
            statement = statements[0]
            answer = await self.backend.execute(statement, ())
            await self.answer(statement, answer)
            self._ready()
            return
        await self._statements_in_turn([s for s in statements if s.kind is not Kind.EMPTY], first=True)

    async def _statements_in_turn(self, statements: list[Statement], *, first: bool) -> None:
        """The statements of one Query, which share an implicit transaction; COPY may interrupt it."""
        alone = first and len(statements) == 1
        if first and not statements:
            self.out.append(_EMPTY)
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            await self._statement(statement, alone=alone, last=not rest, rest=rest)
            if self.incoming is not None:
                return
        self._ready()

    async def _statement(self, statement: Statement, *, alone: bool, last: bool, rest: list[Statement]) -> None:
        """One statement of a simple Query."""
        kind = statement.kind
        if kind is Kind.COPY:
            await self._copy(statement, alone=alone, rest=rest)
            return
        if kind in named.OWN:
            answer = await named.run(self, statement, alone=alone)
        else:
            answer = await self.backend.execute(statement, (), alone=alone)
            self.implicit = self.implicit or not alone
            self.after(statement)
        await self.answer(statement, answer, finish=last and self.implicit)

    # --- extended query ---

    async def _parse(self, message: Parse) -> None:
        name = message.name
        if name and name in self.statements:
            raise StatementError("42P05", f'prepared statement "{name}" already exists')
        if not name:
            self.statements.pop("", None)
        self.statements[name] = await named.prepare(self, self._one(message.query), message.parameter_types)
        self.out.append(_PARSE_COMPLETE)

    def _one(self, text: str) -> Statement:
        statements: Sequence[Statement] = self.backend.parse(text)
        if len(statements) == 1:
            return statements[0]
        statements = [s for s in statements if s.kind is not Kind.EMPTY]
        if len(statements) > 1:
            raise StatementError("42601", "cannot insert multiple commands into a prepared statement")
        return statements[0] if statements else _NO_STATEMENT

    def _bind(self, message: Bind) -> None:
        prepared = self.statements.get(message.statement)
        if prepared is None:
            raise no_statement(message.statement)
        name = message.portal
        if name in self.portals:
            if name:
                raise StatementError("42P03", f'cursor "{name}" already exists')
            self.portals.pop("").close()
        elif len(self.portals) >= PORTALS_MAX:
            raise StatementError("53400", f"a session has at most {PORTALS_MAX} portals")
        statement = prepared.statement
        if self.backend.status == "E" and statement.kind not in WAYS_OUT and statement.kind is not Kind.EMPTY:
            raise aborted()
        values = named.values_of(prepared, message, self.manner) if message.parameters or prepared.parameters else ()
        shape = prepared.shape if statement.kind not in named.OWN_ROWS else named.own_shape(self, statement)
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
        self.name_portal(name, portal)
        self.out.append(_BIND_COMPLETE)

    def _describe(self, message: Describe) -> Awaitable[None] | None:
        if message.kind == "S":
            prepared = self.statements.get(message.name)
            if prepared is None:
                raise no_statement(message.name)
            prepared.announced = True
            self.out.append(ParameterDescription(prepared.parameters).encode())
            self.out.append(_NO_DATA if prepared.shape is None else prepared.shape.description())
            return None
        portal = self.portals.get(message.name)
        if portal is None:
            raise no_portal(message.name)
        shape = portal.shape
        if (
            shape is not None
            and shape.guessed
            and portal.answer is None
            and not portal.announced
            and portal.statement.verb == "SELECT"
            and self._decoder.waiting(b"E")
        ):
            # It is about to run anyway: let its rows say what they are.
            return self._describe_running(portal)
        self._announce(portal)
        return None

    async def _describe_running(self, portal: Portal) -> None:
        await self._begin(portal, alone=not self.implicit and self._decoder.waiting(b"ES"), rows_max=0)
        self._announce(portal)

    def _announce(self, portal: Portal) -> None:
        portal.announced = True
        self.out.append(_NO_DATA if portal.shape is None else portal.shape.description(portal.formats))

    async def _begin(self, portal: Portal, *, alone: bool, rows_max: int) -> Answer:
        """Run a portal's statement; its rows are not taken yet.

        :raises StatementError: its own, or 0A000 when its columns are no longer those that were announced.
        """
        statement, shape = portal.statement, portal.shape
        kind = statement.kind
        if kind is not Kind.SQL and kind in named.OWN:
            answer = await named.run(self, statement, alone=alone, values=portal.values)
        else:
            if shape is not None and statement.verb in _CHANGING:
                # What RETURNING gives must be found out before anything is written.
                now = await self.backend.describe(statement)
                if now.columns is None or not shape.fits(now.columns):
                    raise StatementError("0A000", CHANGED)
            answer = await self.backend.execute(statement, portal.values, alone=alone, rows_max=rows_max)
            if not alone:
                self.implicit = True
            if kind is not Kind.SQL:
                self.after(statement)
            elif "set_config" in statement.sql:
                self.settings_changed()
        for notice in answer.notices:
            self.notice(notice)
        if shape is not None and answer.columns is not None:
            if not shape.fits(answer.columns):
                if answer.rest is not None:
                    answer.rest.close()
                raise StatementError("0A000", CHANGED)
            if shape.guessed and not portal.announced:
                portal.shape = shape_of(answer.columns, answer.rows)
        portal.begin(answer)
        return answer

    async def _execute(self, message: Execute) -> None:
        portal = self.portals.get(message.portal)
        if portal is None:
            raise no_portal(message.portal)
        statement = portal.statement
        answer = portal.answer
        if answer is None:
            kind = statement.kind
            if kind is Kind.EMPTY:
                self.out.append(_EMPTY)
                return
            # A statement whose batch ends here is its own transaction: nobody needs to hold the writer for it.
            alone = not self.implicit and self._decoder.waiting(b"S")
            if kind is Kind.COPY:
                await self._copy(statement, alone=alone, rest=None)
                return
            rows_max = message.max_rows if portal.shape is not None and statement.verb not in _CHANGING else 0
            answer = await self._begin(portal, alone=alone, rows_max=rows_max)
            shape = portal.shape
            if shape is None:
                # No rows were announced: none can be sent.
                portal.close()
                self.out.append(complete(tag_of(answer, len(answer.rows))))
                return
            if not message.max_rows:
                # All of it, without the portal's bookkeeping.
                count = await self.rows(answer, shape.encoder(portal.formats, self.manner))
                portal.close()
                self.out.append(complete(tag_of(answer, count)))
                return
        elif portal.shape is None:
            raise StatementError("55000", f'portal "{message.portal}" cannot be run')
        await self._go_on(portal, message.max_rows)

    async def _go_on(self, portal: Portal, rows_max: int) -> None:
        """The next rows of a portal, and whether there may be more."""
        assert portal.shape is not None and portal.answer is not None
        encode = portal.shape.encoder(portal.formats, self.manner)
        count = 0
        while not rows_max or count < rows_max:
            rows = await portal.take(rows_max - count if rows_max else 0)
            if not rows:
                break
            count += len(rows)
            data = encode(rows)
            self.out.append(data)
            self.size += len(data)
            if self.size > ANSWER_BYTES_MAX:
                await self.pause()
        portal.position += count
        self.out.append(_SUSPENDED if rows_max and count == rows_max else complete(tag_of(portal.answer, count)))

    def _close(self, message: Close) -> None:
        if message.kind == "S":
            self.statements.pop(message.name, None)
        else:
            portal = self.portals.pop(message.name, None)
            if portal is not None:
                portal.close()
        self.out.append(_CLOSE_COMPLETE)

    def _flush(self, message: Flush) -> None:
        if not self.eager:
            self.flush()

    def _sync(self, message: Sync) -> Awaitable[None] | None:
        if self.phase is Phase.SKIPPING:
            self._enter(Phase.READY)
        if self.implicit:
            return self._finish_and_ready()
        self._ready()
        return None

    async def _finish_and_ready(self) -> None:
        await self.finish()
        self._ready()

    def _function_call(self, message: FunctionCall) -> None:
        raise StatementError("0A000", "function calls of the fast path are not supported")

    def _terminate(self, message: Terminate) -> None:
        self._hang_up()

    # --- COPY ---

    async def _copy(self, statement: Statement, *, alone: bool, rest: list[Statement] | None) -> None:
        """Begin a COPY; rows from the client come as messages of their own."""
        await copying.begin(self, statement, alone=alone, rest=rest)
        if self.incoming is not None:
            self._enter(Phase.COPY_IN)

    def _copy_data(self, message: CopyData) -> Awaitable[None] | None:
        return copying.take(self, message.data)

    async def _copy_done(self, message: CopyDone) -> None:
        rest = await copying.end(self)
        self._enter(Phase.READY)
        if rest is not None:
            await self._statements_in_turn(rest, first=False)

    def _copy_fail(self, message: CopyFail) -> None:
        raise StatementError("57014", f"COPY from stdin failed: {message.message}")


PASS = object()

#: Statements that change rows run to their end at the first Execute, whatever its row limit.
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})


_TURNS = {
    Query: Session._query,
    Parse: Session._parse,
    Bind: Session._bind,
    Describe: Session._describe,
    Execute: Session._execute,
    Close: Session._close,
    Flush: Session._flush,
    Sync: Session._sync,
    FunctionCall: Session._function_call,
    Terminate: Session._terminate,
}
_COPY_MESSAGES = (CopyData, CopyDone, CopyFail)

#: What each phase does with each message: a method, or PASS to ignore it. A pair that is missing ends the connection.
GATE: Mapping[Phase, Mapping[type, Any]] = {
    Phase.OPENING: {
        SSLRequest: Session._ssl_request,
        GSSENCRequest: Session._gssenc_request,
        CancelRequest: Session._cancel_request,
        StartupMessage: Session._startup_message,
    },
    Phase.LOGIN: {AuthenticationAnswer: Session._authentication_answer, Terminate: Session._terminate},
    # Rows that were still on their way when a COPY failed are passed over.
    Phase.READY: {**_TURNS, **dict.fromkeys(_COPY_MESSAGES, PASS)},
    Phase.SKIPPING: {
        **dict.fromkeys([*_TURNS, *_COPY_MESSAGES], PASS),
        Sync: Session._sync,
        Terminate: Session._terminate,
    },
    Phase.COPY_IN: {
        CopyData: Session._copy_data,
        CopyDone: Session._copy_done,
        CopyFail: Session._copy_fail,
        # Some clients send Sync with the Execute of a COPY, before the rows.
        Sync: PASS,
        Flush: PASS,
        Terminate: Session._terminate,
    },
    Phase.CLOSED: {},
}
