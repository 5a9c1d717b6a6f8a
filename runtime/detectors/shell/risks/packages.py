"""Installing software: what is installed may run at once, and later as part of everything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"package-install": "installs software from a registry, an address or a file"}

_FORMS = {
    "pip": r"(?:\S+ )*?install\b",
    "pip3": r"(?:\S+ )*?install\b",
    "pipx": r"(?:install|run|inject)\b",
    "uv": r"(?:pip (?:install|sync)|add|sync|tool (?:install|run))\b",
    "uvx": r".+",
    "poetry": r"(?:add|install|update)\b",
    "pdm": r"(?:add|install)\b",
    "conda": r"(?:\S+ )*?(?:install|create|update)\b",
    "mamba": r"(?:install|create|update)\b",
    "micromamba": r"(?:install|create)\b",
    "easy_install": r".+",
    "npm": r"(?:\S+ )*?(?:install|i|add|ci|update|exec|create|init \S+)\b",
    "npx": r".+",
    "pnpm": r"(?:install|i|add|dlx|update)\b",
    "pnpx": r".+",
    "yarn": r"(?:add|install|global add|dlx|upgrade|$)",
    "bun": r"(?:add|install|i|x)\b",
    "bunx": r".+",
    "deno": r"install\b",
    "gem": r"install\b",
    "bundle": r"(?:install|update|add)\b",
    "cargo": r"(?:install|binstall)\b",
    "go": r"(?:install|get)\b",
    "apt": r"(?:\S+ )*?(?:install|upgrade|dist-upgrade|full-upgrade|reinstall)\b",
    "apt-get": r"(?:\S+ )*?(?:install|upgrade|dist-upgrade|build-dep)\b",
    "aptitude": r"(?:\S+ )*?install\b",
    "dpkg": r"(?:-i|--install)\b",
    "yum": r"(?:\S+ )*?(?:install|update|localinstall)\b",
    "dnf": r"(?:\S+ )*?(?:install|upgrade|update)\b",
    "zypper": r"(?:\S+ )*?(?:in|install)\b",
    "rpm": r"-\w*[iU]\w*\b|--install",
    "pacman": r"-S(?![sgilc])\w*",
    "apk": r"(?:\S+ )*?add\b",
    "emerge": r"(?!-)",
    "xbps-install": r".+",
    "brew": r"(?:install|reinstall|upgrade|tap)\b",
    "port": r"install\b",
    "snap": r"install\b",
    "flatpak": r"install\b",
    "nix-env": r"-\w*i",
    "nix": r"(?:profile install|shell|run)\b",
    "guix": r"install\b",
    "choco": r"install\b",
    "winget": r"install\b",
    "scoop": r"install\b",
    "composer": r"(?:require|install|global require|update)\b",
    "cpan": r"\w",
    "cpanm": r".+",
    "luarocks": r"install\b",
    "opam": r"install\b",
    "stack": r"install\b",
    "cabal": r"install\b",
    "mix": r"(?:deps\.get|archive\.install|local\.)",
    "dotnet": r"(?:add .*package|tool install)\b",
    "mvn": r"(?:\S+ )*?dependency:get",
    "helm": r"(?:install|upgrade|repo add)\b",
    "code": r"--install-extension",
    "gh": r"extension install\b",
    "asdf": r"(?:install|plugin add)\b",
    "rustup": r"(?:install|toolchain install|component add)\b",
    "nvm": r"install\b",
    "pyenv": r"install\b",
    "R": r"CMD INSTALL\b",
    "krew": r"install\b",
    "claude": r"mcp add\b",
}
_PATTERNS = {name: re.compile(form) for name, form in _FORMS.items()}
_HARMLESS = frozenset({"--dry-run", "--help", "-h", "--version", "--download-only"})


def _installs(call: Call) -> Found:
    text = " ".join(call.args)
    if _PATTERNS[call.name].match(text) and not _HARMLESS & set(call.args):
        yield f"`{call.name}` installs software", None


def _module(call: Call) -> Found:
    """`python -m pip install`."""
    text = " ".join(call.args)
    if re.search(
        r"(?:^| )-m (?:pip|pipx|ensurepip|conda|uv pip)\b.*\b(?:install|sync)\b", text
    ) or re.search(r"setup\.py (?:install|develop)\b", text):
        yield f"`{call.name}` installs software", None


RULES = (
    Rule("package-install", _installs, frozenset(_FORMS)),
    Rule("package-install", _module, frozenset({"python", "python2", "python3", "pypy3", "py"})),
)
