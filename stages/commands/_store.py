"""The only module that imports mlflow: a store as the tracker needs it.

In: runs, points, files and models of this project. Out: what MLflow's client makes of them.
"""

import json
import os
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stages.commands import _local, _reach
from stages.commands._arms import Point
from stages.commands._data import Input
from stages.commands._groups import DATA, Run
from stages.commands._models import Model, Version, alias, rebuild
from stages.commands._outcome import LeftOutError
from stages.commands._secrets import check, redact

if TYPE_CHECKING:  # MLflow takes a second to import: only a sync that has the lock pays it
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, LoggedModel
    from mlflow.entities import Run as StoredRun
    from mlflow.models import Model as Description

SETTINGS = {  # the caller's own environment goes first
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PINNED = ("mlflow", "torch", "numpy")  # what a model needs where it is loaded
KIND = {"mlflow.experimentKind": "custom_model_development"}  # not the chat traces of "GenAI"
NOTE = (
    "[Compare the arms](#/experiments/{id}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    "&searchFilter=tags.arm%20!%3D%20''&orderByKey=tags.%60mlflow.runName%60&orderByAsc=true), the "
    "child runs of *evaluate*: mean curves over batches, test metrics over seeds."
)


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


def is_server(uri: str) -> bool:
    """Return whether a store is a server, which keeps its artifacts itself."""
    return urlsplit(uri).scheme in ("http", "https")


class Store:
    """Runs and models of one store, written and found."""

    def __init__(self, client: "MlflowClient", uri: str) -> None:
        self._client, self._uri = client, uri

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, made if missing."""
        found = self._client.get_experiment_by_name(name)
        if found is None:
            place = None if is_server(self._uri) else f"{_local.artifacts(Path.cwd())}/{name}"
            made = str(self._client.create_experiment(name, place, KIND))
            if name != DATA:
                note = NOTE.format(id=made)
                self._client.set_experiment_tag(made, "mlflow.note.content", note)
            return made
        if found.lifecycle_stage == "deleted":
            raise LeftOutError(
                f"the MLflow experiment {name} was deleted: bring it back with `mlflow "
                f"experiments restore --experiment-id {found.experiment_id}`, or end its deletion "
                "with `mlflow gc`"
            )
        return str(found.experiment_id)

    def find(self, experiment: str, query: str) -> "list[StoredRun]":
        """Return the runs that match, deleted ones too."""
        from mlflow.entities import ViewType

        found: list[StoredRun] = []
        token = None
        while token or not found:
            page = self._client.search_runs([experiment], query, ViewType.ALL, page_token=token)
            found, token = [*found, *page], page.token
            if not page:
                break
        return found

    def unfinished(self, place: str) -> "list[StoredRun]":
        """Return the runs of any experiment that were begun at a place and go on."""
        known = [found.experiment_id for found in self._client.search_experiments()]
        query = f"tags.live_place = '{place}' and attributes.status = 'RUNNING'"
        return list(self._client.search_runs(known, query))

    def delete(self, run: "StoredRun") -> None:
        """Delete an incomplete run, its arms and its models."""
        arms = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
        for found in [*self.find(run.info.experiment_id, arms), run]:
            if found.info.lifecycle_stage == "active":
                self._client.delete_run(found.info.run_id)
        for version in self._client.search_model_versions(f"run_id = '{run.info.run_id}'"):
            self._client.delete_model_version(version.name, version.version)
        made = f"source_run_id = '{run.info.run_id}'"
        for model in self._client.search_logged_models([run.info.experiment_id], made):
            self._client.delete_logged_model(model.model_id)

    def start(self, experiment: str, run: Run, tags: Mapping[str, str]) -> str:
        """Make a run that goes on; return its id."""
        made = self._client.create_run(experiment, run.start, {**run.tags, **tags}, run.name)
        return str(made.info.run_id)

    def log(
        self,
        run_id: str,
        points: Iterable[Point] = (),
        when: int = 0,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write points, all of one time (milliseconds since 1970), params and tags."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.key, point.value, when, point.step) for point in points]
        named = [Param(name, value) for name, value in (params or {}).items()]
        marks = [RunTag(name, value) for name, value in (tags or {}).items()]
        self._client.log_batch(run_id, metrics, named, marks)

    def inputs(self, run_id: str, inputs: Iterable[Input]) -> None:
        """Name the datasets that a run read."""
        if found := [_dataset(data) for data in inputs]:
            self._client.log_inputs(run_id, found)

    def artifacts(self, run_id: str, folder: Path) -> None:
        """Send a folder of artifacts."""
        self._client.log_artifacts(run_id, str(folder))

    def model(self, experiment: str, run_id: str, model: Model, when: int) -> None:
        """Log a net as the run's model, and register it if it is the best on dev.

        A net that the present code cannot build or export is left out; the run says why.
        """
        with tempfile.TemporaryDirectory() as folder:
            try:
                with warnings.catch_warnings(action="ignore"):  # of MLflow's and torch's own code
                    about = _export(model, Path(folder) / "model")
            except Exception as error:  # torch.export has many ways to refuse a net
                self._client.set_tag(run_id, "model", redact(f"left out: {error}"))
                return
            made = self._client.create_logged_model(
                experiment, model.name, run_id, dict(model.tags), {"arm": model.tags["arm"]}
            )
            about.run_id, about.model_id, about.artifact_path = (
                run_id,
                made.model_id,
                made.artifact_location,
            )
            about.save(str(Path(folder) / "model" / "MLmodel"))
            self._client.log_model_artifacts(made.model_id, str(Path(folder) / "model"))
        self._announce(run_id, model, made, when)
        if earned := alias(model, self._versions(model.name)):
            self._register(model, made, run_id, earned)

    def _announce(self, run_id: str, model: Model, made: "LoggedModel", when: int) -> None:
        """Say that a model is there, whose it is, and its value on dev."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus, Metric

        self._client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
        key, value = f"kept/dev_{model.tags['metric']}", float(model.tags["value"])
        self._client.log_batch(run_id, [Metric(key, value, when, 0, made.model_id)])

    def _versions(self, name: str) -> list[Version]:
        found = self._client.search_model_versions(f"name = '{name}'")
        full = [self._client.get_model_version(name, version.version) for version in found]
        return [Version(v.version, v.tags, tuple(v.aliases)) for v in full]

    def _register(self, model: Model, made: "LoggedModel", run_id: str, earned: str) -> None:
        if not self._client.search_registered_models(f"name = '{model.name}'"):
            self._client.create_registered_model(model.name, description=model.about)
        server = is_server(self._uri)
        version = self._client.create_model_version(
            model.name,
            f"models:/{made.model_id}" if server else made.artifact_location,
            run_id,
            dict(model.tags),
            description=f"{model.tags['arm']}, seed {model.tags['seed']}: {model.about}",
            model_id=made.model_id,
        )
        self._client.set_registered_model_alias(model.name, earned, version.version)
        shown = [{"name": model.name, "version": version.version}]  # on the model's own page
        self._client.set_logged_model_tags(
            made.model_id, {"mlflow.modelVersions": json.dumps(shown)}
        )

    def end(self, run_id: str, status: str, when: int) -> None:
        """Say that a run has ended, and when."""
        self._client.set_terminated(run_id, status, when)


def _export(model: Model, folder: Path) -> "Description":
    """Write a net as an MLflow model: pt2, with signature, example and pinned requirements."""
    from mlflow import pytorch
    from mlflow.models import Model as Description

    net, example = rebuild(model.file)
    about = Description()
    pytorch.save_model(
        net,
        str(folder),
        mlflow_model=about,
        input_example=example,
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in PINNED],
        serialization_format="pt2",
    )
    return about


def _dataset(data: Input) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = f'{{"uri": "{data.source}"}}'
    stored = Dataset(data.name, data.digest, "local", source)
    return DatasetInput(stored, [InputTag("mlflow.data.context", data.context)])
