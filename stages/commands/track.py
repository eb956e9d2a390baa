"""MLflow's only writer: sends to the store what the records and tables hold and it lacks.

    python -m stages.commands.track sync [--strict]     now, with a line per stage added
    python -m stages.commands.track sync --background   what each stage starts at its end
    python -m stages.commands.track ui [--port 5000]    sync, then the MLflow UI on the same store

In: records, tables, pages; `MLFLOW_TRACKING_URI` (default: mlflow.db at the root). Out: runs.

An MLflow experiment per lecture experiment (and `data`), a run per record, keyed by the SHA-256 of
the record (tag `record`). The arms are children of *evaluate*, each with its curves and its test
metrics, so that one table and one chart compare them; `train` keeps their summary as `arms.csv`.
A run's last write is the tag `complete`: what a killed sync left without it is deleted and sent
again, so that nothing stays half there or comes twice. What a user deletes stays deleted.
A store that fails ends the sync with one warning; the next sync sends what is missing.
"""

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout

from stages.commands import _live, _local, _turns
from stages.commands._groups import Group, Record, WaitingError, load, read
from stages.commands._outcome import LeftOutError, Outcome
from stages.commands._secrets import conceal, redact
from stages.commands._store import SETTINGS, Store, connect, is_server


class Tracker:
    """A store, reached when first needed, and the records already seen in it."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._store: Store | None = None
        self._done: set[str] = set()

    def sync(self, say: Callable[[str], None] = lambda line: None) -> Outcome:
        """Send every record that the store lacks, oldest first; never raises."""
        outcome = Outcome()
        processes = _live.alive()
        for record in _records(outcome):
            try:
                sent = None if record.sha in self._done else self._send_missing(record)
            except WaitingError as error:
                outcome.waiting.append(str(error))
            except LeftOutError as error:
                outcome.problems.append(str(error))
            except Exception as error:  # whatever a store does, the pipeline goes on
                self._give_up(outcome, error)
                return outcome
            else:
                self._done.add(record.sha)
                outcome.added += sent is not None
                outcome.present += sent is None
                if sent:
                    say(
                        f"added {sent.stage.name}"
                        + f" with {len(sent.arms)} arms" * bool(sent.arms)
                    )
        try:
            if processes or self._store:
                _live.follow(self._reach(), processes)
        except LeftOutError as error:
            outcome.problems.append(str(error))
        except Exception as error:
            self._give_up(outcome, error)
        return outcome

    def _give_up(self, outcome: Outcome, error: Exception) -> None:
        outcome.problems.append(redact(f"MLflow at {self._uri} failed: {error}", self._uri))
        _turns.log(conceal(traceback.format_exc(), self._uri))
        outcome.answered = False

    def _reach(self) -> Store:
        self._store = self._store or Store(connect(self._uri), self._uri)
        return self._store

    def _send_missing(self, record: Record) -> Group | None:
        """Send a record unless its run is complete; delete what a killed sync left of it."""
        store = self._reach()
        experiment = store.experiment(record.experiment)
        found = store.find(experiment, f"tags.record = '{record.sha}'")
        if any("complete" in run.data.tags for run in found):
            return None
        group = _load(record)
        for run in found:
            store.delete(run)
        _send(store, experiment, record.sha, group)
        return group


def _records(outcome: Outcome) -> list[Record]:
    """Return the records on disk, oldest first; name those that cannot be read in `outcome`."""
    found = []
    for path in sorted(_turns.RECORDS.glob("*/*.json")):
        try:
            found.append(read(path))
        except (OSError, ValueError, KeyError, TypeError) as error:
            outcome.problems.append(f"{path} is not a record ({error!r}): run its stage again")
    return sorted(found, key=lambda record: record.started)


def _load(record: Record) -> Group:
    try:
        return load(record.content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LeftOutError(
            f"a record of {record.experiment} of {record.started} does not have the shape that "
            f"this version reads ({error!r}): run its stage again"
        ) from error


def _send(store: Store, experiment: str, sha: str, group: Group) -> None:
    """Write a stage's run, its arms below it, and, last of all, that it is complete."""
    stage, mark = group.stage, {"record": sha}
    parent = _live.continued(store, experiment, stage)
    if parent:
        store.log(parent, tags={**stage.tags, **mark})
    else:
        parent = store.start(experiment, stage, mark)
    store.log(parent, stage.points, stage.end, stage.params)
    store.inputs(parent, group.inputs)
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(group, Path(folder))
        store.artifacts(parent, Path(folder))
    for arm in group.arms:
        child = store.start(experiment, arm, {"mlflow.parentRunId": parent})
        store.log(child, arm.points, arm.end, arm.params)
        store.end(child, "FINISHED", arm.end)
    if group.model:
        store.model(experiment, parent, group.model, stage.end)
    store.end(parent, "FINISHED", stage.end)
    store.log(parent, tags={"complete": "true"})


def _lay_out(group: Group, folder: Path) -> None:
    """Put a group's artifacts into a folder, each at its place."""
    for place, file in group.files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / place)
    for place, text in group.texts.items():
        (folder / place).write_text(text, encoding="utf-8")


def store() -> str:
    """Return the address of the store to write to."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _local.address(Path.cwd())


def sync(strict: bool = False) -> int:
    """Sync now and say what was added; a store that fails costs a warning, under `strict` 1."""
    try:
        with _turns.foreground():
            outcome = Tracker(store()).sync(print)
    except Timeout:
        outcome = Outcome(problems=["another sync has not ended for minutes (.work/sync.log)"])
    except OSError as error:
        outcome = Outcome(problems=[f"no sync without a lock in .work ({error})"])
    for problem in outcome.problems:
        print(f"warning: {problem}; the next sync sends what is missing", file=sys.stderr)
    print(outcome)
    return int(strict and bool(outcome.problems or outcome.waiting))


def sync_background() -> int:
    """Sync what stages leave, as long as they leave it, at low priority and without a word."""
    if hasattr(os, "nice"):
        os.nice(10)
    tracker = Tracker(store())

    def attempt() -> bool:
        outcome = tracker.sync()
        for problem in outcome.problems:
            _turns.log(problem)
        return outcome.answered

    _turns.background(attempt)
    return 0


def ui(port: int) -> int:
    """Sync, then become the MLflow UI; where a server is in use, say where its UI is."""
    sync()
    uri = store()
    if is_server(uri):
        print(f"the UI is the server's own: {redact(uri)}")
        return 0
    print(f'the UI: http://127.0.0.1:{port}, "Model training" at its top left', flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    os.execve(sys.executable, command, {**SETTINGS, **os.environ, "MLFLOW_BACKEND_STORE_URI": uri})


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stages.commands.track", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    syncing = commands.add_parser("sync", help="send to MLflow what it lacks")
    syncing.add_argument("--background", action="store_true", help="quiet; ends with the repro")
    syncing.add_argument("--strict", action="store_true", help="exit 1 unless all is sent")
    viewing = commands.add_parser("ui", help="sync, then open the MLflow UI")
    viewing.add_argument("--port", type=int, default=5000)
    given = parser.parse_args(arguments)
    if given.command == "ui":
        return ui(given.port)
    return sync_background() if given.background else sync(given.strict)


if __name__ == "__main__":
    sys.exit(main())
