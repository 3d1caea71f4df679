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
# **Los datos** son las 70 000 fotografías de Fashion-MNIST. Con `LAB_PROFILE=quick` el cuaderno usa
# en su lugar los 1797 dígitos manuscritos de scikit-learn, y la primera parte pregunta si un dígito
# es par o impar. **Al corregir se usan esos datos pequeños**, así que no des por supuesto ningún
# tamaño: usa los nombres que ya están definidos (`n_inputs`, `EPOCHS`, …).
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
# **The data** are the 70,000 photographs of Fashion-MNIST. With `LAB_PROFILE=quick` the notebook
# uses scikit-learn's 1,797 handwritten digits instead, and the first part asks whether a digit is
# even or odd. **Grading uses these small data**, so take no size for granted: use the names that
# are already defined (`n_inputs`, `EPOCHS`, …).
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
    """Skip the block, and say so, while an exercise or a result that it needs is not there."""
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"⏳ {error}")


examples = np.stack(
    [np.flatnonzero(splits.train_labels == k)[:4] for k in range(n_classes)], axis=1
)
plots.image_grid(
    splits.train_images[examples.ravel()],  # a column for each class
    titles=[*class_names, *[""] * (3 * n_classes)],
    columns=n_classes,
)
plt.show()
height, width = splits.train_images.shape[1:]
print(f"{len(splits.train_images):,} training and {len(splits.test_images):,} test images")
print(f"{height}×{width} pixels, from 0 (black) to 255 (white)")

# %% [markdown] lang="es"
# ## Parte 1 · Dos clases, con NumPy
#
# Empezamos por dos clases que hasta a una persona le cuesta distinguir en una foto pequeña. La red
# responderá con un solo número, la probabilidad de que la imagen sea de la clase positiva
# ($y = 1$).
#
# Guardaremos **un ejemplo por fila**. Si hay $m$ imágenes de $n$ píxeles, la entrada es una matriz
# $X$ de forma $(m, n)$, y las respuestas, una columna $Y$ de forma $(m, 1)$ de ceros y unos.

# %% [markdown] lang="en"
# ## Part 1 · Two classes, with NumPy
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
plt.show()
print(
    f"{len(Y)} training images, {Y.mean():.0%} of them {pair_names[1]}; {len(Y_test)} test images"
)

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
def initialised(sizes, method, seed):
    """Return the parameters that a seed gives."""
    return initialise(sizes, method, np.random.default_rng(seed))


def spread_of_weights(n, method):
    """Return the spread of two layers' weights over the one asked for: 1 however they are drawn."""
    wanted = {"small": (0.01, 0.01), "he": ((2 / n) ** 0.5, (2 / 300) ** 0.5)}[method]
    params = initialised([n, 300, 400], method, seed=n)
    return [W.std() / spread for (W, _), spread in zip(params, wanted, strict=True)]


tick.call(
    "initialise: shapes",
    lambda sizes: [[np.shape(W), np.shape(b)] for W, b in initialised(sizes, "he", seed=0)],
    cases=lambda rng: [(rng.integers(2, 9, size=n).tolist(),) for n in (2, 4, 5)],
    marks=1,
    hint={
        "es": "W va de n_in entradas (filas) a n_out neuronas (columnas), y b tiene una sola dimensión: (n_out,).",
        "en": "W goes from n_in inputs (rows) to n_out units (columns), and b has one dimension: (n_out,).",
    },
)
tick.call(
    "initialise: spread of small and He weights",
    lambda n: [spread_of_weights(n, method) for method in ("small", "he")],
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
        *(part for pair in initialised(sizes, "zeros", seed=1) for part in pair),
        *(b for method in ("small", "he") for _, b in initialised(sizes, method, seed=1)),
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
        np.array_equal(
            initialised([6, 5], "he", one)[0][0], initialised([6, 5], "he", second)[0][0]
        )
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


# %% role="check" id="activations_check" points=2
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
    marks=1,
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
    lambda Y: [float(cost(Y, Y)), float(5 < cost(1 - Y, Y) < 1000)],
    cases=lambda rng: [(rng.permutation([0.0, 0.0, 1.0, 1.0, 1.0])[:, None],)],
    tol=0.003,
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
    cases=lambda rng: [
        (rng.normal(size=shape), rng.normal(size=shape)) for shape in ((4, 3), (1, 6))
    ],
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
    return np.array(
        [(function(theta + step) - function(theta - step)) / (2 * eps) for step in steps]
    )
    ### END SOLUTION


def relative_error(one, other):
    """Return the length of the difference of two vectors over the sum of their lengths."""
    ### BEGIN SOLUTION
    return float(np.linalg.norm(one - other) / (np.linalg.norm(one) + np.linalg.norm(other)))
    ### END SOLUTION


# %% role="check" id="numerical_gradient_check" points=3
tick.call(
    "finite differences",
    lambda a, theta: numerical_gradient(
        lambda v: float(np.sum(np.sin(a * v)) + v[0] * v[-1]), theta
    ),
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
    print(
        f"backward against finite differences: relative error {gradient_check(*small_problem(run_seed())):.1e}"
    )

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
        (
            rng.normal(size=(6, sizes[0])),
            rng.integers(0, 2, size=(6, 1)).astype(float),
            draw_network(rng, sizes),
        )
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
    cases=lambda rng: [
        (draw_network(rng, [3, 2, 1]), draw_network(rng, [3, 2, 1]), rng.uniform(0.1, 1))
    ],
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
    cases=lambda rng: [
        (draw_network(rng, [3, 2, 1]), rng.uniform(0.005, 0.01), n) for n in (10, 7)
    ],
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
        start,
        lambda params: cost_and_gradients(params, X, Y),
        learning_rate=0.1,
        iterations=ITERATIONS,
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
    print(
        f"accuracy: {binary_accuracy(A_train, Y):.3f} in training, {binary_accuracy(A_test, Y_test):.3f} in test"
    )
    worst = worst_mistakes(A_test, Y_test, 16)
    if len(worst):
        truths, answers = Y_test[worst, 0], A_test[worst, 0]
        plots.image_grid(
            pair_test_images[worst],
            titles=[
                f"{pair_names[int(truth)]}\nP({pair_names[1]}) = {answer:.2f}"
                for truth, answer in zip(truths, answers, strict=True)
            ],
        )

# %% [markdown] lang="es"
# Encima de cada imagen está su clase verdadera y, debajo, la probabilidad de clase positiva que dio
# la red. ¿Habrías acertado tú?
#
# La nota de tu red no sale de la exactitud que imprimes, sino de sus respuestas sobre copias nuevas
# de las imágenes de prueba: con menos contraste y algo de ruido, distintas cada vez.

# %% [markdown] lang="en"
# Above each image is its true class and, below it, the probability of the positive class that the
# network gave. Would you have got them right?
#
# The marks of your network do not come from the accuracy that you print but from its answers on new
# copies of the test images: with less contrast and some noise, different every time.


# %% role="given"
def fresh_copies(rng, images, labels, count):
    """Draw images with their labels, each with less contrast and with some noise."""
    chosen = rng.integers(len(images), size=count)
    copies = images[chosen] * rng.uniform(0.7, 1, size=(count, 1, 1))
    copies *= rng.normal(1, 0.2, size=copies.shape)
    return np.rint(copies.clip(0, 255)).astype(np.uint8), labels[chosen]


# %% role="check" id="network_check" points=3 covers="forward,backward,train"
tick.predictions(
    "your network on new images",
    lambda images: forward(prepare(images), trained)[0][:, 0] > 0.5,
    hidden=lambda rng: fresh_copies(rng, pair_test_images, Y_test[:, 0], count=1000),
    metric="accuracy",
    baseline=("always the negative class", lambda images: np.zeros(len(images))),
    marks=3,
    hint={
        "es": "Primero las comprobaciones de arriba. Si todas están bien, ¿baja el coste en la gráfica?",
        "en": "First the checks above. If they all pass, does the cost go down in the plot?",
    },
)

# %% [markdown] lang="es"
# ## El experimento de la inicialización

# %% [markdown] lang="en"
# ## The initialisation experiment

# %% [markdown] exercise="compare_initialisations" lang="es"
# ¿Importa tanto por dónde se empieza? Entrena la misma red con los mismos datos y los tres métodos,
# y devuelve los costes de cada uno. Usa un generador nuevo, `np.random.default_rng(seed)`, en cada
# método, y anota el coste cada 10 iteraciones.

# %% [markdown] exercise="compare_initialisations" lang="en"
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
            params,
            lambda params: cost_and_gradients(params, X, Y),
            learning_rate,
            iterations,
            every=10,
        )
    return costs
    ### END SOLUTION


# %% role="check" id="compare_initialisations_check" points=2
tick.call(
    "what zeros and small weights reach",
    lambda X, Y: [
        compare_initialisations(X, Y, [4, 6, 6, 1], 1.0, 101, seed=0)[method][-1]
        for method in ("zeros", "small")
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


few = slice(0, 500)
with once_done():
    runs = compare_initialisations(X[few], Y[few], SIZES, 0.1, 400, run_seed())
    deep = [n_inputs] + [64] * 8 + [1]
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    plots.curves(runs, x=range(0, 400, 10), xlabel="iteration", ylabel="cost", ax=left)
    left.set_title("training")
    spreads = {method: spread_by_layer(X[few], deep, method) for method in runs}
    spreads["zeros"][1:] = [np.nan] * 8  # exactly 0: no place on a logarithmic axis
    plots.curves(
        spreads, x=range(9), xlabel="layer", ylabel="spread of the signal", log=True, ax=right
    )
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

# %% [markdown] lang="es"
# La tasa de aprendizaje se lee en la curva. Estas tres parten de los mismos pesos:

# %% [markdown] lang="en"
# The learning rate shows in the curve. These three start from the same weights:

# %% role="given"
with once_done():
    start = initialise(SIZES, "he", np.random.default_rng(run_seed()))
    rates = {
        f"rate {rate}": train(
            start, lambda params: cost_and_gradients(params, X[few], Y[few]), rate, 300, every=5
        )[1]
        for rate in (0.001, 0.1, 0.8)
    }
    plots.curves(rates, x=range(0, 300, 5), xlabel="iteration", ylabel="cost")
    plt.ylim(0, 1.5)

# %% [markdown] role="question" id="read_the_curve" points=4 lang="es"
# Lee las curvas del coste: la de tu red y las tres de arriba. ¿Qué distingue una tasa demasiado
# pequeña de una demasiado grande? ¿Ha terminado de aprender tu red a las 1000 iteraciones? ¿Y qué es
# lo que la curva del entrenamiento **no** puede decirte?
#
# ### BEGIN SOLUTION
# Con una tasa pequeña la curva baja suave pero tan despacio que apenas se ha movido; con una grande
# da saltos, sube o se estanca, porque cada paso se pasa de largo. La tasa media baja deprisa y luego
# se aplana. A las 1000 iteraciones el coste todavía baja un poco, así que seguir lo bajaría más,
# pero cada vez menos. La curva es del entrenamiento: no dice nada de imágenes nuevas. La diferencia
# entre la exactitud en entrenamiento y en prueba muestra que parte de esa bajada es sobreajuste.
# ### END SOLUTION

# %% [markdown] role="question" id="read_the_curve" points=4 lang="en"
# Read the curves of the cost: that of your network and the three above. What tells a rate that is
# too small from one that is too large? Has your network finished learning after 1,000 iterations?
# And what is it that the training curve can **not** tell you?
#
# ### BEGIN SOLUTION
# With a small rate the curve falls smoothly, but so slowly that it has hardly moved; with a large
# one it jumps, rises or gets stuck, because every step overshoots. The middle one falls fast and
# then flattens. After 1,000 iterations the cost is still falling a little, so going on would lower
# it further, but less and less. The curve is that of training: it says nothing about new images.
# The gap between training and test accuracy shows that part of that fall is overfitting.
# ### END SOLUTION

# %% [markdown] role="question" id="improve_numpy" points=4 lang="es"
# ¿Cómo mejorarías esta red? Propón al menos tres cambios, di qué esperas de cada uno (¿baja el coste
# de entrenamiento?, ¿mejora la prueba?) y apóyate en tus números y en las imágenes que falla.
#
# ### BEGIN SOLUTION
# La exactitud de entrenamiento es bastante mayor que la de prueba, así que lo que más promete es
# combatir el sobreajuste: más imágenes (solo usamos 1000), regularización L2 o *dropout*, parar
# antes, o aumentar los datos con pequeños desplazamientos. Para llegar antes al mismo coste: lotes
# pequeños, momento o Adam, normalizar las entradas. Una red más ancha o más profunda bajaría el coste
# de entrenamiento, pero sin lo anterior apenas ayudaría en la prueba. Varias de las imágenes falladas
# son dudosas incluso para una persona: ahí hay un techo.
# ### END SOLUTION

# %% [markdown] role="question" id="improve_numpy" points=4 lang="en"
# How would you improve this network? Propose at least three changes, say what you expect of each (a
# lower training cost? a better test?) and argue from your numbers and the images that it gets wrong.
#
# ### BEGIN SOLUTION
# Training accuracy is clearly above test accuracy, so fighting overfitting promises most: more
# images (we use only 1,000), L2 regularisation or dropout, stopping earlier, or augmenting the data
# with small shifts. To reach the same cost sooner: mini-batches, momentum or Adam, normalised
# inputs. A wider or deeper network would lower the training cost but, without the former, would
# hardly help the test. Several of the images that it gets wrong are doubtful even for a person:
# there is a ceiling.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## Parte 2 · Diez clases, con PyTorch
#
# Ahora las diez clases y todas las imágenes. PyTorch reparte el trabajo en piezas, y vas a escribir
# la tuya de cada una:
#
# | pieza | responde a |
# |---|---|
# | `Dataset` | ¿cuál es el ejemplo número $i$? |
# | `DataLoader` | ¿en qué lotes y en qué orden? |
# | `nn.Module` | ¿qué calcula la red? |
# | `nn.NLLLoss` | ¿cuánto se equivoca? |
# | `optim.SGD` | ¿cómo se corrige? |
#
# Apartamos una décima parte del entrenamiento para **validar**: con ella elegirás lo que quieras
# probar. La prueba se mira al final; si eliges con ella, deja de ser una prueba.

# %% [markdown] lang="en"
# ## Part 2 · Ten classes, with PyTorch
#
# Now the ten classes and all the images. PyTorch splits the work into pieces, and you are going to
# write your own of each:
#
# | piece | answers |
# |---|---|
# | `Dataset` | which is example number $i$? |
# | `DataLoader` | in which batches, and in which order? |
# | `nn.Module` | what does the network compute? |
# | `nn.NLLLoss` | how wrong is it? |
# | `optim.SGD` | how is it put right? |
#
# We set a tenth of the training data aside to **validate**: use it to choose whatever you want to
# try. The test is looked at in the end; choose by it and it stops being a test.

# %% role="given"
device = pick_device()
EPOCHS = budget(full=12, quick=15)
BATCH = budget(full=256, quick=32)

shuffled = np.random.default_rng(run_seed()).permutation(len(splits.train_images))
held_out, kept = np.split(shuffled, [len(shuffled) // 10])
train_images, train_labels = splits.train_images[kept], splits.train_labels[kept]
validation_images, validation_labels = splits.train_images[held_out], splits.train_labels[held_out]
print(
    f"{len(kept):,} images to train, {len(held_out):,} to validate, {len(splits.test_images):,} to test"
)

# %% [markdown] exercise="dataset" lang="es"
# Un `Dataset` sabe dos cosas: cuántos ejemplos hay y cuál es cada uno. Y un buen `Dataset` se queja
# al nacer: si no hay imágenes, o no hay una etiqueta por imagen, lanza `ValueError` con un mensaje
# claro. Es mucho mejor que descubrirlo a mitad de la noche, en la época 7.

# %% [markdown] exercise="dataset" lang="en"
# A `Dataset` knows two things: how many examples there are, and which is each one. And a good
# `Dataset` complains at birth: if there are no images, or not one label for each, it raises
# `ValueError` with a clear message. Much better than finding out in the middle of the night, in
# epoch 7.


# %% role="exercise" id="dataset" title_es="Un Dataset de imágenes" title_en="A Dataset of images" difficulty=2 minutes=15
class ImageDataset(Dataset):
    """Grey images and their classes.

    Parameters
    ----------
    images : array of uint8, shape (N, H, W)
    labels : array of int, shape (N,)

    Raises
    ------
    ValueError
        If there is no image, or the number of labels is another.
    """

    def __init__(self, images, labels):
        ### BEGIN SOLUTION
        if len(images) == 0 or len(images) != len(labels):
            raise ValueError(
                f"{len(images)} images and {len(labels)} labels; expected as many, not 0."
            )
        self.images = torch.from_numpy(images).float() / 255
        self.labels = torch.from_numpy(labels).long()
        ### END SOLUTION

    def __len__(self):
        """Return the number of images."""
        ### BEGIN SOLUTION
        return len(self.labels)
        ### END SOLUTION

    def __getitem__(self, index):
        """Return (image, label): float32 from 0 to 1 of shape (H, W), and an int64 class."""
        ### BEGIN SOLUTION
        return self.images[index], self.labels[index]
        ### END SOLUTION


# %% role="check" id="dataset_check" points=4
def draw_images(rng, count=6):
    """Draw images and labels."""
    return rng.integers(0, 256, size=(count, 4, 3), dtype=np.uint8), rng.integers(0, 10, size=count)


tick.call(
    "dataset: length and images",
    lambda images, labels: [
        len(dataset := ImageDataset(images, labels)),
        [np.asarray(dataset[i][0], dtype=float) for i in (0, len(images) - 1)],
    ],
    cases=lambda rng: [draw_images(rng), draw_images(rng, 3)],
    tol=1e-5,
    marks=1,
    hint={
        "es": "La imagen conserva su forma (H, W), con los píxeles de 0 a 1.",
        "en": "The image keeps its shape (H, W), with pixels from 0 to 1.",
    },
)
tick.call(
    "dataset: labels",
    lambda images, labels: [int(ImageDataset(images, labels)[i][1]) for i in range(len(images))],
    cases=lambda rng: [draw_images(rng)],
    marks=1,
    hint={
        "es": "La etiqueta del ejemplo i es labels[i], sin sumar ni restar nada.",
        "en": "The label of example i is labels[i], with nothing added or taken away.",
    },
)
tick.call(
    "dataset: types in a batch",
    lambda images, labels: [
        str(part.dtype) for part in next(iter(DataLoader(ImageDataset(images, labels), 2)))
    ],
    cases=lambda rng: [draw_images(rng)],
    marks=1,
    hint={
        "es": "Imagen en float32 y etiqueta en int64: lo que esperan nn.Linear y nn.NLLLoss.",
        "en": "Image in float32 and label in int64: what nn.Linear and nn.NLLLoss expect.",
    },
)
tick.call(
    "dataset: refuses what does not fit",
    lambda images, labels: len(ImageDataset(images, labels)),
    cases=lambda rng: [
        draw_images(rng),
        (draw_images(rng)[0], draw_images(rng, 5)[1]),
        draw_images(rng, 0),
    ],
    marks=1,
    hint={
        "es": "Sin imágenes, o con otro número de etiquetas: raise ValueError(...) en __init__.",
        "en": "No images, or another number of labels: raise ValueError(...) in __init__.",
    },
)

# %% [markdown] exercise="loaders" lang="es"
# El `DataLoader` corta los lotes. En entrenamiento el orden se baraja en cada época; en validación no
# hace falta.

# %% [markdown] exercise="loaders" lang="en"
# The `DataLoader` cuts the batches. In training the order is shuffled in every epoch; validation does
# not need it.


# %% role="exercise" id="loaders" title_es="Lotes" title_en="Batches" difficulty=1 minutes=5
def make_loaders(train_set, validation_set, batch_size):
    """Return (train_loader, validation_loader); only the first shuffles, none drops examples."""
    ### BEGIN SOLUTION
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train_loader, DataLoader(validation_set, batch_size=batch_size)
    ### END SOLUTION


# %% role="check" id="loaders_check" points=2
def numbers_seen(loader):
    """Return what a loader of a single tensor gives in one epoch."""
    return [int(number) for (batch,) in loader for number in batch]


tick.call(
    "loaders: training",
    lambda numbers, size: [
        sorted(
            seen := numbers_seen(
                loader := make_loaders(TensorDataset(torch.tensor(numbers)), [0], size)[0]
            )
        ),
        seen != numbers.tolist(),
        seen != numbers_seen(loader),
        len(next(iter(loader))[0]),
    ],
    cases=lambda rng: [(rng.permutation(100), 8)],
    marks=1,
    hint={
        "es": "Todos los ejemplos, en lotes de batch_size y en otro orden cada época (shuffle).",
        "en": "All the examples, in batches of batch_size and in another order each epoch (shuffle).",
    },
)
tick.call(
    "loaders: validation",
    lambda numbers, size: [
        numbers_seen(loader := make_loaders([0], TensorDataset(torch.tensor(numbers)), size)[1]),
        len(loader),
    ],
    cases=lambda rng: [(rng.permutation(50), 8)],
    marks=1,
    hint={
        "es": "En validación el orden se conserva, y el último lote, aunque no esté lleno, también.",
        "en": "Validation keeps the order, and the last batch too, even if it is not full.",
    },
)

# %% [markdown] exercise="mlp" lang="es"
# La red: aplanar, lineal, ReLU, lineal y **`LogSoftmax`**. Con diez clases la salida ya no es una
# probabilidad sino diez, y `LogSoftmax` da sus logaritmos. Crea las capas en `__init__` en el orden
# en que se usan.

# %% [markdown] exercise="mlp" lang="en"
# The network: flatten, linear, ReLU, linear and **`LogSoftmax`**. With ten classes the output is no
# longer one probability but ten, and `LogSoftmax` gives their logarithms. Make the layers in
# `__init__` in the order in which they are used.


# %% role="exercise" id="mlp" title_es="La red como nn.Module" title_en="The network as an nn.Module" difficulty=2 minutes=15
class MLP(nn.Module):
    """A network with one hidden layer that returns log-probabilities.

    Parameters
    ----------
    n_inputs, n_hidden, n_classes : int
        Pixels of an image, units of the hidden layer, classes.
    """

    def __init__(self, n_inputs, n_hidden, n_classes):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_inputs, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_classes),
            nn.LogSoftmax(dim=1),
        )
        ### END SOLUTION

    def forward(self, images):
        """Return log-probabilities (N, n_classes) for images (N, H, W)."""
        ### BEGIN SOLUTION
        return self.layers(images)
        ### END SOLUTION


# %% role="check" id="mlp_check" points=5
def filled(model, seed):
    """Fill the parameters of a model, in order, with numbers drawn from a seed."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.5, size=parameter.shape)))
    return model


tick.call(
    "MLP: shape and number of parameters",
    lambda images, hidden: [
        list((model := MLP(12, hidden, 5))(torch.from_numpy(images)).shape),
        sum(parameter.numel() for parameter in model.parameters()),
    ],
    cases=lambda rng: [(rng.random((6, 4, 3), dtype=np.float32), int(rng.integers(3, 9)))],
    marks=1,
    hint={
        "es": "Dos capas lineales con sesgo: n_inputs → n_hidden → n_classes, y una fila por imagen.",
        "en": "Two linear layers with biases: n_inputs → n_hidden → n_classes, and a row for each image.",
    },
)
tick.call(
    "MLP: rows are log-probabilities",
    lambda images, seed: filled(MLP(12, 7, 5), seed)(torch.from_numpy(images)).exp().sum(dim=1),
    cases=lambda rng: [(rng.random((6, 4, 3), dtype=np.float32), int(rng.integers(10_000)))],
    tol=1e-3,
    marks=2,
    hint={
        "es": "Al deshacer el logaritmo (exp), cada fila debe sumar 1. ¿Acaba la red en LogSoftmax(dim=1)?",
        "en": "Undo the logarithm (exp) and each row must sum to 1. Does the network end in LogSoftmax(dim=1)?",
    },
)
tick.call(
    "MLP: the most likely class",
    lambda images, seed: filled(MLP(12, 7, 5), seed)(torch.from_numpy(images)).argsort(dim=1),
    cases=lambda rng: [(rng.random((6, 4, 3), dtype=np.float32), int(rng.integers(10_000)))],
    marks=2,
    hint={
        "es": "Aplanar, lineal, ReLU, lineal: sin ReLU tras la segunda lineal y con las capas en orden.",
        "en": "Flatten, linear, ReLU, linear: no ReLU after the second linear, and the layers in order.",
    },
)

# %% [markdown] exercise="train_epoch" lang="es"
# Una época es una pasada por los datos. En cada lote, cinco líneas que escribirás cientos de veces
# en tu vida: poner los gradientes a cero, pasar hacia delante, medir la pérdida, pasar hacia atrás,
# dar el paso. Antes de empezar, `model.train()`.
#
# Devuelve la pérdida media **por imagen**: el último lote suele ser más pequeño y debe pesar menos.
# Lleva cada lote al dispositivo de la red (`.to(device)`).

# %% [markdown] exercise="train_epoch" lang="en"
# An epoch is one pass over the data. For each batch, five lines that you will write hundreds of times
# in your life: gradients to zero, forward, measure the loss, backward, make the step. Before you
# begin, `model.train()`.
#
# Return the mean loss **per image**: the last batch is usually smaller and must weigh less. Move each
# batch to the network's device (`.to(device)`).


# %% role="exercise" id="train_epoch" title_es="Una época" title_en="One epoch" difficulty=2 minutes=20
def train_epoch(model, loader, criterion, optimizer):
    """Train for one epoch, in training mode.

    Parameters
    ----------
    model : nn.Module
        On `device`.
    loader : DataLoader
        Gives (images, labels).
    criterion : callable
        From (log-probabilities, labels) to the mean loss of the batch.
    optimizer : torch.optim.Optimizer
        Of the parameters of `model`.

    Returns
    -------
    float
        The loss, averaged over images.
    """
    ### BEGIN SOLUTION
    model.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)
    ### END SOLUTION


# %% role="check" id="train_epoch_check" points=5
class Probe(nn.Module):
    """A linear classifier that notes in which mode it is called, and whether with gradients."""

    def __init__(self, W, b, dropout=0.0):
        super().__init__()
        self.linear = nn.Linear(*W.shape[::-1])
        self.dropout = nn.Dropout(dropout)
        self.calls = []
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(W))
            self.linear.bias.copy_(torch.from_numpy(b))

    def forward(self, inputs):
        """Return log-probabilities."""
        self.calls.append([self.training, torch.is_grad_enabled()])
        return functional.log_softmax(self.dropout(self.linear(inputs)), dim=1)


def draw_task(rng, count=11):
    """Draw inputs, labels, and the weights of a linear classifier of four features."""
    X = rng.normal(size=(count, 4)).astype(np.float32)
    return X, rng.integers(0, 3, size=count), rng.normal(size=(3, 4)), rng.normal(size=3)


def one_epoch(X, labels, W, b):
    """Run an epoch of train_epoch in batches of 4, in order; return the probe and the loss."""
    probe = Probe(W, b).to(device).eval()
    loader = DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(labels)), batch_size=4)
    optimizer = torch.optim.SGD(probe.parameters(), lr=0.5)
    return probe, train_epoch(probe, loader, nn.NLLLoss(), optimizer)


tick.call(
    "epoch: the weights it ends with",
    lambda *task: [parameter.detach() for parameter in one_epoch(*task)[0].parameters()],
    cases=lambda rng: [draw_task(rng), draw_task(rng, 4)],
    tol=1e-3,
    marks=3,
    hint={
        "es": "En cada lote: zero_grad, pérdida, backward, step. ¿Falta alguno, o se acumulan los gradientes?",
        "en": "For each batch: zero_grad, loss, backward, step. Is one missing, or do gradients pile up?",
    },
)
tick.call(
    "epoch: the mean loss",
    lambda *task: float(one_epoch(*task)[1]),
    cases=lambda rng: [draw_task(rng), draw_task(rng, 9)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Media por imagen, no por lote: multiplica cada pérdida por el tamaño de su lote.",
        "en": "A mean over images, not over batches: multiply each loss by the size of its batch.",
    },
)
tick.call(
    "epoch: training mode",
    lambda *task: one_epoch(*task)[0].calls[-1],
    cases=lambda rng: [draw_task(rng)],
    marks=1,
    hint={
        "es": "La red puede llegarte en modo evaluación: model.train() al principio.",
        "en": "The network may come to you in evaluation mode: model.train() at the start.",
    },
)

# %% [markdown] exercise="evaluate" lang="es"
# Para evaluar: modo evaluación, sin gradientes, y quedarse con la clase más probable de cada imagen.

# %% [markdown] exercise="evaluate" lang="en"
# To evaluate: evaluation mode, no gradients, and keep the most likely class of each image.


# %% role="exercise" id="evaluate" title_es="Evaluar" title_en="Evaluate" difficulty=2 minutes=10
def evaluate(model, loader):
    """Return (predicted, truth), two NumPy arrays of classes of shape (N,).

    The model is put in evaluation mode and runs without gradients.
    """
    ### BEGIN SOLUTION
    model.eval()
    predicted, truth = [], []
    with torch.no_grad():
        for images, labels in loader:
            predicted.append(model(images.to(device)).argmax(dim=1).cpu())
            truth.append(labels)
    return torch.cat(predicted).numpy(), torch.cat(truth).numpy()
    ### END SOLUTION


# %% role="check" id="evaluate_check" points=3
def evaluated(X, labels, W, b):
    """Run evaluate on a probe with dropout, in batches of 4; return the probe and the answer."""
    probe = Probe(W, b, dropout=0.8).to(device).train()
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(labels))
    return probe, evaluate(probe, DataLoader(data, batch_size=4))


tick.call(
    "evaluate: classes",
    lambda *task: [np.asarray(part).tolist() for part in evaluated(*task)[1]],
    cases=lambda rng: [draw_task(rng), draw_task(rng, 30)],
    marks=2,
    hint={
        "es": "argmax sobre las clases (dim=1), todos los lotes, y model.eval() para apagar el dropout.",
        "en": "argmax over the classes (dim=1), all the batches, and model.eval() to switch dropout off.",
    },
)
tick.call(
    "evaluate: mode and gradients",
    lambda *task: evaluated(*task)[0].calls[-1],
    cases=lambda rng: [draw_task(rng)],
    marks=1,
    hint={
        "es": "¿model.eval(), y todo dentro de torch.no_grad()?",
        "en": "model.eval(), and everything inside torch.no_grad()?",
    },
)

# %% [markdown] lang="es"
# ## La red de partida
#
# Una capa oculta de 64 neuronas y `optim.SGD` a secas. Es la marca que tendrás que batir.

# %% [markdown] lang="en"
# ## The baseline
#
# One hidden layer of 64 units and plain `optim.SGD`. This is the mark to beat.


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
    optimizer = torch.optim.SGD(baseline.parameters(), lr=0.01)
    losses, accuracies = [], []
    for epoch in range(1, EPOCHS + 1):
        losses.append(train_epoch(baseline, train_loader, nn.NLLLoss(), optimizer))
        predicted, truth = evaluate(baseline, validation_loader)
        accuracies.append(float(np.mean(predicted == truth)))
        print(f"epoch {epoch:2d}  loss {losses[-1]:.3f}  validation accuracy {accuracies[-1]:.3f}")
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    plots.loss_curve(losses, ax=left)
    plots.curves(accuracies, ylabel="validation accuracy", ax=right)

# %% role="check" id="baseline_check" points=2 covers="mlp,train_epoch"
tick.predictions(
    "the baseline on new images",
    lambda images: classify(baseline, images),
    hidden=lambda rng: fresh_copies(rng, splits.test_images, splits.test_labels, count=1000),
    metric="accuracy",
    baseline=("always the same class", lambda images: np.zeros(len(images))),
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
# Resta a cada parámetro su gradiente (el que `backward` dejó en `.grad`) por la tasa de aprendizaje:
# lo mismo que `update`, pero modifica los parámetros en su sitio. La diferencia está en el gradiente:
# el de la primera parte usa todos los ejemplos; aquí es el de un lote sorteado, una estimación con
# ruido («stochastic») que cuesta mucho menos, así que se dan muchos más pasos por época. `momentum`
# acumula una media de gradientes anteriores y suaviza y acelera el avance; `weight_decay` añade al
# gradiente un múltiplo del peso y lo encoge hacia cero (L2).
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
    "raw scores": scores,
    "probabilities": scores.softmax(dim=1),
    "log-probabilities": scores.log_softmax(dim=1),
}.items():
    each = nn.NLLLoss(reduction="none")(output, labels)
    print(
        f"{name:<18} NLLLoss {each.mean():6.3f}   image by image {[round(v, 3) for v in each.tolist()]}"
    )

# %% [markdown] role="question" id="what_nll_is" points=4 lang="es"
# ¿Qué es `nn.NLLLoss` y por qué quiere log-probabilidades? Explica las tres líneas de arriba: ¿qué
# número de cada fila mira la pérdida, por qué dos de las tres son negativas, y qué pasaría al
# entrenar con cada una? ¿Qué relación tiene con `nn.CrossEntropyLoss`?
#
# ### BEGIN SOLUTION
# De cada fila toma el número de la clase verdadera, le cambia el signo y hace la media: no calcula
# ningún logaritmo. Si le damos log-probabilidades, eso es $-\log p_{y}$, la verosimilitud negativa:
# nunca es negativa, vale 0 solo con $p_y = 1$ y crece sin límite cuando la red está segura y se
# equivoca. Con probabilidades da $-p_y$, entre −1 y 0: apenas castiga el error seguro y su gradiente
# se desvanece justo ahí. Con puntuaciones sin normalizar no hay mínimo: basta con hacerlas crecer.
# El logaritmo además convierte productos de probabilidades en sumas y `log_softmax` lo calcula de
# forma estable. `CrossEntropyLoss` es `LogSoftmax` seguido de `NLLLoss`.
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
tick.call(
    "confusion matrix",
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
    "the most frequent confusion",
    lambda counts: [int(k) for k in most_confused(counts)],
    # different counts everywhere, so that there is one answer
    cases=lambda rng: [(rng.permutation(25).reshape(5, 5) + 100 * np.eye(5, dtype=int),)],
    marks=1,
    hint={
        "es": "La diagonal son aciertos: quítala antes de buscar el máximo, en una copia.",
        "en": "The diagonal are hits: remove it before looking for the maximum, in a copy.",
    },
)

# %% role="given"
with once_done():
    predicted = classify(baseline, splits.test_images)
    counts = count_confusions(splits.test_labels, predicted, n_classes)
    plots.confusion_matrix(splits.test_labels, predicted, classes=class_names)
    i, j = most_confused(counts)
    print(f"test accuracy of the baseline: {np.trace(counts) / counts.sum():.3f}")
    print(
        f"most frequent confusion: {class_names[i]} taken for {class_names[j]}, {counts[i, j]} times"
    )

# %% [markdown] lang="es"
# ## Tu turno: mejórala
#
# Ahora manda tu criterio. Entrena la mejor red que sepas **sin cambiar el presupuesto**: `EPOCHS`
# épocas de lotes de `BATCH`. Ideas, de menos a más trabajo:
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
# budget**: `EPOCHS` epochs of batches of `BATCH`. Ideas, from less to more work:
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
# nuestra solución. Hay tres escalones: una mejora clara, ir por buen camino y acercarse a ella.

# %% [markdown] exercise="improve" lang="en"
# Return the trained network. It must take images $(N, H, W)$ with pixels from 0 to 1 and give
# log-probabilities; if you normalise the inputs, do it inside the network. Choose by validation.
#
# What counts is **what you gain over the baseline** on new images, compared with what our solution
# gains. There are three steps: a clear improvement, well on the way, and close to the solution.


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

    model = nn.Sequential(
        nn.Flatten(),
        *block(n_inputs, 512),
        *block(512, 256),
        nn.Linear(256, n_classes),
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
        metrics={"accuracy": accuracy},
        scheduler=scheduler,
        schedule_each="step",
    )
    history.plot()
    return model
    ### END SOLUTION


# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    improved = improved_network(train_set, validation_set).to(device)

# %% [markdown] lang="es"
# Y ahora sí, la prueba.

# %% [markdown] lang="en"
# And now, the test.

# %% role="given"
with once_done():
    truth = splits.test_labels
    before, after = (classify(model, splits.test_images) for model in (baseline, improved))
    print(
        f"test accuracy: {np.mean(before == truth):.3f} the baseline, {np.mean(after == truth):.3f} yours"
    )
    plots.confusion_matrix(truth, after, classes=class_names)
    for said, chosen in (
        ("before", np.flatnonzero((before != truth) & (after == truth))[:8]),
        ("still", np.flatnonzero((before != truth) & (after != truth))[:8]),
    ):
        if len(chosen):
            answers = before if said == "before" else after
            titles = [f"{class_names[truth[i]]}\n{said}: {class_names[answers[i]]}" for i in chosen]
            plots.image_grid(splits.test_images[chosen], titles=titles)

# %% role="check" id="improve_check" points=9
tick.predictions(
    "improvement: clearly better than the baseline",
    lambda images: classify(improved, images),
    hidden=lambda rng: fresh_copies(rng, splits.test_images, splits.test_labels, count=2000),
    metric="accuracy",
    baseline=("the baseline network", lambda images: classify(baseline, images)),
    share=0.2,
    marks=3,
    hint={
        "es": "Empieza por el optimizador: con el mismo presupuesto, SGD a secas se queda a medio camino.",
        "en": "Begin with the optimiser: with the same budget, plain SGD only gets half of the way.",
    },
)
tick.predictions(
    "improvement: well on the way",
    lambda images: classify(improved, images),
    hidden=lambda rng: fresh_copies(rng, splits.test_images, splits.test_labels, count=2000),
    metric="accuracy",
    baseline=("the baseline network", lambda images: classify(baseline, images)),
    share=0.4,
    marks=3,
    hint={
        "es": "¿Sigue bajando la pérdida de entrenamiento al final? Entonces te sobra prudencia en la tasa.",
        "en": "Is the training loss still falling at the end? Then your learning rate is too cautious.",
    },
)
tick.predictions(
    "improvement: close to the solution",
    lambda images: classify(improved, images),
    hidden=lambda rng: fresh_copies(rng, splits.test_images, splits.test_labels, count=2000),
    metric="accuracy",
    baseline=("the baseline network", lambda images: classify(baseline, images)),
    share=0.7,
    marks=3,
    hint={
        "es": "Mira la distancia entre entrenamiento y validación: si es grande, regulariza; si no, ensancha.",
        "en": "Look at the gap between training and validation: if it is wide, regularise; if not, go wider.",
    },
)

# %% [markdown] role="question" id="what_improved" points=4 lang="es"
# ¿Qué cambios probaste y qué mejoró la red? Da los números (validación, y prueba al final) de al menos
# dos cambios por separado. Si alguno no ayudó, o nada lo hizo, explica por qué crees que fue.
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
# - Rumelhart, Hinton y Williams (1986). Learning representations by back-propagating errors.
#   *Nature* 323.
# - Glorot y Bengio (2010). Understanding the difficulty of training deep feedforward neural networks.
#   *AISTATS*.
# - He, Zhang, Ren y Sun (2015). [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852).
# - Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from overfitting.
#   *JMLR* 15.
# - Ioffe y Szegedy (2015). [Batch normalization](https://arxiv.org/abs/1502.03167).
# - Xiao, Rasul y Vollgraf (2017). [Fashion-MNIST](https://arxiv.org/abs/1708.07747).

# %% [markdown] lang="en"
# ## Further reading
#
# - Rumelhart, Hinton and Williams (1986). Learning representations by back-propagating errors.
#   *Nature* 323.
# - Glorot and Bengio (2010). Understanding the difficulty of training deep feedforward neural
#   networks. *AISTATS*.
# - He, Zhang, Ren and Sun (2015). [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852).
# - Srivastava et al. (2014). Dropout: a simple way to prevent neural networks from overfitting.
#   *JMLR* 15.
# - Ioffe and Szegedy (2015). [Batch normalization](https://arxiv.org/abs/1502.03167).
# - Xiao, Rasul and Vollgraf (2017). [Fashion-MNIST](https://arxiv.org/abs/1708.07747).

# %% role="given"
tick.summary()
