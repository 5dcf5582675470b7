"""Learning the built-in device, its defects, and devices whose moods change."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from conformance.ike.core.connection import Connection
from conformance.net.link import Datagram, Link
from conformance.wire import ExchangeType, Message
from ikespec.cli import app
from peers.contract import Device
from peers.reference.device import ReferenceDevice
from reports.learning import read_machine
from suites.judge import Died, Kind
from suites.learning.alphabet import LETTERS
from suites.learning.asking import Asking, Limits, Nondeterministic
from suites.learning.learner import learn
from suites.learning.machine import Machine, Word, differences
from suites.learning.talk import Talk

FEW = ("INIT", "AUTH", "AUTH-WRONG", "AUTH-ELSEWHERE", "CHILD-DELETE", "IKE-DELETE", "LIVENESS", "FORGED")


def learned(device: Device, alphabet: Word = FEW) -> Machine:
    with device:
        return learn(device, Asking(device), alphabet)


@pytest.fixture(scope="module")
def reference() -> Machine:
    return learned(ReferenceDevice())


def test_the_machine_of_the_reference(reference: Machine) -> None:
    """Nothing; half-open, up with and without a Child SA, gone."""
    assert not reference.unfinished and not reference.wavering
    assert len(reference.states) == 5
    alone = "silence; in the clear N(INVALID_IKE_SPI)"
    assert reference.answers(("INIT", "AUTH", "IKE-DELETE", "INIT", "AUTH", "IKE-DELETE", "LIVENESS"))[-1] == alone
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


class Busy(ReferenceDevice):
    """Drops the second copy of each datagram, as who is not through with the first one."""

    def open_link(self, *, ipv6: bool = False) -> Link:
        link = super().open_link(ipv6=ipv6)
        seen: Counter[bytes] = Counter()
        send = link.send

        def most(datagram: Datagram) -> None:
            seen[datagram.payload] += 1
            if seen[datagram.payload] != 2:
                send(datagram)

        link.send = most  # type: ignore[method-assign]
        return link


def test_a_request_is_repeated_until_somebody_has_time_for_it() -> None:
    """RFC 7296, section 2.1."""
    with Busy() as device:
        assert Asking(device).ask(("INIT", "INIT-REPEAT", "AUTH", "REPEAT"))[1::2] == ["the same again"] * 2


def test_an_answer_that_is_made_anew_is_not_the_same_again() -> None:
    with ReferenceDevice() as device:
        asked = Asking(device)
        assert asked.ask(("INIT", "INIT-REPEAT"))[-1] == "the same again"
        assert asked.ask(("INIT", "AUTH-WRONG", "INIT-REPEAT"))[-1] == "SA KE Nonce"


def test_what_a_timer_sends_again_is_no_answer() -> None:
    def come(number: int) -> Any:
        message = Message(bytes(8), bytes(8), ExchangeType.INFORMATIONAL, 0, number, ())
        return SimpleNamespace(raw=bytes((number,)), sa="some", protected=True, message=message)

    peer = SimpleNamespace(inbox=[come(0), come(0), come(1), come(1)])
    talk = Talk(peer, None)  # type: ignore[arg-type]
    assert talk._words(None, None, 1) == "silence; asks INFORMATIONAL empty"  # type: ignore[arg-type]
    assert talk._words(None, None, 3) == "silence"  # type: ignore[arg-type]


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


def test_who_ended_early_goes_on_where_that_was(
    tmp_path: Path, reference: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suites.learning.learner.learn.__defaults__", (FEW,))
    folder = tmp_path / "out"
    first = CliRunner().invoke(app, ["learn", "--queries", "100", "--out", str(folder)])
    assert first.exit_code == 1 and "not finished: 100 conversations" in first.output, first.output
    then = CliRunner().invoke(app, ["learn", "--queries", str(reference.queries - 100), "--resume", str(folder)])
    assert then.exit_code == 0, then.output
    found = read_machine(folder)
    assert (found.states, found.queries) == (reference.states, reference.queries)


def test_nobody_goes_on_with_what_another_device_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["learn", "--queries", "3", "--out", str(tmp_path)])
    assert done.exit_code == 1
    done = CliRunner().invoke(app, ["learn", "--dut", "reference:accepts-wrong-auth", "--resume", str(tmp_path)])
    assert done.exit_code == 2 and "was asked of reference 0.1.0" in done.output, done.output


def test_a_device_that_dies_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> Machine:
        raise Died(Kind.CRASH, "the device has died: signal 11")

    monkeypatch.setattr("ikespec.learn.learn", dies)
    done = CliRunner().invoke(app, ["learn", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "reference: the device has died: signal 11" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--queries", "0"], 2, "--queries 0: expected a number of conversations, 1 or more"),
        (["--time", "nan"], 2, "--time nan: expected a number of seconds above 0"),
        (["--queries", "3"], 1, "before anything was learned"),
        (["--dut", "nobody"], 2, "nobody"),
        (["--resume", "nowhere"], 2, "expected the results folder of an ikespec learn"),
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
    for text, said in (("{}", "is no machine"), ("[" * 100_000, "is no JSON"), ("\xff", "'utf-8' codec")):
        wrong.write_text(text, encoding="latin-1")
        done = CliRunner().invoke(app, ["learn", "--beside", str(wrong), "--out", str(tmp_path)])
        assert done.exit_code == 2
        assert f"wrong.json: {said}" in done.output and "Traceback" not in done.output


def test_a_wrong_word_for_the_other_device_is_told_before_anything_is_learned(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["learn", "--out", str(tmp_path / "new"), "--beside", "strongswam"])
    assert done.exit_code == 2
    assert "strongswam: there is no such device" in done.output
    assert not (tmp_path / "new").exists()
