// The options page, in a tab of its own.
import { mount } from "../../ui/mount.tsx";

void mount({ standaloneOptions: true });
