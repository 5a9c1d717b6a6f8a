"""The detectors, parsers and file functions of the standard library."""
