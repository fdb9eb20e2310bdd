"""Questions to the trackers that one command answers: train, evaluate, compare."""
