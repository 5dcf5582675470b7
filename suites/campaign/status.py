"""How a campaign stands, as its views show it: ``status.json`` beside the journal."""

from __future__ import annotations

from typing import Any

from conformance.fuzz.mutators import MUTATORS
from suites.campaign.campaign import Campaign
from suites.campaign.opening import TARGETS
from suites.campaign.store import SCHEMA
from suites.record import timestamp

WINDOW = 30.0
"""Seconds over which the rate of now is counted."""


def status(campaign: Campaign, *, running: bool) -> dict[str, Any]:
    """Everything that a view needs beside the findings' folders."""
    known, schedule = campaign.known, campaign.known.schedule
    names = ("name", "version", "backend")
    mutators = [one for one in MUTATORS if one in schedule.sources.mutators]
    return {
        "schema": SCHEMA,
        "updated": timestamp(),
        "running": running,
        "device": dict(zip(names, campaign.device, strict=True)),
        "workers": campaign.pool.workers(),
        "seconds": round(campaign.seconds, 1),
        "cases": known.cases,
        "datagrams": known.datagrams,
        "rate": round(rate(campaign), 1),
        "corpus": len(known.corpus),
        "features": len(known.corpus.seen),
        "errors": known.errors,
        "said": dict(sorted(known.said.items(), key=lambda one: -one[1])[:20]),
        "missed": {state: why for state, (_, why) in known.missed.items()},
        "states": {state: list(kinds) for state, kinds in schedule.states.items()},
        "mutators": [*mutators, "content", "none"],
        "payloads": [*TARGETS, "none"],
        "cells": [[*cell, count] for cell, count in known.cells.items()],
        "pending": len(campaign.pending),
        "again": dict(known.again),
        "seen": known.states,
        "curve": [list(one) for one in known.curve],
    }


def rate(campaign: Campaign) -> float:
    """Cases a second of late."""
    curve = campaign.known.curve
    recent = [one for one in curve if one[0] >= campaign.seconds - WINDOW]
    if len(recent) < 2 or recent[-1][0] == recent[0][0]:
        return campaign.known.cases / campaign.seconds if campaign.seconds else 0.0
    return (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])
