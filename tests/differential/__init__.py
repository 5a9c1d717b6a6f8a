"""Differential tests: generated policies and traces, judged by several engines that must agree."""
