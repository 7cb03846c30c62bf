"""``python -m client``: the client's commands without the server's."""

from client.cli import app

if __name__ == "__main__":
    app()
