"""What is in an image of sandboxes, as a document for those who keep an inventory: SPDX 2.3."""

from __future__ import annotations

import re
from importlib.metadata import version
from platform import freedesktop_os_release
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from policyc.runtime.containers.image_packages import told_by_packages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_NAMESPACE: Final = "https://spdx.org/spdxdocs"
_IMAGE: Final = "SPDXRef-image"
_UNKNOWN: Final = "NOASSERTION"
_FIELDS: Final = ("Package", "Version", "Architecture", "Maintainer", "Homepage", "source:Package")


def sbom(tag: str, digest: str, packages: Mapping[str, str], made: datetime) -> dict[str, Any]:
    """The document of an image.

    Args:
        tag: its name.
        digest: of its layer, `sha256:...`.
        packages: Debian packages in it: names and versions.
        made: when it was.

    Raises:
        CannotBuild: the packages cannot be read.
    """
    name = tag.replace("/", "-").replace(":", "-")
    hexadecimal = digest.removeprefix("sha256:")
    image = {
        "SPDXID": _IMAGE,
        "name": tag,
        "versionInfo": tag.rpartition(":")[2],
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": hexadecimal}],
        "primaryPackagePurpose": "CONTAINER",
    }
    rows = [_package(one) for one in _details(packages)]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"{_NAMESPACE}/{name}-{hexadecimal[:32]}",
        "creationInfo": {
            "created": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: policyc-{version('policyc')}"],
        },
        "packages": [image, *rows],
        "relationships": [
            _relation("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE),
            *(_relation(_IMAGE, "CONTAINS", one["SPDXID"]) for one in rows),
        ],
    }


def _details(packages: Iterable[str]) -> list[dict[str, str]]:
    form = "\t".join(f"${{{field}}}" for field in _FIELDS) + "\n"
    told = told_by_packages("dpkg-query", "-W", "-f", form, *packages)
    return [dict(zip(_FIELDS, line.split("\t"), strict=True)) for line in told.splitlines()]


def _package(told: Mapping[str, str]) -> dict[str, Any]:
    name, number = told["Package"], told["Version"]
    return {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name.replace("+", "-plus")),
        "name": name,
        "versionInfo": number,
        "supplier": _supplier(told["Maintainer"]),
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "homepage": told["Homepage"] or _UNKNOWN,
        "sourceInfo": f"Debian source package {told['source:Package']}",
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:deb/{_distribution()}/{quote(name)}@{quote(number)}"
                f"?arch={told['Architecture']}",
            }
        ],
    }


def _supplier(maintainer: str) -> str:
    found = re.fullmatch(r"\s*(.*?)\s*<(.*)>\s*", maintainer)
    return f"Organization: {found[1]} ({found[2]})" if found else _UNKNOWN


def _distribution() -> str:
    return freedesktop_os_release().get("ID", "debian")


def _relation(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
