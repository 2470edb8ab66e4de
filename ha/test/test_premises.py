"""What a node's doors may ask before any of its databases is open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.metrics import Metrics
from ha.premises import FIGURES, Copy, Premises, figure
from ha.replication.follower import CannotApply
from ha.replication.log import Log
from ha.settings import Settings
from ha.sqlite.folder import Folder
from ha.test.clients import Served


class FromAnotherThread(Clock):
    """A clock that takes orders as a reactor does."""

    def callFromThread(self, order: Any) -> None:  # noqa: N802
        """At once: there is one thread."""
        order()


class FigureTests(SynchronousTestCase):
    """What Prometheus is told of a database."""

    def test_each_is_a_number(self) -> None:
        """Of those that the database tells, standing still among them."""
        replica = Served(self).replica
        told = {name: figure(replica, key) for name, _, key in FIGURES}
        self.assertEqual({type(value) for value in told.values()}, {float})
        self.assertEqual((told["ha_standing_still"], told["ha_log_position"]), (0.0, replica.follower.position))
        replica.follower.failed = CannotApply(7, "no such table")
        self.assertEqual(figure(replica, "failed"), 1.0)


class PremisesTests(SynchronousTestCase):
    """Two databases in a folder, and a log that was never connected."""

    def setUp(self) -> None:
        """Open the folder."""
        home = Path(self.mktemp())
        home.mkdir()
        settings = Settings(databases=(str(home / "my.db"), str(home / "other.db")), data_dir=str(home / "ha-data"))
        folder = Folder.open(settings.databases, Path(settings.data_folder))
        self.addCleanup(folder.close)
        clock = FromAnotherThread()
        log = Log(clock, settings.replication_stream)
        identity = folder.identity(None)
        self.premises = Premises(settings, clock, folder, identity, log, None, lambda work: succeed(work()), Metrics())
        self.addCleanup(self.premises.stop)

    def refused(self, asked: Any) -> str:
        """The SQLSTATE of what a coroutine was told."""
        return self.failureResultOf(Deferred.fromCoroutine(asked), StatementError).value.sqlstate

    def test_nobody_gets_in_yet(self) -> None:
        """And readiness says why."""
        self.assertIn("the node is starting", self.premises.readiness())
        self.assertEqual(self.assertRaises(StatementError, self.premises.connect, "my.db", "ha").sqlstate, "57P03")

    def test_a_database_is_known_by_its_files_name(self) -> None:
        """The one given first is the first."""
        self.assertEqual(self.premises.databases(), ["my.db", "other.db"])

    def test_one_that_is_not_open_is_no_database_to_its_clients(self) -> None:
        """It has not joined."""
        self.premises.waiting_for = ""
        for name in ("my.db", "my", "nothing"):
            self.assertEqual(self.assertRaises(StatementError, self.premises.connect, name, "ha").sqlstate, "3D000")

    def test_a_request_gets_what_the_one_before_left_as_it_was(self) -> None:
        """Over HTTP, whatever the operator chose for all clients; a session's backend is its own."""
        member = self.premises.members["my.db"]
        member.replica, self.premises.waiting_for = Served(self).replica, ""
        for dialect, same in (("sqlite", True), ("postgresql", False)):
            first = self.premises.connect("my.db", "ha", dialect=dialect)
            first.release()
            again = self.premises.connect("my.db", "ha", dialect=dialect)
            self.assertEqual((again is first, again.variables.get("ha.integer_oid")), (same, "int8"))
            again.release()
        member.replica = None

    def test_none_is_made_without_the_log(self) -> None:
        """It could not say so to the others."""
        self.assertEqual(self.refused(self.premises.create_database("third.db")), "08006")
        self.assertEqual(self.premises.databases(), ["my.db", "other.db"])

    def test_none_is_dropped_that_is_not_there(self) -> None:
        """Which is no fault."""
        dropped = self.premises.drop_database("third", force=False, asking=1)
        self.assertFalse(self.successResultOf(Deferred.fromCoroutine(dropped)))


class CopyTests(SynchronousTestCase):
    """A copy's file."""

    def test_a_copy_goes_when_it_is_closed(self) -> None:
        """Nothing stays in the folder."""
        path = Path(self.mktemp())
        path.write_bytes(b"x")
        copy = Copy(path, 1, None)
        self.assertEqual(copy.file.read(), b"x")
        copy.close()
        self.assertFalse(path.exists())
