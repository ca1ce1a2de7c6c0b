/** Bytes in a JSON file: text where they are UTF-8, base64 (padded) where they are not. */

import { type Bytes, utf8Of } from "../bytes.ts";

export type Spelled = { text: string } | { base64: string };

export function bytesOf(spelled: Spelled): Bytes {
  if ("text" in spelled) return utf8Of(spelled.text);
  return Uint8Array.from(atob(spelled.base64), (char) => char.charCodeAt(0));
}
