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

import hmac
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import Enum
from functools import lru_cache
from typing import Any, Protocol

from ha.errors import Notice, StatementError
from ha.postgres import copy
from ha.postgres.answers import (
    Authentication,
    BackendKeyData,
    BindComplete,
    CloseComplete,
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    EmptyQueryResponse,
    ErrorResponse,
    NegotiateProtocolVersion,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
)
from ha.postgres.decoder import Decoder, Malformed
from ha.postgres.decoding import decode, from_text
from ha.postgres.encoding import binary_encoder, text_encoder
from ha.postgres.messages import MESSAGE_BYTES_MAX, MINOR_MAX, CopyData, CopyDone, ProtocolViolation
from ha.postgres.moments import zone_of
from ha.postgres.pgtypes import BINARY, TEXT, TEXT_OID, TYPES, UNKNOWN, of_name
from ha.postgres.portals import Portal, Prepared
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
from ha.postgres.shapes import Shape, shape_of
from ha.sql.kinds import Copy, Declare, Fetch, Kind, Name, Prepare, Statement
from ha.sql.kinds import Execute as ExecuteStatement
from ha.values import Answer, Description, Parameters, Row, Value

#: Prepared statements and portals of one session.
STATEMENTS_MAX = 1_000
PORTALS_MAX = 1_000
#: Answers are handed to the wire when so many bytes have gathered, even before the client's turn.
ANSWER_BYTES_MAX = 64 * 1024
#: Rows of COPY … FROM STDIN that are given to the database at once, and how many bytes they may be.
COPY_ROWS_PER_BATCH = 1_000
COPY_BYTES_PER_BATCH = 1024 * 1024
#: Notifications that wait for the end of the client's transaction.
NOTIFICATIONS_MAX = 10_000


class Backend(Protocol):
    """Who runs the statements of one client in one database, as far as a session needs it."""

    pid: int
    variables: Any
    on_notification: Callable[[int, str, str], None] | None
    on_expired: Callable[[StatementError], None] | None

    @property
    def status(self) -> str: ...
    def parse(self, text: str) -> tuple[Statement, ...]: ...
    async def describe(self, statement: Statement, parameter_types: Sequence[str | None] = ()) -> Description: ...
    async def execute(
        self, statement: Statement, values: Parameters, *, alone: bool = True, rows_max: int = 0
    ) -> Answer: ...
    async def finish(self) -> None: ...
    async def fail(self) -> None: ...
    async def copy_in(self, table: str, columns: Sequence[str], rows: list[Row]) -> int: ...
    def cancel(self) -> None: ...
    async def close(self) -> None: ...


class Wire(Protocol):
    """The way back to the client."""

    #: Is it encrypted?
    secured: bool

    def write(self, data: bytes) -> None:
        """Send this; it does not block and may buffer."""

    def drained(self) -> Awaitable[object] | None:
        """None when more may be written at once, else something to wait for. It raises :class:`Gone` when the client has left."""

    def start_tls(self) -> None:
        """From the next byte on, speak TLS."""

    def certificate_hash(self) -> bytes | None:
        """The ``tls-server-end-point`` of RFC 5929, where TLS is spoken."""

    def hang_up(self) -> None:
        """Send what was written, then close."""


class Gone(Exception):
    """The client has left; nothing more needs to be said."""


#: The steps of one login: yields what to send, is sent the answer's body, returns the user's name, raises StatementError.
Login = Generator[Authentication, bytes, str]


class Phase(Enum):
    """Where the conversation stands."""

    OPENING = "opening"  # untagged packets: TLS or not, who are you
    LOGIN = "login"
    READY = "ready"
    SKIPPING = "skipping"  # after an error of the extended protocol, until Sync
    COPY_IN = "copy in"  # the client sends rows
    CLOSED = "closed"


class Cancels:
    """Who may be interrupted by which key. One for all sessions of a node."""

    def __init__(self) -> None:
        self._sessions: dict[int, tuple[bytes, Session]] = {}

    def register(self, session: Session, process_id: int) -> bytes:
        """A secret key for a new session."""
        key = secrets.token_bytes(4)
        self._sessions[process_id] = (key, session)
        return key

    def forget(self, process_id: int) -> None:
        """The session has ended."""
        self._sessions.pop(process_id, None)

    def cancel(self, process_id: int, secret_key: bytes) -> None:
        """Interrupt what that session runs; a wrong key does nothing, and nobody is told."""
        key, session = self._sessions.get(process_id, (b"", None))
        if session is not None and hmac.compare_digest(key, secret_key):
            session.cancel()


@dataclass(frozen=True, slots=True)
class Door:
    """What all sessions of one listening port share.

    :param connect: a backend for (database, user), or StatementError (3D000, 53300 …).
    :param login: the steps of a login for (user, wire).
    :param tls: can the wire start TLS?
    """

    connect: Callable[[str, str], Backend]
    login: Callable[[str, Wire], Login]
    tls: bool = False
    cancels: Cancels = field(default_factory=Cancels)


_PARSE_COMPLETE = ParseComplete().encode()
_BIND_COMPLETE = BindComplete().encode()
_CLOSE_COMPLETE = CloseComplete().encode()
_NO_DATA = NoData().encode()
_SUSPENDED = PortalSuspended().encode()
_EMPTY = EmptyQueryResponse().encode()
_READY = {status: ReadyForQuery(status).encode() for status in "ITE"}

#: Kinds that a failed block still listens to.
_WAYS_OUT = frozenset({Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})
#: Kinds that answer no rows, so that nobody need be asked.
_ROWLESS = frozenset(
    {
        Kind.EMPTY, Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO, Kind.SET, Kind.RESET,
        Kind.SET_TRANSACTION, Kind.DISCARD, Kind.PREPARE, Kind.DEALLOCATE, Kind.DECLARE, Kind.CLOSE, Kind.COPY, Kind.LISTEN,
        Kind.UNLISTEN, Kind.NOTIFY, Kind.NOTHING, Kind.REFUSED,
    }
)  # fmt: skip
#: Kinds that portals may end with.
_SAVEPOINTS = frozenset({Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO})
#: Kinds after which a client may have to be told of changed settings.
_SETTING = frozenset({Kind.SET, Kind.RESET, Kind.DISCARD, Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})
#: Verbs whose tag counts the rows answered.
_COUNTING_ROWS = frozenset({"SELECT", "VALUES", "TABLE", "PRAGMA"})

#: Verbs whose tag counts what was changed, or moved over.
_COUNTING_CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "FETCH", "MOVE"})

_NO_STATEMENT = Statement(text="", offset=0, kind=Kind.EMPTY, sql="", verb="")


#: The columns are no longer those that were announced.
_CHANGED = "cached plan must not change result type"


@lru_cache(1024)
def _complete(tag: str) -> bytes:
    return CommandComplete(tag).encode()


def _tag(answer: Answer, rows: int) -> str:
    """The command tag with its count, as PostgreSQL writes it."""
    verb = answer.verb
    if answer.columns is not None and verb in _COUNTING_ROWS:
        return f"SELECT {rows}"
    if answer.affected is None or verb not in _COUNTING_CHANGES:
        return verb
    return f"INSERT 0 {answer.affected}" if verb == "INSERT" else f"{verb} {answer.affected}"


def error_response(error: StatementError, severity: str = "ERROR") -> ErrorResponse:
    """The error as the protocol writes it."""
    return ErrorResponse(
        severity,
        error.sqlstate,
        error.message,
        error.detail,
        error.hint,
        error.position,
        "public" if error.table else None,
        error.table,
        error.column,
        error.data_type,
        error.constraint,
        # By this, not by the SQLSTATE, asyncpg and pgJDBC know that they need only prepare again.
        "RevalidateCachedQuery" if error.message == _CHANGED else None,
    )


@dataclass(slots=True)
class _Incoming:
    """A COPY … FROM STDIN under way.

    :ivar rest: the statements of a simple Query that follow it; None in the extended protocol.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[int, ...]
    format: int
    reader: copy.Reader
    rest: list[Statement] | None
    rows: list[Row] = field(default_factory=list)
    size: int = 0
    count: int = 0


class Session:
    """One client.

    :param wire: where answers go.
    :param door: what the port's sessions share.
    """

    def __init__(self, wire: Wire, door: Door) -> None:
        self._wire = wire
        self._door = door
        self._decoder = Decoder()
        self._next: Callable[[], Any] = self._decoder.opening
        self._out: list[bytes] = []
        self._size = 0
        #: False once the current run has suspended: then every turn of the client is sent as it ends.
        self.eager = True
        self._phase = Phase.OPENING
        self._gate: Mapping[type, Any] = GATE[Phase.OPENING]
        self._login: Login | None = None
        self._startup: StartupMessage | None = None
        self._backend: Backend = _Nobody()
        self._process_id = 0
        self._running = False
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._implicit = False
        self._incoming: _Incoming | None = None
        self._reported: dict[str, str] = {}
        self._settings_touched = False
        self._zone: tzinfo | None = None
        self._savepoints: list[tuple[str | None, int]] = []
        self._portals_made = 0
        self._notifications: list[bytes] = []

    # --- driving ---

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        return self._phase

    @property
    def logged_in(self) -> bool:
        """Has the client been let in?"""
        return self._process_id != 0

    @property
    def buffered(self) -> int:
        """Bytes received and not yet worked through."""
        return self._decoder.buffered

    def feed(self, data: bytes) -> None:
        """Take what arrived; :meth:`run` works through it."""
        self._decoder.feed(data)

    async def run(self) -> None:
        """Work through every whole message that has arrived.

        :raises Gone: the client has left.
        """
        while self._phase is not Phase.CLOSED:
            kind: type = type(None)
            try:
                message = self._next()
                if message is None:
                    break
                kind = message.__class__
                act = self._gate.get(message.kind if kind is Malformed else kind)
                if act is None:
                    raise ProtocolViolation(f"unexpected message {kind.__name__} while {self._phase.value}")
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
            except ProtocolViolation as error:
                self._fatal(StatementError("08P01", str(error)))
            if self._size > ANSWER_BYTES_MAX:
                await self._pause()
        self._running = False

    def flush(self) -> None:
        """Hand the gathered answers to the wire."""
        if self._out:
            out = self._out
            self._out = []
            self._size = 0
            self._wire.write(out[0] if len(out) == 1 else b"".join(out))

    async def _pause(self) -> None:
        """Flush, and wait until the wire wants more."""
        self.flush()
        waiting = self._wire.drained()
        if waiting is not None:
            await waiting

    def cancel(self) -> None:
        """Interrupt the statement that runs now, if one does."""
        if self._running:
            self._backend.cancel()

    def break_off(self, error: StatementError) -> None:
        """Say this last thing and hang up. For bugs of ours, shutdown and administrators."""
        if self._phase is not Phase.CLOSED:
            self._fatal(error)
            self.flush()

    async def close(self) -> None:
        """The connection has ended and :meth:`run` with it: roll back, release everything."""
        self._enter(Phase.CLOSED)
        if self._process_id:
            self._door.cancels.forget(self._process_id)
        if self._login is not None:
            self._login.close()
        self._drop_portals(all=True)
        self._statements.clear()
        backend, self._backend = self._backend, _Nobody()
        await backend.close()

    def leave(self) -> None:
        """The client has left while :meth:`run` works: interrupt it, and let nothing more begin."""
        self.cancel()
        self._enter(Phase.CLOSED)

    def _enter(self, phase: Phase) -> None:
        if self._phase is Phase.CLOSED:
            return
        self._phase = phase
        self._gate = GATE[phase]

    def _fatal(self, error: StatementError) -> None:
        """The last word."""
        self._out.append(error_response(error, "FATAL").encode())
        self._hang_up()

    def _hang_up(self) -> None:
        self._enter(Phase.CLOSED)
        self.flush()
        self._wire.hang_up()

    async def _failed(self, error: StatementError, kind: type) -> None:
        """Answer an error; what follows depends on which protocol it happened in."""
        if not self.logged_in:
            self._fatal(error)
            return
        incoming, self._incoming = self._incoming, None
        self._implicit = False
        await self._backend.fail()
        self._drop_portals()
        self._out.append(error_response(error).encode())
        self._settings_touched = True
        if kind is Query or kind is Sync or (incoming is not None and incoming.rest is not None):
            self._enter(Phase.READY)
            self._ready()
        else:
            self._enter(Phase.SKIPPING)

    # --- opening and login ---

    def _ssl_request(self, message: SSLRequest) -> None:
        if not self._door.tls or self._wire.secured:
            self._out.append(b"N")
            return
        if self._decoder.buffered:
            # Bytes sent in the clear must not be read as if TLS had protected them (CVE-2021-23214).
            raise ProtocolViolation("received unencrypted data after SSL request")
        self._wire.write(b"S")
        self._wire.start_tls()

    def _gssenc_request(self, message: GSSENCRequest) -> None:
        self._out.append(b"N")

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
            self._out.append(NegotiateProtocolVersion(MINOR_MAX, options).encode())
        user = message.parameters.get("user")
        if not user:
            raise StatementError("28000", "no PostgreSQL user name specified in startup packet")
        if message.parameters.get("replication", "false").lower() not in ("false", "off", "no", "0"):
            raise StatementError("0A000", "physical replication is not spoken here")
        self._startup = message
        self._next = self._decoder.next
        self._enter(Phase.LOGIN)
        self._login = self._door.login(user, self._wire)
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
        self._out.append(step.encode())
        if step.code == 12:
            # The outcome of SASL wants no answer.
            self._login_step(b"")

    def _welcome(self, user: str) -> None:
        """Let the client in: its database, its settings, what its library wants to know."""
        assert self._startup is not None
        parameters = self._startup.parameters
        backend = self._door.connect(parameters.get("database") or user, user)
        self._backend = backend
        for name, value in _settings(parameters):
            backend.variables.start(name, value)
        backend.on_notification = self._notified
        backend.on_expired = self.break_off
        self._decoder.bytes_max = MESSAGE_BYTES_MAX
        self._process_id = backend.pid
        key = self._door.cancels.register(self, backend.pid)
        self._out.append(Authentication(0).encode())
        self._settings_changed()
        self._settings_touched = False
        self._reported = dict(backend.variables.reported())
        for name, value in self._reported.items():
            self._out.append(ParameterStatus(name, value).encode())
        self._out.append(BackendKeyData(self._process_id, key).encode())
        self._enter(Phase.READY)
        self._out.append(_READY[backend.status])

    # --- the client's turn ends ---

    def _ready(self) -> None:
        """Everything that belongs before ReadyForQuery, and ReadyForQuery."""
        status = self._backend.status
        out = self._out
        if status == "I" and self._portals:
            self._drop_portals()
        if self._settings_touched:
            self._settings_touched = False
            now = self._backend.variables.reported()
            for name, value in now.items():
                if self._reported.get(name) != value:
                    out.append(ParameterStatus(name, value).encode())
            self._reported = dict(now)
        if self._notifications and status == "I":
            out += self._notifications
            self._notifications.clear()
        out.append(_READY[status])
        self._implicit = False
        if not self.eager:
            self.flush()

    def _notified(self, process_id: int, channel: str, payload: str) -> None:
        """The backend's call: somebody said NOTIFY."""
        if len(self._notifications) < NOTIFICATIONS_MAX:
            self._notifications.append(NotificationResponse(process_id, channel, payload).encode())
        if not self._running and self._phase is Phase.READY and self._backend.status == "I" and not self._out:
            self._out, self._notifications = self._notifications, []
            self.flush()

    def _notice(self, notice: Notice) -> None:
        self._out.append(
            NoticeResponse(notice.severity, notice.sqlstate, notice.message, notice.detail, notice.hint).encode()
        )

    def _drop_portals(self, *, all: bool = False) -> None:
        """The transaction has ended: its portals end with it, held cursors live on."""
        self._savepoints.clear()
        for name, portal in list(self._portals.items()):
            if all or not portal.held:
                del self._portals[name]
                portal.close()

    # --- simple query ---

    async def _query(self, message: Query) -> None:
        self._statements.pop("", None)
        if "" in self._portals:
            self._portals.pop("").close()
        statements = self._backend.parse(message.query)
        if len(statements) == 1 and statements[0].kind is Kind.SQL:
            # The common case, flat: one statement that is its own transaction.
            statement = statements[0]
            answer = await self._backend.execute(statement, ())
            await self._answer(statement, answer)
            self._ready()
            return
        await self._statements_in_turn([s for s in statements if s.kind is not Kind.EMPTY], first=True)

    async def _statements_in_turn(self, statements: list[Statement], *, first: bool) -> None:
        """The statements of one Query, which share an implicit transaction; COPY may interrupt it."""
        alone = first and len(statements) == 1
        if first and not statements:
            self._out.append(_EMPTY)
        for index, statement in enumerate(statements):
            rest = statements[index + 1 :]
            await self._statement(statement, alone=alone, last=not rest, rest=rest)
            if self._incoming is not None:
                return
        self._ready()

    async def _statement(self, statement: Statement, *, alone: bool, last: bool, rest: list[Statement]) -> None:
        """One statement of a simple Query."""
        kind = statement.kind
        if kind is Kind.COPY:
            await self._copy(statement, alone=alone, rest=rest)
            return
        if kind in _OWN:
            answer = await self._own(statement, alone=alone)
        else:
            answer = await self._backend.execute(statement, (), alone=alone)
            self._implicit = self._implicit or not alone
            self._after(statement)
        await self._answer(statement, answer, finish=last and self._implicit)

    async def _answer(self, statement: Statement, answer: Answer, *, finish: bool = False) -> None:
        """Notices, rows and tag of one answer, in text.

        :param finish: commit the implicit transaction before the tag promises anything.
        """
        for notice in answer.notices:
            self._notice(notice)
        count = 0
        if answer.columns is not None:
            shape = shape_of(answer.columns, answer.rows)
            self._out.append(shape.description())
            count = await self._rows(answer, shape.encoder((), self._zone))
        if "set_config" in statement.sql:
            self._settings_changed()
        if finish:
            await self._finish()
        self._out.append(_complete(_tag(answer, count)))

    async def _rows(self, answer: Answer, encode: Callable[[Sequence[Row]], bytes]) -> int:
        """All rows of an answer, no faster than the wire takes them; the stream is closed whatever happens."""
        rest = answer.rest
        rows = answer.rows
        count = len(rows)
        if rest is None:
            if count:
                data = encode(rows)
                self._out.append(data)
                self._size += len(data)
            return count
        try:
            last = False
            while True:
                data = encode(rows)
                self._out.append(data)
                self._size += len(data)
                if last:
                    return count
                if self._size > ANSWER_BYTES_MAX:
                    await self._pause()
                rows, last = await rest.next(0)
                count += len(rows)
        finally:
            answer.rest = None
            rest.close()

    async def _finish(self) -> None:
        """Commit the implicit transaction."""
        self._implicit = False
        await self._backend.finish()

    def _after(self, statement: Statement) -> None:
        """What a statement that the backend ran means for the session's own state."""
        kind = statement.kind
        if kind in _SETTING:
            self._settings_changed()
        if kind is Kind.COMMIT or kind is Kind.ROLLBACK:
            self._implicit = False
            self._drop_portals()
        elif kind in _SAVEPOINTS:
            self._savepoint(statement)
        elif (
            kind is Kind.DISCARD
            and isinstance(statement.argument, Name)
            and statement.argument.name in (None, "ALL", "all")
        ):
            self._statements.clear()
            self._drop_portals(all=True)

    def _settings_changed(self) -> None:
        """They may have; the client is told before its next turn."""
        self._settings_touched = True
        self._zone = zone_of(self._backend.variables.get("TimeZone"))

    def _savepoint(self, statement: Statement) -> None:
        """Portals do not outlive the savepoint they were opened after."""
        assert isinstance(statement.argument, Name)
        name = statement.argument.name
        if statement.kind is Kind.SAVEPOINT:
            self._savepoints.append((name, self._portals_made))
            return
        at = max((at for at, (known, _) in enumerate(self._savepoints) if known == name), default=0)
        if statement.kind is Kind.ROLLBACK_TO and self._savepoints:
            born = self._savepoints[at][1]
            for key, portal in list(self._portals.items()):
                if portal.born > born:
                    self._portals.pop(key).close()
            at += 1
        del self._savepoints[at:]

    def _name_portal(self, name: str, portal: Portal) -> None:
        self._portals_made += 1
        portal.born = self._portals_made
        self._portals[name] = portal

    # --- extended query ---

    async def _parse(self, message: Parse) -> None:
        name = message.name
        if name and name in self._statements:
            raise StatementError("42P05", f'prepared statement "{name}" already exists')
        if not name:
            self._statements.pop("", None)
        self._statements[name] = await self._prepare(self._one(message.query), message.parameter_types)
        self._out.append(_PARSE_COMPLETE)

    def _one(self, text: str) -> Statement:
        statements: Sequence[Statement] = self._backend.parse(text)
        if len(statements) == 1:
            return statements[0]
        statements = [s for s in statements if s.kind is not Kind.EMPTY]
        if len(statements) > 1:
            raise StatementError("42601", "cannot insert multiple commands into a prepared statement")
        return statements[0] if statements else _NO_STATEMENT

    async def _prepare(self, statement: Statement, types: tuple[int, ...]) -> Prepared:
        """Find out what a statement wants and gives, without running it."""
        if len(self._statements) >= STATEMENTS_MAX:
            raise StatementError("53400", f"a session has at most {STATEMENTS_MAX} prepared statements")
        kind = statement.kind
        if self._backend.status == "E" and kind is not Kind.EMPTY and kind not in _WAYS_OUT:
            raise _aborted()
        shape = None
        wanted: tuple[str | None, ...] = ()
        asked = statement.argument.statement if isinstance(statement.argument, Declare) else statement
        if kind is not Kind.SQL and kind in _OWN_ROWS:
            shape = self._own_shape(statement)
        elif kind is Kind.SQL or kind is Kind.DECLARE or kind not in _ROWLESS:
            names = tuple([TYPES[oid].name if oid in TYPES else None for oid in types]) if types else ()
            description = await self._backend.describe(asked, names)
            wanted = description.parameters
            if description.columns is not None and asked is statement:
                shape = shape_of(description.columns)
        some = types or wanted or asked.parameters
        return Prepared(statement, _parameter_oids(asked, types, wanted) if some else (), shape)

    async def _bind(self, message: Bind) -> None:
        prepared = self._statements.get(message.statement)
        if prepared is None:
            raise _no_statement(message.statement)
        name = message.portal
        if name in self._portals:
            if name:
                raise StatementError("42P03", f'cursor "{name}" already exists')
            self._portals.pop("").close()
        elif len(self._portals) >= PORTALS_MAX:
            raise StatementError("53400", f"a session has at most {PORTALS_MAX} portals")
        statement = prepared.statement
        if self._backend.status == "E" and statement.kind not in _WAYS_OUT and statement.kind is not Kind.EMPTY:
            raise _aborted()
        values = _values(prepared, message, self._zone) if message.parameters or prepared.parameters else ()
        shape = prepared.shape
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
        self._name_portal(name, portal)
        self._out.append(_BIND_COMPLETE)

    def _describe(self, message: Describe) -> Awaitable[None] | None:
        if message.kind == "S":
            prepared = self._statements.get(message.name)
            if prepared is None:
                raise _no_statement(message.name)
            prepared.announced = True
            self._out.append(ParameterDescription(prepared.parameters).encode())
            self._out.append(_NO_DATA if prepared.shape is None else prepared.shape.description())
            return None
        portal = self._portals.get(message.name)
        if portal is None:
            raise _no_portal(message.name)
        if _guessed(portal) and portal.statement.verb == "SELECT" and self._decoder.waiting(b"E"):
            # It is about to run anyway: let its rows say what they are.
            return self._describe_running(portal)
        self._announce(portal)
        return None

    async def _describe_running(self, portal: Portal) -> None:
        await self._begin(portal, alone=not self._implicit and self._decoder.waiting(b"ES"), rows_max=0)
        self._announce(portal)

    def _announce(self, portal: Portal) -> None:
        portal.announced = True
        self._out.append(_NO_DATA if portal.shape is None else portal.shape.description(portal.formats))

    async def _begin(self, portal: Portal, *, alone: bool, rows_max: int) -> Answer:
        """Run a portal's statement; its rows are not taken yet.

        :raises StatementError: its own, or 0A000 when its columns are no longer those that were announced.
        """
        statement, shape = portal.statement, portal.shape
        kind = statement.kind
        if kind is not Kind.SQL and kind in _OWN:
            answer = await self._own(statement, alone=alone, values=portal.values)
        else:
            if shape is not None and statement.verb in _CHANGING:
                # What RETURNING gives must be found out before anything is written.
                now = await self._backend.describe(statement)
                if now.columns is None or not shape.fits(now.columns):
                    raise StatementError("0A000", _CHANGED)
            answer = await self._backend.execute(statement, portal.values, alone=alone, rows_max=rows_max)
            if not alone:
                self._implicit = True
            if kind is not Kind.SQL:
                self._after(statement)
            elif "set_config" in statement.sql:
                self._settings_changed()
        for notice in answer.notices:
            self._notice(notice)
        if shape is not None and answer.columns is not None:
            if not shape.fits(answer.columns):
                if answer.rest is not None:
                    answer.rest.close()
                raise StatementError("0A000", _CHANGED)
            if shape.guessed and not portal.announced:
                portal.shape = shape_of(answer.columns, answer.rows)
        portal.begin(answer)
        return answer

    async def _execute(self, message: Execute) -> None:
        portal = self._portals.get(message.portal)
        if portal is None:
            raise _no_portal(message.portal)
        statement = portal.statement
        answer = portal.answer
        if answer is None:
            kind = statement.kind
            if kind is Kind.EMPTY:
                self._out.append(_EMPTY)
                return
            # A statement whose batch ends here is its own transaction: nobody needs to hold the writer for it.
            alone = not self._implicit and self._decoder.waiting(b"S")
            if kind is Kind.COPY:
                await self._copy(statement, alone=alone, rest=None)
                return
            rows_max = message.max_rows if portal.shape is not None and statement.verb not in _CHANGING else 0
            answer = await self._begin(portal, alone=alone, rows_max=rows_max)
            shape = portal.shape
            if shape is None:
                # No rows were announced: none can be sent.
                portal.close()
                self._out.append(_complete(_tag(answer, len(answer.rows))))
                return
            if not message.max_rows:
                # All of it, without the portal's bookkeeping.
                count = await self._rows(answer, shape.encoder(portal.formats, self._zone))
                portal.close()
                self._out.append(_complete(_tag(answer, count)))
                return
        elif portal.shape is None:
            raise StatementError("55000", f'portal "{message.portal}" cannot be run')
        await self._go_on(portal, message.max_rows)

    async def _go_on(self, portal: Portal, rows_max: int) -> None:
        """The next rows of a portal, and whether there may be more."""
        assert portal.shape is not None and portal.answer is not None
        encode = portal.shape.encoder(portal.formats, self._zone)
        count = 0
        while not rows_max or count < rows_max:
            rows = await portal.take(rows_max - count if rows_max else 0)
            if not rows:
                break
            count += len(rows)
            data = encode(rows)
            self._out.append(data)
            self._size += len(data)
            if self._size > ANSWER_BYTES_MAX:
                await self._pause()
        portal.position += count
        self._out.append(_SUSPENDED if rows_max and count == rows_max else _complete(_tag(portal.answer, count)))

    def _close(self, message: Close) -> None:
        if message.kind == "S":
            self._statements.pop(message.name, None)
        else:
            portal = self._portals.pop(message.name, None)
            if portal is not None:
                portal.close()
        self._out.append(_CLOSE_COMPLETE)

    def _flush(self, message: Flush) -> None:
        if not self.eager:
            self.flush()

    def _sync(self, message: Sync) -> Awaitable[None] | None:
        if self._phase is Phase.SKIPPING:
            self._enter(Phase.READY)
        if self._implicit:
            return self._finish_and_ready()
        self._ready()
        return None

    async def _finish_and_ready(self) -> None:
        await self._finish()
        self._ready()

    def _function_call(self, message: FunctionCall) -> None:
        raise StatementError("0A000", "function calls of the fast path are not supported")

    def _terminate(self, message: Terminate) -> None:
        self._hang_up()

    # --- statements the session runs itself ---

    async def _own(self, statement: Statement, *, alone: bool, values: tuple[Value, ...] = ()) -> Answer:
        """PREPARE, EXECUTE, DEALLOCATE, DECLARE, FETCH, MOVE, CLOSE.

        :param values: of a DECLARE, whose query may have parameters in the extended protocol.
        """
        if self._backend.status == "E":
            raise _aborted()
        answer: Answer = await _OWN[statement.kind](self, statement.argument, alone, values)
        return answer

    async def _sql_prepare(self, argument: Prepare, alone: bool, values: tuple[Value, ...]) -> Answer:
        if argument.name in self._statements:
            raise StatementError("42P05", f'prepared statement "{argument.name}" already exists')
        types = tuple(of_name(name)[0] for name in argument.types)
        self._statements[argument.name] = await self._prepare(argument.statement, types)
        return Answer("PREPARE")

    async def _sql_execute(self, argument: ExecuteStatement, alone: bool, values: tuple[Value, ...]) -> Answer:
        prepared = self._statements.get(argument.name)
        if prepared is None:
            raise _no_statement(argument.name)
        given: Row = ()
        if argument.statement is not None:
            evaluated = await self._backend.execute(argument.statement, (), alone=alone)
            self._implicit = self._implicit or not alone
            given = evaluated.rows[0] if evaluated.rows else ()
        if len(given) != len(prepared.parameters):
            raise StatementError(
                "42601",
                f'wrong number of parameters for prepared statement "{argument.name}"',
                detail=f"Expected {len(prepared.parameters)} parameters but got {len(given)}.",
            )
        values = tuple(
            from_text(oid, value) if isinstance(value, str) else value
            for oid, value in zip(prepared.parameters, given, strict=True)
        )
        if prepared.statement.kind in _OWN:
            return await self._own(prepared.statement, alone=alone)
        answer = await self._backend.execute(prepared.statement, values, alone=alone)
        self._implicit = self._implicit or not alone
        self._after(prepared.statement)
        return answer

    async def _sql_deallocate(self, argument: Name, alone: bool, values: tuple[Value, ...]) -> Answer:
        if argument.name is None:
            self._statements.clear()
            return Answer("DEALLOCATE ALL")
        if self._statements.pop(argument.name, None) is None:
            raise _no_statement(argument.name)
        return Answer("DEALLOCATE")

    async def _sql_declare(self, argument: Declare, alone: bool, values: tuple[Value, ...]) -> Answer:
        if alone and not self._implicit and not argument.hold and self._backend.status == "I":
            raise StatementError("25P01", "DECLARE CURSOR can only be used in transaction blocks")
        if argument.name in self._portals:
            raise StatementError("42P03", f'cursor "{argument.name}" already exists')
        if len(self._portals) >= PORTALS_MAX:
            raise StatementError("53400", f"a session has at most {PORTALS_MAX} portals")
        answer = await self._backend.execute(argument.statement, values, alone=alone)
        self._implicit = self._implicit or not alone
        if answer.columns is None:
            raise StatementError("42601", "DECLARE CURSOR can only be used with a query")
        portal = Portal(argument.statement, values, shape_of(answer.columns, answer.rows))
        if argument.binary:
            portal.formats = (BINARY,) * len(answer.columns)
        portal.declared, portal.scroll, portal.held = True, argument.scroll, argument.hold
        portal.begin(answer)
        if argument.hold:
            try:
                await portal.keep()
            finally:
                if portal.answer is not None and portal.answer.rest is not None:
                    portal.close()
        self._name_portal(argument.name, portal)
        return Answer("DECLARE CURSOR")

    async def _sql_fetch(self, argument: Fetch, alone: bool, values: tuple[Value, ...]) -> Answer:
        portal = self._portals.get(argument.name)
        if portal is None:
            raise StatementError("34000", f'cursor "{argument.name}" does not exist')
        if portal.answer is None:
            # Bound by the protocol and not executed yet.
            portal.begin(await self._backend.execute(portal.statement, portal.values, alone=alone))
            self._implicit = self._implicit or not alone
        if portal.shape is None:
            raise StatementError("55000", f'portal "{argument.name}" cannot be run')
        rows = await portal.fetch(argument.direction, argument.count)
        if argument.move:
            return Answer("MOVE", affected=len(rows))
        return Answer("FETCH", portal.shape.columns, rows, affected=len(rows))

    async def _sql_close(self, argument: Name, alone: bool, values: tuple[Value, ...]) -> Answer:
        if argument.name is None:
            self._drop_portals(all=True)
            return Answer("CLOSE CURSOR ALL")
        portal = self._portals.pop(argument.name, None)
        if portal is None:
            raise StatementError("34000", f'cursor "{argument.name}" does not exist')
        portal.close()
        return Answer("CLOSE CURSOR")

    def _own_shape(self, statement: Statement) -> Shape | None:
        """What EXECUTE or FETCH will answer."""
        argument = statement.argument
        if isinstance(argument, ExecuteStatement):
            prepared = self._statements.get(argument.name)
            if prepared is None:
                raise _no_statement(argument.name)
            return prepared.shape
        assert isinstance(argument, Fetch)
        if argument.move:
            return None
        portal = self._portals.get(argument.name)
        if portal is None:
            raise StatementError("34000", f'cursor "{argument.name}" does not exist')
        return portal.shape

    # --- COPY ---

    async def _copy(self, statement: Statement, *, alone: bool, rest: list[Statement] | None) -> None:
        """Begin a COPY in either direction; rows from the client come as messages of their own.

        :param rest: what follows it in a simple Query; None in the extended protocol.
        """
        options = statement.argument
        assert isinstance(options, Copy)
        if self._backend.status == "E":
            raise _aborted()
        if options.to_client:
            await self._copy_out(options, alone=alone, finish=rest is not None and not rest)
            return
        assert options.table is not None
        described = await self._backend.describe(self._selecting(options))
        columns = described.columns or ()
        shape = shape_of(columns)
        format = BINARY if options.format == "binary" else TEXT
        names = tuple(column.name for column in columns)
        self._incoming = _Incoming(
            options.table, names, tuple(oid for oid, _ in shape.types), format, copy.reader(options, names), rest
        )
        self._out.append(CopyInResponse(format, (format,) * len(columns)).encode())
        self._enter(Phase.COPY_IN)

    def _selecting(self, options: Copy) -> Statement:
        """The query that a COPY of a table stands for."""
        if options.statement is not None:
            return options.statement
        columns = ", ".join(map(_quoted, options.columns)) or "*"
        (statement,) = self._backend.parse(f"SELECT {columns} FROM {_quoted(options.table or '')}")
        return statement

    async def _copy_out(self, options: Copy, *, alone: bool, finish: bool) -> None:
        answer = await self._backend.execute(self._selecting(options), (), alone=alone)
        self._implicit = self._implicit or not alone
        columns = answer.columns or ()
        shape = shape_of(columns, answer.rows)
        format = BINARY if options.format == "binary" else TEXT
        zone = self._zone
        encoders = [binary_encoder(*known) if format else text_encoder(*known, zone) for known in shape.types]
        writer = copy.Writer(options, [column.name for column in columns], encoders)
        self._out.append(CopyOutResponse(format, (format,) * len(columns)).encode())
        self._out += [CopyData(piece).encode() for piece in writer.head()]
        count = await self._rows(answer, lambda rows: b"".join([CopyData(writer.row(row)).encode() for row in rows]))
        self._out += [CopyData(piece).encode() for piece in writer.tail()]
        self._out.append(CopyDone().encode())
        if finish and self._implicit:
            await self._finish()
        self._out.append(_complete(f"COPY {count}"))

    def _copy_data(self, message: CopyData) -> Awaitable[None] | None:
        incoming = self._incoming
        assert incoming is not None
        self._take_rows(incoming, incoming.reader.feed(message.data))
        incoming.size += len(message.data)
        if len(incoming.rows) >= COPY_ROWS_PER_BATCH or incoming.size >= COPY_BYTES_PER_BATCH:
            return self._store_rows(incoming)
        return None

    def _take_rows(self, incoming: _Incoming, found: list[copy.Fields]) -> None:
        """Fields to values, by the types of the table's columns."""
        types = incoming.types
        for fields in found:
            row: list[Value] = []
            for oid, one in zip(types, fields, strict=True):
                if one is None:
                    row.append(None)
                elif isinstance(one, str):
                    row.append(decode(oid, one.encode(), TEXT, self._zone) if self._zone else from_text(oid, one))
                else:
                    row.append(decode(oid, one, BINARY))
            incoming.rows.append(tuple(row))

    async def _store_rows(self, incoming: _Incoming) -> None:
        rows, incoming.rows, incoming.size = incoming.rows, [], 0
        if rows:
            self._implicit = True
            await self._backend.copy_in(incoming.table, incoming.columns, rows)
            incoming.count += len(rows)

    async def _copy_done(self, message: CopyDone) -> None:
        incoming = self._incoming
        assert incoming is not None
        self._take_rows(incoming, incoming.reader.finish())
        await self._store_rows(incoming)
        if incoming.rest is not None and not incoming.rest and self._implicit:
            await self._finish()
        self._incoming = None
        self._out.append(_complete(f"COPY {incoming.count}"))
        self._enter(Phase.READY)
        if incoming.rest is not None:
            await self._statements_in_turn(incoming.rest, first=False)

    def _copy_fail(self, message: CopyFail) -> None:
        raise StatementError("57014", f"COPY from stdin failed: {message.message}")


def _settings(parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The settings a start-up packet asks for, its ``options`` among them."""
    found = []
    for name, value in parameters.items():
        if name == "options":
            found += _command_line(value)
        elif name not in ("user", "database", "replication") and not name.startswith("_pq_."):
            # asyncpg writes 'utf-8' with quotes.
            found.append((name, value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value))
    return found


def _command_line(options: str) -> list[tuple[str, str]]:
    """``-c name=value`` and ``--name=value``; a backslash keeps a blank."""
    words = [word.replace("\0", " ") for word in options.replace("\\ ", "\0").split()]
    found = []
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word = words.pop(0)
        elif word.startswith("-c"):
            word = word[2:]
        elif word.startswith("--"):
            word = word[2:].replace("-", "_")
        else:
            raise StatementError("42601", f"invalid command-line argument for server process: {word}")
        name, equals, value = word.partition("=")
        if not equals:
            raise StatementError("42601", f"-c {name} requires a value")
        found.append((name, value))
    return found


def _parameter_oids(statement: Statement, types: tuple[int, ...], wanted: tuple[str | None, ...]) -> tuple[int, ...]:
    """Each parameter's type: as the client said, as it is cast, as inference says, else text."""
    casts = dict(statement.casts)
    oids = []
    for index in range(max(len(types), len(wanted), statement.parameters)):
        oid = types[index] if index < len(types) else 0
        if not oid or oid == UNKNOWN:
            name = casts.get(index + 1) or (wanted[index] if index < len(wanted) else None)
            oid = of_name(name)[0] if name else TEXT_OID
        oids.append(oid)
    return tuple(oids)


def _values(prepared: Prepared, message: Bind, zone: tzinfo | None) -> tuple[Value, ...]:
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
    if len(formats) > 1:
        return tuple(
            [
                None if raw is None else decode(oid, raw, one, zone)
                for oid, raw, one in zip(oids, given, formats, strict=True)
            ]
        )
    one = formats[0] if formats else 0
    return tuple([None if raw is None else decode(oid, raw, one, zone) for oid, raw in zip(oids, given, strict=True)])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _aborted() -> StatementError:
    return StatementError("25P02", "current transaction is aborted, commands ignored until end of transaction block")


def _no_statement(name: str) -> StatementError:
    if not name:
        return StatementError("26000", "unnamed prepared statement does not exist")
    return StatementError("26000", f'prepared statement "{name}" does not exist')


def _guessed(portal: Portal) -> bool:
    """May the rows still decide what the portal's columns are?"""
    return portal.answer is None and not portal.announced and portal.shape is not None and portal.shape.guessed


def _no_portal(name: str) -> StatementError:
    return StatementError("34000", f'portal "{name}" does not exist')


class _Nobody:
    """The backend of a session that has none yet, or none any more."""

    pid = 0
    status = "I"
    variables: Any = None
    on_notification: Any = None
    on_expired: Any = None

    async def fail(self) -> None:
        """Nothing to undo."""

    def cancel(self) -> None:
        """Nothing runs."""

    async def close(self) -> None:
        """Nothing is held."""

    def __getattr__(self, name: str) -> Any:
        raise Gone


PASS = object()

#: Statements that change rows run to their end at the first Execute, whatever its row limit.
_CHANGING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE"})

_OWN: Mapping[Kind, Any] = {
    Kind.PREPARE: Session._sql_prepare,
    Kind.EXECUTE: Session._sql_execute,
    Kind.DEALLOCATE: Session._sql_deallocate,
    Kind.DECLARE: Session._sql_declare,
    Kind.FETCH: Session._sql_fetch,
    Kind.CLOSE: Session._sql_close,
}
_OWN_ROWS = frozenset({Kind.EXECUTE, Kind.FETCH})

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
