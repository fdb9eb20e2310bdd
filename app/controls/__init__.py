"""What the actions of the window do, by subject; the main window only wires them."""
