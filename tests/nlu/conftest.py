"""The product's own reader, and a parser over a freshly trained NLU pipeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot.catalogue import load_catalogue
from bot.nlu.reading import Reader, Reading
from bot.runtime import tensorflow_free

PROJECT = Path(__file__).parents[2]

#: Friday, 21 November 2025: the day on which every message of these tests is written.
TODAY = date(2025, 11, 21)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(load_catalogue())


@pytest.fixture(scope="session")
def read(reader: Reader) -> Callable[[str], Reading]:
    return lambda text: reader.read(text, TODAY)


@pytest.fixture(scope="session")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Trains the product's NLU once and gives a function from a text to what Rasa makes of it."""
    tensorflow_free.install()
    from rasa.core.channels.channel import UserMessage
    from rasa.engine.loader import load_predict_graph_runner
    from rasa.engine.runner.dask import DaskGraphRunner
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.model_training import train_nlu

    folder = tmp_path_factory.mktemp("nlu")
    model = train_nlu(
        str(PROJECT / "config.yml"),
        str(PROJECT / "data" / "nlu"),
        str(folder / "models"),
        domain=str(PROJECT / "domain.yml"),
    )
    assert model is not None
    (folder / "unpacked").mkdir()
    metadata, runner = load_predict_graph_runner(
        folder / "unpacked", Path(model), LocalModelStorage, DaskGraphRunner
    )

    def parsed(text: str) -> dict[str, Any]:
        message = UserMessage(text=text, metadata={"now": f"{TODAY}T10:00:00+00:00"})
        result = runner.run(inputs={"__message__": [message]}, targets=[metadata.nlu_target])
        return next(iter(result.values()))[0].as_dict(only_output_properties=True)

    return parsed
