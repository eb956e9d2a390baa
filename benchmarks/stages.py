"""What a stage costs beside its work: process start, imports, figures, its record; no-op repros.

    python -m benchmarks.stages [--out stages.json] [--rounds 5] [--project FOLDER]

In: a copy of the project after a smoke run (made anew in a temporary folder unless named).
Out: a table and JSON. Seconds are CPU seconds (the least of all rounds, in which everything takes
its turn), since other programs stretch those of the clock; a record's are the clock's. Goals: a
record 20 ms; train and evaluate, beside their work, 1.3 times `import torch`; the others 2 s as a
whole; a `dvc repro` with nothing to do 1.5 times one of as many stages, each with as many
dependencies and outputs, whose commands are `true`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import _entry

ROOT = Path(__file__).parent.parent
GOALS = {"record ms": 20.0, "times torch": 1.3, "seconds": 2.0, "times true": 1.5}
TRAINING = ("train", "evaluate")
QUIET = {"LECTURES_SYNC": "off", "LECTURES_PROGRESS": "off", "LECTURES_WORKERS": "1"}
TORCH = [sys.executable, "-c", "import torch"]
REPRO = [sys.executable, "-m", "dvc", "repro"]


def probe(stage: str, key: str) -> None:
    """Run a stage in this process and print what its parts cost, as JSON."""
    cost: dict[str, float] = {"start": cpu()}
    module = import_module(f"stages.{stage}")
    cost["imports"] = cpu() - cost["start"]
    recording = module.recording

    @contextmanager
    def timed(*names: str) -> Iterator[Any]:
        with recording(*names) as record:
            begin = cpu()
            yield record
            cost["work"] = cpu() - begin
            cost["record ms"] = -1e3 * time.perf_counter()
        cost["record ms"] += 1e3 * time.perf_counter()

    module.recording = timed
    if hasattr(module, "draw"):
        module.draw = timed_call(module.draw, cost)
    main = partial(module.main, *([] if stage == "site" else [key]))
    _entry.run(lambda: (main(), print(json.dumps(cost))), [])


def timed_call(function: Any, cost: dict[str, float]) -> Any:
    """Return the function, with its cost noted as that of the figures."""

    def call(*arguments: Any) -> Any:
        begin = cpu()
        result = function(*arguments)
        cost["figures"] = cpu() - begin
        return result

    return call


def cpu() -> float:
    """Return the CPU seconds of this process and of those it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def spend(command: Sequence[str], folder: Path) -> tuple[float, str]:
    """Run a command; return its CPU seconds and what it printed."""
    before = os.times()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **QUIET}, capture_output=True, text=True
    )
    after = os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    spent = after.children_user - before.children_user
    return spent + after.children_system - before.children_system, done.stdout


def stages(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what dvc.lock holds of the present stages; a data stage for one dataset alone."""
    names = spend([sys.executable, "-m", "dvc", "stage", "list", "--name-only"], folder)[1].split()
    lock = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    return {name: lock[name] for name in names}


def measure(folder: Path, bare: Path, rounds: int) -> dict[str, Any]:
    """Let everything take its turn, some rounds long; return the least of each."""
    names = [name for name in stages(folder) if not name.startswith(("fetch", "prepare"))]
    names += ["fetch@iris", "prepare@iris"]
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    whole: dict[str, list[float]] = {"torch": [], "no-op": [], "true": []}
    spend([sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], folder)
    for _ in range(rounds):  # before the stages leave new records, which DVC would run again for
        whole["no-op"].append(spend(REPRO, folder)[0])
        whole["true"].append(spend(REPRO, bare)[0])
    for _ in range(rounds):
        whole["torch"].append(spend(TORCH, folder)[0])
        for name in names:
            stage, _, key = name.partition("@")
            probing = [sys.executable, "-m", "benchmarks.stages", "--probe", stage, key]
            seconds, printed = spend(probing, folder)
            parts[name].append({**json.loads(printed.splitlines()[-1]), "whole": seconds})
    least = {name: {part: min(r[part] for r in runs) for part in runs[0]}
             for name, runs in parts.items()}  # fmt: skip
    for name, cost in least.items():
        cost["beside"] = min(run["whole"] - run["work"] for run in parts[name])
    return {"stages": least, **{name: min(values) for name, values in whole.items()}}


def verdicts(found: dict[str, Any]) -> list[str]:
    """Return a line per goal that is missed."""
    missed = []
    for name, cost in found["stages"].items():
        if cost["record ms"] > GOALS["record ms"]:
            missed.append(f"{name}: its record takes {cost['record ms']:.0f} ms")
        if name.startswith(TRAINING):
            if (ratio := cost["beside"] / found["torch"]) > GOALS["times torch"]:
                missed.append(f"{name}: {ratio:.2f} times `import torch` beside its work")
        elif cost["whole"] > GOALS["seconds"]:
            missed.append(f"{name}: {cost['whole']:.2f} s")
    if (ratio := found["no-op"] / found["true"]) > GOALS["times true"]:
        missed.append(f"dvc repro with nothing to do: {ratio:.2f} times that of `true` commands")
    return missed


def show(found: dict[str, Any]) -> None:
    """Print the table and the goals that are missed."""
    columns = ("start", "imports", "figures", "work", "record ms", "whole", "beside")
    print(f"{'':28}" + "".join(f"{column:>11}" for column in (*columns, "/ torch")))
    for name, cost in found["stages"].items():
        cells = (f"{cost[column]:11.2f}" if column in cost else f"{'':11}" for column in columns)
        print(f"{name:28}{''.join(cells)}{cost['beside'] / found['torch']:11.2f}")
    print(f"import torch: {found['torch']:.2f} s")
    ratio = found["no-op"] / found["true"]
    print(f"dvc repro, nothing to do: {found['no-op']:.2f} s; of `true`: {found['true']:.2f} s; "
          f"{ratio:.2f} times")  # fmt: skip
    for line in verdicts(found) or ["every goal is met"]:
        print(line)


def smoke(folder: Path) -> Path:
    """Clone the committed project and run it at smoke size."""
    spend(["git", "clone", "--quiet", str(ROOT), str(folder)], ROOT)
    for words in (["profile", "smoke"], ["repro"]):
        spend([sys.executable, "-m", f"stages.commands.{words[0]}", *words[1:]], folder)
    return folder


def of_true(folder: Path, project: Path) -> Path:
    """Make a pipeline of as many stages, dependencies and outputs as the project's, all `true`."""
    pipeline = {}
    for number, stage in enumerate(stages(project).values()):
        block: dict[str, Any] = {"cmd": "true"}
        for kind in ("deps", "outs"):
            block[kind] = [f"{kind}/{number}_{i}" for i in range(len(stage[kind]))]
            for name in block[kind]:
                (folder / kind).mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name)
        pipeline[f"stage{number}"] = block
    spend(["git", "init", "--quiet"], folder)
    spend([sys.executable, "-m", "dvc", "init", "--quiet"], folder)
    (folder / ".dvc/config").write_text((project / ".dvc/config").read_text())
    YAML().dump({"stages": pipeline}, folder / "dvc.yaml")
    spend([sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], folder)
    return folder


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--project", type=Path, help="a copy after a smoke run; it is changed")
    parser.add_argument("--probe", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.probe:
        return probe(chosen.probe[0], chosen.probe[1] if len(chosen.probe) > 1 else "")
    with tempfile.TemporaryDirectory() as folder:
        project = chosen.project or smoke(Path(folder) / "project")
        bare = Path(folder) / "true"
        bare.mkdir()
        found = measure(project, of_true(bare, project), chosen.rounds)
    show(found)
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
