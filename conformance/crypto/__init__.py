"""What RFC 7296 calls prf, prf+, key exchange methods, ciphers, integrity and signatures.

Everything is computed by the ``cryptography`` package and the standard library; no primitive is written here. Random
octets are always an argument, so that a conversation can be repeated bit for bit.
"""

from collections.abc import Callable

from conformance.crypto.errors import CertificateError, CryptoError, IntegrityError, UnsupportedAlgorithm

Random = Callable[[int], bytes]
"""A source of random octets: called with a number, it returns that many."""

__all__ = ["CertificateError", "CryptoError", "IntegrityError", "Random", "UnsupportedAlgorithm"]
