"""What AWS or the deployed stack does not do for a command."""

from keyferry_admin.errors import AdminError

# What AWS calls it when it takes no more calls for a while.
BUSY_CODES = (
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)


class AwsFailure(AdminError):
    """AWS refuses a call or cannot be reached, for a reason that has no error of its own."""

    code = "aws"
    next_step = "Check region, credentials, and endpoint (AWS_REGION, AWS_PROFILE)."


class AwsBusy(AdminError):
    """AWS takes no more calls of this kind now, after several tries."""

    code = "aws-busy"
    next_step = "Wait a minute, then run this again."


class MissingRight(AdminError):
    """The AWS credentials do not have the right to a call."""

    code = "missing-right"
    next_step = "Ask whoever runs the AWS account for it: docs/operations/roles.md"


class NoRegion(AdminError):
    """No setting says in which region the stack is."""

    code = "no-region"
    next_step = "Use --region, or run the command next to samconfig.toml, or set AWS_REGION."


class NoSuchProfile(AdminError):
    """AWS's own settings have no profile with this name."""

    code = "no-such-profile"
    next_step = "`aws configure list-profiles` shows every profile. Choose one with --profile."


class NoCredentials(AdminError):
    """No setting has credentials for AWS."""

    code = "no-credentials"
    next_step = "Sign in with `aws login` or `aws sso login`, or choose a profile with --profile."


class ExpiredCredentials(AdminError):
    """The credentials were valid once."""

    code = "expired-credentials"
    next_step = "Nothing was changed. Sign in again, then run the same command again."


class RefusedCredentials(AdminError):
    """AWS knows no such credentials."""

    code = "refused-credentials"
    next_step = "Nothing was changed. Check the keys, or choose another profile with --profile."


class AwsUnreachable(AdminError):
    """Nothing answers at the address of an AWS service."""

    code = "aws-unreachable"
    next_step = "Check the spelling of the region, and the network of this computer."


class NoSuchStack(AdminError):
    """There is no deployed stack with this name."""

    code = "no-such-stack"
    next_step = "Use --stack, --region, and --profile, or run the command next to samconfig.toml."


class BadSavedSettings(AdminError):
    """The file that `sam deploy --guided` saves cannot be read."""

    code = "bad-saved-settings"
    next_step = "Correct the file, or save it again: sam deploy --guided"


class StackNotReady(AdminError):
    """The stack cannot be updated now, or not by this release."""

    code = "stack-not-ready"
    next_step = (
        "Nothing was changed. Wait until its deployment is done, then run the same command again."
    )


class NoLicenseIndex(AdminError):
    """The license table has no index yet, or DynamoDB is still filling it."""

    code = "no-license-index"
    next_step = (
        "Nothing was changed. Deploy this release (make deploy), then run the same command again."
    )


class OriginSecretNotRotated(AdminError):
    """An update of the stack or of the distribution failed, or did not end."""

    code = "origin-secret-not-rotated"
    next_step = (
        "No call is refused. Read the stack's events in CloudFormation, then run the same command "
        "again."
    )


class EventsOff(AdminError):
    """The stack has no event bus."""

    code = "events-off"
    next_step = "Set Events to on and run `make deploy`: docs/operations/events.md."


class EventsNotTaken(AdminError):
    """The event bus did not take events, however often they were tried."""

    code = "events-not-taken"
    next_step = "Wait a minute."


class ReplayStopped(AdminError):
    """A replay of events ended before its end, because AWS refused a call."""

    code = "replay-stopped"
