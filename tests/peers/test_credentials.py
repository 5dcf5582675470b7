"""Identities, secrets and certificates of a device file."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from conformance.crypto.pki import Authority, Leaf
from conformance.wire import IdType
from peers.credentials import DEVICE_NAME, SECRET, USUAL
from peers.credentialsfile import identity_of
from peers.devicefile import read_device
from peers.tomlfile import TomlError

HEAD = """\
[device]
name = "router"
capabilities = ["responder", "psk", "rsa", "ecdsa", "ed25519", "tunnel"]

[addresses]
device = "192.0.2.1"
tester = "127.0.0.1"

"""


def made(folder: Path, kind: str = "ecdsa", name: str = "tester.example") -> tuple[Authority, Leaf]:
    """The files of a PKI in a folder."""
    authority = Authority.create("the CA of the routers", kind)
    leaf = authority.issue(name, kind, [name])
    device = authority.issue("router.example", kind, ["router.example"])
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "tester.pem").write_bytes(leaf.chain_pem)
    (folder / "tester.key").write_bytes(leaf.key_pem)
    (folder / "router.pem").write_bytes(device.certificate_pem)
    locked = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (folder / "locked.key").write_bytes(locked)
    (folder / "other.key").write_bytes(device.key_pem)
    (folder / "empty").write_bytes(b"\n")
    (folder / "psk").write_bytes(b"of a file\n")
    return authority, leaf


def device_file(folder: Path, text: str) -> Path:
    path = folder / "router.toml"
    path.write_text(HEAD + text)
    return path


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("router.example", IdType.FQDN, b"router.example"),
        ("a@router.example", IdType.RFC822_ADDR, b"a@router.example"),
        ("192.0.2.7", IdType.IPV4_ADDR, bytes((192, 0, 2, 7))),
        ("2001:db8::7", IdType.IPV6_ADDR, bytes.fromhex("20010db8000000000000000000000007")),
        ("dead:beef::1", IdType.IPV6_ADDR, bytes.fromhex("deadbeef000000000000000000000001")),
        ("fqdn:192.0.2.7", IdType.FQDN, b"192.0.2.7"),
        ("email:router", IdType.RFC822_ADDR, b"router"),
        ("ipv4:192.0.2.7", IdType.IPV4_ADDR, bytes((192, 0, 2, 7))),
        ("ipv6:::1", IdType.IPV6_ADDR, bytes(15) + b"\1"),
        ("keyid:branch office", IdType.KEY_ID, b"branch office"),
        ("keyid:0x00ff", IdType.KEY_ID, b"\x00\xff"),
        ("CN=router", IdType.DER_ASN1_DN, bytes.fromhex("3011310f300d06035504030c06726f75746572")),
        ("dn:0x3000", IdType.DER_ASN1_DN, b"\x30\x00"),
    ],
)
def test_identities_of_every_type(text: str, kind: IdType, data: bytes) -> None:
    found = identity_of(text)
    assert (found.id_type, found.data) == (kind, data)


def test_what_a_file_does_not_say_is_as_the_suites_have_it(tmp_path: Path) -> None:
    assert read_device(device_file(tmp_path, "")).pixit.credentials == USUAL
    found = read_device(device_file(tmp_path, '[identities]\ntester = "me@example"\n')).pixit.credentials
    assert (str(found.tester), str(found.device), found.secret) == ("me@example", DEVICE_NAME, SECRET)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('psk = "text"', b"text"),
        ('psk_hex = "0x00fF"', b"\x00\xff"),
        ('psk_hex = "6162"', b"ab"),
        ('psk_file = "psk"', b"of a file"),
    ],
)
def test_secrets(tmp_path: Path, line: str, secret: bytes) -> None:
    made(tmp_path)
    assert read_device(device_file(tmp_path, f"[secrets]\n{line}\n")).pixit.credentials.secret == secret


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_certificates(tmp_path: Path, kind: str) -> None:
    authority, leaf = made(tmp_path, kind)
    text = '[identities]\ntester = "tester.example"\n[certificates]\ncertificate = "tester.pem"\nkey = "tester.key"\n'
    found = read_device(device_file(tmp_path, text + 'authority = "ca.pem"\n')).pixit.credentials
    assert found.kind == kind
    assert found.ours is not None
    assert found.ours.chain == leaf.chain
    assert found.trust == (authority.certificate,)
    assert found.secret is None, "there is no shared key beside certificates unless the file says so"
    found = read_device(device_file(tmp_path, text + 'device = "router.pem"\n')).pixit.credentials
    assert found.trust[0].subject.rfc4514_string() == "CN=router.example"


WHOLE = 'certificate = "tester.pem"\nkey = "tester.key"\nauthority = "ca.pem"\n'
CERTIFICATES = '[identities]\ntester = "tester.example"\n[certificates]\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[identities]\ntester = "fqnd:x"', 'line 10: identities.tester = "fqnd:x": there is no type "fqnd"'),
        ('[identities]\ntester = "fqnd:x"', 'did you mean "fqdn"?'),
        ('[identities]\ndevice = "ipv4:2001:db8::1"', "expected an IPv4 address after its type"),
        ('[identities]\ndevice = "keyid:0x0g"', "expected octets in hexadecimal after 0x"),
        ('[identities]\ndevice = "dn:nonsense,"', "identities.device"),
        ('[identities]\ndevise = "x"', 'unknown key; did you mean "device"?'),
        ('[secrets]\npsk = ""', "secrets.psk"),
        ('[secrets]\npsk = "a"\npsk_hex = "00"', "secrets.psk_hex"),
        ('[secrets]\npsk_hex = "0"', "expected octets in hexadecimal"),
        ('[secrets]\nany_identity = "yes"', "expected true or false"),
        ('[secrets]\npsk = "a"\nany_identity = true\n[prompts]\napply = "do"', "a device that takes any connection"),
        (CERTIFICATES + WHOLE + "[secrets]\nany_identity = true", "any_identity = true: there is no shared key"),
        ('[secrets]\npsk_file = "nowhere"', "there is no file"),
        ('[secrets]\npsk_file = "empty"', "is empty"),
        (CERTIFICATES + 'certificate = "tester.pem"', "certificates.key is missing"),
        (CERTIFICATES + 'certificate = "ca.pme"\nkey = "tester.key"', "there is no file"),
        (CERTIFICATES + 'certificate = "tester.key"\nkey = "tester.key"', "does not hold certificates in PEM"),
        (CERTIFICATES + 'certificate = "tester.pem"\nkey = "tester.pem"', "does not hold a private key"),
        (CERTIFICATES + 'certificate = "tester.pem"\nkey = "locked.key"', "a private key without a passphrase"),
        (CERTIFICATES + 'certificate = "tester.pem"\nkey = "other.key"', "is not the key of the first certificate"),
        (CERTIFICATES + 'certificate = "tester.pem"\nkey = "tester.key"', "certificates.authority is missing"),
        (
            CERTIFICATES.replace("tester.example", "me.example")
            + 'certificate = "tester.pem"\nkey = "tester.key"\nauthority = "ca.pem"',
            "does not speak for identities.tester",
        ),
        ('[algorithms]\nike = ["aes128-sha257-modp2048"]', "did you mean sha256?"),
        ('[algorithms]\nike = ["aes128-modp2048"]', "names no pseudorandom function"),
        ('[algorithms]\nike = ["aes128gcm16-prfsha256"]', "has no key exchange method"),
        ('[algorithms]\nesp = ["aes128"]', "has no integrity algorithm"),
        ("[algorithms]\nesp = []", "expected at least one suite"),
        ('[algorithms]\nah = ["aes128-sha256"]', "has no place in AH"),
        ('[algorithms]\nrefused = ["sha257"]', "did you mean sha256?"),
        ('[algorithms]\nikev2 = ["x"]', 'unknown key; did you mean "ike"?'),
        ('[pools]\ndevice = "10.77.0.1/24"', "expected an IPv4 prefix without host bits"),
        ('[pools]\ndevice = "10.77.0.1/32"', "expected an IPv4 prefix without host bits"),
    ],
)
def test_every_mistake_is_named_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    made(tmp_path)
    path = device_file(tmp_path, text + "\n")
    with pytest.raises(TomlError) as caught:
        read_device(path)
    said = str(caught.value)
    assert said.startswith(f"{path}, line ")
    assert complaint in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("capability", "text", "complaint"),
    [
        ('"psk", ', '[secrets]\npsk = "x"\n', 'secrets.psk = "x": device.capabilities says nothing of "psk"'),
        (
            '"ecdsa", ',
            CERTIFICATES + WHOLE,
            'is of the kind ecdsa: device.capabilities says nothing of "ecdsa"',
        ),
    ],
)
def test_the_capability_belongs_to_it(tmp_path: Path, capability: str, text: str, complaint: str) -> None:
    made(tmp_path)
    path = tmp_path / "router.toml"
    path.write_text(HEAD.replace(capability, "") + text)
    with pytest.raises(TomlError, match=re.escape(complaint)):
        read_device(path)


@pytest.mark.parametrize("network", ["10.2.0.0/33", "10.2.0.1/24", "10.2.0/24", "network"])
def test_networks_are_networks(tmp_path: Path, network: str) -> None:
    path = tmp_path / "router.toml"
    path.write_text(HEAD.replace('tester = "127', f'device_networks = ["{network}"]\ntester = "127'))
    with pytest.raises(TomlError, match=r"addresses\.device_networks .* is no network such as 10\.2\.0\.0/24"):
        read_device(path)


def test_algorithms_and_pools(tmp_path: Path) -> None:
    text = (
        '[algorithms]\nike = ["aes256-sha384-ecp384"]\nesp = ["aes256-sha384-ecp384"]\nah = ["sha384"]\n'
        'refused = ["3des"]\n[pools]\ndevice = "10.77.0.0/24"\n'
    )
    pixit = read_device(device_file(tmp_path, text)).pixit
    assert pixit.algorithms.ike == ("aes256-sha384-ecp384",)
    assert pixit.algorithms.refused == ("3des",)
    assert (pixit.device_pool, pixit.tester_pool) == ("10.77.0.0/24", None)
