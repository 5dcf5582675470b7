"""The Security Association Database (RFC 4301, section 4.4.2): what an SA is, and what it has done so far."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import ip_address
from math import lcm

from conformance.crypto import IntegrityError, Random
from conformance.crypto.suite import ChildSuite
from conformance.ike.core.child import ChildSa
from conformance.ike.core.connection import Mode
from conformance.ike.core.keys import ChildKeys
from conformance.ipsec.errors import BadPadding, Reason, SaExpired, SequenceOverflow, UnknownSpi, WrongIcv
from conformance.ipsec.flow import Flow, selected
from conformance.ipsec.replay import ReplayWindow
from conformance.wire import ProtocolID, TrafficSelector


class DfPolicy(Enum):
    """The DF bit of an outer IPv4 header (RFC 4301, section 8.1)."""

    COPY = "copy"
    SET = "set"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class OuterHeader:
    """How the outer header of tunnel mode comes from the inner one (RFC 4301 section 5.1.2, RFC 6040 section 4.1).

    ``dscp`` None copies the inner DSCP, a number is written instead. ``ecn`` False is the compatibility mode of
    RFC 6040: the outer header says Not-ECT. ``flow_label`` is for IPv6.
    """

    df: DfPolicy = DfPolicy.COPY
    dscp: int | None = None
    ecn: bool = True
    ttl: int = 64
    flow_label: int = 0


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an SA lasts: packets, octets of payload that ESP or AH was applied to, seconds; None: no limit."""

    packets: int | None = None
    octets: int | None = None
    seconds: float | None = None

    def over(self, packets: int, octets: int, age: float) -> bool:
        """One of the limits is reached."""
        return (
            (self.packets is not None and packets >= self.packets)
            or (self.octets is not None and octets >= self.octets)
            or (self.seconds is not None and age >= self.seconds)
        )


_FOREVER = Lifetime()
_PADDING = bytes(range(1, 256))
_LAST = 0xFFFFFFFFFFFFFFFF


class Expiry(Enum):
    """Which lifetime of an SA is over: after SOFT it should be replaced, after HARD it carries nothing."""

    NONE = "none"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class SaParameters:
    """What both ends know of one unidirectional SA (RFC 4301, section 4.4.2.1).

    ``source`` and ``destination`` are the addresses of the packets on the wire, in tunnel mode the tunnel's ends.
    ``udp`` are the source and destination port of UDP encapsulation. ``source_ts`` and ``destination_ts`` are the
    selectors for the protected packets, empty: any. ``window`` is the size of the replay window in packets, 0 switches
    the anti-replay service off. ``non_first_fragments``: later fragments may pass where the selectors name ports
    (RFC 4301, section 7.3). ``tfc`` is the size in octets up to which TFC padding makes shorter payloads longer.
    """

    spi: bytes
    suite: ChildSuite
    encryption_key: bytes = field(repr=False)
    integrity_key: bytes = field(repr=False)
    mode: Mode = Mode.TUNNEL
    source: str = "192.0.2.1"
    destination: str = "192.0.2.2"
    udp: tuple[int, int] | None = None
    source_ts: tuple[TrafficSelector, ...] = ()
    destination_ts: tuple[TrafficSelector, ...] = ()
    soft: Lifetime = _FOREVER
    hard: Lifetime = _FOREVER
    window: int = 64
    non_first_fragments: bool = False
    tfc: int = 0
    outer: OuterHeader = field(default_factory=OuterHeader)

    @classmethod
    def of(
        cls, suite: ChildSuite, keys: ChildKeys, spi: bytes, *, from_initiator: bool, **others: object
    ) -> "SaParameters":
        """Those of the SA whose packets the initiator of the exchange sends, or its responder."""
        encr, integ = (keys.encr_i, keys.integ_i) if from_initiator else (keys.encr_r, keys.integ_r)
        return cls(spi, suite, encr, integ, **others)  # type: ignore[arg-type]


def child_parameters(
    child: ChildSa, local: str, remote: str, udp: tuple[int, int] | None = None, **others: object
) -> tuple[SaParameters, SaParameters]:
    """The parameters of a Child SA, inbound and outbound; ``udp`` are our port and the peer's."""
    backward = None if udp is None else (udp[1], udp[0])
    inbound = SaParameters.of(
        child.suite,
        child.keys,
        child.spi_in,
        from_initiator=not child.initiator,
        mode=child.mode,
        source=remote,
        destination=local,
        udp=backward,
        source_ts=child.remote_ts,
        destination_ts=child.local_ts,
        **others,
    )
    outbound = SaParameters.of(
        child.suite,
        child.keys,
        child.spi_out,
        from_initiator=child.initiator,
        mode=child.mode,
        source=local,
        destination=remote,
        udp=udp,
        source_ts=child.local_ts,
        destination_ts=child.remote_ts,
        **others,
    )
    return inbound, outbound


class SecurityAssociation:
    """One direction of an SA, with what it has done so far.

    ``packets`` and ``octets`` count towards the lifetimes, ``drops`` are packets refused, by reason. Raises CryptoError
    when the keys do not have the lengths that the suite needs, ValueError for an SPI that has not four octets.
    """

    def __init__(self, parameters: SaParameters, created: float = 0.0) -> None:
        if len(parameters.spi) != 4:
            raise ValueError(f"an SPI of {len(parameters.spi)} octets")
        suite = parameters.suite
        self.parameters = parameters
        self.spi = parameters.spi
        self.protocol = suite.protocol
        self.tunnel = parameters.mode == Mode.TUNNEL
        self.esn = suite.esn
        self.cipher = suite.cipher
        self.keyed = suite.cipher.keyed(parameters.encryption_key, parameters.integrity_key)
        self.alignment = lcm(suite.cipher.block_size, 4)
        self.explicit_iv_size = 0 if suite.cipher.implicit_iv else suite.cipher.iv_size
        self.source = ip_address(parameters.source).packed
        self.destination = ip_address(parameters.destination).packed
        self.created = created
        self.packets = 0
        self.octets = 0
        self.drops: Counter[Reason] = Counter()
        self._limited = parameters.hard != _FOREVER

    def move(self, source: str, destination: str, udp: tuple[int, int] | None) -> None:
        """Takes other addresses and UDP ports for the wire: a NAT changed its mind, or MOBIKE (RFC 4555)."""
        now = self.parameters
        if (now.source, now.destination, now.udp) == (source, destination, udp):
            return
        self.parameters = replace(now, source=source, destination=destination, udp=udp)
        self.source = ip_address(source).packed
        self.destination = ip_address(destination).packed

    def expiry(self, now: float) -> Expiry:
        """Which of its lifetimes is over."""
        age = now - self.created
        if self.parameters.hard.over(self.packets, self.octets, age):
            return Expiry.HARD
        if self.parameters.soft.over(self.packets, self.octets, age):
            return Expiry.SOFT
        return Expiry.NONE

    def check_lifetime(self, now: float) -> None:
        """Raises SaExpired when a hard lifetime is over."""
        if self._limited and self.expiry(now) == Expiry.HARD:
            raise SaExpired(f"SA {self.spi.hex()}: {self.packets} packets, {self.octets} octets")

    def count(self, octets: int) -> None:
        """Notes one packet that passed."""
        self.packets += 1
        self.octets += octets

    def selects(self, flow: Flow) -> bool:
        """The flow of an inner packet fits the selectors of the SA (RFC 4301, sections 5.1 and 5.2)."""
        chosen = self.parameters
        return selected(flow, chosen.source_ts, chosen.destination_ts, fragments=chosen.non_first_fragments)

    def associated_data(self, spi: bytes, sequence: int) -> tuple[bytes, bytes]:
        """What the ICV covers before the IV, and after the ciphertext (RFC 4303 section 3.3.2, RFC 4106 section 5)."""
        if not self.esn:
            return spi + (sequence & 0xFFFFFFFF).to_bytes(4, "big"), b""
        whole = sequence.to_bytes(8, "big")
        return (spi + whole, b"") if self.cipher.aead else (spi + whole[4:], whole[:4])

    def __str__(self) -> str:
        name = "AH" if self.protocol == ProtocolID.AH else "ESP"
        return f"{name} {self.spi.hex()} {self.parameters.source} > {self.parameters.destination}"


class OutboundSa(SecurityAssociation):
    """An SA that we send on. ``sequence`` is the number of the last packet, 0 before the first."""

    def __init__(self, parameters: SaParameters, created: float = 0.0) -> None:
        super().__init__(parameters, created)
        self.sequence = 0
        self.path_mtu: int | None = None
        self.path_mtu_until = 0.0
        self._ivs = 0
        self._random_iv = self.cipher.block_size > 1

    def next_sequence(self) -> int:
        """The number of the next packet (RFC 4303, section 3.3.3). Raises SequenceOverflow rather than cycle.

        With the anti-replay service switched off it does cycle.
        """
        last = _LAST if self.esn else 0xFFFFFFFF
        if self.sequence >= last:
            if self.parameters.window:
                raise SequenceOverflow(f"SA {self.spi.hex()}: the last sequence number has been used")
            self.sequence = -1
        self.sequence += 1
        return self.sequence

    def next_iv(self, random: Random) -> bytes:
        """An IV: unpredictable for CBC (RFC 3602, section 3), one that never comes again for all other modes.

        The counter is not the sequence number, because a packet may lie about that and its IV must be new all the same.
        """
        if self._random_iv:
            return random(self.cipher.iv_size)
        self._ivs += 1
        return self._ivs.to_bytes(8, "big") if self.cipher.iv_size else b""

    def padding_size(self, size: int) -> int:
        """Octets of padding behind ``size`` octets of payload (RFC 4303, section 2.4)."""
        return -(size + 2) % self.alignment


class InboundSa(SecurityAssociation):
    """An SA that we receive on. ``window`` is None without the anti-replay service.

    ``failures`` counts packets with a wrong ICV since the last good one; from ``resync_after`` of them on the higher
    half of an extended sequence number is searched up to ``resync_tries`` subspaces ahead (RFC 4303, appendix A3).
    """

    resync_after = 8
    resync_tries = 4

    def __init__(self, parameters: SaParameters, created: float = 0.0) -> None:
        super().__init__(parameters, created)
        # Without integrity the number is anyone's, so there is no window (RFC 4303, section 3.4.3).
        protected = parameters.window if self.cipher.icv_size else 0
        self.window = ReplayWindow(protected, esn=self.esn) if protected else None
        self._subspace = ReplayWindow(1, esn=self.esn)
        self.failures = 0

    def sequence_of(self, low: int) -> int:
        """The whole sequence number of a packet that carries its low half."""
        return (self.window or self._subspace).expand(low)

    def check_sequence(self, sequence: int) -> None:
        """Raises Replayed or TooOld (RFC 4303, section 3.4.3); called before the ICV is checked."""
        if self.window is not None:
            self.window.check(sequence)

    def accept_sequence(self, sequence: int) -> None:
        """Notes the number of an authentic packet."""
        self.failures = 0
        window = self.window or self._subspace
        if self.window is not None or sequence > window.top:
            window.accept(sequence)

    def authentic(self, sequence: int, attempt: Callable[[int], bytes]) -> tuple[int, bytes]:
        """What ``attempt`` opens under this sequence number, or a later one of the same low half (appendix A3).

        ``attempt`` raises IntegrityError for a wrong ICV, this raises WrongIcv.
        """
        numbers = [sequence]
        if self.esn and self.failures >= self.resync_after - 1:
            numbers += [sequence + (ahead << 32) for ahead in range(1, self.resync_tries + 1)]
        for number in numbers:
            # Numbers outside of all subspaces have no 64 bits; no packet has one.
            if 0 <= number <= _LAST:
                try:
                    return number, attempt(number)
                except IntegrityError:
                    continue
        self.failures += 1
        raise WrongIcv(f"SPI {self.spi.hex()}, sequence number {sequence}")

    def payload_end(self, size: int, pad_length: int) -> int:
        """Where the payload ends in ``size`` octets of plaintext (RFC 4303, section 2.5). Raises BadPadding."""
        end = size - 2 - pad_length
        if end < 0:
            raise BadPadding(f"pad length {pad_length} in {size} octets")
        return end

    def padding_is_right(self, padding: bytes) -> bool:
        """The padding is what RFC 4303, section 2.4 wants a receiver to find."""
        return padding == _PADDING[: len(padding)]


class Sad:
    """All SAs. Inbound ones are found by SPI and protocol, and by destination where they were added with one."""

    def __init__(self) -> None:
        self._inbound: dict[tuple[bytes, int, bytes | None], InboundSa] = {}
        self.outbound: list[OutboundSa] = []

    def add(self, sa: SecurityAssociation, destination: bytes | None = None) -> None:
        """Installs an SA; the newest comes first. ``destination`` limits an inbound SA to packets to that address."""
        if isinstance(sa, InboundSa):
            self._inbound[sa.spi, sa.protocol, destination] = sa
        elif isinstance(sa, OutboundSa):
            self.outbound.insert(0, sa)

    def remove(self, sa: SecurityAssociation) -> None:
        """Takes an SA away; nothing happens when it is not there."""
        self._inbound = {key: each for key, each in self._inbound.items() if each is not sa}
        self.outbound = [each for each in self.outbound if each is not sa]

    def find(self, spi: bytes, protocol: int = ProtocolID.ESP, destination: bytes | None = None) -> InboundSa:
        """The SA of a packet that came (RFC 4301, section 4.1). Raises UnknownSpi."""
        sa = self._inbound.get((spi, protocol, destination)) or self._inbound.get((spi, protocol, None))
        if sa is None:
            raise UnknownSpi(f"no SA for the SPI {spi.hex()} of protocol {ProtocolID(protocol)}")
        return sa

    def inbound(self) -> Iterator[InboundSa]:
        """The SAs we receive on."""
        return iter(self._inbound.values())
