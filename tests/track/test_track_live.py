"""A long training is seen while it goes on; its run is completed by its record or ends."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_repo import START, record, write
from stores import contents, runs, sync

from stages import _live, _sync
from stages._training import Run, Trainer
from stages.commands import _turns, track
from stages.models.mlp import mlp
from stages.sweep import Event, Optimizer, Task

TRAIN = Path("data/records/train/optimizers.json")


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a young training tell, want a sync, and count how often it is rung for."""
    rung: list[int] = []
    monkeypatch.setattr(_live, "LONG", -1.0)
    monkeypatch.setattr(_live, "PAUSE", 0.0)
    monkeypatch.setattr(_sync, "start_background", lambda: rung.append(1))
    monkeypatch.setattr(_sync, "wanted", lambda: True)
    return rung


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that stands for a training."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def train(scratch: Path) -> Any:
    """Train two arms in two repeats."""
    draw = torch.Generator().manual_seed(0)
    x_NF = torch.randn(20, 4, generator=draw)
    task = Task(x_NF, (x_NF[:, 0] > 0).long(), {"dev": (x_NF, (x_NF[:, 0] > 0).long())})
    build = partial(mlp, (4, 5, 2))
    runs = [
        Run(arm, repeat, build, Optimizer("sgd", rate), task, epochs=3, batch_size=10)
        for repeat in range(2)
        for arm, rate in (("slow", 1e-3), ("fast", 1e-1))
    ]
    return Trainer("optimizers", 7, scratch)(runs)


def told(process: int, epochs: int, minutes: float = 3.05) -> Path:
    """Write what a training of another process has told after some epochs."""
    name = subprocess.run(
        [sys.executable, "-c", NAME, str(process)], capture_output=True, text=True, check=True
    ).stdout.strip()
    started = (START + timedelta(minutes=minutes)).isoformat()
    lines: list[dict[str, Any]] = [{"stage": "train", "key": "optimizers", "started": started}]
    for epoch in range(1, epochs + 1):
        points = [["sgd", "loss", "dev", 10 * epoch, 1 / epoch]]
        lines.append({"at": 1_767_225_783_000 + 5000 * epoch, "done": epoch / 4, "points": points})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return write(_live.FOLDER / f"{name}.jsonl", text + '{"at": 1, "half a li')


NAME = """
import sys, psutil
process = psutil.Process(int(sys.argv[1]))
print(f"{process.pid}-{round(1000 * process.create_time())}")
"""


def test_a_training_tells_of_each_arm_and_how_far_it_is(
    repo: Path, bell: list[int], tmp_path: Path
) -> None:
    trained = train(tmp_path / "scratch")

    (file,) = _live.FOLDER.glob("*.jsonl")
    head, *lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert (head["stage"], head["key"]) == ("train", "optimizers")
    assert file.stem == _live.process()
    assert [line["done"] for line in lines] == pytest.approx([1 / 3, 2 / 3, 1])
    curve = trained.curves.query("arm == 'fast' and metric == 'loss' and split == 'dev'")
    mean = curve.groupby("step")["value"].mean()
    points = [p for line in lines for p in line["points"] if p[:3] == ["fast", "loss", "dev"]]
    assert [p[3] for p in points] == mean.index.tolist()
    np.testing.assert_allclose([p[4] for p in points], mean, rtol=1e-6)
    assert bell == [1]


def test_a_short_training_tells_nothing(
    repo: Path, bell: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_live, "LONG", 1e9)
    train(tmp_path / "scratch")

    assert not _live.FOLDER.exists()
    assert bell == []


def test_telling_changes_no_weight_and_a_place_where_it_fails_does_no_harm(
    repo: Path, bell: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = train(tmp_path / "one")
    (file,) = _live.FOLDER.glob("*.jsonl")
    file.unlink()
    file.mkdir()
    broken = train(tmp_path / "two")
    monkeypatch.setattr(_sync, "wanted", lambda: False)
    silent = train(tmp_path / "three")

    for other in (broken, silent):
        assert told.weights.keys() == other.weights.keys()
        assert all((told.weights[name] == other.weights[name]).all() for name in told.weights)


def test_a_training_that_goes_on_is_a_run_that_grows(
    repo: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    TRAIN.unlink()
    tracker = track.Tracker(track.store())
    told(sleeper.pid, 1)
    assert tracker.sync().problems == []
    early = contents()["train@optimizers"]
    told(sleeper.pid, 3)
    assert tracker.sync().problems == []
    late = contents()["train@optimizers"]

    assert (early["times"][0], late["times"][0]) == ("RUNNING", "RUNNING")
    assert early["metrics"]["live dev loss/sgd"] == [(10, 1.0)]
    assert late["metrics"]["live dev loss/sgd"] == [(10, 1.0), (20, 0.5), (30, 1 / 3)]
    assert [value for _, value in late["metrics"]["live/share_done"]] == [0.25, 0.5, 0.75]


def test_its_record_completes_the_run_that_was_seen(
    repo: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    sync()
    plain = contents()["train@optimizers"]
    content = TRAIN.read_bytes()
    TRAIN.unlink()
    client = track.connect(track.store())
    client.delete_run(runs(client)["train@optimizers"].info.run_id)
    told(sleeper.pid, 2)
    sync()
    seen = runs()["train@optimizers"].info.run_id
    write(TRAIN, content.replace(b"Some CPU", b"Another CPU"))

    assert sync().added == 1

    run = contents()["train@optimizers"]
    assert runs()["train@optimizers"].info.run_id == seen
    assert run["times"][0] == "FINISHED"
    assert {k: v for k, v in run["metrics"].items() if not k.startswith("live")} == plain["metrics"]
    for part in ("params", "inputs", "artifacts", "parent"):
        assert run[part] == plain[part]
    told(sleeper.pid, 3)
    assert sync().added == 0
    assert contents()["train@optimizers"] == run


def test_the_run_of_a_killed_training_ends_and_what_it_told_goes(
    repo: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    TRAIN.unlink()
    file = told(sleeper.pid, 2)
    sync()
    sleeper.kill()
    sleeper.wait()

    sync()

    assert contents()["train@optimizers"]["times"][0] == "KILLED"
    assert not file.exists()
    assert sync().problems == []


def test_a_run_ends_even_if_what_its_training_told_was_removed(
    repo: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    TRAIN.unlink()
    file = told(sleeper.pid, 2)
    sync()
    file.unlink()

    sync()

    assert contents()["train@optimizers"]["times"][0] == "KILLED"


def test_trainings_of_other_places_on_the_same_store_are_left_alone(
    repo: Path, sleeper: "subprocess.Popen[bytes]", tmp_path_factory: pytest.TempPathFactory
) -> None:
    TRAIN.unlink()
    told(sleeper.pid, 2)
    sync()
    store = track.store()
    os.chdir(tmp_path_factory.mktemp("other"))
    record(Path.cwd(), "train", "optimizers", started="2026-01-01T00:03:00+00:00", seconds=60.0)

    assert track.Tracker(store).sync().added == 1

    client = track.connect(store)
    place = client.get_experiment_by_name("optimizers").experiment_id
    found = client.search_runs([place], "tags.stage = 'train'")
    assert sorted(run.info.status for run in found) == ["FINISHED", "RUNNING"]


def test_the_background_sync_stays_while_a_training_goes_on_and_then_ends_its_run(
    repo: Path, sleeper: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_turns, "LINGER", 0.1)
    monkeypatch.setattr(_turns, "POLL", 0.02)
    TRAIN.unlink()
    told(sleeper.pid, 2)
    tracker = track.Tracker(track.store())
    other = threading.Thread(target=_turns.background, args=(lambda: tracker.sync().answered,))
    other.start()
    other.join(4)
    assert other.is_alive()

    sleeper.kill()
    sleeper.wait()
    other.join(30)

    assert not other.is_alive()
    assert contents()["train@optimizers"]["times"][0] == "KILLED"


def test_repeats_that_come_later_add_nothing_to_an_arms_curve(repo: Path, bell: list[int]) -> None:
    def event(chunk: int, names: tuple[str, ...], *losses: float) -> Event:
        return Event(chunk, 1, 2, 10, names, {("loss", "dev"): losses, ("loss", "train"): losses})

    with _live.telling("optimizers", 6) as tell:
        tell(event(0, ("a#0", "a#1"), 1.0, 3.0))
        tell(event(1, ("a#2", "b#0"), 9.0, 5.0))

    (file,) = _live.FOLDER.glob("*.jsonl")
    _, *lines = [json.loads(line) for line in file.read_text().splitlines()]
    told = [point for line in lines for point in line["points"]]
    assert told == [["a", "loss", "dev", 10, 2.0], ["b", "loss", "dev", 10, 5.0]]
