"""What people write who come from another language, and what it is called here.

Tables of sentences for the help of diagnostics; each is complete, so that the reader can act on it.
The names are those of Python, JavaScript, Rego, Cedar, of SDKs for agents, and of web pages about
guardrails.
"""

from __future__ import annotations

from typing import Final

_TEXT_TEST = 'write `"text" in x`'
_EVERYWHERE = 'write `find("pattern", x)`; `match("pattern", x)` looks only at the start'
_RULE = 'write a rule: `raise "message" if:` and its conditions on the lines below'
_TRACE = (
    "the trace is reached by variables: `(m: Message)`, `(c: ToolCall)` and `(o: ToolOutput)` "
    "range over it"
)
_HOST = (
    "what the host knows besides the trace is a parameter, read as `input.name`; objects of the "
    "trace are variables, such as `(c: ToolCall)`"
)
ANY_ELEMENT: Final = (
    "for any element write `x in values`, `any([condition for x in values])`, or declare "
    "`(x: str) in values`"
)
COUNT_OF_ELEMENTS: Final = (
    "write `len(x)`; `count` opens a block that counts objects of the trace, `count(min=2):`"
)
_VIOLATION = 'write `raise "message" if:` or `raise Violation("message", value) if:`'
_PICK = "write `(x: Message) in value` to pick the values of one type"
_COMPREHENSION = "write a list: `[f(x) for x in values if condition]`"
_LENGTH = "write `len(x)`"
_NONE = "write `None`"
_METHOD = "call it as a method: `x.{name}(...)`"

NAMES: Final[dict[str, str]] = {
    "length": _LENGTH,
    "size": _LENGTH,
    "strlen": _LENGTH,
    "contains": _TEXT_TEST,
    "contain": _TEXT_TEST,
    "includes": _TEXT_TEST,
    "has": _TEXT_TEST,
    "substring": _TEXT_TEST,
    "indexof": _TEXT_TEST,
    "indexOf": _TEXT_TEST,
    "regex": _EVERYWHERE,
    "regexp": _EVERYWHERE,
    "search": _EVERYWHERE,
    "matches": _EVERYWHERE,
    "regex_match": _EVERYWHERE,
    "re_match": _EVERYWHERE,
    "findall": _EVERYWHERE,
    "fullmatch": 'write `match("pattern$", x)`',
    "startswith": 'write `x.startswith("text")`, or `match("text", x)` for a pattern',
    "starts_with": 'write `x.startswith("text")`, or `match("text", x)` for a pattern',
    "startsWith": 'write `x.startswith("text")`, or `match("text", x)` for a pattern',
    "endswith": 'write `x.endswith("text")`',
    "ends_with": 'write `x.endswith("text")`',
    "endsWith": 'write `x.endswith("text")`',
    "null": _NONE,
    "nil": _NONE,
    "none": _NONE,
    "NULL": _NONE,
    "undefined": _NONE,
    "true": "write `True`",
    "TRUE": "write `True`",
    "false": "write `False`",
    "FALSE": "write `False`",
    "isinstance": _PICK,
    "type": _PICK,
    "typeof": _PICK,
    "getattr": 'write the member: `x.name`, or `x.get("name")` for an entry of a dict',
    "hasattr": 'write `"name" in x`, or compare the entry with `None`',
    "sprintf": 'write the value into the text: `f"role {m.role}"`',
    "concat": "join texts with `+`",
    "set": "a list does as well: `[a, b]`",
    "dict": "write an object: `{name: value}`",
    "map": _COMPREHENSION,
    "filter": _COMPREHENSION,
    "enumerate": _COMPREHENSION,
    "zip": _COMPREHENSION,
    "some": "write `any([condition for x in values])`",
    "exists": "declare a variable, as `(m: Message)`; a rule looks for any value that fits",
    "every": "write `all([condition for x in values])`, or a `forall:` block",
    "and_": "write `and`",
    "or_": "write `or`",
    "not_": "write `not`",
    "allow": _RULE,
    "deny": _RULE,
    "permit": _RULE,
    "forbid": _RULE,
    "block": _RULE,
    "reject": _RULE,
    "Error": _VIOLATION,
    "Exception": _VIOLATION,
    "ValueError": _VIOLATION,
    "PolicyError": _VIOLATION,
    "AccessDenied": _VIOLATION,
    "SecurityViolation": _VIOLATION,
    "trace": _TRACE,
    "messages": _TRACE,
    "events": _TRACE,
    "history": _TRACE,
    "conversation": _TRACE,
    "tool_calls": _TRACE,
    "tools": _TRACE,
    "request": _HOST,
    "action": _HOST,
    "principal": _HOST,
    "resource": _HOST,
    "context": _HOST,
    "params": "parameters of the policy are read as `input.name`",
    "args": "the arguments of a call are `c.function.arguments`, of the policy `input.name`",
    "env": "parameters of the policy are read as `input.name`",
    "tool_name": "the name of a called tool is `c.function.name`, where `(c: ToolCall)`",
    "tool_args": "the arguments of a call are `c.function.arguments`, where `(c: ToolCall)`",
    "tool_input": "the arguments of a call are `c.function.arguments`, where `(c: ToolCall)`",
    "tool_output": "what a tool answered is `o.content`, where `(o: ToolOutput)`",
    "data": "parameters are read as `input.name`, and the whole trace is `input.data`",
    "Role": 'a role is a text: `m.role == "user"`',
    "Roles": 'a role is a text: `m.role == "user"`',
    "user": 'a role is a text: `m.role == "user"`',
    "assistant": 'a role is a text: `m.role == "assistant"`',
    "system": 'a role is a text: `m.role == "system"`',
    "developer": 'a role is a text: `m.role == "developer"`',
}
"""Names that are nothing here, and what to write."""

for _name in ("split", "join", "replace", "splitlines", "format"):
    NAMES[_name] = _METHOD.format(name=_name)
for _name in ("tolower", "toLowerCase", "lowercase"):
    NAMES[_name] = "write `x.lower()`"
for _name in ("toupper", "toUpperCase", "uppercase"):
    NAMES[_name] = "write `x.upper()`"

_RESULT = "what a tool answered is a `ToolOutput`: `(o: ToolOutput)`"
_CALL = "a call of a tool is a `ToolCall`: `(c: ToolCall)`"
_TEXT = "the type of texts is `str`"

TYPES: Final[dict[str, str]] = {
    "ToolResult": _RESULT,
    "ToolResponse": _RESULT,
    "ToolMessage": _RESULT,
    "ToolReturn": _RESULT,
    "FunctionResult": _RESULT,
    "FunctionOutput": _RESULT,
    "Observation": _RESULT,
    "Output": _RESULT,
    "Result": _RESULT,
    "Call": _CALL,
    "FunctionCall": _CALL,
    "ToolUse": _CALL,
    "ToolInvocation": _CALL,
    "Action": _CALL,
    "Msg": "a message is a `Message`: `(m: Message)`",
    "ChatMessage": "a message is a `Message`: `(m: Message)`",
    "UserMessage": 'write `(m: Message)` and the line `m.role == "user"`',
    "HumanMessage": 'write `(m: Message)` and the line `m.role == "user"`',
    "AssistantMessage": 'write `(m: Message)` and the line `m.role == "assistant"`',
    "AIMessage": 'write `(m: Message)` and the line `m.role == "assistant"`',
    "User": 'write `(m: Message)` and the line `m.role == "user"`',
    "Assistant": 'write `(m: Message)` and the line `m.role == "assistant"`',
    "System": 'write `(m: Message)` and the line `m.role == "system"`',
    "SystemMessage": 'write `(m: Message)` and the line `m.role == "system"`',
    "Trace": "the whole trace is `(t: Input)`",
    "Event": "declare one of the kinds of event: `Message`, `ToolCall` or `ToolOutput`",
    "Any": "parameters of any kind are declared as the type they mostly have, `str` for example",
    "any": "parameters of any kind are declared as the type they mostly have, `str` for example",
    "object": "an object with entries is a `dict`",
    "Object": "an object with entries is a `dict`",
    "map": "an object with entries is a `dict`",
    "string": _TEXT,
    "String": _TEXT,
    "text": _TEXT,
    "Text": _TEXT,
    "number": "numbers are `int` or `float`",
    "Number": "numbers are `int` or `float`",
    "integer": "whole numbers are `int`",
    "double": "numbers are `int` or `float`",
    "boolean": "the type of `True` and `False` is `bool`",
    "array": "a list is a `list`",
    "set": "a list is a `list`",
    "Content": "the texts of a message are read as `(t: str) in text(m)`",
    "Chunk": "parts of a chunked content are `TextChunk` and `Image`",
    "ImageChunk": "an image in a message is an `Image`",
    "File": "write `from invariant.files import File`",
}
"""Types of other tools, and what is meant."""

_PII = 'write `pii`: `"EMAIL_ADDRESS" in pii(x)` looks for one kind'
_INJECTION = "write `prompt_injection`"
_MODERATION = "write `moderated`"
_KEYS = "write `secrets`: it finds keys and tokens of known services"
_CODE = "write `python_code`, or `semgrep` for known weaknesses"

IMPORTED: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("email", "emails", "phone", "phone_number", "person", "names", "personal_data", "PII"),
        _PII,
    ),
    **dict.fromkeys(("injection", "jailbreak", "jailbreaks", "is_injection"), _INJECTION),
    **dict.fromkeys(("moderation", "toxicity", "toxic", "hate_speech", "profanity"), _MODERATION),
    **dict.fromkeys(
        ("api_key", "api_keys", "credentials", "passwords", "tokens", "keys", "secret_scanner"),
        _KEYS,
    ),
    **dict.fromkeys(("code", "code_injection", "python", "shell_code", "malicious_code"), _CODE),
    **dict.fromkeys(("similarity", "semantic_similarity", "similar"), "write `is_similar`"),
    "exists": "a typed variable such as `(m: Message)` already asks whether there is one",
    "Policy": "a policy is the file itself, with its rules",
    "Rule": _RULE,
}
"""What people import that has another name here, or none."""

_CONTENT = "the text of a message is `{x}.content`"
_OUTPUT = "what the tool answered is `{x}.content`"
_NAME = "the name of the tool is `{x}.function.name`"
_ARGUMENTS = "the arguments are `{x}.function.arguments`"
_CALL_OF = "the call that it answers is `tool_call({x})`, its tool `tool_call({x}).function.name`"

MEMBERS: Final[dict[str, dict[str, str]]] = {
    "Message": {
        **dict.fromkeys(("text", "body", "message", "value", "contents", "data"), _CONTENT),
        "tool_call": "the calls of a message are the list `{x}.tool_calls`",
        "calls": "the calls of a message are the list `{x}.tool_calls`",
        "tools": "the calls of a message are the list `{x}.tool_calls`",
        "function_call": "the calls of a message are the list `{x}.tool_calls`",
        "function": "a message has calls: declare `(c: ToolCall)` and write `c.function`",
        "arguments": "a call has arguments: declare `(c: ToolCall)`, write `c.function.arguments`",
        "name": "a message has no name; its sender is `{x}.role`",
        "sender": "its sender is `{x}.role`",
        "author": "its sender is `{x}.role`",
        "type": "its sender is `{x}.role`",
        "tool_call_id": "what a tool answered is a `ToolOutput`: declare `(o: ToolOutput)`",
        "lower": "call it on the text: `{x}.content.lower()`",
        "image": "the addresses of its images are `image({x})`",
        "images": "the addresses of its images are `image({x})`",
        "server": "write `server({x})`",
    },
    "ToolCall": {
        **dict.fromkeys(("name", "tool", "tool_name", "function_name"), _NAME),
        **dict.fromkeys(
            ("arguments", "args", "parameters", "params", "input", "kwargs", "inputs"), _ARGUMENTS
        ),
        **dict.fromkeys(
            ("output", "result", "response", "content"),
            "what a tool answers is a `ToolOutput`: declare `(o: ToolOutput)` and `{x} -> o`",
        ),
        "role": "a call has no role; the message does: declare `(m: Message)`",
        "server": "write `server({x})`",
    },
    "Function": {
        **dict.fromkeys(
            ("args", "parameters", "params", "input", "kwargs"), "the arguments are `{x}.arguments`"
        ),
        "function": "this is the function already: leave out one `.function`",
        "id": "the id is a member of the call, not of its function",
    },
    "ToolOutput": {
        **dict.fromkeys(("text", "output", "result", "body", "value", "data", "response"), _OUTPUT),
        **dict.fromkeys(("tool_name", "name", "tool", "function", "tool_call", "call"), _CALL_OF),
        **dict.fromkeys(
            ("arguments", "args"), "its call's arguments: `tool_call({x}).function.arguments`"
        ),
        "id": "the id of the call that it answers is `{x}.tool_call_id`",
        "server": "write `server({x})`",
    },
    "Tool": {
        **dict.fromkeys(
            ("parameters", "params", "inputs", "arguments", "schema", "input_schema", "args"),
            "its parameters are the list `{x}.inputSchema`",
        ),
        "function": "a tool has its name itself: `{x}.name`",
        "desc": "write `{x}.description`",
    },
    "TextChunk": dict.fromkeys(("content", "value", "body"), "the text of a chunk is `{x}.text`"),
    "Image": dict.fromkeys(("url", "content", "image"), "the address is `{x}.image_url.url`"),
    "input": dict.fromkeys(
        ("messages", "events", "trace", "history", "tool_calls"),
        _TRACE + "; `input.data` is the whole trace",
    ),
}
"""Members that a kind of object does not have, by the name of its type; `{x}` is the object as
written.
"""

METHODS: Final[dict[str, str]] = {
    "contains": _TEXT_TEST,
    "includes": _TEXT_TEST,
    "find": 'write `"text" in x`, or `find("pattern", x)` for a pattern',
    "index": _TEXT_TEST,
    "match": 'write `match("pattern", x)`',
    "search": _EVERYWHERE,
    "matches": _EVERYWHERE,
    "startsWith": 'write `x.startswith("text")`',
    "endsWith": 'write `x.endswith("text")`',
    "length": _LENGTH,
    "size": _LENGTH,
    "toLowerCase": "write `x.lower()`",
    "toUpperCase": "write `x.upper()`",
    "casefold": "write `x.lower()`",
    "trim": "write `x.strip()`",
    "lstrip": "write `x.strip()`",
    "rstrip": "write `x.strip()`",
    "isdigit": r'write `match("[0-9]+$", x)`',
    "isupper": "compare with `x.upper()`",
    "islower": "compare with `x.lower()`",
    "has_key": 'write `"key" in x`',
    "append": "values never change; join lists with `+`",
    "add": "values never change; join lists with `+`",
    "update": "values never change",
    "pop": 'read the entry: `x.get("key")`',
}
"""Methods that no value has, and what to write."""
