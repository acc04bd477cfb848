"""Keyferry on the offline machine: activate software that never sees the internet.

Names are imported on first use, so `from keyferry import load` imports only what `load` needs.
"""

TYPE_CHECKING = False  # importing typing for it would cost time
if TYPE_CHECKING:
    from keyferry.api import install_response as install_response
    from keyferry.api import load as load
    from keyferry.api import make_request as make_request
    from keyferry.dongle.signer import Token as Token
    from keyferry.install import Installed as Installed
    from keyferry.license import License as License
    from keyferry.license import Result as Result
    from keyferry.machine.this import this_machine as this_machine
    from keyferry_protocol import __version__ as __version__
    from keyferry_protocol.algorithms import verify_signature as verify_signature
    from keyferry_protocol.components import Machine as Machine
    from keyferry_protocol.errors import KeyferryError as KeyferryError
    from keyferry_protocol.keys import KeySet as KeySet
    from keyferry_protocol.messages import use_language as use_language
    from keyferry_protocol.request import parse_request as parse_request
    from keyferry_protocol.request import verify_request as verify_request
    from keyferry_protocol.response import verify_response as verify_response
    from keyferry_protocol.strict_json import parse_json as parse_json

_HOMES = {
    "Installed": "keyferry.install",
    "KeySet": "keyferry_protocol.keys",
    "KeyferryError": "keyferry_protocol.errors",
    "License": "keyferry.license",
    "Machine": "keyferry_protocol.components",
    "Result": "keyferry.license",
    "Token": "keyferry.dongle.signer",
    "__version__": "keyferry_protocol",
    "install_response": "keyferry.api",
    "load": "keyferry.api",
    "make_request": "keyferry.api",
    "parse_json": "keyferry_protocol.strict_json",
    "parse_request": "keyferry_protocol.request",
    "this_machine": "keyferry.machine.this",
    "use_language": "keyferry_protocol.messages",
    "verify_request": "keyferry_protocol.request",
    "verify_response": "keyferry_protocol.response",
    "verify_signature": "keyferry_protocol.algorithms",
}
__all__ = [name for name in _HOMES if name != "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'keyferry' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # so the next use does not call this function
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
