"""A .creds file says who we are, and signs."""

from __future__ import annotations

from base64 import b32encode, b64decode
from binascii import crc_hqx
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.trial.unittest import SynchronousTestCase

from ha.replication.credentials import BadCredentials, Credentials, seed_of

RAW = bytes(range(32))


def encoded(*prefix: int, raw: bytes = RAW) -> str:
    """Bytes as NATS writes keys."""
    body = bytes(prefix) + raw
    return b32encode(body + crc_hqx(body, 0).to_bytes(2, "little")).decode().rstrip("=")


#: The prefixes of a seed (S) of a user (U).
SEED = encoded(0x95, 0x00)

FILE = """-----BEGIN NATS USER JWT-----
eyJ0eXAi.eyJqdGk.c2ln
------END NATS USER JWT------

************************* IMPORTANT *************************
  NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
%s
------END USER NKEY SEED------
"""


class CredentialsTests(SynchronousTestCase):
    """The file that nsc writes."""

    def file(self, text: str) -> Credentials:
        """One with this text."""
        path = Path(self.mktemp())
        path.write_text(text)
        return Credentials(str(path))

    def test_who_we_are(self) -> None:
        """The JWT as it stands there, whatever ends the lines."""
        for text in (FILE % SEED, (FILE % SEED).replace("\n", "\r\n")):
            self.assertEqual(self.file(text).jwt(), b"eyJ0eXAi.eyJqdGk.c2ln")

    def test_the_challenge_is_signed(self) -> None:
        """With the key of the seed."""
        signature = b64decode(self.file(FILE % SEED).sign("nonce"))
        Ed25519PrivateKey.from_private_bytes(RAW).public_key().verify(signature, b"nonce")

    def test_a_seed_that_is_none(self) -> None:
        """Each way of being wrong is told."""
        self.assertEqual(seed_of(SEED.encode()), RAW)
        self.assertTrue(SEED.startswith("SU"))
        changed = SEED[:20] + ("A" if SEED[20] != "A" else "B") + SEED[21:]
        for wrong in (changed, SEED[:-8], encoded(20 << 3), "not base32", ""):
            self.assertRaises(BadCredentials, seed_of, wrong.encode())

    def test_a_file_that_is_none(self) -> None:
        """It says which one."""
        error = self.assertRaises(BadCredentials, self.file("nothing").jwt)
        self.assertIn("a JWT and a seed were expected, 0 blocks found", str(error))
