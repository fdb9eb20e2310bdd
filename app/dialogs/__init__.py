"""Dialogs: they ask, and return what was said; what is done with it is decided in `app.controls`."""
