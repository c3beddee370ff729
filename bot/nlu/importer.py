"""Adds the FAQ phrasings of the knowledge files to Rasa's training data.

So an answer of general interest is one file in bot/knowledge/faq and nothing else.
"""

from __future__ import annotations

from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.catalogue import load_catalogue


class KneewiseImporter(RasaFileImporter):  # type: ignore[misc]  # Rasa is untyped
    """Rasa's file importer, and every FAQ phrasing as an example of the intent `faq`."""

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        phrasings = [
            Message.build(phrasing, intent="faq")
            for topic in load_catalogue().faq.values()
            for phrasing in topic.phrasings
        ]
        data: TrainingData = super().get_nlu_data(language)
        return data.merge(TrainingData(phrasings))
