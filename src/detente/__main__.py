"""`python -m detente` is the command line."""

from detente.cli.main import main

if __name__ == "__main__":
    main()
