"""Where requests begin and end: cut anywhere, refused where they could be read in two ways."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.web import framing
from ha.web.framing import HEAD_BYTES_MAX, HEADERS_MAX, Head, Reader, Unreadable

HOST = b"Host: localhost\r\n"
GET = b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
PLAIN = POST + b"Content-Length: 5\r\n\r\nabcde"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: z\r\n\r\n"


def heard(*pieces: bytes) -> list[tuple[Head, bytes]]:
    """Whole requests with their bodies, as a connection takes them. Closed by an error, if there is one."""
    reader = Reader()
    found: list[tuple[Head, bytes]] = []
    head, body = None, b""
    for data in pieces:
        reader.feed(data)
        while True:
            if head is None:
                head, body = reader.head(), b""
                if head is None:
                    break
            while (piece := reader.piece()) is not None:
                assert piece, "a piece is never empty"
                body += piece
            if not reader.ended:
                break
            found.append((head, body))
            head = None
    return found


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


class ReaderTests(SynchronousTestCase):
    """A client that means well."""

    def test_a_head(self) -> None:
        """Names are spelled in one way, values stand without the white space around them, in their order."""
        ((head, body),) = heard(
            b"PATCH /x HTTP/1.1\r\nhOST:localhost\r\nX-HA-seq: \t a b \r\nx-ha-seq:2\r\nAccept:\r\n\r\n"
        )
        self.assertEqual((head.method, head.target, head.version, body), (b"PATCH", b"/x", b"HTTP/1.1", b""))
        self.assertEqual(head.headers, {b"Host": [b"localhost"], b"X-Ha-Seq": [b"a b", b"2"], b"Accept": [b""]})
        self.assertEqual((head.length, head.persistent, head.expects), (0, True, False))

    def test_cut_anywhere(self) -> None:
        """It means the same."""
        stream = GET + PLAIN + CHUNKED + b"\r\n" + GET
        whole = heard(stream)
        self.assertEqual([body for _, body in whole], [b"", b"abcde", b"abcde", b""])
        self.assertEqual([head.length for head, _ in whole], [0, 5, None, 0])
        self.assertEqual(heard(*one_by_one(stream)), whole)
        for at in range(len(stream)):
            self.assertEqual(heard(stream[:at], stream[at:]), whole)

    def test_who_goes_on(self) -> None:
        """HTTP/1.1, unless it says otherwise."""
        for text, persistent in (
            (GET, True),
            (GET.replace(b"\r\n\r\n", b"\r\nConnection: Keep-Alive, close\r\n\r\n"), False),
            (GET.replace(b"\r\n\r\n", b"\r\nConnection: CLOSE\r\n\r\n"), False),
            (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
        ):
            self.assertEqual([head.persistent for head, _ in heard(text)], [persistent], text)

    def test_who_waits_for_a_word(self) -> None:
        """Before the body; HTTP/1.0 knows no such thing."""
        expecting = b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\nabcde"
        self.assertTrue(heard(POST + expecting)[0][0].expects)
        self.assertFalse(heard(b"POST / HTTP/1.0\r\n" + expecting)[0][0].expects)

    def test_equal_heads_are_read_once(self) -> None:
        """But what only one client may know is not kept, nor what is long."""
        self.assertIs(heard(GET)[0][0], heard(GET)[0][0])
        for line in (b"Authorization: Bearer s3cret", b"cookie: s3cret", b"X: " + b"s3cret" * 200):
            heard(GET.replace(b"\r\n\r\n", b"\r\n%b\r\n\r\n" % line))
        self.assertFalse(any(b"s3cret" in text for text in framing._remembered))

    def test_what_is_remembered_is_bounded(self) -> None:
        """Both the heads and the names."""
        for number in range(framing.REMEMBERED_MAX + 10):
            heard(b"GET / HTTP/1.1\r\nHost: localhost\r\nX%d: y\r\n\r\n" % number)
        self.assertLessEqual(len(framing._remembered), framing.REMEMBERED_MAX)
        self.assertLessEqual(len(framing._names), framing.NAMES_MAX)


class RefusalTests(SynchronousTestCase):
    """A client that does not, or cannot say it."""

    def refused(self, data: bytes, status: int = 400) -> None:
        """At once, cut and whole."""
        for pieces in ([data], one_by_one(data)):
            with self.assertRaises(Unreadable, msg=repr(data[:200])) as caught:
                heard(*pieces)
            self.assertEqual(caught.exception.status, status, data[:200])

    def test_lines_that_are_no_request(self) -> None:
        """Told as soon as the line is there, without waiting for the rest of the head."""
        for line in (b"GET", b"GET /", b"GET  / HTTP/1.1", b"GET / HTTP/1.2", b"GET / http/1.1", b"G@T / HTTP/1.1",
                     b"GET /\x7f HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"GET /\tHTTP/1.1",
                     b"GET /\nHTTP/1.1", b"\x16\x03\x01\x02"):  # fmt: skip
            self.refused(line + b"\r\n")

    def test_header_lines(self) -> None:
        """White space where none may be, no name, a folded line, half a line's end, a zero."""
        for line in (b"Name : x", b" Name: x", b"\tName: x", b": x", b"Name", b"Na me: x", b"X: a\r\n b", b"X: a\rb", b"X: a\nb",
                     b"X: a\n", b"X: a\r", b"X: \0", b"\xc3\xa9: x"):  # fmt: skip
            self.refused(POST + line + b"\r\n\r\n")

    def test_lengths(self) -> None:
        """One, in digits, and none beside chunks."""
        for lines in (b"Content-Length: 1\r\nContent-Length: 1", b"Content-Length: 1, 1", b"Content-Length:", b"Content-Length: +1",
                      b"Content-Length: -1", b"Content-Length: 0x1", b"Content-Length: 1 1", b"Content-Length: " + b"1" * 19,
                      b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\ncontent-length: 1",
                      b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
                      b"Transfer-Encoding: identity", b"Transfer-Encoding:", b"Transfer-Encoding: \x0bchunked"):  # fmt: skip
            self.refused(POST + lines + b"\r\n\r\n")
        self.refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")

    def test_hosts(self) -> None:
        """One, where it is asked for."""
        self.refused(b"GET / HTTP/1.1\r\n\r\n")
        self.refused(POST + HOST + b"\r\n")

    def test_codings(self) -> None:
        """Nothing is unpacked."""
        self.refused(POST + b"Content-Encoding: gzip\r\n\r\n", 415)

    def test_chunks(self) -> None:
        """Each says how long it is, and is that long."""
        chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for body in (b"\r\n", b"x\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"-1\r\n", b"1 1\r\n", b"_1\r\n", b"1\r\nab\r\n", b"1\r\na\n0\r\n\r\n",
                     b"1;\0\r\n", b"1\n\r\n", b"f" * 16 + b"\r\n", b"1;" + b"x" * framing.CHUNK_LINE_BYTES_MAX + b"\r\n"):  # fmt: skip
            self.refused(chunked + body)
        self.refused(chunked + b"0\r\n" + (b"X: " + b"x" * 1000 + b"\r\n") * 17, 431)

    def test_limits(self) -> None:
        """A head's bytes and lines, whether it ends or not."""
        line = b"X: " + b"x" * (HEAD_BYTES_MAX - len(POST) - 3)
        self.assertEqual(len(heard(POST + line + b"\r\n\r\n")), 1)
        self.refused(POST + line + b"x\r\n\r\n", 431)
        self.refused(POST + line + b"xxxx", 431)
        self.refused(b"G" * (HEAD_BYTES_MAX + 1), 431)
        self.assertEqual(len(heard(POST + b"X: y\r\n" * (HEADERS_MAX - 1) + b"\r\n")), 1)
        self.refused(POST + b"X: y\r\n" * HEADERS_MAX + b"\r\n")

    @given(
        st.lists(
            st.sampled_from(
                [b"GET / HTTP/1.1\r\n", HOST, b"\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"abc",
                 b"3\r\n", b"0\r\n", b"\r", b"\n", b" ", b":", b"\0", PLAIN, CHUNKED, GET]
            ) | st.binary(max_size=4),
            max_size=12,
        ),
        st.randoms(use_true_random=False),
    )  # fmt: skip
    @settings(max_examples=500, deadline=None)
    def test_anything(self, parts: list[bytes], random: object) -> None:
        """Whatever comes is read, waited for or refused, and however it is cut it is the same."""
        data = b"".join(parts)
        seen = []
        for pieces in ([data], one_by_one(data)):
            try:
                seen.append((heard(*pieces), None))
            except Unreadable as error:
                seen.append(([], error.status))
        self.assertEqual(seen[0], seen[1])
