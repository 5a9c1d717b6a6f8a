"""The pytest plugin: `*.cases.yaml` files are collected as tests, and tests get a `policy` and
snapshots of verdicts.

It is loaded in every pytest run where policyc is installed, so it imports nothing until there is a
case file or a test that asks for a policy.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from policyc.api import Policy

_SUFFIXES = (".cases.yaml", ".cases.yml")


def pytest_configure(config: pytest.Config) -> None:
    line = "policy(path, *paths, **options): the policy files that the fixture `policy` compiles"
    config.addinivalue_line("markers", line)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A case file as a collector of its cases."""
    if not file_path.name.endswith(_SUFFIXES):
        return None
    from policyc.pytest_cases import CaseFileCollector  # noqa: PLC0415  # only where there is one

    collector: pytest.Collector = CaseFileCollector.from_parent(parent, path=file_path)
    return collector


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the other cases out where some have `only`."""
    cases = sys.modules.get("policyc.pytest_cases")
    if cases is None:
        return
    kept, left_out = cases.apply_only(items)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Policy:
    """The policy of the marker `@pytest.mark.policy("mail.inv")`: a path from the folder of the
    test file, `policy:NAME`, or several. Keyword arguments are those of `Policy.from_files`."""
    from policyc.api import Policy  # noqa: PLC0415  # only where one is asked for

    marker = request.node.get_closest_marker("policy")
    if marker is None or not marker.args:
        pytest.fail('the fixture `policy` needs @pytest.mark.policy("FILE.inv")', pytrace=False)
    folder = request.path.parent
    paths = [path if str(path).startswith("policy:") else folder / path for path in marker.args]
    return Policy.from_files(paths, **marker.kwargs)


@pytest.fixture
def verdict_snapshot(request: pytest.FixtureRequest) -> SnapshotAssertion:
    """Compares a result of an analysis, or (result, events), with a readable file that is named
    after the test; `pytest --snapshot-update` writes it. Needs syrupy."""
    try:
        from policyc.snapshots import VerdictSnapshotExtension  # noqa: PLC0415  # by need
    except ImportError as error:
        pytest.fail(str(error), pytrace=False)
    snapshot: SnapshotAssertion = request.getfixturevalue("snapshot")
    return snapshot.use_extension(VerdictSnapshotExtension)
