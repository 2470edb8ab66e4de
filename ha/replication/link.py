"""The connection to a NATS server, whichever it is just now: dialled for ever, replaced when it is lost.

A connection that is lost is thrown away with all that it had not sent yet: it would send a publish that timed out long ago.
Nothing above knows NATS's protocol, or asyncio.

Runs in the reactor's thread, on Twisted's asyncio reactor.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger

from ha.replication.credentials import Credentials
from ha.replication.entry import TooLarge, Unreachable
from ha.replication.natsclient import Client, Disconnected
from ha.replication.replies import Incoming

#: Pauses before dialling again: at once, then growing to the last one.
DIAL_PAUSES_S = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)

#: How long a server may take to greet.
DIAL_TIMEOUT_S = 5

#: Where a server listens when its address has no port.
PORT = 4222


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

    def context(self, *, tls: bool) -> ssl.SSLContext | None:
        """How to speak TLS there; None: only if the server wants to.

        :raises OSError: a file cannot be read.
        """
        if not tls and not self.ca_path and not self.certificate_path:
            return None
        context = ssl.create_default_context(cafile=self.ca_path or None)
        if self.certificate_path:
            context.load_cert_chain(self.certificate_path, self.key_path or None)
        return context

    def claims(self, url: str, nonce: str) -> dict[str, str]:
        """Who we are, in the words of NATS's CONNECT; what an address says of it counts where nothing else is said.

        :param nonce: the server's challenge.
        :raises OSError: the credentials cannot be read.
        :raises BadCredentials: they are none.
        """
        if self.credentials_path:
            credentials = Credentials(self.credentials_path)
            return {"jwt": credentials.jwt().decode(), "sig": credentials.sign(nonce).decode()}
        if self.user:
            return {"user": self.user, "pass": self.password}
        if self.token:
            return {"auth_token": self.token}
        parts = urlsplit(url)
        if parts.username and parts.password:
            return {"user": parts.username, "pass": parts.password}
        return {"auth_token": parts.username} if parts.username else {}


class Subscription:
    """A subject that is listened to, over all connections that come and go."""

    def __init__(self, link: Link, subject: str, receive: Callable[[Incoming], None]) -> None:
        self._link = link
        self._receive = receive
        self._client: Any = None
        self._sid = ""
        self.subject = subject

    def attach(self, client: Any) -> None:
        """Listen on this connection."""
        self._client, self._sid = client, client.subscribe(self.subject, self._deliver)

    def detach(self) -> None:
        """The connection is gone."""
        self._client = None

    def _deliver(self, message: Incoming) -> None:
        try:
            self._receive(message)
        except Exception:
            self._link.log.failure("a message on {subject} could not be taken", subject=self.subject)

    def stop(self) -> None:
        """Listen no more."""
        client, self._client = self._client, None
        self._link.forget(self)
        if client is not None:
            client.unsubscribe(self._sid)


class Link:
    """One connection to a NATS server, replaced whenever it is lost.

    :param clock: an ``IReactorTime``.
    :param dial: makes an unconnected :class:`~ha.replication.natsclient.Client`.
    """

    log = Logger()

    def __init__(self, clock: Any, *, dial: Callable[[Any], Any] = Client) -> None:
        self._clock = clock
        self._dial = dial
        self._client: Any = None
        self._urls: list[str] = []
        self._configured: tuple[str, ...] = ()
        self._access = Access()
        self._context: ssl.SSLContext | None = None
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
        self._context = access.context(tls=any(url.startswith("tls:") for url in urls))
        access.claims("", "")  # tells now what would else be told at the first connection
        self._access = access
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
            await client.close()

    def _dial_next(self) -> None:
        self._timer = None
        self._dialling = Deferred.fromCoroutine(self._connect(self._urls[self._failures % len(self._urls)]))
        self._dialling.addErrback(lambda failure: self.log.failure("dialling NATS failed", failure))

    async def _connect(self, url: str) -> None:
        client = self._dial(self._clock)

        def complained(text: str) -> None:
            if client is self._client:
                self.log.warn("the NATS server says: {text}", text=text)

        def ended(reason: str) -> None:
            if client is self._client:
                self._lose(reason)
                self._redial()

        client.on_complaint, client.on_end = complained, ended
        address = urlsplit(url)
        connecting = Deferred.fromCoroutine(
            client.connect(
                address.hostname or "localhost",
                address.port or PORT,
                self._context,
                lambda nonce: self._access.claims(url, nonce),
            )
        )
        try:
            await connecting.addTimeout(DIAL_TIMEOUT_S, self._clock)
        except (Disconnected, TookTooLong, CancelledError, OSError, ValueError) as error:
            await client.close()
            self._failed(f"{_without_password(url)}: {error or type(error).__name__}")
            return
        finally:
            self._dialling = None
        if self._stopped:
            await client.close()
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

    # Messages

    def publish(self, subject: str, body: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Send a message; all of one reactor turn leave in one write.

        :raises Unreachable: there is no connection; it was not and will not be sent.
        :raises TooLarge: over the server's ``max_payload``.
        """
        if not self.connected:
            raise Unreachable(self._reason or "not connected to NATS")
        if len(body) > self.max_payload:
            raise TooLarge(f"{len(body)} bytes, and the server takes {self.max_payload}")
        self._client.publish(subject, body, reply, headers)

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
        urlunsplit((ours.scheme, f"{credentials}@{one}" if credentials else one, "", "", "")) for one in client.others
    ]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
