"""Measures the window: pauses of its event loop and what ran meanwhile, images shown per second, costs of painting."""
