"""Coverage as an HTML page."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from tests.differential.choices import SeededChoices
from tests.differential.coverage_cases import make_coverage_case
from tests.runtime.testing.coverage.examples import HOSTILE, MAIL, TRACES, example
from tests.runtime.testing.coverage.seeing import coverage
from tests.traces import user

from policyc.runtime.testing.coverage.coverage import Coverage
from policyc.runtime.testing.coverage.page import render_page

VOID = {"meta", "br", "hr", "link"}


class Page(HTMLParser):
    """The elements of a page; `code` is the text of each line of policies."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.code: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "code" and "ul" not in self.open:
            self.code.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "code" in self.open and "ul" not in self.open:
            self.code[-1] += data

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [about for _, about in self.elements if name in (about.get("class") or "").split()]


def test_the_page_is_well_formed_and_needs_nothing_else() -> None:
    text = render_page(example())
    page = Page(text)
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert "http" not in text
    assert "url(" not in text
    assert not [name for _, about in page.elements for name in about if name.startswith("on")]


def test_every_link_has_its_place_and_no_place_is_there_twice() -> None:
    page = Page(render_page(example()))
    places = [about["id"] for _, about in page.elements if "id" in about]
    links = [about["href"] for tag, about in page.elements if tag == "a"]
    assert len(places) == len(set(places))
    assert {str(link).removeprefix("#") for link in links} <= set(places)


def test_the_code_is_the_text_of_the_policy() -> None:
    page = Page(render_page(coverage(MAIL, *TRACES, path="mail.inv")))
    assert "\n".join(page.code) + "\n" == MAIL


def test_each_condition_can_be_reached_with_the_keyboard_and_says_what_was_seen() -> None:
    found = coverage(MAIL, *TRACES, path="mail.inv")
    page = Page(render_page(found))
    stops = [about for about in page.with_class("p") if "tabindex" in about]
    (file,) = found.files
    assert len(stops) == len(file.points)
    assert {stop["id"] for stop in stops} == {f"f1p{number}" for number in range(len(stops))}
    tips = [str(stop["data-tip"]) for stop in stops]
    assert "condition of rule `a password leaves the company`\ntrue 6, false 0: never false" in tips
    assert "argument of constant `OUTSIDE`\npresent 0, missing 2: never present" in tips
    assert "min of rule `many mails`\nnever reached" in tips


def test_the_marks_say_how_much_was_seen() -> None:
    page = Page(render_page(coverage('raise "x" if:\n    (m: Message)\n    m.content\n')))
    assert [about["class"] for about in page.with_class("p")][3:] == ["p none", "p none"]
    page = Page(
        render_page(
            coverage('raise "x" if:\n    (m: Message)\n    json_loads(m.content).n\n', [user("no")])
        )
    )
    assert [about["class"] for about in page.with_class("p")][3:] == ["p none", "p none failed"]


def test_a_condition_on_several_lines_is_marked_on_each_and_stopped_at_once() -> None:
    source = 'raise "x" if:\n    (m: Message)\n    m.content == "a" or\n        m.content == "b"\n'
    page = Page(render_page(coverage(source, [user("a")])))
    whole = [x for x in page.with_class("p") if x.get("data-tip")]
    assert len(whole) == 5
    assert len([x for x in whole if "tabindex" in x]) == 4


def test_links_of_a_chain_share_what_lies_between_them() -> None:
    source = 'raise "x" if:\n    (m: Message)\n    1 < len(m.content) < 5\n'
    page = Page(render_page(coverage(source, [user("a")])))
    assert page.code[-1] == "    1 < len(m.content) < 5"
    assert len(page.with_class("p")) == 3 + 3


def test_what_a_policy_holds_is_text() -> None:
    found = coverage(HOSTILE, [user()], path='"><script>alert(2)</script>.inv')
    text = render_page(found, title="<script>")
    page = Page(text)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page.open == []
    assert page.code[0].startswith("# \\x1b[31m</code><script>")


def test_what_was_not_counted_to_the_end_is_told() -> None:
    text = render_page(example())
    assert "1 of 1 runs were not counted to the end" in text


@pytest.mark.parametrize("source", ["", "# only a comment\n"])
def test_a_policy_without_rules(source: str) -> None:
    page = Page(render_page(coverage(source, [user()], path="p.inv")))
    assert page.open == []


def test_nothing_at_all() -> None:
    assert "No policy was run." in render_page(Coverage())


@pytest.mark.parametrize("seed", range(40))
def test_any_policy_is_shown_as_it_is_with_a_place_for_each_condition(seed: int) -> None:
    case = make_coverage_case(SeededChoices(f"page/{seed}"), traces=1)
    found = coverage(case.source, *case.traces, **case.parameters)
    page = Page(render_page(found))
    (file,) = found.files
    assert "\n".join(page.code) == case.source.rstrip()
    assert len([x for x in page.with_class("p") if "tabindex" in x]) == len(file.points)
    places = {about["id"] for _, about in page.elements if "id" in about}
    links = {str(about["href"])[1:] for tag, about in page.elements if tag == "a"}
    assert links <= places
