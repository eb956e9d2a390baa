"""params.yaml: what is accepted, and the one line that says what is not."""

import copy
from pathlib import Path
from typing import Any

import pytest

from stages import _digest, _params
from stages._params import Band, ParamsError

ROOT = Path(__file__).parent.parent


@pytest.fixture
def raw() -> dict[str, Any]:
    return copy.deepcopy(_params.read(ROOT / "params.yaml"))


def put(raw: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split("/")
    for step in steps:
        raw = raw[step]
    raw[last] = value


TRAIN = "experiments/optimizers/train"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", 1, "sed: unknown key; did you mean 'seed'?"),
        ("seed", -1, "seed: -1 is not a whole number of at least 0"),
        ("seed", True, "seed: True is not a whole number of at least 0"),
        ("plan", "stack", "plan: 'stack' is no plan of the engine; did you mean 'stacked'?"),
        ("profile", 3, "profile: 3 is not a name"),
        ("datasets", ["iris"], "datasets: ['iris'] should be a mapping of names to values"),
        ("datasets/mnsit", {}, "datasets.mnsit: there is no stages/datasets/mnsit; did you mean"),
        ("experiments/optimizer", {}, "did you mean 'optimizers'?"),
        ("experiments/optimizers/trian", {}, "optimizers.trian: unknown key; did you mean 'train'"),
        ("experiments/optimizers/data", "mnsit", "data: 'mnsit' should be a mapping of role to "
         "dataset, {digits: <dataset>}; did you mean 'mnist'?"),
        ("experiments/optimizers/data/digits", "mnsit", "is no dataset; did you mean 'mnist'?"),
        ("experiments/optimizers/data/digit", "mnist", "digit: unknown key; did you mean 'digits'"),
        (f"{TRAIN}/typo", 1, "experiments.optimizers.train.typo: unknown key"),
        (f"{TRAIN}/epoch", 1, "train.epoch: unknown key; did you mean 'epochs'?"),
        (f"{TRAIN}/rates", [-1.0, 0.1], "train.rates.0: -1.0: should be greater than 0"),
        (f"{TRAIN}/rates", [0.1], "train.rates: [0.1]: "),
        (f"{TRAIN}/epochs", "12", "train.epochs: '12': should be a valid integer"),
        (f"{TRAIN}/momentum", 1.5, "train.momentum: 1.5: should be less than 1"),
        (f"{TRAIN}/optimizers", ["adm"], "train.optimizers.0: 'adm' is not allowed; did you mean"),
        (f"{TRAIN}/rescue/rat", 1.0, "rescue.rat: unknown key; did you mean 'rate'?"),
        ("experiments/optimizers/evaluate/claims/best_rates_equalise/margn", 1.0,
         "claims.best_rates_equalise.margn: unknown key; did you mean 'margin'?"),
        ("experiments/optimizers/thresholds", {"x": {}}, "a threshold needs min, max or verdict"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(raw, path, value, message):
    put(raw, path, value)

    with pytest.raises(ParamsError) as error:
        _params.check(raw)

    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(raw):
    del raw["experiments"]["optimizers"]["train"]["epochs"]

    with pytest.raises(ParamsError, match=r"^experiments.optimizers.train.epochs: missing$"):
        _params.check(raw)


def test_an_unknown_experiment_is_named_with_the_nearest(raw):
    with pytest.raises(ParamsError, match="did you mean 'optimizers'"):
        _params.check(raw).experiment("optimisers")


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_a_file_that_is_no_mapping_is_named(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)

    with pytest.raises(ParamsError, match=r"params.yaml|profile: missing"):
        _params.check(_params.read(tmp_path / "params.yaml"))


def test_a_missing_file_says_where_to_be(tmp_path):
    with pytest.raises(ParamsError, match="root folder"):
        _params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("band", "measured", "holds"),
    [
        (Band(min=0.5), 0.5, True),
        (Band(min=0.5), 0.4, False),
        (Band(max=0.5), 0.6, False),
        (Band(min=0.1, max=0.5), 0.3, True),
        (Band(min=0.0), float("nan"), False),
        (Band(min=0.0), None, False),
        (Band(verdict="supported"), "supported", True),
        (Band(verdict="supported"), "undecided", False),
    ],
)
def test_a_threshold_is_a_band_or_a_verdict(band, measured, holds):
    assert band.holds(measured) is holds


def test_the_digest_follows_what_the_metrics_depend_on(raw):
    before = _digest.params_hash(raw, "optimizers")
    others = copy.deepcopy(raw)
    put(others, "experiments/optimizers/report/accuracy_from", 0.5)
    put(others, "experiments/cross_validation/train/repeats", 11)
    put(others, "experiments/optimizers/thresholds", {"headline.best_accuracy": {"min": 0.5}})
    assert _digest.params_hash(others, "optimizers") == before

    for path, value in [
        ("seed", 1),
        (f"{TRAIN}/epochs", 1),
        ("datasets/mnist/variant", "full"),
        ("experiments/optimizers/evaluate/loss_scale/steps", 1),
    ]:
        changed = copy.deepcopy(raw)
        put(changed, path, value)
        assert _digest.params_hash(changed, "optimizers") != before
