"""Where a text that was edited has what it had before."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.edits import back, composed, forth

#: "one two three" made "one TWENTY three", and that "one TWENTY 3".
FIRST = ((4, 4), (7, 10))
SECOND = ((11, 11), (16, 12))


class EditTests(SynchronousTestCase):
    """Places in both texts."""

    def test_both_ways(self) -> None:
        """Outside of what was edited a place has one place; inside, its beginning or end."""
        self.assertEqual([back(FIRST, at, 13) for at in (0, 4, 6, 11, 99)], [0, 4, 6, 8, 13])
        self.assertEqual([forth(FIRST, at) for at in (0, 4, 8)], [0, 4, 11])
        self.assertEqual((back((), 5, 13), forth((), 5)), (5, 5))

    def test_twice(self) -> None:
        """Edits of an edited text are edits of the first."""
        both = composed(FIRST, SECOND)
        self.assertEqual([back(both, at, 13) for at in (0, 2, 4, 11, 12)], [0, 2, 4, 8, 13])
        self.assertEqual(list(both), sorted(both))
