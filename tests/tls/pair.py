"""Two sides of TLS in one process, and a small PKI for them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography.x509.oid import ExtendedKeyUsageOID

from conformance.crypto.pki import Authority, Leaf
from conformance.tls import TlsConfig, TlsEngine, TlsVersion, Trust, start

NOW = datetime(2030, 6, 1, tzinfo=UTC)
EXPIRED = datetime(2030, 5, 1, tzinfo=UTC)


@lru_cache
def root(name: str = "TLS root") -> Authority:
    return Authority.create(name)


@lru_cache
def leaf(name: str, authority: str = "TLS root", **options: Any) -> Leaf:
    usage = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
    options.setdefault("extended_key_usage", usage)
    return root(authority).issue(name, sans=(f"{name}.example",), **options)


def client(**changes: Any) -> TlsConfig:
    trust = Trust((root().certificate,), "server.example")
    return replace(TlsConfig(True, NOW, leaf("client"), trust), **changes)


def server(**changes: Any) -> TlsConfig:
    return replace(TlsConfig(False, NOW, leaf("server"), Trust((root().certificate,))), **changes)


def converse(one: TlsEngine, other: TlsEngine, octets: bytes | None = None) -> None:
    """Carries flights to and fro until nobody says anything; ``one`` is the client."""
    flight = one.step() if octets is None else octets
    for _ in range(20):
        flight = other.step(flight)
        one, other = other, one
        if not flight:
            return
    raise AssertionError("TLS goes on and on")


def pair(one: TlsConfig, other: TlsConfig) -> tuple[TlsEngine, TlsEngine]:
    engines = start(one), start(other)
    converse(*engines)
    return engines


def pairs() -> Iterable[tuple[str, str, TlsVersion]]:
    """Engine of the client, of the server, and version."""
    return [
        (one, other, version) for one in ("openssl", "lite") for other in ("openssl", "lite") for version in TlsVersion
    ]
