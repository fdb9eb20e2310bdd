"""The desktop window of Siamscope; PyQt5 is used here and nowhere else."""
