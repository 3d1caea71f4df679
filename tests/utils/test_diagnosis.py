"""utils.diagnosis: one clear message for what is wrong with a run."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from utils.batches import TokenBatches
from utils.training import fit

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3


def _fit(model, tensors, loss, **settings):
    loader = DataLoader(TensorDataset(*tensors), batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(model, loader, loss, optimizer, epochs=2, **settings)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ((X[:, :3], LABELS), r"mat1 and mat2.*train has \(4, 3\) float32, \(4,\) int64"),
        ((X.double(), LABELS), r"dtype.*train has \(4, 4\) float64"),
        ((X.long(), LABELS), r"the model does not take its batch.*\(4, 4\) int64"),
        ((X,), "missing 1 required positional argument"),
        ((X, LABELS.float()), r"labels are float32; expected class numbers in int64.*\.long\(\)"),
        ((X, LABELS.int()), "labels are int32; expected int64"),
        ((X, functional.one_hot(LABELS)), r"labels have shape \(4, 3\); expected \(4,\)"),
        ((X, LABELS[:, None]), r"labels have shape \(4, 1\); expected \(4,\)"),
        ((X, LABELS + 1), "hold 3 at index 2; the model has 3 outputs, so expected 0 to 2"),
        ((X, LABELS - 1), "hold -1 at index 0"),
        ((X.where(X.min() < X, torch.nan), LABELS), "tensor 0 of a batch holds NaN"),
    ],
)
@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), functional.cross_entropy, nn.NLLLoss()])
def test_classes(tensors, message, loss):
    # the odd values lie in the first batch
    order = torch.cat([X.argmin(dim=0)[X.min(dim=0).values.argmin()][None], torch.arange(12)])
    if "NaN" in message:
        tensors = tuple(t[order] for t in tensors)
    with pytest.raises(ValueError, match=message):
        _fit(nn.Linear(4, 3), tensors, loss)


def test_a_label_out_of_range_is_found_in_a_later_batch():
    labels = LABELS.clone()
    labels[10] = 7
    with pytest.raises(ValueError, match="the labels of train hold 7 at index 10"):
        _fit(nn.Linear(4, 3), (X, labels), nn.CrossEntropyLoss())


def test_ignored_labels_and_probabilities_are_fine():
    labels = LABELS.clone()
    labels[0] = -100
    _fit(nn.Linear(4, 3), (X, labels), nn.CrossEntropyLoss())
    _fit(nn.Linear(4, 3), (X, torch.softmax(X[:, :3], 1)), nn.CrossEntropyLoss())


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (nn.MSELoss(), X[:, 0], r"outputs \(4, 1\) and targets \(4,\) differ.*unsqueeze"),
        (functional.mse_loss, X[:, :2], r"outputs \(4, 1\) and targets \(4, 2\) differ"),
        (nn.L1Loss(), LABELS[:, None], "the targets are int64; expected floats"),
        (nn.BCEWithLogitsLoss(), LABELS[:, None].float(), "from 0 to 2; a binary cross-entropy"),
        (
            lambda outputs, _: outputs,
            X[:, :1],
            r"the loss is \(4, 1\) float32; expected one number",
        ),
        (lambda outputs, _: outputs.argmax() * 1.0, X[:, :1], "does not depend on any trainable"),
        (lambda *_: 1 / 0, X[:, :1], "the loss does not take these: division by zero"),
    ],
)
def test_numbers(loss, targets, message):
    with pytest.raises(ValueError, match=message):
        _fit(nn.Linear(4, 1), (X, targets), loss)


def test_an_unseen_token():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(3, 2)

        def forward(self, ids):
            return self.embedding(ids)

    with pytest.raises(ValueError, match=r"an id beyond the rows of an nn\.Embedding"):
        _fit(Words(), (LABELS + 1, LABELS), nn.CrossEntropyLoss())


def test_an_embedding_called_by_name():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(3, 3)

        def forward(self, ids):
            return self.embedding(input=ids)

    assert len(_fit(Words(), (LABELS, LABELS), nn.CrossEntropyLoss())) == 2
    with pytest.raises(ValueError, match=r"an id beyond the rows of an nn\.Embedding"):
        _fit(Words(), (LABELS + 1, LABELS), nn.CrossEntropyLoss())


def test_a_tensor_on_another_device():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, inputs):
            return self.linear(inputs) + torch.zeros(3, device="meta")

    with pytest.raises(ValueError, match=r"does not take its batch.*device"):
        _fit(Mixed(), (X, LABELS), nn.CrossEntropyLoss())


@pytest.mark.parametrize(
    ("loader", "error", "message"),
    [
        ([(X, LABELS)], TypeError, "train is a list; expected a torch"),
        (DataLoader(TensorDataset(X[:0])), ValueError, "train is empty"),
        (
            DataLoader(TensorDataset(X, LABELS), batch_size=20, drop_last=True),
            ValueError,
            "12 items are fewer than batch_size=20",
        ),
    ],
)
def test_no_data(loader, error, message):
    model = nn.Linear(4, 3)
    with pytest.raises(error, match=message):
        fit(model, loader, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters()), epochs=1)


def test_the_optimizer_of_another_model():
    loader = DataLoader(TensorDataset(X, LABELS))
    older = torch.optim.SGD(nn.Linear(4, 3).parameters())
    with pytest.raises(ValueError, match="the optimizer holds no parameter of this Linear"):
        fit(nn.Linear(4, 3), loader, nn.CrossEntropyLoss(), older, epochs=1)
    with pytest.raises(ValueError, match="Identity has no parameter to train"):
        fit(nn.Identity(), loader, nn.CrossEntropyLoss(), older, epochs=1)


def test_nan_from_too_large_steps_leaves_the_weights_of_the_step_before():
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))
    loader = DataLoader(TensorDataset(X, 100 * X[:, :1]), batch_size=4)
    optimizer = torch.optim.SGD(model.parameters(), lr=50.0)
    with pytest.raises(
        RuntimeError, match=r"the loss became (nan|inf) in batch \d of epoch \d+: .*smaller than 50"
    ):
        fit(model, loader, nn.MSELoss(), optimizer, epochs=50)


class _Fragile(nn.Module):
    """Gives NaN in one of its layers from the n-th training batch on."""

    def __init__(self, at):
        super().__init__()
        self.first, self.second, self.root = nn.Linear(4, 4), nn.Linear(4, 3), nn.ReLU()
        self.left = at
        self.root.register_forward_hook(self._spoil)

    def _spoil(self, module, inputs, outputs):
        self.left -= self.training
        return outputs * (torch.nan if self.left <= 0 else 1.0)

    def forward(self, inputs):
        return self.second(self.root(self.first(inputs)))


def test_nan_names_the_layer_and_the_batch(on_a_cpu):
    with pytest.raises(
        RuntimeError, match="became nan in batch 2 of epoch 2: the output of root is the first"
    ):
        _fit(_Fragile(at=5), (X, LABELS), nn.CrossEntropyLoss())


def test_nan_in_the_weights_is_named():
    model = nn.Linear(4, 3)
    loss = nn.CrossEntropyLoss()

    def spoiling(outputs, target):
        value = loss(outputs, target)
        value.register_hook(lambda gradient: gradient * torch.nan)
        return value

    with pytest.raises(RuntimeError, match="batch 2 of epoch 1: weight is not finite any more"):
        _fit(model, (X, LABELS), spoiling)


def test_nan_in_the_loss_is_told_from_nan_in_the_model(on_a_cpu):
    seen = []

    def loss(outputs, target):
        seen.append(1)
        return functional.cross_entropy(outputs, target) * (torch.nan if len(seen) > 3 else 1)

    with pytest.raises(RuntimeError, match="outputs of the model are finite, so it arises in the"):
        _fit(nn.Linear(4, 3), (X, LABELS), loss)


def test_nan_in_a_later_batch_of_the_data():
    spoilt = X.clone()
    spoilt[9, 1] = torch.nan
    with pytest.raises(RuntimeError, match="batch 3 of epoch 1: the batch itself holds NaN"):
        _fit(nn.Linear(4, 3), (spoilt, LABELS), nn.CrossEntropyLoss())


def test_nan_in_the_validation_loss():
    spoilt = X.clone()
    spoilt[9, 1] = torch.nan
    held_out = DataLoader(TensorDataset(spoilt, LABELS), batch_size=4)
    with pytest.raises(RuntimeError, match="the validation loss is nan after epoch 1"):
        _fit(nn.Linear(4, 3), (X, LABELS), nn.CrossEntropyLoss(), validation=held_out)


def test_a_part_of_the_model_that_is_not_written_yet_is_named_as_such():
    class Stub(nn.Linear):
        def forward(self, x):
            raise NotImplementedError("Complete forward().")

    with pytest.raises(NotImplementedError, match=r"^Complete forward\(\)\.$"):
        _fit(Stub(4, 3), (X, LABELS), nn.CrossEntropyLoss())


class Hungry(nn.Linear):
    """Needs too much memory at one call, as CUDA says it, here without a GPU."""

    def __init__(self, at):
        super().__init__(4, 3)
        self.left = at

    def forward(self, inputs):
        self.left -= 1
        if self.left == 0:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(inputs)


@pytest.mark.parametrize("at", [1, 3])
def test_a_batch_too_large_for_the_gpu_says_what_to_lower(at):
    with pytest.raises(
        RuntimeError, match=r"does not fit in GPU memory: it has \(4, 4\) float32.*batch_size"
    ):
        _fit(Hungry(at), (X, LABELS), nn.CrossEntropyLoss())


def test_of_a_batch_of_tokens_fewer_tokens_are_advised():
    batches = TokenBatches([(2,)] * 12, tokens=8)
    loader = DataLoader(TensorDataset(X, LABELS), batch_sampler=batches)
    model = Hungry(at=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match="Lower tokens in TokenBatches"):
        fit(model, loader, nn.CrossEntropyLoss(), optimizer, epochs=1)
