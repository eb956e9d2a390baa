"""The architecture, as tests: each rule holds, and each is shown to catch a planted fault."""

import importlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import architecture
import pytest
import yaml
from conftest import Project
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from stages import _meanings, _params
from stages._claims import ClaimSettings
from stages.commands import repro

ROOT = Path(__file__).parent.parent
RULES = [
    architecture.stages_and_files,
    architecture.blocks_and_folders,
    architecture.undeclared_code,
    architecture.needless_deps,
    architecture.impurities,
    architecture.wrong_imports,
    architecture.cross_imports,
]
EXPERIMENTS = sorted(path.parent.name for path in ROOT.glob("stages/experiments/*/params.py"))


@pytest.mark.parametrize("rule", RULES)
def test_the_project_keeps_its_rules(rule: Callable[[Path], list[str]]):
    assert rule(ROOT) == []


def append(path: str, line: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        target = root / path
        target.parent.mkdir(exist_ok=True)
        target.write_text((target.read_text() if target.exists() else "") + line)

    return plant


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    def plant(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return plant


FAULTS = [
    (architecture.stages_and_files, append("stages/deploy.py", "")),
    (architecture.blocks_and_folders, append("stages/experiments/lonely/__init__.py", "")),
    (architecture.blocks_and_folders, replace("params.yaml", "  iris:", "  iris2:")),
    (architecture.undeclared_code, replace("dvc.yaml", "        - stages/_trained.py\n", "")),
    (architecture.undeclared_code, append("stages/_files.py", "from stages import _numbers\n")),
    (architecture.undeclared_code, replace("dvc.yaml", "/fit\n        - stages/train.py",
                                           "/test\n        - stages/train.py")),
    (architecture.needless_deps, replace("dvc.yaml", "- stages/gather.py",
                                         "- stages/gather.py\n        - stages/_claims.py")),
    (architecture.impurities, append("stages/sweep/_plan.py", "import time\n")),
    (architecture.impurities, append("stages/models/mlp.py", "torch.manual_seed(0)\n")),
    (architecture.impurities, append("stages/sweep/_plan.py", "print('x')\n")),
    (architecture.impurities, append("stages/sweep/_plan.py", "from stages import _files\n")),
    (architecture.wrong_imports, append("stages/train.py", "import mlflow\n")),
    (architecture.wrong_imports, append("stages/_numbers.py", "import torch\n")),
    (architecture.cross_imports, append("stages/report.py", "from stages import evaluate\n")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "plant"), FAULTS)
def test_a_planted_fault_is_found(rule, plant, tmp_path):
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pyc*"))
    plant(tmp_path)

    assert rule(tmp_path) != []


def fields(experiment: str) -> Iterator[tuple[str, FieldInfo]]:
    """Yield the fields of all blocks of an experiment, the roles of its data apart."""
    schema = importlib.import_module(f"stages.experiments.{experiment}.params")
    for name, block in vars(schema).items():
        own = isinstance(block, type) and block.__module__ == schema.__name__
        if own and issubclass(block, BaseModel) and name != "Data":
            yield from ((f"{name}.{key}", field) for key, field in block.model_fields.items())


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_number_of_an_experiment_stands_in_params(experiment: str):
    """A schema without defaults cannot change a result, so that no stage need depend on it."""
    assert [name for name, field in fields(experiment) if not field.is_required()] == []


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_setting_says_what_it_is(experiment: str):
    """Pages show the description beside the value; a block has its docstring instead."""
    bare = [
        name
        for name, field in fields(experiment)
        if not field.description
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
        if _meanings.block_in(field.annotation) is not ClaimSettings
    ]

    assert bare == []


def test_every_setting_of_a_dataset_says_what_it_is():
    keys = {
        key for block in _params.read(ROOT / "params.yaml")["datasets"].values() for key in block
    }

    assert keys <= set(_meanings.OF_DATASETS)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_is_a_folder_of_five_files(experiment: str):
    files = {path.name for path in (ROOT / "stages/experiments" / experiment).glob("*.py")}

    assert files == {"__init__.py", "params.py", "train.py", "evaluate.py", "report.py"}
    assert (ROOT / "stages/experiments" / experiment / "__init__.py").read_text() == ""


def test_a_fresh_copy_has_the_folders_on_which_experiments_without_datasets_depend(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(repro, "_run", lambda *words: 1)

    with pytest.raises(SystemExit):
        repro.main("losses")

    stages = yaml.safe_load((project.root / "dvc.yaml").read_text())["stages"]
    shared = [
        dependency
        for name in ("gather", "train", "evaluate", "report")
        for dependency in stages[name]["do"]["deps"]
        if dependency.startswith("data/") and "${" not in dependency
    ]
    assert "data/tensors" in shared
    assert [folder for folder in shared if not Path(folder).exists()] == []
