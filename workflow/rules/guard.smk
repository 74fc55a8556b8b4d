# What holds whatever options Snakemake is given: this project runs in its own folder, and no option costs a measurement.
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True), "../..").resolve()
if {Path(workflow.basedir).resolve(), Path.cwd()} != {ROOT}:
    raise WorkflowError(
        f"trainmark works from its own folder and by its own Snakefile alone. Say 'cd {shlex.quote(str(ROOT))}' first, without "
        "--directory, --snakefile or a module around it. For other results, take another copy of that folder."
    )

sys.path.insert(0, str(Path(workflow.basedir, "workflow/scripts")))

from trainmark.planning import snakemake_interface

snakemake_interface.spare_pandas()
snakemake_interface.survive_lost_terminal()
snakemake_interface.say_less()
snakemake_interface.refuse_deletion(workflow)
snakemake_interface.remember_signatures()
snakemake_interface.describe_no_job(workflow)
