"""SIM, AKA and AKA' with the device as server: whom it must not let in, and what it must put up with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.peer import EapPeer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.simaka import AkaChallenge, ClientError, Message, SimStart, Subtype, SynchronizationFailure, number
from conformance.eap.simaka_attributes import At, AtCheckcode, AtMac
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import EAP, EapCode, EapPacket
from suites.eap import listening
from suites.eap.cases import Case, changed, instead
from suites.eap.examples import (
    DEMANDED,
    RESPONSES,
    SKIPPED,
    adding,
    challenge,
    section,
    setting_of,
    without,
)
from suites.eap.preparing import Prepare, plainly
from suites.eap.roles import AKA, AKA_PRIME, CARDS, NOBODY, SIM, Way, as_server
from suites.eap.steps import must_be_up
from suites.eap.sweeping import each, ended, our_responses

TIER = "full"

USIMS = (AKA, AKA_PRIME)
AHEAD = 3 << 46
"""A sequence number that no server has come to."""
FURTHER = 7 << 45
"""One that is ahead of a server, too, which a card with the former number has told where it is."""


def proof(way: Way, text: str, change: Any) -> Case:
    """Something done to our answer to the challenge, before its MAC is made."""
    return changed(RESPONSES[challenge(way)], text, change)


# --- proofs -----------------------------------------------------------------------------------------------------------


@as_server("eap-{}-mac", *NOBODY, "RFC4187-10.15-1", "RFC4186-10.14-1", ways=CARDS)
def mac(peer: Peer, way: Way) -> None:
    """A peer of {way.title} whose MAC is wrong, absent or cut short is not let in, nor one with two of them."""
    each(
        peer,
        proof(way, "a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16)),
        proof(way, "no MAC", without(At.MAC)),
        proof(way, "a MAC of four octets", setting_of(At.MAC, mac=b"\xff" * 4)),
        proof(way, "a second MAC, and both wrong", adding_mac),
    )


def adding_mac(body: Body) -> Body:
    """Two MACs in place of one."""
    wrong = AtMac(mac=b"\xff" * 16)
    return adding(wrong)(setting_of(At.MAC, mac=b"\xfe" * 16)(body))


@as_server("eap-{}-res", *NOBODY, "RFC4187-9.4-2", ways=USIMS)
def res(peer: Peer, way: Way) -> None:
    """A peer of {way.title} whose MAC is right and whose AT_RES is wrong, short, empty or absent is not let in."""
    each(
        peer,
        proof(way, "other octets", setting_of(At.RES, res=b"\xff" * 8)),
        proof(way, "four octets", lambda body: shortened(body, 4)),
        proof(way, "nothing in AT_RES", lambda body: shortened(body, 0)),
        proof(way, "no AT_RES", without(At.RES)),
    )


def shortened(body: Any, size: int) -> Message:
    """The beginning of the right answer."""
    found: Message = replace(
        body,
        attributes=tuple(
            replace(one, bits=8 * size, res=one.res[:size]) if getattr(one, "type", None) == At.RES else one
            for one in body.attributes
        ),
    )
    return found


@as_server("eap-{}-checkcode", "RFC4187-10.13-1", "RFC4187-6.3.2-1", ways=USIMS)
def checkcode(peer: Peer, way: Way) -> None:
    """A device that sends AT_CHECKCODE does not take a wrong one: somebody has changed what it asked before."""
    said = our_responses(peer)
    if not any(isinstance(one, AkaChallenge) and one.find(At.CHECKCODE) for one in said.bodies):
        raise NotApplicable("the device sends no AT_CHECKCODE")
    wrong = AtCheckcode(checkcode=bytes(32 if way == AKA_PRIME else 20))

    def spoilt(body: Any) -> Body:
        return adding(wrong)(without(At.CHECKCODE)(body))

    must_refuse(peer, proof(way, "another checkcode", spoilt), requirement="RFC4187-10.13-1")


# --- attributes that nobody knows -------------------------------------------------------------------------------------


@as_server("eap-{}-skipped", "RFC4187-8.1-2", "RFC4186-8.1-2", ways=CARDS)
def skipped(peer: Peer, way: Way) -> None:
    """An attribute of {way.title} that the device does not know, and that may be skipped, is skipped."""
    for first in (True, False):
        case = proof(way, "an unknown attribute that may be skipped", adding(SKIPPED, first=first))
        peer.note(case.text + (", in front" if first else ", at the end"))
        sa = peer.sa()
        sa.at_eap = case.arm
        sa.init()
        answer = sa.auth()
        peer.check(sa.children, "EAP-Success and an IKE SA", answer, section(way, "8.1-2", "8.1-2"))
        must_be_up(peer, sa)
        sa.delete()


@as_server("eap-{}-demanded", "RFC4187-8.1-1", "RFC4186-8.1-1", ways=CARDS)
def demanded(peer: Peer, way: Way) -> None:
    """An attribute of {way.title} that the device does not know, and that may not be skipped, is an error."""
    for first in (True, False):
        case = proof(way, "an unknown attribute that may not be skipped", adding(DEMANDED, first=first))
        must_refuse(peer, case, requirement=section(way, "8.1-1", "8.1-1"))


def must_refuse(peer: Peer, case: Case, prepare: Prepare = plainly, *, requirement: str) -> None:
    """This leads to no Success, although it proves what is to be proved."""
    peer.note(case.text)
    answer = ended(peer, case, prepare)
    found = answer.first(EAP) if answer is not None else None
    success = found is not None and found.packet.code == EapCode.SUCCESS
    peer.check(not success, f"no EAP-Success after {case.text}", answer, requirement)


# --- giving up --------------------------------------------------------------------------------------------------------


@as_server("eap-{}-gives-up", "RFC4187-6.3.1-4", "RFC4186-6.3.2-1", "RFC7296-1.2-18", ways=CARDS)
def gives_up(peer: Peer, way: Way) -> None:
    """A peer of {way.title} that says it cannot go on gets an EAP-Failure."""
    due = RESPONSES[challenge(way)]
    said = [RESPONSES[ClientError], ClientError(attributes=(number(At.CLIENT_ERROR_CODE, 0xFFFF),))]
    for one in said:
        case = instead(due, one, f"{type(one).__name__} {one.attributes[0]}", wrong=True)
        ours: list[Conversation] = []
        answer = ended(peer, case, ours.append)
        found = answer.first(EAP) if answer is not None else None
        failed = found is not None and found.packet.code == EapCode.FAILURE
        requirement = section(way, "6.3.2-1", "6.3.1-4")
        peer.check(failed, "EAP-Failure", answer, requirement)
        last = type(ours[0].said[-1])
        peer.check(
            last is type(due), "EAP-Failure at once", f"a request before it: we said {last.__name__}", requirement
        )


# --- sequence numbers -------------------------------------------------------------------------------------------------


def ahead(conversation: Conversation, number: int = AHEAD) -> None:
    """Our card has seen a higher sequence number than any of the server's."""
    assert isinstance(conversation, EapPeer)
    for method in conversation.methods:
        if isinstance(method, AkaPeer):
            method.usim.sqn = number


def further_ahead(conversation: Conversation) -> None:
    """It has seen a still higher one, though the server may have heard of the other."""
    ahead(conversation, FURTHER)


@as_server("eap-{}-resynchronisation", "RFC4187-3-1", ways=USIMS)
def resynchronisation(peer: Peer, way: Way) -> None:
    """A card that has seen higher sequence numbers says so, and gets a challenge that it can answer."""
    sa = peer.sa()
    sa.at_eap = ahead
    sa.init()
    answer = sa.auth()
    told = any(isinstance(one, SynchronizationFailure) for one in (sa.as_peer.said if sa.as_peer else ()))
    if not told:
        raise NotApplicable("its sequence numbers are higher")
    peer.check(sa.children, "another challenge, EAP-Success and an IKE SA", answer, "RFC4187-3-1")
    must_be_up(peer, sa)


@as_server("eap-{}-resynchronisation-forged", "RFC4187-6.3.2-1", "RFC7296-1.2-18", ways=USIMS)
def forged(peer: Peer, way: Way) -> None:
    """An AT_AUTS that no card of the subscriber has made, or none, moves no sequence number: it is an error."""
    due = RESPONSES[SynchronizationFailure]
    for case in (
        changed(due, "AT_AUTS of zeros", setting_of(At.AUTS, auts=bytes(14))),
        changed(due, "AT_AUTS of ones", setting_of(At.AUTS, auts=b"\xff" * 14)),
        changed(due, "no AT_AUTS", without(At.AUTS)),
    ):
        must_not_ask_again(peer, case, "RFC4187-6.3.2-1", further_ahead)


def must_not_ask_again(peer: Peer, case: Case, requirement: str, prepare: Prepare = plainly) -> None:
    """This leads to no other challenge, and to no Success."""
    asked: list[bytes] = []

    def counting(conversation: Conversation) -> None:
        prepare(conversation)
        assert isinstance(conversation, EapPeer)
        for method in conversation.methods:
            method.receive = kept(method.receive, asked)  # type: ignore[method-assign]

    must_refuse(peer, case, counting, requirement=requirement)
    challenges = [one for one in asked if one[:1] == bytes((Subtype.AKA_CHALLENGE,))]
    peer.check(len(challenges) < 2, f"no other challenge after {case.text}", "another one", requirement)


def kept(receive: Callable[..., Body], asked: list[bytes]) -> Callable[..., Body]:
    """Keeps what a method is asked."""

    def keeping(data: bytes, packet: EapPacket) -> Body:
        asked.append(data)
        return receive(data, packet)

    return keeping


# --- what is negotiated -----------------------------------------------------------------------------------------------


@as_server("eap-{}-kdf", "RFC9048-3.2-4", "RFC7296-1.2-18", ways=(AKA_PRIME,))
def kdf(peer: Peer, way: Way) -> None:
    """A peer that wants the function that it was offered first, or one that it was not, has made an error."""
    for function in (0, 1, 2, 0xFFFF):
        body = AkaChallenge(attributes=(number(At.KDF, function),))
        case = instead(RESPONSES[AkaChallenge], body, f"a wish for function {function}")
        must_not_ask_again(peer, case, "RFC9048-3.2-4")


@as_server("eap-{}-version", "RFC4186-4.1-3", "RFC4186-9.2-1", ways=(SIM,))
def version(peer: Peer, way: Way) -> None:
    """A peer that selects a version that it was not offered, or none, or sends no nonce, is not let in."""
    due = RESPONSES[SimStart]
    for selected in (0, 2, 0xFFFF):
        case = changed(due, f"version {selected}", setting_of(At.SELECTED_VERSION, number=selected))
        must_refuse(peer, case, requirement="RFC4186-4.1-3")
    for kind in (At.SELECTED_VERSION, At.NONCE_MT):
        heard = listening.served(peer, always_without(kind))
        last = heard.packets[-1] if heard.packets else None
        success = last is not None and last.code == EapCode.SUCCESS
        peer.check(not success, f"no EAP-Success as long as there is no AT_{kind}", last or "nothing", "RFC4186-9.2-1")


def always_without(kind: At) -> Prepare:
    """No SIM/Start of ours has this attribute: without a nonce a server may take the first one for something else."""

    def prepare(conversation: Conversation) -> None:
        assert isinstance(conversation, EapPeer)
        for method in conversation.methods:
            if isinstance(method, SimPeer):
                method.answer_start = lacking(method.answer_start, kind)  # type: ignore[method-assign,assignment]

    return prepare


def lacking(answer: Callable[[Message], SimStart], kind: At) -> Callable[[Message], Any]:
    """The answer without an attribute."""
    return lambda message: without(kind)(answer(message))
