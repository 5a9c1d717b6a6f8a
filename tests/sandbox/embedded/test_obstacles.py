"""A machine that makes no sandboxes says why, and what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.sandbox.embedded.ordinary import run_as_ordinary_user

from policyc.runtime.sandbox.embedded import EmbeddedProvider, linux, obstacles, planning
from policyc.runtime.sandbox.failures import ProviderUnavailable

if TYPE_CHECKING:
    from pathlib import Path

_PROBE = """
import sys
from pathlib import Path
from policyc.runtime.sandbox.embedded import EmbeddedProvider
from policyc.runtime.sandbox.failures import ProviderUnavailable
try:
    EmbeddedProvider(Path(sys.argv[1])).probe()
except ProviderUnavailable as error:
    print(error)
"""


def test_user_namespaces_switched_off(works_here: None) -> None:
    """For real: in a namespace of its own, where the switch can be set."""
    if shutil.which("unshare") is None:
        pytest.skip("the program `unshare` is not here")
    told, left = run_as_ordinary_user(
        f"""
import subprocess
switch = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -I -c "$1" "$2"'
probe = "import sys; sys.path[:] = " + repr(sys.path) + {_PROBE!r}
command = ["unshare", "--user", "--map-root-user", "sh", "-c", switch, sys.executable, probe]
boxes = folder / "boxes"
done = subprocess.run([*command, str(boxes)], capture_output=True, text=True)
print(json.dumps([done.stdout + done.stderr, [one.name for one in boxes.iterdir()]]))
"""
    )
    assert "cannot be made: unshare: No space left on device" in told
    assert "sysctl -w user.max_user_namespaces=15000" in told
    assert left == []


def test_root_that_may_make_no_namespaces(folder: Path) -> None:
    """As in a container: it could make a sandbox as an ordinary user does, of which it is root."""
    if not planning.has_root() or shutil.which("setpriv") is None:
        pytest.skip("this takes root, and the program `setpriv`")
    done = subprocess.run(
        [
            *("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"),
            *(sys.executable, "-c", _PROBE, str(folder)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "root without the right to make namespaces" in done.stdout
    assert not folder.exists()


def test_another_system(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ProviderUnavailable, match="what Linux has, and this is darwin"):
        EmbeddedProvider(folder).probe()


def test_another_architecture(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(linux.platform, "machine", lambda: "riscv64")
    with pytest.raises(ProviderUnavailable, match="this machine is riscv64"):
        EmbeddedProvider(folder).probe()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("mount_setattr of /x: Function not implemented", "Linux 5.12 or newer"),
        ("mount of proc at /x: Operation not permitted", "systempaths=unconfined"),
    ],
)
def test_advice(failure: str, words: str) -> None:
    assert words in obstacles.advice(failure)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_advice_by_settings(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, words: str
) -> None:
    """Settings that this kernel does not have to be set to."""
    monkeypatch.setattr(obstacles, "_value", lambda name: value if name == setting else "")
    monkeypatch.setattr(obstacles.planning, "has_root", lambda: False)
    assert words in obstacles.advice("unshare: Operation not permitted")
