"""vendor.json: what the page says of its vendor, and what would be wrong with it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keyferry_admin.errors.commands import BadOwnFile
from keyferry_protocol.messages import ENGLISH
from keyferry_service.views.own_sentences import (
    LICENSE_CONFIGURATION,
    NAME_PROBLEM,
    names_by_language,
)

MEMBERS = {"id", "name", "product", "page_url", "logo", "accent", "support", "privacy_url"}
KINDS = {"id": str, "name": str, "accent": dict, "support": dict}
SCHEMES = ("light", "dark")
MIN_CONTRAST = 4.5  # WCAG 1.4.3
MAX_LOGO_CHARACTERS = 4096


def contrast(color: str, other: str) -> float:
    """The contrast ratio of two #rrggbb colors (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(color), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colors(css: str) -> dict[str, dict[str, str]]:
    """The colors of page.css, by scheme."""
    light, dark = re.findall(r":root \{(.*?)\}", css, re.S)[:2]
    return {
        scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for scheme, block in (("light", light), ("dark", dark))
    }


def problems(vendor: Mapping[str, Any], css: str) -> list[str]:
    """One sentence for each problem; none if the page can be deployed."""
    sentences = [f"vendor.json has no {name}." for name in sorted(MEMBERS - vendor.keys())]
    sentences += [
        f"{name} is not {'an object' if kind is dict else 'text'}."
        for name, kind in KINDS.items()
        if name in vendor and not isinstance(vendor[name], kind)
    ]
    if sentences:
        return sentences
    if not re.fullmatch(r"[a-z0-9-]{1,32}", vendor["id"]):
        sentences.append("id is not 1 to 32 of a-z, 0-9 and -.")
    logo = vendor["logo"]
    logos = {f"logo.{s}": logo.get(s, "") for s in SCHEMES} if isinstance(logo, dict) else {}
    if isinstance(logo, str):
        logos = {"logo": logo}
    sentences += [
        f"{name} is not a data:image/ address of at most {MAX_LOGO_CHARACTERS} characters."
        for name, address in logos.items()
        if not re.fullmatch(rf"data:image/\S{{1,{MAX_LOGO_CHARACTERS - 11}}}", str(address))
    ]
    sentences += [
        f"support.{name} is not text."
        for name in ("email", "url")
        if not isinstance(vendor["support"].get(name) or "", str)
    ]
    for scheme, tokens in colors(css).items():
        accent = vendor["accent"].get(scheme, "")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(accent)):
            sentences.append(f"accent.{scheme} is not a color like #0b57b0.")
            continue
        for background in ("bg", "raised", "on-accent"):
            ratio = contrast(accent, tokens[background])
            if ratio < MIN_CONTRAST:
                sentences.append(
                    f"accent.{scheme} {accent} has a contrast of {ratio:.1f}:1 with {background} "
                    f"{tokens[background]}; {MIN_CONTRAST}:1 is needed."
                )
    if names_by_language(vendor.get(LICENSE_CONFIGURATION), {ENGLISH}) is None:
        sentences.append(NAME_PROBLEM)
    if not (vendor["name"] and (vendor["support"].get("email") or vendor["support"].get("url"))):
        sentences.append("name is empty, or both support.email and support.url are.")
    return sentences


def read_own(file: Path) -> dict[str, Any]:
    """A JSON object of the vendor's. Raises BadOwnFile."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadOwnFile(f"{file} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BadOwnFile(f"{file} is not a JSON object")
    return content


def vendor_file(site: Path, own: Path | None) -> Path:
    """The vendor's own vendor.json, or the example of the page's folder if there is none."""
    file = (own or site) / "vendor.json"
    return file if file.exists() else site / "vendor.json"
