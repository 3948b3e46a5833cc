"""A stand-in Bluesky over real HTTP and websocket: PDS, AppView with search, Jetstream and video service.

lexicon   what a record must look like; CIDs            xrpc      calls, answers, refusals
repo      accounts, records, the log of events          sessions  tokens and rate limits
pds       signing in, writing, passing reads on         views, search, appview   what readers see
stream    Jetstream v2                                  video     what makes videos fit to be seen
network   all of it together, and the handle for whoever rehearses
"""

from shareasm.rehearsal.bluesky.network import Card, Person, Picture, StandInBluesky
from shareasm.rehearsal.bluesky.search import SearchKind

__all__ = ["Card", "Person", "Picture", "SearchKind", "StandInBluesky"]
