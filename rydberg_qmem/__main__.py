"""`python -m rydberg_qmem`: the command line."""

from rydberg_qmem.cli import main

if __name__ == "__main__":
    main()
