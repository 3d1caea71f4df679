# %% [markdown] lang="es"
# ## 4. Traducir
#
# Durante el entrenamiento todas las posiciones se calculaban a la vez porque la traducción ya estaba.
# Ahora hay que escribirla, pieza a pieza: cada una depende de las anteriores.

# %% [markdown] lang="en"
# ## 4. Translating
#
# In training all positions were computed at once, because the translation was there. Now it has to
# be written, piece by piece: each depends on those before.

# %% [markdown] exercise="greedy" lang="es"
# **Búsqueda voraz.** Empieza con `SOS` y añade cada vez la pieza más probable, hasta que todas las
# frases del lote hayan dicho `EOS` o se llegue al límite. Una frase terminada sigue con `PAD`. Sin
# gradientes: no hay nada que aprender.

# %% [markdown] exercise="greedy" lang="en"
# **Greedy search.** Start with `SOS` and add the most likely piece each time, until all sentences of
# the batch have said `EOS` or the limit is reached. A finished sentence goes on with `PAD`. Without
# gradients: there is nothing to learn.


# %% role="exercise" id="greedy" title_es="Búsqueda voraz" title_en="Greedy search" difficulty=2 minutes=12
@torch.no_grad()
def plain_greedy(model: Transformer, source: Tensor, limit: int) -> Tensor:
    """Return the pieces written for sources (B, S), EOS included, then PAD: (B, T), T <= limit."""
    ### BEGIN SOLUTION
    memory, mask = model.encode(source)
    written = torch.full((len(source), 1), SOS, device=source.device)
    finished = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(limit):
        following = model.decode(written, memory, mask)[:, -1].argmax(dim=-1)
        following = following.masked_fill(finished, PAD)
        written = torch.cat([written, following[:, None]], dim=1)
        finished |= following == EOS
        if finished.all():
            break
    return written[:, 1:]
    ### END SOLUTION


# %% role="check" id="greedy_check" points=3
class Scripted(nn.Module):
    """Stands in for a Transformer: says a given text, whatever it reads, and counts its steps."""

    def __init__(self, script):
        super().__init__()
        self.script = nn.Parameter(torch.from_numpy(script).to(device), requires_grad=False)
        self.steps = 0

    def encode(self, source):
        return source[..., None].float(), padding_mask(source)

    def decode(self, inputs, memory, source_mask):
        if not (memory.is_floating_point() and source_mask.dtype == torch.bool):
            raise TypeError(
                tr(
                    es="decode espera lo escrito, la memoria y la máscara, en ese orden",
                    en="decode expects what is written, the memory and the mask, in this order",
                )
            )
        self.steps += 1
        begun = inputs[:, :1, None] == SOS  # it says nothing to what begins otherwise
        logits = functional.one_hot(self.script, 12) * begun
        read = functional.one_hot(inputs, 12).float().cumsum(1)  # what is written counts a little
        return logits[:, : inputs.shape[1]] + 0.01 * read

    def forward(self, source, inputs):
        return self.decode(inputs, *self.encode(source))


def greedy_case(script, longest, limit):
    """Write a script; return the pieces without PAD at the end, and whether it stopped in time."""
    model = Scripted(script).eval()
    source = torch.full((len(script), 2), 5, device=device)
    written = tensor(plain_greedy(model, source, limit), torch.int64, torch.int32)
    needed = int((written != PAD).sum(dim=1).max())
    in_time = model.steps <= longest + 1 and written.shape[1] <= limit
    return written[:, :needed], in_time


def drawn_script(rng, lengths):
    """Draw a text for each sentence that ends after so many pieces; what follows is noise."""
    script = rng.integers(4, 12, size=(len(lengths), 9))
    script[np.arange(len(lengths)), np.array(lengths) - 1] = EOS
    return script


tick.call(
    {"es": "búsqueda voraz", "en": "greedy search"},
    lambda *case: greedy_case(*case),
    cases=lambda rng: [
        (drawn_script(rng, [3, 6, 1]), 6, 9),
        (drawn_script(rng, [5]), 5, 9),
        (drawn_script(rng, [8, 2]), 4, 4),
        (drawn_script(rng, [1, 1]), 1, 1),
    ],
    marks=3,
    hint={
        "es": "EOS se queda, y lo que sigue es PAD; SOS no se devuelve. ¿Paras cuando todas han terminado? ¿Y al llegar al límite?",
        "en": "EOS stays, and what follows is PAD; SOS is not returned. Do you stop when all have finished? And at the limit?",
    },
)

# %% [markdown] role="question" id="q_no_grad" points=2 lang="es"
# **Pregunta 4.** `plain_greedy` lleva `torch.no_grad`. ¿Qué hace exactamente, qué pasaría sin él y en
# qué se diferencia de `model.eval()`? Pista: ¿se puede derivar `argmax`?
#
# ### BEGIN SOLUTION
# Dentro de no_grad PyTorch no anota las operaciones para derivarlas: los resultados no requieren
# gradiente y las activaciones intermedias se liberan enseguida. Sin él la traducción sería la misma,
# pero cada paso anotaría su grafo. En plain_greedy ese grafo muere con el paso, porque argmax lo
# corta (da números enteros, sin gradiente); solo dura el del codificador, que cuelga de la memoria.
# Cuesta tiempo, y memoria de un paso. Con la caché que viene ahora sí se acumularía: las claves y los
# valores guardados arrastran el grafo de todos los pasos. eval() no tiene que ver con gradientes:
# cambia lo que calculan algunas capas (aquí apaga el dropout). Para traducir hacen falta los dos.
# ### END SOLUTION

# %% [markdown] role="question" id="q_no_grad" points=2 lang="en"
# **Question 4.** `plain_greedy` has `torch.no_grad`. What does it do exactly, what would happen
# without it, and how does it differ from `model.eval()`? A hint: can `argmax` be differentiated?
#
# ### BEGIN SOLUTION
# Inside no_grad PyTorch does not note down the operations to differentiate them: results require no
# gradient, and the activations in between are freed at once. Without it the translation would be the
# same, but each step would note down its graph. In plain_greedy that graph dies with its step, for
# argmax cuts it (it gives whole numbers, without a gradient); only the encoder's lasts, which hangs on
# the memory. It costs time, and the memory of one step. With the cache that comes next it would pile
# up: the keys and values that are kept drag along the graph of all steps. eval() has nothing to do
# with gradients: it changes what some layers compute (here it turns dropout off). To translate, both
# are needed.
# ### END SOLUTION

# %% [markdown] exercise="cache" lang="es"
# **No repetir.** Para la pieza 20, `plain_greedy` vuelve a calcular las 19 anteriores, y como la
# máscara causal no las deja ver el futuro, salen **exactamente iguales**. Guardemos las claves y los
# valores de cada capa: un paso solo calcula la posición nueva.
#
# `Cache` ya guarda la memoria del codificador proyectada (`crossed`) y, de cada capa, lo anterior
# (`past`). Completa `step`: *embedding* de las piezas en **su** posición, que es `self.length`; en cada
# capa, añade las claves y los valores nuevos a los de `past`, y haz lo mismo que `DecoderLayer`. ¿Hace
# falta la máscara causal?

# %% [markdown] exercise="cache" lang="en"
# **No repeating.** For piece 20, `plain_greedy` computes the 19 before once more, and since the
# causal mask keeps the future from them, they come out **exactly the same**. Let us keep the keys
# and values of each layer: a step then computes the new position only.
#
# `Cache` already keeps the encoder's memory, projected (`crossed`), and, for each layer, what came
# before (`past`). Complete `step`: the embedding of the pieces at **their** position, which is
# `self.length`; in each layer, append the new keys and values to those in `past`, and do as
# `DecoderLayer` does. Is the causal mask needed?


# %% role="exercise" id="cache" title_es="Descodificar con caché" title_en="Decoding with a cache" difficulty=3 minutes=25
class Cache:
    """What the decoder need not compute again, for a batch of sources."""

    def __init__(self, model: Transformer, source: Tensor):
        memory, self.mask = model.encode(source)
        self.model = model
        self.crossed = [layer.cross_attention.keys_values(memory) for layer in model.decoder]
        nothing = self.crossed[0][0][:, :, :0]  # (B, H, 0, W/H)
        self.past = [(nothing, nothing) for _ in model.decoder]
        self.length = 0  # positions written so far

    def step(self, ids: Tensor) -> Tensor:
        """Read one more piece of each sentence, ids (B,); return the logits (B, V) after it."""
        ### BEGIN SOLUTION
        x = self.model.embedding(ids[:, None], start=self.length)  # (B, 1, W)
        for number, layer in enumerate(self.model.decoder):
            inner = layer.norms[0](x)
            new = layer.self_attention.keys_values(inner)
            keys, values = (
                torch.cat(pair, dim=2) for pair in zip(self.past[number], new, strict=True)
            )
            self.past[number] = keys, values
            x = x + layer.self_attention(inner, keys, values, None)
            x = x + layer.cross_attention(layer.norms[1](x), *self.crossed[number], self.mask)
            x = x + layer.feed_forward(layer.norms[2](x))
        self.length += 1
        return self.model.output(self.model.decoder_norm(x))[:, 0]
        ### END SOLUTION

    def reorder(self, rows: Tensor) -> None:
        """Take these rows of what is written; their sources stay where they are."""
        self.past = [(keys[rows], values[rows]) for keys, values in self.past]

    def keep(self, rows: Tensor) -> None:
        """Take these rows of the batch, sources included."""
        self.reorder(rows)
        self.crossed = [(keys[rows], values[rows]) for keys, values in self.crossed]
        self.mask = self.mask[rows]


# %% role="check" id="cache_check" points=5
@torch.no_grad()
def cache_case(seed, batch, steps):
    """Return the logits of each step; before the last of several the first sentence leaves."""
    rng = np.random.default_rng(seed)
    model = drawn(Transformer(TINY), seed)
    source, inputs = drawn_ids(rng, batch, 6), drawn_ids(rng, batch, steps)
    source[-1, 4:] = PAD
    cache = Cache(model, source)
    logits = []
    for number, ids in enumerate(inputs.unbind(dim=1)):
        if 0 < number == steps - 1:
            rows = torch.arange(1, batch, device=device)
            cache.keep(rows)
            ids = ids[rows]
        logits.append(tensor(cache.step(ids)))
    return logits


tick.call(
    {"es": "caché: la primera pieza", "en": "cache: the first piece"},
    lambda *case: cache_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), batch, 1) for batch in (1, 3)],
    marks=2,
    hint={
        "es": "Con una sola pieza no hay pasado: revisa las tres subcapas, sus normas y atajos, y la máscara de la fuente.",
        "en": "With a single piece there is no past: look at the three sublayers, their norms and shortcuts, and the source's mask.",
    },
)
tick.call(
    {"es": "caché: igual que sin ella", "en": "cache: as without it"},
    lambda *case: cache_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, steps) for steps in (2, 7)],
    marks=3,
    hint={
        "es": "Si la primera pieza está bien y las demás no: ¿avanza self.length y llega a la posición? ¿Quedan en past, a lo largo del eje de las posiciones, las claves y los valores nuevos junto a los viejos?",
        "en": "If the first piece is right and the others are not: does self.length move on and reach the position? Do the new keys and values stay in past, along the axis of positions, together with the old ones?",
    },
)


# %% role="given"
@torch.no_grad()
def greedy(model, source, limit):
    """Return what ``plain_greedy`` returns, up to PAD at the end, with a cache.

    Sentences leave the batch as soon as they end.
    """
    cache = Cache(model, source)
    written = torch.full((len(source), limit), PAD, device=source.device)
    rows = torch.arange(len(source), device=source.device)
    ids = torch.full_like(rows, SOS)
    for position in range(limit):
        ids = cache.step(ids).argmax(dim=-1)
        written[rows, position] = ids
        going = (ids != EOS).nonzero()[:, 0]
        if len(going) == 0:
            break
        if len(going) < len(ids):
            rows, ids = rows[going], ids[going]
            cache.keep(going)
    return written


# %% [markdown] exercise="beam" lang="es"
# **Búsqueda en haz.** La voraz se compromete con cada pieza y no se arrepiente. El haz conserva los
# $K$ mejores comienzos: los prolonga con todas las piezas, suma logaritmos de probabilidades y se
# queda otra vez con los $K$ mejores de los $K \cdot V$. Un comienzo terminado solo admite `PAD`, con
# logaritmo 0: ni gana ni pierde.
#
# Al comparar, la suma favorece lo breve (cada pieza resta). Por eso al final se divide por una
# **penalización de longitud** (Wu et al., 2016), con $\alpha = 0.6$:
#
# $$\mathrm{lp}(n) = \left(\frac{5 + n}{6}\right)^{\alpha}$$

# %% [markdown] exercise="beam" lang="en"
# **Beam search.** Greedy search commits itself to each piece and never repents. A beam keeps the $K$
# best beginnings: it continues them with all the pieces, adds up logarithms of probabilities, and
# keeps the $K$ best of the $K \cdot V$ again. A finished beginning takes only `PAD`, with a logarithm
# of 0: it neither gains nor loses.
#
# In comparing, the sum favours what is short (each piece subtracts). So in the end it is divided by a
# **length penalty** (Wu et al., 2016), with $\alpha = 0.6$:
#
# $$\mathrm{lp}(n) = \left(\frac{5 + n}{6}\right)^{\alpha}$$


# %% role="exercise" id="beam" title_es="Un paso del haz" title_en="A step of the beam" difficulty=3 minutes=20
def length_penalty(lengths: Tensor, alpha: float) -> Tensor:
    """Return by what the score of a translation of each length is divided."""
    ### BEGIN SOLUTION
    return ((5 + lengths) / 6) ** alpha
    ### END SOLUTION


def beam_step(
    scores: Tensor, log_shares: Tensor, finished: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the K best continuations: scores, from which beginning, with which piece, all (B, K).

    ``scores`` (B, K) are those of the beginnings, ``log_shares`` (B, K, V) the logarithms of the
    probabilities of each piece, ``finished`` (B, K) is True where EOS was said. Best first.
    """
    ### BEGIN SOLUTION
    pieces = log_shares.shape[-1]
    only_padding = torch.full((pieces,), -math.inf, device=scores.device)
    only_padding[PAD] = 0.0
    log_shares = torch.where(finished[..., None], only_padding, log_shares)
    best, where = (scores[..., None] + log_shares).flatten(1).topk(scores.shape[1])
    return best, where // pieces, where % pieces
    ### END SOLUTION


# %% role="check" id="beam_check" points=5
def beam_case(seed, batch, width, ended, change=0.0):
    """Take a step from drawn scores; the first ``ended`` beginnings of each sentence are finished.

    The score of the first beginning is changed by ``change``, or, if that is None, only the first
    may go on, as in the first step of all.
    """
    rng = np.random.default_rng(seed)
    scores, logits = tensors(rng, (batch, width), (batch, width, 9))
    scores = scores.sort(dim=1, descending=True).values
    if change is None:
        scores[:, 1:] = -math.inf
    else:
        scores[:, 0] += change
    finished = torch.arange(width, device=device).expand(batch, -1) < ended
    best, parents, pieces = beam_step(scores, logits.log_softmax(dim=-1), finished.clone())
    return tensor(best), *(tensor(one, torch.int64, torch.int32) for one in (parents, pieces))


tick.call(
    {"es": "penalización de longitud", "en": "length penalty"},
    lambda lengths, alpha: tensor(length_penalty(torch.from_numpy(lengths).to(device), alpha)),
    cases=lambda rng: [
        (rng.integers(1, 40, size=size), alpha)
        for size, alpha in [(5, 0.0), ((2, 3), 0.6), ((), float(rng.uniform(0.7, 1.5)))]
    ],
    marks=1,
    hint={
        "es": "Con n = 1 o con α = 0 debe salir 1.",
        "en": "With n = 1, or with α = 0, it must be 1.",
    },
)
tick.call(
    {"es": "paso del haz", "en": "beam step"},
    lambda *case: beam_case(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), batch, width, 0, change)
        for batch, width, change in [(1, 2, 0.0), (3, 4, 0.0), (2, 3, None), (2, 1, 0.0)]
    ],
    marks=2,
    hint={
        "es": "Aplana (K, V) antes de topk: los mejores compiten entre todos los comienzos. La división entera da el comienzo y el resto, la pieza.",
        "en": "Flatten (K, V) before topk: the best compete across all beginnings. Integer division gives the beginning and the rest the piece.",
    },
)
tick.call(
    {"es": "paso del haz: comienzos terminados", "en": "beam step: finished beginnings"},
    lambda *case: beam_case(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), 2, 4, ended, change)
        for ended, change in [(1, 0.0), (1, -9.0), (2, 0.0), (4, 0.0)]
    ],
    marks=2,
    hint={
        "es": "Un comienzo terminado tiene una sola continuación, PAD, que no cambia su puntuación; las demás valen −∞.",
        "en": "A finished beginning has a single continuation, PAD, which leaves its score as it is; all others are worth −∞.",
    },
)


# %% role="given"
@torch.no_grad()
def beam(model, source, limit, width=4, alpha=0.6):
    """Return the best pieces found for sources (B, S), EOS included, then PAD."""
    count = len(source)
    cache = Cache(model, source)
    sentence = torch.arange(count, device=source.device)[:, None]
    cache.keep(sentence.expand(-1, width).flatten())
    scores = torch.full((count, width), -math.inf, device=source.device)
    scores[:, 0] = 0.0  # all beginnings are SOS: only one of them may go on
    written = torch.empty((count, width, 0), dtype=torch.long, device=source.device)
    finished = torch.zeros((count, width), dtype=torch.bool, device=source.device)
    ids = torch.full((count, width), SOS, device=source.device)
    for _ in range(limit):
        log_shares = cache.step(ids.flatten()).log_softmax(dim=-1).unflatten(0, (count, width))
        scores, parents, ids = beam_step(scores, log_shares, finished)
        written = torch.cat([written[sentence, parents], ids[..., None]], dim=-1)
        finished = finished[sentence, parents] | (ids == EOS)
        ranked = scores / length_penalty((written != PAD).sum(dim=-1), alpha)
        hoped = scores / length_penalty(torch.tensor(limit), alpha)  # if nothing more were lost
        ended, going = (
            ranked.masked_fill(~finished, -math.inf),
            hoped.masked_fill(finished, -math.inf),
        )
        if (ended.amax(dim=1) >= going.amax(dim=1)).all():
            break
        cache.reorder((width * sentence + parents).flatten())
    return written[sentence[:, 0], ranked.argmax(dim=1)]


def translate(model, subwords, sentences, search=beam, size=125, limit=50):
    """Return the translation of each sentence, at most ``limit`` pieces, in batches of a size."""
    model.eval()
    limit = min(limit, model.embedding.positions.num_embeddings)
    sources = [[*subwords.encode(sentence), EOS] for sentence in sentences]
    order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
    translations = [""] * len(sources)
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        source = padded([sources[i] for i in batch]).to(device)
        for i, written in zip(batch, search(model, source, limit).tolist(), strict=True):
            translations[i] = subwords.decode(written)
    return translations


with once_done():
    sources = [source for source, _ in test_pairs]
    translations = translate(models["Transformer"], subwords, sources)
    for (source, target), ours in list(zip(test_pairs, translations, strict=True))[:4]:
        print(f"{source}\n   {ours}\n   ({target})")


# %% role="check" id="translation_check" points=2 covers="cache,beam"
def new_sentences(rng, count=40):
    """Draw sentences, and the word pairs of the right translation of each."""
    pairs = new_pairs(rng, count)
    return [source for source, _ in pairs], word_pairs([target for _, target in pairs])


def word_pairs(texts, columns=512):
    """Count the pairs of neighbouring words of each text, capitals apart: (N, columns).

    A pair's column is a hash of it.
    """
    counts = np.zeros((len(texts), columns))
    for row, text in zip(counts, texts, strict=True):
        for pair in pairwise(["", *words(text), ""]):
            row[zlib.crc32(" ".join(pair).encode()) % columns] += 1
    return counts


tick.predictions(
    {"es": "traducciones enteras de frases nuevas", "en": "whole translations of new sentences"},
    lambda sentences: word_pairs(translate(models["Transformer"], subwords, sentences)),
    hidden=new_sentences,
    metric="rmse",
    baseline=(
        {"es": "copiar el original", "en": "copying the source"},
        lambda sentences: word_pairs(sentences),
    ),
    share=budget(full=0.5, quick=0.75),  # hardly any sentence of the made-up language is wrong
    marks=2,
    hint={
        "es": "Se comparan las parejas de palabras seguidas con las de la traducción correcta. Si las piezas sueltas se predicen bien y esto falla, mira la caché y el haz.",
        "en": "Pairs of neighbouring words are compared with those of the right translation. If single pieces are predicted well and this fails, look at the cache and the beam.",
    },
)

# %% [markdown] lang="es"
# **Lo que mira cada cabeza.** Traduce tus propias frases cambiando `mine`, y mira los mapas de la
# atención cruzada de la última capa: tu `attention`, con las consultas y las claves del modelo.

# %% [markdown] lang="en"
# **What each head looks at.** Translate sentences of your own by changing `mine`, and look at the maps
# of the cross-attention of the last layer: your `attention`, with the model's queries and keys.

# %% role="given"
mine = test_pairs[1][0]


@torch.no_grad()
def cross_maps(model, source, inputs):
    """Return the cross-attention of each decoder layer, (H, T, S), for one sentence pair."""
    maps = []

    def look(module, args, named):
        x, keys, values, mask = signature(module.forward).bind(*args, **named).arguments.values()
        maps.append(attention(module.split(module.query(x)), keys, values, mask)[1][0].cpu())

    hooks = [
        layer.cross_attention.register_forward_pre_hook(look, with_kwargs=True)
        for layer in model.decoder
    ]
    try:
        model(source, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return maps


with once_done():
    model = models["Transformer"]
    (text,) = translate(model, subwords, [mine])
    print(f"{mine}  →  {text}")
    source_ids, written = piece_ids((mine, text), subwords)
    maps = cross_maps(
        model, *(torch.tensor([ids], device=device) for ids in (source_ids, written[:-1]))
    )
    plots.attention_heads(
        maps[-1],
        queries=subwords.pieces(written[1:]),
        keys=subwords.pieces(source_ids),
        columns=2,
    )
    plt.show()

# %% [markdown] role="question" id="q_attention" points=3 lang="es"
# **Pregunta 5.** Lee los mapas (el recurrente de la parte 1 y los de arriba; cada fila, la pieza que
# se escribe). ¿Dónde se ve el cambio de orden? ¿Hacen todas las cabezas lo mismo? ¿Es un mapa una
# explicación de por qué se eligió una palabra?
#
# ### BEGIN SOLUTION
# En el mapa recurrente, la fila del verbo inglés, que es de las primeras, mira la última palabra de
# la fuente, y el adjetivo y su nombre se cruzan: la diagonal se rompe donde cambia el orden. Las
# cabezas se reparten el trabajo: unas siguen la palabra que se traduce, otras miran el final de la
# frase o se reparten por todas, y sus papeles cambian con la semilla. Un mapa dice de dónde se
# mezclan valores en una capa, no por qué: lo que llega por cada posición ya viene mezclado por las
# capas de debajo, y hay además atajos y otras cabezas. Es una pista, no una prueba.
# ### END SOLUTION

# %% [markdown] role="question" id="q_attention" points=3 lang="en"
# **Question 5.** Read the maps (the recurrent one of part 1 and those above; each row, the piece
# being written). Where does the change of order show? Do all heads do the same? Is a map an
# explanation of why a word was chosen?
#
# ### BEGIN SOLUTION
# In the recurrent map the row of the English verb, one of the first, looks at the last word of the
# source, and the adjective and its noun cross: the diagonal breaks where the order changes. The heads
# share the work: some follow the word being translated, others look at the end of the sentence or
# spread over all of it, and their roles change with the seed. A map says where values are mixed from
# in one layer, not why: what comes by each position was mixed by the layers below, and there are
# shortcuts and other heads besides. It is a clue, not a proof.
# ### END SOLUTION
