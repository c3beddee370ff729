"""Rasa's own command line with our patches: `kneewise rasa shell`, `train`, `test`, ...

Each works as a Rasa developer knows it, without TensorFlow, with the actions in the same process,
the same stores as the server (endpoints.yml names both), and nothing reported to anyone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    """Run Rasa with these arguments, as typed after `rasa`; returns its exit code."""
    from bot.runtime import tensorflow_free

    os.environ["RASA_TELEMETRY_ENABLED"] = "false"
    tensorflow_free.install()
    # Rasa's own script makes the modules of the project importable in the same way.
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = ["rasa", *arguments]

    from bot.runtime.agent import install_patches

    install_patches()

    from rasa.__main__ import main as rasa_main

    try:
        rasa_main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
