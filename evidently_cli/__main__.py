"""The `evidently` command; as `python -m evidently_cli` it works wherever another distribution owns that script."""

import os


def main() -> None:
    """Run the command line, and end the process. To load it takes long enough to be interrupted there."""
    try:
        from evidently_cli.app import main as run

        run()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
