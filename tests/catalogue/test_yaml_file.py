"""YAML files are read strictly, with the line of every value."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.yaml_file import KnowledgeError, load_mapping, load_yaml


def _file(folder: Path, text: str) -> Path:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_come_with_their_lines(tmp_path: Path) -> None:
    """The value of a key and each element of a list know their line, counted from 1."""
    root = load_mapping(_file(tmp_path, "a: 1\nb:\n  - x\n  - y\n"))
    pairs = root.mapping({"a", "b"})
    assert (pairs["a"].line, pairs["b"].line) == (1, 3)
    assert [(one.text(), one.line) for one in pairs["b"].elements()] == [("x", 3), ("y", 4)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands twice (first in line 1)"),
        ("a: 1\nb: 2\n", 2, "unknown key 'b'"),
        ("{}", 1, "the key 'a' is missing"),
        ("a: 1\n55: 2\n", 2, "must be text"),
        ("a: 1\nyes: 2\n", 2, "must be text"),
        ("- a\n", 1, "expected a mapping"),
        ("", 1, "is empty"),
        ("# only a remark\n", 1, "is empty"),
        ("a: [1\n", 2, "is not YAML"),
        ("a: 1\n b: 2\n", 2, "is not YAML"),
        ("a: 1\n---\na: 2\n", 2, "is not YAML"),
        ("a: &one 1\n", 1, "anchors"),
        ("a: *one\n", 1, "anchors"),
    ],
)
def test_a_file_that_misleads_is_refused(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    """The error names file, line and what is wrong."""
    path = _file(tmp_path, text)
    with pytest.raises(KnowledgeError) as refused:
        load_mapping(path).mapping({"a"})
    assert (refused.value.path, refused.value.line) == (path, line)
    assert message in refused.value.problem
    assert str(refused.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("text", "reader", "message"),
    [
        ("a: 1", "text", "expected text, got 1"),
        ("a: ''", "text", "expected text"),
        ("a: ' '", "text", "expected text"),
        ("a: no", "text", "expected text, got False"),
        ("a: one", "integer", "expected a whole number"),
        ("a: 1.5", "integer", "expected a whole number"),
        ("a: true", "integer", "expected a whole number"),
        ("a: 1", "boolean", "expected true or false"),
        ("a: [x, y, x]", "texts", "'x' stands twice in this list"),
        ("a: x", "texts", "expected a list"),
        ("a: {b: 1}", "elements", "expected a list"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(
    tmp_path: Path, text: str, reader: str, message: str
) -> None:
    """Text, whole numbers, true or false, lists: each only as itself."""
    value = load_mapping(_file(tmp_path, text)).mapping({"a"})["a"]
    with pytest.raises(KnowledgeError) as refused:
        getattr(value, reader)()
    assert message in refused.value.problem


def test_folded_text_is_one_line(tmp_path: Path) -> None:
    """White space in text is collapsed, so that YAML's line breaks do not show."""
    value = load_mapping(_file(tmp_path, "a: >\n  one\n  two\n\n  three\n")).mapping({"a"})["a"]
    assert value.text() == "one two three"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, or not UTF-8."""
    with pytest.raises(KnowledgeError, match=r"gone\.yaml:1: cannot be read"):
        load_yaml(tmp_path / "gone.yaml")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load_yaml(tmp_path)
    broken = tmp_path / "latin.yaml"
    broken.write_bytes(b"a: caf\xe9\n")
    with pytest.raises(KnowledgeError, match="cannot be read"):
        load_yaml(broken)


def test_values_are_plain_python(tmp_path: Path) -> None:
    """`raw` gives text, numbers, booleans, None, lists and dictionaries."""
    root = load_yaml(_file(tmp_path, "a: [1, x, true, null, 1.5]\nb: {c: '7'}\n"))
    assert root.raw == {"a": [1, "x", True, None, 1.5], "b": {"c": "7"}}
