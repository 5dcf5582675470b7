import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.script.verdict import NotApplicable
from peers import printed
from peers.capabilities import Capability
from peers.contract import DeviceError, SaState, Unsupported
from peers.devicefile import read_device
from peers.external import ExternalDevice
from peers.places.owner import process_start
from peers.registry import open_device
from peers.tomlfile import TomlError
from suites.connections import psk
from tests.peers.connections import device_view

GOOD = """\
[device]
name = "router"
version = "17.9"
capabilities = ["initiator", "responder", "psk", "tunnel", "list-sas", "log", "rekey-ike"]

[addresses]
device = "192.0.2.1"
tester = "127.0.0.1"
device_ports = [500, 4500]

[timers]
response_timeout = 4

[templates]
apply = "router.jinja"

[commands]
apply = "cp {config} {folder}/applied; cp {connection} {folder}/connection; echo configured >> {folder}/log"
initiate = "echo up {child} >> {folder}/log"
list_sas = "cat {folder}/sas"
log = "cat {folder}/log"

[prompts]
rekey_ike = "rekey it now"
"""
TEMPLATE = "peer {{ tester }}\nid {{ connection.remote.identity.text }}\nkey {{ connection.local.secret }}\n"


def _device_file(folder: Path, text: str = GOOD) -> Path:
    (folder / "router.jinja").write_text(TEMPLATE)
    (folder / "log").write_text("")
    path = folder / "router.toml"
    path.write_text(text.replace("{folder}", str(folder)))
    return path


def test_a_device_file_is_read(tmp_path: Path) -> None:
    found = read_device(_device_file(tmp_path))
    assert (found.name, found.version) == ("router", "17.9")
    assert Capability.REKEY_IKE in found.capabilities
    assert found.pixit.response_timeout == 4.0
    assert found.pixit.device_address6 is None
    assert found.prompts == {"rekey_ike": "rekey it now"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('name = "router"', ""), "line 1: device.name is missing: expected text in quotes"),
        (('"psk",', '"pks",'), '"pks" is no capability; did you mean "psk"?'),
        (('"192.0.2.1"', '"router.example"'), 'line 7: addresses.device = "router.example": expected an IPv4 address'),
        (("[500, 4500]", "[500]"), "line 9: addresses.device_ports = [500]: expected two ports"),
        (("[500, 4500]", "[500, 500]"), "line 9: addresses.device_ports = [500, 500]: expected two different ports"),
        (
            ('"192.0.2.1"', '"127.0.0.1"'),
            'line 8: addresses.tester = "127.0.0.1": is the device\'s address, where it has port 500; expected another',
        ),
        (("[500, 4500]", f"[{'[' * 3000}"), "router.toml: tables or lists are nested too deeply"),
        (("[500, 4500]", f"[{'9' * 5000}, 4500]"), "router.toml: cannot be read: Exceeds the limit"),
        (("response_timeout = 4", "response_timeout = -1"), "line 12: timers.response_timeout = -1: expected a number"),
        (("router.jinja", "ruoter.jinja"), "line 15: templates.apply"),
        (("{child}", "{chlid}"), "cannot fill in 'chlid'; known: {config}, {connection}, {child}"),
        (
            ("rekey_ike = ", "rekey_kie = "),
            'line 24: prompts.rekey_kie = "rekey it now": unknown order; did you mean "rekey_ike"?',
        ),
        (("[prompts]", "[promts]"), "unknown key"),
        (('log = "cat', 'delete_ike = "cat'), '"log" needs an entry log under commands'),
        (("rekey_ike = ", "list_sas = "), "only a command can do this"),
        (('name = "router"', 'name = "router'), "line 2: "),
        (
            ("[timers]", "[timers]\nretransmit_timeout = 1\nretransmit_base = 2\nretransmit_tries = 1.5"),
            "line 14: timers.retransmit_tries = 1.5: expected a whole number",
        ),
        (
            ("[timers]", "[timers]\nretransmit_timeout = 1\nretransmit_tries = 5"),
            "timers.retransmit_base is missing: expected a number",
        ),
    ],
)
def test_every_mistake_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    path = _device_file(tmp_path, GOOD.replace(*change, 1))
    with pytest.raises(TomlError) as caught:
        open_device(str(path))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert complaint in text
    assert "\n" not in text


def test_orders_are_commands_or_prompts(tmp_path: Path) -> None:
    asked: list[str] = []
    with ExternalDevice(_device_file(tmp_path), ask=asked.append) as device:
        device.apply(device_view())
        assert (tmp_path / "applied").read_text() == (
            "peer 127.0.0.1\nid tester.example\nkey " + b"a shared secret".hex() + "\n"
        )
        tree = json.loads((tmp_path / "connection").read_text())
        assert tree["connection"]["children"][0]["remote_ts"] == ["10.1.0.0/24"]
        assert tree["pixit"]["device_address"] == "192.0.2.1"
        assert device.log() == "", "what it logged before apply had ended is the past"
        device.initiate()
        end = time.monotonic() + 5
        while "up" not in device.log() and time.monotonic() < end:
            time.sleep(0.01)
        assert device.log() == "up net\n"
        device.rekey_ike()
        assert asked == ["router: rekey it now"]
        with pytest.raises(Unsupported) as caught:
            device.delete_ike()
        assert caught.value.capability is Capability.DELETE_IKE
        assert device.alive()


def test_the_list_of_sas_is_json(tmp_path: Path) -> None:
    with ExternalDevice(_device_file(tmp_path)) as device:
        child = {"name": "net", "spi_in": "0xc0000001", "spi_out": "c0000002", "local_ts": ["10.2.0.0/24"]}
        sa = {"spi_i": "01" * 8, "spi_r": "02" * 8, "state": "established", "children": [child]}
        (tmp_path / "sas").write_text(json.dumps([sa]))
        [status] = device.list_sas()
        assert status.state is SaState.ESTABLISHED
        assert status.children[0].spi_in == b"\xc0\x00\x00\x01"
        (tmp_path / "sas").write_text(json.dumps([sa | {"spi_i": "01"}]))
        with pytest.raises(DeviceError, match="SPI 01 has 1 octets, expected 8"):
            device.list_sas()


def test_a_command_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    with ExternalDevice(_device_file(tmp_path)) as device, pytest.raises(DeviceError) as caught:
        device.list_sas()
    assert "router: commands.list_sas ended with 1: cat: " in str(caught.value)
    assert "\n" not in str(caught.value)


def _after_orders(device: ExternalDevice) -> str:
    """The log once the commands that were given have ended."""
    device.apply(device_view())
    device.initiate()
    until = time.monotonic() + 10
    while time.monotonic() < until and not (said := device.log()):
        time.sleep(0.01)
    return said


def test_how_an_order_ends_is_written_down_but_no_error(tmp_path: Path) -> None:
    text = GOOD.replace('initiate = "echo up {child} >> {folder}/log"', 'initiate = "echo no line >&2; exit 3"')
    with ExternalDevice(_device_file(tmp_path, text), ask=lambda words: None) as device:
        assert _after_orders(device) == "commands.initiate ended with 3: no line\n"
        device.rekey_ike()


def test_a_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    text = GOOD.replace('initiate = "echo up {child} >> {folder}/log"', 'initiate = "no-such-command-at-all {child}"')
    with (
        ExternalDevice(_device_file(tmp_path, text)) as device,
        pytest.raises(DeviceError, match=r"commands\.initiate ended with 127: .*not found"),
    ):
        _after_orders(device)


def test_apply_may_say_that_the_device_cannot_express_a_connection(tmp_path: Path) -> None:
    text = GOOD.replace('apply = "cp {config}', 'apply = "echo no ChaCha20 here >&2; exit 3; cp {config}')
    with (
        ExternalDevice(_device_file(tmp_path, text)) as device,
        pytest.raises(NotApplicable, match="router cannot express the connection: no ChaCha20 here"),
    ):
        device.apply(device_view())


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    text = GOOD.replace("response_timeout = 4", "command_timeout = 0.2")
    text = text.replace('"cat {folder}/sas"', '"sleep 60 & echo $! > {folder}/child; wait"')
    with ExternalDevice(_device_file(tmp_path, text)) as device:
        started = time.monotonic()
        with pytest.raises(DeviceError, match=r"did not end within 0\.2 s"):
            device.list_sas()
        assert time.monotonic() - started < 5
    assert process_start(int((tmp_path / "child").read_text())) is None


def test_a_device_configured_by_hand_takes_one_connection(tmp_path: Path) -> None:
    text = GOOD.replace('apply = "cp {config} {folder}/applied; ', 'clear = "', 1)
    with ExternalDevice(_device_file(tmp_path, text)) as device:
        by_hand = psk()(device.profile).mirrored()
        device.apply(by_hand)
        device.apply(replace(by_hand, name="other"))
        with pytest.raises(Unsupported, match="without keepalive = 7") as caught:
            device.apply(replace(by_hand, keepalive=7.0))
        assert caught.value.capability is Capability.CONFIGURABLE


def test_what_the_device_does_not_claim_is_unsupported(tmp_path: Path) -> None:
    with ExternalDevice(_device_file(tmp_path)) as device, pytest.raises(Unsupported) as caught:
        device.apply(device_view(mobike=True))
    assert caught.value.capability is Capability.MOBIKE
    assert str(caught.value) == "router: does not support mobike (MOBIKE (RFC 4555))"


def test_a_template_that_names_nothing_known(tmp_path: Path) -> None:
    path = _device_file(tmp_path)
    (tmp_path / "router.jinja").write_text("{{ connection.nonsense }}")
    with ExternalDevice(path) as device, pytest.raises(DeviceError, match=r"router\.jinja: .*nonsense"):
        device.apply(device_view())


def test_of_a_long_log_the_end_is_kept_and_an_endless_one_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed, "KEPT", 1000)
    monkeypatch.setattr(printed, "MOST", 100_000)
    long = GOOD.replace('"cat {folder}/log"', '"seq 12000; cat {folder}/log"')
    with ExternalDevice(_device_file(tmp_path, long)) as device:
        device.apply(device_view())
        assert device.log() == "", "what it logged before apply had ended is the past"
        with (tmp_path / "log").open("a") as log:
            log.write("new\n")
        assert device.log() == "new\n"
        (tmp_path / "log").write_text("old\n" * 3000 + "new\n")
        assert device.log().endswith("old\nnew\n") and len(device.log()) == 1000
    endless = GOOD.replace('"cat {folder}/log"', '"yes"')
    with (
        ExternalDevice(_device_file(tmp_path, endless)) as device,
        pytest.raises(DeviceError, match="log printed more than"),
    ):
        device.apply(device_view())
