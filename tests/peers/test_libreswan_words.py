"""The words of libreswan: what is written for it, and what is read from it. Without a pluto."""

from dataclasses import replace

import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import Connection, Identity, Mode, Party, Psk, PublicKey
from conformance.wire import AuthMethod, HashAlgorithm, IdType
from peers.contract import Pixit, SaState, Unsupported
from peers.libreswan import algorithms, settings, translate
from peers.libreswan.device import _is_noise
from peers.libreswan.status import sa_statuses, selector, states
from tests.peers.connections import child_view, device_view

PIXIT = Pixit(device_address="10.91.0.2", tester_address="10.91.0.1")


def _conn(connection: Connection) -> dict[str, str]:
    """The only section as a dictionary."""
    lines = translate.sections(connection, PIXIT, None).strip().splitlines()
    assert lines[0] == "conn ikespec-net"
    return dict(line.strip().split("=", 1) for line in lines[1:])


def test_a_connection_with_a_shared_key() -> None:
    conn = _conn(device_view())
    assert conn["left"] == "10.91.0.2"
    assert conn["right"] == "10.91.0.1"
    assert conn["leftid"] == '"@device.example"'
    assert conn["rightid"] == '"@tester.example"'
    assert conn["authby"] == "secret"
    assert conn["ike"] == "aes_gcm_16_128-sha2_256;dh31"
    assert conn["esp"] == "aes_gcm_16_128"
    assert (conn["leftsubnet"], conn["rightsubnet"]) == ("10.2.0.0/24", "10.1.0.0/24")
    assert (conn["rekey"], conn["pfs"], conn["esn"], conn["type"]) == ("no", "no", "no", "tunnel")
    assert "dpddelay" not in conn
    assert translate.secrets(device_view()) == (
        '"@device.example" "@tester.example" : PSK 0x' + b"a shared secret".hex() + "\n"
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("aes128-sha256-modp2048", "aes128-sha2_256;dh14"),
        ("aes128-aes256-sha256-sha512-ecp256-ecp384", "aes128+aes256-sha2_256+sha2_512;dh19+dh20"),
        ("chacha20poly1305-prfsha384-ecp521", "chacha20_poly1305-sha2_384;dh21"),
        ("3des-sha1-modp1536", "3des-sha1;dh5"),
        ("aes256gcm8-prfsha512-x25519", "aes_gcm_8_256-sha2_512;dh31"),
        ("aes128-aesxcbc-modp3072", "aes128-aes_xcbc;dh15"),
    ],
)
def test_proposals_of_an_ike_sa(words: str, expected: str) -> None:
    assert algorithms.ike([words]) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["aes128gcm16"], {"esp": "aes_gcm_16_128", "pfs": "no", "esn": "no"}),
        (["aes128-sha256", "aes256gcm16"], {"esp": "aes128-sha2_256,aes_gcm_16_256", "pfs": "no", "esn": "no"}),
        (["aes128gcm16-x25519-esn"], {"esp": "aes_gcm_16_128;dh31", "pfs": "yes", "esn": "yes"}),
        (["aes128gcm16-esn-noesn"], {"esp": "aes_gcm_16_128", "pfs": "no", "esn": "either"}),
        (["null-sha1"], {"esp": "null-sha1", "pfs": "no", "esn": "no"}),
        (["sha256"], {"phase2": "ah", "ah": "sha2_256", "pfs": "no", "esn": "no"}),
    ],
)
def test_proposals_of_a_child_sa(words: list[str], expected: dict[str, str]) -> None:
    assert algorithms.child(words) == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["aes128gcm16-x25519", "aes128gcm16"], "same key exchange"),
        (["aes128gcm16", "sha256"], "ESP and AH"),
        (["aes128gcm16-x448"], "it has no CURVE448"),
        (["camellia128gcm16"], "camellia128gcm16"),
    ],
)
def test_what_has_no_word(words: list[str], complaint: str) -> None:
    with pytest.raises(Unsupported, match=complaint):
        algorithms.child(words)
    with pytest.raises(Unsupported, match="for Child SAs only"):
        algorithms.ike(["null-sha1-x25519"])


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity.of("device.example"), "@device.example"),
        (Identity.of("someone@device.example"), "someone@device.example"),
        (Identity.of("10.1.2.3"), "10.1.2.3"),
        (Identity.of("fd00::1"), "fd00::1"),
        (Identity(IdType.KEY_ID, b"\x01\xff"), "@#01ff"),
        (Identity(IdType.DER_ASN1_DN, b"\x30\x00"), "@~3000"),
    ],
)
def test_identities(identity: Identity, expected: str) -> None:
    assert translate.identity(identity) == expected


def test_an_identity_that_could_break_the_file_is_refused() -> None:
    for text in (b'a"b', b"two words", b"a\nconn b", b""):
        with pytest.raises(Unsupported):
            translate.identity(Identity(IdType.FQDN, text))


def test_shared_keys_that_it_cannot_hold() -> None:
    view = device_view()
    with pytest.raises(Unsupported, match="two were configured"):
        translate.secrets(replace(view, remote=replace(view.remote, auth=Psk(b"another"))))
    nothing = Psk(b"")
    with pytest.raises(Unsupported, match="without any octet"):
        translate.secrets(
            replace(view, local=replace(view.local, auth=nothing), remote=replace(view.remote, auth=nothing))
        )


@pytest.mark.parametrize(
    ("kind", "how", "expected"),
    [
        ("rsa", {}, "rsasig"),
        ("rsa", {"method": AuthMethod.RSA_SIGNATURE}, "rsa-sha1"),
        ("rsa", {"hash": HashAlgorithm.SHA2_384}, "rsa-sha2_384"),
        ("rsa", {"method": AuthMethod.DIGITAL_SIGNATURE}, "rsa-sha2"),
        ("ecdsa", {}, "ecdsa"),
        ("ecdsa", {"hash": HashAlgorithm.SHA2_256}, "ecdsa-sha2_256"),
    ],
)
def test_certificates(kind: str, how: dict[str, object], expected: str) -> None:
    leaf = Authority.create("root", kind).issue("device.example", kind=kind, sans=["device.example"])
    party = Party(Identity.of("device.example"), PublicKey((leaf.certificate,), leaf.key, **how))  # type: ignore[arg-type]
    conn = dict(
        line.strip().split("=", 1)
        for line in translate.sections(device_view(local=party, remote=party), PIXIT, "its-name").splitlines()
        if "=" in line
    )
    assert conn["authby"] == expected
    assert (conn["leftcert"], conn["leftsendcert"]) == ("its-name", "always")
    mixed = _conn(device_view(local=party))
    assert "authby" not in mixed
    assert (mixed["leftauth"], mixed["rightauth"]) == ("rsasig" if kind == "rsa" else "ecdsa", "secret")


def test_an_ed25519_certificate_is_refused() -> None:
    leaf = Authority.create("root", "ed25519").issue("device.example", kind="ed25519", sans=["device.example"])
    party = Party(Identity.of("device.example"), PublicKey((leaf.certificate,), leaf.key))
    with pytest.raises(Unsupported, match="ed25519"):
        translate.sections(device_view(local=party, remote=party), PIXIT, None)


def test_timers_and_switches() -> None:
    conn = _conn(device_view(retransmit_timeout=0.5, retransmit_tries=3, dpd_delay=1.5, mobike=True, fragment_size=0))
    assert (conn["retransmit-interval"], conn["retransmit-timeout"]) == ("500", "4000ms")
    assert (conn["dpddelay"], conn["dpdaction"]) == ("2s", "clear")
    assert (conn["mobike"], conn["fragmentation"], conn["encapsulation"]) == ("yes", "no", "auto")
    conn = _conn(device_view(lifetime=10.0, force_encapsulation=True, initial_contact=False, remote_ports=(501, 4500)))
    assert (conn["rekey"], conn["ikelifetime"], conn["rekeymargin"], conn["rekeyfuzz"]) == ("yes", "12s", "2s", "0%")
    assert conn["salifetime"] == "28800s"
    assert (conn["encapsulation"], conn["initial-contact"], conn["rightikeport"]) == ("yes", "no", "501")


def test_selectors() -> None:
    child = child_view(local_ts=("10.2.0.0/24[tcp/80]",), remote_ts=("10.1.0.0/24[tcp]",))
    conn = _conn(device_view(children=(child,)))
    assert (conn["leftsubnet"], conn["leftprotoport"], conn["rightprotoport"]) == ("10.2.0.0/24", "tcp/80", "tcp")
    conn = _conn(device_view(children=(child_view(local_ts=("10.2.0.0/24[41]",), remote_ts=("10.1.0.0/24[41]",)),)))
    assert conn["leftprotoport"] == "ipv6"
    for bad in (("10.2.0.0/24", "10.3.0.0/24"), ("10.2.0.1-10.2.0.9",), ()):
        with pytest.raises(Unsupported, match="one prefix"):
            _conn(device_view(children=(replace(child, local_ts=bad),)))
    with pytest.raises(Unsupported, match="one protocol"):
        _conn(device_view(children=(replace(child, remote_ts=("10.1.0.0/24[udp]",)),)))
    hosts = child_view(local_ts=("10.91.0.2/32",), remote_ts=("10.91.0.1/32",), mode=Mode.TRANSPORT)
    conn = _conn(device_view(children=(hosts,), local_address="10.91.0.2", remote_address="10.91.0.1"))
    assert "leftsubnet" not in conn
    assert conn["type"] == "transport"


def test_what_needs_a_new_process() -> None:
    now = settings.Startup()
    assert settings.startup_for(device_view(half_open_limit=3), now) == settings.Startup(half_open_limit=3)
    text = settings.setup(settings.Startup(half_open_limit=3), "/run/x")
    assert "ddos-ike-threshold=3" in text
    assert "logfile=/run/x/pluto.log" in text


STATES = """\
000 #1: "ikespec-net"[1] 10.91.0.1:500 STATE_V2_ESTABLISHED_IKE_SA (established IKE SA); REKEY in 28529s; newest; idle;
000 #2: "ikespec-net"[1] 10.91.0.1:500 STATE_V2_ESTABLISHED_CHILD_SA (established Child SA); newest; IKE SA #1; idle;
000 #2: "ikespec-net"[1] 10.91.0.1 esp.c91b29bb@10.91.0.1 esp.8ec45caf@10.91.0.2 tun.0@10.91.0.1 Traffic: ESPin=0B
000 #3: "ikespec-net":500 STATE_V2_PARENT_I1 (sent IKE_SA_INIT request); RETRANSMIT in 0s; idle;
000 #4: "ikespec-net"[2] 10.91.0.1:4500 STATE_V2_IKE_SA_DELETE (STATE_IKE_SA_DEL); EXPIRE in 1s; idle;
000 #5: "ikespec-net"[1] 10.91.0.1:500 STATE_V2_REKEY_CHILD_I1 (sent CREATE_CHILD_SA request to rekey IPsec SA); idle;
"""
LOG = """\
Nov 21 08:31:48.2 | entry state hash_table_entries.ike_spis@0x56 "ikespec-net"[1] 10.91.0.1 #1: \
00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00 initialized
Nov 21 08:31:48.2 | entry state hash_table_entries.ike_spis@0x56 "ikespec-net"[1] 10.91.0.1 #1: \
0c bd 3e b4  05 58 06 d2  4b b3 54 25  9d 13 f3 55 added to hash table bucket 0x56
Nov 21 08:31:48.3 "ikespec-net"[1] 10.91.0.1 #2: responder established Child SA using #1; IPsec tunnel \
[10.2.0.0-10.2.0.255:0-65535 0] -> [10.1.0.0-10.1.0.255:80-80 6] {ESP=>0xc91b29bb <0x8ec45caf xfrm=AES_GCM_16_128-NONE}
"""
TRAFFIC = "006 #2: \"ikespec-net\"[1] 10.91.0.1, type=ESP, add_time=1, inBytes=84, outBytes=168, id='@tester.example'\n"


def test_states_are_read() -> None:
    assert [one.kind for one in states(STATES)] == [
        *("ESTABLISHED_IKE_SA", "ESTABLISHED_CHILD_SA", "PARENT_I1", "IKE_SA_DELETE", "REKEY_CHILD_I1"),
    ]
    first, larval, going = sa_statuses(STATES + TRAFFIC, LOG, {"ikespec-net": "net"})
    assert (first.spi_i.hex(), first.spi_r.hex()) == ("0cbd3eb4055806d2", "4bb354259d13f355")
    assert [first.state, larval.state, going.state] == [SaState.ESTABLISHED, SaState.CONNECTING, SaState.DELETING]
    assert larval.spi_r == bytes(8)
    [child] = first.children
    assert (child.name, child.spi_out.hex(), child.spi_in.hex()) == ("net", "c91b29bb", "8ec45caf")
    assert (child.local_ts, child.remote_ts) == (("10.2.0.0/24",), ("10.1.0.0/24[tcp/80]",))
    assert (child.bytes_in, child.bytes_out) == (84, 168)


STATES_5 = """\
#7: "ikespec-net"[1] 10.91.0.1:500 ESTABLISHED_IKE_SA (established IKE SA); RETRANSMIT in 0s; newest; idle;
#8: "ikespec-net"[1] 10.91.0.1:500 ESTABLISHED_CHILD_SA (established Child SA); IKE SA #7; idle;
#8: "ikespec-net"[1] 10.91.0.1 esp.c9d43b7a@10.91.0.1 esp.5ccf79@10.91.0.2 tun.0@10.91.0.1 Traffic: ESPin=0B
#9: "ikespec-net"[2] 10.91.0.1:500 IKE_SA_INIT_R (sent IKE_SA_INIT response, waiting for IKE_AUTH request); idle;
#10: "ikespec-net"[1] 10.91.0.1:500 ESTABLISHED_IKE_SA (established IKE SA); EXPIRE in 28798s; newest; idle;
#11: "ikespec-net"[1] 10.91.0.1:500 IKE_SA_INIT_I (sent IKE_SA_INIT request); RETRANSMIT in 2s; idle;
#11: pending Child SA for "ikespec-net"[1] 10.91.0.1
"""
TRAFFIC_5 = "#8: \"ikespec-net\"[1] 10.91.0.1, type=ESP, add_time=1, inBytes=84, outBytes=168, id='@tester.example'\n"
LOG_5 = """\
Nov 28 22:53:19.116943: |    initiator SPI: 09 fe fe 34  68 ad 90 04
Nov 28 22:53:19.116945: |    responder SPI: 00 00 00 00  00 00 00 00
Nov 28 22:53:19.117235: | sending 208 bytes for initiating IKE_SA_INIT through tester0 from 10.91.0.2:500 (for #7)
Nov 28 22:53:19.117686: |    initiator SPI: 4b bc 45 32  b6 95 cb c9
Nov 28 22:53:19.117688: |    responder SPI: 1c 2f b5 93  f3 77 83 a7
Nov 28 22:53:19.117708: | State DB: IKEv2 state not found (find_v2_ike_sa)
Nov 28 22:53:19.118412: |    initiator SPI: 09 fe fe 34  68 ad 90 04
Nov 28 22:53:19.118414: |    responder SPI: 97 50 ed 2a  71 6f 91 b6
Nov 28 22:53:19.118432: | State DB: found IKEv2 state #7 in IKE_SA_INIT_I (find_v2_ike_sa_by_initiator_spi)
Nov 28 22:53:19.119272: | our spi: 1f d3 83 c2
Nov 28 22:53:19.133606: "ikespec-net"[1] 10.91.0.1 #8: initiator established Child SA using #7; IPsec transport \
[10.2.0.0/24/TCP/80===10.1.0.0/24/ICMP/0] {ESP=>0xc9d43b7a <0x005ccf79 xfrm=AES_GCM_16_128-NONE DPD=passive}
Nov 28 22:53:19.216943: |    initiator SPI: a0 2b f3 60  ad 4f 47 d1
Nov 28 22:53:19.216945: |    responder SPI: 7f d8 b8 a5  b7 18 9c 67
Nov 28 22:53:19.217115: | sending 216 bytes for Respond to IKE_SA_INIT through tester0 from 10.91.0.2:500 (for #9)
Nov 28 22:53:20.520189: | our spi: 4a ae b2 bf  00 65 0b fa
Nov 28 22:53:20.520323: | sending 181 bytes for initiate rekey IKE_SA (CREATE_CHILD_SA) through tester0 (for #7)
Nov 28 22:53:20.530000: | our spi: 00 11 22 33  44 55 66 77
Nov 28 22:53:20.530100: | sending 181 bytes for process rekey IKE SA request (CREATE_CHILD_SA) through tester0 (for #7)
Nov 28 22:53:20.556616: | accepted IKE proposal ikev2_proposal: 1:IKE=AES_GCM_16_128-HMAC_SHA2_256-CURVE25519 \
SPI=778f5844cdaefb20
Nov 28 22:53:20.556921: | parent state #10: REKEY_IKE_I1(open Child SA) => ESTABLISHED_IKE_SA(established IKE SA)
Nov 28 22:53:21.116943: |    initiator SPI: 01 02 03 04  05 06 07 08
Nov 28 22:53:21.116945: |    responder SPI: 00 00 00 00  00 00 00 00
Nov 28 22:53:21.117235: | sending 208 bytes for initiating IKE_SA_INIT through tester0 from 10.91.0.2:500 (for #11)
"""


def test_states_are_read_as_5_writes_them() -> None:
    assert [one.kind for one in states(STATES_5)] == [
        *("ESTABLISHED_IKE_SA", "ESTABLISHED_CHILD_SA", "IKE_SA_INIT_R", "ESTABLISHED_IKE_SA", "IKE_SA_INIT_I"),
    ]
    old, half_open, new, larval = sa_statuses(TRAFFIC_5 + STATES_5, LOG_5, {"ikespec-net": "net"})
    assert [one.spi_i.hex() + one.spi_r.hex() for one in (old, half_open, new, larval)] == [
        *("09fefe3468ad90049750ed2a716f91b6", "a02bf360ad4f47d17fd8b8a5b7189c67"),
        *("4aaeb2bf00650bfa778f5844cdaefb20", "0102030405060708" + "00" * 8),
    ]
    [child] = old.children
    assert (child.name, child.spi_out.hex(), child.spi_in.hex()) == ("net", "c9d43b7a", "005ccf79")
    assert (child.local_ts, child.remote_ts) == (("10.2.0.0/24[tcp/80]",), ("10.1.0.0/24[icmp]",))
    assert (child.mode, child.bytes_in, child.bytes_out) == (Mode.TRANSPORT, 84, 168)


def test_counters_without_states_in_the_kernel_are_none() -> None:
    [child] = sa_statuses(STATES + TRAFFIC.replace(", outBytes=168", ""), LOG, {})[0].children
    assert (child.bytes_in, child.bytes_out) == (None, None)
    assert child.name == "ikespec-net"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10.2.0.0-10.2.0.255:0-65535 0", "10.2.0.0/24"),
        ("10.2.0.1-10.2.0.9:0-65535 17", "10.2.0.1-10.2.0.9[udp]"),
        ("10.2.0.1-10.2.0.1:80-90 6", "10.2.0.1/32[tcp/80-90]"),
        ("[fd02::]-[fd02::ffff:ffff:ffff:ffff]:0-65535 0", "fd02::/64"),
        ("10.2.0.0/24", "10.2.0.0/24"),
        ("10.2.0.1/32/UDP/500", "10.2.0.1/32[udp/500]"),
        ("fd02::/64/TCP", "fd02::/64[tcp]"),
        ("10.2.0.0/24/GRE/0", "10.2.0.0/24[gre]"),
        ("something new", "something new"),
    ],
)
def test_selectors_are_read(written: str, expected: str) -> None:
    assert selector(written) == expected


def test_whoever_has_the_secret_may_come_in() -> None:
    value = replace(device_view(), any_identity=True)
    assert _conn(value)["right"] == "%any" and "rightid" not in _conn(value)
    assert " %any : PSK 0x" in translate.secrets(value)


def test_inner_addresses() -> None:
    asks = _conn(replace(device_view(), remote_pool="10.77.0.0/24"))
    assert (asks["leftmodecfgclient"], asks["rightmodecfgserver"]) == ("yes", "yes")
    assert asks["leftupdown"] == "/usr/libexec/ipsec/_updown"
    assigns = _conn(replace(device_view(), local_pool="10.77.0.0/24"))
    assert assigns["rightaddresspool"] == "10.77.0.1-10.77.0.254"
    assert assigns["leftupdown"] == "%disabled"
    assert "rightsubnet" not in assigns


def test_how_long_a_session_lasts() -> None:
    conn = _conn(device_view(reauth_lifetime=6.0))
    assert (conn["ikelifetime"], conn["reauth"], conn["rekey"]) == ("6s", "yes", "yes")
    child = replace(device_view().children[0], lifetime_packets=20, lifetime_octets=4000)
    conn = _conn(device_view(children=(child,)))
    assert (conn["ipsec-max-packets"], conn["ipsec-max-bytes"], conn["reauth"]) == ("35", "6005", "no")


def test_a_device_that_answers_only_and_one_that_opens_again() -> None:
    child = replace(device_view().children[0], lifetime=3.0)
    conn = _conn(device_view(children=(child,), answers_only=True))
    assert (conn["rekey"], conn["salifetime"]) == ("no", "10s")
    conn = _conn(device_view(children=(child,)))
    assert (conn["rekey"], conn["salifetime"], conn["keyingtries"]) == ("yes", "5s", "1")
    conn = _conn(device_view(reopens=True, dpd_delay=1.0))
    assert (conn["rekey"], conn["keyingtries"], conn["dpdaction"]) == ("yes", "0", "restart")


@pytest.mark.parametrize(
    ("line", "noise"),
    [
        ("Nov 30 16:46:23.425628: pluto DDoS protection remains in auto-detect mode\n", False),
        ("Nov 30 16:46:23.425904: forgetting secrets, emitting nothing\n", False),
        ("Nov 30 16:46:23.425317: | old debugging base + none\n", False),
        ("Nov 30 16:46:23.425317: | received packet | emitting length of IKEv2 Nonce\n", True),
        ("Nov 30 16:46:23.425317: |    flags: none (0x0)\n", True),
        ("Nov 30 16:46:23.425317: | ***parse ISAKMP Message:\n", True),
        ("Nov 30 16:46:23.425317: |]\n", True),
        ("Nov 30 16:46:23.425317: | spent 1.5 (2.0) milliseconds\n", True),
        ("|\n", False),
        ("", False),
    ],
)
def test_what_of_the_log_is_noise(line: str, noise: bool) -> None:
    assert _is_noise(line) is noise
