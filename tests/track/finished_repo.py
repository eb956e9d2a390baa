"""A repository as a finished repro leaves it, small and made up: records, tables and pages.

In: a folder and a few sizes. Out: the files of the stages' outs and the records that name them.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

START = datetime(2026, 1, 1, tzinfo=UTC)
PIXEL = (
    "89504e470d0a1a0a0000000d494844520000000100000001080200000090"
    "7753de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


def record(
    root: Path,
    stage: str,
    key: str,
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    **fields: Any,
) -> Path:
    """Write the record of a stage whose files are in place; later stages start later."""
    order = ("fetch", "prepare", "gather", "train", "evaluate", "report", "site").index(stage)
    content = {
        "schema": 1,
        "stage": stage,
        "key": key,
        "started": (START + timedelta(minutes=order)).isoformat(),
        "seconds": 12.5,
        "profile": "default",
        "params": {"seed": 20210530, "train": {"epochs": 20, "rates": [0.1, 0.01]}},
        "params_hash": "0123456789abcdef",
        "git_commit": "5d1c8c9c2f3f9a0d7d5c1b8f2a3e4d5c6b7a8901",
        "dvc_experiment": None,
        "device": {"type": "cpu", "name": "Some CPU", "threads": 2, "workers": 2},
        "versions": {"python": "3.11.7", "numpy": "2.3.0"},
        "inputs": hashes(root, inputs),
        "outputs": hashes(root, outputs),
        "timing": {"train_seconds": 11.5, "samples_per_second": 123456.7},
        "details": {"plan": "stacked"},
        **fields,
    }
    path = root / "data/records" / stage / f"{key}.json"
    return write(path, json.dumps(content, indent=2, sort_keys=True))


def hashes(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the hash of each named file."""
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in names}


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def curves(arms: list[str], epochs: int, metrics: tuple[str, ...] = ("loss", "accuracy")) -> Any:
    """Return curves of plausible shape: reports/curves columns, an arm after the other."""
    rows = []
    for rank, arm in enumerate(arms):
        for split in ("train", "dev"):
            for metric in metrics:
                epoch = np.arange(1, epochs + 1)
                fall = np.exp(-epoch * (rank + 1) / (2 * epochs)) + 0.05 * (split == "dev")
                mean = fall if metric == "loss" else 1 - 0.8 * fall
                rows.append(
                    pd.DataFrame(
                        {"arm": arm, "metric": metric, "split": split, "epoch": epoch}
                        | {"step": epoch * 125, "mean": mean, "low": mean - 0.02}
                        | {"high": mean + 0.02, "n": 10}
                    )
                )
    return pd.concat(rows, ignore_index=True)


def experiment(root: Path, key: str, arms: list[str], epochs: int = 5, seeds: int = 3) -> None:
    """Write all stages of one lecture experiment on one data set."""
    folders = {split: "test" if split == "test" else "fit" for split in ("train", "dev", "test")}
    data = {
        split: f"data/inputs/{key}/{part}/mnist/{split}.safetensors"
        for split, part in folders.items()
    }
    for split, name in data.items():
        write(root / name, f"tensors of {split}")
    record(root, "gather", key, outputs=tuple(data.values()))
    trained = _trained(root, key, arms, seeds)
    record(root, "train", key, (data["train"], data["dev"]), trained)
    record(root, "evaluate", key, (*trained, data["test"]), _evaluated(root, key, arms, epochs))
    record(root, "report", key, outputs=_reported(root, key))


def _trained(root: Path, key: str, arms: list[str], seeds: int) -> tuple[str, ...]:
    folder = f"data/trained/{key}"
    trials = pd.DataFrame(
        [
            (arm, seed, "accuracy", "dev", 0.8 + 0.01 * seed + 0.001 * rank)
            for rank, arm in enumerate(arms)
            for seed in range(seeds)
        ],
        columns=["arm", "seed", "metric", "split", "value"],
    )
    told = {"adam lr=0.01": {"optimizer": "adam", "rate": 0.01, "sizes": [784, 10]}}
    write(root / folder / "about.json", json.dumps({"seed": 20210530, "arms": told}))
    trials.to_parquet(root / folder / "trials.parquet", index=False)
    return f"{folder}/about.json", f"{folder}/trials.parquet"


def _evaluated(root: Path, key: str, arms: list[str], epochs: int) -> tuple[str, ...]:
    names = (f"reports/metrics/{key}.json", f"reports/arms/{key}.csv", f"reports/curves/{key}.csv")
    rows = [
        (
            arm,
            "accuracy",
            split,
            0.8 + 0.01 * rank,
            0.02,
            0.78 + 0.01 * rank,
            0.82 + 0.01 * rank,
            10,
            1000,
        )
        for rank, arm in enumerate(arms)
        for split in ("dev", "test")
    ]
    columns = ["arm", "metric", "split", "mean", "sd", "low", "high", "n", "rows"]
    claim = {"kind": "claim", "source": "notes L1-2", "verdict": "supported", "effect": 0.031}
    metrics = {
        "data": {"digits": {"name": "mnist", "variant": "sample", "train": 4, "dev": 1, "test": 1}},
        "profile": "default",
        "params_hash": "0123456789abcdef",
        "headline": {"best_test_accuracy": 0.9},
        "claims": {
            "adam_beats_sgd": claim | {"low": 0.01, "high": 0.05, "n": 10},
            "momentum_helps": claim
            | {"verdict": "undecided", "effect": None, "low": None, "high": None, "n": 3},
        },
    }
    write(root / names[0], json.dumps(metrics))
    write(root / names[1], pd.DataFrame(rows, columns=columns).to_csv(index=False))
    write(root / names[2], curves(arms, epochs).to_csv(index=False))
    return names


def _reported(root: Path, key: str) -> tuple[str, ...]:
    folder = f"reports/pages/{key}"
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'
    write(root / folder / "page.html", f"<h1>{key}</h1>")
    write(root / folder / "figures/curves.svg", drawing)
    write(root / folder / "figures/curves.png", bytes.fromhex(PIXEL))
    return tuple(
        f"{folder}/{name}" for name in ("page.html", "figures/curves.svg", "figures/curves.png")
    )


def repository(root: Path, arms: list[str], epochs: int = 5) -> Path:
    """Write a whole finished repro of one experiment."""
    raw, tensors = "data/raw/mnist/images.gz", "data/tensors/mnist/train.safetensors"
    write(root / raw, "raw bytes")
    write(root / tensors, "tensors of train")
    write(root / "reports/index.html", "<h1>Lectures</h1>")
    record(root, "fetch", "mnist", outputs=(raw,), params={"variant": "sample"}, params_hash=None)
    record(root, "prepare", "mnist", (raw,), (tensors,), params_hash=None)
    experiment(root, "optimizers", arms, epochs)
    record(root, "site", "site", outputs=("reports/index.html",), params={}, params_hash=None)
    return root
