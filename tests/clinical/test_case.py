"""What is known of a person: answers on the wire, free text, corrections, JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clinical.case import (
    Answer,
    Case,
    Correction,
    UnknownFinding,
    UnknownValue,
    hear,
    hint,
    never_milder,
    read_value,
    severity,
)
from bot.clinical.decide import level_of
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge

MakeCase = Callable[..., Case]


def _heard(knowledge: Knowledge, finding: str, held: object, said: object) -> object:
    """The value of a finding that was held, after another was said in passing."""
    case = Case({finding: Answer(held, "tapped")})
    return hear(case, knowledge, finding, Answer(said, "said")).value(finding)


# Answers as on the wire


def test_a_checklist_answers_every_sign(knowledge: Knowledge) -> None:
    """The list names the signs that are there; the others are absent."""
    values = read_value(knowledge, "danger_signs", ["locked", "deformity"])
    assert {f for f, value in values.items() if value == PRESENT} == {"locked", "deformity"}
    assert values.keys() == knowledge.danger_signs
    assert set(read_value(knowledge, "danger_signs", []).values()) == {ABSENT}


def test_unknown_to_a_checklist_is_unknown_of_each_sign(knowledge: Knowledge) -> None:
    """A blanket "not sure" leaves no sign out."""
    assert set(read_value(knowledge, "warning_signs", UNKNOWN).values()) == {UNKNOWN}


@pytest.mark.parametrize("value", ["persistent", "unknown"])
def test_a_choice_takes_its_values(knowledge: Knowledge, value: str) -> None:
    """A value of the question, or unknown."""
    assert read_value(knowledge, "swelling", value) == {"swelling": value}


@pytest.mark.parametrize("value", [0, 10, "unknown"])
def test_a_number_takes_both_ends(knowledge: Knowledge, value: object) -> None:
    """Both ends of the range are allowed."""
    assert read_value(knowledge, "pain_score", value) == {"pain_score": value}


@pytest.mark.parametrize(
    ("finding", "value"),
    [
        ("pain_score", 11),
        ("pain_score", -1),
        ("pain_score", 3.5),
        ("pain_score", True),
        ("pain_score", "3"),
        ("pain_score", None),
        ("swelling", "huge"),
        ("swelling", 1),
        ("swelling", ["persistent"]),
        ("danger_signs", "locked"),
        ("danger_signs", ["gives_way"]),
        ("danger_signs", [1]),
        ("danger_signs", [["locked"]]),
        ("danger_signs", {"locked": True}),
        ("locked", "maybe"),
        ("locked", ["locked"]),
    ],
)
def test_a_value_that_a_finding_cannot_have_is_refused(
    knowledge: Knowledge, finding: str, value: object
) -> None:
    """The error says which values are allowed."""
    with pytest.raises(UnknownValue) as refused:
        read_value(knowledge, finding, value)
    assert refused.value.finding == finding
    assert refused.value.allowed


def test_a_finding_that_there_is_not_is_refused(knowledge: Knowledge) -> None:
    """The error lists the questions that there are."""
    with pytest.raises(UnknownFinding) as refused:
        read_value(knowledge, "elbow", "sore")
    assert "swelling" in refused.value.allowed


@pytest.mark.parametrize("value", [PRESENT, ABSENT, UNKNOWN])
def test_a_single_sign_can_be_answered(knowledge: Knowledge, value: str) -> None:
    """A sign of a checklist is a finding of its own."""
    assert read_value(knowledge, "locked", value) == {"locked": value}


# Free text


def test_free_text_fills_an_open_finding(knowledge: Knowledge) -> None:
    """What is said first is taken, with the words it was read from."""
    said = Answer("persistent", "said", "swollen for a week")
    assert hear(Case(), knowledge, "swelling", said).answers["swelling"] == said


@pytest.mark.parametrize(
    ("finding", "held", "said", "then"),
    [
        ("swelling", "none", "persistent", "persistent"),
        ("swelling", "persistent", "none", "persistent"),
        ("swelling", "persistent", "after_runs", "persistent"),
        ("pain_score", 3, 8, 8),
        ("pain_score", 8, 3, 8),
        ("injury", "older", "recent", "recent"),
        ("injury", "recent", "none", "recent"),
        ("gives_way", PRESENT, ABSENT, PRESENT),
        ("gives_way", ABSENT, PRESENT, PRESENT),
        ("locked", UNKNOWN, PRESENT, PRESENT),
        ("locked", ABSENT, UNKNOWN, UNKNOWN),
        ("locked", PRESENT, UNKNOWN, PRESENT),
        ("swelling", "after_runs", UNKNOWN, "after_runs"),
    ],
)
def test_free_text_keeps_the_worse_of_two(
    knowledge: Knowledge, finding: str, held: object, said: object, then: object
) -> None:
    """Where two values compare, the worse one stays."""
    assert _heard(knowledge, finding, held, said) == then


@pytest.mark.parametrize(
    ("finding", "said", "then"),
    [
        ("swelling", "none", UNKNOWN),
        ("swelling", "after_runs", "after_runs"),
        ("pain_score", 1, UNKNOWN),
        ("pain_score", 4, 4),
        ("injury", "none", UNKNOWN),
        ("injury", "older", UNKNOWN),
        ("injury", "recent", "recent"),
        ("reduced_range", ABSENT, UNKNOWN),
        ("reduced_range", PRESENT, PRESENT),
        ("cannot_bend_90", ABSENT, UNKNOWN),
        ("duration_days", 3, 3),
    ],
)
def test_not_sure_is_not_reassured_in_passing(
    knowledge: Knowledge, finding: str, said: object, then: object
) -> None:
    """After "not sure" free text counts only if no rule could lead lower by it."""
    assert _heard(knowledge, finding, UNKNOWN, said) == then


@pytest.mark.parametrize(
    ("held", "said", "then"),
    [
        ("16_54", "under_16", "under_16"),
        ("16_54", "55_plus", "55_plus"),
        ("under_16", "16_54", "under_16"),
        ("55_plus", "under_16", "55_plus"),
        (UNKNOWN, "16_54", "16_54"),
        ("under_16", UNKNOWN, "under_16"),
    ],
)
def test_an_age_changes_in_passing_only_for_the_safer(
    knowledge: Knowledge, held: str, said: str, then: str
) -> None:
    """A child's knee does not become an adult's by a remark; a correction can do that."""
    assert _heard(knowledge, "age_band", held, said) == then


def test_what_no_rule_looks_at_takes_the_latest_word(knowledge: Knowledge) -> None:
    """The side and the place are recorded as last said."""
    assert _heard(knowledge, "side", "left", "right") == "right"
    assert _heard(knowledge, "pain_location", "front", "outer") == "outer"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_free_text_never_lowers_the_level(knowledge: Knowledge, data: st.DataObject) -> None:
    """Any case, any mentions one after the other: the level only rises."""
    findings = [f for question in knowledge.questions for f in question.findings]

    def answer_to(finding: str, learnt: str) -> Answer:
        values = [*itertools.islice(knowledge.all_values(finding), 50), UNKNOWN]
        return Answer(data.draw(st.sampled_from(values)), learnt)

    held = data.draw(st.lists(st.sampled_from(findings), unique=True, max_size=10))
    case = Case({finding: answer_to(finding, "tapped") for finding in held})
    for finding in data.draw(st.lists(st.sampled_from([*findings, *held * 3]), max_size=6)):
        if data.draw(st.booleans()):
            after = hear(case, knowledge, finding, answer_to(finding, "said"))
        else:
            after = hint(case, knowledge, finding, "words")
        assert level_of(knowledge, after) >= level_of(knowledge, case)
        case = after


def test_a_value_is_never_milder_than_itself(knowledge: Knowledge) -> None:
    """The comparison by rules holds for equal values, and tells the worse from the milder."""
    for question in knowledge.questions:
        for finding in question.findings:
            for value in itertools.islice(knowledge.all_values(finding), 50):
                assert never_milder(knowledge, finding, value, value)
    assert never_milder(knowledge, "swelling", "none", "persistent")
    assert not never_milder(knowledge, "swelling", "persistent", "none")
    assert not never_milder(knowledge, "age_band", "under_16", "55_plus")


def test_a_hint_leaves_an_open_question_open(knowledge: Knowledge) -> None:
    """The words are kept until the kind is answered."""
    case = hint(Case(), knowledge, "swelling", "puffy")
    assert case.value("swelling") is None
    assert case.hints == {"swelling": "puffy"}
    answered = case.with_answers({"swelling": Answer("after_runs", "tapped")})
    assert answered.hints == {}


def test_a_hint_on_a_denied_finding_raises_it_to_the_mildest_kind(knowledge: Knowledge) -> None:
    """Having said "no swelling", a mention of swelling counts as the mildest swelling."""
    case = Case({"swelling": Answer("none", "tapped")})
    assert hint(case, knowledge, "swelling", "swelled up").value("swelling") == "after_runs"


# Rank of values


def test_the_rank_of_values_follows_the_questions_order(knowledge: Knowledge) -> None:
    """Choices that are ordered, numbers and signs compare; ages do not."""
    swelling, age = knowledge.question("swelling"), knowledge.question("age_band")
    assert [severity(swelling, v) for v in swelling.values] == [0, 1, 2]
    assert severity(swelling, UNKNOWN) is None
    assert severity(age, "under_16") is None
    danger = knowledge.question("danger_signs")
    assert severity(danger, UNKNOWN) == severity(danger, PRESENT) == 1
    assert severity(knowledge.question("pain_score"), 7) == 7


# Corrections, taking back, JSON


def test_a_correction_is_remembered_with_what_it_was(case_of: MakeCase) -> None:
    """A correction notes the value before and after; a correction to the same is none."""
    case = case_of(swelling="persistent")
    assert case.corrected("swelling", "none").corrections == (
        Correction("swelling", "persistent", "none"),
    )
    assert case.corrected("swelling", "persistent") == case
    assert case.corrected("stiffness", "mild") == case


def test_a_finding_taken_back_is_open_again(knowledge: Knowledge, case_of: MakeCase) -> None:
    """Going back removes the answers and the hints of a question and nothing else."""
    case = hint(case_of(swelling="none", stiffness="mild"), knowledge, "sharp_pain", "sharp")
    back = case.without(["swelling", "sharp_pain"])
    assert back.value("swelling") is None
    assert back.hints == {}
    assert back.value("stiffness") == "mild"
    assert case.value("swelling") == "none"


def test_the_signs_that_count_as_there_are_in_the_lists_order(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """Not sure counts among the danger signs, and does not among the warning signs."""
    danger, warning = knowledge.question("danger_signs"), knowledge.question("warning_signs")
    case = case_of(foot_numb_cold="unknown", deformity="present", gives_way="unknown")
    assert case.present(danger) == ["deformity", "foot_numb_cold"]
    assert case.present(warning) == []


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_case_survives_json(knowledge: Knowledge, data: st.DataObject) -> None:
    """Written to JSON and read back it is the same case, hints and corrections included."""
    findings = [f for question in knowledge.questions for f in question.findings]
    case = Case()
    for finding in data.draw(st.lists(st.sampled_from(findings), unique=True, max_size=8)):
        value = data.draw(st.sampled_from([*itertools.islice(knowledge.all_values(finding), 20)]))
        span = data.draw(st.sampled_from([None, "the words"]))
        uncertain = data.draw(st.booleans())
        case = case.corrected(finding, value).with_answers(
            {finding: Answer(value, "said", span, uncertain)}
        )
        case = case.corrected(finding, None)
    case = hint(case, knowledge, "swelling", "puffy").passing_over(knowledge.question("background"))
    assert Case.from_json(json.loads(json.dumps(case.to_json()))) == case
