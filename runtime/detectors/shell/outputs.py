"""What simple commands write, where that can be told: `echo`, `printf`, `base64 -d`, `rev`, ...

Only what is needed to see through text that is put together or decoded on the way to a shell.
Anything else writes something unknown, which still has the labels of what went in.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.budget import MAX_WORD
from policyc.runtime.detectors.shell.quoting import escapes
from policyc.runtime.detectors.shell.sensitive import reveals
from policyc.runtime.detectors.shell.shells import found_below
from policyc.runtime.detectors.shell.values import (
    DOWNLOADED,
    NO_LABELS,
    NOTHING,
    SECRET,
    SET_UP,
    SOCKET,
    UNKNOWN,
    Data,
)
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.runtime.detectors.shell.call import Call


def output_of(call: Call) -> Data:
    """What a command writes; its labels are those of what it gets."""
    if call.name in _SILENT:
        return NOTHING
    form = _FORMS.get(call.name)
    text = None
    if form is not None:
        try:
            text = form(call)
        except (ValueError, binascii.Error, zlib.error, OverflowError):
            text = None
    if text is not None and (len(text) > MAX_WORD or UNKNOWN in text):
        text = None
    sample = None if text is not None else _sample(call)
    return Data(text, call.labels | call.content | _own_labels(call), sample)


_SILENT = names(
    "cd pushd popd export set unset declare local readonly mkdir rm rmdir touch chmod chown "
    "mv cp ln sleep false test [ wait trap alias unalias shift exit return kill"
)
_KEEPING = frozenset(["sort", "uniq", "head", "tail", "grep", "egrep", "cat", "tee", "tac", "shuf"])
"""Filters whose lines are lines of their input."""


def _sample(call: Call) -> str | None:
    """What a line of the output is like."""
    if call.name in ("find", "gfind"):
        return found_below(call).value
    if call.name in _KEEPING and call.stdin is not None:
        return call.stdin.sample
    if call.name in ("mktemp", "tempfile"):
        return f"/tmp/tmp.{UNKNOWN}"  # noqa: S108  # a text
    return None


_DOWNLOADERS = names("curl wget http https xh aria2c lynx links w3m ftp tftp fetch GET")
_SOCKETS = frozenset(["nc", "ncat", "netcat", "telnet", "socat", "nc.openbsd", "nc.traditional"])
_SET_UP = re.compile(
    r"(?:ssh-agent|gpg-agent|keychain|dircolors|dbus-launch|locale|fnm env|direnv (?:hook|export)|"
    r"(?:py|rb|nod|jen|go|ph)env (?:init|virtualenv-init)|conda shell\.\w+|"
    r"micromamba shell|brew shellenv|"
    r"(?:starship|zoxide|thefuck|navi|atuin|oh-my-posh|mise|rtx|mcfly) (?:init|hook|"
    r"activate|widget|--alias)|"
    r"minikube (?:-p \S+ )?docker-env|docker-machine env|opam env|luarocks path|"
    r"perl -I\S+ -Mlocal::lib|"
    r"register-python-argcomplete|pipx? completions?|\S+ completions?|\S+ --completion|fzf --|"
    r"resize|tset|lesspipe|nvm |sheldon source|rustup completions|stty|getopt\b)"
)


def _own_labels(call: Call) -> frozenset[str]:
    """Where what a command writes comes from, beside what it gets."""
    if call.name in _DOWNLOADERS:
        return frozenset({DOWNLOADED})
    if call.name in _SOCKETS:
        return frozenset({SOCKET})
    if reveals(call) is not None:
        return frozenset({SECRET})
    if len(call.words) < 8 and _SET_UP.match(" ".join([call.name, *call.args])):
        return frozenset({SET_UP})
    return NO_LABELS


def _input(call: Call) -> str | None:
    """The text that a filter works on: its one file that the script wrote, or its input."""
    files = [word for word in call.operands if word.value != "-"]
    if not files:
        return None if call.stdin is None else call.stdin.text
    texts = []
    for file in files:
        data = call.state.files.get(call.path(file))
        if data is None or data.text is None:
            return None
        texts.append(data.text)
    return "".join(texts)


def _echo(call: Call) -> str | None:
    args = call.args
    is_escaped, ends_line, at = False, True, 0
    while at < len(args) and re.fullmatch(r"-[neE]+", args[at]):
        is_escaped = "e" in args[at] or (is_escaped and "E" not in args[at])
        ends_line &= "n" not in args[at]
        at += 1
    text = " ".join(args[at:])
    return (escapes(text) if is_escaped else text) + "\n" * ends_line


_DIRECTIVE = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?([sbcdiuxXoq]))")


def _printf(call: Call) -> str | None:
    args = call.args
    if args[:1] == ["-v"] or not args:
        return None
    if args[0] == "--":
        args = args[1:]
    form, values = escapes(args[0]), args[1:]
    count = sum(1 for match in _DIRECTIVE.finditer(form) if match[1])
    parts, size = [], 0
    while size < MAX_WORD:
        taken, values = values[:count], values[count:]
        parts.append(_formatted(form, taken))
        size += len(parts[-1]) + 1
        if not values or not count:
            break
    return "".join(parts)


def _formatted(form: str, values: list[str]) -> str:
    left = iter(values)

    def one(match: re.Match[str]) -> str:
        kind = match[1]
        if not kind:
            return "%"
        value = next(left, "")
        if kind == "b":
            return escapes(value)
        if kind == "c":
            return value[:1]
        if kind in "xXo" and value:
            number = int(value, 0)
            return format(number, kind)
        return value

    return _DIRECTIVE.sub(one, form)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


_ZERO = "\u0100"
"""Stands for a zero byte in a text that is made of bytes."""


def _packed(data: bytes) -> str:
    return data.decode("latin-1").replace("\0", _ZERO)


def _bytes(text: str) -> bytes:
    """Bytes that a text stands for: characters that were decoded from them, or UTF-8."""
    try:
        return text.replace(_ZERO, "\0").encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _base64(call: Call) -> str | None:
    text = _input(call)
    if text is None:
        return None
    if not {"-d", "--decode", "-D"} & call.flags:
        return base64.b64encode(_bytes(text)).decode() + "\n"
    return _from_base64(text)


def _from_base64(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9+/_-]", "", text).replace("-", "+").replace("_", "/")
    data = base64.b64decode(plain + "=" * (-len(plain) % 4))
    # Compressed data goes on to another filter and must keep its bytes.
    return _packed(data) if data[:1] in (b"\x1f", b"x", b"B") else _decoded(data)


def _base32(call: Call) -> str | None:
    text = _input(call)
    if text is None or not {"-d", "--decode"} & call.flags:
        return None
    plain = "".join(text.split())
    return _decoded(base64.b32decode(plain + "=" * (-len(plain) % 8)))


def _xxd(call: Call) -> str | None:
    text = _input(call)
    if text is None or "-r" not in call.flags:
        return None
    if "-p" not in call.flags:
        text = re.sub(r"(?m)^[0-9a-fA-F]+:\s?|\s{2,}.*$", "", text)
    digits = re.sub(r"[^0-9a-fA-F]", "", text)
    return _decoded(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _gunzip(call: Call) -> str | None:
    if call.name in ("gzip", "bzip2", "xz") and not {"-d", "--decompress"} & call.flags:
        return None
    text = _input(call)
    if text is None:
        return None
    return _decoded(zlib.decompressobj(47).decompress(_bytes(text), MAX_WORD))


def _openssl(call: Call) -> str | None:
    args = call.args
    is_plain = args[:1] == ["base64"] or (args[:1] == ["enc"] and "-base64" in args)
    if not is_plain or "-d" not in args or call.stdin is None or call.stdin.text is None:
        return None
    return _from_base64(call.stdin.text)


def _cat(call: Call) -> str | None:
    return _input(call)


def _tee(call: Call) -> str | None:
    return None if call.stdin is None else call.stdin.text


def _rev(call: Call) -> str | None:
    text = _input(call)
    return (
        None
        if text is None
        else "".join(
            line.rstrip("\n")[::-1] + "\n" * line.endswith("\n")
            for line in text.splitlines(keepends=True)
        )
    )


def _tac(call: Call) -> str | None:
    text = _input(call)
    return None if text is None else "".join(reversed(text.splitlines(keepends=True)))


_CLASSES = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\v\f",
}


def _tr(call: Call) -> str | None:
    if call.stdin is None or call.stdin.text is None:
        return None
    text, sets = call.stdin.text, [_set(word.value) for word in call.operands]
    if "-d" in call.flags and sets:
        return "".join(one for one in text if one not in sets[0])
    if len(sets) != 2 or not sets[1] or {"-c", "-C", "-s"} & call.flags:
        return None
    target = sets[1] + sets[1][-1] * max(0, len(sets[0]) - len(sets[1]))
    return text.translate({ord(a): b for a, b in zip(sets[0], target, strict=False)})


def _set(text: str) -> str:
    for name, characters in _CLASSES.items():
        text = text.replace(name, characters)
    text = escapes(text)

    def members(match: re.Match[str]) -> str:
        first, last = ord(match[1]), ord(match[2])
        return "".join(map(chr, range(first, min(last, first + 255) + 1)))

    return re.sub(r"(\w)-(\w)", members, text)


_SUBSTITUTE = re.compile(r"s(.)((?:(?!\1).)*)\1((?:(?!\1).)*)\1([gI0-9]*)", re.S)


def _sed(call: Call) -> str | None:
    """`sed s/a/b/` with plain texts."""
    scripts = [word.value for word in call.options.all("-e", "--expression")]
    if not scripts and call.verbs:
        scripts = call.verbs[:1]
    if call.stdin is None or call.stdin.text is None or len(scripts) != 1:
        return None
    match = _SUBSTITUTE.fullmatch(scripts[0].strip())
    if match is None or re.search(r"[\\*.\[^$+?(){}|&]", match[2] + match[3]):
        return None
    count = -1 if "g" in match[4] else 1
    lines = call.stdin.text.splitlines(keepends=True)
    return "".join(line.replace(match[2], match[3], count) for line in lines)


def _cut(call: Call) -> str | None:
    text = _input_of_filter(call)
    fields = call.options.value("-f")
    characters = call.options.value("-c", "-b")
    if text is None:
        return None
    if characters is not None:
        return "".join(_ranged(line, characters.value) + "\n" for line in text.splitlines())
    if fields is None or not fields.value.isdigit():
        return None
    delimiter = call.options.value("-d")
    mark = "\t" if delimiter is None else delimiter.value[:1]
    number = int(fields.value) - 1
    rows = (line.split(mark) for line in text.splitlines())
    return "".join((row[number] if 0 <= number < len(row) else "") + "\n" for row in rows)


def _ranged(line: str, ranges: str) -> str:
    found = []
    for part in ranges.split(","):
        first, dash, last = part.partition("-")
        start = int(first or 1) - 1
        found.append(line[start : int(last) if last else None] if dash else line[start : start + 1])
    return "".join(found)


def _input_of_filter(call: Call) -> str | None:
    return None if call.stdin is None else call.stdin.text


def _head(call: Call) -> str | None:
    text = _input(call)
    count = call.options.value("-n", "--lines", "-c")
    if text is None or (count is not None and not count.value.isdigit()):
        return None
    number = 10 if count is None else int(count.value)
    if "-c" in call.flags:
        return text[:number] if call.name == "head" else text[max(0, len(text) - number) :]
    lines = text.splitlines(keepends=True)
    return "".join(lines[:number] if call.name == "head" else lines[max(0, len(lines) - number) :])


def _which(call: Call) -> str | None:
    names = [word.value for word in call.operands]
    return f"/usr/bin/{names[0]}\n" if len(names) == 1 and "/" not in names[0] else None


def _basename(call: Call) -> str | None:
    return call.args[0].rstrip("/").rpartition("/")[2] + "\n" if len(call.args) == 1 else None


def _dirname(call: Call) -> str | None:
    if len(call.args) != 1:
        return None
    head, slash, _ = call.args[0].rstrip("/").rpartition("/")
    return (head or ("/" if slash else ".")) + "\n"


def _seq(call: Call) -> str | None:
    numbers = [int(arg) for arg in call.args if re.fullmatch(r"-?\d{1,6}", arg)]
    if len(numbers) != len(call.args) or not 1 <= len(numbers) <= 2:
        return None
    first, last = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    return "".join(f"{n}\n" for n in range(first, min(last, first + 1_000) + 1))


def _awk(call: Call) -> str | None:
    """`awk 'BEGIN{print "text"}'`."""
    programs = call.verbs
    match = (
        re.fullmatch(r'\s*BEGIN\s*\{\s*printf?\s*\(?\s*"([^"]*)"\s*\)?;?\s*\}\s*', programs[0])
        if programs
        else None
    )
    return None if match is None else escapes(match[1]) + "\n" * ("printf" not in programs[0])


def _pwd(call: Call) -> str | None:
    return None if call.state.folder is None else call.state.folder + "\n"


_FORMS: dict[str, Callable[[Call], str | None]] = {
    "echo": _echo,
    "printf": _printf,
    "cat": _cat,
    "tee": _tee,
    "base64": _base64,
    "gbase64": _base64,
    "base32": _base32,
    "xxd": _xxd,
    "openssl": _openssl,
    "rev": _rev,
    "tac": _tac,
    "tr": _tr,
    "sed": _sed,
    "cut": _cut,
    "head": _head,
    "tail": _head,
    "which": _which,
    "type": _which,
    "command": lambda call: f"/usr/bin/{call.args[-1]}\n" if call.args else None,
    "basename": _basename,
    "dirname": _dirname,
    "seq": _seq,
    "awk": _awk,
    "pwd": _pwd,
    "true": lambda _: "",
    ":": lambda _: "",
    **dict.fromkeys(("gunzip", "zcat", "gzip", "bunzip2", "bzip2", "xz", "unxz"), _gunzip),
}
