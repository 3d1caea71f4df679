# %% [markdown] lang="es"
# ## 2. Una LSTM en NumPy
#
# La RNN reescribe su cuaderno **entero** a cada paso. La LSTM (Hochreiter y Schmidhuber, 1997) lleva
# dos: un estado oculto $h$, que es lo que enseña, y un **estado de celda** $c$, arriba en el dibujo,
# por el que la información viaja casi sin tocarse. Tres puertas, sigmoides entre 0 y 1, deciden
# qué se borra ($f$, *forget*), qué se apunta ($i$, *input*) y qué se enseña ($o$, *output*). La del
# olvido llegó tres años después que las otras dos (Gers, Schmidhuber y Cummins, 2000):
#
# $$\begin{pmatrix} i\\ f\\ g\\ o\end{pmatrix} =
# \begin{pmatrix}\sigma\\ \sigma\\ \tanh\\ \sigma\end{pmatrix}(W_x\,x_t + W_h\,h_{t-1} + b)
# \qquad c_t = f \odot c_{t-1} + i \odot g \qquad h_t = o \odot \tanh(c_t)$$
#
# El camino de $c_{t-1}$ a $c_t$ es una **suma** y un producto por $f$; no hay matriz ni tanh de por
# medio. Guarda esa idea para dentro de un rato.

# %% [markdown] lang="en"
# ## 2. An LSTM in NumPy
#
# The RNN rewrites its **whole** notebook at every step. The LSTM (Hochreiter and Schmidhuber, 1997)
# keeps two: a hidden state $h$, which is what it shows, and a **cell state** $c$, along the top of
# the drawing, where information travels almost untouched. Three gates, sigmoids between 0 and 1,
# decide what is erased ($f$, *forget*), what is written down ($i$, *input*) and what is shown
# ($o$, *output*). The forget gate came three years after the other two (Gers, Schmidhuber and
# Cummins, 2000):
#
# $$\begin{pmatrix} i\\ f\\ g\\ o\end{pmatrix} =
# \begin{pmatrix}\sigma\\ \sigma\\ \tanh\\ \sigma\end{pmatrix}(W_x\,x_t + W_h\,h_{t-1} + b)
# \qquad c_t = f \odot c_{t-1} + i \odot g \qquad h_t = o \odot \tanh(c_t)$$
#
# The way from $c_{t-1}$ to $c_t$ is a **sum** and a product with $f$; no matrix and no tanh stands
# in between. Keep that in mind for later.


# %% role="given"
def draw_lstm(ax):
    """Draw an LSTM's cell: the cell state along the top, the gates below."""
    blank(ax, 11, 6.1)
    enclose(ax, 5.4, 3.0, 8.2, 4.4)
    arrow(ax, (0.5, 4.6), (2.36, 4.6))  # the cell state
    arrow(ax, (2.84, 4.6), (4.76, 4.6))
    arrow(ax, (5.24, 4.6), (10.4, 4.6))
    dot(ax, 2.6, 4.6, "×")
    dot(ax, 5.0, 4.6, "+")
    dot(ax, 5.0, 3.3, "×")
    dot(ax, 7.8, 2.6, "×")
    arrow(ax, (0.5, 1.3), (6.6, 1.3), head=False)  # the state and the input reach every gate
    arrow(ax, (1.8, 0.25), (1.8, 1.3), head=False)
    for x, name, text, colour in [
        (2.6, "f", "σ", 0),
        (3.9, "i", "σ", 0),
        (5.0, "g", "tanh", 1),
        (6.6, "o", "σ", 0),
    ]:
        arrow(ax, (x, 1.3), (x, 1.72))
        box(ax, x, 2.0, text, colour, width=0.85)
        ax.text(x + 0.12, 2.42, f"${name}$", fontsize=12)
    arrow(ax, (2.6, 2.28), (2.6, 4.36))
    arrow(ax, (3.9, 2.28), (3.9, 3.3), (4.76, 3.3))
    arrow(ax, (5.0, 2.28), (5.0, 3.06))
    arrow(ax, (5.0, 3.54), (5.0, 4.36))
    arrow(ax, (6.6, 2.28), (6.6, 2.6), (7.56, 2.6))
    arrow(ax, (7.8, 4.6), (7.8, 3.93))
    box(ax, 7.8, 3.65, "tanh", 5, width=0.85)
    arrow(ax, (7.8, 3.37), (7.8, 2.84))
    arrow(ax, (7.8, 2.36), (7.8, 1.3), (10.4, 1.3))
    arrow(ax, (8.8, 1.3), (8.8, 5.6))
    for x, y, text in [(0.5, 4.95, "$c_{t-1}$"), (10.2, 4.95, "$c_t$"), (0.5, 1.65, "$h_{t-1}$"),
                       (10.2, 1.65, "$h_t$"), (1.5, 0.3, "$x_t$"), (8.8, 5.85, "$h_t$")]:  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=13)


with plots.style():
    draw_lstm(plt.subplots(figsize=(7.6, 4.2), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="lstm_step" lang="es"
# Escribe un paso, ya por lotes. Las cuatro puertas comparten matriz: $W_x$ es (4H, V), con las
# filas en el orden de PyTorch, $i, f, g, o$. Un solo producto y luego cortar en cuatro es más
# rápido que cuatro productos. Devuelve también las puertas, ya activadas: hacen falta a la vuelta.

# %% [markdown] exercise="lstm_step" lang="en"
# Write one step, by batches at once. The four gates share a matrix: $W_x$ is (4H, V), its rows in
# PyTorch's order, $i, f, g, o$. One product cut into four afterwards is faster than four products.
# Return the gates, too, after their activation: they are needed on the way back.


# %% role="exercise" id="lstm_step" title_es="Un paso de la LSTM" title_en="One step of the LSTM" difficulty=2 minutes=12
def lstm_step(
    params: dict, x: np.ndarray, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the next hidden state (B, H), the next cell state (B, H) and the gates (B, 4H).

    ``x`` is (B, V), ``h`` and ``c`` are (B, H); ``params`` holds W_x (4H, V), W_h (4H, H) and
    b (4H,). The gates, in the order i, f, g, o, are those after their sigmoid or tanh.
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(x @ params["W_x"].T + h @ params["W_h"].T + params["b"], 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c_next = f * c + i * g
    return o * tanh(c_next), c_next, np.concatenate([i, f, g, o], axis=-1)
    ### END SOLUTION


# %% role="check" id="lstm_step_check" points=4
def drawn_lstm(rng, hidden, vocabulary):
    """Draw the weights of an LSTM and of its output layer."""
    shapes = {
        "W_x": (4 * hidden, vocabulary),
        "W_h": (4 * hidden, hidden),
        "b": (4 * hidden,),
        "W_hy": (vocabulary, hidden),
        "b_y": (vocabulary,),
    }
    return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}


def drawn_step(rng, hidden, batch):
    """Draw weights, an input and the states of one step."""
    states = rng.uniform(-0.9, 0.9, size=(2, batch, hidden))
    return drawn_lstm(rng, hidden, 4), np.eye(4)[rng.integers(0, 4, size=batch)], *states


tick.call(
    {"es": "estado de celda y puertas", "en": "cell state and gates"},
    lambda params, x, h, c: lstm_step(params, x, h, c)[1:],
    cases=lambda rng: [drawn_step(rng, hidden, batch) for hidden, batch in [(2, 1), (5, 3)]],
    marks=2,
    hint={
        "es": "Orden i, f, g, o; g lleva tanh y las otras tres, sigmoide. Lo viejo se multiplica por f y lo nuevo por i.",
        "en": "Order i, f, g, o; g takes tanh and the other three a sigmoid. The old is multiplied by f and the new by i.",
    },
)
tick.call(
    {"es": "estado oculto", "en": "hidden state"},
    lambda params, x, h, c: lstm_step(params, x, h, c)[0],
    cases=lambda rng: [drawn_step(rng, hidden, batch) for hidden, batch in [(2, 1), (5, 3)]],
    marks=2,
    hint={
        "es": "Lo que se enseña es o por la tanh de la celda nueva, no de la antigua.",
        "en": "What is shown is o times the tanh of the new cell state, not of the old one.",
    },
)

# %% [markdown] exercise="lstm_back" lang="es"
# Y ahora de vuelta. Llegan $\delta h_t$ y $\delta c_t$ desde la derecha y hay que devolver
# $\delta h_{t-1}$ y $\delta c_{t-1}$. La celda recibe dos gradientes, el suyo y el que baja de
# $h_t$:
#
# $$\delta c = \delta c_t + \delta h_t \odot o \odot (1 - \tanh^2 c_t) \qquad
# \delta o = \delta h_t \odot \tanh c_t$$
# $$\delta i = \delta c \odot g \qquad \delta g = \delta c \odot i \qquad
# \delta f = \delta c \odot c_{t-1} \qquad \delta c_{t-1} = \delta c \odot f$$
#
# Después cada puerta pasa por la derivada de su función, que se escribe con su salida: $s(1-s)$
# para la sigmoide y $1 - s^2$ para la tanh. El resto son productos como los de la RNN. Usa las
# puertas que recibes y calcula $c_t$ a partir de ellas.

# %% [markdown] exercise="lstm_back" lang="en"
# And now back again. $\delta h_t$ and $\delta c_t$ arrive from the right, and $\delta h_{t-1}$ and
# $\delta c_{t-1}$ are to be returned. The cell gets two gradients, its own and the one that comes
# down from $h_t$:
#
# $$\delta c = \delta c_t + \delta h_t \odot o \odot (1 - \tanh^2 c_t) \qquad
# \delta o = \delta h_t \odot \tanh c_t$$
# $$\delta i = \delta c \odot g \qquad \delta g = \delta c \odot i \qquad
# \delta f = \delta c \odot c_{t-1} \qquad \delta c_{t-1} = \delta c \odot f$$
#
# Then every gate goes through the derivative of its function, which is written with its output:
# $s(1-s)$ for the sigmoid and $1 - s^2$ for the tanh. The rest are products like those of the RNN.
# Use the gates that you are given, and compute $c_t$ from them.


# %% role="exercise" id="lstm_back" title_es="Un paso hacia atrás" title_en="One step back" difficulty=3 minutes=25
def lstm_step_backward(
    params: dict,
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    gates: np.ndarray,
    d_h: np.ndarray,
    d_c: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the gradients of h and c, both (B, H), and of W_x, W_h and b, summed over the batch.

    ``x``, ``h`` and ``c`` are what the step read, ``gates`` (B, 4H) what it returned; ``d_h`` and
    ``d_c`` (B, H) are the gradients of the states that came out of it.
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(gates, 4, axis=-1)
    shown = tanh(f * c + i * g)
    d_c = d_c + d_h * o * (1 - shown**2)
    d_inner = np.concatenate(
        [
            d_c * g * i * (1 - i),
            d_c * c * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * shown * o * (1 - o),
        ],
        axis=-1,
    )  # (B, 4H)
    gradients = {"W_x": d_inner.T @ x, "W_h": d_inner.T @ h, "b": d_inner.sum(axis=0)}
    return d_inner @ params["W_h"], d_c * f, gradients
    ### END SOLUTION


# %% role="check" id="lstm_back_check" points=6
def drawn_step_back(rng, hidden, batch):
    """Draw a step, its gates and the gradients that come from the right."""
    gates = rng.uniform(0.1, 0.9, size=(batch, 4 * hidden))
    gates[:, 2 * hidden : 3 * hidden] = rng.uniform(-0.9, 0.9, size=(batch, hidden))
    return *drawn_step(rng, hidden, batch), gates, *rng.normal(size=(2, batch, hidden))


tick.call(
    {"es": "gradientes de los estados", "en": "gradients of the states"},
    lambda params, x, h, c, gates, d_h, d_c: lstm_step_backward(params, x, h, c, gates, d_h, d_c)[
        :2
    ],
    cases=lambda rng: [drawn_step_back(rng, hidden, batch) for hidden, batch in [(2, 1), (4, 3)]],
    marks=3,
    hint={
        "es": "¿Sumas a d_c lo que llega desde h antes de usarlo? δc_{t-1} es ese total por f; δh_{t-1}, lo que entra en las puertas por W_h.",
        "en": "Do you add to d_c what comes from h before using it? δc_{t-1} is that total times f; δh_{t-1}, what enters the gates times W_h.",
    },
)
tick.call(
    {"es": "gradientes de los pesos", "en": "gradients of the weights"},
    lambda params, x, h, c, gates, d_h, d_c: lstm_step_backward(params, x, h, c, gates, d_h, d_c)[
        2
    ],
    cases=lambda rng: [drawn_step_back(rng, hidden, batch) for hidden, batch in [(2, 1), (4, 3)]],
    marks=3,
    hint={
        "es": "Mismo orden i, f, g, o que a la ida, cada una con su derivada. Las formas son las de W_x, W_h y b.",
        "en": "The same order i, f, g, o as on the way out, each with its derivative. The shapes are those of W_x, W_h and b.",
    },
)

# %% [markdown] lang="es"
# El recorrido en el tiempo ya lo conoces, así que te lo damos hecho. Antes de entrenar, la misma
# auditoría que a la RNN: diferencias finitas y `nn.LSTM` con tus pesos.

# %% [markdown] lang="en"
# You know the walk through time by now, so here it is. Before training, the same audit as for the
# RNN: finite differences, and `nn.LSTM` with your weights.


# %% role="given"
def lstm_run(params, inputs):
    """Return what each step read and its gates, and the logits (T, B, V), of inputs (T, B, V)."""
    h = c = np.zeros((inputs.shape[1], params["W_h"].shape[1]))
    read, hiddens = [], []
    for x in inputs:
        before = (x, h, c)
        h, c, gates = map(np.asarray, lstm_step(params, *before))
        read.append((*before, gates))
        hiddens.append(h)
    hiddens = np.array(hiddens)  # (T, B, H)
    return read, hiddens, hiddens @ params["W_hy"].T + params["b_y"]


def lstm_gradients(params, inputs, targets, mask):
    """Return the mean nats a real token, and their gradients, of an LSTM on a padded batch."""
    read, hiddens, logits = lstm_run(params, inputs)
    loss = np.average(cross_entropy(logits, targets), weights=mask)
    d_logits = output_gradient(logits, targets) * mask[..., None] / mask.sum()
    gradients = {name: np.zeros_like(values) for name, values in params.items()}
    gradients["W_hy"] = np.einsum("tbv,tbh->vh", d_logits, hiddens)
    gradients["b_y"] = d_logits.sum(axis=(0, 1))
    d_h = d_c = np.zeros_like(hiddens[0])
    for step, d_logit in zip(reversed(read), reversed(d_logits), strict=True):
        d_h, d_c, more = lstm_step_backward(params, *step, d_h + d_logit @ params["W_hy"], d_c)
        for name, values in more.items():
            gradients[name] = gradients[name] + values
    return loss, gradients


def new_lstm(hidden, vocabulary, rng):
    """Return the parameters of an LSTM before its training."""
    bias = np.zeros(4 * hidden)
    bias[hidden : 2 * hidden] = 1  # sigmoid(1) = 0.73: at first each step keeps that share of c
    return {
        "W_x": 0.3 * rng.normal(size=(4 * hidden, vocabulary)),
        "W_h": np.vstack([np.asarray(orthogonal(hidden, rng)) for _ in range(4)]),
        "b": bias,
        "W_hy": 0.1 * rng.normal(size=(vocabulary, hidden)),
        "b_y": np.zeros(vocabulary),
    }


with once_done():
    rng = np.random.default_rng(run_seed())
    params = new_lstm(6, VOCABULARY, rng)
    inputs, targets, mask = padded_batch([["a"] * n + ["b"] * n + ["EOS"] for n in (4, 4)])
    compare_with_differences(
        lambda params: lstm_gradients(params, inputs, targets, mask), params, rng
    )
    _, gradients = lstm_gradients(params, inputs, targets, mask)
    order = ["W_x", "W_h", "b", "W_hy", "b_y"]
    compare_with_autograd(
        [gradients[name] * mask.sum() for name in order],
        nn.LSTM(VOCABULARY, 6),
        [params[name] for name in order],
        inputs,
        targets,
    )

# %% [markdown] lang="es"
# Entrenamos las dos redes por lotes, con los mismos datos, las mismas épocas y el mismo tamaño de
# estado. Solo cambia el paso: la LSTM aguanta uno cinco veces mayor. (Dáselo también a la RNN y mira
# su curva: es un experimento de diez segundos.)

# %% [markdown] lang="en"
# We train both networks by batches, on the same data, for the same epochs and with the same size
# of state. Only the step differs: the LSTM bears one five times as long. (Give it to the RNN, too,
# and look at its curve: the experiment takes ten seconds.)


# %% role="given"
def train_batched(new, gradients_of, lr):
    """Train a NumPy network by padded batches; return its parameters and its history."""
    return train(
        new(HIDDEN, VOCABULARY, np.random.default_rng(run_seed())),
        [padded_batch(group) for group in in_batches(train_set, budget(full=16, quick=8))],
        padded_batch(validation_set),
        lambda params, batch: gradients_of(params, *batch),
        lambda params, velocity, gradients: momentum_step(
            params, velocity, clip_by_norm(gradients, MAX_NORM), lr, MOMENTUM
        ),
        epochs=budget(full=40, quick=15),
    )


with once_done():
    models["LSTM"], histories["LSTM"] = train_batched(new_lstm, lstm_gradients, lr=0.5)
BATCHED_RNN = tr(es="RNN por lotes", en="batched RNN")
with once_done():
    _, histories[BATCHED_RNN] = train_batched(new_rnn, batch_gradients, lr=0.1)
with once_done():
    ax = plots.loss_curve(
        {
            f"{name}, {text}": histories[name][part]
            for name in (BATCHED_RNN, "LSTM")
            for part, text in CURVES.items()
        }
    )
    ax.axhline(FLOOR, color=plots.TEXT, linewidth=1, linestyle=":")
    ax.set(ylabel=LOSS_LABEL, ylim=(0, None))
    plt.show()


# %% role="check" id="lstm_trained_check" covers="lstm_step,lstm_back" points=3
def lstm_classes(params, beginnings):
    """Return the most probable class after each beginning, for an LSTM."""
    lengths = [len(tokens) for tokens in beginnings]
    ids = np.zeros((max(lengths), len(beginnings)), dtype=int)
    for column, tokens in enumerate(beginnings):
        ids[: lengths[column], column] = [token_to_id[token] for token in tokens]
    logits = lstm_run(params, np.eye(VOCABULARY)[ids])[2]
    last = np.array(lengths) - 1
    best = logits[last, np.arange(len(beginnings))].argmax(axis=-1)
    return [CLASSES.index(id_to_token[int(token)]) for token in best]


tick.predictions(
    {"es": "LSTM en secuencias no vistas", "en": "LSTM on hidden sequences"},
    lambda beginnings: lstm_classes(models["LSTM"], beginnings),
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=({"es": "siempre b", "en": "always b"}, always_b),
    marks=3,
    hint={
        "es": "Mira primero la auditoría de arriba: con un gradiente equivocado la pérdida no llega al suelo.",
        "en": "Look at the audit above first: with a wrong gradient the loss does not reach the floor.",
    },
)

# %% [markdown] lang="es"
# **¿Cuánto llega al principio?** Hagamos la pregunta que da sentido a todo esto: si la pérdida está
# en el último paso, ¿qué gradiente llega al **primero**? Medimos su norma con redes sin entrenar
# y secuencias cada vez más largas. Cada curva es la media de varios sorteos; fíjate en que el eje
# es logarítmico.
#
# Mira la RNN ortogonal: su matriz no encoge nada y aun así el gradiente se apaga, solo que más
# despacio. El que encoge es el otro factor: en cada paso se multiplica también por
# $1 - h_t^2 \le 1$, la derivada de la tanh, y solo vale 1 si el estado es 0.

# %% [markdown] lang="en"
# **How much reaches the beginning?** Let us ask the question that all this is about: if the loss
# is at the last step, what gradient arrives at the **first**? We measure its norm with untrained
# networks and longer and longer sequences. Each curve is the mean of several draws; notice that
# the axis is logarithmic.
#
# Look at the orthogonal RNN: its matrix shrinks nothing, and yet the gradient fades, only more
# slowly. It is the other factor that shrinks: each step also multiplies by $1 - h_t^2 \le 1$, the
# derivative of the tanh, which is 1 only where the state is 0.


# %% role="given"
def reach(cell, steps):
    """Return the mean norm of the gradient at step 1 of a random direction of the last state."""
    ids = torch.randint(0, 4, (steps, 16))
    inputs = nn.functional.one_hot(ids, 4).float().requires_grad_()  # (T, B, V)
    last = cell(inputs)[0][-1]
    direction = nn.functional.normalize(torch.randn_like(last), dim=-1)
    (gradient,) = torch.autograd.grad((last * direction).sum(), inputs)
    return gradient[0].norm(dim=-1).mean().item()


def fresh_rnn(is_orthogonal):
    """Return an ``nn.RNN`` as PyTorch starts it, or with an orthogonal recurrent matrix."""
    cell = nn.RNN(4, HIDDEN)
    if is_orthogonal:
        nn.init.orthogonal_(cell.weight_hh_l0)
    return cell


def fresh_lstm(forget_bias):
    """Return an ``nn.LSTM`` whose forget gates have this bias."""
    cell = nn.LSTM(4, HIDDEN)
    with torch.no_grad():
        cell.bias_ih_l0[HIDDEN : 2 * HIDDEN] = forget_bias
        cell.bias_hh_l0[HIDDEN : 2 * HIDDEN] = 0
    return cell


torch.manual_seed(run_seed())
lengths = [1, 2, 5, 10, 20, 40, 80]
forget_bias = tr(es="sesgo del olvido", en="forget bias")
reached = {
    name: [
        np.mean([reach(make(), steps) for _ in range(budget(full=5, quick=2))]) for steps in lengths
    ]
    for name, make in {
        tr(es="RNN, como empieza en PyTorch", en="RNN, PyTorch's start"): lambda: fresh_rnn(False),
        tr(es="RNN, ortogonal", en="RNN, orthogonal"): lambda: fresh_rnn(True),
        f"LSTM, {forget_bias} 0 (f ≈ 0.5)": lambda: fresh_lstm(0.0),
        f"LSTM, {forget_bias} 3 (f ≈ 0.95)": lambda: fresh_lstm(3.0),
    }.items()
}
ax = plots.curves(
    reached,
    ylabel=tr(es="norma del gradiente en el paso 1", en="gradient norm at step 1"),
    xlabel=tr(es="longitud de la secuencia", en="sequence length"),
    x=lengths,
    log=True,
)
ax.set_ylim(1e-18, 1)
ax.legend(loc="lower left")
plt.show()

# %% [markdown] role="question" id="curve_differs" points=2 lang="es"
# ¿En qué se diferencian las curvas de la LSTM y de la RNN? ¿A qué atribuyes esa diferencia?
#
# ### BEGIN SOLUTION
# La LSTM llega al suelo en muchas menos épocas (unas diez, frente a veinte o treinta) y con una
# curva más lisa; la RNN baja en dientes de sierra y a veces da un salto hacia arriba cuando ya
# estaba abajo. En la RNN un cambio pequeño de $W_{hh}$ se multiplica a cada paso, así que la pérdida
# es muy irregular; en la LSTM la cuenta se lleva sumando en la celda y el gradiente llega sin
# deformarse. Por eso aguanta un paso cinco veces mayor, con el que la RNN no llega a aprender. En
# ambas, el recorte evita que un pico arruine el entrenamiento. (Vale cualquier descripción que se
# apoye en las curvas propias.)
# ### END SOLUTION

# %% [markdown] role="question" id="curve_differs" points=2 lang="en"
# How do the curves of the LSTM and of the RNN differ? What do you put that difference down to?
#
# ### BEGIN SOLUTION
# The LSTM reaches the floor in far fewer epochs (about ten, against twenty or thirty) and on a
# smoother curve; the RNN falls in saw teeth and sometimes jumps up when it was already down. In the
# RNN a small change of $W_{hh}$ is multiplied at every step, so its loss is very uneven; the LSTM
# counts by adding in its cell, and the gradient arrives undistorted. That is why it bears a step
# five times as long, with which the RNN does not get to learn. In both, clipping keeps a spike from
# ruining the training. (Any description that rests on the student's own curves will do.)
# ### END SOLUTION

# %% [markdown] role="question" id="long_memory" points=2 lang="es"
# Con el dibujo de la celda y el experimento del gradiente delante: ¿por qué una LSTM **puede**
# conservar dependencias largas? ¿Las conserva siempre?
#
# ### BEGIN SOLUTION
# Por el camino de la celda, $\partial c_t/\partial c_{t-1} = f$ (más lo que pasa por las puertas):
# no se multiplica una y otra vez por la misma matriz ni por la derivada de una tanh. Si la puerta
# del olvido está abierta, $f \approx 1$, el gradiente y la información llegan casi intactos. Pero
# no siempre: con sesgo 0, $f \approx 0.5$ y el producto $0.5^T$ se desvanece igual que el de la
# RNN. La diferencia es que la LSTM puede *aprender* a dejar la puerta abierta, y empezar con un
# sesgo positivo le ayuda: con 1, como la nuestra, $f \approx 0.73$; con 3, $f \approx 0.95$
# (Jozefowicz et al., 2015). Una RNN ortogonal no puede: la derivada de su tanh la encoge a cada paso.
# ### END SOLUTION

# %% [markdown] role="question" id="long_memory" points=2 lang="en"
# With the drawing of the cell and the gradient experiment before you: why **can** an LSTM keep long
# dependencies? Does it always?
#
# ### BEGIN SOLUTION
# Along the cell, $\partial c_t/\partial c_{t-1} = f$ (and what passes through the gates): there is
# no multiplying by the same matrix again and again, nor by the derivative of a tanh. If the forget
# gate is open, $f \approx 1$, gradient and information arrive almost intact. But not always: with
# bias 0, $f \approx 0.5$, and the product $0.5^T$ vanishes just as the RNN's does. The difference
# is that an LSTM can *learn* to leave the gate open, and starting with a positive bias helps: with
# 1, like ours, $f \approx 0.73$; with 3, $f \approx 0.95$ (Jozefowicz et al., 2015). An orthogonal
# RNN cannot: the derivative of its tanh shrinks it at every step.
# ### END SOLUTION
