"""`python -m dashdoc`."""

from dashdoc.cli import main

main()
