"""The console script."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ha.command import Failed, ask, parse, request


class Response:
    """What a node answered."""

    def __init__(self, code: int, body: str) -> None:
        self.code = code
        self._body = body

    async def text(self) -> str:
        """Its body."""
        return self._body


class CommandTests(SynchronousTestCase):
    """From words to a request, and from the answer to lines."""

    def ask(self, *words: str, code: int = 200, body: str = "{}") -> Any:
        """What is printed; the request is in `sent`."""
        self.sent: list[Any] = []

        async def send(method: str, url: str, **options: Any) -> Response:
            self.sent.append((method, url, options["headers"]))
            return Response(code, body)

        return Deferred.fromCoroutine(ask(parse(words), send))

    def test_every_command_is_one_request(self) -> None:
        """The database is named only if it was."""
        for words, expected in {
            "status": ("GET", "/status"),
            "snapshot": ("POST", "/snapshot"),
            "--database a/b snapshot": ("POST", "/databases/a%2Fb/snapshot"),
            "conflicts": ("GET", "/conflicts"),
            "--database b conflicts list": ("GET", "/conflicts?database=b"),
            "conflicts show 7": ("GET", "/conflicts/7"),
            "conflicts restore 7": ("POST", "/conflicts/7/restore"),
            "--database b skip 9": ("POST", "/replication/skip?position=9&database=b"),
        }.items():
            self.assertEqual(request(parse(words.split())), expected, words)

    def test_the_token_is_sent(self) -> None:
        """To the node that was named."""
        self.successResultOf(self.ask("--url", "http://far:1/", "--token", "secret", "status"))
        self.assertEqual(self.sent, [("GET", "http://far:1/status", {"Authorization": "Bearer secret"})])

    def test_the_answer_is_for_reading(self) -> None:
        """Indented, with letters as letters."""
        shown = self.successResultOf(self.ask("status", body=json.dumps({"node": "ü"})))
        self.assertEqual(shown, '{\n  "node": "ü"\n}')

    def test_an_error_is_one_line(self) -> None:
        """The node's own words; or that it is no node."""
        body = json.dumps({"error": {"message": "there is no conflict 7"}})
        failure = self.failureResultOf(self.ask("conflicts", "show", "7", code=404, body=body), Failed)
        self.assertEqual(str(failure.value), "there is no conflict 7 (404)")
        failure = self.failureResultOf(self.ask("status", code=502, body="<html>"), Failed)
        self.assertIn("not as a node would", str(failure.value))
