"""Tests of ha.sqlite.catalog_views."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_tables import relations
from ha.sqlite.catalog_views import VIEWS


class ViewTests(SynchronousTestCase):
    """Each view that is filled is one that PostgreSQL has."""

    def test_names(self) -> None:
        known = {one.name for one in relations()}
        for name in VIEWS:
            self.assertIn(name.rpartition(".")[2], known)
