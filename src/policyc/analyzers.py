"""Analyzers: what an agent's host asks before an action runs.

from policyc.analyzers import InvariantAnalyzer

analyzer = InvariantAnalyzer("policy:openhands")
proposal = analyzer.propose_sync(action)
if proposal.decision.is_allowed:
    run(action)
    proposal.commit()
"""

from policyc.runtime.analyzers.analyzer import ApiAnswer, Question, SecurityAnalyzer
from policyc.runtime.analyzers.ensemble import EnsembleAnalyzer
from policyc.runtime.analyzers.feed import EventStream
from policyc.runtime.analyzers.grayswan import GraySwanAnalyzer
from policyc.runtime.analyzers.invariant import InvariantAnalyzer
from policyc.runtime.analyzers.ledger import Proposal
from policyc.runtime.analyzers.lifecycle import IllegalTransition, State
from policyc.runtime.analyzers.llm_risk import LLMRiskAnalyzer
from policyc.runtime.analyzers.registry import analyzer_names, make_analyzer
from policyc.runtime.analyzers.risk import (
    AnalyzerError,
    Assessment,
    Decision,
    RiskLevel,
    Thresholds,
    Verdict,
)

__all__ = [
    "AnalyzerError",
    "ApiAnswer",
    "Assessment",
    "Decision",
    "EnsembleAnalyzer",
    "EventStream",
    "GraySwanAnalyzer",
    "IllegalTransition",
    "InvariantAnalyzer",
    "LLMRiskAnalyzer",
    "Proposal",
    "Question",
    "RiskLevel",
    "SecurityAnalyzer",
    "State",
    "Thresholds",
    "Verdict",
    "analyzer_names",
    "make_analyzer",
]
