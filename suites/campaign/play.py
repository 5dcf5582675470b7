"""A script of a campaign as a test purpose: the state is reached as usual, and the cases are what is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance.script.peer import Peer
from suites.campaign.case import Case
from suites.campaign.execute import Executor
from suites.campaign.scene import Scene
from suites.campaign.states import STATES
from suites.dut import Dut
from suites.purpose import Test, purpose

PATIENCE = 0.3
"""Seconds for each answer, where time passes."""


def play(peer: Peer, dut: Dut, script: Sequence[Any]) -> None:
    """Reach the state of each case and send its messages; that the device lives is seen afterwards as ever.

    What cannot be reached makes the purpose *inconclusive*.
    """
    executor = Executor(real_time=dut.device.real_time, patience=PATIENCE)
    for case in map(Case.from_json, script):
        state = STATES[case.state]
        scene = Scene(state, peer, dut.device)
        dut.guard.retire()
        state.reach(scene)
        executor.run(scene, case.steps)


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
