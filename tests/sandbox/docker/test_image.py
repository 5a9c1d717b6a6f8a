"""The image of sandboxes: what is in it, that it is made once, and what is said where it is not."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.docs.pages import ROOT

from policyc import __version__
from policyc.runtime.containers.image_files import CannotBuild, File, with_bytecode
from policyc.runtime.containers.image_import import RECIPE_LABEL
from policyc.runtime.containers.spec import VERSION_LABEL
from policyc.runtime.sandbox import image
from policyc.runtime.sandbox.spec import own_image

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient
    from tests.sandbox.docker.conftest import Shell

FINAL = (ROOT / "Dockerfile.sandbox").read_text("utf-8")


def test_an_image_that_is_up_to_date_is_not_made_again(
    docker_engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    image.build(lambda done, total: told.append((done, total)), again=True)
    assert told[-1][0] == told[-1][1] == len(told)
    told.clear()
    built = image.build(lambda done, total: told.append((done, total)))
    assert not built.is_new and not told
    assert docker_engine.images.get(built.tag).labels[RECIPE_LABEL] == image.recipe()
    monkeypatch.setattr(image, "WELCOME", ())
    assert image.recipe() != docker_engine.images.get(built.tag).labels[RECIPE_LABEL]


def test_the_same_packages_give_the_same_bytes(docker_engine: DockerClient, tmp_path: Path) -> None:
    built = image.build(lambda _done, _all: None)
    python, packages = image.packages_of_this_machine()
    files = sorted(image.system_files(packages, python), key=lambda one: one.target)
    with (tmp_path / "root.tar").open("w+b") as archive:
        image.pack(archive, files, image._root(python), lambda _done, _all: None)
        archive.seek(0)
        assert f"sha256:{hashlib.file_digest(archive, 'sha256').hexdigest()}" == built.digest
        archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            members = tar.getmembers()
    assert {one.uid for one in members if one.name != "ws"} == {0}
    assert not [one.name for one in members if one.mode & 0o6000]
    assert not [one.name for one in members if one.isreg() and one.mode & 0o022]
    assert not [one for one in members if not (one.isreg() or one.isdir() or one.issym())]
    assert len({one.name for one in members}) == len(members)


def test_the_bytecode_is_that_of_its_own_python(tmp_path: Path) -> None:
    """Whatever Python makes the image: another's bytecode is of no use in it."""
    (tmp_path / "__pycache__").mkdir()
    for python in ("311", "312", "313"):
        (tmp_path / "__pycache__" / f"a.cpython-{python}.pyc").touch()
    for python in ("3.11", "3.13", "3.14"):
        file = File(tmp_path / "a.py", "usr/lib/a.py")
        wanted = [f"usr/lib/__pycache__/a.cpython-{python.replace('.', '')}.pyc"]
        found = [one.target for one in with_bytecode(file, python)]
        assert found == ["usr/lib/a.py", *([] if python == "3.14" else wanted)]


def test_what_is_in_it_is_told_for_an_inventory(docker_engine: DockerClient, shared: Shell) -> None:
    built = image.build(lambda _done, _all: None)
    document = json.loads(json.dumps(built.sbom))
    (whole, *rows) = document["packages"]
    assert whole["checksums"][0]["checksumValue"] == built.digest.removeprefix("sha256:")
    assert {one["name"]: one["versionInfo"] for one in rows} == built.packages
    assert all(
        re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one["SPDXID"]) for one in document["packages"]
    )
    ids = [one["SPDXID"] for one in document["packages"]]
    assert len(set(ids)) == len(ids)
    contained = [one["relatedSpdxElement"] for one in document["relationships"]]
    assert contained == ids
    assert all(one["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/") for one in rows)
    assert built.packages["bash"].partition("-")[0].rstrip("+b1") in shared.says("bash --version")


def test_programs_that_people_expect_are_there(shared: Shell) -> None:
    names = shlex.split(
        "awk bash cat cp curl diff env find git grep gunzip gzip head id ls mkdir mv ps python3"
        " python rm sed sh sleep sort tar timeout touch which xargs"
    )
    found = shared(f"for name in {shlex.join(names)}; do command -v $name; done").stdout.decode()
    missing = set(names) - {line.rpartition("/")[2] for line in found.split()}
    assert missing <= {"curl", "git"}
    assert shared.says("which awk; python -c 'print(1)'; echo a | awk '{print $1}'").endswith(
        "1\na\n"
    )


def test_there_is_no_package_manager_and_nothing_of_this_machine(shared: Shell) -> None:
    for name in ("apt", "dpkg", "pip", "sudo", "docker", "systemctl", "login", "passwd"):
        assert shared(f"command -v {name}").exit_code
    assert shared.says("cat /etc/hostname /etc/machine-id /etc/shadow 2>/dev/null || true") in (
        "sandbox\n",
        "",
    )
    assert shared.says(
        "ls -A /root /home /usr/local/bin /var/log 2>/dev/null | grep . || true"
    ) == ("/home:\n/root:\n/usr/local/bin:\n")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "NEEDED", ("bash", "no-such-package"))
    with pytest.raises(CannotBuild, match="apt install no-such-package"):
        image.packages_of_this_machine()


def test_a_machine_without_debian_packages_is_told_another_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBuild, match=r"Dockerfile\.sandbox"):
        image.build(lambda _done, _all: None)


# --- the Dockerfile makes the same, as far as a text can say it


def _instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.*)$", FINAL, flags=re.M)
    return str(found)


def test_both_images_have_the_same_users_folder_and_command() -> None:
    assert _instruction("USER") == "10000:10000"
    assert _instruction("WORKDIR") == "/ws"
    assert json.loads(_instruction("CMD")) == list(image.COMMAND)
    labels = dict(one.split("=", 1) for one in shlex.split(_instruction("LABEL")))
    assert labels == image.LABELS | {VERSION_LABEL: __version__}
    assert FINAL.count(own_image()) == 2
    assert "--uid 10000" in FINAL and "--uid 10001" in FINAL and "-perm /6000" in FINAL
