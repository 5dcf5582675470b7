"""The course of a probe: is somebody there, how is it asked, what does it take, what does it say of itself?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from conformance.crypto import Random
from conformance.ike.core.nat import behind_nat
from conformance.ike.core.signatures import hashes
from conformance.net.link import Address, LinkError
from conformance.probe.algorithms import (
    CANDIDATES,
    ENCR,
    EVERYTHING,
    FURTHER,
    KE,
    KINDS,
    OLD,
    Asked,
    Explorer,
    Tried,
    combinations,
    marginal,
    preference,
    sorted_like,
    union,
    works,
)
from conformance.probe.exchanges import Exchanges
from conformance.probe.findings import NO_NAT, Cookies, Findings, Tally
from conformance.probe.ikev1 import ask_ikev1
from conformance.probe.meter import MeteredLink, ProbeError
from conformance.probe.question import Answer, Asker, Box, Question, Said
from conformance.probe.vendors import vendor
from conformance.wire import (
    HashAlgorithm,
    KeMethod,
    Message,
    Notify,
    NotifyType,
    Transform,
    TransformType,
    VendorID,
)
from conformance.wire.notify_data import notification_fields

SLOWEST = 0.1
"""Seconds between two datagrams to a device that drops what comes faster."""
DROPS = "it drops some of what comes: it may take more than this, and what it refuses is not known"
REAL_EXCHANGES = 14
"""At most so many real exchanges find out what a device likes most."""


@dataclass(slots=True)
class Plan:
    """Where the device is, how fast and how much it is asked. Times in seconds; ``say`` is told what goes on.

    ``nat_local`` and ``nat_remote`` are the ports for NAT traversal. ``quick`` leaves out the combinations.
    """

    link: MeteredLink
    local: Address
    remote: Address
    random: Random
    timeout: float = 2.0
    nat_local: Address | None = None
    nat_remote: Address | None = None
    quick: bool = False
    ikev1: bool = True
    say: Callable[[str], None] = field(default=lambda text: None)


class Survey:
    """One probe. `run` never raises for anything that the device does."""

    def __init__(self, plan: Plan) -> None:
        """Nothing is sent yet."""
        self.plan = plan
        self.asker = Asker(plan.link, plan.local, plan.remote, plan.random, plan.timeout)
        self.exchanges = Exchanges(plan.link, plan.local, plan.remote, plan.random, plan.timeout)
        self.found = Findings()
        self.divided = False
        self.sure: Callable[[], bool] = lambda: True

    def run(self) -> Findings:
        """All that can be found out without credentials. Raises LinkError where nothing can be sent at all."""
        try:
            self._course()
        except ProbeError as stopped:
            self.found.notes.append(f"stopped: {stopped}; what was not asked by then is not known")
        if self.found.boxes and not self.divided:
            self.found.notes.append("not every combination has been asked about: it may refuse some of these suites")
        self.settle()
        return self.found

    def settle(self) -> None:
        """What it has cost so far."""
        link, asker = self.plan.link, self.asker
        seconds = round(link.now() - link.started, 3)
        self.found.tally = Tally(link.sent, link.octets, link.taken, seconds, asker.strays, self.exchanges.opened)

    def _course(self) -> None:
        explorer = self._contact()
        if self.plan.ikev1:
            self.plan.say("IKEv1")
            self._beside()
        if explorer is None:
            return
        self.plan.say("algorithms")
        self._algorithms(explorer)
        if not self.found.boxes:
            return
        self.plan.say("features")
        self._features()
        if isinstance(explorer, Asked):
            self._further()
        self._nat_port()
        if not self.plan.quick:
            self.plan.say("preference")
            self._preference()

    # --- is somebody there ----------------------------------------------------------------------------------------

    def _contact(self) -> Explorer | None:
        """The way of asking that works with the device; None: it has not answered, or takes nothing that we know."""
        self.plan.say("is somebody there")
        first = self._ask([Question(_without(KeMethod.MODP_2048)), Question(_without(KeMethod.ECP_256))])
        self._cookies(first, always=True)
        control = self._ask([Question(EVERYTHING, control=True)])[0] if self.asker.heard else Answer(Said.SILENT)
        if works(first, control):
            self.found.answers = "IKEv2"
            self.found.way = "questions that leave no state behind (the group in INVALID_KE_PAYLOAD)"
            self.found.silent_refusal = control.said is Said.SILENT
            self.asker.window = 16 if self.found.silent_refusal else 4
            taken = Question(_without(KeMethod.MODP_2048 if first[0].said is Said.TAKEN else KeMethod.ECP_256))
            self.sure = lambda: self._keeps_up(taken)
            while not self._keeps_up(taken) and self.plan.link.interval < SLOWEST:
                self.plan.link.interval *= 2
            self.asker.unanswered = 0
            return Asked(self.asker)
        for boxes in (EVERYTHING, OLD):
            choice = self.exchanges.choose(boxes)
            if choice is not None:
                self.found.answers = "IKEv2"
                self.found.way = "real exchanges, whose half-open IKE SAs were ended (at least asked to be)"
                self.sure = partial(self._still_chooses, boxes)
                return Tried(self.exchanges.choose)
        if self.asker.heard or self.exchanges.peer.inbox:
            said = next((one.error for one in (*first, control) if one.error), "") or "answers that say nothing"
            self.found.answers = "IKEv2"
            self.found.notes.append(
                f"it takes none of the algorithms that we know, or has no configuration for our address: {said}"
            )
        return None

    def _keeps_up(self, taken: Question) -> bool:
        """Whether it answers as many questions as are open at a time, each of which it takes, without dropping any.

        Who drops what comes too fast seems to refuse it.
        """
        answers = self._ask([taken] * self.asker.window)
        seconds = [one.seconds for one in answers if one.said is Said.TAKEN]
        return len(seconds) == len(answers) and max(seconds) - min(seconds) < self.asker.patience / 2

    def _still_chooses(self, boxes: Sequence[Box]) -> bool:
        """Whether it answers what it has answered at first: it may have no room for half-open IKE SAs any more."""
        return self.exchanges.choose(boxes) is not None

    def _ask(self, questions: Sequence[Question]) -> list[Answer]:
        answers = self.asker.ask(questions)
        self._cookies(answers)
        return answers

    def _cookies(self, answers: Sequence[Answer], *, always: bool = False) -> None:
        if any(one.cookies for one in answers):
            first = always and self.found.cookies is not Cookies.ALWAYS
            self.found.cookies = Cookies.ALWAYS if first else self.found.cookies
            if self.found.cookies is Cookies.NEVER:
                self.found.cookies = Cookies.SOMETIMES

    def _beside(self) -> None:
        plan = self.plan
        timeout = min(plan.timeout, 2.0) if self.found.answers else plan.timeout
        self.found.ikev1 = ask_ikev1(plan.link, plan.local, plan.remote, plan.random, timeout)

    # --- what it takes --------------------------------------------------------------------------------------------

    def _algorithms(self, explorer: Explorer) -> None:
        found = self.found
        found.taken = marginal(explorer, EVERYTHING if self._large(explorer) else OLD)
        found.refused = {
            kind: tuple(one for one in CANDIDATES[kind] if one not in found.taken[kind])
            for kind in KINDS
            if found.taken[kind]
        }
        if not self.sure() or (self.asker.unanswered and not found.silent_refusal):
            found.refused = {}
            found.notes.append(DROPS)
        found.boxes = union(found.taken)
        if not self.plan.quick and found.boxes:
            self.plan.say("combinations")
            found.boxes = combinations(explorer, found.taken)
            self.divided = True

    def _large(self, explorer: Explorer) -> bool:
        """Whether the device takes an offer of everything, or only small ones."""
        return isinstance(explorer, Asked) or self.exchanges.choose(EVERYTHING) is not None

    def _preference(self) -> None:
        """What it likes most; boxes and their transforms are put in that order."""
        ranked = preference(self.exchanges.choose, union(self.found.taken), REAL_EXCHANGES)
        self.found.own_order = ranked.own
        self.found.taken = {kind: sorted_like(self.found.taken[kind], ranked.order.get(kind, ())) for kind in KINDS}
        order = self.found.taken
        boxes = [
            replace(
                box,
                encr=sorted_like(box.encr, order[ENCR]),
                integ=sorted_like(box.integ, order[TransformType.INTEG]),
                prf=sorted_like(box.prf, order[TransformType.PRF]),
                ke=sorted_like(box.ke, order[KE]),
            )
            for box in self.found.boxes
        ]
        position = {one: number for kind in KINDS for number, one in enumerate(order[kind])}
        boxes.sort(key=lambda box: tuple(position.get(one[0], 0) for one in (box.encr, box.ke, box.prf)))
        self.found.boxes = boxes

    # --- what it says of itself -----------------------------------------------------------------------------------

    def _features(self) -> None:
        """One real exchange in which we announce what we want to hear of."""
        announced = (
            Notify(NotifyType.REDIRECT_SUPPORTED),
            Notify(NotifyType.USE_PPK),
            Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED),
            Notify(
                NotifyType.SIGNATURE_HASH_ALGORITHMS, b"".join(int(one).to_bytes(2, "big") for one in HashAlgorithm)
            ),
        )
        answer = self.exchanges.open(self.found.boxes, *announced)
        features = self.found.features
        redirect = answer.notify(NotifyType.REDIRECT) if answer is not None else None
        if redirect is not None:
            features.redirect = notification_fields(NotifyType.REDIRECT, redirect.data).get("gateway", "somewhere")
            answer = self.exchanges.open(self.found.boxes, *announced[1:])
        if answer is None or not answer.payloads:
            self.found.notes.append(f"an ordinary IKE_SA_INIT exchange does not work: {self.exchanges.problem}")
            return
        self._announced(answer)

    def _announced(self, answer: Message) -> None:
        features = self.found.features

        def says(kind: NotifyType) -> bool:
            return answer.notify(kind) is not None

        here, there = self.plan.local, self.plan.remote
        nat = behind_nat(answer, there, here)
        features.nat_detection = nat is not None
        if nat is not None:
            features.nat = _NATS[nat]
        features.fragmentation = says(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)
        features.childless = says(NotifyType.CHILDLESS_IKEV2_SUPPORTED)
        features.ppk = says(NotifyType.USE_PPK)
        features.intermediate = says(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
        features.hashes = tuple(map(str, hashes(answer)))
        features.notifies = tuple(dict.fromkeys(one.type.name for one in answer.notifies()))
        features.vendors = tuple(vendor(one.data) for one in answer.all(VendorID))

    def _further(self) -> None:
        """Additional key exchanges (RFC 9370), one by one."""
        boxes = self.found.boxes[:1]
        further = [_additional(one) for one in FURTHER]
        if self._ask([Question(tuple(replace(box, further=tuple(further)) for box in boxes))])[0].said is Said.TAKEN:
            questions = [Question(tuple(replace(box, further=(one,)) for box in boxes)) for one in further]
            answers = self._ask(questions)
            taken = [one for one, answer in zip(FURTHER, answers, strict=True) if answer.said is Said.TAKEN]
            self.found.features.further_ke = tuple(taken)

    def _nat_port(self) -> None:
        """Whether it answers on the port for NAT traversal, too."""
        plan = self.plan
        if plan.nat_local is None or plan.nat_remote is None:
            return
        asker = Asker(plan.link, plan.nat_local, plan.nat_remote, plan.random, plan.timeout, encapsulated=True)
        try:
            asker.ask([Question(tuple(self.found.boxes))])
        except LinkError as error:
            self.found.notes.append(f"the port for NAT traversal could not be asked: {error}")
            return
        self.found.features.nat_port = asker.heard


_NATS = {
    (False, False): NO_NAT,
    (True, False): "it is behind a NAT",
    (False, True): "we are behind a NAT",
    (True, True): "both are behind a NAT",
}
"""By who is behind one: the device, and we."""


def _without(group: KeMethod) -> tuple[Box, ...]:
    """Everything but one group, which the KE payload then is of."""
    return tuple(box.having(KE, [one for one in box.ke if one.id != group]) for box in EVERYTHING)


def _additional(one: Transform) -> Transform:
    return replace(one, type=TransformType.ADDKE1)
