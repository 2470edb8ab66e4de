"""A scripted PostgreSQL client that speaks in messages, not in bytes, to a server connection without a socket.

client = Client(factory)
client.login()
client.send(Query("SELECT 1"))
client.received()      # → [RowDescription(...), DataRow(...), CommandComplete("SELECT 1"), ReadyForQuery("I")]
"""

from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport

from ha.postgres.answers import BACKEND, ErrorResponse, ReadyForQuery
from ha.postgres.decoder import Decoder
from ha.postgres.messages import MESSAGE_BYTES_MAX, PROTOCOL_3_0
from ha.postgres.questions import AuthenticationAnswer, StartupMessage
from ha.postgres.server import Connection, Factory


class Client:
    """One client and its connection.

    :ivar connection: the server's side.
    :ivar transport: what it writes to; ``transport.disconnecting`` tells whether it has hung up.
    """

    def __init__(self, factory: Factory, transport: PatientTransport | None = None) -> None:
        self.transport = transport or PatientTransport()
        self.connection: Connection = factory.buildProtocol(None)  # type: ignore[assignment]
        self.connection.makeConnection(self.transport)
        self._decoder = Decoder(BACKEND)
        self._decoder.bytes_max = MESSAGE_BYTES_MAX

    def send(self, *messages: Any) -> None:
        """Say these in one packet."""
        self.connection.dataReceived(b"".join(message.encode() for message in messages))

    def send_bytes(self, data: bytes) -> None:
        """Say these bytes one at a time."""
        for at in range(len(data)):
            self.connection.dataReceived(data[at : at + 1])

    def received(self) -> list[Any]:
        """Everything heard since the last call."""
        self._decoder.feed(self.transport.value())
        self.transport.clear()
        heard = []
        while (message := self._decoder.next()) is not None:
            heard.append(message)
        return heard

    def ask(self, *messages: Any) -> list[Any]:
        """Say these, and hear the answer."""
        self.send(*messages)
        return self.received()

    def login(self, user: str = "ha", password: str = "ha", database: str = "test", **settings: str) -> list[Any]:
        """Start up with a cleartext password, to the first ReadyForQuery."""
        self.send(StartupMessage(PROTOCOL_3_0, {"user": user, "database": database, **settings}))
        heard = self.received()
        if isinstance(heard[-1], ErrorResponse):
            return heard
        self.send(AuthenticationAnswer(password.encode() + b"\0"))
        return self.received()

    def leave(self) -> None:
        """Vanish."""
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.connection.connectionLost(Failure(ConnectionDone()))


class PatientTransport(StringTransport):
    """A transport whose buffer is emptied by hand: as long as `stuck`, its client reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = False
        self.aborted = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        super().registerProducer(producer, streaming)
        if not streaming:
            # As Twisted's own transports do.
            producer.resumeProducing()
            self.read()

    def read(self) -> None:
        """The client has read everything, unless it is stuck."""
        while self.producer is not None and not self.stuck:
            self.producer.resumeProducing()

    def abortConnection(self) -> None:
        self.aborted = True
        self.loseConnection()


def statuses(messages: list[Any]) -> list[str]:
    """The transaction states of the ReadyForQuery among these."""
    return [message.status for message in messages if isinstance(message, ReadyForQuery)]
