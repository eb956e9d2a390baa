"""One sync at a time, started by the stages and out of their way."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished_repo import record, write
from stores import RUNS, call, contents, runs

from stages import _sync
from stages.commands import _turns


def test_two_syncs_at_once_add_each_run_once(repo: Path) -> None:
    said: list[str] = []
    both = [threading.Thread(target=lambda: said.append(call("sync").stdout)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()

    assert sorted(text.splitlines()[-1] for text in said) == [
        f"added 0 runs, {len(RUNS)} already there",
        f"added {len(RUNS)} runs, 0 already there",
    ]
    assert sorted(name for name in contents() if "@" in name) == RUNS


def test_a_stage_starts_a_sync_that_says_nothing_and_ends_by_itself(repo: Path) -> None:
    started = time.perf_counter()
    _sync.start_background()
    cost = time.perf_counter() - started

    until = time.monotonic() + 60
    while time.monotonic() < until and (len(runs()) < 10 or not _idle()):
        time.sleep(0.2)
    assert cost < 0.05
    assert sorted(name for name in contents() if "@" in name) == RUNS
    assert Path(".work/sync.log").read_text() == ""


def _idle() -> bool:
    try:
        with _turns.FileLock(_turns.LOCK, timeout=0):
            return True
    except _turns.Timeout:
        return False


@pytest.mark.parametrize(("name", "value"), [(_sync.SWITCH, "off"), ("CI", "true")])
def test_no_sync_is_started_when_switched_off_or_in_ci(
    repo: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(_sync, "_detached", lambda log: pytest.fail("a process was started"))

    _sync.start_background()

    assert not Path(".work").exists()


def test_a_stage_goes_on_where_no_sync_can_be_started(repo: Path) -> None:
    write(repo / ".work", "a file where the folder should be")

    _sync.start_background()


def test_a_second_background_sync_leaves_at_once(repo: Path) -> None:
    with _turns.foreground():
        _turns.background(lambda: pytest.fail("two at a time"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the background sync linger for a moment only."""
    monkeypatch.setattr(_turns, "LINGER", 0.3)
    monkeypatch.setattr(_turns, "POLL", 0.02)
    yield


def test_the_background_sync_sends_what_comes_while_it_lingers(repo: Path, impatient: None) -> None:
    seen = []

    def attempt() -> bool:
        seen.append(len(list(Path("data/records").glob("*/*.json"))))
        if len(seen) < 3:
            late = (repo, "prepare", f"late{len(seen)}")
            threading.Timer(0.1, record, late).start()
        return True

    _turns.background(attempt)

    assert seen == [len(RUNS), len(RUNS) + 1, len(RUNS) + 2]


def test_a_record_that_comes_as_the_background_sync_leaves_is_sent(
    repo: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, passes = _turns._follow, []

    def late(sync: Callable[[], bool]) -> Any:
        done = follow(sync)
        if len(passes) == 1:
            record(repo, "prepare", "late")
        return done

    monkeypatch.setattr(_turns, "_follow", late)

    _turns.background(lambda: passes.append(1) is None)

    assert len(passes) == 2


def test_a_background_sync_ends_when_the_store_fails(repo: Path, impatient: None) -> None:
    passes: list[int] = []

    _turns.background(lambda: bool(passes.append(1)))

    assert passes == [1]


def test_a_person_does_not_wait_for_a_sync_that_only_lingers(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_turns, "LINGER", 30.0)
    holding = threading.Event()
    other = threading.Thread(target=_turns.background, args=(lambda: holding.set() is None,))
    other.start()
    assert holding.wait(5)
    started = time.monotonic()

    with _turns.foreground():
        waited = time.monotonic() - started

    other.join(5)
    assert waited < 5


def test_the_log_does_not_grow_for_ever(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_turns, "LONGEST_LOG", 100)

    for i in range(9):
        _turns.log(f"line {i} " + "x" * 60)

    assert Path(".work/sync.log").stat().st_size < 300


def test_neither_the_doorbell_nor_the_command_line_imports_mlflow_or_torch(repo: Path) -> None:
    code = (
        "import sys, stages._sync, stages.commands.track; "
        "print('mlflow' in sys.modules or 'torch' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "False\n"
