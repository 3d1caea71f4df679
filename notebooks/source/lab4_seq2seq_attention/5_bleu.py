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
# runs along the beach`. Coinciden 5 palabras de 6, 3 pares de 5, 1 trío de 4 y ningún cuarteto de 3:
# BLEU = 0. Añade otra frase, perfecta y de 6 palabras: 11/12, 8/10, 5/8 y 3/6; la media geométrica da
# 69.2.

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
# runs along the beach`. Here 5 words of 6 match, 3 pairs of 5, 1 triple of 4, and no quadruple of 3:
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
    """Draw references of different words, and hypotheses that keep a share of them."""
    references = [rng.permutation(list("abcdefghijklmnop")).tolist()[:size] for size in sizes]
    hypotheses = [
        [word if rng.random() < kept else "x" for word in reference] for reference in references
    ]
    return hypotheses, references


def cut_corpus(rng, changes):
    """Draw a corpus whose hypotheses are right, but so many words longer (or shorter, below 0)."""
    _, references = drawn_corpus(rng, 1.0)
    tail = list("xyzuvw")
    hypotheses = [
        reference + tail[:change] if change >= 0 else reference[:change]
        for reference, change in zip(references, changes, strict=True)
    ]
    return hypotheses, references


tick.call(
    {"es": "n-gramas acertados", "en": "matching n-grams"},
    lambda hypothesis, reference, n: matches(hypothesis, reference, n),
    cases=lambda rng: (
        [
            (rng.choice(list("ab"), size=9).tolist(), rng.choice(list("ab"), size=7).tolist(), n)
            for n in (1, 2, 4)
        ]
        + [
            (["the"] * int(rng.integers(4, 8)), ["the", "cat", "the"], 1),
            (["the", "cat"], ["the"] * int(rng.integers(4, 8)), 1),
            (["ab", "c"], ["a", "bc"], 2),
            (["a", "b"], ["a", "b"], 3),
            ([], ["a"], 3),
        ]
    ),
    marks=2,
    hint={
        "es": "Un n-grama repetido acierta a lo sumo tantas veces como está en la referencia. Una frase de 2 palabras no tiene tríos.",
        "en": "A repeated n-gram is right at most as often as it is in the reference. A sentence of 2 words has no triples.",
    },
)
tick.call(
    {"es": "BLEU de un corpus", "en": "BLEU of a corpus"},
    lambda hypotheses, references: bleu(hypotheses, references),
    cases=lambda rng: [
        drawn_corpus(rng, 0.9),
        drawn_corpus(rng, 0.0),
        cut_corpus(rng, (-3, -1, -2)),  # short: punished
        cut_corpus(rng, (2, 0, 4)),  # long: only the precisions fall
        cut_corpus(rng, (-2, 2, 0)),  # as long in all as its reference
        cut_corpus(rng, (-12, 0, -14)),  # nothing, all, one word
        (
            [["a", "b", "c", "d"] * 3],
            [["a", "b", "c", "d", "e", "f"] * 2],
        ),  # repeats, not all right
        ([[], []], [["a"], ["b", "c"]]),
    ],
    marks=3,
    hint={
        "es": "Se suman aciertos y totales de todas las frases antes de dividir; la media es geométrica, y c y r, del corpus. ¿Castigas solo si c < r? ¿Aguanta frases vacías? Lo repetido cuenta como en matches.",
        "en": "Matches and totals of all sentences are added up before dividing; the mean is geometric, and c and r are the corpus's. Do you punish only if c < r? Does it bear empty sentences? What is repeated counts as in matches.",
    },
)

# %% [markdown] lang="es"
# **Tres notas para las mismas traducciones.** La de los libros de texto: minúsculas y la puntuación
# aparte, con **nuestra** forma de partir en palabras. La de **sacrebleu** (Post, 2018): el texto tal
# como se lee, con mayúsculas, partido siempre de la misma forma, y una *firma* que dice cuál. Solo la
# segunda se puede comparar con la de otro artículo. Y **chrF** (Popović, 2015), que cuenta secuencias
# de letras en vez de palabras: «corre» y «corren» ya comparten casi todo. En las tres, la referencia
# es la original: si pasara por nuestro vocabulario, un `<unk>` coincidiría con otro `<unk>`.

# %% [markdown] lang="en"
# **Three marks for the same translations.** The schoolbook one: lower case and punctuation apart, with
# **our** way of splitting into words. That of **sacrebleu** (Post, 2018): the text as it is read, with
# its capitals, always split in the same way, and a *signature* that says which. Only the second can
# be compared with that of another paper. And **chrF** (Popović, 2015), which counts sequences of
# letters and not of words: “runs” and “run” share nearly everything already. In all three the
# reference is the original: if it went through our vocabulary, an `<unk>` would match another
# `<unk>`.


# %% role="given"
def sentence_case(text):
    """Return a text with a capital at its beginning, as Multi30k writes."""
    return text[:1].upper() + text[1:]


def scores_of(translations, references):
    """Return three scores of translations, and the signature of the second."""
    metric = sacrebleu.BLEU()
    finish = budget(full=sentence_case, quick=str)  # the made-up language has no capitals
    detokenised = metric.corpus_score([finish(text) for text in translations], [references])
    return {
        "tokenised, lower case": bleu(*([words(text) for text in side] for side in (translations, references))),
        "sacrebleu": detokenised.score,
        "chrF": sacrebleu.CHRF().corpus_score([finish(text) for text in translations], [references]).score,
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
    searches = {"greedy": tr(es="voraz", en="greedy"), "beam": tr(es="en haz", en="beam")}
    for search, name in searches.items():
        ours, theirs, letters = list(results[search].values())[:3]
        print(
            tr(
                es=f"{name:<7} por palabras, en minúsculas {ours:.1f}   sacrebleu {theirs:.1f}",
                en=f"{name:<7} tokenised, lower case {ours:.1f}   sacrebleu {theirs:.1f}",
            ),
            f"  chrF {letters:.1f}",
        )
    print(results["beam"]["signature"])

# %% [markdown] lang="es"
# Para leer una nota hay que haber visto frases puntuadas. Estas seis traducciones son inventadas: las
# hay buenas con mala nota y malas con buena nota.

# %% [markdown] lang="en"
# To read a mark one has to have seen sentences with their marks. These six translations are made up:
# some are good with a bad mark, and some bad with a good one.

# %% role="given"
judged = [
    ("a man is sitting on a bench in the park", "a man is sitting on a bench in the park"),
    ("a guy sits on a park bench", "a man is sitting on a bench in the park"),
    ("a man is sitting on a bench in the dark", "a man is sitting on a bench in the park"),
    ("the girl is not wearing a red hat today", "the girl is wearing a red hat today"),
    ("two kids play soccer on the lawn", "two children are playing football on the grass"),
    ("park the in bench a on sitting is man a", "a man is sitting on a bench in the park"),
]

with once_done():
    print(f"{'BLEU':>6} {'chrF':>6}")
    for written, expected in judged:
        letters = sacrebleu.CHRF().sentence_score(written, [expected]).score
        print(f"{bleu([written.split()], [expected.split()]):6.1f} {letters:6.1f}  {written}")
        print(f"{'':15}({expected})")

# %% [markdown] exercise="bootstrap" lang="es"
# **¿Es suerte?** El haz saca unas décimas más que la búsqueda voraz: ¿traduce mejor, o le ha tocado un
# buen examen? El ***bootstrap* pareado** (Koehn, 2004) repite el examen muchas veces con frases
# sacadas de las nuestras **con reemplazo**, las **mismas** para los dos sistemas y sus referencias, y
# apunta cada vez la diferencia de nota. Si el intervalo que contiene el 95 % de las diferencias no
# incluye el 0, cuesta creer que sea suerte del examen (de la semilla del entrenamiento no dice nada).
#
# Cada fila de `draws` son los números de las frases de un examen. La nota de cada examen es la de
# todo su corpus: `score(hipótesis, referencias)`.

# %% [markdown] exercise="bootstrap" lang="en"
# **Is it luck?** The beam gets a few tenths more than greedy search: does it translate better, or was
# it lucky with its exam? The **paired bootstrap** (Koehn, 2004) repeats the exam many times with
# sentences drawn from ours **with replacement**, the **same** for both systems and their references,
# and notes each time how far apart the scores are. If the interval with 95% of the differences does
# not include 0, luck with the exam is hard to believe (of the seed of the training it says nothing).
#
# Each row of `draws` holds the numbers of the sentences of one exam. The score of an exam is that of
# its whole corpus: `score(hypotheses, references)`.


# %% role="exercise" id="bootstrap" title_es="Bootstrap pareado" title_en="Paired bootstrap" difficulty=2 minutes=12
def bootstrap_differences(score, ours: list, theirs: list, references: list, draws) -> np.ndarray:
    """Return the score of ours less that of theirs, (R,), in each exam of draws (R, N)."""
    ### BEGIN SOLUTION
    differences = []
    for numbers in draws:
        one, other, right = ([side[i] for i in numbers] for side in (ours, theirs, references))
        differences.append(score(one, right) - score(other, right))
    return np.array(differences)
    ### END SOLUTION


# %% role="check" id="bootstrap_check" points=3
def share_of_words(hypotheses, references):
    """Score a corpus by the share of its words that are right where they stand, from 0 to 100."""
    pairs = list(zip(hypotheses, references, strict=True))
    right = sum(a == b for mine, good in pairs for a, b in zip(mine, good, strict=False))
    return 100 * right / sum(len(mine) for mine, _ in pairs)


def bootstrap_case(seed, exams):
    """Compare two drawn systems of different quality."""
    rng = np.random.default_rng(seed)
    _, references = drawn_corpus(rng, 1.0, sizes=(4, 9, 2, 15, 7))
    systems = [
        [[word if rng.random() < kept else "?" for word in text] for text in references]
        for kept in (0.9, 0.4)
    ]
    draws = rng.integers(5, size=(exams, 5))
    draws[0] = [0, 0, 3, 3, 1]  # some sentences twice, others not at all
    return bootstrap_differences(share_of_words, *systems, references, draws)


tick.call(
    {"es": "diferencias del bootstrap pareado", "en": "differences of the paired bootstrap"},
    lambda *case: bootstrap_case(*case),
    cases=lambda rng: [(int(rng.integers(10**6)), exams) for exams in (1, 6)],
    marks=3,
    hint={
        "es": "En cada examen, las mismas frases para los dos sistemas y para las referencias, repetidas si han salido repetidas. La nota es del corpus, no la media de las frases; la diferencia, ours menos theirs.",
        "en": "In each exam the same sentences for both systems and for the references, repeated if they were drawn twice. The score is the corpus's, not the mean of the sentences'; the difference is ours less theirs.",
    },
)

# %% role="given"
with once_done():
    rivals = [translations, translate(models["Transformer"], subwords, sources, greedy)]
    sides = [[words(text) for text in side] for side in (*rivals, [good for _, good in test_pairs])]
    exams = budget(full=200, quick=10)
    draws = np.random.default_rng(run_seed()).integers(len(sources), size=(exams, len(sources)))
    gains = bootstrap_differences(bleu, *sides, draws)
    low, high = np.quantile(gains, [0.025, 0.975])
    gain = bleu(sides[0], sides[2]) - bleu(sides[1], sides[2])
    print(
        tr(
            es=f"haz menos voraz: {gain:+.2f} BLEU; el 95 % de {exams} exámenes, entre "
            f"{low:+.2f} y {high:+.2f}",
            en=f"beam less greedy: {gain:+.2f} BLEU; 95 % of {exams} exams between "
            f"{low:+.2f} and {high:+.2f}",
        )
    )

# %% [markdown] role="question" id="q_bleu" points=3 lang="es"
# **Pregunta 6.** Interpreta el BLEU obtenido y su intervalo, y las seis frases de arriba. ¿Qué mide y
# qué no? ¿Por qué no coinciden las notas? ¿Sería 100 la nota de una buena traductora humana?
#
# ### BEGIN SOLUTION
# Mide cuántas secuencias cortas de palabras coinciden con una referencia, no el sentido: un
# sinónimo o un orden distinto pierden puntos, y un «not» de más, que da la vuelta al sentido, aún
# saca 59.7 (87.6 en chrF), más que una buena paráfrasis. En las seis frases, «a guy sits on a park
# bench» vale y saca 0, porque no comparte ningún cuarteto, mientras que «in the dark» cambia el
# sentido y conserva casi toda la nota. Es una medida de corpus: frase a frase es muy ruidosa. Las
# dos notas de BLEU parten las palabras de forma distinta y una distingue mayúsculas; con otra
# partición u otras referencias cambian, así que un BLEU sin firma no se puede comparar; chrF va por
# letras y perdona más las terminaciones, pero tampoco entiende. Si el intervalo de la diferencia
# incluye el 0, con estas frases no se puede decir qué búsqueda es mejor. Una persona tampoco
# llegaría a 100: hay muchas traducciones buenas y la referencia es una. Qué calidad son 40 puntos
# no lo dice BLEU: hay que leer las frases, o que las lea alguien que sepa las dos lenguas.
# ### END SOLUTION

# %% [markdown] role="question" id="q_bleu" points=3 lang="en"
# **Question 6.** Interpret the BLEU obtained and its interval, and the six sentences above. What does
# it measure, and what does it not? Why do the marks differ? Would a good human translator get 100?
#
# ### BEGIN SOLUTION
# It measures how many short sequences of words agree with one reference, not the meaning: a synonym
# or another order loses points, while a “not” too many, which turns the meaning round, still gets
# 59.7 (87.6 in chrF), more than a good paraphrase. Of the six sentences, “a guy sits on a park
# bench” is fine and gets 0, for it shares no quadruple, while “in the dark” changes the meaning and
# keeps nearly all of its mark. It is a measure of a corpus: sentence by sentence it is very noisy.
# The two marks of BLEU split words differently, and one of them minds capitals; with another
# splitting or other references they move, so a BLEU without a signature cannot be compared; chrF
# goes by letters and is milder on endings, but does not understand either. If the interval of the
# difference includes 0, these sentences do not tell which search is better. A person would not
# reach 100 either: there are many good translations, and the reference is one. How good 40 points
# are BLEU does not say: somebody who knows both languages has to read the sentences.
# ### END SOLUTION

# %% [markdown] lang="es"
# **Dónde se equivoca.** Con la traducción correcta delante (como al entrenar), ¿qué pieza predice
# cuando no acierta? Cada línea: la que tocaba, la que dijo y cuántas veces.

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
# cuáles son errores de verdad y cuáles son solo otra forma correcta de decir lo mismo. (En el perfil
# `quick` la lista es corta o está vacía: usa entonces las diferencias de las seis frases inventadas.)
#
# ### BEGIN SOLUTION
# En Multi30k encabezan la lista las palabras de función: a/the, in/on/at, is/are, with/and, y comas;
# a menudo ambas valen y la red no puede saber cuál escribió la persona. Siguen sinónimos cercanos
# (man/guy, walking/walks, street/road), que BLEU castiga igual. Los errores de verdad son de número,
# de cantidad o de significado (shirt/jacket, boy/girl) y palabras raras partidas en muchas piezas. Con
# el idioma inventado quedan pocos fallos, casi todos en los complementos opcionales, de lugar o de
# tiempo.
# ### END SOLUTION

# %% [markdown] role="question" id="q_confusions" points=3 lang="en"
# **Question 7.** What does your model confuse most? Sort the errors of the list into two or three
# kinds, and say which are real errors and which just another right way to say the same. (In the
# `quick` profile the list is short or empty: then use the differences of the six made-up sentences.)
#
# ### BEGIN SOLUTION
# On Multi30k the list is headed by function words: a/the, in/on/at, is/are, with/and, and commas;
# often both will do, and the network cannot know which one the person wrote. Next come near synonyms
# (man/guy, walking/walks, street/road), which BLEU punishes all the same. The real errors are of
# number, of quantity or of meaning (shirt/jacket, boy/girl), and rare words split into many pieces.
# With the made-up language few failures are left, nearly all in the optional place or time.
# ### END SOLUTION
