"""Panels around the canvas: passive widgets that take data through setters and state facts through signals."""
