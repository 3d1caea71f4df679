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
# unos dos minutos en dos núcleos sin GPU.

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
# resists, go on with the next one and come back later. On the tweets this part takes some two minutes
# on two cores without a GPU.

# %% role="given"
import re
from collections import Counter
from contextlib import contextmanager
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
from utils.profile import budget, profile, run_seed

seed_everything(run_seed())
device = pick_device()


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise or a result that it needs is not there."""
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"⏳ {error}")


# %% [markdown] lang="es"
# ## 1.1 De mensajes a palabras
#
# En el perfil `full` (el normal) los datos son 31 962 tuits. En el perfil `quick`, con el que se
# corrige, son mensajes inventados: sus palabras no existen, pero forman ocho grupos que siempre van
# juntos, así que sabemos de antemano qué vecinos debería encontrar un buen modelo.

# %% [markdown] lang="en"
# ## 1.1 From messages to words
#
# In the `full` profile (the usual one) the data are 31,962 tweets. In the `quick` profile, used for
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
    seed_words = [min(group) for group in drawn.groups.values()]  # one word of each group

print(f"{len(texts):,} messages. The first two:")
for text in texts[:2]:
    print("  ", text)

# %% [markdown] exercise="clean" lang="es"
# Para contar palabras hay que decidir qué es «la misma palabra»: `Run`, `run` y `run!` deberían
# serlo. Así que pasamos todo a minúsculas y **conservamos solo** las letras de la `a` a la `z`, `@`,
# `#` y el espacio. Lo demás (cifras, puntuación, tildes, emojis) desaparece sin dejar hueco:
# `can't` se queda en `cant`. La `#` y la `@` se salvan porque en Twitter significan algo: `#love`
# no se usa igual que `love`.
#
# Después se parte el texto por los espacios. Dos espacios seguidos dejarían una palabra vacía entre
# ellos; no debe quedar ninguna.

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
    characters = list(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@@##.,!?'-ñÉ❤        "
    )
    return [("".join(rng.choice(characters, size=80)),) for _ in range(4)]


def draw_gaps(rng):
    words = rng.choice(["Sun", "moon", "#sky", "42"], size=6)
    gaps = rng.choice([" ", "  ", " ... ", "   "], size=6)
    return [
        ("".join(f"{gap}{word}" for gap, word in zip(gaps, words, strict=True)) + "  ",),
        ("",),
        ("  100% ",),
    ]


tick.call(
    "clean: characters",
    lambda text: [word for word in clean(text) if word],
    cases=draw_texts,
    marks=1,
    hint={
        "es": "¿Pasas a minúsculas antes de filtrar? ¿Borras lo que sobra, sin poner un espacio?",
        "en": "Do you lower-case before you filter? Do you delete the rest, without a space for it?",
    },
)
tick.call(
    "clean: no empty words",
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
    return [(rng.permutation(words).tolist(), frozenset()) for _ in range(3)]


def draw_stop_words(rng):
    words = ["having", "have", "because", "doing", "do", "during", "others", "other", "music"]
    stop_words = frozenset(["have", "because", "do", "during", "other"])
    return [(rng.permutation(words).tolist(), stop_words), (["because", "do"], stop_words)]


tick.call(
    "normalise: stems",
    lambda words, stop_words: normalise(words, stop_words),
    cases=draw_words,
    marks=1,
    hint={
        "es": "¿Devuelves una raíz por palabra, en el mismo orden?",
        "en": "Do you return one stem for each word, in the same order?",
    },
)
tick.call(
    "normalise: stop words go first",
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
    """Draw corpora with tokens just below, at and just above the floor."""
    cases = []
    for floor in (0, 2, 5):
        tokens = rng.permutation(["sun", "moon", "#sky", "rain", "wind", "@user", "snow", "storm"])
        counts = floor + np.array([-1, 0, 0, 1, 1, 2, 3, 6]).clip(min=-floor)
        corpus = rng.permutation(np.repeat(tokens, counts)).tolist()
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
    "vocabulary: frequency floor",
    lambda sentences, floor: sorted(build_vocabulary(sentences, floor)[0]),
    cases=draw_sentences,
    marks=1,
    hint={
        "es": "¿Cuentas en todo el corpus y no frase a frase? ¿«Más de» o «al menos»?",
        "en": "Do you count over the whole corpus, not sentence by sentence? “More than” or “at least”?",
    },
)
tick.call(
    "vocabulary: order",
    lambda sentences, floor: build_vocabulary(sentences, floor)[0],
    cases=draw_sentences,
    marks=1,
    hint={
        "es": "El orden es el de la primera aparición: ni alfabético ni por frecuencia.",
        "en": "The order is that of first appearance: neither alphabetical nor by frequency.",
    },
)
tick.call(
    "vocabulary: token to id",
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
    return [([rng.choice([*vocabulary], size=n).tolist() for n in (5, 1, 8)], vocabulary)]


def draw_rare(rng):
    vocabulary = draw_vocabulary(rng)
    mixed = rng.choice([*vocabulary, "eclipse", "aurora"], size=12).tolist()
    return [([["eclipse"], mixed, [], ["aurora", "eclipse"]], vocabulary)]


tick.call(
    "encode: ids",
    lambda sentences, token_to_id: encode(sentences, token_to_id),
    cases=draw_known,
    marks=1,
    hint={
        "es": "El resultado es una lista de listas de enteros, una por frase.",
        "en": "The result is a list of lists of whole numbers, one for each sentence.",
    },
)
tick.call(
    "encode: rare words",
    lambda sentences, token_to_id: encode(sentences, token_to_id),
    cases=draw_rare,
    marks=1,
    hint={
        "es": "¿Se salta las palabras raras? ¿Conserva las frases que se quedan vacías?",
        "en": "Does it skip rare words? Does it keep sentences that end up empty?",
    },
)

# %% [markdown] lang="es"
# Con tus funciones, el corpus entero. En los tuits deberías leer un vocabulario de **3 085** palabras
# con `father` en el índice 1, y **204 534** palabras en total. Fíjate en cuánto texto se conserva
# con tan pocas palabras distintas: el lenguaje repite mucho unas pocas (ley de Zipf).

# %% [markdown] lang="en"
# The whole corpus, with your functions. On the tweets you should read a vocabulary of **3,085**
# tokens with `father` at index 1, and **204,534** tokens in all. See how much text is kept with so
# few different words: language repeats a few of them very often (Zipf's law).

# %% role="given"
FLOOR = 10

with once_done():
    sentences = [normalise(clean(text), stop_words) for text in texts]
    id_to_token, token_to_id = build_vocabulary(sentences, FLOOR)
    corpus = encode(sentences, token_to_id)

    everything = Counter(token for sentence in sentences for token in sentence)
    kept = sum(len(ids) for ids in corpus)
    print(f"vocabulary: {len(id_to_token):,} of {len(everything):,} different tokens")
    print(
        f"corpus:     {kept:,} of {everything.total():,} tokens ({kept / everything.total():.0%})"
    )
    print(f"index 1:    {id_to_token[1]!r}")

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
# por palabra. Aquí haremos skip-gram.

# %% [markdown] lang="en"
# ## 1.3 Sliding windows
#
# The “context” of a word are those around it, up to `window` on each side. The window slides along
# the sentence and each word is the **centre** once (on the left of the drawing, in orange, with its
# context in blue). Two guessing games can be made of this:
#
# - **CBOW** (continuous bag of words): given the context, averaged into a single vector, guess the
#   centre. One example a window: fast, and good with frequent words.
# - **Skip-gram**: given the centre, guess each word of the context. One example a *pair*: slower, but
#   each time a rare word appears it makes several examples, and so its vectors turn out better.
#
# Nobody needs to win this game. What we are after is what the network learns to play it: a vector
# for each word. We will do skip-gram.


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
    ax.set(title=f"window = {window}", xlim=(-0.6, len(tokens) - 0.4), ylim=(-0.5, 3.5))
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
    "pairs: window of 1",
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.permutation(50)[:n].tolist(), 1) for n in (3, 8)],
    marks=1,
    hint={
        "es": "¿Hay pareja con la palabra de la izquierda y con la de la derecha? ¿Y en los bordes?",
        "en": "Is there a pair with the word to the left and one with that to the right? At the edges?",
    },
)
tick.call(
    "pairs: any window",
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
    "pairs: short sentences",
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.integers(50, size=n).tolist(), 6) for n in (0, 1, 2, 4)],
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
# **854,376** pairs in all.

# %% role="given"
WINDOW = 3


def pairs_of(sentences):
    return torch.tensor(
        [pair for ids in sentences for pair in context_pairs(ids, WINDOW)]
    )  # (N, 2)


with once_done():
    held_out_sentences = corpus[::20]
    training_sentences = [ids for i, ids in enumerate(corpus) if i % 20]
    held_out_pairs, training_pairs = pairs_of(held_out_sentences), pairs_of(training_sentences)
    print(
        f"{len(training_pairs):,} training pairs + {len(held_out_pairs):,} held-out pairs", end=" "
    )
    print(f"= {len(training_pairs) + len(held_out_pairs):,}")

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
    "dataset: length and items",
    lambda pairs, index: length_and_item(pairs, index),
    cases=lambda rng: [(rng.integers(90, size=(n, 2)), n // 3) for n in (1, 7, 30)],
    marks=1,
    hint={
        "es": "len(dataset) es el número de parejas, y dataset[i] son dos valores: centro y contexto.",
        "en": "len(dataset) is the number of pairs, and dataset[i] is two values: centre and context.",
    },
)
tick.call(
    "dataset: a list of indices",
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
# Nada de procesos auxiliares (`num_workers`): preparan lotes que cuesta *leer*, y los nuestros ya están
# en memoria; pasarlos de un proceso a otro sería más lento.

# %% [markdown] exercise="loader" lang="en"
# The usual way is `DataLoader(dataset, batch_size=..., shuffle=True)`. It works, but asks for the
# examples one by one and then stacks them: more than 800,000 calls of Python an epoch. As our
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
    shuffled = flat(first) != pairs.tolist() and first != second
    return [*map(len, first), shuffled]


tick.call(
    "loader: every pair once",
    lambda pairs, batch_size: sorted(flat(one_epoch(loader_of(pairs, batch_size)))),
    cases=lambda rng: [(rng.integers(90, size=(50, 2)), 8)],
    marks=1,
    hint={
        "es": "En una época debe salir cada pareja exactamente una vez, también las del último lote.",
        "en": "In one epoch each pair must come out exactly once, those of the last batch too.",
    },
)
tick.call(
    "loader: shuffled batches",
    lambda pairs, batch_size: sizes_and_order(pairs, batch_size),
    cases=lambda rng: [(rng.integers(90, size=(50, 2)), 16)],
    marks=1,
    hint={
        "es": "¿Tienen los lotes el tamaño pedido? ¿Cambia el orden de una época a otra?",
        "en": "Do the batches have the size asked for? Does the order change between epochs?",
    },
)

# %% [markdown] lang="es"
# ## 1.5 One-hot y embedding: el mismo mapa
#
# ¿Cómo entra una palabra en una red? La forma clásica es **one-hot**: un vector de ceros con un 1 en
# la posición de la palabra. Si lo multiplicas por una matriz $W$ de forma $(V, d)$, el 1 elige una
# fila y los ceros borran las demás:
#
# $$\text{onehot}(i)\,W = W_i$$
#
# Entonces sobra la multiplicación: basta con leer la fila $i$. Eso es exactamente `nn.Embedding`, una
# matriz cuyas filas se consultan por número. También en el aprendizaje son lo mismo: el gradiente
# solo toca las filas que se han leído.

# %% [markdown] lang="en"
# ## 1.5 One-hot and embedding: the same map
#
# How does a word enter a network? The classic way is **one-hot**: a vector of zeros with a 1 at the
# word's position. If you multiply it by a matrix $W$ of shape $(V, d)$, the 1 picks a row and the
# zeros wipe out the others:
#
# $$\text{onehot}(i)\,W = W_i$$
#
# So the multiplication is not needed: reading row $i$ is enough. That is exactly `nn.Embedding`, a
# matrix whose rows are looked up by number. In learning, too, they are the same: the gradient only
# touches the rows that were read.

# %% [markdown] exercise="one_hot" lang="es"
# Compruébalo: escribe la codificación *one-hot* y la multiplicación por la matriz.

# %% [markdown] exercise="one_hot" lang="en"
# See for yourself: write the one-hot encoding and the multiplication by the matrix.


# %% role="exercise" id="one_hot" title_es="One-hot por matriz" title_en="One-hot times a matrix" difficulty=1 minutes=15
def one_hot(ids: torch.Tensor, size: int) -> torch.Tensor:
    """Return float vectors (N, size) with a 1 at each id and zeros elsewhere."""
    ### BEGIN SOLUTION
    return (ids[:, None] == torch.arange(size, device=ids.device)).float()  # (N, 1) == (size,)
    ### END SOLUTION


def lookup_by_one_hot(ids: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the vectors (N, d) of the ids, as a product with the matrix ``weight`` (V, d)."""
    ### BEGIN SOLUTION
    return one_hot(ids, len(weight)) @ weight
    ### END SOLUTION


# %% role="check" id="one_hot_check" points=2
tick.call(
    "one-hot: vectors",
    lambda ids, size: one_hot(torch.tensor(ids), size),
    cases=lambda rng: [(rng.integers(9, size=n), 9) for n in (1, 4, 12)],
    marks=1,
    hint={
        "es": "Una fila por palabra y una columna por entrada del vocabulario; cada fila suma 1.",
        "en": "One row for each word and one column for each entry of the vocabulary; rows sum to 1.",
    },
)
tick.call(
    "one-hot: times the matrix",
    lambda ids, weight: lookup_by_one_hot(torch.tensor(ids), torch.tensor(weight)),
    cases=lambda rng: [(rng.integers(7, size=5), rng.normal(size=(7, 3)).astype(np.float32))],
    marks=1,
    hint={
        "es": "Mira las formas: (N, V) por (V, d) da (N, d). ¿Son del mismo tipo las dos matrices?",
        "en": "Look at the shapes: (N, V) times (V, d) is (N, d). Are both matrices of the same type?",
    },
)

# %% [markdown] lang="es"
# El mismo resultado, a un precio muy distinto:

# %% [markdown] lang="en"
# The same result, at a very different price:

# %% role="given"
with once_done():
    some_ids = torch.randint(len(id_to_token), (1024,))
    embedding = nn.Embedding(len(id_to_token), 64)


def timed(function):
    start = perf_counter()
    return function(), 1000 * (perf_counter() - start)


with once_done():
    with torch.no_grad():
        product, product_ms = timed(lambda: lookup_by_one_hot(some_ids, embedding.weight))
        rows, rows_ms = timed(lambda: embedding(some_ids))
    numbers = len(some_ids) * len(id_to_token)
    print(f"one-hot times W: {numbers:>9,} numbers of input, {product_ms:6.2f} ms")
    print(f"nn.Embedding:    {len(some_ids):>9,} numbers of input, {rows_ms:6.2f} ms")
    print(f"largest difference: {(product - rows).abs().max():.0e}")

# %% [markdown] lang="es"
# ## 1.6 Modelo y entrenamiento
#
# Skip-gram es una de las redes más pequeñas que existen: dos matrices y nada entre ellas.
#
# | | forma | qué es |
# |---|---|---|
# | `embedding` | $(V, d)$ | una fila por palabra cuando es *centro*: **los vectores que buscamos** |
# | `output` | $(V, d)$ | una fila por palabra cuando es *contexto*; lineal y sin sesgo |
#
# La puntuación de una pareja es el producto escalar de sus dos filas. Dos palabras con los mismos
# contextos necesitan puntuaciones parecidas con todas las demás, y la forma de conseguirlo es tener
# vectores parecidos: ahí está todo el truco. Por eso tampoco hay función de activación: queremos un
# espacio en el que distancias y ángulos signifiquen algo.

# %% [markdown] lang="en"
# ## 1.6 Model and training
#
# Skip-gram is one of the smallest networks there are: two matrices and nothing in between.
#
# | | shape | what it is |
# |---|---|---|
# | `embedding` | $(V, d)$ | a row for each word as a *centre*: **the vectors we are after** |
# | `output` | $(V, d)$ | a row for each word as a *context*; linear, without a bias |
#
# The score of a pair is the dot product of its two rows. Two words with the same contexts need
# similar scores with all the others, and the way to get them is to have similar vectors: that is the
# whole trick. It is also why there is no activation function: we want a space in which distances and
# angles mean something.

# %% [markdown] exercise="model" lang="es"
# Define las dos capas con esos nombres, `embedding` y `output`. `forward` recibe los números de los
# centros, de forma `(B,)`, y devuelve una puntuación sin normalizar (*logit*) para cada palabra del
# vocabulario, de forma `(B, V)`. No apliques softmax: la entropía cruzada de PyTorch ya lo incluye.
#
# La última línea de `__init__` va dada: encoge los vectores iniciales. PyTorch los sortea con
# desviación 1, y las palabras raras, que se actualizan poco, se quedarían cerca de ese azar.

# %% [markdown] exercise="model" lang="en"
# Define the two layers with those names, `embedding` and `output`. `forward` takes the ids of the
# centres, of shape `(B,)`, and returns an unnormalised score (logit) for each word of the
# vocabulary, of shape `(B, V)`. Do not apply softmax: PyTorch's cross-entropy includes it.
#
# The last line of `__init__` is given: it shrinks the vectors at the start. PyTorch draws them with
# standard deviation 1, and rare words, which are seldom updated, would stay close to that chance.


# %% role="exercise" id="model" title_es="La red skip-gram" title_en="The skip-gram network" difficulty=1 minutes=10
class SkipGram(nn.Module):
    """Scores every word of the vocabulary as a context of the given centres."""

    def __init__(self, vocabulary_size: int, dim: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.embedding = nn.Embedding(vocabulary_size, dim)
        self.output = nn.Linear(dim, vocabulary_size, bias=False)
        ### END SOLUTION
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, centres: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.output(self.embedding(centres))  # (B,) -> (B, d) -> (B, V)
        ### END SOLUTION


# %% role="check" id="model_check" points=2
def parameter_shapes(vocabulary_size, dim):
    model = SkipGram(vocabulary_size, dim)
    return {name: list(parameter.shape) for name, parameter in model.named_parameters()}


def logits_of(embedding, output, centres):
    model = SkipGram(*embedding.shape)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.tensor(embedding))
        model.output.weight.copy_(torch.tensor(output))
        return model(torch.tensor(centres))


tick.call(
    "model: parameters",
    lambda vocabulary_size, dim: parameter_shapes(vocabulary_size, dim),
    cases=lambda rng: [(int(rng.integers(10, 20)), int(rng.integers(2, 8)))],
    marks=1,
    hint={
        "es": "Hay dos matrices, embedding.weight y output.weight, y ningún sesgo.",
        "en": "There are two matrices, embedding.weight and output.weight, and no bias.",
    },
)
tick.call(
    "model: logits",
    lambda embedding, output, centres: logits_of(embedding, output, centres),
    cases=lambda rng: [
        (rng.normal(size=(11, 4)), rng.normal(size=(11, 4)), rng.integers(11, size=n))
        for n in (1, 6)
    ],
    marks=1,
    hint={
        "es": "¿La forma es (B, V)? ¿Has dejado los logits como salen, sin softmax ni activación?",
        "en": "Is the shape (B, V)? Did you leave the logits as they are, without softmax or activation?",
    },
)

# %% [markdown] lang="es"
# **La pérdida** es la entropía cruzada: $-\log p(\text{contexto} \mid \text{centro})$, la «sorpresa»
# media ante el contexto que de verdad apareció. Dos referencias para leerla:
#
# - quien no sabe nada reparte por igual y pierde $\ln V$ (8,03 con 3 085 palabras);
# - quien solo conoce las frecuencias, sin mirar el centro (modelo de **unigramas**), pierde algo
#   menos. Todo lo que el modelo baje de ahí lo ha aprendido del contexto.

# %% [markdown] lang="en"
# **The loss** is cross-entropy: $-\log p(\text{context} \mid \text{centre})$, the mean “surprise” at
# the context that did appear. Two references to read it by:
#
# - who knows nothing shares out evenly and loses $\ln V$ (8.03 with 3,085 words);
# - who knows the frequencies only, and does not look at the centre (the **unigram** model), loses a
#   little less. Whatever the model gets below that, it has learnt from context.

# %% [markdown] exercise="mean_loss" lang="es"
# Primero, medir sin aprender. Recorre los lotes `(centros, contextos)` de `loader`, llévalos a
# `device` y devuelve, como `float`, la pérdida media **por pareja**. El último lote suele ser más
# pequeño, así que la media de las medias no vale. Y como aquí no se aprende, no hace falta gastar
# memoria en gradientes: `torch.no_grad()`.

# %% [markdown] exercise="mean_loss" lang="en"
# First, measuring without learning. Go through the batches `(centres, contexts)` of `loader`, take
# them to `device` and return, as a `float`, the mean loss **per pair**. The last batch is often
# smaller, so the mean of the means will not do. And as nothing is learnt here, no memory needs to be
# spent on gradients: `torch.no_grad()`.


# %% role="exercise" id="mean_loss" title_es="Medir la pérdida" title_en="Measure the loss" difficulty=1 minutes=10
def mean_loss(model: nn.Module, loader) -> float:
    """Return the mean cross-entropy per pair, without learning anything."""
    ### BEGIN SOLUTION
    total, count = 0.0, 0
    with torch.no_grad():
        for centres, contexts in loader:
            logits = model(centres.to(device))
            total += nn.functional.cross_entropy(
                logits, contexts.to(device), reduction="sum"
            ).item()
            count += len(centres)
    return total / count
    ### END SOLUTION


# %% role="check" id="mean_loss_check" points=2
class Table(nn.Embedding):
    """The simplest model that fits: a table of logits, a row for each centre."""

    def forward(self, centres):
        self.with_gradients = torch.is_grad_enabled()
        return super().forward(centres)


def draw_table(rng, count, batch_size):
    """Draw a table of logits, and pairs that will come in batches of this size."""
    return rng.normal(size=(6, 6)).astype(np.float32), rng.integers(6, size=(count, 2)), batch_size


def in_order(pairs, batch_size):
    return DataLoader(TensorDataset(*torch.tensor(pairs).unbind(1)), batch_size=batch_size)


def measured(table, pairs, batch_size):
    model = Table.from_pretrained(torch.tensor(table), freeze=False).to(device)
    return float(mean_loss(model, in_order(pairs, batch_size))), model


tick.call(
    "mean loss: value",
    lambda table, pairs, batch_size: measured(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, count, 8) for count in (5, 17)],
    marks=1,
    hint={
        "es": "¿Pesan igual todas las parejas, aunque el último lote sea más pequeño?",
        "en": "Does each pair weigh the same, even though the last batch is smaller?",
    },
)
tick.call(
    "mean loss: no gradients",
    lambda table, pairs, batch_size: measured(table, pairs, batch_size)[1].with_gradients,
    cases=lambda rng: [draw_table(rng, 4, 4)],
    marks=1,
    hint={
        "es": "¿Se llama al modelo dentro de torch.no_grad()?",
        "en": "Is the model called inside torch.no_grad()?",
    },
)

# %% [markdown] exercise="train_epoch" lang="es"
# Ahora, aprender. Para cada lote: borra los gradientes anteriores, calcula la pérdida media del
# lote, propágala hacia atrás y da un paso del optimizador. Devuelve la pérdida media **por pareja**
# de la época, con las pérdidas que fuiste midiendo por el camino.

# %% [markdown] exercise="train_epoch" lang="en"
# Now, learning. For each batch: clear the old gradients, compute the mean loss of the batch,
# propagate it backwards and take a step of the optimiser. Return the epoch's mean loss **per pair**,
# from the losses that you measured on the way.


# %% role="exercise" id="train_epoch" title_es="Una época" title_en="One epoch" difficulty=2 minutes=15
def train_epoch(model: nn.Module, loader, optimizer: torch.optim.Optimizer) -> float:
    """Take one step of the optimiser for each batch; return the mean loss per pair."""
    ### BEGIN SOLUTION
    total, count = 0.0, 0
    for centres, contexts in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(centres.to(device)), contexts.to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(centres)
        count += len(centres)
    return total / count
    ### END SOLUTION


# %% role="check" id="train_epoch_check" points=3
def trained(table, pairs, batch_size):
    """Return the table of logits after one epoch of plain gradient descent, and the loss."""
    model = Table.from_pretrained(torch.tensor(table), freeze=False).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=2.0)
    loss = train_epoch(model, in_order(pairs, batch_size), optimizer)
    return model.weight, float(loss)


tick.call(
    "epoch: one batch",
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, 6, 6)],
    marks=1,
    hint={
        "es": "¿Es la pérdida la media del lote? ¿Llamas a backward() y luego a step()?",
        "en": "Is the loss the mean over the batch? Do you call backward() and then step()?",
    },
)
tick.call(
    "epoch: several batches",
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, 20, 6)],
    marks=1,
    hint={
        "es": "Un paso por lote. Y los gradientes se suman a los anteriores si nadie los borra.",
        "en": "One step for each batch. And gradients add to the old ones unless someone clears them.",
    },
)
tick.call(
    "epoch: mean loss",
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[1],
    cases=lambda rng: [draw_table(rng, 13, 6)],
    marks=1,
    hint={
        "es": "La pérdida de cada lote se mide antes de su paso, y pesa según su tamaño.",
        "en": "The loss of each batch is measured before its step, and weighs by its size.",
    },
)

# %% [markdown] exercise="train" lang="es"
# Y ahora todo junto. Crea el modelo en `device`, los dos `DataLoader` y un optimizador (Adam va bien).
# En cada época, entrena con `pairs` y mide en `held_out`. Devuelve el modelo y las dos curvas, en un
# diccionario con las claves `"training"` y `"held out"`: un valor por época en cada una.
#
# Recorre las épocas con `tqdm(range(epochs), leave=False)` y verás cuánto falta.
#
# Lo que se comprueba es el resultado, con parejas que tu código no ha visto nunca: ¿predice contextos
# mejor que los unigramas? ¿Acaban juntas las palabras que comparten contextos?

# %% [markdown] exercise="train" lang="en"
# And now all of it together. Make the model on `device`, both `DataLoader`s and an optimiser (Adam
# does well). In each epoch, train on `pairs` and measure on `held_out`. Return the model and both
# curves, in a dictionary with the keys `"training"` and `"held out"`: one value an epoch in each.
#
# Go through the epochs with `tqdm(range(epochs), leave=False)` and you will see how much is left.
#
# What is checked is the result, on pairs that your code has never seen: does it predict contexts
# better than unigrams? Do words that share contexts end up together?


# %% role="exercise" id="train" title_es="Entrenar Word2Vec" title_en="Train Word2Vec" difficulty=3 minutes=20
def train(
    pairs: torch.Tensor,
    held_out: torch.Tensor,
    vocabulary_size: int,
    *,
    dim: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> tuple[nn.Module, dict[str, list[float]]]:
    """Train a new model on (N, 2) pairs; return it with its losses, one an epoch."""
    ### BEGIN SOLUTION
    model = SkipGram(vocabulary_size, dim).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    loader = make_loader(PairsDataset(pairs), batch_size)
    held_out_loader = make_loader(PairsDataset(held_out), batch_size)
    history = {"training": [], "held out": []}
    for _ in tqdm(range(epochs), leave=False):
        history["training"].append(train_epoch(model, loader, optimizer))
        history["held out"].append(mean_loss(model, held_out_loader))
    return model, history
    ### END SOLUTION


# %% role="check" id="train_check" points=4
GROUPS, MEMBERS = 6, 10  # of the tokens of an unseen corpus


def draw_pairs(rng, count):
    """Draw (centre, context) pairs, three in four within a group, and the group of each token."""
    tokens = rng.permutation(GROUPS * MEMBERS).reshape(GROUPS, MEMBERS)
    groups = rng.integers(GROUPS, size=(count, 2))
    groups[:, 1] = np.where(rng.random(count) < 0.75, groups[:, 0], groups[:, 1])
    pairs = tokens[groups, rng.integers(MEMBERS, size=(count, 2))]
    return pairs, tokens.argsort(axis=None) // MEMBERS


def train_on(pairs):
    pairs = torch.tensor(pairs)
    sizes = {"dim": 16, "epochs": 8, "batch_size": 256, "learning_rate": 0.01}
    model, _ = train(pairs, pairs[:100], GROUPS * MEMBERS, **sizes)
    return model


def draw_contexts(rng):
    pairs, _ = draw_pairs(rng, 11_000)
    return [pairs[:10_000], pairs[10_000:, 0]], pairs[10_000:, 1]


def predict_contexts(seen, centres):
    model = train_on(seen)
    with torch.no_grad():
        return model(torch.tensor(centres, device=device))


def unigram_logits(seen, centres):
    counts = np.bincount(seen[:, 1], minlength=GROUPS * MEMBERS)
    return np.tile(np.log(counts + 1.0), (len(centres), 1))


tick.predictions(
    "training: unseen contexts",
    lambda inputs: predict_contexts(*inputs),
    hidden=draw_contexts,
    metric="cross_entropy",
    baseline=("unigrams", lambda inputs: unigram_logits(*inputs)),
    share=0.75,
    marks=2,
    hint={
        "es": "¿Baja la pérdida de época en época? ¿Usas todas las épocas y learning_rate?",
        "en": "Does the loss fall from epoch to epoch? Do you use all the epochs and learning_rate?",
    },
)
tick.predictions(
    "training: unseen neighbours",
    lambda pairs: train_on(pairs).embedding.weight,
    hidden=lambda rng: draw_pairs(rng, 10_000),
    metric="neighbour_precision",
    baseline=("random vectors", lambda pairs: np.random.default_rng(0).normal(size=(60, 16))),
    marks=2,
    hint={
        "es": "¿Devuelves el modelo entrenado? ¿Recibe el optimizador todos sus parámetros?",
        "en": "Do you return the trained model? Does the optimiser get all its parameters?",
    },
)

# %% [markdown] lang="es"
# Llegó el momento. Con los tuits, cada época tarda unos 15 segundos en dos núcleos libres y muy poco
# en una GPU; nos quedamos en tres. La línea de puntos y rayas es el modelo de unigramas. Que en la
# primera época la curva de entrenamiento quede por encima de la otra no es un error: es la media de toda
# la época, también de cuando el modelo aún no sabía nada.

# %% [markdown] lang="en"
# Here it comes. On the tweets each epoch takes some 15 seconds on two free cores, and next to nothing
# on a GPU; we leave it at three. The dash-dotted line is the unigram model. That in the first epoch the
# training curve lies above the other is no mistake: it is the mean over the whole epoch, back to when
# the model knew nothing yet.

# %% role="given"
settings = {
    "dim": budget(full=64, quick=16),
    "epochs": budget(full=3, quick=10),
    "batch_size": budget(full=512, quick=256),
    "learning_rate": budget(full=0.003, quick=0.01),
}
with once_done():
    start = perf_counter()
    model, history = train(training_pairs, held_out_pairs, len(id_to_token), **settings)
    seconds = (perf_counter() - start) / settings["epochs"]

    shares = torch.bincount(training_pairs[:, 1], minlength=len(id_to_token)) + 1.0
    unigrams = -(shares / shares.sum()).log()[held_out_pairs[:, 1]].mean().item()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {seconds:.1f} s an epoch")
    print(
        f"loss: training {history['training'][-1]:.2f}, held out {history['held out'][-1]:.2f}",
        end="",
    )
    print(f", unigrams {unigrams:.2f}, knowing nothing {np.log(len(id_to_token)):.2f}")
    plots.loss_curve(history | {"unigrams": [unigrams] * settings["epochs"]})
    plt.show()

# %% [markdown] lang="es"
# ## 1.7 Vecinos
#
# ¿Han aprendido algo los vectores? Preguntemos a cada palabra por sus vecinas. La **distancia
# coseno**, $1 - \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$, solo mira la dirección: 0 si dos
# vectores apuntan al mismo sitio, 1 si son perpendiculares, 2 si son opuestos. Nos conviene porque
# la longitud depende en buena parte de lo frecuente que es la palabra, y el significado está en la
# dirección.

# %% [markdown] lang="en"
# ## 1.7 Neighbours
#
# Have the vectors learnt anything? Let us ask each word for its neighbours. **Cosine distance**,
# $1 - \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$, looks at direction only: 0 if two vectors
# point the same way, 1 if they are perpendicular, 2 if they are opposite. It suits us because length
# depends a good deal on how frequent a word is, while meaning is in the direction.

# %% [markdown] exercise="nearest" lang="es"
# Devuelve los índices de las `k` palabras más cercanas a `token_id`, de la más cercana a la más
# lejana, y sus distancias. La propia palabra no cuenta como vecina. `scipy` calcula todas las
# distancias de una vez: `cdist(una_fila, vectors, metric="cosine")`.

# %% [markdown] exercise="nearest" lang="en"
# Return the ids of the `k` words closest to `token_id`, from the closest on, and their distances.
# The word itself does not count as a neighbour. `scipy` computes all distances at once:
# `cdist(one_row, vectors, metric="cosine")`.


# %% role="exercise" id="nearest" title_es="Los vecinos más cercanos" title_en="The nearest neighbours" difficulty=2 minutes=15
def nearest(vectors: np.ndarray, token_id: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids (k,) of the nearest other rows of (V, d) by cosine, and their distances (k,)."""
    ### BEGIN SOLUTION
    distances = cdist(vectors[[token_id]], vectors, metric="cosine")[0]  # (V,)
    distances[token_id] = np.inf
    ids = distances.argsort()[:k]
    return ids, distances[ids]
    ### END SOLUTION


# %% role="check" id="nearest_check" points=2
def draw_vectors(rng):
    vectors = rng.normal(size=(30, 6)) * rng.uniform(0.2, 5, size=(30, 1))
    return [(vectors, int(rng.integers(30)), k) for k in (1, 5, 29)]


def draw_twin(rng):
    """Draw vectors of which one points exactly the same way as the word asked for."""
    vectors, (word, twin) = rng.normal(size=(20, 4)), rng.permutation(20)[:2]
    vectors[twin] = 2 * vectors[word]
    return [(vectors, int(word), 4)]


tick.call(
    "nearest: ids and distances",
    lambda vectors, token_id, k: list(nearest(vectors, token_id, k)),
    cases=draw_vectors,
    marks=1,
    hint={
        "es": "¿Van de menor a mayor distancia coseno? ¿Son k, sin contar la propia palabra?",
        "en": "Do they go from the smallest cosine distance up? Are they k, without the word itself?",
    },
)
tick.call(
    "nearest: not itself",
    lambda vectors, token_id, k: nearest(vectors, token_id, k)[0],
    cases=draw_twin,
    marks=1,
    hint={
        "es": "Otra palabra puede estar a distancia 0: quita la propia por su número, no por su puesto.",
        "en": "Another word may be at distance 0: leave the word itself out by its id, not by its place.",
    },
)

# %% [markdown] lang="es"
# Una palabra que no está en el vocabulario no tiene vector, y conviene decirlo sin rodeos. Suele
# pasar porque es rara o porque se preguntó por la palabra y no por su raíz.

# %% [markdown] lang="en"
# A word that is not in the vocabulary has no vector, and it is best to say so plainly. Mostly it is a
# rare one, or the word was asked for instead of its stem.


# %% role="given"
def look_up(words, token_to_id):
    """Return the ids of the words, or complain about those that have none."""
    unknown = [word for word in words if word not in token_to_id]
    if unknown:
        raise ValueError(
            f"not in the vocabulary: {', '.join(unknown)}; expected stems of words seen more than "
            f"{FLOOR} times, such as {', '.join([*token_to_id][:3])}: clean and stem them first."
        )
    return [token_to_id[word] for word in words]


def vectors_of(model):
    return model.embedding.weight.detach().cpu().numpy()


def show_neighbours(vectors_by_name, words, k=6):
    """Print the nearest words of each word, for each set of vectors."""
    for word, token_id in zip(words, look_up(words, token_to_id), strict=True):
        print(word)
        for name, vectors in vectors_by_name.items():
            ids, distances = nearest(vectors, token_id, k)
            found = zip(ids, distances, strict=True)
            print(f"{name:>14}: " + ", ".join(f"{id_to_token[i]} {d:.2f}" for i, d in found))


with once_done():
    show_neighbours({"full softmax": vectors_of(model)}, seed_words)
    try:
        show_neighbours({"full softmax": vectors_of(model)}, ["Happily"])
    except ValueError as error:
        print("ValueError:", error)

# %% [markdown] lang="es"
# Por último, la prueba de la cadena entera: mensajes sin tratar de un corpus que no has visto, con
# grupos de palabras conocidos de antemano. Tus funciones los limpian, los numeran y los entrenan; se
# mide cuántas palabras tienen como vecina más cercana a una de su grupo.

# %% [markdown] lang="en"
# Last, a test of the whole chain: raw messages of a corpus that you have not seen, with groups of
# words known beforehand. Your functions clean them, number them and train on them; what is measured
# is how many words have one of their own group as nearest neighbour.


# %% role="given"
def embed_words(messages, words):
    """Return one vector for each of the words, from raw messages; zeros for a word without one."""
    sentences = [normalise(clean(message), stop_words) for message in messages]
    _, token_to_id = build_vocabulary(sentences, FLOOR)
    pairs = pairs_of(encode(sentences, token_to_id))
    sizes = {"dim": 16, "epochs": 8, "batch_size": 256, "learning_rate": 0.01}
    model, _ = train(pairs, pairs[:100], len(token_to_id), **sizes)
    rows = model.embedding.weight.detach().cpu().numpy()
    return np.array([rows[token_to_id[w]] if w in token_to_id else 0 * rows[0] for w in words])


# %% role="check" id="whole_chain_check" points=2 covers="train"
def draw_messages(rng):
    """Draw ([messages, words], the group of each word)."""
    drawn = word_corpus(rng, sentences=1000)
    group_of = {word: i for i, group in enumerate(drawn.groups.values()) for word in group}
    return [drawn.texts, sorted(group_of)], np.array([group_of[word] for word in sorted(group_of)])


tick.predictions(
    "whole chain: unseen messages",
    lambda inputs: embed_words(*inputs),
    hidden=draw_messages,
    metric="neighbour_precision",
    baseline=(
        "random vectors",
        lambda inputs: np.random.default_rng(0).normal(size=(len(inputs[1]), 16)),
    ),
    marks=2,
    hint={
        "es": "Si todo lo anterior está en ✓, mira si alguna función guarda algo de una llamada a otra.",
        "en": "If all of the above is ✓, see whether some function keeps anything from call to call.",
    },
)

# %% [markdown] lang="es"
# ## 1.8 Muestreo negativo: preguntar menos
#
# Para aprender que `dad` acompaña a `father` hemos puntuado las 3 085 palabras del vocabulario. Casi
# todo el tiempo se fue en las 3 084 que *no* estaban allí. El **muestreo negativo** (Mikolov y otros,
# 2013) hace una pregunta más barata: en vez de «¿cuál de las $V$ palabras es?», «¿esta pareja es
# real o inventada?». Cada pareja real $(c, o)$ se enfrenta a $k$ contextos inventados $n_1, …, n_k$:
#
# $$\ell = -\log\sigma(u_o \cdot v_c) \;-\; \sum_{i=1}^{k}\log\sigma(-\,u_{n_i} \cdot v_c)
# \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# donde $v_c$ es la fila del centro en `embedding` y $u_o$ la del contexto en `output`. Son $k + 1$
# puntuaciones, por muchas palabras que haya. Quedan dos decisiones:
#
# - **¿De dónde salen los inventados?** Sorteados según su frecuencia, casi siempre saldrían las
#   mismas palabras; a partes iguales, palabras rarísimas que no engañan a nadie. En medio está lo que
#   mejor les funcionó a los autores: la frecuencia elevada a $3/4$.
# - **¿Cuántos, y para quién?** Leer $k$ filas sueltas para cada pareja es lento. Sorteamos $K$ **por
#   lote** y todas las parejas los comparten: sus puntuaciones son entonces un solo producto de
#   matrices. Cada uno pesa $k/K$, y así cada pareja sigue enfrentándose a $k$ en total.

# %% [markdown] lang="en"
# ## 1.8 Negative sampling: asking less
#
# To learn that `dad` keeps `father` company we scored all 3,085 words of the vocabulary. Nearly all
# of the time went into the 3,084 that were *not* there. **Negative sampling** (Mikolov et al., 2013)
# asks a cheaper question: not “which of the $V$ words is it?” but “is this pair real or made up?”.
# Each real pair $(c, o)$ is set against $k$ made-up contexts $n_1, …, n_k$:
#
# $$\ell = -\log\sigma(u_o \cdot v_c) \;-\; \sum_{i=1}^{k}\log\sigma(-\,u_{n_i} \cdot v_c)
# \qquad \sigma(s) = \frac{1}{1 + e^{-s}}$$
#
# where $v_c$ is the centre's row of `embedding` and $u_o$ the context's row of `output`. That is
# $k + 1$ scores, however many words there are. Two decisions are left:
#
# - **Where do the made-up ones come from?** Drawn by frequency they would nearly always be the same
#   few words; drawn evenly, words so rare that they fool nobody. In between lies what worked best for
#   the authors: the frequency to the power of $3/4$.
# - **How many, and for whom?** Reading $k$ scattered rows for each pair is slow. We draw $K$ **for the
#   whole batch** and all its pairs share them: their scores are then a single product of matrices.
#   Each weighs $k/K$, so that each pair still faces $k$ in all.

# %% [markdown] exercise="noise_distribution" lang="es"
# Devuelve la probabilidad de cada palabra: su recuento elevado a `power`, dividido para que todas
# sumen 1. Una palabra que no aparece no se sortea nunca.

# %% [markdown] exercise="noise_distribution" lang="en"
# Return the probability of each word: its count to the power of `power`, divided so that they all
# add up to 1. A word that does not occur is never drawn.


# %% role="exercise" id="noise_distribution" title_es="De dónde salen los negativos" title_en="Where the negatives come from" difficulty=1 minutes=5
def noise_distribution(counts: torch.Tensor, power: float = 0.75) -> torch.Tensor:
    """Return the probabilities (V,) by which negatives are drawn, from the counts (V,)."""
    ### BEGIN SOLUTION
    weights = counts.float() ** power
    return weights / weights.sum()
    ### END SOLUTION


# %% role="check" id="noise_distribution_check" points=1
tick.call(
    "noise: probabilities",
    lambda counts: noise_distribution(torch.tensor(counts)),
    cases=lambda rng: [(rng.integers(0, 500, size=n),) for n in (4, 30)],
    marks=1,
    hint={
        "es": "¿Elevas a 3/4 los recuentos antes de dividir por la suma? ¿Suman 1?",
        "en": "Do you take the counts to 3/4 before you divide by the sum? Do they add up to 1?",
    },
)

# %% [markdown] exercise="negative_sampling" lang="es"
# Recibes filas ya leídas: las de los `centres` y las de sus `contexts`, de forma $(B, d)$, y las de
# los `negatives` que comparte el lote, de forma $(K, d)$.
#
# 1. `negative_sampling_loss` devuelve la **suma** de $\ell$ sobre las parejas del lote, con el peso
#    $k/K$ en los negativos. `nn.functional.logsigmoid` es exacta también donde $\sigma$ vale casi 0.
# 2. `negative_sampling_gradients` devuelve el gradiente de esa suma respecto a las tres entradas, en
#    el mismo orden. PyTorch sabría calcularlo, pero guardar los pasos intermedios cuesta la mitad del
#    tiempo, y a mano son cuatro líneas. Deriva primero respecto a la puntuación:
#    $\frac{d}{ds}\left[-\log\sigma(s)\right] = \sigma(s) - 1$ y
#    $\frac{d}{ds}\left[-\log\sigma(-s)\right] = \sigma(s)$, es decir, *lo que el modelo cree menos lo
#    que es*. De la puntuación a cada vector se llega multiplicando por el otro vector.

# %% [markdown] exercise="negative_sampling" lang="en"
# You get rows that were read already: those of the `centres` and of their `contexts`, of shape
# $(B, d)$, and those of the `negatives` that the batch shares, of shape $(K, d)$.
#
# 1. `negative_sampling_loss` returns the **sum** of $\ell$ over the pairs of the batch, with the
#    weight $k/K$ on the negatives. `nn.functional.logsigmoid` is exact where $\sigma$ is nearly 0, too.
# 2. `negative_sampling_gradients` returns the gradient of that sum with respect to the three inputs,
#    in the same order. PyTorch could compute it, but keeping the steps in between costs half of the
#    time, and by hand it is four lines. First differentiate by the score:
#    $\frac{d}{ds}\left[-\log\sigma(s)\right] = \sigma(s) - 1$ and
#    $\frac{d}{ds}\left[-\log\sigma(-s)\right] = \sigma(s)$, that is, *what the model believes minus
#    what is*. From the score to each vector you get by multiplying by the other vector.


# %% role="exercise" id="negative_sampling" title_es="Pérdida y gradiente con negativos" title_en="Loss and gradient with negatives" difficulty=3 minutes=30
def negative_sampling_loss(
    centres: torch.Tensor, contexts: torch.Tensor, negatives: torch.Tensor, k: float
) -> torch.Tensor:
    """Return the loss of (B, d) pairs against (K, d) shared negatives, summed over the pairs."""
    ### BEGIN SOLUTION
    real = (centres * contexts).sum(dim=1)  # (B,)
    made_up = centres @ negatives.T  # (B, K)
    log_sigmoid = nn.functional.logsigmoid
    return -log_sigmoid(real).sum() - k / len(negatives) * log_sigmoid(-made_up).sum()
    ### END SOLUTION


def negative_sampling_gradients(
    centres: torch.Tensor, contexts: torch.Tensor, negatives: torch.Tensor, k: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the gradients of that sum for centres (B, d), contexts (B, d) and negatives (K, d)."""
    ### BEGIN SOLUTION
    real = torch.linalg.vecdot(centres, contexts).sigmoid_().sub_(1)[:, None]  # (B, 1)
    made_up = (centres @ negatives.T).sigmoid_().mul_(k / len(negatives))  # (B, K)
    d_centres = (made_up @ negatives).addcmul_(real, contexts)  # (B, d)
    return d_centres, centres * real, made_up.T @ centres
    ### END SOLUTION


# %% role="check" id="negative_sampling_check" points=3
def draw_rows(rng):
    """Draw (centres, contexts, negatives, k) of a few sizes."""
    return [
        (*(rng.normal(size=(n, 5)).astype(np.float32) for n in (size, size, shared)), k)
        for size, shared, k in ((1, 1, 1), (6, 4, 2), (9, 20, 5))
    ]


tick.call(
    "negatives: loss",
    lambda centres, contexts, negatives, k: negative_sampling_loss(
        *map(torch.tensor, (centres, contexts, negatives)), k
    ),
    cases=draw_rows,
    marks=1,
    hint={
        "es": "¿Sumas sobre las parejas, sin promediar? ¿Cambias el signo de las puntuaciones falsas?",
        "en": "Do you add over the pairs, without a mean? Do you flip the sign of the made-up scores?",
    },
)
tick.call(
    "negatives: gradients",
    lambda centres, contexts, negatives, k: list(
        negative_sampling_gradients(*map(torch.tensor, (centres, contexts, negatives)), k)
    ),
    cases=draw_rows,
    marks=2,
    hint={
        "es": "Compáralos con torch.autograd.grad de tu pérdida. ¿Llega al centro la parte de los "
        "negativos? ¿Pesan k/K?",
        "en": "Compare them with torch.autograd.grad of your loss. Does the negatives' part reach the "
        "centre? Do they weigh k/K?",
    },
)

# %% [markdown] lang="es"
# Con esas piezas, el entrenamiento es el de siempre: sortear, leer filas, restar el gradiente. Fíjate
# en tres decisiones que pagan la velocidad:
#
# - **Descenso de gradiente simple**, con un paso que decrece hasta 0. Adam tocaría las dos matrices
#   enteras en cada lote; así, `index_add_` solo toca las filas leídas.
# - **Un solo sorteo por época**, de las parejas y de los negativos.
# - **Lotes medianos**: las filas de un lote caben en la memoria caché. Mucho mayores no pueden ser,
#   porque el gradiente es una suma: una palabra frecuente daría cien pasos de golpe y desbarraría.

# %% [markdown] lang="en"
# With these pieces the training is the usual one: draw, read rows, subtract the gradient. Note three
# decisions that pay for the speed:
#
# - **Plain gradient descent**, with a step that shrinks to 0. Adam would touch both matrices from end
#   to end in each batch; this way `index_add_` touches only the rows that were read.
# - **One draw an epoch**, of the pairs and of the negatives.
# - **Medium batches**: the rows of a batch fit into the processor's cache. They cannot be much larger,
#   as the gradient is a sum: a frequent word would take a hundred steps at once and go astray.


# %% role="given"
def train_negative(
    pairs, held_out, vocabulary_size, *, dim, epochs, batch_size, shared, k, learning_rate
):
    """Train on (N, 2) pairs with ``shared`` negatives a batch; return the model and its losses."""
    pairs, held_out = pairs.to(device), held_out.to(device)
    noise = noise_distribution(torch.bincount(pairs[:, 1], minlength=vocabulary_size))
    embedding = torch.empty(vocabulary_size, dim, device=device).uniform_(-0.5 / dim, 0.5 / dim)
    output = torch.zeros(vocabulary_size, dim, device=device)
    batches = -(-len(pairs) // batch_size)
    judges = noise.multinomial(1000, replacement=True)  # the same made-up words after each epoch
    history, step = [], 0
    for _ in tqdm(range(epochs), leave=False):
        centres, contexts = pairs[torch.randperm(len(pairs), device=device)].T.contiguous()
        negatives = noise.multinomial(batches * shared, replacement=True).view(batches, shared)
        for c, o, n in zip(
            centres.split(batch_size), contexts.split(batch_size), negatives, strict=True
        ):
            rate = learning_rate * (1 - step / (epochs * batches))
            rows = [
                matrix.index_select(0, i)
                for matrix, i in ((embedding, c), (output, o), (output, n))
            ]
            d_centres, d_contexts, d_negatives = negative_sampling_gradients(*rows, k)
            embedding.index_add_(0, c, d_centres, alpha=-rate)
            output.index_add_(0, o, d_contexts, alpha=-rate)
            output.index_add_(0, n, d_negatives, alpha=-rate)
            step += 1
        seen = embedding[held_out[:, 0]], output[held_out[:, 1]], output[judges]
        history.append(negative_sampling_loss(*seen, k).item() / len(held_out))
    model = SkipGram(vocabulary_size, dim).to(device)
    with torch.no_grad():
        model.embedding.weight.copy_(embedding)
        model.output.weight.copy_(output)
    return model, history


# %% role="check" id="negative_training_check" points=1 covers="noise_distribution,negative_sampling"
def train_negative_on(pairs):
    sizes = {"dim": 16, "epochs": 8, "batch_size": 64, "shared": 16, "k": 5, "learning_rate": 0.05}
    pairs = torch.tensor(pairs)
    return train_negative(pairs, pairs[:100], GROUPS * MEMBERS, **sizes)[0].embedding.weight


tick.predictions(
    "negatives: unseen neighbours",
    lambda pairs: train_negative_on(pairs),
    hidden=lambda rng: draw_pairs(rng, 10_000),
    metric="neighbour_precision",
    baseline=("random vectors", lambda pairs: np.random.default_rng(0).normal(size=(60, 16))),
    marks=1,
    hint={
        "es": "Usa tus funciones tal cual. Si la pérdida y el gradiente están en ✓, mira el sorteo.",
        "en": "It uses your functions as they are. If loss and gradient are ✓, look at the draw.",
    },
)

# %% [markdown] lang="es"
# Ahora, con todo el corpus. ¿Cómo comparar las dos pérdidas, si preguntan cosas distintas? El modelo
# con negativos aprende $s_{co} \approx \log\frac{p(o \mid c)}{k\,q(o)}$, siendo $q$ la distribución de
# la que se sortean (lo veremos en 1.10). Así que basta con sumarle $\log q(o)$ y normalizar: es lo que
# hace `WithNoise`, y después se mide como al otro.

# %% [markdown] lang="en"
# Now the whole corpus. How can the two losses be compared, if they ask different things? The model
# with negatives learns $s_{co} \approx \log\frac{p(o \mid c)}{k\,q(o)}$, where $q$ is the distribution
# that negatives are drawn from (we shall see why in 1.10). So it is enough to add $\log q(o)$ and to
# normalise: `WithNoise` does that, and then it is measured like the other one.


# %% role="given"
class WithNoise(nn.Module):
    """The scores of a model trained with negatives, as logits of p(context | centre)."""

    def __init__(self, model, noise):
        super().__init__()
        self.model, self.log_noise = model, noise.log()

    def forward(self, centres):
        return self.model(centres) + self.log_noise


with once_done():
    negative_settings = {
        "dim": settings["dim"],
        "epochs": budget(full=10, quick=20),
        "batch_size": budget(full=1024, quick=128),
        "shared": budget(full=64, quick=32),
        "k": 5,
        "learning_rate": budget(full=0.025, quick=0.05),
    }
    start = perf_counter()
    negative_model, negative_history = train_negative(
        training_pairs, held_out_pairs, len(id_to_token), **negative_settings
    )
    negative_seconds = (perf_counter() - start) / negative_settings["epochs"]

    context_counts = torch.bincount(training_pairs[:, 1], minlength=len(id_to_token))
    calibrated = WithNoise(negative_model, noise_distribution(context_counts).to(device))
    held_out_loader = make_loader(PairsDataset(held_out_pairs), settings["batch_size"])
    for name, spent, epochs, loss in (
        ("full softmax", seconds, settings["epochs"], history["held out"][-1]),
        (
            "negatives",
            negative_seconds,
            len(negative_history),
            mean_loss(calibrated, held_out_loader),
        ),
    ):
        speed = len(training_pairs) / spent
        print(
            f"{name:>12}: {epochs:2} epochs of {spent:5.2f} s, {speed:>9,.0f} pairs a second,",
            end=" ",
        )
        print(f"held-out loss {loss:.2f}")
    first, *_, last = negative_history
    print(
        f"with negatives, a held-out pair costs {first:.2f} after the first epoch, {last:.2f} at the end"
    )
    show_neighbours(
        {"full softmax": vectors_of(model), "negatives": vectors_of(negative_model)}, seed_words[:3]
    )

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
# Look at the softmax loss again. It is a sum over more than 800,000 pairs, but two equal pairs add
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
tick.call(
    "counts: table",
    lambda pairs, size: count_pairs(torch.tensor(pairs), size),
    cases=lambda rng: [(rng.integers(5, size=(n, 2)), 6) for n in (1, 40)],
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


# %% role="check" id="full_batch_check" points=4
def draw_counts(rng, size, dim):
    """Draw (embedding, output, counts); the first word is never a centre."""
    matrices = (rng.normal(size=(size, dim)).astype(np.float32) for _ in range(2))
    counts = rng.poisson(1.5, size=(size, size)).astype(np.float32)
    counts[0] = 0
    return *matrices, counts


tick.call(
    "exact: loss",
    lambda *tables: full_batch(*map(torch.tensor, tables))[0],
    cases=lambda rng: [draw_counts(rng, size, dim) for size, dim in ((3, 2), (12, 5))],
    tol=1e-5,
    marks=2,
    hint={
        "es": "¿Divides por el total de parejas, no por el de casillas? ¿Normalizas por filas?",
        "en": "Do you divide by the number of pairs, not of cells? Do you normalise along the rows?",
    },
)
tick.call(
    "exact: gradients",
    lambda *tables: list(full_batch(*map(torch.tensor, tables))[1:]),
    cases=lambda rng: [draw_counts(rng, size, dim) for size, dim in ((3, 2), (12, 5))],
    tol=1e-5,
    marks=2,
    hint={
        "es": "¿Multiplica cada probabilidad el n_i de su fila? El de O lleva G traspuesta.",
        "en": "Is each probability multiplied by the n_i of its row? That of O has G transposed.",
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
    print(f"pair by pair: {by_pairs:.6f}, {pairs_ms:7.1f} ms for {len(some_pairs):,} pairs")
    print(f"from counts:  {by_counts:.6f}, {counts_ms:7.1f} ms for any number, gradients included")
    print(f"difference:   {abs(by_pairs - by_counts):.0e}")

# %% [markdown] lang="es"
# Entrenar es ahora dar pasos con el gradiente exacto. Para situarlo: un bucle que aprende pareja a
# pareja con estos tuits tarda 42 minutos en una GPU T4 en recorrerlos tres veces, y se queda en una
# pérdida de 6,74. Mira cuándo se baja de ahí.

# %% [markdown] lang="en"
# Training now means taking steps along the exact gradient. To put it into place: a loop that learns
# pair by pair from these tweets takes 42 minutes on a T4 GPU to go through them three times, and ends
# at a loss of 6.74. See when this one gets below that.


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
                weight.grad = gradient
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
    for step, training, held_out, spent in list(zip(*exact_history.values(), strict=True))[::2]:
        print(
            f"step {step:2}: {spent:5.1f} s, loss: training {training:.2f}, held out {held_out:.2f}"
        )
    plots.curves(
        {name: exact_history[name] for name in ("training", "held out")}
        | {"unigrams": [unigrams] * len(exact_history["step"])},
        ylabel="loss",
        xlabel="exact step",
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
# $E\,O^\top \approx \text{PMI} - \log k$. (Con el softmax pasa lo mismo, salvo una constante en cada
# fila.) Compruébalo: cada punto es una casilla con veinte parejas o más. Donde se apartan de la recta,
# no han bastado los números que tiene cada palabra o las épocas de entrenamiento.

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
# looks for $E\,O^\top \approx \text{PMI} - \log k$. (So does the softmax, up to a constant in each
# row.) See for yourself: each point is a cell with twenty pairs or more. Where they leave the line, the
# numbers that each word has, or the epochs of training, have not been enough.

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
    ax.plot(ends, ends, color=plots.COLOURS[1], linestyle="--", label="equal")
    ax.set(xlabel="PMI - log k, from the counts", ylabel="score of the trained model")
    ax.grid(visible=True)
    ax.set_axisbelow(True)
    ax.legend()
    plt.show()
    print(f"{len(x):,} cells, correlation {np.corrcoef(x, y)[0, 1]:.2f}")

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
def draw_noise(rng):
    """Draw (counts, noise, k); the first word is never a centre nor a context."""
    counts = rng.poisson(2.0, size=(7, 7)).astype(np.float32)
    counts[0] = counts[:, 0] = 0
    noise = counts.sum(axis=0) ** rng.choice([0.75, 1.0])
    return counts, (noise / noise.sum()).astype(np.float32)


tick.call(
    "PPMI: matrix",
    lambda counts, noise, k: shifted_ppmi(torch.tensor(counts), torch.tensor(noise), k),
    cases=lambda rng: [(*draw_noise(rng), k) for k in (1, 2)],
    marks=1,
    hint={
        "es": "¿Hay NaN o infinitos? ¿Restas log k antes de quedarte con la parte positiva?",
        "en": "Are there NaN or infinite values? Do you subtract log k before you keep the positive part?",
    },
)

# %% [markdown] lang="es"
# La **descomposición en valores singulares** truncada (SVD) da la mejor aproximación de rango $d$ por
# mínimos cuadrados: $M \approx U\,\Sigma\,W^\top$. Levy y Goldberg toman $U\sqrt{\Sigma}$ como
# vectores. Sin épocas, sin lotes y sin paso de aprendizaje; con $q$ igual a la frecuencia y $k = 1$,
# que es la PMI de toda la vida.

# %% [markdown] lang="en"
# The truncated **singular value decomposition** (SVD) gives the best approximation of rank $d$ by
# least squares: $M \approx U\,\Sigma\,W^\top$. Levy and Goldberg take $U\sqrt{\Sigma}$ as vectors. No
# epochs, no batches, no learning rate; with $q$ the plain frequency and $k = 1$, which is PMI as it
# has always been.


# %% role="given"
def factorise(matrix, dim):
    """Return U times the root of the singular values, (V, d), of the best rank-d approximation."""
    left, values, _ = torch.svd_lowrank(matrix, q=dim + 16, niter=4)
    return left[:, :dim] * values[:dim].sqrt()


with once_done():
    plain_noise = noise_distribution(table.sum(dim=0), power=1)
    svd_vectors, svd_ms = timed(
        lambda: factorise(shifted_ppmi(table, plain_noise, k=1), settings["dim"]).numpy()
    )
    print(f"PPMI and its SVD: {svd_ms / 1000:.1f} s")
    candidates = {
        "full softmax": vectors_of(model),
        "negatives": vectors_of(negative_model),
        "exact": vectors_of(exact_model),
        "SVD of PPMI": svd_vectors,
        "random": np.random.default_rng(0).normal(size=svd_vectors.shape),
    }
    show_neighbours(
        {name: candidates[name] for name in ("negatives", "exact", "SVD of PPMI")}, seed_words[:3]
    )

# %% [markdown] lang="es"
# Métodos muy distintos, vecinos parecidos: todos leen la misma tabla. Las diferencias vienen de cuánto
# pesa cada casilla. Word2Vec pesa las frecuentes, donde hay datos; la SVD las pesa todas por igual.

# %% [markdown] lang="en"
# Very different methods, similar neighbours: all read the same table. The differences come from the
# weight of each cell. Word2Vec weighs the frequent ones, where there are data; SVD weighs all alike.

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
# Como los modelos se entrenan sin ver los grupos, no hace falta apartar nada: toda la lista es prueba.

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
# As the models are trained without seeing the groups, nothing has to be set aside: all of it is test.

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
tick.call(
    "order: share",
    lambda vectors, triples: order_share(vectors, triples),
    cases=lambda rng: [
        (rng.normal(size=(20, 4)) * rng.uniform(0.1, 9, (20, 1)), rng.integers(20, size=(count, 3)))
        for count in (5, 200)
    ],
    marks=1,
    hint={
        "es": "¿Divides por las longitudes? Es una proporción, entre 0 y 1.",
        "en": "Do you divide by the lengths? It is a share, between 0 and 1.",
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
    closest = [nearest(vectors[grouped_ids], i, 1)[0][0] for i in range(len(grouped_ids))]
    return float(np.mean(group_of[closest] == group_of))


with once_done():
    triples = draw_triples(np.random.default_rng(run_seed()))
    print(f"{len(grouped_ids)} words in {len(groups)} groups, {len(triples):,} triples")
    print(f"{'':>12}  nearest in group  order")
    for name, rows in candidates.items():
        print(f"{name:>12}  {nearest_in_group(rows):16.0%}  {order_share(rows, triples):5.0%}")

# %% [markdown] lang="es"
# Con unas sesenta palabras, una diferencia de 5 puntos en el acierto del vecino puede ser casualidad;
# el orden, con dos mil ternas, oscila menos. Ahora, los dos mandos que más cambian el resultado. El
# gradiente exacto permite probarlos en segundos. (Las pérdidas de dos ventanas no se comparan: con la
# ventana cambia la pregunta.)
#
# - **la dimensión** $d$: pocas no bastan, y de más sirven para memorizar;
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
        pairs = [pair for ids in part for pair in context_pairs(ids, window)]
        both.append(count_pairs(torch.tensor(pairs), len(id_to_token)).to(device))
    return both


@cache
def trial(window, dim):
    """Train exactly with this window and dimension; return both losses and both qualities."""
    model, history = train_exact(*tables(window), dim=dim, steps=41, learning_rate=0.03, every=40)
    rows = vectors_of(model)
    losses = history["training"][-1], history["held out"][-1]
    return *losses, nearest_in_group(rows), order_share(rows, triples)


dims = budget(full=(4, 16, 64, 256), quick=(2, 4, 16, 64))
with once_done():
    windows = (1, 2, WINDOW, 6)
    by_dim = [trial(WINDOW, dim) for dim in dims]
    by_window = [trial(window, settings["dim"]) for window in windows]

    print("             loss: training  held out  nearest in group  order")
    for name, values, rows in (("dimension", dims, by_dim), ("window", windows, by_window)):
        for value, (training, held_out, closest, order) in zip(values, rows, strict=True):
            print(
                f"{name:>9} {value:3} {training:14.2f} {held_out:9.2f} {closest:17.0%} {order:6.0%}"
            )

    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    training, held_out, *_ = zip(*by_dim, strict=True)
    plots.curves(
        {"training": training, "held out": held_out},
        ylabel="loss",
        xlabel="dimension",
        x=range(len(dims)),
        ax=left,
    )
    left.set_xticks(range(len(dims)), dims)
    *_, closest, order = zip(*by_window, strict=True)
    plots.curves(
        {"nearest in group": closest, "order": order},
        ylabel="share",
        xlabel="window",
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
# factorizar recuentos, el método más viejo, gana a las redes. Estas le sacan ventaja cuando hay texto de
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
# palabras de antes con sus vecinas, y el título de cada eje dice cuánta variación conserva: lo que
# falta hasta el 100 % es lo que el mapa no enseña. Dos palabras lejanas en el mapa están lejos de
# verdad; dos cercanas, solo quizá.

# %% [markdown] lang="en"
# ## 1.12 A map of words
#
# Nobody sees in 64 dimensions. **Principal component analysis** (PCA) looks for the two directions
# along which the vectors spread most, and projects on them. The map shows the words from above with
# their neighbours, and each axis says how much of the variation it keeps: what is missing to 100 % is
# what the map does not show. Two words far apart on the map are far apart indeed; two close ones,
# only perhaps.

# %% role="given"
with once_done():
    vectors = vectors_of(negative_model)
chosen = {}  # token id -> the word whose neighbour it is; a word keeps its first place
with once_done():
    for word in seed_words:
        ids, _ = nearest(vectors, token_to_id[word], 5)
        for i in [token_to_id[word], *ids.tolist()]:
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
# Con los tuits hay 394 880 parámetros (2 · 3 085 · 64) y unas 813 000 parejas: ejemplos no sobran, y
# muchas palabras solo aparecen una docena de veces. En tres épocas por lotes aún no se nota mucho; con
# el gradiente exacto, sí: la pérdida de entrenamiento baja sin parar (5,75) y la de los mensajes
# apartados toca fondo hacia el paso 40 (6,20) y después sube. Esa distancia creciente es sobreajuste, y
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
# On the tweets there are 394,880 parameters (2 · 3,085 · 64) and some 813,000 pairs: examples are not
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

# %% [markdown] lang="es"
# ## Parte 2 · Autocodificadores
#
# Word2Vec resumía cada palabra en unos pocos números sin que nadie le diera etiquetas. Un
# **autocodificador** (*autoencoder*) hace lo mismo con cualquier cosa, por ejemplo con imágenes: se
# le pide que devuelva lo que recibe, pero pasándolo por un estrechamiento.
#
# ```text
#               codificador                        decodificador
#              ┌───────────┐                      ┌─────────────┐
#   imagen ──▶ │  encoder  │ ──▶    código    ──▶ │   decoder   │ ──▶ reconstrucción
#              └───────────┘                      └─────────────┘
# 784 píxeles                  32 números                           784 píxeles
# ```
#
# Copiar no tiene mérito; copiar **a través de 32 números** obliga a descubrir qué importa. Con esa
# idea y muy poco código vas a comprimir, limpiar, inventar y vigilar imágenes:
#
# | | Qué entra | Con qué se compara la salida | Para qué sirve |
# |---|---|---|---|
# | autocodificador | la imagen | la imagen | comprimir, detectar anomalías |
# | lineal | la imagen | la imagen | es PCA, y verás por qué |
# | limpiador | la imagen estropeada | la imagen limpia | quitar ruido |
# | variacional | la imagen; el código lleva azar | la imagen, y un precio por cada código | inventar imágenes |
# | de secuencias | una secuencia | la secuencia al revés | el puente al laboratorio 4 |
#
# Esta parte no usa nada de la anterior: si prefieres empezar por aquí, ejecuta la primera celda del
# cuaderno y sigue desde la próxima. Tarda un minuto y medio en dos núcleos. Las imágenes son las
# del laboratorio 1: Fashion-MNIST o, en el perfil `quick`, los dígitos de scikit-learn. Una línea
# con ⏳ significa que la celda espera un ejercicio anterior.

# %% [markdown] lang="en"
# ## Part 2 · Autoencoders
#
# Word2Vec summed each word up in a few numbers without anybody giving it labels. An **autoencoder**
# does the same with anything, pictures for example: it is asked to give back what it gets, but by
# way of a narrow passage.
#
# ```text
#              ┌───────────┐                      ┌─────────────┐
#    image ──▶ │  encoder  │ ──▶     code     ──▶ │   decoder   │ ──▶ reconstruction
#              └───────────┘                      └─────────────┘
#  784 pixels                  32 numbers                            784 pixels
# ```
#
# There is no merit in copying; copying **through 32 numbers** forces the network to find out what
# matters. With that idea and very little code you are going to compress, clean, invent and watch
# over images:
#
# | | What goes in | What the output is compared with | What it is good for |
# |---|---|---|---|
# | autoencoder | the image | the image | compressing, finding anomalies |
# | linear | the image | the image | it is PCA, and you will see why |
# | denoiser | the spoilt image | the clean image | taking noise off |
# | variational | the image; the code has chance in it | the image, and a price for each code | inventing images |
# | of sequences | a sequence | the sequence reversed | the bridge to lab 4 |
#
# This part uses nothing of the one before: if you would rather start here, run the first cell of
# the notebook and go on from the next one. It takes a minute and a half on two cores. The images
# are those of lab 1: Fashion-MNIST or, in the `quick` profile, scikit-learn's digits. A line with ⏳
# means that the cell waits for an exercise above it.

# %% role="given"
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.linalg import subspace_angles
from scipy.ndimage import gaussian_filter
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import (  # noqa: F811 (this part can be run without the one before)
    BatchSampler,
    DataLoader,
    RandomSampler,
    TensorDataset,
)

from data import digits, fashion_mnist
from utils import plots
from utils.device import pick_device, seed_everything
from utils.profile import budget, run_seed
from utils.training import fit

seed_everything(run_seed())
device = pick_device()
splits = budget(full=fashion_mnist, quick=lambda: digits(run_seed()))()
class_names = splits.class_names
height, width = splits.train_images.shape[1:]
n_pixels = height * width


@contextmanager
def once_done():
    """Skip the block, and say so, while an exercise or a result that it needs is not there."""
    try:
        yield
    except (NotImplementedError, NameError) as error:
        print(f"⏳ {error}")


def to_rows(images: np.ndarray) -> torch.Tensor:
    """Return grey images (N, H, W), 0 to 255 or 0.0 to 1.0, as rows (N, H * W) from 0 to 1."""
    if images.ndim != 3 or images.shape[1:] != (height, width):
        raise ValueError(
            f"the images have shape {images.shape}; expected (N, {height}, {width}), one grey image "
            "after the other: np.moveaxis changes the order of the axes, images.mean(axis=...) takes "
            "an axis of channels off."
        )
    whole = np.issubdtype(images.dtype, np.integer)
    lowest, highest = images.min(), images.max()
    if not (lowest >= 0 and highest <= (255 if whole else 1)):  # NaN is refused, too
        raise ValueError(
            f"the pixels go from {lowest:g} to {highest:g}; expected whole numbers from 0 to 255 or "
            "floats from 0 to 1: undo any normalisation, and divide floats up to 255 by 255."
        )
    return torch.tensor(images.reshape(len(images), -1) / (255 if whole else 1)).float()


def check_latent(latent: int, n_inputs: int) -> None:
    """Complain about a code that is empty, or as long as what it sums up."""
    if not 1 <= latent < n_inputs:
        raise ValueError(
            f"the code has {latent} numbers; expected 1 to {n_inputs - 1}: with 0 nothing passes, "
            f"and with {n_inputs} or more there is no bottleneck."
        )


train_rows = to_rows(splits.train_images[: budget(full=20_000, quick=1_437)])
train_classes = splits.train_labels[: len(train_rows)]
test_rows = to_rows(splits.test_images)
print(f"{len(train_rows):,} training and {len(test_rows):,} test images of {n_pixels} pixels")

for spoilt in (np.moveaxis(splits.test_images, 0, -1), splits.test_images / 127.5 - 1):
    try:
        to_rows(spoilt)
    except ValueError as error:
        print("ValueError:", error)

# %% [markdown] lang="es"
# ## 2.1 El cuello de botella
#
# `to_rows` pone cada imagen en una fila de píxeles entre 0 y 1, y arriba puedes ver cómo protesta
# si los ejes están en otro orden o los píxeles, normalizados de otra manera.

# %% [markdown] lang="en"
# ## 2.1 The bottleneck
#
# `to_rows` turns each image into a row of pixels from 0 to 1, and above you can see how it protests
# when the axes are in another order or the pixels were normalised in another way.

# %% [markdown] exercise="autoencoder" lang="es"
# Define `encoder` y `decoder`, cada uno un `nn.Sequential` de dos capas lineales con una ReLU en
# medio:
#
# - `encoder`: `n_inputs` → `hidden` → `latent`. Nada después: un código puede ser cualquier número.
# - `decoder`: `latent` → `hidden` → `n_inputs`, y al final una sigmoide, porque los píxeles van de
#   0 a 1.

# %% [markdown] exercise="autoencoder" lang="en"
# Define `encoder` and `decoder`, each an `nn.Sequential` of two linear layers with a ReLU in
# between:
#
# - `encoder`: `n_inputs` → `hidden` → `latent`. Nothing after it: a code may be any number.
# - `decoder`: `latent` → `hidden` → `n_inputs`, with a sigmoid at the end, because pixels go from 0
#   to 1.


# %% role="exercise" id="autoencoder" title_es="El autocodificador" title_en="The autoencoder" difficulty=1 minutes=10
class Autoencoder(nn.Module):
    """Rebuilds rows of pixels from codes of ``latent`` numbers."""

    def __init__(self, n_inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        check_latent(latent, n_inputs)
        ### BEGIN SOLUTION
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs), nn.Sigmoid()
        )
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.decoder(self.encoder(images))  # (N, D) -> (N, latent) -> (N, D)
        ### END SOLUTION


# %% role="check" id="autoencoder_check" points=3
def shapes_and_size(n_inputs, hidden, latent):
    """Return the shapes of codes and reconstructions, and the number of parameters."""
    model = Autoencoder(n_inputs, hidden, latent)
    codes = model.encoder(torch.rand(5, n_inputs))
    count = sum(parameter.numel() for parameter in model.parameters())
    return [list(codes.shape), list(model.decoder(codes).shape), count]


def rebuilt_by_hand(rows, hidden, latent):
    """Return two differences, 0 if the layers are as asked: of the code and of the output."""
    model, x = Autoencoder(rows.shape[1], hidden, latent), torch.tensor(rows).float()
    (W1, b1, W2, b2), (V1, c1, V2, c2) = model.encoder.parameters(), model.decoder.parameters()
    codes = (x @ W1.T + b1).relu() @ W2.T + b2
    outputs = ((codes @ V1.T + c1).relu() @ V2.T + c2).sigmoid()
    return [(model.encoder(x) - codes).abs().max(), (model(x) - outputs).abs().max()]


tick.call(
    "autoencoder: shapes and parameters",
    lambda n_inputs, hidden, latent: shapes_and_size(n_inputs, hidden, latent),
    cases=lambda rng: [(int(rng.integers(20, 40)), int(rng.integers(9, 19)), k) for k in (1, 6)],
    marks=1,
    hint={
        "es": "El código mide «latent» y la salida, lo que la entrada; hay cuatro capas lineales con sesgo.",
        "en": "The code is “latent” long and the output as long as the input; four linear layers with bias.",
    },
)
tick.call(
    "autoencoder: from image to image",
    lambda rows, hidden, latent: rebuilt_by_hand(rows, hidden, latent),
    cases=lambda rng: [(rng.random((4, 12)), 7, 3)],
    tol=1e-4,
    marks=2,
    hint={
        "es": "ReLU solo en medio de cada mitad, sigmoide solo al final, y forward es decoder(encoder(x)).",
        "en": "ReLU only in the middle of each half, sigmoid only at the end; forward is decoder(encoder(x)).",
    },
)

# %% [markdown] exercise="reconstruction_errors" lang="es"
# ¿Cuánto se parece la copia al original? Devuelve el **error cuadrático medio de cada imagen**: un
# número por fila, la media sobre sus píxeles. Por imagen, y no para todo el lote, porque más
# adelante nos dirá qué imágenes son raras. La pérdida del entrenamiento será la media de estos
# números.

# %% [markdown] exercise="reconstruction_errors" lang="en"
# How close is the copy to the original? Return the **mean squared error of each image**: one number
# a row, the mean over its pixels. By image, not for the whole batch, because later on it will tell
# us which images are odd. The loss of the training will be the mean of these numbers.


# %% role="exercise" id="reconstruction_errors" title_es="Error de reconstrucción" title_en="Reconstruction error" difficulty=1 minutes=5
def reconstruction_errors(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of each image (N,), from rows (N, D)."""
    ### BEGIN SOLUTION
    return (outputs - images).square().mean(dim=1)
    ### END SOLUTION


# %% role="check" id="reconstruction_errors_check" points=3
def draw_copies(rng):
    """Draw outputs and images whose errors differ from row to row."""
    images = rng.random((6, int(rng.integers(5, 30))))
    return images + rng.uniform(0.1, 1, size=(6, 1)) * rng.normal(size=images.shape), images


def errors_of(outputs, images):
    return reconstruction_errors(torch.tensor(outputs), torch.tensor(images))


tick.call(
    "reconstruction errors: which image is worse",
    lambda outputs, images: errors_of(outputs, images) / errors_of(outputs, images).sum(),
    cases=lambda rng: [draw_copies(rng), draw_copies(rng)],
    marks=1,
    hint={
        "es": "Un número por imagen, con las diferencias al cuadrado.",
        "en": "One number for each image, from squared differences.",
    },
)
tick.call(
    "reconstruction errors: values",
    lambda outputs, images: errors_of(outputs, images),
    cases=lambda rng: [draw_copies(rng), draw_copies(rng)],
    marks=2,
    hint={
        "es": "¿Es la media sobre los píxeles? Una suma crecería con el tamaño de la imagen.",
        "en": "Is it the mean over the pixels? A sum would grow with the size of the image.",
    },
)

# %% [markdown] lang="es"
# El bucle de entrenamiento va dado, porque ya has escrito varios: `learn` llama a `fit` con Adam y
# una tasa que sube y baja una vez. Lo que distingue a todos los modelos de esta parte cabe en dos
# funciones que recibe: `task` dice **qué entra y con qué se compara**, y `loss`, **cómo**.

# %% [markdown] lang="en"
# The training loop is given, as you have written several by now: `learn` calls `fit` with Adam and
# a rate that goes up and down once. All that tells the models of this part from each other is in
# two functions that it takes: `task` says **what goes in and what it is compared with**, `loss`
# says **how**.

# %% role="given"
HIDDEN = budget(full=256, quick=128)
LATENT = budget(full=32, quick=16)
EPOCHS = budget(full=6, quick=24)
BATCH = budget(full=128, quick=64)


def learn(model, rows, task, loss, epochs=None):
    """Train a model on shuffled batches of rows.

    ``task`` maps the model and a batch of images to (outputs, target), ``loss`` maps these two to
    a number. Return the curves.
    """
    epochs = epochs or EPOCHS
    order = BatchSampler(RandomSampler(rows), BATCH, drop_last=False)  # whole batches at once
    loader = DataLoader(TensorDataset(rows), sampler=order, batch_size=None)
    optimizer = torch.optim.Adam(model.to(device).parameters())
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.005, total_steps=epochs * len(loader)
    )
    return fit(
        model,
        loader,
        loss,
        optimizer,
        epochs=epochs,
        forward=lambda model, batch: task(model, batch[0]),
        scheduler=scheduler,
        schedule_each="step",
    )


def mean_error(outputs, images):
    return reconstruction_errors(outputs, images).mean()


@torch.no_grad()
def computed(module, rows):
    """Return what a module makes of rows, on the CPU and without gradients."""
    return module(torch.as_tensor(rows).float().to(next(module.parameters()).device)).cpu()


def show(titled_rows, columns=10):
    """Draw the first images of several sets, a line for each set."""
    images = [
        np.asarray(rows[:columns]).reshape(-1, height, width) for rows in titled_rows.values()
    ]
    plots.image_grid(np.concatenate(images), rows=list(titled_rows), columns=columns)
    plt.show()


# %% [markdown] exercise="rebuild" lang="es"
# La tarea más sencilla de todas. Devuelve la salida del modelo para `images` y el objetivo con el
# que hay que compararla.

# %% [markdown] exercise="rebuild" lang="en"
# The simplest task of all. Return the output of the model for `images`, and the target that it has
# to be compared with.


# %% role="exercise" id="rebuild" title_es="La tarea: reconstruir" title_en="The task: rebuild" difficulty=1 minutes=5
def rebuild(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (outputs, target) of an autoencoder."""
    ### BEGIN SOLUTION
    return model(images), images
    ### END SOLUTION


# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    autoencoder = Autoencoder(n_pixels, HIDDEN, LATENT)
    curves = learn(autoencoder, train_rows, rebuild, mean_error)
    plots.loss_curve(curves["loss"], log=True)
    plt.show()
    rebuilt = computed(autoencoder, test_rows)
    mean_image = train_rows.mean(dim=0)
    print(f"error of {LATENT} numbers instead of {n_pixels}: {mean_error(rebuilt, test_rows):.4f}")
    print(f"error of the mean image: {mean_error(mean_image, test_rows):.4f}")
    show({"original": test_rows, "reconstruction": rebuilt})


# %% [markdown] lang="es"
# Se comprueba con copias nuevas de las imágenes de prueba, con otro contraste, y reconstruidas **a
# partir de códigos de `LATENT` números**: hacer de espejo no vale.

# %% [markdown] lang="en"
# It is checked on new copies of the test images, with another contrast, and rebuilt **from codes of
# `LATENT` numbers**: acting as a mirror does not count.

# %% role="check" id="rebuild_check" points=3 covers="autoencoder,rebuild"
N_HIDDEN_IMAGES = budget(full=100, quick=300)


class Doubler(nn.Module):
    """The simplest model: gives back twice what it gets."""

    def forward(self, images):
        return 2 * images


def draw_test_images(rng):
    """Draw rows of test images, each with less contrast."""
    chosen = rng.integers(len(test_rows), size=N_HIDDEN_IMAGES)
    return test_rows[chosen].numpy() * rng.uniform(0.6, 1, size=(N_HIDDEN_IMAGES, 1))


def twice(rows):
    return rows, rows


def through_code(rows):
    """Rebuild rows from codes of LATENT numbers and nothing else."""
    codes = computed(autoencoder.encoder, rows)
    if codes.shape != (len(rows), LATENT):
        raise ValueError(
            f"the codes have shape {tuple(codes.shape)}, expected {(len(rows), LATENT)}"
        )
    return computed(autoencoder.decoder, codes)


tick.call(
    "rebuild: outputs and target",
    lambda rows: list(rebuild(Doubler(), torch.tensor(rows))),
    cases=lambda rng: [(rng.random((3, 5)),)],
    marks=1,
    hint={
        "es": "Dos valores: lo que da el modelo y la propia imagen, en ese orden.",
        "en": "Two values: what the model gives and the image itself, in that order.",
    },
)
tick.predictions(
    "autoencoder: new images through the bottleneck",
    lambda rows: through_code(rows),
    hidden=lambda rng: twice(draw_test_images(rng)),
    metric="mse",
    baseline=("the mean image", lambda rows: np.tile(train_rows.mean(dim=0), (len(rows), 1))),
    share=0.8,
    marks=2,
    hint={
        "es": "¿Baja la pérdida en la gráfica? ¿Pasa todo por un código de LATENT números?",
        "en": "Does the loss go down in the plot? Does everything pass through a code of LATENT numbers?",
    },
)

# %% [markdown] lang="es"
# ## 2.2 Sin curvas: el autocodificador lineal es PCA
#
# Quita las activaciones y quedan dos matrices: $z = xE$ y $\hat x = zD$ (con los datos centrados).
# Baldi y Hornik (1989) demostraron que el paisaje de esta pérdida no tiene más mínimos que el
# mejor, y que ahí las filas de $D$ generan **el mismo subespacio que las primeras componentes
# principales**. La razón cabe en dos frases. Fijado el subespacio que alcanza el decodificador, lo
# mejor es proyectar cada $x$ sobre él, y el error es la varianza que queda fuera. Dejar fuera la
# menor varianza posible es justamente lo que define a PCA.
#
# *El mismo subespacio*, no los mismos vectores: para cualquier matriz invertible $A$, el par
# $(EA,\ A^{-1}D)$ reconstruye lo mismo que $(E, D)$.

# %% [markdown] lang="en"
# ## 2.2 Without curves: the linear autoencoder is PCA
#
# Take the activations away and two matrices remain: $z = xE$ and $\hat x = zD$ (with centred data).
# Baldi and Hornik (1989) proved that the landscape of this loss has no minima but the best one, and
# that there the rows of $D$ span **the same subspace as the first principal components**. The
# reason takes two sentences. Once the subspace that the decoder can reach is fixed, it is best to
# project each $x$ on it, and the error is the variance left outside. Leaving as little variance
# outside as possible is precisely what defines PCA.
#
# *The same subspace*, not the same vectors: for any invertible matrix $A$, the pair
# $(EA,\ A^{-1}D)$ rebuilds the same as $(E, D)$.

# %% [markdown] exercise="pca" lang="es"
# Primero, PCA. Devuelve la media de las filas y las `k` direcciones de mayor varianza: son los
# primeros vectores singulares derechos de los datos centrados (`np.linalg.svd(...,
# full_matrices=False)` los da como filas, ya en orden). El signo de cada una da igual.

# %% [markdown] exercise="pca" lang="en"
# First, PCA. Return the mean of the rows and the `k` directions of largest variance: they are the
# first right singular vectors of the centred data (`np.linalg.svd(..., full_matrices=False)` gives
# them as rows, in order). The sign of each does not matter.


# %% role="exercise" id="pca" title_es="Componentes principales" title_en="Principal components" difficulty=1 minutes=10
def pca(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) of rows (N, D) and their first k principal components (k, D)."""
    ### BEGIN SOLUTION
    mean = rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows - mean, full_matrices=False)
    return mean, directions[:k]
    ### END SOLUTION


# %% role="check" id="pca_check" points=2
def draw_cloud(rng, size=8, k=3, count=400):
    """Draw points that spread most along k directions, far from the origin."""
    spreads = np.concatenate([np.linspace(3, 2, k), np.linspace(0.8, 0.2, size - k)])
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return rng.normal(size=(count, size)) * spreads @ turn.T + rng.normal(0, 5, size=size)


tick.call(
    "PCA: mean and subspace",
    lambda rows, k: [pca(rows, k)[0], pca(rows, k)[1].T @ pca(rows, k)[1]],
    cases=lambda rng: [(draw_cloud(rng), 3), (draw_cloud(rng, k=2), 2)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "¿Centras los datos antes de descomponerlos? ¿Son filas de norma 1, de la mayor varianza a la menor?",
        "en": "Do you centre the data first? Are they rows of norm 1, from the largest variance on?",
    },
)
tick.call(
    "PCA: variance of each component",
    lambda rows, k: ((rows - rows.mean(axis=0)) @ pca(rows, k)[1].T).var(axis=0),
    cases=lambda rng: [(draw_cloud(rng), 3)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Devuelve (k, D), una componente por fila, ordenadas por su varianza.",
        "en": "Return (k, D), one component a row, ordered by their variance.",
    },
)

# %% [markdown] exercise="linear_loss" lang="es"
# Ahora, el autocodificador lineal. Su pérdida es la media de $\lVert x - xED\rVert^2$ sobre todas
# las imágenes. Pero no hace falta recorrerlas: si $\Sigma$ es su matriz de covarianzas, desarrolla
# el cuadrado y usa que $\mathbb{E}[\,x M x^\top] = \operatorname{tr}(M\Sigma)$:
#
# $$\mathbb{E}\,\lVert x - xED\rVert^2 = \operatorname{tr}\Sigma
#   - 2\operatorname{tr}(D\,\Sigma E) + \operatorname{tr}\big((DD^\top)(E^\top\Sigma E)\big)$$
#
# Veinte mil imágenes caben en una sola matriz. Calcúlalo con $\Sigma E$, de forma $(n, k)$, para no
# multiplicar nunca dos matrices grandes.

# %% [markdown] exercise="linear_loss" lang="en"
# Now the linear autoencoder. Its loss is the mean of $\lVert x - xED\rVert^2$ over all the images.
# But there is no need to go through them: with $\Sigma$ their covariance matrix, expand the square
# and use $\mathbb{E}[\,x M x^\top] = \operatorname{tr}(M\Sigma)$:
#
# $$\mathbb{E}\,\lVert x - xED\rVert^2 = \operatorname{tr}\Sigma
#   - 2\operatorname{tr}(D\,\Sigma E) + \operatorname{tr}\big((DD^\top)(E^\top\Sigma E)\big)$$
#
# Twenty thousand images fit into a single matrix. Compute it from $\Sigma E$, of shape $(n, k)$, so
# that you never multiply two large matrices.


# %% role="exercise" id="linear_loss" title_es="La pérdida lineal" title_en="The linear loss" difficulty=2 minutes=15
def linear_loss(
    encoder: torch.Tensor, decoder: torch.Tensor, covariance: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared length of x - x E D, from E (n, k), D (k, n) and covariance (n, n)."""
    ### BEGIN SOLUTION
    shared = covariance @ encoder  # (n, k)
    cross = (decoder.T * shared).sum()
    square = ((decoder @ decoder.T) * (encoder.T @ shared)).sum()  # both symmetric (k, k)
    return covariance.trace() - 2 * cross + square
    ### END SOLUTION


# %% role="given"
def fit_linear(rows, k, steps=400):
    """Return the encoder (n, k) and decoder (k, n) of least loss for centred rows, by L-BFGS."""
    covariance = torch.tensor(np.cov(rows, rowvar=False, bias=True))
    covariance /= covariance.trace()  # only the scale of the loss changes
    n = len(covariance)
    encoder = (torch.randn(n, k, dtype=torch.float64) / n**0.5).requires_grad_()
    decoder = (torch.randn(k, n, dtype=torch.float64) / n**0.5).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [encoder, decoder],
        max_iter=steps,
        history_size=20,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        loss = linear_loss(encoder, decoder, covariance)
        loss.backward()
        return loss

    optimizer.step(closure)
    return encoder.detach().numpy(), decoder.detach().numpy()


FEW = 4
with once_done():
    torch.manual_seed(run_seed())
    centre, components = pca(train_rows.numpy(), 64)
    _, linear_decoder = fit_linear(train_rows.numpy(), FEW)
    angles = np.degrees(subspace_angles(components[:FEW].T, linear_decoder.T))
    print("angles between both subspaces:", ", ".join(f"{angle:.2f}°" for angle in angles))
    lengths = np.linalg.norm(linear_decoder, axis=1, keepdims=True)
    print("|cosine| of each component with each row of the decoder:")
    print(np.abs(components[:FEW] @ (linear_decoder / lengths).T).round(2))
    patterns = np.concatenate([components[:FEW], linear_decoder])
    patterns /= 2 * np.abs(patterns).max(axis=1, keepdims=True)  # grey is 0
    show({"PCA": 0.5 + patterns[:FEW], "linear network": 0.5 + patterns[FEW:]}, columns=FEW)

# %% [markdown] lang="es"
# Los dibujos no coinciden, porque la red no tiene motivo para separar ni ordenar las direcciones;
# los ángulos entre los dos subespacios, en cambio, son casi cero.

# %% [markdown] lang="en"
# The pictures do not match, because the network has no reason to separate or order the directions;
# the angles between the two subspaces, however, are close to zero.


# %% role="check" id="linear_loss_check" points=3
def draw_linear(rng, n, k):
    rows = rng.normal(size=(30, n)) * rng.uniform(0.5, 2, size=n)
    return rng.normal(size=(n, k)), rng.normal(size=(k, n)), np.cov(rows, rowvar=False)


def projection(decoder):
    """Return the matrix that projects on the rows of a decoder: it tells subspaces apart."""
    return np.linalg.pinv(decoder) @ decoder


tick.call(
    "linear loss: values",
    lambda encoder, decoder, covariance: linear_loss(
        *map(torch.tensor, (encoder, decoder, covariance))
    ),
    cases=lambda rng: [draw_linear(rng, 9, 3), draw_linear(rng, 5, 1)],
    marks=2,
    hint={
        "es": "Son tres términos y el del medio va con −2. Compáralo con la media sobre datos centrados.",
        "en": "There are three terms, the middle one with −2. Compare it with the mean over centred data.",
    },
)
tick.call(
    "linear autoencoder: the subspace",
    lambda rows, k: projection(fit_linear(rows, k)[1]),
    cases=lambda rng: [(draw_cloud(rng), 3), (draw_cloud(rng, k=2), 2)],
    tol=0.01,  # half a degree
    marks=1,
    hint={
        "es": "L-BFGS baja por el gradiente de tu pérdida: ¿la calculas con torch, sin pasar por NumPy?",
        "en": "L-BFGS goes down the gradient of your loss: do you compute it in torch, without NumPy?",
    },
)

# %% [markdown] lang="es"
# ¿Y qué añaden las curvas? Este es el error en imágenes nuevas según el ancho del cuello de
# botella, con PCA y con tu autocodificador:

# %% [markdown] lang="en"
# And what do the curves add? This is the error on new images against the width of the bottleneck,
# for PCA and for your autoencoder:

# %% role="given"
WIDTHS = budget(full=(2, 4, 8, 16, LATENT), quick=(2, 8, LATENT))
with once_done():
    errors = {"PCA": [], "autoencoder": []}
    copies = {"original": test_rows}
    for latent in WIDTHS:
        torch.manual_seed(run_seed())
        narrow = Autoencoder(n_pixels, HIDDEN, latent) if latent < LATENT else autoencoder
        if narrow is not autoencoder:
            learn(narrow, train_rows, rebuild, mean_error)
        copies[f"{latent} numbers"] = computed(narrow, test_rows)
        kept = components[:latent]
        projected = torch.tensor((test_rows.numpy() - centre) @ kept.T @ kept + centre)
        errors["PCA"].append(mean_error(projected, test_rows).item())
        errors["autoencoder"].append(mean_error(copies[f"{latent} numbers"], test_rows).item())
    ax = plots.curves(errors, x=WIDTHS, xlabel="numbers in the code", ylabel="mean squared error")
    ax.set_xscale("log", base=2)
    ax.set_xticks(WIDTHS, WIDTHS)
    plt.show()
    show(copies)

# %% [markdown] lang="es"
# Con pocos números la red gana con claridad: puede doblarse para seguir la forma de los datos, y
# PCA solo dispone de planos. Con muchos, la ventaja mengua (y con 64 se invierte: pruébalo): un
# plano grande ya basta y se calcula de forma exacta, mientras que a la red le queda el error de un
# entrenamiento tan corto.

# %% [markdown] lang="en"
# With few numbers the network clearly wins: it can bend to follow the shape of the data, and all
# PCA has is planes. With many, the advantage shrinks (and with 64 it turns round: try it): a large
# plane is enough by then and is found exactly, while the network is left with the error of so short
# a training.

# %% [markdown] role="question" id="what_bottleneck_forces" points=3 lang="es"
# **¿A qué obliga el cuello de botella?** ¿Qué aprendería la red con tantos números en el código
# como píxeles? ¿Qué conserva y qué pierde con 2 y con 32? Apóyate en la curva y en las imágenes, y
# di cómo logra el limpiador de la sección siguiente aprender algo útil **sin** necesidad de
# estrechar.
#
# ### BEGIN SOLUTION
# Con tantos números como píxeles puede copiar (la identidad da error 0) sin descubrir nada. Si no
# caben todos, tiene que gastar los que hay en lo que más error quita: lo que comparten muchas
# imágenes (clase, silueta, brillo) se conserva, y lo raro o fino (estampados, texturas, ruido) se
# pierde. Con 2 números se distingue el tipo de prenda o de dígito y casi nada más; con 32, además,
# la forma concreta. La curva baja cada vez menos: cada número añadido explica menos que el
# anterior. Estrechar es una manera de impedir la copia; estropear la entrada es otra: como la
# entrada ya no es la respuesta, copiarla no sirve, y hay que saber cómo son las imágenes para
# rellenar lo que falta.
# ### END SOLUTION

# %% [markdown] role="question" id="what_bottleneck_forces" points=3 lang="en"
# **What does the bottleneck force?** What would the network learn with as many numbers in the code
# as there are pixels? What does it keep and what does it lose with 2 and with 32? Argue from the
# curve and the images, and say how the denoiser of the next section learns something useful
# **without** having to be narrow.
#
# ### BEGIN SOLUTION
# With as many numbers as pixels it can copy (the identity has error 0) without finding out
# anything. If they do not all fit, it must spend those it has on what takes most error away: what
# many images share (class, outline, brightness) is kept, and what is rare or fine (prints,
# textures, noise) is lost. With 2 numbers the kind of garment or digit can be told and hardly
# anything else; with 32, the particular shape as well. The curve falls less and less: each number
# added explains less than the one before. Being narrow is one way to prevent copying; spoiling the
# input is another: as the input is no longer the answer, copying it is useless, and one has to know
# what images are like to fill in what is missing.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## 2.3 Limpiar imágenes
#
# Vincent y otros (2008) cambiaron una sola cosa: **estropear la entrada** y pedir la imagen limpia.
# La mitad de los píxeles, elegidos al azar, se apaga. El rival honrado no es «no hacer nada», sino
# desenfocar: cada píxel se sustituye por una media de sus vecinos (y se divide por la parte que
# sobrevivió, para no oscurecer). Le regalamos además el mejor radio para estos datos.

# %% [markdown] lang="en"
# ## 2.3 Cleaning images
#
# Vincent et al. (2008) changed one thing: **spoil the input** and ask for the clean image. Half of
# the pixels, chosen at random, are switched off. The honest rival is not “doing nothing” but
# blurring: each pixel is replaced by a mean of its neighbours (and divided by the share that
# survived, so as not to darken). We even give it the best radius for these data.

# %% [markdown] exercise="corrupt" lang="es"
# Apaga (pon a 0) cada píxel con probabilidad `share`, cada uno por su cuenta, y deja los demás como
# están. Devuelve un tensor nuevo.

# %% [markdown] exercise="corrupt" lang="en"
# Switch each pixel off (set it to 0) with probability `share`, each on its own, and leave the
# others as they are. Return a new tensor.


# %% role="exercise" id="corrupt" title_es="Estropear" title_en="Corrupt" difficulty=1 minutes=5
def corrupt(images: torch.Tensor, share: float) -> torch.Tensor:
    """Return images (N, D) with a random share of their pixels set to 0."""
    ### BEGIN SOLUTION
    return images * (torch.rand_like(images) >= share)
    ### END SOLUTION


# %% role="check" id="corrupt_check" points=2
def pixels_off(share, brightness):
    """Return the share of pixels off, of those kept as they were, and the spread over rows."""
    images = torch.full((200, 500), brightness)
    off = corrupt(images, share) == 0
    kept = corrupt(images, share) == brightness
    return [off.float().mean(), kept.float().mean(), off.float().mean(dim=0).std()]


def is_new_each_time(rows):
    """Return whether the images stay as they were, and whether two calls differ."""
    images = torch.tensor(rows)
    one, other = corrupt(images, 0.5), corrupt(images, 0.5)
    return [torch.equal(images, torch.tensor(rows)), torch.equal(one, other)]


tick.call(
    "corrupt: how many pixels",
    lambda share, brightness: pixels_off(share, brightness),
    cases=lambda rng: [(share, float(rng.uniform(0.2, 0.9))) for share in (0.1, 0.5, 0.8)],
    tol=0.02,
    marks=1,
    hint={
        "es": "Una parte «share» a 0, los demás intactos, y un sorteo para cada píxel de cada imagen.",
        "en": "A share “share” at 0, the others untouched, and a draw for each pixel of each image.",
    },
)
tick.call(
    "corrupt: new noise, same images",
    lambda rows: is_new_each_time(rows),
    cases=lambda rng: [(rng.uniform(0.1, 1, size=(4, 30)),)],
    marks=1,
    hint={
        "es": "No cambies «images» en su sitio, y sortea de nuevo en cada llamada.",
        "en": "Do not change “images” in place, and draw anew in each call.",
    },
)

# %% [markdown] exercise="repair" lang="es"
# La tarea del limpiador: el modelo recibe las imágenes estropeadas (con `corrupt` y `MASKED`). ¿Con
# qué se compara su salida?

# %% [markdown] exercise="repair" lang="en"
# The task of the denoiser: the model gets the spoilt images (by `corrupt` and `MASKED`). What is
# its output compared with?


# %% role="exercise" id="repair" title_es="La tarea: reparar" title_en="The task: repair" difficulty=1 minutes=5
MASKED = 0.5  # share of the pixels that are switched off


def repair(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (outputs, target) of a denoising autoencoder."""
    ### BEGIN SOLUTION
    return model(corrupt(images, MASKED)), images
    ### END SOLUTION


# %% role="given"
def blur(rows, radius):
    """Return rows blurred by a Gaussian, as bright as they were before pixels were switched off."""
    images = np.asarray(rows).reshape(-1, height, width)
    blurred = gaussian_filter(images, (0, radius, radius)) / (1 - MASKED)
    return blurred.reshape(len(images), -1).clip(0, 1)


def spoil(rows, rng):
    """Return rows with a share MASKED of their pixels at 0."""
    return rows * (rng.random(rows.shape) >= MASKED)


def best_radius():
    """Return the radius whose blur comes closest to clean training images."""
    clean = train_rows[:1000].numpy()
    spoilt = spoil(clean, np.random.default_rng(run_seed()))
    radii = np.arange(0.4, 2.5, 0.1)
    return radii[np.argmin([np.square(blur(spoilt, radius) - clean).mean() for radius in radii])]


RADIUS = best_radius()
with once_done():
    torch.manual_seed(run_seed())
    denoiser = Autoencoder(n_pixels, HIDDEN, budget(full=64, quick=32))
    learn(denoiser, train_rows, repair, mean_error)
    spoilt_rows = spoil(test_rows.numpy(), np.random.default_rng(run_seed()))
    cleaned = {
        "spoilt": torch.tensor(spoilt_rows),
        "blurred": torch.tensor(blur(spoilt_rows, RADIUS)),
        "denoised": computed(denoiser, spoilt_rows),
    }
    for name, rows in cleaned.items():
        print(f"{name:>8}: error {mean_error(rows, test_rows):.4f}")
    show({"original": test_rows} | cleaned)


# %% role="check" id="repair_check" points=3
def draw_spoilt(rng):
    """Draw spoilt test images, and the same images clean."""
    clean = draw_test_images(rng)
    return spoil(clean, rng), clean


def inputs_and_target(rows):
    """Return the share of pixels that reach the model switched off, and the target."""
    outputs, target = repair(Doubler(), torch.tensor(rows))
    return [(outputs == 0).float().mean(), target]


tick.call(
    "repair: inputs and target",
    lambda rows: inputs_and_target(rows),
    cases=lambda rng: [(rng.uniform(0.1, 1, size=(400, 50)),)],
    tol=0.03,
    marks=1,
    hint={
        "es": "Entra la imagen estropeada; se compara con la limpia.",
        "en": "The spoilt image goes in; it is compared with the clean one.",
    },
)
tick.predictions(
    "denoiser: new spoilt images",
    lambda rows: computed(denoiser, rows),
    hidden=draw_spoilt,
    metric="mse",
    baseline=("the best blur", lambda rows: blur(rows, RADIUS)),
    marks=2,
    hint={
        "es": "Si tu limpiador no gana al desenfoque, mira qué recibe y con qué se compara al entrenar.",
        "en": "If your denoiser does not beat the blur, see what it gets and is compared with in training.",
    },
)

# %% [markdown] lang="es"
# El desenfoque sirve para cualquier imagen y por eso no sabe nada de estas. El limpiador ha visto
# miles de prendas (o dígitos) y rellena los huecos con lo que suele haber en ellos. A cambio, ¿qué
# haría con la radiografía de una mano?

# %% [markdown] lang="en"
# Blurring works for any image, and so knows nothing about these. The denoiser has seen thousands of
# garments (or digits) and fills the gaps with what is usually there. In return, what would it do
# with the X-ray of a hand?

# %% [markdown] lang="es"
# ## 2.4 Un autocodificador que inventa
#
# ¿Podemos inventar imágenes decodificando códigos al azar? Con el autocodificador de antes, no: sus
# códigos caen donde quieren y entre ellos hay huecos de los que el decodificador no sabe nada. El
# **autocodificador variacional** (VAE; Kingma y Welling, 2014) lo arregla con dos cambios:
#
# 1. El codificador no da un punto sino una **nube**: media $\mu$ y varianza $\sigma^2$ de cada
#    número del código. El decodificador recibe un punto al azar de la nube, así que códigos vecinos
#    tienen que dar imágenes parecidas.
# 2. Cada nube **paga** por alejarse de una común, $\mathcal N(0, 1)$. Así las nubes se juntan y, al
#    terminar, basta con sortear códigos de esa normal.
#
# El precio es la divergencia de Kullback–Leibler, y la pérdida que resulta es una cota de
# $-\log p(x)$:
#
# $$-\log p(x)\ \le\ \underbrace{\mathbb E_{z\sim\mathcal N(\mu,\sigma^2)}[-\log p(x\mid z)]}_{\text{reconstruir}}
#   \;+\; \underbrace{D_{\mathrm{KL}}\big(\mathcal N(\mu,\sigma^2)\,\|\,\mathcal N(0,1)\big)}_{\text{el precio}}$$

# %% [markdown] lang="en"
# ## 2.4 An autoencoder that invents
#
# Can we invent images by decoding codes drawn at random? With the autoencoder above we cannot: its
# codes fall where they like, and between them are gaps of which the decoder knows nothing. The
# **variational autoencoder** (VAE; Kingma and Welling, 2014) mends this with two changes:
#
# 1. The encoder does not give a point but a **cloud**: a mean $\mu$ and a variance $\sigma^2$ for
#    each number of the code. The decoder gets a random point of the cloud, so that neighbouring
#    codes have to give similar images.
# 2. Each cloud **pays** for moving away from a common one, $\mathcal N(0, 1)$. So the clouds gather
#    and, in the end, it is enough to draw codes from that normal.
#
# The price is the Kullback–Leibler divergence, and the loss that results is a bound on $-\log
# p(x)$:
#
# $$-\log p(x)\ \le\ \underbrace{\mathbb E_{z\sim\mathcal N(\mu,\sigma^2)}[-\log p(x\mid z)]}_{\text{rebuild}}
#   \;+\; \underbrace{D_{\mathrm{KL}}\big(\mathcal N(\mu,\sigma^2)\,\|\,\mathcal N(0,1)\big)}_{\text{the price}}$$

# %% [markdown] exercise="reparameterise" lang="es"
# Un sorteo no tiene derivada, y sin ella el codificador no aprende. El **truco de la
# reparametrización**: sortear un ruido que no depende de nada, $\varepsilon\sim\mathcal N(0,1)$, y
# calcular con él
#
# $$z = \mu + \sigma\,\varepsilon$$
#
# Ahora $z$ es una función corriente de $\mu$ y $\sigma$. La red da $\log\sigma^2$, que puede ser
# cualquier número: la varianza que resulta siempre es positiva. Ojo: $\sigma$ es su raíz.

# %% [markdown] exercise="reparameterise" lang="en"
# A draw has no derivative, and without one the encoder does not learn. The **reparameterisation
# trick**: draw a noise that depends on nothing, $\varepsilon\sim\mathcal N(0,1)$, and compute with
# it
#
# $$z = \mu + \sigma\,\varepsilon$$
#
# Now $z$ is an ordinary function of $\mu$ and $\sigma$. The network gives $\log\sigma^2$, which may
# be any number: the variance that results is always positive. Mind that $\sigma$ is its square
# root.


# %% role="exercise" id="reparameterise" title_es="Reparametrizar" title_en="Reparameterise" difficulty=2 minutes=10
def reparameterise(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return a random code (N, k) from each cloud; gradients flow back to both arguments."""
    ### BEGIN SOLUTION
    return mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
    ### END SOLUTION


# %% role="check" id="reparameterise_check" points=3
def cloud(mean, log_variance):
    """Return the mean and the standard deviation of many codes of one cloud."""
    many = (torch.tensor(values).expand(100_000, -1) for values in (mean, log_variance))
    codes = reparameterise(*many)
    return torch.stack([codes.mean(dim=0), codes.std(dim=0)])


def slopes(mean, log_variance):
    """Return the gradient at the mean, how far that at the variance is from its formula, and
    whether it is 0 anywhere.
    """
    inputs = [torch.tensor(values, requires_grad=True) for values in (mean, log_variance)]
    codes = reparameterise(*inputs)
    at_mean, at_variance = torch.autograd.grad(codes.sum(), inputs)
    wrong = (at_variance - (codes - inputs[0]) / 2).abs().max()
    return [at_mean, wrong, bool((at_variance == 0).any())]


def repeats(mean, log_variance):
    """Return how many different codes two calls give to equal clouds."""
    mean, log_variance = (torch.tensor(values).expand(20, 3) for values in (mean, log_variance))
    noise = [(reparameterise(mean, log_variance) - mean) / log_variance.exp() for _ in range(2)]
    return len(torch.stack(noise).unique())


def draw_clouds(rng, count, k):
    return rng.normal(size=(count, k)), rng.uniform(-3, 1, size=(count, k))


tick.call(
    "reparameterise: mean and spread",
    lambda mean, log_variance: cloud(mean, log_variance),
    cases=lambda rng: [
        (rng.normal(size=4), np.linspace(-3, 1, 4) + rng.uniform(-0.3, 0.3, size=4))
    ],
    tol=0.05,
    marks=1,
    hint={
        "es": "σ no es log σ² ni σ²: ¿qué hay que hacerle a un logaritmo para volver, y a la varianza?",
        "en": "σ is neither log σ² nor σ²: what undoes a logarithm, and what makes σ of a variance?",
    },
)
tick.call(
    "reparameterise: gradients",
    lambda mean, log_variance: slopes(mean, log_variance),
    cases=lambda rng: [draw_clouds(rng, 5, 3)],
    tol=1e-5,
    marks=1,
    hint={
        "es": "El azar debe estar solo en ε; nada de .detach(), torch.normal ni .sample() de una distribución.",
        "en": "Chance must be in ε alone; no .detach(), torch.normal or .sample() of a distribution.",
    },
)
tick.call(
    "reparameterise: noise of its own for each number",
    lambda mean, log_variance: repeats(mean, log_variance),
    cases=lambda rng: [(float(rng.normal()), float(rng.uniform(-2, 0)))],
    marks=1,
    hint={
        "es": "ε tiene la forma de la media, y se sortea de nuevo en cada llamada.",
        "en": "ε has the shape of the mean, and is drawn anew in each call.",
    },
)

# %% [markdown] exercise="kl_divergence" lang="es"
# El precio de una nube. Para dos normales la integral tiene solución exacta (apéndice B del
# artículo):
#
# $$D_{\mathrm{KL}} = -\frac12 \sum_{j=1}^{k}\big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# Devuelve un número **por imagen**: se suma sobre los $k$ números del código, no sobre el lote.
# Nunca es negativo, y vale 0 solo si $\mu = 0$ y $\sigma = 1$.

# %% [markdown] exercise="kl_divergence" lang="en"
# The price of a cloud. For two normals the integral has an exact solution (appendix B of the
# paper):
#
# $$D_{\mathrm{KL}} = -\frac12 \sum_{j=1}^{k}\big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# Return one number **for each image**: sum over the $k$ numbers of the code, not over the batch. It
# is never negative, and 0 only if $\mu = 0$ and $\sigma = 1$.


# %% role="exercise" id="kl_divergence" title_es="El precio: divergencia KL" title_en="The price: KL divergence" difficulty=2 minutes=10
def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return the divergence (N,) of each cloud (N, k) from the standard normal, in nats."""
    ### BEGIN SOLUTION
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)
    ### END SOLUTION


# %% role="given"
with once_done():
    mean, log_variance = torch.randn(2, 1000, 5)
    cloud_of_each = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(0.0, 1.0)
    theirs = torch.distributions.kl_divergence(cloud_of_each, standard).sum(dim=1)
    ours = kl_divergence(mean, log_variance)
    print(f"largest difference from torch.distributions: {(ours - theirs).abs().max():.0e}")

# %% role="check" id="kl_divergence_check" points=3
tick.call(
    "KL: values",
    lambda mean, log_variance: kl_divergence(*map(torch.tensor, (mean, log_variance))),
    cases=lambda rng: [draw_clouds(rng, 6, 4), draw_clouds(rng, 1, 1)],
    marks=2,
    hint={
        "es": "¿El signo de cada término? ¿Se suma sobre el código y queda uno por imagen?",
        "en": "The sign of each term? Is the sum over the code, leaving one number an image?",
    },
)
tick.call(
    "KL: nothing to pay, and tiny clouds",
    lambda mean, log_variance: kl_divergence(*map(torch.tensor, (mean, log_variance))),
    cases=lambda rng: [
        (np.zeros((2, 3)), np.zeros((2, 3))),
        (np.zeros((2, 3)), rng.uniform(-1000, -900, size=(2, 3))),
    ],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Usa log_variance tal cual en su término: log(exp(…)) se desborda con varianzas diminutas.",
        "en": "Use log_variance as it is in its term: log(exp(…)) breaks down for tiny variances.",
    },
)

# %% [markdown] exercise="vae_loss" lang="es"
# La pérdida entera. El modelo devuelve `(logits, mean, log_variance)`. Para cada imagen:
#
# - **reconstruir**: la entropía cruzada binaria entre los `logits` y los píxeles, **sumada** sobre
#   los píxeles (`nn.functional.binary_cross_entropy_with_logits(..., reduction="none")` la da píxel
#   a píxel, con la sigmoide incluida);
# - **el precio**: la divergencia, multiplicada por `beta`.
#
# Devuelve la media sobre las imágenes. La suma importa: los dos términos están en nats *por
# imagen*, y quien promedia los píxeles divide por 784 uno solo de los dos.
#
# (La entropía cruzada supone píxeles blancos o negros. Con grises se usa igualmente, como en el
# artículo; el mínimo sigue estando en el gris correcto.)

# %% [markdown] exercise="vae_loss" lang="en"
# The whole loss. The model returns `(logits, mean, log_variance)`. For each image:
#
# - **rebuild**: the binary cross-entropy between `logits` and pixels, **summed** over the pixels
#   (`nn.functional.binary_cross_entropy_with_logits(..., reduction="none")` gives it pixel by pixel,
#   the sigmoid included);
# - **the price**: the divergence, times `beta`.
#
# Return the mean over the images. The sum matters: both terms are in nats *per image*, and whoever
# averages over the pixels divides only one of the two by 784.
#
# (The cross-entropy supposes black or white pixels. It is used for greys all the same, as is
# customary; its minimum still is at the right grey.)


# %% role="exercise" id="vae_loss" title_es="La pérdida del VAE" title_en="The loss of the VAE" difficulty=2 minutes=10
def vae_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], images: torch.Tensor, beta: float
) -> torch.Tensor:
    """Return the mean over the images of cross-entropy + beta * divergence, in nats."""
    logits, mean, log_variance = outputs
    ### BEGIN SOLUTION
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(
        logits, images, reduction="none"
    ).sum(dim=1)
    return (cross_entropy + beta * kl_divergence(mean, log_variance)).mean()
    ### END SOLUTION


# %% role="check" id="vae_loss_check" points=2
def draw_outputs(rng, n, k):
    """Draw what a VAE gives for n images, the images, and beta."""
    return rng.normal(size=(n, 9)), *draw_clouds(rng, n, k), rng.random((n, 9)), rng.uniform(0.5, 3)


def loss_of(logits, mean, log_variance, images, beta):
    outputs = tuple(torch.tensor(part) for part in (logits, mean, log_variance))
    return vae_loss(outputs, torch.tensor(images), beta)


tick.call(
    "VAE loss: rebuilding",
    lambda *drawn: loss_of(*drawn[:-1], beta=0.0),
    cases=lambda rng: [draw_outputs(rng, 4, 3), draw_outputs(rng, 1, 2)],
    marks=1,
    hint={
        "es": "Suma sobre los píxeles de cada imagen y media sobre las imágenes.",
        "en": "Sum over the pixels of each image, mean over the images.",
    },
)
tick.call(
    "VAE loss: the price",
    lambda *drawn: loss_of(*drawn) - loss_of(*drawn[:-1], beta=0.0),
    cases=lambda rng: [draw_outputs(rng, 4, 3), draw_outputs(rng, 1, 2)],
    marks=1,
    hint={
        "es": "¿Multiplicas la divergencia por beta? ¿También se promedia sobre las imágenes?",
        "en": "Do you multiply the divergence by beta? Is it averaged over the images, too?",
    },
)

# %% [markdown] lang="es"
# El modelo va dado: es el de antes, salvo que el codificador da el doble de números (medias y
# logaritmos de varianzas). Entrenamos dos: uno con códigos de **2 números**, para verlos en un
# mapa, y otro con más, para inventar.

# %% [markdown] lang="en"
# The model is given: it is the one above, but for an encoder that gives twice as many numbers
# (means and logarithms of variances). We train two: one with codes of **2 numbers**, to see them on
# a map, and one with more, to invent.


# %% role="given"
class VAE(nn.Module):
    """Rebuilds rows of pixels, as logits, from clouds of codes of ``latent`` numbers."""

    def __init__(self, n_inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        check_latent(latent, n_inputs)
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs)
        )

    def forward(self, images):
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return self.decoder(reparameterise(mean, log_variance)), mean, log_variance


def train_vae(latent, beta):
    """Return a VAE trained on the training images."""
    torch.manual_seed(run_seed())
    model = VAE(n_pixels, HIDDEN, latent)
    learn(model, train_rows, rebuild, lambda outputs, images: vae_loss(outputs, images, beta))
    return model


def clouds_of(model, rows):
    """Return the means and the log-variances of the codes of rows."""
    return computed(model.encoder, rows).chunk(2, dim=1)


def decoded(model, codes):
    """Return the images (N, D) of codes (N, k)."""
    return computed(model.decoder, codes).sigmoid()


BETA = budget(full=1.0, quick=0.2)  # small images hold fewer nats, and can pay less
VAE_LATENT = 16
with once_done():
    flat_vae, vae = train_vae(2, BETA), train_vae(VAE_LATENT, BETA)
    generator = torch.Generator().manual_seed(run_seed())
    invented = decoded(vae, torch.randn(20, VAE_LATENT, generator=generator))
    codes = computed(autoencoder.encoder, train_rows)
    drawn = codes.mean(dim=0) + codes.std(dim=0) * torch.randn(20, LATENT, generator=generator)
    print("Decoded from codes drawn at random:")
    show(
        {
            "VAE": invented,
            "VAE, more": invented[10:],
            "autoencoder": computed(autoencoder.decoder, drawn),
        }
    )


# %% role="check" id="vae_check" points=2 covers="reparameterise,kl_divergence,vae_loss"
def through_clouds(rows):
    """Rebuild rows from a random point of each cloud."""
    mean, log_variance = clouds_of(vae, rows)
    return decoded(vae, mean + (log_variance / 2).exp() * torch.randn(len(rows), VAE_LATENT))


tick.predictions(
    "VAE: new images through their clouds",
    lambda rows: through_clouds(rows),
    hidden=lambda rng: twice(draw_test_images(rng)),
    metric="mse",
    baseline=("the mean image", lambda rows: np.tile(train_rows.mean(dim=0), (len(rows), 1))),
    marks=2,
    hint={
        "es": "Cualquier punto de la nube debe dar la imagen. ¿Qué comprobación de arriba está en ✗?",
        "en": "Any point of the cloud has to give the image. Which of the checks above shows ✗?",
    },
)

# %% [markdown] lang="es"
# **El mapa.** A la izquierda, el código medio de cada imagen de prueba, coloreado por su clase (que
# la red nunca ha visto). A la derecha, lo que el decodificador dibuja en cada punto del plano: la
# rejilla reparte por igual la probabilidad de la normal, como en la figura 4 de Kingma y Welling.

# %% [markdown] lang="en"
# **The map.** On the left, the mean code of each test image, coloured by its class (which the
# network has never seen). On the right, what the decoder draws at each point of the plane: the grid
# shares out the probability of the normal evenly, as in figure 4 of Kingma and Welling.

# %% role="given"
with once_done():
    places, _ = clouds_of(flat_vae, test_rows[:1500])
    side = 15
    steps = norm.ppf((np.arange(side) + 0.5) / side)
    grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)  # (side², 2)
    tiles = decoded(flat_vae, grid).reshape(side, side, height, width)
    with plots.style():
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(12, 5), width_ratios=[1.25, 1], layout="constrained"
        )
    names = [class_names[k] for k in splits.test_labels[: len(places)]]
    plots.embedding_map(places, groups=names, ax=left)
    left.set_title("where each image goes")
    right.imshow(np.block([[tile for tile in line.numpy()] for line in tiles]), cmap="gray")
    right.set_title("what each place looks like")
    right.set_axis_off()
    plt.show()

# %% [markdown] lang="es"
# **Un paseo.** De una imagen a otra en línea recta, por los códigos y por los píxeles. Mezclar
# píxeles superpone dos fotografías; mezclar códigos pasa por imágenes que podrían existir.

# %% [markdown] lang="en"
# **A walk.** From one image to another in a straight line, by way of the codes and by way of the
# pixels. Mixing pixels lays two photographs on top of each other; mixing codes passes through
# images that might exist.

# %% role="given"
with once_done():
    ends = [int(np.flatnonzero(splits.test_labels == k)[0]) for k in (1, 0)]  # two classes
    parts = torch.linspace(0, 1, 10)[:, None]
    path, _ = clouds_of(vae, test_rows[ends])
    show(
        {
            "codes": decoded(vae, torch.lerp(path[0], path[1], parts)),
            "pixels": torch.lerp(test_rows[ends[0]], test_rows[ends[1]], parts),
        }
    )

# %% [markdown] lang="es"
# **¿Y β?** Higgins y otros (2017) multiplicaron el precio por un número β. La tabla muestra, para
# la red de 16 números, cuántos se usan de verdad (los que pagan más de 0.05 nats por imagen).

# %% [markdown] lang="en"
# **And β?** Higgins et al. (2017) multiplied the price by a number β. The table shows, for the
# network of 16 numbers, how many of them are really used (those that pay more than 0.05 nats per
# image).

# %% role="given"
with once_done():
    by_beta = {}
    print(f"{'beta':>6}  rebuild (mse)  price (nats)  numbers in use")
    for beta in (BETA / 20, BETA, 20 * BETA):
        model_of_beta = vae if beta == BETA else train_vae(VAE_LATENT, beta)
        mean, log_variance = clouds_of(model_of_beta, test_rows)
        error = mean_error(decoded(model_of_beta, mean), test_rows)
        flat_price = kl_divergence(mean.reshape(-1, 1), log_variance.reshape(-1, 1))
        prices = flat_price.view(mean.shape).mean(dim=0)  # of each number of the code
        used = int((prices > 0.05).sum())
        print(f"{beta:6g}  {error:13.4f}  {prices.sum():12.1f}  {used:14d}")
        by_beta[f"rebuilt, β = {beta:g}"] = decoded(model_of_beta, mean)
        generator = torch.Generator().manual_seed(run_seed())
        by_beta[f"invented, β = {beta:g}"] = decoded(
            model_of_beta, torch.randn(10, VAE_LATENT, generator=generator)
        )
    show({"original": test_rows} | by_beta)

# %% [markdown] lang="es"
# Con β pequeña casi se tiene el autocodificador de antes: copia bien, pero los códigos que se
# sortean caen en huecos. Con β grande sale demasiado caro decir algo: los números se apagan uno a
# uno (*colapso de la posteriori*) y solo se recuerda lo más grueso. Lo que queda es un número más
# con el que elegir entre copiar bien e inventar bien.

# %% [markdown] lang="en"
# With a small β we almost have the autoencoder from before: it copies well, but codes drawn at
# random fall into gaps. With a large β saying anything is too dear: the numbers go out one by one
# (*posterior collapse*) and only the coarsest is remembered. What is left is one more knob, to
# choose between copying well and inventing well.

# %% [markdown] role="question" id="why_vae_blurs" points=3 lang="es"
# **¿Por qué sale borroso el VAE?** Compara sus imágenes con las del autocodificador y con los
# originales. ¿Qué papel tienen el azar del código, la pérdida píxel a píxel y β? Propón un cambio
# que daría imágenes más nítidas y di qué se perdería.
#
# ### BEGIN SOLUTION
# La pérdida píxel a píxel premia la media: si un mismo código puede corresponder a varias imágenes,
# la salida que menos pierde es su promedio, y el promedio de muchas imágenes nítidas es borroso. El
# azar lo acentúa: las nubes vecinas se solapan, así que cada $z$ corresponde de verdad a varias
# imágenes, y lo fino (lo que menos nats vale) no compensa su precio, más aún con β grande. Además,
# lo que se enseña es la media de $p(x|z)$, no un sorteo. Más nitidez: β menor o más números en el
# código (peor al inventar: quedan huecos), un decodificador más potente o convolucional, una
# pérdida perceptual o adversaria (GAN: se pierde la cota y el entrenamiento es inestable), o
# modelos de difusión (mucho más lentos).
# ### END SOLUTION

# %% [markdown] role="question" id="why_vae_blurs" points=3 lang="en"
# **Why is the VAE blurred?** Compare its images with those of the autoencoder and with the
# originals. What part do the chance in the code, the pixel-by-pixel loss and β play? Propose a
# change that would give sharper images, and say what would be lost.
#
# ### BEGIN SOLUTION
# The pixel-by-pixel loss rewards the mean: if one code may stand for several images, the output
# that loses least is their average, and the average of many sharp images is blurred. Chance makes
# it worse: neighbouring clouds overlap, so each $z$ really stands for several images, and what is
# fine (worth the fewest nats) does not earn its price, even less with a large β. Besides, what we
# show is the mean of $p(x|z)$, not a draw from it. Sharper: a smaller β or more numbers in the code
# (worse at inventing: gaps remain), a stronger or convolutional decoder, a perceptual or
# adversarial loss (GAN: the bound is lost and training is unstable), or diffusion models (much
# slower).
# ### END SOLUTION

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
        f"{n_pixels} pixels": lambda rows: rows.numpy(),
        f"{LATENT} principal components": lambda rows: (
            (rows.numpy() - centre) @ components[:LATENT].T
        ),
        f"code of {LATENT} numbers": lambda rows: computed(autoencoder.encoder, rows).numpy(),
        f"VAE, mean code of {VAE_LATENT}": lambda rows: clouds_of(vae, rows)[0].numpy(),
    }
    generator = np.random.default_rng(run_seed())
    draws = [choose_labelled(generator) for _ in range(10)]
    print("accuracy on test images with 100 labels, mean ± spread of 10 draws:")
    for name, view in views.items():
        seen, unseen = view(train_rows), view(test_rows)
        accuracies = [
            np.mean(linear_probe(seen[few], train_classes[few], unseen) == splits.test_labels)
            for few in draws
        ]
        print(f"{name:>26}: {np.mean(accuracies):.3f} ± {np.std(accuracies):.3f}")


# %% role="check" id="linear_probe_check" points=2
def draw_codes(rng):
    """Draw ([labelled rows, their labels, new rows], the labels of the new ones)."""
    centres = rng.normal(size=(4, 6))
    labels = rng.permutation(np.repeat(np.arange(4), 60))
    rows = 1000 * (centres[labels] + 0.7 * rng.normal(size=(240, 6))) + 5000  # an odd scale
    return [rows[:40], labels[:40], rows[40:]], labels[40:]


tick.predictions(
    "linear classifier: new rows",
    lambda drawn: linear_probe(*drawn),
    hidden=draw_codes,
    metric="accuracy",
    baseline=("always the same class", lambda drawn: np.zeros(len(drawn[2]))),
    share=0.9,
    marks=2,
    hint={
        "es": "¿Restas y divides lo mismo en las filas etiquetadas y en las nuevas?",
        "en": "Do you subtract and divide the same in the labelled rows and in the new ones?",
    },
)

# %% [markdown] lang="es"
# El código no gana: se queda un punto o dos por debajo de los píxeles, más o menos lo que varía la
# exactitud de un sorteo de etiquetas a otro. Las dos mitades de la noticia importan. La red ha
# tirado la mayoría de los números sin tirar lo que distingue las clases, de las que nadie le había
# hablado. Pero reconstruir no premia separar clases, así que tampoco las ordena mejor. Otras tareas
# sin etiquetas sí lo hacen: lo verás con los modelos de lenguaje.

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
# Devuélvelo, comparando todas las parejas.

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
    "AUC: different scores",
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
    "AUC: ties",
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
    learn(watchman, normal_rows, rebuild, mean_error, epochs=budget(full=20, quick=60))
    scores = reconstruction_errors(computed(watchman, test_rows), test_rows).numpy()
    distances = reconstruction_errors(normal_rows.mean(dim=0), test_rows).numpy()
    usual = splits.test_labels == NORMAL
    print(f"AUC of the reconstruction error:       {roc_auc(scores[usual], scores[~usual]):.3f}")
    print(
        f"AUC of the distance to the mean image: {roc_auc(distances[usual], distances[~usual]):.3f}"
    )
    others = [k for k in range(len(class_names)) if k != NORMAL]
    areas = [roc_auc(scores[usual], scores[splits.test_labels == k]) for k in others]
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
        bins = np.linspace(0, np.quantile(scores, 0.99), 40)
        for part, colour, name in ((usual, 0, class_names[NORMAL]), (~usual, 1, "the rest")):
            left.hist(
                scores[part],
                bins,
                density=True,
                alpha=0.6,
                color=plots.COLOURS[colour],
                hatch=["", "//"][colour],
                label=name,
            )
        left.set(xlabel="reconstruction error", ylabel="density")
        left.legend()
        right.barh([class_names[k] for k in others], areas, color=plots.COLOURS[0])
        right.set(xlabel=f"AUC, {class_names[NORMAL]} against …", xlim=(0.5, 1))
        right.invert_yaxis()
    plt.show()
    order = scores.argsort()
    missed = test_rows[order[~usual[order]][:10]]  # the smallest errors of the rest
    alarms = test_rows[order[usual[order]][-10:]]  # the largest errors of the normal ones
    show(
        {
            "missed": missed,
            "missed, rebuilt": computed(watchman, missed),
            "false alarm": alarms,
            "false alarm, rebuilt": computed(watchman, alarms),
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
# 99th percentile for 1 % of false alarms, or by weighing the cost of each kind of error and how
# often anomalies are expected; and it is looked at again over time, because what is normal changes.
# ### END SOLUTION

# %% [markdown] lang="es"
# ## 2.7 El puente al laboratorio 4: secuencias
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
# escribió: se llama *teacher forcing*. Por eso su entrada es la respuesta desplazada un lugar, con
# `START` delante.

# %% [markdown] lang="en"
# ## 2.7 The bridge to lab 4: sequences
#
# Translating is reading one sentence and writing another of a different length. The idea works as
# it is (Sutskever et al., 2014; Cho et al., 2014): a recurrent network, the **encoder**, reads the
# whole sentence, and its last hidden state is the code; another one, the **decoder**, starts from
# that state and writes word by word. Here in small: read a sequence of symbols and write it
# **reversed**.
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
SYMBOLS = budget(full=10, quick=6)
LONGEST = budget(full=16, quick=8)
STEPS = budget(full=1500, quick=300)


def train_to_reverse(hidden):
    """Return a model trained on random sequences of 1 to LONGEST symbols, new ones each step."""
    torch.manual_seed(run_seed())
    model = Seq2Seq(SYMBOLS, hidden).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=STEPS)
    for _ in range(STEPS):
        length = int(torch.randint(1, LONGEST + 1, ()))
        source = torch.randint(SYMBOLS, (128, length), device=device)
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
        right[f"code of {hidden}"] = shares_right = []
        for length in lengths:
            source = torch.randint(SYMBOLS, (300, length), generator=generator).to(device)
            shares_right.append((reverser.write(source) == source.flip(1)).float().mean().item())
    ax = plots.curves(right, x=lengths, xlabel="length of the sequence", ylabel="symbols right")
    ax.axhline(1 / SYMBOLS, color=plots.TEXT, linewidth=0.8)
    ax.text(1, 1 / SYMBOLS, "chance", va="bottom")
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
    "sequences: logits",
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
    "sequences: new ones reversed",
    lambda source: reverser.write(torch.tensor(source, device=device)),
    hidden=draw_sequences,
    metric="accuracy",
    baseline=("always the same symbol", lambda source: np.zeros_like(source)),
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
# fijarse. Eso es la *atención* (Bahdanau y otros, 2015), y con ella empieza el laboratorio 4.

# %% [markdown] lang="en"
# The short ones come out perfect and the long ones do not, although all these lengths were in the
# training: **a code of fixed size cannot hold ever longer sentences**, and widening it only puts
# the problem off. Cho et al. (2014) saw it in translation. The way out was not a larger code but to
# let the decoder **look** at the input again at each step and choose what to attend to. That is
# *attention* (Bahdanau et al., 2015), and lab 4 begins with it.

# %% [markdown] lang="es"
# ## Para saber más
#
# - Baldi y Hornik (1989). Neural networks and principal component analysis: learning from examples
#   without local minima. *Neural Networks* 2.
# - Vincent, Larochelle, Bengio y Manzagol (2008). Extracting and composing robust features with
#   denoising autoencoders. *ICML*.
# - Kingma y Welling (2014). [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114).
#   *ICLR*.
# - Higgins y otros (2017). β-VAE: learning basic visual concepts with a constrained variational
#   framework. *ICLR*.
# - Sutskever, Vinyals y Le (2014). [Sequence to sequence learning with neural
#   networks](https://arxiv.org/abs/1409.3215). *NeurIPS*.
# - Cho y otros (2014). [On the properties of neural machine
#   translation](https://arxiv.org/abs/1409.1259). *SSST-8*.
# - Bahdanau, Cho y Bengio (2015). [Neural machine translation by jointly learning to align and
#   translate](https://arxiv.org/abs/1409.0473). *ICLR*.

# %% [markdown] lang="en"
# ## Further reading
#
# - Baldi and Hornik (1989). Neural networks and principal component analysis: learning from
#   examples without local minima. *Neural Networks* 2.
# - Vincent, Larochelle, Bengio and Manzagol (2008). Extracting and composing robust features with
#   denoising autoencoders. *ICML*.
# - Kingma and Welling (2014). [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114).
#   *ICLR*.
# - Higgins et al. (2017). β-VAE: learning basic visual concepts with a constrained variational
#   framework. *ICLR*.
# - Sutskever, Vinyals and Le (2014). [Sequence to sequence learning with neural
#   networks](https://arxiv.org/abs/1409.3215). *NeurIPS*.
# - Cho et al. (2014). [On the properties of neural machine
#   translation](https://arxiv.org/abs/1409.1259). *SSST-8*.
# - Bahdanau, Cho and Bengio (2015). [Neural machine translation by jointly learning to align and
#   translate](https://arxiv.org/abs/1409.0473). *ICLR*.

# %% role="given"
tick.summary()
