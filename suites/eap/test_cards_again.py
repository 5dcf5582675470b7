"""SIM, AKA and AKA' once more with the device as peer: pseudonyms and fast re-authentication (RFC 4187, 4.1 and 5).

A device need not keep what a network gives it. One that always comes with its permanent identity is *n/a*.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.basic import Identity
from conformance.eap.conversation import Conversation
from conformance.eap.server import EapServer
from conformance.eap.simaka import (
    AkaChallenge,
    ClientError,
    ClientErrorCode,
    Message,
    Notice,
    Reauthentication,
    SimChallenge,
    Told,
)
from conformance.eap.simaka_attributes import At, AtIv, AtPadding, Clear, Counted
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Register, bare
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from suites.dut import Dut
from suites.eap import listening
from suites.eap.cases import Case, changed
from suites.eap.examples import REQUESTS, section, setting_of
from suites.eap.preparing import Prepare
from suites.eap.roles import CARDS, Way, as_peer
from suites.eap.sweeping import Heard, heard
from suites.eap.test_cards_initiator import USIMS, asking, must_be_believed, must_end_with, next_of, with_servers

TIER = "full"

PSEUDONYM = {"aka": b"2", "aka-prime": b"7"}
"""With what a pseudonym begins."""
VERIFIED = ("RFC4187-5.4-2", "RFC4186-5.4-1")


def both(*prepares: Prepare) -> Prepare:
    """One after the other."""

    def prepare(conversation: Conversation) -> None:
        for one in prepares:
            one(conversation)

    return prepare


def given(peer: Peer, dut: Dut, **gifts: bool) -> Register:
    """An ordinary conversation in which our server gives new identities; what it knows of them."""
    found: list[Register] = []

    def give(server: Any) -> None:
        for name, value in gifts.items():
            setattr(server, name, value)
        found.append(server.register)

    with peer.preamble("EAP"):
        must_be_believed(peer, dut, with_servers(give), "RFC7296-2.16-6")
    return found[-1]


def remembering(register: Register) -> Prepare:
    """Our server knows the identities that it has given."""
    return with_servers(lambda server: setattr(server, "register", register))


def told(found: Heard) -> list[bytes]:
    """The identities that the device has said, in their order."""
    names = [one.identity if isinstance(one, Identity) else None for one in found.bodies]
    asked = [one.find(At.IDENTITY) if isinstance(one, Message) else None for one in found.bodies]
    each = [name if name is not None else answer and answer.value for name, answer in zip(names, asked, strict=True)]
    return [one for one in each if one is not None]


# --- pseudonyms -------------------------------------------------------------------------------------------------------


@as_peer("eap-initiator-{}-pseudonym", "RFC4187-4.1.1.9-1", "RFC4187-4.1.5-5", "RFC4187-4.1.5-3", ways=USIMS)
def pseudonym(peer: Peer, dut: Dut, way: Way) -> None:
    """A device that got a pseudonym and is asked for it says just that, and no identity for fast re-authentication."""
    register = given(peer, dut, gives_pseudonyms=True, gives_fast=True)
    fast, names = set(register.renewals), set(register.pseudonyms)
    found = heard(peer, dut, both(remembering(register), asking(At.FULLAUTH_ID_REQ)))
    names_told = told(found)
    peer.check(len(names_told) > 1, "an identity", found.bodies, "RFC4187-4.1.5-3")
    answer = names_told[-1]
    peer.check(answer not in fast, "no identity for fast re-authentication", answer, "RFC4187-4.1.5-5")
    if _is_permanent(answer, register, way):
        raise NotApplicable("it does not use the pseudonym")
    known, got = (one.decode(errors="replace") for one in (min(names), answer))
    peer.check(bare(answer) in names, f"the pseudonym {known}", got, "RFC4187-4.1.1.9-1")
    peer.check(found.up, "an IKE SA at the end", "none", "RFC4187-4.1.1.9-1")


@as_peer("eap-initiator-{}-pseudonym-permanent", "RFC4187-4.1.5-2", ways=USIMS)
def permanent(peer: Peer, dut: Dut, way: Way) -> None:
    """A device that has a pseudonym says its permanent identity when that is asked for, or that it does not say it."""
    register = given(peer, dut, gives_pseudonyms=True)
    found = heard(peer, dut, both(remembering(register), asking(At.PERMANENT_ID_REQ)))
    last = found.messages[-1] if found.messages else None
    if isinstance(last, ClientError):
        code = last.find(At.CLIENT_ERROR_CODE)
        fits = code is not None and code.number == ClientErrorCode.UNABLE_TO_PROCESS
        peer.check(fits, "Client-Error of code 0", last, "RFC4187-4.1.5-2")
        return
    answer = told(found)[-1]
    peer.check(_is_permanent(answer, register, way), "the permanent identity", answer, "RFC4187-4.1.5-2")
    peer.check(found.up, "an IKE SA at the end", "none", "RFC4187-4.1.5-2")


def _is_permanent(identity: bytes, register: Register, way: Way) -> bool:
    digit = {"sim": b"1", "aka": b"0", "aka-prime": b"6"}[way.name]
    return identity[:1] == digit and bare(identity)[1:] in register.subscribers


# --- fast re-authentication -------------------------------------------------------------------------------------------


class Again:
    """Our server wants a fast re-authentication.

    Attributes:
        asked: it has begun one.
        conversation: our side of EAP.
    """

    def __init__(self, register: Register, spoil: Callable[[Any], Any] = lambda renewal: renewal) -> None:
        """What its server starts from may be spoiled."""
        self.register, self.spoil = register, spoil
        self.asked = False
        self.conversation: Conversation | None = None

    def prepare(self, conversation: Conversation) -> None:
        """Our side asks for any identity where it got none of its own, and for the permanent one where that is unknown.

        The device may have a pseudonym of another conversation, which nobody knows here.
        """
        self.conversation = conversation
        both(remembering(self.register), with_servers(self._change))(conversation)

    def _change(self, server: SimAkaServer) -> None:
        identify, begin = server.identify, server.reauthentication
        questions = [At.ANY_ID_REQ, At.PERMANENT_ID_REQ]
        unasked = len(questions)

        def known() -> bool:
            return (server.identity[:1] == server.fast or len(questions) < unasked) and identify()

        def again(renewal: Any, **further: Any) -> Reauthentication:
            self.asked = True
            return begin(self.spoil(renewal), **further)

        server.identify, server.reauthentication = known, again  # type: ignore[method-assign]
        server.question = lambda: next_of(questions)  # type: ignore[method-assign]

    def must_have_asked(self) -> None:
        """Raises NotApplicable."""
        if not self.asked:
            raise NotApplicable("it does not use an identity for fast re-authentication")


@as_peer("eap-initiator-{}-again", *VERIFIED, "RFC4187-5.3-2", "RFC4187-4.1.1.8-1", "RFC4187-5.3-1", ways=CARDS)
def again(peer: Peer, dut: Dut, way: Way) -> None:
    """A fast re-authentication makes fresh keys, which AUTH is made with; its identity serves once and no more."""
    register = given(peer, dut, gives_fast=True)
    ids = set(register.renewals)
    server = Again(register)
    second = heard(peer, dut, server.prepare)
    used = ids.intersection(told(second))
    cut = [one for one in told(second) if one[:1] == min(ids)[:1] and one not in ids]
    server.must_have_asked()
    peer.check(not cut, f"the identity {min(ids)!r} as it was given", cut, section(way, "5.4-1", "5.3-2"))
    shown = ", ".join(type(one).__name__ for one in second.bodies)
    believed = second.up and any(isinstance(one, Reauthentication) for one in second.bodies)
    peer.check(believed, "Reauthentication, and an IKE SA at the end", shown, section(way, "5.4-1", "5.4-2"))
    third = heard(peer, dut, Again(register).prepare)
    repeated = used.intersection(told(third))
    peer.check(not repeated, "another identity than before", repeated, section(way, "5.4-1", "4.1.1.8-1"))
    peer.check(third.up, "an IKE SA after a full authentication", third.bodies, section(way, "5.4-1", "5.3-1"))


@as_peer("eap-initiator-{}-again-mac", *VERIFIED, ways=CARDS)
def again_mac(peer: Peer, dut: Dut, way: Way) -> None:
    """A server whose fast re-authentication has a wrong MAC does not have the keys, and is told Client-Error."""
    server = Again(given(peer, dut, gives_fast=True))
    case: Case = changed(REQUESTS[Reauthentication], "a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16), asks=True)
    found = heard(peer, dut, both(server.prepare, case.arm))
    server.must_have_asked()
    must_end_with(peer, found, ClientError, case.text, section(way, "5.4-1", "5.4-2"))


@as_peer("eap-initiator-{}-again-counter", *VERIFIED, "RFC4187-5.5-1", ways=CARDS)
def again_counter(peer: Peer, dut: Dut, way: Way) -> None:
    """A counter that is no greater than the last one is answered so, and a full authentication follows."""
    server = Again(given(peer, dut, gives_fast=True), lambda renewal: replace(renewal, counter=renewal.counter - 1))
    found = heard(peer, dut, server.prepare)
    server.must_have_asked()
    shown = ", ".join(type(one).__name__ for one in found.bodies)
    full = any(isinstance(one, AkaChallenge | SimChallenge) for one in found.bodies)
    requirement = section(way, "5.4-1", "5.4-2")
    peer.check(full or not found.proved, "no AUTH without a full authentication", shown, requirement, bypass=True)
    peer.check(full and found.up, "a full authentication", shown, section(way, "5.4-1", "5.5-1"))


@as_peer("eap-initiator-{}-again-ignored", "RFC4187-5.5-2", "RFC4187-4.1.1.8-1", ways=USIMS)
def again_ignored(peer: Peer, dut: Dut, way: Way) -> None:
    """The next identity that came with a counter which was too small is not used: it belongs to keys that are no more.

    After the full authentication our server hands out no other one, so the device has none that it could say.
    """
    register = given(peer, dut, gives_fast=True)
    server = Again(register, lambda renewal: replace(renewal, counter=renewal.counter - 1))
    heard(peer, dut, both(server.prepare, with_servers(only_with_a_counter)))
    server.must_have_asked()
    ignored = set(register.renewals)
    third = heard(peer, dut, remembering(register))
    used = sorted(one.decode(errors="replace") for one in ignored.intersection(told(third)))
    peer.check(not used, "another identity than that which came with the counter", ", ".join(used), "RFC4187-5.5-2")
    peer.check(third.up, "an IKE SA after a full authentication", third.bodies, "RFC4187-5.5-2")


def only_with_a_counter(server: Any) -> None:
    """This server hands out an identity for the next time in a fast re-authentication, not in a challenge."""
    gift = server.next_identity

    def giving(keys: Any, counter: int) -> Any:
        server.gives_fast = server.counter is not None
        return gift(keys, counter)

    server.next_identity = giving


@as_peer("eap-initiator-{}-again-notified", "RFC4187-9.10-2", "RFC4187-6.1-1", ways=USIMS)
def again_notified(peer: Peer, dut: Dut, way: Way) -> None:
    """A notification after a fast re-authentication is acknowledged with its counter, encrypted.

    Our server says that the service is denied for now, which nobody can say who does not have the keys.
    """
    server = Again(given(peer, dut, gives_fast=True))

    def denying(method: Any) -> None:
        method.admit = lambda: None if method.counter is None else Told.TEMPORARILY_DENIED

    found = listening.asking(peer, dut, both(server.prepare, with_servers(denying)))
    server.must_have_asked()
    notice = next((one for one in found.messages if isinstance(one, Notice)), None)
    peer.check(notice is not None, "an answer to the notification", found.shown, "RFC4187-6.1-1")
    assert notice is not None and isinstance(server.conversation, EapServer)
    hidden = notice.find(At.IV) is not None and notice.find(At.ENCR_DATA) is not None
    peer.check(hidden, "AT_IV and AT_ENCR_DATA", notice, "RFC4187-9.10-2")
    method = server.conversation.method
    assert isinstance(method, SimAkaServer)
    counter = method.open(notice).find(At.COUNTER)
    fits = counter is not None and counter.number == method.counter
    peer.check(fits, f"the counter {method.counter}", counter or "none", "RFC4187-9.10-2")


@as_peer("eap-initiator-{}-padding", "RFC4187-10.12-3", "RFC4187-6.3.1-3", ways=USIMS)
def padding(peer: Peer, dut: Dut, way: Way) -> None:
    """AT_PADDING that is not of zeros makes the device give up with Client-Error, although the MAC is right."""

    def padded(octet: int) -> Case:
        gift = Counted(At.NEXT_PSEUDONYM, value=PSEUDONYM[way.name] + b"ikespec-padding")
        hidden = (AtIv(iv=bytes(range(16))), Clear(attributes=(gift, AtPadding(zeros=bytes((octet,)) * 10))))
        text = f"AT_PADDING of octets {octet}"
        return changed(REQUESTS[AkaChallenge], text, lambda body: with_hidden(body, hidden), asks=True)

    must_be_believed(peer, dut, padded(0).arm, "RFC4187-10.12-3")
    found = heard(peer, dut, padded(0xFF).arm)
    last = found.messages[-1] if found.messages else None
    refused = isinstance(last, ClientError)
    peer.check(refused, "Client-Error after AT_PADDING that is not of zeros", last or "nothing", "RFC4187-10.12-3")


def with_hidden(body: Any, hidden: Any) -> Any:
    """The challenge with something encrypted in it, and nothing else that is."""
    kept = [one for one in body.attributes if getattr(one, "type", None) not in (At.IV, At.ENCR_DATA)]
    return replace(body, attributes=(*kept[:2], *hidden, *kept[2:]))
