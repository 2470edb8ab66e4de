"""What stands on either side of a session: the backend behind it, the wire before it, and what a port's sessions share. [pure]"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ha.errors import StatementError
from ha.postgres.answers import Authentication
from ha.postgres.messages import CANCEL_KEY_BYTES
from ha.sql.kinds import Statement
from ha.sql.lifting import Lifted
from ha.values import Answer, Description, NamedCursor, NamedStatement, Parameters, Row, Signature


class Backend(Protocol):
    """Who runs the statements of one client in one database, as far as a session needs it."""

    pid: int
    variables: Any
    named_statements: Callable[[], Iterable[NamedStatement]]
    named_cursors: Callable[[], Iterable[NamedCursor]]
    on_notification: Callable[[int, str, str], None] | None
    on_expired: Callable[[StatementError], None] | None

    @property
    def status(self) -> str: ...
    def parse(self, text: str) -> tuple[Statement, ...]: ...
    def lift(self, text: str) -> Lifted | None: ...
    def describe_at_once(self, statement: Statement) -> Description | None: ...
    async def describe(self, statement: Statement) -> Description: ...
    def execute_at_once(self, statement: Statement, values: Parameters, *, rows_max: int = 0) -> Answer | None: ...
    async def execute(
        self, statement: Statement, values: Parameters, *, alone: bool = True, rows_max: int = 0
    ) -> Answer: ...
    def function(self, number: int) -> Signature | None: ...
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


class Cancels:
    """Who may be interrupted by which key. One for all sessions of a node."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[bytes, Callable[[], None]]] = {}

    def register(self, interrupt: Callable[[], None], process_id: int, key_bytes: int = CANCEL_KEY_BYTES) -> bytes:
        """A secret key for a new session.

        :param interrupt: stops what it runs.
        """
        key = secrets.token_bytes(key_bytes)
        self._known[process_id] = (key, interrupt)
        return key

    def forget(self, process_id: int) -> None:
        """The session has ended."""
        self._known.pop(process_id, None)

    def cancel(self, process_id: int, secret_key: bytes) -> None:
        """Interrupt what that session runs; a wrong key does nothing, and nobody is told."""
        key, interrupt = self._known.get(process_id, (b"", None))
        if interrupt is not None and hmac.compare_digest(key, secret_key):
            interrupt()


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


class Nobody:
    """The backend of a session that has none yet, or none any more."""

    pid = 0
    status = "I"
    variables: Any = None
    named_statements: Any = tuple
    named_cursors: Any = tuple
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
