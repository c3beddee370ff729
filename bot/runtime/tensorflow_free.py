"""Rasa without TensorFlow: stand-ins for the modules that Rasa imports in any case.

Rasa 3.6 imports TensorFlow as soon as an agent is imported (`rasa/core/agent.py` reaches
`rasa/utils/tensorflow/callback.py`), although a rules-only assistant never runs a line of it.
That costs 5 s of start-up, some 300 MB of memory and 2 GB of disk. `install()` puts a finder in
front of Python's own that serves an empty stand-in for exactly the modules in `SERVED`; a name
taken from one of them can be subclassed, used as a decorator or written in a type hint, nothing
more. A component that really needs TensorFlow (DIET, TED, ...) says so when it is created.

Any other module below `tensorflow` stays missing, so a package that only probes for it (thinc
tries `tensorflow.experimental.dlpack`) finds it absent, as it is.

`install()` must run before the first `import rasa`.  It does nothing when it is already in place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

SERVED = frozenset(
    {
        "keras",
        "keras.utils",
        "keras.utils.control_flow_util",
        "keras.utils.tf_utils",
        "tensorflow",
        "tensorflow.keras",
        "tensorflow.keras.backend",
        "tensorflow.keras.callbacks",
        "tensorflow.keras.utils",
        "tensorflow.python",
        "tensorflow.python.eager",
        "tensorflow.python.eager.wrap_function",
        "tensorflow.python.types",
        "tensorflow.python.types.core",
        "tensorflow.types",
        "tensorflow.types.experimental",
    }
)
"""Every TensorFlow or Keras module that a module of Rasa names at import."""


class _Absent(type):
    """Metaclass of the stand-ins: any attribute is a stand-in, calling one decorates.

    A class of Rasa's that inherits from a stand-in cannot be created: it would need
    TensorFlow to do its work.
    """

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(f"{cls.__qualname__}.{name}")

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        if "_stands_in_for" not in vars(cls):
            raise ModuleNotFoundError(
                f"{cls.__module__}.{cls.__qualname__} needs TensorFlow, which Kneewise does not "
                "install. Take the component out of config.yml.",
                name="tensorflow",
            )
        if len(arguments) == 1 and callable(arguments[0]) and not options:
            return arguments[0]
        return lambda decorated: decorated


def _stand_in(name: str) -> _Absent:
    return _Absent(name, (), {"_stands_in_for": name})


class _AbsentModule(ModuleType):
    """A module of which every public name is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        stand_in = _stand_in(name)
        setattr(self, name, stand_in)
        return stand_in


class StandIns(MetaPathFinder, Loader):
    """Serves a stand-in for each of these modules, and nothing for any other."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.names:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


def install() -> None:
    """Serve the stand-ins from now on.

    Raises:
        RuntimeError: when the real TensorFlow is already imported (the saving is lost).
    """
    if "tensorflow" in sys.modules and not isinstance(sys.modules["tensorflow"], _AbsentModule):
        raise RuntimeError("tensorflow is already imported: call install() before importing rasa")
    serve_stand_ins(SERVED)


def serve_stand_ins(names: frozenset[str]) -> None:
    """Serve stand-ins for these modules from now on, once; those already imported stay."""
    served = [finder.names for finder in sys.meta_path if isinstance(finder, StandIns)]
    if names not in served:
        sys.meta_path.insert(0, StandIns(names))
