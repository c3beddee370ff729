"""What Rasa's own source says, to notice when it changes under a patch of ours."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import rasa


def digest_of(path: str, name: str) -> str:
    """Hash of a function of Rasa, without its docstring and layout.

    Args:
        path: of the file within the package, such as `core/agent.py`.
        name: of the function, `Class.method` for a method.

    Raises:
        LookupError: Rasa has no such function any more.
    """
    tree: ast.AST = ast.parse((Path(rasa.__file__).parent / path).read_text(encoding="utf-8"))
    for part in name.split("."):
        tree = next(
            (
                node
                for node in ast.iter_child_nodes(tree)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and node.name == part
            ),
            None,
        ) or _missing(path, name)
    body = tree.body if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) else []
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    dumped = "\n".join(ast.dump(statement) for statement in body)
    return hashlib.sha256(dumped.encode()).hexdigest()[:16]


def _missing(path: str, name: str) -> ast.AST:
    raise LookupError(f"rasa/{path} has no {name}")
