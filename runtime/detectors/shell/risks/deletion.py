"""Deleting, moving away or emptying what should stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.paths import covers, is_important, normalize
from policyc.runtime.detectors.shell.risks.rule import UNDECIDABLE, Found, Rule
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.shells import search_roots
from policyc.runtime.detectors.shell.values import UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call
    from policyc.runtime.detectors.shell.values import Word

KINDS = {
    "destructive-delete": "deletes or empties a root, a home, a system folder or everything here",
}

_DELETERS = names("rm unlink rmdir srm wipe trash rimraf del")


def threatened(call: Call, word: Word) -> str | None:
    """What is lost with everything below a word, or None if it may well be of no importance.

    A variable that is not set leaves nothing: `"$X"/` is then the root.
    """
    path = call.path(word)
    if not word.value:
        return None
    if word.has_glob or "*" in path:
        path = covers(path)
    if UNKNOWN in path:
        known = _without_variables(path)
        if known is None:
            return None
        path = known
    if path in (".", "..") or re.fullmatch(r"(?:\.\./)*\.\.", path):
        return "everything here" if path == "." else "the folder above"
    return f"`{path}`" if is_important(path) else None


def _without_variables(path: str) -> str | None:
    """A path as if its unknown pieces were empty, where only those and slashes are left of it."""
    left = path.replace(UNKNOWN, "")
    if re.fullmatch(r"/*\*?", left) and path.startswith("/"):
        return None
    return normalize(left) if re.fullmatch(r"/(?:\w+/?)?", left) and path[0] == "/" else None


def _deletes(call: Call) -> Found:
    is_recursive = bool({"-r", "-R", "--recursive", "/s"} & call.flags) or call.name == "rimraf"
    if "--no-preserve-root" in call.flags:
        yield "the protection of the root is switched off", None
    for word in call.operands:
        lost = threatened(call, word)
        is_whole = lost is not None and (is_recursive or word.has_glob)
        if (is_whole and not (lost == "everything here" and not word.has_glob)) or (
            lost is not None and re.match(r"`(?:/etc|/boot|/usr|/bin|/lib|/dev)/", lost)
        ):
            yield f"deletes {lost}", word
        elif lost == "everything here":
            yield "deletes the folder it stands in", word


def _finds(call: Call) -> Found:
    """`find ROOT ... -delete`, `find ROOT -exec rm`."""
    verbs = set(call.args)
    deletes = "-delete" in verbs
    for before, after in zip(call.args, call.args[1:], strict=False):
        is_run = before in ("-exec", "-execdir", "-ok", "-x", "-X", "--exec")
        deletes |= is_run and after.rpartition("/")[2] in ("rm", "shred", "unlink", "srm")
    if not deletes:
        return
    roots = search_roots(call)
    for word in roots:
        lost = threatened(call, word)
        if lost is not None and lost != "everything here":
            yield f"deletes files below {lost}", word
    narrow = {"-name", "-iname", "-path", "-regex", "-newer", "-mtime", "-empty", "-size", "-type"}
    narrows = narrow - {"-type"} if "-type" in verbs else narrow
    if not narrows & verbs and (not roots or [w.value for w in roots] == ["."]):
        yield "deletes everything here", None


def _moves(call: Call) -> Found:
    """`mv / elsewhere`: what is at its place before is gone."""
    for word in call.operands[:-1]:
        lost = threatened(call, word)
        if lost is not None and lost != "everything here":
            yield f"moves {lost} away", word
    if call.operands[1:] and call.operands[-1].value == "/dev/null":
        yield "moves a file into nothing", call.operands[-1]


def _wipes(call: Call) -> Found:
    for word in call.operands:
        path = call.path(word)
        held = holds(path)
        if held is not None and call.name != "fallocate":
            yield f"overwrites {held}", word
        lost = threatened(call, word)
        if lost is not None and not path.startswith("/dev/"):
            yield f"overwrites {lost}", word
        elif call.name == "shred" and (word.has_glob or "-u" in call.flags) and path == "*":
            yield "overwrites everything here", word


def _syncs(call: Call) -> Found:
    """`rsync --delete EMPTY/ TARGET`."""
    if not any(flag.startswith("--del") for flag in call.flags) or not call.operands:
        return
    target = call.operands[-1]
    lost = threatened(call, target)
    if lost is not None and lost != "everything here":
        yield f"deletes what is in {lost}", target


_KEPT = re.compile(
    r"/etc/(?:passwd|group|shadow|fstab|hosts|resolv\.conf|sudoers|ssh/.*|ld\.so\.conf|nsswitch\.conf)"
    r"|/boot/.*|/(?:usr/)?s?bin/.*|/(?:usr/)?lib(?:32|64)?/.*"
)


def _empties(call: Call) -> Found:
    """`> FILE`, `: > FILE`, `cat /dev/null > FILE`, `cp /dev/null FILE` on a file of the system."""
    for redirect in call.redirects:
        target = redirect.target
        if target is None or not redirect.is_output or ">>" in redirect.operator:
            continue
        if _KEPT.fullmatch(call.path(target)):
            yield f"overwrites `{target.shown}`", target


def _replaces(call: Call) -> Found:
    words = call.operands
    if len(words) == 2 and words[0].value in ("/dev/null", "/dev/zero"):
        path = call.path(words[1])
        if _KEPT.fullmatch(path) or is_important(path):
            yield f"empties `{words[1].shown}`", words[1]


def _unknown(call: Call) -> Found:
    """A folder of which nothing is known is deleted with all that is below it."""
    is_find = call.name in ("find", "gfind")
    if is_find:
        words = search_roots(call) if "-delete" in call.args else []
    else:
        words = call.operands if {"-r", "-R", "--recursive"} & call.flags else []
    for word in words:
        if UNKNOWN in word.value and re.fullmatch(r"[\0/*.~]*", call.path(word)):
            yield "the folder that is deleted is not known", word


RULES = (
    Rule(UNDECIDABLE, _unknown, frozenset({*_DELETERS, "find", "gfind"})),
    Rule("destructive-delete", _deletes, _DELETERS),
    Rule("destructive-delete", _finds, names("find gfind fd fdfind")),
    Rule("destructive-delete", _moves, names("mv")),
    Rule("destructive-delete", _wipes, names("shred truncate wipe srm fallocate")),
    Rule("destructive-delete", _syncs, names("rsync")),
    Rule("destructive-delete", _replaces, names("cp install")),
    Rule("destructive-delete", _empties, about="redirects"),
)
