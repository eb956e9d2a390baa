"""prepare@dataset: data/raw/<dataset>/ -> data/tensors/<dataset>/{train,dev,test}.safetensors."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from stages import _entry, _files, _samples, _seeds, _settings, _splits
from stages._records import recording
from stages._settings import DatasetParams
from stages.datasets._raw import Fixed, Raw, Scaling

RAW = Path("data/raw")
TENSORS = Path("data/tensors")
SPLITS = ("train", "dev", "test")


class PrepareError(_entry.UserError):
    """The raw files are missing or belong to another variant."""


def main(key: str) -> None:
    """Prepare one dataset."""
    params, settings = _settings.of_dataset(key)
    about = _about(key, settings)
    with recording("prepare", key) as record:
        record.profile = params.profile
        record.params = {"seed": params.seed, **settings.model_dump()}
        rng = _seeds.numpy_generator(params.seed, 0, "data")
        loaded = import_module(f"stages.datasets.{key}").load(RAW / key, settings, rng)
        splits, scaling, record.details = divide(loaded, params.seed)
        meta = _meta(about, settings, loaded, scaling)
        for name, tensors in splits.items():
            _files.write_tensors(TENSORS / key / f"{name}.safetensors", tensors, meta)
        if "x" in splits["train"]:
            _samples.write(
                TENSORS / key / "samples.png", splits["train"]["x"], splits["train"]["y"]
            )
        record.details |= {"licence": about["licence"], "title": about["title"]}
        record.inputs, record.outputs = [RAW / key], [TENSORS / key]


def divide(
    loaded: Raw | Fixed, seed: int
) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any], dict[str, Any]]:
    """Return (each split's tensors, the scaling for use, what the record tells)."""
    if isinstance(loaded, Fixed):
        alike = {name: dict(loaded.tensors) for name in SPLITS}
        return alike, _scaling(loaded.scaling, None), _told(loaded)
    rng = _seeds.numpy_generator(seed, 0, "split")
    rows = _splits.split(loaded.y, loaded.part, loaded.split, rng)
    rows, removed = _splits.without_duplicates(loaded.x, rows)
    splits = {name: _take(loaded, rows[name]) for name in SPLITS}
    details = {
        "rows": {name: len(rows[name]) for name in SPLITS},
        "duplicates_removed": removed,
        "balance": {name: _balance(splits[name]["y"], loaded.classes) for name in SPLITS},
    }
    return splits, _scaling(loaded.scaling, splits["train"]["x"]), details


def _about(key: str, settings: DatasetParams) -> dict[str, Any]:
    path = RAW / key / "about.json"
    if not path.is_file():
        raise PrepareError(f"{path}: no such file; run `dvc repro fetch@{key}` first")
    about: dict[str, Any] = _files.read_json(path)
    if about["variant"] != settings.variant:
        raise PrepareError(
            f"{RAW / key} holds the variant {about['variant']!r}, params.yaml wants "
            f"{settings.variant!r}; run `dvc repro fetch@{key}` first"
        )
    return about


def _take(raw: Raw, rows: np.ndarray) -> dict[str, np.ndarray]:
    extra = {name: values[rows] for name, values in raw.extra.items()}
    y_N = raw.y[rows].astype(np.int64)
    return {"x": raw.x[rows], "y": y_N, "rows": rows.astype(np.int64), **extra}


def _scaling(scaling: Scaling, x_train: np.ndarray | None) -> dict[str, Any]:
    """Return the scaling as the files carry it; statistics come from train alone."""
    if scaling.kind == "divide":
        return {"kind": "divide", "by": scaling.by}
    if scaling.kind == "standardise" and x_train is not None:
        mean, std = x_train.mean(0, dtype=np.float64), x_train.std(0, dtype=np.float64)
        std = np.where(std > 0, std, 1.0)
        return {"kind": "standardise", "mean": mean.tolist(), "std": std.tolist()}
    return {"kind": "none"}


def _meta(
    about: dict[str, Any], settings: DatasetParams, loaded: Raw | Fixed, scaling: dict[str, Any]
) -> dict[str, Any]:
    return {
        **{field: about[field] for field in ("name", "variant", "title", "licence", "citation")},
        "classes": list(loaded.classes),
        "scaling": scaling,
        "settings": settings.model_dump(),
    }


def _balance(y_N: np.ndarray, classes: tuple[str, ...]) -> dict[str, int]:
    counts = np.bincount(y_N, minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}


def _told(fixed: Fixed) -> dict[str, Any]:
    return {"tensors": {name: list(array.shape) for name, array in sorted(fixed.tensors.items())}}


if __name__ == "__main__":
    _entry.run(main)
