"""What semgrep says about code, by rules of our own (`semgrep_*.yaml`), without a network.

All texts of a call are looked at by one process, since it takes seconds to start. A text that it
cannot parse is an issue of its own (`not-parsed`), never "nothing found"; comments that turn rules
off (`# nosemgrep`) are not obeyed.
"""

from __future__ import annotations

import json
import logging
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from policyc.runtime.bounds import BuiltinError
from policyc.runtime.detectors import programs
from policyc.runtime.detectors.kept import Kept, name_of
from policyc.runtime.models.arguments import positive, text_of
from policyc.runtime.models.engines import Engine, reason_of, refusal_of
from policyc.runtime.records import CodeIssue, MarkedList
from policyc.runtime.texts import placed_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyc.compiler.signatures import Unavailable
    from policyc.runtime.places import Mark

SECONDS = 30
"""What one call may take, where `timeout` does not say."""

MAX_CODE = 1_000_000
"""Characters of all texts of a call."""

_ENDINGS = {"python": ".py", "bash": ".sh"}
_OFFLINE = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}
"""Without these, even `semgrep --version` asks a server."""

_kept: Kept[tuple[CodeIssue, ...]] = Kept(1_000)
_log = logging.getLogger("policyc.detectors")


def semgrep(
    code: Any, lang: Any, timeout: Any = SECONDS, *, on_error: Any = "deny", place: Any = None
) -> MarkedList:
    """The issues of the code in all texts of a value; `place` is where it lies in the trace.

    Raises:
        BuiltinError: semgrep is not there, fails, or is too slow.
    """
    if text_of("lang", lang) not in _ENDINGS:
        raise BuiltinError(f"`semgrep` knows python and bash, not `{lang}`")
    seconds = positive("timeout", timeout)
    texts = placed_texts(code, place)
    names = {text: name_of(lang, text) for text, _ in texts}
    found = {text: _kept.get(name) for text, name in names.items()}
    new = [text for text, known in found.items() if known is None and text.strip()]
    try:
        for text, issues in zip(new, _ask(new, lang, seconds), strict=True):
            found[text] = issues
            _kept.put(names[text], issues)
    except BuiltinError as error:
        if on_error != "allow":
            raise
        _log.warning("allowed without an answer: %s", error)
    listed: list[CodeIssue] = []
    marks: list[Mark] = []
    for text, where in texts:
        for issue in found[text] or ():
            start, end = issue.span
            own = [] if where is None else [(where, start, end)]
            listed.append(issue.marked({"": own}))
            marks += own
    return MarkedList(listed, marks)


def unavailable(options: Mapping[str, Any]) -> Unavailable | None:
    """Why semgrep cannot be asked here; None where it can."""
    return refusal_of(_program)


def engines() -> tuple[Engine, ...]:
    """The program, where it is there."""
    reason = reason_of(_program)
    version = "" if reason else programs.version_of("semgrep", _OFFLINE)
    return (Engine("semgrep", "the only one", reason, version, "LGPL-2.1"),)


def _program() -> str:
    """Where semgrep is.

    Raises:
        BuiltinError: nowhere.
    """
    found = programs.find("semgrep")
    if found is None:
        raise BuiltinError(
            "the program `semgrep` is not installed",
            "install it: `pip install 'policyc[semgrep]'`, or put it on the PATH",
        )
    return found


def _ask(texts: Sequence[str], lang: str, seconds: float) -> list[tuple[CodeIssue, ...]]:
    """The issues of each text, by one process; its files are gone afterwards."""
    if not texts:
        return []
    if sum(map(len, texts)) > MAX_CODE:
        raise BuiltinError(f"code of more than {MAX_CODE} characters is not given to semgrep")
    program = _program()
    with TemporaryDirectory(prefix="policyc-semgrep-") as name:
        folder = Path(name)
        code = folder / "code"
        code.mkdir()
        files = [code / f"{number}{_ENDINGS[lang]}" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text.encode("utf-8", "replace"))
        rules = folder / "rules.yaml"
        rules.write_bytes(_rules(lang))
        status, output, errors = programs.run(
            [*_command(program, rules), *map(str, files)], seconds, _environment(folder)
        )
        answer = _answer(status, output, errors)
        return [_issues(answer, file, text) for file, text in zip(files, texts, strict=True)]


def _command(program: str, rules: Path) -> list[str]:
    options = (
        "--json --quiet --metrics off --disable-version-check --disable-nosem --no-git-ignore "
        "--jobs 1 --max-target-bytes 0 --timeout 0 --no-rewrite-rule-ids"
    )
    return [program, "scan", *options.split(), "--config", str(rules)]


def _environment(folder: Path) -> dict[str, str]:
    """Keeps all that semgrep writes in the folder that is removed."""
    return {
        "SEMGREP_SETTINGS_FILE": str(folder / "settings.yml"),
        "SEMGREP_LOG_FILE": str(folder / "semgrep.log"),
        "SEMGREP_VERSION_CACHE_PATH": str(folder / "version"),
        **_OFFLINE,
        "XDG_CACHE_HOME": str(folder / "cache"),
        "TMPDIR": str(folder),
    }


def _rules(lang: str) -> bytes:
    place = resources.files("policyc.runtime.detectors") / f"semgrep_{lang}.yaml"
    return place.read_bytes()


def _answer(status: int, output: bytes, errors: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or status not in (0, 1):
        told = errors.decode("utf-8", "replace").strip().splitlines()
        raise BuiltinError(f"semgrep failed (exit code {status}): {told[-1] if told else ''}")
    return answer


def _issues(answer: dict[str, Any], file: Path, text: str) -> tuple[CodeIssue, ...]:
    """The issues of a file; that it was not read to its end is one."""
    data = text.encode("utf-8", "replace")

    def characters(at: int) -> int:
        return len(data[:at].decode("utf-8", "replace"))

    found = []
    for result in answer["results"]:
        if Path(result["path"]) == file:
            span = [characters(result[edge]["offset"]) for edge in ("start", "end")]
            about = result["extra"]
            rule = result["check_id"].rpartition(".")[2]
            found.append(CodeIssue(about["message"], about["severity"].lower(), rule, span))
    paths = {Path(error.get("path") or "") for error in answer["errors"]}
    if file in paths or str(file) not in answer["paths"]["scanned"]:
        why = "Semgrep cannot parse all of the code, so that issues may be missing."
        found.append(CodeIssue(why, "warning", "not-parsed", [0, len(text)]))
    return tuple(sorted(found, key=lambda issue: (issue.span, issue.rule)))
