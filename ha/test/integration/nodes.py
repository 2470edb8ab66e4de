"""Real nodes for tests: ``twistd ha`` as a process on free ports in a temporary folder.

Use: ``Node(case)`` in a test, then :meth:`Node.start`. Whatever happens, nothing it started outlives the test
(``case.addCleanup``), nor the test runner (``PR_SET_PDEATHSIG``). What a node printed is in :meth:`Node.output`, and a
failed wait shows it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.bench.processes import (
    alive,
    children,
    die_with_parent,
    environment,
    eventually,
    free_ports,
    listens,
    processes_in,
    twistd,
)

#: How long a node may take to answer, and to end. Generous: the machine may be busy with other things.
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0

__all__ = [
    "READY_TIMEOUT_S",
    "STOP_TIMEOUT_S",
    "Node",
    "Refused",
    "agree",
    "alive",
    "children",
    "contents",
    "die_with_parent",
    "environment",
    "eventually",
    "free_ports",
    "listens",
    "position",
    "processes_in",
    "temporary_folder",
    "twistd",
]


def temporary_folder(case: SynchronousTestCase) -> Path:
    """A folder that is gone after the test. Not in trial's own: a Unix socket's path must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="ha-test-"))
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Refused(Exception):
    """HTTP answered another status than 200.

    :param error: what stood under ``error`` in the body, or the body.
    """

    def __init__(self, status: int, error: Any) -> None:
        super().__init__(status, error)
        self.status = status
        self.error = error


class Node:
    """One node: what it is told, its process, and short ways to talk to it.

    :param folder: where its database lies; a temporary one by default.
    :param peer: another node whose nats-server it shall use.
    :param options: more options, ``durability="fsync"`` for ``--durability fsync``.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        folder: Path | None = None,
        *,
        peer: Node | None = None,
        database: str = "mydatabase.db",
        **options: object,
    ) -> None:
        self.folder = temporary_folder(case) if folder is None else folder
        self.folder.mkdir(exist_ok=True)
        self.path = self.folder / database
        self.log_path = self.folder / "output.log"
        self.http_port, self.pg_port, self.nats_port = free_ports(3)
        told: dict[str, object] = {"db": self.path, "port": self.http_port, "pg-port": self.pg_port}
        if peer is None:
            told["nats-port"] = self.nats_port
        else:
            told |= {"nats-port": 0, "replication-url": f"nats://localhost:{peer.nats_port}"}
        told |= {name.replace("_", "-"): value for name, value in options.items()}
        self.options = told
        self.process: subprocess.Popen[bytes] | None = None
        case.addCleanup(self.kill)

    # its life

    def words(self) -> list[str]:
        """Its options as they stand on a command line."""
        return [word for name, value in self.options.items() for word in (f"--{name}", str(value))]

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process; do not wait for anything."""
        with open(self.log_path, "ab") as output:
            self.process = subprocess.Popen(
                [*twistd(), "-n", "--pidfile=", "ha", *self.words()],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        return self.process

    def start(self) -> Node:
        """Start the process and wait until both its doors are open."""
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until both doors are open.

        :raises AssertionError: they did not open in time, or the process ended; with what it had printed.
        """
        try:
            eventually(self.answers_or_ended, "the node answers", timeout_s)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it printed:\n{self.output()}") from error.__cause__
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"the node ended with {self.process.returncode}; it printed:\n{self.output()}")

    def answers_or_ended(self) -> bool:
        """Whether there is nothing left to wait for."""
        if self.process is not None and self.process.poll() is not None:
            return True
        return self.get("/healthz")[0] == 200 and listens(self.pg_port)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the status as :mod:`subprocess` gives it."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it now, and whatever it left behind."""
        if self.process is not None and self.process.poll() is None:
            pids = children(self.process.pid)
            self.process.kill()
            self.process.wait()
            for pid in pids:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)

    def output(self) -> str:
        """All it printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # talking to it

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One HTTP request on a connection of its own: status and body."""
        with closing(HTTPConnection("localhost", self.http_port, timeout=60)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()

    def get(self, path: str) -> tuple[int, bytes]:
        """GET it."""
        return self.request("GET", path)

    def run(self, *commands: tuple[str, Any] | str) -> list[dict[str, Any]]:
        """One transaction over HTTP: a result per command, each a text or a text with its parameters.

        :raises Refused: it did not happen.
        """
        pairs = [(one, []) if isinstance(one, str) else one for one in commands]
        body = json.dumps([{"sql": sql, "params": params} for sql, params in pairs]).encode()
        status, answer = self.request("POST", "/", body)
        parsed = json.loads(answer)
        if status != 200:
            raise Refused(status, parsed.get("error", parsed))
        results: list[dict[str, Any]] = parsed["results"]
        return results

    def rows(self, sql: str, *params: Any) -> list[list[Any]]:
        """The rows of one statement, over HTTP."""
        rows: list[list[Any]] = self.run((sql, list(params)))[0]["rows"]
        return rows

    def dsn(self) -> str:
        """For PostgreSQL drivers."""
        return f"postgresql://ha:ha@localhost:{self.pg_port}/{self.path.name}"

    def psql(self, *commands: str, options: Sequence[str] = ("-X", "-A", "-t")) -> str:
        """What psql prints when it runs these, errors included."""
        words = ["psql", "-h", "localhost", "-p", str(self.pg_port), "-U", "ha", *options]
        for command in commands:
            words += ["-c", command]
        done = subprocess.run(
            words, env=environment() | {"PGPASSWORD": "ha"}, capture_output=True, text=True, timeout=60, check=False
        )
        return (done.stdout + done.stderr).strip()

    def contents(self) -> dict[str, Any]:
        """What its file holds: see :func:`contents`."""
        return contents(self.path)


def contents(path: Path) -> dict[str, Any]:
    """All that nodes must agree on: schema, rows with their rowids, sequences. Not the ``ha_`` tables."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        ours = "LIKE 'ha\\_%' ESCAPE '\\'"
        connection.execute("BEGIN")
        schema = [
            tuple(None if part is None else part.decode() for part in row)
            for row in connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema "
                f"WHERE NOT (name {ours} OR tbl_name {ours}) ORDER BY type, name"
            )
        ]
        held: dict[str, Any] = {"schema": [row for row in schema if not row[1].startswith("sqlite_stat")]}
        for kind, name, _, sql in schema:
            if kind != "table" or name.startswith("sqlite_stat") or sql.upper().startswith("CREATE VIRTUAL"):
                continue
            if name == "sqlite_sequence":
                rows = connection.execute(f"SELECT name, seq FROM sqlite_sequence WHERE NOT name {ours}").fetchall()
                held[name] = sorted(rows)
                continue
            quoted = '"' + name.replace('"', '""') + '"'
            try:
                held[name] = connection.execute(f"SELECT rowid, * FROM {quoted} ORDER BY rowid").fetchall()
            except sqlite3.OperationalError:  # WITHOUT ROWID
                held[name] = sorted(connection.execute(f"SELECT * FROM {quoted}").fetchall(), key=repr)
        return held


def position(path: Path) -> int:
    """How far a database has come in the log; 0 when it was never in one."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT max(received_seq) FROM ha_stats").fetchone()[0] or 0)
        except sqlite3.OperationalError:
            return 0


def agree(*nodes: Node, timeout_s: float = READY_TIMEOUT_S) -> dict[str, Any]:
    """Wait until all have come equally far, and compare what they hold.

    :returns: what they all hold.
    :raises TimeoutError: they did not arrive at one position in time.
    :raises AssertionError: they hold different things there.
    """
    eventually(lambda: len({position(node.path) for node in nodes}) == 1, "all nodes at one position", timeout_s)
    first, *others = (node.contents() for node in nodes)
    for other in others:
        if other != first:
            different = [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)]
            raise AssertionError(f"equal positions, different contents: {different}")
    return first
