"""Clients of other people's toolkits: they run our trackers by their own rules. Loaded only where they are used."""
