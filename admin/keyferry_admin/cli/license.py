"""The group `keyferry-admin license`, to which each file of its commands adds them."""

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup


@cli.group(
    cls=AdminGroup,
    modules={
        "create": "license_create",
        "show": "license_show",
        "list": "license_list",
        "import": "license_import",
        "export": "license_export",
        "letter": "license_letter",
        "renew": "license_renew",
        **dict.fromkeys(("history", "undo"), "license_history"),
        **dict.fromkeys(
            ("suspend", "resume", "revoke", "extend", "change", "allow-move", "new-code"),
            "license_changes",
        ),
    },
)
def license() -> None:
    """Make licenses, look at them, change them."""
