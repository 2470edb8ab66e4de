"""The figures as a picture: an SVG of bars, one group for each workload and number of clients. [pure]

Written by hand, because bars are all it needs: a plotting library would be the largest dependency of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ha.bench.report import Figures

#: Pixels.
WIDTH, NAMES, BAR, GAP, HEAD = 900, 330, 14, 8, 40

#: One for each server, in the order they come (Okabe and Ito's, which all eyes tell apart).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")


def plot(lines: Sequence[Figures], title: str) -> str:
    """The throughput of every line. Lengths are of each group's own longest bar, because workloads differ by orders."""
    servers = list(dict.fromkeys(line.server for line in lines))
    groups: dict[tuple[str, int], list[Figures]] = {}
    for line in lines:
        groups.setdefault((line.name, line.clients), []).append(line)
    parts: list[str] = []
    y = HEAD
    for number, server in enumerate(servers):
        x = NAMES + 140 * number
        parts.append(f'<rect x="{x}" y="{y - 12}" width="10" height="10" fill="{_colour(servers, server)}"/>')
        parts.append(f'<text x="{x + 14}" y="{y - 3}">{escape(server)}</text>')
    y += GAP
    for (name, clients), group in groups.items():
        longest = max(line.timing.per_s for line in group) or 1.0
        middle = y + BAR * len(group) / 2 + 4
        what = f"{escape(name)}, {clients}"
        parts.append(f'<text x="{NAMES - 8}" y="{middle:.0f}" text-anchor="end">{what}</text>')
        for line in group:
            length = max(1.0, (WIDTH - NAMES - 90) * line.timing.per_s / longest)
            fill = _colour(servers, line.server)
            parts.append(f'<rect x="{NAMES}" y="{y}" width="{length:.1f}" height="{BAR - 2}" fill="{fill}"/>')
            parts.append(f'<text x="{NAMES + length + 4:.1f}" y="{y + BAR - 4}">{line.timing.per_s:,.0f}/s</text>')
            y += BAR
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" font-size="11">'
        f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
        f'<text x="{NAMES}" y="16" font-size="14">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def _colour(servers: Sequence[str], server: str) -> str:
    return COLOURS[servers.index(server) % len(COLOURS)]
