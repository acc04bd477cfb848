"""Which stack a command works on, and how it reaches AWS."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.session import Session

from keyferry_admin.errors.stack import BadSavedSettings
from keyferry_admin.stack import Stack

DEFAULT_STACK = "keyferry"


@dataclass(frozen=True)
class Connection:
    """A stack, its region, and the profile with the credentials; None: AWS's own settings."""

    stack: str
    region: str | None
    profile: str | None
    saved: Mapping[str, Any]  # what samconfig.toml says for `sam deploy` of this stack

    def open(self) -> Stack:
        """The stack, whose clients use this connection. Raises BotoCoreError."""
        return Stack(self.stack, new_session(self.region, self.profile))


def new_session(region: str | None, profile: str | None) -> Session:
    """What makes AWS clients; without boto3, whose import takes as long as a command's own part."""
    session = Session(profile=profile)
    if region:
        session.set_config_variable("region", region)
    return session


def find_connection(
    stack: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Connection:
    """What is asked for, else what is saved, else the environment: the order of `sam deploy`.

    Settings are saved in samconfig.toml in the current folder, or in the file that
    KEYFERRY_SAMCONFIG names. They count for the stack and region they name, and for no other.
    KEYFERRY_STACK asks for a stack as an option does.
    Raises BadSavedSettings.
    """
    stack = stack or environment.get("KEYFERRY_STACK") or None
    file = Path(environment.get("KEYFERRY_SAMCONFIG") or "samconfig.toml")
    saved: Mapping[str, Any] = next(
        (
            each
            for each in _saved_settings(file)
            if stack in (None, each.get("stack_name")) and region in (None, each.get("region"))
        ),
        {},
    )
    return Connection(
        stack or saved.get("stack_name") or DEFAULT_STACK,
        region or saved.get("region") or environment.get("AWS_REGION"),
        profile or saved.get("profile"),
        saved,
    )


def _saved_settings(file: Path) -> list[dict[str, Any]]:
    """The settings of `sam deploy` in each environment of the file, `default` first."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
        environments = [document.pop("default", {}), *document.values()]
        return [
            {
                name: value
                for command in ("global", "deploy")
                for name, value in each.get(command, {}).get("parameters", {}).items()
            }
            for each in environments
            if isinstance(each, dict)
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        raise BadSavedSettings(f"{file} cannot be read: {error}") from error
