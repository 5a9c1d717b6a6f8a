"""Reads a script as a shell would run it, without running anything.

Statements are followed in their order with what is known of variables, functions, aliases and
files. Every branch is taken: the reader asks what may run. Each command that is reached is handed
to `invocation.invoke`, which may come back with scripts inside of it.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from policyc.runtime.detectors.shell import words as expansion
from policyc.runtime.detectors.shell.budget import (
    MAX_ALTERNATIVES,
    MAX_DEPTH,
    MAX_TEXT,
    Budget,
    BudgetSpent,
)
from policyc.runtime.detectors.shell.call import Call, Context, Redirect
from policyc.runtime.detectors.shell.findings import Findings
from policyc.runtime.detectors.shell.invocation import fresh_state, invoke
from policyc.runtime.detectors.shell.script import ParseClock, Script, parse, parse_body
from policyc.runtime.detectors.shell.state import Function, State, Value
from policyc.runtime.detectors.shell.steps import Steps, run
from policyc.runtime.detectors.shell.values import (
    ANYTHING,
    LOCAL,
    NO_LABELS,
    NOTHING,
    SOCKET,
    UNKNOWN,
    Data,
    Word,
    joined,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from policyc.runtime.detectors.shell.blanking import HereDocument
    from policyc.runtime.detectors.shell.records import ShellCode, ShellCommand

_REDIRECTS = frozenset({"file_redirect", "herestring_redirect", "heredoc_redirect"})
_SILENT = frozenset({"comment", "heredoc_body", "heredoc_end", "heredoc_start", "file_descriptor"})
_SOCKETS = ("/dev/tcp/", "/dev/udp/")


class Reader(Findings):
    """Reads one text; `read` gives the result."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.budget = Budget()
        self.clock = ParseClock()
        self.state = State()
        self.choice = 0
        self.alternatives = 1
        self.depth = 0
        self.calling: list[str] = []
        self.called: set[str] = set()
        self.wrappers: tuple[str, ...] = ()
        self.is_quiet = False
        self.streams = 0
        self._trailing: dict[tuple[int, int, int], list[Node]] = {}

    def read(self) -> ShellCode:
        """What the text would do."""
        text = self.text
        if len(text) > MAX_TEXT:
            end = text.rfind("\n", 0, MAX_TEXT) + 1 or MAX_TEXT
            self.note_unread("the text is longer than what is read", end)
            text = text[:end]
        if "\0" in text:
            at = text.index("\0")
            self.note_gap("the text has a null character", at, at + 1)
        scripts = parse(text, self.clock)
        for script in scripts:
            self._note_errors(script, is_root=True)
        try:
            run(self._whole(scripts))
        except BudgetSpent as spent:
            self.note_unread(str(spent), self.place)
        return self.result()

    def _whole(self, scripts: list[Script]) -> Steps:
        for script in scripts:
            if script.root is not None:
                yield self.statement(script, script.root, None)
        # A function that is never called may be called by what follows in the same shell.
        self.state.positional = None
        for name, functions in list(self.state.functions.items()):
            if name not in self.called:
                self.calling.append(name)
                for function in functions:
                    yield self.statement(function.script, function.body, None)
                self.calling.pop()

    def _note_errors(self, script: Script, *, is_root: bool) -> None:
        """What the parser could not read."""
        if script.root is None or script.is_doubtful:
            start, end = script.locate(0, len(script.text))
            self.note_gap("the text is too long or too intricate to be parsed", start, end)
        if script.root is None or not script.root.has_error:
            return
        stack = [script.root]
        while stack:
            node = stack.pop()
            if node.type == "ERROR" or (node.is_missing and node.type != "word"):
                start, end = script.locate(node.start_byte, node.end_byte)
                self.note_gap("the shell code cannot be parsed", start, end)
                self.has_syntax_error |= is_root
            elif node.has_error:
                stack.extend(reversed(node.children))

    # --- scripts inside of scripts

    def nested(
        self,
        data: Data,
        word: Word | None,
        context: Context,
        *,
        is_same_shell: bool = False,
        positional: tuple[Word, ...] | None = (),
    ) -> Steps:
        """Run a script that a command has: the answer is what it writes."""
        text = data.text or ""
        if self.depth >= MAX_DEPTH:
            self.add_undecidable("scripts are nested too deep", context, word)
            return ANYTHING
        self.budget.script(len(text))
        scripts = parse(text, self.clock)
        for script in scripts:
            self._place(script, context, word)
            self._note_errors(script, is_root=False)
        before = self.state
        if not is_same_shell:
            self.budget.step(1 + len(before.variables) // 20)
            self.state = fresh_state(before)
            self.state.positional = positional
        around, self.wrappers = self.wrappers, context.wrappers
        self.depth += 1
        outputs: list[Data] = []
        for script in scripts:
            if script.root is not None:
                outputs.append((yield self.statement(script, script.root, context.stdin)))
        self.depth -= 1
        self.wrappers = around
        self.state = before
        return joined(outputs).with_labels(data.labels)

    def _place(self, script: Script, context: Context, word: Word | None) -> None:
        """Where a nested script lies in the text, if it is written out there."""
        start, end = (context.start, context.end) if word is None else (word.start, word.end)
        start, end = context.script.locate(start, end)
        at = self.text.find(script.text, start, end) if script.text else -1
        if at < 0 and word is None and len(script.text) > 8:
            at = self.text.find(script.text)
        script.base = at if at >= 0 else None
        script.outer = (start, end)

    def substitution(self, script: Script, node: Node) -> Steps:
        """What `$(...)` or a process substitution writes."""
        if self.depth >= MAX_DEPTH:
            self.gap_at("substitutions are nested too deep", script, node)
            return ANYTHING
        text = script.cut(node)
        if text.startswith("`") and "\\" in text:
            inner = re.sub(r"\\([`$\\])", r"\1", text[1:-1])
            context = Context(script, node.start_byte, node.end_byte, wrappers=self.wrappers)
            return (yield self.nested(Data(inner), None, context, positional=self.state.positional))
        before = self.state
        self.budget.step(1 + len(before.variables) // 20)
        self.state = before.fork()
        self.depth += 1
        outputs = []
        for child in node.children:
            if child.type in _REDIRECTS:
                redirect, _ = yield self._redirect(script, child)
                outputs.append(redirect.data or ANYTHING)
            elif child.is_named and child.type not in _SILENT:
                outputs.append((yield self.statement(script, child, None)))
        self.depth -= 1
        self.state = before
        return joined(outputs)

    def process(self, script: Script, node: Node) -> Steps:
        """A process substitution: the answer is the path that stands for it."""
        self.streams += 1
        path = f"/dev/fd/{63 + self.streams}"
        if script.text.startswith(">", node.start_byte):
            before, self.state = self.state, self.state.fork()
            for child in node.children:
                if child.is_named:
                    yield self.statement(script, child, ANYTHING)
            self.state = before
        else:
            data = yield self.substitution(script, node)
            self.state.files[path] = data
        return path

    def effects(self, script: Script, node: Node) -> Steps:
        """Run the substitutions in a node that is no command: a test, arithmetic."""
        stack = [node]
        while stack:
            one = stack.pop()
            self.budget.step()
            if one.type == "command_substitution":
                yield self.substitution(script, one)
            elif one.type == "process_substitution":
                yield self.process(script, one)
            else:
                stack.extend(reversed(one.children))
        return NOTHING

    # --- variables

    def lookup(self, name: str) -> Value | None:
        """The value of a variable that is meant in the present alternative."""
        known = self.state.variables.get(name)
        if known is not None and len(known) > self.alternatives:
            self.alternatives = len(known)
        return self.state.value_of(name, self.choice)

    def set_text(self, name: str, text: str) -> None:
        self.state.assign(name, Value(text))

    def separators(self) -> re.Pattern[str] | None:
        """What splits words; None if that is not known."""
        if "IFS" not in self.state.variables:
            return _BLANKS
        value = self.lookup("IFS")
        if value is None or UNKNOWN in value.text:
            return None
        return re.compile(f"[{re.escape(value.text)}]+") if value.text else None

    def _assignment(self, script: Script, node: Node) -> Steps:
        """The name and the value of `NAME=value`."""
        children = node.children
        name = script.cut(children[0])
        operator = children[1].type if len(children) > 1 else "="
        value = Value("")
        if len(children) > 2:
            target = children[2]
            if target.type == "array":
                words: list[Word] = []
                for child in target.children:
                    if child.is_named:
                        words.extend((yield expansion.expand(self, script, child)))
                texts = tuple(word.value for word in words)
                labels = NO_LABELS.union(*(word.labels for word in words))
                value = Value(texts[0] if texts else "", labels, texts)
            else:
                (word,) = yield expansion.expand(self, script, target, splits=False)
                value = Value(word.value, word.labels)
        if children[0].type == "subscript":
            name = name.partition("[")[0]
            value = Value(UNKNOWN, value.labels)
        elif operator == "+=":
            old = self.lookup(name) or Value("")
            together = None if value.words is None else (*(old.words or ()), *value.words)
            text = old.text if value.words is not None else old.text + value.text
            value = Value(text, old.labels | value.labels, together)
        return name, value

    # --- statements

    def statement(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        """Run a statement; the answer is what it writes."""
        if self._trailing:
            redirects = self._trailing.pop((id(script), node.start_byte, node.end_byte), None)
            if redirects is not None and node.type not in _ENDS_IN_COMMAND:
                return self._with_redirects(script, node, node, stdin, redirects)
            if redirects is not None:
                self._trail(script, node, redirects)
        form = self._forms.get(node.type)
        if form is None:
            return self._other(script, node, stdin)
        if node.type in _BLOCKS:
            return self._deeper(script, node, stdin, form)
        return form(script, node, stdin)

    def _deeper(
        self, script: Script, node: Node, stdin: Data | None, form: Callable[..., Steps]
    ) -> Steps:
        if self.depth >= MAX_DEPTH:
            self.gap_at("blocks are nested too deep", script, node)
            return ANYTHING
        self.depth += 1
        output = yield form(script, node, stdin)
        self.depth -= 1
        return output

    def _other(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        yield self.effects(script, node)
        return NOTHING

    def _sequence(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        outputs = []
        for child in node.children:
            if child.is_named and child.type not in _SILENT:
                self.budget.step()
                self.place = script.locate(child.start_byte, child.end_byte)[0]
                outputs.append((yield self.statement(script, child, stdin)))
        return joined(outputs)

    def _subshell(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        before, self.state = self.state, self.state.fork()
        output = yield self._sequence(script, node, stdin)
        self.state = before
        return output

    def _maybe(self, script: Script, nodes: list[Node], stdin: Data | None) -> Steps:
        """Statements that may run or not."""
        self.state.maybe += 1
        outputs = []
        for node in nodes:
            if node.is_named and node.type not in _SILENT:
                outputs.append((yield self.statement(script, node, stdin)))
        self.state.maybe -= 1
        return joined(outputs)

    def _if(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        children = node.children
        at = next((n for n, child in enumerate(children) if child.type == "then"), 0)
        for child in children[:at]:
            if child.is_named and child.type not in _SILENT:
                yield self.statement(script, child, stdin)
        output = yield self._maybe(script, children[at:], stdin)
        return output.with_labels(output.labels) if output.text is None else Data(None, output.labels)

    def _loop(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        """A loop: its body twice if the first time has changed what the second may do."""
        output: Data = NOTHING
        for _ in range(2):
            changes = self.state.changes
            output = yield self._maybe(script, node.children, stdin)
            if self.state.changes == changes:
                break
        return Data(None, output.labels)

    def _for(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        name = None
        values: list[Word] = []
        rest: list[Node] = []
        has_list = False
        for child in node.children:
            if child.type == "variable_name" and name is None:
                name = script.cut(child)
            elif child.type in ("do_group", "compound_statement"):
                rest.append(child)
            elif child.type == "in":
                has_list = True
            elif child.is_named and child.type not in _SILENT:
                values.extend((yield expansion.expand(self, script, child)))
        if name is not None:
            if not has_list:
                values = list(self.state.positional or ())
            found = list(dict.fromkeys(Value(word.value, word.labels) for word in values))
            self.state.set_all(name, found or [Value(UNKNOWN)])
        output: Data = NOTHING
        for _ in range(2):
            changes = self.state.changes
            output = yield self._maybe(script, rest, stdin)
            if self.state.changes == changes:
                break
        return Data(None, output.labels) if len(values) > 1 else output

    def _case(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        for child in node.children:
            if child.type == "case_item":
                yield self._maybe(script, _body_of_case(child), stdin)
            elif child.is_named and child.type not in _SILENT:
                yield self.effects(script, child)
        return ANYTHING

    def _define(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        name, body = None, None
        for child in node.children:
            if child.type == "word" and name is None:
                name = script.cut(child)
            elif child.is_named:
                body = child
        if name is not None and body is not None:
            self.state.define(name, Function(script, body))
        return NOTHING
        yield

    def _pipeline(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        output: Data | None = stdin
        stages: list[ShellCommand] = []
        for child in node.children:
            if not child.is_named or child.type in _SILENT:
                continue
            self.last_command = None
            if child.type in ("command", "redirected_statement", "list"):
                output = yield self.statement(script, child, output)
            else:
                output = yield self._in_fork(script, child, output)
            if self.last_command is not None:
                stages.append(self.last_command)
        start, end = script.locate(node.start_byte, node.end_byte)
        self.add_pipe(stages, start, end)
        return output or NOTHING

    def _in_fork(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        before, self.state = self.state, self.state.fork()
        output = yield self.statement(script, node, stdin)
        self.state = before
        return output

    def _assign(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        """Assignments alone; each is a finding of nothing but the variables."""
        nodes = [node] if node.type == "variable_assignment" else node.children
        return (yield self._alternatives(script, node, stdin, [], nodes, []))

    def _declare(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        """`export A=b`, `declare`, `local`, `unset`: commands of a form of their own."""
        words = [child for child in node.children if child.type != "variable_assignment"]
        assigned = [child for child in node.children if child.type == "variable_assignment"]
        return (yield self._alternatives(script, node, stdin, words, assigned, [], declares=True))

    def _command(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        words, assigned, redirects = _parts_of_command(node)
        return (yield self._alternatives(script, node, stdin, words, assigned, redirects))

    def _redirected(self, script: Script, node: Node, stdin: Data | None) -> Steps:
        body, redirects = _parts_of_redirected(node)
        if body is not None and body.type in _ENDS_IN_COMMAND:
            # The grammar gives them to the whole, a shell to the last command of it.
            self._trail(script, body, redirects)
            return (yield self.statement(script, body, stdin))
        return (yield self._with_redirects(script, node, body, stdin, redirects))

    def _trail(self, script: Script, node: Node, redirects: list[Node]) -> None:
        """Keep redirections for the last command of a pipeline or list."""
        last = [one for one in node.children if one.is_named and one.type not in _SILENT][-1]
        self._trailing[id(script), last.start_byte, last.end_byte] = redirects

    def _with_redirects(
        self,
        script: Script,
        node: Node,
        body: Node | None,
        stdin: Data | None,
        nodes: list[Node],
    ) -> Steps:
        """A command, or a block as in `while ...; done < file`, with its redirections."""
        if body is not None and body.type == "redirected_statement":
            body, inner = _parts_of_redirected(body)
            nodes = [*inner, *nodes]
        if body is None or body.type in ("command", "variable_assignment"):
            words, assigned, own = [], [], []
            if body is not None and body.type == "command":
                words, assigned, own = _parts_of_command(body)
            elif body is not None:
                assigned = [body]
            return (
                yield self._alternatives(script, node, stdin, words, assigned, [*own, *nodes])
            )
        redirects = []
        for one in nodes:
            redirects.append((yield self._redirect(script, one))[0])
        context = self._context(script, node, stdin, tuple(redirects), ())
        yield invoke(self, [], context)
        output = yield self.statement(script, body, context.stdin)
        return self._written(context, output)

    # --- commands

    def _alternatives(
        self,
        script: Script,
        node: Node,
        stdin: Data | None,
        words: list[Node],
        assigned: list[Node],
        redirects: list[Node],
        *,
        declares: bool = False,
    ) -> Steps:
        """Run a command once for each value that the variables in it may have."""
        self.budget.step()
        outer_choice, outer = self.choice, self.alternatives
        self.choice, self.alternatives = 0, 1
        outputs: list[Data] = []
        while self.choice < min(self.alternatives, MAX_ALTERNATIVES):
            outputs.append(
                (yield self._once(script, node, stdin, words, assigned, redirects, declares))
            )
            self.choice += 1
        self.alternatives = max(outer, len(outputs))
        self.choice = outer_choice
        return outputs[outer_choice % len(outputs)]

    def _once(
        self,
        script: Script,
        node: Node,
        stdin: Data | None,
        word_nodes: list[Node],
        assigned_nodes: list[Node],
        redirect_nodes: list[Node],
        declares: bool,
    ) -> Steps:
        assigned: list[tuple[str, Value]] = []
        for one in assigned_nodes:
            if one.type == "variable_assignment":
                pair = yield self._assignment(script, one)
                assigned.append(pair)
                if not word_nodes:
                    self.state.assign(*pair)
        words: list[Word] = []
        at = 0
        while at < len(word_nodes):
            one = last = word_nodes[at]
            at += 1
            while at < len(word_nodes) and word_nodes[at].start_byte == last.end_byte:
                last = word_nodes[at]
                at += 1
            simple = expansion.simple_word(script, one) if last is one else None
            if simple is not None:
                words.append(simple)
            elif last is one:
                words.extend((yield expansion.expand(self, script, one)))
            else:
                words.extend((yield expansion.expand_joined(self, script, one, last)))
        redirects: list[Redirect] = []
        for one in redirect_nodes:
            redirect, further = yield self._redirect(script, one)
            redirects.append(redirect)
            words.extend(further)
        if declares:
            for (name, value), one in zip(assigned, assigned_nodes, strict=False):
                self.state.assign(name, value)
                text = f"{name}={value.text}"
                words.append(
                    Word(text, script.cut(one), one.start_byte, one.end_byte, value.labels)
                )
        elif assigned and not word_nodes and words:
            assigned = []
        context = self._context(script, node, stdin, tuple(redirects), tuple(assigned))
        output = yield invoke(self, words, context)
        return self._written(context, output) if redirects else output

    def _context(
        self,
        script: Script,
        node: Node,
        stdin: Data | None,
        redirects: tuple[Redirect, ...],
        assigned: tuple[tuple[str, Value], ...],
    ) -> Context:
        for redirect in redirects:
            if redirect.is_input and redirect.descriptor in ("", "0"):
                stdin = redirect.data
        return Context(
            script, node.start_byte, node.end_byte, stdin, redirects, assigned, self.wrappers
        )

    def _written(self, context: Context, output: Data) -> Data:
        """Put what a command writes into the file that its output goes to."""
        for redirect in context.redirects:
            if not redirect.is_output or redirect.target is None:
                continue
            if redirect.operator.endswith("&") or redirect.descriptor not in ("", "1", "&"):
                continue
            call = Call("", [], context, self.state)
            path = call.path(redirect.target)
            old = self.state.files.get(path)
            if ">>" in redirect.operator and old is not None:
                self.state.files[path] = joined([old, output])
            else:
                self.state.files[path] = output
            output = NOTHING
        return output

    def _redirect(self, script: Script, node: Node) -> Steps:
        """A redirection, and the words of the command that the grammar puts behind it."""
        start, end = node.start_byte, node.end_byte
        descriptor, operator = "", ""
        targets: list[Word] = []
        if node.type == "heredoc_redirect":
            body = next((one for one in node.children if one.type == "heredoc_body"), None)
            text = "" if body is None else script.cut(body)
            return Redirect("<<", "", None, Data(text), start, end), []
        for child in node.children:
            if child.type == "file_descriptor":
                descriptor = script.cut(child)
            elif not child.is_named and not operator:
                operator = child.type
                document = script.here_documents.get(child.start_byte)
                if document is not None:
                    data = yield self._document(script, document)
                    return Redirect("<<", descriptor, None, data, start, end), []
            elif child.type != "ERROR":
                targets.extend((yield expansion.expand(self, script, child)))
        if node.type == "herestring_redirect":
            word = targets[0] if targets else None
            known = word is not None and word.is_known
            data = Data(f"{word.value}\n" if word and known else None, word.labels if word else NO_LABELS)
            return Redirect("<<<", descriptor, None, data, start, end), targets[1:]
        if operator == "&>" or operator == "&>>":
            descriptor = "&"
        if script.text.startswith("<>", start + len(descriptor)):
            operator = "<>"
        target = targets[0] if targets else None
        redirect = Redirect(
            operator, descriptor, target, self._data_of(operator, target), start, end
        )
        self._open_socket(redirect)
        self.add_redirect(script, redirect)
        return redirect, targets[1:]

    def _data_of(self, operator: str, target: Word | None) -> Data | None:
        """What is read from the target of a redirection."""
        if target is None or not operator.startswith("<"):
            return None
        if target.value.startswith(_SOCKETS):
            return Data(None, frozenset({SOCKET}))
        key = f"&{target.value}" if operator == "<&" else self._path(target)
        found = self.state.files.get(key)
        if found is not None:
            return found
        return Data(None, frozenset({LOCAL}) | self.labels_of_path(key))

    def _path(self, word: Word) -> str:
        return Call("", [], Context(_NOWHERE, 0, 0), self.state).path(word)

    def _open_socket(self, redirect: Redirect) -> None:
        """`exec 5<>/dev/tcp/...`: later commands read from the descriptor."""
        target = redirect.target
        if target is not None and target.value.startswith(_SOCKETS):
            descriptor = redirect.descriptor or "0"
            self.state.files[f"&{descriptor}"] = Data(None, frozenset({SOCKET}))

    def _document(self, script: Script, document: HereDocument) -> Steps:
        """The text of a here-document."""
        text = script.text[document.start : document.end]
        if document.strips_tabs:
            text = re.sub(r"(?m)^\t+", "", text)
        if document.is_quoted or not re.search(r"[$`\\]", text):
            return Data(text)
        self.budget.script(len(text))
        body = parse_body(text, script, document, self.clock)
        if body is None or body.root is None:
            return ANYTHING
        (word,) = yield expansion.expand(self, body, body.root, splits=False)
        return Data(word.value if word.is_known else None, word.labels)

    @cached_property
    def _forms(self) -> dict[str, Callable[..., Steps]]:
        return {
            "program": self._sequence,
            "list": self._sequence,
            "do_group": self._sequence,
            "compound_statement": self._sequence,
            "else_clause": self._sequence,
            "elif_clause": self._sequence,
            "negated_command": self._sequence,
            "ERROR": self._sequence,
            "subshell": self._subshell,
            "pipeline": self._pipeline,
            "command": self._command,
            "redirected_statement": self._redirected,
            "declaration_command": self._declare,
            "unset_command": self._declare,
            "variable_assignment": self._assign,
            "variable_assignments": self._assign,
            "if_statement": self._if,
            "while_statement": self._loop,
            "c_style_for_statement": self._loop,
            "for_statement": self._for,
            "case_statement": self._case,
            "function_definition": self._define,
        }


_ENDS_IN_COMMAND = frozenset({"pipeline", "list", "negated_command"})
_BLANKS = re.compile(r"[ \t\n]+")
_BLOCKS = frozenset(
    "compound_statement subshell if_statement while_statement for_statement case_statement "
    "c_style_for_statement pipeline ERROR".split()
)
_NOWHERE = Script("", None)


def _parts_of_command(node: Node) -> tuple[list[Node], list[Node], list[Node]]:
    """The nodes of a command's words, assignments and redirections."""
    words: list[Node] = []
    assigned: list[Node] = []
    redirects: list[Node] = []
    for child in node.children:
        kind = child.type
        if kind == "variable_assignment":
            assigned.append(child)
        elif kind in _REDIRECTS:
            redirects.append(child)
        elif kind == "command_name":
            inner = child.children
            if not (inner and inner[0].is_missing):
                words.append(inner[0] if len(inner) == 1 else child)
        elif kind != "comment":
            words.append(child)
    return words, assigned, redirects


def _parts_of_redirected(node: Node) -> tuple[Node | None, list[Node]]:
    """What is redirected, and the nodes of its redirections."""
    body = None
    redirects: list[Node] = []
    for child in node.children:
        if child.type in _REDIRECTS:
            redirects.append(child)
        elif child.is_named and child.type not in _SILENT and body is None:
            body = child
    return body, redirects


def _body_of_case(node: Node) -> list[Node]:
    """The statements of a case item: what follows its pattern."""
    children = node.children
    at = next((n for n, child in enumerate(children) if child.type == ")"), 0)
    return children[at + 1 :]
