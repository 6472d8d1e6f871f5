"""A line chart as SVG, for the documentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 150, 34, 44
_STEPS = 5
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def draw(path: Path, title: str, axes: tuple[str, str], lines: Mapping[str, Points]) -> None:
    """Write the lines, each named beside its end; both axes begin at zero."""
    across = max(x for points in lines.values() for x, _ in points) or 1
    upward = max(y for points in lines.values() for _, y in points) * 1.1 or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / across * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - y / upward * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [_text(_LEFT, 18, title, "start", "bold")]
    for step in range(_STEPS + 1):
        share = step / _STEPS
        x, bottom = place(across * share, 0)
        left, y = place(0, upward * share)
        right, _ = place(across, 0)
        parts += [
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            _text(left - 6, y + 4, f"{upward * share:,.3g}", "end"),
            _text(x, bottom + 16, f"{across * share:,.3g}", "middle"),
        ]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, axes[0], "middle"))
    parts.append(_text(_WIDTH - _RIGHT + 8, 18, axes[1], "start"))
    for colour, (name, points) in zip(_COLOURS, lines.items(), strict=False):
        shown = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        x, y = place(*points[-1])
        parts.append(f'<polyline points="{shown}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(x + 6, y + 4, name, "start", colour=colour))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _text(
    x: float, y: float, text: str, anchor: str, weight: str = "normal", colour: str = "#333"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="{colour}">{escape(text)}</text>'
    )
