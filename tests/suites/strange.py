"""Devices that are strange as a whole: they refuse everything, crash, hang, or cannot speak."""

from dataclasses import replace
from typing import ClassVar

from conformance.ike.core.events import Violation
from conformance.ike.core.sending import State
from conformance.ike.endpoint import Endpoint
from conformance.ike.ikesa import IkeSa
from conformance.net.link import Datagram
from conformance.wire import Header, IDi, IDr, Message, WireError
from peers.reference.device import ReferenceDevice


class Strange(ReferenceDevice):
    """The reference device with another endpoint."""

    def __init__(self, endpoint: type[Endpoint]) -> None:
        super().__init__()
        self.model = replace(self.model, endpoint_class=endpoint)


class ForgetfulSa(IkeSa):
    """Tells its endpoint of what is malformed inside."""

    shaken: bool = False

    def malformed_inside(self, message: Message, error: WireError) -> None:
        self.shaken = True


class LosesEverything(Endpoint):
    """Crashes at whatever is malformed, and is back at once: all its IKE SAs are gone."""

    sa_class: ClassVar[type[IkeSa]] = ForgetfulSa

    def malformed_init(self, header: Header, datagram: Datagram, error: WireError) -> None:
        self.crash()

    def receive(self, datagram: Datagram, now: float) -> None:
        super().receive(datagram, now)
        if any(isinstance(sa, ForgetfulSa) and sa.shaken for sa in self.sas.values()):
            self.crash()

    def crash(self) -> None:
        self.sas.clear()
        self.requests.clear()
        self.outbox.clear()


class OneForEach(Endpoint):
    """Keeps one IKE SA for each identity, and deletes the older one properly."""

    def collect(self, sa: IkeSa) -> None:
        before = sa.state
        super().collect(sa)
        if sa.state == State.ESTABLISHED and before == State.ESTABLISHED:
            for other in [one for one in self.established() if one is not sa and one.own_spi < sa.own_spi]:
                other.start_delete()
                super().collect(other)


class LettingGoSa(IkeSa):
    """Knows which inner addresses are about to be free, and until when they are not."""

    going: dict[bytes, float]

    def taken_addresses(self) -> set[bytes]:
        return super().taken_addresses() | {one for one, until in self.going.items() if self.now < until}


class LetsGoLate(Endpoint):
    """Has an inner address free again only a moment after the IKE SA that had it is gone."""

    sa_class: ClassVar[type[IkeSa]] = LettingGoSa

    def register(self, sa: IkeSa) -> None:
        assert isinstance(sa, LettingGoSa)
        sa.going = self.__dict__.setdefault("going", {})
        super().register(sa)

    def collect(self, sa: IkeSa) -> None:
        super().collect(sa)
        if sa.state == State.CLOSED:
            self.__dict__["going"] |= dict.fromkeys(sa.inner, sa.now + 0.3)


class RefusingSa(IkeSa):
    """Believes nobody, in either role."""

    def check_peer(self, *arguments: object) -> None:
        raise Violation("nobody is believed")


class RefusesEveryIkeAuth(Endpoint):
    """Answers IKE_SA_INIT, and believes nobody after it."""

    sa_class: ClassVar[type[IkeSa]] = RefusingSa


def refuses_one_ike_auth() -> type[Endpoint]:
    """Believes nobody in the first IKE_AUTH of its life, as a bug may have it that meets one handshake of a hundred."""
    left = [True]

    class Sa(IkeSa):
        def check_peer(self, identity: IDi | IDr, message: Message) -> None:
            if left:
                left.clear()
                raise Violation("nobody is believed just now")
            super().check_peer(identity, message)

    class Moody(Endpoint):
        sa_class: ClassVar[type[IkeSa]] = Sa

    return Moody


class ShortNonces(Endpoint):
    """Its nonces are too short."""

    class Sa(IkeSa):
        def choose_nonce(self) -> bytes:
            return self.random(8)

    sa_class: ClassVar[type[IkeSa]] = Sa


class EndlessCookies(Endpoint):
    """Asks for another cookie again and again."""

    def cookie_missing(self, message: Message, datagram: Datagram) -> bool:
        return True


class EmptyInit(Endpoint):
    """Answers IKE_SA_INIT with a header and nothing else."""

    def init_requested(self, header: Header, raw: bytes, datagram: Datagram) -> None:
        self.refuse(header, datagram)
