// The part of PostgreSQL's frontend/backend protocol 3 that a session pooler needs: where messages begin and end, and the few it reads or writes.
// https://www.postgresql.org/docs/18/protocol-message-formats.html

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
/** A startup packet holds a user, a database and a few settings; Postgres itself stops at this size. */
const STARTUP_MAX_BYTES = 10_000;
const HEADER_BYTES = 5;

export type Opening =
  | { kind: "encryption" }
  | { kind: "cancel"; packet: Buffer }
  | { kind: "startup"; packet: Buffer; rest: Buffer };

/** The first packet of a connection, once it is whole; undefined while bytes are missing. */
export function parseOpening(bytes: Buffer): Opening | undefined {
  if (bytes.length < 8) return undefined;
  const length = bytes.readInt32BE(0);
  if (length < 8 || length > STARTUP_MAX_BYTES) throw new Error("not a startup packet");
  if (bytes.length < length) return undefined;
  const code = bytes.readInt32BE(4);
  if (code === SSL_REQUEST || code === GSS_REQUEST) return { kind: "encryption" };
  const packet = Buffer.from(bytes.subarray(0, length));
  if (code === CANCEL_REQUEST) return { kind: "cancel", packet };
  if (code >> 16 !== 3) throw new Error("another protocol");
  return { kind: "startup", packet, rest: bytes.subarray(length) };
}

/** The settings in a startup packet. */
export function startupSettings(packet: Buffer): Record<string, string> {
  const words = packet.subarray(8).toString().split("\0");
  const settings: Record<string, string> = {};
  for (let at = 0; at + 1 < words.length && words[at]; at += 2) settings[words[at] as string] = words[at + 1] as string;
  return settings;
}

export type Message = { type: string; body: Buffer };

/** Cuts a stream into whole messages; for the handshake, where all are small. */
export function createReader(): (chunk: Buffer) => Message[] {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    const messages: Message[] = [];
    while (held.length >= HEADER_BYTES) {
      const end = 1 + held.readInt32BE(1);
      if (held.length < end) break;
      messages.push({
        type: String.fromCharCode(held[0] as number),
        body: Buffer.from(held.subarray(HEADER_BYTES, end)),
      });
      held = held.subarray(end);
    }
    return messages;
  };
}

/**
 * Watches a stream go by without copying it: calls `onMessage` with each message's type and the first byte of its body (0 if it has none).
 * A message may be a gigabyte of COPY; nothing of it is kept.
 */
export function createWatcher(onMessage: (type: string, first: number) => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(HEADER_BYTES);
  let got = 0;
  let left = 0;
  let wantsFirst = false;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (got < HEADER_BYTES) {
        const taken = chunk.copy(header, got, at, Math.min(chunk.length, at + HEADER_BYTES - got));
        got += taken;
        at += taken;
        if (got < HEADER_BYTES) return;
        left = header.readInt32BE(1) - 4;
        wantsFirst = left > 0;
      }
      if (wantsFirst) {
        if (at >= chunk.length) return;
        onMessage(String.fromCharCode(header[0] as number), chunk[at] as number);
        wantsFirst = false;
      } else if (left === 0) {
        onMessage(String.fromCharCode(header[0] as number), 0);
      }
      const skipped = Math.min(left, chunk.length - at);
      left -= skipped;
      at += skipped;
      if (left === 0) got = 0;
    }
  };
}

export function formatMessage(type: string, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const message = Buffer.alloc(HEADER_BYTES + bytes.length);
  message.write(type, 0, "latin1");
  message.writeInt32BE(4 + bytes.length, 1);
  bytes.copy(message, HEADER_BYTES);
  return message;
}

export function formatError(sqlstate: string, message: string): Buffer {
  return formatMessage("E", `SFATAL\0VFATAL\0C${sqlstate}\0M${message}\0\0`);
}

export function formatQuery(text: string): Buffer {
  return formatMessage("Q", `${text}\0`);
}

/** @param id - body of the server's BackendKeyData, one character a byte */
export function formatCancel(id: string): Buffer {
  const key = Buffer.from(id, "latin1");
  const packet = Buffer.alloc(8);
  packet.writeInt32BE(8 + key.length, 0);
  packet.writeInt32BE(CANCEL_REQUEST, 4);
  return Buffer.concat([packet, key]);
}

export const AUTHENTICATION_OK: Buffer = formatMessage("R", Buffer.from([0, 0, 0, 0]));
export const ASK_PASSWORD: Buffer = formatMessage("R", Buffer.from([0, 0, 0, 3]));
export const READY_IDLE: Buffer = formatMessage("Z", "I");
