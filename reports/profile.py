"""A run by the activities of the profile that it was about, in the order of the profile."""

from dataclasses import dataclass

from reports.markdown import code, escaped
from reports.records import Asked, Result, Results, Standing

_LISTED = 12


@dataclass(frozen=True, slots=True)
class Done:
    """An activity with the results of its purposes, worst first. ``state`` is a standing's slug, or ``untested``."""

    asked: Asked
    results: tuple[Result, ...]
    state: str
    label: str


def activities(results: Results) -> list[Done]:
    """All activities of the profile; none where the run was about none."""
    if results.run.profile is None:
        return []
    rank = {standing: number for number, standing in enumerate(Standing)}
    found = []
    for asked in results.run.profile.activities:
        known = [results.by_purpose[one] for one in asked.purposes if one in results.by_purpose]
        ordered = tuple(sorted(known, key=lambda one: rank[one.standing]))
        judged = [one for one in ordered if one.standing is not Standing.NOT_APPLICABLE]
        if judged:
            found.append(Done(asked, ordered, judged[0].standing.slug, judged[0].standing.label))
        elif ordered:
            found.append(Done(asked, ordered, Standing.NOT_APPLICABLE.slug, Standing.NOT_APPLICABLE.label))
        else:
            found.append(Done(asked, (), "untested", "by hand" if asked.by_hand else "not run"))
    return found


def profile_markdown(results: Results) -> str:
    """A table with a line for each activity, for a laboratory's report."""
    assert results.run.profile is not None
    run = results.run
    lines = [f"# {escaped(run.profile.title)}: {escaped(run.device.full_name)}", ""] if run.profile else []
    lines += [
        f"{run.started:%Y-%m-%d %H:%M %Z}, seed {run.seed}.",
        "",
        "| activity | what is tried | verdict | purposes |",
    ]
    lines += ["| --- | --- | --- | --- |"]
    for one in activities(results):
        names = [f"{code(result.purpose)} {result.label}" for result in one.results[:_LISTED]]
        names += [f"and {len(one.results) - _LISTED} more"] if len(one.results) > _LISTED else []
        names += [f"by hand: {escaped(one.asked.by_hand)}"] if one.asked.by_hand else []
        cells = (escaped(one.asked.id), escaped(one.asked.text), f"**{one.label}**", "; ".join(names))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])
