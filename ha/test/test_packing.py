"""One value that holds several."""

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.packing import packed, unpacked


class PackingTests(SynchronousTestCase):
    """What goes in comes out."""

    def test_values_keep_their_types(self) -> None:
        """Everything that SQLite can hold."""
        values = (None, -(1 << 63), 1.0, "a\0ä", b"\0", "")
        self.assertEqual(unpacked(packed(*values)), values)
        self.assertEqual([type(value) for value in unpacked(packed(1, 1.0, "1", b"1"))], [int, float, str, bytes])
