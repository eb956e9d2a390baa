"""What `by_hand` writes out, by torch itself: its autograd, activations and losses.

Shapes: S nets, K numbers, N rows, F features, H hidden units, C classes.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.models import by_hand
from stages.models.by_hand import Weights

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
RANGES = {  # least, at zero, most
    "relu": (0.0, 0.0, math.inf),
    "sigmoid": (0.0, 0.5, 1.0),
    "tanh": (-1.0, 0.0, 1.0),
}
NAMES = {"w1": "0.weight", "b1": "0.bias", "w2": "2.weight", "b2": "2.bias"}


def cost(z_NC: Tensor, y_NC: Tensor, loss: str) -> Tensor:
    """Return torch's cost of outputs and one-hot targets."""
    if loss == "half squared error":
        return functional.mse_loss(z_NC, y_NC, reduction="sum") / (2 * len(y_NC))
    answers = z_NC.softmax(-1) if loss == "cross-entropy of a softmax" else z_NC
    return functional.cross_entropy(answers, y_NC.argmax(-1))


def net(weights: Weights, activation: str) -> nn.Sequential:
    """Return the module with these weights."""
    (H, F), C = weights["w1"].shape, len(weights["w2"])
    module = nn.Sequential(nn.Linear(F, H), ACTIVATIONS[activation](), nn.Linear(H, C)).double()
    module.load_state_dict({NAMES[name]: value for name, value in weights.items()})
    return module


def weights_of(module: nn.Module) -> Weights:
    """Return a module's weights by the names of `by_hand`; a bias it lacks is left out."""
    state = module.state_dict()
    return {name: state[key].clone() for name, key in NAMES.items() if key in state}


def gradient(
    weights: Weights, x_NF: Tensor, y_NC: Tensor, activation: str, loss: str
) -> tuple[Tensor, Weights]:
    """Return the cost and autograd's derivative of it by every weight."""
    module = net(weights, activation)
    found = cost(module(x_NF), y_NC, loss)
    parameters = [module.get_parameter(name) for name in NAMES.values()]
    slopes = torch.autograd.grad(found, parameters)
    return found.detach(), dict(zip(NAMES, slopes, strict=True))


def mean_gradient(
    weights: Weights, x_NF: Tensor, y_NC: Tensor, activation: str, loss: str
) -> Weights:
    """Return the mean of the gradients of single rows."""
    rows = [
        gradient(weights, x_NF[n : n + 1], y_NC[n : n + 1], activation, loss)[1]
        for n in range(len(x_NF))
    ]
    return {name: torch.stack([row[name] for row in rows]).mean(0) for name in NAMES}


def differences(
    weights: Weights, x_SNF: Tensor, y_SNC: Tensor, activation: str, loss: str
) -> list[float]:
    """Return the costs and derivatives of S nets by hand minus those by autograd."""
    ours_S, our_slopes = by_hand.backpropagate(weights, x_SNF, y_SNC, activation, loss)
    found = []
    for s, (x_NF, y_NC) in enumerate(zip(x_SNF, y_SNC, strict=True)):
        one = {name: value[s] for name, value in weights.items()}
        theirs, slopes = gradient(one, x_NF, y_NC, activation, loss)
        found.append(float(ours_S[s] - theirs))
        found += between({name: value[s] for name, value in our_slopes.items()}, slopes)
    return found


def between(one: Weights, other: Weights) -> list[float]:
    """Return the differences of two nets' weights, of those that the other has."""
    return torch.cat([(one[name] - other[name]).flatten() for name in other]).tolist()


def floor_differences(z_KC: Tensor, loss_S: Tensor) -> list[float]:
    """Return how far losses after two softmaxes lie below their floor, or sure answers beside it.

    Args:
        z_KC: outputs to try, for every number of classes up to C.
        loss_S: losses of nets for C classes.
    """
    floor = by_hand.double_softmax_floor(z_KC.shape[1])
    found: list[float] = (loss_S - floor).clamp(max=0).tolist()
    for classes in range(2, z_KC.shape[1] + 1):
        y_K, floor = torch.arange(len(z_KC)) % classes, by_hand.double_softmax_floor(classes)
        sure_KC = functional.one_hot(y_K, classes).double()
        for answer_KC, most in ((z_KC[:, :classes].softmax(1), 0.0), (sure_KC, math.inf)):
            loss_K = functional.cross_entropy(answer_KC, y_K, reduction="none")
            found += (loss_K - floor).clamp(max=most).tolist()
    return found


def half_differences(p_N: Tensor, y_N: Tensor) -> list[float]:
    """Return the gradient of half the squared error minus half of MSE's, and minus p - y."""
    p_N = p_N.clone().requires_grad_()
    (half_N,) = torch.autograd.grad(((p_N - y_N) ** 2 / 2).sum(), p_N)
    (whole_N,) = torch.autograd.grad(functional.mse_loss(p_N, y_N, reduction="sum"), p_N)
    return torch.cat([half_N - whole_N / 2, half_N - (p_N - y_N).detach()]).tolist()


def activation_differences(a_K: Tensor) -> list[float]:
    """Return activations by hand minus torch's, and 1 for each value of torch out of its range."""
    found: list[float] = []
    for name, (low, middle, high) in RANGES.items():
        h_K = ACTIVATIONS[name]()(a_K)
        below_K, above_K = (h_K >= low) & (h_K <= middle), (h_K > middle) & (h_K < high)
        found += (by_hand.ACTIVATIONS[name](a_K) - h_K).tolist()
        found += (~torch.where(a_K > 0, above_K, below_K)).double().tolist()
    return found


def descend(module: nn.Module, x_NF: Tensor, y_NC: Tensor, rate: float, steps: int) -> None:
    """Train a module in place on torch's cross-entropy of all rows, a gradient of autograd a step.

    The step is plain subtraction, as torch.optim.SGD does it; loading torch.optim takes seconds.
    """
    parameters = list(module.parameters())
    for _ in range(steps):
        slopes = torch.autograd.grad(cost(module(x_NF), y_NC, "cross-entropy"), parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.sub_(rate * slope)


def reordered(weights: Weights) -> Weights:
    """Return the same net with its hidden units in the opposite order; any leading axes."""
    return {
        "w1": weights["w1"].flip(-2),
        "b1": weights["b1"].flip(-1),
        "w2": weights["w2"].flip(-1),
        "b2": weights["b2"],
    }


def with_constant(weights: Weights, activation: str) -> nn.Sequential:
    """Return the same net without a first bias, for rows that end on a constant 1."""
    module = net(weights, activation)
    (H, F) = weights["w1"].shape
    module[0] = nn.Linear(F + 1, H, bias=False).double()
    joined = torch.cat([weights["w1"], weights["b1"][:, None]], 1)
    module[0].load_state_dict({"weight": joined})
    return module
