"""One connection to a NATS server, from its greeting to its end. It does not come back: :mod:`ha.replication.link` dials another.

A message is handed to whoever listens in the turn in which it arrives, and a message of ours is with the loop when :meth:`publish`
returns: a lone write waits for nothing else. A connection that ends throws away what it had not sent, so that nothing is
sent when its sender has long given up.

Runs in the reactor's thread, on the asyncio loop that the reactor runs on.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ha.replication import natswire
from ha.replication.natswire import Beat, Complaint, Decoder, Info, Message, ProtocolError

#: How often we ask whether the server is there (seconds) ...
PING_INTERVAL_S = 5

#: ... and how many of these may be unanswered: it is dead when the next one is due.
PINGS_MAX = 2

#: How long a connection's farewell may take: a socket may not let go of what was written.
CLOSE_TIMEOUT_S = 2.0

#: What we understand, besides who we are. https://docs.nats.io/reference/reference-protocols/nats-protocol#connect
ABILITIES: Mapping[str, Any] = {
    "name": "ha",
    "lang": "python",
    "version": "1",
    "protocol": 1,
    "verbose": False,
    "pedantic": False,
    "headers": True,
    "no_responders": True,
}


class Disconnected(Exception):
    """The connection ended, or never was; the text says why."""


def from_asyncio(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Run it as a task; not for the hot path (11 µs)."""
    return Deferred.fromFuture(asyncio.ensure_future(coroutine))


class Client(asyncio.Protocol):
    """The connection.

    :param clock: an ``IReactorTime``.
    :param loop: asyncio's, or None for the running one.
    :param run: turns a coroutine of asyncio into a Deferred.
    :ivar max_payload: the largest message that the server takes, headers included.
    :ivar others: ``host:port`` of the cluster's servers, as this one knows them.
    """

    def __init__(
        self, clock: Any, loop: Any = None, run: Callable[[Coroutine[Any, Any, Any]], Deferred[Any]] = from_asyncio
    ) -> None:
        self._clock = clock
        self._loop = loop
        self._run = run
        self._transport: Any = None
        self._decoder = Decoder()
        self._receivers: dict[str, Callable[[Message], None]] = {}
        self._sids = map(str, count(1))
        #: While we connect: what the server is to say next, and what fires with it.
        self._awaited: tuple[type, Deferred[Any]] | None = None
        self._reason = ""
        self._pings = 0
        self._timer: Any = None
        self._closing: list[Deferred[None]] = []
        self.max_payload = 1024 * 1024
        self.others: tuple[str, ...] = ()
        #: Called with what the server complains of, and, once after :meth:`connect`, with why the connection has ended.
        self.on_complaint: Callable[[str], None] = lambda text: None
        self.on_end: Callable[[str], None] = lambda reason: None

    # Life

    async def connect(
        self, host: str, port: int, context: ssl.SSLContext | None, claims: Callable[[str], Mapping[str, Any]]
    ) -> None:
        """Connect, encrypt if we or the server want to, and say who we are.

        :param claims: who we are, given the server's challenge.
        :raises Disconnected: the server does not take us, or is none of NATS's.
        :raises OSError: nobody is there, or its certificate is not good.
        """
        loop = self._loop or asyncio.get_event_loop()
        greeting = self._heard(Info)
        await self._run(loop.create_connection(lambda: self, host, port))
        info = (await greeting).fields
        if context is not None or info.get("tls_required"):
            context = context or ssl.create_default_context()
            plain = self._still_there()
            self._transport = await self._run(loop.start_tls(plain, self, context, server_hostname=host))
        said = {**ABILITIES, **claims(info.get("nonce", ""))}
        self._still_there().write(natswire.connect(said) + natswire.PING)
        await self._heard(Beat)
        self._still_there()
        self._timer = self._clock.callLater(PING_INTERVAL_S, self._ping)

    def _heard(self, kind: type) -> Deferred[Any]:
        heard: Deferred[Any] = Deferred()
        self._awaited = (kind, heard)
        return heard

    def _still_there(self) -> Any:
        if self._transport is None:
            raise Disconnected(self._reason)
        return self._transport

    def close(self) -> Deferred[None]:
        """End it; fires when it has. A socket that does not let go of its bytes is not waited for."""
        transport = self._transport
        if transport is None:
            return succeed(None)
        self._reason = self._reason or "it was closed"
        ended: Deferred[None] = Deferred()
        self._closing.append(ended)
        force = self._clock.callLater(CLOSE_TIMEOUT_S, transport.abort)
        transport.close()
        return ended.addCallback(lambda _: force.cancel() if force.active() else None)

    def _fail(self, reason: str) -> None:
        self._reason = reason
        self._transport.abort()

    def _ping(self) -> None:
        self._timer = None
        if self._pings >= PINGS_MAX:
            self._fail(f"the server answered nothing for {PING_INTERVAL_S * (PINGS_MAX + 1)} s")
            return
        self._pings += 1
        self._transport.write(natswire.PING)
        self._timer = self._clock.callLater(PING_INTERVAL_S, self._ping)

    # Messages

    def publish(self, subject: str, body: bytes, reply: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Send a message; all of one turn leave together."""
        self._transport.write(natswire.publish(subject, body, reply, headers))

    def subscribe(self, subject: str, receive: Callable[[Message], None]) -> str:
        """Call `receive`, which must not raise, with each message from now on.

        :returns: what :meth:`unsubscribe` wants.
        """
        sid = next(self._sids)
        self._receivers[sid] = receive
        self._transport.write(natswire.subscribe(subject, sid))
        return sid

    def unsubscribe(self, sid: str) -> None:
        """Not one message more."""
        del self._receivers[sid]
        self._transport.write(natswire.unsubscribe(sid))

    # asyncio's calls

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            said = self._decoder.feed(data)
        except ProtocolError as error:
            self._fail(str(error))
            return
        receivers = self._receivers
        for one in said:
            if one.__class__ is Message:
                receive = receivers.get(one.sid)  # type: ignore[union-attr]
                if receive is not None:
                    receive(one)  # type: ignore[arg-type]
            else:
                self._told(one)

    def _told(self, one: Any) -> None:
        if one is Beat.PING:
            self._transport.write(natswire.PONG)
            return
        if isinstance(one, Complaint):
            self._reason = one.text
            self.on_complaint(one.text)
        elif isinstance(one, Info):
            self.max_payload = one.fields.get("max_payload", self.max_payload)
            self.others = tuple(one.fields.get("connect_urls") or ())
        else:
            self._pings = 0
        if self._awaited is not None and isinstance(one, self._awaited[0]):
            (_, heard), self._awaited = self._awaited, None
            heard.callback(one)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._receivers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._reason = self._reason or str(error or "") or "the server closed the connection"
        awaited, self._awaited = self._awaited, None
        closing, self._closing = self._closing, []
        if awaited is not None:
            awaited[1].errback(Disconnected(self._reason))
        else:
            self.on_end(self._reason)
        for ended in closing:
            ended.callback(None)
