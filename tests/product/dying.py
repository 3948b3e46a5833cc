"""Runs the program and kills it at one point of publishing: `dying.py <step> <before|after> <account> <command> …`.

A step is what a commit of publishing stores (a function of `storage.claims`). The process dies by SIGKILL right before that
commit or right after it, the first time that it happens for an entry of the account.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import Connection, Engine

from shareasm.cli import main
from shareasm.publish import sending
from shareasm.storage import claims
from shareasm.storage.engine import storage_errors

STEP, WHEN, ACCOUNT = sys.argv[1:4]
now = threading.local()
step = getattr(claims, STEP)
claim_due = claims.claim_due


def noted_claim(*given: Any, **named: Any) -> Any:
    entry = claim_due(*given, **named)
    now.is_ours = entry is not None and entry.key.account == ACCOUNT
    now.is_at_step = STEP == "claim_due" and now.is_ours
    return entry


def noted_step(*given: Any, **named: Any) -> Any:
    now.is_at_step = getattr(now, "is_ours", False)
    return step(*given, **named)


@contextmanager
def mortal_transaction(engine: Engine) -> Iterator[Connection]:
    now.is_at_step = False
    with storage_errors(engine), engine.begin() as connection:
        yield connection
        die_if(WHEN == "before")
    die_if(WHEN == "after")


def die_if(is_time: bool) -> None:
    if is_time and now.is_at_step:
        os.kill(os.getpid(), signal.SIGKILL)


claims.claim_due = noted_claim
if STEP != "claim_due":
    setattr(claims, STEP, noted_step)
sending.transaction = mortal_transaction
sys.argv[1:] = sys.argv[4:]
main()
