# %% [markdown] lang="es"
# ## Antes de empezar
#
# Una red neuronal es menos misteriosa de lo que parece: unas multiplicaciones de matrices, una
# función de pérdida y un método para avanzar cuesta abajo. Este cuaderno reúne las diez ideas que
# las demás prácticas dan por sabidas. Si alguna ya la dominas, haz su ejercicio y sigue
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
# ✓ o ✗ al momento, con una pista. Tus funciones se prueban con entradas nuevas, elegidas al
# azar, así que no hay ningún resultado que memorizar. Una línea con ⏳ indica que la celda espera a que
# termines un ejercicio anterior. Cada ejercicio se corrige por separado: si uno se te atraganta,
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
# memorise. A line with ⏳ means that the cell waits for an exercise above it. Every exercise
# is marked on its own: if one resists, go on and come back later.

# %% role="given"
import dis
import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from utils import plots, text
from utils.language import tr
from utils.profile import budget, profile, run_seed
from utils.unfinished import once_done

torch.set_num_threads(1)  # networks as small as these gain nothing from more


def compare(name, ours, theirs):
    """Print how far our result is from a library's; both are functions without arguments."""
    with once_done():
        difference = np.max(np.abs(np.asarray(ours()) - np.asarray(theirs())))
        print(
            tr(
                es=f"{name:<24} mayor diferencia {difference:.1e}",
                en=f"{name:<24} largest difference {difference:.1e}",
            )
        )


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
products = f"{products} = {A[row] @ B[:, column]}"

figure = draw_matrices(
    ("A", A, np.s_[row, :]), ("B", B, np.s_[:, column]), ("C = A B", A @ B, (row, column))
)
figure.supxlabel(
    tr(
        es=f"fila {row} con columna {column}:  {products}",
        en=f"row {row} with column {column}:  {products}",
    )
)
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


# %% role="check" id="matmul_check" points=3
def multiply_by_hand(A, B):
    """Multiply with the student's function, which may not call a product that is ready made."""
    codes = [getattr(matmul, "__code__", None)]
    for code in codes:  # the list grows by the functions within the function
        codes += [inner for inner in getattr(code, "co_consts", ()) if hasattr(inner, "co_code")]
    used = {name for code in codes if code for name in code.co_names}
    used |= {step.argrepr for code in codes if code for step in dis.get_instructions(code)}
    found = ", ".join(sorted(used & {"@", "@=", "dot", "matmul"}))
    assert not found, tr(
        es=f"usas {found}; aquí se trata de multiplicar y sumar sin ello",
        en=f"you use {found}; the point here is to multiply and add without it",
    )
    return matmul(A, B)


tick.call(
    {"es": "producto de matrices", "en": "matrix product"},
    lambda A, B: multiply_by_hand(A, B),
    cases=lambda rng: [
        (rng.normal(size=(n, m)), rng.normal(size=(m, p)))
        for n, m, p in [(3, 4, 2), (5, 5, 5), (1, 6, 3), (4, 1, 4), (1, 7, 1)]
    ],
    marks=2,
    hint={
        "es": "¿Tiene el resultado tantas filas como A y tantas columnas como B? ¿Recorres una fila de A y una columna de B?",
        "en": "Does the result have the rows of A and the columns of B? Do you walk along a row of A and down a column of B?",
    },
)
tick.call(
    {"es": "formas que no encajan", "en": "shapes that do not fit"},
    lambda A, B: matmul(A, B),
    cases=lambda rng: [
        (rng.normal(size=(n, m)), rng.normal(size=(k, p)))
        for n, m, k, p in [(2, 3, 2, 3), (4, 2, 1, 4), (3, 1, 2, 3), (2, 3, 4, 3)]
    ],
    marks=1,
    hint={
        "es": "Compara los tamaños de dentro antes de calcular nada, sea cual sea el mayor, y usa raise ValueError(...).",
        "en": "Compare the inner sizes before computing anything, whichever is larger, and raise a ValueError.",
    },
)

# %% role="given"
rng = np.random.default_rng(run_seed())
A, B = rng.normal(size=(6, 4)), rng.normal(size=(4, 5))
compare(
    tr(es="matmul y el @ de NumPy", en="matmul and NumPy's @"), lambda: matmul(A, B), lambda: A @ B
)

# %% [markdown] exercise="chain_cost" lang="es"
# **Cuánto cuesta.** El resultado tiene $n\,p$ elementos y cada uno necesita $m$
# multiplicaciones: $n\,m\,p$ en total. De ahí sale un truco muy usado: como
# $(AB)C = A(BC)$, el resultado es el mismo, pero el coste puede ser muy distinto.
#
# Cuenta las multiplicaciones de $ABC$ de las dos maneras, con $A\,(n, m)$, $B\,(m, p)$ y
# $C\,(p, q)$.

# %% [markdown] exercise="chain_cost" lang="en"
# **What it costs.** The result has $n\,p$ elements and each takes $m$ multiplications:
# $n\,m\,p$ in all. This gives a trick that is used everywhere: since $(AB)C = A(BC)$, the result is
# the same, but the cost can be very different.
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
    {"es": "coste de una cadena", "en": "cost of a chain"},
    lambda n, m, p, q: chain_cost(n, m, p, q),
    cases=lambda rng: [
        tuple(rng.choice(range(2, 60), 4, replace=False).tolist()) for _ in range(4)
    ],
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
        print(f"{(n, m, p, q)!s:<22} (AB)C {left:>12}   A(BC) {right:>12}")

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
draw_matrices(
    (tr(es="columna", en="column"), column, (2, 0)),
    (tr(es="+ fila", en="+ row"), row, (0, 1)),
    (tr(es="= tabla", en="= table"), column + row, (2, 1)),
)
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
    {"es": "distancias al cuadrado", "en": "squared distances"},
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


# %% role="check" id="normal_equations_check" points=2
def drawn_regression(rng, cases, variables):
    """Draw a design matrix with its column of ones, and targets with noise."""
    X = with_ones(rng.normal(size=(cases, variables)))
    return X, X @ rng.normal(size=variables + 1) + 0.3 * rng.normal(size=cases)


tick.call(
    {"es": "regresión simple", "en": "simple regression"},
    lambda X, y: normal_equations(X, y),
    cases=lambda rng: [drawn_regression(rng, 30, 1), drawn_regression(rng, 3, 1)],
    marks=1,
    hint={
        "es": "X ya trae su columna de unos. El resultado son dos números: término independiente y pendiente.",
        "en": "X already has its column of ones. The result is two numbers: intercept and slope.",
    },
)
tick.call(
    {"es": "regresión múltiple", "en": "multiple regression"},
    lambda X, y: normal_equations(X, y),
    cases=lambda rng: [drawn_regression(rng, 50, 4), drawn_regression(rng, 40, 9)],
    marks=1,
    hint={
        "es": "¿Multiplicas por la traspuesta los dos lados? Las formas son (d, N)(N, d) y (d, N)(N,).",
        "en": "Do you multiply both sides by the transpose? The shapes are (d, N)(N, d) and (d, N)(N,).",
    },
)

# %% role="given"
compare(
    tr(es="la tuya y lstsq de NumPy", en="yours and NumPy's lstsq"),
    lambda: normal_equations(with_ones(body_mass), progress),
    lambda: np.linalg.lstsq(with_ones(body_mass), progress)[0],
)
with once_done():
    simple, multiple = with_ones(body_mass), with_ones(patients.data)
    intercept, slope = np.asarray(normal_equations(simple, progress))
    of_one = r_squared(progress, intercept + slope * body_mass)
    of_all = r_squared(progress, multiple @ np.asarray(normal_equations(multiple, progress)))
    print(
        tr(
            es=f"avance = {intercept:.1f} + {slope:.2f} · índice de masa corporal",
            en=f"progress = {intercept:.1f} + {slope:.2f} · body mass index",
        )
    )
    print(
        tr(
            es=f"R²: simple {of_one:.2f}, múltiple {of_all:.2f}",
            en=f"R²: simple {of_one:.2f}, multiple {of_all:.2f}",
        )
    )

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
    {"es": "gradiente del error", "en": "gradient of the error"},
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
    {"es": "camino del descenso por gradiente", "en": "path of gradient descent"},
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
# (`lr`): pequeña, buena y demasiado grande, con la que rebota cada vez más lejos. Fíjate en que antes
# hemos **estandarizado** la variable (media 0, desviación típica 1): sin eso, la misma `lr` sería
# enorme para un peso y diminuta para el otro.

# %% [markdown] lang="en"
# Both ways arrive at the same place. On the left, the line at each step of the descent until it
# joins that of the normal equations. On the right, the error with three learning rates (`lr`):
# small, good and too large, which bounces farther every time. Note that we **standardised** the
# variable first (mean 0, standard deviation 1): otherwise the same `lr` would be huge for one
# weight and tiny for the other.

# %% role="given"
X = with_ones((body_mass - body_mass.mean()) / body_mass.std())


def mean_squared_error(w):
    return np.mean((X @ w - progress) ** 2)


def slope_at(w):
    return np.asarray(mse_gradient(X, progress, w))


with once_done():
    best = np.asarray(normal_equations(X, progress))
    direct = tr(es="ecuaciones normales", en="normal equations")
    paths = {
        lr: np.asarray(gradient_descent(slope_at, np.zeros(2), lr, 20)) for lr in (0.02, 0.15, 1.02)
    }
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(body_mass, progress, ".", color=plots.COLOURS[5], alpha=0.25)
    order = np.argsort(body_mass)[[0, -1]]
    for step in (1, 2, 4, 8):
        line = X[order] @ paths[0.15][step]
        left.plot(body_mass[order], line, color=plots.COLOURS[1], alpha=0.4 + step / 15)
        name = tr(es=f"paso {step}", en=f"step {step}")
        left.annotate(name, (body_mass[order[1]], line[1]), fontsize=8, va="center")
    left.plot(body_mass[order], X[order] @ best, "--", color=plots.COLOURS[0], label=direct)
    left.set(
        xlabel=tr(es="índice de masa corporal (kg/m²)", en="body mass index (kg/m²)"),
        ylabel=tr(es="avance de la enfermedad", en="progress of the disease"),
    )
    left.legend(loc="upper left")
    losses = {f"lr = {lr}": [mean_squared_error(w) for w in path] for lr, path in paths.items()}
    plots.curves(
        losses,
        ylabel=tr(es="error cuadrático medio", en="mean squared error"),
        xlabel=tr(es="paso", en="step"),
        x=range(21),
        log=True,
        ax=right,
    )
    right.axhline(mean_squared_error(best), color=plots.COLOURS[5], linewidth=0.8)
    right.text(20, 0.93 * mean_squared_error(best), direct, fontsize=8, ha="right", va="top")
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
