"""Responses that an initiator had better not act on, and algorithms that nobody specifies (RFC 7296, 2.4, 2.21.1)."""

from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive
from conformance.wire import SA, Encr, ExchangeType, Integ, Notify, NotifyType, Prf, Transform
from suites.choices import separate
from suites.connections import usual
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.ike_sa_init.steps import offer_only, refused
from suites.purpose import purpose

WAITS, FIRST = "RFC7296-2.21.1-2", "RFC7296-2.4-15"
UNSPECIFIED = tuple(map(Transform.of, (Encr.DES_IV64, Encr.TRIPLE_IDEA, Encr.DES_IV32, Prf.HMAC_TIGER, Integ.KPDK_MD5)))
"""What the tables of RFC 7296, section 3.3.2, call UNSPECIFIED."""
NOT_FOR_IKE = (
    Transform.of(Encr.NULL_AUTH_AES_GMAC),
    *(Transform.of(one, 128) for one in (Encr.AES_CCM_8_IIV, Encr.AES_GCM_16_IIV)),
    Transform.of(Encr.CHACHA20_POLY1305_IIV),
)
"""Ciphers for ESP only: there is no Encrypted payload with them (RFC 4543, section 5; RFC 8750, section 5)."""


@purpose("init-error-forged", WAITS, role="initiator")
def test_error_forged(peer: Peer, dut: Dut) -> None:
    """An error without a remedy comes first, and the true response a moment later: the device goes on with that.

    Anybody who sees the request can send the error, and nothing protects it. A device with several threads might take
    the one that comes at once after it first.
    """
    dut.initiate()
    first = peer.expect_init()
    peer.refuse_init(first, Notify(NotifyType.NO_PROPOSAL_CHOSEN))
    peer.idle(peer.response_timeout / 20)
    sa = peer.respond_init(first)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH, requirement=WAITS))
    must_be_accepted_by(sa, WAITS)


@purpose("init-response-late", FIRST, role="initiator")
def test_late(peer: Peer, dut: Dut) -> None:
    """The IKE SA is up, and two more responses to the first message come: the device ignores both.

    One is from somebody with another SPI, one under the SPI of the IKE SA, with another nonce and public value.
    """
    dut.initiate()
    first = peer.expect_init()
    sa = peer.respond_init(first)
    sa.answer_auth()
    must_be_accepted_by(sa, FIRST)
    mark = len(peer.inbox)
    peer.respond_init(first)
    peer.respond_init(first, bend.header("the SPI of the IKE SA", spi_r=sa.spi_r))
    sa.must_be_up(FIRST)
    sa.must_be_up(FIRST)
    went_on = [str(one) for one in peer.inbox[mark:] if one.message.exchange == ExchangeType.IKE_AUTH]
    peer.check(not went_on, "no IKE_AUTH request", "; ".join(went_on), FIRST)


def said(one: Transform) -> str:
    """An algorithm in words."""
    return f"{one.type.name} {one.id!s}"


def with_one(peer: Peer, other: Transform) -> bend.Bend:
    """Our first proposal with one algorithm in place of its own of that type."""
    text = peer.connection.proposals[0]
    return offer_only(text, lambda one: other if one.type == other.type else one, why=said(other))


@purpose(
    "init-unspecified", "RFC7296-3.14-2", "RFC7296-3-1", "RFC7296-2.7-4", role="responder",
    connection=usual(proposals=separate),
)  # fmt: skip
def test_unspecified(peer: Peer) -> None:
    """Algorithms that are not specified, or not for the Encrypted payload, each alone in the offer: none is taken."""
    for other in NOT_FOR_IKE:
        refused(peer, with_one(peer, other), "RFC7296-3.14-2")
    for other in UNSPECIFIED:
        refused(peer, with_one(peer, other), "RFC7296-3-1")


@purpose("init-unspecified-offered", "RFC7296-3.14-2", "RFC7296-3-1", role="initiator")
def test_unspecified_offered(peer: Peer, dut: Dut) -> None:
    """The device's own offer has none of these algorithms."""
    dut.initiate()
    offered = peer.expect(peer.expect_init().message, SA).proposals
    if not offered:
        raise Inconclusive("the device offers nothing")
    for kinds, requirement in ((NOT_FOR_IKE, "RFC7296-3.14-2"), (UNSPECIFIED, "RFC7296-3-1")):
        named = {(one.type, one.id) for one in kinds}
        found = [said(one) for each in offered for one in each.transforms if (one.type, one.id) in named]
        peer.check(not found, "nothing unspecified", ", ".join(found), requirement)
