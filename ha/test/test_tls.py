"""Tests of ha.tls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.internet.ssl import CertificateOptions
from twisted.trial.unittest import SynchronousTestCase

from ha.tls import context_factory

#: Any time will do: nobody checks these certificates.
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(name: str) -> tuple[bytes, bytes]:
    """A certificate signed by itself, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, BEGIN, BEGIN + timedelta(days=1))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def name(certificate: Any) -> object:
    """Whom a certificate is for."""
    return certificate.to_cryptography().subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value


class ContextFactoryTests(SynchronousTestCase):
    """PEM files become a context."""

    def files(self, certificates: bytes, key: bytes) -> tuple[str, str]:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "cert.pem").write_bytes(certificates)
        (folder / "key.pem").write_bytes(key)
        return str(folder / "cert.pem"), str(folder / "key.pem")

    def test_without_files_there_is_no_tls(self) -> None:
        self.assertIsNone(context_factory("", ""))

    def test_a_certificate_and_its_key(self) -> None:
        options = context_factory(*self.files(*certificate("node")))
        self.assertIsInstance(options, CertificateOptions)
        self.assertEqual(name(options.certificate), "node")
        self.assertEqual(options.extraCertChain, [])

    def test_the_chain_follows_the_first_certificate(self) -> None:
        own, key = certificate("node")
        issuer, _ = certificate("issuer")
        options = context_factory(*self.files(own + issuer, key))
        self.assertEqual(name(options.certificate), "node")
        self.assertEqual([name(one) for one in options.extraCertChain], ["issuer"])

    def test_a_file_that_is_not_there(self) -> None:
        self.assertRaises(OSError, context_factory, "nothing.pem", "nothing.pem")
