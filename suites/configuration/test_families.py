"""Which families of addresses a device has to give, and what a client makes of that (RFC 8983)."""

from conformance.ike.core.subnets import subnet
from conformance.script import bend, inner
from conformance.script.bend import Bend
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import CP, SA, CfgAttr, CfgType, Message, Notify, NotifyType, Payload, TSi, TSr
from peers.capabilities import Capability
from suites.configuration.client import adding, opened
from suites.configuration.steps import (
    A4,
    A6,
    INNER,
    INNER6,
    asking,
    asking_both,
    requested,
    serving,
    serving_both,
    values,
    wanting,
)
from suites.create_child_sa.answers import kept
from suites.dut import Dut
from suites.ike_auth.steps import must_be_accepted_by
from suites.purpose import purpose

FOUR, SIX = NotifyType.IP4_ALLOWED, NotifyType.IP6_ALLOWED
TELLS = (Capability.ADDRESS_FAMILIES,)
BOTH = (*INNER, *INNER6, Capability.VIRTUAL_IPS)
QUIET = 3.0
"""Seconds in which a client does not ask again."""


# --- a device that assigns --------------------------------------------------------------------------------------------


def allowed(answer: Message) -> list[NotifyType]:
    """The families that a response allows."""
    return [one.type for one in answer.notifies() if one.type in (FOUR, SIX)]


def tells(peer: Peer, *families: NotifyType) -> None:
    """Whatever of both families is asked for, the device says that it has these."""
    for kinds in ((A4,), (A6,), (A4, A6)):
        sa, answer = requested(peer, wanting(*map(CfgAttr, kinds)), initial_contact=False)
        asked = " and ".join(one.name for one in kinds)
        names = " and ".join(one.name for one in families)
        got = ", ".join(one.name for one in allowed(answer)) or answer
        peer.check(
            sorted(allowed(answer)) == sorted(families), f"{names} where {asked} is asked for", got, "RFC8983-5-2"
        )
        data = [one.data.hex() for one in answer.notifies() if one.type in families and one.data]
        peer.check(not data, "no data", ", ".join(data), "RFC8983-4-1")
        if not any(values(answer, one) for one in kinds):
            peer.check(answer.first(SA) is None, "no Child SA without an address", answer, "RFC8983-5-7")
        kept(peer, sa, "RFC8983-5-2")


@purpose(
    "cp-families-told", "RFC8983-5-2", "RFC8983-4-1", "RFC8983-5-7", role="responder", needs=(*TELLS, *INNER),
    connection=serving(), canary=False,
)  # fmt: skip
def test_told(peer: Peer) -> None:
    """The device has IPv4 addresses only: it says so whether IPv4, IPv6 or both are asked for."""
    tells(peer, FOUR)


@purpose(
    "cp-families-told-both", "RFC8983-5-2", "RFC8983-4-1", role="responder", needs=(*TELLS, *BOTH),
    connection=serving_both, canary=False,
)  # fmt: skip
def test_told_both(peer: Peer) -> None:
    """The device has addresses of both families: it says so whichever is asked for."""
    tells(peer, FOUR, SIX)


@purpose("cp-families-unasked", "RFC8983-5-2", role="responder", needs=TELLS)
def test_unasked(peer: Peer) -> None:
    """Who asks for no address is not told of any family."""
    sa = peer.sa()
    sa.init()
    answer = sa.auth()
    peer.check(not allowed(answer), "neither IP4_ALLOWED nor IP6_ALLOWED", answer, "RFC8983-5-2")


# --- a device that asks -----------------------------------------------------------------------------------------------


def only_four(*notifies: NotifyType) -> Bend:
    """The IPv4 half of our reply, with these notifies."""
    half = bend.replace(
        CP, lambda one: CP(one.cfg_type, tuple(each for each in one.attributes if each.type != A6)), "no IPv6 address"
    )
    half |= bend.replace(TSi, lambda one: TSi(one.selectors[:1]), "TSi of IPv4")
    half |= bend.replace(TSr, lambda one: TSr(one.selectors[:1]), "TSr of IPv4")
    half |= bend.order(lambda found: [one for one in found if not _allows(one)], "no word about families")
    for kind in notifies:
        half |= bend.append(Notify(kind))
    return half


def _allows(payload: Payload) -> bool:
    return isinstance(payload, Notify) and payload.type in (FOUR, SIX)


def asks_again(peer: Peer, sa: ScriptedSa, mark: int, seconds: float = QUIET) -> list[Received]:
    """The requests of the device that come within so many seconds, without those that say nothing."""
    peer.idle(seconds)
    found = (one for one in peer.inbox[mark:] if not one.message.is_response)
    return [one for one in found if one.sa is None or (one.sa is sa and one.message.first(CP) is not None)]


@purpose(
    "cp-client-family-one", "RFC8983-5-3", "RFC7296-3.15.4-6", role="initiator", needs=BOTH, connection=asking_both,
    waits=QUIET,
)  # fmt: skip
def test_one(peer: Peer, dut: Dut) -> None:
    """Addresses of both families are asked for, one of IPv4 comes, and only IPv4 is allowed: that has to do.

    The device may be content or give up, but asks for no IPv6 address any more.
    """
    sa, request, _ = opened(peer, dut)
    mark = len(peer.inbox)
    sa.answer(request, bend=only_four(FOUR))
    again = [one for one in asks_again(peer, sa, mark) if asks_for_six(one)]
    peer.check(not again, "no further request for an IPv6 address", again[0] if again else "", "RFC8983-5-3")


def asks_for_six(request: Received) -> bool:
    """Whether a request asks for an IPv6 address on the IKE SA that is up."""
    found = (one for one in request.message.all(CP) if one.cfg_type == CfgType.REQUEST)
    return any(each.type == A6 for one in found for each in one.attributes)


@purpose(
    "cp-client-family-part", "RFC8983-5-6", role="initiator", needs=BOTH, connection=asking_both, waits=QUIET,
)  # fmt: skip
def test_part(peer: Peer, dut: Dut) -> None:
    """Addresses of both families are asked for, one of IPv4 comes, and both are allowed.

    The device may ask for the other one: then with a new IKE SA, and not on this one.
    """
    sa, request, _ = opened(peer, dut)
    mark = len(peer.inbox)
    sa.answer(request, bend=only_four(FOUR, SIX))
    again = [one for one in asks_again(peer, sa, mark) if one.sa is sa and asks_for_six(one)]
    peer.check(not again, "no request for an IPv6 address on the same IKE SA", again[0] if again else "", "RFC8983-5-6")


# --- without an address, and with networks of another tunnel ----------------------------------------------------------


def refuses_address(identifier: str, title: str, kind: NotifyType) -> object:
    """A purpose: there is no address, and the device does not ask for one again at once."""

    def test(peer: Peer, dut: Dut) -> None:
        sa, request, _ = opened(peer, dut)
        mark = len(peer.inbox)
        sa.answer(request, bend=bend.drop(CP, SA, TSi, TSr) | bend.append(Notify(kind)))
        sa.children.clear()
        again = asks_again(peer, sa, mark)
        peer.check(len(again) <= 1, f"one more request within {QUIET:g} s at most", f"{len(again)} requests",
                   "RFC7296-3.15.4-11")  # fmt: skip

    test.__doc__ = title
    return purpose(identifier, "RFC7296-3.15.4-11", role="initiator", needs=INNER, connection=asking(), waits=QUIET)(
        test
    )


test_dry = refuses_address(
    "cp-client-dry-again", "There is no address: the device does not ask again and again within three seconds.",
    NotifyType.INTERNAL_ADDRESS_FAILURE,
)  # fmt: skip
test_required = refuses_address(
    "cp-client-required-again", "Its request was no good: the device does not repeat it again and again.",
    NotifyType.FAILED_CP_REQUIRED,
)  # fmt: skip


@purpose(
    "cp-client-subnets-traffic", "RFC7296-3.15.2-2", "RFC4301-5.2-3", role="initiator",
    needs=(*INNER, Capability.DATA_PLANE), connection=asking(),
)  # fmt: skip
def test_subnets(peer: Peer, dut: Dut) -> None:
    """The reply names a network for which the Child SA is not: packets of that network are not taken on it.

    What the device wants to send there needs another Child SA first.
    """
    sa, request, _ = opened(peer, dut)
    sa.answer(request, bend=adding(subnet("10.8.0.0/24")))
    must_be_accepted_by(sa, "RFC7296-3.15.2-2")
    with peer.preamble("a ping to the inner address"):
        sa.traffic.ping()
    address = sa.virtual_address
    assert address is not None
    ours = ".".join(map(str, address))
    with sa.traffic.silence("RFC7296-3.15.2-2", bypass=True):
        sa.traffic.send(inner.ping("10.8.0.1", ours))
    sa.traffic.must_not_leak("RFC7296-3.15.2-2")
