"""What a built site must keep to, on pages that others would write."""

import pytest

from docs.site.checking import is_elsewhere, page_facts, problems, readable, untranslated

GOOD = {
    "index.html": b'<a href="en/a.html#top">a</a>',
    "en/a.html": b"""<html id="top"><link rel="stylesheet" href="_static/a.css?v=1">
        <img src="_images/x.png" alt="A curve"><a href="https://example.org/">out</a>
        <a href="#top">up</a><a href="../index.html">home</a>
        <img src="data:image/png;base64,AA==" alt="dot"><a href="mailto:a@example.org">m</a>""",
    "en/_static/a.css": b"a { background: url(data:x) } @font-face { src: url('f.woff2') }",
    "en/_static/f.woff2": b"",
    "en/_images/x.png": b"",
}


def test_a_sound_site_has_no_problem() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<script src="//cdn.example/x.js"></script>', "loads //cdn.example/x.js"),
        ('<link href="https://fonts.example/css" rel="stylesheet">', "loads https://fonts.example"),
        ('<link rel="preconnect" href="https://fonts.example">', "loads https://fonts.example"),
        ('<img src="http://example.org/a.png" alt="a">', "loads http://example.org/a.png"),
        ('<p style="background: url(https://e.org/a.png)">', "loads https://e.org/a.png"),
        ("<style>@import 'https://e.org/a.css';</style>", "loads https://e.org/a.css"),
        ('<iframe src="https://e.org"></iframe>', "loads https://e.org"),
        ('<a href="b.html">b</a>', "leads to b.html, which is not there"),
        ('<a href="../index.html#x">b</a>', "where there is no such place"),
        ('<a href="#missing">b</a>', "leads to #missing, where there is no such place"),
        ('<img src="_images/y.png" alt="a">', "leads to _images/y.png, which is not there"),
        ('<img src="_images/x.png">', "the picture _images/x.png has no words"),
        ('<img src="_images/x.png" alt=" ">', "the picture _images/x.png has no words"),
    ],
)
def test_what_is_wrong_is_named(tag: str, said: str) -> None:
    (line, *more) = problems(GOOD | {"en/a.html": GOOD["en/a.html"] + tag.encode()})
    assert line.startswith("en/a.html: ") and said in line and not more


def test_a_style_sheet_that_loads_from_elsewhere_is_named() -> None:
    (line,) = problems(GOOD | {"en/_static/a.css": b"@import url(https://e.org/f.css);"})
    assert line == "en/_static/a.css: loads https://e.org/f.css"


@pytest.mark.parametrize("address", ["a.html", "#x", "data:image/png,x", "", "../a?b#c"])
def test_what_is_here_is_not_elsewhere(address: str) -> None:
    assert not is_elsewhere(address)


def test_highlighted_code_is_read_without_its_tags() -> None:
    page = b'<pre><span class="k">return</span> x <span>@</span> y &lt; 2</pre><img alt="why">'
    text = readable({"a.html": page, "b.txt": b"<b>"})
    assert b"return x @ y < 2" in text["a.html"] and b"why" in text["a.html"]
    assert text["b.txt"] == b"<b>"


def test_scripts_are_read_too_and_their_brackets_are_no_tags() -> None:
    assert "if (a<b)" in page_facts("<script>if (a<b) {}</script>").text


def test_a_page_that_a_language_lacks_is_named() -> None:
    pages = {"es": {"index"}, "en": {"index", "labs", "api"}}
    (line,) = untranslated(pages, {"en": {"api"}})
    assert line.startswith("the page labs is not in es")
