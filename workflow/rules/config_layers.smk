# The configuration's files, read strictly before Snakemake reads them, which believes more. Of files that are named on the
# command line, Snakemake itself refuses some earlier: those without keys, and those that are no YAML.
import os

from snakemake.exceptions import WorkflowError

from trainmark import errors, escaping
from trainmark.planning import strict_yaml, suite_files

# In the order in which they are merged.
CONFIG_FILES = ["config/config.yaml", *map(os.path.relpath, snakemake_interface.given_configfiles(workflow))]

try:
    FILES = [strict_yaml.read(file) for file in dict.fromkeys(CONFIG_FILES)]
    # The suite's own values, above those of config.yaml and below all that the user gives; none of the default suite.
    SUITE_FILE = suite_files.overlay([*(file.values for file in FILES), snakemake_interface.given_config(workflow)])
    FILES[1:1] = [strict_yaml.read(SUITE_FILE)] if SUITE_FILE else []
except errors.TrainmarkError as error:
    raise WorkflowError(escaping.terminal(str(error))) from None
