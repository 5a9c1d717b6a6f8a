"""`python -m policyc`."""

from policyc.cli import main

main()
