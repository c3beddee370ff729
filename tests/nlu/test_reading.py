"""The reader: spans, reasons, one mention a finding, and any text at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.catalogue import load_catalogue
from bot.nlu.reading import Reader, Reading

Read = Callable[[str], Reading]
TODAY = date(2025, 11, 21)
READER = Reader(load_catalogue())
WORDS = [
    "no", "not", "never", "knee", "swollen", "hot", "calf", "chest", "pain", "numb", "foot",
    "can't", "put", "weight", "on", "it", "my", "son", "last", "year", "what", "if", "but",
    "and", ",", ".", "7/10", "since", "Tuesday", "for", "3", "weeks", "locked", "fever",
    "sorry", "left", "right", "?", "’", "wife's", "isn't", "maybe", "unsure", "😀", "\n", "I'm",
    "57", "don't", "run", "running", "stiff",
]  # fmt: skip


def test_a_span_points_into_the_message_as_typed(read: Read) -> None:
    """Offsets count characters of the original, with curly quotes and emoji in front of it."""
    text = "\U0001f635\u200d\U0001f4ab It\u2019s \u201creally\u201d SWOLLEN"
    mention = next(m for m in read(text).mentions if m.finding == "swelling")
    assert text[mention.start : mention.end] == mention.cue
    assert "SWOLLEN" in mention.cue


def test_the_reason_names_the_words_that_decided(read: Read) -> None:
    """A mention that is set aside says which words set it aside."""
    mention = read("it swelled up last year").mentions[0]
    assert not mention.current
    assert mention.reason.startswith("past: last year")


def test_a_kind_beats_the_bare_word(read: Read) -> None:
    """Swelling with a kind and swelling without one make a single mention, with the kind."""
    mentions = read("swollen knee. it swells after every run").of(["swelling"])
    assert [m.value for m in mentions] == ["after_runs"]


def test_the_worse_of_two_kinds_counts(read: Read) -> None:
    """Sharp pain on stairs and in bed is sharp pain at rest."""
    mentions = read("sharp pain on stairs and a sharp pain in bed at night").of(["sharp_pain"])
    assert [m.value for m in mentions] == ["at_rest"]


def test_both_sides_make_both(read: Read) -> None:
    """The left and the right knee together are both."""
    assert [m.value for m in read("my left knee and my right knee hurt").of(["side"])] == ["both"]


def test_a_correction_in_the_same_message_wins(read: Read) -> None:
    """In "left, sorry, right" it is the right knee."""
    assert [m.value for m in read("it's the left, sorry, right knee").of(["side"])] == ["right"]


def test_a_hot_joint_completes_a_swelling_known_from_before() -> None:
    """Heat alone is no sign; heat in a knee already known to be swollen is."""
    text = "now it feels hot to the touch"
    alone = READER.read(text, TODAY)
    known = READER.read(text, TODAY, known=frozenset({"swelling"}))
    assert alone.of(["hot_red_swollen"]) == ()
    assert [m.polarity for m in known.of(["hot_red_swollen"])] == ["present"]


def test_no_fever_does_not_rule_out_a_hot_joint(read: Read) -> None:
    """One missing part takes the sign back in a correction; beside "hot" it changes nothing."""
    (denied,) = read("swollen for a week, no fever").of(["hot_red_swollen"])
    assert (denied.polarity, denied.in_part) == ("negated", True)
    assert [m.polarity for m in read("hot and swollen, no fever").of(["hot_red_swollen"])] == [
        "present"
    ]


@pytest.mark.parametrize(
    "text",
    ["sorry, I meant no fever", "Actually it's not swollen", "left, sorry, right", "no wait, left",
     "not the left but the right knee", "my swelling answer is wrong", "change my pain score",
     "I clicked yes by mistake", "that's wrong, it is not hot", "scratch that", "oops wrong button",
     "there's no fever after all", "not 5 days but 5 weeks", "you misunderstood, it isn't numb"],
)  # fmt: skip
def test_words_that_take_something_back_are_a_correction(text: str, read: Read) -> None:
    """Only such words may lower an answer; they are found wherever they stand."""
    assert read(text).correction is not None


@pytest.mark.parametrize(
    "text",
    ["no swelling", "my knee isn't hot though", "sorry for the long post, knee is swollen",
     "what's wrong with my knee", "it's not actually swollen", "not swollen but it clicks",
     "I cycled instead", "I made the mistake of running on it", "can't wait to run, knee swollen",
     "I landed on the wrong foot", "changed my shoes last week", "I meant to rest but ran anyway",
     "not sharp but achy", "hot and swollen but no fever", "no fever, actually feel fine"],
)  # fmt: skip
def test_a_plain_denial_and_small_talk_take_nothing_back(text: str, read: Read) -> None:
    """A negation in passing must not lower what was said before."""
    assert read(text).correction is None


def test_a_clot_that_is_only_asked_about_counts_beside_a_leg_sign(read: Read) -> None:
    """The worry alone is a question; with a sore calf it is a sign."""
    assert not any(m.raises for m in read("could it be a blood clot?").mentions)
    (sign,) = read("my calf is sore, could it be a blood clot?").of(["calf_swollen_painful"])
    assert sign.raises


def test_not_a_seven_names_no_other_score(read: Read) -> None:
    """A negated number is dropped: nothing is known from it."""
    assert read("it's not a 7/10").of(["pain_score"]) == ()


def test_a_person_who_writes_for_a_child_writes_about_the_child(read: Read) -> None:
    """The case is "my son, 13"; "my son's knee" in passing is not."""
    assert read("my son, 13, can't put weight on it").for_someone_else
    assert read("my son, 13, can't put weight on it").of(["cannot_bear_weight"]) != ()
    assert read("my son's knee is swollen too").of(["swelling"]) == ()


def test_self_harm_is_seen_without_statistics(read: Read) -> None:
    """The words of the crisis list are found inside a longer message."""
    assert read("my knee hurts and honestly I want to kill myself").crisis
    assert not read("this hill session is killing me").crisis


def test_the_question_that_is_named_is_known(read: Read) -> None:
    """The words "change my swelling answer" name a question and say nothing of swelling."""
    reading = read("change my swelling answer")
    assert reading.topics == ("swelling",)
    assert reading.of(["swelling"]) == ()


def test_another_part_of_the_body_is_named_back(read: Read) -> None:
    """A shoulder is named; beside a knee it is not."""
    assert read("my shoulder hurts").body_part == "shoulder"
    assert read("my shoulder and my knee hurt").body_part is None


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """No text of any script raises, and every span lies inside the text."""
    for mention in READER.read(text, TODAY).mentions:
        assert 0 <= mention.start < mention.end <= len(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.integers(0, 4000))
def test_any_jumble_of_knee_words_can_be_read(words: list[str], days: int) -> None:
    """Words that the grammar knows, in any order and on any day, raise nothing."""
    day = date(2020, 1, 1) + timedelta(days=days)
    known = load_catalogue().knowledge
    for mention in READER.read(" ".join(words), day).mentions:
        assert known.is_finding(mention.finding)


def test_a_long_message_costs_in_proportion(read: Read) -> None:
    """2,000 characters are read in well under 100 ms, ten times the target for slow machines."""
    text = (
        "my knee has been swollen for a week, no fever, no injury and I can not bend it. " * 26
    )[:2000]
    read(text)
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 0.2
