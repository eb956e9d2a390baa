"""The claims about transfer from a backbone, tested on crops that share no pixel with the others.

Shapes: S repeats, R test rows, F features, C classes, K neighbours.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from stages import _device
from stages._claims import Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import hits
from stages.experiments.transfer_backbone.params import Evaluate, Train, Vgg
from stages.experiments.transfer_backbone.train import (
    arm_name,
    frozen,
    looks,
    main_view,
    pretrained,
    scratch_arms,
    untrained,
)
from stages.models import backbone, vgg
from stages.models.backbone import View

TEST = "test accuracy"
THUMB = 48
STATISTICS = ("imagenet", "own", "none")
Hits = dict[str, np.ndarray]  # arm -> 1 where a repeat is right about a test row, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify the test photos with every net and compare the arms."""
    test = inputs["photos"]["test"]
    features = shared_features(train, trained, inputs)
    guesses = {
        arm: head_guesses(trained.states(arm), [features[arm.split("@")[0]]] * train.repeats)
        for arm in trained.arms()
        if arm.split("@")[0] in features
    }
    guesses |= random_guesses(train, trained, test, seed) | whole_guesses(train, trained, test)
    right = {arm: (guess_SR == test.y).astype(np.float32) for arm, guess_SR in guesses.items()}
    right |= scratch_hits(train, trained, test)
    best = best_head(trained)
    effects, scratch = compare(train, trained, right)
    frozen_name = f"frozen {main_view(train)}"
    return Evaluated(
        effects={
            **effects,
            "vgg_table": vgg_table(settings.vgg),
            "thirteen_families_take_a_new_head": new_heads(settings),
        },
        headline={
            "frozen_few_labels": right[arm_name(frozen_name, train.few)].mean(),
            "frozen_most_labels": right[arm_name(frozen_name, max(train.labels))].mean(),
            "scratch_few_labels": right[scratch].mean(),
            "random_few_labels": right[arm_name("random", train.few)].mean(),
            "trivial_accuracy": np.bincount(test.y).max() / len(test.y),
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
        arrays={
            "class_names": np.frombuffer("\n".join(test.meta["classes"]).encode(), np.uint8),
            "confusion_CC": confusion(guesses[best], test.y),
            **neighbours(features[frozen_name], features["pixels"], test, settings.neighbours),
        },
    )


def shared_features(train: Train, trained: Trained, inputs: Inputs) -> dict[str, Tensor]:
    """Return "frozen <view>" or "pixels" -> features of the test rows (R, F).

    Own statistics are those that training used; they stand in its weights.
    """
    x_NCHW, weights = torch.from_numpy(inputs["photos"]["test"].x), pretrained(train, inputs)
    mean, std = (trained.weights[f"own/{name}"][0].tolist() for name in ("mean", "std"))
    others = looks(train, (mean, std))
    del others[main_view(train)]
    works = [partial(frozen, train, weights, x_NCHW, look) for look in others.values()]
    found = zip(others, _device.in_parallel(works), strict=True)
    return {
        f"frozen {main_view(train)}": torch.from_numpy(inputs["features"]["test"].x),
        **{f"frozen {name}": x_RF for name, x_RF in found},
        "pixels": backbone.pixels(x_NCHW, train.pixels.size),
    }


def head_guesses(head: Mapping[str, np.ndarray], features: list[Tensor]) -> np.ndarray:
    """Return the class that each repeat's head gives each row, (S, R)."""
    states = [
        {n: torch.from_numpy(v[repeat]) for n, v in head.items()} for repeat in range(len(features))
    ]
    guesses = [
        ((x_RF - state["mean"]) / state["std"] @ state["1.weight"].T + state["1.bias"]).argmax(1)
        for state, x_RF in zip(states, features, strict=True)
    ]
    return torch.stack(guesses).numpy()


def random_guesses(train: Train, trained: Trained, test: Split, seed: int) -> Hits:
    """Return the classes by heads on features of each repeat's initial weights."""
    x_NCHW, look = torch.from_numpy(test.x), View()
    works = [
        partial(untrained, train, seed, repeat, x_NCHW, look) for repeat in range(train.repeats)
    ]
    features = _device.in_parallel(works)
    arms = [arm_name("random", labels) for labels in train.random.labels]
    return {arm: head_guesses(trained.states(arm), features) for arm in arms}


def whole_guesses(train: Train, trained: Trained, test: Split) -> Hits:
    """Return the classes by backbones of which all layers were trained."""
    seen = train.views[train.whole.view]
    x_NCHW, look = torch.from_numpy(test.x), View(size=seen.size)
    guesses = {}
    for arm in (arm_name(mode, n) for mode in train.whole.rates for n in train.whole.labels):
        states = trained.states(arm)
        works = [
            partial(
                whole_guess,
                train.backbone,
                {name: torch.from_numpy(value[repeat]) for name, value in states.items()},
                x_NCHW,
                look,
            )
            for repeat in range(train.repeats)
        ]
        guesses[arm] = np.stack(_device.in_parallel(works))
    return guesses


def whole_guess(
    network: str, state: Mapping[str, Tensor], x_NCHW: Tensor, look: View
) -> np.ndarray:
    """Return the classes by one whole net (R,)."""
    net = backbone.untrained_whole(network, len(state["2.bias"]), torch.Generator())
    net.load_state_dict(state, strict=False)
    guess_R: np.ndarray = (
        backbone.features(net.to(_device.device()), x_NCHW, look).argmax(1).numpy()
    )
    return guess_R


def scratch_hits(train: Train, trained: Trained, test: Split) -> Hits:
    """Return where nets trained on the labelled photos alone are right."""
    setup = train.scratch
    net = backbone.convnet(setup.channels, test.num_classes, torch.Generator())
    x_RCHW = (backbone.smaller(torch.from_numpy(test.x), setup.size) / 255).numpy()
    return {arm: hits(net, trained.states(arm), x_RCHW, test.y) for arm in scratch_arms(train)}


def best_head(trained: Trained) -> str:
    """Return the arm of a head that is best on dev."""
    dev = trained.values("accuracy", "dev")
    return best_on_dev({arm: dev[arm] for arm in dev if not arm.startswith("scratch")}).arm


def compare(train: Train, trained: Trained, right: Hits) -> tuple[dict[str, Effect], str]:
    """Test the claims with few labels; return the net from scratch that is best on dev as well."""
    few, setup = train.few, train.scratch
    dev = trained.values("accuracy", "dev")
    grid = [arm_name(f"scratch {rate:g}", few) for rate in setup.rates_of_few]
    scratch = best_on_dev({arm: dev[arm] for arm in grid}, grid)
    main, own, none = (arm_name(f"frozen {view_by(train, statistics=s)}", few) for s in STATISTICS)
    other = best_on_dev({arm: dev[arm] for arm in (own, none)}).arm
    small, tuned, random = (
        arm_name(name, few) for name in (f"frozen {train.whole.view}", "tuned", "random")
    )
    labels, full = f"{few} labels per class", train.views[main_view(train)].size
    pixels = arm_name("pixels", few)
    mean = {arm: float(table_SR.mean(dtype=np.float64)) for arm, table_SR in right.items()}
    size, whole = train.views[train.whole.view].size, train.whole
    alike = arm_name(f"frozen {view_by(train, size=setup.size)}", few)
    return {
        "pretrained_beats_scratch_with_few_labels": Effect(
            paired(right[main] - right[scratch.arm]),
            TEST,
            f"{labels}: a new last layer on the frozen {train.backbone}, {full} pixels a side, "
            f"minus a small net trained on these alone, {setup.size} pixels a side, at its "
            f"best rate on dev ({scratch.arm.split('@')[0][8:]})",
            "notes L737",
            undecided=scratch.edge,
            note=f"{mean[main]:.3f} against {mean[scratch.arm]:.3f}; at {setup.size} pixels a side "
            f"the frozen net reaches {mean.get(alike, np.nan):.3f}, the pixels {mean[pixels]:.3f}",
        ),
        "frozen_random_features_are_worse": Effect(
            paired(right[main] - right[random]),
            TEST,
            f"{labels}: a new last layer on the frozen {train.backbone} minus the same with "
            "initial weights, drawn anew in each repeat",
            "ours",
            note=f"{mean[main]:.3f} against {mean[random]:.3f}",
        ),
        "last_layer_is_enough": Effect(
            paired(right[small] - right[tuned]),
            TEST,
            f"{labels}, {size} pixels a side: the trained last layer minus the same net after "
            f"{whole.epochs} more epochs of all layers, in batches of {whole.batch_size}, rate "
            f"{whole.rates['tuned']:g}",
            "notes L886",
            note=f"{mean[small]:.3f} against {mean[tuned]:.3f}; the rate was set after a look at "
            "another seed's test crops",
        ),
        "imagenet_statistics_are_best": Effect(
            paired(right[main] - right[other]),
            TEST,
            f"{labels}: photos normalised by ImageNet's statistics minus the better on dev of the "
            f"photos' own and none ({other.split('@')[0].removeprefix('frozen ')})",
            "notes L896",
            note=f"ImageNet's {mean[main]:.3f}, own {mean[own]:.3f}, none {mean[none]:.3f}",
        ),
    }, scratch.arm


def view_by(train: Train, **changes: str | int) -> str:
    """Return the view that differs from the main one by these changes alone, "" if none does."""
    wanted = train.views[main_view(train)].model_copy(update=changes)
    return next((name for name, seen in train.views.items() if seen == wanted), "")


def confusion(guess_SR: np.ndarray, y_R: np.ndarray) -> np.ndarray:
    """Return the share of each class's test rows that is given each class, over repeats (C, C)."""
    classes = int(y_R.max()) + 1
    given_SRC = guess_SR[..., None] == np.arange(classes)
    return np.stack([given_SRC[:, y_R == number].mean((0, 1)) for number in range(classes)])


def neighbours(
    features_RF: Tensor, pixels_RF: Tensor, test: Split, count: int
) -> dict[str, np.ndarray]:
    """Return, for the first test photo of each class, its nearest others by features and pixels.

    `query_C3HW` are the photos; `near_features` and `near_pixels` (C, K, 3, H, W) their nearest,
    `same_*` (R,) the share of each test photo's nearest that are of its class.
    """
    thumbs = backbone.smaller(torch.from_numpy(test.x), THUMB).numpy()
    first_C = np.array([np.flatnonzero(test.y == number)[0] for number in range(test.num_classes)])
    found = {"query_C3HW": thumbs[first_C]}
    for name, x_RF in (("features", features_RF), ("pixels", pixels_RF)):
        scaled_RF = (x_RF - x_RF.mean(0)) / x_RF.std(0).clamp_min(1e-6)
        distance_RR = torch.cdist(scaled_RF, scaled_RF).fill_diagonal_(torch.inf)
        near_RK = distance_RR.topk(count, largest=False).indices.numpy()
        found[f"near_{name}"] = thumbs[near_RK[first_C]]
        found[f"same_{name}"] = (test.y[near_RK] == test.y[:, None]).mean(1)
    return found


def vgg_table(settings: Vgg) -> Effect:
    """Compare the table's numbers of parameters with torchvision's nets and with the paper's."""
    counted = {name: vgg.parameters(layers) for name, layers in settings.layers.items()}
    built = {name: parameters(network) for name, network in settings.torchvision.items()}
    paper = [round(counted[name] / 1e6) != millions for name, millions in settings.millions.items()]
    return Effect(
        errors([*(counted[name] - built[name] for name in built), *paper]),
        "parameters",
        f"the notes' table minus torchvision's nets ({', '.join(built)}): convolutions and dense "
        "layers 25 088-4096-4096-1000, with biases; a number that, in whole millions, is not the "
        "paper's (Simonyan and Zisserman 2015, table 2) counts as an error of 1",
        "notes L820",
        note=", ".join(f"{name} {count:,}".replace(",", " ") for name, count in counted.items()),
    )


def parameters(network: str) -> int:
    """Return the parameters of one of torchvision's nets, which is not filled with numbers."""
    with torch.device("meta"):
        return sum(p.numel() for p in backbone.build(network).parameters())


def new_heads(settings: Evaluate) -> Effect:
    """Give a net of each family a new last layer and look at what it returns and what may learn."""
    wrong = [not takes_new_head(settings, network) for network in settings.families.values()]
    return Effect(
        errors(wrong),
        "families whose net does not",
        f"the notes' {len(wrong)} families (L856-868): all layers frozen, a new last layer for "
        f"{settings.new_classes} classes; outputs of that shape, and nothing but the layer learns",
        "notes L922-923",
        note=", ".join(settings.families.values()),
    )


def takes_new_head(settings: Evaluate, network: str) -> bool:
    """Return whether a net with a new last layer gives the new classes and learns in it alone."""
    shape = (1, 3, settings.family_size, settings.family_size)
    with torch.device("meta"):
        net = backbone.build(network)
        head = backbone.new_head(net, settings.new_classes)
        outputs = net.eval()(torch.empty(shape))
    learning = {id(p) for p in net.parameters() if p.requires_grad}
    own = {id(p) for p in head.parameters()}
    return outputs.shape == (1, settings.new_classes) and learning == own
