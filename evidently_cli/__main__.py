"""`python -m evidently_cli`: works wherever another distribution owns the `evidently` script."""

from evidently_cli.app import main

main()
