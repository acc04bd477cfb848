"""Draws a page as HTML for the window. Escapes all text, because some comes from files."""

import re
from html import escape

from keyferry.qr import qr_svg
from keyferry.wizard.pages import Button, FieldView, Page, label
from keyferry.wizard.state import LIST, TYPED
from keyferry_protocol.messages import language_in_use, message

_NUMBERED = re.compile(r"[0-9]+\. ")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_RISKY = ("deactivate", "cancel", "remove")  # screens on which Enter presses no button


def page_html(page: Page, vendor: str, support: str) -> str:
    """The complete HTML document of one screen."""
    title = page.full_title
    if page.problems:
        title = message("wizard.window-error", title=title)
    return _document(
        message("wizard.window-title", title=title, vendor=vendor),
        vendor,
        support,
        _main(page),
        scripts=("alive.js", "lines.js") if page.screen == TYPED else ("alive.js",),
    )


def closed_page(vendor: str = "") -> str:
    return _short("closed", vendor)


def over_page(vendor: str = "") -> str:
    return _short("over", vendor)


def _short(name: str, vendor: str) -> str:
    title, text = message(f"wizard.{name}.title"), message(f"wizard.{name}.text")
    body = f'<div id="view"><h1>{escape(title)}</h1><p class="lead">{escape(text)}</p></div>'
    return _document(title, vendor, "", body, scripts=())


def _document(title: str, vendor: str, support: str, main: str, scripts: tuple[str, ...]) -> str:
    script = "".join(f'<script src="/{name}" defer></script>\n' for name in scripts)
    header = f'<header><p id="vendor">{escape(vendor)}</p></header>\n' if vendor else ""
    help_text = escape(message("wizard.help", support=support))
    footer = f'<footer><p id="help">{help_text}</p></footer>\n' if support else ""
    return f"""<!doctype html>
<html lang="{language_in_use()}" dir="{message("formats.direction")}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<link rel="stylesheet" href="/wizard.css">
{script}</head>
<body>
<a class="skip" href="#main">{escape(message("wizard.skip"))}</a>
{header}<main id="main">
{main}
</main>
{footer}</body>
</html>
"""


def _main(page: Page) -> str:
    parts = [
        f'<p class="hint step">{escape(page.step)}</p>' if page.step else "",
        _heading(page),
        _problems(page),
        f'<p role="status" class="panel">{escape(page.notice)}</p>' if page.notice else "",
        _text(page.text),
        _link(page),
        _facts(page),
        _copy(page.data.copy),
        _form(page),
    ]
    return '<div id="view">\n' + "\n".join(filter(None, parts)) + "\n</div>"


def _heading(page: Page) -> str:
    title = escape(page.title)
    if len(page.fields) == 1 and page.fields[0].kind == "text" and not page.fields[0].label:
        title = f'<label for="{page.fields[0].name}">{title}</label>'
    return f'<h1 id="title">{title}</h1>'


def _problems(page: Page) -> str:
    if not page.problems:
        return ""
    title = next((p.title for p in page.problems if p.title), message("wizard.problem"))
    items = "".join(
        f'<li><a href="#{p.field}">{escape(p.text)}</a></li>'
        if p.field
        else f"<li>{escape(p.text)}</li>"
        for p in page.problems
    )
    solutions = [Button(press, label(press)) for p in page.problems for press in p.buttons]
    buttons = "".join(_button(button, "", 'form="form"') for button in solutions)
    return (
        '<section class="panel bad" id="problems" tabindex="-1" autofocus '
        f'aria-labelledby="problems-title"><h2 id="problems-title">{escape(title)}</h2>'
        f"<ul>{items}</ul>{_actions(buttons)}</section>"
    )


def _text(lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    steps = [_NUMBERED.sub("", line, count=1) for line in lines if _NUMBERED.match(line)]
    parts = [f'<p class="lead">{_strong(line)}</p>' for line in lines if not _NUMBERED.match(line)]
    if steps:
        items = "".join(f"<li>{escape(step)}</li>" for step in steps)
        parts.append(f'<ol class="steps">{items}</ol>')
    return f'<div id="text" class="field">{"".join(parts)}</div>'


def _strong(line: str) -> str:
    """The sentence, with text between double asterisks in bold."""
    return _BOLD.sub(r"<strong>\1</strong>", escape(line))


def _link(page: Page) -> str:
    link = page.data.link
    if not link:
        return ""
    if page.data.is_drawn:
        name = escape(message("wizard.qr.picture"))
        return f'<div class="qr" role="img" tabindex="0" aria-label="{name}">{qr_svg(link)}</div>'
    words = escape(message("wizard.online.open"))
    return f'<p><a href="{escape(link)}" target="_blank" rel="noreferrer">{words}</a></p>'


def _facts(page: Page) -> str:
    facts = page.data.facts
    if not facts:
        return ""
    mood = " good" if page.data.is_success else ""
    return f'<div class="panel{mood}">{_pairs(facts)}</div>'


def _pairs(facts: tuple[tuple[str, str], ...]) -> str:
    rows = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in facts)
    return f"<dl>{rows}</dl>"


def _copy(text: str) -> str:
    if not text:
        return ""
    summary = escape(message("wizard.copy"))
    rows = text.count("\n") + 1
    return (
        f"<details><summary>{summary}</summary>"
        f'<textarea readonly rows="{rows}" aria-label="{summary}">{escape(text)}</textarea>'
        "</details>"
    )


def _form(page: Page) -> str:
    is_file = any(field.kind == "file" for field in page.fields)
    encoding = ' enctype="multipart/form-data"' if is_file else ""
    presses = [button.press for button in page.buttons]
    default = "next" if "next" in presses and page.screen not in _RISKY else ""
    default = "enter" if page.screen == TYPED else default
    focus = not page.problems and not any(button.is_first for button in page.buttons)
    first = page.data.focus or next((one.name for one in page.fields), "")
    fields = "".join(_field(one, page, focus and one.name == first) for one in page.fields)
    return (
        f'<form id="form" method="post" action="/"{encoding}>'
        f'<input type="hidden" name="screen" value="{page.screen}">'
        # Enter presses the first submit button, regardless of where the others are.
        f'<button name="press" value="{default}" hidden></button>'
        f"{_rows(page)}{_details(page)}{_folders(page)}{fields}{_inside(page)}"
        f"{_status(page)}{_buttons(page)}</form>"
    )


def _field(field: FieldView, page: Page, has_focus: bool) -> str:
    focus = " autofocus" if has_focus else ""
    described = [f"{field.name}-hint"] if field.hint else []
    described += [f"{field.name}-fault"] if field.problem else []
    described += ["text"] if page.text and not field.label else []
    attributes = f' aria-describedby="{" ".join(described)}"' if described else ""
    if field.problem and field.kind in ("text", "line", "scan", "folder"):
        attributes += ' aria-invalid="true"'
    hint = f'<p class="hint" id="{field.name}-hint">{escape(field.hint)}</p>' if field.hint else ""
    fault = (
        f'<p class="fault" id="{field.name}-fault">{escape(field.problem)}</p>'
        if field.problem
        else ""
    )
    draw = {
        "text": _text_field,
        "line": _text_field,
        "pin": _text_field,
        "scan": _area,
        "folder": _folder,
        "consent": _consent,
    }.get(field.kind, _choices)
    return draw(field, hint + fault, attributes, focus)


def _text_field(field: FieldView, notes: str, attributes: str, focus: str) -> str:
    return f'<div class="field">{_label(field)}{notes}{_input(field, attributes, focus)}</div>'


def _area(field: FieldView, notes: str, attributes: str, focus: str) -> str:
    """A field of several lines, because a scanner presses Enter after each code."""
    return (
        f'<div class="field">{_label(field)}{notes}<textarea id="{field.name}" name="{field.name}" '
        f'rows="4" dir="ltr" autocomplete="off" autocapitalize="off" spellcheck="false"'
        f"{attributes}{focus}>\n{escape(field.value)}</textarea></div>"
    )


def _input(field: FieldView, attributes: str, focus: str) -> str:
    is_pin = field.kind == "pin"  # never shown, nor filled in again
    kind, value = ("password", "") if is_pin else ("text", escape(field.value))
    return (
        f'<input type="{kind}" id="{field.name}" name="{field.name}" value="{value}" '
        f'dir="ltr" autocomplete="off" autocapitalize="off" spellcheck="false"{attributes}{focus}>'
    )


def _label(field: FieldView) -> str:
    if not field.label:
        return ""
    return f'<label class="label" for="{field.name}">{escape(field.label)}</label>'


def _folder(field: FieldView, notes: str, attributes: str, focus: str) -> str:
    browse = _button(Button("browse", label("browse")), "")
    row = f'<div class="row">{_input(field, attributes, focus)}{browse}</div>'
    place = next((o.label for o in field.options if o.value == field.value), "")
    hint = f'<p class="hint">{escape(place)}</p>' if place else ""
    return f'<div class="field">{_label(field)}{hint}{notes}{row}</div>'


def _choices(field: FieldView, notes: str, attributes: str, focus: str) -> str:
    values = [option.value for option in field.options]
    value = field.value if field.value in values else next(iter(values), "")
    content = notes + "".join(
        f'<label class="choice"><input type="radio" name="{field.name}" '
        f'value="{escape(o.value)}"{_checked(o.value == value)}'
        f"{_identity(field.name, o.value == value, focus)}> <span>{escape(o.label)}</span></label>"
        for o in field.options
    )
    if field.kind == "file":
        content += _upload(focus if not field.options else "")
    name = f'aria-label="{escape(field.label)}"' if field.label else 'aria-labelledby="title"'
    return f'<fieldset class="field" {name}{attributes}>{content}</fieldset>'


def _checked(is_it: bool) -> str:
    return " checked" if is_it else ""


def _identity(name: str, is_it: bool, focus: str) -> str:
    """Give the selected option the field's name as its id, which a problem's link targets."""
    return f' id="{name}"{focus}' if is_it else ""


def _upload(focus: str) -> str:
    words, hint = message("wizard.upload.label"), message("wizard.upload.hint")
    return (
        f'<label class="label" for="upload">{escape(words)}</label>'
        f'<p class="hint" id="upload-hint">{escape(hint)}</p>'
        f'<input type="file" id="upload" name="upload" aria-describedby="upload-hint"{focus}>'
    )


def _consent(field: FieldView, notes: str, attributes: str, focus: str) -> str:
    values = field.value.split()
    panels = "".join(
        f'<div class="panel bad"><p>{escape(o.label)}</p><p class="hint">{escape(o.hint)}</p>'
        f'<label class="choice"><input type="checkbox" name="{field.name}" '
        f'value="{escape(o.value)}"{_checked(o.value in values)}'
        f"{_identity(field.name, n == 0, focus)}> "
        f"<span>{escape(message('wizard.consent.anyway'))}</span></label></div>"
        for n, o in enumerate(field.options)
    )
    name = f'aria-label="{escape(field.label)}"'
    return f'<fieldset class="field" {name}{attributes}>{notes}{panels}</fieldset>'


def _inside(page: Page) -> str:
    if not page.data.inside:
        return ""
    summary = escape(message("wizard.inside"))
    return f"<details><summary>{summary}</summary>{_pairs(page.data.inside)}</details>"


def _status(page: Page) -> str:
    status = page.data.status
    return f'<p role="status" id="status">{escape(status)}</p>' if status else ""


def _rows(page: Page) -> str:
    """The licenses. If there are several, each number is a button that selects it."""
    rows = page.data.rows
    if not rows:
        return ""
    names = [message(f"terminal.list-{name}") for name in ("license", "product", "status", "ends")]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for number, shown, *texts in rows:
        first = f'<span class="name">{escape(shown)}</span>'
        if len(rows) > 1:
            pressed = "true" if number == page.data.chosen else "false"
            first = _button(Button(f"choose:{number}", shown), "link", f'aria-pressed="{pressed}"')
        cells = [first, *map(escape, texts)]
        pairs = zip(names, cells, strict=True)
        drawn = "".join(f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in pairs)
        body += f"<tr>{drawn}</tr>"
    caption = escape(message("wizard.list.order"))
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _details(page: Page) -> str:
    """What is known of the chosen license."""
    if not page.data.details:
        return ""
    lines = "".join(f"<p>{escape(line)}</p>" for line in page.data.details)
    return f'<div class="panel">{lines}</div>'


def _folders(page: Page) -> str:
    items = "".join(
        f"<li>{_button(Button(f'open:{path}', name), 'link')}</li>"
        for path, name in page.data.folders
    )
    return f'<ul class="folders">{items}</ul>' if items else ""


def _buttons(page: Page) -> str:
    if page.screen == LIST:
        return _list_buttons(page)
    first = next(iter(page.buttons), None)
    drawn = [_button(one, "primary" if one is first else "") for one in page.buttons]
    return _actions("".join(drawn))


def _list_buttons(page: Page) -> str:
    """The buttons for the selected license under its number, then those that always apply."""
    own = [one for one in page.buttons if one.press.count(":") > 1]
    always = [one for one in page.buttons if one not in own]
    installs = ("begin:activate", "begin:install-update")
    primary = next((one for one in own if one.press.startswith(installs)), always[0])
    drawn = {one: _button(one, "primary" if one is primary else "") for one in page.buttons}
    last = _actions("".join(drawn[one] for one in always))
    if not own:
        return last
    shown = {number: shown for number, shown, *_ in page.data.rows}
    title = escape(message("wizard.list.for", number=shown[page.data.chosen]))
    group = _actions("".join(drawn[one] for one in own))
    return (
        '<section class="field" aria-labelledby="chosen">'
        f'<h2 id="chosen">{title}</h2>{group}</section>{last}'
    )


def _actions(buttons: str) -> str:
    return f'<div class="actions">{buttons}</div>' if buttons else ""


def _button(button: Button, look: str, more: str = "") -> str:
    kind = f' class="{look}"' if look else ""
    focus = " autofocus" if button.is_first else ""
    return (
        f'<button name="press" value="{escape(button.press)}"{kind}{focus} {more}>'
        f"{escape(button.label)}</button>"
    )
