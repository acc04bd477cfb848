"""Which keys process_request may sign with on AWS. The embedded KMS knows no such conditions."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from keyferry_protocol.algorithms import ED25519, ML_DSA_65, RESPONSE_ALGORITHMS
from tests.stack.test_template import RESOURCES, TEMPLATE

pytestmark = pytest.mark.privilege

OWN = "arn:aws:kms:eu-central-1:123456789012:key/{}"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "keyferry",
}
ALGORITHM = {name: each.kms_signing_algorithm for name, each in RESPONSE_ALGORITHMS.items()}
TAGS = {
    key["Key"]: PSEUDO[key["Value"]["Ref"]]
    for key in RESOURCES["MlDsaSigningKey"]["Properties"]["Tags"]
}


class Deployed:
    """The role as AWS has it after a deployment with these parameters."""

    def __init__(self, **parameters: str) -> None:
        self._parameters = {
            name: parameter.get("Default", "") for name, parameter in TEMPLATE["Parameters"].items()
        } | parameters
        (policy,) = RESOURCES["ProcessRequestRole"]["Properties"]["Policies"]
        self._statements = self._resolve(policy["PolicyDocument"]["Statement"])

    def may_sign(self, key: str, algorithm: str, tags: Mapping[str, str] | None = None) -> bool:
        """Whether a statement allows kms:Sign, as IAM evaluates it."""
        context = {"kms:SigningAlgorithm": algorithm}
        context |= {f"aws:ResourceTag/{name}": value for name, value in (tags or {}).items()}
        return any(
            "kms:Sign" in _list(statement["Action"])
            and any(fnmatchcase(key, resource) for resource in _list(statement["Resource"]))
            and all(
                context.get(name) in _list(values)
                for name, values in statement["Condition"]["StringEquals"].items()
            )
            for statement in self._statements
        )

    def _resolve(self, value: Any) -> Any:
        match value:
            case {"If": [str(name), on, off]}:
                return self._resolve(on if self._holds(TEMPLATE["Conditions"][name]) else off)
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"GetAtt": str(name)}:
                return OWN.format(name.removesuffix(".Arn"))
            case {"Sub": str(text)}:
                for name, its in PSEUDO.items():
                    text = text.replace(f"${{{name}}}", its)
                return text
            case dict():
                return {name: self._resolve(each) for name, each in value.items()}
            case list():
                return [each for each in map(self._resolve, value) if each is not None]
        return value

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Not": [other]}:
                return not self._holds(other)
            case {"Equals": [left, right]}:
                return bool(self._resolve(left) == self._resolve(right))
            case _:
                raise AssertionError(f"A condition that no rule here reads: {condition}")

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return None
        if name in PSEUDO:
            return PSEUDO[name]
        value = self._parameters.get(name, name)
        is_list = TEMPLATE["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList"
        return value.split(",") if is_list else value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("key", "alg"), [("Ed25519Key", ED25519), ("MlDsaSigningKey", ML_DSA_65)], ids=ALGORITHM
)
def test_the_stacks_own_keys_sign_with_the_algorithms_of_responses(key: str, alg: str) -> None:
    deployed = Deployed()
    assert deployed.may_sign(OWN.format(key), ALGORITHM[alg])
    assert not deployed.may_sign(OWN.format(key), "ED25519_PH_SHA_512")
    assert not deployed.may_sign(OWN.format("another"), ALGORITHM[alg])


def test_keys_of_the_vendor_sign_when_they_are_listed() -> None:
    first, second = OWN.format("first"), OWN.format("mrk-second")
    deployed = Deployed(SigningKeyArns=f"{first},{second}")
    for key in (first, second):
        assert deployed.may_sign(key, ALGORITHM[ED25519])
        assert not deployed.may_sign(key, "ECDSA_SHA_256")
        assert not Deployed().may_sign(key, ALGORITHM[ED25519])


def test_a_key_that_left_the_stack_still_signs_for_it_and_for_no_other() -> None:
    """MlDsaKey went from kms to none: its row may be active, and every response needs it."""
    deployed = Deployed(MlDsaKey="none")
    kept = OWN.format("kept")
    assert deployed.may_sign(kept, ALGORITHM[ML_DSA_65], TAGS)
    assert not deployed.may_sign(kept, "ED25519_PH_SHA_512", TAGS)
    assert not deployed.may_sign(kept, ALGORITHM[ML_DSA_65], dict.fromkeys(TAGS, "another"))
    assert not deployed.may_sign(kept, ALGORITHM[ML_DSA_65])
    for key in ("Ed25519Key", "MlDsaSigningKey"):
        assert RESOURCES[key]["Properties"]["Tags"]
        assert RESOURCES[key]["DeletionPolicy"].startswith("Retain")
