"""As much of the template as the commands read: one table, and the outputs of the stack."""

TEMPLATE = {
    "Resources": {
        "LicensesTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
            },
        }
    },
    "Outputs": {
        "LicensesTable": {"Value": {"Ref": "LicensesTable"}},
        "ProcessRequestFunction": {"Value": "keyferry-process-request"},
        "PageUrl": {"Value": "https://activate.example.com"},
        "VendorName": {"Value": "Example"},
        "SupportContact": {"Value": "licensing@example.com"},
    },
}
