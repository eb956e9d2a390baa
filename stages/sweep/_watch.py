"""Evaluation of a stack in eval mode: stacked tensors and splits go in, metrics M come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from stages.sweep._batches import scaled, spread
from stages.sweep._layers import forward
from stages.sweep._losses import correct, mean_loss
from stages.sweep._pass import Layer, Pass
from stages.sweep._spec import Curve, Task

BLOCK = 2**21  # activations (models x rows x width) that one forward pass may hold


class Watch:
    """The watched splits of a chunk's tasks, on its device."""

    def __init__(self, tasks: Sequence[Task], width: int, device: torch.device) -> None:
        self.loss = tasks[0].loss
        self.names = tuple(tasks[0].watch)
        self.rows = max(1, BLOCK // (len(tasks) * width))
        different, members = spread([id(task) for task in tasks])
        by_id = {id(task): task for task in tasks}
        self._members = None if members is None else torch.tensor(members, device=device)
        self._splits = {
            name: tuple(
                torch.stack([by_id[i].watch[name][part] for i in different]).to(device)
                for part in (0, 1)
            )
            for name in self.names
        }

    def metrics(
        self, layers: tuple[Layer, ...], tensors: Mapping[str, Tensor]
    ) -> dict[Curve, Tensor]:
        """Loss, and accuracy where there are classes, of every split: M each."""
        found: dict[Curve, Tensor] = {}
        with torch.no_grad():
            for split in self.names:
                for metric, value in self._measure(layers, Pass(tensors), split).items():
                    found[metric, split] = value
        return found

    def _measure(self, layers: tuple[Layer, ...], one: Pass, split: str) -> dict[str, Tensor]:
        rows = self._splits[split][0].shape[1]
        models, dtype = next(
            (len(t), t.dtype) for t in one.tensors.values() if t.is_floating_point()
        )
        totals: dict[str, Tensor] = {}
        for x, y in self._blocks(split):
            output = forward(layers, one, scaled(x, dtype))
            output = output.expand(models, *output.shape[1:])
            right = correct(self.loss, output, y)
            parts = {"loss": mean_loss(self.loss, output, y).double()}
            if right is not None:
                parts["accuracy"] = right.double().mean(1)
            for metric, value in parts.items():
                share = value * (output.shape[1] / rows)
                totals[metric] = totals[metric] + share if metric in totals else share
        return totals

    def _blocks(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        x, y = self._splits[split]
        for start in range(0, x.shape[1], self.rows):
            block = (x[:, start : start + self.rows], y[:, start : start + self.rows])
            if self._members is not None:
                block = (block[0][self._members], block[1][self._members])
            yield block
