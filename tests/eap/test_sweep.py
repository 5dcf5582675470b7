"""Layouts, and what comes of every wrong field in every packet of every method, in both directions."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.bend import EapBend
from conformance.eap.conversation import Outcome
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.layout import Body, Items, Length, Raw
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.mschapv2 import ErrorCode
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.registry import METHODS, body_of
from conformance.eap.server import EapServer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka_attributes import FORMS
from conformance.eap.subscriber import Register, Subscriber, Usim
from conformance.eap.sweep import variations
from conformance.wire import EapPacket
from conformance.wire.errors import WireError
from tests.eap.talk import USERS, peer_of, server_of, talk

IMSI, K, OPC = b"232010000000000", bytes(range(16)), bytes(range(16, 32))
BODIES = sorted(
    {form for entry in METHODS.values() for form in (*entry.requests, *entry.responses)} | {*FORMS.values()},
    key=lambda form: form.__name__,
)
Pair = tuple[EapPeer, EapServer]


def card(**known: object) -> Usim:
    return Usim(IMSI, K, OPC, **known)  # type: ignore[arg-type]


def home() -> Register:
    return Register([Subscriber(IMSI, K, OPC)])


def expired() -> Pair:
    peer = peer_of(Mschapv2Peer("eappassword", new_password="better"))
    return peer, server_of(Mschapv2Server(dict(USERS), errors={b"carol": ErrorCode.PASSWD_EXPIRED}))


CARDS = ((SimPeer, SimServer), (AkaPeer, AkaServer), (AkaPrimePeer, AkaPrimeServer))


@cache
def known(kind: int) -> tuple[Usim, Register]:
    """A card and a register after a full authentication."""
    usim, register = card(), home()
    peer, server = CARDS[kind]
    talk(peer_of(peer(usim)), server_of(server(register, pseudonyms=True, reauthentication=True)))
    return usim, register


def again(kind: int) -> Callable[[], Pair]:
    """A fast re-authentication, with everything that can be in one."""

    def make() -> Pair:
        usim, register = deepcopy(known(kind))
        peer, server = CARDS[kind]
        return (
            peer_of(peer(usim, result_indications=True)),
            server_of(server(register, ask=True, reauthentication=True, result_indications=True), seed=5),
        )

    return make


def full(kind: int) -> Callable[[], Pair]:
    def make() -> Pair:
        peer, server = CARDS[kind]
        usim = card() if kind == 0 else card(sqn=1 << 20)
        return peer_of(peer(usim)), server_of(server(home(), ask=True, pseudonyms=True, reauthentication=True))

    return make


PAIRS: dict[str, Callable[[], Pair]] = {
    "nak": lambda: (peer_of(GtcPeer("eappassword")), server_of(Md5Server(USERS), GtcServer(USERS))),
    "md5": lambda: (peer_of(Md5Peer("eappassword")), server_of(Md5Server(USERS))),
    "gtc": lambda: (peer_of(GtcPeer("eappassword")), server_of(GtcServer(USERS))),
    "mschapv2": lambda: (peer_of(Mschapv2Peer("eappassword")), server_of(Mschapv2Server(dict(USERS)))),
    "mschapv2-expired": expired,
    **{
        f"{name}-{way.__name__}": way(kind)
        for kind, name in enumerate(("sim", "aka", "prime"))
        for way in (full, again)
    },
}


@dataclass(frozen=True, slots=True)
class Nth:
    """Bends the n-th packet of a conversation."""

    at: int
    bend: EapBend

    def talk(self, make: Callable[[], Pair]) -> Pair:
        """Everything that both have to say, ten packets after the bend at most."""
        peer, server = make()
        packet: bytes | None = None
        for number in range(40):
            side = peer if number % 2 else server
            if number == self.at:
                side.bend(self.bend)
            packet = server.start() if packet is None else side.receive(packet)
            if packet is None:
                break
        return peer, server


def bodies(make: Callable[[], Pair]) -> list[Body]:
    return [body_of(EapPacket.decode(packet)) for packet in talk(*make())]


# --- layouts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", BODIES)
def test_every_body_has_spans_and_comes_back(form: type[Body]) -> None:
    example = form()
    data = example.encode()
    assert sum(span.length for span in example.spans()) == len(data)
    assert form.decode(data) == example
    assert not [span for span in example.spans() if isinstance(span.spec, Length) and getattr(example, span.name)]


@pytest.mark.parametrize("form", BODIES)
@settings(max_examples=30)
@given(data=st.binary(max_size=80))
def test_what_is_decoded_is_encoded_again(form: type[Body], data: bytes) -> None:
    try:
        body = form.decode(data)
    except WireError:
        return
    assert body.encode() == data


@pytest.mark.parametrize("form", BODIES)
def test_no_variation_is_none(form: type[Body]) -> None:
    example = form()
    found = list(variations(example))
    assert found
    for one in found:
        assert one.change(example).encode() != example.encode(), one.text
    names = [one.text for one in found]
    assert len(names) == len(set(names))
    assert {name for name, spec in form.specs().items() if not isinstance(spec, Items)} <= {
        text.split(" ")[0] for text in names
    }


# --- conversations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRS)
def test_the_unbent_conversation_succeeds(name: str) -> None:
    peer, server = Nth(-1, EapBend()).talk(PAIRS[name])
    assert (peer.outcome, server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS), (peer.why, server.why)
    assert Raw not in [type(body) for body in bodies(PAIRS[name])[:-1]]


@pytest.mark.parametrize("name", PAIRS)
def test_no_wrong_field_is_taken_for_another_key(name: str, record_property: Callable[[str, object], None]) -> None:
    """Whatever is wrong, nothing raises, nothing is endless, and who succeeds together has the same key."""
    counts: Counter[str] = Counter()
    for at, example in enumerate(bodies(PAIRS[name])[:-1]):
        for number, one in enumerate(variations(example)):
            if name.endswith(("full", "again")) and number % 7:
                continue
            peer, server = Nth(at, one.bend(type(example), sealed=True)).talk(PAIRS[name])
            both = {peer.outcome, server.outcome}
            counts["/".join(sorted(outcome.value for outcome in both))] += 1
            if both == {Outcome.SUCCESS}:
                assert peer.msk == server.msk, one.text
            if peer.outcome is Outcome.SUCCESS:
                assert server.outcome is not Outcome.FAILURE, one.text
    assert sum(counts.values()) > 20
    record_property("variations of EAP packets tried", sum(counts.values()))


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=25)
@given(data=st.data())
def test_bytes_of_any_kind_raise_nothing(name: str, data: st.DataObject) -> None:
    peer, server = PAIRS[name]()
    packet: bytes | None = server.start()
    stop = data.draw(st.integers(0, 6))
    for number in range(8):
        side = server if number % 2 else peer
        if number == stop or packet is None:
            for _ in range(3):
                wrong = data.draw(st.binary(max_size=60))
                head = EapPacket(data.draw(st.sampled_from([1, 2, 3, 4])), (packet or b"\1\1")[1], None, wrong)  # type: ignore[arg-type]
                side.receive(head)
                side.receive(wrong)
            return
        if packet is not None and data.draw(st.booleans()):
            place = data.draw(st.integers(0, len(packet) - 1))
            side.receive(packet[:place] + data.draw(st.binary(max_size=3)) + packet[place + 1 :])
        packet = side.receive(packet)


def test_a_conversation_replays_bit_for_bit() -> None:
    for make in PAIRS.values():
        assert talk(*make()) == talk(*make())
