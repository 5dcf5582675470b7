"""Defects of limits, of what shall always be there, of who opens what, and of what a policy demands."""

from collections.abc import Sequence

from conformance.ike.core.child import ChildOffer, ChildSa
from conformance.ike.core.connection import ChildConfig
from conformance.ike.core.events import Refusal
from conformance.ike.core.proposals import child_proposals, choose
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.packets import Bend
from conformance.ipsec.sad import OutboundSa
from conformance.net.link import Datagram, IpPacket
from conformance.wire import KE, SA, Message, NotifyType, Payload, Proposal, TrafficSelector, TransformType, TSi, TSr
from peers.reference.dataplane import DeviceHost
from peers.reference.defects.registry import defect

# --- limits -----------------------------------------------------------------------------------------------------------


@defect("limit-ike-sas")
class LetsEverybodyIn(Endpoint):
    """Knows a limit to its IKE SAs, and does not look at it."""

    def has_room(self) -> bool:
        return True


@defect("limit-ike-sas")
class NeverHasRoomAgain(Endpoint):
    """Counts what it has ever let in: an IKE SA that is closed makes no room."""

    ever = 0

    def register(self, sa: IkeSa) -> None:
        self.ever += not sa.initiator
        super().register(sa)

    def has_room(self) -> bool:
        limit = self.connection.ike_sa_limit
        return limit is None or self.ever < limit


@defect("limit-ike-sas")
class MakesRoom(Endpoint):
    """Forgets the oldest IKE SA without a word where one more comes."""

    def has_room(self) -> bool:
        if not super().has_room():
            self.established()[0].close("another one has come")
        return True


@defect("limit-child-sas", "limit-child-none")
class AnyNumberOfChildren(IkeSa):
    """Knows a limit to its Child SAs, and does not look at it."""

    def has_room(self, message: Message) -> bool:
        return True


@defect("limit-child-sas", "limit-child-none")
class SaysNoProposal(IkeSa):
    """Says that it likes no proposal where it wants no further Child SA."""

    def check_room(self, message: Message) -> None:
        if not self.has_room(message):
            raise Refusal(NotifyType.NO_PROPOSAL_CHOSEN, "no more Child SAs")


@defect("limit-child-none")
class MakesTheFirst(IkeSa):
    """Looks at its limit in CREATE_CHILD_SA only."""

    def first_child_response(self, message: Message) -> list[Payload]:
        limit = self.connection.child_sa_limit
        return (
            self.make_child(message, None, (self.nonce_i, self.nonce_r))
            if limit == 0
            else super().first_child_response(message)
        )


# --- what shall always be there ---------------------------------------------------------------------------------------


@defect("reopen-closed", "reopen-lost", "reopen-unanswered")
class StaysClosed(Endpoint):
    """Does not open again what is gone."""

    def is_missed(self, sa: IkeSa) -> bool:
        return False


@defect("reopen-closed")
class OpensOnce(Endpoint):
    """Opens again what was closed once, and then no more."""

    again = True

    def is_missed(self, sa: IkeSa) -> bool:
        found, self.again = super().is_missed(sa) and self.again, self.again and not super().is_missed(sa)
        return found


@defect("reopen-child")
class ForgetsTheChild(IkeSa):
    """Does not ask again for a Child SA that the peer has closed."""

    def start_missed(self) -> None:
        self.missed = ()


@defect("reopen-lost", "reopen-unanswered")
class OpensWhatWasClosedOnly(Endpoint):
    """Opens again what the peer has closed, and not what is lost."""

    def is_missed(self, sa: IkeSa) -> bool:
        return super().is_missed(sa) and not sa.unanswered


# --- a device that answers only ---------------------------------------------------------------------------------------


@defect("answers-only-lifetime", "answers-only-rekeyed")
class RekeysAnyway(IkeSa):
    """Rekeys what is old, whoever should do it."""

    def renews(self) -> bool:
        return True


@defect("answers-only-packet")
class OpensAnyway(Endpoint):
    """Opens an IKE SA for a packet, whoever should do it."""

    def opens_for_packets(self) -> bool:
        return True


@defect("answers-only-rekeyed")
class AnswersNoRekey(IkeSa):
    """Takes it that who does not rekey is not rekeyed either."""

    def handle_child(self, message: Message) -> Sequence[Payload]:
        if not self.renews() and message.notify(NotifyType.REKEY_SA) is not None:
            raise Refusal(NotifyType.NO_ADDITIONAL_SAS, "nothing is rekeyed here")
        return super().handle_child(message)


# --- a key exchange in each rekey -------------------------------------------------------------------------------------


@defect("child-rekey-ke-demanded", "child-new-ke-demanded")
class DoesWithoutGroup(IkeSa):
    """Takes its own proposals without their groups where the peer wants none."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        if message.first(KE) is None:
            ours = child_proposals(config.proposals, b"", with_ke=False)
            found = choose(list(proposals), ours, None)
            if found is not None:
                return found[1]
        return super().choose_child(config, proposals, message)


@defect("child-rekey-ke-demanded")
class DropsWhatIsNotRekeyed(IkeSa):
    """Drops a Child SA whose rekey it has refused."""

    def choose_child(self, config: ChildConfig, proposals: Sequence[Proposal], message: Message) -> Proposal:
        try:
            return super().choose_child(config, proposals, message)
        except Refusal:
            for child in list(self.children):
                self.drop_child(child)
            raise


@defect("child-rekey-ke-by-device")
class OffersNoGroup(IkeSa):
    """Asks for Child SAs without a key exchange in CREATE_CHILD_SA, too."""

    def make_offer(self, config: ChildConfig, *, with_ke: bool, rekeys: ChildSa | None = None) -> ChildOffer:
        return super().make_offer(config, with_ke=False, rekeys=rekeys)


@defect("child-response-no-group")
class ContentWithoutGroup(IkeSa):
    """Is content with a choice that leaves the group out."""

    def check_choice(self, offer: ChildOffer, sa: SA) -> None:
        types = {one.type for one in sa.proposals[0].transforms}
        if TransformType.KE in types:
            super().check_choice(offer, sa)


# --- selectors and packets --------------------------------------------------------------------------------------------


@defect("auth-ts-wide-policy")
class AnswersWithItsPolicy(IkeSa):
    """Answers with all that its policy allows, whatever part of it the peer asks for."""

    def select(
        self, ts_i: TSi, ts_r: TSr, old: ChildSa | None
    ) -> tuple[ChildConfig, tuple[TrafficSelector, ...], tuple[TrafficSelector, ...]]:
        config, _, _ = super().select(ts_i, ts_r, old)
        return config, self.peer_selectors(config), self.own_selectors(config)


@defect("data-on-demand-unanswered")
class LetsPassWhatWasRefused(DeviceHost):
    """Takes its policy for void once it has asked for a Child SA in vain: later packets go out in the clear."""

    asked = 0

    def send(self, packet: bytes, now: float, *, bend: Bend | None = None) -> list[bytes]:
        found = super().send(packet, now, bend=bend)
        self.asked += not found
        if not found and self.asked > 1:
            self.outbox.append(IpPacket(packet))
        return found


@defect("data-sequence-end", "data-sequence-end-refused")
class ComesRound(OutboundSa):
    """Goes on with the first number after the last one."""

    def next_sequence(self) -> int:
        if self.sequence >= 0xFFFFFFFF:
            self.sequence = 0
        return super().next_sequence()


# --- versions ---------------------------------------------------------------------------------------------------------


@defect("init-response-version-1", "init-response-version-1-refused")
class FallsBackToVersion1(Endpoint):
    """Begins anew with IKEv1 where the peer answers in that version."""

    def receive(self, datagram: Datagram, now: float) -> None:
        header = datagram.payload[:28]
        if len(header) == 28 and header[17] >> 4 == 1:
            first = (
                header[:8]
                + bytes(8)
                + bytes((1, 0x10, 2, 0))
                + bytes(4)
                + (32).to_bytes(4, "big")
                + bytes((0, 0, 0, 4))
            )
            self.outbox.append(Datagram(datagram.destination, datagram.source, first))
        super().receive(datagram, now)
