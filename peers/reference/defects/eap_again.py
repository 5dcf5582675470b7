"""Peers of SIM and AKA that err with what they were given: pseudonyms and fast re-authentication."""

from collections.abc import Callable
from typing import Any

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.method import Method
from conformance.eap.simaka import Message
from conformance.eap.simaka_attributes import At
from conformance.eap.simaka_keys import Keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.subscriber import Renewal
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
