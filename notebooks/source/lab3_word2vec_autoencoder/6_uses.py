# %% [markdown] lang="es"
# ## 2.5 Aprovechar el código: pocas etiquetas
#
# Las imágenes sobran y las etiquetas cuestan. Supón que solo puedes pagar **100**, diez por clase.
# ¿Es mejor un clasificador lineal sobre los píxeles o sobre el código, que se aprendió con imágenes
# sin etiquetar?

# %% [markdown] lang="en"
# ## 2.5 Using the code: few labels
#
# Images abound and labels are dear. Suppose that you can pay for **100** only, ten a class. Is a
# linear classifier better on the pixels or on the code, which was learnt from images without
# labels?

# %% [markdown] exercise="linear_probe" lang="es"
# Entrena una `LogisticRegression(max_iter=1000)` de scikit-learn con las filas etiquetadas y
# devuelve la clase que predice para las nuevas. Los códigos no tienen una escala natural: antes,
# resta a **todas** las filas la media de las etiquetadas y divide por **una sola** desviación
# típica, la de todos los números de las etiquetadas ya centradas.

# %% [markdown] exercise="linear_probe" lang="en"
# Train a `LogisticRegression(max_iter=1000)` of scikit-learn on the labelled rows and return the
# class that it predicts for the new ones. Codes have no natural scale: first, subtract the mean of
# the labelled rows from **all** rows and divide by **one** standard deviation, that of all the
# numbers of the labelled rows once they are centred.


# %% role="exercise" id="linear_probe" title_es="Clasificador lineal" title_en="Linear classifier" difficulty=1 minutes=10
def linear_probe(rows: np.ndarray, labels: np.ndarray, new_rows: np.ndarray) -> np.ndarray:
    """Return the predicted classes of new rows (M, D), learnt from rows (N, D) and labels (N,)."""
    ### BEGIN SOLUTION
    mean = rows.mean(axis=0)
    scale = (rows - mean).std()
    classifier = LogisticRegression(max_iter=1000).fit((rows - mean) / scale, labels)
    return classifier.predict((new_rows - mean) / scale)
    ### END SOLUTION


# %% role="given"
def choose_labelled(rng, per_class=10):
    """Return the places of a few training images of each class."""
    kinds = range(len(class_names))
    return np.concatenate(
        [rng.choice(np.flatnonzero(train_classes == k), per_class, replace=False) for k in kinds]
    )


with once_done():
    views = {
        tr(es=f"{n_pixels} píxeles", en=f"{n_pixels} pixels"): lambda rows: rows.numpy(),
        tr(es=f"{LATENT} componentes principales", en=f"{LATENT} principal components"): (
            lambda rows: (rows.numpy() - centre) @ components[:LATENT].T
        ),
        tr(es=f"código de {LATENT} números", en=f"code of {LATENT} numbers"): (
            lambda rows: computed(autoencoder.encoder, rows).numpy()
        ),
        tr(es=f"VAE, código medio de {VAE_LATENT}", en=f"VAE, mean code of {VAE_LATENT}"): (
            lambda rows: clouds_of(vae, rows)[0].numpy()
        ),
    }
    generator = np.random.default_rng(run_seed())
    draws = [choose_labelled(generator) for _ in range(budget(full=10, quick=5))]
    print(
        tr(
            es="exactitud en las imágenes de prueba con 100 etiquetas, media ± desviación de "
            f"{len(draws)} sorteos:",
            en=f"accuracy on test images with 100 labels, mean ± spread of {len(draws)} draws:",
        )
    )
    for name, view in views.items():
        seen, unseen = view(train_rows), view(test_rows)
        guesses = [np.asarray(linear_probe(seen[few], train_classes[few], unseen)) for few in draws]
        accuracies = [np.mean(guess == splits.test_labels) for guess in guesses]
        print(f"{name:>26}: {np.mean(accuracies):.3f} ± {np.std(accuracies):.3f}")


# %% role="check" id="linear_probe_check" points=2
def draw_codes(rng, new_kinds):
    """Draw (labelled rows, their labels, new rows of these kinds), all on an odd scale.

    The kinds differ in the first 6 columns; in the 60 others there is next to nothing, which a
    deviation for each column would blow up. One kind has more labels than the others.
    """
    centres = 2 * rng.normal(size=(4, 6))
    labels = rng.permutation(np.repeat(np.arange(4), [22, 6, 6, 6]))
    kinds = np.append(labels, new_kinds)
    telling = centres[kinds] + 0.2 * rng.normal(size=(len(kinds), 6))
    rows = np.hstack([telling, 0.02 * rng.normal(size=(len(kinds), 60))])
    rows = 0.001 * (rows + rng.choice([-1, 1], size=66) * np.repeat([5, 50], [6, 60]))
    return rows[:40], labels, rows[40:]


tick.call(
    {"es": "clasificador lineal: filas nuevas", "en": "linear classifier: new rows"},
    lambda rows, labels, new_rows: linear_probe(rows, labels, new_rows),
    cases=lambda rng: [  # new rows of one kind each, and mixed ones
        draw_codes(rng, new_kinds)
        for new_kinds in (*(np.full(10, kind) for kind in range(4)), rng.integers(4, size=30))
    ],
    marks=2,
    hint={
        "es": "¿Restas y divides en las filas nuevas lo mismo que en las etiquetadas, que son las que dicen "
        "cuánto? ¿Una sola desviación para todas las columnas, después de restar?",
        "en": "Do you subtract and divide the same in the new rows as in the labelled ones, which say how "
        "much? A single deviation for all the columns, after subtracting?",
    },
)

# %% [markdown] lang="es"
# El código no gana: se queda un punto o dos por debajo de los píxeles, más o menos lo que varía la
# exactitud de un sorteo de etiquetas a otro. La noticia tiene dos mitades, y las dos importan. La
# red ha tirado la mayoría de los números sin tirar lo que distingue las clases, de las que nadie le
# había hablado. Pero reconstruir no premia separar clases, así que tampoco las ordena mejor. Otras
# tareas sin etiquetas sí lo hacen: lo verás con los modelos de lenguaje.

# %% [markdown] lang="en"
# The code does not win: it is a point or two below the pixels, about as much as the accuracy varies
# from one draw of labels to another. Both halves of the news matter. The network has thrown most of
# the numbers away without throwing away what tells the classes apart, of which nobody had told it.
# But rebuilding does not reward separating classes, so it does not sort them any better, either.
# Other tasks without labels do: you will see it with language models.

# %% [markdown] lang="es"
# ## 2.6 Aprovechar el error: anomalías
#
# Un autocodificador que solo ha visto vestidos (en `quick`, solo treses) reconstruye mal lo que no
# lo es. Así que su **error de reconstrucción** sirve de alarma, sin haber visto nunca una anomalía.
# ¿Cuánto acierta? El **área bajo la curva ROC** (AUC) no depende de dónde se ponga el umbral.

# %% [markdown] lang="en"
# ## 2.6 Using the error: anomalies
#
# An autoencoder that has seen nothing but dresses (in `quick`, nothing but threes) is bad at
# rebuilding what is not one. So its **reconstruction error** works as an alarm, without ever having
# seen an anomaly. How good is it? The **area under the ROC curve** (AUC) does not depend on where
# the threshold is put.

# %% [markdown] exercise="roc_auc" lang="es"
# El AUC tiene una lectura sencilla: la **probabilidad de que una anomalía al azar puntúe más que un
# caso normal al azar** (si empatan, cuenta la mitad). 1 es perfecto; 0.5, tirar una moneda.
# Calcúlalo comparando todas las parejas.

# %% [markdown] exercise="roc_auc" lang="en"
# The AUC reads simply: the **probability that a random anomaly scores higher than a random normal
# case** (a tie counts half). 1 is perfect, 0.5 is tossing a coin. Return it, by comparing all
# pairs.


# %% role="exercise" id="roc_auc" title_es="Área bajo la curva ROC" title_en="Area under the ROC curve" difficulty=2 minutes=10
def roc_auc(normal: np.ndarray, anomalous: np.ndarray) -> float:
    """Return the share of pairs in which the anomalous score (M,) is above the normal one (N,)."""
    ### BEGIN SOLUTION
    above = anomalous[:, None] > normal  # (M, N)
    level = anomalous[:, None] == normal
    return float((above + level / 2).mean())
    ### END SOLUTION


# %% role="check" id="roc_auc_check" points=2
tick.call(
    {"es": "AUC: puntuaciones distintas", "en": "AUC: different scores"},
    lambda normal, anomalous: roc_auc(normal, anomalous),
    cases=lambda rng: [
        (rng.normal(size=n), rng.normal(1, 1, size=m)) for n, m in ((30, 8), (5, 40))
    ],
    marks=1,
    hint={
        "es": "¿Todas las parejas? Si te sale 1 menos el valor esperado, has comparado al revés.",
        "en": "All the pairs? If you get 1 minus the value expected, you compared the wrong way round.",
    },
)
tick.call(
    {"es": "AUC: empates", "en": "AUC: ties"},
    lambda normal, anomalous: roc_auc(normal, anomalous),
    cases=lambda rng: [
        (rng.integers(5, size=20), rng.integers(2, 7, size=9)),
        (np.ones(4), np.ones(3)),
    ],
    marks=1,
    hint={
        "es": "Un empate cuenta la mitad.",
        "en": "A tie counts half.",
    },
)

# %% role="given"
NORMAL = 3  # the only class that the watchman has seen
with once_done():
    torch.manual_seed(run_seed())
    watchman = Autoencoder(n_pixels, HIDDEN, 8)
    normal_rows = train_rows[train_classes == NORMAL]
    learn(watchman, normal_rows, rebuild, mean_error, epochs=budget(full=20, quick=40))
    scores = reconstruction_errors(computed(watchman, test_rows), test_rows).numpy()
    mean_image = normal_rows.mean(dim=0).expand_as(test_rows)
    distances = reconstruction_errors(mean_image, test_rows).numpy()
    usual = splits.test_labels == NORMAL
    alarm, rival = (float(roc_auc(each[usual], each[~usual])) for each in (scores, distances))
    print(
        tr(
            es=f"AUC del error de reconstrucción: {alarm:.3f}",
            en=f"AUC of the reconstruction error: {alarm:.3f}",
        )
    )
    print(
        tr(
            es=f"AUC de la distancia a la imagen media: {rival:.3f}",
            en=f"AUC of the distance to the mean image: {rival:.3f}",
        )
    )
    others = [k for k in range(len(class_names)) if k != NORMAL]
    areas = [float(roc_auc(scores[usual], scores[splits.test_labels == k])) for k in others]
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
        bins = np.linspace(0, np.quantile(scores, 0.99), 40)
        rest = tr(es="el resto", en="the rest")
        for part, colour, name in ((usual, 0, class_names[NORMAL]), (~usual, 1, rest)):
            left.hist(
                scores[part],
                bins,
                density=True,
                alpha=0.6,
                color=plots.COLOURS[colour],
                hatch=["", "//"][colour],
                label=name,
            )
        left.set(
            xlabel=tr(es="error de reconstrucción", en="reconstruction error"),
            ylabel=tr(es="densidad", en="density"),
        )
        left.legend()
        right.barh([class_names[k] for k in others], areas, color=plots.COLOURS[0])
        versus = tr(
            es=f"AUC, {class_names[NORMAL]} frente a …", en=f"AUC, {class_names[NORMAL]} against …"
        )
        right.set(xlabel=versus, xlim=(0.5, 1))
        right.invert_yaxis()
    plt.show()
    order = scores.argsort()
    missed = test_rows[order[~usual[order]][:10]]  # the smallest errors of the rest
    alarms = test_rows[order[usual[order]][-10:]]  # the largest errors of the normal ones
    show(
        {
            tr(es="se escapa", en="missed"): missed,
            tr(es="se escapa, reconstruida", en="missed, rebuilt"): computed(watchman, missed),
            tr(es="falsa alarma", en="false alarm"): alarms,
            tr(es="falsa alarma, reconstruida", en="false alarm, rebuilt"): computed(
                watchman, alarms
            ),
        }
    )

# %% [markdown] role="question" id="anomalies" points=3 lang="es"
# **¿Te fiarías de este vigilante?** Mira las anomalías que se le escapan y sus falsas alarmas: ¿qué
# tienen en común? ¿Qué pasaría con los aciertos si el código fuese mucho más ancho? Y para vigilar
# de verdad una cadena de montaje, ¿cómo elegirías el umbral, sabiendo que el AUC no lo dice?
#
# ### BEGIN SOLUTION
# Se escapan las que se parecen a lo normal o son sencillas: imágenes de otra clase con una silueta
# parecida (camisetas y pantalones junto a vestidos), o lisas y oscuras, cuyo error es pequeño las
# conozca o no. Dan falsa alarma las normales raras o con mucho detalle (estampados, contraste
# alto), porque un error por píxel mide también lo complicada que es la imagen, no solo lo extraña
# que es. Con un código muy ancho aprendería a copiar cualquier cosa: bajarían todos los errores,
# también los de las anomalías, y la alarma perdería fuerza; con uno muy estrecho reconstruiría mal
# hasta lo normal. El umbral se elige con imágenes normales apartadas, por ejemplo el percentil 99
# para un 1 % de falsas alarmas, o comparando lo que cuesta cada tipo de error y la frecuencia
# esperada de anomalías, y se revisa con el tiempo, porque lo normal cambia.
# ### END SOLUTION

# %% [markdown] role="question" id="anomalies" points=3 lang="en"
# **Would you trust this watchman?** Look at the anomalies that get past it and at its false alarms:
# what do they have in common? What would become of its hits if the code were much wider? And to
# really watch over a production line, how would you choose the threshold, given that the AUC does
# not tell?
#
# ### BEGIN SOLUTION
# Those that get past are like the normal ones, or simple: images of another class with a similar
# outline (T-shirts and trousers beside dresses), or plain and dark ones, whose error is small
# whether known or not. False alarms are normal images that are rare or rich in detail (prints, high
# contrast), because an error by pixel also measures how complicated an image is, not only how
# strange. With a very wide code it would learn to copy anything: all the errors would fall, those
# of the anomalies too, and the alarm would lose its force; with a very narrow one it would rebuild
# even the normal ones badly. The threshold is chosen on normal images set aside, for instance the
# 99th percentile for 1% of false alarms, or by weighing the cost of each kind of error and how
# often anomalies are expected; and it is looked at again over time, because what is normal changes.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## 2.7 El puente a la práctica 4: secuencias
#
# Traducir es leer una frase y escribir otra de distinta longitud. La idea sirve tal cual (Sutskever
# y otros, 2014; Cho y otros, 2014): una red recurrente, el **codificador**, lee la frase entera y
# su último estado oculto es el código; otra, el **decodificador**, parte de ese estado y escribe
# palabra a palabra. Aquí, en pequeño: leer una secuencia de símbolos y escribirla **al revés**.
#
# ```text
#   3 ──▶ 1 ──▶ 4 ──▶  código  ──▶ 4 ──▶ 1 ──▶ 3
#        leer         (un estado)   ▲     ▲     ▲
#                                START    4     1      ◀── lo anterior de la respuesta correcta
# ```
#
# Al entrenar, el decodificador recibe en cada paso el símbolo *correcto* anterior, no el que él
# escribió: se llama *teacher forcing*. Por eso su entrada es la respuesta desplazada una posición,
# con `START` delante.

# %% [markdown] lang="en"
# ## 2.7 The bridge to lab 4: sequences
#
# Translating is reading one sentence and writing another of a different length. The idea works as
# it is (Sutskever et al., 2014; Cho et al., 2014): a recurrent network, the **encoder**, reads the
# whole sentence, and its last hidden state is the code; another one, the **decoder**, starts from
# that state and writes word by word. Here, on a small scale: read a sequence of symbols and write
# it **reversed**.
#
# ```text
#   3 ──▶ 1 ──▶ 4 ──▶   code   ──▶ 4 ──▶ 1 ──▶ 3
#        read         (one state)   ▲     ▲     ▲
#                                START    4     1      ◀── what came before in the right answer
# ```
#
# In training the decoder gets the *right* symbol before at each step, not the one that it wrote:
# this is called *teacher forcing*. So its input is the answer moved on by one place, with `START`
# in front.

# %% [markdown] exercise="sequences" lang="es"
# Escribe `forward`: recibe `source` $(B, T)$ y la respuesta `target` $(B, T)$, y devuelve los
# logits $(B, T, V)$ de cada símbolo. Recuerda que `nn.GRU` devuelve dos cosas: las salidas de todos
# los pasos y el último estado; y que su segundo argumento es el estado con el que empieza.

# %% [markdown] exercise="sequences" lang="en"
# Write `forward`: it takes `source` $(B, T)$ and the answer `target` $(B, T)$, and returns the
# logits $(B, T, V)$ of each symbol. Remember that `nn.GRU` returns two things: the outputs of all
# steps and the last state; and that its second argument is the state that it starts from.


# %% role="exercise" id="sequences" title_es="Codificar y decodificar secuencias" title_en="Encode and decode sequences" difficulty=2 minutes=20
class Seq2Seq(nn.Module):
    """Reads a sequence into a code of ``hidden`` numbers and writes another one from it."""

    def __init__(self, symbols: int, hidden: int) -> None:
        super().__init__()
        self.start = symbols  # one more symbol, that opens every answer
        self.embedding = nn.Embedding(symbols + 1, 16)
        self.encoder = nn.GRU(16, hidden, batch_first=True)
        self.decoder = nn.GRU(16, hidden, batch_first=True)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        _, code = self.encoder(self.embedding(source))  # (1, B, hidden)
        start = torch.full_like(target[:, :1], self.start)
        before = torch.cat([start, target[:, :-1]], dim=1)  # (B, T)
        outputs, _ = self.decoder(self.embedding(before), code)
        return self.output(outputs)  # (B, T, V)
        ### END SOLUTION

    @torch.no_grad()
    def write(self, source: torch.Tensor) -> torch.Tensor:
        """Return the answer (B, T) symbol by symbol, each the most likely after those before."""
        _, state = self.encoder(self.embedding(source))
        symbol = torch.full_like(source[:, :1], self.start)
        answer = []
        for _ in range(source.shape[1]):
            outputs, state = self.decoder(self.embedding(symbol), state)
            symbol = self.output(outputs).argmax(dim=-1)
            answer.append(symbol)
        return torch.cat(answer, dim=1)


# %% role="given"
SYMBOLS = budget(full=10, quick=5)
LONGEST = budget(full=16, quick=6)
STEPS = budget(full=1500, quick=120)
SEQUENCES = budget(full=128, quick=64)  # in a batch


def train_to_reverse(hidden):
    """Return a model trained on random sequences of 1 to LONGEST symbols, new ones each step."""
    torch.manual_seed(run_seed())
    model = Seq2Seq(SYMBOLS, hidden).to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=FUSED)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=budget(full=0.01, quick=0.03), total_steps=STEPS
    )
    for _ in range(STEPS):
        length = int(torch.randint(1, LONGEST + 1, ()))
        source = torch.randint(SYMBOLS, (SEQUENCES, length), device=device)
        target = source.flip(1)
        loss = nn.functional.cross_entropy(model(source, target).mT, target)  # (B, V, T)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    return model


with once_done():
    generator = torch.Generator().manual_seed(run_seed())
    lengths = range(1, LONGEST + 1)
    right = {}
    for hidden in budget(full=(16, 64), quick=(8, 32)):
        reverser = train_to_reverse(hidden)
        shares_right = []
        right[tr(es=f"código de {hidden}", en=f"code of {hidden}")] = shares_right
        for length in lengths:
            source = torch.randint(SYMBOLS, (300, length), generator=generator).to(device)
            shares_right.append((reverser.write(source) == source.flip(1)).float().mean().item())
    ax = plots.curves(
        right,
        x=lengths,
        xlabel=tr(es="longitud de la secuencia", en="length of the sequence"),
        ylabel=tr(es="proporción de símbolos acertados", en="share of symbols right"),
    )
    ax.axhline(1 / SYMBOLS, color=plots.TEXT, linewidth=0.8)
    ax.text(1, 1 / SYMBOLS, tr(es="al azar", en="chance"), va="bottom")
    ax.set_ylim(0, 1.05)
    plt.show()


# %% role="check" id="sequences_check" points=3
def logits_of_sequences(source, target, hidden):
    model = Seq2Seq(9, hidden)
    with torch.no_grad():  # weights that every run has alike
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(
                torch.linspace(-2, 2, parameter.numel()).sin().view_as(parameter) / (1 + i % 3)
            )
        return model(torch.tensor(source), torch.tensor(target))


def draw_sequences(rng):
    """Draw short sequences, and the same reversed."""
    source = rng.integers(SYMBOLS, size=(200, 3))
    return source, source[:, ::-1]


tick.call(
    {"es": "secuencias: logits", "en": "sequences: logits"},
    lambda source, target, hidden: logits_of_sequences(source, target, hidden),
    cases=lambda rng: [
        (rng.integers(9, size=(4, n)), rng.integers(9, size=(4, m)), 6)
        for n, m in ((5, 5), (2, 7), (4, 1))
    ],
    tol=1e-3,
    marks=2,
    hint={
        "es": "¿Parte el decodificador del último estado? ¿Ve en cada paso solo lo anterior, con START delante?",
        "en": "Does the decoder start from the last state? Does it see only what came before, START in front?",
    },
)
tick.predictions(
    {"es": "secuencias: nuevas, al revés", "en": "sequences: new ones reversed"},
    lambda source: reverser.write(torch.tensor(source, device=device)),
    hidden=draw_sequences,
    metric="accuracy",
    baseline=(
        {"es": "siempre el mismo símbolo", "en": "always the same symbol"},
        lambda source: np.zeros_like(source),
    ),
    marks=1,
    hint={
        "es": "Si los logits están en ✓, vuelve a ejecutar la celda que entrena.",
        "en": "If the logits show ✓, run the cell that trains once more.",
    },
)

# %% [markdown] lang="es"
# Las cortas salen perfectas y las largas no, aunque todas estas longitudes aparecían en el
# entrenamiento: **un código de tamaño fijo no da para frases cada vez más largas**, y ensancharlo
# solo retrasa el problema. Cho y otros (2014) lo vieron al traducir. La salida no fue un código
# mayor, sino dejar que el decodificador vuelva a **mirar** la entrada en cada paso y elija en qué
# fijarse. Eso es la *atención* (Bahdanau y otros, 2015), y con ella empieza la práctica 4.

# %% [markdown] lang="en"
# The short ones come out perfect and the long ones do not, although all these lengths were in the
# training: **a code of fixed size cannot hold ever longer sentences**, and widening it only puts
# the problem off. Cho et al. (2014) saw it in translation. The way out was not a larger code but to
# let the decoder **look** at the input again at each step and choose what to attend to. That is
# *attention* (Bahdanau et al., 2015), and lab 4 begins with it.

# %% [markdown] lang="es"
# ## Para saber más
#
# De la parte 1:
#
# - Mikolov, Chen, Corrado y Dean (2013). [Efficient estimation of word representations in vector
#   space](https://arxiv.org/abs/1301.3781). *ICLR, workshop*.
# - Mikolov, Sutskever, Chen, Corrado y Dean (2013). [Distributed representations of words and phrases
#   and their compositionality](https://arxiv.org/abs/1310.4546). *NeurIPS*.
# - Levy y Goldberg (2014). [Neural word embedding as implicit matrix
#   factorization](https://papers.nips.cc/paper/5477-neural-word-embedding-as-implicit-matrix-factorization).
#   *NeurIPS*.
# - Levy, Goldberg y Dagan (2015). [Improving distributional similarity with lessons learned from word
#   embeddings](https://aclanthology.org/Q15-1016/). *TACL* 3.
# - Bojanowski, Grave, Joulin y Mikolov (2017). [Enriching word vectors with subword
#   information](https://arxiv.org/abs/1607.04606). *TACL* 5. Es fastText.
# - Devlin, Chang, Lee y Toutanova (2019). [BERT: pre-training of deep bidirectional transformers for
#   language understanding](https://arxiv.org/abs/1810.04805). *NAACL*.
# - La misma tabla de vectores, para películas y vídeos en lugar de palabras: He, Liao, Zhang, Nie, Hu y
#   Chua (2017). [Neural collaborative filtering](https://arxiv.org/abs/1708.05031). *WWW*. Y Covington,
#   Adams y Sargin (2016). [Deep neural networks for YouTube
#   recommendations](https://doi.org/10.1145/2959100.2959190). *RecSys*.
#
# De la parte 2:
#
# - Baldi y Hornik (1989). [Neural networks and principal component analysis: learning from examples
#   without local minima](https://doi.org/10.1016/0893-6080%2889%2990014-2). *Neural Networks* 2.
# - Vincent, Larochelle, Bengio y Manzagol (2008). [Extracting and composing robust features with
#   denoising autoencoders](https://doi.org/10.1145/1390156.1390294). *ICML*.
# - Kingma y Welling (2014). [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114).
#   *ICLR*.
# - Higgins y otros (2017). [β-VAE: learning basic visual concepts with a constrained variational
#   framework](https://openreview.net/forum?id=Sy2fzU9gl). *ICLR*.
# - Sutskever, Vinyals y Le (2014). [Sequence to sequence learning with neural
#   networks](https://arxiv.org/abs/1409.3215). *NeurIPS*.
# - Cho y otros (2014). [On the properties of neural machine
#   translation](https://arxiv.org/abs/1409.1259). *SSST-8*.
# - Bahdanau, Cho y Bengio (2015). [Neural machine translation by jointly learning to align and
#   translate](https://arxiv.org/abs/1409.0473). *ICLR*.

# %% [markdown] lang="en"
# ## Further reading
#
# On part 1:
#
# - Mikolov, Chen, Corrado and Dean (2013). [Efficient estimation of word representations in vector
#   space](https://arxiv.org/abs/1301.3781). *ICLR, workshop*.
# - Mikolov, Sutskever, Chen, Corrado and Dean (2013). [Distributed representations of words and phrases
#   and their compositionality](https://arxiv.org/abs/1310.4546). *NeurIPS*.
# - Levy and Goldberg (2014). [Neural word embedding as implicit matrix
#   factorization](https://papers.nips.cc/paper/5477-neural-word-embedding-as-implicit-matrix-factorization).
#   *NeurIPS*.
# - Levy, Goldberg and Dagan (2015). [Improving distributional similarity with lessons learned from
#   word embeddings](https://aclanthology.org/Q15-1016/). *TACL* 3.
# - Bojanowski, Grave, Joulin and Mikolov (2017). [Enriching word vectors with subword
#   information](https://arxiv.org/abs/1607.04606). *TACL* 5. This is fastText.
# - Devlin, Chang, Lee and Toutanova (2019). [BERT: pre-training of deep bidirectional transformers for
#   language understanding](https://arxiv.org/abs/1810.04805). *NAACL*.
# - The same table of vectors, for films and videos instead of words: He, Liao, Zhang, Nie, Hu and Chua
#   (2017). [Neural collaborative filtering](https://arxiv.org/abs/1708.05031). *WWW*. And Covington,
#   Adams and Sargin (2016). [Deep neural networks for YouTube
#   recommendations](https://doi.org/10.1145/2959100.2959190). *RecSys*.
#
# On part 2:
#
# - Baldi and Hornik (1989). [Neural networks and principal component analysis: learning from
#   examples without local minima](https://doi.org/10.1016/0893-6080%2889%2990014-2). *Neural Networks* 2.
# - Vincent, Larochelle, Bengio and Manzagol (2008). [Extracting and composing robust features with
#   denoising autoencoders](https://doi.org/10.1145/1390156.1390294). *ICML*.
# - Kingma and Welling (2014). [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114).
#   *ICLR*.
# - Higgins et al. (2017). [β-VAE: learning basic visual concepts with a constrained variational
#   framework](https://openreview.net/forum?id=Sy2fzU9gl). *ICLR*.
# - Sutskever, Vinyals and Le (2014). [Sequence to sequence learning with neural
#   networks](https://arxiv.org/abs/1409.3215). *NeurIPS*.
# - Cho et al. (2014). [On the properties of neural machine
#   translation](https://arxiv.org/abs/1409.1259). *SSST-8*.
# - Bahdanau, Cho and Bengio (2015). [Neural machine translation by jointly learning to align and
#   translate](https://arxiv.org/abs/1409.0473). *ICLR*.

# %% role="given"
tick.summary()
