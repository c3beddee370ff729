"""YAML files read strictly: duplicate keys are refused and every value remembers its line.

The knowledge and clinic files decide what people are told about their body, so a slip of
the keyboard must stop the start and name the place, not pass silently.  `read_yaml` gives
plain Python values; `Located` walks them with their lines for error messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class KnowledgeError(ValueError):
    """A knowledge or clinic file cannot be used; the message names file and line.

    Args:
        path: the file.
        line: 1-based line of the offending key or value.
        message: what is wrong and what to do about it.
    """

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = Path(path)
        self.line = line
        self.problem = message


class Located:
    """A YAML value with the file and line it stands on.

    `raw` is the plain value (str, int, float, bool, None, list, dict); mappings and
    sequences give their children, again located.
    """

    def __init__(self, path: Path, node: yaml.Node) -> None:
        self.path = path
        self.node = node
        self.line: int = node.start_mark.line + 1

    def error(self, message: str) -> KnowledgeError:
        return KnowledgeError(self.path, self.line, message)

    @property
    def raw(self) -> Any:
        if isinstance(self.node, yaml.MappingNode):
            return {key: value.raw for key, value in self.items()}
        if isinstance(self.node, yaml.SequenceNode):
            return [value.raw for value in self.elements()]
        return _Constructor.scalar(self.node)

    def items(self) -> Iterator[tuple[str, Located]]:
        """The pairs of a mapping, refusing anything else, non-text keys and duplicates."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("expected a mapping (`key: value` lines) here")
        seen: dict[str, int] = {}
        for key_node, value_node in self.node.value:
            key = Located(self.path, key_node)
            name = key.raw
            if not isinstance(name, str):
                raise key.error(f"the key {name!r} must be text: put it in quotes")
            if name in seen:
                raise key.error(f"the key '{name}' stands twice (first in line {seen[name]})")
            seen[name] = key.line
            yield name, Located(self.path, value_node)

    def elements(self) -> list[Located]:
        """The elements of a sequence, refusing anything else."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("expected a list (`- ...` lines) here")
        return [Located(self.path, child) for child in self.node.value]

    def mapping(self, required: set[str], optional: set[str] | None = None) -> dict[str, Located]:
        """The mapping's pairs, with exactly the keys allowed.

        Raises:
            KnowledgeError: a key is unknown, duplicate or missing.
        """
        optional = optional or set()
        pairs = dict(self.items())
        for name, value in pairs.items():
            if name not in required | optional:
                allowed = ", ".join(sorted(required | optional))
                raise value.error(f"unknown key '{name}'; allowed here: {allowed}")
        for name in sorted(required - pairs.keys()):
            raise self.error(f"the key '{name}' is missing")
        return pairs

    def text(self) -> str:
        """A non-empty piece of text; folded white space is collapsed."""
        value = self.raw
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"expected text, got {value!r} (quote it if it looks like a number)")
        return " ".join(value.split())

    def integer(self) -> int:
        value = self.raw
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"expected a whole number, got {value!r}")
        return value

    def boolean(self) -> bool:
        value = self.raw
        if not isinstance(value, bool):
            raise self.error(f"expected true or false, got {value!r}")
        return value

    def texts(self) -> tuple[str, ...]:
        """A list of texts without repeats."""
        texts = tuple(child.text() for child in self.elements())
        for child, text in zip(self.elements(), texts, strict=True):
            if texts.count(text) > 1:
                raise child.error(f"'{text}' stands twice in this list")
        return texts


class _Constructor(yaml.SafeLoader):
    """PyYAML's safe constructor, used for single scalars only."""

    @classmethod
    def scalar(cls, node: yaml.Node) -> Any:
        loader = cls("")
        try:
            return loader.construct_object(node, deep=True)
        finally:
            loader.dispose()


class _WithoutAnchors(yaml.SafeLoader):
    """Refuses anchors and aliases: a value that stands elsewhere has no line of its own."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = "anchors and aliases (& and *) are not used here: write the value out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def load_yaml(path: Path) -> Located:
    """The root of the YAML document in `path`.

    Raises:
        KnowledgeError: the file is missing, empty, not UTF-8, not YAML, or uses anchors.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(path, 1, f"cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=_WithoutAnchors)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise KnowledgeError(
            path, line, f"is not YAML as used here: {getattr(error, 'problem', error)}"
        ) from error
    if node is None:
        raise KnowledgeError(path, 1, "is empty")
    return Located(path, node)


def load_mapping(path: Path) -> Located:
    """Like `load_yaml`, and the root must be a mapping."""
    root = load_yaml(path)
    if not isinstance(root.node, yaml.MappingNode):
        raise root.error("expected a mapping (`key: value` lines) at the top")
    return root
