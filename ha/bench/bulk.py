"""Many rows at once: COPY of a million in and out over PostgreSQL, and a SELECT of them all over HTTP, in a stream."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing

from ha.bench.cluster import Cluster
from ha.bench.pgsocket import Connection
from ha.bench.processes import cpu_s, eventually, forget_peak, peak_bytes
from ha.bench.report import Once
from ha.bench.servers import Server

#: Rows in one message of the client's, as psql and drivers send some tens of KiB at a time.
ROWS_PER_PIECE = 1_000

#: How long the second node may need for what was copied.
TIMEOUT_S = 300.0

_MIB = 1 << 20


def lines(count: int) -> Iterator[bytes]:
    """Rows in COPY's text form: a number and about forty characters."""
    for start in range(1, count + 1, ROWS_PER_PIECE):
        end = min(start + ROWS_PER_PIECE, count + 1)
        yield b"".join(
            [b"%d\ta value of about forty characters, %d\n" % (number, number) for number in range(start, end)]
        )


def copy(server: Server, count: int, cluster: Cluster | None) -> list[Once]:
    """COPY that many rows in and out again.

    :param cluster: ours, to see the second node follow; None for a peer.
    """
    assert server.address is not None
    made = []
    pieces = list(lines(count))  # made before the clock runs
    with closing(Connection(server.address)) as connection:
        connection.query("DROP TABLE IF EXISTS copied")
        connection.query("CREATE TABLE copied (id INTEGER PRIMARY KEY, value TEXT)")
        with Watch(server, f"COPY of {count:,} rows in, {server.name}", count) as watch:
            connection.copy_in("COPY copied (id, value) FROM STDIN", pieces)
        figures = watch.figures
        if cluster is not None:
            second = cluster.second
            eventually(lambda: second.rows("copied") == count, "the second node has every row", TIMEOUT_S)
            figures["on the second node, s after"] = time.perf_counter() - watch.ended_at
        made.append(Once(watch.name, figures))
        with Watch(server, f"COPY of {count:,} rows out, {server.name}", count) as watch:
            connection.copy_out("COPY copied TO STDOUT")
        made.append(Once(watch.name, watch.figures))
    return made


def select(server: Server, count: int) -> Once:
    """SELECT what :func:`copy` put in, over HTTP."""
    form = server.template
    assert form is not None
    body = form.request("SELECT id, value FROM copied").partition(b"\r\n\r\n")[2]
    with closing(http.client.HTTPConnection(form.host, form.port, timeout=TIMEOUT_S)) as connection:
        with Watch(server, f"SELECT of {count:,} rows over HTTP, {server.name}", count) as watch:
            connection.request("POST", form.read, body)
            answer = connection.getresponse()
            pieces = []
            first_at = 0.0
            while piece := answer.read1(1 << 20):
                first_at = first_at or time.perf_counter()
                pieces.append(piece)
    if answer.status != 200:
        raise SystemExit(f"{server.name} answered {answer.status}: {b''.join(pieces)[:500]!r}")
    rows = len(json.loads(b"".join(pieces))["rows"])
    if rows != count:
        raise SystemExit(f"{server.name} answered {rows} rows of {count}")
    return Once(watch.name, watch.figures | {"first byte after s": first_at - watch.begun_at})


class Watch:
    """Time, CPU and memory of a server while the block runs, for so many rows."""

    def __init__(self, server: Server, name: str, rows: int) -> None:
        self.name = name
        self._server = server
        self._rows = rows
        self.figures: dict[str, float] = {}
        self.begun_at = self.ended_at = 0.0

    def __enter__(self) -> Watch:
        groups = self._server.groups()
        forget_peak(pid for pids in groups.values() for pid in pids)
        self._before = {name: cpu_s(pids) for name, pids in groups.items()}
        self.begun_at = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended_at = time.perf_counter()
        took = self.ended_at - self.begun_at
        self.figures = {"s": took, "rows per s": self._rows / took}
        for name, pids in self._server.groups().items():
            self.figures[f"CPU us per row, {name}"] = 1e6 * (cpu_s(pids) - self._before.get(name, 0.0)) / self._rows
            self.figures[f"peak MiB, {name}"] = peak_bytes(pids) / _MIB
