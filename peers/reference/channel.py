"""Python values over a pipe between the reference device's process and its adapter, certificates and keys included."""

import io
import pickle
import struct
from typing import IO, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

_PRIVATE_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)
_LENGTH = struct.Struct(">I")


def certificate(data: bytes) -> x509.Certificate:
    """A certificate from DER."""
    return x509.load_der_x509_certificate(data)


def private_key(data: bytes) -> PrivateKeyTypes:
    """A private key from unencrypted PKCS #8 in DER."""
    return load_der_private_key(data, None)


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: object) -> Any:
        """Certificates and keys travel as DER."""
        if isinstance(value, x509.Certificate):
            return certificate, (value.public_bytes(Encoding.DER),)
        if isinstance(value, _PRIVATE_KEYS):
            return private_key, (value.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        return NotImplemented


def write(stream: IO[bytes], value: object) -> None:
    """Write one value. Raises OSError when the other side is gone."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    data = buffer.getvalue()
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read(stream: IO[bytes]) -> Any:
    """Read one value of our own other half. Raises EOFError when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))
