"""Coverage as a Cobertura report: what GitLab, Jenkins and Azure show beside a change.

A folder is a package, a file a class. A line was hit as often as the point on it that was reached
most; its branches are the two outcomes of each point on it. Rules are counted as lines only.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from policyc.grammar.printable import printable
from policyc.runtime.testing.coverage.coverage import Ratio
from policyc.runtime.testing.coverage.findings import by_line
from policyc.runtime.testing.coverage.points import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyc.runtime.testing.coverage.coverage import Coverage, FileCoverage
    from policyc.runtime.testing.coverage.findings import Found

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">\n'
)


def render_cobertura(coverage: Coverage, *, timestamp: int = 0) -> str:
    """The report as XML; `timestamp` in milliseconds since 1970."""
    folders: dict[str, list[FileCoverage]] = {}
    for file in coverage.files:
        folders.setdefault(str(_path(file).parent), []).append(file)
    root = ET.Element("coverage")
    lines, branches = _rates(root, coverage.files)
    root.attrib |= {
        "lines-covered": str(lines.seen),
        "lines-valid": str(lines.total),
        "branches-covered": str(branches.seen),
        "branches-valid": str(branches.total),
        "complexity": "0",
        "version": "policyc",
        "timestamp": str(timestamp),
    }
    ET.SubElement(ET.SubElement(root, "sources"), "source").text = "."
    packages = ET.SubElement(root, "packages")
    for folder, files in folders.items():
        package = ET.SubElement(packages, "package", name="" if folder == "." else folder)
        _rates(package, files)
        package.set("complexity", "0")
        classes = ET.SubElement(package, "classes")
        for file in files:
            _class(classes, file)
    ET.indent(root)
    return f"{_HEAD}{ET.tostring(root, encoding='unicode')}\n"


def _class(parent: ET.Element, file: FileCoverage) -> None:
    path = _path(file)
    element = ET.SubElement(parent, "class", name=path.name, filename=str(path))
    _rates(element, [file])
    element.set("complexity", "0")
    ET.SubElement(element, "methods")
    lines = ET.SubElement(element, "lines")
    for number, found in by_line(file).items():
        branches = _branches(found)
        line = ET.SubElement(lines, "line", number=str(number), hits=str(_hits(found)))
        line.set("branch", "true" if branches.total else "false")
        if not branches.total:
            continue
        line.set("condition-coverage", _percent(branches))
        conditions = ET.SubElement(line, "conditions")
        points = [entry for entry in found if entry[0].kind is not Kind.RULE]
        for at, entry in enumerate(points):
            coverage = f"{100 * _branches([entry]).seen // 2}%"
            ET.SubElement(conditions, "condition", number=str(at), type="jump", coverage=coverage)


def _path(file: FileCoverage) -> PurePosixPath:
    return PurePosixPath(printable(file.file.source.name.replace("\\", "/")))


def _rates(element: ET.Element, files: Iterable[FileCoverage]) -> tuple[Ratio, Ratio]:
    """Set the rates of lines and branches of some files; the numbers behind them."""
    found = [entry for file in files for entry in by_line(file).values()]
    lines = Ratio(sum(_hits(entry) > 0 for entry in found), len(found))
    branches = sum(map(_branches, found), Ratio(0, 0))
    for name, ratio in (("line-rate", lines), ("branch-rate", branches)):
        element.set(name, f"{ratio.seen / ratio.total if ratio.total else 1:.4f}")
    return lines, branches


def _hits(found: Sequence[Found]) -> int:
    return max(counts.reached for _, counts in found)


def _branches(found: Iterable[Found]) -> Ratio:
    counts = [counts for point, counts in found if point.kind is not Kind.RULE]
    return Ratio(sum((x.true > 0) + (x.false > 0) for x in counts), 2 * len(counts))


def _percent(ratio: Ratio) -> str:
    return f"{100 * ratio.seen // ratio.total}% ({ratio.seen}/{ratio.total})"
