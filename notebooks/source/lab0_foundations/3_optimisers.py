# %% [markdown] lang="es"
# ## 4. Optimizadores
#
# El descenso por gradiente usa todos los datos en cada paso. **SGD** se conforma con un lote: el
# gradiente sale con ruido, pero los pasos son tan baratos que compensa. Robbins y Monro (1951)
# probaron, para problemas de buen comportamiento, que converge si las tasas suman infinito y sus
# cuadrados no: $\sum \eta_t = \infty$, $\sum \eta_t^2 < \infty$.
#
# Los demás responden a dos quejas. *Un valle estrecho me hace rebotar de una pared a otra*: el
# **momento** acumula los gradientes, y los que se llevan la contraria se anulan. *Cada peso necesita su propia tasa*: **AdaGrad**, **RMSprop** y
# **Adam** dividen por el tamaño que han tenido sus gradientes.
#
# Vas a escribir seis, con los convenios de `torch.optim`. Cada uno es un objeto que guarda su memoria
# y tiene un método `step(w, gradient)`, que devuelve los pesos nuevos **sin modificar los que
# recibe**. Se prueban durante 100 pasos en un valle generado al azar; en una de las direcciones el
# gradiente es exactamente 0.

# %% [markdown] lang="en"
# ## 4. Optimisers
#
# Gradient descent uses all the data at each step. **SGD** makes do with a batch: the gradient is
# noisy, but the steps are so cheap that it pays. Robbins and Monro (1951) proved, for well-behaved
# problems, that it converges if the rates add up to infinity and their squares do not:
# $\sum \eta_t = \infty$, $\sum \eta_t^2 < \infty$.
#
# The others answer two complaints. *A narrow valley bounces me from wall to wall*: **momentum**
# adds up the gradients, and those that disagree cancel out. *Each weight needs a rate of its own*: **AdaGrad**, **RMSprop** and **Adam**
# divide by how large its gradients have been.
#
# You will write six, with the conventions of `torch.optim`. Each is an object that keeps its memory
# and has a method `step(w, gradient)`, which returns the new weights **without changing those it was
# given**. They are tried for 100 steps in a valley drawn at random; in one direction its gradient is
# exactly 0.


# %% role="given"
def descend(optimizer, gradient, start, steps=100):
    """Return the weights at the start and after each step, shape (steps + 1, d)."""
    path = [start]
    for _ in range(steps):
        path.append(np.asarray(optimizer.step(path[-1], gradient(path[-1]))))
    return np.array(path)


def in_valley(optimizer, valley, start):
    """Descend 100 steps on the function w·valley·w / 2, whose gradient is valley·w."""
    return descend(optimizer, lambda w: valley @ w, start)


def drawn_valley(rng, size=4):
    """Draw (valley, start): curvatures from 0.1 to 2, and a flat last direction."""
    turned = np.linalg.qr(rng.normal(size=(size - 1, size - 1)))[0]
    valley = np.zeros((size, size))
    valley[:-1, :-1] = turned @ np.diag(rng.uniform(0.1, 2, size=size - 1)) @ turned.T
    return valley, rng.normal(size=size) * 3


# %% [markdown] exercise="sgd" lang="es"
# **SGD.** $w \leftarrow w - \eta\, g$, con $\eta$ la tasa de aprendizaje (`lr`) y $g$ el gradiente.

# %% [markdown] exercise="sgd" lang="en"
# **SGD.** $w \leftarrow w - \eta\, g$, with $\eta$ the learning rate (`lr`) and $g$ the gradient.


# %% role="exercise" id="sgd" title_es="SGD" title_en="SGD" difficulty=1 minutes=3
@dataclass
class SGD:
    """Stochastic gradient descent (Robbins & Monro 1951)."""

    lr: float

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        return w - self.lr * gradient
        ### END SOLUTION


# %% role="check" id="sgd_check" points=1
tick.call(
    {"es": "SGD, 100 pasos", "en": "SGD, 100 steps"},
    lambda lr, valley, start: in_valley(SGD(lr), valley, start),
    cases=lambda rng: [(rng.uniform(0.01, 0.1), *drawn_valley(rng)) for _ in range(2)],
    marks=1,
    tol=1e-4,
    hint={
        "es": "¿Restas? ¿Devuelves un array nuevo? Con w -= ... cambias el que te dieron.",
        "en": "Do you subtract? Do you return a new array? With w -= ... you change the one you were given.",
    },
)

# %% [markdown] exercise="momentum" lang="es"
# **Momento** (Polyak, 1964). La velocidad $v$ recuerda los gradientes pasados: lo que apunta siempre
# al mismo lado se acumula y lo que oscila se anula.
#
# $$v \leftarrow \mu\, v + g \qquad w \leftarrow w - \eta\, v$$
#
# No es una media: si el gradiente no cambia, $v$ crece hasta $g/(1-\mu)$, diez veces $g$ con
# $\mu = 0.9$. Por eso, con momento, la mejor tasa suele ser menor.

# %% [markdown] exercise="momentum" lang="en"
# **Momentum** (Polyak, 1964). The velocity $v$ remembers past gradients: what always points the same
# way adds up, and what swings cancels out.
#
# $$v \leftarrow \mu\, v + g \qquad w \leftarrow w - \eta\, v$$
#
# It is no average: where the gradient does not change, $v$ grows to $g/(1-\mu)$, ten times $g$ with
# $\mu = 0.9$. That is why the best rate tends to be smaller with momentum.


# %% role="exercise" id="momentum" title_es="Momento" title_en="Momentum" difficulty=1 minutes=5
@dataclass
class Momentum:
    """SGD with momentum (Polyak 1964), in PyTorch's form."""

    lr: float
    momentum: float = 0.9

    def __post_init__(self):
        self.v = 0.0  # velocity; becomes an array at the first step

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        self.v = self.momentum * self.v + gradient
        return w - self.lr * self.v
        ### END SOLUTION


# %% role="check" id="momentum_check" points=2
tick.call(
    {"es": "momento, 100 pasos", "en": "momentum, 100 steps"},
    lambda lr, mu, valley, start: in_valley(Momentum(lr, mu), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.01, 0.1), mu, *drawn_valley(rng))
        for mu in (rng.uniform(0.4, 0.7), rng.uniform(0.92, 0.97))
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "El gradiente entra entero en v, sin (1 - μ) delante. ¿Guardas v en self para el paso siguiente?",
        "en": "The gradient enters v whole, without (1 - μ) in front. Do you keep v in self for the next step?",
    },
)

# %% [markdown] exercise="adagrad" lang="es"
# **AdaGrad** (Duchi et al., 2011). Cada peso divide su paso por la raíz de la suma de los cuadrados
# de todos sus gradientes: los que aparecen poco dan pasos largos. $\varepsilon$ evita dividir por
# cero, y se suma **fuera** de la raíz.
#
# $$s \leftarrow s + g^2 \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \varepsilon}$$

# %% [markdown] exercise="adagrad" lang="en"
# **AdaGrad** (Duchi et al., 2011). Each weight divides its step by the root of the sum of the squares
# of all its gradients: rare ones take long steps. $\varepsilon$ avoids dividing by zero and is added
# **outside** the root.
#
# $$s \leftarrow s + g^2 \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \varepsilon}$$


# %% role="exercise" id="adagrad" title_es="AdaGrad" title_en="AdaGrad" difficulty=1 minutes=5
@dataclass
class AdaGrad:
    """AdaGrad (Duchi, Hazan & Singer 2011)."""

    lr: float
    eps: float = 1e-10

    def __post_init__(self):
        self.s = 0.0  # sum of squared gradients

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        self.s = self.s + gradient**2
        return w - self.lr * gradient / (np.sqrt(self.s) + self.eps)
        ### END SOLUTION


# %% role="check" id="adagrad_check" points=2
tick.call(
    {"es": "AdaGrad, 100 pasos", "en": "AdaGrad, 100 steps"},
    lambda lr, eps, valley, start: in_valley(AdaGrad(lr, eps), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.05, 0.3), eps, *drawn_valley(rng)) for eps in (1e-10, rng.uniform(0.01, 0.1))
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "¿Está ε fuera de la raíz? Si aparece nan, falta ε donde el gradiente es 0.",
        "en": "Is ε outside the root? If you see nan, ε is missing where the gradient is 0.",
    },
)

# %% [markdown] exercise="rmsprop" lang="es"
# **RMSprop** (Tieleman y Hinton, 2012). La suma de AdaGrad no para de crecer y acaba frenándolo
# todo. Aquí se cambia por una media que olvida:
#
# $$s \leftarrow \alpha\, s + (1 - \alpha)\, g^2 \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \varepsilon}$$

# %% [markdown] exercise="rmsprop" lang="en"
# **RMSprop** (Tieleman and Hinton, 2012). AdaGrad's sum never stops growing and ends up slowing
# everything down. Here it gives way to an average that forgets:
#
# $$s \leftarrow \alpha\, s + (1 - \alpha)\, g^2 \qquad w \leftarrow w - \eta\,\frac{g}{\sqrt{s} + \varepsilon}$$


# %% role="exercise" id="rmsprop" title_es="RMSprop" title_en="RMSprop" difficulty=1 minutes=5
@dataclass
class RMSprop:
    """RMSprop (Tieleman & Hinton 2012)."""

    lr: float
    alpha: float = 0.99
    eps: float = 1e-8

    def __post_init__(self):
        self.s = 0.0  # moving average of squared gradients

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        self.s = self.alpha * self.s + (1 - self.alpha) * gradient**2
        return w - self.lr * gradient / (np.sqrt(self.s) + self.eps)
        ### END SOLUTION


# %% role="check" id="rmsprop_check" points=2
# With a tiny ε RMSprop is chaotic once it reaches the bottom: roundings would grow a billion times.
tick.call(
    {"es": "RMSprop, 100 pasos", "en": "RMSprop, 100 steps"},
    lambda lr, alpha, eps, valley, start: in_valley(RMSprop(lr, alpha, eps), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.005, 0.02), rng.uniform(0.9, 0.99), eps, *drawn_valley(rng))
        for eps in rng.uniform(0.01, 0.1, size=2)
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "En la media nueva, la vieja pesa α y el cuadrado del gradiente, (1 - α); ε va fuera de la raíz.",
        "en": "The new average weighs the old one by α and the squared gradient by (1 - α); ε goes outside the root.",
    },
)

# %% [markdown] exercise="adam" lang="es"
# **Adam** (Kingma y Ba, 2014). Une el momento y RMSprop. Como las dos medias empiezan en cero, al
# principio se quedan cortas; la **corrección del sesgo** las reescala en el paso
# $t = 1, 2, 3, \dots$
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$$
# $$\hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t} \qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# Comprueba a mano el primer paso: $\hat m = g$ y $\hat v = g^2$, luego cada peso se mueve
# casi exactamente $\eta$, sea su gradiente grande o pequeño.

# %% [markdown] exercise="adam" lang="en"
# **Adam** (Kingma and Ba, 2014). It joins momentum and RMSprop. As both averages start at zero, they
# fall short at first; the **bias correction** rescales them at step $t = 1, 2, 3, \dots$
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2$$
# $$\hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t} \qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# Work out the first step by hand: $\hat m = g$ and $\hat v = g^2$, so each weight moves by almost
# exactly $\eta$, be its gradient large or small.


# %% role="exercise" id="adam" title_es="Adam" title_en="Adam" difficulty=2 minutes=10
@dataclass
class Adam:
    """Adam (Kingma & Ba 2014, algorithm 1)."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self):
        self.t = 0  # steps taken
        self.m = 0.0  # moving average of gradients
        self.v = 0.0  # moving average of squared gradients

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * gradient
        self.v = self.beta2 * self.v + (1 - self.beta2) * gradient**2
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        return w - self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
        ### END SOLUTION


# %% role="check" id="adam_check" points=4
tick.call(
    {"es": "Adam, primer paso", "en": "Adam, first step"},
    lambda lr, w, gradient: Adam(lr).step(w, gradient),
    cases=lambda rng: [
        (rng.uniform(0.1, 1), rng.normal(size=3), rng.normal(size=3) * size)
        for size in (1e-3, 1, 1e3)
    ],
    marks=1,
    tol=1e-6,
    hint={
        "es": "El primer paso debe medir casi lr en cada peso. Si mide otra cosa, mira la corrección del sesgo: t empieza en 1.",
        "en": "The first step must be almost lr long in each weight. If it is not, look at the bias correction: t starts at 1.",
    },
)
tick.call(
    {"es": "Adam, 100 pasos", "en": "Adam, 100 steps"},
    lambda lr, beta1, beta2, eps, valley, start: in_valley(
        Adam(lr, beta1, beta2, eps), valley, start
    ),
    cases=lambda rng: [
        (
            rng.uniform(0.01, 0.03),
            rng.uniform(0.8, 0.95),
            rng.uniform(0.97, 0.999),
            eps,
            *drawn_valley(rng),
        )
        for eps in (1e-8, rng.uniform(0.01, 0.1))
    ],
    marks=3,
    tol=1e-4,
    hint={
        "es": "¿Divides por 1 - β**t, con un t que crece en cada paso? ¿Sumas ε a la raíz de la v ya corregida?",
        "en": "Do you divide by 1 - β**t, with a t that grows at each step? Do you add ε to the root of the corrected v?",
    },
)

# %% [markdown] exercise="adamw" lang="es"
# **AdamW** (Loshchilov y Hutter, 2019). Para que los pesos no crezcan se les resta una fracción en
# cada paso. Si ese término se mete en el gradiente (regularización L2), Adam lo divide por
# $\sqrt{\hat v}$, y los pesos de gradientes grandes casi no decaen. AdamW lo **desacopla**: primero
# encoge los pesos y luego da el paso de Adam, con un gradiente que no sabe nada del decaimiento.
#
# $$w \leftarrow w - \eta\lambda\, w \qquad\text{y después}\qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# En el artículo, la tasa base $\alpha$ no multiplica a $\lambda$, pero el calendario que la hace variar,
# $\eta_t$, multiplica los dos términos; en PyTorch, $\lambda$ va multiplicada por la tasa entera
# (`lr`), y es lo que haremos. Las líneas de Adam se repiten a propósito: así este ejercicio no depende del anterior.

# %% [markdown] exercise="adamw" lang="en"
# **AdamW** (Loshchilov and Hutter, 2019). To keep weights from growing, a fraction of them is taken
# away at each step. If that term goes into the gradient (L2 regularisation), Adam divides it by
# $\sqrt{\hat v}$, and weights with large gradients hardly decay. AdamW **decouples** it: first shrink
# the weights, then take Adam's step, with a gradient that knows nothing of the decay.
#
# $$w \leftarrow w - \eta\lambda\, w \qquad\text{and then}\qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# In the paper the base rate $\alpha$ does not multiply $\lambda$, but the schedule that makes it vary,
# $\eta_t$, multiplies both terms; in PyTorch $\lambda$ is multiplied by the whole rate (`lr`), and so it
# is here. Adam's lines are repeated on purpose: this exercise does not depend on the one above.


# %% role="exercise" id="adamw" title_es="AdamW" title_en="AdamW" difficulty=2 minutes=6
@dataclass
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), in PyTorch's form."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self):
        self.t = 0
        self.m = 0.0
        self.v = 0.0

    def step(self, w: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the new weights; leave w as it is."""
        ### BEGIN SOLUTION
        self.t += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * gradient
        self.v = self.beta2 * self.v + (1 - self.beta2) * gradient**2
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        shrunk = w - self.lr * self.weight_decay * w
        return shrunk - self.lr * m_hat / (np.sqrt(v_hat) + self.eps)
        ### END SOLUTION


# %% role="check" id="adamw_check" points=2
tick.call(
    {"es": "AdamW, 100 pasos", "en": "AdamW, 100 steps"},
    lambda lr, beta1, beta2, eps, decay, valley, start: in_valley(
        AdamW(lr, beta1, beta2, eps, decay), valley, start
    ),
    cases=lambda rng: [
        (
            rng.uniform(0.01, 0.03),
            rng.uniform(0.8, 0.95),
            rng.uniform(0.97, 0.999),
            eps,
            rng.uniform(0.3, 1),
            *drawn_valley(rng),
        )
        for eps in (1e-8, rng.uniform(0.01, 0.1))
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "El decaimiento es lr·λ·w, se resta de los pesos y no entra ni en m ni en v.",
        "en": "The decay is lr·λ·w, is taken from the weights, and enters neither m nor v.",
    },
)

# %% [markdown] lang="es"
# ¿Coinciden con PyTorch? Mismo valle, mismo punto de partida, 100 pasos: la mayor diferencia de todo
# el camino debe quedar por debajo de $10^{-6}$.

# %% [markdown] lang="en"
# Do they agree with PyTorch? The same valley, the same start, 100 steps: the largest difference along
# the whole path must stay below $10^{-6}$.


# %% role="given"
def torch_path(make, valley, start, steps=100):
    """Return the path of an optimiser of torch.optim, shape (steps + 1, d)."""
    w, valley = torch.tensor(start, requires_grad=True), torch.tensor(valley)
    optimizer, path = make([w]), [start]
    for _ in range(steps):
        optimizer.zero_grad()
        (w @ valley @ w / 2).backward()
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def compare_with_torch(name, ours, make):
    """Compare the path of our optimiser with that of one of torch.optim."""
    valley, start = drawn_valley(np.random.default_rng(run_seed()))
    compare(name, lambda: in_valley(ours, valley, start), lambda: torch_path(make, valley, start))


compare_with_torch("SGD", SGD(0.1), lambda w: torch.optim.SGD(w, lr=0.1))
compare_with_torch(
    tr(es="momento", en="momentum"),
    Momentum(0.1),
    lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9),
)
compare_with_torch("AdaGrad", AdaGrad(0.2), lambda w: torch.optim.Adagrad(w, lr=0.2))
compare_with_torch("RMSprop", RMSprop(0.01), lambda w: torch.optim.RMSprop(w, lr=0.01))
compare_with_torch("Adam", Adam(0.02), lambda w: torch.optim.Adam(w, lr=0.02))
compare_with_torch("AdamW", AdamW(0.02), lambda w: torch.optim.AdamW(w, lr=0.02))

# %% [markdown] lang="es"
# **Cada uno con su mejor tasa.** Comparar optimizadores con una misma `lr` no es justo: la que a uno le
# va bien a otro le hace estallar. Así que primero barremos las tasas en un valle torcido, cien veces más
# empinado a lo ancho que a lo largo, y después dibujamos el camino de cada uno con la mejor de las suyas.
# La altura que cuenta es la mayor de los diez últimos pasos: acertar de un salto no vale.

# %% [markdown] lang="en"
# **Each at its best rate.** To compare optimisers at one and the same `lr` is not fair: what suits one
# blows up another. So first we sweep the rates in a crooked valley, a hundred times steeper across than
# along, and then draw the path of each at the best of its own. The height that counts is the largest of
# the last ten steps: a lucky jump is worth nothing.

# %% role="given"
minimum = np.array([3.0, 1.0])
makers = {
    "SGD": SGD,
    tr(es="momento", en="momentum"): Momentum,
    "AdaGrad": AdaGrad,
    "RMSprop": lambda lr: RMSprop(lr, alpha=0.9),
    "Adam": Adam,
    "AdamW, λ 0.2": lambda lr: AdamW(lr, weight_decay=0.2),
}
tried_rates = np.geomspace(0.01, 10, budget(full=31, quick=5))


def turned(degrees):
    """Return (valley, start): a hundred times steeper across than along, and turned."""
    angle = np.radians(degrees)
    sides = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return sides @ np.diag([0.02, 2.0]) @ sides.T, minimum - sides @ np.array([7.0, 3.0])


def height(w, valley):
    """Return how far above the minimum each point lies: (..., 2) -> (...)."""
    return np.einsum("...i,ij,...j->...", w - minimum, valley, w - minimum) / 2


def path_in(valley, start, optimizer):
    """Return the path of an optimiser after 100 steps, shape (101, 2)."""
    return descend(optimizer, lambda w: valley @ (w - minimum), start)


def left_over(valley, start):
    """Return the largest height of the last ten steps at each rate, by optimiser."""
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            name: [
                height(path_in(valley, start, make(lr))[-10:], valley).max() for lr in tried_rates
            ]
            for name, make in makers.items()
        }


with once_done():
    crooked, straight = turned(20), turned(0)
    left, left_straight = left_over(*crooked), left_over(*straight)
    best_rates = {name: tried_rates[np.nanargmin(heights)] for name, heights in left.items()}
    ax = plots.curves(
        left,
        ylabel=tr(es="altura que queda tras 100 pasos", en="height left after 100 steps"),
        xlabel=tr(es="tasa de aprendizaje", en="learning rate"),
        x=tried_rates,
        log=True,
    )
    ax.set(xscale="log", ylim=(1e-4, 30))
    grid = np.stack(np.meshgrid(np.linspace(-5, 6, 120), np.linspace(-5, 4, 120)), axis=-1)
    heights = np.sqrt(height(grid, crooked[0]))
    with plots.style():
        figure, axes = plt.subplots(
            2, 3, figsize=(9.5, 5.2), layout="constrained", sharex=True, sharey=True
        )
    for ax, (name, make), colour in zip(axes.flat, makers.items(), plots.COLOURS, strict=False):
        ax.contour(*grid.T, heights.T, levels=9, colors="#9a9a94", linewidths=0.6)
        path = path_in(*crooked, make(best_rates[name]))
        ax.plot(*path.T, ".-", color=colour, markersize=4, linewidth=1)
        ax.plot(*minimum, "*", color=plots.TEXT, markersize=11)
        ax.plot(0, 0, "+", color=plots.TEXT)
        ax.set(title=f"{name}, lr {best_rates[name]:.2g}", xlim=(-5, 6), ylim=(-5, 4))
    plt.show()
    print(tr(es="altura que queda: torcido   recto", en="height left:      crooked   straight"))
    for name in makers:
        print(f"{name:<18}{np.nanmin(left[name]):>7.1e} {np.nanmin(left_straight[name]):>9.1e}")

# %% [markdown] lang="es"
# SGD no puede ganar: con la tasa que soporta la pared, por el fondo apenas avanza. El momento, con
# la suya, llega mucho más bajo (unas cincuenta veces en el perfil completo), y Adam más abajo
# todavía. AdamW se queda por el camino porque su decaimiento tira hacia el origen (la cruz), no
# hacia la estrella. La segunda columna es el mismo valle sin torcer: quien lleva una tasa por peso
# lo aplana del todo, y AdaGrad y RMSprop llegan al mismo fondo. En el valle torcido pierden esa
# ventaja.

# %% [markdown] lang="en"
# SGD cannot win: at the rate that the wall can stand, it hardly moves along the floor. Momentum, at
# its own, gets much lower (some fifty times in the full profile), and Adam lower still. AdamW stops
# on the way, because its decay pulls towards the origin (the cross), not towards the star. The
# second column is the same valley, not turned: those with a rate for each weight flatten it
# altogether, and AdaGrad and RMSprop reach the very bottom. In the crooked valley they lose that
# advantage.

# %% [markdown] lang="es"
# **Muévelo tú.** El mismo valle, con la misma tasa y tres valores de $\mu$: sin memoria se arrastra
# por el fondo; con $\mu = 0.9$ llega; con $0.99$ se pasa de largo y vuelve, una y otra vez. Debajo,
# donde el cuaderno admite controles (Colab, Jupyter), puedes mover $\mu$ y la tasa.

# %% [markdown] lang="en"
# **Move it yourself.** The same valley, the same rate and three values of $\mu$: without memory it crawls
# along the floor; with $\mu = 0.9$ it arrives; with $0.99$ it overshoots and comes back, again and again. Below,
# where the notebook can show controls (Colab, Jupyter), you can move $\mu$ and the rate.


# %% role="given"
def draw_momentum(lr, *momenta):
    """Draw momentum's path in the crooked valley, a panel for each momentum."""
    with plots.style():
        _, axes = plt.subplots(
            1, len(momenta), figsize=(9.5, 2.8), layout="constrained", squeeze=False, sharey=True
        )
    for ax, mu in zip(axes[0], momenta, strict=True):
        ax.contour(*grid.T, heights.T, levels=9, colors="#9a9a94", linewidths=0.6)
        path = path_in(*crooked, Momentum(lr, mu))
        ax.plot(*path.T, ".-", color=plots.COLOURS[1], markersize=4, linewidth=1)
        ax.plot(*minimum, "*", color=plots.TEXT, markersize=11)
        left_now = height(path[-10:], crooked[0]).max()
        title = tr(es=f"μ {mu:g}: quedan {left_now:.1e}", en=f"μ {mu:g}: {left_now:.1e} left")
        ax.set(title=title, xlim=(-5, 6), ylim=(-5, 4))
    plt.show()


def with_sliders(draw, **ranges):
    """Let sliders call a function, where somebody can move them."""
    if profile() == "full" and "DL_MODE" not in os.environ:
        with suppress(ImportError):
            from ipywidgets import interact

            interact(draw, **ranges)


with once_done():
    draw_momentum(0.25, 0.0, 0.9, 0.99)
    with_sliders(lambda mu, lr: draw_momentum(lr, mu), mu=(0.0, 0.99, 0.01), lr=(0.01, 1.0, 0.01))

# %% [markdown] role="question" id="q_optimisers" points=3 lang="es"
# (a) ¿Por qué en Adam no da lo mismo sumar $\lambda w$ al gradiente que restar $\eta\lambda w$ a los
# pesos, y en SGD sí? (b) Señala en la figura un optimizador al que perjudica su memoria y explica
# por qué.
#
# ### BEGIN SOLUTION
# (a) En SGD el paso es lineal en el gradiente, así que $\eta(g + \lambda w) = \eta g + \eta\lambda w$.
# Adam divide por $\sqrt{\hat v}$ lo que entra en el gradiente: el decaimiento dejaría de ser
# proporcional al peso, y sería menor donde los gradientes son grandes. (b) Por ejemplo, AdaGrad: la
# suma de cuadrados no olvida los gradientes enormes del principio y sus pasos se acortan para
# siempre; o el momento, que se pasa de largo y tiene que volver.
# ### END SOLUTION

# %% [markdown] role="question" id="q_optimisers" points=3 lang="en"
# (a) Why is adding $\lambda w$ to the gradient not the same in Adam as taking $\eta\lambda w$ from the
# weights, when it is in SGD? (b) Point out in the figure an optimiser that is harmed by its memory,
# and explain why.
#
# ### BEGIN SOLUTION
# (a) SGD's step is linear in the gradient, so $\eta(g + \lambda w) = \eta g + \eta\lambda w$. Adam
# divides by $\sqrt{\hat v}$ whatever enters the gradient: the decay would no longer be proportional to
# the weight, and would be weaker where gradients are large. (b) AdaGrad, for example: its sum of
# squares never forgets the huge gradients of the beginning, and its steps shorten for good; or
# momentum, which overshoots and has to come back.
# ### END SOLUTION
