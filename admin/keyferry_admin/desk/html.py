"""Draws parts of a page as HTML. Every text is escaped here, because customers wrote some of it."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode


def document(name: str, main: str, *, vendor: str = "", stack: str = "") -> str:
    """The complete HTML document; without a stack, the last page of a desk that is over."""
    full_name = f"{name} – {vendor}" if vendor else name
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(full_name)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/desk.css">
{'<script src="/alive.js" defer></script>' if stack else ""}
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
{_header(vendor) if stack else ""}
<main id="main">
<div id="view">
<h1>{escape(name)}</h1>
{main}
</div>
</main>
{f"<footer><p>Stack {escape(stack)}</p></footer>" if stack else ""}
</body>
</html>
"""


def _header(vendor: str) -> str:
    return (
        f'<header><p id="vendor">{escape(vendor)}</p><nav aria-label="Desk">'
        f"{link('/licenses', 'Licenses')}{link('/explain', 'Explain a request')}"
        f'<form method="post" action="/close">{button("Close")}</form></nav></header>'
    )


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def command(text: str) -> str:
    return f"<p><code>{escape(text)}</code></p>"


def link(path: str, text: str, query: Mapping[str, str] | None = None) -> str:
    address = f"{path}?{urlencode(query)}" if query else path
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def panel(*parts: str, mood: str = "") -> str:
    return f'<div class="panel {mood}">{"".join(parts)}</div>'


def notice(text: str) -> str:
    """What was just done; read aloud."""
    return f'<div class="panel good" role="status"><p>{escape(text)}</p></div>'


def problem(text: str, next_step: str) -> str:
    """What went wrong, with the focus on it, and what to do next."""
    step = paragraph(next_step) if next_step else ""
    return (
        '<section class="panel bad" id="problem" tabindex="-1" autofocus '
        f'aria-labelledby="problem-title"><h2 id="problem-title">{escape(text)}</h2>'
        f"{step}</section>"
    )


def title(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def section(name: str, *parts: str) -> str:
    return f'<section class="field">{title(name)}{"".join(parts)}</section>'


def pairs(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(text)}</bdi></dd></div>"
        for name, text in facts
    )
    return f"<dl>{rows}</dl>"


def cell(text: str) -> str:
    return f"<bdi>{escape(text)}</bdi>"


def table(caption: str, titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are HTML already: `cell`, or `link`."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = ""
    for row in rows:
        cells = (
            f'<td data-label="{escape(title)}"><div>{content}</div></td>'
            for title, content in zip(titles, row, strict=True)
        )
        body += f"<tr>{''.join(cells)}</tr>"
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def button(text: str, look: str = "") -> str:
    kind = f' class="{look}"' if look else ""
    return f"<button{kind}>{escape(text)}</button>"


def hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def text_field(name: str, label: str, value: str = "", hint: str = "") -> str:
    note = f'<p class="hint" id="field-{name}-hint">{escape(hint)}</p>' if hint else ""
    described = f' aria-describedby="field-{name}-hint"' if hint else ""
    return (
        f'<div class="field"><label class="label" for="field-{name}">{escape(label)}</label>{note}'
        f'<input type="text" id="field-{name}" name="{name}" value="{escape(value)}" dir="auto" '
        f'autocomplete="off" autocapitalize="off" spellcheck="false"{described}></div>'
    )


def choice(name: str, label: str, values: Mapping[str, str], chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(text)}</option>"
        for value, text in values.items()
    )
    return (
        f'<div class="field"><label class="label" for="field-{name}">{escape(label)}</label>'
        f'<select id="field-{name}" name="{name}">{options}</select></div>'
    )


def file_field(name: str, label: str) -> str:
    return (
        f'<div class="field"><label class="label" for="field-{name}">{escape(label)}</label>'
        f'<input type="file" id="field-{name}" name="{name}"></div>'
    )


def get_form(action: str, *parts: str, kind: str = "") -> str:
    return f'<form method="get" action="{escape(action)}" class="{kind}">{"".join(parts)}</form>'


def post_form(action: str, *parts: str, has_file: bool = False) -> str:
    encoding = ' enctype="multipart/form-data"' if has_file else ""
    return f'<form method="post" action="{escape(action)}"{encoding}>{"".join(parts)}</form>'


def group(kind: str, *parts: str) -> str:
    return f'<div class="{kind}">{"".join(parts)}</div>'


def navigation(name: str, *links: str) -> str:
    return f'<nav class="next" aria-label="{escape(name)}">{"".join(links)}</nav>'


def item(*parts: str) -> str:
    return f"<li>{''.join(parts)}</li>"


def items(drawn: Iterable[str]) -> str:
    return f"<ul>{''.join(drawn)}</ul>"
