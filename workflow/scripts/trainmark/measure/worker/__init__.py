"""What the process of a run does. The only folder that imports TensorFlow."""
