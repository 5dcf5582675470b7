"""SPIs of zero where there must be one, and one where there is none yet (RFC 7296, sections 2.6 and 3.1)."""

from conformance.ike.core.sending import NO_SPI
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import SA, ExchangeType
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.ike_sa_init.steps import handshake, no_auth
from suites.purpose import purpose

FIRST, OURS, MAPPED, OWN = "RFC7296-3.1-9", "RFC7296-3.1-8", "RFC7296-2.6-2", "RFC7296-2.6-1"


def makes_none(peer: Peer, bent: Bend, requirement: str) -> None:
    """A request with other SPIs makes no IKE SA, whatever its answer; a correct one does."""
    sa = peer.sa()
    sa.begin(sa.start_init, bent)
    assert sa.last_sent is not None
    asked = sa.last_sent.message.spi_i
    sa.pending = None
    handshake(peer)
    made = [one for one in peer.inbox if one.message.spi_i == asked and one.message.first(SA)]
    peer.check(not made, "no SA payload in a response", "; ".join(map(str, made)), requirement)


@purpose("init-spi-i-zero", OURS, MAPPED, role="responder")
def test_spi_i_zero(peer: Peer) -> None:
    """The initiator SPI of a request is zero, which names no IKE SA: none comes of it."""
    makes_none(peer, bend.header("an initiator SPI of zero", spi_i=NO_SPI), OURS)


@purpose("init-spi-r-set", OWN, FIRST, role="responder", without=("response",))
def test_spi_r_set(peer: Peer) -> None:
    """A first request has a responder SPI that nobody has chosen: no IKE SA comes of it, or one with the device's own.

    Only who sends a first request is bound to leave the SPI to its peer.
    """
    ours = b"\1" + peer.random(7)
    sa = peer.sa()
    sa.begin(sa.start_init, bend.header("a responder SPI", spi_r=ours))
    sa.pending = None
    handshake(peer)
    made = [one for one in peer.inbox if one.message.spi_i == sa.spi_i and one.message.first(SA)]
    taken = [str(one) for one in made if one.message.spi_r == ours]
    peer.check(not taken, "a responder SPI of the device's own choice", "; ".join(taken), OWN)


@purpose("init-response-spi-i-zero", MAPPED, "RFC7296-2.21.4-1", role="initiator")
def test_response_spi_i_zero(peer: Peer, dut: Dut) -> None:
    """A response whose initiator SPI is zero is for nobody, though all the rest is right; the true one comes then."""
    dut.initiate()
    first = peer.expect_init()
    stray = peer.respond_init(first, bend.header("an initiator SPI of zero", spi_i=NO_SPI))
    no_auth(peer, dut, first, MAPPED)
    del peer.sas[stray.own_spi]
    sa = peer.respond_init(first)
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH, requirement=MAPPED))
    must_be_accepted_by(sa, MAPPED)
