"""As much of the template as the commands read: two tables, and the outputs of the stack."""

from tests.support.tables import KEYS_TABLE, LICENSES_TABLE

TEMPLATE = {
    "Resources": {
        "LicensesTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": LICENSES_TABLE,
        },
        "KeysTable": {"Type": "AWS::DynamoDB::Table", "Properties": KEYS_TABLE},
    },
    "Outputs": {
        "LicensesTable": {"Value": {"Ref": "LicensesTable"}},
        "KeysTable": {"Value": {"Ref": "KeysTable"}},
        "ProcessRequestFunction": {"Value": "keyferry-process-request"},
        "PageUrl": {"Value": "https://activate.example.com"},
        "VendorName": {"Value": "Example"},
        "SupportContact": {"Value": "licensing@example.com"},
    },
}
