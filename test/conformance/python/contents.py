"""What a release holds, as docs/protocol.md describes it and from nothing else: manifest, segments, state, lists of recalls."""
import re
import zlib

from documents import KIB, Refused, digest_of, is_count, is_digest, need, parse, refuse, sha, write

MANIFEST_MAX, LINE_MAX, LINES_MAX, PLAIN_MAX, PACKED_MAX = 1024 * KIB, 16 * KIB, 16384, 8192 * KIB, 8256 * KIB
LIST_MAX, LIST_PLAIN_MAX, LIST_IDS_MAX = 2257 * KIB, KIB + 65536 * 35, 65536
ID = re.compile(r"[0-9a-f]{32}")


def check_manifest(data, statement, digests):
    manifest = parse(data)
    need(isinstance(manifest, dict) and manifest.get("v") == 1, "manifest_invalid")
    same = all(manifest.get(name) == statement[name] for name in ("publisher", "set", "release"))
    need(same, "manifest_mismatch")
    snapshot, rows = manifest.get("snapshot"), manifest.get("deltas")
    need(isinstance(snapshot, dict) and isinstance(rows, list) and len(rows) <= 64, "manifest_invalid")
    need(is_count(manifest.get("entries"), 0) and is_count(manifest.get("purge_by")), "manifest_invalid")
    need(all(is_count(snapshot.get(name), 0) for name in ("release", "entries", "bytes", "index_size")), "manifest_invalid")
    need(is_digest(snapshot.get("index")) and is_digest(snapshot.get("state")), "manifest_invalid")
    release = statement["release"]
    need(1 <= snapshot["release"] <= release and snapshot["index_size"] <= MANIFEST_MAX, "manifest_invalid")
    need(snapshot["release"] < release or snapshot["entries"] == manifest["entries"], "manifest_invalid")
    need(rows or snapshot["release"] == release, "manifest_invalid")
    numbers = [row["release"] for row in rows]
    need(numbers == list(range(release - len(rows) + 1, release + 1)), "manifest_invalid", "deltas")
    need(not rows or numbers[0] <= snapshot["release"] + 1, "manifest_invalid", "deltas")
    for row in rows:
        if row["release"] == release:
            need("statement" not in row, "manifest_invalid")
        else:
            known = digests.get(row["release"], row["statement"])
            need(row["statement"] == known, "manifest_mismatch", f"release {row['release']}")
    return manifest


def unzip(data, plain):
    need(data[:4] == b"\x1f\x8b\x08\x00", "segment_gzip")
    need(int.from_bytes(data[-4:], "little") == plain, "segment_size")
    member = zlib.decompressobj(31)
    try:
        text = member.decompress(data, plain + 1)
    except zlib.error:
        refuse("segment_gzip")
    need(len(text) == plain and member.eof and not member.unused_data and not member.unconsumed_tail, "segment_gzip")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        refuse("segment_line")


def read_lines(fetch, row, place):
    need(is_digest(row["segment"]) and 0 < row["size"] <= PACKED_MAX and 0 < row["plain"] <= PLAIN_MAX, "segment_size")
    text = unzip(fetch(row["segment"], row["size"]), row["plain"])
    need(text.endswith("\n"), "segment_line")
    first, *lines = text[:-1].split("\n")
    need(len(first) <= KIB, "segment_header")
    try:
        header = parse(first.encode())
    except Refused:
        refuse("segment_header")
    need(header.get("v") == 1 and re.fullmatch(r"[0-9a-f]{64}", header.get("salt", "")), "segment_header")
    at_most = place.pop("release_at_most", None)
    need(at_most is None or 1 <= header["release"] <= at_most, "segment_header")
    need(all(header.get(name) == value for name, value in place.items()), "segment_header")
    need(len(lines) <= LINES_MAX, "segment_size")
    need(all(line and len(line.encode()) <= LINE_MAX for line in lines), "segment_line")
    entries = [(parse(line.encode()), line) for line in lines]
    need(all(ID.fullmatch(str(entry.get("id"))) for entry, _ in entries), "entry_invalid")
    return entries


def read_snapshot(fetch, manifest):
    """id -> (line, earliest and latest release that may have put it), and what to say of it. @fetch (digest, size) -> bytes"""
    snapshot, held, last = manifest["snapshot"], {}, ""
    rows = parse(fetch(snapshot["index"], snapshot["index_size"]))
    need(sum(row["entries"] for row in rows) == snapshot["entries"], "index_invalid")
    need(sum(row["size"] for row in rows) == snapshot["bytes"], "index_invalid")
    starts = [row["from"] for row in rows]
    need(starts == sorted(set(starts)) and starts[:1] in ([], ["0" * 32]), "index_invalid")
    place = {"kind": "snapshot", "publisher": manifest["publisher"], "set": manifest["set"]}
    for row, end in zip(rows, [*starts[1:], "g"]):
        entries = read_lines(fetch, row, {**place, "release_at_most": snapshot["release"]})
        need(len(entries) == row["entries"], "state_count")
        for entry, line in entries:
            need(last < entry["id"] and row["from"] <= entry["id"] < end, "segment_order")
            last = entry["id"]
            held[last] = (line, 1, snapshot["release"])
    need(len(held) == snapshot["entries"], "state_count")
    need(state_of(held) == snapshot["state"], "state_digest")
    return held, f"of release {snapshot['release']}, {len(held)} entries in {len(rows)} segments, state as signed"


def apply_deltas(fetch, manifest, held):
    puts = dels = 0
    for row in manifest["deltas"]:
        last = ""
        for segment in row["segments"]:
            place = {"kind": "delta", "publisher": manifest["publisher"], "set": manifest["set"], "release": row["release"]}
            for change, _ in read_lines(fetch, segment, place):
                need(last < change["id"], "segment_order")
                last, op = change["id"], change.pop("op", None)
                need(op in ("put", "del"), "delta_invalid")
                if row["release"] <= manifest["snapshot"]["release"]:
                    continue  # the snapshot has it already
                if op == "put":
                    held[last], puts = (write(change), row["release"], row["release"]), puts + 1
                else:
                    dels += held.pop(last, None) is not None
    need(len(held) == manifest["entries"], "state_count")
    return f"{len(manifest['deltas'])} listed, {puts} put and {dels} deleted after the snapshot"


def state_of(held):
    buckets = [[] for _ in range(256)]
    for name in sorted(held):
        buckets[int(name[:2], 16)].append(held[name][0] + "\n")
    return digest_of(b"".join(sha("".join(bucket).encode()) for bucket in buckets))


# -- Recalls

def check_recall(value, set_name):
    need(value.get("set") == set_name, "recall_invalid", "set")
    need(all(is_count(value.get(name)) for name in ("exp", "iat", "recall", "root")), "recall_invalid")
    need(sum(name in value for name in ("entries", "list", "releases")) == 1, "recall_invalid")
    need(0 < value["exp"] - value["iat"] <= 72 * 3600, "recall_lifetime")
    if "entries" in value:
        ids = value["entries"]
        need(isinstance(ids, list) and 1 <= len(ids) <= 256 and ids == sorted(set(ids)), "recall_invalid", "entries")
        need(all(ID.fullmatch(one) for one in ids), "recall_invalid", "entries")
    elif "releases" in value:
        need(len(value["releases"]) == 2 and all(is_count(one) for one in value["releases"]), "recall_invalid")
        need(value["releases"][0] <= value["releases"][1], "recall_invalid")
    else:
        need(is_digest(value["list"]) and is_count(value.get("list_size")), "recall_invalid")
        need(is_count(value.get("list_plain")), "recall_invalid")


def read_list(fetch, value):
    need(value["list_size"] <= LIST_MAX and value["list_plain"] <= LIST_PLAIN_MAX, "recall_list")
    text = unzip(fetch(value["list"], value["list_size"]), value["list_plain"])
    need(text.endswith("\n"), "recall_list")
    first, *lines = text[:-1].split("\n")
    header = parse(first.encode())
    need(header.get("v") == 1 and header.get("kind") == "recall", "recall_list")
    need(all(header.get(name) == value[name] for name in ("publisher", "recall", "set")), "recall_list")
    need(all(re.fullmatch(r'"[0-9a-f]{32}"', line) for line in lines), "recall_list")
    ids = [line[1:-1] for line in lines]
    need(1 <= len(ids) <= LIST_IDS_MAX and ids == sorted(set(ids)), "recall_list")
    return ids


def covered(value, held, fetch):
    """The entries on which hits ask for review while the recall is in force; in doubt an entry is one of them."""
    if "releases" in value:
        begin, end = value["releases"]
        return {name for name, (_, earliest, latest) in held.items() if earliest <= end and latest >= begin}
    ids = value["entries"] if "entries" in value else read_list(fetch, value)
    return {name for name in ids if name in held}
