"""The runner as workers use it: a device by its word, and the evidence of what was done to it last."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from types import TracebackType
from typing import Self

from conformance.net.keylog import IKE_TABLE
from conformance.net.pcapng import PcapngWriter
from peers.registry import open_device
from suites.campaign.case import Case, Outcome
from suites.campaign.runner import Runner
from suites.evidence import evidence

MOST_LOG = 2 << 20
"""Octets of a device's log that a finding keeps, the last ones."""


class DeviceRunner:
    """Runs cases on a device that is started when it is entered."""

    def __init__(self, word: str, seed: int) -> None:
        """``word`` is one of `peers.registry`. Raises DeviceError."""
        self._device = open_device(word)
        self.runner = Runner(self._device, seed=seed)
        self._wrong = False

    def __enter__(self) -> Self:
        """Start the device. Raises DeviceError; a failed start leaves nothing behind."""
        try:
            self.runner.__enter__()
        except BaseException:
            self._device.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the device."""
        self.runner.__exit__(kind, error, trace)

    def run(self, case: Case, *, fresh: bool = False, asked: str = "", patient: bool = False) -> Outcome:
        """Run a case: see `Runner.run`. Raises DeviceError where the device cannot be brought back."""
        try:
            outcome = self.runner.run(case, fresh=fresh, asked=asked, patient=patient)
        except ValueError as error:
            return Outcome((f"unreachable: {error}",), kept=False)
        self._wrong = bool(outcome.problems)
        return outcome

    def evidence(self) -> Mapping[str, bytes]:
        """Capture, keys, trace, transcript, log and the last datagrams, as they are now, by the names of the files."""
        log = self.runner.last_words if self._wrong else self.runner.log()  # a dead device has been started again
        try:
            found = dict(evidence(self.runner.peer, log, MOST_LOG))
        except ValueError:  # nothing was run
            found = {}
        known = found.get(IKE_TABLE, b"").decode().splitlines()
        keys = dict.fromkeys((*known, *self.runner.keys))
        table = {IKE_TABLE: "".join(f"{line}\n" for line in keys).encode()} if keys else {}
        return found | table | {"history.pcapng": self._history()}

    def _history(self) -> bytes:
        file = BytesIO()
        capture = PcapngWriter(file)
        for at, sent, datagram in self.runner.history:
            capture.datagram(at, datagram, "sent" if sent else None)
        return file.getvalue()

    @property
    def device(self) -> tuple[str, str, str]:
        """Its name, version and where it runs."""
        return self._device.name, self._device.version, self._device.backend

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that it can be brought to."""
        return self.runner.reachable()

    @property
    def real_time(self) -> bool:
        """Whether time passes for the device as it does for us."""
        return self._device.real_time
