"""The embedded cloud, made to refuse what CloudFormation refuses on AWS and ministack does not.

It runs instead of local/cloud_process.py.
"""

import sys
from pathlib import Path
from typing import Any


def refuse_as_aws() -> None:
    from ministack.services import dynamodb, s3, ses_v2
    from ministack.services.cloudformation import _stacks, engine, handlers, helpers, provisioners

    types = provisioners._RESOURCE_HANDLERS
    table, bucket = types["AWS::DynamoDB::Table"], types["AWS::S3::Bucket"]
    identity = types["AWS::SES::EmailIdentity"]
    delete_table, delete_bucket = table["delete"], bucket["delete"]
    create_identity, actions = identity["create"], handlers._ACTION_HANDLERS
    create_stack, create_change_set = actions["CreateStack"], actions["CreateChangeSet"]

    def delete_unprotected_table(name: str, properties: Any) -> None:
        if name in dynamodb._tables and dynamodb._tables[name]["DeletionProtectionEnabled"]:
            raise ValueError("Resource cannot be deleted as it is protected against deletion.")
        delete_table(name, properties)

    def delete_empty_bucket(name: str, properties: Any) -> None:
        if s3._buckets[name]["objects"] or s3._bucket_has_versions(name):
            raise ValueError("The bucket you tried to delete is not empty.")
        delete_bucket(name, properties)

    def create_new_identity(logical_id: str, properties: Any, stack: str) -> Any:
        if (name := properties["EmailIdentity"]) in ses_v2._identities:
            kind = "AWS::SES::EmailIdentity"
            raise ValueError(f"Resource of type '{kind}' with identifier '{name}' already exists.")
        return create_identity(logical_id, properties, stack)

    def create_new_stack(parameters: Any) -> Any:
        name = helpers._p(parameters, "StackName")
        if name in _stacks and _stacks[name]["StackStatus"] == "ROLLBACK_COMPLETE":
            return helpers._error("AlreadyExistsException", f"Stack [{name}] already exists")
        return create_stack(parameters)

    def create_whole_change_set(parameters: Any) -> Any:
        template = engine._parse_template(helpers._resolve_template(parameters)[0])
        names = {name for name, _ in engine._intrinsic_references(template["Resources"])}
        known = template["Resources"].keys() | template.get("Parameters", {}).keys()
        if missing := {n for n in names - known if not n.startswith("AWS::")}:
            problem = f"Unresolved resource dependencies {sorted(missing)} in the Resources block"
            return helpers._error("ValidationError", f"Template format error: {problem}")
        return create_change_set(parameters)

    table["delete"], bucket["delete"] = delete_unprotected_table, delete_empty_bucket
    identity["create"] = create_new_identity
    actions["CreateStack"], actions["CreateChangeSet"] = create_new_stack, create_whole_change_set


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))
    from local.cloud_process import main

    refuse_as_aws()
    main()
