"""A database loses all it holds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.committer import Work
from ha.sqlite.emptying import drop_everything
from ha.test.clients import Client, Served


class EmptyingTests(SynchronousTestCase):
    """What a DROP DATABASE tells the log."""

    def test_nothing_is_left_and_others_hear_of_it(self) -> None:
        """Tables that refer to each other, views, full-text indexes."""
        near = Served(self)
        far = Served(self, "far", near.network)
        client = Client(self, near)
        for text in (
            "CREATE TABLE p (id int PRIMARY KEY, c int REFERENCES c (id))",
            "CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p (id))",
            "INSERT INTO p VALUES (1, NULL)",
            "INSERT INTO c VALUES (1, 1)",
            "UPDATE p SET c = 1",
            "CREATE VIEW v AS SELECT * FROM p",
            "CREATE VIRTUAL TABLE words USING fts5 (word)",
        ):
            client.run(text)
        capture = near.database.capture
        near.replica.submit(Work(lambda connection: drop_everything(connection, capture), alone=True))
        near.settle()
        far.settle()
        left = "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'ha!_%' ESCAPE '!' AND name NOT LIKE 'sqlite%'"
        for served in (near, far):
            with served.database.writer.guard.trusted():
                self.assertEqual(served.database.writer.execute(left).fetchall(), [])
        self.assertEqual(client.refused("INSERT INTO p VALUES (1)"), "42P01")
