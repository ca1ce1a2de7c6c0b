"""Canonical JSON, envelopes and roots, as docs/protocol.md describes them and from nothing else. See verify.py."""
import base64
import binascii
import hashlib
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KIB, DAY, SAFE = 1024, 86400, 2**53 - 1
ENVELOPE_MAX = 16 * KIB


class Refused(Exception):
    """What came is not what it claims to be; the code is the protocol's."""


def refuse(code, detail=""):
    raise Refused(code, detail)


def need(true, code, detail=""):
    if not true:
        refuse(code, detail)


# -- Names, encodings, canonical JSON

def sha(data):
    return hashlib.sha256(data).digest()


def digest_of(data):
    return "sha256:" + sha(data).hex()


def unbase64url(text, code):
    need(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text) and len(text) % 4 != 1, code)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(data).decode().rstrip("=") == text, code)
    return data


def unbase64(text, code):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        refuse(code)
    need(base64.b64encode(data).decode() == text, code)
    return data


def write(value, depth=32):
    need(depth >= 0, "jcs_invalid")
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        need(-SAFE <= value <= SAFE, "jcs_invalid")
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(write(item, depth - 1) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(write(name) + ":" + write(value[name], depth - 1) for name in names) + "}"


def no_number(text):
    refuse("jcs_invalid", text)


def parse(data):
    """The value of canonical bytes; any other spelling is refused."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=no_number, parse_constant=no_number)
        same = write(value).encode("utf-8") == data
    except (ValueError, RecursionError):
        refuse("jcs_invalid")
    need(same, "jcs_invalid")
    return value


# -- Ed25519, keys, the envelope

P = 2**255 - 19
SMALL = [int.from_bytes(bytes.fromhex(point), "little") for point in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]


def is_small(point):
    y = int.from_bytes(point, "little") & (2**255 - 1)
    return y >= P or y in SMALL


def verifies(key, signature, message):
    if is_small(key) or is_small(signature[:32]):  # before the library is asked: libraries differ on these
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


def kid_of(jwk):
    return base64.urlsafe_b64encode(sha(write(jwk).encode())).decode().rstrip("=")


def raw_key(jwk, kid):
    need(isinstance(jwk, dict) and set(jwk) == {"crv", "kty", "x"}, "root_invalid", "keys")
    need(jwk["crv"] == "Ed25519" and jwk["kty"] == "OKP", "key_invalid")
    key = unbase64url(jwk["x"], "key_invalid")
    need(len(key) == 32 and not is_small(key), "key_invalid")
    need(kid_of(jwk) == kid, "root_invalid", "keys")
    return key


def parse_envelope(data):
    """typ, payload bytes and (kid, signature, signed bytes) of each signature. Nothing is believed yet."""
    need(len(data) <= ENVELOPE_MAX, "envelope_too_large")
    try:
        envelope = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        refuse("envelope_format")
    need(isinstance(envelope, dict) and set(envelope) == {"payload", "signatures"}, "envelope_format")
    rows = envelope["signatures"]
    need(isinstance(rows, list) and 1 <= len(rows) <= 16, "envelope_format")
    need(all(isinstance(row, dict) and set(row) == {"protected", "signature"} for row in rows), "envelope_format")
    parse(data)
    payload, signatures, typs = unbase64url(envelope["payload"], "envelope_format"), [], set()
    for row in rows:
        signature = unbase64url(row["signature"], "envelope_format")
        need(len(signature) == 64, "envelope_format")
        try:
            header = parse(unbase64url(row["protected"], "envelope_header"))
        except Refused:
            refuse("envelope_header")
        need(isinstance(header, dict) and set(header) == {"alg", "kid", "typ"}, "envelope_header")
        need(header["alg"] == "Ed25519" and isinstance(header["kid"], str), "envelope_header")
        typs.add(str(header["typ"]))
        signatures.append((header["kid"], signature, (row["protected"] + "." + envelope["payload"]).encode()))
    kids = [kid for kid, _, _ in signatures]
    need(kids == sorted(set(kids)), "envelope_format")
    need(len(typs) == 1, "envelope_typ")
    return typs.pop(), payload, signatures


def open_envelope(data, typ, keys, threshold, skip_unknown=False):
    """The payload's value and digest, once every signature holds. @keys kid -> 32 bytes"""
    found, payload, signatures = parse_envelope(data)
    need(found == typ, "envelope_typ")
    if skip_unknown:
        signatures = [one for one in signatures if one[0] in keys]
    need(all(kid in keys for kid, _, _ in signatures), "envelope_kid_unknown")
    need(all(verifies(keys[kid], signature, signed) for kid, signature, signed in signatures), "signature_invalid")
    need(len(signatures) >= threshold, "signature_threshold")
    return parse(payload), digest_of(payload), [kid for kid, _, _ in signatures]


def is_count(value, least=1):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= SAFE


def is_digest(value):
    return isinstance(value, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", value) is not None


# -- Roots

class Root:
    """A root whose form holds; open_root says whether to believe it."""

    def __init__(self, value):
        fields = ("exp", "iat", "keys", "logs", "prev", "publisher", "roles", "version")
        need(isinstance(value, dict) and all(name in value for name in fields), "root_invalid")
        self.__dict__.update({name: value[name] for name in fields})
        need(is_count(self.version) and (self.version == 1) == (self.prev is None), "root_invalid", "prev")
        need(self.prev is None or is_digest(self.prev), "root_invalid", "prev")
        need(is_count(self.iat) and is_count(self.exp) and 0 < self.exp - self.iat <= 775 * DAY, "root_invalid", "exp")
        need(isinstance(self.logs, list) and len(self.logs) == 1, "root_invalid", "logs")
        keys = {kid: raw_key(jwk, kid) for kid, jwk in self.keys.items()}
        self.role = {}
        for name in ("release", "root"):
            kids, threshold = self.roles[name]["kids"], self.roles[name]["threshold"]
            need(kids == sorted(set(kids)) and is_count(threshold) and threshold <= len(kids) <= 16, "root_invalid")
            need(all(kid in keys for kid in kids), "root_invalid", "keys")
            self.role[name] = ({kid: keys[kid] for kid in kids}, threshold)
        listed = sorted([*self.role["release"][0], *self.role["root"][0]])
        need(listed == sorted(keys), "root_invalid", "keys")  # also no key in two roles


def open_root(data, previous=None, pin=None):
    """By its own root keys and a pin (version, digest), or by its own and the version's before."""
    _, payload, _ = parse_envelope(data)
    root = Root(parse(payload))
    judges = [root] if previous is None else [previous, root]
    keys = {kid: key for judge in judges for kid, key in judge.role["root"][0].items()}
    follows = root.version == (0 if previous is None else previous.version) + 1
    _, root.digest, kids = open_envelope(data, "bw-root+jws", keys, 1, skip_unknown=not follows)
    for judge in judges:
        own, threshold = judge.role["root"]
        need(len([kid for kid in kids if kid in own]) >= threshold, "signature_threshold")
    if pin is not None:
        need((root.version, root.digest) == pin, "root_pin")
    if previous is not None:
        need(root.publisher == previous.publisher, "root_chain", "publisher")
        need(root.version >= previous.version, "root_rollback")
        need(root.version != previous.version or root.digest == previous.digest, "root_fork")
        need(root.version <= previous.version + 1, "root_gap")
        need(root.version == previous.version or root.prev == previous.digest, "root_chain")
    return root
