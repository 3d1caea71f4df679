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
    {"es": "train: dónde acaba", "en": "train: where it ends"},
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
    {"es": "train: los costes anotados", "en": "train: the noted costs"},
    lambda params, rate, iterations, *every: train(params, bowl, rate, iterations, *every)[1],
    cases=lambda rng: [
        (draw_network(rng, [3, 2, 1]), rng.uniform(0.005, 0.01), *settings)
        for settings in ((25, 10), (21, 7), (120,))  # every 100 if nobody says otherwise
    ],
    marks=1,
    hint={
        "es": "Un coste en la iteración 0 y luego cada «every», siempre antes de actualizar.",
        "en": "One cost at iteration 0 and then every “every”, always before the update.",
    },
)

# %% [markdown] lang="es"
# Todo junto. La red tiene dos capas ocultas, de 32 y 16 neuronas. Anotamos el coste en todas las
# iteraciones: quien mira una de cada cien no ve cómo llega de una a otra.

# %% [markdown] lang="en"
# All together. The network has two hidden layers, of 32 and 16 units. We note the cost of every
# iteration: whoever looks at one in a hundred does not see how it gets from one to the next.

# %% role="given"
SIZES = [n_inputs, 32, 16, 1]
ITERATIONS = 1000

with once_done():
    X, X_test = (np.asarray(prepare(images)) for images in (pair_images, pair_test_images))
    start = initialise(SIZES, "he", np.random.default_rng(run_seed()))
    trained, costs = train(
        start,
        lambda params: cost_and_gradients(params, X, Y),
        learning_rate=0.1,
        iterations=ITERATIONS,
        every=1,
    )
    plots.curves(
        costs,
        x=range(ITERATIONS),
        xlabel=tr(es="iteración", en="iteration"),
        ylabel=tr(es="coste", en="cost"),
    )
    for iteration in (*range(0, ITERATIONS, 100), ITERATIONS - 1):
        print(
            tr(
                es=f"iteración {iteration:4d}  coste {costs[iteration]:.4f}",
                en=f"iteration {iteration:4d}  cost {costs[iteration]:.4f}",
            )
        )
    rises = np.mean(np.diff(costs) > 0)
    print(
        tr(
            es=f"pasos tras los que el coste ha subido: {100 * rises:.0f} %",
            en=f"steps after which the cost has gone up: {rises:.0%}",
        )
    )

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
    wrong = np.flatnonzero((A > 0.5) != (Y > 0.5))
    distance = np.abs(A - Y)[wrong, 0]
    return wrong[np.argsort(-distance)][:count]
    ### END SOLUTION


# %% role="check" id="mistakes_check" points=3
def draw_answers(rng, m=20):
    """Draw probabilities, none of them near 0.5, and answers."""
    A = rng.uniform(0.05, 0.45, size=(m, 1)) + 0.5 * rng.integers(0, 2, size=(m, 1))
    return A, rng.permutation(np.arange(m) % 2).astype(float)[:, None]


tick.call(
    {"es": "exactitud con dos clases", "en": "accuracy of two classes"},
    lambda A, Y: as_number(binary_accuracy(A, Y)),
    cases=lambda rng: [
        draw_answers(rng),
        draw_answers(rng, 7),
        # 0.5 is not above 0.5
        (np.array([[0.5], [0.9], [0.2], [0.3]]), np.array([[1.0], [1.0], [0.0], [0.0]])),
    ],
    marks=1,
    hint={
        "es": "Compara cada (A > 0.5) con su Y. Si el resultado pasa de 1, has sumado en vez de promediar. ¿Qué dice la red con 0.5 justo?",
        "en": "Compare each (A > 0.5) with its Y. If the result is above 1, you have summed instead of averaged. What does the network say at exactly 0.5?",
    },
)
tick.call(
    {"es": "los errores más rotundos", "en": "the worst mistakes"},
    lambda A, Y, count: [int(row) for row in worst_mistakes(A, Y, count)],
    cases=lambda rng: [
        (*draw_answers(rng), 3),
        (*draw_answers(rng), 100),
        (np.array([[0.5], [0.1], [0.7]]), np.array([[0.0], [1.0], [0.0]]), 3),
        (np.array([[0.9], [0.2]]), np.array([[1.0], [0.0]]), 2),  # no mistake
    ],
    marks=2,
    hint={
        "es": "Ordena por |A - Y|, de mayor a menor, y quédate solo con filas que estén mal.",
        "en": "Sort by |A - Y|, largest first, and keep only rows that are wrong.",
    },
)

# %% role="given"
with once_done():
    A_train, A_test = forward(X, trained)[0], forward(X_test, trained)[0]
    in_training = as_number(binary_accuracy(A_train, Y))
    in_test = as_number(binary_accuracy(A_test, Y_test))
    print(
        tr(
            es=f"exactitud: {in_training:.3f} en entrenamiento, {in_test:.3f} en prueba",
            en=f"accuracy: {in_training:.3f} in training, {in_test:.3f} in test",
        )
    )
    worst = np.asarray(worst_mistakes(A_test, Y_test, n_shown), dtype=int)
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
# la red. ¿Habrías acertado tú? En nuestra ejecución (perfil completo) casi todos son abrigos
# tomados por jerséis. En varios se ven la cremallera o los botones, que a una persona le bastan,
# pero son una línea de pocos píxeles; otros son claros, cortos o anchos, y en 28×28 tienen la
# silueta de un jersey. Fíjate también en los números: no son dudas cerca de 0.5, sino 0.00 y 0.99.
# La red ha aprendido a dar respuestas seguras en el entrenamiento, y nada le ha enseñado a dudar
# fuera de él.
#
# La nota de tu red no sale de la exactitud que imprimes, sino de sus respuestas sobre imágenes
# nuevas, distintas cada vez: las de prueba con menos contraste y algo de ruido. (Al corregir, dígitos
# tras velos que no están en ninguna celda.)

# %% [markdown] lang="en"
# Above each image is its true class and, below it, the probability of the positive class that the
# network gave. Would you have got them right? In our run (full profile) nearly all are coats taken
# for pullovers. Several show the zip or the buttons, which is all that a person needs, but they are
# a line of a few pixels; others are light, short or wide, and in 28×28 they have the outline of a
# pullover. Look at the numbers, too: these are no doubts near 0.5 but 0.00 and 0.99. The network
# has learnt to be sure in training, and nothing has taught it to doubt elsewhere.
#
# The marks of your network do not come from the accuracy that you print but from its answers on new
# images, different every time: those of the test set with less contrast and some noise. (In grading,
# digits behind veils that are in no cell.)


# %% role="given"
def fresh_copies(rng, count):
    """Draw test images with their labels, each with less contrast and with some noise."""
    chosen = rng.integers(len(splits.test_images), size=count)
    copies = splits.test_images[chosen] * rng.uniform(0.7, 1, size=(count, 1, 1))
    copies *= rng.normal(1, 0.2, size=copies.shape)
    return np.rint(copies.clip(0, 255)).astype(np.uint8), splits.test_labels[chosen]


def unseen(rng, count):
    """Draw images that are in no cell, with their labels."""
    drawn = budget(
        full=fresh_copies, quick=lambda rng, count: unseen_digits(run_seed(), rng, count)
    )
    return drawn(rng, count)


# %% role="check" id="network_check" points=2 covers="forward,backward,train"
def unseen_pair(rng):
    """Draw images of the two classes, and 1.0 for each of the positive one."""
    images, labels = two_classes(*unseen(rng, budget(full=5000, quick=1000)))
    return images, labels[:, 0]


tick.predictions(
    {"es": "tu red con imágenes nuevas", "en": "your network on new images"},
    lambda images: forward(np.asarray(prepare(images)), trained)[0][:, 0] > 0.5,
    hidden=unseen_pair,
    metric="accuracy",
    baseline=(
        {"es": "siempre la clase negativa", "en": "always the negative class"},
        lambda images: np.zeros(len(images)),
    ),
    share=0.75,
    marks=2,
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
def start_of(sizes, method, rng):
    """Draw a start for each method that needs none of your functions, and is none of the three."""
    size = {"zeros": 0.2, "small": 0.35, "he": 0.5}[method]
    return [(size * W, size * b) for W, b in draw_network(rng, sizes)]


def compared(X, Y, *settings):
    """Return what compare_initialisations finds where `start_of` takes the place of initialise."""
    with replaced(initialise=start_of):
        costs = compare_initialisations(X, Y, [4, 6, 6, 1], *settings)
    return [[as_number(value) for value in costs[method]] for method in ("zeros", "small", "he")]


tick.call(
    {"es": "los costes de los tres métodos", "en": "the costs of the three methods"},
    lambda X, Y, *settings: compared(X, Y, *settings),
    cases=lambda rng: [
        (
            rng.normal(size=(30, 4)),
            rng.integers(0, 2, size=(30, 1)).astype(float),
            rng.uniform(0.1, 0.3),  # learning rate
            iterations,
            int(rng.integers(1000)),  # seed
        )
        for iterations in (31, 15)
    ],
    tol=1e-3,
    marks=2,
    hint={
        "es": "¿Los tres métodos, con los mismos datos y la misma tasa, un generador nuevo con la semilla para cada uno, y el coste cada 10 iteraciones?",
        "en": "All three methods, with the same data and rate, a new generator of the seed for each, and the cost every 10 iterations?",
    },
)


# %% role="given"
def spread_by_layer(X, sizes, method):
    """Return the standard deviation of the signal after each hidden layer, before any training."""
    params = initialise(sizes, method, np.random.default_rng(run_seed()))
    return [X.std(), *(A_prev.std() for A_prev, _ in forward(X, params)[1][1:])]


few = slice(0, budget(full=500, quick=200))
method_names = {
    "zeros": tr(es="ceros", en="zeros"),
    "small": tr(es="pequeños", en="small"),
    "he": "He",
}
with once_done():
    runs = compare_initialisations(X[few], Y[few], SIZES, 0.1, 400, run_seed())
    deep = [n_inputs] + [64] * 8 + [1]
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    plots.curves(
        {method_names[method]: costs for method, costs in runs.items()},
        x=range(0, 400, 10),
        xlabel=tr(es="iteración", en="iteration"),
        ylabel=tr(es="coste", en="cost"),
        ax=left,
    )
    left.set_title(tr(es="entrenamiento", en="training"))
    spreads = {method: spread_by_layer(X[few], deep, method) for method in runs}
    spreads["zeros"][1:] = [np.nan] * 8  # exactly 0: no place on a logarithmic axis
    plots.curves(
        {method_names[method]: spread for method, spread in spreads.items()},
        x=range(9),
        xlabel=tr(es="capa", en="layer"),
        ylabel=tr(es="dispersión de la señal", en="spread of the signal"),
        log=True,
        ax=right,
    )
    right.set_title(
        tr(es="una red más profunda, sin entrenar", en="a deeper network, before training")
    )

# %% [markdown] lang="es"
# - **Ceros.** Todas las neuronas de una capa son iguales, reciben el mismo gradiente y siguen siendo
#   iguales para siempre; con ReLU, además, la señal es cero y solo aprende el último sesgo. El coste
#   se queda en la entropía de las etiquetas: $\ln 2 \approx 0.693$ si hay tantas de una clase como
#   de la otra. (A la derecha no tiene curva: vale cero desde la primera capa.)
# - **Pequeños.** La simetría está rota, pero cada capa encoge la señal, y a la vuelta el gradiente.
#   Con muchas capas no llega nada: es el *desvanecimiento del gradiente*.
# - **He.** La varianza $2/n$ compensa, en promedio, lo que ReLU apaga, y la señal conserva más o menos
#   su tamaño aunque la red sea profunda.

# %% [markdown] lang="en"
# - **Zeros.** All units of a layer are equal, get the same gradient and stay equal for ever; with
#   ReLU the signal is zero on top of that, and only the last bias learns. The cost stays at the
#   entropy of the labels: $\ln 2 \approx 0.693$ when there are as many of one class as of the
#   other. (There is no curve on the right: it is zero from the first layer on.)
# - **Small.** The symmetry is broken, but each layer shrinks the signal, and the gradient on its
#   way back. With many layers nothing arrives: that is the *vanishing gradient*.
# - **He.** The variance $2/n$ makes up, on average, for what ReLU switches off, and the signal roughly
#   keeps its size though the network is deep.

# %% [markdown] lang="es"
# ### ¿De dónde sale $2/n$?
#
# Toma una neurona: $z = \sum_{i=1}^{n} w_i a_i$. Los pesos se sortean con media cero y varianza
# $\sigma^2$, sin mirar las entradas, así que cada sumando tiene media cero, y
#
# $$\operatorname{Var}(z) = \sum_i \mathbb{E}[w_i^2]\, \mathbb{E}[a_i^2] = n\, \sigma^2\, \mathbb{E}[a^2].$$
#
# Aparece $\mathbb{E}[a^2]$, no la varianza de $a$: tras una ReLU la media de $a$ no es cero, y también
# cuenta. Ahora bien, $a = \max(0, z')$ con $z'$ de la capa anterior, que es simétrica alrededor del
# cero porque lo son sus pesos. ReLU borra la mitad negativa y deja igual la otra, de modo que
# $\mathbb{E}[a^2] = \tfrac{1}{2} \operatorname{Var}(z')$. Junta las dos cosas:
#
# $$\operatorname{Var}(z) = \tfrac{1}{2}\, n\, \sigma^2 \operatorname{Var}(z').$$
#
# La señal ni crece ni encoge de una capa a otra si $\sigma^2 = 2/n$. Y la cuenta vale para más
# activaciones: solo cambia el $\tfrac{1}{2}$.

# %% [markdown] lang="en"
# ### Where does $2/n$ come from?
#
# Take one unit: $z = \sum_{i=1}^{n} w_i a_i$. The weights are drawn with mean zero and variance
# $\sigma^2$, without a look at the inputs, so each term has mean zero, and
#
# $$\operatorname{Var}(z) = \sum_i \mathbb{E}[w_i^2]\, \mathbb{E}[a_i^2] = n\, \sigma^2\, \mathbb{E}[a^2].$$
#
# It is $\mathbb{E}[a^2]$, not the variance of $a$: after a ReLU the mean of $a$ is not zero, and it
# counts, too. Now $a = \max(0, z')$, with the $z'$ of the layer before, which is symmetric around zero
# because its weights are. ReLU deletes the negative half and leaves the other as it is, so
# $\mathbb{E}[a^2] = \tfrac{1}{2} \operatorname{Var}(z')$. Put the two together:
#
# $$\operatorname{Var}(z) = \tfrac{1}{2}\, n\, \sigma^2 \operatorname{Var}(z').$$
#
# From layer to layer the signal neither grows nor shrinks if $\sigma^2 = 2/n$. And the argument holds
# for other activations: only the $\tfrac{1}{2}$ changes.

# %% [markdown] exercise="keeping_spread" lang="es"
# Hazlo para cualquier activación $\varphi$: si $z' \sim \mathcal{N}(0, 1)$, ¿qué desviación típica
# $\sigma$ deben tener los pesos para que también $\operatorname{Var}(z) = 1$? Recibes una muestra de
# $z'$ con la que estimar la esperanza que haga falta.

# %% [markdown] exercise="keeping_spread" lang="en"
# Do it for any activation $\varphi$: if $z' \sim \mathcal{N}(0, 1)$, which standard deviation
# $\sigma$ should the weights have so that $\operatorname{Var}(z) = 1$, too? You are given a sample of
# $z'$ to estimate the expectation that you need.


# %% role="exercise" id="keeping_spread" title_es="La dispersión que conserva la señal" title_en="The spread that keeps the signal" difficulty=2 minutes=15
def keeping_spread(activation, n_in, sample):
    """Return the standard deviation of weights with which the signal keeps its variance of 1.

    Parameters
    ----------
    activation : callable
        Elementwise, from an array to an array.
    n_in : int
        Inputs of a unit.
    sample : array, shape (k,)
        Numbers drawn from N(0, 1): what goes into the activation.

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    return float(1 / np.sqrt(n_in * np.mean(activation(sample) ** 2)))
    ### END SOLUTION


# %% role="check" id="keeping_spread_check" points=2
tick.call(
    {"es": "la dispersión que conserva la señal", "en": "the spread that keeps the signal"},
    lambda slope, shift, n_in, sample: as_number(
        keeping_spread(lambda z: np.where(z > 0, z, slope * z) + shift, n_in, sample)
    ),
    # ReLU, one that leaks, one that leaks and is shifted
    cases=lambda rng: [
        (slope, shift, int(rng.integers(20, 500)), rng.standard_normal(1000))
        for slope, shift in ((0.0, 0.0), (rng.uniform(0.1, 0.5), 0.0), (0.3, rng.uniform(0.5, 1)))
    ],
    marks=2,
    hint={
        "es": "Despeja σ en 1 = n·σ²·E[φ(z')²]. ¿Has elevado al cuadrado antes de promediar, sin restar la media?",
        "en": "Solve 1 = n·σ²·E[φ(z')²] for σ. Did you square before averaging, without taking the mean away?",
    },
)

# %% role="given"
with once_done():
    sample = np.random.default_rng(run_seed()).standard_normal(100_000)
    for name, activation in (
        ("ReLU", lambda z: np.maximum(z, 0)),
        ("tanh", np.tanh),
        (tr(es="ninguna", en="none"), lambda z: z),
    ):
        squared = 64 * as_number(keeping_spread(activation, 64, sample)) ** 2
        print(
            tr(
                es=f"{name:<8} varianza de los pesos: {squared:.2f}/n",
                en=f"{name:<8} variance of the weights: {squared:.2f}/n",
            )
        )

# %% [markdown] lang="es"
# Así se ve por dentro, capa a capa, la red profunda de antes. Arriba, cómo se reparten los tamaños de
# sus activaciones que no son cero; abajo, los de los gradientes de sus pesos. El eje es logarítmico:
# −6 es una millonésima.

# %% [markdown] lang="en"
# This is what the deeper network of before looks like inside, layer by layer. Above, how the sizes of
# its activations are spread, zeros apart; below, those of the gradients of its weights. The axis is
# logarithmic: −6 is a millionth.


# %% role="given"
def shares_of_sizes(values, edges):
    """Return which share of the values, zeros apart, is of each size; in powers of ten."""
    sizes = np.log10(np.abs(values[values != 0]))
    return np.histogram(sizes, edges)[0] / max(sizes.size, 1)


with once_done():
    edges = np.arange(-18, 2.5, 0.5)
    with plots.style():
        figure, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, layout="constrained")
    for column, method in enumerate(("small", "he")):
        params = initialise(deep, method, np.random.default_rng(run_seed()))
        activations = [A_prev for A_prev, _ in forward(X[few], params)[1][1:]]
        gradients = [dW for dW, _ in cost_and_gradients(params, X[few], Y[few])[1]]
        for ax, layers, quantity in (
            (axes[0, column], activations, tr(es="activación", en="activation")),
            (axes[1, column], gradients, tr(es="gradiente", en="gradient")),
        ):
            plots.curves(
                {
                    tr(es=f"capa {k + 1}", en=f"layer {k + 1}"): shares_of_sizes(layers[k], edges)
                    for k in (0, 2, 4, 6)
                },
                x=(edges[:-1] + edges[1:]) / 2,
                xlabel=f"log10 |{quantity}|",
                ylabel=tr(es="proporción", en="share"),
                ax=ax,
            )
            ax.set_title(method_names[method])

# %% [markdown] lang="es"
# Con pesos pequeños, cada capa de 64 neuronas divide la señal entre
# $1 / (0.01 \sqrt{64/2}) \approx 18$: las curvas de arriba se apartan a pasos iguales. A la vuelta le
# pasa lo mismo a $dZ$. Y como $dW = A_{prev}^\top\, dZ$ es el producto de las dos, no se salva ninguna
# capa: a las últimas no les llega señal y a las primeras no les llega $dZ$, así que en todas el
# gradiente se queda por debajo de $10^{-10}$ y no mueve nada. Con He las capas se solapan, arriba y
# abajo, y todas aprenden.

# %% [markdown] lang="en"
# With small weights each layer of 64 units divides the signal by $1 / (0.01 \sqrt{64/2}) \approx 18$:
# the upper curves move apart in equal steps. The same happens to $dZ$ on its way back. And since
# $dW = A_{prev}^\top\, dZ$ is the product of the two, no layer is spared: no signal reaches the last
# ones and no $dZ$ reaches the first, so that in all of them the gradient stays below $10^{-10}$ and
# moves nothing. With He the layers overlap, above and below, and all of them learn.

# %% [markdown] lang="es"
# La tasa de aprendizaje se lee en la curva. Estas tres parten de los mismos pesos:

# %% [markdown] lang="en"
# The learning rate shows in the curve. These three start from the same weights:

# %% role="given"
with once_done():
    start = initialise(SIZES, "he", np.random.default_rng(run_seed()))
    rates = {
        tr(es=f"tasa {rate}", en=f"rate {rate}"): train(
            start, lambda params: cost_and_gradients(params, X[few], Y[few]), rate, 300, every=1
        )[1]
        for rate in (0.001, 0.05, 0.5)
    }
    plots.curves(
        rates,
        x=range(300),
        xlabel=tr(es="iteración", en="iteration"),
        ylabel=tr(es="coste", en="cost"),
    )
    plt.ylim(0, 2)

# %% [markdown] role="question" id="read_the_curve" points=4 lang="es"
# Lee las curvas del coste: la de tu red y las tres de arriba. ¿Qué distingue una tasa demasiado
# pequeña de una demasiado grande? ¿De qué lado está la de tu red, 0.1, y se vería anotando el coste una
# vez de cada cien? ¿Ha terminado de aprender a las 1000 iteraciones? ¿Y qué es lo que la curva del
# entrenamiento **no** puede decirte?
#
# ### BEGIN SOLUTION
# Con 0.001 la curva es suave, pero en 300 iteraciones apenas se mueve (con Fashion-MNIST, de 0.73 a
# 0.64). Con 0.5 da saltos muy por encima de donde empezó y no aprende: se queda en torno a
# $\ln 2 \approx 0.69$, lo que cuesta responder siempre lo mismo; cada paso se pasa de largo. Con 0.05
# baja. La tasa 0.1 de la red está en el límite: el coste baja a la larga (de 0.73 a 0.13), pero en
# dientes de sierra, y casi la mitad de los pasos lo suben. Anotado cada 100 iteraciones parecería una
# bajada lisa. A las 1000 no ha terminado: desde la 500 se ha reducido a menos de la mitad (de 0.29 a
# 0.13) y sigue bajando. La curva es del entrenamiento y no dice nada de imágenes nuevas: la exactitud
# es 0.96 en entrenamiento y 0.86 en prueba, así que parte de esa bajada es sobreajuste. (Los números
# son del perfil completo y dependen un poco del sorteo. Con los dígitos del rápido, 0.5 da saltos pero
# acaba bajando, y no hay sobreajuste: vale lo que digan las curvas propias.)
# ### END SOLUTION

# %% [markdown] role="question" id="read_the_curve" points=4 lang="en"
# Read the curves of the cost: that of your network and the three above. What tells a rate that is
# too small from one that is too large? On which side is that of your network, 0.1, and would it show if
# the cost were noted once in a hundred times? Has it finished learning after 1000 iterations? And what
# is it that the training curve can **not** tell you?
#
# ### BEGIN SOLUTION
# With 0.001 the curve is smooth, but it hardly moves in 300 iterations (on Fashion-MNIST, from 0.73 to
# 0.64). With 0.5 it jumps far above where it began and learns nothing: it stays around
# $\ln 2 \approx 0.69$, the cost of always giving the same answer; every step overshoots. With 0.05 it
# falls. The network's rate, 0.1, is at the limit: in the long run the cost falls (from 0.73 to 0.13),
# but in saw teeth, and nearly half of the steps raise it. Noted every 100 iterations it would look like
# a smooth fall. After 1000 it has not finished: since the 500th it has come down to less than half
# (from 0.29 to 0.13), and it is still falling. The curve is that of training and says nothing about new
# images: accuracy is 0.96 in training and 0.86 in test, so part of that fall is overfitting. (The
# numbers are of the full profile and depend a little on the draw. On the quick one's digits 0.5 jumps
# but falls in the end, and there is no overfitting: what one's own curves say is right.)
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
# de entrenamiento, pero sin lo anterior apenas ayudaría en la prueba. Algunas de las imágenes falladas
# son dudosas incluso para una persona, y ahí hay un techo; en otras se ve la cremallera, y ahí se
# puede mejorar.
# ### END SOLUTION

# %% [markdown] role="question" id="improve_numpy" points=4 lang="en"
# How would you improve this network? Propose at least three changes, say what you expect of each (a
# lower training cost? a better test?) and argue from your numbers and the images that it gets wrong.
#
# ### BEGIN SOLUTION
# Training accuracy is clearly above test accuracy, so fighting overfitting promises most: more
# images (we use only 1000), L2 regularisation or dropout, stopping earlier, or augmenting the data
# with small shifts. To reach the same cost sooner: mini-batches, momentum or Adam, normalised
# inputs. A wider or deeper network would lower the training cost but, without the former, would
# hardly help the test. Some of the images that it gets wrong are doubtful even for a person, and
# there is a ceiling; in others the zip shows, and there is room to improve.
# ### END SOLUTION
