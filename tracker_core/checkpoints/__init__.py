"""Weights: our checkpoints and their catalogue, torch files read without running them, published key names."""
