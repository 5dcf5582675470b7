"""Invariants: beside every purpose, each with a requirement, known by deviations, and switched off by one word."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import suites.invariants
from conformance.crypto.suite import proposal
from conformance.script.trace import Entry
from conformance.wire import (
    FLAG_INITIATOR,
    FLAG_RESPONSE,
    KE,
    SA,
    ExchangeType,
    Header,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    ProtocolID,
    Transform,
    TSi,
)
from peers.deviations import about_invariant, find, load_deviations
from peers.reference.defects import all_defects
from peers.reference.device import ReferenceDevice
from suites.conduct import all_purposes, tried
from suites.gate import Gate
from suites.invariants import INVARIANTS, Broken, Watch, proposals, worst
from suites.invariants.asked import Asked, Ours
from suites.invariants.broken import Findings
from suites.invariants.header import response
from suites.invariants.numbering import Numberings
from suites.judge import Verdict
from suites.purpose import purpose
from suites.requirements import load
from tests.script.test_peer import conversation

PURPOSES = all_purposes()
STATED = re.compile(r'(?:must\(\s*|Reason\.[A-Z_]+, )"([a-z-]+)"')
CITED = re.compile(r'"(RFC\d+-[0-9A-Z.]+-\d+)"')


def verdict_on(words: str, identifier: str, gate: Gate | None = None, *without: str) -> Verdict:
    written = PURPOSES[identifier]
    written = replace(written, purpose=replace(written.purpose, without=frozenset(without)))
    with ReferenceDevice(words) as device:
        return tried(written, device, gate=gate).verdict


def test_each_names_requirements_that_can_be_broken() -> None:
    for name, one in INVARIANTS.items():
        assert all(load().get(cited).level.rank < 2 for cited in one.requirements), name
        assert one.text.endswith("."), name


def test_what_the_code_says_is_broken_stands_in_the_list() -> None:
    names, cited = set[str](), set[str]()
    for path in Path(suites.invariants.__file__).parent.glob("*.py"):
        if path.name != "names.py":
            names |= set(STATED.findall(path.read_text(encoding="utf-8")))
            cited |= set(CITED.findall(path.read_text(encoding="utf-8")))
    assert names == set(INVARIANTS)
    assert cited == {each for one in INVARIANTS.values() for each in one.requirements}


def test_a_purpose_about_something_else_fails_with_the_requirement() -> None:
    found = verdict_on("sets-version-flag", "info-unknown-critical")
    assert (found.verdict, found.requirement, found.invariant) == ("fail", "RFC7296-3.1-20", "flags"), found
    assert found.expected == "the Version flag cleared"


def test_a_purpose_switches_off_what_it_breaks_itself() -> None:
    assert verdict_on("sets-version-flag", "info-unknown-critical", None, "flags").verdict == "pass"


def test_there_is_no_such_invariant() -> None:
    with pytest.raises(ValueError, match="no invariant 'flag'; there are attributes, choice, "):
        purpose("x", "RFC7296-3.1-20", role="responder", without=("flag",))


def test_a_known_one_decides_nothing() -> None:
    gate = Gate(excuse=lambda purpose, broken: "it always does" if broken.requirement == "RFC7296-3.1-20" else "")
    with ReferenceDevice("sets-version-flag") as device:
        done = tried(PURPOSES["info-unknown-critical"], device, gate=gate)
    assert done.verdict.verdict == "pass"
    assert done.dut is not None
    notes = [one.text for one in done.dut.peer.trace.entries if "which is known: it always does" in one.text]
    assert notes and notes[0].startswith("frame ") and "(flags, RFC7296-3.1-20)" in notes[0]


def test_a_deviation_knows_an_invariant(tmp_path: Path) -> None:
    path = tmp_path / "deviations.toml"
    path.write_text(
        '[[deviation]]\ninvariant = "flags"\nrequirement = "RFC7296-3.1-20"\nversions = ["<=2.0"]\n'
        'reason = "sets it"\nreference = "RFC 7296, 3.1"\n'
    )
    known = load_deviations(path, PURPOSES)
    today = date(2026, 1, 1)
    spoken = about_invariant(known, "flags", "info-unknown-critical", "1.9", today)
    assert find(spoken, "RFC7296-3.1-20", "flags 0x30")
    assert not find(spoken, "RFC7296-2.5-7", "flags 0x30")
    assert not about_invariant(known, "role", "info-unknown-critical", "1.9", today)
    assert not about_invariant(known, "flags", "info-unknown-critical", "2.1", today)


# --- each has a defect ------------------------------------------------------------------------------------------------

REFUSED = {
    "unprotected": "purposes that send what is not protected look at nothing else",
    "nonce-size": "our own side refuses such a nonce",
    "choice": "our own side refuses such a choice",
}
"""Invariants whose breach no purpose lives through; tests/suites/campaign has a defect for each, or the purposes."""

PURPOSEFUL = ("eap-initiator-packets", "auth-ts-icmp", "data-set-up")
"""Purposes that look at what is sent themselves."""

SEEN = {
    "reserved": ("sends-reserved", "info-delete-child"),
    "padding": ("pads-a-whole-block", "format-iv-unpredictable"),
    "selectors": ("ports-zero-zero", "info-delete-child"),
    **{
        one.name: (one.name, one.breaks[0])
        for one in all_defects().values()
        if one.decision.__module__.rpartition(".")[2].startswith("sent_") and one.breaks[0] not in PURPOSEFUL
    },
}
"""Defects that nothing but an invariant sees, each with a purpose."""


def test_nothing_else_sees_these_defects() -> None:
    """They break one invariant each, and the purposes pass on them where it is switched off; no invariant has none."""
    seen = set()
    for defect, identifier in SEEN.values():
        found = verdict_on(defect, identifier)
        assert found.invariant in INVARIANTS, (defect, found)
        assert found.requirement in INVARIANTS[found.invariant].requirements
        seen.add(found.invariant)
        assert verdict_on(defect, identifier, None, found.invariant).verdict == "pass", defect
    assert seen == set(INVARIANTS) - set(REFUSED)


def _asks(exchange: ExchangeType, spi: bytes) -> Asked:
    return Asked(Header(spi, spi, 46, 0x20, exchange, FLAG_INITIATOR, 4, 57), b"", Entry(0.0, "message", sent=True))


@pytest.mark.parametrize(
    ("spi", "requirement", "got"),
    [
        (b"eightone", "RFC7296-2.2-6", "IKE_AUTH, not INFORMATIONAL"),
        (b"eighttwo", None, None),
        (b"eightthr", "RFC7296-2.21.4-3", f"SPIs {b'eightthr'.hex()} and {b'eightthr'.hex()}"),
    ],
)
def test_a_response_is_measured_by_the_request_of_its_own_ike_sa(
    spi: bytes, requirement: str | None, got: str | None
) -> None:
    asked = [_asks(ExchangeType.INFORMATIONAL, b"eightone"), _asks(ExchangeType.IKE_AUTH, b"eighttwo")]
    found = Findings()
    response(Message(spi, spi, ExchangeType.IKE_AUTH, FLAG_RESPONSE, 4), Ours(requests={4: asked}), None, found)
    broken = found.broken[0] if found.broken else None
    assert (broken and broken.requirement, broken and broken.got) == (requirement, got)


# --- what the RFC leaves open -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "numbers", "told"),
    [
        (1, (0, 1, 1, 2), ()),
        (1, (0, 2, 3, 1), ("2 where 1", "1 where 4")),
        (5, (0, 2, 1, 5, 3, 4, 6), ()),
        (5, (0, 5, 6, 7), ("6 where 1",)),
        (2, (1, 0, 2, 4, 5), ("5 where 3",)),
    ],
)
def test_requests_pass_one_another_within_the_window_that_we_have_announced(
    window: int, numbers: tuple[int, ...], told: tuple[str, ...]
) -> None:
    found, seen = Findings(), Numberings()
    seen.widened(b"ours", window)
    seen.widened(b"ours", 1)  # it is never made smaller
    for one in numbers:
        seen.came(Message(b"i" * 8, b"r" * 8, ExchangeType.INFORMATIONAL, 0, one), b"ours", bytes(28), found)
    assert [one.got for one in found.broken] == [f"INFORMATIONAL request {one} is due" for one in told]


def test_a_window_is_that_of_the_ike_sa_on_which_it_was_announced() -> None:
    peer, _ = conversation()
    watch, sa, other = Watch(peer), peer.establish(), peer.establish(initial_contact=False)
    sa.informational(Notify(NotifyType.SET_WINDOW_SIZE, (5).to_bytes(4, "big")))
    assert not list(watch.look(peer.trace.entries))
    found = Findings()
    for one in (sa, other):
        for number in (1, 0):
            message = Message(one.spi_i, one.spi_r, ExchangeType.INFORMATIONAL, 0, number)
            watch._numberings.came(message, one.own_spi, bytes(28), found)
    told = [one.got for one in found.broken]
    assert told == ["INFORMATIONAL request 1 where 0 is due", "INFORMATIONAL request 0 where 2 is due"]


@pytest.mark.parametrize(
    ("exchange", "response", "seen"),
    [
        (ExchangeType.IKE_AUTH, False, False),
        (ExchangeType.IKE_AUTH, True, False),
        (ExchangeType.CREATE_CHILD_SA, False, True),
        (ExchangeType.CREATE_CHILD_SA, True, False),
    ],
)
def test_none_alone_is_no_offer_but_a_choice(exchange: ExchangeType, *, response: bool, seen: bool) -> None:
    usual = proposal("aes128-sha256", 1, ProtocolID.ESP, b"four")
    for groups, wrong in (((KeMethod.NONE,), seen), ((KeMethod.NONE, KeMethod.ECP_256), False), ((), False)):
        found, flags = Findings(), FLAG_RESPONSE if response else 0
        offered = replace(usual, transforms=(*usual.transforms, *map(Transform.of, groups)))
        proposals.sent(Message(b"i" * 8, b"r" * 8, exchange, flags, 4, (SA((offered,)), TSi(()))), found)
        assert [one.requirement for one in found.broken] == ["RFC7296-3.3.2-5"] * wrong


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_SA_INIT, ExchangeType.CREATE_CHILD_SA])
def test_a_rekey_may_show_a_value_of_the_group_in_use(exchange: ExchangeType) -> None:
    offered = proposal("aes128-sha256-modp2048-ecp256", 1, ProtocolID.IKE)
    found = Findings()
    asked = Message(b"i" * 8, bytes(8), exchange, 0, 0, (SA((offered,)), KE(KeMethod.ECP_256, bytes(64))))
    proposals.group(asked, False, found)
    assert [one.name for one in found.broken] == ["ke-first"] * (exchange == ExchangeType.IKE_SA_INIT)


@pytest.mark.parametrize("words", ["+pads-to-four", "+chooses-no-group", "+more-ike-padding"])
def test_none_of_these_accuses_a_device_with_an_aead(words: str) -> None:
    assert verdict_on(words, "child-group-none").verdict == "pass"


def test_the_worst_one_is_told() -> None:
    advice, must = Broken("response", "RFC7296-2.5-16", "a", "b"), Broken("flags", "RFC7296-3.1-20", "c", "d")
    bypass = Broken("unprotected", "RFC7296-2.4-7", "e", "f", bypass=True)
    assert worst([advice, must]) is must
    assert worst([advice, must, bypass]) is bypass
    assert worst([]) is None
