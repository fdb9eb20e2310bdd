"""Benchmarks: metrics, one-pass and supervised evaluation, results on disk, plots and reports."""
