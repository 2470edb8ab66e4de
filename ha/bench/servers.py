"""What is driven: our nodes, and any other server that speaks PostgreSQL's protocol or JSON over HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ha.bench.cluster import DATABASE, BenchNode, Cluster
from ha.bench.pgsocket import Address, Connection, Refused
from ha.bench.processes import family, listener
from ha.bench.template import OURS, Template, template
from ha.bench.workloads import CLEARING, PREPARATION

#: How long a server may take to prepare (seconds).
PREPARE_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Server:
    """One server: its doors, and its processes on this machine.

    :param groups: makes the process ids by name; they may change with the connections.
    :param second: another node of the same cluster, for what is done on both.
    """

    name: str
    address: Address | None = None
    template: Template | None = None
    groups: Callable[[], dict[str, list[int]]] = field(default=dict)
    second: Server | None = None

    def serves(self, door: str) -> bool:
        """Whether it has that door."""
        return (self.address if door == "postgres" else self.template) is not None

    def run(self, sql: str) -> None:
        """One statement, by whichever door there is.

        :raises Refused: the server did not do it.
        """
        if self.address is not None:
            with closing(Connection(self.address)) as connection:
                connection.query(sql)
            return
        assert self.template is not None
        form = self.template
        with closing(http.client.HTTPConnection(form.host, form.port, timeout=PREPARE_TIMEOUT_S)) as http_client:
            head, _, body = form.request(sql).partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            http_client.request("POST", path, body, {"Content-Type": "application/json"})
            answer = http_client.getresponse()
            text = answer.read().decode("utf-8", "replace")
        if answer.status != 200 or form.error in text:
            raise Refused(f"{answer.status}: {text.strip()}")

    def prepare(self) -> None:
        """Make the tables that the workloads need, in a spelling that it knows.

        :raises Refused: it knows none of them.
        """
        for spellings in PREPARATION:
            for spelling in spellings[:-1]:
                with suppress(Refused):
                    self.run(spelling)
                    break
            else:
                self.run(spellings[-1])

    def clear(self) -> None:
        """Take the tables away."""
        for statement in CLEARING:
            self.run(statement)


def ours(cluster: Cluster) -> Server:
    """Our first node, and the second behind it."""
    second = _node("second", cluster.second)
    first = _node("ha", cluster.first)
    first.second = second
    first.groups = lambda: {name: [pid] for name, pid in cluster.pids.items()}
    return first


def _node(name: str, node: BenchNode) -> Server:
    return Server(
        name,
        Address("127.0.0.1", node.pg_port, "ha", "ha", DATABASE),
        template({"url": f"http://127.0.0.1:{node.http_port}", **OURS}),
    )


def peers(words: list[str]) -> list[Server]:
    """What ``--peer NAME=postgresql://…`` and ``--peer NAME=template.json`` say; one name may have both.

    :raises ValueError: a word that is neither.
    """
    found: dict[str, Server] = {}
    for word in words:
        name, equals, where = word.partition("=")
        if not name or not equals:
            raise ValueError(
                f"--peer wants NAME=postgresql://user:password@host:port/database or NAME=FILE, not {word}"
            )
        server = found.setdefault(name, Server(name))
        if where.startswith(("postgresql://", "postgres://")):
            url = urlsplit(where)
            server.address = Address(
                url.hostname or "127.0.0.1",
                url.port or 5432,
                unquote(url.username or "postgres"),
                unquote(url.password or ""),
                unquote(url.path[1:]) or unquote(url.username or "postgres"),
            )
        else:
            server.template = template(json.loads(Path(where).read_text()))
        server.groups = _watched(server)
    return list(found.values())


def _watched(server: Server) -> Callable[[], dict[str, list[int]]]:
    """The processes behind a peer's port, where they run on this machine."""
    door = server.address or server.template
    assert door is not None
    pid = listener(door.port) if door.host in ("127.0.0.1", "localhost", "::1") else None
    return lambda: {} if pid is None else {"server": family(pid)}
