"""Planted pairs in a class of honest hand-ins of lab 4, drawn from what the lab itself lists."""

import ast
import itertools
import random
from functools import cache

import pytest

from grading.similarity.compare import HandIn, released_grams, similar_pairs
from grading.similarity.pieces import TEXT, pieces_of
from tests.similarity.honest import OWN_MATCHES, Classroom, commented, renamed

LAB = "lab4_seq2seq_attention"
CLASS = 200
HALF = 100
SOME = 40
COMMENTS = {
    "es": ["suma los pesos", "calcula la media", "devuelve lo pedido"],
    "en": ["add up the weights", "take the mean", "return what is asked for"],
}
THREE_LINES = """\
{stub}
    rates = 10_000 ** (torch.arange(0, width, 2) / width)
    angles = torch.arange(positions)[:, None] / rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
"""


@cache
def classroom():
    return Classroom.of(LAB)


@cache
def honest(seed=0, size=CLASS):
    """The answers of a class, each student's own."""
    rng = random.Random(seed)
    return tuple(classroom().answers(rng) for _ in range(size))


def hand_in(student, answers, named=(), term=""):
    room = classroom()
    given = {cell.source for cell in room.blank.cells}
    pieces = pieces_of(room.notebook(answers), given)
    return HandIn((student,), frozenset({student, *named}), tuple(pieces), term)


@cache
def honest_hand_ins(seed=0, size=CLASS):
    return tuple(hand_in(f"u{n}", answers) for n, answers in enumerate(honest(seed, size)))


@cache
def released():
    return released_grams(pieces_of(classroom().blank))


def found(hand_ins, most=100):
    """The pairs, as the students' ids."""
    return [
        tuple(one.students[0] for one in pair.hand_ins)
        for pair in similar_pairs(hand_ins, released(), most)
    ]


def first_two_among(hand_ins):
    """The pair of the first two hand-ins, which has to be among the first five."""
    pairs = similar_pairs(hand_ins, released(), 5)
    (pair,) = [pair for pair in pairs if pair.hand_ins == (hand_ins[0], hand_ins[1])]
    return pair


def with_planted(*planted, seed=0):
    """The class, with its first students' hand-ins replaced."""
    return [*planted, *honest_hand_ins(seed)[len(planted) :]]


def functions_turned_round(code):
    """The same with its functions and classes, and their methods, in the opposite order."""
    tree = ast.parse(code)
    tree.body.reverse()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body.reverse()
    return ast.unparse(tree)


CHANGES = {
    "renamed variables": renamed,
    "functions in another order": functions_turned_round,
    "comments in another language": lambda code: commented(code, itertools.cycle(COMMENTS["en"])),
    "all of it": lambda code: commented(
        functions_turned_round(renamed(code)), itertools.cycle(COMMENTS["es"])
    ),
}


def taken(number, change):
    """Two hand-ins, ten exercises of the second taken from the first, and changed."""
    one, other = honest(size=SOME)[number : number + 2]
    names = [*classroom().ways][:10]
    mine = {name: commented(one[name], itertools.cycle(COMMENTS["es"])) for name in names}
    theirs = {name: change(mine[name]) for name in names}
    return hand_in(f"u{number}", one | mine), hand_in(f"u{number + 1}", other | theirs)


def borrowed(number, change):
    """Two hand-ins, one function of the second taken from the first, and changed."""
    one, other = honest(size=SOME)[number : number + 2]
    return (
        hand_in(f"u{number}", {**one, "bleu": OWN_MATCHES}),
        hand_in(f"u{number + 1}", {**other, "bleu": change(OWN_MATCHES)}),
    )


@pytest.mark.heavy  # a class of 200
def test_what_was_taken_and_changed_comes_first():
    planted = [taken(2 * place, change) for place, change in enumerate(CHANGES.values())]
    one, other = borrowed(8, renamed)
    planted.append((one, HandIn(other.students, other.named, other.pieces[::-1])))
    pairs = found(with_planted(*itertools.chain(*planted)))
    assert len(planted) == 5
    assert set(pairs[:5]) == {tuple(one.students[0] for one in pair) for pair in planted}


@pytest.mark.slow
def test_of_a_borrowed_function_the_shared_lines_are_known():
    pair = first_two_among([*borrowed(0, str), *honest_hand_ins(size=SOME)[2:]])
    part = next(part for part in pair.parts if part.sides[0].piece.name == "bleu")
    assert part.holders == 2
    assert part.units >= 12
    for side in part.sides:
        lines = side.piece.source.split("\n")
        assert "while position + n <= len(hypothesis):" in {lines[n].strip() for n in side.lines}
        assert not any("def matches" in lines[number] for number in side.lines)


@pytest.mark.slow
def test_a_written_answer_that_was_taken_is_among_the_first():
    text = honest(size=SOME)[0]["q_attention"]
    one, other = (
        {**answers, "q_attention": f"{text} {text[::-1]}"} for answers in honest(size=SOME)[:2]
    )
    planted = [hand_in("u0", one), hand_in("u1", other)]
    pair = first_two_among([*planted, *honest_hand_ins(size=SOME)[2:]])
    assert pair.units(TEXT) >= 20


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(2))
def test_of_an_honest_class_hardly_any_pair_is_listed(seed):
    assert len(found(honest_hand_ins(seed))) <= 3


@pytest.mark.slow
def test_two_honest_solutions_of_three_lines_are_not_listed():
    code = THREE_LINES.format(stub=honest(size=SOME)[0]["sinusoids"].split("\n")[0])
    alone = {"sinusoids": code}
    planted = [
        *(hand_in(f"u{n}", {**honest(size=SOME)[n], **alone}) for n in (0, 1)),
        *(hand_in(f"u{n}", alone) for n in (2, 3)),
    ]
    listed = found([*planted, *honest_hand_ins(size=HALF)[len(planted) :]])
    assert {("u0", "u1"), ("u2", "u3")} & set(listed) == set()


@pytest.mark.slow
def test_what_everybody_writes_and_what_was_given_is_nothing():
    blank = [hand_in(f"u{n}", {}) for n in range(20)]
    assert found(blank) == []
    alike = [hand_in(f"u{n}", honest(size=SOME)[0]) for n in range(20)]
    assert found(alike) == []
    assert found([]) == found(alike[:1]) == []


@pytest.mark.slow
def test_in_a_class_of_two_a_copy_is_seen():
    assert found([hand_in("a", honest(size=SOME)[0]), hand_in("b", honest(size=SOME)[0])]) == [
        ("a", "b")
    ]


@pytest.mark.slow
def test_who_signed_together_is_not_compared_and_one_who_names_a_stranger_is():
    one, other = taken(0, renamed)
    rest = honest_hand_ins(size=SOME)[2:]
    both = frozenset({"u0", "u1"})
    signed, signed_too = (HandIn(h.students, both, h.pieces) for h in (one, other))
    assert ("u0", "u1") not in found([signed, signed_too, *rest])
    assert found([signed, other, *rest])[0] == ("u0", "u1")


def test_earlier_terms_are_compared_with_this_one_and_not_with_themselves():
    earlier = [hand_in(f"e{n}", honest(size=SOME)[0], term="2025-26") for n in range(2)]
    pairs = found([*honest_hand_ins(size=SOME), *earlier])
    assert set(pairs[:2]) == {("u0", "e0"), ("u0", "e1")}
    assert ("e0", "e1") not in pairs


def test_who_repeats_is_not_compared_with_an_earlier_self():
    earlier = hand_in("u0", honest(size=SOME)[0], term="2025-26")
    assert ("u0", "u0") not in found([*honest_hand_ins(size=SOME), earlier])


@pytest.mark.slow
def test_the_order_of_hand_ins_changes_nothing():
    hand_ins = [*taken(0, renamed), *borrowed(2, str), *honest_hand_ins(size=SOME)[4:]]
    pairs, turned = found(hand_ins), found(hand_ins[::-1])
    assert len(pairs) >= 2
    assert [frozenset(pair) for pair in turned] == [frozenset(pair) for pair in pairs]
