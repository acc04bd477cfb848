"""Asks once about a product that no license has yet: its name may be misspelled."""

import sys
from difflib import get_close_matches

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import mark
from keyferry_admin.errors.licenses import NewProduct

new_product_option = click.option(
    "--new-product", is_flag=True, help="The product is new: no license has it yet."
)


def require_known_product(settings: Settings, product: str, is_new: bool) -> None:
    """Return only if a license has this product, or the user says that it is new.

    The first license of a stack has nothing to compare with. Raises NewProduct.
    """
    licenses = settings.stack.licenses
    if is_new or licenses.has_product(product):
        return
    known = licenses.products()
    if not known or _is_confirmed(settings, product, known):
        return
    raise NewProduct(
        f"No license has the product {product} yet",
        f"Nothing was changed. There is {_list(product, known)}. If it is new: --new-product",
        products=sorted(known),
    )


def _is_confirmed(settings: Settings, product: str, known: set[str]) -> bool:
    if settings.output.as_json or not sys.stdin.isatty():
        return False
    print(f"{mark('warning')} No license has the product {product} yet.")
    print(f"  There is {_list(product, known)}.")
    print("  Type the new product's name again to use it: ", end="", flush=True)
    try:
        return input().strip() == product
    except EOFError:
        return False


def _list(product: str, known: set[str]) -> str:
    """The most similar names, or else the first few."""
    similar = get_close_matches(product, sorted(known)) or sorted(known)[:3]
    more = len(known) - len(similar)
    return ", ".join(similar) + (f", and {more} more" if more else "")
