"""Which files a command reads and writes, and what it downloads into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.values import DOWNLOADED, Data, Word
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyc.runtime.detectors.shell.call import Call

_READERS = names(
    "cat tac less more most head tail nl bat batcat xxd hexdump od strings base64 base32 "
    "basenc md5sum sha1sum sha256sum sha512sum cksum sum wc sort uniq cut paste join rev "
    "fold fmt expand column pr diff cmp comm file stat view zcat gunzip bzcat xzcat zless "
    "iconv uuencode source . csplit split ul vim vi nano emacs nvim ed ex pico code gpg "
    "lolcat glow highlight pygmentize getfacl lsattr shuf tsort look"
)
_AFTER_FIRST = names("grep egrep fgrep rg ag ack sed awk gawk mawk nawk jq yq zgrep")
_WRITERS = names(
    "touch mkdir rm rmdir unlink shred truncate chmod chown chgrp chattr setfacl fallocate "
    "mkfifo mknod vim vi nano emacs nvim ed wipe srm tee sponge"
)
_MODES = frozenset(["chmod", "chown", "chgrp", "chattr"])


def note_effects(call: Call) -> None:
    """Fill in what a command reads and writes."""
    name = call.name
    operands = call.operands
    special = _SPECIAL.get(name)
    if special is not None:
        special(call)
    elif name in _READERS:
        _read(call, operands)
    elif name in _AFTER_FIRST:
        has_script = bool({"-e", "-f", "--expression", "--file", "--regexp"} & call.flags)
        _read(call, operands if has_script else operands[1:])
        if name == "sed" and any(re.match(r"-\w*i|--in-place", arg) for arg in call.args):
            _write(call, operands if has_script else operands[1:])
    if name in _WRITERS:
        _write(
            call,
            operands[1:] if name in _MODES and not call.options.value("--reference") else operands,
        )
    for redirect in call.redirects:
        if redirect.target is None or _is_device(redirect.target.value):
            continue
        if redirect.is_input:
            _read(call, [redirect.target])
        elif redirect.is_output and not redirect.operator.endswith("&"):
            _write(call, [redirect.target])


def _is_device(path: str) -> bool:
    return path.startswith(
        ("/dev/null", "/dev/std", "/dev/fd/", "/dev/tcp/", "/dev/udp/", "/dev/tty")
    )


def _read(call: Call, words: Iterable[Word]) -> None:
    call.reads.extend((call.path(word), word) for word in words if word.value not in ("-", ""))


def _write(call: Call, words: Iterable[Word]) -> None:
    call.writes.extend((call.path(word), word) for word in words if word.value not in ("-", ""))


def _copy(call: Call) -> None:
    operands = call.operands
    target = call.options.value("-t", "--target-directory")
    sources, targets = (
        (operands, [target]) if target is not None else (operands[:-1], operands[-1:])
    )
    if call.name == "install" and "-d" in call.flags:
        sources, targets = [], operands
    _read(call, sources)
    _write(call, [_inside(target, sources) for target in targets])
    if call.name == "mv":
        _write(call, sources)
    data = call.state.files.get(call.path(sources[0])) if len(sources) == 1 else None
    if data is not None:
        for path, _ in call.writes[: len(targets)]:
            call.state.files[path] = data


def _inside(target: Word, sources: list[Word]) -> Word:
    """A folder as a target is the file that comes to lie in it."""
    if not target.value.endswith("/") or not sources:
        return target
    return target.with_value(target.value + sources[0].value.rstrip("/").rpartition("/")[2])


def _link(call: Call) -> None:
    operands = call.operands
    if len(operands) > 1:
        _write(call, [_inside(operands[-1], operands[:-1])])
        _read(call, operands[:-1])


def _dd(call: Call) -> None:
    for word in call.words[1:]:
        key, _, value = word.value.partition("=")
        if key == "if":
            _read(call, [word.with_value(value)])
        elif key == "of":
            _write(call, [word.with_value(value)])


_PATCHED = re.compile(
    r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.*\S)\s*$", re.MULTILINE
)


def _apply_patch(call: Call) -> None:
    """The files of a patch as Codex writes it, in a word or on standard input."""
    patches = [(word.value, word) for word in call.words[1:]]
    if call.stdin is not None and call.stdin.text is not None:
        patches.append((call.stdin.text, call.words[0]))
    for patch, word in patches:
        _write(call, [word.with_value(path) for path in _PATCHED.findall(patch)])


def _tee(call: Call) -> None:
    for word in call.operands:
        if call.stdin is not None:
            call.state.files[call.path(word)] = call.stdin


def _curl(call: Call) -> None:
    options = call.options
    for word in options.all("-d", "--data", "--data-binary", "--data-ascii", "--json"):
        if word.value.startswith("@"):
            _read(call, [word.with_value(word.value[1:])])
    for word in options.all("--data-urlencode"):
        if "@" in word.value and "=" not in word.value.partition("@")[0]:
            _read(call, [word.with_value(word.value.partition("@")[2])])
    for word in options.all("-F", "--form"):
        match = re.search(r"=[@<](.+?)(?:;|$)", word.value)
        if match is not None:
            _read(call, [word.with_value(match[1].strip('"'))])
    _read(call, options.all("-T", "--upload-file", "-K", "--config"))
    for word in call.operands:
        if word.value.startswith("file://"):
            _read(call, [word.with_value(word.value.removeprefix("file://"))])
    saved = options.all("-o", "--output")
    if {"-O", "--remote-name", "--remote-name-all"} & call.flags:
        saved = [*saved, *(_file_of_url(word) for word in call.operands)]
    _download(call, saved)


def _wget(call: Call) -> None:
    options = call.options
    _read(call, options.all("--post-file", "--body-file", "-i", "--input-file"))
    saved = options.all("-O", "--output-document")
    folder = options.value("-P", "--directory-prefix")
    if not saved and "--spider" not in call.flags:
        saved = [_file_of_url(word) for word in call.operands]
        if folder is not None:
            saved = [word.with_value(f"{folder.value}/{word.value}") for word in saved]
    _download(call, [word for word in saved if word.value not in ("-", "/dev/stdout")])


def _aria(call: Call) -> None:
    saved = call.options.all("-o", "--out") or [_file_of_url(word) for word in call.operands]
    _download(call, saved)


def _file_of_url(word: Word) -> Word:
    path = re.sub(r"^\w+://[^/]*|[?#].*$", "", word.value)
    return word.with_value(path.rstrip("/").rpartition("/")[2] or "index.html")


def _download(call: Call, files: Iterable[Word]) -> None:
    for word in files:
        if not _is_device(word.value) and word.value != "-":
            _write(call, [word])
            call.state.files[call.path(word)] = Data(None, frozenset({DOWNLOADED}))


def _remote_copy(call: Call) -> None:
    operands = call.operands
    if len(operands) < 2:
        return
    sources, target = operands[:-1], operands[-1]
    _read(call, [word for word in sources if not is_remote(word)])
    if not is_remote(target):
        _write(call, [target])
        if any(is_remote(word) for word in sources):
            call.state.files[call.path(target)] = Data(None, frozenset({DOWNLOADED}))


def is_remote(word: Word) -> bool:
    """Whether an operand of `scp` or `rsync` is on another machine."""
    return re.match(
        r"(?:[\w.+-]+@)?[\w.\0\[\]-]+::?(?!\\)|\w+://", word.value
    ) is not None and not (word.value.startswith(("/", ".", "~")))


def _tar(call: Call) -> None:
    """Also the old form without a dash: `tar czf a.tgz dir`."""
    words = call.words[1:]
    bundle = words[0].value.lstrip("-") if words else ""
    creates = "c" in bundle if not bundle.startswith("-") else False
    creates |= bool({"-c", "--create", "-r", "-u", "--append"} & call.flags)
    archive = call.options.value("-f", "--file")
    operands = call.operands
    if words and not words[0].value.startswith("-") and operands:
        operands = operands[1:]
        if "f" in bundle and operands:
            archive, operands = operands[0], operands[1:]
    if creates:
        _read(call, operands)
        _write(call, [] if archive is None else [archive])
    elif archive is not None:
        _read(call, [archive])


def _zip(call: Call) -> None:
    _write(call, call.operands[:1])
    _read(call, call.operands[1:])


def _input_option(*options: str) -> Callable[[Call], None]:
    def effect(call: Call) -> None:
        values = zip(call.args, call.words[2:], strict=False)
        _read(call, [word for option, word in values if option in options])

    return effect


_SPECIAL: dict[str, Callable[[Call], None]] = {
    "apply_patch": _apply_patch,
    "cp": _copy,
    "mv": _copy,
    "install": _copy,
    "ln": _link,
    "dd": _dd,
    "tee": _tee,
    "curl": _curl,
    "wget": _wget,
    "aria2c": _aria,
    "scp": _remote_copy,
    "rsync": _remote_copy,
    "sqlite3": lambda call: _read(call, call.operands[:1]),
    "tar": _tar,
    "bsdtar": _tar,
    "zip": _zip,
    "7z": _zip,
    "openssl": _input_option("-in", "-inkey"),
    "ssh-keygen": _input_option("-f"),
}
