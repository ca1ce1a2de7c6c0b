// The options page, in a tab of its own.
import "../../no-eval.ts";
import { mount } from "../../ui/mount.tsx";

void mount({ standaloneOptions: true });
