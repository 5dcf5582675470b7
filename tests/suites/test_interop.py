"""The cross-checks with devices that need nothing: the reference device against itself and against its defects."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from unittest import mock

import pytest

from conformance.ike.core.connection import Mode
from conformance.net.pcapng import read_pcapng
from peers.capabilities import Capability
from peers.contract import ChildStatus, Device, DeviceError, SaState, SaStatus
from peers.places.netns import PIXIT
from peers.reference.device import ALGORITHMS
from peers.reference.live import LiveReference
from peers.registry import open_device
from reports.interop import load_interop
from suites.interop import state
from suites.interop.matrix import Matrix, Member, members, select
from suites.interop.record import Record, Verdict
from suites.interop.scenario import INITIATOR, RESPONDER, delete_child, initiate, rekey_child, rekey_ike
from suites.interop.scenarios import SCENARIOS

REFERENCES = [Member("one", "reference:live"), Member("other", "reference:live")]


def run(tmp_path: Path, *patterns: str, devices: list[Member] = REFERENCES) -> dict[tuple[str, str], Record]:
    matrix = Matrix(devices, select(SCENARIOS, patterns), tmp_path)
    found = list(matrix.run(["ikespec", "interop"]))
    assert len(found) == matrix.total
    return {(one.initiator, one.scenario): one for one in found}


def test_two_of_a_kind_come_together_in_every_scenario(tmp_path: Path) -> None:
    quick = [one.id for one in SCENARIOS if not one.id.startswith(("dpd", "path-loss"))]
    found = run(tmp_path, *quick)
    assert {one.verdict for key, one in found.items() if key[1] != "mobike"} == {Verdict.PASS}
    assert found["one", "mobike"].verdict is Verdict.NOT_APPLICABLE
    assert all(one.traffic for one in found.values())


def test_the_evidence_is_decrypted_and_complete(tmp_path: Path) -> None:
    record = run(tmp_path, "rekey-ike-initiator")["one", "rekey-ike-initiator"]
    assert record.evidence is not None
    folder = tmp_path / record.evidence
    transcript = (folder / "transcript.txt").read_text()
    assert "IKE_AUTH request 1: IDi" in transcript
    assert "CREATE_CHILD_SA response 2: SA, Nr, KE" in transcript
    assert "the initiator rekeys the IKE SA" in transcript
    assert len((folder / "ikev2_decryption_table").read_text().splitlines()) == 2, "the old IKE SA and the new one"
    trace = json.loads((folder / "trace.json").read_text())
    assert (trace["ours"], trace["device"]) == (PIXIT.device_address, PIXIT.tester_address)
    assert any("ESP" in entry.get("text", "") for entry in trace["entries"]), "packets went through the Child SA"
    hosts = {one.datagram.source.host for one in read_pcapng(folder / "capture.pcapng")}
    assert hosts == {PIXIT.device_address, PIXIT.tester_address}
    assert "Established" in (folder / "initiator.log").read_text()
    assert "Established" in (folder / "responder.log").read_text()
    [line] = [one for one in (tmp_path / "interop.jsonl").read_text().splitlines() if '"one", "responder"' in one]
    assert [step["text"] for step in json.loads(line)["steps"]] == [
        "the initiator opens a connection",
        "the initiator rekeys the IKE SA",
    ]


def test_fragments_are_put_together_in_the_transcript(tmp_path: Path) -> None:
    record = run(tmp_path, "frag-rsa")["one", "frag-rsa"]
    assert record.evidence is not None
    transcript = (tmp_path / record.evidence / "transcript.txt").read_text()
    assert "fragment 1 of" in transcript
    assert "IKE_AUTH request 1: IDi, CERT" in transcript


def test_a_nat_on_the_path_is_found(tmp_path: Path) -> None:
    record = run(tmp_path, "nat-initiator")["one", "nat-initiator"]
    assert record.evidence is not None
    datagrams = [one.datagram for one in read_pcapng(tmp_path / record.evidence / "capture.pcapng")]
    assert {one.source.port for one in datagrams} == {500, 40500, 4500, 44500}
    assert "ESP in UDP" in (tmp_path / record.evidence / "transcript.txt").read_text()


@pytest.mark.parametrize(
    ("defect", "scenario", "reason"),
    [
        ("loses-children-on-rekey", "rekey-ike-responder", "0 Child SAs, expected 1|no answer to an echo request"),
        ("keeps-rekeyed-child", "rekey-child-responder", "2 Child SAs, expected 1"),
    ],
)
def test_a_defective_device_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str, scenario: str, reason: str
) -> None:
    hurried = [replace(one, patience=0.5) for one in SCENARIOS]
    monkeypatch.setattr("tests.suites.test_interop.SCENARIOS", hurried)
    devices = [Member("good", "reference:live"), Member("bad", f"reference:live:{defect}")]
    found = run(tmp_path, scenario, devices=devices)
    record = found["good", scenario]
    assert record.verdict is Verdict.FAIL
    assert record.unexpected
    assert re.search(reason, record.reason)
    assert record.steps[-1]["problem"] == record.reason


def test_a_device_that_is_lost_starts_anew(tmp_path: Path) -> None:
    """Where the control of a device ends within one scenario, the next ones are not lost with it."""
    broken = []

    def opener(spec: str, **options: object) -> Device:
        device = open_device(spec, **options)
        if "loses" in spec:
            broken.append(device)
            device.apply = mock.Mock(side_effect=DeviceError("bad", "its shell is closed"))  # type: ignore[method-assign]
            device.alive = lambda: "apply" not in vars(device)  # type: ignore[method-assign]
            stop = device.stop

            def mended() -> None:
                vars(device).pop("apply", None)
                stop()

            device.stop = mended  # type: ignore[method-assign]
        return device

    devices = [Member("good", "reference:live"), Member("bad", "reference:live:loses-children-on-rekey")]
    matrix = Matrix(devices, select(SCENARIOS, ["auth-psk", "auth-rsa", "child-again"]), tmp_path, opener=opener)
    found = {(one.initiator, one.scenario): one.verdict for one in matrix.run([])}
    assert len(broken) == 1
    lost = [key for key, verdict in found.items() if verdict is not Verdict.PASS]
    assert lost == [("good", "auth-psk")]
    assert found[lost[0]] is Verdict.INCONCLUSIVE
    del broken[:]
    again = Matrix(devices, select(SCENARIOS, ["auth-psk", "child-again"]), tmp_path, opener=opener, retry=1)
    records = list(again.run([]))
    assert len(broken) == 1 and {one.verdict for one in records} == {Verdict.PASS}
    (flaky,) = [one for one in records if one.flaky]
    assert (flaky.initiator, flaky.scenario, flaky.earlier[0]["verdict"]) == ("good", "auth-psk", "inconclusive")
    (shown,) = [one for one in load_interop(tmp_path).results if one.earlier]
    assert shown.key == "good-bad/auth-psk" and shown.earlier[0].startswith("inconclusive: ")


def test_known_deviations_are_looked_up_by_scenario_and_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deviations = tmp_path / "deviations.toml"
    deviations.write_text(
        '[[deviation]]\npurpose = "interop-rekey-ike-responder-responder"\ngot = "*"\n'
        'reason = "loses Child SAs"\nreference = "2.8"\n'
    )
    hurried = [replace(one, patience=0.5) for one in SCENARIOS]

    def opener(spec: str, **options: object) -> Device:
        device = open_device(spec, **options)
        if "loses" in spec:
            device.deviations_file = deviations
        return device

    devices = [Member("good", "reference:live"), Member("bad", "reference:live:loses-children-on-rekey")]
    matrix = Matrix(devices, select(hurried, ["rekey-ike-responder"]), tmp_path, opener=opener, today=date(2026, 1, 1))
    found = {one.initiator: one for one in matrix.run([])}
    assert found["good"].known == {"device": "bad", "reason": "loses Child SAs", "until": None, "reference": "2.8"}
    assert not found["good"].unexpected


def test_no_known_deviation_excuses_a_device_that_is_gone(tmp_path: Path) -> None:
    """A device whose control ends with it refuses the next order: that is a death, too."""
    deviations = tmp_path / "deviations.toml"
    deviations.write_text(
        '[[deviation]]\npurpose = "interop-rekey-ike-responder"\ngot = "*"\nreason = "old"\nreference = "2.8"\n'
    )

    def opener(spec: str, **options: object) -> Device:
        device = open_device(spec, **options)
        if options["swapped"]:
            device.deviations_file = deviations
            device.rekey_ike = mock.Mock(side_effect=DeviceError("bad", "its shell is closed"))  # type: ignore[method-assign]
            device.alive = lambda: alive  # type: ignore[method-assign]
        return device

    known = {}
    for alive in (True, False):
        matrix = Matrix(REFERENCES, select(SCENARIOS, ["rekey-ike-responder"]), tmp_path / str(alive), opener=opener)
        record = {one.initiator: one for one in matrix.run([])}["one"]
        assert record.verdict is Verdict.FAIL and "its shell is closed" in record.reason
        known[alive] = record.known is not None
    assert known == {True: True, False: False}


def test_a_device_may_rekey_while_packets_pass(tmp_path: Path) -> None:
    """What counted the packets is gone then (RFC 7296, 2.8): others are sent."""
    devices = [Member("eager", "reference:live:+rekeys-child-soon"), Member("calm", "reference:live")]
    found = run(tmp_path, "child-many", "config-mode", devices=devices)
    assert {key: one.reason for key, one in found.items() if one.verdict is not Verdict.PASS} == {}


def test_nobody_must_hurry_who_repeats_requests_as_it_likes(tmp_path: Path) -> None:
    """How soon is open (RFC 7296, 2.4), so what needs it is for initiators whose timers can be set."""
    devices = [Member("slow", "reference:live:+slow-timers"), Member("usual", "reference:live")]
    scenarios = {one.id: one for one in SCENARIOS}
    found = run(tmp_path, "path-loss", devices=devices)
    assert {one.verdict for one in found.values()} == {Verdict.NOT_APPLICABLE}
    pixit = replace(PIXIT, algorithms=ALGORITHMS)
    for scenario in (scenarios["dpd-dead"], scenarios["backup-gateway"]):
        ours, theirs = scenario.connections(pixit, pixit.swapped())
        assert Capability.TIMERS in scenario.needs(INITIATOR, ours)
        assert Capability.TIMERS not in scenario.needs(RESPONDER, theirs)


def test_devices_get_names_of_their_own() -> None:
    assert [one.label for one in members(["reference", "strongswan:netns"])] == ["reference", "strongswan"]
    assert [one.label for one in members(["reference", "reference"])] == ["reference", "reference#2"]
    assert [one.spec for one in members(["reference:keeps-deleted-ike", "reference"])] == [
        "reference:live:keeps-deleted-ike",
        "reference:live",
    ]


def test_releases_of_a_daemon_are_devices_of_their_own() -> None:
    with (
        mock.patch("peers.places.rootfs.rootfs_problem", return_value=None),
        mock.patch("peers.places.uml.uml_problem", return_value=None),
    ):
        found = members(["strongswan@bookworm", "strongswan@forky:netns", "libreswan@trixie", "libreswan@trixie"])
    assert [one.label for one in found] == [
        *("strongswan@bookworm", "strongswan@forky"),
        *("libreswan@trixie", "libreswan@trixie#2"),
    ]
    assert [one.spec for one in found] == [
        *("strongswan@bookworm:uml", "strongswan@forky:netns"),
        *("libreswan@trixie:uml", "libreswan@trixie:uml"),
    ]
    with pytest.raises(DeviceError, match="no release 'sid' of Debian; known: bookworm, trixie, forky"):
        members(["strongswan@sid", "reference"])


def test_scenarios_are_chosen_by_pattern() -> None:
    assert {one.subject for one in select(SCENARIOS, ["auth-*"])} == {"authentication"}
    assert len({one.id for one in SCENARIOS}) == len(SCENARIOS) >= 45
    with pytest.raises(DeviceError, match="--scenario: no scenario fits 'nothing'"):
        select(SCENARIOS, ["nothing"])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.id)
def test_the_responder_holds_the_mirror(scenario: object) -> None:
    scenario = next(one for one in SCENARIOS if one is scenario)
    pixit = replace(PIXIT, algorithms=ALGORITHMS)
    ours, theirs = scenario.connections(pixit, pixit.swapped())
    assert (ours.local_address, ours.remote_address) == (theirs.remote_address, theirs.local_address)
    assert ours.local == theirs.remote
    assert ours.remote == theirs.local
    if scenario.id != "child-narrowing":
        assert [one.mirrored() for one in ours.children] == list(theirs.children)
    assert any(":" in str(one) for one in (ours.local_address,)) == scenario.ipv6


# --- comparing lists --------------------------------------------------------------------------------------------------


def child(spi_in: bytes = b"in..", spi_out: bytes = b"out.", **changes: object) -> ChildStatus:
    made = ChildStatus("net", spi_in, spi_out, ("10.2.0.0/24",), ("10.1.0.0/24",), bytes_in=0, bytes_out=0)
    return replace(made, **changes)  # type: ignore[arg-type]


def sa(*children: ChildStatus, spi: bytes = b"initiato", state: SaState = SaState.ESTABLISHED) -> SaStatus:
    return SaStatus(spi, b"responde", state, children)


MIRROR = child(b"out.", b"in..", local_ts=("10.1.0.0/24",), remote_ts=("10.2.0.0/24",))


def test_what_agrees_agrees() -> None:
    assert state.disagreement([sa(child())], [sa(MIRROR)]) == ""
    going = sa(spi=b"old.....", state=SaState.DELETING)
    assert state.disagreement([going, sa(child())], [sa(MIRROR)]) == "", "what goes does not count"
    host = child(local_ts=("10.2.0.1/32",)), child(b"out.", b"in..", local_ts=("10.1.0.0/24",), remote_ts=("10.2.0.1",))
    assert state.disagreement([sa(host[0])], [sa(host[1])]) == ""
    in_range = replace(MIRROR, local_ts=("10.1.0.0-10.1.0.255",), remote_ts=("10.2.0.0/24[any]",))
    assert state.disagreement([sa(child())], [sa(in_range)]) == ""
    six = replace(MIRROR, remote_ts=("fd00:2:0:0::/64",))
    assert state.disagreement([sa(child(local_ts=("fd00:2::/64",)))], [sa(six)]) == ""


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ([], "IKE SAs differ: the initiator has 696e69746961746f_i"),
        ([sa()], "Child SAs differ: the initiator has 696e2e2e_in 6f75742e_out, the responder none"),
        ([sa(replace(MIRROR, mode=Mode.TRANSPORT))], "modes of Child SA 696e2e2e differ: tunnel for the initiator"),
        ([sa(replace(MIRROR, remote_ts=("10.2.0.0/25",)))], "selectors of Child SA 696e2e2e differ: 10.2.0.0/24 for"),
    ],
)
def test_what_differs_is_said(theirs: list[SaStatus], words: str) -> None:
    assert words in state.disagreement([sa(child())], theirs)


def test_a_rekeyed_sa_must_be_new_and_all_others_old() -> None:
    before, new_child, new_ike = [sa(child())], [sa(child(b"new.", b"new!"))], [sa(child(), spi=b"newnewne")]
    assert state.miss(rekey_child(INITIATOR), new_child, before) == ""
    assert state.miss(rekey_child(INITIATOR), before, before) == "the Child SA 'net' is the old one"
    assert state.miss(rekey_child(RESPONDER), [sa(child(b"new.", b"new!"), spi=b"newnewne")], before) == (
        "the IKE SA is another one"
    )
    assert state.miss(rekey_ike(INITIATOR), new_ike, before) == ""
    assert state.miss(rekey_ike(INITIATOR), before, before) == "the IKE SA is the old one"
    assert state.miss(rekey_ike(INITIATOR), [sa(child(b"new.", b"new!"), spi=b"newnewne")], before) == (
        "the Child SA 'net' is another one"
    )
    assert state.miss(initiate(), [], []) == "0 IKE SAs, expected 1"
    assert state.miss(initiate(children=2), before, []) == "1 Child SAs, expected 2"


def test_an_ike_sa_may_go_with_its_last_child_sa() -> None:
    last, one_of_two = delete_child(INITIATOR), delete_child(INITIATOR, left=1)
    assert state.miss(last, [sa()], [sa(child())]) == state.miss(last, [], [sa(child())]) == ""
    assert state.miss(one_of_two, [], [sa(child())]) == "0 IKE SAs, expected 1"


def test_packets_must_be_counted() -> None:
    assert state.uncounted([sa(child())], [sa(child(bytes_in=84, bytes_out=84))]) == ""
    assert state.uncounted([sa(child())], [sa(child(bytes_in=84))]) == "no Child SA counts more octets out than before"
    unknown = child(bytes_in=None, bytes_out=None)
    assert state.uncounted([sa(unknown)], [sa(unknown)]) == "", "a device without counters"


def test_a_live_reference_uses_no_octets_twice() -> None:
    with LiveReference() as one, LiveReference(swapped=True) as other:
        scenario = select(SCENARIOS, ["auth-psk"])[0]
        ours, theirs = scenario.connections(one.pixit, other.pixit)
        spis = []
        for device, connection in ((one, ours), (one, ours), (other, theirs)):
            device.apply(connection)
            device.initiate()
            spis.append(device.list_sas()[0].spi_i)
        assert len(set(spis)) == 3


def test_scenarios_may_be_left_out() -> None:
    every = {one.id for one in select(SCENARIOS, ())}
    assert {one.id for one in select(SCENARIOS, (), ("rekey-ike-*",))} == {
        one for one in every if not one.startswith("rekey-ike-")
    }
    assert not {one.id for one in select(SCENARIOS, ("rekey-*",), ("rekey-ike-*",))} & {"rekey-ike-crossing"}
