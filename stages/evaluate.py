"""Evaluate one experiment in a fresh process, from stored weights; read its test split once.

In: data/trained/<experiment>, data/inputs/<experiment>/test. Out: data/evaluated/<experiment>
(claims, test numbers, arrays for the figures) and, in git, reports/{metrics,arms,curves}.
"""

import importlib
from pathlib import Path
from typing import Any

import pandas as pd

from stages import (
    _claims,
    _device,
    _digest,
    _entry,
    _evaluation,
    _files,
    _inputs,
    _settings,
    _trained,
)
from stages._evaluation import Evaluated
from stages._params import Params
from stages._records import Record, recording
from stages._trained import Trained

FOLDER = Path("data/evaluated")
REPORTS = Path("reports")


def main(experiment: str) -> None:
    """Evaluate one experiment."""
    _device.settle()
    params = _settings.of_experiment(experiment)
    block = params.experiment(experiment)
    module = importlib.import_module(f"stages.experiments.{experiment}.evaluate")
    with recording("evaluate", experiment) as record:
        trained, about = _trained.load(_trained.FOLDER / experiment)
        inputs = _inputs.load(experiment, "test")
        settings = about["settings"]
        train = type(block.train).model_validate(settings["train"])
        evaluated = module.evaluate(block.evaluate, train, trained, inputs, settings["seed"])
        timed = getattr(block.evaluate, "timed", {}).values()
        claims = _claims.decide(block.evaluate.claims, evaluated.effects, beside=timed)
        digest = _digest.digest(settings, _raw(params, experiment))
        data = {role: about["data"][role] | _inputs.counts(inputs[role]) for role in inputs}
        metrics = _evaluation.metrics(data, params.profile, digest, evaluated.headline, claims)
        record.outputs = _write(experiment, trained, evaluated, claims, metrics)
        _describe(record, params, experiment, digest)


def _write(
    experiment: str,
    trained: Trained,
    evaluated: Evaluated,
    claims: list[dict[str, Any]],
    metrics: dict[str, Any],
) -> list[Path]:
    """Write all outputs; return their paths."""
    folder = FOLDER / experiment
    tests = _evaluation.test_trials(evaluated)
    _files.write_json(folder / "claims.json", claims)
    _files.write_table(folder / "trials.parquet", tests)
    if evaluated.arrays:
        _files.write_tensors(folder / "arrays.safetensors", evaluated.arrays, {})
    path, arms, curves = (
        REPORTS / "metrics" / f"{experiment}.json",
        REPORTS / "arms" / f"{experiment}.csv",
        REPORTS / "curves" / f"{experiment}.csv",
    )
    _files.write_json(path, metrics)
    everything = pd.concat([t for t in (trained.trials, tests) if not t.empty] or [tests])
    _files.write_csv(arms, _evaluation.arms(everything, evaluated.rows))
    _files.write_csv(curves, _evaluation.curves(trained.curves))
    return [folder, path, arms, curves]


def _raw(params: Params, experiment: str) -> Any:
    return params.raw["experiments"][experiment]["evaluate"]


def _describe(record: Record, params: Params, experiment: str, digest: str) -> None:
    record.inputs = [_trained.FOLDER / experiment, _inputs.FOLDER / experiment / "test"]
    record.profile, record.params_hash = params.profile, digest
    record.params = {"evaluate": _raw(params, experiment)}


if __name__ == "__main__":
    _entry.run(main)
