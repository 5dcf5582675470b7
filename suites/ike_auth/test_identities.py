"""Identities (RFC 7296, section 3.5)."""

from dataclasses import replace

from cryptography import x509

from conformance.crypto.bundle import element
from conformance.ike.core.connection import Identity
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.wire import AUTH, IDi, IDr, IdType
from peers.capabilities import Capability
from suites.dut import Dut
from suites.ike_auth.initiating import begun
from suites.ike_auth.refusal import answer_of, must_be_refused, must_be_refused_by, must_not_succeed
from suites.ike_auth.steps import distinguished, must_succeed, named
from suites.purpose import purpose


def handshake(peer: Peer, requirement: str) -> None:
    """IKE_AUTH with the configured identities succeeds, and the device shows its own one."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    device = peer.expect(answer, IDr, requirement)
    expected = peer.connection.remote.identity
    peer.check((device.id_type, device.data) == (expected.id_type, expected.data), f"IDr {expected}", device)
    must_succeed(peer, sa, requirement)


@purpose(
    "auth-id-email", "RFC7296-3.5-9", "RFC7296-4-15", "RFC7296-3.5-6", "RFC7296-3.5-10", role="responder",
    ordinary=True,
    connection=named(Identity.of("tester@ikespec.example"), Identity.of("device@ikespec.example")),
)  # fmt: skip
def test_email(peer: Peer) -> None:
    """Both sides are named by a mail address (ID_RFC822_ADDR)."""
    handshake(peer, "RFC7296-3.5-9")


@purpose(
    "auth-id-nai", "RFC7296-3.5-14", role="responder", ordinary=True,
    connection=named(
        Identity(IdType.RFC822_ADDR, b"fred=?#$&*+-/^smith@ikespec.example"), Identity.of("device@ikespec.example")
    ),
)  # fmt: skip
def test_nai(peer: Peer) -> None:
    """We are a network access identifier with characters that few mail addresses have (RFC 7542, section 2.2)."""
    handshake(peer, "RFC7296-3.5-14")


@purpose(
    "auth-id-key-id", "RFC7296-3.5-9", "RFC7296-4-15", "RFC7296-3.5-10", role="responder", ordinary=True,
    connection=named(Identity(IdType.KEY_ID, b"\x00tester \xff"), Identity(IdType.KEY_ID, b"device \xfe\x00")),
)  # fmt: skip
def test_key_id(peer: Peer) -> None:
    """Both sides are named by any octets, zeros as well (ID_KEY_ID)."""
    handshake(peer, "RFC7296-3.5-9")


@purpose(
    "auth-id-ipv4", "RFC7296-3.5-9", "RFC7296-3.5-1", "RFC7296-3.5-4", "RFC7296-3.5-8", "RFC7296-3.5-10",
    role="responder", ordinary=True,
    connection=named(Identity.of("203.0.113.7"), Identity.of("203.0.113.8")),
)  # fmt: skip
def test_ipv4(peer: Peer) -> None:
    """Both sides are named by IPv4 addresses that are not those of their datagrams."""
    handshake(peer, "RFC7296-3.5-1")


@purpose(
    "auth-id-ipv6", "RFC7296-3.5-11", "RFC7296-3.5-1", "RFC7296-3.5-4", role="responder", ordinary=True,
    needs=(Capability.IPV6,), connection=named(Identity.of("2001:db8:ffff::7"), Identity.of("2001:db8:ffff::8")),
)  # fmt: skip
def test_ipv6(peer: Peer) -> None:
    """Both sides are named by IPv6 addresses, whatever their datagrams travel on."""
    handshake(peer, "RFC7296-3.5-11")


@purpose(
    "auth-id-dn", "RFC7296-4-14", "RFC7296-3.5-7", role="responder", ordinary=True, connection=distinguished(),
)  # fmt: skip
def test_dn(peer: Peer) -> None:
    """Both sides are named by the distinguished names of their certificates (ID_DER_ASN1_DN)."""
    handshake(peer, "RFC7296-4-14")


@purpose("auth-idr-other", "RFC7296-2.21.2-1", "RFC7296-1.2-8", role="responder")
def test_idr_other(peer: Peer) -> None:
    """Asked for an identity that it does not have, the device shows its own one or refuses; it is not silent.

    It must not pretend to be whoever we ask for.
    """
    sa = peer.sa()
    sa.init()
    answer = answer_of(peer, sa, bend.change(IDr, id_type=IdType.FQDN, data=b"somebody.ikespec.example"))
    shown, expected = answer.first(IDr), peer.connection.remote.identity
    own = shown is not None and (shown.id_type, shown.data) == (expected.id_type, expected.data)
    peer.check(own or (shown is None and fatal(answer)), "IDr of the device itself, or a refusal", answer)


def refused_as(peer: Peer, dut: Dut, identity: Identity) -> None:
    """Whoever says to be ``identity`` is refused, although the AUTH payload is right for that name and our key."""
    dut.looks_at_identities()
    sa = peer.sa(local=replace(peer.connection.local, identity=identity))
    sa.init()
    must_be_refused(peer, sa)


@purpose("auth-unknown-identity", "RFC7296-1.2-12", "RFC7296-1.2-18", "RFC7296-2.21.2-1", role="responder")
def test_unknown(peer: Peer, dut: Dut) -> None:
    """A key authenticates the identity that it belongs to and no other."""
    refused_as(peer, dut, Identity.of("stranger.ikespec.example"))


@purpose("auth-id-prefix", "RFC7296-1.2-12", "RFC7296-1.2-18", role="responder")
def test_prefix(peer: Peer, dut: Dut) -> None:
    """An identity is the whole of it: neither its beginning, nor nothing, nor more than it will do."""
    ours = peer.connection.local.identity
    for octets in (ours.data[:-1], b"", ours.data + b"x", ours.data + b"\0"):
        refused_as(peer, dut, replace(ours, data=octets))


@purpose("auth-id-type-differs", "RFC7296-1.2-12", "RFC7296-1.2-18", role="responder")
def test_type_differs(peer: Peer, dut: Dut) -> None:
    """The same octets under another type are another identity."""
    ours = peer.connection.local.identity
    for kind in (IdType.KEY_ID, IdType.RFC822_ADDR, IdType.FQDN):
        if kind != ours.id_type:
            refused_as(peer, dut, replace(ours, id_type=kind))


@purpose("auth-id-type-unusual", "RFC7296-1.2-12", "RFC7296-1.2-18", role="responder")
def test_type_unusual(peer: Peer, dut: Dut) -> None:
    """The same octets under types that hardly anybody has, or that do not exist, are another identity."""
    ours = peer.connection.local.identity
    for number in (0, IdType.DER_ASN1_GN, 12, 13, 200, 255):
        refused_as(peer, dut, replace(ours, id_type=IdType(number)))


def malformed(peer: Peer, dut: Dut, *identities: Identity) -> None:
    """Each of these is refused, for whatever reason the device names: who it is, or how it is written."""
    dut.looks_at_identities()
    for one in identities:
        sa = peer.sa(local=replace(peer.connection.local, identity=one))
        sa.init()
        must_not_succeed(peer, sa)


@purpose("auth-id-address-length", "RFC7296-1.2-12", "RFC7296-1.2-18", "RFC7296-3.5-4", role="responder")
def test_address_length(peer: Peer, dut: Dut) -> None:
    """Addresses that are too short or too long for their type are no identity."""
    lengths = {IdType.IPV4_ADDR: (0, 1, 3, 5, 16), IdType.IPV6_ADDR: (0, 4, 15, 17, 32)}
    malformed(peer, dut, *(Identity(kind, bytes(size)) for kind, sizes in lengths.items() for size in sizes))


@purpose("auth-id-no-dn", "RFC7296-1.2-12", "RFC7296-1.2-18", "RFC7296-3.5-7", role="responder")
def test_no_dn(peer: Peer, dut: Dut) -> None:
    """What is no distinguished name in DER is no identity: cut off, nested, with other tags or lengths past the end."""
    name = x509.Name.from_rfc4514_string("CN=tester,O=ikespec").public_bytes()
    nest = b""
    for _ in range(60):
        nest = element(0x30, nest)
    far, endless = b"\x30\x82\xff\xff" + name[2:], b"\x30\x80" + name[2:] + bytes(2)
    members = name.replace(b"\x06\x03\x55\x04", b"\x06\x7f\x55\x04"), name.replace(b"\x31", b"\x02")
    cases = (b"\x30", name[:-1], name + b"\0", b"\x05\0", far, endless, nest, *members, b"CN=tester,O=ikespec")
    malformed(peer, dut, *(Identity(IdType.DER_ASN1_DN, one) for one in cases))


@purpose(
    "auth-id-long", "RFC7296-1.2-12", "RFC7296-1.2-18", role="responder", needs=(Capability.FRAGMENTATION,),
)  # fmt: skip
def test_long(peer: Peer, dut: Dut) -> None:
    """An identity of 6000 octets that begins with ours is somebody else, and nobody is hurt by it."""
    refused_as(peer, dut, lengthened(peer))


def lengthened(peer: Peer) -> Identity:
    """6000 octets that begin with our identity."""
    ours = peer.connection.local.identity
    return replace(ours, data=ours.data.ljust(6000, b"x"))


@purpose(
    "auth-responder-id-long", "RFC7296-1.2-12", "RFC7296-1.2-18", role="initiator", needs=(Capability.FRAGMENTATION,),
)  # fmt: skip
def test_responder_long(peer: Peer, dut: Dut) -> None:
    """A responder whose identity of 6000 octets begins with ours is somebody else, and hurts nobody."""
    dut.looks_at_identities()
    attempt = begun(peer, dut, local=replace(peer.connection.local, identity=lengthened(peer)))
    attempt.sa.answer(attempt.request)
    must_be_refused_by(dut, peer, attempt)


@purpose("auth-id-reserved", "RFC7296-3.5-3", "RFC7296-2.15-3", "RFC7296-3.8-7", "RFC7296-2.5-8", role="responder")
def test_reserved(peer: Peer) -> None:
    """RESERVED octets of the identity are ignored, but signed as they were sent; those of AUTH are ignored."""
    sa = peer.sa()
    sa.init()
    identity = peer.connection.local.identity
    ours = IDi(identity.id_type, identity.data, reserved2=0xA5C3F0)
    proof = replace(sa.prove(ours), reserved2=0x0F1E2D)
    sa.auth(bend.change(IDi, reserved2=0xA5C3F0) | bend.replace(AUTH, lambda _: proof, "AUTH over that, RESERVED set"))
    must_succeed(peer, sa, "RFC7296-2.15-3")


@purpose("auth-idr-absent", "RFC7296-1.2-6", role="responder")
def test_idr_absent(peer: Peer) -> None:
    """An initiator need not say to whom it wants to talk: IDr is optional in the request."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth(bend.drop(IDr))
    device = peer.expect(answer, IDr)
    expected = peer.connection.remote.identity
    peer.check((device.id_type, device.data) == (expected.id_type, expected.data), f"IDr {expected}", device)
    must_succeed(peer, sa, "RFC7296-1.2-6")
