"""The command line, one module per command: thin, over the same calls that the window makes."""
