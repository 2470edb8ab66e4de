"""``ha``: what an operator asks of a running node, from a shell, over HTTP.

::

    ha status                            ha conflicts                  ha snapshot
    ha conflicts show 7                  ha conflicts restore 7        ha skip 1234

The node is that of ``--url`` (http://localhost:8080), with the token of ``--token`` or ``HA_TOKEN``. What it answers is
printed as JSON; an error is one line, and exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import treq
from twisted.internet.defer import Deferred
from twisted.internet.task import react

#: How long a node may take to answer (seconds): a snapshot is a copy of the whole database.
TIMEOUT_S = 600


class Failed(Exception):
    """The node did not do it. The text is one line."""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line; argparse ends the process over a mistake."""
    parser = argparse.ArgumentParser(prog="ha", description="Ask a running node.")
    parser.add_argument("--url", default="http://localhost:8080", help="where the node's HTTP port is")
    parser.add_argument("--token", default=os.environ.get("HA_TOKEN", ""), help="its --token; default: HA_TOKEN")
    parser.add_argument("--database", default="", help="which database; default: the node's first")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="how the node is")
    commands.add_parser("snapshot", help="store a snapshot for nodes that join")
    conflicts = commands.add_parser("conflicts", help="row versions that lost their places")
    conflicts.add_argument("what", nargs="?", choices=("list", "show", "restore"), default="list")
    conflicts.add_argument("number", nargs="?", type=int, help="which one")
    skip = commands.add_parser("skip", help="pass over a message that cannot be applied")
    skip.add_argument("position", type=int, help="its position, as /readyz tells it")
    asked = parser.parse_args(words)
    if asked.command == "conflicts" and (asked.what == "list") != (asked.number is None):
        parser.error("conflicts [list] | conflicts show NUMBER | conflicts restore NUMBER")
    return asked


def request(asked: argparse.Namespace) -> tuple[str, str]:
    """Method and path of what was asked."""
    options = {"database": asked.database} if asked.database else {}
    if asked.command == "status":
        return "GET", "/status"
    if asked.command == "snapshot":
        return "POST", f"/databases/{quote(asked.database, safe='')}/snapshot" if asked.database else "/snapshot"
    if asked.command == "skip":
        return "POST", "/replication/skip?" + urlencode({"position": asked.position} | options)
    query = "?" + urlencode(options) if options else ""
    if asked.what == "list":
        return "GET", "/conflicts" + query
    if asked.what == "show":
        return "GET", f"/conflicts/{asked.number}{query}"
    return "POST", f"/conflicts/{asked.number}/restore{query}"


async def ask(asked: argparse.Namespace, send: Callable[..., Any] = treq.request) -> str:
    """What the node answers, for people to read.

    :raises Failed: it cannot be reached, or refused.
    """
    method, path = request(asked)
    headers = {"Authorization": f"Bearer {asked.token}"} if asked.token else {}
    try:
        response = await send(method, asked.url.rstrip("/") + path, headers=headers, timeout=TIMEOUT_S)
        body = await response.text()
    except Exception as error:  # one of a dozen ways not to reach somebody
        raise Failed(f"{asked.url} cannot be reached: {error}") from None
    try:
        answer = json.loads(body)
    except ValueError:
        raise Failed(f"{asked.url} answered {response.code}, not as a node would") from None
    if response.code != 200:
        raise Failed(f"{answer['error']['message']} ({response.code})")
    return json.dumps(answer, indent=2, ensure_ascii=False)


def main() -> None:
    """The console script."""
    asked = parse(sys.argv[1:])

    async def run() -> None:
        try:
            print(await ask(asked))
        except Failed as error:
            raise SystemExit(f"ha: {error}") from None

    react(lambda reactor: Deferred.fromCoroutine(run()))
