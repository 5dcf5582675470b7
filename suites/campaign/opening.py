"""Opening a campaign: in a new folder, or in one where it goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

from conformance.fuzz.making import content, payload
from conformance.fuzz.making.values import notify
from conformance.fuzz.mutators import MUTATORS
from conformance.fuzz.mutators.chain import Splice
from conformance.wire import SK, SKF, Notify, NotifyType
from peers.contract import Device, DeviceError
from peers.registry import open_device
from suites.campaign.bench import Rig
from suites.campaign.both import rig
from suites.campaign.campaign import Campaign, Pace
from suites.campaign.corpus import Corpus
from suites.campaign.knowledge import Knowledge
from suites.campaign.schedule import CLASSES, PAYLOADS, Schedule, Sources
from suites.campaign.states import STATES
from suites.campaign.store import SCHEMA, Store, StoreError, read_settings
from suites.campaign.workers import LocalPool, Pool
from suites.record import made_on, timestamp

_PLAIN = tuple(one for one in CLASSES if one not in (SK, SKF))
TARGETS = (*dict.fromkeys(PAYLOADS.values()), "header", "plaintext", "ciphertext", "datagram")
"""What mutations bend, for the heat map."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a campaign is about; one that goes on keeps to it. Empty selections mean everything."""

    dut: str
    seed: int = 1
    states: tuple[str, ...] = ()
    payloads: tuple[str, ...] = ()
    mutators: tuple[str, ...] = ()
    against: str = ""

    @classmethod
    def selected(
        cls,
        dut: str,
        seed: int,
        states: Sequence[str],
        payloads: Sequence[str],
        mutators: Sequence[str],
        against: str = "",
    ) -> Settings:
        """From the words of the command line, with ``*`` and ``?``. Raises StoreError for what fits nothing."""
        chosen = [
            _fitting(option, patterns, names)
            for option, patterns, names in (
                ("--states", states, tuple(STATES)),
                ("--payloads", payloads, TARGETS),
                ("--mutators", mutators, tuple(MUTATORS)),
            )
        ]
        return cls(dut, seed, chosen[0], chosen[1], chosen[2], against)

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``campaign.json``."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, told: Any) -> Settings:
        """Inverse of `to_json`. Raises StoreError."""
        try:
            states, payloads, mutators = (tuple(map(str, told[key])) for key in ("states", "payloads", "mutators"))
            against = str(told.get("against", ""))
            return cls(str(told["dut"]), int(told["seed"]), states, payloads, mutators, against)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"campaign.json: {error}, expected dut, seed, states, payloads, mutators") from None


def _fitting(option: str, patterns: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The names that fit, also those of a list with commas."""
    words = [word.strip() for pattern in patterns for word in pattern.split(",") if word.strip()]
    if patterns and not words:
        raise StoreError(f"{option} {','.join(patterns)}: is empty, expected some of {', '.join(names)}")
    found: dict[str, None] = {}
    for word in words:
        fitting = [one for one in names if fnmatchcase(one.lower(), word.lower())]
        if not fitting:
            raise StoreError(f"{option} {word}: fits none of {', '.join(names)}")
        found |= dict.fromkeys(fitting)
    return tuple(found)


def devices_of(settings: Settings, workers: int) -> list[Device]:
    """The device and the one beside it, not started. Raises DeviceError if there are none, or not so many."""
    devices = []
    for word in filter(None, (settings.dut, settings.against)):
        devices.append(open_device(word))
        if workers > 1 and devices[-1].described_in is not None:
            raise DeviceError(word, f"-n {workers}: describes one device that is there already", "expected -n 1")
    return devices


def open_store(settings: Settings, folder: Path, *, resume: bool, command: Sequence[str] = ()) -> Store:
    """The folder of a new campaign, or of one that goes on. Raises StoreError, OSError."""
    there = read_settings(folder)
    if there is not None and not resume:
        raise StoreError(f"--out {folder}: there is a campaign already; --resume goes on with it")
    if there is None and resume:
        raise StoreError(f"--resume: there is no campaign in {folder}")
    if there is not None and Settings.from_json(there.get("settings")) != settings:
        before = Settings.from_json(there["settings"]).to_json()
        wrong = ", ".join(
            f"{key} = {before[key]!r}" for key, value in settings.to_json().items() if before[key] != value
        )
        raise StoreError(f"--resume: the campaign in {folder} has {wrong}")
    store = Store(folder)
    if there is None:
        about = {"schema": SCHEMA, "settings": settings.to_json(), "started": timestamp(), "host": made_on()}
        store.write_json("campaign.json", about | {"command": list(command)})
    return store


def new_schedule(settings: Settings) -> Schedule:
    """One that knows nothing yet."""
    states = {name: one.kinds for name, one in STATES.items() if not settings.states or name in settings.states}
    splice = _splice(settings.seed)
    every = MUTATORS | {Splice.name: splice}
    mutators = {name: one for name, one in every.items() if not settings.mutators or name in settings.mutators}
    groups = {name: f"{id(STATES[name].setup)} {dict(STATES[name].device)}" for name in states}
    weights = {name: STATES[name].weight for name in states}
    sources = Sources(mutators, content, splice.learn)
    return Schedule(
        settings.seed, states, sources, Corpus(), payloads=settings.payloads, groups=groups, weights=weights
    )


def _splice(seed: int) -> Splice:
    """The mutator that puts payloads in, with a valid one of each kind and of each notify in its stock."""
    random = Random(f"{seed}/stock")
    made = [notify(random, kind) for kind in NotifyType]
    made += [Notify(NotifyType(number), b"") for number in (8192, 12345, 16383, 40960, 65535)]
    made += [Notify(kind, b"") for kind in NotifyType if kind < 16384]
    others = [payload(random, _PLAIN[at % len(_PLAIN)]) for at in range(4 * len(_PLAIN))]
    return Splice([(int(one.payload_type), one.encode_body()) for one in (*made, *others)])


def open_campaign(
    settings: Settings, store: Store, workers: int, *, stop_at: int = 0, scheduler: str = "", pool: Pool | None = None
) -> Campaign:
    """A campaign that is ready to run; `Pool.close` ends its workers, which a ``scheduler`` may have.

    Raises DeviceError, StoreError, OSError.
    """
    devices = devices_of(settings, workers)
    known = Knowledge(new_schedule(settings))
    about = rig(settings.dut, settings.seed, settings.against)
    pool = pool or (_cluster(scheduler, about) if scheduler else LocalPool(about, workers))
    return Campaign(known, store, pool, Pace.of(any(one.real_time for one in devices)), stop_at=stop_at)


def _cluster(address: str, about: Rig) -> Pool:
    try:
        from suites.campaign.cluster import ClusterPool
    except ModuleNotFoundError as error:
        missing = f"--scheduler needs the Python package {error.name}"
        raise StoreError(f"{missing}: {sys.executable} -m pip install {error.name}") from None
    return ClusterPool(address, about)
