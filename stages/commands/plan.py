"""`make plan`: what the present params.yaml will fetch and compute. Nothing runs.

In: params.yaml, data/catalog.yaml, what lies in data/. Out: datasets (size, sources, present or
not); experiments (expected seconds, and those of the last run if there was one); and, where the
inputs lie here, each sweep as the engine would train it: plan, groups, chunks, seconds.
"""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from stages import _device, _entry, _files, _inputs, _params, _records
from stages._params import Block, Experiment, Params
from stages.commands._dry import DryFit
from stages.sources import catalogue

RAW = Path("data/raw")


def main() -> None:
    """Print the plan of the profile in params.yaml."""
    params = _params.load()
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(f"Profile {params.profile!r}, seed {params.seed}")
    console.print(_datasets(params))
    console.print(_experiments(params))
    console.print(_sweeps(params))


def _datasets(params: Params) -> Table:
    table = Table("dataset", "variant", "MB", "sources, in order", "present", title="To fetch")
    missing = 0
    for name, block in params.datasets.items():
        variant = str(block.model_dump()["variant"])
        files = catalogue.load(name, variant).files.values()
        size = sum(file.bytes for file in files)
        kinds = dict.fromkeys(source.kind for file in files for source in file.sources)
        present = _present(name, variant)
        missing += 0 if present else size
        table.add_row(
            name, variant, f"{size / 1e6:.1f}", ", ".join(kinds), "yes" if present else "no"
        )
    table.caption = f"{missing / 1e6:.0f} MB are missing."
    return table


def _present(name: str, variant: str) -> bool:
    about = RAW / name / "about.json"
    return about.exists() and _files.read_json(about)["variant"] == variant


def _experiments(params: Params) -> Table:
    table = Table("experiment", "data", "expected s", "last run s", title="To compute, on 2 cores")
    rows = {name: _train_rows(block) for name, block in params.datasets.items()}
    total = 0.0
    for name, experiment in params.experiments.items():
        module = importlib.import_module(f"stages.experiments.{name}.train")
        own = {role: rows[dataset] for role, dataset in experiment.data.items()}
        expected = module.expected_seconds(experiment.train, own)
        total += expected
        data = ", ".join(dict.fromkeys(experiment.data.values()))
        table.add_row(name, data, f"{expected:.0f}", _last(name))
    table.caption = f"{total / 60:.0f} min of training; each stage's start adds 2 to 5 s."
    return table


def _sweeps(params: Params) -> Table:
    table = Table("experiment", "sweep", title=f"Sweeps, on {_device.workers()} workers")
    for name, experiment in params.experiments.items():
        if not (_inputs.FOLDER / name / "fit").exists():
            table.add_row(name, f"not known before its inputs are here: make run E={name}")
            continue
        fit = DryFit(params.seed, params.plan)
        rest = _plan(name, experiment, fit)
        lines = [line for plan in fit.plans for line in [*plan.describe().splitlines(), plan.note]]
        table.add_row(name, "\n".join([line for line in [*lines, rest] if line]) or "none")
    return table


def _plan(name: str, experiment: Experiment, fit: DryFit) -> str:
    """Fill `fit` with the plans of an experiment; return what could not be foreseen."""
    module = importlib.import_module(f"stages.experiments.{name}.train")
    try:
        module.train(experiment.train, _inputs.load(name, "fit"), fit.seed, fit)
    except Exception as error:  # of whatever kind: untrained nets are not what it expects
        return f"and what depends on the results of these ({error})"
    return ""


def _train_rows(block: Block) -> int:
    """Return the rows of the train split; 0 where params.yaml gives a share (small datasets)."""
    split: Mapping[str, float | None] = block.model_dump().get("split", {})
    rows = split.get("train")
    return rows if isinstance(rows, int) else 0


def _last(name: str) -> str:
    path = _records.path("train", name)
    return f"{_files.read_json(path)['seconds']:.0f}" if path.exists() else "-"


if __name__ == "__main__":
    _entry.run(main)
