"""The places of a device's code that a campaign has reached, where the device was built to tell (docs/fuzzing.md)."""

import re
from collections.abc import Callable

_SET = re.compile(rb"[^\0]")


class Code:
    """What this worker knows of the code of its device."""

    def __init__(self, taken: Callable[[], bytes]) -> None:
        """Nothing was reached yet. ``taken`` is `peers.contract.Device.coverage`."""
        self._taken, self._known = taken, 0

    def fresh(self) -> tuple[int, ...]:
        """The numbers of the places that were reached since this was asked last, and never before; mostly none."""
        found = self._taken()
        new = int.from_bytes(found, "little") & ~self._known
        if not new:
            return ()
        self._known |= int.from_bytes(found, "little")
        return tuple(one.start() for one in _SET.finditer(new.to_bytes(len(found), "little")))
