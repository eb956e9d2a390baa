"""Gradient descent: the course's known places, and what planted mistakes do to the verdicts."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from stages import _claims, _evaluation, _params, _results
from stages import _figures as draw
from stages.experiments.gradient_descent import evaluate as checks
from stages.experiments.gradient_descent import report
from stages.experiments.gradient_descent import train as by_hand
from stages.models import landscapes
from stages.models.landscapes import LANDSCAPES

SEED = 5


@pytest.fixture(scope="module")
def block():
    """The experiment's block with fewer repeats."""
    whole = _params.load().experiments["gradient_descent"]
    train = whole.train
    starts = train.starts.model_copy(update={"repeats": 60, "grid": 400})
    schedules = train.schedules.model_copy(update={"repeats": 40})
    hessians = train.hessians.model_copy(update={"repeats": 4000})
    small = {"steps": 300, "starts": starts, "schedules": schedules, "hessians": hessians}
    evaluate = whole.evaluate.model_copy(update={"points": 50})
    return replace(whole, train=train.model_copy(update=small), evaluate=evaluate)


@pytest.fixture(scope="module")
def lowest():
    """The minima of every landscape."""
    return {name: landscapes.minima(land) for name, land in LANDSCAPES.items()}


@pytest.fixture(scope="module")
def trained(block):
    """What training leaves."""
    return by_hand.train(block.train, {}, SEED, None)


@pytest.fixture(scope="module")
def evaluated(block, trained):
    """What evaluation finds."""
    return checks.evaluate(block.evaluate, block.train, trained, {}, SEED)


def verdict(block, effects, name):
    only = {name: block.evaluate.claims[name]}
    return _claims.decide(only, {name: effects[name]})[0]["verdict"]


def descended(name, start, rate=0.01, steps=1000):
    point = torch.tensor(start, dtype=torch.float64)
    return by_hand.end(LANDSCAPES[name].slope, point, rate, steps).tolist()


def test_the_minima_are_those_of_the_course(lowest):
    inner = [round(x, 3) for x in lowest["cosine"].flatten().tolist() if abs(x) < 2]
    assert inner == [-1.425, -0.476, 0.476, 1.425]
    assert lowest["parabola"].tolist() == [[0.5]]
    assert np.round(lowest["sine"].flatten().numpy(), 4).tolist() == [-7.2281, -1.4289, 4.3058]
    assert np.round(lowest["surface"].numpy(), 4).tolist() == [
        [-1.3474, 0.2045], [0.2283, -1.6255], [0.2964, 0.3202],
    ]  # fmt: skip
    values = LANDSCAPES["surface"].value(lowest["surface"])
    assert np.round(values.numpy(), 3).tolist() == [-3.05, -6.551, -0.065]


@pytest.mark.parametrize(
    ("name", "start", "rate", "end"),
    [
        ("surface", (-0.5605, -1.3588), 0.01, (0.2283, -1.6255)),
        ("surface", (-0.5486, 0.5435), 0.01, (-1.3474, 0.2045)),
        ("surface", (0.0, 1.4), 0.01, (0.2964, 0.3202)),
        ("surface", (0.0, 1.4), 1e-5, (0.003, 1.332)),
        ("sine", (0.0,), 0.0020408164, (-1.223,)),
        ("sine", (0.0,), 0.0040816327, (-1.403,)),
        ("cosine", (0.0,), 0.01, (0.0,)),
        ("cosine", (-1e-4,), 0.01, (-0.4758,)),
    ],
)
def test_descents_end_where_those_of_the_course_do(name, start, rate, end):
    assert descended(name, start, rate) == pytest.approx(end, abs=5e-4)


def test_a_large_rate_throws_descent_out_to_where_the_surface_is_flat():
    far = torch.tensor(descended("surface", (0.0, 1.4), rate=0.5), dtype=torch.float64)

    assert far.norm() > 4
    assert LANDSCAPES["surface"].slope(far).abs().max() < 1e-3


def test_a_hundred_steps_on_the_parabola_end_as_in_the_notebook():
    assert descended("parabola", (1.006,), steps=100) == [pytest.approx(0.50104, abs=5e-6)]


def test_every_schedule_but_that_by_slope_has_the_course_s_mean_rate(block):
    rate_T = by_hand.schedule_rates(block.train.schedules)

    assert (len(rate_T), float(rate_T.mean()), float(rate_T[-1])) == (50, pytest.approx(0.049), 0)


def test_minima_are_as_rare_as_theory_says(trained):
    share_D = trained.weights["hessians/minimum"].mean(0)
    theory = np.array(report.THEORY)[: len(share_D)]
    error = np.sqrt(theory * (1 - theory) / 4000)

    assert (np.abs(share_D - theory) < 4 * error).all()
    assert math.isclose(theory[1], 0.1464, abs_tol=1e-4)


def test_every_identity_holds(block, evaluated):
    items = _claims.decide(block.evaluate.claims, evaluated.effects)

    found = {item["id"]: item["verdict"] for item in items if item["kind"] == "identity"}
    assert len(found) == 7
    assert set(found.values()) == {"holds"}


def plant_slope(monkeypatch, name, slope):
    land = replace(LANDSCAPES[name], slope=slope)
    monkeypatch.setitem(LANDSCAPES, name, land)


def slope_upside_down(monkeypatch):
    plant_slope(monkeypatch, "sine", lambda x: -landscapes.sine_slope(x))


def factor_forgotten(monkeypatch):
    right = LANDSCAPES["cosine"].slope
    plant_slope(monkeypatch, "cosine", lambda x: right(x) + 0.01 * torch.sin(2 * math.pi * x))


def axes_exchanged(monkeypatch):
    plant_slope(monkeypatch, "surface", lambda x: landscapes.surface_slope(x).flip(-1))


def curvature_halved(monkeypatch):
    right = landscapes.curvature
    monkeypatch.setattr(checks, "curvature", lambda *a: (right(*a)[0] / 2, right(*a)[1]))


def rate_squared(monkeypatch):
    right = by_hand.rate_paths
    monkeypatch.setattr(by_hand, "rate_paths", lambda n, s, r, t: right(n, s, r**2 / r.max(), t))


def momentum_added(monkeypatch):
    right = by_hand.descend

    def descend(slope, start, rate, steps, noise=None):
        return right(lambda x: 1.5 * slope(x), start, rate, steps, noise)

    monkeypatch.setattr(by_hand, "descend", descend)


def hill_taken_for_flat(monkeypatch):
    plant_slope(monkeypatch, "cosine", lambda x: landscapes.cosine_slope(x) + 1e-3)


@pytest.mark.parametrize(
    ("plant", "failing"),
    [
        (slope_upside_down, ["slope_changes_sign", "gradient_is_the_partials"]),
        (factor_forgotten, ["gradient_is_the_partials"]),
        (axes_exchanged, ["gradient_is_the_partials"]),
        (curvature_halved, ["ends_near_not_on", "diverges_beyond_two_over_curvature",
                            "schedule_order_is_irrelevant_without_noise"]),
        (rate_squared, ["rate_times_steps"]),
        (momentum_added, ["ends_near_not_on", "diverges_beyond_two_over_curvature"]),
        (hill_taken_for_flat, ["flat_is_not_minimum"]),
    ],
)  # fmt: skip
def test_a_planted_mistake_makes_its_identity_fail(
    block, trained, lowest, monkeypatch, plant, failing
):
    plant(monkeypatch)
    parts = [
        checks.slopes(block.evaluate, SEED),
        checks.beside_minima(block.evaluate, block.train, trained, lowest),
        checks.schedules(block.evaluate, block.train, trained),
    ]
    effects = _evaluation.join(*parts).effects

    assert {name: verdict(block, effects, name) for name in failing} == dict.fromkeys(
        failing, "fails"
    )


def test_a_path_that_ends_on_the_minimum_breaks_the_identity_of_ending_near_it():
    path_ST = np.full((1, 101), 0.5)

    assert checks.parabola_errors(0.01, path_ST)[-1] == 1.0


def test_places_within_reach_of_a_minimum_are_not_flat(block, lowest):
    setup = block.evaluate.flat.model_copy(update={"radius": 2.0})
    effect = checks.flat(setup, block.train, lowest)

    assert verdict(block, {"flat_is_not_minimum": effect}, "flat_is_not_minimum") == "fails"


def test_a_schedule_whose_order_matters_breaks_the_theorem(block, trained):
    weights = {**trained.weights, "reversed/path": trained.weights["by slope/path"]}
    effects = checks.schedules(block.evaluate, block.train, replace(trained, weights=weights))
    name = "schedule_order_is_irrelevant_without_noise"

    assert verdict(block, effects.effects, name) == "fails"


def test_starts_that_all_end_together_contradict_that_the_start_decides(block, trained, lowest):
    together = {
        f"{name} random/end": np.zeros_like(trained.weights[f"{name} random/end"])
        for name in landscapes.HILLY
    }
    spoilt = replace(trained, weights={**trained.weights, **together})
    effects = checks.starts(block.evaluate, spoilt, lowest).effects

    assert verdict(block, effects, "start_decides_minimum") == "contradicted"
    assert verdict(block, effects, "restarts_find_global") == "contradicted"


def test_exchanged_schedules_contradict_that_falling_rates_end_nearer(block, trained):
    one, other = "decay, noise/path", "reversed, noise/path"
    exchanged = {one: trained.weights[other], other: trained.weights[one]}
    spoilt = replace(trained, weights={**trained.weights, **exchanged})
    effects = checks.schedules(block.evaluate, block.train, spoilt).effects

    assert verdict(block, effects, "decay_beats_reversed_with_noise") == "contradicted"


def test_minima_that_stay_contradict_that_dimensions_remove_them(block):
    minimum_SD = np.tile([[True] * 5, [False] * 5], (50, 1))
    effects = checks.dimensions(minimum_SD).effects

    assert verdict(block, effects, "minima_rarer_in_high_dimension") == "contradicted"


def test_the_expected_time_grows_with_the_starts(block):
    more = block.train.starts.model_copy(update={"repeats": 60_000})
    longer = block.train.model_copy(update={"starts": more})

    assert by_hand.expected_seconds(longer, {}) > 2 * by_hand.expected_seconds(block.train, {})


def test_every_claim_has_its_sentence_and_every_figure_can_be_drawn(block, trained, evaluated):
    claims = _claims.decide(block.evaluate.claims, evaluated.effects)
    trials = _evaluation.test_trials(evaluated)
    results = _results.Results(
        name="gradient_descent",
        metrics={"headline": evaluated.headline},
        arms=_evaluation.arms(trials, evaluated.rows),
        curves=_evaluation.curves(trained.curves),
        trials=trials,
        claims=claims,
        arrays=evaluated.arrays,
    )
    with draw.style():
        names = [figure.name for figure in report.figures(results, block.report)]
    rows = {row.what: row.ours for row in report.compared(results, block.report)}

    _results.match("gradient_descent", report.STATEMENTS, claims)
    assert set(report.HEADLINE) == set(evaluated.headline)
    assert names == ["surface", "curves", "rate_and_steps", "starts", "schedules", "minima"]
    assert rows["parabola from 1.006, end"] == "0.50104"
    assert rows["sine from 0, 1000 steps at .00204, end"] == "-1.223"
