#!/usr/bin/env python3
"""The vectors of this project before the second verifier: a JSON object from `format/name` to a problem code or `ok`."""
import base64
import glob
import json
import os
import sys

import contents
import documents
import log
from documents import Refused, need


def spelled(given):
    return given["text"].encode() if "text" in given else base64.b64decode(given["base64"])


def ed25519(given):
    key, signature = bytes.fromhex(given["key"]), bytes.fromhex(given["signature"])
    need(len(signature) == 64 and documents.verifies(key, signature, given["message"].encode()), "signature_invalid")


def envelope(given):
    keys = {}
    for jwk in given["keys"]:
        raw = documents.unbase64url(jwk["x"], "key_invalid")
        keys[documents.kid_of(jwk)] = raw
    documents.open_envelope(spelled(given["bytes"]), given["typ"], keys, given["threshold"])


def root(given):
    pin = (given["pin"]["version"], given["pin"]["digest"]) if "pin" in given else None
    opened = None
    for one in given["roots"]:
        opened = documents.open_root(spelled(one), previous=opened, pin=pin)
        need(pin is not None or len(given["roots"]) > 1 or opened.version == 1, "root_gap")
    need(opened.iat <= given["now"] + 300, "root_time")
    need(opened.exp > given["now"], "root_expired")


def checkpoint(given):
    size, root_hash = log.open_checkpoint(spelled(given["note"]), given["origin"], log.open_vkey(given["vkey"]))
    if "held" in given:
        need(size >= given["held"]["size"], "cp_rollback")
        need(size > given["held"]["size"] or root_hash == base64.b64decode(given["held"]["root"]), "cp_fork")


def proof(given):
    lines = given["proof"].split("\n")
    extra = base64.b64decode(lines[1][6:]) if len(lines) > 1 and lines[1].startswith("extra ") else None
    entry = base64.b64decode(given["entry"]) if "entry" in given else extra
    index = next((line[6:] for line in lines if line.startswith("index ")), "")
    need(entry is not None and index.isdigit(), "proof_invalid")
    log.check_proof(given["proof"].encode(), given["origin"], log.open_vkey(given["vkey"]), entry, int(index))


def segment(given):
    ref = given["ref"]
    need(len(spelled(given["bytes"])) == ref["size"], "segment_size")
    need(documents.digest_of(spelled(given["bytes"])) == ref["digest"], "segment_digest")
    row = {"segment": ref["digest"], "size": ref["size"], "plain": ref["plain"]}
    contents.read_lines(lambda *_: spelled(given["bytes"]), row, dict(given["place"]))


def state(given):
    held = {json.loads(line)["id"]: (line, 1, 1) for line in given["lines"]}
    need(given.get("state") in (None, contents.state_of(held)), "state_digest")


RUNNERS = {
    "ed25519": ed25519,
    "envelope": envelope,
    "jcs": lambda given: documents.parse(spelled(given["bytes"])),
    "log-bundle": lambda given: log.split_bundle(spelled(given["bundle"]), given["count"]),
    "log-checkpoint": checkpoint,
    "log-proof": proof,
    "log-vkey": lambda given: log.open_vkey(given["vkey"]),
    "root": root,
    "segment": segment,
    "state": state,
}


def outcome(run, given):
    try:
        run(given)
        return "ok"
    except Refused as refused:
        return refused.args[0]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        return "document_invalid"


def main():
    outcomes = {}
    for name, run in RUNNERS.items():
        for path in sorted(glob.glob(os.path.join(sys.argv[1], name, "*.json"))):
            with open(path, encoding="utf-8") as file:
                outcomes[f"{name}/{os.path.basename(path)[:-5]}"] = outcome(run, json.load(file)["given"])
    json.dump(outcomes, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
