"""Short answers, read in the light of the open question."""

from __future__ import annotations

from datetime import date

import pytest

from bot.catalogue import load_catalogue
from bot.clinical.model import Question
from bot.nlu.answers import AnswerReading, read_answer
from bot.nlu.reading import Reader

FRIDAY = date(2025, 11, 21)


def _question(name: str) -> Question:
    return load_catalogue().knowledge.question(name)


def _read(text: str, question: str, reader: Reader) -> AnswerReading:
    """As the assistant does: what the message says of the question, else what it answers."""
    mentions = reader.read(text, FRIDAY).mentions
    for mention in mentions:
        if mention.finding == question and mention.current:
            return AnswerReading(mention.value)
    entities = [
        {"entity": m.finding, "start": m.start, "end": m.end, "polarity": m.polarity,
         "current": m.current}
        for m in mentions
    ]  # fmt: skip
    return read_answer(text, _question(question), entities, FRIDAY)


@pytest.mark.parametrize(
    "text",
    ["no", "No.", "NO!!", "nope", "n", "nah mate", "none", "none of these", "none of the above",
     "nothing", "not really", "not that I know of", "I don't think so", "no thanks", "no, none",
     "I don't have any of these", "all good", "\U0001f44e", "neither"],
)  # fmt: skip
def test_no_to_a_checklist_means_none_of_these(text: str, reader: Reader) -> None:
    """Every plain way to say no gives the empty list."""
    assert _read(text, "danger_signs", reader) == AnswerReading([])


@pytest.mark.parametrize(
    "text",
    ["no but my kneecap feels odd", "no, except that it went blue", "no I feel rather strange",
     "my foot is numb", "no, but I am short of breath", "no swelling", "no injury"],
)  # fmt: skip
def test_no_with_something_else_is_not_none(text: str, reader: Reader) -> None:
    """What follows a "no" to the danger signs must be understood before the "no" is believed."""
    assert _read(text, "danger_signs", reader).value is None


@pytest.mark.parametrize("text", ["yes", "yeah", "y", "yes I do", "both"])
def test_yes_to_a_checklist_needs_to_be_told_which(text: str, reader: Reader) -> None:
    """A "yes" to a list of signs cannot be known."""
    assert _read(text, "danger_signs", reader) == AnswerReading(problem="which_ones")


@pytest.mark.parametrize(
    "text", ["not sure", "dunno", "idk", "I'm not sure", "don't know", "maybe", "hard to say"]
)
@pytest.mark.parametrize("question", ["danger_signs", "swelling", "pain_score", "duration_days"])
def test_not_sure_is_unknown_for_every_kind_of_question(
    text: str, question: str, reader: Reader
) -> None:
    """Choices, checklists and numbers alike."""
    assert _read(text, question, reader) == AnswerReading("unknown")


@pytest.mark.parametrize(
    ("text", "places"),
    [("2", [2]), ("1 and 3", [1, 3]), ("1, 3", [1, 3]), ("1,3", [1, 3]), ("2 & 4", [2, 4]),
     ("the first one", [1]), ("number 2", [2]), ("first and third", [1, 3]), ("b", [2]),
     ("option three", [3]), ("the last one", [6])],
)  # fmt: skip
def test_places_in_a_list_name_the_signs(text: str, places: list[int], reader: Reader) -> None:
    """Numbers, ordinals and letters count from one."""
    signs = [sign.id for sign in _question("warning_signs").signs]
    assert _read(text, "warning_signs", reader).value == [signs[place - 1] for place in places]


def test_all_of_them_are_all(reader: Reader) -> None:
    """The words "all of them" name every sign that was offered."""
    signs = [sign.id for sign in _question("warning_signs").signs]
    assert _read("all of them", "warning_signs", reader).value == signs


def test_a_place_beyond_the_list_is_out_of_range(reader: Reader) -> None:
    """The person is told which numbers there are."""
    reading = _read("15", "warning_signs", reader)
    assert reading.problem == "out_of_range"
    assert reading.words == {"lowest": "1", "highest": "6"}


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("swelling", "no", "none"),
        ("swelling", "not really", "none"),
        ("swelling", "2", "after_runs"),
        ("swelling", "after I run", "after_runs"),
        ("swelling", "it stays", "persistent"),
        ("swelling", "It stays the next day or longer, or it came up by itself", "persistent"),
        ("stiffness", "a bit", "mild"),
        ("stiffness", "a bit, it eases as I move", "mild"),
        ("stiffness", "for hours", "lasting"),
        ("injury", "yes, yesterday", "recent"),
        ("injury", "three weeks ago", "older"),
        ("injury", "nope", "none"),
        ("self_care_tried", "not yet", "none"),
        ("self_care_tried", "yes and it helps", "helping"),
        ("self_care_tried", "it does not help", "no_relief"),
        ("age_band", "34", "16_54"),
        ("age_band", "fifty six", "55_plus"),
        ("age_band", "12", "under_16"),
        ("limp_or_hip_pain", "yes", "yes"),
        ("limp_or_hip_pain", "n", "no"),
        ("side", "both", "both"),
        ("pain_score", "7", 7),
        ("pain_score", "7 or 8", 8),
        ("pain_score", "7-8", 8),
        ("pain_score", "6.5", 7),
        ("pain_score", "about a four", 4),
        ("pain_score", "no pain", 0),
        ("duration_days", "3", 3),
        ("duration_days", "today", 0),
        ("duration_days", "yesterday", 1),
    ],
)
def test_an_answer_gives_this_value(
    question: str, text: str, value: str | int, reader: Reader
) -> None:
    """The same words mean what the open question makes of them."""
    assert _read(text, question, reader) == AnswerReading(value)


@pytest.mark.parametrize("question", ["swelling", "stiffness", "sharp_pain", "injury"])
def test_yes_to_a_choice_with_kinds_asks_which_kind(question: str, reader: Reader) -> None:
    """It is there, but which kind must be asked."""
    assert _read("yes", question, reader) == AnswerReading(problem="which_kind")


@pytest.mark.parametrize("text", ["15", "eleven", "100"])
def test_a_score_beyond_ten_is_out_of_range(text: str, reader: Reader) -> None:
    """The person is told the lowest and the highest number."""
    reading = _read(text, "pain_score", reader)
    assert (reading.value, reading.problem) == (None, "out_of_range")
    assert reading.words == {"lowest": "0", "highest": "10"}


@pytest.mark.parametrize(
    ("question", "text"),
    [("swelling", "what is the weather"), ("pain_score", "yes"), ("duration_days", "no"),
     ("injury", "asdf qwer"), ("warning_signs", "what does that mean"),
     ("danger_signs", "I have a cold")],
)  # fmt: skip
def test_what_is_no_answer_is_not_read_as_one(question: str, text: str, reader: Reader) -> None:
    """Neither a value nor a problem: the conversation goes another way."""
    assert _read(text, question, reader) == AnswerReading()


def test_every_label_typed_out_is_its_value(reader: Reader) -> None:
    """A person who copies the words of a choice gets that choice, whatever else they may mean."""
    for question in load_catalogue().knowledge.questions:
        for choice in question.choices:
            assert read_answer(choice.label, question, [], FRIDAY).value == choice.value
        for sign in question.signs:
            assert read_answer(sign.label, question, [], FRIDAY).value == [sign.id]
