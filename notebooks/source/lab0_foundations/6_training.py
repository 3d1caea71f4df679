# %% [markdown] lang="es"
# ## 9. Normalización por lotes
#
# **BatchNorm** (Ioffe y Szegedy, 2015) fija la escala de los números que llegan a una capa: resta a cada variable la media del lote, divide por su desviación, y
# dos pesos, $\gamma$ y $\beta$, devuelven la escala que convenga.
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad y = \gamma\,\hat x + \beta$$
#
# Tiene **dos modos**, y confundirlos es uno de los errores más repetidos:
#
# - **Entrenamiento:** $\mu$ y $\sigma^2$ son las del lote ($\sigma^2$ divide por $N$). De paso se
#   actualizan unas medias móviles: `running = (1 - momentum) * running + momentum * nuevo`. La varianza
#   que se guarda ahí es la **insesgada**, que divide por $N - 1$.
# - **Evaluación:** se usan las medias móviles, que no se tocan. Así la respuesta a un caso no depende de
#   con quién comparta lote, y un solo caso basta.
#
# **¿Por qué ayuda?** Sus autores lo atribuyeron a que las entradas de cada capa dejan de cambiar de escala
# mientras las anteriores aprenden (*internal covariate shift*). Santurkar et al. (2018) pusieron a prueba
# esa explicación: añadieron ruido detrás de BatchNorm, para que las entradas volvieran a cambiar, y la red
# se entrenaba igual de bien. Lo que vieron es que la pérdida se vuelve más **suave**: el gradiente cambia
# menos de un punto al siguiente, y por eso se admiten pasos más largos. El porqué sigue en discusión.

# %% [markdown] lang="en"
# ## 9. Batch normalisation
#
# **BatchNorm** (Ioffe and Szegedy, 2015) fixes the scale of the numbers that reach a layer: take the batch's mean from each variable, divide by its deviation,
# and let two weights, $\gamma$ and $\beta$, give back whatever scale is best.
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad y = \gamma\,\hat x + \beta$$
#
# It has **two modes**, and confusing them is one of the most common mistakes:
#
# - **Training:** $\mu$ and $\sigma^2$ are the batch's ($\sigma^2$ divides by $N$). On the way, moving
#   averages are updated: `running = (1 - momentum) * running + momentum * new`. The variance kept there
#   is the **unbiased** one, which divides by $N - 1$.
# - **Evaluation:** the moving averages are used and left alone. So the answer to a case does not depend
#   on who shares its batch, and a single case is enough.
#
# **Why does it help?** Its authors put it down to the inputs of each layer no longer changing their scale
# while the layers before learn (*internal covariate shift*). Santurkar et al. (2018) put that explanation to
# the test: they added noise after BatchNorm, so that the inputs changed again, and the network trained just
# as well. What they saw is that the loss becomes **smoother**: the gradient changes less from one point to
# the next, which is why longer steps are allowed. The reason is still under debate.

# %% [markdown] exercise="batch_norm" lang="es"
# Escribe el método que aplica la capa. `self.training` dice el modo. Entrenar con un solo caso no tiene
# sentido (¿qué varianza tiene un número?): lanza `ValueError`, como hace PyTorch.

# %% [markdown] exercise="batch_norm" lang="en"
# Write the method that applies the layer. `self.training` tells the mode. Training with a single case
# makes no sense (what is the variance of one number?): raise `ValueError`, as PyTorch does.


# %% role="exercise" id="batch_norm" title_es="BatchNorm, en sus dos modos" title_en="BatchNorm, in both modes" difficulty=3 minutes=15
class BatchNorm:
    """Batch normalisation of D variables (Ioffe & Szegedy 2015), with nn.BatchNorm1d's conventions."""

    def __init__(self, D: int, eps: float = 1e-5, momentum: float = 0.1):
        self.eps, self.momentum = eps, momentum
        self.gamma, self.beta = np.ones(D), np.zeros(D)
        self.running_mean, self.running_var = np.zeros(D), np.ones(D)
        self.training = True

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Normalise a batch, shape (N, D), and update the moving averages if training.

        Raises ValueError when training on a batch of one case.
        """
        ### BEGIN SOLUTION
        if self.training:
            if len(x) < 2:
                raise ValueError(f"training needs at least 2 cases a batch, found {len(x)}")
            mean, var = x.mean(axis=0), x.var(axis=0)
            keep = 1 - self.momentum
            self.running_mean = keep * self.running_mean + self.momentum * mean
            self.running_var = keep * self.running_var + self.momentum * x.var(axis=0, ddof=1)
        else:
            mean, var = self.running_mean, self.running_var
        return self.gamma * (x - mean) / np.sqrt(var + self.eps) + self.beta
        ### END SOLUTION


# %% role="check" id="batch_norm_check" points=6
def normalise_training(x, gamma, beta, eps):
    """Return the output of a fresh layer in training mode."""
    layer = BatchNorm(len(gamma), eps=eps)
    layer.gamma, layer.beta = gamma, beta
    return layer(x)


def averages_after(batches, momentum):
    """Return the moving averages, shape (2, D), after training on several batches."""
    layer = BatchNorm(batches.shape[-1], momentum=momentum)
    for batch in batches:
        layer(batch)
    return np.stack([layer.running_mean, layer.running_var])


def normalise_evaluating(x, mean, var, gamma, beta, eps):
    """Return the output in evaluation mode, and the moving averages below it."""
    layer = BatchNorm(len(mean), eps=eps)
    layer.gamma, layer.beta = gamma, beta
    layer.running_mean, layer.running_var, layer.training = mean.copy(), var.copy(), False
    return np.vstack([layer(x), layer.running_mean, layer.running_var])


tick.call(
    {"es": "BatchNorm en modo entrenamiento", "en": "BatchNorm in training mode"},
    lambda x, gamma, beta, eps: normalise_training(x, gamma, beta, eps),
    cases=lambda rng: [
        (rng.normal(2, 3, size=(n, d)), rng.normal(size=d), rng.normal(size=d), eps)
        for n, d, eps in [(6, 3, 1e-5), (4, 2, 0.5), (2, 5, 1e-5)]
    ],
    marks=1,
    hint={
        "es": "La varianza que normaliza divide por N, va por columnas, y ε está dentro de la raíz. ¿Usas gamma y beta?",
        "en": "The variance that normalises divides by N, goes by columns, and ε is inside the root. Do you use gamma and beta?",
    },
)
tick.call(
    {"es": "medias móviles de BatchNorm", "en": "moving averages of BatchNorm"},
    lambda batches, momentum: averages_after(batches, momentum),
    cases=lambda rng: [
        (rng.normal(2, 3, size=(b, n, d)), rng.uniform(0.05, 0.5))
        for b, n, d in [(1, 4, 3), (5, 3, 2)]
    ],
    marks=2,
    hint={
        "es": "Lo nuevo pesa momentum y lo viejo 1 - momentum. La varianza que se guarda divide por N - 1.",
        "en": "The new weighs momentum and the old 1 - momentum. The variance that is kept divides by N - 1.",
    },
)
tick.call(
    {"es": "BatchNorm en modo evaluación", "en": "BatchNorm in evaluation mode"},
    lambda x, mean, var, gamma, beta, eps: normalise_evaluating(x, mean, var, gamma, beta, eps),
    cases=lambda rng: [
        (
            rng.normal(2, 3, size=(n, d)),
            rng.normal(size=d),
            rng.uniform(0.5, 4, size=d),
            *rng.normal(size=(2, d)),
            eps,
        )
        for n, d, eps in [(5, 3, 1e-5), (1, 4, 0.5)]
    ],
    marks=2,
    hint={
        "es": "En evaluación no se mira el lote: se normaliza con las medias móviles, que quedan como estaban. Lo demás es igual: ε, gamma y beta.",
        "en": "Evaluation does not look at the batch: it normalises with the moving averages, which stay as they were. The rest is the same: ε, gamma and beta.",
    },
)
tick.call(
    {"es": "entrenamiento con un solo caso", "en": "training on one case"},
    lambda x, gamma, beta, eps: normalise_training(x, gamma, beta, eps),
    cases=lambda rng: [(rng.normal(size=(1, 3)), rng.normal(size=3), rng.normal(size=3), 1e-5)],
    marks=1,
    hint={
        "es": "Con self.training y un lote de una fila se espera un ValueError.",
        "en": "With self.training and a batch of one row a ValueError is expected.",
    },
)

# %% role="given"
torch.manual_seed(run_seed())
theirs = nn.BatchNorm1d(3).double()
batches, case = torch.randn(20, 8, 3).double() * 4 + 5, torch.randn(1, 3).double()


def both_modes(layer, batches, case, evaluate):
    """Train a layer on batches; return its last output and, evaluating, that of one case."""
    for batch in batches:
        trained = layer(batch)
    evaluate(layer)
    return np.vstack([np.asarray(trained), np.asarray(layer(case))])


with torch.no_grad():
    compare(
        tr(es="la tuya y nn.BatchNorm1d", en="yours and nn.BatchNorm1d"),
        lambda: both_modes(
            BatchNorm(3),
            batches.numpy(),
            case.numpy(),
            lambda ours: setattr(ours, "training", False),
        ),
        lambda: both_modes(theirs, batches, case, lambda layer: layer.eval()),
    )

# %% [markdown] lang="es"
# **Los dos modos, a la vista.** El mismo caso entra en 300 lotes distintos de 8. En modo
# entrenamiento su resultado baila según la compañía; en evaluación es siempre el mismo.

# %% [markdown] lang="en"
# **Both modes in sight.** The same case goes into 300 different batches of 8. In training mode its
# result dances to the company it keeps; in evaluation it is always the same.

# %% role="given"
rng = np.random.default_rng(run_seed())
case = np.array([[6.5]])
companies = rng.gamma(4, 1.25, size=(300, 7, 1))
with once_done():
    layer = BatchNorm(1)
    raw = np.concatenate([companies, np.tile(case, (300, 1, 1))], axis=1)  # (300, 8, 1)
    training = np.array([np.asarray(layer(batch))[-1, 0] for batch in raw])
    layer.training = False
    evaluating = np.asarray(layer(case))[0, 0]
    normalised = np.concatenate([np.asarray(layer(batch)) for batch in companies])
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.hist(
        companies.ravel(),
        bins=40,
        color=plots.COLOURS[0],
        alpha=0.6,
        label=tr(es="lo que llega", en="what arrives"),
    )
    left.hist(
        normalised.ravel(),
        bins=40,
        color=plots.COLOURS[1],
        alpha=0.6,
        hatch="//",
        label=tr(es="lo que sale", en="what leaves"),
    )
    left.set(xlabel=tr(es="valor", en="value"), ylabel=tr(es="casos", en="cases"))
    left.legend()
    right.hist(
        training,
        bins=30,
        color=plots.COLOURS[0],
        alpha=0.6,
        label=tr(es="entrenamiento: 300 lotes", en="training: 300 batches"),
    )
    right.axvline(
        evaluating,
        color=plots.COLOURS[1],
        linewidth=2.5,
        label=tr(es="evaluación", en="evaluation"),
    )
    right.set(
        xlabel=tr(es="salida de un mismo caso", en="output of one and the same case"),
        ylabel=tr(es="lotes", en="batches"),
    )
    right.margins(y=0.35)  # room for the legend above the bars
    right.legend()
    plt.show()

# %% [markdown] role="question" id="q_batch_norm" points=4 lang="es"
# Un compañero entrena su red con éxito. Después, con los pacientes de dos en dos, las predicciones no
# tienen sentido; con lotes de 64 parecen buenas, pero cambian según cómo ordene los datos. (a) ¿Qué ha
# olvidado? (b) Explica los dos síntomas. (c) ¿Por qué lo que se guarda es la varianza insesgada?
#
# ### BEGIN SOLUTION
# (a) Pasar a modo evaluación (`model.eval()`). (b) En modo entrenamiento cada lote se normaliza con su
# propia media y varianza. Con dos casos, cada variable queda en $+1$ y $-1$: se sabe cuál es mayor, pero
# no cuánto vale. Con 64, el resultado de cada paciente depende de sus compañeros de lote, que cambian con
# el orden. (c) Porque en evaluación debe representar la varianza de la población; la del lote, que divide
# por $N$, la subestima en promedio en un factor $(N-1)/N$.
# ### END SOLUTION

# %% [markdown] role="question" id="q_batch_norm" points=4 lang="en"
# A classmate trains a network with success. Then, with patients two at a time, the predictions make no
# sense; with batches of 64 they look good, but change with the order of the data. (a) What was forgotten?
# (b) Explain both symptoms. (c) Why is it the unbiased variance that is kept?
#
# ### BEGIN SOLUTION
# (a) To switch to evaluation mode (`model.eval()`). (b) In training mode each batch is normalised with its
# own mean and variance. With two cases, each variable becomes $+1$ and $-1$: one can tell which is larger,
# but not what it is worth. With 64, the result of each patient depends on the others in the batch, who
# change with the order. (c) Because in evaluation it must stand for the variance of the population; that of
# the batch, which divides by $N$, underestimates it on average by a factor of $(N-1)/N$.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## 10. Elegir tasa de aprendizaje, épocas y tamaño de lote
#
# Quedan los números que el gradiente no aprende. Probar todas las combinaciones es carísimo, así que se
# va por partes:
#
# 1. la **tasa de aprendizaje**, con una prueba de barrido de unos cien lotes;
# 2. las **épocas**, parando cuando la validación deja de mejorar;
# 3. con eso, una **cuadrícula pequeña** alrededor, en la que entra el tamaño de lote.
#
# Los datos son 1797 dígitos escritos a mano, de 8 × 8 píxeles (Alpaydin y Kaynak, 1998), en tres partes:
# con una se entrena, con otra se elige y la tercera no se mira hasta el final.

# %% [markdown] lang="en"
# ## 10. Choosing learning rate, epochs and batch size
#
# There remain the numbers that the gradient does not learn. Trying all combinations is far too expensive,
# so go one by one:
#
# 1. the **learning rate**, with a range test of about a hundred batches;
# 2. the **epochs**, stopping when validation no longer improves;
# 3. with that, a **small grid** around, where batch size comes in.
#
# The data are 1797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak, 1998), in three parts: one to
# train, one to choose, and a third that is not looked at until the end.

# %% role="given"
digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.target))
pixels, labels = digits.data[order].astype(np.float32) / 16, digits.target[order]
train_part, validation_part, test_part = slice(0, 1000), slice(1000, 1400), slice(1400, None)


def tensors(part):
    """Return the images, shape (N, 64), and the labels, shape (N,), of a part of the data."""
    return torch.tensor(pixels[part]), torch.tensor(labels[part])


def digit_network():
    """Return a fresh network for digits, the same one every time."""
    torch.manual_seed(run_seed())
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


examples = [np.argmax(labels == digit) for digit in range(10)]
plots.image_grid(pixels[examples].reshape(-1, 8, 8), titles=list("0123456789"), columns=10)
plt.show()

# %% [markdown] exercise="range_test" lang="es"
# **La prueba de barrido** (Smith, 2017): entrena unos cuantos lotes subiendo la tasa en cada paso y mira la
# pérdida. Al principio no se mueve; luego cae; al final se dispara. Una buena tasa está donde **cae más
# deprisa**. Smith subía la tasa de forma lineal; hoy se suele subir multiplicándola, para recorrer varios
# órdenes de magnitud.
#
# Escribe las dos piezas: las tasas, en progresión geométrica, y la elección, donde la pendiente de la
# pérdida respecto a $\log(\text{tasa})$ es más negativa (`np.gradient(losses, np.log(rates))`). Ojo: si el
# entrenamiento explota, las últimas pérdidas pueden ser `nan`, y no deben estropear la elección.

# %% [markdown] exercise="range_test" lang="en"
# **The range test** (Smith, 2017): train for some batches, raising the rate at each step, and look at the
# loss. At first it does not move; then it falls; in the end it shoots up. A good rate is where it **falls
# fastest**. Smith raised the rate linearly; today it is usually multiplied, to cover several orders of
# magnitude.
#
# Write the two pieces: the rates, in geometric progression, and the choice, where the slope of the loss
# over $\log(\text{rate})$ is most negative (`np.gradient(losses, np.log(rates))`). Beware: if training blows
# up, the last losses may be `nan`, and they must not spoil the choice.


# %% role="exercise" id="range_test" title_es="Prueba de barrido" title_en="Range test" difficulty=2 minutes=8
def learning_rates(lowest: float, highest: float, count: int) -> np.ndarray:
    """Return rates from the lowest to the highest, each the same multiple of the one before."""
    ### BEGIN SOLUTION
    return np.geomspace(lowest, highest, count)
    ### END SOLUTION


def steepest(rates: np.ndarray, losses: np.ndarray) -> float:
    """Return the rate at which the loss falls fastest; losses may hold nan."""
    ### BEGIN SOLUTION
    return float(rates[np.nanargmin(np.gradient(losses, np.log(rates)))])
    ### END SOLUTION


# %% role="check" id="range_test_check" points=3
def drawn_curve(rng, lost=0):
    """Draw (rates, losses) of a range test whose last ``lost`` losses are nan.

    The rates are not evenly spaced: early on there is a gap, over which the loss falls a lot but
    gently. Later it falls fastest where two steep pieces meet, goes on falling, and shoots up.
    """
    slopes = rng.uniform(-0.3, 0.0, size=30)  # of the loss over log(rate), piece by piece
    widths = rng.uniform(0.25, 0.35, size=30)
    slopes[5], widths[5] = -1.2, 2.5
    steep = rng.integers(11, 18)
    slopes[steep - 1], slopes[steep] = rng.uniform(-2.6, -2.4), rng.uniform(-3.2, -3.0)
    slopes[-3:] = 8
    slopes[18:-3] -= 0.2
    losses = 10 + np.concatenate([[0], np.cumsum(slopes * widths)])
    losses[len(losses) - lost :] = np.nan
    return 1e-5 * np.exp(np.concatenate([[0], np.cumsum(widths)])), losses


tick.call(
    {"es": "tasas en progresión geométrica", "en": "geometric rates"},
    lambda lowest, highest, count: learning_rates(lowest, highest, count),
    cases=lambda rng: [(rng.uniform(1e-6, 1e-4), rng.uniform(0.1, 5), n) for n in (2, 9, 50)],
    marks=1,
    hint={
        "es": "El cociente entre tasas consecutivas es constante, y la primera y la última son las que se piden.",
        "en": "The ratio of successive rates is constant, and the first and the last are the ones asked for.",
    },
)
tick.call(
    {"es": "descenso más rápido de la pérdida", "en": "steepest descent of the loss"},
    lambda rates, losses: steepest(rates, losses),
    cases=lambda rng: [drawn_curve(rng), drawn_curve(rng), drawn_curve(rng, lost=3)],
    marks=2,
    hint={
        "es": "Se pide la tasa de la pendiente más negativa respecto a log(tasa): ni la de menor pérdida, ni la de mayor diferencia, que depende de lo separadas que estén las tasas. Con nan, np.argmin se equivoca: existe np.nanargmin.",
        "en": "It is the rate of the most negative slope over log(rate): not that of the lowest loss, nor of the largest difference, which depends on how far apart the rates are. With nan, np.argmin goes wrong: there is np.nanargmin.",
    },
)


# %% role="given"
def sweep(rates, batch_size=32):
    """Return the smoothed loss at each rate; nan from where training blows up."""
    network, (images, truth) = digit_network(), tensors(train_part)
    optimizer = torch.optim.SGD(network.parameters(), lr=rates[0], momentum=0.9)
    average, losses = 0.0, np.full(len(rates), np.nan)
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = rate
        batch = torch.randint(len(truth), (batch_size,))
        loss = nn.functional.cross_entropy(network(images[batch]), truth[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average = 0.9 * average + 0.1 * loss.item()
        losses[step] = average / (1 - 0.9 ** (step + 1))  # the same correction as Adam's
        if losses[step] > 4 * np.nanmin(losses):
            losses[step] = np.nan
            break
    return losses


with once_done():
    rates = np.asarray(learning_rates(1e-4, 10, 100))
    losses = sweep(rates)
    found = steepest(rates, losses)
    ax = plots.curves(
        losses,
        ylabel=tr(es="pérdida (suavizada)", en="loss (smoothed)"),
        xlabel=tr(es="tasa de aprendizaje", en="learning rate"),
        x=rates,
    )
    ax.set_xscale("log")
    ax.axvline(found, color=plots.COLOURS[1], linestyle="--")
    ax.annotate(
        tr(es=f"cae más deprisa en {found:.2g}", en=f"falls fastest at {found:.2g}"),
        (found, np.nanmin(losses)),
        xytext=(-6, 0),
        textcoords="offset points",
        ha="right",
    )
    plt.show()

# %% [markdown] exercise="early_stopping" lang="es"
# **Cuándo parar.** Con pocos datos la pérdida de entrenamiento baja siempre; la de validación baja y
# después sube: la red ha empezado a memorizar. La *parada temprana* se queda con la mejor época y se
# rinde tras `patience` épocas seguidas sin una pérdida **estrictamente menor**. Las épocas se cuentan
# desde 1; si nunca se rinde, la última es la última de la lista.
#
# En la figura de más abajo hay 200 imágenes de entrenamiento, 40 con la etiqueta cambiada a propósito: verás
# cómo la red acaba aprendiéndose hasta los errores.

# %% [markdown] exercise="early_stopping" lang="en"
# **When to stop.** With little data the training loss always falls; the validation loss falls and then
# rises: the network has begun to memorise. *Early stopping* keeps the best epoch and gives up after
# `patience` epochs in a row without a **strictly lower** loss. Epochs are counted from 1; if it never
# gives up, the last one is the last of the list.
#
# The figure below has 200 training images, 40 with a wrong label on purpose: you will see how the network
# ends up learning even the mistakes.


# %% role="exercise" id="early_stopping" title_es="Parada temprana" title_en="Early stopping" difficulty=2 minutes=8
def early_stopping(losses: list[float], patience: int) -> tuple[int, int]:
    """Return the best epoch and the last one that is trained, both counted from 1."""
    ### BEGIN SOLUTION
    best, lowest = 1, losses[0]
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest:
            best, lowest = epoch, loss
        if epoch - best == patience:
            return best, epoch
    return best, len(losses)
    ### END SOLUTION


# %% role="check" id="early_stopping_check" points=2
tick.call(
    {"es": "mejor época y última", "en": "best and last epoch"},
    lambda losses, patience: early_stopping(losses, patience),
    cases=lambda rng: [
        *((rng.normal(size=25).tolist(), patience) for patience in (2, 4, 8)),
        (np.sort(rng.uniform(size=9))[::-1].tolist(), 3),
        ([0.5] * 6, int(rng.integers(2, 5))),
        ([3.0, 2.0, 2.5, *rng.uniform(2, 3, size=1), 1.0, 1.5, 1.2, 0.5], 3),  # just in time
        ([2.0, 1.0, *rng.uniform(1, 2, size=3).tolist()], 3),  # gives up at the very end
        ([1.0, 2.0, 0.9, 1.5, 0.8, 1.4, 0.7], int(rng.integers(2, 4))),
        ([2.0, 1.0, *rng.uniform(1, 2, size=2), 0.5, 0.4], 2),  # better, when it is too late
    ],
    marks=2,
    hint={
        "es": "Con paciencia 3 y la mejor en la época 5, la última es la 8. Lo que venga después de parar no se ve, aunque fuera mejor; un empate no es mejora.",
        "en": "With patience 3 and the best at epoch 5, the last is 8. What comes after stopping is not seen, even if better; a tie is no improvement.",
    },
)


# %% role="given"
def train_digits(lr, batch_size, epochs, data=None):
    """Train on (images, labels); return the network and the losses of every epoch by name."""
    network, (images, truth) = digit_network(), data or tensors(train_part)
    unseen, unseen_truth = tensors(validation_part)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9)
    losses = {"training": [], "validation": []}
    for _ in range(epochs):
        for batch in torch.randperm(len(truth)).split(batch_size):
            loss = nn.functional.cross_entropy(network(images[batch]), truth[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            losses["training"].append(nn.functional.cross_entropy(network(images), truth).item())
            losses["validation"].append(
                nn.functional.cross_entropy(network(unseen), unseen_truth).item()
            )
    return network, losses


def draw_losses(losses):
    """Draw the training and validation losses of every epoch; return the axes."""
    names = {
        "training": tr(es="entrenamiento", en="training"),
        "validation": tr(es="validación", en="validation"),
    }
    return plots.loss_curve({names[part]: curve for part, curve in losses.items()})


with once_done():
    few_images, few_labels = tensors(slice(0, 200))
    few_labels[:40] = (few_labels[:40] + 1) % 10  # wrong on purpose
    _, losses = train_digits(lr=0.03, batch_size=16, epochs=40, data=(few_images, few_labels))
    best, last = early_stopping(losses["validation"], patience=8)
    ax = draw_losses(losses)
    for epoch, name in ((best, tr(es="mejor", en="best")), (last, tr(es="parada", en="stop"))):
        ax.axvline(epoch, color=plots.COLOURS[2], linewidth=0.8)
        ax.text(epoch + 0.3, 1.5, f"{name}: {epoch}")
    plt.show()

# %% [markdown] exercise="grid_search" lang="es"
# **Cuadrícula pequeña.** El tamaño de lote y la tasa van de la mano (con lotes mayores el gradiente
# tiene menos ruido y admite pasos más largos), así que se eligen juntos. `evaluate(lr, batch_size)`
# devuelve la pérdida de validación. Recorre las combinaciones y quédate con la menor; las que hayan
# explotado dan `nan` y no pueden ganar.

# %% [markdown] exercise="grid_search" lang="en"
# **A small grid.** Batch size and rate go together (with larger batches the gradient is less noisy and
# allows longer steps), so they are chosen together. `evaluate(lr, batch_size)` returns the validation
# loss. Go through the combinations and keep the lowest; those that blew up give `nan` and cannot win.


# %% role="exercise" id="grid_search" title_es="Cuadrícula" title_en="Grid" difficulty=1 minutes=6
def grid_search(evaluate, rates: list[float], sizes: list[int]) -> tuple[float, int, float]:
    """Return the rate, the batch size and the loss of the best combination; nan never wins."""
    ### BEGIN SOLUTION
    best = (rates[0], sizes[0], float("inf"))
    for lr in rates:
        for batch_size in sizes:
            loss = evaluate(lr, batch_size)
            if loss < best[2]:
                best = (lr, batch_size, loss)
    return best
    ### END SOLUTION


# %% role="check" id="grid_search_check" points=2
def search_table(table, rates, sizes):
    """Search a grid whose losses are given as a table, shape (rates, sizes)."""
    return grid_search(
        lambda lr, size: float(table[rates.index(lr), sizes.index(size)]), rates, sizes
    )


def drawn_table(rng, best, blown_up=()):
    """Draw (table, rates, sizes); the best place and those that blew up are given."""
    table = rng.uniform(0.5, 2.3, size=(3, 4))
    table.flat[list(blown_up)] = np.nan
    table.flat[best] = rng.uniform(0.1, 0.4)
    return table, rng.uniform(1e-4, 1, size=3).tolist(), [8, 16, 32, 64]


tick.call(
    {"es": "lo mejor de una cuadrícula", "en": "best of a grid"},
    lambda table, rates, sizes: search_table(table, rates, sizes),
    cases=lambda rng: [
        drawn_table(rng, best=11),
        drawn_table(rng, best=0),
        drawn_table(rng, best=rng.integers(2, 11), blown_up=(0, 1, 11)),
        drawn_table(rng, best=rng.integers(6, 12), blown_up=range(5)),
    ],
    marks=2,
    hint={
        "es": "El orden es (tasa, tamaño, pérdida). Si falla un caso con nan: cualquier comparación con nan es falsa, también loss < best cuando best es nan.",
        "en": "The order is (rate, size, loss). If a case with nan fails: any comparison with nan is false, also loss < best when best is nan.",
    },
)

# %% role="given"
grid_rates = budget(full=[0.01, 0.03, 0.1, 0.3, 1.0], quick=[0.01, 0.1, 1.0])
grid_sizes = budget(full=[8, 16, 32, 64, 128], quick=[16, 64])
results = {}


def validation_loss(lr, batch_size):
    """Train for some epochs; return the lowest validation loss, and remember it for the picture."""
    lr, batch_size = float(lr), int(batch_size)
    _, losses = train_digits(lr, batch_size, epochs=budget(full=20, quick=6))
    results[lr, batch_size] = float(np.min(losses["validation"]))
    return results[lr, batch_size]


with once_done():
    lr, batch_size, loss = grid_search(validation_loss, grid_rates, grid_sizes)
    print(
        tr(
            es=f"lo mejor: lr {lr}, lotes de {batch_size}, pérdida de validación {loss:.3f}",
            en=f"best: lr {lr}, batch size {batch_size}, validation loss {loss:.3f}",
        )
    )
    found = np.array([[results[lr, size] for size in grid_sizes] for lr in grid_rates])
    with plots.style():
        figure, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    ax.imshow(-np.log(found), cmap=plots.SHADES, aspect="auto")
    for (i, j), value in np.ndenumerate(found):
        ax.text(
            j,
            i,
            f"{value:.2f}",
            ha="center",
            va="center",
            bbox={"color": plots.BACKGROUND, "alpha": 0.8},
        )
    ax.set(
        xlabel=tr(es="tamaño de lote", en="batch size"),
        ylabel=tr(es="tasa de aprendizaje", en="learning rate"),
        title=tr(es="menor pérdida de validación", en="lowest validation loss"),
    )
    ax.set_xticks(range(len(grid_sizes)), grid_sizes)
    ax.set_yticks(range(len(grid_rates)), grid_rates)
    plt.show()

# %% [markdown] exercise="choose_settings" lang="es"
# **Tu elección.** Con lo que has visto (la prueba de barrido, la curva y la cuadrícula), fija los tres
# números. La red se entrena una vez con ellos y se mide en dígitos que no ha visto nadie, con algo de
# ruido añadido. No busques el récord: basta con que no sea una elección descuidada. Fuera de los límites
# que indica la función no se entrena nada.

# %% [markdown] exercise="choose_settings" lang="en"
# **Your choice.** From what you have seen (the range test, the curve and the grid), settle the three
# numbers. The network is trained once with them and measured on digits that nobody has seen, with some
# noise added. Do not hunt for a record: it is enough not to choose carelessly. Beyond the limits that the
# function states nothing is trained.


# %% role="exercise" id="choose_settings" title_es="Decide tú" title_en="You decide" difficulty=1 minutes=5
def choose_settings() -> dict:
    """Return lr (up to 1), batch_size (from 4 to 256) and epochs (up to 40)."""
    ### BEGIN SOLUTION
    return {"lr": 0.1, "batch_size": 32, "epochs": 20}
    ### END SOLUTION


# %% role="given"
LIMITS = {"lr": (0, 1), "batch_size": (4, 256), "epochs": (1, 40)}


def within_limits(settings):
    """Return the settings, whole numbers where they must be; raise ValueError beyond the limits."""
    if not isinstance(settings, dict) or settings.keys() != LIMITS.keys():
        expected = ", ".join(LIMITS)
        raise ValueError(
            tr(
                es=f"se esperaba un diccionario con {expected}; hay {settings}",
                en=f"expected a dictionary with {expected}; found {settings}",
            )
        )
    for name, (least, most) in LIMITS.items():
        found = float(settings[name])
        whole = name == "lr" or found == int(found)
        if not (least <= found <= most and whole and found > 0):
            raise ValueError(
                tr(
                    es=f"{name} es {found:g} y debe estar entre {least} y {most}",
                    en=f"{name} is {found:g} and must be between {least} and {most}",
                )
            )
    return {name: float(n) if name == "lr" else int(n) for name, n in settings.items()}


def train_finally():
    """Train with the settings chosen and draw the losses; return the network."""
    network, losses = train_digits(**within_limits(choose_settings()))
    draw_losses(losses)
    plt.show()
    return network


final_network = None
with once_done():
    try:
        final_network = train_finally()
    except (TypeError, ValueError) as error:
        print(error)


def draw_noisy_digits(rng):
    """Draw test digits with noise, shape (N, 64), and their labels, shape (N,)."""
    images = pixels[test_part] + rng.normal(scale=0.15, size=pixels[test_part].shape)
    return images.astype(np.float32), labels[test_part]


# %% role="check" id="choose_settings_check" points=2
def read_digits(images):
    """Return the digit that the final network sees in each image."""
    within_limits(choose_settings())
    with torch.no_grad():
        return final_network(torch.tensor(images)).argmax(dim=1).numpy()


tick.predictions(
    {"es": "dígitos que nadie ha visto", "en": "digits nobody has seen"},
    lambda images: read_digits(images),
    hidden=lambda rng: draw_noisy_digits(rng),
    metric="accuracy",
    baseline=(
        {"es": "el dígito más frecuente", "en": "the most common digit"},
        lambda images: np.full(len(images), np.bincount(labels[train_part]).argmax()),
    ),
    share=0.9,
    marks=2,
    hint={
        "es": "Mira la curva de validación que hay encima: ¿todavía bajaba cuando se acabaron las épocas?, ¿o salta sin bajar porque la tasa es demasiado alta?",
        "en": "Look at the validation curve above: was it still falling when the epochs ran out, or does it jump about because the rate is too high?",
    },
)

# %% [markdown] lang="es"
# En las demás prácticas, `utils.lr_finder` hace la prueba de barrido y `utils.training.fit` entrena,
# para a tiempo y guarda la mejor época. Ya sabes lo que hay dentro.

# %% [markdown] lang="en"
# In the other labs, `utils.lr_finder` does the range test and `utils.training.fit` trains, stops in time and
# keeps the best epoch. Now you know what is inside.

# %% role="given"
tick.summary()

# %% [markdown] lang="es"
# ## Para saber más
#
# - Alpaydin, E. y Kaynak, C. (1998). *Optical recognition of handwritten digits*. UCI Machine Learning Repository. [doi:10.24432/C50P49](https://doi.org/10.24432/C50P49).
# - Baydin, A. G., Pearlmutter, B. A., Radul, A. A. y Siskind, J. M. (2018). Automatic differentiation in machine learning: a survey. *JMLR* 18(153), 1–43. [arXiv:1502.05767](https://arxiv.org/abs/1502.05767).
# - Bengio, Y., Ducharme, R., Vincent, P. y Jauvin, C. (2003). [A neural probabilistic language model](https://jmlr.org/papers/v3/bengio03a.html). *JMLR* 3, 1137–1155.
# - Cho, K. et al. (2014). Learning phrase representations using RNN encoder–decoder for statistical machine translation. *EMNLP*. [arXiv:1406.1078](https://arxiv.org/abs/1406.1078).
# - Covington, P., Adams, J. y Sargin, E. (2016). Deep neural networks for YouTube recommendations. *RecSys*. [doi:10.1145/2959100.2959190](https://doi.org/10.1145/2959100.2959190).
# - Dosovitskiy, A. et al. (2021). An image is worth 16x16 words: transformers for image recognition at scale. *ICLR*. [arXiv:2010.11929](https://arxiv.org/abs/2010.11929).
# - Duchi, J., Hazan, E. y Singer, Y. (2011). [Adaptive subgradient methods for online learning and stochastic optimization](https://jmlr.org/papers/v12/duchi11a.html). *JMLR* 12, 2121–2159.
# - Efron, B., Hastie, T., Johnstone, I. y Tibshirani, R. (2004). Least angle regression. *Annals of Statistics* 32(2), 407–499. [arXiv:math/0406456](https://arxiv.org/abs/math/0406456).
# - Goodfellow, I., Bengio, Y. y Courville, A. (2016). [*Deep Learning*](https://www.deeplearningbook.org). MIT Press. El capítulo 6 trata XOR; el 8, los optimizadores.
# - He, X., Liao, L., Zhang, H., Nie, L., Hu, X. y Chua, T.-S. (2017). Neural collaborative filtering. *WWW*. [arXiv:1708.05031](https://arxiv.org/abs/1708.05031).
# - Hochreiter, S. y Schmidhuber, J. (1997). Long short-term memory. *Neural Computation* 9(8), 1735–1780. [doi:10.1162/neco.1997.9.8.1735](https://doi.org/10.1162/neco.1997.9.8.1735).
# - Ioffe, S. y Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing internal covariate shift. *ICML*. [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - Kingma, D. P. y Ba, J. (2014). Adam: a method for stochastic optimization. [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# - Kudo, T. (2018). Subword regularization: improving neural network translation models with multiple subword candidates. *ACL*. [arXiv:1804.10959](https://arxiv.org/abs/1804.10959).
# - Loshchilov, I. y Hutter, F. (2019). Decoupled weight decay regularization. *ICLR*. [arXiv:1711.05101](https://arxiv.org/abs/1711.05101).
# - Mikolov, T., Chen, K., Corrado, G. y Dean, J. (2013). Efficient estimation of word representations in vector space. [arXiv:1301.3781](https://arxiv.org/abs/1301.3781).
# - Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. *USSR Computational Mathematics and Mathematical Physics* 4(5), 1–17. [doi:10.1016/0041-5553(64)90137-5](https://doi.org/10.1016/0041-5553(64)90137-5).
# - Radford, A., Wu, J., Child, R., Luan, D., Amodei, D. y Sutskever, I. (2019). [*Language models are unsupervised multitask learners*](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf). OpenAI.
# - Robbins, H. y Monro, S. (1951). A stochastic approximation method. *Annals of Mathematical Statistics* 22(3), 400–407. [doi:10.1214/aoms/1177729586](https://doi.org/10.1214/aoms/1177729586).
# - Santurkar, S., Tsipras, D., Ilyas, A. y Mądry, A. (2018). How does batch normalization help optimization? *NeurIPS*. [arXiv:1805.11604](https://arxiv.org/abs/1805.11604).
# - Schroff, F., Kalenichenko, D. y Philbin, J. (2015). FaceNet: a unified embedding for face recognition and clustering. *CVPR*. [arXiv:1503.03832](https://arxiv.org/abs/1503.03832).
# - Sennrich, R., Haddow, B. y Birch, A. (2016). Neural machine translation of rare words with subword units. *ACL*. [arXiv:1508.07909](https://arxiv.org/abs/1508.07909).
# - Smith, L. N. (2017). Cyclical learning rates for training neural networks. *WACV*. [arXiv:1506.01186](https://arxiv.org/abs/1506.01186).
# - Tieleman, T. y Hinton, G. (2012). [Lecture 6.5: RMSprop](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf). *Neural Networks for Machine Learning*, Coursera.

# %% [markdown] lang="en"
# ## Further reading
#
# - Alpaydin, E. and Kaynak, C. (1998). *Optical recognition of handwritten digits*. UCI Machine Learning Repository. [doi:10.24432/C50P49](https://doi.org/10.24432/C50P49).
# - Baydin, A. G., Pearlmutter, B. A., Radul, A. A. and Siskind, J. M. (2018). Automatic differentiation in machine learning: a survey. *JMLR* 18(153), 1–43. [arXiv:1502.05767](https://arxiv.org/abs/1502.05767).
# - Bengio, Y., Ducharme, R., Vincent, P. and Jauvin, C. (2003). [A neural probabilistic language model](https://jmlr.org/papers/v3/bengio03a.html). *JMLR* 3, 1137–1155.
# - Cho, K. et al. (2014). Learning phrase representations using RNN encoder–decoder for statistical machine translation. *EMNLP*. [arXiv:1406.1078](https://arxiv.org/abs/1406.1078).
# - Covington, P., Adams, J. and Sargin, E. (2016). Deep neural networks for YouTube recommendations. *RecSys*. [doi:10.1145/2959100.2959190](https://doi.org/10.1145/2959100.2959190).
# - Dosovitskiy, A. et al. (2021). An image is worth 16x16 words: transformers for image recognition at scale. *ICLR*. [arXiv:2010.11929](https://arxiv.org/abs/2010.11929).
# - Duchi, J., Hazan, E. and Singer, Y. (2011). [Adaptive subgradient methods for online learning and stochastic optimization](https://jmlr.org/papers/v12/duchi11a.html). *JMLR* 12, 2121–2159.
# - Efron, B., Hastie, T., Johnstone, I. and Tibshirani, R. (2004). Least angle regression. *Annals of Statistics* 32(2), 407–499. [arXiv:math/0406456](https://arxiv.org/abs/math/0406456).
# - Goodfellow, I., Bengio, Y. and Courville, A. (2016). [*Deep Learning*](https://www.deeplearningbook.org). MIT Press. Chapter 6 treats XOR; chapter 8, optimisers.
# - He, X., Liao, L., Zhang, H., Nie, L., Hu, X. and Chua, T.-S. (2017). Neural collaborative filtering. *WWW*. [arXiv:1708.05031](https://arxiv.org/abs/1708.05031).
# - Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation* 9(8), 1735–1780. [doi:10.1162/neco.1997.9.8.1735](https://doi.org/10.1162/neco.1997.9.8.1735).
# - Ioffe, S. and Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing internal covariate shift. *ICML*. [arXiv:1502.03167](https://arxiv.org/abs/1502.03167).
# - Kingma, D. P. and Ba, J. (2014). Adam: a method for stochastic optimization. [arXiv:1412.6980](https://arxiv.org/abs/1412.6980).
# - Kudo, T. (2018). Subword regularization: improving neural network translation models with multiple subword candidates. *ACL*. [arXiv:1804.10959](https://arxiv.org/abs/1804.10959).
# - Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. *ICLR*. [arXiv:1711.05101](https://arxiv.org/abs/1711.05101).
# - Mikolov, T., Chen, K., Corrado, G. and Dean, J. (2013). Efficient estimation of word representations in vector space. [arXiv:1301.3781](https://arxiv.org/abs/1301.3781).
# - Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. *USSR Computational Mathematics and Mathematical Physics* 4(5), 1–17. [doi:10.1016/0041-5553(64)90137-5](https://doi.org/10.1016/0041-5553(64)90137-5).
# - Radford, A., Wu, J., Child, R., Luan, D., Amodei, D. and Sutskever, I. (2019). [*Language models are unsupervised multitask learners*](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf). OpenAI.
# - Robbins, H. and Monro, S. (1951). A stochastic approximation method. *Annals of Mathematical Statistics* 22(3), 400–407. [doi:10.1214/aoms/1177729586](https://doi.org/10.1214/aoms/1177729586).
# - Santurkar, S., Tsipras, D., Ilyas, A. and Mądry, A. (2018). How does batch normalization help optimization? *NeurIPS*. [arXiv:1805.11604](https://arxiv.org/abs/1805.11604).
# - Schroff, F., Kalenichenko, D. and Philbin, J. (2015). FaceNet: a unified embedding for face recognition and clustering. *CVPR*. [arXiv:1503.03832](https://arxiv.org/abs/1503.03832).
# - Sennrich, R., Haddow, B. and Birch, A. (2016). Neural machine translation of rare words with subword units. *ACL*. [arXiv:1508.07909](https://arxiv.org/abs/1508.07909).
# - Smith, L. N. (2017). Cyclical learning rates for training neural networks. *WACV*. [arXiv:1506.01186](https://arxiv.org/abs/1506.01186).
# - Tieleman, T. and Hinton, G. (2012). [Lecture 6.5: RMSprop](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf). *Neural Networks for Machine Learning*, Coursera.
