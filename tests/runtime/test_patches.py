"""Each patch of Rasa: does what Rasa does but for its reason, and is still needed.

Two kinds of alarm. A *needed* test shows Rasa's own behaviour and fails when Rasa has mended it:
take the patch out. A *source* test fails when the code that a patch replaces has changed: read
what changed, then adapt the patch or the hash.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.records import Records, RecordsUnavailable
from bot.runtime import tensorflow_free
from bot.runtime.turn_in_progress import TurnFailed, TurnInProgress
from bot.settings import PROJECT

REPLACED = {
    ("core/actions/action.py", "RemoteAction._validate_action_result"): "95b45bdae864fa4d",
    ("core/actions/action.py", "RemoteAction._action_call_format"): "057c7e4ba28b92f4",
    ("core/actions/action.py", "RemoteAction.run"): "00e8cd7a0fdeaa1d",
    ("core/agent.py", "Agent._create_tracker_store"): "541d3efa1874d1c3",
    ("core/lock_store.py", "LockStore.lock"): "b965cd91c3bf03de",
    ("core/policies/rule_policy.py", "RulePolicy._get_possible_keys"): "167521793c3c826a",
    ("core/policies/rule_policy.py", "RulePolicy._find_action_from_rules"): "70e4a4014c36dd9f",
    ("core/policies/rule_policy.py", "RulePolicy._is_rule_applicable"): "3b3cfc2fad39775a",
    ("core/policies/rule_policy.py", "RulePolicy._does_rule_match_state"): "c822fc6585960bb5",
    ("core/processor.py", "MessageProcessor.handle_message"): "ea9e555e956a7bdd",
    ("core/processor.py", "MessageProcessor._run_action"): "0d3137ea400df0a4",
    ("core/tracker_store.py", "TrackerStore.create_tracker"): "0cca6ad0f0387926",
    ("core/tracker_store.py", "TrackerStore.get_or_create_tracker"): "e38a91e78984496a",
    ("engine/graph.py", "GraphNode.__call__"): "11410946dc803f06",
    ("engine/runner/dask.py", "DaskGraphRunner.run"): "05ae0d6183b0de9c",
    ("shared/core/events.py", "Event.resolve_by_type"): "3ea964463d655a57",
    ("utils/endpoints.py", "EndpointConfig.from_dict"): "522bd7e3197e20c2",
}
"""What our patches replace or lean on, with the hash of what was read when they were written."""


@pytest.mark.parametrize(("path", "name"), REPLACED)
def test_the_source_under_a_patch_is_the_one_that_was_read(path: str, name: str) -> None:
    """Rasa has not changed under a patch."""
    from .rasas_source import digest_of

    assert digest_of(path, name) == REPLACED[path, name]


# -- TensorFlow ------------------------------------------------------------------------------


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_needed_rasa_imports_tensorflow_by_itself() -> None:
    """Without the stand-ins an agent cannot even be imported here."""
    ended = _python("import rasa.core.agent")

    assert ended.returncode != 0
    assert "No module named 'tensorflow'" in ended.stderr


def test_with_the_stand_ins_all_of_rasa_can_be_imported() -> None:
    """Serving, training, testing and the command line import, and no module is really there."""
    ended = _python(
        "from bot.runtime import tensorflow_free as t; t.install(); t.install()\n"
        "import sys, rasa.core.agent, rasa.model_training, rasa.core.test, rasa.__main__\n"
        "assert getattr(sys.modules['tensorflow'], '__file__', None) is None\n"
        "from thinc.compat import has_tensorflow; assert not has_tensorflow\n"
    )

    assert ended.returncode == 0, ended.stderr


def test_a_component_that_needs_tensorflow_says_so() -> None:
    """Whoever puts DIET into config.yml is told what is missing, not handed nonsense."""
    from rasa.utils.tensorflow.models import RasaModel

    with pytest.raises(ModuleNotFoundError, match="needs TensorFlow"):
        RasaModel()


def test_only_what_rasa_names_is_served() -> None:
    """A module that Rasa does not name stays missing, so that probing for it tells the truth."""
    with pytest.raises(ModuleNotFoundError):
        __import__("tensorflow.experimental.dlpack")
    assert "tensorflow.experimental" not in tensorflow_free.SERVED


def test_needed_rasa_imports_every_channel_it_brings() -> None:
    """Rasa's own import brings what we leave out, and ours does not."""
    look = (
        "import sys, rasa.core.agent\n"
        "print(*(name in sys.modules for name in ('aiogram', 'pymongo.mongo_client')))"
    )
    tensorflow = "from bot.runtime import tensorflow_free as t; t.install()\n"
    unused = "from bot.runtime import unused_parts as u; u.install()\n"

    assert _python(tensorflow + look).stdout.split() == ["True", "True"]
    assert _python(tensorflow + unused + look).stdout.split() == ["False", "False"]


def test_all_of_rasas_channels_are_left_out() -> None:
    """The list is the one that Rasa imports."""
    import rasa

    from bot.runtime.unused_parts import CHANNELS

    source = (Path(rasa.__file__).parent / "core/channels/__init__.py").read_text()
    imported = {
        node.module.rpartition(".")[2]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and "core.channels." in node.module
    }

    assert imported - {"channel"} == set(CHANNELS)


# -- the schema of an action's result ----------------------------------------------------------

GOOD_RESULTS: list[dict[str, Any]] = [
    {"events": [], "responses": []},
    {
        "events": [{"event": "slot", "name": "case", "value": {"a": [1]}, "timestamp": None}],
        "responses": [{"text": "hi", "custom": {}}],
    },
]
BAD_RESULTS: list[dict[str, Any]] = [
    {"events": ["slot"], "responses": []},
    {"events": [{"name": "case", "value": 1}], "responses": []},
    {"events": [{"event": None}], "responses": []},
    {"events": [{"event": "slot", "name": 1, "value": 1}], "responses": []},
    {"events": [{"event": "slot", "name": "case", "value": 1, "timestamp": "now"}]},
    {"events": [{"event": "user", "parse_data": {"entities": [{"entity": "side"}]}}]},
    {"events": [{"event": "entities"}]},
    {"events": [{"event": "no such event"}], "responses": []},
    {"events": [{"event": "slot"}], "responses": []},
    {"events": [], "responses": ["hi"]},
    {"events": {}, "responses": []},
]


@pytest.mark.parametrize("result", [*GOOD_RESULTS, *BAD_RESULTS])
def test_the_compiled_schema_judges_as_rasa_does(result: dict[str, Any]) -> None:
    """The same results pass and the same are refused."""
    from rasa.core.actions.action import RemoteAction

    from bot.runtime import compiled_schema

    def passes(check: Any) -> bool:
        try:
            return bool(check())
        except jsonschema.ValidationError:
            return False

    compiled_schema.install()
    action = RemoteAction("action_x", None)
    ours = passes(lambda: action._validate_action_result(result))
    schema = RemoteAction.action_response_format_spec()
    rasas = passes(lambda: jsonschema.validate(result, schema) is None)

    assert ours == rasas == (result in GOOD_RESULTS)


def test_needed_rasas_check_compiles_the_schema_each_time() -> None:
    """Rasa's way costs many times ours; when that is no longer so, the patch can go."""
    from rasa.core.actions.action import RemoteAction

    from bot.runtime.compiled_schema import schema

    result = GOOD_RESULTS[1]

    def seconds(check: Any) -> float:
        check()
        began = time.perf_counter()
        for _ in range(10):
            check()
        return time.perf_counter() - began

    theirs = seconds(
        lambda: jsonschema.validate(result, RemoteAction.action_response_format_spec())
    )
    ours = seconds(lambda: schema().fits(result))

    # Measured: 100 times. Five leaves room for any machine.
    assert theirs > 5 * ours


# -- finding event classes ---------------------------------------------------------------------


def test_the_table_finds_the_class_that_rasa_finds() -> None:
    """Every name gives the same class, and an unknown name the same error."""
    import rasa.shared.utils.common
    from rasa.shared.core.events import Event

    from bot.runtime import event_types

    event_types.install()
    names = {found.type_name for found in rasa.shared.utils.common.all_subclasses(Event)}

    assert len(names) > 20
    for name in names:
        assert Event.resolve_by_type(name) is event_types._rasas_resolve(name)
    with pytest.raises(ValueError, match="no such event"):
        Event.resolve_by_type("no such event")


# -- locks -------------------------------------------------------------------------------------


async def _wait_in_line(locks: Any) -> tuple[list[int], float]:
    order: list[int] = []

    async def hold(n: int) -> None:
        async with locks.lock("s"):
            order.append(n)
            await asyncio.sleep(0.01)

    began = time.monotonic()
    await asyncio.gather(*(hold(n) for n in range(3)))
    return order, time.monotonic() - began


def test_locks_hand_over_in_order_at_once() -> None:
    """Whoever came first goes first, nobody sleeps, and nothing is left behind."""
    from bot.runtime.lock_store import AsyncioLockStore

    locks = AsyncioLockStore()
    order, seconds = asyncio.run(_wait_in_line(locks))

    assert order == [0, 1, 2]
    assert seconds < 0.9
    assert locks._locks == {}


def test_needed_rasas_locks_look_once_a_second() -> None:
    """With Rasa's own store whoever waits, waits a second."""
    from rasa.core.lock_store import InMemoryLockStore

    _, seconds = asyncio.run(_wait_in_line(InMemoryLockStore()))

    assert seconds >= 0.99


# -- the tracker store -------------------------------------------------------------------------


def test_needed_rasas_wrapper_hides_a_failed_read(records: Records) -> None:
    """Rasa's wrapper makes a conversation that cannot be read look new."""
    from rasa.core.tracker_store import FailSafeTrackerStore

    from bot.runtime.tracker_store import RecordsTrackerStore

    store = RecordsTrackerStore()
    with records._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE events")

    assert asyncio.run(FailSafeTrackerStore(store).retrieve("s")) is None
    with pytest.raises(RecordsUnavailable):
        asyncio.run(store.retrieve("s"))


def test_needed_rasa_takes_a_mistyped_store_for_one_in_memory(records: Records) -> None:
    """Rasa only warns; our agent refuses what comes of it, and takes ours as it is."""
    from rasa.core.agent import Agent
    from rasa.core.tracker_store import InMemoryTrackerStore, TrackerStore
    from rasa.utils.endpoints import EndpointConfig

    from bot.runtime import tracker_store

    tracker_store.install()
    with pytest.warns(UserWarning, match="not found"):
        fallen_back = TrackerStore.create(
            EndpointConfig(type="bot.runtime.tracker_store.RecordTrackerStore")
        )
    assert isinstance(fallen_back, InMemoryTrackerStore)

    with pytest.raises(tracker_store.StoreMistyped, match=r"tracker_store\.type"):
        Agent(tracker_store=fallen_back)
    own = TrackerStore.create(EndpointConfig(type="bot.runtime.tracker_store.RecordsTrackerStore"))
    assert Agent(tracker_store=own).tracker_store is own
    # Rasa's tools that keep nothing, such as its tests of stories, name no store.
    assert isinstance(Agent().tracker_store, InMemoryTrackerStore)


@pytest.mark.parametrize("wrong", ["lock_store", "action_endpoint", "tracker_store"])
def test_endpoints_that_lack_something_stop_the_start(
    project: Path, records: Records, tmp_path: Path, wrong: str
) -> None:
    """Each of the three is needed; the message names the file and what is missing."""
    import yaml

    from bot.runtime.agent import WrongEndpoints, load_agent
    from bot.runtime.training import model_path

    named = yaml.safe_load((project / "endpoints.yml").read_text())
    del named[wrong]
    endpoints = tmp_path / "endpoints.yml"
    endpoints.write_text(yaml.safe_dump(named))

    with pytest.raises(WrongEndpoints, match=r"endpoints\.yml.*(lock store|tracker_store|action)"):
        load_agent(model_path(project), endpoints)


# -- the graph ---------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["hello", "my knee", "/greet", "explode now"])
def test_the_straight_graph_gives_what_dask_gives(pipeline: Any, text: str) -> None:
    """The same message is parsed to the same result either way."""
    from rasa.core.channels.channel import UserMessage
    from rasa.engine.runner.dask import DaskGraphRunner

    from bot.runtime import straight_graph

    processor = pipeline._agent.processor

    def parse() -> Any:
        return asyncio.run(processor.parse_message(UserMessage(text)))

    ours = parse()
    DaskGraphRunner.run = straight_graph._rasas_run
    try:
        assert ours == parse()
    finally:
        straight_graph.install()
    assert ours["text"] == text


def test_needed_rasa_takes_typed_text_for_a_command(pipeline: Any) -> None:
    """Rasa's own chain turns `/greet` into the intent; ours ends before that."""
    from rasa.core.channels.channel import UserMessage
    from rasa.core.processor import MessageProcessor

    ours = pipeline._agent.processor
    rasas = MessageProcessor(ours.model_path, ours.tracker_store, ours.lock_store, ours.nlg)

    def intent(processor: Any) -> Any:
        return asyncio.run(processor.parse_message(UserMessage("/greet")))["intent"]["name"]

    assert intent(rasas) == "greet"
    assert intent(ours) == "nlu_fallback"


def test_a_model_with_another_end_is_refused(pipeline: Any) -> None:
    """If Rasa ends its chain otherwise, commands could slip through: loading stops."""
    from bot.runtime.straight_graph import typed_text_is_text

    with pytest.raises(LookupError):
        # It was shortened when it was loaded: now it does not end in the handler.
        typed_text_is_text(pipeline._agent.processor)


# -- looking rules up -------------------------------------------------------------------------

INTENTS = st.sampled_from(["inform", "why", "should_not_be_set", None])
ACTIONS = st.sampled_from(["action_listen", "action_ask", None])


@st.composite
def _states(draw: st.DrawFn, *, of_rules: bool) -> dict[str, Any]:
    state: dict[str, Any] = {}
    intent, action = draw(INTENTS), draw(ACTIONS)
    if intent:
        state["user"] = {"intent": intent}
    elif of_rules and draw(st.booleans()):
        state["user"] = {"text": "hi"}
    if action:
        state["prev_action"] = {"action_name": action}
    elif draw(st.booleans()):
        state["prev_action"] = {"action_text": "Hello."}
    if draw(st.booleans()):
        state["slots"] = {"case": [1.0] if of_rules else (1.0,)}
    return state


@given(
    rules=st.lists(st.lists(_states(of_rules=True), min_size=1, max_size=3), max_size=8),
    talk=st.lists(_states(of_rules=False), max_size=4),
)
def test_grouped_rules_match_where_rasas_match(rules: Any, talk: Any) -> None:
    """Of any rules, those that apply to any talk are the same ones."""
    from rasa.core.policies.rule_policy import RulePolicy

    from bot.runtime import rule_lookup

    policy = RulePolicy.__new__(RulePolicy)
    lookup = {json.dumps(rule): f"action_{n}" for n, rule in enumerate(rules)}

    ours = rule_lookup._get_possible_keys(policy, lookup, talk)

    assert ours == rule_lookup._rasas_keys(policy, lookup, talk)


def test_the_pass_over_texts_is_left_out_only_where_it_finds_nothing(pipeline: Any) -> None:
    """Rasa's own pass finds no rule in our assistant; one written on a text brings it back."""
    from rasa.shared.core.events import ActionExecuted, UserUttered
    from rasa.shared.core.trackers import DialogueStateTracker

    from bot.runtime import rule_lookup

    agent = pipeline._agent
    nodes = agent.processor.graph_runner._instantiated_nodes
    (policy,) = (node._component for name, node in nodes.items() if "RulePolicy" in name)
    talk = DialogueStateTracker.from_events(
        "s",
        [ActionExecuted("action_listen"), UserUttered("hello", {"name": "greet"})],
        slots=agent.domain.slots,
    )

    def finds(find: Any) -> Any:
        return find(policy, talk, agent.domain, use_text_for_last_user_input=True)[0]

    assert finds(rule_lookup._rasas_find) is None
    assert finds(rule_lookup._find_action_from_rules) is None
    rules = policy.lookup["rules"]
    on_text = [{"prev_action": {"action_name": "action_listen"}, "user": {"text": "hello"}}]
    policy.lookup = {**policy.lookup, "rules": {**rules, json.dumps(on_text): "action_hear"}}
    assert finds(rule_lookup._rasas_find) == "action_hear"
    assert finds(rule_lookup._find_action_from_rules) == "action_hear"


def test_needed_copies_are_made_for_the_log_alone() -> None:
    """Every copy in the two modules is an argument of a debug line, and of nothing else."""
    from bot.runtime import quiet_debug

    for module in quiet_debug.MODULES:
        tree = ast.parse(Path(module.__file__).read_text())
        copies = {node for node in ast.walk(tree) if _is_call_of(node, "copy", "deepcopy")}
        for_the_log = {
            inner
            for node in ast.walk(tree)
            if _is_call_of(node, "structlogger", "debug")
            for inner in ast.walk(node)
        }
        assert copies
        assert copies <= for_the_log
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "copy"]
        assert len(uses) == len(copies)


def _is_call_of(node: ast.AST, name: str, attribute: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) == (name, attribute)
    )


# -- actions in this process ---------------------------------------------------------------------


def test_needed_rasa_goes_on_after_a_failed_action(project: Path, pipeline: Any) -> None:
    """Rasa logs the exception and saves the conversation as if the action had run."""
    from rasa.core.channels.channel import UserMessage
    from rasa.shared.core.events import ActionExecuted

    # Without a turn of ours in progress the processor does what it always does.
    processor = pipeline._agent.processor
    asyncio.run(processor.handle_message(UserMessage("explode", sender_id="stray")))

    tracker = asyncio.run(processor.tracker_store.retrieve("stray"))
    run = [event.action_name for event in tracker.events if isinstance(event, ActionExecuted)]
    assert run[-2:] == ["action_explode", "action_listen"]


def test_an_action_cannot_change_what_rasa_holds(pipeline: Any, session: Any) -> None:
    """What an action does to its view of the slots stays its own until it returns events."""
    from rasa.core.actions.action import RemoteAction
    from rasa.shared.core.events import SlotSet
    from rasa.shared.core.trackers import DialogueStateTracker

    agent = pipeline._agent
    tracker = DialogueStateTracker.from_events(
        "s", [SlotSet("case", {"heard": ["it hurts"]})], slots=agent.domain.slots
    )
    call = RemoteAction("action_hear", agent.action_endpoint)._action_call_format(
        tracker, agent.domain
    )
    call["tracker"]["slots"]["case"]["heard"].append("nothing")

    assert tracker.get_slot("case") == {"heard": ["it hurts"]}
    assert [event["event"] for event in call["tracker"]["events"]] == ["slot"]


def test_any_other_endpoint_stays_rasas_own() -> None:
    """An action server behind a URL is still called as Rasa calls it."""
    from rasa.core.actions.action import RemoteAction
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.trackers import DialogueStateTracker
    from rasa.utils.endpoints import EndpointConfig

    from bot.runtime import in_process_actions

    in_process_actions.install()
    endpoint = EndpointConfig.from_dict({"url": "http://127.0.0.1:5055/webhook"})
    call = RemoteAction("action_x", endpoint)._action_call_format(
        DialogueStateTracker("s", None), Domain.empty()
    )

    assert type(endpoint) is EndpointConfig
    assert isinstance(call["tracker"]["events"], list)
    assert "version" in call


def test_a_package_that_cannot_be_imported_is_an_error() -> None:
    """Rasa's executor would end the process; ours raises."""
    from rasa.utils.endpoints import EndpointConfig

    from bot.runtime import in_process_actions

    in_process_actions.install()
    with pytest.raises(ImportError):
        EndpointConfig.from_dict({"url": "in-process://no_such_actions"})


# -- the output channel --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "collected"),
    [
        ({"text": "hi"}, [{"kind": "text", "text": "hi"}]),
        ({"custom": {"kind": "faq", "text": "a", "topic": "t"}},
         [{"kind": "faq", "text": "a", "topic": "t"}]),
        ({"text": "hi", "custom": {"kind": "text", "text": "ho"}},
         [{"kind": "text", "text": "hi"}, {"kind": "text", "text": "ho"}]),
    ],
)  # fmt: skip
def test_messages_become_wire_messages(message: Any, collected: list[Any]) -> None:
    """A response is a text; what an action made whole stays as it is."""
    from bot.runtime.collector import Collector

    progress = TurnInProgress(turn=None)  # type: ignore[arg-type]
    asyncio.run(Collector(progress, "web").send_response("s", message))

    assert progress.messages == collected
    assert progress.failure is None


@pytest.mark.parametrize(
    "message", [{}, {"text": ""}, {"custom": {"text": "a"}}, {"custom": {"kind": "text"}}]
)
def test_a_message_that_breaks_the_rules_fails_the_turn(message: Any) -> None:
    """Sending never raises, which would lose the turn; the turn fails when it is saved."""
    from bot.runtime.collector import Collector

    progress = TurnInProgress(turn=None)  # type: ignore[arg-type]
    asyncio.run(Collector(progress, "web").send_response("s", message))

    assert isinstance(progress.failure, TurnFailed)
