"""Wrappers that are followed by a command: `sudo`, `env`, `timeout 5`, `xargs`, ..."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.unwrapping import Inside, Nested, data_of, script_of
from policyc.runtime.detectors.shell.values import UNKNOWN, Word

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.unwrapping import Handler

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


@dataclass(frozen=True, slots=True)
class Prefix:
    """How the words before the inner command are skipped.

    `with_value` are the options that take a value; `operands` is how many words stand before the
    command; `assigns` tells that `NAME=value` may stand there. `subcommands`, where there are any,
    are the words of which one must come first (`uv run`).
    """

    with_value: frozenset[str] = frozenset()
    operands: int = 0
    assigns: bool = False
    subcommands: frozenset[str] = frozenset()

    def inner(self, words: list[Word]) -> list[Word]:
        """The words of the inner command."""
        at, skipped = 1, 0
        has_subcommand = not self.subcommands
        while at < len(words):
            text = words[at].value
            if text == "--":
                at += 1
                if has_subcommand and skipped >= self.operands:
                    break
                continue
            if text.startswith("-") and len(text) > 1:
                at += 1 + self._has_value_apart(text)
            elif not has_subcommand:
                if text not in self.subcommands:
                    return []
                has_subcommand = True
                at += 1
            elif self.assigns and _ASSIGNMENT.match(text):
                at += 1
            elif skipped < self.operands:
                skipped += 1
                at += 1
            else:
                break
        return words[at:] if has_subcommand else []

    def _has_value_apart(self, text: str) -> bool:
        if text.startswith("--"):
            return text in self.with_value
        if text in self.with_value:
            return True
        cluster = next((n for n in range(1, len(text)) if "-" + text[n] in self.with_value), 0)
        return cluster == len(text) - 1 and cluster > 0


def _prefix(
    values: str = "", operands: int = 0, *, assigns: bool = False, after: str = ""
) -> Prefix:
    return Prefix(frozenset(values.split()), operands, assigns, frozenset(after.split()))


PREFIXES: dict[str, Prefix] = {
    "sudo": _prefix(
        "-u -g -h -p -C -T -r -t -U -D -R --user --group --host --prompt --chdir --chroot",
        assigns=True,
    ),
    "doas": _prefix("-u -C"),
    "pkexec": _prefix("--user"),
    "gosu": _prefix(operands=1),
    "su-exec": _prefix(operands=1),
    "sudo-rs": _prefix("-u -g -p", assigns=True),
    "run0": _prefix("-u --user", assigns=True),
    "setpriv": _prefix("--reuid --regid --groups --inh-caps --bounding-set"),
    "env": _prefix("-u -C -S --unset --chdir --split-string", assigns=True),
    "nohup": _prefix(),
    "nice": _prefix("-n --adjustment"),
    "ionice": _prefix("-c -n -p --class --classdata"),
    "chrt": _prefix("-T -P -D", operands=1),
    "taskset": _prefix(operands=1),
    "numactl": _prefix("-N -m -C -i"),
    "time": _prefix("-f -o --format --output"),
    "timeout": _prefix("-k -s --kill-after --signal", operands=1),
    "gtimeout": _prefix("-k -s", operands=1),
    "stdbuf": _prefix("-i -o -e --input --output --error"),
    "unbuffer": _prefix(),
    "setsid": _prefix(),
    "setarch": _prefix(operands=1),
    "linux64": _prefix(),
    "chroot": _prefix("--userspec --groups", operands=1),
    "unshare": _prefix("--map-user --map-group --propagation --setgroups -S -G -R -w --root --wd"),
    "nsenter": _prefix("-t --target -S -G --setuid --setgid"),
    "strace": _prefix("-o -e -p -s -u -E -a -I -O -S -P -X"),
    "ltrace": _prefix("-o -e -p -s -u -a -n -F -l -x"),
    "perf": _prefix("-e -o -F -p -C", after="stat record trace"),
    "valgrind": _prefix(),
    "catchsegv": _prefix(),
    "flock": _prefix("-w -E --timeout --conflict-exit-code", operands=1),
    "lockfile-run": _prefix(operands=1),
    "busybox": _prefix(),
    "toybox": _prefix(),
    "builtin": _prefix(),
    "exec": _prefix("-a"),
    "coproc": _prefix(),
    "noglob": _prefix(),
    "nocorrect": _prefix(),
    "proxychains": _prefix("-f"),
    "proxychains4": _prefix("-f"),
    "torsocks": _prefix("-a -P -u -p"),
    "torify": _prefix(),
    "firejail": _prefix(),
    "fakeroot": _prefix("-l -s -i"),
    "caffeinate": _prefix("-t -w"),
    "arch": _prefix(),
    "systemd-run": _prefix("-u -p -E --unit --property --uid --gid -M -H"),
    "systemd-inhibit": _prefix("--what --who --why --mode"),
    "dbus-run-session": _prefix("--config-file"),
    "dbus-launch": _prefix(),
    "xvfb-run": _prefix("-n -s -e -f -p"),
    "rlwrap": _prefix("-f -H -s -p -a"),
    "cgexec": _prefix("-g"),
    "direnv": _prefix(operands=1, after="exec"),
    "uv": _prefix(
        "--with --python -p --project --directory --env-file --extra --group", after="run"
    ),
    "poetry": _prefix("-C --directory", after="run"),
    "pipenv": _prefix(after="run"),
    "hatch": _prefix("-e", after="run"),
    "pdm": _prefix("-p", after="run"),
    "rye": _prefix(after="run"),
    "bundle": _prefix(after="exec"),
    "conda": _prefix("-n -p --name --prefix --cwd", after="run"),
    "mamba": _prefix("-n -p --name --prefix", after="run"),
    "micromamba": _prefix("-n -p", after="run"),
    "dotenv": _prefix("-f -e", after="run"),
    "nix-shell": _prefix("-p --packages -A -I"),
    "opam": _prefix("--switch", after="exec"),
    "mise": _prefix(after="exec x"),
    "asdf": _prefix(operands=1, after="exec"),
    "!": _prefix(),
    "then": _prefix(),
    "do": _prefix(),
    "else": _prefix(),
}


def _run_prefix(call: Call) -> Inside | None:
    inner = PREFIXES[call.name].inner(call.words)
    return Inside([inner], is_prefix=True) if inner else None


def _sudo(call: Call) -> Inside | None:
    """`sudo -s` and `sudo -i` start a shell."""
    inner = PREFIXES[call.name].inner(call.words)
    starts = {"-s", "-i", "--shell", "--login"} & set(call.args)
    if not inner and starts:
        inner = [call.words[0].with_value("sh")]
    return Inside([inner], is_prefix=True) if inner else None


def _env(call: Call) -> Inside | None:
    """`env -S` takes the whole command as one text."""
    split = next(
        (n for n, arg in enumerate(call.args) if arg.startswith(("-S", "--split-string"))), None
    )
    if split is None:
        return _run_prefix(call)
    first = call.words[split + 1]
    text = first.value.removeprefix("--split-string").removeprefix("-S").removeprefix("=")
    rest = call.words[split + 2 :]
    words = [first.with_value(text), *rest] if text else rest
    return Inside(scripts=[Nested(script_of(words), first)], is_prefix=True)


def _command(call: Call) -> Inside | None:
    """`command -v x` only tells what `x` is."""
    if call.args and re.fullmatch(r"-\w*[vV]\w*", call.args[0]):
        return None
    return _run(call, Prefix())


def _run(call: Call, prefix: Prefix) -> Inside | None:
    inner = prefix.inner(call.words)
    return Inside([inner], is_prefix=True) if inner else None


def _flock(call: Call) -> Inside | None:
    script = _value_of(call, "-c", "--command")
    if script is not None:
        return Inside(scripts=[Nested(data_of(script), script)], is_prefix=True)
    return _run_prefix(call)


def _value_of(call: Call, *options: str) -> Word | None:
    for option, word in zip(call.args, call.words[2:], strict=False):
        if option in options:
            return word
    return None


_XARGS = _prefix(
    "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --replace --max-lines"
)


def _xargs(call: Call) -> Inside:
    """The command with what it reads as further arguments."""
    inner = _XARGS.inner(call.words) or [call.words[0].with_value("echo")]
    placeholder = next((w.value for w in _values(call, "-I", "--replace")), None)
    if placeholder is None and any(arg in ("-i", "--replace") for arg in call.args):
        placeholder = "{}"
    added = _items(call)
    if placeholder:
        commands = [[_filled(word, placeholder, item) for word in inner] for item in added]
        return Inside(commands[:50], is_prefix=True, keeps_stdin=False)
    return Inside([[*inner, *added]], is_prefix=True, keeps_stdin=False)


def _values(call: Call, short: str, long: str) -> list[Word]:
    found = []
    for number, arg in enumerate(call.args):
        following = call.words[number + 2 : number + 3]
        if arg in (short, long):
            found.extend(following)
        elif arg.startswith(short) and len(arg) > 2 and not arg.startswith("--"):
            found.append(call.words[number + 1].with_value(arg[2:]))
        elif arg.startswith(long + "="):
            found.append(call.words[number + 1].with_value(arg.partition("=")[2]))
    return found


def _items(call: Call) -> list[Word]:
    """The arguments that xargs reads, as far as they are known."""
    data = call.stdin
    file = next(iter(_values(call, "-a", "--arg-file")), None)
    if file is not None:
        data = call.state.files.get(call.path(file))
    place = call.words[0]
    labels = call.labels if data is None else data.labels
    if data is None or data.text is None:
        value = UNKNOWN if data is None or data.sample is None else data.sample
        shown = value.replace(UNKNOWN, "…")
        return [Word(value, shown, place.start, place.end, labels, "*" in value)]
    items = re.split(r"[\0\n]+" if "-0" in call.args else r"\s+", data.text.strip())
    return [Word(item, item, place.start, place.end, labels) for item in items[:200]]


def _filled(word: Word, placeholder: str, item: Word) -> Word:
    if placeholder not in word.value:
        return word
    value = word.value.replace(placeholder, item.value)
    return Word(
        value, word.shown.replace(placeholder, item.shown), word.start, word.end, item.labels
    )


def _parallel(call: Call) -> Inside:
    """GNU parallel: the command before `:::`, or lines of the input as commands."""
    values = (
        "-j -a -I -S -d -N -n --jobs --arg-file --delay --timeout --retries --joblog --sshlogin"
    )
    inner = _prefix(values).inner(call.words)
    ends = [n for n, word in enumerate(inner) if re.fullmatch(r":::[:+]?", word.value)]
    items = [word for word in inner[ends[0] + 1 :]] if ends else _items(call)
    inner = inner[: ends[0]] if ends else inner
    if not inner:
        lines = [Nested(data_of(item), item) for item in items]
        return Inside(scripts=lines[:200], is_prefix=True, keeps_stdin=False)
    has_place = any("{" in word.value for word in inner)
    scripts = []
    for item in items[:50]:
        words = [_filled(word, "{}", item) for word in inner] if has_place else [*inner, item]
        if all(word.is_known for word in words):
            scripts.append(Nested(script_of(words), inner[0]))
        else:
            return Inside([words], is_prefix=True, keeps_stdin=False)
    return Inside(scripts=scripts, is_prefix=True, keeps_stdin=False)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(PREFIXES, _run_prefix),
    "env": _env,
    "sudo": _sudo,
    "command": _command,
    "flock": _flock,
    "xargs": _xargs,
    "gxargs": _xargs,
    "parallel": _parallel,
}
