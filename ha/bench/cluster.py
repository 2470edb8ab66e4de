"""Two nodes for the bench: started as an operator starts them, watched from outside, ended with the bench."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from ha.bench.processes import children, die_with_parent, environment, eventually, free_ports, listens, twistd
from ha.settings import Settings

#: How long a node may take to open its doors, and to end.
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

#: The same for a node that begins with a large file.
LONG_TIMEOUT_S = 900.0

DATABASE = "bench.db"


@contextmanager
def without_doors(**options: Any) -> Iterator[Settings]:
    """The settings of one node in this process that is asked without a network; its files are gone with the block.

    :param options: more settings.
    """
    with tempfile.TemporaryDirectory(prefix="ha-bench-") as folder:
        yield Settings(
            databases=(str(Path(folder) / DATABASE),),
            data_dir=str(Path(folder) / "ha-data"),
            http_port=0,
            pg_port=0,
            nats_port=free_ports(1)[0],
            **options,
        )


class BenchNode:
    """One node as a process.

    :param folder: for its database, its data and its output.
    :param peer: the node whose nats-server it uses; None: it runs one.
    :param options: more words for its command line.
    """

    def __init__(
        self,
        folder: Path,
        peer: BenchNode | None,
        options: list[str],
        *,
        ready_timeout_s: float = READY_TIMEOUT_S,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / DATABASE
        self.http_port, self.pg_port, self.nats_port = free_ports(3)
        log = (
            ["--nats-port", str(self.nats_port)]
            if peer is None
            else ["--nats-port", "0", "--replication-url", f"nats://127.0.0.1:{peer.nats_port}"]
        )
        self._output = folder / "output.log"
        self._words = [*twistd(), "-n", "--pidfile=", "ha", "--db", str(self.path), "--port", str(self.http_port)]
        self._words += ["--pg-port", str(self.pg_port), "--pg-auth", "password", *log, *options]
        self.start(ready_timeout_s)

    def start(self, ready_timeout_s: float = READY_TIMEOUT_S) -> None:
        """Begin, and wait until the doors are open."""
        folder = self.path.parent
        with open(self._output, "ab") as output:
            self._process = subprocess.Popen(
                self._words,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        eventually(self._ready, f"the node in {folder} is ready", ready_timeout_s)

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise SystemExit(f"a node ended with status {self._process.returncode}:\n{self._output.read_text()}")
        return listens(self.http_port) and listens(self.pg_port)

    @property
    def pids(self) -> dict[str, int]:
        """Its processes by name: ``node``, and ``nats`` when it runs one."""
        found = {"node": self._process.pid}
        for pid in children(self._process.pid):
            if b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found["nats"] = pid
        return found

    def run(self, *commands: str) -> list[dict[str, Any]]:
        """One transaction over HTTP."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)) as connection:
            connection.request("POST", "/", json.dumps([{"sql": command} for command in commands]))
            response = connection.getresponse()
            body = response.read()
        if response.status != 200:
            raise SystemExit(f"the node answered {response.status}: {body.decode()}")
        results: list[dict[str, Any]] = json.loads(body)["results"]
        return results

    def rows(self, table: str) -> int:
        """How many rows it has given numbers in that table, read from its file without asking the node."""
        with self.reader() as rows:
            return rows(table)

    @contextmanager
    def reader(self) -> Iterator[Callable[[str], int]]:
        """:meth:`rows` on a connection that is kept."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as connection:
            yield lambda table: int(connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()[0])

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)) as connection:
            connection.request("GET", "/status")
            said: dict[str, Any] = json.loads(connection.getresponse().read())
        return said

    def stop(self) -> None:
        """End it, and wait."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Cluster:
    """A node with a nats-server, and a second that uses it. A context manager: they end with the block.

    :param options: more words for the command line of both.
    :param database: a file that the first node begins with; the second must fetch it.
    """

    def __init__(self, folder: Path, options: list[str], database: Path | None = None) -> None:
        self._folder = folder
        self._options = options
        self._nodes: list[BenchNode] = []
        if database is not None:
            (folder / "first").mkdir()
            database.rename(folder / "first" / DATABASE)

    @contextmanager
    def alone(self) -> Iterator[BenchNode]:
        """The first node only, while the block runs. It may have a large file to store before it is ready."""
        self._nodes.append(BenchNode(self._folder / "first", None, self._options, ready_timeout_s=LONG_TIMEOUT_S))
        try:
            yield self._nodes[0]
        finally:
            self.__exit__()

    def __enter__(self) -> Cluster:
        self._nodes.append(BenchNode(self._folder / "first", None, self._options))
        try:
            self._nodes.append(BenchNode(self._folder / "second", self._nodes[0], self._options))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in reversed(self._nodes):
            with suppress(ProcessLookupError):
                node.stop()

    @property
    def first(self) -> BenchNode:
        """The one that is driven."""
        return self._nodes[0]

    @property
    def second(self) -> BenchNode:
        """The one that follows."""
        return self._nodes[1]

    @property
    def pids(self) -> dict[str, int]:
        """All processes by name: ``node``, ``nats``, ``second``."""
        return self.first.pids | {"second": self.second.pids["node"]}
