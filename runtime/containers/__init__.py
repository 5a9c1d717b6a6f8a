"""Servers in containers: the engine, the image, and one container that many processes share."""
