"""Profiles: an overlay on the committed params.yaml that loses nothing."""

import pytest
from conftest import Project
from ruamel.yaml import YAML


def params(project: Project) -> dict:
    return YAML(typ="safe").load(project.root / "params.yaml")


@pytest.mark.parametrize("name", ["smoke", "lecture"])
def test_a_profile_is_applied_with_comments_kept_and_taken_back(project: Project, name: str):
    before = (project.root / "params.yaml").read_text()
    done = project.run("stages.commands.profile", name)

    assert done.returncode == 0, done.stderr
    assert params(project)["profile"] == name
    assert "# Every number that a result depends on" in (project.root / "params.yaml").read_text()
    assert "experiments.optimizers.train.epochs: 12 ->" in done.stdout
    assert all(block["thresholds"] == {} for block in params(project)["experiments"].values())
    assert project.run("stages.commands.check").stdout.endswith("nothing to check.\n")

    assert project.run("stages.commands.profile", "default").returncode == 0
    assert (project.root / "params.yaml").read_text() == before


def test_from_one_profile_to_another_needs_no_force(project: Project):
    assert project.run("stages.commands.profile", "smoke").returncode == 0
    assert project.run("stages.commands.profile", "lecture").returncode == 0
    assert params(project)["datasets"]["fashion"]["split"]["train"] == 55000


def test_uncommitted_edits_are_not_lost(project: Project):
    project.edit("params.yaml", "seed: 20210530", "seed: 7")
    refused = project.run("stages.commands.profile", "smoke")
    assert refused.returncode == 1
    assert "uncommitted edits" in refused.stderr
    assert params(project)["seed"] == 7

    forced = project.run("stages.commands.profile", "smoke", "--force")
    assert forced.returncode == 0
    (backup,) = project.root.glob("params.yaml.bak-*")
    assert "seed: 7" in backup.read_text()


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("experiments: {optimizers: {train: {epohcs: 1}}}", "epohcs: unknown key; did you mean"),
        ("datasets: {nothing: null}", "null removes a block that is not there"),
        ("seed: [", "not valid YAML"),
    ],
)
def test_a_wrong_overlay_changes_nothing(project: Project, overlay: str, message: str):
    before = (project.root / "params.yaml").read_text()
    (project.root / "profiles/own.yaml").write_text(overlay)
    done = project.run("stages.commands.profile", "own")

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (project.root / "params.yaml").read_text() == before


def test_an_unknown_profile_is_named_with_the_nearest(project: Project):
    done = project.run("stages.commands.profile", "smok")

    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean 'smoke'?" in done.stderr


def test_the_plan_names_every_dataset_and_experiment_and_runs_nothing(project: Project):
    done = project.run("stages.commands.plan")

    assert done.returncode == 0, done.stderr
    for name in [*params(project)["datasets"], *params(project)["experiments"]]:
        assert name in done.stdout
    assert "make run E=optimizers" in done.stdout
    assert not (project.root / "data/raw").exists()
