"""Finding all purposes, and trying one of them on a device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import walk_packages
from random import Random

from conformance.ike.core.connection import Connection
from conformance.net.http import WebServer
from conformance.net.link import LinkError, PacketLink
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, NotApplicable
from peers.byhand import as_configured
from peers.capabilities import Capability, needs
from peers.contract import Device, DeviceError, Pixit
from suites.choices import must_take
from suites.connections import changed
from suites.dut import Dut
from suites.gate import Gate
from suites.guard import Guard, guarded
from suites.judge import Died, Verdict, judge
from suites.purpose import Purpose, purpose_of
from suites.radius import Aaa
from suites.requirements import load
from suites.tidy import attempts, tidy


@dataclass(frozen=True, slots=True)
class Written:
    """A purpose with its function and the folder that it stands in."""

    purpose: Purpose
    function: Callable[..., None]
    subject: str

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return self.text.split("\n")[0]

    @property
    def text(self) -> str:
        """The whole docstring: what is sent and why."""
        return (self.function.__doc__ or self.purpose.id).strip()


@lru_cache(maxsize=1)
def all_purposes() -> dict[str, Written]:
    """All purposes of the suites by id, in the order of subjects and modules. Raises ValueError for a double id."""
    root = Path(__file__).parent
    found: dict[str, Written] = {}
    for module in walk_packages([str(root)], "suites."):
        name = module.name.rsplit(".", 1)[-1]
        if not name.startswith("test_"):
            continue
        for function in vars(import_module(module.name)).values():
            purpose = purpose_of(function)
            if purpose is None or function.__module__ != module.name:
                continue
            if purpose.id in found:
                raise ValueError(f"purpose {purpose.id} stands in {module.name} and elsewhere")
            found[purpose.id] = Written(purpose, function, module.name.split(".")[1])
    return found


def seen_by_device(theirs: Connection, pixit: Pixit) -> Connection:
    """The device's view of a connection where a real NAT changes the addresses.

    In transport mode it has the addresses that it sees in its policy, too (RFC 7296, section 2.23.1).
    """
    seen = {
        pixit.device_address: pixit.device_inner or pixit.device_address,
        pixit.tester_address: pixit.tester_outer or pixit.tester_address,
    }
    hosts = {f"{one}/32": f"{other}/32" for one, other in seen.items()}
    children = tuple(
        replace(
            child,
            local_ts=tuple(hosts.get(one, one) for one in child.local_ts),
            remote_ts=tuple(hosts.get(one, one) for one in child.remote_ts),
        )
        for child in theirs.children
    )
    assert theirs.local_address is not None and theirs.remote_address is not None
    return replace(
        theirs,
        local_address=seen.get(theirs.local_address, theirs.local_address),
        remote_address=seen.get(theirs.remote_address, theirs.remote_address),
        children=children,
    )


@contextmanager
def prepared(purpose: Purpose, device: Device, seed: int, gate: Gate | None = None) -> Iterator[tuple[Peer, Dut]]:
    """Load the connection of a purpose into a started device and open the link to it.

    ``gate`` is what was seen of the device before: where an ordinary handshake of this kind does not work, the purpose
    raises Inconclusive, here or when it needs one that the device starts.

    Raises Unsupported where the device lacks a capability, NotApplicable where it lacks an algorithm, Died where it is
    not there to take the connection.
    """
    device.require(*sorted(purpose.needs))
    ours = purpose.setup(device.profile)
    theirs = changed(seen_by_device(ours.mirrored(), device.pixit), purpose.device)
    device.require(*sorted(needs(theirs)))
    must_take(device.name, device.profile.algorithms, theirs)
    if Capability.CONFIGURABLE not in device.capabilities:
        theirs = as_configured(device, theirs)
    gate = gate or Gate()
    if purpose.role == "responder" and (broken := gate.against(purpose, device, "responder")):
        raise Inconclusive(broken)
    with _web(purpose, device) as web:
        _load(device, theirs, gate)
        gate.sample(purpose)
        with _conversation(purpose, device, ours, theirs, seed, gate) as (peer, dut):
            peer.web = web
            yield peer, dut


@contextmanager
def _web(purpose: Purpose, device: Device) -> Iterator[WebServer | None]:
    """The web server that a purpose wants, reachable for the device."""
    if purpose.web is None:
        yield None
        return
    if device.nat is not None:
        raise NotApplicable("the device reaches no web server of ours through the NAT")
    server = WebServer(device.pixit.tester_address, device.pixit.web_port)
    purpose.web(server)
    try:
        opened = device.open_web(server)
    except LinkError as error:
        raise Inconclusive(str(error)) from None
    with opened:
        yield server


def _load(device: Device, theirs: Connection, gate: Gate) -> None:
    """Load a connection. Raises Died where the device has died of something before."""
    try:
        device.apply(theirs)
    finally:
        death = device.obituary()
        if death is not None and death.reported:
            gate.reported.append(replace(death, words=f"{death.words}, noticed before this purpose"))
        elif death is not None:
            raise Died.of(death, early=True)


@contextmanager
def _conversation(
    purpose: Purpose, device: Device, ours: Connection, theirs: Connection, seed: int, gate: Gate
) -> Iterator[tuple[Peer, Dut]]:
    """The link to the device, what goes on beside the purpose, and the peer."""
    link = device.open_link(ipv6=":" in (ours.local_address or ""))
    try:
        if not isinstance(link, PacketLink) and Capability.AH not in purpose.needs:
            # Sockets carry ESP in UDP only, so there must seem to be a NAT where traffic is to be seen.
            ours = replace(ours, force_encapsulation=ours.force_encapsulation or Capability.DATA_PLANE in purpose.needs)
        aaa = _served(theirs, ours, device, f"{seed}/{purpose.id}")
        if aaa is not None:
            link = aaa.on(link)
        earlier = gate.earlier
        guard = Guard(
            purpose, device, link, ours, theirs, f"{seed}/{purpose.id}",
            pair=gate.pair, vitals=gate.vitals, begun=gate.begun,
        )  # fmt: skip
        guard.mute = gate.against(purpose, device, "initiator")
        guard.before, guard.excuse = gate.reported, gate.excuse
        random = Random(f"{seed}/{purpose.id}").randbytes
        peer = Peer(guard.link, guard.connection, random, device.pixit.response_timeout)
        peer.stale, peer.earlier, peer.glance = frozenset(gate.attempts), earlier, lambda: _glance(device)
        gate.begun.append(peer.begun)
        guard.note(peer)
        dut = Dut(device, peer, theirs, guard)
        if aaa is not None:
            aaa.begin(peer, settled=Capability.ACCOUNTING in device.capabilities and guard.canary is not None)
            dut.aaa = aaa
        try:
            yield peer, dut
        finally:
            if Capability.CONFIGURABLE not in device.capabilities:
                tidy(peer, guard.retire)
                guard.retire()
                gate.remember(attempts(peer))
    finally:
        link.close()


def _glance(device: Device) -> None:
    """Have the device list its IKE SAs: one that does one thing at a time does so when it is through with that."""
    if Capability.LIST_SAS in device.capabilities:
        with suppress(DeviceError):
            device.list_sas()


def _served(theirs: Connection, ours: Connection, device: Device, seed: str) -> Aaa | None:
    """The AAA server for a connection that asks one."""
    return Aaa(ours, device.profile, Random(f"{seed}/aaa").randbytes) if theirs.by_aaa else None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a purpose without pytest; ``dut`` is None where it did not come to a conversation."""

    verdict: Verdict
    dut: Dut | None
    early: bool = False


def tried(written: Written, device: Device, seed: int = 1, gate: Gate | None = None, linger: float = 0.0) -> Tried:
    """Try a purpose on a started device, without pytest. ``linger`` as in `suites.guard.Guard`."""
    dut: Dut | None = None
    error: Exception | None = None
    try:
        with prepared(written.purpose, device, seed, gate) as (peer, dut):
            dut.guard.linger = linger
            fixtures = {"peer": peer, "dut": dut, "aaa": dut.aaa}
            with guarded(dut.guard, peer):
                written.function(**{name: fixtures[name] for name in signature(written.function).parameters})
    except Exception as caught:
        error = caught
    claimed = device.capabilities if dut is not None else ()
    return Tried(judge(written.purpose, error, load(), claimed), dut, isinstance(error, Died) and error.early)


def conduct(written: Written, device: Device, seed: int = 1) -> tuple[Verdict, Peer | None]:
    """The same: its verdict, and the peer with the trace."""
    done = tried(written, device, seed)
    return done.verdict, done.dut.peer if done.dut is not None else None
