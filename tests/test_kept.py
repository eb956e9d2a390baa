"""Which net an experiment keeps, how it is written, and what each arm was trained with."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from stages import _arms, _files, _trained
from stages._trained import Trained
from stages._training import keep_best
from stages.commands import _models
from stages.models.mlp import mlp
from stages.sweep import Member, Optimizer, Streams

BUILD = partial(mlp, [4, 3, 2])
ROWS = torch.linspace(0, 1, 8).reshape(2, 4)


def trained(values: dict[str, list[float]], metric: str = "accuracy") -> Trained:
    """Return arms with these values on dev, by repeat, and far better ones on train."""
    rows = [
        (arm, seed, metric, split, value + better)
        for arm, by_seed in values.items()
        for seed, value in enumerate(by_seed)
        for split, better in (("dev", 0.0), ("train", -seed))
    ]
    weights = {}
    for arm, by_seed in values.items():
        nets = [BUILD(torch.Generator().manual_seed(seed)) for seed in range(len(by_seed))]
        states = [net.state_dict() for net in nets]
        for name in states[0]:
            weights[f"{arm}/{name}"] = torch.stack([state[name] for state in states]).numpy()
    return Trained(pd.DataFrame(rows, columns=_trained.TRIALS), weights=weights)


@pytest.mark.parametrize(
    ("values", "largest", "arm", "seed"),
    [
        ({"a": [0.5, 0.6], "b": [0.7, 0.65]}, True, "b", 0),
        ({"a": [0.5, 0.99], "b": [0.8, 0.81]}, True, "b", 1),
        ({"a": [0.5, 0.6], "b": [0.7, 0.65]}, False, "a", 0),
        ({"a": [0.5, 0.6], "b": [0.99, float("nan")]}, True, "a", 1),
    ],
)
def test_the_best_repeat_of_the_arm_that_is_best_on_dev_is_kept(
    values: dict[str, list[float]], largest: bool, arm: str, seed: int
) -> None:
    kept = keep_best(trained(values), BUILD, ROWS, "rows -> logits", largest=largest).kept

    assert kept is not None
    assert (kept.arm, kept.seed, kept.value) == (arm, seed, values[arm][seed])


def test_nothing_is_kept_of_arms_that_all_diverged() -> None:
    assert keep_best(trained({"a": [float("nan")]}), BUILD, ROWS, "rows -> logits").kept is None


def test_a_kept_net_is_built_again_from_its_file_alone(tmp_path: Path) -> None:
    kept = keep_best(trained({"a": [0.5, 0.6, 0.4]}), BUILD, ROWS, "rows -> logits")
    _trained.save(tmp_path, kept, {})

    net, rows = _models.rebuild(tmp_path / _trained.MODEL)

    right = BUILD(torch.Generator().manual_seed(1)).eval()
    assert isinstance(net, nn.Module) and not net.training
    assert torch.equal(net(torch.from_numpy(rows)), right(ROWS))


def test_a_kept_net_is_written_with_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        kept = keep_best(trained({"a": [0.5, 0.6]}), BUILD, ROWS, "rows -> logits")
        _trained.save(tmp_path / name, kept, {})

    one, two = (_files.sha256(tmp_path / name / _trained.MODEL) for name in ("one", "two"))
    assert one == two


def test_a_net_that_could_not_be_built_again_is_refused(tmp_path: Path) -> None:
    def own(generator: torch.Generator) -> nn.Module:
        return BUILD(generator)

    kept = keep_best(trained({"a": [0.5]}), own, ROWS, "rows -> logits")

    with pytest.raises(ValueError, match="built by a function of stages/models, not by"):
        _trained.save(tmp_path, kept, {})


def member(arm: str, repeat: int, rule: Optimizer, **options: object) -> Member:
    build = partial(mlp, (4, 3, 2), **options)
    return Member(f"{arm}#{repeat}", build, Streams(0, 0, 0), rule, "task", 5, 32)


def test_what_an_arm_was_trained_with_is_read_off_its_runs() -> None:
    heavy = Optimizer("sgd", 0.1, momentum=0.9)
    common = {"sizes": [4, 3, 2], "epochs": 5, "batch_size": 32}
    found = _arms.settings([member("plain", 0, Optimizer("adam", 0.01)), member("heavy", 0, heavy)])

    assert found == {
        "plain": {**common, "optimizer": "adam", "rate": 0.01, "momentum": 0.0},
        "heavy": {**common, "optimizer": "sgd", "rate": 0.1, "momentum": 0.9},
    }


def test_arguments_of_the_build_function_count_and_what_differs_by_repeat_does_not() -> None:
    rates = (0.1, 0.2)
    found = _arms.settings(
        [member("one", i, Optimizer("sgd", rate), dropout=0.5) for i, rate in enumerate(rates)]
    )

    assert found["one"]["dropout"] == 0.5
    assert "rate" not in found["one"]
    assert np.all([name in found["one"] for name in ("sizes", "epochs", "optimizer")])
