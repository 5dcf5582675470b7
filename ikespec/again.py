"""The command that tries one purpose again just as a run has tried it."""

import os
import shutil
import sys
from pathlib import Path

import typer

PURPOSE = "{purpose}"
"""Stands for the purpose in the words of the command."""

_SELECTING = frozenset(
    {"purposes", "without", "subject", "role", "slow", "tier", "rfc", "level", "profile", "shard", "workers"}
)
_COUNTING = frozenset(
    {"out", "repeat", "retry", "retry_inconclusive", "max_flaky", "max_fail", "expect_pass", "expect_capability"}
)


def program() -> str:
    """What the user calls to start us: ``bin/ikespec`` in a checkout, ``ikespec`` where it is installed."""
    called = os.environ.get("IKESPEC_CALLED_AS") or sys.argv[0]
    if Path(called).name == "__main__.py":
        return f"{Path(sys.executable).name} -m ikespec"
    found = shutil.which(Path(called).name)
    return Path(called).name if found and Path(found).resolve() == Path(called).resolve() else called


def words(context: typer.Context) -> list[str]:
    """The words of the command, given how ``run`` was called.

    What selects purposes, says where results go or counts them is left out.
    """
    found = [*program().split(" "), "run", PURPOSE]
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE" or parameter.name in _SELECTING | _COUNTING:
            continue
        value = context.params[parameter.name or ""]
        option = max(parameter.secondary_opts if value is False else parameter.opts, key=len)
        for one in value if isinstance(value, list | tuple) else [value]:
            found += [option] if isinstance(value, bool) else [option, str(one)]
    return found
