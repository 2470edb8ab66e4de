"""The connection to a NATS server through nats-py, as :mod:`ha.replication.natsclient` makes it prompt.

nats-py is used as one connection: publish, subscribe, close. Everything above it is ours and knows neither asyncio nor NATS.

nats-py's own reconnecting is switched off: it would send a publish that timed out long ago, and one ``-ERR`` of the
server ends it for good. A connection that is lost is thrown away with all that it had buffered, and a new one is
dialled on our own clock.

Runs in the reactor's thread, on Twisted's asyncio reactor.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import nats.errors
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ha.replication.credentials import Credentials
from ha.replication.entry import TooLarge, Unreachable
from ha.replication.natsclient import Client, at_once
from ha.replication.replies import Incoming

#: Pauses before dialling again: at once, then growing to the last one.
DIAL_PAUSES_S = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

#: How long a server may take to greet.
DIAL_TIMEOUT_S = 5

#: A connection that answers no ping for three of these is dead.
PING_INTERVAL_S = 5

#: How long a connection's farewell may take: a socket may not let go of what was written.
CLOSE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Access:
    """Who we are to the NATS server.

    :param credentials_path: a ``.creds`` file (JWT and seed).
    :param ca_path: PEM certificates to trust instead of the system's.
    :param certificate_path: our own certificate, with `key_path`.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    credentials_path: str = ""
    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""

    def options(self, *, tls: bool) -> dict[str, Any]:
        """The same as nats-py's arguments.

        :raises OSError: a file cannot be read.
        :raises BadCredentials: a file is none.
        """
        options: dict[str, Any] = {}
        if self.user:
            options |= {"user": self.user, "password": self.password}
        if self.token:
            options["token"] = self.token
        if self.credentials_path:
            credentials = Credentials(self.credentials_path)
            credentials.sign("")  # tells now what would else be told at the first connection
            options |= {"user_jwt_cb": credentials.jwt, "signature_cb": credentials.sign}
        if tls or self.ca_path or self.certificate_path:
            context = ssl.create_default_context(cafile=self.ca_path or None)
            if self.certificate_path:
                context.load_cert_chain(self.certificate_path, self.key_path or None)
            options["tls"] = context
        return options


def from_asyncio(coroutine: Coroutine[Any, Any, Any]) -> Deferred[Any]:
    """Run it as a task; not for the hot path (11 µs)."""
    return Deferred.fromFuture(asyncio.ensure_future(coroutine))


class Subscription:
    """A subject that is listened to, over all connections that come and go."""

    def __init__(self, link: Link, subject: str, receive: Callable[[Incoming], None]) -> None:
        self._link = link
        self._receive = receive
        self._end: Callable[[], None] | None = None
        self.subject = subject

    def attach(self, client: Any) -> None:
        """Listen on this connection."""
        self._end = client.listen(self.subject, self._deliver)

    def detach(self) -> None:
        """The connection is gone."""
        self._end = None

    def _deliver(self, message: Incoming) -> None:
        try:
            self._receive(message)
        except Exception:
            self._link.log.failure("a message on {subject} could not be taken", subject=self.subject)

    def stop(self) -> None:
        """Listen no more."""
        end, self._end = self._end, None
        self._link.forget(self)
        if end is not None:
            end()


class Link:
    """One connection to a NATS server, replaced whenever it is lost.

    :param clock: an ``IReactorTime``.
    :param dial: makes an unconnected :class:`~ha.replication.natsclient.Client`.
    :param run: turns a coroutine of asyncio into a Deferred.
    """

    log = Logger()

    def __init__(
        self,
        clock: Any,
        *,
        dial: Callable[[], Any] = Client,
        run: Callable[[Coroutine[Any, Any, Any]], Deferred[Any]] = from_asyncio,
    ) -> None:
        self._clock = clock
        self._dial = dial
        self._run = run
        self._client: Any = None
        self._urls: list[str] = []
        self._configured: tuple[str, ...] = ()
        self._options: dict[str, Any] = {}
        self._subscriptions: list[Subscription] = []
        self._failures = 0
        self._timer: Any = None
        self._dialling: Deferred[None] | None = None
        self._stopped = True
        self._reason = ""
        self.connected = False
        self.max_payload = 1024 * 1024
        self.on_change: Callable[[bool], None] = lambda connected: None

    @property
    def reason(self) -> str:
        """Why there is no connection, in words; empty when there is one."""
        return "" if self.connected else self._reason

    # Life

    def start(self, urls: Sequence[str], access: Access) -> None:
        """Dial, and go on dialling for ever. Does nothing when it has been started before.

        :raises OSError: a file of `access` cannot be read.
        """
        if not self._stopped:
            return
        self._configured = tuple(urls)
        self._urls = list(urls)
        self._options = access.options(tls=any(url.startswith("tls:") for url in urls))
        self._stopped = False
        self._dial_next()

    async def stop(self) -> None:
        """End the connection; nothing of it is left when this is done."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dialling is not None:
            await self._dialling
        client = self._client
        self._lose("it was closed")
        if client is not None:
            await self._farewell(client)

    def _dial_next(self) -> None:
        self._timer = None
        self._dialling = Deferred.fromCoroutine(self._connect(self._urls[self._failures % len(self._urls)]))
        self._dialling.addErrback(lambda failure: self.log.failure("dialling NATS failed", failure))

    async def _connect(self, url: str) -> None:
        client = self._dial()
        trouble: list[Exception] = []

        async def failed(error: Exception) -> None:
            if client is self._client:
                self.log.warn("the NATS connection says: {error!r}", error=error)
            trouble.append(error)

        async def closed() -> None:
            if client is self._client:
                self._lose(str(trouble[-1]) if trouble else "the server closed the connection")
                self._redial()

        try:
            await self._run(
                client.connect(
                    [url],
                    name="ha",
                    error_cb=failed,
                    closed_cb=closed,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=DIAL_TIMEOUT_S,
                    ping_interval=PING_INTERVAL_S,
                    pending_size=0,
                    skip_subject_validation=True,  # they are all ours
                    **self._options,
                )
            )
        except (TimeoutError, nats.errors.Error, OSError, ValueError) as error:
            await self._farewell(client)
            reason = trouble[-1] if trouble else error
            self._failed(f"{_without_password(url)}: {reason or type(reason).__name__}")
            return
        finally:
            self._dialling = None
        if self._stopped:
            await self._farewell(client)
            return
        self._established(client, url)

    def _established(self, client: Any, url: str) -> None:
        self._client = client
        self._failures = 0
        self.max_payload = client.max_payload
        self._urls = [url, *(one for one in [*self._configured, *_discovered(client, url)] if one != url)]
        self.connected = True
        for subscription in list(self._subscriptions):
            subscription.attach(client)
        self.log.info("connected to NATS at {url}", url=_without_password(url))
        self.on_change(True)

    def _failed(self, reason: str) -> None:
        if reason != self._reason:
            self.log.warn("cannot reach NATS: {reason}", reason=reason)
        self._reason = reason
        self._failures += 1
        self._redial()

    def _redial(self) -> None:
        if not self._stopped and self._timer is None:
            rounds = self._failures // max(len(self._urls), 1)
            pause_s = DIAL_PAUSES_S[min(rounds, len(DIAL_PAUSES_S) - 1)]
            self._timer = self._clock.callLater(pause_s, self._dial_next)

    def _lose(self, reason: str) -> None:
        self._client = None
        if not self.connected:
            return
        self.connected = False
        self._reason = reason
        for subscription in self._subscriptions:
            subscription.detach()
        if not self._stopped:
            self.log.warn("lost the connection to NATS: {reason}", reason=reason)
        self.on_change(False)

    async def _farewell(self, client: Any) -> None:
        """Close, but do not wait for ever: a socket whose other end stands still does not let go of its bytes."""
        closing = self._run(client.close())
        closing.addTimeout(CLOSE_TIMEOUT_S, self._clock)
        try:
            await closing
        except (Exception, asyncio.CancelledError) as error:  # asyncio's is no Exception, and is what a time-out brings
            self.log.debug("closing a NATS connection: {error!r}", error=error)

    # Messages

    def publish(self, subject: str, body: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Queue a message; all of one reactor turn leave in one write.

        :raises Unreachable: there is no connection; it was not and will not be sent.
        :raises TooLarge: over the server's ``max_payload``.
        """
        if not self.connected:
            raise Unreachable(self._reason or "not connected to NATS")
        try:
            at_once(self._client.publish(subject, body, reply, headers))
        except nats.errors.MaxPayloadError:
            raise TooLarge(f"{len(body)} bytes, and the server takes {self.max_payload}") from None
        except nats.errors.Error as error:
            raise Unreachable(str(error)) from error

    def subscribe(self, subject: str, receive: Callable[[Incoming], None]) -> Subscription:
        """Listen until the subscription is stopped, on this connection and those that follow it."""
        subscription = Subscription(self, subject, receive)
        self._subscriptions.append(subscription)
        if self.connected:
            subscription.attach(self._client)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """It has stopped."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)


def _discovered(client: Any, url: str) -> list[str]:
    """The cluster's other servers, with the user and password that we came in with."""
    ours = urlsplit(url)
    credentials = ours.netloc.rpartition("@")[0]
    return [
        urlunsplit((ours.scheme, f"{credentials}@{one.netloc}" if credentials else one.netloc, "", "", ""))
        for one in client.discovered_servers
    ]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
