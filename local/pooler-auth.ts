// How the pooler proves itself to Postgres: a password in clear (loopback), MD5, or SCRAM-SHA-256 (RFC 5802, RFC 7677).
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { formatMessage } from "./pooler-wire.ts";

const CLEARTEXT = 3;
const MD5 = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const NONCE_BYTES = 18;
const KEY_BYTES = 32;
/** Postgres' default is 4,096; a server that asks for vastly more is not ours. */
const ITERATIONS_MAX = 1_000_000;

/**
 * Answers one after another the authentication requests of a server.
 *
 * @returns a function from the body of an `R` message to the answer to send, or undefined once the server is content
 */
export function createAuthenticator(user: string, password: string): (body: Buffer) => Buffer | undefined {
  const nonce = randomBytes(NONCE_BYTES).toString("base64");
  const firstBare = `n=,r=${nonce}`;
  let serverSignature: Buffer | undefined;
  return (body) => {
    switch (body.readInt32BE(0)) {
      case 0:
        return undefined;
      case CLEARTEXT:
        return formatMessage("p", `${password}\0`);
      case MD5:
        return formatMessage(
          "p",
          `md5${md5(Buffer.concat([Buffer.from(md5(Buffer.from(password + user))), body.subarray(4, 8)]))}\0`,
        );
      case SASL:
        return formatFirst(body, firstBare);
      case SASL_CONTINUE: {
        const final = answerChallenge(body.subarray(4).toString(), { password, nonce, firstBare });
        serverSignature = final.serverSignature;
        return formatMessage("p", final.message);
      }
      case SASL_FINAL: {
        const given = Buffer.from(/^v=(.+)$/.exec(body.subarray(4).toString())?.[1] ?? "", "base64");
        if (!serverSignature || given.length !== serverSignature.length || !timingSafeEqual(given, serverSignature))
          throw new Error("the database could not prove that it knows the password");
        return undefined;
      }
      default:
        throw new Error("the database asks for a kind of authentication that the pooler does not speak");
    }
  };
}

function formatFirst(body: Buffer, firstBare: string): Buffer {
  if (!body.subarray(4).toString().split("\0").includes("SCRAM-SHA-256"))
    throw new Error("the database does not offer SCRAM-SHA-256");
  const first = Buffer.from(`n,,${firstBare}`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(first.length);
  return formatMessage("p", Buffer.concat([Buffer.from("SCRAM-SHA-256\0"), length, first]));
}

function answerChallenge(
  challenge: string,
  { password, nonce, firstBare }: { password: string; nonce: string; firstBare: string },
) {
  const [, combined, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? [];
  if (!combined?.startsWith(nonce) || !salt || !iterations || Number(iterations) > ITERATIONS_MAX)
    throw new Error("the database's challenge is malformed");
  const salted = pbkdf2Sync(
    password.normalize("NFKC"),
    Buffer.from(salt, "base64"),
    Number(iterations),
    KEY_BYTES,
    "sha256",
  );
  const withoutProof = `c=biws,r=${combined}`;
  const signed = `${firstBare},${challenge},${withoutProof}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), signed);
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number)));
  return {
    message: `${withoutProof},p=${proof.toString("base64")}`,
    serverSignature: hmac(hmac(salted, "Server Key"), signed),
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}
