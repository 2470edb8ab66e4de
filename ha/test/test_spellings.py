"""Other spellings of dates and times."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.spellings import day_first, respelled


class SpellingTests(SynchronousTestCase):
    """Said as ISO 8601 says them."""

    def test_days(self) -> None:
        """One day in nine spellings."""
        for text in ("January 8, 1999", "8-Jan-1999", "Jan-08-1999", "1999-Jan-08", "1/8/1999", "1999/1/8", "19990108"):
            spelled = respelled(text)
            assert spelled is not None
            self.assertEqual([int(part) for part in spelled[0].split("-")], [1999, 1, 8])
        self.assertEqual(respelled("1999.008"), ("1999-01-08", None))
        self.assertEqual(respelled("J2451187"), ("1999-01-08", None))

    def test_clocks_and_zones(self) -> None:
        """Halves of the day, abbreviations, names."""
        self.assertEqual(respelled("2026-01-01 1:02:03 PM"), ("2026-01-01 13:02:03", None))
        self.assertEqual(respelled("2026-01-01 10:00 EST"), ("2026-01-01 10:00-05:00", None))
        self.assertEqual(respelled("2026-01-01 10:00 America/New_York"), ("2026-01-01 10:00", "America/New_York"))

    def test_the_day_first(self) -> None:
        """Where a session says so, of what could be read both ways."""
        for text, read in (
            ("2/1/2003", "2003-1-2"), ("02.01.2003 04:05", "2003-01-02 04:05"), ("2-1-2003", "2003-1-2"), ("2/1.2003", "2/1.2003"),
            ("2003-01-02", "2003-01-02"), ("2 Jan 2003", "2 Jan 2003"), ("2/1/20031", "2/1/20031"),
        ):  # fmt: skip
            self.assertEqual(day_first(text), read, text)

    def test_nothing_else(self) -> None:
        """Neither words nor long texts."""
        for text in ("", "foo", "Foo 8, 1999", "1" * 200, "2026-01-01 UTC"):
            self.assertIsNone(respelled(text))
