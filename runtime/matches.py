"""Matches as the search finds them: rules and coordinates, not yet written out."""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]

Coordinate = tuple[int, int]
"""Number of an event, and of a part within it (a call, chunk, tool or text) or -1 for the event
itself."""

Spot = tuple[int, int, Event] | int
"""Where a loop variable stands: event number, part, event; or the number of a derived value."""

Match = tuple[int, tuple[Spot, ...]]
"""A model: the rule's number, and a spot for each of its loop variables in the order of
`Block.loop_variables`."""

Identity = tuple[int, tuple[Coordinate | int, ...]]
"""What tells two matches of a policy apart: a match without the events."""


def coordinates_of(match: Match) -> tuple[Coordinate | int, ...]:
    """The spots of a match without the events: what tells two matches of a rule apart, and their
    order."""
    return tuple(spot if isinstance(spot, int) else spot[:2] for spot in match[1])


def events_of(match: Match) -> dict[int, Event]:
    """The events that a match lies in, by their number."""
    return {spot[0]: spot[2] for spot in match[1] if not isinstance(spot, int)}


def order_of(match: Match) -> Identity:
    """The order of violations: by rule, then by trace."""
    return (match[0], coordinates_of(match))


identity_of = order_of
"""What tells two matches of a policy apart."""
