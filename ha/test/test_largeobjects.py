"""Large objects, asked through SQL as a client asks."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ha.sqlite import largeobjects
from ha.test.clients import BackendCase, Client, Served
from ha.test.fakes import Network
from ha.test.test_functions import FunctionCase


class LargeObjectCase(FunctionCase):
    """With the table, and two objects."""

    def setUp(self) -> None:
        super().setUp()
        self.assertFalse(largeobjects.is_there(self.connection))
        self.connection.execute(largeobjects.DEFINITION)
        self.answers((("lo_create(7)", 7), ("lo_from_bytea(8, 'hello')", 8)))

    def pages(self, loid: int) -> list[tuple[int, int]]:
        """The pages of an object, and the bytes of each."""
        return self.connection.execute(
            'SELECT pageno, length(data) FROM "large objects" WHERE loid = ? ORDER BY 1', (loid,)
        ).fetchall()


class DescriptorTests(LargeObjectCase):
    """A place in an object that reading and writing move."""

    def test_reading(self) -> None:
        """From where it is, as far as the object goes."""
        self.answers(
            (
                ("lo_open(8, 262144)", 0),
                ("loread(0, 2)", b"he"),
                ("lo_tell(0)", 2),
                ("loread(0, 100)", b"llo"),
                ("loread(0, 100)", b""),
                ("loread(0, -1)", b""),
                ("lo_lseek(0, -4, 2)", 1),
                ("lo_lseek(0, 1, 1)", 2),
                ("lo_lseek64(0, 3, 0)", 3),
                ("loread(0, 1)", b"l"),
                ("lo_close(0)", 0),
            )
        )
        self.refused((("loread(0, 1)", "42704"),))

    def test_writing(self) -> None:
        """Over what is there, and beyond it."""
        self.answers(
            (
                ("lo_open(8, 131072)", 0),
                ("lowrite(0, 'J')", 1),
                ("lo_lseek(0, 1, 2)", 6),
                (r"lowrite(0, '\x00ff')", 2),
                ("lo_tell64(0)", 8),
                ("lo_get(8)", b"Jello\0\0\xff"),
            )
        )

    def test_the_smallest_free_number_is_given(self) -> None:
        """As PostgreSQL does."""
        self.answers(
            (("lo_open(8, 262144)", 0), ("lo_open(7, 262144)", 1), ("lo_close(0)", 0), ("lo_open(8, 393216)", 0))
        )

    def test_an_object_that_goes_takes_its_descriptors_along(self) -> None:
        """Those of others stay."""
        self.answers((("lo_open(8, 131072)", 0), ("lo_open(7, 131072)", 1), ("lo_unlink(8)", 1), ("lo_tell(1)", 0)))
        self.refused((("lo_tell(0)", "42704"), ("lo_unlink(8)", "42704")))
        self.assertEqual(self.pages(8), [])

    def test_refusals(self) -> None:
        """PostgreSQL's own."""
        self.answers((("lo_open(8, 262144)", 0), ("lo_open(8, 131072)", 1)))
        self.refused(
            (
                ("lo_open(9, 262144)", "42704"),
                ("lo_open(8, 0)", "22023"),
                ("lo_close(5)", "42704"),
                ("lowrite(0, 'x')", "55000"),
                ("lo_truncate(0, 1)", "55000"),
                ("lo_truncate(1, -1)", "22023"),
                ("lo_lseek(1, -1, 0)", "22023"),
                ("lo_lseek(1, 1, 9)", "22023"),
                ("lo_lseek(1, 3000000000, 0)", "22003"),
                ("lo_create(-3000000000)", "22003"),
                ("lo_lseek64(1, 9000000000000, 0)", "22023"),
                ("lo_import('/etc/passwd')", "42501"),
                ("lo_export(8, '/tmp/x')", "42501"),
            )
        )
        self.answers((("lo_lseek64(1, 4398046509056, 0)", 4398046509056),))
        self.refused((("lo_tell(1)", "22003"), ("lowrite(1, 'x')", "22023")))


class ObjectTests(LargeObjectCase):
    """What is kept."""

    def test_creating(self) -> None:
        """Under a number of the client's, or one that is free."""
        self.refused((("lo_create(8)", "23505"),))
        given = self.answer("select lo_creat(-1)")
        assert isinstance(given, int)
        self.assertGreaterEqual(given, 16_384)
        self.assertEqual(self.pages(given), [(0, 0)])
        self.assertEqual(self.answer("select lo_create(-1)"), 2**32 - 1)

    def test_pages(self) -> None:
        """A piece may begin and end anywhere; what lies between is zeros."""
        piece = bytes(range(1, 251)) * 20
        self.connection.execute("SELECT lo_put(7, 3000, ?)", (piece,)).fetchall()
        self.assertEqual(self.pages(7), [(0, 0), (1, 2048), (2, 2048), (3, 3000 + 5000 - 3 * 2048)])
        whole = b"\0" * 3000 + piece
        self.assertEqual(self.answer("select lo_get(7)"), whole)
        for offset, length in ((0, 10), (2999, 3), (4095, 2), (4096, 2048), (7990, 100), (8000, 1), (9000, 1)):
            found = self.answer("select lo_get(7, $1, $2)", (offset, length))
            self.assertEqual(found, whole[offset : offset + length], (offset, length))
        self.connection.execute("SELECT lo_put(7, 4000, x'ffff')").fetchall()
        self.assertEqual(self.answer("select lo_get(7, 3999, 4)"), whole[3999:4000] + b"\xff\xff" + whole[4002:4003])

    def test_truncating(self) -> None:
        """Shorter, longer, and to nothing: it is still there."""
        self.connection.execute("SELECT lo_put(7, 0, ?)", (b"x" * 5000,)).fetchall()
        self.answers((("lo_open(7, 131072)", 0), ("lo_truncate(0, 2050)", 0), ("lo_lseek(0, 0, 2)", 2050)))
        self.assertEqual(self.pages(7), [(0, 2048), (1, 2)])
        self.answers((("lo_truncate64(0, 6000)", 0), ("lo_lseek(0, 0, 2)", 6000)))
        self.assertEqual(self.answer("select lo_get(7)"), b"x" * 2050 + b"\0" * 3950)
        self.answers((("lo_truncate(0, 0)", 0), ("lo_get(7)", b""), ("lo_lseek(0, 0, 2)", 0)))

    def test_what_is_longer_than_a_value_is_read_in_pieces(self) -> None:
        """Nobody holds all of it."""
        self.answers((("lo_open(7, 131072)", 0), ("lo_truncate64(0, 68719476736)", 0), ("loread(0, 3)", b"\0\0\0")))
        self.refused((("lo_get(7)", "54000"), ("loread(0, 100000000)", "54000"), ("lo_get(7, 0, -1)", "22023")))

    def test_a_null_makes_null(self) -> None:
        """All of them are strict."""
        self.assertIsNone(self.answer("select lo_get(null)"))

    def test_without_the_table_there_are_none(self) -> None:
        """Nothing was ever written."""
        self.connection.execute('DROP TABLE "large objects"')
        self.refused((("lo_open(8, 262144)", "42704"), ("lo_get(8)", "42704")))

    def test_another_table_of_that_name_is_left_alone(self) -> None:
        """It was there before."""
        self.connection.execute('DROP TABLE "large objects"')
        self.connection.execute('CREATE TABLE "large objects" (a)')
        self.refused((("lo_open(8, 262144)", "42P07"),))


class TransactionTests(BackendCase):
    """Descriptors live as long as the client's transaction; what was written is in it."""

    def setUp(self) -> None:
        super().setUp()
        self.client.run("SELECT lo_from_bytea(8, 'hello')")

    def test_the_table_is_made_by_the_first_that_writes(self) -> None:
        """Not by one that reads, and not by a transaction that is rolled back."""
        client = Client(self, Served(self))
        self.assertEqual(client.refused("SELECT lo_get(8)"), "42704")
        client.run("BEGIN")
        client.run("SELECT lo_creat(-1)")
        client.run("ROLLBACK")
        asked = "SELECT count(*) FROM sqlite_schema WHERE name = 'large objects'"
        self.assertEqual(client.rows(asked), [(0,)])
        client.run("SELECT lo_creat(-1)")
        self.assertEqual(client.rows(asked), [(1,)])

    def test_a_descriptor_ends_with_its_transaction(self) -> None:
        """Outside a block with its statement."""
        self.assertEqual(self.client.rows("SELECT lo_open(8, 262144)"), [(0,)])
        self.assertEqual(self.client.refused("SELECT loread(0, 9)"), "42704")
        self.assertEqual(self.client.rows("SELECT loread(lo_open(8, 262144), 9)"), [(b"hello",)])
        for end in ("COMMIT", "ROLLBACK"):
            self.client.run("BEGIN")
            self.assertEqual(self.client.rows("SELECT lo_open(8, 262144)"), [(0,)])
            self.assertEqual(self.client.rows("SELECT loread(0, 2)"), [(b"he",)])
            self.assertEqual(self.client.rows("SELECT loread(0, 2)"), [(b"ll",)])
            self.client.run(end)
            self.assertEqual(self.client.refused("SELECT loread(0, 9)"), "42704")

    def test_who_only_reads_holds_no_writer(self) -> None:
        """Another writes meanwhile; a transaction that may only read can, too."""
        self.client.run("BEGIN READ ONLY")
        self.client.run("SELECT lo_open(8, 393216)")
        other = Client(self, self.served)
        other.run("SELECT lo_put(8, 0, 'J')")
        self.assertEqual(self.client.rows("SELECT loread(0, 9)"), [(b"Jello",)])
        self.assertEqual(self.client.refused("SELECT lowrite(0, 'x')"), "25006")

    def test_a_snapshot_shows_what_was(self) -> None:
        """And who writes on top of what it did not see is refused."""
        self.client.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
        self.client.run("SELECT lo_open(8, 393216)")
        Client(self, self.served).run("SELECT lo_put(8, 0, 'J')")
        self.assertEqual(self.client.rows("SELECT loread(0, 9)"), [(b"hello",)])
        self.assertEqual(self.client.refused("SELECT lowrite(0, 'x')"), "40001")

    def test_a_savepoint_takes_back(self) -> None:
        """What was written, what was opened, and where one was."""
        self.client.run("BEGIN")
        self.client.run("SELECT lo_open(8, 131072)")
        self.client.run("SAVEPOINT s")
        self.client.run("SELECT lowrite(0, 'XYZ'), lo_open(8, 131072)")
        self.assertEqual(self.client.refused("SELECT lo_open(9, 131072)"), "42704")
        self.client.run("ROLLBACK TO s")
        self.assertEqual(self.client.rows("SELECT loread(0, 9)"), [(b"hello",)])
        self.assertEqual(self.client.refused("SELECT lo_tell(1)"), "42704")

    def test_what_runs_again_moves_once(self) -> None:
        """A statement that took too long for the reactor is begun anew in a thread."""
        served = Served(self, budget_s=1e-9)
        client = Client(self, served)
        client.run("SELECT lo_from_bytea(8, $1)", bytes(range(256)) * 400)
        client.run("BEGIN")
        self.assertEqual(client.rows("SELECT lo_open(8, 262144)"), [(0,)])
        self.assertEqual(client.rows("SELECT loread(0, 100000)"), [((bytes(range(256)) * 400)[:100000],)])
        self.assertEqual(client.rows("SELECT lo_tell(0)"), [(100000,)])

    def test_the_catalog_shows_objects_and_not_our_table(self) -> None:
        """As PostgreSQL's does."""
        self.client.run("SELECT lo_create(7)")
        self.assertEqual(self.client.rows("SELECT loid, pageno, data FROM pg_largeobject"), [(8, 0, b"hello")])
        self.assertEqual(self.client.rows("SELECT oid, lomowner FROM pg_largeobject_metadata"), [(7, 10), (8, 10)])
        self.assertEqual(self.client.rows("SELECT relname FROM pg_class WHERE relname ~ 'large objects'"), [])
        self.client.run("DROP SCHEMA public CASCADE")
        self.assertEqual(self.client.rows("SELECT lo_get(8)"), [(b"hello",)])

    def test_other_nodes_have_them(self) -> None:
        """They are rows."""
        network = Network()
        network.create("cluster", "near", 1, 1)
        near, far = Served(self, "near", network), Served(self, "far", network)
        writes, reads = Client(self, near), Client(self, far)
        writes.run("SELECT lo_from_bytea(8, 'hello')")
        writes.run("SELECT lo_put(8, 5000, '!')")
        far.settle()
        self.assertEqual(reads.rows("SELECT lo_get(8)"), [(b"hello" + b"\0" * 4995 + b"!",)])
        reads.run("SELECT lo_unlink(8)")
        near.settle()
        self.assertEqual(writes.refused("SELECT lo_get(8)"), "42704")

    def test_two_nodes_make_the_table_at_once(self) -> None:
        """Both objects are in it."""
        network = Network()
        network.create("cluster", "near", 1, 1)
        served = [Served(self, name, network) for name in ("near", "far")]
        clients = [Client(self, one) for one in served]
        doing = [
            Deferred.fromCoroutine(client.message(f"SELECT lo_from_bytea({loid}, 'x')"))
            for loid, client in enumerate(clients, 8)
        ]
        for _ in range(20):
            for one in served:
                one.settle()
        for one in doing:
            self.successResultOf(one)
        for client in clients:
            self.assertEqual(client.rows("SELECT loid, data FROM pg_largeobject ORDER BY 1"), [(8, b"x"), (9, b"x")])
