"""Finding an event's class by its name, from a table.

Rasa walks all subclasses of `Event`, and asks of each whether it is abstract, for every single
event that it reads (`Event.resolve_by_type`): a sixth of a turn. The classes do not change while
the server runs, so a table made once does the same.
"""

from __future__ import annotations

from typing import Any

import rasa.shared.utils.common
from rasa.shared.core.events import Event

_rasas_resolve = Event.resolve_by_type
_by_name: dict[str, Any] = {}


def _resolve_by_type(type_name: str, default: Any = None) -> Any:
    """The class of events of this name; what Rasa says about a name that is in no table."""
    found = _by_name.get(type_name)
    return _rasas_resolve(type_name, default) if found is None else found


def install() -> None:
    """Use the table from now on; the classes known at this moment are in it."""
    # Reversed: of two classes with one name Rasa takes the first.
    for event_class in reversed(rasa.shared.utils.common.all_subclasses(Event)):
        _by_name[event_class.type_name] = event_class
    Event.resolve_by_type = staticmethod(_resolve_by_type)
