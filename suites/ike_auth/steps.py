"""What the purposes of IKE_AUTH have in common: their connections, a few bends, and what a refusal must look like."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.crypto.pki import Authority, Leaf
from conformance.crypto.x509 import subject_key_hash
from conformance.ike.core.connection import Connection, Identity, Mode, Party, Psk, PublicKey
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.message import Sent
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    CERTREQ,
    SA,
    AuthMethod,
    CertEncoding,
    ExchangeType,
    HashAlgorithm,
    IdType,
    Message,
    Notify,
    NotifyType,
    UnknownPayload,
)
from peers.contract import Pixit
from suites.connections import Setup, authority, build, certificates, certified, leaf, shared_key

# --- connections ------------------------------------------------------------------------------------------------------


def named(ours: Identity, device: Identity) -> Setup:
    """Both sides authenticate with a shared key, under identities of any type; their own ones, if they are of that."""

    def setup(pixit: Pixit) -> Connection:
        pairs = zip(shared_key(pixit), (ours, device), strict=True)
        one, other = (it if it.identity.id_type == name.id_type else replace(it, identity=name) for it, name in pairs)
        return build(one, other, pixit)

    return setup


def mixed(*, our_certificate: bool, kind: str = "ecdsa") -> Setup:
    """One side authenticates with a certificate, the other one with a shared key."""

    def setup(pixit: Pixit) -> Connection:
        *signing, trust = certified(pixit, kind)
        keyed = shared_key(pixit)
        ours, device = (signing[0], keyed[1]) if our_certificate else (keyed[0], signing[1])
        return build(ours, device, pixit, trust=trust)

    return setup


def pss() -> Setup:
    """Both sides sign with RSASSA-PSS."""

    def setup(pixit: Pixit) -> Connection:
        found = certificates("rsa")(pixit)
        return replace(found, local=with_pss(found.local), remote=with_pss(found.remote))

    return setup


def mixed_keys() -> Setup:
    """We have an ECDSA key and the device an RSA key, with certificates of different authorities."""

    def setup(pixit: Pixit) -> Connection:
        agreed, parties = pixit.credentials, []
        for name, kind in ((agreed.tester, "ecdsa"), (agreed.device, "rsa")):
            made = leaf(str(name), kind)
            parties.append(Party(name, PublicKey((made.certificate,), made.key)))
        trust = (authority("ecdsa").certificate, authority("rsa").certificate)
        return build(parties[0], parties[1], pixit, trust=trust)

    return setup


def distinguished() -> Setup:
    """Both sides are named by the subjects of their certificates."""

    def setup(pixit: Pixit) -> Connection:
        agreed = pixit.credentials
        if agreed.ours is not None and agreed.tester.id_type == agreed.device.id_type == IdType.DER_ASN1_DN:
            return certificates()(pixit)
        parties = []
        for unit in ("tester", "device"):
            made = authority().issue(f"CN={unit},OU=Conformance \u00e9,O=ikespec,C=CH")
            name = Identity(IdType.DER_ASN1_DN, made.certificate.subject.public_bytes())
            parties.append(Party(name, PublicKey((made.certificate,), made.key)))
        return build(parties[0], parties[1], pixit, trust=(authority().certificate,))

    return setup


def with_pss(party: Party) -> Party:
    """The same party, signing with RSASSA-PSS and SHA-256."""
    assert isinstance(party.auth, PublicKey)
    return replace(party, auth=replace(party.auth, pss=True, hash=HashAlgorithm.SHA2_256))


def chained(depth: int) -> Setup:
    """Both sides have certificates with ``depth`` intermediates of their own below the authority that both trust."""

    def setup(pixit: Pixit) -> Connection:
        agreed, parties = pixit.credentials, []
        for name in (agreed.tester, agreed.device):
            issuer = authority()
            for level in range(1, depth + 1):
                issuer = Authority.create(f"intermediate {level} of {name}", issuer=issuer)
            made = issuer.issue(str(name), sans=[str(name)])
            parties.append(Party(name, PublicKey(made.chain, made.key)))
        return build(parties[0], parties[1], pixit, trust=(authority().certificate,))

    return setup


def host_to_host() -> Setup:
    """Transport mode between our address and that of the device."""

    def setup(pixit: Pixit) -> Connection:
        ours, device = shared_key(pixit)
        local, remote = (f"{pixit.tester_address}/32",), (f"{pixit.device_address}/32",)
        return build(ours, device, pixit, mode=Mode.TRANSPORT, local_ts=local, remote_ts=remote)

    return setup


def trusted(peer: Peer) -> Authority:
    """The authority that the device trusts, with its key. Raises NotApplicable where that is somebody else's."""
    known = (authority(kind) for kind in ("ecdsa", "rsa", "ed25519"))
    found = next((one for one in known if one.certificate in peer.connection.trust), None)
    if found is None:
        raise NotApplicable("the authority that the device trusts signs nothing for us")
    return found


def in_our_name(peer: Peer, issuer: Authority, **changes: Any) -> Leaf:
    """A certificate for our identity by any authority. Raises NotApplicable where no certificate could speak for it."""
    identity = peer.connection.local.identity
    if identity.id_type == IdType.DER_ASN1_DN:
        assert isinstance(peer.connection.local.auth, PublicKey)
        return issuer.issue(peer.connection.local.auth.chain[0].subject.rfc4514_string(), **changes)
    if identity.id_type == IdType.KEY_ID:
        raise NotApplicable("no certificate speaks for a key ID")
    return issuer.issue(str(identity), sans=[str(identity)], **changes)


def ourselves(peer: Peer, **changes: Any) -> Party:
    """Us, with another way to sign: changes to our `PublicKey`."""
    auth = peer.connection.local.auth
    assert isinstance(auth, PublicKey)
    return replace(peer.connection.local, auth=replace(auth, **changes))


# --- bends ------------------------------------------------------------------------------------------------------------


def without_notify(kind: NotifyType) -> Bend:
    """Leave out the notifies of one type."""
    return bend.order(
        lambda found: [one for one in found if not (isinstance(one, Notify) and one.type == kind)],
        f"without N({kind.name})",
    )


def announcing(*hashes: HashAlgorithm) -> Bend:
    """Announce only these hash algorithms for signatures (RFC 7427, section 4)."""
    data = b"".join(int(one).to_bytes(2, "big") for one in hashes)
    kind = NotifyType.SIGNATURE_HASH_ALGORITHMS
    return bend.replace(
        Notify,
        lambda one: replace(one, data=data) if one.type == kind else one,
        "announcing " + ", ".join(one.name for one in hashes),
    )


def our_secret(sa: ScriptedSa) -> bytes:
    """The key that both share."""
    auth = sa.connection.local.auth
    assert isinstance(auth, Psk)
    return auth.secret


def mic_over(sa: ScriptedSa, octets: bytes, text: str, secret: bytes | None = None) -> Bend:
    """An AUTH payload with a shared key MIC over any octets, by default with our secret."""
    secret = our_secret(sa) if secret is None else secret
    return bend.replace(AUTH, lambda _: AUTH(AuthMethod.SHARED_KEY_MIC, sa.shared_key_mic(secret, octets)), text)


NEARLY_RIGHT = (
    bend.replace(AUTH, lambda one: AUTH(one.method, one.data[:-1] + bytes((one.data[-1] ^ 1,))), "bit flipped"),
    bend.replace(AUTH, lambda one: AUTH(one.method, one.data[: len(one.data) // 2]), "half of the MIC"),
    bend.change(AUTH, data=b""),
)
"""A MIC of ours that is wrong in its last bit, that stops early, or that has not begun."""


# --- steps ------------------------------------------------------------------------------------------------------------


def hold_back(sa: ScriptedSa, start: Callable[[], None]) -> Sent:
    """Make a request of ours but send it only when the script says ``release(sa)``."""
    kept: list[bytes] = []

    def keep(found: list[bytes]) -> list[bytes]:
        kept.extend(found)
        return []

    sent = sa.begin(start, bend.datagrams(keep, "held back"))
    assert sa.pending is not None
    sa.pending.datagrams = kept
    sa.pending.deadline = float("inf")
    return Sent(sent.message, tuple(kept), encrypted=True)


def release(sa: ScriptedSa) -> None:
    """Send what was held back, and again until its response comes."""
    assert sa.pending is not None
    sa.pending.deadline = sa.peer.link.now()


def send_bytes(sa: ScriptedSa, raw: bytes) -> None:
    """Send these octets as one datagram of this IKE SA."""
    sa.transmit([raw], sa.local, sa.remote)


# --- what the device must have done -----------------------------------------------------------------------------------


def must_be_accepted_by(sa: ScriptedSa, requirement: str | None = None) -> None:
    """The device as initiator has accepted our IKE_AUTH response, and we its request: the IKE SA works.

    It may verify for a while and drop the first liveness checks.
    """
    sa.must_be_established(requirement)
    sa.must_be_up(requirement)


def must_succeed(peer: Peer, sa: ScriptedSa, requirement: str | None = None) -> None:
    """IKE_AUTH has succeeded with a Child SA, and the IKE SA works."""
    sa.must_be_established(requirement)
    peer.check(sa.children, "a Child SA", sa.problem or "none", requirement)
    sa.must_be_up(requirement)


def must_be_clean(peer: Peer, message: Message) -> None:
    """What is reserved is zero, and no payload that everybody knows is critical."""
    critical = [one for one in message.payloads if one.critical and not isinstance(one, UnknownPayload)]
    peer.check(not critical, "no critical flag", critical, "RFC7296-3.2-6")
    dirty = [one for one in message.payloads if one.reserved or getattr(one, "reserved2", 0)]
    peer.check(not dirty, "RESERVED fields of zero", dirty, "RFC7296-2.5-7")
    for proposal in (each for one in message.all(SA) for each in one.proposals):
        reserved = [proposal.reserved, *(one.reserved1 or one.reserved2 for one in proposal.transforms)]
        peer.check(not any(reserved), "RESERVED fields of zero", proposal, "RFC7296-2.5-7")


def one_answer(peer: Peer, sa: ScriptedSa) -> None:
    """Every IKE_AUTH response of the device is the same one, octet by octet."""
    found = {
        one.raw for one in peer.inbox
        if one.sa is sa and one.message.is_response and one.message.exchange == ExchangeType.IKE_AUTH
    }  # fmt: skip
    peer.check(len(found) == 1, "one IKE_AUTH response", f"{len(found)} different ones")


SPECIFIED = (
    CertEncoding.X509_SIGNATURE, CertEncoding.HASH_URL_X509, CertEncoding.HASH_URL_BUNDLE,
    CertEncoding.OCSP_CONTENT, CertEncoding.RAW_PUBLIC_KEY,
)  # fmt: skip
"""Encodings for whose CERTREQ there is a standard: RFC 7296, section 3.7, RFC 4806 and RFC 7670."""


def must_ask_for_certificates(peer: Peer, message: Message) -> None:
    """CERTREQ payloads, if there are any, hold hashes, and one of them is that of the authority we have in common."""
    wanted = subject_key_hash(peer.connection.trust[0])
    for one in message.all(CERTREQ):
        numbers = ", ".join(str(int(each)) for each in SPECIFIED)
        peer.check(one.encoding in SPECIFIED, f"one of the encodings {numbers}", one.encoding, "RFC7296-3.7-3")
    hashes = [one.data for one in message.all(CERTREQ) if one.encoding == CertEncoding.X509_SIGNATURE]
    for data in hashes:
        peer.check(len(data) % 20 == 0, "hashes of 20 octets", f"{len(data)} octets", "RFC7296-3.7-2")
    found = [data[at : at + 20] for data in hashes for at in range(0, len(data), 20)]
    expected = f"{wanted.hex()} among them"
    peer.check(not found or wanted in found, expected, [one.hex() for one in found], "RFC7296-3.7-2")
