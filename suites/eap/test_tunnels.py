"""TTLS and PEAP: what comes through the tunnel and is not what it says, in both roles."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.avp import CHAP_CHALLENGE, MANDATORY, USER_NAME, AnyAvp, Avp, Avps, VendorAvp, pair
from conformance.eap.conversation import Conversation
from conformance.eap.mschapv2 import Success
from conformance.eap.peap import FAILURE, SUCCESS, Binding, Extensions, Tlv, result_tlv
from conformance.eap.tls_frames import Frame
from conformance.eap.tls_method import TlsPeer
from conformance.eap.ttls_peer import ChapPeer, Mschapv2InsidePeer
from conformance.script.peer import Peer
from conformance.tls import TlsVersion
from conformance.tls.resuming import Memory, ResumingEngine
from conformance.wire import EAP, EapCode
from suites.dut import Dut
from suites.eap import listening, roles
from suites.eap.cases import Case, Layer, changed, tunnels
from suites.eap.preparing import Prepare
from suites.eap.roles import (
    NOBODY,
    PEAP,
    TTLS,
    TTLS_CHAP,
    TTLS_MSCHAPV2,
    TTLS_PAP,
    UNCONVINCED,
    Way,
    as_peer,
    as_server,
)
from suites.eap.steps import must_be_up
from suites.eap.sweeping import each, ended, must_not_convince, our_requests
from suites.ike_auth.steps import must_be_accepted_by

TIER = "full"

TTLS_WAYS = (TTLS, *roles.TUNNELS)
VENDOR = 0xFFFFFF
"""A vendor that does not exist."""


def pairs(text: str, change: Callable[[Any], Any], **where: Any) -> Case:
    """Something done to our first pairs in the tunnel."""
    return changed(Avps(), text, change, number=1, layer=Layer.TUNNEL, **where)


def beside(*more: AnyAvp, first: bool = False) -> Callable[[Any], Avps]:
    """Further pairs beside ours."""
    return lambda body: Avps((*more, *body.items) if first else (*body.items, *more))


def must_take(peer: Peer, case: Case, requirement: str) -> None:
    """This is still our conversation, and we are let in."""
    peer.note(case.text)
    sa = peer.sa()
    sa.at_eap = case.arm
    sa.init()
    answer = sa.auth()
    peer.check(sa.children, f"EAP-Success and an IKE SA after {case.text}", answer, requirement)
    must_be_up(peer, sa)
    sa.delete()


def must_refuse(peer: Peer, case: Case, requirement: str) -> None:
    """This ends without Success, although it proves what is to be proved."""
    peer.note(case.text)
    answer = ended(peer, case)
    found = answer.first(EAP) if answer is not None else None
    success = found is not None and found.packet.code == EapCode.SUCCESS
    peer.check(not success, f"no EAP-Success after {case.text}", answer, requirement)


# --- pairs of TTLS, the device as server ------------------------------------------------------------------------------


@as_server("eap-{}-pair-demanded", "RFC5281-10.1-2", ways=TTLS_WAYS)
def pair_demanded(peer: Peer, way: Way) -> None:
    """A pair that nobody knows and that has the M bit ends {way.title}."""
    for text, one in (
        ("an unknown mandatory pair", Avp(0xFFFFFF0, MANDATORY, data=b"ikespec")),
        ("an unknown mandatory pair of a vendor", VendorAvp(1, vendor=VENDOR, data=b"ikespec")),
    ):
        must_refuse(peer, pairs(text, beside(one)), "RFC5281-10.1-2")


@as_server("eap-{}-pair-skipped", "RFC5281-10.1-3", ways=TTLS_WAYS)
def pair_skipped(peer: Peer, way: Way) -> None:
    """A pair that nobody knows and that has no M bit is skipped, in front of {way.title} and behind it."""
    for first in (True, False):
        more = Avp(0xFFFFFF0, 0, data=b"ikes"), VendorAvp(1, 0x80, vendor=VENDOR, data=b"pec")
        place = "in front" if first else "at the end"
        must_take(
            peer, pairs(f"unknown pairs that are not mandatory, {place}", beside(*more, first=first)), "RFC5281-10.1-3"
        )


@as_server(
    "eap-{}-challenge-brought", *NOBODY, "RFC5281-11.1-1", "RFC5281-11.2.2-1", "RFC5281-11.2.4-1",
    ways=(TTLS_CHAP, TTLS_MSCHAPV2),
)  # fmt: skip
def challenge_brought(peer: Peer, way: Way) -> None:
    """A peer that brings its own challenge, and a right answer to it, has heard it elsewhere."""

    def prepare(conversation: Conversation) -> None:
        for method in tunnels(conversation):
            assert isinstance(method, ChapPeer | Mschapv2InsidePeer)
            method.challenge = lambda size: bytes(range(size))  # type: ignore[method-assign]

    case = pairs("a challenge of our own", lambda body: body, wrong=True)
    each(peer, case, prepare=prepare)


@as_server("eap-{}-nobody", *NOBODY, "RFC5281-7.2-1", ways=TTLS_WAYS)
def nobody(peer: Peer, way: Way) -> None:
    """A tunnel through which nothing comes, or a name without proof, lets nobody in."""
    each(
        peer,
        pairs("nothing", lambda body: Avps(), wrong=True),
        pairs("the name alone", lambda body: Avps((pair(USER_NAME, b"nobody"),)), wrong=True),
        pairs("pairs without data", lambda body: Avps(tuple(replace(one, data=b"") for one in body.items)), wrong=True),
        pairs("a challenge alone", lambda body: Avps((pair(CHAP_CHALLENGE, bytes(16)),)), wrong=True),
    )


@as_server("eap-{}-names", *NOBODY, "RFC5281-11.2.5-1", ways=(TTLS_PAP, TTLS_CHAP, TTLS_MSCHAPV2))
def names(peer: Peer, way: Way) -> None:
    """A name in the tunnel that no user has lets nobody in, whatever the name outside, and whatever password it has."""

    def called(*some: bytes) -> Callable[[Any], Avps]:
        return lambda body: Avps(
            (*(pair(USER_NAME, one) for one in some), *(one for one in body.items if one.code != USER_NAME))
        )

    each(
        peer,
        pairs("another name", called(b"nobody"), wrong=True),
        pairs("an empty name", called(b""), wrong=True),
        pairs("a very long name", called(b"a" * 4000), wrong=True),
        pairs("two other names", called(b"nobody", b"somebody"), wrong=True),
    )


# --- sessions of TLS, the device as server ----------------------------------------------------------------------------


def speechless(memory: Memory, version: TlsVersion) -> Prepare:
    """Our side offers the session that it remembers, and says nothing in the tunnel."""

    def prepare(conversation: Conversation) -> None:
        for method in tunnels(conversation):
            assert isinstance(method, TlsPeer)
            method.begin_tls = _resuming(method, memory, version)  # type: ignore[method-assign,assignment]
            method.protect = lambda data: b""  # type: ignore[method-assign]

    return prepare


def _resuming(method: TlsPeer, memory: Memory, version: TlsVersion) -> Callable[[Frame], Frame]:
    def begin(frame: Frame) -> Frame:
        method.engine = ResumingEngine(replace(method.config, versions=(version,)), memory)
        return method.fragments.load(method.engine.step())

    return begin


@as_server("eap-{}-resumed", *NOBODY, "RFC9190-5.7-1", ways=(TTLS, PEAP))
def resumed(peer: Peer, way: Way) -> None:
    """Whoever has proved nothing in the tunnel, and resumes its session of TLS, has still proved nothing."""
    for version in (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3):
        memory = Memory()
        for text in ("the first session", "the same session again"):
            peer.note(f"{text} of {version}, and nothing in the tunnel")
            heard = listening.served(peer, speechless(memory, version))
            success = heard.up or any(one.code == EapCode.SUCCESS for one in heard.packets)
            peer.check(
                not success, f"no EAP-Success: {text}, nothing proved", heard.shown, "RFC9190-5.7-1", bypass=True
            )
            if memory.session is None:
                break


# --- PEAP, the device as server ---------------------------------------------------------------------------------------


def result(text: str, *tlvs: Any, **where: Any) -> Case:
    """Other TLVs in place of our result."""
    return changed(
        Extensions(), text, lambda body: replace(body, tlvs=tlvs), layer=Layer.TUNNEL, **{"wrong": True, **where}
    )


@as_server("eap-{}-result", *NOBODY, ways=(PEAP,))
def peap_result(peer: Peer, way: Way) -> None:
    """A peer that does not say that it has succeeded, too, is not let in."""
    each(
        peer,
        result("no result"),
        result("a result of failure", result_tlv(FAILURE)),
        result("a result of 0", result_tlv(0)),
        result("a result of no octets", Tlv(value=b"")),
        result("a result of one octet", Tlv(value=b"\x01")),
        result("a result that is longer than the packet", Tlv(length=200, value=SUCCESS.to_bytes(2, "big"))),
    )


@as_server("eap-{}-binding", *NOBODY, ways=(PEAP,))
def peap_binding(peer: Peer, way: Way) -> None:
    """A device that asks who is at both ends of the tunnel does not take a wrong answer."""

    def bound(text: str, **values: Any) -> Case:
        def change(body: Any) -> Any:
            tlvs = tuple(replace(one, **values) if isinstance(one, Binding) else one for one in body.tlvs)
            return replace(body, tlvs=tlvs)

        return changed(Extensions(), text, change, layer=Layer.TUNNEL)

    for case in (bound("a Crypto-Binding of ones", mac=b"\xff" * 20), bound("another nonce", nonce=b"\xff" * 32)):
        asked: list[Extensions] = []
        answer = ended(peer, case, watching(asked))
        found = answer.first(EAP) if answer is not None else None
        success = found is not None and found.packet.code == EapCode.SUCCESS
        binds = any(one.binding is not None for one in asked)
        peer.check(not (success and binds), f"no EAP-Success after {case.text}", answer, NOBODY[0], bypass=True)


def watching(answers: list[Extensions]) -> Prepare:
    """Keeps what we answer to the device's result."""

    def prepare(conversation: Conversation) -> None:
        for method in tunnels(conversation):
            method.wrap = _keeping(method.wrap, answers)  # type: ignore[method-assign,assignment]

    return prepare


def _keeping(wrap: Callable[[Any], bytes], answers: list[Extensions]) -> Callable[[Any], bytes]:
    def keeping(body: Any) -> bytes:
        if isinstance(body, Extensions):
            answers.append(body)
        return wrap(body)

    return keeping


# --- the device as peer -----------------------------------------------------------------------------------------------


@as_peer("eap-initiator-{}-inner-proof", *UNCONVINCED, ways=(TTLS, PEAP))
def inner_proof(peer: Peer, dut: Dut, way: Way) -> None:
    """MSCHAPv2 in the tunnel: a server that does not know the password convinces nobody, for all its certificate."""
    our_requests(peer, dut)
    for message in (b"S=" + b"0" * 40 + b" M=", b"S=", b"", b"M=welcome"):
        case = changed(
            Success(message=b"S=" + b"F" * 40 + b" M="),
            f"the proof {message.decode() or 'of no octets'}",
            lambda body, message=message: replace(body, message=message),  # type: ignore[misc]
            layer=Layer.INNER,
            asks=True,
        )
        peer.note(case.text)
        must_not_convince(peer, dut, case)
    our_requests(peer, dut)


@as_peer("eap-initiator-{}-proof", *UNCONVINCED, "RFC5281-11.2.4-2", ways=(TTLS_MSCHAPV2,))
def proof(peer: Peer, dut: Dut, way: Way) -> None:
    """MS-CHAP2-Success that is wrong, short or absent is no proof, and what comes after it is not believed."""
    our_requests(peer, dut)
    for text, change in (
        (
            "a proof of zeros",
            lambda body: Avps(tuple(replace(one, data=one.data[:3] + b"0" * 40) for one in body.items)),
        ),
        ("a proof cut short", lambda body: Avps(tuple(replace(one, data=one.data[:5]) for one in body.items))),
        ("no proof", lambda body: Avps()),
    ):
        case = pairs(text, change, asks=True, wrong=True)
        peer.note(case.text)
        must_not_convince(peer, dut, case)
    our_requests(peer, dut)


@as_peer("eap-initiator-{}-result", *UNCONVINCED, ways=(PEAP,))
def peap_result_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """A server whose result within the tunnel is failure, or none, is not believed when it says Success outside."""
    our_requests(peer, dut)
    for case in (
        result("a result of failure", result_tlv(FAILURE), asks=True),
        result("no result", asks=True),
        result("a result of no octets", Tlv(value=b""), asks=True),
    ):
        peer.note(case.text)
        must_not_convince(peer, dut, case, all_is_well)
    our_requests(peer, dut)


def all_is_well(conversation: Conversation) -> None:
    """Whatever the device thinks of our result, we say Success."""
    for method in tunnels(conversation):
        method.take_result = lambda packet, method=method: method.end(True)  # type: ignore[attr-defined]


@as_peer("eap-initiator-{}-pair-skipped", "RFC5281-10.1-3", ways=(TTLS, TTLS_MSCHAPV2))
def pair_skipped_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """A pair of the server that nobody knows and that has no M bit is skipped."""
    more = Avp(0xFFFFFF0, 0, data=b"ikes"), VendorAvp(1, 0x80, vendor=VENDOR, data=b"pec")
    for first in (True, False):
        case = pairs("unknown pairs that are not mandatory", beside(*more, first=first), asks=True)
        dut.initiate()
        sa = peer.respond_init(peer.expect_init())
        sa.at_eap = case.arm
        sa.answer_auth()
        must_be_accepted_by(sa, "RFC5281-10.1-3")
        sa.delete()


@as_peer("eap-initiator-{}-pair-demanded", "RFC5281-10.1-2", ways=(TTLS, TTLS_MSCHAPV2))
def pair_demanded_initiator(peer: Peer, dut: Dut, way: Way) -> None:
    """A pair of the server that nobody knows and that has the M bit ends the conversation, whatever else it says."""
    case = pairs("an unknown mandatory pair", beside(Avp(0xFFFFFF0, MANDATORY, data=b"ikespec")), asks=True, wrong=True)
    must_not_convince(peer, dut, case)
