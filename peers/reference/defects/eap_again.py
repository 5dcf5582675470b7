"""Peers and servers of SIM and AKA that err with what was handed out: pseudonyms and fast re-authentication."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_server import AkaServer
from conformance.eap.layout import Body
from conformance.eap.method import Method
from conformance.eap.simaka import Message, Notice, Reauthentication, Told, number
from conformance.eap.simaka_attributes import At, AtPadding
from conformance.eap.simaka_keys import Keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Renewal
from conformance.wire import EapPacket
from peers.reference.defects.eap_methods import CARDS, WithOtherMethods, of
from peers.reference.defects.registry import defect

USIMS = ("aka", "aka-prime")


def again(*ways: str, end: str) -> tuple[str, ...]:
    """Ids of purposes."""
    return of(*ways, ends=(end,), start="eap-initiator-")


class WithOtherCards(WithOtherMethods):
    """Spoils the peers of SIM and AKA."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaPeer):
            self.spoil_peer(method)

    def spoil_peer(self, method: SimAkaPeer) -> None:
        """One of them."""


@defect(*again(*USIMS, end="-pseudonym"))
class CutsPseudonyms(WithOtherCards):
    """Keeps what fits into twenty octets of a pseudonym."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        choose = method.choose_identity
        method.choose_identity = lambda asked: choose(asked)[:20]  # type: ignore[method-assign]


@defect(*again(*USIMS, end="-pseudonym"))
class SaysFastIdentityAlways(WithOtherCards):
    """Says an identity for fast re-authentication whatever it is asked for."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        choose = method.choose_identity
        method.choose_identity = lambda asked: choose(At.ANY_ID_REQ)  # type: ignore[method-assign]


@defect(*again(*USIMS, end="-pseudonym-permanent"))
class SaysPseudonymAlways(WithOtherCards):
    """Says its pseudonym where it is asked for its permanent identity."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        choose = method.choose_identity
        method.choose_identity = lambda asked: choose(At.FULLAUTH_ID_REQ)  # type: ignore[method-assign]


@defect(*again(*CARDS, end="-again"))
class OldKeysAgain(WithOtherCards):
    """Goes on with the keys of the full authentication after a fast one."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        def old(keys: Keys, counter: int, nonce: bytes) -> Keys:
            return keys

        method.renewed = old  # type: ignore[method-assign]


@defect(*again(*CARDS, end="-again"))
class SameIdentityAgain(WithOtherCards):
    """Uses an identity for fast re-authentication more than once."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        use: Callable[[bytes], None] = method.use
        kept: dict[bytes, Renewal] = dict(method.usim.renewals)

        def keeping(identity: bytes) -> None:
            use(identity)
            method.usim.renewals.update(kept)

        accept = method.accept

        def accepting(keys: Keys, message: Message, clear: Message) -> Any:
            found = accept(keys, message, clear)
            method.usim.renewals.update(kept)
            return found

        method.use, method.accept = keeping, accepting  # type: ignore[method-assign]


@defect(*again(*CARDS, end="-again-mac"))
class AnyMacAgain(WithOtherCards):
    """Does not verify the MAC of a fast re-authentication."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        method.demand_mac = lambda packet, message, extra=b"": None  # type: ignore[method-assign]


@defect(*again(*CARDS, end="-again-counter"))
class AnyCounter(WithOtherCards):
    """Takes a fast re-authentication that has been before."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        method.is_new = lambda counter: True  # type: ignore[method-assign]


@defect("eap-initiator-aka-bidding")
class IsBidDown(WithOtherCards):
    """Passes over AT_BIDDING."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        if isinstance(method, AkaPeer):
            method.refusal = lambda message: None  # type: ignore[method-assign]


@defect(*again(*USIMS, end="-again-ignored"))
class KeepsIdentityOfOldCounter(WithOtherCards):
    """Keeps the next identity that came with a counter which was too small."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        answer, accept = method.answer_reauthentication, method.accept
        kept: list[Renewal] = []

        def answering(message: Message, packet: EapPacket) -> Reauthentication:
            before = method.renewal
            found = answer(message, packet)
            gift = method.look_into(message).find(At.NEXT_REAUTH_ID)
            if method.renewal is None and before is not None and gift is not None:
                kept.append(replace(before, identity=gift.value))
            return found

        def accepting(keys: Keys, message: Message, clear: Message) -> tuple[Body, ...]:
            found = accept(keys, message, clear)
            if kept:
                method.usim.renewals[method.permanent] = kept[-1]
            return found

        method.answer_reauthentication, method.accept = answering, accepting  # type: ignore[method-assign]


@defect(*again(*USIMS, end="-again-notified"))
class AcknowledgesWithoutCounter(WithOtherCards):
    """Acknowledges each notification in the same way, whatever came before it."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        method.counted = lambda: ()  # type: ignore[method-assign]


@defect(*again(*USIMS, end="-padding"))
class SkipsPadding(WithOtherCards):
    """Does not look at AT_PADDING."""

    def spoil_peer(self, method: SimAkaPeer) -> None:
        method.look_into = method.open  # type: ignore[method-assign]


# --- as server --------------------------------------------------------------------------------------------------------


class WithOtherServers(WithOtherMethods):
    """Spoils the servers of SIM and AKA."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, SimAkaServer):
            self.spoil_server(method)

    def spoil_server(self, method: SimAkaServer) -> None:
        """One of them."""


@defect(*of(*CARDS, ends=("-again",), start="eap-"))
class NeverCounts(WithOtherServers):
    """Has the same counter in each fast re-authentication, and the same nonce."""

    def spoil_server(self, method: SimAkaServer) -> None:
        begin = method.reauthentication
        method.reauthentication = lambda renewal, **further: begin(  # type: ignore[method-assign]
            replace(renewal, counter=0), **further
        )


@defect(*of(*CARDS, ends=("-again",), start="eap-"))
class SameNonceAgain(WithOtherServers):
    """Has the same nonce in each fast re-authentication."""

    def spoil_server(self, method: SimAkaServer) -> None:
        begin = method.reauthentication

        def beginning(renewal: Renewal, **further: tuple[Body, ...]) -> Reauthentication:
            random, method.random = method.random, lambda size: bytes(range(size))
            try:
                return begin(renewal, **further)
            finally:
                method.random = random

        method.reauthentication = beginning  # type: ignore[method-assign]


@defect(*of(*CARDS, ends=("-again-response",), start="eap-"))
class TakesAnyCounterBack(WithOtherServers):
    """Does not compare the counter of the response with its own."""

    def spoil_server(self, method: SimAkaServer) -> None:
        opened = method.open

        def opening(message: Message) -> Message:
            clear = opened(message)
            assert method.counter is not None
            due = number(At.COUNTER, method.counter)
            same = (due if getattr(one, "type", None) == At.COUNTER else one for one in clear.attributes)
            return Message(attributes=tuple(same))

        method.open = opening  # type: ignore[method-assign]


@defect(*of(*CARDS, ends=("-again-response",), start="eap-"))
class TakesAnyPadding(WithOtherServers):
    """Does not look at AT_PADDING of a peer."""

    def spoil_server(self, method: SimAkaServer) -> None:
        opened = method.open

        def opening(message: Message) -> Message:
            found = opened(message)
            return Message(attributes=tuple(one for one in found.attributes if not isinstance(one, AtPadding)))

        method.open = opening  # type: ignore[method-assign]


@defect(*of(*USIMS, ends=("-again-too-small",), start="eap-"))
class AsksWhoItWas(WithOtherServers):
    """Asks for the identity again where its counter was too small."""

    def spoil_server(self, method: SimAkaServer) -> None:
        if isinstance(method, AkaServer):
            begin = method.authenticate

            def beginning() -> Body:
                if method.nonce and not method.vector:
                    method.questions = [At.PERMANENT_ID_REQ]
                    return method.ask_identity()
                return begin()

            method.authenticate = beginning  # type: ignore[method-assign]


@defect(*of(*USIMS, ends=("-again-notified",), start="eap-"))
class NotifiesAsAfterChallenge(WithOtherServers):
    """Notifies success after a fast re-authentication as after any other."""

    def spoil_server(self, method: SimAkaServer) -> None:
        notify = method.notify

        def notifying(told: Told) -> Notice:
            counter, method.counter = method.counter, None
            try:
                return notify(told)
            finally:
                method.counter = counter

        method.notify = notifying  # type: ignore[method-assign]
