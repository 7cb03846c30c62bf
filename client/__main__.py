"""``python -m client``: the client's commands without the server's."""

import signal


def main() -> None:
    """The command line; Ctrl-C before its modules are imported ends the program without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from client.cli import app

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
