"""What checkov says about the templates, and parliament about every policy of ours.

`make audit` compares it with docs/operations/checkov.md, where each finding has its verdict, and
ends with 1 if they differ.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.stack.test_template import RESOURCES
from tests.support.running_stack import ROOT

TOOLS = ROOT / ".venv-audit/bin"
OPERATIONS = ROOT / "docs/operations"
VERDICTS = OPERATIONS / "checkov.md"
TEMPLATES = (ROOT / "template.yaml", OPERATIONS / "web-acl.yaml")
ROW = re.compile(r"^\| (CKV\w+) \| [^|]+ \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
ACCOUNT = "eu-central-1:123456789012"
ARNS = {
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{ACCOUNT}:table/{{}}",
    "AWS::Events::ApiDestination": f"arn:aws:events:{ACCOUNT}:api-destination/{{}}/5f2c0b8e",
    "AWS::Events::EventBus": f"arn:aws:events:{ACCOUNT}:event-bus/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{ACCOUNT}:rule/{{}}",
    "AWS::KMS::Key": f"arn:aws:kms:{ACCOUNT}:key/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{ACCOUNT}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{ACCOUNT}:secret:{{}}",
    "AWS::Serverless::Function": f"arn:aws:lambda:{ACCOUNT}:function:{{}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{ACCOUNT}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{ACCOUNT}:{{}}",
}
VALUES = {  # of pseudo parameters, and of parameters that are no plain names
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "keyferry",
    "AWS::URLSuffix": "amazonaws.com",
    "MailFrom": "licensing@example.com",
    "SigningKeyArns": [f"arn:aws:kms:{ACCOUNT}:key/5f2c0b8e"],
}
# Where parliament is wrong, as docs/operations/checkov.md says.
NO_MISTAKE = {("PublishEventsRole", "RESOURCE_MISMATCH")}
Findings = dict[str, set[str]]


def main() -> int:
    findings, judged = run_checkov(), verdicts()
    for name in sorted(findings.keys() | judged.keys()):
        new = findings.get(name, set()) - judged.get(name, set())
        gone = judged.get(name, set()) - findings.get(name, set())
        if new:
            print(f"{name} has no verdict in {VERDICTS.name} for {', '.join(sorted(new))}")
        if gone:
            print(f"{name} is no longer found for {', '.join(sorted(gone))}: {VERDICTS.name}")
    print(f"checkov: {sum(map(len, findings.values()))} findings of {len(findings)} checks")
    checked, wrong = run_parliament()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"parliament: {len(wrong)} findings in {checked} policies")
    return 1 if wrong or findings != judged else 0


def run_checkov() -> Findings:
    files = [option for template in TEMPLATES for option in ("-f", template)]
    options = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet"]
    ran = subprocess.run(
        [TOOLS / "checkov", *files, *options, "-o", "json"], capture_output=True, check=False
    )
    report, findings = json.loads(ran.stdout), Findings()
    for failed in report["results"]["failed_checks"]:
        findings.setdefault(failed["check_id"], set()).add(failed["resource"].rpartition(".")[2])
    return findings


def verdicts() -> Findings:
    rows = ROW.findall(VERDICTS.read_text())
    return {check: set(re.findall(r"\w+", resources)) for check, resources in rows}


def run_parliament() -> tuple[int, list[str]]:
    """How many policies it read, and what it says about each."""
    policies = dict(all_policies())
    with tempfile.TemporaryDirectory() as folder:
        for name, policy in policies.items():
            (Path(folder) / f"{name}.json").write_text(json.dumps(policy))
        ran = subprocess.run(
            [TOOLS / "parliament", "--directory", folder, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
    findings = [json.loads(line) for line in ran.stdout.splitlines()]
    names = [Path(each["location"]["filepath"]).stem for each in findings]
    return len(policies), [
        f"{name}: {each['issue']} {each['detail']}"
        for name, each in zip(names, findings, strict=True)
        if (name, each["issue"]) not in NO_MISTAKE
    ]


def all_policies() -> Iterator[tuple[str, Any]]:
    """Every policy of the template and of our documents, as AWS gets it.

    Not those of keys: their `*` is the key itself, and parliament takes it for every key.
    """
    for name, resource in RESOURCES.items():
        properties = resource.get("Properties", {})
        for policy in properties.get("Policies", []):
            yield name, resolve(policy["PolicyDocument"])
        if "PolicyDocument" in properties:
            yield name, resolve(properties["PolicyDocument"])
    for file in OPERATIONS.glob("*-policy.json"):
        yield file.stem, json.loads(file.read_text())


def resolve(value: Any) -> Any:
    """A value of the template as CloudFormation fills it in on AWS, with every option."""
    match value:
        case {"If": [_, on, _]}:
            return resolve(on)
        case {"Ref": str(name)}:
            return reference(name)
        case {"GetAtt": str(name)}:
            return reference(name)
        case {"Sub": [str(text), dict(names)]}:
            return substitute(text, {name: resolve(each) for name, each in names.items()})
        case {"Sub": str(text)}:
            return substitute(text, {})
        case {"Select": [index, values]}:
            return resolve(values)[int(index)]
        case {"Split": [separator, text]}:
            return resolve(text).split(separator)
        case dict():
            return {name: resolve(each) for name, each in value.items()}
        case list():
            return [resolve(each) for each in value if each != {"Ref": "AWS::NoValue"}]
    return value


def substitute(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\$\{([\w:.]+)\}", lambda m: names.get(m[1]) or reference(m[1]), text)


def reference(name: str) -> Any:
    """What a reference to a resource, a parameter, or a pseudo parameter stands for."""
    resource, _, attribute = name.partition(".")
    kind = RESOURCES.get(resource, {}).get("Type", "")
    if attribute == "StreamArn":
        return f"{ARNS[kind].format(resource.lower())}/stream/2026-11-30T00:00:00.000"
    if attribute == "Arn" or kind in ("AWS::SNS::Topic", "AWS::SecretsManager::Secret"):
        return ARNS[kind].format(resource.lower())
    return VALUES.get(name, name.lower())


if __name__ == "__main__":
    sys.exit(main())
