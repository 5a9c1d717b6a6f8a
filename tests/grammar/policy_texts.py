"""Hypothesis strategies for texts of policies: any statements, in any layout that is allowed."""

from __future__ import annotations

from hypothesis import strategies as st

_names = st.sampled_from(["a", "bc", "message", "x_1", "tool", "input", "a_rather_long_name"])
_types = st.sampled_from(["Message", "ToolCall", "str"])
_literals = st.sampled_from(
    [
        '"text"', "'text'", "'say \"x\"'", r"'it\'s'", r'"it\"s"', r'r"\d+"', r"r'\w\''", '""',
        "''",
        "f'{a} of {b.c:10.2}'", "f\"{a['k']}{{}}\"", "12", "1.5", ".5", "5.", "1e3", "True",
        "False", "None",
        '"a text that is long enough to make lines break at their brackets"', "'日本'",
    ]
)  # fmt: skip
_tools = st.sampled_from(
    ["tool:send", "tool:a-b/c.d", "tool:send_*", "tool:'any \"name\"'", 'tool:"x"']
)
_infix = st.sampled_from(
    [
        "or", "and", "in", "not in", "is", "is not", "==", "!=", "<", "<=", ">", ">=",
        "contains_only", "->", "~>", "+", "-", "*", "/", "%", "**",
    ]
)  # fmt: skip
# Inside brackets anything may separate two items, comments too.
_gaps = st.sampled_from(
    ["", "", " ", "  ", "\n", "\n        ", " # inside\n", "\n\n   # own line\n  "]
)
_blanks = st.sampled_from(["", "", " ", "   "])


def _listed(items: st.SearchStrategy[str], opening: str, closing: str) -> st.SearchStrategy[str]:
    """Items between brackets, with gaps and perhaps a comma behind the last."""

    def join(parts: list[tuple[str, str, str]], last: str, end: str) -> str:
        text = ",".join(f"{before}{item}{after}" for before, item, after in parts)
        return f"{opening}{text}{',' if last and parts else ''}{end}{closing}"

    parts = st.lists(st.tuples(_gaps, items, _gaps), max_size=3)
    return st.builds(join, parts, st.sampled_from(["", ","]), _gaps)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bracketed = st.builds("({}{}{})".format, _gaps, inner, _gaps)
    operand = st.one_of(inner.map(lambda text: f"({text})"), _names, _literals)
    entry = st.builds(
        "{}:{}{}".format, st.sampled_from(["k", "'k'", '"a b"', "in"]), _blanks, inner
    )
    argument = st.one_of(inner, st.builds("{}{}={}".format, st.just("key"), _blanks, inner))
    arguments = st.one_of(_listed(inner, "(", ")"), argument.map(lambda text: f"({text})"))
    return st.one_of(
        bracketed,
        st.builds("{} {} {}".format, operand, _infix, operand),
        st.builds("{} {} {} {} {}".format, operand, _infix, operand, _infix, operand),
        st.builds("{} and {} or {}".format, inner, operand, operand),
        st.builds("({} if {} else {})".format, operand, operand, operand),
        st.builds("{}{}".format, st.sampled_from(["not ", "-", "+", "- -", "not not "]), operand),
        st.builds("{}.{}".format, operand, st.sampled_from(["role", "from", "b.c"])),
        st.builds("{}[{}{}{}]".format, operand, _gaps, inner, _gaps),
        st.builds("{}{}".format, st.one_of(_names, _tools), arguments),
        _listed(inner, "[", "]"),
        _listed(entry, "{", "}"),
        st.builds("[{} for n in {}{}]".format, inner, operand, _gaps),
        st.builds("[{} for n in {} if {}]".format, inner, operand, inner),
        st.builds("(v: {}) in {}".format, _types, operand),
        st.builds("{} is {}".format, _names, _tools),
    )


expressions = st.recursive(
    st.one_of(_names, _literals, _tools, st.just("(v: Message)")), _compound, max_leaves=10
)
_comments = st.sampled_from(["", "", "", "  # comment", " #comment: "])


def _indented(lines: list[str], depth: int) -> list[str]:
    return [" " * depth + line for line in lines]


@st.composite
def _lines(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """The lines of a body, without the indentation that all share."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        lines += draw(st.sampled_from([[], [], [""], ["# own line"], ["", "", "# own line", ""]]))
        kind = draw(st.integers(0, 7))
        text = draw(expressions)
        if kind == 0:
            lines.append(f"name{len(lines)}{draw(_blanks)}:={draw(_blanks)}{text}{draw(_comments)}")
        elif kind == 1 and depth < 2:
            header = draw(
                st.sampled_from(["forall:", "not count(min=1,max = 2):", "y := forall :"])
            )
            lines.append(header + draw(_comments))
            lines += _indented(draw(_lines(depth + 1)), draw(st.sampled_from([2, 4, 8])))
            lines += draw(st.sampled_from([[], ["# at the margin"], ["        # deeper"]]))
        elif kind == 2:
            lines += [text, f"  or {draw(expressions)}{draw(_comments)}"]
        else:
            lines.append(text + draw(_comments))
    return lines


def _in_one(lines: list[str], line_end: str) -> str:
    return line_end.join("\n".join(lines).split("\n")) + line_end


@st.composite
def policies(draw: st.DrawFn) -> str:
    """The text of a policy, most of which parse; a test skips the others."""
    lines: list[str] = []
    for number in range(draw(st.integers(0, 4))):
        lines += draw(st.sampled_from([[], [""], ["", "", ""], ["# above"], ["# above", ""]]))
        kind = draw(st.integers(0, 5))
        comment = draw(_comments)
        if kind == 0:
            imported = ["import a.b as c", "from a . b import c,d as e", "from a import b,\n   c"]
            lines.append(draw(st.sampled_from(imported)) + comment)
        elif kind == 1:
            lines.append(f"X{number} := {draw(expressions)}{comment}")
        elif kind == 2:
            headers = ["p(x: T) :=", "def p( x:T, ):", "p() :", "p(x: T,y: U):="]
            header = draw(st.sampled_from(headers))
            lines.append(f"{header} {draw(expressions)}{comment}")
        else:
            value = draw(st.one_of(_literals, expressions.map(lambda text: f"Violation({text})")))
            header = draw(st.sampled_from([f"raise {value} if :", "p(x: T) :=", "def p(x: T):"]))
            lines.append(header + comment)
            lines += _indented(draw(_lines()), draw(st.sampled_from([2, 4, 8])))
    return _in_one(lines, draw(st.sampled_from(["\n", "\n", "\r\n"])))
