"""The types that the compiler knows, their members, and what may stand where.

A type is what the compiler can promise about a value, never a check made at run time. `ANY`
promises nothing (a predicate's parameter, a host's function); `JSON` is data of the trace: any JSON
value, or absent. `ERROR` is the type of what has an error already; it silences everything later.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name; `element` is the type of the elements of a list."""

    name: str
    element: Type | None = None

    def __str__(self) -> str:
        return f"{self.name} of {self.element}" if self.element is not None else self.name


ANY = Type("any")
ERROR = Type("error")
JSON = Type("json")
NONE = Type("None")
BOOL = Type("bool")
INT = Type("int")
FLOAT = Type("float")
NUMBER = Type("number")
"""An int or a float."""
TEXT = Type("str")
OPTIONAL_TEXT = Type("optional str")
"""A text, None or absent: ids, for example."""
LIST = Type("list", ANY)
DICT = Type("dict")
"""A dict whose entries are JSON data: arguments, metadata."""
TUPLE = Type("tuple", ANY)

MESSAGE = Type("Message")
TOOL_CALL = Type("ToolCall")
FUNCTION = Type("Function")
TOOL_OUTPUT = Type("ToolOutput")
TOOL = Type("Tool")
TOOL_PARAMETER = Type("ToolParameter")
TEXT_CHUNK = Type("TextChunk")
IMAGE = Type("Image")
CONTENT = Type("content")
"""What `content` of a message or an output holds: a text, None, chunks, or (outputs) any JSON
value."""
INPUT = Type("Input")
TOOL_PATTERN = Type("tool pattern")
VIOLATION = Type("Violation")
CALLABLE = Type("function")
MODULE = Type("module")

CODE_ISSUE = Type("CodeIssue")
FILE = Type("File")
IMAGE_WORD = Type("ImageWord")
PYTHON_CODE = Type("PythonCode")
HTML_CODE = Type("HtmlCode")
SHELL_CODE = Type("ShellCode")
SHELL_COMMAND = Type("ShellCommand")
SHELL_PIPE = Type("ShellPipe")
SHELL_REDIRECT = Type("ShellRedirect")
SHELL_RISK = Type("ShellRisk")
SHELL_UNDECIDABLE = Type("ShellUndecidable")


MOST_LEVELS = 10
"""Lists in one another that a type tells apart."""


def list_of(element: Type) -> Type:
    """A list with elements of a type; what is deeper than anybody asks for is any value."""
    inner: Type | None = element
    for _ in range(MOST_LEVELS):
        if inner is None:
            return Type("list", element)
        inner = inner.element
    return Type("list", ANY)


_OPTIONAL = "optional "


def optional(type_: Type) -> Type:
    """A value of this type, None or absent: the element of a list at an index, for example."""
    if type_ in (ANY, ERROR, JSON, NONE, CONTENT) or type_.name.startswith(_OPTIONAL):
        return type_
    return Type(_OPTIONAL + type_.name, type_.element)


def present(type_: Type) -> Type:
    """The type without "None or absent"."""
    if type_.name.startswith(_OPTIONAL):
        return Type(type_.name.removeprefix(_OPTIONAL), type_.element)
    return type_


EVENT_TYPES = frozenset({MESSAGE, TOOL_CALL, TOOL_OUTPUT, TOOL})
"""What may stand beside `->` and `~>`, and what a violation's key names by its index."""

TRACE_TYPES = EVENT_TYPES | {FUNCTION, TOOL_PARAMETER, TEXT_CHUNK, IMAGE}
"""The objects that a trace consists of; a variable of such a type ranges over the trace."""

MEMBERS: dict[str, dict[str, Type]] = {
    "Message": {
        "role": TEXT,
        "content": CONTENT,
        "tool_calls": list_of(TOOL_CALL),
        "metadata": DICT,
    },
    "ToolCall": {
        "id": OPTIONAL_TEXT,
        "type": TEXT,
        "function": FUNCTION,
        "metadata": DICT,
    },
    "Function": {"name": TEXT, "arguments": DICT},
    "ToolOutput": {
        "role": TEXT,
        "content": CONTENT,
        "tool_call_id": OPTIONAL_TEXT,
        "metadata": DICT,
    },
    "TextChunk": {"type": TEXT, "text": TEXT},
    "Image": {"type": TEXT, "image_url": DICT},
    "Tool": {
        "name": TEXT,
        "description": TEXT,
        "inputSchema": list_of(TOOL_PARAMETER),
        "server": OPTIONAL_TEXT,
    },
    "ToolParameter": {
        "type": TEXT,
        "name": TEXT,
        "description": TEXT,
        "required": BOOL,
        "properties": list_of(TOOL_PARAMETER),
        "additionalProperties": JSON,
        "items": TOOL_PARAMETER,
        "enum": JSON,
    },
    "CodeIssue": {"description": TEXT, "severity": TEXT, "rule": TEXT, "span": list_of(INT)},
    "ImageWord": {
        "text": TEXT,
        "confidence": FLOAT,
        "span": list_of(INT),
        "box": list_of(INT),
        "image": INT,
    },
    "File": {"path": TEXT, "content": TEXT},
    "PythonCode": {
        "imports": list_of(TEXT),
        "builtins": list_of(TEXT),
        "function_calls": list_of(TEXT),
        "shell_commands": list_of(TEXT),
        "syntax_error": BOOL,
        "syntax_error_exception": OPTIONAL_TEXT,
    },
    "HtmlCode": {"alt_texts": list_of(TEXT), "links": list_of(TEXT)},
    "ShellCode": {
        "commands": list_of(SHELL_COMMAND),
        "pipes": list_of(SHELL_PIPE),
        "redirects": list_of(SHELL_REDIRECT),
        "hosts": list_of(TEXT),
        "reads": list_of(TEXT),
        "writes": list_of(TEXT),
        "risks": list_of(SHELL_RISK),
        "undecidable": list_of(SHELL_UNDECIDABLE),
        "syntax_error": BOOL,
    },
    "ShellCommand": {
        "name": TEXT,
        "argv": list_of(TEXT),
        "flags": list_of(TEXT),
        "wrappers": list_of(TEXT),
        "variables": list_of(TEXT),
        "text": TEXT,
        "span": list_of(INT),
        "resolved": BOOL,
    },
    "ShellPipe": {"commands": list_of(SHELL_COMMAND), "text": TEXT, "span": list_of(INT)},
    "ShellRedirect": {"operator": TEXT, "target": TEXT, "text": TEXT, "span": list_of(INT)},
    "ShellRisk": {
        "kind": TEXT,
        "reason": TEXT,
        "command": TEXT,
        "text": TEXT,
        "span": list_of(INT),
    },
    "ShellUndecidable": {"reason": TEXT, "text": TEXT, "span": list_of(INT)},
}
"""The closed list of members by type name; a type that is not here has none that are known when
compiling."""

TEXT_METHODS = frozenset(
    {
        "strip",
        "lower",
        "upper",
        "splitlines",
        "split",
        "format",
        "join",
        "startswith",
        "endswith",
        "replace",
        "count",
    }
)
"""Methods that a policy may call on a text.

`startswith` and the three after it are policyc's own.
"""

DICT_METHODS = frozenset({"keys", "values", "items", "get"})

TYPE_NAMES: dict[str, Type] = {
    "Message": MESSAGE,
    "ToolCall": TOOL_CALL,
    "Function": FUNCTION,
    "ToolOutput": TOOL_OUTPUT,
    "Tool": TOOL,
    "ToolParameter": TOOL_PARAMETER,
    "TextChunk": TEXT_CHUNK,
    "Image": IMAGE,
    "Input": INPUT,
    "LLM": Type("LLM"),
    "str": TEXT,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "list": LIST,
    "dict": DICT,
    "tuple": TUPLE,
}
"""Names that may be written as a type without an import."""


def join(left: Type, right: Type) -> Type:
    """The type of a value that is one or the other."""
    if left == right:
        return left
    if ERROR in (left, right):
        return ERROR
    if NONE in (left, right):
        return optional(right if left == NONE else left)
    plain_left, plain_right = present(left), present(right)
    if plain_left == plain_right:
        return optional(plain_left)
    if {left.name, right.name} <= {"int", "float", "number"}:
        return NUMBER
    return LIST if left.name == right.name == "list" else ANY


FAMILIES = {
    "str": "text",
    "int": "number",
    "float": "number",
    "number": "number",
    "bool": "number",
    "list": "list",
    "tuple": "list",
    "dict": "dict",
}


def family(type_: Type) -> str | None:
    """The kind of value that a type promises, or None if it promises none.

    Values of different kinds are never equal. Truth values count as numbers, which they equal.
    """
    name = present(type_).name
    return "object" if name in MEMBERS else FAMILIES.get(name)


def from_value(value: object) -> Type:
    """The type of a constant of a module."""
    match value:
        case None:
            return NONE
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return FLOAT
        case str():
            return TEXT
        case _:
            return ANY
