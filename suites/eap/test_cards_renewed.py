"""SIM, AKA and AKA' once more with the device as server: fast re-authentication (RFC 4187, section 5).

A server need not offer it. One that hands out no identity for it, or does not use it, is *n/a*.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.peer import EapPeer
from conformance.eap.simaka import AkaChallenge, Message, Notice, Reauthentication, mark, number
from conformance.eap.simaka_attributes import At, AtPadding, Clear
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.subscriber import Renewal
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable
from conformance.wire import EapCode
from suites.eap import listening
from suites.eap.cases import Case, changed
from suites.eap.examples import RESPONSES, section, setting_of, without
from suites.eap.listening import Listened
from suites.eap.roles import CARDS, NOBODY, Way, as_server
from suites.eap.sweeping import armed
from suites.eap.test_cards import USIMS
from suites.eap.test_cards_said import QUESTIONS, must_be_encrypted_aright

TIER = "full"

RENEWING = {"renewals": True}
TOLD = {"renewals": True, "indications": True}
TIMES = 3
WRONG = 0xFFF0
"""A counter that nobody has come to."""


class Card:
    """Our card, which outlives a conversation.

    Attributes:
        renewals: what it was given for fast re-authentication.
        shrinks: it takes every counter for too small.
    """

    def __init__(self) -> None:
        self.renewals: dict[bytes, Renewal] = {}
        self.shrinks = False

    def prepare(self, conversation: Conversation) -> None:
        """Our peer has it."""
        assert isinstance(conversation, EapPeer)
        for method in conversation.methods:
            if isinstance(method, SimAkaPeer):
                method.usim.renewals = self.renewals
                if self.shrinks:
                    method.is_new = lambda counter: False  # type: ignore[method-assign]


def with_gift(peer: Peer) -> Card:
    """A card with an identity for fast re-authentication. Raises NotApplicable."""
    card = Card()
    with peer.preamble("EAP"):
        listening.served(peer, card.prepare)
    if not card.renewals:
        raise NotApplicable("it hands out no identity for fast re-authentication")
    return card


def asked_again(heard: Listened) -> Message:
    """The request of a fast re-authentication. Raises NotApplicable."""
    found = next((one for one in heard.messages if isinstance(one, Reauthentication)), None)
    if found is None:
        raise NotApplicable("it makes no fast re-authentication")
    return found


def within(change: Callable[[Sequence[Body]], Sequence[Body]]) -> Callable[[Any], Body]:
    """Something done to what is encrypted in a message."""

    def changing(body: Any) -> Body:
        found: Body = replace(
            body,
            attributes=tuple(
                replace(one, attributes=tuple(change(one.attributes))) if isinstance(one, Clear) else one
                for one in body.attributes
            ),
        )
        return found

    return changing


def hiding(*attributes: Body) -> Callable[[Any], Body]:
    """These encrypted in place of ours."""
    return within(lambda _: attributes)


def wrong_answers(counter: int) -> Iterator[Case]:
    """Responses that prove nothing, or not that this request was answered."""

    def wrong(text: str, change: Callable[[Any], Body]) -> Case:
        return changed(RESPONSES[Reauthentication], text, change, wrong=True)

    yield wrong("a MAC of ones", setting_of(At.MAC, mac=b"\xff" * 16))
    yield wrong("no MAC", without(At.MAC))
    yield wrong("another counter", hiding(number(At.COUNTER, WRONG)))
    yield wrong("no counter", without(At.IV, At.ENCR_DATA))
    yield wrong("another counter, which is too small", hiding(number(At.COUNTER, WRONG), mark(At.COUNTER_TOO_SMALL)))
    yield wrong("AT_PADDING of ones", hiding(number(At.COUNTER, counter), AtPadding(zeros=b"\1" * 10)))


@as_server(
    "eap-{}-again", "RFC4187-5.4-1", "RFC4187-5.4-3", "RFC4186-5.4-1", "RFC4187-10.12-1", "RFC4187-10.12-2", ways=CARDS,
    eap_changes=RENEWING, ordinary=True,
)  # fmt: skip
def again(peer: Peer, way: Way) -> None:
    """A server that takes its identity of {way.title} again proves that it knows the keys, each time with fresh values.

    The request has AT_IV, AT_ENCR_DATA and AT_MAC, and encrypted in it a greater AT_COUNTER and another AT_NONCE_S.
    """
    requirement = section(way, "5.4-1", "5.4-1")
    card, counters, nonces = with_gift(peer), [0], [b""]
    sent: list[Message] = []
    for _ in range(TIMES):
        heard = listening.served(peer, card.prepare)
        with suppress(NotApplicable):
            sent.append(asked_again(heard))
            kinds = {getattr(one, "type", None) for one in sent[-1].attributes}
            whole = kinds >= {At.IV, At.ENCR_DATA, At.MAC}
            peer.check(whole, "AT_IV, AT_ENCR_DATA and AT_MAC", sent[-1], requirement)
            clear = next((one for one in heard.clear.values() if one.find(At.COUNTER) or one.find(At.NONCE_S)), None)
            peer.check(clear, "AT_COUNTER and AT_NONCE_S under a right MAC", heard.shown, requirement)
            assert clear is not None
            counter, nonce = clear.find(At.COUNTER), clear.find(At.NONCE_S)
            both = counter is not None and nonce is not None
            peer.check(both, "AT_COUNTER and AT_NONCE_S", clear, requirement)
            fresh = counter.number > counters[-1]
            peer.check(fresh, f"AT_COUNTER above {counters[-1]}", counter.number, requirement)
            peer.check(nonce.nonce not in nonces, "another AT_NONCE_S", nonce.nonce.hex(), requirement)
            counters.append(counter.number)
            nonces.append(nonce.nonce)
        peer.check(heard.up, "an IKE SA with keys of both", heard.shown, section(way, "5.4-1", "5.4-3"))
    if not sent:
        raise NotApplicable("it makes no fast re-authentication")
    must_be_encrypted_aright(peer, sent)


@as_server(
    "eap-{}-again-response", *NOBODY, "RFC4187-5.4-3", "RFC4187-10.12-3", "RFC4186-5.4-1", ways=CARDS,
    eap_changes=RENEWING, canary=False,
)  # fmt: skip
def again_response(peer: Peer, way: Way) -> None:
    """Who answers a fast re-authentication of {way.title} without the keys, or not this one, is not let in.

    Nor does a wrong counter lead to a full authentication, even if it is said to be too small.
    """
    *cases, padded = wrong_answers(1)
    for case in (*cases, padded):
        heard = listening.served(peer, armed(case, with_gift(peer).prepare))
        asked_again(heard)
        sent = case.was_sent(heard.conversation)
        peer.check(sent, "a request for fast re-authentication that can be answered", heard.shown, NOBODY[0])
        success = heard.up or (heard.packets[-1].code == EapCode.SUCCESS)
        requirement = section(way, "5.4-1", "10.12-3" if case is padded else "5.4-3")
        known = case is padded  # its MAC is right, and the counter is that of the request
        peer.check(not success, f"no EAP-Success after {case.text}", heard.shown, requirement, bypass=not known)


@as_server("eap-{}-again-too-small", "RFC4187-5.5-3", "RFC4187-5.4-3", ways=USIMS, eap_changes=RENEWING)
def again_too_small(peer: Peer, way: Way) -> None:
    """A peer that has seen the counter before gets a challenge at once: the server knows who it is."""
    card = with_gift(peer)
    card.shrinks = True
    heard = listening.served(peer, card.prepare)
    place = heard.messages.index(asked_again(heard))
    after = heard.messages[place + 1 :]
    asked = [one for one in after if any(one.find(kind) is not None for kind in QUESTIONS)]
    peer.check(not asked, "no request for the identity", heard.shown, "RFC4187-5.5-3")
    first = after[0] if after else "nothing"
    peer.check(isinstance(first, AkaChallenge), "AKA-Challenge", first, "RFC4187-5.5-3")
    peer.check(heard.up, "an IKE SA after a full authentication", heard.shown, "RFC4187-5.5-3")


@as_server("eap-{}-again-notified", "RFC4187-9.10-2", ways=USIMS, eap_changes=TOLD)
def again_notified(peer: Peer, way: Way) -> None:
    """A notification of success at the end of a fast re-authentication has its counter once more, encrypted."""
    heard = listening.served(peer, with_gift(peer).prepare)
    asked_again(heard)
    notice = next((one for one in heard.messages if isinstance(one, Notice)), None)
    if notice is None:
        raise NotApplicable("it does not notify success")
    hidden = notice.find(At.IV) is not None and notice.find(At.ENCR_DATA) is not None
    peer.check(hidden, "AT_IV and AT_ENCR_DATA", notice, "RFC4187-9.10-2")
    counters = [one.find(At.COUNTER) for one in heard.clear.values()]
    told = [None if one is None else one.number for one in counters]
    peer.check(len(told) > 1 and len(set(told)) == 1, "the counter of the request again", told, "RFC4187-9.10-2")
    peer.check(heard.up, "an IKE SA", heard.shown, "RFC4187-9.10-2")
