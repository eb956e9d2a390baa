"""prepare: raw files to tensors, the same bytes each time, statistics from train alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import _files, prepare
from stages.datasets._raw import Fixed, Part, Raw, Scaling, Split

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "dev", "test")


def rows(scaling, x=None, **more):
    """Return 40 rows of two classes, official test rows last."""
    x = np.random.default_rng(0).normal(5, 2, (40, 3)).astype(np.float32) if x is None else x
    part = np.repeat([Part.FIT, Part.TEST], [30, 10])
    return Raw(x, np.arange(40) % 2, ("a", "b"), scaling, part, Split(dev=10), **more)


def test_statistics_come_from_train_alone():
    raw = rows(Scaling("standardise"))
    splits, scaling, _ = prepare.divide(raw, seed=0)

    assert scaling["mean"] == pytest.approx(splits["train"]["x"].mean(0, dtype=float))
    changed = raw.x.copy()
    changed[30:] = 1e6
    assert prepare.divide(rows(Scaling("standardise"), changed), seed=0)[1] == scaling


def test_a_constant_feature_is_not_divided_by_zero():
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    x[:, 1] = 4

    assert prepare.divide(rows(Scaling("standardise"), x), seed=0)[1]["std"][1] == 1.0


def test_rows_classes_and_duplicates_are_told():
    x = np.arange(40, dtype=np.float32)[:, None]
    x[:15] = x[35]

    splits, scaling, details = prepare.divide(rows(Scaling("divide", 9), x), seed=0)

    assert scaling == {"kind": "divide", "by": 9}
    assert sum(details["duplicates_removed"].values()) == 15
    assert sum(details["rows"].values()) == 25
    assert details["balance"]["test"] == {"a": 5, "b": 5}
    assert all(np.array_equal(x[t["rows"]], t["x"]) for t in splits.values())


def test_what_is_not_split_is_the_same_everywhere():
    splits, scaling, _ = prepare.divide(Fixed({"w": np.ones(3)}, ("n",), Scaling("none")), seed=0)

    assert scaling == {"kind": "none"}
    assert [list(splits[name]) for name in SPLITS] == [["w"]] * 3


def run(folder, stage, dataset="iris"):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LECTURES_SYNC": "off"}
    command = [sys.executable, "-m", f"stages.{stage}", dataset]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path):
    """A folder with the catalogue and iris in params.yaml."""
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data/catalog.yaml", tmp_path / "data")
    split = "{train: 0.6, dev: 0.2, test: 0.2}"
    (tmp_path / "params.yaml").write_text(
        "profile: test\nseed: 1\nplan: auto\nexperiments: {}\n"
        f"datasets: {{iris: {{variant: fisher, scaling: standardise, split: {split}}}}}\n"
    )
    return tmp_path


def test_the_stage_writes_the_same_bytes_each_time(project):
    assert run(project, "fetch").returncode == 0
    done = run(project, "prepare")
    assert done.returncode == 0, done.stderr
    before = _files.tree_hashes(project / "data/tensors")
    shutil.rmtree(project / "data/tensors")

    run(project, "prepare")

    assert _files.tree_hashes(project / "data/tensors") == before
    assert len(before) == 4


def test_the_files_and_the_record_say_what_they_are(project):
    run(project, "fetch")
    run(project, "prepare")
    tensors, meta = _files.read_tensors(project / "data/tensors/iris/train.safetensors")
    record = json.loads((project / "data/records/prepare/iris.json").read_text())

    assert {name: array.dtype.name for name, array in tensors.items()} == {
        "x": "float32",
        "y": "int64",
        "rows": "int64",
    }
    assert meta["classes"] == ["setosa", "versicolor", "virginica"]
    assert (meta["licence"], meta["variant"]) == ("CC BY 4.0", "fisher")
    details = record["details"]
    removed = details["duplicates_removed"]  # two of the 150 flowers are alike
    assert details["rows"] == {
        "train": 90 - removed["train"],
        "dev": 30 - removed["dev"],
        "test": 30,
    }


def test_without_raw_files_the_user_is_told_to_fetch(project):
    done = run(project, "prepare")

    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: data/raw/iris/about.json: no such file; run `dvc repro")


def test_raw_files_of_another_variant_are_refused(project):
    run(project, "fetch")
    about = project / "data/raw/iris/about.json"
    about.write_text(about.read_text().replace('"fisher"', '"other"'))

    assert "holds the variant 'other'" in run(project, "prepare").stderr
