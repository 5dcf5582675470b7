"""Certificates as authorities make them over the years: dates far away, other keys, another key under the same name."""

from dataclasses import replace
from datetime import UTC, datetime

from conformance.crypto.pki import Authority, Leaf, cached_key
from conformance.ike.core.connection import Connection
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.certificates.paths import between, ours
from suites.certificates.roles import Shown, accepted, refused
from suites.connections import authority, certificates
from suites.ike_auth.steps import ourselves, trusted

DATES = "RFC5280-4.1.2.5-1"


def day(year: int) -> datetime:
    """The first of January."""
    return datetime(year, 1, 1, tzinfo=UTC)


# --- dates ------------------------------------------------------------------------------------------------------------


@accepted("cert-date-2060", DATES, "RFC5280-6.1.3-2")
def test_2060(peer: Peer) -> Leaf:
    """Our certificate is valid until 2060, which is a GeneralizedTime, and more seconds than 31 bits count."""
    return ours(peer, trusted(peer), not_after=day(2060))


@accepted("cert-date-never", DATES, "RFC5280-4.1.2.5-2")
def test_never(peer: Peer) -> Leaf:
    """Our certificate has no end: its notAfter is 99991231235959Z."""
    return ours(peer, trusted(peer), not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


@refused("cert-date-from-2060", "RFC5280-6.1.3-2", DATES)
def test_from_2060(peer: Peer) -> Leaf:
    """Our certificate is valid from 2060 on: it is not valid yet, though its date is longer than others."""
    return ours(peer, trusted(peer), not_before=day(2060), not_after=day(2070))


@refused("cert-date-1960", "RFC5280-6.1.3-2", DATES)
def test_1960(peer: Peer) -> Leaf:
    """Our certificate ended in 1960, a UTCTime whose two digits of the year are greater than those of today."""
    return ours(peer, trusted(peer), not_before=day(1951), not_after=day(1960))


# --- keys and names ---------------------------------------------------------------------------------------------------


@accepted("cert-path-mixed-keys", "RFC5280-6.1.3-1", connection=certificates("ecdsa"), needs=(Capability.RSA,))
def test_mixed_keys(peer: Peer) -> Leaf:
    """Below an authority with an ECDSA key stands one with an RSA key, and below that our ECDSA key."""
    return ours(peer, between(peer, key=cached_key("rsa", "mixed keys")))


@refused("cert-path-circle", "RFC5280-6.1.3-1")
def test_circle(peer: Peer) -> Shown:
    """The authority of our certificate and another one have issued each other's, and nobody else knows them."""
    word = peer.random(6).hex()
    first = Authority.create(f"CN=first {word},O=ikespec")
    second = Authority.create(f"CN=second {word},O=ikespec", issuer=first)
    again = Authority.create(f"CN=first {word},O=ikespec", issuer=second, key=first.key)
    made = ours(peer, first)
    return Shown(ourselves(peer, chain=(made.certificate, again.certificate, second.certificate), key=made.key))


def successor() -> Authority:
    """An authority with the name of that of our usual certificates, and another key."""
    name = authority("ecdsa").certificate.subject.rfc4514_string()
    return Authority.create(name, key=cached_key("ecdsa", "the next key of an authority"))


def two_keys(pixit: Pixit) -> Connection:
    """Certificates; an authority is trusted with its old key and with its new one."""
    found = certificates("ecdsa")(pixit)
    if pixit.credentials.ours is not None:
        raise NotApplicable("the authority that the device trusts signs nothing for us")
    return replace(found, trust=(*found.trust, successor().certificate))


@accepted("cert-authority-new-key", "RFC5280-6.1.3-1", connection=two_keys)
def test_new_key(peer: Peer) -> Leaf:
    """Two trusted authorities have the same name; our certificate is by the key of the second one."""
    return ours(peer, successor())
