"""The wheel, built from the source distribution and installed into an empty environment.

Nothing is downloaded: the environment gets the third-party libraries from the one that runs the
tests. A path file adds their folder without reading the path files in it, so the editable
installation of policyc stays invisible.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import requires
from pathlib import Path

import pytest

# One worker builds and installs for all of these tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

ROOT = Path(__file__).parents[2]
NO_SOURCE = {".git", ".venv", "build", "dist", "__pycache__"}


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("build")
    checkout = folder / "checkout"
    copy_checkout(checkout)
    built = run(sys.executable, "-m", "build", "--no-isolation", folder=checkout)
    assert built.returncode == 0, built.stdout + built.stderr
    (source,) = (checkout / "dist").glob("*.tar.gz")
    (wheel,) = (checkout / "dist").glob("*.whl")
    return source, wheel


def copy_checkout(target: Path) -> None:
    def unwanted(_folder: str, names: list[str]) -> set[str]:
        return {n for n in names if n in NO_SOURCE or n.endswith(("_cache", ".egg-info"))}

    shutil.copytree(ROOT, target, symlinks=True, ignore=unwanted)


@pytest.fixture(scope="module")
def installed(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has the wheel."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    programs = folder / "bin"
    done = run(
        *(sys.executable, "-m", "pip", "--python", programs / "python", "install"),
        *("--no-index", "--no-deps", distributions[1]),
        folder=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
    Path(packages, "libraries.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return programs


def test_the_wheel_holds_every_module_and_data_file_and_no_more(
    distributions: tuple[Path, Path],
) -> None:
    with zipfile.ZipFile(distributions[1]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        f"policyc/{file.relative_to(top)}" if top.name == "policyc" else f"policyc/{file}"
        for top, file in shipped_files()
    }
    assert held == wanted


def shipped_files() -> list[tuple[Path, Path]]:
    """Every file to ship, and the folder it is under; those of the layers from the checkout."""
    suffixes = {".py", ".lark", ".inv", ".md", ".json", ".yaml", ".toml", ".bin", ".typed"}
    found = []
    facade = ROOT / "src" / "policyc"
    for file in [*facade.glob("*"), *(facade / "cli").rglob("*")]:
        if file.suffix in suffixes:
            found.append((facade, file))
    for layer in ("grammar", "compiler", "runtime", "policies"):
        for file in (ROOT / layer).rglob("*"):
            if file.suffix in suffixes:
                found.append((ROOT / layer, file.relative_to(ROOT)))
    return found


def test_the_source_distribution_holds_tests_docs_and_examples(
    distributions: tuple[Path, Path],
) -> None:
    with tarfile.open(distributions[0]) as source:
        held = {name.partition("/")[2] for name in source.getnames()}
    for folder in ("tests", "docs", "examples"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert str(file.relative_to(ROOT)) in held
    assert {"Makefile", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= held


def test_the_command_line_of_the_installed_wheel_works_from_any_folder(
    installed: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "names.inv"
    policy.write_text('raise "found" if:\n    (m: Message)\n    "a" in m.content\n', "utf-8")
    trace = tmp_path / "trace.json"
    trace.write_text('[{"role": "user", "content": "banana"}]', "utf-8")

    where = run(
        installed / "python", "-c", "import policyc; print(policyc.__file__)", folder=trace.parent
    )
    assert Path(where.stdout.strip()).is_relative_to(installed.parent)
    assert run(installed / "policyc", "check", "names.inv", folder=tmp_path).returncode == 0
    judged = run(installed / "policyc", "eval", "names.inv", "trace.json", folder=tmp_path)
    assert (judged.returncode, "found" in judged.stdout) == (1, True), judged.stderr


def test_the_data_files_of_the_installed_wheel_are_found(installed: Path, tmp_path: Path) -> None:
    tested = run(installed / "policyc", "test", "policy:secrets", folder=tmp_path)
    assert (tested.returncode, tested.stderr) == (0, ""), tested.stdout
    schema = run(installed / "policyc", "test", "--schema", folder=tmp_path)
    assert schema.stdout.startswith("{"), schema.stderr
    listed = run(installed / "policyc", "policies", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    name = listed.stdout.split()[0]
    assert run(installed / "policyc", "check", f"policy:{name}", folder=tmp_path).returncode == 0
    page = run(installed / "policyc", "explain", "E0301", folder=tmp_path)
    assert "E0301" in page.stdout, page.stderr
    as_module = run(installed / "python", "-m", "policyc", "--version", folder=tmp_path)
    assert "policyc" in as_module.stdout, as_module.stderr


def test_every_third_party_library_that_is_imported_is_required() -> None:
    required = {re.match(r"[\w.-]+", line)[0] for line in requires("policyc") or ()}
    modules = {
        "PIL": "pillow",
        "ada_url": "ada-url",
        "openhands": "openhands-sdk",
        "presidio_analyzer": "presidio-analyzer",
        "re2": "google-re2",
        "ruamel": "ruamel.yaml",
        "prometheus_client": "prometheus-client",
        "tree_sitter": "tree-sitter",
        "tree_sitter_bash": "tree-sitter-bash",
        "tree_sitter_powershell": "tree-sitter-powershell",
        "websocket": "websocket-client",
    }
    imported = set()
    for _, file in shipped_files():
        path = file if file.is_absolute() else ROOT / file
        if path.suffix == ".py":
            imported |= top_level_imports(path.read_text("utf-8"))
    # Of model2vec's own requirements, through which it reads models, and of fastapi's.
    of_others = {"safetensors", "starlette"}
    foreign = imported - set(sys.stdlib_module_names) - {"policyc"} - of_others
    assert {modules.get(name, name) for name in foreign} <= required


def top_level_imports(code: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names
