"""What ordinary handshakes before the purposes have shown, and what follows from it for each of them."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from conformance.script.verdict import NotApplicable
from peers.capabilities import Capability, needs
from peers.contract import Death, Device, Unsupported, Vitals
from suites.connections import Role, Setup, certificates, psk
from suites.invariants import Broken
from suites.pulse import Growth, Samples
from suites.purpose import Purpose

KINDS: dict[str, tuple[Capability, Setup]] = {
    "psk": (Capability.PSK, psk()),
    "rsa": (Capability.RSA, certificates("rsa")),
    "ecdsa": (Capability.ECDSA, certificates("ecdsa")),
    "ed25519": (Capability.ED25519, certificates("ed25519")),
}
"""The kinds of connection that are tried, the most usual first."""

_LATELY = 16
"""So many peers and handshakes of ours are remembered, a few for each purpose: they may still be answered."""
MOST_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one ordinary handshake. ``role`` is the device's.

    ``problem`` is empty where all went well, else what did not work and what the device said; ``advice`` is what is
    probably wrong. ``suite`` are the chosen algorithms. ``pair``: a second IKE SA between the same two can be beside
    it. ``seconds`` is how long it took.
    """

    kind: str
    role: Role
    problem: str = ""
    advice: str = ""
    keys: tuple[str, ...] = ()
    suite: str = ""
    pair: bool = True
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """As its evidence is called."""
        return f"look-{self.kind}-{self.role}"

    @property
    def sentence(self) -> str:
        """What is wrong, in words for a person who has described the device."""
        who = "the device initiates" if self.role == "initiator" else "the device answers"
        return f"an ordinary handshake fails ({self.kind}, {who}): {self.problem}; {self.advice}".rstrip("; ")

    def where(self, file: Path | None) -> str:
        """Where to look in the device file, if there is one."""
        return f"; look at {', '.join(self.keys)} in {file}" if file is not None and self.keys else ""

    def to_json(self) -> dict[str, Any]:
        """For ``run.json``."""
        return asdict(self)


@dataclass(slots=True)
class Gate:
    """What was found before the purposes, and what follows from it for each of them.

    ``attempts`` are the initiator's SPIs of what a device that nobody can reset has begun in earlier purposes, the
    newest of them: nobody repeats a request for ever. ``begun`` are those of what we have sent lately: a set for each
    peer and each handshake beside it, which still grows.
    ``reported`` are faults that sanitizers in the device have found between purposes, for the next one to tell.
    ``samples`` are what the device used before each purpose, None: it is not looked at, ``growth`` is what rose in
    them, ``last`` the purpose before this one.
    ``excuse`` says of a purpose and an invariant that is broken in it why that is known of the device, else nothing.
    """

    looks: list[Look] = field(default_factory=list)
    attempts: deque[bytes] = field(default_factory=lambda: deque(maxlen=MOST_ATTEMPTS))
    begun: deque[set[bytes]] = field(default_factory=lambda: deque(maxlen=_LATELY))
    reported: list[Death] = field(default_factory=list)
    samples: Samples | None = None
    growth: Growth | None = None
    last: str = ""
    excuse: Callable[[str, Broken], str] = lambda purpose, broken: ""

    @property
    def closed(self) -> Look | None:
        """The first look if none went well: then nothing can be judged."""
        return self.looks[0] if self.looks and all(look.problem for look in self.looks) else None

    @property
    def pair(self) -> bool:
        """Whether two IKE SAs between the same two can be there at a time."""
        return all(look.pair for look in self.looks)

    @property
    def earlier(self) -> frozenset[bytes]:
        """The initiator's SPIs of all that we have sent lately."""
        return frozenset().union(*self.begun)

    @property
    def vitals(self) -> Vitals | None:
        """What the device used when the purpose began, if that is looked at."""
        return self.samples.newest if self.samples is not None else None

    def remember(self, attempts: Iterable[bytes]) -> None:
        """The device has begun these, the newest at the end."""
        known = set(self.attempts)
        self.attempts.extend(one for one in dict.fromkeys(attempts) if one not in known)

    def sample(self, purpose: Purpose) -> None:
        """The device has just forgotten what was before this purpose: see what it uses now."""
        if self.samples is not None:
            self.growth = self.samples.take(self.last) or self.growth
        self.last = purpose.id

    def against(self, purpose: Purpose, device: Device, role: Role) -> str:
        """What does not work with the connection of a purpose where the device has this role, empty if all does."""
        broken = {look.kind: look for look in self.looks if look.problem and look.role == role}
        kind = kind_of(purpose, device) if broken else None
        return broken[kind].sentence if kind in broken else ""


def kind_of(purpose: Purpose, device: Device) -> str | None:
    """The kind of connection that a purpose uses, None for a mixed or special one."""
    words = {capability: kind for kind, (capability, _) in KINDS.items()}
    try:
        wanted = needs(purpose.setup(device.profile))
    except (Unsupported, NotApplicable):
        return None
    found = [words[one] for one in wanted if one in words]
    return found[0] if len(found) == 1 and Capability.RSA_PSS not in wanted else None


def wanted(purposes: Iterable[Purpose], device: Device) -> list[tuple[str, Role]]:
    """The looks that these purposes need, of those that the device claims; the usual ones first."""
    roles: tuple[Role, ...] = ("responder", "initiator")
    order = [(kind, role) for role in roles for kind in KINDS if KINDS[kind][0] in device.capabilities]
    asked: set[tuple[str, Role]] = set()
    for purpose in purposes:
        if asked.issuperset(order):
            break
        if purpose.needs <= device.capabilities and (kind := kind_of(purpose, device)) is not None:
            asked.add((kind, purpose.role))
    return [one for one in order if one in asked]
