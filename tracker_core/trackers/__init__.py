"""A network, a configuration and the state of one target: `init` and `update`; trackers by name."""
