"""Malformed IKE_SA_INIT requests: lengths, counts and chains that do not fit (RFC 7296, sections 2.21.1 and 3)."""

from dataclasses import replace

from conformance.ike.core.proposals import parsed
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import SA, Attribute, AttributeType, Nonce, Notify, Proposal, Transform
from suites.create_child_sa.answers import shortest_nonce
from suites.format.steps import BUSY, begun, rejects, serves_others
from suites.purpose import purpose


def _proposal(**lies: int) -> Bend:
    """Our SA payload with a lie in its first proposal."""
    return bend.replace(
        SA, lambda sa: replace(sa, proposals=(replace(sa.proposals[0], **lies), *sa.proposals[1:])), f"proposal {lies}"
    )


def _transform(text: str, **changes: object) -> Bend:
    """Our SA payload with a change in its first transform."""

    def lying(sa: SA) -> SA:
        proposal: Proposal = sa.proposals[0]
        first: Transform = replace(proposal.transforms[0], **changes)  # type: ignore[arg-type]
        return replace(sa, proposals=(replace(proposal, transforms=(first, *proposal.transforms[1:])),))

    return bend.replace(SA, lying, text)


def _header_length(by: int) -> Bend:
    return bend.ciphertext(
        lambda raw: raw[:24] + (len(raw) + by).to_bytes(4, "big") + raw[28:], f"header Length {by:+d}"
    )


@purpose("format-sa-length", "RFC7296-3.3-4", "RFC7296-2.21-1", role="responder")
def test_sa_length(peer: Peer) -> None:
    """A proposal that claims to be longer than its SA payload, or shorter than its transforms, is not accepted."""
    rejects(peer, "RFC7296-3.3-4", _proposal(length=200), _proposal(length=12), _proposal(length=0))


@purpose("format-transform-count", "RFC7296-3.3-4", role="responder")
def test_transform_count(peer: Peer) -> None:
    """A proposal with one transform more, or one less, than its count says is not accepted."""
    count = len(parsed(peer.connection.proposals)[0].transforms)
    rejects(peer, "RFC7296-3.3-4", _proposal(transform_count=count + 1), _proposal(transform_count=count - 1))


@purpose("format-transform-length", "RFC7296-3.3-4", role="responder")
def test_transform_length(peer: Peer) -> None:
    """A transform of 4 octets, of none, or one that reaches beyond its proposal is not accepted."""
    rejects(peer, "RFC7296-3.3-4", *(_transform(f"transform length {size}", length=size) for size in (4, 0, 200)))


@purpose("format-attribute-length", "RFC7296-3.3-4", role="responder")
def test_attribute_length(peer: Peer) -> None:
    """An attribute in the long form that claims more octets than its transform has is not accepted.

    Nor is one that claims fewer and leaves two octets behind it, which can be no attribute.
    """
    more = Attribute(AttributeType.KEY_LENGTH, b"\x00\x80", length=400)
    fewer = Attribute(AttributeType.KEY_LENGTH, b"\x00\x80\x00\x00", length=2)
    lies = (_transform(f"attribute length {one.length}", attributes=(one,)) for one in (more, fewer))
    rejects(peer, "RFC7296-3.3-4", *lies)


@purpose("format-spi-size", "RFC7296-3.3-4", "RFC7296-3.3.1-8", role="responder")
def test_spi_size(peer: Peer) -> None:
    """A proposal whose SPI Size reaches beyond its end is not accepted."""
    rejects(peer, "RFC7296-3.3-4", _proposal(spi_size=255))


@purpose("format-last-substructure", "RFC7296-5-1", role="responder")
def test_last_substructure(peer: Peer) -> None:
    """A proposal, then a transform, says that another one follows, and none does: any answer will do.

    What counts is that a correct request afterwards is served.
    """
    begun(peer, _proposal(last=2), _transform("first transform is the last", last=0))
    serves_others(peer)


@purpose("format-payload-length-short", "RFC7296-2.21-1", "RFC7296-5-1", role="responder")
def test_payload_length_short(peer: Peer) -> None:
    """Payloads of 3, of 1 and of 0 octets cannot be: their header has four. Nobody must hang on them."""
    rejects(peer, "RFC7296-2.21-1", *(bend.change(Nonce, length=size) for size in (3, 1, 0)))


@purpose("format-payload-length-long", "RFC7296-2.21-1", "RFC7296-5-1", role="responder")
def test_payload_length_long(peer: Peer) -> None:
    """The last payload claims to reach beyond the end of the message: by one octet, and by very many."""
    rejects(peer, "RFC7296-2.21-1", _last(length=29), _last(length=65535))


def _last(**lies: int) -> Bend:
    """The request with a notify of 28 octets at the end, which lies."""
    return bend.append(replace(Notify(40_960, bytes(20)), **lies))  # type: ignore[arg-type]


@purpose("format-next-payload-dangling", "RFC7296-2.21-1", "RFC7296-3.1-4", role="responder")
def test_dangling(peer: Peer) -> None:
    """The last payload says that a Notify payload follows, and none does."""
    rejects(peer, "RFC7296-2.21-1", _last(next_payload=41))


@purpose("format-header-length", "RFC7296-5-1", role="responder")
def test_header_length(peer: Peer) -> None:
    """The Length of the IKE header is 100 octets more, then 10 less, than there are; then it is less than a header.

    RFC 7296, section 3.1 binds the sender; a receiver may look at the Length or not, as long as it goes on serving.
    """
    begun(peer, _header_length(100), _header_length(-10), bend.header(length=27))
    serves_others(peer)


@purpose("format-truncated", "RFC7296-5-1", role="responder")
def test_truncated(peer: Peer) -> None:
    """A request that is cut after 0, 1, 27, 28, 40 octets, and one that lacks only the last octet."""
    sizes = (0, 1, 27, 28, 40, -1)
    cut = bend.datagrams(lambda found: [found[0][:size] for size in sizes], "cut short in six ways")
    rejects(peer, "RFC7296-5-1", cut, busy=BUSY)


@purpose("format-random-octets", "RFC7296-5-1", role="responder")
def test_random(peer: Peer) -> None:
    """Twenty datagrams of random octets, 1 to 1400 long, do not keep the device from serving a correct request."""
    for size in (1, 4, 8, 16, 27, 28, 29, 32, 36, 48, 64, 100, 128, 200, 256, 400, 512, 800, 1024, 1400):
        peer.send_raw(peer.random(size))
    serves_others(peer, BUSY)


@purpose("format-nonce-sizes", "RFC7296-3.9-1", role="responder")
def test_nonce_sizes(peer: Peer) -> None:
    """A nonce may have from 16 octets, or half a key of the PRF, to 256: with both the handshake succeeds."""
    for size in (shortest_nonce(peer), 256):
        sa = peer.sa()
        sa.nonce = peer.random(size)
        peer.expect(sa.init(), SA)
        sa.auth()
        sa.must_be_established()
