"""Running what has just come over the network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.interpreters import LANGUAGES
from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.values import DOWNLOADED, UNKNOWN
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"fetch-to-exec": "runs code that was downloaded"}


def _runs(call: Call) -> Found:
    for data, word in call.executes:
        if DOWNLOADED in data.labels:
            yield "runs what was downloaded", word
            return
    if call.words and DOWNLOADED in call.words[0].labels and UNKNOWN in call.words[0].value:
        yield "the command itself was downloaded", call.words[0]


_FETCH = re.compile(
    r"urlopen|urllib|requests\.(?:get|post)|http\.client|httpx\.|LWP|Net::HTTP|open-uri|URI\.open|"
    r"file_get_contents\s*\(\s*['\"]https?:|\bfetch\s*\(|\bhttps?\b.{0,4}\.(?:get|request)\b|\baxios\b|socket\.http|curl_exec|HTTP::Tiny"
)
_RUN = re.compile(
    r"\b(?:exec|eval|system|popen|subprocess|Function|instance_eval|loadstring|load|child_process|import_module)\b"
)


def _inline(call: Call) -> Found:
    """`python -c "exec(urlopen(...).read())"`."""
    for data, word in call.executes:
        if data.text is not None and _FETCH.search(data.text) and _RUN.search(data.text):
            yield "inline code downloads and runs something", word


def _installers(call: Call) -> Found:
    """Programs that download and run by themselves."""
    for word in call.words[1:]:
        text = word.value
        is_remote = re.match(r"https?://", text) is not None
        if is_remote and call.name in ("deno", "bun", "npx", "pipx", "uvx"):
            yield f"`{call.name}` runs a program from an address", word
        elif is_remote and call.name == "kubectl" and {"-f", "--filename"} & call.flags:
            yield "applies a manifest from an address", word
        elif text.startswith(("http", "/i:http")) and call.name in (
            "mshta",
            "regsvr32",
            "rundll32",
            "msiexec",
            "bitsadmin",
            "certutil",
        ):
            yield f"`{call.name}` fetches and runs something", word


RULES = (
    Rule("fetch-to-exec", _runs),
    Rule("fetch-to-exec", _inline, LANGUAGES),
    Rule(
        "fetch-to-exec",
        _installers,
        names("deno bun npx pipx uvx kubectl mshta regsvr32 rundll32 msiexec certutil bitsadmin"),
    ),
)
