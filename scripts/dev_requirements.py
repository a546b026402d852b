"""Print the development requirements of pyproject.toml, one a line, for installers without group support."""

from __future__ import annotations

import tomllib
from pathlib import Path


def main() -> None:
    project = tomllib.loads(Path(__file__).parent.parent.joinpath("pyproject.toml").read_text())
    print("\n".join(project["dependency-groups"]["dev"]))


if __name__ == "__main__":
    main()
