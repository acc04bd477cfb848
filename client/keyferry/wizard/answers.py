"""The answers so far, and the path through the screens that follows from them. Pure."""

from collections.abc import Mapping, Sequence

from keyferry_protocol.activation import parse_license_number

Answers = Mapping[str, str]  # by field; `goal` and `license` say what they are for


def path(answers: Answers, protections: Sequence[str]) -> tuple[str, ...]:
    """The screens from first to last, as far as the answers determine them."""
    response = "typed" if answers.get("typed") else "response"
    sent = {"qr": "qr", "online": "online"}.get(answers.get("how", ""), "saved")
    match answers.get("goal"):
        case "install" if answers.get("what") == "response":
            return ("what", response, "active")
        case "install":
            return ("what", *_questions(answers, protections), "send", sent)
        case "activate" | "install-update" | "receipt":
            return (response, "active")
        case "update":
            return ("update", "send", sent)
        case "deactivate":
            return ("deactivate", "saved")
        case "again":
            return ("again", sent)
        case str(goal):
            return (goal,)
        case _:
            return ("list",)


def _questions(answers: Answers, protections: Sequence[str]) -> list[str]:
    """The questions for an activation, except those that the vendor or an answer settles."""
    questions = ["lost"] if answers.get("what") == "lost" else []
    questions.append("number")
    others = [protection for protection in protections if protection != "dongle"]
    if others and len(others) < len(protections):
        questions.append("protection")
    if protection_of(answers, protections) == "dongle":
        return [*questions, "dongle", "code"]
    return [*questions, "code", "who"] if len(others) > 1 else [*questions, "code"]


def protection_of(answers: Answers, protections: Sequence[str]) -> str:
    """`dongle` if it was chosen or is the only choice, otherwise who may use the license."""
    if answers.get("protection") == "dongle" or tuple(protections) == ("dongle",):
        return "dongle"
    others = [protection for protection in protections if protection != "dongle"]
    who = answers.get("who", "")
    return who if who in others else others[0]


def number_of(answers: Answers) -> str:
    """The number of the license that is being activated or is selected in the list."""
    if answers.get("goal") == "install":
        return parse_license_number(answers.get("number", ""))
    return answers.get("license", "")
