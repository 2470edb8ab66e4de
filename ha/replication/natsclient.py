"""nats-py's connection, made prompt: what it hears and what it sends waits for no other turn of the loop.

The library connects, greets, proves who we are, speaks TLS, reads the protocol and watches that the other end lives. Between those and
us it has a queue and a task for each subscription, and a queue, a future and a task for each flush: of a lone write they were
136 of 387 calls of Python, and of applying a message more than half. Here both ways are short: a message is handed over in the turn in
which it is read, and a command is with the loop, which writes all of a turn at once, when the call returns.

Two methods of the library that are not public are replaced, ``_process_msg`` and ``_flush_pending``, and ``_send_command`` is called;
the tests hold them against a real server.

Only this module and :mod:`ha.replication.link` import nats-py. Runs in the reactor's thread, on Twisted's asyncio reactor.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from nats.aio import client
from nats.protocol import command

#: How a block of headers begins; a status may follow on the same line.
_VERSION = "NATS/1.0"


class Arrived(NamedTuple):
    """A message on a subject that is listened to.

    :param headers: a status on their first line is among them, as ``Status`` and ``Description``. None: it has none.
    """

    subject: str
    reply: str
    data: bytes
    headers: Mapping[str, str] | None


def at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine of nats-py that waits for nothing: without a limit on what is pending, sending does not."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError(f"{coroutine!r} waits")


def headers_of(block: bytes) -> dict[str, str]:
    """A message's headers. https://docs.nats.io/reference/reference-protocols/nats-protocol#hmsg"""
    first, *lines = block.decode("utf-8", "replace").split("\r\n")
    headers: dict[str, str] = {}
    if first != _VERSION:
        headers["Status"], _, headers["Description"] = first.removeprefix(_VERSION).strip().partition(" ")
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers


class Client(client.Client):
    """One connection, whose subscriptions are :meth:`listen`'s alone."""

    def __init__(self) -> None:
        super().__init__()
        self._receivers: dict[int, Callable[[Arrived], None]] = {}

    def listen(self, subject: str, receive: Callable[[Arrived], None]) -> Callable[[], None]:
        """Call `receive`, which must not raise, with each message from now on, in the turn in which it is read.

        :returns: what ends it: not one message more.
        """
        self._sid += 1
        sid = self._sid
        self._receivers[sid] = receive
        self._say(command.sub_cmd(subject, "", sid))

        def end() -> None:
            del self._receivers[sid]
            self._say(command.unsub_cmd(sid, 0))

        return end

    def _say(self, words: bytes) -> None:
        at_once(self._send_command(words))
        at_once(self._flush_pending())

    # Called by the library

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        receive = self._receivers.get(sid)
        if receive is not None:
            receive(Arrived(subject.decode(), reply.decode(), data, headers_of(headers) if headers else None))

    async def _flush_pending(self, force_flush: bool = False) -> None:
        if self._pending and self.is_connected and self._transport is not None:
            pending, self._pending, self._pending_data_size = self._pending, [], 0
            self._transport.writelines(pending)
