"""Networks trained elsewhere: a weights file -> named arrays; images -> their features.

A weights file is read with `weights_only=True`, after `fetch` has checked its hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stages._entry import UserError
from stages.datasets._raw import Fixed, Scaling


class WeightsError(UserError):
    """A weights file does not fit its network."""


def read(raw: Path, network: str) -> dict[str, np.ndarray]:
    """Read the weights of a network, by torchvision's names.

    A `.pth` has these names. A `.pt` holds the layers before the classifier, under other names
    but in the same order, so that they are matched by position.

    Raises:
        WeightsError: number or shapes differ from the network's.
    """
    import torch

    from stages.models import backbone

    path = next(path for path in sorted(raw.glob("*.pt*")) if path.stem == network)
    state = torch.load(path, map_location="cpu", weights_only=True)
    expected = backbone.build(network).state_dict()
    if path.suffix == ".pt":
        names = [name for name in expected if name.startswith("features.")]
        state = dict(zip(names, state.values(), strict=len(names) == len(state)))
        expected = {name: expected[name] for name in names}
    wrong = {n for n in expected.keys() ^ state.keys() if not n.endswith("num_batches_tracked")}
    wrong |= {n for n in expected.keys() & state.keys() if expected[n].shape != state[n].shape}
    if wrong:
        raise WeightsError(f"{path}: {min(wrong)} does not fit torchvision's {network}")
    return {name: state[name].numpy() for name in expected if name in state}


def fixed(raw: Path, networks: Sequence[str]) -> Fixed:
    """Read several networks' weights as tensors `<network>/<torchvision's name>`."""
    tensors = {
        f"{network}/{name}": values
        for network in networks
        for name, values in read(raw, network).items()
    }
    return Fixed(tensors, tuple(networks), Scaling("none"))


def features(network: str, weights: Mapping[str, np.ndarray], x_NCHW: np.ndarray) -> np.ndarray:
    """Return what the last layer gets, (N, F) float32, in evaluation mode.

    Args:
        network: torchvision's name.
        weights: by torchvision's names; the last layer's may be missing.
        x_NCHW: uint8 images; they are scaled to [0, 1] and to ImageNet's statistics.
    """
    import torch

    from stages.models import backbone

    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    body = backbone.load(backbone.headless(network), tensors)
    with _one_thread():
        return backbone.features(body, torch.from_numpy(x_NCHW), backbone.View()).numpy()


def random_weights(network: str, seed: int) -> dict[str, np.ndarray]:
    """Return the network's initial weights: what features are worth without training."""
    import torch

    from stages.models import backbone

    net = backbone.build(network, torch.Generator().manual_seed(seed))
    return {name: value.numpy() for name, value in net.state_dict().items()}


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread, so that the bits do not depend on the number of processors."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
