"""The parts of the experiment on batch sizes: feeds, levels, choices, and the race of two sizes."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from made_up_results import record, results

from stages import _params
from stages._params import ParamsError
from stages._trained import Trained
from stages.experiments.batch_size import report
from stages.experiments.batch_size.evaluate import edge, steps_to_level
from stages.experiments.batch_size.params import Train
from stages.experiments.batch_size.train import (
    PlainLoop,
    best_rate,
    epoch_arm,
    epochs_to_loss,
    from_loader,
    from_memory,
)

RAW = _params.read()["experiments"]["batch_size"]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setenv("LECTURES_DEVICE", "cpu")


@pytest.fixture
def settings() -> Train:
    return Train.model_validate(RAW["train"])


def trained(arm: str, metric: str, split: str, values: list[float]) -> Trained:
    """Return the curve of one repeat, 10 steps and 1 epoch between points."""
    epochs = range(1, len(values) + 1)
    columns = {"arm": arm, "seed": 0, "metric": metric, "split": split, "epoch": epochs}
    return Trained(curves=pd.DataFrame({**columns, "step": 10 * np.array(epochs), "value": values}))


def test_a_batch_size_that_does_not_divide_the_rows_is_refused():
    raw = _params.read()
    raw["experiments"]["batch_size"]["train"]["sizes"] = [1, 3]

    with pytest.raises(ParamsError, match=r"sizes \[3\] do not divide the 1024 rows"):
        _params.check(raw)


@pytest.mark.parametrize("feed", [from_memory, from_loader])
def test_a_feed_gives_every_row_once_an_epoch_in_a_new_order(feed):
    x_NF, y_N = torch.arange(12.0)[:, None], torch.arange(12)
    batches = list(islice(feed((x_NF, y_N), 4, seed=1), 6))
    orders = [torch.cat([y for _, y in batches[at : at + 3]]).tolist() for at in (0, 3)]

    assert all(x_BF[:, 0].tolist() == y_B.tolist() for x_BF, y_B in batches)
    assert [sorted(order) for order in orders] == [list(range(12))] * 2
    assert orders[0] != orders[1]


def test_the_plain_loop_takes_as_many_steps_as_it_is_asked_for(settings: Train):
    x_NF, y_N = torch.rand(8, settings.pixels**2), torch.zeros(8, dtype=torch.int64)
    taken: list[int] = []

    def feed():
        while True:
            taken.append(1)
            yield x_NF, y_N

    loop = PlainLoop(settings, feed(), steps=3)
    loop()
    loop()

    assert len(taken) == 6


def test_the_steps_to_a_level_lie_between_two_points_of_the_curve():
    curve = trained("a", "accuracy", "dev", [0.5, 0.7, 0.9, 0.6])

    assert steps_to_level(curve, "a", 0.8, start=0.1) == pytest.approx([25.0])
    assert steps_to_level(curve, "a", 0.3, start=0.1) == pytest.approx([5.0])
    assert np.isnan(steps_to_level(curve, "a", 0.95, start=0.1)).all()


def test_the_full_batch_stops_where_its_loss_first_meets_the_other():
    curve = trained("a", "loss", "train", [0.9, 0.4, 0.2, 0.3])
    sparse = Trained(curves=curve.curves.assign(epoch=[1, 11, 21, 31]))

    assert [epochs_to_loss(sparse, "a", level) for level in (0.95, 0.9)] == [1, 1]
    assert [epochs_to_loss(sparse, "a", level) for level in (0.65, 0.4, 0.3)] == [6, 11, 16]
    assert epochs_to_loss(sparse, "a", level=0.1) == 31


def test_the_best_rate_is_chosen_on_dev_and_never_a_diverged_one(settings: Train):
    value = dict.fromkeys(settings.rates, 0.2) | {settings.rates[1]: 0.8}
    value[settings.rates[2]] = np.nan
    rows = [(epoch_arm(8, r), 0, "accuracy", "dev", v) for r, v in value.items()]
    columns = ["arm", "seed", "metric", "split", "value"]
    chosen = best_rate(settings, Trained(trials=pd.DataFrame(rows, columns=columns)), 8)

    assert chosen == settings.rates[1]
    assert edge(settings, {8: chosen}, 8) is None
    assert edge(settings, {8: settings.rates[-1]}, 8) == (
        "the best rate of batch size 8 is at the edge of its grid"
    )


def test_a_race_counts_steps_times_the_time_of_a_step():
    """Batches of 8 take ten times the steps of 512, in a quarter of the time each: 2.5 times."""
    repeats, block = 30, RAW["evaluate"]
    steps = {f"batch {size}": [0.001 * size**0.5] * repeats for size in (1, 32)} | {
        "batch 8": [0.25] * repeats,
        "batch 512": [1.0] * repeats,
    }
    timings = {"steps": steps, "feeding": {"loader": [2.0] * repeats, "memory": [1.0] * repeats}}
    points = [(f"batch {n}, equal steps", "accuracy", "dev", 1, 128, 0.5) for n in (8, 512)]
    these = replace(
        results(),
        curves=pd.DataFrame(points, columns=["arm", "metric", "split", "epoch", "step", "mean"]),
        arrays={
            "sizes": np.array([8, 512]),
            "steps_to_level": np.array([[100.0] * 10, [10.0] * 10]),
        },
        records={
            "train": record("train", params={"train": RAW["train"]}, details={"timings": timings}),
            "evaluate": record("evaluate", params={"evaluate": block}),
        },
    )
    found = {item["id"]: item for item in report.timed(these, None)}

    assert list(found) == list(block["timed"])
    assert found["not_per_second"]["effect"] == pytest.approx(2.5)
    assert found["batching_raises_throughput"]["effect"] == pytest.approx(32 / 32**0.5)
    assert found["memory_beats_loader"]["effect"] == pytest.approx(2.0)
    assert all(item["verdict"] == "supported" for item in found.values())
