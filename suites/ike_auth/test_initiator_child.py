"""The device initiates: what it makes of our answer about its first Child SA (RFC 7296, sections 1.2, 1.3.1, 2.9)."""

from collections.abc import Callable
from dataclasses import replace

from conformance.crypto.keywords import keyword
from conformance.ike.core.connection import Mode
from conformance.ike.core.selectors import covered, selectors
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ends_ike_sa
from conformance.wire import SA, Notify, NotifyType, TransformType, TSi, TSr
from peers.capabilities import Capability
from peers.contract import ChildStatus
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.foreign import unoffered
from suites.ike_auth.initiating import answered, children, described
from suites.ike_auth.steps import host_to_host, without_notify
from suites.purpose import purpose


def other_cipher(offer: SA, *, beside: bool) -> Bend:
    """SAr2 with a cipher that is not offered, beside the right one or in its place."""
    other = unoffered(offer, TransformType.ENCR)

    def change(sa: SA) -> SA:
        chosen = sa.proposals[0]
        kept = tuple(one for one in chosen.transforms if beside or one.type != TransformType.ENCR)
        return SA((replace(chosen, transforms=(*kept, other)),))

    return bend.replace(SA, change, f"SA with {keyword(other)}, which was not offered")


def after(
    peer: Peer, dut: Dut, bent: Bend | Callable[[SA], Bend], wrong: Callable[[ChildStatus], bool] = lambda one: True
) -> list[ChildStatus]:
    """The ``wrong`` Child SA that the device has made of our bent response; the IKE SA is kept, or deleted openly.

    In the exchange right after IKE_AUTH an error may end it as well as a Delete does (RFC 7296, section 2.21.2).
    """
    sa, spis = answered(peer, dut, bent)
    kept(peer, sa, "RFC7296-1.2-16", ends_ike_sa)
    return children(peer, dut, spis, wrong)


@purpose(
    "auth-child-failed", "RFC7296-2.21.2-6", "RFC7296-1.2-16", "RFC7296-1.2-17", "RFC7296-2.21.2-8", role="initiator"
)
def test_child_failed(peer: Peer, dut: Dut) -> None:
    """A responder that refuses the first Child SA is authenticated all the same.

    We prove who we are and answer N(NO_PROPOSAL_CHOSEN) in place of SA, TSi and TSr. The device must not report that as
    an authentication failure. It keeps the IKE SA, or deletes it with a Delete payload.
    """
    sa, _ = answered(peer, dut, bend.drop(SA, TSi, TSr) | bend.append(Notify(NotifyType.NO_PROPOSAL_CHOSEN)))
    kept(peer, sa, "RFC7296-1.2-16")
    failed = [one for one in peer.inbox if one.sa is sa and one.message.notify(NotifyType.AUTHENTICATION_FAILED)]
    peer.check(not failed, "no N(AUTHENTICATION_FAILED)", failed[0] if failed else "", "RFC7296-2.21.2-6")


@purpose(
    "auth-responder-sa-not-offered", "RFC7296-3.3.6-5", "RFC7296-3.3.6-6", role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_sa_not_offered(peer: Peer, dut: Dut) -> None:
    """A suite that it did not offer is nothing that an initiator may use."""
    found = after(peer, dut, lambda offer: other_cipher(offer, beside=False))
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6")


@purpose("auth-responder-sa-two", "RFC7296-3.3.6-5", "RFC7296-3.3.6-6", role="initiator", needs=(Capability.LIST_SAS,))
def test_sa_two(peer: Peer, dut: Dut) -> None:
    """A responder may not choose two algorithms of a type: an initiator that is told so has no suite to use."""
    found = after(peer, dut, lambda offer: other_cipher(offer, beside=True))
    peer.check(not found, "no such Child SA", described(found), "RFC7296-3.3.6-6")


@purpose(
    "auth-responder-wider-ts", "RFC7296-5.1-1", "RFC7296-2.9-3", "RFC7296-1.3.1-5", role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_wider_ts(peer: Peer, dut: Dut) -> None:
    """Selectors wider than proposed do not widen the Child SA: it is narrowed, deleted, or never made."""
    wide = selectors(("0.0.0.0/0",))
    policy = dut.connection.children[0]

    def wider(child: ChildStatus) -> bool:
        inside = covered(selectors(child.local_ts), selectors(policy.local_ts))
        return not (inside and covered(selectors(child.remote_ts), selectors(policy.remote_ts)))

    bent = bend.change(TSi, selectors=wide) | bend.change(TSr, selectors=wide)
    found = after(peer, dut, bent, wider)
    allowed = f"from {', '.join(policy.local_ts)} to {', '.join(policy.remote_ts)}"
    peer.check(not found, f"no Child SA beyond {allowed}", described(found), "RFC7296-5.1-1", bypass=True)


@purpose(
    "auth-responder-other-ts", "RFC7296-5.1-1", "RFC7296-2.9-3", "RFC7296-1.3.1-5", role="initiator",
    needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_other_ts(peer: Peer, dut: Dut) -> None:
    """Selectors that were not proposed at all make no Child SA."""
    other = selectors(("198.51.100.0/24",))
    found = after(peer, dut, bend.change(TSi, selectors=other) | bend.change(TSr, selectors=other))
    peer.check(not found, "no such Child SA", described(found), "RFC7296-5.1-1", bypass=True)


@purpose(
    "auth-transport-not-granted", "RFC7296-1.3.1-8", "RFC7296-1.3.1-9", "RFC7296-1.3.1-10", role="initiator",
    connection=host_to_host(), needs=(Capability.LIST_SAS,),
)  # fmt: skip
def test_transport_not_granted(peer: Peer, dut: Dut) -> None:
    """Without N(USE_TRANSPORT_MODE) in the response the Child SA is one in tunnel mode, or the device deletes it."""
    bent = without_notify(NotifyType.USE_TRANSPORT_MODE)
    found = after(peer, dut, bent, lambda child: child.mode == Mode.TRANSPORT)
    peer.check(not found, "no Child SA in transport mode", described(found), "RFC7296-1.3.1-8")
