"""As much of the template as the commands read: the tables, and the outputs of the stack."""

from tests.support.tables import KEYS_TABLE, LICENSES_TABLE, TICKETS_TABLE

TEMPLATE = {
    "Parameters": {"MailFrom": {"Type": "String", "Default": "sender@example.com"}},
    "Resources": {
        "LicensesTable": {"Type": "AWS::DynamoDB::Table", "Properties": LICENSES_TABLE},
        "KeysTable": {"Type": "AWS::DynamoDB::Table", "Properties": KEYS_TABLE},
        "TicketsTable": {"Type": "AWS::DynamoDB::Table", "Properties": TICKETS_TABLE},
    },
    "Outputs": {
        "LicensesTable": {"Value": {"Ref": "LicensesTable"}},
        "KeysTable": {"Value": {"Ref": "KeysTable"}},
        "TicketsTable": {"Value": {"Ref": "TicketsTable"}},
        "InBucket": {"Value": "keyferry-in"},
        "OutBucket": {"Value": "keyferry-out"},
        "ProcessRequestFunction": {"Value": "keyferry-process-request"},
        "PageUrl": {"Value": "https://activate.example.com"},
        "VendorName": {"Value": "Example"},
        "SupportContact": {"Value": "licensing@example.com"},
    },
}
