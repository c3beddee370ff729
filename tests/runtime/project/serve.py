"""Serves the project in this folder with the real launcher: `python serve.py`."""

from pathlib import Path

from bot.runtime.launcher import build_app, listening_socket, prepare_process, run
from bot.settings import settings_from

if __name__ == "__main__":
    settings = settings_from()
    prepare_process(settings)
    bound = listening_socket(settings.host, settings.port)
    run(build_app(settings, project=Path(__file__).resolve().parent), bound)
