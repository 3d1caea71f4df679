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
# Un truco que evita casi todos los errores: **cada derivada tiene la forma de su variable**. Si
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
# A trick that prevents nearly every mistake: **each derivative has the shape of its variable**.
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
    {"es": "vuelta del paso lineal: dA_prev", "en": "linear step backward: dA_prev"},
    lambda dZ, A_prev, W: as_array(linear_backward(dZ, A_prev, W)[0], "dA_prev"),
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "dA_prev tiene la forma de A_prev: ¿qué traspuesta encaja con dZ?",
        "en": "dA_prev has the shape of A_prev: which transpose fits dZ?",
    },
)
tick.call(
    {"es": "vuelta del paso lineal: dW", "en": "linear step backward: dW"},
    lambda dZ, A_prev, W: as_array(linear_backward(dZ, A_prev, W)[1], "dW"),
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "dW tiene la forma de W. Aquí no se divide por m: dZ ya lo trae.",
        "en": "dW has the shape of W. No division by m here: dZ brings it along.",
    },
)
tick.call(
    {"es": "vuelta del paso lineal: db", "en": "linear step backward: db"},
    lambda dZ, A_prev, W: as_array(linear_backward(dZ, A_prev, W)[2], "db"),
    cases=draw_linear_step,
    marks=1,
    hint={
        "es": "El sesgo llega a todos los ejemplos: se suma sobre ellos (axis=0), sin más. Forma (n_out,).",
        "en": "The bias reaches every example: sum over them (axis=0), nothing else. Shape (n_out,).",
    },
)

# %% [markdown] exercise="relu_backward" lang="es"
# ReLU deja pasar el gradiente por donde dejó pasar la señal y lo corta en el resto.

# %% [markdown] exercise="relu_backward" lang="en"
# ReLU lets the gradient through where it let the signal through, and cuts it elsewhere.


# %% role="exercise" id="relu_backward" title_es="Vuelta de ReLU" title_en="Back through ReLU" difficulty=1 minutes=5
def relu_backward(dA, Z):
    """Return dZ of A = relu(Z); all arrays have the same shape."""
    ### BEGIN SOLUTION
    return dA * (Z > 0)
    ### END SOLUTION


# %% role="check" id="relu_backward_check" points=1
tick.call(
    {"es": "vuelta de ReLU", "en": "ReLU backward"},
    lambda dA, Z: as_array(relu_backward(dA, Z), "dZ"),
    cases=lambda rng: [
        (rng.normal(size=(4, 3)), rng.normal(size=(4, 3))),
        (rng.normal(size=(1, 6)), np.array([[0.5, -0.5, 0.0, 2.0, -2.0, 0.0]])),
    ],
    marks=1,
    hint={
        "es": "La derivada de ReLU solo vale 0 o 1, y la decide Z, no dA. ¿Y donde Z es justo 0?",
        "en": "The derivative of ReLU is only ever 0 or 1, and Z decides it, not dA. And where Z is exactly 0?",
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
    {"es": "backward: dirección en la última capa", "en": "backward: direction in the last layer"},
    lambda *arguments: direction(backward(*arguments))[-1],
    cases=lambda rng: [draw_pass(rng), draw_pass(rng, sizes=(4, 1))],
    marks=1,
    hint={
        "es": "La última capa empieza en A - Y (no al revés) y usa su propia caché.",
        "en": "The last layer begins at A - Y (not the other way round) and uses its own cache.",
    },
)
tick.call(
    {
        "es": "backward: dirección en las capas ocultas",
        "en": "backward: direction in the hidden layers",
    },
    lambda *arguments: direction(backward(*arguments))[:-1],
    cases=lambda rng: [draw_pass(rng)],
    marks=2,
    hint={
        "es": "Entre dos capas está la ReLU de la anterior: ¿le pasas la Z de esa capa?",
        "en": "Between two layers there is the ReLU of the earlier one: do you pass it that layer's Z?",
    },
)
tick.call(
    {"es": "backward: tamaño del gradiente", "en": "backward: size of the gradient"},
    lambda *arguments: [float(np.linalg.norm(part)) for part in backward(*arguments)[-1]],
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
# Es lentísimo (dos pasadas por parámetro), pero para una red pequeña es un juez casi perfecto: solo
# yerra si el paso cruza justo el codo de una ReLU.

# %% [markdown] lang="en"
# ## Is the gradient right?
#
# A wrong gradient raises no error: the network learns a little worse and nobody knows why. That is
# why it is always checked, and there are two independent witnesses. The first knows nothing of
# chains: it moves one parameter a little to each side and looks at what the function does,
#
# $$\frac{\partial f}{\partial \theta_i} \approx \frac{f(\theta + \varepsilon e_i) - f(\theta - \varepsilon e_i)}{2 \varepsilon}.$$
#
# It is terribly slow (two passes for each parameter), but for a small network it is a nearly perfect
# judge: it errs only where the step happens to cross the kink of a ReLU.

# %% [markdown] exercise="numerical_gradient" lang="es"
# Escribe el testigo, y la medida que compara dos gradientes $g$ y $h$ sin depender de su tamaño:
#
# $$\frac{\lVert g - h \rVert}{\lVert g \rVert + \lVert h \rVert}$$
#
# Por debajo de $10^{-6}$ coinciden; por encima de $10^{-3}$ hay un error. Y el número da pistas: si
# $g = k\,h$ con $k > 0$, vale $|k - 1| / (k + 1)$; si apuntan en sentidos opuestos, 1.

# %% [markdown] exercise="numerical_gradient" lang="en"
# Write the witness, and the measure that compares two gradients $g$ and $h$ whatever their size:
#
# $$\frac{\lVert g - h \rVert}{\lVert g \rVert + \lVert h \rVert}$$
#
# Below $10^{-6}$ they agree; above $10^{-3}$ there is a mistake. And the number is a clue: if
# $g = k\,h$ with $k > 0$ it is $|k - 1| / (k + 1)$; if they point in opposite directions, 1.


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
    {"es": "diferencias finitas", "en": "finite differences"},
    lambda a, theta, eps: numerical_gradient(
        lambda v: float(np.sum(np.sin(a * v)) + v[0] * v[-1]), theta, eps
    ),
    # a step so long that one side differs from the other; a binary fraction, as theta is, so that
    # what is added and taken away again leaves no trace
    cases=lambda rng: [
        (rng.uniform(0.5, 1.5, size=n), rng.integers(-32, 33, size=n) / 16, 0.25) for n in (2, 5)
    ],
    marks=2,
    hint={
        "es": "Mueve un solo elemento cada vez, hacia los dos lados y el eps que recibes, divide por 2·eps y no modifiques theta.",
        "en": "Move one element at a time, to both sides, by the eps that you are given, divide by 2·eps, and leave theta unchanged.",
    },
)
tick.call(
    {"es": "error relativo", "en": "relative error"},
    lambda one, other: as_number(relative_error(one, other)),
    cases=lambda rng: [
        (g := rng.normal(size=6), g + 0.01 * rng.normal(size=6)),
        (g, -2 * g),
        (1000 * g, 3000 * g),
    ],
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
    return as_number(cost(A, Y)), backward(A, Y, params, caches)


def small_problem(seed):
    """Draw a small network and data to check gradients with."""
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(8, 5)), rng.integers(0, 2, size=(8, 1)).astype(float)
    return X, Y, draw_network(rng, [5, 4, 3, 1])


def gradients_both_ways(X, Y, params):
    """Return the gradient of the cost by `backward` and by finite differences, two vectors."""
    sizes = [X.shape[1], *(len(b) for _, b in params)]
    numerical = numerical_gradient(
        lambda theta: as_number(cost(forward(X, to_params(theta, sizes))[0], Y)), to_vector(params)
    )
    return to_vector(cost_and_gradients(params, X, Y)[1]), np.asarray(numerical)


with once_done():
    error = as_number(relative_error(*gradients_both_ways(*small_problem(run_seed()))))
    print(
        tr(
            es=f"backward frente a las diferencias finitas: error relativo {error:.1e}",
            en=f"backward against finite differences: relative error {error:.1e}",
        )
    )

# %% role="check" id="gradient_check" points=2 covers="backward,numerical_gradient"
tick.call(
    {
        "es": "backward coincide con las diferencias finitas",
        "en": "backward agrees with finite differences",
    },
    lambda seed: list(gradients_both_ways(*small_problem(seed))),
    cases=lambda rng: [(int(seed),) for seed in rng.integers(10_000, size=3)],
    tol=1e-4,
    marks=2,
    hint={
        "es": "Mira el error relativo de arriba. Si es 1/3, a tu gradiente le sobra o le falta un factor 2; si es 7/9, un factor 8, que aquí es m; si es 1, va en sentido contrario. Si no es ninguno, revisa la derivada de cada capa, y no pases nada a float32: es demasiado basto para diferencias tan finas.",
        "en": "See the relative error above. If it is 1/3, your gradient has a factor of 2 too much or too little; if 7/9, a factor of 8, which is m here; if 1, it points the other way. If it is none of these, look at the derivative of each layer, and turn nothing into float32: it is too coarse for differences this fine.",
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


# %% role="check" id="autograd_check" points=2
def by_autograd(X, Y, params):
    """Return what autograd_gradients does; a witness that only repeats your formulas is none."""
    run = torch.autograd._engine_run_backward  # of backward() and grad(), however imported
    with mock.patch.object(torch.autograd, "_engine_run_backward", wraps=run) as engine:
        found = [[dW, db] for dW, db in autograd_gradients(X, Y, params)]
    if not engine.called:
        raise AssertionError(
            tr(
                es="nadie ha llamado a autograd: que sea PyTorch quien derive",
                en="nobody called autograd: let PyTorch take the derivatives",
            )
        )
    return found


tick.call(
    {"es": "gradientes con autograd", "en": "gradients by autograd"},
    lambda X, Y, params: by_autograd(X, Y, params),
    cases=lambda rng: [
        (
            rng.normal(size=(6, sizes[0])),
            rng.integers(0, 2, size=(6, 1)).astype(float),
            draw_network(rng, sizes),
        )
        for sizes in ([3, 1], [4, 5, 3, 1])
    ],
    tol=1e-4,
    marks=2,
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
    error = as_number(relative_error(ours, theirs))
    print(
        tr(
            es=f"backward frente a autograd: error relativo {error:.1e}",
            en=f"backward against autograd: relative error {error:.1e}",
        )
    )
