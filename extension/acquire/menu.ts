// The entries of the browser's own menu: one for each kind of thing that can be flagged.
import { t } from "../ui/i18n.ts";
import { PICK_KINDS } from "./pick.ts";

type Menus = {
  removeAll(): Promise<void>;
  create(item: { id: string; title: string; contexts: ["image" | "video" | "link" | "page"] }): unknown;
};

/** Removed first: at an update the old entries are still there, and a second one of the same id is an error. */
export async function offerMenu(menus: Menus): Promise<void> {
  await menus.removeAll();
  for (const kind of PICK_KINDS) menus.create({ id: `flag-${kind}`, title: t(`menu.${kind}`), contexts: [kind] });
}
