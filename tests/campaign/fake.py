"""A device that is none: it answers by a few rules and has a few defects, so that the loop around it can be tested."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Self

from conformance.fuzz.mutation import Mutation
from conformance.wire import ExchangeType, Message
from peers.contract import DeviceError
from suites.campaign.bench import Rig
from suites.campaign.case import Case, Outcome, Problem
from suites.campaign.schedule import Sources

STATES = {"start": ("init", "octets"), "up": ("liveness", "rekey", "octets")}
MESSAGE = Message(b"1" * 8, b"2" * 8, ExchangeType.INFORMATIONAL, 8, 1)


class Size:
    """Makes something of a size."""

    name, place = "size", "payloads"

    def draw(self, random: Random, message: Message) -> Mutation | None:
        return Mutation("size", random.choice(("KE", "Nonce")), (random.randrange(1000),))

    def simpler(self, mutation: Mutation) -> Iterator[Mutation]:
        (size,) = mutation.arguments
        assert isinstance(size, int)
        smaller = (size // 2, size - size // 8, size - size // 64, size - 1)
        yield from (Mutation("size", mutation.target, (value,)) for value in smaller if 0 <= value < size)


class Flip(Size):
    name = "flip"

    def draw(self, random: Random, message: Message) -> Mutation | None:
        return Mutation("flip", "header", (random.randrange(8),))


MUTATORS = {"size": Size(), "flip": Flip()}


def simpler(mutation: Mutation) -> Iterator[Mutation]:
    return MUTATORS[mutation.mutator].simpler(mutation)


def content(random: Random, kind: str) -> str:
    return "29:0000000" + random.choice("48") + "00000000" * random.choice((0, 1))


SOURCES = Sources(MUTATORS, content)  # type: ignore[arg-type]


class FakeRunner:
    """``word`` names the defects, with a file that every case is noted in behind an ``@``."""

    real_time = False
    device = ("fake", "1", "here")
    states = tuple(STATES)

    def __init__(self, word: str, seed: int) -> None:
        defects, _, self.diary = word.partition("@")
        self.defects = set(defects.split("+"))
        self.rekeys = 0
        self.cases = 0

    def __enter__(self) -> Self:
        if "absent" in self.defects:
            raise DeviceError("fake", "is not there")
        return self

    def __exit__(self, *_: object) -> None:
        self.note("closed")

    def note(self, text: str) -> None:
        if self.diary:
            with Path(self.diary).open("a") as file:
                file.write(f"{text}\n")

    def evidence(self) -> Mapping[str, bytes]:
        return {"device.log": b"log", "history.pcapng": b"datagrams"}

    def run(self, case: Case, *, fresh: bool = False, asked: str = "") -> Outcome:
        self.note(f"{case.state} {case.seed}{' fresh' * fresh}")
        self.rekeys = 0 if fresh else self.rekeys
        self.cases += 1
        if "slow" in self.defects:
            time.sleep(0.002)
        problems = [problem for problem in self.problems(case) if problem is not None]
        self.rekeys = 0 if problems else self.rekeys
        answers = tuple(self.answer(step.mutations) for step in case.steps)
        return Outcome(answers, (), tuple(problems), (MESSAGE,) * len(case.steps), len(case.steps), not problems)

    def answer(self, mutations: tuple[Mutation, ...]) -> str:
        if any(one.target == "KE" for one in mutations):
            return "INVALID_KE"
        return "-" if any(one.mutator == "flip" for one in mutations) else "OK"

    def problems(self, case: Case) -> Iterator[Problem | None]:
        lies = [(step.kind, one) for step in case.steps for one in step.mutations]
        sizes = [one.arguments[0] for kind, one in lies if kind == "rekey" and one.target == "Nonce"]
        if "overflow" in self.defects and any(isinstance(size, int) and size >= 256 for size in sizes):
            yield Problem("death", "killed by SIGSEGV", "process 4711 was killed", backtrace=("copy", "parse", "main"))
        if "list" in self.defects:
            self.rekeys += sum(step.kind == "rekey" for step in case.steps)
            yield Problem("growth", "memory", "it grows") if self.rekeys >= 3 else None
        if "once" in self.defects and self.cases == 40:
            yield Problem("death", "gone", "it is gone, and nobody knows why")
        flips = {one.arguments[0] for _, one in lies if one.mutator == "flip"}
        if "deadly" in self.defects and 7 in flips:
            os.kill(os.getpid(), signal.SIGKILL)
        if "endless" in self.defects and 6 in flips:
            while True:
                pass
        if "ours" in self.defects and 5 in flips:
            raise RuntimeError("a defect of ours")
        if "rule" in self.defects and 4 in flips:
            yield Problem("requirement", "wrong SPI", f"in {case.state}", "RFC7296-2.6-3")


def rig(word: str, limit: float = 5.0) -> Rig:
    return Rig(word, 1, FakeRunner, simpler, limit)
