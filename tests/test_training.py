"""The engine as experiments use it: runs in; trials, curves and stacked weights out."""

import gzip
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from stages import _device, _files, _inputs, _profile, _training
from stages._device import DeviceError
from stages._training import BEST, Run, Trainer, hits
from stages.commands._dry import DryFit
from stages.models.mlp import mlp
from stages.sweep import Optimizer, Task


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("LECTURES_PROGRESS", "off")
    monkeypatch.setenv("LECTURES_DEVICE", "cpu")
    monkeypatch.setenv("LECTURES_WORKERS", "1")


@pytest.fixture
def task() -> Task:
    draw = torch.Generator().manual_seed(0)
    x_NF = torch.randn(50, 4, generator=draw)
    y_N = (x_NF[:, 0] > 0).long()
    return Task(x_NF[:30], y_N[:30], {"dev": (x_NF[30:], y_N[30:])})


BUILD = partial(mlp, (4, 8, 2))


def runs(task: Task, **options) -> list[Run]:
    rates = {"slow": 1e-3, "fast": 1e-1}
    return [
        Run(arm, repeat, BUILD, Optimizer("sgd", rate), task, epochs=3, **options)
        for repeat in range(2)
        for arm, rate in rates.items()
    ]


def test_weights_are_stacked_by_arm_and_arms_of_a_repeat_start_alike(task, tmp_path):
    still = [Run(arm, repeat, BUILD, Optimizer("sgd", 0.0), task, 1)
             for repeat in range(2) for arm in "ab"]  # fmt: skip
    trained = Trainer("test", 7, tmp_path)(still)

    assert trained.arms() == ["a", "b"]
    assert trained.weights["a/1.weight"].shape == (2, 8, 4)
    assert (trained.weights["a/1.weight"] == trained.weights["b/1.weight"]).all()
    assert (trained.weights["a/1.weight"][0] != trained.weights["a/1.weight"][1]).any()


def test_a_trial_is_the_last_value_of_its_curve(task, tmp_path):
    trained = Trainer("test", 7, tmp_path)(runs(task))
    curve = trained.curves.query("arm == 'fast' and seed == 1 and split == 'dev'")
    accuracy = curve[curve["metric"] == "accuracy"].sort_values("epoch")

    assert accuracy["epoch"].tolist() == [1, 2, 3]
    assert trained.values("accuracy", "dev")["fast"][1] == accuracy["value"].iloc[-1]


def test_hits_are_what_the_stored_weights_say_of_each_row(task, tmp_path):
    trained = Trainer("test", 7, tmp_path)(runs(task))
    x_NF, y_N = task.watch["dev"]
    found_SR = hits(BUILD(torch.Generator()), trained.states("fast"), x_NF.numpy(), y_N.numpy())

    assert set(np.unique(found_SR)) <= {0.0, 1.0}
    assert found_SR.mean(1) == pytest.approx(trained.values("accuracy", "dev")["fast"])


def test_a_net_with_one_output_says_class_1_above_zero():
    rows = np.array([[2.0], [0.0], [-1.0]], np.float32)
    states = {"1.weight": np.ones((1, 1, 1), np.float32), "1.bias": np.zeros((1, 1), np.float32)}

    found_SR = hits(mlp((1, 1), torch.Generator()), states, rows, np.array([1, 1, 0]))

    assert found_SR.tolist() == [[1, 0, 1]]


def test_the_best_weights_are_kept_beside_the_last_when_asked_for(task, tmp_path):
    trained = Trainer("test", 7, tmp_path)(runs(task), keep=("loss", "dev"))

    assert trained.arms() == ["fast", f"fast{BEST}", "slow", f"slow{BEST}"]


def test_the_weights_after_an_epoch_are_an_arm_of_their_own(task, tmp_path):
    fit, short = (Trainer("test", 7, tmp_path / name) for name in ("long", "short"))
    trained = fit(runs(task), keep=2)
    alone = short([replace(run, epochs=2) for run in runs(task)])

    assert trained.arms() == ["fast", "fast (epoch 2)", "slow", "slow (epoch 2)"]
    assert fit.arms["fast (epoch 2)"] == short.arms["fast"]
    for arm in alone.arms():
        for name, value in alone.states(arm).items():
            assert (trained.states(f"{arm} (epoch 2)")[name] == value).all()
            assert (trained.states(arm)[name] != value).any()
        for metric in ("loss", "accuracy"):
            both = (t.values(metric, "dev") for t in (trained, alone))
            assert (next(both)[f"{arm} (epoch 2)"] == next(both)[arm]).all()


@pytest.mark.parametrize(("worth", "workers"), [(0.0, 2), (1e9, 1)])
def test_a_short_sweep_starts_no_further_process(task, monkeypatch, worth, workers):
    monkeypatch.setenv("LECTURES_WORKERS", "2")
    monkeypatch.setattr(_training, "SECONDS_WORTH_A_WORKER", worth)
    members, tasks = _training.members_and_tasks(runs(task), 7)

    assert _training.plan(members, tasks, "auto").workers == workers


@pytest.mark.parametrize(("drop_last", "steps"), [(False, 9), (True, 6)])
def test_the_short_last_batch_of_an_epoch_can_be_dropped(task, tmp_path, drop_last, steps):
    trained = Trainer("test", 7, tmp_path)(runs(task, batch_size=12, drop_last=drop_last))

    assert trained.curves["step"].max() == steps


@pytest.mark.parametrize("options", [{}, {"batch_size": 12, "drop_last": True, "watch_every": 2}])
def test_a_dry_fit_plans_the_same_sweep_and_gives_tables_of_the_same_shape(task, tmp_path, options):
    dry, fit = DryFit(7, "auto"), Trainer("test", 7, tmp_path)
    planned, trained = (each(runs(task, **options), keep=("loss", "dev")) for each in (dry, fit))

    assert [plan.describe().splitlines() for plan in dry.plans] == [fit.sweeps[0]["plan"]]
    index = ["arm", "seed", "epoch", "step", "metric", "split"]
    left, right = (t.curves[index].sort_values(index).values.tolist() for t in (planned, trained))
    assert left == right
    shapes = [{k: v.shape for k, v in t.weights.items()} for t in (planned, trained)]
    assert shapes[0] == shapes[1]


def test_without_a_compiler_a_forced_plan_falls_back_with_one_line(
    task, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("PATH", "")
    fit = Trainer("test", 7, tmp_path, kind="compiled")
    trained = fit(runs(task))

    assert capsys.readouterr().out == (
        "test: no C++ compiler was found: eager stacks instead of compiled ones, slower, equal up "
        "to rounding\n"
    )
    assert fit.sweeps[0]["plan"][0].startswith("stacked: 4 models in one stack")
    stacked = Trainer("test", 7, tmp_path, kind="stacked")(runs(task))
    assert trained.trials.equals(stacked.trials)


def test_what_a_sweep_cost_is_noted(task, tmp_path):
    fit = Trainer("test", 7, tmp_path)
    fit(runs(task))
    (cost,) = fit.sweeps

    assert (cost["models"], cost["model_steps"], cost["samples"]) == (4, 12, 360)
    assert cost["seconds"] > 0
    assert cost["diverged"] == []


@pytest.mark.parametrize(("drop_last", "steps", "rows"), [(False, 4, 30), (True, 3, 24)])
def test_rows_of_a_batch_that_was_left_out_were_not_seen(task, tmp_path, drop_last, steps, rows):
    fit = Trainer("test", 7, tmp_path)
    fit(runs(task, batch_size=8, drop_last=drop_last))
    (cost,) = fit.sweeps

    assert (cost["model_steps"], cost["samples"]) == (4 * 3 * steps, 4 * 3 * rows)


def test_a_trace_is_taken_when_asked_for_and_changes_no_weight(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = Trainer("test", 7, tmp_path / "plain")(runs(task))
    assert _profile.taken() == {}
    monkeypatch.setenv(_profile.SWITCH, "on")
    traced = Trainer("test", 7, tmp_path / "traced")(runs(task))

    ((name, _),) = _profile.taken().items()
    events = json.loads(gzip.decompress(Path(name).read_bytes()))["traceEvents"]
    assert any(event["name"] == "aten::bmm" or "addmm" in event["name"] for event in events)
    assert traced.weights.keys() == plain.weights.keys()
    assert all((traced.weights[name] == plain.weights[name]).all() for name in plain.weights)
    monkeypatch.setattr(_profile, "_taken", [])


def test_a_run_that_diverges_is_named(task, tmp_path):
    fit = Trainer("test", 7, tmp_path)
    fit([*runs(task), Run("wild", 0, BUILD, Optimizer("sgd", 1e30), task, 3)])

    assert fit.sweeps[0]["diverged"] == ["wild#0"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LECTURES_DEVICE", "gpu", "'gpu' is not one of auto, cuda, mps, cpu"),
        ("LECTURES_WORKERS", "0", "'0' is not a whole number of at least 1"),
    ],
)
def test_a_wrong_setting_of_the_machine_is_one_line(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)

    with pytest.raises(DeviceError, match=message):
        _device.device() if name == "LECTURES_DEVICE" else _device.workers()


def test_on_cuda_two_events_and_a_synchronisation_are_the_clock(monkeypatch):
    calls: list[str] = []

    class Event:
        """A CUDA event that notes its use."""

        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            calls.append("record")

        def elapsed_time(self, other: "Event") -> float:
            return 1500.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: calls.append("reset"))
    with _device.stopwatch("cuda") as seconds:
        calls.append("work")

    assert calls == ["reset", "record", "work", "record", "synchronize"]
    assert seconds() == 1.5


def test_works_in_parallel_come_back_in_order_and_take_one_thread_each(monkeypatch):
    monkeypatch.setenv("LECTURES_WORKERS", "2")
    found = _device.in_parallel([partial(lambda n: (n, torch.get_num_threads()), n) for n in "abc"])

    assert found == [("a", 1), ("b", 1), ("c", 1)]


def test_a_dataset_without_rows_gives_its_other_tensors(tmp_path, monkeypatch):
    monkeypatch.setattr(_inputs, "FOLDER", tmp_path)
    folder = tmp_path / "e" / "fit"
    _files.write_json(folder / "manifest.json", {"roles": {"weights": "nets"}, "files": {}})
    about = {"name": "nets", "variant": "one"}
    _files.write_tensors(folder / "nets" / "train.safetensors", {"one/bias": np.ones(3)}, about)

    inputs = _inputs.load("e", "fit")

    assert inputs["weights"]["train"].others["one/bias"].tolist() == [1, 1, 1]
    assert _inputs.describe(inputs) == {"weights": {**about, "train": 0}}
