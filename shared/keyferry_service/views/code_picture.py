"""A QR code as a picture, for a handheld scanner to read off a screen or paper."""

from io import BytesIO

MODULE, MARGIN = 4, 4  # pixels; modules of the white border that a scanner needs


def code_svg(text: str) -> bytes:
    """The QR code of an upper-case text: black on white, whatever the colors around it."""
    import segno  # imported here, because few calls need it

    svg = BytesIO()
    code = segno.make_qr(text, error="l")
    code.save(svg, kind="svg", scale=MODULE, border=MARGIN, light="#fff", nl=False)
    return svg.getvalue()
