"""The formulas of softmax, entropy, losses, activations and backpropagation, against libraries.

Each identity compares what is written out by hand with autograd, torch, SciPy, pandas or
scikit-learn. Shapes: S repeats, N rows, F features, H hidden units, C classes, K cases.
"""

import itertools
import math

import numpy as np
import pandas as pd
import torch
from scipy import special, stats
from sklearn.preprocessing import LabelBinarizer
from torch import Tensor, nn
from torch.nn import functional

from stages import _seeds
from stages._claims import Effect, errors
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained
from stages.experiments.losses.params import Evaluate, Train
from stages.experiments.losses.train import ACTIVATION, ARMS, clusters, drawings
from stages.models import by_hand, by_torch
from stages.models.by_hand import Weights

CAT = 0.25  # the course's probability of a cat, and what it gives in as many digits
NATS, CAT_LOSS, FLOOR = 0.562335, 1.38629, 0.551
BITS = 0.811  # ours
Errors = list[float]


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Check every identity."""
    rng = _seeds.numpy_generator(seed, 0, "data")
    size = settings.cases, settings.classes
    z_KC = torch.from_numpy(settings.logit_deviation * rng.standard_normal(size))
    last_S = torch.from_numpy(trained.values("loss", "train")["two softmaxes"].copy())
    net, (x_SNF, y_SNC) = weights_by_arm(trained), clusters(train, seed)
    first = {name: value[0] for name, value in net["start"].items()}
    return join(
        softmaxes(z_KC, last_S),
        entropies(z_KC[:, 0], torch.from_numpy(rng.random(settings.cases))),
        losses(settings, rng, first, x_SNF[0], y_SNC[0]),
        nets(net, x_SNF, y_SNC),
        Evaluated({"activation_ranges": activations(z_KC.flatten())}, {}),
        Evaluated(
            {}, {}, arrays={**drawings(settings, rng), "training rows": np.array(len(y_SNC[0]))}
        ),
    )


def softmaxes(z_KC: Tensor, last_S: Tensor) -> Evaluated:
    """Check what one softmax does, and what two do."""
    ours_KC, torch_KC = by_hand.softmax(z_KC), z_KC.softmax(1)
    scipy_KC = torch.from_numpy(special.softmax(z_KC.numpy(), axis=1))
    sums = [ours_KC.sum(1) - 1, torch_KC.sum(1) - 1, (ours_KC - scipy_KC).flatten()]
    order_KC, floor = z_KC.argsort(1), by_hand.double_softmax_floor(3)
    K, C = z_KC.shape
    return Evaluated(
        effects={
            "softmax_sums_to_one": Effect(
                errors(torch.cat(sums).numpy()),
                "difference of probabilities",
                "the sum of a softmax against 1, by hand and by torch; each probability by hand "
                "against SciPy's",
                "notes L29-31",
                note=f"the cases are 2 x {K} sums and {K} x {C} probabilities",
            ),
            "softmax_keeps_order": Effect(
                errors([(p.argsort(1) != order_KC).any(1) for p in (ours_KC, torch_KC)]),
                "vectors in another order",
                "probabilities, by hand and by torch, and numbers, each sorted",
                "notes L33, 172",
                note=f"the cases are 2 x {K} vectors of {C} numbers",
            ),
            "double_softmax_has_a_floor": Effect(
                errors([*by_torch.floor_differences(z_KC, last_S), round(floor, 3) - FLOOR]),
                "by how much a loss is below the floor, or sure answers' loss off it",
                f"torch's cross-entropy of a softmax against ln(1 + (C - 1) / e), rounded {FLOOR} "
                "for C = 3: sure answers, probabilities of 1 and 0, which the first softmax gives "
                "in the limit only, reach it; no random answer and no last loss of our nets is "
                "below",
                "against course",
                note=f"the cases are {K} sure and {K} random answers for each C from 2 to {C}, "
                f"{len(last_S)} nets and the rounded floor",
            ),
        },
        headline={"double_softmax_floor": floor},
    )


def entropies(z_K: Tensor, p_K: Tensor) -> Evaluated:
    """Check entropy, cross-entropy and its form with logits."""
    by_sigmoid, by_logit = bce(torch.tensor([20.0]), torch.zeros(1))
    nats = float(by_hand.entropy(torch.tensor(CAT)))
    K = len(p_K)
    return Evaluated(
        effects={
            "entropy_in_nats_and_bits": Effect(
                errors(entropy_errors(p_K)),
                "difference of entropies",
                f"the formula against SciPy in nats and in bits, and against torch; p = {CAT} "
                f"against {NATS} nats and, rounded, {BITS} bits, a fair coin against 1 bit",
                "against notes L38-46",
                note=f"the cases are 3 x {K + 2} entropies, of {K} random p, p = {CAT} and the "
                "coin, and the 3 single numbers",
            ),
            "cross_entropy_of_the_cat": Effect(
                errors(cat_errors()),
                "difference of cross-entropies",
                f"target (1, 0) and prediction ({CAT}, {1 - CAT}) by the formula, by torch's BCE "
                f"and cross-entropy and by SciPy, against {CAT_LOSS}",
                "notes L52-54",
                note="the formula makes 2 of the cases, for the cat and for its absence",
            ),
            "bce_with_logits_is_bce_of_sigmoid": Effect(
                errors(bce_errors(z_K, p_K)),
                "difference of losses",
                "torch's BCEWithLogits against its BCE of a sigmoid and against the formula; "
                "targets 0, 1 and random between, double precision",
                "notes L142-143",
                note=f"the cases are 2 x {K} logits x 3 targets; in single precision a logit of 20 "
                f"with target 0 costs {by_sigmoid.item():.0f}, torch's cap, by way of the sigmoid, "
                f"which is rounded to 1, and {by_logit.item():.0f} by the logit itself",
            ),
        },
        headline={
            "entropy_in_nats": nats,
            "entropy_in_bits": nats / math.log(2),
            "cross_entropy_of_the_cat": -math.log(CAT),
        },
    )


def entropy_errors(p_K: Tensor) -> Errors:
    """Return entropies by formula minus those of SciPy, torch and the course."""
    p_K = torch.cat([p_K, torch.tensor([CAT, 0.5])])
    nats_K, pairs_2K = by_hand.entropy(p_K).numpy(), np.stack([p_K, 1 - p_K])
    bits_K = nats_K / math.log(2)
    return [
        *(nats_K - stats.entropy(pairs_2K)),
        *(bits_K - stats.entropy(pairs_2K, base=2)),
        *(nats_K - functional.binary_cross_entropy(p_K, p_K, reduction="none").numpy()),
        *(nats_K[-2] - NATS, round(bits_K[-2], 3) - BITS, bits_K[-1] - 1),
    ]


def cat_errors() -> Errors:
    """Return the cat's cross-entropy, by the formula and by libraries, minus the course's."""
    q_C, y_C = torch.tensor([CAT, 1 - CAT]), torch.tensor([1.0, 0.0])
    found = [
        *by_hand.binary_cross_entropy(q_C, y_C),
        functional.binary_cross_entropy(q_C, y_C),
        functional.cross_entropy(q_C.log(), torch.tensor(0)),
        special.rel_entr(y_C.numpy(), q_C.numpy()).sum(),
    ]
    return [float(loss) - CAT_LOSS for loss in found]


def bce(z_K: Tensor, y_K: Tensor) -> tuple[Tensor, Tensor]:
    """Return torch's BCE of a sigmoid, and its BCEWithLogits."""
    of_sigmoid_K = functional.binary_cross_entropy(z_K.sigmoid(), y_K, reduction="none")
    return of_sigmoid_K, nn.BCEWithLogitsLoss(reduction="none")(z_K, y_K)


def bce_errors(z_K: Tensor, soft_K: Tensor) -> Errors:
    """Return BCEWithLogits minus BCE of a sigmoid, and minus the formula."""
    found: Errors = []
    for y_K in (soft_K, torch.zeros_like(soft_K), torch.ones_like(soft_K)):
        of_sigmoid_K, with_logits_K = bce(z_K, y_K)
        formula_K = by_hand.binary_cross_entropy(by_hand.sigmoid(z_K), y_K)
        found += torch.cat([with_logits_K - of_sigmoid_K, with_logits_K - formula_K]).tolist()
    return found


def losses(
    settings: Evaluate, rng: np.random.Generator, net: Weights, x_NF: Tensor, y_NC: Tensor
) -> Evaluated:
    """Check losses of one's own, halves, means and codes of classes."""
    pairs_KN = torch.from_numpy(rng.standard_normal((settings.cases, 2, settings.rows)))
    some = slice(None, None, len(x_NF) // settings.rows)
    (N, C), K, R = y_NC.shape, settings.cases, settings.rows
    return Evaluated(
        effects={
            "custom_losses_match_formulas": Effect(
                errors([error for pair in pairs_KN for error in custom_errors(*pair)]),
                "difference of losses",
                "the notes' programs against NumPy: mean |p - y|; mean (p - y)^2 + |mean p|; and "
                "minus the correlation of p and y, by SciPy",
                "against notes L616",
                note=f"the cases are 3 losses x {K} random pairs of {R} rows",
            ),
            "half_mse_halves_the_gradient": Effect(
                errors([error for pair in pairs_KN for error in by_torch.half_differences(*pair)]),
                "difference of gradients",
                "autograd's gradient of (prediction - target)^2 / 2 against half of that of "
                "torch's MSE, which has no 1/2, and against prediction - target",
                "notes L95-97",
                note=f"the cases are 2 x {K} random pairs x {R} rows",
            ),
            "cost_is_the_mean_loss": Effect(
                errors(cost_errors(net, x_NF[some], y_NC[some])),
                "difference of costs, or of gradients",
                "means of the rows' losses by formula against torch's costs, and means of the "
                "rows' gradients against the gradient of the cost",
                "notes L103-105",
                note="the cases are 2 costs, cross-entropy and binary cross-entropy, and "
                f"{size(net)} derivatives of the first, of the first repeat's untrained net on "
                f"{len(x_NF[some])} of its rows",
            ),
            "one_hot_is_dummies": Effect(
                errors(code_errors(y_NC.argmax(-1).numpy())),
                "what differs between codes",
                "torch's one-hot code against pandas' dummies and scikit-learn's binarizer; its "
                "rows sum to 1, those of three exams, each passed or not, to 0 up to 3",
                "against notes L23-26",
                note=f"the cases are 2 x {N} rows x {C} entries and {N} sums, of the first "
                "repeat's rows, and the exams",
            ),
        },
        headline={},
    )


def custom_errors(p_N: Tensor, y_N: Tensor) -> Errors:
    """Return the notes' three losses minus the formulas."""
    p, y, n = p_N.numpy(), y_N.numpy(), len(y_N)
    return [
        float(by_hand.l1_loss(p_N, y_N)) - np.abs(p - y).sum() / n,
        float(by_hand.l2_average_loss(p_N, y_N)) - ((p - y) ** 2).sum() / n - abs(p.sum()) / n,
        float(by_hand.correlation_loss(p_N, y_N)) + stats.pearsonr(p, y).statistic,
    ]


def cost_errors(net: Weights, x_NF: Tensor, y_NC: Tensor) -> Errors:
    """Return means of rows' losses minus torch's costs, and the same of their gradients."""
    _, z_NC = by_hand.outputs(net, x_NF, ACTIVATION)
    by_row_N, _ = by_hand.cross_entropy(z_NC, y_NC)
    binary_NC = by_hand.binary_cross_entropy(by_hand.sigmoid(z_NC), y_NC)
    costs = functional.cross_entropy(z_NC, y_NC), nn.BCEWithLogitsLoss()(z_NC, y_NC)
    means = by_torch.mean_gradient(net, x_NF, y_NC, ACTIVATION, "cross-entropy")
    _, whole = by_torch.gradient(net, x_NF, y_NC, ACTIVATION, "cross-entropy")
    found = [float(by_row_N.mean() - costs[0]), float(binary_NC.mean() - costs[1])]
    return found + by_torch.between(means, whole)


def code_errors(y_N: np.ndarray) -> Errors:
    """Return where codes of classes differ, and whether rows have another sum than they should."""
    one_hot_NC = functional.one_hot(torch.from_numpy(y_N)).numpy()
    exams_N3 = np.array(list(itertools.product((0, 1), repeat=3)))
    return [
        *(one_hot_NC - pd.get_dummies(y_N).to_numpy()).ravel(),
        *(one_hot_NC - LabelBinarizer().fit_transform(y_N)).ravel(),
        *(one_hot_NC.sum(1) - 1),
        float(set(exams_N3.sum(1)) != {0, 1, 2, 3}),
    ]


def activations(a_K: Tensor) -> Effect:
    """Check the formulas of activations, and where their values lie."""
    return Effect(
        errors(by_torch.activation_differences(a_K)),
        "difference of values; 1 for a value out of its range",
        "formulas against torch; below and above zero ReLU is 0 and positive, sigmoid in 0 to .5 "
        "and .5 to 1, tanh in -1 to 0 and 0 to 1",
        "notes L88-91",
        note=f"the cases are 3 activations x {len(a_K)} numbers, those of all random vectors, x 2: "
        "the value, and the range",
    )


def nets(net: dict[str, Weights], x_SNF: Tensor, y_SNC: Tensor) -> Evaluated:
    """Check backpropagation, the order of units and the bias, on the nets that were trained."""
    plain, (S, N, C) = net["twin by torch"], y_SNC.shape
    each = size(plain) // S
    joined = torch.cat([plain["w1"], plain["b1"][..., None]], -1)
    _, z_SNC = by_hand.outputs(net["start"], x_SNF, ACTIVATION)
    _, other_SNC = by_hand.outputs(by_torch.reordered(net["start"]), x_SNF, ACTIVATION)
    order = by_torch.between(plain, by_torch.reordered(net["twin reordered"]))
    bias = by_torch.between({**plain, "w1": joined}, net["twin with constant"])
    back = by_torch.between(net["twin by hand"], plain)
    ways = [("start", *way) for way in itertools.product(by_hand.ACTIVATIONS, by_hand.LOSSES)]
    for arm, activation, loss in [*ways, *((arm, ACTIVATION, loss) for arm, loss in ARMS.items())]:
        back += by_torch.differences(net[arm], x_SNF, y_SNC, activation, loss)
    return Evaluated(
        effects={
            "hand_backprop_is_autograd": Effect(
                errors(back),
                "difference of costs, derivatives or weights",
                "by hand against autograd: the untrained net with each of three activations and "
                "three losses (half the squared error, cross-entropy, and that of a softmax), both "
                "trained nets, each with its own loss, and the weights after `train.twin_steps` of "
                "either, with one softmax",
                "notes L119-122",
                note=f"the cases are, in each of {S} repeats, {len(ways)} costs of the untrained "
                f"net and {len(ARMS)} of the trained ones, with {each} derivatives each, and "
                f"{each} weights",
            ),
            "unit_order_does_not_matter": Effect(
                errors([*order, *(z_SNC - other_SNC).flatten().tolist()]),
                "difference of outputs or weights",
                "untrained nets and the same nets with their hidden units reordered: outputs, and "
                "weights after `train.twin_steps` by autograd",
                "notes L111-115",
                note=f"the cases are, in each of {S} repeats, {N} rows x {C} outputs and {each} "
                "weights",
            ),
            "bias_is_the_weight_of_a_constant": Effect(
                errors([*bias, float((plain["b1"] == 1).all())]),
                "difference of weights",
                "a first layer with a bias and one without it whose rows end on a constant 1, "
                "after `train.twin_steps` by autograd; an error of 1 if the biases are 1",
                "against notes L160",
                note=f"the cases are {each} weights in each of {S} repeats, and the biases",
            ),
        },
        headline={},
    )


def size(net: Weights) -> int:
    """Return how many weights there are."""
    return sum(value.numel() for value in net.values())


def weights_by_arm(trained: Trained) -> dict[str, Weights]:
    """Return the stored nets as tensors."""
    return {
        arm: {name: torch.from_numpy(value) for name, value in trained.states(arm).items()}
        for arm in trained.arms()
    }
