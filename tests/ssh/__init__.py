"""Real sshd's on this computer, for the tests of machines that ssh reaches: see hosts.py."""
