"""Checks the templates with tools of their own, from their registries, which are kept in a directory.

    python3 deploy/lint.py bin/deploy

What cannot be had is skipped in a line; what is found is an error.
"""

import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["cfn-lint==1.58.0", "python-hcl2==8.1.4", "pycep-parser==0.7.1"]

HCL = """
import pathlib, sys, hcl2
for f in sorted(pathlib.Path(sys.argv[1]).glob("*.tf")):
    with f.open() as text:
        hcl2.load(text)
"""

BICEP = """
import pathlib, sys
from pycep import BicepParser
if not BicepParser().parse(file_path=pathlib.Path(sys.argv[1]))["resources"]:
    sys.exit("it has no resources")
"""


def run(command, **more):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, **more)


def python(cache):
    """The Python that has the packages, or None."""
    at, stamp = cache / "bin" / "python", cache / "packages"
    if stamp.exists() and stamp.read_text() == repr(PACKAGES):
        return at
    shutil.rmtree(cache, ignore_errors=True)
    for command in ([sys.executable, "-m", "venv", cache], [at, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]):
        done = run(command)
        if done.returncode:
            words = [line for line in done.stdout.splitlines() if line.strip()]
            print(f"templates: cfn-lint, python-hcl2 and pycep skipped: {words[-1].strip() if words else 'they cannot be installed'}")
            return None
    stamp.write_text(repr(PACKAGES))
    return at


def main():
    failed = False

    def check(name, what, command, **more):
        nonlocal failed
        done = run(command, **more)
        print(f"{name}: {what} {'is good' if done.returncode == 0 else 'is not good:'}")
        if done.returncode:
            failed = True
            print(done.stdout)

    at = python(pathlib.Path(sys.argv[1]).resolve())
    if at:
        check("cfn-lint", "sam/template.yaml", [at.parent / "cfn-lint", "--regions", "us-east-1", "--", HERE / "sam" / "template.yaml"])
        check("python-hcl2", "terraform", [at, "-c", HCL, HERE / "terraform"])
        check("pycep", "azure/main.bicep", [at, "-c", BICEP, HERE / "azure" / "main.bicep"])
    for name, what, command in [
        ("terraform", "terraform (format)", ["fmt", "-check", "-diff", HERE / "terraform"]),
        ("tflint", "terraform", [f"--chdir={HERE / 'terraform'}"]),
        ("bicep", "azure/main.bicep", ["build", "--stdout", HERE / "azure" / "main.bicep"]),
    ]:
        found = shutil.which(name)
        if found:
            check(name, what, [found, *command], env=os.environ | {"CHECKPOINT_DISABLE": "1"})
        else:
            print(f"{name} skipped: it is not here")
    sys.exit(failed)


main()
