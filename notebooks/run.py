"""Run the notebooks into the book: python notebooks/run.py [names...] [--profile cpu|gpu] [--force].

Every notebooks/NN_*.ipynb is executed by papermill, with the parameters that profiles.yml has for it, in a
kernel of the interpreter that runs this script, and lands in book/notebooks/ once it succeeded. A notebook
whose inputs (itself, its parameters, the library, the questions, book/results, requirements.txt) have not
changed since is not run again. Each computes with one thread; as many run at a time as there are cores (on a
GPU, one). The claims of all of them are then merged into book/claims.json.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
import psutil
import yaml
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from tqdm import tqdm

from gan_lib.claims import RECORD_VARIABLE, read_record

ROOT = Path(__file__).resolve().parents[1]
KERNEL = "gan-course"


class RunError(Exception):
    """What went wrong, in one line for the terminal."""


def main(arguments=None, root=ROOT):
    """Run what the arguments ask for; the exit status: 0 when every notebook asked for stands in the book."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="notebooks such as 01_minimax; all when none is named")
    parser.add_argument("--profile", default="cpu", help="set of parameters in profiles.yml (default: cpu)")
    parser.add_argument("--force", action="store_true", help="run even what has not changed")
    parser.add_argument("--jobs", type=int, help="how many at a time (default: one a core; 1 on a GPU)")
    options = parser.parse_args(arguments)
    jobs = options.jobs if options.jobs is not None else find_jobs(options.profile)
    if jobs < 1:
        parser.error(f"--jobs must be at least 1, got {jobs}")
    try:
        sources = find_sources(root, options.names)
        parameters = read_profile(root, options.profile, [source.stem for source in sources])
        failures = run_all(root, sources, options.profile, parameters, options.force, jobs)
        if not failures:
            count = merge_claims(root)
            print(f"{count} claims hold: {root / 'book/claims.json'}")
    except RunError as error:
        failures = [str(error)]
    except KeyboardInterrupt:
        failures = ["interrupted; what has finished is kept, run the same command again to go on"]
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def find_sources(root, names):
    """The notebooks named (stems, file names or paths), or all of them, in page order."""
    known = {path.stem: path for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
    if not known:
        raise RunError(f"no notebook NN_*.ipynb in {root / 'notebooks'}")
    wanted = {Path(name).name.removesuffix(".ipynb") for name in names} or set(known)
    unknown = sorted(wanted - set(known))
    if unknown:
        raise RunError(f"no notebook {', '.join(unknown)}; there are {', '.join(known)}")
    return [path for stem, path in known.items() if stem in wanted]


def read_profile(root, profile, stems):
    """The parameters of each notebook, {stem: {name: value}}, in a profile of notebooks/profiles.yml."""
    profiles = yaml.safe_load((root / "notebooks/profiles.yml").read_text(encoding="utf-8")) or {}
    if profile not in profiles:
        raise RunError(f"no profile {profile!r} in notebooks/profiles.yml; there are {', '.join(profiles)}")
    chosen = profiles[profile] or {}
    missing = [stem for stem in stems if stem not in chosen]
    if missing:
        raise RunError(
            f"profile {profile!r} in notebooks/profiles.yml says nothing about {', '.join(missing)}"
        )
    return {stem: chosen[stem] or {} for stem in stems}


def run_all(root, sources, profile, parameters, force, jobs):
    """Run each notebook that needs it; a line for each failure. One failure does not stop the others."""
    device, shared, waiting, failures = find_device(profile), digest_shared(root), [], []
    pool = ThreadPoolExecutor(jobs)
    with kernels_at_hand() as folder:
        for source in sources:
            output = root / "book/notebooks" / source.name
            inputs = digest_inputs(source, profile, parameters[source.stem], shared)
            if not force and output.exists() and read_stamp(output).get("inputs") == inputs:
                print(f"{source.stem}: unchanged, not run again")
                continue
            output.unlink(missing_ok=True)
            arguments = root, source, profile, parameters[source.stem], device, inputs
            waiting.append(pool.submit(run_one, folder, *arguments))
        try:
            for done in as_completed(waiting):
                try:
                    tqdm.write(done.result())
                except RunError as error:
                    failures.append(str(error))
        except BaseException:  # the keyboard's, or a fault of this script
            pool.shutdown(wait=False, cancel_futures=True)
            for kernel in psutil.Process().children(recursive=True):
                kernel.kill()
            raise
    return failures


def run_one(folder, root, source, profile, parameters, device, inputs):
    """Run one notebook into the book; a line on how that went. RunError where it fails."""
    start = time.monotonic()
    notebook, claims = execute(folder, source, parameters, profile)
    seconds = time.monotonic() - start
    finish(notebook, seconds, device, profile, parameters, recorded(root, source.stem))
    notebook.metadata["gan_course"] = {"inputs": inputs, "claims": claims}
    write_whole(root / "book/notebooks" / source.name, nbformat.writes(notebook))
    return f"{source.stem}: {seconds:.0f} s, {len(claims)} claims hold"


def find_jobs(profile):
    """How many notebooks of a profile run at a time."""
    if profile != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_device(profile):
    """The device that the profile computes on, in words."""
    if profile == "cpu":
        return "CPU"
    import torch  # takes seconds, and only this profile needs it

    if not torch.cuda.is_available():
        raise RunError(f"profile {profile!r} needs a CUDA device and torch {torch.__version__} sees none")
    return torch.cuda.get_device_name()


def digest_shared(root):
    """A hash of everything that all notebooks build on."""
    found = hashlib.sha256(platform.python_version().encode())
    files = [root / "requirements.txt", Path(__file__).resolve()]
    for folder in ("gan_lib", "questions", "book/results"):
        paths = (root / folder).rglob("*")
        files += sorted(path for path in paths if path.is_file() and "__pycache__" not in path.parts)
    for file in files:
        found.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def digest_inputs(source, profile, parameters, shared):
    """A hash of everything that the output of one notebook follows from."""
    settings = json.dumps([profile, parameters, shared], sort_keys=True)
    return hashlib.sha256(source.read_bytes() + settings.encode()).hexdigest()


def read_stamp(output):
    """What an earlier run noted in a notebook of the book: the hash of its inputs and its claims."""
    return nbformat.read(output, as_version=4).metadata.get("gan_course", {})


@contextmanager
def kernels_at_hand():
    """A folder, for the time of a block, in which Jupyter looks for kernels, too."""
    before = os.environ.get("JUPYTER_PATH")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


def add_kernel(folder, name, **variables):
    """Make a kernel known: this very interpreter, whatever kernels are installed, with these variables."""
    spec = folder / "kernels" / name / "kernel.json"
    spec.parent.mkdir(parents=True)
    # Errors only: a warning about unencrypted TCP on the machine itself would break the progress bar.
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
    told = {"argv": command, "display_name": "GAN course", "language": "python", "env": variables}
    spec.write_text(json.dumps(told))


def execute(folder, source, parameters, profile):
    """Run one notebook: the executed notebook and its claims. RunError names notebook, cell and error."""
    kernel, record = f"{KERNEL}-{source.stem}".lower(), folder / source.stem / "claims.jsonl"
    record.parent.mkdir()
    add_kernel(
        folder,
        kernel,
        **{RECORD_VARIABLE: str(record)},
        **({"CUDA_VISIBLE_DEVICES": ""} if profile == "cpu" else {}),
    )
    try:
        notebook = papermill.execute_notebook(
            source,
            record.with_name(source.name),
            parameters=parameters,
            kernel_name=kernel,
            language="python",
            # not by papermill's cwd=, which moves this whole process for the time: other threads share it
            resources={"metadata": {"path": str(source.parent)}},
            progress_bar={"desc": source.stem, "leave": False},
        )
    except PapermillExecutionError as error:
        raise RunError(describe(source, error)) from error
    except (DeadKernelError, CellTimeoutError) as error:
        raise RunError(f"{source.name}: the kernel died or hung: {error}") from error
    return notebook, read_record(record)


def describe(source, error):
    """Where a notebook failed and why, for the terminal."""
    sources = [cell.source for cell in nbformat.read(source, as_version=4).cells]
    known = error.source in sources
    place = f"cell {sources.index(error.source) + 1}" if known else "the injected parameters"
    code = "\n".join(f"    {line}" for line in error.source.splitlines())
    return f"{source.name}, {place} (In [{error.exec_count}]): {error.ename}: {error.evalue}\n{code}"


def recorded(root, stem):
    """What book/results/gpu.json says of a notebook's run on a GPU, as a line; "" without a record."""
    file = root / "book/results/gpu.json"
    record = json.loads(file.read_text()).get(stem, {}) if file.exists() else {}
    if record.get("status") != "passed":
        return ""
    memory, versions = record["peak_mib"] / 1024, record["versions"]
    return (
        f" *On {record['device']} with profile gpu it took {record['seconds']} s and {memory:.1f} GiB of GPU "
        f"memory (recorded; torch {versions['torch'].split('+')[0]}).*"
    )


def finish(notebook, seconds, device, profile, parameters, more=""):
    """Make a page of an executed notebook: no injected cell, no dates or paths, a line on how it ran."""
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = ["injected-parameters", "remove-cell"]
    values = ", ".join(f"`{name} = {value!r}`" for name, value in parameters.items())
    with_values = f" with {values}" if values else ""
    text = (
        f"*Ran in {seconds:.0f} s on {device}: profile {profile}{with_values}; "
        f"Python {platform.python_version()}, torch {version('torch').split('+')[0]}.*"
    )
    text += more
    notebook.cells.append(nbformat.v4.new_markdown_cell(text, id="run-information"))


def merge_claims(root):
    """Write book/claims.json from the notebooks in the book, in page order; the number of claims."""
    claims, pages = [], {}
    for source in find_sources(root, []):
        output = root / "book/notebooks" / source.name
        if not output.exists():
            continue
        page = f"notebooks/{source.stem}"
        for record in read_stamp(output)["claims"]:
            if record["id"] in pages:
                raise RunError(f"claim {record['id']!r} stands in {pages[record['id']]} and in {page}")
            pages[record["id"]] = page
            claims.append(record | {"page": page})
    write_whole(root / "book/claims.json", json.dumps(claims, ensure_ascii=False, indent=1) + "\n")
    return len(claims)


def write_whole(path, text):
    """Write a file so that it is there whole or not at all; one that says the same already is left alone."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def leave(status):
    """End this process at once: after an interruption threads may still wait for kernels that are gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())
