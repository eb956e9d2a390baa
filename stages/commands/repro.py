"""`make repro` and `make run E=...`: check params.yaml, run DVC, sum up, bring MLflow up to date.

In: params.yaml. Out: everything that dvc.yaml declares (or what one experiment needs), a summary,
and DVC's exit code. Ctrl-C or SIGTERM end it and its stage with one line; the next call goes on
from there.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from stages import _entry, _files, _params, _records
from stages._params import Params
from stages.commands import _child

PAGES = Path("reports/pages")
OF_DATASETS = (Path("data/tensors"), Path("data/records/fetch"), Path("data/records/prepare"))
STALE = (PAGES, Path("data/inputs"), Path("data/trained"), Path("data/evaluated"))


def main(*arguments: str) -> None:
    """Run the pipeline, or the part that one experiment needs."""
    parser = argparse.ArgumentParser(prog="make repro", description=__doc__.splitlines()[0])
    parser.add_argument("experiment", nargs="?", help="one experiment instead of all")
    parser.add_argument("--force", action="store_true", help="run stages that are up to date, too")
    options = parser.parse_args(arguments)
    params = _params.load()
    targets = targets_of(params, options.experiment) if options.experiment else []
    _remove_leftovers(params)
    for folder in OF_DATASETS:  # an experiment without datasets depends on them all the same
        folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    code = _run("dvc", "repro", *(["--force"] if options.force else []), *targets)
    _summary(started, code, options.experiment)
    if code == 0:
        _run("stages.commands.track", "sync")
    sys.exit(code)


def targets_of(params: Params, experiment: str) -> list[str]:
    """Return the DVC arguments for one experiment: its datasets, its stages and the site."""
    block = params.experiment(experiment)
    datasets = sorted(set(block.data.values()))
    stages = ("gather", "train", "evaluate", "report")
    return [
        "--single-item",
        *(f"{stage}@{name}" for name in datasets for stage in ("fetch", "prepare")),
        *(f"{stage}@{experiment}" for stage in stages),
        "site",
    ]


def _remove_leftovers(params: Params) -> None:
    """Remove the outputs of experiments that params.yaml no longer has (DVC leaves them)."""
    for root in STALE:
        for folder in root.iterdir() if root.is_dir() else []:
            if folder.name not in params.experiments:
                shutil.rmtree(folder)


def _run(module: str, *words: str) -> int:
    """Run a module in this terminal; a signal ends it, all below it, and this process."""
    own = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": own}  # the stages' `python` is this one
    try:
        return _child.run([sys.executable, "-m", module, *words], environment)
    except _child.SignalledError as signalled:
        print("\nInterrupted; the same command goes on from here.", file=sys.stderr)
        sys.exit(signalled.code)


def _summary(started: float, code: int, experiment: str | None) -> None:
    """Say what ran, how long it took and where to look."""
    ran = [path for path in _records.RECORDS.rglob("*.json") if path.stat().st_mtime >= started]
    stages = sorted(ran, key=lambda path: -_files.read_json(path)["seconds"])
    minutes, seconds = divmod(round(time.time() - started), 60)
    print(f"\n{len(ran)} stages ran in {minutes} min {seconds} s.")
    for path in stages[:3]:
        print(f"  {path.parent.name}@{path.stem}: {_files.read_json(path)['seconds']:.1f} s")
    if code:
        print("Some stage failed: see above. The same command goes on from there.")
    elif experiment:
        print(f"Look at {PAGES / experiment / 'page.html'}, or `make ui` for the runs in MLflow.")
    else:
        print("Look at reports/index.html, or `make ui` for the runs in MLflow.")


if __name__ == "__main__":
    _entry.run(main)
