"""``nmflab lab`` and ``nmflab dashboard``: the notebooks and the explorer in a browser."""

from __future__ import annotations

import argparse

from nmflab.cli.options import Command, Parser, count, path
from nmflab.system.servers import PROXY_OPTION


def _add_lab_options(parser: Parser) -> None:
    parser.add_argument(
        "--folder",
        type=path,
        default="nmflab-notebooks",
        metavar="FOLDER",
        help="where the notebooks are to be: those that aren't there yet are copied, what is "
        "there stays as it is (default: nmflab-notebooks)",
    )
    _add_passed_on(parser, "jupyter lab", "--no-browser")


def _add_dashboard_options(parser: Parser) -> None:
    parser.add_argument(
        "--guests",
        type=count,
        default=30,
        metavar="N",
        help="pages that may be open at once; who comes later is asked to wait (default: 30)",
    )
    parser.add_argument(
        "--memory",
        type=count,
        default=None,
        metavar="MiB",
        help="memory that the kernel of one page may hold, on Linux (default: 1024 with --public "
        f"or {PROXY_OPTION}, else any)",
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help=f"let other machines in; needs --token or {PROXY_OPTION}, and says what else",
    )
    parser.add_argument("--token", metavar="WORD", help="what guests must know to come in")
    parser.add_argument(
        PROXY_OPTION.replace("i-have-a-proxy", "i_have_a_proxy"),  # either may be typed
        dest="behind_proxy",
        action="store_true",
        help="a proxy stands before it, which does TLS and asks who is there",
    )
    _add_passed_on(parser, "voila", "--port=8866")


def _add_passed_on(parser: Parser, server: str, example: str) -> None:
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="ARGUMENT",
        help=f"passed on to {server}; put -- before them, as in -- {example}",
    )


def _open_lab(arguments: argparse.Namespace) -> int:
    from nmflab.system.servers import open_lab

    return open_lab(arguments.folder, arguments.arguments)


def _open_dashboard(arguments: argparse.Namespace) -> int:
    from nmflab.system.servers import open_dashboard

    return open_dashboard(
        arguments.arguments,
        guests=arguments.guests,
        memory=arguments.memory,
        public=arguments.public,
        token=arguments.token,
        behind_proxy=arguments.behind_proxy,
    )


LAB = Command("lab", "open JupyterLab on the notebooks", _add_lab_options, _open_lab)
DASHBOARD = Command(
    "dashboard",
    "open the explorer as a page of its own, with Voilà",
    _add_dashboard_options,
    _open_dashboard,
)
