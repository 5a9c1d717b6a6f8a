"""Losing history or work that git keeps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {
    "git-rewrite": "rewrites or deletes published or recorded history",
    "git-discard": "throws away work that is not committed, or a branch",
}


def _rewrites(call: Call) -> Found:
    verbs, flags = call.verbs, call.flags
    verb = verbs[0] if verbs else ""
    if verb == "push":
        if {"-f", "--force", "--force-with-lease", "--mirror", "--prune"} & flags:
            yield "overwrites history of the remote", None
        if {"-d", "--delete"} & flags:
            yield "deletes branches of the remote", None
        for word in call.operands[2:]:
            if word.value.startswith(("+", ":")) and len(word.value) > 1:
                yield "overwrites or deletes a branch of the remote", word
    elif verb in ("filter-branch", "filter-repo", "fast-import") or verb == "replace":
        yield "rewrites the history", None
    elif (verb == "reflog" and verbs[1:2] in (["expire"], ["delete"])) or (
        verb == "gc" and any(arg.startswith("--prune=") for arg in call.args)
    ):
        yield "deletes what could be brought back", None
    elif verb == "update-ref" and "-d" in flags:
        yield "deletes a branch", None
    elif verb == "tag" and {"-d", "--delete"} & flags:
        yield "deletes a tag", None


def _rewriters(call: Call) -> Found:
    yield f"`{call.name}` rewrites the history", None


def _discards(call: Call) -> Found:
    verbs, flags = call.verbs, call.flags
    verb = verbs[0] if verbs else ""
    if verb == "reset" and "--hard" in flags:
        yield "throws away changes", None
    elif verb == "clean" and {"-f", "--force"} & flags and not {"-n", "--dry-run"} & flags:
        yield "deletes files that are not committed", None
    elif (verb == "checkout" and ({"-f", "--force"} & flags or _names_everything(call))) or (
        verb == "restore" and _names_everything(call) and "--staged" not in flags
    ):
        yield "throws away changes", None
    elif verb == "stash" and verbs[1:2] in (["drop"], ["clear"]):
        yield "throws away stashed changes", None
    elif verb == "branch" and ("-D" in flags or ({"-d", "--delete"} & flags and "-f" in flags)):
        yield "deletes a branch that may not be merged", None
    elif verb == "worktree" and verbs[1:2] == ["remove"] and {"-f", "--force"} & flags:
        yield "deletes a work tree", None


def _names_everything(call: Call) -> bool:
    return any(word.value in (".", "*", ":/", "./") for word in call.operands[1:])


def _deletes(call: Call) -> Found:
    for word in call.operands:
        if re.fullmatch(r"(?:.*/)?\.git(?:/(?:objects|refs|logs)?)?/?", word.value):
            yield "deletes the whole history", word


def _gh(call: Call) -> Found:
    verbs = call.verbs
    if verbs[:2] in (["repo", "delete"], ["release", "delete"], ["repo", "archive"]):
        yield f"`gh {' '.join(verbs[:2])}` cannot be undone", None


RULES = (
    Rule("git-rewrite", _rewrites, names("git")),
    Rule("git-rewrite", _rewriters, names("git-filter-repo bfg")),
    Rule("git-rewrite", _deletes, names("rm rmdir shred mv")),
    Rule("git-rewrite", _gh, names("gh glab")),
    Rule("git-discard", _discards, names("git")),
)
