"""Identities for tests, made as they are needed: certificates with their authority, and NATS keys with what they sign."""

from __future__ import annotations

import ipaddress
import json
from base64 import b32encode, urlsafe_b64encode
from binascii import crc_hqx
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Authority:
    """Signs certificates."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """A certificate for a host, by name or number, and its key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        if name[0].isdigit():
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        builder = self._builder(subject, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
        pem = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        return pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._name,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - timedelta(days=1),
            now + timedelta(days=1),
        )


class Nkey:
    """A key pair of NATS.

    :param role: ``O`` operator, ``A`` account, ``U`` user.
    """

    def __init__(self, role: str) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._role = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(role) << 3
        self.name = _encoded(bytes([self._role]) + self._key.public_key().public_bytes_raw())

    def says(self, subject: Nkey, claims: dict[str, Any]) -> str:
        """A JWT about `subject`. https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt"""
        body = {"jti": subject.name, "iat": 1, "iss": self.name, "sub": subject.name, "name": "test", "nats": claims}
        parts = [_url(json.dumps(one).encode()) for one in ({"typ": "JWT", "alg": "ed25519-nkey"}, body)]
        return ".".join([*parts, _url(self._key.sign(".".join(parts).encode()))])

    def credentials(self, jwt: str) -> bytes:
        """A ``.creds`` file."""
        prefix = bytes([0x90 | self._role >> 5, (self._role & 31) << 3])
        seed = _encoded(prefix + self._key.private_bytes_raw())
        return (
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        ).encode()


def _encoded(body: bytes) -> str:
    return b32encode(body + crc_hqx(body, 0).to_bytes(2, "little")).decode().rstrip("=")


def _url(body: bytes) -> str:
    return urlsafe_b64encode(body).decode().rstrip("=")
