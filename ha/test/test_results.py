"""The tables of functions' types."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres.pgtypes import of_name
from ha.sql.results import ARGUMENT, LIKE_ARGUMENT, NUMERIC, RESULT_OF


class ResultTests(SynchronousTestCase):
    """What stands in them."""

    def test_every_type_is_one_that_can_be_announced(self) -> None:
        """By the name that the door knows."""
        for name in {*RESULT_OF.values(), *ARGUMENT.values()}:
            self.assertNotEqual((name, of_name(name)[0]), (name, 25 if name != "text" else 0))

    def test_a_function_has_one_rule(self) -> None:
        """A fixed type, or that of its argument."""
        self.assertEqual(set(RESULT_OF) & (LIKE_ARGUMENT | NUMERIC), set())
