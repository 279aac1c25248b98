"""``nmflab report``: the page of a sweep."""

from __future__ import annotations

import argparse
from pathlib import Path

from nmflab.cli import options
from nmflab.cli.output import DONE, counted, say, wrote
from nmflab.errors import NmflabError


def _add_options(parser: options.Parser) -> None:
    parser.add_argument("folder", type=options.path, metavar="FOLDER", help="what a sweep wrote")
    parser.add_argument(
        "--output",
        type=options.path,
        metavar="FILE",
        help="the page (default: report.html in the folder)",
    )
    parser.add_argument(
        "--no_sounds", dest="sounds", action="store_false", help="no recordings on the page"
    )


def _run(arguments: argparse.Namespace) -> int:
    try:
        import bokeh  # noqa: F401
    except ImportError as error:
        raise NmflabError(
            "A report needs the package bokeh, which is not installed: install it."
        ) from error
    from nmflab.evaluation.sweeps.report import write_report

    folder = Path(arguments.folder)
    output = Path(arguments.output) if arguments.output else folder / "report.html"
    replaced = output.exists()
    found = write_report(folder, output, sounds=arguments.sounds)
    if found["reason"]:
        say(f"There are no sounds on the page: {found['reason']}")
    print(f"{wrote(output, replaced)} of {counted(found['rows'], 'rows')}")
    return DONE


COMMAND = options.Command("report", "the page of a sweep: one HTML file", _add_options, _run)
