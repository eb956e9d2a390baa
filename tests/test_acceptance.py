"""What DVC and MLflow owe each other, on the pipeline after one smoke run."""

import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import Project
from tracking_server import free_port, kill, serve

from stages.commands import track

pytestmark = pytest.mark.slow
EXPERIMENTS = ("optimizers", "cross_validation")
STAGES = ("gather", "train", "evaluate", "report")
SECRET = "pl4" + "nted"  # in two parts: this file lies in the copy that is searched for it


@pytest.fixture
def copy(smoke: Project, tmp_path: Path) -> Project:
    """Work in a copy of the project after the smoke run, with no store yet."""
    stores = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    shutil.copytree(smoke.root, tmp_path / "copy", symlinks=True, ignore=stores)
    return Project(tmp_path / "copy")


def sync(project: Project, store: str = "") -> str:
    """Sync to a store, or to the project's own; return the last line that is said."""
    done = project.run("stages.commands.track", "sync", "--strict", MLFLOW_TRACKING_URI=store)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def contents(project: Project, store: str = "") -> dict[tuple[str, ...], Any]:
    """Return (experiment, parent, run) -> all that a store holds of it."""
    client = track.connect(store or f"sqlite:///{project.root}/mlflow.db")
    places = {found.experiment_id: found.name for found in client.search_experiments()}
    found = list(client.search_runs(list(places), max_results=5000))
    names = {run.info.run_id: run.info.run_name for run in found}
    held = {}
    for run in found:
        tags = dict(run.data.tags)
        parent = names.get(tags.pop("mlflow.parentRunId", ""), "")
        held[places[run.info.experiment_id], parent, run.info.run_name] = {
            "params": run.data.params,
            "metrics": {
                name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
                for name in run.data.metrics
            },
            "tags": tags,
            "inputs": sorted((i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs),
            "artifacts": sorted(f.path for f in client.list_artifacts(run.info.run_id)),
            "times": (run.info.status, run.info.start_time, run.info.end_time),
        }
    assert len(held) == len(found)
    return held


def records(project: Project) -> int:
    return len(list((project.root / "data/records").glob("*/*.json")))


def test_a_fresh_clone_and_a_pull_fill_an_empty_store_with_the_same(copy: Project, tmp_path: Path):
    """The clone has neither data nor a store: all it knows comes from git and the DVC remote."""
    sync(copy)
    copy.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "remote"))
    assert copy.run("dvc", "push").returncode == 0
    copy.git("clone", "--quiet", str(copy.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.run("dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "remote"))

    pulled = clone.run("dvc", "pull")

    assert pulled.returncode == 0, pulled.stderr
    assert sync(clone) == f"added {records(copy)} runs, 0 already there"
    held = contents(clone)
    assert len(held) > records(copy)
    assert held == contents(copy)
    assert sync(clone) == f"added 0 runs, {records(copy)} already there"
    assert contents(clone) == held


def test_two_experiments_reproduced_at_once_both_complete(copy: Project):
    both = [
        copy.start(
            *("dvc", "--wait-for-lock", "repro", "--force", "--single-item"),
            *(f"{stage}@{experiment}" for stage in STAGES),
        )
        for experiment in EXPERIMENTS
    ]
    said = [process.communicate(timeout=500) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert copy.changed() <= {"site"}
    assert sync(copy) == f"added {records(copy)} runs, 0 already there"
    stages = {run for _, parent, run in contents(copy) if not parent}
    assert stages >= {f"{stage}@{experiment}" for stage in STAGES for experiment in EXPERIMENTS}


def test_a_server_killed_during_a_repro_costs_one_warning_and_no_run(copy: Project, tmp_path: Path):
    """The server dies in the middle of the background's sync; its address holds a password."""
    for stage in ("train", "evaluate", "report"):
        code = copy.root / f"stages/experiments/cross_validation/{stage}.py"
        code.write_text(code.read_text() + "\n# edited\n")
    port = free_port()
    uri = f"http://ada:{SECRET}@127.0.0.1:{port}"
    server = serve(tmp_path, port)
    words = ("stages.commands.repro", "cross_validation")
    with copy.start(*words, LECTURES_SYNC="on", CI="", MLFLOW_TRACKING_URI=uri) as repro:
        while repro.poll() is None and runs_in(tmp_path / "server.db") < 3:
            time.sleep(0.05)
        kill(server)
        before = runs_in(tmp_path / "server.db")
        stdout, stderr = repro.communicate(timeout=500)

    assert 3 <= before < records(copy)
    assert repro.returncode == 0, stderr
    assert stderr.count("warning: ") == 1
    server = serve(tmp_path, port)
    assert sync(copy, uri).startswith("added ")
    assert sync(copy, uri) == f"added 0 runs, {records(copy)} already there"
    sync(copy)
    held = contents(copy, f"http://127.0.0.1:{port}")
    kill(server)
    assert held == contents(copy)
    found = subprocess.run(["grep", "-rlF", SECRET, tmp_path], capture_output=True, text=True)
    assert SECRET not in stdout + stderr + found.stdout
    assert found.stdout == ""


def runs_in(store: Path) -> int:
    """Return how many runs a server's database has."""
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as opened:
            return int(opened.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
