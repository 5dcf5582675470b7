"""The words of iked.conf, of ``ikectl show sa`` and of ``ip -s xfrm state``; the samples are those of OpenIKED 7.2."""

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import ChildConfig, Connection, Identity, Mode, Party, Psk, PublicKey, Uniqueness
from conformance.wire import AuthMethod, HashAlgorithm, IdType, ProtocolID
from peers.contract import ChildStatus, SaState, SaStatus, Unsupported
from peers.openiked import algorithms, kernel, settings, translate
from peers.openiked.credentials import Credentials
from peers.openiked.status import peer_names, sa_statuses
from peers.places.netns import PIXIT
from tests.peers.connections import device_view

_CHILD = ChildConfig("net", ("aes128-sha1",)).mirrored()
_IKE = "aes128-sha256-x25519"


def _view(**changes: Any) -> Connection:
    return device_view(**{"proposals": (_IKE,), "children": (_CHILD,), **changes})


def test_a_connection_is_one_policy() -> None:
    assert translate.configuration(_view(), PIXIT) == (
        "set fragmentation\nset nomobike\nset noenforcesingleikesa\nset dpd_check_interval 0\n"
        'ikev2 "ikespec" passive tunnel esp from 10.2.0.0/24 to 10.1.0.0/24 local 10.91.0.2 peer 10.91.0.1 '
        "ikesa enc aes-128 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519 "
        "childsa enc aes-128 auth hmac-sha1 noesn group none "
        'srcid "device.example" dstid "tester.example" ikelifetime 0 lifetime 0 bytes 0 '
        "psk 0x612073686172656420736563726574\n"
    )


def test_every_option_reaches_the_daemon() -> None:
    child = ChildConfig(
        "ah",
        ("sha512-ecp256", "sha1-ecp256"),
        local_ts=("10.2.0.0/24[tcp/80]", "10.2.1.0/24[tcp]"),
        remote_ts=("10.1.0.0/24[tcp]",),
        mode=Mode.TRANSPORT,
        lifetime=3,
        lifetime_octets=950,
    )
    text = translate.configuration(
        _view(
            local_address="10.0.0.2",
            remote_address="10.0.0.1",
            fragment_size=0,
            mobike=True,
            lifetime=10,
            proposals=("aes256gcm16-prfsha384-ecp384-modp2048",),
            children=(child,),
        ),
        PIXIT,
        active=True,
    )
    assert text.startswith("set nofragmentation\nset mobike\n")
    assert '"ikespec" active transport ah proto 6 ' in text
    assert "from 10.2.0.0/24 port 80 to 10.1.0.0/24 from 10.2.1.0/24 to 10.1.0.0/24 " in text
    assert "local 10.0.0.2 peer 10.0.0.1" in text
    assert "ikesa enc aes-256-gcm prf hmac-sha2-384 group ecp384 group modp2048 " in text
    assert "childsa auth hmac-sha2-512 group ecp256 noesn childsa auth hmac-sha1 group ecp256 noesn " in text
    # It rekeys when 85 to 95 parts of a hundred are over: never before what was asked for.
    assert "ikelifetime 12 lifetime 4 bytes 1000" in text


def test_a_flow_stays_within_a_family() -> None:
    both = ChildConfig("both", ("aes128-sha1",), ("10.2.0.0/24", "fd02::/64"), ("fd01::/64", "10.1.0.0/24"))
    text = translate.policy(_view(children=(both,)), PIXIT)
    assert " from 10.2.0.0/24 to 10.1.0.0/24 from fd02::/64 to fd01::/64 local " in text


def test_whoever_has_the_secret_may_come_in() -> None:
    assert "dstid" in translate.policy(_view(), PIXIT)
    assert "dstid" not in translate.policy(_view(any_identity=True), PIXIT)


def test_pools_are_words_of_the_policy() -> None:
    serves = translate.policy(_view(local_pool="10.77.0.0/24"), PIXIT)
    assert "from 10.2.0.0/24 to dynamic " in serves and serves.endswith(" config address 10.77.0.0/24\n")
    asks = translate.policy(_view(remote_pool="10.77.0.0/24"), PIXIT)
    assert "from 0.0.0.0/0 to 10.1.0.0/24 " in asks and "request address any iface" in asks


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Identity.of("moon.example"), "moon.example"),
        (Identity.of("carol@moon.example"), "carol@moon.example"),
        (Identity.of("192.0.2.1"), "192.0.2.1"),
        (Identity.of("2001:db8::1"), "2001:db8::1"),
    ],
)
def test_identities_are_taken_for_what_they_are(value: Identity, text: str) -> None:
    assert translate.identity(value) == text


@pytest.mark.parametrize(
    "value",
    [
        Identity(IdType.FQDN, b"192.0.2.1"),
        Identity(IdType.FQDN, b"/CN=moon"),
        Identity(IdType.FQDN, b'moon" psk "x'),
        Identity(IdType.RFC822_ADDR, b"carol"),
        Identity(IdType.KEY_ID, b"\x00\xff"),
        Identity(IdType.DER_ASN1_DN, b"\x30\x00"),
    ],
)
def test_other_identities_are_refused(value: Identity) -> None:
    with pytest.raises(Unsupported, match="an identity of type"):
        translate.identity(value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"children": (_CHILD, ChildConfig("two", ("aes128-sha1",)))}, "one Child SA of all its flows"),
        ({"children": ()}, "without any Child SA"),
        ({"children": (ChildConfig("x", ("aes128-sha1", "sha1")),)}, "ESP and AH at choice"),
        ({"children": (ChildConfig("x", ("camellia128-sha1",)),)}, "it has no"),
        ({"children": (ChildConfig("x", ("aes128-sha1",), ("10.2.0.1-10.2.0.9",)),)}, "a prefix and at most one port"),
        ({"children": (ChildConfig("x", ("aes128-sha1",), ("10.2.0.0/24[udp]",)),)}, "one protocol for all selectors"),
        ({"children": (ChildConfig("x", ("aes128-sha1",), ("10.2.0.0/24",), ("fd01::/64",)),)}, "one address family"),
        ({"proposals": ("aes128-sha256-x25519-ke1_ecp384",)}, "no additional key exchanges"),
        ({"local": Party(Identity.of("device.example"), Psk(b"another"))}, "one shared key"),
    ],
)
def test_what_it_has_no_words_for_is_said(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        translate.configuration(_view(**changes), PIXIT)


def _certified(kind: str, **how: Any) -> Connection:
    now = datetime.now(UTC)
    since, until = now - timedelta(days=1), now + timedelta(days=30)
    authority = Authority.create("root", kind, since, until)

    def party(name: str) -> Party:
        leaf = authority.issue(name, kind=kind, sans=[name], not_before=since, not_after=until)
        return Party(Identity.of(name), PublicKey((leaf.certificate,), leaf.key, **how))

    return _view(local=party("device.example"), remote=party("tester.example"), trust=(authority.certificate,))


def test_methods_of_signatures(tmp_path: Path) -> None:
    for how, word in (
        ({}, ""),
        ({"method": AuthMethod.DIGITAL_SIGNATURE, "hash": HashAlgorithm.SHA2_256}, " rfc7427"),
        ({"method": AuthMethod.ECDSA_256}, " ecdsa256"),
    ):
        text = translate.policy(_certified("ecdsa", **how), PIXIT)
        assert text.endswith(f"bytes 0{word}\n")
    with pytest.raises(Unsupported, match="SHA2-256 only"):
        translate.policy(_certified("ecdsa", hash=HashAlgorithm.SHA2_384), PIXIT)


def test_files_hold_what_one_connection_needs(tmp_path: Path) -> None:
    files = Credentials(tmp_path)
    folder = tmp_path / settings.FOLDER
    spare = (folder / settings.KEY).read_bytes()
    files.write(_certified("ecdsa"))
    assert (folder / settings.KEY).read_bytes() != spare
    assert [one.name for one in (folder / "ca").iterdir()] == ["0.crt"]
    assert [one.name for one in (folder / "certs").iterdir()] == ["0.crt"]
    files.write(None)
    assert (folder / settings.KEY).read_bytes() == spare
    assert not [*(folder / "ca").iterdir(), *(folder / "certs").iterdir()]


def test_only_what_reaches_the_kernel_is_taken_for_esp() -> None:
    taken = algorithms.TAKEN
    assert not taken.lacks("aes128-sha1", ProtocolID.ESP) and not taken.lacks("aes256gcm16-prfsha256-ecp256")
    for text in ("aes128-sha256", "aes128gcm16", "aes128-sha1-esn"):
        assert taken.lacks(text, ProtocolID.ESP)


_SHOWN = """\
iked_sas: 0x552ab8a430 rspi 0x6c0ef5eb335c6c64 ispi 0x02c1f488296ae48c 10.91.0.2:500->10.91.0.1:500\
<FQDN/tester.ikespec.example>[] ESTABLISHED i nexti (nil) pol 0x552ab8b360
  sa_childsas: 0x552ab8e480 ESP 0xfbe45ac9 out 10.91.0.2:500 -> 10.91.0.1:500 (L) B=(nil) P=0x552ab8e530 @0x552ab8a430
  sa_childsas: 0x552ab8e530 ESP 0x09e572b5 in 10.91.0.1:500 -> 10.91.0.2:500 (LA) B=(nil) P=0x552ab8e480 @0x552ab8a430
  sa_flows: 0x552ab8e240 ESP out 10.1.0.0/24 -> 10.2.0.0/24 [0]@-1 (L) @0x552ab8a430
  sa_flows: 0x552ab8ddc0 ESP out 10.2.0.0/24 -> 10.1.0.0/24 [0]@-1 (L) @0x552ab8a430
  sa_flows: 0x552ab8e000 ESP in 10.1.0.0/24 -> 10.2.0.0/24 [0]@-1 (L) @0x552ab8a430
iked_activesas: 0x552ab8e530 ESP 0x09e572b5 in 10.91.0.1:500 -> 10.91.0.2:500 (LA) B=(nil) P=0x552ab8e480 @0x552ab8a430
iked_flows: 0x552ab8e000 ESP in 10.1.0.0/24 -> 10.2.0.0/24 [0]@-1 (L) @0x552ab8a430
iked_dstid_sas: 0x552ab8a430 rspi 0x6c0ef5eb335c6c64 ispi 0x02c1f488296ae48c 10.91.0.2:500->10.91.0.1:500\
<FQDN/tester.ikespec.example>[] ESTABLISHED i nexti (nil) pol 0x552ab8b360
iked_sas: 0x552ab89bc0 rspi 0x0000000000000000 ispi 0x0fa7ffa5071799e6 any->any<>[] SA_INIT i nexti (nil) pol 0x552ab8d
"""
_KERNEL = """\
src 10.91.0.1 dst 10.91.0.2
\tproto esp spi 0x09e572b5(166032053) reqid 0(0x00000000) mode tunnel
\treplay-window 32 seq 0x00000007 flag  (0x00000000)
\tauth-trunc hmac(sha384) 0xd9ca24b10954b849 (384 bits) 192
\tlifetime current:
\t  168(bytes), 2(packets)
\t  add 2026-11-28 22:41:03 use -
src 10.91.0.2 dst 10.91.0.1
\tproto esp spi 0xfbe45ac9(4226046665) reqid 0(0x00000000) mode tunnel
\tlifetime config:
\t  limit: soft (INF)(bytes), hard (INF)(bytes)
\tlifetime current:
\t  84(bytes), 1(packets)
"""


def test_what_is_shown_of_sas() -> None:
    half, whole = SaState.CONNECTING, SaState.ESTABLISHED
    child = ChildStatus(
        name="net",
        spi_in=bytes.fromhex("09e572b5"),
        spi_out=bytes.fromhex("fbe45ac9"),
        local_ts=("10.2.0.0/24",),
        remote_ts=("10.1.0.0/24",),
        bytes_in=168,
        bytes_out=84,
    )
    assert sa_statuses(_SHOWN, _KERNEL, "net") == [
        SaStatus(bytes.fromhex("02c1f488296ae48c"), bytes.fromhex("6c0ef5eb335c6c64"), whole, (child,)),
        SaStatus(bytes.fromhex("0fa7ffa5071799e6"), bytes(8), half),
    ]
    assert peer_names(_SHOWN) == ["FQDN/tester.ikespec.example", ""]
    assert sa_statuses("", "", "net") == []


def test_the_mode_is_what_the_kernel_says() -> None:
    [established, _] = sa_statuses(_SHOWN, _KERNEL.replace("mode tunnel", "mode transport"), "net")
    assert established.children[0].mode is Mode.TRANSPORT


def test_an_order_to_the_kernel_is_a_message_of_netlink() -> None:
    message = kernel.expiry("10.91.0.2", bytes.fromhex("09e572b5"), 50, hard=True)
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", message)
    assert (length, kind, flags) == (len(message), 24, 1) and len(message) == 16 + 232
    assert message[72:76] == bytes((10, 91, 0, 2)) and message[88:93] == bytes.fromhex("09e572b532")
    assert message[240] == 1 and kernel.expiry("10.91.0.2", bytes(4), 50, hard=False)[240] == 0
    assert "\\011\\345\\162\\265\\062" in kernel.script(message)


def test_how_long_a_session_lasts() -> None:
    text = translate.configuration(
        _view(children=(replace(_CHILD, lifetime_octets=4000),), unique=Uniqueness.REPLACE), PIXIT
    )
    assert "set enforcesingleikesa\n" in text and " bytes 4211 " in text
