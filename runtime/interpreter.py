"""Evaluates a plan expression by expression, with the places that values came from.

This is the meaning of the language in its plainest form: nested loops over the steps of a block, no
index, no reordering. The engine uses it for what compiled code leaves out: reports of violations
(ranges, arguments), errors, quantifiers that depend on variables of their rule, and conditions that
cannot be compiled. Tests use it as the oracle of the compiled engine.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from policyc.compiler import plan as p
from policyc.compiler.patterns import compile_pattern, compile_value_pattern
from policyc.compiler.signatures import FunctionKind, Signature
from policyc.grammar.diagnostics import PolicycError
from policyc.runtime import values
from policyc.runtime.bounds import BuiltinError
from policyc.runtime.builtins import arithmetic, methods
from policyc.runtime.detectors.answers import AnswerCache
from policyc.runtime.detectors.options import ON_ERROR
from policyc.runtime.detectors.protocol import summarize
from policyc.runtime.detectors.scanning import scan
from policyc.runtime.elements import Places, elements, find_values
from policyc.runtime.evaluation import Evaluation
from policyc.runtime.events import (
    Chunks,
    Function,
    Message,
    Place,
    ToolCall,
    ToolOutput,
    TraceObject,
    shown,
)
from policyc.runtime.failures import EvaluationError, LimitExceeded, MissingParameter
from policyc.runtime.places import Mark, SecretMark, occurrences, whole
from policyc.runtime.records import Marked, MarkedList
from policyc.runtime.repeats import is_settled, key_of, repeats_of
from policyc.runtime.texts import collect_images, placed_texts
from policyc.runtime.traces import arguments_of
from policyc.runtime.values import ABSENT, kind_of
from policyc.runtime.wildcards import wildcard_match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyc.runtime.detectors.protocol import Detection
    from policyc.runtime.history import History
    from policyc.runtime.matches import Coordinate
    from policyc.runtime.taint import Piece

log = logging.getLogger("policyc.print")

log_of_detectors = logging.getLogger("policyc.detectors")


class ViolationValue:
    """What `Violation(...)` makes: the arguments, unevaluated views included."""

    __slots__ = ("args", "kwargs")

    def __init__(self, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.args = args
        self.kwargs = kwargs


class PatternInFrame:
    """A tool pattern as a value, with the variables that it sees."""

    __slots__ = ("frame", "pattern")

    def __init__(self, pattern: p.PatternValue, frame: Frame) -> None:
        self.pattern = pattern
        self.frame = frame

    def fits(self, value: Any, interpreter: Interpreter) -> bool:
        """Whether a value matches the pattern."""
        frame = self.frame.child()
        frame.bind(self.pattern.subject, value, None)
        return bool(interpreter.eval(self.pattern.test, frame))

    def __str__(self) -> str:
        return f"tool:{self.pattern.test.name}"


class Frame:
    """The variables bound so far, where their values came from, and the marks made on the way.

    `coordinates` holds, for each loop variable, which of its candidates was taken: a coordinate of
    the trace or the number of a derived value. `marks` is None where nobody asks for them.
    `counted` are the numbers of the events in models that `count(min=...)` counted, kept along with
    the marks.
    """

    __slots__ = ("coordinates", "counted", "marks", "places", "values")

    def __init__(
        self,
        values: dict[str, Any] | None = None,
        places: dict[str, Places] | None = None,
        coordinates: dict[str, Coordinate | int] | None = None,
        marks: list[Mark] | None = None,
    ) -> None:
        self.values = values or {}
        self.places = places or {}
        self.coordinates = coordinates or {}
        self.marks = marks
        self.counted: list[int] = []

    def child(self) -> Frame:
        child = Frame(
            dict(self.values),
            dict(self.places),
            dict(self.coordinates),
            None if self.marks is None else list(self.marks),
        )
        child.counted = list(self.counted)
        return child

    def unmarked(self) -> Frame:
        """The same bindings, with nobody asking for marks."""
        return Frame(self.values, self.places, self.coordinates)

    def bind(
        self, name: str, value: Any, place: Places, coordinate: Coordinate | int | None = None
    ) -> None:
        self.values[name] = value
        self.places[name] = place
        if coordinate is not None:
            self.coordinates[name] = coordinate


class Interpreter:
    """Evaluates the expressions and blocks of one plan over one history with given parameters."""

    keeps_repeats: ClassVar[bool] = True
    """Whether what is the same is evaluated once; not where each evaluation is looked at."""

    def __init__(
        self,
        plan: p.Plan,
        history: History,
        parameters: Mapping[str, Any],
        load: Callable[[Signature], Callable[..., Any]],
        evaluation: Evaluation | None = None,
    ) -> None:
        self.plan = plan
        self.history = history
        self.parameters = parameters
        self.load = load
        self.constants: dict[int, Any] = {}
        self.answers = AnswerCache()
        self._settled: frozenset[int] | None = None
        self.evaluation = evaluation or Evaluation()
        self.tick: Callable[[], None] | None = None
        """Called for each candidate; may raise LimitExceeded."""
        self.go_on: Callable[[], None] | None = None
        """Called for each element that a comprehension runs over; may raise LimitExceeded."""

    # --- blocks

    def models(
        self,
        block: p.Block,
        frame: Frame,
        failures: Callable[[p.Step, Frame, EvaluationError], None] | None = None,
        position: int = 0,
        stop: int | None = None,
    ) -> Iterator[Frame]:
        """The models of a block: frames with every variable bound under which each condition holds.

        Loop variables that the frame binds already are not searched: trace variables by their
        value, derived ones by their coordinate. A candidate that fails is told to `failures` and
        dropped; without `failures` the error is raised. `stop` ends the block before that step.
        """
        steps = block.steps
        end = len(steps) if stop is None else stop
        while position < end:
            step = steps[position]
            position += 1
            try:
                match step:
                    case p.Check(condition=condition):
                        if not self.eval(condition, frame):
                            return
                        continue
                    case p.Bind(variable=name, value=expression):
                        frame.bind(
                            name, self.eval(expression, frame), self.locate(expression, frame)
                        )
                        continue
                    case p.Scan(variable=name):
                        if name in frame.values:
                            continue
                        candidates = self.history.objects(step.domain)
                    case p.Each(variable=name):
                        candidates = self.derived(step, frame)
                        wanted = frame.coordinates.get(name)
                        if isinstance(wanted, int):
                            candidates = candidates[wanted : wanted + 1]
            except EvaluationError as error:
                if failures is None:
                    raise
                failures(step, frame, error)
                return
            for coordinate, value, place in candidates:
                if self.tick is not None:
                    self.tick()
                child = frame.child()
                child.bind(name, value, place, coordinate)
                yield from self.models(block, child, failures, position, stop)
            return
        yield frame

    def derived(self, step: p.Each, frame: Frame) -> list[tuple[Any, Any, Places]]:
        """The candidates of a derived variable: number, value, place."""
        value = self._source(step.source, frame)
        places = self.locate(step.source, frame)
        try:
            found = list(find_values(step.domain, value, places))
        except RecursionError:
            raise EvaluationError("values are nested too deep", step.source.span) from None
        return [(number, item, place) for number, (item, place) in enumerate(found)]

    # --- expressions

    def eval(self, expression: p.Expr, frame: Frame) -> Any:
        """The value of an expression.

        Raises:
            EvaluationError: it has none; `span` is the innermost place that failed.
        """
        try:
            return _EVALUATORS[type(expression)](self, expression, frame)
        except EvaluationError as error:
            if error.span is None:
                error.span = expression.span
            raise
        except RecursionError:
            raise EvaluationError("values are nested too deep", expression.span) from None
        except BuiltinError as error:
            raise EvaluationError(error.message, expression.span) from error
        except LimitExceeded:
            raise
        except PolicycError as error:
            raise EvaluationError(str(error), expression.span) from error

    def _literal(self, e: p.Literal, frame: Frame) -> Any:
        return e.value

    def _list(self, e: p.ListOf, frame: Frame) -> Any:
        return [self.eval(item, frame) for item in e.items]

    def _dict(self, e: p.DictOf, frame: Frame) -> Any:
        return {key: self.eval(value, frame) for key, value in zip(e.keys, e.values, strict=True)}

    def _format(self, e: p.Format, frame: Frame) -> Any:
        parts = []
        for part in e.parts:
            if isinstance(part, p.Literal):
                parts.append(str(part.value))
            else:
                value = _plain(self.eval(part.value, frame))
                shown = value if isinstance(value, int | float) else values_to_text(value)
                parts.append(methods.format_value(shown, part.spec))
        return methods.join_parts(parts)

    def _var(self, e: p.Var, frame: Frame) -> Any:
        return frame.values[e.name]

    def _input(self, e: p.Input, frame: Frame) -> Any:
        if e.name is None:
            return {**self.parameters, "data": self.history.events}
        if e.name == "data":
            return self.history.events
        if e.name in self.parameters:
            return self.parameters[e.name]
        if e.default is not None:
            return self.eval(e.default, frame)
        raise MissingParameter(e.name, e.span)

    def _constant(self, e: p.ConstantRef, frame: Frame) -> Any:
        if e.index not in self.constants:
            self.constants[e.index] = self.eval(self.plan.constants[e.index].value, Frame())
        return self.constants[e.index]

    def _function(self, e: p.FunctionRef, frame: Frame) -> Any:
        return self.callable(e.signature)

    def _member(self, e: p.GetMember, frame: Frame) -> Any:
        value = self.eval(e.value, frame)
        if frame.marks is not None and isinstance(value, Marked):
            frame.marks.extend(value.marks_of(e.name))
        return values.member(value, e.name)

    def _index(self, e: p.GetIndex, frame: Frame) -> Any:
        return values.index(self.eval(e.value, frame), self.eval(e.index, frame))

    def _method(self, e: p.CallMethod, frame: Frame) -> Any:
        owner = self.eval(e.value, frame)
        if owner is None or owner is ABSENT:
            return ABSENT
        args = [_plain(self.eval(arg, frame)) for arg in e.args]
        keywords = {name: _plain(self.eval(arg, frame)) for name, arg in e.keywords}
        return methods.call_method(owner, e.name, args, keywords)

    def _arithmetic(self, e: p.Arithmetic, frame: Frame) -> Any:
        left, right = self.eval(e.left, frame), self.eval(e.right, frame)
        if left is ABSENT or right is ABSENT:
            return ABSENT
        return arithmetic.OPERATORS[e.operator](left, right)

    def _negative(self, e: p.Negative, frame: Frame) -> Any:
        value = self.eval(e.operand, frame)
        if value is ABSENT:
            return ABSENT
        return arithmetic.positive(value) if e.positive else arithmetic.negate(value)

    def _not(self, e: p.Not, frame: Frame) -> Any:
        if isinstance(e.operand, p.Quantified):
            frame = frame.unmarked()
        return not self.eval(e.operand, frame)

    def _and(self, e: p.And, frame: Frame) -> Any:
        value: Any = True
        for operand in e.operands:
            value = self.eval(operand, frame)
            if not value:
                break
        return value

    def _or(self, e: p.Or, frame: Frame) -> Any:
        value: Any = False
        found = False
        for operand in e.operands:
            if found and frame.marks is None:
                break
            marked, counted = len(frame.marks or ()), len(frame.counted)
            try:
                answer = self.eval(operand, frame)
            except EvaluationError:
                # After a true side, the others are only looked at for their marks.
                if not found:
                    raise
                answer = False
            if not found:
                value = answer
            if answer:
                found = True
            elif frame.marks is not None:
                del frame.marks[marked:]
                del frame.counted[counted:]
        return value

    def _cmp(self, e: p.Cmp, frame: Frame) -> Any:
        left, right = self.eval(e.left, frame), self.eval(e.right, frame)
        operator = e.operator
        if operator == "==":
            return values.equals(left, right)
        if operator == "!=":
            return not values.equals(left, right)
        if operator == "in":
            if frame.marks is not None:
                self._mark_occurrences(left, right, e.right, frame)
            return values.contains(left, right)
        if operator == "is":
            if isinstance(right, PatternInFrame):
                return right.fits(left, self)
            return values.is_same(left, right)
        if operator == "contains_only":
            return values.contains_only(left, right)
        return values.order(operator, left, right)

    def _flow(self, e: p.Flow, frame: Frame) -> Any:
        left, right = self.eval(e.left, frame), self.eval(e.right, frame)
        return self.history.is_before(left, right, immediately=e.immediate)

    def _if(self, e: p.If, frame: Frame) -> Any:
        chosen = e.then if self.eval(e.condition, frame) else e.otherwise
        return self.eval(chosen, frame)

    def _map(self, e: p.Map, frame: Frame) -> Any:
        return [self.eval(e.element, inner) for inner in self._items(e, frame)]

    def _items(self, e: p.Map, frame: Frame) -> Iterator[Frame]:
        """A frame for each element that a comprehension keeps; marks go to the frame around it."""
        source = self._source(e.source, frame)
        places = self.locate(e.source, frame)
        for value, place in elements(source, places):
            if self.go_on is not None:
                self.go_on()
            inner = Frame(dict(frame.values), dict(frame.places), frame.coordinates, frame.marks)
            inner.bind(e.variable, value, place)
            if e.condition is None or self.eval(e.condition, inner):
                if frame.marks is not None and isinstance(value, Marked):
                    frame.marks.extend(value.marks_of(""))
                yield inner

    def _source(self, expression: p.Expr, frame: Frame) -> Any:
        """The value that elements are picked from. Where they mark pieces of the trace themselves,
        only those that are picked are marked."""
        marked = len(frame.marks or ())
        value = self.eval(expression, frame)
        if frame.marks and isinstance(value, list) and value and isinstance(value[0], Marked):
            del frame.marks[marked:]
        return value

    def _declared(self, e: p.Declared, frame: Frame) -> Any:
        return True

    def _predicate(self, e: p.CallPredicate, frame: Frame) -> Any:
        if self._settled is None:
            self._settled = repeats_of(self.plan).predicates
        values = [self.eval(arg, frame) for arg in e.args]
        key = None
        if self.keeps_repeats and e.index in self._settled:
            # Whoever asks for marks needs those of all models.
            key = key_of((e.index, frame.marks is None), e.args, values)
        known = None if key is None else self.evaluation.repeats.get(key)
        if known is None:
            before = len(frame.marks or ())
            known = self._decided(e, values, frame), (frame.marks or ())[before:], values
            if key is not None:
                self.evaluation.repeats[key] = known
        elif frame.marks is not None:
            frame.marks += known[1]
        return known[0]

    def _decided(self, e: p.CallPredicate, values: list[Any], frame: Frame) -> bool:
        """Whether a predicate holds for values."""
        predicate = self.plan.predicates[e.index]
        inner = Frame(marks=None if frame.marks is None else [])
        for name, arg, value in zip(predicate.parameters, e.args, values, strict=True):
            inner.bind(name, value, self.locate(arg, frame))
        found = False

        def failure(_step: p.Step, _at: Frame, error: EvaluationError) -> None:
            if not found:
                raise error

        for model in self.models(predicate.block, inner, failure):
            found = True
            if frame.marks is None:
                break
            # Other models are looked at only for their marks: they decide nothing.
            frame.marks.extend(model.marks or ())
        return found

    def _quantified(self, e: p.Quantified, frame: Frame) -> Any:
        if e.kind == "forall":
            return self._forall(e, frame)
        minimum, maximum = self.bounds_of(e, frame)
        number = 0

        def is_enough() -> bool:
            """Whether it holds whatever other models there are; they are counted for their
            marks."""
            return maximum is None and (minimum is None or number >= minimum)

        def failure(_step: p.Step, _at: Frame, error: EvaluationError) -> None:
            if not is_enough():
                raise error

        for model in self.counted(e, frame, failure):
            number += 1
            if maximum is not None and number > maximum:
                return False
            if frame.marks is not None:
                frame.marks.extend(model.marks or ())
                frame.marks.extend(object_marks(e.block, model))
                if minimum is not None:
                    frame.counted.extend(
                        c[0] for c in model.coordinates.values() if isinstance(c, tuple)
                    )
            elif is_enough():
                break
        return minimum is None or number >= minimum

    def bounds_of(self, e: p.Quantified, frame: Frame) -> tuple[Any, Any]:
        """The least and the greatest number of models that a quantifier allows; None: any."""
        return self._bound(e.minimum, frame), self._bound(e.maximum, frame)

    def _bound(self, expression: p.Expr | None, frame: Frame) -> Any:
        value = None if expression is None else self.eval(expression, frame)
        if expression is not None and not isinstance(value, int | float | None):
            raise EvaluationError(f"`count` takes numbers, not {kind_of(value)}", expression.span)
        return value

    def counted(
        self,
        e: p.Quantified,
        frame: Frame,
        failures: Callable[[p.Step, Frame, EvaluationError], None] | None = None,
    ) -> Iterator[Frame]:
        """The models of a quantifier's block."""
        start = frame.child()
        if start.marks is not None:
            start.marks = []
        return self.models(e.block, start, failures)

    def _forall(self, e: p.Quantified, frame: Frame) -> bool:
        """True unless some candidate makes the block false."""
        start = frame.child()
        start.marks = None
        return self._holds_for_all(e.block, start, 0, frame.marks)

    def _holds_for_all(
        self, block: p.Block, frame: Frame, position: int, marks: list[Mark] | None
    ) -> bool:
        """Whether the steps from `position` on hold for every candidate; `marks` gets the
        candidates."""
        steps = block.steps
        while position < len(steps):
            step = steps[position]
            position += 1
            match step:
                case p.Check(condition=condition):
                    if not self.eval(condition, frame):
                        # A candidate has an object for every variable.
                        rest = (x for x in steps[position:] if isinstance(x, p.Scan))
                        return not all(self.history.objects(scan.domain) for scan in rest)
                case p.Bind(variable=name, value=value):
                    frame.bind(name, self.eval(value, frame), self.locate(value, frame))
                case p.Scan() | p.Each():
                    for coordinate, value, place in (
                        self.history.objects(step.domain)
                        if isinstance(step, p.Scan)
                        else self.derived(step, frame)
                    ):
                        if self.tick is not None:
                            self.tick()
                        child = frame.child()
                        child.bind(step.variable, value, place, coordinate)
                        if not self._holds_for_all(block, child, position, marks):
                            return False
                    return True
        if marks is not None:
            marks.extend(object_marks(block, frame))
        return True

    def _pattern_value(self, e: p.PatternValue, frame: Frame) -> Any:
        return PatternInFrame(e, frame)

    def _match_tool(self, e: p.MatchTool, frame: Frame) -> Any:
        call = self.call_named(e, self.eval(e.value, frame))
        if call is None:
            return False
        if e.arguments is None:
            return True
        arguments = arguments_of(values.member(call, "function").data)
        return self.matches(e.arguments, arguments, frame)

    def call_named(self, e: p.MatchTool, value: Any) -> ToolCall | None:
        """The call that a value is, or answers, if its tool has the name of a pattern."""
        call = self.history.call_of(value) if isinstance(value, ToolOutput) else value
        if not isinstance(call, ToolCall):
            return None
        name = values.member(values.member(call, "function"), "name")
        return call if has_name(e, name) else None

    def matches(self, pattern: p.Pattern, value: Any, frame: Frame) -> bool:
        """Whether a value fits a tool pattern."""
        match pattern:
            case p.AnyValue():
                return True
            case p.TextPattern(text=text):
                if not isinstance(value, str):
                    return False
                return value == text or compile_value_pattern(text).fullmatch(value) is not None
            case p.EqualValue(value=expression):
                return values.pattern_equals(self.eval(expression, frame), value)
            case p.ListPattern(items=items):
                return (
                    isinstance(value, list)
                    and len(value) == len(items)
                    and all(self.matches(x, y, frame) for x, y in zip(items, value, strict=True))
                )
            case p.DictPattern(keys=keys, values=entries):
                return isinstance(value, dict) and all(
                    key in value and self.matches(entry, value[key], frame)
                    for key, entry in zip(keys, entries, strict=True)
                )
            case p.DetectorPattern(name=name, signature=signature):
                if not isinstance(value, str):
                    return False
                (answer,) = self._detections(signature, [value], [], {})
                found = summarize(signature.answer, [(value, answer)])
                return found is True or (isinstance(found, list) and name in found)

    # --- calls

    def callable(self, signature: Signature) -> Callable[..., Any]:
        """The function of a signature, ready for values of a policy."""
        return self.load(signature)

    def _call(self, e: p.CallFunction, frame: Frame) -> Any:
        signature = e.signature
        if signature.kind is FunctionKind.SPECIAL:
            return _SPECIALS[signature.name](self, e, frame)
        args = [_plain(self.eval(arg, frame)) for arg in e.args]
        keywords = {name: _plain(self.eval(arg, frame)) for name, arg in e.keywords}
        if signature.kind is FunctionKind.DETECTOR:
            return self._detect(e, args, keywords, frame)
        if signature.kind is FunctionKind.READER:
            result = self._read(e, args, keywords, frame)
            if frame.marks is not None and isinstance(result, MarkedList):
                frame.marks.extend(result.marks)
            return result
        return self._apply(signature, args, keywords)

    def _read(
        self, e: p.CallFunction, args: list[Any], keywords: dict[str, Any], frame: Frame
    ) -> Any:
        """What a reader tells of its first argument."""
        signature = e.signature
        key = None
        if self.keeps_repeats and not keywords and is_settled(signature):
            key = key_of(signature.name, e.args, args)
        known = None if key is None else self.evaluation.repeats.get(key)
        if known is not None:
            return known[0]
        subject = self._arguments(e, frame)[0]
        keywords["place"] = self.locate(subject, frame)
        result = self._apply(signature, args, keywords)
        if key is not None:
            self.evaluation.repeats[key] = result, (), args
        return result

    def _apply(self, signature: Signature, args: list[Any], keywords: dict[str, Any]) -> Any:
        if signature.kind is FunctionKind.SERVICE:
            keywords = {**keywords, "evaluation": self.evaluation}
        try:
            return self.callable(signature)(*args, **keywords)
        except (PolicycError, RecursionError):
            raise
        except Exception as error:
            raise EvaluationError(f"`{signature.name}` failed: {error}") from error

    def _detect(
        self, e: p.CallFunction, args: list[Any], keywords: dict[str, Any], frame: Frame
    ) -> Any:
        """Call a detector on every text of its first argument, and mark what it finds."""
        signature = e.signature
        name = signature.parameters[0].name if signature.parameters else ""
        if args:
            data, options, subject = args[0], args[1:], e.args[0]
        else:
            data, options = keywords.pop(name, None), []
            subject = next(arg for key, arg in e.keywords if key == name)
        texts = placed_texts(data, self.locate(subject, frame))
        answers = self._detections(signature, [text for text, _ in texts], options, keywords)
        found = []
        for (text, place), detections in zip(texts, answers, strict=True):
            found.append((text, detections))
            if frame.marks is not None and place is not None:
                marks: list[Mark] = [(place, d.start, d.end) for d in detections]
                frame.marks += map(SecretMark, marks) if signature.is_secret else marks
        return summarize(signature.answer, found)

    def _detections(
        self, signature: Signature, texts: list[str], options: list[Any], keywords: dict[str, Any]
    ) -> Sequence[Sequence[Detection]]:
        """What a detector finds in texts; kept for the analysis, marks and all."""
        on_error = keywords.pop("on_error", "deny")
        if on_error not in ON_ERROR:
            raise BuiltinError("`on_error` takes `deny` or `allow`")
        function = self.callable(signature)
        try:
            return scan(signature, function, texts, options, keywords, self.answers)
        except EvaluationError as error:
            if on_error == "deny":
                raise
            log_of_detectors.warning("allowed without an answer: %s", error)
            return [()] * len(texts)

    def _text(self, e: p.CallFunction, frame: Frame) -> Any:
        return [text for text, _ in self._text_places(e, frame)]

    def _text_places(self, e: p.CallFunction, frame: Frame) -> list[tuple[str, Place | None]]:
        found = []
        for arg in e.args:
            found.extend(placed_texts(_plain(self.eval(arg, frame)), self.locate(arg, frame)))
        return found

    def _image(self, e: p.CallFunction, frame: Frame) -> Any:
        return [address for address, _ in self._image_places(e, frame)]

    def _image_places(self, e: p.CallFunction, frame: Frame) -> list[tuple[str, Place | None]]:
        return [
            found
            for arg in e.args
            for found in collect_images(_plain(self.eval(arg, frame)), self.locate(arg, frame))
        ]

    def _arguments(self, e: p.CallFunction, frame: Frame) -> list[p.Expr]:
        """The arguments in the order of the parameters, however they were given."""
        by_name = dict(e.keywords)
        names = [parameter.name for parameter in e.signature.parameters]
        return [*e.args, *(by_name[name] for name in names[len(e.args) :] if name in by_name)]

    def _find(self, e: p.CallFunction, frame: Frame) -> Any:
        pattern_arg, subject = self._arguments(e, frame)
        pattern = self._pattern(pattern_arg, frame)
        value = _plain(self.eval(subject, frame))
        result = []
        for text, place in placed_texts(value, self.locate(subject, frame)):
            for start, end in pattern.finditer(text):
                result.append(text[start:end])
                if frame.marks is not None and place is not None:
                    frame.marks.append((place, start, end))
        return result

    def _match(self, e: p.CallFunction, frame: Frame) -> Any:
        pattern_arg, subject = self._arguments(e, frame)
        pattern = self._pattern(pattern_arg, frame)
        value = _plain(self.eval(subject, frame))
        return any(pattern.match(text) is not None for text, _ in placed_texts(value, None))

    def _pattern(self, argument: p.Expr, frame: Frame) -> Any:
        text = self.eval(argument, frame)
        if not isinstance(text, str):
            raise EvaluationError(f"a pattern is a text, not {kind_of(text)}", argument.span)
        return compile_pattern(text)

    def _tool_call(self, e: p.CallFunction, frame: Frame) -> Any:
        value = self.eval(self._arguments(e, frame)[0], frame)
        if isinstance(value, ToolOutput):
            return self.history.call_of(value)
        if value is None or value is ABSENT:
            return None
        raise EvaluationError(f"`tool_call` takes a tool output, not {kind_of(value)}")

    def _server(self, e: p.CallFunction, frame: Frame) -> Any:
        value = self.eval(self._arguments(e, frame)[0], frame)
        return server_of(value, self.history)

    def _least(self, e: p.CallFunction, frame: Frame) -> int:
        keywords = dict(e.keywords)
        least = self.eval(keywords["least"], frame) if "least" in keywords else 3
        if type(least) is not int:
            raise EvaluationError(f"`least` is a number of characters, not {kind_of(least)}")
        return least

    def _flag(self, e: p.CallFunction, name: str, frame: Frame) -> bool:
        return any(key == name and bool(self.eval(value, frame)) for key, value in e.keywords)

    def _derives(self, e: p.CallFunction, frame: Frame) -> Any:
        from policyc.runtime.taint import (  # noqa: PLC0415  # few policies ask
            found_among_words,
            found_in,
        )

        among_words = self._flag(e, "among_words", frame)
        subject, source = self._arguments(e, frame)[:2]
        texts = placed_texts(_plain(self.eval(source, frame)), self.locate(source, frame))
        found = False
        for needle, value, place in self._needles(e, subject, frame):
            for text, where in texts:
                if among_words:
                    piece = found_among_words(needle.text, text, value)
                else:
                    piece = found_in(needle.text, text)
                if piece is None:
                    continue
                found = True
                if frame.marks is None:
                    return True
                if place is not None:
                    frame.marks.append((place, needle.start, needle.end))
                if where is not None:
                    frame.marks.append((where, piece.start, piece.end))
        return found

    def _provenance(self, e: p.CallFunction, frame: Frame) -> Any:
        numbers = [at[0] for at in frame.coordinates.values() if isinstance(at, tuple)]
        end = max(numbers, default=len(self.history.events))
        found: dict[Any, TraceObject] = {}
        for needle, _, _ in self._needles(e, self._arguments(e, frame)[0], frame):
            for number, view in self.history.sources.candidates(needle.text):
                if number < end:
                    found.setdefault(number, view)
                break
        return [found[number] for number in sorted(found)]

    def _needles(
        self, e: p.CallFunction, subject: p.Expr, frame: Frame
    ) -> Iterator[tuple[Piece, str, Place | None]]:
        """The parts of a value that tell where it came from, each with the text that it is a part
        of and the place of that."""
        from policyc.runtime.taint import (  # noqa: PLC0415  # few policies ask
            as_a_whole,
            leaves,
            needles,
        )

        least = self._least(e, frame)
        taken_apart = as_a_whole if self._flag(e, "whole", frame) else needles
        value, places = _plain(self.eval(subject, frame)), self.locate(subject, frame)
        if isinstance(value, TraceObject):
            texts: Any = placed_texts(value, places)
        else:
            texts = leaves(value, places if isinstance(places, tuple) else None)
        for text, place in texts:
            for needle in taken_apart(text, least):
                yield needle, text, place

    def _print(self, e: p.CallFunction, frame: Frame) -> Any:
        shown = [values_to_text(_plain(self.eval(arg, frame))) for arg in e.args]
        log.info("%s", " ".join(shown))
        return True

    def _violation(self, e: p.CallFunction, frame: Frame) -> Any:
        return ViolationValue(
            [_plain(self.eval(arg, frame)) for arg in e.args],
            {name: _plain(self.eval(arg, frame)) for name, arg in e.keywords},
        )

    # --- places

    def _mark_occurrences(self, left: Any, right: Any, where: p.Expr, frame: Frame) -> None:
        if isinstance(left, list):
            for item in left:
                self._mark_occurrences(item, right, where, frame)
            return
        if not isinstance(left, str) or frame.marks is None:
            return
        if isinstance(right, Chunks):
            pairs = [*values.chunk_texts(right), *values.chunk_images(right)]
            for text, place in pairs:
                frame.marks.extend((place, *piece) for piece in occurrences(left, text))
        elif isinstance(right, str):
            place = self.locate(where, frame)
            if isinstance(place, tuple):
                frame.marks.extend((place, *piece) for piece in occurrences(left, right))

    def locate(self, expression: p.Expr, frame: Frame) -> Places:
        """Where the value of an expression lies in the trace, as far as its form tells."""
        match expression:
            case p.Var(name=name):
                value = frame.values.get(name)
                if isinstance(value, TraceObject):
                    return value.place
                return frame.places.get(name)
            case p.GetMember(value=owner, name=name):
                return self._entry_place(owner, name, frame)
            case p.GetIndex(value=owner, index=key):
                return self._entry_place(owner, self.eval(key, frame), frame)
            case p.CallMethod(value=owner, name="get", args=(key, *_)):
                return self._entry_place(owner, self.eval(key, frame), frame)
            case p.CallMethod(value=owner, name="values" | "items" as name):
                return self._view_places(owner, name, frame)
            case p.CallFunction(signature=signature) if (
                signature.name == "text" and signature.kind is FunctionKind.SPECIAL
            ):
                return [place for _, place in self._text_places(expression, frame)]
            case p.CallFunction(signature=signature) if (
                signature.name == "image" and signature.kind is FunctionKind.SPECIAL
            ):
                return [place for _, place in self._image_places(expression, frame)]
            case p.If(condition=condition, then=then, otherwise=otherwise):
                chosen = then if self.eval(condition, frame) else otherwise
                return self.locate(chosen, frame)
            case p.ListOf(items=items):
                return [self.locate(item, frame) for item in items]
            case p.Map(element=element):
                return [self.locate(element, inner) for inner in self._items(expression, frame)]
            case _:
                return None

    def _entry_place(self, owner: p.Expr, key: Any, frame: Frame) -> Places:
        value = self.eval(owner, frame)
        if isinstance(value, Function) and key == "arguments":
            return (*value.place, key)
        if isinstance(value, TraceObject):
            return (*value.place, key)
        place = self.locate(owner, frame)
        if isinstance(place, list):
            is_position = isinstance(key, int) and -len(place) <= key < len(place)
            return place[key] if is_position else None
        if place is None:
            return None
        if isinstance(value, str):
            return place
        if isinstance(value, list) and isinstance(key, int) and key < 0:
            key += len(value)
        return (*place, key)

    def _view_places(self, owner: p.Expr, view: str, frame: Frame) -> Places:
        value, place = self.eval(owner, frame), self.locate(owner, frame)
        if not isinstance(value, dict) or not isinstance(place, tuple):
            return None
        places = [(*place, key) for key in value]
        return places if view == "values" else [[None, entry] for entry in places]


def has_name(pattern: p.MatchTool, name: Any) -> bool:
    """Whether a tool's name is that of a pattern."""
    if pattern.wildcard:
        return isinstance(name, str) and wildcard_match(pattern.name, name)
    return bool(name == pattern.name)


def _plain(value: Any) -> Any:
    """A value for functions: absent is None to them."""
    return None if value is ABSENT else value


def values_to_text(value: Any) -> str:
    """A value as an f-string or a printed line shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Message | ToolOutput):
        content = value.data.get("content")
        return content if isinstance(content, str) else shown(content)
    if isinstance(value, TraceObject):
        return shown(value.data)
    return methods.to_text(value)


def object_marks(block: p.Block, model: Frame) -> list[Mark]:
    """One mark for each variable of a model that lies in the trace."""
    marks: list[Mark] = []
    for name in block.variables:
        value = model.values.get(name)
        if isinstance(value, TraceObject):
            marks.append(whole(value.place))
        elif isinstance(value, Marked):
            marks.extend(value.marks_of(""))
        elif isinstance(value, str | dict | list):
            place = model.places.get(name)
            if isinstance(place, tuple):
                marks.append(whole(place))
    return marks


def server_of(value: Any, history: History) -> Any:
    """The server of an event: its metadata's, for a tool call in a message that of the message."""
    if not isinstance(value, TraceObject):
        if value is None or value is ABSENT:
            return None
        raise EvaluationError(f"`server` takes an event, not {kind_of(value)}")
    metadata = value.data.get("metadata") if isinstance(value.data, dict) else None
    if isinstance(metadata, dict) and metadata.get("server") is not None:
        return metadata["server"]
    if isinstance(value, ToolCall | Function) and len(value.place) > 1:
        owner = history.event(history.number(value))
        metadata = owner.get("metadata")
        return metadata.get("server") if isinstance(metadata, dict) else None
    return None


_EVALUATORS: dict[type, Callable[[Interpreter, Any, Frame], Any]] = {
    p.Literal: Interpreter._literal,
    p.ListOf: Interpreter._list,
    p.DictOf: Interpreter._dict,
    p.Format: Interpreter._format,
    p.Var: Interpreter._var,
    p.Input: Interpreter._input,
    p.ConstantRef: Interpreter._constant,
    p.FunctionRef: Interpreter._function,
    p.GetMember: Interpreter._member,
    p.GetIndex: Interpreter._index,
    p.CallMethod: Interpreter._method,
    p.CallFunction: Interpreter._call,
    p.CallPredicate: Interpreter._predicate,
    p.Arithmetic: Interpreter._arithmetic,
    p.Negative: Interpreter._negative,
    p.Not: Interpreter._not,
    p.And: Interpreter._and,
    p.Or: Interpreter._or,
    p.Cmp: Interpreter._cmp,
    p.Flow: Interpreter._flow,
    p.If: Interpreter._if,
    p.Map: Interpreter._map,
    p.Declared: Interpreter._declared,
    p.Quantified: Interpreter._quantified,
    p.MatchTool: Interpreter._match_tool,
    p.PatternValue: Interpreter._pattern_value,
}

_SPECIALS: dict[str, Callable[[Interpreter, p.CallFunction, Frame], Any]] = {
    "text": Interpreter._text,
    "image": Interpreter._image,
    "find": Interpreter._find,
    "match": Interpreter._match,
    "tool_call": Interpreter._tool_call,
    "server": Interpreter._server,
    "derives": Interpreter._derives,
    "provenance": Interpreter._provenance,
    "print": Interpreter._print,
    "Violation": Interpreter._violation,
    "PolicyViolation": Interpreter._violation,
}
