"""Builds the wire messages of a triage from the knowledge: question, summary, assessment.

Every message's `text` stands alone: it is what a screen reader or a plain channel shows.
"""

from __future__ import annotations

from typing import Any

from bot.catalogue import load_catalogue
from bot.catalogue_clinics import Clinic
from bot.clinical.case import Case
from bot.clinical.decide import Decision, Reason
from bot.clinical.interview import Ask, questions_left
from bot.clinical.model import PRESENT, UNKNOWN, AdviceLine, Knowledge, Question

Message = dict[str, Any]

FRAMES = load_catalogue().frames


def question_message(
    ask: Ask, case: Case, knowledge: Knowledge, *, changing: bool = False
) -> Message:
    """A question with its choices.  The choices of a checklist are the signs offered now.

    When an answer is being changed, `current` is the one that stands until then.
    """
    question = ask.question
    text = question.ask
    if ask.in_group and question.ask_in_groups:
        text = question.ask_in_groups
    elif ask.kind_only and question.ask_kind:
        text = question.ask_kind
    answered = sum(not case.is_open(other) for other in knowledge.interview_questions)
    message: Message = {
        "kind": "question",
        "text": _with_choices(text, ask),
        "prompt": text,
        "finding": question.id,
        "input": question.input,
        "choices": [],
        "why": question.why,
        "progress": {"answered": answered, "at_most": answered + questions_left(case, knowledge)},
    }
    if question.help:
        message["help"] = question.help
    if changing and not case.is_open(question):
        message["current"] = (
            case.present(question) if question.signs else case.answers[question.id].value
        )
    if question.signs:
        message["choices"] = [
            {"value": sign.id, "label": sign.label, **({"help": sign.help} if sign.help else {})}
            for sign in ask.signs
        ]
        message["none_label"] = question.none_label
    elif question.number is not None:
        message["min"], message["max"] = question.number.minimum, question.number.maximum
        message["unit"] = question.number.unit
        if question.number.min_label and question.number.max_label:
            message["min_label"] = question.number.min_label
            message["max_label"] = question.number.max_label
    else:
        message["choices"] = [
            {"value": choice.value, "label": choice.label} for choice in question.choices
        ]
    return message


def _with_choices(prompt: str, ask: Ask) -> str:
    """The question with what can be answered, so that the text stands alone."""
    question = ask.question
    if question.number is not None:
        return prompt
    labels = [sign.label for sign in ask.signs] if question.signs else []
    labels += [choice.label for choice in question.choices]
    if question.none_label:
        labels.append(question.none_label)
    return "\n".join([prompt, *(f"- {label}" for label in labels)])


def reason_text(reason: Reason, case: Case, knowledge: Knowledge) -> str:
    """Why a rule fired, in the person's own findings; what they were unsure of is said as such."""
    unsure = [
        knowledge.short(finding, knowledge.question_of(finding).unsure_counts_as or UNKNOWN)
        for finding in reason.findings
        if case.value(finding) == UNKNOWN and knowledge.question_of(finding).unsure_counts_as
    ]
    if unsure:
        return FRAMES["unsure_reason"].format(signs=", ".join(unsure))
    return reason.rule.reason


def checklist_value(case: Case, question: Question) -> list[str] | str:
    """A checklist's value on the wire: the ids that count as there; "unknown" if all are unsure."""
    values = [case.value(sign) for sign in question.findings]
    if values and all(value == UNKNOWN for value in values) and not question.unsure_counts_as:
        return UNKNOWN
    return case.present(question)


def finding_rows(case: Case, knowledge: Knowledge) -> list[Message]:
    """What is known, question by question in the order of asking; checklists as one row."""
    rows = []
    for question in knowledge.questions:
        known = [finding for finding in question.findings if finding in case.answers]
        if not known:
            continue
        answers = [case.answers[finding] for finding in known]
        row: Message = {"finding": question.id, "topic": question.short}
        if question.signs:
            row["value"] = checklist_value(case, question)
            row["label"] = _checklist_label(case, knowledge, question)
            telling = [a for a in answers if a.value == PRESENT] or answers
        else:
            row["value"] = answers[0].value
            row["label"] = knowledge.short(question.id, answers[0].value)
            telling = answers
        row["learnt"] = telling[0].learnt
        spans = [answer.span for answer in telling if answer.span]
        if spans:
            row["span"] = "; ".join(dict.fromkeys(spans))
        if any(answer.uncertain for answer in telling):
            row["uncertain"] = True
        rows.append(row)
    return rows


def _checklist_label(case: Case, knowledge: Knowledge, question: Question) -> str:
    named = [
        knowledge.short(sign, case.answers[sign].value)
        for sign in question.findings
        if sign in case.answers and case.answers[sign].value in (PRESENT, UNKNOWN)
    ]
    if len(named) == len(question.findings) and all(
        case.value(sign) == UNKNOWN for sign in question.findings
    ):
        return FRAMES["not_sure"]
    return ", ".join(named) if named else FRAMES["none_of_these"]


def summary_message(case: Case, knowledge: Knowledge) -> Message:
    """What was understood, for the person to confirm or correct before the result."""
    rows = finding_rows(case, knowledge)
    lines = [
        f"- {row['topic']}: {row['label']}"
        + (f" ({FRAMES['not_certain']})" if row.get("uncertain") else "")
        for row in rows
    ]
    text = "\n".join([FRAMES["summary_intro"], *lines, FRAMES["summary_outro"]])
    return {
        "kind": "summary",
        "text": text,
        "findings": rows,
        "choices": [{"value": "confirm", "label": FRAMES["summary_confirm"]}],
    }


def fill(text: str, clinic: Clinic) -> str:
    """Puts the clinic's emergency number into a text of the knowledge."""
    return text.replace("{emergency_number}", emergency_number(clinic))


def emergency_number(clinic: Clinic) -> str:
    """The clinic's own emergency number, or the common ones of Europe, North America and the UK."""
    return clinic.emergency_number or FRAMES["emergency_numbers"]


def contact(kind: str, clinic: Clinic) -> Message:
    """Whom to call: {label, phone?, url?}."""
    if kind == "emergency":
        number = clinic.emergency_number
        if number:
            return {"label": FRAMES["contact_emergency"], "phone": number}
        anywhere = FRAMES["contact_emergency_anywhere"]
        return {"label": anywhere.format(number=emergency_number(clinic))}
    if not clinic.phone and not clinic.booking_url:
        return {"label": FRAMES["contact_anyone"]}
    found: Message = {"label": clinic.name}
    if clinic.phone:
        found["phone"] = clinic.phone
    if clinic.booking_url:
        found["url"] = clinic.booking_url
    return found


def assessment_message(
    decision: Decision, case: Case, knowledge: Knowledge, clinic: Clinic
) -> Message:
    """The result: what to do, by when, why, what to watch for, and what would change it."""
    disposition = decision.disposition

    growing = case.value("age_band") == "under_16"

    def texts(lines: tuple[AdviceLine, ...]) -> list[str]:
        return [fill(line.text, clinic) for line in lines if not (growing and line.adults_only)]

    reasons = [
        {
            "rule": reason.rule.id,
            "findings": list(reason.findings),
            "text": reason_text(reason, case, knowledge),
            "references": list(reason.rule.references),
        }
        for reason in decision.reasons
    ]
    counterfactuals = [
        {
            "if": one.if_text,
            "disposition": one.disposition,
            "finding": one.finding,
            "value": one.value,
            "text": FRAMES["counterfactual"]
            .replace("{if}", one.if_text)
            .replace("{headline}", fill(knowledge.dispositions[one.disposition].headline, clinic)),
        }
        for one in decision.counterfactuals
    ]
    cited = dict.fromkeys(
        (
            *disposition.references,
            *(
                r
                for line in (*disposition.actions, *disposition.meanwhile)
                for r in line.references
            ),
            *(r for reason in decision.reasons for r in reason.rule.references),
        )
    )
    message: Message = {
        "kind": "assessment",
        "disposition": disposition.id,
        "level": disposition.level,
        "within": disposition.within,
        "within_words": disposition.within_words,
        "urgency": disposition.urgency,
        "headline": fill(disposition.headline, clinic),
        "actions": texts(disposition.actions),
        "meanwhile": texts(disposition.meanwhile),
        "reasons": reasons,
        "safety_net": texts(disposition.safety_net),
        "counterfactuals": counterfactuals,
        "contact": contact(disposition.contact, clinic),
        "references": [{"id": one, "title": knowledge.references[one].title} for one in cited],
        "note": FRAMES["not_a_doctor"],
    }
    message["text"] = _assessment_text(message)
    return message


def _assessment_text(message: Message) -> str:
    lines = [f"{message['urgency']}. {message['headline']}", ""]
    lines += [f"- {text}" for text in message["actions"]]
    where = message["contact"]
    if where.get("phone") or where.get("url"):
        details = " ".join(str(where[key]) for key in ("phone", "url") if where.get(key))
        lines.append("- " + FRAMES["contact_line"].format(label=where["label"], details=details))
    if message["meanwhile"]:
        lines += ["", FRAMES["meanwhile"], *(f"- {text}" for text in message["meanwhile"])]
    if message["reasons"]:
        lines += ["", FRAMES["why"]]
        lines += [f"- {r['text']} [{', '.join(r['references'])}]" for r in message["reasons"]]
    lines += ["", FRAMES["safety_net"], *(f"- {text}" for text in message["safety_net"])]
    lines += ["", message["note"]]
    return "\n".join(lines)
