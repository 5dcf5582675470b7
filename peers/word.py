"""The word by which a device is called on the command line: ``NAME[@SUITE][+PLUGINS][:BUILD][:PLACE[:PLANE]]``."""

from dataclasses import dataclass

from peers.contract import DeviceError
from peers.places.rootfs import SUITES


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """Such a word, taken apart; what it does not say is empty.

    ``suite`` is the release of Debian whose packages the daemon comes from, ``plugins`` the choice of what the daemon
    loads, ``build`` the path of one that somebody built, ``where`` all that stands behind the first colon else: the
    place, the data plane, or what else an adapter knows.
    """

    name: str
    suite: str = ""
    plugins: str = ""
    where: str = ""
    build: str = ""

    @property
    def label(self) -> str:
        """The word without the place: what the device is called in reports."""
        return self.name + (f"@{self.suite}" if self.suite else "") + (f"+{self.plugins}" if self.plugins else "")

    def __str__(self) -> str:
        return ":".join([self.label, *([self.build] if self.build else []), *([self.where] if self.where else [])])

    @property
    def place(self) -> str:
        """Where it shall run."""
        return self.where.partition(":")[0]

    @property
    def plane(self) -> str:
        """The data plane that it shall use there."""
        return self.where.partition(":")[2]


def is_path(text: str) -> bool:
    """Whether a part of such a word is a path: it begins with ``/``, ``.`` or ``~``."""
    return text.startswith(("/", ".", "~"))


def parse(text: str) -> DeviceWord:
    """Take a word apart. Raises DeviceError where it names a release that is not known."""
    head, _, where = text.partition(":")
    build, _, where = where.partition(":") if is_path(where) else ("", "", where)
    head, plus, plugins = head.partition("+")
    name, at, suite = head.partition("@")
    if at and suite not in SUITES:
        raise DeviceError(text, f"there is no release {suite!r} of Debian", f"known: {', '.join(SUITES)}")
    if plus and not plugins:
        raise DeviceError(text, "names no plugins after +")
    if build and at:
        raise DeviceError(text, "a build of your own is of no release", f"leave @{suite} out")
    return DeviceWord(name, suite, plugins, where, build)
