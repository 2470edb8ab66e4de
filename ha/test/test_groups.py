"""Groups become messages with numbers of their own."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.replication.change import Command
from ha.replication.groups import Groups, Origin, message_id


class GroupsTests(SynchronousTestCase):
    """One process's."""

    def test_no_id_is_used_twice(self) -> None:
        """Nor by the next process of the same node."""
        one, two = Groups(Origin("n", 1), "a.db"), Groups(Origin("n", 2), "a.db")
        ids = {message_id(groups.message(0, [])) for groups in (one, one, two, two)}
        self.assertEqual(ids, {"n:1:1", "n:1:2", "n:2:1", "n:2:2"})

    def test_parts_stay_in_order(self) -> None:
        """Changes one after the other, with each transaction's count; the later sequence counts."""
        a, b, c = (Command(name, 0) for name in "abc")
        message = Groups(Origin("n", 1), "a.db").message(
            7, [([a, b], {"t": 1}, [("channel", "x", 1)]), ([c], {"t": 2}, [])]
        )
        self.assertEqual(list(message.changes), [a, b, c])
        self.assertEqual([count for _, count in message.transactions], [2, 1])
        self.assertEqual(dict(message.sequences), {"t": 2})
        self.assertEqual((message.snapshot_seq, message.notifications), (7, (("channel", "x", 1),)))
