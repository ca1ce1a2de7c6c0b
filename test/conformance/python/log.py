"""The log's bytes, as docs/protocol.md describes them and from nothing else: key, checkpoint, tree, entries, proof."""
import re

from documents import KIB, SAFE, is_small, need, refuse, sha, unbase64, verifies

NOTE_MAX, TILE = 64 * KIB, 256


def open_vkey(text):
    name, key_id, material = (text.split("+", 2) + ["", ""])[:3]
    data = unbase64(material, "key_invalid")
    need(len(data) == 33 and data[0] == 1 and not is_small(data[1:]), "key_invalid")
    need(sha(name.encode() + b"\n" + data)[:4].hex() == key_id, "key_invalid")
    return name, bytes.fromhex(key_id), data[1:]


def open_checkpoint(data, origin, vkey):
    """Size and root, once the log's own signature holds."""
    need(len(data) <= NOTE_MAX, "cp_format")
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        refuse("cp_format", "not UTF-8")
    need(note.endswith("\n") and not any(c < " " and c != "\n" for c in note), "cp_format")
    cut = note.rfind("\n\n")
    need(cut >= 0, "cp_format", "no empty line")
    text, signed, lines = note[:cut + 1], False, note[cut + 2:-1].split("\n")
    need(1 <= len(lines) <= 100, "cp_format")
    body = text[:-1].split("\n")
    need(len(body) >= 3 and "" not in body, "cp_format", "lines")
    need(re.fullmatch(r"0|[1-9][0-9]{0,15}", body[1]), "cp_format", "size")
    size, root = int(body[1]), unbase64(body[2], "cp_format")
    need(size <= SAFE and len(root) == 32 and (size > 0 or root == sha(b"")), "cp_format")
    parsed = []
    for line in lines:
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1] and "+" not in parts[1], "cp_format", "signature line")
        parsed.append((parts[1], unbase64(parts[2], "cp_format")))
        need(len(parsed[-1][1]) > 4, "cp_format", "signature line")
    need(body[0] == origin, "cp_origin")
    for name, signature in parsed:
        if (name, signature[:4]) == vkey[:2]:
            need(len(signature) == 68 and verifies(vkey[2], signature[4:], text.encode()), "cp_sig")
            signed = True
    need(signed, "cp_sig")
    return size, root


def node(left, right):
    return sha(b"\x01" + left + right)


def append(frontier, leaf):
    """@frontier (leaves, hash) of each perfect subtree, largest first"""
    frontier.append((1, sha(b"\x00" + leaf)))
    while len(frontier) > 1 and frontier[-1][0] == frontier[-2][0]:
        (count, right), (_, left) = frontier.pop(), frontier.pop()
        frontier.append((2 * count, node(left, right)))


def root_of(frontier):
    if not frontier:
        return sha(b"")
    root = frontier[-1][1]
    for _, left in reversed(frontier[:-1]):
        root = node(left, root)
    return root


def tile_path(kind, index, width):
    digits = str(index).zfill(-(-len(str(index)) // 3) * 3)
    groups = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{path}" + ("" if width == TILE else f".p/{width}")


def split_bundle(data, count):
    entries, at = [], 0
    for _ in range(count):
        need(at + 2 <= len(data), "bundle_invalid", "short")
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        need(end <= len(data), "bundle_invalid", "short")
        entries.append(data[at + 2:end])
        at = end
    need(at == len(data), "bundle_invalid", "long")
    return entries


def check_proof(text, origin, vkey, entry, index):
    """A tlog-proof document: this entry is at this index of a tree that the log signed. @returns the tree's size"""
    head, empty, note = text.decode("utf-8").partition("\n\n")
    lines = head.split("\n")
    need(empty and lines.pop(0) == "c2sp.org/tlog-proof@v1", "proof_invalid")
    if lines and lines[0].startswith("extra "):
        need(unbase64(lines.pop(0)[6:], "proof_invalid") == entry, "not_logged")
    need(lines and lines.pop(0) == f"index {index}", "proof_invalid")
    path = [unbase64(line, "proof_invalid") for line in lines]
    need(all(len(one) == 32 for one in path) and len(path) <= 63, "proof_invalid")
    size, root = open_checkpoint(note.encode(), origin, vkey)
    need(index < size, "not_logged")
    at, last, found = index, size - 1, sha(b"\x00" + entry)
    for sibling in path:
        need(last > 0, "not_logged")
        if at % 2 == 1 or at == last:
            found = node(sibling, found)
            while at % 2 == 0 and at > 0:
                at, last = at // 2, last // 2
        else:
            found = node(found, sibling)
        at, last = at // 2, last // 2
    need(last == 0 and found == root, "not_logged")
    return size
