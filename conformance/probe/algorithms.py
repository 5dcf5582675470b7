"""Which algorithms an unknown device takes for IKE SAs, in which combinations, and what it likes most.

`Asked` finds it out with questions that leave nothing behind, `Tried` with real exchanges where a device does not
answer such questions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from conformance.crypto.ke import ke_methods
from conformance.crypto.keywords import transform
from conformance.probe.question import Answer, Asker, Box, Question, Said
from conformance.wire import KeMethod, Proposal, Transform, TransformType

ENCR, INTEG, PRF, KE = TransformType.ENCR, TransformType.INTEG, TransformType.PRF, TransformType.KE
KINDS = (ENCR, INTEG, PRF, KE)


def _words(text: str) -> tuple[Transform, ...]:
    return tuple(transform(word) for word in text.split())


AEAD = _words(
    "aes256gcm16 aes128gcm16 aes192gcm16 chacha20poly1305 aes256gcm12 aes128gcm12 aes192gcm12 aes256gcm8 aes128gcm8 "
    "aes192gcm8 aes256ccm16 aes128ccm16 aes192ccm16 aes256ccm12 aes128ccm12 aes256ccm8 aes128ccm8"
)
PLAIN = _words(
    "aes256 aes128 aes192 aes256ctr aes128ctr aes192ctr camellia256 camellia128 camellia192 3des blowfish128 cast128 "
    "des null"
)
INTEGS = _words("sha256 sha384 sha512 sha1 aesxcbc aescmac md5")
PRFS = _words("prfsha256 prfsha384 prfsha512 prfsha1 prfaesxcbc prfaescmac prfmd5")
GROUPS = _words(
    "x25519 ecp256 ecp384 ecp521 modp2048 modp3072 modp4096 x448 modp6144 modp8192 modp1536 modp1024 modp768 "
    "modp2048s256 modp2048s224 modp1024s160 ecp224 ecp192 ecp256bp ecp384bp ecp512bp ecp224bp mlkem512 mlkem768 "
    "mlkem1024"
)
FURTHER = _words("mlkem768 mlkem1024 mlkem512 x25519 ecp256 ecp384 ecp521 x448 modp2048 modp3072 modp4096")
EVERYTHING = (Box(AEAD, (), PRFS, GROUPS), Box(PLAIN, INTEGS, PRFS, GROUPS))
CANDIDATES = {ENCR: (*AEAD, *PLAIN), INTEG: INTEGS, PRF: PRFS, KE: GROUPS}
OLD = (Box(_words("aes256 aes128 3des"), _words("sha256 sha1"), _words("prfsha256 prfsha1"), _words("modp2048")),)
"""A small offer, for devices that do not take large ones."""


@dataclass(frozen=True, slots=True)
class Search:
    """What of one type does the device take, everything else being as in ``boxes``?"""

    kind: TransformType
    boxes: tuple[Box, ...]

    @property
    def candidates(self) -> tuple[Transform, ...]:
        """What is asked about."""
        return tuple(dict.fromkeys(one for box in self.boxes for one in box.of(self.kind)))

    def limited(self, found: Iterable[Transform]) -> tuple[Box, ...]:
        """The boxes with these transforms of the type only."""
        kept = tuple(found)
        made = (box.having(self.kind, [one for one in box.of(self.kind) if one in kept]) for box in self.boxes)
        return tuple(one for one in made if one.of(self.kind) and not one.empty)


class Explorer(Protocol):
    """A way to find out what a device takes."""

    def accepted(self, searches: Sequence[Search]) -> list[tuple[Transform, ...]]:
        """For each search what the device takes; in its order of preference where the way shows it."""


@dataclass(slots=True)
class Asked:
    """Asks about each algorithm by itself, with questions that leave nothing behind."""

    asker: Asker

    def accepted(self, searches: Sequence[Search]) -> list[tuple[Transform, ...]]:
        """All questions at once. Raises ProbeError, LinkError."""
        pairs = [(number, one) for number, search in enumerate(searches) for one in search.candidates]
        questions = [Question(searches[number].limited([one])) for number, one in pairs]
        answers = self.asker.ask(questions)
        taken = {pair for pair, answer in zip(pairs, answers, strict=True) if answer.said is Said.TAKEN}
        return [
            tuple(one for one in search.candidates if (number, one) in taken) for number, search in enumerate(searches)
        ]


Choose = Callable[[Sequence[Box]], Proposal | KeMethod | None]
"""Offers suites in a real exchange: the device's choice, or the group that it wants; None: it takes none."""


@dataclass(slots=True)
class Tried:
    """Offers everything, takes away what was chosen, offers the rest, until nothing is taken."""

    choose: Choose

    def accepted(self, searches: Sequence[Search]) -> list[tuple[Transform, ...]]:
        """One after the other."""
        return [self._all(one) for one in searches]

    def _all(self, search: Search) -> tuple[Transform, ...]:
        found: list[Transform] = []
        while left := search.limited(one for one in search.candidates if one not in found):
            one = chosen_of(self.choose(left), search.kind)
            if one is None or one in found or one not in search.candidates:
                break
            found.append(one)
        return tuple(found)


def chosen_of(answer: Proposal | KeMethod | None, kind: TransformType) -> Transform | None:
    """The transform of a type in a choice."""
    if isinstance(answer, KeMethod):
        return Transform.of(answer) if kind == KE else None
    return next((one for one in answer.transforms if one.type == kind), None) if answer is not None else None


def marginal(explorer: Explorer, reaches: Sequence[Box]) -> dict[TransformType, tuple[Transform, ...]]:
    """What the device takes of each type in at least one combination. First the groups: they label the answers."""
    groups = explorer.accepted([Search(KE, tuple(reaches))])[0]
    boxes = tuple(box.having(KE, groups) for box in reaches) if groups else ()
    kinds = (ENCR, INTEG, PRF)
    others = explorer.accepted([Search(kind, boxes) for kind in kinds]) if boxes else [(), (), ()]
    return {KE: groups, **dict(zip(kinds, others, strict=True))}


def union(found: dict[TransformType, tuple[Transform, ...]]) -> list[Box]:
    """All that was found in one box with combined ciphers and one without: the device takes some suites of each."""
    aead = tuple(one for one in found[ENCR] if one in AEAD)
    plain = tuple(one for one in found[ENCR] if one not in AEAD)
    both = (Box(aead, (), found[PRF], found[KE]), Box(plain, found[INTEG], found[PRF], found[KE]))
    return [one for one in both if not one.empty]


def combinations(explorer: Explorer, found: dict[TransformType, tuple[Transform, ...]]) -> list[Box]:
    """Boxes of suites that the device takes, each as large as possible; each cipher is in one box at least."""
    parts = [_cover(explorer, box, KINDS if box.integ else (ENCR, PRF, KE)) for box in union(found)]
    return [one for part in parts for one in part]


def _cover(explorer: Explorer, box: Box, kinds: tuple[TransformType, ...]) -> list[Box]:
    """Divide a box until everything in it goes together.

    What goes with each transform of the first type is asked for every other type by itself. Those that go with the same
    are taken for equal, and one of them stands for all when the rest is divided.
    """
    head, rest = kinds[0], kinds[1:]
    if not rest:
        return [box]
    ones = [box.having(head, [one]) for one in box.of(head)]
    searches = [Search(kind, (one,)) for one in ones for kind in rest]
    open_ones = [search for search in searches if len(search.candidates) > 1 or len(ones) > 1]
    answers = dict(zip(map(id, open_ones), explorer.accepted(open_ones), strict=True))
    classes: dict[tuple[tuple[Transform, ...], ...], list[Transform]] = {}
    for number, one in enumerate(ones):
        own = searches[number * len(rest) : (number + 1) * len(rest)]
        profile = [answers.get(id(search), search.candidates) for search in own]
        if all(profile):
            key = tuple(sorted_like(each, box.of(kind)) for each, kind in zip(profile, rest, strict=True))
            classes.setdefault(key, []).append(one.of(head)[0])
    found = []
    for key, members in classes.items():
        part = box.having(head, members[:1])
        for kind, each in zip(rest, key, strict=True):
            part = part.having(kind, each)
        found += [one.having(head, members) for one in _cover(explorer, part, rest)]
    return found


def sorted_like(found: Iterable[Transform], order: Sequence[Transform]) -> tuple[Transform, ...]:
    """In the order of another sequence; what is not in that comes last."""
    known = {one: number for number, one in enumerate(order)}
    return tuple(sorted(found, key=lambda one: known.get(one, len(known))))


@dataclass(slots=True)
class Preference:
    """``own``: the device keeps to its own order, False: to ours, None: cannot be told. ``order`` by type."""

    own: dict[TransformType, bool | None] = field(default_factory=dict)
    order: dict[TransformType, tuple[Transform, ...]] = field(default_factory=dict)


def preference(choose: Choose, boxes: Sequence[Box], rounds: int) -> Preference:
    """Offer everything in one order and in the other; then without what was chosen, again and again.

    At most ``rounds`` real exchanges.
    """
    found = Preference()
    forward = choose(boxes)
    backward = choose([_reversed(one) for one in reversed(boxes)])
    if not isinstance(forward, Proposal) or not isinstance(backward, Proposal):
        return found
    for kind in KINDS:
        taken = tuple(dict.fromkeys(one for box in boxes for one in box.of(kind)))
        first, last = chosen_of(forward, kind), chosen_of(backward, kind)
        choice = len(taken) > 1 and first is not None and last is not None
        found.own[kind] = first == last if choice else None
        found.order[kind] = sorted_like(taken, (first,)) if first is not None and first == last else taken
    used = 2
    for kind in KINDS:
        ranked = [found.order[kind][0]] if found.own[kind] else []
        while ranked and len(ranked) < len(found.order[kind]) - 1 and used < rounds:
            left = Search(kind, tuple(boxes)).limited(one for one in found.order[kind] if one not in ranked)
            used += 1
            one = chosen_of(choose(left), kind) if left else None
            if one is None or one in ranked:
                break
            ranked.append(one)
        found.order[kind] = sorted_like(found.order[kind], ranked)
    return found


def _reversed(box: Box) -> Box:
    return Box(box.encr[::-1], box.integ[::-1], box.prf[::-1], box.ke[::-1], box.further)


def computable_groups(boxes: Iterable[Box]) -> list[Box]:
    """The boxes without key exchange methods that we cannot compute."""
    known = ke_methods()
    made = (box.having(KE, [one for one in box.ke if one.id in known]) for box in boxes)
    return [one for one in made if one.ke]


def works(positive: Sequence[Answer], control: Answer) -> bool:
    """Whether questions that leave nothing behind tell anything: a suite is taken, one that cannot be is not."""
    named = any(one.said is Said.TAKEN and one.group is not None for one in positive)
    return named and control.said in (Said.REFUSED, Said.SILENT)
