"""The settings of every tracker that can be chosen by name; nothing here imports torch."""
