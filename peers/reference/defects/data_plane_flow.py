"""Defects of the data plane: which Child SAs are in use, when, and how they are carried."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Mode
from conformance.ike.core.sending import State
from conformance.ike.ikesa import IkeSa
from conformance.ipsec.replay import ReplayWindow
from peers.reference.dataplane import Carried, DeviceHost
from peers.reference.defects.registry import defect


@defect("data-set-up-initiator", "data-child-rekey-device", "data-rekey-overlap-device")
class MixesUpTheKeys(DeviceHost):
    """Takes the keys of the other direction for a Child SA that it asked for itself."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        if not child.initiator:
            return super().bring(child, sa, udp, now)
        made = super().bring(replace(child, initiator=False), sa, udp, now)
        return Carried(child, made.inbound, made.outbound, waiting=True)


@defect(
    *("data-child-rekey", "data-child-rekey-pfs", "data-rekey-overlap", "data-transport-rekey", "data-ike-rekey"),
    "data-gre-rekey",
    *("data-sequence", "data-child-rekey-device"),
)
class NeverInstallsSuccessors(DeviceHost):
    """Negotiates a new Child SA for an old one, but does not use it."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        made = super().bring(child, sa, udp, now)
        if any(old.replaced_by is child for old in self.carried):
            self.withdraw(made)
            made.waiting = False
        return made


@defect("data-rekey-overlap", "data-rekey-overlap-device")
class DropsTheOldAtOnce(DeviceHost):
    """Gives up a Child SA as soon as there is another in its place."""

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        super().follow(sas, now)
        for child in [child for child in self.carried if child.replaced_by is not None]:
            self.withdraw(self.carried[child])


@defect(
    *("data-rekey-switch", "data-child-rekey", "data-child-rekey-pfs", "data-transport-rekey", "data-gre-rekey"),
    *("auth-example-branch", "auth-example-keys"),
)
class StaysOnTheOld(DeviceHost):
    """Goes on sending on the SA that it had first."""

    def may_send(self, one: Carried) -> bool:
        return not self.sad.outbound

    def withdraw(self, one: Carried) -> None:
        self.sad.remove(one.inbound)


@defect(
    "data-delete-child", "data-delete-child-device", "data-delete-ike", "data-old-child-deleted", "cp-traffic-heir",
)  # fmt: skip
class KeepsDeletedSas(DeviceHost):
    """Goes on using Child SAs that were deleted."""

    def withdraw(self, one: Carried) -> None:
        return


@defect("data-ike-rekey", "data-ike-rekey-device")
class ForgetsTheWindowOnRekeys(DeviceHost):
    """Installs its SAs anew under the IKE SA that replaces theirs, with an empty replay window."""

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        before = {one: one.keeper for one in self.carried.values()}
        super().follow(sas, now)
        for one, keeper in before.items():
            if one.keeper is not keeper and one.inbound.window is not None:
                one.inbound.window = ReplayWindow()


@defect("data-second-child")
class MixesUpSelectors(DeviceHost):
    """Carries only the traffic of the first Child SA that it had."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        first = next(iter(self.carried), child)
        return super().bring(replace(child, local_ts=first.local_ts, remote_ts=first.remote_ts), sa, udp, now)


@defect("data-ike-rekey", "data-ike-rekey-device")
class LosesChildrenOnRekey(DeviceHost):
    """Does not give the Child SAs of an IKE SA to its successor."""

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        known = list(sas)
        rekeyed = any(sa.state == State.REKEYED for sa in known)
        self.lost = rekeyed or getattr(self, "lost", False)
        super().follow([] if self.lost else known, now)


@defect("data-reauthentication", "data-reauthentication-device")
class KnowsOneIkeSa(DeviceHost):
    """Installs only the Child SAs of the first IKE SA that it had."""

    def follow(self, sas: Iterable[IkeSa], now: float) -> None:
        known = [sa for sa in sas if sa.state == State.ESTABLISHED]
        self.first: IkeSa | None = getattr(self, "first", None) or next(iter(known), None)
        super().follow([sa for sa in known if sa is self.first], now)


@defect("data-udp", "data-overhead-udp")
class NeverEncapsulates(DeviceHost):
    """Sends ESP without UDP although there is a NAT."""

    def ports(self, sa: IkeSa) -> tuple[int, int] | None:
        return None


@defect("data-udp-rekeyed", "data-udp-rekeyed-device")
class ForgetsNatInRekey(IkeSa):
    """Knows of no NAT any more on an IKE SA that a rekey has made."""

    def pass_on(self, new: Self) -> None:
        super().pass_on(new)
        new.local_nat = new.remote_nat = False


@defect("data-transport", "data-ah-transport", "data-overhead-transport", "data-gre")
class AlwaysTunnels(DeviceHost):
    """Agrees to transport mode and uses tunnel mode."""

    def bring(self, child: ChildSa, sa: IkeSa, udp: tuple[int, int] | None, now: float) -> Carried:
        return super().bring(replace(child, mode=Mode.TUNNEL), sa, udp, now)
