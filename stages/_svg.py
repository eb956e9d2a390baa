"""matplotlib's SVG documents made fit for a page: small, themed, with ids of their own."""

import html
import re

from stages._theme import css, themed


def standalone(element: str) -> str:
    """Turn an element into a document that follows the reader's light or dark scheme."""
    rules = f"<style>{css('svg')}svg{{background:var(--paper)}}</style>"
    return element.replace(">", ' xmlns="http://www.w3.org/2000/svg">' + rules, 1) + "\n"


def element(svg: str, name: str, alt: str) -> str:
    """Turn matplotlib's SVG document into an element whose ids cannot clash with another's."""
    box = re.search(r'viewBox="([^"]+)"', svg)
    if box is None:
        raise ValueError(f"figure {name}: matplotlib wrote no viewBox")
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", body))
    body = re.sub(
        r' id="([^"]+)"',
        lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "",
        body,
    )
    body = re.sub(r"(url\(|href=\")#", rf"\1#{name}-", body).replace("xlink:href", "href")
    body = re.sub(r"<style type=\"text/css\">.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^\";]+", "font-family: var(--sans,sans-serif)", body)
    body = re.sub(r"\n\s*", "\n", body)
    look = 'style="stroke-linejoin:round;stroke-linecap:butt"'
    label = f'role="img" aria-label="{html.escape(alt)}"'
    return f'<svg viewBox="{box[1]}" {label} {look}>' + themed(body) + "</svg>"
