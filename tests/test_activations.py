"""Activations: arms, the gradients of untrained nets, how rates and relatives are chosen."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from stages import _params
from stages._inputs import Split
from stages._trained import Trained, numbers
from stages.experiments.activations import evaluate, report, train
from stages.models.mlp import mlp

BLOCK = _params.load().experiments["activations"]
META = {"classes": ["a", "b", "c"], "scaling": {"kind": "none"}}


@pytest.fixture
def rows() -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.normal(size=(40, 5)).astype(np.float32), rng.integers(0, 3, 40), META)


def test_every_net_has_an_arm_at_every_rate_and_the_deepest_sigmoid_a_longer_one(rows):
    splits = {"train": rows, "dev": rows}
    arms = {
        role: {run.arm for run in train.runs(BLOCK.train, role, splits)} for role in train.ROLES
    }
    table, digits = BLOCK.train.table.rates, BLOCK.train.digits.rates

    assert len(arms["table"]) == (7 * 3 + 1) * len(table)
    assert len(arms["digits"]) == (7 * 3 + 1 + 1) * len(digits)
    assert "digits, sigmoid x5, rate 1.60e-02, 4 times the steps" in arms["digits"]


def test_activations_of_a_repeat_start_from_equal_weights(rows):
    start = [train.net(BLOCK.train, rows, name, 3)(torch.Generator().manual_seed(1))
             for name in ("relu", "sigmoid")]  # fmt: skip

    assert all(torch.equal(a, b) for a, b in zip(*(n.parameters() for n in start), strict=True))
    assert [type(n[2]) for n in start] == [nn.ReLU, nn.Sigmoid]


def test_gradient_norms_are_those_of_finite_differences(rows):
    net = mlp([5, 4, 3], torch.Generator().manual_seed(2), activation="tanh").double()
    x_NF, y_N = torch.from_numpy(rows.x).double(), torch.from_numpy(rows.y)

    def loss() -> float:
        return nn.functional.cross_entropy(net(x_NF), y_N).item()

    weight, slopes = net[1].weight.data, []
    for i in range(weight.numel()):
        weight.view(-1)[i] += 1e-5
        up = loss()
        weight.view(-1)[i] -= 2e-5
        slopes.append((up - loss()) / 2e-5)
        weight.view(-1)[i] += 1e-5

    first, last = train.gradient_norms(net, (x_NF, y_N))
    assert first == pytest.approx(np.linalg.norm(slopes), rel=1e-5)
    assert last > 0


def test_sigmoids_shrink_gradients_more_than_relus_do(rows):
    norms = {
        name: np.array(
            [train.gradient_norms(train.net(BLOCK.train, rows, name, 5)(
                torch.Generator().manual_seed(s)), train.rows(rows)) for s in range(3)]
        )
        for name in ("relu", "sigmoid")
    }  # fmt: skip

    assert (evaluate._gradients(norms).measured.interval(0.95).effect) > 1


def made_up(dev: dict[str, float]) -> Trained:
    tables = [
        numbers(train.arm("digits", name, 3, rate), "accuracy", "dev", np.full(3, at - miss))
        for name, at in dev.items()
        for rate, miss in zip(BLOCK.train.digits.rates, (0.3, 0.0, 0.2, 0.3), strict=True)
    ]
    return Trained(trials=pd.concat(tables))


def test_the_family_is_compared_by_its_best_and_worst_member_on_dev():
    dev = {"relu": 0.9, "leaky_relu": 0.91, "relu6": 0.88, "elu": 0.95, "gelu": 0.89}
    test = {"relu": 0.5, "leaky_relu": 0.6, "relu6": 0.8, "elu": 1.0, "gelu": 0.7}
    trained = made_up(dev)
    nets = {}
    for name in dev:
        arms = [train.arm("digits", name, 3, rate) for rate in BLOCK.train.digits.rates]
        best = evaluate.best_on_dev(evaluate._dev(trained, arms), grid=arms)
        nets[name, 3] = best, np.full((3, 4), test[name])

    effect = evaluate._alike(BLOCK.evaluate, BLOCK.train, trained, nets)

    assert effect.undecided is None
    assert "elu x3, rate 4.00e-03) minus worst on dev (digits, relu6" in effect.arms
    assert effect.measured.interval(0.95).effect == pytest.approx(0.2)
    assert "within 0.500" in effect.note


def test_every_claim_has_its_sentence_and_every_sentence_its_claim():
    assert set(report.STATEMENTS) == set(BLOCK.evaluate.claims)
