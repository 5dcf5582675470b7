"""What the purposes with an AAA server have in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, ip_address
from typing import Any

from conformance.ike.core.sending import State
from conformance.radius import bend
from conformance.radius.bend import RadiusBend
from conformance.radius.dynamic import Told
from conformance.radius.ledger import STOP, Record
from conformance.radius.packet import Attribute, Code, Packet
from conformance.script import bend as script
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import AUTH, CP, EAP, SA, CfgAttr, CfgAttribute, EapCode, Message, TSi, TSr
from peers.capabilities import Capability
from suites.connections import by_aaa
from suites.dut import Dut
from suites.ike_auth.refusal import must_be_gone
from suites.radius import Aaa

ASKS = (Capability.AAA,)
TELLS = (Capability.AAA, Capability.ACCOUNTING)
OBEYS = (Capability.AAA, Capability.ACCOUNTING, Capability.COA)
SERVED = by_aaa()

PATIENCE = 30.0
"""Seconds in which a device may ask a server that does not answer, until it tells us."""


@contextmanager
def patient(peer: Peer, seconds: float = PATIENCE) -> Iterator[None]:
    """Wait for so long for each answer of the device: it waits itself for the server."""
    before, peer.response_timeout = peer.response_timeout, max(seconds, peer.response_timeout)
    try:
        yield
    finally:
        peer.response_timeout = before


def must_get_in(peer: Peer, requirement: str) -> ScriptedSa:
    """An attempt of ours must come to an IKE SA with a Child SA."""
    sa = peer.sa()
    sa.init()
    sa.auth()
    sa.must_be_established(requirement)
    peer.check(sa.children, "a Child SA", sa.problem or "none", requirement)
    return sa


def up_to_result(peer: Peer, sa: ScriptedSa, hear: Callable[[Message], None] = lambda message: None) -> Message:
    """All rounds up to that which brings a result of EAP, or an error; it is returned, and not acted upon yet.

    ``hear`` is told each response before it.
    """
    sa.init()
    answer = sa.auth(follow=False)
    while (found := answer.first(EAP)) is not None and found.packet.code == EapCode.REQUEST:
        hear(answer)
        answer = sa.proceed(answer)
    return answer


def in_or_refused(peer: Peer, aaa: Aaa) -> None:
    """An attempt of ours comes to an IKE SA, which is deleted again, or to nothing. Then the servers are honest."""
    sa = peer.sa()
    with suppress(Unexpected), patient(peer):
        sa.init()
        sa.auth()
    sa.pending = None
    aaa.be_honest()
    if sa.state is State.ESTABLISHED:
        sa.delete()


def must_not_get_in(
    peer: Peer,
    aaa: Aaa,
    requirement: str,
    *,
    success: bool = False,
    patience: float = PATIENCE,
    quiet: str | None = None,
    **changes: Any,
) -> Message | None:
    """An attempt of ours must come to nothing: no proof, no Child SA, no IKE SA; the last response is returned.

    Unless ``success`` says that it may come, no EAP-Success either; where one does come we prove ourselves all the
    same. ``quiet``: what is broken by a device that does not say so. ``changes`` are those of our connection.
    Afterwards the servers are honest again.
    """
    sa = peer.sa(**changes)
    answer: Message | None = None
    came = False
    try:
        with patient(peer, patience):
            answer = up_to_result(peer, sa)
            found = answer.first(EAP)
            came = found is not None and found.packet.code == EapCode.SUCCESS
            if came:
                answer = sa.proceed(answer)
    except Unexpected as silent:
        if quiet is not None:
            sa.pending = None
            aaa.be_honest()
            must_be_gone(peer, sa, told=False)
            raise Unexpected("an EAP-Failure or an error notify", silent.got, quiet) from None
    if answer is not None:
        asks = (found := answer.first(EAP)) is not None and found.packet.code == EapCode.REQUEST
        kinds: tuple[type[Any], ...] = (SA, TSi, TSr) if asks or not came else (AUTH, SA, TSi, TSr)
        granted = [kind.__name__ for kind in kinds if answer.first(kind) is not None]
        peer.check(not granted, "no proof and no Child SA", ", ".join(granted), requirement, bypass=True)
    peer.check(success or not came, "no EAP-Success", answer or "EAP-Success", requirement, bypass=True)
    aaa.be_honest()
    ended = answer is not None and (fatal(answer) is not None or _failed(answer))
    sa.pending = None
    must_be_gone(peer, sa, told=ended)
    return answer


def _failed(answer: Message) -> bool:
    found = answer.first(EAP)
    return found is not None and found.packet.code == EapCode.FAILURE


def result(code: EapCode) -> RadiusBend:
    """Another result of EAP in an answer than that which it has."""

    def change(found: Any) -> None:
        old = b"".join(found["EAP-Message"])
        found["EAP-Message"] = [bytes([code, old[1], 0, 4])]

    return bend.packet(f"with EAP {code.name} inside", change)


def must_end(peer: Peer, aaa: Aaa, sa: ScriptedSa, requirement: str, seconds: float | None = None) -> None:
    """The device must delete this IKE SA, within the time for an answer or so many seconds."""
    gone = aaa.wait(lambda: sa.state is State.CLOSED, peer.response_timeout if seconds is None else seconds)
    peer.check(gone, "the device deletes the IKE SA", f"IKE SA {sa.state.value}", requirement)
    sa.must_be_gone(requirement)


def must_stay(sa: ScriptedSa, requirement: str) -> None:
    """The IKE SA must be there, and answer."""
    sa.must_be_up(requirement)


def stopped(peer: Peer, aaa: Aaa, session: str) -> Record:
    """The Stop of a session, which must come."""
    aaa.wait(lambda: aaa.records(session)[-1].status == STOP, peer.response_timeout)
    last = aaa.records(session)[-1]
    peer.check(last.status == STOP, "Accounting-Request Stop", f"status {last.status}", "RFC2866-2-1")
    return last


def told(aaa: Aaa, session: str = "") -> list[Packet]:
    """The Accounting-Requests of a session, or of any, repetitions included."""
    found = [one.packet for one in aaa.requests(Code.ACCOUNTING_REQUEST)]
    return [one for one in found if not session or one.text("Acct-Session-Id") == session]


AGAIN = 12.0
"""Seconds in which a record comes again that nobody has acknowledged."""


def must_come_again(peer: Peer, aaa: Aaa, wrong: RadiusBend, requirement: str) -> ScriptedSa:
    """Acknowledgements that are wrong so are none: the Start of our session comes again.

    A gateway need not repeat what is not acknowledged at all, or not so soon. Raises NotApplicable then.
    """
    sa, comes = repeats(peer, aaa, wrong)
    if not comes and not repeats(peer, aaa, bend.silence())[1]:
        raise NotApplicable(f"it does not repeat a record within {AGAIN:.0f} s")
    peer.check(comes, "the record once more", "once", requirement)
    return sa


def repeats(peer: Peer, aaa: Aaa, wrong: RadiusBend) -> tuple[ScriptedSa, bool]:
    """A session of ours whose records are acknowledged so, and whether its Start comes again."""
    aaa.server.always = wrong.only(Code.ACCOUNTING_RESPONSE)
    with patient(peer):
        sa = must_get_in(peer, "RFC2866-2-1")
    session = aaa.session(sa)
    return sa, aaa.wait(lambda: len(told(aaa, session)) > 1, AGAIN)


def must_have(aaa: Aaa, session: str, *names: str) -> None:
    """The last record has these attributes, which it may have (RFC 2866, section 5.13). Raises NotApplicable."""
    missing = [one for one in names if not told(aaa, session)[-1].all(one)]
    if missing:
        raise NotApplicable(f"it says nothing of {', '.join(missing)}")


def named(aaa: Aaa, sa: ScriptedSa) -> tuple[Attribute, Attribute]:
    """What names a session to any device: all of it must fit, and each device knows one of both at least."""
    assert aaa.auth.identity is not None
    session = aaa.session(sa)
    sa.liveness()  # a device may be busy with the IKE SA as long as nobody has acknowledged the Start
    return ("User-Name", aaa.auth.identity), ("Acct-Session-Id", session)


def answered(peer: Peer, aaa: Aaa, told: Told | None, requirement: str, *, accepted: bool) -> Told:
    """An answer of that kind must have come, without a fault in it."""
    what = "an ACK" if accepted else "a NAK"
    peer.check(told is not None, what, "; ".join(aaa.client.notes[-1:]) or "nothing", requirement)
    assert told is not None
    peer.check(told.accepted == accepted, what, "; ".join(told.words), requirement)
    broken = "RFC5176-3.5-2" if told.accepted else "RFC5176-3.5-1"
    peer.check(not told.faults, "an answer without faults", "; ".join(told.faults), broken)
    return told


NO_EXTENSION = 406
"""Error-Cause: Unsupported Extension."""


def refused_change(peer: Peer, aaa: Aaa, dut: Dut, sa: ScriptedSa, requirement: str, *given: Attribute) -> Told:
    """The CoA-NAK that must come to such a CoA-Request.

    Raises NotApplicable where a device that claims no changes has no CoA at all, and says so or nothing.
    """
    told = aaa.ask(aaa.client.change(*given))
    lacks = told is None or (not told.accepted and told.error == NO_EXTENSION)
    if lacks and Capability.SESSION_CHANGE not in dut.device.capabilities:
        must_stay(sa, requirement)
        raise NotApplicable("it has no CoA-Request")
    return answered(peer, aaa, told, requirement, accepted=False)


def assigned(sa: ScriptedSa) -> str:
    """Our inner address, empty where we have none."""
    return str(IPv4Address(sa.virtual_address)) if sa.virtual_address else ""


def asking(*kinds: CfgAttribute) -> Bend:
    """Ask for these, too; without any for name servers."""
    wanted = (CfgAttribute.INTERNAL_IP4_ADDRESS, *(kinds or (CfgAttribute.INTERNAL_IP4_DNS,)))
    return script.change(CP, attributes=tuple(map(CfgAttr, wanted)))


def addresses(peer: Peer, answer: Message, kind: CfgAttribute, requirement: str) -> list[str]:
    """What a CFG_REPLY has of a kind, addresses in their order; an empty attribute says nothing."""
    payload = peer.expect(answer, CP, requirement)
    return [in_text(one.value) for one in payload.attributes if one.type == kind and one.value]


def in_text(value: bytes) -> str:
    """The address at the beginning of an attribute, or its octets where there is none."""
    return str(ip_address(value[:16])) if len(value) in (4, 16, 17) else value.hex()
