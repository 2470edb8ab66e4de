"""What a client says to its session: settings and notifications."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.clients import BackendCase, Client, Served

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) SELECT i FROM n"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


class ModeTests(BackendCase):
    """What BEGIN and SET TRANSACTION say of a transaction."""

    def test_deferrable_is_remembered(self) -> None:
        """It changes nothing here, and drivers read it back."""
        self.client.run("BEGIN READ ONLY DEFERRABLE")
        self.assertEqual(self.client.rows("SHOW transaction_deferrable"), [("on",)])
        self.client.run("SET TRANSACTION NOT DEFERRABLE")
        self.assertEqual(self.client.rows("SHOW transaction_deferrable"), [("off",)])
        self.client.run("ROLLBACK; BEGIN")
        self.assertEqual(self.client.rows("SHOW transaction_deferrable"), [("off",)])


class NotificationTests(BackendCase):
    """LISTEN and NOTIFY."""

    def test_a_listener_hears(self) -> None:
        self.client.run("LISTEN c")
        self.another(pid=9).run("NOTIFY c, 'hello'")
        self.another(pid=9).run("NOTIFY d, 'nobody'")
        self.assertEqual(self.client.heard, [(9, "c", "hello")])

    def test_in_a_block_it_is_said_at_commit(self) -> None:
        self.client.run("LISTEN c")
        other = self.another()
        other.run("BEGIN")
        other.run("NOTIFY c, 'one'")
        self.assertEqual(self.client.heard, [])
        other.run("COMMIT")
        self.assertEqual(len(self.client.heard), 1)

    def test_what_is_rolled_back_is_not_said(self) -> None:
        self.client.run("LISTEN c")
        other = self.another()
        other.run("BEGIN")
        other.run("SAVEPOINT a")
        other.run("NOTIFY c, 'undone'")
        other.run("ROLLBACK TO a")
        other.run("NOTIFY c, 'said'")
        other.run("COMMIT")
        other.run("BEGIN")
        other.run("NOTIFY c, 'undone'")
        other.run("ROLLBACK")
        self.assertEqual([payload for _, _, payload in self.client.heard], ["said"])

    def test_listening_is_undone_too(self) -> None:
        self.client.run("BEGIN")
        self.client.run("LISTEN c")
        self.client.run("ROLLBACK")
        self.another().run("NOTIFY c, 'x'")
        self.assertEqual(self.client.heard, [])

    def test_unlisten(self) -> None:
        for words in ("UNLISTEN c", "UNLISTEN *", "DISCARD ALL"):
            self.client.run("LISTEN c")
            self.client.run(words)
        self.another().run("NOTIFY c, 'x'")
        self.assertEqual(self.client.heard, [])


class House:
    """A node that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def create_database(self, name: str) -> None:
        self.asked.append(("create", name))

    async def drop_database(self, name: str, *, force: bool, asking: int) -> bool:
        self.asked.append(("drop", name, force, asking))
        return name == "mine"


class DatabaseTests(SynchronousTestCase):
    """Databases come and go by a client's word."""

    def test_the_node_makes_and_drops_them(self) -> None:
        """Outside of transactions; of one that is not there it says so."""
        house = House()
        client = Client(self, Served(self), premises=house)
        client.run("CREATE DATABASE mine")
        client.run("DROP DATABASE mine WITH (FORCE)")
        self.assertEqual(house.asked, [("create", "mine"), ("drop", "mine", True, 7)])
        self.assertEqual(client.refused("DROP DATABASE nosuch"), "3D000")
        (notice,) = client.run("DROP DATABASE IF EXISTS nosuch").notices
        self.assertEqual(notice.message, 'database "nosuch" does not exist, skipping')
        client.run("BEGIN")
        self.assertEqual(client.refused("CREATE DATABASE mine"), "25001")

    def test_a_database_without_a_node(self) -> None:
        """Has no others."""
        alone = Client(self, Served(self))
        self.assertEqual(alone.refused("CREATE DATABASE x"), "0A000")
        self.assertEqual(alone.refused("DROP DATABASE x"), "0A000")
