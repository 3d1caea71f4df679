"""One training run by several processes, each with its part of every batch."""

from collections.abc import Iterator
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.data_loader import prepare_data_loader
from accelerate.utils import synchronize_rng_states
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Sampler

from utils.batches import TokenBatches
from utils.language import sentence


def share(data: DataLoader[Any], name: str, workplace: Accelerator) -> DataLoader[Any]:
    """Return the part of each batch that is for this process; all of it where there is one.

    Parameters
    ----------
    data : DataLoader
        Of batches of a size that the processes can share, or of `utils.batches.TokenBatches`.
    name : str
        ``"train"``, or what else the data are called in a message. Training needs as many batches
        in each process; elsewhere an item that came twice would count twice.
    workplace : Accelerator

    Raises
    ------
    ValueError
        If the batches cannot be shared evenly.
    """
    count = workplace.num_processes
    if count == 1:
        return data
    if isinstance(data.batch_sampler, TokenBatches):
        parts = _Parts(data.batch_sampler, workplace.process_index, count, even=name == "train")
        return DataLoader(
            data.dataset,
            batch_sampler=parts,
            collate_fn=data.collate_fn,
            num_workers=data.num_workers,
            pin_memory=data.pin_memory,
        )
    size = data.batch_size or getattr(data.batch_sampler, "batch_size", None)
    if size is None or size % count:
        raise ValueError(sentence("loader.not_shared", name=name, size=size, count=count))
    return prepare_data_loader(
        data,
        num_processes=count,
        process_index=workplace.process_index,
        split_batches=True,
        rng_types=["torch", "generator"],  # all processes shuffle alike
        even_batches=name == "train",
    )


def wrap(model: nn.Module, workplace: Accelerator) -> nn.Module:
    """Average the gradients over the processes, where there are several."""
    if workplace.num_processes == 1:
        return model
    on_cuda = workplace.device.type == "cuda"
    return DistributedDataParallel(model, device_ids=[workplace.device] if on_cuda else None)


def balanced(
    value: Tensor, weight: Tensor | float, workplace: Accelerator
) -> tuple[Tensor, Tensor | float]:
    """Return the loss of a part of a batch, and its weight, as all the processes see them.

    The mean of such losses over the processes is the loss of the batch, and the weight is the
    batch's.

    Parameters
    ----------
    value : Tensor, scalar
        The mean loss of the part.
    weight : number or Tensor, scalar
        How many items, or tokens that count, it is the mean of.
    workplace : Accelerator
    """
    if workplace.num_processes == 1:
        return value, weight
    own = torch.as_tensor(weight, dtype=torch.float64, device=workplace.device)
    whole = workplace.reduce(own.clone(), "sum")
    return value * (own * workplace.num_processes / whole).to(value.dtype), whole


class _Parts(Sampler[list[int]]):
    """Every so many-th item of each batch; where there are too few items, one comes again."""

    def __init__(self, batches: TokenBatches, process: int, count: int, *, even: bool) -> None:
        self._batches, self._process, self._count, self._even = batches, process, count, even

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        synchronize_rng_states(["generator"], self._batches.generator)  # all shuffle alike
        for batch in self._batches:
            part = batch[self._process :: self._count]
            if part or self._even:
                yield part or batch[:1]
