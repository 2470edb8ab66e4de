"""Tests of ha.sql.addresses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sql.addresses import cidr, inet


class AddressTests(SynchronousTestCase):
    """One form of all that mean the same."""

    def test_addresses(self) -> None:
        """A host's own has no length."""
        for text, wanted in (
            ("192.168.0.1/32", "192.168.0.1"),
            ("192.168.0.1/24", "192.168.0.1/24"),
            (" ::1/128 ", "::1"),
            ("FE80:0:0::1/64", "fe80::1/64"),
            ("::ffff:102:300/128", "::ffff:1.2.3.0"),
        ):
            self.assertEqual(inet(text), wanted)

    def test_networks(self) -> None:
        """Always have one, and nothing beyond it."""
        self.assertEqual(
            (cidr("10.11.12.13"), cidr("10.0.0.0/8"), cidr("::/0")), ("10.11.12.13/32", "10.0.0.0/8", "::/0")
        )
        self.assertEqual(self.assertRaises(StatementError, cidr, "10.0.0.1/8").sqlstate, "22P02")

    def test_garbage(self) -> None:
        """Is refused."""
        for text in ("", "localhost", "10.0.0.256", "10.0.0.1/33"):
            self.assertEqual(self.assertRaises(StatementError, inet, text).sqlstate, "22P02", text)
            self.assertEqual(self.assertRaises(StatementError, cidr, text).sqlstate, "22P02", text)
