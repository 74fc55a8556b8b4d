"""Read this machine's meters beside a training, for time_training.py, until it asks for a window of the readings."""

import sys

from trainmark import gpus, hardware, meters, system, watching

if __name__ == "__main__":
    watching.serve(meters.find(hardware.chip(), system.MAC, gpus.choose(sys.argv[1])))
