"""CERT and CERTREQ payloads of every sort beside the right ones (RFC 7296, 3.6 and 3.7; RFC 4945, section 3)."""

from collections.abc import Sequence

from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import CERT, CERTREQ, CertEncoding, ExchangeType, Payload
from suites.certificates.roles import take_or_refuse
from suites.connections import certificates
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.purpose import purpose

AT_ONCE = 3
"""Beside ours: as many certificates as a device must be able to take are four (RFC 7296, section 3.6)."""
UNKNOWN = [CertEncoding(one) for one in (5, 17, 200)]
"""Encodings that nobody has given a meaning."""
_RARE = [CertEncoding(one) for one in (*range(1, 4), *range(6, 12), 14, 15)]
"""All others but X.509 certificates, and those that make a device fetch something."""
GROUPS = [UNKNOWN, *(_RARE[at : at + AT_ONCE] for at in range(0, len(_RARE), AT_ONCE))]


def after_first(kind: type[Payload], payloads: Sequence[Payload], text: str) -> Bend:
    """Further payloads behind the first one of a class."""

    def arrange(found: list[Payload]) -> list[Payload]:
        at = next(number for number, one in enumerate(found) if isinstance(one, kind)) + 1
        return [*found[:at], *payloads, *found[at:]]

    return bend.order(arrange, text)


def strange_certificates(peer: Peer, encodings: Sequence[CertEncoding]) -> Bend:
    """Certificates of other encodings behind ours, with octets in them that mean nothing."""
    payloads = [CERT(one, peer.random(24)) for one in encodings]
    numbers = ", ".join(str(int(one)) for one in encodings)
    return after_first(CERT, payloads, f"certificates of the encodings {numbers} behind ours")


@purpose("cert-encodings", "RFC4945-3.3.10.1-1", "RFC7296-3.6-3", role="responder", connection=certificates())
def test_encodings(peer: Peer) -> None:
    """Behind our certificate come three of unknown encodings, and in turn such of those that hardly anybody supports.

    Who supports one of the latter may refuse us, for what is in them means nothing.
    """
    asked_with(peer, strange_certificates(peer, UNKNOWN), "RFC4945-3.3.10.1-1")
    for encodings in GROUPS[1:]:
        sa = peer.sa()
        sa.init()
        take_or_refuse(peer, sa, strange_certificates(peer, encodings))


@purpose("cert-responder-encodings", "RFC4945-3.3.10.1-1", "RFC7296-3.6-3", role="initiator", connection=certificates())
def test_encodings_of_responder(peer: Peer, dut: Dut) -> None:
    """Behind our certificate come three of encodings that are unknown."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=strange_certificates(peer, UNKNOWN))
    must_be_accepted_by(sa, "RFC4945-3.3.10.1-1")


def asked_with(peer: Peer, bent: Bend, requirement: str) -> None:
    """Our request is bent in this way, and the device authenticates itself and us."""
    sa = peer.sa()
    sa.init()
    sa.auth(bent)
    must_succeed(peer, sa, requirement)


@purpose("cert-request-many", "RFC7296-3.7-5", "RFC7296-3.7-2", role="responder", connection=certificates())
def test_request_many(peer: Peer) -> None:
    """CERTREQ names 60 authorities, the right one the last of them."""
    others = peer.random(20 * 59)
    many = bend.replace(CERTREQ, lambda one: CERTREQ(one.encoding, others + one.data), "60 authorities")
    asked_with(peer, many, "RFC7296-3.7-5")


@purpose("cert-request-empty", "RFC7296-3.7-5", role="responder", connection=certificates())
def test_request_empty(peer: Peer) -> None:
    """CERTREQ names no authority: who has a certificate may send it (RFC 4945, section 3.2.7.2)."""
    asked_with(peer, bend.change(CERTREQ, data=b"", text="no authority"), "RFC7296-3.7-5")


@purpose("cert-request-several", "RFC4945-3.2.8.3-1", "RFC7296-3.7-5", role="responder", connection=certificates())
def test_request_several(peer: Peer) -> None:
    """Three CERTREQ payloads: two name strangers, the right authority stands in the one between them."""
    strangers = [CERTREQ(CertEncoding.X509_SIGNATURE, peer.random(20)) for _ in range(2)]
    both = bend.insert(strangers[0]) | bend.append(strangers[1])
    asked_with(peer, both, "RFC4945-3.2.8.3-1")


@purpose("cert-request-encodings", "RFC4945-3.2.8.1-1", "RFC7296-3.7-5", role="responder", connection=certificates())
def test_request_encodings(peer: Peer) -> None:
    """Behind the right CERTREQ come three for encodings that are unknown, or that hardly anybody supports; in turn."""
    for encodings in GROUPS:
        payloads = [CERTREQ(one, peer.random(20)) for one in encodings]
        numbers = ", ".join(str(int(one)) for one in encodings)
        asked_with(peer, after_first(CERTREQ, payloads, f"for the encodings {numbers}, too"), "RFC4945-3.2.8.1-1")
