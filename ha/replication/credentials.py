"""NATS credentials: a ``.creds`` file with a user's JWT and the seed of the key that signs the server's challenges.

https://docs.nats.io/using-nats/developer/connecting/creds. nats-py would want another package for the one signature.

The file is read for each connection, so one that was replaced counts from the next on.
"""

from __future__ import annotations

import re
from base64 import b32decode, b64encode
from binascii import Error as NotBase32
from binascii import crc_hqx
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: The first five bits of a seed: the letter S.
SEED_PREFIX: Final = 18 << 3

#: Two bytes of prefixes, the seed, two bytes of CRC-16/XMODEM.
SEED_BYTES: Final = 36

_BLOCK: Final = re.compile(rb"-----BEGIN [^-\n]*-----\s*(\S+)\s*-+END [^-\n]*-+")


class BadCredentials(ValueError):
    """It is no ``.creds`` file. The text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose file it is.

    :param path: of the file.
    """

    path: str

    def jwt(self) -> bytearray:
        """Who we say we are.

        :raises BadCredentials: the file is none.
        :raises OSError: it cannot be read.
        """
        return bytearray(self._read()[0])

    def sign(self, nonce: str) -> bytes:
        """The server's challenge, signed, in base64.

        :raises BadCredentials: the file is none.
        :raises OSError: it cannot be read.
        """
        key = Ed25519PrivateKey.from_private_bytes(seed_of(self._read()[1]))
        return b64encode(key.sign(nonce.encode()))

    def _read(self) -> tuple[bytes, bytes]:
        with open(self.path, "rb") as file:
            found = _BLOCK.findall(file.read())
        if len(found) != 2:
            raise BadCredentials(f"{self.path}: a JWT and a seed were expected, {len(found)} blocks found")
        return found[0], found[1]


def seed_of(encoded: bytes) -> bytes:
    """The 32 bytes of an encoded seed, ``SU...``.

    :raises BadCredentials: it is none.
    """
    try:
        raw = b32decode(encoded + b"=" * (-len(encoded) % 8))
    except NotBase32:
        raw = b""
    if len(raw) != SEED_BYTES or raw[0] & 0xF8 != SEED_PREFIX:
        raise BadCredentials("the seed is not one of NATS: SU and 56 letters and digits")
    if crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        raise BadCredentials("the seed has a wrong checksum: a letter was changed")
    return raw[2:-2]
