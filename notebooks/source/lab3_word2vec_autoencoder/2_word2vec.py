# %% [markdown] lang="es"
# ## 1.5 One-hot y embedding: el mismo mapa
#
# ¿Cómo entra una palabra en una red? La forma clásica es **one-hot**: un vector de ceros con un 1 en
# la posición de la palabra. Si lo multiplicas por una matriz $W$ de forma $(V, d)$, el 1 elige una
# fila y los ceros borran las demás:
#
# $$\text{onehot}(i)\,W = W_i$$
#
# Entonces sobra la multiplicación: basta con leer la fila $i$. Eso es exactamente `nn.Embedding`, una
# matriz cuyas filas se consultan por número. También en el aprendizaje son lo mismo: el gradiente
# solo toca las filas que se han leído.

# %% [markdown] lang="en"
# ## 1.5 One-hot and embedding: the same map
#
# How does a word enter a network? The classic way is **one-hot**: a vector of zeros with a 1 at the
# word's position. If you multiply it by a matrix $W$ of shape $(V, d)$, the 1 picks a row and the
# zeros wipe out the others:
#
# $$\text{onehot}(i)\,W = W_i$$
#
# So the multiplication is not needed: reading row $i$ is enough. That is exactly `nn.Embedding`, a
# matrix whose rows are looked up by number. In learning, too, they are the same: the gradient only
# touches the rows that were read.

# %% [markdown] exercise="one_hot" lang="es"
# Compruébalo: escribe la codificación *one-hot* y la multiplicación por la matriz.

# %% [markdown] exercise="one_hot" lang="en"
# See for yourself: write the one-hot encoding and the multiplication by the matrix.


# %% role="exercise" id="one_hot" title_es="One-hot por matriz" title_en="One-hot times a matrix" difficulty=1 minutes=15
def one_hot(ids: torch.Tensor, size: int) -> torch.Tensor:
    """Return float vectors (N, size) with a 1 at each id and zeros elsewhere."""
    ### BEGIN SOLUTION
    return (ids[:, None] == torch.arange(size, device=ids.device)).float()  # (N, 1) == (size,)
    ### END SOLUTION


def lookup_by_one_hot(ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the vectors (N, d) of the ids, as a product with the matrix ``weight`` (V, d)."""
    ### BEGIN SOLUTION
    return one_hot(ids, len(weight)) @ weight
    ### END SOLUTION


# %% role="check" id="one_hot_check" points=2
def draw_weight(rng, infinite=False):
    """Draw ids and a matrix; a row that nobody reads may be infinite, which only a product sees."""
    weight = rng.normal(size=(7, 3)).astype(np.float32)
    if infinite:
        weight[6] = np.inf
    return rng.integers(6, size=5), weight


tick.call(
    {"es": "one-hot: vectores", "en": "one-hot: vectors"},
    lambda ids, size: tensor_of(one_hot(torch.tensor(ids, device=device), size)),
    cases=lambda rng: [(rng.integers(8, size=n), 9) for n in (1, 4, 12)],  # the last is in none
    marks=1,
    hint={
        "es": "Una fila por palabra y una columna por entrada del vocabulario; cada fila suma 1.",
        "en": "One row for each word and one column for each entry of the vocabulary; rows sum to 1.",
    },
)
tick.call(
    {"es": "one-hot: por la matriz", "en": "one-hot: times the matrix"},
    lambda ids, weight: tensor_of(lookup_by_one_hot(*on_device(ids, weight))),
    cases=lambda rng: [draw_weight(rng), draw_weight(rng, infinite=True)],
    marks=1,
    hint={
        "es": "Mira las formas: (N, V) por (V, d) da (N, d). ¿Son del mismo tipo las dos matrices? ¿Es "
        "un producto? Leer filas da lo mismo, salvo si alguna es infinita: 0 · ∞ no es 0.",
        "en": "Look at the shapes: (N, V) times (V, d) is (N, d). Are both matrices of the same type? "
        "Is it a product? Reading rows gives the same, unless some row is infinite: 0 · ∞ is not 0.",
    },
)

# %% [markdown] lang="es"
# El mismo resultado, a un precio muy distinto:

# %% [markdown] lang="en"
# The same result, at a very different price:

# %% role="given"
with once_done():
    some_ids = torch.randint(len(id_to_token), (1024,))
    embedding = nn.Embedding(len(id_to_token), 64)


def timed(function):
    start = perf_counter()
    return function(), 1000 * (perf_counter() - start)


with once_done():
    with torch.no_grad():
        product, product_ms = timed(lambda: lookup_by_one_hot(some_ids, embedding.weight))
        rows, rows_ms = timed(lambda: embedding(some_ids))
    numbers = len(some_ids) * len(id_to_token)
    gap = (product - rows).abs().max()
    by_one_hot = tr(es="one-hot por W", en="one-hot times W")
    for name, size, spent in (
        (by_one_hot, numbers, product_ms),
        ("nn.Embedding", len(some_ids), rows_ms),
    ):
        print(
            tr(
                es=f"{name:>15}: {size:8} números de entrada, {spent:6.2f} ms",
                en=f"{name:>15}: {size:8} numbers of input, {spent:6.2f} ms",
            )
        )
    print(tr(es=f"mayor diferencia: {gap:.0e}", en=f"largest difference: {gap:.0e}"))

# %% [markdown] lang="es"
# ## 1.6 Modelo y entrenamiento
#
# Skip-gram es una de las redes más pequeñas que existen: dos matrices y nada entre ellas.
#
# | | forma | qué es |
# |---|---|---|
# | `embedding` | $(V, d)$ | una fila por palabra cuando es *centro*: **los vectores que buscamos** |
# | `output` | $(V, d)$ | una fila por palabra cuando es *contexto*; lineal y sin sesgo |
#
# La puntuación de una pareja es el producto escalar de sus dos filas. Dos palabras con los mismos
# contextos necesitan puntuaciones parecidas con todas las demás, y la forma de conseguirlo es tener
# vectores parecidos: ahí está todo el truco. Por eso tampoco hay función de activación: queremos un
# espacio en el que distancias y ángulos signifiquen algo.

# %% [markdown] lang="en"
# ## 1.6 Model and training
#
# Skip-gram is one of the smallest networks there are: two matrices and nothing in between.
#
# | | shape | what it is |
# |---|---|---|
# | `embedding` | $(V, d)$ | a row for each word as a *centre*: **the vectors we are after** |
# | `output` | $(V, d)$ | a row for each word as a *context*; linear, without a bias |
#
# The score of a pair is the dot product of its two rows. Two words with the same contexts need
# similar scores with all the others, and the way to get them is to have similar vectors: that is the
# whole trick. It is also why there is no activation function: we want a space in which distances and
# angles mean something.

# %% [markdown] exercise="model" lang="es"
# Define las dos capas con esos nombres, `embedding` y `output`. `forward` recibe los números de los
# centros, de forma `(B,)`, y devuelve una puntuación sin normalizar (*logit*) para cada palabra del
# vocabulario, de forma `(B, V)`. No apliques softmax: la entropía cruzada de PyTorch ya lo incluye.
#
# La última línea de `__init__` va dada: encoge los vectores iniciales. PyTorch los sortea con
# desviación 1, y las palabras raras, que se actualizan poco, se quedarían cerca de ese azar.

# %% [markdown] exercise="model" lang="en"
# Define the two layers with those names, `embedding` and `output`. `forward` takes the ids of the
# centres, of shape `(B,)`, and returns an unnormalised score (logit) for each word of the
# vocabulary, of shape `(B, V)`. Do not apply softmax: PyTorch's cross-entropy includes it.
#
# The last line of `__init__` is given: it shrinks the vectors at the start. PyTorch draws them with
# standard deviation 1, and rare words, which are seldom updated, would stay close to that chance.


# %% role="exercise" id="model" title_es="La red skip-gram" title_en="The skip-gram network" difficulty=1 minutes=10
class SkipGram(nn.Module):
    """Scores every word of the vocabulary as a context of the given centres."""

    def __init__(self, vocabulary_size: int, dim: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocabulary_size, dim)
        self.output = nn.Linear(dim, vocabulary_size, bias=False)
        ### END SOLUTION
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, centres: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.output(self.embedding(centres))  # (B,) -> (B, d) -> (B, V)
        ### END SOLUTION


# %% role="check" id="model_check" points=2
def parameter_shapes(vocabulary_size, dim):
    model = SkipGram(vocabulary_size, dim)
    return {name: list(parameter.shape) for name, parameter in model.named_parameters()}


def logits_of(embedding, output, centres):
    model = SkipGram(*embedding.shape)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.tensor(embedding))
        model.output.weight.copy_(torch.tensor(output))
        return model(torch.tensor(centres))


tick.call(
    {"es": "modelo: parámetros", "en": "model: parameters"},
    lambda vocabulary_size, dim: parameter_shapes(vocabulary_size, dim),
    cases=lambda rng: [(int(rng.integers(10, 20)), int(rng.integers(2, 8)))],
    marks=1,
    hint={
        "es": "Hay dos matrices, embedding.weight y output.weight, y ningún sesgo.",
        "en": "There are two matrices, embedding.weight and output.weight, and no bias.",
    },
)
tick.call(
    {"es": "modelo: logits", "en": "model: logits"},
    lambda embedding, output, centres: logits_of(embedding, output, centres),
    cases=lambda rng: [
        (rng.normal(size=(11, 4)), rng.normal(size=(11, 4)), rng.integers(11, size=n))
        for n in (1, 6)
    ],
    marks=1,
    hint={
        "es": "¿La forma es (B, V)? ¿Has dejado los logits como salen, sin softmax ni activación?",
        "en": "Is the shape (B, V)? Did you leave the logits as they are, without softmax or activation?",
    },
)

# %% [markdown] lang="es"
# **La pérdida** es la entropía cruzada: $-\log p(\text{contexto} \mid \text{centro})$, la «sorpresa»
# media ante el contexto que de verdad apareció. Dos referencias para leerla:
#
# - un modelo que no sabe nada reparte la probabilidad por igual y pierde $\ln V$ (8.03 con 3085
#   palabras);
# - uno que solo conoce las frecuencias, sin mirar el centro (el de **unigramas**), pierde algo menos.
#   Todo lo que el tuyo baje de ahí lo ha aprendido del contexto.

# %% [markdown] lang="en"
# **The loss** is cross-entropy: $-\log p(\text{context} \mid \text{centre})$, the mean “surprise” at
# the context that did appear. Two references to read it by:
#
# - a model that knows nothing shares the probability out evenly and loses $\ln V$ (8.03 with 3085
#   words);
# - one that knows the frequencies only, and does not look at the centre (the **unigram** model), loses
#   a little less. Whatever yours gets below that, it has learnt from context.

# %% [markdown] exercise="mean_loss" lang="es"
# Primero, medir sin aprender. Recorre los lotes `(centros, contextos)` de `loader`, llévalos a
# `device` y devuelve, como `float`, la pérdida media **por pareja**. El último lote suele ser más
# pequeño, así que la media de las medias no vale. Y como aquí no se aprende, no hace falta gastar
# memoria en gradientes: `torch.no_grad()`.

# %% [markdown] exercise="mean_loss" lang="en"
# First, measuring without learning. Go through the batches `(centres, contexts)` of `loader`, take
# them to `device` and return, as a `float`, the mean loss **per pair**. The last batch is often
# smaller, so the mean of the means will not do. And as nothing is learnt here, no memory needs to be
# spent on gradients: `torch.no_grad()`.


# %% role="exercise" id="mean_loss" title_es="Medir la pérdida" title_en="Measure the loss" difficulty=1 minutes=10
def mean_loss(model: nn.Module, loader) -> float:
    """Return the mean cross-entropy per pair, without learning anything."""
    ### BEGIN SOLUTION
    total, count = 0.0, 0
    with torch.no_grad():
        for centres, contexts in loader:
            logits = model(centres.to(device))
            total += nn.functional.cross_entropy(
                logits, contexts.to(device), reduction="sum"
            ).item()
            count += len(centres)
    return total / count
    ### END SOLUTION


# %% role="check" id="mean_loss_check" points=2
class Table(nn.Embedding):
    """The simplest model that fits: a table of logits, a row for each centre."""

    def forward(self, centres):
        self.with_gradients = torch.is_grad_enabled()
        return super().forward(centres)


def draw_table(rng, count, batch_size):
    """Draw a table of logits, and pairs that will come in batches of this size."""
    return rng.normal(size=(6, 6)).astype(np.float32), rng.integers(6, size=(count, 2)), batch_size


def in_order(pairs, batch_size):
    return DataLoader(TensorDataset(*torch.tensor(pairs).unbind(1)), batch_size=batch_size)


def measured(table, pairs, batch_size):
    model = Table.from_pretrained(torch.tensor(table), freeze=False).to(device)
    return float(mean_loss(model, in_order(pairs, batch_size))), model


tick.call(
    {"es": "pérdida media: valor", "en": "mean loss: value"},
    lambda table, pairs, batch_size: measured(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, count, 8) for count in (5, 17)],
    marks=1,
    hint={
        "es": "¿Pesan igual todas las parejas, aunque el último lote sea más pequeño?",
        "en": "Does each pair weigh the same, even though the last batch is smaller?",
    },
)
tick.call(
    {"es": "pérdida media: sin gradientes", "en": "mean loss: no gradients"},
    lambda table, pairs, batch_size: measured(table, pairs, batch_size)[1].with_gradients,
    cases=lambda rng: [draw_table(rng, 4, 4)],
    marks=1,
    hint={
        "es": "¿Se llama al modelo dentro de torch.no_grad()?",
        "en": "Is the model called inside torch.no_grad()?",
    },
)

# %% [markdown] exercise="train_epoch" lang="es"
# Ahora, aprender. Para cada lote: borra los gradientes anteriores, calcula la pérdida media del
# lote, propágala hacia atrás y da un paso del optimizador. Devuelve la pérdida media **por pareja**
# de la época, con las pérdidas que fuiste midiendo por el camino.

# %% [markdown] exercise="train_epoch" lang="en"
# Now, learning. For each batch: clear the old gradients, compute the mean loss of the batch,
# propagate it backwards and take a step of the optimiser. Return the epoch's mean loss **per pair**,
# from the losses that you measured on the way.


# %% role="exercise" id="train_epoch" title_es="Una época" title_en="One epoch" difficulty=2 minutes=15
def train_epoch(model: nn.Module, loader, optimizer: torch.optim.Optimizer) -> float:
    """Take one step of the optimiser for each batch; return the mean loss per pair."""
    ### BEGIN SOLUTION
    total, count = 0.0, 0
    for centres, contexts in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(centres.to(device)), contexts.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(centres)
        count += len(centres)
    return total / count
    ### END SOLUTION


# %% role="check" id="train_epoch_check" points=3
def trained(table, pairs, batch_size):
    """Return the table of logits after one epoch of plain gradient descent, and the loss."""
    model = Table.from_pretrained(torch.tensor(table), freeze=False).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    loss = train_epoch(model, in_order(pairs, batch_size), optimizer)
    keeps_graph = isinstance(loss, torch.Tensor) and loss.requires_grad  # of every batch: no memory
    return model.weight, [loss, keeps_graph]


tick.call(
    {"es": "época: un lote", "en": "epoch: one batch"},
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, 6, 6)],
    marks=1,
    hint={
        "es": "¿Es la pérdida la media del lote? ¿Llamas a backward() y luego a step()?",
        "en": "Is the loss the mean over the batch? Do you call backward() and then step()?",
    },
)
tick.call(
    {"es": "época: varios lotes", "en": "epoch: several batches"},
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, 20, 6)],
    marks=1,
    hint={
        "es": "Un paso por lote. Y los gradientes se suman a los anteriores si nadie los borra.",
        "en": "One step for each batch. And gradients add to the old ones unless someone clears them.",
    },
)
tick.call(
    {"es": "época: pérdida media", "en": "epoch: mean loss"},
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[1],
    cases=lambda rng: [draw_table(rng, 25, 6)],  # the last batch is small
    marks=1,
    hint={
        "es": "La pérdida de cada lote se mide antes de su paso, y pesa según su tamaño. Suma números "
        "(.item()): un tensor arrastra su grafo.",
        "en": "The loss of each batch is measured before its step, and weighs by its size. Add numbers "
        "(.item()): a tensor drags its graph along.",
    },
)

# %% [markdown] exercise="train" lang="es"
# Y ahora todo junto. Crea el modelo en `device`, los dos `DataLoader` y un optimizador (Adam va bien).
# En cada época, entrena con `pairs` y mide en `held_out`. Devuelve el modelo y las dos curvas, en un
# diccionario con las claves `"training"` y `"held out"`: un valor por época en cada una.
#
# Recorre las épocas con `tqdm(range(epochs), leave=False)` y verás cuánto falta.
#
# Lo que se comprueba es el resultado, con parejas que tu código no ha visto nunca: ¿predice contextos
# mejor que los unigramas? ¿Acaban juntas las palabras que comparten contextos?

# %% [markdown] exercise="train" lang="en"
# And now all of it together. Make the model on `device`, both `DataLoader`s and an optimiser (Adam
# does well). In each epoch, train on `pairs` and measure on `held_out`. Return the model and both
# curves, in a dictionary with the keys `"training"` and `"held out"`: one value an epoch in each.
#
# Go through the epochs with `tqdm(range(epochs), leave=False)` and you will see how much is left.
#
# What is checked is the result, on pairs that your code has never seen: does it predict contexts
# better than unigrams? Do words that share contexts end up together?


# %% role="exercise" id="train" title_es="Entrenar Word2Vec" title_en="Train Word2Vec" difficulty=3 minutes=20
def train(
    pairs: torch.Tensor,
    held_out: torch.Tensor,
    vocabulary_size: int,
    *,
    dim: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> tuple[nn.Module, dict[str, list[float]]]:
    """Train a new model on (N, 2) pairs; return it with its losses, one an epoch."""
    ### BEGIN SOLUTION
    model = SkipGram(vocabulary_size, dim).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    loader = make_loader(PairsDataset(pairs), batch_size)
    held_out_loader = make_loader(PairsDataset(held_out), batch_size)
    history = {"training": [], "held out": []}
    for _ in tqdm(range(epochs), leave=False):
        history["training"].append(train_epoch(model, loader, optimizer))
        history["held out"].append(mean_loss(model, held_out_loader))
    return model, history
    ### END SOLUTION


# %% role="check" id="train_check" points=4
GROUPS, MEMBERS = 6, 10  # of the tokens of an unseen corpus
SIZES_OF_CHECKS = {
    "dim": 16,
    "epochs": budget(full=8, quick=4),
    "batch_size": budget(full=256, quick=512),
    "learning_rate": budget(full=0.01, quick=0.03),
}


def draw_pairs(rng, count):
    """Draw (centre, context) pairs, three in four within a group, and the group of each token."""
    tokens = rng.permutation(GROUPS * MEMBERS).reshape(GROUPS, MEMBERS)
    groups = rng.integers(GROUPS, size=(count, 2))
    groups[:, 1] = np.where(rng.random(count) < 0.75, groups[:, 0], groups[:, 1])
    pairs = tokens[groups, rng.integers(MEMBERS, size=(count, 2))]
    return pairs, tokens.argsort(axis=None) // MEMBERS


def train_on(pairs):
    pairs = torch.tensor(pairs)
    model, _ = train(pairs, pairs[:100], GROUPS * MEMBERS, **SIZES_OF_CHECKS)
    return model


def curves_of(pairs, held_out, epochs):
    """Return the lengths of both curves, and whether the last held-out loss is the model's."""
    sizes = {"dim": 3, "batch_size": 8, "learning_rate": 0.1}
    parts = torch.tensor(pairs), torch.tensor(held_out)
    model, history = train(*parts, 5, epochs=epochs, **sizes)
    measured = mean_loss(model, in_order(held_out, 8))
    lengths = [len(history["training"]), len(history["held out"])]
    return [*lengths, bool(np.isclose(float(history["held out"][-1]), float(measured), rtol=1e-5))]


def draw_contexts(rng):
    pairs, _ = draw_pairs(rng, 11_000)
    return [pairs[:10_000], pairs[10_000:, 0]], pairs[10_000:, 1]


def predict_contexts(seen, centres):
    model = train_on(seen)
    with torch.no_grad():
        return model(torch.tensor(centres, device=device))


def unigram_logits(seen, centres):
    counts = np.bincount(seen[:, 1], minlength=GROUPS * MEMBERS)
    return np.tile(np.log(counts + 1.0), (len(centres), 1))


tick.predictions(
    {"es": "entrenamiento: contextos no vistos", "en": "training: unseen contexts"},
    lambda inputs: predict_contexts(*inputs),
    hidden=draw_contexts,
    metric="cross_entropy",
    baseline=({"es": "unigramas", "en": "unigrams"}, lambda inputs: unigram_logits(*inputs)),
    share=0.75,
    marks=1,
    hint={
        "es": "¿Baja la pérdida de época en época? ¿Usas todas las épocas y learning_rate?",
        "en": "Does the loss fall from epoch to epoch? Do you use all the epochs and learning_rate?",
    },
)
tick.call(
    {"es": "entrenamiento: las dos curvas", "en": "training: both curves"},
    lambda pairs, held_out, epochs: curves_of(pairs, held_out, epochs),
    cases=lambda rng: [
        (
            rng.integers(4, size=(20, 2)),
            np.column_stack(
                [rng.integers(4, size=6), np.full(6, 4)]
            ),  # a context that is in no pair
            int(rng.integers(2, 6)),
        )
    ],
    marks=1,
    hint={
        "es": "Un valor por época en cada curva, y el de «held out» se mide después de entrenar.",
        "en": "One value an epoch in each curve, and that of “held out” is measured after training.",
    },
)
tick.predictions(
    {"es": "entrenamiento: vecinos no vistos", "en": "training: unseen neighbours"},
    lambda pairs: train_on(pairs).embedding.weight,
    hidden=lambda rng: draw_pairs(rng, 10_000),
    metric="neighbour_precision",
    baseline=(
        {"es": "vectores al azar", "en": "random vectors"},
        lambda pairs: np.random.default_rng(0).normal(size=(60, 16)),
    ),
    marks=2,
    hint={
        "es": "¿Devuelves el modelo entrenado? ¿Recibe el optimizador todos sus parámetros?",
        "en": "Do you return the trained model? Does the optimiser get all its parameters?",
    },
)

# %% [markdown] lang="es"
# Llegó el momento. Con los tuits, cada época tarda unos 15 segundos en dos núcleos libres y muy poco
# en una GPU; nos quedamos en tres. La línea de puntos y rayas es el modelo de unigramas. Que en la
# primera época la curva de entrenamiento quede por encima de la otra no es un error: es la media de toda
# la época, también de cuando el modelo aún no sabía nada.

# %% [markdown] lang="en"
# Here it comes. On the tweets each epoch takes some 15 seconds on two free cores, and next to nothing
# on a GPU; we leave it at three. The dash-dotted line is the unigram model. That in the first epoch the
# training curve lies above the other is no mistake: it is the mean over the whole epoch, back to when
# the model knew nothing yet.

# %% role="given"
TRAINING = tr(es="entrenamiento", en="training")
HELD_OUT = tr(es="apartados", en="held out")
UNIGRAMS = tr(es="unigramas", en="unigrams")

settings = {
    "dim": budget(full=64, quick=16),
    "epochs": budget(full=3, quick=5),
    "batch_size": budget(full=512, quick=1024),
    "learning_rate": budget(full=0.003, quick=0.05),
}
with once_done():
    start = perf_counter()
    model, history = train(training_pairs, held_out_pairs, len(id_to_token), **settings)
    seconds = (perf_counter() - start) / settings["epochs"]

    shares = torch.bincount(training_pairs[:, 1], minlength=len(id_to_token)) + 1.0
    unigrams = -(shares / shares.sum()).log()[held_out_pairs[:, 1]].mean().item()
    size, uniform = sum(p.numel() for p in model.parameters()), np.log(len(id_to_token))
    training, held_out = (
        [float(loss) for loss in history[name]] for name in ("training", "held out")
    )
    print(
        tr(
            es=f"{size} parámetros, {seconds:.1f} s por época",
            en=f"{size} parameters, {seconds:.1f} s an epoch",
        )
    )
    print(
        tr(
            es=f"pérdida: entrenamiento {training[-1]:.2f}, apartados {held_out[-1]:.2f}, "
            f"unigramas {unigrams:.2f}, sin saber nada {uniform:.2f}",
            en=f"loss: training {training[-1]:.2f}, held out {held_out[-1]:.2f}, "
            f"unigrams {unigrams:.2f}, knowing nothing {uniform:.2f}",
        )
    )
    plots.loss_curve(
        {TRAINING: training, HELD_OUT: held_out, UNIGRAMS: [unigrams] * settings["epochs"]}
    )
    plt.show()

# %% [markdown] lang="es"
# ### El otro juego: CBOW
#
# CBOW da la vuelta a la pregunta: entra el contexto y hay que acertar el centro. Las dos matrices son
# las mismas; cambia lo que se lee de la primera: no una fila, sino la **media** de las filas del
# contexto. Hay un ejemplo por palabra y no uno por pareja, así que una época tiene cuatro veces menos.
#
# En los bordes la ventana se recorta y en un lote todas las filas miden lo mismo, de modo que los huecos
# se rellenan con −1. Un hueco no es una palabra: ni suma ni cuenta en la media.

# %% [markdown] lang="en"
# ### The other game: CBOW
#
# CBOW turns the question round: the context goes in, and the centre has to be guessed. Both matrices
# are the same; what changes is what is read from the first: not a row but the **mean** of the rows of
# the context. There is an example for each word, not one for each pair, so an epoch has four times
# fewer.
#
# At the edges the window is cut, while all the rows of a batch have the same length, so the gaps are
# filled with −1. A gap is no word: it neither adds to the mean nor counts in it.

# %% [markdown] exercise="cbow" lang="es"
# Crea en `__init__` las mismas dos matrices que en la skip-gram, con los mismos nombres, y escribe
# `forward`. Recibe los contextos, de forma $(B, W)$ con $W = 2\cdot$`window` y −1 en los
# huecos, y devuelve los logits del centro, de forma $(B, V)$. De una ventana sin ninguna palabra sale
# el vector cero. Ojo con la palabra número 0, que sí es una palabra.

# %% [markdown] exercise="cbow" lang="en"
# Make the same two matrices as in the skip-gram in `__init__`, under the same names, and write
# `forward`. It takes the contexts, of shape $(B, W)$ with $W = 2\cdot$`window` and −1 in the
# gaps, and returns the logits of the centre, of shape $(B, V)$. A window without any word gives the
# zero vector. Mind word number 0, which is a word.


# %% role="exercise" id="cbow" title_es="La red CBOW" title_en="The CBOW network" difficulty=2 minutes=15
class CBOW(nn.Module):
    """Scores every word of the vocabulary as the centre of the given contexts."""

    def __init__(self, vocabulary_size: int, dim: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocabulary_size, dim)
        self.output = nn.Linear(dim, vocabulary_size, bias=False)
        ### END SOLUTION
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, contexts: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        is_word = contexts >= 0  # (B, W)
        vectors = self.embedding(contexts.clamp(min=0)) * is_word[..., None]  # (B, W, d)
        mean = vectors.sum(dim=1) / is_word.sum(dim=1, keepdim=True).clamp(min=1)  # (B, d)
        return self.output(mean)  # (B, V)
        ### END SOLUTION


# %% role="check" id="cbow_check" points=2
def logits_of_centres(embedding, output, contexts):
    model = CBOW(*embedding.shape).to(device)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.tensor(embedding))
        model.output.weight.copy_(torch.tensor(output))
        return model(*on_device(contexts))


def draw_gaps_of_windows(rng):
    """Draw contexts with word 0, with gaps on the left, with one word, and with nothing but gaps."""
    contexts = rng.permutation(11)[:8].reshape(4, 2).repeat(2, axis=1)  # (4, 4)
    contexts[0] = [0, 0, *rng.integers(1, 11, size=2)]
    contexts[1, :2] = contexts[2, 1:] = contexts[3] = -1
    return rng.normal(size=(11, 3)), rng.normal(size=(11, 3)), contexts


tick.call(
    {"es": "CBOW: logits", "en": "CBOW: logits"},
    lambda embedding, output, contexts: logits_of_centres(embedding, output, contexts),
    cases=lambda rng: [
        (rng.normal(size=(9, 4)), rng.normal(size=(9, 4)), rng.integers(1, 9, size=size))
        for size in ((1, 2), (5, 6))
    ],
    marks=1,
    hint={
        "es": "La media va sobre las palabras de cada ventana, y después, la capa de salida.",
        "en": "The mean is over the words of each window, and then comes the output layer.",
    },
)
tick.call(
    {"es": "CBOW: huecos", "en": "CBOW: gaps"},
    lambda embedding, output, contexts: logits_of_centres(embedding, output, contexts),
    cases=lambda rng: [draw_gaps_of_windows(rng)],
    marks=1,
    hint={
        "es": "¿Divides por las palabras que hay, y no por W? ¿Cuenta la palabra 0? ¿Y si no hay ninguna?",
        "en": "Do you divide by the words there are, not by W? Does word 0 count? What if there is none?",
    },
)


# %% role="given"
def windows_of(sentences):
    """Return the context (2 * WINDOW) of each word, -1 in the gaps, and the word."""
    gap = [-1] * WINDOW
    contexts, centres = [], []
    for ids in sentences:
        padded = [*gap, *ids, *gap]
        for i, centre in enumerate(ids):
            contexts.append(padded[i : i + WINDOW] + padded[i + WINDOW + 1 : i + 2 * WINDOW + 1])
            centres.append(centre)
    return TensorDataset(torch.tensor(contexts), torch.tensor(centres))


with once_done():
    torch.manual_seed(run_seed())
    cbow = CBOW(len(id_to_token), settings["dim"]).to(device)
    optimizer = torch.optim.Adam(cbow.parameters(), lr=settings["learning_rate"])
    windows, held_out_windows = (
        make_loader(windows_of(part), settings["batch_size"])
        for part in (training_sentences, held_out_sentences)
    )
    start = perf_counter()
    for _ in tqdm(range(budget(full=4, quick=5)), leave=False):
        training = float(train_epoch(cbow, windows, optimizer))
    held_out, spent = float(mean_loss(cbow, held_out_windows)), perf_counter() - start
    print(
        tr(
            es=f"CBOW: {spent:.0f} s, pérdida: entrenamiento {training:.2f}, apartados {held_out:.2f}",
            en=f"CBOW: {spent:.0f} s, loss: training {training:.2f}, held out {held_out:.2f}",
        )
    )

# %% [markdown] lang="es"
# Las dos pérdidas no se comparan: seis palabras dicen más del centro que una de cada vecina. Lo que sí
# se compara son los vectores, más abajo.

# %% [markdown] lang="en"
# The two losses do not compare: six words tell more about the centre than one tells about each
# neighbour. What does compare are the vectors, further down.

# %% [markdown] lang="es"
# ## 1.7 Vecinos
#
# ¿Han aprendido algo los vectores? Preguntemos a cada palabra por sus vecinas. La **distancia
# coseno**, $1 - \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$, solo mira la dirección: 0 si dos
# vectores apuntan al mismo sitio, 1 si son perpendiculares, 2 si son opuestos. Nos conviene porque
# la longitud depende en buena parte de lo frecuente que es la palabra, y el significado está en la
# dirección.

# %% [markdown] lang="en"
# ## 1.7 Neighbours
#
# Have the vectors learnt anything? Let us ask each word for its neighbours. **Cosine distance**,
# $1 - \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$, looks at direction only: 0 if two vectors
# point the same way, 1 if they are perpendicular, 2 if they are opposite. It suits us because length
# depends a good deal on how frequent a word is, while meaning is in the direction.

# %% [markdown] exercise="nearest" lang="es"
# Devuelve los índices de las `k` palabras más cercanas a `token_id`, de la más cercana a la más
# lejana, y sus distancias. La propia palabra no cuenta como vecina. `scipy` calcula todas las
# distancias de una vez: `cdist(una_fila, vectors, metric="cosine")`.

# %% [markdown] exercise="nearest" lang="en"
# Return the ids of the `k` words closest to `token_id`, from the closest on, and their distances.
# The word itself does not count as a neighbour. `scipy` computes all distances at once:
# `cdist(one_row, vectors, metric="cosine")`.


# %% role="exercise" id="nearest" title_es="Los vecinos más cercanos" title_en="The nearest neighbours" difficulty=2 minutes=15
def nearest(vectors: np.ndarray, token_id: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids (k,) of the nearest other rows of (V, d) by cosine, and their distances (k,)."""
    ### BEGIN SOLUTION
    distances = cdist(vectors[[token_id]], vectors, metric="cosine")[0]  # (V,)
    distances[token_id] = np.inf
    ids = distances.argsort()[:k]
    return ids, distances[ids]
    ### END SOLUTION


# %% role="check" id="nearest_check" points=2
def draw_vectors(rng):
    vectors = rng.normal(size=(30, 6)) * rng.uniform(0.2, 5, size=(30, 1))
    return [(vectors, int(rng.integers(30)), k) for k in (1, 5, 29)]


def draw_twins(rng):
    """Draw vectors of which k point exactly the same way as the word asked for: before or after it."""
    cases = []
    for k, asked in ((1, -1), (3, -1), (1, 0), (3, 0)):
        vectors = rng.normal(size=(12, 4))
        places = np.sort(rng.permutation(12)[: k + 1])
        vectors[places] = rng.choice([-1.0, 1.0], size=4) * [3, 4, 0, 0]  # of length 5, exactly
        vectors[places] *= 2.0 ** rng.permutation(k + 1)[:, None]
        cases.append((vectors, int(places[asked]), k))
    return cases


tick.call(
    {"es": "vecinos: índices y distancias", "en": "nearest: ids and distances"},
    lambda vectors, token_id, k: list(nearest(vectors, token_id, k)),
    cases=draw_vectors,
    marks=1,
    hint={
        "es": "¿Van de menor a mayor distancia coseno? ¿Son k, sin contar la propia palabra?",
        "en": "Do they go from the smallest cosine distance up? Are they k, without the word itself?",
    },
)
tick.call(
    {"es": "vecinos: sin la propia palabra", "en": "nearest: not itself"},
    lambda vectors, token_id, k: sorted(int(i) for i in nearest(vectors, token_id, k)[0]),
    cases=draw_twins,
    marks=1,
    hint={
        "es": "Otra palabra puede estar a distancia 0: quita la propia por su número, no por su puesto.",
        "en": "Another word may be at distance 0: leave the word itself out by its id, not by its place.",
    },
)

# %% [markdown] lang="es"
# Una palabra que no está en el vocabulario no tiene vector, y conviene decirlo sin rodeos. Suele
# pasar porque es rara o porque se preguntó por la palabra y no por su raíz.

# %% [markdown] lang="en"
# A word that is not in the vocabulary has no vector, and it is best to say so plainly. Mostly it is a
# rare one, or the word was asked for instead of its stem.


# %% role="given"
def look_up(words, token_to_id):
    """Return the ids of the words, or complain about those that have none."""
    unknown = [word for word in words if word not in token_to_id]
    if unknown:
        found, some = ", ".join(unknown), ", ".join([*token_to_id][:3])
        raise ValueError(
            tr(
                es=f"no están en el vocabulario: {found}; se esperaban raíces de palabras vistas más "
                f"de {FLOOR} veces, como {some}: límpialas y saca su raíz primero.",
                en=f"not in the vocabulary: {found}; expected stems of words seen more than "
                f"{FLOOR} times, such as {some}: clean and stem them first.",
            )
        )
    return [token_to_id[word] for word in words]


def vectors_of(model):
    return model.embedding.weight.detach().cpu().numpy()


def show_neighbours(vectors_by_name, words, k=6):
    """Print the nearest words of each word, for each set of vectors."""
    for word, token_id in zip(words, look_up(words, token_to_id), strict=True):
        print(word)
        for name, vectors in vectors_by_name.items():
            ids, distances = nearest(vectors, token_id, k)
            found = zip(map(int, ids), map(float, distances), strict=True)
            print(f"{name:>16}: " + ", ".join(f"{id_to_token[i]} {d:.2f}" for i, d in found))


FULL_SOFTMAX = tr(es="softmax completo", en="full softmax")

with once_done():
    show_neighbours({FULL_SOFTMAX: vectors_of(model)}, seed_words)
with once_done():
    show_neighbours({"CBOW": vectors_of(cbow)}, seed_words[:3])
with once_done():
    try:
        show_neighbours({FULL_SOFTMAX: vectors_of(model)}, ["Happily"])
    except ValueError as error:
        print("ValueError:", error)

# %% [markdown] lang="es"
# Por último, la prueba de la cadena entera: mensajes sin tratar de un corpus que no has visto, con
# grupos de palabras conocidos de antemano. Tus funciones los limpian, los numeran y aprenden de ellos;
# se mide cuántas palabras tienen como vecina más cercana a una de su grupo.

# %% [markdown] lang="en"
# Last, a test of the whole chain: raw messages of a corpus that you have not seen, with groups of
# words known beforehand. Your functions clean them, number them and train on them; what is measured
# is how many words have one of their own group as nearest neighbour.


# %% role="given"
def embed_words(messages, words):
    """Return one vector for each of the words, from raw messages; zeros for a word without one."""
    sentences = [normalise(clean(message), stop_words) for message in messages]
    _, token_to_id = build_vocabulary(sentences, FLOOR)
    pairs = pairs_of(numbered(sentences, token_to_id))
    model, _ = train(pairs, pairs[:100], len(token_to_id), **SIZES_OF_CHECKS)
    rows = model.embedding.weight.detach().cpu().numpy()
    return np.array([rows[token_to_id[w]] if w in token_to_id else 0 * rows[0] for w in words])


# %% role="check" id="whole_chain_check" points=2 covers="train"
def draw_messages(rng):
    """Draw ([messages, words], the group of each word)."""
    drawn = word_corpus(rng, sentences=1000)
    group_of = {word: i for i, group in enumerate(drawn.groups.values()) for word in group}
    return [drawn.texts, sorted(group_of)], np.array([group_of[word] for word in sorted(group_of)])


tick.predictions(
    {"es": "cadena entera: mensajes no vistos", "en": "whole chain: unseen messages"},
    lambda inputs: embed_words(*inputs),
    hidden=draw_messages,
    metric="neighbour_precision",
    baseline=(
        {"es": "vectores al azar", "en": "random vectors"},
        lambda inputs: np.random.default_rng(0).normal(size=(len(inputs[1]), 16)),
    ),
    marks=2,
    hint={
        "es": "Si todo lo anterior está en ✓, mira si alguna función guarda algo de una llamada a otra.",
        "en": "If all of the above is ✓, see whether some function keeps anything from call to call.",
    },
)

# %% [markdown] lang="es"
# ## 1.8 Muestreo negativo: preguntar menos
#
# Para aprender que `dad` acompaña a `father` hemos puntuado las 3085 palabras del vocabulario. Casi
# todo el tiempo se fue en las 3084 que *no* estaban allí. El **muestreo negativo** (Mikolov y otros,
# 2013) hace una pregunta más barata: en vez de «¿cuál de las $V$ palabras es?», «¿esta pareja es
# real o inventada?». Cada pareja real $(c, o)$ se enfrenta a $k$ contextos inventados $n_1, …, n_k$:
#
# $$\ell = -\log\sigma(u_o \cdot v_c) \;-\; \sum_{i=1}^{k}\log\sigma(-\,u_{n_i} \cdot v_c)
# \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# donde $v_c$ es la fila del centro en `embedding` y $u_o$ la del contexto en `output`. Son $k + 1$
# puntuaciones, por muchas palabras que haya. Quedan dos decisiones:
#
# - **¿De dónde salen los inventados?** Sorteados según su frecuencia, casi siempre saldrían las
#   mismas palabras; a partes iguales, palabras rarísimas que no engañan a nadie. En medio está lo que
#   mejor les funcionó a los autores: la frecuencia elevada a $3/4$.
# - **¿Cuántos, y para quién?** Leer $k$ filas sueltas para cada pareja es lento. Sorteamos $K$ **por
#   lote** y todas las parejas los comparten: sus puntuaciones son entonces un solo producto de
#   matrices. Cada uno pesa $k/K$, y así cada pareja sigue enfrentándose a $k$ en total.

# %% [markdown] lang="en"
# ## 1.8 Negative sampling: asking less
#
# To learn that `dad` keeps `father` company we scored all 3085 words of the vocabulary. Nearly all
# of the time went into the 3084 that were *not* there. **Negative sampling** (Mikolov et al., 2013)
# asks a cheaper question: not “which of the $V$ words is it?” but “is this pair real or made up?”.
# Each real pair $(c, o)$ is set against $k$ made-up contexts $n_1, …, n_k$:
#
# $$\ell = -\log\sigma(u_o \cdot v_c) \;-\; \sum_{i=1}^{k}\log\sigma(-\,u_{n_i} \cdot v_c)
# \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# where $v_c$ is the centre's row of `embedding` and $u_o$ the context's row of `output`. That is
# $k + 1$ scores, however many words there are. Two decisions are left:
#
# - **Where do the made-up ones come from?** Drawn by frequency they would nearly always be the same
#   few words; drawn evenly, words so rare that they fool nobody. In between lies what worked best for
#   the authors: the frequency to the power of $3/4$.
# - **How many, and for whom?** Reading $k$ scattered rows for each pair is slow. We draw $K$ **for the
#   whole batch** and all its pairs share them: their scores are then a single product of matrices.
#   Each weighs $k/K$, so that each pair still faces $k$ in all.

# %% [markdown] exercise="noise_distribution" lang="es"
# Devuelve la probabilidad de cada palabra: su recuento elevado a `power`, dividido para que todas
# sumen 1. Una palabra que no aparece no se sortea nunca.

# %% [markdown] exercise="noise_distribution" lang="en"
# Return the probability of each word: its count to the power of `power`, divided so that they all
# add up to 1. A word that does not occur is never drawn.


# %% role="exercise" id="noise_distribution" title_es="De dónde salen los negativos" title_en="Where the negatives come from" difficulty=1 minutes=5
def noise_distribution(counts: torch.Tensor, power: float = 0.75) -> torch.Tensor:
    """Return the probabilities (V,) by which negatives are drawn, from the counts (V,)."""
    ### BEGIN SOLUTION
    weights = counts.float() ** power
    return weights / weights.sum()
    ### END SOLUTION


# %% role="check" id="noise_distribution_check" points=1
tick.call(
    {"es": "negativos: probabilidades", "en": "noise: probabilities"},
    lambda counts, *power: tensor_of(noise_distribution(torch.tensor(counts), *power)),
    cases=lambda rng: [
        (np.append(0, rng.integers(1, 500, size=size)), *power)  # one word never came
        for size, *power in ((4,), (30,), (6, 1.0), (6, 0.5))
    ],
    marks=1,
    hint={
        "es": "¿Elevas los recuentos a «power» antes de dividir por la suma? ¿Suman 1?",
        "en": "Do you take the counts to “power” before you divide by the sum? Do they add up to 1?",
    },
)

# %% [markdown] exercise="negative_sampling" lang="es"
# Recibes filas ya leídas: las de los `centres` y las de sus `contexts`, de forma $(B, d)$, y las de
# los `negatives` que comparte el lote, de forma $(K, d)$.
#
# 1. `negative_sampling_loss` devuelve la **suma** de $\ell$ sobre las parejas del lote, con el peso
#    $k/K$ en los negativos. `nn.functional.logsigmoid` es exacta también donde $\sigma$ vale casi 0.
# 2. `negative_sampling_gradients` devuelve el gradiente de esa suma respecto a las tres entradas, en
#    el mismo orden. PyTorch sabría calcularlo, pero guardar los pasos intermedios se lleva la mitad
#    del tiempo, y a mano son cuatro líneas. Deriva primero respecto a la puntuación:
#    $\frac{d}{ds}\left[-\log\sigma(s)\right] = \sigma(s) - 1$ y
#    $\frac{d}{ds}\left[-\log\sigma(-s)\right] = \sigma(s)$, es decir, *lo que el modelo cree menos lo
#    que es*. De la puntuación a cada vector se llega multiplicando por el otro vector.

# %% [markdown] exercise="negative_sampling" lang="en"
# You get rows that were read already: those of the `centres` and of their `contexts`, of shape
# $(B, d)$, and those of the `negatives` that the batch shares, of shape $(K, d)$.
#
# 1. `negative_sampling_loss` returns the **sum** of $\ell$ over the pairs of the batch, with the
#    weight $k/K$ on the negatives. `nn.functional.logsigmoid` is exact where $\sigma$ is nearly 0, too.
# 2. `negative_sampling_gradients` returns the gradient of that sum with respect to the three inputs,
#    in the same order. PyTorch could compute it, but keeping the steps in between takes half of the
#    time, and by hand it is four lines. First differentiate by the score:
#    $\frac{d}{ds}\left[-\log\sigma(s)\right] = \sigma(s) - 1$ and
#    $\frac{d}{ds}\left[-\log\sigma(-s)\right] = \sigma(s)$, that is, *what the model believes minus
#    what is*. From the score to each vector you get by multiplying by the other vector.


# %% role="exercise" id="negative_sampling" title_es="Pérdida y gradiente con negativos" title_en="Loss and gradient with negatives" difficulty=3 minutes=30
def negative_sampling_loss(
    centres: torch.Tensor, contexts: torch.Tensor, negatives: torch.Tensor, k: float
) -> torch.Tensor:
    """Return the loss of (B, d) pairs against (K, d) shared negatives, summed over the pairs."""
    ### BEGIN SOLUTION
    real = (centres * contexts).sum(dim=1)  # (B,)
    made_up = centres @ negatives.T  # (B, K)
    log_sigmoid = nn.functional.logsigmoid
    return -log_sigmoid(real).sum() - k / len(negatives) * log_sigmoid(-made_up).sum()
    ### END SOLUTION


def negative_sampling_gradients(
    centres: torch.Tensor, contexts: torch.Tensor, negatives: torch.Tensor, k: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of that sum for centres (B, d), contexts (B, d) and negatives (K, d)."""
    ### BEGIN SOLUTION
    real = torch.linalg.vecdot(centres, contexts).sigmoid_().sub_(1)[:, None]  # (B, 1)
    made_up = (centres @ negatives.T).sigmoid_().mul_(k / len(negatives))  # (B, K)
    d_centres = (made_up @ negatives).addcmul_(real, contexts)  # (B, d)
    return d_centres, centres * real, made_up.T @ centres
    ### END SOLUTION


# %% role="check" id="negative_sampling_check" points=3
def draw_rows(rng):
    """Draw (centres, contexts, negatives, k) of a few sizes; the last scores are in the hundreds."""
    return [
        (*(rng.normal(0, spread, size=(n, 5)).astype(np.float32) for n in (size, size, shared)), k)
        for size, shared, k, spread in ((1, 1, 1, 1), (6, 4, 2, 1), (9, 20, 5, 1), (9, 7, 3, 12))
    ]


tick.call(
    {"es": "negativos: pérdida", "en": "negatives: loss"},
    lambda centres, contexts, negatives, k: tensor_of(
        negative_sampling_loss(*on_device(centres, contexts, negatives), k)
    ),
    cases=draw_rows,
    marks=1,
    hint={
        "es": "¿Sumas sobre las parejas, sin promediar? ¿Cambias el signo de las puntuaciones falsas? "
        "¿Es finita con puntuaciones de cientos? El logaritmo de una sigmoide que vale 0 no lo es.",
        "en": "Do you add over the pairs, without a mean? Do you flip the sign of the made-up scores? "
        "Is it finite for scores in the hundreds? The logarithm of a sigmoid that is 0 is not.",
    },
)
tick.call(
    {"es": "negativos: gradientes", "en": "negatives: gradients"},
    lambda centres, contexts, negatives, k: [
        tensor_of(gradient)
        for gradient in negative_sampling_gradients(*on_device(centres, contexts, negatives), k)
    ],
    cases=draw_rows,
    marks=2,
    hint={
        "es": "Compáralos con torch.autograd.grad de tu pérdida. ¿Llega al centro la parte de los "
        "negativos? ¿Pesan k/K?",
        "en": "Compare them with torch.autograd.grad of your loss. Does the negatives' part reach the "
        "centre? Do they weigh k/K?",
    },
)

# %% [markdown] lang="es"
# Con esas piezas, el entrenamiento es el de siempre: sortear, leer filas, restar el gradiente. Fíjate
# en tres decisiones a las que se debe la velocidad:
#
# - **Descenso de gradiente simple**, con un paso que decrece hasta 0. Adam tocaría las dos matrices
#   enteras en cada lote; así, `index_add_` solo toca las filas leídas.
# - **Un solo sorteo por época**, de las parejas y de los negativos.
# - **Lotes medianos**: las filas de un lote caben en la memoria caché. Mucho mayores no pueden ser,
#   porque el gradiente es una suma: una palabra frecuente daría cien pasos de golpe y se desviaría.

# %% [markdown] lang="en"
# With these pieces the training is the usual one: draw, read rows, subtract the gradient. Note three
# decisions that make it fast:
#
# - **Plain gradient descent**, with a step that shrinks to 0. Adam would touch both matrices from end
#   to end in each batch; this way `index_add_` touches only the rows that were read.
# - **One draw an epoch**, of the pairs and of the negatives.
# - **Medium batches**: the rows of a batch fit into the processor's cache. They cannot be much larger,
#   as the gradient is a sum: a frequent word would take a hundred steps at once and go astray.


# %% role="given"
def train_negative(
    pairs, held_out, vocabulary_size, *, dim, epochs, batch_size, shared, k, learning_rate
):
    """Train on (N, 2) pairs with ``shared`` negatives a batch; return the model and its losses."""
    pairs, held_out = pairs.to(device), held_out.to(device)
    noise = noise_distribution(torch.bincount(pairs[:, 1], minlength=vocabulary_size))
    embedding = torch.empty(vocabulary_size, dim, device=device).uniform_(-0.5 / dim, 0.5 / dim)
    output = torch.zeros(vocabulary_size, dim, device=device)
    batches = -(-len(pairs) // batch_size)
    # the same made-up words after each epoch
    judges = noise.multinomial(budget(full=1000, quick=200), replacement=True)
    history, step = [], 0
    for _ in tqdm(range(epochs), leave=False):
        centres, contexts = pairs[torch.randperm(len(pairs), device=device)].T.contiguous()
        negatives = noise.multinomial(batches * shared, replacement=True).view(batches, shared)
        for c, o, n in zip(
            centres.split(batch_size), contexts.split(batch_size), negatives, strict=True
        ):
            rate = learning_rate * (1 - step / (epochs * batches))
            rows = [
                matrix.index_select(0, i)
                for matrix, i in ((embedding, c), (output, o), (output, n))
            ]
            gradients = negative_sampling_gradients(*rows, k)
            d_centres, d_contexts, d_negatives = (each.to(output.dtype) for each in gradients)
            embedding.index_add_(0, c, d_centres, alpha=-rate)
            output.index_add_(0, o, d_contexts, alpha=-rate)
            output.index_add_(0, n, d_negatives, alpha=-rate)
            step += 1
        seen = embedding[held_out[:, 0]], output[held_out[:, 1]], output[judges]
        history.append(negative_sampling_loss(*seen, k).item() / len(held_out))
    model = SkipGram(vocabulary_size, dim).to(device)
    with torch.no_grad():
        model.embedding.weight.copy_(embedding)
        model.output.weight.copy_(output)
    return model, history


# %% role="check" id="negative_training_check" points=1 covers="noise_distribution,negative_sampling"
def train_negative_on(pairs):
    sizes = {
        "dim": 16,
        "epochs": budget(full=8, quick=5),
        "batch_size": 64,
        "shared": 16,
        "k": 5,
        "learning_rate": budget(full=0.05, quick=0.07),
    }
    pairs = torch.tensor(pairs)
    return train_negative(pairs, pairs[:100], GROUPS * MEMBERS, **sizes)[0].embedding.weight


tick.predictions(
    {"es": "negativos: vecinos no vistos", "en": "negatives: unseen neighbours"},
    lambda pairs: train_negative_on(pairs),
    hidden=lambda rng: draw_pairs(rng, 10_000),
    metric="neighbour_precision",
    baseline=(
        {"es": "vectores al azar", "en": "random vectors"},
        lambda pairs: np.random.default_rng(0).normal(size=(60, 16)),
    ),
    marks=1,
    hint={
        "es": "Usa tus funciones tal cual. Si la pérdida y el gradiente están en ✓, mira el sorteo.",
        "en": "It uses your functions as they are. If loss and gradient are ✓, look at the draw.",
    },
)

# %% [markdown] lang="es"
# Ahora, con todo el corpus. ¿Cómo comparar las dos pérdidas, si preguntan cosas distintas? El modelo
# con negativos aprende $s_{co} \approx \log\frac{p(o \mid c)}{k\,q(o)}$, siendo $q$ la distribución de
# la que se sortean (lo veremos en 1.10). Así que basta con sumarle $\log q(o)$ y normalizar: es lo que
# hace `WithNoise`, y después se mide igual que el otro.

# %% [markdown] lang="en"
# Now the whole corpus. How can the two losses be compared, if they ask different things? The model
# with negatives learns $s_{co} \approx \log\frac{p(o \mid c)}{k\,q(o)}$, where $q$ is the distribution
# that negatives are drawn from (we shall see why in 1.10). So it is enough to add $\log q(o)$ and to
# normalise: `WithNoise` does that, and then it is measured like the other one.


# %% role="given"
NEGATIVES = tr(es="negativos", en="negatives")


class WithNoise(nn.Module):
    """The scores of a model trained with negatives, as logits of p(context | centre)."""

    def __init__(self, model, noise):
        super().__init__()
        self.model, self.log_noise = model, noise.log()

    def forward(self, centres):
        return self.model(centres) + self.log_noise


with once_done():
    negative_settings = {
        "dim": settings["dim"],
        "epochs": budget(full=10, quick=10),
        "batch_size": budget(full=1024, quick=128),
        "shared": budget(full=64, quick=32),
        "k": 5,
        "learning_rate": budget(full=0.025, quick=0.06),
    }
    start = perf_counter()
    negative_model, negative_history = train_negative(
        training_pairs, held_out_pairs, len(id_to_token), **negative_settings
    )
    negative_seconds = (perf_counter() - start) / negative_settings["epochs"]

    context_counts = torch.bincount(training_pairs[:, 1], minlength=len(id_to_token))
    calibrated = WithNoise(negative_model, noise_distribution(context_counts).to(device))
    held_out_loader = make_loader(PairsDataset(held_out_pairs), settings["batch_size"])
    for name, spent, epochs, loss in (
        (FULL_SOFTMAX, seconds, settings["epochs"], history["held out"][-1]),
        (
            NEGATIVES,
            negative_seconds,
            len(negative_history),
            mean_loss(calibrated, held_out_loader),
        ),
    ):
        speed = len(training_pairs) / spent
        print(
            tr(
                es=f"{name:>16}: {epochs:2} épocas de {spent:5.2f} s, {speed:7.0f} parejas por "
                f"segundo, pérdida en los apartados {loss:.2f}",
                en=f"{name:>16}: {epochs:2} epochs of {spent:5.2f} s, {speed:7.0f} pairs a second, "
                f"held-out loss {loss:.2f}",
            )
        )
    first, *_, last = negative_history
    print(
        tr(
            es=f"con negativos, una pareja apartada cuesta {first:.2f} tras la primera época y "
            f"{last:.2f} al final",
            en=f"with negatives, a held-out pair costs {first:.2f} after the first epoch, "
            f"{last:.2f} at the end",
        )
    )
    show_neighbours(
        {FULL_SOFTMAX: vectors_of(model), NEGATIVES: vectors_of(negative_model)}, seed_words[:3]
    )
