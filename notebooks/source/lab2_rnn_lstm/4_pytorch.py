# %% [markdown] lang="es"
# ## 3. `nn.LSTM`
#
# La misma tarea, los mismos datos y el mismo examen, ahora con las piezas de PyTorch. Es lo que
# usarás de aquí en adelante, así que conviene conocer sus costumbres.

# %% [markdown] lang="en"
# ## 3. `nn.LSTM`
#
# The same task, the same data and the same exam, now with PyTorch's pieces. They are what you will
# use from here on, so it pays to know their habits.

# %% [markdown] exercise="next_token" lang="es"
# Ya sabes lo que hay dentro; ahora puedes dejar que PyTorch lo haga por ti. El modelo: `nn.LSTM`
# sobre los *one-hot*, **dropout** sobre sus estados y una capa lineal que da los logits. Las formas
# son las de siempre: (T, B, V) a la entrada y a la salida.

# %% [markdown] exercise="next_token" lang="en"
# You know what is inside; now PyTorch may do it for you. The model: `nn.LSTM` on the one-hot
# vectors, **dropout** on its states, and a linear layer that gives the logits. The shapes are the
# usual ones: (T, B, V) in and out.


# %% role="exercise" id="next_token" title_es="El modelo, en PyTorch" title_en="The model in PyTorch" difficulty=1 minutes=8
class NextToken(nn.Module):
    """Predicts the next token: LSTM, dropout, linear layer."""

    def __init__(self, vocabulary: int, hidden: int, dropout: float):
        super().__init__()
        ### BEGIN SOLUTION
        self.lstm = nn.LSTM(vocabulary, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)
        ### END SOLUTION

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits, shape (T, B, V), of one-hot inputs, shape (T, B, V)."""
        ### BEGIN SOLUTION
        hiddens, _ = self.lstm(inputs)
        return self.output(self.dropout(hiddens))
        ### END SOLUTION


# %% role="check" id="next_token_check" points=3
def filled(vocabulary, hidden, dropout):
    """Return the student's model, each of its weights and biases filled by rule."""
    model = NextToken(vocabulary, hidden, dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float32))
            parameter.copy_(0.5 * values.reshape(parameter.shape))
    return model


def filled_outputs(vocabulary, hidden, inputs):
    """Return the logits of the filled model in evaluation mode."""
    with torch.no_grad():
        model = filled(vocabulary, hidden, dropout=0.5).eval()
        return model(torch.tensor(inputs, dtype=torch.float32))


def scales_of_states(dropout, inputs, modes):
    """Return for each mode, training or evaluation, how many states the model of one unit has and
    by what they are scaled."""
    inputs = torch.tensor(inputs, dtype=torch.float32)  # (T, B, V)
    model = filled(inputs.shape[-1], 1, dropout)
    bias = 0.5 * torch.sin(torch.arange(inputs.shape[-1]))
    with torch.no_grad():
        whole = (model.eval()(inputs) - bias)[..., 1:]  # what the state adds; its weights are not 0
        scales = [(model.train(mode)(inputs) - bias)[..., 1:] / whole for mode in modes]
    return [
        [scale.numel(), *sorted(set(np.abs(np.round(scale.numpy().ravel(), 2)).tolist()))]
        for scale in scales
    ]


def drawn_inputs(rng, steps, batch):
    """Draw one-hot inputs, shape (T, B, 5)."""
    return np.eye(5)[rng.integers(0, 5, size=(steps, batch))]


tick.call(
    {"es": "logits del modelo", "en": "logits of the model"},
    lambda vocabulary, hidden, inputs: filled_outputs(vocabulary, hidden, inputs),
    cases=lambda rng: [(5, hidden, drawn_inputs(rng, 6, 3)) for hidden in (3, 8)],
    marks=2,
    hint={
        "es": "nn.LSTM devuelve una tupla: los estados de todos los pasos y los últimos. Sin batch_first, el tiempo va primero.",
        "en": "nn.LSTM returns a tuple: the states of all steps, and the last ones. Without batch_first, time comes first.",
    },
)
tick.call(
    {
        "es": "dropout sobre los estados, solo al entrenar",
        "en": "dropout on the states, while training",
    },
    lambda dropout, inputs, modes: scales_of_states(dropout, inputs, modes),
    cases=lambda rng: [
        (dropout, drawn_inputs(rng, 50, 8), rng.permutation([True, False] * 3).tolist())
        for dropout in rng.permutation([0.2, 0.5, 0.75]).tolist()[:2]
    ],
    marks=1,
    hint={
        "es": "Usa el módulo nn.Dropout, que obedece a train() y eval(), entre la LSTM y la capa lineal, y en ningún otro sitio.",
        "en": "Use the module nn.Dropout, which obeys train() and eval(), between the LSTM and the linear layer, and nowhere else.",
    },
)

# %% [markdown] exercise="modes" lang="es"
# **Dos modos.** El *dropout* apaga neuronas al azar para que ninguna se haga imprescindible: bueno
# al aprender, pésimo al examinarse. `model.train()` lo enciende y `model.eval()` lo apaga; además,
# al evaluar sobra el gradiente (`torch.no_grad()`). Escribe las dos mitades:
#
# - `train_step` pone el modelo en modo de entrenamiento, calcula la pérdida media por palabra de
#   verdad, recorta los gradientes a norma 1 (`nn.utils.clip_grad_norm_`) y da un paso.
# - `evaluate` calcula esa pérdida en modo de evaluación y **deja el modelo en el modo en que lo
#   encontró**: quien mide no debe estropear lo que mide.

# %% [markdown] exercise="modes" lang="en"
# **Two modes.** Dropout switches neurons off at random so that none becomes indispensable: good for
# learning, bad for sitting an exam. `model.train()` turns it on and `model.eval()` turns it off;
# and evaluating needs no gradient (`torch.no_grad()`). Write the two halves:
#
# - `train_step` puts the model in training mode, computes the mean loss over real words, clips the
#   gradients to norm 1 (`nn.utils.clip_grad_norm_`) and takes a step.
# - `evaluate` computes that loss in evaluation mode and **leaves the model in the mode in which it
#   found it**: whoever measures must not spoil what is measured.


# %% role="exercise" id="modes" title_es="Entrenar y evaluar" title_en="Training and evaluating" difficulty=2 minutes=12
def train_step(model, optimizer, inputs, targets, mask) -> float:
    """Take a step and return the mean nats a real token before it; leaves the training mode on.

    ``inputs`` is (T, B, V), ``targets`` (T, B) of int64 and ``mask`` (T, B).
    """
    ### BEGIN SOLUTION
    model.train()
    nats = nn.functional.cross_entropy(
        model(inputs).flatten(0, 1), targets.flatten(), reduction="none"
    )
    loss = (nats * mask.flatten()).sum() / mask.sum()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()
    ### END SOLUTION


def evaluate(model, inputs, targets, mask) -> float:
    """Return the mean nats a real token in evaluation mode; the model keeps its mode."""
    ### BEGIN SOLUTION
    was_training = model.training
    model.eval()
    with torch.no_grad():
        nats = nn.functional.cross_entropy(
            model(inputs).flatten(0, 1), targets.flatten(), reduction="none"
        )
    model.train(was_training)
    return ((nats * mask.flatten()).sum() / mask.sum()).item()
    ### END SOLUTION


# %% role="check" id="modes_check" points=4
def as_tensors(inputs, targets, mask):
    """Return a padded batch as tensors."""
    return (
        torch.tensor(inputs, dtype=torch.float32),
        torch.tensor(targets, dtype=torch.int64),
        torch.tensor(mask, dtype=torch.float32),
    )


def toy(weight, dropout):
    """Return a model without memory, a linear layer with dropout before it."""
    layer = nn.Linear(*weight.T.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.zero_()
    return nn.Sequential(nn.Dropout(dropout), layer)


def watched(model):
    """Return a list to which each pass through the model adds (training mode, gradients on)."""
    seen = []
    model.register_forward_hook(
        lambda *_: seen.append((model.training, torch.is_grad_enabled())), always_call=True
    )
    return seen


def facts_of_step(weight, inputs, targets, mask):
    """Return losses, weights and modes of the student's two steps on a toy model."""
    model = toy(weight, dropout=0.0).eval()
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=0.5), watched(model)
    batch = as_tensors(inputs, targets, mask)
    losses = [float(train_step(model, optimizer, *batch)) for _ in range(2)]
    return losses, model[1].weight.detach(), sorted(set(seen)), model.training


def facts_of_evaluation(weight, inputs, targets, mask, mode):
    """Return the student's evaluation of a toy model, and the modes while and after it."""
    model = toy(weight, dropout=0.5).train(mode)
    seen = watched(model)
    loss = float(evaluate(model, *as_tensors(inputs, targets, mask)))
    return loss, sorted(set(seen)), model.training


def scaled_batch(rng, scale, steps, batch):
    """Draw a padded batch whose inputs, and so the gradients, are small or large."""
    inputs, targets, mask = drawn_batch(rng, steps, batch)
    return scale * inputs, targets, mask


tick.call(
    {"es": "paso de entrenamiento", "en": "training step"},
    lambda weight, inputs, targets, mask: facts_of_step(weight, inputs, targets, mask),
    cases=lambda rng: [
        (0.5 * rng.normal(size=(4, 4)), *scaled_batch(rng, scale, 6, 4)) for scale in (0.1, 40.0)
    ],
    marks=2,
    hint={
        "es": "¿zero_grad, backward, recorte de la norma conjunta a 1 y paso, en ese orden? ¿Cuenta solo lo que la máscara marca con 1? ¿Modo de entrenamiento, ya desde la pasada hacia delante?",
        "en": "zero_grad, backward, clipping of the joint norm to 1 and step, in that order? Does only what the mask marks with 1 count? Training mode, from the forward pass on?",
    },
)
tick.call(
    {"es": "evaluación", "en": "evaluation"},
    lambda weight, inputs, targets, mask, mode: facts_of_evaluation(
        weight, inputs, targets, mask, mode
    ),
    cases=lambda rng: [
        (rng.normal(size=(4, 4)), *drawn_batch(rng, 6, 4), mode) for mode in (True, False)
    ],
    marks=2,
    hint={
        "es": "Un modelo que llega en modo de entrenamiento debe salir en modo de entrenamiento, pero medirse sin dropout y sin gradientes (torch.no_grad).",
        "en": "A model that comes in training mode must leave in training mode, yet be measured without dropout and without gradients (torch.no_grad).",
    },
)

# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    model = NextToken(VOCABULARY, 32, dropout=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    groups = in_batches(train_set, budget(full=32, quick=16))
    batches = [as_tensors(*padded_batch(group)) for group in groups]
    held_out = as_tensors(*padded_batch(validation_set))
    history = {"training": [], "validation": []}
    for _ in range(budget(full=50, quick=20)):
        losses = [float(train_step(model, optimizer, *batch)) for batch in batches]
        history["training"].append(float(np.mean(losses)))
        history["validation"].append(float(evaluate(model, *held_out)))
    models["nn.LSTM"], histories["nn.LSTM"] = model.eval(), history
    show_history("nn.LSTM")


def race_of_lstms(hidden, times):
    """Print how long loss and gradients of a batch take, by hand and with ``nn.LSTM``."""
    batch = padded_batch(train_set[:32])
    params = new_lstm(hidden, VOCABULARY, np.random.default_rng(run_seed()))
    model, tensors = NextToken(VOCABULARY, hidden, dropout=0.0), as_tensors(*batch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    ours = min(seconds_of(lambda: lstm_gradients(params, *batch))[0] for _ in range(times))
    theirs = min(
        seconds_of(lambda: train_step(model, optimizer, *tensors))[0] for _ in range(times)
    )
    print(
        tr(
            es=f"{hidden} unidades: a mano, {1000 * ours:.1f} ms por lote; "
            f"nn.LSTM, {1000 * theirs:.1f} ms",
            en=f"{hidden} units: by hand, {1000 * ours:.1f} ms a batch; "
            f"nn.LSTM, {1000 * theirs:.1f} ms",
        )
    )


with once_done():
    for hidden in (32, 128):
        race_of_lstms(hidden, times=budget(full=5, quick=1))


# %% role="check" id="torch_trained_check" covers="next_token,modes" points=3
def torch_classes(model, beginnings):
    """Return the most probable class after each beginning, for a PyTorch model."""
    ids = [[CLASSES.index(token) for token in tokens] for tokens in beginnings]
    ours = [token_to_id[token] for token in CLASSES]
    classes = []
    with torch.no_grad():
        for sequence in ids:
            one_hots = nn.functional.one_hot(torch.tensor([ours[i] for i in sequence]), VOCABULARY)
            best = int(model(one_hots[:, None].float())[-1, 0].argmax())
            classes.append(CLASSES.index(id_to_token[best]))
    return classes


tick.predictions(
    {"es": "nn.LSTM en secuencias no vistas", "en": "nn.LSTM on hidden sequences"},
    lambda beginnings: torch_classes(models["nn.LSTM"], beginnings),
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=({"es": "siempre b", "en": "always b"}, always_b),
    marks=3,
    hint={
        "es": "¿Bajó la curva hasta el suelo? Si no, revisa la máscara en la pérdida y que el gradiente se ponga a cero en cada paso.",
        "en": "Did the curve come down to the floor? If not, check the mask in the loss and that gradients are zeroed at each step.",
    },
)

# %% [markdown] exercise="errors" lang="es"
# **¿Dónde falla?** Un porcentaje dice cuánto falla una red; mirar **dónde** dice por qué. Calcula,
# para cada posición de un lote, la fracción de secuencias en que la predicción no es el objetivo,
# contando solo las que llegan hasta ahí.

# %% [markdown] exercise="errors" lang="en"
# **Where does it fail?** A percentage says how much a network fails; looking at **where** says why.
# For each position of a batch, compute the share of sequences whose prediction is not the target,
# counting only those that get that far.


# %% role="exercise" id="errors" title_es="Errores por posición" title_en="Errors by position" difficulty=1 minutes=5
def errors_by_position(predicted: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the share of wrong predictions at each step, shape (T,), of arrays (T, B).

    Every step has at least one real token.
    """
    ### BEGIN SOLUTION
    return ((predicted != targets) * mask).sum(axis=1) / mask.sum(axis=1)
    ### END SOLUTION


# %% role="check" id="errors_check" points=2
tick.call(
    {"es": "errores por posición", "en": "errors by position"},
    lambda predicted, targets, mask: errors_by_position(predicted, targets, mask),
    cases=lambda rng: [
        (rng.integers(0, 3, size=(steps, batch)), *drawn_batch(rng, steps, batch, 3)[1:])
        for steps, batch in [(5, 8), (9, 1)]
    ],
    marks=2,
    hint={
        "es": "Cada fila es un paso. ¿Divides por las secuencias que llegan a ese paso y no por todas?",
        "en": "Each row is a step. Do you divide by the sequences that get to that step, not by all?",
    },
)

# %% [markdown] lang="es"
# Y para verlo de un vistazo, todas las secuencias de $n = 1$ a 20, una por fila. La red solo se
# entrenó hasta $n = 10$: por debajo de la línea empieza lo desconocido.

# %% [markdown] lang="en"
# And to see it at a glance, all the sequences from $n = 1$ to 20, one a row. The network was
# trained up to $n = 10$ only: below the line the unknown begins.


# %% role="given"
POSITION = tr(es="posición de lo que se lee", en="position of what is read")


def draw_mistakes(ax, title, logits_of, most=20):
    """Draw where predictions are wrong; a row is a sequence, a column a position."""
    picture = np.full((most, 2 * most), np.nan)
    for n in range(1, most + 1):
        inputs, targets, _ = padded_batch([["a"] * n + ["b"] * n + ["EOS"]])
        wrong = logits_of(inputs).argmax(axis=-1)[:, 0] != targets[:, 0]
        picture[n - 1, : 2 * n] = np.where(wrong, 1.0, 0.12)
    ax.imshow(picture, cmap=plots.SHADES, vmin=0, vmax=1.4, aspect="auto")
    for n in range(1, most + 1):  # from the first b on, everything is determined
        ax.plot([n - 0.5, n - 0.5], [n - 1.5, n - 0.5], color=plots.COLOURS[1], linewidth=2)
    ax.axhline(MAX_N - 0.5, color=plots.TEXT, linewidth=1, linestyle="--")
    ax.set_yticks(range(0, most, 3), labels=range(1, most + 1, 3))
    ax.set(title=title, xlabel=POSITION, ylabel="n")


def torch_logits(inputs):
    """Return the logits of the trained PyTorch model for one-hot inputs in NumPy."""
    with torch.no_grad():
        return models["nn.LSTM"](torch.tensor(inputs, dtype=torch.float32)).numpy()


def rnn_logits(inputs):
    """Return the logits (T, 1, V) of the trained RNN for one sequence (T, 1, V)."""
    return np.asarray(forward(models["RNN"], inputs[:, 0])[1])[:, None]


with once_done():
    inputs, targets, mask = padded_batch(test_set)
    errors = np.asarray(errors_by_position(torch_logits(inputs).argmax(axis=-1), targets, mask))
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
        left.bar(range(len(errors)), errors, color=plots.COLOURS[0])
        left.set(
            title=tr(es="nn.LSTM, conjunto de prueba", en="nn.LSTM, test set"),
            xlabel=POSITION,
            ylabel=tr(es="fracción de fallos", en="share wrong"),
        )
        left.set_xticks(range(0, len(errors), 5))
        title = tr(
            es="nn.LSTM: oscuro, fallo; naranja, primera b",
            en="nn.LSTM: dark is wrong, orange is the first b",
        )
        draw_mistakes(right, title, torch_logits)
        plt.show()
with once_done(), plots.style():
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    draw_mistakes(axes[0], tr(es="RNN en NumPy", en="RNN in NumPy"), rnn_logits)
    draw_mistakes(
        axes[1],
        tr(es="LSTM en NumPy", en="LSTM in NumPy"),
        lambda inputs: lstm_run(models["LSTM"], inputs)[2],
    )
    plt.show()

# %% [markdown] exercise="counting_unit" lang="es"
# **Abrir la celda.** Hasta $n = 10$ las dos redes en NumPy empatan. Por debajo de la línea, no: la
# RNN se pierde enseguida y la LSTM sigue acertando un buen trecho. ¿Cómo lo hace? Su celda **suma**,
# y sumar es contar. Busca, entre sus unidades, la que lleva la cuenta: aquella cuyo estado tiene
# con `count` (las `a` leídas menos las `b`) la mayor correlación de Pearson **en valor absoluto**,
# porque contar hacia abajo también es contar. Una unidad que no se mueve no cuenta nada: su
# correlación sería 0/0, y vale 0.

# %% [markdown] exercise="counting_unit" lang="en"
# **Opening the cell.** Up to $n = 10$ the two NumPy networks draw. Below the line they do not: the
# RNN is lost at once, and the LSTM goes on being right for a good while. How? Its cell **adds**, and
# adding is counting. Among its units, find the one that keeps count: the one whose state has the
# largest Pearson correlation with `count` (the `a` read minus the `b`), **in absolute value**, since
# counting down is counting, too. A unit that does not move counts nothing: its correlation would be
# 0/0, and is taken as 0.


# %% role="exercise" id="counting_unit" title_es="La neurona que cuenta" title_en="The unit that counts" difficulty=2 minutes=8
def counting_unit(states: np.ndarray, count: np.ndarray) -> int:
    """Return which unit of the states, shape (T, H), follows the count, shape (T,), most closely."""
    ### BEGIN SOLUTION
    centred = states - states.mean(axis=0)  # (T, H)
    lengths = np.linalg.norm(centred, axis=0)
    products = np.abs(count @ centred)  # (H,); each column adds up to 0, so count need not
    return int((products / np.where(lengths > 0, lengths, 1)).argmax())
    ### END SOLUTION


# %% role="check" id="counting_unit_check" points=2
def count_of(n):
    """Return how many a more than b have been read after each token of aⁿbⁿ but the last."""
    return np.concatenate([np.arange(1, n + 1), np.arange(n - 1, 0, -1)]).astype(float)


def drawn_units(rng, sign, units=9):
    """Draw states and a count: a unit that counts, a loud one, a rough one, and one that rests."""
    count = count_of(int(rng.integers(5, 12)))
    states = rng.normal(size=(len(count), units))
    counts, loud, rough, rests = rng.permutation(units)[:4]
    states[:, counts] = sign * 0.1 * count + 5
    states[:, loud] = 30 * count + 90 * states[:, loud]
    states[:, rough] = -sign * count + states[:, rough]
    states[:, rests] = 1
    return states, count


tick.call(
    {"es": "la unidad que cuenta", "en": "the unit that counts"},
    lambda states, count: counting_unit(states, count),
    cases=lambda rng: [drawn_units(rng, sign) for sign in (1, -1, 1, -1)],
    marks=2,
    hint={
        "es": "Correlación, no covarianza: ni lo grande que sea una unidad ni su signo deben decidir. ¿Y qué haces con el nan de la que no se mueve?",
        "en": "Correlation, not covariance: neither the size of a unit nor its sign may decide. And what do you do with the nan of the one that rests?",
    },
)


# %% role="given"
def states_of(name, n):
    """Return what the LSTM's cell or the RNN holds after each token of aⁿbⁿ but the last, (T, H)."""
    inputs, _, _ = padded_batch([["a"] * n + ["b"] * n + ["EOS"]])  # (2n, 1, V)
    if name == "RNN":
        return np.asarray(forward(models["RNN"], inputs[:, 0])[0])[:-1]
    read, _, _ = lstm_run(models["LSTM"], inputs)
    return np.array([c[0] for _, _, c, _ in read[1:]])  # c as the step after it reads it


with once_done(), plots.style():
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    for ax, name in zip(axes, ("LSTM", "RNN"), strict=True):
        unit = counting_unit(states_of(name, MAX_N), count_of(MAX_N))
        for number, n in enumerate((5, 10, 15)):
            ax.plot(
                np.arange(1, 2 * n),
                states_of(name, n)[:, unit],
                color=plots.COLOURS[number],
                linestyle=plots.DASHES[number],
                marker=plots.MARKERS[number],
                markersize=3.5,
                label=f"n = {n}",
            )
        ax.set(xlabel=tr(es="palabras leídas", en="tokens read"))
        ax.legend()
    axes[0].set(
        title=tr(es="LSTM: la celda que cuenta", en="LSTM: the cell that counts"),
        ylabel=tr(es="estado", en="state"),
    )
    axes[1].set(title=tr(es="RNN: su mejor estado", en="RNN: its best state"))
    plt.show()

# %% [markdown] lang="es"
# Ahí está: la celda se mueve casi un paso fijo por cada `a`, en una dirección, y lo deshace con cada
# `b`. Cuando vuelve al principio, toca `EOS`. Que una LSTM aprende a contar así en $a^n b^n$, y llega
# mucho más lejos de lo que vio, lo mostraron Gers y Schmidhuber (2001). Una RNN no puede llevar la
# cuenta de ese modo: sus estados viven entre −1 y 1, y todos los números grandes se le aplastan
# contra el borde (Weiss et al., 2018).

# %% [markdown] lang="en"
# There it is: the cell moves by an almost constant step for each `a`, in one direction, and takes it
# back with each `b`. When it is back where it began, it is time for `EOS`. That an LSTM learns to
# count like this on $a^n b^n$, and gets much further than it has seen, was shown by Gers and
# Schmidhuber (2001). An RNN cannot keep count that way: its states live between −1 and 1, and all
# large numbers are squashed against the edge (Weiss et al., 2018).

# %% [markdown] role="question" id="hand_or_framework" points=2 lang="es"
# Compara tu LSTM escrita a mano con la de PyTorch: código, velocidad (la hemos medido), resultado.
# ¿Qué te da cada una que no te da la otra?
#
# ### BEGIN SOLUTION
# Hacen las mismas cuentas: con pesos copiados coinciden hasta el redondeo. PyTorch ahorra la
# parte larga y propensa a errores (los gradientes), usa la GPU y trae capas, optimizadores y dropout
# probados. También es más rápida: con los números de la celda de arriba, de una vez y media a
# cuatro veces sin GPU, y la ventaja crece con el tamaño, porque da cada paso con código compilado y no con
# una docena de llamadas desde Python. La versión a mano enseña qué pasa dentro, se puede inspeccionar
# paso a paso y no depende de nada. (Valen los tiempos propios: dependen de la máquina.)
# ### END SOLUTION

# %% [markdown] role="question" id="hand_or_framework" points=2 lang="en"
# Compare your handwritten LSTM with PyTorch's: code, speed (we have measured it), result. What does
# each give you that the other does not?
#
# ### BEGIN SOLUTION
# They do the same sums: with copied weights they agree to rounding. PyTorch saves the long part
# where mistakes are made (the gradients), uses the GPU and brings tested layers, optimisers and
# dropout. It is faster, too: by the numbers of the cell above, one and a half to four times without
# a GPU, and the lead grows with the size, because it takes each step in compiled code and not in a
# dozen calls from Python. The handwritten one shows what goes on inside, can be inspected step by
# step and depends on nothing. (One's own times will do: they depend on the machine.)
# ### END SOLUTION

# %% [markdown] role="question" id="which_better" points=2 lang="es"
# ¿Qué red de NumPy lo ha hecho mejor, la RNN o la LSTM? Apóyate en los números y en los dibujos, y
# di hasta dónde llega tu conclusión.
#
# ### BEGIN SOLUTION
# Depende de lo que se pregunte. **Hasta $n = 10$, empate**: las dos llegan al suelo y aciertan casi
# todas las posiciones determinadas. Son secuencias de 20 pasos como mucho, la inicialización
# ortogonal conserva bastante gradiente a esa distancia y basta con distinguir diez cuentas. La LSTM
# llega en menos épocas, pero cada una cuesta varias veces más: tiene el cuádruple de pesos en la
# recurrencia. **Más allá de $n = 10$, gana la LSTM**: la RNN falla ya en 11 o poco después, y la
# LSTM suele acertar hasta 15 o 20, porque cuenta sumando en su celda. Si el examen se parece a los
# datos de entrenamiento, la sencilla basta; si pide generalizar, no.
# ### END SOLUTION

# %% [markdown] role="question" id="which_better" points=2 lang="en"
# Which of the NumPy networks did better, the RNN or the LSTM? Use the numbers and the pictures, and
# say how far your conclusion reaches.
#
# ### BEGIN SOLUTION
# It depends on what is asked. **Up to $n = 10$, a draw**: both reach the floor and are right at
# nearly all determined positions. The sequences have 20 steps at most, the orthogonal start keeps
# enough gradient alive over that distance, and telling ten counts apart is all it takes. The LSTM
# gets there in fewer epochs, but each costs several times as much: it has four times the weights in
# its recurrence. **Beyond $n = 10$ the LSTM wins**: the RNN fails at 11 or soon after, and the LSTM
# is usually right up to 15 or 20, because it counts by adding in its cell. If the exam looks like
# the training data, the simple one is enough; if it asks to generalise, it is not.
# ### END SOLUTION

# %% [markdown] role="question" id="where_fails" points=2 lang="es"
# ¿En qué posiciones falla la predicción? Distingue los errores que ninguna red podría evitar de los
# que sí, y explica qué ocurre, en cada una de las tres redes, por debajo de la línea discontinua.
#
# ### BEGIN SOLUTION
# Entre las `a` hay errores inevitables: la red no puede saber cuál es la última, apuesta por lo más
# probable y falla justo en el cambio (o, cerca de $n = 10$, apuesta por `b` antes de tiempo). Desde
# la primera `b` (línea naranja) no debería haber ninguno, y hasta $n = 10$ apenas los hay. Más allá,
# cada red cuenta hasta donde aprendió a contar. La RNN se pierde casi enseguida ($n = 11$–13): sus
# estados están saturados y las cuentas grandes le parecen iguales. La LSTM de NumPy acierta hasta
# $n = 15$–20 o más: en su celda hay una unidad que sube un paso por cada `a` y baja uno por cada `b`,
# y ese contador sigue valiendo fuera de lo que vio, hasta que los pequeños errores de cada paso
# suman demasiado. La de PyTorch, con la misma arquitectura, suele fallar antes ($n = 12$–14): poder
# contar no garantiza aprender a contar bien; también depende de cómo se entrenó. El triángulo oscuro
# que queda a la izquierda de la naranja es otra cosa: las tres fallan también entre las `a` desde la
# novena o la décima, pues nunca vieron más de diez y apuestan por `b`. No dice si cuentan bien.
# ### END SOLUTION

# %% [markdown] role="question" id="where_fails" points=2 lang="en"
# At which positions does the prediction fail? Tell the errors that no network could avoid from
# those that one could, and explain what happens, in each of the three networks, below the dashed
# line.
#
# ### BEGIN SOLUTION
# Among the `a` there are errors that cannot be helped: the network cannot know which is the last
# one, bets on what is most probable, and is wrong right at the change (or, near $n = 10$, bets on
# `b` too soon). From the first `b` (orange line) there should be none, and up to $n = 10$ there
# hardly are. Beyond, each network counts as far as it learned to count. The RNN is lost almost at
# once ($n = 11$–13): its states are saturated, and large counts look the same to it. NumPy's LSTM
# is right up to $n = 15$–20 or more: in its cell there is a unit that goes up a step for each `a` and
# down one for each `b`, and that counter still works outside what it saw, until the small errors of
# each step add up to too much. PyTorch's, of the same architecture, usually fails sooner
# ($n = 12$–14): to be able to count is not yet to have learned to count well; that also depends on
# the training. The dark triangle left of the orange line is another matter: all three are wrong among
# the `a`, too, from about the ninth or tenth on, as they never saw more than ten and bet on `b`. It
# does not say whether they count well.
# ### END SOLUTION

# %% [markdown] role="question" id="eval_and_train" points=2 lang="es"
# ¿Qué cambian exactamente `model.eval()` y `model.train()`? ¿Qué pasaría si evaluaras sin llamar a
# `eval()`? ¿Y es lo mismo `eval()` que `torch.no_grad()`?
#
# ### BEGIN SOLUTION
# Cambian el atributo `training` del modelo y de sus módulos, que consultan las capas que se
# comportan de dos maneras: el dropout apaga neuronas solo al entrenar; la normalización por lotes
# usa las estadísticas del lote o las acumuladas. No tocan los pesos. Sin `eval()` la evaluación
# saldría con ruido, distinta cada vez y algo peor. `torch.no_grad()` es otra cosa: no guarda el
# grafo, así que ahorra memoria y tiempo, pero no cambia el resultado. Al evaluar se usan los dos.
# ### END SOLUTION

# %% [markdown] role="question" id="eval_and_train" points=2 lang="en"
# What exactly do `model.eval()` and `model.train()` change? What would happen if you evaluated
# without calling `eval()`? And is `eval()` the same as `torch.no_grad()`?
#
# ### BEGIN SOLUTION
# They change the attribute `training` of the model and its modules, which layers with two kinds of
# behaviour look at: dropout switches neurons off only while training; batch normalisation uses the
# batch's statistics or the accumulated ones. They do not touch the weights. Without `eval()` the
# evaluation would be noisy, different each time and somewhat worse. `torch.no_grad()` is another
# matter: it keeps no graph, which saves memory and time, but does not change the result. To
# evaluate one uses both.
# ### END SOLUTION
