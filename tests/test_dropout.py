"""Facts of the dropout experiment and its own functions, on nets of a few units."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from stages import _params
from stages._claims import ClaimSettings, decide
from stages._inputs import Split
from stages.experiments.dropout import evaluate, train
from stages.experiments.dropout.params import Scaling, Train
from stages.models.mlp import mlp

SEED = 7


@pytest.fixture(scope="module")
def settings() -> Train:
    block: Train = _params.load().experiments["dropout"].train
    return block


def states(sizes: tuple[int, ...], repeats: int = 3) -> dict[str, np.ndarray]:
    nets = [
        mlp(sizes, torch.Generator().manual_seed(s), dropout=0.5).state_dict()
        for s in range(repeats)
    ]
    return {name: torch.stack([net[name] for net in nets]).numpy() for name in nets[0]}


def digits(rows: int) -> Split:
    x = np.random.default_rng(SEED).integers(0, 256, (rows, 4, 4)).astype(np.uint8)
    meta = {"classes": list("abc"), "scaling": {"kind": "divide", "by": 255}}
    return Split(x, np.arange(rows) % 3, meta)


def test_the_nets_have_the_sizes_of_the_course(settings: Train):
    generator = torch.Generator()
    sizes = {
        17025: train.doughnut_sizes(settings.doughnuts),
        255: (4, *settings.flowers.hidden, 3),
        118282: (784, *settings.digits.hidden, 10),
    }
    for count, layers in sizes.items():
        assert sum(p.numel() for p in mlp(layers, generator).parameters()) == count


def test_doughnuts_are_split_into_320_and_80_rows_of_their_own_with_as_many_of_either(
    settings: Train,
):
    (x_NF, y_N), (held_NF, held_N) = train.split_rows(settings.doughnuts, SEED, 0)

    assert (len(y_N), len(held_N)) == (320, 80)
    assert (y_N.float().mean(), held_N.float().mean()) == (0.5, 0.5)
    assert len(torch.cat([x_NF, held_NF]).unique(dim=0)) == 400


def test_repeats_get_doughnuts_and_digits_of_their_own(settings: Train):
    first, second = (train.split_rows(settings.doughnuts, SEED, s)[0][0] for s in range(2))
    few = settings.digits.model_copy(update={"rows": 5})
    small = settings.model_copy(update={"repeats": 2, "digits": few})
    splits = {"train": digits(60), "dev": digits(6)}
    tasks = {run.repeat: run.task for run in train.digit_runs(small, splits, SEED)}

    assert not torch.equal(first, second)
    assert not torch.equal(tasks[0].x, tasks[1].x)


def test_all_rates_of_a_problem_share_their_rows(settings: Train):
    runs = list(train.doughnut_runs(settings.model_copy(update={"repeats": 1}), SEED))

    assert len(runs) == len(settings.dropout) + len(settings.doughnuts.adam_dropout)
    assert len({id(run.task) for run in runs}) == 1


def test_with_dropout_off_the_layers_end_in_what_the_net_itself_gives():
    x_NF = torch.randn(6, 2, generator=torch.Generator().manual_seed(SEED))
    weights = states((2, 5, 4, 3))
    hidden = train.layers(weights, x_NF)

    assert [h.shape for h in hidden] == [(3, 6, 5), (3, 6, 4), (3, 6, 3)]
    torch.testing.assert_close(hidden[-1], train.outputs(weights, x_NF))


def test_with_dropout_on_units_are_switched_off_at_the_rate_and_the_others_scaled():
    x_NF = torch.ones(2000, 2)
    weights = states((2, 8, 1))
    off = train.layers(weights, x_NF)[0]
    on = train.layers(weights, x_NF, 0.25, torch.Generator().manual_seed(SEED))[0]
    alive = off > 0
    kept = on[alive] > 0

    assert float(kept.float().mean()) == pytest.approx(0.75, abs=0.02)
    torch.testing.assert_close(on[alive][kept], (off[alive] / 0.75)[kept])


def test_at_rate_0_it_makes_no_difference_that_dropout_is_on(settings: Train):
    rows = train.split_rows(settings.doughnuts, SEED, 0)[0]
    weights = states((2, 8, 1))
    on = train.with_dropout(settings, weights, 0.0, rows, SEED)

    off = train.right(train.outputs(weights, rows[0]), rows[1]).double().mean(1)
    np.testing.assert_allclose(on, off)


def test_one_output_is_a_logit_and_several_are_scores_of_classes():
    logit_SNC = torch.tensor([[[-1.0], [2.0]]])
    score_SNC = torch.tensor([[[0.1, 0.2, 0.9], [0.3, 0.2, 0.1]]])

    assert train.right(logit_SNC, torch.tensor([0, 0])).tolist() == [[True, False]]
    assert train.right(score_SNC, torch.tensor([2, 1])).tolist() == [[True, False]]


def test_the_mean_over_all_masks_is_the_input():
    x_U = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)

    torch.testing.assert_close(evaluate.mean_of_all_masks(x_U, 0.3), x_U)


def test_dropout_scales_what_it_keeps_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    effect = evaluate.inverted_scaling(Scaling(rates=[0.0, 0.5], units=4), SEED)
    settings = {"c": ClaimSettings(kind="identity", tolerance=1e-12)}

    assert torch.equal(torch.get_rng_state(), before)
    assert decide(settings, {"c": effect})[0]["verdict"] == "fails"  # rate 0 leaves ones as ones
    effect = evaluate.inverted_scaling(Scaling(rates=[0.1, 0.5], units=4), SEED)
    assert decide(settings, {"c": effect})[0]["verdict"] == "holds"


@pytest.mark.parametrize(("worse", "verdict"), [(0.2, "supported"), (-0.2, "contradicted")])
def test_two_things_hold_together_only_if_the_worse_does(worse: float, verdict: str):
    rng = np.random.default_rng(SEED)
    table: Callable[[float], np.ndarray] = lambda mean: rng.normal(mean, 0.01, (10, 50))  # noqa: E731
    measured = evaluate.both(table(0.5), table(worse))
    effect = evaluate.Effect(measured, "m", "a", "ours")
    claim = ClaimSettings(kind="claim", direction="greater", margin=0.0, reason="any")

    item = decide({"c": claim}, {"c": effect})[0]

    assert item["verdict"] == verdict
    assert item["effect"] == pytest.approx(worse, abs=0.01)


def test_the_correlation_leaves_out_units_that_never_change():
    h_RU = np.random.default_rng(SEED).normal(size=(4000, 3))
    copies_RU = np.column_stack([h_RU[:, 0], -h_RU[:, 0], np.zeros(4000)])

    assert evaluate.correlation(copies_RU) == pytest.approx(1)
    assert evaluate.correlation(h_RU) < 0.05


def test_the_notebooks_results_belong_to_the_first_rates(settings: Train):
    report = _params.load().experiments["dropout"].report
    for reference in (report.doughnuts, report.flowers):
        assert len(reference.train) == len(reference.test) <= len(settings.dropout)


def test_the_expected_time_grows_with_the_repeats(settings: Train):
    rows = {"flowers": 90, "digits": 3500}
    more = settings.model_copy(update={"repeats": 2 * settings.repeats})

    assert train.expected_seconds(more, rows) == 2 * train.expected_seconds(settings, rows)
