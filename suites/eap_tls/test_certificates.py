"""Certificates within TLS: those of a client that a server must not take, and those of a server that a client must not.

In IKE_AUTH the responder has proved itself by another certificate before. What a server shows in TLS is judged anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from conformance.crypto.pki import NOT_BEFORE, Authority, Leaf, new_key
from conformance.script.peer import Peer
from peers.capabilities import Capability
from suites.connections import eap
from suites.dut import Dut
from suites.eap_tls.conduct import must_not_believe
from suites.eap_tls.deviation import Deviation, configured, showing
from suites.eap_tls.making import Due, Row, purposes
from suites.ike_auth.refusal import NOT_CREATED
from suites.ike_auth.steps import in_our_name, trusted
from suites.purpose import purpose

TIER = "full"

STRANGER = "stranger.ikespec.example"
SOMETIME = datetime(2021, 1, 1, tzinfo=UTC)
FILL = 20_000
"""Octets of an extension that makes a certificate huge, though none that could not be carried."""
_NOBODY_KNOWS = ObjectIdentifier("1.3.6.1.4.1.32473.1")  # of the arc for documentation, RFC 5612


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate, and what is due when it is shown."""

    name: str
    what: str
    make: Callable[[Peer], Leaf | None]
    requirement: str
    due: Due = "refused"
    engine: str | None = None

    def deviation(self, peer: Peer) -> Deviation:
        """That certificate in our hands."""
        return configured(self.what, leaf=self.make(peer), engine=self.engine)


def ours(peer: Peer, **changes: object) -> Leaf:
    """A certificate in our name by the authority that is trusted, with a key of its own."""
    return in_our_name(peer, trusted(peer), **{"key": new_key("ecdsa"), **changes})


def untrusted(peer: Peer) -> Leaf:
    """By an authority of the same name as the one that is trusted, with another key."""
    known = trusted(peer)
    return in_our_name(peer, Authority.create(known.name, key=new_key("ecdsa")), key=new_key("ecdsa"))


def self_signed(peer: Peer) -> Leaf:
    """By itself."""
    identity = str(peer.connection.local.identity)
    alone = Authority.create(identity, key=new_key("ecdsa"))
    made = in_our_name(peer, Authority(identity, alone.key, alone.certificate), key=alone.key)
    return replace(made, chain=made.chain[:1])


def below(peer: Peer, *, whole: bool) -> Leaf:
    """By an intermediate authority, with its certificate or without."""
    between = Authority.create("an intermediate of TLS", issuer=trusted(peer))
    made = in_our_name(peer, between, key=new_key("ecdsa"))
    return made if whole else replace(made, chain=made.chain[:1])


def no_authority(peer: Peer) -> Leaf:
    """By somebody who is no authority."""
    middle = ours(peer)
    issuer = Authority("no authority", middle.key, middle.certificate, middle.chain)
    return in_our_name(peer, issuer, key=new_key("ecdsa"))


def huge(peer: Peer) -> Leaf:
    """With a long extension that nobody knows."""
    more = x509.Extension(_NOBODY_KNOWS, False, x509.UnrecognizedExtension(_NOBODY_KNOWS, bytes(FILL)))
    return ours(peer, extensions=(more,))


def another_key(peer: Peer) -> Leaf:
    """Our certificate with a key that does not belong to it."""
    return replace(ours(peer), key=new_key("ecdsa"))


def stranger(peer: Peer) -> Leaf:
    """Of somebody else, by the authority that is trusted."""
    return trusted(peer).issue(STRANGER, sans=[STRANGER], key=new_key("ecdsa"))


def with_use(use: x509.ObjectIdentifier) -> Callable[[Peer], Leaf]:
    """That is good for one thing only."""
    return lambda peer: ours(peer, extended_key_usage=(use,))


CHAIN = "RFC5216-5.3-1"
IDENTITY = "RFC5216-5.3-2"
COMMON: tuple[Shown, ...] = (
    Shown("untrusted", "a certificate of an unknown authority with the name of the known one", untrusted, CHAIN),
    Shown("self-signed", "a certificate that is signed by itself", self_signed, CHAIN),
    Shown("expired", "a certificate that has expired",
          lambda peer: ours(peer, not_before=NOT_BEFORE, not_after=SOMETIME), CHAIN),
    Shown("not-yet", "a certificate that is not valid yet",
          lambda peer: ours(peer, not_before=datetime.now(UTC) + timedelta(days=300)), CHAIN),
    Shown("no-authority", "a certificate that somebody has signed who is no authority", no_authority, CHAIN),
    Shown("not-below", "a certificate without that of the intermediate authority above it",
          lambda peer: below(peer, whole=False), CHAIN),
    Shown("other-name", "a certificate of somebody else by the right authority", stranger, IDENTITY),
    Shown("below", "a certificate and that of the intermediate authority above it",
          lambda peer: below(peer, whole=True), "RFC5216-2.1.5-1", "accepted"),
    Shown("huge", "a certificate of 20 000 octets", huge, "RFC5216-2.1.5-1", "either"),
)  # fmt: skip
OF_CLIENT = (
    *COMMON,
    Shown("other-key", "a certificate of whose key we know nothing", another_key, "RFC5216-2.1.1-6", engine="lite"),
    Shown("none", "no certificate at all", lambda peer: None, "RFC5216-2.1.1-4"),
    Shown("use", "a certificate that is good for servers only",
          with_use(ExtendedKeyUsageOID.SERVER_AUTH), "RFC5216-5.3-4", "unwise"),
)  # fmt: skip
OF_SERVER = (
    *COMMON,
    Shown("use", "a certificate that is good for clients only",
          with_use(ExtendedKeyUsageOID.CLIENT_AUTH), "RFC5216-5.3-3", "unwise"),
)  # fmt: skip
ENDINGS = {
    "refused": "is refused.",
    "unwise": "is refused.",
    "accepted": "is taken.",
    "either": "is refused or taken, and hurts nobody.",
}


def rows(prefix: str, found: tuple[Shown, ...], by: str) -> list[Row]:
    """The purposes of these certificates."""
    return [
        Row(f"{prefix}-certificate-{one.name}", f"{by} with {one.what} {ENDINGS[one.due]}",
            (one.requirement,), one.deviation, one.due)
        for one in found
    ]  # fmt: skip


purposes(__name__, "responder", rows("eap-tls", OF_CLIENT, "A client"))
purposes(__name__, "initiator", rows("eap-tls-peer", OF_SERVER, "A server"))


# --- tunnels ----------------------------------------------------------------------------------------------------------


def _nothing_inside(peer: Peer, dut: Dut) -> None:
    played = must_not_believe(peer, dut, showing(untrusted(peer), "a certificate of an unknown authority"))
    method = played.method
    done = method is not None and method.engine is not None and method.engine.done
    peer.check(not done, "no tunnel to an untrusted server", "a tunnel", NOT_CREATED, bypass=True)


@purpose(
    "eap-ttls-peer-certificate-untrusted", NOT_CREATED, "RFC5281-7.1-1", "RFC5216-5.3-1", role="initiator",
    needs=(Capability.EAP_PEER,), connection=eap("ttls", device="initiator"),
)  # fmt: skip
def test_ttls_untrusted(peer: Peer, dut: Dut) -> None:
    """A server of TTLS with a certificate of an unknown authority gets no password: there is no tunnel to it."""
    _nothing_inside(peer, dut)


@purpose(
    "eap-peap-peer-certificate-untrusted", NOT_CREATED, "RFC5216-5.3-1", role="initiator", needs=(Capability.EAP_PEER,),
    connection=eap("peap", device="initiator"),
)  # fmt: skip
def test_peap_untrusted(peer: Peer, dut: Dut) -> None:
    """A server of PEAP with a certificate of an unknown authority gets no password: there is no tunnel to it."""
    _nothing_inside(peer, dut)
