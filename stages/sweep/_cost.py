"""What a group of equal nets costs: sizes go in; chunk sizes and expected seconds come out.

The constants come from timings on one thread of a shared AVX-512 server CPU; elsewhere they are
ratios. They decide how a sweep is cut up, so changing one changes last bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from stages.sweep._structure import Net

CHUNK_MODELS = 512
CHUNK_PARAMETERS = 2_000_000  # weights, gradients and moments of a chunk stay in a 32 MiB cache
CHUNK_ACTIVATIONS = 4_000_000
COMPILE_FROM = 20.0  # seconds of stacked work that repay compiling in every worker

_STEP = 6e-4  # seconds of a step that do not depend on its size
_PRODUCT = 5e-11  # per multiply-add of the forward pass, the backward pass included
_ACTIVATION = 8e-9  # per activation, forward and back, as a chain of elementwise kernels
_PARAMETER = 1.5e-9  # per parameter updated
_COMPILED = 0.25  # share of the elementwise time that is left when it is compiled


@dataclass(frozen=True)
class Load:
    """A net and its budget."""

    net: Net
    epochs: int
    rows: int
    batch_size: int | None

    @property
    def _batch(self) -> int:
        return min(self.batch_size or self.rows, self.rows)

    def chunk_size(self) -> int:
        """How many of these models one stack should hold."""
        by_parameters = CHUNK_PARAMETERS // max(1, self.net.parameters)
        by_activations = CHUNK_ACTIVATIONS // (self.net.activations * self._batch)
        return max(1, min(CHUNK_MODELS, by_parameters, by_activations))

    def seconds(self, models: int, kind: str) -> float:
        """Expected seconds of training for ``models`` of them on one thread."""
        net, batch = self.net, self._batch
        elementwise = net.activations * batch * _ACTIVATION + net.parameters * _PARAMETER
        share = _COMPILED if kind == "compiled" else 1.0
        stacks = models if kind == "sequential" else models / self.chunk_size()
        step = models * (net.products * batch * _PRODUCT + elementwise * share) + stacks * _STEP
        return step * self.epochs * -(-self.rows // batch)
