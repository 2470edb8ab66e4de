"""What a node tells of itself before it has begun."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ha.node import CannotStart, Node, precheck
from ha.settings import Settings


class NodeTests(SynchronousTestCase):
    """A node that was not started."""

    def settings(self, **told: Any) -> Settings:
        """One database in a folder of its own, and no fixed ports."""
        home = Path(self.mktemp())
        home.mkdir()
        told = {"http_port": 0, "pg_port": 0, "nats_port": 0, "replication_url": "nats://nowhere:1"} | told
        return Settings(databases=(str(home / "my.db"),), data_dir=str(home / "ha-data"), **told)

    def test_what_never_started_stops(self) -> None:
        """Nothing is there to be stopped."""
        self.successResultOf(Deferred.fromCoroutine(Node(self.settings(), Clock()).stop()))

    def test_a_port_in_use_is_found_before_anything_is_made(self) -> None:
        """With its option's name."""
        with closing(socket.socket()) as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            settings = self.settings(http_port=taken.getsockname()[1])
            self.assertIn("--port", str(self.assertRaises(CannotStart, precheck, settings)))
        self.assertFalse(Path(settings.databases[0]).exists())
