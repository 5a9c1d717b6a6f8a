"""Tests of policies: what can be said about a policy and the cases that it is tried on."""
