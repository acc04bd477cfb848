"""`python -m keyferry_admin` is `keyferry-admin`."""

from keyferry_admin.cli import main

main()
