"""The lab on translation: an example class graded on it, bad input, resuming.

Solutions are read from the source; only what is wrong, or right but written otherwise, stands
here. Each member names the checks that it must lose; it keeps all the others.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
import torch

from benchmarks.lab_code import definitions
from data.synthetic import translation_pairs
from grading.judging.assess import first_error
from tests.graded_class import Graded, grade
from utils.profile import DEFAULT_SEED

LAB = "lab4_seq2seq_attention"
ROOT = Path(__file__).resolve().parents[2]

# several runs of the lab, on a machine that may be busy
pytestmark = [pytest.mark.kernels, pytest.mark.timeout(1800)]

# --- right, written otherwise ------------------------------------------------------------------

OTHERWISE = {
    "shift": """\
def shift(target):
    length = target.shape[1] - 1
    return target.narrow(1, 0, length), target.narrow(1, 1, length)
""",
    "sinusoids": """\
def sinusoids(positions, width):
    table = torch.empty(positions, width)
    for t in range(positions):
        for i in range(0, width, 2):
            angle = t / 10000 ** (i / width)
            table[t, i], table[t, i + 1] = math.sin(angle), math.cos(angle)
    return table
""",
    "masks": """\
def padding_mask(ids):
    return ids.ne(PAD).reshape(len(ids), 1, 1, -1)


def causal_mask(length):
    positions = torch.arange(length)
    return positions[None, :] <= positions[:, None]
""",
    "attention": """\
def attention(queries, keys, values, mask=None):
    scores = torch.einsum("...td,...sd->...ts", queries, keys) * keys.shape[-1] ** -0.5
    if mask is not None:
        scores = torch.where(mask, scores, torch.tensor(-1e9))
    weights = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    return torch.einsum("...ts,...sd->...td", weights, values), weights
""",
    "xavier": """\
@torch.no_grad()
def xavier_uniform(weight):
    nn.init.xavier_uniform_(weight)
""",
    "smoothed": """\
def smoothed_loss(logits, targets, smoothing):
    return functional.cross_entropy(
        logits, targets, ignore_index=PAD, label_smoothing=smoothing
    )
""",
    "average": """\
def average(states):
    total = {name: tensor.clone() for name, tensor in states[0].items()}
    for state in states[1:]:
        for name in total:
            total[name] += state[name]
    return {name: tensor / len(states) for name, tensor in total.items()}
""",
    "greedy": """\
@torch.no_grad()
def plain_greedy(model, source, limit):
    encoded = model.encode(source)
    written = torch.full((len(source), 1), SOS)
    while written.shape[1] <= limit:
        ended = (written == EOS).any(dim=1)
        if ended.all():
            break
        best = model.decode(written, *encoded)[:, -1].max(dim=-1).indices
        written = torch.cat([written, torch.where(ended, PAD, best)[:, None]], dim=1)
    return written[:, 1:]
""",
    "beam": """\
def length_penalty(lengths, alpha):
    return (5 + lengths) ** alpha / 6**alpha


def beam_step(scores, log_shares, finished):
    batch, width, pieces = log_shares.shape
    totals = scores[:, :, None] + log_shares
    totals[finished] = -math.inf
    totals[..., PAD] = torch.where(finished, scores, totals[..., PAD])
    best, where = totals.reshape(batch, -1).sort(dim=1, descending=True)
    where = where[:, :width]
    return best[:, :width], torch.div(where, pieces, rounding_mode="floor"), where % pieces
""",
    "bleu": """\
def matches(hypothesis, reference, n):
    left = [tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)]
    right = 0
    total = max(0, len(hypothesis) - n + 1)
    for i in range(total):
        gram = tuple(hypothesis[i : i + n])
        if gram in left:
            left.remove(gram)
            right += 1
    return right, total


def bleu(hypotheses, references):
    score = sacrebleu.corpus_bleu(
        [" ".join(tokens) for tokens in hypotheses],
        [[" ".join(tokens) for tokens in references]],
        tokenize="none",
        smooth_method="none",
    )
    return score.score
""",
}

# --- wrong in the usual ways -------------------------------------------------------------------


def changed(solved: dict[str, str], exercise: str, old: str, new: str) -> dict[str, str]:
    """Return the solutions with one place of an exercise changed."""
    assert solved[exercise].count(old) == 1, (exercise, old)
    return solved | {exercise: solved[exercise].replace(old, new)}


PART_ONE = ("shift", "additive", "recurrent")
OF_PART_ONE = {
    "shifted target",
    "additive attention: weights",
    "additive attention: context",
    "recurrent step",
    "teacher forcing",
    "next word of new sentences",
}


def class_of(solved: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return what each member of the class handed in, by exercise.

    The mistaken one forgets a mask, does not shift the target, takes a softmax over the wrong axis
    and a cache that forgets positions.
    """
    mistaken = solved | {"shift": "def shift(target):\n    return target[:, :-1], target[:, :-1]\n"}
    for exercise, old, new in (
        ("decoder_layer", "self_attention(inner, keys, values, mask)",
         "self_attention(inner, keys, values, None)"),
        ("attention", "softmax(dim=-1)", "softmax(dim=-2)"),
        ("cache", "ids[:, None], start=self.length", "ids[:, None]"),
    ):  # fmt: skip
        mistaken = changed(mistaken, exercise, old, new)
    return {
        "otherwise": solved | OTHERWISE,
        "part one only": {name: solved[name] for name in PART_ONE},
        "mistaken": mistaken,
    }


def lost_by_part_one_only(marks: dict[str, float]) -> set[str]:
    """Return every check that part one does not reach."""
    return set(marks) - OF_PART_ONE


LOST = {
    "otherwise": set(),
    "mistaken": {
        "the future is out of sight",  # without a mask
        "shifted target",
        # it sees the answer in training, so it learns to copy it
        "next word of new sentences",
        "next piece of new sentences",
        "whole translations of new sentences",
        *("attention without a mask", "attention with a mask"),  # the wrong axis
        "cache: as without it",
    },
}


@pytest.fixture(scope="module")
def graded() -> Graded:
    return grade(LAB, class_of)


@pytest.mark.heavy
@pytest.mark.parametrize("member", LOST)
def test_member_loses_these_checks_and_no_other(graded: Graded, member: str) -> None:
    assert graded.lost(member) == LOST[member]


@pytest.mark.heavy
def test_part_one_keeps_its_marks_and_runs_to_the_end(graded: Graded) -> None:
    assert graded.lost("part one only") == lost_by_part_one_only(graded.marks)
    assert first_error(graded.assessments["part one only"].notebook) is None


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [3, 11, 104])
def test_other_seeds_give_the_same_marks(seed: int) -> None:
    assert grade(LAB, lambda solved: {"complete": solved}, seed).lost("complete") == set()


# --- the parts, without running the lab --------------------------------------------------------


@pytest.fixture
def lab() -> dict[str, Any]:
    names = definitions(LAB)
    names["device"] = torch.device("cpu")
    return names


@pytest.fixture
def setting(lab: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """A small configuration, the pieces of a small corpus, and loaders of it."""
    pairs = translation_pairs(np.random.default_rng(0), 60)
    config = lab["Config"](
        vocabulary=150, width=16, heads=2, layers=1, units=24, positions=40,
        tokens=400, epochs=3, warmup=10, averaged=2,
    )  # fmt: skip
    subwords = lab["learn_pieces"](pairs, config.vocabulary)
    loaders = [lab["piece_loader"](side, subwords, 400) for side in (pairs[10:], pairs[:10])]
    return config, subwords, loaders, pairs


def test_batches_for_a_gpu_have_few_shapes_and_the_same_loss(
    lab: dict[str, Any], setting: tuple[Any, ...]
) -> None:
    config, subwords, _, pairs = setting
    examples = [lab["piece_ids"](pair, subwords) for pair in pairs]
    torch.manual_seed(0)
    model, loss = lab["new_transformer"](config), torch.nn.CrossEntropyLoss(ignore_index=lab["PAD"])
    loaders = [lab["loader_of"](examples, 400, multiple) for multiple in (1, 8)]
    narrow, wide = (
        lab["evaluate"](model, loader, loss, forward=lab["translate_batch_loss"])["loss"]
        for loader in loaders
    )
    assert wide == pytest.approx(narrow, rel=1e-4)
    shapes = [[(*source.shape, *target.shape) for source, target in loader] for loader in loaders]
    assert all(s % 8 == 0 and t % 8 == 1 for _, s, _, t in shapes[1])
    assert len({(s, t) for _, s, _, t in shapes[1]}) < len({(s, t) for _, s, _, t in shapes[0]})
    assert sum(count for count, *_ in shapes[1]) == len(examples)
    assert all(count * max(s, t) <= 400 for count, s, _, t in shapes[1])


def train(lab: dict[str, Any], setting: tuple[Any, ...], folder: Path) -> Any:
    """Train a small model; the loaders start from their seed, as in a new session."""
    config, subwords, _, pairs = setting
    lab["seed_everything"](DEFAULT_SEED)
    loaders = [lab["piece_loader"](side, subwords, 400) for side in (pairs[10:], pairs[:10])]
    return lab["train_transformer"](config, *loaders, folder, "fp32")


def test_model_of_the_full_profile_is_small_enough(lab: dict[str, Any]) -> None:
    with torch.device("meta"):
        assert lab["count_parameters"](lab["Transformer"](lab["Config"]())) <= 9_100_000
    assert lab["schoolbook_parameters"](7853, 5893) == 9_038_341


def test_cached_search_writes_what_the_plain_one_writes(
    lab: dict[str, Any], setting: tuple[Any, ...]
) -> None:
    config = setting[0]
    torch.manual_seed(1)
    model = lab["new_transformer"](config).eval()
    source = torch.randint(4, config.vocabulary, (7, 9))
    source[3, 5:] = source[5, 2:] = lab["PAD"]
    cached = lab["greedy"](model, source, 12)
    plain = lab["plain_greedy"](model, source, 12)
    assert torch.equal(cached[:, : plain.shape[1]], plain)
    assert (cached[:, plain.shape[1] :] == lab["PAD"]).all()


def test_beam_of_width_one_is_greedy_search(lab: dict[str, Any], setting: tuple[Any, ...]) -> None:
    torch.manual_seed(1)
    model = lab["new_transformer"](setting[0]).eval()
    source = torch.randint(4, setting[0].vocabulary, (5, 6))
    found = lab["beam"](model, source, 10, width=1)
    assert torch.equal(found, lab["plain_greedy"](model, source, 10)[:, : found.shape[1]])


def test_wide_beam_finds_translations_at_least_as_likely(
    lab: dict[str, Any], setting: tuple[Any, ...]
) -> None:
    torch.manual_seed(2)
    model = lab["new_transformer"](setting[0]).eval()
    source = torch.randint(4, setting[0].vocabulary, (6, 5))

    def likelihood(written: torch.Tensor) -> torch.Tensor:
        begun = torch.nn.functional.pad(written, (1, 0), value=lab["SOS"])[:, :-1]
        shares = model(source, begun).log_softmax(dim=-1)
        taken = shares.gather(2, written[..., None])[..., 0]
        return (taken * (written != lab["PAD"])).sum(dim=1)

    wide, narrow = (lab["beam"](model, source, 6, width=w, alpha=0.0) for w in (20, 1))
    assert (likelihood(wide) >= likelihood(narrow) - 1e-4).all()


def test_bleu_is_sacrebleu_s_on_the_same_tokens(lab: dict[str, Any]) -> None:
    references = [
        ["a", "dog", "runs", "along", "the", "beach"],
        ["two", "men", "sit", "and", "eat"],
    ]
    hypotheses = [["a", "dog", "runs", "on", "the", "beach"], ["two", "men", "sit", "and"]]
    theirs = sacrebleu.corpus_bleu(
        [" ".join(tokens) for tokens in hypotheses],
        [[" ".join(tokens) for tokens in references]],
        tokenize="none",
        smooth_method="none",
    )
    assert lab["bleu"](hypotheses, references) == pytest.approx(theirs.score)
    assert lab["bleu"](hypotheses[:1], references[:1]) == 0.0  # no four words in a row


def test_example_in_the_text_gives_the_number_in_the_text(lab: dict[str, Any]) -> None:
    references = [["a", "dog", "runs", "along", "the", "beach"], list("abcdef")]
    hypotheses = [["a", "dog", "runs", "on", "the", "beach"], list("abcdef")]
    assert lab["bleu"](hypotheses, references) == pytest.approx(69.2, abs=0.05)


# --- resuming and bad input --------------------------------------------------------------------


def test_stopped_training_goes_on_to_the_same_weights(
    lab: dict[str, Any], setting: tuple[Any, ...], tmp_path: Path
) -> None:
    whole, history = train(lab, setting, tmp_path / "whole")
    steps, loss_of = iter(range(1000)), lab["translate_batch_loss"]

    def killed(model: Any, batch: Any) -> Any:
        if next(steps) == 12:  # in the middle of an epoch
            raise SystemExit("killed")
        return loss_of(model, batch)

    lab["translate_batch_loss"] = killed
    with pytest.raises(SystemExit):
        train(lab, setting, tmp_path / "broken")
    lab["translate_batch_loss"] = loss_of
    resumed, again = train(lab, setting, tmp_path / "broken")
    assert len(again) == setting[0].epochs
    assert again["val_loss"] == history["val_loss"]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_finished_training_is_read_and_not_repeated(
    lab: dict[str, Any], setting: tuple[Any, ...], tmp_path: Path
) -> None:
    model, _ = train(lab, setting, tmp_path)
    lab["fit"] = None  # not to be called
    again, _ = train(lab, setting, tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_corrected_model_starts_afresh_in_another_folder(
    lab: dict[str, Any], setting: tuple[Any, ...], tmp_path: Path
) -> None:
    config, _, loaders, _ = setting
    batch = next(iter(loaders[0]))
    torch.manual_seed(0)
    model = lab["new_transformer"](config)
    right = lab["fingerprint"](model, batch, config)
    assert lab["fingerprint"](model, batch, config) == right
    assert lab["fingerprint"](model, batch, replace(config, warmup=11)) != right
    lab["causal_mask"] = lambda length: torch.ones(length, length, dtype=torch.bool)
    assert lab["fingerprint"](model, batch, config) != right


def runs_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a run's folder."""
    return {path.name: path.read_bytes() for path in next(folder.iterdir()).iterdir()}


@pytest.mark.parametrize("kept", [0, 0.5, 0.99])
def test_damaged_checkpoint_is_refused_and_left_alone(
    lab: dict[str, Any],
    setting: tuple[Any, ...],
    tmp_path: Path,
    kept: float,
) -> None:
    train(lab, setting, tmp_path)
    folder = next(tmp_path.iterdir())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    before = runs_of(tmp_path)
    with pytest.raises(ValueError, match="is truncated or no checkpoint") as caught:
        train(lab, setting, tmp_path)
    assert "nothing was overwritten" in str(caught.value)
    assert runs_of(tmp_path) == before


def test_checkpoint_of_another_configuration_is_refused_and_left_alone(
    lab: dict[str, Any], setting: tuple[Any, ...], tmp_path: Path
) -> None:
    config, *rest = setting
    train(lab, setting, tmp_path)
    lab["fingerprint"] = lambda *_: next(tmp_path.iterdir()).name
    before = runs_of(tmp_path)
    with pytest.raises(ValueError, match="units was 24 then and is 32 now") as caught:
        train(lab, (replace(config, units=32), *rest), tmp_path)
    assert "nothing was overwritten" in str(caught.value)
    assert runs_of(tmp_path) == before


def test_empty_sentence_is_refused(lab: dict[str, Any], setting: tuple[Any, ...]) -> None:
    model = lab["new_transformer"](setting[0])
    with pytest.raises(ValueError, match="the sentence is empty; expected at least one word"):
        lab["translate"](model, setting[1], ["a dog", " "])


def test_sentence_longer_than_the_positions_is_refused(
    lab: dict[str, Any], setting: tuple[Any, ...]
) -> None:
    model = lab["new_transformer"](setting[0])
    with pytest.raises(ValueError, match=r"needs \d+ positions and the model has 40; .* split it"):
        lab["translate"](model, setting[1], ["the dog " * 30])


def test_unknown_characters_are_named_and_translated_all_the_same(
    lab: dict[str, Any], setting: tuple[Any, ...]
) -> None:
    model = lab["new_transformer"](setting[0])
    with pytest.warns(UserWarning, match="never seen in training, read as <unk>: .*漢"):
        (text,) = lab["translate"](model, setting[1], ["the 漢 dog"])
    assert isinstance(text, str)
