"""Facts of initial weights and the experiment's own functions, on nets of a few units."""

import numpy as np
import pytest
import torch
from torch import nn

from stages import _params
from stages._claims import best_on_dev
from stages._inputs import Split
from stages._trained import Trained
from stages.experiments.weight_init import evaluate, report, train
from stages.models import initial_weights as initial
from stages.models import units
from stages.models.mlp import linear, mlp

BLOCK = _params.load().experiments["weight_init"]
PLACE = train.problem(BLOCK.train.digits, 3)
META = {"classes": list("abc"), "scaling": {"kind": "divide", "by": 255}}


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def digits(rows: int) -> Split:
    x = np.random.default_rng(0).integers(0, 256, (rows, 28, 28)).astype(np.uint8)
    return Split(x, np.arange(rows) % 3, META)


@pytest.mark.parametrize("name", initial.SCHEMES)
def test_a_scheme_has_the_deviation_it_promises_and_leaves_biases_alone(name: str):
    layer = linear(300, 100, draws())
    bias = layer.bias.clone()

    initial.Scheme(name)(layer, draws(1))

    promised = initial.promised(name, 300, 100)
    assert layer.weight.std().item() == pytest.approx(promised, rel=0.02)
    assert torch.equal(layer.bias, bias)
    if "normal" not in name:
        assert layer.weight.abs().max() <= promised * 3**0.5


def test_a_formula_that_is_another_schemes_would_not_hold():
    assert initial.promised("default", 100, 100) == pytest.approx(0.1 / 3**0.5)
    assert initial.promised("xavier_normal", 100, 100) == pytest.approx(0.1)
    assert initial.promised("kaiming_uniform", 100, 100) == pytest.approx(0.02**0.5)


def test_starts_of_a_repeat_share_their_draws():
    narrow, wide = (initial.Deviation(d)(mlp([5, 4, 3], draws()), draws(2)) for d in (0.1, 0.3))
    xavier, kaiming = (
        initial.Scheme(f"{name}_normal")(mlp([5, 4, 3], draws()), draws(2))
        for name in ("xavier", "kaiming")
    )

    for a, b in zip(narrow.parameters(), wide.parameters(), strict=True):
        torch.testing.assert_close(3 * a, b)
    factor = xavier[1].weight / kaiming[1].weight
    torch.testing.assert_close(factor, torch.full_like(factor, factor[0, 0].item()))


def test_no_start_touches_the_global_generator():
    before = torch.get_rng_state()
    for start in train.starts(BLOCK.train):
        train.net((4, 3, 3, 2), draws(), start)

    assert torch.equal(torch.get_rng_state(), before)


def test_a_zero_layer_has_no_weights_but_its_biases_and_the_other_layers_stay():
    zero, whole = train.net((4, 3, 3, 2), draws(), initial.ZeroLayer(2)), mlp((4, 3, 3, 2), draws())

    same = [torch.equal(a, b) for a, b in zip(zero.parameters(), whole.parameters(), strict=True)]
    assert same == [True, True, False, True, True, True]
    assert not zero[3].weight.any()


def test_equal_units_stay_equal_and_random_ones_do_not():
    x_NF, y_N = torch.randn(9, 4, generator=draws(), dtype=torch.float64), torch.arange(9) % 3
    equal = initial.Constant(0.3)(mlp([4, 5, 3], draws()).double(), draws())
    random = mlp([4, 5, 3], draws()).double()
    start = equal[1].weight.clone()
    for net in (equal, random):
        units.descend(net, x_NF, y_N, rate=0.1, steps=5)

    assert (equal[1].weight - start).abs().max() > 1e-3
    assert max(units.spreads(equal)) < 1e-12
    assert min(units.spreads(random)) > 0.1


def test_one_step_of_descent_is_sgds():
    x_NF, y_N = torch.randn(9, 4, generator=draws()), torch.arange(9) % 3
    ours, theirs = mlp([4, 5, 3], draws()), mlp([4, 5, 3], draws())
    units.descend(ours, x_NF, y_N, rate=0.1, steps=1)
    nn.functional.cross_entropy(theirs(x_NF), y_N).backward()
    torch.optim.SGD(theirs.parameters(), 0.1).step()

    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_there_are_25_deviations_from_a_ten_thousandth_to_ten_with_a_thirtieth_in_their_midst():
    values = [start.deviation for start in train.deviations(BLOCK.train)]

    assert len(values) == 25
    assert (values[0], values[12], values[-1]) == (1e-4, 0.0316, 10.0)


def test_all_numbers_of_digits_are_trained_for_equally_many_steps():
    some = BLOCK.train.model_copy(
        update={
            "repeats": 1,
            "digits": BLOCK.train.digits.model_copy(update={"rows": [100, 200, None], "steps": 28}),
        }
    )
    runs = list(train.scheme_runs(some, {"train": digits(350), "dev": digits(9)}, seed=3))

    assert {len(run.task.x): run.epochs for run in runs} == {100: 14, 200: 7, 350: 4}
    assert {run.epochs * len(run.task.x) for run in runs} == {28 * 50}
    assert len({run.arm for run in runs}) == len(runs) == 3 * 2 * 5 * 4


def test_few_digits_are_others_in_each_repeat_and_keep_their_labels():
    rows = torch.arange(50.0)[:, None], torch.arange(50)
    first, second = (train.some(rows, 10, seed=3, repeat=repeat) for repeat in range(2))

    assert not torch.equal(first[1], second[1])
    assert torch.equal(first[0][:, 0].long(), first[1])
    assert train.some(rows, None, 3, 0) is rows


def test_the_default_shrinks_gradients_and_kaiming_does_not():
    norms = train.untrained(BLOCK.train.model_copy(update={"repeats": 3}), digits(40), seed=3)
    effect = evaluate.gradients(Trained(weights=norms), 8)

    assert norms["untrained default/norms"].shape == (3, 9)
    assert effect.measured.interval(0.95).effect > 1


def test_the_plateau_is_where_neighbours_are_best_together_and_a_trend_in_it_is_seen():
    starts = train.deviations(BLOCK.train)
    arms = [train.arm(PLACE, start) for start in starts]
    level = np.array([0.1] * 5 + [0.9] * 8 + [0.3] * 12)
    trend = level + np.where(level == 0.9, np.linspace(-0.07, 0.07, 25), 0)
    dev = {arm: np.full(3, value) for arm, value in zip(arms, trend, strict=True)}

    def effect(values: np.ndarray) -> evaluate.Effect:
        found = {arm: np.full((3, 4), value) for arm, value in zip(arms, values, strict=True)}
        return evaluate.plateau(8, BLOCK.train, dev, found, PLACE)

    assert f"{starts[5]} to {starts[12]}" in effect(level).arms
    assert effect(level).measured.interval(0.95).effect == pytest.approx(0)
    rise = trend[12] - trend[5]
    assert effect(trend).measured.interval(0.95).effect == pytest.approx(rise)
    assert f"within {rise:.3f}" in effect(trend).note


def test_a_gain_compares_the_special_scheme_that_is_best_on_dev_with_the_default():
    names = list(BLOCK.train.schemes)
    dev = {n: np.full(3, v) for n, v in zip(names, (0.99, 0.7, 0.6, 0.9, 0.8), strict=True)}
    chosen = {
        evaluate.scheme(BLOCK.train.digits, 3, 500, name): (
            best_on_dev({name: dev[name]}),
            np.full((3, 4), at),
        )
        for name, at in zip(names, (0.5, 1.0, 1.0, 0.75, 1.0), strict=True)
    }

    (best, default), gain_SR = evaluate.gain(BLOCK.train, dev, chosen, 3, 500)

    assert (best.arm, default.arm) == ("kaiming_normal", "default")
    np.testing.assert_allclose(gain_SR, 0.25)


def test_every_claim_has_its_sentence_and_every_sentence_its_claim():
    assert set(report.STATEMENTS) == set(BLOCK.evaluate.claims)
