"""The side door: every HTTP connection of a node, the gate, and the table of what there is to ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Protocol
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ha.auth import Entrance, Forbidden
from ha.coroutines import begun
from ha.crowd import first_to_go
from ha.errors import StatementError
from ha.hearing import Loop
from ha.metrics import Histogram, Metrics
from ha.web import agreement, databases, status
from ha.web.exchange import ClientGone, Connection, Exchange
from ha.web.query import Backend, Waiting, serve_query
from ha.web.respond import RETRY_AFTER, Refusal, error_answer

#: A request's body, in bytes.
BODY_BYTES_MAX = 128 * 1024 * 1024

#: All bodies in memory at once, as a multiple of the largest one: a flood of large requests must not end the process.
BODIES_MAX = 4

#: Connections at once.
CONNECTIONS_MAX = 1000

#: How often connections are looked at for what they should have done by now, in seconds.
SWEEP_S = 1.0


class Node(databases.Databases, agreement.Agreement, status.Condition, Protocol):
    """What this door needs of the node."""

    def connect(self, database: str, user: str, *, remote: IAddress, dialect: str) -> Backend:
        """A new conversation with a database. HTTP asks for one for each request.

        :raises ha.errors.StatementError: 3D000 there is no such database, 57P03 not yet.
        """


#: What serves a route: the exchange, and the name in the path where the route has one. None: it is answered.
Page = Callable[[Exchange, str], Waiting | None]


class Route:
    """One path, and what each method does there.

    :param name: for the metrics.
    :param named: there is a name in the path; by default when the route ends in one.
    :param gated: the entrance's rules hold here. Probes come without a token and by any name, and learn nothing.
    """

    def __init__(self, name: str, *, named: bool = False, gated: bool = True, **pages: Page) -> None:
        self.name = name
        self.named = named or name.endswith(">")
        self.gated = gated
        self.pages = {method.encode("ascii"): page for method, page in pages.items()}
        if "GET" in pages:
            self.pages[b"HEAD"] = pages["GET"]
        self.allow = b"Allow: %b\r\n" % b", ".join(sorted(self.pages))


class Site(Factory):
    """Accepts HTTP connections and serves their requests.

    :param node: whom to ask.
    :param metrics: where requests are counted, and what ``/metrics`` tells.
    :param reactor: the clock.
    :param entrance: who may enter.
    :param user: under whose name HTTP clients work.
    :param loop: the loop that the reactor runs on, where sockets can be heard of more directly than through it.
    """

    noisy = False
    log_of = Logger()

    def __init__(
        self,
        node: Node,
        metrics: Metrics,
        reactor: IReactorTime,
        *,
        entrance: Entrance,
        user: str = "ha",
        body_bytes_max: int = BODY_BYTES_MAX,
        connections_max: int = CONNECTIONS_MAX,
        now: Callable[[], float] = time.time,
        loop: Loop | None = None,
    ) -> None:
        self.node = node
        self.entrance = entrance
        self.user = user
        self.body_bytes_max = body_bytes_max
        self.connections_max = connections_max
        self.loop = loop
        self.seconds = reactor.seconds
        self._now = now
        self._date_at = -1
        self._date = b""
        self._bodies = 0
        #: In the order they came.
        self._connections: dict[Connection, None] = {}
        self._metrics = metrics
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = reactor
        self._nowhere = Route("none")
        self._seconds: dict[tuple[str, int], Histogram] = {}
        self._drained: list[Deferred[None]] = []
        self._routes, self._families = self._plan()
        metrics.gauge("ha_http_connections", "HTTP connections that are open.", lambda: len(self._connections))

    def _plan(self) -> tuple[dict[bytes, Route], dict[bytes, Route]]:
        """The whole of what can be asked: exact paths, and paths with a name in second place."""
        node, counted = self.node, self._metrics
        database = Route(
            "/databases/<name>",
            GET=lambda exchange, name: databases.download(exchange, node, self._known(name)),
            POST=self._query,
        )
        download: Page = lambda exchange, name: databases.download(exchange, node, self._first())  # noqa: E731
        exact = {
            b"/": Route("/", GET=download, POST=lambda exchange, name: self._query(exchange, self._first())),
            b"/query": Route("/query", POST=lambda exchange, name: self._query(exchange, self._first())),
            b"/download": Route("/download", GET=download),
            b"/databases": Route("/databases", GET=lambda exchange, name: databases.list_databases(exchange, node)),
            b"/healthz": Route("/healthz", gated=False, GET=lambda exchange, name: status.healthz(exchange)),
            b"/readyz": Route("/readyz", gated=False, GET=lambda exchange, name: status.readyz(exchange, node)),
            b"/status": Route("/status", GET=lambda exchange, name: status.status(exchange, node)),
            b"/metrics": Route("/metrics", GET=lambda exchange, name: status.metrics(exchange, counted)),
            b"/snapshot": Route(
                "/snapshot",
                GET=lambda exchange, name: databases.download_snapshot(exchange, node, self._first()),
                POST=lambda exchange, name: databases.make_snapshot(exchange, node, self._first()),
            ),
            b"/conflicts": Route("/conflicts", GET=lambda exchange, name: agreement.list_conflicts(exchange, node)),
            b"/replication/skip": Route(
                "/replication/skip", POST=lambda exchange, name: agreement.skip(exchange, node)
            ),
            b"/replications": Route(
                "/replications", GET=lambda exchange, name: status.list_replications(exchange, node)
            ),
        }
        families = {
            b"/databases/<name>": database,
            b"/databases/<name>/snapshot": Route(
                "/databases/<name>/snapshot",
                named=True,
                GET=lambda exchange, name: databases.download_snapshot(exchange, node, self._known(name)),
                POST=lambda exchange, name: databases.make_snapshot(exchange, node, self._known(name)),
            ),
            b"/conflicts/<name>": Route(
                "/conflicts/<name>", GET=lambda exchange, name: agreement.show_conflict(exchange, node, name)
            ),
            b"/conflicts/<name>/restore": Route(
                "/conflicts/<name>/restore",
                named=True,
                POST=lambda exchange, name: agreement.restore_conflict(exchange, node, name),
            ),
            b"/replications/<name>": Route(
                "/replications/<name>",
                DELETE=lambda exchange, name: status.remove_replication(exchange, node, name),
            ),
        }
        return exact, families

    def _first(self) -> str:
        return self.node.databases()[0]

    def _known(self, name: str) -> str:
        if name not in self.node.databases():
            raise Refusal(404, "unknown_database", f"there is no database {name} here")
        return name

    def _query(self, exchange: Exchange, database: str) -> Waiting | None:
        connect = partial(self.node.connect, database, self.user, remote=exchange.channel.peer, dialect="sqlite")
        return serve_query(exchange, connect)

    # --- one request

    def serve(self, exchange: Exchange) -> None:
        """A whole request is here: find its page and let it answer."""
        begun(self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            page, name = self._find(exchange)
            waiting = page(exchange, name)
            if waiting is not None:
                await waiting
        except Refusal as refusal:
            exchange.refuse(refusal)
        except StatementError as error:
            code, headers, body = error_answer(error, None)
            self._break_or_answer(exchange, code, body, headers)
        except ClientGone:
            pass
        except Exception:
            self.log_of.failure("{method} {route} failed", method=exchange.method, route=exchange.route)
            code, headers, body = error_answer(StatementError("XX000", "internal error; the node's log has more"), None)
            self._break_or_answer(exchange, code, body, headers)

    def _break_or_answer(self, exchange: Exchange, code: int, body: bytes, headers: bytes) -> None:
        if exchange.begun:
            exchange.break_off()
        else:
            exchange.answer(code, body, headers)

    def _find(self, exchange: Exchange) -> tuple[Page, str]:
        """The page a request asks for, and the name in its path.

        :raises Refusal: there is none, or he may not.
        """
        path = exchange.uri.partition(b"?")[0]
        route = self._routes.get(path)
        name = ""
        if route is None:
            first, _, rest = path[1:].partition(b"/")
            last, slash, page_of = rest.partition(b"/")
            route = self._families.get(b"/%b/<name>%b%b" % (first, slash, page_of), self._nowhere)
            name = unquote_to_bytes(last).decode("utf-8", "replace")
        exchange.route = route.name
        if route.gated and not exchange.admitted:
            self._enter(exchange.headers, exchange.method != b"GET" and exchange.method != b"HEAD")
        if not route.pages or (route.named and not name):
            raise Refusal(404, "unknown_path", "there is nothing here")
        page = route.pages.get(exchange.method)
        if page is None:
            raise Refusal(405, "method_not_allowed", "that cannot be done here", headers=route.allow)
        return page, name

    def _enter(self, headers: dict[bytes, list[bytes]], writes: bool) -> None:
        """
        :raises Refusal: the entrance is closed to him.
        """
        try:
            self.entrance.check(headers, writes=writes)
        except Forbidden as reason:
            if reason.anonymous:
                raise Refusal(401, "unauthorized", str(reason), headers=b"WWW-Authenticate: Bearer\r\n") from None
            raise Refusal(403, "forbidden", str(reason)) from None

    def log(self, exchange: Exchange) -> None:
        """An exchange has been answered: count it."""
        key = (exchange.route, exchange.code)
        histogram = self._seconds.get(key)
        if histogram is None:
            histogram = self._seconds[key] = self._metrics.histogram(
                "ha_http_request_seconds",
                "HTTP requests, from the last byte in to the last byte out.",
                route=exchange.route,
                status=str(exchange.code),
            )
        histogram.observe(self.seconds() - exchange.started_at)

    def refused(self, refusal: Refusal) -> None:
        """A request was refused before it was whole: count it."""
        self._metrics.counter(
            "ha_http_refusals_total", "HTTP requests refused before they were whole.", status=str(refusal.status)
        ).inc()

    # --- connections

    def buildProtocol(self, addr: IAddress | None) -> Connection:
        return Connection(self)

    def connected(self, connection: Connection) -> None:
        """One more. Beyond the limit one without a request goes for it; if there is none, it is told to come again."""
        if len(self._connections) >= self.connections_max:
            goes = first_to_go((one, one.address) for one in self._connections if one.waiting)
            if goes is not None:
                self.disconnected(goes)
                goes.abort()
        self._connections[connection] = None
        if not self._sweeping.running:
            self._sweeping.start(SWEEP_S, now=False)
        if len(self._connections) > self.connections_max:
            full = "too many connections"
            connection.refuse(Refusal(503, "too_many_connections", full, headers=RETRY_AFTER, close=True))

    def disconnected(self, connection: Connection) -> None:
        """One less."""
        self._connections.pop(connection, None)
        if not self._connections and self._sweeping.running:
            self._sweeping.stop()
            self._all_gone()

    def _sweep(self) -> None:
        now = self.seconds()
        for connection in [one for one in self._connections if one.deadline <= now]:
            connection.deadline_passed()

    def admit(self, headers: dict[bytes, list[bytes]]) -> None:
        """A body follows this head: read it only from someone who may enter.

        :raises Refusal: he may not.
        """
        try:
            self._enter(headers, True)
        except Refusal as refusal:
            refusal.close = True
            raise

    def hold(self, size: int) -> bool:
        """Keep account of the bodies in memory."""
        if size > 0 and self._bodies + size > BODIES_MAX * self.body_bytes_max:
            return False
        self._bodies += size
        return True

    def date(self) -> bytes:
        """Now, as HTTP writes it; made once a second."""
        now = int(self._now())
        if now != self._date_at:
            self._date_at = now
            self._date = formatdate(now, usegmt=True).encode("ascii")
        return self._date

    # --- going down

    def drain(self) -> Deferred[None]:
        """Let what is being answered be answered, and close the rest now.

        :return: fires when the last connection has ended; see :meth:`cut` for those who take too long.
        """
        for connection in list(self._connections):
            connection.finish_soon()
        gone: Deferred[None] = Deferred()
        if self._connections:
            self._drained.append(gone)
        else:
            gone.callback(None)
        return gone

    def cut(self) -> None:
        """End every connection, answered or not."""
        for connection in list(self._connections):
            connection.abort()

    def _all_gone(self) -> None:
        waiting, self._drained = self._drained, []
        for one in waiting:
            one.callback(None)
