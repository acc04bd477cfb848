"""As much of the template as the commands read: one table, and the outputs of the stack."""

from tests.support.tables import LICENSES_TABLE

TEMPLATE = {
    "Resources": {
        "LicensesTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": LICENSES_TABLE,
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
