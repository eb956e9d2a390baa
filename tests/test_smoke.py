"""The whole pipeline, run once at smoke size, and what may be asked of it afterwards."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from conftest import Project

from stages import _files

STABLE = ["data/tensors", "data/inputs", "data/trained", "data/evaluated",
          "reports/metrics", "reports/arms", "reports/curves"]  # fmt: skip


def stable_hashes(root: Path) -> dict[str, str]:
    return {
        Path(name).relative_to(root).as_posix(): digest
        for folder in STABLE
        for name, digest in _files.tree_hashes(root / folder).items()
    }


def test_the_pipeline_leaves_metrics_pages_and_a_front_page(smoke: Project):
    for experiment in ("cross_validation", "optimizers", "transfer_backbone"):
        metrics = _files.read_json(smoke.root / f"reports/metrics/{experiment}.json")
        assert metrics["profile"] == "smoke"
        assert len(metrics["headline"]) <= 5
        assert (smoke.root / f"reports/pages/{experiment}/page.html").exists()
    assert "optimizers" in (smoke.root / "reports/index.html").read_text()


def test_a_second_run_runs_no_stage(smoke: Project):
    done = smoke.run("stages.commands.repro")

    assert done.returncode == 0
    assert "0 stages ran" in done.stdout


def test_the_lock_file_is_current_after_a_run(smoke: Project):
    done = smoke.run("stages.commands.current")

    assert (done.returncode, done.stdout) == (0, "dvc.lock is current.\n")


def test_the_lock_file_is_behind_after_an_edit_of_the_code(smoke: Project):
    code = smoke.root / "stages/experiments/optimizers/report.py"
    before = code.read_text()
    code.write_text(before + "\n# edited\n")
    done = smoke.run("stages.commands.current")
    code.write_text(before)

    assert done.returncode == 1
    assert "report@optimizers" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_forced_run_gives_equal_bytes_with_the_observers_on(smoke: Project, tmp_path: Path):
    """Tracker and progress display change no result, and a result does not change by itself."""
    copy = tmp_path / "again"
    shutil.copytree(smoke.root, copy)
    again = Project(copy)
    store = f"sqlite:///{tmp_path}/mlflow.db"
    done = again.run(
        "stages.commands.repro", "--force", LECTURES_SYNC="on", LECTURES_PROGRESS="on",
        LECTURES_PROFILE="on", CI="", MLFLOW_TRACKING_URI=store, LECTURES_WORKERS="1",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert stable_hashes(copy) == stable_hashes(smoke.root)
    figures = "reports/pages/optimizers"
    assert [
        (copy / figures / f.name).read_bytes() for f in sorted((copy / figures).glob("*.svg"))
    ] == [f.read_bytes() for f in sorted((smoke.root / figures).glob("*.svg"))]


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        (
            "batch_size: 32\n      epochs: 2",
            "batch_size: 16\n      epochs: 2",
            {"train@optimizers"},
        ),
        ("steps: 50", "steps: 40", {"evaluate@optimizers"}),
        ("accuracy_from: 0.0", "accuracy_from: 0.1", {"report@optimizers"}),
        ("margin: 0.30", "margin: 0.40", {"evaluate@optimizers"}),
    ],
)
def test_a_number_re_runs_only_what_depends_on_it(edited: Project, old, new, stages):
    edited.edit_block("optimizers", old, new)

    assert edited.changed() == stages


def test_a_threshold_re_runs_nothing_and_is_checked(edited: Project):
    band = "thresholds: {headline.best_accuracy: {min: 0.999}}"
    edited.edit_block("optimizers", "thresholds: {}", band)

    assert edited.changed() == set()
    done = edited.run("stages.commands.check")
    assert done.returncode == 1
    assert "BREACH: optimizers: headline.best_accuracy is" in done.stderr
    assert "at least 0.999" in done.stderr


def test_the_gate_refuses_metrics_of_other_parameters(edited: Project):
    edited.edit("params.yaml", "steps: 50", "steps: 40")
    edited.edit("params.yaml", "seed: 20210530", "seed: 1")
    band = "thresholds: {headline.best_accuracy: {min: 0.0}}"
    edited.edit_block("optimizers", "thresholds: {}", band)
    done = edited.run("stages.commands.check")

    assert done.returncode == 1
    assert "made with other parameters" in done.stderr
    assert "make run E=cross_validation" in done.stderr  # the first of them


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden: [64, 32", "typo: 1\n      hidden: [64, 32", "optimizers.train.typo: unknown key"),
        ("rates: [1.0e-4", "rates: [-1.0", "train.rates.0: -1.0: should be greater than 0"),
        ("digits: mnist", "digits: mnsit", "'mnsit' is no dataset; did you mean 'mnist'?"),
        ("rmsprop, adam,", "rmsprop, adm,", "'adm' is not allowed; did you mean 'adam'?"),
    ],
)  # fmt: skip
def test_a_bare_repro_says_what_is_wrong_in_one_line(edited: Project, old, new, message):
    edited.edit("params.yaml", old, new)
    before = stable_hashes(edited.root)
    bare = edited.run("dvc", "repro", "train@optimizers")
    made = edited.run("stages.commands.repro")
    edited.run("dvc", "checkout")

    for done in (bare, made):
        assert done.returncode != 0
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert "dvc checkout" in bare.stderr
    assert stable_hashes(edited.root) == before


def test_a_third_experiment_is_a_folder_and_a_block(smoke: Project, tmp_path: Path):
    copy = tmp_path / "third"
    shutil.copytree(smoke.root, copy)
    folder = copy / "stages/experiments/coin"
    folder.mkdir()
    for name, text in COIN.items():
        (folder / name).write_text(text)
    with (copy / "params.yaml").open("a") as params:
        params.write(COIN_BLOCK)
    done = Project(copy).run("stages.commands.repro", "coin")

    assert done.returncode == 0, done.stdout + done.stderr
    metrics = json.loads((copy / "reports/metrics/coin.json").read_text())
    assert metrics["claims"]["is_fair"]["verdict"] == "supported"
    assert (copy / "reports/pages/coin/page.html").exists()


def test_a_killed_training_goes_on_from_its_scratch(smoke: Project, tmp_path: Path):
    """What finished chunks left in .work is taken up, with equal bytes at the end."""
    copy = tmp_path / "killed"
    shutil.copytree(smoke.root, copy)
    shutil.rmtree(copy / "data/trained/optimizers")
    again = Project(copy)
    with again.start("stages.train", "optimizers", LECTURES_WORKERS="1") as process:
        while process.poll() is None and not list(copy.glob(".work/*/0/*.done.safetensors")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    left = len(list(copy.glob(".work/*/0/*.done.safetensors")))
    done = again.run("stages.train", "optimizers", LECTURES_WORKERS="1")

    assert (left > 0, done.returncode) == (True, 0)
    assert not list(copy.glob(".work/*/0"))
    assert stable_hashes(copy) == stable_hashes(smoke.root)


def test_ctrl_c_ends_a_run_with_one_line(smoke: Project, tmp_path: Path):
    copy = tmp_path / "interrupted"
    shutil.copytree(smoke.root, copy)
    with Project(copy).start("stages.commands.repro", "--force") as process:
        line = process.stdout.readline()
        while "train@" not in line:
            line = process.stdout.readline()
            assert line, "the run ended before it trained anything"
        time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 130
    assert stderr.strip() == "Interrupted; the same command goes on from here."


COIN = {
    "__init__.py": "",
    "params.py": '''"""The `coin` block of params.yaml."""

from pydantic import PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """No data."""


class Train(Block):
    """Throws."""

    repeats: PositiveInt


class Evaluate(Block):
    """Claims."""

    claims: dict[str, ClaimSettings]


class Report(Block):
    """Nothing to set."""
''',
    "train.py": '''"""Throw coins."""

import numpy as np

from stages import _seeds
from stages._trained import Trained, numbers


def train(settings, inputs, seed, fit):
    """Throw a coin in each repeat."""
    throws = [_seeds.numpy_generator(seed, i, "data").random(100) for i in range(settings.repeats)]
    heads = np.array([(throw < 0.5).mean() for throw in throws])
    return Trained(trials=numbers("coin", "heads", "dev", heads))
''',
    "evaluate.py": '''"""Is it fair?"""

from stages._claims import Effect, paired
from stages._evaluation import Evaluated


def evaluate(settings, train, trained, inputs, seed):
    """Compare with one half."""
    heads = trained.values("heads", "dev")["coin"]
    effect = Effect(paired(heads - 0.5), "share of heads", "heads minus one half", "ours")
    return Evaluated(effects={"is_fair": effect}, headline={"heads": heads.mean()})
''',
    "report.py": '''"""Words."""

TITLE, FOLDER, QUESTION = "A coin", "Folder 0", "Is it fair?"
LECTURE = [("Coins are fair.", "ours")]
STATEMENTS = {"is_fair": "The coin is fair."}
CORRECTED: list[str] = []


def figures(results, settings):
    """Nothing to draw."""
    return iter(())
''',
}
COIN_BLOCK = """
  coin:
    data: {}
    train:
      repeats: 20
    evaluate:
      claims:
        is_fair:
          kind: claim
          direction: within
          margin: 0.1
          reason: a tenth
    report: {}
    thresholds: {}
"""
