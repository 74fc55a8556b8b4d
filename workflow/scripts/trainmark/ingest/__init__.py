"""Files from elsewhere: read, checked, unpacked and merged."""
