"""Reads a YAML file of licenses. No value becomes an object: each is a text, as in a CSV file."""

import re
from difflib import get_close_matches
from pathlib import Path

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from keyferry_admin.errors.commands import BadTable
from keyferry_admin.use_cases.license_columns import BY_NAME, NUMBER, BadCell, read_row
from keyferry_admin.use_cases.license_rows import LicenseRows

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml, where PyYAML was built with it
_LISTS = ("features", "labels", "protections", "environments")
_TO_REMOVE = {
    "valid_until": "never",
    "trial_days": "none",
    "maintenance_until": "never",
    "lease_days": "none",
}
_FORM = "It must be a list named licenses, as in docs/operations/import.md."


class _BadValue(ValueError):
    """A key or a value that cannot be a term."""


def read_yaml(path: Path) -> LicenseRows:
    """Read the entries of the list `licenses`. Raises BadTable."""
    try:
        root = yaml.compose(path.read_text("utf-8"), _LOADER)
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror}", "Check its name.") from error
    except UnicodeDecodeError as error:
        raise BadTable(f"{path} is not UTF-8", "Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise BadTable(f"{path} is not YAML: {why}", "Correct it there.") from error
    result = LicenseRows([], [], [])
    for entry in _entries(path, root):
        line = entry.start_mark.line + 1
        texts, bad = _texts(line, entry)
        row, more = read_row(line, texts)
        result.rows.append(row)
        result.bad.extend((*bad, *more))
    return result


def _entries(path: Path, root: Node | None) -> list[Node]:
    match root:
        case MappingNode(value=[(ScalarNode(value="licenses"), SequenceNode(value=entries))]):
            return list(entries)
    raise BadTable(f"{path} is no list of licenses", _FORM)


def _texts(line: int, entry: Node) -> tuple[dict[str, str], list[BadCell]]:
    """The texts of an entry by name, and what is wrong with its names and values."""
    texts, bad = dict[str, str](), list[BadCell]()
    if not isinstance(entry, MappingNode):
        return {}, [BadCell(line, "", "It has no terms. Write each as `name: value`.")]
    for key, value in entry.value:
        name = key.value if isinstance(key, ScalarNode) else ""  # not a list or a mapping
        try:
            if name not in (NUMBER, *BY_NAME):
                near = get_close_matches(name, BY_NAME, 1)
                hint = f"Did you mean {near[0]}?" if near else "Leave it out."
                raise _BadValue(f"It is no term of a license. {hint}")
            if name in texts:
                raise _BadValue("It is there twice. Leave one of them.")
            texts[name] = _text(name, value)
        except _BadValue as error:
            bad.append(BadCell(line, name, str(error)))
    return texts, bad


def _text(name: str, node: Node) -> str:
    """The text that a CSV file has for this value. Raises _BadValue."""
    match node:
        case ScalarNode(value="") if not node.style:
            word = _TO_REMOVE.get(name)
            remove = f" To remove the term, write {word}." if word else ""
            raise _BadValue(f"It has no value. Write one, or leave the line out.{remove}")
        case ScalarNode():
            is_null = not node.style and node.value in ("~", "null")
            return "" if is_null else str(node.value).strip()
        case SequenceNode(value=items) if name in _LISTS:
            return " ".join(_word(item) for item in items)
        case MappingNode(value=pairs) if name == "features":
            return " ".join(_feature(_word(key), _word(value)) for key, value in pairs)
    raise _BadValue("It must be one value.")


def _word(node: Node) -> str:
    if not isinstance(node, ScalarNode) or not re.fullmatch(r"[^\s,;]+", node.value):
        raise _BadValue("Each part must be one word.")
    return str(node.value)


def _feature(name: str, limit: str) -> str:
    return name if limit == "true" else f"{name}={limit}"
