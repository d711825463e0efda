"""Both themes can be read, and the style sheet spells no colour of its own."""

import re
from dataclasses import asdict, fields

import pytest

from venom_otel.cockpit import theme

LITE = theme.STYLES.parent / "lite" / "page.css"
THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
PAIRS = [(ink, ground) for ink in ("text", "muted", "accent", "good", "bad", "warn") for ground in ("canvas", "surface", "raised")] + [
    ("bad", "bad_wash"),
    ("text", "bad_wash"),
    ("text", "warn_wash"),
    ("muted", "warn_wash"),
    ("accent", "warn_wash"),
    ("text", "fresh"),
    ("muted", "fresh"),
    ("canvas", "text"),
]


DRAWN = ("accent", "good", "bad", "warn", "bar", "done", "first", "load", "muted")


def luminance(colour):
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colours, ink, ground):
    light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read(name, ink, ground):
    assert contrast(asdict(THEMES[name]), ink, ground) >= 4.5


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("ink", DRAWN)
def test_what_is_drawn_can_be_seen(name, ink):
    assert contrast(asdict(THEMES[name]), ink, "surface") >= 3


def test_rules_use_variables_that_exist_and_no_colours():
    rules = "".join(path.read_text(encoding="utf-8") for path in [*theme.STYLES.iterdir(), LITE])
    known = {field.name.replace("_", "-") for field in fields(theme.Palette)} | set(theme.SIZES) | {"hue", "depth", "part"}
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) <= known
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgb|\bhsl|\burl\(|@import", rules)


def test_variables_are_used():
    rules = "".join(path.read_text(encoding="utf-8") for path in (*theme.ASSETS.iterdir(), *theme.STYLES.iterdir(), LITE))
    rules += "".join(f"var(--{name})" for name in theme.PARTS.values())
    for name in [*(field.name.replace("_", "-") for field in fields(theme.Palette)), *theme.SIZES]:
        assert f"var(--{name})" in rules, name


def test_a_provider_keeps_its_mark():
    assert theme.provider_mark("ollama") == "--hue: 265"
    assert theme.provider_mark("something-new") == theme.provider_mark("something-new") != theme.provider_mark("something-else")
    assert theme.provider_mark(None) == theme.provider_mark("unknown") == "--provider-chroma: 0; --hue: 0"
    assert theme.provider_mark("red;} body {display: none").startswith("--hue: ")
    assert ";" not in theme.provider_mark("red;} body {display: none")


def test_both_themes_are_in_the_stylesheet():
    sheet = theme.stylesheet()
    assert sheet.count(theme.DARK.canvas) == 2  # by the system's wish and by the switch
    assert sheet.count(theme.LIGHT.canvas) == 1
