"""``python -m ikespec`` is the ikespec command."""

from ikespec.cli import main

if __name__ == "__main__":
    main()
