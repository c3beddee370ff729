"""Who may import whom, and where words for people may stand.

knowledge (YAML) <- clinical <- catalogue, records
    <- nlu, runtime, actions, exports <- channels <- widget
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Each part may import those in its own row and in the rows above it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("bot.clinical",),
    # The YAML readers, the database, and the settings from the environment.
    ("bot.yaml_file", "bot.catalogue_clinics", "bot.catalogue", "bot.records", "bot.settings"),
    ("bot.nlu", "bot.runtime", "bot.exports", "actions"),
    ("bot.channels",),
    # What the widget knows is the wire, not the code: it is here so that nothing imports it.
    ("bot.widget",),
    # Commands: they start or check the rest, and nothing imports them.
    ("bot.chat", "bot.proof", "bot.interview_walk", "bot.case_space", "bot.action_table_page"),
    ("bench", "bot.evaluation", "bot.cli"),
)
LAYER_OF = {part: number for number, row in enumerate(LAYERS) for part in row}

#: Neighbours in a row that must not know each other.
STRANGERS = {
    ("bot.records", "bot.catalogue"),
    ("bot.catalogue", "bot.records"),
    ("bot.nlu", "bot.runtime"),
    ("bot.nlu", "actions"),
    ("bot.runtime", "actions"),
    ("actions", "bot.runtime"),
}
#: Parts that must run without Rasa.
WITHOUT_RASA = ("bot.clinical", *LAYERS[1], *LAYERS[5])


def _part_of(module: str) -> str:
    """The part that a dotted name belongs to: `bot.clinical.case` to `bot.clinical`."""
    names = module.split(".")
    return names[0] if names[0] != "bot" else ".".join(names[:2])


def _files() -> list[Path]:
    folders = (ROOT / "bot", ROOT / "actions", ROOT / "bench")
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*.py")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    )


def _module(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in it, with the line."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base == "bot":
                yield from ((f"bot.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield base, node.lineno


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


MODULES = [pytest.param(path, id=_id(path)) for path in _files()]


@pytest.mark.parametrize("path", MODULES)
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    """Every import of our own code goes to the module's own row of LAYERS or one above it."""
    part = _part_of(_module(path))
    if part == "bot":
        assert not list(_imports(path)), "bot/__init__.py imports nothing"
        return
    assert part in LAYER_OF, f"give {part} its place in LAYERS of {Path(__file__).name}"
    for name, line in _imports(path):
        target = _part_of(name)
        if target == part or name.split(".")[0] not in ("bot", "actions", "bench"):
            continue
        if target not in LAYER_OF:
            # `from bot import __version__`: a name of the package, not a module.
            assert not (ROOT / "bot" / f"{target.split('.')[1]}.py").exists(), target
            continue
        assert LAYER_OF[target] <= LAYER_OF[part], f"{_id(path)}:{line} imports {name}, above it"
        assert (part, target) not in STRANGERS, f"{_id(path)}:{line} must not know {name}"


def test_every_part_is_on_disk_or_still_to_come() -> None:
    """A part that LAYERS names is there, but for those that later issues add."""
    to_come = {"bot.exports", "bot.widget", "bot.evaluation"}
    there = {_part_of(_module(path)) for path in _files()}
    assert set(LAYER_OF) - there <= to_come


@pytest.mark.parametrize(
    "path", [p for p in MODULES if _part_of(_module(p.values[0])) == "bot.clinical"]
)
def test_the_engine_needs_nothing_but_the_standard_library(path: Path) -> None:
    """`bot/clinical` imports itself and the standard library, without files, clocks and chance."""
    kept_out = {"datetime", "time", "random", "os", "io", "pathlib", "socket", "subprocess"}
    for name, line in _imports(path):
        top = name.split(".")[0]
        own = name == "bot.clinical" or name.startswith("bot.clinical.")
        assert own or top in sys.stdlib_module_names, f"{_id(path)}:{line} imports {name}"
        assert top not in kept_out, f"{_id(path)}:{line}: the engine is pure, without {top}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if _part_of(_module(p.values[0])) in WITHOUT_RASA]
)
def test_what_lies_below_the_dialogue_runs_without_rasa(path: Path) -> None:
    """The engine, the catalogue, the records and the proof do not import Rasa."""
    for name, line in _imports(path):
        top = name.split(".")[0]
        assert top not in ("rasa", "rasa_sdk", "sanic"), f"{_id(path)}:{line} imports {name}"


def test_the_catalogue_alone_reads_the_knowledge_files() -> None:
    """No other module uses the YAML reader, or names the folder of the knowledge."""
    readers = {ROOT / "bot" / name for name in ("catalogue.py", "catalogue_clinics.py")}
    for path in _files():
        if path in readers or path == ROOT / "bot" / "yaml_file.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "bot.yaml_file":
                names = {alias.name for alias in node.names}
                assert not names & {"load_yaml", "load_mapping"}, f"{_id(path)}:{node.lineno}"


def _is_prose(node: ast.expr) -> bool:
    """Text with words for people: a literal, or a literal part of an f-string, with a space."""
    return any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value.strip()
        for part in ast.walk(node)
    )


@pytest.mark.parametrize(
    "path", [p for p in MODULES if _part_of(_module(p.values[0])) == "actions"]
)
def test_actions_hold_no_words_for_people(path: Path) -> None:
    """Conversation stands in data/responses, clinical content in bot/knowledge; neither in code.

    Not as the text of `utter_message`, and not as the `text`, `label` or `title` of a message.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called == "utter_message":
                assert not node.args, f"{_id(path)}:{node.lineno}: name the arguments"
                given = {keyword.arg for keyword in node.keywords}
                assert "text" not in given, f"{_id(path)}:{node.lineno}: use a response"
            spoken = [k.value for k in node.keywords if k.arg in ("text", "label", "title")]
        elif isinstance(node, ast.Dict):
            spoken = [
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value in ("text", "label", "title")
            ]
        else:
            continue
        for value in spoken:
            assert not _is_prose(value), f"{_id(path)}:{value.lineno}: words for people in code"
