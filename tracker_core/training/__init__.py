"""Training: pair data sets, augmentation, labels, losses, the loop, validation by tracking, tuning."""
