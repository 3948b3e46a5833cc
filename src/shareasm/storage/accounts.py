"""Accounts whose token is refused: each stops by itself, is tried again now and then with one entry, and the rest goes on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from shareasm.domain.queue import CLOCKS_DIFFER_BY
from shareasm.storage.engine import insert_ignoring
from shareasm.storage.tables import account_states

TRY_AGAIN_AFTER = timedelta(minutes=5)  # a network that is asked with a bad token at every turn locks the account


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account that is stopped."""

    account: str
    stopped_at: datetime
    reason: str
    try_again_at: datetime


def stop(connection: Connection, campaign: str, account: str, reason: str, now: datetime) -> bool:
    """Stop an account until TRY_AGAIN_AFTER from `now`. False: it was stopped before, and stays so."""
    is_new = state(connection, campaign, account) is None
    values = {"reason": reason, "try_again_at": now + TRY_AGAIN_AFTER}
    insert_ignoring(
        connection, account_states, [values | {"campaign": campaign, "account": account, "stopped_at": now}]
    )
    connection.execute(account_states.update().where(*_is(campaign, account)), values)
    return is_new


def clear(connection: Connection, campaign: str, account: str) -> bool:
    """Let an account go on: its token was taken, or is another one now. False: it was not stopped."""
    return connection.execute(account_states.delete().where(*_is(campaign, account))).rowcount == 1


def state(connection: Connection, campaign: str, account: str) -> AccountState | None:
    """Return how an account is stopped; None: it is not."""
    row = connection.execute(sa.select(account_states).where(*_is(campaign, account))).first()
    return _to_state(row) if row else None


def states(connection: Connection, campaign: str) -> dict[str, AccountState]:
    """Return every account of `campaign` that is stopped."""
    rows = connection.execute(sa.select(account_states).where(account_states.c.campaign == campaign))
    return {row.account: _to_state(row) for row in rows}


def take_probe(connection: Connection, campaign: str, account: str, now: datetime) -> bool:
    """Return whether an entry of a stopped account may be tried now, and let the next one wait TRY_AGAIN_AFTER again."""
    is_over = account_states.c.try_again_at <= now
    is_misdated = account_states.c.try_again_at > now + TRY_AGAIN_AFTER + CLOCKS_DIFFER_BY
    due = account_states.update().where(*_is(campaign, account), sa.or_(is_over, is_misdated))
    return connection.execute(due, {"try_again_at": now + TRY_AGAIN_AFTER}).rowcount == 1


def end_waits(connection: Connection, campaign: str) -> None:
    """Let every stopped account be tried at once."""
    query = account_states.update().where(account_states.c.campaign == campaign)
    connection.execute(query.values(try_again_at=account_states.c.stopped_at))


def _is(campaign: str, account: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return account_states.c.campaign == campaign, account_states.c.account == account


def _to_state(row: Row[tuple[object, ...]]) -> AccountState:
    return AccountState(row.account, row.stopped_at, row.reason, row.try_again_at)
