# %% [markdown] lang="es"
# ## La red de partida
#
# Una capa oculta de 64 neuronas y `optim.SGD` a secas, con una tasa prudente. Es la marca que tendrás
# que batir.

# %% [markdown] lang="en"
# ## The baseline
#
# One hidden layer of 64 units and plain `optim.SGD`, with a cautious rate. This is the mark to beat.


# %% role="given"
def classify(model, images):
    """Return the class of each image of uint8 (N, H, W) by a model of log-probabilities."""
    model.eval()
    with torch.no_grad():
        return (
            model((torch.from_numpy(images).float() / 255).to(device)).argmax(dim=1).cpu().numpy()
        )


with once_done():
    torch.manual_seed(run_seed())
    train_loader, validation_loader = make_loaders(
        ImageDataset(train_images, train_labels),
        ImageDataset(validation_images, validation_labels),
        BATCH,
    )
    baseline = MLP(n_inputs, 64, n_classes).to(device)
    optimizer = torch.optim.SGD(baseline.parameters(), lr=budget(full=0.01, quick=0.03))
    losses, accuracies = [], []
    for epoch in range(1, EPOCHS + 1):
        losses.append(float(train_epoch(baseline, train_loader, nn.NLLLoss(), optimizer)))
        predicted, truth = map(np.asarray, evaluate(baseline, validation_loader))
        accuracies.append(float(np.mean(predicted == truth)))
        print(
            tr(
                es=f"época {epoch:2d}  pérdida {losses[-1]:.3f}  exactitud en validación {accuracies[-1]:.3f}",
                en=f"epoch {epoch:2d}  loss {losses[-1]:.3f}  validation accuracy {accuracies[-1]:.3f}",
            )
        )
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    plots.loss_curve(losses, ax=left)
    plots.curves(
        accuracies, ylabel=tr(es="exactitud en validación", en="validation accuracy"), ax=right
    )

# %% role="check" id="baseline_check" points=2 covers="mlp,train_epoch"
tick.predictions(
    {"es": "la red de partida con imágenes nuevas", "en": "the baseline on new images"},
    lambda images: classify(baseline, images),
    hidden=lambda rng: unseen(rng, count=1000),
    metric="accuracy",
    baseline=(
        {"es": "siempre la misma clase", "en": "always the same class"},
        lambda images: np.zeros(len(images)),
    ),
    marks=2,
    hint={
        "es": "Si la pérdida no baja de una época a otra, mira train_epoch; si baja, mira la salida de MLP.",
        "en": "If the loss does not fall from epoch to epoch, look at train_epoch; if it does, at the output of MLP.",
    },
)

# %% [markdown] role="question" id="what_sgd_does" points=4 lang="es"
# ¿Qué hace exactamente `optim.SGD` en cada `step()`? Compáralo con tu `update` de la primera parte:
# ¿en qué se parecen, en qué se diferencia el gradiente que usan, de dónde sale la «S», y qué añaden
# `momentum` y `weight_decay`?
#
# ### BEGIN SOLUTION
# Resta a cada parámetro su gradiente (el que `backward` dejó en `.grad`) multiplicado por la tasa de
# aprendizaje: lo mismo que `update`, pero modifica los parámetros en su sitio. La diferencia está en
# el gradiente: el de la primera parte usa todos los ejemplos; aquí es el de un lote sorteado, una
# estimación con ruido («stochastic») que cuesta mucho menos, así que se dan muchos más pasos por
# época. `momentum` acumula una media de gradientes anteriores y suaviza y acelera el avance;
# `weight_decay` añade al gradiente un múltiplo del peso y lo encoge hacia cero (L2).
# ### END SOLUTION

# %% [markdown] role="question" id="what_sgd_does" points=4 lang="en"
# What exactly does `optim.SGD` do in each `step()`? Compare it with your `update` of the first part:
# how are they alike, how does the gradient that they use differ, where does the “S” come from, and
# what do `momentum` and `weight_decay` add?
#
# ### BEGIN SOLUTION
# It takes from each parameter its gradient (which `backward` left in `.grad`) times the learning
# rate: the same as `update`, but in place. The difference is the gradient: that of the first part
# uses all examples; here it is that of a random batch, a noisy (“stochastic”) estimate that costs
# far less, so there are many more steps in an epoch. `momentum` accumulates an average of earlier
# gradients, which smooths and speeds up the progress; `weight_decay` adds a multiple of the weight
# to its gradient and so shrinks it towards zero (L2).
# ### END SOLUTION

# %% [markdown] lang="es"
# Antes de la pregunta siguiente, un experimento pequeño: tres imágenes y tres clases, con la misma
# red imaginaria expresada de tres maneras. Solo una de las tres pérdidas significa lo que debe.

# %% [markdown] lang="en"
# Before the next question, a small experiment: three images and three classes, with the same
# imaginary network put in three ways. Only one of the three losses means what it should.

# %% role="given"
scores = torch.tensor([[4.0, 1.0, 0.0], [0.5, 3.0, 0.2], [2.0, 1.0, 0.0]])
labels = torch.tensor([0, 1, 2])  # the first two right, the third wrong
for name, output in {
    tr(es="puntuaciones", en="raw scores"): scores,
    tr(es="probabilidades", en="probabilities"): scores.softmax(dim=1),
    tr(es="log-probabilidades", en="log-probabilities"): scores.log_softmax(dim=1),
}.items():
    each = nn.NLLLoss(reduction="none")(output, labels)
    rounded = [round(loss, 3) for loss in each.tolist()]
    print(
        tr(
            es=f"{name:<18} NLLLoss {each.mean():6.3f}   imagen a imagen {rounded}",
            en=f"{name:<18} NLLLoss {each.mean():6.3f}   image by image {rounded}",
        )
    )

# %% [markdown] role="question" id="what_nll_is" points=4 lang="es"
# ¿Qué es `nn.NLLLoss` y por qué quiere log-probabilidades? Explica las tres líneas de arriba: ¿qué
# número de cada fila mira la pérdida, por qué dos de las tres son negativas, y qué pasaría al
# entrenar con cada una? ¿Qué relación tiene con `nn.CrossEntropyLoss`?
#
# ### BEGIN SOLUTION
# De cada fila toma el número de la clase verdadera, le cambia el signo y hace la media: no calcula
# ningún logaritmo. Si le damos log-probabilidades, eso es $-\log p_{y}$, la log-verosimilitud
# negativa: nunca es negativa, vale 0 solo con $p_y = 1$ y crece sin límite cuando la red está segura
# y se equivoca. Con probabilidades da $-p_y$, entre −1 y 0: apenas castiga equivocarse con seguridad
# y su gradiente se desvanece justo ahí. Con puntuaciones sin normalizar no hay mínimo: basta con
# hacerlas crecer. El logaritmo además convierte productos de probabilidades en sumas y `log_softmax`
# lo calcula de forma estable. `CrossEntropyLoss` es `LogSoftmax` seguido de `NLLLoss`.
# ### END SOLUTION

# %% [markdown] role="question" id="what_nll_is" points=4 lang="en"
# What is `nn.NLLLoss`, and why does it want log-probabilities? Explain the three lines above: which
# number of each row does the loss look at, why are two of the three negative, and what would
# training with each of them lead to? How is it related to `nn.CrossEntropyLoss`?
#
# ### BEGIN SOLUTION
# From each row it takes the number of the true class, flips its sign and averages: it computes no
# logarithm. Given log-probabilities that is $-\log p_{y}$, the negative log-likelihood: never
# negative, 0 only when $p_y = 1$, and growing without bound when the network is sure and wrong. With
# probabilities it is $-p_y$, between −1 and 0: it hardly punishes being sure and wrong, and its
# gradient vanishes right there. With raw scores there is no minimum: making them grow is enough. The
# logarithm also turns products of probabilities into sums, and `log_softmax` computes it in a stable
# way. `CrossEntropyLoss` is `LogSoftmax` followed by `NLLLoss`.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## ¿En qué se equivoca?

# %% [markdown] lang="en"
# ## What does it get wrong?

# %% [markdown] exercise="confusion" lang="es"
# La exactitud es un solo número; la **matriz de confusión** dice qué se toma por qué. Cuenta en la
# fila $i$, columna $j$ las imágenes de clase $i$ que la red llamó $j$, y busca la confusión más
# frecuente (fuera de la diagonal).

# %% [markdown] exercise="confusion" lang="en"
# Accuracy is a single number; the **confusion matrix** says what is taken for what. Count in row $i$,
# column $j$ the images of class $i$ that the network called $j$, and find the most frequent confusion
# (off the diagonal).


# %% role="exercise" id="confusion" title_es="Matriz de confusión" title_en="Confusion matrix" difficulty=2 minutes=10
def count_confusions(truth, predicted, n_classes):
    """Return the matrix of counts (n_classes, n_classes): true class by predicted class."""
    ### BEGIN SOLUTION
    counts = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    return counts
    ### END SOLUTION


def most_confused(counts):
    """Return (i, j): the true and the predicted class of the most frequent mistake."""
    ### BEGIN SOLUTION
    mistakes = counts - np.diag(np.diag(counts))
    i, j = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return int(i), int(j)
    ### END SOLUTION


# %% role="check" id="confusion_check" points=3
def draw_confusions(rng):
    """Draw counts with one answer; it is of a frequent class, and its share of that is small."""
    i, j = rng.choice(5, size=2, replace=False)
    counts = rng.permutation(25).reshape(5, 5) + 100 * np.eye(5, dtype=int)
    counts[i, j], counts[i, i], counts[j, j] = 30, 900, 900
    return counts


tick.call(
    {"es": "matriz de confusión", "en": "confusion matrix"},
    lambda truth, predicted, n: count_confusions(truth, predicted, n),
    cases=lambda rng: [
        (rng.integers(0, 4, size=50), rng.integers(0, 4, size=50), 4),
        (np.array([0, 1, 1]), np.array([1, 1, 0]), 5),  # classes that do not appear
    ],
    marks=2,
    hint={
        "es": "Filas, la clase verdadera; columnas, la predicha. Las clases ausentes también tienen fila.",
        "en": "Rows are true classes, columns predicted ones. Classes that are absent have a row too.",
    },
)
tick.call(
    {"es": "la confusión más frecuente", "en": "the most frequent confusion"},
    lambda counts: [int(k) for k in most_confused(counts)],
    cases=lambda rng: [(counts := draw_confusions(rng),), (counts.T.copy(),)],
    marks=1,
    hint={
        "es": "La diagonal son aciertos: quítala antes de buscar el máximo, en una copia.",
        "en": "The diagonal holds the hits: remove it before looking for the maximum, in a copy.",
    },
)

# %% role="given"
with once_done():
    predicted = classify(baseline, splits.test_images)
    counts = np.asarray(count_confusions(splits.test_labels, predicted, n_classes), dtype=int)
    plots.confusion_matrix(splits.test_labels, predicted, classes=class_names)
    i, j = map(int, most_confused(counts))
    share = np.trace(counts) / counts.sum()
    print(
        tr(
            es=f"exactitud de la red de partida en prueba: {share:.3f}",
            en=f"test accuracy of the baseline: {share:.3f}",
        )
    )
    actual, said = class_names[i], class_names[j]
    print(
        tr(
            es=f"confusión más frecuente: {actual} se toma por {said}, {counts[i, j]} veces",
            en=f"most frequent confusion: {actual} taken for {said}, {counts[i, j]} times",
        )
    )

# %% [markdown] lang="es"
# ## Un cambio cada vez
#
# Si cambias a la vez el optimizador, la anchura y el *dropout* y la red mejora, ¿quién lo ha hecho? Para
# saberlo se parte siempre de la misma configuración y se cambia **una sola cosa por fila**: es una tabla
# de **ablación**, aunque aquí, más que quitar, se pone.

# %% [markdown] lang="en"
# ## One change at a time
#
# If you change the optimiser, the width and the dropout at once and the network gets better, which of
# them was it? To know, always begin at the same configuration and change **one thing a row**: that is an
# **ablation** table, although here things are added rather than taken away.

# %% [markdown] exercise="ablation" lang="es"
# Prueba cada cambio por separado sobre la configuración de partida, `base`, y di cuánto se gana. `run`
# entrena una red entera cada vez que la llamas: una vez para `base` y una por cambio, ni una más.

# %% [markdown] exercise="ablation" lang="en"
# Try each change on its own on the configuration that you begin with, `base`, and say what it gains.
# `run` trains a whole network each time you call it: once for `base` and once a change, no more.


# %% role="exercise" id="ablation" title_es="Tabla de ablación" title_en="Ablation table" difficulty=1 minutes=15
def ablation(run, base, changes):
    """Return a row for each change alone, in their order.

    Parameters
    ----------
    run : callable
        From settings (a dict) to a score.
    base : dict
        The settings to begin with; left as they are.
    changes : dict of str to dict
        By its name, the settings that a change adds to the base or replaces in it.

    Returns
    -------
    list of (str, float, float)
        Name, score, and how much the score is above that of the base.
    """
    ### BEGIN SOLUTION
    before = run(base)
    scores = {name: run(base | change) for name, change in changes.items()}
    return [(name, score, score - before) for name, score in scores.items()]
    ### END SOLUTION


# %% role="check" id="ablation_check" points=3
def tried(base, changes):
    """Return what ablation finds where a formula takes the place of training, and its runs."""
    runs = []

    def run(settings):
        runs.append(settings)
        score = settings["width"] * settings["rate"] + settings.get("dropout", 0)
        return score + 10 * settings["layers"] * settings.get("momentum", 0)

    rows = ablation(run, base, changes)
    return [[name, as_number(score), as_number(gain)] for name, score, gain in rows], len(runs)


def draw_settings(rng):
    """Draw a base, and changes that replace one of its settings, add one, or do both."""
    base = dict(zip(("width", "rate", "layers"), rng.uniform(1, 9, size=3).tolist(), strict=True))
    width, rate, momentum, dropout = rng.uniform(1, 9, size=4).tolist()
    changes = {
        "wide": {"width": width},
        "momentum": {"momentum": momentum},
        "fast": {"rate": rate, "dropout": dropout},
    }
    return base, {name: changes[name] for name in rng.permutation(list(changes)).tolist()}


tick.call(
    {"es": "ablación: nombres y resultados", "en": "ablation: names and scores"},
    lambda base, changes: [row[:2] for row in tried(base, changes)[0]],
    cases=lambda rng: [draw_settings(rng), draw_settings(rng)],
    marks=1,
    hint={
        "es": "Cada fila parte de base y lleva un solo cambio: ni se acumulan ni tocan base.",
        "en": "Each row begins at base and has one change: they neither add up nor touch base.",
    },
)
tick.call(
    {"es": "ablación: lo que gana cada cambio", "en": "ablation: what each change gains"},
    lambda base, changes: tried(base, changes),
    cases=lambda rng: [draw_settings(rng) for _ in range(6)],
    marks=2,
    hint={
        "es": "La ganancia es sobre base, no sobre la fila anterior, y base se entrena una sola vez.",
        "en": "The gain is over base, not over the row before, and base is trained only once.",
    },
)

# %% [markdown] lang="es"
# Úsala con la red de partida. Son entrenamientos cortos, puntuados en validación: dicen qué ayuda a
# aprender deprisa, y no tanto qué ayudará al final.

# %% [markdown] lang="en"
# Use it with the baseline. These are short trainings, scored in validation: they tell what helps to
# learn fast, and less what will help in the end.


# %% role="given"
def validation_accuracy(settings):
    """Train a network with these settings for a few epochs and return its validation accuracy."""
    torch.manual_seed(run_seed())
    hidden = [nn.Linear(n_inputs, settings["width"])]
    hidden += [nn.BatchNorm1d(settings["width"])] if settings["norm"] else []
    layers = [nn.Flatten(), *hidden, nn.ReLU(), nn.Dropout(settings["dropout"])]
    model = nn.Sequential(
        *layers, nn.Linear(settings["width"], n_classes), nn.LogSoftmax(dim=1)
    ).to(device)
    optimizer = settings["optimizer"](model.parameters())
    for _ in range(3):
        train_epoch(model, train_loader, nn.NLLLoss(), optimizer)
    predicted, truth = map(np.asarray, evaluate(model, validation_loader))
    return float(np.mean(predicted == truth))


def sgd(**settings):
    """Return what makes plain SGD with the rate of the baseline, but for these settings."""
    rate = {"lr": budget(full=0.01, quick=0.03)}
    return lambda parameters: torch.optim.SGD(parameters, **rate | settings)


with once_done():
    rows = ablation(
        validation_accuracy,
        {"width": 64, "norm": False, "dropout": 0.0, "optimizer": sgd()},
        {
            tr(es="tasa 0.1", en="rate 0.1"): {"optimizer": sgd(lr=0.1)},
            tr(es="momento 0.9", en="momentum 0.9"): {"optimizer": sgd(momentum=0.9)},
            "Adam": {"optimizer": torch.optim.Adam},
            tr(es="256 neuronas", en="256 units"): {"width": 256},
            "BatchNorm": {"norm": True},
            "dropout 0.2": {"dropout": 0.2},
        },
    )
    for name, score, gain in rows:
        print(f"{name:<14} {as_number(score):.3f}  {as_number(gain):+.3f}")

# %% [markdown] lang="es"
# ## Tu turno: mejórala
#
# Ahora manda tu criterio. Entrena la mejor red que sepas **sin cambiar el presupuesto**: `EPOCHS`
# épocas de lotes de `BATCH`. Se cuentan los pasos de los optimizadores y las imágenes que se leen; la
# red que se pasa no puntúa. Y hasta que esté entrenada **la prueba no se puede mirar**. Ideas, de menos
# a más trabajo:
#
# - **optimizador**: `momentum`, `Adam`, `AdamW`, una tasa que cambie con el tiempo
#   (`torch.optim.lr_scheduler`);
# - **anchura** y profundidad;
# - **regularización**: `nn.Dropout`, `weight_decay`, `nn.BatchNorm1d`, imágenes algo desplazadas.
#
# Ya sabes lo que hay dentro del bucle, así que puedes usar el del curso. `fit` hace lo mismo que tu
# `train_epoch` y añade la validación, las curvas y, **antes de la primera época**, un repaso de los
# datos. Así protesta si una etiqueta está fuera de rango:

# %% [markdown] lang="en"
# ## Your turn: make it better
#
# Now it is your judgement that counts. Train the best network that you can **without changing the
# budget**: `EPOCHS` epochs of batches of `BATCH`. The optimisers' steps and the images that are read are
# counted; a network beyond the budget earns nothing. And until it is trained **nobody looks at the
# test**. Ideas, from less to more work:
#
# - **optimiser**: `momentum`, `Adam`, `AdamW`, a rate that changes over time
#   (`torch.optim.lr_scheduler`);
# - **width** and depth;
# - **regularisation**: `nn.Dropout`, `weight_decay`, `nn.BatchNorm1d`, slightly shifted images.
#
# You know what is inside the loop, so you may use the course's. `fit` does what your `train_epoch`
# does, and adds validation, the curves and, **before the first epoch**, a look at the data. This is
# how it protests when a label is out of range:


# %% role="given"
def to_dataset(images, labels):
    """Return PyTorch's own version of your ImageDataset."""
    return TensorDataset(torch.from_numpy(images).float() / 255, torch.from_numpy(labels))


train_set = to_dataset(train_images, train_labels)
validation_set = to_dataset(validation_images, validation_labels)

toy = nn.Sequential(nn.Flatten(), nn.Linear(n_inputs, n_classes), nn.LogSoftmax(dim=1))
wrong_labels = DataLoader(to_dataset(train_images[:64], train_labels[:64] + 1), batch_size=16)
try:
    fit(toy, wrong_labels, nn.NLLLoss(), torch.optim.SGD(toy.parameters(), lr=0.1), epochs=1)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown] exercise="improve" lang="es"
# Devuelve la red ya entrenada. Debe aceptar imágenes $(N, H, W)$ con píxeles de 0 a 1 y dar
# log-probabilidades; si normalizas las entradas, hazlo dentro de la red. Elige con la validación.
#
# Se puntúa **lo que ganas sobre la red de partida** en imágenes nuevas, comparado con lo que gana
# nuestra solución. Hay tres escalones: el primero se sube con un solo cambio bien elegido; para los
# otros dos hacen falta varios que se ayuden.

# %% [markdown] exercise="improve" lang="en"
# Return the trained network. It must take images $(N, H, W)$ with pixels from 0 to 1 and give
# log-probabilities; if you normalise the inputs, do it inside the network. Choose by validation.
#
# What counts is **what you gain over the baseline** on new images, compared with what our solution
# gains. There are three steps: a single change, chosen well, climbs the first; the other two need
# several that help each other.


# %% role="exercise" id="improve" title_es="Una red mejor" title_en="A better network" difficulty=3 minutes=60
def improved_network(train_set, validation_set):
    """Return a trained network that beats the baseline.

    Parameters
    ----------
    train_set, validation_set : Dataset
        Of (image, label), images of shape (H, W) with pixels from 0 to 1.

    Returns
    -------
    nn.Module
        From images (N, H, W) to log-probabilities (N, n_classes).
    """

    ### BEGIN SOLUTION
    def block(n_in, n_out):
        return [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU(), nn.Dropout(0.2)]

    wide, narrow = budget(full=(512, 256), quick=(256, 128))
    model = nn.Sequential(
        nn.Flatten(),
        *block(n_inputs, wide),
        *block(wide, narrow),
        nn.Linear(narrow, n_classes),
        nn.LogSoftmax(dim=1),
    )
    loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, total_steps=EPOCHS * len(loader)
    )
    history = fit(
        model,
        loader,
        nn.NLLLoss(),
        optimizer,
        epochs=EPOCHS,
        validation=DataLoader(validation_set, batch_size=1000),
        metrics={tr(es="exactitud", en="accuracy"): accuracy},
        scheduler=scheduler,
        schedule_each="step",
    )
    history.plot()
    return model
    ### END SOLUTION


# %% role="given"
class Counted(TensorDataset):
    """A data set that counts how many of its items are read."""

    read = 0

    def __getitem__(self, index):
        """Return an item, and count it."""
        self.read += 1
        return super().__getitem__(index)


class Sealed:
    """The data while the network is trained: all but the test."""

    def __init__(self, data):
        self._data = data

    def __getattr__(self, name):
        """Return the attribute of the data, unless it is of the test."""
        if name.startswith("test"):
            raise RuntimeError(
                tr(
                    es="la prueba se mira al final: elige con la validación",
                    en="the test is looked at in the end: choose by validation",
                )
            )
        return getattr(self._data, name)


def steps_of(train):
    """Call a function and return what it does and how many steps optimisers made meanwhile."""
    steps = []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    try:
        return train(), len(steps)
    finally:
        hook.remove()


def within_budget(model):
    """Return the model; complain if its training took more than EPOCHS epochs of BATCH images."""
    allowed = EPOCHS * -(-n_train // BATCH)
    # what looks at the data before the training may read them once more
    if steps_made > allowed or counted_set.read > (EPOCHS + 1) * n_train:
        raise RuntimeError(
            tr(
                es=f"fuera del presupuesto: {steps_made} pasos de {allowed} y {counted_set.read} imágenes leídas de {EPOCHS * n_train}",
                en=f"beyond the budget: {steps_made} steps of {allowed} and {counted_set.read} images read of {EPOCHS * n_train}",
            )
        )
    return model


counted_set = Counted(*train_set.tensors)
with once_done(), replaced(splits=Sealed(splits)):
    torch.manual_seed(run_seed())
    improved, steps_made = steps_of(lambda: improved_network(counted_set, validation_set))
    improved = improved.to(device)

# %% [markdown] lang="es"
# Y ahora sí, la prueba.

# %% [markdown] lang="en"
# And now, the test.

# %% role="given"
with once_done():
    truth = splits.test_labels
    before, after = (classify(model, splits.test_images) for model in (baseline, improved))
    at_first, now = np.mean(before == truth), np.mean(after == truth)
    print(
        tr(
            es=f"exactitud en prueba: la red de partida, {at_first:.3f}; la tuya, {now:.3f}",
            en=f"test accuracy: {at_first:.3f} the baseline, {now:.3f} yours",
        )
    )
    plots.confusion_matrix(truth, after, classes=class_names)
    for said, answers, wrong in (
        (tr(es="antes", en="before"), before, (before != truth) & (after == truth)),
        (tr(es="aún", en="still"), after, (before != truth) & (after != truth)),
    ):
        chosen = np.flatnonzero(wrong)[:8]
        if len(chosen):
            titles = [f"{class_names[truth[i]]}\n{said}: {class_names[answers[i]]}" for i in chosen]
            plots.image_grid(splits.test_images[chosen], titles=titles)

# %% role="check" id="improve_check" points=9
tick.predictions(
    {
        "es": "mejora: claramente mejor que la red de partida",
        "en": "improvement: clearly better than the baseline",
    },
    lambda images: classify(within_budget(improved), images),
    hidden=lambda rng: unseen(rng, count=2000),
    metric="accuracy",
    baseline=(
        {"es": "la red de partida", "en": "the baseline network"},
        lambda images: classify(baseline, images),
    ),
    share=0.4,
    marks=3,
    hint={
        "es": "Empieza por el optimizador: con el mismo presupuesto, SGD a secas se queda a medio camino.",
        "en": "Begin with the optimiser: with the same budget, plain SGD only gets half of the way.",
    },
)
tick.predictions(
    {"es": "mejora: por buen camino", "en": "improvement: well on the way"},
    lambda images: classify(within_budget(improved), images),
    hidden=lambda rng: unseen(rng, count=2000),
    metric="accuracy",
    baseline=(
        {"es": "la red de partida", "en": "the baseline network"},
        lambda images: classify(baseline, images),
    ),
    share=0.88,
    marks=3,
    hint={
        "es": "¿Sigue bajando la pérdida de entrenamiento al final? Entonces tu tasa es demasiado prudente.",
        "en": "Is the training loss still falling at the end? Then your learning rate is too cautious.",
    },
)
tick.predictions(
    {"es": "mejora: cerca de la solución", "en": "improvement: close to the solution"},
    lambda images: classify(within_budget(improved), images),
    hidden=lambda rng: unseen(rng, count=2000),
    metric="accuracy",
    baseline=(
        {"es": "la red de partida", "en": "the baseline network"},
        lambda images: classify(baseline, images),
    ),
    share=0.95,
    marks=3,
    hint={
        "es": "Mira la distancia entre entrenamiento y validación: si es grande, regulariza; si no, ensancha.",
        "en": "Look at the gap between training and validation: if it is wide, regularise; if not, go wider.",
    },
)

# %% [markdown] role="question" id="what_improved" points=4 lang="es"
# ¿Qué cambios probaste y qué mejoró la red? Da los números (validación, y prueba al final) de al menos
# dos cambios por separado. Si alguno no ayudó, o no ayudó ninguno, explica por qué crees que fue.
#
# ### BEGIN SOLUTION
# Respuesta abierta; se valora que cada afirmación tenga su número y que se cambie una sola cosa cada
# vez. Lo habitual: el optimizador (momento, Adam, ciclo de tasa) es lo que más aporta, porque la red
# de partida no había terminado de aprender; ensanchar ayuda poco por sí solo con SGD lento y algo más
# con un buen optimizador; BatchNorm acelera; dropout y weight_decay solo ayudan cuando ya hay
# sobreajuste (si la red todavía no llega a ajustar, regularizar la empeora). A partir de ahí un MLP
# se acerca a su techo: no sabe que dos píxeles son vecinos, y las confusiones que quedan son entre
# clases que se parecen. Lo siguiente sería una red convolucional o aumentar los datos.
# ### END SOLUTION

# %% [markdown] role="question" id="what_improved" points=4 lang="en"
# Which changes did you try, and what improved the network? Give the numbers (validation, and the test
# in the end) of at least two changes on their own. If one did not help, or none did, explain why you
# think that was.
#
# ### BEGIN SOLUTION
# An open answer; each claim should come with its number, and one thing should change at a time.
# Usually the optimiser (momentum, Adam, a cycle of rates) brings most, because the baseline had not
# finished learning; width alone helps little with slow SGD and somewhat more with a good optimiser;
# BatchNorm speeds things up; dropout and weight_decay help only once there is overfitting (while the
# network does not yet fit, regularising makes it worse). Beyond that an MLP is close to its ceiling:
# it does not know that two pixels are neighbours, and the confusions that remain are between classes
# that look alike. A convolutional network or more augmentation would be next.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## Para saber más
#
# - Rumelhart, Hinton y Williams (1986).
#   [Learning representations by back-propagating errors](https://doi.org/10.1038/323533a0). *Nature*
#   323, 533–536.
# - Glorot y Bengio (2010). [Understanding the difficulty of training deep feedforward neural
#   networks](https://proceedings.mlr.press/v9/glorot10a.html). *AISTATS*.
# - He, Zhang, Ren y Sun (2015). [Delving deep into rectifiers: surpassing human-level performance on
#   ImageNet classification](https://arxiv.org/abs/1502.01852). *ICCV*. La varianza $2/n$.
# - Srivastava et al. (2014). [Dropout: a simple way to prevent neural networks from
#   overfitting](https://jmlr.org/papers/v15/srivastava14a.html). *JMLR* 15, 1929–1958.
# - Ioffe y Szegedy (2015). [Batch normalization](https://arxiv.org/abs/1502.03167).
# - Xiao, Rasul y Vollgraf (2017). [Fashion-MNIST](https://arxiv.org/abs/1708.07747).

# %% [markdown] lang="en"
# ## Further reading
#
# - Rumelhart, Hinton and Williams (1986).
#   [Learning representations by back-propagating errors](https://doi.org/10.1038/323533a0). *Nature*
#   323, 533–536.
# - Glorot and Bengio (2010). [Understanding the difficulty of training deep feedforward neural
#   networks](https://proceedings.mlr.press/v9/glorot10a.html). *AISTATS*.
# - He, Zhang, Ren and Sun (2015). [Delving deep into rectifiers: surpassing human-level performance on
#   ImageNet classification](https://arxiv.org/abs/1502.01852). *ICCV*. The variance $2/n$.
# - Srivastava et al. (2014). [Dropout: a simple way to prevent neural networks from
#   overfitting](https://jmlr.org/papers/v15/srivastava14a.html). *JMLR* 15, 1929–1958.
# - Ioffe and Szegedy (2015). [Batch normalization](https://arxiv.org/abs/1502.03167).
# - Xiao, Rasul and Vollgraf (2017). [Fashion-MNIST](https://arxiv.org/abs/1708.07747).

# %% role="given"
tick.summary()
