"""A badge that says how a run went: a picture, and JSON in the form that badge services fetch (shields.io endpoint)."""

import json
from html import escape

from reports.records import Results, Standing

_LABEL = "IKEv2 conformance"
_GREEN, _RED, _GREY = "#2e7d32", "#c62828", "#6e7781"
_HEIGHT, _MARGIN, _CHARACTER = 20, 6, 6.6
"""Pixels; the mean width of a character in 11 px Verdana, which is what badges are written in."""


def message(results: Results) -> tuple[str, str]:
    """What it says, and its colour."""
    counts = results.counts
    judged = len(results.results) - counts[Standing.NOT_APPLICABLE]
    if results.run.finished is None or not judged:
        return "not judged", _GREY
    if results.unexpected:
        return f"{results.unexpected} unexpected of {judged}", _RED
    known = f", {counts[Standing.KNOWN]} known" if counts[Standing.KNOWN] else ""
    return f"{sum(number for one, number in counts.items() if one.passed)} passed{known}", _GREEN


def badge_json(results: Results) -> str:
    """For a badge service that is given the address of this file."""
    said, colour = message(results)
    told = {"schemaVersion": 1, "label": _LABEL, "message": said, "color": colour.removeprefix("#")}
    return json.dumps(told | ({"isError": True} if colour == _RED else {})) + "\n"


def badge_svg(results: Results) -> str:
    """The picture."""
    said, colour = message(results)
    left, right = (round(len(text) * _CHARACTER + 2 * _MARGIN) for text in (_LABEL, said))
    title = escape(f"{_LABEL}: {said}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="round"><rect width="{left + right}" height="{_HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left}" height="{_HEIGHT}" fill="#444c56"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/></g>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - 2 * _MARGIN}">{_LABEL}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 2 * _MARGIN}">{escape(said)}</text></g></svg>\n'
    )
