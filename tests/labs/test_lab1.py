"""The MLP lab: an example class graded on it.

Solutions are read from the source; only what is wrong, or right but written otherwise, stands
here. Each member names the checks that it must lose; it keeps all the others.
"""

from collections.abc import Collection
from pathlib import Path

import pytest

from grading.authoring.building import read_lab
from grading.course.config import load_course
from grading.judging.assess import first_error
from tests.graded_class import Graded, grade

LAB = "lab1_mlp"

# several runs of the lab, on a machine that may be busy
pytestmark = [pytest.mark.kernels, pytest.mark.timeout(1200)]

# --- right, written otherwise ------------------------------------------------------------------

OTHERWISE = {
    "prepare": """\
def prepare(images):
    return np.stack([image.ravel() for image in images]).astype(float) / 255.0
""",
    "initialise": """\
def initialise(sizes, method, rng):
    result = []
    for l in range(1, len(sizes)):
        shape = (sizes[l], sizes[l - 1])
        if method == "zeros":
            W = np.zeros(shape)
        elif method == "small":
            W = rng.normal(0, 0.01, shape)
        else:
            W = rng.normal(0, 1, shape) * np.sqrt(2.0 / sizes[l - 1])
        result.append([W.T, np.zeros((sizes[l],))])
    return result
""",
    "linear_forward": """\
def linear_forward(A, W, b):
    return np.einsum("mi,io->mo", A, W) + b[None, :]
""",
    "activations": """\
def relu(Z):
    return np.where(Z > 0, Z, 0.0)


def sigmoid(Z):
    return 0.5 * (1 + np.tanh(Z / 2))
""",
    "forward": """\
def forward(X, params):
    caches = []
    current = X
    for W, b in params[:-1]:
        Z = current @ W + b
        caches.append([current, Z])
        current = np.maximum(Z, 0)
    W, b = params[-1]
    Z = current @ W + b
    caches.append([current, Z])
    return sigmoid(Z), caches
""",
    "cost": """\
def cost(A, Y):
    eps = 1e-8
    right = np.where(Y == 1, A, 1 - A)
    return -np.log(np.maximum(right, eps)).mean()
""",
    "linear_backward": """\
def linear_backward(dZ, A_prev, W):
    dW = np.tensordot(A_prev, dZ, axes=(0, 0))
    db = np.ones(len(dZ)) @ dZ
    return np.dot(dZ, W.transpose()), dW, db
""",
    "relu_backward": """\
def relu_backward(dA, Z):
    dZ = dA.copy()
    dZ[Z <= 0] = 0
    return dZ
""",
    "backward": """\
def backward(A, Y, params, caches):
    m = Y.shape[0]
    grads = [None] * len(params)
    delta = A - Y
    l = len(params) - 1
    while l >= 0:
        A_prev, Z = caches[l]
        grads[l] = [A_prev.T @ delta / m, delta.mean(axis=0)]
        delta = (delta @ params[l][0].T) * np.sign(A_prev)  # after ReLU: 0 or positive
        l -= 1
    return grads
""",
    "numerical_gradient": """\
def numerical_gradient(function, theta, eps=1e-5):
    result = np.zeros(theta.shape)
    for i in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[i] += eps
        down[i] -= eps
        result[i] = (function(up) - function(down)) / (up[i] - down[i])
    return result


def relative_error(one, other):
    length = lambda v: (v**2).sum() ** 0.5
    return length(one - other) / (length(one) + length(other))
""",
    "autograd": """\
def autograd_gradients(X, Y, params):
    flat = [torch.from_numpy(p.copy()).requires_grad_() for pair in params for p in pair]
    signal, target = torch.tensor(X), torch.tensor(Y)
    for i in range(0, len(flat), 2):
        scores = functional.linear(signal, flat[i].T, flat[i + 1])
        signal = functional.relu(scores)
    loss = functional.binary_cross_entropy_with_logits(scores, target)
    grads = [g.numpy() for g in torch.autograd.grad(loss, flat)]
    return list(zip(grads[::2], grads[1::2]))
""",
    "train": """\
def update(params, grads, learning_rate):
    new = []
    for pair, slopes in zip(params, grads):
        new.append([p - learning_rate * d for p, d in zip(pair, slopes)])
    return new


def train(params, gradients, learning_rate, iterations, every=100):
    costs, i = [], 0
    while i < iterations:
        J, grads = gradients(params)
        costs += [J] if not i % every else []
        params = update(params, grads, learning_rate)
        i += 1
    return params, costs
""",
    "mistakes": """\
def binary_accuracy(A, Y):
    return 1 - np.abs(np.round(A) - Y).mean()


def worst_mistakes(A, Y, count):
    wrong = [i for i in range(len(A)) if round(A[i, 0]) != Y[i, 0]]
    wrong.sort(key=lambda i: abs(A[i, 0] - Y[i, 0]), reverse=True)
    return np.array(wrong[:count], dtype=int)
""",
    "compare_initialisations": """\
def compare_initialisations(X, Y, sizes, learning_rate, iterations, seed):
    step = lambda params: cost_and_gradients(params, X, Y)
    found = {}
    for method in ["he", "small", "zeros"]:
        start = initialise(sizes, method, np.random.default_rng(seed))
        found[method] = train(start, step, learning_rate, iterations, 10)[1]
    return found
""",
    "keeping_spread": """\
def keeping_spread(activation, n_in, sample):
    a = activation(sample)
    return (n_in * (a.var() + a.mean() ** 2)) ** -0.5
""",
    "dataset": """\
class ImageDataset(Dataset):
    def __init__(self, images, labels):
        if not len(images):
            raise ValueError("no images")
        if len(labels) != len(images):
            raise ValueError("as many labels as images, please")
        self.pairs = list(zip(images, labels))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        image, label = self.pairs[index]
        return torch.tensor(image / 255, dtype=torch.float32), int(label)
""",
    "loaders": """\
def make_loaders(train_set, validation_set, batch_size):
    order = torch.utils.data.RandomSampler(train_set)
    return (
        DataLoader(train_set, batch_size, sampler=order),
        DataLoader(validation_set, batch_size, shuffle=False),
    )
""",
    "mlp": """\
class MLP(nn.Module):
    def __init__(self, n_inputs, n_hidden, n_classes):
        super().__init__()
        self.hidden = nn.Linear(n_inputs, n_hidden)
        self.output = nn.Linear(n_hidden, n_classes)

    def forward(self, images):
        x = images.reshape(images.shape[0], -1)
        return functional.log_softmax(self.output(functional.relu(self.hidden(x))), dim=-1)
""",
    "train_epoch": """\
def train_epoch(model, loader, criterion, optimizer):
    model.train(True)
    losses, sizes = [], []
    for batch in loader:
        x, y = (part.to(device) for part in batch)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        model.zero_grad()
        losses.append(float(loss))
        sizes.append(len(x))
    return np.average(losses, weights=sizes)
""",
    "evaluate": """\
@torch.no_grad()
def evaluate(model, loader):
    model.train(False)
    said, true = [], []
    for x, y in loader:
        said += model(x.to(device)).max(dim=1).indices.tolist()
        true += y.tolist()
    return np.array(said), np.array(true)
""",
    "confusion": """\
def count_confusions(truth, predicted, n_classes):
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, -1)


def most_confused(counts):
    pairs = [(i, j) for i in range(len(counts)) for j in range(len(counts)) if i != j]
    return max(pairs, key=lambda pair: counts[pair])
""",
    "ablation": """\
def ablation(run, base, changes):
    reference, table = run(dict(base)), []
    for name in changes:
        score = run({**base, **changes[name]})
        table.append([name, score, score - reference])
    return table
""",
    "improve": """\
def improved_network(train_set, validation_set):
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(n_inputs, 256),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(256, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, n_classes),
        nn.LogSoftmax(dim=1),
    ).to(device)
    train_loader, validation_loader = make_loaders(train_set, validation_set, BATCH)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(EPOCHS):
        train_epoch(model, train_loader, nn.NLLLoss(), optimizer)
        predicted, truth = evaluate(model, validation_loader)
        print(epoch, np.mean(predicted == truth))
    return model
""",
}

# --- wrong in the usual ways -------------------------------------------------------------------

NO_MEAN_NO_LOGARITHM = {
    "backward": """\
def backward(A, Y, params, caches):
    grads = []
    dZ = A - Y
    for layer in reversed(range(len(params))):
        dA_prev, dW, db = linear_backward(dZ, caches[layer][0], params[layer][0])
        grads.insert(0, (dW, db))
        if layer:
            dZ = relu_backward(dA_prev, caches[layer - 1][1])
    return grads
""",
    "mlp": """\
class MLP(nn.Module):
    def __init__(self, n_inputs, n_hidden, n_classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_inputs, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_classes),
            nn.Softmax(dim=1),
        )

    def forward(self, images):
        return self.layers(images)
""",
}

LOST_BY_NO_MEAN_NO_LOGARITHM = {
    "backward: size of the gradient": "the 1/m of the mean is missing",
    "backward agrees with finite differences": "so the gradient is m times too large",
    "your network on new images": "and every step overshoots",
    "the costs of the three methods": "here too",
    "MLP: rows are log-probabilities": "they are probabilities",
    "the baseline on new images": "NLLLoss of probabilities has tiny gradients where it is wrong",
}

WRONG_DERIVATIVE_SHIFTED_LABELS = {
    "relu_backward": """\
def relu_backward(dA, Z):
    s = sigmoid(Z)
    return dA * s * (1 - s)
""",
    "dataset": """\
class ImageDataset(Dataset):
    def __init__(self, images, labels):
        if len(images) == 0 or len(images) != len(labels):
            raise ValueError("images and labels do not fit")
        self.images = torch.from_numpy(images).float() / 255
        self.labels = torch.from_numpy((labels + 1) % 10).long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]
""",
}

LOST_BY_WRONG_DERIVATIVE_SHIFTED_LABELS = {
    "ReLU backward": "the derivative is that of the sigmoid",
    "backward: direction in the hidden layers": "it goes through that derivative",
    "backward agrees with finite differences": "as they see at once",
    "the costs of the three methods": "they are trained with it",
    "dataset: labels": "each image has the label after its own",
    "the baseline on new images": "it learnt those labels",
}

LEARNS_NOTHING = {
    "train": """\
def update(params, grads, learning_rate):
    for (W, b), (dW, db) in zip(params, grads):
        W -= learning_rate * dW
        b -= learning_rate * db
    return params


def train(params, gradients, learning_rate, iterations, every=100):
    costs = []
    for iteration in range(iterations):
        value, grads = gradients(params)
        if iteration % every == 0:
            costs.append(value)
        update([(W.copy(), b.copy()) for W, b in params], grads, learning_rate)
    return params, costs
""",
    "train_epoch": """\
def train_epoch(model, loader, criterion, optimizer):
    losses = []
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        losses.append(loss.item())
    return sum(losses) / len(losses)
""",
    "improve": """\
def improved_network(train_set, validation_set):
    layers = [nn.Linear(n_inputs, 512), nn.ReLU(), nn.Linear(512, n_classes)]
    return nn.Sequential(nn.Flatten(), *layers, nn.LogSoftmax(dim=1))
""",
}

LOST_BY_LEARNS_NOTHING = {
    "update": "it changes the parameters that it is given",
    "train: where it ends": "the updated parameters are thrown away",
    "train: the noted costs": "so the cost stays what it was",
    "your network on new images": "and the network at its first weights",
    "the costs of the three methods": "whichever they were",
    "epoch: the weights it ends with": "there is no step",
    "epoch: the mean loss": "so the loss is that of the first weights, and a mean over batches",
    "epoch: training mode": "nobody calls model.train()",
    "the baseline on new images": "it was never trained",
    "improvement: clearly better than the baseline": "nor was the improved network",
    "improvement: well on the way": "nor was the improved network",
    "improvement: close to the solution": "nor was the improved network",
}

# One keyword: it climbs the first step and no other.
MOMENTUM = {
    "improve": """\
def improved_network(train_set, validation_set):
    model = MLP(n_inputs, 64, n_classes).to(device)
    train_loader, _ = make_loaders(train_set, validation_set, BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(EPOCHS):
        train_epoch(model, train_loader, nn.NLLLoss(), optimizer)
    return model
"""
}

IMPROVEMENT = (
    "improvement: clearly better than the baseline",
    "improvement: well on the way",
    "improvement: close to the solution",
)

# An epoch more than there are: it costs all steps.
TOO_LONG = {
    "improve": """\
def improved_network(train_set, validation_set):
    model = MLP(n_inputs, 64, n_classes).to(device)
    train_loader, _ = make_loaders(train_set, validation_set, BATCH)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(EPOCHS + 1):
        train_epoch(model, train_loader, nn.NLLLoss(), optimizer)
    return model
"""
}

# --- the class ---------------------------------------------------------------------------------

DONE_BY_PARTIAL = (
    "prepare",
    "initialise",
    "linear_forward",
    "activations",
    "forward",
    "cost",
    "mlp",
)
KEPT_BY_PARTIAL = (
    "prepare: one row an image",
    "initialise: shapes",
    "initialise: spread of small and He weights",
    "initialise: what starts at zero",
    "initialise: the seed decides",
    "linear step",
    "ReLU",
    "sigmoid",
    "forward: a single layer",
    "forward: several layers",
    "forward: caches",
    "cost of some predictions",
    "cost of certain predictions",
    "MLP: shape and number of parameters",
    "MLP: rows are log-probabilities",
    "MLP: the scores of the classes",
)


def class_of(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what each member of the class handed in, by exercise."""
    assert set(OTHERWISE) == set(solved)
    return {
        "otherwise": OTHERWISE,
        "partial": {name: solved[name] for name in DONE_BY_PARTIAL},
        "no_mean_no_logarithm, too_long": solved | NO_MEAN_NO_LOGARITHM | TOO_LONG,
        "wrong_derivative_shifted_labels, momentum": solved
        | WRONG_DERIVATIVE_SHIFTED_LABELS
        | MOMENTUM,
        "learns_nothing": solved | LEARNS_NOTHING,
    }


@pytest.fixture(scope="module")
def graded() -> Graded:
    return grade(LAB, class_of)


def test_corrupt_data_is_said_in_one_line_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrupt = tmp_path / "fashion_mnist" / "train-images-idx3-ubyte"
    corrupt.parent.mkdir()
    corrupt.write_bytes(b"an error page of the server")
    monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path))
    monkeypatch.setenv("LAB_PROFILE", "full")
    lab = read_lab(load_course(Path(__file__).resolve().parents[2]), LAB)
    with pytest.raises(RuntimeError) as caught:
        exec(lab.of_role("given")[0].code, {})
    assert "fashion_mnist/train-images-idx3-ubyte" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.heavy
def test_other_ways_to_write_it_earn_every_mark(graded: Graded) -> None:
    judgement = graded.assessments["otherwise"].judgement
    assert (judgement.score, judgement.max_score) == (80, 80)
    assert graded.lost("otherwise") == set()


@pytest.mark.heavy
def test_partial_submission_earns_what_is_done(graded: Graded) -> None:
    assert graded.lost("partial") == set(graded.marks) - set(KEPT_BY_PARTIAL)


@pytest.mark.heavy
def test_running_all_of_a_partial_notebook_reaches_its_end(graded: Graded) -> None:
    assert first_error(graded.assessments["partial"].notebook) is None


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("member", "lost"),
    [
        # an epoch beyond the budget costs every step
        (
            "no_mean_no_logarithm, too_long",
            {*LOST_BY_NO_MEAN_NO_LOGARITHM, *IMPROVEMENT},
        ),
        # a single keyword climbs the first step alone
        (
            "wrong_derivative_shifted_labels, momentum",
            {*LOST_BY_WRONG_DERIVATIVE_SHIFTED_LABELS, *IMPROVEMENT[1:]},
        ),
        ("learns_nothing", LOST_BY_LEARNS_NOTHING),
    ],
)
def test_a_mistake_costs_the_checks_that_it_makes_wrong(
    graded: Graded, member: str, lost: Collection[str]
) -> None:
    assert graded.lost(member) == set(lost)
