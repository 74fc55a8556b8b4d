"""The files that measurements leave: their content, their places, and how they are written."""
