"""A script of a campaign as a test purpose: the state is reached as usual, and the cases are what is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.script.peer import Peer
from conformance.script.verdict import Inconclusive
from suites.campaign.case import Case
from suites.campaign.execute import Executor
from suites.campaign.oracles.requirement import unproved
from suites.campaign.scene import Scene, Unreachable
from suites.campaign.states import STATES
from suites.dut import Dut
from suites.purpose import Test, purpose

PATIENCE = 0.3
"""Seconds for each answer, where time passes."""


def play(peer: Peer, dut: Dut, script: Sequence[Any]) -> None:
    """Reach the state of each case and send its messages; the device must keep to what always holds.

    That it lives is seen afterwards as ever. Raises Unexpected for what it breaks, Inconclusive where a state cannot be
    reached.
    """
    executor = Executor(real_time=dut.device.real_time, patience=PATIENCE)
    for case in map(Case.from_json, script):
        state = STATES[case.state]
        scene = Scene(state, peer, dut.device)
        dut.guard.retire()
        try:
            state.reach(scene)
        except Unreachable as reason:
            raise Inconclusive(f"{case.state} is not reached: {reason}") from None
        list(scene.watch.look(peer.trace.entries))  # what led there is for other purposes
        done = executor.run(scene, case.steps)
        for broken in scene.watch.look(done.entries):
            peer.check(False, broken.expected, broken.got, broken.requirement)
        for problem in unproved(done.sent, done.entries, scene.sa):
            peer.check(False, problem.symptom, problem.words, problem.requirement)


def purpose_of_state(script: Sequence[Any], name: str, *requirements: str) -> Callable[[Test], Test]:
    """`purpose` with what the first state of a script needs."""
    state = STATES[Case.from_json(script[0]).state]
    return purpose(
        name,
        *requirements,
        role=state.role,
        needs=tuple(state.needs),
        connection=state.setup,
        device=state.device,
        canary=False,
    )
