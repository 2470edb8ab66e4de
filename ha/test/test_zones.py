"""Time zones, at any moment."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.calendar import DAY, HOUR, LATE, days_of
from ha.sql.zones import (
    ABBREVIATIONS,
    canonical,
    east_of,
    from_local,
    name_of,
    posix_name,
    to_local,
    zone_named,
    zone_of,
)


class ZoneTests(SynchronousTestCase):
    """As PostgreSQL finds them."""

    def test_offsets_that_are_settings(self) -> None:
        """Hours east when bare, POSIX's west otherwise; none is too far."""
        for name, east in (
            ("-3", -10800), ("+02", 7200), ("24", 86399), ("-99", -86399), ("UTC+3", -10800), ("<x>-2", 7200),
            ("+02:00", -7200), ("+0530", -19800), ("99:99:99", -86399),
        ):  # fmt: skip
            self.assertEqual(east_of(0, zone_of(name)), east, name)
        self.assertIsNone(zone_of("UTC"))
        self.assertEqual(east_of(0, zone_of("europe/berlin")), 3600)
        self.assertEqual(self.assertRaises(StatementError, zone_of, "nosuch/zone").sqlstate, "22023")

    def test_how_a_setting_is_shown(self) -> None:
        """Numbers and intervals as POSIX's names."""
        for name, shown in (
            ("-3", "<-03>+03"),
            ("5.5", "<+05:30>-05:30"),
            ("europe/berlin", "Europe/Berlin"),
            ("utc", "UTC"),
            ("PST8PDT", "PST8PDT"),
        ):
            self.assertEqual(canonical(name), shown)
        self.assertEqual((posix_name(-28800), east_of(0, zone_of("<-08>+08"))), ("<-08>+08", -28800))

    def test_names_in_a_text(self) -> None:
        """Abbreviations have one distance, whatever the season; a number is POSIX's."""
        self.assertEqual(len(ABBREVIATIONS), 195)
        for name, east in (("cest", 7200), ("EST", -18000), ("+3", -10800), ("z", 0)):
            self.assertEqual(east_of(0, zone_named(name)), east, name)

    def test_the_ends_of_time(self) -> None:
        """A zone is where it was first, and its rules go on."""
        berlin = zone_of("Europe/Berlin")
        for year, month, east in ((-43, 7, 3208), (12345, 1, 3600), (12345, 7, 7200), (294276, 7, 7200)):
            us = days_of(year, month, 1) * DAY
            self.assertEqual(east_of(us, berlin), east, year)
            self.assertEqual(from_local(to_local(us, berlin), berlin), us)
        self.assertEqual((east_of(LATE, berlin), from_local(LATE, berlin)), (0, LATE))

    def test_hours_that_come_twice_or_never(self) -> None:
        """In winter's time."""
        berlin = zone_of("Europe/Berlin")
        twice, never = days_of(2026, 10, 25) * DAY + 5 * HOUR // 2, days_of(2026, 3, 29) * DAY + 5 * HOUR // 2
        self.assertEqual(from_local(twice, berlin), twice - HOUR)
        self.assertEqual(from_local(never, berlin), never - HOUR)

    def test_their_names(self) -> None:
        """By season."""
        berlin = zone_of("Europe/Berlin")
        self.assertEqual([name_of(days_of(2026, month, 1) * DAY, berlin) for month in (1, 7)], ["CET", "CEST"])
        self.assertEqual((name_of(0, None), name_of(0, zone_of("+3"))), ("UTC", None))
