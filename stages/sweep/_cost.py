"""What a group of equal nets costs: sizes go in; chunk sizes and expected seconds come out.

The constants were fitted to single steps of the workloads of benchmarks/sweep.py, timed on one
thread of a shared AVX2 server CPU; elsewhere they are ratios. They decide how a sweep is cut up,
so changing one changes last bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from stages.sweep._fused import FUSED_FROM
from stages.sweep._structure import Net

CHUNK_MODELS = 512
CHUNK_PARAMETERS = {"stacked": 2_000_000, "compiled": 500_000}  # compiled steps repay the cache
CHUNK_ACTIVATIONS = 1_000_000  # more do not stay in the cache
COMPILING = 10.0  # seconds, in every worker: for a group's gradients, or for each small update

_STEP = 4.5e-4  # seconds of a step that do not depend on its size
_PRODUCT = 7e-11  # per multiply-add of the forward pass, the backward pass included
_CONVOLVED = 1.5e-10  # the same of a convolution
_ACTIVATION = 1.2e-9  # per activation, forward and back
_PARAMETER = 1e-9  # per parameter updated


@dataclass(frozen=True)
class Load:
    """A net, its budget, and how many kinds of optimizer its group has."""

    net: Net
    epochs: int
    rows: int
    batch_size: int | None
    kinds: int = 1

    @property
    def small(self) -> bool:
        """Whether the stack's updates are faster than fused ones of each model."""
        return self.net.parameters < FUSED_FROM

    @property
    def _batch(self) -> int:
        return min(self.batch_size or self.rows, self.rows)

    def chunk_size(self, kind: str) -> int:
        """How many of these models one stack should hold."""
        if kind == "sequential":
            return 1
        by_parameters = CHUNK_PARAMETERS[kind] // max(1, self.net.parameters)
        by_activations = CHUNK_ACTIVATIONS // (self.net.activations * self._batch)
        return max(1, min(CHUNK_MODELS, by_parameters, by_activations))

    def seconds(self, models: int, kind: str) -> float:
        """Expected seconds of training for ``models`` of them on one thread."""
        net, fused = self.net, 0.3 if kind == "compiled" else 1.0
        product = _CONVOLVED if net.convolves else _PRODUCT
        update = net.parameters * _PARAMETER * (0.6 if kind == "compiled" else 1.0)
        rows = self._batch * (net.products * product + net.activations * _ACTIVATION * fused)
        stacks = -(-models // self.chunk_size(kind))
        step = models * (rows + update) + stacks * _STEP * fused
        return step * self.epochs * -(-self.rows // self._batch)

    def repays_compiling(self, models: int) -> bool:
        """Whether two workers that both compile are sooner done; a convolution never is."""
        if self.net.convolves or self.net.custom:
            return False
        saved = self.seconds(models, "stacked") - self.seconds(models, "compiled")
        return saved > 2 * COMPILING * (self.kinds if self.small else 1)
