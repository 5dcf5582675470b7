"""The server of EAP-SIM (RFC 4186)."""

from __future__ import annotations

from conformance.eap.layout import Body
from conformance.eap.sim_peer import KIND, VERSION
from conformance.eap.simaka import SIM_RESPONSES, Message, SimChallenge, SimStart, Unable
from conformance.eap.simaka_attributes import At, AtMac, AtRand, Counted
from conformance.eap.simaka_keys import sim_keys
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Register
from conformance.wire import EapPacket


class SimServer(SimAkaServer):
    """Challenges a card of GSM; ``challenges`` is how often, 2 or 3."""

    kind = KIND
    permanent, pseudonym, fast = b"1", b"3", b"5"
    responses = SIM_RESPONSES

    def __init__(self, register: Register, *, challenges: int = 3, **options: bool) -> None:
        super().__init__(register, **options)
        self.challenges = challenges
        self.triplets: list[tuple[bytes, bytes, bytes]] = []
        self.started = False

    def versions(self) -> bytes:
        """What AT_VERSION_LIST says."""
        return VERSION.to_bytes(2, "big")

    def has_offered(self, version: int) -> bool:
        """Whether the peer may select a version."""
        return version == VERSION

    def start(self) -> Body:
        """Start, or at once a fast re-authentication."""
        if self.ask or not self.identify():
            return self.start_with(self.question())
        return self.authenticate() if self.renewal is None else self.reauthentication(self.renewal)

    def authenticate(self) -> Body:
        """Start without a question."""
        return self.start_with()

    def start_with(self, *question: Body) -> SimStart:
        """Start."""
        self.started = True
        return SimStart(attributes=(Counted(At.VERSION_LIST, value=self.versions()), *question))

    def take(self, message: Message, packet: EapPacket) -> Body | None:
        """A well-formed response."""
        match message:
            case SimStart() if self.started:
                return self.take_start(message)
            case SimChallenge() if self.triplets and not self.authenticated:
                return self.take_challenge(message, packet)
        return super().take(message, packet)

    def take_start(self, message: SimStart) -> Body:
        """The challenges, another question, or a fast re-authentication."""
        self.started = False
        self.take_identity(message)
        if not self.identify():
            return self.start_with(self.question())
        if self.renewal is not None and message.find(At.IDENTITY) is not None:
            return self.reauthentication(self.renewal)
        self.renewal = None
        selected = message.need(At.SELECTED_VERSION).number
        if not self.has_offered(selected):
            raise Unable(f"version {selected}")
        return self.challenge(message.need(At.NONCE_MT).nonce)

    def challenge(self, nonce: bytes) -> SimChallenge:
        """RANDs, and the proof that the server knows their keys."""
        self.triplets = [self.register.triplet(self.imsi, self.random) for _ in range(self.challenges)]
        kcs = tuple(kc for _, _, kc in self.triplets)
        keys = sim_keys(self.identity, kcs, nonce, self.versions(), VERSION)
        self.use(keys)
        gifts = self.gifts(keys)
        self.mac_extra = nonce
        rands = AtRand(rands=b"".join(rand for rand, _, _ in self.triplets))
        return SimChallenge(attributes=(rands, *(self.hidden(*gifts) if gifts else ()), *self.promises(), AtMac()))

    def take_challenge(self, message: SimChallenge, packet: EapPacket) -> Body | None:
        """The MAC covers what the card answered."""
        self.demand_mac(packet, message, b"".join(sres for _, sres, _ in self.triplets))
        return self.accept(message)
