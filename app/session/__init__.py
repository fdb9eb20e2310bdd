"""What is open: a source, its targets, every result so far, kept on disk as it comes. No Qt."""
