"""One client's conversation: phases, statements, portals. It knows messages, but no sockets.

Bytes are given to :meth:`Session.feed`; :meth:`Session.run_at_once` works through them, message after message, strictly in order.
Most statements are answered so, and all answers to one read leave in one write; where one must be waited for, the coroutine
:meth:`Session.run` goes on. One table, :data:`GATE`, says what each phase does with each message; a pair that is not in it ends the
connection.

The session owns the phase, the prepared statements and the portals. Settings and the transaction are the backend's
(:class:`Backend`), bytes on their way are the wire's (:class:`Wire`): it asks them and keeps no copy.

Two kinds of failing. :class:`ha.errors.StatementError` is an answer: ErrorResponse, and on. Anything else that escapes from
:meth:`run` is a bug of ours; whoever drives the session logs it and calls :meth:`break_off`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from enum import Enum
from typing import Any

from ha.errors import StatementError
from ha.postgres import copying, extended, fastpath, named
from ha.postgres.answers import (
    Authentication,
    BackendKeyData,
    NegotiateProtocolVersion,
    ParameterStatus,
)
from ha.postgres.conversation import (
    ANSWER_BYTES_MAX,
    EMPTY,
    READY,
    Conversation,
    error_response,
)
from ha.postgres.decoder import Malformed
from ha.postgres.door import Door, Login, Nobody, Wire
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
from ha.postgres.pgtypes import BINARY, spoken
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
from ha.sql.lifting import Lifted, put_back
from ha.values import Answer, NamedCursor, NamedStatement


class Phase(Enum):
    """Where the conversation stands."""

    OPENING = "opening"  # untagged packets: TLS or not, who are you
    LOGIN = "login"
    READY = "ready"
    SKIPPING = "skipping"  # after an error of the extended protocol, until Sync
    COPY_IN = "copy in"  # the client sends rows
    CLOSED = "closed"


class Session(Conversation):
    """One client.

    :param wire: where answers go.
    :param door: what the port's sessions share.
    :ivar phase: where the conversation stands.
    :ivar feed: takes what arrived; :meth:`run_at_once` works through it.
    """

    def __init__(self, wire: Wire, door: Door) -> None:
        super().__init__(wire)
        self._door = door
        self.feed = self.decoder.feed
        self._next: Callable[[], Any] = self.decoder.opening
        self.phase = Phase.OPENING
        self._gate: Mapping[type, Any] = GATE[Phase.OPENING]
        self._login: Login | None = None
        self._startup: StartupMessage | None = None
        self._process_id = 0
        self._running = False

    # --- driving ---

    @property
    def logged_in(self) -> bool:
        """Has the client been let in?"""
        return self._process_id != 0

    @property
    def buffered(self) -> int:
        """Bytes received and not yet worked through."""
        return self.decoder.buffered

    def run_at_once(self) -> Coroutine[Any, Any, None] | None:
        """Work through the messages that have arrived, as long as nothing must be waited for.

        :returns: None when all of them are done, as they nearly always are; else what the last one waits for, see :meth:`run`.
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
            except (StatementError, NoPacket, ProtocolViolation) as error:
                return self._failed(error, kind)
            if doing is not None:
                return self._finished(doing, kind)
            if self.size > ANSWER_BYTES_MAX:
                return self.pause()
        return None

    async def run(self, waiting: Coroutine[Any, Any, None] | None) -> None:
        """Work through every whole message that has arrived.

        :param waiting: what :meth:`run_at_once` left to be waited for.
        :raises Gone: the client has left.
        """
        while waiting is not None:
            await waiting
            if self.size > ANSWER_BYTES_MAX:
                await self.pause()
            waiting = self.run_at_once()

    async def _finished(self, doing: Awaitable[None], kind: type) -> None:
        """Wait for what a message of this kind began."""
        self._running = True
        try:
            await doing
        except (StatementError, NoPacket, ProtocolViolation) as error:
            await self._failed(error, kind)
        finally:
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

    async def _failed(self, error: StatementError | NoPacket | ProtocolViolation, kind: type) -> None:
        """Answer an error; what follows depends on which protocol it happened in."""
        if isinstance(error, NoPacket):
            self._hang_up()
            return
        if isinstance(error, ProtocolViolation):
            self._fatal(StatementError("08P01", str(error)))
            return
        if not self.logged_in or error.sqlstate == SHUTDOWN:
            self._fatal(error)
            return
        incoming, self.incoming = self.incoming, None
        self.implicit = False
        await self.backend.fail()
        self.drop_portals()
        self.out.append(error_response(error).encode())
        self.settings_touched = True
        if kind in _TURNS_ENDS or (incoming is not None and incoming.rest is not None):
            self._enter(Phase.READY)
            self.ready()
        else:
            self._enter(Phase.SKIPPING)

    # --- opening and login ---

    def _ssl_request(self, message: SSLRequest) -> None:
        if not self._door.tls or self.wire.secured:
            self.out.append(b"N")
            return
        if self.decoder.buffered:
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
        self._next = self.decoder.next
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
        backend.named_cursors = self._named_cursors
        backend.on_notification = self._notified
        backend.on_expired = self.break_off
        self.decoder.bytes_max = MESSAGE_BYTES_MAX
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
        self.out.append(READY[backend.status])

    def _named_statements(self) -> list[NamedStatement]:
        """For ``pg_prepared_statements``; may be asked in any thread."""
        return [
            NamedStatement(name, one.statement.words, tuple(map(spoken, one.parameters)), one.made, one.by_sql)
            for name, one in list(self.statements.items())
            if name
        ]

    def _named_cursors(self) -> list[NamedCursor]:
        """For ``pg_cursors``; may be asked in any thread."""
        return [
            NamedCursor(name, one.statement.words, one.held, BINARY in one.formats, bool(one.scroll), one.made)
            for name, one in list(self.portals.items())
            if name
        ]

    def _notified(self, process_id: int, channel: str, payload: str) -> None:
        """The backend's call: somebody said NOTIFY."""
        self.notified(process_id, channel, payload)
        if not self._running and self.phase is Phase.READY and self.backend.status == "I" and not self.out:
            self.out, self._notifications = self._notifications, []
            self.flush()

    # --- simple query ---

    def _query(self, message: Query) -> Awaitable[None] | None:
        self.statements.pop("", None)
        if "" in self.portals:
            self.portals.pop("").close()
        text = message.query
        lifted = self.backend.lift(text)
        if lifted is not None:
            statement, values = lifted
        else:
            statements = self.backend.parse(text)
            if len(statements) != 1 or statements[0].kind is not Kind.SQL:
                return self._statements_in_turn([s for s in statements if s.kind is not Kind.EMPTY], first=True)
            statement, values = statements[0], ()
        # The common case, flat: one statement that is its own transaction.
        try:
            answer = self.backend.execute_at_once(statement, values)
        except StatementError as error:
            if lifted is not None:
                put_back(error, text)
            raise
        if answer is None or answer.rest is not None or answer.columns is None or "set_config" in statement.sql:
            return self._one_statement(lifted, text, statement, answer)
        shape = shape_of(answer.columns, answer.rows)
        self.out.append(shape.description())
        self.whole(answer, shape)
        self.ready()
        return None

    async def _one_statement(
        self, lifted: Lifted | None, text: str, statement: Statement, answer: Answer | None
    ) -> None:
        """A Query's only statement, where something must be waited for.

        :param answer: its first rows, where they are here already.
        """
        if answer is None:
            try:
                answer = await self.backend.execute(statement, () if lifted is None else lifted.values)
            except StatementError as error:
                if lifted is not None:
                    put_back(error, text)
                raise
        await self.answer(statement, answer)
        self.ready()

    async def _statements_in_turn(self, statements: list[Statement], *, first: bool) -> None:
        """The statements of one Query, which share an implicit transaction; COPY may interrupt it."""
        alone = first and len(statements) == 1
        if first and not statements:
            self.out.append(EMPTY)
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            await self._statement(statement, alone=alone, last=not rest, rest=rest)
            if self.incoming is not None:
                return
        self.ready()

    async def _statement(self, statement: Statement, *, alone: bool, last: bool, rest: list[Statement]) -> None:
        """One statement of a simple Query."""
        kind = statement.kind
        if kind is Kind.COPY:
            await copying.begin(self, statement, alone=alone, rest=rest)
            if self.incoming is not None:
                self._enter(Phase.COPY_IN)
            return
        if kind in named.OWN:
            answer = await named.run(self, statement, alone=alone)
        else:
            answer = await self.backend.execute(statement, (), alone=alone)
            self.implicit = self.implicit or not alone
            self.after(statement)
        await self.answer(statement, answer, finish=last and self.implicit)

    # --- extended query: see ha.postgres.extended ---

    async def _execute(self, message: Execute) -> None:
        await extended.execute(self, message)
        if self.incoming is not None:
            self._enter(Phase.COPY_IN)

    def _flush(self, message: Flush) -> None:
        if not self.eager:
            self.flush()

    def _sync(self, message: Sync) -> Awaitable[None] | None:
        if self.phase is Phase.SKIPPING:
            self._enter(Phase.READY)
        if self.implicit:
            return self._finish_and_ready()
        self.ready()
        return None

    async def _finish_and_ready(self) -> None:
        await self.finish()
        self.ready()

    async def _function_call(self, message: FunctionCall) -> None:
        await fastpath.call(self, message)
        self.ready()

    def _terminate(self, message: Terminate) -> None:
        self._hang_up()

    # --- COPY: rows from the client come as messages of their own ---

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
#: SQLSTATE of what ends a session that asked for it itself.
SHUTDOWN = "57P01"

#: Messages that end the client's turn, whether what they asked for failed or not.
_TURNS_ENDS = frozenset((Query, FunctionCall, Sync))


_TURNS = {
    Query: Session._query,
    Parse: extended.parse,
    Bind: extended.bind,
    Describe: extended.describe,
    Execute: Session._execute,
    Close: extended.close,
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
