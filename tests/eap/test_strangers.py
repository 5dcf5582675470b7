"""Keys and conversations against EAP of others: our server against eapol_test, our peer against hostapd, FreeRADIUS."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from conformance.eap.aka_peer import AkaPeer
from conformance.eap.aka_prime import AkaPrimePeer, AkaPrimeServer
from conformance.eap.aka_server import AkaServer
from conformance.eap.conversation import Outcome
from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.method import PeerMethod, ServerMethod
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.sim_peer import SimPeer
from conformance.eap.sim_server import SimServer
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import Register, Subscriber, Usim
from tests.eap import strangers
from tests.eap.radius import PassThrough, ask

pytestmark = [pytest.mark.peer, pytest.mark.xdist_group("eap")]

IMSI, K = b"232010000000000", bytes.fromhex("90dca4eda45b53cf0f12d7c9c3bc6a89")
OPC = bytes.fromhex("cb9cccc4b9258e6dca4760379fb82581")
USERS = {b"md5": "eappassword", b"gtc": "eappassword", b"mschapv2": "eappassword", b"any": "eappassword"}
PASSWORDS: dict[str, tuple[Callable[[str], PeerMethod], type[ServerMethod]]] = {
    "md5": (Md5Peer, Md5Server),
    "gtc": (GtcPeer, GtcServer),
    "mschapv2": (Mschapv2Peer, Mschapv2Server),
}
CARDS: dict[str, tuple[type[SimAkaPeer], type[SimAkaServer]]] = {
    "SIM": (SimPeer, SimServer),
    "AKA": (AkaPeer, AkaServer),
    "AKA'": (AkaPrimePeer, AkaPrimeServer),
}
MSK = {"SIM": r"keying material \(MSK\)", "AKA": "(?<!E)MSK", "AKA'": "(?<!E)MSK"}


def card(sqn: int = 0) -> Usim:
    return Usim(IMSI, K, OPC, sqn)


def home() -> Register:
    return Register([Subscriber(IMSI, K, OPC)])


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "indications"])
def hostapd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[strangers.Server]:
    with strangers.hostapd(tmp_path_factory.mktemp("h"), home(), indications=request.param) as found:
        yield found


@pytest.fixture(scope="module")
def freeradius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[strangers.Server]:
    with strangers.freeradius(tmp_path_factory.mktemp("r")) as found:
        yield found


def peer_of(identity: bytes, *methods: PeerMethod) -> EapPeer:
    return EapPeer(identity, methods, random=Random(7).randbytes)


def passing(*methods: Callable[[], ServerMethod]) -> PassThrough:
    return PassThrough(lambda: EapServer([make() for make in methods], random=Random(8).randbytes))


# --- our peer ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PASSWORDS)
def test_our_peer_with_hostapd(hostapd: strangers.Server, name: str) -> None:
    peer = peer_of(name.encode(), PASSWORDS[name][0]("eappassword"))
    key = ask(hostapd.port, peer)
    assert peer.outcome is Outcome.SUCCESS, peer.why
    assert peer.msk == (None if key is None else key.ljust(64, b"\0"))
    assert (key is not None) == (name == "mschapv2")


@pytest.mark.parametrize("name", PASSWORDS)
def test_hostapd_refuses_a_wrong_password(hostapd: strangers.Server, name: str) -> None:
    peer = peer_of(name.encode(), PASSWORDS[name][0]("wrong"))
    assert ask(hostapd.port, peer) is None
    assert peer.outcome is Outcome.FAILURE


@pytest.mark.parametrize("name", PASSWORDS)
def test_our_peer_asks_hostapd_for_another_method(hostapd: strangers.Server, name: str) -> None:
    peer = peer_of(b"any", PASSWORDS[name][0]("eappassword"))
    ask(hostapd.port, peer)
    assert peer.outcome is Outcome.SUCCESS, peer.why


@pytest.mark.parametrize("name", PASSWORDS)
def test_our_peer_with_freeradius(freeradius: strangers.Server, name: str) -> None:
    peer = peer_of(b"carol", PASSWORDS[name][0]("eappassword"))
    key = ask(freeradius.port, peer)
    assert peer.outcome is Outcome.SUCCESS, peer.why
    assert peer.msk == (None if key is None else key.ljust(64, b"\0"))
    assert (key is not None) == (name == "mschapv2")


@pytest.mark.parametrize("name", CARDS)
def test_our_card_with_hostapd(hostapd: strangers.Server, name: str) -> None:
    usim, make = card(sqn=1 << 30), CARDS[name][0]
    for fast in (False, True):
        method = make(usim, result_indications=True)
        peer = peer_of(method.permanent_identity, method)
        key = ask(hostapd.port, peer)
        assert peer.outcome is Outcome.SUCCESS, (peer.why, peer.notes, method.info)
        assert (method.counter is not None) == fast
        assert peer.msk == key == hostapd.key(MSK[name])
        assert peer.emsk == hostapd.key("EMSK")
    assert set(usim.pseudonyms) == {method.permanent}


# --- our server -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PASSWORDS)
def test_eapol_test_with_our_server(tmp_path: Path, name: str) -> None:
    lines = f'eap={name.upper()}; identity="{name}"; password="eappassword"'
    with passing(lambda: PASSWORDS[name][1](dict(USERS))) as server:  # type: ignore[call-arg]
        ran = strangers.eapol_test(tmp_path, server.port, lines, *(["-n"] if name != "mschapv2" else []))
    assert ran.succeeded, ran.log[-2000:]
    [conversation] = server.conversations
    assert conversation.outcome is Outcome.SUCCESS
    if name == "mschapv2":
        assert conversation.msk == ran.key("EAP-MSCHAPV2: Derived key").ljust(64, b"\0")


@pytest.mark.parametrize("name", PASSWORDS)
def test_our_server_refuses_a_wrong_password(tmp_path: Path, name: str) -> None:
    lines = f'eap={name.upper()}; identity="{name}"; password="wrong"'
    with passing(lambda: PASSWORDS[name][1](dict(USERS))) as server:  # type: ignore[call-arg]
        ran = strangers.eapol_test(tmp_path, server.port, lines, "-n")
    assert not ran.succeeded
    assert server.conversations[0].outcome is Outcome.FAILURE


def test_eapol_test_asks_our_server_for_another_method(tmp_path: Path) -> None:
    lines = 'eap=MSCHAPV2; identity="any"; password="eappassword"'
    with passing(lambda: Md5Server(USERS), lambda: GtcServer(USERS), lambda: Mschapv2Server(USERS)) as server:
        ran = strangers.eapol_test(tmp_path, server.port, lines)
    assert ran.succeeded, ran.log[-2000:]


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("ask", [False, True])
def test_a_card_in_eapol_test_with_our_server(tmp_path: Path, name: str, ask: bool) -> None:
    peer, make = CARDS[name]
    register, options = home(), {"pseudonyms": True, "reauthentication": True, "result_indications": ask}
    lines = f'eap={name}; identity="{(peer.permanent + IMSI).decode()}"; phase1="result_ind=1"'
    with passing(lambda: make(register, ask=ask, **options)) as server:
        ran = strangers.eapol_test(tmp_path, server.port, lines, "-r1", usim=card(sqn=1 << 30))
    assert ran.succeeded, ran.log[-2000:]
    methods = [one.method for one in server.conversations]
    assert [one.counter for one in methods if isinstance(one, make)] == [None, 1]
    assert server.conversations[1].msk == ran.key(MSK[name])
    assert server.conversations[1].emsk == ran.key("EMSK")
