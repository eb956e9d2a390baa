"""`make claims`: every statement and its verdict, as a section of README.md.

In: params.yaml, reports/metrics, the STATEMENTS of each report.py. Out: the text between the two
markers in README.md; with --check nothing is written, and a section that differs is an error.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages import _entry, _files, _front, _numbers, _pages, _params, _results
from stages._params import Experiment, Params

README = Path("README.md")
FIRST, LAST = "<!-- claims: `make claims` writes this section -->", "<!-- end of claims -->"
TIMED = "on each machine"
HEAD = ["| experiment | statement | verdict | effect (interval) |", "|---|---|---|---|"]


class StaleSection(_entry.UserError):
    """A README whose section of claims is missing or is not that of the metrics."""


def main(*arguments: str) -> None:
    """Write the section, or check it."""
    parser = argparse.ArgumentParser(prog="make claims", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if it is stale")
    options = parser.parse_args(arguments)
    params = _params.load()
    if params.profile != "default":
        print(f"{README} tells of the default profile, not of {params.profile!r}: nothing to do.")
        return
    old = README.read_text(encoding="utf-8")
    new = replaced(old, section(params))
    if options.check and old != new:
        raise StaleSection(f"{README}: its claims are not those of reports/; run `make claims`")
    if not options.check:
        _files.write_text(README, new)
    print(f"The claims in {README} are those of reports/metrics.")


def replaced(text: str, lines: str) -> str:
    """Return a text with everything between its two markers replaced."""
    if text.count(FIRST) != 1 or text.count(LAST) != 1:
        raise StaleSection(f"{README}: it needs {FIRST} and {LAST}, once each and in this order")
    before, rest = text.split(FIRST)
    _, after = rest.split(LAST)
    return f"{before}{FIRST}\n{lines}\n{LAST}{after}"


def section(params: Params) -> str:
    """Return the section: a summary and, folded, a line per statement."""
    files = {name: _results.METRICS / f"{name}.json" for name in params.experiments}
    found = {
        name: _files.read_json(path)["claims"] for name, path in files.items() if path.exists()
    }
    absent = [f"`{name}`" for name in files if name not in found]
    lines = [_summary([list(claims.values()) for claims in found.values()])]
    lines += ["", f"No results yet: {', '.join(absent)}."] if absent else []
    rows = [
        f"| `{name}` | {' | '.join(row)} |"
        for name, claims in found.items()
        for row in _rows(name, params.experiments[name], claims)
    ]
    details = ["<details><summary>Every statement</summary>", "", *HEAD, *rows, "", "</details>"]
    return "\n".join(["", *lines, "", *details, ""])


def _summary(experiments: list[list[dict[str, Any]]]) -> str:
    claims = [claim for claims in experiments for claim in claims]
    counts = ", ".join(f"{n} {verdict}" for verdict, n in _pages.tally(claims))
    chance = _front.chance(experiments)
    return (
        f"{len(claims)} statements of {len(experiments)} experiments: {counts}. An experiment "
        f"gives a false verdict with a chance of at most 5 %: on average up to "
        f"{chance['expected']} of the {chance['experiments']} that test claims have one."
    )


def _rows(
    name: str, block: Experiment, claims: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, str]]:
    """Yield statement, verdict and effect; identities that hold share one line."""
    statements = {id: _cell(text) for id, text in _results.story(name).statements.items()}
    known = {id: claims[id] for id in block.evaluate.claims if id in claims}
    for id, claim in known.items():
        if claim["verdict"] != "holds":
            yield statements[id], _strong(claim["verdict"]), effect(claim)
    if held := [f"`{id}`" for id, claim in known.items() if claim["verdict"] == "holds"]:
        yield f"Exact: {', '.join(held)}", "holds" if len(held) == 1 else "all hold", ""
    for id in getattr(block.evaluate, "timed", {}):
        yield statements[id], TIMED, "see its page"


def effect(claim: Mapping[str, Any]) -> str:
    """Write a claim's effect with its interval, if it has one."""
    low, high, value = claim["low"], claim["high"], claim["effect"]
    places = _numbers.decimals(low, high, value)
    text = _numbers.fixed(value, places, sign=claim["kind"] == "claim")
    limits = _numbers.between(low, high, places)
    return text if limits == _numbers.MISSING else f"{text} ({limits})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _strong(verdict: str) -> str:
    return f"**{verdict}**" if verdict in ("contradicted", "fails") else verdict


if __name__ == "__main__":
    _entry.run(main)
