"""What every check of the doctor is handed: the stack as CloudFormation knows it, and clients."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.config import Config

from keyferry_admin.stack import Stack

# A service that cannot be reached from here must not hold up the other checks for minutes.
_PATIENCE = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 3})


@dataclass(frozen=True)
class Deployment:
    """A deployed stack that is looked at and never changed."""

    stack: Stack
    site: Path  # the folder of the page that should be served
    now: int
    _clients: dict[tuple[str, str | None], Any] = field(default_factory=dict, compare=False)

    @property
    def is_embedded(self) -> bool:
        """Whether this is an embedded cloud: no TLS, no DNS, keys in files."""
        return bool(self.stack.parameter("StorageOrigin"))

    @property
    def region(self) -> str:
        return self.stack.id.split(":")[3]

    def resource(self, logical_id: str) -> str:
        """The physical id of a resource of the template; "" if the stack has none."""
        return self.resources.get(logical_id, "")

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The physical ids of all resources by their names in the template."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
            for page in pages.paginate(StackName=self.stack.name)
            for resource in page["StackResourceSummaries"]
        }

    def client(self, service: str, region: str | None = None) -> Any:
        if (service, region) not in self._clients:
            create: Any = self.stack.session.create_client  # the stubs accept only literal names
            self._clients[service, region] = create(service, region_name=region, config=_PATIENCE)
        return self._clients[service, region]
