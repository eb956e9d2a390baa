"""The net that an experiment keeps reaches the registry, and can be used from there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept_nets import EXAMPLE, keep, predict
from stores import Failing, runs, sync

from stages.commands import _models, track
from stages.commands._models import Model, Version

LOAD = """
import json, sys
import mlflow
import numpy as np
mlflow.set_tracking_uri("sqlite:///mlflow.db")
model = mlflow.pyfunc.load_model("models:/optimizers@best")
rows = np.array(json.load(sys.stdin), np.float32)
print(json.dumps(model.predict(rows).tolist()))
"""


def versions() -> dict[str, dict[str, str]]:
    """Return alias -> tags of the versions that have one."""
    client = track.connect(track.store())
    found = client.search_registered_models()
    return {
        alias: client.get_model_version(model.name, number).tags
        for model in found
        for alias, number in model.aliases.items()
    }


def test_a_net_is_loaded_by_its_alias_in_a_fresh_process_without_pickle_and_predicts(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = keep(repo, 0.9)
    assert sync().problems == []
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    rows = np.concatenate([EXAMPLE, EXAMPLE, 1 - EXAMPLE])[:5]

    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        input=json.dumps(rows.tolist()),
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), predict(net, rows), rtol=1e-5)


def test_a_logged_model_says_what_it_takes_gives_needs_and_is_worth(repo: Path) -> None:
    keep(repo, 0.9)
    sync()

    client = track.connect(track.store())
    run = runs(client)["train@optimizers"]
    (model,) = client.search_logged_models([run.info.experiment_id])
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    assert (model.status, model.source_run_id) == ("READY", run.info.run_id)
    assert model.tags.items() >= {"arm": "adam", "seed": "0", "profile": "default"}.items()
    assert [(m.key, m.value) for m in model.metrics] == [("kept/dev_accuracy", 0.9)]
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "optimizers", "version": 1}]
    folder = Path(model.artifact_location.removeprefix("file://"))
    assert (folder / "data/model.pt2").is_file()
    assert (folder / "input_example.json").is_file()
    pinned = (folder / "requirements.txt").read_text().splitlines()
    assert sorted(line.partition("==")[0] for line in pinned) == ["mlflow", "numpy", "torch"]
    about = (folder / "MLmodel").read_text()
    assert '"shape": [-1, 2, 3]' in " ".join(about.split())
    assert model.model_id in about


def test_the_alias_moves_to_a_better_net_and_smoke_is_never_registered(repo: Path) -> None:
    for value, profile in ((0.8, "default"), (0.7, "default"), (0.95, "smoke"), (0.9, "default")):
        keep(repo, value, profile)
        assert sync().problems == []

    client = track.connect(track.store())
    values = [v.tags["value"] for v in client.search_model_versions("name = 'optimizers'")]
    assert sorted(values) == ["0.8", "0.9"]
    assert versions()["best"]["value"] == "0.9"


@pytest.mark.parametrize("calls", [6, 8, 11])
def test_what_a_kill_left_of_a_model_is_replaced(
    repo: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in Path("data/records").glob("*/*.json"):
        path.unlink()
    keep(repo, 0.9)
    connect = track.connect
    monkeypatch.setattr(track, "connect", lambda uri: Failing(connect(uri), calls))
    broken = sync()
    monkeypatch.setattr(track, "connect", connect)

    assert not broken.answered
    assert sync().added == 1

    client = connect(track.store())
    run = runs(client)["train@optimizers"]
    (model,) = client.search_logged_models([run.info.experiment_id])
    (version,) = client.search_model_versions("name = 'optimizers'")
    assert (model.source_run_id, version.run_id) == (run.info.run_id, run.info.run_id)
    assert versions()["best"]["value"] == "0.9"


def test_a_moved_repository_finds_its_models(
    repo: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(repo, 0.9)
    sync()
    moved = tmp_path_factory.mktemp("moved") / "here"
    shutil.copytree(repo, moved)
    monkeypatch.chdir(moved)

    client = track.connect(track.store())

    version = client.get_model_version_by_alias("optimizers", "best")
    place = client.get_model_version_download_uri("optimizers", version.version)
    assert place.startswith((moved / "mlartifacts").as_uri())
    assert version.source == place


def test_a_net_that_the_present_code_cannot_build_is_left_out_and_its_run_says_so(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(repo, 0.9)
    monkeypatch.delattr("stages.models.mlp.mlp")

    assert sync().problems == []

    run = runs()["train@optimizers"]
    assert run.data.tags["complete"] == "true"
    assert run.data.tags["model"].startswith("left out: ")
    assert versions() == {}


def test_only_functions_of_the_projects_models_are_called(repo: Path) -> None:
    keep(repo, 0.9)
    file = Path("data/trained/optimizers/model.safetensors")
    file.write_bytes(file.read_bytes().replace(b"stages.models.mlp", b"stages.danger.mlp"))

    with pytest.raises(ValueError, match="not in stages/models"):
        _models.rebuild(file)


def version(value: float, *aliases: str, **tags: str) -> Version:
    told = {"metric": "accuracy", "largest": "True", "profile": "default", "data_hash": "abcdef01"}
    return Version("1", {**told, "value": str(value), **tags}, aliases)


@pytest.mark.parametrize(
    ("value", "tags", "known", "earned"),
    [
        (0.9, {}, [], "best"),
        (0.9, {}, [version(0.8, "best")], "best"),
        (0.9, {}, [version(0.9, "best")], None),
        (0.9, {}, [version(0.8, "best"), version(0.95)], None),
        (0.9, {"profile": "smoke"}, [], None),
        (0.5, {"profile": "lecture"}, [version(0.9, "best")], "best-lecture-abcdef"),
        (0.5, {"data_hash": "123456"}, [version(0.9, "best")], "best-default-123456"),
        (0.1, {"metric": "loss", "largest": "False"}, [], "best"),
        (
            0.1,
            {"metric": "loss", "largest": "False"},
            [version(0.2, "best", metric="loss", largest="False")],
            "best",
        ),
        (
            0.3,
            {"metric": "loss", "largest": "False"},
            [version(0.2, "best", metric="loss", largest="False")],
            None,
        ),
    ],
)
def test_nets_are_compared_on_dev_for_equal_data_and_profile(
    value: float, tags: dict[str, str], known: list[Any], earned: str | None
) -> None:
    model = Model("optimizers", Path("model.safetensors"), version(value, **tags).tags, "")

    assert _models.alias(model, known) == earned
