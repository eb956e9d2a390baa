"""What each arm was trained with, read off the engine's members, so that arms can be drawn by it.

In: members called "<arm>#<repeat>". Out: arm -> optimizer, rate, batch size, epochs and the
arguments of its build function, as plain JSON; what is torch's default in all arms is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from inspect import signature
from typing import Any

from stages.sweep import Member, Optimizer

NAMES = {"name": "optimizer", "lr": "rate"}
PLAIN = (str, int, float, bool, type(None))


def settings(members: Sequence[Member]) -> dict[str, dict[str, Any]]:
    """Return arm -> name -> value; what differs between the repeats of an arm is left out."""
    rule = [
        part.name
        for part in fields(Optimizer)
        if any(getattr(member.optimizer, part.name) != part.default for member in members)
    ]
    found: dict[str, dict[str, Any]] = {}
    for member in members:
        told = _settings(member, rule)
        first = found.setdefault(member.name.rpartition("#")[0], told)
        for name in [name for name in first if told.get(name) != first[name]]:
            del first[name]
    return found


def _settings(member: Member, rule: Sequence[str]) -> dict[str, Any]:
    told = dict(_arguments(member.build))
    told |= {"epochs": member.epochs, "batch_size": member.batch_size}
    told |= {NAMES.get(name, name): getattr(member.optimizer, name) for name in rule}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in told.items()
        if all(isinstance(part, PLAIN) for part in _parts(value))
    }


def _arguments(build: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the arguments that a `partial` gives its function, by name."""
    if not isinstance(build, partial):
        return {}
    return signature(build.func).bind_partial(*build.args, **build.keywords).arguments


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)
