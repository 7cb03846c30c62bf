"""``python -m reference``: write the documents that are made from the models."""

import sys
from typing import Annotated

import typer

from reference.files import DOCS, DocumentError, stale_files


def main(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a file differs from the models.")
    ] = False,
) -> None:
    """Write the generated parts of docs/protocol.md, and docs/schema/."""
    try:
        stale = stale_files()
    except (DocumentError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program of its own, with no log
        raise typer.Exit(2) from error
    for path, text in stale.items():
        name = path.relative_to(DOCS.parent)
        if check:
            print(f"{name} differs from the models: run python -m reference", file=sys.stderr)  # noqa: T201
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {name}")  # noqa: T201
    if check and stale:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
