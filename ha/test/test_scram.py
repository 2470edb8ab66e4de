"""How clients prove who they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
from struct import pack
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.postgres.answers import Authentication
from ha.postgres.scram import Verifier, cleartext, scram

#: The exchange of RFC 7677, section 3.
RFC_SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
RFC_CLIENT_NONCE, RFC_SERVER_NONCE = "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
RFC_CLIENT_FIRST = f"n,,n=user,r={RFC_CLIENT_NONCE}"
RFC_SERVER_FIRST = f"r={RFC_CLIENT_NONCE}{RFC_SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
RFC_CLIENT_FINAL = f"c=biws,r={RFC_CLIENT_NONCE}{RFC_SERVER_NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
RFC_SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
VERIFIER = Verifier.of("pencil", salt=RFC_SALT, iterations=4096)


def initial(message: str, mechanism: str = "SCRAM-SHA-256") -> bytes:
    """A SASLInitialResponse."""
    return mechanism.encode() + b"\0" + pack("!i", len(message)) + message.encode()


def answer_to(server_first: str, client_first_bare: str, password: str, binding: bytes = b"n,,") -> bytes:
    """What a client that knows `password` says last."""
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    without = f"c={base64.b64encode(binding).decode()},r={fields['r']}"
    signature = hmac.digest(
        hashlib.sha256(key).digest(), f"{client_first_bare},{server_first},{without}".encode(), "sha256"
    )
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    return f"{without},p={base64.b64encode(proof).decode()}".encode()


def outcome(exchange: Any, *answers: bytes) -> tuple[list[Authentication], Any]:
    """What the server says to these answers, and how it ends: the user's name or the error."""
    said = []
    try:
        said.append(exchange.send(None))
        for answer in answers:
            said.append(exchange.send(answer))
        said.append(exchange.send(b""))
    except StopIteration as end:
        return said, end.value
    except StatementError as error:
        return said, error.sqlstate
    return said, None


class CleartextTests(SynchronousTestCase):
    """The password itself."""

    def enter(self, body: bytes) -> Any:
        return outcome(cleartext("ha", lambda user, password: (user, password) == ("ha", "sésame")), body)

    def test_the_right_one(self) -> None:
        """It is asked for, and lets one in."""
        self.assertEqual(self.enter("sésame\0".encode()), ([Authentication(3)], "ha"))

    def test_wrong_ones(self) -> None:
        """28P01, also for bytes that are no text."""
        for body in (b"other\0", b"\0", b"\xff\0"):
            self.assertEqual(self.enter(body)[1], "28P01")

    def test_what_is_no_password(self) -> None:
        """Without its zero, or with another one inside."""
        for body in (b"", b"ha", b"h\0a\0"):
            self.assertEqual(self.enter(body)[1], "08P01")


class ScramTests(SynchronousTestCase):
    """RFC 5802 and 7677."""

    def enter(self, *answers: bytes, user: str = "user", certificate: bytes | None = None) -> Any:
        exchange = scram(user, {"user": VERIFIER}.get, certificate, nonce=RFC_SERVER_NONCE)
        return outcome(exchange, *answers)

    def test_the_example_of_the_rfc(self) -> None:
        """Byte for byte, with the server's own proof at the end."""
        said, user = self.enter(initial(RFC_CLIENT_FIRST), RFC_CLIENT_FINAL.encode())
        self.assertEqual(user, "user")
        self.assertEqual(
            said,
            [
                Authentication(10, b"SCRAM-SHA-256\0\0"),
                Authentication(11, RFC_SERVER_FIRST.encode()),
                Authentication(12, RFC_SERVER_FINAL.encode()),
            ],
        )

    def test_a_wrong_password(self) -> None:
        """28P01 after the proof, and no proof of ours."""
        said, end = self.enter(initial(RFC_CLIENT_FIRST), answer_to(RFC_SERVER_FIRST, RFC_CLIENT_FIRST[3:], "pen"))
        self.assertEqual((len(said), end), (2, "28P01"))

    def test_an_unknown_user_sees_nothing_else(self) -> None:
        """The same steps, the same salt at each try, the same error."""
        salts = set()
        for _ in range(2):
            exchange = scram("nobody", {}.get, nonce="x")
            exchange.send(None)
            first = exchange.send(initial("n,,n=,r=abc")).body.decode()
            salts.add(first.split(",")[1])
            error = self.assertRaises(StatementError, exchange.send, answer_to(first, "n=,r=abc", "pencil"))
            self.assertEqual(error.sqlstate, "28P01")
        self.assertEqual(len(salts), 1)

    def test_channel_binding(self) -> None:
        """Over TLS the client may tie the login to the certificate it sees."""
        header = b"p=tls-server-end-point,,"
        for seen, end in ((b"hash", "user"), (b"another", "28000")):
            answer = answer_to(RFC_SERVER_FIRST, RFC_CLIENT_FIRST[3:], "pencil", header + seen)
            said, ended = self.enter(
                initial(header.decode() + RFC_CLIENT_FIRST[3:], "SCRAM-SHA-256-PLUS"), answer, certificate=b"hash"
            )
            self.assertEqual(said[0].body, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
            self.assertEqual(ended, end)

    def test_an_offer_that_was_tampered_with(self) -> None:
        """A client that could bind and did not see our offer says so, and is not let in."""
        self.assertEqual(self.enter(initial("y,,n=user,r=abc"), certificate=b"hash")[1], "28000")
        said, _ = self.enter(initial("y,,n=user,r=abc"))
        self.assertEqual(len(said), 2, "without TLS we offer none: it is right, and asked on")

    def test_rubbish(self) -> None:
        """At each step an error and never more."""
        for first in (
            b"", b"SCRAM-SHA-256", b"SCRAM-SHA-256\0\0\0\0\7n,,", initial("hello"), initial("n,,n=user"), initial("n,,n=user,r="),
            initial(RFC_CLIENT_FIRST, "PLAIN"), initial(RFC_CLIENT_FIRST, "SCRAM-SHA-256-PLUS"), initial("p=x,,n=u,r=a"),
            b"SCRAM-SHA-256\0\0\0\0\1\xff",
        ):  # fmt: skip
            self.assertEqual(self.enter(first)[1], "08P01", first)
        for final in (
            b"",
            b"c=biws",
            b"\xff",
            RFC_CLIENT_FINAL.replace("r=r", "r=s").encode(),
            RFC_CLIENT_FINAL.encode()[:-4],
        ):
            self.assertEqual(self.enter(initial(RFC_CLIENT_FIRST), final)[1], "08P01", final)


class VerifierTests(SynchronousTestCase):
    """What is stored in place of a password."""

    def test_written_and_read(self) -> None:
        """PostgreSQL's own form."""
        self.assertEqual(Verifier.parse(str(VERIFIER)), VERIFIER)
        self.assertTrue(str(VERIFIER).startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"))

    def test_what_is_none(self) -> None:
        """Passwords in the clear, MD5, keys of another length."""
        for text in ("pencil", "md5abc", "SCRAM-SHA-256$4096:YWJj$YWJj:YWJj", "SCRAM-SHA-256$4096:a$b:c"):
            self.assertRaises(ValueError, Verifier.parse, text)
