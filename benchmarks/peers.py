"""The other contestants of the sweep benchmark: workloads go in, seconds per model and step out.

Each peer trains as its manual shows. A peer that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.sweep import Optimizer, Task

if TYPE_CHECKING:
    from benchmarks.sweep import Workload


def loop(work: Workload, build: Callable[[torch.Generator], nn.Module]) -> float:
    """The lecture's loop over one net: DataLoader, zero_grad, backward, step."""
    data = torch.utils.data.TensorDataset(work.task.x, work.task.y)
    loader = torch.utils.data.DataLoader(data, batch_size=work.batch_size or 1, shuffle=True)
    batches = loader if work.batch_size else [(work.task.x, work.task.y)]
    net = build(torch.Generator().manual_seed(0))
    optimizer = _optimizer(work.optimizer, net)
    start = time.perf_counter()
    for _ in range(work.loop_epochs):
        for x, y in batches:
            loss = _loss(work.task, net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return (time.perf_counter() - start) / (work.loop_epochs * work.steps)


def _optimizer(o: Optimizer, net: nn.Module) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[o.name]
    return kind(net.parameters(), lr=o.lr)


def _loss(task: Task, output: Tensor, y: Tensor) -> Tensor:
    if task.loss == "cross_entropy":
        return F.cross_entropy(output, y)
    return F.binary_cross_entropy_with_logits(output[:, 0], y)


def available(work: Workload) -> dict[str, Callable[[], float]]:
    """The installed peers that take this workload."""
    found: dict[str, Callable[[], float]] = {}
    if work.name.startswith(("opt", "MNIST")):
        if importlib.util.find_spec("skorch"):
            found["skorch"] = partial(_skorch, work)
        if importlib.util.find_spec("lightning"):
            found["Lightning"] = partial(_lightning, work)
    if work.sizes and importlib.util.find_spec("jax"):
        found["JAX jit(vmap(scan))"] = _Jax(work)
    return found


def _skorch(work: Workload) -> float:
    from skorch import NeuralNetClassifier

    class Clock(NeuralNetClassifier):  # type: ignore[misc]
        begun = 0.0

        def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
            super().on_epoch_begin(*args, **kwargs)
            self.begun = time.perf_counter()

    net = Clock(
        partial(work.builds[0], torch.Generator().manual_seed(0)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=work.optimizer.lr,
        batch_size=work.batch_size,
        max_epochs=1,
        train_split=None,
        verbose=0,
        iterator_train__shuffle=True,
    )
    net.fit(work.task.x, work.task.y)
    return (time.perf_counter() - net.begun) / work.steps


def _lightning(work: Workload) -> float:
    import lightning

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Net(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = work.builds[0](torch.Generator().manual_seed(0))
            self.begun = self.seconds = 0.0

        def training_step(self, batch: list[Tensor], _: int) -> Tensor:
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return _optimizer(work.optimizer, self)

        def on_train_epoch_start(self) -> None:
            self.begun = time.perf_counter()

        def on_train_epoch_end(self) -> None:
            self.seconds = time.perf_counter() - self.begun

    data = torch.utils.data.TensorDataset(work.task.x, work.task.y)
    loader = torch.utils.data.DataLoader(data, batch_size=work.batch_size, shuffle=True)
    net = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning.Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(net, loader)
    return net.seconds / work.steps


class _Jax:
    """All models of a shape in one ``jit(vmap(scan))``; compiled once, on the first call."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.runs: list[Callable[[], Any]] = []

    def __call__(self) -> float:
        import jax

        if not self.runs:
            self.runs = [self._compiled(sizes) for sizes in self.work.sizes]
        start = time.perf_counter()
        for run in self.runs:
            jax.block_until_ready(run())
        steps = self._steps() * self.work.models * len(self.runs)
        return (time.perf_counter() - start) / steps

    def _steps(self) -> int:
        return self.work.steps * (1 if self.work.batch_size else self.work.epochs)

    def _compiled(self, sizes: tuple[int, ...]) -> Callable[[], Any]:
        import jax
        from jax import numpy as jnp

        work, train = self.work, _jax_train(self.work)
        generator = torch.Generator().manual_seed(0)
        start = [
            tuple(
                jnp.asarray(torch.randn(work.models, *shape, generator=generator).numpy() * 0.1)
                for shape in ((a, b), (b,))
            )
            for a, b in pairwise(sizes)
        ]
        x, y = jnp.asarray(work.task.x.numpy()), jnp.asarray(work.task.y.numpy())
        rows, batch = len(work.task.x), work.batch_size or len(work.task.x)
        order = torch.randperm(rows // batch * batch, generator=generator).view(-1, batch)
        index = jnp.asarray(order.repeat(-(-self._steps() // len(order)), 1).numpy())
        rates = jnp.full((work.models,), work.optimizer.lr)
        many = jax.jit(jax.vmap(train, in_axes=(0, 0, None, None, None)))
        ready = many.lower(start, rates, x, y, index[: self._steps()]).compile()
        return lambda: ready(start, rates, x, y, index[: self._steps()])


def _jax_train(work: Workload) -> Callable[..., Any]:
    import jax
    from jax import numpy as jnp

    def loss(net: Any, x: Any, y: Any) -> Any:
        for w, b in net[:-1]:
            x = jax.nn.relu(x @ w + b)
        z = x @ net[-1][0] + net[-1][1]
        if work.task.loss == "cross_entropy":
            return -jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1).mean()
        return (jax.nn.softplus(z[:, 0]) - z[:, 0] * y).mean()

    def adam(p: Any, g: Any, m: Any, v: Any, rate: Any, t: Any) -> Any:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        unbiased = jnp.sqrt(v / (1 - 0.999**t)) + 1e-8
        return p - rate * m / (1 - 0.9**t) / unbiased, m, v

    def train(net: Any, rate: Any, x: Any, y: Any, index: Any) -> Any:
        def step(carry: Any, rows: Any) -> Any:
            net, m, v, t = carry
            value, g = jax.value_and_grad(loss)(net, x[rows], y[rows])
            if work.optimizer.name == "sgd":
                net = jax.tree.map(lambda p, g: p - rate * g, net, g)
                return (net, m, v, t + 1), value
            new = jax.tree.map(lambda p, g, m, v: adam(p, g, m, v, rate, t), net, g, m, v)
            net, m, v = jax.tree.transpose(jax.tree.structure(net), None, new)
            return (net, m, v, t + 1), value

        zero = jax.tree.map(jnp.zeros_like, net)
        return jax.lax.scan(step, (net, zero, zero, 1.0), index)

    return train
