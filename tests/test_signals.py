"""A signal to `make repro`'s own process ends all that it started."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import Project

from stages.commands import _child

SLEEP = "import time; print('here', flush=True); time.sleep(60)"
PARENT = f"""
import signal, subprocess, sys
stage = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as DVC does while a stage runs
sys.exit(stage.wait())
"""
STUBBORN = f"""
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
{SLEEP}
"""
DRIVER = """
import os, sys
from stages.commands import _child
_child.GRACE = _child.PATIENCE = 0.3
try:
    sys.exit(_child.run([sys.executable, "-c", sys.argv[1]], os.environ))
except _child.SignalledError as signalled:
    sys.exit(signalled.code)
"""


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> int:
    """One signal after the other."""
    return int(request.param)


def start(script: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("script", [SLEEP, PARENT, STUBBORN])
def test_a_signal_to_the_driver_alone_ends_everything_below_it(script: str, number: int):
    with start(script) as driver:
        assert driver.stdout.readline() == "here\n"
        below = psutil.Process(driver.pid).children(recursive=True)
        os.kill(driver.pid, number)
        _, stderr = driver.communicate(timeout=30)

    assert below
    assert not psutil.wait_procs(below, timeout=10)[1]  # whoever adopted them may reap them late
    assert (driver.returncode, stderr) == (128 + number, "")


def test_without_a_signal_the_commands_own_code_and_complaints_come_through(capfd):
    script = "import sys; print('complaint', file=sys.stderr); sys.exit(7)"

    assert _child.run([sys.executable, "-c", script], os.environ) == 7
    assert capfd.readouterr().err == "complaint\n"


def test_the_handlers_of_before_are_back_afterwards():
    before = [signal.getsignal(number) for number in _child.SIGNALS]
    _child.run([sys.executable, "-c", ""], os.environ)

    assert [signal.getsignal(number) for number in _child.SIGNALS] == before


@pytest.fixture
def training(smoke: Project, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a repro whose one stage trains for minutes."""
    copy = tmp_path / "long"
    shutil.copytree(smoke.root, copy, symlinks=True)
    project = Project(copy)
    project.edit(
        "params.yaml", "batch_size: 32\n      epochs: 2", "batch_size: 8\n      epochs: 999"
    )
    with project.start("stages.commands.repro", "optimizers") as driver:
        yield driver


@pytest.mark.slow
def test_a_repro_ends_with_its_stage_and_one_line(training: "subprocess.Popen[str]", number: int):
    line = training.stdout.readline()
    while "stages.train" not in line:
        line = training.stdout.readline()
        assert line, "the run ended before it trained anything"
    time.sleep(2)
    below = psutil.Process(training.pid).children(recursive=True)
    assert any("stages.train" in " ".join(process.cmdline()) for process in below)
    os.kill(training.pid, number)
    _, stderr = training.communicate(timeout=60)

    assert not any(process.is_running() for process in below)
    assert training.returncode == 128 + number
    assert stderr.strip() == "Interrupted; the same command goes on from here."
