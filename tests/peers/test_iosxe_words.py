"""What a router is told: the constructs of FlexVPN in the form in which they are written by hand."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

pytest.importorskip("ciscoconfparse2", reason="bin/test has it")
pytest.importorskip("netmiko", reason="bin/test has it")

from ciscoconfparse2 import CiscoConfParse

from conformance.crypto.pki import Authority, distinguished_name
from conformance.ike.core.connection import (
    ChildConfig,
    Connection,
    CookiePolicy,
    GreTunnel,
    Identity,
    InnerNetwork,
    Mode,
    NullAuth,
    Party,
    Psk,
    PublicKey,
)
from conformance.wire import IdType
from peers.contract import Pixit, Unsupported
from peers.devicefile import read_device
from peers.iosxe import algorithms
from peers.iosxe.configuration import configuration
from peers.iosxe.device import CLAIMS
from peers.iosxe.pki import trustpoints
from peers.iosxe.settings import Router, read_router
from peers.iosxe.undo import blocks, remembered, removal, restoration, smart_defaults
from suites.connections import psk
from tests.peers.iosxe_router import OTHERS
from tests.peers.iosxe_router import Router as Console

ROOT = Path(__file__).resolve().parents[2]
PIXIT = Pixit("192.0.2.1", "192.0.2.2")
ROUTER = Router("10.0.0.1", "ikespec", "secret", "GigabitEthernet1", inside="GigabitEthernet2")
CHILD = ChildConfig("net", ("aes256-sha256",), ("10.2.0.0/24",), ("10.1.0.0/24",))
OPEN = replace(CHILD, local_ts=("0.0.0.0/0",), remote_ts=("0.0.0.0/0",))
TRANSPORT = replace(CHILD, mode=Mode.TRANSPORT)
GRE: dict[str, Any] = {"children": (TRANSPORT,), "tunnels": (GreTunnel("192.0.2.1", "192.0.2.2"),)}
OUTER: dict[str, Any] = {"local_address": "2001:db8::1", "remote_address": "2001:db8::2"}
DEVICE = Connection(
    Party(Identity.of("hub.example"), Psk(b"ours")),
    Party(Identity.of("spoke.example"), Psk(b"theirs")),
    proposals=("aes256-sha256-modp2048",),
    children=(CHILD,),
    local_address="192.0.2.1",
    remote_address="192.0.2.2",
)


def _told(router: Router = ROUTER, **changes: Any) -> Any:
    return configuration(replace(DEVICE, **changes), PIXIT, router)


def _parsed(*found: object) -> Any:
    return CiscoConfParse("\n".join(map(str, found)).splitlines(), syntax="ios")


def _below(parsed: Any, header: str) -> list[str]:
    return [child.text.strip() for one in parsed.find_objects(f"^{header}") for child in one.all_children]


# Each: what is wanted, the header of a block, the lines below it, as the guides for FlexVPN write them.
CONSTRUCTS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "proposal": (
        {"proposals": ("aes128-aes192-sha256-modp2048-modp1536",)},
        "crypto ikev2 proposal IKESPEC-1",
        ["encryption aes-cbc-128 aes-cbc-192", "integrity sha256", "group 14 5"],
    ),
    "proposal of a combined cipher": (
        {"proposals": ("aes256gcm16-prfsha512-ecp521",)},
        "crypto ikev2 proposal IKESPEC-1",
        ["encryption aes-gcm-256", "prf sha512", "group 21"],
    ),
    "policy": (
        {"proposals": ("aes256-sha256-ecp256", "aes128-sha1-modp1024")},
        "crypto ikev2 policy IKESPEC",
        ["match address local 192.0.2.1", "proposal IKESPEC-1", "proposal IKESPEC-2"],
    ),
    "asymmetric keys": (
        {},
        "crypto ikev2 keyring IKESPEC",
        [
            "peer IKESPEC",
            "address 192.0.2.2 255.255.255.255",
            "identity fqdn spoke.example",
            "pre-shared-key local ours",
            "pre-shared-key remote theirs",
        ],
    ),
    "profile": (
        {"lifetime": 1000.0, "dpd_delay": 10.0, "keepalive": 500.0},
        "crypto ikev2 profile IKESPEC",
        [
            "match identity remote fqdn spoke.example",
            "identity local fqdn hub.example",
            "authentication remote pre-share",
            "authentication local pre-share",
            "keyring local IKESPEC",
            "lifetime 1000",
            "dpd 10 2 periodic",
            "nat keepalive 500",
        ],
    ),
    "profile of a hub": (
        {"children": (OPEN,), "local_pool": "10.77.0.0/24", "keepalive": None},
        "crypto ikev2 profile IKESPEC",
        [
            "match identity remote fqdn spoke.example",
            "identity local fqdn hub.example",
            "authentication remote pre-share",
            "authentication local pre-share",
            "keyring local IKESPEC",
            "aaa authorization group psk list IKESPEC IKESPEC",
            "virtual-template 3999",
        ],
    ),
    "profile of a hub that takes any spoke": (
        {"any_identity": True},
        "crypto ikev2 profile IKESPEC",
        [
            "match identity remote any",
            "identity local fqdn hub.example",
            "authentication remote pre-share",
            "authentication local pre-share",
            "keyring local IKESPEC",
            "nat keepalive 20",
        ],
    ),
    "authorization policy": (
        {"children": (OPEN,), "local_pool": "10.77.0.0/24"},
        "crypto ikev2 authorization policy IKESPEC",
        ["pool IKESPEC", "route set interface", "dns 10.2.0.53"],
    ),
    "authorization policy that exchanges routes": (
        {
            "children": (OPEN,),
            "local_routes": ("10.2.0.0/24", "fd02::/64"),
            "remote_routes": ("10.8.0.0/16",),
            "local_inner": InnerNetwork(dns=("10.2.0.54",)),
        },
        "crypto ikev2 authorization policy IKESPEC",
        [
            "dns 10.2.0.54",
            "route set interface",
            "route set remote ipv4 10.2.0.0 255.255.255.0",
            "route set remote ipv6 fd02::/64",
            "route accept any",
            "dns 10.2.0.53",
        ],
    ),
    "transform set": ({}, "crypto ipsec transform-set IKESPEC-1 esp-aes 256 esp-sha256-hmac", ["mode tunnel"]),
    "transform set around GRE": (
        {**GRE, "children": (replace(TRANSPORT, proposals=("aes256gcm16",)),)},
        "crypto ipsec transform-set IKESPEC-1 esp-gcm 256",
        ["mode transport"],
    ),
    "IPsec profile": (
        {"children": (replace(CHILD, proposals=("aes256gcm16-ecp521",), lifetime=3600.0),)},
        "crypto ipsec profile IKESPEC",
        [
            "set transform-set IKESPEC-1",
            "set security-association lifetime seconds 3600",
            "set pfs group21",
            "set ikev2-profile IKESPEC",
        ],
    ),
    "hub": (
        {"children": (OPEN,)},
        "interface Virtual-Template3999 type tunnel",
        [
            "description IKESPEC",
            "ip unnumbered GigabitEthernet2",
            "tunnel source GigabitEthernet1",
            "tunnel mode ipsec ipv4",
            "tunnel protection ipsec profile IKESPEC",
        ],
    ),
    "tunnel with a policy": (
        {},
        "interface Tunnel3999",
        [
            "description IKESPEC",
            "ip unnumbered GigabitEthernet2",
            "tunnel source GigabitEthernet1",
            "tunnel mode ipsec ipv4",
            "tunnel destination 192.0.2.2",
            "tunnel protection ipsec policy ipv4 IKESPEC",
            "tunnel protection ipsec profile IKESPEC",
        ],
    ),
    "keys of a domain": (
        {"remote_domain": "branches.example"},
        "crypto ikev2 keyring IKESPEC",
        [
            "peer IKESPEC",
            "address 192.0.2.2 255.255.255.255",
            "identity fqdn domain branches.example",
            "pre-shared-key local ours",
            "pre-shared-key remote theirs",
        ],
    ),
    "profile for a domain": (
        {"remote_domain": "branches.example", "keepalive": None},
        "crypto ikev2 profile IKESPEC",
        [
            "match identity remote fqdn domain branches.example",
            "identity local fqdn hub.example",
            "authentication remote pre-share",
            "authentication local pre-share",
            "keyring local IKESPEC",
        ],
    ),
    "keys of anybody": (
        {"any_identity": True},
        "crypto ikev2 keyring IKESPEC",
        [
            "peer IKESPEC",
            "address 192.0.2.2 255.255.255.255",
            "pre-shared-key local ours",
            "pre-shared-key remote theirs",
        ],
    ),
    "access list": (
        {"children": (replace(CHILD, local_ts=("10.2.0.1/32[tcp/80]",), remote_ts=("10.1.0.0/24[tcp/1000-2000]",)),)},
        "ip access-list extended IKESPEC",
        ["permit tcp host 10.2.0.1 eq 80 10.1.0.0 0.0.0.255 range 1000 2000"],
    ),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_a_construct_is_written_as_the_guides_write_it(name: str) -> None:
    changes, header, lines = CONSTRUCTS[name]
    told = _told(replace(ROUTER, authorization_lines=("dns 10.2.0.53",)), **changes)
    assert _below(_parsed(told), header) == lines


def test_the_tunnel_of_a_spoke_comes_with_the_order_to_initiate() -> None:
    told = _told(children=(OPEN,), remote_pool="10.77.0.0/24")
    assert "interface Tunnel" not in str(told)
    parsed = _parsed(*told.initiator)
    assert "ip address negotiated" in _below(parsed, "interface Tunnel3999")
    assert [one.text for one in parsed.find_objects("^ip route")] == [
        "ip route 10.1.0.0 255.255.255.0 Tunnel3999 name IKESPEC"
    ]
    assert _below(_parsed(*_told(**GRE).initiator), "interface Tunnel3999")[3] == "tunnel mode gre ip"


def test_a_tunnel_with_a_policy_waits_for_the_order_to_initiate() -> None:
    told = _told()
    assert "responder-only" in _below(_parsed(told), "crypto ipsec profile IKESPEC")
    assert _below(_parsed(*told.initiator), "crypto ipsec profile IKESPEC") == ["no responder-only"]
    # One that has to rekey by itself must not be kept from asking.
    assert "responder-only" not in str(_told(lifetime=300.0))


def test_ipv6_between_the_routers() -> None:
    told = _told(children=(OPEN,), **OUTER)
    parsed = _parsed(told)
    assert "address 2001:db8::2/128" in _below(parsed, "crypto ikev2 keyring IKESPEC")
    assert "tunnel mode ipsec ipv6 v4-overlay" in _below(parsed, "interface Virtual-Template3999")
    assert "tunnel mode gre ipv6" in str(_told(**GRE, **OUTER))
    with pytest.raises(Unsupported, match="an access list are written for IPv4 only"):
        _told(**OUTER)


def test_no_route_swallows_the_way_to_the_router() -> None:
    wide = replace(CHILD, remote_ts=("10.0.0.0/8", "192.0.2.0/24", "172.16.0.0/12"))
    routes = [str(one) for one in _told(children=(wide,)).blocks if one.header.startswith("ip route")]
    assert routes == ["ip route 172.16.0.0 255.240.0.0 Tunnel3999 name IKESPEC"]


def test_settings_that_a_router_has_once() -> None:
    assert _told().options == ("crypto ikev2 fragmentation mtu 1280", "crypto ikev2 cookie-challenge 10")
    off = _told(fragment_size=0, cookies=CookiePolicy.NEVER).options
    assert off == ("no crypto ikev2 fragmentation", "no crypto ikev2 cookie-challenge")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10.0.0.5", "address 10.0.0.5 255.255.255.255"),
        ("who@example", "email who@example"),
        ("keyid:branch", "key-id branch"),
    ],
)
def test_identities(text: str, words: str) -> None:
    identity = Identity(IdType.KEY_ID, text[6:].encode()) if text.startswith("keyid:") else Identity.of(text)
    told = str(_told(remote=Party(identity, Psk(b"theirs"))))
    assert f" match identity remote {words}\n" in told


@pytest.mark.parametrize("secret", [b"with space", b"what?", b"\xff\x00", b"hex", b"0"])
def test_a_shared_key_that_is_no_word_goes_in_hexadecimal(secret: bytes) -> None:
    parties: dict[str, Any] = {
        "local": replace(DEVICE.local, auth=Psk(secret)),
        "remote": replace(DEVICE.remote, auth=Psk(secret)),
    }
    assert f"  pre-shared-key hex {secret.hex()}" in str(_told(**parties)).splitlines()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proposals": ("aes256gcm16-prfsha256-x25519",)}, "IOS has no word for CURVE25519"),
        ({"proposals": ("aes128ctr-sha256-ecp256",)}, "IOS has no word for AES_CTR with 128 bits"),
        ({"children": (replace(CHILD, proposals=("aes128gcm16-esn",)),)}, "does not support esn"),
        ({"children": (TRANSPORT,)}, "a tunnel interface has it around GRE only"),
        ({"children": (replace(CHILD, lifetime=3.0),)}, "none below 120 s, not 3 s"),
        ({"dpd_delay": 2.0}, "a time for DPD from 10 to 3600, not 2"),
        ({"fragment_size": 1501}, "an MTU for fragments from 68 to 1500, not 1501"),
        ({"cookies": CookiePolicy.ALWAYS}, "does not support cookie-always"),
        ({"mobike": True}, "does not support mobike"),
        ({"childless": True}, "does not support childless"),
        ({"initial_contact": False}, "INITIAL_CONTACT"),
        ({"remote": Party(Identity(IdType.KEY_ID, b"\x00"), Psk(b"x"))}, "no line of a configuration can hold"),
        ({"remote": Party(Identity(IdType.KEY_ID, b"help?"), Psk(b"x"))}, "no line of a configuration can hold"),
        ({"children": (replace(CHILD, proposals=("aes256-sha256", "aes256-sha256-ecp256")),)}, "one group serves all"),
        ({"local": Party(Identity(IdType.DER_ASN1_DN, b"0\x00"), Psk(b"x"))}, "goes with a certificate only"),
        ({"remote": Party(Identity.of("x.example"), NullAuth())}, "a shared key or a certificate of each side"),
        ({"children": (replace(CHILD, local_ts=("10.2.0.1-10.2.0.9",)),)}, "no ranges of addresses"),
        ({"remote_domain": "branches example"}, "no line of a configuration can hold the domain"),
        ({"remote_domain": "branches?"}, "no line of a configuration can hold the domain"),
    ],
)
def test_what_cannot_be_said_is_unsupported_in_one_line(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unsupported, match=reason) as caught:
        _told(**changes)
    assert "\n" not in str(caught.value)


def test_every_algorithm_that_is_claimed_has_its_line() -> None:
    console = Console()
    for number, text in enumerate(algorithms.TAKEN.ike):
        header = f"crypto ikev2 proposal TRIED-{number}"
        for line in (header, *algorithms.ike(text)):
            assert console.change(line, "" if line == header else header)[0] == "", line
    for line in algorithms.transform_sets((*algorithms.TAKEN.esp, *algorithms.TAKEN.ah)):
        assert console.change(f"crypto ipsec transform-set TRIED {line}", "")[0] == "", line


@pytest.mark.parametrize(
    "changes",
    [{}, {"children": (OPEN,), **OUTER}, {"children": (OPEN,)}, GRE,
     {"children": (OPEN,), "local_pool": "10.77.0.0/28"},
     {"children": (OPEN,), "remote_pool": "10.77.0.0/28"}, {"lifetime": 300.0, "dpd_delay": 10.0},
     {"children": (replace(CHILD, proposals=("sha256",)),)}, {"remote_domain": "branches.example"},
     {"any_identity": True}, {"remote": Party(Identity.of("who@example"), Psk(b"theirs"))},
     {"children": (OPEN,), "local_routes": ("10.2.0.0/24", "fd02::/64"), "remote_routes": ("0.0.0.0/0",)}],
)  # fmt: skip
def test_a_router_takes_every_line_and_nothing_stays(changes: dict[str, Any]) -> None:
    console = Console()
    before = console.text()
    told = _told(**changes)
    for block in (*told.blocks, *told.initiator):
        said, mode, _ = console.change(block.header, "")
        assert said == "", block.header
        for line in block.lines:
            assert console.change(line.strip(), mode)[0] == "", line
    for line in removal(blocks(console.text()), ROUTER.prefix):
        assert console.change(line, "")[0] == "", line
    assert console.text() == before


def test_settings_are_put_back_as_they_were() -> None:
    console = Console()
    found = list(blocks(console.text()))
    once = [*smart_defaults(found), "crypto ikev2 redirect client", *_told().options]
    note = remembered(once, found, "IKESPEC")
    for line in (note.header, *once):
        assert console.change(line, "")[0] == ""
    console.running[note.header] = list(note.lines)
    assert "crypto ikev2 fragmentation mtu 576" not in console.running
    for line in restoration(blocks(console.text()), "IKESPEC"):
        assert console.change(line, "")[0] == "", line
    assert sorted(console.running) == sorted(Console().running)


def test_a_default_that_somebody_has_changed_stays() -> None:
    found = blocks(OTHERS + "crypto ikev2 proposal default\n encryption aes-cbc-256\n")
    assert "no crypto ikev2 proposal default" not in smart_defaults(found)


def test_certificates_of_a_router() -> None:
    authority = Authority.create("CA", kind="rsa")
    ours, theirs = (authority.issue(one, kind="rsa", sans=[one]) for one in ("hub.example", "spoke.example"))
    wanted = replace(
        DEVICE,
        local=Party(Identity.of("hub.example"), PublicKey((ours.certificate,), ours.key)),
        remote=Party(Identity.of("spoke.example"), PublicKey((theirs.certificate,))),
        trust=(authority.certificate,),
    )
    lines = _below(_parsed(configuration(wanted, PIXIT, ROUTER)), "crypto ikev2 profile IKESPEC")
    assert lines[2:6] == [
        "authentication remote rsa-sig",
        "authentication local rsa-sig",
        "pki trustpoint IKESPEC-OWN sign",
        "pki trustpoint IKESPEC-CA1 verify",
    ]
    trust, own = trustpoints(wanted, "IKESPEC")
    assert trust.dialogue.command == "crypto pki authenticate IKESPEC-CA1"
    assert own.dialogue.command.startswith("crypto pki import IKESPEC-OWN pkcs12 terminal password ")
    # A distinguished name is matched by the certificate.
    subject = distinguished_name("CN=Spoke,O=Example").public_bytes()
    with pytest.raises(Unsupported, match="must be the subject"):
        configuration(replace(wanted, remote=replace(wanted.remote, identity=Identity(IdType.DER_ASN1_DN, subject))),
                      PIXIT, ROUTER)  # fmt: skip
    subject = theirs.certificate.subject.public_bytes()
    named = replace(wanted, remote=replace(wanted.remote, identity=Identity(IdType.DER_ASN1_DN, subject)))
    parsed = _parsed(configuration(named, PIXIT, ROUTER))
    assert _below(parsed, "crypto pki certificate map IKESPEC 10") == ["subject-name eq cn=spoke.example"]
    assert "match certificate IKESPEC" in _below(parsed, "crypto ikev2 profile IKESPEC")


def _certified(**changes: Any) -> Connection:
    """A hub that knows its spokes by their certificates."""
    authority = Authority.create("CA", kind="rsa")
    ours, theirs = (authority.issue(one, kind="rsa", sans=[one]) for one in ("hub.example", "spoke.example"))
    hub = Party(Identity.of("hub.example"), PublicKey((ours.certificate,), ours.key))
    spoke = Party(Identity.of("spoke.example"), PublicKey((theirs.certificate,)))
    return replace(DEVICE, local=hub, remote=spoke, trust=(authority.certificate,), **changes)


def test_a_map_names_parts_of_a_subject() -> None:
    """All lines of an entry must hold; an attribute that may have any value is left out."""
    wanted = _certified(remote_subject=(("O", "Example AG"), ("OU", "Branches"), ("CN", "*")))
    parsed = _parsed(configuration(wanted, PIXIT, ROUTER))
    assert _below(parsed, "crypto pki certificate map IKESPEC 10") == [
        "subject-name co o=example ag",
        "subject-name co ou=branches",
    ]
    profile = _below(parsed, "crypto ikev2 profile IKESPEC")
    assert profile[0] == "match certificate IKESPEC"
    assert not [one for one in profile if one.startswith("match identity")]


@pytest.mark.parametrize("value", ["B\u00e4ckerei", "what?", "two\nlines"])
def test_a_part_that_no_map_can_hold_is_unsupported(value: str) -> None:
    with pytest.raises(Unsupported, match="no certificate map can hold these attributes"):
        configuration(_certified(remote_subject=(("O", value),)), PIXIT, ROUTER)


def test_a_router_takes_a_map_and_nothing_of_it_stays() -> None:
    console = Console()
    before = console.text()
    wanted = _certified(remote_subject=(("O", "Example AG"),))
    console.running |= {f"crypto pki trustpoint {one.name}": [] for one in trustpoints(wanted, "IKESPEC")}
    for block in configuration(wanted, PIXIT, ROUTER).blocks:
        assert console.change(block.header, "")[0] == "", block.header
        for line in block.lines:
            assert console.change(line.strip(), block.header)[0] == "", line
    for line in removal(blocks(console.text()), ROUTER.prefix):
        assert console.change(line, "")[0] == "", line
    assert console.text() == before


def test_the_documents_show_what_the_example_is_told() -> None:
    text = (ROOT / "docs/iosxe.md").read_text()
    shown = text.partition("purpose wants it to initiate:\n\n```\n")[2].partition("```")[0]
    file = (ROOT / "docs/examples/iosxe.toml").read_text().replace("password_env", "password")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "router.toml"
        path.write_text(file)
        found = read_device(path, adapter="iosxe", claims=CLAIMS, takes=algorithms.TAKEN)
    assert found.adapter is not None
    device = psk(proposals=("aes256-aes128-sha256-ecp256-modp2048",))(found.pixit).mirrored()
    both = {key: replace(getattr(device, key), auth=Psk(b"shared")) for key in ("local", "remote")}
    assert str(configuration(replace(device, **both), found.pixit, read_router(found.adapter))) == shown.strip()
