"""Reduction: nothing that is left can be left out, and nothing is asked twice."""

from collections.abc import Callable

import pytest

from conformance.fuzz.mutation import Mutation
from suites.campaign.case import Case, Step
from suites.campaign.findings import Script, script_json
from suites.campaign.reduce import Reducer, content_of, payloads_of
from tests.campaign.fake import simpler

CHAIN = content_of([(40, b"\0" + bytes((0, 8)) + b"abcd"), (41, b"\0\0\x08" + b"wxyz"), (43, b"\0\0\x05!")])


def reduced(script: Script, holds: Callable[[Script], bool], most: int = 400) -> tuple[Script, Reducer, list[str]]:
    asked: list[str] = []

    def still(one: Script) -> int | None:
        asked.append(script_json(one))
        return sum(map(sent, steps(one))) if holds(one) else None

    reducer = Reducer(still, simpler, most)
    return reducer.reduce(script), reducer, asked


def sent(step: Step) -> int:
    """How many datagrams a message takes: one that is large goes in nine."""
    return 1 if step.kind != "large" or any(one.arguments[0] == "alone" for one in step.mutations) else 9


def steps(script: Script) -> list[Step]:
    return [step for case in script for step in case.steps]


def kinds(script: Script) -> list[str]:
    return [step.kind for step in steps(script)]


def case(*made: Step, state: str = "up") -> Case:
    return Case(state, 1, made)


def test_two_messages_of_forty_stay() -> None:
    many = tuple(Step("a" if at == 7 else "b" if at == 31 else "noise") for at in range(40))
    found, reducer, _ = reduced((case(*many),), lambda one: {"a", "b"} <= set(kinds(one)))
    assert kinds(found) == ["a", "b"]
    assert reducer.replays < 60


def test_cases_before_are_left_out() -> None:
    script = (*(case(Step("noise")) for _ in range(9)), case(Step("a")), case(Step("noise"), Step("b")))
    found, _, _ = reduced(script, lambda one: {"a", "b"} <= set(kinds(one)))
    assert [kinds((each,)) for each in found] == [["a"], ["b"]]


@pytest.mark.parametrize("every", [False, True])
def test_one_datagram_of_many_is_enough(every: bool) -> None:
    alone = () if every else (Mutation("datagram", "datagram", ("alone", 7, 0)),)

    def holds(script: Script) -> bool:
        return kinds(script) == ["large"] and steps(script)[0].mutations in ((), alone)

    found, reducer, asked = reduced((case(Step("large")),), holds)
    assert steps(found) == [Step("large", alone)]
    assert len(asked) == len(set(asked)) == reducer.replays


def test_mutations_become_fewer_and_simpler() -> None:
    step = Step("rekey", (Mutation("flip", "header", (3,)), Mutation("size", "Nonce", (900,))))

    def overflows(script: Script) -> bool:
        return any(m.mutator == "size" and int(m.arguments[0]) >= 256 for s in steps(script) for m in s.mutations)

    found, _, _ = reduced((case(step),), overflows)
    assert steps(found) == [Step("rekey", (Mutation("size", "Nonce", (256,)),))]


def test_payloads_and_octets_are_left_out() -> None:
    def holds(script: Script) -> bool:
        return b"wx".hex() in "".join(step.content for step in steps(script))

    found, _, _ = reduced((case(Step("auth", (), CHAIN)),), holds)
    assert steps(found) == [Step("auth", (), "29:00000008" + b"wx".hex())]


def test_a_datagram_becomes_shorter() -> None:
    def holds(script: Script) -> bool:
        return any(len(step.content) >= 74 for step in steps(script))

    found, _, _ = reduced((case(Step("octets", (), "aa" * 100)),), holds)
    assert steps(found)[0].content == "aa" * 37


def test_a_problem_of_the_state_itself_needs_no_message() -> None:
    found, _, _ = reduced((case(Step("a"), Step("b")),), lambda one: True)
    assert found == (Case("up", 1, ()),)


def test_nothing_is_asked_twice_and_there_is_an_end() -> None:
    many = tuple(Step("noise", (Mutation("size", "KE", (at,)),)) for at in range(64))
    found, reducer, asked = reduced((case(*many),), lambda one: len(steps(one)) > 30, most=25)
    assert len(asked) == len(set(asked)) == reducer.replays == 25
    assert len(steps(found)) > 30


@pytest.mark.parametrize("text", ["", "zz:00", "29:00", "29:0000000900000000", "29:00000003"])
def test_what_is_no_chain(text: str) -> None:
    assert payloads_of(text) in (None, ())


def test_a_chain_there_and_back() -> None:
    found = payloads_of(CHAIN)
    assert found is not None
    assert [kind for kind, _ in found] == [40, 41, 43]
    assert content_of(found) == CHAIN
