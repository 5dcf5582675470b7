"""What is drawn: everything once as it should be, then what pays, and nothing is given up."""

from collections import Counter

from suites.campaign.case import Case, Outcome, Step
from suites.campaign.corpus import MOST, Corpus, features
from suites.campaign.schedule import FLOOR, Arms, Schedule, Sources, payload_name
from tests.campaign.fake import MESSAGE, SOURCES, STATES


def schedule() -> Schedule:
    made = Schedule(1, STATES, SOURCES, Corpus(), groups={"start": "a", "up": "b"})
    made.samples = {(state, kind): MESSAGE for state, kinds in STATES.items() for kind in kinds if kind != "octets"}
    return made


def test_every_message_is_sent_once_as_it_should_be() -> None:
    made = schedule()
    drawn = [made.draw(number).case for number in range(60)]
    plain = {(case.state, case.steps[0].kind) for case in drawn if case.steps == (Step(case.steps[0].kind),)}
    assert {("start", "init"), ("up", "liveness"), ("up", "rekey")} <= plain


def test_a_batch_keeps_to_one_connection() -> None:
    made = schedule()
    for number in range(0, 300, 10):
        assert len({one.case.state for one in made.draw_all(number, 10)}) == 1


def test_the_same_number_is_the_same_case() -> None:
    one, other = schedule(), schedule()
    assert [one.draw(number) for number in range(50)] == [other.draw(number) for number in range(50)]


def test_what_pays_is_drawn_more_often_and_nothing_is_given_up() -> None:
    made = schedule()
    made.skip_plain(made.samples)
    for _ in range(300):
        made.arms.credit(("state", "start"), 1, FLOOR)
        made.arms.credit(("state", "up"), 1, 1 + FLOOR)
    states = Counter(made.draw(number).case.state for number in range(1000))
    assert states["up"] > 5 * states["start"] > 0


def test_an_arm_forgets() -> None:
    arms = Arms()
    for _ in range(300):
        arms.credit(("state", "up"), 1, 1 + FLOOR)
    high = arms.weight(("state", "up"))
    for _ in range(1000):
        arms.credit(("state", "up"), 1, FLOOR)
    assert high > 1 and arms.weight(("state", "up")) < 0.12


def test_only_these_payloads() -> None:
    made = Schedule(1, STATES, SOURCES, Corpus(), payloads=("Nonce",))
    made.samples = schedule().samples
    targets = {m.target for number in range(300) for s in made.draw(number).case.steps for m in s.mutations}
    assert targets == {"Nonce"}


def test_a_state_that_is_barred_is_tried_now_and_then() -> None:
    made = schedule()
    made.skip_plain(made.samples)
    made.barred = {"up"}
    states = Counter(made.draw(number).case.state for number in range(1000))
    assert 0 < states["up"] < 50


def test_new_behaviour_and_the_size_of_the_corpus() -> None:
    corpus = Corpus()
    case = Case("up", 1, (Step("rekey"),))
    found = features(case, Outcome(("OK",), ("a line",)))
    assert set(corpus.new(found)) == {("up", "answer", "OK"), ("up", "answers", "rekey", "OK"), ("up", "log", "a line")}
    assert corpus.new(found) == ()
    for seed in range(2 * MOST):
        corpus.keep(Case("up", seed, ()), 1)
    assert len(corpus) == MOST


def test_names_of_payloads() -> None:
    assert [payload_name(one) for one in ("29:00000008", "21:", "ff:00", "nothing")] == [
        "Notify",
        "SA",
        "unknown",
        "unknown",
    ]


def test_a_mutator_that_fails_ends_nothing() -> None:
    made = schedule()
    made.skip_plain(made.samples)
    broken = lambda random, taste: 1 / 0  # noqa: E731
    made.sources = Sources(SOURCES.mutators, broken)  # type: ignore[arg-type]
    drawn = made.draw_all(0, 100)
    assert 50 < len(drawn) < 100
    assert made.failures == ["no case was drawn: ZeroDivisionError: division by zero"] * (100 - len(drawn))
