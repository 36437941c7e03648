"""Rules of docs/style.md and docs/architecture.md that no linter knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES_THAT_SAY_NOTHING = {"base", "common", "helper", "helpers", "manager", "util", "utils"}
MONEY_ROOMS = ("values", "rates", "credit", "calls", "audit.py")
UNTRACKED_FOLDERS = {".venv", ".git", "demo", "dist", "node_modules"}
TEXT_SUFFIXES = {
    ".cfg",
    ".css",
    ".html",
    ".js",
    ".lock",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


@pytest.fixture(scope="session")
def source_paths(repository: Path) -> list[Path]:
    return sorted((repository / "src/talktime").rglob("*.py"))


def test_no_todo_without_an_issue(repository: Path) -> None:
    todo = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
    code = [path for path in _files(repository) if path.suffix in {".py", ".sh", ".sql", ".js", ".toml"}]

    found = [
        f"{path}:{number}"
        for path in code
        if path.name != Path(__file__).name
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if todo.search(line) and "TD0" not in line and "FIX0" not in line
    ]

    assert found == []


def test_money_never_meets_a_float(repository: Path) -> None:
    core = repository / "src/talktime/core"
    paths = [path for room in MONEY_ROOMS for path in _python_files(core / room)]

    found = [f"{path}:{line}" for path in paths for line in _lines_with_floats(path)]

    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "cost = 0.0135",
        "cost = float(text)",
        "cost = minutes / 60",
        "cost /= 60",
        "def f(cost: float): ...",
        "x = 1e6",
    ],
)
def test_the_search_for_floats_finds_them(tmp_path: Path, source: str) -> None:
    path = tmp_path / "money.py"
    path.write_text(source, "utf-8")

    assert list(_lines_with_floats(path)) == [1]


def test_a_module_is_named_after_what_it_holds(repository: Path) -> None:
    folders = ("src", "tests", "benchmarks", "tools")
    paths = [path for folder in folders for path in _python_files(repository / folder)]

    assert [path for path in paths if NAMES_THAT_SAY_NOTHING & {path.stem, path.parent.name}] == []


def test_every_module_opens_with_one_sentence(source_paths: list[Path]) -> None:
    without = [path for path in source_paths if not _opens_with_a_sentence(path)]

    assert without == []


def test_every_ignored_lint_rule_has_its_reason(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text("utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pylint]")]
    ignores = [line for line in ruff.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]

    assert len(ignores) > 0
    assert [line for line in ignores if not re.search(r"# \S.{8,}", line)] == []


def test_lock_files_carry_hashes_and_no_addresses(repository: Path) -> None:
    locks = sorted(repository.glob("requirements*.lock"))

    assert len(locks) == 4
    for lock in locks:
        text = lock.read_text("utf-8")
        requirements = re.findall(r"^[a-z0-9][^\s]*==", text, re.MULTILINE)
        hashed = re.findall(r"^[a-z0-9][^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)
        assert "://" not in text
        assert "--find-links" not in text
        assert "--index" not in text
        assert len(hashed) == len(requirements) > 0
    assert not (repository / "uv.lock").exists()


def test_the_locks_agree_with_each_other(repository: Path) -> None:
    pinned = [_pins(path) for path in sorted(repository.glob("requirements*.lock"))]

    differing = {
        name for one in pinned for other in pinned for name in one.keys() & other.keys() if one[name] != other[name]
    }

    assert differing == set()


def test_what_ci_runs_is_what_people_run(repository: Path) -> None:
    script = repository / ".ci/run"

    subprocess.run(["bash", "-n", script], check=True)
    assert "make check test" in script.read_text("utf-8")
    assert script.stat().st_mode & 0o111


def test_every_make_word_in_the_readme_exists(repository: Path) -> None:
    makefile = (repository / "Makefile").read_text("utf-8")
    words = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))

    for page in ("README.md", "CONTRIBUTING.md"):
        used = set(re.findall(r"(?:`|^ *)make ([a-z]+)", (repository / page).read_text("utf-8"), re.MULTILINE))
        assert used - words == set()


def test_links_between_pages_lead_somewhere(repository: Path) -> None:
    pages = [*repository.glob("*.md"), *(repository / "docs").rglob("*.md")]

    broken = [
        f"{page.relative_to(repository)} → {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_decisions_are_short_and_numbered_in_order(repository: Path) -> None:
    decisions = sorted((repository / "docs/decisions").glob("[0-9]*.md"))

    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text("utf-8")
        prose = [line for line in text.splitlines() if not line.startswith("|")]
        assert len(prose) <= 40, path
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences", "Alternatives")), path


def _files(repository: Path) -> Iterator[Path]:
    for path in sorted(repository.rglob("*")):
        if UNTRACKED_FOLDERS.isdisjoint(path.relative_to(repository).parts) and path.suffix in TEXT_SUFFIXES:
            yield path


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.exists() else []


def _lines_with_floats(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), filename=str(path))):
        match node:
            case ast.Constant(value=float()) | ast.Name(id="float"):
                yield node.lineno
            # `/` of two integers is a float; whole numbers are divided by name: money.divide, //.
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno


def _opens_with_a_sentence(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"), filename=str(path)))
    first_paragraph = (docstring or "").partition("\n\n")[0].rstrip()
    return first_paragraph.endswith((".", ":", "?", "!"))


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text("utf-8"), re.MULTILINE))
