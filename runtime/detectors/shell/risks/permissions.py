"""Opening what was closed, or taking it from its owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.deletion import threatened
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.sensitive import holds
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"permissions": "opens system files or secrets to everybody, or changes their owner"}


def _changes(call: Call) -> Found:
    operands = call.operands
    if call.options.value("--reference") is None and call.name not in ("setfacl", "takeown"):
        operands = operands[1:]
    is_recursive = bool({"-R", "--recursive"} & call.flags)
    for word in operands:
        path = call.path(word)
        lost = threatened(call, word)
        if lost is not None and lost != "everything here" and (is_recursive or path != "~"):
            yield f"changes the rights of {lost}", word
        elif holds(path) is not None and _opens(call):
            yield f"opens `{word.shown}` to others", word
        elif is_recursive and _opens_to_all(call) and path in (".", "*"):
            yield "opens everything here to everybody", word


def _opens(call: Call) -> bool:
    """Whether a mode lets others read."""
    mode = call.operands[0].value if call.operands and call.name == "chmod" else ""
    return re.fullmatch(r"0?[0-7]?[0-7](?:[4-7][0-7]|[0-7][1-7])", mode) is not None or (
        re.search(r"(?:^|,)[uga]*[oa]?[+=][^,]*[rw]", mode) is not None and not mode.startswith("u")
    )


def _opens_to_all(call: Call) -> bool:
    mode = call.operands[0].value if call.operands and call.name == "chmod" else ""
    return (
        re.fullmatch(r"0?[0-7]?[0-7][0-7][2367]|[ugo]*[ao][+=][^,]*w.*|\+[^,]*w.*", mode)
        is not None
    )


def _immutable(call: Call) -> Found:
    for word in call.operands:
        if re.fullmatch(r"[-+=][a-zA-Z]*i[a-zA-Z]*", word.value) or "-i" in call.flags:
            yield "changes whether files can be changed", word
            return


RULES = (
    Rule("permissions", _changes, names("chmod chown chgrp setfacl icacls takeown")),
    Rule("permissions", _immutable, names("chattr")),
)
