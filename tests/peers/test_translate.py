from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key

from conformance.ike.core.connection import (
    ChildConfig,
    CookiePolicy,
    Identity,
    InnerNetwork,
    Mode,
    Party,
    Psk,
    PublicKey,
    Uniqueness,
)
from conformance.wire import AuthMethod, HashAlgorithm, IdType
from peers.contract import Unsupported
from peers.places.place import DataPlane
from peers.reference.device import PIXIT
from peers.strongswan import algorithms, settings, translate
from suites.certificates.urls import lookups
from suites.connections import raw_keys, two_certificates
from tests.peers.connections import DEVICE, TESTER, device_view


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Identity.of("moon.example"), "fqdn:moon.example"),
        (Identity.of("carol@moon.example"), "email:carol@moon.example"),
        (Identity.of("192.0.2.1"), "ipv4:#c0000201"),
        (Identity.of("2001:db8::1"), "ipv6:#20010db8000000000000000000000001"),
        (Identity(IdType.KEY_ID, b"\x00\xff"), "keyid:#00ff"),
        (Identity(IdType.DER_ASN1_DN, b"\x30\x00"), "asn1dn:#3000"),
        # These would mean something else to a reader of swanctl.conf.
        (Identity(IdType.FQDN, b"%any"), "fqdn:#25616e79"),
        (Identity(IdType.FQDN, b"#41"), "fqdn:#233431"),
    ],
)
def test_identities_carry_their_type(value: Identity, text: str) -> None:
    assert translate.identity(value) == text


def test_an_identity_type_without_a_word_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="identity type"):
        translate.identity(Identity(IdType(200), b"x"))


def test_a_connection_in_the_words_of_vici() -> None:
    section = translate.connection(device_view(local_address="10.91.0.2"), "10.91.0.1")
    assert section["version"] == "2"
    assert section["local_addrs"] == ["10.91.0.2"]
    assert section["remote_addrs"] == ["10.91.0.1", "%any"]
    assert section["proposals"] == ["aes128gcm16-prfsha256-x25519"]
    assert section["local-1"] == {"auth": "psk", "id": "fqdn:device.example"}
    assert section["remote-1"] == {"auth": "psk", "id": "fqdn:tester.example"}
    assert section["mobike"] == section["encap"] == "no"
    assert section["fragmentation"] == "yes"
    assert section["childless"] == "never"
    assert section["dpd_delay"] == section["rekey_time"] == section["reauth_time"] == "0s"
    assert "remote_port" not in section
    child = section["children"]["net"]
    assert child["local_ts"] == ["10.2.0.0/24"]
    assert child["remote_ts"] == ["10.1.0.0/24"]
    assert child["esp_proposals"] == ["aes128gcm16"]
    assert child["mode"] == "tunnel"
    assert child["rekey_time"] == child["life_time"] == child["rand_time"] == "0s"


def test_every_option_reaches_the_daemon() -> None:
    section = translate.connection(
        device_view(
            remote_address="10.91.0.9",
            remote_ports=(1500, 14500),
            mobike=True,
            force_encapsulation=True,
            childless=True,
            initial_contact=False,
            fragment_size=0,
            dpd_delay=1.2,
            lifetime=10,
            children=(
                ChildConfig("one", ("aes256-sha256-x25519", "aes128gcm16"), mode=Mode.TRANSPORT, lifetime=3),
                ChildConfig("two", ("aes128gcm16",), local_ts=("10.2.0.0/24[tcp/80]", "fd02::/64")),
            ),
        ),
        "10.91.0.1",
    )
    assert section["remote_addrs"] == ["10.91.0.9"]
    assert section["remote_port"] == "1500"
    assert section["mobike"] == section["encap"] == "yes"
    assert section["childless"] == "allow"
    assert section["unique"] == "never"
    assert section["fragmentation"] == "no"
    assert section["dpd_delay"] == "2s", "vici knows whole seconds, and rounding down could mean never"
    assert (section["rekey_time"], section["over_time"], section["rand_time"]) == ("10s", "10s", "0s")
    one, two = section["children"]["one"], section["children"]["two"]
    assert one["mode"] == "transport"
    assert one["esp_proposals"] == ["aes256-sha256-x25519", "aes128gcm16"]
    assert (one["rekey_time"], one["life_time"]) == ("3s", "10s")
    assert two["local_ts"] == ["10.2.0.0/24[6/80]", "fd02::/64"]


def test_a_shared_key_is_loaded_for_both_identities() -> None:
    [(command, message)] = translate.credentials(device_view())
    assert command == "load-shared"
    assert message["type"] == "IKE"
    assert message["data"] == b"a shared secret"
    assert set(message["owners"]) == {"fqdn:device.example", "fqdn:tester.example"}


def test_two_shared_keys_are_unsupported() -> None:
    other = replace(DEVICE, auth=Psk(b"another"))
    with pytest.raises(Unsupported, match="both directions"):
        list(translate.credentials(device_view(local=other)))


def _certificate(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def test_certificates_and_the_private_key_are_loaded() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    ours, theirs, root = (_certificate(key, name) for name in ("ours", "theirs", "root"))
    connection = device_view(
        local=Party(DEVICE.identity, PublicKey((ours,), key)),
        remote=Party(TESTER.identity, PublicKey((theirs,))),
        trust=(root,),
    )
    loaded = list(translate.credentials(connection))
    assert [command for command, _ in loaded] == ["load-cert", "load-cert", "load-key"]
    assert loaded[0][1] == {"type": "X509", "flag": "CA", "data": root.public_bytes(Encoding.DER)}
    assert loaded[1][1]["flag"] == "NONE"
    again = load_der_private_key(loaded[2][1]["data"], None)
    assert isinstance(again, ec.EllipticCurvePrivateKey)
    assert again.private_numbers() == key.private_numbers()
    section = translate.connection(connection, "10.91.0.1")
    assert section["local-1"]["certs"] == [ours.public_bytes(Encoding.DER)]
    assert "certs" not in section["remote-1"]


def test_a_named_hash_is_a_constraint_on_our_signature_only() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    auth = PublicKey((_certificate(key, "x"),), key, hash=HashAlgorithm.SHA2_384)
    assert translate.authentication(auth, ours=True) == "ike:ecdsa-sha384"
    assert translate.authentication(auth, ours=False) == "pubkey"
    assert translate.authentication(replace(auth, method=AuthMethod.ECDSA_256), ours=True) == "pubkey"
    assert translate.authentication(replace(auth, hash=None), ours=True) == "pubkey"


def test_cookie_policies_become_thresholds() -> None:
    def threshold(policy: CookiePolicy) -> int:
        return settings.startup_for(device_view(cookies=policy, half_open_limit=7), (500, 4500)).cookie_threshold

    assert [threshold(policy) for policy in CookiePolicy] == [0, 7, 1]


def test_timers_and_classic_signatures_become_settings() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    classic = Party(DEVICE.identity, PublicKey((), key, method=AuthMethod.ECDSA_256))
    runtime = settings.runtime_for(
        device_view(local=classic, retransmit_timeout=0.25, retransmit_tries=2, fragment_size=576)
    )
    text = settings.render(settings.Startup(3), runtime, DataPlane.SHIM, "/run/x/log", "/run/x/vici")
    lines = [line.strip() for line in text.splitlines()]
    assert "retransmit_timeout = 0.25" in lines
    assert "retransmit_tries = 2" in lines
    assert "fragment_size = 576" in lines
    assert "signature_authentication = no" in lines
    assert "cookie_threshold = 3" in lines
    assert "socket = unix:///run/x/vici" in lines
    assert text.count("{") == text.count("}")


def test_user_space_esp_comes_before_the_kernel() -> None:
    text = settings.render(settings.Startup(), settings.Runtime(), DataPlane.LIBIPSEC, "/run/x/log", "/run/x/vici")
    assert text.index("kernel-libipsec") < text.index("kernel-netlink")
    assert "kernel-libipsec kernel-netlink" not in settings.render(
        settings.Startup(), settings.Runtime(), DataPlane.KERNEL, "/run/x/log", "/run/x/vici"
    )


def test_its_own_plugins_may_come_before_openssl() -> None:
    def loaded(choice: str) -> list[str]:
        plugins = settings.PLUGIN_SETS[choice]
        text = settings.render(settings.Startup(), settings.Runtime(), DataPlane.SHIM, "/x/log", "/x/vici", plugins)
        (line,) = [line for line in text.splitlines() if line.strip().startswith("load =")]
        return line.partition("=")[2].split()

    usual, own = loaded(""), loaded("own")
    assert sorted(usual) == sorted(own)
    rivals = ("pem", "x509", "pkcs1", "sha2", "hmac", "kdf", "gmp", "curve25519", "chapoly", "aes", "gcm")
    assert all(usual.index("openssl") < usual.index(one) for one in rivals)
    assert all(own.index("openssl") > own.index(one) for one in rivals)


@pytest.mark.parametrize(
    ("answer", "plugins", "claimed"),
    [
        (
            {"dh": {"ECP_256": b"openssl"}},
            ("openssl",),
            {"rsa", "rsa-pss", "ecdsa", "ecdsa-384", "ecdsa-521", "brainpool", "ed25519", "ed448"},
        ),
        ({"ke": {"ECP_256": b"openssl"}}, ("gmp",), {"rsa", "rsa-pss", "intermediate", "multiple-ke"}),
        ({"ke": {"ML_KEM_768": b"ml"}}, ("ml", "curve25519"), {"ed25519", "intermediate", "multiple-ke", "ml-kem"}),
        ({}, (), set()),
    ],
)
def test_a_device_claims_what_its_build_can(
    answer: dict[str, dict[str, bytes]], plugins: tuple[str, ...], claimed: set[str]
) -> None:
    assert algorithms.claims(answer, plugins) == claimed


def test_an_eap_method_needs_all_of_its_plugins() -> None:
    assert algorithms.eap_methods({"eap-md5", "eap-gtc", "openssl"}) == ("md5",)
    assert algorithms.eap_methods({"eap-md5", "eap-gtc", "xauth-generic"}) == ("md5", "gtc")


def test_inner_addresses_are_dynamic_selectors() -> None:
    asks = translate.connection(device_view(remote_pool="10.77.0.0/24"), "10.91.0.1")
    assert asks["vips"] == ["0.0.0.0"]
    assert asks["children"]["net"]["local_ts"] == ["dynamic"]
    assigns = translate.connection(device_view(local_pool="10.77.0.0/24"), "10.91.0.1")
    assert assigns["pools"] == ["ikespec"]
    assert assigns["children"]["net"]["remote_ts"] == ["dynamic"]


def test_private_attributes_go_by_number() -> None:
    told = InnerNetwork(private=((28675, b"a.example"), (28675, b"b.example")))
    [pool] = translate.pools(device_view(local_pool="10.77.0.0/24", local_inner=told)).values()
    assert pool["28675"] == [b"a.example", b"b.example"]


def test_whoever_has_the_secret_may_come_in() -> None:
    value = device_view(any_identity=True)
    assert "id" not in translate.connection(value, "10.91.0.1")["remote-1"]
    [(_, message)] = translate.credentials(value)
    assert message["owners"] == []


def test_raw_keys_are_pinned_for_both_sides() -> None:
    connection = raw_keys()(PIXIT).mirrored()
    section = translate.connection(connection, PIXIT.tester_address)
    for side, party in (("local-1", connection.local), ("remote-1", connection.remote)):
        assert isinstance(party.auth, PublicKey)
        assert section[side]["pubkeys"] == [party.auth.raw] and "certs" not in section[side]
    assert [command for command, _ in translate.credentials(connection)] == ["load-key"]


def test_all_certificates_of_a_device_are_loaded_with_their_keys() -> None:
    connection = two_certificates()(PIXIT).mirrored()
    section = translate.connection(connection, PIXIT.tester_address)
    assert len(section["local-1"]["certs"]) == 2
    commands = [command for command, _ in translate.credentials(connection)]
    assert commands.count("load-key") == 2 and commands.count("load-cert") == 4


def test_where_certificates_are_is_said_of_their_authority() -> None:
    connection = lookups(own=True)(PIXIT).mirrored()
    loaded = dict(translate.credentials(connection))["load-authority"]
    assert loaded[connection.name]["cert_uri_base"] == translate.uri_base(connection) == "http://192.0.2.1:8880/device/"
    assert settings.runtime_for(connection).hash_and_url and not settings.Runtime().hash_and_url


def test_how_long_a_session_lasts() -> None:
    child = ChildConfig("net", ("aes128gcm16",), lifetime_packets=20, lifetime_octets=4000, idle_timeout=2.0)
    section = translate.connection(
        device_view(children=(child,), auth_lifetime=6.0, unique=Uniqueness.REPLACE), "10.91.0.1"
    )
    assert (section["reauth_time"], section["over_time"], section["unique"]) == ("6s", "1s", "replace")
    net = section["children"]["net"]
    assert (net["rekey_packets"], net["life_packets"]) == ("20", "35")
    assert (net["rekey_bytes"], net["life_bytes"], net["inactivity"]) == ("4000", "6005", "2s")
    assert settings.runtime_for(device_view(make_before_break=True)).make_before_break
    runtime = settings.runtime_for(device_view(follows_redirects=True))
    assert runtime.follow_redirects and not settings.runtime_for(device_view()).follow_redirects


def test_what_shall_always_be_there_and_how_much_there_may_be() -> None:
    section = translate.connection(device_view(reopens=True), "10.91.0.1")
    net = section["children"]["net"]
    assert (section["keyingtries"], net["close_action"], net["dpd_action"]) == ("0", "start", "restart")
    usual = translate.connection(device_view(), "10.91.0.1")
    net = usual["children"]["net"]
    assert (usual["keyingtries"], net["close_action"], net["dpd_action"]) == ("1", "none", "clear")
    startup = settings.startup_for(device_view(ike_sa_limit=2), (500, 4500))
    assert startup.ike_sas == 2 and settings.startup_for(device_view(), (500, 4500)).ike_sas == 0
