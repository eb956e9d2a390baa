"""What MLflow holds after a sync."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from finished_repo import curves, record, write
from stores import ARMS, RUNS, STAGES, contents, runs, sync

from stages.commands import track
from stages.commands._groups import flatten


def test_every_stage_of_every_key_is_a_run_and_every_arm_a_child_of_evaluate(
    held: dict[str, Any],
) -> None:
    assert sorted(name for name in held if "@" in name) == RUNS
    assert {name: run["parent"] for name, run in held.items() if run["parent"]} == dict.fromkeys(
        ARMS, "evaluate@optimizers"
    )


def test_a_run_lies_in_the_experiment_of_its_lecture_experiment(held: dict[str, Any]) -> None:
    client = track.connect(track.store())
    names = {found.experiment_id: found.name for found in client.search_experiments()}
    places = {name: names[run.info.experiment_id] for name, run in runs(client).items()}
    assert {places[name] for name in STAGES} == {"data"}
    assert {place for name, place in places.items() if name not in STAGES} == {"optimizers"}


def test_a_second_sync_adds_nothing(held: dict[str, Any]) -> None:
    again = sync()

    assert (again.added, again.present) == (0, len(RUNS))
    assert contents() == held


def test_a_run_says_what_ran_on_what_where_and_how_long(held: dict[str, Any]) -> None:
    run = held["train@optimizers"]
    assert run["params"] == {"seed": "20210530", "train.epochs": "20", "train.rates": "[0.1, 0.01]"}
    expected = {
        "stage": "train",
        "key": "optimizers",
        "profile": "default",
        "params_hash": "0123456789abcdef",
        "device": "cpu",
        "details.plan": "stacked",
        "mlflow.source.name": "python -m stages.train optimizers",
    }
    assert run["tags"].items() >= expected.items()
    assert run["tags"]["git_commit"] == run["tags"]["mlflow.source.git.commit"]
    assert "dvc_experiment" not in run["tags"]
    start = 1_767_225_600_000 + 3 * 60_000
    assert run["times"] == ("FINISHED", start, start + 12_500)
    assert run["metrics"]["timing/seconds"] == [(0, 12.5)]
    assert run["metrics"]["timing/train_seconds"] == [(0, 11.5)]


def test_the_data_sets_are_inputs_with_their_digests(held: dict[str, Any]) -> None:
    digests = json.loads(Path("data/records/train/optimizers.json").read_text())["inputs"]
    assert [name for name, _ in held["train@optimizers"]["inputs"]] == ["mnist", "mnist"]
    assert {digest for _, digest in held["train@optimizers"]["inputs"]} == {
        digest[:12] for digest in digests.values()
    }
    assert len(held["evaluate@optimizers"]["inputs"]) == 1
    assert [name for name, _ in held["prepare@mnist"]["inputs"]] == ["mnist"]
    assert (
        held["evaluate@optimizers"]["tags"]["data_hash"]
        != held["train@optimizers"]["tags"]["data_hash"]
    )


def test_an_arm_holds_its_curves_in_batches_and_its_test_metrics(held: dict[str, Any]) -> None:
    table = curves(ARMS, 5)
    for arm in ARMS:
        for (split, metric), rows in table[table["arm"] == arm].groupby(["split", "metric"]):
            curve = held[arm]["metrics"][f"{split}/{metric}"]
            assert [step for step, _ in curve] == rows["step"].tolist()
            np.testing.assert_allclose([value for _, value in curve], rows["mean"], rtol=1e-12)
    arm = held[ARMS[1]]
    assert arm["metrics"]["test/accuracy"] == [(0, 0.81)]
    assert arm["metrics"]["test_stats/accuracy_sd"] == [(0, 0.02)]
    assert arm["metrics"]["test_stats/accuracy_low"] == [(0, 0.79)]
    assert arm["metrics"]["test_stats/accuracy_high"] == [(0, 0.83)]
    assert arm["metrics"]["test_stats/accuracy_n"] == [(0, 10)]
    assert arm["metrics"]["dev_stats/accuracy_mean"] == [(0, 0.81)]
    assert arm["params"] == {
        "arm": "adam lr=0.01",
        "lr": "0.01",
        "optimizer": "adam",
        "rate": "0.01",
        "sizes": "[784, 10]",
    }
    assert held["None"]["params"] == {"arm": "None"}
    assert (
        arm["tags"].items() >= {"arm": ARMS[1], "key": "optimizers", "profile": "default"}.items()
    )


def test_arms_have_colours_of_their_own(held: dict[str, Any]) -> None:
    assert len({held[arm]["tags"]["mlflow.runColor"] for arm in ARMS}) == len(ARMS)


def test_verdicts_and_headline_can_be_searched_and_read(held: dict[str, Any]) -> None:
    client = track.connect(track.store())
    place = client.get_experiment_by_name("optimizers").experiment_id
    (run,) = client.search_runs([place], "tags.`verdict.adam_beats_sgd` = 'supported'")
    assert run.data.metrics["headline/best_test_accuracy"] == 0.9
    assert run.data.metrics["claims/adam_beats_sgd"] == 0.031
    assert "claims/momentum_helps" not in run.data.metrics
    assert run.data.tags["mlflow.note.content"].splitlines() == [
        "- **supported** adam_beats_sgd: 0.031, 0.01 to 0.05, n = 10",
        "- **undecided** momentum_helps: n = 3",
    ]


def test_tables_pages_and_figures_are_artifacts_with_the_bytes_they_had(
    held: dict[str, Any],
) -> None:
    client = track.connect(track.store())
    run = runs(client)["report@optimizers"]
    page = Path(client.download_artifacts(run.info.run_id, "page"))
    assert {file.relative_to(page): file.read_bytes() for file in page.rglob("*.*")} == {
        file.relative_to("reports/pages/optimizers"): file.read_bytes()
        for file in Path("reports/pages/optimizers").rglob("*.*")
    }
    assert held["evaluate@optimizers"]["artifacts"] == [
        "arms.csv",
        "curves.csv",
        "metrics.json",
        "record.json",
    ]
    assert held["train@optimizers"]["artifacts"] == ["about.json", "arms.csv", "record.json"]
    assert held["site@site"]["artifacts"] == ["index.html", "record.json"]


def test_train_tells_how_its_arms_did_on_dev(held: dict[str, Any]) -> None:
    found = held["train@optimizers"]["metrics"]
    assert found["arms"] == [(0, 3)]
    assert found["dev_arms/accuracy_min"] == [(0, pytest.approx(0.81))]
    assert found["dev_arms/accuracy_max"] == [(0, pytest.approx(0.812))]


def test_a_curve_with_a_diverged_stretch_is_sent(repo: Path) -> None:
    table = curves(["wild"], 3)
    table.loc[table["epoch"] > 1, "mean"] = float("nan")
    write(repo / "reports/curves/optimizers.csv", table.to_csv(index=False))
    arms = pd.DataFrame([("wild", "accuracy", "test", float("nan"), float("nan"), 10)])
    arms.columns = ["arm", "metric", "split", "mean", "sd", "n"]
    write(repo / "reports/arms/optimizers.csv", arms.to_csv(index=False))
    names = tuple(f"reports/{part}/optimizers.csv" for part in ("arms", "curves"))
    record(repo, "evaluate", "optimizers", outputs=names)

    assert sync().problems == []
    found = contents()["wild"]["metrics"]
    assert [np.isnan(value) for _, value in found["dev/loss"]] == [False, True, True]
    assert "test/accuracy" not in found


def test_a_long_parameter_is_cut_and_kept_whole_in_the_record(repo: Path) -> None:
    record(repo, "gather", "optimizers", params={"text": "x" * 7000, "empty": {}, "on": True})

    sync()

    client = track.connect(track.store())
    run = runs(client)["gather@optimizers"]
    assert len(run.data.params["text"]) == 6000
    assert run.data.params.items() >= {"empty": "{}", "on": "true"}.items()
    kept = Path(client.download_artifacts(run.info.run_id, "record.json")).read_text()
    assert json.loads(kept)["params"]["text"] == "x" * 7000


def test_names_that_mlflow_refuses_are_spelt_so_that_it_takes_them(repo: Path) -> None:
    timing = {"ms/step (µs?)": 1.0, "..": 2.0}
    record(repo, "gather", "optimizers", timing=timing, params={"a*b": {"c//d": 1}})

    assert sync().problems == []
    run = runs()["gather@optimizers"].data
    assert run.params == {"a_b.c__d": "1"}
    assert set(run.metrics) == {"timing/ms_step _µs__", "timing/_", "timing/seconds"}


def test_nested_parameters_get_dotted_names() -> None:
    assert flatten({"a": {"b": {"c": 1}}, "d": [{"e": None}], "f": "x"}) == {
        "a.b.c": "1",
        "d": '[{"e": null}]',
        "f": "x",
    }
