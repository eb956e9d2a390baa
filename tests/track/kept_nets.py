"""Small nets as training keeps them, with the record of their stage."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from finished_repo import hashes, record
from torch import nn

from stages import _trained
from stages._trained import Kept, Trained
from stages.models.mlp import mlp

BUILD = partial(mlp, [6, 4, 3], activation="tanh")
EXAMPLE = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 2, 3)


def keep(
    root: Path,
    value: float,
    profile: str = "default",
    data: str = "train",
    metric: str = "accuracy",
) -> nn.Module:
    """Leave a net with a value on dev as a new run of train@optimizers; return it."""
    seed = round(1000 * value)
    net = BUILD(torch.Generator().manual_seed(seed))
    weights = {f"adam/{name}": tensor.numpy()[None] for name, tensor in net.state_dict().items()}
    kept = Kept("adam", 0, BUILD, EXAMPLE, metric, value, metric != "loss", "rows -> logits")
    folder = Path("data/trained/optimizers")
    _trained.save(root / folder, Trained(weights=weights, kept=kept), {"seed": 1})
    (root / folder / "trials.parquet").unlink()
    record(
        root,
        "train",
        "optimizers",
        (f"data/inputs/optimizers/fit/mnist/{data}.safetensors",),
        tuple(hashes(root, (f"{folder}/about.json", f"{folder}/model.safetensors"))),
        profile=profile,
        started=f"2026-03-01T00:00:00.{seed:06d}+00:00",
    )
    return net


def predict(net: nn.Module, rows: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        outputs: np.ndarray = net(torch.from_numpy(rows)).numpy()
    return outputs
