"""SQL over HTTP."""

from __future__ import annotations

import json
import math
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.test.fake_node import FakeRest, House, Reply, selected
from ha.values import Answer
from ha.web.query import Body, read_options
from ha.web.respond import Refusal

WRITTEN = {"columns": ["rows_affected", "last_insert_id"], "rows": [[1, 3]]}


def parameters(text: str) -> Any:
    """What a command's params mean."""
    ((command,), _) = Body(b'{"sql": "x", "params": %b}' % text.encode()).commands()
    return command.parameters


class BodyTests(SynchronousTestCase):
    """What a request's body means."""

    def test_values(self) -> None:
        """Everything SQLite can hold."""
        self.assertEqual(
            parameters('[null, true, 1, 1.0, "x\\u0000", {"blob": "AP8="}, {"real": "-Infinity"}, {"real": "NaN"}]'),
            [None, 1, 1, 1.0, "x\0", b"\0\xff", -math.inf, None],
        )

    def test_integers_are_exact_or_refused(self) -> None:
        """All 64 bits; one more is no float in disguise."""
        self.assertEqual(parameters(f"[{2**63 - 1}, {-(2**63)}, 1e19, 1.5e300]"), [2**63 - 1, -(2**63), 1e19, 1.5e300])
        for number in (2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30, 10**300):
            with self.assertRaises(Refusal) as caught:
                parameters(f"[1.0, {number}]")
            self.assertEqual((caught.exception.status, caught.exception.code), (400, "bad_value"))

    def test_names(self) -> None:
        """An object names the parameters; the statement writes :name, @name or $name."""
        self.assertEqual(parameters('{"a": 1, "b": {"blob": ""}}'), {"a": 1, "b": b""})

    def test_no_parameters(self) -> None:
        """In every form."""
        for text in (b'{"sql": "x"}', b'{"sql": "x", "params": null}', b'{"sql": "x", "params": []}'):
            ((command,), is_array) = Body(text).commands()
            self.assertEqual((list(command.parameters), is_array), ([], False))

    def test_commands_that_say_the_same(self) -> None:
        """What is said with values is another command each time."""
        text = b'[{"sql": "x"}, {"sql": "y"}, {"sql": "x", "params": [1]}, {"sql": "x"}, {"sql": "x", "params": [2]}]'
        self.assertEqual(
            (Body(text).commands()),
            ([("x", ()), ("y", ()), ("x", [1]), ("x", ()), ("x", [2])], True),
        )

    def test_wrong_json(self) -> None:
        """Said with the place."""
        for text in (
            b"",
            b"{",
            b"NaN",
            b'"\\ud800"',
            b"1e999",
            b"\xff",
            b"[" * 2000,
            b"[" * 1030 + b"]" * 1030,
            b"sql=SELECT+1",
        ):
            with self.assertRaises(Refusal, msg=text[:20]) as caught:
                Body(text).commands()
            self.assertEqual((caught.exception.status, caught.exception.code), (400, "bad_json"), text[:20])

    def test_wrong_shapes(self) -> None:
        """Said with the command's index."""
        for text, index in (
            ("1", None),
            ('"x"', None),
            ("null", None),
            ("{}", None),
            ('{"sql": 1}', None),
            ('{"sql": "x", "parms": []}', None),
            ('{"sql": "x", "params": [], "more": 1}', None),
            ('[{"sql": "x"}, 1]', 1),
            ('[{"sql": "x"}, {"sql": null}]', 1),
            ('[{"sql": "x"}, {"sql": ["x"]}]', 1),
            ('[{"sql": "x"}, {"params": []}]', 1),
            ('[{"sql": "x", "params": 1}]', 0),
            ('[{"sql": "x", "params": "1"}]', 0),
            ("[[]]", 0),
        ):
            with self.assertRaises(Refusal, msg=text) as caught:
                Body(text.encode()).commands()
            self.assertEqual((caught.exception.code, caught.exception.index), ("bad_shape", index), text)

    def test_wrong_values(self) -> None:
        """What is no value of SQLite's."""
        for text in (
            "[[]]",
            "[{}]",
            '[{"blob": 1}]',
            '[{"blob": "x"}]',
            '[{"blob": "AA==", "real": "NaN"}]',
            '[{"real": 1}]',
            '[{"real": "inf"}]',
            '[{"blob": "AP8=\\n"}]',
        ):
            with self.assertRaises(Refusal, msg=text) as caught:
                parameters(text)
            self.assertEqual(caught.exception.code, "bad_value", text)

    def test_depth_beside_a_great_float(self) -> None:
        """The second reader gives up earlier than the first; that is no fault of the node's."""
        text = b'[{"sql": "x", "params": [1e300]}, %b%b]' % (b"[" * 1000, b"]" * 1000)
        self.assertEqual(self.assertRaises(Refusal, Body(text).commands).status, 400)


class OptionTests(SynchronousTestCase):
    """What the URL asks for."""

    def test_all_of_them(self) -> None:
        """As keyword arguments."""
        self.assertEqual(
            read_options(b"isolation=Repeatable-Read&consistency=linearizable&timeout=1.5", [b"e1:7"]),
            {"isolation": "repeatable read", "consistency": "linearizable", "timeout_s": 1.5, "seq": "e1:7"},
        )
        self.assertEqual(read_options(b"timeout=250ms&isolation=read+committed", None)["timeout_s"], 0.25)

    def test_a_position_means_a_session(self) -> None:
        """Unless another level was asked for."""
        self.assertEqual(read_options(b"", [b"e1:7"]), {"consistency": "session", "seq": "e1:7"})
        self.assertEqual(read_options(b"consistency=local", [b"e1:7"])["consistency"], "local")

    def test_what_means_nothing_is_refused(self) -> None:
        """A misspelt wish must not pass for fulfilled."""
        for query, seq in (
            (b"isolation=chaos", None),
            (b"isolation=", None),
            (b"consistency=SESSION", None),
            (b"timeout=-1", None),
            (b"timeout=1h", None),
            (b"timeout=1&timeout=2", None),
            (b"level=3", None),
            (b"\xff=1", None),
            (b"", [b"7"]),
            (b"", [b"e1:7", b"e1:7"]),
            (b"", [b"e1:7\xff"]),
        ):
            self.assertEqual(self.assertRaises(Refusal, read_options, query, seq).code, "bad_option")


class QueryTests(SynchronousTestCase):
    """Requests and their answers."""

    def setUp(self) -> None:
        """A site and a client."""
        self.house = House()
        self.node = self.house.node
        self.client = self.house.client()

    def test_an_array_answers_results(self) -> None:
        """Whatever the content type says."""
        reply = self.client.post([{"sql": "INSERT", "params": {"name": "HA user"}}])
        self.assertEqual((reply.status, reply.json()), (200, {"results": [WRITTEN]}))
        self.assertEqual(reply.headers["content-type"], "application/json")
        (backend,) = self.node.backends
        self.assertEqual(
            backend.said, [("connect", "first.db", "ha"), ("execute", "INSERT", {"name": "HA user"}, {}), ("close",)]
        )

    def test_an_object_answers_the_one_result(self) -> None:
        """Without the array around it."""
        self.assertEqual(self.client.post({"sql": "INSERT"}).json(), WRITTEN)

    def test_the_same_everywhere(self) -> None:
        """At the three places; a database by its name."""
        for path, database in (
            ("/", "first.db"),
            ("/query", "first.db"),
            ("/databases/sec%22ond%20%C3%BC.db", 'sec"ond ü.db'),
        ):
            self.assertEqual(self.client.post({"sql": "INSERT"}, path).json(), WRITTEN)
            self.assertEqual(self.node.backends[-1].said[0], ("connect", database, "ha"))
        reply = self.client.post({"sql": "INSERT"}, "/databases/none.db")
        self.assertEqual(
            (reply.status, reply.error["code"], reply.error["sqlstate"]), (404, "unknown_database", "3D000")
        )

    def test_several_commands_are_one_batch(self) -> None:
        """With the options of the request."""
        self.node.answers["SELECT"] = selected([(1, None)], "a", "a")
        reply = self.client.post([{"sql": "INSERT"}, {"sql": "SELECT", "params": [1]}], "/?isolation=serializable")
        self.assertEqual(reply.json(), {"results": [WRITTEN, {"columns": ["a", "a"], "rows": [[1, None]]}]})
        self.assertEqual(
            self.node.backends[0].said[1], ("batch", [("INSERT", ()), ("SELECT", [1])], {"isolation": "serializable"})
        )

    def test_nothing_to_do(self) -> None:
        """No commands, comments, blanks: empty results."""
        empty: dict[str, list[Any]] = {"columns": [], "rows": []}
        self.assertEqual(self.client.post([]).json(), {"results": []})
        self.assertEqual(self.client.post({"sql": " -- nothing\n;"}).json(), empty)
        self.assertEqual(self.client.post([{"sql": ""}, {"sql": "INSERT"}]).json(), {"results": [empty, WRITTEN]})

    def test_the_error_names_the_command(self) -> None:
        """Empty commands before it count."""
        self.node.answers["BAD"] = StatementError("23505", "duplicate")
        reply = self.client.post([{"sql": ""}, {"sql": "INSERT"}, {"sql": "BAD"}])
        self.assertEqual((reply.status, reply.error["index"], reply.error["code"]), (422, 2, "unique_violation"))
        self.assertEqual(self.client.post([{"sql": "BAD"}]).error["index"], 0)
        self.assertIsNone(self.client.post({"sql": "BAD"}).error["index"])

    def test_every_answer_tells_the_position(self) -> None:
        """Errors, too."""
        self.node.answers["BAD"] = StatementError("23505", "duplicate")
        for sql in ("INSERT", "BAD"):
            self.assertEqual(self.client.post({"sql": sql}).headers["x-ha-seq"], "e1:7")

    def test_the_position_is_passed_on(self) -> None:
        """As the client sent it."""
        self.client.post({"sql": "INSERT"}, X_HA_Seq="e1:6")
        self.assertEqual(self.node.backends[0].said[1][3], {"seq": "e1:6", "consistency": "session"})

    def test_several_statements_in_one_command(self) -> None:
        """They would have one set of parameters."""
        reply = self.client.post([{"sql": "INSERT"}, {"sql": "SELECT 1; SELECT 2"}])
        self.assertEqual((reply.status, reply.error["index"], reply.error["position"]), (422, 1, 11))
        self.assertEqual(self.node.backends[0].said[1:], [("close",)])

    def test_what_only_a_session_could_mean(self) -> None:
        """Nothing outlives a request."""
        for sql in ("BEGIN", "COMMIT", "SET a.b = 1", "PREPARE p AS SELECT 1", "LISTEN c", "SAVEPOINT s"):
            reply = self.client.post({"sql": sql})
            self.assertEqual((reply.status, reply.error["sqlstate"]), (422, "0A000"), sql)

    def test_a_refused_request_asks_no_backend(self) -> None:
        """Wrong bodies cost nothing."""
        self.assertEqual(self.client.post(b"sql=SELECT+1").error["code"], "bad_json")
        self.assertEqual(self.client.post({"sql": "INSERT"}, "/?level=3").status, 400)
        self.assertEqual(self.node.backends, [])

    def test_a_bug_is_told_once(self) -> None:
        """To the log in full, to the client not; the next request works."""
        self.node.answers["BAD"] = RuntimeError("private")
        reply = self.client.post({"sql": "BAD"})
        self.assertEqual((reply.status, reply.error["sqlstate"]), (500, "XX000"))
        self.assertNotIn(b"private", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.client.post({"sql": "INSERT"}).status, 200)

    def test_a_client_that_goes_away(self) -> None:
        """What runs for him is stopped, and everything released."""
        self.node.answers["SELECT"] = self.node.waiting = Deferred()
        self.client.post({"sql": "SELECT"})
        self.assertEqual(len(self.node.backends[0].said), 2)
        self.client.hang_up()
        self.assertEqual(self.node.backends[0].said[2:], [("cancel",), ("close",)])

    def test_a_client_that_goes_away_too_late(self) -> None:
        """Nothing runs for him any more."""
        self.client.post({"sql": "INSERT"})
        self.client.hang_up()
        self.assertNotIn(("cancel",), self.node.backends[0].said)

    def test_an_answer_that_took_a_while(self) -> None:
        """It comes when it is there; a second request waits for its turn."""
        waiting: Deferred[Answer] = Deferred()
        self.node.answers["SELECT"] = waiting
        self.assertEqual(self.client.post({"sql": "SELECT"}).status, 0)
        self.client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(self.client.said(), b"")
        waiting.callback(selected([(1,)], "a"))
        first = Reply(self.client.said())
        self.assertEqual(first.json(), {"columns": ["a"], "rows": [[1]]})
        self.assertEqual(Reply(first.left).json(), {"status": "ok"})


class LongResultTests(SynchronousTestCase):
    """Results that leave in slices."""

    def setUp(self) -> None:
        """A site and a client."""
        self.house = House()
        self.node = self.house.node
        self.client = self.house.client()

    def test_the_rest_is_read_while_it_is_sent(self) -> None:
        """In chunks, and then closed."""
        rest = FakeRest([(n,) for n in range(200, 400)], [], [(400,)])
        self.node.answers["SELECT"] = selected([(n,) for n in range(200)], "n", rest=rest)
        reply = self.client.post([{"sql": "SELECT"}])
        self.assertEqual(reply.headers["transfer-encoding"], "chunked")
        self.assertEqual(reply.json(), {"results": [{"columns": ["n"], "rows": [[n] for n in range(401)]}]})
        self.assertTrue(reply.whole)
        self.assertEqual(rest.closed, 1)
        self.assertFalse(self.client.closing)
        self.assertEqual(self.client.post({"sql": "INSERT"}).status, 200)

    def test_nothing_before_the_rest(self) -> None:
        """No comma too many."""
        self.node.answers["SELECT"] = selected([], "n", rest=FakeRest([], [(1,)], [(2,)], []))
        self.assertEqual(self.client.post({"sql": "SELECT"}).json(), {"columns": ["n"], "rows": [[1], [2]]})

    def test_a_long_batch(self) -> None:
        """Its results are there, but are not encoded all at once."""
        self.node.answers["SELECT"] = selected([(n,) for n in range(5000)], "n")
        reply = self.client.post([{"sql": "INSERT"}, {"sql": "SELECT"}, {"sql": ""}])
        results = reply.json()["results"]
        self.assertEqual([len(one["rows"]) for one in results], [1, 5000, 0])

    def test_slices_are_as_long_as_rows_are_short(self) -> None:
        """About 128 KiB each, whatever the rows."""
        rest = FakeRest([("x" * 100_000,)] * 2, [("x",)])
        self.node.answers["SELECT"] = selected([("x" * 1000,)] * 200, "t", rest=rest)
        self.assertTrue(self.client.post({"sql": "SELECT"}).whole)
        self.assertLess(rest.asked[0], 200)
        self.assertLess(rest.asked[1], 3)

    def test_a_slow_client_makes_the_reading_wait(self) -> None:
        """Nothing is read that he has no room for."""
        rest = FakeRest([(1,)], [(2,)])
        self.node.answers["SELECT"] = selected([(0,)], "n", rest=rest)
        waiting: Deferred[Any] = Deferred()
        rest.next = lambda rows_max: waiting  # type: ignore[method-assign,assignment]
        self.client.send(b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{"sql": "SELECT"}')
        del rest.next  # type: ignore[method-assign]
        self.client.transport.producer.pauseProducing()
        waiting.callback(([(5,)], False))
        self.assertEqual(rest.asked, [])
        self.client.transport.producer.resumeProducing()
        self.assertEqual(Reply(self.client.said()).json()["rows"], [[0], [5], [1], [2]])

    def test_a_client_that_goes_away_while_it_waits(self) -> None:
        """The rows are let go."""
        rest = FakeRest([(1,)], [(2,)])
        self.node.answers["SELECT"] = selected([(0,)], "n", rest=rest)
        waiting: Deferred[Any] = Deferred()
        rest.next = lambda rows_max: waiting  # type: ignore[method-assign,assignment]
        self.client.send(b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{"sql": "SELECT"}')
        self.client.transport.producer.pauseProducing()
        waiting.callback(([(5,)], False))
        self.client.hang_up()
        self.assertEqual(rest.closed, 1)
        self.assertEqual(self.node.backends[0].said[2:], [("cancel",), ("close",)])

    def test_an_error_on_the_way(self) -> None:
        """The answer is not finished, and the connection ends: half a result must not pass for a whole one."""
        rest = FakeRest([(1,)], StatementError("57014", "timed out"))
        self.node.answers["SELECT"] = selected([(0,)], "n", rest=rest)
        reply = self.client.post({"sql": "SELECT"})
        self.assertFalse(reply.whole)
        self.assertEqual(reply.error["sqlstate"], "57014")
        self.assertTrue(self.client.closing)
        self.assertEqual(rest.closed, 1)

    def test_an_old_client(self) -> None:
        """It cannot read chunks: the connection's end is the answer's, and after an error there is no orderly end."""
        request = b'POST / HTTP/1.0\r\nContent-Length: 17\r\n\r\n{"sql": "SELECT"}'
        self.node.answers["SELECT"] = selected([(0,)], "n", rest=FakeRest([(1,)]))
        self.client.send(request)
        reply = Reply(self.client.said())
        self.assertEqual((reply.json()["rows"], self.client.transport.disconnecting), ([[0], [1]], True))
        self.node.answers["SELECT"] = selected([(0,)], "n", rest=FakeRest(StatementError("57014", "timed out")))
        client = self.house.client()
        client.send(request)
        self.assertTrue(client.transport.disconnected)

    def test_json_is_what_the_values_were(self) -> None:
        """Infinities and blobs in slices, too."""
        rows = [(float("inf"), b"\0", None)] * 300
        self.node.answers["SELECT"] = selected(rows, "a", "b", "c")
        expected = [{"real": "Infinity"}, {"blob": "AA=="}, None]
        self.assertEqual(json.loads(self.client.post({"sql": "SELECT"}).body)["rows"], [expected] * 300)
