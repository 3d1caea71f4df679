# %% [markdown] lang="es"
# ## 3. Entrenarlo
#
# Las frases se parten en **piezas** (*subwords*; Sennrich et al., 2016): las palabras frecuentes son
# una sola pieza y las raras se deletrean con varias, así que casi nada queda fuera del vocabulario.
# Es el mismo para las dos lenguas y se aprende aquí, de los datos de entrenamiento; el modelo
# trabaja en minúsculas.

# %% [markdown] lang="en"
# ## 3. Training it
#
# Sentences are cut into **pieces** (*subwords*; Sennrich et al., 2016): frequent words are one piece
# and rare ones are spelt with several, so that next to nothing is left out of the vocabulary. It is
# the same for both languages, and learnt here, from the training data; the model works in lower
# case.

# %% role="given"
SMALL = Config(
    vocabulary=220, width=64, heads=4, layers=2, units=128, positions=40, dropout=0.05,
    tokens=600, epochs=8, warmup=100, averaged=2,
)  # fmt: skip
QUICK = replace(SMALL, vocabulary=340, width=48, layers=1, tokens=480, epochs=5, warmup=70)


def full_config():
    """Return how the model of the full profile is made and trained.

    A GPU has room for somewhat larger batches, which make an epoch of fewer steps.
    """
    return replace(Config(), tokens=1536) if device.type == "cuda" else Config()


config = budget(full=full_config, quick=lambda: QUICK)()

train_pairs, validation_pairs, test_pairs = budget(
    full=lambda: tuple(multi30k(split) for split in ("train", "val", "test_2016_flickr")),
    quick=lambda: (toy_pairs[300:], toy_pairs[:100], toy_pairs[200:260]),
)()


def learn_pieces(pairs, size):
    """Return the pieces of both sides of sentence pairs."""
    return Subwords.learn([sentence for pair in pairs for sentence in pair], size)


def piece_ids(pair, subwords):
    """Return the ids of a pair of sentences: the pieces and EOS; SOS, the pieces and EOS."""
    source, target = (subwords.encode(sentence) for sentence in pair)
    return [*source, EOS], [SOS, *target, EOS]


def piece_loader(pairs, subwords, tokens):
    """Return a loader of batches of sentence pairs; for a GPU, of few different shapes."""
    multiple = 8 if device.type == "cuda" else 1
    return loader_of([piece_ids(pair, subwords) for pair in pairs], tokens, multiple)


subwords = learn_pieces(train_pairs, config.vocabulary)
train_loader = piece_loader(train_pairs, subwords, config.tokens)
validation_loader = piece_loader(validation_pairs, subwords, config.tokens)
for sentence in train_pairs[0]:
    print(" ".join(subwords.pieces(subwords.encode(sentence))))
print(
    tr(
        es=f"{len(train_pairs)} pares de entrenamiento en {len(train_loader)} lotes",
        en=f"{len(train_pairs)} training pairs in {len(train_loader)} batches",
    )
)

# %% [markdown] exercise="xavier" lang="es"
# **Por dónde empezar.** Si los pesos empiezan grandes, las activaciones crecen capa a capa; si
# empiezan pequeños, se apagan. Glorot y Bengio (2010) buscaron un término medio entre que se
# conserve la varianza hacia delante, $n_\text{ent}\sigma^2 = 1$, y hacia atrás,
# $n_\text{sal}\sigma^2 = 1$: $\sigma^2 = 2/(n_\text{ent} + n_\text{sal})$. Con una uniforme en
# $[-a, a]$, cuya varianza es $a^2/3$:
#
# $$a = \sqrt{\frac{6}{n_\text{ent} + n_\text{sal}}}$$
#
# Escríbela tú, con `uniform_`. Se aplica a las matrices de las capas lineales; los sesgos empiezan
# en cero, y los *embeddings*, en $N(0, d^{-1/2})$ (esa es su desviación típica), porque también
# son la salida.

# %% [markdown] exercise="xavier" lang="en"
# **Where to start.** If weights start large, activations grow layer by layer; if small, they fade.
# Glorot and Bengio (2010) looked for a middle way between keeping the variance going forward,
# $n_\text{in}\sigma^2 = 1$, and going back, $n_\text{out}\sigma^2 = 1$: $\sigma^2 =
# 2/(n_\text{in} + n_\text{out})$. With a uniform distribution in $[-a, a]$, whose variance is
# $a^2/3$:
#
# $$a = \sqrt{\frac{6}{n_\text{in} + n_\text{out}}}$$
#
# Write it yourself, with `uniform_`. It is for the matrices of the linear layers; biases start at
# zero, and the embeddings at $N(0, d^{-1/2})$ (that is their standard deviation), because they are
# the output, too.


# %% role="exercise" id="xavier" title_es="Xavier uniforme" title_en="Xavier uniform" difficulty=1 minutes=6
@torch.no_grad()
def xavier_uniform(weight: Tensor) -> None:
    """Fill a weight matrix (outputs, inputs), in place, with Xavier's uniform distribution."""
    ### BEGIN SOLUTION
    bound = math.sqrt(6 / sum(weight.shape))
    weight.uniform_(-bound, bound)
    ### END SOLUTION


# %% role="check" id="xavier_check" points=2
def xavier_case(seed, outputs, inputs):
    """Fill a large matrix of a layer and describe what came out."""
    torch.manual_seed(seed)
    weight = nn.Parameter(torch.full((outputs, inputs), 7.0, device=device))
    xavier_uniform(weight)
    return [float(weight.max()), float(weight.min()), float(weight.std()), float(weight.mean())]


tick.call(
    {"es": "Xavier: límite y dispersión", "en": "Xavier: bound and spread"},
    lambda *case: xavier_case(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), int(rng.integers(1000, 2000)), 100),
        (int(rng.integers(10**6)), 100, int(rng.integers(1000, 2000))),
    ],
    marks=2,
    tol=0.002,
    hint={
        "es": "¿Cambias la matriz que recibes, en vez de devolver otra? El límite lleva un 6 y la suma de los dos tamaños, dentro de la raíz.",
        "en": "Do you change the matrix that you are given, instead of returning another? The bound has a 6 and the sum of both sizes, inside the root.",
    },
)


# %% role="given"
def new_transformer(config):
    """Return a model before its training."""
    model = Transformer(config)
    for module in model.modules():
        if isinstance(module, nn.Linear) and module is not model.output:
            xavier_uniform(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.normal_(model.embedding.tokens.weight, std=config.width**-0.5)
    with torch.no_grad():
        model.embedding.positions.weight.copy_(sinusoids(config.positions, config.width))
    return model


def spreads(start, layers=6, width=256):
    """Return the deviations of signal and gradient along some tanh layers that start like this.

    The signal is what comes out of each layer. The gradient has deviation 1 at the end, and is
    what has come back to where each layer begins.
    """
    torch.manual_seed(run_seed())
    signals = [torch.randn(200, width, requires_grad=True)]
    for _ in range(layers):
        weight = torch.empty(width, width)
        start(weight)
        signals.append(torch.tanh(signals[-1] @ weight.T))
    gradients = torch.autograd.grad(signals[-1], signals[:-1], torch.randn(200, width))
    return [[float(one.detach().std()) for one in side] for side in (signals[1:], gradients)]


with once_done():
    starts = {
        "Xavier": xavier_uniform,
        "N(0, 0.01)": lambda weight: weight.normal_(std=0.01),
        "N(0, 1)": lambda weight: weight.normal_(),
    }
    found = {name: spreads(start) for name, start in starts.items()}
    with plots.style():
        panels = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")[1]
    measured = [
        tr(es="desviación de la señal", en="deviation of the signal"),
        tr(es="desviación del gradiente", en="deviation of the gradient"),
    ]
    for side, (ax, ylabel) in enumerate(zip(panels, measured, strict=True)):
        plots.curves(
            {name: both[side] for name, both in found.items()},
            ylabel=ylabel,
            xlabel=tr(es="capa", en="layer"),
            log=True,
            ax=ax,
        )
    plt.show()

# %% [markdown] role="question" id="q_xavier" points=2 lang="es"
# **Pregunta 2.** ¿Qué le pasa a la señal en cada una de las tres curvas, y qué le pasa al gradiente,
# que se lee de la capa 6 a la 1? ¿Por qué la varianza de Xavier lleva la **suma** de los dos tamaños?
#
# ### BEGIN SOLUTION
# Con desviación 0.01 la señal se divide por unas seis en cada capa: las últimas no reciben casi nada,
# y el gradiente, que vuelve por las mismas matrices, tampoco llega a las primeras. Con 1, las tanh se
# saturan en ±1 y la señal no se apaga. Su derivada es pequeña en la mayoría de las neuronas, pero
# cada matriz multiplica por unas 16 (la raíz de 256), que puede más: el gradiente se multiplica por
# unas tres en cada capa y llega a la primera cientos de veces más grande. Explota, no se desvanece.
# Con Xavier las dos desviaciones cambian despacio. Conservar la varianza hacia delante pide 1/n_ent y
# hacia atrás 1/n_sal; con tamaños distintos no se puede todo, y 2/(n_ent + n_sal) es el compromiso.
# ### END SOLUTION

# %% [markdown] role="question" id="q_xavier" points=2 lang="en"
# **Question 2.** What happens to the signal in each of the three curves, and what happens to the
# gradient, which is read from layer 6 to layer 1? Why does Xavier's variance have the **sum** of both
# sizes?
#
# ### BEGIN SOLUTION
# With a deviation of 0.01 the signal is divided by about six in each layer: the last ones receive
# next to nothing, and the gradient, which comes back through the same matrices, does not reach the
# first ones either. With 1, the tanh saturate at ±1 and the signal does not fade. Their derivative is
# small in most neurons, but each matrix multiplies by about 16 (the root of 256), which is stronger:
# the gradient grows about three times in each layer and is hundreds of times larger when it gets to
# the first. It explodes, it does not vanish. With Xavier both deviations change slowly. Keeping the
# variance going forward asks for 1/n_in and going back for 1/n_out; when sizes differ both cannot be
# had, and 2/(n_in + n_out) is the compromise.
# ### END SOLUTION

# %% [markdown] exercise="smoothed" lang="es"
# **La pérdida.** Entropía cruzada, con dos detalles. El **relleno** no cuenta: ni en la suma ni en el
# número por el que se divide. Y **suavizado de etiquetas** (Szegedy et al., 2016): en vez de exigir
# un 1 a la pieza correcta, una parte $\varepsilon$ se reparte por igual entre las $V$ piezas, la
# correcta incluida:
#
# $$\ell = -(1-\varepsilon)\,\ln p_\text{correcta} - \frac{\varepsilon}{V}\sum_{v} \ln p_v$$
#
# La red aprende a no poner la mano en el fuego, y suele traducir mejor. El precio: ni la mejor
# respuesta posible llega a cero. El suelo es la entropía del reparto, 1.224 nats con $V = 8000$ y
# $\varepsilon = 0.1$. Para **medir**, en cambio, se usa $\varepsilon = 0$: la perplejidad, $e^{\ell}$,
# es un número **efectivo** de piezas: quien dudara por igual entre tantas tendría la misma pérdida.

# %% [markdown] exercise="smoothed" lang="en"
# **The loss.** Cross-entropy, with two details. **Padding** does not count: neither in the sum nor
# in the number it is divided by. And **label smoothing** (Szegedy et al., 2016): instead of asking
# for a 1 at the right piece, a share $\varepsilon$ is spread evenly over the $V$ pieces, the right
# one included:
#
# $$\ell = -(1-\varepsilon)\,\ln p_\text{right} - \frac{\varepsilon}{V}\sum_{v} \ln p_v$$
#
# The network learns not to swear to anything, and tends to translate better. The price: not even the
# best answer possible gets to zero. The floor is the entropy of the shares, 1.224 nats with
# $V = 8000$ and $\varepsilon = 0.1$. To **measure**, though, we use $\varepsilon = 0$: perplexity,
# $e^{\ell}$, is an **effective** number of pieces: wavering evenly between so many has the same loss.


# %% role="exercise" id="smoothed" title_es="Pérdida suavizada y sin relleno" title_en="Loss, smoothed and without padding" difficulty=2 minutes=12
def smoothed_loss(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the mean loss of the targets (N,) that are not PAD, of logits (N, V)."""
    ### BEGIN SOLUTION
    log_shares = logits.log_softmax(dim=-1)  # (N, V)
    right = log_shares.gather(1, targets[:, None])[:, 0]
    losses = -(1 - smoothing) * right - smoothing * log_shares.mean(dim=-1)
    return losses[targets != PAD].mean()
    ### END SOLUTION


# %% role="check" id="smoothed_check" points=4
def smoothed_case(seed, smoothing, pads, sure=1.0):
    """Compute the loss of drawn logits, from -3 to 3 times ``sure`` in one row, and its slope."""
    rng = np.random.default_rng(seed)
    (logits,) = tensors(rng, (9, 7))
    logits[3] = sure * torch.from_numpy(rng.permutation(7) - 3.0)
    targets = torch.from_numpy(rng.permutation([UNK, EOS, 4, 5, 6, 4, 5, 6, 2])).to(device)
    targets[rng.permutation(9)[:pads]] = PAD
    targets[3] = logits[3].argmin()  # what it held least likely was right
    loss = tensor(smoothed_loss(logits.requires_grad_(), targets, smoothing))
    theirs = functional.cross_entropy(logits, targets, ignore_index=PAD, label_smoothing=smoothing)
    return loss, slope(loss, logits), bool((loss - theirs).abs() < 1e-3)


tick.call(
    {"es": "pérdida que ignora el relleno", "en": "loss that ignores padding"},
    lambda seed, pads, sure: smoothed_case(seed, 0.0, pads, sure),
    cases=lambda rng: [
        (int(rng.integers(10**6)), pads, sure) for pads, sure in [(0, 1.0), (4, 1.0), (2, 50.0)]
    ],
    marks=2,
    hint={
        "es": "La media es sobre las posiciones que no son PAD (<unk>, el 0, sí cuenta): ni suman ni cuentan al dividir. ¿Sale infinito con logits grandes? log_softmax no pasa por el cero.",
        "en": "The mean is over the positions that are not PAD (<unk>, which is 0, counts): they neither add up nor count in the division. Infinite with large logits? log_softmax does not go through zero.",
    },
)
tick.call(
    {"es": "pérdida con etiquetas suavizadas", "en": "loss with smoothed labels"},
    lambda seed, smoothing: smoothed_case(seed, smoothing, 3),
    cases=lambda rng: [(int(rng.integers(10**6)), smoothing) for smoothing in (0.1, 0.4)],
    marks=2,
    hint={
        "es": "El reparto es entre todas las piezas, la correcta incluida: ε por la media de los logaritmos de una fila.",
        "en": "The share is spread over all pieces, the right one included: ε times the mean of a row's logarithms.",
    },
)

# %% [markdown] exercise="schedule" lang="es"
# **El ritmo.** Al principio Adam aún no sabe cuánto varían los gradientes, y un paso largo echa a
# perder el arranque. Así que la tasa sube en línea recta durante el **calentamiento** (`warmup`
# pasos) y luego baja como la inversa de la raíz (Vaswani et al., 2017), con el paso $t$ desde 1:
#
# $$\eta(t) = d^{-1/2} \cdot \min\!\left(t^{-1/2},\; t \cdot \text{warmup}^{-3/2}\right)$$

# %% [markdown] exercise="schedule" lang="en"
# **The pace.** In the beginning Adam does not know yet how much the gradients vary, and a long step
# spoils the start. So the rate rises in a straight line during the **warm-up** (`warmup` steps) and
# then falls as the inverse of the root (Vaswani et al., 2017), with step $t$ from 1:
#
# $$\eta(t) = d^{-1/2} \cdot \min\!\left(t^{-1/2},\; t \cdot \text{warmup}^{-3/2}\right)$$


# %% role="exercise" id="schedule" title_es="Calentamiento" title_en="Warm-up" difficulty=1 minutes=5
def learning_rate(step: int, width: int, warmup: int) -> float:
    """Return the learning rate of a step, counted from 1, of a model of this width."""
    ### BEGIN SOLUTION
    return width**-0.5 * min(step**-0.5, step * warmup**-1.5)
    ### END SOLUTION


# %% role="check" id="schedule_check" points=2
tick.call(
    {"es": "tasa de aprendizaje", "en": "learning rate"},
    lambda step, width, warmup: learning_rate(step, width, warmup),
    cases=lambda rng: [
        (int(share * warmup) + after, int(rng.integers(32, 512)), warmup)
        for warmup in [int(rng.integers(100, 900))]
        for share, after in [(0, 1), (0.4, 0), (1, 0), (1, 1), (20, 0)]
    ],
    marks=2,
    tol=1e-7,
    hint={
        "es": "Las dos ramas se cruzan justo en step = warmup. ¿Son los exponentes −1/2 y −3/2, y el de la anchura también −1/2?",
        "en": "Both branches meet exactly at step = warmup. Are the exponents −1/2 and −3/2, and that of the width −1/2, too?",
    },
)

# %% role="given"
with once_done():
    steps = range(1, config.epochs * len(train_loader))
    rates = [learning_rate(step, config.width, config.warmup) for step in steps]
    plots.curves(
        rates,
        ylabel=tr(es="tasa de aprendizaje", en="learning rate"),
        xlabel=tr(es="paso", en="step"),
        x=steps,
    )
    plt.show()

# %% [markdown] exercise="average" lang="es"
# **La media de varios.** Los pesos de las últimas épocas dan vueltas alrededor de un buen sitio sin
# pararse en él. Su **media**, parámetro a parámetro, suele estar más cerca que
# cualquiera de ellos, y sale gratis.

# %% [markdown] exercise="average" lang="en"
# **The mean of several.** The weights of the last epochs circle around a good place without stopping
# at it. Their **mean**, parameter by parameter, tends to be nearer than any of them, and it is free.


# %% role="exercise" id="average" title_es="Promediar pesos" title_en="Averaging weights" difficulty=1 minutes=5
def average(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of each tensor over several ``state_dict`` of the same model."""
    ### BEGIN SOLUTION
    return {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
    ### END SOLUTION


# %% role="check" id="average_check" points=2
def average_case(seed, count):
    """Average drawn weights; say whether those given stayed as they were."""
    rng = np.random.default_rng(seed)
    states = [dict(zip("Wb", tensors(rng, (2, 3), (3,)), strict=True)) for _ in range(count)]
    before = [{name: value.clone() for name, value in state.items()} for state in states]
    mean = {name: tensor(value) for name, value in average(states).items()}
    same = all(
        torch.equal(a[name], b[name]) for a, b in zip(states, before, strict=True) for name in a
    )
    return mean, same


tick.call(
    {"es": "media de los pesos", "en": "mean of the weights"},
    lambda *case: average_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), count) for count in (1, 2, 5)],
    marks=2,
    hint={
        "es": "Un diccionario nuevo, con las mismas claves. ¿Divides por cuántos son? ¿Ha cambiado alguno de los que recibes?",
        "en": "A new dictionary, with the same keys. Do you divide by how many they are? Did any of those given change?",
    },
)

# %% [markdown] lang="es"
# **A entrenar.** `fit` repite lo que ya sabes escribir: lotes, pérdida, recorte por la norma, un paso.
# Los lotes tienen frases de longitud parecida, para no gastar en relleno, y donde el procesador es
# más rápido con números de 16 bits (*bfloat16*) se usan. En el perfil `full`, cada época queda
# guardada (unos 170 MB en total) en tu Drive, si lo has montado, o junto al cuaderno, en `dl-work`:
# si algo lo corta, vuelve a ejecutar la celda y sigue donde estaba. La carpeta depende de lo que tu
# modelo calcula antes de entrenar, así que si corriges un error empieza de nuevo.
#
# Una GPU tarda menos en calcular un paso que Python en pedírselo. Por eso allí las longitudes son
# múltiplos de ocho: hay pocas formas distintas de lote, y `cuda_graphs` graba el paso de cada una y
# después lo repite entero.

# %% [markdown] lang="en"
# **Training.** `fit` repeats what you can write by now: batches, loss, clipping by the norm, a step.
# The batches have sentences of similar length, so as not to spend on padding, and where the
# processor is faster with 16-bit numbers (*bfloat16*) they are used. In the `full` profile every
# epoch is kept (some 170 MB in all) in your Drive, if you mounted it, or beside the notebook, in
# `dl-work`: if something stops it, run the cell again and it goes on. The folder depends on what your
# model computes before training, so that if you correct a mistake it starts afresh.
#
# A GPU computes a step in less time than Python takes to ask for it. So lengths are multiples of
# eight there: batches come in few different shapes, and `cuda_graphs` records the step of each and
# then plays it back whole.


# %% role="given"
def fingerprint(model, batch, config):
    """Return a short name of what an untrained model computes on a batch, and of its training."""
    logits, targets = translate_batch_loss(model.eval(), batch)
    loss = smoothed_loss(logits, targets, config.smoothing)
    slopes = torch.autograd.grad(loss, list(model.parameters()))
    norm = torch.stack([slope.norm() for slope in slopes]).norm()
    rate = learning_rate(config.warmup, config.width, config.warmup)
    return hashlib.sha256(f"{loss:.3g} {norm:.2g} {rate:.3g} {config}".encode()).hexdigest()[:12]


def train_transformer(config, train_loader, validation_loader, folder, precision="auto"):
    """Train a new model, or go on with it; return it with averaged weights, and its history.

    A checkpoint to go on from, and the weights of the last epochs, lie in a folder of the run's
    own below ``folder``.
    """
    seed_everything(run_seed())
    model = new_transformer(config)
    batch = train_loader.collate_fn([train_loader.dataset[i] for i in range(8)])
    folder = folder / fingerprint(model, batch, config)
    parameters = model.to(device).parameters()
    optimizer = torch.optim.Adam(parameters, lr=1.0, betas=(0.9, 0.98), eps=1e-9, fused=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: learning_rate(done + 1, config.width, config.warmup)
    )
    loss = SmoothedCrossEntropy(PAD, config.smoothing)  # yours, with a faster gradient
    states = []
    for epochs in range(config.epochs - config.averaged + 1, config.epochs + 1):
        kept = folder / f"epoch{epochs:02}.pt"
        if not kept.exists():
            history = fit(
                model,
                train_loader,
                loss,
                optimizer,
                epochs=epochs,
                validation=validation_loader,
                metrics={"nats": loss.nats},
                forward=translate_batch_loss,
                clip_norm=1.0,
                scheduler=scheduler,
                schedule_each="step",
                checkpoint=folder / "run.pt",
                precision=precision,
                cuda_graphs=True,
            )
            if len(history) < epochs:
                raise KeyboardInterrupt(
                    tr(
                        es="el entrenamiento se ha parado; vuelve a ejecutar la celda para seguir",
                        en="training was stopped; run the cell again to go on",
                    )
                )
            state = {"model": model.state_dict(), "history": history.state()}
            checkpoint.save(kept, state, asdict(config))
        state = checkpoint.load(kept, asdict(config))
        states.append(state["model"])
    model.load_state_dict(average(states))
    return model.eval(), History(**state["history"])


RUNS = budget(
    full=lambda: work_folder("lab4_seq2seq_attention"),
    quick=lambda: Path(tempfile.mkdtemp(prefix="lab4_")),
)()

with once_done():
    models["Transformer"], histories["Transformer"] = train_transformer(
        config, train_loader, validation_loader, RUNS, budget(full="auto", quick="fp32")
    )
    minutes = sum(histories["Transformer"].seconds) / 60
    print(tr(es=f"{minutes:.1f} minutos de entrenamiento", en=f"{minutes:.1f} minutes of training"))


# %% role="check" id="training_check" points=3
def new_pairs(rng, count):
    """Draw sentence pairs that the training has not seen."""
    if config == QUICK:
        return translation_pairs(rng, count, language)
    return [validation_pairs[i] for i in rng.choice(len(validation_pairs), count, replace=False)]


def new_prefixes(rng, count=80):
    """Draw sources with the beginning of their translation, and the piece that comes next."""
    inputs, following = [], []
    for pair in new_pairs(rng, count):
        source, target = piece_ids(pair, subwords)
        cut = int(rng.integers(1, len(target)))
        inputs.append([source, target[:cut]])
        following.append(target[cut])
    return inputs, np.array(following)


tick.predictions(
    {"es": "pieza siguiente en frases nuevas", "en": "next piece of new sentences"},
    lambda inputs: next_ids(models["Transformer"], inputs),
    hidden=new_prefixes,
    metric="accuracy",
    baseline=(
        {"es": "siempre el final", "en": "always the end"},
        lambda inputs: np.full(len(inputs), EOS),
    ),
    marks=3,
    hint={
        "es": "¿Baja la pérdida de validación? Si la de entrenamiento llega casi a su mínimo y aun así el modelo no acierta, alguna máscara o el desplazamiento deja ver la respuesta.",
        "en": "Does the validation loss fall? If the training loss gets nearly to its floor and the model still predicts badly, a mask or the shift lets the answer be seen.",
    },
)

# %% role="given"
with once_done():
    history = histories["Transformer"]
    with plots.style():
        left, right = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")[1]
    training = tr(es="entrenamiento", en="training")
    validation = tr(es="validación", en="validation")
    plots.loss_curve({training: history["loss"], validation: history["val_loss"]}, ax=left)
    plots.curves(
        {training: np.exp(history["nats"]), validation: np.exp(history["val_nats"])},
        ylabel=tr(es="perplejidad (de una pieza)", en="perplexity (of a piece)"),
        log=True,
        ax=right,
    )
    plt.show()


def test_perplexities(model, subwords, pairs):
    """Return the perplexity of a piece and of a word, both with the end of each sentence."""
    loader = piece_loader(pairs, subwords, tokens=2000)
    nats = evaluate(
        model, loader, nn.CrossEntropyLoss(ignore_index=PAD), forward=translate_batch_loss
    )["loss"]
    pieces = sum(len(target) - 1 for _, target in loader.dataset)
    words_and_ends = sum(len(words(target)) + 1 for _, target in pairs)
    return {"piece": math.exp(nats), "word": math.exp(nats * pieces / words_and_ends)}


with once_done():
    perplexities = test_perplexities(models["Transformer"], subwords, test_pairs)
    of_piece, of_word = perplexities["piece"], perplexities["word"]
    print(
        tr(
            es=f"perplejidad de prueba: {of_piece:.2f} por pieza, {of_word:.2f} por palabra",
            en=f"test perplexity: {of_piece:.2f} of a piece, {of_word:.2f} of a word",
        )
    )

# %% [markdown] role="question" id="q_curves" points=3 lang="es"
# **Pregunta 3.** Lee las curvas. ¿Por qué la pérdida de entrenamiento puede estar **por encima** de
# la de validación? ¿Por qué la pérdida no se acerca a cero ni en el mejor modelo posible, y qué
# diferencia hay entre la perplejidad de una pieza y la de una palabra?
#
# ### BEGIN SOLUTION
# Al entrenar actúa el dropout y se mide mientras se aprende, de modo que la media de una época viene
# de pesos anteriores; al validar, la red está entera y al día. Cuando la validación deja de bajar y
# el entrenamiento sigue, empieza el sobreajuste. La pérdida lleva las etiquetas suavizadas: acertar
# con toda seguridad también cuesta, y lo mejor que se puede es la entropía de las etiquetas (1.224
# nats con V = 8000 y ε = 0.1); y además una frase tiene muchas traducciones. Una palabra son una o más piezas y sus probabilidades se multiplican: para comparar
# modelos con vocabularios distintos hay que repartir los mismos nats entre las mismas palabras.
# ### END SOLUTION

# %% [markdown] role="question" id="q_curves" points=3 lang="en"
# **Question 3.** Read the curves. Why can the training loss be **above** the validation loss? Why
# does the loss not come near zero even for the best model possible, and how does the perplexity of a
# piece differ from that of a word?
#
# ### BEGIN SOLUTION
# In training there is dropout, and it is measured while learning, so that an epoch's mean comes from
# earlier weights; in validation the network is whole and up to date. When validation stops falling
# and training goes on, overfitting begins. The loss has smoothed labels: being right with full
# confidence costs, too, and the best there is is the entropy of the labels (1.224 nats with V = 8000
# and ε = 0.1); and a sentence has many translations besides. A word is one or more pieces and their probabilities multiply: to compare models with different
# vocabularies the same nats have to be shared out among the same words.
# ### END SOLUTION
