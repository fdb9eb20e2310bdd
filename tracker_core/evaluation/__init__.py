"""Benchmarks: a protocol is an object that runs, files, measures and reports; results, plots, pages."""
