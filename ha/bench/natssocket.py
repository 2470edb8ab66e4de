"""A blocking NATS client that publishes to JetStream, and writes the protocol's bytes itself.

https://docs.nats.io/reference/reference-protocols/nats-protocol. It is what the wire allows: the acknowledgements are counted, not
matched.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable

#: Publishes that wait for their acknowledgement.
WINDOW = 1024

#: How long the server may be silent (seconds).
SILENCE_MAX_S = 30.0

_INBOX = b"_INBOX.bench"


class NotStored(Exception):
    """The log did not take a message; the text is its answer."""


class Publisher:
    """One connection.

    :raises OSError: nobody is there.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_MAX_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb", buffering=1 << 20)
        self._file.readline()  # INFO
        self._socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB %b 1\r\n' % _INBOX)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def create_stream(self, name: str, subject: str) -> None:
        """A stream on disk, as the nodes' own.

        :raises NotStored: the server did not.
        """
        wanted = {"name": name, "subjects": [subject], "storage": "file", "retention": "limits", "num_replicas": 1}
        self._publish(b"$JS.API.STREAM.CREATE." + name.encode(), json.dumps(wanted).encode())
        self._answer()

    def store(self, subject: str, bodies: Iterable[bytes], window: int = WINDOW) -> int:
        """Publish all, at most `window` of them on their way; how many were stored.

        :raises NotStored: one was not.
        """
        name = subject.encode()
        under_way = stored = 0
        pieces: list[bytes] = []
        for body in bodies:
            pieces.append(b"PUB %b %b %d\r\n%b\r\n" % (name, _INBOX, len(body), body))
            under_way += 1
            # The answers of half a window free room for as many: fewer, larger writes.
            if under_way == window:
                self._socket.sendall(b"".join(pieces))
                pieces.clear()
                for _ in range(max(1, window // 2)):
                    self._answer()
                    under_way -= 1
                    stored += 1
        self._socket.sendall(b"".join(pieces))
        for _ in range(under_way):
            self._answer()
            stored += 1
        return stored

    def _publish(self, subject: bytes, body: bytes) -> None:
        self._socket.sendall(b"PUB %b %b %d\r\n%b\r\n" % (subject, _INBOX, len(body), body))

    def _answer(self) -> None:
        while True:
            line = self._file.readline()
            if line.startswith((b"MSG ", b"HMSG ")):
                body = self._file.read(int(line.split()[-1]) + 2)
                if line.startswith(b"HMSG ") or b'"error"' in body:
                    raise NotStored(body.decode("utf-8", "replace"))
                return
            if line.startswith(b"PING"):
                self._socket.sendall(b"PONG\r\n")
            elif line.startswith(b"-ERR") or not line:
                raise NotStored(line.decode("utf-8", "replace") or "the server hung up")
