"""Recurrent layers over texts of different lengths, on every kind of device."""

from functools import lru_cache

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from utils.language import sentence


def run_packed(layer: nn.GRU, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Run a recurrent layer over each sequence up to its end, and not over its padding.

    PyTorch's kernels for Apple GPUs fail at packed sequences (its issues 94691 and 102911), so
    there the layer runs on the CPU, and a line says so. Gradients find their way back.

    Parameters
    ----------
    layer : nn.GRU
        With ``batch_first=True``.
    inputs : Tensor, shape (N, T, E)
        Padded at the end.
    lengths : Tensor of int, shape (N,)
        From 1 to T.

    Returns
    -------
    states : Tensor, shape (N, T, H)
        0 at the padding; H is twice the width of a layer that reads in both directions.
    last : Tensor
        The state at the end of each sequence, as ``layer`` returns it.
    """
    device = inputs.device
    elsewhere = _runs_elsewhere(device.type)
    if elsewhere:
        inputs = inputs.cpu()
    packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    if elsewhere:
        there = {name: parameter.cpu() for name, parameter in layer.named_parameters()}
        outputs, last = functional_call(layer, there, (packed,))
    else:
        outputs, last = layer(packed)
    states, _ = pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
    return states.to(device), last.to(device)


@lru_cache
def _runs_elsewhere(kind: str) -> bool:
    """Return whether packed sequences have to leave a kind of device; say so once."""
    if kind != "mps":
        return False
    print(sentence("device.packed"))
    return True
