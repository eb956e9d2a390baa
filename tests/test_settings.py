"""What a stage needs of params.yaml, and nothing beyond it, is checked when it starts."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages import _params, _settings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder that has the project's params.yaml."""
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return path


DIGITS = "  optimizers:\n    data:\n      digits: mnist\n"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_an_experiment_alone_is_the_same_as_among_all(params: Path):
    alone, whole = _settings.of_experiment("optimizers"), _params.load()

    assert list(alone.experiments) == ["optimizers"]
    assert set(alone.datasets) == set(alone.experiment("optimizers").data.values())
    assert alone.experiment("optimizers") == whole.experiment("optimizers")


def test_a_fault_in_another_experiment_does_not_stop_this_one(params: Path):
    edit(params, "  cross_validation:\n", "  cross_validation:\n    typo: 1\n")

    assert _settings.of_experiment("optimizers").profile == "default"
    with pytest.raises(_params.ParamsError, match="typo: unknown key"):
        _settings.of_experiment("cross_validation")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (DIGITS, DIGITS.replace("mnist", "mnsit"), "'mnsit' is no dataset; did you mean 'mnist'"),
        (DIGITS, DIGITS.replace("mnist", "[mnist]"), "experiments.optimizers.data.digits"),
        ("  optimizers:\n", "  optimisers:\n", "did you mean 'optimizers'|stages/experiments"),
    ],
)
def test_a_block_that_names_nothing_is_explained_by_the_whole_check(
    params: Path, old: str, new: str, message: str
):
    edit(params, old, new)

    with pytest.raises(_params.ParamsError, match=message):
        _settings.of_experiment("optimizers").experiment("optimizers")


def test_training_starts_without_what_it_does_not_need():
    """Each of these takes a quarter of a second or more to import."""
    code = (
        "import sys, torch, stages.train\n"
        "from stages import _settings\n"
        "from stages.models.mlp import mlp\n"
        "_settings.of_experiment('optimizers')\n"
        "mlp((4, 3, 2), torch.Generator())\n"
        "heavy = ('matplotlib', 'rich', 'scipy.special', 'scipy.stats', 'sklearn', 'sympy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
