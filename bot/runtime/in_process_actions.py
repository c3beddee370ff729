"""Custom actions in the server's own process.

Rasa calls custom actions over HTTP: a second process, and the whole conversation as JSON on the
wire for every action. Here the endpoint runs `rasa_sdk`'s executor directly, and an action gets a
view of the tracker that is filled only as far as it looks. endpoints.yml chooses it with `url:
in-process://<package>`, for the server and for `kneewise rasa` alike.

An action that raises would be logged by Rasa, and the conversation would go on as if it had run
(`_run_action` in `rasa/core/processor.py`). For a triage that is wrong: the exception is kept
with the turn, which then is not saved.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import ClientResponseError, EndpointConfig
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection

from bot.runtime.turn_in_progress import turn_in_progress

SCHEME = "in-process://"


class _LaterEvents(list[dict[str, Any]]):
    """The tracker's events as dictionaries, made when an action first looks at them.

    Few actions do, and making them costs more than everything else that is passed.
    """

    def __init__(self, tracker: Any) -> None:
        super().__init__()
        self._tracker = tracker

    def _fill(self) -> None:
        if self._tracker is not None:
            tracker, self._tracker = self._tracker, None
            super().extend(event.as_dict() for event in tracker.events)

    def __len__(self) -> int:
        self._fill()
        return super().__len__()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._fill()
        return super().__iter__()

    def __reversed__(self) -> Iterator[dict[str, Any]]:
        self._fill()
        return super().__reversed__()

    def __getitem__(self, place: Any) -> Any:
        self._fill()
        return super().__getitem__(place)

    def __eq__(self, other: object) -> bool:
        self._fill()
        return super().__eq__(other)

    __hash__ = None  # a list has none

    def append(self, event: dict[str, Any]) -> None:
        self._fill()
        super().append(event)


def _apart(value: Any) -> Any:
    """A copy that an action may change without changing what Rasa holds."""
    return json.loads(json.dumps(value))


class InProcessActions(EndpointConfig):  # type: ignore[misc]  # Rasa is untyped
    """An action endpoint that is a Python package.

    Args:
        package: importable name; every `rasa_sdk.Action` in it and its modules is registered.

    Raises:
        ImportError: the package cannot be imported (Rasa's executor would end the process without
            a word).
    """

    def __init__(self, package: str) -> None:
        super().__init__(url=f"{SCHEME}{package}", enable_selective_domain=True)
        importlib.import_module(package)
        self.executor = ActionExecutor()
        self.executor.register_package(package)

    async def request(self, *arguments: Any, **options: Any) -> Any:
        """Run the action that the call names.

        Raises:
            ClientResponseError: with status 400 when the action declines to run, as an action
                server answers.
            Exception: what the action raised; the turn in progress is marked failed.
        """
        call = options["json"]
        try:
            return await self.executor.run(call)
        except ActionExecutionRejection as rejection:
            body = json.dumps({"error": rejection.message, "action_name": rejection.action_name})
            raise ClientResponseError(400, "the action declined to run", body) from rejection
        except Exception as error:
            progress = turn_in_progress.get()
            if progress is not None:
                progress.failure = error
            raise


_rasas_call_format = RemoteAction._action_call_format


def _action_call_format(action: Any, tracker: Any, domain: Any) -> dict[str, Any]:
    """What an action is called with: a small view within this process, else Rasa's JSON."""
    if not isinstance(action.action_endpoint, InProcessActions):
        call: dict[str, Any] = _rasas_call_format(action, tracker, domain)
        return call
    name = action.name()
    needs_domain = domain.does_custom_action_explicitly_need_domain(name)
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": {
            "sender_id": tracker.sender_id,
            "slots": _apart(tracker.current_slot_values()),
            "latest_message": _apart(tracker._latest_message_data()),
            "events": _LaterEvents(tracker),
            "paused": tracker.is_paused(),
            "followup_action": tracker.followup_action,
            "active_loop": _active_loop(tracker),
            "latest_action_name": tracker.latest_action_name,
        },
        "domain": domain.as_dict() if needs_domain else {},
    }


def _active_loop(tracker: Any) -> dict[str, Any]:
    loop = tracker.active_loop
    return {} if loop is None else dict(vars(loop))


_rasas_from_dict = EndpointConfig.from_dict


def _from_dict(data: dict[str, Any]) -> EndpointConfig:
    """The endpoint that a section of endpoints.yml describes."""
    url = data.get("url")
    if isinstance(url, str) and url.startswith(SCHEME):
        return InProcessActions(url[len(SCHEME) :])
    return _rasas_from_dict(data)


def install() -> None:
    """Let endpoints.yml name a package, from now on."""
    EndpointConfig.from_dict = staticmethod(_from_dict)
    RemoteAction._action_call_format = _action_call_format
