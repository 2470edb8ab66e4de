"""How a client proves who it is: cleartext password and SCRAM-SHA-256, each told as a generator. [pure]

A login yields what the server says, is sent the body of the client's answer, and returns the user's name or raises
:class:`StatementError` (28P01). It reads in the order it happens.

SCRAM (RFC 5802, RFC 7677; https://www.postgresql.org/docs/15/sasl-authentication.html) never sees the password: the server keeps a
:class:`Verifier`, from which nobody can log in. With a certificate's hash at hand the ``-PLUS`` form is offered too, which binds the
login to this very TLS connection. An unknown user is led through the same exchange with a made-up verifier, so that nobody learns
which names exist.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Generator
from dataclasses import dataclass
from struct import error as StructError
from struct import unpack_from

from ha.errors import StatementError
from ha.postgres.answers import Authentication

#: Rounds of PBKDF2 for a new verifier (PostgreSQL's default); the client pays for them, not the server.
ITERATIONS = 4096
SALT_BYTES = 16
NONCE_BYTES = 18
MECHANISM, MECHANISM_PLUS = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"

_CLEARTEXT, _SASL, _CONTINUE, _FINAL = 3, 10, 11, 12

Exchange = Generator[Authentication, bytes, str]


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a server must know of a password to recognise it, and no more."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @staticmethod
    def of(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> Verifier:
        """Made of a password; about 1.6 ms."""
        salt = salt or secrets.token_bytes(SALT_BYTES)
        salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        return Verifier(
            iterations, salt, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
        )

    @staticmethod
    def parse(text: str) -> Verifier:
        """Read PostgreSQL's own writing, ``SCRAM-SHA-256$4096:salt$StoredKey:ServerKey``.

        :raises ValueError: it is none.
        """
        match = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$:]+)\$([^$:]+):([^$:]+)", text)
        if match is None:
            raise ValueError("not a SCRAM-SHA-256 verifier")
        salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
        if len(stored) != 32 or len(server) != 32:
            raise ValueError("not a SCRAM-SHA-256 verifier")
        return Verifier(int(match[1]), salt, stored, server)

    def __str__(self) -> str:
        salt, stored, server = (base64.b64encode(p).decode() for p in (self.salt, self.stored_key, self.server_key))
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"


def _prepared(password: str) -> bytes:
    """SASLprep (RFC 4013), as far as it changes passwords people use; what it forbids is taken as it is, like PostgreSQL does."""
    if password.isascii():
        return password.encode()
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _refused(user: str) -> StatementError:
    return StatementError("28P01", f'password authentication failed for user "{user}"')


def _malformed(detail: str) -> StatementError:
    return StatementError("08P01", "malformed SCRAM message", detail=detail)


def only(user: str, password: str) -> Callable[[str, str], bool]:
    """A check for :func:`cleartext` that lets in one user; what is wrong does not show in the time it takes."""
    known = user.encode(), password.encode()

    def check(user: str, password: str) -> bool:
        right = [hmac.compare_digest(one.encode(), other) for one, other in zip((user, password), known, strict=True)]
        return all(right)

    return check


def cleartext(user: str, check: Callable[[str, str], bool]) -> Exchange:
    """Ask for the password and have it checked.

    :param check: (user, password) → is it right? It should take the same time either way.
    """
    body = yield Authentication(_CLEARTEXT)
    if body[-1:] != b"\0" or body.count(b"\0") != 1:
        raise StatementError("08P01", "invalid password packet size")
    try:
        password = body[:-1].decode()
    except UnicodeDecodeError:
        raise _refused(user) from None
    if not check(user, password):
        raise _refused(user)
    return user


#: Makes the salt of an unknown user the same at each try, and different on each server.
_MOCK_SECRET = secrets.token_bytes(32)


def _mock(user: str) -> Verifier:
    """A verifier no password fits."""
    salt = hmac.digest(_MOCK_SECRET, user.encode("utf-8", "surrogatepass"), "sha256")[:SALT_BYTES]
    return Verifier(ITERATIONS, salt, secrets.token_bytes(32), secrets.token_bytes(32))


def scram(
    user: str,
    verifier_of: Callable[[str], Verifier | None],
    certificate_hash: bytes | None = None,
    nonce: str | None = None,
) -> Exchange:
    """The SCRAM exchange.

    :param verifier_of: the user's verifier, None for an unknown one.
    :param certificate_hash: ``tls-server-end-point`` data where TLS is spoken, else None.
    :param nonce: ours, for tests.
    """
    known = verifier_of(user)
    verifier = known or _mock(user)
    mechanisms = [MECHANISM_PLUS, MECHANISM] if certificate_hash is not None else [MECHANISM]

    body = yield Authentication(_SASL, b"".join(name.encode() + b"\0" for name in mechanisms) + b"\0")
    mechanism, first = _initial(body)
    if mechanism not in mechanisms:
        raise StatementError("08P01", "client selected an invalid SASL authentication mechanism")
    header, bare, client_nonce = _client_first(first, mechanism, certificate_hash is not None)

    both = client_nonce + (nonce or base64.b64encode(secrets.token_bytes(NONCE_BYTES)).decode())
    server_first = f"r={both},s={base64.b64encode(verifier.salt).decode()},i={verifier.iterations}"
    body = yield Authentication(_CONTINUE, server_first.encode())

    without_proof, binding, proof = _client_final(body, both)
    expected = header.encode() + (certificate_hash or b"" if mechanism == MECHANISM_PLUS else b"")
    if not hmac.compare_digest(binding, expected):
        raise StatementError("28000", "SCRAM channel binding check failed")
    spoken = f"{bare},{server_first},{without_proof}".encode()
    signature = hmac.digest(verifier.stored_key, spoken, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    right = hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key)
    if not right or known is None:
        raise _refused(user)
    outcome = b"v=" + base64.b64encode(hmac.digest(verifier.server_key, spoken, "sha256"))
    # The outcome needs no answer: the caller sends it before the welcome.
    yield Authentication(_FINAL, outcome)
    return user


def _initial(body: bytes) -> tuple[str, str]:
    """Mechanism and first message of a SASLInitialResponse."""
    end = body.find(b"\0")
    try:
        (length,) = unpack_from("!i", body, end + 1)
        data = body[end + 5 :]
        if end < 0 or length != len(data):
            raise _malformed("The initial response is incomplete.")
        return body[:end].decode(), data.decode()
    except (StructError, UnicodeDecodeError):
        raise _malformed("The initial response is incomplete.") from None


def _client_first(message: str, mechanism: str, binding_possible: bool) -> tuple[str, str, str]:
    """The GS2 header, the bare message, and the client's nonce."""
    match = re.fullmatch(
        r"((n|y|p=[A-Za-z0-9.-]+),(?:a=[^,]*)?,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)", message, re.DOTALL
    )
    if match is None:
        raise _malformed("The client's first message is not understood.")
    header, flag, bare, nonce = match.groups()
    if mechanism == MECHANISM_PLUS:
        if flag != "p=tls-server-end-point":
            raise StatementError("08P01", "unsupported SCRAM channel-binding type")
    elif flag[0] == "p":
        raise _malformed(
            "The client selected SCRAM-SHA-256 without channel binding, but its message includes channel binding data."
        )
    elif flag == "y" and binding_possible:
        # It thinks that we cannot bind: somebody took -PLUS out of our offer.
        raise StatementError("28000", "SCRAM channel binding negotiation error")
    return header, bare, nonce


def _client_final(body: bytes, nonce: str) -> tuple[str, bytes, bytes]:
    """The final message without its proof, the channel binding data, and the proof."""
    try:
        text = body.decode()
        match = re.fullmatch(r"(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[^,]*)*?),p=([A-Za-z0-9+/=]+)", text)
        if match is None:
            raise _malformed("The client's final message is not understood.")
        binding = base64.b64decode(match[2], validate=True)
        proof = base64.b64decode(match[4], validate=True)
    except (UnicodeDecodeError, binascii.Error):
        raise _malformed("The client's final message is not understood.") from None
    if not hmac.compare_digest(match[3].encode(), nonce.encode()):
        raise _malformed("The nonce does not match.")
    if len(proof) != 32:
        raise _malformed("The proof has a wrong length.")
    return match[1], binding, proof
