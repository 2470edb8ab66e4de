"""What servers say, through bytes and back."""

from __future__ import annotations

from ha.postgres.answers import (
    BACKEND,
    Authentication,
    BackendKeyData,
    BindComplete,
    CloseComplete,
    CommandComplete,
    CopyInResponse,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    FieldDescription,
    FunctionCallResponse,
    NegotiateProtocolVersion,
    NoData,
    NoticeResponse,
    NotificationResponse,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    PortalSuspended,
    ReadyForQuery,
    RowDescription,
)
from ha.postgres.messages import CopyData, CopyDone
from ha.test.test_messages import MessageCase

FROM_SERVERS = (
    Authentication(0),
    Authentication(10, b"SCRAM-SHA-256\0\0"),
    BackendKeyData(4711, b"\1\2\3\4"),
    BindComplete(),
    CloseComplete(),
    CommandComplete("SELECT 1"),
    CopyInResponse(1, (1, 1)),
    CopyOutResponse(0, (0,)),
    DataRow((b"1", None, b"")),
    EmptyQueryResponse(),
    ErrorResponse(
        "ERROR", "23505", "duplicate", "Key (a)=(1) already exists.", None, 7, "public", "t", "a", None, "t_pkey"
    ),
    FunctionCallResponse(b"\0\0\0\7"),
    FunctionCallResponse(b""),
    FunctionCallResponse(None),
    NegotiateProtocolVersion(0, ("_pq_.x",)),
    NoData(),
    NoticeResponse("WARNING", "25P01", "there is no transaction in progress"),
    NotificationResponse(4711, "ch", "hi"),
    ParameterDescription((20, 25)),
    ParameterStatus("TimeZone", "UTC"),
    ParseComplete(),
    PortalSuspended(),
    ReadyForQuery("I"),
    RowDescription((FieldDescription("a", 16384, 1, 20, 8, -1, 0),)),
)


class AnswerTests(MessageCase):
    """Each is the same after a journey through bytes."""

    def test_what_servers_say(self) -> None:
        """Every message of a server."""
        self.assertLessEqual(set(BACKEND) - {message.__class__ for message in FROM_SERVERS}, {CopyData, CopyDone})
        self.assert_travels(BACKEND, FROM_SERVERS)

    def test_a_report_leaves_out_what_it_does_not_know(self) -> None:
        """Absent fields are absent, not empty."""
        self.assertEqual(ErrorResponse("ERROR", "42601", "no").encode(), b"E\0\0\0\x1eSERROR\0VERROR\0C42601\0Mno\0\0")

    def test_a_report_survives_what_cannot_be_sent(self) -> None:
        """A zero byte in a message would end the field: it is left out."""
        self.assertIn(b"Mab\0", ErrorResponse("ERROR", "42601", "a\0b").encode())
