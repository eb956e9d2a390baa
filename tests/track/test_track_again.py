"""Nothing is lost and nothing comes twice: repeats, kills, deletions, missing files, moves."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finished_repo import curves, experiment, record, write
from stores import RUNS, Failing, contents, runs, sync

from stages.commands import track


def test_a_forced_rerun_is_a_new_run_and_a_restored_record_the_old_one(repo: Path) -> None:
    path = Path("data/records/gather/optimizers.json")
    first = path.read_bytes()
    sync()
    record(repo, "gather", "optimizers", seconds=13.0, started="2026-02-01T00:00:00+00:00")

    assert sync().added == 1
    path.write_bytes(first)
    assert sync().added == 0


@pytest.mark.parametrize("calls", [2, 3, 4, 9, 30, 41])
def test_what_a_kill_left_half_written_is_replaced(
    repo: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = track.connect
    monkeypatch.setattr(track, "connect", lambda uri: Failing(connect(uri), calls))
    broken = sync()
    monkeypatch.setattr(track, "connect", connect)

    mended = sync()

    assert not broken.answered
    assert broken.added + mended.added == len(RUNS)
    assert sorted(name for name in contents() if "@" in name) == RUNS
    assert {run["times"][0] for run in contents().values()} == {"FINISHED"}
    assert sync().added == 0


def test_a_store_that_fails_is_not_asked_again(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def connect(uri: str) -> Any:
        asked.append(uri)
        raise ConnectionError("refused")

    monkeypatch.setattr(track, "connect", connect)

    outcome = sync()

    assert len(asked) == len(outcome.problems) == 1
    assert "refused" in outcome.problems[0]


def test_a_run_that_a_user_deleted_stays_deleted(repo: Path) -> None:
    sync()
    client = track.connect(track.store())
    client.delete_run(runs(client)["report@optimizers"].info.run_id)

    assert sync().added == 0
    assert "report@optimizers" not in runs(client)


def test_a_deleted_experiment_is_named_and_the_others_are_sent(repo: Path) -> None:
    sync()
    client = track.connect(track.store())
    client.delete_experiment(client.get_experiment_by_name("optimizers").experiment_id)
    record(repo, "prepare", "iris")

    outcome = sync()

    assert outcome.added == 1
    assert all("mlflow experiments restore" in problem for problem in outcome.problems)


@pytest.mark.parametrize("change", ["changed", "missing"])
def test_a_record_waits_until_its_tables_are_those_it_was_written_with(
    repo: Path, change: str
) -> None:
    table = Path("reports/arms/optimizers.csv")
    right = table.read_bytes()
    table.write_bytes(right + b"\n") if change == "changed" else table.unlink()

    early = sync()
    table.write_bytes(right)
    late = sync()

    assert early.waiting == [table.as_posix()]
    assert "dvc pull" in str(early)
    assert (early.added, late.added, late.waiting) == (len(RUNS) - 1, 1, [])


@pytest.mark.parametrize("content", ["{", "{}", '{"stage": "train", "key": "x", "started": ""}'])
def test_a_broken_record_is_named_and_the_others_are_sent(repo: Path, content: str) -> None:
    write(repo / "data/records/train/broken.json", content)

    outcome = sync()

    assert outcome.added == len(RUNS)
    assert len(outcome.problems) == 1
    assert "run its stage again" in outcome.problems[0]


def test_a_moved_repository_finds_its_artifacts(
    repo: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync()
    moved = tmp_path_factory.mktemp("moved") / "here"
    shutil.copytree(repo, moved)
    monkeypatch.chdir(moved)

    sync()

    client = track.connect(track.store())
    run = runs(client)["site@site"]
    assert run.info.artifact_uri.startswith((moved / "mlartifacts").as_uri())
    assert Path(client.download_artifacts(run.info.run_id, "index.html")).is_file()


def test_a_reader_does_not_block_the_writer(repo: Path) -> None:
    sync()

    with closing(sqlite3.connect("mlflow.db")) as store:
        assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_arm_costs_little_and_comes_back_equal(repo: Path) -> None:
    tracker, arms = track.Tracker(track.store()), [f"arm {i}" for i in range(20)]
    tracker.sync()
    experiment(repo, "wide", arms, epochs=100)

    clock = time.process_time()
    assert tracker.sync().added == 4
    spent = time.process_time() - clock

    assert spent / len(arms) < 0.12
    client = track.connect(track.store())
    place = client.get_experiment_by_name("wide").experiment_id
    by_arm = {
        r.data.tags["arm"]: r.info.run_id for r in client.search_runs([place], "tags.arm != ''")
    }
    table = curves(arms, 100)
    for (arm, split, metric), rows in table.groupby(["arm", "split", "metric"]):
        sent = client.get_metric_history(by_arm[arm], f"{split}/{metric}")
        assert [m.step for m in sent] == rows["step"].tolist()
        np.testing.assert_allclose([m.value for m in sent], rows["mean"], rtol=1e-12)
