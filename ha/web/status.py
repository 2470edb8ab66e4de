"""How a node is: alive, ready, its state in numbers and in words, and who follows its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ha.metrics import CONTENT_TYPE, Metrics
from ha.web.exchange import Exchange
from ha.web.respond import RETRY_AFTER, Refusal, encode


class Condition(Protocol):
    """What these pages ask of a node."""

    def readiness(self) -> Sequence[str]:
        """Why clients should not be sent here yet, one sentence each; empty when they should."""

    async def notices(self) -> Sequence[str]:
        """What somebody should look at, though the node serves clients; one sentence each."""

    def status(self) -> Mapping[str, object]:
        """Everything there is to say, as JSON would have it."""

    async def replications(self) -> Sequence[Mapping[str, object]]:
        """The durable consumers of the log, as JSON would have it, each with its ``name``."""

    async def remove_replication(self, name: str) -> bool:
        """Remove one. False: there is none of that name."""


async def healthz(exchange: Exchange) -> None:
    """``GET /healthz``: the process is alive and its reactor turns."""
    exchange.answer(200, b'{"status":"ok"}')


async def readyz(exchange: Exchange, node: Condition) -> None:
    """``GET /readyz``: clients may be sent here, or 503 and the reasons why not. What is to be looked at stands there either way."""
    reasons = node.readiness()
    notices = await node.notices()
    told = {"notices": list(notices)} if notices else {}
    if reasons:
        exchange.answer(503, encode({"status": "not ready", "reasons": list(reasons)} | told), RETRY_AFTER)
    else:
        exchange.answer(200, encode({"status": "ready"} | told))


async def status(exchange: Exchange, node: Condition) -> None:
    """``GET /status``."""
    exchange.answer(200, encode(node.status()))


async def metrics(exchange: Exchange, counted: Metrics) -> None:
    """``GET /metrics``, for Prometheus."""
    exchange.answer(200, counted.exposition(), content_type=CONTENT_TYPE)


async def list_replications(exchange: Exchange, node: Condition) -> None:
    """``GET /replications``."""
    exchange.answer(200, encode(list(await node.replications())))


async def remove_replication(exchange: Exchange, node: Condition, name: str) -> None:
    """``DELETE /replications/<name>``.

    :raises Refusal: there is none.
    """
    if not await node.remove_replication(name):
        raise Refusal(404, "unknown_replication", f"there is no replication {name}")
    exchange.answer(200, encode({"removed": name}))
