"""The Dockerfile makes the same image as `policyc container build`, as far as a text can say it."""

from __future__ import annotations

import json
import re
import shlex

from tests.docs.pages import ROOT

from policyc import __version__
from policyc.runtime.containers.image import ENTRYPOINT, ENVIRONMENT, LABELS
from policyc.runtime.containers.image_distributions import EXTRAS, HOME
from policyc.runtime.containers.spec import PORT, USER, VERSION_LABEL, own_image

_TEXT = (ROOT / "Dockerfile").read_text("utf-8")
_FINAL = _TEXT.rpartition("\nFROM ")[2]


def _instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.*)$", _FINAL, flags=re.M)
    return str(found)


def _pairs(name: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in shlex.split(_instruction(name)))


def test_both_images_run_the_same_as_the_same_user() -> None:
    assert json.loads(_instruction("ENTRYPOINT")) == list(ENTRYPOINT)
    assert _instruction("USER") == USER
    assert _instruction("EXPOSE") == f"{PORT}/tcp"
    assert _instruction("WORKDIR") == f"/{HOME}"
    assert _pairs("ENV") == ENVIRONMENT | {"PYTHONPATH": f"/{HOME}"}


def test_both_images_have_the_same_labels() -> None:
    assert _pairs("LABEL") == LABELS | {VERSION_LABEL: __version__}
    assert _TEXT.count(own_image()) == 2


def test_both_images_have_the_same_extras_and_python_fits() -> None:
    assert f"/source[{','.join(EXTRAS)}]" in _TEXT
    assert len(set(re.findall(r"^FROM (\S+)", _TEXT, flags=re.M))) == 1


def test_what_the_build_needs_is_sent_to_the_engine() -> None:
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), flags=re.M)
    assert all((ROOT / name).exists() for name in allowed)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    folders = re.findall(r'^"policyc[\w.]*" = "([\w]+)', project, flags=re.M)
    assert {name for name in folders if (ROOT / name).is_dir()} <= set(allowed)
