"""How a node is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.auth import Entrance
from ha.test.fake_node import House


class ProbeTests(SynchronousTestCase):
    """What an orchestrator asks."""

    def test_alive(self) -> None:
        """Without a token, by any name."""
        client = House(entrance=Entrance(token="s")).client()
        self.assertEqual(client.ask("GET", "/healthz", Host="ha-1").json(), {"status": "ok"})
        self.assertEqual(client.ask("HEAD", "/healthz").headers["content-length"], "15")

    def test_ready_or_why_not(self) -> None:
        """503 with the reasons."""
        house = House()
        client = house.client()
        self.assertEqual(client.ask("GET", "/readyz").status, 200)
        house.node.reasons = ["catching up: 5 of 10"]
        reply = client.ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.headers["retry-after"]), (503, "1"))
        self.assertEqual(reply.json()["reasons"], ["catching up: 5 of 10"])

    def test_what_is_to_be_looked_at(self) -> None:
        """Stands there, and takes nobody's clients away."""
        house = House()
        house.node.noticed = ["rows were left out"]
        reply = house.client().ask("GET", "/readyz")
        self.assertEqual((reply.status, reply.json()), (200, {"status": "ready", "notices": ["rows were left out"]}))


class StatusTests(SynchronousTestCase):
    """What an operator asks."""

    def test_everything_there_is_to_say(self) -> None:
        """As the node says it."""
        self.assertEqual(House().client().ask("GET", "/status").json(), {"name": "node-1", "large": 2**62})

    def test_metrics(self) -> None:
        """In Prometheus' format, requests among them."""
        client = House().client()
        client.post({"sql": "INSERT"})
        client.ask("GET", "/none")
        reply = client.ask("GET", "/metrics")
        self.assertTrue(reply.headers["content-type"].startswith("text/plain; version="))
        self.assertIn(b'ha_http_request_seconds_count{route="/",status="200"} 1.0', reply.body)
        self.assertIn(b'ha_http_request_seconds_count{route="none",status="404"} 1.0', reply.body)
        self.assertIn(b"ha_http_connections 1.0", reply.body)

    def test_replications(self) -> None:
        """Listed, and removed by name."""
        house = House()
        client = house.client()
        self.assertEqual(client.ask("GET", "/replications").json(), [{"name": "reader", "pending": 3}])
        self.assertEqual(client.ask("DELETE", "/replications/reader").json(), {"removed": "reader"})
        self.assertEqual(client.ask("DELETE", "/replications/other%20one").error["code"], "unknown_replication")
        self.assertEqual(house.node.removed, ["reader", "other one"])
