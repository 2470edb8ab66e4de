"""The door as a whole: routes, the gate, connections, going down."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.auth import Entrance
from ha.test.fake_node import House, Reply, selected


class RouteTests(SynchronousTestCase):
    """What there is to ask for."""

    def test_unknown_paths(self) -> None:
        """404, in JSON."""
        for path in ("/none", "/healthz/", "//", "/databases/a/b", "*", "http://localhost/none"):
            reply = House().client().ask("GET", path)
            self.assertEqual((reply.status, reply.error["code"]), (404, "unknown_path"), path)

    def test_wrong_methods(self) -> None:
        """405, with those that are right; a GET changes nothing."""
        for method, path, allow in (
            ("GET", "/query", "POST"),
            ("PUT", "/", "GET, HEAD, POST"),
            ("OPTIONS", "/", "GET, HEAD, POST"),
            ("POST", "/download", "GET, HEAD"),
            ("POST", "/databases", "GET, HEAD"),
            ("DELETE", "/databases/first.db", "GET, HEAD, POST"),
            ("GET", "/replications/reader", "DELETE"),
            ("BREW", "/status", "GET, HEAD"),
        ):
            house = House()
            reply = house.client().ask(method, path)
            self.assertEqual((reply.status, reply.headers.get("allow")), (405, allow), (method, path))
            self.assertEqual((house.node.backends, house.node.removed), ([], []))


class GateTests(SynchronousTestCase):
    """Who may enter."""

    def test_a_rebound_name(self) -> None:
        """Neither writes nor reads nor downloads."""
        house = House()
        client = house.client()
        for path in ("/", "/databases", "/status", "/metrics", "/replications", "/none"):
            reply = client.ask("GET", path, Host="evil.example")
            self.assertEqual((reply.status, reply.error["code"]), (403, "forbidden"), path)
        reply = client.post({"sql": "INSERT"}, Host="evil.example")
        self.assertEqual((reply.status, client.closing, house.node.backends), (403, True, []))

    def test_a_page_of_another_origin(self) -> None:
        """It cannot write, whatever it is able to send."""
        house = House()
        for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            self.assertEqual(house.client().post({"sql": "INSERT"}, **headers).status, 403)
            self.assertEqual(house.client().ask("DELETE", "/replications/reader", **headers).status, 403)
        self.assertEqual((house.node.backends, house.node.removed), ([], []))

    def test_a_token(self) -> None:
        """Asked for, and enough."""
        house = House(entrance=Entrance(token="s3cret"))
        reply = house.client().ask("GET", "/status")
        self.assertEqual((reply.status, reply.headers["www-authenticate"]), (401, "Bearer"))
        for method, path in (("GET", "/"), ("GET", "/metrics"), ("DELETE", "/replications/reader")):
            self.assertEqual(house.client().ask(method, path, Authorization="Bearer wrong").status, 401)
        self.assertEqual(house.client().post({"sql": "INSERT"}, Authorization="Bearer s3cret").status, 200)


class ConnectionTests(SynchronousTestCase):
    """Many at once, and the end."""

    def test_one_too_many(self) -> None:
        """Where all have a request, one more hears so, and they go on."""
        house = House(connections_max=2)
        clients = [house.client(), house.client()]
        waiting: list[Deferred[object]] = [Deferred(), Deferred()]
        for client, house.node.answers["SELECT"] in zip(clients, waiting, strict=True):
            client.post({"sql": "SELECT"})
        last = house.client()
        reply = Reply(last.said())
        self.assertEqual((reply.status, reply.error["code"], last.closing), (503, "too_many_connections", True))
        for one in waiting:
            one.callback(selected([(1,)], "a"))
        self.assertEqual([Reply(client.said()).status for client in clients], [200, 200])
        last.hang_up()
        clients[0].hang_up()
        self.assertEqual(house.client().ask("GET", "/healthz").status, 200)

    def test_who_waits_gives_way(self) -> None:
        """Requests that never become whole, and connections kept for later ones, keep nobody out."""
        house = House(connections_max=2)
        slow, idle = house.client(), house.client()
        slow.send(b"GET /healthz HTTP/1.1\r\nHost: ")
        self.assertEqual(house.client().ask("GET", "/healthz").status, 200)
        self.assertEqual((slow.closing, idle.closing), (True, False))
        self.assertEqual(house.client().ask("GET", "/healthz").status, 200)
        self.assertTrue(idle.closing)

    def test_no_connection_no_clock(self) -> None:
        """An idle node sleeps."""
        house = House()
        client = house.client()
        self.assertEqual(len(house.clock.getDelayedCalls()), 1)
        client.hang_up()
        self.assertEqual(house.clock.getDelayedCalls(), [])

    def test_draining(self) -> None:
        """What is being answered is answered; the rest is closed; then it is over."""
        house = House()
        idle, busy = house.client(), house.client()
        waiting: Deferred[object] = Deferred()
        house.node.answers["SELECT"] = waiting
        busy.post({"sql": "SELECT"})
        over = house.site.drain()
        self.assertEqual((idle.closing, busy.closing), (True, False))
        idle.hang_up()
        self.assertNoResult(over)
        waiting.callback(selected([(1,)], "a"))
        reply = Reply(busy.said())
        self.assertEqual((reply.status, reply.headers["connection"], busy.closing), (200, "close", True))
        busy.hang_up()
        self.successResultOf(over)

    def test_nobody_to_drain(self) -> None:
        """It is over at once."""
        self.successResultOf(House().site.drain())

    def test_cutting(self) -> None:
        """Who takes too long is cut, and his statement stopped."""
        house = House()
        client = house.client()
        house.node.answers["SELECT"] = house.node.waiting = Deferred()
        client.post({"sql": "SELECT"})
        over = house.site.drain()
        house.site.cut()
        self.assertTrue(client.transport.disconnected)
        client.hang_up()
        self.successResultOf(over)
        self.assertIn(("cancel",), house.node.backends[0].said)
