"""Read this machine's meters beside a training, for time_training.py, until it asks for a window of the readings."""

from trainmark import hardware, meters, watching

if __name__ == "__main__":
    watching.serve(meters.find(hardware.MAC, bool(hardware.gpu_names())))
