"""Some dozens of bent messages in one state, always the same ones, with the invariants as the judge."""

from collections.abc import Iterator
from random import Random

from conformance.fuzz.mutation import Mutation
from conformance.fuzz.mutators import draw
from conformance.fuzz.strategies import content
from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive, Unexpected
from conformance.wire import Message
from suites.campaign.case import Problem, Step
from suites.campaign.execute import Done, Executor
from suites.campaign.oracles.requirement import LOST, unproved
from suites.campaign.scene import Scene, Unreachable
from suites.campaign.states import STATES
from suites.dut import Dut

COUNT = 120
"""Bent messages in a purpose."""

CRITICAL, UNKNOWN = "c8:0080000801020304", "c8:0000000801020304"
"""An unknown payload, critical or not (RFC 7296, section 2.5): whatever chance brings, these are among them."""

TWICE = Mutation("datagram", "datagram", ("copied", 0, 1))
"""So is a response that comes once more, when nobody waits for it any longer."""

CONTENT = 0.25
"""The share of those whose payloads are replaced by others, nearly valid."""


def run_slice(peer: Peer, dut: Dut, name: str, *, count: int = COUNT) -> None:
    """Bend messages in a state, and let the invariants and a liveness check judge each answer.

    Each kind of message is sent once as it should be. Raises Unexpected for what is broken, Inconclusive where the
    state cannot be reached.
    """
    patience = peer.response_timeout / (8 if dut.device.real_time else 1)
    executor = Executor(real_time=True, patience=patience)
    scene: Scene | None = None
    samples: dict[str, Message] = {}
    for step in _steps(name, samples, count):
        scene = scene or _reached(peer, dut, name, again=bool(samples))
        done = executor.run(scene, (step,))
        for message in done.sent:
            if message is not None:
                samples.setdefault(step.kind, message)
        _judge(scene, done)
        scene = scene if _stays(executor, scene, done) else None


def _steps(name: str, samples: dict[str, Message], count: int) -> Iterator[Step]:
    """The messages of a slice; ``samples`` fills with what was sent while it is consumed."""
    random, kinds = Random(f"slice of {name}"), [one for one in STATES[name].kinds if one != "octets"]
    for kind in kinds:
        yield Step(kind)
    if STATES[name].role == "responder":
        yield Step(kinds[0], content=CRITICAL)
        yield Step(kinds[0], content=UNKNOWN)
    if "answer" in kinds:
        yield Step("answer", (TWICE,))
    for _ in range(count):
        kind = random.choice(kinds)
        if random.random() < CONTENT:
            yield Step(kind, content=content(random, "near"))
        elif kind in samples:
            yield Step(kind, (draw(random, samples[kind]),))


def _reached(peer: Peer, dut: Dut, name: str, *, again: bool) -> Scene:
    """The state, with a conversation that begins with it; ``again``: it is not the first one.

    Then it is tried twice: a device may still be busy with what it was sent.
    """
    try:
        return _reach(peer, dut, name, again=again)
    except Inconclusive:
        if not again:
            raise
    peer.idle(peer.response_timeout)
    return _reach(peer, dut, name, again=again)


def _reach(peer: Peer, dut: Dut, name: str, *, again: bool) -> Scene:
    """Raises Inconclusive where the state cannot be reached."""
    scene = Scene(STATES[name], peer, dut.device)
    # A daemon takes the order that leads there for the IKE SA that it has; ours takes it for a new one.
    if again and scene.state.alone and dut.device.real_time:
        dut.device.apply(dut.connection)
        peer.pause()
    try:
        scene.state.reach(scene)
    except Unreachable as reason:
        raise Inconclusive(f"{scene.state.text}: {reason}") from None
    except Unexpected as silent:
        raise Inconclusive(f"{scene.state.text}: {silent}") from None
    list(scene.watch.look(peer.trace.entries))
    return scene


def _judge(scene: Scene, done: Done) -> None:
    for broken in filter(lambda one: one.mandatory, scene.watch.look(done.entries)):
        raise Unexpected(broken.expected, broken.got, broken.requirement, bypass=broken.bypass)
    for problem in unproved(done.sent, done.entries, scene.sa):
        raise _unexpected(problem, bypass=True)


def _stays(executor: Executor, scene: Scene, done: Done) -> bool:
    """Whether the next message can be sent in the same scene. Raises Unexpected where an IKE SA is lost for nothing."""
    if not scene.state.up:
        return scene.state.name == "init"
    if not scene.up or scene.sa is not scene.begun[-1]:
        return False
    if executor.lives(scene) or executor.lives(scene, patient=not done.genuine):
        return True
    if not done.genuine:
        raise _unexpected(LOST, bypass=False)
    return False


def _unexpected(problem: Problem, *, bypass: bool) -> Unexpected:
    return Unexpected(problem.symptom.partition(": ")[2], problem.words, problem.requirement, bypass=bypass)
