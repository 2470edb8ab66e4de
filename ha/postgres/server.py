"""The wall: Twisted's Protocol and Factory around a session. Bytes in, bytes out, TLS, time and numbers.

**Sending and hearing.** Where nothing is buffered, bytes go straight to the socket, and what arrives comes straight from there
(:mod:`ha.hearing`). Under TLS everything goes through the transport.

**Back-pressure, both ways.** While something is buffered, :meth:`Connection.drained` holds the session back, so that rows are
produced only as the client reads them. While the session works and much has arrived, reading from the client is paused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IPullProducer, IPushProducer, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory as TwistedFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ha.coroutines import begun
from ha.crowd import first_to_go
from ha.errors import StatementError
from ha.hearing import Line, Loop
from ha.postgres import scram
from ha.postgres.door import Backend, Cancels, Door, Gone, Login, Wire
from ha.postgres.session import Phase, Session

#: How long a client may take to log in (PostgreSQL's authentication_timeout is a minute).
LOGIN_TIMEOUT_S = 10.0
#: How long a client may take to read our last words.
CLOSE_TIMEOUT_S = 10.0
#: Clients at a time, as max_connections. Sockets may be twice as many: so many strangers find a place however many clients are in.
CONNECTIONS_MAX = 1_000
#: Bytes read ahead while the session is busy.
READ_AHEAD_BYTES_MAX = 256 * 1024
#: Bytes sent to one client before others get their turn.
TURN_BYTES_MAX = 1024 * 1024

#: The first byte of a TLS handshake record, and the protocol name a client must ask for when it starts with one.
_TLS_HANDSHAKE = 0x16
ALPN = b"postgresql"


@implementer(IPullProducer, IPushProducer)
class Connection(Protocol):
    """One client's socket. It is the session's :class:`ha.postgres.session.Wire`."""

    log = Logger()
    factory: Factory
    transport: Any

    def __init__(self) -> None:
        self.secured = False
        self._line: Line
        self._session: Session
        self._busy = False
        self._reading = True
        self._direct_tls = False
        self._buffered = False
        self._registered = False
        self._greeted = False
        self._sent = 0
        self._draining: Deferred[None] | None = None
        self._timeout: Any = None
        self._left = False

    @property
    def busy(self) -> bool:
        """Does the session wait for something?"""
        return self._busy

    @property
    def logged_in(self) -> bool:
        """Has the client been let in?"""
        return self._session.logged_in

    @property
    def address(self) -> str:
        """The client's machine."""
        return str(getattr(self.transport.getPeer(), "host", ""))

    # --- Twisted's side ---

    def connectionMade(self) -> None:
        self._session = Session(self, self.factory.door)
        self.factory.enter(self)
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self._line = Line(self.transport, self.factory.loop, self.dataReceived, self.hang_up)
        self._timeout = self.factory.clock.callLater(self.factory.login_timeout_s, self._late)

    def dataReceived(self, data: bytes) -> None:
        session = self._session
        if session.phase is Phase.OPENING and not self._opened(data):
            return
        session.feed(data)
        if self._busy:
            if session.buffered > READ_AHEAD_BYTES_MAX and self._reading:
                self._reading = False
                self._line.rest()
            return
        self._run()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._left:
            return
        self._left = True
        self._line.close()
        self._quiet()
        self.factory.leave(self)
        if self._busy:
            # It ends by itself: cancelled, or at its next word to nobody.
            self._session.leave()
            if self._draining is not None:
                draining, self._draining = self._draining, None
                draining.errback(Gone())
        else:
            self._close()

    def _opened(self, data: bytes) -> bool:
        """Look at the first bytes of a client that may begin with TLS at once; False when they were not for us."""
        if self.secured:
            if self._direct_tls and self.transport.protocol.negotiatedProtocol != ALPN:
                self.transport.abortConnection()
                return False
            self._direct_tls = False
        elif data[0] == _TLS_HANDSHAKE and not self._session.buffered and self.factory.door.tls:
            self._direct_tls = True
            self.start_tls()
            self.transport.protocol.dataReceived(data)
            return False
        return True

    # --- running the session ---

    def _run(self) -> None:
        """Let the session work through what has arrived; nearly always it is done when this returns."""
        session = self._session
        self._busy = True
        self._sent = 0
        session.eager = True
        running: Deferred[None] | None = None
        try:
            waiting = session.run_at_once()
            if waiting is not None:
                running = begun(session.run(waiting))
        except Exception:
            running = fail()
        session.flush()
        session.eager = False
        if running is None:
            self._busy = False
            return
        running.addCallbacks(self._idle, self._broken)

    def _idle(self, _: object) -> None:
        """The session has done what it could."""
        self._session.flush()
        self._busy = False
        if self._left:
            self._close()
            return
        if not self._reading:
            self._reading = True
            self._line.listen()
        if self._session.buffered:
            # What arrived while the last message was being worked on.
            self._run()

    def _broken(self, failure: Failure) -> None:
        """The client has left, or a bug of ours: it costs this connection and no other."""
        self._busy = False
        if failure.check(Gone) is None:
            self.log.failure("session broke", failure=failure)
            self._session.break_off(StatementError("XX000", "internal error; the server's log tells more"))
        if self._left:
            self._close()
        else:
            self.hang_up()

    def _close(self) -> None:
        """Release what the session holds."""
        Deferred.fromCoroutine(self._session.close()).addErrback(
            lambda failure: self.log.failure("session did not close", failure=failure)
        )

    def _late(self) -> None:
        """The time to log in is over."""
        self._timeout = None
        if not self._session.logged_in:
            self.transport.abortConnection()

    def _quiet(self) -> None:
        """No timeout any more."""
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()
        self._timeout = None

    def give_way(self) -> None:
        """Somebody else needs the place. A stranger is told nothing: it may not read."""
        self.transport.abortConnection()

    def shut_down(self) -> None:
        """The node stops: tell the client, and end what it runs."""
        self._session.cancel()
        self._session.break_off(StatementError("57P01", "terminating connection due to administrator command"))

    # --- the session's wire ---

    def write(self, data: bytes) -> None:
        if self._left:
            return
        self._sent += len(data)
        if not self._buffered:
            data = self._line.send(data)
            if not data:
                return
        self._buffered = True
        self.transport.write(data)
        if not self._registered and not self.secured:
            # A pull producer hears of every moment at which the buffer is empty; the first call comes at once and means nothing.
            self._registered, self._greeted = True, False
            self.transport.registerProducer(self, False)

    def drained(self) -> Deferred[None] | None:
        if self._left:
            raise Gone
        if self._draining is None:
            if not self._buffered:
                if self._sent < TURN_BYTES_MAX:
                    return None
                self.factory.clock.callLater(0, self._next_turn)
            self._draining = Deferred()
        return self._draining

    def _next_turn(self) -> None:
        self._sent = 0
        if not self._buffered:
            self._go_on()

    def _go_on(self) -> None:
        if self._draining is not None:
            draining, self._draining = self._draining, None
            draining.callback(None)

    def start_tls(self) -> None:
        self._line.leave()
        self.transport.startTLS(self.factory.tls)
        self.secured = True
        self.transport.registerProducer(self, True)

    def certificate_hash(self) -> bytes | None:
        if not self.secured:
            return None
        certificate = self.transport.getHandle().get_certificate().to_cryptography()
        return endpoint_hash(certificate)

    def hang_up(self) -> None:
        self._quiet()
        self._line.close()
        if not self._left:
            if self._registered or self.secured:
                self._registered = False
                self.transport.unregisterProducer()  # TLS does not end while it has one
            self.transport.loseConnection()
            self._timeout = self.factory.clock.callLater(CLOSE_TIMEOUT_S, self.transport.abortConnection)

    # --- the transport's calls ---

    def resumeProducing(self) -> None:
        """The transport's buffer is empty, or (TLS) low again."""
        if self.secured:
            self._buffered = False
            self._go_on()
        elif not self._greeted:
            self._greeted = True
        elif self._registered:
            self._registered = False
            self._buffered = False
            self.transport.unregisterProducer()
            self._go_on()

    def pauseProducing(self) -> None:
        """TLS only: the buffer is full."""
        self._buffered = True

    def stopProducing(self) -> None:
        """The transport is gone; connectionLost says so too."""


def endpoint_hash(certificate: Any) -> bytes:
    """``tls-server-end-point`` (RFC 5929): the certificate's hash by its own signature's function, SHA-256 at least."""
    import hashlib

    from cryptography.hazmat.primitives.serialization import Encoding

    algorithm = certificate.signature_hash_algorithm
    name = algorithm.name if algorithm is not None and algorithm.name not in ("md5", "sha1") else "sha256"
    return hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()


class Factory(TwistedFactory):
    """The door of one listening port.

    :param connect: (database, user) → a backend; StatementError 3D000 for a database that is not there.
    :param clock: for the time limits.
    :param check: (user, password) → may they enter? Given, clients are asked for a cleartext password and `verifier` is not used.
    :param verifier: user → :class:`ha.postgres.scram.Verifier`, or None for an unknown user: the login is SCRAM-SHA-256.
    :param tls: a context factory as ``twisted.internet.ssl.CertificateOptions(..., acceptableProtocols=[ALPN])`` or None: clients hear N.
    :param connections_max: clients at a time (53300).
    :param login_timeout_s: from the first byte to the welcome.
    :param loop: the loop that the reactor runs on, where sockets can be heard of more directly than through it.
    """

    protocol = Connection
    noisy = False

    def __init__(
        self,
        connect: Callable[[str, str], Backend],
        clock: IReactorTime,
        *,
        check: Callable[[str, str], bool] | None = None,
        verifier: Callable[[str], scram.Verifier | None] | None = None,
        tls: Any = None,
        connections_max: int = CONNECTIONS_MAX,
        login_timeout_s: float = LOGIN_TIMEOUT_S,
        loop: Loop | None = None,
    ) -> None:
        if check is None and verifier is None:
            raise ValueError("a door needs a check or a verifier")
        self.clock: Any = clock
        self.tls = tls
        self.loop: Any = loop
        self.login_timeout_s = login_timeout_s
        #: In the order they came.
        self.connections: dict[Connection, None] = {}
        self._connections_max = connections_max
        self._check = check
        self._verifier = verifier
        self._connect_to = connect
        self.door = Door(self._connect, self._login, tls is not None, Cancels())

    def _connect(self, database: str, user: str) -> Backend:
        """For one who has shown who it is; many may have come in since it was asked."""
        self._find_place()
        return self._connect_to(database, user)

    def _login(self, user: str, wire: Wire) -> Login:
        """How this port lets a client in."""
        self._find_place()
        if self._check is not None:
            return scram.cleartext(user, self._check)
        assert self._verifier is not None
        return scram.scram(user, self._verifier, wire.certificate_hash())

    def _find_place(self) -> None:
        """Only clients take the places of clients."""
        places = self._connections_max
        if len(self.connections) > places and sum(one.logged_in for one in self.connections) >= places:
            raise StatementError("53300", "sorry, too many clients already")

    def enter(self, connection: Connection) -> None:
        """Count a new socket; another stranger may have to go for it."""
        if len(self.connections) >= 2 * self._connections_max:
            goes = first_to_go((one, one.address) for one in self.connections if not one.logged_in)
            if goes is not None:
                self.leave(goes)
                goes.give_way()
        self.connections[connection] = None

    def leave(self, connection: Connection) -> None:
        """It has gone."""
        self.connections.pop(connection, None)

    def shut_down(self) -> None:
        """Tell every client that the node stops."""
        for connection in list(self.connections):
            connection.shut_down()
