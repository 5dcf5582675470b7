"""A daemon that somebody built: the program below a folder, and whether it can be started from there."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from peers.contract import DeviceError
from peers.places.sanitizers import built_in

_SYSTEM = ("usr", "usr/local")
_MISSING = re.compile(r"^\s*(?P<library>\S+) => not found", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Build:
    """Such a daemon.

    ``given`` is the path that was named, ``program`` the daemon as it sees itself: in the root file system ``root`` if
    there is one. ``sanitizers`` are those that it was built with.
    """

    given: Path
    program: str
    root: Path | None = None
    sanitizers: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """Where the programs that belong to the daemon are."""
        return str(Path(self.program).parent)

    @property
    def host_program(self) -> Path:
        """The daemon as this host sees it."""
        return _inside(self.root, self.program)

    def __str__(self) -> str:
        return f"build {self.given}" + (f" with {', '.join(self.sanitizers)}" if self.sanitizers else "")


def find(device: str, text: str, names: Sequence[str], source: str) -> Build:
    """The daemon in ``text``: itself, the prefix where it was installed, or a root file system.

    ``names`` is where a daemon may be below a prefix, the best one first; ``source`` is where its program is in a tree
    in which it was built but not installed. Raises DeviceError in one line.
    """
    given = Path(text).expanduser().absolute()
    word = f"{device}:{text}"
    if not given.exists():
        raise DeviceError(word, f"{given} does not exist")
    if given.is_file():
        return _checked(word, Build(given, str(given)))
    # A /usr has a shell, too, but no place for devices.
    root = given if (given / "bin/sh").exists() and (given / "dev").is_dir() else None
    places = [f"{prefix}/{name}" for prefix in _SYSTEM for name in names]
    places = places if root is not None else [*names, *places]
    for place in places:
        if (given / place).is_file():
            program = f"/{place}" if root is not None else str(given / place)
            return _checked(word, Build(given, program, root))
    if (given / source).exists():
        problem = f"{given} is a tree in which it was built, and its plugins and programs are found only once installed"
        raise DeviceError(word, problem, "make install, and name the prefix")
    raise DeviceError(word, f"there is no daemon in {given}", f"looked for {', '.join(places)}")


def _checked(word: str, build: Build) -> Build:
    """The same with its sanitizers. Raises DeviceError where it cannot be started."""
    program = build.host_program
    with_them = Build(build.given, build.program, build.root, built_in(program))
    if not os.access(program, os.X_OK):
        raise DeviceError(word, f"{program} is not executable", f"chmod +x {program}")
    with program.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            problem = f"{program} is no program but a script, as libtool makes them for what is not installed"
            raise DeviceError(word, problem, "make install, and name the prefix")
    missing = _missing_libraries(build)
    if missing:
        raise DeviceError(word, f"{program} lacks {', '.join(missing)}", "install them, or set LD_LIBRARY_PATH")
    return with_them


def _missing_libraries(build: Build) -> list[str]:
    """What the dynamic loader does not find, where it can be asked: in a root only root can."""
    command = ["ldd", build.program]
    if build.root is not None:
        if os.geteuid() != 0 or not (build.root / "usr/bin/ldd").exists():
            return []
        command = ["chroot", str(build.root), *command]
    if shutil.which(command[0]) is None:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return list(dict.fromkeys(one["library"] for one in _MISSING.finditer(done.stdout)))


def _inside(root: Path | None, path: str) -> Path:
    return Path(path) if root is None else root / path.lstrip("/")
