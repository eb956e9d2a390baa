"""The slow, obvious twin of the sweep engine: one member, a plain PyTorch loop, ``torch.optim``.

A member and its task go in; the trained module and the loss of every step come out. Rates of
dropout must be 0: masks are the engine's own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.sweep import Member, Optimizer, Task, batch_order, generator

LOSSES = {
    "cross_entropy": F.cross_entropy,
    "bce_with_logits": lambda z, y: F.binary_cross_entropy_with_logits(z.view_as(y), y),
    "mse": lambda z, y: F.mse_loss(z.view_as(y), y),
}


def make_optimizer(o: Optimizer, module: nn.Module) -> torch.optim.Optimizer:
    """The ``torch.optim`` object that a description means."""
    trained = [p for p in module.parameters() if p.requires_grad]
    spared = [p for p in trained if p.dim() == 1 and o.penalise == "weights"]
    penalised = [p for p in trained if all(p is not other for other in spared)]
    parameters = [{"params": penalised}, {"params": spared, "weight_decay": 0.0}]
    common = {"lr": o.lr, "weight_decay": o.weight_decay}
    if o.name == "sgd":
        return torch.optim.SGD(parameters, momentum=o.momentum, nesterov=o.nesterov, **common)
    if o.name == "rmsprop":
        return torch.optim.RMSprop(parameters, alpha=o.alpha, eps=o.eps, **common)
    kind = torch.optim.Adam if o.name == "adam" else torch.optim.AdamW
    return kind(parameters, betas=o.betas, eps=o.eps, **common)


def batch_loss(task: Task, output: Tensor, rows: Tensor) -> Tensor:
    """The mean loss of a batch."""
    y = task.y[rows]
    if task.loss != "cross_entropy":
        return LOSSES[task.loss](output, y.to(output.dtype))
    if task.weights is None:
        return F.cross_entropy(output, y)
    weights = task.weights[rows].to(output.dtype)
    return (F.cross_entropy(output, y, reduction="none") * weights).sum() / weights.sum()


def l1_norm(o: Optimizer, module: nn.Module) -> Tensor:
    """The sum of the absolute values that the L1 penalty acts on."""
    norms = [p.abs().sum() for p in module.parameters() if p.dim() > 1 or o.penalise == "all"]
    return torch.stack(norms).sum()


def train_alone(member: Member, task: Task) -> tuple[nn.Module, list[float]]:
    """Train one member as a textbook does."""
    module = member.build(generator(member.streams.init)).train()
    dtype = next(module.parameters()).dtype
    x = task.x.to(dtype) / 255 if task.x.dtype == torch.uint8 else task.x.to(dtype)
    optimizer = make_optimizer(member.optimizer, module)
    schedule = torch.optim.lr_scheduler.StepLR(
        optimizer, member.optimizer.every, member.optimizer.gamma
    )
    losses = []
    for epoch in range(member.epochs):
        order = batch_order(member.streams.order, epoch, len(x))
        for rows in order.split(member.batch_size) if member.batch_size else [torch.arange(len(x))]:
            if member.drop_last and len(rows) < member.batch_size:
                continue
            optimizer.zero_grad()
            loss = batch_loss(task, module(x[rows]), rows)
            (loss + member.optimizer.l1 * l1_norm(member.optimizer, module)).backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
    return module.eval(), losses
