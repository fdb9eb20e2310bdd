"""Boxes and heat maps drawn into images; videos and images written."""
