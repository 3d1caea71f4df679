# %% [markdown] lang="es"
# ## Antes de empezar
#
# > **Aviso sobre el contenido.** Los datos son tuits publicados que se reunieron para estudiar el
# > discurso de odio: hay en ellos lenguaje ofensivo, con insultos y comentarios racistas y sexistas.
# > El cuaderno no los busca, pero pueden asomar en los resultados. Si prefieres no encontrártelos,
# > añade una celda al principio con `import os; os.environ["LAB_PROFILE"] = "quick"`, ejecútala y
# > sigue: el cuaderno usará mensajes inventados y aprenderás lo mismo.
#
# ## Parte 1 · Word2Vec
#
# Un ordenador no sabe que *café* y *té* se parecen: para él son dos cadenas de letras distintas.
# **Word2Vec** (Mikolov y otros, 2013) lo descubre leyendo, con una idea sencilla: *las palabras que
# aparecen en los mismos contextos significan cosas parecidas*. Vas a construirlo entero:
#
# | | Paso | Qué entra | Qué sale |
# |---|---|---|---|
# | 1 | Limpiar | mensajes tal como se publicaron | listas de raíces |
# | 2 | Vocabulario | listas de raíces | listas de números |
# | 3 | Ventanas | listas de números | parejas (centro, contexto) |
# | 4 | Lotes | parejas | tensores en orden aleatorio |
# | 5 | *One-hot* y *embedding* | un número | un vector |
# | 6 | Modelo y entrenamiento | lotes | un vector por palabra |
# | 7 | Vecinos | vectores | palabras que se parecen |
# | 8 | Muestreo negativo | parejas reales e inventadas | lo mismo, mucho más deprisa |
# | 9 | Contar y el gradiente exacto | una tabla de recuentos | lo mismo, sin lotes ni azar |
# | 10 | Factorizar | la misma tabla | lo mismo, sin entrenar |
# | 11 | Medir y ver | vectores | números, y un mapa |
#
# Cada función se comprueba por separado, con datos nuevos que se sortean en cada corrección: si un
# ejercicio se te resiste, sigue con el siguiente y vuelve después. Con los tuits, esta parte tarda
# dos o tres minutos en dos núcleos sin GPU.

# %% [markdown] lang="en"
# ## Before you start
#
# > **Content warning.** The data are published tweets that were gathered to study hate speech: they
# > contain offensive language, with insults and racist and sexist remarks. The notebook does not seek
# > them out, but they may turn up in the results. If you would rather not meet them, add a cell at
# > the top with `import os; os.environ["LAB_PROFILE"] = "quick"`, run it and go on: the notebook will
# > use made-up messages, and you will learn the same.
#
# ## Part 1 · Word2Vec
#
# A computer does not know that *coffee* and *tea* are alike: to it they are two different strings.
# **Word2Vec** (Mikolov et al., 2013) finds out by reading, with a simple idea: *words that appear in
# the same contexts mean similar things*. You are going to build all of it:
#
# | | Step | What goes in | What comes out |
# |---|---|---|---|
# | 1 | Cleaning | messages as they were published | lists of stems |
# | 2 | Vocabulary | lists of stems | lists of numbers |
# | 3 | Windows | lists of numbers | (centre, context) pairs |
# | 4 | Batches | pairs | tensors in random order |
# | 5 | One-hot and embedding | a number | a vector |
# | 6 | Model and training | batches | a vector for each word |
# | 7 | Neighbours | vectors | words that are alike |
# | 8 | Negative sampling | real and made-up pairs | the same, much sooner |
# | 9 | Counting and the exact gradient | a table of counts | the same, without batches or chance |
# | 10 | Factorising | the same table | the same, without training |
# | 11 | Measuring and seeing | vectors | numbers, and a map |
#
# Each function is checked on its own, with new data drawn every time it is marked: if an exercise
# resists, go on with the next one and come back later. On the tweets this part takes two or three
# minutes on two cores without a GPU.

# %% role="given"
import re
from collections import Counter
from functools import cache
from itertools import pairwise
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import torch
from nltk.stem.snowball import SnowballStemmer
from scipy.spatial.distance import cdist
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset
from tqdm.auto import tqdm

from data.loaders import stopwords, tweets
from data.synthetic import word_corpus
from utils import plots
from utils.device import loader_settings, pick_device, seed_everything
from utils.language import tr
from utils.profile import budget, profile, run_seed
from utils.unfinished import once_done

seed_everything(run_seed())
device = pick_device()


def tensor_of(value):
    """Return a tensor as it is, and complain about anything else that was to be one."""
    if not isinstance(value, torch.Tensor):
        found = type(value).__name__
        raise TypeError(
            tr(
                es=f"se esperaba un torch.Tensor y llegó {found}: lo que sigue lo usa como tensor.",
                en=f"expected a torch.Tensor and got {found}: what follows uses it as a tensor.",
            )
        )
    return value


def on_device(*arrays):
    """Return each array as a tensor where this notebook computes."""
    return [torch.tensor(array, device=device) for array in arrays]


# %% [markdown] lang="es"
# ## 1.1 De mensajes a palabras
#
# En el perfil `full` (el normal) los datos son 31 962 tuits. En el perfil `quick`, con el que se
# corrige, son mensajes inventados: sus palabras no existen, pero forman ocho grupos que siempre van
# juntos, así que sabemos de antemano qué vecinos debería encontrar un buen modelo.

# %% [markdown] lang="en"
# ## 1.1 From messages to words
#
# In the `full` profile (the usual one) the data are 31 962 tweets. In the `quick` profile, used for
# marking, they are made-up messages: their words do not exist, but they form eight groups that keep
# company, so we know beforehand which neighbours a good model should find.

# %% role="given"
if profile() == "full":
    texts = list(tweets()["train"]["tweet"])
    stop_words = stopwords("english")
    seed_words = ["father", "coffe", "music", "school", "beach", "dog"]
else:
    drawn = word_corpus(np.random.default_rng(run_seed()), sentences=1200)
    texts = drawn.texts
    common = (
        "a again all and are at for have i in is it my of on our so that the then this those to "
        "was we when will with"
    )
    stop_words = frozenset(common.split())
    seed_words = [min(group) for group in drawn.groups.values()][:6]  # one word of a group

print(
    tr(
        es=f"{len(texts)} mensajes. Los dos primeros:",
        en=f"{len(texts)} messages. The first two:",
    )
)
for text in texts[:2]:
    print("  ", text)

# %% [markdown] exercise="clean" lang="es"
# Para contar palabras hay que decidir qué es «la misma palabra»: `Run`, `run` y `run!` deberían
# serlo. Así que pasamos todo a minúsculas y **conservamos solo** las letras de la `a` a la `z`, `@`,
# `#` y el espacio. Lo demás (cifras, puntuación, tildes, emojis) desaparece sin dejar hueco:
# `can't` se queda en `cant`. La `#` y la `@` se salvan porque en Twitter significan algo: `#love`
# no se usa igual que `love`.
#
# Después se parte el texto por los espacios. Dos espacios seguidos dejarían entre ellos una cadena
# vacía; no debe quedar ninguna.

# %% [markdown] exercise="clean" lang="en"
# To count words we must decide what “the same word” is: `Run`, `run` and `run!` should be. So we
# lower-case everything and **keep only** the letters from `a` to `z`, `@`, `#` and the space. The
# rest (digits, punctuation, accents, emoji) disappears without leaving a gap: `can't` becomes
# `cant`. `#` and `@` are spared because they mean something on Twitter: `#love` is not used like
# `love`.
#
# Then the text is split on the spaces. Two spaces in a row would leave an empty word between them;
# none may remain.


# %% role="exercise" id="clean" title_es="Limpiar un texto" title_en="Clean a text" difficulty=1 minutes=10
def clean(text: str) -> list[str]:
    """Lower-case a text, keep only a-z, @, # and spaces, and return its words, none empty."""
    ### BEGIN SOLUTION
    return re.sub(r"[^a-z@# ]", "", text.lower()).split()
    ### END SOLUTION


# %% role="check" id="clean_check" points=2
def draw_texts(rng):
    """Draw texts in which each of these characters comes."""
    characters = list(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@@##.,!?'-_ñÉ❤        "
    )
    return [("".join(rng.permutation(characters)),) for _ in range(3)]


def draw_gaps(rng):
    words = rng.permutation(["sun", "moon", "sky", "rain"])
    gaps = rng.permutation([" ", "  ", " ... ", "   "])
    return [
        ("".join(f"{gap}{word}" for gap, word in zip(gaps, words, strict=True)) + "  ",),
        ("",),
        ("  !?% ",),
    ]


tick.call(
    {"es": "limpiar: caracteres", "en": "clean: characters"},
    lambda text: [word for word in clean(text) if word],
    cases=draw_texts,
    marks=1,
    hint={
        "es": "¿Pasas a minúsculas antes de filtrar? ¿Borras lo que sobra, sin poner un espacio?",
        "en": "Do you lower-case before you filter? Do you delete the rest, without a space for it?",
    },
)
tick.call(
    {"es": "limpiar: sin cadenas vacías", "en": "clean: no empty words"},
    lambda text: clean(text),
    cases=draw_gaps,
    marks=1,
    hint={
        "es": "Prueba con espacios al principio, al final y repetidos, y con un texto sin letras.",
        "en": "Try spaces at the start, at the end and repeated, and a text without letters.",
    },
)

# %% role="given"
stemmer = SnowballStemmer("english")
print({word: stemmer.stem(word) for word in ("running", "runs", "happy", "happiness", "#running")})

# %% [markdown] exercise="normalise" lang="es"
# Dos recortes más, y en este orden:
#
# 1. **Palabras vacías** (*stop words*): `the`, `is`, `and`… están en todas las frases y, por tanto,
#    no dicen nada de sus vecinas.
# 2. **Raíces** (*stemming*): el algoritmo Snowball quita terminaciones, y así `running` y `runs`
#    cuentan juntas como `run`. La raíz no tiene por qué ser una palabra: `happy` da `happi`.
#
# El orden importa porque la lista de palabras vacías contiene palabras enteras, no raíces. Tienes
# el algoritmo en `stemmer.stem(word)`.

# %% [markdown] exercise="normalise" lang="en"
# Two more cuts, in this order:
#
# 1. **Stop words**: `the`, `is`, `and`… are in every sentence, and so say nothing of the words
#    beside them.
# 2. **Stems**: the Snowball algorithm takes endings off, so that `running` and `runs` count
#    together as `run`. A stem need not be a word: `happy` gives `happi`.
#
# The order matters because the list of stop words holds whole words, not stems. The algorithm is in
# `stemmer.stem(word)`.


# %% role="exercise" id="normalise" title_es="Palabras vacías y raíces" title_en="Stop words and stems" difficulty=1 minutes=10
def normalise(words: list[str], stop_words: frozenset[str]) -> list[str]:
    """Drop the stop words and return the stems of the others, in their order."""
    ### BEGIN SOLUTION
    return [stemmer.stem(word) for word in words if word not in stop_words]
    ### END SOLUTION


# %% role="check" id="normalise_check" points=2
def draw_words(rng):
    words = ["friends", "smiling", "happily", "#cities", "@user", "walked", "relational", "skies"]
    return [(rng.permutation([*words, "walked"]).tolist(), frozenset()) for _ in range(3)]


def draw_stop_words(rng):
    words = ["having", "have", "because", "use", "doing", "do", "during", "others", "other"]
    stop_words = frozenset(["have", "because", "do", "during", "other"])
    return [(rng.permutation(words).tolist(), stop_words), (["because", "do"], stop_words)]


tick.call(
    {"es": "normalizar: raíces", "en": "normalise: stems"},
    lambda words, stop_words: normalise(words, stop_words),
    cases=draw_words,
    marks=1,
    hint={
        "es": "¿Devuelves una raíz por palabra, en el mismo orden?",
        "en": "Do you return one stem for each word, in the same order?",
    },
)
tick.call(
    {"es": "normalizar: antes, las palabras vacías", "en": "normalise: stop words go first"},
    lambda words, stop_words: normalise(words, stop_words),
    cases=draw_stop_words,
    marks=1,
    hint={
        "es": "¿Comparas con la lista la palabra entera, antes de sacar su raíz?",
        "en": "Do you look the whole word up in the list, before you stem it?",
    },
)

# %% [markdown] lang="es"
# ## 1.2 Vocabulario
#
# La red trabaja con números, así que cada palabra necesita el suyo. Pero no todas lo merecen: de una
# palabra vista tres veces no se puede aprender casi nada, y cada palabra añade una fila a las dos
# matrices del modelo. De ahí el **umbral de frecuencia**.

# %% [markdown] lang="en"
# ## 1.2 Vocabulary
#
# The network works with numbers, so each word needs one. But not all of them deserve it: from a word
# seen three times there is next to nothing to learn, and each word adds a row to both matrices of
# the model. Hence the **frequency floor**.

# %% [markdown] exercise="build_vocabulary" lang="es"
# Devuelve dos cosas: `id_to_token`, la lista de las palabras que aparecen **más de** `floor` veces
# en todo el corpus, ordenadas según su primera aparición; y `token_to_id`, el diccionario que hace
# el camino inverso.

# %% [markdown] exercise="build_vocabulary" lang="en"
# Return two things: `id_to_token`, the list of the words that occur **more than** `floor` times in
# the whole corpus, ordered by their first appearance; and `token_to_id`, the dictionary that goes
# the other way.


# %% role="exercise" id="build_vocabulary" title_es="Construir el vocabulario" title_en="Build the vocabulary" difficulty=2 minutes=15
def build_vocabulary(sentences: list[list[str]], floor: int) -> tuple[list[str], dict[str, int]]:
    """Return (id_to_token, token_to_id) of the tokens that occur more than ``floor`` times."""
    ### BEGIN SOLUTION
    counts = Counter(token for sentence in sentences for token in sentence)
    # a Counter remembers the order in which it first saw each token
    id_to_token = [token for token, count in counts.items() if count > floor]
    return id_to_token, {token: i for i, token in enumerate(id_to_token)}
    ### END SOLUTION


# %% role="check" id="build_vocabulary_check" points=3
def draw_sentences(rng):
    """Draw corpora with tokens just below, at and just above the floor, the rare ones first.

    The last word is one that is above the floor with it, and not without.
    """
    cases = []
    for floor in (0, 2, 5):
        tokens = rng.permutation(["sun", "moon", "#sky", "rain", "wind", "@user", "snow", "storm"])
        counts = floor + np.array([-1, 0, 0, 1, 1, 2, 3, 6]).clip(min=-floor)
        later = rng.permutation(np.repeat(tokens, (counts - 1).clip(min=0))).tolist()
        corpus = tokens[counts > 0].tolist() + later
        corpus.append(corpus.pop(max(i for i, t in enumerate(corpus) if t == tokens[3])))
        cuts = sorted(rng.integers(len(corpus), size=4))
        sentences = [corpus[a:b] for a, b in pairwise([0, *cuts, len(corpus)])]
        cases.append((sentences, floor))
    return cases


def there_and_back(sentences, floor):
    """Return the ids in use, and the tokens that lead to an id and from there to themselves."""
    id_to_token, token_to_id = build_vocabulary(sentences, floor)
    return sorted(token_to_id.values()), sorted(
        t for t, i in token_to_id.items() if id_to_token[i] == t
    )


tick.call(
    {"es": "vocabulario: umbral de frecuencia", "en": "vocabulary: frequency floor"},
    lambda sentences, floor: sorted(build_vocabulary(sentences, floor)[0]),
    cases=draw_sentences,
    marks=1,
    hint={
        "es": "¿Cuentas en todo el corpus y no frase a frase? ¿«Más de» o «al menos»?",
        "en": "Do you count over the whole corpus, not sentence by sentence? “More than” or “at least”?",
    },
)
tick.call(
    {"es": "vocabulario: orden", "en": "vocabulary: order"},
    lambda sentences, floor: build_vocabulary(sentences, floor)[0],
    cases=draw_sentences,
    marks=1,
    hint={
        "es": "El orden es el de la primera aparición: ni alfabético ni por frecuencia.",
        "en": "The order is that of first appearance: neither alphabetical nor by frequency.",
    },
)
tick.call(
    {"es": "vocabulario: de palabra a número", "en": "vocabulary: token to id"},
    lambda sentences, floor: there_and_back(sentences, floor),
    cases=draw_sentences,
    marks=1,
    hint={
        "es": "Para cada palabra, id_to_token[token_to_id[palabra]] tiene que devolverla.",
        "en": "For each token, id_to_token[token_to_id[token]] must give it back.",
    },
)

# %% [markdown] exercise="encode" lang="es"
# Ahora, cada frase se convierte en la lista de sus números. Las palabras raras (las que no están en
# `token_to_id`) desaparecen. Devuelve **una lista por frase**, aunque se quede vacía: así la frase
# número 7 sigue siendo la número 7.

# %% [markdown] exercise="encode" lang="en"
# Now each sentence becomes the list of its numbers. Rare words (those not in `token_to_id`)
# disappear. Return **one list for each sentence**, even if nothing is left in it: that way sentence
# number 7 is still number 7.


# %% role="exercise" id="encode" title_es="De palabras a números" title_en="From words to numbers" difficulty=1 minutes=10
def encode(sentences: list[list[str]], token_to_id: dict[str, int]) -> list[list[int]]:
    """Return the ids of the tokens of each sentence, without the tokens that have none."""
    ### BEGIN SOLUTION
    return [
        [token_to_id[token] for token in sentence if token in token_to_id] for sentence in sentences
    ]
    ### END SOLUTION


# %% role="check" id="encode_check" points=2
def draw_vocabulary(rng):
    tokens = rng.permutation(["sun", "moon", "#sky", "rain", "wind", "snow"]).tolist()
    return {token: i for i, token in enumerate(tokens)}


def draw_known(rng):
    vocabulary = draw_vocabulary(rng)
    everything = rng.permutation([*vocabulary, *vocabulary]).tolist()
    return [([everything, [rng.choice([*vocabulary])], everything[::-1]], vocabulary)]


def draw_rare(rng):
    vocabulary = draw_vocabulary(rng)
    mixed = rng.permutation([*vocabulary, *vocabulary, "eclipse", "aurora"]).tolist()
    return [([["eclipse"], mixed, [], ["aurora", "eclipse"]], vocabulary)]


tick.call(
    {"es": "codificar: números", "en": "encode: ids"},
    lambda sentences, token_to_id: encode(sentences, token_to_id),
    cases=draw_known,
    marks=1,
    hint={
        "es": "El resultado es una lista de listas de enteros, una por frase.",
        "en": "The result is a list of lists of whole numbers, one for each sentence.",
    },
)
tick.call(
    {"es": "codificar: palabras raras", "en": "encode: rare words"},
    lambda sentences, token_to_id: encode(sentences, token_to_id),
    cases=draw_rare,
    marks=1,
    hint={
        "es": "¿Se salta las palabras raras? ¿Conserva las frases que se quedan vacías?",
        "en": "Does it skip rare words? Does it keep sentences that end up empty?",
    },
)

# %% [markdown] lang="es"
# Con tus funciones, el corpus entero. En los tuits deberías leer un vocabulario de **3085** palabras
# con `father` en el índice 1, y **204 534** palabras en total. Fíjate en cuánto texto se conserva
# con tan pocas palabras distintas: el lenguaje repite mucho unas pocas (ley de Zipf).

# %% [markdown] lang="en"
# The whole corpus, with your functions. On the tweets you should read a vocabulary of **3085**
# tokens with `father` at index 1, and **204 534** tokens in all. See how much text is kept with so
# few different words: language repeats a few of them very often (Zipf's law).

# %% role="given"
FLOOR = 10


def numbered(sentences, token_to_id):
    """Return the ids of each sentence as a plain list, whatever sequence `encode` made of them."""
    return [[int(i) for i in ids] for ids in encode(sentences, token_to_id)]


with once_done():
    sentences = [normalise(clean(text), stop_words) for text in texts]
    id_to_token, token_to_id = build_vocabulary(sentences, FLOOR)
    corpus = numbered(sentences, token_to_id)

    everything = Counter(token for sentence in sentences for token in sentence)
    kept = sum(len(ids) for ids in corpus)
    tokens = everything.total()
    print(
        tr(
            es=f"vocabulario: {len(id_to_token)} de {len(everything)} palabras distintas",
            en=f"vocabulary: {len(id_to_token)} of {len(everything)} different tokens",
        )
    )
    print(
        tr(
            es=f"corpus:      {kept} de {tokens} palabras ({kept / tokens:.0%})",
            en=f"corpus:     {kept} of {tokens} tokens ({kept / tokens:.0%})",
        )
    )
    print(tr(es=f"índice 1:    {id_to_token[1]!r}", en=f"index 1:    {id_to_token[1]!r}"))

# %% [markdown] lang="es"
# ## 1.3 Ventanas deslizantes
#
# El «contexto» de una palabra son las que la rodean, hasta `window` a cada lado. La ventana se
# desliza por la frase y cada palabra es el **centro** una vez (a la izquierda del dibujo, en naranja,
# con su contexto en azul). Con eso se pueden plantear dos juegos de adivinar:
#
# - **CBOW** (*continuous bag of words*): dado el contexto, promediado en un solo vector, adivina el
#   centro. Un ejemplo por ventana: rápido, y bueno con las palabras frecuentes.
# - **Skip-gram**: dado el centro, adivina cada palabra del contexto. Un ejemplo por *pareja*: más
#   lento, pero cada aparición de una palabra rara produce varios ejemplos, y por eso sus vectores
#   salen mejor.
#
# Nadie necesita ganar a este juego. Lo que se busca es lo que la red aprende para jugarlo: un vector
# por palabra. Aquí haremos skip-gram y, al final de 1.6, también CBOW.

# %% [markdown] lang="en"
# ## 1.3 Sliding windows
#
# The “context” of a word is the words around it, up to `window` on each side. The window slides
# along the sentence and each word is the **centre** once (on the left of the drawing, in orange,
# with its context in blue). Two guessing games can be made of this:
#
# - **CBOW** (continuous bag of words): given the context, averaged into a single vector, guess the
#   centre. One example a window: fast, and good with frequent words.
# - **Skip-gram**: given the centre, guess each word of the context. One example a *pair*: slower, but
#   each time a rare word appears it makes several examples, and so its vectors turn out better.
#
# Nobody needs to win this game. What we are after is what the network learns to play it: a vector
# for each word. We will do skip-gram and, at the end of 1.6, CBOW as well.


# %% role="given"
def draw_token(ax, x, y, text, role="other"):
    face, edge, ink = {
        "centre": (plots.COLOURS[1], plots.COLOURS[1], "white"),
        "context": ("white", plots.COLOURS[0], plots.TEXT),
        "other": (plots.BACKGROUND, plots.GRID, plots.TEXT),
    }[role]
    box = {"boxstyle": "round,pad=0.4", "facecolor": face, "edgecolor": edge, "linewidth": 1.6}
    ax.text(x, y, text, ha="center", va="center", color=ink, bbox=box)


def draw_windows(ax, tokens, window):
    title = tr(es=f"ventana = {window}", en=f"window = {window}")
    ax.set(title=title, xlim=(-0.6, len(tokens) - 0.4), ylim=(-0.5, 3.5))
    for row, centre in enumerate((0, 2, len(tokens) - 1)):
        for i, token in enumerate(tokens):
            role = "centre" if i == centre else "context" if abs(i - centre) <= window else "other"
            draw_token(ax, i, 3 - 1.5 * row, token, role)


def draw_game(ax, title, given, guessed, role):
    """Draw an arrow from each token that is given, through one vector, to each that is guessed."""
    ax.set(title=title, xlim=(-0.5, 2.5), ylim=(-0.5, 3.5))
    arrow = {"arrowstyle": "-|>", "color": plots.TEXT}
    for x, names, towards in ((0, given, True), (2, guessed, False)):
        heights = np.linspace(3, 0, len(names)) if len(names) > 1 else [1.5]
        for y, name in zip(heights, names, strict=True):
            outer, inner = (x + 0.3 * (1 - x), y), (1 - 0.35 * (1 - x), 1.5)  # beside the boxes
            ends = (inner, outer) if towards else (outer, inner)
            ax.annotate("", *ends, arrowprops=arrow)
            draw_token(ax, x, y, f"${name}$", role[x // 2])
    draw_token(ax, 1, 1.5, "vector")


around = ["w_{t-2}", "w_{t-1}", "w_{t+1}", "w_{t+2}"]
with plots.style():
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(12, 3), width_ratios=[2, 1, 1], layout="constrained"
    )
    draw_windows(left, ["father", "read", "long", "stori", "kid", "tonight"], window=2)
    draw_game(middle, "CBOW", around, ["w_t"], ("context", "centre"))
    draw_game(right, "Skip-gram", ["w_t"], around, ("centre", "context"))
    for ax in (left, middle, right):
        ax.set_axis_off()
plt.show()

# %% [markdown] exercise="context_pairs" lang="es"
# Devuelve todas las parejas `(centro, contexto)` de una frase: para cada posición, una pareja con
# cada palabra que esté a distancia `window` o menos, a izquierda y a derecha. En los bordes la
# ventana se recorta. El orden de las parejas da igual.
#
# Por ejemplo, con `[5, 8, 9]` y `window=1`: `(5, 8)`, `(8, 5)`, `(8, 9)`, `(9, 8)`.

# %% [markdown] exercise="context_pairs" lang="en"
# Return all `(centre, context)` pairs of a sentence: for each position, a pair with each word at a
# distance of `window` or less, to the left and to the right. At the edges the window is cut. The
# order of the pairs does not matter.
#
# For example, with `[5, 8, 9]` and `window=1`: `(5, 8)`, `(8, 5)`, `(8, 9)`, `(9, 8)`.


# %% role="exercise" id="context_pairs" title_es="Parejas de una ventana" title_en="Pairs of a window" difficulty=2 minutes=20
def context_pairs(ids: list[int], window: int) -> list[tuple[int, int]]:
    """Return the (centre, context) pairs of a sentence."""
    ### BEGIN SOLUTION
    pairs = []
    for i, centre in enumerate(ids):
        around = ids[max(0, i - window) : i] + ids[i + 1 : i + 1 + window]
        pairs += [(centre, context) for context in around]
    return pairs
    ### END SOLUTION


# %% role="check" id="context_pairs_check" points=4
tick.call(
    {"es": "parejas: ventana de 1", "en": "pairs: window of 1"},
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.permutation(50)[:n].tolist(), 1) for n in (3, 8)],
    marks=1,
    hint={
        "es": "¿Hay pareja con la palabra de la izquierda y con la de la derecha? ¿Y en los bordes?",
        "en": "Is there a pair with the word to the left and one with that to the right? At the edges?",
    },
)
tick.call(
    {"es": "parejas: cualquier ventana", "en": "pairs: any window"},
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.integers(6, size=12).tolist(), window) for window in (2, 3, 5)],
    marks=2,
    hint={
        "es": "El final de un rango queda fuera. Y una palabra repetida sí hace pareja consigo misma: "
        "compara posiciones, no números.",
        "en": "The end of a range is left out. And a repeated word does pair with itself: compare "
        "positions, not ids.",
    },
)
tick.call(
    {"es": "parejas: frases cortas", "en": "pairs: short sentences"},
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.permutation(50)[:n].tolist(), 6) for n in (0, 1, 2, 4)],
    marks=1,
    hint={
        "es": "Una frase puede ser más corta que la ventana, y un índice negativo cuenta desde el final.",
        "en": "A sentence may be shorter than the window, and a negative index counts from the end.",
    },
)

# %% [markdown] lang="es"
# De cada veinte mensajes apartamos uno: no se entrena con él, y más tarde dirá si el modelo aprende
# o memoriza. Se apartan *mensajes* y no parejas porque cada pareja `(a, b)` tiene su espejo `(b, a)`
# en el mismo mensaje, y quien ha visto una ya conoce la otra. En los tuits hay **854 376** parejas
# en total.

# %% [markdown] lang="en"
# We set one message in twenty aside: it is not trained on, and will tell later whether the model
# learns or memorises. We set aside *messages*, not pairs, because each pair `(a, b)` has its mirror
# `(b, a)` in the same message, and whoever has seen one knows the other. The tweets have
# **854 376** pairs in all.

# %% role="given"
WINDOW = 3


def pairs_of(sentences, window=WINDOW):
    """Return the pairs of all sentences, (N, 2)."""
    pairs = (pair for ids in sentences for pair in context_pairs(ids, window))
    return torch.tensor([(int(centre), int(context)) for centre, context in pairs])


with once_done():
    held_out_sentences = corpus[::20]
    training_sentences = [ids for i, ids in enumerate(corpus) if i % 20]
    held_out_pairs, training_pairs = pairs_of(held_out_sentences), pairs_of(training_sentences)
    training, held_out = len(training_pairs), len(held_out_pairs)
    print(
        tr(
            es=f"{training} parejas para entrenar + {held_out} apartadas = {training + held_out}",
            en=f"{training} training pairs + {held_out} held-out pairs = {training + held_out}",
        )
    )

# %% [markdown] lang="es"
# ## 1.4 Lotes
#
# Entrenar pareja a pareja desperdiciaría el procesador: una matriz de mil filas cuesta casi lo mismo
# que una de diez. Por eso PyTorch separa dos papeles: el `Dataset` sabe *dónde está* cada ejemplo y
# el `DataLoader` decide *cuáles van juntos* y en qué orden.

# %% [markdown] lang="en"
# ## 1.4 Batches
#
# Training pair by pair would waste the processor: a matrix of a thousand rows costs hardly more than
# one of ten. So PyTorch splits the work in two: the `Dataset` knows *where* each example is, and the
# `DataLoader` decides *which ones go together* and in which order.

# %% [markdown] exercise="dataset" lang="es"
# `pairs` es un tensor de forma `(N, 2)`: centros en la columna 0, contextos en la columna 1.
# `dataset[i]` devuelve `(centro, contexto)`. Y si `i` es una **lista** de índices, devuelve dos
# tensores, los centros y los contextos de toda esa lista: el indexado de tensores ya lo hace solo, si
# no te empeñas en convertir nada a `int`.

# %% [markdown] exercise="dataset" lang="en"
# `pairs` is a tensor of shape `(N, 2)`: centres in column 0, contexts in column 1. `dataset[i]`
# returns `(centre, context)`. And if `i` is a **list** of indices, it returns two tensors, the
# centres and the contexts of that whole list: the indexing of tensors does it by itself, as long as
# you do not insist on turning anything into an `int`.


# %% role="exercise" id="dataset" title_es="Un Dataset de parejas" title_en="A Dataset of pairs" difficulty=1 minutes=10
class PairsDataset(Dataset):
    """(centre, context) pairs; an index is a number or a list of numbers."""

    def __init__(self, pairs: torch.Tensor) -> None:
        ### BEGIN SOLUTION
        self.centres, self.contexts = pairs.unbind(dim=1)
        ### END SOLUTION

    def __len__(self) -> int:
        ### BEGIN SOLUTION
        return len(self.centres)
        ### END SOLUTION

    def __getitem__(self, index: int | list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        ### BEGIN SOLUTION
        return self.centres[index], self.contexts[index]
        ### END SOLUTION


# %% role="check" id="dataset_check" points=2
def length_and_item(pairs, index):
    dataset = PairsDataset(torch.tensor(pairs))
    centre, context = dataset[index]
    return [len(dataset), centre, context]


def items(pairs, indices):
    centres, contexts = PairsDataset(torch.tensor(pairs))[indices]
    return torch.stack([centres, contexts])


tick.call(
    {"es": "dataset: longitud y elementos", "en": "dataset: length and items"},
    lambda pairs, index: length_and_item(pairs, index),
    cases=lambda rng: [(rng.integers(90, size=(n, 2)), n // 3) for n in (1, 7, 30)],
    marks=1,
    hint={
        "es": "len(dataset) es el número de parejas, y dataset[i] son dos valores: centro y contexto.",
        "en": "len(dataset) is the number of pairs, and dataset[i] is two values: centre and context.",
    },
)
tick.call(
    {"es": "dataset: una lista de índices", "en": "dataset: a list of indices"},
    lambda pairs, indices: items(pairs, indices),
    cases=lambda rng: [(rng.integers(90, size=(20, 2)), rng.integers(20, size=6).tolist())],
    marks=1,
    hint={
        "es": "Con una lista de k índices, cada uno de los dos tensores tiene forma (k,).",
        "en": "With a list of k indices, each of the two tensors has shape (k,).",
    },
)

# %% [markdown] exercise="loader" lang="es"
# Lo habitual es `DataLoader(dataset, batch_size=..., shuffle=True)`. Funciona, pero pide los ejemplos
# de uno en uno y luego los apila: más de 800 000 llamadas a Python por época. Como nuestro `dataset`
# entiende listas, podemos pedirle **lotes enteros**, mil veces menos llamadas:
#
# - `RandomSampler(dataset)` da los índices en un orden aleatorio, nuevo en cada época;
# - `BatchSampler(..., batch_size, drop_last=False)` los agrupa en listas;
# - `DataLoader(dataset, sampler=..., batch_size=None)` pasa cada lista a `dataset[lista]` tal cual.
#
# Nada de procesos auxiliares (`num_workers`): sirven cuando cuesta *leer* los lotes, y los nuestros ya
# están en memoria; pasarlos de un proceso a otro sería más lento.

# %% [markdown] exercise="loader" lang="en"
# The usual way is `DataLoader(dataset, batch_size=..., shuffle=True)`. It works, but asks for the
# examples one by one and then stacks them: more than 800 000 calls of Python an epoch. As our
# `dataset` understands lists, we can ask it for **whole batches**, a thousand times fewer calls:
#
# - `RandomSampler(dataset)` gives the indices in random order, a new one each epoch;
# - `BatchSampler(..., batch_size, drop_last=False)` groups them into lists;
# - `DataLoader(dataset, sampler=..., batch_size=None)` hands each list to `dataset[list]` as it is.
#
# No worker processes (`num_workers`): they prepare batches that are costly to *read*, and ours are in
# memory already; passing them from one process to another would be slower.


# %% role="exercise" id="loader" title_es="Un DataLoader por lotes" title_en="A DataLoader of batches" difficulty=2 minutes=10
def make_loader(dataset: Dataset, batch_size: int) -> DataLoader:
    """Return a loader of shuffled batches; the last one may be smaller."""
    ### BEGIN SOLUTION
    batches = BatchSampler(RandomSampler(dataset), batch_size, drop_last=False)
    return DataLoader(dataset, sampler=batches, batch_size=None, **loader_settings(device))
    ### END SOLUTION


# %% role="check" id="loader_check" points=2
def loader_of(pairs, batch_size):
    return make_loader(TensorDataset(*torch.tensor(pairs).unbind(1)), batch_size)


def one_epoch(loader):
    """Return the batches of an epoch, each a list of [centre, context]."""
    return [torch.stack(list(batch), dim=1).tolist() for batch in loader]


def flat(batches):
    return [pair for batch in batches for pair in batch]


def sizes_and_order(pairs, batch_size):
    """Return the sizes of the batches, and whether both epochs have an order of their own."""
    loader = loader_of(pairs, batch_size)
    first, second = one_epoch(loader), one_epoch(loader)
    side_by_side = np.diff(flat(first), axis=0) == pairs[1] - pairs[0]  # as they were before
    return [*map(len, first), first != second, side_by_side.mean() < 0.5]


tick.call(
    {"es": "lotes: cada pareja, una vez", "en": "loader: every pair once"},
    lambda pairs, batch_size: sorted(flat(one_epoch(loader_of(pairs, batch_size)))),
    cases=lambda rng: [(rng.integers(90, size=(50, 2)), 8)],
    marks=1,
    hint={
        "es": "En una época debe salir cada pareja exactamente una vez, también las del último lote.",
        "en": "In one epoch each pair must come out exactly once, those of the last batch too.",
    },
)
tick.call(
    {"es": "lotes: en orden aleatorio", "en": "loader: shuffled batches"},
    lambda pairs, batch_size: sizes_and_order(pairs, batch_size),
    cases=lambda rng: [(rng.integers(90) + np.arange(100).reshape(50, 2), 16)],
    marks=1,
    hint={
        "es": "¿Tienen los lotes el tamaño pedido? ¿Cambia el orden de una época a otra, y se mezclan "
        "las parejas y no solo los lotes?",
        "en": "Do the batches have the size asked for? Does the order change between epochs, and are "
        "the pairs mixed, not only the batches?",
    },
)
