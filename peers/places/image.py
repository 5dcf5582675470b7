"""The container image of a daemon: built when it is not there, named after what it is made of."""

import fcntl
import hashlib
import io
import logging
import os
import tarfile
from importlib import resources
from typing import Any

import docker.errors

from peers.contract import DeviceError
from peers.places.dataplane import shim_source
from peers.places.owner import base_directory

RELEASE_BASE = "debian:{}-slim"
"""The image of a release of Debian."""
DEFAULT_BASE = RELEASE_BASE.format("bookworm")
BASE_VARIABLE = "IKESPEC_BASE_IMAGE"
"""Environment variable: a Debian image to build on, for hosts that cannot pull the default one."""
_MEND = f"for another base, name a Debian image that is here in {BASE_VARIABLE}"

_log = logging.getLogger(__name__)


def ensure_image(device: str, client: Any, target: str, base: str | None) -> str:
    """The name of the image with this build target (``plain`` or ``shim``), built now if need be (10 to 60 s).

    The recipe is the Dockerfile of the package ``peers.DEVICE``.

    Raises DeviceError with the last line of a failed build.
    """
    mend = _MEND if base is None else f"fetch it (docker pull {base}), or use another place: --dut {device}:uml"
    base = base or os.environ.get(BASE_VARIABLE) or DEFAULT_BASE
    recipe = resources.files(f"peers.{device}").joinpath("Dockerfile").read_text()
    files = {"Dockerfile": recipe, "xfrmfake.c": shim_source()}
    digest = hashlib.sha256("\0".join((base, target, *files.values())).encode()).hexdigest()[:12]
    tag = f"ikespec-{device}:{target}-{digest}"
    with (base_directory() / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers start at once; one of them builds
        try:
            client.images.get(tag)
        except docker.errors.ImageNotFound:
            _log.info("building image %s on %s", tag, base)
            _build(device, client, files, tag, target, base, mend)
    return tag


def _build(device: str, client: Any, files: dict[str, str], tag: str, target: str, base: str, mend: str) -> None:
    try:
        client.images.build(
            fileobj=_context(files),
            custom_context=True,
            buildargs={"BASE": base},
            target=target,
            tag=tag,
            rm=True,
            forcerm=True,
            labels={"ikespec": "1"},
        )
    except docker.errors.BuildError as error:
        lines = [str(line["stream"]).strip() for line in error.build_log if str(line.get("stream", "")).strip()]
        problem = f"cannot build {tag} on {base}: {error.msg} (after {(lines or ['nothing'])[-1]})"
        raise DeviceError(device, problem, mend) from error
    except docker.errors.APIError as error:
        raise DeviceError(device, f"cannot build {tag} on {base}: {error.explanation or error}", mend) from error


def _context(files: dict[str, str]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            data = content.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    buffer.seek(0)
    return buffer
