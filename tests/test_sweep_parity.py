"""A stacked member is the same model trained alone by a plain ``torch.optim`` loop."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from stages.models.mlp import mlp
from stages.sweep import Last, Member, Optimizer, Result, Streams, SweepError, Task, plan, run
from tests.reference import train_alone

SMALL, LARGE = (6, 5, 3), (6, 40, 30, 3)  # updated as a stack; by fused kernels

SGD = [
    Optimizer("sgd", 0.1),
    Optimizer("sgd", 0.05, momentum=0.9),
    Optimizer("sgd", 0.05, momentum=0.8, nesterov=True),
    Optimizer("sgd", 0.1, momentum=0.5, weight_decay=0.01),
    Optimizer("sgd", 0.1, gamma=0.5, every=2),
]
ADAPTIVE = [
    Optimizer("rmsprop", 0.001),
    Optimizer("rmsprop", 0.0005, alpha=0.9, weight_decay=0.01),
    Optimizer("adam", 0.001),
    Optimizer("adam", 0.0003, betas=(0.8, 0.99), weight_decay=0.01),
    Optimizer("adamw", 0.001, weight_decay=0.1),
]
PENALISED = [
    Optimizer("sgd", 0.1, l1=0.01),
    Optimizer("sgd", 0.1, momentum=0.5, weight_decay=0.05, l1=0.01, penalise="weights"),
    Optimizer("adam", 0.001, l1=0.01, penalise="weights"),
    Optimizer("adamw", 0.001, weight_decay=0.3, penalise="weights"),
]
FAST = [replace(o, lr=lr) for o in ADAPTIVE for lr in (0.01, 0.1)]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Several threads on tiny tensors wait for each other more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rows(count: int = 50, features: int = 6, classes: int = 3) -> Task:
    """A small task of classes that overlap."""
    g = torch.Generator().manual_seed(1)
    y = torch.randint(0, classes, (count,), generator=g)
    x = torch.randn(count, features, generator=g) + y[:, None]
    return Task(x, y, watch={"dev": (x[:10], y[:10])})


def double(build: Callable[[torch.Generator], nn.Module], g: torch.Generator) -> nn.Module:
    """The same net in float64."""
    return build(g).double()


def sweep_of(
    optimizers: Sequence[Optimizer],
    build: Callable[[torch.Generator], nn.Module],
    **settings: object,
) -> list[Member]:
    """One member per optimizer; neighbours share their streams in pairs."""
    common = {"epochs": 10, "batch_size": 11, **settings}
    return [
        Member(str(i), build, Streams(i // 2, 100 + i // 2, 7), o, "rows", **common)
        for i, o in enumerate(optimizers)
    ]


def trained(members: Sequence[Member], task: Task, kind: str = "stacked") -> dict[str, Result]:
    """The results of a sweep, by name."""
    tasks = {"rows": task}
    events = run(plan(members, tasks, kind=kind, compiler=True), members, tasks)
    return {result.name: result for event in events for result in event.results}


def worst_difference(members: Sequence[Member], task: Task, kind: str = "stacked") -> float:
    """The largest difference of any trained tensor from the twin's, over all members."""
    results = trained(members, task, kind)
    worst = 0.0
    for member in members:
        module, _ = train_alone(member, task)
        for name, value in module.state_dict().items():
            difference = (results[member.name].weights[name] - value).abs().max()
            worst = max(worst, float(difference))
    return worst


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_every_optimizer_at_every_rate_in_float64(sizes: tuple[int, ...]) -> None:
    members = sweep_of(SGD + ADAPTIVE + FAST, partial(double, partial(mlp, sizes)))

    assert worst_difference(members, rows()) < 1e-7


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_penalties_and_what_they_spare(sizes: tuple[int, ...]) -> None:
    members = sweep_of(PENALISED, partial(double, partial(mlp, sizes)))

    assert worst_difference(members, rows()) < 1e-7


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_moderate_rates_in_float32(sizes: tuple[int, ...]) -> None:
    members = sweep_of(SGD + ADAPTIVE, partial(mlp, sizes))

    assert worst_difference(members, rows()) < 1e-5


def test_one_model_at_a_time() -> None:
    members = sweep_of(SGD + ADAPTIVE, partial(double, partial(mlp, SMALL)))

    assert worst_difference(members, rows(), "sequential") < 1e-7


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_compiled_steps(sizes: tuple[int, ...]) -> None:
    members = sweep_of([SGD[1], ADAPTIVE[0], ADAPTIVE[4]], partial(double, partial(mlp, sizes)))

    assert worst_difference(members, rows(), "compiled") < 1e-7


def test_full_batches_and_one_watch() -> None:
    members = sweep_of(
        SGD + FAST, partial(double, partial(mlp, SMALL)), epochs=50, batch_size=None, watch_every=50
    )

    assert worst_difference(members, rows()) < 1e-7


def test_a_short_batch_can_be_left_out() -> None:
    members = sweep_of(SGD, partial(double, partial(mlp, SMALL)), drop_last=True)

    assert worst_difference(members, rows()) < 1e-7


def test_losses_are_those_of_the_twin() -> None:
    members = sweep_of(SGD, partial(mlp, SMALL), batch_size=None)

    results = trained(members, rows())

    for member in members:
        curve = results[member.name].curves["loss", "batches"]
        assert curve == pytest.approx(train_alone(member, rows())[1], abs=1e-5)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 4, 1), (2, 1, 1), (2, 5, 1)])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_layers_of_one_unit(sizes: tuple[int, ...], batch_size: int | None) -> None:
    task = rows()
    task = Task(task.x[:, : sizes[0]], (task.y > 0).double(), loss="bce_with_logits")
    members = sweep_of(SGD, partial(double, partial(mlp, sizes)), batch_size=batch_size)

    assert worst_difference(members, task) < 1e-7


@pytest.mark.parametrize("layer", [nn.Flatten(), nn.Flatten(1, 2), nn.Flatten(-3), nn.Flatten(2)])
def test_flattening_of_any_axes(layer: nn.Flatten) -> None:
    g = torch.Generator().manual_seed(5)
    x_NCHW = torch.randn(30, 2, 3, 4, generator=g)
    task = Task(x_NCHW, torch.randint(0, 3, (30,), generator=g))
    members = sweep_of(SGD, partial(flattened, layer))

    assert worst_difference(members, task) < 1e-7


def flattened(layer: nn.Flatten, g: torch.Generator) -> nn.Module:
    shape = layer(torch.empty(1, 2, 3, 4)).shape[1:]
    units = [nn.Linear(shape[-1], 2), nn.Flatten(), nn.Linear(shape[:-1].numel() * 2, 3)]
    return fresh(nn.Sequential(copy.deepcopy(layer), *units), g)


@pytest.mark.parametrize("loss", ["bce_with_logits", "mse"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_other_losses(loss: str, outputs: int) -> None:
    task = rows()
    y = (task.y[:, None] > torch.arange(3)).double()[:, :outputs]
    task = Task(task.x, y[:, 0] if outputs == 1 else y, loss=loss)
    members = sweep_of(SGD, partial(double, partial(mlp, (6, 5, outputs))))

    assert worst_difference(members, task) < 1e-7


def test_rows_can_be_weighted() -> None:
    task = replace(rows(), weights=torch.linspace(0.1, 2, 50))
    members = sweep_of(SGD, partial(double, partial(mlp, SMALL)))

    assert worst_difference(members, task) < 1e-7


def fresh(module: nn.Module, g: torch.Generator) -> nn.Module:
    """Draw all parameters of a module anew."""
    with torch.no_grad():
        for p in module.parameters():
            p.uniform_(-0.4, 0.4, generator=g)
    return module.double()


def convolutional(g: torch.Generator) -> nn.Module:
    return fresh(
        nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, stride=2, groups=1, bias=False),
            nn.Sequential(nn.BatchNorm2d(4, momentum=None), nn.LeakyReLU(0.2)),
            nn.ConvTranspose2d(4, 2, 2, stride=2, output_padding=1),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(2, 3),
        ),
        g,
    )


def test_convolutions_and_batch_norm() -> None:
    g = torch.Generator().manual_seed(2)
    x = torch.randint(0, 256, (40, 1, 8, 8), generator=g, dtype=torch.uint8)
    task = Task(x, torch.randint(0, 3, (40,), generator=g))
    members = sweep_of(SGD + ADAPTIVE, convolutional, epochs=5)

    assert worst_difference(members, task) < 1e-7


@pytest.mark.parametrize(
    "layer",
    [
        nn.GRU(2, 5, num_layers=2, batch_first=True),
        nn.LSTM(2, 4, batch_first=True),
        nn.RNN(2, 6, batch_first=True, nonlinearity="relu", bias=False),
    ],
)
def test_recurrent_layers(layer: nn.Module) -> None:
    g = torch.Generator().manual_seed(3)
    task = Task(torch.randn(30, 7, 2, generator=g), torch.randint(0, 3, (30,), generator=g))
    members = sweep_of(SGD + ADAPTIVE, partial(recurrent, layer))

    assert worst_difference(members, task) < 1e-7


def recurrent(layer: nn.Module, g: torch.Generator) -> nn.Module:
    head = nn.Linear(layer.hidden_size, 3)
    return fresh(nn.Sequential(copy.deepcopy(layer), Last(), head), g)


def test_a_recurrent_layer_of_two_directions_is_refused() -> None:
    layer = nn.GRU(2, 5, batch_first=True, bidirectional=True)
    task = Task(torch.randn(30, 7, 2), torch.zeros(30).long())

    with pytest.raises(SweepError, match="one direction"):
        trained(sweep_of(SGD[:2], partial(recurrent_both, layer)), task)


def recurrent_both(layer: nn.Module, g: torch.Generator) -> nn.Module:
    return nn.Sequential(copy.deepcopy(layer), Last(), nn.Linear(10, 3)).double()


class Tied(nn.Module):
    """An autoencoder whose decoder is its encoder, transposed: a module of its own kind."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.weight.T) @ self.weight


def tied(g: torch.Generator) -> nn.Module:
    return fresh(nn.Sequential(Tied(), nn.Linear(6, 3)), g)


def half_frozen(g: torch.Generator) -> nn.Module:
    net = mlp(SMALL, g).double()
    net[1].requires_grad_(False)
    return net


@pytest.mark.parametrize("build", [tied, half_frozen])
def test_modules_of_any_kind_and_frozen_layers(
    build: Callable[[torch.Generator], nn.Module],
) -> None:
    members = sweep_of(SGD + ADAPTIVE, build)

    assert worst_difference(members, rows()) < 1e-7


def test_the_comparison_can_fail() -> None:
    """A rate that is off by a tenth of a percent shows."""
    members = sweep_of(SGD, partial(double, partial(mlp, SMALL)))
    off = [replace(m, optimizer=replace(m.optimizer, lr=m.optimizer.lr * 1.001)) for m in members]

    results = trained(off, rows())

    module, _ = train_alone(members[0], rows())
    difference = (results["0"].weights["1.weight"] - module.state_dict()["1.weight"]).abs().max()
    assert difference > 1e-6


optimizers = st.builds(
    Optimizer,
    name=st.sampled_from(["sgd", "rmsprop", "adam", "adamw"]),
    lr=st.sampled_from([0.001, 0.01, 0.1]),
    weight_decay=st.sampled_from([0.0, 0.02]),
)
layer_sizes = st.lists(st.integers(1, 9), min_size=0, max_size=3)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    hidden=layer_sizes,
    activation=st.sampled_from(["relu", "tanh", "gelu", "identity"]),
    chosen=st.lists(optimizers, min_size=1, max_size=5),
    batch_size=st.sampled_from([None, 7, 20]),
)
def test_random_nets_and_optimizers(
    hidden: list[int], activation: str, chosen: list[Optimizer], batch_size: int | None
) -> None:
    build = partial(double, partial(mlp, (6, *hidden, 3), activation=activation))
    members = sweep_of(chosen, build, epochs=3, batch_size=batch_size)

    assert worst_difference(members, rows(20)) < 1e-7
