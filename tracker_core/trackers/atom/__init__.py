"""ATOM: a classifier learnt while tracking, and boxes that climb a predicted overlap."""
