"""Asking words: what is remembered, what is doubted, and what comes of answers that are not always the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from peers.contract import Device
from peers.reference.device import ReferenceDevice
from suites.learning import asking
from suites.learning.asking import Asking, Enough, Limits
from suites.learning.learner import learn
from suites.learning.machine import Machine, Word
from suites.learning.record import Record, RecordError, note


class Told:
    """In place of a conversation: answers come from a function of the word so far and the conversation's number."""

    def __init__(self, answer: Callable[[Word, int], str], number: int) -> None:
        self.answer, self.number = answer, number
        self.word: Word = ()
        self.known: list[str | None] = []

    def say(self, name: str, known: str | None = None) -> str:
        self.word = (*self.word, name)
        self.known.append(known)
        return self.answer(self.word, self.number)


def told(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Word, int], str], seed: int = 1, **limits: Any) -> Asking:
    @contextmanager
    def conversation(device: Device, seed: int, number: int) -> Iterator[Told]:
        yield Told(answer, number)

    monkeypatch.setattr(asking, "conversation", conversation)
    return Asking(ReferenceDevice(), seed, Limits(**limits))


def test_what_is_known_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, lambda word, _: f"{len(word)}")
    assert found.ask(("a", "b", "c")) == ["1", "2", "3"]
    assert found.ask(("a", "b")) == ["1", "2"]
    assert (found.queries, found.saved) == (1, 1)


def test_one_odd_answer_is_told_and_the_rule_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, lambda word, number: "odd" if word == ("a",) and number == 1 else f"{len(word)}")
    assert found.ask(("a",)) == ["odd"]
    assert found.ask(("a", "b")) == ["1", "2"]
    assert found.ask(("a",)) == ["1"]
    assert [str(one) for one in found.wavering] == ["a: 1 (5x), odd (1x)"]


def test_what_follows_an_odd_answer_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(word: Word, number: int) -> str:
        return "odd" if number == 1 else f"{len(word)}"

    found = told(monkeypatch, answer)
    assert found.ask(("a", "b")) == ["odd", "odd"]
    assert found.ask(("a", "c")) == ["1", "2"]
    assert found.ask(("a", "b")) == ["1", "2"]


def test_who_is_odd_again_and_again_ends_by_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by how deep calls may be nested."""
    found = told(monkeypatch, lambda word, number: "odd" if word == ("a",) and number % 5 == 2 else "1", queries=4000)
    assert found.ask(("a",)) == ["1"]
    with pytest.raises(Enough):
        found.ask(("a", "b"))


def test_limits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, lambda word, _: "", queries=2)
    found.ask(("a",))
    found.ask(("b",))
    with pytest.raises(Enough, match="2 conversations"):
        found.ask(("c",))


def test_it_is_told_what_was_answered_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits for what does not come, and only up to the first answer that is another one."""
    told_known: list[Told] = []

    @contextmanager
    def conversation(device: Device, seed: int, number: int) -> Iterator[Told]:
        told_known.append(
            Told(lambda word, number: "odd" if (number, word) == (3, ("a", "b")) else f"{len(word)}", number)
        )
        yield told_known[-1]

    monkeypatch.setattr(asking, "conversation", conversation)
    found = Asking(ReferenceDevice())
    found.ask(("a", "b"))
    found.ask(("a", "c"))
    found.ask(("a", "b", "c"))
    assert [one.known for one in told_known[:3]] == [[None, None], ["1", None], ["1", "2", None]]


# --- what was asked earlier -------------------------------------------------------------------------------------------


def test_what_is_remembered_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, lambda word, number: f"{number}", queries=1)
    found.remember([(("a", "b"), ("1", "2")), (("c",), ("3",))])
    assert found.ask(("a", "b")) == ["1", "2"] and found.ask(("c",)) == ["3"]
    assert not found.wavering
    assert found.ask(("d",)) == ["3"], "the numbers of conversations go on"
    with pytest.raises(Enough):
        found.ask(("e",))


def test_of_what_is_remembered_the_rule_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that followed the odd answer."""
    found = told(monkeypatch, lambda word, number: f"{len(word)}")
    found.remember([(("a", "b"), ("odd", "x")), (("a", "b"), ("1", "2")), (("a", "c"), ("1", "2"))])
    assert found.ask(("a", "b")) == ["1", "2"]
    assert found.queries == found.earlier == 3
    assert [str(one) for one in found.wavering] == ["a: 1 (2x), odd (1x)"]


MESSAGES = {"push": "at the door"}
HEAD = '{"schema": 1, "device": "door 1", "messages": {"push": "at the door"}}\n'


def test_conversations_come_back_from_their_file(tmp_path: Path) -> None:
    """Also where the last line was not written to its end."""
    record = Record(tmp_path / "some.jsonl", "door 1", MESSAGES)
    with record.open([(("push",), ("moves",))]) as file:
        note(file, ("push", "push"), ("moves", "nothing"))
        file.write('{"word": ["pu')
    assert record.read() == [(("push",), ("moves",)), (("push", "push"), ("moves", "nothing"))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no record"),
        ("[]\n", "is no record"),
        ("{}\n", "was asked of None, or with other messages"),
        ('{"schema": 1, "device": "gate 1", "messages": {"push": "at the door"}}\n', "was asked of gate 1"),
        ('{"schema": 1, "device": "door 1", "messages": {"push": "at the door"}}\n{"word": []}\n{}', "is no record"),
        (
            '{"schema": 1, "device": "door 1", "messages": {"push": "at the door"}}\n{"word": ["a"], "answers": []}',
            "no rec",
        ),
    ],
)
def test_what_is_no_record_is_refused_in_a_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=said) as caught:
        Record(path, "door 1", MESSAGES).read()
    assert "\n" not in str(caught.value)


# --- learning in spite of that ----------------------------------------------------------------------------------------


def lock(word: Word) -> str:
    """A lock that opens by "a b", and stays open."""
    open_ = any(pair == ("a", "b") for pair in pairwise(word))
    return "open" if open_ else "shut"


def states(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[Word, int], str], alphabet: Word = ("a", "b", "c")
) -> Machine:
    with ReferenceDevice() as device:
        return learn(device, told(monkeypatch, answer), alphabet)


def test_an_odd_answer_makes_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever it comes, learning goes on from what is right; where it was noticed, that is told."""
    right = states(monkeypatch, lambda word, number: lock(word))
    assert len(right.states) == 3
    for odd in range(1, right.queries + 1):
        answer = partial(lambda odd, word, number: "stuck" if number == odd else lock(word), odd)
        found = states(monkeypatch, answer)
        assert found.states == right.states, f"odd answers in conversation {odd}"
        assert found.wavering and not found.unfinished


def without_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suites.learning.learner.WALKS", 0)
    monkeypatch.setattr("suites.learning.learner.IDLE_WALKS", 0)


def test_what_is_told_only_by_the_very_next_message_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of messages that all change nothing for good, one shows right after a certain other one that it did."""

    def answer(word: Word, number: int) -> str:
        return "odd" if word[-2:] == ("e", "b") else "even"

    without_chance(monkeypatch)
    found = states(monkeypatch, answer, tuple("abcdefg"))
    assert len(found.states) == 2 and found.answers(("e", "b")) == ["even", "odd"]


def test_who_goes_on_living_in_silence_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """After two of the messages nothing is answered any more, but after one of them "wake" helps."""

    def answer(word: Word, number: int) -> str:
        state = "awake"
        for letter in word[:-1]:
            if state == "awake" and letter in ("die", "sleep"):
                state = letter
            elif state == "sleep" and letter == "wake":
                state = "awake"
        return "yes" if state == "awake" or (state, word[-1]) == ("sleep", "wake") else "silence"

    without_chance(monkeypatch)
    found = states(monkeypatch, answer, ("die", "sleep", *"abcdef", "wake"))
    assert len(found.states) == 3


@pytest.mark.parametrize("seed", range(1, 9))
def test_the_machine_does_not_depend_on_the_seed(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Five messages in this order, none of them in another one, make the sixth say something else."""
    order = tuple("abcde")

    def answer(word: Word, number: int) -> str:
        at = 0
        for letter in word:
            at = at + 1 if at < len(order) and letter == order[at] else at
        return f"{at == len(order)}" if word[-1] == "f" else f"{at > 0}"

    with ReferenceDevice() as device:
        found = learn(device, told(monkeypatch, answer, seed=seed), (*order, "f", "g"))
    assert len(found.states) == len(order) + 1
