"""The data set that every run trains on."""
