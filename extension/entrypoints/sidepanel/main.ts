// The side panel (Chromium) or sidebar (Firefox).
import "../../no-eval.ts";
import { mount } from "../../ui/mount.tsx";

void mount({ standaloneOptions: false });
