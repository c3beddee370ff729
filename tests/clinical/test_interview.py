"""Which question comes next, and how it is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.clinical.case import Answer, Case, hint
from bot.clinical.interview import next_question, questions_left
from bot.clinical.model import ABSENT, PRESENT, UNKNOWN, Knowledge

MakeCase = Callable[..., Case]

QUIET = {
    "danger_signs": [],
    "injury": "none",
    "age_band": "16_54",
    "swelling": "none",
    "sharp_pain": "none",
    "stiffness": "none",
    "pain_score": 0,
    "warning_signs": [],
    "duration_days": 0,
    "self_care_tried": "none",
    "background": [],
}


def _asked(case: Case, knowledge: Knowledge) -> str | None:
    ask = next_question(case, knowledge)
    return ask.question.id if ask else None


def test_the_order_of_the_questions(knowledge: Knowledge, case_of: MakeCase) -> None:
    """Danger signs, injury, age, the three symptoms, pain, warning signs, course, background."""
    asked = []
    case = Case()
    answers = {**QUIET, "stiffness": "mild"}
    while (ask := next_question(case, knowledge)) is not None:
        asked.append(ask.question.id)
        case = case.with_answers(case_of(**{ask.question.id: answers[ask.question.id]}).answers)
    assert asked == list(QUIET)


def test_a_well_knee_is_not_asked_for_how_long(knowledge: Knowledge, case_of: MakeCase) -> None:
    """Without a symptom the duration cannot matter, so it is not asked."""
    without = {name: value for name, value in QUIET.items() if name != "duration_days"}
    case = case_of(**without)
    assert _asked(case, knowledge) is None


def test_the_signs_of_an_injury_are_asked_after_an_injury_only(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """After a recent one, an older one and "not sure"; not without one."""
    for injury, expected in (
        ("recent", "injury_signs"),
        ("older", "injury_signs"),
        ("unknown", "injury_signs"),
        ("none", "age_band"),
    ):
        assert _asked(case_of(danger_signs=[], injury=injury), knowledge) == expected


def test_only_a_child_is_asked_for_a_limp(knowledge: Knowledge, case_of: MakeCase) -> None:
    """The question about a limp or hip pain comes right after the age, for those under 16."""
    for age, expected in (
        ("under_16", "limp_or_hip_pain"),
        ("16_54", "swelling"),
        ("55_plus", "swelling"),
    ):
        case = case_of(danger_signs=[], injury="none", age_band=age)
        assert _asked(case, knowledge) == expected


def test_an_emergency_ends_the_questions(knowledge: Knowledge, case_of: MakeCase) -> None:
    """From the emergency department on, help comes first."""
    assert _asked(case_of(danger_signs=["deep_wound"]), knowledge) is None
    assert questions_left(case_of(danger_signs=["deep_wound"]), knowledge) == 0


def test_a_locked_knee_is_asked_for_an_injury_at_once(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """The injury decides between today and now."""
    assert _asked(case_of(danger_signs=["locked"]), knowledge) == "injury"
    assert _asked(case_of(danger_signs=["locked"], injury="recent"), knowledge) is None


def test_the_danger_signs_come_first_even_if_much_was_said(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """An opening with other findings, urgent ones too, does not skip the danger signs."""
    said = case_of(swelling="persistent", injury="recent", injury_signs=["cannot_bend_90"])
    assert _asked(said, knowledge) == "danger_signs"


def test_a_checklist_asks_only_for_signs_without_an_answer(
    knowledge: Knowledge, case_of: MakeCase
) -> None:
    """A sign that was said is not offered again, the others are."""
    case = case_of(locked="present")
    ask = next_question(case, knowledge)
    assert ask is not None
    offered = {sign.id for sign in ask.signs}
    assert offered == knowledge.danger_signs - {"locked"}


def test_a_list_passed_over_is_asked_in_small_groups(knowledge: Knowledge) -> None:
    """Each sign comes in exactly one group of at most three; then the interview goes on."""
    danger = knowledge.question("danger_signs")
    case = Case().passing_over(danger)
    groups = []
    while (ask := next_question(case, knowledge)) is not None and ask.in_group:
        groups.append([sign.id for sign in ask.signs])
        case = case.with_answers({s.id: Answer(ABSENT, "tapped") for s in ask.signs})
    assert sorted(itertools.chain(*groups)) == sorted(knowledge.danger_signs)
    assert len(groups) > 1
    assert max(map(len, groups)) <= 3
    assert _asked(case, knowledge) == "injury"


def test_an_emergency_in_a_small_group_ends_the_questions(knowledge: Knowledge) -> None:
    """Not sure about a sign of a group counts as yes at once."""
    case = Case().passing_over(knowledge.question("danger_signs"))
    case = case.with_answers({"foot_numb_cold": Answer(UNKNOWN, "tapped")})
    assert next_question(case, knowledge) is None


def test_a_hint_asks_only_for_the_kind(knowledge: Knowledge, case_of: MakeCase) -> None:
    """Having said "it is swollen", a person is asked which kind fits best."""
    case = case_of(danger_signs=[], injury="none", age_band="16_54")
    case = hint(case, knowledge, "swelling", "puffy")
    ask = next_question(case, knowledge)
    assert ask is not None
    assert (ask.question.id, ask.kind_only) == ("swelling", True)
    assert ask.question.ask_kind


def test_what_is_recorded_only_is_never_part_of_the_interview(knowledge: Knowledge) -> None:
    """Where it hurts and which knee are asked after the result."""
    asked = {question.id for question in knowledge.interview_questions}
    assert {question.id for question in knowledge.questions} - asked == {"pain_location", "side"}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_interview_from_any_opening_ends_and_asks_nothing_twice(
    knowledge: Knowledge, data: st.DataObject
) -> None:
    """Any opening, any answers, mentions in between: each question at most once, then the end."""
    findings = [f for q in knowledge.interview_questions for f in q.findings]

    def value_of(finding: str) -> Answer:
        values = [*itertools.islice(knowledge.all_values(finding), 50)]
        return Answer(data.draw(st.sampled_from(values)), "asked")

    opening = data.draw(st.lists(st.sampled_from(findings), unique=True, max_size=8))
    case = Case({finding: value_of(finding) for finding in opening})
    asked: list[str] = []
    promised = questions_left(case, knowledge)
    while (ask := next_question(case, knowledge)) is not None:
        assert questions_left(case, knowledge) >= 1
        assert ask.question.id not in asked
        asked.append(ask.question.id)
        offered = [s.id for s in ask.signs] or [ask.question.id]
        assert not set(offered) & set(case.answers)
        case = case.with_answers({finding: value_of(finding) for finding in offered})
        mention = data.draw(st.sampled_from(findings))
        if mention not in case.answers:
            case = case.with_answers({mention: value_of(mention)})
    assert len(asked) <= promised
    assert len(asked) <= 11 + len({"injury_signs", "limp_or_hip_pain"} & set(asked))
    assert questions_left(case, knowledge) == 0


def test_the_progress_promises_at_least_what_comes(knowledge: Knowledge) -> None:
    """The most questions that can come from the start: all of the interview, no others."""
    assert questions_left(Case(), knowledge) == len(knowledge.interview_questions)


def test_a_present_sign_in_a_partly_answered_list_still_asks_the_rest(
    knowledge: Knowledge,
) -> None:
    """A calf that was mentioned raises to "today"; worse signs are still asked for."""
    case = Case({"calf_swollen_painful": Answer(PRESENT, "said")})
    assert _asked(case, knowledge) == "danger_signs"
