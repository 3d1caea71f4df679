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
def filled_outputs(vocabulary, hidden, inputs):
    """Return the logits of the student's model in evaluation mode, its weights filled by rule."""
    model = NextToken(vocabulary, hidden, dropout=0.5).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float32))
            parameter.copy_(0.5 * values.reshape(parameter.shape))
        return model(torch.tensor(inputs, dtype=torch.float32))


def drops_out(vocabulary, hidden, inputs, modes):
    """Return for each mode, training or evaluation, whether the logits change from call to call."""
    model = NextToken(vocabulary, hidden, dropout=0.5)
    inputs = torch.tensor(inputs, dtype=torch.float32)
    return [not torch.equal(model.train(mode)(inputs), model.train(mode)(inputs)) for mode in modes]


def drawn_inputs(rng):
    """Draw one-hot inputs, shape (6, 3, 5)."""
    return np.eye(5)[rng.integers(0, 5, size=(6, 3))]


tick.call(
    {"es": "logits del modelo", "en": "logits of the model"},
    lambda vocabulary, hidden, inputs: filled_outputs(vocabulary, hidden, inputs),
    cases=lambda rng: [(5, hidden, drawn_inputs(rng)) for hidden in (3, 8)],
    marks=2,
    hint={
        "es": "nn.LSTM devuelve una tupla: los estados de todos los pasos y los últimos. Sin batch_first, el tiempo va primero.",
        "en": "nn.LSTM returns a tuple: the states of all steps, and the last ones. Without batch_first, time comes first.",
    },
)
tick.call(
    {"es": "dropout solo al entrenar", "en": "dropout only while training"},
    lambda *drawn: drops_out(*drawn),
    cases=lambda rng: [(5, 8, drawn_inputs(rng), rng.permutation([True, False] * 8).tolist())],
    marks=1,
    hint={
        "es": "Usa el módulo nn.Dropout, que obedece a train() y eval(), entre la LSTM y la capa lineal.",
        "en": "Use the module nn.Dropout, which obeys train() and eval(), between the LSTM and the linear layer.",
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


def facts_of_step(weight, inputs, targets, mask):
    """Return loss, weights and mode after the student's two steps on a toy model."""
    model = toy(weight, dropout=0.0).eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    batch = as_tensors(inputs, targets, mask)
    losses = [train_step(model, optimizer, *batch) for _ in range(2)]
    return losses, model[1].weight.detach(), model.training


def facts_of_evaluation(weight, inputs, targets, mask, mode):
    """Return the student's evaluation of a toy model, and the mode it is left in."""
    model = toy(weight, dropout=0.5).train(mode)
    return evaluate(model, *as_tensors(inputs, targets, mask)), model.training


tick.call(
    {"es": "paso de entrenamiento", "en": "training step"},
    lambda weight, inputs, targets, mask: facts_of_step(weight, inputs, targets, mask),
    cases=lambda rng: [
        (scale * rng.normal(size=(4, 4)), *drawn_batch(rng, 5, 3)) for scale in (0.5, 8.0)
    ],
    marks=2,
    hint={
        "es": "¿zero_grad, backward, recorte y paso, en ese orden? ¿Cuenta solo lo que la máscara marca con 1? ¿Modo de entrenamiento?",
        "en": "zero_grad, backward, clipping and step, in that order? Does only what the mask marks with 1 count? Training mode?",
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
        "es": "Un modelo que llega en modo de entrenamiento debe salir en modo de entrenamiento, pero medirse sin dropout.",
        "en": "A model that comes in training mode must leave in training mode, yet be measured without dropout.",
    },
)

# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    model = NextToken(VOCABULARY, 32, dropout=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    batches = [as_tensors(*padded_batch(group)) for group in in_batches(train_set, 32)]
    held_out = as_tensors(*padded_batch(validation_set))
    history = {"training": [], "validation": []}
    for _ in range(budget(full=50, quick=60)):
        losses = [train_step(model, optimizer, *batch) for batch in batches]
        history["training"].append(float(np.mean(losses)))
        history["validation"].append(evaluate(model, *held_out))
    models["nn.LSTM"], histories["nn.LSTM"] = model.eval(), history
    show_history("nn.LSTM")


# %% role="check" id="torch_trained_check" covers="next_token,modes" points=4
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
    marks=4,
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
# Y para verlo de un vistazo, todas las secuencias de $n = 1$ a 16, una por fila. La red solo se
# entrenó hasta $n = 10$: por debajo de la línea empieza lo desconocido.

# %% [markdown] lang="en"
# And to see it at a glance, all the sequences from $n = 1$ to 16, one a row. The network was
# trained up to $n = 10$ only: below the line the unknown begins.


# %% role="given"
POSITION = tr(es="posición de lo que se lee", en="position of what is read")


def draw_mistakes(ax, title, logits_of, most=16):
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
    return forward(models["RNN"], inputs[:, 0])[1][:, None]


with once_done():
    inputs, targets, mask = padded_batch(test_set)
    errors = errors_by_position(torch_logits(inputs).argmax(axis=-1), targets, mask)
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

# %% [markdown] role="question" id="hand_or_framework" points=2 lang="es"
# Compara tu LSTM escrita a mano con la de PyTorch: código, velocidad, resultado. ¿Qué te da cada
# una que no te da la otra?
#
# ### BEGIN SOLUTION
# Hacen las mismas cuentas: con pesos copiados coinciden hasta el redondeo. PyTorch ahorra la
# parte larga y propensa a errores (los gradientes), está optimizado, usa la GPU y trae capas,
# optimizadores y dropout probados. La versión a mano enseña qué pasa dentro, se puede inspeccionar
# paso a paso y no depende de nada; con modelos así de pequeños puede incluso ser más rápida,
# porque el coste fijo de cada operación de PyTorch pesa más que la operación.
# ### END SOLUTION

# %% [markdown] role="question" id="hand_or_framework" points=2 lang="en"
# Compare your handwritten LSTM with PyTorch's: code, speed, result. What does each give you that
# the other does not?
#
# ### BEGIN SOLUTION
# They do the same sums: with copied weights they agree to rounding. PyTorch saves the long part
# where mistakes are made (the gradients), is optimised, uses the GPU and brings tested layers,
# optimisers and dropout. The handwritten one shows what goes on inside, can be inspected step by
# step and depends on nothing; with models as small as these it can even be faster, because the
# fixed cost of every PyTorch operation weighs more than the operation.
# ### END SOLUTION

# %% [markdown] role="question" id="where_fails" points=2 lang="es"
# ¿En qué posiciones falla la predicción? Distingue los errores que ninguna red podría evitar de los
# que sí, y explica qué ocurre por debajo de la línea discontinua.
#
# ### BEGIN SOLUTION
# Entre las `a` hay errores inevitables: la red no puede saber cuál es la última, apuesta por lo
# más probable y falla justo en el cambio (o, cerca de $n = 10$, apuesta por `b` antes de tiempo).
# Desde la primera `b` (línea naranja) no debería haber ninguno, y hasta $n = 10$ apenas los hay.
# Más allá, la red termina demasiado pronto o demasiado tarde: no ha aprendido la regla «tantas
# como antes», sino un contador que funciona en el rango que vio y se satura fuera de él.
# ### END SOLUTION

# %% [markdown] role="question" id="where_fails" points=2 lang="en"
# At which positions does the prediction fail? Tell the errors that no network could avoid from
# those that one could, and explain what happens below the dashed line.
#
# ### BEGIN SOLUTION
# Among the `a` there are errors that cannot be helped: the network cannot know which is the last
# one, bets on what is most probable, and is wrong right at the change (or, near $n = 10$, bets on
# `b` too soon). From the first `b` (orange line) there should be none, and up to $n = 10$ there
# hardly are. Beyond, the network stops too early or too late: it has not learned the rule “as many
# as before” but a counter that works in the range it saw and saturates outside it.
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
