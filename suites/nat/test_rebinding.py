"""A peer behind a NAT whose mapping changes in mid-session (RFC 7296, sections 2.11 and 2.23)."""

from collections.abc import Iterator
from contextlib import contextmanager

from conformance.net.link import Address
from conformance.net.nat import Mappings
from conformance.script import bend
from conformance.script.message import rekeys_child, rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import NotApplicable, Unanswered, Unexpected
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from suites.connections import usual
from suites.create_child_sa.answers import carries, deletes_ike, deletion, successor
from suites.dut import Dut
from suites.nat.steps import DESTINATION, SOURCE, behind_nat, established_behind, opened, own_request, settle
from suites.purpose import purpose

NAT, DELETES = Capability.NAT_T, Capability.DELETE_IKE
REPEATS = "RFC7296-2.1-7"
ELSEWHERE = 45001
"""A port from which nothing has come before."""


@purpose(
    "nat-masquerade", "RFC7296-2.23-2", "RFC7296-2.23-3", "RFC7296-2.11-1", "RFC7296-2.11-2", "RFC7296-2.23-4",
    role="responder", needs=(NAT, DELETES),
)  # fmt: skip
def test_masquerade(peer: Peer, dut: Dut) -> None:
    """Through a NAT that changes address and ports the IKE SA comes up, is rekeyed, and requests come back."""
    behind_nat(peer, dut)
    sa = opened(peer, "RFC7296-2.23-2")
    sa.auth()
    sa.must_be_established("RFC7296-2.23-2")
    sa.rekey_child()
    sa.liveness()
    carries(peer, dut)
    own_request(dut, sa, "RFC7296-2.23-4")


@purpose(
    "nat-4500-first", "RFC7296-2.23-3", "RFC7296-2.23-2", "RFC7296-2.23-22", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_4500_first(peer: Peer, dut: Dut) -> None:
    """An initiator behind a NAT may use port 4500 from the first message on."""
    behind_nat(peer, dut)
    sa = peer.sa()
    sa.float_port()
    sa.init()
    sa.auth()
    sa.must_be_established("RFC7296-2.23-2")
    own_request(dut, sa, "RFC7296-2.23-3")


@purpose(
    "nat-rebind-port", "RFC7296-2.11-2", "RFC7296-2.23-25", "RFC7296-2.23-19", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_port(peer: Peer, dut: Dut) -> None:
    """The NAT forgets its mapping; after one message from the new port the device's requests go there."""
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    settle(peer)
    mappings.rebind()
    answered(sa)
    carries(peer, dut, requirement="RFC7296-2.23-25")
    own_request(dut, sa, "RFC7296-2.23-25")


@purpose(
    "nat-rebind-address", "RFC7296-2.11-2", "RFC7296-2.23-25", "RFC7296-2.23-19", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_address(peer: Peer, dut: Dut) -> None:
    """The NAT gets another address; after one message from there the device's requests go there."""
    if dut.pixit.tester_spare is None:
        raise NotApplicable("the tester has one address only")
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    settle(peer)
    mappings.rebind(dut.pixit.tester_spare)
    answered(sa)
    carries(peer, dut, requirement="RFC7296-2.23-25")
    own_request(dut, sa, "RFC7296-2.23-25")


@purpose(
    "nat-rebind-rekeyed", "RFC7296-2.11-2", "RFC7296-2.23-4", "RFC7296-2.23-25", role="responder",
    needs=(NAT, DELETES, Capability.REKEY_IKE),
)  # fmt: skip
def test_rebind_rekeyed(peer: Peer, dut: Dut) -> None:
    """An IKE SA that replaces another goes on at the address and port to which the peer has moved."""
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    settle(peer)
    mappings.rebind()
    answered(sa)
    with peer.preamble("our rekey of the IKE SA"):
        new = successor(peer, sa)
    new.liveness()
    carries(peer, dut, requirement="RFC7296-2.23-25")
    own_request(dut, new, "RFC7296-2.23-25")


@purpose(
    "nat-rekey", "RFC7296-2.23-4", "RFC7296-2.23-25", role="initiator",
    needs=(NAT, DELETES, Capability.REKEY_IKE),
)  # fmt: skip
def test_rekey(peer: Peer, dut: Dut) -> None:
    """The device rekeys an IKE SA through a NAT: its request and those on the new IKE SA come to our mapping."""
    behind_nat(peer, dut)
    sa = peer.establish()
    peer.pause()
    dut.rekey_ike()
    sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
    new = sa.rekeyed
    deletion(sa, deletes_ike)
    new.liveness()
    carries(peer, dut)
    own_request(dut, new, "RFC7296-2.23-4")


@purpose(
    "nat-rebind-child", "RFC7296-2.23-4", "RFC7296-2.23-25", role="initiator",
    needs=(NAT, Capability.REKEY_CHILD),
)  # fmt: skip
def test_rebind_child(peer: Peer, dut: Dut) -> None:
    """After the peer has moved the device rekeys a Child SA: the request comes to the new mapping."""
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    settle(peer)
    mappings.rebind()
    answered(sa)
    peer.pause()
    dut.rekey_child()
    request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_child, requirement="RFC7296-2.23-25")
    peer.check(request.destination == sa.local, f"a request to {sa.local}", request.destination, "RFC7296-2.23-25")
    sa.answer(request)
    sa.must_be_up()
    carries(peer, dut, requirement="RFC7296-2.23-25")


@purpose(
    "nat-rebind-forged", "RFC7296-2.23-25", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_forged(peer: Peer, dut: Dut) -> None:
    """A message from another port whose integrity check fails does not move the peer."""
    sa = established_behind(peer, SOURCE)
    here = sa.local
    sa.local = Address(here.host, ELSEWHERE)
    sa.send(ExchangeType.INFORMATIONAL, bend=bend.flip_icv())
    sa.local = here
    own_request(dut, sa, "RFC7296-2.23-25", bypass=True)


@purpose(
    "nat-rebind-unprotected", "RFC7296-2.23-25", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_unprotected(peer: Peer, dut: Dut) -> None:
    """The IKE_SA_INIT request again, which nobody protects, does not move the peer to where it came from."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH"):
        sa.init()
        assert sa.last_sent is not None
        first = sa.last_sent
        sa.float_port()
        sa.auth()
        sa.must_be_established()
    peer.pause()
    peer.send_raw(first.datagrams[0], Address(sa.local.host, ELSEWHERE), peer.remote)
    own_request(dut, sa, "RFC7296-2.23-25", bypass=True)


@purpose(
    "nat-rebind-replayed", "RFC7296-2.23-25", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_replayed(peer: Peer, dut: Dut) -> None:
    """An old message again, from another port, does not move the peer: only new messages do.

    Otherwise anybody who has recorded one could send the device's packets elsewhere. The request that is sent again was
    answered already, and another one after it.
    """
    sa = established_behind(peer, SOURCE)
    sa.liveness()
    assert sa.last_sent is not None
    old = sa.last_sent
    sa.liveness()
    for sent in (old, sa.last_sent):
        sa.resend(sent, source=Address(sa.local.host, ELSEWHERE))
        peer.flush()
        peer.pause()
    own_request(dut, sa, "RFC7296-2.23-25", bypass=True)


@purpose(
    "nat-rebind-behind-nat", "RFC7296-2.11-2", "RFC7296-2.23-26", role="responder", needs=(NAT, DELETES)
)  # fmt: skip
def test_rebind_behind_nat(peer: Peer, dut: Dut) -> None:
    """A device that is behind a NAT itself does not follow a message from another port: it could be an attack.

    The answer goes to where the request came from, and the device's own requests to where the peer was before.
    """
    sa = established_behind(peer, DESTINATION)
    ask_from_elsewhere(sa)
    own_request(dut, sa, "RFC7296-2.23-26")


@purpose("nat-rebind-both-behind", "RFC7296-2.11-2", "RFC7296-2.23-26", role="responder", needs=(NAT, DELETES))
def test_rebind_both_behind(peer: Peer, dut: Dut) -> None:
    """A device that is behind a NAT itself does not follow a peer behind a NAT of its own either."""
    sa = established_behind(peer, SOURCE, DESTINATION)
    ask_from_elsewhere(sa)
    own_request(dut, sa, "RFC7296-2.23-26")


@purpose("nat-response-port", "RFC7296-2.11-2", "RFC7296-2.11-3", role="responder", needs=(NAT,))
def test_response_port(peer: Peer, dut: Dut) -> None:
    """A request that is repeated from a new mapping is answered there: the answer to the first one was lost."""
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    sa.liveness()
    assert sa.last_sent is not None
    settle(peer)
    mappings.rebind()
    with from_new_mapping():
        again = sa.repeat(sa.last_sent)
    peer.check(again.source == sa.remote, f"a response from {sa.remote}", again.source, "RFC7296-2.11-3")
    sa.must_be_up()


@purpose(
    "nat-rebind-retransmission", "RFC7296-2.11-2", REPEATS, "RFC7296-2.23-25", role="initiator",
    needs=(NAT, Capability.REKEY_CHILD),
    connection=usual(retransmit_timeout=1.0, retransmit_tries=4), waits=4.0,
)  # fmt: skip
def test_rebind_retransmission(peer: Peer, dut: Dut) -> None:
    """A request of the device is under way to a mapping that is gone; its repetition goes to the new one.

    The mapping is forgotten, the device's request is refused by the NAT, then one message of ours comes from a new
    port. All packets should go there from then on, retransmissions included.
    """
    own = dut.retransmission
    mappings = behind_nat(peer, dut)
    sa = peer.establish()
    settle(peer)
    mappings.rebind()
    dut.rekey_child()
    peer.idle(0.2 * own.timeout)
    if isinstance(mappings, Mappings):
        peer.check(mappings.refused, "a request to the old mapping", "nothing")
    sa.hold(ExchangeType.CREATE_CHILD_SA)
    with from_new_mapping():
        sa.liveness()
    astray = len(mappings.refused) if isinstance(mappings, Mappings) else None
    timeout = own.until(2) + peer.response_timeout
    try:
        request = sa.expect_request(ExchangeType.CREATE_CHILD_SA, timeout=timeout, where=rekeys_child)
    except Unexpected as nothing:
        silent = isinstance(mappings, Mappings) and len(mappings.refused) == astray
        raise Unexpected(nothing.expected, nothing.got, REPEATS if silent else "RFC7296-2.23-25") from None
    sa.answer(request)
    sa.must_be_up()


def ask_from_elsewhere(sa: ScriptedSa) -> None:
    """A new request from another port, whose answer must come there."""
    here, there = sa.local, Address(sa.local.host, ELSEWHERE)
    sa.local = there
    with from_new_mapping():
        answer = sa.response(sa.begin(sa.start_liveness))
    sa.peer.check(answer.destination == there, f"an answer to {there}", answer.destination, "RFC7296-2.11-2")
    sa.local = here


@contextmanager
def from_new_mapping() -> Iterator[None]:
    """Inside a request comes from where nothing has come before: if there is no answer, it went elsewhere."""
    try:
        yield
    except Unanswered as silent:
        raise Unexpected(f"{silent.expected}, at the new mapping", silent.got, "RFC7296-2.11-2") from None


def answered(sa: ScriptedSa) -> None:
    """A request from a new mapping, and its answer, which must come there."""
    sa.must_be_up("RFC7296-2.11-2", "an answer at the new mapping")
