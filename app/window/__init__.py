"""The main window: the application, who is connected with whom."""
