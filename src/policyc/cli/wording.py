"""Words of summaries."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 error`, `2 errors`, `1,000 policies`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
