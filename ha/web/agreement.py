"""What an operator decides about rows: versions that lost their places, and a message that cannot be applied.

Every page takes ``?database=NAME``; the first database is meant where it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qs

from ha.web.exchange import Exchange
from ha.web.respond import Refusal, encode


class Agreement(Protocol):
    """What these pages ask of a node."""

    def databases(self) -> list[str]:
        """The names, the first ``--db`` first."""

    async def conflicts(self, database: str, after: int) -> Sequence[Mapping[str, object]]:
        """The versions that lost their places, oldest first, behind number `after`."""

    async def conflict(self, database: str, number: int) -> Mapping[str, object] | None:
        """One of them; None: there is none."""

    async def restore_conflict(self, database: str, number: int) -> Mapping[str, object]:
        """Put it back as a new write.

        :raises ha.errors.StatementError: there is none, or it cannot be written.
        """

    async def skip(self, database: str, position: int) -> None:
        """Pass over the message at `position`, which cannot be applied.

        :raises ha.errors.StatementError: the database does not stand before it.
        """


async def list_conflicts(exchange: Exchange, node: Agreement) -> None:
    """``GET /conflicts?after=NUMBER``."""
    asked = _asked(exchange, node)
    exchange.answer(200, encode(list(await node.conflicts(asked["database"], _number(asked.get("after", "0"))))))


async def show_conflict(exchange: Exchange, node: Agreement, number: str) -> None:
    """``GET /conflicts/<id>``.

    :raises Refusal: there is none.
    """
    found = await node.conflict(_asked(exchange, node)["database"], _number(number))
    if found is None:
        raise Refusal(404, "not_found", f"there is no conflict {number}")
    exchange.answer(200, encode(dict(found)))


async def restore_conflict(exchange: Exchange, node: Agreement, number: str) -> None:
    """``POST /conflicts/<id>/restore``: the version is written again, over what stands there now."""
    restored = await node.restore_conflict(_asked(exchange, node)["database"], _number(number))
    exchange.answer(200, encode({"restored": dict(restored)}))


async def skip(exchange: Exchange, node: Agreement) -> None:
    """``POST /replication/skip?position=N``: the node differs from the others afterwards, where N would have written."""
    asked = _asked(exchange, node)
    if "position" not in asked:
        raise Refusal(400, "bad_option", "say which one: ?position=N, as /readyz tells it")
    position = _number(asked["position"])
    await node.skip(asked["database"], position)
    exchange.answer(200, encode({"database": asked["database"], "skipped": position}))


def _asked(exchange: Exchange, node: Agreement) -> dict[str, str]:
    """The URL's options, with the database's name filled in.

    :raises Refusal: there is no such database.
    """
    query = exchange.uri.partition(b"?")[2].decode("ascii", "replace")
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    database = asked.setdefault("database", node.databases()[0])
    if database not in node.databases():
        raise Refusal(404, "unknown_database", f"there is no database {database} here")
    return asked


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        raise Refusal(400, "bad_option", f"{word[:100]!r} is not a number")
    return int(word)
