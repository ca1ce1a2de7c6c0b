// "2 hashes, 1 address, text": what a report holds, in words.
import type { OutboxItem } from "../outbox/machine.ts";
import { t } from "./i18n.ts";

export function containsWords({ hashes, addresses, words }: OutboxItem["contains"]): string {
  return [
    hashes === 0
      ? t("contains.hashes_none")
      : hashes === 1
        ? t("contains.hashes_one")
        : t("contains.hashes", { count: hashes }),
    addresses === 1 ? t("contains.addresses_one") : t("contains.addresses", { count: addresses }),
    ...(words ? [t("contains.words")] : []),
  ].join(", ");
}
