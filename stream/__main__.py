"""`python -m stream` is `gifnet`."""

from stream.cli import main

main()
