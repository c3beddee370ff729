"""Words with their place in the message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.tokens import normalise, split


@given(st.text())
def test_normalising_keeps_every_offset(text: str) -> None:
    """The normalised text has as many characters as the original."""
    assert len(normalise(text)) == len(text)


@pytest.mark.parametrize("text", ["can't", "cant", "can\u2019t", "carnt", "CAN'T", "cannot"])
def test_contractions_are_undone(text: str) -> None:
    """However it is typed, "can't" is "can not"."""
    assert [word.norm for word in split(text)] == ["can", "not"]


def test_marks_that_end_a_sentence_are_alike() -> None:
    """A line break and a full stop without a space end a sentence too."""
    assert [w.norm for w in split("swollen\nstiff.Sore!")] == [
        "swollen", ".", "stiff", ".", "sore", ".",
    ]  # fmt: skip


def test_drawn_out_words_are_squeezed() -> None:
    """Nobody means three of the same letter."""
    assert [w.norm for w in split("swollennnn")] == ["swollenn"]


def test_emoji_are_no_words() -> None:
    """They neither count as words nor stand between them."""
    assert [w.norm for w in split("knee \U0001f62d swollen")] == ["knee", "swollen"]
