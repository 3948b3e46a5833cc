"""Commands about the database: db upgrade."""

import click

from shareasm.cli.groups import Commands


@click.group(cls=Commands)
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the tables of DATABASE_URL up to date. Every command does so by itself; platforms run it at release.

    \b
    Example:  shareasm db upgrade
    """
    from shareasm.settings import read_settings
    from shareasm.wiring import open_store

    engine = open_store(read_settings())
    click.echo(f"{engine.url.render_as_string(hide_password=True)} is up to date")
    engine.dispose()
