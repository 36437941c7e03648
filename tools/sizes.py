"""Print how large modules and functions are, and fail where something should be looked at again.

The aims and limits are those of docs/architecture.md. A function's size is its lines without its docstring.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

SOURCE = Path("src/talktime")
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
ARGUMENTS_MAX = 8
LARGEST_SHOWN = 3
# What may exceed a limit, with the reason: {"src/talktime/room/file.py:function": "why"}
EXCEPTIONS: dict[str, str] = {}
# A migration lists a schema from top to bottom; splitting the list would only hide its order.
EXEMPT_FOLDERS = ("store/migrations/versions",)


@dataclass(frozen=True)
class Sized:
    """A module or function, where it stands, and one of its sizes."""

    where: str
    size: int


def main() -> int:
    """Print the table; 1 if something is to be looked at again, else 0."""
    paths = sorted(path for path in SOURCE.rglob("*.py") if not _is_exempt(path))
    if not paths:
        print("sizes: there is no source yet")
        return 0
    modules = [Sized(str(path), len(path.read_text("utf-8").splitlines())) for path in paths]
    functions = [found for path in paths for found in _functions(path)]
    lines = [Sized(where, _lines(node)) for where, node in functions]
    arguments = [Sized(where, _arguments(node)) for where, node in functions]

    print(f"{'size':<10} {'count':>6} {'median':>7} {'p90':>5} {'max':>5}   {'aim':<26} look again")
    _print_row("module", modules, aim="median ≤ 120, p90 ≤ 350", limit=MODULE_LINES_MAX)
    _print_row("function", lines, aim="median ≤ 10, p90 ≤ 30", limit=FUNCTION_LINES_MAX)
    _print_row("arguments", arguments, aim="≤ 5, keyword-only beyond 2", limit=ARGUMENTS_MAX)
    _print_largest("module", modules)
    _print_largest("function", lines)

    again = [
        *_beyond(modules, MODULE_LINES_MAX, "lines"),
        *_beyond(lines, FUNCTION_LINES_MAX, "lines"),
        *_beyond(arguments, ARGUMENTS_MAX, "arguments"),
    ]
    for message in again:
        print(f"look again: {message}")
    return 1 if again else 0


def _is_exempt(path: Path) -> bool:
    return path.relative_to(SOURCE).as_posix().startswith(EXEMPT_FOLDERS)


def _functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{path}:{node.name}", node


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    first = node.body[0]
    docstring_lines = 0
    if ast.get_docstring(node, clean=False) is not None:
        assert first.end_lineno is not None
        docstring_lines = first.end_lineno - first.lineno + 1
    return node.end_lineno - node.lineno + 1 - docstring_lines


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([argument for argument in every if argument.arg not in {"self", "cls"}])


def _print_row(name: str, sized: Sequence[Sized], *, aim: str, limit: int) -> None:
    sizes = sorted(item.size for item in sized) or [0]
    p90 = sizes[min(len(sizes) - 1, len(sizes) * 9 // 10)]
    print(f"{name:<10} {len(sized):>6} {median(sizes):>7.0f} {p90:>5} {sizes[-1]:>5}   {aim:<26} > {limit}")


def _print_largest(name: str, sized: Sequence[Sized]) -> None:
    largest = sorted(sized, key=lambda item: -item.size)[:LARGEST_SHOWN]
    print(f"largest {name}s: " + ", ".join(f"{item.where} ({item.size})" for item in largest))


def _beyond(sized: Sequence[Sized], limit: int, unit: str) -> Iterator[str]:
    for item in sized:
        if item.size > limit and item.where not in EXCEPTIONS:
            yield f"{item.where} has {item.size} {unit}; the limit is {limit}"


if __name__ == "__main__":
    sys.exit(main())
