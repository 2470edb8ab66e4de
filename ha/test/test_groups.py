"""Tests of ha.replication.groups."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Command
from ha.replication.groups import Groups, Origin, message_id


class GroupsTests(SynchronousTestCase):
    """Numbers that are never used twice, and messages that say where each transaction ends."""

    def setUp(self) -> None:
        self.groups = Groups(Origin("node", 17), "mydatabase.db")

    def test_each_message_has_the_next_number(self) -> None:
        names = [message_id(self.groups.message(0, [])) for _ in range(3)]
        self.assertEqual(names, ["node:17:1", "node:17:2", "node:17:3"])

    def test_parts_become_one_list_with_their_ends(self) -> None:
        one, two, three = (Command(f"CREATE TABLE t{number} (a)", 0) for number in range(3))
        message = self.groups.message(5, [([one, two], {"t": 1}, []), ([three], {"t": 2}, [("ch", "hi", 3)])])
        self.assertEqual(list(message.changes), [one, two, three])
        self.assertEqual(message.transactions, (("1", 2), ("2", 1)))
        self.assertEqual((message.sequences, message.notifications), ({"t": 2}, (("ch", "hi", 3),)))
        self.assertEqual((message.node, message.process_id, message.filename), ("node", 17, "mydatabase.db"))
        self.assertEqual(message.snapshot_seq, 5)
