"""Commands that run a script: shells, `eval`, `source`, `su -c`, `ssh`, `find -exec`, ..."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.unwrapping import (
    Inside,
    Nested,
    data_of,
    input_of,
    script_of,
)
from policyc.runtime.detectors.shell.values import UNKNOWN, Word
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.unwrapping import Handler

SHELLS = names("sh bash dash ash zsh ksh ksh93 mksh rbash rzsh fish csh tcsh posh yash hush")

_WITH_VALUE = frozenset({"-o", "+o", "-O", "+O", "--rcfile", "--init-file"})


def _shell(call: Call) -> Inside:
    """`sh -c SCRIPT NAME ARGS`, `sh FILE ARGS`, or `sh` with a script as its input."""
    words = call.words
    at, wants_script, reads_input = 1, False, False
    while at < len(words):
        text = words[at].value
        if text in ("-", "--"):
            at += 1
            break
        if text in _WITH_VALUE:
            at += 2
        elif text.startswith(("-", "+")) and len(text) > 1:
            is_cluster = text.startswith("-") and not text.startswith("--")
            wants_script |= (is_cluster and "c" in text) or text == "--command"
            reads_input |= is_cluster and "s" in text
            at += 1
            if wants_script and text.endswith("o") and is_cluster:
                at += 1
        else:
            break
    rest = words[at:]
    if wants_script:
        if not rest:
            return Inside(unknown=[("the script of the shell is missing", None)])
        zero = rest[1] if len(rest) > 1 else None
        script = Nested(data_of(rest[0]), rest[0], positional=tuple(rest[2:]), zero=zero)
        return Inside(scripts=[script])
    if reads_input or not rest or rest[0].value in ("/dev/stdin", "/proc/self/fd/0"):
        if call.stdin is None:
            return Inside()
        return Inside(scripts=[Nested(call.stdin, None, positional=tuple(rest))], keeps_stdin=False)
    return file_script(call, rest[0], tuple(rest[1:]))


def file_script(call: Call, file: Word, positional: tuple[Word, ...] = ()) -> Inside:
    """A file as a script: what the script has written to it before, else nothing is known of it
    and it counts as a program of its own."""
    data = call.state.files.get(call.path(file))
    if file.value in ("/dev/stdin", "-", "/proc/self/fd/0"):
        data = input_of(call)
    if data is None:
        if UNKNOWN in file.value and file.labels:
            return Inside(scripts=[Nested(data_of(file), file)])
        return Inside()
    return Inside(scripts=[Nested(data, file, positional=positional)])


def _eval(call: Call) -> Inside | None:
    words = call.words[1:]
    if words and words[0].value == "--":
        words = words[1:]
    return (
        Inside(scripts=[Nested(script_of(words), words[0], is_same_shell=True, positional=None)])
        if words
        else None
    )


def _source(call: Call) -> Inside | None:
    if len(call.words) < 2:
        return None
    found = file_script(call, call.words[1], tuple(call.words[2:]))
    found.scripts = [
        Nested(one.data, one.word, is_same_shell=True, positional=one.positional)
        for one in found.scripts
    ]
    return found


def _trap(call: Call) -> Inside | None:
    words = [word for word in call.words[1:] if word.value != "--"]
    if len(words) < 2 or words[0].value.startswith("-"):
        return None
    return Inside(scripts=[Nested(data_of(words[0]), words[0], is_same_shell=True)])


def _option_script(call: Call) -> Inside | None:
    """`su -c SCRIPT`, `script -c SCRIPT`, `runuser -c SCRIPT`."""
    script = call.options.value("-c", "--command")
    if script is not None:
        return Inside(scripts=[Nested(data_of(script), script)])
    if call.name != "script" and call.stdin is not None:
        return Inside(scripts=[Nested(call.stdin)], keeps_stdin=False)
    return None


def _runuser(call: Call) -> Inside | None:
    if "-u" not in call.args and "--user" not in call.args:
        return _option_script(call)
    at = 1
    while at < len(call.words) and call.words[at].value.startswith("-"):
        at += 1 + (call.words[at].value in ("-u", "--user", "-g", "-G"))
    return Inside([call.words[at:]], is_prefix=True) if at < len(call.words) else None


_SSH_VALUES = names("-i -p -l -o -F -L -R -D -J -b -c -e -E -I -m -O -Q -S -W -w -B")


def _ssh(call: Call) -> Inside | None:
    """What runs on the other machine, and what `ProxyCommand` runs here."""
    at = 1
    inside = Inside()
    while at < len(call.words) and call.words[at].value.startswith("-"):
        text = call.words[at].value
        value = call.words[at + 1] if text in _SSH_VALUES and at + 1 < len(call.words) else None
        if text.startswith("-o") and value is None:
            value = call.words[at].with_value(text[2:])
        if value is not None:
            match = re.match(r"(?i)(?:Proxy|Local)Command[= ](.*)", value.value, re.S)
            if match is not None:
                script = data_of(value.with_value(match[1]))
                inside.scripts.append(Nested(script, value))
        at += 1 + (text in _SSH_VALUES)
    rest = call.words[at + 1 :]
    if rest and rest[0].value == "--":
        rest = rest[1:]
    if rest:
        inside.scripts.append(Nested(script_of(rest), rest[0]))
    elif call.stdin is not None and at < len(call.words):
        inside.scripts.append(Nested(call.stdin))
        inside.keeps_stdin = False
    return inside


def _joined(call: Call) -> Inside | None:
    """`watch -n 1 COMMAND ...`: the words are one script."""
    at = 1
    values = ("-n", "--interval", "-q", "--equexit")
    while at < len(call.words) and call.words[at].value.startswith("-"):
        at += 1 + (call.words[at].value in values)
    rest = call.words[at:]
    return Inside(scripts=[Nested(script_of(rest), rest[0])], is_prefix=True) if rest else None


def _at(call: Call) -> Inside | None:
    if call.stdin is None or {"-l", "-r", "-d", "-c"} & call.flags:
        return None
    return Inside(scripts=[Nested(call.stdin)], keeps_stdin=False)


_NARROWING = names(
    "-path -ipath -wholename -regex -iregex -newer -mtime -mmin -atime -ctime -size -empty "
    "-user -perm -inum"
)
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def _find(call: Call) -> Inside | None:
    """The commands of `-exec`, with something below the searched folders for `{}`."""
    words = call.words
    inside = Inside()
    at = 1
    while at < len(words):
        if words[at].value not in _EXEC:
            at += 1
            continue
        end = at + 1
        while end < len(words) and words[end].value not in (";", "+"):
            end += 1
        found = found_below(call)
        command = [_with_found(word, found) for word in words[at + 1 : end]]
        if command:
            inside.commands.append(command)
        at = end + 1
    return inside if inside.commands else None


def _with_found(word: Word, found: Word) -> Word:
    if word.value == "{}":
        return found
    return word.with_value(word.value.replace("{}", found.value)) if "{}" in word.value else word


def found_below(call: Call) -> Word:
    """A file that `find` finds: below its first folder, named like its `-name` if that is plain."""
    roots = search_roots(call)
    root = roots[0] if roots else call.words[0].with_value(".")
    names = [
        following.value
        for word, following in zip(call.words, call.words[1:], strict=False)
        if word.value in ("-name", "-iname")
    ]
    narrow = next((name for name in names if not re.fullmatch(r"[*.?]*", name)), None)
    if narrow is None:
        narrow = UNKNOWN if _NARROWING & set(call.args) else "*"
    below = f"{root.value.rstrip('/')}/{narrow}"
    return Word(below, "{}", root.start, root.end, has_glob="*" in below)


def search_roots(call: Call) -> list[Word]:
    """The folders that `find` or `fd` looks into."""
    roots = []
    for word in call.words[1:]:
        if word.value.startswith(("-", "(", "!", ")")):
            if word.value in ("-H", "-L", "-P"):
                continue
            break
        roots.append(word)
    return roots


def _alias(call: Call) -> Inside | None:
    for arg in call.args:
        name, equals, text = arg.partition("=")
        if equals and UNKNOWN not in arg:
            call.state.aliases[name] = text
    return None


def _callback(call: Call) -> Inside | None:
    """`mapfile -C COMMAND`, `complete -C COMMAND`."""
    for option, word in zip(call.args, call.words[2:], strict=False):
        if option == "-C":
            return Inside(scripts=[Nested(data_of(word), word)])
    return None


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(SHELLS, _shell),
    "eval": _eval,
    "source": _source,
    ".": _source,
    "trap": _trap,
    "su": _option_script,
    "script": _option_script,
    "runuser": _runuser,
    "ssh": _ssh,
    "autossh": _ssh,
    "dbclient": _ssh,
    "watch": _joined,
    "entr": _joined,
    "at": _at,
    "batch": _at,
    "find": _find,
    "gfind": _find,
    "alias": _alias,
    "mapfile": _callback,
    "readarray": _callback,
    "complete": _callback,
}
