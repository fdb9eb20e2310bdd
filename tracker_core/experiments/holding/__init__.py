"""Which tracker holds on, and does it know when it has lost the target? Families of validation clips decide."""
