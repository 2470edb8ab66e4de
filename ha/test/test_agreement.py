"""What an operator decides about rows, over HTTP."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.test.fake_node import House


class ConflictTests(SynchronousTestCase):
    """Versions that lost their places."""

    def test_listed(self) -> None:
        """Of the first database, or the one that is named; from the beginning, or behind a number."""
        client = House().client()
        self.assertEqual([one["id"] for one in client.ask("GET", "/conflicts").json()], [1, 2])
        self.assertEqual([one["id"] for one in client.ask("GET", "/conflicts?after=1").json()], [2])
        self.assertEqual(client.ask("GET", "/conflicts?database=sec%22ond%20%C3%BC.db").json(), [])
        self.assertEqual(client.ask("GET", "/conflicts?database=other").error["code"], "unknown_database")

    def test_shown(self) -> None:
        """With its values, in JSON as results have them."""
        client = House().client()
        self.assertEqual(client.ask("GET", "/conflicts/1").json(), {"id": 1, "values": [{"blob": "eA=="}]})
        self.assertEqual(client.ask("GET", "/conflicts/3").status, 404)
        self.assertEqual(client.ask("GET", "/conflicts/x").status, 400)

    def test_put_back(self) -> None:
        """By its number."""
        client = House().client()
        self.assertEqual(client.ask("POST", "/conflicts/1/restore", b"").json(), {"restored": {"id": 1}})
        self.assertEqual(client.ask("POST", "/conflicts/2/restore", b"").status, 404)


class SkipTests(SynchronousTestCase):
    """A message that cannot be applied."""

    def test_by_its_position(self) -> None:
        """Which has to be said, and has to be the right one."""
        client = House().client()
        reply = client.ask("POST", "/replication/skip?position=7", b"")
        self.assertEqual(reply.json(), {"database": "first.db", "skipped": 7})
        self.assertEqual(client.ask("POST", "/replication/skip?position=8", b"").status, 409)
        self.assertEqual(client.ask("POST", "/replication/skip", b"").status, 400)
