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
def drawn_network(rng, cases, inputs, hidden):
    """Draw inputs and the weights of a network with one hidden layer."""
    sizes = [(cases, inputs), (inputs, hidden), hidden, hidden]
    return (*(rng.normal(size=size) for size in sizes), rng.normal())


tick.call(
    {"es": "capa oculta y logits", "en": "hidden layer and logits"},
    lambda X, W1, b1, w2, b2: np.column_stack(hidden_layer(X, W1, b1, w2, b2)),
    cases=lambda rng: [drawn_network(rng, *sizes) for sizes in [(6, 2, 3), (5, 4, 8), (1, 3, 2)]],
    marks=2,
    hint={
        "es": "¿Devuelves las dos cosas, (h, z)? La ReLU va sobre h, no sobre z.",
        "en": "Do you return both, (h, z)? The ReLU goes on h, not on z.",
    },
)

# %% [markdown] exercise="xor_weights" lang="es"
# Resuelve XOR a mano, con dos neuronas ocultas. Una idea: que la primera **cuente** cuántas entradas
# valen 1 y la segunda se encienda solo cuando valen 1 **las dos**. ¿Qué combinación da 0, 1, 1, 0?

# %% [markdown] exercise="xor_weights" lang="en"
# Solve XOR by hand, with two hidden units. An idea: let the first one **count** how many inputs are 1,
# and let the second light up only when **both** are. Which combination gives 0, 1, 1, 0?


# %% role="exercise" id="xor_weights" title_es="XOR con lápiz y papel" title_en="XOR with pencil and paper" difficulty=2 minutes=10
def xor_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return W1 (2, 2), b1 (2,), w2 (2,) and b2 whose logits are exactly the XOR of 0s and 1s."""
    ### BEGIN SOLUTION
    W1 = np.array([[1, 1], [1, 1]])
    b1 = np.array([0, -1])
    w2 = np.array([1, -2])
    return W1, b1, w2, 0.0
    ### END SOLUTION


# %% role="check" id="xor_weights_check" points=2
def apply_network(X, W1, b1, w2, b2):
    """Return the logits of a network with two hidden units."""
    fits = np.shape(W1) == (2, 2) and np.shape(w2) == (2,)
    assert fits, tr(es="se esperaban W1 (2, 2) y w2 (2,)", en="expected W1 (2, 2) and w2 (2,)")
    return np.maximum(X @ np.asarray(W1) + b1, 0) @ np.asarray(w2) + b2


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
# una red con una capa oculta. Prueba qué pasa con muy pocas neuronas: la solución existe, pero el
# descenso no siempre la encuentra; con unas cuantas de sobra es mucho más fácil.

# %% [markdown] exercise="make_network" lang="en"
# And now let it learn by itself, from noisy points around the corners. Build a network with a hidden
# layer in PyTorch. Try what happens with very few units: the solution exists, but descent does not
# always find it; with some to spare it is much easier.


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


torch.manual_seed(run_seed())
xor_points, xor_labels = draw_xor(np.random.default_rng(run_seed()), 200)
line = train_xor(nn.Linear(2, 1), xor_points, xor_labels)
with once_done():
    network = train_xor(make_network(), xor_points, xor_labels)

# %% role="check" id="make_network_check" points=4
tick.predictions(
    {"es": "XOR en puntos nuevos", "en": "XOR on unseen points"},
    lambda points: classify(network, points),
    hidden=lambda rng: draw_xor(rng, 400),
    metric="accuracy",
    baseline=({"es": "siempre 1", "en": "always 1"}, lambda points: np.ones(len(points))),
    share=0.8,
    marks=4,
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
    folded, _ = hidden_layer(corners, *xor_weights())
    weights, shift = xor_weights()[2:]
    kinds = tr(es="una capa", en="one layer"), tr(es="capa oculta", en="hidden layer")
    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
    for ax, model, name in zip(axes, (line, network), kinds, strict=False):
        share = np.mean(classify(model, xor_points) == xor_labels)
        title = tr(es=f"{name}: {100 * share:.0f} % de aciertos", en=f"{name}: {share:.0%} right")
        draw_regions(ax, lambda points, model=model: classify(model, points), title)
    for (a, b), point, below in zip(corners, folded, (9, -17, -29, 9), strict=True):
        axes[2].plot(*point, plots.MARKERS[a ^ b], color=plots.COLOURS[a ^ b], markersize=9)
        axes[2].annotate(
            f"({a}, {b})", point, xytext=(0, below), textcoords="offset points", ha="center"
        )
    spans = [
        np.linspace(low - 0.6, high + 0.6, 60)
        for low, high in zip(folded.min(0), folded.max(0), strict=True)
    ]
    logits = np.stack(np.meshgrid(*spans), axis=-1) @ weights + shift
    axes[2].contour(*spans, logits, levels=[0.5], colors=plots.TEXT, linestyles="--")
    title = tr(es="tu capa oculta dobla el plano", en="your hidden layer folds the plane")
    axes[2].set(title=title, xlabel="h1", ylabel="h2")
    plt.show()

# %% [markdown] lang="es"
# A la izquierda, lo que aprende una sola capa: ninguna recta pasa del 75 %, y el entrenamiento ni
# siquiera llega a eso. En el centro, la red con capa oculta. A la derecha, las cuatro esquinas vistas
# por *tu* capa oculta: allí basta la línea discontinua.

# %% [markdown] lang="en"
# On the left, what a single layer learns: no line gets beyond 75%, and training does not even reach
# that. In the middle, the network with a hidden layer. On the right, the four corners as *your* hidden
# layer sees them: there, the dashed line is enough.

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
    cases=lambda rng: [(rng.permutation(8)[:5], rng.normal(size=(5, 3)), 8)],
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
        es="el {} duerme aquí, mi {} come carne, el {} corre mucho",
        en="the {} sleeps here, my {} eats meat, the {} runs fast",
    ),
    fruit: tr(
        es="una buena {} es dulce, mi {} está madura, la dulce {} cae",
        en="a ripe {} is sweet, my {} is ripe, the sweet {} falls",
    ),
    city: tr(
        es="mañana volamos a {}, vivimos en {} ahora, el tren a {} sale",
        en="we fly to {} tomorrow, we live in {} now, the train to {} leaves",
    ),
}
rng = np.random.default_rng(run_seed())
sentences = [
    rng.choice(company[kind].split(", ")).format(names.split()[turn % 4]).split()
    for kind, names in subjects.items()
    for turn in range(20)
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


# %% role="check" id="unroll_check" points=3
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
    marks=3,
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
def gradient_reach(scale, keep=0.0, length=40, size=32):
    """Return how large the gradient of the last state is at each distance back in time."""
    generator = torch.Generator().manual_seed(run_seed())
    Wh = scale * torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    h, states = torch.zeros(size, requires_grad=True), []
    for _ in range(length):
        x = 0.05 * torch.randn(size, generator=generator)
        h = keep * h + (1 - keep) * torch.tanh(x + h @ Wh)
        h.retain_grad()
        states.append(h)
    h.sum().backward()
    return [state.grad.norm().item() for state in reversed(states)]


reach = {
    tr(es="Wh encoge: × 0.8", en="Wh shrinks: × 0.8"): gradient_reach(0.8),
    tr(es="Wh conserva la longitud", en="Wh keeps lengths"): gradient_reach(1.0),
    tr(es="Wh estira: × 1.2", en="Wh stretches: × 1.2"): gradient_reach(1.2),
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
