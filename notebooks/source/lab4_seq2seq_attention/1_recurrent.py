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
# | 5 | BLEU | una nota, calculada a mano, sus trampas y su margen de error |
# | 6 | ¿Qué pieza importa? | una tabla de quitar y medir |
#
# **Cómo se trabaja.** Ejecuta las celdas en orden. En cada ejercicio sustituye la línea
# `raise NotImplementedError(...)` por tu código y ejecuta la comprobación de debajo. Cada una puntúa
# por separado: si una se te atraganta, sigue. Una línea con ⏳ dice qué ejercicio está esperando esa
# celda. En el perfil `full` se traduce de verdad, con Multi30k (29 000 descripciones de fotos), y
# el entrenamiento tarda unos veinte minutos en dos núcleos sin GPU; si se interrumpe, vuelve a
# ejecutar la celda y sigue donde estaba. El perfil `quick` usa un idioma inventado y tarda menos de
# un minuto.

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
# | 5 | BLEU | a mark, computed by hand, its pitfalls and its margin of error |
# | 6 | Which piece matters? | a table of taking away and measuring |
#
# **How to work.** Run the cells in order. In each exercise replace the line
# `raise NotImplementedError(...)` with your code and run the check below it. Each is marked on its
# own: if one resists, go on. A line with ⏳ says which exercise that cell is waiting for. In the
# `full` profile you translate for real, on Multi30k (29 000 descriptions of photographs), and
# training takes some twenty minutes on two cores without a GPU; if it is interrupted, run it again
# and it goes on where it was. The `quick` profile uses a made-up language and takes less than a
# minute.

# %% role="given"
import hashlib
import math
import tempfile
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from inspect import signature
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import sacrebleu
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from data.loaders import multi30k
from data.synthetic import draw_language, translation_pairs
from utils import checkpoint, plots
from utils.batches import TokenBatches
from utils.device import available_cores, pick_device, seed_everything
from utils.diagrams import arrow, blank, box, dot, enclose
from utils.history import History
from utils.kernels import Dropout, SmoothedCrossEntropy, attend
from utils.language import tr
from utils.profile import budget, run_seed
from utils.recurrent import run_packed
from utils.storage import work_folder
from utils.subwords import SPECIALS, Subwords
from utils.text import Vocabulary, words
from utils.training import evaluate, fit
from utils.unfinished import Models, once_done

UNK, PAD, SOS, EOS = 0, 1, 2, 3  # the ids of the special tokens, in every vocabulary of this lab

# The quick profile's models are tiny: several threads would cost them more than they help.
torch.set_num_threads(budget(full=available_cores(), quick=1))
seed_everything(run_seed())
device = pick_device()


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


def rounded_up(length, multiple, extra):
    """Return the least multiple, and ``extra`` more, that is no shorter than a length."""
    return math.ceil((length - extra) / multiple) * multiple + extra


def padded(sequences, multiple=1, extra=0):
    """Return sequences of ids as one tensor (B, T), padded at the end.

    T is the least multiple, and ``extra`` more, into which the longest fits.
    """
    longest = rounded_up(max(map(len, sequences)), multiple, extra)
    return torch.tensor([[*ids, *[PAD] * (longest - len(ids))] for ids in sequences])


def word_ids(pair):
    """Return the ids of a pair of sentences: the words and EOS; SOS, the words and EOS."""
    source, target = (sentence.split() for sentence in pair)
    return [*source_words.encode(source), EOS], [SOS, *target_words.encode(target), EOS]


def loader_of(examples, tokens, multiple=1):
    """Return a loader of (source, target) batches of similar length, at most ``tokens`` each.

    Sources, and the targets once they are shifted, are padded to a multiple.
    """
    lengths = [
        (rounded_up(len(target), multiple, extra=1), rounded_up(len(source), multiple, extra=0))
        for source, target in examples
    ]

    def pair_of(batch):
        sources, targets = zip(*batch, strict=True)
        return padded(sources, multiple), padded(targets, multiple, extra=1)

    return DataLoader(
        examples,
        batch_sampler=TokenBatches(lengths, tokens),
        collate_fn=pair_of,
        pin_memory=device.type == "cuda",
    )


print(
    tr(
        es=f"{len(source_words)} palabras en el idioma inventado y {len(target_words)} en inglés",
        en=f"{len(source_words)} words in the made-up language and {len(target_words)} in English",
    )
)

# %% [markdown] exercise="shift" lang="es"
# **Un paso por delante.** El descodificador lee lo que ya ha escrito y dice lo que sigue. Durante el
# entrenamiento le damos la traducción correcta aunque él se haya equivocado (*teacher forcing*):
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
def tensor(value, *types):
    """Return a tensor as it is; say what was expected where it is none, or of no such type."""
    found = value.dtype if isinstance(value, Tensor) else type(value).__name__
    if not isinstance(value, Tensor) or (types and found not in types):
        expected = f"tensor ({types[0]})" if types else "tensor"
        raise TypeError(
            tr(
                es=f"se esperaba un {expected} y ha llegado {found}",
                en=f"expected a {expected}, found {found}",
            )
        )
    return value


tick.call(
    {"es": "objetivo desplazado", "en": "shifted target"},
    lambda target: [tensor(side, torch.int64) for side in shift(torch.from_numpy(target))],
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
    module = module.to(device)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.4, size=tuple(parameter.shape))))
    return module.eval()


def tensors(rng, *shapes):
    """Draw float32 tensors of these shapes, on the notebook's device."""
    return [torch.from_numpy(rng.normal(size=shape)).float().to(device) for shape in shapes]


def drawn_mask(rng, rows, columns):
    """Draw a mask as if padded at the end: the first of several rows is full, no other is."""
    lengths = torch.from_numpy(rng.integers(1, max(columns, 2), size=rows))
    if rows > 1:
        lengths[0] = columns
    return (torch.arange(columns) < lengths[:, None]).to(device)


def slope(output, start):
    """Return how the sum of the squares of an output changes with a tensor that it came from."""
    if not output.requires_grad:
        raise TypeError(
            tr(
                es="el resultado ya no se puede derivar: no pases por números, NumPy ni detach",
                en="the result can no longer be differentiated: use no numbers, NumPy or detach",
            )
        )
    return torch.autograd.grad(output.square().sum(), start)[0]


def additive_case(seed, batch, length):
    """Run the attention on a drawn batch; return the context, the weights and a slope."""
    rng = np.random.default_rng(seed)
    layer = drawn(AdditiveAttention(6), seed)
    state, keys = tensors(rng, (batch, 6), (batch, length, 6))
    context, weights = map(tensor, layer(state, keys, drawn_mask(rng, batch, length)))
    return context, weights, slope(context, layer.U.weight)


tick.call(
    {"es": "atención aditiva: pesos", "en": "additive attention: weights"},
    lambda *case: additive_case(*case)[1],
    cases=lambda rng: [
        (int(rng.integers(10**6)), batch, length) for batch, length in [(1, 4), (3, 7), (6, 6)]
    ],
    marks=2,
    hint={
        "es": "Cada fila suma 1 y el relleno pesa 0. ¿Pones −∞ donde la máscara es False, antes de la softmax, y la haces sobre las claves?",
        "en": "Each row sums to 1 and padding weighs 0. Do you put −∞ where the mask is False, before the softmax, and take it over the keys?",
    },
)
tick.call(
    {"es": "atención aditiva: contexto", "en": "additive attention: context"},
    lambda *case: additive_case(*case)[::2],
    cases=lambda rng: [(int(rng.integers(10**6)), batch, 6) for batch in (2, 6)],
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
# sentidos, ya está hecho. Completa el paso y el bucle que lo repite con la traducción correcta.

# %% [markdown] exercise="recurrent" lang="en"
# **The decoder.** At every step: look at the sentence with the attention (query: its state before),
# join the previous word and the context, update the state with the GRU, and score the words:
#
# $$c_t = \mathrm{attention}(s_{t-1}, h) \qquad s_t = \mathrm{GRU}([y_{t-1}; c_t],\, s_{t-1}) \qquad
# z_t = W_o\,[s_t; c_t; y_{t-1}]$$
#
# where $y_{t-1}$ is the embedding of the previous word. The encoder, a GRU in both directions, is
# given. Complete the step, and the loop that repeats it over the right translation.


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
        # last: (2, B, W/2), one for each direction
        states, last = run_packed(self.encoder, self.source_embedding(source), mask.sum(1))
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


# %% role="check" id="recurrent_check" points=6
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
    source = torch.from_numpy(rng.integers(4, 9, size=(batch, 6))).to(device)
    source[~drawn_mask(rng, batch, 6)] = PAD
    inputs = torch.from_numpy(rng.integers(4, 11, size=(batch, steps))).to(device)
    states, mask, state = translator.encode(source)
    step = translator.step(inputs[:, 0], state, states, mask)
    return [tensor(part) for part in step], tensor(translator(source, inputs))


tick.call(
    {"es": "paso recurrente", "en": "recurrent step"},
    lambda *case: recurrent_case(*case)[0],
    cases=lambda rng: [(int(rng.integers(10**6)), batch, 1) for batch in (3, 8)],
    marks=2,
    hint={
        "es": "La consulta es el estado anterior. El orden de lo que se junta: [palabra; contexto] en la GRU y [estado; contexto; palabra] a la salida.",
        "en": "The query is the state before. The order of what is joined: [word; context] in the GRU, and [state; context; word] at the output.",
    },
)
tick.call(
    {"es": "bucle con teacher forcing", "en": "teacher forcing"},
    lambda *case: recurrent_case(*case)[1],
    cases=lambda rng: [(int(rng.integers(10**6)), 3, steps) for steps in (1, 5)],
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
        torch.optim.Adam(recurrent.parameters(), lr=budget(full=0.004, quick=0.02)),
        epochs=budget(full=5, quick=2),
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
    {"es": "palabra siguiente en frases nuevas", "en": "next word of new sentences"},
    lambda inputs: next_ids(models["recurrent translator"], inputs),
    hidden=toy_prefixes,
    metric="accuracy",
    baseline=(
        {"es": "siempre «the»", "en": "always the"},
        lambda inputs: np.full(len(inputs), target_words["the"]),
    ),
    marks=2,
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
