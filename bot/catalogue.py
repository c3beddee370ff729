"""The only reader of the knowledge files: YAML in, typed and checked knowledge out.

A mistake in a file stops the start and is named with its file and line: unknown keys,
duplicate or dangling ids, rules without a reference, values that a finding does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.catalogue_clinics import Clinic, load_clinics
from bot.clinical.model import (
    PRESENT,
    UNKNOWN,
    AdviceLine,
    AnyOf,
    AtLeast,
    Choice,
    Condition,
    Conflict,
    Disposition,
    Knowledge,
    NumberRange,
    Question,
    Reference,
    Rule,
    Sign,
)
from bot.yaml_file import KnowledgeError, Located, load_mapping

KNOWLEDGE_FOLDER = Path(__file__).parent / "knowledge"
CLINICS_FOLDER = Path(__file__).parent / "clinics"

_CONTACTS = ("none", "clinic", "emergency")
_INPUTS = ("choice", "checklist", "number")
_REFERENCE_KINDS = ("source", "guideline", "policy")


@dataclass(frozen=True)
class Phrase:
    """A pattern that people's words are matched with, and where it stands."""

    text: str
    path: Path
    line: int


@dataclass(frozen=True)
class FaqTopic:
    """A question of general interest with its short answer."""

    id: str
    phrasings: tuple[str, ...]
    answer: str
    references: tuple[str, ...]
    related: tuple[str, ...]


#: finding (or question) id -> value or use ("present", "persistent", "topic") -> patterns.
PhraseBook = Mapping[str, Mapping[str, tuple[Phrase, ...]]]


@dataclass(frozen=True)
class Catalogue:
    """All that the YAML files hold."""

    knowledge: Knowledge
    phrases: PhraseBook
    language: Located | None
    faq: Mapping[str, FaqTopic]
    frames: Mapping[str, str]
    clinics: Mapping[str, Clinic] = field(default_factory=dict)

    def clinic(self, clinic_id: str) -> Clinic:
        """The clinic with this id.  Raises KeyError."""
        return self.clinics[clinic_id]


@lru_cache(maxsize=4)
def load_catalogue(
    knowledge_folder: Path = KNOWLEDGE_FOLDER, clinics_folder: Path = CLINICS_FOLDER
) -> Catalogue:
    """Reads and checks every knowledge and clinic file; the result is cached and immutable.

    Raises:
        KnowledgeError: the first mistake found, with file and line.
    """
    reader = _Reader(knowledge_folder)
    knowledge = reader.knowledge()
    language = knowledge_folder / "language.yaml"
    return Catalogue(
        knowledge=knowledge,
        phrases=reader.phrases,
        language=load_mapping(language) if language.exists() else None,
        faq=reader.faq(),
        frames=reader.frames(),
        clinics=load_clinics(clinics_folder),
    )


class _Reader:
    """Reads the folder file by file; ids met so far are kept for the cross-checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.references: dict[str, Reference] = {}
        self.dispositions: dict[str, Disposition] = {}
        self.questions: dict[str, Question] = {}
        self.question_of: dict[str, Question] = {}
        self.derived: dict[str, Condition] = {}
        self.rules: dict[str, Rule] = {}
        self.phrases: dict[str, dict[str, tuple[Phrase, ...]]] = {}
        self._claimed: set[str] = set()
        # Rules are read after all questions, because they name findings of other files.
        self._waiting_rules: list[Callable[[], None]] = []

    def knowledge(self) -> Knowledge:
        self._read_references()
        self._read_dispositions()
        files = sorted((self.folder / "findings").glob("*.yaml"))
        if not files:
            raise KnowledgeError(self.folder / "findings", 1, "holds no *.yaml files")
        for path in files:
            self._read_question(path)
        questions = tuple(sorted(self.questions.values(), key=lambda question: question.order))
        table = load_mapping(self.folder / "action_table.yaml").mapping(
            {"hit_policy", "otherwise", "stop_asking_at", "counterfactuals", "derived", "rules"}
        )
        if table["hit_policy"].raw != "priority":
            raise table["hit_policy"].error("the engine knows one hit policy: priority")
        for name, body in table["derived"].items():
            self._read_derived(name, body)
        for read_rules in self._waiting_rules:
            read_rules()
        self._read_rules(table["rules"], implied=None)
        conflicts = self._conflicts()
        return Knowledge(
            questions=questions,
            rules=tuple(self.rules.values()),
            dispositions=self.dispositions,
            references=self.references,
            conflicts=conflicts,
            derived=self.derived,
            otherwise=self._disposition(table["otherwise"]),
            stop_asking_at=self._disposition(table["stop_asking_at"]),
            counterfactuals=table["counterfactuals"].integer(),
            hit_policy="priority",
        )

    # References, dispositions, conflicts, FAQ

    def _read_references(self) -> None:
        root = load_mapping(self.folder / "references.yaml").mapping({"references"})
        for name, body in root["references"].items():
            keys = body.mapping({"kind", "title"}, {"document"})
            kind = _one_of(keys["kind"], _REFERENCE_KINDS)
            self.references[name] = Reference(name, kind, keys["title"].text())

    def _cited(self, body: Located) -> tuple[str, ...]:
        ids = body.texts()
        if not ids:
            raise body.error("needs at least one reference")
        for child, name in zip(body.elements(), ids, strict=True):
            if name not in self.references:
                raise child.error(f"there is no reference '{name}' in references.yaml")
        return ids

    def _advice(self, body: Located) -> tuple[AdviceLine, ...]:
        lines = []
        for element in body.elements():
            keys = element.mapping({"text", "references"}, {"adults_only"})
            adults_only = keys["adults_only"].boolean() if "adults_only" in keys else False
            text, references = keys["text"].text(), self._cited(keys["references"])
            lines.append(AdviceLine(text, references, adults_only))
        return tuple(lines)

    def _read_dispositions(self) -> None:
        root = load_mapping(self.folder / "dispositions.yaml").mapping({"dispositions"})
        levels: dict[int, str] = {}
        for name, body in root["dispositions"].items():
            keys = body.mapping(
                {
                    "level",
                    "within",
                    "within_words",
                    "urgency",
                    "headline",
                    "in_short",
                    "actions",
                    "safety_net",
                    "contact",
                    "references",
                },
                {"meanwhile"},
            )
            level = keys["level"].integer()
            if level in levels:
                raise keys["level"].error(f"level {level} is already that of '{levels[level]}'")
            levels[level] = name
            self.dispositions[name] = Disposition(
                id=name,
                level=level,
                within=None if keys["within"].raw is None else keys["within"].text(),
                within_words=keys["within_words"].text(),
                urgency=keys["urgency"].text(),
                headline=keys["headline"].text(),
                in_short=keys["in_short"].text(),
                actions=self._advice(keys["actions"]),
                meanwhile=self._advice(keys["meanwhile"]) if "meanwhile" in keys else (),
                safety_net=self._advice(keys["safety_net"]),
                contact=_one_of(keys["contact"], _CONTACTS),
                references=self._cited(keys["references"]),
            )

    def _disposition(self, body: Located) -> str:
        return _one_of(body, self.dispositions)

    def _conflicts(self) -> tuple[Conflict, ...]:
        root = load_mapping(self.folder / "conflicts.yaml").mapping({"conflicts"})
        conflicts = []
        for name, body in root["conflicts"].items():
            keys = body.mapping({"about", "sides", "chosen", "because"})
            sides = []
            for side in keys["sides"].elements():
                parts = side.mapping({"says", "references"})
                sides.append(AdviceLine(parts["says"].text(), self._cited(parts["references"])))
            if len(sides) < 2:
                raise keys["sides"].error("a conflict has at least two sides")
            conflicts.append(
                Conflict(
                    name,
                    keys["about"].text(),
                    tuple(sides),
                    keys["chosen"].text(),
                    keys["because"].text(),
                )
            )
        return tuple(conflicts)

    def frames(self) -> dict[str, str]:
        root = load_mapping(self.folder / "frames.yaml").mapping({"frames"})
        return {name: words.text() for name, words in root["frames"].items()}

    def faq(self) -> dict[str, FaqTopic]:
        topics: dict[str, FaqTopic] = {}
        bodies: dict[str, Located] = {}
        for path in sorted((self.folder / "faq").glob("*.yaml")):
            keys = load_mapping(path).mapping(
                {"id", "phrasings", "answer", "references"}, {"related"}
            )
            name = _id_of_file(keys["id"], path)
            related = keys["related"].texts() if "related" in keys else ()
            if "related" in keys:
                bodies[name] = keys["related"]
            topics[name] = FaqTopic(
                id=name,
                phrasings=keys["phrasings"].texts(),
                answer=keys["answer"].text(),
                references=self._cited(keys["references"]),
                related=related,
            )
        for name, body in bodies.items():
            for child in body.elements():
                if child.text() not in topics:
                    raise child.error(f"'{name}' is related to a topic that there is not")
        return topics

    # Questions and findings

    def _read_question(self, path: Path) -> None:
        root = load_mapping(path)
        common = {"id", "order", "input", "ask", "why", "short", "references", "phrases"}
        more = {"help", "ask_kind", "ask_in_groups", "when", "unsure_counts_as", "rules"}
        by_input = {
            "choice": ({"choices"}, {"ordered", "unspecified"}),
            "checklist": ({"signs", "none"}, {"screen_first"}),
            "number": ({"number"}, {"ordered", "if"}),
        }
        kind = _one_of(dict(root.items()).get("input", root), _INPUTS)
        required, optional = by_input[kind]
        keys = root.mapping(common | required, more | optional)
        name = _id_of_file(keys["id"], path)
        order = keys["order"].integer()
        for other in self.questions.values():
            if other.order == order:
                raise keys["order"].error(f"order {order} is already that of '{other.id}'")
        self._claim(name, keys["id"])
        choices = tuple(self._choices(name, keys["choices"])) if "choices" in keys else ()
        signs = tuple(self._signs(name, keys["signs"])) if "signs" in keys else ()
        values = [choice.value for choice in choices]
        unsure = keys["unsure_counts_as"].text() if "unsure_counts_as" in keys else None
        if unsure is not None and unsure not in (values or [PRESENT]):
            raise keys["unsure_counts_as"].error(f"'{unsure}' is not a value of '{name}'")
        unspecified = keys["unspecified"].text() if "unspecified" in keys else None
        if unspecified is not None and unspecified not in values:
            raise keys["unspecified"].error(f"'{unspecified}' is not a value of '{name}'")
        number, number_ifs = self._number(keys)
        question = Question(
            id=name,
            order=order,
            input=kind,
            ask=keys["ask"].text(),
            why=keys["why"].text(),
            short=keys["short"].text(),
            references=self._cited(keys["references"]),
            choices=choices,
            signs=signs,
            number=number,
            number_ifs=number_ifs,
            none_label=keys["none"].text() if "none" in keys else None,
            help=keys["help"].text() if "help" in keys else None,
            ask_kind=keys["ask_kind"].text() if "ask_kind" in keys else None,
            ask_in_groups=keys["ask_in_groups"].text() if "ask_in_groups" in keys else None,
            ordered=keys["ordered"].boolean() if "ordered" in keys else False,
            unspecified=unspecified,
            unsure_counts_as=unsure,
            screen_first=keys["screen_first"].boolean() if "screen_first" in keys else False,
            after_result="when" in keys
            and _one_of(keys["when"], ("after_result",)) == "after_result",
        )
        self.questions[name] = question
        for finding in question.findings:
            self.question_of[finding] = question
        self._read_phrases(name, keys["phrases"])
        if "rules" in keys:
            rules = keys["rules"]
            self._waiting_rules.append(lambda: self._read_rules(rules, implied=None))

    def _claim(self, name: str, where: Located) -> None:
        if name in self._claimed:
            raise where.error(f"the id '{name}' is already taken by another question or sign")
        self._claimed.add(name)

    def _choices(self, question: str, body: Located) -> Iterable[Choice]:
        for value, choice in body.items():
            if value == UNKNOWN:
                raise choice.error("'unknown' is there for every finding: do not list it")
            keys = choice.mapping({"label", "short", "phrases"}, {"if"})
            self._store_phrases(question, value, keys["phrases"])
            yield Choice(
                value,
                keys["label"].text(),
                keys["short"].text(),
                keys["if"].text() if "if" in keys else None,
            )

    def _signs(self, question: str, body: Located) -> Iterable[Sign]:
        for name, sign in body.items():
            keys = sign.mapping({"label", "short", "rules", "phrases"}, {"help", "if", "group"})
            self._claim(name, sign)
            self._store_phrases(name, PRESENT, keys["phrases"])
            rules = keys["rules"]
            self._waiting_rules.append(
                lambda rules=rules, name=name: self._read_rules(rules, implied=name)  # type: ignore[misc]
            )
            yield Sign(
                name,
                keys["label"].text(),
                keys["short"].text(),
                keys["help"].text() if "help" in keys else None,
                keys["if"].text() if "if" in keys else None,
                keys["group"].integer() if "group" in keys else 1,
            )

    def _number(
        self, keys: Mapping[str, Located]
    ) -> tuple[NumberRange | None, tuple[tuple[int, str], ...]]:
        if "number" not in keys:
            return None, ()
        parts = keys["number"].mapping({"min", "max", "unit"}, {"min_label", "max_label"})
        lowest, highest = parts["min"].integer(), parts["max"].integer()
        if lowest >= highest:
            raise parts["max"].error("max must be more than min")
        number = NumberRange(
            lowest,
            highest,
            parts["unit"].text(),
            parts["min_label"].text() if "min_label" in parts else None,
            parts["max_label"].text() if "max_label" in parts else None,
        )
        ifs = []
        for element in keys["if"].elements() if "if" in keys else ():
            pair = element.mapping({"value", "text"})
            value = pair["value"].integer()
            if not lowest <= value <= highest:
                raise pair["value"].error(f"must lie from {lowest} to {highest}")
            ifs.append((value, pair["text"].text()))
        return number, tuple(ifs)

    def _read_phrases(self, question: str, body: Located) -> None:
        for use, patterns in body.items():
            self._store_phrases(question, use, patterns)

    def _store_phrases(self, name: str, use: str, body: Located) -> None:
        phrases = tuple(
            Phrase(element.text(), element.path, element.line) for element in body.elements()
        )
        if not phrases:
            return
        uses = self.phrases.setdefault(name, {})
        uses[use] = (*uses.get(use, ()), *phrases)

    # Rules

    def _read_derived(self, name: str, body: Located) -> None:
        if name in self.question_of or name in self.questions:
            raise body.error(f"'{name}' is already the id of a finding")
        keys = body.mapping({"label"}, {"any_of", "at_least", "of"})
        if "any_of" in keys:
            accepts: dict[str, frozenset[str] | range] = {}
            for finding, values in keys["any_of"].items():
                accepts.update(self._accepts(finding, values))
            self.derived[name] = AnyOf(name, accepts)
            return
        if "at_least" not in keys or "of" not in keys:
            raise body.error("needs either 'any_of', or 'at_least' with 'of'")
        signs = keys["of"].texts()
        for child, sign in zip(keys["of"].elements(), signs, strict=True):
            if sign not in self.question_of or not self.question_of[sign].signs:
                raise child.error(f"there is no sign '{sign}'")
        if len({self.question_of[sign].id for sign in signs}) != 1:
            raise keys["of"].error("the signs must stand in one checklist")
        count = keys["at_least"].integer()
        if not 2 <= count <= len(signs):
            raise keys["at_least"].error(f"must be from 2 to {len(signs)}")
        self.derived[name] = AtLeast(name, count, signs)

    def _accepts(self, finding: str, body: Located) -> dict[str, frozenset[str] | range]:
        """What a condition on one finding accepts; a checklist's `any` means any sign of it."""
        if finding in self.questions and self.questions[finding].signs:
            signs = self.questions[finding].findings
            word = _one_of(body, ("any", UNKNOWN))
            accepted = frozenset({PRESENT if word == "any" else UNKNOWN})
            return dict.fromkeys(signs, accepted)
        if finding not in self.question_of:
            raise body.error(f"there is no finding '{finding}'")
        question = self.question_of[finding]
        raw = body.raw
        if isinstance(raw, dict):
            if question.number is None:
                raise body.error(f"'{finding}' is not a number: name its values")
            bounds = body.mapping(set(), {"from", "to"})
            lowest = bounds["from"].integer() if "from" in bounds else question.number.minimum
            highest = bounds["to"].integer() if "to" in bounds else question.number.maximum
            number = question.number
            if not number.minimum <= lowest <= highest <= number.maximum:
                raise body.error(f"the bounds must lie from {number.minimum} to {number.maximum}")
            return {finding: range(lowest, highest + 1)}
        names = [body] if isinstance(raw, str) else body.elements()
        allowed: tuple[str, ...] = question.values
        if question.signs:
            allowed = (PRESENT,)
        return {finding: frozenset(_one_of(name, (*allowed, UNKNOWN)) for name in names)}

    def _condition(self, finding: str, body: Located) -> Condition:
        if finding in self.derived:
            if body.raw is not True:
                raise body.error(f"'{finding}' is derived: write `{finding}: true`")
            return self.derived[finding]
        return AnyOf(finding, self._accepts(finding, body))

    def _read_rules(self, body: Located, implied: str | None) -> None:
        """Reads rules; under a checklist sign, the sign's presence is implied."""
        for name, rule in body.items():
            conditions_key = "with" if implied else "when"
            required = {"then", "reason", "references"}
            keys = rule.mapping(
                required if implied else required | {"when"}, {"kept_because", conditions_key}
            )
            if name in self.rules:
                raise rule.error(f"the rule '{name}' stands already in {self.rules[name].origin}")
            conditions: list[Condition] = []
            if implied:
                conditions.append(AnyOf(implied, {implied: frozenset({PRESENT})}))
            if conditions_key in keys:
                conditions += [self._condition(f, v) for f, v in keys[conditions_key].items()]
            if not conditions:
                raise rule.error("a rule without a condition would always fire")
            self.rules[name] = Rule(
                id=name,
                when=tuple(conditions),
                then=self._disposition(keys["then"]),
                reason=keys["reason"].text(),
                references=self._cited(keys["references"]),
                origin=f"{rule.path.name}:{rule.line}",
                kept_because=keys["kept_because"].text() if "kept_because" in keys else None,
            )


def _one_of(body: Located, allowed: Iterable[str]) -> str:
    value = body.raw
    names = list(allowed)
    if value not in names or not isinstance(value, str):
        raise body.error(f"{value!r} is not allowed here; allowed: {', '.join(names)}")
    return value


def _id_of_file(body: Located, path: Path) -> str:
    name = body.text()
    if name != path.stem:
        raise body.error(f"the id '{name}' must be the file's name, '{path.stem}'")
    return name
