"""The dialogue with a router: what is said, what comes back, and what stays when something goes wrong."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="bin/test has it")
pytest.importorskip("netmiko", reason="bin/test has it")

from conformance.crypto.pki import Authority
from conformance.ike.core.connection import Connection, Identity, Mode, Party, PublicKey
from peers.capabilities import Capability
from peers.contract import ChildStatus, Device, DeviceError, SaState, SaStatus, Unsupported
from peers.iosxe.status import Shown, sa_statuses
from peers.reference.process import ReferenceProcess
from peers.registry import open_device
from suites.connections import psk
from tests.peers.iosxe_face import face
from tests.peers.iosxe_router import Face, Router, Simulated

FILE = """\
[device]
name = "router"

[addresses]
device = "127.0.0.1"
tester = "127.0.0.2"

[iosxe]
host = "127.0.0.1"
port = {port}
user = "ikespec"
password = "secret"
known_hosts = "{known_hosts}"
interface = "GigabitEthernet1"
inside = "GigabitEthernet2"
timeout = 2.0
"""


@pytest.fixture
def router() -> Router:
    return Router()


@pytest.fixture
def simulated(router: Router, tmp_path: Path) -> Iterator[Simulated]:
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it tells of each session that ends in mid-sentence
    with Simulated(router, tmp_path) as server:
        yield server


def _device(simulated: Simulated, folder: Path, *changes: tuple[str, str], more: str = "") -> Device:
    text = FILE.format(port=simulated.port, known_hosts=simulated.known_hosts) + more
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "router.toml"
    path.write_text(text)
    return open_device(str(path))


def _wanted(device: Device) -> Connection:
    return psk()(device.profile).mirrored()


def _lines(router: Router) -> list[str]:
    return sorted(router.text().splitlines())


BEFORE = _lines(Router())


def test_a_run_leaves_the_router_as_it_was(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path) as device:
        assert device.version == "17.09.04a"
        assert device.alive()
        device.apply(_wanted(device))
        assert "crypto ikev2 profile IKESPEC" in router.running
        assert "no crypto ikev2 policy default" in router.running
        device.apply(replace(_wanted(device), lifetime=300.0))
        assert "lifetime 300" in router.running["crypto ikev2 profile IKESPEC"]
        device.clear()
        assert "crypto ikev2 profile IKESPEC" not in router.running
    assert _lines(router) == BEFORE
    assert not any(line.startswith(("write", "copy", "reload")) for line in router.given)


def test_the_same_connection_is_told_once(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path) as device:
        device.apply(_wanted(device))
        router.given.clear()
        device.apply(_wanted(device))
        assert "configure terminal" not in router.given
        assert "clear crypto ikev2 sa remote 127.0.0.2" in router.given


def test_whom_the_router_knows_changes_with_the_connection(
    router: Router, simulated: Simulated, tmp_path: Path
) -> None:
    """A domain, then anybody: of the first nothing stays that would let in hosts of the domain."""
    with _device(simulated, tmp_path) as device:
        device.apply(replace(_wanted(device), remote_domain="branches.example"))
        assert " identity fqdn domain branches.example" in _lines(router)
        assert " match identity remote fqdn domain branches.example" in _lines(router)
        device.apply(replace(_wanted(device), any_identity=True))
        assert " match identity remote any" in _lines(router)
        assert not [one for one in _lines(router) if "branches.example" in one or " identity fqdn " in one]
    assert _lines(router) == BEFORE


def test_what_a_crashed_run_has_left_is_undone(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    crashed = _device(simulated, tmp_path)
    crashed.start()
    crashed.apply(_wanted(crashed))
    assert _lines(router) != BEFORE
    with _device(simulated, tmp_path) as device:
        assert device.alive()
    assert _lines(router) == BEFORE
    crashed.stop()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('password = "secret"', 'password = "wrong"'), "refuses the user 'ikespec' or the password"),
        (("127.0.0.1\"\nport = ", "127.0.0.1\"\nport = 1 # "), "cannot be reached by SSH"),
        (("[addresses]", "[addresses]"), "has another host key than is known"),
    ],
    ids=["password", "port", "host key"],
)  # fmt: skip
def test_a_router_that_lets_nobody_in(change: tuple[str, str], said: str, simulated: Simulated, tmp_path: Path) -> None:
    device = _device(simulated, tmp_path, change)
    if "host key" in said:
        other = Simulated(Router(), tmp_path)
        other.port = simulated.port
        assert other.known_hosts.is_file()
    with pytest.raises(DeviceError, match=said) as caught:
        device.start()
    assert "\n" not in str(caught.value)
    device.stop()


def test_a_rejected_line_is_named_and_leaves_nothing(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    router.habits.rejects = "group 19"
    with _device(simulated, tmp_path) as device:
        with pytest.raises(DeviceError, match=r"rejects the line 'group 19': % Invalid input detected") as caught:
            device.apply(_wanted(device))
        assert "\n" not in str(caught.value)
        assert not any("IKESPEC" in one and "BEFORE" not in one for one in router.running)
        router.habits.rejects = ""
        device.apply(_wanted(device))
        assert "crypto ikev2 profile IKESPEC" in router.running
    assert _lines(router) == BEFORE


def test_a_rejected_secret_is_not_told(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    router.habits.rejects = "pre-shared-key"
    with _device(simulated, tmp_path) as device:
        with pytest.raises(DeviceError) as caught:
            device.apply(_wanted(device))
        assert "pre-shared-key hex ...'" in str(caught.value)


def test_a_session_that_ends_is_opened_again(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path) as device:
        device.apply(_wanted(device))
        router.habits.drops_at = "show clock"
        assert not device.alive()
        assert device.alive()
        router.habits.drops_at = "show logging"
        assert "SYS-5-RESTART" not in device.log()
        router.habits.drops_at = "crypto ipsec profile"
        with pytest.raises(DeviceError, match="the SSH session ended at"):
            device.apply(replace(_wanted(device), lifetime=300.0))
        device.apply(replace(_wanted(device), lifetime=300.0))
    assert _lines(router) == BEFORE


def test_what_is_still_in_use_gets_a_second_chance(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path) as device:
        device.apply(_wanted(device))
        router.habits.busy = "crypto ipsec profile"
    assert _lines(router) == BEFORE
    device = _device(simulated, tmp_path)
    device.start()
    device.apply(_wanted(device))
    router.habits.rejects = "no crypto ipsec profile"
    with pytest.raises(DeviceError, match="our configuration is still there, named IKESPEC: the router does not take"):
        device.stop()


def test_a_router_that_restarts_has_died(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path) as device:
        device.apply(_wanted(device))
        assert device.obituary() is None
        router.running = Router().running
        router.habits.restarted, router.habits.reason = "22:00:00 UTC Sat Nov 28 2026", "Critical process fault, cpp"
        router.habits.drops_at = "show clock"
        assert not device.alive()
        assert device.alive()
        death = device.obituary()
        assert death is not None and death.words == "restarted: Critical process fault, cpp"
        device.apply(_wanted(device))
        assert "crypto ikev2 profile IKESPEC" in router.running
    assert _lines(router) == BEFORE


def test_a_slow_router_is_waited_for_and_a_silent_one_is_not(
    router: Router, simulated: Simulated, tmp_path: Path
) -> None:
    with _device(simulated, tmp_path, ("timeout = 2.0", "timeout = 0.6")) as device:
        router.habits.slow_at, router.habits.delay = "show clock", 0.2
        assert device.alive()
        router.habits.slow_at, router.habits.delay = "ping", 0.9
        with pytest.raises(DeviceError, match=r"no end of 'ping .*' within 0\.6 s; raise iosxe\.timeout"):
            device.ping("10.2.0.1", "10.1.0.1")
        assert device.alive()


def test_a_router_that_talks_in_between_and_pages(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    router.habits.chatty = True
    with _device(simulated, tmp_path) as device:
        device.apply(_wanted(device))
        assert "crypto ikev2 profile IKESPEC" in router.running
        router.logged.append("*Nov 28 22:00:02.000: %IKEV2-5-SA_UP: SA UP")
        assert "SA_UP" in device.log() and "SYS-5-RESTART" not in device.log()
    assert _lines(router) == BEFORE


def test_what_belongs_to_others_is_left_alone(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    router.running["interface Tunnel3999"] = ["description of somebody else"]
    device = _device(simulated, tmp_path)
    with pytest.raises(DeviceError, match="somebody else has the interface Tunnel3999; give another"):
        device.start()
    device.stop()
    assert "description of somebody else" in router.running["interface Tunnel3999"]


def test_settings_and_lines_of_the_file(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    more = 'global_lines = ["crypto ikev2 redirect client"]\nprofile_lines = ["redirect gateway auth"]\ndebug = true\n'
    with _device(simulated, tmp_path, ('inside = "GigabitEthernet2"\n', ""), more=more) as device:
        assert "crypto ikev2 redirect client" in router.running
        assert "ip address 10.2.0.1 255.255.255.255" in router.running["interface Loopback3999"]
        device.apply(_wanted(device))
        assert "redirect gateway auth" in router.running["crypto ikev2 profile IKESPEC"]
        assert "debug crypto ikev2" in router.given
    assert "no debug crypto ikev2" in router.given
    assert _lines(router) == BEFORE


def test_certificates_are_pasted_and_removed_with_their_key(
    router: Router, simulated: Simulated, tmp_path: Path
) -> None:
    authority = Authority.create("CA", kind="rsa")
    ours, theirs = (authority.issue(one, kind="rsa", sans=[one]) for one in ("device.example", "tester.example"))
    with _device(simulated, tmp_path) as device:
        wanted = replace(
            _wanted(device),
            local=Party(Identity.of("device.example"), PublicKey((ours.certificate,), ours.key)),
            remote=Party(Identity.of("tester.example"), PublicKey((theirs.certificate,))),
            trust=(authority.certificate,),
        )
        device.apply(wanted)
        assert router.imported[0].startswith("-----BEGIN CERTIFICATE-----")
        assert len(router.imported) == 2
        assert {one for one in router.running if "trustpoint" in one} == {
            "crypto pki trustpoint IKESPEC-OWN",
            "crypto pki trustpoint IKESPEC-CA1",
        }
    assert set(router.zeroized) == {"IKESPEC-OWN"}
    assert _lines(router) == BEFORE


def test_a_pool_needs_what_only_the_owner_may_switch_on(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    del router.running["aaa new-model"]
    with _device(simulated, tmp_path) as device, pytest.raises(Unsupported, match="no aaa new-model"):
        device.apply(replace(_wanted(device), local_pool="10.77.0.0/24"))


def test_orders(router: Router, simulated: Simulated, tmp_path: Path) -> None:
    with _device(simulated, tmp_path, ('tester = "127.0.0.2"', 'tester = "192.0.2.2"')) as device:
        with pytest.raises(DeviceError, match="has no connection; apply one first"):
            device.initiate()
        device.apply(_wanted(device))
        router.face = Face(
            pinged=lambda source, destination: destination == "10.1.0.1", shown=lambda command: SHOWN[command]
        )
        assert device.ping("10.2.0.1", "10.1.0.1")
        assert not device.ping("10.2.0.1", "10.1.0.9")
        device.delete_child("net")
        assert "clear crypto sa spi 192.0.2.2 esp 0x3fd4a2af" in router.given
        device.delete_ike()
        assert router.given[-1] == "clear crypto ikev2 sa remote 192.0.2.2"
        router.face = Face()
        device.initiate()
        assert "responder-only" not in router.running["crypto ipsec profile IKESPEC"]
        assert "ping 10.1.0.1 source GigabitEthernet2 repeat 1 timeout 0" in router.given
        with pytest.raises(DeviceError, match="there is no Child SA 'other'"):
            device.initiate("other")
        with pytest.raises(Unsupported):
            device.rekey_ike()
        # The next connection is told anew: the tunnel waits for an order again.
        device.apply(_wanted(device))
        assert "responder-only" in router.running["crypto ipsec profile IKESPEC"]


# --- what a router shows

SHOWN = {
    "show crypto ikev2 sa detailed": """\
 IPv4 Crypto IKEv2  SA

Tunnel-id Local                 Remote                fvrf/ivrf            Status
1         192.0.2.1/500         192.0.2.2/500         none/none            READY
      Encr: AES-GCM, keysize: 256, PRF: SHA512, Hash: None, DH Grp:21, Auth sign: PSK, Auth verify: PSK
      Life/Active Time: 86400/6 sec
      CE id: 1030, Session-id: 13
      Local spi: 313404E23B3A5707       Remote spi: 13FE5BCC09FFAAAB
      Local id: hub.example
      Initiator of SA : Yes

Tunnel-id Local                 Remote                fvrf/ivrf            Status
2         192.0.2.1/4500        198.51.100.9/4500     none/none
READY
      Local spi: AAAAAAAAAAAAAAAA       Remote spi: BBBBBBBBBBBBBBBB
      Initiator of SA : No

 IPv6 Crypto IKEv2  SA

Tunnel-id    fvrf/ivrf              Status
3          none/none             IN-NEG
Local  2001:DB8::1/500
Remote  2001:DB8::2/500
      Local spi: CCCCCCCCCCCCCCCC       Remote spi: 0000000000000000
      Initiator of SA : Yes
""",
    "show crypto ikev2 session": """\
 IPv4 Crypto IKEv2 Session

Session-id:13, Status:UP-ACTIVE, IKE count:1, CHILD count:1

Tunnel-id Local                 Remote                fvrf/ivrf            Status
1         192.0.2.1/500         192.0.2.2/500         none/none            READY
      Encr: AES-GCM, keysize: 256, PRF: SHA512, Hash: None, DH Grp:21, Auth sign: PSK, Auth verify: PSK
      Life/Active Time: 86400/6 sec
Child sa: local selector  10.2.0.0/0 - 10.2.0.255/65535
          remote selector 10.1.0.0/0 - 10.1.0.255/65535
          ESP spi in/out: 0x349334C6/0x3FD4A2AF
""",
    "show crypto ipsec sa": """\
interface: Tunnel3999
    Crypto map tag: Tunnel3999-head-0, local addr 192.0.2.1

   protected vrf: (none)
   local  ident (addr/mask/prot/port): (10.2.0.0/255.255.255.0/0/0)
   remote ident (addr/mask/prot/port): (10.1.0.0/255.255.255.0/0/0)
   current_peer 192.0.2.2 port 500
     PERMIT, flags={origin_is_acl,}
    #pkts encaps: 10, #pkts encrypt: 10, #pkts digest: 10

     current outbound spi: 0x3FD4A2AF(1070899887)
     PFS (Y/N): Y, DH group: group21

     inbound esp sas:
      spi: 0x349334C6(882062534)
        transform: esp-gcm 256 ,
        in use settings ={Tunnel, }
        conn id: 6, flow_id: SW:6, sibling_flags 80000000, crypto map: Tunnel3999-head-0
        Status: ACTIVE(ACTIVE)

     inbound ah sas:

     outbound esp sas:
      spi: 0x3FD4A2AF(1070899887)
        transform: esp-gcm 256 ,
        in use settings ={Tunnel, }
        Status: ACTIVE(ACTIVE)

     outbound ah sas:
""",
}


def test_sas_are_read() -> None:
    shown = Shown(*SHOWN.values())
    [ours] = sa_statuses(shown, (), ["192.0.2.2"])
    child = ChildStatus(
        "",
        bytes.fromhex("349334c6"),
        bytes.fromhex("3fd4a2af"),
        ("10.2.0.0/24",),
        ("10.1.0.0/24",),
        Mode.TUNNEL,
        SaState.ESTABLISHED,
    )
    assert ours == SaStatus(
        bytes.fromhex("313404e23b3a5707"), bytes.fromhex("13fe5bcc09ffaaab"), SaState.ESTABLISHED, (child,)
    )
    [natted] = sa_statuses(shown, (), ["198.51.100.9"])
    assert natted == SaStatus(b"\xbb" * 8, b"\xaa" * 8, SaState.ESTABLISHED)
    [opening] = sa_statuses(shown, (), ["2001:db8::2"])
    assert opening == SaStatus(b"\xcc" * 8, bytes(8), SaState.CONNECTING)
    assert sa_statuses(Shown("", "", ""), (), ["192.0.2.2"]) == []


# --- device files


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('password = "secret"\n', ""), "iosxe.password is missing"),
        (('password = "secret"', 'password_env = "IKESPEC_NO_SUCH"'), "the environment has no such variable"),
        (('user = "ikespec"', 'usr = "ikespec"'), "iosxe.user is missing"),
        (("timeout = 2.0", "timeout = 2.0\nnumbre = 7"), 'unknown key; did you mean "number"?'),
        (('"GigabitEthernet1"', '"the first one"'), "expected an interface such as GigabitEthernet1"),
        (("timeout = 2.0", 'prefix = "?"'), "iosxe.prefix"),
        (("timeout = 2.0", 'selectors = "some"'), "expected one of acl, any"),
        (("timeout = 2.0", 'global_lines = ["no ip routing"]'), "expected lines such as"),
        (("timeout = 2.0", 'global_lines = ["crypto ikev2 profile OTHER"]'), "expected lines such as"),
        (("[iosxe]", '[commands]\nlog = "true"\n[iosxe]'), "has orders of its own"),
        (
            ("[iosxe]", '[algorithms]\nike = ["aes128gcm16-prfsha256-x25519"]\n[iosxe]'),
            "IOS has no word for CURVE25519",
        ),
    ],
)
def test_a_bad_file_gets_a_line(change: tuple[str, str], complaint: str, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    text = FILE.format(port=22, known_hosts="known_hosts").replace(*change)
    path = tmp_path / "router.toml"
    path.write_text(text)
    with pytest.raises(DeviceError) as caught:
        open_device(str(path))
    assert complaint in str(caught.value) and "router.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_may_take_capabilities_away(tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    path = tmp_path / "router.toml"
    text = FILE.format(port=22, known_hosts="known_hosts")
    path.write_text(text.replace("[device]", '[device]\ncapabilities = ["responder", "configurable", "psk", "mobike"]'))
    assert open_device(str(path)).capabilities == {Capability.RESPONDER, Capability.CONFIGURABLE, Capability.PSK}
    path.write_text(text + 'selectors = "any"\n')
    assert Capability.NARROWING not in open_device(str(path)).capabilities


def test_without_the_extra_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "netmiko", None)
    for name in ("peers.iosxe.device", "peers.iosxe.console"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    path = tmp_path / "router.toml"
    path.write_text(FILE.format(port=22, known_hosts="known_hosts"))
    with pytest.raises(DeviceError, match=r"netmiko; .* -m pip install netmiko"):
        open_device(str(path))


# --- the whole way


def test_purposes_run_through_a_router(tmp_path: Path) -> None:
    """What arrives on the console is what a reference device is configured with: it answers, asks, and errs."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with ReferenceProcess("accepts-wrong-auth") as reference:
        with Simulated(Router(face=face(reference)), tmp_path) as simulated:
            at = reference.pixit
            ports = f"device_ports = {list(at.device_ports)}\ntester_ports = {list(at.tester_ports)}\n"
            here = 'tester = "127.0.0.1"\n'
            _device(simulated, tmp_path, ('tester = "127.0.0.2"\n', f"{here}{ports}"))
            results = _run(tmp_path / "router.toml", tmp_path / "results")
        assert _lines(simulated.router) == BEFORE
    assert results == {
        "auth-responder-further-notifies": "pass",
        "auth-childless": "n/a",
        "auth-psk-wrong": "fail",
        "cp-routes-told-responder": "pass",
        "cp-routes": "pass",
    }


def _run(file: Path, folder: Path) -> dict[str, str]:
    wanted = ["auth-responder-further-notifies", "auth-childless", "auth-psk-wrong"]
    wanted += ["cp-routes-told-responder", "cp-routes"]
    command = [sys.executable, "-m", "ikespec", "run", *wanted, "--no-look", "--dut", str(file), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    return {record["purpose"]: record["verdict"] for record in records}
