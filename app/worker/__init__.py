"""The session in a thread of its own: queued signals in, immutable results out."""
