# %% [markdown] lang="es"
# ## Qué vas a construir
#
# Vas a escribir una red neuronal dos veces. La primera, con NumPy y nada más: al terminar no
# quedará ninguna línea que no hayas escrito y comprobado tú. La segunda, con PyTorch, que hace por
# ti justo la parte más delicada; como ya sabrás lo que esconde cada llamada, podrás dedicarte a lo
# interesante: **que la red funcione mejor**.
#
# | Parte | Problema | Herramientas | Preguntas |
# |---|---|---|---|
# | 1 | dos clases: ¿jersey o abrigo? | NumPy | 2 |
# | 2 | diez clases de prendas | PyTorch | 3 |
#
# **Los datos** son las 70 000 fotografías de Fashion-MNIST. Si tu profesor, o tú, ejecutáis el
# cuaderno con `LAB_PROFILE=quick`, serán los 1797 dígitos manuscritos de scikit-learn y la primera
# parte preguntará si el dígito es par o impar. Por eso el código no debe dar por supuesto ningún
# tamaño: usa los nombres que te damos (`n_inputs`, `EPOCHS`, …), porque **al corregir se usan los
# datos pequeños**.
#
# **Cómo se trabaja.** Ejecuta las celdas en orden, sustituye cada `raise NotImplementedError(...)`
# por tu código y ejecuta la comprobación que tiene debajo. Tus funciones se prueban con entradas
# sorteadas, y tus redes, con imágenes que no han visto. Una línea con ⏳ significa que esa celda
# espera un ejercicio anterior. En dos núcleos, el cuaderno completo tarda unos dos minutos.

# %% [markdown] lang="en"
# ## What you are going to build
#
# You are going to write a neural network twice. First with NumPy and nothing else: by the end
# there will be no line in it that you have not written and checked yourself. Then with PyTorch,
# which takes over precisely the most delicate part; since you will know what each call hides, you
# can spend your effort on what matters: **making the network better**.
#
# | Part | Problem | Tools | Questions |
# |---|---|---|---|
# | 1 | two classes: pullover or coat? | NumPy | 2 |
# | 2 | ten classes of clothes | PyTorch | 3 |
#
# **The data** are the 70,000 photographs of Fashion-MNIST. Run with `LAB_PROFILE=quick`, the
# notebook takes scikit-learn's 1,797 handwritten digits instead, and the first part asks whether
# a digit is even or odd. So your code should take no size for granted: use the names that are
# given (`n_inputs`, `EPOCHS`, …), because **grading uses the small data**.
#
# **How to work.** Run the cells in order, replace each `raise NotImplementedError(...)` with your
# code and run the check below it. Your functions are tried on inputs drawn at random, and your
# networks on images that they have not seen. A line with ⏳ means that the cell waits for an
# exercise above it. On two cores the whole notebook takes about two minutes.

# %% role="given"
from contextlib import contextmanager
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from data import digits, fashion_mnist
from utils import plots
from utils.device import pick_device, seed_everything
from utils.profile import budget, run_seed
from utils.training import accuracy, fit

seed_everything(run_seed())
splits = budget(full=fashion_mnist, quick=lambda: digits(run_seed()))()
class_names = splits.class_names
n_classes = len(class_names)
n_inputs = splits.train_images[0].size  # pixels of an image


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise that it needs is not done."""
    try:
        yield
    except NotImplementedError as error:
        print(f"⏳ {error}")


first = [np.flatnonzero(splits.train_labels == k)[:8] for k in range(n_classes)]
plots.image_grid(splits.train_images[np.concatenate(first)], rows=class_names)
print(f"{len(splits.train_images):,} training and {len(splits.test_images):,} test images of "
      f"{splits.train_images.shape[1]}×{splits.train_images.shape[2]} pixels, 0 (black) to 255 (white)")  # fmt: skip

# %% [markdown] lang="es"
# # Parte 1 · La red, con NumPy
#
# ## El problema
#
# Empezamos por dos clases que hasta a una persona le cuesta distinguir en una foto pequeña. La red
# responderá con un solo número, la probabilidad de que la imagen sea de la clase positiva
# ($y = 1$).
#
# Guardaremos **un ejemplo por fila**. Si hay $m$ imágenes de $n$ píxeles, la entrada es una matriz
# $X$ de forma $(m, n)$, y las respuestas, una columna $Y$ de forma $(m, 1)$ de ceros y unos.

# %% [markdown] lang="en"
# # Part 1 · The network, with NumPy
#
# ## The problem
#
# We begin with two classes that even a person finds hard to tell apart in a small picture. The
# network will answer with a single number, the probability that the image is of the positive
# class ($y = 1$).
#
# We keep **one example a row**. With $m$ images of $n$ pixels the input is a matrix $X$ of shape
# $(m, n)$, and the answers are a column $Y$ of shape $(m, 1)$ of zeros and ones.

# %% role="given"
negative, positive = budget(full=([2], [4]), quick=([0, 2, 4, 6, 8], [1, 3, 5, 7, 9]))
pair_names = budget(full=("pullover", "coat"), quick=("even", "odd"))


def two_classes(images, labels, count=None):
    """Return the first images of the two classes and Y (m, 1), with 1.0 for the positive class."""
    chosen = np.flatnonzero(np.isin(labels, negative + positive))[:count]
    return images[chosen], np.isin(labels[chosen], positive).astype(float)[:, None]


pair_images, Y = two_classes(splits.train_images, splits.train_labels, count=1000)
pair_test_images, Y_test = two_classes(splits.test_images, splits.test_labels)
plots.image_grid(pair_images[:16], titles=[pair_names[int(y)] for y in Y[:16, 0]])
print(f"{len(Y)} training images, {Y.mean():.0%} of them {pair_names[1]}; {len(Y_test)} test images")

# %% [markdown] exercise="prepare" lang="es"
# Pon cada imagen en una fila y lleva los píxeles de 0–255 a 0–1. Con entradas de cientos, los
# primeros gradientes serían enormes y la sigmoide de la salida se quedaría pegada a 0 o a 1.

# %% [markdown] exercise="prepare" lang="en"
# Turn each image into a row and bring the pixels from 0–255 to 0–1. With inputs in the hundreds
# the first gradients would be huge and the sigmoid of the output would stick to 0 or 1.

# %% role="exercise" id="prepare" title_es="De imágenes a matriz" title_en="From images to a matrix" difficulty=1 minutes=5
def prepare(images):
    """Return X: one image a row, pixels from 0 to 1.

    Parameters
    ----------
    images : array of uint8, shape (m, H, W)

    Returns
    -------
    array of float, shape (m, H * W)
    """
    ### BEGIN SOLUTION
    return images.reshape(len(images), -1) / 255
    ### END SOLUTION


# %% role="check" id="prepare_check" points=2
tick.call(
    "prepare: one row an image",
    lambda images: prepare(images),
    cases=lambda rng: [
        (rng.integers(0, 256, size=(3, 4, 5), dtype=np.uint8),),
        (rng.integers(0, 256, size=(1, 6, 2), dtype=np.uint8),),
    ],
    marks=2,
    hint={
        "es": "¿Una fila por imagen, (m, H·W)? ¿Divides por el valor del blanco, 255?",
        "en": "One row an image, (m, H·W)? Do you divide by the value of white, 255?",
    },
)

# %% [markdown] lang="es"
# ## La arquitectura
#
# Una red de $L$ capas repite $L$ veces la misma pareja: un paso **lineal** y una **activación**.
# Con $L = 3$:
#
# ```text
#        ┌────────┐ Z1 ┌──────┐ A1 ┌────────┐ Z2 ┌──────┐ A2 ┌────────┐ Z3 ┌──────────┐ A3
#  X ──▶ │ lineal │──▶ │ ReLU │──▶ │ lineal │──▶ │ ReLU │──▶ │ lineal │──▶ │ sigmoide │──▶ coste ◀── Y
#        └────────┘    └──────┘    └────────┘    └──────┘    └────────┘    └──────────┘
#          W1, b1                    W2, b2                    W3, b3
# ```
#
# | | forma | qué es |
# |---|---|---|
# | $W^{[l]}$ | $(n_{l-1}, n_l)$ | un peso por cada entrada y cada neurona de la capa $l$ |
# | $b^{[l]}$ | $(n_l,)$ | un sesgo por neurona |
# | $Z^{[l]} = A^{[l-1]} W^{[l]} + b^{[l]}$ | $(m, n_l)$ | el paso lineal; $A^{[0]} = X$ |
# | $A^{[l]}$ | $(m, n_l)$ | la activación |
#
# La lista `sizes = [n_0, n_1, …, n_L]` describe la red entera, y sus parámetros son una lista de
# parejas `[(W1, b1), (W2, b2), …]`.

# %% [markdown] lang="en"
# ## The architecture
#
# A network of $L$ layers repeats the same pair $L$ times: a **linear** step and an **activation**.
# With $L = 3$:
#
# ```text
#        ┌────────┐ Z1 ┌──────┐ A1 ┌────────┐ Z2 ┌──────┐ A2 ┌────────┐ Z3 ┌─────────┐ A3
#  X ──▶ │ linear │──▶ │ ReLU │──▶ │ linear │──▶ │ ReLU │──▶ │ linear │──▶ │ sigmoid │──▶ cost ◀── Y
#        └────────┘    └──────┘    └────────┘    └──────┘    └────────┘    └─────────┘
#          W1, b1                    W2, b2                    W3, b3
# ```
#
# | | shape | what it is |
# |---|---|---|
# | $W^{[l]}$ | $(n_{l-1}, n_l)$ | a weight for each input and each unit of layer $l$ |
# | $b^{[l]}$ | $(n_l,)$ | a bias for each unit |
# | $Z^{[l]} = A^{[l-1]} W^{[l]} + b^{[l]}$ | $(m, n_l)$ | the linear step; $A^{[0]} = X$ |
# | $A^{[l]}$ | $(m, n_l)$ | the activation |
#
# The list `sizes = [n_0, n_1, …, n_L]` describes the whole network, and its parameters are a list
# of pairs `[(W1, b1), (W2, b2), …]`.

# %% [markdown] exercise="initialise" lang="es"
# ¿Con qué pesos se empieza? Prepara tres respuestas; dentro de un rato verás en un experimento qué
# hace cada una:
#
# - `"zeros"`: todo a cero;
# - `"small"`: normales con desviación típica 0.01;
# - `"he"`: normales con desviación típica $\sqrt{2 / n_{l-1}}$
#   ([He et al., 2015](https://arxiv.org/abs/1502.01852)).
#
# Los sesgos empiezan siempre a cero. Saca los números de `rng` (por ejemplo con
# `rng.standard_normal((filas, columnas))`), para que la misma semilla dé la misma red.

# %% [markdown] exercise="initialise" lang="en"
# Which weights do you start from? Prepare three answers; an experiment further on will show what
# each of them does:
#
# - `"zeros"`: nothing but zeros;
# - `"small"`: normal with standard deviation 0.01;
# - `"he"`: normal with standard deviation $\sqrt{2 / n_{l-1}}$
#   ([He et al., 2015](https://arxiv.org/abs/1502.01852)).
#
# Biases always start at zero. Take the numbers from `rng` (for instance with
# `rng.standard_normal((rows, columns))`), so that the same seed gives the same network.

# %% role="exercise" id="initialise" title_es="Inicializar los parámetros" title_en="Initialise the parameters" difficulty=1 minutes=15
def initialise(sizes, method, rng):
    """Return the parameters [(W1, b1), ..., (WL, bL)] that the training starts from.

    Parameters
    ----------
    sizes : list of int
        Inputs, then units of each layer.
    method : {"zeros", "small", "he"}
    rng : numpy.random.Generator

    Returns
    -------
    list of (array of shape (n_in, n_out), array of shape (n_out,))
    """
    ### BEGIN SOLUTION
    params = []
    for n_in, n_out in pairwise(sizes):
        spread = {"zeros": 0.0, "small": 0.01, "he": np.sqrt(2 / n_in)}[method]
        params.append((spread * rng.standard_normal((n_in, n_out)), np.zeros(n_out)))
    return params
    ### END SOLUTION


# %% role="check" id="initialise_check" points=4
tick.call(
    "initialise: shapes",
    lambda sizes: [[np.shape(W), np.shape(b)] for W, b in initialise(sizes, "he", np.random.default_rng(0))],
    cases=lambda rng: [(rng.integers(2, 9, size=n).tolist(),) for n in (2, 4, 5)],
    marks=1,
    hint={
        "es": "W va de n_in entradas (filas) a n_out neuronas (columnas), y b tiene una sola dimensión: (n_out,).",
        "en": "W goes from n_in inputs (rows) to n_out units (columns), and b has one dimension: (n_out,).",
    },
)
tick.call(
    "initialise: spread of small and He weights",
    # the spread of each layer over the one asked for: 1 for any right way of drawing
    lambda n: [
        [W.std() / wanted for (W, _), wanted in zip(initialise([n, 300, 400], method, np.random.default_rng(n)), spreads, strict=True)]
        for method, spreads in (("small", (0.01, 0.01)), ("he", ((2 / n) ** 0.5, (2 / 300) ** 0.5)))
    ],
    cases=lambda rng: [(int(n),) for n in rng.integers(150, 900, size=2)],
    tol=0.08,
    marks=1,
    hint={
        "es": "La desviación típica de He depende de las entradas de cada capa y lleva raíz cuadrada.",
        "en": "The standard deviation of He depends on the inputs of each layer and has a square root.",
    },
)
tick.call(
    "initialise: what starts at zero",
    lambda sizes: [
        [float(np.abs(part).max()) for W, b in initialise(sizes, method, np.random.default_rng(1)) for part in (W * (method == "zeros"), b)]
        for method in ("zeros", "small", "he")
    ],
    cases=lambda rng: [(rng.integers(2, 9, size=4).tolist(),)],
    marks=1,
    hint={
        "es": "Con «zeros» los pesos son cero; con los tres métodos lo son los sesgos.",
        "en": "With “zeros” the weights are zero; with all three methods the biases are.",
    },
)
tick.call(
    "initialise: the seed decides",
    lambda one, other: [
        bool(np.array_equal(initialise([6, 5], "he", np.random.default_rng(one))[0][0], initialise([6, 5], "he", np.random.default_rng(second))[0][0]))
        for second in (one, other)
    ],
    cases=lambda rng: [tuple(rng.choice(10_000, size=2, replace=False).tolist())],
    marks=1,
    hint={
        "es": "Saca los números del rng que recibes, no de np.random ni de un generador nuevo.",
        "en": "Draw from the rng that is passed in, not from np.random or a new generator.",
    },
)

# %% [markdown] lang="es"
# ## Hacia delante

# %% [markdown] lang="en"
# ## Forward

# %% [markdown] exercise="linear_forward" lang="es"
# El paso lineal de una capa: $Z = A W + b$. NumPy suma $b$ a cada fila por su cuenta
# (*broadcasting*): no hace falta ningún bucle.

# %% [markdown] exercise="linear_forward" lang="en"
# The linear step of a layer: $Z = A W + b$. NumPy adds $b$ to every row by itself (broadcasting):
# you need no loop.

# %% role="exercise" id="linear_forward" title_es="Paso lineal" title_en="Linear step" difficulty=1 minutes=5
def linear_forward(A, W, b):
    """Return Z (m, n_out) from A (m, n_in), W (n_in, n_out) and b (n_out,)."""
    ### BEGIN SOLUTION
    return A @ W + b
    ### END SOLUTION


# %% role="check" id="linear_forward_check" points=2
tick.call(
    "linear step",
    lambda A, W, b: linear_forward(A, W, b),
    cases=lambda rng: [
        (rng.normal(size=(m, n_in)), rng.normal(size=(n_in, n_out)), rng.normal(size=n_out))
        for m, n_in, n_out in ((5, 3, 2), (1, 4, 4))
    ],
    marks=2,
    hint={
        "es": "Es un producto de matrices (@), no elemento a elemento (*), y el sesgo se suma al final.",
        "en": "It is a matrix product (@), not an elementwise one (*), and the bias is added at the end.",
    },
)

# %% [markdown] exercise="activations" lang="es"
# Sin activación, dos capas lineales seguidas serían una sola capa lineal. Las capas ocultas usan
# **ReLU**, $\max(0, z)$; la salida, la **sigmoide**, $\sigma(z) = 1 / (1 + e^{-z})$, que convierte
# cualquier número en una probabilidad.

# %% [markdown] exercise="activations" lang="en"
# Without an activation, two linear layers in a row would be one linear layer. Hidden layers use
# **ReLU**, $\max(0, z)$; the output uses the **sigmoid**, $\sigma(z) = 1 / (1 + e^{-z})$, which
# turns any number into a probability.

# %% role="exercise" id="activations" title_es="Activaciones" title_en="Activations" difficulty=1 minutes=5
def relu(Z):
    """Return max(0, z) for every element."""
    ### BEGIN SOLUTION
    return np.maximum(0, Z)
    ### END SOLUTION


def sigmoid(Z):
    """Return 1 / (1 + exp(-z)) for every element."""
    ### BEGIN SOLUTION
    return 1 / (1 + np.exp(-Z))
    ### END SOLUTION


# %% role="check" id="activations_check" points=3
tick.call(
    "ReLU",
    lambda Z: relu(Z),
    cases=lambda rng: [(rng.normal(size=(4, 3)),), (np.array([-2.0, 0.0, 3.0]),)],
    marks=1,
    hint={
        "es": "Los negativos pasan a cero y lo demás queda como está, sin tocar la entrada.",
        "en": "Negatives become zero and the rest stays as it is; leave the input untouched.",
    },
)
tick.call(
    "sigmoid",
    lambda Z: sigmoid(Z),
    cases=lambda rng: [(rng.normal(size=(4, 3)),), (np.array([-20.0, 0.0, 20.0]),)],
    marks=2,
    hint={
        "es": "¿Vale 0.5 en el cero y crece de 0 a 1? Mira el signo del exponente.",
        "en": "Is it 0.5 at zero, and does it grow from 0 to 1? Look at the sign of the exponent.",
    },
)

# %% role="given"
with once_done():
    z = np.linspace(-5, 5, 201)
    plots.curves({"ReLU": relu(z), "sigmoid": sigmoid(z)}, x=z, xlabel="z", ylabel="activation")
    plt.ylim(-0.1, 2)

# %% [markdown] exercise="forward" lang="es"
# Encadena las capas: ReLU en todas menos en la última, que lleva la sigmoide. Por el camino guarda
# en `caches` lo que la vuelta necesitará de cada capa: **lo que entró y lo que salió del paso
# lineal**, `(A_prev, Z)`.

# %% [markdown] exercise="forward" lang="en"
# Chain the layers: ReLU in all of them but the last, which has the sigmoid. On the way keep in
# `caches` what the way back will need of each layer: **what went into and what came out of the
# linear step**, `(A_prev, Z)`.

# %% role="exercise" id="forward" title_es="Hacia delante, con memoria" title_en="Forward, with a memory" difficulty=2 minutes=15
def forward(X, params):
    """Run the network.

    Parameters
    ----------
    X : array, shape (m, n_0)
    params : list of (W, b)

    Returns
    -------
    A : array, shape (m, n_L)
        The output of the last layer.
    caches : list of (A_prev, Z)
        One pair a layer, the first layer first.
    """
    ### BEGIN SOLUTION
    A, caches = X, []
    for layer, (W, b) in enumerate(params, start=1):
        Z = linear_forward(A, W, b)
        caches.append((A, Z))
        A = sigmoid(Z) if layer == len(params) else relu(Z)
    return A, caches
    ### END SOLUTION


# %% role="check" id="forward_check" points=4
def draw_network(rng, sizes):
    """Draw parameters at random; in a check, so that it needs none of your functions."""
    return [(rng.normal(size=pair), rng.normal(size=pair[1])) for pair in pairwise(sizes)]


tick.call(
    "forward: a single layer",
    lambda X, params: forward(X, params)[0],
    cases=lambda rng: [(rng.normal(size=(5, 3)), draw_network(rng, [3, 1]))],
    marks=1,
    hint={
        "es": "Con una capa no hay ReLU: lineal y sigmoide.",
        "en": "With one layer there is no ReLU: linear and sigmoid.",
    },
)
tick.call(
    "forward: several layers",
    lambda X, params: forward(X, params)[0],
    cases=lambda rng: [
        (rng.normal(size=(6, 4)), draw_network(rng, sizes)) for sizes in ([4, 3, 1], [4, 5, 3, 2])
    ],
    marks=2,
    hint={
        "es": "ReLU en las capas ocultas y sigmoide solo en la última: ¿se te ha colado una de más o de menos?",
        "en": "ReLU in the hidden layers and the sigmoid only in the last: is there one too many or too few?",
    },
)
tick.call(
    "forward: caches",
    lambda X, params: [[A_prev, Z] for A_prev, Z in forward(X, params)[1]],
    cases=lambda rng: [(rng.normal(size=(6, 4)), draw_network(rng, [4, 5, 3, 1]))],
    marks=1,
    hint={
        "es": "Una pareja por capa: la entrada de la capa y Z antes de la activación.",
        "en": "One pair a layer: what entered the layer, and Z before the activation.",
    },
)

# %% [markdown] exercise="cost" lang="es"
# ¿Cuánto se equivoca la red? La entropía cruzada binaria castiga la seguridad equivocada:
#
# $$J = -\frac{1}{m} \sum_{i=1}^{m} \Big[ y_i \log a_i + (1 - y_i) \log (1 - a_i) \Big]$$
#
# Cuidado con los extremos: si $a_i$ llega a ser exactamente 0 o 1 aparece $\log 0$. Recórtala antes
# a $[\varepsilon, 1 - \varepsilon]$ con un $\varepsilon$ diminuto, como $10^{-12}$.

# %% [markdown] exercise="cost" lang="en"
# How wrong is the network? Binary cross-entropy punishes being sure and wrong:
#
# $$J = -\frac{1}{m} \sum_{i=1}^{m} \Big[ y_i \log a_i + (1 - y_i) \log (1 - a_i) \Big]$$
#
# Mind the ends: when $a_i$ becomes exactly 0 or 1 there is a $\log 0$. Clip it to
# $[\varepsilon, 1 - \varepsilon]$ first, with a tiny $\varepsilon$ such as $10^{-12}$.

# %% role="exercise" id="cost" title_es="El coste" title_en="The cost" difficulty=1 minutes=10
def cost(A, Y):
    """Return the mean binary cross-entropy.

    Parameters
    ----------
    A : array, shape (m, 1)
        Probabilities of the positive class, 0 and 1 included.
    Y : array, shape (m, 1)
        0 or 1.

    Returns
    -------
    float
        In nats, always finite.
    """
    ### BEGIN SOLUTION
    A = np.clip(A, 1e-12, 1 - 1e-12)
    return float(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)))
    ### END SOLUTION


# %% role="check" id="cost_check" points=3
tick.call(
    "cost of some predictions",
    lambda A, Y: float(cost(A, Y)),
    cases=lambda rng: [
        (rng.uniform(0.05, 0.95, size=(m, 1)), rng.integers(0, 2, size=(m, 1)).astype(float))
        for m in (1, 7, 20)
    ],
    marks=2,
    hint={
        "es": "¿Signo menos delante, media (no suma) y los dos términos?",
        "en": "A minus in front, a mean (not a sum) and both terms?",
    },
)
tick.call(
    "cost of certain predictions",
    # sure and right costs nothing; sure and wrong costs much, but not infinity
    lambda Y: [round(float(cost(Y, Y)), 4), bool(5 < cost(1 - Y, Y) < 100)],
    cases=lambda rng: [(rng.permutation([0.0, 0.0, 1.0, 1.0, 1.0])[:, None],)],
    marks=1,
    hint={
        "es": "¿Qué sale de 0·log(0)? Recorta las probabilidades antes del logaritmo, y muy poco.",
        "en": "What is 0·log(0)? Clip the probabilities before the logarithm, and only a little.",
    },
)

# %% [markdown] lang="es"
# ## Hacia atrás
#
# Queremos saber cuánto cambia $J$ al mover cada parámetro. La regla de la cadena recorre el dibujo
# de derecha a izquierda; con $dZ$ abreviamos $\partial J / \partial Z$:
#
# | paso | derivada |
# |---|---|
# | sigmoide y coste juntos | $dZ^{[L]} = (A^{[L]} - Y) / m$ |
# | paso lineal | $dW = A_{prev}^\top\, dZ \qquad db = \text{suma de las filas de } dZ \qquad dA_{prev} = dZ\, W^\top$ |
# | ReLU | $dZ = dA$ donde $Z > 0$, y $0$ en el resto |
#
# Un truco que evita casi todos los errores: **cada derivada tiene la forma de lo que deriva**. Si
# $W$ es $(n_{in}, n_{out})$, $dW$ también, y solo hay una manera de multiplicar que encaje.
#
# El $1/m$ de la media entra una sola vez, en la primera fila, y viaja con $dZ$ hasta el principio.

# %% [markdown] lang="en"
# ## Backward
#
# We want to know how much $J$ changes when each parameter moves. The chain rule walks through the
# drawing from right to left; $dZ$ is short for $\partial J / \partial Z$:
#
# | step | derivative |
# |---|---|
# | sigmoid and cost together | $dZ^{[L]} = (A^{[L]} - Y) / m$ |
# | linear step | $dW = A_{prev}^\top\, dZ \qquad db = \text{sum of the rows of } dZ \qquad dA_{prev} = dZ\, W^\top$ |
# | ReLU | $dZ = dA$ where $Z > 0$, and $0$ elsewhere |
#
# A trick that prevents nearly every mistake: **each derivative has the shape of what it derives**.
# If $W$ is $(n_{in}, n_{out})$, so is $dW$, and there is only one way to multiply that fits.
#
# The $1/m$ of the mean enters once, in the first row, and travels with $dZ$ to the very beginning.

# %% [markdown] exercise="linear_backward" lang="es"
# Las tres derivadas del paso lineal, a partir de $dZ$.

# %% [markdown] exercise="linear_backward" lang="en"
# The three derivatives of the linear step, from $dZ$.

# %% role="exercise" id="linear_backward" title_es="Vuelta del paso lineal" title_en="Back through the linear step" difficulty=2 minutes=10
def linear_backward(dZ, A_prev, W):
    """Return (dA_prev, dW, db) of Z = A_prev W + b.

    Parameters
    ----------
    dZ : array, shape (m, n_out)
    A_prev : array, shape (m, n_in)
    W : array, shape (n_in, n_out)

    Returns
    -------
    dA_prev, dW, db : arrays of shapes (m, n_in), (n_in, n_out) and (n_out,)
    """
    ### BEGIN SOLUTION
    return dZ @ W.T, A_prev.T @ dZ, dZ.sum(axis=0)
    ### END SOLUTION


# %% role="check" id="linear_backward_check" points=3
def draw_linear_step(rng):
    """Draw dZ, A_prev and W for two sizes of layer."""
    return [
        (rng.normal(size=(m, n_out)), rng.normal(size=(m, n_in)), rng.normal(size=(n_in, n_out)))
        for m, n_in, n_out in ((5, 3, 2), (4, 2, 6))
    ]


tick.call(
    "linear step backward: dA_prev",
    lambda dZ, A_prev, W: linear_backward(dZ, A_prev, W)[0],
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "dA_prev tiene la forma de A_prev: ¿qué traspuesta encaja con dZ?",
        "en": "dA_prev has the shape of A_prev: which transpose fits dZ?",
    },
)
tick.call(
    "linear step backward: dW",
    lambda dZ, A_prev, W: linear_backward(dZ, A_prev, W)[1],
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "dW tiene la forma de W. Aquí no se divide por m: dZ ya lo trae.",
        "en": "dW has the shape of W. No division by m here: dZ brings it along.",
    },
)
tick.call(
    "linear step backward: db",
    lambda dZ, A_prev, W: linear_backward(dZ, A_prev, W)[2],
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "El sesgo llega a todos los ejemplos: se suma sobre ellos (axis=0), sin más. Forma (n_out,).",
        "en": "The bias reaches every example: sum over them (axis=0), nothing else. Shape (n_out,).",
    },
)

# %% [markdown] exercise="relu_backward" lang="es"
# ReLU deja pasar el gradiente por donde dejó pasar la señal y lo corta en lo demás.

# %% [markdown] exercise="relu_backward" lang="en"
# ReLU lets the gradient through where it let the signal through, and cuts it elsewhere.

# %% role="exercise" id="relu_backward" title_es="Vuelta de ReLU" title_en="Back through ReLU" difficulty=1 minutes=5
def relu_backward(dA, Z):
    """Return dZ of A = relu(Z); all arrays have the same shape."""
    ### BEGIN SOLUTION
    return dA * (Z > 0)
    ### END SOLUTION


# %% role="check" id="relu_backward_check" points=2
tick.call(
    "ReLU backward",
    lambda dA, Z: relu_backward(dA, Z),
    cases=lambda rng: [(rng.normal(size=shape), rng.normal(size=shape)) for shape in ((4, 3), (1, 6))],
    marks=2,
    hint={
        "es": "La derivada de ReLU solo vale 0 o 1, y la decide el signo de Z, no el de dA.",
        "en": "The derivative of ReLU is only ever 0 or 1, and the sign of Z decides it, not that of dA.",
    },
)

# %% [markdown] exercise="backward" lang="es"
# Ahora la vuelta completa. Empieza en $dZ^{[L]} = (A - Y)/m$ y recorre las capas de la última a la
# primera: paso lineal hacia atrás, ReLU de la capa anterior hacia atrás, y vuelta a empezar.

# %% [markdown] exercise="backward" lang="en"
# Now the whole way back. Begin at $dZ^{[L]} = (A - Y)/m$ and walk from the last layer to the
# first: back through the linear step, back through the ReLU of the layer before, and again.

# %% role="exercise" id="backward" title_es="Hacia atrás" title_en="Backward" difficulty=3 minutes=25
def backward(A, Y, params, caches):
    """Return the gradients of the cost, [(dW1, db1), ..., (dWL, dbL)].

    Parameters
    ----------
    A, Y : arrays, shape (m, 1)
        Output of the network, and the answers.
    params : list of (W, b)
    caches : list of (A_prev, Z)
        From `forward`.
    """
    ### BEGIN SOLUTION
    grads = []
    dZ = (A - Y) / len(Y)
    for layer in reversed(range(len(params))):
        A_prev, _ = caches[layer]
        dA_prev, dW, db = linear_backward(dZ, A_prev, params[layer][0])
        grads.insert(0, (dW, db))
        if layer > 0:
            dZ = relu_backward(dA_prev, caches[layer - 1][1])
    return grads
    ### END SOLUTION


# %% role="check" id="backward_check" points=4
def draw_pass(rng, sizes=(4, 6, 5, 1), m=8):
    """Draw a network and its forward pass, by PyTorch: the check needs none of your functions."""
    A, params, caches = torch.from_numpy(rng.normal(size=(m, sizes[0]))), [], []
    for n_in, n_out in pairwise(sizes):
        W, b = rng.normal(size=(n_in, n_out)), rng.uniform(0.1, 1, size=n_out)
        Z = A @ torch.from_numpy(W) + torch.from_numpy(b)
        params.append((W, b))
        caches.append((A.numpy(), Z.numpy()))
        A = torch.sigmoid(Z) if n_out == 1 else torch.relu(Z)
    return A.numpy(), rng.integers(0, 2, size=(m, 1)).astype(float), params, caches


def direction(grads):
    """Return each gradient divided by its length, so that a common factor does not matter."""
    return [[g / (np.linalg.norm(g) + 1e-30) for g in pair] for pair in grads]


tick.call(
    "backward: direction in the last layer",
    lambda *arguments: direction(backward(*arguments))[-1],
    cases=lambda rng: [draw_pass(rng)],
    marks=1,
    hint={
        "es": "La última capa empieza en A - Y (no al revés) y usa su propia caché.",
        "en": "The last layer begins at A - Y (not the other way round) and uses its own cache.",
    },
)
tick.call(
    "backward: direction in the hidden layers",
    lambda *arguments: direction(backward(*arguments))[:-1],
    cases=lambda rng: [draw_pass(rng)],
    marks=2,
    hint={
        "es": "Entre dos capas está la ReLU de la anterior: ¿le pasas la Z de esa capa?",
        "en": "Between two layers there is the ReLU of the earlier one: do you pass it that layer's Z?",
    },
)
tick.call(
    "backward: size of the gradient",
    lambda *arguments: float(np.linalg.norm(backward(*arguments)[-1][0])),
    cases=lambda rng: [draw_pass(rng), draw_pass(rng, m=3)],
    marks=1,
    hint={
        "es": "¿Falta el 1/m de la media, o está dos veces?",
        "en": "Is the 1/m of the mean missing, or there twice?",
    },
)

# %% [markdown] lang="es"
# ## ¿Está bien el gradiente?
#
# Un gradiente equivocado no da error: la red aprende un poco peor y nadie sabe por qué. Por eso
# siempre se comprueba, y hay dos testigos independientes. El primero no sabe nada de cadenas: mueve
# un parámetro un poco hacia cada lado y mira qué hace la función,
#
# $$\frac{\partial f}{\partial \theta_i} \approx \frac{f(\theta + \varepsilon e_i) - f(\theta - \varepsilon e_i)}{2 \varepsilon}.$$
#
# Es lentísimo (dos pasadas por parámetro), pero para una red pequeña es el juez perfecto.

# %% [markdown] lang="en"
# ## Is the gradient right?
#
# A wrong gradient raises no error: the network learns a little worse and nobody knows why. That is
# why it is always checked, and there are two independent witnesses. The first knows nothing of
# chains: it moves one parameter a little to each side and looks at what the function does,
#
# $$\frac{\partial f}{\partial \theta_i} \approx \frac{f(\theta + \varepsilon e_i) - f(\theta - \varepsilon e_i)}{2 \varepsilon}.$$
#
# It is terribly slow (two passes for each parameter), but for a small network it is the perfect
# judge.

# %% [markdown] exercise="numerical_gradient" lang="es"
# Escribe el testigo, y la medida que compara dos gradientes $g$ y $h$ sin depender de su tamaño:
#
# $$\frac{\lVert g - h \rVert}{\lVert g \rVert + \lVert h \rVert}$$
#
# Por debajo de $10^{-6}$ coinciden; por encima de $10^{-3}$ hay un error.

# %% [markdown] exercise="numerical_gradient" lang="en"
# Write the witness, and the measure that compares two gradients $g$ and $h$ whatever their size:
#
# $$\frac{\lVert g - h \rVert}{\lVert g \rVert + \lVert h \rVert}$$
#
# Below $10^{-6}$ they agree; above $10^{-3}$ there is a mistake.

# %% role="exercise" id="numerical_gradient" title_es="Diferencias finitas" title_en="Finite differences" difficulty=2 minutes=15
def numerical_gradient(function, theta, eps=1e-5):
    """Return the gradient of a function by central differences.

    Parameters
    ----------
    function : callable
        From a vector to a number.
    theta : array, shape (n,)
        Where; it is left as it is.
    eps : float

    Returns
    -------
    array, shape (n,)
    """
    ### BEGIN SOLUTION
    steps = eps * np.eye(len(theta))
    return np.array([(function(theta + step) - function(theta - step)) / (2 * eps) for step in steps])
    ### END SOLUTION


def relative_error(one, other):
    """Return the length of the difference of two vectors over the sum of their lengths."""
    ### BEGIN SOLUTION
    return float(np.linalg.norm(one - other) / (np.linalg.norm(one) + np.linalg.norm(other)))
    ### END SOLUTION


# %% role="check" id="numerical_gradient_check" points=3
tick.call(
    "finite differences",
    lambda a, theta: numerical_gradient(lambda v: float(np.sum(np.sin(a * v)) + v[0] * v[-1]), theta),
    cases=lambda rng: [(rng.normal(size=n), rng.normal(size=n)) for n in (2, 5)],
    marks=2,
    hint={
        "es": "Mueve un solo elemento cada vez, hacia los dos lados, divide por 2·eps y no modifiques theta.",
        "en": "Move one element at a time, to both sides, divide by 2·eps, and leave theta unchanged.",
    },
)
tick.call(
    "relative error",
    lambda one, other: float(relative_error(one, other)),
    cases=lambda rng: [(g := rng.normal(size=6), g + 0.01 * rng.normal(size=6)), (g, -2 * g)],
    marks=1,
    hint={
        "es": "Normas, no sumas: np.linalg.norm arriba y dos veces abajo.",
        "en": "Norms, not sums: np.linalg.norm above, and twice below.",
    },
)

# %% [markdown] lang="es"
# Con eso se juzga tu retropropagación entera: los parámetros de una red pequeña se ponen en un solo
# vector, y se compara.

# %% [markdown] lang="en"
# That is all it takes to judge your whole backpropagation: the parameters of a small network go
# into one vector, and the two gradients are compared.

# %% role="given"
def to_vector(params):
    """Return all parameters (or gradients) in one vector."""
    return np.concatenate([part.ravel() for pair in params for part in pair])


def to_params(theta, sizes):
    """Return the parameters that a vector holds; the inverse of `to_vector`."""
    params, at = [], 0
    for n_in, n_out in pairwise(sizes):
        split = at + n_in * n_out
        params.append((theta[at:split].reshape(n_in, n_out), theta[split : split + n_out]))
        at = split + n_out
    return params


def cost_and_gradients(params, X, Y):
    """Return the cost of the network on X, Y and its gradients: all that a training step needs."""
    A, caches = forward(X, params)
    return cost(A, Y), backward(A, Y, params, caches)


def small_problem(seed):
    """Draw a small network and data to check gradients with."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(8, 5)), rng.integers(0, 2, size=(8, 1)).astype(float)
    return X, Y, draw_network(rng, [5, 4, 3, 1])


def gradient_check(X, Y, params):
    """Return how far `backward` is from finite differences."""
    sizes = [X.shape[1], *(len(b) for _, b in params)]
    numerical = numerical_gradient(
        lambda theta: cost(forward(X, to_params(theta, sizes))[0], Y), to_vector(params)
    )
    return relative_error(to_vector(cost_and_gradients(params, X, Y)[1]), numerical)


with once_done():
    print(f"backward against finite differences: relative error {gradient_check(*small_problem(run_seed())):.1e}")

# %% role="check" id="gradient_check" points=2 covers="backward,numerical_gradient"
tick.call(
    "backward agrees with finite differences",
    lambda seed: float(gradient_check(*small_problem(seed))),
    cases=lambda rng: [(int(seed),) for seed in rng.integers(10_000, size=3)],
    tol=1e-4,
    marks=2,
    hint={
        "es": "Cerca de 1/2 o de 1 suele faltar un factor; más pequeño, revisa la derivada de una capa.",
        "en": "Near 1/2 or 1 a factor is usually missing; smaller than that, look at one layer's derivative.",
    },
)

# %% [markdown] exercise="autograd" lang="es"
# El segundo testigo es PyTorch, que anota cada operación y recorre la regla de la cadena por ti.
# Repite la pasada con tensores que lleven `requires_grad=True`, llama a `.backward()` sobre el coste
# y lee `.grad`. Te servirán `torch.relu`, `torch.sigmoid` y `functional.binary_cross_entropy`.

# %% [markdown] exercise="autograd" lang="en"
# The second witness is PyTorch, which notes down every operation and walks the chain rule for you.
# Do the pass again with tensors that have `requires_grad=True`, call `.backward()` on the cost and
# read `.grad`. You will want `torch.relu`, `torch.sigmoid` and `functional.binary_cross_entropy`.

# %% role="exercise" id="autograd" title_es="El testigo automático" title_en="The automatic witness" difficulty=2 minutes=15
def autograd_gradients(X, Y, params):
    """Return the same gradients as `backward`, [(dW1, db1), ...] as NumPy arrays, by autograd."""
    ### BEGIN SOLUTION
    tensors = [[torch.tensor(part, requires_grad=True) for part in pair] for pair in params]
    A = torch.from_numpy(X)
    for W, b in tensors[:-1]:
        A = torch.relu(A @ W + b)
    W, b = tensors[-1]
    functional.binary_cross_entropy(torch.sigmoid(A @ W + b), torch.from_numpy(Y)).backward()
    return [tuple(part.grad.numpy() for part in pair) for pair in tensors]
    ### END SOLUTION


# %% role="check" id="autograd_check" points=3
tick.call(
    "gradients by autograd",
    lambda X, Y, params: [[dW, db] for dW, db in autograd_gradients(X, Y, params)],
    cases=lambda rng: [
        (rng.normal(size=(6, sizes[0])), rng.integers(0, 2, size=(6, 1)).astype(float), draw_network(rng, sizes))
        for sizes in ([3, 1], [4, 5, 3, 1])
    ],
    tol=1e-4,
    marks=3,
    hint={
        "es": "Un tensor por parámetro, con requires_grad=True desde el principio; el coste es una media.",
        "en": "One tensor a parameter, with requires_grad=True from the start; the cost is a mean.",
    },
)

# %% role="given"
with once_done():
    X_small, Y_small, params_small = small_problem(run_seed() + 1)
    ours = to_vector(cost_and_gradients(params_small, X_small, Y_small)[1])
    theirs = to_vector(autograd_gradients(X_small, Y_small, params_small))
    print(f"backward against autograd: relative error {relative_error(ours, theirs):.1e}")

# %% [markdown] lang="es"
# ## Entrenar

# %% [markdown] lang="en"
# ## Training

# %% [markdown] exercise="train" lang="es"
# Descenso de gradiente: cada parámetro da un paso en contra de su gradiente,
# $\theta \leftarrow \theta - \alpha\, d\theta$. `update` devuelve parámetros **nuevos** y deja los
# viejos como estaban, para poder empezar varias veces desde el mismo sitio.
#
# `train` repite: pedir coste y gradientes, anotar el coste si toca, actualizar. No sabe nada de
# redes: la función que recibe, `gradients(params)`, le da la pareja `(coste, gradientes)`. Anota el
# coste **antes** de actualizar en las iteraciones 0, `every`, 2·`every`…

# %% [markdown] exercise="train" lang="en"
# Gradient descent: each parameter takes a step against its gradient,
# $\theta \leftarrow \theta - \alpha\, d\theta$. `update` returns **new** parameters and leaves the
# old ones as they were, so that you can start several times from the same place.
#
# `train` repeats: ask for cost and gradients, note the cost if it is time to, update. It knows
# nothing about networks: the function that it is given, `gradients(params)`, returns the pair
# `(cost, gradients)`. Note the cost **before** updating, in iterations 0, `every`, 2·`every`…

# %% role="exercise" id="train" title_es="El bucle de entrenamiento" title_en="The training loop" difficulty=2 minutes=15
def update(params, grads, learning_rate):
    """Return new parameters, one step of gradient descent away.

    Parameters
    ----------
    params, grads : lists of pairs of arrays
        Left as they are.
    learning_rate : float
    """
    ### BEGIN SOLUTION
    return [
        (W - learning_rate * dW, b - learning_rate * db)
        for (W, b), (dW, db) in zip(params, grads, strict=True)
    ]
    ### END SOLUTION


def train(params, gradients, learning_rate, iterations, every=100):
    """Minimise a cost by gradient descent.

    Parameters
    ----------
    params : list of (W, b)
        Where to start; left as they are.
    gradients : callable
        From parameters to (cost, gradients).
    learning_rate : float
    iterations : int
    every : int
        How often to note the cost.

    Returns
    -------
    params : list of (W, b)
        After the last update.
    costs : list of float
        Before the update of iterations 0, every, 2 * every, ...
    """
    ### BEGIN SOLUTION
    costs = []
    for iteration in range(iterations):
        value, grads = gradients(params)
        if iteration % every == 0:
            costs.append(value)
        params = update(params, grads, learning_rate)
    return params, costs
    ### END SOLUTION


# %% role="check" id="train_check" points=5
def bowl(params):
    """A cost that needs no network: the sum of fourth powers, with its gradients."""
    return float(sum((part**4).sum() for pair in params for part in pair)), [
        tuple(4 * part**3 for part in pair) for pair in params
    ]


tick.call(
    "update",
    lambda params, grads, rate: [[W, b] for W, b in update(params, grads, rate)],
    cases=lambda rng: [(draw_network(rng, [3, 2, 1]), draw_network(rng, [3, 2, 1]), rng.uniform(0.1, 1))],
    marks=2,
    hint={
        "es": "Se resta, y se crean arrays nuevos: «W -= …» cambiaría los que recibes.",
        "en": "Subtract, and make new arrays: “W -= …” would change those you are given.",
    },
)
tick.call(
    "train: where it ends",
    lambda params, rate, iterations: to_vector(train(params, bowl, rate, iterations)[0]),
    cases=lambda rng: [
        (draw_network(rng, [3, 2, 1]), rng.uniform(0.005, 0.01), int(rng.integers(20, 40)))
    ],
    marks=2,
    hint={
        "es": "¿Usas los parámetros nuevos en la iteración siguiente y das todas las iteraciones?",
        "en": "Do you use the new parameters in the next iteration, and make all the iterations?",
    },
)
tick.call(
    "train: the noted costs",
    lambda params, rate, every: train(params, bowl, rate, 25, every)[1],
    cases=lambda rng: [(draw_network(rng, [3, 2, 1]), rng.uniform(0.005, 0.01), n) for n in (10, 7)],
    marks=1,
    hint={
        "es": "Un coste en la iteración 0 y luego cada «every», siempre antes de actualizar.",
        "en": "One cost at iteration 0 and then every “every”, always before the update.",
    },
)

# %% [markdown] lang="es"
# Todo junto. La red tiene dos capas ocultas, de 32 y 16 neuronas.

# %% [markdown] lang="en"
# All together. The network has two hidden layers, of 32 and 16 units.

# %% role="given"
SIZES = [n_inputs, 32, 16, 1]
ITERATIONS = 1000

with once_done():
    X, X_test = prepare(pair_images), prepare(pair_test_images)
    start = initialise(SIZES, "he", np.random.default_rng(run_seed()))
    trained, costs = train(
        start, lambda params: cost_and_gradients(params, X, Y), learning_rate=0.1, iterations=ITERATIONS
    )
    plots.curves(costs, x=range(0, ITERATIONS, 100), xlabel="iteration", ylabel="cost")
    for number, value in enumerate(costs):
        print(f"iteration {100 * number:4d}  cost {value:.4f}")

# %% [markdown] exercise="mistakes" lang="es"
# La red dice «positiva» cuando su probabilidad pasa de 0.5. Mide la exactitud, y busca los errores
# más rotundos: los que más lejos están de la respuesta.

# %% [markdown] exercise="mistakes" lang="en"
# The network says “positive” when its probability is above 0.5. Measure the accuracy, and find the
# most blatant mistakes: those furthest from the answer.

# %% role="exercise" id="mistakes" title_es="Exactitud y errores" title_en="Accuracy and mistakes" difficulty=1 minutes=10
def binary_accuracy(A, Y):
    """Return the share of right answers, from 0 to 1; A and Y have shape (m, 1)."""
    ### BEGIN SOLUTION
    return float(np.mean((A > 0.5) == (Y > 0.5)))
    ### END SOLUTION


def worst_mistakes(A, Y, count):
    """Return the rows of the most confident mistakes, the worst first.

    Parameters
    ----------
    A, Y : arrays, shape (m, 1)
    count : int
        At most so many.

    Returns
    -------
    array of int
        Only rows that are answered wrongly.
    """
    ### BEGIN SOLUTION
    distance = np.abs(A - Y)[:, 0]
    order = np.argsort(-distance)
    return order[distance[order] > 0.5][:count]
    ### END SOLUTION


# %% role="check" id="mistakes_check" points=3
def draw_answers(rng, m=20):
    """Draw probabilities, none of them near 0.5, and answers."""
    A = rng.uniform(0.05, 0.45, size=(m, 1)) + 0.5 * rng.integers(0, 2, size=(m, 1))
    return A, rng.permutation(np.arange(m) % 2).astype(float)[:, None]


tick.call(
    "accuracy of two classes",
    lambda A, Y: float(binary_accuracy(A, Y)),
    cases=lambda rng: [draw_answers(rng), draw_answers(rng, 7)],
    marks=1,
    hint={
        "es": "Compara (A > 0.5) con Y; si el resultado pasa de 1, has sumado en vez de promediar.",
        "en": "Compare (A > 0.5) with Y; if the result is above 1, you have summed instead of averaged.",
    },
)
tick.call(
    "the worst mistakes",
    lambda A, Y, count: [int(row) for row in worst_mistakes(A, Y, count)],
    cases=lambda rng: [(*draw_answers(rng), 3), (*draw_answers(rng), 100)],
    marks=2,
    hint={
        "es": "Ordena por |A - Y|, de mayor a menor, y quédate solo con filas que estén mal.",
        "en": "Sort by |A - Y|, largest first, and keep only rows that are wrong.",
    },
)

# %% role="given"
with once_done():
    A_train, A_test = forward(X, trained)[0], forward(X_test, trained)[0]
    print(f"accuracy: {binary_accuracy(A_train, Y):.3f} in training, {binary_accuracy(A_test, Y_test):.3f} in test")
    worst = worst_mistakes(A_test, Y_test, 16)
    plots.image_grid(
        pair_test_images[worst],
        titles=[f"{pair_names[int(Y_test[i, 0])]}\n{pair_names[1]}? {A_test[i, 0]:.2f}" for i in worst],
    )

# %% [markdown] lang="es"
# Encima de cada imagen está su clase verdadera y, debajo, la probabilidad de clase positiva que dio
# la red. ¿Habrías acertado tú?
#
# La nota de tu red no sale de la exactitud que imprimes, sino de sus respuestas sobre copias nuevas
# de las imágenes de prueba: algo desplazadas y con un poco de ruido, cada vez distintas.

# %% [markdown] lang="en"
# Above each image is its true class and, below it, the probability of the positive class that the
# network gave. Would you have got them right?
#
# The marks of your network do not come from the accuracy that you print but from its answers on new
# copies of the test images: shifted a little and with some noise, different every time.

# %% role="given"
def fresh_copies(rng, images, labels, count):
    """Draw images with their labels, each moved by up to a third of a pixel and with some noise."""
    chosen = rng.integers(len(images), size=count)
    copies = images[chosen] / 255
    for axis in (1, 2):
        part = rng.uniform(-0.33, 0.33, size=(count, 1, 1))
        moved = np.where(part > 0, np.roll(copies, 1, axis), np.roll(copies, -1, axis))
        copies = (1 - np.abs(part)) * copies + np.abs(part) * moved
    copies += rng.normal(0, 0.05, size=copies.shape)
    return np.rint(255 * copies.clip(0, 1)).astype(np.uint8), labels[chosen]


# %% role="check" id="network_check" points=3 covers="forward,backward,train"
tick.predictions(
    "your network on new images",
    lambda images: forward(images.reshape(len(images), -1) / 255, trained)[0][:, 0] > 0.5,
    hidden=lambda rng: fresh_copies(rng, pair_test_images, Y_test[:, 0], count=1000),
    metric="accuracy",
    baseline=("always the negative class", lambda images: np.zeros(len(images))),
    marks=3,
    hint={
        "es": "Primero las comprobaciones de arriba. Si todas están bien, ¿baja el coste en la gráfica?",
        "en": "First the checks above. If they all pass, does the cost go down in the plot?",
    },
)

# %% [markdown] exercise="compare_initialisations" lang="es"
# ## El experimento de la inicialización
#
# ¿Importa tanto por dónde se empieza? Entrena la misma red con los mismos datos y los tres métodos,
# y devuelve los costes de cada uno. Usa un generador nuevo, `np.random.default_rng(seed)`, en cada
# método, y anota el coste cada 10 iteraciones.

# %% [markdown] exercise="compare_initialisations" lang="en"
# ## The initialisation experiment
#
# Does it matter so much where you start? Train the same network on the same data with the three
# methods, and return the costs of each. Use a new generator, `np.random.default_rng(seed)`, for
# each method, and note the cost every 10 iterations.

# %% role="exercise" id="compare_initialisations" title_es="Ceros, pequeños y He" title_en="Zeros, small and He" difficulty=1 minutes=10
def compare_initialisations(X, Y, sizes, learning_rate, iterations, seed):
    """Return {"zeros": costs, "small": costs, "he": costs}, the cost every 10 iterations."""
    ### BEGIN SOLUTION
    costs = {}
    for method in ("zeros", "small", "he"):
        params = initialise(sizes, method, np.random.default_rng(seed))
        _, costs[method] = train(
            params, lambda params: cost_and_gradients(params, X, Y), learning_rate, iterations, every=10
        )
    return costs
    ### END SOLUTION


# %% role="check" id="compare_initialisations_check" points=2
tick.call(
    "what zeros and small weights reach",
    lambda X, Y: [
        compare_initialisations(X, Y, [4, 6, 6, 1], 1.0, 101, seed=0)[method][-1] for method in ("zeros", "small")
    ],
    # the share of positives is drawn: a network that cannot learn ends at its entropy
    cases=lambda rng: [
        (rng.normal(size=(60, 4)), (np.arange(60) < n).astype(float)[:, None])
        for n in rng.choice([6, 9, 12, 15, 18, 21], size=2, replace=False)
    ],
    tol=0.01,
    marks=2,
    hint={
        "es": "¿Los tres métodos, con la misma tasa, y el coste cada 10 iteraciones?",
        "en": "All three methods, with the same rate, and the cost every 10 iterations?",
    },
)

# %% role="given"
def spread_by_layer(X, sizes, method):
    """Return the standard deviation of the signal after each hidden layer, before any training."""
    params = initialise(sizes, method, np.random.default_rng(run_seed()))
    return [X.std(), *(A_prev.std() for A_prev, _ in forward(X, params)[1][1:])]


with once_done():
    few = slice(0, 500)
    runs = compare_initialisations(X[few], Y[few], SIZES, 0.1, 400, run_seed())
    deep = [n_inputs] + [64] * 8 + [1]
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    plots.curves(runs, x=range(0, 400, 10), xlabel="iteration", ylabel="cost", ax=left)
    left.set_title("training")
    spreads = {method: spread_by_layer(X[few], deep, method) for method in runs}
    spreads["zeros"][1:] = [np.nan] * 8  # exactly 0: no place on a logarithmic axis
    plots.curves(spreads, x=range(9), xlabel="layer", ylabel="spread of the signal", log=True, ax=right)
    right.set_title("a deeper network, before training")

# %% [markdown] lang="es"
# - **Ceros.** Todas las neuronas de una capa son iguales, reciben el mismo gradiente y siguen siendo
#   iguales para siempre; con ReLU, además, la señal es cero y solo aprende el último sesgo. El coste
#   se queda en la entropía de las etiquetas: $\ln 2 \approx 0.693$ si hay tantas de una clase como
#   de la otra. (A la derecha no tiene curva: vale cero desde la primera capa.)
# - **Pequeños.** La simetría está rota, pero cada capa encoge la señal, y a la vuelta el gradiente.
#   Con muchas capas no llega nada: es el *desvanecimiento del gradiente*.
# - **He.** La varianza $2/n$ compensa justo lo que ReLU apaga, y la señal conserva su tamaño por
#   profunda que sea la red.

# %% [markdown] lang="en"
# - **Zeros.** All units of a layer are equal, get the same gradient and stay equal for ever; with
#   ReLU the signal is zero on top of that, and only the last bias learns. The cost stays at the
#   entropy of the labels: $\ln 2 \approx 0.693$ when there are as many of one class as of the
#   other. (There is no curve on the right: it is zero from the first layer on.)
# - **Small.** The symmetry is broken, but each layer shrinks the signal, and the gradient on its
#   way back. With many layers nothing arrives: that is the *vanishing gradient*.
# - **He.** The variance $2/n$ makes up for exactly what ReLU switches off, and the signal keeps its
#   size however deep the network is.
