"""What stands twice in an IKE_SA_INIT request, and attributes that nobody asked for (RFC 7296, sections 1.2, 3.3)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.ike.core.proposals import of_type, parsed
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.wire import KE, SA, Attribute, AttributeType, Nonce, Transform, TransformType
from suites.choices import ENCR, NO_BITS, PRF, including, with_key_length
from suites.connections import usual
from suites.ike_sa_init.steps import finish, handshake, normal, offer_also
from suites.purpose import purpose

RESPONSE, UNMODIFIED = "RFC7296-1.2-3", "RFC7296-3.3.6-4"
OTHER_BITS = 192
"""A key length beside the one of a cipher."""
ONE_LENGTH = usual(proposals=including("chacha20poly1305-3des"))


@purpose("init-doubled", RESPONSE, "RFC7296-2.7-1", role="responder")
def test_doubled(peer: Peer) -> None:
    """A request with SA, KE or Ni twice is refused, ignored, or gets one of each, and the handshake completes.

    The two are the same, and no RFC says what follows.
    """
    for kind in (SA, KE, Nonce):
        sa = peer.sa(initial_contact=False)
        sa.begin(sa.start_init, bend.double(kind))
        handshake(peer, sa=peer.sa(initial_contact=False))
        answer = next((one.message for one in peer.inbox if one.sa is sa and one.message.first(SA)), None)
        if answer is None:
            peer.note(f"nothing comes of {kind.__name__} twice")
            sa.pending = None
            continue
        normal(peer, answer, RESPONSE)
        for one in (SA, KE, Nonce):
            peer.check(len(answer.all(one)) == 1, f"one {one.__name__}", answer, RESPONSE)
        sa.auth()
        sa.must_be_established(RESPONSE)


def with_odd(peer: Peer, kind: TransformType, alter: Callable[[Transform], Transform], why: str) -> None:
    """Our proposal with one transform altered stands before the right one.

    It may be chosen, with the transform as it came, or the other one is, or the whole offer is refused.
    """
    text = peer.connection.proposals[0]
    mine = of_type(parsed((text,))[0], kind)[0]
    odd = alter(mine)
    how = offer_also(text, lambda one: odd if one == mine else one, why=f"{keyword(mine)} {why}")
    answer = peer.sa().init(how)
    found = answer.first(SA)
    if found is None:
        peer.note("the whole offer is refused")
        handshake(peer)
        return
    one = normal(peer, answer).first(SA)
    assert one is not None
    chosen = one.proposals[0]
    right = odd if chosen.number == 1 else mine
    peer.check(of_type(chosen, kind) == (right,), "the transform as it was offered", answer, UNMODIFIED)


@purpose(
    "init-attribute-twice", UNMODIFIED, "RFC7296-3.3.6-3", role="responder", connection=usual(proposals=with_key_length)
)
def test_attribute_twice(peer: Peer) -> None:
    """A cipher has two Key Length attributes of different values: the device does not choose between them."""
    other = Attribute(AttributeType.KEY_LENGTH, OTHER_BITS)
    with_odd(peer, ENCR, lambda one: replace(one, attributes=(*one.attributes, other)), "with another key length, too")


@purpose("init-key-length-of-prf", UNMODIFIED, "RFC7296-3.3.6-9", role="responder")
def test_key_length_of_prf(peer: Peer) -> None:
    """A PRF has a Key Length, which is only for ciphers: what the device chooses comes back as it was offered."""
    bits = Attribute(AttributeType.KEY_LENGTH, 256)
    with_odd(peer, PRF, lambda one: replace(one, attributes=(bits,)), "with a key length")


@purpose("init-key-length-of-cipher", UNMODIFIED, "RFC7296-3.3.6-9", role="responder", connection=ONE_LENGTH)
def test_key_length_of_cipher(peer: Peer) -> None:
    """A cipher whose keys have one length has a Key Length: what the device chooses comes back as it was offered."""
    bits = Attribute(AttributeType.KEY_LENGTH, 256)
    with_odd(peer, ENCR, lambda one: replace(one, attributes=(bits,)), "with a key length")


@purpose(
    "init-key-length-odd", "RFC7296-3.3.6-10", "RFC7296-3.3.6-9", role="responder",
    connection=usual(proposals=with_key_length),
)  # fmt: skip
def test_key_length_odd(peer: Peer) -> None:
    """Offers begin with keys of 0, 1, 100 and 65535 bits: the second proposal is chosen, with the right length."""
    for bits in NO_BITS:
        odd = (Attribute(AttributeType.KEY_LENGTH, bits),)

        def alter(one: Transform, odd: tuple[Attribute, ...] = odd) -> Transform:
            return replace(one, attributes=odd) if one.type == ENCR else one

        how = offer_also(peer.connection.proposals[0], alter, why=f"keys of {bits} bits")
        sa = peer.sa(initial_contact=False)
        found = peer.expect(normal(peer, sa.init(how)), SA, "RFC7296-3.3.6-9").proposals[0]
        peer.check(
            found.number == 2, f"proposal 2, not keys of {bits} bits", f"proposal {found.number}", "RFC7296-3.3.6-10"
        )
        finish(sa)
