"""Programs that are made for something else and can start a command: editors, pagers, `awk`, `tar`.

What they start is looked at like any other command; that they are used for it is a risk of its own
(`risks.shell_escape`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.unwrapping import Inside, Nested
from policyc.runtime.detectors.shell.values import Data, Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.unwrapping import Handler

_AWK = re.compile(
    r'\bsystem\s*\(\s*"((?:[^"\\]|\\.)*)"|\|\s*"((?:[^"\\]|\\.)*)"|"((?:[^"\\]|\\.)*)"\s*\|\s*getline'
)
_AWK_ANY = re.compile(r"\bsystem\s*\(\s*[^\"\s)]|\|&?\s*(?:getline\b|[$\w])")
_EDITOR = re.compile(
    r":?\s*(?:sil\w*\s+)?!+\s*(.+)|:?\s*set\s+shell=(\S+)|:?\s*shell\b|:?\s*term\w*\b", re.S
)
_SCRIPTED = re.compile(
    r"""(?:system|execute|popen)\s*\(\s*["']([^"']+)["']|\b(?:os\.system|pty\.spawn)\(\s*["']([^"']+)"""
)
_SQL = re.compile(r"(?:^|;|\s)(?:\\!|\.shell|\.system|!)\s+(.+)")
_GDB = re.compile(r"(?:^|\s)(?:!|shell\s+)(.+)|python\s+(.+)", re.S)

_TAKERS: dict[str, tuple[str, ...]] = {
    "tar": (
        "--checkpoint-action=exec=",
        "--to-command=",
        "--use-compress-program=",
        "--rsh-command=",
    ),
    "rsync": ("--rsh=",),
    "zip": ("--unzip-command=",),
    "man": ("--pager=", "--html="),
    "nc": ("--sh-exec=", "--exec="),
    "ncat": ("--sh-exec=", "--exec="),
    "wget": ("--use-askpass=",),
    "split": ("--filter=",),
    "sort": ("--compress-program=",),
    "make": ("--eval=",),
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "tar": ("-I", "--checkpoint-action", "--to-command", "--use-compress-program"),
    "rsync": ("-e", "--rsh"),
    "zip": ("-TT", "--unzip-command"),
    "man": ("-P", "--pager", "-H"),
    "scp": ("-S",),
    "sftp": ("-S",),
    "tcpdump": ("-z",),
    "nc": ("-e", "-c", "--exec", "--sh-exec"),
    "ncat": ("-e", "-c", "--exec", "--sh-exec"),
    "netcat": ("-e", "-c"),
    "mail": ("--exec",),
    "split": ("--filter",),
    "sort": ("--compress-program",),
    "fzf": ("--preview", "--bind"),
}


def _options(call: Call) -> Inside | None:
    """Programs with an option whose value is a command."""
    inside = Inside()
    starts, options = _TAKERS.get(call.name, ()), _OPTIONS.get(call.name, ())
    for number, word in enumerate(call.words[1:], 1):
        text = word.value
        value = next((text[len(one) :] for one in starts if text.startswith(one)), None)
        if value is None and text in options and number + 1 < len(call.words):
            word = call.words[number + 1]
            value = word.value
        if value:
            value = value.removeprefix("exec=")
            inside.scripts.append(_nested(value, word))
    return inside if inside.scripts else None


def _nested(text: str, word: Word) -> Nested:
    known = word.with_value(text)
    return Nested(Data(text if known.is_known else None, word.labels), word, positional=None)


def _awk(call: Call) -> Inside | None:
    inside = Inside()
    programs = call.options.all("-e", "--source") or call.operands[:1]
    if "-f" in call.flags or "--file" in call.flags:
        programs = call.options.all("-e", "--source")
    for word in programs:
        for match in _AWK.finditer(word.value):
            text = next(group for group in match.groups() if group is not None)
            inside.scripts.append(_nested(text, word))
        if _AWK_ANY.search(word.value) and "|" not in _outside_regexes(word.value):
            inside.unknown.append(("the awk program starts a command that is put together", word))
    return inside if inside.scripts or inside.unknown else None


def _outside_regexes(program: str) -> str:
    return "" if re.search(r"\bsystem\s*\(", program) else program


def _editor(call: Call) -> Inside | None:
    """`vim -c ':!sh'`, `less '+!sh'`, `ed` with `!sh` as its input."""
    return _options(call) or _written(call, _editor_commands(call))


def _editor_commands(call: Call) -> Iterator[tuple[str, Word]]:
    for number, word in enumerate(call.words[1:], 1):
        text = word.value
        if text in ("-c", "--cmd", "-S") and number + 1 < len(call.words):
            following = call.words[number + 1]
            yield following.value, following
        elif text.startswith("+") and len(text) > 1:
            yield text[1:], word
    if call.stdin is not None and call.stdin.text is not None:
        for line in call.stdin.text.splitlines()[:100]:
            yield line, call.words[0]


def _written(call: Call, commands: Iterator[tuple[str, Word]]) -> Inside | None:
    inside = Inside(keeps_stdin=False)
    for text, word in commands:
        match = _EDITOR.match(text)
        if match is not None:
            inside.scripts.append(_nested(match[1] or match[2] or "sh", word))
        for match in _SCRIPTED.finditer(text):
            inside.scripts.append(_nested(match[1] or match[2], word))
    return inside if inside.scripts else None


def _matching(form: re.Pattern[str]) -> Handler:
    def handler(call: Call) -> Inside | None:
        inside = Inside(keeps_stdin=False)
        texts = [(word.value, word) for word in call.words[1:]]
        if call.stdin is not None and call.stdin.text is not None:
            texts += [(line, call.words[0]) for line in call.stdin.text.splitlines()[:100]]
        for text, word in texts:
            for match in form.finditer(text):
                found = next((group for group in match.groups() if group), None)
                if found is not None:
                    inside.scripts.append(_nested(found, word))
        return inside if inside.scripts else None

    return handler


_GIT_COMMANDS = ("alias.", "core.pager", "core.sshcommand", "core.editor", "core.fsmonitor")


def _git(call: Call) -> Inside | None:
    """`git -c alias.x='!sh'`, `git rebase --exec`, `git bisect run`, `git submodule foreach`."""
    inside = Inside()
    for word in [*call.options.all("-c"), *_configured(call)]:
        key, _, value = word.value.partition("=")
        if key.lower().startswith("alias."):
            if value.startswith("!"):
                inside.scripts.append(_nested(value[1:], word))
        elif key.lower().startswith(_GIT_COMMANDS) and value:
            inside.scripts.append(_nested(value, word))
    verbs = call.verbs
    if verbs[:2] == ["bisect", "run"]:
        at = call.words.index(call.operands[1])
        inside.commands.append(call.words[at + 1 :])
    if verbs[:2] == ["submodule", "foreach"] and len(verbs) > 2:
        inside.scripts.append(_nested(" ".join(verbs[2:]), call.operands[2]))
    if verbs[:1] == ["rebase"]:
        runs = zip(call.args, call.words[2:], strict=False)
        inside.scripts.extend(_nested(word.value, word) for option, word in runs if option == "-x")
    for word in call.options.all("--exec", "--tree-filter", "--index-filter", "--msg-filter"):
        inside.scripts.append(_nested(word.value, word))
    return inside if inside.scripts or inside.commands else None


def _configured(call: Call) -> list[Word]:
    """`git config KEY VALUE` as `KEY=VALUE`."""
    if call.verbs[:1] != ["config"] or len(call.operands) < 3:
        return []
    value = call.operands[2]
    return [value.with_value(f"{call.verbs[1]}={value.value}")]


def _package_scripts(call: Call) -> Inside | None:
    """`npm exec -c SCRIPT`, `npx -c SCRIPT`."""
    for option, word in zip(call.args, call.words[2:], strict=False):
        if option in ("-c", "--call"):
            return Inside(scripts=[_nested(word.value, word)])
    return None


_EDITORS = (
    "vim",
    "vi",
    "nvim",
    "view",
    "rvim",
    "vimdiff",
    "ex",
    "ed",
    "less",
    "more",
    "man",
    "most",
)

HANDLERS: dict[str, Handler] = {
    **dict.fromkeys({*_TAKERS, *_OPTIONS}, _options),
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _awk),
    **dict.fromkeys(_EDITORS, _editor),
    **dict.fromkeys(("sqlite3", "psql", "mysql", "mariadb", "ftp", "telnet"), _matching(_SQL)),
    "gdb": _matching(_GDB),
    "lldb": _matching(_GDB),
    "emacs": _matching(re.compile(r"\((?:shell-command|term|async-shell-command)\s+\"([^\"]+)\"")),
    "git": _git,
    "npx": _package_scripts,
    "npm": _package_scripts,
}
