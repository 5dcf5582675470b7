"""Defects of gateways that choke on what clients in wide use send, or take too much of what old routers offer."""

from collections.abc import Sequence
from ipaddress import ip_network

from conformance.crypto.suite import proposal
from conformance.ike.core.config_mode import ADDRESSES, attributes_of
from conformance.ike.core.events import Refusal
from conformance.ike.core.proposals import choose
from conformance.ike.ikesa import IkeSa
from conformance.wire import CfgType, KeMethod, Message, NotifyType, Payload, Proposal
from peers.reference.defects.registry import defect


class _Chokes(IkeSa):
    """Refuses requests for an address which it does not like."""

    def dislikes(self, kinds: list[int]) -> bool:
        """Whether it does not like these attributes."""
        raise NotImplementedError

    def first_child_response(self, message: Message) -> list[Payload]:
        kinds = [int(one.type) for one in attributes_of(message, CfgType.REQUEST)]
        if self.connection.local_pools and self.dislikes(kinds):
            raise Refusal(NotifyType.FAILED_CP_REQUIRED, "a strange request")
        return super().first_child_response(message)


@defect("cp-as-windows", "cp-as-flexvpn")
class ChokesOnPrivateAttributes(_Chokes):
    """Refuses whoever asks for attributes of private use."""

    def dislikes(self, kinds: list[int]) -> bool:
        return any(one >= 16384 for one in kinds)


@defect("cp-as-windows", "cp-as-ios", "cp-as-strongswan")
class AllFamiliesOrNoAddress(_Chokes):
    """Refuses whoever asks for an address of a family that it has not, whatever else he asks for."""

    def dislikes(self, kinds: list[int]) -> bool:
        families = {ip_network(one).version for one in self.connection.local_pools}
        return any(kind in kinds for family, kind in ADDRESSES.items() if family not in families)


@defect("cp-as-flexvpn")
class EachAttributeOnce(_Chokes):
    """Refuses whoever asks twice for the same."""

    def dislikes(self, kinds: list[int]) -> bool:
        return len(set(kinds)) < len(kinds)


@defect("init-old-offer", "init-old-offer-taken")
class TakesOldGroups(IkeSa):
    """Takes MD5 and group 2 where they are offered, whatever it has been told."""

    def choose_ike(self, proposals: Sequence[Proposal], group: KeMethod) -> Proposal:
        weak = (proposal("aes256-prfmd5-md5-modp1024-modp1536"),)
        found = [one for each in proposals if (one := choose([each], weak, group)) is not None]
        return found[0][1] if found else super().choose_ike(proposals, group)
