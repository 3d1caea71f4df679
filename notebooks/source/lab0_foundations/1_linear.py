# %% [markdown] lang="es"
# ## Antes de empezar
#
# Una red neuronal es menos misteriosa de lo que parece: unas multiplicaciones de matrices, una
# función de pérdida y un método para bajar cuesta abajo. Este cuaderno reúne las diez ideas que
# los demás laboratorios dan por sabidas. Si alguna ya la dominas, haz su ejercicio y sigue
# adelante; si no, aquí es donde conviene detenerse.
#
# | | Idea | La vas a necesitar para |
# |---|---|---|
# | 1 | Multiplicar matrices | todo: una capa es un producto |
# | 2 | Regresión lineal | entender qué significa «entrenar» |
# | 3 | Funciones de pérdida | decirle a la red qué está mal y cuánto |
# | 4 | Optimizadores | corregirlo |
# | 5 | Capas ocultas | problemas que ninguna recta separa |
# | 6 | *Embeddings* | pasar de palabras a números |
# | 7 | El paso recurrente | leer secuencias |
# | 8 | Tokenización | decidir qué es una «palabra» |
# | 9 | Normalización por lotes | entrenar redes profundas sin sobresaltos |
# | 10 | Elegir los hiperparámetros | no perder la tarde probando al azar |
#
# **Cómo se trabaja.** Ejecuta las celdas en orden. En cada ejercicio sustituye la línea
# `raise NotImplementedError(...)` por tu código y ejecuta la comprobación que hay justo debajo:
# ✓ o ✗ al momento, con una pista. Tus funciones se prueban con entradas nuevas, sorteadas, así
# que no hay ningún resultado que memorizar. Una línea que empieza por … indica que ahí se espera
# a que termines un ejercicio anterior. Cada ejercicio se corrige por separado: si uno se te atraganta,
# sigue con el siguiente y vuelve más tarde.

# %% [markdown] lang="en"
# ## Before you start
#
# A neural network is less mysterious than it looks: some matrix multiplications, a loss function
# and a way of walking downhill. This notebook gathers the ten ideas that the other labs take for
# granted. If you already master one, do its exercise and move on; if not, this is the place to
# stop and think.
#
# | | Idea | You will need it to |
# |---|---|---|
# | 1 | Multiplying matrices | do anything at all: a layer is a product |
# | 2 | Linear regression | see what “training” means |
# | 3 | Loss functions | tell the network what is wrong, and by how much |
# | 4 | Optimisers | put it right |
# | 5 | Hidden layers | solve what no straight line separates |
# | 6 | Embeddings | get from words to numbers |
# | 7 | The recurrent step | read sequences |
# | 8 | Tokenisation | decide what a “word” is |
# | 9 | Batch normalisation | train deep networks without drama |
# | 10 | Choosing hyperparameters | not spend the afternoon guessing |
#
# **How to work.** Run the cells in order. In each exercise replace the line
# `raise NotImplementedError(...)` with your code and run the check right below it: ✓ or ✗ at once,
# with a hint. Your functions are tried on new inputs, drawn at random, so there is no result to
# memorise. A line that begins with … says that something is waiting for an exercise above it. Every exercise
# is marked on its own: if one resists, go on and come back later.

# %% role="given"
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from utils import plots, text
from utils.profile import budget, run_seed

torch.set_num_threads(1)  # networks as small as these gain nothing from more


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise that it needs is not done."""
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"… {error}")


def compare(name, ours, theirs):
    """Print how far our result is from a library's; both are functions without arguments."""
    with once_done():
        difference = np.max(np.abs(np.asarray(ours()) - np.asarray(theirs())))
        print(f"{name:<24} largest difference {difference:.1e}")


def draw_matrices(*drawn):
    """Draw matrices side by side, each given as (title, matrix, index of what to shade)."""
    tallest = max(len(matrix) for _, matrix, _ in drawn)
    widths = [matrix.shape[1] for _, matrix, _ in drawn]
    with plots.style():
        figure, axes = plt.subplots(
            1,
            len(drawn),
            figsize=(0.65 * sum(widths) + 1.5, 0.5 * tallest + 0.9),
            width_ratios=widths,
            layout="constrained",
        )
    for ax, (title, matrix, marked) in zip(axes, drawn, strict=True):
        rows, columns = matrix.shape
        shade = np.zeros(matrix.shape)
        shade[marked] = 1
        ax.pcolormesh(shade, cmap=plots.SHADES, vmin=0, vmax=3, edgecolor=plots.TEXT, linewidth=0.6)
        for (row, column), number in np.ndenumerate(matrix):
            ax.text(column + 0.5, row + 0.5, f"{number:g}", ha="center", va="center")
        label = f"{title}\n{rows} × {columns}"
        ax.text(columns / 2, -0.15, label, ha="center", va="bottom")
        ax.set_xlim(-0.15, columns + 0.15)
        ax.set_ylim((rows + tallest) / 2 + 0.1, (rows - tallest) / 2 - 1.3)
        ax.set_axis_off()
    return figure


# %% [markdown] lang="es"
# ## 1. Multiplicar matrices
#
# El producto $C = AB$ se calcula en tres pasos:
#
# 1. **Encajar.** $A$ es $(n, m)$ y $B$ es $(m, p)$: los números de dentro deben coincidir, los de
#    fuera dan la forma del resultado, $(n, p)$.
# 2. **Emparejar.** El elemento $c_{ij}$ nace de la fila $i$ de $A$ y la columna $j$ de $B$.
# 3. **Multiplicar y sumar.** $c_{ij} = \sum_{k=1}^{m} a_{ik}\, b_{kj}$.
#
# Empieza siempre por el paso 1: escribir las formas al lado de cada producto descubre la mayoría
# de los errores de una red antes de ejecutarla.

# %% [markdown] lang="en"
# ## 1. Multiplying matrices
#
# The product $C = AB$ takes three steps:
#
# 1. **Match.** $A$ is $(n, m)$ and $B$ is $(m, p)$: the inner numbers must agree, the outer ones
#    give the shape of the result, $(n, p)$.
# 2. **Pair.** Element $c_{ij}$ comes from row $i$ of $A$ and column $j$ of $B$.
# 3. **Multiply and add.** $c_{ij} = \sum_{k=1}^{m} a_{ik}\, b_{kj}$.
#
# Always begin with step 1: writing the shapes beside each product finds most of a network's
# mistakes before you run it.

# %% role="given"
A = np.array([[1, 2, 0, 1], [3, 1, 2, 0], [0, 1, 1, 2]])
B = np.array([[2, 1], [0, 3], [1, 1], [4, 0]])
row, column = 1, 0
products = " + ".join(f"{a}·{b}" for a, b in zip(A[row], B[:, column], strict=True))

figure = draw_matrices(
    ("A", A, np.s_[row, :]), ("B", B, np.s_[:, column]), ("C = A B", A @ B, (row, column))
)
figure.supxlabel(f"row {row} with column {column}:  {products} = {A[row] @ B[:, column]}")
plt.show()

# %% [markdown] exercise="matmul" lang="es"
# Multiplica dos matrices sin usar `@` ni `np.dot`. Si las formas no encajan, lanza un
# `ValueError` cuyo mensaje diga cuáles son: quien lo lea dentro de tres meses te lo agradecerá.

# %% [markdown] exercise="matmul" lang="en"
# Multiply two matrices without `@` or `np.dot`. If the shapes do not fit, raise a `ValueError`
# whose message says what they are: whoever reads it three months from now will thank you.


# %% role="exercise" id="matmul" title_es="Los tres pasos" title_en="The three steps" difficulty=1 minutes=8
def matmul(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return the product of A, shape (n, m), and B, shape (m, p).

    Raises ValueError if the inner sizes differ.
    """
    ### BEGIN SOLUTION
    n, inner = A.shape
    if len(B) != inner:
        raise ValueError(f"shapes {A.shape} and {B.shape} do not fit")
    C = np.zeros((n, B.shape[1]))
    for i in range(n):
        for j in range(B.shape[1]):
            C[i, j] = np.sum(A[i] * B[:, j])
    return C
    ### END SOLUTION


# %% role="check" id="matmul_check" points=4
tick.call(
    "matrix product",
    lambda A, B: matmul(A, B),
    cases=lambda rng: [
        (rng.normal(size=(n, m)), rng.normal(size=(m, p)))
        for n, m, p in [(3, 4, 2), (5, 5, 5), (1, 6, 3), (4, 1, 4), (1, 7, 1)]
    ],
    marks=3,
    hint={
        "es": "¿Tiene el resultado tantas filas como A y tantas columnas como B? ¿Recorres una fila de A y una columna de B?",
        "en": "Does the result have the rows of A and the columns of B? Do you walk along a row of A and down a column of B?",
    },
)
tick.call(
    "shapes that do not fit",
    lambda A, B: matmul(A, B),
    cases=lambda rng: [
        (rng.normal(size=(n, m)), rng.normal(size=(k, p)))
        for n, m, k, p in [(2, 3, 2, 3), (4, 2, 1, 4)]
    ],
    marks=1,
    hint={
        "es": "Compara los tamaños de dentro antes de calcular nada, y usa raise ValueError(...).",
        "en": "Compare the inner sizes before computing anything, and raise a ValueError.",
    },
)

# %% role="given"
rng = np.random.default_rng(run_seed())
A, B = rng.normal(size=(6, 4)), rng.normal(size=(4, 5))
compare("matmul and NumPy's @", lambda: matmul(A, B), lambda: A @ B)

# %% [markdown] exercise="chain_cost" lang="es"
# **Cuánto cuesta.** El resultado tiene $n\,p$ elementos y cada uno necesita $m$
# multiplicaciones: $n\,m\,p$ en total. De ahí sale un truco muy usado: $(AB)C = A(BC)$, el
# resultado es el mismo, pero el coste puede ser muy distinto.
#
# Cuenta las multiplicaciones de $ABC$ de las dos maneras, con $A\,(n, m)$, $B\,(m, p)$ y
# $C\,(p, q)$.

# %% [markdown] exercise="chain_cost" lang="en"
# **What it costs.** The result has $n\,p$ elements and each takes $m$ multiplications:
# $n\,m\,p$ in all. This gives a trick that is used everywhere: $(AB)C = A(BC)$, the result is the
# same, but the cost can be quite another.
#
# Count the multiplications of $ABC$ both ways, with $A\,(n, m)$, $B\,(m, p)$ and $C\,(p, q)$.


# %% role="exercise" id="chain_cost" title_es="¿Dónde pongo los paréntesis?" title_en="Where do the brackets go?" difficulty=1 minutes=5
def chain_cost(n: int, m: int, p: int, q: int) -> tuple[int, int]:
    """Return the multiplications of (A B) C and of A (B C)."""
    ### BEGIN SOLUTION
    left_first = n * m * p + n * p * q
    right_first = m * p * q + n * m * q
    return left_first, right_first
    ### END SOLUTION


# %% role="check" id="chain_cost_check" points=2
tick.call(
    "cost of a chain",
    lambda n, m, p, q: chain_cost(n, m, p, q),
    cases=lambda rng: [tuple(rng.integers(1, 60, size=4).tolist()) for _ in range(4)],
    marks=2,
    hint={
        "es": "Cada orden son dos productos. ¿Qué forma tiene el resultado intermedio, AB o BC?",
        "en": "Each order is two products. What is the shape of the one in between, AB or BC?",
    },
)

# %% role="given"
with once_done():
    for n, m, p, q in [(1000, 1, 1000, 1), (64, 512, 512, 10), (1, 512, 512, 512)]:
        left, right = chain_cost(n, m, p, q)
        print(f"{(n, m, p, q)!s:<22} (AB)C {left:>12,}   A(BC) {right:>12,}")

# %% [markdown] lang="es"
# **Difusión (*broadcasting*).** NumPy y PyTorch operan con matrices de formas distintas si,
# alineadas por la derecha, cada par de tamaños es igual o uno de los dos es 1 (o falta). El
# tamaño 1 se repite sin copiar nada en memoria. Una columna más una fila da una tabla:

# %% [markdown] lang="en"
# **Broadcasting.** NumPy and PyTorch combine arrays of different shapes if, aligned on the right,
# each pair of sizes is equal or one of the two is 1 (or missing). A size of 1 is repeated, without
# copying anything in memory. A column plus a row gives a table:

# %% role="given"
column, row = np.array([[0], [10], [20]]), np.array([[1, 2, 3, 4]])
draw_matrices(("column", column, (2, 0)), ("+ row", row, (0, 1)), ("= table", column + row, (2, 1)))
plt.show()

# %% [markdown] exercise="squared_distances" lang="es"
# Calcula con difusión, sin bucles, el cuadrado de la distancia de cada punto de `X` a cada punto
# de `Y`. Es lo que hay dentro de «el vecino más cercano» y, con otra fórmula, de la atención.

# %% [markdown] exercise="squared_distances" lang="en"
# With broadcasting, without loops, compute the squared distance of each point of `X` to each
# point of `Y`. It is what a nearest-neighbour search does and, with another formula, attention.


# %% role="exercise" id="squared_distances" title_es="Todos contra todos" title_en="All against all" difficulty=2 minutes=8
def squared_distances(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the squared distances, shape (N, M), from X, shape (N, D), to Y, shape (M, D)."""
    ### BEGIN SOLUTION
    differences = X[:, None, :] - Y[None, :, :]  # (N, 1, D) - (1, M, D) -> (N, M, D)
    return np.sum(differences**2, axis=-1)
    ### END SOLUTION


# %% role="check" id="squared_distances_check" points=3
tick.call(
    "squared distances",
    lambda X, Y: squared_distances(X, Y),
    cases=lambda rng: [
        (rng.normal(size=(n, d)), rng.normal(size=(m, d)))
        for n, m, d in [(4, 6, 3), (5, 5, 2), (1, 3, 4), (3, 1, 1)]
    ],
    marks=3,
    hint={
        "es": "X[:, None, :] tiene forma (N, 1, D). ¿Qué forma debe tener Y para que la resta dé (N, M, D), y sobre qué eje se suma?",
        "en": "X[:, None, :] has shape (N, 1, D). What shape must Y have for the difference to be (N, M, D), and over which axis do you add?",
    },
)

# %% [markdown] lang="es"
# ## 2. Regresión lineal
#
# Es la red neuronal más pequeña: una sola capa, sin nada detrás. Predice $\hat y = Xw$, donde cada
# fila de $X$ es un caso y su primera columna vale 1, para que $w_0$ sea el término independiente.
# **Simple** si hay una variable, **múltiple** si hay varias. Entrenar es elegir los pesos con el
# menor error cuadrático medio:
#
# $$\mathrm{MSE}(w) = \frac{1}{N}\lVert Xw - y\rVert^2$$
#
# Sirve para **predecir**, para **explicar** (el peso dice cuánto cambia $y$ por unidad de la
# variable si las demás no se mueven) y como **referencia**: si tu red no la supera, te sobra red.
#
# Los datos son reales: 442 pacientes con diabetes, diez medidas de cada uno y cuánto avanzó la
# enfermedad en un año (Efron et al., 2004).

# %% [markdown] lang="en"
# ## 2. Linear regression
#
# This is the smallest neural network: one layer with nothing after it. It predicts $\hat y = Xw$,
# where each row of $X$ is a case and its first column is 1, so that $w_0$ is the intercept.
# **Simple** with one variable, **multiple** with several. Training means choosing the weights with
# the least mean squared error:
#
# $$\mathrm{MSE}(w) = \frac{1}{N}\lVert Xw - y\rVert^2$$
#
# It serves to **predict**, to **explain** (a weight says how much $y$ changes for each unit of
# its variable while the others stay put) and as a **yardstick**: if your network does not beat
# it, you do not need the network.
#
# The data are real: 442 patients with diabetes, ten measurements of each and how far the disease
# advanced in a year (Efron et al., 2004).

# %% role="given"
patients = load_diabetes(scaled=False)
body_mass = patients.data[:, patients.feature_names.index("bmi")]  # kg / m²
progress = patients.target  # progression after a year, on the clinic's own scale


def with_ones(variables):
    """Put a column of ones in front of the variables, shape (N,) or (N, d)."""
    return np.column_stack([np.ones(len(variables)), variables])


def r_squared(y, prediction):
    """Return the share of the variance of y that the prediction explains."""
    return 1 - np.sum((y - prediction) ** 2) / np.sum((y - np.mean(y)) ** 2)


# %% [markdown] exercise="normal_equations" lang="es"
# **La vía directa.** En el mínimo la pendiente es cero: $X^\top(Xw - y) = 0$, es decir,
#
# $$X^\top X\, w = X^\top y$$
#
# Son las *ecuaciones normales*. Resuélvelas con `np.linalg.solve`, no calculando la inversa:
# cuesta menos y pierde menos decimales.

# %% [markdown] exercise="normal_equations" lang="en"
# **The direct way.** At the minimum the slope is zero: $X^\top(Xw - y) = 0$, that is,
#
# $$X^\top X\, w = X^\top y$$
#
# These are the *normal equations*. Solve them with `np.linalg.solve` rather than with the inverse:
# it costs less and loses fewer digits.


# %% role="exercise" id="normal_equations" title_es="Ecuaciones normales" title_en="Normal equations" difficulty=1 minutes=5
def normal_equations(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weights, shape (d,), with the least squared error of X, shape (N, d), on y."""
    ### BEGIN SOLUTION
    return np.linalg.solve(X.T @ X, X.T @ y)
    ### END SOLUTION


# %% role="check" id="normal_equations_check" points=4
def drawn_regression(rng, cases, variables):
    """Draw a design matrix with its column of ones, and targets with noise."""
    X = with_ones(rng.normal(size=(cases, variables)))
    return X, X @ rng.normal(size=variables + 1) + 0.3 * rng.normal(size=cases)


tick.call(
    "simple regression",
    lambda X, y: normal_equations(X, y),
    cases=lambda rng: [drawn_regression(rng, 30, 1), drawn_regression(rng, 3, 1)],
    marks=2,
    hint={
        "es": "X ya trae su columna de unos. El resultado son dos números: término independiente y pendiente.",
        "en": "X already has its column of ones. The result is two numbers: intercept and slope.",
    },
)
tick.call(
    "multiple regression",
    lambda X, y: normal_equations(X, y),
    cases=lambda rng: [drawn_regression(rng, 50, 4), drawn_regression(rng, 40, 9)],
    marks=2,
    hint={
        "es": "¿Multiplicas por la traspuesta los dos lados? Las formas son (d, N)(N, d) y (d, N)(N,).",
        "en": "Do you multiply both sides by the transpose? The shapes are (d, N)(N, d) and (d, N)(N,).",
    },
)

# %% role="given"
compare(
    "and NumPy's lstsq",
    lambda: normal_equations(with_ones(body_mass), progress),
    lambda: np.linalg.lstsq(with_ones(body_mass), progress)[0],
)
with once_done():
    simple, multiple = with_ones(body_mass), with_ones(patients.data)
    intercept, slope = normal_equations(simple, progress)
    print(f"progress = {intercept:.1f} + {slope:.2f} · body mass index")
    print(f"R²: simple {r_squared(progress, intercept + slope * body_mass):.2f}, ", end="")
    print(f"multiple {r_squared(progress, multiple @ normal_equations(multiple, progress)):.2f}")

# %% [markdown] exercise="mse_gradient" lang="es"
# **La vía paso a paso.** Con millones de pesos no hay sistema que resolver, pero siempre se puede
# preguntar hacia dónde baja el error. La respuesta es el gradiente cambiado de signo:
#
# $$\nabla\,\mathrm{MSE}(w) = \frac{2}{N}\, X^\top (Xw - y)$$

# %% [markdown] exercise="mse_gradient" lang="en"
# **The way step by step.** With millions of weights there is no system to solve, but one can
# always ask which way the error falls. The answer is the gradient with its sign changed:
#
# $$\nabla\,\mathrm{MSE}(w) = \frac{2}{N}\, X^\top (Xw - y)$$


# %% role="exercise" id="mse_gradient" title_es="El gradiente del error" title_en="The gradient of the error" difficulty=1 minutes=5
def mse_gradient(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the gradient, shape (d,), of the mean squared error at the weights w, shape (d,)."""
    ### BEGIN SOLUTION
    return 2 / len(X) * X.T @ (X @ w - y)
    ### END SOLUTION


# %% role="check" id="mse_gradient_check" points=2
tick.call(
    "gradient of the error",
    lambda X, y, w: mse_gradient(X, y, w),
    cases=lambda rng: [
        (rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d))
        for n, d in [(20, 3), (7, 5), (1, 2)]
    ],
    marks=2,
    hint={
        "es": "¿El factor es 2/N, con N el número de filas? ¿El signo es el de predicción menos objetivo?",
        "en": "Is the factor 2/N, with N the number of rows? Is the sign that of prediction minus target?",
    },
)

# %% [markdown] exercise="gradient_descent" lang="es"
# Ahora el bucle que mueve todo el aprendizaje profundo: mira el gradiente, da un paso en contra,
# repite. Devuelve el camino entero, para poder dibujarlo. Usa el argumento `gradient` y no tu
# función anterior: así el bucle sirve para cualquier pérdida.

# %% [markdown] exercise="gradient_descent" lang="en"
# Now the loop that drives all of deep learning: look at the gradient, step against it, repeat.
# Return the whole path, so that it can be drawn. Use the argument `gradient`, not your function
# above: that way the loop serves any loss.


# %% role="exercise" id="gradient_descent" title_es="Descenso por gradiente" title_en="Gradient descent" difficulty=1 minutes=8
def gradient_descent(gradient, start: np.ndarray, lr: float, steps: int) -> np.ndarray:
    """Return the weights at the start and after each step, shape (steps + 1, d).

    ``gradient(w)`` is the gradient at w; ``lr`` is the learning rate.
    """
    ### BEGIN SOLUTION
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - lr * gradient(path[-1]))
    return np.array(path)
    ### END SOLUTION


# %% role="check" id="gradient_descent_check" points=3
def descend_regression(X, y, start, lr, steps):
    """Run the student's loop on a regression whose gradient is given."""
    return gradient_descent(lambda w: 2 / len(X) * X.T @ (X @ w - y), start, lr, steps)


tick.call(
    "path of gradient descent",
    lambda X, y, start, lr, steps: descend_regression(X, y, start, lr, steps),
    cases=lambda rng: [
        (*drawn_regression(rng, 40, d), rng.normal(size=d + 1), rng.uniform(0.05, 0.15), steps)
        for d, steps in [(1, 5), (3, 60), (2, 0)]
    ],
    marks=3,
    hint={
        "es": "El camino incluye el punto de partida: steps + 1 filas. ¿Guardas una copia de cada punto o siempre la misma matriz?",
        "en": "The path includes the start: steps + 1 rows. Do you keep a copy of each point, or the same array every time?",
    },
)

# %% [markdown] lang="es"
# Las dos vías llegan al mismo sitio. A la izquierda, la recta en cada paso del descenso hasta
# juntarse con la de las ecuaciones normales. A la derecha, el error con tres tasas de aprendizaje
# (`lr`): corta, buena y demasiado larga, que rebota cada vez más lejos. Fíjate en que antes hemos
# **estandarizado** la variable (media 0, desviación 1): sin eso, la misma `lr` sería enorme para un
# peso y diminuta para el otro.

# %% [markdown] lang="en"
# Both ways arrive at the same place. On the left, the line at each step of the descent until it
# joins that of the normal equations. On the right, the error with three learning rates (`lr`):
# short, good and too long, which bounces farther every time. Note that we **standardised** the
# variable first (mean 0, deviation 1): otherwise the same `lr` would be huge for one weight and
# tiny for the other.

# %% role="given"
X = with_ones((body_mass - body_mass.mean()) / body_mass.std())


def mean_squared_error(w):
    return np.mean((X @ w - progress) ** 2)


with once_done():
    best = normal_equations(X, progress)
    paths = {
        lr: gradient_descent(lambda w: mse_gradient(X, progress, w), np.zeros(2), lr, 20)
        for lr in (0.02, 0.15, 1.02)
    }
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(body_mass, progress, ".", color=plots.COLOURS[5], alpha=0.25)
    order = np.argsort(body_mass)[[0, -1]]
    for step in (1, 2, 4, 8):
        line = X[order] @ paths[0.15][step]
        left.plot(body_mass[order], line, color=plots.COLOURS[1], alpha=0.4 + step / 15)
        left.annotate(f"step {step}", (body_mass[order[1]], line[1]), fontsize=8, va="center")
    left.plot(
        body_mass[order], X[order] @ best, "--", color=plots.COLOURS[0], label="normal equations"
    )
    left.set(xlabel="body mass index (kg/m²)", ylabel="progress of the disease")
    left.legend(loc="upper left")
    losses = {f"lr = {lr}": [mean_squared_error(w) for w in path] for lr, path in paths.items()}
    plots.curves(
        losses, ylabel="mean squared error", xlabel="step", x=range(21), log=True, ax=right
    )
    right.axhline(mean_squared_error(best), color=plots.COLOURS[5], linewidth=0.8)
    right.text(
        20, 0.93 * mean_squared_error(best), "normal equations", fontsize=8, ha="right", va="top"
    )
    right.set(ylim=(3e3, 2e5), xticks=range(0, 21, 5))
    plt.show()

# %% [markdown] role="question" id="q_regression" points=4 lang="es"
# Mira la recta y los dos $R^2$ que imprimió la celda de las ecuaciones normales. (a) ¿Qué dice la
# pendiente, con sus unidades? (b) ¿Puedes afirmar que adelgazar frena la enfermedad? (c) El $R^2$
# sube con diez variables: ¿basta eso para preferir el modelo múltiple?
#
# ### BEGIN SOLUTION
# (a) Entre dos pacientes que se llevan 1 kg/m² de índice de masa corporal, el modelo espera unos
# 10 puntos más de avance en el de mayor índice. (b) No: es una asociación en datos observados;
# puede haber causas comunes (edad, tensión…), y haría falta un experimento. (c) No: con los mismos
# datos de entrenamiento el $R^2$ nunca baja al añadir variables. Hay que compararlo en datos que
# no se usaron para ajustar.
# ### END SOLUTION

# %% [markdown] role="question" id="q_regression" points=4 lang="en"
# Look at the line and the two $R^2$ that the cell of the normal equations printed. (a) What does
# the slope say, with its units? (b) Can you claim that losing weight slows the disease down?
# (c) $R^2$ rises with ten variables: is that enough to prefer the multiple model?
#
# ### BEGIN SOLUTION
# (a) Of two patients whose body mass index differs by 1 kg/m², the model expects about 10 points
# more of progress in the one with the higher index. (b) No: it is an association in observed data;
# there may be common causes (age, blood pressure…), and an experiment would be needed. (c) No: on
# the training data $R^2$ never falls when variables are added. Compare on data that were not used
# for the fit.
# ### END SOLUTION

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
    {"cross-entropy: -log p": -np.log(said), "squared error: (1 - p)²": (1 - said) ** 2},
    x=said,
    xlabel="probability p given to the true class",
    ylabel="loss of one case",
    ax=left,
)
truths = (0.5, 0.7, 0.95)
expected = {
    f"true frequency {q:.0%}": -q * np.log(said) - (1 - q) * np.log(1 - said) for q in truths
}
plots.curves(
    expected, x=said, xlabel="probability p given to class 1", ylabel="mean cross-entropy", ax=right
)
for q, colour in zip(truths, plots.COLOURS, strict=False):
    entropy_of_q = -q * np.log(q) - (1 - q) * np.log(1 - q)
    right.plot(q, entropy_of_q, "*", color=colour, markersize=13)
right.annotate("★ = least loss:\nsay the truth", (0.03, 0.1), fontsize=9)
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
    "mean squared error",
    lambda prediction, target: mse(prediction, target),
    cases=lambda rng: [(rng.normal(size=s), rng.normal(size=s)) for s in [(8,), (4, 3), (1,)]],
    marks=1,
    hint={
        "es": "La media es sobre todos los elementos, no por filas.",
        "en": "The mean is over all elements, not by rows.",
    },
)
tick.call(
    "error of different shapes",
    lambda prediction, target: mse(prediction, target),
    cases=lambda rng: [
        (rng.normal(size=(5, 1)), rng.normal(size=5)),
        (rng.normal(size=(2, 3)), rng.normal(size=3)),
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
    "log-sum-exp of extreme logits",
    lambda logits: log_sum_exp(logits),
    cases=lambda rng: [
        (rng.normal(size=(3, 4)) * 10 + 1000,),
        (rng.normal(size=(3, 4)) * 10 - 1000,),
        (rng.normal(size=(4, 2)) * 10 + np.array([[1000], [-1000], [0], [5000]]),),
    ],
    marks=2,
    hint={
        "es": "Si sale inf o -inf: ¿restas el máximo de cada fila (y no el de toda la matriz) antes de exponenciar?",
        "en": "If you see inf or -inf: do you subtract the maximum of each row (not of the whole matrix) before the exponential?",
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
    "binary cross-entropy",
    lambda logits, targets: binary_cross_entropy(logits, targets),
    cases=lambda rng: [(rng.normal(size=n) * 2, rng.integers(0, 2, size=n)) for n in (12, 5, 1)],
    marks=2,
    hint={
        "es": "La entrada son logits, no probabilidades: ¿has aplicado la sigmoide (o la fórmula que ya la contiene)? ¿Es la media?",
        "en": "The input is logits, not probabilities: did you apply the sigmoid (or the formula that contains it)? Is it the mean?",
    },
)
tick.call(
    "binary cross-entropy of extreme logits",
    lambda logits, targets: binary_cross_entropy(logits, targets),
    cases=lambda rng: [
        (rng.uniform(-2000, 2000, size=8), rng.integers(0, 2, size=8)) for _ in range(3)
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


# %% role="check" id="cross_entropy_check" points=4
tick.call(
    "cross-entropy",
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
    "cross-entropy of extreme logits",
    lambda logits, targets: cross_entropy(logits, targets),
    cases=lambda rng: [
        (rng.normal(size=(5, 3)) * 600, rng.integers(0, 3, size=5)),
        (rng.normal(size=(4, 5)) + 2000, rng.integers(0, 5, size=4)),
    ],
    marks=2,
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
    "entropy of predictions",
    lambda logits: entropy(logits),
    cases=lambda rng: [
        (rng.normal(size=(6, 4)) * 2,),
        (np.full((1, 5), rng.normal()),),
        (np.diag(rng.uniform(900, 1100, size=3)),),
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
    "binary cross-entropy",
    lambda: binary_cross_entropy(logits[:, 0], classes % 2),
    lambda: nn.functional.binary_cross_entropy_with_logits(tensor[:, 0], (truth % 2).double()),
)
compare(
    "cross-entropy",
    lambda: cross_entropy(logits, classes),
    lambda: nn.functional.cross_entropy(tensor, truth),
)
compare(
    "entropy",
    lambda: entropy(logits),
    lambda: torch.distributions.Categorical(logits=tensor).entropy(),
)

# %% [markdown] role="question" id="q_uncertainty" points=4 lang="es"
# Dos clasificadores de radiografías aciertan el 90 % de las veces. La entropía cruzada media es
# 0,25 en el primero y 1,4 en el segundo. (a) ¿En qué se diferencian? (b) ¿Cuál usarías para decidir
# a qué pacientes debe mirar una persona, y por qué? (c) ¿Qué pérdida tendría en un problema de 10
# clases un modelo que no sabe nada y lo reconoce?
#
# ### BEGIN SOLUTION
# (a) El segundo se equivoca con mucha seguridad: da probabilidad casi nula a la clase verdadera en
# sus fallos. (b) El primero: sus probabilidades reflejan mejor sus dudas, así que se pueden enviar a
# una persona los casos de entropía alta; en el segundo, muchos fallos parecerían seguros.
# (c) $\log 10 \approx 2{,}3$ nats: reparte por igual. Es un buen valor con el que contrastar la
# pérdida al empezar a entrenar.
# ### END SOLUTION

# %% [markdown] role="question" id="q_uncertainty" points=4 lang="en"
# Two classifiers of X-rays are right 90% of the time. The mean cross-entropy is 0.25 for the first
# and 1.4 for the second. (a) How do they differ? (b) Which would you use to decide which patients a
# person should look at, and why? (c) In a problem of 10 classes, what loss would a model have that
# knows nothing and admits it?
#
# ### BEGIN SOLUTION
# (a) The second is wrong with great confidence: in its mistakes it gives almost no probability to
# the true class. (b) The first: its probabilities reflect its doubts better, so that cases of high
# entropy can go to a person; in the second, many mistakes would look certain.
# (c) $\log 10 \approx 2.3$ nats: it spreads evenly. A good value to compare the loss with when
# training begins.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## 4. Optimizadores
#
# El descenso por gradiente usa todos los datos en cada paso. **SGD** se conforma con un lote: el
# gradiente sale con ruido, pero los pasos son tan baratos que compensa. Robbins y Monro (1951)
# probaron, para problemas de buen comportamiento, que converge si las tasas suman infinito y sus
# cuadrados no: $\sum \eta_t = \infty$, $\sum \eta_t^2 < \infty$.
#
# Los demás responden a dos quejas. *Un valle estrecho me hace rebotar de una pared a otra*: el
# **momento** promedia los pasos. *Cada peso necesita su propia tasa*: **AdaGrad**, **RMSprop** y
# **Adam** dividen por el tamaño que han tenido sus gradientes.
#
# Vas a escribir seis, con los convenios de `torch.optim`. Cada uno es un objeto que guarda su memoria
# y tiene un método `step(w, gradient)`, que devuelve los pesos nuevos **sin modificar los que
# recibe**. Se prueban durante 100 pasos en un valle sorteado; en una de las direcciones el gradiente
# es exactamente 0.

# %% [markdown] lang="en"
# ## 4. Optimisers
#
# Gradient descent uses all the data at each step. **SGD** makes do with a batch: the gradient is
# noisy, but the steps are so cheap that it pays. Robbins and Monro (1951) proved, for well-behaved
# problems, that it converges if the rates add up to infinity and their squares do not:
# $\sum \eta_t = \infty$, $\sum \eta_t^2 < \infty$.
#
# The others answer two complaints. *A narrow valley bounces me from wall to wall*: **momentum**
# averages the steps. *Each weight needs a rate of its own*: **AdaGrad**, **RMSprop** and **Adam**
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
        path.append(optimizer.step(path[-1], gradient(path[-1])))
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
    "SGD, 100 steps",
    lambda lr, valley, start: in_valley(SGD(lr), valley, start),
    cases=lambda rng: [(rng.uniform(0.01, 0.1), *drawn_valley(rng)) for _ in range(2)],
    marks=1,
    tol=1e-6,
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

# %% [markdown] exercise="momentum" lang="en"
# **Momentum** (Polyak, 1964). The velocity $v$ remembers past gradients: what always points the same
# way adds up, and what swings cancels out.
#
# $$v \leftarrow \mu\, v + g \qquad w \leftarrow w - \eta\, v$$


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
    "momentum, 100 steps",
    lambda lr, mu, valley, start: in_valley(Momentum(lr, mu), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.01, 0.1), mu, *drawn_valley(rng)) for mu in rng.uniform(0.5, 0.95, size=2)
    ],
    marks=2,
    tol=1e-6,
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
    "AdaGrad, 100 steps",
    lambda lr, eps, valley, start: in_valley(AdaGrad(lr, eps), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.05, 0.3), eps, *drawn_valley(rng)) for eps in (1e-10, rng.uniform(0.01, 0.1))
    ],
    marks=2,
    tol=1e-6,
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
    "RMSprop, 100 steps",
    lambda lr, alpha, eps, valley, start: in_valley(RMSprop(lr, alpha, eps), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.005, 0.02), rng.uniform(0.9, 0.99), eps, *drawn_valley(rng))
        for eps in rng.uniform(0.01, 0.1, size=2)
    ],
    marks=2,
    tol=1e-6,
    hint={
        "es": "La media nueva pesa α en lo viejo y (1 - α) en el cuadrado del gradiente; ε va fuera de la raíz.",
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
    "Adam, first step",
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
    "Adam, 100 steps",
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
    tol=1e-6,
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
# En el artículo, $\lambda$ no va multiplicada por $\eta$; en PyTorch sí, y es lo que haremos. Las
# líneas de Adam se repiten a propósito: así este ejercicio no depende del anterior.

# %% [markdown] exercise="adamw" lang="en"
# **AdamW** (Loshchilov and Hutter, 2019). To keep weights from growing, a fraction of them is taken
# away at each step. If that term goes into the gradient (L2 regularisation), Adam divides it by
# $\sqrt{\hat v}$, and weights with large gradients hardly decay. AdamW **decouples** it: first shrink
# the weights, then take Adam's step, with a gradient that knows nothing of the decay.
#
# $$w \leftarrow w - \eta\lambda\, w \qquad\text{and then}\qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$
#
# In the paper $\lambda$ is not multiplied by $\eta$; in PyTorch it is, and so it is here. Adam's lines
# are repeated on purpose: this exercise does not depend on the one above.


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


# %% role="check" id="adamw_check" points=3
tick.call(
    "AdamW, 100 steps",
    lambda lr, decay, valley, start: in_valley(AdamW(lr, weight_decay=decay), valley, start),
    cases=lambda rng: [
        (rng.uniform(0.01, 0.03), decay, *drawn_valley(rng))
        for decay in rng.uniform(0.1, 1, size=2)
    ],
    marks=3,
    tol=1e-6,
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
compare_with_torch("momentum", Momentum(0.1), lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9))
compare_with_torch("AdaGrad", AdaGrad(0.2), lambda w: torch.optim.Adagrad(w, lr=0.2))
compare_with_torch("RMSprop", RMSprop(0.01), lambda w: torch.optim.RMSprop(w, lr=0.01))
compare_with_torch("Adam", Adam(0.02), lambda w: torch.optim.Adam(w, lr=0.02))
compare_with_torch("AdamW", AdamW(0.02), lambda w: torch.optim.AdamW(w, lr=0.02))

# %% [markdown] lang="es"
# **Sus caminos.** Un valle veinte veces más empinado a lo ancho que a lo largo, con el mínimo en la
# estrella. Busca en el dibujo el rebote de SGD, la inercia del momento, el frenazo de AdaGrad y
# adónde se va AdamW con un decaimiento fuerte: tira hacia el origen, no hacia la estrella.

# %% [markdown] lang="en"
# **Their paths.** A valley twenty times steeper across than along, with its minimum at the star. In
# the picture look for SGD's bouncing, momentum's inertia, AdaGrad's braking, and where AdamW goes
# with a strong decay: it pulls towards the origin, not towards the star.

# %% role="given"
minimum, curvature = np.array([3.0, 1.0]), np.array([0.1, 2.0])


def height(w):
    return np.sum(curvature * (w - minimum) ** 2, axis=-1) / 2


with once_done():
    walkers = {
        "SGD, lr 0.9": SGD(0.9),
        "momentum, lr 0.1": Momentum(0.1),
        "AdaGrad, lr 0.5": AdaGrad(0.5),
        "RMSprop, lr 0.3": RMSprop(0.3, alpha=0.9),
        "Adam, lr 0.3": Adam(0.3),
        "AdamW, lr 0.3, decay 0.2": AdamW(0.3, weight_decay=0.2),
    }
    far = np.array([-4.0, -2.0])
    paths = {
        name: descend(walker, lambda w: curvature * (w - minimum), far, steps=60)
        for name, walker in walkers.items()
    }
    grid = np.stack(np.meshgrid(np.linspace(-5, 6, 120), np.linspace(-3, 4, 120)), axis=-1)
    with plots.style():
        figure, axes = plt.subplots(
            2, 3, figsize=(9.5, 4.8), layout="constrained", sharex=True, sharey=True
        )
    for ax, (name, path), colour in zip(axes.flat, paths.items(), plots.COLOURS, strict=False):
        ax.contour(*grid.T, np.sqrt(height(grid)).T, levels=9, colors="#9a9a94", linewidths=0.6)
        ax.plot(*path.T, ".-", color=colour, markersize=4, linewidth=1)
        ax.plot(*minimum, "*", color=plots.TEXT, markersize=11)
        ax.plot(0, 0, "+", color=plots.TEXT)
        ax.set_title(name)
    ax = plots.curves(
        {name.split(",")[0]: height(path) for name, path in paths.items()},
        ylabel="height above the minimum",
        xlabel="step",
        x=range(61),
        log=True,
    )
    ax.set_ylim(1e-4, 30)
    plt.show()

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
# siempre; o el momento, que sigue de largo y tiene que volver.
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

# %% [markdown] lang="es"
# ## 5. Capas ocultas
#
# XOR vale 1 si sus dos entradas son distintas. Dibuja los cuatro casos en un papel: ninguna recta
# deja los unos a un lado y los ceros al otro, así que una red de una capa no puede aprenderlo.
# Una **capa oculta** dobla el plano: lleva los puntos a otro sitio, donde la recta sí existe
# (Goodfellow et al., 2016, sección 6.1).
#
# $$h = \mathrm{ReLU}(x W_1 + b_1) \qquad z = h\, w_2 + b_2 \qquad \mathrm{ReLU}(a) = \max(a, 0)$$
#
# Sin la ReLU no serviría de nada: $(xW_1)w_2 = x(W_1 w_2)$ vuelve a ser una sola capa.

# %% [markdown] lang="en"
# ## 5. Hidden layers
#
# XOR is 1 if its two inputs differ. Draw the four cases on paper: no straight line leaves the ones on
# one side and the zeros on the other, so a network of one layer cannot learn it. A **hidden layer**
# folds the plane: it takes the points to another place, where the line does exist (Goodfellow et al.,
# 2016, section 6.1).
#
# $$h = \mathrm{ReLU}(x W_1 + b_1) \qquad z = h\, w_2 + b_2 \qquad \mathrm{ReLU}(a) = \max(a, 0)$$
#
# Without the ReLU it would be useless: $(xW_1)w_2 = x(W_1 w_2)$ is one single layer again.


# %% role="exercise" id="hidden_layer" title_es="Hacia delante" title_en="Forward" difficulty=1 minutes=5
def hidden_layer(
    X: np.ndarray, W1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hidden values h, shape (N, H), and the logits z, shape (N,).

    Shapes: X (N, D), W1 (D, H), b1 (H,), w2 (H,).
    """
    ### BEGIN SOLUTION
    hidden = np.maximum(X @ W1 + b1, 0)
    return hidden, hidden @ w2 + b2
    ### END SOLUTION


# %% role="check" id="hidden_layer_check" points=2
def drawn_network(rng, cases, inputs, hidden):
    """Draw inputs and the weights of a network with one hidden layer."""
    sizes = [(cases, inputs), (inputs, hidden), hidden, hidden]
    return (*(rng.normal(size=size) for size in sizes), rng.normal())


tick.call(
    "hidden layer and logits",
    lambda X, W1, b1, w2, b2: np.column_stack(hidden_layer(X, W1, b1, w2, b2)),
    cases=lambda rng: [drawn_network(rng, *sizes) for sizes in [(6, 2, 3), (5, 4, 8), (1, 3, 2)]],
    marks=2,
    hint={
        "es": "¿Devuelves las dos cosas, (h, z)? La ReLU va sobre h, no sobre z.",
        "en": "Do you return both, (h, z)? The ReLU goes on h, not on z.",
    },
)

# %% [markdown] exercise="xor_weights" lang="es"
# Resuelve XOR a mano, con dos neuronas ocultas. Una idea: que la primera **cuente** cuántas entradas
# valen 1 y la segunda se encienda solo cuando valen 1 **las dos**. ¿Qué combinación da 0, 1, 1, 0?

# %% [markdown] exercise="xor_weights" lang="en"
# Solve XOR by hand, with two hidden units. An idea: let the first one **count** how many inputs are 1,
# and let the second light up only when **both** are. Which combination gives 0, 1, 1, 0?


# %% role="exercise" id="xor_weights" title_es="XOR con lápiz y papel" title_en="XOR with pencil and paper" difficulty=2 minutes=10
def xor_weights() -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return W1 (2, 2), b1 (2,), w2 (2,) and b2 whose logits are exactly the XOR of 0s and 1s."""
    ### BEGIN SOLUTION
    W1 = np.array([[1, 1], [1, 1]])
    b1 = np.array([0, -1])
    w2 = np.array([1, -2])
    return W1, b1, w2, 0.0
    ### END SOLUTION


# %% role="check" id="xor_weights_check" points=2
def apply_network(X, W1, b1, w2, b2):
    """Return the logits of a network with two hidden units."""
    assert np.shape(W1) == (2, 2) and np.shape(w2) == (2,), "expected W1 (2, 2) and w2 (2,)"
    return np.maximum(X @ np.asarray(W1) + b1, 0) @ np.asarray(w2) + b2


tick.call(
    "XOR by hand",
    lambda X: apply_network(X, *xor_weights()),
    cases=lambda rng: [
        (rng.integers(0, 2, size=(12, 2)),),
        (rng.permutation([[0, 0], [0, 1], [1, 0], [1, 1]]),),
    ],
    marks=2,
    tol=0.01,
    hint={
        "es": "Escribe la tabla de (0,0), (0,1), (1,0) y (1,1): h1 = x1 + x2 y h2 = max(x1 + x2 - 1, 0). ¿Cuánto hay que restar de h2?",
        "en": "Write the table of (0,0), (0,1), (1,0) and (1,1): h1 = x1 + x2 and h2 = max(x1 + x2 - 1, 0). How much of h2 must be taken away?",
    },
)

# %% [markdown] exercise="make_network" lang="es"
# Y ahora, que lo aprenda sola, con puntos ruidosos alrededor de las esquinas. Construye en PyTorch
# una red con una capa oculta. Prueba qué pasa con muy pocas neuronas: la solución existe, pero el
# descenso no siempre la encuentra; con unas cuantas de sobra es mucho más fácil.

# %% [markdown] exercise="make_network" lang="en"
# And now let it learn by itself, from noisy points around the corners. Build a network with a hidden
# layer in PyTorch. Try what happens with very few units: the solution exists, but descent does not
# always find it; with some to spare it is much easier.


# %% role="exercise" id="make_network" title_es="Que lo aprenda la red" title_en="Let the network learn it" difficulty=1 minutes=8
def make_network() -> nn.Module:
    """Return a network from points, shape (N, 2), to logits, shape (N, 1)."""
    ### BEGIN SOLUTION
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    ### END SOLUTION


# %% role="given"
def draw_xor(rng, count):
    """Draw noisy points around the corners of a square, (N, 2), and their XOR, (N,)."""
    corners = rng.integers(0, 2, size=(count, 2))
    return corners + rng.normal(scale=0.15, size=(count, 2)), corners[:, 0] ^ corners[:, 1]


def train_xor(network, points, labels, steps=300):
    """Train a network with Adam on all the points at once."""
    inputs, truth = torch.tensor(points).float(), torch.tensor(labels).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(
            network(inputs).reshape(-1), truth
        ).backward()
        optimizer.step()
    return network


def classify(network, points):
    """Return the class, 0 or 1, of each point: (N, 2) -> (N,)."""
    with torch.no_grad():
        return (network(torch.tensor(points).float()).reshape(-1) > 0).int().numpy()


torch.manual_seed(run_seed())
xor_points, xor_labels = draw_xor(np.random.default_rng(run_seed()), 200)
line = train_xor(nn.Linear(2, 1), xor_points, xor_labels)
with once_done():
    network = train_xor(make_network(), xor_points, xor_labels)

# %% role="check" id="make_network_check" points=4
tick.predictions(
    "XOR on unseen points",
    lambda points: classify(network, points),
    hidden=lambda rng: draw_xor(rng, 400),
    metric="accuracy",
    baseline=("always 1", lambda points: np.ones(len(points))),
    share=0.8,
    marks=4,
    hint={
        "es": "Una recta no pasa del 75 %: ¿hay algo no lineal entre las dos capas? ¿Y neuronas suficientes?",
        "en": "A line gets no further than 75%: is there something non-linear between the two layers? And are there enough units?",
    },
)


# %% role="given"
def draw_regions(ax, decide, title):
    """Shade where ``decide`` answers 1 and draw the training points over it."""
    side = np.linspace(-0.6, 1.6, 150)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    regions = decide(plane).reshape(150, 150)
    ax.contourf(side, side, regions, levels=[-0.5, 0.5, 1.5], colors=plots.COLOURS[:2], alpha=0.2)
    for label in (0, 1):
        ax.plot(
            *xor_points[xor_labels == label].T,
            plots.MARKERS[label],
            color=plots.COLOURS[label],
            markersize=4,
        )
    ax.set(title=title, aspect="equal")


with once_done():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    folded, _ = hidden_layer(corners, *xor_weights())
    weights, shift = xor_weights()[2:]
    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
    for ax, model, name in zip(axes, (line, network), ("one layer", "hidden layer"), strict=False):
        share = np.mean(classify(model, xor_points) == xor_labels)
        draw_regions(
            ax, lambda points, model=model: classify(model, points), f"{name}: {share:.0%} right"
        )
    for (a, b), point, below in zip(corners, folded, (9, -17, -29, 9), strict=True):
        axes[2].plot(*point, plots.MARKERS[a ^ b], color=plots.COLOURS[a ^ b], markersize=9)
        axes[2].annotate(
            f"({a}, {b})", point, xytext=(0, below), textcoords="offset points", ha="center"
        )
    spans = [
        np.linspace(low - 0.6, high + 0.6, 60)
        for low, high in zip(folded.min(0), folded.max(0), strict=True)
    ]
    logits = np.stack(np.meshgrid(*spans), axis=-1) @ weights + shift
    axes[2].contour(*spans, logits, levels=[0.5], colors=plots.TEXT, linestyles="--")
    axes[2].set(title="your hidden layer folds the plane", xlabel="h1", ylabel="h2")
    plt.show()

# %% [markdown] lang="es"
# A la izquierda, lo que aprende una sola capa: ninguna recta pasa del 75 %, y el entrenamiento ni
# siquiera llega a eso. En el centro, la red con capa oculta. A la derecha, las cuatro esquinas vistas
# por *tu* capa oculta: allí basta la línea discontinua.

# %% [markdown] lang="en"
# On the left, what a single layer learns: no line gets beyond 75%, and training does not even reach
# that. In the middle, the network with a hidden layer. On the right, the four corners as *your* hidden
# layer sees them: there, the dashed line is enough.

# %% [markdown] lang="es"
# ## 6. Embeddings: filas de una matriz
#
# Una red no lee palabras, lee números. Numerarlas no basta (¿es «gato», la 7, más que «casa», la 3?),
# así que a cada palabra se le da un **vector** propio: la fila de una matriz $E$ de forma $(V, D)$,
# que se entrena como cualquier otro peso (Bengio et al., 2003; Mikolov et al., 2013).
#
# Buscar la fila $i$ es lo mismo que multiplicar por un vector *one-hot*, todo ceros y un uno en $i$:

# %% [markdown] lang="en"
# ## 6. Embeddings: rows of a matrix
#
# A network does not read words, it reads numbers. Numbering them is not enough (is “cat”, number 7,
# more than “house”, number 3?), so each word gets a **vector** of its own: a row of a matrix $E$ of
# shape $(V, D)$, trained like any other weight (Bengio et al., 2003; Mikolov et al., 2013).
#
# Looking up row $i$ is the same as multiplying by a *one-hot* vector, all zeros and a one at $i$:

# %% role="given"
E = np.array(
    [[0.2, -0.5, 0.1], [0.9, 0.3, -0.2], [0.8, 0.4, -0.1], [-0.6, 0.1, 0.7], [0.0, 0.5, 0.5]]
)
one_hot = np.eye(5)[[2]]
draw_matrices(
    ("one-hot of word 2", one_hot, (0, 2)),
    ("times E", E, np.s_[2, :]),
    ("= row 2", one_hot @ E, np.s_[0, :]),
)
plt.show()

# %% [markdown] exercise="embed" lang="es"
# Multiplicar por una matriz casi llena de ceros sería tirar el tiempo: se indexa. Los números de las
# palabras pueden venir en cualquier forma (una frase, un lote de frases, un lote vacío), y el resultado
# añade una dimensión al final.

# %% [markdown] exercise="embed" lang="en"
# Multiplying by a matrix of almost nothing but zeros would waste time: index instead. The word numbers
# may come in any shape (a sentence, a batch of sentences, an empty batch), and the result has one more
# dimension at the end.


# %% role="exercise" id="embed" title_es="Buscar filas" title_en="Look up rows" difficulty=1 minutes=3
def embed(ids: np.ndarray, E: np.ndarray) -> np.ndarray:
    """Return the vectors of word numbers of any shape: (...) and (V, D) -> (..., D)."""
    ### BEGIN SOLUTION
    return E[ids]
    ### END SOLUTION


# %% role="check" id="embed_check" points=2
tick.call(
    "embedding of words",
    lambda ids, E: embed(ids, E),
    cases=lambda rng: [
        (rng.integers(0, 6, size=shape), rng.normal(size=(6, 4)))
        for shape in [5, (3, 7), (2, 1), 0]
    ],
    marks=2,
    hint={
        "es": "NumPy acepta un array de enteros como índice, de la forma que sea.",
        "en": "NumPy takes an array of whole numbers as an index, whatever its shape.",
    },
)

# %% [markdown] exercise="embedding_gradient" lang="es"
# **¿Y hacia atrás?** En la derivada solo reciben algo las filas que se usaron, y una palabra que sale
# tres veces recibe **la suma** de tres gradientes. Aquí está la trampa: `gradient[ids] += upstream`
# solo cuenta una de las repeticiones.

# %% [markdown] exercise="embedding_gradient" lang="en"
# **And backwards?** In the derivative only the rows that were used receive anything, and a word that
# appears three times receives **the sum** of three gradients. Here is the trap:
# `gradient[ids] += upstream` counts only one of the repetitions.


# %% role="exercise" id="embedding_gradient" title_es="El gradiente de una tabla" title_en="The gradient of a table" difficulty=2 minutes=8
def embedding_gradient(ids: np.ndarray, upstream: np.ndarray, V: int) -> np.ndarray:
    """Return the gradient of the loss in E, shape (V, D).

    ``ids`` (N,) are the words that were looked up, ``upstream`` (N, D) the gradients of the loss
    in the vectors they gave.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros((V, upstream.shape[1]))
    np.add.at(gradient, ids, upstream)
    return gradient
    ### END SOLUTION


# %% role="check" id="embedding_gradient_check" points=3
tick.call(
    "gradient of distinct words",
    lambda ids, upstream, V: embedding_gradient(ids, upstream, V),
    cases=lambda rng: [(rng.permutation(8)[:5], rng.normal(size=(5, 3)), 8)],
    marks=1,
    hint={
        "es": "La forma es la de E, (V, D), y las filas que no se usaron quedan a cero.",
        "en": "The shape is that of E, (V, D), and rows that were not used stay at zero.",
    },
)
tick.call(
    "gradient of repeated words",
    lambda ids, upstream, V: embedding_gradient(ids, upstream, V),
    cases=lambda rng: [
        (rng.integers(0, 3, size=9), rng.normal(size=(9, 2)), 5),
        (np.full(4, 2), rng.normal(size=(4, 3)), 3),
    ],
    marks=2,
    hint={
        "es": "Una palabra repetida debe sumar todos sus gradientes: np.add.at, un bucle o un producto con one-hot traspuesta.",
        "en": "A repeated word must add up all its gradients: np.add.at, a loop, or a product with the transposed one-hot.",
    },
)

# %% role="given"
words = torch.tensor([[1, 4, 1], [0, 1, 4]])
table = torch.tensor(E, requires_grad=True)
nn.functional.embedding(words, table).pow(2).sum().backward()
compare(
    "lookup",
    lambda: embed(words.numpy(), E),
    lambda: nn.functional.embedding(words, table).detach(),
)
compare(
    "gradient",
    lambda: embedding_gradient(words.numpy().ravel(), 2 * E[words.numpy().ravel()], len(E)),
    lambda: table.grad,
)

# %% [markdown] lang="es"
# **Por qué funciona.** Las palabras que frecuentan las mismas compañías acaban con vectores parecidos.
# Se ve incluso sin red: contamos qué palabras son vecinas en unas frases de juguete y resumimos la
# tabla de recuentos. Nadie ha dicho qué es un animal, una fruta o una ciudad.

# %% [markdown] lang="en"
# **Why it works.** Words that keep the same company end up with similar vectors. It shows even without
# a network: count which words are neighbours in some toy sentences and condense the table of counts.
# Nobody said what an animal, a fruit or a city is.

# %% role="given"
subjects = {
    "animal": "cat dog horse mouse",
    "fruit": "apple pear plum peach",
    "city": "Lima Quito Cádiz Oviedo",
}
company = {
    "animal": ["the {} sleeps here", "my {} eats meat", "the {} runs fast"],
    "fruit": ["a ripe {} is sweet", "my {} is ripe", "the sweet {} falls"],
    "city": ["we fly to {} tomorrow", "we live in {} now", "the train to {} leaves"],
}
rng = np.random.default_rng(run_seed())
sentences = [
    rng.choice(company[kind]).format(names.split()[turn % 4]).split()
    for kind, names in subjects.items()
    for turn in range(20)
]
tokens = sorted({token for sentence in sentences for token in sentence})
counts = np.zeros((len(tokens), len(tokens)))
for sentence in sentences:
    places = [tokens.index(token) for token in sentence]
    for i, place in enumerate(places):
        for neighbour in places[max(0, i - 2) : i] + places[i + 1 : i + 3]:
            counts[place, neighbour] += 1
names = [(name, kind) for kind, listed in subjects.items() for name in listed.split()]
rows = np.log1p(counts[[tokens.index(name) for name, _ in names]])
plots.embedding_map(rows, labels=[name for name, _ in names], groups=[kind for _, kind in names])
plt.show()

# %% [markdown] lang="es"
# ## 7. El paso recurrente
#
# Para leer una secuencia de cualquier longitud con los mismos pesos, la red guarda un **estado** $h$
# y lo renueva con cada elemento $x_t$:
#
# $$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$$
#
# Es la misma función en todos los instantes: lo que cambia es lo que recuerda.

# %% [markdown] lang="en"
# ## 7. The recurrent step
#
# To read a sequence of any length with the same weights, the network keeps a **state** $h$ and renews
# it with each element $x_t$:
#
# $$h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$$
#
# It is the same function at every instant: what changes is what it remembers.


# %% role="exercise" id="rnn_step" title_es="Un paso a mano" title_en="One step by hand" difficulty=1 minutes=4
def rnn_step(
    x: np.ndarray, h: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Return the next state, shape (N, H).

    Shapes: x (N, D), h (N, H), Wx (D, H), Wh (H, H), b (H,).
    """
    ### BEGIN SOLUTION
    return np.tanh(x @ Wx + h @ Wh + b)
    ### END SOLUTION


# %% role="check" id="rnn_step_check" points=2
tick.call(
    "recurrent step",
    lambda x, h, Wx, Wh, b: rnn_step(x, h, Wx, Wh, b),
    cases=lambda rng: [
        tuple(rng.normal(size=size) for size in [(n, d), (n, k), (d, k), (k, k), k])
        for n, d, k in [(4, 3, 5), (1, 2, 2), (3, 6, 1)]
    ],
    marks=2,
    hint={
        "es": "Si las formas no encajan, revisa el orden: x @ Wx y h @ Wh. ¿La tangente hiperbólica va al final de todo?",
        "en": "If the shapes do not fit, look at the order: x @ Wx and h @ Wh. Does the hyperbolic tangent come last of all?",
    },
)

# %% [markdown] exercise="unroll" lang="es"
# **Desenrollar.** Aplica un paso a cada instante y guarda todos los estados. El paso llega como
# argumento, `step(x_t, h)`, de modo que este bucle sirve igual para una RNN, una LSTM o una GRU.

# %% [markdown] exercise="unroll" lang="en"
# **Unrolling.** Apply a step at each instant and keep all the states. The step comes as an argument,
# `step(x_t, h)`, so that this loop serves an RNN, an LSTM or a GRU alike.


# %% role="exercise" id="unroll" title_es="Leer la secuencia" title_en="Read the sequence" difficulty=2 minutes=6
def unroll(step, X: np.ndarray, h0: np.ndarray) -> np.ndarray:
    """Return the states after each element, shape (N, T, H), from X (N, T, D) and h0 (N, H)."""
    ### BEGIN SOLUTION
    states, h = [], h0
    for t in range(X.shape[1]):
        h = step(X[:, t], h)
        states.append(h)
    return np.stack(states, axis=1)
    ### END SOLUTION


# %% role="check" id="unroll_check" points=3
def unroll_drawn(X, h0, Wx, Wh):
    """Unroll a step that is given here, not the student's."""
    return unroll(lambda x, h: np.tanh(x @ Wx + h @ Wh), X, h0)


tick.call(
    "states of a sequence",
    lambda X, h0, Wx, Wh: unroll_drawn(X, h0, Wx, Wh),
    cases=lambda rng: [
        tuple(rng.normal(size=size) for size in [(n, t, d), (n, k), (d, k), (k, k)])
        for n, t, d, k in [(3, 5, 2, 4), (5, 3, 3, 3), (2, 1, 3, 2), (1, 6, 1, 2)]
    ],
    marks=3,
    hint={
        "es": "El tiempo es el eje 1 de X. El resultado tiene T estados: h0 no se incluye. ¿Cada paso recibe el estado que dejó el anterior?",
        "en": "Time is axis 1 of X. The result has T states: h0 is not among them. Does each step get the state that the one before left?",
    },
)

# %% role="given"
torch.manual_seed(run_seed())
theirs = nn.RNN(input_size=3, hidden_size=4, batch_first=True).double()
X, h0 = torch.randn(2, 7, 3).double(), torch.zeros(1, 2, 4).double()
Wx, Wh, bx, bh = (weight.detach().numpy() for weight in theirs.parameters())
compare(
    "and nn.RNN",
    lambda: unroll(lambda x, h: rnn_step(x, h, Wx.T, Wh.T, bx + bh), X.numpy(), h0[0].numpy()),
    lambda: theirs(X, h0)[0].detach(),
)

# %% [markdown] lang="es"
# **Lo que cuesta recordar.** El gradiente que llega a un instante lejano ha pasado una vez por $W_h$
# en cada paso. Si $W_h$ encoge los vectores, el gradiente se desvanece; si los estira, puede explotar.
# La **LSTM** (Hochreiter y Schmidhuber, 1997) añade una memoria por la que la señal pasa sin
# multiplicarse, protegida por puertas; la **GRU** (Cho et al., 2014) hace algo parecido con menos
# piezas: mezcla $h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h_t$, y con $z$ cerca de 1 recuerda.

# %% [markdown] lang="en"
# **What it costs to remember.** The gradient that reaches a distant instant has been through $W_h$ once
# for each step. If $W_h$ shrinks vectors, the gradient vanishes; if it stretches them, it may explode.
# The **LSTM** (Hochreiter and Schmidhuber, 1997) adds a memory through which the signal passes without
# being multiplied, guarded by gates; the **GRU** (Cho et al., 2014) does something similar with fewer
# parts: it mixes $h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h_t$, and with $z$ close to 1 it
# remembers.


# %% role="given"
def gradient_reach(scale, keep=0.0, length=40, size=32):
    """Return how large the gradient of the last state is at each distance back in time."""
    generator = torch.Generator().manual_seed(run_seed())
    Wh = scale * torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    h, states = torch.zeros(size, requires_grad=True), []
    for _ in range(length):
        x = 0.05 * torch.randn(size, generator=generator)
        h = keep * h + (1 - keep) * torch.tanh(x + h @ Wh)
        h.retain_grad()
        states.append(h)
    h.sum().backward()
    return [state.grad.norm().item() for state in reversed(states)]


reach = {
    "Wh shrinks by 0.8": gradient_reach(0.8),
    "Wh keeps lengths": gradient_reach(1.0),
    "Wh stretches by 1.2": gradient_reach(1.2),
    "shrinks by 0.8, gate z = 0.9": gradient_reach(0.8, keep=0.9),
}
plots.curves(
    reach, ylabel="size of the gradient", xlabel="steps back in time", x=range(40), log=True
)
plt.show()

# %% [markdown] lang="es"
# ## 8. Tokenización
#
# Antes de numerar hay que decidir qué es una unidad:
#
# | Unidad | Vocabulario | Secuencias | ¿Palabras nuevas? |
# |---|---|---|---|
# | caracteres | diminuto | larguísimas | ninguna lo es |
# | palabras | enorme | cortas | se pierden (`<unk>`) |
# | **subpalabras** | el que elijas | intermedias | se parten en trozos conocidos |
#
# La receta más usada es **BPE** (Sennrich et al., 2016): se parte de caracteres y, una y otra vez, se
# une el par de símbolos vecinos más frecuente. Un corpus es aquí un diccionario: cada palabra, como
# tupla de símbolos, y cuántas veces aparece.

# %% [markdown] lang="en"
# ## 8. Tokenisation
#
# Before numbering one must decide what a unit is:
#
# | Unit | Vocabulary | Sequences | New words? |
# |---|---|---|---|
# | characters | tiny | very long | there are none |
# | words | huge | short | lost (`<unk>`) |
# | **subwords** | as large as you like | in between | split into known pieces |
#
# The most used recipe is **BPE** (Sennrich et al., 2016): start from characters and, again and again,
# join the most frequent pair of neighbouring symbols. A corpus is here a dictionary: each word, as a
# tuple of symbols, and how often it appears.

# %% role="given"
sentence = "Un perro, dos perros. One dog, two dogs!"
for unit, split in (("characters", text.characters), ("words", text.words)):
    pieces = split(sentence)
    print(f"{len(pieces):>2} {unit}, {len(set(pieces))} different: {' '.join(pieces)}")
print()

corpus = {tuple("ban"): 5, tuple("banana"): 2, tuple("bandana"): 3}
for symbols, count in corpus.items():
    print(f"{count} × {' '.join(symbols)}")

# %% [markdown] exercise="bpe_by_hand" lang="es"
# **Una fusión a mano.** Con papel y lápiz, sobre el corpus de arriba: ¿qué par se une primero? ¿Cómo
# queda `bandana` después? ¿Y qué par se une en segundo lugar? Recuerda contar cada par tantas veces
# como aparece la palabra, también si se repite dentro de ella.

# %% [markdown] exercise="bpe_by_hand" lang="en"
# **One merge by hand.** With pencil and paper, on the corpus above: which pair is joined first? What
# does `bandana` look like afterwards? And which pair is joined second? Remember to count each pair as
# often as its word appears, and again if it repeats inside the word.


# %% role="exercise" id="bpe_by_hand" title_es="BPE con lápiz y papel" title_en="BPE with pencil and paper" difficulty=1 minutes=6
def merges_by_hand():
    """Return the first pair, bandana after joining it, and the second pair, as tuples of symbols."""
    ### BEGIN SOLUTION
    first_pair = ("a", "n")
    bandana = ("b", "an", "d", "an", "a")
    second_pair = ("b", "an")
    return first_pair, bandana, second_pair
    ### END SOLUTION


# %% role="check" id="bpe_by_hand_check" points=1
tick.value(
    "merges by hand",
    lambda: [list(symbols) for symbols in merges_by_hand()],
    marks=1,
    hint={
        "es": "Haz la tabla de todos los pares: «banana» aporta dos veces el par a-n, y la palabra aparece 2 veces.",
        "en": "Make the table of all pairs: “banana” brings the pair a-n twice, and the word appears 2 times.",
    },
)

# %% [markdown] exercise="count_pairs" lang="es"
# Ahora, que cuente el ordenador. Con el corpus de arriba, el par `("a", "n")` debe salir 15 veces.

# %% [markdown] exercise="count_pairs" lang="en"
# Now let the computer count. In the corpus above the pair `("a", "n")` must come out 15 times.


# %% role="exercise" id="count_pairs" title_es="Contar pares" title_en="Count pairs" difficulty=1 minutes=6
def count_pairs(corpus: dict[tuple[str, ...], int]) -> dict[tuple[str, str], int]:
    """Return how often each pair of neighbouring symbols appears in the corpus."""
    ### BEGIN SOLUTION
    pairs = {}
    for symbols, count in corpus.items():
        for pair in pairwise(symbols):
            pairs[pair] = pairs.get(pair, 0) + count
    return pairs
    ### END SOLUTION


# %% role="check" id="count_pairs_check" points=2
def draw_corpus(rng, symbols, words):
    """Draw different words of one to seven symbols, as tuples, with their counts."""
    drawn = {}
    for length in rng.integers(1, 8, size=words):
        word = tuple(rng.choice(symbols, size=length).tolist())
        drawn["".join(word)] = word
    return {drawn[text]: int(rng.integers(1, 20)) for text in sorted(drawn)}


tick.call(
    "pairs of a corpus",
    lambda corpus: count_pairs(corpus),
    cases=lambda rng: [
        (draw_corpus(rng, ["a", "b", "c", "d"], 12),),
        (draw_corpus(rng, ["a", "b"], 8),),
        ({("a",): 3},),
    ],
    marks=2,
    hint={
        "es": "Suma la frecuencia de la palabra por cada aparición del par, no 1. Una palabra de un solo símbolo no tiene pares.",
        "en": "Add the frequency of the word for each appearance of the pair, not 1. A word of one symbol has no pairs.",
    },
)

# %% [markdown] exercise="merge_pair" lang="es"
# Y que una un par en todo el corpus. Se lee de izquierda a derecha y un símbolo no se usa dos veces:
# en `a a a`, unir `a a` deja `aa a`.

# %% [markdown] exercise="merge_pair" lang="en"
# And let it join a pair in the whole corpus. Read from left to right and use no symbol twice: in `a a a`,
# joining `a a` leaves `aa a`.


# %% role="exercise" id="merge_pair" title_es="Unir un par" title_en="Join a pair" difficulty=2 minutes=10
def merge_pair(
    pair: tuple[str, str], corpus: dict[tuple[str, ...], int]
) -> dict[tuple[str, ...], int]:
    """Return a new corpus in which each occurrence of the pair is one symbol."""
    ### BEGIN SOLUTION
    merged = {}
    for symbols, count in corpus.items():
        joined, i = [], 0
        while i < len(symbols):
            if symbols[i : i + 2] == pair:
                joined.append(pair[0] + pair[1])
                i += 2
            else:
                joined.append(symbols[i])
                i += 1
        merged[tuple(joined)] = count
    return merged
    ### END SOLUTION


# %% role="check" id="merge_pair_check" points=3
tick.call(
    "a merge",
    lambda pair, corpus: merge_pair(pair, corpus),
    cases=lambda rng: [
        (pair, draw_corpus(rng, ["a", "b", "c", "ab", "ca"], 15))
        for pair in (("a", "b"), ("b", "c"), ("ab", "c"))
    ],
    marks=2,
    hint={
        "es": "Compara símbolos enteros: en ca b no hay ningún par a b. El resultado es un diccionario nuevo, con tuplas como claves.",
        "en": "Compare whole symbols: there is no pair a b in ca b. The result is a new dictionary with tuples as keys.",
    },
)
tick.call(
    "a merge of equal symbols",
    lambda pair, corpus: merge_pair(pair, corpus),
    cases=lambda rng: [
        (("a", "a"), {("a",) * n: int(rng.integers(1, 9)) for n in range(1, 7)}),
        (("b", "b"), draw_corpus(rng, ["a", "b"], 10)),
    ],
    marks=1,
    hint={
        "es": "Tras unir un par, salta los dos símbolos: aaa queda en aa a, y aaaa en aa aa.",
        "en": "After joining a pair skip both symbols: aaa becomes aa a, and aaaa becomes aa aa.",
    },
)

# %% [markdown] lang="es"
# Repetido unas veces sobre verbos en dos idiomas, BPE descubre raíces y terminaciones que nadie le ha
# enseñado, y con ellas parte palabras que no había visto. El vocabulario crece a razón de uno por
# fusión y los textos se acortan: el equilibrio lo eliges tú.

# %% [markdown] lang="en"
# Repeated a few times on verbs in two languages, BPE discovers stems and endings that nobody taught it,
# and splits words it had never seen with them. The vocabulary grows by one with each merge and the texts
# get shorter: the balance is yours to choose.

# %% role="given"
spanish = ("cant habl salt mir llor baj", "o aba ando aron")
english = ("walk talk play jump cook help", " s ed ing")
unseen = ["saltaban", "miraron", "helped", "cookings"]
verbs = [
    stem + end
    for stems, ends in (spanish, english)
    for stem in stems.split()
    for end in ends.split(" ")
]
start = {tuple(verb): 10 for verb in verbs if verb not in unseen}


def split_word(word, merges):
    """Return a word as BPE splits it with the merges learnt, in their order."""
    symbols = {tuple(word): 1}
    for pair in merges:
        symbols = merge_pair(pair, symbols)
    return " ".join(next(iter(symbols)))


with once_done():
    learnt, now, lengths = [], start, []
    while (pairs := count_pairs(now)) and len(learnt) < 100:
        lengths.append(np.mean([len(word) for word in now]))
        learnt.append(max(pairs, key=lambda pair: (pairs[pair], pair)))
        now = merge_pair(learnt[-1], now)
    print("the first merges:", "  ".join(a + b for a, b in learnt[:20]))
    for word in unseen:
        few, many = split_word(word, learnt[:10]), split_word(word, learnt[:40])
        print(f"{word:<10} after 10 merges: {few:<18} after 40: {many}")
    vocabulary = len({letter for word in start for letter in word}) + np.arange(len(learnt))
    ax = plots.curves(
        lengths, ylabel="symbols a word", xlabel="symbols in the vocabulary", x=vocabulary
    )
    for step, name in (
        (0, "characters"),
        (40, "stems and endings"),
        (len(lengths) - 12, "whole words"),
    ):
        point = vocabulary[step], lengths[step]
        ax.annotate(name, point, xytext=(8, 8), textcoords="offset points")
    plt.show()

# %% [markdown] lang="es"
# ## 9. Normalización por lotes
#
# A cada capa le llegan números cuya escala cambia mientras las anteriores aprenden. **BatchNorm**
# (Ioffe y Szegedy, 2015) la fija: resta a cada variable la media del lote, divide por su desviación, y
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

# %% [markdown] lang="en"
# ## 9. Batch normalisation
#
# The numbers that reach a layer change their scale while the layers before it learn. **BatchNorm**
# (Ioffe and Szegedy, 2015) fixes it: take the batch's mean from each variable, divide by its deviation,
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


def normalise_evaluating(x, mean, var):
    """Return the output in evaluation mode, and the moving averages below it."""
    layer = BatchNorm(len(mean))
    layer.running_mean, layer.running_var, layer.training = mean.copy(), var.copy(), False
    return np.vstack([layer(x), layer.running_mean, layer.running_var])


tick.call(
    "BatchNorm in training mode",
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
    "moving averages of BatchNorm",
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
    "BatchNorm in evaluation mode",
    lambda x, mean, var: normalise_evaluating(x, mean, var),
    cases=lambda rng: [
        (rng.normal(2, 3, size=(n, d)), rng.normal(size=d), rng.uniform(0.5, 4, size=d))
        for n, d in [(5, 3), (1, 4)]
    ],
    marks=2,
    hint={
        "es": "En evaluación no se mira el lote: se normaliza con las medias móviles, que quedan como estaban.",
        "en": "Evaluation does not look at the batch: it normalises with the moving averages, which stay as they were.",
    },
)
tick.call(
    "training on one case",
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
        "and nn.BatchNorm1d",
        lambda: both_modes(
            BatchNorm(3),
            batches.numpy(),
            case.numpy(),
            lambda ours: setattr(ours, "training", False),
        ),
        lambda: both_modes(theirs, batches, case, lambda layer: layer.eval()),
    )

# %% [markdown] lang="es"
# **Los dos modos, a la vista.** El mismo paciente entra en 300 lotes distintos de 8. En modo
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
    training = np.array([layer(batch)[-1, 0] for batch in raw])
    layer.training = False
    evaluating = layer(case)[0, 0]
    normalised = np.concatenate([layer(batch) for batch in companies])
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.hist(companies.ravel(), bins=40, color=plots.COLOURS[0], alpha=0.6, label="what arrives")
    left.hist(
        normalised.ravel(),
        bins=40,
        color=plots.COLOURS[1],
        alpha=0.6,
        hatch="//",
        label="what leaves",
    )
    left.set(xlabel="value", ylabel="cases")
    left.legend()
    right.hist(training, bins=30, color=plots.COLOURS[0], alpha=0.6, label="training: 300 batches")
    right.axvline(evaluating, color=plots.COLOURS[1], linewidth=2.5, label="evaluation")
    right.set(xlabel="output of one and the same case", ylabel="batches")
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
    """Draw (rates, losses) of a range test whose last ``lost`` losses are nan."""
    rates = np.geomspace(1e-5, 1, 40)
    turn = rng.uniform(-7, -4)
    losses = 2.3 - 2 / (1 + np.exp(-2 * (np.log(rates) - turn))) + rng.normal(scale=0.01, size=40)
    losses[40 - lost :] = np.nan
    return rates, losses


tick.call(
    "geometric rates",
    lambda lowest, highest, count: learning_rates(lowest, highest, count),
    cases=lambda rng: [(rng.uniform(1e-6, 1e-4), rng.uniform(0.1, 5), n) for n in (2, 9, 50)],
    marks=1,
    hint={
        "es": "El cociente entre tasas seguidas es constante, y el primero y el último son los que se piden.",
        "en": "The ratio of successive rates is constant, and the first and the last are the ones asked for.",
    },
)
tick.call(
    "steepest descent of the loss",
    lambda rates, losses: steepest(rates, losses),
    cases=lambda rng: [drawn_curve(rng), drawn_curve(rng), drawn_curve(rng, lost=6)],
    marks=2,
    hint={
        "es": "Se pide la tasa de la pendiente más negativa, no la de menor pérdida. Con nan, np.argmin se equivoca: existe np.nanargmin.",
        "en": "Asked for is the rate of the most negative slope, not of the lowest loss. With nan np.argmin goes wrong: there is np.nanargmin.",
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
    rates = learning_rates(1e-4, 10, 100)
    losses = sweep(rates)
    found = steepest(rates, losses)
    ax = plots.curves(losses, ylabel="loss (smoothed)", xlabel="learning rate", x=rates)
    ax.set_xscale("log")
    ax.axvline(found, color=plots.COLOURS[1], linestyle="--")
    ax.annotate(
        f"steepest at {found:.2g}",
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
# En el dibujo de después hay 200 imágenes de entrenamiento, 40 con la etiqueta cambiada a propósito: verás
# cómo la red acaba aprendiéndose hasta los errores.

# %% [markdown] exercise="early_stopping" lang="en"
# **When to stop.** With little data the training loss always falls; the validation loss falls and then
# rises: the network has begun to memorise. *Early stopping* keeps the best epoch and gives up after
# `patience` epochs in a row without a **strictly lower** loss. Epochs are counted from 1; if it never
# gives up, the last one is the last of the list.
#
# The picture below has 200 training images, 40 with a wrong label on purpose: you will see how the network
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
    "best and last epoch",
    lambda losses, patience: early_stopping(losses, patience),
    cases=lambda rng: [
        *((rng.normal(size=25).tolist(), patience) for patience in (2, 4, 8)),
        (np.sort(rng.uniform(size=9))[::-1].tolist(), 3),
        ([0.5] * 6, int(rng.integers(2, 5))),
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


with once_done():
    few_images, few_labels = tensors(slice(0, 200))
    few_labels[:40] = (few_labels[:40] + 1) % 10  # wrong on purpose
    _, losses = train_digits(lr=0.03, batch_size=16, epochs=40, data=(few_images, few_labels))
    best, last = early_stopping(losses["validation"], patience=8)
    ax = plots.loss_curve(losses)
    for epoch, name in ((best, "best"), (last, "stop")):
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


def drawn_table(rng, blown_up):
    """Draw (table, rates, sizes); the first losses of the table are nan."""
    table = rng.uniform(0.1, 2.3, size=(3, 4))
    table.flat[:blown_up] = np.nan
    return table, rng.uniform(1e-4, 1, size=3).tolist(), [8, 16, 32, 64]


tick.call(
    "best of a grid",
    lambda table, rates, sizes: search_table(table, rates, sizes),
    cases=lambda rng: [drawn_table(rng, 0), drawn_table(rng, 2), drawn_table(rng, 5)],
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
    _, losses = train_digits(lr, batch_size, epochs=budget(full=20, quick=6))
    results[lr, batch_size] = float(np.min(losses["validation"]))
    return results[lr, batch_size]


with once_done():
    lr, batch_size, loss = grid_search(validation_loss, grid_rates, grid_sizes)
    print(f"best: lr {lr}, batch size {batch_size}, validation loss {loss:.3f}")
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
    ax.set(xlabel="batch size", ylabel="learning rate", title="lowest validation loss")
    ax.set_xticks(range(len(grid_sizes)), grid_sizes)
    ax.set_yticks(range(len(grid_rates)), grid_rates)
    plt.show()

# %% [markdown] exercise="choose_settings" lang="es"
# **Tu elección.** Con lo que has visto (la prueba de barrido, la curva y la cuadrícula), fija los tres
# números. La red se entrena una vez con ellos y se mide en dígitos que no ha visto nadie, con algo de
# ruido añadido. No busques el récord: basta con que no sea una elección descuidada.

# %% [markdown] exercise="choose_settings" lang="en"
# **Your choice.** From what you have seen (the range test, the curve and the grid), settle the three
# numbers. The network is trained once with them and measured on digits that nobody has seen, with some
# noise added. Do not hunt for a record: it is enough not to choose carelessly.


# %% role="exercise" id="choose_settings" title_es="Decide tú" title_en="You decide" difficulty=1 minutes=5
def choose_settings() -> dict:
    """Return lr (up to 1), batch_size (from 4 to 256) and epochs (up to 40)."""
    ### BEGIN SOLUTION
    return {"lr": 0.1, "batch_size": 32, "epochs": 20}
    ### END SOLUTION


# %% role="given"
with once_done():
    final_network, losses = train_digits(**choose_settings())
    plots.loss_curve(losses)
    plt.show()


def draw_noisy_digits(rng):
    """Draw test digits with noise, shape (N, 64), and their labels, shape (N,)."""
    images = pixels[test_part] + rng.normal(scale=0.15, size=pixels[test_part].shape)
    return images.astype(np.float32), labels[test_part]


# %% role="check" id="choose_settings_check" points=2
def read_digits(images):
    """Return the digit that the final network sees in each image."""
    with torch.no_grad():
        return final_network(torch.tensor(images)).argmax(dim=1).numpy()


tick.predictions(
    "digits nobody has seen",
    lambda images: read_digits(images),
    hidden=lambda rng: draw_noisy_digits(rng),
    metric="accuracy",
    baseline=("the most common digit", lambda images: np.full(len(images), 3)),
    share=0.9,
    marks=2,
    hint={
        "es": "Mira la curva de validación que hay encima: ¿todavía bajaba cuando se acabaron las épocas?, ¿o salta sin bajar porque la tasa es demasiado alta?",
        "en": "Look at the validation curve above: was it still falling when the epochs ran out, or does it jump about because the rate is too high?",
    },
)

# %% [markdown] lang="es"
# En los demás laboratorios, `utils.lr_finder` hace la prueba de barrido y `utils.training.fit` entrena, para
# a tiempo y guarda la mejor época. Ya sabes lo que hay dentro.

# %% [markdown] lang="en"
# In the other labs, `utils.lr_finder` does the range test and `utils.training.fit` trains, stops in time and
# keeps the best epoch. Now you know what is inside.

# %% role="given"
tick.summary()

# %% [markdown] lang="es"
# ## Para saber más
#
# - Alpaydin, E. y Kaynak, C. (1998). *Optical recognition of handwritten digits*. UCI Machine Learning Repository.
# - Bengio, Y., Ducharme, R., Vincent, P. y Jauvin, C. (2003). A neural probabilistic language model. *JMLR* 3, 1137–1155.
# - Cho, K. et al. (2014). Learning phrase representations using RNN encoder–decoder for statistical machine translation. *EMNLP*. arXiv:1406.1078.
# - Duchi, J., Hazan, E. y Singer, Y. (2011). Adaptive subgradient methods for online learning and stochastic optimization. *JMLR* 12, 2121–2159.
# - Efron, B., Hastie, T., Johnstone, I. y Tibshirani, R. (2004). Least angle regression. *Annals of Statistics* 32(2), 407–499.
# - Goodfellow, I., Bengio, Y. y Courville, A. (2016). *Deep Learning*. MIT Press. El capítulo 6 trata XOR; el 8, los optimizadores.
# - Hochreiter, S. y Schmidhuber, J. (1997). Long short-term memory. *Neural Computation* 9(8), 1735–1780.
# - Ioffe, S. y Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing internal covariate shift. *ICML*. arXiv:1502.03167.
# - Kingma, D. P. y Ba, J. (2014). Adam: a method for stochastic optimization. arXiv:1412.6980.
# - Loshchilov, I. y Hutter, F. (2019). Decoupled weight decay regularization. *ICLR*. arXiv:1711.05101.
# - Mikolov, T., Chen, K., Corrado, G. y Dean, J. (2013). Efficient estimation of word representations in vector space. arXiv:1301.3781.
# - Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. *USSR Computational Mathematics and Mathematical Physics* 4(5), 1–17.
# - Robbins, H. y Monro, S. (1951). A stochastic approximation method. *Annals of Mathematical Statistics* 22(3), 400–407.
# - Sennrich, R., Haddow, B. y Birch, A. (2016). Neural machine translation of rare words with subword units. *ACL*. arXiv:1508.07909.
# - Smith, L. N. (2017). Cyclical learning rates for training neural networks. *WACV*. arXiv:1506.01186.
# - Tieleman, T. y Hinton, G. (2012). Lecture 6.5: RMSprop. *Neural Networks for Machine Learning*, Coursera.

# %% [markdown] lang="en"
# ## Further reading
#
# - Alpaydin, E. and Kaynak, C. (1998). *Optical recognition of handwritten digits*. UCI Machine Learning Repository.
# - Bengio, Y., Ducharme, R., Vincent, P. and Jauvin, C. (2003). A neural probabilistic language model. *JMLR* 3, 1137–1155.
# - Cho, K. et al. (2014). Learning phrase representations using RNN encoder–decoder for statistical machine translation. *EMNLP*. arXiv:1406.1078.
# - Duchi, J., Hazan, E. and Singer, Y. (2011). Adaptive subgradient methods for online learning and stochastic optimization. *JMLR* 12, 2121–2159.
# - Efron, B., Hastie, T., Johnstone, I. and Tibshirani, R. (2004). Least angle regression. *Annals of Statistics* 32(2), 407–499.
# - Goodfellow, I., Bengio, Y. and Courville, A. (2016). *Deep Learning*. MIT Press. Chapter 6 treats XOR; chapter 8, optimisers.
# - Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. *Neural Computation* 9(8), 1735–1780.
# - Ioffe, S. and Szegedy, C. (2015). Batch normalization: accelerating deep network training by reducing internal covariate shift. *ICML*. arXiv:1502.03167.
# - Kingma, D. P. and Ba, J. (2014). Adam: a method for stochastic optimization. arXiv:1412.6980.
# - Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. *ICLR*. arXiv:1711.05101.
# - Mikolov, T., Chen, K., Corrado, G. and Dean, J. (2013). Efficient estimation of word representations in vector space. arXiv:1301.3781.
# - Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods. *USSR Computational Mathematics and Mathematical Physics* 4(5), 1–17.
# - Robbins, H. and Monro, S. (1951). A stochastic approximation method. *Annals of Mathematical Statistics* 22(3), 400–407.
# - Sennrich, R., Haddow, B. and Birch, A. (2016). Neural machine translation of rare words with subword units. *ACL*. arXiv:1508.07909.
# - Smith, L. N. (2017). Cyclical learning rates for training neural networks. *WACV*. arXiv:1506.01186.
# - Tieleman, T. and Hinton, G. (2012). Lecture 6.5: RMSprop. *Neural Networks for Machine Learning*, Coursera.
