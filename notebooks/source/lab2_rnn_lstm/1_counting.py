# %% [markdown] lang="es"
# ## Contar con memoria
#
# Una red corriente mira cada entrada como si fuera la primera del mundo. Una red **recurrente**
# lleva un cuaderno de notas, el *estado oculto*, que relee y corrige con cada palabra que llega.
# Hoy construyes una desde cero, descubres por qué se le olvidan las cosas, la cambias por una
# LSTM y acabas prediciendo algo de verdad: cuántos pasajeros volarán dentro de dos años.
#
# | | Parte | Al terminar tendrás |
# |---|---|---|
# | 1 | Una RNN en NumPy | una red que sabe contar, con sus gradientes escritos por ti |
# | 2 | Una LSTM en NumPy | otra con memoria a largo plazo, idéntica a la de PyTorch |
# | 3 | `nn.LSTM` | lo mismo en veinte líneas, y dónde falla |
# | 4 | Una serie real | un pronóstico en pasajeros, mejor que repetir el año anterior |
#
# **Cómo se trabaja.** Ejecuta las celdas en orden. En cada ejercicio sustituye la línea
# `raise NotImplementedError(...)` por tu código y ejecuta la comprobación de debajo: tus funciones
# se prueban con entradas sorteadas y tus modelos con secuencias que no han visto, así que no hay
# ningún resultado que memorizar. Cada ejercicio puntúa por su cuenta: si uno se te atraganta,
# sigue. Una línea con ⏳ dice qué ejercicio está esperando esa celda. El laboratorio entero se
# ejecuta en menos de un minuto, sin GPU.

# %% [markdown] lang="en"
# ## Counting with a memory
#
# An ordinary network looks at every input as if it were the first in the world. A **recurrent**
# network keeps a notebook, its *hidden state*, which it rereads and amends with every word that
# arrives. Today you build one from scratch, find out why it forgets, trade it for an LSTM, and end
# up predicting something real: how many passengers will fly two years from now.
#
# | | Part | At the end you have |
# |---|---|---|
# | 1 | An RNN in NumPy | a network that can count, with gradients written by you |
# | 2 | An LSTM in NumPy | another with a long memory, identical to PyTorch's |
# | 3 | `nn.LSTM` | the same in twenty lines, and where it fails |
# | 4 | A real series | a forecast in passengers, better than repeating last year |
#
# **How to work.** Run the cells in order. In each exercise replace the line
# `raise NotImplementedError(...)` with your code and run the check below it: your functions are
# tried on inputs drawn at random and your models on sequences they have not seen, so there is no
# result to memorise. Every exercise is marked on its own: if one resists, go on. A line with ⏳
# says which exercise that cell is waiting for. The whole lab runs in less than a minute, without a
# GPU.

# %% role="given"
import time
import warnings
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import FancyBboxPatch
from torch import nn

from data.loaders import airline
from data.synthetic import anbn, seasonal_series
from utils import plots
from utils.profile import budget, run_seed

# The models of this lab are tiny: sharing so little work among several threads costs more than
# the work itself, so PyTorch gets one.
torch.set_num_threads(1)


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise or a result that it needs is not there."""
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"⏳ {error}")


class Models(dict):
    """The trained models by name; a missing one waits for an exercise."""

    def __missing__(self, name):
        raise NotImplementedError(f"the {name} is not trained yet")


models, histories = Models(), Models()

# %% [markdown] lang="es"
# ## 1. Una RNN en NumPy
#
# Nuestro idioma tiene tres palabras y una sola regla: $a^n b^n$, es decir, unas cuantas `a`, otras
# tantas `b` y `EOS` (*end of sequence*), el punto final. La tarea es la de cualquier modelo de
# lenguaje: leer una palabra y predecir la siguiente.
#
# Parece un juego, pero tiene miga. Mientras lee `a`, la red no puede saber cuándo parar: es una
# lotería. Desde la primera `b`, en cambio, **todo está determinado**, siempre que haya contado
# las `a` sin que nadie se lo pidiera. Así que sabemos qué es acertar y qué es tener suerte, algo
# que casi nunca ocurre con un idioma de verdad.

# %% [markdown] lang="en"
# ## 1. An RNN in NumPy
#
# Our language has three words and one rule: $a^n b^n$, that is, some `a`, as many `b`, and `EOS`
# (*end of sequence*), the full stop. The task is that of any language model: read a word and
# predict the next.
#
# It looks like a game, but there is a catch. While it reads `a`, the network cannot know when to
# stop: it is a lottery. From the first `b` on, though, **everything is determined**, provided it
# has counted the `a` without being asked to. So we know what is skill and what is luck, which
# hardly ever happens with a real language.

# %% role="given"
MAX_N = 10  # training sequences have up to this many a
sequences = anbn(np.random.default_rng(run_seed()), count=budget(full=320, quick=200), max_n=MAX_N)
for tokens in sequences[:3]:
    print(" ".join(tokens))

# %% [markdown] exercise="vocabulary" lang="es"
# **De palabras a números.** Una red solo entiende números: cada palabra necesita uno, y el camino
# de vuelta. Da el 0 a `UNK` (*unknown*), el comodín de las palabras que nunca hemos visto, y numera
# las demás por orden alfabético, para que el resultado no dependa de la frase que llegó primero.

# %% [markdown] exercise="vocabulary" lang="en"
# **From words to numbers.** A network only understands numbers: each word needs one, and the way
# back. Give 0 to `UNK` (*unknown*), which stands in for words never seen, and number the others in
# alphabetical order, so that the result does not depend on which sentence came first.


# %% role="exercise" id="vocabulary" title_es="Diccionarios" title_en="Dictionaries" difficulty=1 minutes=6
def build_dictionaries(sequences: list[list[str]]) -> tuple[dict[str, int], dict[int, str]]:
    """Return the id of each token ("UNK" is 0, the others follow sorted), and the way back."""
    ### BEGIN SOLUTION
    tokens = ["UNK", *sorted({token for sequence in sequences for token in sequence})]
    return {token: i for i, token in enumerate(tokens)}, dict(enumerate(tokens))
    ### END SOLUTION


def encode(tokens: list[str], token_to_id: dict[str, int]) -> np.ndarray:
    """Return the ids of the tokens, shape (T,); a token without an id gets that of "UNK"."""
    ### BEGIN SOLUTION
    unknown = token_to_id["UNK"]
    return np.array([token_to_id.get(token, unknown) for token in tokens], dtype=int)
    ### END SOLUTION


# %% role="check" id="vocabulary_check" points=2
def drawn_tokens(rng, letters):
    """Draw three sequences of letters."""
    return [rng.choice(list(letters), size=size).tolist() for size in (6, 4, 9)]


tick.call(
    "dictionaries",
    lambda sequences: build_dictionaries(sequences),
    cases=lambda rng: [(drawn_tokens(rng, "zxyw"),), (drawn_tokens(rng, "qbh"),)],
    marks=1,
    hint={
        "es": "Devuelve dos diccionarios. ¿Está UNK en el 0? ¿Y las demás, una vez cada una, ordenadas?",
        "en": "Return two dictionaries. Is UNK at 0? And the others, once each, sorted?",
    },
)
tick.call(
    "encoding with UNK",
    lambda tokens, ids: encode(tokens, ids),
    cases=lambda rng: [
        (rng.choice(list("abcde"), size=12).tolist(), {"UNK": 0, "b": 1, "d": 2}),
        (rng.choice(list("xyz"), size=5).tolist(), {"UNK": 3, "x": 0, "y": 1, "z": 2}),
    ],
    marks=1,
    hint={
        "es": "Una palabra que no está en el diccionario no es un error: dict.get admite un valor por defecto.",
        "en": "A word that is not in the dictionary is no error: dict.get takes a default.",
    },
)

# %% [markdown] exercise="split" lang="es"
# **Repartir los datos.** 80 % para aprender, 10 % (validación) para tomar decisiones y 10 %
# (prueba) que no se toca hasta el final. Baraja antes con `rng`: si los datos venían ordenados, sin
# barajar la red se examinaría de un tema que no ha visto. Si los porcentajes no son exactos,
# redondea hacia abajo los dos primeros y deja el resto a la prueba.

# %% [markdown] exercise="split" lang="en"
# **Sharing out the data.** 80% to learn from, 10% (validation) to take decisions with, and 10%
# (test) that is not touched until the end. Shuffle first with `rng`: if the data came in order,
# without shuffling the network would be examined on a topic it has not seen. Where the percentages
# are not exact, round the first two down and leave the rest to the test.


# %% role="exercise" id="split" title_es="Entrenar, validar, probar" title_en="Train, validate, test" difficulty=1 minutes=5
def split(items: list, rng: np.random.Generator) -> tuple[list, list, list]:
    """Return the items, shuffled by ``rng``, as 80% training, 10% validation and 10% test."""
    ### BEGIN SOLUTION
    order = rng.permutation(len(items))
    shuffled = [items[i] for i in order]
    first = len(items) * 8 // 10
    second = first + len(items) // 10
    return shuffled[:first], shuffled[first:second], shuffled[second:]
    ### END SOLUTION


# %% role="check" id="split_check" points=2
def facts_of_split(count):
    """Return the sizes, and whether nothing is lost, the order is new, and the rng decides it."""
    items = list(range(count))
    parts = split(items, np.random.default_rng(count))
    again = split(items, np.random.default_rng(count))
    together = [item for part in parts for item in part]
    return {
        "sizes": [len(part) for part in parts],
        "nothing lost": sorted(together) == items,
        "shuffled": together != items,
        "rng decides": [list(part) for part in parts] == [list(part) for part in again],
    }


tick.call(
    "three parts",
    lambda count: facts_of_split(count),
    cases=lambda rng: [(100,), (int(rng.integers(41, 49)),), (int(rng.integers(200, 300)),)],
    marks=2,
    hint={
        "es": "¿Suman las tres partes todos los datos, sin repetir? ¿Barajas con el rng recibido y no con otro?",
        "en": "Do the three parts add up to all the data, without repeats? Do you shuffle with the given rng?",
    },
)

# %% [markdown] exercise="pairs" lang="es"
# **Qué se lee y qué se predice.** En cada paso la red lee una palabra y debe decir **la
# siguiente**. De `a a b b EOS` salen las entradas `a a b b` y los objetivos `a b b EOS`. Y como un
# número no es una cantidad (`b` no es «más» que `a`), cada entrada se convierte en un vector
# *one-hot*: todo ceros menos un 1 en su posición.

# %% [markdown] exercise="pairs" lang="en"
# **What is read and what is predicted.** At every step the network reads a word and has to say
# **the next one**. From `a a b b EOS` come the inputs `a a b b` and the targets `a b b EOS`. And
# since an id is not an amount (`b` is not “more” than `a`), every input becomes a *one-hot* vector:
# all zeros but for a 1 in its place.


# %% role="exercise" id="pairs" title_es="Entradas y objetivos" title_en="Inputs and targets" difficulty=1 minutes=5
def inputs_and_targets(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is read and what is to be predicted, both of shape (T,), from T + 1 ids."""
    ### BEGIN SOLUTION
    return ids[:-1], ids[1:]
    ### END SOLUTION


def one_hot(ids: np.ndarray, size: int) -> np.ndarray:
    """Return one-hot vectors, shape (..., size), of ids of any shape (...)."""
    ### BEGIN SOLUTION
    return np.eye(size)[ids]
    ### END SOLUTION


# %% role="check" id="pairs_check" points=3
tick.call(
    "inputs and targets",
    lambda ids: inputs_and_targets(ids),
    cases=lambda rng: [(rng.integers(0, 9, size=size),) for size in (2, 7, 12)],
    marks=2,
    hint={
        "es": "El objetivo de cada posición es la palabra que viene después. ¿Tienen los dos la misma longitud?",
        "en": "The target at each position is the word that comes after. Are both of the same length?",
    },
)
tick.call(
    "one-hot vectors",
    lambda ids, size: one_hot(ids, size),
    cases=lambda rng: [
        (rng.integers(0, 5, size=7), 5),
        (rng.integers(0, 4, size=(3, 6)), 6),
    ],
    marks=1,
    hint={
        "es": "Las filas de np.eye(size) ya son los vectores que buscas. ¿Vale también para una matriz de ids?",
        "en": "The rows of np.eye(size) are the vectors you want. Does it work for a matrix of ids, too?",
    },
)


# %% role="given"
def require_sequence(tokens, token_to_id, least=2):
    """Raise if a sequence is too short to be used; warn of tokens that will be read as UNK."""
    if len(tokens) < least:
        why = "one to read and one to predict" if least == 2 else "something to go on from"
        raise ValueError(
            f"the sequence {list(tokens)} has length {len(tokens)}; expected {least} or more "
            f"({why}). Leave it out."
        )
    unknown = sorted(set(tokens) - set(token_to_id))
    if unknown:
        warnings.warn(
            f"{', '.join(unknown)} not in the vocabulary ({', '.join(token_to_id)}): read as UNK, "
            "of which the network has learned nothing. Check the spelling or rebuild the "
            "vocabulary.",
            stacklevel=2,
        )


def prepare(tokens, token_to_id):
    """Return the one-hot inputs (T, V) and the targets (T,) of a sequence of T + 1 tokens."""
    require_sequence(tokens, token_to_id)
    inputs, targets = inputs_and_targets(encode(tokens, token_to_id))
    return one_hot(inputs, len(token_to_id)), targets


with once_done():
    token_to_id, id_to_token = build_dictionaries(sequences)
    VOCABULARY = len(token_to_id)
    train_set, validation_set, test_set = split(sequences, np.random.default_rng(run_seed()))
    print(token_to_id)
    print(f"{len(train_set)} training, {len(validation_set)} validation, {len(test_set)} test")

# %% [markdown] exercise="orthogonal" lang="es"
# **Por dónde empezar.** El estado pasa por la misma matriz $W_{hh}$ una vez por palabra: tras
# veinte palabras el gradiente ha sido multiplicado por ella veinte veces. Si la matriz encoge los
# vectores, se desvanece; si los estira, explota. Una matriz **ortogonal** ($Q^\top Q = I$) no hace
# ni lo uno ni lo otro: solo gira. Por eso es un buen punto de partida (Saxe et al., 2014).
#
# Para obtenerla, factoriza $G = QR$ (`np.linalg.qr`), donde $G$ tiene entradas normales de `rng`,
# y multiplica cada columna de $Q$ por el signo de su elemento en la diagonal de $R$; sin ese
# último detalle unas rotaciones saldrían más que otras.

# %% [markdown] exercise="orthogonal" lang="en"
# **Where to start.** The state goes through the same matrix $W_{hh}$ once for every word: after
# twenty words the gradient has been multiplied by it twenty times. If the matrix shrinks vectors,
# the gradient vanishes; if it stretches them, it explodes. An **orthogonal** matrix ($Q^\top Q =
# I$) does neither: it only turns. That makes it a good place to start (Saxe et al., 2014).
#
# To get one, factorise $G = QR$ (`np.linalg.qr`), where $G$ has normal entries from `rng`, and
# multiply each column of $Q$ by the sign of its element on the diagonal of $R$; without that last
# detail some rotations would come up more often than others.


# %% role="exercise" id="orthogonal" title_es="Inicialización ortogonal" title_en="Orthogonal initialisation" difficulty=2 minutes=6
def orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random orthogonal matrix, shape (size, size)."""
    ### BEGIN SOLUTION
    Q, R = np.linalg.qr(rng.normal(size=(size, size)))
    return Q * np.sign(np.diag(R))
    ### END SOLUTION


# %% role="check" id="orthogonal_check" points=2
def facts_of_orthogonal(size, seed):
    """Return QᵀQ, and whether the seed, and nothing else, decides what Q is."""
    Q, again, other = (orthogonal(size, np.random.default_rng(s)) for s in (seed, seed, seed + 1))
    return Q.T @ Q, np.array_equal(Q, again), not np.allclose(Q, other)


tick.call(
    "turns without stretching",
    lambda size, seed: facts_of_orthogonal(size, seed),
    cases=lambda rng: [(size, int(rng.integers(10**6))) for size in (2, 5, 24)],
    marks=2,
    tol=1e-6,
    hint={
        "es": "Q.T @ Q debe ser la identidad, y el sorteo debe venir solo del rng recibido: mismo generador, misma Q.",
        "en": "Q.T @ Q must be the identity, and the draw must come from the given rng alone: same generator, same Q.",
    },
)

# %% [markdown] exercise="stable" lang="es"
# **Tres funciones a prueba de números grandes.** $$\sigma(x) = \frac{1}{1+e^{-x}} \qquad \tanh(x) =
# 2\,\sigma(2x) - 1 \qquad \mathrm{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$
#
# Copiadas tal cual, $e^{1000}$ desborda y la red se llena de `nan`. El remedio es no calcular
# nunca la exponencial de un número positivo: para la sigmoide, $e^{-|x|}$ y dos casos; para la
# softmax, resta antes el máximo (numerador y denominador se dividen por lo mismo y el resultado
# no cambia). Nuestra comprobación convierte cualquier desbordamiento en un error.

# %% [markdown] exercise="stable" lang="en"
# **Three functions that stand large numbers.** $$\sigma(x) = \frac{1}{1+e^{-x}} \qquad \tanh(x) =
# 2\,\sigma(2x) - 1 \qquad \mathrm{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$
#
# Copied as they stand, $e^{1000}$ overflows and the network fills with `nan`. The cure is never to
# take the exponential of a positive number: for the sigmoid, $e^{-|x|}$ and two cases; for the
# softmax, subtract the maximum first (numerator and denominator are divided by the same, and the
# result does not change). Our check turns any overflow into an error.


# %% role="exercise" id="stable" title_es="Sigmoide, tanh y softmax estables" title_en="Stable sigmoid, tanh and softmax" difficulty=2 minutes=10
def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return the logistic function of each element."""
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
    ### END SOLUTION


def tanh(x: np.ndarray) -> np.ndarray:
    """Return the hyperbolic tangent of each element."""
    ### BEGIN SOLUTION
    return np.tanh(x)
    ### END SOLUTION


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the softmax along the last axis, shape (..., V) as x."""
    ### BEGIN SOLUTION
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
    ### END SOLUTION


# %% role="check" id="stable_check" points=4
def strictly(function, x):
    """Call the function with overflows and invalid operations as errors."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        return function(x)


tick.call(
    "sigmoid",
    lambda x: strictly(sigmoid, x),
    cases=lambda rng: [(rng.normal(size=(3, 4)),), (rng.uniform(-2000, 2000, size=20),)],
    marks=1,
    hint={
        "es": "Si el error es FloatingPointError, alguna exponencial recibe un número grande y positivo.",
        "en": "If the error is FloatingPointError, some exponential is given a large positive number.",
    },
)
tick.call(
    "tanh",
    lambda x: strictly(tanh, x),
    cases=lambda rng: [(rng.normal(size=(3, 4)),), (rng.uniform(-2000, 2000, size=20),)],
    marks=1,
    hint={
        "es": "Con una sigmoide estable, 2σ(2x) − 1 también lo es; NumPy tiene además la suya.",
        "en": "With a stable sigmoid, 2σ(2x) − 1 is stable, too; and NumPy has one of its own.",
    },
)
tick.call(
    "softmax",
    lambda x: strictly(softmax, x),
    cases=lambda rng: [
        (rng.normal(size=5),),
        (rng.normal(size=(2, 3, 4)),),
        (rng.uniform(-2000, 2000, size=(4, 6)),),
    ],
    marks=2,
    hint={
        "es": "¿Sumas por el último eje con keepdims=True? ¿Restas el máximo de cada fila y no el de todo?",
        "en": "Do you add along the last axis with keepdims=True? Do you subtract each row's own maximum?",
    },
)

# %% [markdown] lang="es"
# ### La célula
#
# Es la misma célula, con los mismos pesos, en cada paso; a la derecha la vemos desenrollada en el
# tiempo. Esa flecha horizontal es toda la memoria que tiene.

# %% [markdown] lang="en"
# ### The cell
#
# It is the same cell, with the same weights, at every step; on the right we see it unrolled in
# time. That horizontal arrow is all the memory it has.


# %% role="given"
def box(ax, x, y, text, colour=0, width=0.9, height=0.55):
    """Draw a labelled box centred at (x, y)."""
    ax.text(x, y, text, ha="center", va="center", color=plots.BACKGROUND, zorder=4)
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(
        FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=plots.COLOURS[colour], edgecolor="none", zorder=3,
        )
    )  # fmt: skip


def arrow(ax, *points, head=True):
    """Draw a line through the points that ends in an arrow."""
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=plots.TEXT, linewidth=1.3, zorder=1)
    if head:
        ax.annotate(
            "", points[-1], points[-2], zorder=2,
            arrowprops={"arrowstyle": "-|>", "color": plots.TEXT, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip


def blank(ax, width, height):
    """Make an empty canvas whose units are square."""
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")


def draw_rnn(ax):
    """Draw an RNN's cell, and the same cell unrolled over three steps."""
    blank(ax, 12.4, 3.6)
    box(ax, 2.0, 1.8, "tanh", width=1.2)
    arrow(ax, (2.0, 0.5), (2.0, 1.52))
    arrow(ax, (2.0, 2.08), (2.0, 3.1))
    arrow(ax, (2.6, 1.8), (3.3, 1.8), (3.3, 2.6), (0.7, 2.6), (0.7, 1.8), (1.4, 1.8))
    for x, y, text in [(2.0, 0.25, "$x_t$"), (2.0, 3.35, "$y_t$"), (0.35, 2.2, "$h_{t-1}$"),
                       (3.6, 2.2, "$h_t$"), (2.3, 1.0, "$W_{xh}$"), (1.1, 1.5, "$W_{hh}$"),
                       (2.35, 2.35, "$W_{hy}$")]:  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=11)
    ax.text(4.55, 1.8, "=", ha="center", va="center", fontsize=20)
    arrow(ax, (5.1, 1.8), (5.9, 1.8))
    ax.text(5.3, 2.08, "$h_0$", ha="center", fontsize=11)
    for step, (read, said) in enumerate([("a", "a"), ("a", "b"), ("b", "b")], start=1):
        x = 4.3 + 2.2 * step
        box(ax, x, 1.8, "tanh", width=1.2)
        arrow(ax, (x, 0.5), (x, 1.52))
        arrow(ax, (x, 2.08), (x, 3.1))
        arrow(ax, (x + 0.6, 1.8), (x + 1.6 if step < 3 else x + 1.3, 1.8))
        ax.text(x + 1.0, 2.08, f"$h_{step}$", ha="center", fontsize=11)
        ax.text(x, 0.25, f"$x_{step}$ = {read}", ha="center", va="center", fontsize=11)
        ax.text(x, 3.35, f"$y_{step}$: {said}?", ha="center", va="center", fontsize=11)


with plots.style():
    draw_rnn(plt.subplots(figsize=(9.5, 2.9), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="forward" lang="es"
# $$h_t = \tanh(W_{xh}\,x_t + W_{hh}\,h_{t-1} + b_h) \qquad z_t = W_{hy}\,h_t + b_y
# \qquad y_t = \mathrm{softmax}(z_t)$$
#
# con $h_0 = 0$. Los pesos viajan en un diccionario y tienen las formas de PyTorch, (salida,
# entrada): como aquí los vectores son filas, $W x$ se escribe `x @ W.T`. Devuelve los estados y
# los $z_t$ (*logits*); la softmax llegará con la pérdida.

# %% [markdown] exercise="forward" lang="en"
# $$h_t = \tanh(W_{xh}\,x_t + W_{hh}\,h_{t-1} + b_h) \qquad z_t = W_{hy}\,h_t + b_y
# \qquad y_t = \mathrm{softmax}(z_t)$$
#
# with $h_0 = 0$. The weights travel in a dictionary and have PyTorch's shapes, (output, input):
# since our vectors are rows, $W x$ is written `x @ W.T`. Return the states and the $z_t$
# (*logits*); the softmax comes with the loss.


# %% role="exercise" id="forward" title_es="Hacia delante" title_en="Forward" difficulty=2 minutes=12
def forward(params: dict, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden states, shape (T, H), and the logits, shape (T, V), of an RNN.

    ``inputs`` is (T, V); ``params`` holds W_xh (H, V), W_hh (H, H), b_h (H,), W_hy (V, H) and
    b_y (V,).
    """
    ### BEGIN SOLUTION
    h = np.zeros(len(params["b_h"]))
    hiddens = []
    for x in inputs:
        h = tanh(x @ params["W_xh"].T + h @ params["W_hh"].T + params["b_h"])
        hiddens.append(h)
    hiddens = np.array(hiddens)  # (T, H)
    return hiddens, hiddens @ params["W_hy"].T + params["b_y"]
    ### END SOLUTION


# %% role="check" id="forward_check" points=3
def drawn_rnn(rng, hidden, vocabulary):
    """Draw the weights of an RNN."""
    shapes = {
        "W_xh": (hidden, vocabulary),
        "W_hh": (hidden, hidden),
        "b_h": (hidden,),
        "W_hy": (vocabulary, hidden),
        "b_y": (vocabulary,),
    }
    return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}


tick.call(
    "forward pass",
    lambda params, inputs: forward(params, inputs),
    cases=lambda rng: [
        (drawn_rnn(rng, hidden, 4), np.eye(4)[rng.integers(0, 4, size=steps)])
        for hidden, steps in [(3, 1), (5, 6), (2, 12)]
    ],
    marks=3,
    hint={
        "es": "Si solo acierta con T = 1, el fallo está en lo que pasa de un paso al siguiente: ¿h @ W_hh.T, traspuesta?",
        "en": "If only T = 1 is right, the fault is in what goes from one step to the next: is it h @ W_hh.T, transposed?",
    },
)

# %% [markdown] exercise="loss" lang="es"
# **La pérdida y su gradiente.** La **entropía cruzada** de un paso es $-\ln y_t[\text{objetivo}]$:
# los *nats* de sorpresa al ver la palabra que de verdad venía. Calcúlala con
# $\ln\mathrm{softmax}(z)_i = z_i - \max z - \ln\sum_j e^{z_j - \max z}$; el logaritmo de una
# probabilidad que se ha redondeado a cero sería infinito.
#
# Su gradiente respecto a los logits es de una sencillez sospechosa: $y_t - \text{onehot}(\text{objetivo})$,
# lo que la red dijo menos lo que debía decir.

# %% [markdown] exercise="loss" lang="en"
# **The loss and its gradient.** The **cross-entropy** of a step is $-\ln y_t[\text{target}]$: the
# *nats* of surprise on seeing the word that really came. Compute it with $\ln\mathrm{softmax}(z)_i
# = z_i - \max z - \ln\sum_j e^{z_j - \max z}$; the logarithm of a probability that was rounded to
# zero would be infinite.
#
# Its gradient with respect to the logits is suspiciously simple: $y_t - \text{onehot}(\text{target})$,
# what the network said minus what it should have said.


# %% role="exercise" id="loss" title_es="Sorpresa" title_en="Surprise" difficulty=2 minutes=8
def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the nats at each position, shape (...), of logits (..., V) and targets (...)."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_shares = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -np.take_along_axis(log_shares, targets[..., None], axis=-1)[..., 0]
    ### END SOLUTION


def output_gradient(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the gradient of the nats with respect to the logits, shape (..., V)."""
    ### BEGIN SOLUTION
    return softmax(logits) - one_hot(targets, logits.shape[-1])
    ### END SOLUTION


# %% role="check" id="loss_check" points=3
tick.call(
    "cross-entropy",
    lambda logits, targets: strictly(lambda z: cross_entropy(z, targets), logits),
    cases=lambda rng: [
        (scale * rng.normal(size=(*shape, 4)), rng.integers(0, 4, size=shape))
        for shape, scale in [((6,), 1), ((3, 5), 1), ((8,), 900)]
    ],
    marks=2,
    hint={
        "es": "Un número por posición, sin sumar todavía, y en nats (np.log). ¿Calculas el logaritmo sin pasar por la softmax?",
        "en": "One number for each position, not added up yet, in nats (np.log). Do you take the logarithm without going through softmax?",
    },
)
tick.call(
    "gradient of the logits",
    lambda logits, targets: output_gradient(logits, targets),
    cases=lambda rng: [
        (rng.normal(size=(*shape, 5)), rng.integers(0, 5, size=shape)) for shape in [(4,), (3, 2)]
    ],
    marks=1,
    hint={
        "es": "Cada fila debe sumar cero, y su único número negativo está en el objetivo.",
        "en": "Each row must add up to zero, and its only negative number is at the target.",
    },
)

# %% [markdown] exercise="backward" lang="es"
# **Hacia atrás en el tiempo.** *Backpropagation through time*: el desenrollado es una red profunda
# cuyas capas comparten pesos, así que los gradientes de todos los pasos **se suman**. Recorre la
# secuencia del final al principio. El estado $h_t$ influye en la pérdida por dos caminos, la salida
# de su paso y el estado siguiente:
#
# $$\delta h_t = W_{hy}^\top\,\delta z_t + W_{hh}^\top\,\delta a_{t+1} \qquad
# \delta a_t = \delta h_t \odot (1 - h_t^2)$$
#
# donde $a_t$ es lo que entra en la tanh y $\delta a_{T+1} = 0$. Y con eso,
#
# $$\nabla W_{hy} = \sum_t \delta z_t\,h_t^\top \quad \nabla b_y = \sum_t \delta z_t \quad
# \nabla W_{xh} = \sum_t \delta a_t\,x_t^\top \quad \nabla W_{hh} = \sum_t \delta a_t\,h_{t-1}^\top
# \quad \nabla b_h = \sum_t \delta a_t$$
#
# Usa los estados que recibes: no hace falta volver a calcularlos.

# %% [markdown] exercise="backward" lang="en"
# **Back through time.** *Backpropagation through time*: unrolled, this is a deep network whose
# layers share their weights, so the gradients of all steps **add up**. Walk through the sequence
# from its end to its beginning. The state $h_t$ acts on the loss in two ways, through the output of
# its step and through the next state:
#
# $$\delta h_t = W_{hy}^\top\,\delta z_t + W_{hh}^\top\,\delta a_{t+1} \qquad
# \delta a_t = \delta h_t \odot (1 - h_t^2)$$
#
# where $a_t$ is what enters the tanh and $\delta a_{T+1} = 0$. And with that,
#
# $$\nabla W_{hy} = \sum_t \delta z_t\,h_t^\top \quad \nabla b_y = \sum_t \delta z_t \quad
# \nabla W_{xh} = \sum_t \delta a_t\,x_t^\top \quad \nabla W_{hh} = \sum_t \delta a_t\,h_{t-1}^\top
# \quad \nabla b_h = \sum_t \delta a_t$$
#
# Use the states that you are given: there is no need to compute them again.


# %% role="exercise" id="backward" title_es="Retropropagación en el tiempo" title_en="Backpropagation through time" difficulty=3 minutes=25
def backward(
    params: dict, inputs: np.ndarray, hiddens: np.ndarray, d_logits: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the gradient of each parameter, by its name, summed over the steps.

    ``inputs`` is (T, V), ``hiddens`` (T, H) and ``d_logits``, the gradient of the logits, (T, V).
    """
    ### BEGIN SOLUTION
    before = np.vstack([np.zeros((1, hiddens.shape[1])), hiddens[:-1]])  # h_0 ... h_{T-1}
    d_inner = np.zeros_like(hiddens)  # gradient of what enters the tanh, (T, H)
    d_next = np.zeros(hiddens.shape[1])
    for t in reversed(range(len(inputs))):
        d_hidden = d_logits[t] @ params["W_hy"] + d_next
        d_inner[t] = d_hidden * (1 - hiddens[t] ** 2)
        d_next = d_inner[t] @ params["W_hh"]
    return {
        "W_xh": d_inner.T @ inputs,
        "W_hh": d_inner.T @ before,
        "b_h": d_inner.sum(axis=0),
        "W_hy": d_logits.T @ hiddens,
        "b_y": d_logits.sum(axis=0),
    }
    ### END SOLUTION


# %% role="check" id="backward_check" points=5
tick.call(
    "backward pass",
    lambda params, inputs, hiddens, d_logits: backward(params, inputs, hiddens, d_logits),
    cases=lambda rng: [
        (
            drawn_rnn(rng, hidden, 4),
            np.eye(4)[rng.integers(0, 4, size=steps)],
            rng.uniform(-0.9, 0.9, size=(steps, hidden)),
            rng.normal(size=(steps, 4)),
        )
        for hidden, steps in [(3, 1), (4, 2), (5, 9)]
    ],
    marks=5,
    hint={
        "es": "Si acierta con T = 1, revisa lo que vuelve del paso siguiente (d @ W_hh, sin trasponer) y que ∇W_hh use h_{t-1}.",
        "en": "If T = 1 is right, look at what comes back from the next step (d @ W_hh, not transposed) and that ∇W_hh uses h_{t-1}.",
    },
)

# %% [markdown] lang="es"
# **¿Y si todos nos hemos equivocado?** Un gradiente se puede comprobar sin fiarse de nadie. La
# primera vía, las **diferencias finitas**: mueve un peso un poco a cada lado y mira cuánto cambia
# la pérdida. La segunda, el ***autograd*** de PyTorch, con tus pesos copiados en `nn.RNN`. Las
# tres respuestas deben coincidir en muchos decimales.

# %% [markdown] lang="en"
# **What if we are all wrong?** A gradient can be checked without trusting anybody. One way is
# **finite differences**: move a weight a little to each side and see how much the loss changes.
# The other is PyTorch's ***autograd***, with your weights copied into `nn.RNN`. All three answers
# must agree to many decimals.


# %% role="given"
def new_rnn(hidden, vocabulary, rng):
    """Return the parameters of an RNN before its training."""
    return {
        "W_xh": 0.3 * rng.normal(size=(hidden, vocabulary)),
        "W_hh": orthogonal(hidden, rng),
        "b_h": np.zeros(hidden),
        "W_hy": 0.1 * rng.normal(size=(vocabulary, hidden)),
        "b_y": np.zeros(vocabulary),
    }


def sequence_gradients(params, inputs, targets):
    """Return the nats of one sequence and their gradients."""
    hiddens, logits = forward(params, inputs)
    d_logits = output_gradient(logits, targets)
    return cross_entropy(logits, targets).sum(), backward(params, inputs, hiddens, d_logits)


def compare_with_differences(loss_and_gradients, params, rng, step=1e-5):
    """Print how far gradients are from central differences, at three drawn elements of each."""
    _, gradients = loss_and_gradients(params)
    worst = 0.0
    for name, values in params.items():
        for at in rng.integers(0, values.size, size=3):
            sides = []
            for sign in (1, -1):
                moved = {key: array.copy() for key, array in params.items()}
                moved[name].flat[at] += sign * step
                sides.append(loss_and_gradients(moved)[0])
            slope = (sides[0] - sides[1]) / (2 * step)
            worst = max(worst, abs(slope - gradients[name].flat[at]))
    print(f"largest difference from finite differences {worst:.0e}")


def compare_with_autograd(gradients, cell, params, inputs, targets):
    """Print how far gradients are from those of ``nn.RNN`` or ``nn.LSTM`` with the same weights.

    ``gradients`` and ``params`` are lists in PyTorch's order: input, hidden, their bias, then the
    output layer's weight and bias. The loss is the sum of the nats of all positions.
    """
    (vocabulary, hidden), cell = params[3].shape, cell.double()
    output = nn.Linear(hidden, vocabulary).double()
    with torch.no_grad():
        theirs = [cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, *output.parameters()]
        for parameter, values in zip(theirs, params, strict=True):
            parameter.copy_(torch.from_numpy(values))
        cell.bias_hh_l0.zero_()
    logits = output(cell(torch.from_numpy(inputs))[0])
    nn.functional.cross_entropy(
        logits.reshape(-1, vocabulary), torch.from_numpy(targets).reshape(-1), reduction="sum"
    ).backward()
    worst = max(
        np.abs(parameter.grad.numpy() - ours).max()
        for parameter, ours in zip(theirs, gradients, strict=True)
    )
    print(f"largest difference from {type(cell).__name__} and autograd {worst:.0e}")


with once_done():
    rng = np.random.default_rng(run_seed())
    inputs, targets = prepare(["a"] * 4 + ["b"] * 4 + ["EOS"], token_to_id)
    params = new_rnn(6, VOCABULARY, rng)
    compare_with_differences(
        lambda params: sequence_gradients(params, inputs, targets), params, rng
    )
    _, gradients = sequence_gradients(params, inputs, targets)
    order = ["W_xh", "W_hh", "b_h", "W_hy", "b_y"]
    compare_with_autograd(
        [gradients[name] for name in order],
        nn.RNN(VOCABULARY, 6),
        [params[name] for name in order],
        inputs,
        targets,
    )

# %% [markdown] exercise="clip" lang="es"
# **Un paso, pero no un salto.** La pérdida de una red recurrente tiene acantilados: un solo
# gradiente enorme puede tirar por la borda una hora de entrenamiento. **Recortar por la norma**
# (Pascanu et al., 2013) acorta la zancada sin cambiar la dirección: se mira la norma de *todos* los
# gradientes juntos, como si fueran un único vector largo, y si supera el límite se multiplican
# todos por $\text{límite}/\text{norma}$.

# %% [markdown] exercise="clip" lang="en"
# **A step, not a leap.** The loss of a recurrent network has cliffs: a single huge gradient can
# throw an hour of training overboard. **Clipping by norm** (Pascanu et al., 2013) shortens the
# stride without changing its direction: look at the norm of *all* the gradients together, as if
# they were one long vector, and if it is over the limit multiply them all by
# $\text{limit}/\text{norm}$.


# %% role="exercise" id="clip" title_es="Recortar por la norma" title_en="Clipping by norm" difficulty=1 minutes=6
def clip_by_norm(gradients: dict[str, np.ndarray], max_norm: float) -> dict[str, np.ndarray]:
    """Return the gradients, scaled so that their joint norm is at most ``max_norm``."""
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    scale = max_norm / norm if norm > max_norm else 1.0
    return {name: scale * gradient for name, gradient in gradients.items()}
    ### END SOLUTION


# %% role="check" id="clip_check" points=2
tick.call(
    "clipping",
    lambda gradients, max_norm: clip_by_norm(gradients, max_norm),
    cases=lambda rng: [
        ({"W": size * rng.normal(size=(3, 4)), "b": size * rng.normal(size=3)}, 1.0)
        for size in (50.0, 0.01, 0.0)
    ],
    marks=2,
    hint={
        "es": "Una sola norma para todos, no una por matriz; los gradientes pequeños (y los nulos) no se tocan. ¿Devuelves un diccionario nuevo?",
        "en": "One norm for all, not one for each matrix; small gradients (and zero ones) stay as they are. Is it a new dictionary?",
    },
)

# %% [markdown] exercise="momentum_step" lang="es"
# Para actualizar usamos el descenso con **inercia** (*momentum*), una bola que rueda en vez de un
# caminante que se para a cada paso:
#
# $$v \leftarrow \mu\,v - \eta\,\nabla \qquad w \leftarrow w + v$$
#
# Devuelve diccionarios nuevos y no toques los que recibes: más adelante querremos salir dos veces
# del mismo punto.

# %% [markdown] exercise="momentum_step" lang="en"
# To update we use descent with **momentum**, a ball that rolls instead of a walker who stops at
# every step:
#
# $$v \leftarrow \mu\,v - \eta\,\nabla \qquad w \leftarrow w + v$$
#
# Return new dictionaries and leave those you are given alone: later on we shall want to start
# twice from the same point.


# %% role="exercise" id="momentum_step" title_es="Actualizar los pesos" title_en="Updating the weights" difficulty=1 minutes=5
def momentum_step(
    params: dict, velocity: dict, gradients: dict, lr: float, momentum: float
) -> tuple[dict, dict]:
    """Return the parameters and the velocity after a step of gradient descent with momentum."""
    ### BEGIN SOLUTION
    velocity = {name: momentum * velocity[name] - lr * gradients[name] for name in params}
    return {name: params[name] + velocity[name] for name in params}, velocity
    ### END SOLUTION


# %% role="check" id="momentum_step_check" points=2
def drawn_arrays(rng):
    """Draw a dictionary of two arrays."""
    return {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=2)}


tick.call(
    "step with momentum",
    lambda params, velocity, gradients, lr, momentum: momentum_step(
        params, velocity, gradients, lr, momentum
    ),
    cases=lambda rng: [
        (drawn_arrays(rng), drawn_arrays(rng), drawn_arrays(rng), rng.uniform(0.01, 0.5), momentum)
        for momentum in (0.0, 0.9)
    ],
    marks=2,
    hint={
        "es": "El peso avanza con la velocidad nueva, no con la antigua. Y += sobre una matriz recibida la cambia también fuera.",
        "en": "The weight moves with the new velocity, not the old one. And += on an array you were given changes it outside, too.",
    },
)

# %% [markdown] exercise="train" lang="es"
# **Entrenar.** El bucle vale para cualquier modelo: `gradients_of(params, batch)` da la pérdida
# media y sus gradientes en un lote, y `step(params, velocity, gradients)` da los pesos y la
# velocidad nuevos. En cada época, pasa por los lotes en su orden y apunta dos números: la media de
# las pérdidas de los lotes, según los vas viendo, y la pérdida en `validation` al acabar la época.
# Validar es solo mirar: ese gradiente no se usa.

# %% [markdown] exercise="train" lang="en"
# **Training.** The loop serves any model: `gradients_of(params, batch)` gives the mean loss and its
# gradients on a batch, and `step(params, velocity, gradients)` gives the new weights and velocity.
# In each epoch, go through the batches in their order and note two numbers: the mean of the
# batches' losses, as you meet them, and the loss on `validation` when the epoch is over. Validating
# is only looking: that gradient is not used.


# %% role="exercise" id="train" title_es="El bucle de entrenamiento" title_en="The training loop" difficulty=2 minutes=12
def train(
    params: dict, batches: list, validation, gradients_of, step, epochs: int
) -> tuple[dict, dict[str, list[float]]]:
    """Return the trained parameters and {"training": [...], "validation": [...]}, a loss an epoch.

    The velocity is zero at the start. The parameters given stay as they are.
    """
    ### BEGIN SOLUTION
    velocity = {name: np.zeros_like(values) for name, values in params.items()}
    history = {"training": [], "validation": []}
    for _ in range(epochs):
        losses = []
        for batch in batches:
            loss, gradients = gradients_of(params, batch)
            params, velocity = step(params, velocity, gradients)
            losses.append(loss)
        history["training"].append(float(np.mean(losses)))
        history["validation"].append(float(gradients_of(params, validation)[0]))
    return params, history
    ### END SOLUTION


# %% role="check" id="train_check" points=3
def train_on_a_line(params, batches, validation, epochs):
    """Run the student's loop on a linear regression whose gradient and step are given."""

    def gradients_of(params, batch):
        error = batch[:, :-1] @ params["w"] - batch[:, -1]
        return np.mean(error**2), {"w": 2 / len(batch) * batch[:, :-1].T @ error}

    def step(params, velocity, gradients):
        velocity = {"w": 0.5 * velocity["w"] - 0.05 * gradients["w"]}
        return {"w": params["w"] + velocity["w"]}, velocity

    return train(params, batches, validation, gradients_of, step, epochs)


tick.call(
    "training loop",
    lambda params, batches, validation, epochs: train_on_a_line(
        params, batches, validation, epochs
    ),
    cases=lambda rng: [
        (
            {"w": rng.normal(size=2)},
            [rng.normal(size=(5, 3)) for _ in range(3)],
            rng.normal(size=(6, 3)),
            epochs,
        )
        for epochs in (1, 4)
    ],
    marks=3,
    hint={
        "es": "¿Pasas la velocidad de un paso al siguiente? ¿Mides la validación al final de la época, con los pesos nuevos?",
        "en": "Do you carry the velocity from step to step? Do you measure validation at the end of the epoch, with the new weights?",
    },
)

# %% [markdown] lang="es"
# Todo listo. La línea de puntos del dibujo es el suelo: **ninguna** red puede bajar de ahí. La
# longitud $n$ se sorteó entre 1 y 10, lo que aporta $\ln 10$ nats de azar por secuencia, y una
# secuencia tiene de media 11 predicciones: $\ln 10 / 11 \approx 0{,}21$ nats por palabra. (Cada
# conjunto tiene su propio suelo, según las longitudes que le tocaron.)

# %% [markdown] lang="en"
# All set. The dotted line in the picture is the floor: **no** network can go below it. The length
# $n$ was drawn from 1 to 10, which brings $\ln 10$ nats of chance to each sequence, and a sequence
# has 11 predictions on average: $\ln 10 / 11 \approx 0.21$ nats a word. (Each set has a floor of
# its own, by the lengths it happened to get.)

# %% role="given"
HIDDEN, LR, MOMENTUM, MAX_NORM = 16, 0.1, 0.9, 1.0
FLOOR = np.log(MAX_N) / (MAX_N + 1)


def loop_gradients(params, batch):
    """Return the mean nats a token and their gradients, one sequence of the batch at a time."""
    nats, total = 0.0, {name: np.zeros_like(values) for name, values in params.items()}
    for inputs, targets in batch:
        more, gradients = sequence_gradients(params, inputs, targets)
        nats += more
        total = {name: total[name] + gradients[name] for name in total}
    tokens = sum(len(targets) for _, targets in batch)
    return nats / tokens, {name: values / tokens for name, values in total.items()}


def descend(params, velocity, gradients):
    """Clip the gradients and take a step."""
    return momentum_step(params, velocity, clip_by_norm(gradients, MAX_NORM), LR, MOMENTUM)


def in_batches(items, size):
    """Return lists of ``size`` items, the last one maybe shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def show_history(name):
    """Draw the curves of a trained model above the floor."""
    ax = plots.loss_curve(histories[name])
    ax.axhline(FLOOR, color=plots.TEXT, linewidth=1, linestyle=":")
    ax.set(title=name, ylabel="loss (nats a token)", ylim=(0, None))
    plt.show()


with once_done():
    prepared = [prepare(tokens, token_to_id) for tokens in train_set]
    validation = [prepare(tokens, token_to_id) for tokens in validation_set]
    models["RNN"], histories["RNN"] = train(
        new_rnn(HIDDEN, VOCABULARY, np.random.default_rng(run_seed())),
        in_batches(prepared, 16),
        validation,
        loop_gradients,
        descend,
        epochs=budget(full=40, quick=50),
    )
    show_history("RNN")

# %% [markdown] exercise="predict_next" lang="es"
# **Una secuencia que no ha visto.** Que diga ahora la palabra más probable tras un comienzo
# cualquiera. La comprobación sortea comienzos que ya han llegado a la `b`, donde no hay suerte que
# valga: la mitad pide otra `b` y la otra mitad, `EOS`.

# %% [markdown] exercise="predict_next" lang="en"
# **A sequence it has not seen.** Now let it say the most probable word after any beginning. The
# check draws beginnings that have reached the `b`, where luck does not count: half of them ask for
# another `b`, and the other half for `EOS`.


# %% role="exercise" id="predict_next" title_es="¿Y después?" title_en="What comes next?" difficulty=1 minutes=6
def predict_next(params: dict, tokens: list[str]) -> str:
    """Return the most probable token after ``tokens``, for an RNN with these parameters."""
    require_sequence(tokens, token_to_id, least=1)
    ### BEGIN SOLUTION
    _, logits = forward(params, one_hot(encode(tokens, token_to_id), VOCABULARY))
    return id_to_token[int(logits[-1].argmax())]
    ### END SOLUTION


# %% role="check" id="predict_next_check" points=4
CLASSES = ["UNK", "a", "b", "EOS"]


def drawn_beginnings(rng, count=200):
    """Draw beginnings of aⁿbⁿ cut after a b, and what comes next; half of them are complete."""
    beginnings, truth = [], []
    for number in range(count):
        n = int(rng.integers(2, MAX_N, endpoint=True))
        k = n if number % 2 else int(rng.integers(1, n))
        beginnings.append(["a"] * n + ["b"] * k)
        truth.append(CLASSES.index("EOS" if k == n else "b"))
    return beginnings, np.array(truth)


def always_b(beginnings):
    """Answer b whatever came before."""
    return np.full(len(beginnings), CLASSES.index("b"))


tick.predictions(
    "RNN on hidden sequences",
    lambda beginnings: [CLASSES.index(predict_next(models["RNN"], start)) for start in beginnings],
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=("always b", always_b),
    marks=4,
    hint={
        "es": "Una red que siempre dice b acierta la mitad. ¿Bajó la pérdida hasta el suelo? ¿Son los objetivos la palabra siguiente?",
        "en": "A network that always says b gets half of them. Did the loss come down to the floor? Are the targets the next word?",
    },
)

# %% [markdown] role="question" id="gap" points=2 lang="es"
# Mira las dos curvas de la RNN. ¿Qué distancia hay entre entrenamiento y validación, y a qué se
# debe? ¿Está la red sobreajustando?
#
# ### BEGIN SOLUTION
# Al principio la validación suele quedar **por debajo**: la pérdida de entrenamiento se promedia
# mientras los pesos mejoran, y la de validación se mide al final de la época. Al final queda una
# distancia pequeña y constante, que depende del sorteo: la validación tiene muy pocas secuencias,
# y según sus longitudes su suelo es otro (con secuencias más cortas hay más azar por palabra). No
# es sobreajuste: sería una validación que *sube* mientras el entrenamiento sigue bajando. De hecho
# solo existen diez secuencias distintas, así que las de validación también aparecen en el
# entrenamiento; para saber si generaliza hay que probar longitudes que no ha visto.
# ### END SOLUTION

# %% [markdown] role="question" id="gap" points=2 lang="en"
# Look at the two curves of the RNN. How far apart are training and validation, and why? Is the
# network overfitting?
#
# ### BEGIN SOLUTION
# At first validation is often **below**: the training loss is averaged while the weights improve,
# and validation is measured at the end of the epoch. In the end a small, constant distance
# remains, which depends on the draw: validation has very few sequences, and by their lengths its
# floor is another one (shorter sequences have more chance in each word). It is not overfitting:
# that would be a validation loss that *rises* while training goes on falling. In fact there are
# only ten different sequences, so those of validation occur in training, too; to know whether it
# generalises one has to try lengths that it has not seen.
# ### END SOLUTION

# %% [markdown] role="question" id="loss_alone" points=2 lang="es"
# La pérdida se queda en torno a 0,21 y ya no baja. Con ese único número, ¿puedes decir si el
# modelo es bueno? ¿Qué más mirarías?
#
# ### BEGIN SOLUTION
# No. Un 0,21 es perfecto aquí porque conocemos el suelo; en un idioma con menos azar sería malo, y
# en otro con más, imposible. La pérdida mezcla posiciones donde nadie puede acertar (cuántas `a`
# vienen) con otras donde fallar es no haber contado, y también premia la confianza. Miraría el
# porcentaje de aciertos en las posiciones determinadas, lo compararía con una referencia tonta
# («siempre b») y vería en qué posiciones y longitudes falla.
# ### END SOLUTION

# %% [markdown] role="question" id="loss_alone" points=2 lang="en"
# The loss settles at about 0.21 and goes no lower. From that number alone, can you say whether the
# model is good? What else would you look at?
#
# ### BEGIN SOLUTION
# No. Here 0.21 is perfect because we know the floor; in a language with less chance in it, it would
# be bad, and in one with more, impossible. The loss mixes positions where nobody can be right (how
# many `a` come) with others where a mistake means not having counted, and it also rewards
# confidence. I would look at the share of right answers in the determined positions, compare it
# with a simple-minded baseline (“always b”) and see at which positions and lengths it fails.
# ### END SOLUTION

# %% [markdown] role="question" id="ideal_curves" points=2 lang="es"
# Describe cómo serían las dos curvas en un entrenamiento ideal, y qué forma tendrían si el paso
# fuese demasiado grande, si fuese demasiado pequeño y si la red memorizara.
#
# ### BEGIN SOLUTION
# Ideales: bajan deprisa y juntas, sin saltos, se aplanan en el suelo y la validación se queda
# pegada al entrenamiento. Paso demasiado grande: dientes de sierra, picos o una subida que no
# vuelve. Demasiado pequeño: bajan, pero tan despacio que se acaban las épocas lejos del suelo. Si
# memoriza: el entrenamiento baja de su suelo y la validación toca fondo y vuelve a subir.
# ### END SOLUTION

# %% [markdown] role="question" id="ideal_curves" points=2 lang="en"
# Describe what the two curves would be in an ideal training, and what shape they would have if the
# step were too large, if it were too small, and if the network memorised.
#
# ### BEGIN SOLUTION
# Ideal: they fall fast and together, without jumps, flatten out at the floor, and validation stays
# close to training. Step too large: saw teeth, spikes, or a rise that does not come back. Too
# small: they fall, but so slowly that the epochs run out far from the floor. If it memorises:
# training goes below its floor, and validation touches bottom and rises again.
# ### END SOLUTION

# %% [markdown] exercise="pad" lang="es"
# **Muchas secuencias a la vez.** Hasta aquí, de una en una: Python se pasa el día entrando y
# saliendo de NumPy para multiplicar matrices diminutas. Si procesamos un **lote** entero en cada
# paso, hacemos las mismas cuentas con muchas menos llamadas. El obstáculo es que las secuencias no
# miden lo mismo. Solución: **rellenar** las cortas y llevar una **máscara** que vale 1 donde hay
# una palabra de verdad y 0 donde hay relleno, para que el relleno no cuente en la pérdida ni en el
# gradiente.
#
# El tiempo va en el primer eje, (T, B), como en PyTorch por defecto: así `inputs[t]` es el paso $t$
# de todas las secuencias. Rellena con ceros por el final.

# %% [markdown] exercise="pad" lang="en"
# **Many sequences at once.** So far, one at a time: Python spends its day going in and out of NumPy
# to multiply tiny matrices. If we process a whole **batch** at every step, we do the same sums in
# far fewer calls. The obstacle is that sequences differ in length. The way out: **pad** the short
# ones and keep a **mask** that is 1 where there is a real word and 0 where there is padding, so
# that padding counts neither in the loss nor in the gradient.
#
# Time is the first axis, (T, B), PyTorch's default: that way `inputs[t]` is step $t$ of every
# sequence. Pad with zeros at the end.


# %% role="exercise" id="pad" title_es="Relleno y máscara" title_en="Padding and mask" difficulty=1 minutes=8
def pad(sequences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return ids padded with 0, shape (T, B) with T the longest length, and the mask (T, B)."""
    ### BEGIN SOLUTION
    longest = max(len(ids) for ids in sequences)
    padded = np.zeros((longest, len(sequences)), dtype=int)
    mask = np.zeros((longest, len(sequences)))
    for column, ids in enumerate(sequences):
        padded[: len(ids), column] = ids
        mask[: len(ids), column] = 1
    return padded, mask
    ### END SOLUTION


# %% role="check" id="pad_check" points=2
tick.call(
    "padding and mask",
    lambda sequences: pad(sequences),
    cases=lambda rng: [
        ([rng.integers(0, 5, size=size) for size in sizes],)
        for sizes in [(3, 5, 1, 4), (2, 2), (7,)]
    ],
    marks=2,
    hint={
        "es": "El tiempo por filas y cada secuencia en una columna. La máscara sale de las longitudes: un 0 puede ser una palabra.",
        "en": "Time along the rows and a sequence in each column. The mask comes from the lengths: a 0 may be a word.",
    },
)

# %% [markdown] exercise="batch_gradients" lang="es"
# Ahora, la RNN por lotes. El estado pasa de (H,) a (B, H) y casi todo lo que escribiste sirve tal
# cual: `h @ W_hh.T` no distingue un vector fila de una pila de ellos. Cambian tres cosas: la
# pérdida y `d_logits` se multiplican por la máscara, todo se divide por el número de palabras de
# verdad, y los gradientes de los pesos suman además por el lote.

# %% [markdown] exercise="batch_gradients" lang="en"
# Now, the RNN by batches. The state goes from (H,) to (B, H), and nearly all that you wrote works
# as it is: `h @ W_hh.T` cannot tell one row vector from a stack of them. Three things change: the
# loss and `d_logits` are multiplied by the mask, everything is divided by the number of real words,
# and the gradients of the weights add up over the batch, too.


# %% role="exercise" id="batch_gradients" title_es="La RNN por lotes" title_en="The RNN by batches" difficulty=3 minutes=20
def batch_gradients(
    params: dict, inputs: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the mean nats a real token, and their gradients, of an RNN on a padded batch.

    ``inputs`` is one-hot (T, B, V); ``targets`` and ``mask`` are (T, B).
    """
    ### BEGIN SOLUTION
    steps, batch, vocabulary = inputs.shape
    hidden = len(params["b_h"])
    states = np.zeros((steps + 1, batch, hidden))  # states[t + 1] is the state after step t
    for t in range(steps):
        states[t + 1] = tanh(
            inputs[t] @ params["W_xh"].T + states[t] @ params["W_hh"].T + params["b_h"]
        )
    logits = states[1:] @ params["W_hy"].T + params["b_y"]  # (T, B, V)
    tokens = mask.sum()
    loss = (cross_entropy(logits, targets) * mask).sum() / tokens
    d_logits = output_gradient(logits, targets) * mask[..., None] / tokens
    d_inner = np.zeros((steps, batch, hidden))
    d_next = np.zeros((batch, hidden))
    for t in reversed(range(steps)):
        d_inner[t] = (d_logits[t] @ params["W_hy"] + d_next) * (1 - states[t + 1] ** 2)
        d_next = d_inner[t] @ params["W_hh"]
    rows = d_inner.reshape(-1, hidden)  # (T B, H): steps and sequences add up alike
    return loss, {
        "W_xh": rows.T @ inputs.reshape(-1, vocabulary),
        "W_hh": rows.T @ states[:-1].reshape(-1, hidden),
        "b_h": rows.sum(axis=0),
        "W_hy": d_logits.reshape(-1, vocabulary).T @ states[1:].reshape(-1, hidden),
        "b_y": d_logits.sum(axis=(0, 1)),
    }
    ### END SOLUTION


# %% role="check" id="batch_gradients_check" points=4
def drawn_batch(rng, steps, batch, vocabulary=4):
    """Draw a padded batch: one-hot inputs, targets and a mask."""
    lengths = rng.integers(1, steps, size=batch, endpoint=True)
    lengths[0] = steps
    mask = (np.arange(steps)[:, None] < lengths).astype(float)
    ids, targets = rng.integers(0, vocabulary, size=(2, steps, batch))
    return np.eye(vocabulary)[ids], targets, mask


tick.call(
    "batched gradients",
    lambda params, inputs, targets, mask: batch_gradients(params, inputs, targets, mask),
    cases=lambda rng: [
        (drawn_rnn(rng, hidden, 4), *drawn_batch(rng, steps, batch))
        for hidden, steps, batch in [(3, 4, 1), (5, 7, 6), (2, 3, 4)]
    ],
    marks=4,
    hint={
        "es": "¿Divides por mask.sum() y no por T·B? ¿Multiplicas d_logits por la máscara antes de ir hacia atrás?",
        "en": "Do you divide by mask.sum() and not by T·B? Do you multiply d_logits by the mask before going back?",
    },
)

# %% [markdown] lang="es"
# ¿Ha merecido la pena? Entrenamos dos veces la misma red, desde el mismo punto y con los mismos
# lotes: las pérdidas deben ser iguales, y los relojes, no.

# %% [markdown] lang="en"
# Was it worth it? We train the same network twice, from the same point and on the same batches:
# the losses must be equal, and the clocks must not.


# %% role="given"
def padded_batch(tokens_of_batch):
    """Return the one-hot inputs (T, B, V), the targets (T, B) and the mask (T, B) of sequences."""
    for tokens in tokens_of_batch:
        require_sequence(tokens, token_to_id)
    ids, mask = pad([encode(tokens, token_to_id) for tokens in tokens_of_batch])
    return one_hot(ids[:-1], VOCABULARY), ids[1:], mask[1:]


def seconds_of(function):
    """Return how long a call takes, and its result."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def race(epochs=5, size=128):
    """Return (seconds an epoch, losses) of the loop and of the batched RNN, same start and data."""
    start = new_rnn(HIDDEN, VOCABULARY, np.random.default_rng(run_seed()))
    groups = in_batches(train_set, size)
    runs = []
    for gradients_of, form in [
        (loop_gradients, lambda group: [prepare(tokens, token_to_id) for tokens in group]),
        (lambda params, batch: batch_gradients(params, *batch), padded_batch),
    ]:
        batches, held_out = [form(group) for group in groups], form(validation_set)
        seconds, (_, history) = seconds_of(
            lambda batches=batches, held_out=held_out, gradients_of=gradients_of: train(
                start, batches, held_out, gradients_of, descend, epochs
            )
        )
        runs.append((seconds / epochs, history["training"]))
    return runs


with once_done():
    (slow, loop_losses), (fast, batched_losses) = race()
    apart = np.abs(np.subtract(loop_losses, batched_losses)).max()
    print(f"one sequence at a time {1000 * slow:6.1f} ms an epoch, batched {1000 * fast:6.1f} ms")
    print(f"{slow / fast:.0f} times faster; the losses differ by {apart:.0e}")

# %% [markdown] lang="es"
# ## 2. Una LSTM en NumPy
#
# La RNN reescribe su cuaderno **entero** a cada paso. La LSTM (Hochreiter y Schmidhuber, 1997) lleva
# dos: un estado oculto $h$, que es lo que enseña, y un **estado de celda** $c$, arriba en el dibujo,
# por el que la información viaja casi sin tocarse. Tres puertas, sigmoides entre 0 y 1, deciden
# qué se borra ($f$, *forget*), qué se apunta ($i$, *input*) y qué se enseña ($o$, *output*):
#
# $$\begin{pmatrix} i\\ f\\ g\\ o\end{pmatrix} =
# \begin{pmatrix}\sigma\\ \sigma\\ \tanh\\ \sigma\end{pmatrix}(W_x\,x_t + W_h\,h_{t-1} + b)
# \qquad c_t = f \odot c_{t-1} + i \odot g \qquad h_t = o \odot \tanh(c_t)$$
#
# El camino de $c_{t-1}$ a $c_t$ es una **suma** y un producto por $f$; no hay matriz ni tanh de por
# medio. Guarda esa idea para dentro de un rato.

# %% [markdown] lang="en"
# ## 2. An LSTM in NumPy
#
# The RNN rewrites its **whole** notebook at every step. The LSTM (Hochreiter and Schmidhuber, 1997)
# keeps two: a hidden state $h$, which is what it shows, and a **cell state** $c$, along the top of
# the drawing, where information travels almost untouched. Three gates, sigmoids between 0 and 1,
# decide what is erased ($f$, *forget*), what is written down ($i$, *input*) and what is shown
# ($o$, *output*):
#
# $$\begin{pmatrix} i\\ f\\ g\\ o\end{pmatrix} =
# \begin{pmatrix}\sigma\\ \sigma\\ \tanh\\ \sigma\end{pmatrix}(W_x\,x_t + W_h\,h_{t-1} + b)
# \qquad c_t = f \odot c_{t-1} + i \odot g \qquad h_t = o \odot \tanh(c_t)$$
#
# The way from $c_{t-1}$ to $c_t$ is a **sum** and a product with $f$; no matrix and no tanh stands
# in between. Keep that in mind for later.


# %% role="given"
def dot(ax, x, y, text):
    """Draw an elementwise operation as a small circle."""
    ax.add_patch(
        plt.Circle((x, y), 0.24, facecolor=plots.BACKGROUND, edgecolor=plots.TEXT, zorder=3)
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=12, zorder=4)


def draw_lstm(ax):
    """Draw an LSTM's cell: the cell state along the top, the gates below."""
    blank(ax, 11, 6.1)
    ax.add_patch(
        FancyBboxPatch(
            (1.3, 0.8), 8.2, 4.4, boxstyle="round,pad=0,rounding_size=0.3",
            facecolor="none", edgecolor=plots.COLOURS[5], linewidth=1, linestyle="--",
        )
    )  # fmt: skip
    arrow(ax, (0.5, 4.6), (2.36, 4.6))  # the cell state
    arrow(ax, (2.84, 4.6), (4.76, 4.6))
    arrow(ax, (5.24, 4.6), (10.4, 4.6))
    dot(ax, 2.6, 4.6, "×")
    dot(ax, 5.0, 4.6, "+")
    dot(ax, 5.0, 3.3, "×")
    dot(ax, 7.8, 2.6, "×")
    arrow(ax, (0.5, 1.3), (6.6, 1.3), head=False)  # the state and the input reach every gate
    arrow(ax, (1.8, 0.25), (1.8, 1.3), head=False)
    for x, name, text, colour in [
        (2.6, "f", "σ", 0),
        (3.9, "i", "σ", 0),
        (5.0, "g", "tanh", 1),
        (6.6, "o", "σ", 0),
    ]:
        arrow(ax, (x, 1.3), (x, 1.72))
        box(ax, x, 2.0, text, colour, width=0.85)
        ax.text(x + 0.12, 2.42, f"${name}$", fontsize=12)
    arrow(ax, (2.6, 2.28), (2.6, 4.36))
    arrow(ax, (3.9, 2.28), (3.9, 3.3), (4.76, 3.3))
    arrow(ax, (5.0, 2.28), (5.0, 3.06))
    arrow(ax, (5.0, 3.54), (5.0, 4.36))
    arrow(ax, (6.6, 2.28), (6.6, 2.6), (7.56, 2.6))
    arrow(ax, (7.8, 4.6), (7.8, 3.93))
    box(ax, 7.8, 3.65, "tanh", 5, width=0.85)
    arrow(ax, (7.8, 3.37), (7.8, 2.84))
    arrow(ax, (7.8, 2.36), (7.8, 1.3), (10.4, 1.3))
    arrow(ax, (8.8, 1.3), (8.8, 5.6))
    for x, y, text in [(0.5, 4.95, "$c_{t-1}$"), (10.2, 4.95, "$c_t$"), (0.5, 1.65, "$h_{t-1}$"),
                       (10.2, 1.65, "$h_t$"), (1.5, 0.3, "$x_t$"), (8.8, 5.85, "$h_t$")]:  # fmt: skip
        ax.text(x, y, text, ha="center", va="center", fontsize=13)


with plots.style():
    draw_lstm(plt.subplots(figsize=(7.6, 4.2), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="lstm_step" lang="es"
# Escribe un paso, ya por lotes. Las cuatro puertas comparten matriz: $W_x$ es (4H, V), con las
# filas en el orden de PyTorch, $i, f, g, o$. Un solo producto y luego cortar en cuatro es más
# rápido que cuatro productos. Devuelve también las puertas, ya activadas: hacen falta a la vuelta.

# %% [markdown] exercise="lstm_step" lang="en"
# Write one step, by batches at once. The four gates share a matrix: $W_x$ is (4H, V), its rows in
# PyTorch's order, $i, f, g, o$. One product cut into four afterwards is faster than four products.
# Return the gates, too, after their activation: they are needed on the way back.


# %% role="exercise" id="lstm_step" title_es="Un paso de la LSTM" title_en="One step of the LSTM" difficulty=2 minutes=12
def lstm_step(
    params: dict, x: np.ndarray, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the next hidden state (B, H), the next cell state (B, H) and the gates (B, 4H).

    ``x`` is (B, V), ``h`` and ``c`` are (B, H); ``params`` holds W_x (4H, V), W_h (4H, H) and
    b (4H,). The gates, in the order i, f, g, o, are those after their sigmoid or tanh.
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(x @ params["W_x"].T + h @ params["W_h"].T + params["b"], 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    c_next = f * c + i * g
    return o * tanh(c_next), c_next, np.concatenate([i, f, g, o], axis=-1)
    ### END SOLUTION


# %% role="check" id="lstm_step_check" points=5
def drawn_lstm(rng, hidden, vocabulary):
    """Draw the weights of an LSTM and of its output layer."""
    shapes = {
        "W_x": (4 * hidden, vocabulary),
        "W_h": (4 * hidden, hidden),
        "b": (4 * hidden,),
        "W_hy": (vocabulary, hidden),
        "b_y": (vocabulary,),
    }
    return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}


def drawn_step(rng, hidden, batch):
    """Draw weights, an input and the states of one step."""
    states = rng.uniform(-0.9, 0.9, size=(2, batch, hidden))
    return drawn_lstm(rng, hidden, 4), np.eye(4)[rng.integers(0, 4, size=batch)], *states


tick.call(
    "cell state and gates",
    lambda params, x, h, c: lstm_step(params, x, h, c)[1:],
    cases=lambda rng: [drawn_step(rng, hidden, batch) for hidden, batch in [(2, 1), (5, 3)]],
    marks=3,
    hint={
        "es": "Orden i, f, g, o; g lleva tanh y las otras tres, sigmoide. Lo viejo se multiplica por f y lo nuevo por i.",
        "en": "Order i, f, g, o; g takes tanh and the other three a sigmoid. The old is multiplied by f and the new by i.",
    },
)
tick.call(
    "hidden state",
    lambda params, x, h, c: lstm_step(params, x, h, c)[0],
    cases=lambda rng: [drawn_step(rng, hidden, batch) for hidden, batch in [(2, 1), (5, 3)]],
    marks=2,
    hint={
        "es": "Lo que se enseña es o por la tanh de la celda nueva, no de la antigua.",
        "en": "What is shown is o times the tanh of the new cell state, not of the old one.",
    },
)

# %% [markdown] exercise="lstm_back" lang="es"
# Y ahora de vuelta. Llegan $\delta h_t$ y $\delta c_t$ desde la derecha y hay que devolver
# $\delta h_{t-1}$ y $\delta c_{t-1}$. La celda recibe dos gradientes, el suyo y el que baja de
# $h_t$:
#
# $$\delta c = \delta c_t + \delta h_t \odot o \odot (1 - \tanh^2 c_t) \qquad
# \delta o = \delta h_t \odot \tanh c_t$$
# $$\delta i = \delta c \odot g \qquad \delta g = \delta c \odot i \qquad
# \delta f = \delta c \odot c_{t-1} \qquad \delta c_{t-1} = \delta c \odot f$$
#
# Después cada puerta pasa por la derivada de su función, que se escribe con su salida: $s(1-s)$
# para la sigmoide y $1 - s^2$ para la tanh. El resto son productos como los de la RNN. Usa las
# puertas que recibes y calcula $c_t$ a partir de ellas.

# %% [markdown] exercise="lstm_back" lang="en"
# And now back again. $\delta h_t$ and $\delta c_t$ arrive from the right, and $\delta h_{t-1}$ and
# $\delta c_{t-1}$ are to be returned. The cell gets two gradients, its own and the one that comes
# down from $h_t$:
#
# $$\delta c = \delta c_t + \delta h_t \odot o \odot (1 - \tanh^2 c_t) \qquad
# \delta o = \delta h_t \odot \tanh c_t$$
# $$\delta i = \delta c \odot g \qquad \delta g = \delta c \odot i \qquad
# \delta f = \delta c \odot c_{t-1} \qquad \delta c_{t-1} = \delta c \odot f$$
#
# Then every gate goes through the derivative of its function, which is written with its output:
# $s(1-s)$ for the sigmoid and $1 - s^2$ for the tanh. The rest are products like those of the RNN.
# Use the gates that you are given, and compute $c_t$ from them.


# %% role="exercise" id="lstm_back" title_es="Un paso hacia atrás" title_en="One step back" difficulty=3 minutes=25
def lstm_step_backward(
    params: dict,
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    gates: np.ndarray,
    d_h: np.ndarray,
    d_c: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the gradients of h and c, both (B, H), and of W_x, W_h and b, summed over the batch.

    ``x``, ``h`` and ``c`` are what the step read, ``gates`` (B, 4H) what it returned; ``d_h`` and
    ``d_c`` (B, H) are the gradients of the states that came out of it.
    """
    ### BEGIN SOLUTION
    i, f, g, o = np.split(gates, 4, axis=-1)
    shown = tanh(f * c + i * g)
    d_c = d_c + d_h * o * (1 - shown**2)
    d_inner = np.concatenate(
        [
            d_c * g * i * (1 - i),
            d_c * c * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * shown * o * (1 - o),
        ],
        axis=-1,
    )  # (B, 4H)
    gradients = {"W_x": d_inner.T @ x, "W_h": d_inner.T @ h, "b": d_inner.sum(axis=0)}
    return d_inner @ params["W_h"], d_c * f, gradients
    ### END SOLUTION


# %% role="check" id="lstm_back_check" points=6
def drawn_step_back(rng, hidden, batch):
    """Draw a step, its gates and the gradients that come from the right."""
    gates = rng.uniform(0.1, 0.9, size=(batch, 4 * hidden))
    gates[:, 2 * hidden : 3 * hidden] = rng.uniform(-0.9, 0.9, size=(batch, hidden))
    return *drawn_step(rng, hidden, batch), gates, *rng.normal(size=(2, batch, hidden))


tick.call(
    "gradients of the states",
    lambda params, x, h, c, gates, d_h, d_c: lstm_step_backward(params, x, h, c, gates, d_h, d_c)[
        :2
    ],
    cases=lambda rng: [drawn_step_back(rng, hidden, batch) for hidden, batch in [(2, 1), (4, 3)]],
    marks=3,
    hint={
        "es": "¿Sumas a d_c lo que llega desde h antes de usarlo? δc_{t-1} es ese total por f; δh_{t-1}, lo que entra en las puertas por W_h.",
        "en": "Do you add to d_c what comes from h before using it? δc_{t-1} is that total times f; δh_{t-1}, what enters the gates times W_h.",
    },
)
tick.call(
    "gradients of the weights",
    lambda params, x, h, c, gates, d_h, d_c: lstm_step_backward(params, x, h, c, gates, d_h, d_c)[
        2
    ],
    cases=lambda rng: [drawn_step_back(rng, hidden, batch) for hidden, batch in [(2, 1), (4, 3)]],
    marks=3,
    hint={
        "es": "Mismo orden i, f, g, o que a la ida, cada una con su derivada. Las formas son las de W_x, W_h y b.",
        "en": "The same order i, f, g, o as on the way out, each with its derivative. The shapes are those of W_x, W_h and b.",
    },
)

# %% [markdown] lang="es"
# El recorrido en el tiempo ya lo conoces, así que te lo damos hecho. Antes de entrenar, la misma
# auditoría que a la RNN: diferencias finitas y `nn.LSTM` con tus pesos.

# %% [markdown] lang="en"
# You know the walk through time by now, so here it is. Before training, the same audit as for the
# RNN: finite differences, and `nn.LSTM` with your weights.


# %% role="given"
def lstm_run(params, inputs):
    """Return what each step read and its gates, and the logits (T, B, V), of inputs (T, B, V)."""
    h = c = np.zeros((inputs.shape[1], params["W_h"].shape[1]))
    read, hiddens = [], []
    for x in inputs:
        before = (x, h, c)
        h, c, gates = lstm_step(params, *before)
        read.append((*before, gates))
        hiddens.append(h)
    hiddens = np.array(hiddens)  # (T, B, H)
    return read, hiddens, hiddens @ params["W_hy"].T + params["b_y"]


def lstm_gradients(params, inputs, targets, mask):
    """Return the mean nats a real token, and their gradients, of an LSTM on a padded batch."""
    read, hiddens, logits = lstm_run(params, inputs)
    loss = np.average(cross_entropy(logits, targets), weights=mask)
    d_logits = output_gradient(logits, targets) * mask[..., None] / mask.sum()
    gradients = {name: np.zeros_like(values) for name, values in params.items()}
    gradients["W_hy"] = np.einsum("tbv,tbh->vh", d_logits, hiddens)
    gradients["b_y"] = d_logits.sum(axis=(0, 1))
    d_h = d_c = np.zeros_like(hiddens[0])
    for step, d_logit in zip(reversed(read), reversed(d_logits), strict=True):
        d_h, d_c, more = lstm_step_backward(params, *step, d_h + d_logit @ params["W_hy"], d_c)
        for name, values in more.items():
            gradients[name] = gradients[name] + values
    return loss, gradients


def new_lstm(hidden, vocabulary, rng):
    """Return the parameters of an LSTM before its training."""
    bias = np.zeros(4 * hidden)
    bias[hidden : 2 * hidden] = 1  # a forget gate that begins half open remembers by default
    return {
        "W_x": 0.3 * rng.normal(size=(4 * hidden, vocabulary)),
        "W_h": np.vstack([orthogonal(hidden, rng) for _ in range(4)]),
        "b": bias,
        "W_hy": 0.1 * rng.normal(size=(vocabulary, hidden)),
        "b_y": np.zeros(vocabulary),
    }


with once_done():
    rng = np.random.default_rng(run_seed())
    params = new_lstm(6, VOCABULARY, rng)
    inputs, targets, mask = padded_batch([["a"] * n + ["b"] * n + ["EOS"] for n in (4, 4)])
    compare_with_differences(
        lambda params: lstm_gradients(params, inputs, targets, mask), params, rng
    )
    _, gradients = lstm_gradients(params, inputs, targets, mask)
    order = ["W_x", "W_h", "b", "W_hy", "b_y"]
    compare_with_autograd(
        [gradients[name] * mask.sum() for name in order],
        nn.LSTM(VOCABULARY, 6),
        [params[name] for name in order],
        inputs,
        targets,
    )

# %% [markdown] lang="es"
# Entrenamos las dos redes por lotes, con los mismos datos, las mismas épocas y el mismo tamaño de
# estado. Solo cambia el paso: la LSTM aguanta uno cinco veces mayor. (Dáselo también a la RNN y mira
# su curva: es un experimento de diez segundos.)

# %% [markdown] lang="en"
# We train both networks by batches, on the same data, for the same epochs and with the same size
# of state. Only the step differs: the LSTM bears one five times as long. (Give it to the RNN, too,
# and look at its curve: the experiment takes ten seconds.)


# %% role="given"
def train_batched(new, gradients_of, lr):
    """Train a NumPy network by padded batches; return its parameters and its history."""
    return train(
        new(HIDDEN, VOCABULARY, np.random.default_rng(run_seed())),
        [padded_batch(group) for group in in_batches(train_set, 16)],
        padded_batch(validation_set),
        lambda params, batch: gradients_of(params, *batch),
        lambda params, velocity, gradients: momentum_step(
            params, velocity, clip_by_norm(gradients, MAX_NORM), lr, MOMENTUM
        ),
        epochs=budget(full=40, quick=50),
    )


with once_done():
    models["LSTM"], histories["LSTM"] = train_batched(new_lstm, lstm_gradients, lr=0.5)
with once_done():
    _, histories["batched RNN"] = train_batched(new_rnn, batch_gradients, lr=0.1)
with once_done():
    ax = plots.loss_curve(
        {
            f"{name}, {part}": histories[name][part]
            for name in ("batched RNN", "LSTM")
            for part in ("training", "validation")
        }
    )
    ax.axhline(FLOOR, color=plots.TEXT, linewidth=1, linestyle=":")
    ax.set(ylabel="loss (nats a token)", ylim=(0, None))
    plt.show()


# %% role="check" id="lstm_trained_check" covers="lstm_step,lstm_back" points=4
def lstm_classes(params, beginnings):
    """Return the most probable class after each beginning, for an LSTM."""
    ids, mask = pad([encode(tokens, token_to_id) for tokens in beginnings])
    logits = lstm_run(params, one_hot(ids, VOCABULARY))[2]
    last = mask.sum(axis=0).astype(int) - 1
    best = logits[last, np.arange(len(beginnings))].argmax(axis=-1)
    return [CLASSES.index(id_to_token[int(token)]) for token in best]


tick.predictions(
    "LSTM on hidden sequences",
    lambda beginnings: lstm_classes(models["LSTM"], beginnings),
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=("always b", always_b),
    marks=4,
    hint={
        "es": "Mira primero la auditoría de arriba: con un gradiente equivocado la pérdida no llega al suelo.",
        "en": "Look at the audit above first: with a wrong gradient the loss does not reach the floor.",
    },
)

# %% [markdown] lang="es"
# **¿Cuánto llega al principio?** Hagamos la pregunta que da sentido a todo esto: si la pérdida está
# en el último paso, ¿qué gradiente llega al **primero**? Medimos su norma con redes sin entrenar
# y secuencias cada vez más largas. Cada curva es la media de varios sorteos; fíjate en que el eje
# es logarítmico.

# %% [markdown] lang="en"
# **How much reaches the beginning?** Let us ask the question that all this is about: if the loss
# is at the last step, what gradient arrives at the **first**? We measure its norm with untrained
# networks and longer and longer sequences. Each curve is the mean of several draws; notice that
# the axis is logarithmic.


# %% role="given"
def reach(cell, steps):
    """Return the mean norm of the gradient at step 1 of a random direction of the last state."""
    ids = torch.randint(0, 4, (steps, 16))
    inputs = nn.functional.one_hot(ids, 4).float().requires_grad_()  # (T, B, V)
    last = cell(inputs)[0][-1]
    direction = nn.functional.normalize(torch.randn_like(last), dim=-1)
    (gradient,) = torch.autograd.grad((last * direction).sum(), inputs)
    return gradient[0].norm(dim=-1).mean().item()


def fresh_rnn(is_orthogonal):
    """Return an ``nn.RNN`` as PyTorch starts it, or with an orthogonal recurrent matrix."""
    cell = nn.RNN(4, HIDDEN)
    if is_orthogonal:
        nn.init.orthogonal_(cell.weight_hh_l0)
    return cell


def fresh_lstm(forget_bias):
    """Return an ``nn.LSTM`` whose forget gates have this bias."""
    cell = nn.LSTM(4, HIDDEN)
    with torch.no_grad():
        cell.bias_ih_l0[HIDDEN : 2 * HIDDEN] = forget_bias
        cell.bias_hh_l0[HIDDEN : 2 * HIDDEN] = 0
    return cell


torch.manual_seed(run_seed())
lengths = [1, 2, 5, 10, 20, 40, 80]
reached = {
    name: [np.mean([reach(make(), steps) for _ in range(5)]) for steps in lengths]
    for name, make in {
        "RNN, PyTorch's start": lambda: fresh_rnn(False),
        "RNN, orthogonal": lambda: fresh_rnn(True),
        "LSTM, forget bias 0 (f ≈ 0.5)": lambda: fresh_lstm(0.0),
        "LSTM, forget bias 3 (f ≈ 0.95)": lambda: fresh_lstm(3.0),
    }.items()
}
ax = plots.curves(
    reached, ylabel="gradient norm at step 1", xlabel="sequence length", x=lengths, log=True
)
ax.set_ylim(1e-12, 1)
ax.legend(loc="lower left")
plt.show()

# %% [markdown] role="question" id="which_better" points=2 lang="es"
# ¿Qué modelo lo ha hecho mejor, la RNN o la LSTM? Apóyate en los números y explica por qué en
# **esta** tarea la diferencia es la que es.
#
# ### BEGIN SOLUTION
# Las dos llegan al suelo y predicen bien prácticamente todas las posiciones determinadas: en el
# resultado hay empate. La RNN no sale perdiendo porque las secuencias son cortas (20 pasos como
# mucho), la inicialización ortogonal conserva el gradiente a esa distancia y basta con contar hasta
# diez. La LSTM llega en menos épocas, pero cada una le cuesta varias veces más: tiene el cuádruple
# de pesos recurrentes. Su ventaja de verdad aparecería con dependencias más largas. «Mejor» depende
# de la tarea: aquí la sencilla basta.
# ### END SOLUTION

# %% [markdown] role="question" id="which_better" points=2 lang="en"
# Which model did better, the RNN or the LSTM? Use the numbers, and explain why on **this** task
# the difference is what it is.
#
# ### BEGIN SOLUTION
# Both reach the floor and predict practically all determined positions: the result is a draw. The
# RNN does not lose because the sequences are short (20 steps at most), the orthogonal start keeps
# the gradient alive over that distance, and counting to ten is all it takes. The LSTM gets there in
# fewer epochs, but each costs it several times as much: it has four times the recurrent weights.
# Its real advantage would show with longer dependencies. “Better” depends on the task: here the
# simple one is enough.
# ### END SOLUTION

# %% [markdown] role="question" id="curve_differs" points=2 lang="es"
# ¿En qué se diferencian las curvas de la LSTM y de la RNN? ¿A qué atribuyes esa diferencia?
#
# ### BEGIN SOLUTION
# La LSTM llega al suelo en muchas menos épocas (unas diez, frente a veinte o treinta) y con una
# curva más lisa; la RNN baja en dientes de sierra y a veces da un salto hacia arriba cuando ya
# estaba abajo. En la RNN un cambio pequeño de $W_{hh}$ se multiplica a cada paso, así que la pérdida
# es muy irregular; en la LSTM la cuenta se lleva sumando en la celda y el gradiente llega sin
# deformarse. Por eso aguanta un paso cinco veces mayor, con el que la RNN no llega a aprender. En
# ambas, el recorte evita que un pico arruine el entrenamiento. (Vale cualquier descripción que se
# apoye en las curvas propias.)
# ### END SOLUTION

# %% [markdown] role="question" id="curve_differs" points=2 lang="en"
# How do the curves of the LSTM and of the RNN differ? What do you put that difference down to?
#
# ### BEGIN SOLUTION
# The LSTM reaches the floor in far fewer epochs (about ten, against twenty or thirty) and on a
# smoother curve; the RNN falls in saw teeth and sometimes jumps up when it was already down. In the
# RNN a small change of $W_{hh}$ is multiplied at every step, so its loss is very uneven; the LSTM
# counts by adding in its cell, and the gradient arrives undistorted. That is why it bears a step
# five times as long, with which the RNN does not get to learn. In both, clipping keeps a spike from
# ruining the training. (Any description that rests on the student's own curves will do.)
# ### END SOLUTION

# %% [markdown] role="question" id="long_memory" points=2 lang="es"
# Con el dibujo de la célula y el experimento del gradiente delante: ¿por qué una LSTM **puede**
# conservar dependencias largas? ¿Las conserva siempre?
#
# ### BEGIN SOLUTION
# Por el camino de la celda, $\partial c_t/\partial c_{t-1} = f$ (más lo que pasa por las puertas):
# no se multiplica una y otra vez por la misma matriz ni por la derivada de una tanh. Si la puerta
# del olvido está abierta, $f \approx 1$, el gradiente y la información llegan casi intactos. Pero
# no siempre: con sesgo 0, $f \approx 0{,}5$ y el producto $0{,}5^T$ se desvanece igual que el de la
# RNN. La diferencia es que la LSTM puede *aprender* a dejar la puerta abierta, y empezar con un
# sesgo positivo le ayuda.
# ### END SOLUTION

# %% [markdown] role="question" id="long_memory" points=2 lang="en"
# With the drawing of the cell and the gradient experiment before you: why **can** an LSTM keep long
# dependencies? Does it always?
#
# ### BEGIN SOLUTION
# Along the cell, $\partial c_t/\partial c_{t-1} = f$ (and what passes through the gates): there is
# no multiplying by the same matrix again and again, nor by the derivative of a tanh. If the forget
# gate is open, $f \approx 1$, gradient and information arrive almost intact. But not always: with
# bias 0, $f \approx 0.5$, and the product $0.5^T$ vanishes just as the RNN's does. The difference
# is that an LSTM can *learn* to leave the gate open, and starting with a positive bias helps.
# ### END SOLUTION

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


def drops_out(vocabulary, hidden, inputs):
    """Return whether the logits change from call to call, in training and in evaluation mode."""
    model = NextToken(vocabulary, hidden, dropout=0.5)
    inputs = torch.tensor(inputs, dtype=torch.float32)
    return [
        not torch.equal(model.train(mode)(inputs), model.train(mode)(inputs))
        for mode in (True, False)
    ]


def drawn_inputs(rng):
    """Draw one-hot inputs, shape (6, 3, 5)."""
    return np.eye(5)[rng.integers(0, 5, size=(6, 3))]


tick.call(
    "logits of the model",
    lambda vocabulary, hidden, inputs: filled_outputs(vocabulary, hidden, inputs),
    cases=lambda rng: [(5, hidden, drawn_inputs(rng)) for hidden in (3, 8)],
    marks=2,
    hint={
        "es": "nn.LSTM devuelve una tupla: los estados de todos los pasos y los últimos. Sin batch_first, el tiempo va primero.",
        "en": "nn.LSTM returns a tuple: the states of all steps, and the last ones. Without batch_first, time comes first.",
    },
)
tick.call(
    "dropout only while training",
    lambda vocabulary, hidden, inputs: drops_out(vocabulary, hidden, inputs),
    cases=lambda rng: [(5, 8, drawn_inputs(rng))],
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
    "training step",
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
    "evaluation",
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
    "nn.LSTM on hidden sequences",
    lambda beginnings: torch_classes(models["nn.LSTM"], beginnings),
    hidden=drawn_beginnings,
    metric="accuracy",
    baseline=("always b", always_b),
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
    "errors by position",
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
    ax.set(title=title, xlabel="position of what is read", ylabel="n")


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
        left.set(title="test set, nn.LSTM", xlabel="position of what is read", ylabel="share wrong")
        left.set_xticks(range(0, len(errors), 5))
        draw_mistakes(right, "nn.LSTM: dark is wrong, orange is the first b", torch_logits)
        plt.show()
with once_done(), plots.style():
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    draw_mistakes(axes[0], "RNN in NumPy", rnn_logits)
    draw_mistakes(axes[1], "LSTM in NumPy", lambda inputs: lstm_run(models["LSTM"], inputs)[2])
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

# %% [markdown] lang="es"
# ## 4. Una serie real
#
# 144 meses de pasajeros de avión, en miles, de 1949 a 1960 (Box y Jenkins, 1976). En el perfil
# rápido, una serie sorteada que se le parece. Guardamos el último 20 % y lo pronosticamos entero
# desde el último mes conocido, **sin mirar por el camino**: casi dos años y medio a ciegas.
#
# Mira el dibujo antes de programar. Hay tres cosas que ponen la zancadilla a una red: la serie
# **crece** (en el examen habrá valores que nunca vio al entrenar), las oscilaciones crecen **con
# ella** y todo se repite **cada doce meses**.

# %% [markdown] lang="en"
# ## 4. A real series
#
# 144 months of airline passengers, in thousands, from 1949 to 1960 (Box and Jenkins, 1976). In the
# quick profile, a drawn series that looks like it. We put the last 20% away and forecast all of it
# from the last month known, **without looking on the way**: almost two and a half years blind.
#
# Look at the picture before you program. Three things trip a network up: the series **grows** (the
# exam has values never seen in training), its swings grow **along with it**, and everything
# repeats **every twelve months**.

# %% role="given"
frame = budget(
    full=lambda: airline(), quick=lambda: seasonal_series(np.random.default_rng(run_seed()))
)()
series = frame["passengers"].to_numpy(dtype=float)
KNOWN = len(series) * 8 // 10
HORIZON = len(series) - KNOWN
history, future = series[:KNOWN], series[KNOWN:]


def draw_series(lines):
    """Draw the series, known and to come, and lines over the months to come."""
    with plots.style():
        ax = plt.subplots(figsize=(8, 3.6), layout="constrained")[1]
        ax.plot(frame["month"], series, color=plots.COLOURS[5], linewidth=1.2, label="passengers")
        for number, (name, values) in enumerate(lines.items()):
            ax.plot(
                frame["month"][KNOWN:],
                values,
                color=plots.COLOURS[number],
                linestyle=plots.DASHES[number],
                marker=plots.MARKERS[number],
                markersize=3.5,
                label=name,
            )
        ax.axvspan(frame["month"][KNOWN], frame["month"].iloc[-1], color=plots.GRID, alpha=0.5)
        ax.set(ylabel="passengers (thousands a month)")
        ax.legend(loc="upper left")
    plt.show()


draw_series({})


# %% [markdown] exercise="changes" lang="es"
# **Cambiar la pregunta.** El logaritmo convierte «crece un 10 %» en «sube 0,1», igual en 1949 que
# en 1960; y restar el mes anterior convierte una cuesta en algo que va y viene siempre a la misma
# altura. En vez de «¿cuántos pasajeros?», la red responderá «¿qué porcentaje más que el mes
# pasado?», una pregunta cuya respuesta no envejece. Escribe la ida y la vuelta.

# %% [markdown] exercise="changes" lang="en"
# **Changing the question.** The logarithm turns “grows by 10%” into “goes up by 0.1”, in 1949 as in
# 1960; and subtracting the month before turns a slope into something that comes and goes at the
# same height. Instead of “how many passengers?” the network will answer “what per cent more than
# last month?”, a question whose answer does not age. Write the way there and back.


# %% role="exercise" id="changes" title_es="Logaritmos y diferencias" title_en="Logarithms and differences" difficulty=1 minutes=8
def to_changes(series: np.ndarray) -> np.ndarray:
    """Return the change of the logarithm from each month to the next, one fewer than months."""
    ### BEGIN SOLUTION
    return np.diff(np.log(series))
    ### END SOLUTION


def from_changes(last: float, changes: np.ndarray) -> np.ndarray:
    """Return the values that follow ``last`` by these changes of the logarithm."""
    ### BEGIN SOLUTION
    return last * np.exp(np.cumsum(changes))
    ### END SOLUTION


# %% role="check" id="changes_check" points=4
tick.call(
    "changes",
    lambda series: to_changes(series),
    cases=lambda rng: [(rng.uniform(50, 600, size=size),) for size in (2, 30)],
    marks=2,
    hint={
        "es": "Primero el logaritmo, luego np.diff: el orden importa.",
        "en": "First the logarithm, then np.diff: the order matters.",
    },
)
tick.call(
    "and back",
    lambda last, changes: from_changes(last, changes),
    cases=lambda rng: [(rng.uniform(100, 500), rng.normal(0, 0.1, size=size)) for size in (1, 24)],
    marks=2,
    hint={
        "es": "Los cambios se acumulan antes de la exponencial. El primer valor devuelto es el que sigue a last.",
        "en": "Changes add up before the exponential. The first value returned is the one after last.",
    },
)


# %% role="given"
def require_series(series, look_back):
    """Raise if a series cannot be cut into windows with a target after each."""
    series = np.asarray(series, dtype=float)
    bad = np.flatnonzero(~np.isfinite(series))
    if bad.size:
        raise ValueError(
            f"the series has {bad.size} values that are NaN or infinite, the first at index "
            f"{bad[0]}; expected finite numbers. Fill in or leave out those months."
        )
    if not 1 <= look_back < len(series):
        raise ValueError(
            f"the look-back is {look_back} and the series has {len(series)} values; expected a "
            f"look-back from 1 to {len(series) - 1}, so that each window has a value after it."
        )


# %% [markdown] exercise="windows" lang="es"
# **Ventanas.** De una serie larga salen muchos ejemplos cortos: los `look_back` valores anteriores
# son la entrada y el que viene, el objetivo. Con doce, la red tiene siempre delante lo que pasó en
# este mismo mes del año anterior.

# %% [markdown] exercise="windows" lang="en"
# **Windows.** One long series gives many short examples: the `look_back` values before are the
# input, and the one that comes is the target. With twelve, the network always sees what happened in
# this same month of the year before.


# %% role="exercise" id="windows" title_es="Ventanas con memoria" title_en="Windows that look back" difficulty=1 minutes=6
def make_windows(series: np.ndarray, look_back: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows, shape (N, look_back), and the value after each, shape (N,)."""
    require_series(series, look_back)
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(series, look_back)[:-1]
    return windows.copy(), series[look_back:].copy()
    ### END SOLUTION


# %% role="check" id="windows_check" points=2
tick.call(
    "windows and targets",
    lambda series, look_back: make_windows(series, look_back),
    cases=lambda rng: [
        (rng.normal(size=size), look_back) for size, look_back in [(20, 12), (9, 1), (6, 5)]
    ],
    marks=2,
    hint={
        "es": "Salen len(series) − look_back ventanas, y el objetivo es el valor que va justo después de cada una.",
        "en": "There are len(series) − look_back windows, and the target is the value right after each.",
    },
)

# %% [markdown] exercise="seasonal_naive" lang="es"
# **La referencia que hay que batir.** Antes de presumir de red, el pronóstico más perezoso: **lo
# mismo que hace un año**. Repite los últimos doce meses conocidos tantas veces como haga falta.

# %% [markdown] exercise="seasonal_naive" lang="en"
# **The baseline to beat.** Before showing off a network, the laziest forecast of all: **the same as
# a year ago**. Repeat the last twelve months known as often as needed.


# %% role="exercise" id="seasonal_naive" title_es="Lo mismo que hace un año" title_en="The same as a year ago" difficulty=1 minutes=4
def seasonal_naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """Return a forecast, shape (horizon,), that repeats the last twelve values."""
    ### BEGIN SOLUTION
    return np.resize(history[-12:], horizon)
    ### END SOLUTION


# %% role="check" id="seasonal_naive_check" points=1
tick.call(
    "seasonal-naive forecast",
    lambda history, horizon: seasonal_naive(history, horizon),
    cases=lambda rng: [(rng.uniform(100, 500, size=40), horizon) for horizon in (5, 12, 29)],
    marks=1,
    hint={
        "es": "El mes 13 del pronóstico es otra vez el primero de los doce, no el mes 13 de la historia.",
        "en": "Month 13 of the forecast is the first of the twelve again, not month 13 of the history.",
    },
)

# %% [markdown] exercise="forecast" lang="es"
# **Tu modelo.** Ahora mandas tú. Solo pedimos `forecast(history, horizon)`: entrena **con lo que
# recibe** y devuelve los `horizon` meses siguientes, en pasajeros. La comprobación le entrega la
# primera parte de series recién sorteadas, parecidas a la del avión, y el final lo guarda el
# examinador: no sirve de nada haber visto los meses de prueba de la serie de arriba. Se mide el
# RMSE, en miles de pasajeros, contra «lo mismo que hace un año».
#
# Un camino que funciona:
#
# 1. `to_changes` y normalizar (restar la media y dividir por la desviación, de la historia).
# 2. Ventanas de doce, una LSTM pequeña (16 unidades) y una capa lineal sobre su último estado;
#    error cuadrático y Adam con lr = 0,01. Bastan unos 200 pasos con todas las ventanas a la vez.
# 3. **Ruido** en las ventanas al entrenar (desviación 0,4). Al pronosticar lejos, la red lee sus
#    propias predicciones, que no son perfectas: más vale que aprenda con entradas que tampoco.
# 4. Pronosticar un mes, añadirlo a la ventana, repetir; deshacer la normalización y
#    `from_changes`.
# 5. **Promediar** varias redes entrenadas con semillas distintas: sus errores se compensan en
#    parte. Con 100 ventanas, una red sola depende demasiado de su suerte.
#
# No elijas nada mirando el último 20 %. Si quieres comparar ideas, esconde otro trozo de la
# historia y examínate en él. Y cuida el tiempo: un pronóstico no debería pasar de unos segundos.

# %% [markdown] exercise="forecast" lang="en"
# **Your model.** Now you decide. All we ask for is `forecast(history, horizon)`: it trains **on
# what it is given** and returns the next `horizon` months, in passengers. The check hands it the
# first part of freshly drawn series, much like the airline's, and the examiner keeps the end:
# having seen the test months of the series above is of no use. The RMSE is measured, in thousands
# of passengers, against “the same as a year ago”.
#
# One way that works:
#
# 1. `to_changes`, then normalise (subtract the mean and divide by the deviation, of the history).
# 2. Windows of twelve, a small LSTM (16 units) and a linear layer on its last state; squared error
#    and Adam with lr = 0.01. Some 200 steps on all the windows at once are enough.
# 3. **Noise** on the windows while training (deviation 0.4). Forecasting far ahead, the network
#    reads its own predictions, which are not perfect: it had better learn from inputs that are not
#    either.
# 4. Forecast a month, add it to the window, repeat; undo the normalisation, and `from_changes`.
# 5. **Average** several networks trained from different seeds: part of their errors cancel out.
#    With 100 windows, a single network depends too much on its luck.
#
# Choose nothing by looking at the last 20%. To compare ideas, hide another piece of the history and
# sit the exam on that. And mind the time: a forecast should not take more than a few seconds.


# %% role="exercise" id="forecast" title_es="Pronosticar a ciegas" title_en="Forecasting blind" difficulty=3 minutes=45
class Forecaster(nn.Module):
    """Predicts the next value of normalised windows."""

    def __init__(self, hidden: int = 16):
        super().__init__()
        ### BEGIN SOLUTION
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.output = nn.Linear(hidden, 1)
        ### END SOLUTION

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return the predictions, shape (N,), of windows, shape (N, look_back)."""
        ### BEGIN SOLUTION
        hiddens, _ = self.lstm(windows[..., None])  # (N, look_back, H)
        return self.output(hiddens[:, -1])[:, 0]
        ### END SOLUTION


def fit_forecaster(windows: torch.Tensor, targets: torch.Tensor) -> Forecaster:
    """Return a model trained on windows (N, look_back) and the value after each (N,)."""
    ### BEGIN SOLUTION
    model, steps = Forecaster(), 200
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for _ in range(steps):
        noisy = windows + 0.4 * torch.randn_like(windows)
        loss = nn.functional.mse_loss(model(noisy), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()
    ### END SOLUTION


def forecast(history: np.ndarray, horizon: int) -> np.ndarray:
    """Return the ``horizon`` values that follow the history, shape (horizon,), in passengers."""
    ### BEGIN SOLUTION
    look_back, members = 12, budget(full=5, quick=3)
    changes = to_changes(history)
    mean, deviation = changes.mean(), changes.std()
    normal = (changes - mean) / deviation
    windows, targets = (
        torch.tensor(values, dtype=torch.float32) for values in make_windows(normal, look_back)
    )
    ahead = []
    for seed in range(members):
        torch.manual_seed(seed)
        model = fit_forecaster(windows, targets)
        known = torch.tensor(normal[-look_back:], dtype=torch.float32)
        with torch.no_grad():
            for _ in range(horizon):
                known = torch.cat([known, model(known[None, -look_back:])])
        ahead.append(known[look_back:].double().numpy())
    return from_changes(history[-1], np.mean(ahead, axis=0) * deviation + mean)
    ### END SOLUTION


# %% role="check" id="forecast_check" points=6
def drawn_futures(rng, count=2):
    """Draw the first 115 months of some series, shape (count, 115), and the 29 that follow."""
    drawn = np.array([seasonal_series(rng)["passengers"] for _ in range(count)], dtype=float)
    return drawn[:, :115], drawn[:, 115:]


tick.predictions(
    "months to come",
    lambda histories: np.array([forecast(past, 29) for past in histories]),
    hidden=drawn_futures,
    metric="rmse",
    baseline=(
        "the same as a year ago",
        lambda histories: np.array([seasonal_naive(past, 29) for past in histories]),
    ),
    marks=6,
    hint={
        "es": "¿Entrena solo con la historia que recibe? ¿Devuelve pasajeros, y no cambios ni valores normalizados? Dibuja antes la serie de arriba.",
        "en": "Does it train only on the history it is given? Does it return passengers, not changes or normalised values? Draw the series above first.",
    },
)

# %% [markdown] lang="es"
# Y el momento de la verdad, en la serie de arriba. Este dibujo no puntúa: es tuyo.

# %% [markdown] lang="en"
# And the moment of truth, on the series above. This picture earns no marks: it is yours.


# %% role="given"
def rmse(predicted, truth):
    """Return the root mean squared error, in the unit of the truth."""
    return np.sqrt(np.mean((predicted - truth) ** 2))


with once_done():
    took, ours = seconds_of(lambda: forecast(history, HORIZON))
    lines = {"your forecast": ours, "the same as a year ago": seasonal_naive(history, HORIZON)}
    for name, values in lines.items():
        print(f"{name:<24} RMSE {rmse(values, future):5.1f} thousand passengers")
    print(f"The forecast took {took:.1f} s.")
    draw_series(lines)

# %% [markdown] lang="es"
# **Lo que te llevas.** Has escrito los gradientes de dos redes recurrentes y los has comprobado
# por tres vías; has visto por qué una olvida y qué hace la otra para no olvidar; y has pronosticado
# una serie real cambiando la pregunta antes que la red. La próxima vez que una biblioteca lo haga
# por ti en una línea, sabrás qué línea es.

# %% [markdown] lang="en"
# **What you take away.** You have written the gradients of two recurrent networks and checked them
# in three ways; you have seen why one forgets and what the other does about it; and you have
# forecast a real series by changing the question before changing the network. Next time a library
# does it for you in one line, you will know which line it is.

# %% role="given"
tick.summary()
