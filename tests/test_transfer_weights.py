"""The two nets, the arms, and the notebooks' mistakes: planted, they change what is measured."""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages import _params, sweep
from stages._claims import ClaimSettings, Effect, decide, paired
from stages._inputs import Split
from stages._trained import Trained
from stages._training import Run, collect, members_and_tasks, streams
from stages.experiments.transfer_weights import evaluate, train
from stages.experiments.transfer_weights.params import Targets, Train
from stages.models import cnn, copies
from stages.samplers import gaussian_images

SEED = 7
ROWS = 96
Rows = tuple[Tensor, Tensor]
Change = Callable[[nn.Sequential], None]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def settings() -> Train:
    block: Train = _params.load().experiments["transfer_weights"].train
    return block


@pytest.fixture(scope="module")
def blobs() -> Rows:
    """Blobs of two widths, from 0 to 1."""
    x_NHW, y_N = gaussian_images.draw(np.random.default_rng(SEED), ROWS, 28, (0.6, 2.4))
    return torch.from_numpy(x_NHW.clip(0, 1)), torch.from_numpy(y_N)


@pytest.fixture(scope="module")
def source(blobs: Rows) -> nn.Sequential:
    """A net for letters that has learned the blobs, in eval mode."""
    net = cnn.letter_net(2, torch.Generator().manual_seed(SEED))
    steps(net, torch.optim.Adam(net.parameters(), 0.003), blobs, 30)
    return net.eval()


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, rows: Rows, count: int) -> None:
    """Full-batch steps in the mode that the net is in; returns nothing."""
    for _ in range(count):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(net(rows[0]), rows[1]))
        optimizer.step()


def loss(net: nn.Module, rows: Rows) -> float:
    with torch.no_grad():
        return float(nn.functional.cross_entropy(net(rows[0]), rows[1]))


def replaced(source: nn.Sequential) -> nn.Sequential:
    """A copy whose last layer is new and whose other layers are frozen."""
    net = copy.deepcopy(source)
    for parameter in net.parameters():
        parameter.requires_grad = False
    net[-1] = nn.Linear(cnn.HIDDEN, 2, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for parameter in net[-1].parameters():
            parameter.normal_(0, 0.1, generator=torch.Generator().manual_seed(SEED))
    return net


def split(rows: int, classes: int) -> Split:
    rng = np.random.default_rng(SEED)
    x_NHW = rng.integers(0, 256, (rows, 28, 28)).astype(np.uint8)
    return Split(x_NHW, np.arange(rows) % classes, {"classes": list(range(classes))})


def smaller(settings: Train) -> Train:
    targets = settings.targets.model_copy(
        update={"steps": 4, "early_steps": 2, "watches": 2, "labels": [2, 4], "batch_size": 8}
    )
    blobs = settings.sources.gaussians.model_copy(update={"rows": 32})
    sources = settings.sources.model_copy(update={"gaussians": blobs})
    update = {"repeats": 2, "dev_rows": 10, "targets": targets, "sources": sources}
    return settings.model_copy(update=update)


def fit(runs: Iterator[Run] | list[Run], keep: object = None) -> Trained:
    members, tasks = members_and_tasks(runs, SEED)
    events = sweep.run(sweep.plan(members, tasks), members, tasks)
    return collect(result for event in events for result in event.results)


@pytest.fixture(scope="module")
def inputs() -> dict[str, dict[str, Split]]:
    sizes = {"clothes": 10, "digits": 10, "letters": 26}
    return {
        role: {"train": split(60, classes), "dev": split(20, classes), "test": split(30, classes)}
        for role, classes in sizes.items()
    }


@pytest.fixture(scope="module")
def trained(settings: Train, inputs: dict[str, dict[str, Split]]) -> Trained:
    return train.train(smaller(settings), inputs, SEED, fit)  # type: ignore[arg-type]


def test_the_nets_have_the_courses_numbers_of_parameters():
    counts = [
        sum(p.numel() for p in build(classes, torch.Generator()).parameters())
        for build, classes in ((cnn.digit_net, 10), (cnn.letter_net, 26))
    ]

    assert counts == [30840, 16490]


def test_initial_weights_come_from_the_generator_and_have_torchs_bounds():
    build = partial(cnn.letter_net, 26)
    one, other, third = (build(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))

    assert copies.difference(one.state_dict(), other.state_dict()) == 0
    assert copies.difference(one.state_dict(), third.state_dict()) > 0
    assert 0.9 / 54**0.5 < float(one[5].weight.detach().abs().max()) <= 1 / 54**0.5


def test_a_net_with_anothers_body_has_its_weights_and_statistics_and_a_head_of_its_own(
    source: nn.Sequential,
):
    build = partial(cnn.letter_net, 10)
    net = cnn.with_body(build, source.state_dict(), torch.Generator().manual_seed(3))
    fresh = build(torch.Generator().manual_seed(3))
    whole = cnn.body(source).state_dict()

    assert copies.difference(cnn.body(net).state_dict(), whole) == 0
    assert any("running_var" in name for name in whole)
    assert copies.difference(net[-1:].state_dict(), fresh[-1:].state_dict()) == 0
    assert cnn.head(build, torch.Generator().manual_seed(3)).state_dict().keys() == (
        fresh[-1:].state_dict().keys()
    )


@pytest.mark.parametrize("early", [False, True])
def test_every_arm_takes_the_budgets_steps(settings: Train, early: bool):
    targets: Targets = settings.targets
    steps = targets.early_steps if early else targets.steps
    for labels in (*targets.labels, 600):
        at_N, epochs = train.spread(targets, np.arange(10 * labels), early)
        per_epoch, rest = divmod(len(at_N), targets.batch_size)
        assert (epochs * per_epoch, rest) == (steps, 0)
        assert len(np.unique(at_N)) == min(10 * labels, steps * targets.batch_size)


def test_labels_are_kept_in_equal_numbers_and_more_contain_fewer():
    y_N = np.arange(60) % 3
    few, more = (train.few(y_N, labels, SEED, 0) for labels in (2, 5))

    assert np.bincount(y_N[few]).tolist() == [2, 2, 2]
    assert set(few) < set(more)
    assert set(train.few(y_N, 5, SEED, 1)) != set(more)


def test_starts_of_a_repeat_share_rows_and_dev(settings: Train, inputs, trained: Trained):
    small = smaller(settings)
    runs = list(train.whole_runs(small, inputs["clothes"], SEED, "clothes", trained))
    tasks = {(run.arm.split("@")[1], run.repeat): set() for run in runs}
    for run in runs:
        tasks[run.arm.split("@")[1], run.repeat].add(id(run.task))

    assert {len(ids) for ids in tasks.values()} == {1}
    assert len(runs) == 2 * (2 + 3 + 3)


def test_the_last_layer_alone_equals_a_plain_loop_over_a_frozen_net_in_eval_mode(
    settings: Train, inputs, trained: Trained
):
    small = smaller(settings)
    run = next(train.head_runs(small, inputs["digits"], SEED, "digits", trained))
    member = members_and_tasks([run], SEED)[0][0]
    state = train.state(trained, "letters", 0)
    net = cnn.with_body(
        partial(cnn.letter_net, 10), state, sweep.generator(member.streams.init)
    ).eval()
    cnn.body(net).requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 0.01)
    order_N = train.few(inputs["digits"]["train"].y, 2, SEED, 0)
    at_N, epochs = train.spread(small.targets, order_N, early=False)
    x_NHW, y_N = train.rows(inputs["digits"]["train"])
    for epoch in range(epochs):
        for i_B in sweep.batch_order(member.streams.order, epoch, len(at_N)).split(8):
            rows = at_N[i_B.numpy()]
            steps(net, optimizer, (x_NHW[rows] / 255, y_N[rows]), 1)

    states = trained.states(run.arm)
    own = cnn.body(net).state_dict()
    assert copies.difference(own, {name: state[name] for name in own}) == 0
    for name, value in net[-1:].state_dict().items():
        torch.testing.assert_close(torch.from_numpy(states[name][0]), value, rtol=1e-4, atol=1e-5)


def test_evaluation_finds_every_claim(settings: Train, inputs, trained: Trained):
    block = _params.load().experiments["transfer_weights"].evaluate
    block = block.model_copy(update={"fresh_rows": 20, "copy_rows": 4})
    found = evaluate.evaluate(block, smaller(settings), trained, inputs, SEED)
    reported = {
        name: claim if claim.kind == "identity" else ClaimSettings(kind="reported")
        for name, claim in block.claims.items()
    }

    verdicts = {item["id"]: item["verdict"] for item in decide(reported, found.effects)}

    assert set(verdicts.values()) == {"reported", "holds"}
    assert set(found.headline) >= {"clothes_from_scratch", "trivial_accuracy"}


def test_over_all_numberings_of_the_classes_any_net_is_right_as_often_as_guessing():
    rng = np.random.default_rng(SEED)
    share_CC = evaluate.shares(rng.integers(0, 4, 500), np.repeat([0, 1, 2, 3], 125))

    assert evaluate.by_shift(share_CC).mean() == pytest.approx(0.25, abs=1e-12)
    assert evaluate.by_shift(np.eye(4) / 4).tolist() == [1, 0, 0, 0]


def test_a_copy_that_is_not_exact_and_a_loop_that_copies_buffers_are_errors(
    source: nn.Sequential, blobs: Rows
):
    other = copy.deepcopy(source)
    assert copies.copy_error(source, other, blobs[0]) == 0
    assert copies.loop_error(source, other) >= 1
    with torch.no_grad():
        other[1].weight[0] += 0.5
    assert copies.copy_error(source, other, blobs[0]) >= 0.5


def test_mistake_a_head_that_replaces_one_known_to_the_optimizer_is_never_trained(
    source: nn.Sequential, blobs: Rows
):
    net = copy.deepcopy(source)
    before_surgery = torch.optim.Adam(net.parameters(), 0.01)
    net = replaced(net)
    start = copy.deepcopy(net[-1].state_dict())
    steps(net, before_surgery, blobs, 20)
    stuck = loss(net, blobs)
    assert copies.difference(net[-1].state_dict(), start) == 0

    steps(net, torch.optim.Adam(net[-1].parameters(), 0.01), blobs, 20)

    assert loss(net, blobs) < 0.7 * stuck


def test_our_heads_are_trained(trained: Trained):
    init = streams(SEED, 0).init
    for target, source in train.PAIRS.items():
        fresh = cnn.head(partial(train.NETS[target], 10), sweep.generator(init))
        states = trained.states(train.arm(target, source, 2, train.HEAD))
        for name, value in fresh.state_dict().items():
            assert np.abs(states[name][0] - value.numpy()).max() > 0.005


def test_mistake_a_loop_over_parameters_loses_the_statistics_and_with_them_the_outputs(
    source: nn.Sequential, blobs: Rows
):
    looped = cnn.letter_net(2, torch.Generator()).eval()
    copies.by_parameter_loop(source, looped)

    assert copies.loop_error(source, looped) == 0
    assert loss(looped, blobs) > 1.5 * loss(source, blobs)


def test_mistake_frozen_batch_norm_in_training_mode_drifts_and_changes_the_body(
    source: nn.Sequential, blobs: Rows
):
    other = (blobs[0] ** 2, blobs[1])  # images of a new problem
    drifting, kept = replaced(source).train(), replaced(source).eval()
    for net in (drifting, kept):
        steps(net, torch.optim.Adam(net[-1].parameters(), 0.01), other, 20)
        net.eval()
    bodies = [cnn.body(net) for net in (source, drifting, kept)]
    own, moved, same = (below(blobs[0]).detach() for below in bodies)

    assert float((moved - own).norm() / own.norm()) > 0.05
    assert torch.equal(same, own)


def test_our_frozen_bodies_give_what_the_source_gives_in_eval_mode(inputs, trained: Trained):
    state = train.state(trained, "letters", 1)
    net = cnn.letter_net(26, torch.Generator()).eval()
    net.load_state_dict(state)
    x_NHW, _ = train.rows(inputs["digits"]["test"])

    found = train.features("digits", state, x_NHW)

    torch.testing.assert_close(found, cnn.body(net)(x_NHW / 255).detach(), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        by_batch = cnn.body(net.train())(x_NHW / 255)
    assert float((by_batch - found).norm() / found.norm()) > 0.05


def table(rng: np.random.Generator, accuracy: float) -> np.ndarray:
    return (rng.random((10, 2000)) < accuracy).astype(np.float32)


def test_mistake_without_nets_from_scratch_learning_looks_like_a_gain():
    rng = np.random.default_rng(SEED)
    starts = (train.SCRATCH, "digits", train.GAUSSIANS)
    right = {
        train.arm("clothes", start, 300, early=early): table(rng, 0.76)
        for start in starts
        for early in (False, True)
    } | {train.source_arm(source): table(rng, 0.8) for source in starts[1:]}
    effect = evaluate.early(right, 300)["digits_help_fashion_early"]
    without = paired(right[train.arm("clothes", "digits", 300, early=True)] - 0.1)
    claim = ClaimSettings(kind="claim", direction="greater", margin=0.03, reason="any")

    def verdict(one: Effect) -> str:
        return str(decide({"c": claim}, {"c": one})[0]["verdict"])

    assert verdict(Effect(without, "accuracy", "digits against guessing", "ours")) == "supported"
    assert verdict(effect) == "contradicted"


def test_mistake_another_input_range_takes_away_what_the_source_knows(
    source: nn.Sequential, blobs: Rows
):
    stretched = (2 * blobs[0] - 1, blobs[1])

    assert loss(source, stretched) > 1.5 * loss(source, blobs)


def test_all_our_images_have_the_same_range(settings: Train, inputs: Mapping[str, Mapping]):
    small = smaller(settings)
    runs = list(train.source_runs(small, inputs, SEED))  # type: ignore[arg-type]

    assert {run.task.x.dtype for run in runs} == {torch.uint8}
    drawn, _ = train.gaussian_rows(small, SEED, 0, 32)
    assert (int(drawn.min()), int(drawn.max())) == (0, 255)


def test_the_expected_time_grows_with_the_repeats(settings: Train):
    rows = {"clothes": 6000, "digits": 3500, "letters": 5200}
    more = settings.model_copy(update={"repeats": 2 * settings.repeats})

    assert train.expected_seconds(more, rows) == 2 * train.expected_seconds(settings, rows)
