# %% [markdown] lang="es"
# ## Antes de empezar
#
# > **Aviso sobre el contenido.** Los datos son tuits publicados que se reunieron para estudiar el
# > discurso de odio: hay en ellos lenguaje ofensivo, con insultos y comentarios racistas y sexistas.
# > El cuaderno no los busca, pero pueden asomar en los resultados. Si prefieres no encontrártelos,
# > añade una celda al principio con `import os; os.environ["LAB_PROFILE"] = "quick"`, ejecútala y
# > sigue: el cuaderno usará mensajes inventados y aprenderás lo mismo.
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
# | 7 | Vecinos y mapa | vectores | palabras que se parecen |
#
# Cada función se comprueba por separado, con datos nuevos que se sortean en cada corrección: si un
# ejercicio se te resiste, sigue con el siguiente y vuelve después. Con los tuits, el cuaderno
# entero tarda unos minutos en dos núcleos sin GPU, casi todos en una sola celda de la sección 6.

# %% [markdown] lang="en"
# ## Before you start
#
# > **Content warning.** The data are published tweets that were gathered to study hate speech: they
# > contain offensive language, with insults and racist and sexist remarks. The notebook does not seek
# > them out, but they may turn up in the results. If you would rather not meet them, add a cell at
# > the top with `import os; os.environ["LAB_PROFILE"] = "quick"`, run it and go on: the notebook will
# > use made-up messages, and you will learn the same.
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
# | 7 | Neighbours and map | vectors | words that are alike |
#
# Each function is checked on its own, with new data drawn every time it is marked: if an exercise
# resists, go on with the next one and come back later. On the tweets the whole notebook takes a few
# minutes on two cores without a GPU, nearly all of it in one cell of section 6.

# %% role="given"
import re
from collections import Counter
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

# %% [markdown] lang="es"
# ## 1. De mensajes a palabras
#
# En el perfil `full` (el normal) los datos son 31 962 tuits. En el perfil `quick`, con el que se
# corrige, son mensajes inventados: sus palabras no existen, pero forman ocho grupos que siempre van
# juntos, así que sabemos de antemano qué vecinos debería encontrar un buen modelo.

# %% [markdown] lang="en"
# ## 1. From messages to words
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


# %% role="check" id="clean_check" points=6
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
    marks=4,
    hint={
        "es": "¿Pasas a minúsculas antes de filtrar? ¿Borras lo que sobra, sin poner un espacio?",
        "en": "Do you lower-case before you filter? Do you delete the rest, without a space for it?",
    },
)
tick.call(
    "clean: no empty words",
    lambda text: clean(text),
    cases=draw_gaps,
    marks=2,
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


# %% role="check" id="normalise_check" points=6
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
    marks=3,
    hint={
        "es": "¿Devuelves una raíz por palabra, en el mismo orden?",
        "en": "Do you return one stem for each word, in the same order?",
    },
)
tick.call(
    "normalise: stop words go first",
    lambda words, stop_words: normalise(words, stop_words),
    cases=draw_stop_words,
    marks=3,
    hint={
        "es": "¿Comparas con la lista la palabra entera, antes de sacar su raíz?",
        "en": "Do you look the whole word up in the list, before you stem it?",
    },
)

# %% [markdown] lang="es"
# ## 2. Vocabulario
#
# La red trabaja con números, así que cada palabra necesita el suyo. Pero no todas lo merecen: de una
# palabra vista tres veces no se puede aprender casi nada, y cada palabra añade una fila a las dos
# matrices del modelo. De ahí el **umbral de frecuencia**.

# %% [markdown] lang="en"
# ## 2. Vocabulary
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


# %% role="check" id="build_vocabulary_check" points=8
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
    marks=3,
    hint={
        "es": "¿Cuentas en todo el corpus y no frase a frase? ¿«Más de» o «al menos»?",
        "en": "Do you count over the whole corpus, not sentence by sentence? “More than” or “at least”?",
    },
)
tick.call(
    "vocabulary: order",
    lambda sentences, floor: build_vocabulary(sentences, floor)[0],
    cases=draw_sentences,
    marks=2,
    hint={
        "es": "El orden es el de la primera aparición: ni alfabético ni por frecuencia.",
        "en": "The order is that of first appearance: neither alphabetical nor by frequency.",
    },
)
tick.call(
    "vocabulary: token to id",
    lambda sentences, floor: there_and_back(sentences, floor),
    cases=draw_sentences,
    marks=3,
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


# %% role="check" id="encode_check" points=6
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
    marks=4,
    hint={
        "es": "El resultado es una lista de listas de enteros, una por frase.",
        "en": "The result is a list of lists of whole numbers, one for each sentence.",
    },
)
tick.call(
    "encode: rare words",
    lambda sentences, token_to_id: encode(sentences, token_to_id),
    cases=draw_rare,
    marks=2,
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

sentences = [normalise(clean(text), stop_words) for text in texts]
id_to_token, token_to_id = build_vocabulary(sentences, FLOOR)
corpus = encode(sentences, token_to_id)

everything = Counter(token for sentence in sentences for token in sentence)
kept = sum(len(ids) for ids in corpus)
print(f"vocabulary: {len(id_to_token):,} of {len(everything):,} different tokens")
print(f"corpus:     {kept:,} of {everything.total():,} tokens ({kept / everything.total():.0%})")
print(f"index 1:    {id_to_token[1]!r}")

# %% [markdown] lang="es"
# ## 3. Ventanas deslizantes
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
# ## 3. Sliding windows
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


# %% role="check" id="context_pairs_check" points=10
tick.call(
    "pairs: window of 1",
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.permutation(50)[:n].tolist(), 1) for n in (3, 8)],
    marks=2,
    hint={
        "es": "¿Hay pareja con la palabra de la izquierda y con la de la derecha? ¿Y en los bordes?",
        "en": "Is there a pair with the word to the left and one with that to the right? At the edges?",
    },
)
tick.call(
    "pairs: any window",
    lambda ids, window: sorted(map(tuple, context_pairs(ids, window))),
    cases=lambda rng: [(rng.integers(6, size=12).tolist(), window) for window in (2, 3, 5)],
    marks=5,
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
    marks=3,
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


held_out_pairs = pairs_of(corpus[::20])
training_pairs = pairs_of([ids for i, ids in enumerate(corpus) if i % 20])
print(f"{len(training_pairs):,} training pairs + {len(held_out_pairs):,} held-out pairs", end=" ")
print(f"= {len(training_pairs) + len(held_out_pairs):,}")

# %% [markdown] lang="es"
# ## 4. Lotes
#
# Entrenar pareja a pareja desperdiciaría el procesador: una matriz de mil filas cuesta casi lo mismo
# que una de diez. Por eso PyTorch separa dos papeles: el `Dataset` sabe *dónde está* cada ejemplo y
# el `DataLoader` decide *cuáles van juntos* y en qué orden.

# %% [markdown] lang="en"
# ## 4. Batches
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


# %% role="check" id="dataset_check" points=5
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
    marks=3,
    hint={
        "es": "len(dataset) es el número de parejas, y dataset[i] son dos valores: centro y contexto.",
        "en": "len(dataset) is the number of pairs, and dataset[i] is two values: centre and context.",
    },
)
tick.call(
    "dataset: a list of indices",
    lambda pairs, indices: items(pairs, indices),
    cases=lambda rng: [(rng.integers(90, size=(20, 2)), rng.integers(20, size=6).tolist())],
    marks=2,
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
# Añade `**loader_settings(device)`: elige cuántos procesos preparan lotes según tu máquina.

# %% [markdown] exercise="loader" lang="en"
# The usual way is `DataLoader(dataset, batch_size=..., shuffle=True)`. It works, but asks for the
# examples one by one and then stacks them: more than 800,000 calls of Python an epoch. As our
# `dataset` understands lists, we can ask it for **whole batches**, a thousand times fewer calls:
#
# - `RandomSampler(dataset)` gives the indices in random order, a new one each epoch;
# - `BatchSampler(..., batch_size, drop_last=False)` groups them into lists;
# - `DataLoader(dataset, sampler=..., batch_size=None)` hands each list to `dataset[list]` as it is.
#
# Add `**loader_settings(device)`: it chooses how many processes prepare batches on your machine.


# %% role="exercise" id="loader" title_es="Un DataLoader por lotes" title_en="A DataLoader of batches" difficulty=2 minutes=10
def make_loader(dataset: Dataset, batch_size: int) -> DataLoader:
    """Return a loader of shuffled batches; the last one may be smaller."""
    ### BEGIN SOLUTION
    batches = BatchSampler(RandomSampler(dataset), batch_size, drop_last=False)
    return DataLoader(dataset, sampler=batches, batch_size=None, **loader_settings(device))
    ### END SOLUTION


# %% role="check" id="loader_check" points=4
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
    marks=2,
    hint={
        "es": "En una época debe salir cada pareja exactamente una vez, también las del último lote.",
        "en": "In one epoch each pair must come out exactly once, those of the last batch too.",
    },
)
tick.call(
    "loader: shuffled batches",
    lambda pairs, batch_size: sizes_and_order(pairs, batch_size),
    cases=lambda rng: [(rng.integers(90, size=(50, 2)), 16)],
    marks=2,
    hint={
        "es": "¿Tienen los lotes el tamaño pedido? ¿Cambia el orden de una época a otra?",
        "en": "Do the batches have the size asked for? Does the order change between epochs?",
    },
)

# %% [markdown] lang="es"
# ## 5. One-hot y embedding: el mismo mapa
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
# ## 5. One-hot and embedding: the same map
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


# %% role="check" id="one_hot_check" points=6
tick.call(
    "one-hot: vectors",
    lambda ids, size: one_hot(torch.tensor(ids), size),
    cases=lambda rng: [(rng.integers(9, size=n), 9) for n in (1, 4, 12)],
    marks=3,
    hint={
        "es": "Una fila por palabra y una columna por entrada del vocabulario; cada fila suma 1.",
        "en": "One row for each word and one column for each entry of the vocabulary; rows sum to 1.",
    },
)
tick.call(
    "one-hot: times the matrix",
    lambda ids, weight: lookup_by_one_hot(torch.tensor(ids), torch.tensor(weight)),
    cases=lambda rng: [(rng.integers(7, size=5), rng.normal(size=(7, 3)).astype(np.float32))],
    marks=3,
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
some_ids = torch.randint(len(id_to_token), (1024,))
embedding = nn.Embedding(len(id_to_token), 64)


def timed(function):
    start = perf_counter()
    return function(), 1000 * (perf_counter() - start)


with torch.no_grad():
    product, product_ms = timed(lambda: lookup_by_one_hot(some_ids, embedding.weight))
    rows, rows_ms = timed(lambda: embedding(some_ids))
numbers = len(some_ids) * len(id_to_token)
print(f"one-hot times W: {numbers:>9,} numbers of input, {product_ms:6.2f} ms")
print(f"nn.Embedding:    {len(some_ids):>9,} numbers of input, {rows_ms:6.2f} ms")
print(f"largest difference: {(product - rows).abs().max():.0e}")

# %% [markdown] lang="es"
# ## 6. Modelo y entrenamiento
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
# ## 6. Model and training
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


# %% role="check" id="model_check" points=7
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
    marks=3,
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
    marks=4,
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


# %% role="check" id="mean_loss_check" points=4
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
    marks=2,
    hint={
        "es": "¿Pesan igual todas las parejas, aunque el último lote sea más pequeño?",
        "en": "Does each pair weigh the same, even though the last batch is smaller?",
    },
)
tick.call(
    "mean loss: no gradients",
    lambda table, pairs, batch_size: measured(table, pairs, batch_size)[1].with_gradients,
    cases=lambda rng: [draw_table(rng, 4, 4)],
    marks=2,
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


# %% role="check" id="train_epoch_check" points=7
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
    marks=2,
    hint={
        "es": "¿Es la pérdida la media del lote? ¿Llamas a backward() y luego a step()?",
        "en": "Is the loss the mean over the batch? Do you call backward() and then step()?",
    },
)
tick.call(
    "epoch: several batches",
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[0],
    cases=lambda rng: [draw_table(rng, 20, 6)],
    marks=3,
    hint={
        "es": "Un paso por lote. Y los gradientes se suman a los anteriores si nadie los borra.",
        "en": "One step for each batch. And gradients add to the old ones unless someone clears them.",
    },
)
tick.call(
    "epoch: mean loss",
    lambda table, pairs, batch_size: trained(table, pairs, batch_size)[1],
    cases=lambda rng: [draw_table(rng, 13, 6)],
    marks=2,
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


# %% role="check" id="train_check" points=8
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
    marks=4,
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
    marks=4,
    hint={
        "es": "¿Devuelves el modelo entrenado? ¿Recibe el optimizador todos sus parámetros?",
        "en": "Do you return the trained model? Does the optimiser get all its parameters?",
    },
)

# %% [markdown] lang="es"
# Llegó el momento. Con los tuits, cada época tarda unos 15 segundos en dos núcleos libres y muy poco
# en una GPU. La línea de puntos y rayas es el modelo de unigramas.

# %% [markdown] lang="en"
# Here it comes. On the tweets each epoch takes some 15 seconds on two free cores, and next to nothing
# on a GPU. The dash-dotted line is the unigram model.

# %% role="given"
settings = {
    "dim": budget(full=64, quick=16),
    "epochs": budget(full=8, quick=10),
    "batch_size": budget(full=1024, quick=256),
    "learning_rate": budget(full=0.003, quick=0.01),
}
start = perf_counter()
model, history = train(training_pairs, held_out_pairs, len(id_to_token), **settings)
seconds = (perf_counter() - start) / settings["epochs"]

shares = torch.bincount(training_pairs[:, 1], minlength=len(id_to_token)) + 1.0
unigrams = -(shares / shares.sum()).log()[held_out_pairs[:, 1]].mean().item()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {seconds:.1f} s an epoch")
print(
    f"loss: training {history['training'][-1]:.2f}, held out {history['held out'][-1]:.2f}", end=""
)
print(f", unigrams {unigrams:.2f}, knowing nothing {np.log(len(id_to_token)):.2f}")
plots.loss_curve(history | {"unigrams": [unigrams] * settings["epochs"]})
plt.show()

# %% [markdown] lang="es"
# ## 7. Vecinos
#
# ¿Han aprendido algo los vectores? Preguntemos a cada palabra por sus vecinas. La **distancia
# coseno**, $1 - \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$, solo mira la dirección: 0 si dos
# vectores apuntan al mismo sitio, 1 si son perpendiculares, 2 si son opuestos. Nos conviene porque
# la longitud depende en buena parte de lo frecuente que es la palabra, y el significado está en la
# dirección.

# %% [markdown] lang="en"
# ## 7. Neighbours
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


# %% role="check" id="nearest_check" points=5
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
    marks=3,
    hint={
        "es": "¿Van de menor a mayor distancia coseno? ¿Son k, sin contar la propia palabra?",
        "en": "Do they go from the smallest cosine distance up? Are they k, without the word itself?",
    },
)
tick.call(
    "nearest: not itself",
    lambda vectors, token_id, k: nearest(vectors, token_id, k)[0],
    cases=draw_twin,
    marks=2,
    hint={
        "es": "Otra palabra puede estar a distancia 0: quita la propia por su número, no por su puesto.",
        "en": "Another word may be at distance 0: leave the word itself out by its id, not by its place.",
    },
)

# %% role="given"
vectors = model.embedding.weight.detach().cpu().numpy()
for word in seed_words:
    ids, distances = nearest(vectors, token_to_id[word], 6)
    found = zip(ids, distances, strict=True)
    print(f"{word:>8}: " + ", ".join(f"{id_to_token[i]} {d:.2f}" for i, d in found))

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


# %% role="check" id="whole_chain_check" points=3 covers="train"
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
    marks=3,
    hint={
        "es": "Si todo lo anterior está en ✓, mira si alguna función guarda algo de una llamada a otra.",
        "en": "If all of the above is ✓, see whether some function keeps anything from call to call.",
    },
)

# %% [markdown] lang="es"
# ## 8. Un mapa de las palabras
#
# Nadie ve en 64 dimensiones. El **análisis de componentes principales** (PCA) busca las dos
# direcciones en las que los vectores más se separan, y proyecta sobre ellas. El mapa muestra las
# palabras de antes con sus vecinas, y el título de cada eje dice cuánta variación conserva: lo que
# falta hasta el 100 % es lo que el mapa no enseña. Dos palabras lejanas en el mapa están lejos de
# verdad; dos cercanas, solo quizá.

# %% [markdown] lang="en"
# ## 8. A map of words
#
# Nobody sees in 64 dimensions. **Principal component analysis** (PCA) looks for the two directions
# along which the vectors spread most, and projects on them. The map shows the words from above with
# their neighbours, and each axis says how much of the variation it keeps: what is missing to 100 % is
# what the map does not show. Two words far apart on the map are far apart indeed; two close ones,
# only perhaps.

# %% role="given"
chosen = {}  # token id -> the word whose neighbour it is; a word keeps its first place
for word in seed_words:
    ids, _ = nearest(vectors, token_to_id[word], 7)
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
# ## 9. Preguntas
#
# Apóyate en lo que has medido: la curva, los vecinos, el mapa. Unas líneas bastan.

# %% [markdown] lang="en"
# ## 9. Questions
#
# Build on what you have measured: the curve, the neighbours, the map. A few lines will do.

# %% [markdown] role="question" id="overfitting" points=5 lang="es"
# **¿Hay sobreajuste?** Compara el número de parámetros con el de parejas de entrenamiento y mira las
# dos curvas. ¿En qué época dejarías de entrenar, y por qué? ¿Por qué la pérdida no puede acercarse a
# 0, por mucho que se entrene? ¿Es aquí la pérdida lo que de verdad importa?
#
# ### BEGIN SOLUTION
# Con los tuits hay 394 880 parámetros (2 · 3 085 · 64) y unas 813 000 parejas: ejemplos no sobran, y
# muchas palabras solo aparecen una docena de veces. La pérdida de entrenamiento baja sin parar; la de
# los mensajes apartados deja de bajar a las pocas épocas y después se estanca o sube. La distancia
# creciente entre ambas es sobreajuste, moderado porque solo hay 64 números por palabra. Pararía donde
# la curva apartada toca su mínimo. No puede llegar a 0 porque un mismo centro tiene muchos contextos
# posibles: aun el modelo perfecto conserva la entropía de esa distribución. Y lo que importa no es
# acertar contextos, sino que los vectores sirvan: la pérdida es un medio, y conviene juzgar también
# los vecinos o una tarea posterior.
# ### END SOLUTION

# %% [markdown] role="question" id="overfitting" points=5 lang="en"
# **Is there overfitting?** Compare the number of parameters with that of training pairs and look at
# both curves. In which epoch would you stop training, and why? Why can the loss not get close to 0,
# however long we train? Is the loss what really matters here?
#
# ### BEGIN SOLUTION
# On the tweets there are 394,880 parameters (2 · 3,085 · 64) and some 813,000 pairs: examples are not
# plentiful, and many words appear only a dozen times. The training loss keeps falling; that of the
# messages set aside stops falling after a few epochs and then stalls or rises. The growing gap between
# them is overfitting, a moderate one because there are only 64 numbers a word. I would stop where the
# held-out curve is at its lowest. It cannot reach 0 because one centre has many possible contexts:
# even the perfect model keeps the entropy of that distribution. And what matters is not to guess
# contexts but to get useful vectors: the loss is a means, and the neighbours or a later task should
# be judged, too.
# ### END SOLUTION

# %% [markdown] role="question" id="neighbour_quality" points=5 lang="es"
# **¿Son buenos los vecinos?** Busca en tu lista un acierto y un fallo y explica de dónde puede venir
# cada uno. Propón dos cambios que mejorarían los vecinos y di por qué: piensa en los datos, en la
# limpieza, en la ventana y en el entrenamiento.
#
# ### BEGIN SOLUTION
# Aciertan las palabras frecuentes con usos propios (`father` con `dad`). Fallan las poco frecuentes,
# que comparten unos pocos mensajes por casualidad, y las de varios sentidos, cuyo único vector es un
# promedio. Además, «vecino» significa «usado en el mismo contexto»: los antónimos salen cerca. Para
# mejorar: más texto (lo que más ayuda) o partir de vectores ya entrenados; submuestrear las palabras
# muy frecuentes (`@user` está en casi todas las ventanas y no dice nada) o quitarlas; otra ventana
# (estrecha: palabras intercambiables; ancha: palabras del mismo tema); muestreo negativo, que permite
# más épocas y más texto en el mismo tiempo; otra dimensión elegida con los mensajes apartados; no
# reducir a raíces, o usar trozos de palabras como fastText.
# ### END SOLUTION

# %% [markdown] role="question" id="neighbour_quality" points=5 lang="en"
# **Are the neighbours good?** Find a hit and a miss in your list and explain where each may come
# from. Propose two changes that would improve the neighbours and say why: think of the data, the
# cleaning, the window and the training.
#
# ### BEGIN SOLUTION
# Frequent words with uses of their own do well (`father` with `dad`). Infrequent ones fail, because
# they share a few messages by chance, and so do words with several meanings, whose only vector is an
# average. Besides, “neighbour” means “used in the same context”: antonyms come out close. To improve:
# more text (which helps most) or a start from vectors trained already; subsample very frequent words
# (`@user` is in nearly every window and says nothing) or drop them; another window (narrow: words that
# can stand for one another; wide: words of one topic); negative sampling, which allows more epochs and
# more text in the same time; another dimension, chosen on the messages set aside; no stemming, or
# pieces of words as in fastText.
# ### END SOLUTION

# %% [markdown] role="question" id="word2vec_or_bert" points=5 lang="es"
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

# %% [markdown] role="question" id="word2vec_or_bert" points=5 lang="en"
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

# %% role="given"
tick.summary()
