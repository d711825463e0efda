"""An answer's Markdown becomes HTML that does nothing by itself, in good time, whatever a model says."""

import time

import pytest

from venom_otel.cockpit import answer_html


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>\n"),
        ("one\ntwo", "<p>one<br />\ntwo</p>\n"),
        ("# Title", "<h3>Title</h3>\n"),
        ("###### Small", "<h6>Small</h6>\n"),
        ("```js\n<b>\n```", '<pre><code class="language-js">&lt;b&gt;\n</code></pre>\n'),
        ("[web](https://a.example/x?y=1)", '<p><a href="https://a.example/x?y=1">web</a></p>\n'),
        ("~~no~~", "<p><s>no</s></p>\n"),
    ],
)
def test_markdown(said, shown):
    assert answer_html.html(said) == shown


def test_a_table():
    assert "<td>1</td>" in answer_html.html("| a | b |\n|---|---|\n| 1 | 2 |\n")


@pytest.mark.parametrize(
    "said",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "<svg/onload=alert(1)>",
        "<iframe src='https://a.example'></iframe>",
        "<style>body{display:none}</style>",
        "[a](javascript:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a]( JaVaScRiPt:alert(1))",
        "[a](data:text/html,<script>alert(1)</script>)",
        "[a](vbscript:x)",
        "<javascript:alert(1)>",
        "[a][b]\n\n[b]: javascript:alert(1)",
        "![a](javascript:alert(1))",
        "![](data:image/svg+xml;base64,PHN2Zz4=)",
        "[a](/api/v1/alerts)",
        "[a](//a.example)",
        "```<script>\nx\n```",
        '[a](https://a.example "\\"onmouseover=alert(1) x=\\"")',
    ],
)
def test_nothing_of_it_can_do_anything(said):
    shown = answer_html.html(said)
    for bad in ("<script", "<img", "<svg", "<iframe", "<style", 'href="j', 'href="d', 'href="v', 'href="/', " onmouseover=alert(1) "):
        assert bad not in shown.lower()


def test_an_image_is_a_link_to_it():
    assert answer_html.html("![a <b>](https://a.example/p.png?x=1&y=2)") == (
        '<p><a href="https://a.example/p.png?x=1&amp;y=2">a &lt;b&gt;</a></p>\n'
    )


@pytest.mark.parametrize("piece", ["```\nx\n```\n\n", "[a](", "[", "**a _b ", ">", "| a "])
def test_long_and_hostile_answers_take_no_longer_than_they_are(piece):
    said = piece * (200_000 // len(piece))
    begin = time.process_time()
    assert answer_html.html(said)
    assert time.process_time() - begin < 20  # some hundred milliseconds; what grows with the square of it takes minutes


def test_what_is_too_long_is_left_as_it_is():
    assert answer_html.html("x" * (answer_html.LONGEST + 1)) is None


def test_halves_of_pairs_are_shown_as_what_they_are():
    assert answer_html.displayable("a\ud83d\ude00b\ud83dc") == "a\U0001f600b\ufffdc"
