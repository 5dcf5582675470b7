"""Chains of certificates to be bent: what stands between ours and the anchor, and extensions that make it wrong."""

from typing import Any

from cryptography import x509

from conformance.crypto.pki import Authority, Extension, Leaf, new_key
from conformance.script.peer import Peer
from suites.ike_auth.steps import in_our_name, trusted

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.37476.2.5.2.9"), b"\x05\x00")


def ours(peer: Peer, issuer: Authority, **changes: Any) -> Leaf:
    """A certificate for us, with a key of its own: a device may have the right one for our usual key already."""
    return in_our_name(peer, issuer, **{"key": new_key("ecdsa"), **changes})


def between(
    peer: Peer, *extensions: Extension, issuer: Authority | None = None, name: str = "", **changes: Any
) -> Authority:
    """An intermediate authority that the device has never seen, below the one that it trusts."""
    called = name or f"CN=between {peer.random(6).hex()},O=ikespec"
    above = issuer or trusted(peer)
    return Authority.create(called, issuer=above, **{"key": new_key("ecdsa"), **changes}, extensions=extensions)


def critical(value: x509.ExtensionType) -> Extension:
    """An extension that is marked critical."""
    return x509.Extension(value.oid, True, value)


def key_usage(*set_bits: str) -> Extension:
    """A keyUsage with these bits."""
    bits = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return critical(x509.KeyUsage(**{one: one in set_bits for one in bits}))


def permitting(peer: Peer, name: x509.GeneralName) -> Authority:
    """An intermediate authority for names below this one, by critical nameConstraints."""
    return between(peer, critical(x509.NameConstraints([name], None)))


def excluding(peer: Peer, name: x509.GeneralName) -> Authority:
    """An intermediate authority for names that are not below this one, by critical nameConstraints."""
    return between(peer, critical(x509.NameConstraints(None, [name])))
