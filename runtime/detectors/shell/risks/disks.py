"""Writing to disks below their file systems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.runtime.detectors.shell.risks.rule import Found, Rule
from policyc.runtime.detectors.shell.wordlists import names

if TYPE_CHECKING:
    from policyc.runtime.detectors.shell.call import Call

KINDS = {"raw-disk": "writes to a disk, a partition or the memory itself, or makes a file system"}

_DISK = re.compile(
    r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|rdisk|loop|md|dm-|mapper/|block/|sr|mem|kmem|port|nbd)[^\s]*"
)
_FORMATTERS = names(
    "mkfs mke2fs mkswap wipefs blkdiscard newfs mkntfs mkdosfs badblocks sfdisk "
    "fdisk cfdisk gdisk sgdisk parted "
    "lvremove vgremove pvremove hdparm nvme diskutil format zpool cryptsetup mdadm "
    "dmsetup mkfs.ext2 mkfs.ext3 "
    "mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkfs.f2fs "
    "mkfs.exfat mkfs.minix mkfs.msdos"
)
_QUIET = {
    "fdisk": re.compile(r"(?:-l|--list|-v|-V|-s)\b"),
    "sfdisk": re.compile(r"(?:-l|-d|--list|--dump|-v)\b"),
    "gdisk": re.compile(r"-l\b"),
    "sgdisk": re.compile(r"(?:-p|--print|-i|-b)\b"),
    "parted": re.compile(r"(?:-l|--list|.*\bprint\b)"),
    "badblocks": re.compile(r"(?!.*-\w*w)"),
    "hdparm": re.compile(r"(?!.*--(?:security-erase|trim|make-bad|write))"),
    "nvme": re.compile(r"(?!format|sanitize|write)"),
    "diskutil": re.compile(r"(?!erase|secureErase|partition|zero|random|reformat|apfs delete)"),
    "zpool": re.compile(r"(?!destroy|labelclear)"),
    "cryptsetup": re.compile(
        r"(?!.*(?:luksFormat|erase|luksErase|reencrypt|luksRemoveKey|luksKillSlot))"
    ),
    "mdadm": re.compile(r"(?!.*--(?:zero-superblock|create|remove))"),
    "dmsetup": re.compile(r"(?!remove|wipe)"),
    "wipefs": re.compile(r"(?!.*(?:-\w*a|--all|-o))"),
    "format": re.compile(r"(?![A-Za-z]:)"),
}


def _formats(call: Call) -> Found:
    harmless = _QUIET.get(call.name)
    text = " ".join(call.args)
    if harmless is not None and (not text or harmless.match(text)):
        return
    if call.operands or call.name in ("diskutil", "zpool", "nvme"):
        yield f"`{call.name}` changes a disk", None


def _writes(call: Call) -> Found:
    for path, word in call.writes:
        if _DISK.fullmatch(path):
            yield f"writes to `{word.shown}`", word


RULES = (
    Rule("raw-disk", _formats, _FORMATTERS),
    Rule("raw-disk", _writes, about="writes"),
)
