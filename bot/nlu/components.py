"""The parts of Rasa's NLU pipeline that are ours; config.yml puts them in order.

- `KneewiseTokenizer` gives Rasa the same words as the reader.
- `NgramIntentClassifier` guesses the intent.
- `FaqMatcher` finds which question of general interest a message asks.
- `FindingExtractor` comes last: it adds what the reader found and has the last word on the
  intent, because a danger sign must not depend on a statistical guess.

Knowledge is read when a component is loaded, not stored in the model, so that words added to a
YAML file cannot be older than the rest; the model is trained anew when they change anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import joblib  # type: ignore[import-untyped]
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.pipeline import Pipeline, make_pipeline, make_union  # type: ignore[import-untyped]

from bot.catalogue import Catalogue, load_catalogue
from bot.clinical.model import Knowledge
from bot.nlu.intents import settle_intent
from bot.nlu.ngrams import LinearClassifier, Neighbours
from bot.nlu.reading import Mention, Reader, Reading, shared_reader
from bot.nlu.tokens import normalise, split

# Intents that are about one of the questions, which the message may name.
_ABOUT_A_QUESTION = frozenset({"correct", "explain", "why"})
# A slash at the start and a name: somebody tries a command. It is text, and says nothing of a knee.
_COMMAND = re.compile(r"^\s*/\w+\s*(\{.*\})?\s*$", re.DOTALL)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class KneewiseTokenizer(Tokenizer):  # type: ignore[misc]  # Rasa is untyped
    """spaCy tokens with contractions undone; offsets are those of the original text."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """What Rasa's tokenizers expect to be there; intents are never split."""
        return {
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
        }

    @staticmethod
    def required_packages() -> list[str]:
        return ["spacy"]

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """The words of a message; marks between them carry no features."""
        words = split(message.get(attribute) or "")
        return [
            Token(word.norm, word.start, word.end)
            for word in words
            if word.norm not in (".", ",", "-", ":")
        ]


_LONGEST = 60
"""Words looked at for the intent; what a long description wants shows in its beginning."""


def intent_line(text: str) -> str:
    """A message as the intent classifier sees it: its first words, without marks."""
    words = [word.norm for word in split(text) if word.norm not in (".", ",", "-", ":")]
    return " ".join(words[:_LONGEST])


def intent_model(inverse_regularisation: float = 20.0) -> Pipeline:
    """The classifier, untrained; chosen in docs/decisions/intent-classifier.md."""
    features = make_union(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True),
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+"),  # noqa: S106  # no password
    )
    regression = LogisticRegression(
        C=inverse_regularisation, class_weight="balanced", max_iter=1000
    )
    return make_pipeline(features, regression)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class NgramIntentClassifier(GraphComponent):  # type: ignore[misc]  # Rasa is untyped
    """Guesses the intent: TF-IDF over words and character n-grams, logistic regression.

    Rasa's own LogisticRegressionClassifier raises on a message without a single known character
    ("???", an emoji), which would make that message impossible to answer; its raw counts also
    do not converge.  Below `threshold` the intent is `nlu_fallback`, with the guess kept in
    `intent_ranking`.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"threshold": 0.3, "inverse_regularisation": 20.0}

    @classmethod
    def required_components(cls) -> list[type]:
        return [Tokenizer]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> NgramIntentClassifier:
        return cls(config, model_storage, resource, None)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> NgramIntentClassifier:
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, joblib.load(folder / "intents.joblib"))

    def __init__(
        self,
        config: Mapping[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: Pipeline | None,
    ) -> None:
        self._config = config
        self._storage = model_storage
        self._resource = resource
        self._model = None if model is None else LinearClassifier(model)

    def train(self, training_data: TrainingData) -> Resource:
        """Learns from every example that has an intent, and keeps the result in the model."""
        examples = [e for e in training_data.intent_examples if e.get("text")]
        model = intent_model(self._config["inverse_regularisation"])
        lines = [intent_line(example.get("text")) for example in examples]
        model.fit(lines, [example.get("intent") for example in examples])
        self._model = LinearClassifier(model)
        with self._storage.write_to(self._resource) as folder:
            joblib.dump(model, folder / "intents.joblib")
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            line = intent_line(message.get("text") or "")
            ranking: list[dict[str, Any]] = []
            if line and self._model is not None:
                likeliest = sorted(
                    zip(self._model.chances(line), self._model.classes, strict=True),
                    key=lambda pair: -pair[0],
                )
                ranking = [
                    {"name": str(name), "confidence": float(chance)}
                    for chance, name in likeliest[:5]
                ]
            best = ranking[0] if ranking else {"name": "nlu_fallback", "confidence": 1.0}
            confidence = float(ranking[0]["confidence"]) if ranking else 1.0
            if confidence < self._config["threshold"]:
                best = {"name": "nlu_fallback", "confidence": 1.0 - confidence}
            message.set("intent", best, add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class FaqMatcher(GraphComponent):  # type: ignore[misc]  # Rasa is untyped
    """Names the FAQ topic whose phrasings are nearest: entity `faq_topic`, with its similarity.

    TF-IDF over character n-grams (3 to 5, within words) and cosine similarity, 0 to 1.  A message
    that nearly repeats a phrasing is an FAQ whatever the classifier thought.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`least`: similarity below which no topic is named; `sure`: from which it decides."""
        return {"least": 0.3, "sure": 0.75}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FaqMatcher:
        return cls(config, load_catalogue())

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> FaqMatcher:
        return cls(config, load_catalogue())

    def __init__(self, config: Mapping[str, Any], catalogue: Catalogue) -> None:
        self._least = float(config["least"])
        self._sure = float(config["sure"])
        pairs = [
            (topic.id, _plain(phrasing))
            for topic in catalogue.faq.values()
            for phrasing in topic.phrasings
        ]
        self._topics = [topic for topic, _ in pairs]
        self._phrasings: Neighbours | None = None
        if pairs:
            texts = [text for _, text in pairs]
            vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5)).fit(texts)
            self._phrasings = Neighbours(vectorizer, texts)

    def nearest(self, text: str) -> tuple[str, float] | None:
        """The nearest topic and its similarity, or None when there are no topics at all."""
        if self._phrasings is None:
            return None
        place, similarity = self._phrasings.nearest(_plain(text))
        return self._topics[place], similarity

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get("text")
            found = self.nearest(text) if text else None
            guess = message.get("intent") or {"name": "nlu_fallback"}
            asked = guess["name"] == "faq"
            if found is None or found[1] < (self._least if asked else self._sure):
                continue
            topic, similarity = found
            guessed = guess["name"] != "nlu_fallback"
            # "My knee hurts when I run" is a description, however near "why does my knee hurt".
            if not asked and guessed and similarity <= guess["confidence"]:
                continue
            entity = {
                "entity": "faq_topic",
                "value": topic,
                "start": 0,
                "end": len(text),
                "confidence_entity": similarity,
                "extractor": type(self).__name__,
            }
            message.set("entities", [*message.get("entities", []), entity], add_to_output=True)
            if similarity >= self._sure:
                message.set("intent", {"name": "faq", "confidence": similarity}, add_to_output=True)
        return messages


def _plain(text: str) -> str:
    return " ".join(word.norm for word in split(normalise(text)) if word.norm not in (".", ","))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class FindingExtractor(GraphComponent):  # type: ignore[misc]  # Rasa is untyped
    """Adds the findings of a message as entities and settles its intent.

    Entities: one a mention (`entity` is the finding's id; see `Mention` for the other keys);
    `about` with the id of a question that a correction or a "what does that mean" names;
    `correction` with the words that take something back ("sorry, I meant"); `body_part` for
    another part of the body than the knee.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FindingExtractor:
        return cls(shared_reader(), load_catalogue().knowledge)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> FindingExtractor:
        return cls(shared_reader(), load_catalogue().knowledge)

    def __init__(self, reader: Reader, knowledge: Knowledge) -> None:
        self._reader = reader
        self._knowledge = knowledge

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            text = message.get("text")
            if not text:
                continue
            command = _COMMAND.match(text) is not None
            reading = Reading() if command else self._reader.read(text, _day(message))
            settled = settle_intent(
                message.get("intent") or {}, reading, self._knowledge, text, is_command=command
            )
            message.set("intent", settled, add_to_output=True)
            entities = [
                *message.get("entities", []),
                *(
                    _entity(m)
                    for m in reading.mentions
                    if not self._only_named(m, reading, settled)
                ),
            ]
            if settled["name"] in _ABOUT_A_QUESTION:
                entities += [{"entity": "about", "value": topic} for topic in reading.topics]
            if reading.correction:
                start, end = reading.correction
                entities.append(
                    {"entity": "correction", "value": text[start:end], "start": start, "end": end}
                )
            if reading.body_part:
                entities.append({"entity": "body_part", "value": reading.body_part})
            message.set("entities", entities, add_to_output=True)
        return messages

    def _only_named(self, mention: Mention, reading: Reading, intent: Mapping[str, Any]) -> bool:
        """Whether the topic is only named: "change what I said about swelling" says of none."""
        return (
            intent["name"] in _ABOUT_A_QUESTION
            and mention.value == "unspecified"
            and self._knowledge.question_of(mention.finding).id in reading.topics
        )


def _entity(mention: Mention) -> dict[str, Any]:
    return {
        "entity": mention.finding,
        "value": mention.value,
        "start": mention.start,
        "end": mention.end,
        "polarity": mention.polarity,
        "current": mention.current,
        "uncertain": mention.uncertain,
        "cue": mention.cue,
        "reason": mention.reason,
        "in_part": mention.in_part,
        "extractor": FindingExtractor.__name__,
    }


def _day(message: Message) -> date:
    """The day of the message on the clinic's clock; today where nobody says (`rasa test`)."""
    now = (message.get("metadata") or {}).get("now")
    moment = datetime.fromisoformat(now) if isinstance(now, str) else datetime.now().astimezone()
    return moment.date()
