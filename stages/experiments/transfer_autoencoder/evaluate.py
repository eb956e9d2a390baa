"""The claims about pretraining by an autoencoder, tested on held-out images.

Shapes: S repeats, R test rows, C classes, K kernels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages import sweep
from stages._claims import Effect, errors, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs, Split
from stages._trained import Trained, numbers
from stages._training import hits, streams
from stages.experiments.transfer_autoencoder import train as made
from stages.experiments.transfer_autoencoder.params import Evaluate, Train
from stages.models import autoencoder

TEST = "test accuracy"
EXPLAINED = "explained variance"
Hits = Mapping[str, np.ndarray]  # arm -> 1 where a repeat's net is right about a test row, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify and reconstruct the test images with every net, and compare the starts."""
    test = inputs["images"]["test"]
    right = classified(train, trained, test)
    images = reconstruction(train, trained, test)
    numbers_of = [labels.number for labels in train.classifier.labels]
    most = numbers_of[-1]
    return Evaluated(
        effects={
            **_starts(settings, right, numbers_of),
            **_rescues(settings, right, most),
            "copy_is_the_trained_encoder": copies(train, trained, test, seed, settings.images),
        },
        headline={
            "scratch_few_accuracy": _good(right, made.SCRATCH, settings.few).mean(),
            "scratch_all_accuracy": _good(right, made.SCRATCH, most).mean(),
            "pretrained_all_accuracy": _good(right, made.PRETRAINED, most).mean(),
            "explained_variance": float(images[made.GOOD, EXPLAINED].mean()),
            "trivial_accuracy": np.bincount(test.y).max() / len(test.y),
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
        trials=pd.concat(
            numbers(made.coder_arm(name), metric, "test", values_S.numpy())
            for (name, metric), values_S in images.items()
        ),
        arrays=pictures(train, trained, test)
        | kernels(train, trained, seed, most, test.num_classes),
    )


def classified(train: Train, trained: Trained, test: Split) -> dict[str, np.ndarray]:
    """Return where every classifier is right about the test images."""
    x_R, y_R = made.rows(train, test)
    found = {}
    for labels in train.classifier.labels:
        for name, start in made.arms(labels):
            net = made.classifier(train, name, test.num_classes, None)(torch.Generator())
            arm = made.arm(name, start, labels.number)
            found[arm] = hits(net, trained.states(arm), x_R.numpy(), y_R.numpy())
    return found


def _good(right: Hits, start: str, number: int | None) -> np.ndarray:
    return right[made.arm(made.GOOD, start, number)]


def _starts(settings: Evaluate, right: Hits, numbers: Sequence[int | None]) -> dict[str, Effect]:
    """Compare the starts of the good design; the last number of labels is all."""
    most = numbers[-1]

    def gain(start: str, number: int | None) -> np.ndarray:
        gain_SR: np.ndarray = _good(right, start, number) - _good(right, made.SCRATCH, number)
        return gain_SR

    few, copied = settings.few, [gain(made.UNTRAINED, number) for number in settings.copied]
    against = f"{made.PRETRAINED} minus {made.SCRATCH}"
    return {
        "pretraining_helps_with_few_labels": Effect(
            paired(gain(made.PRETRAINED, few)),
            TEST,
            f"{against}, {few} labels",
            "notes L936",
            note="the notes say that the weights can be given; the two points are ours",
        ),
        "not_with_many": Effect(
            paired(gain(made.PRETRAINED, most)), TEST, f"{against}, all labels", "course"
        ),
        "untrained_copy_gives_nothing": Effect(
            paired(np.mean(copied, axis=0)),
            TEST,
            f"{made.UNTRAINED} minus {made.SCRATCH}, the mean over {len(copied)} numbers of labels",
            "course",
            note=", ".join(
                f"with {number or 'all'} labels "
                f"{gain(made.UNTRAINED, number).mean():+.4f}"
                + ("" if number in settings.copied else " (not in the mean)")
                for number in numbers
            ).replace("-", "\u2212"),
        ),
    }


def _rescues(settings: Evaluate, right: Hits, most: int | None) -> dict[str, Effect]:
    claims = {
        "bad_design_is_not_rescued": made.ONE_UNIT,
        "nor_without_activations": made.NO_ACTIVATION,
    }
    return {claim: rescue(right, name, most, settings.share) for claim, name in claims.items()}


def rescue(right: Hits, name: str, number: int | None, share: float) -> Effect:
    """Compare what pretraining gives a bad design with a share of its gap to the good one."""
    scratch_SR = right[made.arm(name, made.SCRATCH, number)]
    gap_SR = _good(right, made.SCRATCH, number) - scratch_SR
    gain_SR = right[made.arm(name, made.PRETRAINED, number)] - scratch_SR
    return Effect(
        paired(share * gap_SR - gain_SR),
        TEST,
        f"{share:.0%} of the gap between the good design and `{name}`, both from scratch, minus "
        f"what the latter gains by pretraining, all labels",
        "notes L937",
        note=f"the gap is {gap_SR.mean():+.3f}, the gain {gain_SR.mean():+.3f}",
    )


def reconstruction(train: Train, trained: Trained, test: Split) -> dict[tuple[str, str], Tensor]:
    """Return every autoencoder's mean squared error, and the share of the variance explained: (S,).

    The variance is that of the test pixels around their mean image.
    """
    x_R, _ = made.rows(train, test)
    variance = (x_R - x_R.mean(0)).square().mean()
    found = {}
    for name in made.DESIGNS:
        error_S = _errors(train, name, trained.states(made.coder_arm(name)), x_R)
        found[name, "squared error"] = error_S
        found[name, EXPLAINED] = 1 - error_S / variance
    return found


def copies(train: Train, trained: Trained, test: Split, seed: int, images: int) -> Effect:
    """Check that a classifier's encoder, before it is trained, is the trained autoencoder's.

    The decoder of the autoencoder must come as near to images behind either encoder.
    """
    x_R, _ = made.rows(train, test)
    worst: list[float] = []
    wrong: list[float] = []
    for name in made.DESIGNS:
        coder = trained.states(made.coder_arm(name))
        true_S = _errors(train, name, coder, x_R[:images])
        for start, found in ((made.PRETRAINED, worst), (made.UNTRAINED, wrong)):
            copied = _with_encoders(train, trained, name, start, seed, test.num_classes)
            error_S = _errors(train, name, {**coder, **copied}, x_R[:images])
            found.extend((error_S / true_S - 1).abs().tolist())
    return Effect(
        errors(worst),
        "relative difference of the squared errors",
        f"the first {images} test images made by each autoencoder ({len(made.DESIGNS)} designs x "
        f"{train.repeats} repeats) and by its decoder behind the encoder that a classifier starts "
        "from",
        "ours",
        note=f"with untrained copies in all {len(wrong)} the squared error differs by "
        f"{min(wrong):.0%} at least",
    )


def _with_encoders(
    train: Train, trained: Trained, name: str, start: str, seed: int, classes: int
) -> dict[str, np.ndarray]:
    """Return the encoders of a design's classifiers before they are trained: (S, ...)."""
    found = made.encoders(train, trained)
    states = []
    for repeat in range(train.repeats):
        given = made.start_of(train, name, start, found, seed, repeat)
        states.append(_untrained(train, name, given, seed, repeat, classes))
    return {key: np.stack([state[key].numpy() for state in states]) for key in states[0]}


def _untrained(
    train: Train, name: str, given: made.State | None, seed: int, repeat: int, classes: int
) -> dict[str, Tensor]:
    """Return the encoder's weights of a classifier that is not yet trained."""
    start = sweep.generator(streams(seed, repeat).init)
    net = made.classifier(train, name, classes, given)(start)
    return autoencoder.encoder_state(net.state_dict())


def _errors(train: Train, name: str, states: Mapping[str, np.ndarray], x_R: Tensor) -> Tensor:
    """Return each repeat's mean squared error on images, (S,) in double precision."""
    made_SR = reconstructed(train, name, states, x_R)
    return (made_SR.double() - x_R).square().flatten(1).mean(1)


def reconstructed(train: Train, name: str, states: Mapping[str, np.ndarray], x_R: Tensor) -> Tensor:
    """Return what the autoencoders of a design make of images, (S, R, 1, side, side)."""
    net = autoencoder.autoencoder(made.design(train, name), torch.Generator())
    stacked = {key: torch.from_numpy(value) for key, value in states.items()}
    return sweep.logits(net, stacked, x_R)


def pictures(train: Train, trained: Trained, test: Split) -> dict[str, np.ndarray]:
    """Return a test image of each class, and what the first autoencoder of each design makes of it.

    An array is (C, side, side).
    """
    x_R, y_R = made.rows(train, test)
    first = [int(np.flatnonzero(y_R == label)[0]) for label in np.unique(y_R)]
    shown = {"image": x_R[first, 0].numpy()}
    for name in made.DESIGNS:
        states = trained.states(made.coder_arm(name))
        one = {key: value[:1] for key, value in states.items()}
        shown[f"image, {name}"] = reconstructed(train, name, one, x_R[first])[0, :, 0].numpy()
    return shown


def kernels(
    train: Train, trained: Trained, seed: int, most: int | None, classes: int
) -> dict[str, np.ndarray]:
    """Return the first layer's kernels of the first repeat, (K, 3, 3), before and after."""
    first = f"{autoencoder.ENCODER}0.weight"
    scratch, tuned = (made.arm(made.GOOD, start, most) for start in (made.SCRATCH, made.PRETRAINED))
    arms = {"autoencoder": made.coder_arm(made.GOOD), "scratch": scratch, "fine-tuned": tuned}
    initial = _untrained(train, made.GOOD, None, seed, 0, classes)[first]
    found = {name: trained.states(arm)[first][0, :, 0] for name, arm in arms.items()}
    return {
        f"kernels, {name}": k for name, k in {"initial": initial[:, 0].numpy(), **found}.items()
    }
