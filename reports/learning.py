"""What ``ikespec learn`` writes: the machine as JSON, DOT and SVG, and a page that compares it with others."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from reports.drawing import svg, usual_ways
from reports.errors import ReportError
from reports.html.page import render
from suites.files import write_text
from suites.learning.machine import Difference, Machine, MachineError, differences

MACHINE, DOT, PICTURE, PAGE = "machine.json", "machine.dot", "machine.svg", "machine.html"


@dataclass(frozen=True, slots=True)
class Beside:
    """Another machine, and what tells it from the first one.

    ``doubtful`` are differences that a device did not show when it was asked again: its machine is wrong there.
    """

    machine: Machine
    differences: Sequence[Difference]
    doubtful: Sequence[Difference] = ()

    @classmethod
    def of(cls, machine: Machine, other: Machine) -> "Beside":
        """Compare them."""
        return cls(other, differences(machine, other))

    def without(self, wrong: Collection[Difference]) -> "Beside":
        """The same with these put aside."""
        kept = [one for one in self.differences if one not in wrong]
        return replace(self, differences=kept, doubtful=[*self.doubtful, *wrong])


def read_machine(path: Path) -> Machine:
    """From a file, or from a folder that has one. Raises ReportError, OSError."""
    file = path / MACHINE if path.is_dir() else path
    try:
        return Machine.parse(file.read_text(encoding="utf-8"))
    except (MachineError, UnicodeDecodeError) as error:
        raise ReportError(f"{file}: {error}") from None


def write_machine(folder: Path, machine: Machine) -> None:
    """JSON, DOT and SVG. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / MACHINE, json.dumps(machine.to_json(), indent=1) + "\n")
    write_text(folder / DOT, machine.to_dot())
    write_text(folder / PICTURE, svg(machine))


def write_page(folder: Path, machine: Machine, others: Sequence[Beside], letters: Mapping[str, str]) -> Path:
    """The page; ``letters`` says what each message is. Raises OSError."""
    pictures = [(one.device, Markup(svg(one))) for one in (machine, *(other.machine for other in others))]
    text = render(
        "learning.html.jinja",
        (),
        machine=machine,
        access=machine.access(),
        usual=usual_ways(machine),
        pictures=pictures,
        others=others,
        letters=letters,
    )
    path = folder / PAGE
    write_text(path, text)
    return path
