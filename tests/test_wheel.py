"""The built wheel works alone: in an empty folder, with nothing of this repository in reach."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.product

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source, built as a release is."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT], cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def shareasm(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that has the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    paths = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    python = Path(paths["scripts"], "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet"]
    _run([*pip, "install", "--no-deps", "--no-index", wheel], cwd=folder)
    # The libraries come after the wheel, and the path files beside them (our own editable install) are not followed from here.
    Path(paths["purelib"], "libraries-of-the-tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return Path(paths["scripts"], "shareasm")


def _run(command: list[str | Path], cwd: Path) -> str:
    hidden = ("PYTHON", "SHAREASM_", "DATABASE_URL", "VIRTUAL_ENV", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    ended = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, f"{command}: {ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def test_the_wheel_carries_its_templates_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("shareasm/templates/recap/") for name in names)
    assert any(name.startswith("shareasm/storage/migrations/versions/") for name in names)
    assert "shareasm/py.typed" in names
    assert {name.split("/")[0] for name in names} == {
        "shareasm",
        next(name for name in names if ".dist-info/" in name).split("/")[0],
    }


def test_the_program_comes_from_the_wheel(shareasm: Path, tmp_path: Path) -> None:
    where = _run([shareasm.parent / "python", "-c", "import shareasm; print(shareasm.__file__)"], cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(shareasm.parent.parent)


def test_a_campaign_is_made_and_rehearsed_in_an_empty_folder(shareasm: Path, tmp_path: Path) -> None:
    _run([shareasm, "init", "our-day"], cwd=tmp_path)
    _run([shareasm, "check", "our-day"], cwd=tmp_path)
    said = _run([shareasm, "rehearse", "our-day", "--seconds", "15"], cwd=tmp_path)
    recap = next(line for line in said.splitlines() if "index.html" in line)
    page = next(word for word in recap.split() if "index.html" in word).removeprefix("file://").strip(".,:;")
    assert "<h1" in (tmp_path / page).read_text(encoding="utf-8")
