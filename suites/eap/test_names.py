"""EAP of peers that IKE knows by something else than a name: the name is what EAP asks for (RFC 7296, section 2.16)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.eap.conversation import Outcome
from conformance.ike.core.connection import Connection, Identity
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import EAP, EapCode, EapType, IdType
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, authority, eap
from suites.eap.steps import asked, must_be_up
from suites.purpose import purpose

NAMES: dict[str, tuple[str, Callable[[], Identity]]] = {
    "ipv4": ("a private address, as clients behind a NAT are", lambda: Identity.of("192.168.178.20")),
    "ipv6": ("an address of IPv6 that is not that of its datagrams", lambda: Identity.of("2001:db8::77")),
    "key-id": ("octets that mean something to nobody", lambda: Identity(IdType.KEY_ID, b"\x00client\xff")),
    "dn": ("a distinguished name", lambda: Identity(IdType.DER_ASN1_DN, _subject())),
}
"""What stands in IDi, in words."""


def _subject() -> bytes:
    return authority().issue("CN=client,O=ikespec").certificate.subject.public_bytes()


def called(identity: Callable[[], Identity]) -> Setup:
    """We authenticate with EAP and a password; in IKE we are called so."""

    def setup(pixit: Pixit) -> Connection:
        found = eap("mschapv2", "md5", "gtc", "ttls", "peap")(pixit)
        return replace(found, local=replace(found.local, identity=identity()))

    return setup


def by_name(word: str) -> Callable[[Peer], None]:
    """The purpose for a kind of identity."""
    words, identity = NAMES[word]

    @purpose(
        f"eap-id-{word}", "RFC7296-2.16-4", "RFC7296-2.16-11", "RFC7296-3.5-1", role="responder",
        needs=(Capability.EAP,), connection=called(identity), ordinary=True, family="eap-id",
    )  # fmt: skip
    def test(peer: Peer) -> None:
        sa = peer.sa()
        answer = asked(peer, sa)
        first = peer.expect(answer, EAP, "RFC7296-2.16-4").packet
        named = first.code == EapCode.REQUEST and first.type == EapType.IDENTITY
        if not named:
            raise NotApplicable("it does not ask for the name")
        while peer.expect(answer, EAP, "RFC7296-2.16-11").packet.code == EapCode.REQUEST:
            answer = sa.proceed(answer)
        sa.conclude(sa.proceed(answer))
        succeeded = sa.as_peer is not None and sa.as_peer.outcome is Outcome.SUCCESS
        peer.check(succeeded, "EAP-Success", answer, "RFC7296-2.16-11")
        must_be_up(peer, sa)

    test.__doc__ = f"""A client that is called by {words} in IKE gets in by the name that it says in EAP."""
    return test


test_ipv4 = by_name("ipv4")
test_ipv6 = by_name("ipv6")
test_key_id = by_name("key-id")
test_dn = by_name("dn")
