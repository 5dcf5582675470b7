"""Finding a device by its name, or by the file that describes it."""

import os
import shutil
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from peers.contract import Device, DeviceError
from peers.libreswan import settings as libreswan
from peers.places.build import Build, find
from peers.places.place import DataPlane, Place
from peers.strongswan import settings as strongswan
from peers.tomlfile import nearest, read_toml
from peers.word import DeviceWord, parse

_T = TypeVar("_T")
NAMESPACES = ("netns", "netns-nat", "netns-natted")
PLACES = (*NAMESPACES, "docker", "uml")
_CHOICES: dict[str, Collection[str]] = {"strongswan": strongswan.PLUGIN_SETS, "libreswan": libreswan.TLS}
"""What may stand behind a ``+``, by the device's name."""
STRONGSWAN_PACKAGES = f"apt-get install {' '.join(strongswan.PACKAGES)}"


def open_device(name_or_path: str, **options: Any) -> Device:
    """The device that a word on the command line means, not yet started.

    ``reference``, ``reference:DEFECT`` (a defective one), ``reference:+VARIANT`` (another correct one; any number of
    them and a defect make one device), ``reference:process`` (on loopback), ``reference:live`` (with the time of day
    and the addresses of the real devices), ``strongswan`` and ``libreswan`` (where they run is chosen)
    or with a place, such as ``strongswan:netns``, ``strongswan:docker`` and ``strongswan:uml`` (a virtual machine that
    needs no privileges), in ``strongswan:netns-nat`` the tester is behind a real NAT and in ``strongswan:netns-natted``
    the device. ``strongswan@trixie`` and ``libreswan@forky:uml`` are those of a release of Debian, whatever this host
    has; ``strongswan+own`` loads parsers and primitives of its own before OpenSSL's, ``strongswan+tls13`` and
    ``libreswan+tls13`` speak TLS 1.3 in EAP. ``strongswan:/opt/strongswan`` is
    the one that somebody built and installed there (a program, a prefix, or a root file system), in a namespace; a
    place may follow. ``openiked`` runs in a virtual machine only. Or the path of a device file.
    ``options`` go to the adapter: ``data_plane``
    (``kernel``, ``shim``, ``libipsec``; the word may end with it: ``strongswan:netns:libipsec``) and, in Docker,
    ``base`` (the image to build on); for a device file ``ask``. With ``swapped`` the device gets the addresses that
    otherwise the tester has, where they can be chosen: so two devices become each other's peer. Raises DeviceError.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path.partition(":")[0]:
        options.pop("swapped", None)
        return _external(_device_file(name_or_path), **options)
    word = parse(name_or_path)
    opener = _OPENERS.get(word.name)
    if opener is None:
        hint = nearest(word.name, _OPENERS) or f"known: {', '.join(_OPENERS)}, or the path of a device file (.toml)"
        raise DeviceError(name_or_path, "there is no such device", hint)
    choices = _CHOICES.get(word.name, {})
    if word.plugins and not choices:
        raise DeviceError(name_or_path, f"{word.name} has no plugins to choose among", "strongswan+own has")
    if word.plugins and word.plugins not in choices:
        known = ", ".join(f"+{one}" for one in choices if one)
        raise DeviceError(name_or_path, f"there is no choice of plugins {word.plugins!r}", f"known: {known}")
    device = opener(word, options)
    device.name = word.label
    return device


def _device_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or (path.suffix != ".toml" and os.access(path, os.X_OK)):
        names = " or ".join(f"{name}:{text}" for name in ("strongswan", "libreswan"))
        raise DeviceError(text, f"is a {'folder' if path.is_dir() else 'program'} and no device file", f"say {names}")
    return path


def _external(path: Path, **options: Any) -> Device:
    if "iosxe" in read_toml(path).keys:
        options.pop("ask", None)
        try:
            from peers.iosxe.device import IosXe
        except ModuleNotFoundError as error:
            missing = f"[iosxe] needs the Python package {error.name}"
            raise DeviceError(str(path), missing, f"{sys.executable} -m pip install {error.name}") from None
        return _make("iosxe", IosXe, path, **options)
    from peers.external import ExternalDevice

    return _make("external", ExternalDevice, path, **options)


def _reference(word: DeviceWord, options: dict[str, Any]) -> Device:
    if word.suite:
        raise DeviceError(str(word), "the reference device is a part of this suite, no package of a release")
    # Imported only when asked for: it is no part of driving a real device.
    if word.build:
        raise DeviceError(str(word), "the reference device is a part of this suite, nobody builds it")
    spec, place, swapped = str(word), word.where, options.pop("swapped", False)
    if place == "live" or place.startswith("live:"):
        from peers.reference.live import LiveReference

        return _make(spec, LiveReference, place.removeprefix("live").removeprefix(":"), swapped, **options)
    if place == "process" or place.startswith("process:"):
        from peers.reference.process import ReferenceProcess

        return _make(spec, ReferenceProcess, place.removeprefix("process").removeprefix(":"), **options)
    from peers.reference.device import ReferenceDevice

    return _make(spec, ReferenceDevice, place, **options)


def _strongswan(word: DeviceWord, options: dict[str, Any]) -> Device:
    try:
        from peers.strongswan.device import StrongSwan
    except ModuleNotFoundError as error:
        mend = f"{sys.executable} -m pip install {error.name}"
        raise DeviceError(str(word), f"the Python package {error.name} is missing", mend) from error

    if word.build:
        build = find(word.name, word.build, strongswan.BUILT, strongswan.SOURCE)
        strongswan.check(str(word), build)
        return StrongSwan(_build_place(word, build, options), word.plugins, build.program)
    return StrongSwan(_place(word, strongswan.PACKAGES, _strongswan_problem, options), word.plugins)


def _libreswan(word: DeviceWord, options: dict[str, Any]) -> Device:
    from peers.libreswan.device import Libreswan

    options["possible"] = (DataPlane.KERNEL, DataPlane.SHIM)
    if word.build:
        build = find(word.name, word.build, libreswan.BUILT, libreswan.SOURCE)
        return Libreswan(_build_place(word, build, options), word.plugins, build.directory)
    # The package excludes strongSwan's, so it is never installed beside it.
    return Libreswan(_place(word, libreswan.PACKAGES, None, options), word.plugins)


def _openiked(word: DeviceWord, options: dict[str, Any]) -> Device:
    from peers.openiked.device import OpenIked
    from peers.openiked.settings import PACKAGES

    if word.build or word.where not in ("", "uml"):
        raise DeviceError(
            str(word),
            f"it needs PF_KEY, so a kernel of its own, not {word.build or word.where!r}",
            "leave the place out",
        )
    return _make(str(word), OpenIked, _guest(word, PACKAGES, swapped=options.pop("swapped", False)), **options)


def _build_place(word: DeviceWord, build: Build, options: dict[str, Any]) -> Place:
    """Where a build runs: in a namespace of this host, for it needs this host's libraries or has its own root."""
    place = word.place or "netns"
    if place not in NAMESPACES:
        raise DeviceError(str(word), f"a build of your own cannot run in {place!r}", f"known: {', '.join(NAMESPACES)}")
    if word.plane:
        options["data_plane"] = word.plane
    _plane(str(word), options)
    if build.root is not None:
        root = build.root
        options["root"] = lambda: root
    return _namespace(word, place, options | {"build": str(build)})


def _place(
    word: DeviceWord, packages: Sequence[str], host_problem: Callable[[], str | None] | None, options: dict[str, Any]
) -> Place:
    """Where a daemon of these packages runs.

    In a namespace it is this host's own where ``host_problem`` tells what that lacks; else, and if it is that of a
    release, it comes from a root file system.
    """
    spec, suite = str(word), word.suite
    from peers.places.rootfs import rootfs_problem

    own = host_problem if not suite else None
    place = word.place or _choose_place(spec, rootfs_problem(suite) if own is None else own())
    if word.plane:
        options["data_plane"] = word.plane
    _plane(spec, options)
    if place in NAMESPACES:
        if own is None:
            options["root"] = _root(word, packages)
        elif problem := own():
            raise DeviceError(spec, problem, f"apt-get install {' '.join(packages)}")
        return _namespace(word, place, options)
    if place == "uml":
        return _guest(word, packages, swapped=options.get("swapped", False))
    if place == "docker":
        from peers.places.container import ContainerPlace

        options.pop("swapped", None)  # the Docker daemon gives addresses, each container others
        return _make(spec, ContainerPlace, word.name, suite=suite, **options)
    raise DeviceError(spec, f"there is no place {place!r}", nearest(place, PLACES) or f"known: {', '.join(PLACES)}")


def _plane(spec: str, options: dict[str, Any]) -> None:
    plane = options.pop("data_plane", None)
    if plane is not None and plane not in set(DataPlane):
        raise DeviceError(spec, f"there is no data plane {plane!r}", f"known: {', '.join(DataPlane)}")
    options["data_plane"] = None if plane is None else DataPlane(plane)


def _root(word: DeviceWord, packages: Sequence[str]) -> Callable[[], Path]:
    from peers.places.rootfs import root_file_system

    return partial(root_file_system, word.name, packages, word.suite)


def _namespace(word: DeviceWord, place: str, options: dict[str, Any]) -> Place:
    from peers.places.nat import Behind, NatPlace
    from peers.places.netns import NetnsPlace

    if place == "netns":
        return _make(str(word), NetnsPlace, word.name, **options)
    options.pop("swapped", None)
    behind = Behind.TESTER if place == "netns-nat" else Behind.DEVICE
    return _make(str(word), NatPlace, word.name, behind=behind, **options)


def _guest(word: DeviceWord, packages: Sequence[str], *, swapped: bool) -> Place:
    from peers.places.uml import PACKAGES, UmlPlace, kernel_folder

    return UmlPlace(word.name, _root(word, (*packages, *PACKAGES)), kernel_folder, swapped=swapped)


def _strongswan_problem() -> str | None:
    from peers.strongswan.settings import DAEMON

    return None if Path(DAEMON).exists() else f"{DAEMON} is not installed"


def _choose_place(spec: str, problem: str | None = None) -> str:
    """A namespace where that works, since it is the fastest; else Docker; else a virtual machine, for it needs nothing.

    ``problem`` is what the daemon itself lacks to run in a namespace. Raises DeviceError with what is missing.
    """
    from peers.places.container import docker_problem
    from peers.places.rootfs import rootfs_problem
    from peers.places.uml import uml_problem

    missing = []
    if os.geteuid() != 0:
        missing.append("network namespaces need root")
    elif shutil.which("ip") is None:
        missing.append("network namespaces need iproute2")
    elif problem is not None:
        missing.append(problem)
    else:
        return "netns"
    problem = docker_problem()
    if problem is None:
        return "docker"
    missing.append(problem)
    problem = rootfs_problem() or uml_problem()
    if problem is None:
        return "uml"
    missing.append(f"no virtual machine: {problem}")
    raise DeviceError(spec, "it can run nowhere here: " + ", ".join(missing), "run ikespec doctor")


def _make(spec: str, make: Callable[..., _T], *arguments: Any, **options: Any) -> _T:
    try:
        return make(*arguments, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        word = str(error).rpartition(" ")[2]
        raise DeviceError(spec, f"there is no option {word} for this device") from error


_OPENERS: dict[str, Callable[[DeviceWord, dict[str, Any]], Device]] = {
    "reference": _reference,
    "strongswan": _strongswan,
    "libreswan": _libreswan,
    "openiked": _openiked,
}
DEVICES = tuple(_OPENERS)
"""The names that `open_device` knows."""
