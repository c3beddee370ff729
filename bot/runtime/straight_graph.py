"""The model's graph run in a fixed order, and typed text never read as a command.

Rasa runs NLU and policies as a Dask graph that it builds anew for every prediction
(`DaskGraphRunner.run`). A prediction graph is a short chain without branches worth running apart:
here its order is worked out once for each target, and a run is a loop.

Rasa ends every NLU chain with `RegexMessageHandler`, which takes `/restart` or `/intent{...}` for
a command, whoever typed it. For the server the chain ends one node earlier
(`typed_text_is_text`); `kneewise rasa` keeps Rasa's own behaviour, so that a developer's `rasa
shell` can be given intents.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.runner.dask import DaskGraphRunner
from rasa.nlu.classifiers.regex_message_handler import RegexMessageHandler


def _order(runner: Any, targets: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The nodes that the targets need, each after those it needs, with the names of its inputs."""
    nodes = runner._graph_schema.nodes
    ordered: dict[str, tuple[str, ...]] = {}

    def visit(name: str) -> None:
        # A name that is no node is an input, such as the tracker.
        if name in ordered or name not in nodes:
            return
        needs = tuple(nodes[name].needs.values())
        for need in needs:
            visit(need)
        ordered[name] = needs

    for target in targets:
        visit(target)
    return tuple(ordered.items())


def _run(
    runner: Any, inputs: dict[str, Any] | None = None, targets: list[str] | None = None
) -> dict[str, Any]:
    """The outputs of the targets (of all the schema's when not given) by name."""
    wanted = tuple(targets or runner._graph_schema.target_names)
    orders = vars(runner).setdefault("_kneewise_orders", {})
    if wanted not in orders:
        orders[wanted] = _order(runner, wanted)
    # What passes between nodes is (name of the node, its output), as a node expects it.
    results: dict[str, Any] = {name: (name, value) for name, value in (inputs or {}).items()}
    for name, needs in orders[wanted]:
        # Rasa passes the bare name where an input is missing, and says so in the log.
        results[name] = runner._instantiated_nodes[name](
            *(results.get(need, need) for need in needs)
        )
    return {name: results[name][1] for name in wanted}


_rasas_run = DaskGraphRunner.run


def install() -> None:
    """Run the graphs of loaded models in a fixed order from now on."""
    DaskGraphRunner.run = _run


def typed_text_is_text(processor: Any) -> None:
    """Let this processor parse what people type without looking for commands in it.

    Raises:
        LookupError: the model's NLU does not end in `RegexMessageHandler` with one node before it.
    """
    metadata = processor.model_metadata
    nodes = processor.graph_runner._graph_schema.nodes
    last = nodes.get(metadata.nlu_target)
    if last is None or last.uses is not RegexMessageHandler or last.needs["messages"] not in nodes:
        raise LookupError("the model's NLU does not end in RegexMessageHandler")
    metadata.nlu_target = last.needs["messages"]
