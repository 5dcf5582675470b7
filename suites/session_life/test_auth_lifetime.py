"""AUTH_LIFETIME (RFC 4478): the device demands as responder that we authenticate again, and ends what is over."""

from conformance.script.message import rekeys_ike
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.script.verdict import Unexpected
from conformance.wire import AUTH, ExchangeType, Message, NotifyType
from peers.capabilities import Capability
from suites.aaa.steps import OBEYS, SERVED, answered, must_get_in, named
from suites.configuration.steps import serving
from suites.connections import eap
from suites.create_child_sa.answers import carries, successor
from suites.dut import Dut
from suites.purpose import purpose
from suites.radius import Aaa
from suites.session_life.steps import LIFETIME, SOON, demands, must_demand, must_end

DEMANDS = (Capability.AUTH_LIFETIME, Capability.VIRTUAL_IP)
LIMITED = {"auth_lifetime": LIFETIME}
ONE_WAY = serving()
"""Whoever has an inner address of the device is the only one who can authenticate again (RFC 7296, section 2.8.3)."""
FORMAT = ("RFC4478-3-1", "RFC4478-3-2", "RFC4478-3-3", "RFC4478-3-4")
HOUR = 3600


def admitted(peer: Peer, seconds: float = LIFETIME) -> tuple[ScriptedSa, float, int]:
    """An IKE SA with the demand that we authenticate again, when that was made, and how many seconds it leaves.

    A device may demand it sooner than its policy has to.
    """
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH"):
        sa.init()
        answer = sa.auth()
        sa.must_be_established()
    return sa, peer.link.now(), must_demand(peer, answer, seconds)


@purpose(
    "auth-lifetime-told", "RFC4478-2-2", *FORMAT, role="responder", needs=DEMANDS, connection=ONE_WAY,
    device={"auth_lifetime": HOUR}, ordinary=True,
)  # fmt: skip
def test_told(peer: Peer, dut: Dut) -> None:
    """A device that limits the time says so in its IKE_AUTH response, in the one form that there is."""
    sa, _, _ = admitted(peer, HOUR)
    carries(peer, dut, sa.child)
    sa.must_be_up()


@purpose(
    "auth-lifetime-eap", "RFC4478-2-2", *FORMAT, role="responder", needs=(Capability.AUTH_LIFETIME, Capability.EAP),
    connection=eap(), device={"auth_lifetime": HOUR}, ordinary=True,
)  # fmt: skip
def test_eap(peer: Peer) -> None:
    """With EAP the demand stands in the last response of IKE_AUTH, once both have proved who they are."""
    sa = peer.sa()
    with peer.preamble("IKE_SA_INIT and IKE_AUTH with EAP"):
        sa.init()
        sa.auth()
        sa.must_be_established()
    answers = [
        one.message
        for one in peer.inbox
        if one.sa is sa and one.message.is_response and one.message.exchange == ExchangeType.IKE_AUTH
    ]
    must_demand(peer, answers[-1], HOUR)
    early = [one for one in answers[:-1] if demands(one)]
    peer.check(not early, "no AUTH_LIFETIME before the last response", early[0] if early else "", "RFC4478-2-2")
    peer.expect(answers[-1], AUTH, "RFC4478-2-2")


@purpose(
    "auth-lifetime-end", "RFC4478-3-4", "RFC4478-2-3", role="responder", needs=DEMANDS, connection=ONE_WAY,
    device=LIMITED, canary=False, waits=LIFETIME + 2,
)  # fmt: skip
def test_end(peer: Peer) -> None:
    """We do not authenticate again: when the time is over the device deletes the IKE SA, and not before."""
    sa, since, told = admitted(peer)
    must_end(peer, sa, since, told)
    sa.must_be_gone("RFC4478-2-3")


@purpose(
    "auth-lifetime-rekeyed", "RFC4478-2-4", "RFC4478-2-3", role="responder", needs=DEMANDS, connection=ONE_WAY,
    device=LIMITED, canary=False, waits=LIFETIME + 2,
)  # fmt: skip
def test_rekeyed(peer: Peer) -> None:
    """We rekey the IKE SA, twice: that proves nobody's identity, and the new one ends when the first one would have."""
    sa, since, told = admitted(peer)
    for _ in range(2):
        sa = successor(peer, sa)
    must_end(peer, sa, since, told, "RFC4478-2-4")


@purpose(
    "auth-lifetime-rekeyed-by-device", "RFC4478-2-4", "RFC4478-2-3", role="responder",
    needs=(*DEMANDS, Capability.REKEY_IKE), connection=ONE_WAY, device=LIMITED, canary=False, waits=LIFETIME + 2,
)  # fmt: skip
def test_rekeyed_by_device(peer: Peer, dut: Dut) -> None:
    """The device rekeys the IKE SA itself, whose initiator it is then: the time that it has told goes on."""
    sa, since, told = admitted(peer)
    with peer.preamble("the device rekeys the IKE SA"):
        dut.rekey_ike()
        sa.answer(sa.expect_request(ExchangeType.CREATE_CHILD_SA, where=rekeys_ike))
        new = sa.rekeyed
    must_end(peer, new, since, told, "RFC4478-2-4")


@purpose(
    "auth-lifetime-in-time", "RFC4478-2-11", "RFC4478-2-2", role="responder",
    needs=DEMANDS, connection=ONE_WAY, device={"auth_lifetime": LIFETIME + 2}, canary=False, waits=LIFETIME + 3,
)  # fmt: skip
def test_in_time(peer: Peer, dut: Dut) -> None:
    """We authenticate again in time and delete the old IKE SA: the new one gets a time of its own, and outlives it."""
    old, since, told = admitted(peer, LIFETIME + 2)
    peer.idle(LIFETIME / 2)
    sa = peer.sa(initial_contact=False)
    sa.init()
    answer = sa.auth()
    sa.must_be_established("RFC4478-2-11")
    must_demand(peer, answer, LIFETIME + 2)
    old.delete()
    peer.idle(max(since + told + 1 - peer.link.now(), 0))
    sa.must_be_up("RFC4478-2-11", "the new IKE SA outlives the time of the old one")
    carries(peer, dut, sa.child, "RFC4478-2-11")


LATER = (Capability.AUTH_LIFETIME_LATER,)


def asked_later(peer: Peer, dut: Dut, seconds: float) -> tuple[ScriptedSa, float, int]:
    """An IKE SA in the midst of which the device is told to demand that we authenticate again; as `admitted`."""
    sa = peer.establish()
    dut.limit_authentication(seconds)
    try:
        request = sa.expect_request(ExchangeType.INFORMATIONAL, where=demands)
    except Unexpected as nothing:
        raise Unexpected("an INFORMATIONAL request with AUTH_LIFETIME", nothing.got, "RFC4478-2-2") from None
    told = must_demand(peer, request.message, seconds)
    sa.answer(request)
    return sa, peer.link.now(), told


@purpose(
    "auth-lifetime-later", "RFC4478-2-2", *FORMAT, "RFC4478-2-3", role="responder", needs=LATER, waits=LIFETIME + 2
)
def test_later(peer: Peer, dut: Dut) -> None:
    """Told to do so, the device demands it in an INFORMATIONAL request, and ends the IKE SA when the time is over."""
    sa, since, told = asked_later(peer, dut, LIFETIME)
    must_end(peer, sa, since, told)
    sa.must_be_gone("RFC4478-2-3")


CHANGED = (*OBEYS, Capability.SESSION_CHANGE, Capability.AUTH_LIFETIME_CHANGE)


def changed(peer: Peer, aaa: Aaa, sa: ScriptedSa, seconds: int) -> tuple[float, int]:
    """The AAA server gives a session so many seconds; when the device has told us so, and how many are left.

    It may have demanded something else before.
    """
    told = aaa.ask(aaa.client.change(*named(aaa, sa), ("Session-Timeout", seconds)))
    with peer.preamble("a CoA-Request with Session-Timeout"):
        answered(peer, aaa, told, "RFC5176-2.2-1", accepted=True)

    def soon(message: Message) -> bool:
        notify = message.notify(NotifyType.AUTH_LIFETIME)
        return notify is not None and int.from_bytes(notify.data, "big") <= seconds

    try:
        request = sa.expect_request(ExchangeType.INFORMATIONAL, where=soon)
    except Unexpected as nothing:
        raise Unexpected("an INFORMATIONAL request with AUTH_LIFETIME", nothing.got, "RFC4478-2-2") from None
    left = must_demand(peer, request.message, seconds)
    sa.answer(request)
    return request.time, left


@purpose(
    "auth-lifetime-change", "RFC4478-2-2", *FORMAT, "RFC4478-2-3", role="responder", needs=CHANGED, connection=SERVED,
    canary=False, waits=2 * LIFETIME + 5,
)  # fmt: skip
def test_change(peer: Peer, aaa: Aaa) -> None:
    """The AAA server shortens a session by a CoA-Request: the device tells us, and ends it when that time is over."""
    sa = must_get_in(peer, "RFC4478-2-2")
    since, left = changed(peer, aaa, sa, int(LIFETIME))
    must_end(peer, sa, since, left)
    sa.must_be_gone("RFC4478-2-3")


@purpose(
    "auth-lifetime-change-rekeyed", "RFC4478-2-4", "RFC4478-2-2", role="responder", needs=CHANGED, connection=SERVED,
    canary=False, waits=2 * LIFETIME + 5,
)  # fmt: skip
def test_change_rekeyed(peer: Peer, aaa: Aaa) -> None:
    """The same, and we rekey the IKE SA after that: the new one has no more time than the old one had."""
    sa = must_get_in(peer, "RFC4478-2-2")
    since, left = changed(peer, aaa, sa, 2 * int(LIFETIME))
    must_end(peer, successor(peer, sa), since, left, "RFC4478-2-4")


@purpose(
    "auth-lifetime-change-in-time", "RFC4478-2-11", "RFC4478-2-2", role="responder", needs=CHANGED, connection=SERVED,
    canary=False, waits=2 * LIFETIME + 5,
)  # fmt: skip
def test_change_in_time(peer: Peer, aaa: Aaa) -> None:
    """The same, and we authenticate again in time: the session that begins so outlives the time of the old one."""
    old = must_get_in(peer, "RFC4478-2-2")
    since, left = changed(peer, aaa, old, 2 * int(LIFETIME))
    sa = peer.sa(initial_contact=False)
    sa.init()
    sa.auth()
    sa.must_be_established("RFC4478-2-11")
    peer.idle(max(since + left + SOON / 2 - peer.link.now(), 0))
    sa.must_be_up("RFC4478-2-11", "the new IKE SA outlives the time of the old one")


@purpose("auth-lifetime-later-zero", "RFC4478-2-2", "RFC4478-2-7", role="responder", needs=LATER, waits=3)
def test_later_zero(peer: Peer, dut: Dut) -> None:
    """A demand to begin at once leaves us the time to do so: two seconds later the IKE SA is still there."""
    sa, _, _ = asked_later(peer, dut, 0)
    peer.idle(2)
    sa.must_be_up("RFC4478-2-7", "a reasonable time to authenticate again")
    new = peer.establish(initial_contact=False)
    sa.delete()
    carries(peer, dut, new.child, "RFC4478-2-7")
