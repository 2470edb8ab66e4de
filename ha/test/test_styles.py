"""Dates, times and intervals in each style, as PostgreSQL 15 writes them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.manner import Manner
from ha.postgres.moments import stamp_of
from ha.postgres.styles import styled_date, styled_interval, styled_moment, styled_stamp
from ha.sql.spans import read
from ha.sql.zones import zone_of

US = stamp_of("1997-12-17 07:37:16.5")


class DateStyleTests(SynchronousTestCase):
    """Table 8.15 of the manual, and the zone behind it."""

    def test_each_style(self) -> None:
        """Dates, timestamps, moments."""
        for dates, order, date, stamp in (
            ("ISO", "MDY", "1997-12-17", "1997-12-17 07:37:16.5"),
            ("SQL", "MDY", "12/17/1997", "12/17/1997 07:37:16.5"),
            ("SQL", "DMY", "17/12/1997", "17/12/1997 07:37:16.5"),
            ("SQL", "YMD", "12/17/1997", "12/17/1997 07:37:16.5"),
            ("Postgres", "MDY", "12-17-1997", "Wed Dec 17 07:37:16.5 1997"),
            ("Postgres", "DMY", "17-12-1997", "Wed 17 Dec 07:37:16.5 1997"),
            ("German", "DMY", "17.12.1997", "17.12.1997 07:37:16.5"),
            ("German", "MDY", "17.12.1997", "17.12.1997 07:37:16.5"),
        ):
            manner = Manner(dates=dates, order=order)
            self.assertEqual(styled_date(US // 86_400_000_000, manner), date, manner)
            self.assertEqual(styled_stamp(US, manner), stamp, manner)
            self.assertEqual(styled_moment(US, manner), stamp + ("+00" if dates == "ISO" else " UTC"))
            self.assertEqual(styled_stamp(stamp_of("infinity"), manner), "infinity")
            self.assertEqual(styled_moment(stamp_of("-infinity"), manner), "-infinity")

    def test_before_christ_and_after_9999(self) -> None:
        """The era comes last."""
        for dates, before, later in (
            ("ISO", "0044-03-15 01:02:03+00 BC", "12345-03-15 01:02:03+00"),
            ("SQL", "03/15/0044 01:02:03 UTC BC", "03/15/12345 01:02:03 UTC"),
            ("Postgres", "Fri Mar 15 01:02:03 0044 UTC BC", "Thu Mar 15 01:02:03 12345 UTC"),
            ("German", "15.03.0044 01:02:03 UTC BC", "15.03.12345 01:02:03 UTC"),
        ):
            manner = Manner(dates=dates)
            self.assertEqual(styled_moment(stamp_of("0044-03-15 01:02:03 BC"), manner), before)
            self.assertEqual(styled_moment(stamp_of("12345-03-15 01:02:03"), manner), later)

    def test_zones(self) -> None:
        """By their abbreviation, or by hours where they have none."""
        for zone, shown in (
            ("Europe/Berlin", "12/17/1997 08:37:16.5 CET"),
            ("America/Sao_Paulo", "12/17/1997 05:37:16.5 -02"),
            ("+3", "12/17/1997 10:37:16.5 +03"),
        ):
            self.assertEqual(styled_moment(US, Manner(zone_of(zone), "SQL")), shown)


class IntervalStyleTests(SynchronousTestCase):
    """What PostgreSQL 15 wrote."""

    def test_each_style(self) -> None:
        """Signs are where they differ most."""
        styles = ("postgres", "postgres_verbose", "sql_standard", "iso_8601")
        for text, *shown in (
            ("1 year 2 mons", "1 year 2 mons", "@ 1 year 2 mons", "1-2", "P1Y2M"),
            ("3 days 04:05:06", "3 days 04:05:06", "@ 3 days 4 hours 5 mins 6 secs", "3 4:05:06", "P3DT4H5M6S"),
            (
                "-1 year -2 mons +3 days -04:05:06", "-1 years -2 mons +3 days -04:05:06",
                "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago", "-1-2 +3 -4:05:06", "P-1Y-2M3DT-4H-5M-6S",
            ),
            ("0", "00:00:00", "@ 0", "0", "PT0S"),
            ("-1 day", "-1 days", "@ 1 day ago", "-1 0:00:00", "P-1D"),
            ("-00:00:01.5", "-00:00:01.5", "@ 1.5 secs ago", "-0:00:01.5", "PT-1.5S"),
            ("1 day -00:00:01", "1 day -00:00:01", "@ 1 day -1 sec", "+0-0 +1 -0:00:01", "P1DT-1S"),
            ("-1 day 00:00:01", "-1 days +00:00:01", "@ 1 day -1 sec ago", "+0-0 -1 +0:00:01", "P-1DT1S"),
            ("1 mon 1 day", "1 mon 1 day", "@ 1 mon 1 day", "+0-1 +1 +0:00:00", "P1M1D"),
        ):  # fmt: skip
            parts = read(text) if text != "0" else (0, 0, 0)
            for style, one in zip(styles, shown, strict=True):
                self.assertEqual(styled_interval(*parts, style), one, (text, style))
