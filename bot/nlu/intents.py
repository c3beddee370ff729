"""The last word on what a message wants, after the classifier and the reader have spoken.

The order is fixed and does not depend on statistics: danger signs, then a person in danger, then
findings over anything that only looked like small talk or a command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.clinical.model import Knowledge
from bot.nlu.reading import Reading

# With findings in the message these keep their meaning: their actions take the findings too.
_KEPT_WITH_FINDINGS = frozenset(
    {"correct", "why", "explain", "faq", "medication", "exercises", "privacy", "bot_challenge",
     "human_handoff", "result", "summary", "repeat", "crisis"}
)  # fmt: skip
# These end or change the conversation: a long sentence that only resembles one is no command.
_MOVES = frozenset({"start_over", "stop", "go_back", "skip"})
_LONGEST_MOVE = 9
# Below this a classifier's guess at one of the above does not outweigh findings.
_SURE = 0.5
# With findings of the knee, and another intent, another part of the body is only an aside.
_UNCERTAIN = frozenset(
    {"inform", "nlu_fallback", "out_of_scope", "affirm", "deny", "unsure", "number"}
)
# A guess at a person in danger counts from here on, and only beside no finding.
_SURE_OF_A_CRISIS = 0.9
_WORDS = re.compile(r"\w+")


def settle_intent(
    guess: Mapping[str, Any],
    reading: Reading,
    knowledge: Knowledge,
    text: str,
    *,
    is_command: bool = False,
) -> dict[str, Any]:
    """The intent of a message: {"name", "confidence"}.

    Args:
        guess: what the classifier, the fallback and the FAQ matcher left, maybe empty.
        is_command: the text is written like a command of Rasa's ("/restart").
    """
    name = guess.get("name") or "nlu_fallback"
    confidence = float(guess.get("confidence") or 0.0)
    if is_command or (not _WORDS.search(text) and name not in ("affirm", "deny")):
        return {"name": "nlu_fallback", "confidence": 1.0}
    if any(m.raises and m.finding in knowledge.danger_signs for m in reading.mentions):
        return {"name": "report_danger", "confidence": 1.0}
    if reading.crisis:
        return {"name": "crisis", "confidence": 1.0}
    told = any(mention.current for mention in reading.mentions)
    if name == "crisis" and (told or confidence < _SURE_OF_A_CRISIS):
        # Its words are known (language.yaml); a guess alone must be nearly certain, or "I'm 40"
        # brings a helpline.
        name, confidence = "nlu_fallback", 1.0
    # The words themselves say so: no guess is needed.
    if reading.correction and (told or reading.topics) and name not in ("why", "explain"):
        return {"name": "correct", "confidence": 1.0}
    if told and not (name in _KEPT_WITH_FINDINGS and confidence >= _SURE):
        return {"name": "inform", "confidence": 1.0}
    if not told and reading.body_part and name in _UNCERTAIN:
        return {"name": "out_of_scope", "confidence": 1.0}
    if name in _MOVES and len(_WORDS.findall(text)) > _LONGEST_MOVE:
        return {"name": "nlu_fallback", "confidence": 1.0}
    return {"name": name, "confidence": confidence}
