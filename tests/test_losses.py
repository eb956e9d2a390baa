"""Softmax, entropy, losses: the course's known numbers, and what planted mistakes do."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from stages import _claims, _evaluation, _params, _results
from stages import _figures as draw
from stages.experiments.losses import evaluate as checks
from stages.experiments.losses import report
from stages.experiments.losses import train as nets
from stages.models import by_hand, by_torch

SEED = 5


@pytest.fixture(scope="module")
def block():
    """The experiment's block with fewer repeats and steps."""
    whole = _params.load().experiments["losses"]
    small = {"repeats": 3, "per_class": 20, "steps": 30, "watch_every": 7, "twin_steps": 5}
    evaluate = whole.evaluate.model_copy(update={"cases": 40, "rows": 10})
    return replace(whole, train=whole.train.model_copy(update=small), evaluate=evaluate)


@pytest.fixture(scope="module")
def trained(block):
    """What training leaves."""
    return nets.train(block.train, {}, SEED, None)


@pytest.fixture(scope="module")
def evaluated(block, trained):
    """What evaluation finds."""
    return checks.evaluate(block.evaluate, block.train, trained, {}, SEED)


def verdicts(block, evaluated):
    items = _claims.decide(block.evaluate.claims, evaluated.effects)
    return {item["id"]: item["verdict"] for item in items}


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_the_softmax_of_1_2_3_is_the_course_s():
    expected = numbers(0.09003, 0.24473, 0.66524)

    assert torch.allclose(by_hand.softmax(numbers(1, 2, 3)), expected, atol=5e-6)


def test_a_softmax_of_large_numbers_is_finite():
    assert by_hand.softmax(numbers(1000, 0)).tolist() == [1, 0]


def test_entropies_and_cross_entropies_are_the_course_s():
    assert float(by_hand.entropy(numbers(0.25))) == pytest.approx(0.562335, abs=5e-7)
    cat = by_hand.binary_cross_entropy(numbers(0.25, 0.75), numbers(1, 0))
    assert cat.tolist() == pytest.approx([1.386294] * 2, abs=5e-7)
    assert float(by_hand.binary_cross_entropy(by_hand.sigmoid(numbers(2)), numbers(1))) == (
        pytest.approx(0.1269, abs=5e-5)
    )


def test_cross_entropy_with_one_softmax_and_with_two_is_the_notebook_s():
    z_NC, y_NC = numbers(1, 4, 3).expand(3, 3), torch.eye(3, dtype=torch.float64)

    once, twice = (by_hand.LOSSES[name](z_NC, y_NC)[0].tolist() for name in nets.ARMS.values())
    assert once == pytest.approx([3.34901, 0.349012, 1.34901], abs=1e-5)
    assert twice == pytest.approx([1.43658, 0.766318, 1.21221], abs=1e-5)


def test_the_floor_of_two_softmaxes_is_reached_by_a_sure_answer_alone():
    sure, unsure = numbers(1000, 0, 0)[None], numbers(5, 0, 0)[None]
    y_NC = numbers(1, 0, 0)[None]

    floor = by_hand.double_softmax_floor(3)
    assert floor == pytest.approx(0.551, abs=5e-4)
    assert float(by_hand.double_cross_entropy(sure, y_NC)[0]) == pytest.approx(floor)
    assert float(by_hand.double_cross_entropy(unsure, y_NC)[0]) > floor


def test_the_correlation_loss_ignores_scale_and_offset_and_is_minus_one_at_best():
    y = numbers(0.0, 1.0, 3.0, 2.0)

    assert float(by_hand.correlation_loss(5 * y - 2, y)) == pytest.approx(-1)


def test_descent_by_hand_is_descent_by_torch_s_sgd(block):
    weights = {name: value[0] for name, value in nets.initial(block.train, SEED).items()}
    x_SNF, y_SNC = nets.clusters(block.train, SEED)
    module = by_torch.net(weights, "relu")
    optimizer = torch.optim.SGD(module.parameters(), lr=block.train.rate)
    for _ in range(block.train.steps):
        optimizer.zero_grad()
        functional.cross_entropy(module(x_SNF[0]), y_SNC[0]).backward()
        optimizer.step()

    start = {name: value[None] for name, value in weights.items()}
    *_, (_, _, last) = nets.descend(start, x_SNF[:1], y_SNC[:1], "cross-entropy", block.train)
    assert max(map(abs, by_torch.between({n: v[0] for n, v in last.items()},
                                         by_torch.weights_of(module)))) < 1e-12  # fmt: skip


def test_both_arms_start_from_the_same_weights_and_learn(trained, block):
    losses = {arm: trained.curves.query("arm == @arm").groupby("step")["value"].mean()
              for arm in nets.ARMS}  # fmt: skip

    assert list(losses["one softmax"].index) == [0, 7, 14, 21, 28, 30]
    assert all(loss.iloc[-1] < loss.iloc[0] for loss in losses.values())
    assert losses["two softmaxes"].min() > by_hand.double_softmax_floor(3)


def test_every_identity_holds(block, evaluated):
    found = verdicts(block, evaluated)

    assert len(found) == 14
    assert set(found.values()) == {"holds"}


def wrap(monkeypatch, module, name, change):
    right = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *a, **k: change(right(*a, **k)))


def softmax_not_normalised(monkeypatch):
    monkeypatch.setattr(by_hand, "softmax", lambda z: torch.exp(z) / torch.exp(z).amax(-1, True))


def softmax_upside_down(monkeypatch):
    wrong = torch.Tensor.softmax
    monkeypatch.setattr(by_hand, "softmax", lambda z: wrong(-z, -1))


def entropy_without_second_term(monkeypatch):
    monkeypatch.setattr(by_hand, "entropy", lambda p: -p * torch.log(p))


def entropy_in_bits_alone(monkeypatch):
    wrap(monkeypatch, by_hand, "entropy", lambda h: h / math.log(2))


def targets_exchanged(monkeypatch):
    right = by_hand.binary_cross_entropy
    monkeypatch.setattr(by_hand, "binary_cross_entropy", lambda q, y: right(q, 1 - y))


def floor_of_another_number_of_classes(monkeypatch):
    monkeypatch.setattr(by_hand, "double_softmax_floor", lambda C: math.log(1 + C / math.e))


def correlation_without_its_minus(monkeypatch):
    wrap(monkeypatch, by_hand, "correlation_loss", lambda r: -r)


def squared_error_without_its_mean_output(monkeypatch):
    monkeypatch.setattr(by_hand, "l2_average_loss", functional.mse_loss)


def tanh_of_half(monkeypatch):
    monkeypatch.setitem(by_hand.ACTIVATIONS, "tanh", lambda a: 2 * by_hand.sigmoid(a) - 1)


def range_of_the_sigmoid_too_narrow(monkeypatch):
    monkeypatch.setitem(by_torch.RANGES, "sigmoid", (0.0, 0.4, 1.0))


def mse_with_a_half(monkeypatch):
    wrap(monkeypatch, functional, "mse_loss", lambda loss: loss / 2)


def cost_as_a_sum(monkeypatch):
    right = by_hand.cross_entropy
    monkeypatch.setattr(by_hand, "cross_entropy", lambda z, y: [len(z) * x for x in right(z, y)])


def derivative_of_the_activation_forgotten(monkeypatch):
    monkeypatch.setitem(by_hand.DERIVATIVES, "sigmoid", torch.ones_like)


def inner_softmax_taken_for_the_identity(monkeypatch):
    def double(z, y):
        loss, down = by_hand.cross_entropy(by_hand.softmax(z), y)
        return loss, down

    monkeypatch.setitem(by_hand.LOSSES, "cross-entropy of a softmax", double)


def outgoing_weights_left_in_place(monkeypatch):
    right = by_torch.reordered
    monkeypatch.setattr(by_torch, "reordered", lambda w: {**right(w), "w2": w["w2"]})


def bias_left_out(monkeypatch):
    def without(weights, activation):
        module = by_torch.net(weights, activation)
        joined = torch.cat([weights["w1"], 0 * weights["b1"][:, None]], 1)
        module[0] = torch.nn.Linear(joined.shape[1], joined.shape[0], bias=False).double()
        module[0].load_state_dict({"weight": joined})
        return module

    monkeypatch.setattr(by_torch, "with_constant", without)


def code_from_one(monkeypatch):
    right = functional.one_hot
    monkeypatch.setattr(functional, "one_hot", lambda y, n=-1: right(y, n).roll(1, -1))


PLANTS = {
    softmax_not_normalised: ["softmax_sums_to_one"],
    softmax_upside_down: ["softmax_keeps_order", "softmax_sums_to_one"],
    entropy_without_second_term: ["entropy_in_nats_and_bits"],
    entropy_in_bits_alone: ["entropy_in_nats_and_bits"],
    targets_exchanged: ["cross_entropy_of_the_cat", "bce_with_logits_is_bce_of_sigmoid"],
    floor_of_another_number_of_classes: ["double_softmax_has_a_floor"],
    correlation_without_its_minus: ["custom_losses_match_formulas"],
    squared_error_without_its_mean_output: ["custom_losses_match_formulas"],
    tanh_of_half: ["activation_ranges", "hand_backprop_is_autograd"],
    range_of_the_sigmoid_too_narrow: ["activation_ranges"],
    mse_with_a_half: ["half_mse_halves_the_gradient", "hand_backprop_is_autograd"],
    cost_as_a_sum: ["cost_is_the_mean_loss"],
    derivative_of_the_activation_forgotten: ["hand_backprop_is_autograd"],
    inner_softmax_taken_for_the_identity: ["hand_backprop_is_autograd"],
    outgoing_weights_left_in_place: ["unit_order_does_not_matter"],
    bias_left_out: ["bias_is_the_weight_of_a_constant"],
    code_from_one: ["one_hot_is_dummies"],
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_mistake_makes_its_identity_fail(block, monkeypatch, plant):
    plant(monkeypatch)
    trained = nets.train(block.train, {}, SEED, None)
    found = verdicts(block, checks.evaluate(block.evaluate, block.train, trained, {}, SEED))

    assert {name: found[name] for name in PLANTS[plant]} == dict.fromkeys(PLANTS[plant], "fails")


def test_every_identity_has_a_planted_mistake(block):
    planted = {name for names in PLANTS.values() for name in names}

    assert planted == set(block.evaluate.claims)


def test_the_expected_time_grows_with_the_steps(block):
    longer = block.train.model_copy(update={"steps": 100_000})

    assert nets.expected_seconds(longer, {}) > 10 * nets.expected_seconds(block.train, {})


def test_every_claim_has_its_sentence_and_every_figure_can_be_drawn(block, trained, evaluated):
    claims = _claims.decide(block.evaluate.claims, evaluated.effects)
    results = _results.Results(
        name="losses",
        metrics={"headline": evaluated.headline},
        arms=_evaluation.arms(trained.trials, {}),
        curves=_evaluation.curves(trained.curves),
        trials=_evaluation.test_trials(evaluated),
        claims=claims,
        arrays={name: np.asarray(array) for name, array in evaluated.arrays.items()},
    )
    with draw.style():
        names = [figure.name for figure in report.figures(results, block.report)]
    rows = {row.what: row.ours for row in report.compared(results, block.report)}

    _results.match("losses", report.STATEMENTS, claims)
    assert set(report.HEADLINE) == set(evaluated.headline)
    assert names == ["two_softmaxes", "losses", "entropy", "activations", "softmax"]
    assert rows["entropy of p = .25, nats"] == "0.562335"
