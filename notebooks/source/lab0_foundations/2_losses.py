# %% [markdown] lang="es"
# ## 3. Funciones de pérdida
#
# La pérdida resume en un número lo mal que va el modelo, y es lo único que el entrenamiento ve.
# Elegirla es decir qué error duele, y también qué quieres saber de la incertidumbre:
#
# - Con el **error cuadrático** lo mejor que se puede responder es la media, y lo que queda es la
#   varianza: el ruido que nadie puede predecir.
# - Con la **entropía cruzada** lo mejor es la probabilidad verdadera, y lo que queda es la
#   entropía. Por eso un clasificador entrenado con ella no solo elige: dice cuánto duda.

# %% [markdown] lang="en"
# ## 3. Loss functions
#
# The loss sums up in one number how badly the model does, and it is all that training ever sees.
# To choose it is to say which errors hurt, and also what you want to know about uncertainty:
#
# - With the **squared error** the best possible answer is the mean, and what remains is the
#   variance: the noise that nobody can predict.
# - With **cross-entropy** the best answer is the true probability, and what remains is the
#   entropy. That is why a classifier trained with it does not just choose: it says how much it
#   doubts.

# %% role="given"
said = np.linspace(0.005, 0.995, 199)  # the probability that the model gives to class 1
with plots.style():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharex=True)
plots.curves(
    {
        tr(es="entropía cruzada: -log p", en="cross-entropy: -log p"): -np.log(said),
        tr(es="error cuadrático: (1 - p)²", en="squared error: (1 - p)²"): (1 - said) ** 2,
    },
    x=said,
    xlabel=tr(
        es="probabilidad p de la clase verdadera", en="probability p given to the true class"
    ),
    ylabel=tr(es="pérdida de un caso", en="loss of one case"),
    ax=left,
)
truths = (0.5, 0.7, 0.95)
expected = {
    tr(es=f"frecuencia verdadera {100 * q:.0f} %", en=f"true frequency {q:.0%}"): (
        -q * np.log(said) - (1 - q) * np.log(1 - said)
    )
    for q in truths
}
plots.curves(
    expected,
    x=said,
    xlabel=tr(es="probabilidad p de la clase 1", en="probability p given to class 1"),
    ylabel=tr(es="entropía cruzada media", en="mean cross-entropy"),
    ax=right,
)
for q, colour in zip(truths, plots.COLOURS, strict=False):
    entropy_of_q = -q * np.log(q) - (1 - q) * np.log(1 - q)
    right.plot(q, entropy_of_q, "*", color=colour, markersize=13)
advice = tr(es="★ = pérdida mínima:\ndi la verdad", en="★ = least loss:\nsay the truth")
right.annotate(advice, (0.03, 0.1), fontsize=9)
right.set_ylim(0, 2.5)
plt.show()

# %% [markdown] lang="es"
# Izquierda: quien da probabilidad casi nula a lo que ocurre paga muchísimo con la entropía cruzada
# y, como mucho, 1 con el error cuadrático. Derecha: el mínimo de cada curva está justo en la
# frecuencia verdadera, y su altura es la entropía.

# %% [markdown] lang="en"
# Left: giving almost no probability to what does happen costs a fortune in cross-entropy, and at
# most 1 in squared error. Right: each curve has its minimum exactly at the true frequency, and the
# height there is the entropy.

# %% [markdown] exercise="mse" lang="es"
# Un error clásico y silencioso: si la predicción es $(N, 1)$ y el objetivo $(N,)$, la resta se
# difunde a $(N, N)$ y la media sale mal sin avisar. Que tu función avise: si las formas no son
# iguales, `ValueError`.

# %% [markdown] exercise="mse" lang="en"
# A classic silent mistake: if the prediction is $(N, 1)$ and the target $(N,)$, the difference
# broadcasts to $(N, N)$ and the mean comes out wrong without a word. Let yours speak up: if the
# shapes are not equal, `ValueError`.


# %% role="exercise" id="mse" title_es="Error cuadrático medio" title_en="Mean squared error" difficulty=1 minutes=4
def mse(prediction: np.ndarray, target: np.ndarray) -> float:
    """Return the mean squared error of two arrays of the same shape.

    Raises ValueError if the shapes differ.
    """
    ### BEGIN SOLUTION
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape}, target {target.shape}")
    return float(np.mean((prediction - target) ** 2))
    ### END SOLUTION


# %% role="check" id="mse_check" points=2
tick.call(
    {"es": "error cuadrático medio", "en": "mean squared error"},
    lambda prediction, target: mse(prediction, target),
    cases=lambda rng: [(rng.normal(size=s), rng.normal(size=s)) for s in [(8,), (4, 3), (1,)]],
    marks=1,
    hint={
        "es": "La media es sobre todos los elementos, no por filas.",
        "en": "The mean is over all elements, not by rows.",
    },
)
tick.call(
    {"es": "error con formas distintas", "en": "error of different shapes"},
    lambda prediction, target: mse(prediction, target),
    cases=lambda rng: [
        (rng.normal(size=one), rng.normal(size=other))
        for one, other in [((5, 1), 5), ((2, 3), 3), ((4, 1), (4, 3)), ((1, 3), (4, 3))]
    ],
    marks=1,
    hint={
        "es": "Estas formas se difunden sin error: hay que compararlas antes de restar.",
        "en": "These shapes broadcast without an error: compare them before you subtract.",
    },
)

# %% [markdown] exercise="log_sum_exp" lang="es"
# **Una suma que no se desborda.** Las redes no dan probabilidades, sino *logits*: números
# cualesquiera. Para convertirlos hace falta $\log \sum_k e^{z_k}$, y $e^{1000}$ no cabe en un
# ordenador. El remedio es sacar factor común el mayor, $m = \max_k z_k$:
#
# $$\log \sum_k e^{z_k} = m + \log \sum_k e^{z_k - m}$$
#
# Ahora todos los exponentes son negativos o cero: nada se desborda y al menos un término vale 1.

# %% [markdown] exercise="log_sum_exp" lang="en"
# **A sum that does not overflow.** Networks do not give probabilities but *logits*: any numbers at
# all. Turning them into probabilities takes $\log \sum_k e^{z_k}$, and $e^{1000}$ does not fit in a
# computer. The cure is to take out the largest, $m = \max_k z_k$:
#
# $$\log \sum_k e^{z_k} = m + \log \sum_k e^{z_k - m}$$
#
# Now all exponents are negative or zero: nothing overflows, and at least one term is 1.


# %% role="exercise" id="log_sum_exp" title_es="log-sum-exp estable" title_en="A stable log-sum-exp" difficulty=2 minutes=8
def log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """Return log(sum(exp(row))) of each row: (N, K) -> (N,). Use NumPy only."""
    ### BEGIN SOLUTION
    largest = logits.max(axis=1, keepdims=True)  # (N, 1)
    return largest[:, 0] + np.log(np.exp(logits - largest).sum(axis=1))
    ### END SOLUTION


# %% role="check" id="log_sum_exp_check" points=3
tick.call(
    "log-sum-exp",
    lambda logits: log_sum_exp(logits),
    cases=lambda rng: [(rng.normal(size=s),) for s in [(5, 4), (1, 3), (4, 1)]],
    marks=1,
    hint={
        "es": "Un número por fila: la suma y el máximo van sobre axis=1.",
        "en": "One number a row: the sum and the maximum go over axis=1.",
    },
)
tick.call(
    {"es": "log-sum-exp con logits extremos", "en": "log-sum-exp of extreme logits"},
    lambda logits: log_sum_exp(logits),
    cases=lambda rng: [
        (rng.normal(size=(3, 4)) * 10 + 1000,),
        (rng.normal(size=(3, 4)) * 10 - 1000,),
        (rng.normal(size=(4, 2)) * 10 + np.array([[1000], [-1000], [0], [5000]]),),
        (rng.normal(size=(3, 3)) + rng.permuted([[-2000, 0, 2000]] * 3, axis=1),),
        (np.full((2, 4), 100 * rng.normal(size=(2, 1)) + [[1000], [-1000]]),),  # all as large
    ],
    marks=2,
    hint={
        "es": "Si sale inf o -inf: ¿restas el máximo de cada fila (no el mínimo, ni el de toda la matriz) antes de exponenciar?",
        "en": "If you see inf or -inf: do you subtract the maximum of each row (not the minimum, nor that of the whole matrix) before the exponential?",
    },
)

# %% [markdown] exercise="binary_cross_entropy" lang="es"
# **Dos clases.** Con un solo logit $z$ por caso, $p = \sigma(z) = 1/(1 + e^{-z})$ y la pérdida es
# $-y \log p - (1 - y)\log(1 - p)$. Escrita así falla cuando $p$ se redondea a 0 o a 1. Haciendo
# cuentas se llega a una forma que no falla nunca:
#
# $$\ell(z, y) = \max(z, 0) - z\,y + \log\bigl(1 + e^{-|z|}\bigr)$$

# %% [markdown] exercise="binary_cross_entropy" lang="en"
# **Two classes.** With a single logit $z$ a case, $p = \sigma(z) = 1/(1 + e^{-z})$ and the loss is
# $-y \log p - (1 - y)\log(1 - p)$. Written like that it fails when $p$ rounds to 0 or 1. A little
# algebra gives a form that never fails:
#
# $$\ell(z, y) = \max(z, 0) - z\,y + \log\bigl(1 + e^{-|z|}\bigr)$$


# %% role="exercise" id="binary_cross_entropy" title_es="Entropía cruzada binaria" title_en="Binary cross-entropy" difficulty=1 minutes=6
def binary_cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean loss of logits, shape (N,), for targets 0 or 1, shape (N,)."""
    ### BEGIN SOLUTION
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(losses.mean())
    ### END SOLUTION


# %% role="check" id="binary_cross_entropy_check" points=3
tick.call(
    {"es": "entropía cruzada binaria", "en": "binary cross-entropy"},
    lambda logits, targets: binary_cross_entropy(logits, targets),
    cases=lambda rng: [(rng.normal(size=n) * 2, rng.integers(0, 2, size=n)) for n in (12, 5, 1)],
    marks=2,
    hint={
        "es": "La entrada son logits, no probabilidades: ¿has aplicado la sigmoide (o la fórmula que ya la contiene)? ¿Es la media?",
        "en": "The input is logits, not probabilities: did you apply the sigmoid (or the formula that contains it)? Is it the mean?",
    },
)
tick.call(
    {
        "es": "entropía cruzada binaria con logits extremos",
        "en": "binary cross-entropy of extreme logits",
    },
    lambda logits, targets: binary_cross_entropy(logits, targets),
    cases=lambda rng: [
        (rng.uniform(800, 2000, size=4) * signs, rng.permutation([0, 0, 1, 1]))
        for signs in (1, -1, [1, -1, 1, -1])
    ],
    marks=1,
    hint={
        "es": "inf o nan: algún exponente es grande y positivo. En la fórmula solo aparece exp(-|z|).",
        "en": "inf or nan: some exponent is large and positive. The formula has nothing but exp(-|z|).",
    },
)

# %% [markdown] exercise="cross_entropy" lang="es"
# **Muchas clases.** El softmax da $p_k = e^{z_k} / \sum_j e^{z_j}$, y la pérdida del caso con clase
# verdadera $c$ es
#
# $$-\log p_c = \log \sum_k e^{z_k} - z_c$$
#
# Para que un fallo en el ejercicio de log-sum-exp no te siga hasta aquí, puedes usar el de SciPy,
# ya importado: `logsumexp(z, axis=1)`. No calcules el softmax para tomar luego su logaritmo: ese es
# justo el camino que se desborda.

# %% [markdown] exercise="cross_entropy" lang="en"
# **Many classes.** Softmax gives $p_k = e^{z_k} / \sum_j e^{z_j}$, and the loss of a case whose true
# class is $c$ is
#
# $$-\log p_c = \log \sum_k e^{z_k} - z_c$$
#
# So that a slip in the log-sum-exp exercise does not follow you here, you may use SciPy's, already
# imported: `logsumexp(z, axis=1)`. Do not compute softmax and then its logarithm: that is exactly
# the road that overflows.


# %% role="exercise" id="cross_entropy" title_es="Entropía cruzada categórica" title_en="Categorical cross-entropy" difficulty=2 minutes=8
def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean loss of logits, shape (N, K), for class numbers, shape (N,)."""
    ### BEGIN SOLUTION
    of_truth = logits[np.arange(len(targets)), targets]
    return float(np.mean(logsumexp(logits, axis=1) - of_truth))
    ### END SOLUTION


# %% role="check" id="cross_entropy_check" points=3
tick.call(
    {"es": "entropía cruzada", "en": "cross-entropy"},
    lambda logits, targets: cross_entropy(logits, targets),
    cases=lambda rng: [
        (rng.normal(size=(n, k)) * 2, rng.integers(0, k, size=n))
        for n, k in [(9, 4), (6, 6), (1, 3)]
    ],
    marks=2,
    hint={
        "es": "De cada fila solo cuenta el logit de su clase: logits[np.arange(N), targets], no logits[:, targets].",
        "en": "Of each row only the logit of its class counts: logits[np.arange(N), targets], not logits[:, targets].",
    },
)
tick.call(
    {"es": "entropía cruzada con logits extremos", "en": "cross-entropy of extreme logits"},
    lambda logits, targets: cross_entropy(logits, targets),
    cases=lambda rng: [
        (rng.normal(size=(5, 3)) * 600, rng.integers(0, 3, size=5)),
        (rng.normal(size=(4, 5)) + 2000, rng.integers(0, 5, size=4)),
        (rng.normal(size=(3, 4)) + np.array([[0], [-3000], [3000]]), rng.integers(0, 4, size=3)),
        (rng.uniform(1000, 2000) * np.eye(3), rng.choice([[1, 2, 0], [2, 0, 1]])),
    ],
    marks=1,
    hint={
        "es": "inf o nan: seguramente calculas el softmax y después su logaritmo. Quédate en logaritmos todo el camino.",
        "en": "inf or nan: you probably compute softmax and then its logarithm. Stay in logarithms all the way.",
    },
)

# %% [markdown] exercise="entropy" lang="es"
# **Cuánto duda el modelo.** La entropía de sus probabilidades, $H = -\sum_k p_k \log p_k$, vale 0 si
# está seguro y $\log K$ si reparte por igual entre $K$ clases. Calcúlala a partir de los logits:
# como $\log p_k = z_k - \log\sum_j e^{z_j}$, nunca hace falta el logaritmo de un cero.

# %% [markdown] exercise="entropy" lang="en"
# **How much the model doubts.** The entropy of its probabilities, $H = -\sum_k p_k \log p_k$, is 0
# if it is sure and $\log K$ if it spreads evenly over $K$ classes. Compute it from the logits: as
# $\log p_k = z_k - \log\sum_j e^{z_j}$, the logarithm of a zero is never needed.


# %% role="exercise" id="entropy" title_es="Medir la duda" title_en="Measuring doubt" difficulty=2 minutes=6
def entropy(logits: np.ndarray) -> np.ndarray:
    """Return the entropy, in nats, of the softmax of each row: (N, K) -> (N,)."""
    ### BEGIN SOLUTION
    log_p = logits - logsumexp(logits, axis=1, keepdims=True)
    return -np.sum(np.exp(log_p) * log_p, axis=1)
    ### END SOLUTION


# %% role="check" id="entropy_check" points=2
tick.call(
    {"es": "entropía de las predicciones", "en": "entropy of predictions"},
    lambda logits: entropy(logits),
    cases=lambda rng: [
        (rng.normal(size=(6, 4)) * 2,),
        (np.full((1, 5), rng.normal()),),
        (np.diag(rng.uniform(900, 1100, size=3)),),
        (rng.normal(size=(3, 2)) + np.array([[0], [-3000], [3000]]),),
    ],
    marks=2,
    hint={
        "es": "Con logits iguales debe dar log K; con uno enorme, 0 y no nan. ¿Sumas sobre axis=1 y cambias el signo?",
        "en": "With equal logits it must be log K; with a huge one, 0 and not nan. Do you add over axis=1 and change the sign?",
    },
)

# %% role="given"
rng = np.random.default_rng(run_seed())
logits, classes = rng.normal(size=(50, 7)) * 5, rng.integers(0, 7, size=50)
tensor, truth = torch.tensor(logits), torch.tensor(classes)
compare("log-sum-exp", lambda: log_sum_exp(logits), lambda: torch.logsumexp(tensor, dim=1))
compare(
    tr(es="entropía cruzada binaria", en="binary cross-entropy"),
    lambda: binary_cross_entropy(logits[:, 0], classes % 2),
    lambda: nn.functional.binary_cross_entropy_with_logits(tensor[:, 0], (truth % 2).double()),
)
compare(
    tr(es="entropía cruzada", en="cross-entropy"),
    lambda: cross_entropy(logits, classes),
    lambda: nn.functional.cross_entropy(tensor, truth),
)
compare(
    tr(es="entropía", en="entropy"),
    lambda: entropy(logits),
    lambda: torch.distributions.Categorical(logits=tensor).entropy(),
)

# %% [markdown] role="question" id="q_uncertainty" points=4 lang="es"
# Dos clasificadores de radiografías, en dos clases (sana o no), aciertan el 90 % de las veces. La
# entropía cruzada media es 0.25 en el primero y 1.4 en el segundo. (a) ¿En qué se diferencian? (b) ¿Cuál usarías para decidir
# a qué pacientes debe mirar una persona, y por qué? (c) ¿Qué pérdida tendría en un problema de 10
# clases un modelo que no sabe nada y lo reconoce?
#
# ### BEGIN SOLUTION
# (a) El segundo se equivoca con mucha seguridad. Con dos clases, en cada acierto da al menos 0.5 a la
# clase verdadera y pierde como mucho $\log 2 \approx 0.69$; para llegar a 1.4, los fallos deben perder
# de media al menos $(1.4 - 0.9 \cdot 0.69)/0.1 \approx 7.8$ nats: una probabilidad menor que 0.0005. Es
# peor que repartir por igual, que pierde 0.69. (b) El primero: sus probabilidades reflejan mejor sus dudas, así que se pueden enviar a
# una persona los casos de entropía alta; en el segundo, muchos fallos parecerían seguros.
# (c) $\log 10 \approx 2.3$ nats: reparte por igual. Es un buen valor con el que contrastar la
# pérdida al empezar a entrenar.
# ### END SOLUTION

# %% [markdown] role="question" id="q_uncertainty" points=4 lang="en"
# Two classifiers of X-rays into two classes (healthy or not) are right 90% of the time. The mean
# cross-entropy is 0.25 for the first and 1.4 for the second. (a) How do they differ? (b) Which would you use to decide which patients a
# person should look at, and why? (c) In a problem of 10 classes, what loss would a model have that
# knows nothing and admits it?
#
# ### BEGIN SOLUTION
# (a) The second is wrong with great confidence. With two classes, when it is right it gives at least
# 0.5 to the true class and loses at most $\log 2 \approx 0.69$; to reach 1.4, its mistakes must lose at
# least $(1.4 - 0.9 \cdot 0.69)/0.1 \approx 7.8$ nats on average: a probability below 0.0005. That is worse
# than spreading evenly, which loses 0.69. (b) The first: its probabilities reflect its doubts better, so that cases of high
# entropy can go to a person; in the second, many mistakes would look certain.
# (c) $\log 10 \approx 2.3$ nats: it spreads evenly. A good value to compare the loss with when
# training begins.
# ### END SOLUTION
