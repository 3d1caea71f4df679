"""Three of PyTorch's operations, computed in less time where training runs on a CPU.

Each gives what its namesake gives and is tested against it. On a GPU attention and dropout step
aside: the namesakes are fast there.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

ROWS = 128  # of logits at work at once: they stay in the processor's cache


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return ``scaled_dot_product_attention``, written out for short sequences in bf16 on a CPU.

    There it takes half as long as the fused one.

    Parameters
    ----------
    queries : Tensor, shape (B, H, T, D)
    keys, values : Tensor, shape (B, H, S, D)
    mask : Tensor of bool, broadcastable to (B, H, T, S), optional
        True where a query may look.

    Returns
    -------
    Tensor, shape (B, H, T, D)
    """
    if queries.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-2, -1)  # (B, H, T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1) @ values


class Dropout(nn.Dropout):
    """``nn.Dropout``, with random bytes instead of random reals on a CPU.

    One draw of 64 bits decides eight elements. The rate is rounded to 256ths.

    Examples
    --------
    >>> layer = Dropout(0.5)
    >>> sorted(set(layer(torch.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return x with elements set to zero, the others scaled up; x itself in evaluation."""
        dropped = round(256 * self.p)
        if not self.training or dropped == 0:
            return x
        if x.device.type != "cpu" or dropped >= 256:
            return super().forward(x)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
        return x * keep.to(x.dtype).mul_(256 / (256 - dropped))


class SmoothedCrossEntropy(nn.Module):
    """``nn.CrossEntropyLoss(ignore_index=..., label_smoothing=...)`` with a leaner gradient.

    The gradient of each row of logits is softmax minus the smoothed target: it is computed with
    the loss, a few rows at a time, instead of being traced back through whole matrices.

    Parameters
    ----------
    ignore_index : int
        Targets that do not count.
    label_smoothing : float
        The share of each target that is spread over all classes (Szegedy et al. 2016).
    """

    any_precision = True  # logits in bf16 are read as they are, and computed with in fp32

    def __init__(self, ignore_index: int, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss, in nats, of the targets that count.

        Parameters
        ----------
        logits : Tensor, shape (N, C)
        target : Tensor of int, shape (N,)
        """
        loss, self._nats = _SmoothedCrossEntropy.apply(  # type: ignore[no-untyped-call]
            logits, target, self.ignore_index, self.label_smoothing
        )
        return loss

    def nats(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the mean without smoothing of the batch that the loss saw last: a free metric."""
        return self._nats


class _SmoothedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, logits: Tensor, target: Tensor, ignored: int, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        classes = logits.shape[1]
        counts = (target != ignored).to(torch.float32)[:, None]
        labels = torch.where(target == ignored, 0, target)[:, None]
        weights = counts / counts.sum()
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        loss, nats = (torch.zeros((), dtype=torch.float32, device=logits.device) for _ in "12")
        at_once = ROWS if logits.is_cpu else max(len(logits), 1)  # a GPU needs no small pieces
        for start in range(0, len(logits), at_once):
            rows = slice(start, start + at_once)
            label, weight = labels[rows], weights[rows]
            scores = logits[rows].to(torch.float32, copy=True)
            scores -= scores.amax(dim=1, keepdim=True)
            right, mean = scores.gather(1, label), scores.mean(dim=1, keepdim=True)
            total = scores.exp_().sum(dim=1, keepdim=True)
            log_total = total.log()
            loss -= (((1 - smoothing) * right + smoothing * mean - log_total) * weight).sum()
            nats -= ((right - log_total) * weight).sum()
            if gradient is not None:
                scores.mul_(weight / total).sub_(weight * (smoothing / classes))
                scores.scatter_add_(1, label, (smoothing - 1) * weight)
                gradient[rows] = scores
        if gradient is not None:
            ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(nats)
        return loss, nats

    @staticmethod
    def backward(ctx, incoming: Tensor, _):  # type: ignore[no-untyped-def]
        (gradient,) = ctx.saved_tensors
        # the gradient that comes in is nearly always 1: that spares a pass over the whole matrix,
        # and asking would make a GPU wait
        is_one = incoming.is_cpu and incoming == 1
        return gradient if is_one else gradient * incoming, None, None, None
