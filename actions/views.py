"""The case as a client sees it (GET /api/v1/case)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.messages import finding_rows
from actions.state import ASSESSED, CONFIRMING, STOPPED, Dialogue
from bot.catalogue import load_catalogue


def case_view(slot: Mapping[str, Any] | None) -> dict[str, Any]:
    """`{status, findings, open_question, assessment?}` from the slot `case`.

    A checklist's value is the list of ids present.  `open_question` is a question's id,
    "summary" while the summary waits for a yes, or None.

    Raises:
        UnreadableCase: the slot cannot be read.
    """
    dialogue = Dialogue.from_json(slot)
    knowledge = load_catalogue().knowledge
    findings = {}
    for row in finding_rows(dialogue.case, knowledge):
        finding = row.pop("finding")
        row.pop("topic")
        findings[finding] = row
    view: dict[str, Any] = {
        "status": {ASSESSED: "assessed", STOPPED: "stopped"}.get(dialogue.stage, "open"),
        "findings": findings,
        "open_question": "summary" if dialogue.stage == CONFIRMING else dialogue.open_question,
        "corrections": [
            {"finding": c.finding, "was": c.was, "now": c.now} for c in dialogue.case.corrections
        ],
    }
    if dialogue.assessment is not None:
        view["assessment"] = dialogue.assessment
    return view
