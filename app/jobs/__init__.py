"""Long work (benchmark, training, export) as subprocesses of the command line, and their bar."""
