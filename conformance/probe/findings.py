"""What a probe has found out, as values."""

from dataclasses import dataclass, field
from enum import Enum

from conformance.probe.ikev1 import Ikev1
from conformance.probe.question import Box
from conformance.wire import Transform, TransformType

NO_NAT = "no NAT between us"


class Cookies(Enum):
    """When the device asks for a cookie."""

    ALWAYS = "from the first request on"
    SOMETIMES = "after a while, as under load"
    NEVER = "not once"


@dataclass(frozen=True, slots=True)
class Tally:
    """What it cost: datagrams and octets that we sent, datagrams that came, seconds, answers to nothing we asked."""

    sent: int = 0
    octets: int = 0
    received: int = 0
    seconds: float = 0.0
    strays: int = 0
    half_open: int = 0


@dataclass(slots=True)
class Features:
    """What the device says of itself in IKE_SA_INIT; None: it could not be asked."""

    nat_detection: bool | None = None
    nat: str = ""
    fragmentation: bool | None = None
    childless: bool | None = None
    redirect: str = ""
    hashes: tuple[str, ...] = ()
    ppk: bool | None = None
    intermediate: bool | None = None
    further_ke: tuple[Transform, ...] = ()
    nat_port: bool | None = None
    notifies: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()


@dataclass(slots=True)
class ChildFindings:
    """What an authenticated IKE SA has shown.

    ``esp`` are boxes as (ciphers, integrity algorithms, groups, ESN); without groups there is no key exchange.
    """

    problem: str = ""
    child_problem: str = ""
    identity: str = ""
    any_identity: bool | None = None
    esp: tuple[tuple[tuple[Transform, ...], ...], ...] = ()
    pfs: tuple[Transform, ...] = ()
    pfs_required: bool = False
    esn: bool | None = None
    tunnel: bool | None = None
    transport: bool | None = None
    several: bool | None = None
    mobike: bool | None = None
    eap_only: str = ""
    resumption: bool | None = None
    address: str = ""
    our_selectors: tuple[str, ...] = ()
    its_selectors: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """All of it.

    ``taken`` and ``refused`` are transforms by type; ``boxes`` the combinations, the most preferred first;
    ``own_order`` whether the device keeps to its own order, by type, None: it cannot be told. ``way`` says how
    it was found out, ``notes`` what is to be known beside.
    """

    answers: str = ""
    way: str = ""
    silent_refusal: bool = False
    taken: dict[TransformType, tuple[Transform, ...]] = field(default_factory=dict)
    refused: dict[TransformType, tuple[Transform, ...]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    own_order: dict[TransformType, bool | None] = field(default_factory=dict)
    cookies: Cookies = Cookies.NEVER
    features: Features = field(default_factory=Features)
    ikev1: tuple[Ikev1, ...] = ()
    child: ChildFindings | None = None
    notes: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    @property
    def mute(self) -> bool:
        """Whether the device has said nothing at all."""
        return not self.answers and not any(one.suite or one.error for one in self.ikev1)
