"""The options that ``pytest suites`` understands beside pytest's own."""

import re
from argparse import SUPPRESS
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from conformance.crypto import CryptoError
from peers.algorithms import Limits
from suites.ending import Demands
from suites.evidence import Allowance
from suites.judge import strongest
from suites.profiles import Profile
from suites.profiles import load as load_profile
from suites.purpose import TIERS, Purpose, parts
from suites.requirements import load

LEVELS = ("MUST", "SHOULD", "MAY")


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("ikespec", "IKEv2/IPsec conformance")
    group.addoption("--dut", default="reference", metavar="DEVICE", help="reference, strongswan, or a TOML file")
    group.addoption("--out", default=None, metavar="DIR", help="results folder (default: results/DEVICE-TIME)")
    group.addoption("--ike-seed", type=int, default=1, metavar="N", help="seed of every random choice (default: 1)")
    tiers = "quick: what waits for no timer (default); full: what waits up to 10 s, too; slow: everything"
    group.addoption("--tier", choices=TIERS, default="quick", help=tiers)
    group.addoption("--slow", action="store_const", const="slow", dest="tier", help="the same as --tier slow")
    group.addoption("--purpose", action="append", default=[], metavar="ID", help="only these purposes (* and ?)")
    group.addoption("--role", choices=["initiator", "responder"], help="only purposes with the device in this role")
    group.addoption("--subject", action="append", default=[], metavar="NAME", help="only these subjects")
    group.addoption("--rfc", action="append", type=int, default=[], metavar="N", help="only what cites this RFC")
    group.addoption("--level", choices=LEVELS, help="only purposes whose strongest requirement is of this level")
    group.addoption("--profile", default=None, metavar="NAME", help="only what a profile asks for (name or TOML file)")
    group.addoption("--max-fail", type=int, default=0, metavar="N", help="end after so many unexpected verdicts")
    group.addoption(
        "--timeout", type=float, default=0.0, metavar="S", help="seconds that a purpose may take, without waits"
    )
    retry = "try again alone what could not be judged, so often"
    group.addoption("--retry-inconclusive", type=int, default=0, metavar="N", help=retry)
    group.addoption("--shard", default="1/1", metavar="K/N", help="only the Kth of N parts that take about as long")
    group.addoption("--deviations", default=None, metavar="FILE", help="known deviations (TOML) of the device")
    for protocol, sort in (("ike", "IKE SAs"), ("esp", "Child SAs with ESP"), ("ah", "Child SAs with AH")):
        text = f"keep to these algorithms for {sort}, such as aes256-sha384{'-ecp384' * (protocol == 'ike')}"
        group.addoption(f"--{protocol}", action="append", default=[], metavar="SUITE", help=text)
    sizes = "keep this much evidence of each purpose, or of each purpose and the run (default: 8M/1G)"
    group.addoption("--max-evidence", default="8M/1G", metavar="SIZE[/SIZE]", help=sizes)
    group.addoption("--no-look", dest="look", action="store_false", help="judge even where no ordinary handshake works")
    group.addoption("--without", action="append", default=[], metavar="ID", help="not these purposes (* and ?)")
    group.addoption("--private-deviations", default=None, metavar="FILE", help="the reasons of private deviations")
    group.addoption(
        "--strict-deviations", action="store_true", help="a known deviation that no longer happens is an error"
    )
    group.addoption("--retry", type=int, default=0, metavar="N", help="try again alone what failed unexpectedly")
    group.addoption("--max-flaky", type=int, default=3, metavar="N", help="so many may pass only then (default: 3)")
    group.addoption("--expect-pass", type=int, default=0, metavar="N", help="so many purposes must pass")
    group.addoption("--expect-capability", action="append", default=[], metavar="WORD", help="the device must claim it")
    group.addoption("--embargo", action="append", default=[], metavar="ID", help="say only the verdict of these")
    group.addoption("--embargo-to", default=None, metavar="DIR", help="write the full results of these here")
    group.addoption("--again", default="[]", help=SUPPRESS)
    group.addoption("--no-evidence", action="store_true", help="write no captures, transcripts, keys, logs")


def fits(purpose: str, patterns: Sequence[str]) -> bool:
    """Whether the id of a purpose fits one of the patterns."""
    return any(fnmatchcase(purpose, pattern) for pattern in patterns)


def demands(config: pytest.Config) -> Demands:
    """What the run has to keep."""
    names = ("--max-flaky", "--expect-pass", "--strict-deviations", "--max-fail")
    return Demands(*(config.getoption(name) for name in names))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which purposes are wanted: those that fit everything that is said.

    ``patterns`` of ids, subjects and RFCs: none of them means all. ``level`` is that of the strongest requirement,
    ``profile`` the ids that a profile asks for.
    """

    patterns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    role: str | None = None
    subjects: tuple[str, ...] = ()
    rfcs: tuple[int, ...] = ()
    level: str | None = None
    tier: str = "slow"
    profile: frozenset[str] | None = None

    def takes(self, purpose: Purpose, subject: str) -> bool:
        """Whether a purpose is wanted. What is named by its id is wanted whatever its tier."""
        if (self.patterns and not fits(purpose.id, self.patterns)) or fits(purpose.id, self.without):
            return False
        if (self.role and purpose.role != self.role) or (self.subjects and subject not in self.subjects):
            return False
        if self.profile is not None and purpose.id not in self.profile:
            return False
        if self.rfcs and not any(one.startswith(f"RFC{rfc}-") for one in purpose.requirements for rfc in self.rfcs):
            return False
        if self.level and strongest(purpose, load()).level.split()[0] != self.level:
            return False
        return bool(self.patterns) or TIERS.index(purpose.tier) <= TIERS.index(self.tier)


def selection(config: pytest.Config) -> Selection:
    """What the options ask for. Raises ProfileError."""
    words = {"patterns": "--purpose", "without": "--without", "subjects": "--subject", "rfcs": "--rfc"}
    lists = {name: tuple(config.getoption(option)) for name, option in words.items()}
    chosen = profile(config)
    return Selection(
        **lists,
        role=config.getoption("--role"),
        level=config.getoption("--level"),
        tier=config.getoption("--tier"),
        profile=chosen.purposes if chosen is not None else None,
    )


def profile(config: pytest.Config) -> Profile | None:
    """The profile that is asked for. Raises ProfileError."""
    word = config.getoption("--profile")
    return load_profile(word) if word else None


def shard(config: pytest.Config, purposes: Sequence[Purpose]) -> frozenset[str]:
    """The ids of those purposes that ``--shard`` leaves. Raises ValueError where it is none."""
    part, count = shard_of(config.getoption("--shard"))
    return frozenset(purpose.id for purpose in parts(purposes, count)[part - 1])


def shard_of(word: str, option: str = "--shard") -> tuple[int, int]:
    """Which part, from 1 on, of how many. Raises ValueError, which names the ``option``, where it is none."""
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", word, re.ASCII)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(f"{option} {word}: expected K/N with K from 1 to N, such as 2/5, N at most 9999")
    return int(found[1]), int(found[2])


def limits(config: pytest.Config) -> Limits:
    """To which algorithms the suites shall keep. Raises CryptoError for a word that is none."""
    found = Limits(*(tuple(config.getoption(f"--{protocol}")) for protocol in ("ike", "esp", "ah")))
    try:
        found.check()
    except CryptoError as error:
        raise CryptoError(f"--ike, --esp, --ah: {error}") from None
    return found


def allowance(config: pytest.Config) -> Allowance:
    """How much evidence the run may keep. Raises ValueError."""
    try:
        return Allowance.parse(config.getoption("--max-evidence"))
    except ValueError as error:
        raise ValueError(f"--max-evidence: {error}") from None


def results_folder(config: pytest.Config) -> Path:
    """Where the results of this run go."""
    out = config.getoption("--out")
    return Path(out) if out else default_folder(config.getoption("--dut"))


def default_folder(dut: str) -> Path:
    """A new results folder for a run against a device."""
    device = Path(dut).stem.replace(":", "-")
    return Path("results") / f"{device}-{datetime.now():%Y%m%d-%H%M%S}"
