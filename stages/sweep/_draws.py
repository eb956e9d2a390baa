"""Every random draw of a sweep: from seeds and counters, never from a place or a global state.

A dropout mask is a hash of (mask seed, step, layer, index): 32-bit arithmetic in int64, so that
eager, compiled and CUDA steps give the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_WORD = 0xFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15


def _mix64(*numbers: int) -> int:
    """A 64-bit hash of integers (the finaliser of SplitMix64, chained)."""
    z = 0
    for number in numbers:
        z = (z + number + _GOLDEN) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        z ^= z >> 31
    return z


def generator(*seeds: int) -> torch.Generator:
    """A generator on the CPU, seeded by one or more integers."""
    seed = seeds[0] if len(seeds) == 1 else _mix64(*seeds)
    return torch.Generator().manual_seed(seed % 2**63)


def batch_order(order_seed: int, epoch: int, rows: int) -> Tensor:
    """The order in which a member sees its rows in ``epoch`` (from 0): a permutation, N."""
    return torch.randperm(rows, generator=generator(order_seed, epoch))


def _mix32(h: Tensor) -> Tensor:
    h = ((h >> 16) ^ h) * 0x45D9F3B & _WORD
    h = ((h >> 16) ^ h) * 0x45D9F3B & _WORD
    return (h >> 16) ^ h


def mask_keys(mask_seeds: Sequence[int], first_step: int, steps: int) -> Tensor:
    """The keys of the dropout masks of some steps: steps,M,2 words of 32 bits."""
    seeds = [_mix64(seed) for seed in mask_seeds]
    words_M2 = torch.tensor([(seed >> 32, seed & _WORD) for seed in seeds], dtype=torch.int64)
    counter_S = torch.arange(first_step, first_step + steps)
    counters_S2 = torch.stack([_mix32(counter_S), _mix32(counter_S ^ 0x55555555)], dim=-1)
    return _mix32(words_M2 ^ counters_S2[:, None])


def keep_mask(key_M2: Tensor, layer: int, shape: Sequence[int], p_M: Tensor) -> Tensor:
    """A dropout mask, M,*shape, true with probability 1 - p: the layer's draw under ``key``."""
    count = 1
    for size in shape:
        count *= size
    index = torch.arange(count, device=key_M2.device) + _mix64(layer) % 2**31
    hashed = _mix32(index ^ key_M2[:, :1])
    hashed = _mix32(hashed ^ key_M2[:, 1:]) >> 8
    threshold = (p_M.double() * 2**24).round().to(torch.int64)
    return (hashed >= threshold[:, None]).view(-1, *shape)
