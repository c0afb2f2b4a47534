"""The gradebook in PostgreSQL, on a server of this test's own."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from batches import contents, grade, mixed, table
from small_course import PS, nbgrader

BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]), default=None)
if BIN is None and (initdb := shutil.which("initdb")):
    BIN = os.path.dirname(initdb)
if BIN is None:
    pytest.skip("PostgreSQL's server is not installed (.ci/system postgresql)", allow_module_level=True)
pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed: pip install -e '.[postgresql]'")


def as_server(*command):
    """Run a command as a user that may run a server: root may not."""
    name = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    done = subprocess.run(
        command, user=name if os.getuid() == 0 else None, cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """URL of a server; it stands in a folder that its user may enter, and ends with the tests."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/gan-postgres-XXXXXX"], text=True).strip())
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = str(folder / "data")
    as_server(f"{BIN}/initdb", "-D", data, "-U", "grader", "--auth=trust", "--no-sync")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    as_server(f"{BIN}/pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://grader@127.0.0.1:{port}"
    finally:
        as_server(f"{BIN}/pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_a_gradebook_in_postgresql_holds_what_nbgrader_puts_there(server, tmp_path):
    port, course = server.rpartition(":")[2], tmp_path / "course"
    as_server(f"{BIN}/createdb", "-h", "127.0.0.1", "-p", port, "-U", "grader", "grades")
    url = f"{server}/grades"
    mixed(course, f'c.CourseDirectory.db_url = "{url}"\n', url)
    for student in ("eve", "kim", "link", "tim"):
        shutil.rmtree(course / "submitted" / student)
    done = grade(course, "--workers", "1")
    assert (table(done)["graded"], table(done)["failed"]) == (2, 1), done.stderr
    ours = contents(url)
    assert ours["ada", "submission"][2] == 8 and ours["bob", "submission"][-1] == 6
    assert not (course / "gradebook.db").exists()
    nbgrader(course, "autograde", PS, "--force")
    assert contents(url) == ours
