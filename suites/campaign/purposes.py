"""A finding as the text of a test purpose, with the defect left to write."""

from __future__ import annotations

import json
from pprint import pformat

from suites.campaign.findings import Finding

FALLBACK = "RFC7296-2.21-1"
"""What is cited where no requirement is known to be broken: it says what is done about messages that are wrong."""

_TEXT = '''"""A finding of ikespec fuzz as a test purpose: move it to its subject's folder under suites/ and finish it.

{words}
"""

# To do: say in the docstring what is wrong and why, cite the requirement that is broken, and write the defect into
# peers/reference/defects/, a subclass of the reference with this one decision wrong, as class {cls}
# under @defect("{name}").

from conformance.script.peer import Peer
from suites.campaign.play import play, purpose_of_state
from suites.dut import Dut

SCRIPT = {script}


@purpose_of_state(SCRIPT, "{name}", "{requirement}")
def test_{function}(peer: Peer, dut: Dut) -> None:
    """{title}"""
    play(peer, dut, SCRIPT)
'''


def purpose_text(finding: Finding) -> str:
    """The module, ready to be run."""
    name = f"fuzz-{finding.id}"
    words = json.dumps(" ".join(finding.problem.words.split()), ensure_ascii=True)[1:-1].replace('"""', "'''")
    # Cut before it is escaped: half an escape is no Python.
    title = json.dumps(" ".join(finding.title.split())[:105], ensure_ascii=True)[1:-1].replace('\\"', "'")
    return _TEXT.format(
        words=words.replace('\\"', "'"),
        name=name,
        cls=f"Fuzz{finding.id.capitalize()}",
        script=pformat([case.to_json() for case in finding.script], width=110, sort_dicts=False),
        requirement=finding.problem.requirement or FALLBACK,
        function=f"fuzz_{finding.id}",
        title=f"{title}.",
    )
