"""The RADIUS server: decisions, EAP behind it, deviations, and that nothing of a client's harms it."""

from random import Random

import pytest

from conformance.eap.md5 import Md5Server
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.radius import bend, grant
from conformance.radius.bend import RadiusBend
from conformance.radius.packet import Attribute, Code, MalformedError, Packet, read
from conformance.radius.server import EndlessChallenge, Limits, RadiusServer
from tests.radius.nas import HERE, SECRET, Nas

USER: Attribute = ("User-Name", "carol")
IDENTITY = b"\2\7\0\x0a\1carol"


def make() -> EapServer:
    return EapServer([Mschapv2Server({b"carol": "secret"})], random=Random(8).randbytes)


def server(kind: type[RadiusServer] = RadiusServer, **options: object) -> RadiusServer:
    return kind(SECRET, random=Random(1).randbytes, users={"carol": b"secret"}, make=make, **options)  # type: ignore[arg-type]


def through(nas: Nas, peer: EapPeer, packet: bytes | None = b"\1\7\0\5\1") -> Packet:
    """Lets our peer talk through a NAS to the end."""
    said, state = peer.receive(packet or b""), b""
    while True:
        assert said is not None
        given: list[Attribute] = [USER, *([("State", state)] if state else [])]
        answer = nas.send(nas.access(*given, eap=said))
        assert answer.authenticated
        said = peer.receive(answer.eap or b"")
        if answer.code != Code.ACCESS_CHALLENGE:
            return answer
        [state] = answer.raw(24)


def peer(password: str = "secret") -> EapPeer:
    return EapPeer(b"carol", [Mschapv2Peer(password)], random=Random(7).randbytes)


# --- decisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("password", [b"secret", b"wrong", b"a" * 40, b""])
def test_pap(password: bytes) -> None:
    nas = Nas(server())
    nas.server.users["carol"] = b"secret" if password == b"wrong" else password
    answer = nas.send(nas.access(USER, password=password))
    assert (answer.code == Code.ACCESS_ACCEPT) == (password not in (b"wrong", b""))
    assert answer.authenticated


def test_an_accept_bears_what_is_granted_to_all_and_to_the_user() -> None:
    granted = [("Class", b"gold"), ("Session-Timeout", 300), ("Idle-Timeout", 60), ("Framed-Pool", "blue")]
    own = [
        *grant.address("10.9.8.7", "255.255.255.0"),
        *grant.dns("10.0.0.1", "10.0.0.2"),
        grant.pair("dns-servers", "10.0.0.3 10.0.0.4"),
        *grant.tunnel_password(b"a key of IKE's, over sixteen octets", tag=1),
    ]
    nas = Nas(server(granted=granted, grants={"carol": own, "dave": grant.address("10.0.0.9")}))
    answer = nas.send(nas.access(USER, password=b"secret"))
    for name, value in [*granted, *own]:
        assert answer.all(name.partition(":")[0]) == [value], name
    assert answer.pairs == {"ipsec:dns-servers": "10.0.0.3 10.0.0.4"}
    assert "Framed-IP-Address = 10.9.8.7" in answer.words and "MS-Primary-DNS-Server = 10.0.0.1" in answer.words
    assert not any("a key of" in line or b"a key of".hex() in line for line in answer.words)


def test_an_unknown_pair_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"no AV pair ipsec:dns-server, known are addr-pool, .*dns-servers"):
        grant.pair("dns-server", "10.0.0.3")


def test_eap_leads_to_the_keys_of_the_method() -> None:
    nas, client = Nas(server(granted=grant.address("10.0.0.7"))), peer()
    answer = through(nas, client)
    assert answer.code == Code.ACCESS_ACCEPT and answer.text("Framed-IP-Address") == "10.0.0.7"
    [received], [sent] = answer.all("MS-MPPE-Recv-Key"), answer.all("MS-MPPE-Send-Key")
    assert client.msk == (received + sent).ljust(64, b"\0")
    other = read(answer.octets, SECRET, bytes(16))
    assert other.all("MS-MPPE-Recv-Key") != [received], "salt and Request Authenticator matter"
    [conversation] = nas.server.conversations.values()
    assert conversation.msk == client.msk


def test_a_wrong_password_is_rejected_with_an_eap_failure() -> None:
    answer = through(Nas(server()), peer("wrong"))
    assert answer.code == Code.ACCESS_REJECT and (answer.eap or b"")[0] == 4
    assert not answer.all("MS-MPPE-Recv-Key")


def test_eap_start_is_asked_for_an_identity() -> None:
    nas = Nas(server())
    answer = nas.send(nas.access(USER, eap=b""))
    assert (answer.eap or b"")[4:] == b"\1"


def test_without_eap_it_is_refused() -> None:
    found = server()
    found.make = None
    nas = Nas(found)
    answer = nas.send(nas.access(USER, eap=IDENTITY))
    assert answer.code == Code.ACCESS_REJECT and answer.eap == b"\4\7\0\4"


def test_an_unknown_state_is_refused() -> None:
    nas = Nas(server())
    answer = nas.send(nas.access(USER, ("State", b"?"), eap=IDENTITY))
    assert answer.code == Code.ACCESS_REJECT
    assert nas.server.notes == ["unknown State 3f"]


def test_a_repeated_request_gets_the_same_answer_and_is_no_new_conversation() -> None:
    nas = Nas(server())
    octets = nas.access(USER, eap=IDENTITY)
    first, second = nas.raw(octets), nas.raw(octets)
    assert first == second and len(nas.server.conversations) == 1
    nas.now += 60
    assert nas.raw(octets) != first, "long after, it is a request of its own"


def test_a_challenge_without_end() -> None:
    nas = Nas(server(EndlessChallenge))
    for eap in (IDENTITY, b"", None):
        for _ in range(300):
            answer = nas.send(nas.access(USER, password=b"secret" if eap is None else b"", eap=eap))
            assert answer.code == Code.ACCESS_CHALLENGE and answer.raw(24) and (answer.eap is None) == (eap is None)


def test_proxy_state_comes_back_in_order() -> None:
    nas = Nas(server())
    answer = nas.send(nas.access(USER, ("Proxy-State", b"one"), ("Proxy-State", b"two"), password=b"secret"))
    assert answer.raw(33) == [b"one", b"two"]


# --- deviations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "believed"),
    [
        (bend.STRAIGHT, True),
        (bend.without("Message-Authenticator"), True),
        (bend.wrong_message_authenticator(), False),
        (bend.wrong_authenticator(), False),
        (bend.other_secret(), False),
        (bend.identifier(), False),
        (bend.without("MS-MPPE-Recv-Key", "MS-MPPE-Send-Key"), True),
        (bend.adding(("Class", b"x")), True),
        (bend.setting(("Framed-IP-Address", "0.0.0.0")), True),
        (bend.code(Code.ACCESS_REJECT), True),
    ],
    ids=lambda one: one.text if isinstance(one, RadiusBend) else "",
)
def test_what_a_stranger_thinks_of_a_bent_answer(wrong: RadiusBend, believed: bool) -> None:
    nas = Nas(server())
    nas.server.bends.append(wrong)
    assert nas.verified(nas.access(USER, password=b"secret")) == believed
    assert nas.server.bent == [wrong.text]
    assert nas.verified(nas.access(USER, password=b"secret")), "only one answer is bent"


def test_a_bend_waits_for_its_code() -> None:
    nas = Nas(server())
    nas.server.bends.append(bend.without("Message-Authenticator").only(Code.ACCESS_ACCEPT))
    assert nas.send(nas.access(USER, password=b"wrong")).authenticated
    assert nas.send(nas.access(USER, password=b"secret")).authenticated is None


def test_silent_late_doubled_and_foreign_answers() -> None:
    nas = Nas(server(always=bend.doubled(0.5) | bend.late(2) | bend.elsewhere()))
    answers = nas.raw(nas.access(USER, password=b"secret"))
    assert [(one.delay, one.elsewhere) for one in answers] == [(2, True), (2.5, True)]
    nas.server.always = bend.silence()
    assert nas.raw(nas.access(USER, password=b"secret")) == []


@pytest.mark.parametrize("wrong", [bend.length(4000), bend.length(3), bend.raw(8, b"\1", 255), bend.raw(8, b"\1", 0)])
def test_answers_that_are_no_packets(wrong: RadiusBend) -> None:
    nas = Nas(server(always=wrong))
    [answer] = nas.raw(nas.access(USER, password=b"secret"))
    with pytest.raises(MalformedError):
        read(answer.octets, SECRET)
    assert nas.server.events[-1].way == "out"


def test_evidence_has_words_for_both_ways() -> None:
    nas = Nas(server())
    nas.send(nas.access(USER, password=b"secret"))
    came, went = nas.server.events
    assert came.words[0] == "Access-Request 1" and "User-Name = carol" in came.words
    assert "User-Password = 16 octets, hidden" in came.words
    assert went.words[0] == "Access-Accept 1" and went.at == nas.now


# --- hostile clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\1",
        bytes(19),
        bytes(20),
        b"\1\1\0\x14" + bytes(15),
        b"\1\1\xff\xff" + bytes(5000),
        b"\1\1\0\x15" + bytes(17),
    ]
    + [b"\1\1\0\x16" + bytes(16) + bytes([80, length]) for length in (0, 1, 3, 255)],
)
def test_what_is_no_packet_gets_no_answer(octets: bytes) -> None:
    nas = Nas(server())
    assert nas.raw(octets) == []
    assert nas.server.notes[0].startswith("no packet from 192.0.2.1: ")


def test_requests_without_the_secret_get_no_answer() -> None:
    nas = Nas(server())
    assert nas.raw(nas.access(USER, eap=IDENTITY, secret=b"other")) == []
    good = nas.accounting(("Acct-Status-Type", "Start"), ("Acct-Session-Id", "1"))
    assert nas.raw(good[:-1] + b"2") == []
    assert nas.server.ledger.records == []
    assert nas.raw(nas.access(USER, ("EAP-Message", IDENTITY))) == []
    assert nas.server.notes == [
        "wrong Message-Authenticator; another secret?",
        "wrong Request Authenticator; another secret?",
        "EAP-Message without Message-Authenticator",
    ]


@pytest.mark.parametrize("code", [2, 3, 5, 11, 40, 41, 43, 45])
def test_answers_and_other_requests_get_no_answer(code: int) -> None:
    nas = Nas(server())
    octets = nas.access(USER)
    assert nas.raw(bytes([code]) + octets[1:]) == []


def test_no_octet_of_a_request_harms() -> None:
    random, found = Random(5), server(limits=Limits(conversations=8, events=50))
    nas = Nas(found)
    seeds = [
        nas.access(USER, ("Cisco-AVPair", "a=b"), password=b"secret"),
        nas.access(USER, ("State", b"x"), eap=IDENTITY),
        nas.accounting(("Acct-Status-Type", "Start"), ("Acct-Session-Id", "1"), ("Acct-Input-Octets", 5)),
    ]
    believing = type("Believing", (RadiusServer,), {"believes": lambda *_: True})
    trusting = believing(SECRET, random=random.randbytes, users={"carol": b"secret"}, make=make)
    for number in range(1000):
        octets = bytearray(random.choice(seeds))
        for _ in range(random.randrange(1, 4)):
            octets[random.randrange(len(octets))] = random.randrange(256)
        for one in (found, trusting):
            for answer in one.receive(bytes(octets), HERE, number * 40.0):
                read(answer.octets, SECRET)
    assert len(found.events) <= 50 and len(found.conversations) <= 8
    assert trusting.ledger.records and trusting.ledger.faults(), "what was bent got as far as the ledger"


def test_many_conversations_are_bounded() -> None:
    nas = Nas(server(limits=Limits(conversations=4)))
    for _ in range(20):
        nas.send(nas.access(USER, eap=IDENTITY))
    assert len(nas.server.conversations) == 4


def test_a_thousand_rounds_are_bounded() -> None:
    found = server()
    found.make = lambda: EapServer([Md5Server({})], random=Random(8).randbytes)
    nas = Nas(found)
    answer = nas.send(nas.access(USER, eap=IDENTITY))
    [state], request = answer.raw(24), answer.eap or b""
    codes = []
    for _ in range(1100):
        octets = nas.access(USER, ("State", state), eap=bytes([2, request[1], 0, 6, 4, 0]))
        codes += [read(one.octets, SECRET).code for one in nas.raw(octets)]
    assert codes.count(Code.ACCESS_REJECT) <= 1 and Code.ACCESS_ACCEPT not in codes


def test_the_newest_answers_are_remembered() -> None:
    one = server(limits=Limits(answered=3))
    asked = Nas(one).access(USER, password=b"secret")
    for port in range(1000, 1010):
        assert one.receive(asked, (HERE[0], port), 0.0)
    for port in (1009, 1000):
        one.receive(asked, (HERE[0], port), 1.0)
    assert one.notes == ["repeated; gets the same answer"]
