"""Whether responses can be signed: the active keys, and the right to sign with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keyferry_admin.stack import signing_key_output
from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, WARNING, Finding
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A key as KMS describes it."""

    state: str  # Enabled, Disabled, PendingDeletion, ...
    spec: str


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys that sign, and what is known of their private halves."""

    active: Sequence[SigningKey]
    in_kms: Mapping[str, KmsKey]  # by ARN; a key that is missing is not in it
    allows_pem: bool  # the functions have a folder of PEM files
    unused: Sequence[str]  # algorithms whose KMS key this stack has and does not use
    uncopied: Sequence[str] = ()  # keyids that sign, and are in the license table alone
    untrusted: Sequence[str] = ()  # keyids in the license table that therefore do not sign


def check_keys(deployment: Deployment) -> list[Finding]:
    """Whether every active key exists, is enabled, and is of the right kind."""
    known = {key.keyid for key in deployment.stack.signing_keys.all()}
    alone = [key.keyid for key in deployment.stack.signing_keys.among_licenses_alone()]
    active = active_keys(deployment)
    kms, in_kms = deployment.client("kms"), dict[str, KmsKey]()
    for arn in kms_arns(active):
        try:
            key = kms.describe_key(KeyId=arn)["KeyMetadata"]
        except (kms.exceptions.NotFoundException, kms.exceptions.InvalidArnException):
            continue
        in_kms[arn] = KmsKey(key["KeyState"], key["KeySpec"])
    signs = {key.alg for key in active}
    unused = [
        alg
        for alg in RESPONSE_ALGORITHMS
        if alg not in signs and deployment.stack.has_output(signing_key_output(alg))
    ]
    allows_pem = bool(deployment.stack.parameter("PemFolder"))
    uncopied = [keyid for keyid in alone if keyid in known]
    untrusted = [keyid for keyid in alone if keyid not in known]
    return judge_keys(Signing(active, in_kms, allows_pem, unused, uncopied, untrusted))


def judge_keys(signing: Signing) -> list[Finding]:
    """A finding for each key that cannot sign, and for each key of the stack that does not."""
    if not signing.active:
        text = "No key signs, so no request is answered"
        return [Finding("keys", PROBLEM, text, "keyferry-admin keys create")]
    findings = [finding for key in signing.active for finding in _judge_key(key, signing)]
    for alg in signing.unused:
        text = f"The stack's own {alg} key does not sign"
        findings.append(Finding("keys", WARNING, text, f"keyferry-admin keys create --alg {alg}"))
    if signing.uncopied:
        text = "The keys are not in their own table yet: whoever changes licenses could add one"
        findings.append(Finding("keys", WARNING, text, "make deploy"))
    for keyid in signing.untrusted:
        text = f"The key {keyid} does not sign: keyferry-admin of release 0.9 created it"
        step = "Create it again, if it is yours: docs/operations/upgrade.md, signing keys"
        findings.append(Finding("keys", WARNING, text, step, {"keyid": keyid}))
    keys = ", ".join(f"{key.alg} {key.keyid}" for key in signing.active)
    verb = "sign" if len(signing.active) > 1 else "signs"
    return findings or [Finding("keys", OK, f"{keys} {verb} every response")]


def _judge_key(key: SigningKey, signing: Signing) -> list[Finding]:
    arn, name = key.kms_arn, f"The {key.alg} key {key.keyid}"
    facts = {"keyid": key.keyid}
    if arn is None:
        if signing.allows_pem:
            return []
        text = f"{name} is in the file {key.pem}, and the functions have no folder of keys"
        step = f"Another key must take over: keyferry-admin keys create --alg {key.alg}"
        return [Finding("keys", PROBLEM, text, f"{step}, then keys retire {key.keyid}", facts)]
    known, expected = signing.in_kms.get(arn), RESPONSE_ALGORITHMS[key.alg].kms_key_spec
    if known is None:
        text = f"{name} is not in KMS here, so no request is answered: {arn}"
        step = "Another key must take over: docs/operations/recovery.md, a lost key."
        return [Finding("keys", PROBLEM, text, step, facts)]
    if known.spec != expected:
        text = f"{name} is of the kind {known.spec} in KMS, not {expected}"
        step = f"keyferry-admin keys create --alg {key.alg}, then keys retire {key.keyid}"
        return [Finding("keys", PROBLEM, text, step, facts)]
    if known.state != "Enabled":
        text = f"{name} cannot sign, so no request is answered. Its state in KMS: {known.state}"
        return [Finding("keys", PROBLEM, text, _enable(known.state, arn), facts)]
    return []


def _enable(state: str, arn: str) -> str:
    if state == "PendingDeletion":
        return f"aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key --key-id {arn}"
    return f"aws kms enable-key --key-id {arn}"


def check_rights(deployment: Deployment) -> list[Finding]:
    """Whether process_request may sign with each active key, as IAM's simulator says."""
    _, partition, _, _, account, _ = deployment.stack.id.split(":")
    role = f"arn:{partition}:iam::{account}:role/{deployment.resource('ProcessRequestRole')}"
    kms, iam = deployment.client("kms"), deployment.client("iam")
    active = [key for key in active_keys(deployment) if key.kms_arn]
    denied = list[SigningKey]()
    for key in active:
        tags = kms.list_resource_tags(KeyId=key.kms_arn)["Tags"]
        conditions = {f"aws:ResourceTag/{tag['TagKey']}": tag["TagValue"] for tag in tags}
        conditions["kms:SigningAlgorithm"] = RESPONSE_ALGORITHMS[key.alg].kms_signing_algorithm
        reply = iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=["kms:Sign"],
            ResourceArns=[key.kms_arn],
            ContextEntries=[
                {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for name, value in conditions.items()
            ],
        )
        if any(result["EvalDecision"] != "allowed" for result in reply["EvaluationResults"]):
            denied.append(key)
    return judge_rights(len(active), denied)


def judge_rights(checked: int, denied: Sequence[SigningKey]) -> list[Finding]:
    """`checked` is how many keys in KMS were asked for."""
    if not denied:
        text = "process_request can sign with each key in KMS" if checked else "No key is in KMS"
        return [Finding("rights", OK, text)]
    return [
        Finding(
            "rights",
            PROBLEM,
            f"process_request has no right to sign with {key.alg} {key.keyid}. Nothing is answered",
            f"Add {key.kms_arn} to SigningKeyArns and run make deploy: docs/operations/keys.md",
            {"keyid": key.keyid},
        )
        for key in denied
    ]


def active_keys(deployment: Deployment) -> list[SigningKey]:
    """The keys that sign every response."""
    keys = deployment.stack.signing_keys.all()
    return [key for key in keys if key.status is KeyStatus.ACTIVE]


def kms_arns(keys: Sequence[SigningKey]) -> list[str]:
    """Where those of these keys are that are in KMS."""
    return [key.kms_arn for key in keys if key.kms_arn]
