"""Mutation of policies: does some case notice when a policy says something else?

`finding.find_mutants` makes the mutants of a policy, `hunt.hunt` runs them on cases,
`report.report_of` says what came out. `since.changed_rules` restricts that to what was edited,
`kept.kept_verdicts` remembers verdicts. How a mutation operator is added stands in
`operators/registry.py`.
"""
