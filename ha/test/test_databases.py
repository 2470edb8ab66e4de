"""The list of databases, and their copies."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.test.fake_node import House
from ha.web.databases import PIECE_BYTES


class ListTests(SynchronousTestCase):
    """What there is."""

    def test_names_and_sizes(self) -> None:
        """The first one is the one that the short paths mean."""
        reply = House().client().ask("GET", "/databases")
        self.assertEqual([one["name"] for one in reply.json()], ["first.db", 'sec"ond ü.db'])
        self.assertEqual(reply.json()[0]["size"], 4096)


class DownloadTests(SynchronousTestCase):
    """A copy while the node runs."""

    def setUp(self) -> None:
        """A site and a client."""
        self.house = House()
        self.node = self.house.node
        self.client = self.house.client()

    def test_the_copy_is_an_attachment(self) -> None:
        """At the three places, byte for byte; its file is removed."""
        for path in ("/", "/download", "/databases/first.db"):
            reply = self.client.ask("GET", path)
            self.assertEqual((reply.status, reply.body), (200, self.node.content))
            self.assertEqual(reply.headers["content-length"], str(len(self.node.content)))
            self.assertEqual(reply.headers["content-type"], "application/vnd.sqlite3")
            self.assertIn('attachment; filename="first.db"', reply.headers["content-disposition"])
            self.assertEqual((reply.headers["x-ha-seq"], reply.headers["x-sequence"]), ("e1:9", "9"))
            self.assertEqual(self.node.copies[-1].closed, 1)
        self.assertFalse(self.client.closing)

    def test_a_name_of_any_kind(self) -> None:
        """It cannot break out of its header."""
        reply = self.client.ask("GET", "/databases/sec%22ond%20%C3%BC.db")
        self.assertEqual(
            reply.headers["content-disposition"],
            "attachment; filename=\"sec_ond _.db\"; filename*=UTF-8''sec%22ond%20%C3%BC.db",
        )

    def test_head_makes_no_copy(self) -> None:
        """And says the name."""
        reply = self.client.ask("HEAD", "/")
        self.assertEqual((reply.status, reply.left, self.node.copies), (200, b"", []))
        self.assertIn("first.db", reply.headers["content-disposition"])
        self.assertEqual(self.client.ask("GET", "/healthz").status, 200)

    def test_an_unknown_database(self) -> None:
        """Dots and slashes lead nowhere else."""
        for path in (
            "/databases/none.db",
            "/databases/..%2Ffirst.db",
            "/databases/%00",
            "/databases/x/first.db",
            "/databases/",
        ):
            self.assertEqual(self.client.ask("GET", path).status, 404, path)
        self.assertEqual(self.node.copies, [])

    def test_no_room_for_a_copy(self) -> None:
        """Said with a status; it may pass."""
        self.node.copy_error = StatementError("53100", "disk full")
        reply = self.client.ask("GET", "/")
        self.assertEqual((reply.status, reply.error["code"]), (503, "disk_full"))

    def test_a_slow_client_makes_the_reading_wait(self) -> None:
        """The file is read as he takes it."""
        self.node.content = bytes(3 * PIECE_BYTES)
        written: list[int] = []

        def write(data: bytes) -> None:
            written.append(len(data))
            self.client.transport.producer.pauseProducing()

        self.client.transport.write = write
        self.client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        (copy,) = self.node.copies
        self.assertLessEqual(copy.file.tell(), PIECE_BYTES)
        while not copy.closed:
            self.client.transport.producer.resumeProducing()
        self.assertEqual(written[1:], [PIECE_BYTES] * 3)

    def test_a_client_that_goes_away(self) -> None:
        """The copy is removed."""
        self.node.content = bytes(3 * PIECE_BYTES)
        self.client.transport.write = lambda data: self.client.transport.producer.pauseProducing()
        self.client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.client.hang_up()
        self.assertEqual(self.node.copies[0].closed, 1)

    def test_a_copy_that_is_too_short(self) -> None:
        """The connection ends before the promised length."""
        original = self.node.open_copy

        async def short(database: str):  # type: ignore[no-untyped-def]
            copy = await original(database)
            copy.size += 1
            return copy

        self.node.open_copy = short  # type: ignore[method-assign]
        reply = self.client.ask("GET", "/")
        self.assertEqual((reply.whole, self.client.closing), (False, True))
        self.assertEqual(self.node.copies[0].closed, 1)


class SnapshotTests(SynchronousTestCase):
    """Snapshots in the object store, asked for by an operator or a replica."""

    def test_one_is_made(self) -> None:
        """Of the first database, or of the one that is named."""
        client = House().client()
        self.assertEqual(client.ask("POST", "/snapshot", b"").json(), {"database": "first.db", "position": 9})
        reply = client.ask("POST", "/databases/first.db/snapshot", b"")
        self.assertEqual(reply.json(), {"database": "first.db", "position": 9})

    def test_the_newest_is_downloaded_with_its_position(self) -> None:
        """A replica starts from it, and asks the log for what follows."""
        house = House()
        reply = house.client().ask("GET", "/snapshot")
        self.assertEqual((reply.status, reply.headers["x-sequence"]), (200, "9"))
        self.assertEqual(reply.body, house.node.content)
        self.assertEqual(house.node.copies[0].closed, 1)

    def test_there_is_none(self) -> None:
        """Of a database that has none, or that is not here."""
        client = House().client()
        name = "sec%22ond%20%C3%BC.db"
        self.assertEqual(client.ask("GET", f"/databases/{name}/snapshot").error["code"], "no_snapshot")
        self.assertEqual(client.ask("GET", "/databases/other/snapshot").error["code"], "unknown_database")
        self.assertEqual(client.ask("GET", "/databases/first.db/other").error["code"], "unknown_path")
