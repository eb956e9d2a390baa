"""An experiment's page and its card for the front page: numbers and words in, HTML out.

Pages are static and whole: style and figures stand inside, nothing is fetched. Text from an
experiment is escaped; `backticks` become code.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stages import _numbers, _tables, _theme
from stages._forest import forest
from stages._results import Compared, Results, Story

TEMPLATES = Path(__file__).parent / "templates"
AGAINST = "against "
TONES = {
    "supported": "yes",
    "holds": "yes",
    "contradicted": "no",
    "fails": "no",
    "undecided": "open",
    "reported": "plain",
}


@dataclass(frozen=True)
class Drawn:
    """A figure as the page shows it: its files' stem, its SVG element, caption and alt text."""

    name: str
    svg: str
    caption: str
    alt: str


@dataclass(frozen=True)
class Setting:
    """A row of the settings: a value, or (value None) the head of a nested block."""

    name: str
    value: str | None
    meaning: str


def environment() -> Environment:
    """Return the templates, with everything escaped and a missing name an error."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        prose=prose,
        plain=_numbers.plain,
        count=_numbers.count,
        duration=_numbers.duration,
        tone=TONES.__getitem__,
        source=source_text,
        capitalised=capitalised,
        label=label,
        rows=rows_text,
    )
    found.globals["colours"] = Markup(_theme.css())
    return found


def prose(text: str) -> Markup:
    """Escape a text and set its `backticked` parts as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def capitalised(text: str) -> str:
    """Write a text's first letter large and leave the rest."""
    return text[:1].upper() + text[1:]


def label(metric: str) -> str:
    """Write a metric's name as words."""
    return metric.replace("_", " ")


def rows_text(n: int | None) -> str:
    """Write how many rows a split has, if it has any."""
    return _numbers.MISSING if n is None else _numbers.count(n)


def page(
    results: Results,
    story: Story,
    claims: Sequence[Mapping[str, Any]],
    figures: Sequence[Drawn],
    compared: Sequence[Compared] = (),
    settings: Mapping[str, Sequence[Setting]] = MappingProxyType({}),
) -> str:
    """Return the page of one experiment; `settings` by stage."""
    views = [claim_view(claim, story.statements[claim["id"]]) for claim in claims]
    return (
        environment()
        .get_template("page.html")
        .render(
            name=results.name,
            profile=results.metrics["profile"],
            story=story,
            figures=[{**vars(figure), "svg": Markup(figure.svg)} for figure in figures],
            claims=views,
            tally=tally(views),
            data=_tables.data_rows(results),
            headline=_tables.headline_rows(results, story.headline),
            run=_tables.run_rows(results),
            settings=settings,
            arms=_tables.arm_tables(results.arms),
            crossed=bool((results.arms["rows"] > 0).any()),
            compared=compared,
            timing=_tables.timing_rows(results),
            machine=_tables.machine_rows(results.records["train"]),
            origin=_tables.origin_rows(results),
        )
    )


def card(
    results: Results, story: Story, claims: Sequence[Mapping[str, Any]], figures: Sequence[Drawn]
) -> dict[str, Any]:
    """Return what the front page needs to know of one experiment."""
    record = results.records["train"]
    return {
        "name": results.name,
        "title": story.title,
        "folder": story.folder,
        "question": story.question,
        "thumbnail": f"{figures[0].name}.svg" if figures else None,
        "thumbnail_alt": figures[0].alt if figures else "",
        "seconds": record["seconds"] + results.records["evaluate"]["seconds"],
        "device": record["device"],
        "versions": record["versions"],
        "data": _tables.data_rows(results),
        "claims": [{**claim, "statement": story.statements[claim["id"]]} for claim in claims],
    }


def claim_view(claim: Mapping[str, Any], statement: str) -> dict[str, Any]:
    """Return a claim with its sentence, its numbers as text and its drawing."""
    tone = TONES[claim["verdict"]]
    return {
        **claim,
        "statement": statement,
        "tone": tone,
        "origin": origin(claim),
        "numbers": claim_numbers(claim),
        "forest": forest(claim, tone),
    }


def claim_numbers(claim: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured for a claim as pairs of name and value."""
    effect = claim["effect"]
    if claim["kind"] == "identity":
        return [
            ("worst error", _numbers.plain(effect)),
            ("tolerance", _numbers.plain(claim["margin"])),
            ("cases", _numbers.count(claim["n"])),
        ]
    low, high = claim["low"], claim["high"]
    places = _numbers.apart(claim["margin"], _numbers.decimals(low, high, effect), low, high)
    pairs = [("effect", _numbers.fixed(effect, places, sign=claim["direction"] is not None))]
    if low is not None or high is not None:
        level = _numbers.percent(claim["level"])
        name = f"{level} interval, {claim['method']}"
        pairs.append((name, _numbers.between(low, high, places)))
    if claim["kind"] == "claim":
        pairs.append(("supported if", _wanted(claim)))
        if claim["power_at"] is not None:
            pairs.append(("80 % power", _powerful(claim, places)))
    name = "repeats \u00d7 test rows" if claim["rows"] else "repeats"
    return [*pairs, (name, _numbers.observations(claim["n"], claim["rows"]))]


def _wanted(claim: Mapping[str, Any]) -> str:
    margin = _numbers.plain(claim["margin"])
    return f"within ±{margin}" if claim["direction"] == "within" else f"above {margin}"


def _powerful(claim: Mapping[str, Any], places: int | None) -> str:
    at = _numbers.fixed(claim["power_at"], places)
    return f"up to \u00b1{at}" if claim["direction"] == "within" else f"from {at} on"


def origin(claim: Mapping[str, Any]) -> str:
    """Say of what kind a statement is and who makes it."""
    kind = "reported number" if claim["kind"] == "reported" else claim["kind"]
    return f"{kind} {source_text(claim['source'])}"


def source_text(source: str) -> str:
    """Say where a statement comes from, as the end of a phrase."""
    if source == "ours":
        return "of our own"
    if source.startswith(AGAINST):
        return f"of our own, against {_speaker(source.removeprefix(AGAINST))}"
    return f"from {_speaker(source)}"


def spoken_by(source: str) -> str:
    """Return whose statement it is: notes, course or ours."""
    return "ours" if source.startswith(AGAINST) else source.split()[0]


def _speaker(source: str) -> str:
    if source == "course":
        return "the course's notebooks"
    lines = source.removeprefix("notes ").replace("L", "").replace("-", "–")
    word = "lines" if "–" in lines or "," in lines else "line"
    return f"the notes, {word} {lines}"


def tally(claims: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Count verdicts, in a fixed order."""
    verdicts = [claim["verdict"] for claim in claims]
    return [(verdict, verdicts.count(verdict)) for verdict in TONES if verdict in verdicts]
