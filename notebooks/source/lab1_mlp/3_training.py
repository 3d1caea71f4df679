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
    plots.curves(
        costs,
        x=range(0, ITERATIONS, 100),
        xlabel=tr(es="iteración", en="iteration"),
        ylabel=tr(es="coste", en="cost"),
    )
    for number, value in enumerate(costs):
        print(
            tr(
                es=f"iteración {100 * number:4d}  coste {value:.4f}",
                en=f"iteration {100 * number:4d}  cost {value:.4f}",
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
    {"es": "exactitud con dos clases", "en": "accuracy of two classes"},
    lambda A, Y: float(binary_accuracy(A, Y)),
    cases=lambda rng: [draw_answers(rng), draw_answers(rng, 7)],
    marks=1,
    hint={
        "es": "Compara (A > 0.5) con Y; si el resultado pasa de 1, has sumado en vez de promediar.",
        "en": "Compare (A > 0.5) with Y; if the result is above 1, you have summed instead of averaged.",
    },
)
tick.call(
    {"es": "los errores más rotundos", "en": "the worst mistakes"},
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
    in_training, in_test = binary_accuracy(A_train, Y), binary_accuracy(A_test, Y_test)
    print(
        tr(
            es=f"exactitud: {in_training:.3f} en entrenamiento, {in_test:.3f} en prueba",
            en=f"accuracy: {in_training:.3f} in training, {in_test:.3f} in test",
        )
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
# La nota de tu red no sale de la exactitud que imprimes, sino de sus respuestas sobre imágenes
# nuevas, distintas cada vez: las de prueba con menos contraste y algo de ruido. (Al corregir, dígitos
# tras velos que no están en ninguna celda.)

# %% [markdown] lang="en"
# Above each image is its true class and, below it, the probability of the positive class that the
# network gave. Would you have got them right?
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


# %% role="check" id="network_check" points=3 covers="forward,backward,train"
def unseen_pair(rng):
    """Draw images of the two classes, and 1.0 for each of the positive one."""
    images, labels = two_classes(*unseen(rng, budget(full=5000, quick=1000)))
    return images, labels[:, 0]


tick.predictions(
    {"es": "tu red con imágenes nuevas", "en": "your network on new images"},
    lambda images: forward(prepare(images), trained)[0][:, 0] > 0.5,
    hidden=unseen_pair,
    metric="accuracy",
    baseline=(
        {"es": "siempre la clase negativa", "en": "always the negative class"},
        lambda images: np.zeros(len(images)),
    ),
    share=0.75,
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
    {
        "es": "hasta dónde llegan los ceros y los pesos pequeños",
        "en": "what zeros and small weights reach",
    },
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
        tr(es=f"tasa {rate}", en=f"rate {rate}"): train(
            start, lambda params: cost_and_gradients(params, X[few], Y[few]), rate, 300, every=5
        )[1]
        for rate in (0.001, 0.1, 0.8)
    }
    plots.curves(
        rates,
        x=range(0, 300, 5),
        xlabel=tr(es="iteración", en="iteration"),
        ylabel=tr(es="coste", en="cost"),
    )
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
# too small from one that is too large? Has your network finished learning after 1000 iterations?
# And what is it that the training curve can **not** tell you?
#
# ### BEGIN SOLUTION
# With a small rate the curve falls smoothly, but so slowly that it has hardly moved; with a large
# one it jumps, rises or gets stuck, because every step overshoots. The middle one falls fast and
# then flattens. After 1000 iterations the cost is still falling a little, so going on would lower
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
# images (we use only 1000), L2 regularisation or dropout, stopping earlier, or augmenting the data
# with small shifts. To reach the same cost sooner: mini-batches, momentum or Adam, normalised
# inputs. A wider or deeper network would lower the training cost but, without the former, would
# hardly help the test. Several of the images that it gets wrong are doubtful even for a person:
# there is a ceiling.
# ### END SOLUTION
