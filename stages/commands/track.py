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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import Timeout

from stages.commands import _local, _reach, _turns
from stages.commands._groups import DATA, Group, Input, Record, Run, WaitingError, load, read
from stages.commands._outcome import LeftOutError, Outcome
from stages.commands._secrets import check, conceal, redact

if TYPE_CHECKING:  # MLflow takes a second to import: only a sync that has the lock pays it
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput
    from mlflow.entities import Run as StoredRun

SETTINGS = {  # the caller's own environment goes first
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
KIND = {"mlflow.experimentKind": "custom_model_development"}  # not the chat traces of "GenAI"
NOTE = (
    "[Compare the arms](#/experiments/{id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    "&searchFilter=tags.arm%20!%3D%20''&orderByKey=tags.%60mlflow.runName%60&orderByAsc=true), the "
    "child runs of *evaluate*: mean curves over batches, test metrics over seeds."
)


class Tracker:
    """A store, reached when first needed, and the records already seen in it."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: MlflowClient | None = None
        self._done: set[str] = set()

    def sync(self, say: Callable[[str], None] = lambda line: None) -> Outcome:
        """Send every record that the store lacks, oldest first; never raises."""
        outcome = Outcome()
        for record in _records(outcome):
            try:
                sent = None if record.sha in self._done else self._send_missing(record)
            except WaitingError as error:
                outcome.waiting.append(str(error))
            except LeftOutError as error:
                outcome.problems.append(str(error))
            except Exception as error:  # whatever a store does, the pipeline goes on
                outcome.problems.append(redact(f"MLflow at {self._uri} failed: {error}", self._uri))
                _turns.log(conceal(traceback.format_exc(), self._uri))
                outcome.answered = False
                break
            else:
                self._done.add(record.sha)
                outcome.added += sent is not None
                outcome.present += sent is None
                if sent:
                    say(
                        f"added {sent.stage.name}"
                        + f" with {len(sent.arms)} arms" * bool(sent.arms)
                    )
        return outcome

    def _send_missing(self, record: Record) -> Group | None:
        """Send a record unless its run is complete; delete what a killed sync left of it."""
        client = self._client = self._client or connect(self._uri)
        experiment = _experiment(client, record.experiment, self._uri)
        found = _search(client, experiment, f"tags.record = '{record.sha}'")
        if any("complete" in run.data.tags for run in found):
            return None
        group = _load(record)
        for run in found:
            _delete(client, run)
        _send(client, experiment, record.sha, group)
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


def connect(uri: str) -> "MlflowClient":
    """Return a client that gives up soon; the default store is made on first use."""
    check(uri)
    _reach.probe(uri)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    if uri == _local.address(Path.cwd()):
        client.search_experiments(max_results=1)
        _local.tune(Path.cwd())
    return client


def _experiment(client: "MlflowClient", name: str, uri: str) -> str:
    """Return the id of an experiment, made if missing."""
    found = client.get_experiment_by_name(name)
    if found is None:
        place = None if urlsplit(uri).scheme in ("http", "https") else _local.artifacts(Path.cwd())
        made = str(client.create_experiment(name, place and f"{place}/{name}", KIND))
        if name != DATA:
            client.set_experiment_tag(made, "mlflow.note.content", NOTE.format(id=made))
        return made
    if found.lifecycle_stage == "deleted":
        raise LeftOutError(
            f"the MLflow experiment {name} was deleted: bring it back with `mlflow experiments "
            f"restore --experiment-id {found.experiment_id}`, or end its deletion with `mlflow gc`"
        )
    return str(found.experiment_id)


def _search(client: "MlflowClient", experiment: str, query: str) -> "list[StoredRun]":
    """Return the runs that match, deleted ones too."""
    from mlflow.entities import ViewType

    found: list[StoredRun] = []
    token = None
    while token or not found:
        page = client.search_runs([experiment], query, ViewType.ALL, page_token=token)
        found, token = [*found, *page], page.token
        if not page:
            break
    return found


def _delete(client: "MlflowClient", run: "StoredRun") -> None:
    """Delete an incomplete run and its arms."""
    arms = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    for found in [*_search(client, run.info.experiment_id, arms), run]:
        if found.info.lifecycle_stage == "active":
            client.delete_run(found.info.run_id)


def _send(client: "MlflowClient", experiment: str, sha: str, group: Group) -> None:
    """Write a stage's run, its arms below it, and, last of all, that it is complete."""
    parent = _start(client, experiment, group.stage, {"record": sha})
    _fill(client, parent, group.stage)
    if group.inputs:
        client.log_inputs(parent, [_dataset(data) for data in group.inputs])
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(group, Path(folder))
        client.log_artifacts(parent, folder)
    for arm in group.arms:
        child = _start(client, experiment, arm, {"mlflow.parentRunId": parent})
        _fill(client, child, arm)
        client.set_terminated(child, "FINISHED", arm.end)
    client.set_terminated(parent, "FINISHED", group.stage.end)
    client.set_tag(parent, "complete", "true")


def _start(client: "MlflowClient", experiment: str, run: Run, tags: dict[str, str]) -> str:
    made = client.create_run(experiment, run.start, {**run.tags, **tags}, run.name)
    return str(made.info.run_id)


def _fill(client: "MlflowClient", run_id: str, run: Run) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(point.key, point.value, run.end, point.step) for point in run.points]
    client.log_batch(run_id, metrics, [Param(name, value) for name, value in run.params.items()])


def _dataset(data: Input) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = f'{{"uri": "{data.source}"}}'
    stored = Dataset(data.name, data.digest, "local", source)
    return DatasetInput(stored, [InputTag("mlflow.data.context", data.context)])


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
    if urlsplit(uri).scheme in ("http", "https"):
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
