"""One post once: which posts are the same, which of them leads, and how their numbers add up.

Posts are joined by what is known, never by words alone:

- A bridge copied it, and says from where: Bridgy Fed on Bluesky names the original in the record (`bridgyOriginalUrl`), in
  the fediverse in the copy's own `uri` (bridgy-fed `atproto.py`, `ids.py`, read August 2026). Anybody can write a record, so
  the word of one that is not the bridge's own account is believed only where it says the same as what it names.
- We sent it: one slot's post in one language on several of our accounts.
- A partner declared accounts on both networks, and said the same on them within minutes.

Everything here is a function of the set of posts: their order, and the order in which they arrived, does not matter.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import timedelta
from itertools import pairwise

from shareasm.domain.campaigns import Campaign
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Counts, Network, Post, PostRef, Ties
from shareasm.domain.queue import QueueEntry

CROSSPOST_WITHIN = timedelta(minutes=10)
"""The same words of one partner on two networks within this time are one post (platform facts 8, rule 3)."""

_BRIDGES = ".brid.gy"  # end of the handles that Bridgy Fed gives out on Bluesky; the network checks them
_MOST_NAMESAKES = 10  # posts of one server under one address: a whole crowd of them is no crosspost
_CUT_AT_LEAST = 5  # words that a bridge's cut copy must share with its original

_Pair = tuple[PostRef, PostRef]


@dataclass(frozen=True, slots=True)
class Joined:
    """What belongs together. Every post is in here: as one that leads, or as a copy of one."""

    leads: Mapping[PostRef, PostRef]  # copy → the post that leads
    counts: Mapping[PostRef, Counts]  # of a post that leads and has copies: all of them together

    def lead(self, ref: PostRef) -> PostRef:
        """Return the post that stands for `ref`: itself where it is no copy."""
        return self.leads.get(ref, ref)


def join(campaign: Campaign, entries: Iterable[QueueEntry], posts: Iterable[Post]) -> Joined:
    """Return which of `posts` are the same. The original leads; of ours, that of the campaign's first account."""
    entries = list(entries)
    by_ref = {post.ref: post for post in _concerned(campaign, entries, list(posts))}
    ours = _our_posts(campaign, entries, by_ref)
    bridged = _bridged(by_ref)
    pairs = [
        *bridged.items(),
        *_twice_bridged(by_ref, bridged),
        *_own_copies(ours),
        *_crossposts(campaign, by_ref, ours),
    ]
    places = {ref: place for place, (_, ref) in enumerate(ours)}

    def precedence(ref: PostRef) -> tuple[object, ...]:
        return (ref in bridged, ref not in places, places.get(ref, 0), by_ref[ref].created_at, ref)

    leads: dict[PostRef, PostRef] = {}
    counts: dict[PostRef, Counts] = {}
    for group in _groups(pairs):
        first = min(group, key=precedence)
        leads |= {ref: first for ref in group if ref != first}
        counts[first] = _add_up(group, by_ref, bridged)
    return Joined(leads, counts)


def _concerned(campaign: Campaign, entries: Iterable[QueueEntry], posts: Sequence[Post]) -> Iterator[Post]:
    """Yield what may be the same as another post: a few of the many."""
    ours = {entry.receipt.ref for entry in entries if entry.receipt}
    originals = {post.bridged_from for post in posts if post.bridged_from}
    partners = _partners(campaign)
    for post in posts:
        is_original = post.ref.uri in originals or post.url in originals
        if post.bridged_from or is_original or post.ref in ours or fold_handle(post.author.handle) in partners:
            yield post


def _partners(campaign: Campaign) -> dict[str, str]:
    """Return whose each declared account is."""
    return {fold_handle(handle): partner.id for partner in campaign.partners for handle in partner.accounts}


# ---- a wish for one holds for the other --------------------------------------------------------------------------------

_OF_THE_WORDS = frozenset({Reason.HIDDEN, Reason.TAKEN_DOWN, Reason.ADULT, Reason.HARMFUL})
"""What somebody decided about the words: it holds for the original too where it was said of the bridge's copy."""


def withheld_with_others(
    posts: Iterable[Post], withheld: Mapping[PostRef, Reason], joined: Joined
) -> frozenset[PostRef]:
    """Return which of `posts` may not be shown because their original, or a copy of them, may not.

    Whoever deleted a post, or does not want it shown, does not want its copy shown; who says to be a copy is taken at
    their word here. That a copy is gone says nothing of the original: people leave bridges. What we hid ourselves is hidden
    wherever it was said. What waits for approval keeps nothing else away: the words may be approved elsewhere.
    """
    known = {post.ref: post for post in posts}
    binding = {ref: reason for ref, reason in withheld.items() if ref in known and reason is not Reason.NOT_APPROVED}
    by_name = _by_name(known.values())
    copies: dict[PostRef, list[PostRef]] = {}
    for post in known.values():
        for original in by_name.get(post.bridged_from or "", ()):
            copies.setdefault(original, []).append(post.ref)
    groups: dict[PostRef, list[PostRef]] = {}
    for copy, lead in joined.leads.items():
        groups.setdefault(lead, [lead]).append(copy)
    found: set[PostRef] = set()
    waiting = list(binding)
    for ref, reason in binding.items():
        name = known[ref].bridged_from
        if reason in _OF_THE_WORDS and is_the_bridges(known[ref]):
            waiting += by_name.get(name or "", ())
        elif reason is Reason.HIDDEN and not name:
            waiting += groups.get(joined.lead(ref), ())
    while waiting:
        ref = waiting.pop()
        if ref not in found:
            found.add(ref)
            waiting += copies.get(ref, ())
    return frozenset(found - binding.keys())


def tied(said: Collection[Post | Ties], look_up: Callable[[Collection[str]], Iterable[Ties]]) -> frozenset[PostRef]:
    """Return which other posts bear on whether `said` may be shown: whatever a bridge's word ties to them, over others too.

    `look_up` finds what bears one of these names, or is a copy of what does.
    """
    begun = {post.ref for post in said}
    met, asked = set(begun), set[str]()
    names = {name for post in said for name in _names_in(post)}
    while names:
        asked |= names
        found = [one for one in look_up(names) if one.ref not in met and names.intersection(_names_in(one))]
        met.update(one.ref for one in found)
        names = {name for one in found for name in _names_in(one)} - asked
    return frozenset(met - begun)


def _names_in(ties: Post | Ties) -> set[str]:
    return {*own_names(ties), *([ties.bridged_from] if ties.bridged_from else ())}


# ---- what belongs together ---------------------------------------------------------------------------------------------


def own_names(post: Post | Ties) -> tuple[str, ...]:
    """Return the identity of a post, and its address where that is surely its own: servers may write down any address."""
    if post.ref.network is Network.MASTODON and _host(post.url) != _host(post.ref.uri):
        return (post.ref.uri,)
    return (post.ref.uri, post.url)


def _host(address: str) -> str:
    if address.startswith("tag:"):  # what Mastodon called posts before 2017: tag:mastodon.example,2017-04-14:objectId=1
        return address[4:].partition(",")[0]
    return address.partition("://")[2].partition("/")[0]


def _by_name(posts: Iterable[Post]) -> dict[str, list[PostRef]]:
    """Return who bears each name that a bridge gave: it names the original by its identity or by its address."""
    held = list(posts)
    wanted = {post.bridged_from for post in held if post.bridged_from}
    named: dict[str, list[PostRef]] = {}
    for post in held:
        if post.ref.uri in wanted or post.url in wanted:  # most posts have no copy: nothing is made for them
            for name in wanted.intersection(own_names(post)):
                named.setdefault(name, []).append(post.ref)
    for name, refs in named.items():
        if len(refs) > 1:
            refs.sort(key=lambda ref: (ref.uri != name, ref))
            del refs[_MOST_NAMESAKES:]
    return named


def _bridged(by_ref: Mapping[PostRef, Post]) -> dict[PostRef, PostRef]:
    """Return the original of each bridged copy, where we hold it."""
    by_name = _by_name(by_ref.values())
    originals = {}
    for ref, post in by_ref.items():
        named = [one for one in by_name.get(post.bridged_from or "", ()) if one != ref]
        is_sure = is_the_bridges(post)
        if not is_sure or len(named) > 1:  # an address may be borne by several: whoever says the same is meant
            named = [one for one in named if says_the_same(post.text, by_ref[one].text)] or (named if is_sure else [])
        if named:
            originals[ref] = min(named)
    return originals


def _twice_bridged(by_ref: Mapping[PostRef, Post], bridged: Collection[PostRef]) -> Iterator[_Pair]:
    """Yield copies of one original that we do not hold."""
    orphans: dict[str, list[PostRef]] = {}
    copies = (post for ref, post in by_ref.items() if post.bridged_from and ref not in bridged)
    for post in sorted(copies, key=lambda post: post.ref):
        if post.bridged_from and is_the_bridges(post):
            orphans.setdefault(post.bridged_from, []).append(post.ref)
    for group in orphans.values():
        yield from pairwise(group)


def is_the_bridges(post: Post) -> bool:
    """True where a bridge's own account says that it is a copy. In the fediverse its `uri` says so, which is the bridge's."""
    if not post.bridged_from:
        return False
    return post.ref.network is not Network.BLUESKY or post.author.handle.lower().endswith(_BRIDGES)


def _our_posts(
    campaign: Campaign, entries: Iterable[QueueEntry], by_ref: Mapping[PostRef, Post]
) -> list[tuple[QueueEntry, PostRef]]:
    """Return our posts that we hold with their entries, the campaign's first account first."""
    places = {account.id: place for place, account in enumerate(campaign.accounts)}
    sent = [(entry, entry.receipt.ref) for entry in entries if entry.receipt and entry.receipt.ref in by_ref]
    return sorted(sent, key=lambda pair: (places.get(pair[0].key.account, len(places)), pair[0].due_at, pair[0].key))


def _own_copies(ours: Iterable[tuple[QueueEntry, PostRef]]) -> Iterator[_Pair]:
    """Yield our posts of one slot, part and language on several accounts."""
    first: dict[tuple[str, int, str], PostRef] = {}
    for entry, ref in ours:
        lead = first.setdefault((entry.key.slot, entry.key.part, entry.key.language), ref)
        if lead != ref:
            yield lead, ref


def _crossposts(
    campaign: Campaign, by_ref: Mapping[PostRef, Post], ours: Iterable[tuple[QueueEntry, PostRef]]
) -> Iterator[_Pair]:
    """Yield posts of one partner in the same words, on two networks, within minutes of the earlier one."""
    partners = _partners(campaign)
    planned = {ref for _, ref in ours}  # of those the plan says what is one post
    theirs = (post for post in by_ref.values() if fold_handle(post.author.handle) in partners)
    earlier: dict[tuple[str, str], Post] = {}
    for post in sorted(theirs, key=lambda post: (post.created_at, post.ref)):
        partner = partners[fold_handle(post.author.handle)]
        words = " ".join(bare_words(post.text))
        if not words or post.ref in planned:
            continue
        first = earlier.get((partner, words))
        is_near = first is not None and post.created_at - first.created_at <= CROSSPOST_WITHIN
        if first and is_near and first.ref.network is not post.ref.network:
            yield first.ref, post.ref
        else:
            earlier[partner, words] = post


def _groups(pairs: Iterable[_Pair]) -> list[AbstractSet[PostRef]]:
    """Return the sets of posts that pairs tie together."""
    group_of: dict[PostRef, set[PostRef]] = {}
    for one, other in pairs:
        merged = group_of.get(one, {one}) | group_of.get(other, {other})
        group_of |= dict.fromkeys(merged, merged)
    return list({min(group): group for group in group_of.values()}.values())


# ---- words -------------------------------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"\b(?:https?://)?[\w-]+(?:\.[\w-]+)+(?:/\S*)?", re.IGNORECASE)


def bare_words(text: str) -> list[str]:
    """Return the words of `text` without addresses, marks and case: networks shorten links and spell tags each its own way."""
    return re.findall(r"\w+", _ADDRESS.sub(" ", text).casefold())


def says_the_same(copy: str, original: str) -> bool:
    """Return whether `copy` has the words of `original`, or its first ones: bridges cut what is too long."""
    short, long = bare_words(copy), bare_words(original)
    if short == long:
        return bool(short)
    kept = short[:-1]  # the last word may be cut itself
    return len(kept) >= _CUT_AT_LEAST and long[: len(kept)] == kept


def fold_handle(handle: str) -> str:
    """Return `handle` as it is compared."""
    return handle.lstrip("@").casefold()


# ---- numbers -----------------------------------------------------------------------------------------------------------


def _add_up(group: AbstractSet[PostRef], by_ref: Mapping[PostRef, Post], bridged: Mapping[PostRef, PostRef]) -> Counts:
    """Return the numbers of one post on several networks.

    What was posted on two networks was liked and answered by different people there: it adds up. A bridge carries likes,
    reposts and answers of those who use it over to the other side, where they are counted again, and nobody can tell how
    many: of an original and its copies the greatest number is what is certain.
    """
    families: dict[PostRef | str, list[Counts]] = {}
    for ref in group:
        families.setdefault(_original(ref, by_ref, bridged), []).append(by_ref[ref].counts)
    return _sum_of(_each(family, max) for family in families.values())


def _original(ref: PostRef, by_ref: Mapping[PostRef, Post], bridged: Mapping[PostRef, PostRef]) -> PostRef | str:
    """Return what a post is a bridged copy of in the end; a name where we do not hold that."""
    met = {ref}
    while ref in bridged and bridged[ref] not in met:
        ref = bridged[ref]
        met.add(ref)
    if ref in bridged:
        return min(met)  # copies that name each other
    return by_ref[ref].bridged_from or ref


def _sum_of(parts: Iterable[Counts]) -> Counts:
    return _each(list(parts), sum)


def _each(parts: Sequence[Counts], over: Callable[[list[int]], int]) -> Counts:
    return Counts(**{field.name: over([getattr(part, field.name) for part in parts]) for field in fields(Counts)})
