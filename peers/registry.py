"""Finding a device by its name, or by the file that describes it."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from peers.contract import Device, DeviceError
from peers.places.place import DataPlane, Place
from peers.strongswan import settings as strongswan
from peers.tomlfile import nearest

_T = TypeVar("_T")
PLACES = ("netns", "netns-nat", "netns-natted", "docker", "uml")
STRONGSWAN_PACKAGES = f"apt-get install {' '.join(strongswan.PACKAGES)}"


def open_device(name_or_path: str, **options: Any) -> Device:
    """The device that a word on the command line means, not yet started.

    ``reference``, ``reference:DEFECT`` (a defective one), ``reference:+VARIANT`` (another correct one; any number of
    them and a defect make one device), ``reference:process`` (on loopback), ``reference:live`` (with the time of day
    and the addresses of the real devices), ``strongswan`` and ``libreswan`` (where they run is chosen)
    or with a place, such as ``strongswan:netns``, ``strongswan:docker`` and ``strongswan:uml`` (a virtual machine that
    needs no privileges), in ``strongswan:netns-nat`` the tester is behind a real NAT and in ``strongswan:netns-natted``
    the device; or the path of a device file. ``options`` go to the adapter: ``data_plane``
    (``kernel``, ``shim``, ``libipsec``; the word may end with it: ``strongswan:netns:libipsec``) and, in Docker,
    ``base`` (the image to build on); for a device file ``ask``. With ``swapped`` the device gets the addresses that
    otherwise the tester has, where they can be chosen: so two devices become each other's peer. Raises DeviceError.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        options.pop("swapped", None)
        return _external(Path(name_or_path), **options)
    name, _, place = name_or_path.partition(":")
    opener = _OPENERS.get(name)
    if opener is None:
        hint = nearest(name, _OPENERS) or f"known: {', '.join(_OPENERS)}, or the path of a device file (.toml)"
        raise DeviceError(name_or_path, "there is no such device", hint)
    return opener(name_or_path, place, options)


def _external(path: Path, **options: Any) -> Device:
    from peers.external import ExternalDevice

    return _make("external", ExternalDevice, path, **options)


def _reference(spec: str, place: str, options: dict[str, Any]) -> Device:
    # Imported only when asked for: it is no part of driving a real device.
    swapped = options.pop("swapped", False)
    if place == "live" or place.startswith("live:"):
        from peers.reference.live import LiveReference

        return _make(spec, LiveReference, place.removeprefix("live").removeprefix(":"), swapped, **options)
    if place == "process" or place.startswith("process:"):
        from peers.reference.process import ReferenceProcess

        return _make(spec, ReferenceProcess, place.removeprefix("process").removeprefix(":"), **options)
    from peers.reference.device import ReferenceDevice

    return _make(spec, ReferenceDevice, place, **options)


def _strongswan(spec: str, place: str, options: dict[str, Any]) -> Device:
    try:
        from peers.strongswan.device import StrongSwan
    except ModuleNotFoundError as error:
        raise DeviceError(spec, f"the Python package {error.name} is missing", f"pip install {error.name}") from error

    return StrongSwan(_place(spec, place or _choose_place(spec, _strongswan_problem()), options))


def _libreswan(spec: str, place: str, options: dict[str, Any]) -> Device:
    from peers.libreswan.device import Libreswan
    from peers.places.rootfs import rootfs_problem

    return Libreswan(_place(spec, place or _choose_place(spec, rootfs_problem()), options))


def _plane(spec: str, options: dict[str, Any]) -> None:
    plane = options.pop("data_plane", None)
    if plane is not None and plane not in set(DataPlane):
        raise DeviceError(spec, f"there is no data plane {plane!r}", f"known: {', '.join(DataPlane)}")
    options["data_plane"] = None if plane is None else DataPlane(plane)


def _place(spec: str, place: str, options: dict[str, Any]) -> Place:
    name = spec.partition(":")[0]
    place, _, plane = place.partition(":")
    if plane:
        options["data_plane"] = plane
    _plane(spec, options)
    if name == "libreswan":
        options["possible"] = (DataPlane.KERNEL, DataPlane.SHIM)
    if place in ("netns", "netns-nat", "netns-natted"):
        from peers.places.nat import Behind, NatPlace
        from peers.places.netns import NetnsPlace

        if name == "libreswan":
            from peers.libreswan.settings import PACKAGES
            from peers.places.rootfs import root_file_system

            # The package excludes strongSwan's, so it is never installed beside it.
            options["root"] = partial(root_file_system, name, PACKAGES)
        elif problem := _strongswan_problem():
            raise DeviceError(spec, problem, STRONGSWAN_PACKAGES)
        if place != "netns":
            options.pop("swapped", None)
            behind = Behind.TESTER if place == "netns-nat" else Behind.DEVICE
            return _make(spec, NatPlace, name, behind=behind, **options)
        return _make(spec, NetnsPlace, name, **options)
    if place == "uml":
        from peers.libreswan.settings import PACKAGES
        from peers.places.rootfs import root_file_system
        from peers.places.uml import PACKAGES as GUEST
        from peers.places.uml import UmlPlace

        packages = (*(PACKAGES if name == "libreswan" else strongswan.PACKAGES), *GUEST)
        root, swapped = partial(root_file_system, name, packages), options.get("swapped", False)
        return _make(spec, UmlPlace, name, root, swapped=swapped)
    if place == "docker":
        from peers.places.container import ContainerPlace

        options.pop("swapped", None)  # the Docker daemon gives addresses, each container others
        return _make(spec, ContainerPlace, name, **options)
    raise DeviceError(spec, f"there is no place {place!r}", nearest(place, PLACES) or f"known: {', '.join(PLACES)}")


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


_OPENERS: dict[str, Callable[[str, str, dict[str, Any]], Device]] = {
    "reference": _reference,
    "strongswan": _strongswan,
    "libreswan": _libreswan,
}
DEVICES = tuple(_OPENERS)
"""The names that `open_device` knows."""
