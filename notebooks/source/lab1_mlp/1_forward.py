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
# en su lugar los 1797 dígitos manuscritos de scikit-learn, cada uno tras un velo de manchas, y la
# primera parte pregunta si un dígito es par o impar. **Al corregir se usan esos datos pequeños**, así que no des por supuesto ningún
# tamaño: usa los nombres que ya están definidos (`n_inputs`, `EPOCHS`, …).
#
# En la primera parte, todas tus funciones reciben y devuelven arrays de NumPy.
#
# **Cómo se trabaja.** Ejecuta las celdas en orden, sustituye cada `raise NotImplementedError(...)`
# por tu código y ejecuta la comprobación que tiene debajo. Tus funciones se prueban con entradas
# sorteadas, y tus redes, con imágenes que no han visto. Una línea con ⏳ significa que esa celda
# está a la espera de un ejercicio anterior. En dos núcleos, el cuaderno completo tarda unos dos
# minutos.

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
# **The data** are the 70 000 photographs of Fashion-MNIST. With `LAB_PROFILE=quick` the notebook
# uses scikit-learn's 1797 handwritten digits instead, each behind a blotchy veil, and the first part
# asks whether a digit is even or odd. **Grading uses these small data**, so take no size for granted: use the names that
# are already defined (`n_inputs`, `EPOCHS`, …).
#
# In the first part all your functions take and return NumPy arrays.
#
# **How to work.** Run the cells in order, replace each `raise NotImplementedError(...)` with your
# code and run the check below it. Your functions are tried on inputs drawn at random, and your
# networks on images that they have not seen. A line with ⏳ means that the cell waits for an
# exercise above it. On two cores the whole notebook takes about two minutes.

# %% role="given"
from contextlib import contextmanager
from itertools import pairwise
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, Dataset, TensorDataset

from data import fashion_mnist, unseen_digits, veiled_digits
from utils import plots
from utils.device import pick_device, seed_everything
from utils.language import tr
from utils.profile import budget, run_seed
from utils.training import accuracy, fit
from utils.unfinished import once_done

seed_everything(run_seed())
splits = budget(full=fashion_mnist, quick=lambda: veiled_digits(run_seed()))()
class_names = splits.class_names
n_classes = len(class_names)
n_inputs = splits.train_images[0].size  # pixels of an image


examples_each = budget(full=4, quick=2)
examples = np.stack(
    [np.flatnonzero(splits.train_labels == k)[:examples_each] for k in range(n_classes)], axis=1
)
plots.image_grid(
    splits.train_images[examples.ravel()],  # a column for each class
    titles=[*class_names, *[""] * (examples.size - n_classes)],
    columns=n_classes,
)
plt.show()
height, width = splits.train_images.shape[1:]
print(
    tr(
        es=f"{len(splits.train_images)} imágenes de entrenamiento y {len(splits.test_images)} de prueba",
        en=f"{len(splits.train_images)} training and {len(splits.test_images)} test images",
    )
)
print(
    tr(
        es=f"{height}×{width} píxeles, de 0 (negro) a 255 (blanco)",
        en=f"{height}×{width} pixels, from 0 (black) to 255 (white)",
    )
)

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
pair_names = budget(
    full=(tr(es="jersey", en="pullover"), tr(es="abrigo", en="coat")),
    quick=(tr(es="par", en="even"), tr(es="impar", en="odd")),
)


def two_classes(images, labels, count=None):
    """Return the first images of the two classes and Y (m, 1), with 1.0 for the positive class."""
    chosen = np.flatnonzero(np.isin(labels, negative + positive))[:count]
    return images[chosen], np.isin(labels[chosen], positive).astype(float)[:, None]


def as_array(value, name):
    """Return the value if it is a NumPy array; say what it is if it is not."""
    if not isinstance(value, np.ndarray):
        kind = type(value).__name__
        raise TypeError(
            tr(
                es=f"{name} debe ser un array de NumPy, y es de tipo {kind}",
                en=f"{name} should be a NumPy array, and is of type {kind}",
            )
        )
    return value


def as_number(value):
    """Return the number that a float, or an array or tensor of one element, holds."""
    return np.asarray(value).item()


@contextmanager
def replaced(**names):
    """Let names of this notebook mean something else for a while."""
    before = {name: globals()[name] for name in names}
    globals().update(names)
    try:
        yield
    finally:
        globals().update(before)


pair_images, Y = two_classes(
    splits.train_images, splits.train_labels, count=budget(full=1000, quick=600)
)
pair_test_images, Y_test = two_classes(splits.test_images, splits.test_labels)
n_shown = budget(full=16, quick=8)
plots.image_grid(pair_images[:n_shown], titles=[pair_names[int(y)] for y in Y[:n_shown, 0]])
plt.show()
print(
    tr(
        es=f"{len(Y)} imágenes de entrenamiento ({pair_names[1]}: {100 * Y.mean():.0f} %) y {len(Y_test)} de prueba",
        en=f"{len(Y)} training images ({pair_names[1]}: {Y.mean():.0%}) and {len(Y_test)} test images",
    )
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


# %% role="check" id="prepare_check" points=1
tick.call(
    {"es": "prepare: una fila por imagen", "en": "prepare: one row an image"},
    lambda images: prepare(images),
    cases=lambda rng: [
        (rng.integers(0, 256, size=(3, 4, 5), dtype=np.uint8),),
        (rng.integers(0, 256, size=(1, 6, 2), dtype=np.uint8),),
        (rng.integers(0, 100, size=(2, 3, 3), dtype=np.uint8),),  # dark: no white to divide by
    ],
    marks=1,
    hint={
        "es": "¿Una fila por imagen, (m, H·W)? ¿Divides por el valor del blanco, 255, y no por el máximo de estas imágenes?",
        "en": "One row an image, (m, H·W)? Do you divide by the value of white, 255, not by the maximum of these images?",
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
    """Describe the weights of two layers, alike however they are drawn.

    The logarithm of their standard deviation, their mean in standard deviations, and the share
    that lies within one: 0.68 if they are normal.
    """
    weights = [as_array(W, "W") for W, _ in initialised([n, 300, 400], method, seed=n)]
    return [
        [np.log(W.std()), W.mean() / W.std(), np.mean(np.abs(W - W.mean()) < W.std())]
        for W in weights
    ]


tick.call(
    {"es": "initialise: formas", "en": "initialise: shapes"},
    lambda sizes: [
        [np.shape(W), np.shape(b)]
        for method in ("zeros", "small", "he")
        for W, b in initialised(sizes, method, seed=0)
    ],
    cases=lambda rng: [(rng.integers(2, 9, size=n).tolist(),) for n in (2, 4, 5)],
    marks=1,
    hint={
        "es": "W va de n_in entradas (filas) a n_out neuronas (columnas), y b tiene una sola dimensión: (n_out,).",
        "en": "W goes from n_in inputs (rows) to n_out units (columns), and b has one dimension: (n_out,).",
    },
)
tick.call(
    {
        "es": "initialise: dispersión de los pesos pequeños y de He",
        "en": "initialise: spread of small and He weights",
    },
    lambda n: [spread_of_weights(n, method) for method in ("small", "he")],
    cases=lambda rng: [(int(n),) for n in rng.integers(150, 900, size=2)],
    tol=0.05,
    marks=1,
    hint={
        "es": "Pesos normales de media cero. La desviación típica de He depende de las entradas de cada capa y lleva raíz cuadrada.",
        "en": "Normal weights with mean zero. The standard deviation of He depends on the inputs of each layer and has a square root.",
    },
)
tick.call(
    {"es": "initialise: lo que empieza a cero", "en": "initialise: what starts at zero"},
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
    {"es": "initialise: decide la semilla", "en": "initialise: the seed decides"},
    # for each seed, the first one that gives the same weights
    lambda seeds: [
        next(i for i, theta in enumerate(drawn) if np.array_equal(theta, other))
        for method in ("small", "he")
        for drawn in [[np.ravel(initialised([6, 5], method, seed)[0][0]) for seed in seeds]]
        for other in drawn
    ],
    cases=lambda rng: [(rng.integers(6, size=12).tolist(),)],
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


# %% role="check" id="linear_forward_check" points=1
tick.call(
    {"es": "paso lineal", "en": "linear step"},
    lambda A, W, b: as_array(linear_forward(A, W, b), "Z"),
    cases=lambda rng: [
        (rng.normal(size=(m, n_in)), rng.normal(size=(n_in, n_out)), rng.normal(size=n_out))
        for m, n_in, n_out in ((5, 3, 2), (1, 4, 4))
    ],
    marks=1,
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
    lambda Z: as_array(relu(Z), "relu(Z)"),
    cases=lambda rng: [(rng.normal(size=(4, 3)),), (np.array([-2.0, 0.0, 3.0, 40.0]),)],
    marks=1,
    hint={
        "es": "Los negativos pasan a cero y lo demás queda como está, sin tocar la entrada.",
        "en": "Negatives become zero and the rest stays as it is; leave the input untouched.",
    },
)
tick.call(
    {"es": "sigmoide", "en": "sigmoid"},
    lambda Z: as_array(sigmoid(Z), "sigmoid(Z)"),
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
    plots.curves(
        {"ReLU": relu(z), tr(es="sigmoide", en="sigmoid"): sigmoid(z)},
        x=z,
        xlabel="z",
        ylabel=tr(es="activación", en="activation"),
    )
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
    {"es": "forward: una sola capa", "en": "forward: a single layer"},
    lambda X, params: forward(X, params)[0],
    cases=lambda rng: [(rng.normal(size=(12, 3)), draw_network(rng, [3, 1]))],
    marks=1,
    hint={
        "es": "Con una capa no hay ReLU: lineal y sigmoide.",
        "en": "With one layer there is no ReLU: linear and sigmoid.",
    },
)
tick.call(
    {"es": "forward: varias capas", "en": "forward: several layers"},
    lambda X, params: as_array(forward(X, params)[0], "A"),
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
    {"es": "forward: cachés", "en": "forward: caches"},
    lambda X, params: [[A_prev, Z] for A_prev, Z in forward(X, params)[1]],
    cases=lambda rng: [(rng.normal(size=(6, 4)), draw_network(rng, [4, 5, 3, 1]))],
    marks=1,
    hint={
        "es": "Una pareja por capa: la entrada de la capa y Z antes de la activación.",
        "en": "One pair a layer: what entered the layer, and Z before the activation.",
    },
)

# %% [markdown] exercise="cost" lang="es"
# ¿Cuánto se equivoca la red? La entropía cruzada binaria castiga equivocarse con seguridad:
#
# $$J = -\frac{1}{m} \sum_{i=1}^{m} \Big[ y_i \log a_i + (1 - y_i) \log (1 - a_i) \Big]$$
#
# Cuidado con los extremos: si $a_i$ llega a ser exactamente 0 o 1 aparece $\log 0$. Recorta antes
# las probabilidades a $[\varepsilon, 1 - \varepsilon]$ con un $\varepsilon$ diminuto, como
# $10^{-12}$.

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
    {"es": "coste de unas predicciones", "en": "cost of some predictions"},
    lambda A, Y: as_number(cost(A, Y)),
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
    {"es": "coste de predicciones totalmente seguras", "en": "cost of certain predictions"},
    # sure and right costs nothing; sure and wrong costs much, but not infinity
    lambda sure, A, Y: (
        as_number(cost(np.where(sure, Y, A), Y)) if 5 < cost(1 - Y, Y) < 1000 else np.inf
    ),
    cases=lambda rng: [
        (
            np.arange(8)[:, None] < 4,
            rng.uniform(0.1, 0.9, size=(8, 1)),
            np.arange(8.0)[:, None] % 2,  # of both labels some are sure and some are not
        )
    ],
    tol=1e-5,
    marks=1,
    hint={
        "es": "¿Qué sale de 0·log(0)? Recorta las probabilidades antes del logaritmo, y muy poco.",
        "en": "What is 0·log(0)? Clip the probabilities before the logarithm, and only a little.",
    },
)
