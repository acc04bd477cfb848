"""Summarizes a request in plain words, whether or not it is signed yet."""

from keyferry.times import local_time_with_zone
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.components import USER
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import semicolon_list
from keyferry_protocol.request import RequestBody


def request_lines(request: RequestBody) -> list[str]:
    """The summary, line by line."""
    number = show_license_number(request.license_number)
    product = f"{request.product.name} {request.product.version}".rstrip()
    protection = message(f"inspect.protection.{request.protection}")
    moment = local_time_with_zone(request.created_at)
    lines = [
        message("inspect.request", moment=moment, client=request.client),
        message(
            f"inspect.asks.{request.kind}",
            number=number,
            product=product,
            protection=protection,
        ),
        _names(request),
    ]
    if request.replaces_seat is not None:
        lines.append(message("inspect.replaces", n=request.replaces_seat))
    if request.choose_seat:
        lines.append(message("inspect.chooses-seat"))
    return [
        *lines,
        _codes(request),
        message("inspect.proofs", proofs=semicolon_list(_proofs(request))),
    ]


def _names(request: RequestBody) -> str:
    machine = request.machine
    user = message("inspect.user" if USER in machine.components else "inspect.no-user")
    name = "inspect.names" if machine.name else "inspect.unnamed"
    return message(
        name,
        computer=machine.name,
        os=machine.os or "-",
        environment=message(f"inspect.environment.{machine.environment}"),
        user=user,
    )


def _codes(request: RequestBody) -> str:
    count = sum(map(len, request.machine.components.values()))
    return message("inspect.codes" if count else "inspect.no-codes", n=count)


def _proofs(request: RequestBody) -> list[str]:
    """The signers that the file should have. Only the service can verify their signatures."""
    proofs = [message("inspect.proof-device")]
    if request.dongle is not None:
        proofs.append(message("inspect.proof-dongle"))
    if request.kind == "activate":
        proofs.append(message("inspect.proof-code"))
    return proofs
