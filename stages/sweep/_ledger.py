"""What a chunk has shown so far: metrics go in by epoch; curves and kept weights come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stages.sweep._pass import RATE
from stages.sweep._spec import Curve, Keep, Result

_NAN = float("nan")


class Ledger:
    """Curves, the weights that are kept besides the last, and when each member diverged."""

    def __init__(self, models: int, keep: Keep | None) -> None:
        self._keep = keep
        self._curves: dict[Curve, list[Tensor]] = {}
        self._epochs: list[int] = []
        self._kept: dict[str, Tensor] = {}
        self._score = torch.full((models,), _NAN, dtype=torch.float64)
        self.diverged = torch.zeros(models, dtype=torch.int64)  # the epoch; 0 while it has not

    @property
    def alive(self) -> list[bool]:
        """Which members have not diverged."""
        return [not epoch for epoch in self.diverged.tolist()]

    def mark(self, epoch: int, sound_M: Tensor) -> None:
        """Mark members that were found unsound after ``epoch`` and were not before."""
        new = ~sound_M.cpu() & (self.diverged == 0)
        self.diverged[new] = epoch

    def add(
        self, epoch: int, metrics: Mapping[Curve, Tensor], tensors: Mapping[str, Tensor]
    ) -> dict[Curve, tuple[float, ...]]:
        """Note the metrics of an epoch, M each; NaN for the diverged."""
        dead = self.diverged != 0
        self._epochs.append(epoch)
        for curve, value_M in metrics.items():
            value_M = value_M.double().cpu().masked_fill(dead, _NAN)
            self._curves.setdefault(curve, []).append(value_M)
        if self._keep == epoch:
            self._kept = {name: t.detach().clone() for name, t in tensors.items()}
        elif isinstance(self._keep, tuple):
            self._keep_best(self._keep, tensors)
        return {curve: tuple(values[-1].tolist()) for curve, values in self._curves.items()}

    def _keep_best(self, curve: Curve, tensors: Mapping[str, Tensor]) -> None:
        value_M = self._curves[curve][-1]
        score = value_M if curve[0] == "accuracy" else -value_M
        first = self._score.isnan()
        better = first | (score > self._score)
        self._score = torch.where(better, score, self._score)
        for name, t in tensors.items():
            here = better.to(t.device).view(-1, *[1] * (t.dim() - 1))
            old = self._kept.get(name, t)
            self._kept[name] = torch.where(here, t.detach(), old.detach())

    def tensors(self) -> dict[str, Tensor]:
        """All of it as plain tensors, for a state."""
        curves = {f"curve/{m}/{s}": torch.stack(v) for (m, s), v in self._curves.items()}
        kept = {f"kept/{name}": t for name, t in self._kept.items()}
        own = {"epochs": torch.tensor(self._epochs), "diverged": self.diverged}
        return {**curves, **kept, **own, "score": self._score}

    def load(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`tensors` gave; kept weights go where ``like`` lies."""
        self._epochs = tensors["epochs"].tolist()
        self.diverged, self._score = tensors["diverged"].clone(), tensors["score"].clone()
        for name, value in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "curve":
                metric, _, split = rest.partition("/")
                self._curves[metric, split] = list(value.unbind())
            elif kind == "kept":
                self._kept[rest] = value.to(like[rest].device)

    def results(
        self, names: Sequence[str], tensors: Mapping[str, Tensor], steps: int
    ) -> tuple[Result, ...]:
        """The results of all members, in order."""
        curves = {curve: torch.stack(v, 1).tolist() for curve, v in self._curves.items()}
        diverged = self.diverged.tolist()
        return tuple(
            Result(
                name=name,
                weights=_member(tensors, i),
                kept=_member(self._kept, i) if self._kept else None,
                epochs=tuple(self._epochs),
                curves={curve: tuple(rows[i]) for curve, rows in curves.items()},
                steps_per_epoch=steps,
                diverged_at=diverged[i] or None,
            )
            for i, name in enumerate(names)
        )


def _member(tensors: Mapping[str, Tensor], i: int) -> dict[str, Tensor]:
    """One member's state dict, on the CPU."""
    return {k: t[i].detach().cpu().clone() for k, t in tensors.items() if not k.endswith(RATE)}
