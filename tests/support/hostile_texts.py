"""Texts that a page, a terminal or an email could take for more than text."""

IMG = "<img src=x onerror=alert(1)>"
SVG = '"><svg onload=alert(1)><script>alert(2)</script>'
ANCHOR = "</td></bdi><a href=javascript:alert(3)>click</a>"
PLACEHOLDERS = "{number} {0.__class__} ${7*7} {{x}} %s `code`"
ENTITIES = "&lt;b&gt; &#x202e; \\u202e **bold** <!--"
HEBREW = "שלום 015 (x)"  # letters that run to the left by themselves
MARKUP = [IMG, SVG, ANCHOR, PLACEHOLDERS, ENTITIES, HEBREW]
FORGING = {
    "turns round all that follows": "\u202e",
    "is an isolate without end": "\u2067",
    "breaks the line": "\u2028",
    "is a control of old terminals": "\u009b",
    "begins a terminal's command": "\x1b",
    "is a line feed": "\n",
}
