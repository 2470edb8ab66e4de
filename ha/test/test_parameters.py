"""PostgreSQL's configuration parameters, as generated."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sql.parameters import PARAMETERS


class TableTests(SynchronousTestCase):
    """The generated table."""

    def test_it_is_postgresqls(self) -> None:
        """Whole, in order, with units where there are some."""
        names = [parameter.name for parameter in PARAMETERS]
        self.assertEqual(names, sorted(names, key=str.lower))
        self.assertGreater(len(names), 350)
        by_name = {parameter.name: parameter for parameter in PARAMETERS}
        self.assertEqual(by_name["statement_timeout"].unit, "ms")
        self.assertEqual(by_name["DateStyle"].context, "user")

    def test_nothing_tells_of_the_machine_it_was_read_on(self) -> None:
        """Paths, above all."""
        self.assertEqual([one.name for one in PARAMETERS if "/etc/" in one.setting or "/var/" in one.setting], [])
