import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import docker.errors
import pytest

from peers import registry
from peers.capabilities import Capability, needs
from peers.contract import DeviceError
from peers.places import image
from peers.places.nat import NatPlace
from peers.places.netns import NetnsPlace
from peers.places.uml import UmlPlace
from peers.registry import open_device
from peers.word import DeviceWord, parse
from tests.peers.connections import device_view


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("strongswam", 'strongswam: there is no such device; did you mean "strongswan"?'),
        (
            "xyz",
            "there is no such device; known: reference, strongswan, libreswan, openiked, or the path of",
        ),
        ("strongswan:dokcer", "strongswan:dokcer: there is no place 'dokcer'; did you mean \"docker\"?"),
        ("reference:netns", "there is no defect or variant 'netns'"),
        ("./router.toml", "router.toml: cannot be read: No such file or directory"),
        (
            "strongswan@trixi:uml",
            "strongswan@trixi:uml: there is no release 'trixi' of Debian; known: bookworm, trixie, forky",
        ),
        ("strongswan@:uml", "there is no release '' of Debian; known: bookworm, trixie, forky"),
        ("libreswam@trixie", 'there is no such device; did you mean "libreswan"?'),
        ("reference@trixie", "the reference device is a part of this suite, no package of a release"),
        ("strongswan+owm", "strongswan+owm: there is no choice of plugins 'owm'; known: +own, +tls13"),
        ("strongswan+:uml", "strongswan+:uml: names no plugins after +"),
        ("libreswan+own", "libreswan+own: there is no choice of plugins 'own'; known: +tls13"),
        ("strongswan@trixie:dokcer", "there is no place 'dokcer'; did you mean \"docker\"?"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(spec: str, complaint: str) -> None:
    with pytest.raises(DeviceError) as caught:
        open_device(spec)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_are_checked() -> None:
    with pytest.raises(DeviceError, match="there is no data plane 'hardware'; known: kernel, shim, libipsec"):
        open_device("strongswan:docker", data_plane="hardware")
    with pytest.raises(DeviceError, match="there is no option 'bse' for this device"):
        open_device("strongswan:docker", bse="debian")


def test_a_missing_package_is_named_with_its_remedy() -> None:
    error = ModuleNotFoundError("No module named 'vici'", name="vici")
    real = __import__

    def without_vici(name: str, *arguments: object, **keywords: object) -> object:
        if name == "peers.strongswan.device":
            raise error
        return real(name, *arguments, **keywords)  # type: ignore[arg-type]

    with mock.patch("builtins.__import__", without_vici), pytest.raises(DeviceError, match="pip install vici"):
        open_device("strongswan")


def test_where_it_can_run_nowhere_all_reasons_are_given() -> None:
    with (
        mock.patch.object(os, "geteuid", return_value=1000),
        mock.patch("peers.places.container.docker_problem", return_value="no Docker daemon answers (x)"),
        mock.patch("peers.places.uml.uml_problem", return_value="/dev/shm is mounted noexec"),
        pytest.raises(DeviceError) as caught,
    ):
        open_device("strongswan")
    reasons = (
        "network namespaces need root, no Docker daemon answers (x), no virtual machine: /dev/shm is mounted noexec"
    )
    assert reasons in str(caught.value)
    with (
        mock.patch.object(os, "geteuid", return_value=1000),
        pytest.raises(DeviceError, match="network namespaces need root; use sudo"),
    ):
        NetnsPlace("strongswan").open()


def test_a_missing_daemon_is_named_with_its_packages(tmp_path: Path) -> None:
    with (
        mock.patch("peers.strongswan.settings.DAEMON", str(tmp_path / "charon")),
        pytest.raises(DeviceError, match=r"charon is not installed; apt-get install .*charon-systemd"),
    ):
        open_device("strongswan:netns")


def test_without_root_and_docker_there_is_a_virtual_machine() -> None:
    with (
        mock.patch.object(os, "geteuid", return_value=1000),
        mock.patch("peers.places.container.docker_problem", return_value="no Docker daemon answers (x)"),
        mock.patch("peers.places.uml.uml_problem", return_value=None),
        mock.patch("peers.places.rootfs.rootfs_problem", return_value=None),
    ):
        assert isinstance(open_device("strongswan")._place, UmlPlace)  # type: ignore[attr-defined]


def test_places_are_chosen_by_what_is_there() -> None:
    with (
        mock.patch.object(os, "geteuid", return_value=1000),
        mock.patch("peers.places.container.docker_problem", return_value=None),
    ):
        assert registry._choose_place("strongswan") == "docker"


def test_a_connection_tells_what_it_needs() -> None:
    assert needs(device_view()) == {Capability.PSK, Capability.TUNNEL}
    assert Capability.DPD in needs(device_view(dpd_delay=1.0))


def test_capabilities_have_words_and_descriptions() -> None:
    assert Capability("psk") is Capability.PSK
    assert all(one.description for one in Capability)
    assert len({one.description for one in Capability}) == len(Capability)


def test_a_data_plane_may_stand_behind_the_place() -> None:
    with mock.patch("peers.registry._strongswan_problem", return_value=None):
        place = open_device("strongswan:netns:libipsec")._place  # type: ignore[attr-defined]
    assert place._wanted == "libipsec"
    with pytest.raises(DeviceError, match="there is no data plane 'hardware'"):
        open_device("strongswan:netns:hardware")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("strongswan", DeviceWord("strongswan")),
        ("strongswan@trixie", DeviceWord("strongswan", "trixie")),
        ("libreswan@forky:netns:shim", DeviceWord("libreswan", "forky", where="netns:shim")),
        ("strongswan@forky+own:uml", DeviceWord("strongswan", "forky", "own", "uml")),
        ("reference:process:+slow", DeviceWord("reference", where="process:+slow")),
    ],
)
def test_a_word_is_taken_apart_and_put_together_again(text: str, word: DeviceWord) -> None:
    assert parse(text) == word
    assert str(word) == text
    assert word.label == text.partition(":")[0]


@pytest.mark.parametrize("name", ["strongswan", "libreswan"])
@pytest.mark.parametrize(
    ("place", "kind"),
    [("netns", NetnsPlace), ("netns-nat", NatPlace), ("netns-natted", NatPlace), ("uml", UmlPlace)],
)
def test_a_release_comes_from_a_root_of_its_own_wherever_it_runs(name: str, place: str, kind: type[Any]) -> None:
    with mock.patch("peers.registry._strongswan_problem", return_value="it is not installed"):
        device = open_device(f"{name}@trixie:{place}")
    assert device.name == f"{name}@trixie"
    where: Any = device._place  # type: ignore[attr-defined]
    assert type(where) is kind
    with mock.patch("peers.places.rootfs._path", return_value=Path("/")) as path:
        assert where._make_root() == Path("/")
    made_for, packages, suite = path.call_args.args
    assert (made_for, suite) == (name, "trixie")
    assert ("libreswan" if name == "libreswan" else "charon-systemd") in packages


@pytest.mark.parametrize(("keys", "suite"), [(True, "forky"), (False, "")])
def test_a_guest_has_one_kernel_whatever_its_release(keys: bool, suite: str, tmp_path: Path) -> None:
    place = open_device("strongswan@trixie:uml")._place  # type: ignore[attr-defined]
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/linux.uml").write_bytes(b"ELF /lib64/ld-linux-x86-64.so.2\0 /lib64/ld-linux-x86-64.so.2\0")
    with (
        mock.patch("peers.places.rootfs._path", return_value=tmp_path) as path,
        mock.patch("peers.places.uml.rootfs_problem", return_value=None if keys else "the package is missing"),
    ):
        assert place._make_kernel() == tmp_path
    path.assert_called_once_with("uml", ("user-mode-linux",), suite)
    changed = (tmp_path / "usr/bin/linux").read_bytes()
    assert changed == b"ELF lib64/ld-linux-x86-64.so.2\0\0 /lib64/ld-linux-x86-64.so.2\0"


def test_the_image_of_a_release_is_built_on_its_base_whatever_the_default_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(image.BASE_VARIABLE, "other:image")
    client = mock.Mock()
    client.images.get.side_effect = docker.errors.ImageNotFound("x")
    client.images.build.side_effect = docker.errors.APIError("no route to host")
    place = open_device("strongswan@trixie:docker")._place  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match=r"on debian:trixie-slim: .*docker pull debian:trixie-slim"):
        image.ensure_image("strongswan", client, "plain", place._base)
    place = open_device("strongswan:docker")._place  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match=r"on other:image: .*name a Debian image"):
        image.ensure_image("strongswan", client, "plain", place._base)


def test_a_release_needs_nothing_of_this_host_to_run_in_a_namespace() -> None:
    with (
        mock.patch.object(os, "geteuid", return_value=0),
        mock.patch.object(shutil, "which", return_value="/bin/ip"),
        mock.patch("peers.places.rootfs._KEYRING", Path("/")),
        mock.patch("peers.registry._strongswan_problem", return_value="it is not installed"),
    ):
        assert isinstance(open_device("strongswan@forky")._place, NetnsPlace)  # type: ignore[attr-defined]
