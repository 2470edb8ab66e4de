"""A blocking PostgreSQL connection that writes the protocol's bytes itself: to prepare, to copy, to hold on to.

It knows simple queries, COPY, and the four ways of logging in that servers ask for; what it does not know, it passes over.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

#: How long a server may be silent (seconds). A COPY of many rows is answered late.
SILENCE_MAX_S = 300.0

_OK, _CLEARTEXT, _MD5, _SASL, _CONTINUE, _FINAL = 0, 3, 5, 10, 11, 12


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and who one is there."""

    host: str
    port: int
    user: str
    password: str
    database: str


class Refused(Exception):
    """The server answered with an error; the text is its message."""


class Connection:
    """One client.

    :ivar socket: after the login nothing is read ahead of what is asked for, so another may go on with it.
    :raises Refused: the login failed.
    :raises OSError: nobody is there.
    """

    def __init__(self, address: Address) -> None:
        self.socket = socket.create_connection((address.host, address.port), timeout=SILENCE_MAX_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self.socket.makefile("rb", buffering=1 << 20)
        words = b"user\0%b\0database\0%b\0\0" % (address.user.encode(), address.database.encode())
        self.socket.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
        self._log_in(address)
        self._finish()

    # --- messages

    def _send(self, tag: bytes, body: bytes) -> None:
        self.socket.sendall(message(tag, body))

    def _bytes(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) < count:
            raise Refused("the server hung up")
        return found

    def _message(self) -> tuple[bytes, bytes]:
        head = self._bytes(5)
        return head[:1], self._bytes(int.from_bytes(head[1:], "big") - 4)

    def _finish(self) -> list[tuple[str | None, ...]]:
        """Read until the server is ready again; the rows that came on the way."""
        rows: list[tuple[str | None, ...]] = []
        reason = None
        while True:
            tag, body = self._message()
            if tag == b"Z":
                if reason is not None:
                    raise Refused(reason)
                return rows
            if tag == b"E":
                reason = _reason(body)
            elif tag == b"D":
                rows.append(_row(body))

    # --- logging in

    def _log_in(self, address: Address) -> None:
        nonce = secrets.token_urlsafe(18)
        first = f"n=,r={nonce}"
        proof = b""
        while True:
            tag, body = self._message()
            if tag == b"E":
                raise Refused(_reason(body))
            if tag != b"R":
                continue
            (kind,) = struct.unpack_from("!i", body)
            if kind == _OK:
                return
            if kind == _CLEARTEXT:
                self._send(b"p", address.password.encode() + b"\0")
            elif kind == _MD5:
                inner = hashlib.md5((address.password + address.user).encode()).hexdigest()
                self._send(b"p", b"md5" + hashlib.md5(inner.encode() + body[4:8]).hexdigest().encode() + b"\0")
            elif kind == _SASL:
                said = b"n,," + first.encode()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(said)) + said)
            elif kind == _CONTINUE:
                proof = scram_proof(address.password, first, body[4:].decode())
                self._send(b"p", proof)
            elif kind != _FINAL:
                raise Refused(f"the server asks for a login of kind {kind}, which the bench does not know")

    # --- what one can say

    def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run statements and return their rows, values as text.

        :raises Refused: the server did not do it.
        """
        self.ask(sql)
        return self._finish()

    def ask(self, sql: str) -> None:
        """Send a statement, and do not wait for its answer."""
        self._send(b"Q", sql.encode() + b"\0")

    def copy_in(self, sql: str, pieces: Iterable[bytes]) -> None:
        """COPY … FROM STDIN.

        :raises Refused: the server did not do it.
        """
        self.ask(sql)
        tag, body = self._message()
        if tag != b"G":
            reason = _reason(body) if tag == b"E" else f"the server answered COPY with {tag!r}"
            self._finish()
            raise Refused(reason)
        for piece in pieces:
            self._send(b"d", piece)
        self._send(b"c", b"")
        self._finish()

    def copy_out(self, sql: str) -> int:
        """COPY … TO STDOUT; how many bytes of rows came.

        :raises Refused: the server did not do it.
        """
        self.ask(sql)
        size = 0
        reason = None
        while True:
            tag, body = self._message()
            if tag == b"d":
                size += len(body)
            elif tag == b"E":
                reason = _reason(body)
            elif tag == b"Z":
                if reason is not None:
                    raise Refused(reason)
                return size

    def close(self) -> None:
        """Hang up without a word, as clients do that die."""
        self._file.close()
        self.socket.close()


def message(tag: bytes, body: bytes) -> bytes:
    """One message of the protocol."""
    return tag + (4 + len(body)).to_bytes(4, "big") + body


def scram_proof(password: str, first: str, challenge: str, *, header: bytes = b"n,,") -> bytes:
    """The client's final message of SCRAM-SHA-256 (RFC 5802, 3): no password leaves this function.

    :param first: the client's first message without its header.
    :param challenge: the server's first message.
    """
    said = dict(part.split("=", 1) for part in challenge.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(said["s"]), int(said["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    without = f"c={base64.b64encode(header).decode()},r={said['r']}"
    everything = f"{first},{challenge},{without}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), everything, "sha256")
    proof = bytes(left ^ right for left, right in zip(client_key, signature, strict=True))
    return f"{without},p={base64.b64encode(proof).decode()}".encode()


def _reason(body: bytes) -> str:
    """The message in an ErrorResponse."""
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in body.split(b"\0") if field}
    return fields.get(b"M", "an error without a message")


def _row(body: bytes) -> tuple[str | None, ...]:
    """A DataRow in text."""
    at = 2
    values: list[str | None] = []
    for _ in range(int.from_bytes(body[:2], "big")):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at : at + length].decode())
            at += length
    return tuple(values)
