"""Learning the built-in device, its defects, and devices whose moods change."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from conformance.ike.core.connection import Connection
from ikespec.cli import app
from peers.contract import Device
from peers.reference.device import ReferenceDevice
from reports.learning import read_machine
from suites.learning import asking
from suites.learning.alphabet import LETTERS
from suites.learning.asking import Asking, Enough, Limits, Nondeterministic
from suites.learning.learner import learn
from suites.learning.machine import Machine, Word, differences

FEW = ("INIT", "AUTH", "AUTH-WRONG", "AUTH-ELSEWHERE", "CHILD-DELETE", "IKE-DELETE", "LIVENESS", "FORGED")


def learned(device: Device, alphabet: Word = FEW) -> Machine:
    with device:
        return learn(device, Asking(device), alphabet)


@pytest.fixture(scope="module")
def reference() -> Machine:
    return learned(ReferenceDevice())


def test_the_machine_of_the_reference(reference: Machine) -> None:
    """Nothing; half-open, up with and without a Child SA, gone: those once alone and once beside an older IKE SA.

    That is asked about a message of no IKE SA (RFC 7296, section 2.21.4), once, for we do not answer.
    """
    assert not reference.unfinished and not reference.wavering
    assert len(reference.states) == 9
    alone = "silence; in the clear N(INVALID_IKE_SPI)"
    assert reference.answers(("INIT", "AUTH", "IKE-DELETE", "INIT", "AUTH", "IKE-DELETE", "LIVENESS"))[-1] == alone
    assert reference.answers(("INIT", "AUTH", "INIT", "AUTH", "IKE-DELETE", "LIVENESS", "LIVENESS"))[-2:] == [
        f"{alone}; asks INFORMATIONAL N(INVALID_IKE_SPI)",
        alone,
    ]
    assert reference.answers(
        ("INIT", "AUTH", "LIVENESS", "CHILD-DELETE", "CHILD-DELETE", "IKE-DELETE", "LIVENESS")
    ) == [
        *("SA KE Nonce", "SA IDr AUTH TSi TSr", "empty", "Delete", "empty", "empty"),
        alone,
    ]
    assert reference.answers(("INIT", "AUTH-ELSEWHERE", "LIVENESS")) == [
        *("SA KE Nonce", "IDr AUTH N(TS_UNACCEPTABLE)", "empty"),
    ]
    assert reference.answers(("INIT", "AUTH-WRONG"))[-1] == "N(AUTHENTICATION_FAILED)"


@pytest.mark.parametrize(
    ("defect", "word", "answer"),
    [
        ("accepts-wrong-auth", ("INIT", "AUTH-WRONG"), "SA IDr AUTH TSi TSr"),
        ("answers-bad-icv", ("INIT", "FORGED"), "N(INVALID_SYNTAX)"),
    ],
)
def test_a_defect_differs_in_a_shortest_conversation(reference: Machine, defect: str, word: Word, answer: str) -> None:
    found = differences(reference, learned(ReferenceDevice(defect)))
    assert found[0].word == word
    assert found[0].second[-1] == answer and found[0].first[:-1] == found[0].second[:-1]


class Moody(ReferenceDevice):
    """Allows any traffic in every second conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.applied = 0

    def apply(self, connection: Connection) -> None:
        self.applied += 1
        if self.applied % 2:
            any_traffic = ("0.0.0.0/0",)
            child = replace(connection.children[0], local_ts=any_traffic, remote_ts=any_traffic)
            connection = replace(connection, children=(child,))
        super().apply(connection)


def test_a_device_without_a_rule_is_named() -> None:
    machine = learned(Moody())
    (found,) = machine.wavering
    assert found.word[-2:] == ("INIT", "AUTH-ELSEWHERE")
    assert dict(found.answers) == {"SA IDr AUTH TSi TSr": 3, "IDr AUTH N(TS_UNACCEPTABLE)": 3}
    assert f"in different ways: {' '.join(found.word)}" in machine.unfinished


def test_without_a_rule_from_the_beginning_there_is_no_machine() -> None:
    with Moody() as device:
        asked = Asking(device)
        asked.ask(("INIT", "AUTH-ELSEWHERE"))
        with pytest.raises(Nondeterministic, match="INIT AUTH-ELSEWHERE"):
            asked.ask(("INIT", "AUTH-ELSEWHERE", "LIVENESS"))


class Told:
    """In place of a conversation: answers come from a function of the word so far and the conversation's number."""

    def __init__(self, answer: Callable[[Word, int], str], number: int) -> None:
        self.answer, self.number = answer, number
        self.word: Word = ()

    def say(self, name: str) -> str:
        self.word = (*self.word, name)
        return self.answer(self.word, self.number)


def told(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Word, int], str], **limits: Any) -> Asking:
    @contextmanager
    def conversation(device: Device, seed: int, number: int) -> Iterator[Told]:
        yield Told(answer, number)

    monkeypatch.setattr(asking, "conversation", conversation)
    return Asking(ReferenceDevice(), limits=Limits(**limits))


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


def test_limits_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, lambda word, _: "", queries=2)
    found.ask(("a",))
    found.ask(("b",))
    with pytest.raises(Enough, match="2 conversations"):
        found.ask(("c",))


@pytest.mark.parametrize("queries", [20, 33, 40, 47, 60])
def test_who_is_not_finished_says_so(queries: int) -> None:
    """Whenever that happens, what is left is a whole machine."""
    with ReferenceDevice() as device:
        machine = learn(device, Asking(device, limits=Limits(queries=queries)), FEW)
    assert machine.unfinished.startswith(f"{queries} conversations") and machine.states
    assert all(set(state) == set(FEW) for state in machine.states)
    assert Machine.parse(json.dumps(machine.to_json())) == machine


def test_every_message_can_be_sent_in_any_state() -> None:
    """Also what makes no sense there: our own side never breaks."""
    with ReferenceDevice() as device:
        asked = Asking(device)
        for before in ((), ("INIT",), ("INIT", "AUTH"), ("INIT", "AUTH", "IKE-REKEY"), ("INIT", "AUTH", "IKE-DELETE")):
            for name in LETTERS:
                assert len(asked.ask((*before, name, "LIVENESS"))) == len(before) + 2


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_learns_and_compares(tmp_path: Path, reference: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suites.learning.learner.LETTERS", {name: LETTERS[name] for name in FEW})
    monkeypatch.setattr("suites.learning.learner.learn.__defaults__", (FEW,))
    before = tmp_path / "before.json"
    before.write_text(json.dumps(reference.to_json()))
    words = ["learn", "--dut", "reference:accepts-wrong-auth", "--beside", str(before), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "INIT AUTH-WRONG: SA IDr AUTH TSi TSr, there N(AUTHENTICATION_FAILED)" in done.output
    assert read_machine(tmp_path / "out").answers(("INIT", "AUTH-WRONG"))[-1] == "SA IDr AUTH TSi TSr"
    page = (tmp_path / "out" / "machine.html").read_text()
    assert "<svg" in page and "AUTH-WRONG" in page and "<script" not in page
    assert (tmp_path / "out" / "machine.dot").exists() and (tmp_path / "out" / "machine.svg").exists()


def test_a_difference_that_is_not_seen_again_is_put_aside(
    tmp_path: Path, reference: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is wrong accuses nobody."""
    states = list(reference.states)
    states[1] = {**states[1], "LIVENESS": ("empty", 1)}
    wrong = replace(reference, states=tuple(states))
    monkeypatch.setattr("ikespec.learn.learn", lambda device, asking: wrong)
    before = tmp_path / "before.json"
    before.write_text(json.dumps(reference.to_json()))
    done = CliRunner().invoke(app, ["learn", "--beside", str(before), "--out", str(tmp_path / "out")])
    assert "0 differences, 1 more were not seen again" in done.output, done.output
    assert "1 more were not seen again" in (tmp_path / "out" / "machine.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--queries", "0"], 2, "expected more than nothing"),
        (["--queries", "3"], 1, "before anything was learned"),
        (["--dut", "nobody"], 2, "nobody"),
    ],
)
def test_the_command_says_in_a_line_what_is_wrong(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = CliRunner().invoke(app, ["learn", "--out", str(tmp_path), *words])
    assert done.exit_code == code
    assert said in done.output and "Traceback" not in done.output


def test_a_file_that_is_no_machine(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    done = CliRunner().invoke(app, ["learn", "--beside", str(wrong), "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "wrong.json: is no machine" in done.output
