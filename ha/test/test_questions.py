"""What clients say, through bytes and back."""

from __future__ import annotations

from ha.postgres import messages
from ha.postgres.decoder import Decoder
from ha.postgres.messages import CopyData, CopyDone
from ha.postgres.questions import (
    FRONTEND,
    AuthenticationAnswer,
    Bind,
    CancelRequest,
    Close,
    CopyFail,
    Describe,
    Execute,
    Flush,
    FunctionCall,
    GSSENCRequest,
    Parse,
    Query,
    SSLRequest,
    StartupMessage,
    Sync,
    Terminate,
)
from ha.test.test_messages import MessageCase

FROM_CLIENTS = (
    AuthenticationAnswer(b"ha\0"),
    Bind("p", "s", (0, 1), (b"7", None, b""), (1,)),
    Bind("", ""),
    Close("S", "s"),
    CopyData(b"1\tx\n"),
    CopyDone(),
    CopyFail("no"),
    Describe("P", ""),
    Execute("p", 100),
    Flush(),
    FunctionCall(957, (1, 0), (b"\0\0\0\1", None), 1),
    Parse("s", "SELECT $1", (23, 0)),
    Query("SELECT 'é'"),
    Sync(),
    Terminate(),
)
OPENINGS = (
    SSLRequest(),
    GSSENCRequest(),
    CancelRequest(4711, b"\1\2\3\4"),
    CancelRequest(4711, b"k" * 256),
    StartupMessage(messages.PROTOCOL_3_0, {"user": "ha", "database": "test"}),
    StartupMessage(messages.PROTOCOL_3_0 + 2, {"user": "ha", "_pq_.x": ""}),
)


class QuestionTests(MessageCase):
    """Each is the same after a journey through bytes."""

    def test_what_clients_say(self) -> None:
        """Every message of a client."""
        self.assertEqual({message.__class__ for message in FROM_CLIENTS}, set(FRONTEND))
        self.assert_travels(FRONTEND, FROM_CLIENTS)

    def test_how_clients_begin(self) -> None:
        """The packets without a tag."""
        for message in OPENINGS:
            for pieces in (1, 1000):
                decoder = Decoder()
                found = []
                data = message.encode()
                for at in range(0, len(data), pieces):
                    decoder.feed(data[at : at + pieces])
                    found.append(decoder.opening())
                self.assertEqual([one for one in found if one is not None], [message])
