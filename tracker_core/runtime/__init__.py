"""How a network is run: chosen once when a tracker is built, same answers whichever is chosen."""
