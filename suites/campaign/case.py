"""A case: what is done to a device from one state on, as plain data; and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.fuzz.mutation import Mutation
from conformance.wire import Message


@dataclass(frozen=True, slots=True)
class Step:
    """One message of ours.

    Attributes:
        kind: which one, by its name in the table of the state (``init``, ``auth``, ``liveness``, ``rekey-child`` ...);
            ``octets`` for a datagram that is nothing else.
        mutations: what is wrong with it; none: it is as it should be.
        content: payloads that replace those of the message, in hexadecimal behind the type of the first in two digits
            and a colon (``29:00000008...``), or the datagram itself; empty for none.
    """

    kind: str
    mutations: tuple[Mutation, ...] = ()
    content: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is saved."""
        told: dict[str, Any] = {"kind": self.kind}
        if self.mutations:
            told["mutations"] = [one.to_json() for one in self.mutations]
        return told | ({"content": self.content} if self.content else {})

    @classmethod
    def from_json(cls, told: Any) -> Step:
        """Inverse of `to_json`.

        Raises:
            ValueError: what was told is no step.
        """
        if not isinstance(told, dict) or not isinstance(told.get("kind"), str):
            raise ValueError(f"step {told!r}, expected an object with a kind")
        mutations, content = told.get("mutations", []), told.get("content", "")
        if not isinstance(mutations, list) or not isinstance(content, str):
            raise ValueError(f"step {told!r}: mutations must be a list, content hexadecimal digits")
        return cls(told["kind"], tuple(map(Mutation.from_json, mutations)), content)


@dataclass(frozen=True, slots=True)
class Case:
    """What is done in one conversation.

    Attributes:
        state: where it starts, a name of `suites.campaign.states`.
        seed: nonces, keys and SPIs of ours come from it.
        steps: what is sent, in order.
    """

    state: str
    seed: int
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is saved."""
        return {"state": self.state, "seed": self.seed, "steps": [one.to_json() for one in self.steps]}

    @classmethod
    def from_json(cls, told: Any) -> Case:
        """Inverse of `to_json`.

        Raises:
            ValueError: what was told is no case.
        """
        if (
            not isinstance(told, dict)
            or not isinstance(told.get("state"), str)
            or not isinstance(told.get("seed"), int)
        ):
            raise ValueError("a case needs a state, a seed and steps")
        if not isinstance(told.get("steps"), list):
            raise ValueError(f"steps of a case: {told.get('steps')!r}, expected a list")
        return cls(told["state"], told["seed"], tuple(map(Step.from_json, told["steps"])))


@dataclass(frozen=True, slots=True)
class Problem:
    """What an oracle says is wrong.

    Attributes:
        oracle: which one: ``death``, ``hang``, ``sanitizer``, ``requirement``, ``growth``, ``left-behind``, ``canary``,
            ``differential``.
        symptom: what was seen, without numbers that differ from time to time: it tells findings apart.
        words: the same for a reader, with everything.
        requirement: the requirement that was broken, empty for none.
        backtrace: the frames, innermost first, where there are any.
    """

    oracle: str
    symptom: str
    words: str
    requirement: str = ""
    backtrace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        answers: each answer by its class: exchange, notifies, or what else it was; ``-`` for silence.
        log: classes of what the device's log said meanwhile.
        problems: what the oracles say.
        sent: the message of each step before it was bent, with its payloads in the clear; from these the mutations of
            later cases are drawn. None for what is no message.
        datagrams: how many datagrams of ours were sent from the state on.
        kept: whether the state is as it was and can be used by the next case.
        code: places of the device's code that were never reached before, where the device was built to tell.
        exchanged: how many datagrams went to and fro in all, with those that led to the state and those of the oracles.
    """

    answers: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    sent: tuple[Message | None, ...] = ()
    datagrams: int = 0
    kept: bool = True
    code: tuple[int, ...] = ()
    exchanged: int = 0
