"""That a command ends when it must, and takes with it what it started."""

from __future__ import annotations

import time
from threading import Event, Timer
from typing import TYPE_CHECKING, Final

from policyc.runtime.sandbox.checks.scene import CheckFailed, Checks, expect, told
from policyc.runtime.sandbox.execution import End

if TYPE_CHECKING:
    from policyc.runtime.sandbox.checks.scene import Scene
    from policyc.runtime.sandbox.execution import Execution

CHECKS: Final = Checks()
_PATIENCE: Final = 15.0
"""Seconds that the end of a command may take on a machine that has a lot to do."""


def _nothing_left(scene: Scene, done: Execution, end: End) -> str:
    expect(done.end is end and done.seconds < _PATIENCE, done)
    left = scene.left()
    expect(not left, f"{told(done)}; still there: {left}")
    return f"{told(done)}; nothing of it is left"


@CHECKS("timeout")
def _timeout(scene: Scene) -> str:
    done = scene.sh("echo before; sleep 600", seconds=1)
    expect(done.stdout == b"before\n", done)
    return _nothing_left(scene, done, End.TIMEOUT)


@CHECKS("timeout kills children")
def _timeout_children(scene: Scene) -> str:
    text = "(sleep 600 & sleep 600) & setsid sleep 600 & sleep 600"
    return _nothing_left(scene, scene.sh(text, seconds=1), End.TIMEOUT)


@CHECKS("timeout of one that ignores signals")
def _timeout_ignored(scene: Scene) -> str:
    text = "trap '' TERM INT HUP QUIT; while :; do sleep 600; done"
    return _nothing_left(scene, scene.sh(text, seconds=1), End.TIMEOUT)


@CHECKS("timeout of one that is stopped")
def _timeout_stopped(scene: Scene) -> str:
    return _nothing_left(scene, scene.sh("sleep 600 & kill -STOP $$", seconds=1), End.TIMEOUT)


@CHECKS("cancelled")
def _cancelled(scene: Scene) -> str:
    cancelled = Event()
    timer = Timer(0.5, cancelled.set)
    timer.start()
    done = scene.sh("sleep 600", cancelled=cancelled)
    timer.join()
    return _nothing_left(scene, done, End.CANCELLED)


@CHECKS("daemons end with the command")
def _daemons(scene: Scene) -> str:
    text = "setsid sleep 600 >/dev/null 2>&1 < /dev/null & echo started"
    done = scene.sh(text)
    expect(done.stdout == b"started\n", done)
    return _nothing_left(scene, done, End.EXITED)


@CHECKS("a child that holds the output")
def _held_output(scene: Scene) -> str:
    done = scene.sh("sleep 600 & echo started")
    expect(done.stdout == b"started\n", done)
    return _nothing_left(scene, done, End.EXITED)


@CHECKS("background kept on demand")
def _background_kept(scene: Scene) -> str:
    scene.told("setsid sleep 601 >/dev/null 2>&1 < /dev/null &", keep_background=True)
    for _ in range(50):
        there = scene.left()
        if "sleep" in there:
            break
        time.sleep(0.05)
    else:
        raise CheckFailed(f"it does not run: {there}")
    scene.provider.kill_processes(scene.sandbox)
    left = scene.left()
    expect(not left, f"running after kill_processes: {left}")
    return "it ran on, and ended by kill_processes; the sandbox answers"


@CHECKS("nothing is left of dead processes")
def _zombies(scene: Scene) -> str:
    scene.told(
        "for i in 1 2 3 4 5 6 7 8; do (sleep 0.05 &) ; done; sleep 0.5", keep_background=True
    )
    states = scene.told("grep -h '^State' /proc/[0-9]*/status || true")
    zombies = states.count("Z (zombie)")
    expect(zombies == 0, f"{zombies} zombies")
    return "orphans that ended were taken note of"
