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
# sigue. Una línea con ⏳ dice qué ejercicio está esperando esa celda. La práctica entera se
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

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from data.loaders import airline
from data.synthetic import anbn, seasonal_series
from utils import plots
from utils.diagrams import arrow, blank, box, dot, enclose
from utils.language import tr
from utils.profile import budget, run_seed
from utils.unfinished import Models, once_done

# The models of this lab are tiny: sharing so little work among several threads costs more than
# the work itself, so PyTorch gets one.
torch.set_num_threads(1)


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
    return np.array([token_to_id.get(token, unknown) for token in tokens])
    ### END SOLUTION


# %% role="check" id="vocabulary_check" points=2
def drawn_sequences(rng, size):
    """Draw three sequences of that many different words; the first one begins with the last word."""
    words = sorted(
        rng.choice(["bo", "da", "hi", "ki", "qu", "wa", "xo", "ye", "zu"], size, replace=False)
    )
    drawn = [rng.choice(words, size=length).tolist() for length in (6, 4, 9)]
    return [words[:0:-1], *drawn, words[:1]]


tick.call(
    {"es": "diccionarios", "en": "dictionaries"},
    lambda sequences: build_dictionaries(sequences),
    cases=lambda rng: [(drawn_sequences(rng, size),) for size in (4, 3)],
    marks=1,
    hint={
        "es": "Devuelve dos diccionarios. ¿Está UNK en el 0? ¿Y las demás, una vez cada una, ordenadas?",
        "en": "Return two dictionaries. Is UNK at 0? And the others, once each, sorted?",
    },
)
tick.call(
    {"es": "codificación con UNK", "en": "encoding with UNK"},
    lambda tokens, ids: encode(tokens, ids),
    cases=lambda rng: [
        (["e", *rng.choice(list("abcde"), size=12).tolist()], {"UNK": 0, "b": 1, "d": 2}),
        ([*rng.choice(list("xyz"), size=5).tolist(), "w"], {"UNK": 3, "x": 0, "y": 1, "z": 2}),
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
def facts_of_split(count, seeds):
    """Return sizes, whether nothing is lost and all is mixed, and which seeds gave the same split."""
    runs = []
    for seed in seeds:
        items = [[number] * (1 + number % 3) for number in range(count)]  # of different lengths
        parts = split(items, np.random.default_rng(seed))
        runs.append([[item[0] for item in part] for part in parts])
    orders = [[number for part in parts for number in part] for parts in runs]
    training, _, test = runs[0]
    return {
        "sizes": [len(part) for part in runs[0]],
        "nothing lost": all(sorted(order) == list(range(count)) for order in orders),
        "shuffled": training != sorted(training),
        "test is not the end": sorted(test) != list(range(count - len(test), count)),
        "same as the split number": [orders.index(order) for order in orders],
    }


tick.call(
    {"es": "tres partes", "en": "three parts"},
    lambda count, seeds: facts_of_split(count, seeds),
    cases=lambda rng: [
        (count, rng.integers(4, size=6).tolist())
        for count in (100, 10 * rng.integers(4, 9) + 7, rng.integers(200, 300))
    ],
    marks=2,
    hint={
        "es": "¿Suman las tres partes todos los datos, sin repetir? ¿Barajas todo antes de cortar, con el rng recibido y no con otro?",
        "en": "Do the three parts add up to all the data, without repeats? Do you shuffle all of it before cutting, with the given rng?",
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


# %% role="check" id="pairs_check" points=2
tick.call(
    {"es": "entradas y objetivos", "en": "inputs and targets"},
    lambda ids: inputs_and_targets(ids),
    cases=lambda rng: [(rng.integers(0, 9, size=size),) for size in (2, 7, 12)],
    marks=1,
    hint={
        "es": "El objetivo de cada posición es la palabra que viene después. ¿Tienen los dos la misma longitud?",
        "en": "The target at each position is the word that comes after. Are both of the same length?",
    },
)
tick.call(
    {"es": "vectores one-hot", "en": "one-hot vectors"},
    lambda ids, size: one_hot(ids, size),
    cases=lambda rng: [
        (rng.integers(0, 4, size=7), 5),
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
    """Raise if a sequence cannot be used; warn of tokens that will be read as UNK."""
    if isinstance(tokens, str):
        raise TypeError(
            tr(
                es=f"se esperaba una lista de palabras y llegó el texto {tokens!r}. Escribe "
                f"{tokens.split()}.",
                en=f"expected a list of tokens, got the text {tokens!r}. Write {tokens.split()}.",
            )
        )
    if len(tokens) < least:
        if least == 2:
            why = tr(es="una para leer y otra para predecir", en="one to read and one to predict")
        else:
            why = tr(es="algo de lo que partir", en="something to go on from")
        raise ValueError(
            tr(
                es=f"la secuencia {list(tokens)} tiene longitud {len(tokens)}; se esperaba {least} "
                f"o más ({why}). Déjala fuera.",
                en=f"the sequence {list(tokens)} has length {len(tokens)}; expected {least} or "
                f"more ({why}). Leave it out.",
            )
        )
    unknown = ", ".join(sorted(set(tokens) - set(token_to_id)))
    if unknown:
        known = ", ".join(token_to_id)
        warnings.warn(
            tr(
                es=f"fuera del vocabulario ({known}): {unknown}. Para la red es UNK, del que no "
                "ha aprendido nada. Revisa la ortografía o rehaz el vocabulario.",
                en=f"{unknown} not in the vocabulary ({known}): read as UNK, of which the network "
                "has learned nothing. Check the spelling or rebuild the vocabulary.",
            ),
            stacklevel=2,
        )


def prepare(tokens, token_to_id):
    """Return the one-hot inputs (T, V) and the targets (T,) of a sequence of T + 1 tokens."""
    require_sequence(tokens, token_to_id)
    ids = np.asarray(encode(tokens, token_to_id), dtype=int)
    inputs, targets = inputs_and_targets(ids)
    return np.asarray(one_hot(inputs, len(token_to_id)), dtype=float), np.asarray(targets)


with once_done():
    token_to_id, id_to_token = build_dictionaries(sequences)
    VOCABULARY = len(token_to_id)
    train_set, validation_set, test_set = split(sequences, np.random.default_rng(run_seed()))
    print(token_to_id)
    counts = len(train_set), len(validation_set), len(test_set)
    print(
        tr(
            es="{} de entrenamiento, {} de validación y {} de prueba",
            en="{} training, {} validation, {} test",
        ).format(*counts)
    )

# %% [markdown] exercise="orthogonal" lang="es"
# **Por dónde empezar.** El estado pasa por la misma matriz $W_{hh}$ una vez por palabra: tras
# veinte palabras el gradiente ha sido multiplicado por ella veinte veces. Si la matriz encoge los
# vectores, se desvanece; si los estira, explota. Una matriz **ortogonal** ($Q^\top Q = I$) no hace
# ni lo uno ni lo otro: solo gira. Por eso es un buen punto de partida (Saxe et al., 2014). No cura
# el olvido, eso sí: después de la matriz viene una tanh, que sí encoge. Ya lo mediremos.
#
# Para obtenerla, factoriza $G = QR$ (`np.linalg.qr`), donde $G$ tiene entradas normales de `rng`,
# y multiplica cada columna de $Q$ por el signo de su elemento en la diagonal de $R$; sin ese
# último detalle unas rotaciones saldrían más que otras (Mezzadri, 2007): el primer elemento de $Q$,
# por ejemplo, nunca sería positivo.

# %% [markdown] exercise="orthogonal" lang="en"
# **Where to start.** The state goes through the same matrix $W_{hh}$ once for every word: after
# twenty words the gradient has been multiplied by it twenty times. If the matrix shrinks vectors,
# the gradient vanishes; if it stretches them, it explodes. An **orthogonal** matrix ($Q^\top Q =
# I$) does neither: it only turns. That makes it a good place to start (Saxe et al., 2014). It does
# not cure forgetting, though: after the matrix comes a tanh, which does shrink. We shall measure it.
#
# To get one, factorise $G = QR$ (`np.linalg.qr`), where $G$ has normal entries from `rng`, and
# multiply each column of $Q$ by the sign of its element on the diagonal of $R$; without that last
# detail some rotations would come up more often than others (Mezzadri, 2007): the first element of
# $Q$, for one, would never be positive.


# %% role="exercise" id="orthogonal" title_es="Inicialización ortogonal" title_en="Orthogonal initialisation" difficulty=2 minutes=6
def orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random orthogonal matrix, shape (size, size)."""
    ### BEGIN SOLUTION
    Q, R = np.linalg.qr(rng.normal(size=(size, size)))
    return Q * np.sign(np.diag(R))
    ### END SOLUTION


# %% role="check" id="orthogonal_check" points=2
def facts_of_orthogonal(vectors, seeds):
    """Return products of vectors that Q turned, which seeds gave the same Q, and its first signs."""
    drawn = [np.asarray(orthogonal(len(vectors), np.random.default_rng(seed))) for seed in seeds]
    turned = drawn[0] @ vectors
    same = [next(i for i, Q in enumerate(drawn) if np.array_equal(Q, other)) for other in drawn]
    firsts = [orthogonal(3, np.random.default_rng([seeds[0], i]))[0, 0] for i in range(40)]
    return turned.T @ turned, same, sorted({int(np.sign(first)) for first in firsts})


tick.call(
    {"es": "gira sin estirar", "en": "turns without stretching"},
    lambda vectors, seeds: facts_of_orthogonal(vectors, seeds),
    cases=lambda rng: [
        (rng.normal(size=(size, size)), rng.integers(4, size=6).tolist()) for size in (2, 5, 24)
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "Q.T @ Q debe ser la identidad, y el sorteo debe venir solo del rng recibido: mismo generador, misma Q. ¿Sale Q[0, 0] unas veces positivo y otras negativo?",
        "en": "Q.T @ Q must be the identity, and the draw must come from the given rng alone: same generator, same Q. Is Q[0, 0] now positive, now negative?",
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
    """Call the function with overflows and invalid operations as errors; expect an array."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        result = function(x)
    if not isinstance(result, np.ndarray):
        kind = type(result).__name__
        raise TypeError(
            tr(
                es=f"se esperaba un array de NumPy y llegó {kind}: lo que sigue calcula con arrays",
                en=f"expected a NumPy array, got {kind}: what follows computes with arrays",
            )
        )
    return result


def near_and_far(rng):
    """Draw numbers around zero, and numbers whose exponential overflows on either side."""
    return np.concatenate([rng.uniform(-2000, 2000, size=20), [-1500.0, -30.0, 0.0, 30.0, 1500.0]])


def rows_far_apart(rng):
    """Draw rows thousands apart; in the last one, the numbers are hundreds apart as well."""
    rows = rng.normal(size=(4, 5)) + np.array([[0.0], [3000.0], [-3000.0], [100.0]])
    rows[3] += rng.permutation([0.0, -900.0, -1800.0, -2700.0, -3600.0])
    return rows


tick.call(
    {"es": "sigmoide", "en": "sigmoid"},
    lambda x: strictly(sigmoid, x),
    cases=lambda rng: [(rng.normal(size=(3, 4)),), (near_and_far(rng),)],
    marks=1,
    hint={
        "es": "Si el error es FloatingPointError, alguna exponencial recibe un número grande y positivo.",
        "en": "If the error is FloatingPointError, some exponential is given a large positive number.",
    },
)
tick.call(
    "tanh",
    lambda x: strictly(tanh, x),
    cases=lambda rng: [(rng.normal(size=(3, 4)),), (near_and_far(rng),)],
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
        (rows_far_apart(rng),),
    ],
    marks=2,
    hint={
        "es": "¿Sumas por el último eje con keepdims=True? ¿Restas el máximo de cada fila y no el de todo?",
        "en": "Do you add along the last axis with keepdims=True? Do you subtract each row's own maximum?",
    },
)
