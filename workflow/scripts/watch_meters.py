"""Read this machine's meters beside a training, for time_training.py, until it asks for a window of the readings."""

import sys

from trainmark import system
from trainmark.machine import gpus, hardware, meters
from trainmark.measure import sampler

if __name__ == "__main__":
    sampler.serve(meters.find(hardware.chip(), system.MAC, gpus.choose(sys.argv[1])))
