"""Defects of those who tell which families of addresses they have, and of those who hear it (RFC 8983)."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.ike.core.sending import State, Timer
from conformance.ike.ikesa import IkeSa
from conformance.wire import CP, CfgAttr, CfgAttribute, CfgType, ExchangeType, Message, Notify, NotifyType
from peers.reference.defects.registry import defect

_ALLOWED = (NotifyType.IP4_ALLOWED, NotifyType.IP6_ALLOWED)


@defect("cp-families-told")
class AllowsBothAlways(IkeSa):
    """Says that it has both families, whatever it has."""

    def families_allowed(self) -> list[Notify]:
        return [Notify(one) for one in _ALLOWED]


@defect("cp-families-told-both")
class AllowsWhatIsAskedFor(IkeSa):
    """Names only the first of its families."""

    def families_allowed(self) -> list[Notify]:
        return super().families_allowed()[:1]


@defect("cp-families-told", "cp-families-told-both")
class AllowsAPool(IkeSa):
    """Says which pool it has."""

    def families_allowed(self) -> list[Notify]:
        return [replace(one, data=b"\x0a\x4d\0\0\x18") for one in super().families_allowed()]


@defect("cp-families-unasked")
class AllowsUnasked(IkeSa):
    """Tells everybody that IPv4 is allowed."""

    def asks_for_address(self) -> bool:
        return True

    def families_allowed(self) -> list[Notify]:
        return super().families_allowed() or [Notify(NotifyType.IP4_ALLOWED)]


@defect("cp-client-family-one", "cp-client-family-part")
class AsksForTheOtherFamily(IkeSa):
    """Asks on the same IKE SA for an address of the family of which it has got none."""

    asks_at: float | None = None

    def auth_announced(self, message: Message) -> None:
        super().auth_announced(message)
        if self.initiator and any(message.notify(one) is not None for one in _ALLOWED):
            self.asks_at = self.now + 0.5

    def timers(self) -> Iterator[Timer]:
        if self.asks_at is not None and self.state == State.ESTABLISHED:
            yield self.asks_at, self.ask_again
        yield from super().timers()

    def ask_again(self) -> None:
        self.asks_at = None
        wanted = CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP6_ADDRESS),))
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [wanted], self.ignore)


@defect("cp-client-dry-again", "cp-client-required-again")
class AsksAgainAndAgain(IkeSa):
    """Asks ten times a second for the address that it has not got."""

    asks_at: float | None = None

    def child_failed(self, error: Notify | None) -> None:
        super().child_failed(error)
        self.asks_at = self.now + 0.1

    def timers(self) -> Iterator[Timer]:
        if self.asks_at is not None and self.state == State.ESTABLISHED:
            yield self.asks_at, self.ask_again
        yield from super().timers()

    def ask_again(self) -> None:
        self.asks_at = self.now + 0.1
        wanted = CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.INTERNAL_IP4_ADDRESS),))
        self.open_exchange(ExchangeType.INFORMATIONAL, lambda sa: [wanted], self.ignore)
