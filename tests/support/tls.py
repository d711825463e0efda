"""A server that speaks TLS on 127.0.0.1, with a certificate that nobody vouches for."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.in_thread import InThread

if TYPE_CHECKING:
    import socket
    from pathlib import Path


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, good for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    return pem, private


def served_with(made: tuple[Path, Path], listening: socket.socket) -> ssl.SSLSocket:
    """The socket, speaking TLS with a certificate and its key; the handshake waits for the first who reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made)
    return context.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


class TlsServer(InThread):
    """Answers 404 to those who get through the handshake; `requests` are the paths that were asked for."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes the certificate."""
        super().__init__(_Handler)
        self.requests: list[str] = []
        self.socket = served_with(certificate(folder), self.socket)
