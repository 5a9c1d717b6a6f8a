"""The tests of policyc, one folder for each layer and kind."""
