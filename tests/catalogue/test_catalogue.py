"""The loader refuses what would mislead, and names the file and the line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.case_space import CaseSpace
from bot.catalogue import CLINICS_FOLDER, KNOWLEDGE_FOLDER, Catalogue, load_catalogue
from bot.clinical.case import Answer, Case
from bot.clinical.decide import decide
from bot.clinical.interview import next_question
from bot.clinical.linter import lint
from bot.clinical.model import PRESENT
from bot.yaml_file import KnowledgeError

Change = Callable[[str, str, str], int]
Load = Callable[[], Catalogue]

DANGER = "findings/danger_signs.yaml"
SWELLING = "findings/swelling.yaml"
SCORE = "findings/pain_score.yaml"
TABLE = "action_table.yaml"

#: what it is: (file, text, the text instead, what the message says, lines further down).
MISTAKES = {
    "a reference that there is not": (
        TABLE,
        "a bit stiff and eases as you move.\n    references: [S001]",
        "a bit stiff and eases as you move.\n    references: [S9]",
        "there is no reference 'S9'",
        1,
    ),
    "a rule without a reference": (
        TABLE,
        "    reason: Your knee is a bit stiff and eases as you move.\n    references: [S001]",
        "    reason: Your knee is a bit stiff and eases as you move.\n    references: []",
        "needs at least one reference",
        1,
    ),
    "a rule without the key for references": (
        TABLE,
        "    reason: Your knee is a bit stiff and eases as you move.\n    references: [S001]",
        "    reason: Your knee is a bit stiff and eases as you move.",
        "the key 'references' is missing",
        -2,
    ),
    "an unknown key": (
        TABLE,
        "when: {stiffness: mild}\n",
        "when: {stiffness: mild}\n    urgency: low\n",
        "unknown key 'urgency'",
        1,
    ),
    "a key that stands twice": (
        TABLE,
        "  mild_stiffness:\n",
        "  persistent_swelling:\n",
        "the key 'persistent_swelling' stands twice",
        None,
    ),
    "a disposition that there is not": (
        TABLE,
        "when: {swelling: persistent}\n    then: see_specialist",
        "when: {swelling: persistent}\n    then: see_someone",
        "'see_someone' is not allowed here",
        1,
    ),
    "a finding that there is not": (
        TABLE,
        "when: {swelling: persistent}",
        "when: {sweling: persistent}",
        "there is no finding 'sweling'",
        0,
    ),
    "a value that a finding does not have": (
        TABLE,
        "when: {swelling: persistent}",
        "when: {swelling: huge}",
        "'huge' is not allowed here; allowed: none, after_runs, persistent, unknown",
        0,
    ),
    "a score beyond the scale": (
        TABLE,
        "when: {pain_score: {from: 6, to: 7}}",
        "when: {pain_score: {from: 6, to: 12}}",
        "the bounds must lie from 0 to 10",
        0,
    ),
    "bounds the wrong way round": (
        TABLE,
        "when: {pain_score: {from: 6, to: 7}}",
        "when: {pain_score: {from: 7, to: 6}}",
        "the bounds must lie from 0 to 10",
        0,
    ),
    "bounds of something that is no number": (
        TABLE,
        "when: {swelling: persistent}",
        "when: {swelling: {from: 1}}",
        "'swelling' is not a number",
        0,
    ),
    "a rule without a condition": (
        TABLE,
        "when: {stiffness: mild}",
        "when: {}",
        "a rule without a condition would always fire",
        0,
    ),
    "another hit policy": (
        TABLE,
        "hit_policy: priority",
        "hit_policy: first",
        "the engine knows one hit policy: priority",
        0,
    ),
    "a derived condition used like a value": (
        TABLE,
        "when: {two_warning_signs: true}",
        'when: {two_warning_signs: "yes"}',
        "write `two_warning_signs: true`",
        0,
    ),
    "a count over signs of two checklists": (
        TABLE,
        "of: [worse_despite_warm_up, clicking_with_tenderness,",
        "of: [locked, clicking_with_tenderness,",
        "the signs must stand in one checklist",
        0,
    ),
    "a count of more signs than there are": (
        TABLE,
        "at_least: 2",
        "at_least: 5",
        "must be from 2 to 4",
        0,
    ),
    "a rule of a sign under the name of another rule": (
        DANGER,
        "      deep_wound_over_joint:\n",
        "      knee_out_of_place:\n",
        "the rule 'knee_out_of_place' stands already in danger_signs.yaml:",
        1,
    ),
    "a sign under the name of a question": (
        DANGER,
        "  deep_wound:\n",
        "  swelling:\n",
        "the id 'swelling' is already taken",
        None,
    ),
    "a sign without a rule": (
        "findings/background.yaml",
        "  bone_point_pain:\n    label:",
        "  unused:\n    label: x\n    short: x\n    phrases: []\n  bone_point_pain:\n    label:",
        "the key 'rules' is missing",
        1,
    ),
    "an order that another question has": (
        SWELLING,
        "order: 50",
        "order: 60",
        "is already that of",
        None,
    ),
    "an id that is not the file's name": (
        SWELLING,
        "id: swelling",
        "id: swollen",
        "the id 'swollen' must be the file's name, 'swelling'",
        0,
    ),
    "a kind of question that there is not": (
        SWELLING,
        "input: choice",
        "input: slider",
        "'slider' is not allowed here; allowed: choice, checklist, number",
        0,
    ),
    "a mildest kind that is no value": (
        SWELLING,
        "unspecified: after_runs",
        "unspecified: some",
        "'some' is not a value of 'swelling'",
        0,
    ),
    "an age that YAML reads as a number": (
        "findings/age_band.yaml",
        '  "16_54":\n',
        "  16_54:\n",
        "must be text: put it in quotes",
        0,
    ),
    "unknown listed as a choice": (
        SWELLING,
        "choices:\n",
        "choices:\n  unknown:\n    label: Not sure\n    short: x\n    phrases: []\n",
        "'unknown' is there for every finding",
        2,
    ),
    "a scale that ends before it begins": (SCORE, "  max: 10\n", "  max: 0\n", "more than min", 0),
    "a score in words": (SCORE, "  max: 10\n", "  max: ten\n", "expected a whole number", 0),
    "a counterfactual for a score beyond the scale": (
        SCORE,
        "{value: 8,",
        "{value: 11,",
        "must lie from 0 to 10",
        0,
    ),
    "two dispositions of one level": (
        "dispositions.yaml",
        "    level: 1\n",
        "    level: 2\n",
        "level 2 is already that of",
        None,
    ),
    "a contact that there is not": (
        "dispositions.yaml",
        "    contact: emergency\n    references: [G1]",
        "    contact: neighbour\n    references: [G1]",
        "'neighbour' is not allowed here; allowed: none, clinic, emergency",
        0,
    ),
    "advice without a reference": (
        "dispositions.yaml",
        "effort and distance for 3 days. Then tell me how it went.\n        references: [S001]",
        "effort and distance for 3 days. Then tell me how it went.\n        references: []",
        "needs at least one reference",
        1,
    ),
    "a reference of no known kind": (
        "references.yaml",
        "  G11:\n    kind: guideline",
        "  G11:\n    kind: hearsay",
        "'hearsay' is not allowed here; allowed: source, guideline, policy",
        1,
    ),
    "a conflict with one side": (
        "conflicts.yaml",
        (
            "      - says: Five to eight minutes of active warm-up before the run.\n"
            "        references: [S004]\n"
        ),
        "",
        "a conflict has at least two sides",
        -2,
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_file_and_line(
    mistake: str, folder: Path, change: Change, load: Load
) -> None:
    """The message names the file, the line of the mistake, and what is wrong."""
    name, old, new, message, further = MISTAKES[mistake]
    line = change(name, old, new)
    with pytest.raises(KnowledgeError) as refused:
        load()
    assert message in str(refused.value)
    if further is not None:
        assert (refused.value.path, refused.value.line) == (folder / name, line + further)
    else:
        # Found where the second of two stands, which may be another line or file.
        assert refused.value.path.parent in (folder, folder / "findings")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The first file that is missing is named."""
    with pytest.raises(KnowledgeError, match=r"references\.yaml:1: cannot be read"):
        load_catalogue.__wrapped__(tmp_path, CLINICS_FOLDER)


def test_a_folder_without_questions_is_refused(folder: Path, load: Load) -> None:
    """Without findings there is nothing to ask."""
    for path in (folder / "findings").iterdir():
        path.unlink()
    with pytest.raises(KnowledgeError, match=r"holds no \*\.yaml files"):
        load()


def test_the_catalogue_is_read_once() -> None:
    """The same object every time; it is immutable."""
    assert load_catalogue() is load_catalogue()
    with pytest.raises(AttributeError):
        load_catalogue().knowledge.rules = ()  # type: ignore[misc]


def test_a_rule_remembers_where_it_stands() -> None:
    """`origin` is the file and line of the row."""
    rule = next(r for r in load_catalogue().knowledge.rules if r.id == "mild_stiffness")
    name, line = rule.origin.split(":")
    assert (KNOWLEDGE_FOLDER / name).read_text().splitlines()[int(line) - 1 - 1].strip() == (
        "mild_stiffness:"
    )


def test_a_danger_sign_is_added_in_one_place(change: Change, load: Load) -> None:
    """One block in one file: it is asked, decided, linted and in the space of the proof."""
    before = CaseSpace(load().knowledge).complete_cases
    change(
        DANGER,
        "  deep_wound:\n",
        "  cannot_feel_toes:\n"
        "    label: You cannot feel your toes\n"
        "    short: cannot feel the toes\n"
        "    if: you could not feel your toes\n"
        "    group: 3\n"
        "    rules:\n"
        "      no_feeling_in_toes:\n"
        "        then: emergency_department\n"
        "        reason: You cannot feel your toes.\n"
        "        references: [G3]\n"
        "    phrases: []\n"
        "  deep_wound:\n",
    )
    knowledge = load().knowledge
    assert "cannot_feel_toes" in knowledge.danger_signs
    decision = decide(Case({"cannot_feel_toes": Answer(PRESENT, "said")}), knowledge)
    assert decision.disposition.id == "emergency_department"
    ask = next_question(Case(), knowledge)
    assert ask is not None
    assert "You cannot feel your toes" in [sign.label for sign in ask.signs]
    assert lint(knowledge) == []
    assert CaseSpace(knowledge).complete_cases == 3 * before


def test_a_phrase_remembers_where_it_stands() -> None:
    """Each phrase carries its file and line, for the messages of the extractor."""
    phrases = load_catalogue().phrases["locked"][PRESENT]
    for phrase in phrases:
        assert phrase.path.name == "danger_signs.yaml"
        assert phrase.text in " ".join(
            phrase.path.read_text().splitlines()[phrase.line - 1].split()
        )


def test_a_faq_topic_that_is_related_to_nothing_is_refused(
    folder: Path, change: Change, load: Load
) -> None:
    """A related topic must be there."""
    path = next(p for p in sorted((folder / "faq").glob("*.yaml")) if "related:" in p.read_text())
    text = path.read_text()
    head, rest = text.split("related:", 1)
    path.write_text(
        f"{head}related: [no_such_topic]\n"
        + "".join(f"{line}\n" for line in rest.splitlines()[1:] if not line.startswith((" ", "-")))
    )
    with pytest.raises(KnowledgeError, match="a topic that there is not"):
        load()
