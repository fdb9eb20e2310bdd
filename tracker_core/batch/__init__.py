"""A batch: a folder of videos and their first boxes, tracked one after another; what came of each is kept."""
