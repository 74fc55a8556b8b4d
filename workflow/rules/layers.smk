# The configuration's files, read strictly before Snakemake reads them, which believes more. Of files that are named on the
# command line, Snakemake itself refuses some earlier: those without keys, and those that are no YAML.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = "workflow/scripts"
sys.path.insert(0, str(Path(workflow.basedir, SCRIPTS)))

from trainmark import errors, strict_yaml

# In the order in which they are merged.
CONFIG_FILES = ["config/config.yaml", *map(os.path.relpath, workflow.overwrite_configfiles)]

try:
    FILES = [strict_yaml.read(file) for file in dict.fromkeys(CONFIG_FILES)]
except errors.TrainmarkError as error:
    raise WorkflowError(str(error)) from None
