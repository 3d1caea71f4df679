"""Pieces of words that several languages share, learnt from text with SentencePiece.

Frequent words are one piece, rare ones are spelt with several, so a small vocabulary writes any
word whose letters it has seen: a translator needs no ``<unk>`` for new words, and one vocabulary
serves both languages (Sennrich et al. 2016, https://aclanthology.org/P16-1162).
"""

import io
import warnings
from collections.abc import Iterable, Sequence
from types import ModuleType

from utils.language import sentence
from utils.text import EOS, PAD, SOS, UNK

SPECIALS = (UNK, PAD, SOS, EOS)  # their ids are 0, 1, 2 and 3


class Subwords:
    """A vocabulary of subword pieces, learnt by byte-pair encoding.

    Texts are lower-cased. The special tokens are ``<unk>``, ``<pad>``, ``<sos>`` and ``<eos>``,
    with the ids 0 to 3, as in :class:`utils.text.Vocabulary`. The same texts give the same
    pieces, on any machine.

    Parameters
    ----------
    model : bytes
        A serialised SentencePiece model; :meth:`learn` makes it from texts.

    Examples
    --------
    >>> subwords = Subwords.learn(["the dog sees the dogs", "the cat sees the cats"], size=30)
    >>> subwords.decode(subwords.encode("The cats"))
    'the cats'
    """

    def __init__(self, model: bytes) -> None:
        self.model = model
        self._processor = _sentencepiece().SentencePieceProcessor(model_proto=model)

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "Subwords":
        """Learn pieces from texts of all the languages together.

        Parameters
        ----------
        texts : iterable of str
            One sentence each.
        size : int
            How many pieces, the special ones included.

        Raises
        ------
        ImportError
            If SentencePiece is missing, with the command that installs it.
        ValueError
            If there is no text, or the texts do not have that many pieces, or more characters.
        """
        sentences = [text.lower() for text in texts]
        if not any(text.strip() for text in sentences):
            raise ValueError(sentence("tokens.no_text"))
        written = io.BytesIO()
        try:
            _sentencepiece().SentencePieceTrainer.train(
                sentence_iterator=iter(sentences),
                model_writer=written,
                model_type="bpe",
                vocab_size=size,
                character_coverage=1.0,
                num_threads=1,
                unk_id=0,
                pad_id=1,
                bos_id=2,
                eos_id=3,
                bos_piece=SOS,
                eos_piece=EOS,
                minloglevel=2,
            )
        except RuntimeError as error:
            reason = str(error).splitlines()[-1]
            raise ValueError(
                sentence("tokens.no_pieces", count=len(sentences), size=size, reason=reason)
            ) from None
        return cls(written.getvalue())

    def __len__(self) -> int:
        return int(self._processor.get_piece_size())

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without ``<sos>`` and ``<eos>``.

        Characters that were never seen become ``<unk>``, and a warning names them.

        Raises
        ------
        ValueError
            If the text is empty.
        """
        ids: list[int] = self._processor.encode(text.lower())
        if not ids:
            raise ValueError(sentence("tokens.empty_sentence"))
        if 0 in ids:
            pieces = self._processor.encode(text.lower(), out_type=str)
            strange = sorted({piece for piece, i in zip(pieces, ids, strict=True) if i == 0})
            warnings.warn(
                sentence("tokens.strange", unknown=UNK, pieces=" ".join(strange)),
                stacklevel=2,
            )
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, from the first on to the first ``<eos>``.

        Raises
        ------
        IndexError
            If an id is negative or beyond the last piece.
        """
        shown = list(ids[: list(ids).index(3)]) if 3 in ids else list(ids)
        for i in shown:
            if not 0 <= i < len(self):
                raise IndexError(sentence("tokens.no_id", found=int(i), last=len(self) - 1))
        text: str = self._processor.decode([int(i) for i in shown])
        return text

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return the piece of each id; ``▁`` marks where a word begins."""
        return [self._processor.id_to_piece(int(i)) for i in ids]


def _sentencepiece() -> ModuleType:
    """Import SentencePiece where it is used: most sessions do not need it."""
    try:
        import sentencepiece
    except ImportError:
        raise ImportError(sentence("tokens.no_sentencepiece")) from None
    return sentencepiece
