"""What this computer is and does: its parts, meters, other work on it, the energy that it uses."""
