"""A summary in Markdown, short enough for the log or the job page of a CI system."""

import re

from reports.records import Result, Results, Standing

_LISTED = 50
_SLOWEST = 5
_NOTABLE_SECONDS = 1.0


def summary(results: Results) -> str:
    """Counts, then what is unexpected, then warnings, known deviations and what took long."""
    device = results.run.device
    lines = [f"# ikespec: {escaped(device.full_name)}", "", _sentence(results), ""]
    lines += ["| " + " | ".join(standing.heading for standing in Standing) + " |", "|" + " ---: |" * len(Standing)]
    lines += ["| " + " | ".join(str(results.counts[standing]) for standing in Standing) + " |", ""]
    for standing in (Standing.FAIL, Standing.INCONCLUSIVE, Standing.WARN, Standing.KNOWN):
        lines += _group(standing, results.groups.get(standing, []))
    slow = sorted(results.results, key=lambda one: -one.duration)[:_SLOWEST]
    slow = [one for one in slow if one.duration >= _NOTABLE_SECONDS]
    if slow:
        lines += ["## Slowest", ""]
        lines += [f"- {one.duration:.1f} s {code(one.purpose)}{_waits(one)}" for one in slow] + [""]
    return "\n".join(lines)


def _sentence(results: Results) -> str:
    total, unexpected = len(results.results), results.unexpected
    text = (
        f"**{unexpected} unexpected** of {total} purposes" if unexpected else f"Nothing unexpected in {total} purposes"
    )
    text += f", {results.seconds:.1f} s, seed {results.run.seed}."
    if results.run.finished is None:
        text += " **The run did not come to its end.**"
    if results.missing:
        text += f" {results.missing} of {results.run.selected} selected purposes have no result."
    return text


def _group(standing: Standing, members: list[Result]) -> list[str]:
    if not members:
        return []
    lines = [f"## {standing.heading} ({len(members)})", ""]
    lines += [_line(one) for one in members[:_LISTED]]
    if len(members) > _LISTED:
        lines.append(f"- and {len(members) - _LISTED} more")
    return [*lines, ""]


def _line(one: Result) -> str:
    rule = f" ({one.requirement})" if one.requirement else ""
    line = f"- {code(one.purpose)}{rule}: {escaped(one.reason or one.title)}"
    if one.known is not None:
        until = f" until {one.known.until}" if one.known.until else ""
        reference = f" [{escaped(one.known.reference)}]" if one.known.reference else ""
        line += f"; known{until}: {escaped(one.known.reason)}{reference}"
    return line


def _waits(one: Result) -> str:
    return f" (waits {one.waits:.0f} s by design)" if one.waits else ""


def escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is."""
    line = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text)
    return re.sub(r"([\\`*_{}\[\]<>|#~&])", r"\\\1", line)


def code(text: str) -> str:
    """Text in a code span."""
    return "`" + re.sub(r"[\x00-\x1f\x7f`]", " ", text) + "`"
