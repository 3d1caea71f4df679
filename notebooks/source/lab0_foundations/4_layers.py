# %% [markdown] lang="es"
# ## 5. Capas ocultas
#
# XOR vale 1 si sus dos entradas son distintas. Dibuja los cuatro casos en un papel: ninguna recta
# deja los unos a un lado y los ceros al otro, así que una red de una capa no puede aprenderlo.
# Una **capa oculta** dobla el plano: lleva los puntos a otro sitio, donde la recta sí existe
# (Goodfellow et al., 2016, sección 6.1).
#
# $$h = \mathrm{ReLU}(x W_1 + b_1) \qquad z = h\, w_2 + b_2 \qquad \mathrm{ReLU}(a) = \max(a, 0)$$
#
# Sin la ReLU no serviría de nada: $(xW_1)w_2 = x(W_1 w_2)$ vuelve a ser una sola capa.

# %% [markdown] lang="en"
# ## 5. Hidden layers
#
# XOR is 1 if its two inputs differ. Draw the four cases on paper: no straight line leaves the ones on
# one side and the zeros on the other, so a network of one layer cannot learn it. A **hidden layer**
# folds the plane: it takes the points to another place, where the line does exist (Goodfellow et al.,
# 2016, section 6.1).
#
# $$h = \mathrm{ReLU}(x W_1 + b_1) \qquad z = h\, w_2 + b_2 \qquad \mathrm{ReLU}(a) = \max(a, 0)$$
#
# Without the ReLU it would be useless: $(xW_1)w_2 = x(W_1 w_2)$ is one single layer again.


# %% role="exercise" id="hidden_layer" title_es="Hacia delante" title_en="Forward" difficulty=1 minutes=5
def hidden_layer(
    X: np.ndarray, W1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden values h, shape (N, H), and the logits z, shape (N,).

    Shapes: X (N, D), W1 (D, H), b1 (H,), w2 (H,).
    """
    ### BEGIN SOLUTION
    hidden = np.maximum(X @ W1 + b1, 0)
    return hidden, hidden @ w2 + b2
    ### END SOLUTION


# %% role="check" id="hidden_layer_check" points=2
def drawn_network(rng, cases, inputs, hidden, shift):
    """Draw inputs and the weights of a network with one hidden layer, with logits near a shift."""
    sizes = [(cases, inputs), (inputs, hidden), hidden, hidden]
    return (*(rng.normal(size=size) for size in sizes), shift + rng.normal())


tick.call(
    {"es": "capa oculta y logits", "en": "hidden layer and logits"},
    lambda X, W1, b1, w2, b2: np.column_stack(hidden_layer(X, W1, b1, w2, b2)),
    cases=lambda rng: [
        drawn_network(rng, 6, 2, 3, shift=0),
        drawn_network(rng, 5, 4, 4, shift=-30),  # all logits are negative
        drawn_network(rng, 1, 3, 8, shift=30),
    ],
    marks=2,
    hint={
        "es": "¿Devuelves las dos cosas, (h, z)? La ReLU va sobre h, sesgo incluido, y no sobre z, que puede ser negativo.",
        "en": "Do you return both, (h, z)? The ReLU goes on h, bias included, and not on z, which may be negative.",
    },
)

# %% [markdown] exercise="xor_weights" lang="es"
# Resuelve XOR a mano, con dos neuronas ocultas. Una idea: que la primera **cuente** cuántas entradas
# valen 1 y la segunda se encienda solo cuando valen 1 **las dos**. ¿Qué combinación da 0, 1, 1, 0?
#
# Aquí la salida ya vale 0 o 1, así que la frontera entre las dos clases está en 0.5. Un logit la tiene
# en 0: para convertir esta salida en uno bastaría con restarle 0.5.

# %% [markdown] exercise="xor_weights" lang="en"
# Solve XOR by hand, with two hidden units. An idea: let the first one **count** how many inputs are 1,
# and let the second light up only when **both** are. Which combination gives 0, 1, 1, 0?
#
# Here the output itself is 0 or 1, so the border between the classes lies at 0.5. That of a logit lies at
# 0: to make this output one, it would be enough to take away 0.5.


# %% role="exercise" id="xor_weights" title_es="XOR con lápiz y papel" title_en="XOR with pencil and paper" difficulty=2 minutes=10
def xor_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return W1 (2, 2), b1 (2,), w2 (2,) and b2 whose output is exactly the XOR of 0s and 1s."""
    ### BEGIN SOLUTION
    W1 = np.array([[1, 1], [1, 1]])
    b1 = np.array([0, -1])
    w2 = np.array([1, -2])
    return W1, b1, w2, 0.0
    ### END SOLUTION


# %% role="check" id="xor_weights_check" points=2
def apply_network(X, W1, b1, w2, b2):
    """Return the output of a network with two hidden units."""
    found = tuple(map(np.shape, (W1, b1, w2)))
    assert found == ((2, 2), (2,), (2,)), tr(
        es=f"se esperaban W1 (2, 2), b1 (2,) y w2 (2,), y hay {found}",
        en=f"expected W1 (2, 2), b1 (2,) and w2 (2,), found {found}",
    )
    W1, b1, w2, b2 = (np.asarray(part) for part in (W1, b1, w2, b2))
    return np.maximum(X @ W1 + b1, 0) @ w2 + b2


tick.call(
    {"es": "XOR a mano", "en": "XOR by hand"},
    lambda X: apply_network(X, *xor_weights()),
    cases=lambda rng: [
        (rng.integers(0, 2, size=(12, 2)),),
        (rng.permutation([[0, 0], [0, 1], [1, 0], [1, 1]]),),
    ],
    marks=2,
    tol=0.01,
    hint={
        "es": "Escribe la tabla de (0,0), (0,1), (1,0) y (1,1): h1 = x1 + x2 y h2 = max(x1 + x2 - 1, 0). ¿Cuánto hay que restar de h2?",
        "en": "Write the table of (0,0), (0,1), (1,0) and (1,1): h1 = x1 + x2 and h2 = max(x1 + x2 - 1, 0). How much of h2 must be taken away?",
    },
)

# %% [markdown] exercise="make_network" lang="es"
# Y ahora, que lo aprenda sola, con puntos ruidosos alrededor de las esquinas. Construye en PyTorch
# una red con una capa oculta que dé **logits**: la sigmoide ya está dentro de la pérdida. Prueba qué
# pasa con muy pocas neuronas: la solución existe, pero el descenso no siempre la encuentra (por eso la
# celda siguiente prueba hasta seis comienzos distintos); con unas cuantas de sobra es mucho más fácil.

# %% [markdown] exercise="make_network" lang="en"
# And now let it learn by itself, from noisy points around the corners. Build a network with a hidden
# layer in PyTorch that gives **logits**: the sigmoid is already in the loss. Try what happens with very few
# units: the solution exists, but descent does not always find it (which is why the next cell tries up to
# six different starts); with some to spare it is much easier.


# %% role="exercise" id="make_network" title_es="Que lo aprenda la red" title_en="Let the network learn it" difficulty=1 minutes=8
def make_network() -> nn.Module:
    """Return a network from points, shape (N, 2), to logits, shape (N, 1)."""
    ### BEGIN SOLUTION
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    ### END SOLUTION


# %% role="given"
def draw_xor(rng, count):
    """Draw noisy points around the corners of a square, (N, 2), and their XOR, (N,)."""
    corners = rng.integers(0, 2, size=(count, 2))
    return corners + rng.normal(scale=0.15, size=(count, 2)), corners[:, 0] ^ corners[:, 1]


def train_xor(network, points, labels, steps=300):
    """Train a network with Adam on all the points at once."""
    inputs, truth = torch.tensor(points).float(), torch.tensor(labels).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(
            network(inputs).reshape(-1), truth
        ).backward()
        optimizer.step()
    return network


def classify(network, points):
    """Return the class, 0 or 1, of each point: (N, 2) -> (N,)."""
    with torch.no_grad():
        return (network(torch.tensor(points).float()).reshape(-1) > 0).int().numpy()


def train_from_several_starts(make, starts=6):
    """Train fresh networks until one fits the points; return the one that fits them best."""
    trained = []
    for _ in range(starts):
        network = train_xor(make(), xor_points, xor_labels)
        trained.append((np.mean(classify(network, xor_points) != xor_labels), network))
        if trained[-1][0] < 0.05:
            break
    return min(trained, key=lambda pair: pair[0])[1]


torch.manual_seed(run_seed())
xor_points, xor_labels = draw_xor(np.random.default_rng(run_seed()), 200)
line = train_xor(nn.Linear(2, 1), xor_points, xor_labels)
with once_done():
    network = train_from_several_starts(make_network)


# %% role="check" id="make_network_check" points=3
def signs_of_logits(points):
    """Return how many outputs fresh networks give, and whether large ones have either sign."""
    outputs = []
    with torch.no_grad():
        for _ in range(20):
            fresh = make_network()
            for weights in fresh.parameters():
                weights *= 10
            outputs.append(fresh(torch.tensor(points).float()).reshape(-1))
    outputs = torch.stack(outputs)
    return outputs.shape[1], bool(torch.any(outputs < -2)), bool(torch.any(outputs > 2))


with tick.marks(3, {"es": "XOR en puntos nuevos", "en": "XOR on unseen points"}):
    tick.call(
        {"es": "logits de los dos signos", "en": "logits of either sign"},
        lambda points: signs_of_logits(points),
        cases=lambda rng: [(10 * rng.normal(size=(rng.integers(50, 200), 2)),)],
        hint={
            "es": "Un logit puede ser cualquier número, uno por punto: ¿acaba la red en una capa lineal? Una sigmoide final repite la de la pérdida, y una ReLU final no deja salir negativos.",
            "en": "A logit may be any number, one a point: does the network end in a linear layer? A final sigmoid repeats the loss's own, and a final ReLU lets no negative number out.",
        },
    )
    tick.predictions(
        {"es": "clase de puntos nuevos", "en": "class of unseen points"},
        lambda points: classify(network, points),
        hidden=lambda rng: draw_xor(rng, 400),
        metric="accuracy",
        baseline=({"es": "siempre 1", "en": "always 1"}, lambda points: np.ones(len(points))),
        share=0.8,
        hint={
            "es": "Una recta no pasa del 75 %: ¿hay algo no lineal entre las dos capas? ¿Y neuronas suficientes?",
            "en": "A line gets no further than 75%: is there something non-linear between the two layers? And are there enough units?",
        },
    )


# %% role="given"
def draw_regions(ax, decide, title):
    """Shade where ``decide`` answers 1 and draw the training points over it."""
    side = np.linspace(-0.6, 1.6, 150)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    regions = decide(plane).reshape(150, 150)
    ax.contourf(side, side, regions, levels=[-0.5, 0.5, 1.5], colors=plots.COLOURS[:2], alpha=0.2)
    for label in (0, 1):
        ax.plot(
            *xor_points[xor_labels == label].T,
            plots.MARKERS[label],
            color=plots.COLOURS[label],
            markersize=4,
        )
    ax.set(title=title, aspect="equal")


with once_done():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    by_hand = [np.asarray(part) for part in xor_weights()]
    folded = np.asarray(hidden_layer(corners, *by_hand)[0])
    weights, shift = by_hand[2:]
    kinds = tr(es="una capa", en="one layer"), tr(es="capa oculta", en="hidden layer")
    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
    for ax, model, name in zip(axes, (line, network), kinds, strict=False):
        share = np.mean(classify(model, xor_points) == xor_labels)
        title = tr(es=f"{name}: {100 * share:.0f} % de aciertos", en=f"{name}: {share:.0%} right")
        draw_regions(ax, lambda points, model=model: classify(model, points), title)
    for point in np.unique(folded.round(6), axis=0):  # where two may have come together
        (a, b), *others = corners[(folded.round(6) == point).all(axis=1)]
        axes[2].plot(*point, plots.MARKERS[a ^ b], color=plots.COLOURS[a ^ b], markersize=9)
        axes[2].annotate(
            "\n".join(f"({a}, {b})" for a, b in [(a, b), *others]),
            point,
            xytext=(0, -9 if a ^ b else 9),
            textcoords="offset points",
            ha="center",
            va="top" if a ^ b else "bottom",
        )
    spans = [
        np.linspace(low - 0.6, high + 0.6, 60)
        for low, high in zip(folded.min(0), folded.max(0), strict=True)
    ]
    outputs = np.stack(np.meshgrid(*spans), axis=-1) @ weights + shift
    axes[2].contour(*spans, outputs, levels=[0.5], colors=plots.TEXT, linestyles="--")
    title = tr(es="tu capa oculta dobla el plano", en="your hidden layer folds the plane")
    axes[2].set(title=title, xlabel="h1", ylabel="h2")
    plt.show()

# %% [markdown] lang="es"
# A la izquierda, lo que aprende una sola capa: ninguna recta pasa del 75 %, y el entrenamiento ni
# siquiera llega a eso. En el centro, la red con capa oculta. A la derecha, las cuatro esquinas vistas
# por *tu* capa oculta: allí basta la línea discontinua, donde tu salida vale 0.5.

# %% [markdown] lang="en"
# On the left, what a single layer learns: no line gets beyond 75%, and training does not even reach
# that. In the middle, the network with a hidden layer. On the right, the four corners as *your* hidden
# layer sees them: there, the dashed line, where your output is 0.5, is enough.

# %% [markdown] exercise="autograd" lang="es"
# **Hacia atrás.** ¿De dónde salieron los gradientes que movieron esa red? De la **regla de la cadena**,
# aplicada al grafo de la cuenta. Cada operación guarda su valor, de qué nodos nació y cuánto cambia con
# cada uno (`slopes`, sus derivadas parciales). Si $L$ depende de $x$ por varios caminos, todos **suman**:
#
# $$\frac{\partial L}{\partial x} = \sum_{y \text{ nace de } x} \frac{\partial L}{\partial y}\,\frac{\partial y}{\partial x}$$
#
# Un nodo solo puede repartir su gradiente cuando lo tiene entero, es decir, cuando ya han repartido todos
# los que nacen de él. Un **orden topológico** pone cada nodo después de aquellos de los que nace; recorrido
# al revés es justo el orden que hace falta. Eso, con tensores en vez de números, es `loss.backward()`
# (Baydin et al., 2018).
#
# Completa las cuatro piezas. En `order`, cada nodo aparece una sola vez, aunque se use varias.

# %% [markdown] exercise="autograd" lang="en"
# **Backwards.** Where did the gradients that moved that network come from? From the **chain rule**, applied
# to the graph of the computation. Each operation keeps its value, the nodes that it was made from and how
# much it changes with each (`slopes`, its partial derivatives). If $L$ depends on $x$ by several ways, all of
# them **add up**:
#
# $$\frac{\partial L}{\partial x} = \sum_{y \text{ made from } x} \frac{\partial L}{\partial y}\,\frac{\partial y}{\partial x}$$
#
# A node can hand on its gradient only when it has all of it: when all that were made from it have handed on
# theirs. A **topological order** puts each node after those that it was made from; read backwards, it is
# exactly the order needed. That, with tensors in place of numbers, is `loss.backward()` (Baydin et al., 2018).
#
# Complete the four pieces. In `order` each node appears only once, even if it is used several times.


# %% role="exercise" id="autograd" title_es="Tu propio autograd" title_en="An autograd of your own" difficulty=3 minutes=30
class Node:
    """A number of a computation: its value, what it was made from, its slope in each of those."""

    def __init__(self, value: float, parents: tuple["Node", ...] = (), slopes: tuple = ()):
        self.value, self.parents, self.slopes = value, parents, slopes
        self.grad = 0.0  # the derivative in this node of the one that `backward` was called on

    def __add__(self, other: "Node") -> "Node":
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other: "Node") -> "Node":
        """Return the product, with its slope in each factor."""
        ### BEGIN SOLUTION
        return Node(self.value * other.value, (self, other), (other.value, self.value))
        ### END SOLUTION

    def relu(self) -> "Node":
        """Return max(value, 0); where the value is 0, the slope is 0."""
        ### BEGIN SOLUTION
        return Node(max(self.value, 0.0), (self,), (float(self.value > 0),))
        ### END SOLUTION

    def order(self) -> list["Node"]:
        """Return all that this node depends on, each after what it was made from, itself last."""
        ### BEGIN SOLUTION
        seen, ordered = set(), []

        def visit(node):
            if node not in seen:
                seen.add(node)
                for parent in node.parents:
                    visit(parent)
                ordered.append(node)

        visit(self)
        return ordered
        ### END SOLUTION

    def backward(self) -> None:
        """Leave in the grad of each node of `order` this one's derivative in it, and nothing older."""
        ### BEGIN SOLUTION
        ordered = self.order()
        for node in ordered:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(ordered):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += slope * node.grad
        ### END SOLUTION


# %% role="check" id="autograd_check" points=5
SHAPES = {  # what each node is made from, by number
    "used twice": [(), (0, 0)],
    "a long way and a short one": [(), (0,), (1,), (2, 0), (3, 1)],
    "not all used": [(), (), (0, 1), (0, 0), (1, 2), (4, 2)],
}


def drawn_shape(rng, count=12):
    """Draw what each node is made from: nothing at first, then any two nodes before it."""
    return [(), ()] + [tuple(rng.integers(0, n, size=2).tolist()) for n in range(2, count)]


def drawn_slopes(rng, shape):
    """Draw the slope of each node in each that it is made from."""
    return [rng.normal(size=len(parents)).tolist() for parents in shape]


def built(make, shape, slopes):
    """Return the nodes of a graph."""
    nodes = []
    for parents, slopes_of_one in zip(shape, slopes, strict=True):
        nodes.append(make(1.0, tuple(nodes[n] for n in parents), tuple(slopes_of_one)))
    return nodes


def slopes_of(a, b):
    """Return value and slopes of a product, a square and two ReLUs."""
    first, second = Node(a), Node(b)
    made = first * second, first * first, first.relu(), (second + first).relu()
    return [[float(number) for number in (node.value, *node.slopes)] for node in made]


def what_order_says(shape):
    """Return how many nodes the order of the last one has, and whether all are in their place."""
    nodes = built(Node, shape, [[1.0] * len(parents) for parents in shape])
    found = list(nodes[-1].order())
    placed = [all(parent in found[:n] for parent in node.parents) for n, node in enumerate(found)]
    return len(found), all(placed), found[-1] is nodes[-1]


class Ordered(Node):
    """A node whose order is given, so that a mistake in one method costs one check."""

    def order(self):
        return [node for node in self.graph if node in self.needed()]

    def needed(self):
        return {self}.union(*(parent.needed() for parent in self.parents))


def gradients_of(shape, slopes):
    """Return all gradients after going back from the last node but one, and then from the last."""
    nodes = built(Ordered, shape, slopes)
    for node in nodes:
        node.graph = nodes
    nodes[-2].backward()
    nodes[-1].backward()
    return [float(node.grad) for node in nodes]


tick.call(
    {"es": "valor y derivadas de cada operación", "en": "value and slopes of each operation"},
    lambda a, b: slopes_of(a, b),
    cases=lambda rng: [
        (a, b)
        for one in (rng.uniform(0.3, 0.9),)
        for a, b in [(one, -2 * one), (-one, 3 * one), (0.0, one), (one, -one)]
    ],
    marks=1,
    hint={
        "es": "La derivada de a·b respecto a a es b, y respecto a b es a. La de la ReLU es 1 si el valor es positivo y 0 si no, también en el 0.",
        "en": "The derivative of a·b in a is b, and in b it is a. That of the ReLU is 1 where the value is positive, else 0, also at 0.",
    },
)
tick.call(
    {"es": "orden topológico", "en": "topological order"},
    lambda shape: what_order_says(shape),
    cases=lambda rng: [(shape,) for shape in (*SHAPES.values(), drawn_shape(rng))],
    marks=1,
    hint={
        "es": "Visita primero, uno tras otro, los nodos de los que nace; añade el tuyo después. Si ya lo has visitado, no lo repitas.",
        "en": "First visit, one by one, the nodes that it was made from; add it afterwards. If you were there already, do not repeat it.",
    },
)
tick.call(
    {"es": "gradientes de un grafo", "en": "gradients of a graph"},
    lambda shape, slopes: gradients_of(shape, slopes),
    cases=lambda rng: [
        (shape, drawn_slopes(rng, shape)) for shape in (*SHAPES.values(), drawn_shape(rng))
    ],
    marks=3,
    hint={
        "es": "La raíz empieza con 1 y los demás con 0, también la segunda vez. Recorre el orden al revés: cada nodo SUMA slope · grad al gradiente de cada uno de los suyos.",
        "en": "The root begins with 1 and the others with 0, the second time, too. Go through the order backwards: each node ADDS slope · grad to the gradient of each of its own.",
    },
)


# %% role="given"
def xor_loss(number, weights):
    """Return the squared error of a network with two hidden units, number by number."""
    a1, a2, a3, b1, b2, b3, c1, c2, c3 = weights
    loss = number(0.0)
    for x1, x2 in np.ndindex(2, 2):
        h1 = (a1 * number(float(x1)) + a2 * number(float(x2)) + a3).relu()
        h2 = (b1 * number(float(x1)) + b2 * number(float(x2)) + b3).relu()
        error = c1 * h1 + c2 * h2 + c3 + number(-float(x1 != x2))
        loss = loss + error * error
    return loss


def gradient_by(number, drawn):
    """Return the gradient of that error in weights that ``number`` makes."""
    weights = [number(weight) for weight in drawn]
    xor_loss(number, weights).backward()
    return [float(weight.grad) for weight in weights]


drawn = np.random.default_rng(run_seed()).normal(size=9).tolist()
compare(
    tr(es="tu grafo y PyTorch", en="your graph and PyTorch"),
    lambda: gradient_by(Node, drawn),
    lambda: gradient_by(
        lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True), drawn
    ),
)

# %% [markdown] exercise="train_with" lang="es"
# **Tu Adam entrena una red de verdad.** Ya tienes las dos mitades: quien calcula gradientes y quien da
# los pasos. Únelas para una red de PyTorch con varios tensores de pesos. Cada tensor necesita **su propio**
# optimizador: la memoria de uno no le sirve a otro. Los tensores se cambian en el sitio (dentro de
# `torch.no_grad()`), para que la red los vea.

# %% [markdown] exercise="train_with" lang="en"
# **Your Adam trains a real network.** You have both halves: one that finds gradients and one that takes
# steps. Join them for a PyTorch network with several tensors of weights. Each tensor needs an optimiser of
# **its own**: the memory of one is of no use to another. The tensors are changed in place (inside
# `torch.no_grad()`), so that the network sees it.


# %% role="exercise" id="train_with" title_es="Tu Adam, en una red de verdad" title_en="Your Adam on a real network" difficulty=2 minutes=12
def train_with(make_optimizer, parameters: list[torch.Tensor], loss_of, steps: int) -> list[float]:
    """Change the parameters in place, ``steps`` times; return the loss before each step.

    ``loss_of()`` is the loss, a tensor, of the parameters as they are. ``make_optimizer()`` is a
    fresh optimiser, whose ``step(w, gradient)`` takes NumPy arrays and returns the new weights.
    """
    ### BEGIN SOLUTION
    optimizers = [make_optimizer() for _ in parameters]
    losses = []
    for _ in range(steps):
        loss = loss_of()
        gradients = torch.autograd.grad(loss, parameters)
        losses.append(loss.item())
        with torch.no_grad():
            for optimizer, w, gradient in zip(optimizers, parameters, gradients, strict=True):
                w.copy_(torch.as_tensor(optimizer.step(w.numpy(), gradient.numpy())))
    return losses
    ### END SOLUTION


# %% role="check" id="train_with_check" points=2
class Heavy:
    """An optimiser with a memory, not the student's."""

    def __init__(self):
        self.v = 0.0

    def step(self, w, gradient):
        both = isinstance(w, np.ndarray) and isinstance(gradient, np.ndarray)
        assert both, tr(es="step espera arrays de NumPy", en="step takes NumPy arrays")
        self.v = 0.8 * self.v + gradient
        return w - 0.02 * self.v


def train_drawn(X, y, u, v, steps):
    """Train a model with two tensors of weights; return them below each other, and the losses."""
    X, y = torch.tensor(X), torch.tensor(y)
    u, v = (torch.tensor(weights, requires_grad=True) for weights in (u, v))
    losses = train_with(
        Heavy, [u, v], lambda: torch.mean((torch.tanh(X @ u) + X @ v - y) ** 2), steps
    )
    return np.concatenate([u.detach().numpy(), v.detach().numpy(), np.asarray(losses)])


tick.call(
    {"es": "pesos y pérdidas de un entrenamiento", "en": "weights and losses of a training"},
    lambda X, y, u, v, steps: train_drawn(X, y, u, v, steps),
    cases=lambda rng: [
        (rng.normal(size=(20, 3)), rng.normal(size=20), *rng.normal(size=(2, 3)), steps)
        for steps in (1, 2, 15)
    ],
    marks=2,
    hint={
        "es": "¿Creas los optimizadores una sola vez, uno por tensor? ¿Se acumula el gradiente de un paso a otro? La pérdida se apunta antes de mover los pesos.",
        "en": "Do you make the optimisers only once, one for each tensor? Does the gradient pile up from step to step? The loss is noted before the weights move.",
    },
)

# %% role="given"
handwritten = load_digits()
images = torch.tensor(handwritten.data / 16).float()  # (1797, 64), of 8 × 8 pixels
numerals = torch.tensor(handwritten.target)


def fresh_network():
    """Return a network from images of digits to the logits of 10 classes, always the same one."""
    torch.manual_seed(run_seed())
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def loss_on_digits(network):
    return nn.functional.cross_entropy(network(images[:1000]), numerals[:1000])


class Flat:
    """An optimiser that sees the weights of each tensor in one row, as in the valley."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self, w, gradient):
        return np.asarray(self.optimizer.step(w.ravel(), gradient.ravel())).reshape(w.shape)


with once_done():
    steps = budget(full=150, quick=30)
    yours, theirs = fresh_network(), fresh_network()
    optimizer, their_losses = torch.optim.Adam(theirs.parameters(), lr=0.01), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_on_digits(theirs)
        loss.backward()
        optimizer.step()
        their_losses.append(loss.item())
    your_losses = train_with(
        lambda: Flat(Adam(0.01)), list(yours.parameters()), lambda: loss_on_digits(yours), steps
    )
    plots.curves(
        {tr(es="tu Adam", en="your Adam"): your_losses, "torch.optim.Adam": their_losses},
        ylabel=tr(es="entropía cruzada", en="cross-entropy"),
        xlabel=tr(es="paso", en="step"),
        log=True,
    )
    plt.show()
    right = torch.mean((yours(images[1000:]).argmax(dim=1) == numerals[1000:]).float()).item()
    print(
        tr(
            es=f"tu red acierta el {100 * right:.0f} % de 797 dígitos que no ha visto",
            en=f"your network gets {right:.0%} of 797 unseen digits right",
        )
    )

# %% [markdown] lang="es"
# ## 6. Embeddings: filas de una matriz
#
# Una red no lee palabras, lee números. Numerarlas no basta (¿es «gato», la 7, más que «casa», la 3?),
# así que a cada palabra se le da un **vector** propio: la fila de una matriz $E$ de forma $(V, D)$,
# que se entrena como cualquier otro peso (Bengio et al., 2003; Mikolov et al., 2013).
#
# Buscar la fila $i$ es lo mismo que multiplicar por un vector *one-hot*, todo ceros y un uno en $i$:

# %% [markdown] lang="en"
# ## 6. Embeddings: rows of a matrix
#
# A network does not read words, it reads numbers. Numbering them is not enough (is “cat”, number 7,
# more than “house”, number 3?), so each word gets a **vector** of its own: a row of a matrix $E$ of
# shape $(V, D)$, trained like any other weight (Bengio et al., 2003; Mikolov et al., 2013).
#
# Looking up row $i$ is the same as multiplying by a *one-hot* vector, all zeros and a one at $i$:

# %% role="given"
E = np.array(
    [[0.2, -0.5, 0.1], [0.9, 0.3, -0.2], [0.8, 0.4, -0.1], [-0.6, 0.1, 0.7], [0.0, 0.5, 0.5]]
)
one_hot = np.eye(5)[[2]]
draw_matrices(
    (tr(es="one-hot de la palabra 2", en="one-hot of word 2"), one_hot, (0, 2)),
    (tr(es="por E", en="times E"), E, np.s_[2, :]),
    (tr(es="= fila 2", en="= row 2"), one_hot @ E, np.s_[0, :]),
)
plt.show()

# %% [markdown] exercise="embed" lang="es"
# Multiplicar por una matriz casi toda de ceros sería tirar el tiempo: en su lugar, se indexa. Los números
# de las palabras pueden venir en cualquier forma (una frase, un lote de frases, un lote vacío), y el
# resultado añade una dimensión al final.

# %% [markdown] exercise="embed" lang="en"
# Multiplying by a matrix of almost nothing but zeros would waste time: index instead. The word numbers
# may come in any shape (a sentence, a batch of sentences, an empty batch), and the result has one more
# dimension at the end.


# %% role="exercise" id="embed" title_es="Buscar filas" title_en="Look up rows" difficulty=1 minutes=3
def embed(ids: np.ndarray, E: np.ndarray) -> np.ndarray:
    """Return the vectors of word numbers of any shape: (...) and (V, D) -> (..., D)."""
    ### BEGIN SOLUTION
    return E[ids]
    ### END SOLUTION


# %% role="check" id="embed_check" points=2
tick.call(
    {"es": "embedding de palabras", "en": "embedding of words"},
    lambda ids, E: embed(ids, E),
    cases=lambda rng: [
        (rng.integers(0, 6, size=shape), rng.normal(size=(6, 4)))
        for shape in [5, (3, 7), (2, 1), 0]
    ],
    marks=2,
    hint={
        "es": "NumPy acepta un array de enteros como índice, de la forma que sea.",
        "en": "NumPy takes an array of whole numbers as an index, whatever its shape.",
    },
)

# %% [markdown] exercise="embedding_gradient" lang="es"
# **¿Y hacia atrás?** En la derivada solo reciben algo las filas que se usaron, y una palabra que sale
# tres veces recibe **la suma** de tres gradientes. Aquí está la trampa: `gradient[ids] += upstream`
# solo cuenta una de las repeticiones.

# %% [markdown] exercise="embedding_gradient" lang="en"
# **And backwards?** In the derivative only the rows that were used receive anything, and a word that
# appears three times receives **the sum** of three gradients. Here is the trap:
# `gradient[ids] += upstream` counts only one of the repetitions.


# %% role="exercise" id="embedding_gradient" title_es="El gradiente de una tabla" title_en="The gradient of a table" difficulty=2 minutes=8
def embedding_gradient(ids: np.ndarray, upstream: np.ndarray, V: int) -> np.ndarray:
    """Return the gradient of the loss in E, shape (V, D).

    ``ids`` (N,) are the words that were looked up, ``upstream`` (N, D) the gradients of the loss
    in the vectors they gave.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros((V, upstream.shape[1]))
    np.add.at(gradient, ids, upstream)
    return gradient
    ### END SOLUTION


# %% role="check" id="embedding_gradient_check" points=3
tick.call(
    {"es": "gradiente de palabras distintas", "en": "gradient of distinct words"},
    lambda ids, upstream, V: embedding_gradient(ids, upstream, V),
    cases=lambda rng: [(rng.permutation(8)[:5], rng.normal(size=(5, 3)), 9)],
    marks=1,
    hint={
        "es": "La forma es la de E, (V, D), y las filas que no se usaron quedan a cero.",
        "en": "The shape is that of E, (V, D), and rows that were not used stay at zero.",
    },
)
tick.call(
    {"es": "gradiente de palabras repetidas", "en": "gradient of repeated words"},
    lambda ids, upstream, V: embedding_gradient(ids, upstream, V),
    cases=lambda rng: [
        (rng.integers(0, 3, size=9), rng.normal(size=(9, 2)), 5),
        (np.full(4, 2), rng.normal(size=(4, 3)), 3),
    ],
    marks=2,
    hint={
        "es": "Una palabra repetida debe sumar todos sus gradientes: np.add.at, un bucle o un producto con one-hot traspuesta.",
        "en": "A repeated word must add up all its gradients: np.add.at, a loop, or a product with the transposed one-hot.",
    },
)

# %% role="given"
words = torch.tensor([[1, 4, 1], [0, 1, 4]])
table = torch.tensor(E, requires_grad=True)
nn.functional.embedding(words, table).pow(2).sum().backward()
compare(
    tr(es="búsqueda", en="lookup"),
    lambda: embed(words.numpy(), E),
    lambda: nn.functional.embedding(words, table).detach(),
)
compare(
    tr(es="gradiente", en="gradient"),
    lambda: embedding_gradient(words.numpy().ravel(), 2 * E[words.numpy().ravel()], len(E)),
    lambda: table.grad,
)

# %% [markdown] lang="es"
# **Por qué funciona.** Las palabras que frecuentan las mismas compañías acaban con vectores parecidos.
# Se ve incluso sin red: contamos qué palabras son vecinas en unas frases de juguete y resumimos la
# tabla de recuentos. Nadie ha dicho qué es un animal, una fruta o una ciudad.

# %% [markdown] lang="en"
# **Why it works.** Words that keep the same company end up with similar vectors. It shows even without
# a network: count which words are neighbours in some toy sentences and condense the table of counts.
# Nobody said what an animal, a fruit or a city is.

# %% role="given"
animal, fruit, city = tr(es="animal fruta ciudad", en="animal fruit city").split()
subjects = {
    animal: tr(es="gato perro caballo ratón", en="cat dog horse mouse"),
    fruit: tr(es="manzana pera ciruela naranja", en="apple pear plum peach"),
    city: "Lima Quito Cádiz Oviedo",
}
company = {
    animal: tr(
        es="el {} duerme aquí, mi {} come carne, el {} corre mucho, un {} bebe agua, mi {} huye deprisa",
        en="the {} sleeps here, my {} eats meat, the {} runs fast, one {} drinks water, my {} hides well",
    ),
    fruit: tr(
        es="una buena {} es dulce, mi {} está madura, la dulce {} cae, pela esta {} verde, otra {} en almíbar",
        en="a ripe {} is sweet, my {} is ripe, the sweet {} falls, peel this {} first, another {} in syrup",
    ),
    city: tr(
        es="mañana volamos a {}, vivimos en {} ahora, el tren a {} sale, las calles de {} de noche, nació cerca de {}",
        en="we fly to {} tomorrow, we live in {} now, the train to {} leaves, all streets of {} at night, born near {}",
    ),
}
rng = np.random.default_rng(run_seed())
sentences = [
    rng.choice(company[kind].split(", ")).format(names.split()[turn % 4]).split()
    for kind, names in subjects.items()
    for turn in range(16)
]
tokens = sorted({token for sentence in sentences for token in sentence})
counts = np.zeros((len(tokens), len(tokens)))
for sentence in sentences:
    places = [tokens.index(token) for token in sentence]
    for i, place in enumerate(places):
        for neighbour in places[max(0, i - 2) : i] + places[i + 1 : i + 3]:
            counts[place, neighbour] += 1
names = [(name, kind) for kind, listed in subjects.items() for name in listed.split()]
rows = np.log1p(counts[[tokens.index(name) for name, _ in names]])
with plots.style():
    figure, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
ax.margins(x=0.12)  # room for the names at the edges
plots.embedding_map(
    rows, labels=[name for name, _ in names], groups=[kind for _, kind in names], ax=ax
)
plt.show()

# %% [markdown] lang="es"
# **No solo palabras.** Todo lo que se puede numerar se puede convertir en filas de una tabla. En
# **recomendación**, hay una fila por usuario y otra por película, y la red aprende de las dos si se van a
# gustar (He et al., 2017); YouTube resumía lo que alguien había visto en la media de los vectores de esos
# vídeos y buscaba después los más cercanos (Covington et al., 2016). En **visión**, las caras de una misma
# persona acaban cerca y las de otras, lejos (Schroff et al., 2015), y un Transformer trata como palabras
# los trozos de una imagen: cada uno se convierte en un vector con una misma capa lineal (Dosovitskiy et al.,
# 2021).

# %% [markdown] lang="en"
# **Not only words.** Whatever can be numbered can become rows of a table. In **recommendation** there is a
# row for each user and one for each film, and the network learns from both whether they will get on (He et
# al., 2017); YouTube summed up what someone had watched as the mean of those videos' vectors, and then looked
# for the nearest ones (Covington et al., 2016). In **vision**, faces of one person end up close together and
# those of others far away (Schroff et al., 2015), and a Transformer treats pieces of an image as words: the
# same linear layer makes a vector of each (Dosovitskiy et al., 2021).

# %% [markdown] lang="es"
# ## 7. El paso recurrente
#
# Para leer una secuencia de cualquier longitud con los mismos pesos, la red guarda un **estado** $h$
# y lo renueva con cada elemento $x_t$:
#
# $$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$$
#
# Es la misma función en todos los instantes: lo que cambia es lo que recuerda.

# %% [markdown] lang="en"
# ## 7. The recurrent step
#
# To read a sequence of any length with the same weights, the network keeps a **state** $h$ and renews
# it with each element $x_t$:
#
# $$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$$
#
# It is the same function at every instant: what changes is what it remembers.


# %% role="exercise" id="rnn_step" title_es="Un paso a mano" title_en="One step by hand" difficulty=1 minutes=4
def rnn_step(
    x: np.ndarray, h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return the next state, shape (N, H).

    Shapes: x (N, D), h (N, H), Wx (D, H), Wh (H, H), b (H,).
    """
    ### BEGIN SOLUTION
    return np.tanh(x @ Wx + h @ Wh + b)
    ### END SOLUTION


# %% role="check" id="rnn_step_check" points=2
tick.call(
    {"es": "paso recurrente", "en": "recurrent step"},
    lambda x, h, Wx, Wh, b: rnn_step(x, h, Wx, Wh, b),
    cases=lambda rng: [
        tuple(rng.normal(size=size) for size in [(n, d), (n, k), (d, k), (k, k), k])
        for n, d, k in [(4, 3, 5), (1, 2, 2), (3, 6, 1)]
    ],
    marks=2,
    hint={
        "es": "Si las formas no encajan, revisa el orden: x @ Wx y h @ Wh. ¿La tangente hiperbólica va al final de todo?",
        "en": "If the shapes do not fit, look at the order: x @ Wx and h @ Wh. Does the hyperbolic tangent come last of all?",
    },
)

# %% [markdown] exercise="unroll" lang="es"
# **Desenrollar.** Aplica un paso a cada instante y guarda todos los estados. El paso llega como
# argumento, `step(x_t, h)`, de modo que este bucle sirve igual para una RNN, una LSTM o una GRU.

# %% [markdown] exercise="unroll" lang="en"
# **Unrolling.** Apply a step at each instant and keep all the states. The step comes as an argument,
# `step(x_t, h)`, so that this loop serves an RNN, an LSTM or a GRU alike.


# %% role="exercise" id="unroll" title_es="Leer la secuencia" title_en="Read the sequence" difficulty=2 minutes=6
def unroll(step, X: np.ndarray, h0: np.ndarray) -> np.ndarray:
    """Return the states after each element, shape (N, T, H), from X (N, T, D) and h0 (N, H)."""
    ### BEGIN SOLUTION
    states, h = [], h0
    for t in range(X.shape[1]):
        h = step(X[:, t], h)
        states.append(h)
    return np.stack(states, axis=1)
    ### END SOLUTION


# %% role="check" id="unroll_check" points=2
def unroll_drawn(X, h0, Wx, Wh):
    """Unroll a step that is given here, not the student's."""
    return unroll(lambda x, h: np.tanh(x @ Wx + h @ Wh), X, h0)


tick.call(
    {"es": "estados de una secuencia", "en": "states of a sequence"},
    lambda X, h0, Wx, Wh: unroll_drawn(X, h0, Wx, Wh),
    cases=lambda rng: [
        tuple(rng.normal(size=size) for size in [(n, t, d), (n, k), (d, k), (k, k)])
        for n, t, d, k in [(3, 5, 2, 4), (5, 3, 3, 3), (2, 1, 3, 2), (1, 6, 1, 2)]
    ],
    marks=2,
    hint={
        "es": "El tiempo es el eje 1 de X. El resultado tiene T estados: h0 no se incluye. ¿Cada paso recibe el estado que dejó el anterior?",
        "en": "Time is axis 1 of X. The result has T states: h0 is not among them. Does each step get the state that the one before left?",
    },
)

# %% role="given"
torch.manual_seed(run_seed())
theirs = nn.RNN(input_size=3, hidden_size=4, batch_first=True).double()
X, h0 = torch.randn(2, 7, 3).double(), torch.zeros(1, 2, 4).double()
Wx, Wh, bx, bh = (weight.detach().numpy() for weight in theirs.parameters())
compare(
    tr(es="la tuya y nn.RNN", en="yours and nn.RNN"),
    lambda: unroll(lambda x, h: rnn_step(x, h, Wx.T, Wh.T, bx + bh), X.numpy(), h0[0].numpy()),
    lambda: theirs(X, h0)[0].detach(),
)

# %% [markdown] lang="es"
# **Lo que cuesta recordar.** El gradiente que llega a un instante lejano ha pasado una vez por $W_h$
# en cada paso. Si $W_h$ encoge los vectores, el gradiente se desvanece; si los estira, puede explotar.
# La **LSTM** (Hochreiter y Schmidhuber, 1997) añade una memoria por la que la señal pasa sin
# multiplicarse, protegida por puertas; la **GRU** (Cho et al., 2014) hace algo parecido con menos
# piezas: mezcla $h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h_t$, y con $z$ cerca de 1 recuerda.

# %% [markdown] lang="en"
# **What it costs to remember.** The gradient that reaches a distant instant has been through $W_h$ once
# for each step. If $W_h$ shrinks vectors, the gradient vanishes; if it stretches them, it may explode.
# The **LSTM** (Hochreiter and Schmidhuber, 1997) adds a memory through which the signal passes without
# being multiplied, guarded by gates; the **GRU** (Cho et al., 2014) does something similar with fewer
# parts: it mixes $h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h_t$, and with $z$ close to 1 it
# remembers.


# %% role="given"
def gradient_reach(scale, keep=0.0, squash=torch.tanh, length=40, size=32):
    """Return how large the gradient of the last state is at each distance back in time."""
    generator = torch.Generator().manual_seed(run_seed())
    Wh = scale * torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    h, states = torch.zeros(size, requires_grad=True), []
    for _ in range(length):
        x = 0.05 * torch.randn(size, generator=generator)
        h = keep * h + (1 - keep) * squash(x + h @ Wh)
        h.retain_grad()
        states.append(h)
    h.sum().backward()
    return [state.grad.norm().item() for state in reversed(states)]


reach = {
    tr(es="Wh encoge: × 0.8", en="Wh shrinks: × 0.8"): gradient_reach(0.8),
    tr(es="Wh conserva la longitud", en="Wh keeps lengths"): gradient_reach(1.0),
    tr(es="Wh estira: × 1.2", en="Wh stretches: × 1.2"): gradient_reach(1.2),
    tr(es="× 1.2, sin la tanh", en="× 1.2, without the tanh"): gradient_reach(
        1.2, squash=nn.Identity()
    ),
    tr(es="× 0.8, con puerta z = 0.9", en="× 0.8, with gate z = 0.9"): gradient_reach(
        0.8, keep=0.9
    ),
}
plots.curves(
    reach,
    ylabel=tr(es="tamaño del gradiente", en="size of the gradient"),
    xlabel=tr(es="pasos hacia atrás en el tiempo", en="steps back in time"),
    x=range(40),
    log=True,
)
plt.show()

# %% [markdown] lang="es"
# ¿Por qué la curva de × 1.2 es casi plana y solo crece a la derecha? Porque el estado ha crecido hasta
# donde la $\tanh$ se aplana, y allí su derivada, menor que 1, deshace lo que $W_h$ estira; solo en los
# primeros instantes, con el estado aún pequeño, se nota el 1.2. Sin la $\tanh$, el gradiente se multiplica
# por 1.2 en cada paso: $1.2^{39} \approx 1200$. Y con la puerta se apaga mucho más despacio que con × 0.8
# a secas.

# %% [markdown] lang="en"
# Why is the curve of × 1.2 almost flat, and grows only on the right? Because the state has grown to where the
# $\tanh$ is flat, and its derivative there, less than 1, undoes what $W_h$ stretches; only in the first
# instants, while the state is small, does the 1.2 show. Without the $\tanh$ the gradient is multiplied by 1.2
# at each step: $1.2^{39} \approx 1200$. And with the gate it fades much more slowly than with × 0.8 alone.
