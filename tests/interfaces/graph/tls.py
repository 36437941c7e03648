"""A proxy that speaks TLS before a server that does not, as an operator puts one there; its certificate is its own.

with tls_proxy(folder) as proxy:
    proxy.target_port = server.port
"""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from socket import SHUT_RDWR, create_connection, create_server, socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536


@dataclass
class TlsProxy:
    """Where the proxy listens, which certificate is to be trusted, and where its requests go."""

    port: int
    certificate: Path
    target_port: int = 0

    @property
    def address(self) -> str:
        return f"https://{HOST}:{self.port}"


@contextmanager
def tls_proxy(folder: Path) -> Iterator[TlsProxy]:
    """Forward connections until the block ends."""
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with create_server((HOST, 0)) as listener:
        proxy = TlsProxy(listener.getsockname()[1], certificate)
        threading.Thread(target=_accept, args=(listener, context, proxy), daemon=True).start()
        yield proxy
        # Wakes whoever waits for a connection.
        listener.shutdown(SHUT_RDWR)


def _accept(listener: socket, context: ssl.SSLContext, proxy: TlsProxy) -> None:
    with suppress(OSError):
        while True:
            accepted, _ = listener.accept()
            threading.Thread(target=_forward, args=(accepted, context, proxy.target_port), daemon=True).start()


def _forward(accepted: socket, context: ssl.SSLContext, port: int) -> None:
    """Copy in both directions, until one side hangs up."""
    with (
        suppress(OSError),
        accepted,
        context.wrap_socket(accepted, server_side=True) as outside,
        create_connection((HOST, port)) as inside,
    ):
        answering = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
        answering.start()
        _copy(outside, inside)
        answering.join()


def _copy(source: socket, target: socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(SHUT_RDWR)


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "proxy.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
