"""Defects of sessions: liveness, idle time, lifetimes, several IKE SAs of one identity, several gateways."""

from math import inf

from conformance.crypto import IntegrityError
from conformance.ike.core.child import ChildSa
from conformance.ike.core.sending import Pending, State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.errors import IpsecError
from conformance.ipsec.sad import Expiry, InboundSa, Lifetime
from conformance.net.link import Address
from conformance.wire import IDi, IDr, Message, Notify, NotifyType
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect

# --- liveness ---------------------------------------------------------------------------------------------------------


@defect("dpd-forged-traffic", "dpd-replayed-traffic")
class AnythingLives(DeviceHost):
    """Takes whatever comes to a known SPI for a sign of life."""

    def unprotected(self, packet: bytes, now: float) -> bytes | None:
        try:
            return super().unprotected(packet, now)
        except IpsecError:
            for one in self.carried.values():
                if one.inbound.spi in packet[:64] and one.keeper is not None:
                    self.lives(one.keeper, now)
            raise


@defect("dpd-forged-messages")
class AnyMessageLives(IkeSa):
    """Takes whatever comes to its SPI for a sign of life of the peer."""

    def not_authentic(self, raw: bytes, error: IntegrityError) -> None:
        self.last_heard = self.now
        super().not_authentic(raw, error)

    def unprotected(self, message: Message) -> None:
        self.last_heard = self.now
        super().unprotected(message)


@defect("dpd-rekeyed")
class ChecksUnrekeyedOnly(IkeSa):
    """Does not check liveness on an IKE SA that a rekey has made."""

    def liveness_due(self) -> float | None:
        return super().liveness_due() if self.init_response_raw else None


@defect("dpd-crossing")
class WaitsForItsAnswer(IkeSa):
    """Answers nothing as long as its own request is not answered."""

    def on_request(self, message: Message) -> None:
        if self.pending is None or self.state is not State.ESTABLISHED:
            super().on_request(message)


@defect("dpd-outage")
class OneChance(IkeSa):
    """Takes the peer for dead when its first request is not answered."""

    def retransmit(self, pending: Pending) -> None:
        if self.state is State.ESTABLISHED:
            self.give_up(pending)
        else:
            super().retransmit(pending)


@defect("dpd-exhausted-children")
class ChildrenOutliveTheDead(DeviceHost):
    """Leaves the SAs of a Child SA in place whose IKE SA has ended."""

    def withdraw(self, one: Carried) -> None:
        pass


@defect("dpd-exhausted-silent", "dpd-initiator-dead")
class RepeatsForEver(IkeSa):
    """Repeats a liveness check for ever."""

    def try_again(self) -> None:
        if self.pending is not None and self.state is State.ESTABLISHED:
            self.pending.tries = 0
        super().try_again()


@defect("dpd-on-demand")
class ChecksAlways(IkeSa):
    """Checks liveness though nobody has sent anything."""

    def liveness_due(self) -> float | None:
        self.carried_at = self.carried_at or inf
        return super().liveness_due()


# --- idle -------------------------------------------------------------------------------------------------------------


@defect("idle-child", "idle-child-traffic", "idle-child-initiator")
class KeepsTheIdle(DeviceHost):
    """Deletes no Child SA that carries nothing."""

    def idle_until(self, one: Carried) -> float:
        return inf


@defect("idle-child", "idle-child-traffic", "idle-child-initiator")
class DropsTheIdle(DeviceHost):
    """Drops an idle Child SA and tells nobody."""

    def attend(self, now: float) -> list[IkeSa]:
        for one in list(self.carried.values()):
            if one.keeper is not None and self.idle_until(one) <= now:
                one.keeper.drop_child(one.child)
        return super().attend(now)


@defect("idle-child-traffic")
class CountsFromTheStart(DeviceHost):
    """Counts the idle time from the birth of a Child SA, whatever it carries."""

    def see(self, one: Carried, now: float) -> None:
        pass


# --- lifetimes --------------------------------------------------------------------------------------------------------


@defect("child-lifetime", "lifetime-both")
class ChildrenForever(IkeSa):
    """Never rekeys a Child SA because of its age."""

    def start_child_rekey(self, old: ChildSa, *others: object) -> None:
        if old.config.lifetime is None:
            super().start_child_rekey(old)
        else:
            old.rekey_again = inf


@defect("child-lifetime-replaced")
class EndsWithTheOldOne(IkeSa):
    """Ends the IKE SA when the time of a Child SA is over, whether another one has taken its place or not."""

    def expire_child(self, child: ChildSa) -> None:
        self.start_delete()


@defect("child-lifetime-hard", "child-lifetime-replaced")
class OutlivesItsTime(IkeSa):
    """Goes on with a Child SA that is over and was not rekeyed."""

    def expire_child(self, child: ChildSa) -> None:
        child.created = self.now


@defect("ike-lifetime-hard", "ike-lifetime-put-off")
class IkeOutlivesItsTime(IkeSa):
    """Goes on with an IKE SA that is over and was not rekeyed."""

    def over_at(self) -> float | None:
        return None


@defect("ike-lifetime-hard")
class EndsWithoutAWord(IkeSa):
    """Drops an IKE SA whose time is over without a Delete."""

    def start_delete(self) -> None:
        self.close("over")


@defect("lifetime-packets", "lifetime-octets", "lifetime-octets-initiator")
class CountsNothing(DeviceHost):
    """Has no soft lifetime in packets and octets."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "soft": Lifetime()}


@defect("lifetime-packets-hard", "lifetime-octets-hard")
class SoftOnly(DeviceHost):
    """Has no hard lifetime in packets and octets."""

    def fields(self, child: ChildSa) -> dict[str, object]:
        return {**super().fields(child), "hard": Lifetime()}

    def worn(self, one: Carried, now: float) -> Expiry:
        found = super().worn(one, now)
        return Expiry.SOFT if found is Expiry.HARD else found


# --- several IKE SAs of one identity ----------------------------------------------------------------------------------


@defect("contact-unproved", "unique-replace-unproved")
class ReplacesBeforeProof(IkeSa):
    """Drops the IKE SAs of whoever somebody says that he is."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        for one in list(self.neighbours):
            if one is not self and not self.initiator and one.state is State.ESTABLISHED:
                one.close("somebody says that he is this one")
        super().check_peer(identity, message)


@defect("contact-half-open")
class ReplacesAtOnce(IkeSa):
    """Drops the IKE SAs of an address from which another one is begun."""

    def admit(self, message: Message) -> None:
        super().admit(message)
        for one in list(self.neighbours):
            if one.state is State.ESTABLISHED and one.remote == self.remote:
                one.close("begun anew")


@defect("contact-traffic", "reauth-by-us-break")
class AnswersTheOld(DeviceHost):
    """Once there was a Child SA, has no other for the same selectors."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        found = super().bring(child, sa, udp, now)
        if now and getattr(self, "brought", False):
            self.sad.remove(found.inbound)
        self.brought = True
        return found


@defect("contact-first")
class ContactInEveryRound(IkeSa):
    """Says INITIAL_CONTACT in each request of IKE_AUTH."""

    def encode(self, message: Message) -> list[bytes]:
        if message.message_id > 1 and self.state is State.HALF_OPEN and self.initiator:
            contact = Notify(NotifyType.INITIAL_CONTACT)
            message = self.message(message.exchange, (*message.payloads, contact), message.message_id, response=False)
        return super().encode(message)


@defect("unique-replace")
class ReplacesWithoutAWord(Endpoint):
    """Tells nobody that a new IKE SA has taken the place of his."""

    def replace_older(self, sa: IkeSa) -> None:
        for other in self.established():
            if other is not sa:
                other.close("replaced")
                self.collect(other)


@defect("unique-keep")
class KeepsTheLast(IkeSa):
    """Drops the first IKE SA of an identity where it should refuse the second."""

    def check_unique(self, identity: IDi | IDr, message: Message) -> None:
        try:
            super().check_unique(identity, message)
        finally:
            for one in list(self.neighbours):
                if one is not self:
                    one.close("replaced")


# --- several gateways -------------------------------------------------------------------------------------------------

ALL = ("backup-silent", "backup-refused", "backup-dead", "backup-dead-twice")


@defect(*ALL)
class FirstGatewayOnly(Endpoint):
    """Has several gateways and knows the first one only."""

    def next_gateway(self, sa: IkeSa) -> None:
        pass


@defect("backup-first")
class SecondGatewayFirst(Endpoint):
    """Begins with the last gateway."""

    def made(self, host: str, child: str | None) -> IkeSa:
        return super().made(self.gateways[-1] if not self.gateway else host, child)


@defect("backup-silent")
class AsksOnce(IkeSa):
    """Takes a gateway for dead that does not answer its first request."""

    def try_again(self) -> None:
        if self.pending is not None and self.state is State.NEW:
            self.give_up(self.pending)
        else:
            super().try_again()


@defect("backup-dead-twice")
class NeverGoesRound(Endpoint):
    """Stays with the last gateway when all have failed once."""

    def next_gateway(self, sa: IkeSa) -> None:
        if self.gateway + 1 < len(self.gateways):
            super().next_gateway(sa)


@defect("backup-other-identity")
class AnybodyAsBackup(Endpoint):
    """Believes whoever answers in place of a dead gateway."""

    def new_sa(self, *, initiator: bool, local: Address, remote: Address) -> IkeSa:
        sa = super().new_sa(initiator=initiator, local=local, remote=remote)
        if initiator and self.gateway:
            sa.check_peer = lambda identity, message: None  # type: ignore[method-assign]
        return sa


@defect("backup-return")
class NeverReturns(Endpoint):
    """Stays at the second gateway when the first is back."""

    def look_back(self) -> None:
        self.back_at = None


@defect("backup-return-in-vain")
class LeavesBeforeItLooks(Endpoint):
    """Deletes its session at the second gateway, and then looks whether the first one is back."""

    def replace(self, old: IkeSa, host: str) -> None:
        old.start_delete()
        self.collect(old)
        super().replace(old, host)


class _WithoutPadding(InboundSa):
    """Counts what an ESP packet carries."""

    padding = 0

    def payload_end(self, size: int, pad_length: int) -> int:
        end = super().payload_end(size, pad_length)
        self.padding = size - end
        return end

    def count(self, octets: int) -> None:
        super().count(octets - self.padding)


@defect("lifetime-octets-padding")
class CountsNoPadding(DeviceHost):
    """Does not count padding for the lifetime of an SA."""

    inbound_class = _WithoutPadding


@defect("child-lifetime-jitter")
class OnTheStroke(IkeSa):
    """Rekeys after exactly the time that is configured, each time."""

    def jitter(self, most: float) -> float:
        return 0.0
