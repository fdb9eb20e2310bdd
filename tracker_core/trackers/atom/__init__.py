"""ATOM: a classifier learned while tracking, and boxes that climb a predicted overlap."""
