"""Defects of what a gateway tells Cisco's clients of what an AAA server has granted."""

from conformance.ike.core.events import Refusal
from conformance.wire import CfgAttr, CfgAttribute, NotifyType
from peers.reference.defects.registry import defect
from peers.reference.nas.granted import FLAGS
from peers.reference.nas.sa import GatewaySa

_NAMES = 28675


@defect("aaa-unity")
class OneNameOnly(GatewaySa):
    """Hands out the first of several names."""

    def unity(self) -> list[CfgAttr]:
        found = {one.type: one for one in reversed(super().unity())}
        return list(reversed(found.values()))


@defect("aaa-unity")
class BannerWithTerminator(GatewaySa):
    """Ends texts with an octet of zero."""

    def unity(self) -> list[CfgAttr]:
        return [CfgAttr(one.type, one.value + b"\0") for one in super().unity()]


@defect("aaa-unity-odd")
class TenNamesAndTheFirstAgain(GatewaySa):
    """Begins with the first name again where there are more than it can hold."""

    def unity(self) -> list[CfgAttr]:
        found = super().unity()
        names = [one for one in found if int(one.type) == _NAMES]
        return [*found, *names[:1]] if len(names) >= 10 else found


@defect("aaa-unity-flags")
class FlagsAreOnWhereTheyAreGiven(GatewaySa):
    """Takes a flag for set where there is one, whatever it is."""

    def unity(self) -> list[CfgAttr]:
        texts = [one for one in super().unity() if int(one.type) not in FLAGS.values()]
        given = [kind for name, kind in FLAGS.items() if self.words(f"ipsec:{name}")]
        return [*texts, *(CfgAttr(CfgAttribute(kind), b"\0\1") for kind in given)]


@defect("aaa-unity-flags-odd")
class FlagsMustBeNumbers(GatewaySa):
    """Gives no Child SA to a user one of whose flags is no number."""

    def unity(self) -> list[CfgAttr]:
        if not all(one.isdigit() for name in FLAGS for one in self.words(f"ipsec:{name}")):
            raise Refusal(NotifyType.INTERNAL_ADDRESS_FAILURE, "a flag that is no number", fatal=True)
        return super().unity()
