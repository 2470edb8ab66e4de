"""The outbox and the conflicts, as rows."""

from __future__ import annotations

from ha.sqlite.pending import (
    MERGED_BYTES_MAX,
    MERGED_MAX,
    Loss,
    add_pending,
    count_pending,
    find_pending,
    next_pending,
    record_loss,
    remove_pending,
    replace_pending,
    stretch,
    undo_newest_first,
)
from ha.test.indatabase import InDatabase


class PendingTests(InDatabase):
    """In a database of its own."""

    def add(self, *names: str, body: bytes = b"body", sent: bool = False) -> None:
        """Messages of these ids."""
        for name in names:
            add_pending(self.connection, name, body, b"undo of " + name.encode(), sent=sent)

    def names(self, after: int = 0) -> list[str]:
        """Of the next stretch."""
        return [pending.message_id for pending in stretch(self.connection, after)]

    def test_first_in_first_out(self) -> None:
        """And none is there twice."""
        self.add("n:1:1", "n:1:2")
        self.assertEqual(count_pending(self.connection), (2, 8, False))
        head = next_pending(self.connection)
        assert head is not None
        self.assertEqual((head.message_id, head.body, head.undo), ("n:1:1", b"body", b"undo of n:1:1"))
        second = next_pending(self.connection, head.number)
        self.assertEqual(second, find_pending(self.connection, "n:1:2"))
        remove_pending(self.connection, head)
        self.assertIsNone(find_pending(self.connection, "n:1:1"))
        self.assertEqual(next_pending(self.connection), second)

    def test_a_stretch_is_of_one_process(self) -> None:
        """Groups are numbered by process."""
        self.add("n:1:1", "n:1:2", "n:2:1")
        self.assertEqual(self.names(), ["n:1:1", "n:1:2"])
        self.assertEqual(self.names(2), ["n:2:1"])
        self.assertEqual(self.names(3), [])

    def test_what_may_have_been_sent_stands_alone(self) -> None:
        """It must stay what it was."""
        self.add("n:1:1", sent=True)
        self.add("n:1:2")
        self.add("n:1:3", sent=True)
        self.assertEqual([self.names(after) for after in range(3)], [["n:1:1"], ["n:1:2"], ["n:1:3"]])

    def test_a_stretch_has_an_end(self) -> None:
        """In messages and in bytes; a large message is one of its own."""
        self.add(*(f"n:1:{number}" for number in range(MERGED_MAX + 3)))
        self.assertEqual(len(self.names()), MERGED_MAX)
        self.connection.execute("DELETE FROM ha_outbox")
        self.add("n:2:1", "n:2:2", "n:2:3", body=b"x" * (MERGED_BYTES_MAX // 2))
        self.assertEqual(self.names(), ["n:2:1", "n:2:2"])
        self.connection.execute("DELETE FROM ha_outbox")
        self.add("n:3:1", "n:3:2", body=b"x" * (MERGED_BYTES_MAX + 1))
        self.assertEqual(self.names(), ["n:3:1"])

    def test_one_in_the_place_of_several(self) -> None:
        """At the first one's place, final."""
        self.add("n:1:1", "n:1:2", "n:1:3", "n:1:4")
        taken = stretch(self.connection)[1:3]
        replace_pending(self.connection, taken, b"merged", b"joined", "n:1:3")
        found = [pending for after in (0, 1, 2) if (pending := next_pending(self.connection, after))]
        self.assertEqual([one.message_id for one in found], ["n:1:1", "n:1:3", "n:1:4"])
        self.assertEqual((found[1].body, found[1].undo, bool(found[1].final)), (b"merged", b"joined", True))

    def test_undo_comes_newest_first(self) -> None:
        """A few at a time, each few in their order; what is not in the file has none."""
        names = [f"n:1:{number}" for number in range(MERGED_MAX + 3)]
        self.add(*names)
        self.connection.execute("UPDATE ha_outbox SET undo = NULL WHERE message_id = 'n:1:1'")
        few = list(undo_newest_first(self.connection))
        self.assertEqual([len(one) for one in few], [MERGED_MAX, 2])
        names.remove("n:1:1")
        self.assertEqual(
            [body for one in reversed(few) for body in one], [f"undo of {name}".encode() for name in names]
        )

    def test_one_without_undo_is_noticed(self) -> None:
        """It came with a restored file."""
        add_pending(self.connection, "n:1:1", b"", b"", sent=False)
        self.connection.execute("UPDATE ha_outbox SET undo = NULL")
        self.assertEqual(count_pending(self.connection), (1, 0, True))

    def test_a_loss_is_kept_whole(self) -> None:
        """With or without a winner."""
        record_loss(self.connection, Loss("unfit", "t", "{}", "INSERT", "[]", "n", None, 7))
        self.assertEqual(
            self.connection.execute(
                'SELECT reason, "table", loser_node, winner_node, winner_seq FROM ha_conflicts'
            ).get,
            ("unfit", "t", "n", None, 7),
        )
