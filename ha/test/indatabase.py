"""A database with our tables, for what works on its rows alone."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.connection import open_writer
from ha.sqlite.schema import install


class InDatabase(SynchronousTestCase):
    """A database of its own, whose `connection` is trusted."""

    def setUp(self) -> None:
        self.connection = open_writer(str(Path(self.mktemp())), synchronous="NORMAL")
        self.addCleanup(self.connection.close)
        install(self.connection)
        trusted = self.connection.guard.trusted()
        trusted.__enter__()
        self.addCleanup(trusted.__exit__, None, None, None)
