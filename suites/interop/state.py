"""Do two devices agree? What both list, compared: SPIs crosswise, counts, what is new, what has counted packets."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import SelectorError, selectors
from peers.contract import ChildStatus, SaState, SaStatus
from suites.interop.scenario import Order, Step

_GOING = (SaState.REKEYED, SaState.DELETING, SaState.CONNECTING)
_REPLACING = (Order.REKEY_IKE, Order.REKEY_CHILD, Order.REAUTHENTICATE, Order.AGAIN, Order.MOVE)

Sas = Sequence[SaStatus]
Spis = tuple[bytes, bytes]


def standing(sas: Sas) -> list[SaStatus]:
    """The IKE SAs that are neither on their way in nor out."""
    return [sa for sa in sas if sa.state not in _GOING]


def children(sas: Sas) -> list[ChildStatus]:
    """The Child SAs of all of them that are neither on their way in nor out."""
    return [child for sa in sas for child in sa.children if child.state not in _GOING]


def ike_spis(sas: Sas) -> set[Spis]:
    """The IKE SAs by both SPIs."""
    return {(sa.spi_i, sa.spi_r) for sa in standing(sas)}


def child_spis(sas: Sas, name: str | None = None) -> set[Spis]:
    """The Child SAs, or those of one name, by the SPIs in and out."""
    return {(one.spi_in, one.spi_out) for one in children(sas) if name in (None, one.name)}


def shared(sas: Sas, others: Sas) -> list[SaStatus]:
    """Those IKE SAs that the other device has as well."""
    return [sa for sa in sas if (sa.spi_i, sa.spi_r) in ike_spis(others)]


def disagreement(ours: Sas, theirs: Sas) -> str:
    """In words, what initiator and responder list differently; empty if nothing."""
    if ike_spis(ours) != ike_spis(theirs):
        return f"IKE SAs differ: the initiator has {_ike_text(ours)}, the responder {_ike_text(theirs)}"
    crossed = {(other, one) for one, other in child_spis(theirs)}
    if child_spis(ours) != crossed:
        return f"Child SAs differ: the initiator has {_child_text(ours)}, the responder {_child_text(theirs)}"
    mirror = {one.spi_out: one for one in children(theirs)}
    for child in children(ours):
        other = mirror[child.spi_in]
        if child.mode is not other.mode:
            modes = f"{child.mode.value} for the initiator, {other.mode.value} for the responder"
            return f"the modes of Child SA {child.spi_in.hex()} differ: {modes}"
        for one, counterpart in ((child.local_ts, other.remote_ts), (child.remote_ts, other.local_ts)):
            if one and counterpart and _plain(one) != _plain(counterpart):
                listed = f"{', '.join(one)} for the initiator, {', '.join(counterpart)} for the responder"
                return f"the selectors of Child SA {child.spi_in.hex()} differ: {listed}"
    return ""


def miss(step: Step, sas: Sas, before: Sas) -> str:
    """In words, what a device's list lacks of what a step demands; empty if nothing."""
    for count, found, what in (
        (step.ike_sas, len(standing(sas)), "IKE SAs"),
        (step.children, len(children(sas)), "Child SAs"),
    ):
        if count != found and not (found == 0 and step.may_end_all):
            return f"{found} {what}, expected {count}"
    if step.order not in _REPLACING:
        return ""
    if step.new_ike == bool(ike_spis(sas) & ike_spis(before)):
        return "the IKE SA is the old one" if step.new_ike else "the IKE SA is another one"
    for name in {one.name for one in children(before)}:
        new = step.new_child and name == step.child
        if new == bool(child_spis(sas, name) & child_spis(before, name)):
            return f"the Child SA {name!r} is " + ("the old one" if new else "another one")
    return ""


def uncounted(before: Sas, after: Sas) -> str:
    """In words, which counter of a device stands still although a packet went each way; empty if none."""
    was = {child.spi_in: child for child in children(before)}
    for direction in ("bytes_in", "bytes_out"):
        counts = [(getattr(was.get(one.spi_in), direction, 0) or 0, getattr(one, direction)) for one in children(after)]
        known = [(old, new) for old, new in counts if new is not None]
        if known and not any(new > old for old, new in known):
            return f"no Child SA counts more octets {'in' if direction == 'bytes_in' else 'out'} than before"
    return ""


def assigned(child: ChildStatus, pool: str) -> list[str]:
    """The single addresses of a pool that the initiator's Child SA has for its own side (RFC 7296, section 2.19)."""
    found = (one.removesuffix("/32").removesuffix("/128") for one in child.local_ts)
    return [one for one in found if _is_address(one) and _inside(one, (pool,))]


def _is_address(text: str) -> bool:
    """Whether this is an address, and no network."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def pings(connection: Connection, sas: Sas, hosts: Sequence[str], peers: Sequence[str]) -> list[tuple[str, str]]:
    """Source and destination for each Child SA that stands, as far as hosts exist in its selectors.

    ``hosts`` are addresses of the initiator's, ``peers`` of the responder's, outer ones included.
    """
    names = {child.name for child in children(sas)}
    found = []
    for child in connection.children:
        source = next((one for one in hosts if _inside(one, child.local_ts)), None)
        destination = next((one for one in peers if _inside(one, child.remote_ts)), None)
        if child.name in names and source is not None and destination is not None:
            found.append((source, destination))
    return found


def _plain(listed: Sequence[str]) -> set[object]:
    """What selectors mean: devices write the same one as a host, a prefix or a range."""
    try:
        return set(selectors(listed))
    except SelectorError:
        return set(listed)


def _inside(host: str, listed: Sequence[str]) -> bool:
    return any(ip_address(host) in ip_network(one) for one in listed if "[" not in one and "-" not in one)


def _ike_text(sas: Sas) -> str:
    return ", ".join(f"{one.hex()}_i {other.hex()}_r" for one, other in sorted(ike_spis(sas))) or "none"


def _child_text(sas: Sas) -> str:
    return ", ".join(f"{one.hex()}_in {other.hex()}_out" for one, other in sorted(child_spis(sas))) or "none"
