"""The correlation study: trackers with and without a correlation map, trained alike, on one benchmark."""
