"""EAP-TTLS and PEAP: our peer with our server, and what is wrong inside of their tunnels."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.eap.avp import EAP_MESSAGE, USER_NAME, AnyAvp, Avp, Avps, VendorAvp, pair
from conformance.eap.bend import EapBend, change
from conformance.eap.conversation import Outcome
from conformance.eap.layout import Body, Raw
from conformance.eap.peap import FAILURE, SUCCESS, Binding, Bound, Extensions, Tlv, result_tlv
from conformance.eap.peap_peer import PeapPeer
from conformance.eap.peap_server import PeapServer
from conformance.eap.tls_frames import Piece, SizedPiece
from conformance.eap.ttls_peer import ChapPeer, Mschapv2InsidePeer, PapPeer
from conformance.eap.ttls_server import TtlsServer
from conformance.eap.tunnel import InnerBend, TunnelMethod
from conformance.tls import TlsVersion
from conformance.wire.errors import WireError
from tests.eap.talk import USERS, agree, peer_of, server_of, talk
from tests.eap.tunnels import INNER, NAME, PASSWORD, WAYS, inner_servers, peer_method, server_method
from tests.tls.pair import EXPIRED, client, leaf, server

each_way = pytest.mark.parametrize("way", WAYS)
each_version = pytest.mark.parametrize("version", list(TlsVersion))
FAILED = (Outcome.FAILURE, Outcome.FAILURE)


def plain_client(version: TlsVersion = TlsVersion.TLS_1_2, **options: Any) -> Any:
    """Without a certificate, as nearly all clients of these methods are."""
    return client(versions=(version,), leaf=None, **options)


@each_way
@each_version
@pytest.mark.parametrize(("engine", "size"), [("openssl", 100), ("lite", 1024)])
def test_the_right_password_succeeds_under_another_name(way: str, version: TlsVersion, engine: str, size: int) -> None:
    ours = peer_method(way, plain_client(version, engine=engine), size=size)
    peer = peer_of(ours, identity=b"anonymous@example")
    eap_server = server_of(server_method(way, server(trust=None, engine=engine), size=size))
    packets = talk(peer, eap_server, 200)
    agree(peer, eap_server)
    assert len(peer.msk or b"") == len(peer.emsk or b"") == 64
    assert not any(b"carol" in packet or PASSWORD.encode() in packet for packet in packets)


@each_way
@each_version
@pytest.mark.parametrize(("name", "password"), [(NAME, "wrong"), (b"mallory", PASSWORD), (b"", "")])
def test_a_wrong_password_fails(way: str, version: TlsVersion, name: bytes, password: str) -> None:
    peer = peer_of(peer_method(way, plain_client(version), password, name=name), identity=b"carol")
    eap_server = server_of(server_method(way, server(trust=None)))
    talk(peer, eap_server)
    assert (peer.outcome, eap_server.outcome) == FAILED
    assert peer.msk is None is eap_server.msk


@each_way
@pytest.mark.parametrize(
    "shown",
    [leaf("server", "another root"), leaf("server", not_after=EXPIRED), leaf("elsewhere")],
    ids=["untrusted", "expired", "another name"],
)
def test_the_password_is_kept_from_the_wrong_server(way: str, shown: Any) -> None:
    for version in TlsVersion:
        method = server_method(way, server(trust=None, leaf=shown))
        peer, eap_server = peer_of(peer_method(way, plain_client(version)), identity=b"?"), server_of(method)
        talk(peer, eap_server)
        assert (peer.outcome, eap_server.outcome) == FAILED
        assert getattr(method, "name", b"") == b""
        assert getattr(method, "inner", None) is None


def test_the_keys_differ_between_methods() -> None:
    found = set()
    for way in WAYS:
        peer = peer_of(peer_method(way, plain_client()))
        talk(peer, server_of(server_method(way, server(trust=None))))
        found |= {peer.msk, peer.emsk}
    assert len(found) == 2 * len(WAYS)


@pytest.mark.parametrize("way", ["TTLS auth=PAP", "PEAP auth=MD5"])
def test_another_version_of_the_method_is_refused(way: str) -> None:
    peer = peer_of(peer_method(way, plain_client()))
    eap_server = server_of(server_method(way, server(trust=None)))
    peer.bend(change(Piece, flags=1) | EapBend())
    talk(peer, eap_server)
    assert "version 1 of" in eap_server.why
    peer = peer_of(peer_method(way, plain_client()))
    eap_server = server_of(server_method(way, server(trust=None)))
    eap_server.bend(change(Piece, flags=0x21))
    talk(peer, eap_server)
    agree(peer, eap_server)


# --- pairs ------------------------------------------------------------------------------------------------------------


def ttls(peer: PapPeer | ChapPeer | Mschapv2InsidePeer, bend: InnerBend) -> str:
    """What the server says of a bent message in the tunnel."""
    peer.inner_bends.append(bend)
    eap_server = server_of(TtlsServer(server(trust=None), dict(USERS), inner_servers))
    talk(peer_of(peer), eap_server)
    assert eap_server.outcome is Outcome.FAILURE
    assert peer.info["bent"] == bend.text
    return eap_server.why


def with_pairs(*pairs: Body) -> InnerBend:
    return InnerBend("other pairs", lambda _: Avps(pairs))


@pytest.mark.parametrize(
    ("bend", "why"),
    [
        (with_pairs(), "no pair in the tunnel that authenticates"),
        (with_pairs(pair(USER_NAME, b"carol")), "no pair in the tunnel that authenticates"),
        (with_pairs(Avp(1, length=0, data=b"x")), "items[0].length: 0, expected 8 to 12"),
        (with_pairs(Avp(1, length=7, data=b"x")), "items[0].length: 7, expected 8 to 12"),
        (with_pairs(Avp(1, length=13, data=b"x")), "items[0].length: 13, expected 8 to 12"),
        (with_pairs(Avp(1, length=0xFFFFFF, data=b"x")), "items[0].length: 16777215, expected 8 to 12"),
        (with_pairs(VendorAvp(11, length=11, data=b"x")), "items[0].length: 11, expected 12 to 16"),
        (with_pairs(Raw(b"\0\0\0\x01\x40\0\0")), "items[0]: 7 bytes left, expected 8"),
        (with_pairs(pair(2, b"")), "no user b''"),
        (with_pairs(pair(EAP_MESSAGE, b"")), "inside: malformed packet"),
        (with_pairs(pair(EAP_MESSAGE, b"\x02\x00\x00\x03")), "inside: malformed packet"),
    ],
)
def test_a_server_names_wrong_pairs(bend: InnerBend, why: str) -> None:
    assert why in ttls(PapPeer(plain_client(), NAME, PASSWORD), bend)


def altered(code: int, data: bytes) -> InnerBend:
    def one(item: Body) -> Body:
        return replace(item, data=data) if isinstance(item, Avp | VendorAvp) and item.code == code else item

    def change(body: Body) -> Body:
        assert isinstance(body, Avps)
        return Avps(tuple(map(one, body.items)))

    return InnerBend(f"pair {code} altered", change)


@pytest.mark.parametrize("form", [ChapPeer, Mschapv2InsidePeer])
def test_the_challenge_has_to_come_from_tls(form: type[ChapPeer | Mschapv2InsidePeer]) -> None:
    code = 60 if form is ChapPeer else 11
    for challenge in (b"", bytes(16), bytes(17)):
        why = ttls(form(plain_client(), NAME, PASSWORD), altered(code, challenge))
        assert why == "a challenge that does not come from TLS"


@pytest.mark.parametrize("size", [0, 1, 49, 51])
def test_a_response_of_another_size_is_no_response(size: int) -> None:
    why = ttls(Mschapv2InsidePeer(plain_client(), NAME, PASSWORD), altered(25, bytes(size)))
    assert why == f"MS-CHAP2-Response of {size} octets, expected 50"


class ProvesNothing(TtlsServer):
    """Accepts every response without knowing the password."""

    def answer_mschapv2(self, value: bytes, avps: Avps, password: str) -> list[AnyAvp]:
        self.proved = True
        return [pair(26, value[:1] + b"S=" + b"0" * 40, 311)]


def test_the_server_has_to_prove_itself_in_the_tunnel() -> None:
    peer = peer_of(Mschapv2InsidePeer(plain_client(), NAME, PASSWORD))
    talk(peer, server_of(ProvesNothing(server(trust=None), dict(USERS))))
    assert (peer.outcome, peer.why) == (Outcome.FAILURE, "wrong authenticator response")


small = st.binary(max_size=9)
codes, lengths = st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**24 - 1)
avps = st.lists(
    st.builds(Avp, codes, st.integers(0, 127), lengths, small)
    | st.builds(VendorAvp, codes, st.integers(128, 255), lengths, codes, small),
    max_size=4,
)


@given(avps)
def test_pairs_come_back_as_they_were(items: list[Body]) -> None:
    data = Avps(tuple(items)).encode()
    if all(getattr(one, "length", None) is None for one in items):
        assert Avps.decode(data) == Avps(tuple(items))
        assert len(data) % 4 == 0


@given(st.binary(max_size=60))
def test_any_octets_are_pairs_or_an_error(data: bytes) -> None:
    for form in (Avps, Extensions):
        try:
            assert form.decode(data).encode() == data
        except WireError as error:
            assert str(error)


# --- TLVs -------------------------------------------------------------------------------------------------------------


@each_version
@pytest.mark.parametrize("bound", list(Bound))
@pytest.mark.parametrize("binds", [True, False])
def test_tunnel_and_inner_method_are_bound(version: TlsVersion, bound: Bound, binds: bool) -> None:
    ours = PeapPeer(plain_client(version), NAME, [INNER["MSCHAPV2"](PASSWORD)], binds=binds)
    theirs = PeapServer(server(trust=None), inner_servers, bound=bound)
    peer, eap_server = peer_of(ours), server_of(theirs)
    talk(peer, eap_server)
    if bound is Bound.DEMAND and not binds:
        assert eap_server.why == "no Crypto-Binding TLV"
        return
    agree(peer, eap_server)
    assert (peer.msk == ours.export(ours.label, 128)[:64]) == (bound is Bound.NO or not binds)


def tlvs(*items: Body) -> InnerBend:
    def change(body: Body) -> Body:
        assert isinstance(body, Extensions)
        return replace(body, tlvs=items)

    return InnerBend("other TLVs", change, of=Extensions)


def spoiled(body: Body) -> Body:
    assert isinstance(body, Extensions)
    zeros = [replace(one, mac=bytes(20)) if isinstance(one, Binding) else one for one in body.tlvs]
    return replace(body, tlvs=tuple(zeros))


WRONG = [
    (tlvs(), "no Result TLV in the tunnel"),
    (tlvs(Tlv(value=b"\x01")), "no Result TLV in the tunnel"),
    (tlvs(Tlv(value=b"\x00\x01", length=3)), "length: 3, expected at most 2"),
    (tlvs(Tlv(type=12, value=bytes(55))), "TLVs in the tunnel"),
    (InnerBend("wrong MAC", spoiled, of=Extensions), "wrong MAC of the Crypto-Binding TLV"),
    (InnerBend("nothing", lambda _: Raw(b""), of=Extensions), None),
]


@pytest.mark.parametrize(("bend", "why"), WRONG)
@pytest.mark.parametrize("of_peer", [True, False])
def test_wrong_tlvs_are_named(bend: InnerBend, why: str | None, of_peer: bool) -> None:
    ours = PeapPeer(plain_client(), NAME, [INNER["MSCHAPV2"](PASSWORD)])
    theirs = PeapServer(server(trust=None), inner_servers)
    peer, eap_server = peer_of(ours), server_of(theirs)
    sender: TunnelMethod = ours if of_peer else theirs
    sender.inner_bends.append(bend)
    talk(peer, eap_server)
    judge = eap_server if of_peer else peer
    assert judge.outcome is not Outcome.SUCCESS
    assert why is None or why in judge.why


@pytest.mark.parametrize(("of_peer", "status"), [(True, FAILURE), (False, FAILURE), (True, 0), (True, 3)])
def test_both_have_to_say_success(of_peer: bool, status: int) -> None:
    ours = PeapPeer(plain_client(), NAME, [INNER["MSCHAPV2"](PASSWORD)])
    theirs = PeapServer(server(trust=None), inner_servers)
    sender: TunnelMethod = ours if of_peer else theirs
    sender.inner_bends.append(tlvs(result_tlv(status)))
    peer, eap_server = peer_of(ours), server_of(theirs)
    talk(peer, eap_server)
    assert eap_server.outcome is Outcome.FAILURE
    assert eap_server.msk is None


class SuccessAtOnce(PeapServer):
    """Announces success where no inner method has run."""

    def first_request(self) -> bytes:
        super().first_request()
        self.told = SUCCESS
        return self.wrap(self.result(SUCCESS))


@each_version
def test_success_without_an_inner_method_is_none(version: TlsVersion) -> None:
    peer = peer_of(PeapPeer(plain_client(version), NAME, [INNER["MSCHAPV2"](PASSWORD)]))
    eap_server = server_of(SuccessAtOnce(server(trust=None), inner_servers))
    talk(peer, eap_server)
    assert (peer.outcome, eap_server.outcome) == FAILED


@settings(max_examples=40)
@given(
    st.sampled_from(["TTLS auth=PAP", "TTLS auth=MSCHAPV2", "TTLS autheap=MD5", "PEAP auth=MSCHAPV2"]),
    st.booleans(),
    st.binary(max_size=40),
    st.integers(0, 3),
)
def test_nothing_in_a_tunnel_does_harm(way: str, of_peer: bool, data: bytes, after: int) -> None:
    ours, theirs = peer_method(way, plain_client()), server_method(way, server(trust=None))
    sender = ours if of_peer else theirs
    assert isinstance(sender, TunnelMethod)
    sender.inner_bends += [InnerBend("", lambda body: body)] * after + [InnerBend("any octets", lambda _: Raw(data))]
    peer, eap_server = peer_of(ours), server_of(theirs)
    talk(peer, eap_server, 60)
    if (peer.outcome, eap_server.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS):
        agree(peer, eap_server)


def test_frames_of_a_tunnel_are_those_of_tls() -> None:
    peer = peer_of(peer_method("TTLS auth=PAP", plain_client()))
    eap_server = server_of(server_method("TTLS auth=PAP", server(trust=None), size=300))
    eap_server.bend(change(SizedPiece, total=3))
    talk(peer, eap_server)
    assert "3 were announced" in peer.why
