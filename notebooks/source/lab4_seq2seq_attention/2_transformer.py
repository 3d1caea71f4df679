# %% [markdown] lang="es"
# ## 2. El Transformer, desde cero
#
# La red recurrente lee palabra a palabra, y cada una espera a la anterior. El Transformer (Vaswani
# et al., 2017) tira la recurrencia y se queda con la atención: **todas las palabras se miran entre
# sí a la vez**. Escribirás cada pieza y la compararás con la de PyTorch.
#
# El nuestro pone la normalización **antes** de cada subcapa (*pre-norm*; Xiong et al., 2020), que se
# entrena con menos mimos que el original, y comparte una única tabla de *embeddings* entre las
# dos lenguas y la salida (Press y Wolf, 2017).

# %% [markdown] lang="en"
# ## 2. The Transformer, from scratch
#
# The recurrent network reads word by word, and each waits for the one before. The Transformer
# (Vaswani et al., 2017) throws the recurrence away and keeps the attention: **all words look at one
# another at once**. You will write each piece and compare it with PyTorch's.
#
# Ours puts the normalisation **before** each sublayer (*pre-norm*; Xiong et al., 2020), which needs
# less pampering in training than the original, and shares a single embedding table between the two
# languages and the output (Press and Wolf, 2017).


# %% role="given"
def draw_stack(ax, x, sublayers, name, below, above, last=()):
    """Draw a stack of sublayers, each with its norm before and its shortcut around.

    ``last`` are the layers, (text, colour), between the final norm and what comes out.
    """
    ax.text(x, 0.2, below, ha="center", va="center", fontsize=10)
    layer = partial(box, ax, x, width=2.7, height=0.5, fontsize=9)
    norm = partial(layer, text=tr(es="norma", en="norm"), colour=5, height=0.38)
    arrow(ax, (x, 0.42), (x, 0.8))
    layer(1.05, tr(es="embedding + posiciones", en="embedding + positions"), 4)
    y = 1.3
    for text, colour in sublayers:
        arrow(ax, (x, y), (x, y + 2.15), head=False)
        norm(y + 0.65)
        layer(y + 1.3, text, colour)
        arrow(ax, (x, y + 0.22), (x - 1.75, y + 0.22), (x - 1.75, y + 1.95), (x - 0.24, y + 1.95))
        dot(ax, x, y + 1.95, "+")
        y += 2.15
    enclose(ax, x, (y + 1.5) / 2, 4.1, y - 1.26)
    ax.text(x + 2.0, 3.25, f"{name} × N", ha="right", va="center", fontsize=8)
    arrow(ax, (x, y), (x, y + 0.3))
    norm(y + 0.5)
    y += 0.69
    for text, colour in last:
        arrow(ax, (x, y), (x, y + 0.25))
        layer(y + 0.5, text, colour)
        y += 0.75
    arrow(ax, (x, y), (x, y + 0.41))
    ax.text(x, y + 0.61, above, ha="center", va="center", fontsize=10)


def draw_transformer(ax):
    """Draw the whole model: the encoder on the left, the decoder on the right."""
    blank(ax, 10.4, 10.05)
    feed = "feed-forward", 0
    draw_stack(
        ax,
        2.3,
        [(tr(es="autoatención", en="self-attention"), 1), feed],
        tr(es="capa del\ncodificador", en="encoder layer"),
        tr(es="fuente", en="source"),
        tr(es="memoria", en="memory"),
    )
    draw_stack(
        ax,
        7.9,
        [
            (tr(es="autoatención causal", en="causal self-attention"), 1),
            (tr(es="atención cruzada", en="cross-attention"), 2),
            feed,
        ],
        tr(es="capa del\ndescodificador", en="decoder layer"),
        tr(es="lo ya escrito", en="target so far"),
        tr(es="logits de la pieza siguiente", en="logits of the next piece"),
        last=[(tr(es="salida (la tabla de abajo)", en="output (the table below)"), 4)],
    )
    arrow(ax, (2.9, 6.9), (4.7, 6.9), (4.7, 4.75), (6.55, 4.75))
    passed = tr(es="claves,\nvalores", en="keys,\nvalues")
    ax.text(4.85, 5.7, passed, ha="left", va="center", fontsize=9)


with plots.style():
    draw_transformer(plt.subplots(figsize=(7.8, 7.5), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="sinusoids" lang="es"
# **Dónde está cada palabra.** La atención no ve el orden: «perro muerde hombre» y «hombre muerde
# perro» le parecen la misma bolsa. Por eso se suma a cada *embedding* un vector que depende de la
# posición. El artículo original usa ondas, de más rápidas a más lentas:
#
# $$P_{t,2i} = \sin\!\left(t / 10000^{2i/d}\right) \qquad
# P_{t,2i+1} = \cos\!\left(t / 10000^{2i/d}\right)$$
#
# Nuestro modelo **aprende** su tabla de posiciones, pero parte de estas ondas en vez de valores al
# azar.

# %% [markdown] exercise="sinusoids" lang="en"
# **Where each word stands.** Attention does not see order: “dog bites man” and “man bites dog” are
# the same bag to it. So a vector that depends on the position is added to each embedding. The
# original paper uses waves, from faster to slower:
#
# $$P_{t,2i} = \sin\!\left(t / 10000^{2i/d}\right) \qquad
# P_{t,2i+1} = \cos\!\left(t / 10000^{2i/d}\right)$$
#
# Our model **learns** its table of positions, but starts it at these waves instead of at random.


# %% role="exercise" id="sinusoids" title_es="Ondas para las posiciones" title_en="Waves for the positions" difficulty=2 minutes=8
def sinusoids(positions: int, width: int) -> Tensor:
    """Return the table of sinusoidal positions, shape (positions, width), width even."""
    ### BEGIN SOLUTION
    rates = 10_000 ** (-torch.arange(0, width, 2) / width)  # (W/2,)
    angles = torch.arange(positions)[:, None] * rates  # (P, W/2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # sin and cos alternate
    ### END SOLUTION


# %% role="check" id="sinusoids_check" points=2
tick.call(
    {"es": "posiciones sinusoidales", "en": "sinusoidal positions"},
    lambda *sizes: (list(sinusoids(*sizes).shape), tensor(sinusoids(*sizes))[-4:]),
    cases=lambda rng: [
        (positions, width)
        for positions, width in [
            (1, 4),
            (3, 2),
            (4, 2 * int(rng.integers(3, 9))),
            (int(rng.integers(600, 900)), 6),
        ]
    ],
    marks=2,
    tol=1e-4,
    hint={
        "es": "Las columnas pares son senos y las impares, cosenos, intercaladas; los dos de una pareja llevan la misma frecuencia.",
        "en": "Even columns are sines and odd ones cosines, interleaved; both of a pair have the same rate.",
    },
)

# %% role="given"
with once_done(), plots.style():
    ax = plt.subplots(figsize=(7, 2.6), layout="constrained")[1]
    ax.imshow(sinusoids(50, 64).T, aspect="auto", cmap=plots.SHADES)
    ax.set(xlabel=tr(es="posición", en="position"), ylabel=tr(es="dimensión", en="dimension"))
    plt.show()


class Embedding(nn.Module):
    """Token embeddings plus learned positions, which start as sinusoids."""

    def __init__(self, vocabulary: int, width: int, positions: int, dropout: float):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.dropout = Dropout(dropout)

    def forward(self, ids: Tensor, start: int = 0) -> Tensor:
        """Return the vectors (B, T, W) of ids (B, T) that stand at ``start`` and after."""
        end, room = start + ids.shape[1], self.positions.num_embeddings
        if end > room:
            raise ValueError(
                tr(
                    es=f"una frase necesita {end} posiciones y el modelo tiene {room}; "
                    "se esperaba una más corta: pártela en varias.",
                    en=f"a sentence needs {end} positions and the model has {room}; "
                    "expected a shorter one: split it into sentences.",
                )
            )
        where = self.positions.weight[start:end]  # (T, W)
        # tokens start at N(0, 1/W), so that they can be the output's weights; here they need size
        return self.dropout(math.sqrt(where.shape[-1]) * self.tokens(ids) + where)


# %% [markdown] exercise="masks" lang="es"
# **Quién puede mirar a quién.** Dos máscaras booleanas, `True` donde **sí** se puede mirar:
#
# - de **relleno**, (B, 1, 1, S): nadie mira las posiciones que solo completan el lote;
# - **causal**, (T, T): la posición $t$ mira a la $t$ y a las anteriores, nunca al futuro, que es
#   justo lo que tiene que adivinar.
#
# Los ejes de longitud 1 están para que la máscara se repita en cada cabeza y en cada consulta.

# %% [markdown] exercise="masks" lang="en"
# **Who may look at whom.** Two boolean masks, `True` where looking **is** allowed:
#
# - for **padding**, (B, 1, 1, S): nobody looks at positions that only fill up the batch;
# - **causal**, (T, T): position $t$ looks at $t$ and at those before, never at the future, which is
#   just what it has to guess.
#
# The axes of length 1 let the mask repeat over the heads and over the queries.


# %% role="exercise" id="masks" title_es="Las dos máscaras" title_en="The two masks" difficulty=1 minutes=6
def padding_mask(ids: Tensor) -> Tensor:
    """Return a mask (B, 1, 1, S), True where ids (B, S) are not PAD."""
    ### BEGIN SOLUTION
    return (ids != PAD)[:, None, None]
    ### END SOLUTION


def causal_mask(length: int) -> Tensor:
    """Return a mask (T, T): row t is True up to column t."""
    ### BEGIN SOLUTION
    return torch.ones(length, length, dtype=torch.bool).tril()
    ### END SOLUTION


# %% role="check" id="masks_check" points=4
tick.call(
    {"es": "máscara de relleno", "en": "padding mask"},
    lambda ids: tensor(padding_mask(torch.from_numpy(ids).to(device)), torch.bool),
    cases=lambda rng: [
        (rng.permuted(np.tile([UNK, PAD, SOS, EOS, 7], (2, 1)), axis=1),),
        (np.array([[PAD], [UNK], [7]])[rng.permutation(3)],),
    ],
    marks=2,
    hint={
        "es": "Booleana, de forma (B, 1, 1, S), y True quiere decir «hay una palabra»; <unk>, el 0, también lo es.",
        "en": "Boolean, of shape (B, 1, 1, S), and True means “there is a word”; <unk>, which is 0, is one, too.",
    },
)
tick.call(
    {"es": "máscara causal", "en": "causal mask"},
    lambda length: tensor(causal_mask(length), torch.bool),
    cases=lambda rng: [(1,), (int(rng.integers(4, 9)),)],
    marks=2,
    hint={
        "es": "Booleana. Filas: consultas. Columnas: claves. ¿Puede la primera fila ver algo más que la primera columna? ¿Se ve cada posición a sí misma?",
        "en": "Boolean. Rows are queries, columns keys. Can the first row see more than the first column? Does each position see itself?",
    },
)

# %% [markdown] exercise="attention" lang="es"
# **El corazón.** Atención por producto escalar:
#
# $$\mathrm{Atención}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# con $-\infty$ donde la máscara es `False`, antes de la softmax. Si las componentes de $q$ y $k$ son
# independientes, de media 0 y varianza 1, su producto tiene varianza $d$: dividir por $\sqrt{d}$ la
# devuelve a 1. Sin eso, con $d$ grande, la softmax se satura y deja pasar muy poco gradiente. Vale
# para tensores con cualquier número de ejes delante; devuelve también los pesos.

# %% [markdown] exercise="attention" lang="en"
# **The heart.** Scaled dot-product attention:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# with $-\infty$ where the mask is `False`, before the softmax. If the components of $q$ and $k$ are
# independent, with mean 0 and variance 1, their product has variance $d$: dividing by $\sqrt{d}$
# brings it back to 1. Without it, when $d$ is large, the softmax saturates and lets very little
# gradient through. It works with any number of axes in front; return the weights, too.


# %% role="exercise" id="attention" title_es="Atención por producto escalar" title_en="Scaled dot-product attention" difficulty=2 minutes=12
def attention(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the context (..., T, D) and the weights (..., T, S).

    ``queries`` is (..., T, D), ``keys`` and ``values`` (..., S, D); ``mask`` broadcasts to
    (..., T, S) and is True where a query may look.
    """
    ### BEGIN SOLUTION
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])  # (..., T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ values, weights
    ### END SOLUTION


# %% role="check" id="attention_check" points=4
def attention_case(seed, front, steps, length, masked):
    """Run the attention on drawn tensors with these axes in front, such as (B, H)."""
    rng = np.random.default_rng(seed)
    queries, keys, values = tensors(rng, (*front, steps, 4), *[(*front, length, 4)] * 2)
    mask = None
    if masked:  # one for each sentence, or one for each query
        mask = drawn_mask(rng, front[0] if front else steps, length)
        mask = mask.reshape(len(mask), *[1] * len(front), length)
    context, weights = map(tensor, attention(queries, keys, values, mask))
    theirs = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    with torch.autocast(device.type, torch.float16):
        coarse = attention(queries, keys, values, mask)[0]
    return {
        "context": context,
        "weights": weights,
        "rows add up to 1": bool((weights.sum(-1) - 1).abs().max() < 1e-5),
        "as PyTorch's": bool((context - theirs).abs().max() < 1e-5),
        "nearly the same in 16 bits": bool((coarse - context).abs().max() < 0.02),
    }


tick.call(
    {"es": "atención sin máscara", "en": "attention without a mask"},
    lambda *case: attention_case(*case, masked=False),
    cases=lambda rng: [
        (int(rng.integers(10**6)), *sizes) for sizes in [((2, 3), 3, 5), ((2,), 4, 4), ((), 1, 2)]
    ],
    marks=2,
    hint={
        "es": "Suman 1 los pesos de cada consulta: la softmax va sobre las claves, el último eje. ¿Divides por la raíz de D, el tamaño de una consulta?",
        "en": "The weights of each query add up to 1: the softmax is over the keys, the last axis. Do you divide by the root of D, the size of a query?",
    },
)
tick.call(
    {"es": "atención con máscara", "en": "attention with a mask"},
    lambda *case: attention_case(*case, masked=True),
    cases=lambda rng: [
        (int(rng.integers(10**6)), *sizes) for sizes in [((2, 3), 3, 6), ((4,), 2, 2), ((), 4, 4)]
    ],
    marks=2,
    hint={
        "es": "La máscara se aplica a las puntuaciones, antes de la softmax, y con −∞: ni con 0, que también pesa, ni con −1e9, que no cabe en 16 bits. Los pesos son los de después.",
        "en": "The mask applies to the scores, before the softmax, and with −∞: not with 0, which weighs, too, nor with −1e9, which does not fit into 16 bits. The weights are those after it.",
    },
)

# %% [markdown] exercise="multi_head" lang="es"
# **Varias cabezas.** Una sola atención hace una sola mezcla. Con $H$ cabezas, cada una trabaja en su
# propio trozo de $d/H$ dimensiones: una puede buscar el sujeto mientras otra mira la palabra
# anterior. Se proyecta, se parte, se atiende en paralelo, se vuelve a juntar y se proyecta:
#
# $$\mathrm{cabeza}_h = \mathrm{Atención}(X W^Q_h,\, M W^K_h,\, M W^V_h) \qquad
# [\mathrm{cabeza}_1; \dots; \mathrm{cabeza}_H]\,W^O$$
#
# `split` lleva (B, T, W) a (B, H, T, W/H), con cada cabeza en columnas **contiguas**. A partir de
# aquí usamos `attend`, que da lo mismo que tu `attention`, como acabas de comprobar, sin guardar
# la matriz de pesos; tu función volverá para dibujar los mapas.

# %% [markdown] exercise="multi_head" lang="en"
# **Several heads.** One attention makes one mixture. With $H$ heads, each works on its own share of
# $d/H$ dimensions: one can look for the subject while another looks at the word before. Project,
# split, attend in parallel, put together again, and project:
#
# $$\mathrm{head}_h = \mathrm{Attention}(X W^Q_h,\, M W^K_h,\, M W^V_h) \qquad
# [\mathrm{head}_1; \dots; \mathrm{head}_H]\,W^O$$
#
# `split` takes (B, T, W) to (B, H, T, W/H), each head in **adjacent** columns. From here on we use
# `attend`, which gives what your `attention` gives, as you have just seen, without keeping the
# matrix of weights; your function will be back to draw the maps.


# %% role="exercise" id="multi_head" title_es="Atención de varias cabezas" title_en="Multi-head attention" difficulty=2 minutes=15
class MultiHeadAttention(nn.Module):
    """Attention of several heads, each in its share of the dimensions."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """Return x (B, T, W) as (B, H, T, W/H)."""
        ### BEGIN SOLUTION
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        ### END SOLUTION

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values (B, H, S, W/H) of what is looked at, memory (B, S, W)."""
        ### BEGIN SOLUTION
        return self.split(self.key(memory)), self.split(self.value(memory))
        ### END SOLUTION

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return what x (B, T, W) sees in keys and values (B, H, S, W/H), shape (B, T, W).

        ``mask`` broadcasts to (B, H, T, S) and is True where x may look.
        """
        ### BEGIN SOLUTION
        context = attend(self.split(self.query(x)), keys, values, mask)  # (B, H, T, W/H)
        return self.output(context.transpose(1, 2).flatten(2))
        ### END SOLUTION


# %% role="check" id="multi_head_check" points=4
@torch.no_grad()
def copied_attention(ours, theirs):
    """Copy the weights of our attention into an ``nn.MultiheadAttention``."""
    inputs = [ours.query, ours.key, ours.value]
    if any(layer.bias is None for layer in (*inputs, ours.output)):
        raise ValueError(
            tr(
                es="las cuatro capas lineales llevan sesgo: deja __init__ como estaba",
                en="the four linear layers have a bias: leave __init__ as it was",
            )
        )
    theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in inputs]))
    theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in inputs]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


@torch.no_grad()
def multi_head_case(seed, steps, length, masked):
    """Compare ours with PyTorch's on two drawn sentences."""
    rng = np.random.default_rng(seed)
    ours, theirs = (
        drawn(MultiHeadAttention(12, 3), seed),
        nn.MultiheadAttention(12, 3, batch_first=True, device=device),
    )
    copied_attention(ours, theirs)
    x, memory = tensors(rng, (2, steps, 12), (2, length, 12))
    mask = drawn_mask(rng, 2, length) if masked else None
    keys, values = map(tensor, ours.keys_values(memory))
    seen = tensor(ours(x, keys, values, mask[:, None, None] if masked else None))
    expected, _ = theirs(x, memory, memory, key_padding_mask=~mask if masked else None)
    return seen, bool((seen - expected).abs().max() < 1e-5)


tick.call(
    {"es": "reparto en cabezas", "en": "splitting into heads"},
    lambda seed, heads, steps: tensor(
        MultiHeadAttention(4 * heads, heads).split(
            tensors(np.random.default_rng(seed), (2, steps, 4 * heads))[0]
        )
    ),
    cases=lambda rng: [
        (int(rng.integers(10**6)), heads, steps) for heads, steps in [(1, 5), (3, 3), (4, 4)]
    ],
    marks=2,
    hint={
        "es": "Parte el último eje en (H, W/H) y después cambia de sitio los ejes: un reshape directo a (B, H, T, W/H) mezcla palabras.",
        "en": "Split the last axis into (H, W/H) and then move the axes: reshaping straight to (B, H, T, W/H) mixes up words.",
    },
)
tick.call(
    {
        "es": "atención de varias cabezas, como nn.MultiheadAttention",
        "en": "multi-head attention, as nn.MultiheadAttention",
    },
    lambda *case: multi_head_case(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), *case) for case in [(3, 5, True), (1, 4, True), (3, 3, False)]
    ],
    marks=2,
    hint={
        "es": "Las consultas salen de x; claves y valores, de la memoria. Para juntar las cabezas, deshaz split al revés: primero los ejes, luego aplanar.",
        "en": "Queries come from x; keys and values from the memory. To put the heads together undo split backwards: axes first, then flatten.",
    },
)

# %% [markdown] exercise="encoder_layer" lang="es"
# **Una capa del codificador.** Dos subcapas, cada una con su normalización antes y un atajo que la
# rodea:
#
# $$x \leftarrow x + \mathrm{dropout}(\mathrm{atención}(\mathrm{norm}_0(x))) \qquad
# x \leftarrow x + \mathrm{dropout}(\mathrm{FF}(\mathrm{norm}_1(x)))$$
#
# Gracias a los atajos el gradiente llega entero a la primera capa. En la autoatención, consultas,
# claves y valores salen todos de la misma $\mathrm{norm}_0(x)$.

# %% [markdown] exercise="encoder_layer" lang="en"
# **A layer of the encoder.** Two sublayers, each with its normalisation before and a shortcut around
# it:
#
# $$x \leftarrow x + \mathrm{dropout}(\mathrm{attention}(\mathrm{norm}_0(x))) \qquad
# x \leftarrow x + \mathrm{dropout}(\mathrm{FF}(\mathrm{norm}_1(x)))$$
#
# Thanks to the shortcuts the gradient reaches the first layer whole. In self-attention, queries,
# keys and values all come from the same $\mathrm{norm}_0(x)$.


# %% role="exercise" id="encoder_layer" title_es="Capa del codificador" title_en="Encoder layer" difficulty=2 minutes=12
class FeedForward(nn.Sequential):
    """Two linear layers, applied to each position on its own."""

    def __init__(self, width: int, units: int, dropout: float):
        super().__init__(
            nn.Linear(width, units), nn.ReLU(), Dropout(dropout), nn.Linear(units, width)
        )


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each with a norm before and a shortcut around."""

    def __init__(self, width: int, heads: int, units: int, dropout: float):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward = FeedForward(width, units, dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return x (B, S, W) after the layer; ``mask`` is the padding mask (B, 1, 1, S)."""
        ### BEGIN SOLUTION
        inner = self.norms[0](x)
        keys, values = self.attention.keys_values(inner)
        x = x + self.dropout(self.attention(inner, keys, values, mask))
        return x + self.dropout(self.feed_forward(self.norms[1](x)))
        ### END SOLUTION


# %% role="check" id="encoder_layer_check" points=4
@torch.no_grad()
def copied_layer(ours, theirs, attentions):
    """Copy our layer's weights into PyTorch's; ``attentions`` pairs the names of the attentions."""
    for mine, its in attentions.items():
        copied_attention(getattr(ours, mine), getattr(theirs, its))
    theirs.linear1.load_state_dict(ours.feed_forward[0].state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward[3].state_dict())
    for number, norm in enumerate(ours.norms, start=1):
        getattr(theirs, f"norm{number}").load_state_dict(norm.state_dict())
    return theirs.to(device).eval()


TOY = {"d_model": 12, "nhead": 3, "dim_feedforward": 20, "norm_first": True, "batch_first": True}


@torch.no_grad()
def encoder_case(seed, length):
    """Compare our encoder layer with PyTorch's on two drawn sentences."""
    rng = np.random.default_rng(seed)
    ours = drawn(EncoderLayer(12, 3, 20, dropout=0.1), seed)
    theirs = copied_layer(ours, nn.TransformerEncoderLayer(**TOY), {"attention": "self_attn"})
    (x,), mask = tensors(rng, (2, length, 12)), drawn_mask(rng, 2, length)
    seen = tensor(ours(x, mask[:, None, None]))
    apart = (seen - theirs(x, src_key_padding_mask=~mask))[mask]  # padding may hold anything
    return seen[mask], bool(apart.abs().max() < 1e-5)


@torch.no_grad()
def encoder_dropout(seed, length):
    """Run a drawn layer in training, where its dropouts let nothing through."""
    layer = drawn(EncoderLayer(12, 3, 20, dropout=1.0), seed).train()
    (x,) = tensors(np.random.default_rng(seed), (2, length, 12))
    return tensor(layer(x, torch.ones(2, 1, 1, length, dtype=torch.bool, device=device)))


tick.call(
    {
        "es": "capa del codificador, como nn.TransformerEncoderLayer",
        "en": "encoder layer, as nn.TransformerEncoderLayer",
    },
    lambda *case: encoder_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), length) for length in (1, 4, 6)],
    marks=3,
    hint={
        "es": "El atajo suma la x de antes de normalizar. ¿Llega la máscara a la atención? ¿Usa la segunda subcapa la x nueva?",
        "en": "The shortcut adds x as it was before the norm. Does the mask reach the attention? Does the second sublayer use the new x?",
    },
)
tick.call(
    {"es": "capa del codificador: dropout", "en": "encoder layer: dropout"},
    lambda *case: encoder_dropout(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), length) for length in (1, 4)],
    marks=1,
    hint={
        "es": "Con un dropout que lo borra todo solo quedan los atajos. El dropout va sobre lo que sale de cada subcapa, antes de sumarlo a x: dos veces, y nunca sobre la suma.",
        "en": "With a dropout that deletes everything only the shortcuts are left. Dropout goes on what comes out of each sublayer, before it is added to x: twice, and never on the sum.",
    },
)

# %% [markdown] exercise="decoder_layer" lang="es"
# **Una capa del descodificador.** Tres subcapas: autoatención **causal** sobre lo ya escrito,
# atención **cruzada** (consultas del descodificador; claves y valores de la memoria del
# codificador, que ya viene normalizada) y *feed-forward*.

# %% [markdown] exercise="decoder_layer" lang="en"
# **A layer of the decoder.** Three sublayers: **causal** self-attention over what is written,
# **cross**-attention (queries from the decoder; keys and values from the encoder's memory, which is
# normalised already), and feed-forward.


# %% role="exercise" id="decoder_layer" title_es="Capa del descodificador" title_en="Decoder layer" difficulty=2 minutes=12
class DecoderLayer(nn.Module):
    """Causal self-attention, cross-attention and feed-forward."""

    def __init__(self, width: int, heads: int, units: int, dropout: float):
        super().__init__()
        self.self_attention = MultiHeadAttention(width, heads)
        self.cross_attention = MultiHeadAttention(width, heads)
        self.feed_forward = FeedForward(width, units, dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(3)])
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, source_mask: Tensor, mask: Tensor) -> Tensor:
        """Return x (B, T, W) after the layer.

        ``memory`` (B, S, W) and ``source_mask`` (B, 1, 1, S) come from the encoder; ``mask`` is
        the causal mask (T, T).
        """
        ### BEGIN SOLUTION
        inner = self.norms[0](x)
        keys, values = self.self_attention.keys_values(inner)
        x = x + self.dropout(self.self_attention(inner, keys, values, mask))
        keys, values = self.cross_attention.keys_values(memory)
        x = x + self.dropout(self.cross_attention(self.norms[1](x), keys, values, source_mask))
        return x + self.dropout(self.feed_forward(self.norms[2](x)))
        ### END SOLUTION


# %% role="check" id="decoder_layer_check" points=5
@torch.no_grad()
def decoder_case(seed, steps, length):
    """Compare our decoder layer with PyTorch's on two drawn sentences; all may look at all."""
    rng = np.random.default_rng(seed)
    ours = drawn(DecoderLayer(12, 3, 20, dropout=0.1), seed)
    names = {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
    theirs = copied_layer(ours, nn.TransformerDecoderLayer(**TOY), names)
    x, memory = tensors(rng, (2, steps, 12), (2, length, 12))
    mask = drawn_mask(rng, 2, length)
    allowed = torch.ones(steps, steps, dtype=torch.bool, device=device)
    seen = tensor(ours(x, memory, mask[:, None, None], allowed))
    expected = theirs(x, memory, memory_key_padding_mask=~mask)
    return seen, bool((seen - expected).abs().max() < 1e-5)


@torch.no_grad()
def decoder_dropout(seed, steps):
    """Run a drawn layer in training, where its dropouts let nothing through."""
    layer = drawn(DecoderLayer(12, 3, 20, dropout=1.0), seed).train()
    x, memory = tensors(np.random.default_rng(seed), (2, steps, 12), (2, 4, 12))
    source_mask = torch.ones(2, 1, 1, 4, dtype=torch.bool, device=device)
    allowed = torch.ones(steps, steps, dtype=torch.bool, device=device).tril()
    return tensor(layer(x, memory, source_mask, allowed))


@torch.no_grad()
def decoder_looks_ahead(seed, steps, positions):
    """Return, for each position whose input is changed, the first output that changes with it."""
    rng = np.random.default_rng(seed)
    ours = drawn(DecoderLayer(12, 3, 20, dropout=0.1), seed)
    x, other, memory = tensors(rng, (1, steps, 12), (1, steps, 12), (1, 4, 12))
    source_mask = torch.ones(1, 1, 1, 4, dtype=torch.bool, device=device)
    allowed = torch.ones(steps, steps, dtype=torch.bool, device=device).tril()
    seen, first = ours(x, memory, source_mask, allowed), []
    for position in positions:
        changed = x.clone()
        changed[:, position] = other[:, position]
        moved = (ours(changed, memory, source_mask, allowed) - seen).abs().amax(dim=(0, 2)) > 1e-5
        first.append(int(moved.nonzero()[0]) if moved.any() else None)
    return first


tick.call(
    {
        "es": "capa del descodificador, como nn.TransformerDecoderLayer",
        "en": "decoder layer, as nn.TransformerDecoderLayer",
    },
    lambda *case: decoder_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5), (int(rng.integers(10**6)), 1, 2)],
    marks=2,
    hint={
        "es": "Una norma para cada subcapa, en orden. En la cruzada, claves y valores salen de la memoria, y la máscara es la de la fuente.",
        "en": "A norm for each sublayer, in order. In cross-attention keys and values come from the memory, and the mask is the source's.",
    },
)
tick.call(
    {"es": "capa del descodificador: dropout", "en": "decoder layer: dropout"},
    lambda *case: decoder_dropout(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), steps) for steps in (1, 4)],
    marks=1,
    hint={
        "es": "Como en el codificador, pero tres veces: sobre lo que sale de cada subcapa, antes de sumarlo.",
        "en": "As in the encoder, but three times: on what comes out of each sublayer, before it is added.",
    },
)
tick.call(
    {"es": "el futuro no se ve", "en": "the future is out of sight"},
    lambda *case: decoder_looks_ahead(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), steps, rng.permutation(steps).tolist()) for steps in (3, 7)
    ],
    marks=2,
    hint={
        "es": "Al cambiar las últimas palabras han cambiado salidas anteriores: la máscara causal no llega a la autoatención.",
        "en": "Changing the last words changed earlier outputs: the causal mask does not reach the self-attention.",
    },
)

# %% [markdown] exercise="transformer" lang="es"
# **Todo junto.** `encode` lee la fuente y devuelve la memoria y su máscara; `decode` lee lo escrito
# y devuelve los logits de la pieza siguiente, en cada posición. No olvides la última normalización
# de cada pila: `encoder_norm` y `decoder_norm`.
#
# La capa de salida usa **la misma matriz** que los *embeddings*: la puntuación de una pieza es el
# producto del estado por el vector de esa pieza.

# %% [markdown] exercise="transformer" lang="en"
# **All together.** `encode` reads the source and returns the memory and its mask; `decode` reads
# what is written and returns the logits of the next piece, at each position. Do not forget the last
# normalisation of each stack: `encoder_norm` and `decoder_norm`.
#
# The output layer uses **the same matrix** as the embeddings: the score of a piece is the product of
# the state and the vector of that piece.


# %% role="exercise" id="transformer" title_es="El Transformer" title_en="The Transformer" difficulty=2 minutes=15
@dataclass(frozen=True)
class Config:
    """What a model is made of and how it is trained."""

    vocabulary: int = 8000  # pieces, shared by both languages
    width: int = 256
    heads: int = 8
    layers: int = 3  # of the encoder, and as many of the decoder
    units: int = 512  # of the feed-forward layers
    positions: int = 100  # the longest sentence, in pieces
    dropout: float = 0.15
    tokens: int = 1024  # in a batch, padding included
    epochs: int = 10
    warmup: int = 800  # steps
    averaged: int = 4  # epochs whose weights are averaged at the end
    smoothing: float = 0.1


class Transformer(nn.Module):
    """An encoder and a decoder that share their embeddings with the output."""

    def __init__(self, config: Config):
        super().__init__()
        parts = config.width, config.heads, config.units, config.dropout
        self.embedding = Embedding(
            config.vocabulary, config.width, config.positions, config.dropout
        )
        self.encoder = nn.ModuleList([EncoderLayer(*parts) for _ in range(config.layers)])
        self.decoder = nn.ModuleList([DecoderLayer(*parts) for _ in range(config.layers)])
        self.encoder_norm = nn.LayerNorm(config.width)
        self.decoder_norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, config.vocabulary, bias=False)
        self.output.weight = self.embedding.tokens.weight

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Return the memory (B, S, W) of sources (B, S), and their mask (B, 1, 1, S)."""
        ### BEGIN SOLUTION
        mask = padding_mask(source)
        x = self.embedding(source)
        for layer in self.encoder:
            x = layer(x, mask)
        return self.encoder_norm(x), mask
        ### END SOLUTION

    def decode(self, inputs: Tensor, memory: Tensor, source_mask: Tensor) -> Tensor:
        """Return the logits (B, T, V) after each of the inputs (B, T)."""
        ### BEGIN SOLUTION
        mask = causal_mask(inputs.shape[1]).to(inputs.device)
        x = self.embedding(inputs)
        for layer in self.decoder:
            x = layer(x, memory, source_mask, mask)
        return self.output(self.decoder_norm(x))
        ### END SOLUTION

    def forward(self, source: Tensor, inputs: Tensor) -> Tensor:
        """Return the logits (B, T, V) of sources (B, S) after each of the inputs (B, T)."""
        return self.decode(inputs, *self.encode(source))


# %% role="check" id="transformer_check" points=4
TINY = Config(vocabulary=20, width=8, heads=2, layers=2, units=12, positions=16)


def drawn_ids(rng, rows, length):
    """Draw ids of real pieces."""
    return torch.from_numpy(rng.integers(4, TINY.vocabulary, size=(rows, length))).to(device)


def look(x, memory, mask):
    """Return x after a shortcut around an attention without weights."""
    parts = (part[:, None] for part in (x, memory, memory))
    return x + functional.scaled_dot_product_attention(*parts, attn_mask=mask)[:, 0]


def simple_transformer(seed):
    """Return a small drawn model with layers so simple that only what is around them counts."""

    def simple_encoder(layer, x, mask):
        return layer.norms[0](look(x, x, mask))

    def simple_decoder(layer, x, memory, source_mask, mask):
        return layer.norms[0](look(look(x, x, mask), memory, source_mask))

    model = drawn(Transformer(TINY), seed)
    for stack, simple in [(model.encoder, simple_encoder), (model.decoder, simple_decoder)]:
        for layer in stack:
            layer.forward = partial(simple, layer)
    return model


@torch.no_grad()
def transformer_case(seed, steps, length):
    """Run a small model; return its logits, and their shape on a device without values."""
    rng = np.random.default_rng(seed)
    model = simple_transformer(seed)
    source, inputs = drawn_ids(rng, 2, length), drawn_ids(rng, 2, steps)
    logits = tensor(model(source, inputs))
    memory, mask = model.encode(source)
    nowhere = torch.device("meta")
    try:
        with patch.dict(Transformer.decode.__globals__, device=nowhere):
            given = (part.to(nowhere) for part in (inputs, memory, mask))
            shape = model.to(nowhere).decode(*given).shape
    except (RuntimeError, NotImplementedError) as error:
        raise RuntimeError(
            tr(
                es="decode falla cuando el modelo está en otro dispositivo, como una GPU: lleva "
                "la máscara causal al de inputs",
                en="decode fails when the model is on another device, such as a GPU: take the "
                "causal mask to that of inputs",
            )
        ) from error
    return logits, list(shape)


@torch.no_grad()
def padding_changes(seed, length, extras):
    """Return, for padding or words that follow a sentence, whether its logits change with them."""
    rng = np.random.default_rng(seed)
    model = simple_transformer(seed)
    source, inputs = drawn_ids(rng, 1, length), drawn_ids(rng, 1, 4)
    wider = [functional.pad(source, (0, 2), value=extra) for extra in extras]
    logits = model(source, inputs)
    return [bool((model(one, inputs) - logits).abs().max() > 1e-5) for one in wider]


tick.call(
    "Transformer: logits",
    lambda *case: transformer_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5), (int(rng.integers(10**6)), 6, 2)],
    marks=2,
    hint={
        "es": "¿Recorres todas las capas? ¿Pasas por encoder_norm y decoder_norm al final? La máscara causal tiene el tamaño de inputs.",
        "en": "Do you go through all the layers? Through encoder_norm and decoder_norm at the end? The causal mask has the size of inputs.",
    },
)
tick.call(
    {"es": "el relleno no cambia nada", "en": "padding changes nothing"},
    lambda *case: padding_changes(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), 5, rng.permutation([PAD, 5] * 5).tolist()) for _ in range(2)
    ],
    marks=2,
    hint={
        "es": "Al añadir relleno a la fuente han cambiado los logits: la máscara de relleno falta en el codificador o en la atención cruzada.",
        "en": "Adding padding to the source changed the logits: the padding mask is missing in the encoder or in the cross-attention.",
    },
)

# %% [markdown] exercise="parameters" lang="es"
# **¿Cuánto pesa?** Un modelo de manual para Multi30k: palabras enteras (7853 alemanas y 5893
# inglesas), $d = 256$, 3 + 3 capas, 512 unidades y 100 posiciones, con tablas **separadas** para
# fuente, destino y salida (esta, con sesgo) y sin normas finales. Cuenta sus parámetros con tus
# piezas; el dispositivo `meta` las construye sin gastar memoria. Deben salir 9 038 341.

# %% [markdown] exercise="parameters" lang="en"
# **How heavy is it?** A schoolbook model for Multi30k: whole words (7853 German and 5893 English
# ones), $d = 256$, 3 + 3 layers, 512 units and 100 positions, with **separate** tables for source,
# target and output (the last one with a bias), and no final norms. Count its parameters with your
# pieces; the `meta` device builds them without spending memory. It must give 9 038 341.


# %% role="exercise" id="parameters" title_es="Contar parámetros" title_en="Counting parameters" difficulty=1 minutes=8
def count_parameters(module: nn.Module) -> int:
    """Return how many numbers a module learns."""
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in module.parameters())
    ### END SOLUTION


def schoolbook_model(config: Config, source_size: int, target_size: int) -> nn.Module:
    """Return all the pieces of the schoolbook model, in an ``nn.ModuleList``."""
    ### BEGIN SOLUTION
    parts = config.width, config.heads, config.units, config.dropout
    return nn.ModuleList(
        [
            Embedding(source_size, config.width, config.positions, config.dropout),
            Embedding(target_size, config.width, config.positions, config.dropout),
            *[EncoderLayer(*parts) for _ in range(config.layers)],
            *[DecoderLayer(*parts) for _ in range(config.layers)],
            nn.Linear(config.width, target_size),
        ]
    )
    ### END SOLUTION


# %% role="check" id="parameters_check" points=2
def schoolbook_parameters(source_size, target_size, **sizes):
    """Count the parameters of the schoolbook model."""
    with torch.device("meta"):
        return count_parameters(schoolbook_model(Config(**sizes), source_size, target_size))


def shared_parameters(rows, columns):
    """Count those of a module with two layers that share their weights, and a buffer."""
    pair = nn.ModuleList([nn.Linear(columns, rows), nn.Linear(columns, rows), nn.BatchNorm1d(rows)])
    pair[1].weight = pair[0].weight
    return count_parameters(pair)


tick.call(
    {"es": "parámetros del modelo de manual", "en": "parameters of the schoolbook model"},
    lambda *sizes: [
        schoolbook_parameters(*sizes[:2], layers=sizes[2], width=sizes[3], units=sizes[4]),
        shared_parameters(*sizes[3:]),
    ],
    cases=lambda rng: [
        (7853, 5893, 3, 256, 512),
        (int(rng.integers(99, 999)), int(rng.integers(99, 999)), 1, 64, int(rng.integers(9, 99))),
    ],
    marks=2,
    hint={
        "es": "Dos Embedding (cada uno con sus posiciones), las capas y una salida con sesgo. ¿Cuántos de esos 9 038 341 no son de las capas? Y una matriz que usan dos capas se aprende, y se cuenta, una vez.",
        "en": "Two Embeddings (each with its positions), the layers, and an output with a bias. How many of those 9 038 341 are not in the layers? And a matrix that two layers use is learnt, and counted, once.",
    },
)

# %% role="given"
with once_done(), torch.device("meta"):
    ours = Transformer(Config())
    for name, module in [
        (tr(es="embeddings y salida", en="embeddings and output"), ours.embedding),
        (tr(es="codificador", en="encoder"), ours.encoder),
        (tr(es="descodificador", en="decoder"), ours.decoder),
        (tr(es="modelo entero", en="whole model"), ours),
    ]:
        print(f"{name:<22} {count_parameters(module):>9}")
    name = tr(es="modelo de manual", en="schoolbook model")
    print(f"{name:<22} {schoolbook_parameters(7853, 5893):>9}")

# %% [markdown] role="question" id="q_parameters" points=2 lang="es"
# **Pregunta 1.** Compara los números de arriba: ¿dónde están los parámetros en cada modelo? ¿Qué
# ahorra compartir la tabla? En un paso, ¿qué filas mueve el gradiente en una tabla de entrada, en la
# de salida y en la compartida?
#
# ### BEGIN SOLUTION
# En el de manual, más de la mitad (5.1 de 9.0 millones) son tablas de palabras y la salida; las
# capas, que hacen el trabajo, son 4.0. El nuestro tiene las mismas capas y una sola tabla de 2.0
# millones: 6.0 en total. En una tabla de entrada el gradiente solo llega a las filas de las palabras
# que se leen, y con 29 000 frases la mayoría sale muy poco. En la de salida llega a todas: la softmax
# sube la pieza correcta y baja las demás. En la compartida también se mueven todas en cada paso, y
# la fila de una pieza rara aprende además de cuando se lee en cualquiera de las dos lenguas. Con los
# mismos datos hay menos números que estimar, lo que suele reducir el sobreajuste.
# ### END SOLUTION

# %% [markdown] role="question" id="q_parameters" points=2 lang="en"
# **Question 1.** Compare the numbers above: where are the parameters in each model? What does
# sharing the table save? In one step, which rows does the gradient move in an input table, in the
# output's, and in the shared one?
#
# ### BEGIN SOLUTION
# In the schoolbook model more than half (5.1 of 9.0 million) are word tables and the output; the
# layers, which do the work, are 4.0. Ours has the same layers and a single table of 2.0 million: 6.0
# in all. In an input table the gradient reaches only the rows of the words that are read, and in
# 29 000 sentences most come up very little. In the output's it reaches all of them: the softmax pushes
# the right piece up and all others down. In the shared one all rows move in every step, too, and that
# of a rare piece also learns whenever it is read in either language. There are fewer numbers to
# estimate from the same data, which tends to reduce overfitting.
# ### END SOLUTION
