"""The primer: an example class graded on it.

Solutions are read from the source; only what is wrong, or right but written otherwise, stands
here. Each member names the checks that it must lose; it keeps all the others.
"""

import pytest

from grading.judging.assess import first_error
from tests.graded_class import Graded, grade

LAB = "lab0_foundations"

# several runs of the lab, on a machine that may be busy
pytestmark = [pytest.mark.kernels, pytest.mark.timeout(900)]

# --- right, written otherwise ------------------------------------------------------------------

OTHERWISE = {
    "matmul": """\
def matmul(A, B):
    if A.shape[-1] != B.shape[0]:
        raise ValueError("inner sizes differ")
    return np.array([[sum(a * b for a, b in zip(row, column)) for column in B.T] for row in A])
""",
    "squared_distances": """\
def squared_distances(X, Y):
    return (X**2).sum(1)[:, None] - 2 * X @ Y.T + (Y**2).sum(1)
""",
    "normal_equations": """\
def normal_equations(X, y):
    return np.linalg.lstsq(X, y, rcond=None)[0]
""",
    "log_sum_exp": """\
def log_sum_exp(logits):
    return np.logaddexp.reduce(logits, axis=1)
""",
    "binary_cross_entropy": """\
def binary_cross_entropy(logits, targets):
    signs = 1 - 2 * targets
    return np.logaddexp(0, signs * logits).mean()
""",
    "cross_entropy": """\
def cross_entropy(logits, targets):
    return nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(targets)).item()
""",
    "adam": """\
class Adam:
    def __init__(self, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.past = []

    def step(self, w, gradient):
        self.past.append(gradient)
        ages = np.arange(len(self.past))[::-1, None]
        first, second = self.beta1**ages, self.beta2**ages
        m = (first * self.past).sum(0) / first.sum()
        v = (second * np.square(self.past)).sum(0) / second.sum()
        return w - self.lr * m / (v**0.5 + self.eps)
""",
    "make_network": """\
def make_network():
    hidden = [nn.Linear(2, 30), nn.Tanh(), nn.Linear(30, 30), nn.Tanh()]
    return nn.Sequential(*hidden, nn.Linear(30, 1))
""",
    "embedding_gradient": """\
def embedding_gradient(ids, upstream, V):
    return np.eye(V)[ids].T @ upstream
""",
    "unroll": """\
def unroll(step, X, h0):
    states = np.empty((*X.shape[:2], h0.shape[1]))
    for t in range(X.shape[1]):
        states[:, t] = step(X[:, t], states[:, t - 1] if t else h0)
    return states
""",
    "count_pairs": """\
def count_pairs(corpus):
    from collections import Counter

    pairs = Counter()
    for word, count in corpus.items():
        for i in range(len(word) - 1):
            pairs[word[i], word[i + 1]] += count
    return pairs
""",
    "early_stopping": """\
def early_stopping(losses, patience):
    last = len(losses)
    for epoch in range(1, len(losses) + 1):
        best = int(np.argmin(losses[:epoch])) + 1
        if epoch - best >= patience:
            last = epoch
            break
    return best, last
""",
    "grid_search": """\
def grid_search(evaluate, rates, sizes):
    losses = np.array([[evaluate(lr, size) for size in sizes] for lr in rates])
    i, j = np.unravel_index(np.nanargmin(losses), losses.shape)
    return rates[i], sizes[j], losses[i, j]
""",
    "choose_settings": """\
def choose_settings():
    return dict(lr=0.05, batch_size=16, epochs=25)
""",
}

# --- wrong in the usual ways -------------------------------------------------------------------

UNSTABLE = {
    "log_sum_exp": """\
def log_sum_exp(logits):
    return np.log(np.exp(logits).sum(axis=1))
""",
    "binary_cross_entropy": """\
def binary_cross_entropy(logits, targets):
    p = 1 / (1 + np.exp(-logits))
    return -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
""",
    "cross_entropy": """\
def cross_entropy(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(targets)), targets]))
""",
    "entropy": """\
def entropy(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    return -np.sum(p * np.log(p), axis=1)
""",
    "range_test": """\
def learning_rates(lowest, highest, count):
    return np.geomspace(lowest, highest, count)


def steepest(rates, losses):
    return rates[np.argmin(np.gradient(losses, np.log(rates)))]
""",
    "grid_search": """\
def grid_search(evaluate, rates, sizes):
    best = None
    for lr in rates:
        for size in sizes:
            loss = evaluate(lr, size)
            if best is None or loss < best[2]:
                best = lr, size, loss
    return best
""",
}

LOST_BY_UNSTABLE = {
    "log-sum-exp of extreme logits": "exp overflows",
    "binary cross-entropy of extreme logits": "the sigmoid rounds to 0 or 1",
    "cross-entropy of extreme logits": "softmax overflows before its logarithm is taken",
    "entropy of predictions": "0 · log 0 is nan",
    "steepest descent of the loss": "argmin takes nan for the least",
    "best of a grid": "nothing is less than a nan that came first",
}

MISREAD = {
    "momentum": """\
class Momentum:
    def __init__(self, lr, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, 0.0

    def step(self, w, gradient):
        self.v = self.momentum * self.v + (1 - self.momentum) * gradient
        return w - self.lr * self.v
""",
    "adagrad": """\
class AdaGrad:
    def __init__(self, lr, eps=1e-10):
        self.lr, self.eps, self.s = lr, eps, 0.0

    def step(self, w, gradient):
        self.s = self.s + gradient**2
        return w - self.lr * gradient / np.sqrt(self.s + self.eps)
""",
    "adam": """\
class Adam:
    def __init__(self, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.m = self.v = 0.0

    def step(self, w, gradient):
        self.m = self.beta1 * self.m + (1 - self.beta1) * gradient
        self.v = self.beta2 * self.v + (1 - self.beta2) * gradient**2
        return w - self.lr * self.m / (np.sqrt(self.v) + self.eps)
""",
    "adamw": """\
class AdamW:
    def __init__(self, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
        self.inner = torch.optim.Adam
        self.options = dict(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
        self.optimizer = None

    def step(self, w, gradient):
        if self.optimizer is None:
            self.w = torch.tensor(w, requires_grad=True)
            self.optimizer = self.inner([self.w], **self.options)
        self.w.grad = torch.tensor(gradient)
        self.optimizer.step()
        return self.w.detach().numpy().copy()
""",
    "batch_norm": """\
class BatchNorm:
    def __init__(self, D, eps=1e-5, momentum=0.1):
        self.eps, self.momentum = eps, momentum
        self.gamma, self.beta = np.ones(D), np.zeros(D)
        self.running_mean, self.running_var = np.zeros(D), np.ones(D)
        self.training = True

    def __call__(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            if len(x) == 1:
                raise ValueError("one case")
            mean, var = x.mean(0), x.var(0, ddof=1)
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * x.var(0)
        return self.gamma * (x - mean) / np.sqrt(var + self.eps) + self.beta
""",
    "early_stopping": """\
def early_stopping(losses, patience):
    best = 1
    for epoch, loss in enumerate(losses, start=1):
        if loss <= losses[best - 1]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(losses)
""",
}

LOST_BY_MISREAD = {
    "momentum, 100 steps": "the gradient enters with 1 - μ in front",
    "AdaGrad, 100 steps": "epsilon is inside the root",
    "Adam, first step": "there is no bias correction",
    "Adam, 100 steps": "there is no bias correction",
    "AdamW, 100 steps": "the decay goes through the gradient, as in Adam",
    "BatchNorm in training mode": "it normalises with the unbiased variance",
    "moving averages of BatchNorm": "it keeps the biased variance",
    "best and last epoch": "a tie counts as better",
}

CARELESS = {
    "matmul": """\
def matmul(A, B):
    if A.shape[1] != B.shape[0]:
        raise ValueError("inner sizes differ")
    return B.T @ A.T
""",
    "mse": """\
def mse(prediction, target):
    return float(np.mean((prediction - target) ** 2))
""",
    "sgd": """\
class SGD:
    def __init__(self, lr):
        self.lr = lr

    def step(self, w, gradient):
        w -= self.lr * gradient
        return w
""",
    "make_network": """\
def make_network():
    return nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 1))
""",
    "embedding_gradient": """\
def embedding_gradient(ids, upstream, V):
    gradient = np.zeros((V, upstream.shape[1]))
    gradient[ids] += upstream
    return gradient
""",
    "unroll": """\
def unroll(step, X, h0):
    states = [h0]
    for t in range(X.shape[1]):
        states.append(step(X[:, t], states[-1]))
    return np.stack(states, axis=1)
""",
    "merge_pair": """\
def merge_pair(pair, corpus):
    text, joined = " ".join(pair), "".join(pair)
    return {
        tuple(" ".join(word).replace(text, joined).split()): count for word, count in corpus.items()
    }
""",
    "batch_norm": """\
class BatchNorm:
    def __init__(self, D, eps=1e-5, momentum=0.1):
        self.eps, self.momentum = eps, momentum
        self.gamma, self.beta = np.ones(D), np.zeros(D)
        self.running_mean, self.running_var = np.zeros(D), np.ones(D)
        self.training = True

    def __call__(self, x):
        if self.training and len(x) < 2:
            raise ValueError("one case")
        mean, var = x.mean(0), x.var(0)
        if self.training:
            n, a = len(x), self.momentum
            self.running_mean = (1 - a) * self.running_mean + a * mean
            self.running_var = (1 - a) * self.running_var + a * var * n / (n - 1)
        return self.gamma * (x - mean) / np.sqrt(var + self.eps) + self.beta
""",
    "choose_settings": """\
def choose_settings():
    return {"lr": 1e-4, "batch_size": 256, "epochs": 3}
""",
}

LOST_BY_CARELESS = {
    "matrix product": "the result is transposed",
    "error of different shapes": "shapes that broadcast are not noticed",
    "SGD, 100 steps": "the weights are changed in place",
    "XOR on unseen points": "two linear layers are one",
    "gradient of repeated words": "+= with an index counts repetitions once",
    "states of a sequence": "the initial state is among them",
    "a merge": "text is replaced, not symbols",
    "BatchNorm in evaluation mode": "it normalises with the batch in both modes",
    "digits nobody has seen": "the rate is far too small",
}

# --- the class ---------------------------------------------------------------------------------

DONE_BY_PARTIAL = ("matmul", "normal_equations", "mse", "cross_entropy", "adam", "hidden_layer")
KEPT_BY_PARTIAL = (
    "matrix product",
    "shapes that do not fit",
    "simple regression",
    "multiple regression",
    "mean squared error",
    "error of different shapes",
    "cross-entropy",
    "cross-entropy of extreme logits",
    "Adam, first step",
    "Adam, 100 steps",
    "hidden layer and logits",
)


def class_of(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what each member of the class handed in, by exercise."""
    return {
        "otherwise": solved | OTHERWISE,
        "partial": {name: solved[name] for name in DONE_BY_PARTIAL},
        "unstable": solved | UNSTABLE,
        "misread": solved | MISREAD,
        "careless": solved | CARELESS,
    }


@pytest.fixture(scope="module")
def graded() -> Graded:
    return grade(LAB, class_of)


@pytest.mark.heavy
def test_other_ways_to_write_it_earn_every_mark(graded: Graded) -> None:
    judgement = graded.assessments["otherwise"].judgement
    assert (judgement.score, judgement.max_score) == (85, 85)
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
        ("unstable", LOST_BY_UNSTABLE),
        ("misread", LOST_BY_MISREAD),
        ("careless", LOST_BY_CARELESS),
    ],
)
def test_a_mistake_costs_its_own_checks_only(
    graded: Graded, member: str, lost: dict[str, str]
) -> None:
    assert graded.lost(member) == set(lost)
