"""What an attacker has at hand: the handlers in one process, an offline room, a vendor's desk."""

from tests.integration.conftest import cloud, world
from tests.page.conftest import site
from tests.unit.client.conftest import room, shell
from tests.unit.client.wizard.conftest import typed
from tests.wizard.desk import desk

__all__ = ["cloud", "desk", "room", "shell", "site", "typed", "world"]
