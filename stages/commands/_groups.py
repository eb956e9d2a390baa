"""From a record and the tables beside it to what MLflow should hold; nothing here knows MLflow.

In: data/records/<stage>/<key>.json and the files that it names. Out: a `Group`: the run of the
stage and, for evaluate, one run per arm with its curves and its test metrics side by side.
"""

import getpass
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from stages.commands import _arms, _data, _models
from stages.commands._arms import Point
from stages.commands._data import Input
from stages.commands._models import Model

DATA = "data"  # the MLflow experiment of the stages that belong to no lecture experiment
DATA_STAGES = ("fetch", "prepare", "site")
SHOWN = {
    "prepare": ["data/tensors/{key}/samples.png"],
    "site": ["reports/index.html", "reports/data.html", "reports/speed.html"],
}
LONGEST_PARAM, LONGEST_TAG = 6000, 5000


class WaitingError(Exception):
    """A record names a file that is missing or not (yet) the one it was written with."""


@dataclass(frozen=True)
class Run:
    """One row of the UI; times are milliseconds since 1970."""

    name: str
    start: int
    end: int
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """A stage's run with all that belongs to it; files and texts are keyed by their place."""

    stage: Run
    arms: list[Run] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    model: Model | None = None
    files: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass
class _Extras:
    """What one kind of stage adds to its run."""

    tags: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    arms: dict[str, list[Point]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    model: Model | None = None
    files: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A record as it lies on disk: its bytes, the hash that is its key, and its place in MLflow."""

    content: bytes
    sha: str
    experiment: str
    started: str


def read(path: Path) -> Record:
    """Read a record's file (ValueError, KeyError: it is not one)."""
    content = path.read_bytes()
    parsed = json.loads(content)
    experiment = DATA if parsed["stage"] in DATA_STAGES else parsed["key"]
    return Record(content, hashlib.sha256(content).hexdigest(), experiment, parsed["started"])


def load(content: bytes) -> Group:
    """Build the group of a record.

    Raises:
        WaitingError: one of its tables is not there, or is another run's.
        ValueError, KeyError, TypeError: the record or a table does not have its shape.
    """
    record = json.loads(content)
    extras = EXTRAS.get(record["stage"], _shown)(record)
    start = round(datetime.fromisoformat(record["started"]).timestamp() * 1000)
    end = start + round(record["seconds"] * 1000)
    tags = _tags(record)
    common = {name: tags[name] for name in tags if "." not in name or name.startswith("mlflow.")}
    name, params = f"{record['stage']}@{record['key']}", _params(record["params"])
    return Group(
        stage=Run(name, start, end, tags | extras.tags, params, extras.points + _timing(record)),
        arms=[
            Run(
                name=arm,
                start=start,
                end=end,
                tags={**common, **_arms.tags(arm, i)},
                params=_params(_arms.settings(arm, extras.settings.get(arm, {}))),
                points=points,
            )
            for i, (arm, points) in enumerate(extras.arms.items())
        ],
        inputs=_data.inputs_of(record["inputs"]),
        model=extras.model,
        files=extras.files,
        texts={"record.json": content.decode("utf-8"), **extras.texts},
    )


def _timing(record: Mapping[str, Any]) -> list[Point]:
    timing = {"seconds": record["seconds"], **record["timing"]}
    return [Point(_arms.key("timing", k), v) for k, v in _arms.numbers(timing).items()]


def flatten(block: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested mappings to dotted names; a list stays one value, as JSON."""
    flat: dict[str, str] = {}
    for name, value in block.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def _params(block: Mapping[str, Any]) -> dict[str, str]:
    return {_arms.key(k): _cut(value, LONGEST_PARAM) for k, value in flatten(block).items()}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _tags(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a user searches for, and what the UI itself shows of a run's source."""
    device = record["device"]
    tags = {
        "stage": record["stage"],
        "key": record["key"],
        "profile": record["profile"],
        "params_hash": record["params_hash"],
        "data_hash": _data.data_hash(record["inputs"]),
        "git_commit": record["git_commit"],
        "dvc_experiment": record["dvc_experiment"],
        "device": device.get("type"),
        "mlflow.source.name": f"python -m stages.{record['stage']} {record['key']}",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": record["git_commit"],
        "mlflow.user": _user(),
    }
    for name in ("device", "versions", "details"):
        rest = {part: value for part, value in record[name].items() if part != "type"}
        tags |= {_arms.key(k): v for k, v in flatten(rest, f"{name}.").items()}
    return {name: _cut(str(value), LONGEST_TAG) for name, value in tags.items() if value}


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id without a name
        return None


def _verified(record: Mapping[str, Any], name: str) -> bytes | None:
    """Return a file's bytes if they are the record's; None if the record has no such file."""
    path, expected = Path(name), {**record["inputs"], **record["outputs"]}.get(name)
    if not path.is_file():
        if expected is None:
            return None
        raise WaitingError(name)
    content = path.read_bytes()
    if expected not in (None, hashlib.sha256(content).hexdigest()):
        raise WaitingError(name)
    return content


def _attached(record: Mapping[str, Any], place: str, name: str) -> dict[str, Path]:
    """Return {place in the artifact view: file}, or nothing if the record has no such file."""
    return {} if _verified(record, name) is None else {place: Path(name)}


def _shown(record: Mapping[str, Any]) -> _Extras:
    """Attach the picture or the pages of a stage that has no tables."""
    names = [name.format(key=record["key"]) for name in SHOWN.get(record["stage"], ())]
    found = [_attached(record, Path(name).name, name) for name in names]
    return _Extras(files={place: file for files in found for place, file in files.items()})


def _train(record: Mapping[str, Any]) -> _Extras:
    folder = f"data/trained/{record['key']}"
    extras = _Extras()
    for name in sorted(record["outputs"]):
        if name.startswith(f"{folder}/") and name.endswith(".json"):
            extras.files |= _attached(record, Path(name).name, name)
    extras.files |= _traces(record["details"].get("traces", {}))
    extras.model = _model(record, f"{folder}/model.safetensors")
    trials = _verified(record, f"{folder}/trials.parquet")
    if trials is not None:
        table = _arms.summary(_arms.read_parquet(trials))
        extras.points = _arms.spread(table)
        extras.texts["arms.csv"] = table.to_csv(index=False, float_format="%.6g")
    return extras


def _traces(named: Mapping[str, str]) -> dict[str, Path]:
    """Return the traces that still lie here; they are scratch, and nothing waits for them."""
    here = [Path(name) for name, sha in named.items() if _is_file_with(Path(name), sha)]
    return {f"traces/{path.name}": path for path in here}


def _is_file_with(path: Path, sha: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha


def _model(record: Mapping[str, Any], name: str) -> Model | None:
    """Return the net that training kept, if it kept one."""
    if name not in record["outputs"] or _verified(record, name) is None:
        return None
    of_its_data = {
        "profile": record["profile"],
        "data_hash": _data.data_hash(record["inputs"]) or "",
    }
    return _models.read(record["key"], Path(name), of_its_data)


def _evaluate(record: Mapping[str, Any]) -> _Extras:
    key = record["key"]
    places = {
        "metrics.json": f"reports/metrics/{key}.json",
        "arms.csv": f"reports/arms/{key}.csv",
        "curves.csv": f"reports/curves/{key}.csv",
        "claims.json": f"data/evaluated/{key}/claims.json",
    }
    found = {place: _verified(record, name) for place, name in places.items()}
    extras = _Extras(files={place: Path(places[place]) for place in found if found[place]})
    metrics, arms, curves = found["metrics.json"], found["arms.csv"], found["curves.csv"]
    if metrics:
        _judge(extras, json.loads(metrics))
    about = f"data/trained/{key}/about.json"
    if about in record["inputs"]:
        extras.settings = json.loads(_verified(record, about) or b"{}").get("arms", {})
    if arms:
        extras.arms = _arms.points(_arms.read_csv(arms), _arms.read_csv(curves) if curves else None)
    return extras


def _judge(extras: _Extras, metrics: Mapping[str, Any]) -> None:
    """Add the headline, each claim's effect and verdict, and the verdicts as a description."""
    shown = {f"headline/{_arms.key(k)}": v for k, v in metrics["headline"].items()}
    lines = []
    for name, claim in sorted(metrics["claims"].items()):
        shown[f"claims/{_arms.key(name)}"] = claim["effect"]
        extras.tags[f"verdict.{_arms.key(name)}"] = claim["verdict"]
        lines.append(f"- **{claim['verdict']}** {name}: {_found(claim)}")
    extras.points = [Point(k, v) for k, v in _arms.numbers(shown).items()]
    extras.tags["mlflow.note.content"] = _cut("\n".join(lines), LONGEST_TAG)


def _found(claim: Mapping[str, Any]) -> str:
    """Return what was found for a claim: effect and interval where there are any, and n."""
    effect, low, high = (
        None if claim[part] is None else f"{claim[part]:.4g}" for part in ("effect", "low", "high")
    )
    interval = None if low is None and high is None else f"{low or '…'} to {high or '…'}"
    return ", ".join(part for part in (effect, interval, f"n = {claim['n']}") if part)


def _report(record: Mapping[str, Any]) -> _Extras:
    folder = Path("reports/pages") / record["key"]
    listed = {Path(name) for name in record["outputs"] if Path(name).is_relative_to(folder)}
    files: dict[str, Path] = {}
    for file in sorted(listed | {file for file in folder.rglob("*") if file.is_file()}):
        place = f"page/{file.relative_to(folder).as_posix()}"
        files |= _attached(record, place, file.as_posix())
    return _Extras(files=files)


EXTRAS: dict[str, Callable[[Mapping[str, Any]], _Extras]] = {
    "train": _train,
    "evaluate": _evaluate,
    "report": _report,
}
