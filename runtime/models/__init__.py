"""Models that detectors and `llm` ask: in a folder of this machine, or behind an address."""
