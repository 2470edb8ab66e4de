"""The position, and who was applied."""

from __future__ import annotations

from ha.sqlite.ledger import Origins, last_group, origin_of, read_position, write_position
from ha.test.indatabase import InDatabase


class LedgerTests(InDatabase):
    """In a database of its own."""

    def test_a_position_for_each_subject(self) -> None:
        """0 at first."""
        self.assertEqual(read_position(self.connection, "s.a"), 0)
        write_position(self.connection, "s.a", 5)
        write_position(self.connection, "s.a", 7)
        self.assertEqual((read_position(self.connection, "s.a"), read_position(self.connection, "s.b")), (7, 0))

    def test_a_group_counts_once(self) -> None:
        """And an older one not at all; each process counts for itself."""
        found = [origin_of(self.connection, "n", *one) for one in ((1, 1), (1, 1), (1, 3), (1, 2), (2, 1))]
        self.assertEqual(found, [True, False, True, False, True])

    def test_messages_of_others_are_not_counted(self) -> None:
        """They have no groups."""
        self.assertEqual([origin_of(self.connection, "x", 0, 0) for _ in range(2)], [True, True])
        self.assertEqual(last_group(self.connection, "x", 0), 0)

    def test_the_last_group_in_the_file(self) -> None:
        """By way of the log; each process has its own."""
        origin_of(self.connection, "n", 1, 3)
        self.assertEqual([last_group(self.connection, "n", process) for process in (1, 2)], [3, 0])

    def test_many_groups_of_a_transaction(self) -> None:
        """Count as they would one by one, and are in the file at its end."""
        origin_of(self.connection, "n", 1, 3)
        origins = Origins(self.connection)
        asked = ((1, 3), (1, 4), (1, 4), (1, 2), (2, 1), (1, 9), (7, 0))
        self.assertEqual([origins.note("n", *one) for one in asked], [False, True, False, False, True, True, True])
        origins.write()
        self.assertEqual([last_group(self.connection, "n", process) for process in (1, 2, 7)], [9, 1, 0])
