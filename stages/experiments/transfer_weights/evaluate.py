"""The claims about transferred weights, tested on held-out clothes, digits and letters.

Shapes: S repeats, R test rows, H and W pixels, F features, C classes.
"""

import copy
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn

from stages import _device, _numbers, _seeds
from stages._claims import Effect, errors, paired
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained, numbers
from stages._training import streams
from stages.experiments.transfer_weights import train as made
from stages.experiments.transfer_weights.params import Evaluate, Train
from stages.experiments.transfer_weights.train import (
    GAUSSIANS,
    HEAD,
    NETS,
    PAIRS,
    SCRATCH,
    Rows,
    arm,
)
from stages.models import cnn, copies
from stages.sweep import generator

TEST = "test accuracy"
KERNELS = "1.weight"  # of the first convolution, in both nets
CHANGE = "change of the first layer's kernels / their length"
UNTRAINED = "clothes by the net for digits as it is"
SOURCES = (*PAIRS.values(), GAUSSIANS)
signed = partial(_numbers.fixed, places=3, sign=True)
Hits = dict[str, np.ndarray]  # arm -> 1 where a repeat's net is right about a test row, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify the test rows with every net, and look at copies and at kernels."""
    tests = {role: made.rows(inputs[role]["test"]) for role in inputs}
    tests[GAUSSIANS] = made.gaussian_rows(train, seed, _seeds.FRESH, settings.fresh_rows)
    right = {made.source_arm(source): source_hits(trained, source, tests) for source in SOURCES}
    for target in NETS:
        right |= target_hits(train, trained, target, tests[target])
    labels = train.targets.labels
    trivial = {t: float(tests[t][1].bincount().max()) / len(tests[t][1]) for t in NETS}
    whole = Evaluated(
        effects={
            **early(right, labels[-1]),
            **last_layers(right, labels[-1]),
            "advantage_fades_with_data": fading(right, labels[0], labels[-1]),
        },
        headline={
            f"{target}_from_{start}": right[arm(target, start, labels[-1])].mean()
            for target in NETS
            for start in (SCRATCH, PAIRS[target])
        }
        | {"trivial_accuracy": trivial["clothes"]},
        rows={(name, "accuracy"): table_SR for name, table_SR in right.items()},
        arrays={f"trivial {target}": np.array(value) for target, value in trivial.items()},
    )
    known = right[made.source_arm("letters")].mean()
    others = first_layers(train, trained, seed), duplicates(settings, trained, tests, known)
    return join(whole, zero_shot(trained, tests["clothes"]), *others)


def source_hits(trained: Trained, source: str, tests: Mapping[str, Rows]) -> np.ndarray:
    """Return where the nets that learned a source are right about its own test rows."""
    states = trained.states(made.source_arm(source))
    return right_rows(net_like(source, states), states, tests[source])


def net_like(source: str, states: Mapping[str, np.ndarray]) -> nn.Sequential:
    """Return a net of a source's structure."""
    last = max(states, key=lambda name: int(name.split(".")[0]))
    classes = states[last].shape[1]
    return made.net_of_source(source)(classes, torch.Generator())


def right_rows(net: nn.Module, states: Mapping[str, np.ndarray], test: Rows) -> np.ndarray:
    """Return 1 where a repeat's net is right, else 0: (S, R)."""
    return (named(net, states, test[0]) == test[1]).float().numpy()


def named(net: nn.Module, states: Mapping[str, np.ndarray], x_RHW: torch.Tensor) -> torch.Tensor:
    """Return the class that each repeat's net gives to each row, (S, R)."""
    works = [partial(made.outputs, net, one(states, s), x_RHW) for s in repeats(states)]
    return torch.stack(_device.in_parallel(works)).argmax(-1)


def one(states: Mapping[str, np.ndarray], repeat: int) -> made.State:
    """Return the state dict of one repeat."""
    return {name: torch.from_numpy(value)[repeat] for name, value in states.items()}


def repeats(states: Mapping[str, np.ndarray]) -> range:
    """Return the numbers of the repeats."""
    return range(len(next(iter(states.values()))))


def target_hits(train: Train, trained: Trained, target: str, test: Rows) -> Hits:
    """Return where the nets that learned a target are right, by arm."""
    net = NETS[target](int(test[1].max()) + 1, torch.Generator())
    whole = {
        name: right_rows(net, trained.states(name), test)
        for labels, early in made.budgets(train.targets, target)
        for start in made.starts(train.targets, target, labels)
        for name in [arm(target, start, labels, early=early)]
    }
    return whole | head_hits(train, trained, target, test)


def head_hits(train: Train, trained: Trained, target: str, test: Rows) -> Hits:
    """Return where the nets with a frozen body are right, by arm."""
    names = [arm(target, PAIRS[target], labels, HEAD) for labels in train.targets.labels]
    net = cnn.head(partial(NETS[target], int(test[1].max()) + 1), torch.Generator())
    works = [
        partial(made.features, target, made.state(trained, PAIRS[target], repeat), test[0])
        for repeat in range(train.repeats)
    ]
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for repeat, x_RF in enumerate(_device.in_parallel(works)):
        for name in names:
            named_R = made.outputs(net, one(trained.states(name), repeat), x_RF).argmax(1)
            found[name].append((named_R == test[1]).float().numpy())
    return {name: np.stack(tables) for name, tables in found.items()}


def early(right: Hits, labels: int) -> dict[str, Effect]:
    """Compare starts after the first steps on clothes."""
    scratch_SR = right[arm("clothes", SCRATCH, labels, early=True)]

    def effect(source: str, claimed_by: str) -> Effect:
        name = arm("clothes", source, labels, early=True)
        against = f"{name} minus {arm('clothes', SCRATCH, labels, early=True)}"
        late_SR = right[arm("clothes", source, labels)] - right[arm("clothes", SCRATCH, labels)]
        gain_SR, own = right[name] - scratch_SR, right[made.source_arm(source)].mean()
        note = (
            f"standard deviation over repeats {gain_SR.mean(1).std(ddof=1):.3f}; after all steps "
            f"{signed(late_SR.mean())}; the sources reach {own:.3f} on new {source}"
        )
        return Effect(paired(gain_SR), TEST, against, claimed_by, note=note)

    return {
        "digits_help_fashion_early": effect("digits", "notes L746-751"),
        "gaussians_do_not": effect(GAUSSIANS, "notes L740-742"),
    }


def last_layers(right: Hits, labels: int) -> dict[str, Effect]:
    """Compare the last layer alone with all layers, on the notes' pair and on clothes."""

    def effect(target: str, claimed_by: str) -> Effect:
        head, whole = (arm(target, PAIRS[target], labels, mode) for mode in (HEAD, made.ALL))
        against = f"{head} minus {whole}"
        return Effect(paired(right[head] - right[whole]), TEST, against, claimed_by)

    return {
        "last_layer_suffices": effect("digits", "notes L806"),
        "last_layer_suffices_for_clothes": effect("clothes", "ours"),
    }


def fading(right: Hits, fewest: int, most: int) -> Effect:
    """Compare what letters gain for digits with the fewest labels and with the most."""
    gain = {
        labels: right[arm("digits", "letters", labels)] - right[arm("digits", SCRATCH, labels)]
        for labels in (fewest, most)
    }
    return Effect(
        paired(gain[fewest] - gain[most]),
        TEST,
        f"digits: gain by starting from letters with {fewest} labels per class minus with {most}",
        "ours",
        note=" and ".join(
            f"{signed(gain_SR.mean())} with {labels}" for labels, gain_SR in gain.items()
        ),
    )


def zero_shot(trained: Trained, clothes: Rows) -> Evaluated:
    """Let the nets for digits name clothes: under every code of the classes, and as they are."""
    states, (x_RHW, y_R) = trained.states(made.source_arm("digits")), clothes
    named_SR = named(net_like("digits", states), states, x_RHW)
    share_SCC = np.stack([shares(named_R, y_R.numpy()) for named_R in named_SR.numpy()])
    codes_SC = np.stack([by_shift(share_CC) for share_CC in share_SCC])
    count = codes_SC.shape[1]
    effect = Effect(
        errors(np.abs(codes_SC.mean(1) - 1 / count)),
        "difference of accuracies, a case per net",
        f"nets for digits on clothes, mean over {count} codes, in which class c is called digit "
        f"c + k modulo {count}, k from 0 to {count - 1}, against {1 / count:g}",
        "ours",
        note=f"with k = 0, {codes_SC[:, 0].mean():.3f}, the mean over repeats; single repeats with "
        f"a single k from {codes_SC.min():.3f} to {codes_SC.max():.3f}",
    )
    return Evaluated(
        {"zero_shot_is_chance": effect},
        {},
        rows={(UNTRAINED, "accuracy"): (named_SR == y_R).float().numpy()},
        arrays={"zero shot": share_SCC.mean(0) / share_SCC.mean(0).sum(1, keepdims=True)},
    )


def shares(predicted_R: np.ndarray, y_R: np.ndarray) -> np.ndarray:
    """Return the share of the rows with each class and each prediction, (C, C)."""
    classes = int(y_R.max()) + 1
    counts = np.bincount(classes * y_R + predicted_R, minlength=classes**2)
    return counts.reshape(classes, classes) / len(y_R)


def by_shift(share_CC: np.ndarray) -> np.ndarray:
    """Return the accuracy if class c is called c + k, for each k, (C,).

    Each pair of a class and a name occurs in one of these codes, as often as in all C! of them,
    so that the mean is that over all codes.
    """
    classes = np.arange(len(share_CC))
    return np.array([share_CC[classes, (classes + k) % len(classes)].sum() for k in classes])


def first_layers(train: Train, trained: Trained, seed: int) -> Evaluated:
    """Measure how far training moves the first layer's kernels; keep those of one repeat."""
    labels = train.targets.labels[-1]
    tables, arrays = [], {}
    for target in NETS:
        for start in made.starts(train.targets, target, labels):
            name = arm(target, start, labels)
            after = trained.states(name)[KERNELS]
            before = kernels_before(trained, target, start, len(after), seed)
            axes = tuple(range(1, after.ndim))
            change_S = np.sqrt(((after - before) ** 2).sum(axes) / (before**2).sum(axes))
            tables.append(numbers(name, CHANGE, "train", change_S))
            arrays[f"kernels {name}"] = np.stack([before[0, :, 0], after[0, :, 0]])
    return Evaluated({}, {}, trials=pd.concat(tables), arrays=arrays)


def kernels_before(trained: Trained, target: str, start: str, count: int, seed: int) -> np.ndarray:
    """Return the first layer's kernels before training on the target, (S, ...)."""
    if start != SCRATCH:
        return trained.states(made.source_arm(start))[KERNELS]
    generators = [generator(streams(seed, repeat).init) for repeat in range(count)]
    return np.stack([NETS[target](1, g).state_dict()[KERNELS].numpy() for g in generators])


def duplicates(
    settings: Evaluate, trained: Trained, tests: Mapping[str, Rows], known: float
) -> Evaluated:
    """Copy trained nets, which are right at the rate `known`, by `deepcopy` and by a loop."""
    kept = {source: nets(trained, source) for source in PAIRS.values()}
    exact = [
        copies.copy_error(net, copy.deepcopy(net), tests[source][0][: settings.copy_rows] / 255)
        for source, originals in kept.items()
        for net in originals
    ]
    letters, states = kept["letters"], trained.states(made.source_arm("letters"))
    looped = [net_like("letters", states) for _ in letters]
    for net, new in zip(letters, looped, strict=True):
        copies.by_parameter_loop(net, new)
    left = [copies.loop_error(*pair) for pair in zip(letters, looped, strict=True)]
    wrong = {name: np.stack([new.state_dict()[name] for new in looped]) for name in states}
    after = right_rows(looped[0], wrong, tests["letters"]).mean()
    return Evaluated(
        {
            "deepcopy_is_exact": Effect(
                errors(exact),
                "largest difference of a parameter, a buffer or an output, a case per net",
                "trained nets for digits and letters: `copy.deepcopy(net)` against the net; "
                f"outputs on the first {settings.copy_rows} test rows of what it learned",
                "against notes L753-758",
            ),
            "parameter_loop_leaves_buffers_behind": Effect(
                errors(left),
                "largest difference, a case per net; a buffer that the loop did copy counts as 1",
                "trained nets for letters: parameters after the notes' loop against the net's, "
                "whether a buffer is the net's, and all of it after `load_state_dict`",
                "against notes L753-758",
                note=f"test accuracy on letters, mean over repeats: the net {known:.3f}, its copy "
                f"by the loop {after:.3f}",
            ),
        },
        {},
    )


def nets(trained: Trained, source: str) -> list[nn.Sequential]:
    """Return the trained nets of a source, in eval mode."""
    states = trained.states(made.source_arm(source))
    found = [net_like(source, states).eval() for _ in repeats(states)]
    for repeat, net in enumerate(found):
        net.load_state_dict(made.state(trained, source, repeat))
    return found
