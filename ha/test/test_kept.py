"""How much is remembered of texts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.kept import CHARACTERS_KEPT, LONG_TEXT, Kept


class KeptTests(SynchronousTestCase):
    """Bounded in number and in size."""

    def test_what_is_kept_is_found(self) -> None:
        """As in any dictionary; what is not there is None to `get`."""
        kept: Kept[object, int] = Kept(10)
        kept.keep("SELECT 1", 1)
        kept.keep(("table", "t"), 2)
        self.assertEqual((kept.get("SELECT 1"), kept.get(("table", "t")), kept.get("SELECT 2")), (1, 2, None))

    def test_full_it_begins_anew(self) -> None:
        """With the entry that found no room."""
        kept: Kept[str, int] = Kept(3)
        for number in range(4):
            kept.keep(str(number), number)
        self.assertEqual(kept, {"3": 3})

    def test_characters_are_counted(self) -> None:
        """Of texts, and of texts in tuples."""
        for wrap in (lambda text: text, lambda text: (text, None)):
            kept: Kept[object, int] = Kept(1_000_000)
            most = 0
            for number in range(3 * CHARACTERS_KEPT // LONG_TEXT):
                kept.keep(wrap(str(number).ljust(LONG_TEXT)), number)
                most = max(most, len(kept))
            self.assertEqual(most, CHARACTERS_KEPT // LONG_TEXT)

    def test_of_long_texts_the_newest_is_kept(self) -> None:
        """And the short ones beside it stay."""
        kept: Kept[str, int] = Kept(10)
        kept.keep("short", 0)
        for number in range(5):
            kept.keep(str(number) * (LONG_TEXT + 1), number)
        self.assertEqual(sorted(kept.values()), [0, 4])
        kept.keep("0" * (LONG_TEXT + 1), 5)
        self.assertEqual(sorted(kept.values()), [0, 5])

    def test_cleared_it_has_room_again(self) -> None:
        """Nothing of what was there counts any more."""
        kept: Kept[str, int] = Kept(10)
        text = "x" * LONG_TEXT
        for _ in range(3):
            for number in range(CHARACTERS_KEPT // LONG_TEXT // 2):
                kept.keep(f"{number}{text[10:]}", number)
            kept.clear()
            kept.keep("one", 1)
            self.assertEqual(kept, {"one": 1})
