"""The word by which a device is called on the command line: ``NAME[@SUITE][+PLUGINS][:PLACE[:PLANE]]``."""

from dataclasses import dataclass

from peers.contract import DeviceError
from peers.places.rootfs import SUITES


@dataclass(frozen=True, slots=True)
class DeviceWord:
    """Such a word, taken apart; what it does not say is empty.

    ``suite`` is the release of Debian whose packages the daemon comes from, ``plugins`` the choice of what the daemon
    loads, ``where`` all that stands behind the first colon: the place, the data plane, or what else an adapter knows.
    """

    name: str
    suite: str = ""
    plugins: str = ""
    where: str = ""

    @property
    def label(self) -> str:
        """The word without the place: what the device is called in reports."""
        return self.name + (f"@{self.suite}" if self.suite else "") + (f"+{self.plugins}" if self.plugins else "")

    def __str__(self) -> str:
        return self.label + (f":{self.where}" if self.where else "")

    @property
    def place(self) -> str:
        """Where it shall run."""
        return self.where.partition(":")[0]

    @property
    def plane(self) -> str:
        """The data plane that it shall use there."""
        return self.where.partition(":")[2]


def parse(text: str) -> DeviceWord:
    """Take a word apart. Raises DeviceError where it names a release that is not known."""
    head, _, where = text.partition(":")
    head, plus, plugins = head.partition("+")
    name, at, suite = head.partition("@")
    if at and suite not in SUITES:
        raise DeviceError(text, f"there is no release {suite!r} of Debian", f"known: {', '.join(SUITES)}")
    if plus and not plugins:
        raise DeviceError(text, "names no plugins after +")
    return DeviceWord(name, suite, plugins, where)
