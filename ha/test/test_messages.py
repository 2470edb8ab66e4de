"""What all messages share."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.postgres import messages
from ha.postgres.answers import (
    BACKEND,
)
from ha.postgres.decoder import Decoder
from ha.postgres.messages import CopyData, CopyDone, Unreadable, string
from ha.postgres.questions import (
    FRONTEND,
)


def decoded(kinds: tuple[type, ...], data: bytes, pieces: int) -> list[Any]:
    """What comes out when `data` is fed `pieces` bytes at a time."""
    decoder = Decoder(kinds)
    decoder.bytes_max = messages.MESSAGE_BYTES_MAX
    found = []
    for at in range(0, len(data), pieces):
        decoder.feed(data[at : at + pieces])
        while (message := decoder.next()) is not None:
            found.append(message)
    return found


class MessageCase(SynchronousTestCase):
    """Messages that travel."""

    def assert_travels(self, kinds: tuple[type, ...], sent: tuple[Any, ...]) -> None:
        """The same on the other side, however the bytes are cut."""
        data = b"".join(message.encode() for message in sent)
        for pieces in (len(data), 1, 7):
            self.assertEqual(decoded(kinds, data, pieces), list(sent), f"{pieces} bytes at a time")


class MessageTests(MessageCase):
    """What goes both ways."""

    def test_rows_of_copy(self) -> None:
        """From either side."""
        for kinds in (FRONTEND, BACKEND):
            self.assert_travels(kinds, (CopyData(b"1\tx\n"), CopyData(b""), CopyDone()))

    def test_fields(self) -> None:
        """Texts end with a zero, and must be texts."""
        self.assertEqual(string(b"a\0b\0", 2), ("b", 4))
        for body in (b"", b"abc", b"\xff\0"):
            self.assertRaises(Unreadable, string, body, 0)
