"""NAT detection that is odd, and NATs that come between two exchanges (RFC 7296, 2.23; RFC 3948, 2.3)."""

from dataclasses import replace
from functools import partial

from conformance.ike.core.sending import State
from conformance.net.link import Address
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import Unanswered, Unexpected
from conformance.wire import SA, ExchangeType, Notify, NotifyType, Payload
from peers.capabilities import Capability
from suites.create_child_sa.answers import carries, successor
from suites.dut import Dut
from suites.nat.steps import (
    DESTINATION,
    SOURCE,
    behind_nat,
    established_behind,
    is_digest,
    opened,
    own_request,
    settle,
)
from suites.purpose import purpose

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE
ANY_PORT, WAY_BACK, FLOATS = "RFC7296-2.23-2", "RFC7296-2.23-3", "RFC7296-2.23-21"
ELSEWHERE = 45002
"""A port from which nothing has come before."""


# --- digests ----------------------------------------------------------------------------------------------------------


def of_size(size: int, *kinds: NotifyType) -> Bend:
    """Digests of another size, which begin as the right ones do."""

    def change(one: Notify) -> Notify:
        return replace(one, data=(one.data + bytes(size))[:size]) if one.type in kinds else one

    return bend.replace(Notify, change, f"{' and '.join(kind.name for kind in kinds)} of {size} octets")


def without(kind: NotifyType) -> Bend:
    """One of the two digests is missing."""
    return bend.order(
        lambda found: [one for one in found if not (isinstance(one, Notify) and one.type == kind)],
        f"without {kind.name}",
    )


def doubled() -> Bend:
    """Each digest stands there twice."""

    def change(found: list[Payload]) -> list[Payload]:
        return [each for one in found for each in ([one, one] if is_digest(one) else [one])]

    return bend.order(change, "each digest twice")


def goes_on(peer: Peer, bent: Bend, *, floating: bool) -> None:
    """A device that answers such a request with an IKE_SA_INIT response serves it to the end.

    It may take what is odd for an error, or for nothing. With ``floating`` we go on from port 4500.
    """
    sa = peer.sa()
    try:
        answer = sa.init(bent)
    except Unexpected:
        peer.note("the device does not answer that, as it may")
        return
    if answer.first(SA) is None:
        peer.check(fatal(answer), "a normal response, or an error", answer, "RFC7296-3.10.1-6")
        return
    if floating:
        sa.float_port()
    done = sa.auth()
    where = ANY_PORT if floating else WAY_BACK
    peer.check(sa.state == State.ESTABLISHED, "an IKE SA", done, where)
    assert sa.received is not None
    came = sa.received.destination
    peer.check(came == sa.local, f"the response at {sa.local}", came, WAY_BACK)
    sa.must_be_up(where)
    sa.delete()


@purpose("nat-digest-sizes", ANY_PORT, WAY_BACK, role="responder", needs=(NAT,))
def test_sizes(peer: Peer) -> None:
    """Digests of 0, 19, 21 and 200 octets fit no address: whoever goes on with us does so from port 4500, too."""
    for size in (0, 19, 21, 200):
        goes_on(peer, of_size(size, SOURCE, DESTINATION), floating=True)


@purpose("nat-digest-alone", WAY_BACK, ANY_PORT, role="responder", needs=(NAT,))
def test_alone(peer: Peer) -> None:
    """One of the two digests is missing, or each stands there twice: whoever goes on with us does so to the end.

    Some take that for a peer without NAT traversal, some for one that has it. We stay at the port where we began.
    """
    for bent in (without(SOURCE), without(DESTINATION), doubled()):
        goes_on(peer, bent, floating=False)


@purpose("nat-digest-sizes-initiator", FLOATS, "RFC7296-2.23-20", role="initiator", needs=(NAT,))
def test_sizes_initiator(peer: Peer, dut: Dut) -> None:
    """The source digest of our response lacks its last octet and fits no address: the device goes on at port 4500.

    It may give the attempt up as well.
    """
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), of_size(19, SOURCE))
    try:
        request = sa.expect_request(ExchangeType.IKE_AUTH)
    except Unexpected:
        peer.note("the device goes no further, as it may")
        return
    wanted, came = peer.connection.local_ports[1], request.destination.port
    peer.check(came == wanted, f"IKE_AUTH to port {wanted}", f"port {came}", FLOATS)
    sa.answer(request)
    sa.must_be_established()
    sa.must_be_up()


# --- keepalives -------------------------------------------------------------------------------------------------------


@purpose(
    "nat-keepalive-odd", "RFC7296-2.23-25", "RFC3948-2.3-5", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_keepalive_odd(peer: Peer, dut: Dut) -> None:
    """What is like a keepalive, but longer or another octet, gets no answer and does not move the peer either."""
    sa = established_behind(peer, SOURCE)

    def send() -> None:
        for raw in (b"\0", b"\xfe", b"\xff\xff", b"\xff" * 3, b"\xff" * 4, b"\xff" * 8, b"\xff" + bytes(40)):
            peer.send_raw(raw, Address(sa.local.host, ELSEWHERE), sa.remote)

    with sa.silence("RFC3948-2.3-5"):
        send()
    send()  # the proof of silence has moved us back
    own_request(dut, sa, "RFC7296-2.23-25", bypass=True)


# --- a NAT that was not there before ----------------------------------------------------------------------------------


def answered_at(peer: Peer, sa: ScriptedSa, what: str) -> None:
    """The last response has come to where our request was sent from."""
    assert sa.received is not None
    came = sa.received.destination
    peer.check(came == sa.local, f"the response to {what} at {sa.local}", came, WAY_BACK)


@purpose("nat-appears", WAY_BACK, ANY_PORT, role="responder", needs=(NAT,))
def test_appears(peer: Peer, dut: Dut) -> None:
    """The digests fit, so there is no NAT; then IKE_AUTH comes through one, from a port that nobody has seen before."""
    sa = opened(peer, ANY_PORT)
    sa.local = Address(sa.local.host, ELSEWHERE)
    try:
        answer = sa.auth()
    except Unexpected as silent:
        raise Unexpected(f"{silent.expected}, at {sa.local}", silent.got, WAY_BACK) from None
    peer.check(sa.state == State.ESTABLISHED, "an IKE SA", answer, ANY_PORT)
    answered_at(peer, sa, "IKE_AUTH")
    sa.must_be_up(WAY_BACK)


@purpose(
    "nat-appears-rekey", WAY_BACK, ANY_PORT, "RFC7296-2.23-25", role="responder",
    needs=(NAT, DELETES, Capability.REKEY_CHILD, Capability.REKEY_IKE),
)  # fmt: skip
def test_appears_rekey(peer: Peer, dut: Dut) -> None:
    """Our rekeys of the Child SA and of the IKE SA are each the first that comes through a new mapping of our NAT."""
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    for step in (partial(sa.rekey_child), partial(successor, peer, sa)):
        settle(peer)
        mappings.rebind()
        try:
            step()
        except Unanswered as silent:
            raise Unexpected(f"{silent.expected}, at the new mapping", silent.got, WAY_BACK) from None
        carries(peer, dut, requirement="RFC7296-2.23-25")
    own_request(dut, sa.rekeyed, "RFC7296-2.23-25")
