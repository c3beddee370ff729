"""Rasa's agent, loaded with our patches, our stores and our actions.

Importing this module imports Rasa (seconds); `tensorflow_free.install()` must have run before.
"""

from __future__ import annotations

from pathlib import Path

from rasa.core.agent import Agent
from rasa.core.lock_store import LockStore
from rasa.core.tracker_store import create_tracker_store
from rasa.core.utils import AvailableEndpoints

from bot.runtime import (
    compiled_schema,
    event_types,
    in_process_actions,
    quiet_debug,
    rule_lookup,
    straight_graph,
    tracker_store,
)
from bot.runtime.in_process_actions import InProcessActions
from bot.runtime.lock_store import AsyncioLockStore


class WrongEndpoints(Exception):
    """endpoints.yml does not name what the server needs; the message says what to write."""


def install_patches() -> None:
    """Put in every patch that the server and `kneewise rasa` share; each module says why."""
    compiled_schema.install()
    event_types.install()
    in_process_actions.install()
    tracker_store.install()


def load_agent(model: Path, endpoints: Path) -> Agent:
    """An agent ready to answer.

    Args:
        model: a trained model.
        endpoints: endpoints.yml.

    Raises:
        WrongEndpoints, StoreMistyped: endpoints.yml does not name our stores and an in-process
            action package.
        Exception: whatever Rasa raises when the model cannot be loaded (unlike Rasa's own
            `load_agent`, which goes on without one).
    """
    install_patches()
    straight_graph.install()
    rule_lookup.install()
    quiet_debug.install()
    named = AvailableEndpoints.read_endpoints(str(endpoints))
    if named.tracker_store is None:
        raise WrongEndpoints(f"{endpoints} names no tracker_store: conversations would be lost")
    if not isinstance(named.action, InProcessActions):
        raise WrongEndpoints(
            f"{endpoints} must name the actions in this process: "
            "action_endpoint: {url: in-process://actions}"
        )
    locks = LockStore.create(named.lock_store)
    if not isinstance(locks, AsyncioLockStore):
        raise WrongEndpoints(
            f"{endpoints}: the lock store is {type(locks).__name__}, "
            f"not {AsyncioLockStore.__name__}"
        )
    agent = Agent.load(
        str(model),
        tracker_store=create_tracker_store(named.tracker_store),
        lock_store=locks,
        action_endpoint=named.action,
    )
    straight_graph.typed_text_is_text(agent.processor)
    return agent
