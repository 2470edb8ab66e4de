"""How a node starts when it cannot, and what remains of it when it ends: nothing."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from ha.test.integration.nodes import (
    READY_TIMEOUT_S,
    Node,
    alive,
    children,
    environment,
    eventually,
    listens,
    processes_in,
    twistd,
)


class RefusalTests(SynchronousTestCase):
    """A node that cannot start says why in one line, exits with status 1, and leaves nothing behind."""

    def assert_refuses(self, node: Node, pattern: str, *, prefix: list[str] | None = None) -> None:
        """Both in the foreground and as a daemon, so that the shell that started it sees the line."""
        for words in (["-n", "--pidfile="], []):
            done = subprocess.run(
                [*(prefix or []), *twistd(), *words, "ha", *node.words()],
                cwd=node.folder,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertRegex(done.stderr, rf"^ha: [^\n]*{pattern}[^\n]*\n$")
            self.assertEqual(done.stdout, "")
            self.assertEqual(processes_in(node.folder), [])
            self.assertFalse((node.folder / "twistd.pid").exists())

    def test_a_port_in_use(self) -> None:
        """Each of the three, named with its option."""
        for option, port_of in (
            ("--port", lambda node: node.http_port),
            ("--pg-port", lambda node: node.pg_port),
            ("--nats-port", lambda node: node.nats_port),
        ):
            node = Node(self)
            with closing(socket.socket()) as taker:
                taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taker.bind(("127.0.0.1", port_of(node)))
                taker.listen()
                self.assert_refuses(node, f"{port_of(node)}")
            self.assertFalse(node.path.exists(), f"{option}: a file was made")

    def test_a_file_that_is_not_a_database(self) -> None:
        """It is left as it was."""
        node = Node(self)
        node.path.write_bytes(b"Dear diary, " * 1000)
        self.assert_refuses(node, "mydatabase.db")
        self.assertEqual(node.path.read_bytes(), b"Dear diary, " * 1000)

    def test_a_folder_instead_of_a_file(self) -> None:
        """It cannot be opened."""
        node = Node(self)
        node.path.mkdir()
        self.assert_refuses(node, "mydatabase.db")

    def test_a_folder_that_cannot_be_made(self) -> None:
        """A missing one is made, but not where a file is."""
        node = Node(self)
        (node.folder / "taken").write_text("a file")
        node.options["db"] = node.folder / "taken" / "mydatabase.db"
        self.assert_refuses(node, "taken")

    def test_a_folder_that_cannot_be_written(self) -> None:
        """For root everything can be written, so another user is asked."""
        node = Node(self)
        prefix: list[str] = []
        if os.geteuid() == 0:
            prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            node.folder.chmod(0o755)
            if subprocess.run([*prefix, *twistd(), "--version"], capture_output=True, check=False).returncode:
                raise SkipTest("no other user can run twistd here")
        else:
            node.folder.chmod(0o555)
            self.addCleanup(node.folder.chmod, 0o755)
        self.assert_refuses(node, str(node.folder), prefix=prefix)

    def test_two_files_of_one_name(self) -> None:
        """In the cluster a database is known by its base name."""
        node = Node(self)
        (node.folder / "other").mkdir()
        node.options["db"] = f"{node.path}"
        words = node.words()
        node.words = lambda: [*words, "--db", str(node.folder / "other" / node.path.name)]  # type: ignore[method-assign]
        self.assert_refuses(node, "mydatabase.db")

    def test_a_file_held_by_a_running_node(self) -> None:
        """Two processes on one file would each believe to be the writer."""
        running = Node(self).start()
        second = Node(self, peer=running)
        second.options |= {"db": running.path, "data-dir": second.folder / "ha-data"}
        self.assert_refuses(second, "mydatabase.db")
        self.assertEqual(running.get("/healthz")[0], 200)

    def test_rows_of_its_own_where_the_cluster_has_the_database(self) -> None:
        """Whose rows should win is not ours to say. The file stays as it was."""
        first = Node(self).start()
        first.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        second = Node(self, peer=first)
        with closing(sqlite3.connect(second.path)) as connection:
            connection.executescript("CREATE TABLE mine (a); INSERT INTO mine VALUES ('precious')")
        second.spawn()
        assert second.process is not None
        self.assertEqual(second.process.wait(30), 1, second.output())
        self.assertRegex(second.output(), r"(?m)^.*mydatabase\.db.*rows.*$")
        self.assertNotIn("Traceback", second.output())
        with closing(sqlite3.connect(second.path)) as connection:
            self.assertEqual(connection.execute("SELECT * FROM mine").fetchall(), [("precious",)])
        self.assertEqual(first.rows("SELECT a FROM t"), [[1]])

    def test_a_log_that_is_not_there(self) -> None:
        """The node waits for it and says so; it can be told to stop meanwhile."""
        missing = Node(self)
        node = Node(self, peer=missing)
        process = node.spawn()
        eventually(lambda: str(missing.nats_port) in node.output(), "it says where it looks", READY_TIMEOUT_S)
        self.assertIs(process.poll(), None, node.output())
        node.stop()
        self.assertNotIn("Traceback", node.output())


class EndTests(SynchronousTestCase):
    """Whatever way a node ends, nats-server ends with it, and what was acknowledged is kept."""

    def setUp(self) -> None:
        """A node with a row."""
        self.node = Node(self).start()
        self.node.run("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        assert self.node.process is not None
        self.children = children(self.node.process.pid)
        self.assertTrue(any(b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.children))

    def assert_nothing_left(self) -> None:
        """No child, no port; and the file opens with its row."""
        eventually(lambda: not any(map(alive, self.children)), "its children are gone", 10)
        for port in (self.node.http_port, self.node.pg_port, self.node.nats_port):
            self.assertFalse(listens(port))
        with closing(sqlite3.connect(self.node.path)) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(connection.execute("SELECT a FROM t").fetchall(), [(1,)])

    def test_sigterm(self) -> None:
        """Cleanly: the children are gone when the node is."""
        self.assertIn(self.node.stop(signal.SIGTERM), (0, -signal.SIGTERM))
        self.assertFalse(Path(f"{self.node.path}-wal").exists())
        self.assertFalse(any(map(alive, self.children)))
        self.assertNotIn("Traceback", self.node.output())
        self.assert_nothing_left()

    def test_sigint(self) -> None:
        """Cleanly, too: Ctrl-C in a terminal."""
        self.assertIn(self.node.stop(signal.SIGINT), (0, -signal.SIGINT))
        self.assertFalse(any(map(alive, self.children)))
        self.assertNotIn("Traceback", self.node.output())
        self.assert_nothing_left()

    def test_sigkill(self) -> None:
        """The node can do nothing any more; the kernel does."""
        self.node.stop(signal.SIGKILL)
        self.assert_nothing_left()

    def test_sigkill_and_start_again(self) -> None:
        """On the same file, folder and ports, with nothing to clean up by hand."""
        self.node.stop(signal.SIGKILL)
        self.node.start()
        self.node.run("INSERT INTO t VALUES (2)")
        self.assertEqual(self.node.rows("SELECT a FROM t ORDER BY a"), [[1], [2]])

    def test_nats_server_killed(self) -> None:
        """It is started again, and writes go on by themselves."""
        (server,) = [pid for pid in self.children if b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(server, signal.SIGKILL)

        def written() -> bool:
            self.node.run("INSERT INTO t VALUES (2)")
            return True

        eventually(written, "writes go on", 20)
        self.assertEqual(self.node.rows("SELECT DISTINCT a FROM t ORDER BY a"), [[1], [2]])
