"""Dates and times."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import intervals, times
from ha.test.test_functions import FunctionCase


class ZoneTests(SynchronousTestCase):
    """Times that do not say where they are."""

    def test_read_where_the_session_is(self) -> None:
        """And kept in UTC."""
        berlin = times.zone_or_utc("Europe/Berlin")
        self.assertEqual(
            times.pg_timestamptz("2026-07-01 12:00:00", 6, times.Where(berlin)), "2026-07-01 10:00:00+00:00"
        )
        self.assertEqual(
            times.pg_timestamptz("2026-07-01 12:00:00+01", 6, times.Where(berlin)), "2026-07-01 11:00:00+00:00"
        )
        self.assertEqual(times.pg_timestamptz("2026-07-01 12:00:00"), "2026-07-01 12:00:00+00:00")
        self.assertEqual(times.zone_or_utc("nosuch/zone"), times.zone_or_utc("UTC"))


class TimeTests(FunctionCase):
    """As PostgreSQL computes them."""

    def test_reading(self) -> None:
        """Spellings of the same."""
        self.answers(
            (
                ("'2026-01-02'::date", "2026-01-02"),
                ("'2026-01-02T03:04:05.600Z'::timestamptz", "2026-01-02 03:04:05.6+00:00"),
                ("'2026-01-02 03:04:05+02'::timestamptz", "2026-01-02 01:04:05+00:00"),
                ("'2026-01-02 03:04:05.1239'::timestamp(2)", "2026-01-02 03:04:05.12"),
                ("'infinity'::timestamp", "infinity"),
                ("'3:04 PM'::time", "15:04:00"),
                ("interval '1 day 02:03:04'", "1 day 02:03:04"),
                ("interval '1.5 months -3 hours'", "1 mon 15 days -03:00:00"),
                ("interval 'P1Y2M3DT4H5M6S'", "1 year 2 mons 3 days 04:05:06"),
                ("interval '2 weeks ago'", "-14 days"),
            )
        )
        self.refused(
            (
                ("'2026-13-01'::date", "22008"),
                ("'x'::date", "22007"),
                ("'1 parsec'::interval", "22007"),
                ("'25:61'::time", "22008"),
                ("'2026-01-01'::timestamp + interval '99999999 years'", "22008"),
            )
        )

    def test_arithmetic(self) -> None:
        """Months are no number of days."""
        self.answers(
            (
                ("date '2026-01-31' + interval '1 month'", "2026-02-28 00:00:00"),
                ("date '2026-01-01' + 1", "2026-01-02"),
                ("date '2026-01-01' - date '2025-01-01'", 365),
                ("timestamp '2026-01-01 00:00:00' - timestamp '2025-12-31 22:30:00'", "01:30:00"),
                ("now() - interval '1 day'", "2026-01-01 03:04:05.5+00:00"),
                ("now() + 2 * interval '1 hour'", "2026-01-02 05:04:05.5+00:00"),
                ("age(timestamp '2026-03-01', timestamp '2025-01-15')", "1 year 1 mon 17 days"),
                ("interval '1 day' * 1.5", "1 day 12:00:00"),
                ("timestamp '2026-07-01 12:00:00' at time zone 'Europe/Berlin'", "2026-07-01 10:00:00+00:00"),
            )
        )

    def test_before_christ_and_after_9999(self) -> None:
        """Kept so that texts sort, shown as PostgreSQL shows them."""
        self.answers(
            (
                ("'0044-03-15 BC'::date", "/9956 BC 0044-03-15"),
                ("'0044-03-15 BC'::date + 1", "/9956 BC 0044-03-16"),
                ("'0044-03-15 BC'::date < '-infinity'::date", 0),
                ("date '12345-01-02' - date '9999-12-31'", 856_496),
                ("timestamp '0001-01-01' - interval '1 second'", "/9999 BC 0001-12-31 23:59:59"),
                ("timestamptz '0001-01-01 00:00:00+01'", "/9999 BC 0001-12-31 23:00:00+00:00"),
                ("'infinity'::timestamp + interval '1 day'", "infinity"),
                ("extract(year from date '0044-03-15 BC')", -44),
                ("extract(century from date '0044-03-15 BC')", -1),
                ("date_trunc('century', timestamp '0044-03-15 BC')", "/9900 BC 0100-01-01 00:00:00"),
                ("to_char(timestamp '0044-03-15 BC', 'YYYY-MM-DD BC')", "0044-03-15 BC"),
                ("to_date('0044-03-15 BC', 'YYYY-MM-DD BC')", "/9956 BC 0044-03-15"),
                ("make_date(-44, 3, 15)", "/9956 BC 0044-03-15"),
                ("'{0044-03-15 BC,infinity}'::date[]", '["/9956 BC 0044-03-15","infinity"]'),
            )
        )
        self.refused(
            (
                ("'4714-11-23 BC'::date", "22008"),
                ("'5874898-01-01'::date", "22008"),
                ("'294277-01-01'::timestamp", "22008"),
                ("'4714-11-24 BC'::date - 1", "22008"),
                ("'infinity'::timestamp - 'infinity'::timestamp", "22008"),
            )
        )

    def test_fields_of_intervals(self) -> None:
        """In literals and casts."""
        self.answers(
            (
                ("interval '1' day", "1 day"),
                ("interval '1-2' year to month", "1 year 2 mons"),
                ("interval '1 2' day to hour + interval '1' hour", "1 day 03:00:00"),
                ("interval '1:30' minute to second", "00:01:30"),
                ("interval '1 2:03:04.5678' day to second(2)", "1 day 02:03:04.57"),
                ("interval(1) '1.55 sec'", "00:00:01.6"),
                ("'100 days'::interval month", "00:00:00"),
                ("cast('1.567' as interval second(1))", "00:00:01.6"),
                ("timestamp(0) '2020-01-01 10:00:00.5' + interval '1' day", "2020-01-02 10:00:01"),
                ("current_timestamp(0)", "2026-01-02 03:04:06+00:00"),
                ("overlaps(date '2020-01-01', date '2020-01-03', date '2020-01-02', date '2020-01-04')", 1),
            )
        )
        self.refused((("interval '1' month to day", "42601"), ("interval '1 foo' day", "22007")))

    def test_intervals_do_not_multiply_each_other(self) -> None:
        """An error of the client's, not ours."""
        self.assertEqual(intervals.pg_interval_multiply("1 day", 2), "2 days")
        error = self.assertRaises(StatementError, intervals.pg_interval_multiply, "1 day", "02:00:00")
        self.assertEqual(error.sqlstate, "42883")

    def test_parts(self) -> None:
        """EXTRACT and date_trunc."""
        self.answers(
            (
                ("extract(epoch from timestamp '2026-01-02 00:00:00')", 1767312000),
                ("extract(dow from date '2026-01-04')", 0),
                ("extract(second from timestamp '2026-01-02 00:00:05.5')", 5.5),
                ("extract(day from interval '3 days 2 hours')", 3),
                ("date_trunc('month', timestamp '2026-01-22 03:04:05')", "2026-01-01 00:00:00"),
                ("date_trunc('week', timestamp '2026-01-04 03:04:05')", "2025-12-29 00:00:00"),
                ("date_trunc('quarter', timestamp '2026-05-22')", "2026-04-01 00:00:00"),
                ("to_char(timestamp '2026-01-02 03:04:05','YYYY-MM-DD HH24:MI:SS')", "2026-01-02 03:04:05"),
                ("to_char(timestamp '2026-01-02 15:04:05','FMMonth DDth, HH12 AM')", "January 02nd, 03 PM"),
                ("to_date('05 Dec 2000', 'DD Mon YYYY')", "2000-12-05"),
                ("to_timestamp(0)", "1970-01-01 00:00:00+00:00"),
                ("make_date(2026, 2, 3)", "2026-02-03"),
            )
        )
        self.refused((("extract(nosuch from now())", "22023"), ("date_trunc('nosuch', now())", "22023")))

    @settings(max_examples=300, deadline=None)
    @given(
        st.text(max_size=30) | st.sampled_from(["1:", "P", "1 day day", "-", "999999999999 years", "2026-01-01 25:00"])
    )
    def test_garbage_is_refused(self, text: str) -> None:
        """And nothing but refused."""
        for read in (
            intervals.interval,
            times.pg_date,
            times.pg_timestamp,
            times.pg_timestamptz,
            times.pg_time,
            times.pg_timetz,
        ):
            try:
                read(text)
            except StatementError:
                pass


class PosixZoneTests(SynchronousTestCase):
    """Zones that count westward, as POSIX has them."""

    def test_a_name_and_hours(self) -> None:
        """Django names its fixed offsets so."""
        noon = "2026-01-01 12:00:00+00:00"
        self.assertEqual(times.at_time_zone("UTC-05:30", noon), "2026-01-01 17:30:00")
        self.assertEqual(times.at_time_zone("EST+5", noon), "2026-01-01 07:00:00")
