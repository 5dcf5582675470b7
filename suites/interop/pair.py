"""Two devices, the relay between them, and the conduct of one scenario."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from conformance.ike.core.connection import Connection, Redirection
from conformance.net import Address, UdpLink
from conformance.net.relay import Cut, PortNat, Relay, SecondGateway, Side, Third, Wire
from conformance.script.verdict import NotApplicable
from conformance.wire import ExchangeType
from peers.capabilities import Capability
from peers.contract import Device, DeviceError, Pixit, Unsupported
from peers.reference.live import LiveReference
from suites.choices import must_take
from suites.interop import state
from suites.interop.record import Verdict
from suites.interop.recording import Recording
from suites.interop.scenario import BOTH, INITIATOR, RESPONDER, Order, Role, Scenario, Step

_POLL = 0.015
_LIVENESS = 4.0
"""Seconds after which a device that checks liveness after one second of silence must have done it."""
_ROUNDS = 5
"""How often echo requests are sent where Child SAs are replaced meanwhile."""


class Disagreement(Exception):  # noqa: N818 - what a scenario finds
    """The devices do not come together; its text is one line."""


class Died(Disagreement):
    """One of them is no longer alive, which no known deviation excuses."""


@dataclass(slots=True)
class StepOutcome:
    """A step, what came of it (empty: what was demanded), and how long it took in seconds."""

    text: str
    problem: str
    seconds: float


@dataclass(slots=True)
class Outcome:
    """What became of a scenario. ``logs`` are those of initiator and responder."""

    verdict: Verdict = Verdict.PASS
    reason: str = ""
    steps: list[StepOutcome] = field(default_factory=list)
    recording: Recording | None = None
    logs: tuple[str, str] = ("", "")
    started: float = 0.0
    seconds: float = 0.0
    died: bool = False


class Pair:
    """Two started devices and their relay, for scenarios in both directions."""

    def __init__(self, one: Device, other: Device) -> None:
        """Joins the devices; `close` gives the links back."""
        self.devices = (one, other)
        sides = (_side(one), _side(other))
        self.recording = Recording(0)
        self.relay = Relay(sides, lambda passed: self.recording.take(passed))
        self.relay.start()

    def close(self) -> None:
        """Stop the relay; the devices go on."""
        self.relay.close()

    def run(self, scenario: Scenario, initiator: int) -> Outcome:
        """Run a scenario with the device of this number as initiator."""
        run = _Run(self, scenario, initiator)
        outcome = run.outcome
        outcome.started, begun = time.time(), time.monotonic()
        try:
            run.prepare()
            for step in scenario.steps:
                run.step(step)
        except (Disagreement, DeviceError, NotApplicable) as problem:
            unsupported = isinstance(problem, Unsupported | NotApplicable) and run.failed is Verdict.INCONCLUSIVE
            outcome.verdict, outcome.reason = Verdict.NOT_APPLICABLE if unsupported else run.failed, str(problem)
            # A dead device shows itself by an order that it does not take as well as by what it does not do.
            lost = isinstance(problem, DeviceError) and not all(one.alive() for one in self.devices)
            outcome.died = isinstance(problem, Died) or lost
        run.leave()
        outcome.seconds = time.monotonic() - begun
        if outcome.verdict is not Verdict.NOT_APPLICABLE:
            outcome.logs = (run.device(INITIATOR).log(), run.device(RESPONDER).log())
            self.recording.keys(run.device(INITIATOR), run.device(RESPONDER))
        outcome.recording = self.recording
        return outcome


class _Run:
    """One scenario on a pair."""

    def __init__(self, pair: Pair, scenario: Scenario, initiator: int) -> None:
        self.pair, self.scenario, self.initiator = pair, scenario, initiator
        self.outcome = Outcome()
        self.failed = Verdict.INCONCLUSIVE
        self.sas: dict[Role, state.Sas] = {INITIATOR: [], RESPONDER: []}
        self.connections: dict[Role, Connection] = {}
        self.third: LiveReference | None = None

    def device(self, role: Role) -> Device:
        return self.pair.devices[self.initiator if role is INITIATOR else 1 - self.initiator]

    # --- before -----------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Configure both. Raises Unsupported or NotApplicable where one cannot do what the scenario needs."""
        ours, theirs = self.scenario.connections(self.device(INITIATOR).profile, self.device(RESPONDER).profile)
        self.connections = {INITIATOR: ours, RESPONDER: theirs}
        if self.pair.relay.translates and self.scenario.ipv6:
            raise Unsupported(Capability.IPV6, "the relay", "between these devices it translates addresses")
        if self.scenario.redirects is not None:
            spare = self.device(INITIATOR).pixit.tester_spare or ""
            theirs = replace(theirs, redirect=Redirection(spare, self.scenario.redirects))
            self.connections[RESPONDER] = theirs
        for role, connection in self.connections.items():
            self.device(role).require(*sorted(self.scenario.needs(role, connection)))
            must_take(self.device(role).name, self.device(role).profile.algorithms, connection)
        self.pair.relay.third = None
        if self.scenario.with_third:
            self._invite(ours, theirs)
        for role, connection in self.connections.items():
            self.device(role).apply(connection)
        self.pair.recording = Recording(self.initiator)
        path = self.scenario.path(self.initiator)
        if self.pair.relay.translates and isinstance(path, PortNat):
            path = Wire()
            self.pair.recording.note("between these devices the relay translates addresses: it is the NAT")
        self.pair.relay.path = path
        self.failed = Verdict.FAIL

    def _invite(self, ours: Connection, theirs: Connection) -> None:
        """A third gateway, like the responder, at the second address that the initiator finds on its peer's side."""
        pixit = self.device(INITIATOR).pixit
        if pixit.tester_spare is None or self.pair.relay.translates:
            raise NotApplicable("there is no address for a third device")
        third = LiveReference(swapped=True, seed=3)
        third.pixit = replace(self.device(RESPONDER).pixit, device_address=pixit.tester_spare)
        third.start()
        third.apply(replace(theirs, local_address=pixit.tester_spare, redirect=None))
        self.third = third
        self.pair.relay.third = Third(third.open_link(), pixit.tester_spare)

    def leave(self) -> None:
        """The third device goes."""
        if self.third is not None:
            self.pair.recording.keys(self.third)
            self.pair.relay.third = None
            self.third.stop()

    # --- steps ------------------------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Give the order, wait for quiet, let packets pass. Raises Disagreement, DeviceError."""
        begun, problem = time.monotonic(), ""
        self.pair.recording.note(step.text)
        try:
            self._obey(step)
        except (Disagreement, DeviceError) as error:
            problem = str(error)
            raise
        finally:
            self.pair.recording.expect(problem or "both devices agree", not problem)
            self.outcome.steps.append(StepOutcome(step.text, problem, round(time.monotonic() - begun, 3)))

    def _obey(self, step: Step) -> None:
        before = dict(self.sas)
        if step.order is Order.FORGET:
            self._forget(step.by[0])
            return
        if step.order is Order.GIVE_UP:
            self.pair.relay.path = Cut()
            self._settled(step, before, step.by)
            return
        if step.order is Order.MOVE:
            ours = self.connections[INITIATOR]
            assert ours.remote_address is not None
            self.pair.relay.path = SecondGateway(self.initiator, ours.remote_address, ours.backup_addresses[0])
        if step.order is Order.LIVENESS:
            self._liveness(step.by[0])
        elif len(step.by) > 1:
            with self.pair.relay.holding():
                for role in step.by:
                    self._order(step, role)
        else:
            self._order(step, step.by[0])
        self._settled(step, before, BOTH)
        self._addressed()
        self._traffic()

    def _order(self, step: Step, role: Role) -> None:
        device = self.device(role)
        match step.order:
            case Order.INITIATE:
                device.initiate(step.child)
            case Order.REKEY_IKE:
                device.rekey_ike()
            case Order.REKEY_CHILD:
                device.rekey_child(step.child or "net")
            case Order.REAUTHENTICATE:
                device.reauthenticate()
            case Order.DELETE_IKE:
                device.delete_ike()
            case Order.DELETE_CHILD:
                device.delete_child(step.child or "net")
            case Order.REDIRECT:
                device.redirect(self.device(INITIATOR).pixit.tester_spare or "")

    def _forget(self, role: Role) -> None:
        relay = self.pair.relay
        path, relay.path = relay.path, Cut()
        self.pair.recording.keys(self.device(role))
        self.device(role).apply(self.connections[role])
        time.sleep(2 * _POLL)  # a last Delete is lost, too
        relay.path = path

    def _liveness(self, role: Role) -> None:
        recording = self.pair.recording
        mark = recording.mark()
        side = self.initiator if role is INITIATOR else 1 - self.initiator
        self._wait(
            lambda: "" if recording.answered(ExchangeType.INFORMATIONAL, side, mark) else "no answered liveness check",
            _LIVENESS,
        )

    # --- after each step --------------------------------------------------------------------------------------------

    def _settled(self, step: Step, before: dict[Role, state.Sas], roles: tuple[Role, ...]) -> None:
        """Wait until the devices in these roles list what they should, and agree."""

        def elsewhere() -> str:
            self.sas = {role: self.device(role).list_sas() for role in BOTH}
            left = state.standing(self.sas[RESPONDER])
            assert self.third is not None
            return (
                state.miss(step, self.sas[INITIATOR], before[INITIATOR])
                or state.disagreement(self.sas[INITIATOR], self.third.list_sas())
                or (f"the responder still has {len(left)} IKE SAs" if left else "")
            )

        def problem() -> str:
            if step.at_third:
                return elsewhere()
            for role in roles:
                self.sas[role] = self.device(role).list_sas()
                if step.leftovers and role is RESPONDER:
                    self.sas[role] = state.shared(self.sas[role], self.sas[INITIATOR])
                missing = state.miss(step, self.sas[role], before[role])
                if missing:
                    return f"{self.device(role).name} ({role}): {missing}"
            return state.disagreement(self.sas[INITIATOR], self.sas[RESPONDER]) if roles == BOTH else ""

        self._wait(problem, self.scenario.patience)

    def _wait(self, problem: Callable[[], str], patience: float) -> None:
        end = time.monotonic() + patience
        while found := problem():
            if time.monotonic() > end:
                for role in BOTH:
                    if not self.device(role).alive():
                        raise Died(f"{self.device(role).name} ({role}) has crashed or hangs; {found}")
                raise Disagreement(found)
            time.sleep(_POLL)

    def _addressed(self) -> None:
        """Where the responder has a pool, every Child SA is for an address of it (RFC 7296, section 2.19)."""
        for pool in self.connections[INITIATOR].remote_pools:
            for child in state.children(self.sas[INITIATOR]):
                if not state.assigned(child, pool):
                    found = ", ".join(child.local_ts)
                    raise Disagreement(f"the initiator's side of a Child SA is {found}, not of the pool {pool}")

    def _traffic(self) -> None:
        """Echo requests through every Child SA that stands, where both devices really encrypt."""
        if not all(Capability.DATA_PLANE in self.device(role).capabilities for role in BOTH):
            return
        ours, theirs = self.device(INITIATOR).pixit, self.device(RESPONDER).pixit
        connection, sas = self.connections[INITIATOR], self.sas[INITIATOR]
        hosts = _hosts(ours)
        if pools := connection.remote_pools:
            hosts = [one for pool in pools for child in state.children(sas) for one in state.assigned(child, pool)]
        found = state.pings(connection, sas, hosts, _hosts(theirs))
        if not found:
            return
        for _ in range(_ROUNDS):
            before = dict(self.sas)
            for source, destination in found:
                # The first one may meet an SA that is just being installed on the other side.
                if not any(self.device(INITIATOR).ping(source, destination) for _ in range(2)):
                    raise Disagreement(f"no answer to an echo request from {source} to {destination}")
            self.sas = {role: self.device(role).list_sas() for role in BOTH}
            # Either end rekeys when it likes (RFC 7296, section 2.8): what counted may have gone meanwhile.
            were, are = ({role: state.child_spis(sas[role]) for role in BOTH} for sas in (before, self.sas))
            if were[INITIATOR] == are[INITIATOR] and were[RESPONDER] <= are[RESPONDER]:
                break
        else:
            raise Disagreement(f"Child SAs are replaced again and again, {_ROUNDS} times while packets passed")
        for role in BOTH:
            problem = state.uncounted(before[role], self.sas[role])
            if problem:
                raise Disagreement(f"{self.device(role).name} ({role}): {problem}")
        self.pair.recording.expect(f"every echo request is answered and counted ({len(found)})", True)


def _side(device: Device) -> Side:
    pixit = device.pixit
    device_addresses, peers = [pixit.device_address], [pixit.tester_address]
    link = device.open_link()
    if pixit.device_address6 is not None and pixit.tester_address6 is not None:
        device_addresses.append(pixit.device_address6)
        peers.append(pixit.tester_address6)
        if isinstance(link, UdpLink):  # it has the sockets of one family; other links have both
            for port in pixit.tester_ports:
                link.open(Address(pixit.tester_address6, port))
    if pixit.tester_spare is not None and isinstance(link, UdpLink):
        for port in pixit.tester_ports:
            link.open(Address(pixit.tester_spare, port))
    return Side(link, tuple(device_addresses), tuple(peers), pixit.device_ports, pixit.tester_ports)


def _hosts(pixit: Pixit) -> list[str]:
    """The addresses of a device to ping from and to: the first ones of its networks, and its own."""
    inner = [str(ip_network(one)[1]) for one in pixit.device_networks]
    return [*inner, *(one for one in (pixit.device_address, pixit.device_address6) if one is not None)]
