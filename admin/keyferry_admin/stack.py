"""Finds a deployed stack by its name: its outputs, tables, files, queues, and keys."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from keyferry_admin.errors.stack import EventsOff, NoSuchStack
from keyferry_admin.quick_rows import read_rows_quickly
from keyferry_service.domain.change import Author

if TYPE_CHECKING:  # at run time where a command first needs one: all take a third of its start
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

    from keyferry_service.adapters.bus_eventbridge import Bus
    from keyferry_service.adapters.decisions_dynamodb import Decisions
    from keyferry_service.adapters.emails_dynamodb import Emails
    from keyferry_service.adapters.events_dynamodb import StoredEvents
    from keyferry_service.adapters.files_s3 import Files
    from keyferry_service.adapters.licenses_dynamodb import Licenses
    from keyferry_service.adapters.refusals_dynamodb import Refusals
    from keyferry_service.adapters.resignings_dynamodb import Resignings
    from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
    from keyferry_service.adapters.suppressions_dynamodb import Suppressions
    from keyferry_service.adapters.tickets_dynamodb import Tickets


def signing_key_output(alg: str) -> str:
    """The name of the template's output for its KMS key of this algorithm."""
    return f"{alg.replace('-', '')}KeyArn"


@dataclass(frozen=True)
class Stack:
    """A deployed stack; credentials, region, and endpoint come from the settings of AWS tools."""

    name: str
    session: Session = field(default_factory=Session)

    def output(self, name: str) -> str:
        """The value of an output of the template. Raises NoSuchStack."""
        if name not in self._outputs:
            raise NoSuchStack(f"The stack {self.name} has no output {name}")
        return self._outputs[name]

    def has_output(self, name: str) -> bool:
        return name in self._outputs

    def parameter(self, name: str) -> str:
        """The value of a parameter of the template; "" if it was deployed without one."""
        return self.parameters.get(name, "")

    @property
    def parameters(self) -> Mapping[str, str]:
        """The values of all parameters; CloudFormation shows asterisks for a secret one."""
        listed = self._description.get("Parameters", [])
        return {each["ParameterKey"]: each["ParameterValue"] for each in listed}

    @property
    def id(self) -> str:
        """The ARN, which names partition, region, and account. Raises NoSuchStack."""
        return self._description["StackId"]

    @property
    def status(self) -> str:
        """What CloudFormation last did. Raises NoSuchStack."""
        return self._description["StackStatus"]

    @cached_property
    def licenses(self) -> "Licenses":
        from keyferry_service.adapters.licenses_dynamodb import Licenses

        return Licenses(self._dynamodb, self.output("LicensesTable"), self.author)

    @cached_property
    def decisions(self) -> "Decisions":
        from keyferry_service.adapters.decisions_dynamodb import Decisions

        return Decisions(self._dynamodb, self.output("LicensesTable"))

    def author(self) -> Author:
        """Who makes a change now, as AWS knows them."""
        return Author(self._identity, int(time.time()))

    @cached_property
    def signing_keys(self) -> "SigningKeys":
        from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys

        tables = self.output("KeysTable"), self.output("LicensesTable")
        return SigningKeys(self._dynamodb, *tables)

    @cached_property
    def tickets(self) -> "Tickets":
        from keyferry_service.adapters.tickets_dynamodb import Tickets

        return Tickets(self._dynamodb, self.output("TicketsTable"))

    @cached_property
    def emails(self) -> "Emails":
        from keyferry_service.adapters.emails_dynamodb import Emails

        return Emails(self._dynamodb, self.output("TicketsTable"))

    @cached_property
    def refusals(self) -> "Refusals":
        from keyferry_service.adapters.refusals_dynamodb import Refusals

        return Refusals(self._dynamodb, self.output("TicketsTable"))

    @cached_property
    def resignings(self) -> "Resignings":
        from keyferry_service.adapters.resignings_dynamodb import Resignings

        return Resignings(self._dynamodb, self.output("TicketsTable"))

    @cached_property
    def suppressions(self) -> "Suppressions":
        from keyferry_service.adapters.suppressions_dynamodb import Suppressions

        return Suppressions(self._dynamodb, self.output("TicketsTable"))

    @cached_property
    def stored_events(self) -> "StoredEvents":
        from keyferry_service.adapters.events_dynamodb import StoredEvents

        licenses, tickets = self.output("LicensesTable"), self.output("TicketsTable")
        return StoredEvents(self._dynamodb, licenses, tickets)

    @cached_property
    def bus(self) -> "Bus":
        """Its event bus. Raises EventsOff."""
        from keyferry_service.adapters.bus_eventbridge import Bus

        if not self.has_output("EventBus"):
            raise EventsOff(f"The stack {self.name} has no event bus")
        return Bus(self._client("events"), self.output("EventBus"), self.name)

    @cached_property
    def files(self) -> "Files":
        from keyferry_service.adapters.files_s3 import Files

        return Files(self._client("s3"), self.output("InBucket"), self.output("OutBucket"))

    @cached_property
    def sqs(self) -> "SQSClient":
        client: SQSClient = self._client("sqs")
        return client

    @cached_property
    def ses(self) -> "SESV2Client":
        client: SESV2Client = self._client("sesv2")
        return client

    @cached_property
    def kms(self) -> "KMSClient":
        client: KMSClient = self._client("kms")
        return client

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def cloudfront(self) -> Any:
        return self._client("cloudfront")

    @cached_property
    def functions(self) -> Any:
        return self._client("lambda")

    @cached_property
    def _identity(self) -> str:
        """The ARN of the credentials; anyone may ask for their own."""
        sts: Any = self._client("sts")
        arn: str = sts.get_caller_identity()["Arn"]
        return arn

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        # DynamoDB itself says what is wrong with a call; asked here too, it takes as long again.
        config = Config(parameter_validation=False)
        client: DynamoDBClient = self._client("dynamodb", config)
        read_rows_quickly(client)
        return client

    def _client(self, service: str, config: Config | None = None) -> Any:
        return self.session.create_client(service, config=config)

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        outputs = self._description.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    @cached_property
    def _description(self) -> "StackTypeDef":
        try:
            reply = self.cloudformation.describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            where = self.cloudformation.meta.region_name
            raise NoSuchStack(f"There is no stack {self.name} in {where}") from error
        return reply["Stacks"][0]
