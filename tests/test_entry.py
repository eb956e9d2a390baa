"""The way into a stage: exit codes, and one line for what the user can put right."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages import _entry

ROOT = Path(__file__).parent.parent


def failing(error: BaseException):
    def main() -> None:
        raise error

    return main


def test_a_users_mistake_is_one_line_and_exit_1(capsys, monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    with pytest.raises(SystemExit) as ended:
        _entry.run(failing(_entry.UserError("rate: too large")), [])

    assert ended.value.code == 1
    assert capsys.readouterr().err == "ERROR: rate: too large\n"


def test_under_dvc_the_way_back_to_the_outputs_is_named(capsys, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@optimizers")
    with pytest.raises(SystemExit):
        _entry.run(failing(_entry.UserError("x")), [])

    assert "dvc checkout" in capsys.readouterr().err


def test_what_an_earlier_stage_makes_is_named_if_it_is_missing(capsys):
    error = FileNotFoundError(2, "No such file", "data/trained/optimizers/about.json")
    with pytest.raises(SystemExit) as ended:
        _entry.run(failing(error), [])

    assert ended.value.code == 1
    assert "data/trained/optimizers/about.json: not there yet" in capsys.readouterr().err


def test_a_fault_of_the_code_keeps_its_trace():
    with pytest.raises(FileNotFoundError):
        _entry.run(failing(FileNotFoundError(2, "No such file", "/etc/nothing")), [])


def test_an_interrupt_is_exit_130_and_silent(capsys):
    with pytest.raises(SystemExit) as ended:
        _entry.run(failing(KeyboardInterrupt()), [])

    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_a_python_without_the_packages_is_told_so_in_one_line():
    bare = [sys.executable, "-S", "-m", "stages.train", "optimizers"]
    done = subprocess.run(bare, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert "source .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr
