"""Run the notebooks into the book: python notebooks/run.py [--profile cpu|gpu] [names...] [--force].

Every notebooks/NN_*.ipynb is executed by papermill, with the parameters that profiles.yml has for it, in a
kernel of the interpreter that runs this script, and lands in book/notebooks/ once it succeeded. A notebook
whose inputs (itself, its parameters, the library, the questions, book/results, requirements.txt) have not
changed since is not run again. The claims of all of them are then merged into book/claims.json.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import nbformat
import papermill
import yaml
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

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
    options = parser.parse_args(arguments)
    try:
        sources = find_sources(root, options.names)
        parameters = read_profile(root, options.profile, [source.stem for source in sources])
        failures = run_all(root, sources, options.profile, parameters, options.force)
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


def run_all(root, sources, profile, parameters, force):
    """Run each notebook that needs it; a line for each failure. One failure does not stop the others."""
    device = find_device(profile)
    shared = digest_shared(root)
    failures = []
    with kernel_of_this_interpreter():
        for source in sources:
            output = root / "book/notebooks" / source.name
            inputs = digest_inputs(source, profile, parameters[source.stem], shared)
            if not force and output.exists() and read_stamp(output).get("inputs") == inputs:
                print(f"{source.stem}: unchanged, not run again")
                continue
            output.unlink(missing_ok=True)
            start = time.monotonic()
            try:
                notebook, claims = execute(source, parameters[source.stem], profile)
            except RunError as error:
                failures.append(str(error))
                continue
            seconds = time.monotonic() - start
            finish(notebook, seconds, device, profile, parameters[source.stem], recorded(root, source.stem))
            notebook.metadata["gan_course"] = {"inputs": inputs, "claims": claims}
            write_whole(output, nbformat.writes(notebook))
            print(f"{source.stem}: {seconds:.0f} s, {len(claims)} claims hold")
    return failures


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
def kernel_of_this_interpreter():
    """Make the kernel KERNEL known to Jupyter, as this very interpreter, whatever kernels are installed."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "kernels", KERNEL, "kernel.json")
        spec.parent.mkdir(parents=True)
        # Errors only: a warning about unencrypted TCP on the machine itself would break the progress bar.
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"]
        spec.write_text(json.dumps({"argv": command, "display_name": "GAN course", "language": "python"}))
        path = os.pathsep.join(filter(None, [folder, os.environ.get("JUPYTER_PATH")]))
        with environment(JUPYTER_PATH=path):
            yield


@contextmanager
def environment(**values):
    """Environment variables for the time of a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def execute(source, parameters, profile):
    """Run one notebook: the executed notebook and its claims. RunError names notebook, cell and error."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "claims.jsonl")
        variables = {RECORD_VARIABLE: str(record)}
        if profile == "cpu":
            variables["CUDA_VISIBLE_DEVICES"] = ""
        try:
            with environment(**variables):
                notebook = papermill.execute_notebook(
                    source,
                    Path(folder, source.name),
                    parameters=parameters,
                    kernel_name=KERNEL,
                    language="python",
                    cwd=source.parent,
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


if __name__ == "__main__":
    sys.exit(main())
