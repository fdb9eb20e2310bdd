"""The session in a thread of its own: requests in, messages and images out."""
