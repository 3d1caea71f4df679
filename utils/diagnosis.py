"""What is wrong with a training run, in one message, before it starts where that can be.

A wrong shape shows in PyTorch as an error deep inside a layer; a target of shape (N,) beside
outputs of shape (N, 1) shows not at all and trains nonsense. These checks run the first batch
and name what does not fit.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

Loss = Callable[[Any, Any], Tensor]
Forward = Callable[[nn.Module, Any], tuple[Any, Any]]

CLASS_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss, functional.cross_entropy, functional.nll_loss)
SAME_SHAPE_LOSSES = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    functional.mse_loss,
    functional.l1_loss,
    functional.smooth_l1_loss,
    functional.huber_loss,
    functional.binary_cross_entropy,
    functional.binary_cross_entropy_with_logits,
)
BINARY_LOSSES = (
    nn.BCELoss,
    nn.BCEWithLogitsLoss,
    functional.binary_cross_entropy,
    functional.binary_cross_entropy_with_logits,
)


def check_data(data: Any, name: str) -> None:
    """Refuse what is no loader, or one without a batch.

    Raises
    ------
    TypeError
        If ``data`` is no ``DataLoader``.
    ValueError
        If it has no item, or fewer than one batch.
    """
    if not isinstance(data, DataLoader):
        raise TypeError(
            f"{name} is a {type(data).__name__}; expected a torch.utils.data.DataLoader, "
            "for example DataLoader(dataset, batch_size=64, shuffle=True)."
        )
    if (items := count_items(data)) == 0:
        raise ValueError(f"{name} is empty: its data set has no item. Check how it was loaded.")
    if count_batches(data) == 0:
        raise ValueError(
            f"{name} has no batch: drop_last=True drops the only one, as its {items} items are "
            f"fewer than batch_size={data.batch_size}. Lower batch_size."
        )


def count_items(data: DataLoader[Any]) -> int | None:
    """Return how many items a loader has; None if its data set does not know."""
    return len(data.dataset) if hasattr(data.dataset, "__len__") else None


def count_batches(data: DataLoader[Any]) -> int | None:
    """Return how many batches a loader has; None if its data set does not know."""
    try:
        return len(data)
    except TypeError:
        return None


def check_parameters(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimiser that does not train the model.

    Raises
    ------
    ValueError
        If no parameter of the model is trainable, or the optimiser holds none of those.
    """
    trainable = {id(p) for p in model.parameters() if p.requires_grad}
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not trainable:
        raise ValueError(
            f"{type(model).__name__} has no parameter to train; expected at least one with "
            "requires_grad=True (layers in a plain list are not seen: use nn.ModuleList)."
        )
    if not trainable & held:
        raise ValueError(
            f"the optimizer holds no parameter of this {type(model).__name__}; it was made for "
            "another model: make it again, with model.parameters(), after making the model."
        )


def check_labels(data: DataLoader[Any], outputs: Any, loss: Loss, name: str) -> None:
    """Look for class labels out of range in a whole data set, where they lie in one tensor.

    Raises
    ------
    ValueError
        If there is one, with its index.
    """
    if (
        _is(loss, CLASS_LOSSES)
        and isinstance(data.dataset, TensorDataset)
        and isinstance(outputs, Tensor)
        and not data.dataset.tensors[-1].is_floating_point()
    ):
        _check_range(data.dataset.tensors[-1], outputs.shape[1], loss, f"the labels of {name}")


def check_batch(model: nn.Module, batch: Any, loss: Loss, forward: Forward, name: str) -> Any:
    """Run a batch through model and loss, and say what does not fit.

    The model runs in evaluation mode, so that its running statistics stay as they are.

    Returns
    -------
    Any
        The outputs of the model.

    Raises
    ------
    ValueError
        If the model does not take the batch, or its outputs and the targets do not go together
        in the loss.
    """
    seen = f"The first batch of {name} has {describe(batch)}."
    for i, tensor in enumerate(tensors(batch)):
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {i} of a batch holds NaN or infinity; clean the data. {seen}")
    training = model.training
    model.eval()
    try:
        outputs, target = forward(model, batch)
    except (torch.OutOfMemoryError, NotImplementedError):
        raise  # the batch fits the model, not the GPU; or part of the model is yet to be written
    except Exception as error:
        raise ValueError(f"the model does not take its batch: {_first(error)}. {seen}") from error
    finally:
        model.train(training)
    shapes = f"Outputs: {describe(outputs)}; targets: {describe(target)}."
    if isinstance(outputs, Tensor) and isinstance(target, Tensor):
        _check_pair(outputs, target, loss, shapes)
    try:
        value = loss(outputs, target)
    except Exception as error:
        raise ValueError(f"the loss does not take these: {_first(error)}. {shapes}") from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ValueError(
            f"the loss is {describe(value)}; expected one number in a tensor: take its mean."
        )
    if torch.is_grad_enabled() and not value.requires_grad:
        raise ValueError(
            "the loss does not depend on any trainable parameter: something on the way "
            "(argmax, .item(), .detach(), NumPy, torch.no_grad) cuts the gradient."
        )
    return outputs


def _check_pair(outputs: Tensor, target: Tensor, loss: Loss, shapes: str) -> None:
    """Refuse targets that a known loss would not take, or would take and misread."""
    if _is(loss, CLASS_LOSSES):
        if outputs.ndim < 2:
            raise ValueError(f"expected a score for each class, outputs (N, C). {shapes}")
        if target.is_floating_point():
            if target.shape != outputs.shape or _is(loss, CLASS_LOSSES[1::2]):
                raise ValueError(
                    f"the labels are {_dtype(target)}; expected class numbers in int64: "
                    f"use labels.long(). {shapes}"
                )
            return
        if target.dtype not in (torch.int64, torch.uint8):
            raise ValueError(
                f"the labels are {_dtype(target)}; expected int64: use labels.long(). {shapes}"
            )
        expected = (outputs.shape[0], *outputs.shape[2:])
        if tuple(target.shape) != expected:
            raise ValueError(
                f"the labels have shape {tuple(target.shape)}; expected {expected}: one class "
                f"number for each row of scores, no one-hot rows. {shapes}"
            )
        _check_range(target, outputs.shape[1], loss, "the labels")
    elif _is(loss, SAME_SHAPE_LOSSES):
        if outputs.shape != target.shape:
            raise ValueError(
                f"outputs {tuple(outputs.shape)} and targets {tuple(target.shape)} differ; "
                "expected the same shape (the loss would stretch one over the other): use "
                f"outputs.squeeze(1) or targets.unsqueeze(1). {shapes}"
            )
        if not target.is_floating_point():
            raise ValueError(
                f"the targets are {_dtype(target)}; expected floats: use targets.float(). {shapes}"
            )
        if _is(loss, BINARY_LOSSES) and not bool(((target >= 0) & (target <= 1)).all()):
            raise ValueError(
                f"targets go from {target.min().item():g} to {target.max().item():g}; a binary "
                "cross-entropy expects probabilities from 0 to 1."
            )


def _check_range(labels: Tensor, classes: int, loss: Loss, name: str) -> None:
    wrong = ((labels < 0) | (labels >= classes)) & (labels != getattr(loss, "ignore_index", -100))
    if bool(wrong.any()):
        index = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"{name} hold {labels[tuple(index)].item()} at index {', '.join(map(str, index))}; "
            f"the model has {classes} outputs, so expected 0 to {classes - 1}. Give the model "
            "more outputs, or number the classes from 0."
        )


def diverged(
    model: nn.Module, batch: Any, forward: Forward, value: float, where: str, rate: float
) -> RuntimeError:
    """Return the error for a loss that is NaN or infinite: where it arose and what to try.

    Parameters
    ----------
    model : nn.Module
        The model as it is now.
    batch : Any
        The batch that gave this loss, or a later one.
    forward : callable
        How the batch goes through the model.
    value : float
        The loss.
    where : str
        Which batch of which epoch, to print.
    rate : float
        The learning rate.
    """
    return RuntimeError(
        f"the loss became {value} in {where}: {_origin(model, batch, forward)}. Try a learning "
        f"rate 10 times smaller than {rate:g}, clip_norm=1.0, precision='fp32', or inputs scaled "
        "to about -1 to 1; look for log(0), a division by 0 or sqrt(0) in model and loss."
    )


def _origin(model: nn.Module, batch: Any, forward: Forward) -> str:
    """Say where the first number that is not finite appears on the way to the loss."""
    if not _finite(tensors(batch)):
        return "the batch itself holds NaN or infinity"
    for name, parameter in model.named_parameters():
        if not _finite([parameter]):
            return f"{name} is not finite any more, an update before was too large"
    found: list[str] = []
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, outputs, name=name: (
                None if found or _finite(tensors(outputs)) else found.append(name)
            )
        )
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            outputs, _ = forward(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        return f"the output of {found[0]} is the first that is not finite"
    if not _finite(tensors(outputs)):
        return "the output of the model is not finite, its layers' are"
    return "the outputs of the model are finite, so it arises in the loss"


def out_of_memory(batch: Any) -> RuntimeError:
    """Return the error for a batch that does not fit in the memory of the GPU."""
    return RuntimeError(
        f"a batch does not fit in GPU memory: it has {describe(batch)}. Lower batch_size in the "
        "DataLoader (halve it until it fits); then shorter sequences, precision='auto', or a "
        "smaller model help. Restart the kernel if older models still hold memory."
    )


def tensors(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, tuple | list):
        return []
    return [tensor for element in value for tensor in tensors(element)]


def describe(value: Any) -> str:
    """Say what a batch is made of.

    Examples
    --------
    >>> describe((torch.zeros(64, 3), torch.zeros(64, dtype=torch.long)))
    '(64, 3) float32, (64,) int64'
    """
    found = [f"{tuple(t.shape)} {_dtype(t)}" for t in tensors(value)]
    return ", ".join(found) or f"a {type(value).__name__} without a tensor"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _finite(values: Iterable[Tensor]) -> bool:
    return all(bool(v.isfinite().all()) for v in values if v.is_floating_point())


def _first(error: Exception) -> str:
    """Return the first line of an error, with what helps for the cryptic ones."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, IndexError) and "index out of range" in text:
        text += " (an id beyond the rows of an nn.Embedding)"
    if "same device" in text:
        text += " (a tensor made inside the model: use device=inputs.device, or register_buffer)"
    return text


def _is(loss: Loss, known: tuple[Any, ...]) -> bool:
    return loss in known or type(loss) in known
