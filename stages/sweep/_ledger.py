"""What a chunk has shown so far: metrics go in by epoch; curves and best weights come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stages.sweep._pass import RATE
from stages.sweep._spec import Curve, Result

_NAN = float("nan")


class Ledger:
    """Curves, the best weights by one of them, and when each member diverged."""

    def __init__(self, models: int, keep_best: Curve | None) -> None:
        self._keep_best = keep_best
        self._curves: dict[Curve, list[Tensor]] = {}
        self._epochs: list[int] = []
        self._best: dict[str, Tensor] = {}
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
        if self._keep_best:
            self._keep(self._curves[self._keep_best][-1], tensors)
        return {curve: tuple(values[-1].tolist()) for curve, values in self._curves.items()}

    def _keep(self, value_M: Tensor, tensors: Mapping[str, Tensor]) -> None:
        assert self._keep_best is not None
        score = value_M if self._keep_best[0] == "accuracy" else -value_M
        first = self._score.isnan()
        better = first | (score > self._score)
        self._score = torch.where(better, score, self._score)
        for name, t in tensors.items():
            here = better.to(t.device).view(-1, *[1] * (t.dim() - 1))
            old = self._best.get(name, t)
            self._best[name] = torch.where(here, t.detach(), old.detach())

    def tensors(self) -> dict[str, Tensor]:
        """All of it as plain tensors, for a state."""
        curves = {f"curve/{m}/{s}": torch.stack(v) for (m, s), v in self._curves.items()}
        best = {f"best/{name}": t for name, t in self._best.items()}
        own = {"epochs": torch.tensor(self._epochs), "diverged": self.diverged}
        return {**curves, **best, **own, "score": self._score}

    def load(self, tensors: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`tensors` gave; best weights go where ``like`` lies."""
        self._epochs = tensors["epochs"].tolist()
        self.diverged, self._score = tensors["diverged"].clone(), tensors["score"].clone()
        for name, value in tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "curve":
                metric, _, split = rest.partition("/")
                self._curves[metric, split] = list(value.unbind())
            elif kind == "best":
                self._best[rest] = value.to(like[rest].device)

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
                best=_member(self._best, i) if self._best else None,
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
