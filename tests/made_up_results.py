"""A made-up experiment: the numbers and the words of which a page is written.

In: what a test wants to be different. Out: `Results` and a `Story`, without files or torch.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from stages import _figures as draw
from stages import _front, _pages
from stages._results import Compared, Results, Story


def claim(name: str = "adam_is_better", **different: Any) -> dict[str, Any]:
    """Return an item of claims.json: supported by a wide margin."""
    return {
        "id": name,
        "kind": "claim",
        "source": "notes L219-221",
        "direction": "greater",
        "margin": 0.02,
        "reason": "twice the standard error of the test set",
        "metric": "test accuracy",
        "arms": "Adam - SGD",
        "effect": 0.1234,
        "low": 0.1004,
        "high": 0.1464,
        "level": 0.975,
        "method": "t",
        "n": 10,
        "rows": 0,
        "power_at": 0.0512,
        "verdict": "supported",
        "note": None,
        **different,
    }


def identity(name: str = "loss_scale", **different: Any) -> dict[str, Any]:
    """Return an identity that holds."""
    exact = {"kind": "identity", "source": "course", "direction": None, "margin": 1e-3}
    bare = {"effect": 3.1e-5, "low": None, "high": None, "level": None, "n": 40}
    return claim(name, **{**exact, **bare, "verdict": "holds", **different})


PARAMS = {
    "train": {
        "seed": 7,
        "datasets": {"mnist": {"variant": "sample", "split": {"train": 3500}}},
        "train": {
            "hidden": [64, 32],
            "batch_size": 32,
            "epochs": 2,
            "repeats": 10,
            "optimizers": ["sgd", "adam"],
            "rates": [0.1, 0.01],
            "momentum": 0.9,
            "adamw_weight_decay": 0.01,
            "rescue": {"rate": 0.01, "times_the_epochs": 10},
        },
    },
    "evaluate": {
        "evaluate": {
            "loss_scale": {"factor": 8.0, "eps": 0.0, "steps": 5, "rate": 0.1, "nets": 2},
            "claims": {"adam_is_better": {"margin": 0.5}},
        }
    },
}


def record(stage: str, **different: Any) -> dict[str, Any]:
    """Return the record of a stage."""
    return {
        "stage": stage,
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 83.2,
        "params": PARAMS.get(stage, {}),
        "git_commit": "0123456789abcdef",
        "dvc_experiment": None,
        "device": {"type": "cpu", "name": "a processor", "threads": 2},
        "versions": {"python": "3.11.7", "torch": "2.14.1"},
        "timing": {"train_seconds": 78.3, "models": 20, "ms_per_model_step": 0.225},
        "details": {},
        **different,
    }


def results(name: str = "optimizers", claims: list[dict[str, Any]] | None = None) -> Results:
    """Return the numbers of an experiment with two arms."""
    claims = [claim(), identity()] if claims is None else claims
    split = {"name": "mnist", "variant": "sample", "train": 3500, "dev": 500, "test": 1000}
    rows = [("sgd 0.1", 0.8123), ("adam 0.1", 0.9357)]
    arms = [(arm, "accuracy", "test", x, 0.01, x - 0.012, x + 0.012, 10, 1000) for arm, x in rows]
    trials = [(arm, seed, "accuracy", "test", x) for arm, x in rows for seed in range(10)]
    curves = [
        (arm, "accuracy", "dev", epoch, 10 * epoch, x * epoch / 3, 0.1, 0.9, 10)
        for arm, x in rows
        for epoch in (3, 1, 2)
    ]
    served = {"files": {"mnist.csv": {"source": "pypi"}}, "licence": "CC BY-SA 3.0"}
    head = ["arm", "metric", "split"]
    return Results(
        name=name,
        metrics={
            "data": {"digits": split},
            "profile": "default",
            "params_hash": "9f3c2d41aa07be55",
            "headline": {"best_accuracy": 0.9357},
            "claims": {item["id"]: {"verdict": item["verdict"]} for item in claims},
        },
        arms=pd.DataFrame(arms, columns=[*head, "mean", "sd", "low", "high", "n", "rows"]),
        curves=pd.DataFrame(curves, columns=[*head, "epoch", "step", "mean", "low", "high", "n"]),
        trials=pd.DataFrame(trials, columns=["arm", "seed", "metric", "split", "value"]),
        claims=claims,
        records={
            "train": record("train"),
            "evaluate": record("evaluate", seconds=4.0, timing={"peak_memory_mb": 512.0}),
            "fetch/mnist": record("fetch", details=served),
        },
    )


def figures(results: Results, settings: Any) -> Any:
    """Draw one figure with every kind of mark, and one of pictures."""
    figure, ax = draw.canvas()
    for arm, style in draw.styles(results.arms["arm"]).items():
        curve = results.curve(arm, "accuracy")
        draw.band(ax, curve["step"], curve["mean"], curve["low"], curve["high"], arm, style)
    draw.level(ax, 0.1, "always the commonest digit", side="left")
    draw.percent_axis(ax, "dev accuracy")
    draw.rate_axis(ax)
    draw.direct_labels(ax)
    yield draw.Figure("curves", figure, "Accuracy; the band is `95 %`.", 'Two "rising" lines')
    figure, (left, right) = draw.panels(2)
    draw.heatmap(left, [[0.1, 0.9], [0.4, 0.6]], ["a", "b"], ["c", "d"], "accuracy")
    draw.picture(right, [[0.0, 1.0], [1.0, 0.0]], "a picture")
    yield draw.Figure("pictures", figure, "A matrix and a picture.", "A matrix and a picture")


def story(**different: Any) -> Story:
    """Return the words that go with `results`; figures, which take time, come on request."""
    plain = Story(
        title="Optimizers and rates",
        folder="Folder 10",
        question="Does a small rate hurt?",
        lecture=[("A small rate hurts.", "notes L219-221")],
        statements={"adam_is_better": "Adam beats SGD.", "loss_scale": "The scale is ignored."},
        corrected=["The notebook ran once."],
        figures=lambda results, settings: [],
        timed=lambda results, settings: [],
        compared=lambda results, settings: [Compared("SGD", "10 %", "11 %", "one run")],
    )
    return replace(plain, **different)


def card(name: str = "optimizers", claims: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a card as the report stage writes it."""
    these = results(name, claims)
    return _pages.card(these, story(), these.claims, [])


def front(*names: str) -> str:
    """Return the front page of these experiments."""
    cards = {name: card(name) for name in names}
    return _front.front("default", names, cards, {name: results().metrics for name in names})
