"""Real nodes for tests: ``twistd ha`` as a process on free ports in a temporary folder.

Use: ``Node(case)`` in a test, then :meth:`Node.start`. Whatever happens, nothing it started outlives the test
(``case.addCleanup``), nor the test runner (``PR_SET_PDEATHSIG``). What a node printed is in :meth:`Node.output`, and a
failed wait shows it.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import ha

#: Where ``ha`` was imported from: the repository, or site-packages.
ROOT = Path(ha.__file__).parents[1]

#: How long a node may take to answer, and to end. Generous: the machine may be busy with other things.
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0

_PR_SET_PDEATHSIG = 1


def eventually(condition: Callable[[], object], what: str, timeout_s: float = READY_TIMEOUT_S) -> Any:
    """Ask until the answer is true, and return it.

    :raises AssertionError: it did not become true in time; the last exception, if there was one, is the cause.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        cause: Exception | None = None
        try:
            answer = condition()
        except Exception as error:  # a condition may fail while things are not there yet; it is told at the end
            answer, cause = None, error
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}") from cause
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens at. Below those that the kernel gives to outgoing connections, which could take one."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with closing(socket.socket()) as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def temporary_folder(case: SynchronousTestCase) -> Path:
    """A folder that is gone after the test. Not in trial's own: a Unix socket's path must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="ha-test-"))
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    return folder


def twistd() -> list[str]:
    """The program of the environment that runs the tests."""
    return [str(Path(sys.executable).with_name("twistd"))]


def environment() -> dict[str, str]:
    """For processes that shall use the ha under test, and none of the caller's own settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HA_", "PG"))}
    ours["PATH"] = f"{Path(sys.executable).parent}:{ours.get('PATH', os.defpath)}"
    ours["PYTHONPATH"] = str(ROOT)
    return ours


def die_with_parent() -> None:
    """In a child between fork and exec: be ended when the test runner is."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def processes_in(folder: Path) -> list[int]:
    """The processes whose command line names something in that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in words:
                found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def children(pid: int) -> list[int]:
    """The process's children, whichever of its threads made them."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        pass
    return found


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
        except AssertionError as error:
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
            quoted = '"' + name.replace('"', '""') + '"'
            try:
                rows = connection.execute(f"SELECT rowid, * FROM {quoted} ORDER BY rowid").fetchall()
            except sqlite3.OperationalError:  # WITHOUT ROWID
                rows = sorted(connection.execute(f"SELECT * FROM {quoted}").fetchall(), key=repr)
            held[name] = sorted(rows, key=repr) if name == "sqlite_sequence" else rows
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
    :raises AssertionError: they did not arrive at one position in time, or hold different things there.
    """
    eventually(lambda: len({position(node.path) for node in nodes}) == 1, "all nodes at one position", timeout_s)
    first, *others = (node.contents() for node in nodes)
    for other in others:
        if other != first:
            different = [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)]
            raise AssertionError(f"equal positions, different contents: {different}")
    return first
