"""The catalogue: what a policy can name, and where the functions come from."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import policyc
from policyc.compiler.signatures import FunctionKind, Param, Signature
from policyc.compiler.typesystem import ANY, MEMBERS, NUMBER, TEXT, Type
from policyc.runtime import extensions, records
from policyc.runtime.detectors.shell import records as shell_records
from policyc.runtime.extensions import ExtensionError, catalogue, describe, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPECIAL = {
    "text",
    "image",
    "find",
    "match",
    "tool_call",
    "server",
    "derives",
    "provenance",
    "print",
    "Violation",
    "PolicyViolation",
}


def rows() -> list[Signature]:
    default = catalogue()
    modules = [default.modules[name] for name in default.modules if name != extensions.PLUGINS]
    found = [*default.builtins.values(), *(f for m in modules for f in m.functions.values())]
    return list({id(row): row for row in found}.values())


def test_the_default_catalogue_is_made_once() -> None:
    assert catalogue() is catalogue({}) is catalogue(None)


def test_the_built_ins_of_the_language_are_there() -> None:
    default = catalogue()
    assert {"any", "all", "len", "min", "max", "sum", "json_loads", "only", "subset"} <= set(
        default.builtins
    )
    specials = {row.name for row in rows() if row.kind is FunctionKind.SPECIAL}
    assert specials == SPECIAL
    invariant = default.modules["invariant"]
    assert default.builtins.items() <= invariant.functions.items()
    assert {"Message", "ToolCall", "Input"} <= set(invariant.types)
    assert invariant.quantifiers == {"count", "forall"}
    assert default.modules["math"].constants["pi"] == pytest.approx(3.14159265)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_every_row_has_exactly_one_way_to_be_called(row: Signature) -> None:
    is_special = row.kind is FunctionKind.SPECIAL
    ways = [is_special, bool(row.implementation), row.missing is not None]
    assert ways.count(True) == 1
    assert row.doc.endswith(".")


@pytest.mark.parametrize("row", [row for row in rows() if row.implementation], ids=lambda r: r.name)
def test_every_function_takes_what_its_row_says(row: Signature) -> None:
    kinds = inspect.Parameter
    told = list(inspect.signature(load(row)).parameters.values())
    parameters = row.parameters
    if row.kind is FunctionKind.DETECTOR:
        assert told[0].name == "text"
        assert parameters[-1].name == "on_error"  # the engine's, not the function's
        told, parameters = told[1:], parameters[1:-1]
    if row.kind is FunctionKind.READER:
        assert told.pop().name == "place"
    if row.kind is FunctionKind.SERVICE:
        assert told.pop().name == "evaluation"
    named = [parameter for parameter in told if parameter.kind is not kinds.VAR_POSITIONAL]
    assert row.variadic is (len(named) < len(told))
    if row.variadic:  # what stands before the rest is part of it
        parameters = tuple(parameter for parameter in parameters if parameter.keyword_only)
    assert [parameter.name for parameter in named] == [parameter.name for parameter in parameters]
    for function, parameter in zip(named, parameters, strict=True):
        assert (function.default is kinds.empty) is parameter.is_required
        assert (function.kind is kinds.KEYWORD_ONLY) is parameter.keyword_only


SHELL = [name for name in MEMBERS if name.startswith("Shell")]


@pytest.mark.parametrize(
    "name", ["CodeIssue", "HtmlCode", "ImageWord", "File", "PythonCode", *SHELL]
)
def test_records_have_the_members_that_the_compiler_knows(name: str) -> None:
    module = shell_records if name in SHELL else records
    assert set(getattr(module, name).__dataclass_fields__) == set(MEMBERS[name])


def test_a_missing_detector_says_why() -> None:
    missing = Signature("one", missing="this version of policyc has no model for it")
    with pytest.raises(ExtensionError, match="`one` is not available: this version of policyc"):
        load(missing)


def test_the_special_functions_have_nothing_to_load() -> None:
    with pytest.raises(ExtensionError, match="`find` has no implementation"):
        load(catalogue().builtins["find"])


def test_importing_the_catalogue_loads_no_implementation() -> None:
    script = (
        "import sys; from policyc.runtime.extensions import catalogue; c = catalogue(); "
        "len(c.modules), c.modules['invariant.detectors']; "
        "print([m for m in ('re2', 'regex', 'lark', 'html', 'json', 'importlib.metadata', "
        "'policyc.runtime.detectors.secrets', 'policyc.runtime.builtins.sequences') "
        "if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


# --- functions of the host ----------------------------------------------------------------------


class Person:
    """Somebody."""

    def __init__(self, name: str, age: int = 0) -> None:
        self.name = name
        self.age = age


def test_functions_of_the_host() -> None:
    def is_known(name: str, *others: str, strict: bool = False, weight: float = 1) -> bool:
        """Whether a person is known.

        And more.
        """
        return bool(name or others or strict or weight)

    own = catalogue({"is_known": is_known, "size": len})
    row = own.host["is_known"]
    assert row.parameters == (
        Param("name", TEXT),
        Param("strict", Type("bool"), None, keyword_only=True),
        Param("weight", NUMBER, None, keyword_only=True),
    )
    assert (row.result, row.variadic, row.any_keywords) == (Type("bool"), True, False)
    assert row.doc == "Whether a person is known."
    assert not row.deterministic
    assert own.load(row) is is_known
    assert own.load(own.builtins["len"])([1]) == 1
    assert own.load(own.host["size"]) is len


def test_a_class_of_the_host_is_a_type_too() -> None:
    own = catalogue({"Person": Person})
    assert own.types == {"Person": Type("Person")}
    assert own.classes == {"Person": Person}
    assert own.host["Person"].result == Type("Person")
    assert [parameter.name for parameter in own.host["Person"].parameters] == ["name", "age"]
    assert own.load(own.host["Person"])("a").name == "a"


def test_a_function_that_does_not_tell_its_parameters_takes_any() -> None:
    row = describe("f", min)
    assert row.variadic
    assert row.any_keywords
    assert row.result == ANY


def test_a_signature_of_the_host_is_taken_as_it_is() -> None:
    row = Signature("other", (Param("x"),), implementation="math:sqrt")
    own = catalogue({"root": row})
    assert own.host["root"].name == "root"
    assert own.load(own.host["root"])(9) == 3


def test_two_hosts_may_use_one_name() -> None:
    first, second = catalogue({"f": abs}), catalogue({"f": len})
    assert first.load(first.host["f"]) is abs
    assert first.load(pickle.loads(pickle.dumps(first.host["f"]))) is abs
    assert second.load(second.host["f"]) is len
    with pytest.raises(ExtensionError):
        first.load(second.host["f"])


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ({"not a name": len}, "`not a name` cannot be the name"),
        ({"é": len}, "`é` cannot be the name"),
        ({"if": len}, "`if` cannot be the name"),
        ({"f": 3}, "`f` is not a function"),
        ({"f": Signature("f")}, "the signature of `f` names no implementation"),
    ],
)
def test_what_a_host_cannot_pass(functions: Any, message: str) -> None:
    with pytest.raises(ExtensionError, match=message):
        catalogue(functions)


@pytest.mark.parametrize(
    ("implementation", "message"),
    [
        ("no_such_module_x:f", "`no_such_module_x:f` cannot be loaded"),
        ("math:no_such", "`math:no_such` cannot be loaded"),
        ("math:pi", "`math:pi` is not a function"),
    ],
)
def test_an_implementation_that_is_not_there(implementation: str, message: str) -> None:
    with pytest.raises(ExtensionError, match=message):
        load(Signature("f", implementation=implementation))


# --- plug-ins -----------------------------------------------------------------------------------

PLUGIN = """
from policyc.compiler.signatures import Answer, FunctionKind, Param, Signature
from policyc.compiler.typesystem import BOOL
from policyc.runtime.detectors.protocol import Detection

def animals(text, kind="cat"):
    '''Animals in a text.'''
    start = text.find(kind)
    return [] if start < 0 else [Detection(kind, start, start + len(kind))]

described = Signature("any_name", (Param("data"),), BOOL, kind=FunctionKind.DETECTOR,
                      answer=Answer.FOUND, implementation="plugin_of_a_test:animals")
number = 3

def annotated(text: str) -> list[Detection]:
    return animals(text)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a distribution with entry points that only this test sees."""
    (tmp_path / "plugin_of_a_test.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin_of_a_test.py").write_text("raise RuntimeError('out of order')")
    monkeypatch.syspath_prepend(tmp_path)

    def make(distribution: str, *entries: str) -> None:
        folder = tmp_path / f"{distribution}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text("\n".join(["[policyc.detectors]", *entries]))

    extensions.plugins.cache_clear()
    yield make
    extensions.plugins.cache_clear()
    for name in ("plugin_of_a_test", "broken_plugin_of_a_test"):
        sys.modules.pop(name, None)


def test_plug_ins_are_importable_functions(install: Any) -> None:
    install("zoo", "animals = plugin_of_a_test:animals", "described = plugin_of_a_test:described")
    default = catalogue()
    module = default.modules["policyc.detectors"]
    animals = module.functions["animals"]
    assert animals.kind is FunctionKind.DETECTOR
    assert [parameter.name for parameter in animals.parameters] == ["text", "kind", "on_error"]
    assert animals.version == "1.0"
    assert default.load(animals)("a cat")[0].start == 2
    described = module.functions["described"]
    assert described.name == "described"
    assert default.load(described) is default.load(animals)


def test_a_plug_in_that_names_the_type_of_its_text_takes_messages(install: Any) -> None:
    install("zoo", "animals = plugin_of_a_test:annotated")
    policy = policyc.Policy.from_string(
        "from policyc.detectors import animals\n"
        'raise "x" if:\n    (m: Message)\n    any(animals(m))\n'
    )
    (violation,) = policy.analyze([{"role": "user", "content": "a cat"}])
    assert violation.ranges == ["0", "0.content:2-5"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("broken_plugin_of_a_test:f", "the plug-in of `zoo 1.0` cannot be loaded: out of order"),
        ("plugin_of_a_test:none", "the plug-in of `zoo 1.0` cannot be loaded: "),
        ("plugin_of_a_test:number", "the plug-in of `zoo 1.0` is not a function"),
    ],
)
def test_a_plug_in_that_does_not_load_names_its_distribution(
    install: Any, entry: str, reason: str
) -> None:
    install("zoo", f"bad = {entry}")
    row = catalogue().modules["policyc.detectors"].functions["bad"]
    assert row.missing is not None
    assert row.missing.startswith(reason)
    with pytest.raises(ExtensionError, match="`bad` is not available: the plug-in of `zoo"):
        load(row)


def test_two_plug_ins_of_one_name_are_told(install: Any) -> None:
    install("zoo", "animals = plugin_of_a_test:animals")
    install("farm", "animals = plugin_of_a_test:described")
    row = catalogue().modules["policyc.detectors"].functions["animals"]
    assert row.missing == "`farm 1.0` and `zoo 1.0` both have a plug-in of this name"


def test_no_plug_in_is_an_empty_module(install: Any) -> None:
    assert "policyc.detectors" in catalogue().modules
    assert "policyc.others" not in catalogue().modules
    assert catalogue().modules["policyc.detectors"].functions == {}
