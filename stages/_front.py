"""The front page: cards and metrics of the experiments in params.yaml in, one HTML text out."""

from collections.abc import Iterable, Mapping
from typing import Any

from stages import _numbers, _pages
from stages._entry import UserError

CHANCE = 0.05


class StaleError(UserError):
    """A page that does not belong to the metrics beside it."""


def front(
    profile: str,
    names: Iterable[str],
    cards: Mapping[str, Any],
    metrics: Mapping[str, Any],
    speed: bool = False,
) -> str:
    """Return the front page.

    Args:
        profile: the label at the top of params.yaml.
        names: the experiments of params.yaml, in order.
        cards: experiment -> card.json, of those that have a page.
        metrics: experiment -> metrics file, of those that have a page.
        speed: whether there is a page of the engine's speed.
    """
    names = list(names)
    shown = [_shown(cards[name], metrics[name]) for name in names if name in cards]
    claims = [claim for card in shown for claim in card["claims"]]
    return (
        _pages.environment()
        .get_template("index.html")
        .render(
            profile=profile,
            cards=shown,
            absent=[name for name in names if name not in cards],
            claims=claims,
            tally=_pages.tally(claims),
            choices=_choices(shown, claims),
            chance=chance(card["claims"] for card in shown),
            data=_data(shown),
            machines=sorted({_machine(card) for card in shown}),
            speed=speed,
            seconds=sum(card["seconds"] for card in shown),
        )
    )


def _shown(card: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card with its claims as the table shows them."""
    verdicts = {claim["id"]: claim["verdict"] for claim in card["claims"]}
    for claim, facts in metrics["claims"].items():
        if verdicts.get(claim) != facts["verdict"]:
            raise StaleError(
                f"reports/pages/{card['name']}: its page says {verdicts.get(claim)} of {claim}, "
                f"its metrics say {facts['verdict']}; run `dvc repro report@{card['name']}`"
            )
    claims = [_row(claim, card) for claim in card["claims"]]
    return {**card, "claims": claims, "tally": _pages.tally(claims)}


def _row(claim: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    low, high = claim["low"], claim["high"]
    places = _numbers.decimals(low, high, claim["effect"])
    places = _numbers.apart(claim["margin"], places, low, high)
    identity = claim["kind"] == "identity"
    return {
        **claim,
        "experiment": card["name"],
        "title": card["title"],
        "origin": _pages.origin(claim),
        "spoken_by": _pages.spoken_by(claim["source"]),
        "names": ("worst error", "") if identity else ("effect", "interval"),
        "effect_text": _numbers.plain(claim["effect"])
        if identity
        else _numbers.fixed(claim["effect"], places, sign=claim["direction"] is not None),
        "interval_text": f"tolerance {_numbers.plain(claim['margin'])}"
        if identity
        else _numbers.between(low, high, places),
        "n_text": _numbers.observations(claim["n"], claim["rows"]),
    }


def _choices(
    cards: list[dict[str, Any]], claims: list[dict[str, Any]]
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return the filters: field, label and its options as value and text."""
    speakers = {"notes": "the notes", "course": "the course's notebooks", "ours": "ourselves"}
    found = {claim["spoken_by"] for claim in claims}
    kinds = sorted({claim["kind"] for claim in claims})
    return [
        ("verdict", "Verdict", [(verdict, verdict) for verdict, _ in _pages.tally(claims)]),
        ("experiment", "Experiment", [(card["name"], card["title"]) for card in cards]),
        ("kind", "Kind", [(kind, kind) for kind in kinds]),
        ("source", "Stated by", [pair for pair in speakers.items() if pair[0] in found]),
    ]


def chance(experiments: Iterable[Iterable[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return how many experiments test claims, and how many false verdicts to expect at most."""
    testing = sum(any(claim["kind"] == "claim" for claim in claims) for claims in experiments)
    return {"experiments": testing, "expected": _numbers.plain(CHANCE * testing, 2)}


def _data(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every dataset once, with the experiments that use it."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for card in cards:
        for row in card["data"]:
            key = (row["name"], str(row["variant"]))
            users = rows.setdefault(key, {**row, "users": []})["users"]
            if card["name"] not in users:
                users.append(card["name"])
    return [rows[key] for key in sorted(rows)]


def _machine(card: Mapping[str, Any]) -> str:
    device, versions = card["device"], card["versions"]
    text = f"{device['name']} ({device['type']}"
    if "threads" in device:
        text += f", {_numbers.counted(device['threads'], 'thread')}"
    return f"{text}), torch {versions['torch']}" if "torch" in versions else f"{text})"
