"""Every table, with what each column means. What the network said, what we decided, and what we sent lie apart.

    posts ── sightings, raws, campaign_posts        what the networks said
    author_states, decisions, forgotten             who is hidden, what a person decided, what must not return
    entries ── attempts                             the queue, the only truth about what was sent
    checkpoints, source_states, skips               how far each source was read, how it fares, what could not be taken
    watches                                         when each source was watched, and so when not: the gap log
    campaign_states, leases, pictures, cards        the day itself, who does which job now, copies of images and link cards
    exports, shown_anchors                          files with posts in them, where posts were ever shown
    account_states, acts                            accounts whose token is refused; what persons did

Keys of child tables are (parent, …) without rowid; posts are numbered in order of arrival: random keys cost SQLite 2–3 times.
"""

import sqlalchemy as sa

from shareasm.storage.engine import Instant

metadata = sa.MetaData(
    naming_convention={  # unnamed constraints cannot be dropped on SQLite
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # only INTEGER PRIMARY KEY is SQLite's own row number

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),  # the arrival number; rises, never used twice
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("uri", sa.Text, nullable=False),  # with network: the identity (domain.posts.PostRef)
    sa.Column("author_ref", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),  # as the author claims it
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("checked_at", Instant),  # when its network last showed it whole; NULL: only a stream's bare record so far
    sa.Column("asked_at", Instant),  # when its network was last asked about it, answered or not: others come first then
    sa.Column("gone_at", Instant),  # when we learned that it is not public any more
    sa.Column("gone_reason", sa.Text),
    sa.Column("source", sa.Text, nullable=False),  # whose version of it is stored
    sa.Column("revision", sa.Text),  # Bluesky rev of the newest news, also of a deletion
    sa.Column("gone_revision", sa.Text),  # Bluesky rev of the deletion, where the stream told of it
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # the Post as JSON (domain.posts.encode_post)
    sa.Column("answer_count", sa.Integer),  # replies and quotes, by the network's word; NULL: not kept then
    sa.Column(
        "url", sa.Text, index=True
    ),  # as in content, to find what a bridge names by it; NULL: longer than any real one
    sa.Column("bridged_from", sa.Text, index=True),  # as in content; NULL: no copy
    sa.UniqueConstraint("network", "uri"),
    sa.Index(None, "network", "author_ref"),
    sqlite_autoincrement=True,
)

campaign_posts = sa.Table(
    "campaign_posts",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("post_id", Id, sa.ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("belongs_by", sa.Text, nullable=False),  # which rule: "tag", "ours", "feed", "reply" or "quote"
    sa.Column("followed_count", sa.Integer),  # its answer_count when its conversation was last read; -1: is not to be
    sa.Index(None, "post_id"),
    sqlite_with_rowid=False,
)

sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("post_id", Id, sa.ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),  # id of the campaign's source
    sa.Column("local_id", sa.Text, nullable=False),  # how that source names it
    sa.Column("parent_local_id", sa.Text),  # how it names the post that is answered, where it tells no more
    sa.Column("first_seen_at", Instant, nullable=False),  # when it was fetched from there first
    sa.Column("server", sa.Text),  # host that was asked; NULL: stored before this was written down
    sa.Column("query", sa.Text),  # what it was asked, as the adapter says it
    sa.Index(None, "source", "local_id"),  # a stream tells deletions by the source's own ids
    sqlite_with_rowid=False,
)

raws = sa.Table(  # one row for each version of a post that a source showed
    "raws",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("post_id", Id, sa.ForeignKey("posts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("fetched_at", Instant, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # the item's JSON as received, zlib
    sa.Column("server", sa.Text),  # as in sightings; an edit comes mostly by another question than the post did
    sa.Column("query", sa.Text),
)

author_states = sa.Table(
    "author_states",
    metadata,
    sa.Column("network", sa.Text, primary_key=True),
    sa.Column("author_ref", sa.Text, primary_key=True),
    sa.Column("is_active", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("network", sa.Text, primary_key=True),
    sa.Column("uri", sa.Text, primary_key=True),  # of a post; or an author's identity: all of theirs, also what comes
    sa.Column("verdict", sa.Text, nullable=False),  # approve or hide
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("decided_at", Instant, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

forgotten = sa.Table(  # what must not return; its digest alone, so that nobody can read who it was
    "forgotten",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # of a name (domain.forgetting)
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("forgotten_at", Instant, nullable=False),
)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # order in the plan, for slots of the same minute
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("expires_at", Instant),  # missed after this; NULL: never too late
    sa.Column("draft", sa.Text, nullable=False),  # domain.queue.Draft as JSON
    sa.Column("publish_key", sa.Text, nullable=False),  # record key or Idempotency-Key, made once
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),  # slot that it answers, and …
    sa.Column("quotes", sa.Text),  # … slot that it quotes: it waits until that is out
    sa.Column("prepared", sa.Text),  # what was uploaded and looked up ahead (the publisher's JSON)
    sa.Column("prepared_at", Instant),
    sa.Column("payload", sa.Text),  # the frozen content, stored before the first call
    sa.Column("frozen_at", Instant),
    sa.Column("claimed_by", sa.Text),
    sa.Column("claimed_until", Instant),
    sa.Column("attempt_count", sa.Integer, nullable=False),
    sa.Column("first_attempt_at", Instant),
    sa.Column("next_attempt_at", Instant),  # not before this; NULL: when due
    sa.Column("lookup_count", sa.Integer, nullable=False),
    sa.Column("receipt", sa.Text),  # domain.queue.Receipt as JSON
    sa.Column("published_at", Instant),
    sa.Column("note", sa.Text),  # why it is where it is, in words
    sa.Column("withdraw_reason", sa.Text),  # a person wants it taken back; as soon as it is known where it is
    sa.Column("resent_at", Instant),  # a person decided to send it after all, whatever time the plan says
    sa.UniqueConstraint("campaign", "slot", "part", "language", "account"),
    sa.Index(None, "state", "due_at"),
    sqlite_autoincrement=True,
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("entry_id", Id, sa.ForeignKey("entries.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),  # publish, look up, resend, edit or delete
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),  # NULL: the worker died, or is at it
    sa.Column("outcome", sa.Text),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),  # folded; "" for a stream that carries all tags
    sa.Column("value", sa.Text, nullable=False),  # the adapter's own JSON
    sa.Column("updated_at", Instant, nullable=False),
)

source_states = sa.Table(
    "source_states",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("last_ok_at", Instant),
    sa.Column("failed_at", Instant),  # since when it fails; NULL: all well
    sa.Column("failure_count", sa.Integer, nullable=False),
    sa.Column("next_read_at", Instant),  # not before this: rate limit or backoff
    sa.Column("note", sa.Text),  # the last error, or what is left out
)

watches = sa.Table(  # the gap log: each row a time in which a source was watched without a break
    "watches",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("began_at", Instant, primary_key=True),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("reason_before", sa.Text, nullable=False),  # why it was not watched before, where it was not
)

skips = sa.Table(
    "skips",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),  # of reason and item: a re-poll does not write it again
    sa.Column("ref", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.UniqueConstraint("campaign", "source", "digest"),
)

campaign_states = sa.Table(
    "campaign_states",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("opened_at", Instant),  # first cycle of a worker
    sa.Column("heartbeat_at", Instant),  # last cycle of a worker
    sa.Column("closed_at", Instant),  # the day is over and the recap was written
    sa.Column("plan_digest", sa.LargeBinary),  # of the plan that the queue was last brought in line with
    sa.Column("note", sa.Text),  # a broken plan that is not loaded, and the like
    sa.Column("paused_at", Instant),  # nothing is sent from then on; NULL: not paused
    sa.Column("pause_reason", sa.Text),
    sa.Column("raws_over_at", Instant),  # its raw copies have had their time; NULL: those of its posts are kept
)

account_states = sa.Table(
    "account_states",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("stopped_at", Instant, nullable=False),  # its token was refused; the rest of the plan goes on
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("try_again_at", Instant, nullable=False),
)

acts = sa.Table(  # the audit trail: what persons did, never changed afterwards
    "acts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.Text, nullable=False, index=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", sa.Text, nullable=False),  # the user of the machine
    sa.Column(
        "act", sa.Text, nullable=False
    ),  # pause, resume, adopt, resend, withdraw, apply, edit, approve, hide, unhide
    sa.Column(
        "about", sa.Text
    ),  # slot, entry, or identity of a post or author; NULL: the whole day, or who was forgotten
    sa.Column("reason", sa.Text),
)

cards = sa.Table(  # what the pages that we link to say of themselves, fetched before the day
    "cards",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("title", sa.Text),
    sa.Column("description", sa.Text),
    sa.Column("thumb", sa.Text),  # name of the prepared picture in the folder of cards
    sa.Column("refusal", sa.Text),  # why there is none
    sa.Column("fetched_at", Instant, nullable=False),
)

exports = sa.Table(  # files that were written with posts in them: who is to be forgotten is taken out of them too
    "exports",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),  # absolute
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("is_dehydrated", sa.Boolean, nullable=False),
    sa.Column("written_at", Instant, nullable=False),
)

shown_anchors = sa.Table(  # where posts were shown, so that their addresses answer when they are gone
    "shown_anchors",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column(
        "anchor", sa.Text, primary_key=True
    ),  # domain.placing.anchor_of: a digest of the identity, as it is on the page
    sa.Column("page", sa.Text, nullable=False),  # of the whole day, such as "9-2"
    sa.Column("is_told", sa.Boolean),  # the story showed it too; NULL: not noted yet
    sa.Column("is_early", sa.Boolean),  # shown only while the day went on, so that its page is not settled; NULL: no
    sqlite_with_rowid=False,
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
)

pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("copies", sa.Text),  # JSON list of the kept files; NULL: refused
    sa.Column("refusal", sa.Text),
    sa.Column("fetched_at", Instant, nullable=False),
)
