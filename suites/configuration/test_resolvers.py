"""Resolvers inside: encrypted ones, digests of their keys, domains of tunnels for everything (RFC 8598, 9464)."""

from hashlib import sha256, sha384, sha512

from conformance.ike.core.connection import InnerNetwork
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, Message
from peers.capabilities import Capability
from suites.configuration.client import opened, right_form
from suites.configuration.exchanges import acknowledged
from suites.configuration.steps import (
    A4,
    IGNORED,
    INNER,
    asking,
    packed,
    plain,
    requested,
    serving,
    values,
    wanting,
    well_formed,
)
from suites.configuration.test_attributes import DIGEST, DNS, DOMAIN, DOMAINS, ENC4, RESOLVER, told, with_inner
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

ENCRYPTED = (*INNER, Capability.ENCRYPTED_DNS)
KEY = b"the SubjectPublicKeyInfo of resolver.corp.example"
"""Nobody looks into it: what is told is its digest."""
WITH_KEY = InnerNetwork(dns=DNS, resolver="resolver.corp.example", resolver_key=KEY)
_HASHES = {2: sha256, 3: sha384, 4: sha512}
_HINTS = {4: "ipv4hint", 6: "ipv6hint"}


def parameters(value: bytes) -> dict[int, bytes]:
    """The service parameters behind the addresses and the name of an IPv4 resolver (RFC 9460, section 2.2)."""
    rest, found = value[4 + 4 * value[2] + value[3] :], dict[int, bytes]()
    while len(rest) >= 4:
        size = int.from_bytes(rest[2:4], "big")
        found[int.from_bytes(rest[:2], "big")] = rest[4 : 4 + size]
        rest = rest[4 + size :]
    return found


def _without_hints(peer: Peer, answer: Message) -> None:
    """The addresses of a resolver stand in one place only."""
    for one in filter(None, values(answer, ENC4)):
        hints = [word for number, word in _HINTS.items() if number in parameters(one)]
        peer.check(not hints, "no hints of addresses", ", ".join(hints), "RFC9464-3.1-7")


@purpose(
    "cp-encrypted-hints", "RFC9464-3.1-7", "RFC9464-3.1-6", "RFC9464-3.1-1", role="responder", needs=ENCRYPTED,
    connection=RESOLVER,
)  # fmt: skip
def test_hints(peer: Peer) -> None:
    """An encrypted resolver comes with its name as it is, and without hints of addresses."""
    told(peer, wanting(CfgAttr(A4), CfgAttr(ENC4)), _without_hints)


@purpose("cp-encrypted-reserved", "RFC9464-3.1-2", role="responder", needs=ENCRYPTED, connection=RESOLVER)
def test_reserved(peer: Peer) -> None:
    """The reserved bit is set where a resolver is asked for: what comes without it comes with it, too."""
    found = []
    for bit in (0, 1):
        sa, answer = requested(peer, wanting(CfgAttr(A4), CfgAttr(ENC4, reserved=bit)))
        sa.must_be_established("RFC9464-3.1-2")
        found.append(values(answer, ENC4))
        sa.delete()
    without, reserved = found
    peer.check(reserved == without, "the same resolvers", [one.hex() for one in reserved], "RFC9464-3.1-2")


def digests(peer: Peer, answer: Message, *offered: int) -> None:
    """The digest of a key, by one of the hashes that were offered."""
    well_formed(peer, answer)
    for one in filter(None, values(answer, DIGEST)):
        number = int.from_bytes(one[2 + one[1] : 4 + one[1]], "big")
        name, digest = one[2 : 2 + one[1]], one[4 + one[1] :]
        peer.check(not name or 0x20 < min(name) <= max(name) < 0x7F, "a name without terminator", name, "RFC9464-3.2-4")
        peer.check(number in offered and number in _HASHES, f"a hash of {offered}", number, "RFC9464-3.2-3")
        expected = _HASHES[number](KEY).digest()
        peer.check(digest == expected, "the digest of the resolver's key", digest.hex(), "RFC9464-3.2-3")


@purpose(
    "cp-encrypted-digest", "RFC9464-3.2-3", "RFC9464-3.2-4", "RFC9464-5-1", role="responder",
    needs=(*ENCRYPTED, Capability.RESOLVER_DIGEST), connection=with_inner(WITH_KEY),
)  # fmt: skip
def test_digest(peer: Peer) -> None:
    """The digest of the resolver's key is asked for by several hashes, and by SHA2-256, which everybody has, alone.

    A device that tells none of one of several hashes has nothing to tell.
    """
    for hashes in ((2, 3, 4), (2,), (9, 2)):
        words = b"".join(one.to_bytes(2, "big") for one in hashes)
        wish = CfgAttr(DIGEST, bytes((len(hashes), 0)) + words)
        sa, answer = requested(peer, wanting(CfgAttr(A4), CfgAttr(ENC4), wish))
        told_one = any(values(answer, DIGEST))
        if not told_one and len(hashes) == 3:
            raise NotApplicable("it tells no digest")
        peer.check(told_one, "an ENCDNS_DIGEST_INFO", answer.first(CP) or answer, "RFC9464-5-1")
        digests(peer, answer, *hashes)
        sa.delete()


@purpose(
    "cp-encrypted-digest-strange", IGNORED, "RFC9464-3.2-3", role="responder", needs=ENCRYPTED,
    connection=with_inner(WITH_KEY),
)  # fmt: skip
def test_strange_digest(peer: Peer) -> None:
    """The digest is asked for by hashes that nobody has: the address comes, and no digest by another one."""
    sa, answer = requested(peer, wanting(CfgAttr(A4), CfgAttr(ENC4), CfgAttr(DIGEST, b"\2\0\xff\x01\xff\x02")))
    sa.must_be_established(IGNORED)
    told = [one.hex() for one in values(answer, DIGEST) if one]
    peer.check(not told, "no digest by a hash that we have not", ", ".join(told), "RFC9464-3.2-3")
    sa.must_be_up(IGNORED)


@purpose("cp-set-resolver", "RFC9464-3.2-5", "RFC7296-3.15.1-18", role="responder", needs=INNER, connection=serving())
def test_set(peer: Peer) -> None:
    """A client sets an encrypted resolver and its digest by CFG_SET: what is acknowledged comes without a value."""
    sa = peer.establish()
    resolver = CfgAttr(ENC4, b"\0\1\1\x0f" + packed("10.1.0.53") + b"doh.example.com\0\1\0\3\2h2")
    given = (resolver, CfgAttr(DIGEST, b"\1\0\0\2" + bytes(32)))
    answer = sa.informational(CP(CfgType.SET, given))
    filled = [one for each in answer.all(CP) for one in each.attributes if one.type == DIGEST and one.value]
    peer.check(not filled, "ENCDNS_DIGEST_INFO of zero length", answer, "RFC9464-3.2-5")
    acknowledged(peer, given, answer)
    sa.must_be_up("RFC7296-3.15.1-18")


@purpose(
    "cp-client-encrypted", "RFC9464-3.2-1", "RFC9464-3.2-2", "RFC9464-3.1-1", "RFC9464-5-1", role="initiator",
    needs=ENCRYPTED, connection=asking(local_inner=WITH_KEY),
)  # fmt: skip
def test_client(peer: Peer, dut: Dut) -> None:
    """A device that wants an encrypted resolver asks for it, says which hashes it knows, and takes what it gets."""
    sa, request, wanted = opened(peer, dut)
    right_form(peer, wanted)
    asked_for = [one for one in wanted.attributes if one.type in (ENC4, CfgAttribute.ENCDNS_IP6)]
    if not asked_for:
        raise NotApplicable("it asks for no encrypted resolver")
    peer.check(not any(one.reserved for one in asked_for), "a reserved bit of zero", wanted, "RFC9464-3.1-1")
    for one in wanted.attributes:
        if one.type == DIGEST:
            told = one.value.hex()
            peer.check(len(one.value) > 1, "how many hashes, and no name", told, "RFC9464-3.2-1")
            peer.check(one.value[:1] == bytes(((len(one.value) - 2) // 2,)), "as many hashes as it says", told,
                       "RFC9464-3.2-1")  # fmt: skip
            peer.check(len(one.value) % 2 == 0, "two octets for each hash", told, "RFC9464-3.2-1")
            peer.check(one.value[1:2] == b"\0", "no name", told, "RFC9464-3.2-2")
            hashes = [one.value[at : at + 2] for at in range(2, len(one.value), 2)]
            peer.check(b"\0\2" in hashes, "SHA2-256 among the hashes", told, "RFC9464-5-1")
    sa.answer(request)
    must_be_accepted_by(sa, IGNORED)


def _no_domains(peer: Peer, answer: Message) -> None:
    """Where everything goes through the tunnel, no name needs other servers than the rest."""
    told = [one.decode(errors="replace") for one in values(answer, DOMAIN) if one]
    peer.check(not told, "no INTERNAL_DNS_DOMAIN where all traffic goes through the tunnel", ", ".join(told),
               "RFC8598-5-7")  # fmt: skip


@purpose(
    "cp-domains-whole", "RFC8598-5-7", role="responder", needs=(*INNER, Capability.SPLIT_DNS),
    connection=serving(remote_ts=("0.0.0.0/0",), remote_inner=InnerNetwork(dns=DNS, domains=DOMAINS)),
)  # fmt: skip
def test_whole(peer: Peer) -> None:
    """All traffic goes through the tunnel: domains are for split tunnels, so none are told."""
    told(peer, plain(CfgAttribute.INTERNAL_IP4_DNS, DOMAIN), _no_domains)
