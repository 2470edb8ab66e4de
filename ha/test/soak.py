"""Nodes under load and under faults, for as long as one likes: nothing acknowledged is lost, and all nodes agree.

::

    python -m ha.test.soak --minutes 10 --seed 7 [--nodes 3] [--policy queue|refuse] [--quorum] [--durability fsync]

Clients write rows with a number of their own and remember which were acknowledged. Meanwhile a seeded sequence of
faults runs: nodes and nats-servers killed or stopped, links cut, stalled or slowed, disks filled, schemas changed.
After each round everything heals, and :meth:`Soak.check` compares. The faults are the seed's; at which statement they
strike is the machine's, so a seed makes a failure likely again, not certain.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, cast

import psycopg
from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, children, contents, eventually, free_ports, position, temporary_folder
from ha.test.proxy import Proxy

SCHEMA = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, author TEXT, number INTEGER, UNIQUE (author, number))",
    "CREATE TABLE pairs (author TEXT, number INTEGER, PRIMARY KEY (author, number)) WITHOUT ROWID",
    "CREATE TABLE keyless (author TEXT, number INTEGER)",
    "CREATE TABLE names (id INTEGER PRIMARY KEY, author TEXT, number INTEGER, name TEXT UNIQUE)",
    "CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO counters VALUES ('shared', 0)",
)

INSERTS = {
    "notes": "INSERT INTO notes(author, number) VALUES (?, ?)",
    "pairs": "INSERT INTO pairs(author, number) VALUES (?, ?)",
    "keyless": "INSERT INTO keyless(author, number) VALUES (?, ?)",
    "names": "INSERT INTO names(author, number, name) VALUES (?1, ?2, ?1 || ':' || ?2)",
}

INCREMENT = "UPDATE counters SET n = n + 1 WHERE name = 'shared'"

#: What a node is told with ``--replication-timeout``.
PATIENCE_S = 2.0

#: How long nodes that have healed may stand still before they are ready and equal, and how long they may take at all.
STILL_MAX_S = 60.0
CONVERGENCE_MAX_S = 600.0

#: What no line of a node's output may hold.
BAD = re.compile(r"Traceback|Unhandled|CRITICAL|\[error\]")

#: The SQLSTATEs, or their classes, after which nobody knows whether it happened.
OPEN = ("40003", "57P0", "58", "XX")


class Unknown(Exception):
    """Nobody said whether it happened."""


class Refusal(Exception):
    """The node said that it did not happen."""


class Client(threading.Thread):
    """Writes to one node until told to stop, and remembers what became of each write.

    :ivar ledger: what became of the row: True, it was acknowledged; False, refused; None, nobody knows.
    :ivar increments: the same, counted, of the increments of the shared counter.
    :ivar allowed: it writes so many transactions and then waits to be allowed more; None, as many as it can.
    :ivar pace_s: a pause after each.
    """

    def __init__(self, node: Node, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.node = node
        self.ended = stop
        self.random = random.Random(name)
        self.ledger: dict[tuple[str, int], bool | None] = {}
        self.together: list[tuple[tuple[str, int], ...]] = []
        self.increments: Counter[bool | None] = Counter()
        self.refusals: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self.allowed: int | None = None
        self.pace_s = 0.0

    def run(self) -> None:
        """Write, one transaction after the other."""
        try:
            number = 0
            while not self.ended.wait(self.pace_s):
                if number == self.allowed:
                    self.ended.wait(0.05)
                    continue
                number += 1
                if self.random.random() < 0.25:
                    self.increments[self.outcome([(INCREMENT, ())])] += 1
                    continue
                tables = self.random.sample(sorted(INSERTS), self.random.choice([1, 1, 1, 2, 3]))
                rows = tuple((table, number) for table in tables)
                done = self.outcome([(INSERTS[table], (self.name, number)) for table in tables])
                self.ledger |= dict.fromkeys(rows, done)
                self.together.append(rows)
        except BaseException as error:  # told by who started it, in another thread
            self.failure = error
        finally:
            self.close()

    def outcome(self, commands: list[tuple[str, tuple[Any, ...]]]) -> bool | None:
        """Write one transaction, and what became of it."""
        try:
            self.write(commands)
        except Refusal as error:
            self.refusals[str(error)] += 1
            self.ended.wait(0.05)
            return False
        except (Unknown, OSError, http.client.HTTPException) as error:
            self.refusals[f"{type(error).__name__}: {error}"[:60]] += 1
            self.close()
            self.ended.wait(0.2)
            return None
        return True

    def write(self, commands: list[tuple[str, tuple[Any, ...]]]) -> None:
        """One transaction.

        :raises Refusal: it did not happen.
        :raises Unknown: nobody knows. So do OSError and HTTPException say.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""


class HttpClient(Client):
    """Over HTTP, on one connection."""

    connection: http.client.HTTPConnection | None = None

    def write(self, commands: list[tuple[str, tuple[Any, ...]]]) -> None:
        """POST it as a batch."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("localhost", self.node.http_port, timeout=40)
        body = json.dumps([{"sql": sql, "params": params} for sql, params in commands])
        self.connection.request("POST", "/", body)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            error = json.loads(answer)["error"]
            raise_for(error["sqlstate"] or "", f"{response.status} {error['sqlstate']} {error['message']}")

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class PostgresClient(Client):
    """Over PostgreSQL, on one connection; several commands are an interactive block."""

    connection: psycopg.Connection[tuple[object, ...]] | None = None

    def write(self, commands: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Execute them."""
        try:
            if self.connection is None:
                self.connection = psycopg.connect(self.node.dsn(), autocommit=True, connect_timeout=10)
            if len(commands) == 1:
                self.execute(*commands[0])
                return
            level = self.random.choice(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
            self.execute(f"BEGIN ISOLATION LEVEL {level}", ())
            for sql, params in commands:
                self.execute(sql, params)
            self.execute("COMMIT", ())
        except psycopg.Error as error:
            if self.connection is not None and not self.connection.closed:
                with contextlib.suppress(psycopg.Error):
                    self.connection.rollback()
                    self.connection.execute("ROLLBACK")
            raise_for(error.sqlstate or "", f"{error.sqlstate} {str(error).splitlines()[:1]}")

    def execute(self, sql: str, params: tuple[Any, ...]) -> None:
        """One command."""
        assert self.connection is not None
        if "?1" in sql:
            sql = sql.replace("?1", "%(author)s").replace("?2", "%(number)s")
            self.connection.execute(sql.encode(), {"author": params[0], "number": params[1]})
        else:
            self.connection.execute(sql.replace("?", "%s").encode(), params)

    def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            with contextlib.suppress(psycopg.Error):
                self.connection.close()
            self.connection = None


def raise_for(sqlstate: str, text: str) -> None:
    """Raise what an error means for the ledger.

    :raises Refusal: it did not happen.
    :raises Unknown: nobody knows.
    """
    if sqlstate and not sqlstate.startswith(OPEN):
        raise Refusal(text[:80])
    raise Unknown(text[:80])


class Stage(ExitStack):
    """What stands in for a test case where nodes are made: it ends them."""

    def addCleanup(self, work: Callable[..., Any], *args: Any, **options: Any) -> None:  # noqa: N802
        """At the end, call it; the last first."""
        self.callback(work, *args, **options)


class Soak:
    """Nodes, their clients and their troubles.

    :param seed: of the faults, and of what the clients choose.
    :param count: how many nodes.
    :param policy: what ``--when-disconnected`` says: ``queue`` or ``refuse``.
    :param quorum: each node has a nats-server, and the log has three replicas.
    :param durability: what ``--durability`` says.
    :param say: what is told on the way.
    """

    def __init__(
        self,
        case: SynchronousTestCase,
        seed: int,
        count: int = 3,
        policy: str = "refuse",
        *,
        quorum: bool = False,
        durability: str = "normal",
        say: Callable[[str], None] = print,
    ) -> None:
        self.random = random.Random(seed)
        self.seed, self.policy, self.quorum, self.say = seed, policy, quorum, say
        self.folder = temporary_folder(case)
        self.nodes: list[Node] = []
        self.proxies: dict[Node, Proxy] = {}
        self.clients: list[Client] = []
        self.full = self.folder / "tmpfs"
        self.tally: Counter[str] = Counter()
        self.converged_s: list[float] = []
        self.restarted_s: list[float] = []
        self.told = f"{policy}, {'quorum' if quorum else 'one log server'}"
        routes = free_ports(count) if quorum else []
        patience = {
            "replication_timeout": f"{PATIENCE_S:g}s",
            "when_disconnected": policy,
            "durability": durability,
        }
        small = mounted(case, self.full)
        for place in range(count):
            folder = self.full if place == count - 1 and small else self.folder / f"node-{place}"
            options: dict[str, object] = dict(patience)
            if quorum:
                options |= {
                    "nats_cluster_name": "soak",
                    "nats_cluster_port": routes[place],
                    "nats_routes": ",".join(f"nats://127.0.0.1:{one}" for one in routes),
                    "replicas": min(count, 3),
                }
            elif place:
                proxy = Proxy(self.nodes[0].nats_port)
                case.addCleanup(proxy.close)
                options |= {"nats_port": 0, "replication_url": f"nats://127.0.0.1:{proxy.port}"}
            node = Node(case, folder, **options)
            if place and not quorum:
                self.proxies[node] = proxy
            self.nodes.append(node)
        self.small = self.nodes[-1] if small else None
        for node in self.nodes:
            node.spawn()
            if not quorum:
                node.wait_ready(60)
        for node in self.nodes:
            node.wait_ready(60)
            eventually(lambda node=node: node.get("/readyz")[0] == 200, f"{node.folder.name} is ready", 60)
        self.nodes[0].run(*SCHEMA)

    # one round

    def round(
        self, number: int, faults: int, clients: int = 2, *, pause_s: float = 2.0, writes: int | None = None
    ) -> None:
        """Load, and so many faults one after the other; then everything heals, and is compared.

        :param writes: how many transactions each client writes around each fault, so that a fast machine has no more to
            do afterwards than a slow one; None, as many as it can.
        :raises AssertionError: something is lost, doubled or different, or a node ended or stays unready.
        """
        stop = threading.Event()
        writers = [
            kind(node, f"{self.seed}.{number}.{kind.__name__}.{place}.{one}", stop)
            for place, node in enumerate(self.nodes)
            for kind in (HttpClient, PostgresClient)
            for one in range(clients)
        ]
        self.clients += writers
        for client in writers:
            if writes is not None:
                client.allowed, client.pace_s = 0, (pause_s + PATIENCE_S) / writes
            client.start()
        try:
            for _ in range(faults):
                for client in writers:
                    if client.allowed is not None and writes is not None:
                        client.allowed += writes
                time.sleep(self.random.uniform(0, pause_s))
                self.fault()
        finally:
            stop.set()
        healed = time.monotonic()
        for client in writers:
            client.join(90)
            if client.is_alive():
                raise AssertionError(f"{client.name} still waits for an answer 90 s after everything healed")
            if client.failure is not None:
                raise AssertionError(f"{client.name} broke") from client.failure
        self.check(healed)

    def fault(self) -> None:
        """One of them, of the seed's choice."""
        faults: list[Callable[[], None]] = [self.kill_node, self.kill_server, self.pause_node, self.pause_server]
        faults += [self.kill_everything, self.change_schema]
        if self.proxies:
            faults += [self.cut, self.stall, self.slow]
        if self.small is not None:
            faults.append(self.fill_disk)
        chosen = self.random.choice(faults)
        self.tally[chosen.__name__] += 1
        chosen()

    def kill_node(self) -> None:
        """SIGKILL; its nats-server, if it has one, goes with it."""
        node = self.random.choice(self.nodes)
        self.say(f"  kill -9 {node.folder.name}")
        node.stop(signal.SIGKILL)
        time.sleep(self.random.uniform(0, 2 * PATIENCE_S))
        self.restart([node])

    def kill_everything(self) -> None:
        """SIGKILL of all nodes at once, and so of all nats-servers: as near to a power cut as a process comes."""
        self.say("  kill -9 everything")
        for node in self.nodes:
            assert node.process is not None
            node.process.kill()
        for node in self.nodes:
            assert node.process is not None
            node.process.wait()
        self.restart(self.nodes)

    def restart(self, nodes: list[Node]) -> None:
        """Start them on what they left, at once, and note how long the last takes until its doors are open."""
        for node in nodes:
            eventually(lambda node=node: not socket_taken(node), "its ports are free", 10)
        began = time.monotonic()
        for node in nodes:
            node.spawn()
        for node in nodes:
            node.wait_ready(60)
        self.restarted_s.append(time.monotonic() - began)

    def kill_server(self) -> None:
        """SIGKILL of a nats-server; its node starts another."""
        for pid in self.server():
            self.say(f"  kill -9 nats-server {pid}")
            os.kill(pid, signal.SIGKILL)
        time.sleep(self.random.uniform(0, PATIENCE_S))

    def pause_node(self) -> None:
        """SIGSTOP for longer than time-outs are."""
        node = self.random.choice(self.nodes)
        assert node.process is not None
        self.pause(node.process.pid, node.folder.name)

    def pause_server(self) -> None:
        """A nats-server that says nothing for a while."""
        for pid in self.server():
            self.pause(pid, "nats-server")

    def pause(self, pid: int, name: str) -> None:
        """Stop the process for a time around the time-out."""
        duration = self.random.uniform(0.5, 3) * PATIENCE_S
        self.say(f"  SIGSTOP {name} for {duration:.1f} s")
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(duration)
        finally:
            os.kill(pid, signal.SIGCONT)

    def server(self) -> list[int]:
        """The process of a nats-server: the only one, or one of several."""
        node = self.random.choice(self.nodes if self.quorum else self.nodes[:1])
        assert node.process is not None
        return children(node.process.pid)[:1]

    def cut(self) -> None:
        """A node's connection to the log is reset, and refused for a while."""
        self.link("cut", Proxy.cut)

    def stall(self) -> None:
        """A node's connection to the log stands still for a while."""
        self.link("stall", Proxy.stall)

    def slow(self) -> None:
        """A node is far away for a while."""
        self.link("slow", lambda proxy: setattr(proxy, "delay_s", 0.05))

    def link(self, name: str, trouble: Callable[[Proxy], None]) -> None:
        """Trouble a node's link for a time around the time-out."""
        node, proxy = self.random.choice(list(self.proxies.items()))
        duration = self.random.uniform(0.2, 3) * PATIENCE_S
        self.say(f"  {name} {node.folder.name} for {duration:.1f} s")
        trouble(proxy)
        time.sleep(duration)
        proxy.delay_s = 0.0
        proxy.heal()

    def fill_disk(self) -> None:
        """Nothing more fits beside the database of the last node, for a while."""
        duration = self.random.uniform(1, 4)
        ballast = self.full / "ballast"
        self.say(f"  disk of {self.full.name} full for {duration:.1f} s")
        try:
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(65536))
            time.sleep(duration)
        finally:
            ballast.unlink()

    def change_schema(self) -> None:
        """A table and a column more, or an index more or less."""
        node = self.random.choice(self.nodes)
        number = self.tally["change_schema"]
        table = self.random.choice(sorted(INSERTS))
        sql = self.random.choice(
            [
                f"CREATE TABLE more_{number} AS SELECT * FROM {table} LIMIT 10",
                f"ALTER TABLE {table} ADD COLUMN more_{number} DEFAULT {number}",
                f"CREATE INDEX more_by_{number} ON {table} (number)",
            ]
        )
        self.say(f"  {sql} at {node.folder.name}")
        with contextlib.suppress(OSError, http.client.HTTPException, Exception):
            node.run(sql)

    # comparing

    def check(self, healed: float) -> None:
        """Wait until all nodes are ready and equally far, and compare them with one another and with the ledger.

        :param healed: when everything was healed (monotonic).
        :raises AssertionError: they are not ready in time, or something is lost, doubled or different.
        """
        try:
            self.compare(healed)
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"{error}\nseed {self.seed}, {self.told}; files in {self.folder}") from error

    def compare(self, healed: float) -> None:
        """As :meth:`check` says, without saying where."""
        for node in self.nodes:
            assert node.process is not None
            if node.process.poll() is not None:
                raise AssertionError(f"{node.folder.name} ended with {node.process.returncode}:\n{tail(node)}")
        self.wait_settled()
        self.converged_s.append(time.monotonic() - healed)
        copies = [download(node, self.folder / f"copy-{place}.db") for place, node in enumerate(self.nodes)]
        first, *others = (contents(path) for path in copies)
        for place, other in enumerate(others, 1):
            different = [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)]
            if different:
                raise AssertionError(f"node 0 and node {place} differ in {different}: {differences(first, other)}")
        for path in copies:
            with closing(sqlite3.connect(path)) as connection:
                if (found := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                    raise AssertionError(f"{path}: {found}")
        self.audit(copies)
        for node in self.nodes:
            if (bad := BAD.search(node.output())) is not None:
                start = max(0, bad.start() - 300)
                raise AssertionError(f"{node.folder.name} printed: …{node.output()[start : start + 3000]}")

    def wait_settled(self) -> None:
        """Wait for :meth:`settled`, for as long as something moves.

        :raises AssertionError: nothing has moved for a while, or it takes too long for anything.
        """
        began = moved = time.monotonic()
        before: list[tuple[int, int]] = []
        while True:
            try:
                eventually(self.settled, "all nodes ready, drained and equally far", 1.0)
                return
            except TimeoutError as error:
                now, there = time.monotonic(), [standing(node) for node in self.nodes]
                if there != before:
                    before, moved = there, now
                if now - moved > STILL_MAX_S or now - began > CONVERGENCE_MAX_S:
                    said = "\n".join(f"{node.folder.name}: {reasons(node)}, {standing(node)}" for node in self.nodes)
                    raise AssertionError(
                        f"{error}; {now - began:.0f} s after the end, still for {now - moved:.0f} s\n{said}"
                    ) from error

    def settled(self) -> bool:
        """Whether every node is ready, has nothing pending, and stands where the others do."""
        return (
            all(node.get("/readyz")[0] == 200 for node in self.nodes)
            and not any(standing(node)[1] for node in self.nodes)
            and len({position(node.path) for node in self.nodes}) == 1
        )

    def audit(self, copies: list[Path]) -> None:
        """Hold what the nodes have against what the clients were told.

        :raises AssertionError: something acknowledged is missing, something refused is there, or twice.
        """
        found: Counter[tuple[str, str, int]] = Counter()
        with closing(sqlite3.connect(copies[0])) as connection:
            for table in INSERTS:
                found.update((table, *row) for row in connection.execute(f"SELECT author, number FROM {table}"))
            (counted,) = connection.execute("SELECT n FROM counters").fetchone()
        kept = {key for path in copies for key in conflicts(path)}
        wrong: Counter[str] = Counter()
        examples: list[str] = []
        acknowledged = 0
        for client in self.clients:
            for (table, number), done in client.ledger.items():
                times = found.pop((table, client.name, number), 0)
                acknowledged += done is True
                fault = ""
                if times > 1:
                    fault = "doubled"
                elif done is True and not times:
                    if (table, client.name, number) in kept:
                        self.tally["kept as conflicts"] += 1
                    else:
                        fault = "lost"
                elif done is False and times:
                    fault = "there though refused"
                if fault:
                    wrong[fault] += 1
                    examples.append(f"{fault}: {table} {client.name} {number}")
        if found:
            wrong["of nobody"] += len(found)
        if wrong:
            raise AssertionError(f"{dict(wrong)}; {examples[:12]}")
        sums: Counter[bool | None] = Counter()
        for client in self.clients:
            sums.update(client.increments)
        if self.policy == "refuse" and not sums[True] <= counted <= sums[True] + sums[None]:
            raise AssertionError(f"the counter is {counted}; {sums[True]} acknowledged, {sums[None]} unknown")
        self.tally["acknowledged"] = acknowledged + sums[True]
        self.tally["unknown"] = sums[None] + sum(
            done is None for client in self.clients for done in client.ledger.values()
        )

    def figures(self) -> str:
        """What happened, in one line."""
        slowest, started = max(self.converged_s, default=0.0), max(self.restarted_s, default=0.0)
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.tally.items()))
        return f"seed {self.seed} ({self.told}): {counts}; lost 0, diverged 0; converged within {slowest:.1f} s, restarted within {started:.1f} s"


def mounted(case: SynchronousTestCase, folder: Path, size: str = "64m") -> bool:
    """Mount a small tmpfs there; False where one may not."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode == 0:
        case.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return done.returncode == 0


def socket_taken(node: Node) -> bool:
    """Whether something still listens where the node will."""
    for port in (node.http_port, node.pg_port, node.nats_port):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
    return False


def reasons(node: Node) -> str:
    """What it says about not being ready."""
    try:
        return node.get("/readyz")[1].decode()
    except OSError as error:
        return str(error)


def standing(node: Node) -> tuple[int, int]:
    """How far it has come in the log, and how many messages it has pending."""
    with closing(sqlite3.connect(f"file:{node.path}?mode=ro", uri=True)) as connection:
        (pending,) = connection.execute("SELECT count(*) FROM ha_outbox").fetchone()
    return position(node.path), pending


def tail(node: Node) -> str:
    """The end of what it printed."""
    return node.output()[-3000:]


def download(node: Node, path: Path) -> Path:
    """Its database, over HTTP."""
    status, body = node.get("/download")
    if status != 200:
        raise AssertionError(f"{node.folder.name}: download answers {status} {body[:200]!r}")
    path.write_bytes(body)
    return path


def conflicts(path: Path) -> set[tuple[str, str, int]]:
    """The ledger's rows that lost and are kept in ``ha_conflicts``: table, author, number."""
    found = set()
    with closing(sqlite3.connect(path)) as connection:
        for table, image in connection.execute('SELECT "table", image FROM ha_conflicts WHERE image IS NOT NULL'):
            change = json.loads(image)
            columns = change.get("columns") or []
            if "author" in columns:
                row = dict(zip(columns, change["values"], strict=True))
                found.add((table, row["author"], row["number"]))
    return found


def differences(first: dict[str, Any], other: dict[str, Any]) -> str:
    """A few rows that only one of them has."""
    told = []
    for name in sorted(first.keys() | other.keys()):
        ours, theirs = set(first.get(name, ())), set(other.get(name, ()))
        if ours != theirs:
            told.append(
                f"{name}: only here {sorted(ours - theirs, key=repr)[:3]}, only there {sorted(theirs - ours, key=repr)[:3]}"
            )
    return "; ".join(told)


def main() -> int:
    """Soak, and say what came of it."""
    parser = argparse.ArgumentParser(description="Nodes under load and faults, compared with a ledger.")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--policy", choices=["queue", "refuse"], default="refuse")
    parser.add_argument("--quorum", action="store_true", help="a nats-server in each node, the log on three of them")
    parser.add_argument("--durability", choices=["normal", "fsync"], default="normal")
    told = parser.parse_args()
    deadline = time.monotonic() + told.minutes * 60
    with Stage() as stage:
        soak = Soak(
            cast(SynchronousTestCase, stage),
            told.seed,
            told.nodes,
            told.policy,
            quorum=told.quorum,
            durability=told.durability,
        )
        number = 0
        while time.monotonic() < deadline:
            number += 1
            print(f"round {number}", flush=True)
            try:
                soak.round(number, faults=5)
            except AssertionError as error:
                print(f"FAILED in round {number}: {error}")
                for node in soak.nodes:
                    print(f"--- {node.folder.name} printed at last:\n{tail(node)}")
                if "HA_SOAK_KEEP" in os.environ:
                    subprocess.run(["cp", "-r", str(soak.folder), os.environ["HA_SOAK_KEEP"]], check=False)
                return 1
            print(f"  {soak.figures()}", flush=True)
        refusals: Counter[str] = Counter()
        for client in soak.clients:
            refusals.update(client.refusals)
        print("what clients were told:", *(f"\n  {count:6} {text}" for text, count in refusals.most_common(12)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
