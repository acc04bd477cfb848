"""`python -m keyferry_admin` is `keyferry-admin`."""

from keyferry_admin.commands import main

main()
