"""An environment with torch, snnTorch, Norse and sinabs: `python -m tests.interop [pip options for torch]`.

It is made in build/interop, or in the folder that TESS_INTEROP names, apart from the project's own:
torch is large, and these packages want other versions of nir than the one that is written here. torch from
PyPI brings CUDA; without a GPU, add: --index-url https://download.pytorch.org/whl/cpu
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("TESS_INTEROP", ROOT / "build" / "interop"))
PYTHON = FOLDER / "bin" / "python"
TORCH = "torch==2.13.0"
# Without their dependencies, which ask for an older nir, and for chips' tools.
PACKAGES = ["snntorch==1.0.0", "norse==1.1.0", "sinabs==3.1.3", "nirtorch==2.6", "nir==1.0.8"]
# What these import in truth, what the driver needs, and what tests/with_torch.py does.
NEEDED = ["numpy>=2,<3", "h5py", "matplotlib", "pbr", "setuptools", "rich", "safetensors<0.9"]
NEEDED += ["pytest>=8,<10", "hypothesis>=6.100,<7"]
MARK = FOLDER / "made"
WANTED = "\n".join([TORCH, *NEEDED, *PACKAGES])


def made() -> bool:
    """Whether the environment is there, whole, with these packages."""
    return MARK.exists() and MARK.read_text() == WANTED


def main(options: list[str]) -> None:
    """Make the environment; `options` are pip's, for torch."""
    if made():
        print(f"{FOLDER} is as it should be")
        return
    venv.create(FOLDER, with_pip=True)
    for packages in ([TORCH, *options], NEEDED, ["--no-deps", *PACKAGES]):
        print(f"installing {' '.join(packages)}", flush=True)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *packages], check=True)
    MARK.write_text(WANTED)
    print(f"made: {FOLDER}; now: python -m pytest tests/test_interop.py")


if __name__ == "__main__":
    main(sys.argv[1:])
