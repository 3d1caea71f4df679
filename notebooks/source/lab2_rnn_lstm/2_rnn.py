# %% [markdown] lang="es"
# ### La celda
#
# Es la misma celda, con los mismos pesos, en cada paso; a la derecha la vemos desenrollada en el
# tiempo. Esa flecha horizontal es toda la memoria que tiene.

# %% [markdown] lang="en"
# ### The cell
#
# It is the same cell, with the same weights, at every step; on the right we see it unrolled in
# time. That horizontal arrow is all the memory it has.


# %% role="given"
def draw_rnn(ax):
    """Draw an RNN's cell, and the same cell unrolled over three steps."""
    blank(ax, 12.4, 3.6)
    box(ax, 2.0, 1.8, "tanh", width=1.2)
    arrow(ax, (2.0, 0.5), (2.0, 1.52))
    arrow(ax, (2.0, 2.08), (2.0, 3.1))
    arrow(ax, (2.6, 1.8), (3.3, 1.8), (3.3, 2.6), (0.7, 2.6), (0.7, 1.8), (1.4, 1.8))
    for x, y, text in [(2.0, 0.25, "$x_t$"), (2.0, 3.35, "$y_t$"), (0.35, 2.2, "$h_{t-1}$"),
                       (3.6, 2.2, "$h_t$"), (2.3, 1.0, "$W_{xh}$"), (1.1, 1.5, "$W_{hh}$"),
                       (2.35, 2.35, "$W_{hy}$")]:  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=11)
    ax.text(4.55, 1.8, "=", ha="center", va="center", fontsize=20)
    arrow(ax, (5.1, 1.8), (5.9, 1.8))
    ax.text(5.3, 2.08, "$h_0$", ha="center", fontsize=11)
    for step, (read, said) in enumerate([("a", "a"), ("a", "b"), ("b", "b")], start=1):
        x = 4.3 + 2.2 * step
        box(ax, x, 1.8, "tanh", width=1.2)
        arrow(ax, (x, 0.5), (x, 1.52))
        arrow(ax, (x, 2.08), (x, 3.1))
        arrow(ax, (x + 0.6, 1.8), (x + 1.6 if step < 3 else x + 1.3, 1.8))
        ax.text(x + 1.0, 2.08, f"$h_{step}$", ha="center", fontsize=11)
        ax.text(x, 0.25, f"$x_{step}$ = {read}", ha="center", va="center", fontsize=11)
        guess = tr(es=f"$y_{step}$: ¿{said}?", en=f"$y_{step}$: {said}?")
        ax.text(x, 3.35, guess, ha="center", va="center", fontsize=11)


with plots.style():
    draw_rnn(plt.subplots(figsize=(9.5, 2.9), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="forward" lang="es"
# $$h_t = \tanh(W_{xh}\,x_t + W_{hh}\,h_{t-1} + b_h) \qquad z_t = W_{hy}\,h_t + b_y
# \qquad y_t = \mathrm{softmax}(z_t)$$
#
# con $h_0 = 0$. Los pesos viajan en un diccionario y tienen las formas de PyTorch, (salida,
# entrada): como aquí los vectores son filas, $W x$ se escribe `x @ W.T`. Devuelve los estados y
# los $z_t$ (*logits*); la softmax llegará con la pérdida.

# %% [markdown] exercise="forward" lang="en"
# $$h_t = \tanh(W_{xh}\,x_t + W_{hh}\,h_{t-1} + b_h) \qquad z_t = W_{hy}\,h_t + b_y
# \qquad y_t = \mathrm{softmax}(z_t)$$
#
# with $h_0 = 0$. The weights travel in a dictionary and have PyTorch's shapes, (output, input):
# since our vectors are rows, $W x$ is written `x @ W.T`. Return the states and the $z_t$
# (*logits*); the softmax comes with the loss.


# %% role="exercise" id="forward" title_es="Hacia delante" title_en="Forward" difficulty=2 minutes=12
def forward(params: dict, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden states, shape (T, H), and the logits, shape (T, V), of an RNN.

    ``inputs`` is (T, V); ``params`` holds W_xh (H, V), W_hh (H, H), b_h (H,), W_hy (V, H) and
    b_y (V,).
    """
    ### BEGIN SOLUTION
    h = np.zeros(len(params["b_h"]))
    hiddens = []
    for x in inputs:
        h = tanh(x @ params["W_xh"].T + h @ params["W_hh"].T + params["b_h"])
        hiddens.append(h)
    hiddens = np.array(hiddens)  # (T, H)
    return hiddens, hiddens @ params["W_hy"].T + params["b_y"]
    ### END SOLUTION


# %% role="check" id="forward_check" points=3
def drawn_rnn(rng, hidden, vocabulary):
    """Draw the weights of an RNN."""
    shapes = {
        "W_xh": (hidden, vocabulary),
        "W_hh": (hidden, hidden),
        "b_h": (hidden,),
        "W_hy": (vocabulary, hidden),
        "b_y": (vocabulary,),
    }
    return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}


tick.call(
    {"es": "pasada hacia delante", "en": "forward pass"},
    lambda params, inputs: forward(params, inputs),
    cases=lambda rng: [
        (drawn_rnn(rng, hidden, 4), np.eye(4)[rng.integers(0, 4, size=steps)])
        for hidden, steps in [(3, 1), (5, 6), (2, 12)]
    ],
    marks=3,
    hint={
        "es": "Si solo acierta con T = 1, el fallo está en lo que pasa de un paso al siguiente: ¿h @ W_hh.T, traspuesta?",
        "en": "If only T = 1 is right, the fault is in what goes from one step to the next: is it h @ W_hh.T, transposed?",
    },
)

# %% [markdown] exercise="loss" lang="es"
# **La pérdida y su gradiente.** La **entropía cruzada** de un paso es $-\ln y_t[\text{objetivo}]$:
# los *nats* de sorpresa al ver la palabra que de verdad venía. Calcúlala con
# $\ln\mathrm{softmax}(z)_i = z_i - \max z - \ln\sum_j e^{z_j - \max z}$; el logaritmo de una
# probabilidad que se ha redondeado a cero sería infinito.
#
# Su gradiente respecto a los logits es de una sencillez sospechosa: $y_t - \text{onehot}(\text{objetivo})$,
# lo que la red dijo menos lo que debía decir.

# %% [markdown] exercise="loss" lang="en"
# **The loss and its gradient.** The **cross-entropy** of a step is $-\ln y_t[\text{target}]$: the
# *nats* of surprise on seeing the word that really came. Compute it with $\ln\mathrm{softmax}(z)_i
# = z_i - \max z - \ln\sum_j e^{z_j - \max z}$; the logarithm of a probability that was rounded to
# zero would be infinite.
#
# Its gradient with respect to the logits is suspiciously simple: $y_t - \text{onehot}(\text{target})$,
# what the network said minus what it should have said.


# %% role="exercise" id="loss" title_es="Sorpresa" title_en="Surprise" difficulty=2 minutes=8
def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the nats at each position, shape (...), of logits (..., V) and targets (...)."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_shares = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(log_shares, targets[..., None], axis=-1)[..., 0]
    ### END SOLUTION


def output_gradient(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the gradient of the nats with respect to the logits, shape (..., V)."""
    ### BEGIN SOLUTION
    return softmax(logits) - one_hot(targets, logits.shape[-1])
    ### END SOLUTION


# %% role="check" id="loss_check" points=3
def least_likely(logits):
    """Return logits, and targets that are the least likely of each row."""
    return logits, logits.argmin(axis=-1)


tick.call(
    {"es": "entropía cruzada", "en": "cross-entropy"},
    lambda logits, targets: strictly(lambda z: cross_entropy(z, targets), logits),
    cases=lambda rng: [
        (rng.normal(size=(6, 4)), rng.integers(0, 4, size=6)),
        (rng.normal(size=(3, 5, 4)), rng.integers(0, 4, size=(3, 5))),
        least_likely(rows_far_apart(rng)),
    ],
    marks=2,
    hint={
        "es": "Un número por posición, sin sumar todavía, y en nats (np.log). ¿Calculas el logaritmo sin pasar por la softmax?",
        "en": "One number for each position, not added up yet, in nats (np.log). Do you take the logarithm without going through softmax?",
    },
)
tick.call(
    {"es": "gradiente de los logits", "en": "gradient of the logits"},
    lambda logits, targets: output_gradient(logits, targets),
    cases=lambda rng: [
        (rng.normal(size=(*shape, 5)), rng.integers(0, 5, size=shape)) for shape in [(4,), (3, 2)]
    ],
    marks=1,
    hint={
        "es": "Cada fila debe sumar cero, y su único número negativo está en el objetivo.",
        "en": "Each row must add up to zero, and its only negative number is at the target.",
    },
)

# %% [markdown] exercise="backward" lang="es"
# **Hacia atrás en el tiempo.** *Backpropagation through time*: desenrollada, la red es profunda y
# sus capas comparten pesos, así que los gradientes de todos los pasos **se suman**. Recorre la
# secuencia del final al principio. El estado $h_t$ influye en la pérdida por dos caminos, la salida
# de su paso y el estado siguiente:
#
# $$\delta h_t = W_{hy}^\top\,\delta z_t + W_{hh}^\top\,\delta a_{t+1} \qquad
# \delta a_t = \delta h_t \odot (1 - h_t^2)$$
#
# donde $a_t$ es lo que entra en la tanh y $\delta a_{T+1} = 0$. Y con eso,
#
# $$\nabla W_{hy} = \sum_t \delta z_t\,h_t^\top \quad \nabla b_y = \sum_t \delta z_t \quad
# \nabla W_{xh} = \sum_t \delta a_t\,x_t^\top \quad \nabla W_{hh} = \sum_t \delta a_t\,h_{t-1}^\top
# \quad \nabla b_h = \sum_t \delta a_t$$
#
# Usa los estados que recibes: no hace falta volver a calcularlos.

# %% [markdown] exercise="backward" lang="en"
# **Back through time.** *Backpropagation through time*: unrolled, this is a deep network whose
# layers share their weights, so the gradients of all steps **add up**. Walk through the sequence
# from its end to its beginning. The state $h_t$ acts on the loss in two ways, through the output of
# its step and through the next state:
#
# $$\delta h_t = W_{hy}^\top\,\delta z_t + W_{hh}^\top\,\delta a_{t+1} \qquad
# \delta a_t = \delta h_t \odot (1 - h_t^2)$$
#
# where $a_t$ is what enters the tanh and $\delta a_{T+1} = 0$. And with that,
#
# $$\nabla W_{hy} = \sum_t \delta z_t\,h_t^\top \quad \nabla b_y = \sum_t \delta z_t \quad
# \nabla W_{xh} = \sum_t \delta a_t\,x_t^\top \quad \nabla W_{hh} = \sum_t \delta a_t\,h_{t-1}^\top
# \quad \nabla b_h = \sum_t \delta a_t$$
#
# Use the states that you are given: there is no need to compute them again.


# %% role="exercise" id="backward" title_es="Retropropagación en el tiempo" title_en="Backpropagation through time" difficulty=3 minutes=25
def backward(
    params: dict, inputs: np.ndarray, hiddens: np.ndarray, d_logits: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient of each parameter, by its name, summed over the steps.

    ``inputs`` is (T, V), ``hiddens`` (T, H) and ``d_logits``, the gradient of the logits, (T, V).
    """
    ### BEGIN SOLUTION
    before = np.vstack([np.zeros((1, hiddens.shape[1])), hiddens[:-1]])  # h_0 ... h_{T-1}
    d_inner = np.zeros_like(hiddens)  # gradient of what enters the tanh, (T, H)
    d_next = np.zeros(hiddens.shape[1])
    for t in reversed(range(len(inputs))):
        d_hidden = d_logits[t] @ params["W_hy"] + d_next
        d_inner[t] = d_hidden * (1 - hiddens[t] ** 2)
        d_next = d_inner[t] @ params["W_hh"]
    return {
        "W_xh": d_inner.T @ inputs,
        "W_hh": d_inner.T @ before,
        "b_h": d_inner.sum(axis=0),
        "W_hy": d_logits.T @ hiddens,
        "b_y": d_logits.sum(axis=0),
    }
    ### END SOLUTION


# %% role="check" id="backward_check" points=5
tick.call(
    {"es": "pasada hacia atrás", "en": "backward pass"},
    lambda params, inputs, hiddens, d_logits: backward(params, inputs, hiddens, d_logits),
    cases=lambda rng: [
        (
            drawn_rnn(rng, hidden, 4),
            np.eye(4)[rng.integers(0, 4, size=steps)],
            rng.uniform(-0.9, 0.9, size=(steps, hidden)),
            rng.normal(size=(steps, 4)),
        )
        for hidden, steps in [(3, 1), (4, 2), (5, 9)]
    ],
    marks=5,
    hint={
        "es": "Si acierta con T = 1, revisa lo que vuelve del paso siguiente (d @ W_hh, sin trasponer) y que ∇W_hh use h_{t-1}.",
        "en": "If T = 1 is right, look at what comes back from the next step (d @ W_hh, not transposed) and that ∇W_hh uses h_{t-1}.",
    },
)

# %% [markdown] lang="es"
# **¿Y si todos nos hemos equivocado?** Un gradiente se puede comprobar sin fiarse de nadie. La
# primera vía, las **diferencias finitas**: mueve un peso un poco a cada lado y mira cuánto cambia
# la pérdida. La segunda, el ***autograd*** de PyTorch, con tus pesos copiados en `nn.RNN`. Las
# tres respuestas deben coincidir en muchos decimales.

# %% [markdown] lang="en"
# **What if we are all wrong?** A gradient can be checked without trusting anybody. One way is
# **finite differences**: move a weight a little to each side and see how much the loss changes.
# The other is PyTorch's ***autograd***, with your weights copied into `nn.RNN`. All three answers
# must agree to many decimals.


# %% role="given"
def new_rnn(hidden, vocabulary, rng):
    """Return the parameters of an RNN before its training."""
    return {
        "W_xh": 0.3 * rng.normal(size=(hidden, vocabulary)),
        "W_hh": np.asarray(orthogonal(hidden, rng)),
        "b_h": np.zeros(hidden),
        "W_hy": 0.1 * rng.normal(size=(vocabulary, hidden)),
        "b_y": np.zeros(vocabulary),
    }


def sequence_gradients(params, inputs, targets):
    """Return the nats of one sequence and their gradients."""
    hiddens, logits = map(np.asarray, forward(params, inputs))
    d_logits = output_gradient(logits, targets)
    return cross_entropy(logits, targets).sum(), backward(params, inputs, hiddens, d_logits)


def compare_with_differences(loss_and_gradients, params, rng, step=1e-5):
    """Print how far gradients are from central differences, at three drawn elements of each."""
    _, gradients = loss_and_gradients(params)
    worst = 0.0
    for name, values in params.items():
        for at in rng.integers(0, values.size, size=3):
            sides = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in params.items()}
                moved[name].flat[at] += sign * step
                sides.append(loss_and_gradients(moved)[0])
            slope = (sides[0] - sides[1]) / (2 * step)
            worst = max(worst, abs(slope - gradients[name].flat[at]))
    print(
        tr(
            es=f"mayor distancia a las diferencias finitas: {worst:.0e}",
            en=f"largest difference from finite differences: {worst:.0e}",
        )
    )


def compare_with_autograd(gradients, cell, params, inputs, targets):
    """Print how far gradients are from those of ``nn.RNN`` or ``nn.LSTM`` with the same weights.

    ``gradients`` and ``params`` are lists in PyTorch's order: input, hidden, their bias, then the
    output layer's weight and bias. The loss is the sum of the nats of all positions.
    """
    (vocabulary, hidden), cell = params[3].shape, cell.double()
    output = nn.Linear(hidden, vocabulary).double()
    with torch.no_grad():
        theirs = [cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, *output.parameters()]
        for parameter, values in zip(theirs, params, strict=True):
            parameter.copy_(torch.from_numpy(values))
        cell.bias_hh_l0.zero_()
    logits = output(cell(torch.from_numpy(inputs))[0])
    nn.functional.cross_entropy(
        logits.reshape(-1, vocabulary), torch.from_numpy(targets).reshape(-1), reduction="sum"
    ).backward()
    worst = max(
        np.abs(parameter.grad.numpy() - ours).max()
        for parameter, ours in zip(theirs, gradients, strict=True)
    )
    print(
        tr(
            es=f"mayor distancia a {type(cell).__name__} con autograd: {worst:.0e}",
            en=f"largest difference from {type(cell).__name__} with autograd: {worst:.0e}",
        )
    )


with once_done():
    rng = np.random.default_rng(run_seed())
    inputs, targets = prepare(["a"] * 4 + ["b"] * 4 + ["EOS"], token_to_id)
    params = new_rnn(6, VOCABULARY, rng)
    compare_with_differences(
        lambda params: sequence_gradients(params, inputs, targets), params, rng
    )
    _, gradients = sequence_gradients(params, inputs, targets)
    order = ["W_xh", "W_hh", "b_h", "W_hy", "b_y"]
    compare_with_autograd(
        [gradients[name] for name in order],
        nn.RNN(VOCABULARY, 6),
        [params[name] for name in order],
        inputs,
        targets,
    )

# %% [markdown] exercise="clip" lang="es"
# **Un paso, pero no un salto.** La pérdida de una red recurrente tiene acantilados: un solo
# gradiente enorme puede tirar por la borda una hora de entrenamiento. **Recortar por la norma**
# (Pascanu et al., 2013) acorta la zancada sin cambiar la dirección: se mira la norma de *todos* los
# gradientes juntos, como si fueran un único vector largo, y si supera el límite se multiplican
# todos por $\text{límite}/\text{norma}$.

# %% [markdown] exercise="clip" lang="en"
# **A step, not a leap.** The loss of a recurrent network has cliffs: a single huge gradient can
# throw an hour of training overboard. **Clipping by norm** (Pascanu et al., 2013) shortens the
# stride without changing its direction: look at the norm of *all* the gradients together, as if
# they were one long vector, and if it is over the limit multiply them all by
# $\text{limit}/\text{norm}$.


# %% role="exercise" id="clip" title_es="Recortar por la norma" title_en="Clipping by norm" difficulty=1 minutes=6
def clip_by_norm(gradients: dict[str, np.ndarray], max_norm: float) -> dict[str, np.ndarray]:
    """Return the gradients, scaled so that their joint norm is at most ``max_norm``."""
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    scale = max_norm / norm if norm > max_norm else 1.0
    return {name: scale * gradient for name, gradient in gradients.items()}
    ### END SOLUTION


# %% role="check" id="clip_check" points=2
def drawn_gradients(rng, *norms):
    """Draw a matrix and a vector of these norms."""
    drawn = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=3)}
    return {
        name: norm * array / np.linalg.norm(array)
        for (name, array), norm in zip(drawn.items(), norms, strict=True)
    }


tick.call(
    {"es": "recorte", "en": "clipping"},
    lambda gradients, max_norm: clip_by_norm(gradients, max_norm),
    cases=lambda rng: [
        (drawn_gradients(rng, limit * large, limit * small), limit)
        for limit in rng.uniform(0.5, 3, size=2)
        for large, small in [(50, 9), (0.8, 0.8), (0.6, 0.6), (0, 0)]  # alone, or only together
    ],
    marks=2,
    hint={
        "es": "Una sola norma para todos, no una por matriz; los gradientes pequeños (y los nulos) no se tocan. ¿Devuelves un diccionario nuevo?",
        "en": "One norm for all, not one for each matrix; small gradients (and zero ones) stay as they are. Is it a new dictionary?",
    },
)

# %% [markdown] exercise="momentum_step" lang="es"
# Para actualizar usamos el descenso con **inercia** (*momentum*), una bola que rueda en vez de un
# caminante que se para a cada paso:
#
# $$v \leftarrow \mu\,v - \eta\,\nabla \qquad w \leftarrow w + v$$
#
# Devuelve diccionarios nuevos y no toques los que recibes: más adelante querremos salir dos veces
# del mismo punto.

# %% [markdown] exercise="momentum_step" lang="en"
# To update we use descent with **momentum**, a ball that rolls instead of a walker who stops at
# every step:
#
# $$v \leftarrow \mu\,v - \eta\,\nabla \qquad w \leftarrow w + v$$
#
# Return new dictionaries and leave those you are given alone: later on we shall want to start
# twice from the same point.


# %% role="exercise" id="momentum_step" title_es="Actualizar los pesos" title_en="Updating the weights" difficulty=1 minutes=5
def momentum_step(
    params: dict, velocity: dict, gradients: dict, lr: float, momentum: float
) -> tuple[dict, dict]:
    """Return the parameters and the velocity after a step of gradient descent with momentum."""
    ### BEGIN SOLUTION
    velocity = {name: momentum * velocity[name] - lr * gradients[name] for name in params}
    return {name: params[name] + velocity[name] for name in params}, velocity
    ### END SOLUTION


# %% role="check" id="momentum_step_check" points=2
def drawn_arrays(rng):
    """Draw a dictionary of two arrays."""
    return {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=2)}


tick.call(
    {"es": "paso con inercia", "en": "step with momentum"},
    lambda params, velocity, gradients, lr, momentum: momentum_step(
        params, velocity, gradients, lr, momentum
    ),
    cases=lambda rng: [
        (drawn_arrays(rng), drawn_arrays(rng), drawn_arrays(rng), rng.uniform(0.01, 0.5), momentum)
        for momentum in (0.0, 0.9)
    ],
    marks=2,
    hint={
        "es": "El peso avanza con la velocidad nueva, no con la antigua. Y += sobre una matriz recibida la cambia también fuera.",
        "en": "The weight moves with the new velocity, not the old one. And += on an array you were given changes it outside, too.",
    },
)

# %% [markdown] exercise="train" lang="es"
# **Entrenar.** El bucle vale para cualquier modelo: `gradients_of(params, batch)` da la pérdida
# media y sus gradientes en un lote, y `step(params, velocity, gradients)` da los pesos y la
# velocidad nuevos. En cada época, pasa por los lotes en su orden y apunta dos números: la media de
# las pérdidas de los lotes, según los vas viendo, y la pérdida en `validation` al acabar la época.
# Validar es solo mirar: ese gradiente no se usa.

# %% [markdown] exercise="train" lang="en"
# **Training.** The loop serves any model: `gradients_of(params, batch)` gives the mean loss and its
# gradients on a batch, and `step(params, velocity, gradients)` gives the new weights and velocity.
# In each epoch, go through the batches in their order and note two numbers: the mean of the
# batches' losses, as you meet them, and the loss on `validation` when the epoch is over. Validating
# is only looking: that gradient is not used.


# %% role="exercise" id="train" title_es="El bucle de entrenamiento" title_en="The training loop" difficulty=2 minutes=12
def train(
    params: dict, batches: list, validation, gradients_of, step, epochs: int
) -> tuple[dict, dict[str, list[float]]]:
    """Return the trained parameters and {"training": [...], "validation": [...]}, a loss an epoch.

    The velocity is zero at the start. The parameters given stay as they are.
    """
    ### BEGIN SOLUTION
    velocity = {name: np.zeros_like(values) for name, values in params.items()}
    history = {"training": [], "validation": []}
    for _ in range(epochs):
        losses = []
        for batch in batches:
            loss, gradients = gradients_of(params, batch)
            params, velocity = step(params, velocity, gradients)
            losses.append(loss)
        history["training"].append(float(np.mean(losses)))
        history["validation"].append(float(gradients_of(params, validation)[0]))
    return params, history
    ### END SOLUTION


# %% role="check" id="train_check" points=3
def train_on_a_line(params, batches, validation, epochs):
    """Run the student's loop on a linear regression whose gradient and step are given."""

    def gradients_of(params, batch):
        error = batch[:, :-1] @ params["w"] - batch[:, -1]
        return np.mean(error**2), {"w": 2 / len(batch) * batch[:, :-1].T @ error}

    def step(params, velocity, gradients):
        velocity = {"w": 0.5 * velocity["w"] - 0.05 * gradients["w"]}
        return {"w": params["w"] + velocity["w"]}, velocity

    return train(params, batches, validation, gradients_of, step, epochs)


tick.call(
    {"es": "bucle de entrenamiento", "en": "training loop"},
    lambda params, batches, validation, epochs: train_on_a_line(
        params, batches, validation, epochs
    ),
    cases=lambda rng: [
        (
            {"w": rng.normal(size=2)},
            [rng.normal(size=(size, 3)) for size in (5, 8, 2)],
            rng.normal(size=(6, 3)),
            epochs,
        )
        for epochs in (1, 4)
    ],
    marks=3,
    hint={
        "es": "¿Pasas la velocidad de un paso al siguiente? ¿Mides la validación al final de la época, con los pesos nuevos?",
        "en": "Do you carry the velocity from step to step? Do you measure validation at the end of the epoch, with the new weights?",
    },
)

# %% [markdown] lang="es"
# Todo listo. La línea de puntos del dibujo es el suelo: con secuencias nuevas, **ninguna** red puede
# bajar de ahí **en promedio**. La longitud $n$ se sorteó entre 1 y 10, lo que aporta $\ln 10$ nats
# de azar por secuencia, y una secuencia tiene de media 11 predicciones: $\ln 10 / 11 \approx 0.21$
# nats por palabra. En un conjunto concreto, el suelo es algo distinto: si le tocaron secuencias
# largas, el mismo azar se reparte entre más palabras; y si una longitud salió más que otras, una red
# que se aprenda esas frecuencias puede quedar por debajo.

# %% [markdown] lang="en"
# All set. The dotted line in the picture is the floor: on fresh sequences, **no** network can go
# below it **on average**. The length $n$ was drawn from 1 to 10, which brings $\ln 10$ nats of chance
# to each sequence, and a sequence has 11 predictions on average: $\ln 10 / 11 \approx 0.21$ nats a
# word. On one particular set the floor is a little different: if it happened to get long sequences,
# the same chance is spread over more words; and if one length came more often than others, a network
# that learns those frequencies can end up below.

# %% role="given"
HIDDEN, LR, MOMENTUM, MAX_NORM = 16, 0.1, 0.9, 1.0
FLOOR = np.log(MAX_N) / (MAX_N + 1)
CURVES = {
    "training": tr(es="entrenamiento", en="training"),
    "validation": tr(es="validación", en="validation"),
}
LOSS_LABEL = tr(es="pérdida (nats por palabra)", en="loss (nats a token)")


def loop_gradients(params, batch):
    """Return the mean nats a token and their gradients, one sequence of the batch at a time."""
    nats, total = 0.0, {name: np.zeros_like(values) for name, values in params.items()}
    for inputs, targets in batch:
        more, gradients = sequence_gradients(params, inputs, targets)
        nats += more
        total = {name: total[name] + gradients[name] for name in total}
    tokens = sum(len(targets) for _, targets in batch)
    return nats / tokens, {name: values / tokens for name, values in total.items()}


def descend(params, velocity, gradients):
    """Clip the gradients and take a step."""
    return momentum_step(params, velocity, clip_by_norm(gradients, MAX_NORM), LR, MOMENTUM)


def in_batches(items, size):
    """Return lists of ``size`` items, the last one maybe shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def show_history(name):
    """Draw the curves of a trained model above the floor."""
    ax = plots.loss_curve(
        {CURVES.get(part, part): losses for part, losses in histories[name].items()}
    )
    ax.axhline(FLOOR, color=plots.TEXT, linewidth=1, linestyle=":")
    ax.set(title=name, ylabel=LOSS_LABEL, ylim=(0, None))
    plt.show()


with once_done():
    prepared = [prepare(tokens, token_to_id) for tokens in train_set]
    validation = [prepare(tokens, token_to_id) for tokens in validation_set]
    models["RNN"], histories["RNN"] = train(
        new_rnn(HIDDEN, VOCABULARY, np.random.default_rng(run_seed())),
        in_batches(prepared, 16),
        validation,
        loop_gradients,
        descend,
        epochs=budget(full=40, quick=50),
    )
    show_history("RNN")

# %% [markdown] exercise="predict_next" lang="es"
# **Una secuencia que no ha visto.** Que diga ahora la palabra más probable tras un comienzo
# cualquiera. La comprobación sortea comienzos que ya han llegado a la `b`, donde no hay suerte que
# valga: la mitad pide otra `b` y la otra mitad, `EOS`.

# %% [markdown] exercise="predict_next" lang="en"
# **A sequence it has not seen.** Now let it say the most probable word after any beginning. The
# check draws beginnings that have reached the `b`, where luck does not count: half of them ask for
# another `b`, and the other half for `EOS`.


# %% role="exercise" id="predict_next" title_es="¿Y después?" title_en="What comes next?" difficulty=1 minutes=6
def predict_next(params: dict, tokens: list[str]) -> str:
    """Return the most probable token after ``tokens``, for an RNN with these parameters."""
    require_sequence(tokens, token_to_id, least=1)
    ### BEGIN SOLUTION
    _, logits = forward(params, one_hot(encode(tokens, token_to_id), VOCABULARY))
    return id_to_token[int(logits[-1].argmax())]
    ### END SOLUTION


# %% role="check" id="predict_next_check" points=4
CLASSES = ["UNK", "a", "b", "EOS"]


def bigram_rnn(follows, strength):
    """Return an RNN without memory: after each token, ``follows`` names the most probable one."""
    params = {
        "W_xh": 5 * np.eye(VOCABULARY),
        "W_hh": np.zeros((VOCABULARY, VOCABULARY)),
        "b_h": np.zeros(VOCABULARY),
        "W_hy": np.zeros((VOCABULARY, VOCABULARY)),
        "b_y": np.zeros(VOCABULARY),
    }
    for token, following in follows.items():
        params["W_hy"][token_to_id[following], token_to_id[token]] = strength
    return params


def drawn_rule(rng):
    """Draw a token to follow each token."""
    return dict(zip(CLASSES, rng.permutation(CLASSES).tolist(), strict=True))


def drawn_beginnings(rng, count=200):
    """Draw beginnings of aⁿbⁿ cut after a b, and what comes next; half of them are complete."""
    beginnings, truth = [], []
    for is_complete in rng.permutation(np.arange(count) % 2):
        n = int(rng.integers(2, MAX_N, endpoint=True))
        k = n if is_complete else int(rng.integers(1, n))
        beginnings.append(["a"] * n + ["b"] * k)
        truth.append(CLASSES.index("EOS" if k == n else "b"))
    return beginnings, np.array(truth)


def always_b(beginnings):
    """Answer b whatever came before."""
    return np.full(len(beginnings), CLASSES.index("b"))


tick.call(
    {"es": "la palabra más probable", "en": "the most probable token"},
    lambda params, tokens: predict_next(params, tokens),
    cases=lambda rng: [
        (bigram_rnn(drawn_rule(rng), 0.5), rng.permutation(CLASSES).tolist()) for _ in range(12)
    ],
    marks=1,
    hint={
        "es": "Decide el último logit, el que se calcula tras leer todo el comienzo. Y es la más probable, sin sorteo: argmax.",
        "en": "The last logits decide, those computed after reading the whole beginning. And it is the most probable one, not a draw: argmax.",
    },
)
tick.predictions(
    {"es": "RNN en secuencias no vistas", "en": "RNN on hidden sequences"},
    lambda beginnings: [CLASSES.index(predict_next(models["RNN"], start)) for start in beginnings],
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=({"es": "siempre b", "en": "always b"}, always_b),
    marks=3,
    hint={
        "es": "Una red que siempre dice b acierta la mitad. ¿Bajó la pérdida hasta el suelo? ¿Son los objetivos la palabra siguiente?",
        "en": "A network that always says b gets half of them. Did the loss come down to the floor? Are the targets the next word?",
    },
)

# %% [markdown] role="question" id="gap" points=2 lang="es"
# Mira las dos curvas de la RNN. ¿Qué distancia hay entre entrenamiento y validación, y a qué se
# debe? ¿Está la red sobreajustando?
#
# ### BEGIN SOLUTION
# Al principio la validación suele quedar **por debajo**: la pérdida de entrenamiento se promedia
# mientras los pesos mejoran, y la de validación se mide al final de la época. Al final queda una
# distancia pequeña y constante, que depende del sorteo: la validación tiene muy pocas secuencias,
# y según sus longitudes su suelo es otro (con secuencias más cortas hay más azar por palabra). No
# es sobreajuste: sería una validación que *sube* mientras el entrenamiento sigue bajando. De hecho
# solo existen diez secuencias distintas, así que las de validación también aparecen en el
# entrenamiento; para saber si generaliza hay que probar longitudes que no ha visto.
# ### END SOLUTION

# %% [markdown] role="question" id="gap" points=2 lang="en"
# Look at the two curves of the RNN. How far apart are training and validation, and why? Is the
# network overfitting?
#
# ### BEGIN SOLUTION
# At first validation is often **below**: the training loss is averaged while the weights improve,
# and validation is measured at the end of the epoch. In the end a small, constant distance
# remains, which depends on the draw: validation has very few sequences, and by their lengths its
# floor is another one (shorter sequences have more chance in each word). It is not overfitting:
# that would be a validation loss that *rises* while training goes on falling. In fact there are
# only ten different sequences, so those of validation occur in training, too; to know whether it
# generalises one has to try lengths that it has not seen.
# ### END SOLUTION

# %% [markdown] role="question" id="loss_alone" points=2 lang="es"
# La pérdida se queda en torno a 0.21 y ya no baja. Con ese único número, ¿puedes decir si el
# modelo es bueno? ¿Qué más mirarías?
#
# ### BEGIN SOLUTION
# No. Un 0.21 es perfecto aquí porque conocemos el suelo; en un idioma con menos azar sería malo, y
# en otro con más, imposible. La pérdida mezcla posiciones donde nadie puede acertar (cuántas `a`
# vienen) con otras donde fallar es no haber contado, y también premia la confianza. Miraría el
# porcentaje de aciertos en las posiciones determinadas, lo compararía con una referencia tonta
# («siempre b») y vería en qué posiciones y longitudes falla.
# ### END SOLUTION

# %% [markdown] role="question" id="loss_alone" points=2 lang="en"
# The loss settles at about 0.21 and goes no lower. From that number alone, can you say whether the
# model is good? What else would you look at?
#
# ### BEGIN SOLUTION
# No. Here 0.21 is perfect because we know the floor; in a language with less chance in it, it would
# be bad, and in one with more, impossible. The loss mixes positions where nobody can be right (how
# many `a` come) with others where a mistake means not having counted, and it also rewards
# confidence. I would look at the share of right answers in the determined positions, compare it
# with a simple-minded baseline (“always b”) and see at which positions and lengths it fails.
# ### END SOLUTION

# %% [markdown] role="question" id="ideal_curves" points=2 lang="es"
# Describe cómo serían las dos curvas en un entrenamiento ideal, y qué forma tendrían si el paso
# fuese demasiado grande, si fuese demasiado pequeño y si la red memorizara.
#
# ### BEGIN SOLUTION
# Ideales: bajan deprisa y juntas, sin saltos, se aplanan cada una en su suelo y la validación se
# queda pegada al entrenamiento. Paso demasiado grande: dientes de sierra, picos o una subida sin
# vuelta. Demasiado pequeño: bajan, pero tan despacio que se acaban las épocas lejos del suelo. Si
# memoriza: el entrenamiento baja de su suelo y la validación toca fondo y vuelve a subir.
# ### END SOLUTION

# %% [markdown] role="question" id="ideal_curves" points=2 lang="en"
# Describe what the two curves would be in an ideal training, and what shape they would have if the
# step were too large, if it were too small, and if the network memorised.
#
# ### BEGIN SOLUTION
# Ideal: they fall fast and together, without jumps, each flattens out at its floor, and validation
# stays close to training. Step too large: saw teeth, spikes, or a rise that does not come back. Too
# small: they fall, but so slowly that the epochs run out far from the floor. If it memorises:
# training goes below its floor, and validation touches bottom and rises again.
# ### END SOLUTION

# %% [markdown] exercise="perplexity" lang="es"
# **De nats a palabras.** Un 0.21 dice poco. Su exponencial, la **perplejidad**, se lee mejor: con
# $e^{\text{nats medios}}$, es como si la red dudara entre ese número de palabras igual de
# probables. Quien no sabe nada duda entre las $V$ del vocabulario; quien lo sabe todo, entre una.
# La media se toma solo sobre las posiciones en que `mask` vale 1: así podremos preguntar por todas,
# o solo por las que están determinadas.

# %% [markdown] exercise="perplexity" lang="en"
# **From nats to words.** A 0.21 says little. Its exponential, the **perplexity**, is easier to
# read: at $e^{\text{mean nats}}$ it is as if the network hesitated between that many equally
# probable words. Whoever knows nothing hesitates between the $V$ of the vocabulary; whoever knows
# everything, between one. The mean is taken only over the positions where `mask` is 1: that way we
# can ask about all of them, or only about those that are determined.


# %% role="exercise" id="perplexity" title_es="Perplejidad" title_en="Perplexity" difficulty=1 minutes=4
def perplexity(nats: np.ndarray, mask: np.ndarray) -> float:
    """Return the perplexity of the positions that count, from nats and mask of the same shape."""
    ### BEGIN SOLUTION
    return float(np.exp((nats * mask).sum() / mask.sum()))
    ### END SOLUTION


# %% role="check" id="perplexity_check" points=1
tick.call(
    {"es": "perplejidad", "en": "perplexity"},
    lambda nats, mask: perplexity(nats, mask),
    cases=lambda rng: [
        (rng.gamma(1.0, size=shape), np.where(np.indices(shape)[0] % 3 == 1, 0.0, 1.0))
        for shape in [(7,), (5, 3)]
    ],
    marks=1,
    hint={
        "es": "Primero la media, luego la exponencial. ¿Divides por las posiciones que cuentan, y no por todas?",
        "en": "First the mean, then the exponential. Do you divide by the positions that count, not by all of them?",
    },
)

# %% role="given"
with once_done():
    nats, after_b = [], []
    for tokens in test_set:
        inputs, targets = prepare(tokens, token_to_id)
        logits = np.asarray(forward(models["RNN"], inputs)[1])
        nats.append(cross_entropy(logits, targets))
        after_b.append(inputs[:, token_to_id["b"]])  # 1 from the first b on
    nats, after_b = np.concatenate(nats), np.concatenate(after_b)
    print(
        tr(
            es="perplejidad en la prueba: {:.3f} (suelo: {:.3f})\ndesde la primera b: {:.3f}",
            en="perplexity on the test set: {:.3f} (floor: {:.3f})\nfrom the first b on: {:.3f}",
        ).format(perplexity(nats, np.ones_like(nats)), np.exp(FLOOR), perplexity(nats, after_b))
    )

# %% [markdown] exercise="generate" lang="es"
# **Que hable.** Quien predice la siguiente palabra también sabe escribir: **sortea** una con sus
# probabilidades (todo el azar sale de `rng`), añádela y vuelve a preguntar, hasta que salga `EOS` o
# haya `most` palabras nuevas. La **temperatura** $\tau$ divide los logits antes de la softmax: con
# $\tau < 1$ la red va a lo seguro; con $\tau > 1$ se atreve con lo improbable.

# %% [markdown] exercise="generate" lang="en"
# **Let it talk.** Whoever predicts the next word can also write: **draw** one by its probability (all
# chance comes from `rng`), append it and ask again, until `EOS` comes or there are `most` new words.
# The **temperature** $\tau$ divides the logits before the softmax: with $\tau < 1$ the network plays
# safe; with $\tau > 1$ it dares say the improbable.


# %% role="exercise" id="generate" title_es="Escribir" title_en="Writing" difficulty=2 minutes=10
def generate(
    params: dict,
    tokens: list[str],
    rng: np.random.Generator,
    temperature: float = 1.0,
    most: int = 40,
) -> list[str]:
    """Return the tokens, and after them those that an RNN draws: up to "EOS", ``most`` at most."""
    require_sequence(tokens, token_to_id, least=1)
    ### BEGIN SOLUTION
    tokens = list(tokens)
    for _ in range(most):
        _, logits = forward(params, one_hot(encode(tokens, token_to_id), VOCABULARY))
        shares = softmax(logits[-1] / temperature)
        tokens.append(id_to_token[int(rng.choice(VOCABULARY, p=shares))])
        if tokens[-1] == "EOS":
            break
    return tokens
    ### END SOLUTION


# %% role="check" id="generate_check" points=3
def drawn_chain(rng):
    """Draw an order of three tokens, which EOS follows."""
    first, second, third = rng.permutation(["UNK", "a", "b"]).tolist()
    return [first, second, third], {first: second, second: third, third: "EOS"}


def drawn_texts(rng):
    """Draw rules, beginnings and limits: chains that end in time or too late, and a circle."""
    texts = []
    for known, most in [(1, 9), (2, 9), (1, 3), (1, 2)]:
        order, rule = drawn_chain(rng)
        texts.append((rule, order[:known], most))
    first, second = order[:2]
    return [*texts, ({first: second, second: first}, [first], int(rng.integers(4, 9)))]


def facts_of_drawing(logits, temperature, seeds):
    """Return the share of each token among 2000 draws, and which seeds gave the same text."""
    params = bigram_rnn({}, 0)
    for token, logit in logits.items():
        params["b_y"][token_to_id[token]] = logit
    rng = np.random.default_rng(seeds)
    said = [generate(params, ["a"], rng, temperature, 1)[-1] for _ in range(2000)]
    params["b_y"][:] = 0
    params["b_y"][token_to_id["EOS"]] = -60
    texts = [generate(params, ["a"], np.random.default_rng(seed), temperature) for seed in seeds]
    return [said.count(token) / len(said) for token in CLASSES], [texts.index(t) for t in texts]


tick.call(
    {"es": "un texto que termina", "en": "a text that ends"},
    lambda rule, tokens, most, temperature: generate(
        bigram_rnn(rule, 60.0), tokens, np.random.default_rng(0), temperature, most
    ),
    cases=lambda rng: [(*text, rng.uniform(0.5, 1.5)) for text in drawn_texts(rng)],
    marks=1,
    hint={
        "es": "Lo que se sortea se añade y se vuelve a leer. EOS forma parte del texto y lo cierra; most cuenta solo las palabras nuevas.",
        "en": "What is drawn is appended and read again. EOS is part of the text and closes it; most counts only the new tokens.",
    },
)
tick.call(
    {"es": "sorteo con temperatura", "en": "drawing with a temperature"},
    lambda logits, temperature, seeds: facts_of_drawing(logits, temperature, seeds),
    cases=lambda rng: [
        (
            dict(zip(CLASSES, rng.permutation([0.0, 0.7, 1.4, 2.1]).tolist(), strict=True)),
            temperature,
            rng.integers(4, size=6).tolist(),
        )
        for temperature in (0.5, 1.0, 2.0)
    ],
    marks=2,
    tol=0.09,
    hint={
        "es": "Divide los logits, no las probabilidades, por la temperatura, y sortea con el rng recibido: mismo generador, mismo texto.",
        "en": "Divide the logits, not the probabilities, by the temperature, and draw with the given rng: same generator, same text.",
    },
)

# %% [markdown] lang="es"
# Muchos textos a cada temperatura. A la mitad, casi todos cumplen la regla y son largos: otra `a` es
# casi siempre lo más probable. Al doble, uno de cada cuatro pierde la cuenta: el azar se cuela donde
# no había nada que sortear.

# %% [markdown] lang="en"
# Many texts at each temperature. At half, nearly all of them keep the rule, and they are long:
# another `a` is nearly always what is most probable. At double, one in four loses count: chance has
# crept in where there was nothing to draw.


# %% role="given"
def keeps_the_rule(tokens):
    """Return whether the tokens are aⁿbⁿ EOS for some n."""
    n = len(tokens) // 2
    return tokens == ["a"] * n + ["b"] * n + ["EOS"]


with once_done():
    rng, count = np.random.default_rng(run_seed()), budget(full=100, quick=4)
    for temperature in (0.5, 1.0, 2.0):
        texts = [generate(models["RNN"], ["a"], rng, temperature) for _ in range(count)]
        right = sum(map(keeps_the_rule, texts))
        print(
            tr(
                es=f"temperatura {temperature}: {right} de {count} cumplen la regla",
                en=f"temperature {temperature}: {right} of {count} keep the rule",
            )
        )
        for tokens in texts[:3]:
            print("  ", " ".join(tokens))

# %% [markdown] exercise="pad" lang="es"
# **Muchas secuencias a la vez.** Hasta aquí, de una en una: Python se pasa el día entrando y
# saliendo de NumPy para multiplicar matrices diminutas. Si procesamos un **lote** entero en cada
# paso, hacemos las mismas cuentas con muchas menos llamadas. El obstáculo es que las secuencias no
# miden lo mismo. Solución: **rellenar** las cortas y llevar una **máscara** que vale 1 donde hay
# una palabra de verdad y 0 donde hay relleno, para que el relleno no cuente en la pérdida ni en el
# gradiente.
#
# El tiempo va en el primer eje, (T, B), como en PyTorch por defecto: así `inputs[t]` es el paso $t$
# de todas las secuencias. Rellena con ceros por el final.

# %% [markdown] exercise="pad" lang="en"
# **Many sequences at once.** So far, one at a time: Python spends its day going in and out of NumPy
# to multiply tiny matrices. If we process a whole **batch** at every step, we do the same sums in
# far fewer calls. The obstacle is that sequences differ in length. The way out: **pad** the short
# ones and keep a **mask** that is 1 where there is a real word and 0 where there is padding, so
# that padding counts neither in the loss nor in the gradient.
#
# Time is the first axis, (T, B), PyTorch's default: that way `inputs[t]` is step $t$ of every
# sequence. Pad with zeros at the end.


# %% role="exercise" id="pad" title_es="Relleno y máscara" title_en="Padding and mask" difficulty=1 minutes=8
def pad(sequences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return ids padded with 0, shape (T, B) with T the longest length, and the mask (T, B)."""
    ### BEGIN SOLUTION
    longest = max(len(ids) for ids in sequences)
    padded = np.zeros((longest, len(sequences)), dtype=int)
    mask = np.zeros((longest, len(sequences)))
    for column, ids in enumerate(sequences):
        padded[: len(ids), column] = ids
        mask[: len(ids), column] = 1
    return padded, mask
    ### END SOLUTION


# %% role="check" id="pad_check" points=2
tick.call(
    {"es": "relleno y máscara", "en": "padding and mask"},
    lambda sequences: pad(sequences),
    cases=lambda rng: [
        ([np.append(rng.integers(0, 5, size=size - 1), 0) for size in sizes],)
        for sizes in [(3, 5, 1, 4), (2, 2), (7,)]
    ],
    marks=2,
    hint={
        "es": "El tiempo por filas y cada secuencia en una columna. La máscara sale de las longitudes: un 0 puede ser una palabra.",
        "en": "Time along the rows and a sequence in each column. The mask comes from the lengths: a 0 may be a word.",
    },
)

# %% [markdown] exercise="batch_gradients" lang="es"
# Ahora, la RNN por lotes. El estado pasa de (H,) a (B, H) y casi todo lo que escribiste sirve tal
# cual: `h @ W_hh.T` no distingue un vector fila de una pila de ellos. Cambian tres cosas: la
# pérdida y `d_logits` se multiplican por la máscara, todo se divide por el número de palabras de
# verdad, y los gradientes de los pesos suman además por el lote.

# %% [markdown] exercise="batch_gradients" lang="en"
# Now, the RNN by batches. The state goes from (H,) to (B, H), and nearly all that you wrote works
# as it is: `h @ W_hh.T` cannot tell one row vector from a stack of them. Three things change: the
# loss and `d_logits` are multiplied by the mask, everything is divided by the number of real words,
# and the gradients of the weights add up over the batch, too.


# %% role="exercise" id="batch_gradients" title_es="La RNN por lotes" title_en="The RNN by batches" difficulty=3 minutes=20
def batch_gradients(
    params: dict, inputs: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the mean nats a real token, and their gradients, of an RNN on a padded batch.

    ``inputs`` is one-hot (T, B, V); ``targets`` and ``mask`` are (T, B).
    """
    ### BEGIN SOLUTION
    steps, batch, vocabulary = inputs.shape
    hidden = len(params["b_h"])
    states = np.zeros((steps + 1, batch, hidden))  # states[t + 1] is the state after step t
    for t in range(steps):
        states[t + 1] = tanh(
            inputs[t] @ params["W_xh"].T + states[t] @ params["W_hh"].T + params["b_h"]
        )
    logits = states[1:] @ params["W_hy"].T + params["b_y"]  # (T, B, V)
    tokens = mask.sum()
    loss = (cross_entropy(logits, targets) * mask).sum() / tokens
    d_logits = output_gradient(logits, targets) * mask[..., None] / tokens
    d_inner = np.zeros((steps, batch, hidden))
    d_next = np.zeros((batch, hidden))
    for t in reversed(range(steps)):
        d_inner[t] = (d_logits[t] @ params["W_hy"] + d_next) * (1 - states[t + 1] ** 2)
        d_next = d_inner[t] @ params["W_hh"]
    rows = d_inner.reshape(-1, hidden)  # (T B, H): steps and sequences add up alike
    return loss, {
        "W_xh": rows.T @ inputs.reshape(-1, vocabulary),
        "W_hh": rows.T @ states[:-1].reshape(-1, hidden),
        "b_h": rows.sum(axis=0),
        "W_hy": d_logits.reshape(-1, vocabulary).T @ states[1:].reshape(-1, hidden),
        "b_y": d_logits.sum(axis=(0, 1)),
    }
    ### END SOLUTION


# %% role="check" id="batch_gradients_check" points=4
def drawn_batch(rng, steps, batch, vocabulary=4):
    """Draw a padded batch: one-hot inputs, targets and a mask."""
    lengths = rng.integers(1, steps, size=batch, endpoint=True)
    lengths[-1], lengths[0] = 1, steps  # one that is mostly padding, one that has none
    mask = (np.arange(steps)[:, None] < lengths).astype(float)
    ids, targets = rng.integers(0, vocabulary, size=(2, steps, batch))
    return np.eye(vocabulary)[ids], targets, mask


tick.call(
    {"es": "gradientes por lotes", "en": "batched gradients"},
    lambda params, inputs, targets, mask: batch_gradients(params, inputs, targets, mask),
    cases=lambda rng: [
        (drawn_rnn(rng, hidden, 4), *drawn_batch(rng, steps, batch))
        for hidden, steps, batch in [(3, 4, 1), (5, 7, 6), (2, 3, 4)]
    ],
    marks=4,
    hint={
        "es": "¿Divides por mask.sum() y no por T·B? ¿Multiplicas d_logits por la máscara antes de ir hacia atrás?",
        "en": "Do you divide by mask.sum() and not by T·B? Do you multiply d_logits by the mask before going back?",
    },
)

# %% [markdown] lang="es"
# ¿Ha merecido la pena? Entrenamos dos veces la misma red, desde el mismo punto y con los mismos
# lotes: las pérdidas deben ser iguales, y los relojes, no.

# %% [markdown] lang="en"
# Was it worth it? We train the same network twice, from the same point and on the same batches:
# the losses must be equal, and the clocks must not.


# %% role="given"
def padded_batch(tokens_of_batch):
    """Return the one-hot inputs (T, B, V), the targets (T, B) and the mask (T, B) of sequences."""
    for tokens in tokens_of_batch:
        require_sequence(tokens, token_to_id)
    encoded = [np.asarray(encode(tokens, token_to_id), dtype=int) for tokens in tokens_of_batch]
    ids, mask = pad(encoded)
    ids, mask = np.asarray(ids, dtype=int), np.asarray(mask, dtype=float)
    return np.asarray(one_hot(ids[:-1], VOCABULARY), dtype=float), ids[1:], mask[1:]


def seconds_of(function):
    """Return how long a call takes, and its result."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def race(epochs, size=128):
    """Return (seconds an epoch, losses) of the loop and of the batched RNN, same start and data."""
    start = new_rnn(HIDDEN, VOCABULARY, np.random.default_rng(run_seed()))
    groups = in_batches(train_set, size)
    runs = []
    for gradients_of, form in [
        (loop_gradients, lambda group: [prepare(tokens, token_to_id) for tokens in group]),
        (lambda params, batch: batch_gradients(params, *batch), padded_batch),
    ]:
        batches, held_out = [form(group) for group in groups], form(validation_set)
        seconds, (_, history) = seconds_of(
            lambda batches=batches, held_out=held_out, gradients_of=gradients_of: train(
                start, batches, held_out, gradients_of, descend, epochs
            )
        )
        runs.append((seconds / epochs, history["training"]))
    return runs


with once_done():
    (slow, loop_losses), (fast, batched_losses) = race(epochs=budget(full=5, quick=2))
    apart = np.abs(np.subtract(loop_losses, batched_losses)).max()
    print(
        tr(
            es=f"de una en una, {1000 * slow:.1f} ms por época; por lotes, {1000 * fast:.1f} ms",
            en=f"one at a time, {1000 * slow:.1f} ms an epoch; batched, {1000 * fast:.1f} ms",
        )
    )
    print(
        tr(
            es=f"{slow / fast:.0f} veces más rápido; las pérdidas difieren en {apart:.0e}",
            en=f"{slow / fast:.0f} times faster; the losses differ by {apart:.0e}",
        )
    )
