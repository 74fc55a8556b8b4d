"""What is installed: the virtual environment, the pinned packages, and where they come from."""
