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
    """Draw references, and hypotheses that keep a share of their words."""
    alphabet = list("abcdefg")
    references = [rng.choice(alphabet, size=size).tolist() for size in sizes]
    hypotheses = [
        [word if rng.random() < kept else "x" for word in reference] for reference in references
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
        + [(["a", "b"], ["a", "b"], 3)]
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
# pasara por nuestro vocabulario, un `<unk>` coincidiría con otro `<unk>`.

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
    searches = {"greedy": tr(es="voraz", en="greedy"), "beam": tr(es="en haz", en="beam")}
    for search, name in searches.items():
        ours, theirs = (results[search][score] for score in ("tokenised, lower case", "sacrebleu"))
        print(
            tr(
                es=f"{name:<7} por palabras, en minúsculas {ours:.1f}   sacrebleu {theirs:.1f}",
                en=f"{name:<7} tokenised, lower case {ours:.1f}   sacrebleu {theirs:.1f}",
            )
        )
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
# referencia es una. En Multi30k unos 40 puntos son ya frases correctas y fluidas casi siempre.
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
# cuáles son errores de verdad y cuáles son solo otra forma correcta de decir lo mismo.
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
# dentro, la misma que la de los grandes modelos de lenguaje: más capas, más datos, y nada que no
# hayas escrito hoy.

# %% [markdown] lang="en"
# **What you take away.** You have built the two architectures that made modern machine translation,
# and checked every piece against PyTorch's. The machine you have just trained is, inside, the same as
# the large language models: more layers, more data, and nothing you have not written today.

# %% role="given"
tick.summary()
