"""TLS for the PostgreSQL door: from PEM files to what Twisted wants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import ssl

from ha.postgres.server import ALPN


def context_factory(certificate_path: str, key_path: str) -> Any:
    """A context factory for the certificate chain and private key in two PEM files; None when none are named.

    :raises OSError: a file cannot be read.
    """
    if not certificate_path:
        return None
    pem = Path(certificate_path).read_bytes() + b"\n" + Path(key_path).read_bytes()
    certificate = ssl.PrivateCertificate.loadPEM(pem)
    chain = [ssl.Certificate.loadPEM(part) for part in _certificates(Path(certificate_path).read_bytes())[1:]]
    return ssl.CertificateOptions(
        privateKey=certificate.privateKey.original,
        certificate=certificate.original,
        extraCertChain=[one.original for one in chain],
        acceptableProtocols=[ALPN],
    )


def _certificates(pem: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    return [part + end for part in pem.split(end)[:-1]]
