"""A compiled policy ready to run: the plan, and the functions made from the generated code.

Immutable once loaded, shared between threads, picklable (the code is made again from its source).
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from policyc.compiler.generated import Builtin, DispatchTable, Generated, PatternTest
from policyc.runtime.support import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from policyc.compiler.plan import Plan


class Program:
    """The code of one policy.

    `batch(events, run, parameters, found)` searches a whole trace; `monitor(run, parameters, found,
    tools)` gives a function to feed with one event after the other. Both append matches to `found`.
    Number and size of `tools` events are returned by the one (None: there are none), appended to
    `tools` by the other.
    """

    def __init__(
        self,
        plan: Plan | Callable[[], Plan],
        generated: Generated,
        code: CodeType | None = None,
    ) -> None:
        """`plan` may be a function that gives it: verdicts do not need the plan, only reports
        do."""
        self._plan = plan
        self.generated = generated
        self.code = code or compile(generated.batch, "<policyc>", "exec")

    @cached_property
    def plan(self) -> Plan:
        return self._plan() if callable(self._plan) else self._plan

    def __reduce__(self) -> tuple[Any, ...]:
        return (Program, (self.plan, self.generated))

    @cached_property
    def _namespace(self) -> dict[str, Any]:
        namespace = dict(NAMESPACE)
        exec(self.code, namespace)  # noqa: S102  # code that the compiler made
        for name, value in self.generated.constants.items():
            namespace[name] = _constant(value, namespace, name)
        return namespace

    @cached_property
    def batch(self) -> Callable[..., list[tuple[int, int]] | None]:
        function: Callable[..., list[tuple[int, int]] | None] = self._namespace["batch"]
        return function

    @cached_property
    def monitor(self) -> Callable[..., Callable[[Any], None]]:
        namespace = self._namespace
        exec(compile(self.generated.feed, "<policyc>", "exec"), namespace)  # noqa: S102  # as above
        function: Callable[..., Callable[[Any], None]] = namespace["monitor"]
        return function

    @cached_property
    def metered(self) -> Program:
        """The same program in code that counts its work and keeps to limits."""
        from policyc.compiler.codegen import generate  # noqa: PLC0415  # only where limits are set

        return Program(self.plan, generate(self.plan, metered=True))


def _constant(value: Any, namespace: dict[str, Any], name: str | None = None) -> Any:
    """What a constant of the generated code stands for."""
    if isinstance(value, PatternTest):
        return _LazyTest(value, namespace, name)
    if isinstance(value, Builtin):
        module, _, attribute = value.implementation.partition(":")
        return getattr(import_module(module), attribute)
    if isinstance(value, DispatchTable):
        return {
            tool: tuple(
                (
                    namespace[shape],
                    tuple(tuple(_constant(x, namespace) for x in row) for row in rows),
                )
                for shape, rows in shapes.items()
            )
            for tool, shapes in value.tools.items()
        }
    return value


class _LazyTest:
    """A pattern's test that is made at its first call; as a global it then takes its own place."""

    __slots__ = ("made", "name", "namespace", "test")

    def __init__(self, test: PatternTest, namespace: dict[str, Any], name: str | None) -> None:
        self.test = test
        self.namespace = namespace
        self.name = name
        self.made: Callable[[str], object] | None = None

    def __call__(self, text: str) -> object:
        if self.made is None:
            from policyc.compiler.patterns import (  # noqa: PLC0415  # only where a text is tested
                compile_pattern,
                compile_value_pattern,
            )

            compiled = (
                compile_value_pattern(self.test.text)
                if self.test.operation == "fullmatch"
                else compile_pattern(self.test.text)
            )
            self.made = getattr(compiled, f"{self.test.operation}_test")
            if self.name is not None:
                self.namespace[self.name] = self.made
        return self.made(text)
