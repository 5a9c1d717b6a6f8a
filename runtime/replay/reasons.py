"""The condition that made the difference: why the side of a rule that is silent did not fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.runtime.replay.flips import Change

if TYPE_CHECKING:
    from policyc.runtime.explanation import RuleExplanation
    from policyc.runtime.replay.flips import RuleFlip
    from policyc.runtime.replay.judging import Replay
    from policyc.runtime.trace_reading import Events


def reason_for(replay: Replay, flip: RuleFlip, events: Events) -> RuleExplanation | None:
    """Why the old rule did not fire where it newly does, or the new one where it no longer does;
    None for other changes, and where there is no such rule.

    In a stream the rule is asked about the events up to the one that made the other side fire.
    """
    pair = replay.pairs[flip.pair]
    if flip.change is Change.NEWLY_FIRES:
        policy, side, found = replay.old, pair.old, flip.added
    elif flip.change is Change.NO_LONGER_FIRES:
        policy, side, found = replay.new, pair.new, flip.removed
    else:
        return None
    if side is None:
        return None
    at = found[0].at
    asked = events if at is None else events[: at + 1]
    (explanation,) = policy.why(asked, side.index + 1, **replay.parameters).rules
    return explanation
