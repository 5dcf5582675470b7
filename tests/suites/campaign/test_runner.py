"""Cases on the reference device: states are reached, kept, lost and reached again; what is correct is no problem."""

import os

import pytest

from conformance.fuzz.mutation import Mutation
from conformance.ike.core.connection import Connection
from conformance.net.keylog import IKE_TABLE
from conformance.net.link import NON_ESP_MARKER
from conformance.wire import ExchangeType, decode_header
from peers.contract import Death, DeviceError
from peers.places.process import process_vitals
from peers.reference.device import ReferenceDevice
from peers.reference.variants.limits import FewHalfOpen
from peers.registry import open_device
from suites.campaign.answers import SILENCE
from suites.campaign.case import Case, Outcome, Step
from suites.campaign.execute import UNSENT, genuine
from suites.campaign.kinds import KINDS
from suites.campaign.runner import Runner
from suites.campaign.running import DeviceRunner
from suites.campaign.states import STATES
from suites.invariants.asked import Asked
from suites.invariants.watch import authentic
from tests.suites.test_by_hand import certified_router

UNKNOWN = "c8:0080000801020304"


def _step(kind: str) -> Step:
    return Step(kind, content="00" * 40 if kind == "octets" else "")


def _runner(device: str = "reference") -> Runner:
    return Runner(open_device(device), seed=1)


def test_states_name_kinds_that_exist() -> None:
    """Each state may send messages that there are, and each message may be sent somewhere."""
    used = {kind for state in STATES.values() for kind in state.kinds}
    assert used - {"octets"} == set(KINDS)


def test_every_state_is_reached_and_no_correct_message_is_a_problem() -> None:
    """Every message of every state that the reference device claims; what is correct is no problem, and is sent."""
    with _runner() as runner:
        reachable = runner.reachable()
        assert {name for name in STATES if name not in reachable} == {
            name for name in STATES if "anyconnect" in name
        }, "the reference device lacks no other"
        for name in reachable:
            for seed, kind in enumerate(STATES[name].kinds):
                outcome = runner.run(Case(name, seed, (_step(kind),)))
                assert not outcome.problems, (name, kind)
                assert outcome.datagrams, (name, kind, outcome.answers)


@pytest.mark.parametrize("variant", ["payloads-anywhere", "notifies-anywhere", "more-ike-padding"])
def test_what_only_should_be_is_no_problem(variant: str) -> None:
    with _runner(f"reference:{variant}") as runner:
        for state, kind in (("init", "init"), ("init-done", "auth"), ("established", "rekey-child")):
            outcome = runner.run(Case(state, 1, (_step(kind),)))
            assert not outcome.problems and outcome.kept is (state != "init-done"), (state, outcome)


def test_fragments_of_a_response_are_for_a_request_that_names_the_device() -> None:
    """The device finds the IKE SA by its own SPI; the other one may lie. With RSA its answer is too large for one."""
    lie = Mutation("octets", "header", ("spi_i", "less", 1))
    with certified_router("rsa") as device, Runner(device, seed=1) as runner:
        outcome = runner.run(Case("init-done", 1, (Step("auth", (lie,)),)))
        came = [one for one in runner.trace.entries if not one.sent and one.datagram is not None]
        assert not outcome.problems and outcome.answers == ("IKE_AUTH(IDr CERT AUTH SA TSi TSr)",)
        assert len(came) > 2, "the answer goes in fragments"


def test_what_a_device_by_hand_was_not_configured_for_is_not_reached() -> None:
    with _runner("reference:configured-by-hand") as runner:
        assert "cookie" not in runner.reachable() and "established" in runner.reachable()
        assert "without cookies = always" in runner.why_not("cookie")


@pytest.mark.parametrize("variant", ["slow", "very-slow", "single-thread"])
def test_a_slow_device_has_not_lost_its_ike_sa(variant: str) -> None:
    again = Step("init-again", (Mutation("datagram", "datagram", ("left", 28, 0)),))
    with _runner(f"reference:{variant}") as runner:
        assert not runner.run(Case("established", 1, (again,))).problems


@pytest.mark.parametrize(
    "mutation",
    [
        Mutation("octets", "Notify", ("spi", "empty", 0)),
        Mutation("number", "TSi", ("selectors.0.start_port", 1)),
        Mutation("number", "TSr", ("selectors.0.end_port", 65534)),
    ],
)
def test_a_device_may_repeat_what_it_was_told(mutation: Mutation) -> None:
    """No SPI for a Child SA, or a part of the ports of any protocol, which a Child SA keeps that was made with them."""
    with _runner() as runner:
        bent = Step("rekey-child", (mutation,))
        assert not runner.run(Case("established", 1, (bent,))).problems
        assert not runner.run(Case("established", 1, (_step("rekey-child"),))).problems


def test_what_a_device_forgets_soon_is_not_left_behind() -> None:
    lie = Mutation("octets", "AUTH", ("data", "flipped", 0))
    with _runner("reference:lingers") as runner:
        outcome = runner.run(Case("init-done", 1, (Step("auth", (lie,)),)))
    assert outcome.answers == ("IKE_AUTH(N(AUTHENTICATION_FAILED))",) and not outcome.problems


def test_room_that_we_have_taken_ourselves_is_no_hang() -> None:
    """Who keeps only a few half-open IKE SAs drops the canary's request; the room is free again after a while."""
    with _runner("reference:few-half-open") as runner:
        outcome = runner.run(Case("init", 1, (_step("init"),) * 7), fresh=True)
        assert outcome.answers[-1] == SILENCE and not outcome.problems


def test_room_that_is_never_free_again_is_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    with _runner("reference:few-half-open") as runner:
        assert not runner.run(Case("init", 1, (_step("init"),)), fresh=True).problems
        monkeypatch.setattr(FewHalfOpen, "limit", 0)
        outcome = runner.run(Case("init", 1, (_step("init"),)), fresh=True)
        assert [one.symptom for one in outcome.problems] == ["no answer to IKE_SA_INIT"]


class Buried(ReferenceDevice):
    """One that dies of an empty Delete, cannot be told to end then, and does not come back at once."""

    silent = False

    def __init__(self, fails: int) -> None:
        super().__init__("fuzz-empty-delete")
        self.fails = fails
        self.died = False

    def start(self) -> None:
        if self.died and self.fails:
            self.fails -= 1
            raise DeviceError("buried", "commands.start ended with 1")
        super().start()
        self.died = False

    def stop(self) -> None:
        super().stop()
        if self.died:
            raise DeviceError("buried", "commands.stop ended with 1: no such process")

    def apply(self, connection: Connection) -> None:
        if self.died:
            raise DeviceError("buried", "commands.apply ended with 1")
        super().apply(connection)

    def alive(self) -> bool:
        return not self.died and super().alive()

    def obituary(self) -> Death | None:
        death = super().obituary()
        self.died = self.died or death is not None
        return None if self.silent else death


DEADLY = Case("established", 1, (Step("liveness", content="2a:0000000803040000"),))


def test_who_does_not_come_back_has_died_all_the_same() -> None:
    """The finding is told before the device is asked for more; what that says is for the next case."""
    with Runner(Buried(2), seed=1) as runner:
        assert [one.oracle for one in runner.run(DEADLY).problems] == ["death"]
        with pytest.raises(DeviceError, match="start ended with 1"):
            runner.run(DEADLY)
        assert [one.oracle for one in runner.run(DEADLY).problems] == ["death"]


def test_who_takes_no_order_any_more_has_died() -> None:
    """Where nobody is told of a death it is seen by the next order; the same before any case is no finding."""
    device = Buried(0)
    device.silent = True
    with Runner(device, seed=1) as runner:
        assert not runner.run(DEADLY).problems
        (problem,) = runner.run(Case("init-done-certificates", 1, (Step("auth"),))).problems
        assert (problem.oracle, problem.words) == ("death", "buried: commands.apply ended with 1")
        runner.suspects.clear()
        device.died = True
        with pytest.raises(DeviceError, match="apply ended with 1"):
            runner.run(DEADLY)
        device.died = False


def test_what_has_never_worked_is_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on which no ordinary handshake works is not fuzzed; once one does it is."""
    with monkeypatch.context() as shut, _runner("reference:few-half-open") as runner:
        shut.setattr(FewHalfOpen, "limit", 0)
        outcome = runner.run(Case("init", 1, (_step("init"),)))
        assert not outcome.problems and outcome.answers[0].startswith(
            "unreachable: an ordinary handshake does not work"
        )
        shut.undo()
        assert runner.run(Case("init", 1, (_step("init"),))).answers[0].startswith("IKE_SA_INIT(")


def test_an_exchange_that_has_failed_for_us_does_not_go_on() -> None:
    """A device refuses a bad EAP response in EAP or with an error; from neither our side goes on, nor does it fail."""
    with _runner() as runner:
        for octets in ("02010004", "0201000900", "02010009036e6f6e65"):
            bad = Step("eap", content=f"30:0000{4 + len(octets) // 2:04x}{octets}")
            outcome = runner.run(Case("eap-mschapv2-1", 1, (bad, _step("eap"), _step("eap"))))
            assert not outcome.problems and outcome.answers[-1] == UNSENT, outcome.answers


def test_a_state_is_kept() -> None:
    """A liveness check leaves the IKE SA as it is, its deletion does not."""
    with _runner() as runner:
        kept = runner.run(Case("established", 1, (_step("liveness"),)))
        first = runner.peer
        assert kept.kept and runner.run(Case("established", 2, (_step("notify"),))).kept
        assert runner.peer is first
        gone = runner.run(Case("established", 3, (_step("delete"),)))
        assert not gone.kept
        runner.run(Case("established", 4, (_step("liveness"),)))
        assert runner.peer is not first


@pytest.mark.parametrize(
    ("mutation", "whole"),
    [
        (Mutation("datagram", "datagram", ("extended", 1, 0)), True),
        (Mutation("ciphertext", "ciphertext", ("icv", 0, 0)), False),
    ],
)
def test_what_stands_behind_a_message_does_not_unprotect_it(mutation: Mutation, whole: bool) -> None:
    """A device may leave it alone and answer: that is no answer to what is not protected."""
    with _runner() as runner:
        runner.run(Case("established", 1, (Step("liveness", (mutation,)),)))
        sent = next(entry for entry in reversed(runner.trace.entries) if entry.bent)
        sa = next(iter(runner.peer.sas.values()))
        assert genuine(sent, sa) is whole
        assert sent.datagram is not None
        raw = sent.datagram.payload.removeprefix(NON_ESP_MARKER)
        assert authentic(Asked(decode_header(raw), raw, sent), sa) is whole


def test_the_last_datagrams_can_be_decrypted() -> None:
    """The keys beside them are of all their conversations, not of the last one only."""
    with DeviceRunner("reference", 1) as runner:
        for state in ("established", "established-certificates", "successor"):
            runner.run(Case(state, 1, (_step("liveness"),)), fresh=True)
        files = runner.evidence()
    table = files[IKE_TABLE].decode().splitlines()
    sent = [datagram for _, _, datagram in runner.runner.history]
    protected = {one.payload[:8].hex() for one in sent if one.payload[18] == ExchangeType.INFORMATIONAL}
    assert len(protected) >= 4 and len(table) == len(set(table))
    assert protected <= {line.partition(",")[0] for line in table}


def _again(case: Case) -> tuple[Outcome, list[bytes]]:
    with _runner() as runner:
        outcome = runner.run(case, fresh=True)
        return outcome, [
            entry.datagram.payload for entry in runner.trace.entries if entry.datagram is not None and entry.sent
        ]


def test_a_replay_is_the_same_to_the_last_bit() -> None:
    """What we send comes from the seed of the case alone."""
    case = Case("established", 7, (_step("create-child"), _step("rekey"), _step("delete")))
    assert _again(case) == _again(case)
    assert _again(case)[1] != _again(Case("established", 8, case.steps))[1]


def test_content_replaces_the_payloads() -> None:
    """Any chain of payloads goes out in the place of the right one, broken ones, too."""
    with _runner() as runner:
        unknown = runner.run(Case("established", 1, (Step("liveness", content=UNKNOWN),)))
        assert unknown.answers == ("INFORMATIONAL(N(UNSUPPORTED_CRITICAL_PAYLOAD))",)
        broken = runner.run(Case("established", 2, (Step("liveness", content="29:0000ffff00"),)))
        assert broken.answers == ("INFORMATIONAL(N(INVALID_SYNTAX))",)
        clear = runner.run(Case("init", 3, (Step("init", content="21:000000ff"),)))
        assert clear.answers == ("IKE_SA_INIT(N(INVALID_SYNTAX))",)


def test_what_cannot_be_sent_is_no_problem() -> None:
    """A step without its occasion says so."""
    with _runner() as runner:
        assert runner.run(Case("init", 1, (_step("eap"),))).answers == ("unsent",)
        with pytest.raises(ValueError, match="no state"):
            runner.run(Case("nowhere", 1, ()))


def test_a_process_tells_what_it_uses() -> None:
    """Our own process uses memory, descriptors, a thread and time; one that is not there says nothing."""
    vitals = process_vitals(os.getpid())
    assert vitals is not None
    assert vitals.memory > 1 << 20 and vitals.descriptors > 2 and vitals.threads >= 1 and vitals.cpu > 0
    assert process_vitals(2**22 + 1) is None
