"""Colours, sizes and spacing of the page, in one place; the sheets in `styles/` use them by name.

Contrast of text on its background is at least 4.5:1 in both themes, of what is drawn at least 3:1 (WCAG 2.2, 1.4.3 and 1.4.11);
`tests/cockpit/test_theme.py` measures it.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from venom_otel import semconv
from venom_otel.services.timing import Part

COOKIE: Final = "venom-theme"
CHOICES: Final = ("auto", "light", "dark")
ICONS: Final = {"auto": "contrast", "light": "light_mode", "dark": "dark_mode"}

ASSETS: Final = Path(__file__).parent / "assets"
STYLES: Final = Path(__file__).parent / "styles"


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours."""

    canvas: str
    """Behind everything."""
    surface: str
    """Panels and the list."""
    raised: str
    """Header row, hovered and selected rows, code."""
    line: str
    """Hairlines between things."""
    edge: str
    """Borders of things one can press."""
    text: str
    muted: str
    """Second in rank, still to be read."""
    accent: str
    """Focus, links, what is chosen."""
    good: str
    bad: str
    bad_wash: str
    """Behind a failure's words."""
    warn: str
    warn_wash: str
    """Behind words on what is not as it should be."""
    fresh: str
    """A row that has just arrived, before it fades."""
    bar: str
    """A span in the timeline."""
    done: str
    """Completed requests in the chart: the many, so quieter than `good`."""
    first: str
    """Time to the first token in the chart, and what of a request's time lies before it."""
    load: str
    """Loading a model, of a request's time."""
    shadow: str
    """Below what lies above the page."""
    provider_lightness: str
    provider_chroma: str


LIGHT: Final = Palette(
    canvas="#f7f7f8",
    surface="#ffffff",
    raised="#f1f1f4",
    line="#e8e8ec",
    edge="#d3d4db",
    text="#17181c",
    muted="#62656f",
    accent="#5b3fd6",
    good="#127537",
    bad="#c0232c",
    bad_wash="#fdf1f1",
    warn="#96600a",
    warn_wash="#fdf6e9",
    fresh="#efeafd",
    bar="#8b8fa3",
    done="#4f9f70",
    first="#0f7f95",
    load="#b03a86",
    shadow="rgb(23 24 28 / 0.16)",
    provider_lightness="58%",
    provider_chroma="0.15",
)

DARK: Final = Palette(
    canvas="#0c0d10",
    surface="#121317",
    raised="#1b1c22",
    line="#22242b",
    edge="#363943",
    text="#e9eaee",
    muted="#9a9ea9",
    accent="#a995ff",
    good="#4cc27a",
    bad="#ff7b7b",
    bad_wash="#2a1517",
    warn="#e0ab4f",
    warn_wash="#2a2213",
    fresh="#251f3d",
    bar="#6f7485",
    done="#3c8a5b",
    first="#4fc3d9",
    load="#ec82c2",
    shadow="rgb(0 0 0 / 0.5)",
    provider_lightness="72%",
    provider_chroma="0.14",
)

SIZES: Final = {
    "space-1": "4px",
    "space-2": "8px",
    "space-3": "12px",
    "space-4": "16px",
    "space-5": "24px",
    "space-6": "40px",
    "radius": "6px",
    "radius-large": "10px",
    "header": "52px",
    "row": "38px",
    "plot": "132px",
    "text-small": "12px",
    "text-body": "13px",
    "text-large": "15px",
    "text-title": "20px",
    # A person's own fonts first; none is loaded from anywhere.
    "sans": '"Inter", ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Arial, sans-serif',
    "mono": '"JetBrains Mono", ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace',
}

# In OKLCH, 0 to 359; any other name gets one from its letters.
_PROVIDER_HUES: Final = {
    "ollama": 265,
    "vllm": 75,
    "llamacpp": 40,
    "openai": 165,
    "azure.ai.openai": 240,
    "anthropic": 25,
    "mistral_ai": 55,
    "gcp.gemini": 255,
    "aws.bedrock": 90,
}


PARTS: Final = {
    Part.RESENT: "bad",
    Part.QUEUE: "warn",
    Part.LOAD: "load",
    Part.PROMPT: "first",
    Part.UNTIL_FIRST: "first",
    Part.GENERATION: "accent",
    Part.OTHER: "bar",
    Part.UNKNOWN: "muted",
}
"""The colour of each part of a request's time, by its name above."""


def provider_mark(provider: str | None) -> str:
    """The style of a provider's mark, the same in every session; grey where nobody knows who it is."""
    if not provider or provider == semconv.PROVIDER_UNKNOWN:
        return "--provider-chroma: 0; --hue: 0"
    return f"--hue: {_PROVIDER_HUES.get(provider, zlib.crc32(provider.encode()) % 360)}"


def stylesheet() -> str:
    """The whole page's CSS: `variables`, then the rules."""
    return "\n".join((variables(), *(sheet.read_text(encoding="utf-8") for sheet in sorted(STYLES.glob("*.css")))))


def variables() -> str:
    """What the rules use by name: sizes, the light palette, the dark one where the system or the switch asks for it."""
    light, dark = _variables(asdict(LIGHT)), _variables(asdict(DARK))
    return "\n".join(
        (
            f":root {{ color-scheme: light; {_variables(SIZES)} {light} }}",
            f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}",
            f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}",
        )
    )


def _variables(values: dict[str, str]) -> str:
    return " ".join(f"--{name.replace('_', '-')}: {value};" for name, value in values.items())
