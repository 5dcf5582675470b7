"""Machines as values: files, words, and what tells two of them apart."""

import json
from dataclasses import replace

import pytest

from reports.drawing import arrows, places, svg, usual_ways
from suites.learning.machine import Difference, Machine, MachineError, Wavering, Word, differences

DOOR = Machine(
    "door 1",
    ("push", "turn"),
    (
        {"push": ("moves", 1), "turn": ("clicks", 2)},
        {"push": ("nothing", 1), "turn": ("nothing", 1)},
        {"push": ("nothing", 2), "turn": ("clicks", 0)},
    ),
    wavering=(Wavering(("push", "turn"), (("nothing", 5), ("squeaks", 1))),),
)
"""Opened once it stays open; the key locks it and unlocks it."""


def test_a_machine_comes_back_from_its_file() -> None:
    assert Machine.parse(json.dumps(DOOR.to_json())) == DOOR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ("[]", "is no machine"),
        ('{"schema": 2}', "schema 2, expected 1"),
        ('{"schema": 1}', "is no machine"),
        (json.dumps(DOOR.to_json() | {"states": []}), "a state that it does not have"),
        (json.dumps(DOOR.to_json()).replace('"to": 2', '"to": 7'), "a state that it does not have"),
        (json.dumps(DOOR.to_json()).replace('"to": 2', '"to": "x"'), "is no machine"),
    ],
)
def test_what_is_no_machine_is_refused_in_a_line(text: str, said: str) -> None:
    with pytest.raises(MachineError, match=said) as caught:
        Machine.parse(text)
    assert "\n" not in str(caught.value)


def test_answers_and_ways() -> None:
    assert DOOR.answers(("turn", "push", "turn", "push")) == ["clicks", "nothing", "clicks", "moves"]
    assert DOOR.access() == {0: (), 1: ("push",), 2: ("turn",)}


def said(state: int, word: Word) -> list[str]:
    """What the door answers in one of its states."""
    answers = []
    for letter in word:
        answer, state = DOOR.states[state][letter]
        answers.append(answer)
    return answers


def test_marks_tell_each_state_from_all_others() -> None:
    for state, words in DOOR.marks().items():
        for other in {0, 1, 2} - {state}:
            assert any(said(state, word) != said(other, word) for word in words)
    twins = replace(DOOR, states=(DOOR.states[1], {**DOOR.states[1], "push": ("nothing", 0)}))
    assert twins.marks() == {0: [], 1: []}, "nothing tells them apart"


def test_a_machine_does_not_differ_from_itself() -> None:
    assert not differences(DOOR, DOOR)


def test_the_shortest_conversation_tells_two_apart() -> None:
    """One that can be pushed open although it is locked, and one that locks only once."""
    states = list(DOOR.states)
    weak = replace(DOOR, states=(states[0], states[1], {**states[2], "push": ("moves", 1)}))
    assert differences(DOOR, weak) == [
        Difference(("turn", "push"), ("clicks", "nothing"), ("clicks", "moves")),
    ]
    spent = replace(
        DOOR,
        states=(
            *states[:2],
            {**states[2], "turn": ("clicks", 3)},
            {"push": ("moves", 1), "turn": ("nothing", 3)},
        ),
    )
    assert [one.word for one in differences(DOOR, spent)] == [("turn", "turn", "turn")]


def test_the_same_difference_in_many_places_is_told_once() -> None:
    silent = replace(DOOR, states=tuple({**one, "turn": ("grinds", one["turn"][1])} for one in DOOR.states))
    found = differences(DOOR, silent)
    assert [(one.word, one.times) for one in found] == [(("turn",), 1), (("push", "turn"), 1)]


def test_what_only_one_was_asked_is_left_out() -> None:
    narrow = replace(DOOR, alphabet=("push",))
    assert not differences(DOOR, narrow)


def test_dot_has_all_ways() -> None:
    text = replace(DOOR, device='a "door"').to_dot()
    assert text.count("->") == 6 and '0 -> 2 [label = "turn / clicks"]' in text and '\\"door\\"' in text


def test_the_picture_shows_each_state_and_no_loop() -> None:
    assert set(arrows(DOOR)) == {(0, 1), (0, 2), (2, 0)}
    assert len(set(places(DOOR).values())) == 3
    text = svg(replace(DOOR, device="<door>"))
    assert text.count("<circle") == 3 and "<door>" not in text
    assert text.count('marker-end="url(#tip)"') == 3


def test_what_leads_to_one_state_from_everywhere_is_drawn_once() -> None:
    reset = Machine(
        "reset",
        ("go", "reset"),
        tuple({"go": ("yes", (number + 1) % 4), "reset": ("yes", 1)} for number in range(4)),
    )
    assert usual_ways(reset) == {"reset": 1}
    assert set(arrows(reset)) == {(0, 1), (1, 2), (2, 3), (3, 0)}
