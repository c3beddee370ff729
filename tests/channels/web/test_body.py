"""JSON bodies are read strictly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.web.body import MalformedJson, parse_object

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**19), 10**19) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=5))
def test_what_json_writes_is_read_back(value: dict[str, object]) -> None:
    """A well-made object comes back as it was, whatever is in it."""
    assert parse_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_malformed(body: bytes) -> None:
    """No bytes lead to any other error."""
    try:
        value = parse_object(body)
    except MalformedJson:
        return
    assert isinstance(value, dict)


def test_a_byte_order_mark_is_passed_over() -> None:
    """Some clients write one; it changes nothing."""
    assert parse_object(b'\xef\xbb\xbf{"id": "1"}') == {"id": "1"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "one JSON object"),
        (b'"text"', "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"id": "1", "id": "2"}', "stands twice"),
        (b'{"a": {"b": 1, "b": 1}}', "stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + b"9" * 21 + b"}", "20 digits"),
        (b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "too deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too deep"),
        (b'{"a": "\xff"}', "not UTF-8 (byte 7)"),
        ('{"a": "b"}'.encode("utf-16"), "not UTF-8"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {}', "not JSON"),
        (b'{"a": "\n"}', "not JSON"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, says: str) -> None:
    """Each with a sentence that says what is wrong."""
    with pytest.raises(MalformedJson) as refused:
        parse_object(body)
    assert says in str(refused.value)
