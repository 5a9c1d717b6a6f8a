"""The value of what is missing in a trace. It is apart so that everything can know it."""

from __future__ import annotations

from typing import Final


class _Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "absent"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
