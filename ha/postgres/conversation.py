"""What a conversation holds while it lasts, and what all its turns do with it. [pure]

A :class:`Conversation` is the session's own state without its phases: the answers that wait to be sent, what the client has named,
the implicit transaction. The session is one; COPY (:mod:`ha.postgres.copying`) and SQL's own cursors (:mod:`ha.postgres.named`) work on
it. Settings and the transaction are the backend's: nothing keeps a copy of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ha.errors import Notice, StatementError
from ha.postgres import copy
from ha.postgres.answers import (
    CommandComplete,
    EmptyQueryResponse,
    ErrorResponse,
    NoticeResponse,
    NotificationResponse,
    ParameterStatus,
    ReadyForQuery,
)
from ha.postgres.decoder import Decoder
from ha.postgres.door import Backend, Nobody, Wire
from ha.postgres.manner import SETTINGS, Charset, Manner, manner_of
from ha.postgres.portals import Portal, Prepared
from ha.postgres.recoding import told
from ha.postgres.shapes import Shape, shape_of
from ha.sql.kinds import Kind, Name, Statement
from ha.values import Answer, Row, Value

#: Prepared statements and portals of one session.
STATEMENTS_MAX = 1_000
PORTALS_MAX = 1_000
#: Answers are handed to the wire when so many bytes have gathered, even before the client's turn.
ANSWER_BYTES_MAX = 64 * 1024

#: Kinds that a failed block still listens to.
WAYS_OUT = frozenset({Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})
#: Kinds that portals may end with.
_SAVEPOINTS = frozenset({Kind.SAVEPOINT, Kind.RELEASE, Kind.ROLLBACK_TO})
#: Kinds after which a client may have to be told of changed settings.
_SETTING = frozenset({Kind.SET, Kind.DO, Kind.RESET, Kind.DISCARD, Kind.COMMIT, Kind.ROLLBACK, Kind.ROLLBACK_TO})
_DEBUGGING = ("DEBUG", "LOG", "NOTICE", "WARNING")
#: What is heard from ``client_min_messages`` up; INFO and errors always are.
_HEARD = {
    "log": _DEBUGGING[1:],
    "notice": _DEBUGGING[2:],
    "warning": _DEBUGGING[3:],
    **dict.fromkeys(("debug5", "debug4", "debug3", "debug2", "debug1", "debug"), _DEBUGGING),
}
_QUIET = frozenset(_DEBUGGING)
#: Verbs whose tag counts the rows answered.
_COUNTING_ROWS = frozenset({"SELECT", "VALUES", "TABLE", "PRAGMA"})

#: Verbs whose tag counts what was changed, or moved over.
_COUNTING_CHANGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "FETCH", "MOVE"})

EMPTY = EmptyQueryResponse().encode()
READY = {status: ReadyForQuery(status).encode() for status in "ITE"}

#: Notifications that wait for the end of the client's transaction.
NOTIFICATIONS_MAX = 10_000

#: The columns are no longer those that were announced.
CHANGED = "cached plan must not change result type"


@lru_cache(1024)
def complete(tag: str) -> bytes:
    """CommandComplete, encoded."""
    return CommandComplete(tag).encode()


def tag_of(answer: Answer, rows: int) -> str:
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
        (error.schema or "public") if error.table else None,
        error.table,
        error.column,
        error.data_type,
        error.constraint,
        # By this, not by the SQLSTATE, asyncpg and pgJDBC know that they need only prepare again.
        "RevalidateCachedQuery" if error.message == CHANGED else None,
    )


@dataclass(slots=True)
class Incoming:
    """A COPY … FROM STDIN under way.

    :ivar values: what makes a column's fields values, one for each column; None where they are values already.
    :ivar rest: the statements of a simple Query that follow it; None in the extended protocol.
    :ivar recode: makes UTF-8 of the client's pieces; None where they are.
    """

    table: str
    columns: tuple[str, ...]
    values: tuple[Callable[[Any], Sequence[Value]] | None, ...]
    reader: copy.Reader
    rest: list[Statement] | None
    rows: list[Row] = field(default_factory=list)
    size: int = 0
    count: int = 0
    recode: Callable[[bytes], bytes] | None = None


class Conversation:
    """One client's state.

    :ivar decoder: what has arrived, and is yet to be worked through.
    :ivar eager: all that is answered in one run leaves in one write; else every turn of the client's is sent as it ends.
    :ivar out: answers that wait to be sent, and their `size` in bytes.
    :ivar statements: what was prepared, by name; `portals`: what was bound or declared.
    :ivar implicit: has an implicit transaction begun?
    :ivar incoming: the COPY under way.
    :ivar charset: its encoding, None for UTF-8.
    :ivar manner: how it wants values written, None for the usual.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.backend: Backend = Nobody()
        self.decoder = Decoder()
        self.eager = True
        self.out: list[bytes] = []
        self.size = 0
        self.statements: dict[str, Prepared] = {}
        self.portals: dict[str, Portal] = {}
        self.implicit = False
        self.incoming: Incoming | None = None
        self.settings_touched = False
        self.manner: Manner | None = None
        self.charset: Charset | None = None
        self._reported: dict[str, str] = {}
        self._notifications: list[bytes] = []
        self._savepoints: list[tuple[str | None, int]] = []
        self._portals_made = 0

    # --- sending ---

    def flush(self) -> None:
        """Hand the gathered answers to the wire."""
        if self.out:
            out = self.out if self.charset is None else told(self.out, self.charset)
            self.out = []
            self.size = 0
            self.wire.write(out[0] if len(out) == 1 else b"".join(out))

    async def pause(self) -> None:
        """Flush, and wait until the wire wants more."""
        self.flush()
        waiting = self.wire.drained()
        if waiting is not None:
            await waiting

    def notice(self, notice: Notice) -> None:
        """Something worth saying, where the client wants to hear of such."""
        least = self.backend.variables.get("client_min_messages")
        if notice.severity in _QUIET and notice.severity not in _HEARD.get(least, ()):
            return
        self.out.append(
            NoticeResponse(notice.severity, notice.sqlstate, notice.message, notice.detail, notice.hint).encode()
        )

    def whole(self, answer: Answer, shape: Shape, formats: tuple[int, ...] = ()) -> None:
        """Rows and tag of an answer that is here whole."""
        rows = answer.rows
        if rows:
            data = shape.encoder(formats, self.manner)(rows)
            self.out.append(data)
            self.size += len(data)
        self.out.append(complete(tag_of(answer, len(rows))))

    async def rows(self, answer: Answer, encode: Callable[[Sequence[Row]], bytes]) -> int:
        """All rows of an answer, no faster than the wire takes them; the stream is closed whatever happens."""
        rows, rest = answer.rows, answer.rest
        count = len(rows)
        last = rest is None
        try:
            while True:
                if rows:
                    data = encode(rows)
                    self.out.append(data)
                    self.size += len(data)
                if last:
                    return count
                if self.size > ANSWER_BYTES_MAX:
                    await self.pause()
                assert rest is not None
                rows, last = await rest.next(0)
                count += len(rows)
        finally:
            if rest is not None:
                answer.rest = None
                rest.close()

    async def answer(self, statement: Statement, answer: Answer, *, finish: bool = False) -> None:
        """Notices, rows and tag of one answer, in text.

        :param finish: commit the implicit transaction before the tag promises anything.
        """
        for notice in answer.notices:
            self.notice(notice)
        count = 0
        if answer.columns is not None:
            shape = shape_of(answer.columns, answer.rows)
            self.out.append(shape.description())
            count = await self.rows(answer, shape.encoder((), self.manner))
        if "set_config" in statement.sql:
            self.settings_changed()
        if finish:
            await self.finish()
        self.out.append(complete(tag_of(answer, count)))

    # --- the client's turn ends ---

    def ready(self) -> None:
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
        out.append(READY[status])
        self.implicit = False
        if not self.eager:
            self.flush()

    def notified(self, process_id: int, channel: str, payload: str) -> None:
        """Somebody said NOTIFY: the client is told at the end of its turn."""
        if len(self._notifications) < NOTIFICATIONS_MAX:
            self._notifications.append(NotificationResponse(process_id, channel, payload).encode())

    # --- what statements mean for it ---

    async def execute(self, statement: Statement, values: Sequence[Value] = (), *, alone: bool) -> Answer:
        """Have the backend run it; what is not alone begins the implicit transaction."""
        answer = await self.backend.execute(statement, values, alone=alone)
        self.implicit = self.implicit or not alone
        return answer

    async def finish(self) -> None:
        """Commit the implicit transaction."""
        self.implicit = False
        await self.backend.finish()

    def after(self, statement: Statement) -> None:
        """What a statement that the backend ran means for the session's own state."""
        kind = statement.kind
        if kind in _SETTING:
            self.settings_changed()
        if kind is Kind.COMMIT or kind is Kind.ROLLBACK:
            self.implicit = False
            self.drop_portals()
        elif kind in _SAVEPOINTS:
            self._savepoint(statement)
        elif (
            kind is Kind.DISCARD
            and isinstance(statement.argument, Name)
            and statement.argument.name in (None, "ALL", "all")
        ):
            self.statements.clear()
            self.drop_portals(all=True)

    def settings_changed(self) -> None:
        """They may have; the client is told before its next turn."""
        self.settings_touched = True
        variables = self.backend.variables
        self.manner = manner = manner_of(*[variables.get(name) for name in SETTINGS])
        charset = manner.charset if manner is not None else None
        if charset != self.charset:
            self.speak(charset)

    def speak(self, charset: Charset | None) -> None:
        """From here on in another encoding; what waits to be sent was written in the one before."""
        if self.charset is not None:
            self.out = told(self.out, self.charset)
        self.charset = self.decoder.charset = charset

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
            for key, portal in list(self.portals.items()):
                if portal.born > born:
                    self.portals.pop(key).close()
            at += 1
        del self._savepoints[at:]

    def name_portal(self, name: str, portal: Portal) -> None:
        """Keep it under its name."""
        self._portals_made += 1
        portal.born = self._portals_made
        self.portals[name] = portal

    def drop_portals(self, *, all: bool = False) -> None:
        """The transaction has ended: its portals end with it, held cursors live on."""
        self._savepoints.clear()
        for name, portal in list(self.portals.items()):
            if all or not portal.held:
                del self.portals[name]
                portal.close()
