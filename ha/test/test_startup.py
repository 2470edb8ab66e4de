"""What a client asks for when it connects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.startup import settings_of


class StartupTests(SynchronousTestCase):
    """Parameters and command-line options."""

    def test_what_is_a_setting(self) -> None:
        """Not who comes and where to; asyncpg's quotes are taken off."""
        parameters = {"user": "ha", "database": "x", "client_encoding": "'utf-8'", "_pq_.x": "1", "TimeZone": "UTC"}
        self.assertEqual(settings_of(parameters), [("client_encoding", "utf-8"), ("TimeZone", "UTC")])

    def test_options(self) -> None:
        """As postgres takes them on its command line."""
        given = "-c search_path=a\\ b -cwork_mem=4MB --statement-timeout=5s"
        wanted = [("search_path", "a b"), ("work_mem", "4MB"), ("statement_timeout", "5s")]
        self.assertEqual(settings_of({"options": given}), wanted)
        for wrong in ("-x", "-c work_mem", "words"):
            self.assertEqual(self.assertRaises(StatementError, settings_of, {"options": wrong}).sqlstate, "42601")
