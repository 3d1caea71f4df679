# %% [markdown] lang="es"
# ## Del alemán al inglés
#
# *Ein Hund rennt am Strand*: «A dog runs on the beach». Traducir es leer una frase entera y escribir
# otra, con otras palabras, en otro orden y de otra longitud. Hoy construyes la máquina que lo hace,
# pieza a pieza, hasta llegar a la que cambió el oficio: el **Transformer**.
#
# | | Parte | Al terminar tendrás |
# |---|---|---|
# | 1 | Recurrente con atención | un traductor que señala qué palabra está leyendo |
# | 2 | El Transformer desde cero | cada pieza, idéntica a la de PyTorch |
# | 3 | Entrenarlo | pérdida, perplejidad y unos pesos que promediar |
# | 4 | Traducir | búsqueda voraz, caché y haz, y mapas de atención |
# | 5 | BLEU | una nota, calculada a mano, y sus trampas |
#
# **Cómo se trabaja.** Ejecuta las celdas en orden. En cada ejercicio sustituye la línea
# `raise NotImplementedError(...)` por tu código y ejecuta la comprobación de debajo. Se puntúan por
# separado: si uno se te atraganta, sigue. Una línea con ⏳ dice qué ejercicio está esperando esa
# celda. En el perfil `full` se traduce de verdad, con Multi30k (29 000 descripciones de fotos), y
# el entrenamiento tarda unos veinte minutos en dos núcleos sin GPU; si se interrumpe, al volver a
# ejecutar sigue donde estaba. El perfil `quick` usa un idioma inventado y tarda menos de un minuto.

# %% [markdown] lang="en"
# ## From German to English
#
# *Ein Hund rennt am Strand*: “A dog runs on the beach”. To translate is to read a whole sentence and
# write another, with other words, in another order and of another length. Today you build the
# machine that does it, piece by piece, up to the one that changed the trade: the **Transformer**.
#
# | | Part | At the end you have |
# |---|---|---|
# | 1 | Recurrent with attention | a translator that points at the word it is reading |
# | 2 | The Transformer from scratch | every piece, identical to PyTorch's |
# | 3 | Training it | loss, perplexity, and weights to average |
# | 4 | Translating | greedy search, cache and beam, and attention maps |
# | 5 | BLEU | a mark, computed by hand, and its pitfalls |
#
# **How to work.** Run the cells in order. In each exercise replace the line
# `raise NotImplementedError(...)` with your code and run the check below it. Each is marked on its
# own: if one resists, go on. A line with ⏳ says which exercise that cell is waiting for. In the
# `full` profile you translate for real, on Multi30k (29,000 descriptions of photographs), and
# training takes some twenty minutes on two cores without a GPU; if it is interrupted, run it again
# and it goes on where it was. The `quick` profile uses a made-up language and takes less than a
# minute.

# %% role="given"
import hashlib
import math
import tempfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sacrebleu
import torch
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from data.loaders import multi30k
from data.synthetic import draw_language, translation_pairs
from utils import checkpoint, plots
from utils.batches import TokenBatches
from utils.device import available_cores, pick_device, seed_everything
from utils.history import History
from utils.kernels import Dropout, SmoothedCrossEntropy, attend
from utils.profile import budget, run_seed
from utils.storage import work_folder
from utils.subwords import SPECIALS, Subwords
from utils.text import Vocabulary, words
from utils.training import evaluate, fit

UNK, PAD, SOS, EOS = 0, 1, 2, 3  # the ids of the special tokens, in every vocabulary of this lab

# The quick profile's models are tiny: several threads would cost them more than they help.
torch.set_num_threads(budget(full=available_cores(), quick=1))
seed_everything(run_seed())
device = pick_device()


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise that it needs is not done."""
    try:
        yield
    except NotImplementedError as error:
        print(f"⏳ {error}")


class Models(dict):
    """The trained models by name; a missing one waits for an exercise."""

    def __missing__(self, name):
        raise NotImplementedError(f"the {name} is not trained yet")


models, histories = Models(), Models()

# %% [markdown] lang="es"
# ## 1. Un traductor recurrente con atención
#
# Empezamos con un idioma inventado, del que lo sabemos todo: el verbo va al final, el adjetivo
# detrás del nombre, y artículos y adjetivos concuerdan. Traducirlo obliga a **mover** palabras, y
# como conocemos las reglas sabremos si la red mira donde debe.

# %% [markdown] lang="en"
# ## 1. A recurrent translator with attention
#
# We begin with a made-up language of which we know everything: the verb stands at the end, the
# adjective after its noun, and articles and adjectives agree. To translate it, words have to
# **move**, and since we know the rules we shall see whether the network looks where it should.

# %% role="given"
language = draw_language(np.random.default_rng(run_seed()))
toy_pairs = translation_pairs(np.random.default_rng(run_seed() + 1), 2200, language)
for source, target in toy_pairs[:3]:
    print(f"{source}  →  {target}")

source_words, target_words = (
    Vocabulary.build([sentence.split() for sentence in side], specials=SPECIALS)
    for side in zip(*toy_pairs, strict=True)
)


def padded(sequences):
    """Return sequences of ids of different lengths as one tensor (B, T), padded at the end."""
    rows = [torch.as_tensor(ids) for ids in sequences]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


def word_ids(pair):
    """Return the ids of a pair of sentences: the words and EOS; SOS, the words and EOS."""
    source, target = (sentence.split() for sentence in pair)
    return [*source_words.encode(source), EOS], [SOS, *target_words.encode(target), EOS]


def loader_of(examples, tokens):
    """Return a loader of (source, target) batches of similar length, at most ``tokens`` each."""
    lengths = [(len(target), len(source)) for source, target in examples]
    return DataLoader(
        examples,
        batch_sampler=TokenBatches(lengths, tokens),
        collate_fn=lambda batch: tuple(padded(side) for side in zip(*batch, strict=True)),
    )


print(f"{len(source_words)} source words and {len(target_words)} English ones")

# %% [markdown] exercise="shift" lang="es"
# **Un paso por delante.** El descodificador lee lo que ya ha escrito y dice lo que sigue. Durante el
# entrenamiento le damos la traducción buena aunque él se hubiera equivocado (*teacher forcing*):
# así todas las posiciones se aprenden a la vez. De `<sos> a dog runs <eos>` salen las entradas
# `<sos> a dog runs` y los objetivos `a dog runs <eos>`. Si olvidas desplazarlos, la red aprende a
# copiar lo que tiene delante: pérdida cero, y ni una frase traducida.

# %% [markdown] exercise="shift" lang="en"
# **One step ahead.** The decoder reads what it has written and says what comes next. In training we
# give it the right translation even where it would have been wrong (*teacher forcing*), so that all
# positions are learnt at once. From `<sos> a dog runs <eos>` come the inputs `<sos> a dog runs` and
# the targets `a dog runs <eos>`. Forget to shift them and the network learns to copy what it sees:
# a loss of zero, and not one sentence translated.


# %% role="exercise" id="shift" title_es="Entradas y objetivos" title_en="Inputs and targets" difficulty=1 minutes=4
def shift(target: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the decoder reads and what it must say, both (B, T), of target ids (B, T + 1)."""
    ### BEGIN SOLUTION
    return target[:, :-1], target[:, 1:]
    ### END SOLUTION


# %% role="check" id="shift_check" points=2
tick.call(
    "shifted target",
    lambda target: shift(torch.from_numpy(target)),
    cases=lambda rng: [(rng.integers(0, 20, size=(3, size)),) for size in (2, 7)],
    marks=2,
    hint={
        "es": "El objetivo de cada posición es la palabra que viene después. ¿Cortas por el tiempo, el eje 1, y no por el lote?",
        "en": "The target at each position is the word that comes after. Do you cut along time, axis 1, and not along the batch?",
    },
)

# %% [markdown] exercise="additive" lang="es"
# **Atención aditiva** (Bahdanau et al., 2015). Sin ella, toda la frase tenía que caber en un único
# vector. Con ella, antes de escribir cada palabra el descodificador compara su estado $s$ (la
# **consulta**) con cada estado $h_j$ del codificador (las **claves**), reparte su atención y mezcla:
#
# $$e_j = v^\top \tanh(W s + U h_j) \qquad \alpha = \mathrm{softmax}(e) \qquad
# c = \sum_j \alpha_j\,h_j$$
#
# Las posiciones de relleno no existen: su $e_j$ es $-\infty$ antes de la softmax y su peso, cero.

# %% [markdown] exercise="additive" lang="en"
# **Additive attention** (Bahdanau et al., 2015). Without it, the whole sentence had to fit into one
# vector. With it, before it writes each word the decoder compares its state $s$ (the **query**) with
# every state $h_j$ of the encoder (the **keys**), shares out its attention, and mixes:
#
# $$e_j = v^\top \tanh(W s + U h_j) \qquad \alpha = \mathrm{softmax}(e) \qquad
# c = \sum_j \alpha_j\,h_j$$
#
# Padding does not exist: its $e_j$ is $-\infty$ before the softmax, and its weight zero.


# %% role="exercise" id="additive" title_es="Atención aditiva" title_en="Additive attention" difficulty=2 minutes=12
class AdditiveAttention(nn.Module):
    """Bahdanau's attention over the states of an encoder."""

    def __init__(self, width: int):
        super().__init__()
        self.W = nn.Linear(width, width, bias=False)
        self.U = nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(self, state: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the context (B, W) and the weights (B, S).

        ``state`` is (B, W), ``keys`` (B, S, W) and ``mask`` (B, S), True where there is a word.
        """
        ### BEGIN SOLUTION
        energies = self.v(torch.tanh(self.W(state)[:, None] + self.U(keys)))[..., 0]  # (B, S)
        weights = energies.masked_fill(~mask, -math.inf).softmax(dim=-1)
        return (weights[..., None] * keys).sum(dim=1), weights
        ### END SOLUTION


# %% role="check" id="additive_check" points=4
def drawn(module, seed):
    """Give every parameter of a module values drawn from a seed, by its name; no dropout."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.4, size=tuple(parameter.shape))))
    return module.eval()


def tensors(rng, *shapes):
    """Draw float32 tensors of these shapes."""
    return [torch.from_numpy(rng.normal(size=shape)).float() for shape in shapes]


def drawn_mask(rng, rows, columns):
    """Draw a mask of sequences with at least one word, as if padded at the end."""
    lengths = torch.from_numpy(rng.integers(1, columns, size=rows, endpoint=True))
    return torch.arange(columns) < lengths[:, None]


@torch.no_grad()
def additive_case(seed, batch, length):
    """Run the attention on a drawn batch."""
    rng = np.random.default_rng(seed)
    state, keys = tensors(rng, (batch, 6), (batch, length, 6))
    return drawn(AdditiveAttention(6), seed)(state, keys, drawn_mask(rng, batch, length))


tick.call(
    "additive attention: weights",
    lambda *case: additive_case(*case)[1],
    cases=lambda rng: [(int(rng.integers(10**6)), 1, 4), (int(rng.integers(10**6)), 3, 7)],
    marks=2,
    hint={
        "es": "Cada fila suma 1 y el relleno pesa 0. ¿Pones −∞ donde la máscara es False, antes de la softmax, y la haces sobre las claves?",
        "en": "Each row sums to 1 and padding weighs 0. Do you put −∞ where the mask is False, before the softmax, and take it over the keys?",
    },
)
tick.call(
    "additive attention: context",
    lambda *case: additive_case(*case)[0],
    cases=lambda rng: [(int(rng.integers(10**6)), 2, 5)],
    marks=2,
    hint={
        "es": "El contexto mezcla los estados keys tal cual, no U·keys, y es (B, W): se suma sobre las posiciones.",
        "en": "The context mixes the states in keys as they are, not U·keys, and is (B, W): it adds up over the positions.",
    },
)

# %% [markdown] exercise="recurrent" lang="es"
# **El descodificador.** En cada paso: mira la frase con la atención (consulta: su estado anterior),
# junta la palabra anterior con el contexto, actualiza el estado con la GRU y puntúa las palabras:
#
# $$c_t = \mathrm{atención}(s_{t-1}, h) \qquad s_t = \mathrm{GRU}([y_{t-1}; c_t],\, s_{t-1}) \qquad
# z_t = W_o\,[s_t; c_t; y_{t-1}]$$
#
# donde $y_{t-1}$ es el *embedding* de la palabra anterior. El codificador, una GRU en los dos
# sentidos, ya está. Completa el paso y el bucle que lo repite con la traducción buena.

# %% [markdown] exercise="recurrent" lang="en"
# **The decoder.** At every step: look at the sentence with the attention (query: its state before),
# join the previous word and the context, update the state with the GRU, and score the words:
#
# $$c_t = \mathrm{attention}(s_{t-1}, h) \qquad s_t = \mathrm{GRU}([y_{t-1}; c_t],\, s_{t-1}) \qquad
# z_t = W_o\,[s_t; c_t; y_{t-1}]$$
#
# where $y_{t-1}$ is the embedding of the previous word. The encoder, a GRU in both directions, is
# there. Complete the step, and the loop that repeats it over the right translation.


# %% role="exercise" id="recurrent" title_es="Descodificar con atención" title_en="Decoding with attention" difficulty=2 minutes=20
class RecurrentTranslator(nn.Module):
    """A GRU that reads, additive attention, and a GRU that writes."""

    def __init__(self, source_size: int, target_size: int, width: int):
        super().__init__()
        self.source_embedding = nn.Embedding(source_size, width, padding_idx=PAD)
        self.target_embedding = nn.Embedding(target_size, width, padding_idx=PAD)
        self.encoder = nn.GRU(width, width // 2, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(width, width)
        self.attention = AdditiveAttention(width)
        self.cell = nn.GRUCell(2 * width, width)
        self.output = nn.Linear(3 * width, target_size)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the states (B, S, W) of sources (B, S), their mask, and the first state (B, W)."""
        mask = source != PAD
        packed = nn.utils.rnn.pack_padded_sequence(
            self.source_embedding(source), mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)  # last: (2, B, W/2), one for each direction
        states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        return states, mask, torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))

    def step(
        self, previous: Tensor, state: Tensor, states: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits (B, V), the next state (B, W) and the attention weights (B, S).

        ``previous`` (B,) holds the ids of the words before, ``state`` (B, W) is the state before.
        """
        ### BEGIN SOLUTION
        word = self.target_embedding(previous)
        context, weights = self.attention(state, states, mask)
        state = self.cell(torch.cat([word, context], dim=-1), state)
        return self.output(torch.cat([state, context, word], dim=-1)), state, weights
        ### END SOLUTION

    def forward(self, source: Tensor, inputs: Tensor) -> Tensor:
        """Return the logits (B, T, V) of sources (B, S) after each of the inputs (B, T)."""
        states, mask, state = self.encode(source)
        ### BEGIN SOLUTION
        logits = []
        for previous in inputs.unbind(dim=1):
            scores, state, _ = self.step(previous, state, states, mask)
            logits.append(scores)
        return torch.stack(logits, dim=1)
        ### END SOLUTION


# %% role="check" id="recurrent_check" points=7
@torch.no_grad()
def recurrent_case(seed, batch, steps):
    """Run one step, and teacher forcing, of a drawn translator with an attention that is right."""

    def attention(state, keys, mask):
        energies = torch.einsum("bw,bsw->bs", state, keys).masked_fill(~mask, -math.inf)
        weights = energies.softmax(dim=-1)
        return torch.einsum("bs,bsw->bw", weights, keys), weights

    rng = np.random.default_rng(seed)
    translator = drawn(RecurrentTranslator(9, 11, 8), seed)
    translator.attention.forward = attention
    source = torch.from_numpy(rng.integers(4, 9, size=(batch, 6)))
    source[~drawn_mask(rng, batch, 6)] = PAD
    source[0] = 5  # the longest
    inputs = torch.from_numpy(rng.integers(4, 11, size=(batch, steps)))
    states, mask, state = translator.encode(source)
    return translator.step(inputs[:, 0], state, states, mask)[:2], translator(source, inputs)


tick.call(
    "recurrent step",
    lambda *case: recurrent_case(*case)[0],
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 1)],
    marks=2,
    hint={
        "es": "La consulta es el estado anterior. El orden de lo que se junta: [palabra; contexto] en la GRU y [estado; contexto; palabra] a la salida.",
        "en": "The query is the state before. The order of what is joined: [word; context] in the GRU, and [state; context; word] at the output.",
    },
)
tick.call(
    "teacher forcing",
    lambda *case: recurrent_case(*case)[1],
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5)],
    marks=2,
    hint={
        "es": "El estado nuevo de cada paso entra en el siguiente, y la palabra anterior es siempre la de inputs.",
        "en": "The new state of each step goes into the next, and the previous word is always that of inputs.",
    },
)


def translate_batch_loss(model, batch):
    """Return logits and targets of a (source, target) batch, a row for each position."""
    source, target = batch
    inputs, targets = shift(target)
    return model(source, inputs).flatten(0, 1), targets.flatten()


with once_done():
    seed_everything(run_seed())
    recurrent = RecurrentTranslator(len(source_words), len(target_words), width=64)
    examples = [word_ids(pair) for pair in toy_pairs]
    toy_loss = nn.CrossEntropyLoss(ignore_index=PAD)
    fit(
        recurrent,
        loader_of(examples[200:], 800),
        toy_loss,
        torch.optim.Adam(recurrent.parameters(), lr=0.004),
        epochs=5,
        validation=loader_of(examples[:200], 800),
        forward=translate_batch_loss,
        clip_norm=1.0,
    )
    models["recurrent translator"] = recurrent.eval()


def toy_prefixes(rng, count=60):
    """Draw sources with the beginning of their translation, and the word that comes next."""
    inputs, following = [], []
    for pair in translation_pairs(rng, count, language):
        source, target = word_ids(pair)
        cut = int(rng.integers(1, len(target)))
        inputs.append([source, target[:cut]])
        following.append(target[cut])
    return inputs, np.array(following)


def next_ids(model, inputs):
    """Return the most likely id after each (source, beginning of its translation)."""
    model.eval()
    found = []
    with torch.no_grad():
        for source, begun in inputs:
            logits = model(*(torch.tensor([ids], device=device) for ids in (source, begun)))
            found.append(int(logits[0, -1].argmax()))
    return np.array(found)


tick.predictions(
    "next word of new sentences",
    lambda inputs: next_ids(models["recurrent translator"], inputs),
    hidden=toy_prefixes,
    metric="accuracy",
    baseline=("always the", lambda inputs: np.full(len(inputs), target_words["the"])),
    marks=3,
    hint={
        "es": "Si la pérdida cae a cero enseguida, el objetivo no está desplazado; si no baja, revisa el estado que pasa de un paso a otro.",
        "en": "If the loss drops to zero at once, the target is not shifted; if it does not fall, look at the state that goes from step to step.",
    },
)

# %% [markdown] lang="es"
# **¿Adónde mira?** Cada fila del mapa es una palabra que la red escribe; cada columna, una que lee.
# Si la atención ha aprendido las reglas, no será una diagonal: el verbo inglés se escribe pronto,
# pero en la frase original es la última palabra.

# %% [markdown] lang="en"
# **Where does it look?** Each row of the map is a word that the network writes; each column, one
# that it reads. If the attention has learnt the rules it is no diagonal: the English verb is written
# early, but in the original sentence it is the last word.


# %% role="given"
@torch.no_grad()
def recurrent_translation(model, source, limit=20):
    """Return the ids that the model writes for one source, and its attention (T, S)."""
    states, mask, state = model.encode(torch.tensor([source], device=device))
    written, maps = [SOS], []
    while written[-1] != EOS and len(written) <= limit:
        previous = torch.tensor(written[-1:], device=device)
        logits, state, weights = model.step(previous, state, states, mask)
        written.append(int(logits.argmax()))
        maps.append(weights[0].cpu().numpy())
    return written[1:], np.stack(maps)


with once_done():
    longest = max(toy_pairs[:200], key=lambda pair: len(pair[0].split()))
    source, _ = word_ids(longest)
    written, maps = recurrent_translation(models["recurrent translator"], source)
    plots.attention_map(
        maps, queries=target_words.decode(written), keys=source_words.decode(source)
    )
    plt.show()

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
def box(ax, x, y, text, colour, height=0.5, width=2.7):
    """Draw a labelled box centred at (x, y)."""
    ax.text(x, y, text, ha="center", va="center", color=plots.BACKGROUND, zorder=4, fontsize=9)
    corner = (x - width / 2, y - height / 2)
    ax.add_patch(
        FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=plots.COLOURS[colour], edgecolor="none", zorder=3,
        )
    )  # fmt: skip


def arrow(ax, *points):
    """Draw a line through the points that ends in an arrow."""
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=plots.TEXT, linewidth=1.2, zorder=1)
    ax.annotate(
        "", points[-1], points[-2], zorder=2,
        arrowprops={"arrowstyle": "-|>", "color": plots.TEXT, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


def draw_stack(ax, x, sublayers, name, below, above):
    """Draw a stack of sublayers, each with its norm before and its shortcut around."""
    ax.text(x, 0.2, below, ha="center", va="center", fontsize=10)
    arrow(ax, (x, 0.42), (x, 0.8))
    box(ax, x, 1.05, "embedding + positions", 4)
    y = 1.3
    for text, colour in sublayers:
        ax.plot([x, x], [y, y + 2.15], color=plots.TEXT, linewidth=1.2, zorder=1)
        box(ax, x, y + 0.65, "norm", 5, height=0.38)
        box(ax, x, y + 1.3, text, colour)
        arrow(ax, (x, y + 0.22), (x - 1.75, y + 0.22), (x - 1.75, y + 1.95), (x - 0.17, y + 1.95))
        ax.text(x, y + 1.95, "+", ha="center", va="center", fontsize=10, zorder=5,
                bbox={"boxstyle": "circle,pad=0.12", "facecolor": plots.BACKGROUND,
                      "edgecolor": plots.TEXT})  # fmt: skip
        y += 2.15
    frame = FancyBboxPatch(
        (x - 2.05, 1.38), 4.1, y - 1.38, boxstyle="round,pad=0,rounding_size=0.2",
        facecolor="none", edgecolor=plots.COLOURS[5], linestyle="--",
    )  # fmt: skip
    ax.add_patch(frame)
    ax.text(x + 2.0, 1.52, f"{name} × N", ha="right", va="bottom", fontsize=9)
    arrow(ax, (x, y), (x, y + 0.3))
    box(ax, x, y + 0.5, "norm", 5, height=0.38)
    arrow(ax, (x, y + 0.69), (x, y + 1.1))
    ax.text(x, y + 1.3, above, ha="center", va="center", fontsize=10)


def draw_transformer(ax):
    """Draw the whole model: the encoder on the left, the decoder on the right."""
    ax.set(xlim=(0, 10.4), ylim=(0, 9.3), aspect="equal")
    ax.axis("off")
    feed, attention = ("feed-forward", 0), "attention"
    draw_stack(ax, 2.3, [(f"self-{attention}", 1), feed], "encoder layer", "source", "memory")
    draw_stack(
        ax, 7.9, [(f"causal self-{attention}", 1), (f"cross-{attention}", 2), feed],
        "decoder layer", "target so far", "logits of the next piece",
    )  # fmt: skip
    arrow(ax, (2.9, 6.9), (4.7, 6.9), (4.7, 4.75), (6.55, 4.75))
    ax.text(4.85, 5.7, "keys,\nvalues", ha="left", va="center", fontsize=9)


with plots.style():
    draw_transformer(plt.subplots(figsize=(7.8, 7), layout="constrained")[1])
    plt.show()

# %% [markdown] exercise="sinusoids" lang="es"
# **Dónde está cada palabra.** La atención no ve el orden: «perro muerde hombre» y «hombre muerde
# perro» le parecen la misma bolsa. Por eso se suma a cada *embedding* un vector que depende de la
# posición. El artículo original usa ondas, de más rápidas a más lentas:
#
# $$P_{t,2i} = \sin\!\left(t / 10000^{2i/d}\right) \qquad
# P_{t,2i+1} = \cos\!\left(t / 10000^{2i/d}\right)$$
#
# Nuestro modelo **aprende** su tabla de posiciones, pero la empieza en estas ondas en vez de al
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
    "sinusoidal positions",
    lambda positions, width: sinusoids(positions, width),
    cases=lambda rng: [(1, 4), (int(rng.integers(5, 30)), 2 * int(rng.integers(3, 9)))],
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
    ax.set(xlabel="position", ylabel="dimension")
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
                f"a sentence needs {end} positions and the model has {room}; "
                "expected a shorter one: split it into sentences."
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
    "padding mask",
    lambda ids: padding_mask(torch.from_numpy(ids)),
    cases=lambda rng: [(rng.integers(0, 4, size=size),) for size in [(2, 5), (3, 1)]],
    marks=2,
    hint={
        "es": "La forma es (B, 1, 1, S), y True quiere decir «hay una palabra».",
        "en": "The shape is (B, 1, 1, S), and True means “there is a word”.",
    },
)
tick.call(
    "causal mask",
    lambda length: causal_mask(length),
    cases=lambda rng: [(1,), (int(rng.integers(4, 9)),)],
    marks=2,
    hint={
        "es": "Filas: consultas. Columnas: claves. ¿Puede la primera fila ver algo más que la primera columna? ¿Se ve cada posición a sí misma?",
        "en": "Rows are queries, columns keys. Can the first row see more than the first column? Does each position see itself?",
    },
)

# %% [markdown] exercise="attention" lang="es"
# **El corazón.** Atención por producto escalar:
#
# $$\mathrm{Atención}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# con $-\infty$ donde la máscara es `False`, antes de la softmax. Si las componentes de $q$ y $k$
# tienen varianza 1, su producto la tiene $d$: dividir por $\sqrt{d}$ la devuelve a 1, y sin eso la
# softmax se satura y deja pasar muy poco gradiente. Vale para tensores con cualquier número de ejes
# delante; devuelve también los pesos.

# %% [markdown] exercise="attention" lang="en"
# **The heart.** Scaled dot-product attention:
#
# $$\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V$$
#
# with $-\infty$ where the mask is `False`, before the softmax. If the components of $q$ and $k$ have
# variance 1, their product has variance $d$: dividing by $\sqrt{d}$ brings it back to 1; without it
# the softmax saturates and lets very little gradient through. It works with any number of axes in
# front; return the weights, too.


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


# %% role="check" id="attention_check" points=5
def attention_case(seed, steps, length, masked):
    """Run the attention on drawn tensors of two sentences and three heads."""
    rng = np.random.default_rng(seed)
    queries, keys, values = tensors(rng, (2, 3, steps, 4), *[(2, 3, length, 4)] * 2)
    mask = drawn_mask(rng, 2, length)[:, None, None] if masked else None
    context, weights = attention(queries, keys, values, mask)
    theirs = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    return {
        "context": context,
        "weights": weights,
        "rows add up to 1": bool((weights.sum(-1) - 1).abs().max() < 1e-5),
        "as PyTorch's": bool((context - theirs).abs().max() < 1e-5),
    }


tick.call(
    "attention without a mask",
    lambda *case: attention_case(*case, masked=False),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5), (int(rng.integers(10**6)), 4, 4)],
    marks=3,
    hint={
        "es": "Suman 1 los pesos de cada consulta: la softmax va sobre las claves, el último eje. ¿Divides por la raíz de D, el tamaño de una consulta?",
        "en": "The weights of each query add up to 1: the softmax is over the keys, the last axis. Do you divide by the root of D, the size of a query?",
    },
)
tick.call(
    "attention with a mask",
    lambda *case: attention_case(*case, masked=True)["context"],
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 6), (int(rng.integers(10**6)), 2, 5)],
    marks=2,
    hint={
        "es": "La máscara se aplica a las puntuaciones, antes de la softmax, y con −∞ (no con 0, que también pesa).",
        "en": "The mask applies to the scores, before the softmax, and with −∞ (not with 0, which weighs, too).",
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


# %% role="check" id="multi_head_check" points=5
@torch.no_grad()
def copied_attention(ours, theirs):
    """Copy the weights of our attention into an ``nn.MultiheadAttention``."""
    inputs = [ours.query, ours.key, ours.value]
    theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in inputs]))
    theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in inputs]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


@torch.no_grad()
def multi_head_case(seed, steps, length):
    """Compare ours with PyTorch's on drawn sentences of three and fewer words."""
    rng = np.random.default_rng(seed)
    ours, theirs = (
        drawn(MultiHeadAttention(12, 3), seed),
        nn.MultiheadAttention(12, 3, batch_first=True),
    )
    copied_attention(ours, theirs)
    x, memory = tensors(rng, (2, steps, 12), (2, length, 12))
    mask = drawn_mask(rng, 2, length)
    seen = ours(x, *ours.keys_values(memory), mask[:, None, None])
    expected, _ = theirs(x, memory, memory, key_padding_mask=~mask)
    return seen, bool((seen - expected).abs().max() < 1e-5)


tick.call(
    "splitting into heads",
    lambda seed, heads: MultiHeadAttention(4 * heads, heads).split(
        tensors(np.random.default_rng(seed), (2, 5, 4 * heads))[0]
    ),
    cases=lambda rng: [(int(rng.integers(10**6)), heads) for heads in (1, 3)],
    marks=2,
    hint={
        "es": "Parte el último eje en (H, W/H) y después cambia de sitio los ejes: un reshape directo a (B, H, T, W/H) mezcla palabras.",
        "en": "Split the last axis into (H, W/H) and then move the axes: reshaping straight to (B, H, T, W/H) mixes up words.",
    },
)
tick.call(
    "multi-head attention, as nn.MultiheadAttention",
    lambda *case: multi_head_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5), (int(rng.integers(10**6)), 1, 4)],
    marks=3,
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
    return theirs.eval()


TOY = {"d_model": 12, "nhead": 3, "dim_feedforward": 20, "norm_first": True, "batch_first": True}


@torch.no_grad()
def encoder_case(seed, length):
    """Compare our encoder layer with PyTorch's on two drawn sentences."""
    rng = np.random.default_rng(seed)
    ours = drawn(EncoderLayer(12, 3, 20, dropout=0.1), seed)
    theirs = copied_layer(ours, nn.TransformerEncoderLayer(**TOY), {"attention": "self_attn"})
    (x,), mask = tensors(rng, (2, length, 12)), drawn_mask(rng, 2, length)
    mask[0] = True  # PyTorch cuts off what is padding everywhere
    seen = ours(x, mask[:, None, None])
    apart = (seen - theirs(x, src_key_padding_mask=~mask))[mask]  # padding may hold anything
    return seen[mask], bool(apart.abs().max() < 1e-5)


tick.call(
    "encoder layer, as nn.TransformerEncoderLayer",
    lambda *case: encoder_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), length) for length in (1, 4, 6)],
    marks=4,
    hint={
        "es": "El atajo suma la x de antes de normalizar. ¿Llega la máscara a la atención? ¿Usa la segunda subcapa la x nueva?",
        "en": "The shortcut adds x as it was before the norm. Does the mask reach the attention? Does the second sublayer use the new x?",
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
    """Compare our decoder layer with PyTorch's on two drawn sentences."""
    rng = np.random.default_rng(seed)
    ours = drawn(DecoderLayer(12, 3, 20, dropout=0.1), seed)
    names = {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
    theirs = copied_layer(ours, nn.TransformerDecoderLayer(**TOY), names)
    x, memory = tensors(rng, (2, steps, 12), (2, length, 12))
    mask = drawn_mask(rng, 2, length)
    allowed = torch.ones(steps, steps, dtype=torch.bool).tril()
    seen = ours(x, memory, mask[:, None, None], allowed)
    expected = theirs(x, memory, tgt_mask=~allowed, memory_key_padding_mask=~mask)
    return seen, bool((seen - expected).abs().max() < 1e-5)


@torch.no_grad()
def decoder_looks_ahead(seed, steps):
    """Return whether outputs change when later inputs do."""
    rng = np.random.default_rng(seed)
    ours = drawn(DecoderLayer(12, 3, 20, dropout=0.1), seed)
    x, other, memory = tensors(rng, (1, steps, 12), (1, steps, 12), (1, 4, 12))
    cut = steps // 2
    other[:, :cut] = x[:, :cut]
    seen, changed = (
        ours(y, memory, torch.ones(1, 1, 1, 4, dtype=torch.bool), torch.ones(steps, steps, dtype=torch.bool).tril())
        for y in (x, other)
    )  # fmt: skip
    return {
        "earlier outputs change": bool((seen - changed)[:, :cut].abs().max() > 1e-5),
        "later outputs change": bool((seen - changed)[:, cut:].abs().max() > 1e-5),
    }


tick.call(
    "decoder layer, as nn.TransformerDecoderLayer",
    lambda *case: decoder_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, 5), (int(rng.integers(10**6)), 1, 2)],
    marks=3,
    hint={
        "es": "Una norma para cada subcapa, en orden. En la cruzada, claves y valores salen de la memoria, y la máscara es la de la fuente.",
        "en": "A norm for each sublayer, in order. In cross-attention keys and values come from the memory, and the mask is the source's.",
    },
)
tick.call(
    "the future is out of sight",
    lambda *case: decoder_looks_ahead(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), steps) for steps in (2, 6)],
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
    return torch.from_numpy(rng.integers(4, TINY.vocabulary, size=(rows, length)))


@torch.no_grad()
def transformer_case(seed, steps, length):
    """Run a small drawn model."""
    rng = np.random.default_rng(seed)
    return drawn(Transformer(TINY), seed)(drawn_ids(rng, 2, length), drawn_ids(rng, 2, steps))


@torch.no_grad()
def padding_changes(seed, length, extra):
    """Return whether the logits of a sentence change when its batch makes it padded."""
    rng = np.random.default_rng(seed)
    model = drawn(Transformer(TINY), seed)
    source, inputs = drawn_ids(rng, 1, length), drawn_ids(rng, 1, 4)
    wider = functional.pad(source, (0, extra), value=PAD)
    return bool((model(source, inputs) - model(wider, inputs)).abs().max() > 1e-5)


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
    "padding changes nothing",
    lambda *case: padding_changes(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 5, extra) for extra in (1, 6)],
    marks=2,
    hint={
        "es": "Al añadir relleno a la fuente han cambiado los logits: la máscara de relleno falta en el codificador o en la atención cruzada.",
        "en": "Adding padding to the source changed the logits: the padding mask is missing in the encoder or in the cross-attention.",
    },
)

# %% [markdown] exercise="parameters" lang="es"
# **¿Cuánto pesa?** Un modelo de escuela para Multi30k: palabras enteras (7853 alemanas y 5893
# inglesas), $d = 256$, 3 + 3 capas, 512 unidades y 100 posiciones, con tablas **separadas** para
# fuente, destino y salida (esta, con sesgo) y sin normas finales. Cuenta sus parámetros con tus
# piezas; el dispositivo `meta` las construye sin gastar memoria. Debe salir 9 038 341.

# %% [markdown] exercise="parameters" lang="en"
# **How heavy is it?** A schoolbook model for Multi30k: whole words (7,853 German and 5,893 English
# ones), $d = 256$, 3 + 3 layers, 512 units and 100 positions, with **separate** tables for source,
# target and output (the last one with a bias), and no final norms. Count its parameters with your
# pieces; the `meta` device builds them without spending memory. It must give 9,038,341.


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
def schoolbook_parameters(source_size, target_size, layers):
    """Count the parameters of the schoolbook model."""
    with torch.device("meta"):
        config = Config(layers=layers)
        return count_parameters(schoolbook_model(config, source_size, target_size))


tick.call(
    "parameters of the schoolbook model",
    lambda *sizes: schoolbook_parameters(*sizes),
    cases=lambda rng: [
        (7853, 5893, 3),
        (int(rng.integers(99, 999)), int(rng.integers(99, 999)), 1),
    ],
    marks=2,
    tol=0.5,
    hint={
        "es": "Dos Embedding (cada uno con sus posiciones), las capas y una salida con sesgo. ¿Cuántos de esos 9 038 341 no son de las capas?",
        "en": "Two Embeddings (each with its positions), the layers, and an output with a bias. How many of those 9,038,341 are not in the layers?",
    },
)

# %% role="given"
with once_done(), torch.device("meta"):
    ours = Transformer(Config())
    for name, module in [("embeddings and output", ours.embedding), ("encoder", ours.encoder),
                         ("decoder", ours.decoder), ("whole model", ours)]:  # fmt: skip
        print(f"{name:<22} {count_parameters(module):>9,}")
    print(f"{'schoolbook model':<22} {schoolbook_parameters(7853, 5893, 3):>9,}")

# %% [markdown] role="question" id="q_parameters" points=3 lang="es"
# **Pregunta 1.** Compara los números de arriba: ¿dónde están los parámetros en cada modelo? ¿Qué
# ahorra compartir la tabla, y qué significa para la cantidad de datos que hace falta?
#
# ### BEGIN SOLUTION
# En el de escuela, más de la mitad (5,1 de 9,0 millones) son tablas de palabras y la salida; las
# capas, que hacen el trabajo, son 4,0. El nuestro tiene las mismas capas y una sola tabla de 2,0
# millones: 6,0 en total. Cada fila de una tabla solo aprende cuando sale su palabra, y con 29 000
# frases la mayoría sale muy poco: compartir tabla y usar piezas hace que cada vector vea más
# ejemplos, desde tres sitios. Menos parámetros que estimar con los mismos datos, menos sobreajuste.
# ### END SOLUTION

# %% [markdown] role="question" id="q_parameters" points=3 lang="en"
# **Question 1.** Compare the numbers above: where are the parameters in each model? What does
# sharing the table save, and what does it mean for the amount of data that is needed?
#
# ### BEGIN SOLUTION
# In the schoolbook model more than half (5.1 of 9.0 million) are word tables and the output; the
# layers, which do the work, are 4.0. Ours has the same layers and a single table of 2.0 million: 6.0
# in all. A row of a table learns only when its word comes up, and in 29,000 sentences most come up
# very little: sharing the table and using pieces lets each vector see more examples, from three
# sides. Fewer parameters to estimate from the same data, less overfitting.
# ### END SOLUTION

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
QUICK = Config(
    vocabulary=220, width=64, heads=4, layers=2, units=128, positions=40, dropout=0.05,
    tokens=600, epochs=8, warmup=100, averaged=2,
)  # fmt: skip
config = budget(full=Config(), quick=QUICK)

train_pairs, validation_pairs, test_pairs = budget(
    full=lambda: tuple(multi30k(split) for split in ("train", "val", "test_2016_flickr")),
    quick=lambda: (toy_pairs[300:], toy_pairs[:100], toy_pairs[100:300]),
)()


def learn_pieces(pairs, size):
    """Return the pieces of both sides of sentence pairs."""
    return Subwords.learn([sentence for pair in pairs for sentence in pair], size)


def piece_ids(pair, subwords):
    """Return the ids of a pair of sentences: the pieces and EOS; SOS, the pieces and EOS."""
    source, target = (subwords.encode(sentence) for sentence in pair)
    return [*source, EOS], [SOS, *target, EOS]


def piece_loader(pairs, subwords, tokens):
    """Return a loader of batches of sentence pairs."""
    return loader_of([piece_ids(pair, subwords) for pair in pairs], tokens)


subwords = learn_pieces(train_pairs, config.vocabulary)
train_loader = piece_loader(train_pairs, subwords, config.tokens)
validation_loader = piece_loader(validation_pairs, subwords, config.tokens)
for sentence in train_pairs[0]:
    print(" ".join(subwords.pieces(subwords.encode(sentence))))
print(f"{len(train_pairs):,} training pairs in {len(train_loader)} batches")

# %% [markdown] exercise="xavier" lang="es"
# **Por dónde empezar.** Si los pesos empiezan grandes, las activaciones crecen capa a capa; si
# pequeños, se apagan. Glorot y Bengio (2010) buscaron un término medio entre que se conserve la
# varianza hacia delante, $n_\text{ent}\sigma^2 = 1$, y hacia atrás, $n_\text{sal}\sigma^2 = 1$:
# $\sigma^2 = 2/(n_\text{ent} + n_\text{sal})$. Con una uniforme en $[-a, a]$, cuya varianza es
# $a^2/3$:
#
# $$a = \sqrt{\frac{6}{n_\text{ent} + n_\text{sal}}}$$
#
# Escríbela tú, con `uniform_`. Se aplica a las matrices de las capas lineales; los sesgos empiezan
# en cero, y los *embeddings*, en $N(0, d^{-1/2})$ (esa es su desviación), porque también son la
# salida.

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
# zero, and the embeddings at $N(0, d^{-1/2})$ (that is their deviation), because they are the output,
# too.


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
    """Fill a large matrix and describe what came out."""
    torch.manual_seed(seed)
    weight = torch.full((outputs, inputs), 7.0)
    xavier_uniform(weight)
    return [float(weight.abs().max()), float(weight.std()), float(weight.mean())]


tick.call(
    "Xavier: bound and spread",
    lambda *case: xavier_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), int(rng.integers(200, 400)), 300)],
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
    """Return the deviation of the signal after each of some tanh layers that start like this."""
    torch.manual_seed(run_seed())
    x, found = torch.randn(500, width), []
    for _ in range(layers):
        weight = torch.empty(width, width)
        start(weight)
        x = torch.tanh(x @ weight.T)
        found.append(float(x.std()))
    return found


with once_done():
    plots.curves(
        {
            "Xavier": spreads(xavier_uniform),
            "N(0, 0.01)": spreads(lambda weight: weight.normal_(std=0.01)),
            "N(0, 1)": spreads(lambda weight: weight.normal_()),
        },
        ylabel="deviation of the signal", xlabel="layer", log=True,
    )  # fmt: skip
    plt.show()

# %% [markdown] role="question" id="q_xavier" points=3 lang="es"
# **Pregunta 2.** ¿Qué le pasa a la señal en cada una de las tres curvas, y qué le pasaría al
# gradiente? ¿Por qué la varianza de Xavier lleva la **suma** de los dos tamaños?
#
# ### BEGIN SOLUTION
# Con desviación 0,01 la señal se divide por unas seis en cada capa: las últimas no reciben nada y el
# gradiente, que pasa por las mismas matrices, tampoco llega a las primeras. Con 1, las tanh se
# saturan en ±1: la señal no se apaga, pero la derivada de la tanh es casi cero y el gradiente sí. Con
# Xavier la desviación baja despacio. Conservar la varianza hacia delante pide 1/n_ent y hacia atrás
# 1/n_sal; con tamaños distintos no se puede todo, y 2/(n_ent + n_sal) es el compromiso.
# ### END SOLUTION

# %% [markdown] role="question" id="q_xavier" points=3 lang="en"
# **Question 2.** What happens to the signal in each of the three curves, and what would happen to
# the gradient? Why does Xavier's variance have the **sum** of both sizes?
#
# ### BEGIN SOLUTION
# With a deviation of 0.01 the signal is divided by about six in each layer: the last ones receive
# nothing, and the gradient, which goes through the same matrices, does not reach the first ones
# either. With 1, the tanh saturate at ±1: the signal does not fade, but the derivative of tanh is
# nearly zero and the gradient does. With Xavier the deviation falls slowly. Keeping the variance
# going forward asks for 1/n_in and going back for 1/n_out; when sizes differ both cannot be had, and
# 2/(n_in + n_out) is the compromise.
# ### END SOLUTION

# %% [markdown] exercise="smoothed" lang="es"
# **La pérdida.** Entropía cruzada, con dos detalles. El **relleno** no cuenta: ni en la suma ni en el
# número por el que se divide. Y **suavizado de etiquetas** (Szegedy et al., 2016): en vez de exigir
# un 1 a la pieza buena, una parte $\varepsilon$ se reparte por igual entre las $V$ piezas, la buena
# incluida:
#
# $$\ell = -(1-\varepsilon)\,\ln p_\text{buena} - \frac{\varepsilon}{V}\sum_{v} \ln p_v$$
#
# La red aprende a no poner la mano en el fuego, y traduce mejor. Para **medir**, en cambio, se usa
# $\varepsilon = 0$: la perplejidad es $e^{\ell}$, el número de piezas entre las que duda.

# %% [markdown] exercise="smoothed" lang="en"
# **The loss.** Cross-entropy, with two details. **Padding** does not count: neither in the sum nor
# in the number it is divided by. And **label smoothing** (Szegedy et al., 2016): instead of asking
# for a 1 at the right piece, a share $\varepsilon$ is spread evenly over the $V$ pieces, the right
# one included:
#
# $$\ell = -(1-\varepsilon)\,\ln p_\text{right} - \frac{\varepsilon}{V}\sum_{v} \ln p_v$$
#
# The network learns not to swear to anything, and translates better. To **measure**, though, we use
# $\varepsilon = 0$: perplexity is $e^{\ell}$, the number of pieces it wavers between.


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
def smoothed_case(seed, smoothing, pads):
    """Compute the loss of drawn logits."""
    rng = np.random.default_rng(seed)
    (logits,), targets = tensors(rng, (9, 7)), torch.from_numpy(rng.integers(2, 7, size=9))
    targets[9 - pads :] = PAD
    loss = smoothed_loss(logits, targets, smoothing)
    theirs = functional.cross_entropy(logits, targets, ignore_index=PAD, label_smoothing=smoothing)
    return loss, bool((loss - theirs).abs() < 1e-5)


tick.call(
    "loss that ignores padding",
    lambda seed, pads: smoothed_case(seed, 0.0, pads),
    cases=lambda rng: [(int(rng.integers(10**6)), pads) for pads in (0, 4)],
    marks=2,
    hint={
        "es": "La media es sobre las posiciones que no son PAD: ni suman ni cuentan al dividir.",
        "en": "The mean is over the positions that are not PAD: they neither add up nor count in the division.",
    },
)
tick.call(
    "loss with smoothed labels",
    lambda seed, smoothing: smoothed_case(seed, smoothing, 3),
    cases=lambda rng: [(int(rng.integers(10**6)), smoothing) for smoothing in (0.1, 0.4)],
    marks=2,
    hint={
        "es": "El reparto es entre todas las piezas, la buena incluida: ε por la media de los logaritmos de una fila.",
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
    "learning rate",
    lambda step, width, warmup: learning_rate(step, width, warmup),
    cases=lambda rng: [
        (step, int(rng.integers(32, 512)), 400) for step in (1, 150, 400, 401, 9000)
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
    plots.curves(rates, ylabel="learning rate", xlabel="step", x=steps)
    plt.show()

# %% [markdown] exercise="average" lang="es"
# **La media de varios.** Los pesos de los últimos puntos del entrenamiento dan vueltas alrededor de
# un buen sitio sin pararse en él. Su **media**, parámetro a parámetro, suele estar más cerca que
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
    before = [{name: tensor.clone() for name, tensor in state.items()} for state in states]
    mean = average(states)
    same = all(
        torch.equal(a[name], b[name]) for a, b in zip(states, before, strict=True) for name in a
    )
    return mean, same


tick.call(
    "mean of the weights",
    lambda *case: average_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), count) for count in (1, 4)],
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
# si algo lo corta, vuelve a ejecutar la celda y sigue. La carpeta depende de lo que tu modelo calcula
# antes de entrenar, así que si corriges un error empieza de nuevo.

# %% [markdown] lang="en"
# **Training.** `fit` repeats what you can write by now: batches, loss, clipping by the norm, a step.
# The batches have sentences of similar length, so as not to spend on padding, and where the
# processor is faster with 16-bit numbers (*bfloat16*) they are used. In the `full` profile every
# epoch is kept (some 170 MB in all) in your Drive, if you mounted it, or beside the notebook, in
# `dl-work`: if something stops it, run the cell again and it goes on. The folder depends on what your
# model computes before training, so that if you correct a mistake it starts afresh.


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
            )
            if len(history) < epochs:
                raise KeyboardInterrupt("training was stopped; run the cell again to go on")
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
    print(f"{sum(histories['Transformer'].seconds) / 60:.1f} minutes of training")


# %% role="check" id="training_check" points=4 covers="smoothed,schedule,average"
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
    "next piece of new sentences",
    lambda inputs: next_ids(models["Transformer"], inputs),
    hidden=new_prefixes,
    metric="accuracy",
    baseline=("always the end", lambda inputs: np.full(len(inputs), EOS)),
    marks=4,
    hint={
        "es": "¿Baja la pérdida de validación? Si la de entrenamiento llega casi a su mínimo y esta no predice, alguna máscara o el desplazamiento deja ver la respuesta.",
        "en": "Does the validation loss fall? If the training loss gets nearly to its floor and this does not predict, a mask or the shift lets the answer be seen.",
    },
)

# %% role="given"
with once_done():
    history = histories["Transformer"]
    with plots.style():
        left, right = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")[1]
    plots.loss_curve({"training": history["loss"], "validation": history["val_loss"]}, ax=left)
    plots.curves(
        {
            "training": np.exp(history["nats"]),
            "validation": np.exp(history["val_nats"]),
        },
        ylabel="perplexity (of a piece)", log=True, ax=right,
    )  # fmt: skip
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
    for unit, number in test_perplexities(models["Transformer"], subwords, test_pairs).items():
        print(f"test perplexity of a {unit}: {number:.2f}")

# %% [markdown] role="question" id="q_curves" points=3 lang="es"
# **Pregunta 3.** Lee las curvas. ¿Por qué la pérdida de entrenamiento puede estar **por encima** de
# la de validación? ¿Por qué la pérdida no se acerca a cero ni en el mejor modelo posible, y qué
# diferencia hay entre la perplejidad de una pieza y la de una palabra?
#
# ### BEGIN SOLUTION
# Al entrenar actúa el dropout y se mide mientras se aprende, de modo que la media de una época viene
# de pesos anteriores; al validar, la red está entera y al día. Cuando la validación deja de bajar y
# el entrenamiento sigue, empieza el sobreajuste. La pérdida lleva las etiquetas suavizadas: acertar
# con toda seguridad también cuesta, así que su suelo no es cero; y además una frase tiene muchas
# traducciones. Una palabra son una o más piezas y sus probabilidades se multiplican: para comparar
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
# confidence costs, too, so its floor is not zero; and a sentence has many translations besides. A
# word is one or more pieces and their probabilities multiply: to compare models with different
# vocabularies the same nats have to be shared out among the same words.
# ### END SOLUTION

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
class Scripted:
    """Stands in for a Transformer: says a given text, whatever it reads."""

    def __init__(self, script):
        self.script = torch.from_numpy(script)

    def encode(self, source):
        return source, source

    def decode(self, inputs, memory, source_mask):
        logits = functional.one_hot(self.script, 12).float()
        read = functional.one_hot(inputs, 12).float().cumsum(1)  # what is written counts a little
        return logits[:, : inputs.shape[1]] + 0.01 * read


def drawn_script(rng, lengths):
    """Draw a text for each sentence that ends after so many pieces; what follows is noise."""
    script = rng.integers(4, 12, size=(len(lengths), 9))
    script[np.arange(len(lengths)), np.array(lengths) - 1] = EOS
    return script


tick.call(
    "greedy search",
    lambda script, limit: plain_greedy(Scripted(script), torch.full((len(script), 2), 5), limit),
    cases=lambda rng: [
        (drawn_script(rng, [3, 6, 1]), 9),
        (drawn_script(rng, [5]), 9),
        (drawn_script(rng, [8, 2]), 4),
    ],
    marks=3,
    hint={
        "es": "EOS se queda, y lo que sigue es PAD; SOS no se devuelve. ¿Paras cuando todas han terminado? ¿Y al llegar al límite?",
        "en": "EOS stays, and what follows is PAD; SOS is not returned. Do you stop when all have finished? And at the limit?",
    },
)

# %% [markdown] role="question" id="q_no_grad" points=3 lang="es"
# **Pregunta 4.** `plain_greedy` lleva `torch.no_grad`. ¿Qué hace exactamente, qué pasaría sin él y en
# qué se diferencia de `model.eval()`?
#
# ### BEGIN SOLUTION
# Dentro de no_grad PyTorch no anota las operaciones para derivarlas: los resultados no requieren
# gradiente y las activaciones intermedias se liberan enseguida. Sin él la traducción sería la misma,
# pero el grafo de todos los pasos se quedaría en memoria y tardaría más. eval() no tiene que ver con
# gradientes: cambia lo que calculan algunas capas (aquí apaga el dropout). Para traducir hacen falta
# los dos.
# ### END SOLUTION

# %% [markdown] role="question" id="q_no_grad" points=3 lang="en"
# **Question 4.** `plain_greedy` has `torch.no_grad`. What does it do exactly, what would happen
# without it, and how does it differ from `model.eval()`?
#
# ### BEGIN SOLUTION
# Inside no_grad PyTorch does not note down the operations to differentiate them: results require no
# gradient, and the activations in between are freed at once. Without it the translation would be the
# same, but the graph of all steps would stay in memory, and it would take longer. eval() has nothing
# to do with gradients: it changes what some layers compute (here it turns dropout off). To translate,
# both are needed.
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
    """Compare the logits of each step with those of the whole prefix."""
    rng = np.random.default_rng(seed)
    model = drawn(Transformer(TINY), seed)
    source, inputs = drawn_ids(rng, batch, 6), drawn_ids(rng, batch, steps)
    source[-1, 4:] = PAD
    cache = Cache(model, source)
    logits = torch.stack([cache.step(ids) for ids in inputs.unbind(dim=1)], dim=1)
    whole = model(source, inputs)
    return logits[:, -1], bool((logits - whole).abs().max() < 1e-4)


tick.call(
    "cache: the first piece",
    lambda *case: cache_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), batch, 1) for batch in (1, 3)],
    marks=2,
    hint={
        "es": "Con una sola pieza no hay pasado: revisa las tres subcapas, sus normas y atajos, y la máscara de la fuente.",
        "en": "With a single piece there is no past: look at the three sublayers, their norms and shortcuts, and the source's mask.",
    },
)
tick.call(
    "cache: as without it",
    lambda *case: cache_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 3, steps) for steps in (2, 7)],
    marks=3,
    hint={
        "es": "Si la primera pieza está bien y las demás no: ¿avanza self.length y llega a la posición? ¿Se guardan las claves nuevas, detrás de las viejas?",
        "en": "If the first piece is right and the others are not: does self.length move on and reach the position? Are the new keys kept, after the old ones?",
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
# **penalización de longitud** (Wu et al., 2016), con $\alpha = 0{,}6$:
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
def beam_case(seed, batch, width, ended):
    """Take a step from drawn scores; ``ended`` beginnings of each sentence are finished."""
    rng = np.random.default_rng(seed)
    scores, logits = tensors(rng, (batch, width), (batch, width, 9))
    finished = torch.arange(width).expand(batch, -1) < ended
    return beam_step(scores, logits.log_softmax(dim=-1), finished)


tick.call(
    "length penalty",
    lambda lengths, alpha: length_penalty(torch.from_numpy(lengths), alpha),
    cases=lambda rng: [(rng.integers(1, 40, size=5), alpha) for alpha in (0.0, 0.6)],
    marks=1,
    hint={
        "es": "Con n = 1 o con α = 0 debe salir 1.",
        "en": "With n = 1, or with α = 0, it must be 1.",
    },
)
tick.call(
    "beam step",
    lambda *case: beam_case(*case),
    cases=lambda rng: [
        (int(rng.integers(10**6)), batch, width, 0) for batch, width in [(1, 2), (3, 4)]
    ],
    marks=2,
    hint={
        "es": "Aplana (K, V) antes de topk: los mejores compiten entre todos los comienzos. La división entera da el comienzo y el resto, la pieza.",
        "en": "Flatten (K, V) before topk: the best compete across all beginnings. Integer division gives the beginning and the rest the piece.",
    },
)
tick.call(
    "beam step: finished beginnings",
    lambda *case: beam_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), 2, 4, ended) for ended in (1, 4)],
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


# %% role="check" id="translation_check" points=3 covers="greedy,cache,beam"
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
    "whole translations of new sentences",
    lambda sentences: word_pairs(translate(models["Transformer"], subwords, sentences)),
    hidden=new_sentences,
    metric="rmse",
    baseline=("copying the source", lambda sentences: word_pairs(sentences)),
    marks=3,
    hint={
        "es": "Se comparan las parejas de palabras seguidas con las de la traducción buena. Si las piezas sueltas se predicen bien y esto falla, mira la caché y el haz.",
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

    def look(module, arguments):
        x, keys, values, mask = arguments
        maps.append(attention(module.split(module.query(x)), keys, values, mask)[1][0].cpu())

    hooks = [layer.cross_attention.register_forward_pre_hook(look) for layer in model.decoder]
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
        maps[-1][:4],
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

# %% [markdown] lang="es"
# ## 5. BLEU
#
# ¿Es buena una traducción? BLEU (Papineni et al., 2002) la compara con una referencia contando
# secuencias de palabras en común. Es barato, es tosco, y es la nota que verás en todas partes: más
# vale saber cómo se calcula.

# %% [markdown] lang="en"
# ## 5. BLEU
#
# Is a translation good? BLEU (Papineni et al., 2002) compares it with a reference by counting the
# sequences of words they share. It is cheap, it is crude, and it is the mark you will see everywhere:
# better to know how it is computed.

# %% [markdown] exercise="bleu" lang="es"
# Para cada $n$ de 1 a 4, la **precisión** $p_n$ es la parte de los $n$-gramas escritos que están en
# la referencia, cada uno contado a lo sumo tantas veces como en ella (si no, «the the the» acertaría
# todo). Se suman aciertos y totales de **todo el corpus** antes de dividir. Y como callar es una
# forma de no equivocarse, lo breve se castiga: con $c$ palabras escritas y $r$ de referencia,
#
# $$\mathrm{BLEU} = 100 \cdot \min\!\left(1,\; e^{1 - r/c}\right) \cdot
# \exp\!\left(\tfrac14 \sum_{n=1}^{4} \ln p_n\right)$$
#
# y 0 si algún $p_n$ lo es. A mano: se escribe `a dog runs on the beach` y la referencia es `a dog
# runs along the beach`. Aciertan 5 palabras de 6, 3 pares de 5, 1 trío de 4 y ningún cuarteto de 3:
# BLEU = 0. Añade otra frase, perfecta y de 6 palabras: 11/12, 8/10, 5/8 y 3/6; la media geométrica da
# 69,2.

# %% [markdown] exercise="bleu" lang="en"
# For each $n$ from 1 to 4, the **precision** $p_n$ is the share of the $n$-grams written that are in
# the reference, each counted at most as often as there (or else “the the the” would get everything
# right). Matches and totals are added up over the **whole corpus** before dividing. And since saying
# nothing is a way not to be wrong, what is short is punished: with $c$ words written and $r$ in the
# reference,
#
# $$\mathrm{BLEU} = 100 \cdot \min\!\left(1,\; e^{1 - r/c}\right) \cdot
# \exp\!\left(\tfrac14 \sum_{n=1}^{4} \ln p_n\right)$$
#
# and 0 if some $p_n$ is. By hand: `a dog runs on the beach` is written and the reference is `a dog
# runs along the beach`. Right are 5 words of 6, 3 pairs of 5, 1 triple of 4, and no quadruple of 3:
# BLEU = 0. Add another sentence, perfect and of 6 words: 11/12, 8/10, 5/8 and 3/6; the geometric mean
# gives 69.2.


# %% role="exercise" id="bleu" title_es="BLEU a mano" title_en="BLEU by hand" difficulty=2 minutes=20
def matches(hypothesis: list[str], reference: list[str], n: int) -> tuple[int, int]:
    """Return how many n-grams of the hypothesis are right, and how many there are."""
    ### BEGIN SOLUTION
    ours, theirs = (
        Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
        for tokens in (hypothesis, reference)
    )
    return (ours & theirs).total(), ours.total()
    ### END SOLUTION


def bleu(hypotheses: list[list[str]], references: list[list[str]]) -> float:
    """Return the BLEU of a corpus, from 0 to 100; one reference for each hypothesis."""
    ### BEGIN SOLUTION
    written, expected = (sum(map(len, side)) for side in (hypotheses, references))
    precisions = []
    for n in range(1, 5):
        counts = [matches(*pair, n) for pair in zip(hypotheses, references, strict=True)]
        right, total = (sum(column) for column in zip(*counts, strict=True))
        if right == 0:
            return 0.0
        precisions.append(right / total)
    brevity = min(1.0, math.exp(1 - expected / written))
    return 100 * brevity * math.exp(sum(map(math.log, precisions)) / 4)
    ### END SOLUTION


# %% role="check" id="bleu_check" points=5
def drawn_corpus(rng, kept, sizes=(12, 9, 15)):
    """Draw references, and hypotheses that keep a share of their words."""
    alphabet = list("abcdefg")
    references = [rng.choice(alphabet, size=size).tolist() for size in sizes]
    hypotheses = [
        [word if rng.random() < kept else "x" for word in reference] for reference in references
    ]
    return hypotheses, references


tick.call(
    "matching n-grams",
    lambda hypothesis, reference, n: matches(hypothesis, reference, n),
    cases=lambda rng: (
        [
            (rng.choice(list("ab"), size=9).tolist(), rng.choice(list("ab"), size=7).tolist(), n)
            for n in (1, 2, 4)
        ]
        + [(["a", "b"], ["a", "b"], 3)]
    ),
    marks=2,
    hint={
        "es": "Un n-grama repetido acierta a lo sumo tantas veces como está en la referencia. Una frase de 2 palabras no tiene tríos.",
        "en": "A repeated n-gram is right at most as often as it is in the reference. A sentence of 2 words has no triples.",
    },
)
tick.call(
    "BLEU of a corpus",
    lambda hypotheses, references: bleu(hypotheses, references),
    cases=lambda rng: [
        drawn_corpus(rng, 0.9),
        drawn_corpus(rng, 1.0),
        drawn_corpus(rng, 0.0),
        ([words[:-3] for words in drawn_corpus(rng, 1.0)[1]], drawn_corpus(rng, 1.0)[1]),
    ],
    marks=3,
    hint={
        "es": "Se suman aciertos y totales de todas las frases antes de dividir; la media es geométrica. ¿Castigas solo si c < r?",
        "en": "Matches and totals of all sentences are added up before dividing; the mean is geometric. Do you punish only if c < r?",
    },
)

# %% [markdown] lang="es"
# **Dos notas para las mismas traducciones.** La de los libros de texto: minúsculas y la puntuación
# aparte, con **nuestra** forma de partir en palabras. La de **sacrebleu** (Post, 2018): el texto tal
# como se lee, con mayúsculas, partido siempre de la misma forma, y una *firma* que dice cuál. Solo la
# segunda se puede comparar con la de otro artículo. En las dos, la referencia es la original: si
# pasara por nuestro vocabulario, un `<unk>` acertaría otro `<unk>`.

# %% [markdown] lang="en"
# **Two marks for the same translations.** The schoolbook one: lower case and punctuation apart, with
# **our** way of splitting into words. That of **sacrebleu** (Post, 2018): the text as it is read, with
# its capitals, always split in the same way, and a *signature* that says which. Only the second can
# be compared with that of another paper. In both, the reference is the original: if it went through
# our vocabulary, an `<unk>` would match another `<unk>`.


# %% role="given"
def sentence_case(text):
    """Return a text with a capital at its beginning, as Multi30k writes."""
    return text[:1].upper() + text[1:]


def scores_of(translations, references):
    """Return both scores of translations, and the signature of the second."""
    metric = sacrebleu.BLEU()
    finish = budget(full=sentence_case, quick=str)  # the made-up language has no capitals
    detokenised = metric.corpus_score([finish(text) for text in translations], [references])
    return {
        "tokenised, lower case": bleu(*([words(text) for text in side] for side in (translations, references))),
        "sacrebleu": detokenised.score,
        "signature": str(metric.get_signature()),
    }  # fmt: skip


def score_translations(model, subwords, pairs):
    """Return everything measured on test pairs: perplexities and the scores of both searches."""
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    return {
        "perplexity": test_perplexities(model, subwords, pairs),
        "greedy": scores_of(translate(model, subwords, sources, greedy), references),
        "beam": scores_of(translate(model, subwords, sources), references),
    }


with once_done():
    results = score_translations(models["Transformer"], subwords, test_pairs)
    for search in ("greedy", "beam"):
        both = (
            f"{name} {results[search][name]:.1f}" for name in ("tokenised, lower case", "sacrebleu")
        )
        print(f"{search:<7} {'   '.join(both)}")
    print(results["beam"]["signature"])

# %% [markdown] role="question" id="q_bleu" points=3 lang="es"
# **Pregunta 6.** Interpreta el BLEU obtenido. ¿Qué mide y qué no? ¿Por qué no coinciden las dos notas?
# ¿Sería 100 la nota de una buena traductora humana?
#
# ### BEGIN SOLUTION
# Mide cuántas secuencias cortas de palabras coinciden con una referencia, no el sentido: un sinónimo
# o un orden distinto pierden puntos, y un «not» de menos apenas los pierde. Es una medida de corpus:
# frase a frase es muy ruidosa. Las dos notas parten las palabras de forma distinta y una distingue
# mayúsculas; con otra partición u otras referencias cambian varios puntos, así que un BLEU sin firma
# no se puede comparar. Una persona tampoco llegaría a 100: hay muchas traducciones buenas y la
# referencia es una. En Multi30k unos 40 puntos son ya frases casi siempre correctas y fluidas.
# ### END SOLUTION

# %% [markdown] role="question" id="q_bleu" points=3 lang="en"
# **Question 6.** Interpret the BLEU obtained. What does it measure, and what does it not? Why do the
# two marks differ? Would a good human translator get 100?
#
# ### BEGIN SOLUTION
# It measures how many short sequences of words agree with one reference, not the meaning: a synonym
# or another order loses points, and a missing “not” loses hardly any. It is a measure of a corpus:
# sentence by sentence it is very noisy. The two marks split words differently, and one of them minds
# capitals; with another splitting or other references they move by several points, so a BLEU without
# a signature cannot be compared. A person would not reach 100 either: there are many good
# translations, and the reference is one. On Multi30k some 40 points are sentences nearly always right
# and fluent.
# ### END SOLUTION

# %% [markdown] lang="es"
# **Dónde se equivoca.** Con la traducción buena delante (como al entrenar), ¿qué pieza predice cuando
# no acierta? Cada línea: la que tocaba, la que dijo y cuántas veces.

# %% [markdown] lang="en"
# **Where it errs.** With the right translation in front (as in training), which piece does it predict
# when it is wrong? Each line: what was due, what it said, and how often.


# %% role="given"
@torch.no_grad()
def confusions(model, subwords, pairs):
    """Count the pairs (right piece, predicted piece) that differ, over sentence pairs."""
    counts = Counter()
    for batch in piece_loader(pairs, subwords, tokens=2000):
        logits, targets = translate_batch_loss(model.eval(), [ids.to(device) for ids in batch])
        said = logits.argmax(dim=-1)
        wrong = (targets != PAD) & (said != targets)
        right, instead = (subwords.pieces(ids[wrong].tolist()) for ids in (targets, said))
        counts.update(zip(right, instead, strict=True))
    return counts


with once_done():
    for (right, said), count in confusions(models["Transformer"], subwords, test_pairs).most_common(
        12
    ):
        print(f"{right:>12} → {said:<12} {count}")

# %% [markdown] role="question" id="q_confusions" points=3 lang="es"
# **Pregunta 7.** ¿Qué confunde más tu modelo? Agrupa los errores de la lista en dos o tres clases y di
# cuáles son errores de verdad y cuáles, solo otra forma correcta de decir lo mismo.
#
# ### BEGIN SOLUTION
# En Multi30k encabezan la lista las palabras de función: a/the, in/on/at, is/are, with/and, y comas;
# a menudo ambas valen y la red no puede saber cuál escribió la persona. Siguen sinónimos cercanos
# (man/guy, walking/walks, street/road), que BLEU castiga igual. Los errores de verdad son de número,
# de cantidad o de significado (shirt/jacket, boy/girl) y palabras raras partidas en muchas piezas. Con
# el idioma inventado quedan pocos fallos, casi todos en el lugar o el momento opcionales.
# ### END SOLUTION

# %% [markdown] role="question" id="q_confusions" points=3 lang="en"
# **Question 7.** What does your model confuse most? Sort the errors of the list into two or three
# kinds, and say which are real errors and which just another right way to say the same.
#
# ### BEGIN SOLUTION
# On Multi30k the list is headed by function words: a/the, in/on/at, is/are, with/and, and commas;
# often both will do, and the network cannot know which one the person wrote. Next come near synonyms
# (man/guy, walking/walks, street/road), which BLEU punishes all the same. The real errors are of
# number, of quantity or of meaning (shirt/jacket, boy/girl), and rare words split into many pieces.
# With the made-up language few failures are left, nearly all in the optional place or time.
# ### END SOLUTION

# %% [markdown] lang="es"
# **Lo que te llevas.** Has construido las dos arquitecturas que hicieron la traducción automática
# moderna y has comprobado cada pieza contra la de PyTorch. La máquina que acabas de entrenar es, por
# dentro, la misma que los grandes modelos de lenguaje: más capas, más datos, y nada que no hayas
# escrito hoy.

# %% [markdown] lang="en"
# **What you take away.** You have built the two architectures that made modern machine translation,
# and checked every piece against PyTorch's. The machine you have just trained is, inside, the same as
# the large language models: more layers, more data, and nothing you have not written today.

# %% role="given"
tick.summary()
