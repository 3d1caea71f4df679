"""Training steps that a GPU records once for each shape of batch, and then plays back.

A small model keeps a GPU waiting: Python takes longer to ask for a step's few hundred kernels than
the GPU takes to run them. A CUDA graph is asked for as one. It holds the kernels of one shape of
batch, at fixed addresses: batches are copied in, and what the step returns is copied out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils import send_to_device
from torch import Tensor
from torch.optim import Optimizer

from utils.language import sentence

Step = Callable[[Any], Tensor]


class RecordedStep:
    """A training step that is played back from the second batch of a shape on.

    The first batch of a shape runs as it is, which makes what is made once: gradients, an
    optimizer's state, the libraries' workspaces. At the second one the step is recorded, then
    played back. What it does in Python happens at those two batches alone, so it has to do the same
    for all of a shape; a step that reads a value from the GPU, or draws in Python, is not for it.

    Parameters
    ----------
    step : callable
        From a batch of tensors on the GPU to a tensor; it waits for the GPU nowhere.
    device : torch.device
        The GPU.

    Attributes
    ----------
    problem : str
        Why the step could not be recorded, mostly in PyTorch's words; all then run as they are.
    """

    def __init__(self, step: Step, device: torch.device) -> None:
        self.problem = ""
        self._step = step
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()  # steps of all shapes take turns in it
        self._seen: set[tuple[Any, ...]] = set()
        self._recorded: dict[
            tuple[Any, ...], tuple[torch.cuda.CUDAGraph, list[Tensor], Tensor]
        ] = {}

    def __call__(self, batch: Any) -> Tensor:
        """Return what the step returns for a batch, which may still lie on the CPU.

        It is recorded for a list or tuple of tensors: what else there is would stay as it was.
        """
        if type(batch) not in (list, tuple) or not all(isinstance(one, Tensor) for one in batch):
            self.problem = self.problem or sentence("training.not_only_tensors")
            return self._run(send_to_device(batch, self._device, non_blocking=True))
        shape = tuple((one.shape, one.dtype) for one in batch)
        if shape in self._seen and shape not in self._recorded and not self.problem:
            self._record(shape, batch)
        self._seen.add(shape)
        if shape not in self._recorded:
            return self._run(send_to_device(batch, self._device, non_blocking=True))
        graph, inputs, output = self._recorded[shape]
        for place, one in zip(inputs, batch, strict=True):
            place.copy_(one, non_blocking=True)
        graph.replay()
        return output.clone()

    def _run(self, batch: Any) -> Tensor:
        with self._device:  # where a mask, say, that is made on the way belongs: copying it waits
            return self._step(batch)

    def _record(self, shape: tuple[Any, ...], batch: Any) -> None:
        """Record the step of a shape, without running it."""
        inputs = [torch.empty_like(one, device=self._device).copy_(one) for one in batch]
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize(self._device)
        try:
            graph.capture_begin(self._pool)
            try:
                output = self._run(type(batch)(inputs))
            finally:
                graph.capture_end()
        except RuntimeError as error:
            self.problem = str(error).splitlines()[0]
        else:
            self._recorded[shape] = graph, inputs, output


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Work on a stream of its own: nothing can be recorded on a GPU's default one."""
    if device.type != "cuda":
        yield
        return
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        torch.cuda.current_stream(device).wait_stream(stream)


@contextmanager
def recordable(optimizer: Optimizer, device: torch.device) -> Iterator[bool]:
    """Make the steps of an optimizer recordable; yield whether they are.

    Learning rates are then tensors, which schedulers fill in place.
    """
    if "capturable" not in optimizer.defaults:
        yield False
        return
    for group in optimizer.param_groups:
        group["capturable"] = True
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
    _count_steps_on(device, optimizer)
    try:
        yield True
    finally:
        for group in optimizer.param_groups:
            group["capturable"] = optimizer.defaults["capturable"]
            group["lr"] = float(group["lr"])
        if not (optimizer.defaults["capturable"] or optimizer.defaults.get("fused")):
            _count_steps_on(torch.device("cpu"), optimizer)


def unrecorded_state(optimizer: Optimizer) -> dict[str, Any]:
    """Return the state of an optimizer as it is where nothing is recorded, for a checkpoint."""
    state: dict[str, Any] = optimizer.state_dict()
    for group in state["param_groups"]:
        group["lr"] = float(group["lr"])
        if "capturable" in group:
            group["capturable"] = optimizer.defaults["capturable"]
    return state


def _count_steps_on(device: torch.device, optimizer: Optimizer) -> None:
    for state in optimizer.state.values():
        if isinstance(state.get("step"), Tensor):
            state["step"] = state["step"].to(device)
