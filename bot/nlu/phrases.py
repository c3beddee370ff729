"""The phrase book: patterns from the knowledge files, compiled into one automaton.

A pattern is a line of YAML that reads like what a person types:

    can not put (any|much)? weight      words in order; `(a b|c)` one or the other, `?` optional
    click*                              any word that begins so
    knee .. swollen                     a gap of up to 3 words within a clause (no "not", no comma)
    popped ... swollen                  a gap of up to 8 words, commas allowed
    {swollen}                           a list of `concepts` in language.yaml
    #days, #ago, #recent, #older ...    a quantity, see `reading.QUANTITY_LABELS`
    (knee replacement) !always          so whenever it happened: "in 2019" does not set it aside
    {surgery} !denied                   counts only where it is denied: "never had surgery"
    foot is fine !absent                says by itself that the sign is not there
    & when i run                        tells the kind of a finding named in the same sentence
    && gone the next morning            ... without doubt: it beats what `&` tells
    {hot_joint} + @swelling             cues anywhere in one message; `@` = a finding that is there
    .. + @age_band=under_16             the finding must have this value
    {clot} !asked + {leg_sign}          a part that counts even if only asked or worried about

Contractions are undone in patterns as in messages: `can't` and `can not` are the same.

spaCy's Matcher tries every pattern at every word.  This automaton shares common beginnings and
looks words up, so the cost of a message hardly grows with the number of patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, Protocol, TypeVar, Union

from bot.nlu.tokens import Word, split
from bot.yaml_file import KnowledgeError

Meaning = TypeVar("Meaning")

_ANY = "*any*"
_COMMA = "*comma*"
_SHORT_GAP = 3
_LONG_GAP = 8
# A gap may not swallow a word that turns the meaning round, nor leave the sentence.
_NOT_IN_GAP = frozenset(
    {".", "not", "no", "never", "without", "nor", "but", "however", "though", "although", "none"}
)
_LEXEME = re.compile(r"\s*(\(|\)|\||\?|\{[a-z0-9_]+\}|\.{2,3}|[#@][a-z0-9_]+|[^\s()|?{}]+)")


class Pattern(Protocol):
    """A pattern with its place in a file, such as `bot.catalogue.Phrase`."""

    @property
    def text(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def line(self) -> int: ...


# The syntax tree of a pattern: sequences of elements.
@dataclass(frozen=True)
class _Words:
    labels: frozenset[str]
    repeats: bool = False


@dataclass(frozen=True)
class _Group:
    alternatives: tuple[tuple[_Element, ...], ...]
    optional: bool = False


@dataclass(frozen=True)
class _Gap:
    length: int
    over_commas: bool


_Element = Union[_Words, _Group, _Gap]  # noqa: UP007  # forward names, read at run time


@dataclass(frozen=True)
class Match(Generic[Meaning]):
    """A pattern found.

    Attributes:
        start, end: word offsets, end exclusive.
        gaps: bit mask of the words that only filled a gap of the pattern (bit = word offset).
    """

    meaning: Meaning
    start: int
    end: int
    gaps: int = 0


class PatternParser:
    """Turns pattern lines into syntax trees; knows the concepts.

    Args:
        concepts: name -> its pattern lines; a concept may use others, but not itself.
    """

    def __init__(self, concepts: Mapping[str, Sequence[Pattern]]) -> None:
        self._lines = concepts
        self._concepts: dict[str, _Group] = {}
        self._being_read: list[str] = []

    def parse(self, pattern: Pattern, text: str | None = None) -> tuple[_Element, ...]:
        """The tree of one pattern (or of `text`, a part of it).

        Raises:
            KnowledgeError: the pattern is malformed or names a concept that there is not.
        """
        lexemes = _LEXEME.findall(text if text is not None else pattern.text)
        sequence, rest = self._sequence(pattern, lexemes, 0)
        if rest != len(lexemes):
            raise self._error(pattern, "has a ')' too many")
        if not sequence or isinstance(sequence[0], _Gap) or isinstance(sequence[-1], _Gap):
            raise self._error(pattern, "must begin and end with a word, not with a gap")
        if all(isinstance(element, _Group) and element.optional for element in sequence):
            raise self._error(pattern, "would match nothing at all: one part must not be optional")
        return sequence

    def _sequence(
        self, pattern: Pattern, lexemes: list[str], at: int
    ) -> tuple[tuple[_Element, ...], int]:
        alternatives: list[list[_Element]] = [[]]
        while at < len(lexemes) and lexemes[at] != ")":
            lexeme = lexemes[at]
            at += 1
            current = alternatives[-1]
            if lexeme == "|":
                alternatives.append([])
            elif lexeme == "?":
                if not current or isinstance(current[-1], _Gap):
                    raise self._error(pattern, "has a '?' that follows no word or group")
                last = current.pop()
                inner = last.alternatives if isinstance(last, _Group) else ((last,),)
                current.append(_Group(inner, optional=True))
            elif lexeme == "(":
                inside, at = self._sequence(pattern, lexemes, at)
                if at >= len(lexemes):
                    raise self._error(pattern, "has a '(' without its ')'")
                at += 1
                alone = inside[0] if len(inside) == 1 else None
                plain = isinstance(alone, _Group) and not alone.optional
                current.append(alone if alone is not None and plain else _Group((inside,)))
            else:
                current.extend(self._elements(pattern, lexeme))
        if len(alternatives) == 1:
            return tuple(alternatives[0]), at
        return (_Group(tuple(tuple(alternative) for alternative in alternatives)),), at

    def _elements(self, pattern: Pattern, lexeme: str) -> list[_Element]:
        """What a lexeme other than a bracket, `|` or `?` stands for."""
        if lexeme.startswith("{"):
            return [self._concept(pattern, lexeme[1:-1])]
        if lexeme in ("..", "..."):
            long = lexeme == "..."
            return [_Gap(_LONG_GAP if long else _SHORT_GAP, over_commas=long)]
        if lexeme.startswith("#"):
            return [_Words(frozenset({lexeme}), repeats=True)]
        if lexeme.endswith("*") and len(lexeme) > 3:
            return [_Words(frozenset({lexeme}))]
        words = [word.norm for word in split(lexeme)]
        if not words:
            raise self._error(pattern, f"holds '{lexeme}', which is no word")
        return [_Words(frozenset({word})) for word in words]

    def _concept(self, pattern: Pattern, name: str) -> _Group:
        if name not in self._lines:
            known = ", ".join(sorted(self._lines))
            raise self._error(pattern, f"names {{{name}}}; the concepts are: {known}")
        if name in self._being_read:
            raise self._error(pattern, f"makes the concept {{{name}}} a part of itself")
        if name not in self._concepts:
            self._being_read.append(name)
            self._concepts[name] = _Group(tuple(self.parse(line) for line in self._lines[name]))
            self._being_read.pop()
        return self._concepts[name]

    @staticmethod
    def _error(pattern: Pattern, message: str) -> KnowledgeError:
        return KnowledgeError(pattern.path, pattern.line, f"the pattern '{pattern.text}' {message}")


class _Node(Generic[Meaning]):
    """One state: the set of pattern beginnings that have been seen so far."""

    __slots__ = ("children", "edges", "fills_gap", "free", "meanings")

    def __init__(self) -> None:
        self.children: dict[object, _Node[Meaning]] = {}
        self.edges: dict[str, list[_Node[Meaning]]] = {}
        self.free: list[_Node[Meaning]] = []  # reached without reading a word
        self.meanings: list[Meaning] = []
        self.fills_gap = False  # reached by a word that stands in a gap


class Automaton(Generic[Meaning]):
    """Finds every occurrence of many patterns in one pass over a message."""

    def __init__(self) -> None:
        self._root: _Node[Meaning] = _Node()
        self._words: set[str] = set()
        self._beginnings: dict[str, list[str]] = {}
        self._edges: dict[int, dict[str, tuple[_Node[Meaning], ...]]] = {}
        self._meanings: dict[int, tuple[Meaning, ...]] = {}
        self._guarded: frozenset[str] = frozenset()
        self._respelt: dict[str, list[str]] = {}
        self._nodes: list[_Node[Meaning]] = []

    def add(self, pattern: tuple[_Element, ...], meaning: Meaning) -> None:
        """Adds a parsed pattern; several may share a meaning, and a pattern may have several."""
        self._grow(self._root, pattern).meanings.append(meaning)

    def _grow(self, node: _Node[Meaning], sequence: Iterable[_Element]) -> _Node[Meaning]:
        for element in sequence:
            node = self._step(node, element)
        return node

    def _step(self, node: _Node[Meaning], element: _Element) -> _Node[Meaning]:
        # A state stands for everything read so far, so sharing it between patterns that begin
        # alike is always right.
        if element in node.children:
            return node.children[element]
        end: _Node[Meaning] = _Node()
        node.children[element] = end
        if isinstance(element, _Words):
            for label in element.labels:
                node.edges.setdefault(label, []).append(end)
                self._learn(label)
                if element.repeats:
                    end.edges.setdefault(label, []).append(end)
        elif isinstance(element, _Group):
            single = frozenset(
                label
                for alternative in element.alternatives
                if len(alternative) == 1
                and isinstance(alternative[0], _Words)
                and not alternative[0].repeats
                for label in alternative[0].labels
            )
            for label in single:
                node.edges.setdefault(label, []).append(end)
                self._learn(label)
            for alternative in element.alternatives:
                first = alternative[0] if len(alternative) == 1 else None
                if isinstance(first, _Words) and not first.repeats:
                    continue
                self._grow(node, alternative).free.append(end)
            if element.optional:
                node.free.append(end)
        else:
            step = node
            node.free.append(end)
            for _ in range(element.length):
                following: _Node[Meaning] = _Node()
                step.edges.setdefault(_ANY, []).append(following)
                if element.over_commas:
                    step.edges.setdefault(_COMMA, []).append(following)
                following.fills_gap = True
                following.free.append(end)
                step = following
        return end

    def _learn(self, label: str) -> None:
        if label.startswith("#"):
            return
        if label.endswith("*"):
            self._beginnings.setdefault(label[:3], []).append(label[:-1])
        else:
            self._words.add(label)

    def close(self, guarded: Iterable[str]) -> None:
        """Ends the adding: works out what each state leads to.

        Args:
            guarded: words that are what they are and never a misspelling of a pattern's word.
        """
        self._guarded = frozenset(guarded)
        for word in self._words:
            if len(word) >= 5 and word.isalpha():
                for shorter in _deletions(word):
                    self._respelt.setdefault(shorter, []).append(word)
        seen: set[int] = set()
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            self._nodes.append(node)
            reached = _closure(node)
            edges: dict[str, dict[int, _Node[Meaning]]] = {}
            for state in reached:
                for label, targets in state.edges.items():
                    edges.setdefault(label, {}).update({id(t): t for t in targets})
            self._edges[id(node)] = {label: tuple(t.values()) for label, t in edges.items()}
            self._meanings[id(node)] = tuple(m for state in reached for m in state.meanings)
            for reachable in self._edges[id(node)].values():
                waiting.extend(reachable)
        self.labels = lru_cache(maxsize=20000)(self._labels)

    def _labels(self, norm: str) -> tuple[str, ...]:
        """What a word can stand for: itself, a beginning, a correction of a misspelling."""
        if norm == ".":
            return (".",) if "." in self._words else ()
        if norm in (",", "-", ":"):
            return (_COMMA, ",")  # a dash or a colon parts as a comma does
        labels = [] if norm in _NOT_IN_GAP else [_ANY]
        beginnings = [
            f"{start}*" for start in self._beginnings.get(norm[:3], ()) if norm.startswith(start)
        ]
        if norm in self._words:
            labels.append(norm)
        elif not beginnings:
            labels.extend(self._corrections(norm))
        labels.extend(beginnings)
        if norm == "'s":
            labels.extend(("is", "has"))
        return tuple(dict.fromkeys(labels))

    def _corrections(self, norm: str) -> list[str]:
        """The words of the patterns that `norm` misspells by one letter.

        Short words and words of the guard list are left alone, and the first letter must be
        right: "numb" must not drift to "dumb".  In a word of four letters only a swap counts
        ("nkee") or a letter not doubled ("stif"): "sell" must not become "swell".
        """
        if len(norm) < 4 or not norm.isalpha() or norm in self._guarded:
            return []
        found: dict[str, None] = {}
        for form in (norm, *_deletions(norm)):
            if form in self._words and len(form) >= 5:
                found[form] = None
            for word in self._respelt.get(form, ()):
                found[word] = None
        return [
            word
            for word in found
            if word[0] == norm[0]
            and abs(len(word) - len(norm)) <= 1
            and _one_slip(norm, word)
            and (len(norm) > 4 or set(norm) == set(word))
        ]

    def run(self, words: Sequence[Word], more: Mapping[int, Sequence[str]]) -> list[Match[Meaning]]:
        """Every match, in order of its end.

        Args:
            words: the message.
            more: further labels of single words, by index (quantities).
        """
        matches: list[Match[Meaning]] = []
        edges_of, meanings_of = self._edges, self._meanings
        root_edges = edges_of[id(self._root)]
        # (state, start of the match) -> words that filled gaps on the way
        active: dict[tuple[int, int], int] = {}
        for index, word in enumerate(words):
            labels: Sequence[str] = self.labels(word.norm)
            if index in more:
                labels = (*labels, *more[index])
            bit = 1 << index
            following: dict[tuple[int, int], int] = {}
            for label in labels:
                for target in root_edges.get(label, ()):
                    following[(id(target), index)] = 0
            for (node_id, start), gaps in active.items():
                edges = edges_of[node_id]
                for label in labels:
                    for target in edges.get(label, ()):
                        filled = gaps | bit if target.fills_gap else gaps
                        key = (id(target), start)
                        # Of two ways to the same state the one that read more words counts.
                        if key not in following or filled < following[key]:
                            following[key] = filled
            for (node_id, start), gaps in following.items():
                matches.extend(
                    Match(meaning, start, index + 1, gaps) for meaning in meanings_of[node_id]
                )
            active = following
        return matches


def _closure(node: _Node[Meaning]) -> list[_Node[Meaning]]:
    reached: dict[int, _Node[Meaning]] = {}
    waiting = [node]
    while waiting:
        state = waiting.pop()
        if id(state) not in reached:
            reached[id(state)] = state
            waiting.extend(state.free)
    return list(reached.values())


def _deletions(word: str) -> set[str]:
    return {word[:index] + word[index + 1 :] for index in range(len(word))}


def _one_slip(typed: str, word: str) -> bool:
    """Whether one letter was added, left out, changed, or two neighbours swapped."""
    if len(typed) == len(word):
        differ = [index for index in range(len(word)) if typed[index] != word[index]]
        if len(differ) == 1:
            return True
        return (
            len(differ) == 2
            and differ[1] == differ[0] + 1
            and typed[differ[0]] == word[differ[1]]
            and typed[differ[1]] == word[differ[0]]
        )
    longer, shorter = (typed, word) if len(typed) > len(word) else (word, typed)
    return shorter in _deletions(longer)
