"""The generated table of SQLSTATEs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql import sqlstate


class TableTests(SynchronousTestCase):
    """PostgreSQL's codes under PostgreSQL's names."""

    def test_well_known_codes(self) -> None:
        """Those every driver asks for."""
        self.assertEqual(sqlstate.UNIQUE_VIOLATION, "23505")
        self.assertEqual(sqlstate.T_R_SERIALIZATION_FAILURE, "40001")
        self.assertEqual(sqlstate.IN_FAILED_SQL_TRANSACTION, "25P02")
        self.assertEqual(sqlstate.NAMES["57014"], "query_canceled")

    def test_every_code_is_one(self) -> None:
        """Five digits or capital letters each."""
        self.assertGreater(len(sqlstate.NAMES), 230)
        for code in sqlstate.NAMES:
            self.assertRegex(code, r"\A[0-9A-Z]{5}\Z")

    def test_success(self) -> None:
        """Completion, warnings and "no data" are no errors."""
        self.assertTrue(all(map(sqlstate.is_success, ("00000", "01000", "02000"))))
        self.assertFalse(any(map(sqlstate.is_success, ("03000", "23505", "XX000"))))
