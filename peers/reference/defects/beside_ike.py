"""Defects of what comes beside IKE, of extensions that nobody has agreed on, and of other Child SAs and SPIs."""

from collections.abc import Iterable, Sequence

from conformance.ike.core.child import ChildSa
from conformance.ike.core.events import Refusal
from conformance.ike.core.narrowing import Selected
from conformance.ike.core.sending import Pending
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import MalformedPacket
from conformance.ipsec.esp import decapsulate
from conformance.ipsec.icmp import UNREACHABLE
from conformance.ipsec.ip import ICMP, parse
from conformance.ipsec.sad import InboundSa
from conformance.wire import KeMethod, Message, NotifyType, Payload, TSi, TSr
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect


@defect("info-foreign-notifies")
class ForeignIsAnError(IkeSa):
    """Takes a notification of MOBIKE, on which nobody has agreed, for an error."""

    def informed(self, message: Message) -> list[Payload]:
        if message.notify(NotifyType.UPDATE_SA_ADDRESSES) is not None:
            raise Refusal(NotifyType.INVALID_SYNTAX, "MOBIKE", fatal=True)
        return super().informed(message)


@defect("info-foreign-notifies")
class ForgetsAfterCrash(IkeSa):
    """Takes a token of quick crash detection, which nobody has agreed on, for the news of a crash."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        if message.notify(NotifyType.QUICK_CRASH_DETECTION) is not None:
            self.start_delete()
        return found


@defect("child-other-family", "child-other-family-initiator")
class OneFamilyPerIke(IkeSa):
    """Makes Child SAs of the family of the first one only."""

    def select(self, ts_i: TSi, ts_r: TSr, old: ChildSa | None) -> Selected:
        found = super().select(ts_i, ts_r, old)
        if self.children and found[1][0].type != self.children[0].remote_ts[0].type:
            raise Refusal(NotifyType.TS_UNACCEPTABLE, "another family")
        return found

    def start_child(self, name: str, group: KeMethod | None = None) -> None:
        wanted = self.peer_selectors(self.child_config(name))
        if not self.children or wanted[0].type == self.children[0].remote_ts[0].type:
            super().start_child(name, group)


@defect("ike-rekey-selectors")
class ReturnsSelectors(IkeSa):
    """Returns in a rekey of the IKE SA whatever selectors came with it."""

    def handle_rekey(self, message: Message) -> Sequence[Payload]:
        made = super().handle_rekey(message)
        return [*made, *(one for one in message.payloads if isinstance(one, TSi | TSr))]


@defect("data-inner-odd")
class LooksAtTheVersion(DeviceHost):
    """Takes what is inside for what its first octet says, whatever the Next Header is."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except MalformedPacket:
            at = parse(packet).payload_at
            for one in self.carried.values():
                if one.inbound.spi == packet[at : at + 4]:
                    return decapsulate(InboundSa(one.inbound.parameters, now), packet[at:], now).payload
            raise


@defect("info-icmp-unreachable", "init-icmp-unreachable")
class BelievesIcmp(DeviceHost):
    """Gives up its IKE SAs when ICMP says that the peer cannot be reached."""

    known: tuple[IkeSa, ...] = ()

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        self.known = tuple(sas)
        super().follow(self.known, now)

    def take(self, packet: bytes, now: float) -> None:
        outer = parse(packet)
        if outer.protocol == ICMP and packet[outer.payload_at] == UNREACHABLE:
            for sa in self.known:
                sa.close("ICMP says that the peer is unreachable")
        super().take(packet, now)


@defect("auth-restart-amid-init", "auth-restart-amid-auth")
class GivesUpThePeer(IkeSa):
    """Takes the peer for dead, with all that it has with it, when one attempt gets no answer."""

    def give_up(self, pending: Pending) -> None:
        super().give_up(pending)
        for other in self.neighbours:
            other.close("the peer is dead")
