"""The rows of the built-in functions and of the modules `invariant`, `json`, `re`, `math`, `url`
and `path`.

Data only: importing this module imports no implementation. `runtime.extensions` puts the rows
together with those of the detectors and finds the functions that they name.
"""

from __future__ import annotations

import math

from policyc.compiler.signatures import FunctionKind, Module, Param, Signature
from policyc.compiler.typesystem import (
    ANY,
    BOOL,
    CALLABLE,
    FLOAT,
    INT,
    JSON,
    LIST,
    NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    TOOL_CALL,
    TUPLE,
    TYPE_NAMES,
    VIOLATION,
    Type,
    list_of,
)

_HERE = "policyc.runtime.builtins"


def _plain(where: str, name: str, *parameters: Param, result: Type = ANY, doc: str) -> Signature:
    return Signature(
        name, parameters, result, implementation=f"{_HERE}.{where}", reaches=False, doc=doc
    )


def _special(
    name: str,
    *parameters: Param,
    result: Type,
    doc: str,
    variadic: bool = False,
    any_keywords: bool = False,
    deterministic: bool = True,
) -> Signature:
    return Signature(
        name,
        parameters,
        result,
        variadic=variadic,
        any_keywords=any_keywords,
        kind=FunctionKind.SPECIAL,
        deterministic=deterministic,
        reaches=False,
        doc=doc,
    )


def _extreme(name: str, which: str) -> Signature:
    return Signature(
        name,
        (
            Param("values"),
            Param("key", CALLABLE, None, keyword_only=True),
            Param("default", ANY, None, keyword_only=True),
        ),
        variadic=True,
        implementation=f"{_HERE}.sequences:{which}",
        reaches=False,
        doc=f"The {which} of a list or of several arguments; `default` for an empty list.",
    )


_VALUE = Param("value")
_VALUES = Param("values")
_DATA = Param("data")
_TEXT = Param("text", TEXT)
_PATTERN = Param("pattern", TEXT)
_NUMBER = Param("number", NUMBER)

_SPECIALS = (
    _special(
        "text",
        result=list_of(TEXT),
        variadic=True,
        doc="All texts in the arguments: texts, content, messages, outputs, and lists of these.",
    ),
    _special(
        "image",
        result=list_of(TEXT),
        variadic=True,
        doc="The addresses of all images in the arguments.",
    ),
    _special(
        "find",
        _PATTERN,
        _DATA,
        result=list_of(TEXT),
        doc="All matches of a regular expression, as texts; marks each.",
    ),
    _special(
        "match",
        _PATTERN,
        _DATA,
        result=BOOL,
        doc="Whether a regular expression matches at the start.",
    ),
    _special(
        "tool_call",
        Param("output"),
        result=TOOL_CALL,
        doc="The tool call that an output answers, or None.",
    ),
    _special(
        "server",
        Param("event"),
        result=OPTIONAL_TEXT,
        doc="The server that an event belongs to, or None.",
    ),
    _special(
        "derives",
        _VALUE,
        Param("source"),
        Param("least", INT, 3, keyword_only=True),
        Param("whole", BOOL, default=False, keyword_only=True),
        Param("among_words", BOOL, default=False, keyword_only=True),
        result=BOOL,
        doc="Whether a value, or a part of it that names something, stands in the texts of an "
        "event, a text, or a list of these; marks both places. What has fewer than `least` "
        "characters says nothing. With `whole` no parts are looked for. With `among_words` a text, "
        "or an entry of JSON data, that is nothing but the value does not count.",
    ),
    _special(
        "provenance",
        _VALUE,
        Param("least", INT, 3, keyword_only=True),
        result=list_of(ANY),
        doc="The messages (not the agent's own) and outputs before the events of the rule in which "
        "a value, or a part of it that names something, was seen first.",
    ),
    _special(
        "print",
        result=BOOL,
        variadic=True,
        deterministic=False,
        doc="Writes its arguments to the log; True.",
    ),
    *(
        _special(
            name,
            result=VIOLATION,
            variadic=True,
            any_keywords=True,
            doc="A violation with these arguments; the first one, if a text, is its message.",
        )
        for name in ("Violation", "PolicyViolation")
    ),
)

_PLAIN = (
    _plain(
        "sequences:any_true",
        "any",
        _VALUES,
        result=BOOL,
        doc="Whether an element of a list is true; no element of None is.",
    ),
    _plain(
        "sequences:all_true",
        "all",
        _VALUES,
        result=BOOL,
        doc="Whether all elements of a list are true.",
    ),
    _plain(
        "sequences:is_empty",
        "empty",
        _VALUE,
        result=BOOL,
        doc="Whether a text, list or object is empty, or None.",
    ),
    _plain(
        "sequences:length",
        "len",
        _VALUE,
        result=INT,
        doc="The number of characters, elements or entries; 0 for None.",
    ),
    _extreme("min", "smallest"),
    _extreme("max", "largest"),
    _plain(
        "sequences:total",
        "sum",
        _VALUES,
        Param("start", NUMBER, 0),
        result=NUMBER,
        doc="The sum of a list of numbers; 0 for None.",
    ),
    _plain(
        "sequences:ordered",
        "sorted",
        _VALUES,
        Param("key", CALLABLE, None, keyword_only=True),
        Param("reverse", BOOL, False, keyword_only=True),
        result=LIST,
        doc="The elements in ascending order.",
    ),
    _plain(
        "sequences:to_list",
        "list",
        Param("values", ANY, None),
        result=LIST,
        doc="A list of the elements.",
    ),
    _plain(
        "sequences:to_tuple",
        "tuple",
        Param("values", ANY, None),
        result=TUPLE,
        doc="A tuple of the elements.",
    ),
    _plain(
        "sequences:number_range",
        "range",
        Param("start", INT),
        Param("stop", INT, None),
        Param("step", INT, 1),
        result=list_of(INT),
        doc="The whole numbers from start (0 if left out) up to, not including, stop.",
    ),
    _plain(
        "sequences:subset",
        "subset",
        Param("values"),
        Param("of"),
        result=BOOL,
        doc="Whether every element of `values` occurs in `of`.",
    ),
    _plain(
        "sequences:only",
        "only",
        _VALUE,
        Param("allowed"),
        result=BOOL,
        doc="Whether a value, or every element of a list, is one of the allowed ones.",
    ),
    _plain(
        "methods:to_text",
        "str",
        Param("value", ANY, ""),
        result=TEXT,
        doc="A value as a text.",
    ),
    _plain(
        "conversions:to_int",
        "int",
        Param("value", ANY, 0),
        result=INT,
        doc="A number or a text with a whole number as a whole number.",
    ),
    _plain(
        "conversions:to_float",
        "float",
        Param("value", ANY, 0),
        result=FLOAT,
        doc="A number or a text with a number as a decimal number.",
    ),
    _plain(
        "conversions:to_bool",
        "bool",
        Param("value", ANY, False),
        result=BOOL,
        doc="Whether a value counts as true.",
    ),
    _plain(
        "conversions:absolute",
        "abs",
        _NUMBER,
        result=NUMBER,
        doc="A number without its sign.",
    ),
    _plain(
        "conversions:rounded",
        "round",
        _NUMBER,
        Param("digits", INT, None),
        result=NUMBER,
        doc="A number rounded to some digits after the point.",
    ),
    _plain(
        "conversions:lower",
        "lower",
        _VALUE,
        result=TEXT,
        doc="A text in lower case; None is empty.",
    ),
    _plain(
        "conversions:upper",
        "upper",
        _VALUE,
        result=TEXT,
        doc="A text in upper case; None is empty.",
    ),
    _plain(
        "conversions:strip",
        "strip",
        _VALUE,
        Param("characters", OPTIONAL_TEXT, None),
        result=TEXT,
        doc="A text without white space (or these characters) at its ends; None is empty.",
    ),
    _plain(
        "json_values:loads",
        "json_loads",
        _TEXT,
        result=JSON,
        doc="The value that a JSON text stands for.",
    ),
)

BUILTINS: dict[str, Signature] = {row.name: row for row in (*_SPECIALS, *_PLAIN)}
"""Functions that need no import, by name."""

_OF_LLM = (
    Param("system_prompt", TEXT, ""),
    Param("model", TEXT, ""),
    Param("temperature", NUMBER, 0.2),
    Param("max_tokens", INT, 500),
    Param("url", TEXT, "", keyword_only=True, is_fixed=True),
)


def _service(name: str, first: str, *, result: Type, doc: str) -> Signature:
    where = "policyc.runtime.models.language_model"
    return Signature(
        name,
        (Param(first, TEXT), *_OF_LLM),
        result,
        kind=FunctionKind.SERVICE,
        implementation=f"{where}:{name}",
        engines=where,
        deterministic=False,
        doc=doc,
    )


_LLM_ROWS = (
    _service("llm", "prompt", result=TEXT, doc="The answer of a language model."),
    _service(
        "llm_confirm",
        "property_description",
        result=BOOL,
        doc="Whether a language model says that a property holds.",
    ),
)
LLM = Module("invariant.llm", functions={row.name: row for row in _LLM_ROWS})
"""What asks a language model."""

_LANGUAGE_TYPES = {name: type_ for name, type_ in TYPE_NAMES.items() if name[0].isupper()}
_VIOLATIONS = {name: BUILTINS[name] for name in ("Violation", "PolicyViolation")}
_QUANTIFIERS = frozenset({"count", "forall"})

_JSON = Module(
    "json",
    functions={
        row.name: row
        for row in (
            _plain(
                "json_values:loads",
                "loads",
                _TEXT,
                result=JSON,
                doc="The value that a JSON text stands for.",
            ),
            _plain(
                "json_values:dumps",
                "dumps",
                _VALUE,
                Param("sort_keys", BOOL, False),
                result=TEXT,
                doc="A value as JSON text.",
            ),
        )
    },
)

_RE = Module(
    "re",
    functions={
        row.name: row
        for row in (
            BUILTINS["match"],
            _plain(
                "expressions:search",
                "search",
                _PATTERN,
                _DATA,
                result=BOOL,
                doc="Whether a regular expression matches somewhere.",
            ),
            _plain(
                "expressions:fullmatch",
                "fullmatch",
                _PATTERN,
                _DATA,
                result=BOOL,
                doc="Whether a regular expression matches the whole text.",
            ),
            _plain(
                "expressions:findall",
                "findall",
                _PATTERN,
                _DATA,
                result=LIST,
                doc="All matches; with groups in the pattern, what these matched.",
            ),
            _plain(
                "expressions:sub",
                "sub",
                _PATTERN,
                Param("replacement", TEXT),
                _TEXT,
                Param("count", INT, 0),
                result=TEXT,
                doc="A text with the matches replaced.",
            ),
            _plain(
                "expressions:split",
                "split",
                _PATTERN,
                _TEXT,
                Param("maxsplit", INT, 0),
                result=LIST,
                doc="The pieces of a text between the matches.",
            ),
        )
    },
)

_MATH = Module(
    "math",
    functions={
        row.name: row
        for row in (
            _plain("mathematics:floor", "floor", _NUMBER, result=INT, doc="Rounded down."),
            _plain("mathematics:ceil", "ceil", _NUMBER, result=INT, doc="Rounded up."),
            _plain("mathematics:sqrt", "sqrt", _NUMBER, result=FLOAT, doc="The square root."),
            _plain(
                "mathematics:log",
                "log",
                _NUMBER,
                Param("base", NUMBER, None),
                result=FLOAT,
                doc="The logarithm, to base e if none is given.",
            ),
            _plain(
                "mathematics:isfinite",
                "isfinite",
                _NUMBER,
                result=BOOL,
                doc="Whether a number is neither infinite nor undefined.",
            ),
        )
    },
    constants={"pi": math.pi, "e": math.e},
)

_ADDRESS = Param("address", OPTIONAL_TEXT)

_URL = Module(
    "url",
    functions={
        row.name: row
        for row in (
            _plain(
                "addresses:host",
                "host",
                _ADDRESS,
                result=OPTIONAL_TEXT,
                doc="The host that an address leads to, as browsers read it, or None.",
            ),
            _plain(
                "addresses:domain_in",
                "domain_in",
                _ADDRESS,
                Param("domains", LIST),
                result=BOOL,
                doc="Whether the host of an address is one of some domains, or below one of them.",
            ),
            _plain(
                "addresses:is_private",
                "is_private",
                _ADDRESS,
                result=BOOL,
                doc="Whether an address leads to this machine, a local network or cloud metadata.",
            ),
            _plain(
                "addresses:scheme",
                "scheme",
                _ADDRESS,
                result=OPTIONAL_TEXT,
                doc="The scheme of an address in lower case, or None.",
            ),
            _plain(
                "addresses:port",
                "port",
                _ADDRESS,
                result=ANY,
                doc="The port of an address, or the one that its scheme stands for, or None.",
            ),
            _plain(
                "addresses:path",
                "path",
                _ADDRESS,
                result=OPTIONAL_TEXT,
                doc="The path of an address, or None.",
            ),
        )
    },
)

_LEXICAL = Param("lexical", BOOL, False, harmless=(True,))

_PATH = Module(
    "path",
    functions={
        row.name: row
        for row in (
            Signature(
                "inside",
                (Param("root", TEXT), Param("path", OPTIONAL_TEXT), _LEXICAL),
                BOOL,
                implementation=f"{_HERE}.file_paths:inside",
                reaches=False,
                deterministic=False,
                doc="Whether a path leads to a folder or into it, links followed.",
            ),
            Signature(
                "normalize",
                (Param("path", TEXT), Param("root", OPTIONAL_TEXT, None), _LEXICAL),
                TEXT,
                implementation=f"{_HERE}.file_paths:normalize",
                reaches=False,
                deterministic=False,
                doc="The absolute form of a path, links followed as far as it exists.",
            ),
        )
    },
)

MODULES: dict[str, Module] = {
    module.name: module
    for module in (
        Module(
            "invariant",
            functions={**BUILTINS, **LLM.functions},
            types=_LANGUAGE_TYPES,
            quantifiers=_QUANTIFIERS,
        ),
        Module("invariant.builtins", functions=BUILTINS, types=_LANGUAGE_TYPES),
        Module("invariant.nodes", types=_LANGUAGE_TYPES),
        Module("invariant.errors", functions=_VIOLATIONS),
        Module("invariant.quantifiers", quantifiers=_QUANTIFIERS),
        LLM,
        _JSON,
        _RE,
        _MATH,
        _URL,
        _PATH,
    )
}
"""Importable modules, by their full name."""
