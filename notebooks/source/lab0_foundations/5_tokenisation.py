# %% [markdown] lang="es"
# ## 8. Tokenización
#
# Antes de numerar hay que decidir qué es una unidad:
#
# | Unidad | Vocabulario | Secuencias | ¿Palabras nuevas? |
# |---|---|---|---|
# | caracteres | diminuto | larguísimas | ninguna lo es |
# | palabras | enorme | cortas | se pierden (`<unk>`) |
# | **subpalabras** | el que elijas | intermedias | se parten en trozos conocidos |
#
# La receta más usada es **BPE** (Sennrich et al., 2016): se parte de caracteres y, una y otra vez, se
# une el par de símbolos vecinos más frecuente. Un corpus es aquí un diccionario: cada palabra, como
# tupla de símbolos, y cuántas veces aparece.

# %% [markdown] lang="en"
# ## 8. Tokenisation
#
# Before numbering one must decide what a unit is:
#
# | Unit | Vocabulary | Sequences | New words? |
# |---|---|---|---|
# | characters | tiny | very long | there are none |
# | words | huge | short | lost (`<unk>`) |
# | **subwords** | as large as you like | in between | split into known pieces |
#
# The most used recipe is **BPE** (Sennrich et al., 2016): start from characters and, again and again,
# join the most frequent pair of neighbouring symbols. A corpus is here a dictionary: each word, as a
# tuple of symbols, and how often it appears.

# %% role="given"
sentence = "Un perro, dos perros. One dog, two dogs!"
units = tr(es="caracteres", en="characters"), tr(es="palabras", en="words")
for unit, split in zip(units, (text.characters, text.words), strict=True):
    pieces = split(sentence)
    total, distinct, listed = len(pieces), len(set(pieces)), " ".join(pieces)
    print(
        tr(
            es=f"{total:>2} {unit}, {distinct} sin contar repeticiones: {listed}",
            en=f"{total:>2} {unit}, {distinct} different: {listed}",
        )
    )
print()

corpus = {tuple("ban"): 5, tuple("banana"): 2, tuple("bandana"): 3}
for symbols, count in corpus.items():
    print(f"{count} × {' '.join(symbols)}")

# %% [markdown] exercise="bpe_by_hand" lang="es"
# **Una fusión a mano.** Con papel y lápiz, sobre el corpus de arriba: ¿qué par se une primero? ¿Cómo
# queda `bandana` después? ¿Y qué par se une en segundo lugar? Recuerda contar cada par tantas veces
# como aparece la palabra, también si se repite dentro de ella.

# %% [markdown] exercise="bpe_by_hand" lang="en"
# **One merge by hand.** With pencil and paper, on the corpus above: which pair is joined first? What
# does `bandana` look like afterwards? And which pair is joined second? Remember to count each pair as
# often as its word appears, and again if it repeats inside the word.


# %% role="exercise" id="bpe_by_hand" title_es="BPE con lápiz y papel" title_en="BPE with pencil and paper" difficulty=1 minutes=6
def merges_by_hand():
    """Return the first pair, bandana after joining it, and the second pair, as tuples of symbols."""
    ### BEGIN SOLUTION
    first_pair = ("a", "n")
    bandana = ("b", "an", "d", "an", "a")
    second_pair = ("b", "an")
    return first_pair, bandana, second_pair
    ### END SOLUTION


# %% role="check" id="bpe_by_hand_check" points=1
tick.value(
    {"es": "fusiones a mano", "en": "merges by hand"},
    lambda: [list(symbols) for symbols in merges_by_hand()],
    marks=1,
    hint={
        "es": "Haz la tabla de todos los pares: «banana» aporta dos veces el par a-n, y la palabra aparece 2 veces.",
        "en": "Make the table of all pairs: “banana” brings the pair a-n twice, and the word appears 2 times.",
    },
)

# %% [markdown] exercise="count_pairs" lang="es"
# Ahora, que cuente el ordenador. Con el corpus de arriba, el par `("a", "n")` debe salir 15 veces.

# %% [markdown] exercise="count_pairs" lang="en"
# Now let the computer count. In the corpus above the pair `("a", "n")` must come out 15 times.


# %% role="exercise" id="count_pairs" title_es="Contar pares" title_en="Count pairs" difficulty=1 minutes=6
def count_pairs(corpus: dict[tuple[str, ...], int]) -> dict[tuple[str, str], int]:
    """Return how often each pair of neighbouring symbols appears in the corpus."""
    ### BEGIN SOLUTION
    pairs = {}
    for symbols, count in corpus.items():
        for pair in pairwise(symbols):
            pairs[pair] = pairs.get(pair, 0) + count
    return pairs
    ### END SOLUTION


# %% role="check" id="count_pairs_check" points=2
def draw_corpus(rng, symbols, words, *given):
    """Draw different words of one to seven symbols, as tuples, and add those given; with counts."""
    drawn = {}
    for length in rng.integers(1, 8, size=words):
        word = tuple(rng.choice(symbols, size=length).tolist())
        drawn["".join(word)] = word
    drawn |= {"".join(word.split()): tuple(word.split()) for word in given}
    return {drawn[text]: int(rng.integers(1, 20)) for text in sorted(drawn)}


tick.call(
    {"es": "pares de un corpus", "en": "pairs of a corpus"},
    lambda corpus: count_pairs(corpus),
    cases=lambda rng: [
        (draw_corpus(rng, ["a", "b", "c", "d"], 12),),
        (draw_corpus(rng, ["a", "b"], 8),),
        (draw_corpus(rng, ["a", "ab", "ba"], 8, "a ab a ab"),),
        ({("a",): 3},),
    ],
    marks=2,
    hint={
        "es": "Suma la frecuencia de la palabra por cada aparición del par, no 1. Una palabra de un solo símbolo no tiene pares.",
        "en": "Add the frequency of the word for each appearance of the pair, not 1. A word of one symbol has no pairs.",
    },
)

# %% [markdown] exercise="merge_pair" lang="es"
# Y que fusione un par en todo el corpus. Se lee de izquierda a derecha y un símbolo no se usa dos veces:
# en `a a a`, unir `a a` deja `aa a`.

# %% [markdown] exercise="merge_pair" lang="en"
# And let it join a pair in the whole corpus. Read from left to right and use no symbol twice: in `a a a`,
# joining `a a` leaves `aa a`.


# %% role="exercise" id="merge_pair" title_es="Unir un par" title_en="Join a pair" difficulty=2 minutes=10
def merge_pair(
    pair: tuple[str, str], corpus: dict[tuple[str, ...], int]
) -> dict[tuple[str, ...], int]:
    """Return a new corpus in which each occurrence of the pair is one symbol."""
    ### BEGIN SOLUTION
    merged = {}
    for symbols, count in corpus.items():
        joined, i = [], 0
        while i < len(symbols):
            if symbols[i : i + 2] == pair:
                joined.append(pair[0] + pair[1])
                i += 2
            else:
                joined.append(symbols[i])
                i += 1
        merged[tuple(joined)] = count
    return merged
    ### END SOLUTION


# %% role="check" id="merge_pair_check" points=3
tick.call(
    {"es": "una fusión", "en": "a merge"},
    lambda pair, corpus: merge_pair(pair, corpus),
    cases=lambda rng: [
        (pair, draw_corpus(rng, ["a", "b", "c", "ab", "ca"], 15, *ends))
        for ends in [("a b a b", "c a b", "b a", "ca b c b", "ab c ab c", "c b c b c")]
        for pair in (("a", "b"), ("b", "c"), ("ab", "c"))
    ],
    marks=2,
    hint={
        "es": "Compara símbolos enteros: en ca b no hay ningún par a b. El resultado es un diccionario nuevo, con tuplas como claves.",
        "en": "Compare whole symbols: there is no pair a b in ca b. The result is a new dictionary with tuples as keys.",
    },
)
tick.call(
    {"es": "una fusión de símbolos iguales", "en": "a merge of equal symbols"},
    lambda pair, corpus: merge_pair(pair, corpus),
    cases=lambda rng: [
        (("a", "a"), {("a",) * n: int(rng.integers(1, 9)) for n in range(1, 7)}),
        (("b", "b"), draw_corpus(rng, ["a", "b"], 10)),
    ],
    marks=1,
    hint={
        "es": "Tras unir un par, salta los dos símbolos: aaa queda en aa a, y aaaa en aa aa.",
        "en": "After joining a pair skip both symbols: aaa becomes aa a, and aaaa becomes aa aa.",
    },
)

# %% [markdown] lang="es"
# Repetido unas veces sobre verbos en dos idiomas, BPE descubre raíces y terminaciones que nadie le ha
# enseñado, y con ellas parte palabras que no había visto. El vocabulario crece a razón de uno por
# fusión y los textos se acortan: el equilibrio lo eliges tú.

# %% [markdown] lang="en"
# Repeated a few times on verbs in two languages, BPE discovers stems and endings that nobody taught it,
# and splits words it had never seen with them. The vocabulary grows by one with each merge and the texts
# get shorter: the balance is yours to choose.

# %% role="given"
spanish = ("cant habl salt mir llor baj", "o aba ando aron")
english = ("walk talk play jump cook help", " s ed ing")
unseen = ["saltaban", "miraron", "helped", "cookings"]
verbs = [
    stem + end
    for stems, ends in (spanish, english)
    for stem in stems.split()
    for end in ends.split(" ")
]
start = {tuple(verb): 10 for verb in verbs if verb not in unseen}


def split_word(word, merges):
    """Return a word as BPE splits it with the merges learnt, in their order."""
    symbols = {tuple(word): 1}
    for pair in merges:
        symbols = merge_pair(pair, symbols)
    return " ".join(next(iter(symbols)))


with once_done():
    learnt, now, lengths = [], start, []
    while (pairs := count_pairs(now)) and len(learnt) < 100:
        lengths.append(np.mean([len(word) for word in now]))
        learnt.append(max(pairs, key=lambda pair: (pairs[pair], pair)))
        now = merge_pair(learnt[-1], now)
    first = "  ".join(a + b for a, b in learnt[:20])
    print(tr(es=f"las primeras fusiones: {first}", en=f"the first merges: {first}"))
    for word in unseen:
        few, many = split_word(word, learnt[:10]), split_word(word, learnt[:40])
        print(
            tr(
                es=f"{word:<10} tras 10 fusiones: {few:<18} tras 40: {many}",
                en=f"{word:<10} after 10 merges: {few:<18} after 40: {many}",
            )
        )
    vocabulary = len({letter for word in start for letter in word}) + np.arange(len(learnt))
    ax = plots.curves(
        lengths,
        ylabel=tr(es="símbolos por palabra", en="symbols a word"),
        xlabel=tr(es="símbolos en el vocabulario", en="symbols in the vocabulary"),
        x=vocabulary,
    )
    for step, name in (
        (0, tr(es="caracteres", en="characters")),
        (40, tr(es="raíces y terminaciones", en="stems and endings")),
        (len(lengths) - 12, tr(es="palabras enteras", en="whole words")),
    ):
        point = vocabulary[step], lengths[step]
        ax.annotate(name, point, xytext=(8, 8), textcoords="offset points")
    plt.show()

# %% [markdown] lang="es"
# **En la práctica** nadie escribe esto en Python puro. La biblioteca `tokenizers` de Hugging Face, en Rust,
# hace lo mismo sobre millones de líneas, y cada modelo publicado trae el suyo:
#
# ```python
# from tokenizers import Tokenizer, models, pre_tokenizers, trainers
#
# tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
# tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # ninguna fusión cruza de palabra a palabra
# trainer = trainers.BpeTrainer(vocab_size=8000, special_tokens=["<unk>"])
# tokenizer.train_from_iterator(lines, trainer)
# tokenizer.encode("saltaban").tokens
# ```
#
# GPT-2 empieza por los 256 bytes en lugar de los caracteres, y así ningún texto contiene símbolos
# desconocidos (Radford et al., 2019). **WordPiece**, el de BERT, no une el par más frecuente sino el que más
# sube la verosimilitud del corpus; **Unigram** va al revés: parte de muchos trozos y va quitando los que
# menos falta hacen (Kudo, 2018).

# %% [markdown] lang="en"
# **In practice** nobody writes this in plain Python. Hugging Face's library `tokenizers`, in Rust, does the
# same over millions of lines, and each published model brings its own:
#
# ```python
# from tokenizers import Tokenizer, models, pre_tokenizers, trainers
#
# tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
# tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # no merge goes from one word to the next
# trainer = trainers.BpeTrainer(vocab_size=8000, special_tokens=["<unk>"])
# tokenizer.train_from_iterator(lines, trainer)
# tokenizer.encode("helped").tokens
# ```
#
# GPT-2 begins with the 256 bytes in place of characters, so that no text holds an unknown symbol (Radford et
# al., 2019). **WordPiece**, which BERT uses, does not join the most frequent pair but the one that most raises
# the likelihood of the corpus; **Unigram** goes the other way: it begins with many pieces and drops those
# that are least needed (Kudo, 2018).
