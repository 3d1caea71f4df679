"""What is wrong with a training run, in one message, before it starts where that can be.

A wrong shape shows in PyTorch as an error deep inside a layer; a target of shape (N,) beside
outputs of shape (N, 1) shows not at all and trains nonsense. These checks run the first batch
and name what does not fit.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from utils.batches import TokenBatches
from utils.language import sentence

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
        raise TypeError(sentence("loader.other_type", name=name, found=type(data).__name__))
    if (items := count_items(data)) == 0:
        raise ValueError(sentence("loader.no_item", name=name))
    if count_batches(data) == 0:
        raise ValueError(sentence("loader.no_batch", name=name, items=items, size=data.batch_size))


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
        raise ValueError(sentence("model.no_parameter", model=type(model).__name__))
    if not trainable & held:
        raise ValueError(sentence("model.other_optimizer", model=type(model).__name__))


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
        labels = sentence("model.labels_of", name=name)
        _check_range(data.dataset.tensors[-1], outputs.shape[1], loss, labels)


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
    seen = sentence("model.first_batch", name=name, found=describe(batch))
    for i, tensor in enumerate(tensors(batch)):
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(sentence("model.data_not_finite", index=i, seen=seen))
    training = model.training
    model.eval()
    try:
        with _looked_up(model):
            outputs, target = forward(model, batch)
    except (torch.OutOfMemoryError, NotImplementedError):
        raise  # the batch fits the model, not the GPU; or part of the model is yet to be written
    except Exception as error:
        raise ValueError(
            sentence("model.batch_refused", reason=_first(error), seen=seen)
        ) from error
    finally:
        model.train(training)
    shapes = sentence("model.outputs", outputs=describe(outputs), targets=describe(target))
    if isinstance(outputs, Tensor) and isinstance(target, Tensor):
        _check_pair(outputs, target, loss, shapes)
    try:
        value = loss(outputs, target)
    except Exception as error:
        raise ValueError(
            sentence("model.loss_refused", reason=_first(error), shapes=shapes)
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ValueError(sentence("model.loss_no_number", found=describe(value)))
    if torch.is_grad_enabled() and not value.requires_grad:
        raise ValueError(sentence("model.no_gradient"))
    return outputs


@contextmanager
def _looked_up(model: nn.Module) -> Iterator[None]:
    """Have an id beyond the rows of an embedding raise as on a CPU, wherever the model is.

    A GPU stops for good at such an id, and no session can use it again.
    """

    def look(layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        ids = inputs[0] if inputs else named["input"]
        if not bool(((ids >= 0) & (ids < layer.num_embeddings)).all()):
            functional.embedding(ids.cpu(), layer.get_parameter("weight").cpu())  # raises

    kinds = nn.Embedding, nn.EmbeddingBag
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    hooks = [layer.register_forward_pre_hook(look, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _check_pair(outputs: Tensor, target: Tensor, loss: Loss, shapes: str) -> None:
    """Refuse targets that a known loss would not take, or would take and misread."""
    if _is(loss, CLASS_LOSSES):
        if outputs.ndim < 2:
            raise ValueError(sentence("model.no_scores", shapes=shapes))
        if target.is_floating_point():
            if target.shape != outputs.shape or _is(loss, CLASS_LOSSES[1::2]):
                raise ValueError(
                    sentence("model.labels_not_classes", dtype=_dtype(target), shapes=shapes)
                )
            return
        if target.dtype not in (torch.int64, torch.uint8):
            raise ValueError(sentence("model.labels_dtype", dtype=_dtype(target), shapes=shapes))
        found, expected = tuple(target.shape), (outputs.shape[0], *outputs.shape[2:])
        if found != expected:
            raise ValueError(
                sentence("model.labels_shape", shape=found, expected=expected, shapes=shapes)
            )
        _check_range(target, outputs.shape[1], loss, sentence("model.labels"))
    elif _is(loss, SAME_SHAPE_LOSSES):
        if outputs.shape != target.shape:
            both = {"outputs": tuple(outputs.shape), "targets": tuple(target.shape)}
            raise ValueError(sentence("model.other_shape", **both, shapes=shapes))
        if not target.is_floating_point():
            raise ValueError(sentence("model.targets_dtype", dtype=_dtype(target), shapes=shapes))
        if _is(loss, BINARY_LOSSES) and not bool(((target >= 0) & (target <= 1)).all()):
            ends = {"lowest": f"{target.min():g}", "highest": f"{target.max():g}"}
            raise ValueError(sentence("model.no_probabilities", **ends))


def _check_range(labels: Tensor, classes: int, loss: Loss, name: str) -> None:
    wrong = ((labels < 0) | (labels >= classes)) & (labels != getattr(loss, "ignore_index", -100))
    if bool(wrong.any()):
        index = wrong.nonzero()[0].tolist()
        raise ValueError(
            sentence(
                "model.label_range",
                labels=name,
                label=labels[tuple(index)].item(),
                index=", ".join(map(str, index)),
                classes=classes,
                last=classes - 1,
            )
        )


def diverged(
    model: nn.Module,
    batch: Any,
    forward: Forward,
    *,
    value: float,
    step: int,
    epoch: int,
    rate: float,
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
    step, epoch : int
        Which batch of which epoch, counted from 1.
    rate : float
        The learning rate.
    """
    origin = _origin(model, batch, forward)
    return RuntimeError(
        sentence(
            "diverged.loss", value=value, step=step, epoch=epoch, origin=origin, rate=f"{rate:g}"
        )
    )


def _origin(model: nn.Module, batch: Any, forward: Forward) -> str:
    """Say where the first number that is not finite appears on the way to the loss."""
    if not _finite(tensors(batch)):
        return sentence("diverged.in_batch")
    for name, parameter in model.named_parameters():
        if not _finite([parameter]):
            return sentence("diverged.in_parameter", name=name)
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
        return sentence("diverged.in_layer", name=found[0])
    if not _finite(tensors(outputs)):
        return sentence("diverged.in_outputs")
    return sentence("diverged.in_loss")


def out_of_memory(batch: Any, sampler: Any) -> RuntimeError:
    """Return the error for a batch, of a sampler, that does not fit in the memory of the GPU."""
    by_tokens = isinstance(sampler, TokenBatches)
    lower = sentence("model.fewer_tokens" if by_tokens else "model.fewer_items")
    return RuntimeError(sentence("model.out_of_memory", found=describe(batch), lower=lower))


def stopped_the_gpu(error: RuntimeError) -> bool:
    """Whether a GPU stopped for good, as it does at an index out of range.

    It says so at some later operation.
    """
    return "device-side assert" in str(error)


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
    return ", ".join(found) or sentence("model.no_tensor", found=type(value).__name__)


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _finite(values: Iterable[Tensor]) -> bool:
    return all(bool(v.isfinite().all()) for v in values if v.is_floating_point())


def _first(error: Exception) -> str:
    """Return the first line of an error, with what helps for the cryptic ones."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, IndexError) and "index out of range" in text:
        return sentence("model.embedding", reason=text)
    if "same device" in text:
        return sentence("model.other_device", reason=text)
    return text


def _is(loss: Loss, known: tuple[Any, ...]) -> bool:
    return loss in known or type(loss) in known
