# %% [markdown] lang="es"
# ## 1.9 Contar basta: el gradiente exacto
#
# Vuelve a mirar la pérdida del softmax. Es una suma sobre más de 800 000 parejas, pero dos parejas
# iguales aportan el mismo término. Llama $C_{ij}$ a las veces que la palabra $j$ fue contexto del
# centro $i$, $n_i = \sum_j C_{ij}$ y $N = \sum_i n_i$. Con las puntuaciones $S = E\,O^\top$, donde $E$
# es `embedding` y $O$ es `output`:
#
# $$L = -\frac{1}{N}\sum_{i,j} C_{ij}\,\log p(j \mid i)
# \qquad \log p(j \mid i) = S_{ij} - \log\sum_m e^{S_{im}}$$
#
# El corpus ha desaparecido: solo queda la tabla $C$, de $V \times V$. Se dice que los recuentos son
# **estadísticos suficientes** de esta pérdida. Con un corpus mil veces mayor, cada paso costaría lo
# mismo. Para el gradiente, usa que $\partial \log p(j \mid i) / \partial S_{im} = [j = m] - p(m \mid
# i)$; multiplica por $-C_{ij}/N$ y suma sobre $j$:
#
# $$G_{im} = \frac{\partial L}{\partial S_{im}} = \frac{n_i\,p(m \mid i) - C_{im}}{N}
# \qquad \frac{\partial L}{\partial E} = G\,O \qquad \frac{\partial L}{\partial O} = G^\top E$$
#
# *Lo que el modelo espera menos lo que se contó.* No hay lotes, ni azar, ni aproximación: es el
# gradiente de **todas** las parejas a la vez, por el precio de tres productos de matrices.

# %% [markdown] lang="en"
# ## 1.9 Counting is enough: the exact gradient
#
# Look at the softmax loss again. It is a sum over more than 800 000 pairs, but two equal pairs add
# the same term. Let $C_{ij}$ be how often word $j$ was a context of centre $i$, $n_i = \sum_j C_{ij}$
# and $N = \sum_i n_i$. With the scores $S = E\,O^\top$, where $E$ is `embedding` and $O$ is `output`:
#
# $$L = -\frac{1}{N}\sum_{i,j} C_{ij}\,\log p(j \mid i)
# \qquad \log p(j \mid i) = S_{ij} - \log\sum_m e^{S_{im}}$$
#
# The corpus is gone: only the table $C$ is left, of $V \times V$. The counts are said to be
# **sufficient statistics** of this loss. With a corpus a thousand times larger each step would cost
# the same. For the gradient, use $\partial \log p(j \mid i) / \partial S_{im} = [j = m] - p(m \mid
# i)$; multiply by $-C_{ij}/N$ and add over $j$:
#
# $$G_{im} = \frac{\partial L}{\partial S_{im}} = \frac{n_i\,p(m \mid i) - C_{im}}{N}
# \qquad \frac{\partial L}{\partial E} = G\,O \qquad \frac{\partial L}{\partial O} = G^\top E$$
#
# *What the model expects minus what was counted.* There are no batches, no chance and no
# approximation: it is the gradient of **all** pairs at once, for the price of three products of
# matrices.

# %% [markdown] exercise="count_pairs" lang="es"
# Devuelve la tabla $C$ de una lista de parejas, de forma $(V, V)$ y tipo `float32`: filas, los
# centros; columnas, los contextos. Sin bucles: `torch.bincount` cuenta números enteros, y la pareja
# $(i, j)$ puede ser el número $i\,V + j$.

# %% [markdown] exercise="count_pairs" lang="en"
# Return the table $C$ of a list of pairs, of shape $(V, V)$ and type `float32`: the centres are its
# rows, the contexts its columns. No loops: `torch.bincount` counts whole numbers, and the pair
# $(i, j)$ may be the number $i\,V + j$.


# %% role="exercise" id="count_pairs" title_es="Contar parejas" title_en="Count the pairs" difficulty=1 minutes=10
def count_pairs(pairs: torch.Tensor, vocabulary_size: int) -> torch.Tensor:
    """Return how often each (centre, context) comes in (N, 2) pairs, as floats (V, V)."""
    ### BEGIN SOLUTION
    cells = pairs[:, 0] * vocabulary_size + pairs[:, 1]
    counts = torch.bincount(cells, minlength=vocabulary_size**2)
    return counts.view(vocabulary_size, vocabulary_size).float()
    ### END SOLUTION


# %% role="check" id="count_pairs_check" points=1
def floats_of(table):
    """Return a table of floats, with whether it is one: whole numbers are no float32."""
    return [tensor_of(table), table.is_floating_point()]


tick.call(
    {"es": "recuentos: tabla", "en": "counts: table"},
    lambda pairs, size: floats_of(count_pairs(torch.tensor(pairs), size)),
    cases=lambda rng: [(rng.integers(5, size=(n, 2)), 6) for n in (1, 40)],  # the last is in none
    marks=1,
    hint={
        "es": "¿Filas los centros? ¿Tiene sitio una palabra que no sale en ninguna pareja?",
        "en": "Are the centres the rows? Is there room for a word that is in no pair?",
    },
)

# %% [markdown] exercise="full_batch" lang="es"
# Devuelve la pérdida $L$ y los gradientes de $E$ y $O$, sin `backward()`: las tres fórmulas de arriba.
# Un centro que nunca se vio ($n_i = 0$) no aporta nada. Son tablas grandes: `log_softmax` evita que
# $e^S$ se desborde, y los métodos acabados en `_`, como `exp_()`, trabajan sobre la misma memoria.

# %% [markdown] exercise="full_batch" lang="en"
# Return the loss $L$ and the gradients of $E$ and $O$, without `backward()`: the three formulas above.
# A centre that was never seen ($n_i = 0$) adds nothing. The tables are large: `log_softmax` keeps
# $e^S$ from overflowing, and methods that end in `_`, such as `exp_()`, work in the same memory.


# %% role="exercise" id="full_batch" title_es="Pérdida y gradiente de todo el corpus" title_en="Loss and gradient of the whole corpus" difficulty=3 minutes=25
def full_batch(
    embedding: torch.Tensor, output: torch.Tensor, counts: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the exact mean loss of counts (V, V), and its gradients for both (V, d) matrices."""
    ### BEGIN SOLUTION
    total = counts.sum()
    log_p = (embedding @ output.T).log_softmax(dim=1)  # (V, V)
    loss = -(counts * log_p).sum() / total
    errors = log_p.exp_().mul_(counts.sum(dim=1, keepdim=True)).sub_(counts).div_(total)
    return loss, errors @ output, errors.T @ embedding
    ### END SOLUTION


# %% role="check" id="full_batch_check" points=3
def draw_counts(rng, size, dim, spread=1):
    """Draw (embedding, output, counts); the first word is never a centre."""
    matrices = (rng.normal(0, spread, size=(size, dim)).astype(np.float32) for _ in range(2))
    counts = rng.poisson(1.5, size=(size, size)).astype(np.float32)
    counts[0] = 0
    return *matrices, counts


def draw_tables(rng):
    """Draw tables of two sizes, and one more with scores in the hundreds."""
    return [draw_counts(rng, 3, 2), draw_counts(rng, 12, 5), draw_counts(rng, 6, 4, spread=12)]


def exact(tables):
    """Return the loss, the gradients and the counts, which should be as they were before."""
    tensors = on_device(*tables)
    return [*map(tensor_of, full_batch(*tensors)), tensors[-1]]


tick.call(
    {"es": "cálculo exacto: pérdida", "en": "exact: loss"},
    lambda *tables: exact(tables)[0],
    cases=draw_tables,
    marks=1,
    hint={
        "es": "¿Divides por el total de parejas, no por el de casillas? ¿Normalizas por filas? ¿Es finita "
        "con puntuaciones de cientos?",
        "en": "Do you divide by the number of pairs, not of cells? Do you normalise along the rows? Is "
        "it finite for scores in the hundreds?",
    },
)
tick.call(
    {"es": "cálculo exacto: gradientes", "en": "exact: gradients"},
    lambda *tables: exact(tables)[1:],
    cases=draw_tables,
    marks=2,
    hint={
        "es": "¿Multiplica cada probabilidad el n_i de su fila? El de O lleva G traspuesta. Y los "
        "recuentos deben quedar como estaban.",
        "en": "Is each probability multiplied by the n_i of its row? That of O has G transposed. And "
        "the counts should be left as they were.",
    },
)

# %% [markdown] lang="es"
# ¿Es de verdad la misma pérdida? Aquí se mide de las dos maneras, pareja a pareja y con la tabla.

# %% [markdown] lang="en"
# Is it really the same loss? Here it is measured both ways, pair by pair and from the table.

# %% role="given"
with once_done():
    some_pairs = training_pairs[:100_000]
    weights = [parameter.detach() for parameter in (model.embedding.weight, model.output.weight)]
    with torch.no_grad():
        by_pairs, pairs_ms = timed(
            lambda: mean_loss(model, make_loader(PairsDataset(some_pairs), 512))
        )
        some_counts = count_pairs(some_pairs, len(id_to_token)).to(device)
        by_counts, counts_ms = timed(lambda: full_batch(*weights, some_counts)[0].item())
    gap = abs(by_pairs - by_counts)
    print(
        tr(
            es=f"pareja a pareja:   {by_pairs:.6f}, {pairs_ms:7.1f} ms para {len(some_pairs)} parejas",
            en=f"pair by pair: {by_pairs:.6f}, {pairs_ms:7.1f} ms for {len(some_pairs)} pairs",
        )
    )
    print(
        tr(
            es=f"con los recuentos: {by_counts:.6f}, {counts_ms:7.1f} ms para cualquier número, "
            "gradientes incluidos",
            en=f"from counts:  {by_counts:.6f}, {counts_ms:7.1f} ms for any number, "
            "gradients included",
        )
    )
    print(tr(es=f"diferencia:        {gap:.0e}", en=f"difference:   {gap:.0e}"))

# %% [markdown] lang="es"
# Entrenar es ahora dar pasos con el gradiente exacto. Compara con 1.6, cuya última línea se repite
# abajo: ¿cuándo llega este a la misma pérdida en los mensajes apartados?

# %% [markdown] lang="en"
# Training now means taking steps along the exact gradient. Compare with 1.6, whose last line is
# repeated below: when does this one reach the same loss on the messages set aside?


# %% role="given"
def train_exact(counts, held_out_counts, *, dim, steps, learning_rate, every=5):
    """Take exact steps; return the model, and the losses and seconds after every few of them."""
    model = SkipGram(len(counts), dim).to(device)
    weights = [model.embedding.weight, model.output.weight]
    optimizer = torch.optim.Adam(weights, lr=learning_rate)
    history = {"step": [], "training": [], "held out": [], "seconds": []}
    start = perf_counter()
    with torch.no_grad():
        for step in tqdm(range(1, steps + 1), leave=False):
            loss, *gradients = full_batch(*weights, counts)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient.to(weight.dtype)
            if step % every == 1:
                history["step"].append(step)
                history["training"].append(loss.item())
                history["held out"].append(full_batch(*weights, held_out_counts)[0].item())
                history["seconds"].append(perf_counter() - start)
            optimizer.step()
    return model, history


with once_done():
    counts = count_pairs(training_pairs, len(id_to_token)).to(device)
    held_out_counts = count_pairs(held_out_pairs, len(id_to_token)).to(device)
    exact_settings = {"dim": settings["dim"], "steps": 61, "learning_rate": 0.03}
    exact_model, exact_history = train_exact(counts, held_out_counts, **exact_settings)
    batches_seconds, reached = seconds * settings["epochs"], float(history["held out"][-1])
    print(
        tr(
            es=f"por lotes (1.6): {batches_seconds:.1f} s, apartados {reached:.2f}",
            en=f"in batches (1.6): {batches_seconds:.1f} s, held out {reached:.2f}",
        )
    )
    for step, training, held_out, spent in list(zip(*exact_history.values(), strict=True))[::2]:
        print(
            tr(
                es=f"paso {step:2}: {spent:5.1f} s, pérdida: entrenamiento {training:.2f}, "
                f"apartados {held_out:.2f}",
                en=f"step {step:2}: {spent:5.1f} s, loss: training {training:.2f}, "
                f"held out {held_out:.2f}",
            )
        )
    plots.curves(
        {
            TRAINING: exact_history["training"],
            HELD_OUT: exact_history["held out"],
            UNIGRAMS: [unigrams] * len(exact_history["step"]),
        },
        ylabel=tr(es="pérdida", en="loss"),
        xlabel=tr(es="paso exacto", en="exact step"),
        x=exact_history["step"],
    )
    plt.show()

# %% [markdown] lang="es"
# Dos lecciones. La primera: antes de comprar una GPU, mira si el problema cabe en una tabla. La
# segunda está en la curva de los mensajes apartados: un optimizador tan bueno también **memoriza**
# antes. Y un límite: la tabla crece con $V^2$. Con un millón de palabras ya no cabe, y el muestreo
# negativo sí; por eso es lo que se usa.

# %% [markdown] lang="en"
# Two lessons. First: before you buy a GPU, see whether the problem fits into a table. The second is
# in the curve of the messages set aside: an optimiser as good as this **memorises** sooner, too. And
# a limit: the table grows with $V^2$. With a million words it no longer fits, while negative sampling
# does; that is why the latter is what people use.

# %% [markdown] lang="es"
# ## 1.10 ¿Red neuronal o factorización?
#
# Si todo lo que el modelo sabe está en $C$, quizá no haga falta ni entrenar. Levy y Goldberg (2014) se
# preguntaron adónde van las puntuaciones si se les deja sitio. En la casilla $(i, j)$ hay $C_{ij}$
# parejas reales y, en promedio, $k\,n_i\,q_j$ inventadas. Su parte de la pérdida es
# $-C_{ij}\log\sigma(s) - k\,n_i\,q_j\log\sigma(-s)$; su derivada se anula donde
# $\sigma(s) = \frac{C_{ij}}{C_{ij} + k\,n_i\,q_j}$, es decir:
#
# $$s_{ij} = \log\frac{C_{ij}}{n_i\,q_j} - \log k$$
#
# El primer término es la **información mutua puntual** (PMI): cuántas veces más que por azar aparece
# $j$ junto a $i$, en logaritmo. Word2Vec con negativos **factoriza una matriz**: busca
# $E\,O^\top \approx \text{PMI} - \log k$. El softmax factoriza otra: su óptimo es $s_{ij} = \log C_{ij}$
# más cualquier constante en cada fila, es decir, la PMI más un término de **columna**, $\log q_j$ con
# $q_j$ la frecuencia de $j$. (Lo primero es la PMI misma si los negativos se sortean según esa
# frecuencia; con la potencia ¾ de 1.8 cambia un término de columna, y `WithNoise` sumaba el logaritmo
# de la misma $q$ con la que se sorteó.)
#
# Compruébalo: cada punto es una casilla con veinte parejas o más. Donde se apartan de la recta, han
# faltado números por palabra o épocas de entrenamiento.

# %% [markdown] lang="en"
# ## 1.10 Neural network or factorisation?
#
# If all that the model knows is in $C$, perhaps there is no need to train at all. Levy and Goldberg
# (2014) asked where the scores go if they are given room. In cell $(i, j)$ there are $C_{ij}$ real
# pairs and, on average, $k\,n_i\,q_j$ made-up ones. Its part of the loss is
# $-C_{ij}\log\sigma(s) - k\,n_i\,q_j\log\sigma(-s)$; its derivative is zero where
# $\sigma(s) = \frac{C_{ij}}{C_{ij} + k\,n_i\,q_j}$, that is:
#
# $$s_{ij} = \log\frac{C_{ij}}{n_i\,q_j} - \log k$$
#
# The first term is the **pointwise mutual information** (PMI): how many times more often than by
# chance $j$ comes beside $i$, as a logarithm. Word2Vec with negatives **factorises a matrix**: it
# looks for $E\,O^\top \approx \text{PMI} - \log k$. The softmax factorises another one: its optimum
# is $s_{ij} = \log C_{ij}$ plus any constant in each row, that is, PMI plus a term of the **column**,
# $\log q_j$ with $q_j$ the frequency of $j$. (The former is PMI itself if negatives are drawn by that
# frequency; with the power ¾ of 1.8 a term of the column changes, and `WithNoise` added the logarithm
# of the same $q$ that was drawn from.)
#
# See for yourself: each point is a cell with twenty pairs or more. Where they leave the line, there
# were too few numbers a word or too few epochs of training.

# %% role="given"
with once_done():
    table = counts.cpu()
    often = table >= 20
    row_totals, noise = table.sum(dim=1, keepdim=True), noise_distribution(table.sum(dim=0))
    shifted_pmi = (table / (row_totals * noise)).log() - np.log(negative_settings["k"])
    scores = (negative_model.embedding.weight @ negative_model.output.weight.T).detach().cpu()
    x, y = shifted_pmi[often].numpy(), scores[often].numpy()

    with plots.style():
        _, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    ax.scatter(x, y, s=8, alpha=0.4, color=plots.COLOURS[0], edgecolors="none")
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    ax.plot(ends, ends, color=plots.COLOURS[1], linestyle="--", label=tr(es="iguales", en="equal"))
    ax.set(
        xlabel=tr(es="PMI - log k, según los recuentos", en="PMI - log k, from the counts"),
        ylabel=tr(es="puntuación del modelo entrenado", en="score of the trained model"),
    )
    ax.grid(visible=True)
    ax.set_axisbelow(True)
    ax.legend()
    plt.show()
    correlation = np.corrcoef(x, y)[0, 1]
    print(
        tr(
            es=f"{len(x)} casillas, correlación {correlation:.2f}",
            en=f"{len(x)} cells, correlation {correlation:.2f}",
        )
    )

# %% [markdown] exercise="shifted_ppmi" lang="es"
# Entonces, factoricemos directamente. Un obstáculo: en casi todas las casillas $C_{ij} = 0$, y el
# logaritmo vale $-\infty$. La salida habitual es quedarse con la parte positiva. Devuelve
# $\max\left(0,\ \log\frac{C_{ij}}{n_i\,q_j} - \log k\right)$ para toda la tabla, con 0 donde no se
# contó nada, también en las filas de un centro nunca visto.

# %% [markdown] exercise="shifted_ppmi" lang="en"
# Then let us factorise directly. One obstacle: in nearly all cells $C_{ij} = 0$, and the logarithm is
# $-\infty$. The usual way out is to keep the positive part. Return
# $\max\left(0,\ \log\frac{C_{ij}}{n_i\,q_j} - \log k\right)$ for the whole table, with 0 wherever
# nothing was counted, in the rows of a centre never seen too.


# %% role="exercise" id="shifted_ppmi" title_es="La matriz que Word2Vec factoriza" title_en="The matrix that Word2Vec factorises" difficulty=2 minutes=10
def shifted_ppmi(counts: torch.Tensor, noise: torch.Tensor, k: float) -> torch.Tensor:
    """Return the positive part of PMI - log k, (V, V), from counts (V, V) and probabilities (V,)."""
    ### BEGIN SOLUTION
    by_chance = k * counts.sum(dim=1, keepdim=True) * noise  # (V, V)
    ratio = torch.where(counts > 0, counts / by_chance, 1.0)
    return ratio.log().clamp(min=0)
    ### END SOLUTION


# %% role="check" id="shifted_ppmi_check" points=1
def draw_noise(rng, k, power):
    """Draw (counts, noise, k); the first word comes in no pair, the last in one, with itself."""
    counts = rng.poisson(2.0, size=(7, 7)).astype(np.float32)
    counts[1, 2], counts[2, 1] = 9, 1  # more often than by chance, and less
    counts[[0, -1]] = counts[:, [0, -1]] = 0
    counts[-1, -1] = 1
    noise = counts.sum(axis=0) ** power
    return counts, (noise / noise.sum()).astype(np.float32), k


def ppmi_again(counts, noise, k):
    """Return what a second call makes of the same counts."""
    tensors = on_device(counts, noise)
    shifted_ppmi(*tensors, k)
    return tensor_of(shifted_ppmi(*tensors, k))


tick.call(
    {"es": "PPMI: matriz", "en": "PPMI: matrix"},
    lambda counts, noise, k: ppmi_again(counts, noise, k),
    cases=lambda rng: [draw_noise(rng, k, power) for k, power in ((1, 1.0), (2, 0.75))],
    marks=1,
    hint={
        "es": "¿Hay NaN o infinitos? ¿Restas log k antes de quedarte con la parte positiva?",
        "en": "Are there NaN or infinite values? Do you subtract log k before you keep the positive part?",
    },
)

# %% [markdown] lang="es"
# La **descomposición en valores singulares** truncada (SVD) da la mejor aproximación de rango $d$ por
# mínimos cuadrados: $M \approx U\,\Sigma\,W^\top$. Levy y Goldberg toman $U\sqrt{\Sigma}$ como
# vectores. Sin épocas, sin lotes y sin tasa de aprendizaje; con $q$ igual a la frecuencia y $k = 1$,
# que es la PMI de toda la vida.

# %% [markdown] lang="en"
# The truncated **singular value decomposition** (SVD) gives the best approximation of rank $d$ by
# least squares: $M \approx U\,\Sigma\,W^\top$. Levy and Goldberg take $U\sqrt{\Sigma}$ as vectors. No
# epochs, no batches, no learning rate; with $q$ the plain frequency and $k = 1$, which is plain
# old PMI.


# %% role="given"
def factorise(matrix, dim):
    """Return U times the root of the singular values, (V, d), of the best rank-d approximation."""
    left, values, _ = torch.svd_lowrank(matrix, q=dim + 16, niter=4)
    return left[:, :dim] * values[:dim].sqrt()


EXACT = tr(es="exacto", en="exact")
SVD = tr(es="SVD de la PPMI", en="SVD of PPMI")
RANDOM = tr(es="al azar", en="random")

with once_done():
    plain_noise = noise_distribution(table.sum(dim=0), power=1)
    svd_vectors, svd_ms = timed(
        lambda: factorise(shifted_ppmi(table, plain_noise, k=1), settings["dim"]).numpy()
    )
    print(
        tr(
            es=f"La PPMI y su SVD: {svd_ms / 1000:.1f} s",
            en=f"PPMI and its SVD: {svd_ms / 1000:.1f} s",
        )
    )
    candidates = {
        FULL_SOFTMAX: vectors_of(model),
        NEGATIVES: vectors_of(negative_model),
        EXACT: vectors_of(exact_model),
        SVD: svd_vectors,
        RANDOM: np.random.default_rng(0).normal(size=svd_vectors.shape),
    }
    show_neighbours({name: candidates[name] for name in (NEGATIVES, EXACT, SVD)}, seed_words[:3])
with once_done():
    candidates["CBOW"] = vectors_of(cbow)

# %% [markdown] lang="es"
# Métodos muy distintos, vecinos parecidos: todos leen la misma tabla. Las diferencias vienen de cuánto
# pesa cada casilla. Word2Vec da más peso a las frecuentes, donde hay datos; la SVD, el mismo a todas.

# %% [markdown] lang="en"
# Very different methods, similar neighbours: all read the same table. The differences come from the
# weight of each cell. Word2Vec gives more to the frequent ones, where there are data; SVD, the same to
# all.

# %% [markdown] lang="es"
# ## 1.11 Medir la calidad
#
# Mirar listas de vecinos convence, pero no decide: siempre se encuentra una que da la razón. Hacen
# falta números, y para eso, respuestas conocidas. Usaremos **grupos** de palabras que nadie discute
# (familia, días, música…) y dos medidas:
#
# - **acierto del vecino**: de las palabras de los grupos, ¿cuántas tienen como más cercana a una del
#   suyo?
# - **orden**: de una palabra, otra de su grupo y una de otro (`coffe`, `tea`, `monday`), ¿cuántas
#   veces queda más cerca la primera?
#
# Como los modelos se entrenan sin ver los grupos, no hace falta apartar nada: toda la lista sirve de
# prueba.

# %% [markdown] lang="en"
# ## 1.11 Measuring quality
#
# Looking at lists of neighbours persuades, but does not decide: there is always one that proves you
# right. Numbers are needed, and for them known answers. We shall use **groups** of words that nobody
# disputes (family, days, music…) and two measures:
#
# - **nearest in group**: of the words in the groups, how many have one of their own as the closest?
# - **order**: of a word, another of its group and one of another (`coffe`, `tea`, `monday`), how often
#   is the first the closer one?
#
# As the models are trained without seeing the groups, nothing has to be set aside: all of it is
# test data.

# %% [markdown] exercise="order_share" lang="es"
# `triples` tiene forma $(T, 3)$: palabra, la que debería estar cerca y la que debería estar lejos.
# Devuelve la proporción de filas en las que el **coseno** con la segunda es mayor que con la tercera.

# %% [markdown] exercise="order_share" lang="en"
# `triples` has shape $(T, 3)$: a word, the one that should be close and the one that should be far.
# Return the share of rows in which the **cosine** with the second is larger than with the third.


# %% role="exercise" id="order_share" title_es="Parejas en el orden esperado" title_en="Pairs in the expected order" difficulty=1 minutes=10
def order_share(vectors: np.ndarray, triples: np.ndarray) -> float:
    """Return the share of (word, near, far) ids (T, 3) that the rows of (V, d) have in order."""
    ### BEGIN SOLUTION
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    word, near, far = (units[ids] for ids in triples.T)  # (T, d) each
    return float((np.sum(word * near, axis=1) > np.sum(word * far, axis=1)).mean())
    ### END SOLUTION


# %% role="check" id="order_share_check" points=1
def draw_ordered(rng, count):
    """Draw vectors of very different lengths and triples, one in three of which is a tie."""
    vectors = rng.normal(size=(20, 4)) * rng.uniform(0.1, 9, size=(20, 1))
    triples = np.array([rng.permutation(20)[:3] for _ in range(count)])
    triples[::3, 2] = triples[::3, 1]
    return vectors, triples


tick.call(
    {"es": "orden: proporción", "en": "order: share"},
    lambda vectors, triples: order_share(vectors, triples),
    cases=lambda rng: [draw_ordered(rng, count) for count in (1, 200, 200, 200)],
    marks=1,
    hint={
        "es": "¿Divides por las longitudes? Es una proporción, entre 0 y 1, y un empate no es mayor.",
        "en": "Do you divide by the lengths? It is a share, between 0 and 1, and a tie is not larger.",
    },
)

# %% role="given"
with once_done():
    if profile() == "full":
        known = {
            "family": "father dad daddi papa mother mom son daughter brother sister",
            "days": "monday tuesday wednesday thursday friday saturday sunday",
            "music": "music song piano album band",
            "drinks": "coffe tea beer wine drink",
            "food": "food chocol pizza cake breakfast lunch dinner",
            "animals": "dog cat puppi kitti bird hors",
            "outdoors": "beach sea sun sunset sky",
            "school": "school colleg class student teacher graduat exam",
            "sport": "footbal game team player england match",
        }
        known = {name: words.split() for name, words in known.items()}
    else:
        known = {name: sorted(words) for name, words in drawn.groups.items()}

    groups = [look_up(words, token_to_id) for words in known.values()]
    grouped_ids = np.concatenate(groups)
    group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])


def draw_triples(rng, count=2000):
    """Draw (word, another of its group, one of another group)."""
    triples = []
    for _ in range(count):
        own, other = rng.choice(len(groups), size=2, replace=False)
        triples.append([*rng.choice(groups[own], size=2, replace=False), rng.choice(groups[other])])
    return np.array(triples)


def nearest_in_group(vectors):
    """Return the share of grouped words whose closest grouped word is of their own group."""
    closest = [int(nearest(vectors[grouped_ids], i, 1)[0][0]) for i in range(len(grouped_ids))]
    return float(np.mean(group_of[closest] == group_of))


NEAREST_IN_GROUP = tr(es="acierto del vecino", en="nearest in group")
ORDER = tr(es="orden", en="order")

with once_done():
    triples = draw_triples(np.random.default_rng(run_seed()))
    print(
        tr(
            es=f"{len(grouped_ids)} palabras en {len(groups)} grupos, {len(triples)} ternas",
            en=f"{len(grouped_ids)} words in {len(groups)} groups, {len(triples)} triples",
        )
    )
    print(f"{'':16}  {NEAREST_IN_GROUP:>18}  {ORDER:>5}")
    for name, rows in candidates.items():
        print(f"{name:>16}  {nearest_in_group(rows):18.0%}  {order_share(rows, triples):5.0%}")

# %% [markdown] lang="es"
# Con unas sesenta palabras, una diferencia de 5 puntos en el acierto del vecino puede ser casualidad;
# el orden, con dos mil ternas, oscila menos. Ahora, los dos mandos que más cambian el resultado. El
# gradiente exacto permite probarlos en segundos. (Las pérdidas de dos ventanas no se comparan: con la
# ventana cambia la pregunta.)
#
# - **la dimensión** $d$: con pocas no basta, y las que sobran sirven para memorizar;
# - **la ventana**: estrecha, junta palabras que pueden sustituirse; ancha, palabras del mismo tema.

# %% [markdown] lang="en"
# With some sixty words, a difference of 5 points in the nearest may be chance; the order, with two
# thousand triples, wavers less. Now the two knobs that change the result most. The exact gradient lets
# us try them in seconds. (The losses of two windows do not compare: with the window the question
# changes.)
#
# - **the dimension** $d$: too few are not enough, and those in excess serve to memorise;
# - **the window**: a narrow one joins words that can stand for one another; a wide one, words of a topic.


# %% role="given"
@cache
def tables(window):
    """Return the counts of the training and of the held-out messages."""
    both = []
    for part in (training_sentences, held_out_sentences):
        both.append(count_pairs(pairs_of(part, window), len(id_to_token)).to(device))
    return both


@cache
def trial(window, dim):
    """Train exactly with this window and dimension; return both losses and both qualities."""
    model, history = train_exact(*tables(window), dim=dim, steps=41, learning_rate=0.03, every=40)
    rows = vectors_of(model)
    losses = history["training"][-1], history["held out"][-1]
    return *losses, nearest_in_group(rows), order_share(rows, triples)


DIMENSION, WIDTH = tr(es="dimensión", en="dimension"), tr(es="ventana", en="window")
dims = budget(full=(4, 16, 64, 256), quick=(2, 16, 64))
windows = budget(full=(1, 2, WINDOW, 6), quick=(1, WINDOW, 6))
with once_done():
    by_dim = [trial(WINDOW, dim) for dim in dims]
    by_window = [trial(window, settings["dim"]) for window in windows]

    loss_of_training = tr(es="pérdida: entrenamiento", en="loss: training")
    print(f"{'':13}  {loss_of_training:>22}  {HELD_OUT:>9}  {NEAREST_IN_GROUP:>18}  {ORDER:>5}")
    for name, values, rows in ((DIMENSION, dims, by_dim), (WIDTH, windows, by_window)):
        for value, (training, held_out, closest, order) in zip(values, rows, strict=True):
            losses = f"{training:22.2f}  {held_out:9.2f}"
            print(f"{name:>9} {value:3}  {losses}  {closest:18.0%}  {order:5.0%}")

    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    training, held_out, *_ = zip(*by_dim, strict=True)
    plots.curves(
        {TRAINING: training, HELD_OUT: held_out},
        ylabel=tr(es="pérdida", en="loss"),
        xlabel=DIMENSION,
        x=range(len(dims)),
        ax=left,
    )
    left.set_xticks(range(len(dims)), dims)
    *_, closest, order = zip(*by_window, strict=True)
    plots.curves(
        {NEAREST_IN_GROUP: closest, ORDER: order},
        ylabel=tr(es="proporción", en="share"),
        xlabel=WIDTH,
        x=range(len(windows)),
        ax=right,
    )
    right.set_xticks(range(len(windows)), windows)
    right.set_ylim(0, 1.05)
    right.legend(loc="lower right")
    plt.show()

# %% [markdown] lang="es"
# En los tuits verás tres cosas que se repiten en otros corpus pequeños: con 4 dimensiones no cabe casi
# nada y con 256 se memoriza; una ventana estrecha acierta menos, porque nuestros grupos son *temas*; y
# factorizar recuentos, el método más viejo, gana a las redes. Estas lo adelantan cuando hay texto de
# sobra.

# %% [markdown] lang="en"
# On the tweets you will see three things that recur in other small corpora: 4 dimensions hold next to
# nothing and 256 memorise; a narrow window gets less right, because our groups are *topics*; and
# factorising counts, the oldest method, beats the networks. These pull ahead where there is text in
# plenty.

# %% [markdown] lang="es"
# ## 1.12 Un mapa de las palabras
#
# Nadie ve en 64 dimensiones. El **análisis de componentes principales** (PCA) busca las dos
# direcciones en las que los vectores más se separan, y proyecta sobre ellas. El mapa muestra las
# palabras de antes con sus vecinas, y el rótulo de cada eje dice cuánta variación conserva: lo que
# falta hasta el 100 % es lo que el mapa no enseña. Dos palabras lejanas en el mapa están lejos de
# verdad; dos cercanas, solo quizá.

# %% [markdown] lang="en"
# ## 1.12 A map of words
#
# Nobody sees in 64 dimensions. **Principal component analysis** (PCA) looks for the two directions
# along which the vectors spread most, and projects on them. The map shows the words from above with
# their neighbours, and each axis says how much of the variation it keeps: what is missing to 100% is
# what the map does not show. Two words far apart on the map are far apart indeed; two close ones,
# only perhaps.

# %% role="given"
with once_done():
    vectors = vectors_of(negative_model)
chosen = {}  # token id -> the word whose neighbour it is; a word keeps its first place
with once_done():
    for word in seed_words:
        ids, _ = nearest(vectors, token_to_id[word], 5)
        for i in [token_to_id[word], *map(int, ids)]:
            chosen.setdefault(i, word)

    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # as cosine sees them
    with plots.style():
        _, ax = plt.subplots(figsize=(9, 6), layout="constrained")
    ax.margins(0.1)  # room for the words at the edges
    plots.embedding_map(
        directions[list(chosen)],
        labels=[id_to_token[i] for i in chosen],
        groups=list(chosen.values()),
        ax=ax,
    )
    plt.show()

# %% [markdown] lang="es"
# ## 1.13 Preguntas
#
# Apóyate en lo que has medido: las curvas, los vecinos, las tablas, el mapa. Unas líneas bastan.

# %% [markdown] lang="en"
# ## 1.13 Questions
#
# Build on what you have measured: curves, neighbours, tables, the map. A few lines will do.

# %% [markdown] role="question" id="overfitting" points=3 lang="es"
# **¿Hay sobreajuste?** Compara el número de parámetros con el de parejas de entrenamiento y mira las
# curvas de 1.6 y 1.9 y la de la dimensión en 1.11. ¿Cuándo dejarías de entrenar, y por qué? ¿Por qué
# la pérdida no puede acercarse a 0, por mucho que se entrene? ¿Es la pérdida lo que de verdad importa?
#
# ### BEGIN SOLUTION
# Con los tuits hay 394 880 parámetros (2 · 3085 · 64) y unas 813 000 parejas: no sobran ejemplos, y
# muchas palabras solo aparecen una docena de veces. En tres épocas por lotes aún no se nota mucho; con
# el gradiente exacto, sí: la pérdida de entrenamiento baja sin parar (5.75) y la de los mensajes
# apartados toca fondo hacia el paso 40 (6.20) y después sube. Esa distancia creciente es sobreajuste, y
# aumenta con la dimensión: con 4 números por palabra no hay, con 256 es enorme. Pararía donde la curva
# apartada toca su mínimo. No puede llegar a 0 porque un mismo centro tiene muchos contextos posibles:
# aun el modelo perfecto conserva la entropía de esa distribución. Y lo que importa no es acertar
# contextos, sino que los vectores sirvan: conviene juzgar también los grupos, el orden o una tarea
# posterior, que no siempre mejoran a la vez que la pérdida.
# ### END SOLUTION

# %% [markdown] role="question" id="overfitting" points=3 lang="en"
# **Is there overfitting?** Compare the number of parameters with that of training pairs and look at
# the curves of 1.6 and 1.9 and that of the dimension in 1.11. When would you stop training, and why?
# Why can the loss not get close to 0, however long we train? Is the loss what really matters?
#
# ### BEGIN SOLUTION
# On the tweets there are 394 880 parameters (2 · 3085 · 64) and some 813 000 pairs: examples are not
# plentiful, and many words appear only a dozen times. In three epochs of batches it hardly shows; with
# the exact gradient it does: the training loss keeps falling (5.75), while that of the messages set
# aside is lowest around step 40 (6.20) and then rises. That growing gap is overfitting, and it grows
# with the dimension: with 4 numbers a word there is none, with 256 it is huge. I would stop where the
# held-out curve is at its lowest. The loss cannot reach 0 because one centre has many possible
# contexts: even the perfect model keeps the entropy of that distribution. And what matters is not to
# guess contexts but to get useful vectors: groups, order or a later task should be judged, too, and
# they do not always improve along with the loss.
# ### END SOLUTION

# %% [markdown] role="question" id="neighbour_quality" points=3 lang="es"
# **¿Son buenos los vecinos?** Busca en tus listas un acierto y un fallo y explica de dónde puede venir
# cada uno. Propón dos cambios que mejorarían los vecinos y di por qué y **con qué medida** lo
# comprobarías: piensa en los datos, en la limpieza, en la ventana y en el entrenamiento.
#
# ### BEGIN SOLUTION
# Aciertan las palabras frecuentes con usos propios (`father` con `dad`). Fallan las poco frecuentes,
# que comparten unos pocos mensajes por casualidad, y las de varios sentidos, cuyo único vector es un
# promedio. Además, «vecino» significa «usado en el mismo contexto»: los antónimos salen cerca. Para
# mejorar: más texto (lo que más ayuda) o partir de vectores ya entrenados; submuestrear las palabras
# muy frecuentes (`@user` está en casi todas las ventanas y no dice nada) o quitarlas; otra ventana
# (estrecha: palabras intercambiables; ancha: palabras del mismo tema); más épocas de muestreo
# negativo, que son baratas; otra dimensión; la SVD de la PPMI, que no deja que manden las casillas
# frecuentes; no reducir a raíces, o usar trozos de palabras como fastText. Lo mediría con el orden de
# muchas ternas, con varias semillas, y no con una lista escogida.
# ### END SOLUTION

# %% [markdown] role="question" id="neighbour_quality" points=3 lang="en"
# **Are the neighbours good?** Find a hit and a miss in your lists and explain where each may come
# from. Propose two changes that would improve the neighbours and say why, and **by what measure** you
# would find out: think of the data, the cleaning, the window and the training.
#
# ### BEGIN SOLUTION
# Frequent words with uses of their own do well (`father` with `dad`). Infrequent ones fail, because
# they share a few messages by chance, and so do words with several meanings, whose only vector is an
# average. Besides, “neighbour” means “used in the same context”: antonyms come out close. To improve:
# more text (which helps most) or a start from vectors trained already; subsample very frequent words
# (`@user` is in nearly every window and says nothing) or drop them; another window (narrow: words that
# can stand for one another; wide: words of one topic); more epochs of negative sampling, which are
# cheap; another dimension; SVD of the PPMI, which does not let the frequent cells rule; no stemming, or
# pieces of words as in fastText. I would measure it by the order of many triples, over several seeds,
# not by one chosen list.
# ### END SOLUTION

# %% [markdown] role="question" id="word2vec_or_bert" points=3 lang="es"
# **Word2Vec frente a BERT.** Los dos convierten palabras en vectores a partir de texto sin etiquetar.
# ¿Qué cambia para la palabra *banco* en «me senté en el banco» y «el banco subió los tipos»? Compara
# los dos modelos en qué ven del contexto, qué predicen al entrenar, cómo tratan las palabras nuevas y
# qué cuestan, y di un caso en el que elegirías cada uno.
#
# ### BEGIN SOLUTION
# Word2Vec da a *banco* un solo vector, fijo, que mezcla los dos sentidos: tras entrenar es una tabla.
# BERT calcula un vector para cada aparición, a partir de toda la frase (con atención, en ambos
# sentidos y teniendo en cuenta el orden), así que los dos bancos salen distintos. Word2Vec predice
# vecinas dentro de una ventana, sin orden; BERT, palabras tapadas con la frase entera a la vista.
# Ante una palabra nueva Word2Vec no tiene nada; BERT la parte en subpalabras conocidas. Word2Vec se
# entrena en minutos en un portátil y consultarlo es leer una fila; BERT tiene unos cien millones de
# parámetros, necesita GPU para entrenarse y una pasada de red por texto. Word2Vec basta para
# vecinos, búsquedas aproximadas o clasificar con pocos medios; BERT compensa cuando el sentido
# depende de la frase: preguntas y respuestas, entidades, ironía.
# ### END SOLUTION

# %% [markdown] role="question" id="word2vec_or_bert" points=3 lang="en"
# **Word2Vec against BERT.** Both turn words into vectors from unlabelled text. What changes for the
# word *bank* in “we sat on the river bank” and “the bank raised its rates”? Compare the two models in
# what they see of the context, what they predict in training, how they treat new words and what they
# cost, and name a case in which you would choose each.
#
# ### BEGIN SOLUTION
# Word2Vec gives *bank* a single, fixed vector that mixes both meanings: after training it is a table.
# BERT computes a vector for each occurrence, from the whole sentence (with attention, in both
# directions and aware of order), so the two banks come out different. Word2Vec predicts neighbours
# within a window, without order; BERT, masked words with the whole sentence in view. For a new word
# Word2Vec has nothing; BERT splits it into known subwords. Word2Vec trains in minutes on a laptop and
# using it is reading a row; BERT has some hundred million parameters, needs a GPU to be trained and a
# pass of the network for each text. Word2Vec is enough for neighbours, approximate search or
# classification on small means; BERT pays off when meaning depends on the sentence: question
# answering, entities, irony.
# ### END SOLUTION
