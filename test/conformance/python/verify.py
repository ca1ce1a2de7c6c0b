#!/usr/bin/env python3
"""A second verifier, written from docs/protocol.md alone: one set, from the pinned root and log key to its last entry.

    verify.py EXCHANGE PUBLISHER/SET --pin VERSION:DIGEST --log-key VKEY --log-origin ORIGIN [--log-url URL]

The API key is read from BREAKWATER_API_KEY. Prints one line a check. Exits with 0; with 1 when something is refused
(its problem code on standard error); with 2 when nothing could be asked. Needs Python 3.9 and python3-cryptography.
"""
import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

from contents import MANIFEST_MAX, apply_deltas, check_manifest, check_recall, covered, read_snapshot, state_of
from documents import (DAY, ENVELOPE_MAX, KIB, Refused, digest_of, is_count, is_digest, need, open_envelope, open_root,
                       parse, parse_envelope, refuse)
from log import NOTE_MAX, TILE, append, check_proof, open_checkpoint, open_vkey, root_of, split_bundle, tile_path

SKEW, ANSWER_MAX, PROOF_MAX, PATIENCE = 300, 4096 * KIB, 192 * KIB, 20


class Unreached(Exception):
    """Nothing was offered, so nothing was refused."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Exchange:
    def __init__(self, origin, key):
        self.origin, self.key = origin, key
        self.opener = urllib.request.build_opener(NoRedirect)

    def get(self, path, limit, too_long="answer_too_large", missing=None):
        """The body, never more than the limit. The log is open, so only the exchange's own routes see the key."""
        url, headers = (self.origin + path, {"Authorization": "Bearer " + self.key}) if path[0] == "/" else (path, {})
        for _ in range(PATIENCE):
            try:
                with self.opener.open(urllib.request.Request(url, headers=headers), timeout=60) as answer:
                    body = answer.read(limit + 1)
                    need(len(body) <= limit, too_long, path)
                    return body
            except urllib.error.HTTPError as error:
                code = code_of(error)
                if error.code not in (429, 503) and code != "not_logged_yet":
                    refuse(missing if missing and error.code == 404 else code, path)
            except (OSError, http.client.HTTPException) as error:
                raise Unreached(str(error)) from error
            time.sleep(0.5)
        raise Unreached(f"{path}: no answer but {code}")

    def blob(self, digest, size):
        body = self.get("/v1/blobs/sha256/" + digest[7:], size, "blob_size_mismatch")
        need(len(body) == size, "blob_size_mismatch", digest)
        need(digest_of(body) == digest, "blob_digest_mismatch", digest)
        return body


def code_of(error):
    try:
        return str(json.loads(error.read(64 * KIB))["code"])
    except (ValueError, KeyError, TypeError):
        return f"http_{error.code}"


def say(what, detail):
    print(f"ok  {what:<11} {detail}", flush=True)


# -- The log: the signed tree, and every entry of it

def read_log(exchange, url, origin, vkey):
    size, root = open_checkpoint(exchange.get(url + "/checkpoint", NOTE_MAX, "cp_format"), origin, vkey)
    say("checkpoint", f"{origin}, {size} entries, root {root.hex()[:16]}")
    leaves, frontier = [], []
    for index in range(-(-size // TILE)):
        width = min(TILE, size - index * TILE)
        path = f"{url}/{tile_path('entries', index, width)}"
        bundle = exchange.get(path, width * (2 + 0xFFFF), "bundle_invalid", missing="bundle_invalid")
        leaves += split_bundle(bundle, width)
    for leaf in leaves:
        append(frontier, leaf)
    need(root_of(frontier) == root, "cp_inconsistent")
    say("entries", f"{len(leaves)}, and their root is the signed one")
    return leaves


def claim_of(leaf):
    """typ, payload and digest of a leaf as it claims them, or None for what is no statement."""
    try:
        typ, payload, _ = parse_envelope(leaf)
        value = parse(payload)
        return (typ, value, digest_of(payload)) if isinstance(value, dict) else None
    except Refused:
        return None


def find_anchors(claims, pin, publisher, leaves):
    """Index -> root for the pinned root and those before it that its own chain of digests names."""
    first = {}
    for index, claim in enumerate(claims):
        if claim and claim[0] == "bw-root+jws":
            first.setdefault(claim[2], index)
    need(pin[1] in first, "root_missing", "the pinned root is not in the log")
    root = open_root(leaves[first[pin[1]]], pin=pin)
    need(root.publisher == publisher, "root_pin", "publisher")
    anchors = {first[pin[1]]: root}
    while root.prev is not None and root.prev in first:
        before = open_root(leaves[first[root.prev]], pin=(root.version - 1, root.prev))
        anchors[first[root.prev]], root = before, before
    return anchors


def check_next(held, got, digest):
    """The rules of docs/protocol.md, "Release statement". @held (statement, digest) or None"""
    have = held[0]["release"] if held else 0
    number = got["release"]
    need(number != have, "release_fork")
    need(number > have, "release_rollback")
    need(number == have + 1, "release_gap")
    need(got["prev"] == (held[1] if held else None), "release_chain")
    need(0 < got["exp"] - got["iat"] <= 30 * DAY, "release_time")
    if held:
        need(held[0].get("closed") is not True, "release_closed")
        need(got["iat"] >= held[0]["iat"], "release_time")
        need(got["root"] >= held[0]["root"], "release_root")


def check_statement(value):
    need(all(is_count(value.get(name)) for name in ("exp", "iat", "manifest_size", "release", "root")), "release_invalid")
    need(value["manifest_size"] <= MANIFEST_MAX and is_digest(value.get("manifest")), "release_invalid")
    prev = value.get("prev")
    need(prev is None or is_digest(prev), "release_invalid")
    need((value["release"] == 1) == (prev is None), "release_invalid")


def walk_log(leaves, pin, publisher, set_name, origin):
    """Newest root, the set's chain [(statement, digest, index)], its recalls, and what was ignored, by code."""
    claims = [claim_of(leaf) for leaf in leaves]
    mine = [claim if claim and claim[1].get("publisher") == publisher else None for claim in claims]
    anchors, root, roots, chain, recalls, ignored = find_anchors(mine, pin, publisher, leaves), None, [], [], [], {}
    pinned_at = max(anchors)
    for index, claim in enumerate(mine):
        if claim is None:
            continue
        typ, value, digest = claim
        try:
            if typ == "bw-root+jws":
                root = judge_root(index, leaves[index], value, anchors, root, roots, pinned_at)
                need(root is None or root.logs == [origin], "root_log")
            elif typ == "bw-release+jws" and value.get("set") == set_name:
                judge_release(index, leaves[index], value, digest, root, roots, chain)
            elif typ == "bw-recall+jws" and value.get("set") == set_name:
                recalls.append((index, leaves[index]))
        except Refused as error:
            if error.args[0] in HOLDS:  # properly signed, and yet not what may stand here: a person has to look
                raise
            ignored[error.args[0]] = ignored.get(error.args[0], 0) + 1
    need(chain, "not_found", "no release of this set in the log")
    return roots, chain, recalls, ignored


HOLDS = {"root_fork", "root_gap", "root_chain", "root_log", "release_fork", "release_rollback", "release_gap",
         "release_chain", "release_time", "release_closed"}


def judge_root(index, leaf, value, anchors, newest, roots, pinned_at):
    if index in anchors:
        roots.append(anchors[index])
        return anchors[index]
    need(index > pinned_at, "root_pin")
    digest = digest_of(parse_envelope(leaf)[1])
    if any(one.digest == digest for one in roots):
        return newest
    # Another root of a version that is held is judged by those who could have signed one: the holders of the version before.
    by_version = {one.version: one for one in roots}
    need(is_count(value.get("version")), "root_invalid")
    version = value["version"]
    root = open_root(leaf, previous=by_version.get(version - 1) or by_version.get(version) or newest)
    need(root.version not in by_version, "root_fork")
    roots.append(root)
    return root


def judge_release(index, leaf, value, digest, root, roots, chain):
    need(root is not None, "root_missing")
    check_statement(value)
    need(value["root"] == root.version, "release_root")  # revocation by log order
    if any(digest == known for _, known, _ in chain):
        return
    open_envelope(leaf, "bw-release+jws", *root.role["release"])
    begun_elsewhere = not chain and roots[0].version > 1
    if not begun_elsewhere:
        check_next(chain[-1][:2] if chain else None, value, digest)
    chain.append((value, digest, index))


# -- The set, as the exchange offers it

def compare_head(exchange, path, statement, digest):
    """The log's release counts, whatever is offered; an older offer and one that nobody logged are refused here."""
    typ, payload, _ = parse_envelope(exchange.get(path + "/head", ENVELOPE_MAX, "envelope_too_large"))
    offered = parse(payload)
    need(typ == "bw-release+jws" and is_count(offered.get("release")), "envelope_typ")
    need(offered["release"] >= statement["release"], "withheld", f"release {offered['release']}")
    if offered["release"] == statement["release"]:
        need(digest_of(payload) == digest, "not_logged", f"release {offered['release']}")
        return
    refuse("not_logged", f"release {offered['release']} is offered and in no checkpoint yet: ask again in a second")


def check_recalls(exchange, path, logged, leaves, root, set_name, held, now):
    """Each recall in force verifies, is logged, and is served; whatever the exchange says, the logged ones count."""
    answer = json.loads(exchange.get(path + "/recalls", ANSWER_MAX))
    served = {row["log_index"]: row["envelope"].encode() for row in answer["recalls"]}
    for index, envelope in served.items():
        need(index >= len(leaves) or leaves[index] == envelope, "not_logged", f"recall at {index}")
    count, names, newest = 0, set(), 0
    for index, leaf in [*logged, *((at, served[at]) for at in served if at >= len(leaves))]:
        try:
            value, _, _ = open_envelope(leaf, "bw-recall+jws", *root.role["release"])
            check_recall(value, set_name)
            need(value["root"] <= root.version, "recall_root")
        except Refused as error:
            need(index not in served, error.args[0], f"recall at {index}")
            continue  # by a key that the newest root has no more, or never had: it has no effect
        newest = max(newest, value["recall"])
        if value["iat"] - SKEW <= now < value["exp"]:
            need(index in served, "withheld", f"recall {value['recall']}")
            names |= covered(value, held, exchange.blob)
            count += 1
    need(answer["recall"] >= newest, "withheld", f"recall {newest}")
    say("recalls", f"{count} in force, on {len(names)} entries of the set")


def verify(options, key):
    vkey, now = open_vkey(options.log_key), int(time.time())
    version, pinned = options.pin.split(":", 1)
    publisher, set_name = options.set.split("/")
    exchange, path = Exchange(options.exchange.rstrip("/"), key), f"/v1/sets/{options.set}"
    leaves = read_log(exchange, options.log_url or exchange.origin + "/log", options.log_origin, vkey)
    roots, chain, logged, ignored = walk_log(leaves, (int(version), pinned), publisher, set_name, options.log_origin)
    root, (statement, digest, index) = roots[-1], chain[-1]
    need(root.iat <= now + SKEW, "root_time")
    need(root.exp > now, "root_expired")
    say("roots", f"{publisher}, version {version} as pinned, {root.version} the newest")
    need(statement["iat"] <= now + SKEW, "release_time")
    need(statement["exp"] > now, "release_expired")
    say("releases", f"{len(chain)} in the order of the log, {statement['release']} the newest, at index {index}"
        + "".join(f"; ignored {count} {code}" for code, count in sorted(ignored.items())))
    compare_head(exchange, path, statement, digest)
    say("head", f"release {statement['release']}, {digest}")
    blob = exchange.blob(statement["manifest"], statement["manifest_size"])
    manifest = check_manifest(blob, statement, {one["release"]: known for one, known, _ in chain})
    say("manifest", f"{statement['manifest']}, {len(blob)} bytes")
    held, about = read_snapshot(exchange.blob, manifest)
    say("snapshot", about)
    say("deltas", apply_deltas(exchange.blob, manifest, held))
    say("count", f"{len(held)} entries, as the manifest says; state {state_of(held)}")
    check_recalls(exchange, path, logged, leaves, root, set_name, held, now)
    size = check_proof(exchange.get(path + "/proof", PROOF_MAX), options.log_origin, vkey, leaves[index], index)
    say("proof", f"index {index} of {size}")


def main():
    parser = argparse.ArgumentParser(description="Verify one set from its pinned root to its last entry.")
    parser.add_argument("exchange")
    parser.add_argument("set", metavar="publisher/set")
    parser.add_argument("--pin", required=True, metavar="version:digest")
    parser.add_argument("--log-key", required=True, metavar="vkey")
    parser.add_argument("--log-origin", required=True)
    parser.add_argument("--log-url", help="otherwise /log of the exchange")
    options = parser.parse_args()
    key = os.environ.get("BREAKWATER_API_KEY") or parser.error("BREAKWATER_API_KEY is not set")
    try:
        verify(options, key)
        return 0
    except Refused as error:
        print("refused", *error.args, file=sys.stderr)
        return 1
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        # A document without a member that it must have; the tiny verifier does not name each.
        print("refused document_invalid", repr(error), file=sys.stderr)
        return 1
    except Unreached as error:
        print("unreached", error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
