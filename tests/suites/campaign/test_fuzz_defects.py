"""The defects that campaigns have to find: each is seen by its oracle once somebody sends what it cannot bear."""

import pytest

from conformance.fuzz.mutation import Mutation
from peers.reference.defects import all_defects
from peers.reference.defects.fuzz import all_fuzz_defects
from peers.registry import open_device
from suites.campaign.case import Case, Step
from suites.campaign.runner import Runner


def _bent(kind: str, *mutation: object) -> Step:
    return Step(kind, (Mutation.from_json(list(mutation)),))


SEEN_BY = {
    "fuzz-notify-buffer": ("established", Step("liveness", content="29:0000004c00009c41" + "00" * 68)),
    "fuzz-nonce-buffer": ("established", _bent("create-child", "bits", "Nonce", "repeated", 0, 1)),
    "fuzz-empty-delete": ("established", Step("liveness", content="2a:0000000803040000")),
    "fuzz-empty-selectors": ("established", _bent("rekey-child", "items", "TSi", "selectors", "left out", 0, 0)),
    "fuzz-certificate-length": ("init-done", Step("auth", content="25:000000079366ac")),
    "fuzz-eap-length": ("eap-md5-1", Step("eap", content="30:0000000802010004")),
    "fuzz-configuration-value": ("established", Step("liveness", content="2f:0000000f0100000000070003414243")),
    "fuzz-cookie-buffer": ("asked-init", Step("ask-cookie", content="29:0000002800004006" + "07" * 32)),
    "fuzz-payload-table": ("established", Step("liveness", content="c8:0000000801020304")),
    "fuzz-exchange-table": ("established", _bent("liveness", "registry", "header", "exchange", 240)),
    "fuzz-fragment-index": ("established", _bent("liveness", "fragments", "plaintext", "number", 0, 0, 1025)),
    "fuzz-signed-message-id": ("established", _bent("liveness", "number", "header", "message_id", 0xFFFFFFFF)),
    "fuzz-keeps-strays": ("init", Step("stray")),
    "fuzz-keeps-dropped": ("established", Step("clear-liveness")),
    "fuzz-endless-reassembly": ("established", _bent("large", "number", "header", "message_id", 0)),
    "fuzz-kept-after-failure": ("init-done", Step("auth", content="23:0000000c0200000061626364")),
    "fuzz-never-unlocked": ("init", Step("init", content="c8:0080000801020304")),
    "fuzz-half-spi": ("established", _bent("liveness", "spi", "header", "spi_r", "flipped", 24)),
    "fuzz-nonce-again": ("established", Step("create-child")),
    "fuzz-answers-responses": ("established", Step("response")),
    "fuzz-stale-memory": ("established", Step("liveness", content="c8:0080000801020304")),
    "fuzz-answers-in-the-clear": ("established", Step("clear-liveness")),
    "fuzz-dies-in-the-clear": ("established", Step("clear-error")),
    "fuzz-short-proof": ("init-done", _bent("auth", "octets", "AUTH", "data", "empty", 0)),
    "fuzz-unknown-method": ("init-done", _bent("auth", "registry", "AUTH", "method", 201)),
}


def test_there_are_25() -> None:
    """None is missing here, and none is a defect that purposes have to see."""
    assert set(SEEN_BY) == set(all_fuzz_defects())
    assert len(SEEN_BY) == 25
    assert not set(SEEN_BY) & set(all_defects())


@pytest.mark.parametrize("name", SEEN_BY)
def test_its_oracle_sees_it(name: str) -> None:
    """The message shows it on the device with the defect, as often as it is tried, and nothing on the correct one."""
    state, step = SEEN_BY[name]
    case = Case(state, 1, (step,))
    with Runner(open_device(f"reference:{name}"), seed=1) as runner:
        first, second = (runner.run(case, fresh=True) for _ in range(2))
    assert [one.oracle for one in first.problems] == [all_fuzz_defects()[name].oracle], first
    assert [one.symptom for one in first.problems] == [one.symptom for one in second.problems]
    if first.problems[0].oracle == "death":
        assert first.problems[0].backtrace
    with Runner(open_device("reference"), seed=1) as correct:
        assert not correct.run(case, fresh=True).problems
