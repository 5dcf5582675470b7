"""What a scenario is made of: values that say how two devices are set up, what they are told, what must hold then."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conformance.ike.core.connection import Connection, Mode, RedirectWhen
from conformance.net.relay import LosesFirst, Path, PortNat, Wire
from peers.capabilities import Capability, needs
from peers.contract import Pixit
from suites.connections import Setup, psk


class Role(StrEnum):
    """Which of the two devices: the one that opens the IKE SA, or the one that answers."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
BOTH = (INITIATOR, RESPONDER)


class Order(StrEnum):
    """What a device can be told; the value is how a step reads."""

    INITIATE = "opens a connection"
    REKEY_IKE = "rekeys the IKE SA"
    REKEY_CHILD = "rekeys the Child SA"
    REAUTHENTICATE = "reauthenticates"
    DELETE_IKE = "deletes the IKE SA"
    DELETE_CHILD = "deletes the Child SA"
    REDIRECT = "redirects to the third device"
    LIVENESS = "checks liveness by itself"
    GIVE_UP = "gives up since the wire is cut"
    AGAIN = "authenticates again by itself"
    MOVE = "goes to its second gateway as the first one dies"
    FORGET = "loses all its SAs while the wire is cut"


_NEEDED = {
    Order.INITIATE: Capability.INITIATOR,
    Order.REKEY_IKE: Capability.REKEY_IKE,
    Order.REKEY_CHILD: Capability.REKEY_CHILD,
    Order.REAUTHENTICATE: Capability.REAUTH,
    Order.AGAIN: Capability.AUTH_LIFETIME_CLIENT,
    Order.DELETE_IKE: Capability.DELETE_IKE,
    Order.DELETE_CHILD: Capability.DELETE_CHILD,
    Order.REDIRECT: Capability.REDIRECT_LATER,
    # RFC 7296, section 2.4, leaves open how soon a device gives up.
    Order.GIVE_UP: Capability.TIMERS,
    Order.MOVE: Capability.TIMERS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """An order, to one device or to both in the same instant, and what both must list when all is quiet again.

    ``ike_sas`` and ``children`` are counts. ``new_ike`` and ``new_child`` say whether the SPIs of the IKE SA, and those
    of the Child SA ``child``, must be others than before; where SAs are rekeyed, all others must be as they were.
    With ``leftovers`` the responder may still have SAs that the initiator has not. ``at_third``: the initiator has all
    of them with the third device, and the responder has none.
    """

    order: Order
    by: tuple[Role, ...] = (INITIATOR,)
    child: str | None = None
    ike_sas: int = 1
    children: int = 1
    new_ike: bool = False
    new_child: bool = False
    leftovers: bool = False
    at_third: bool = False

    @property
    def may_end_all(self) -> bool:
        """Whether no IKE SA need be left: either end may delete one that is of no use (RFC 7296, section 1.4.1)."""
        return self.order is Order.DELETE_CHILD and not self.children

    @property
    def text(self) -> str:
        """The step in words."""
        verb, space, rest = self.order.value.partition(" ")
        words = f"the {self.by[0]} {verb}" if len(self.by) == 1 else f"both {verb.removesuffix('s')}"
        name = f" for {self.child}" if self.child is not None and self.order is Order.INITIATE else ""
        return f"{words}{space}{rest}{name}"


def initiate(child: str | None = None, *, children: int = 1) -> Step:
    """The initiator opens the IKE SA with a Child SA, or one more Child SA."""
    return Step(Order.INITIATE, child=child, children=children)


def rekey_ike(*by: Role) -> Step:
    """The IKE SA gets a successor; its Child SAs stay."""
    return Step(Order.REKEY_IKE, by, new_ike=True)


def rekey_child(*by: Role) -> Step:
    """The Child SA gets a successor."""
    return Step(Order.REKEY_CHILD, by, child="net", new_child=True)


def delete_ike(by: Role) -> Step:
    """Nothing is left."""
    return Step(Order.DELETE_IKE, (by,), ike_sas=0, children=0)


def delete_child(by: Role, *, left: int = 0) -> Step:
    """The first Child SA goes, the IKE SA stays."""
    return Step(Order.DELETE_CHILD, (by,), child="net", children=left)


def as_it_is(connection: Connection) -> Connection:
    """The responder is configured as the initiator's mirror."""
    return connection


def behind_nat(initiator: int) -> Path:
    """The initiator is behind a NAT."""
    return PortNat(initiator)


def losing(initiator: int) -> Path:
    """A line that loses the first copy of everything."""
    return LosesFirst()


def straight(initiator: int) -> Path:
    """A wire."""
    return Wire()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that two devices do together.

    ``setup`` makes the initiator's view of the connection from how the responder is reached; the responder gets the
    mirror, after ``responder`` has changed it. ``path`` gets the initiator's side of the relay. ``requires`` are
    capabilities that both devices must have beyond what connection and steps tell. ``patience`` in seconds is for each
    step.
    """

    id: str
    title: str
    subject: str
    setup: Setup = field(default_factory=psk)
    steps: tuple[Step, ...] = (initiate(),)
    responder: Callable[[Connection], Connection] = as_it_is
    path: Callable[[int], Path] = straight
    requires: frozenset[Capability] = frozenset()
    ipv6: bool = False
    patience: float = 5.0
    redirects: RedirectWhen | None = None

    @property
    def with_third(self) -> bool:
        """Whether a third device takes part, to which the responder sends the initiator."""
        return any(step.at_third for step in self.steps)

    @property
    def purpose(self) -> str:
        """The identifier by which known deviations name it."""
        return f"interop-{self.id}"

    def connections(self, initiator: Pixit, responder: Pixit) -> tuple[Connection, Connection]:
        """Each device's own view, of the algorithms that both take. Raises NotApplicable where these do not suffice."""
        ours = self.setup(replace(responder, algorithms=responder.algorithms.common(initiator.algorithms)))
        theirs = self.responder(ours.mirrored())
        return _addressed(ours, initiator, self.ipv6), _addressed(theirs, responder, self.ipv6)

    def needs(self, role: Role, connection: Connection) -> frozenset[Capability]:
        """What the device in this role must be able to do."""
        wanted = {Capability.LIST_SAS, *needs(connection), *self.requires}
        if role is RESPONDER:
            wanted.add(Capability.RESPONDER)
        if self.ipv6:
            wanted.add(Capability.IPV6)
        wanted |= {_NEEDED[step.order] for step in self.steps if role in step.by and step.order in _NEEDED}
        return frozenset(wanted)


def _addressed(connection: Connection, pixit: Pixit, ipv6: bool) -> Connection:
    """The connection with the addresses that this device knows, which with a NAT between are not the other one's."""
    local, remote = pixit.device_address, pixit.tester_address
    if ipv6 and pixit.device_address6 is not None and pixit.tester_address6 is not None:
        local, remote = pixit.device_address6, pixit.tester_address6
    children = connection.children
    if any(child.mode is Mode.TRANSPORT for child in children):
        full = 128 if ipv6 else 32
        own, other = (f"{local}/{full}",), (f"{remote}/{full}",)
        children = tuple(replace(child, local_ts=own, remote_ts=other) for child in children)
    return replace(
        connection,
        local_address=local,
        remote_address=remote,
        local_ports=pixit.device_ports,
        remote_ports=pixit.tester_ports,
        children=children,
    )
