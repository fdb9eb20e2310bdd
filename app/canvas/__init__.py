"""The image with everything that is painted over it (overlays/), the view that zooms and moves, drawing a box."""
