"""TLS 1.2 and 1.3 without I/O, as EAP methods carry it: records in, records out, keys exported (RFC 5246, 8446)."""

from conformance.tls.engine import STRAIGHT, TlsBend, TlsConfig, TlsEngine, TlsError, TlsVersion, Trust, split_records
from conformance.tls.openssl import OpensslEngine

__all__ = [
    "STRAIGHT",
    "TlsBend",
    "TlsConfig",
    "TlsEngine",
    "TlsError",
    "TlsVersion",
    "Trust",
    "split_records",
    "start",
]


def start(config: TlsConfig) -> TlsEngine:
    """The engine that the configuration names, or the faster one that can do what it asks for.

    Raises:
        ValueError: there is no such engine, or it cannot bend what is to be bent.
    """
    name = config.engine or ("lite" if config.bend.within else "openssl")
    if name == "openssl":
        return OpensslEngine(config)
    if name == "lite":
        from conformance.tls.lite import LiteEngine  # takes long to load, and most runs never need it

        return LiteEngine(config)
    raise ValueError(f"no TLS engine {name!r}, expected openssl or lite")
