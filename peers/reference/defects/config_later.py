"""Defects of configuration payloads after IKE_AUTH, of leases, and of traffic with inner addresses."""

from collections.abc import Sequence
from dataclasses import replace

from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.flow import Flow
from conformance.ipsec.sad import InboundSa
from conformance.wire import (
    CP,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    NotifyType,
    Payload,
    Proposal,
)
from peers.reference.defects.registry import defect

_A4 = CfgAttribute.INTERNAL_IP4_ADDRESS


@defect("cp-info-address", "cp-set-address", "cp-info-no-pool")
class AssignsLater(IkeSa):
    """Assigns an address to whoever asks for one later, whatever it has."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        payload = message.first(CP)
        if payload is not None and payload.cfg_type == CfgType.REQUEST and payload.attributes[:1]:
            return [CP(CfgType.REPLY, (CfgAttr(_A4, bytes((10, 77, 0, 199))),))]
        return found


@defect("cp-info-everything", "cp-info-reserved", "cp-info-dns")
class RefusesLaterRequests(IkeSa):
    """Takes every later request for malformed."""

    def informed(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is not None and payload.cfg_type == CfgType.REQUEST and payload.attributes:
            raise Refusal(NotifyType.INVALID_SYNTAX, "a request in an INFORMATIONAL exchange", fatal=True)
        return super().informed(message)


@defect("cp-info-empty", "cp-empty")
class TellsWithoutBeingAsked(IkeSa):
    """Assigns an address to those who ask for nothing."""

    def configuration_reply(self, asked: CP) -> CP:
        found = super().configuration_reply(asked)
        return found if asked.attributes else CP(CfgType.REPLY, (CfgAttr(_A4, bytes((10, 77, 0, 199))),))

    def first_child_response(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        found = super().first_child_response(self.with_a_wish(message))
        empty = payload is not None and not payload.attributes and bool(self.connection.local_pools)
        return [self.configuration_reply(CP(CfgType.REQUEST)), *found[1:]] if empty else found

    def with_a_wish(self, message: Message) -> Message:
        wanted = CP(CfgType.REQUEST, (CfgAttr(_A4),))
        payloads = (wanted if isinstance(one, CP) and not one.attributes else one for one in message.payloads)
        return replace(message, payloads=tuple(payloads))


@defect("cp-info-types")
class RepliesToReplies(IkeSa):
    """Answers every configuration payload in an INFORMATIONAL exchange with a CFG_REPLY."""

    def informed(self, message: Message) -> list[Payload]:
        found = super().informed(message)
        payload = message.first(CP)
        return found if payload is None or found else [self.configuration_reply(payload)]


@defect("cp-init")
class TellsInTheClear(IkeSa):
    """Says what it is in IKE_SA_INIT."""

    asked: CP | None = None

    def respond_init(self, message: Message, raw: bytes) -> None:
        self.asked = message.first(CP)
        super().respond_init(message, raw)

    def init_response(self, chosen: Proposal, public: bytes) -> Sequence[Payload]:
        found = super().init_response(chosen, public)
        return found if self.asked is None else [*found, self.configuration_reply(self.asked)]


class _Acknowledges(IkeSa):
    """Answers CFG_SET in a way of its own."""

    def acknowledge(self, pushed: CP) -> CP:
        raise NotImplementedError

    def informed(self, message: Message) -> list[Payload]:
        payload = message.first(CP)
        if payload is None or payload.cfg_type != CfgType.SET:
            return super().informed(message)
        return [*(one for one in super().informed(message) if not isinstance(one, CP)), self.acknowledge(payload)]


@defect("cp-set-subnets", "cp-set-reserved", "cp-set-malformed", "cp-set-many", "cp-set-address", "cp-client-set")
class AcknowledgesWithValues(_Acknowledges):
    """Sends what it was given back in CFG_ACK."""

    def acknowledge(self, pushed: CP) -> CP:
        return replace(pushed, cfg_type=CfgType.ACK)


@defect("cp-set-empty", "cp-set-subnets", "cp-client-set")
class AcknowledgesWhatItKnows(_Acknowledges):
    """Lists all that it would accept in CFG_ACK, whatever it was given."""

    def acknowledge(self, pushed: CP) -> CP:
        return CP(CfgType.ACK, (CfgAttr(CfgAttribute.INTERNAL_IP4_DNS), CfgAttr(CfgAttribute.INTERNAL_IP4_NBNS)))


@defect("cp-set-and-request", "cp-set-empty")
class AnswersSetWithSet(_Acknowledges):
    """Pushes its own configuration in the response to a CFG_SET."""

    def acknowledge(self, pushed: CP) -> CP:
        return CP(CfgType.SET, tuple(map(CfgAttr, (CfgAttribute.INTERNAL_IP4_SUBNET,))))


# --- traffic ----------------------------------------------------------------------------------------------------------


@defect("cp-traffic-clients")
class TakesAnyInnerSource(InboundSa):
    """Does not look at who sends what comes through an SA."""

    def selects(self, flow: Flow) -> bool:
        return True


@defect("cp-traffic", "cp-traffic6")
class ForgetsInnerRoute(InboundSa):
    """Lets nothing through that comes from an inner address."""

    def selects(self, flow: Flow) -> bool:
        return not flow.source.startswith((bytes((10, 77)), b"\xfd\x77"))
