"""No copies made for log lines that nobody writes.

`rasa.core.processor` and `RulePolicy` pass deep copies of events and states to
`structlogger.debug(...)` several times a turn, also when nothing at that level is written. In these
two modules copying serves nothing else, so the server gives them a `copy` that hands back what it
gets; a line that is written is written at once, before anything can change.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import rasa.core.policies.rule_policy
import rasa.core.processor

MODULES = (rasa.core.processor, rasa.core.policies.rule_policy)


def _same(value: Any) -> Any:
    return value


def install() -> None:
    """Make no such copies from now on."""
    for module in MODULES:
        module.copy = SimpleNamespace(deepcopy=_same)
